#include "firmware/engine/facts.h"

#include <assert.h>
#include <string.h>

#include "hal/base/bytes.h"

/* Widths of the fields in bits, in the order of facts.h. */
enum {
    COUNTER_BITS = 20,
    LAST_DAY_BITS = 15,
    VISITS_BITS = 12,
    INTERVAL_BITS = 11,
    BASKET_BITS = 22,
    SPEND_BITS = 27,
    EARNED_BITS = 23,
    CARRY_BITS = 28,
    ROLL_BITS = 8,
};
_Static_assert(COUNTER_BITS + LAST_DAY_BITS + VISITS_BITS + INTERVAL_BITS + BASKET_BITS +
                       SPEND_BITS + EARNED_BITS + CARRY_BITS + ROLL_BITS + MARKS_YEAR +
                       MARKS_EVER ==
                   8 * FACTS_BYTES,
               "the fields fill the bytes");
_Static_assert(MARKS_YEAR + MARKS_EVER == SNAPSHOT_OFFER_MAX, "a sale can name every mark");

enum {
    MINUTES_OF_A_DAY = 1440,
    QUARTERS_OF_A_DAY = 4,
    THOUSAND = 1000,
    MEAN_OF_MAX = 16, /* a mean follows the last visits: 1/16 of the difference at least */
};

static int64_t saturated(int64_t value, unsigned bits)
{
    int64_t max = (INT64_C(1) << bits) - 1;
    if (value < 0) {
        return 0;
    }
    return value < max ? value : max;
}

/* --- bytes --------------------------------------------------------------------------------- */

bool facts_are_valid(const struct facts *facts)
{
    return facts->counter >= 1 && facts->counter < 1U << COUNTER_BITS &&
           facts->last_day < 1U << LAST_DAY_BITS && facts->visits < 1U << VISITS_BITS &&
           facts->interval < 1U << INTERVAL_BITS && facts->basket < 1U << BASKET_BITS &&
           facts->spend < 1U << SPEND_BITS && facts->earned < 1U << EARNED_BITS &&
           facts->carry < 1U << CARRY_BITS && facts->marks_year < 1U << MARKS_YEAR &&
           facts->marks_ever < 1U << MARKS_EVER;
}

void facts_encode(const struct facts *facts, uint8_t ret_bytes[FACTS_BYTES])
{
    assert(facts_are_valid(facts));

    struct bits bits = {.bytes = ret_bytes, .size_bits = 8 * FACTS_BYTES, .at = 0};
    bits_put(&bits, COUNTER_BITS, facts->counter);
    bits_put(&bits, LAST_DAY_BITS, facts->last_day);
    bits_put(&bits, VISITS_BITS, facts->visits);
    bits_put(&bits, INTERVAL_BITS, facts->interval);
    bits_put(&bits, BASKET_BITS, facts->basket);
    bits_put(&bits, SPEND_BITS, facts->spend);
    bits_put(&bits, EARNED_BITS, facts->earned);
    bits_put(&bits, CARRY_BITS, facts->carry);
    bits_put(&bits, ROLL_BITS, facts->roll);
    bits_put(&bits, MARKS_YEAR, facts->marks_year);
    bits_put(&bits, MARKS_EVER, facts->marks_ever);

    assert(bits.at == bits.size_bits);
}

enum st facts_decode(const uint8_t bytes[FACTS_BYTES], struct facts *ret)
{
    uint8_t copy[FACTS_BYTES];
    memcpy(copy, bytes, sizeof copy);
    struct bits bits = {.bytes = copy, .size_bits = 8 * sizeof copy, .at = 0};

    struct facts facts;
    memset(&facts, 0, sizeof facts);
    facts.counter = (uint32_t)bits_get(&bits, COUNTER_BITS);
    if (facts.counter == 0) {
        return ST_FOREIGN;
    }
    facts.last_day = (uint16_t)bits_get(&bits, LAST_DAY_BITS);
    facts.visits = (uint16_t)bits_get(&bits, VISITS_BITS);
    facts.interval = (uint16_t)bits_get(&bits, INTERVAL_BITS);
    facts.basket = (uint32_t)bits_get(&bits, BASKET_BITS);
    facts.spend = (uint32_t)bits_get(&bits, SPEND_BITS);
    facts.earned = (uint32_t)bits_get(&bits, EARNED_BITS);
    facts.carry = (uint32_t)bits_get(&bits, CARRY_BITS);
    facts.roll = (uint8_t)bits_get(&bits, ROLL_BITS);
    facts.marks_year = (uint16_t)bits_get(&bits, MARKS_YEAR);
    facts.marks_ever = (uint16_t)bits_get(&bits, MARKS_EVER);
    *ret = facts;
    return ST_OK;
}

bool facts_are_equal(const struct facts *a, const struct facts *b)
{
    uint8_t bytes_a[FACTS_BYTES];
    uint8_t bytes_b[FACTS_BYTES];
    facts_encode(a, bytes_a);
    facts_encode(b, bytes_b);
    return memcmp(bytes_a, bytes_b, sizeof bytes_a) == 0;
}

/* --- days and periods ---------------------------------------------------------------------- */

uint16_t facts_day(const struct facts_rules *rules, uint32_t minute)
{
    int64_t local = (int64_t)minute + rules->utc_offset_minutes;
    if (minute == 0 || local < 0) {
        return 0;
    }
    return (uint16_t)saturated(1 + local / MINUTES_OF_A_DAY, LAST_DAY_BITS);
}

static int32_t period_of(enum period period, uint16_t day)
{
    assert(day >= 1);
    return calendar_period(period, (int32_t)day - 1);
}

uint8_t facts_roll(const struct facts_rules *rules, uint16_t day)
{
    if (rules->expiry == PERIOD_NONE || day == 0) {
        return 0;
    }
    return (uint8_t)saturated(period_of(rules->expiry, day), ROLL_BITS);
}

static enum period tiers_period(const struct facts_rules *rules)
{
    return rules->tiers == PERIOD_NONE ? PERIOD_YEAR : rules->tiers;
}

bool facts_same_period(const struct facts_rules *rules, uint16_t day_a, uint16_t day_b)
{
    return period_of(tiers_period(rules), day_a) == period_of(tiers_period(rules), day_b);
}

static bool is_later_period(enum period period, uint16_t day, uint16_t than)
{
    return period_of(period, day) > period_of(period, than);
}

bool facts_mark_is_set(const struct facts *facts, uint8_t mark, uint16_t day)
{
    if (mark == 0 || mark > MARKS_YEAR + MARKS_EVER) {
        return false;
    }
    if (mark > MARKS_YEAR) {
        return (facts->marks_ever >> (mark - MARKS_YEAR - 1) & 1) != 0;
    }
    if (day != 0 && facts->last_day != 0 && is_later_period(PERIOD_YEAR, day, facts->last_day)) {
        return false;
    }
    return (facts->marks_year >> (mark - 1) & 1) != 0;
}

/* --- the fold ------------------------------------------------------------------------------ */

/* Step 1: a later expiry period has begun, and all that is on the card is from before it. */
static void fold_roll(const struct facts_rules *rules, const struct snapshot *before, uint16_t day,
                      struct facts *facts)
{
    uint8_t roll = facts_roll(rules, day);
    if (roll > facts->roll) {
        facts->carry = (uint32_t)before->points.n;
        facts->roll = roll;
    }
}

static void fold_mark(uint8_t offer, struct facts *facts)
{
    if (offer >= 1 && offer <= MARKS_YEAR) {
        facts->marks_year = (uint16_t)(facts->marks_year | 1U << (offer - 1));
    } else if (offer > MARKS_YEAR) {
        facts->marks_ever = (uint16_t)(facts->marks_ever | 1U << (offer - MARKS_YEAR - 1));
    }
}

/* Step 4: visits and the two means. C divides towards zero, as docs/programme.md has it. */
static void fold_visit(uint16_t day, int64_t net_thousands, struct facts *facts)
{
    bool is_new_visit = day == 0 || facts->last_day == 0 || day > facts->last_day;
    if (is_new_visit) {
        facts->visits = (uint16_t)saturated(facts->visits + 1, VISITS_BITS);
    }
    int64_t k = facts->visits < MEAN_OF_MAX ? facts->visits : MEAN_OF_MAX;

    if (is_new_visit && day != 0 && facts->last_day != 0) {
        int64_t x = INT64_C(4) * (day - facts->last_day);
        int64_t mean = facts->interval;
        mean = k <= 2 ? x : mean + (x - mean) / (k - 1);
        facts->interval = (uint16_t)saturated(mean, INTERVAL_BITS);
    }
    int64_t mean = facts->basket;
    mean += (net_thousands - mean) / (k < 1 ? 1 : k);
    facts->basket = (uint32_t)saturated(mean, BASKET_BITS);
    if (day > facts->last_day) {
        facts->last_day = day;
    }
}

static uint32_t carry_at_most(int64_t carry, struct points points)
{
    carry = carry < points.n ? carry : points.n;
    return (uint32_t)saturated(carry, CARRY_BITS);
}

static void fold_sale(const struct facts_rules *rules, const struct snapshot *before,
                      const struct snapshot *after, uint16_t day, struct facts *facts)
{
    int64_t net_thousands = after->last.amount.rials / THOUSAND;
    int64_t award = after->points.n - before->points.n + after->last.redeemed.n;

    if (day != 0 && facts->last_day != 0) {
        if (is_later_period(PERIOD_YEAR, day, facts->last_day)) {
            facts->marks_year = 0;
        }
        if (is_later_period(tiers_period(rules), day, facts->last_day)) {
            facts->spend = 0;
            facts->earned = 0;
        }
    }
    fold_mark(after->last.offer, facts);
    fold_visit(day, net_thousands, facts);
    facts->spend = (uint32_t)saturated(facts->spend + net_thousands, SPEND_BITS);
    facts->earned = (uint32_t)saturated(facts->earned + saturated(award, CARRY_BITS), EARNED_BITS);
    facts->carry = carry_at_most((int64_t)facts->carry - after->last.redeemed.n, after->points);
}

static void fold_refund(const struct facts_rules *rules, const struct snapshot *before,
                        const struct snapshot *after, uint16_t day, struct facts *facts)
{
    int64_t taken = before->points.n - after->points.n + after->last.redeemed.n;

    if (day != 0 && facts->last_day != 0 && facts_same_period(rules, day, facts->last_day)) {
        facts->spend = (uint32_t)saturated(
            (int64_t)facts->spend - after->last.amount.rials / THOUSAND, SPEND_BITS);
        facts->earned =
            (uint32_t)saturated((int64_t)facts->earned - saturated(taken, CARRY_BITS), EARNED_BITS);
    }
    facts->carry = carry_at_most(facts->carry, after->points);
}

/* The club's actions may give a mark back. Points that they take are the oldest. */
static void fold_action(const struct snapshot *after, struct facts *facts)
{
    uint8_t offer = after->last.offer;
    if (offer >= 1 && offer <= MARKS_YEAR) {
        facts->marks_year = (uint16_t)(facts->marks_year & ~(1U << (offer - 1)));
    } else if (offer > MARKS_YEAR) {
        facts->marks_ever = (uint16_t)(facts->marks_ever & ~(1U << (offer - MARKS_YEAR - 1)));
    }
    facts->carry = carry_at_most((int64_t)facts->carry - after->last.redeemed.n, after->points);
}

static void fold_expire(const struct facts_rules *rules, const struct snapshot *after, uint16_t day,
                        struct facts *facts)
{
    facts->carry = carry_at_most(after->points.n, after->points);
    if (rules->expiry != PERIOD_NONE && day != 0) {
        facts->roll = facts_roll(rules, day);
    }
}

static void fold_known(const struct facts_rules *rules, const struct snapshot *before,
                       const struct snapshot *after, struct facts *facts)
{
    uint16_t day = facts_day(rules, after->last.minute);

    if (after->last.kind == TRANSACTION_EXPIRE) {
        fold_expire(rules, after, day, facts);
    } else {
        fold_roll(rules, before, day, facts);
        if (after->last.kind == TRANSACTION_SALE) {
            fold_sale(rules, before, after, day, facts);
        } else if (after->last.kind == TRANSACTION_REFUND) {
            fold_refund(rules, before, after, day, facts);
        } else if (after->last.kind == TRANSACTION_ACTION) {
            fold_action(after, facts);
        } else {
            facts->carry = carry_at_most(facts->carry, after->points);
        }
    }
    facts->counter = after->counter;
}

void facts_fold(const struct facts_rules *rules, const struct snapshot *before,
                const struct snapshot *after, struct facts *facts)
{
    if (before == NULL && after->last.kind == TRANSACTION_DUPLICATE) {
        assert(facts->counter == after->counter);
        facts->carry = carry_at_most(facts->carry, after->points);
        return;
    }
    if (before == NULL) {
        memset(facts, 0, sizeof *facts);
        facts->roll = facts_roll(rules, facts_day(rules, after->last.minute));
        facts->counter = after->counter;
        return;
    }
    assert(facts->counter == before->counter && after->counter == before->counter + 1);
    fold_known(rules, before, after, facts);
}

void facts_restart(const struct facts_rules *rules, const struct snapshot *before,
                   const struct snapshot *after, struct facts *ret)
{
    const bool is_first = before == NULL;
    if (is_first && after->last.kind != TRANSACTION_DUPLICATE) {
        facts_fold(rules, NULL, after, ret);
        return;
    }
    assert(is_first || after->counter == before->counter + 1);
    memset(ret, 0, sizeof *ret);
    ret->carry = (uint32_t)(is_first ? after : before)->points.n;
    ret->roll = facts_roll(rules, facts_day(rules, after->last.minute));
    ret->counter = after->counter;
    if (!is_first) {
        fold_known(rules, before, after, ret);
    }
    ret->marks_year = (1U << MARKS_YEAR) - 1;
    ret->marks_ever = (1U << MARKS_EVER) - 1;
}

enum st facts_catch_up(const struct facts_rules *rules, const struct snapshot *history,
                       size_t history_count, struct facts *facts)
{
    if (history_count == 0 || facts->counter > history[0].counter) {
        return ST_AGAIN;
    }
    uint32_t behind = history[0].counter - facts->counter;
    if (behind >= history_count) {
        return ST_AGAIN;
    }
    for (uint32_t i = 0; i < behind; i += 1) {
        if (history[i + 1].counter != history[i].counter - 1) {
            return ST_AGAIN;
        }
    }
    for (uint32_t i = behind; i > 0; i -= 1) {
        facts_fold(rules, &history[i], &history[i - 1], facts);
    }
    return ST_OK;
}

enum st facts_from_birth(const struct facts_rules *rules, const struct snapshot *history,
                         size_t history_count, struct facts *ret)
{
    const size_t first = history_count - 1;
    if (history_count == 0 || history[first].counter != 1 || history[0].counter != history_count ||
        history[first].last.kind == TRANSACTION_DUPLICATE) {
        return ST_AGAIN;
    }
    struct facts facts;
    facts_fold(rules, NULL, &history[first], &facts);
    const enum st st = facts_catch_up(rules, history, history_count, &facts);
    if (st == ST_OK) {
        *ret = facts;
    }
    return st;
}
