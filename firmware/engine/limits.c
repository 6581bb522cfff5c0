#include "firmware/engine/limits.h"

#include <assert.h>
#include <string.h>

#include "firmware/engine/calendar.h"

static void put(struct limit_use *use, enum limit_what what, int64_t rials, int64_t count)
{
    use->n[what][LIMIT_RIALS] = rials;
    use->n[what][LIMIT_COUNT] = count;
}

void limits_use_parts(enum transaction_kind kind, const struct breakdown *parts,
                      const struct peer *peer, struct limit_use *ret)
{
    const int64_t small = parts->gift.rials + parts->voucher.rials;
    const int64_t on = parts->load.rials + small;
    *ret = (struct limit_use){0};
    switch (kind) {
    case TRANSACTION_ACTIVATE:
        put(ret, LIMIT_ISSUE, on, 1);
        put(ret, LIMIT_LOAD, on, on > 0);
        break;
    case TRANSACTION_LOAD:
        put(ret, LIMIT_LOAD, on, 1);
        break;
    case TRANSACTION_DUPLICATE:
        /* The new card. What left the old one under this or another terminal's eyes is not new. */
        if (peer != NULL && peer->direction == PEER_IN) {
            put(ret, LIMIT_ISSUE, peer->sequence == 0 ? on : 0, 1);
        }
        break;
    case TRANSACTION_SALE: {
        const int64_t spent = parts->payment.rials + parts->redeemed_value.rials + small;
        put(ret, LIMIT_SPEND, spent, spent > 0);
        put(ret, LIMIT_EARN, parts->load.rials, parts->award.n);
        break;
    }
    case TRANSACTION_REFUND:
    case TRANSACTION_UNLOAD:
        put(ret, LIMIT_REFUND, parts->amount.rials, 1);
        break;
    case TRANSACTION_ACTION: /* the club's own doing */
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
    case TRANSACTION_TRANSFER: /* from one card to another: nothing comes or goes */
    case TRANSACTION_EXPIRE:
    case TRANSACTION_ADJUST:
        break;
    }
}

void limits_use(const struct entry *entry, struct limit_use *ret)
{
    *ret = (struct limit_use){0};
    switch (entry->kind) {
    case ENTRY_INTENT:
        limits_use_parts(entry->intent.after.last.kind, &entry->intent.parts,
                         &entry->intent.occasion.peer, ret);
        break;
    case ENTRY_ACCRUAL:
        if (entry->accrual.refers_sequence != 0) {
            put(ret, LIMIT_REFUND, entry->accrual.amount.rials, 1);
        } else {
            put(ret, LIMIT_EARN, entry->accrual.cashback.rials, entry->accrual.award.n);
        }
        break;
    case ENTRY_BON: /* giving one back makes no room */
        put(ret, LIMIT_SPEND, entry->bon.is_back ? 0 : entry->bon.bon.amount.rials,
            entry->bon.is_back ? 0 : 1);
        break;
    case ENTRY_OUTCOME:
    case ENTRY_SIGHTING:
    case ENTRY_START:
    case ENTRY_LINK:
    case ENTRY_MEMBER:
    case ENTRY_REPORT:
    case ENTRY_RELEASE:
    case ENTRY_OPERATOR:
    case ENTRY_REFUSED:
        break;
    }
}

uint64_t limits_card(const struct entry *entry)
{
    return entry->kind == ENTRY_INTENT    ? entry->intent.card_number
           : entry->kind == ENTRY_ACCRUAL ? entry->accrual.number
                                          : 0;
}

bool limits_uses_any(const struct limit_use *use)
{
    bool any = false;
    for (int what = 0; what < LIMIT_WHATS; what += 1) {
        any |= use->n[what][LIMIT_RIALS] != 0 || use->n[what][LIMIT_COUNT] != 0;
    }
    return any;
}

void limits_add(struct limit_use *sum, const struct limit_use *more, int sign)
{
    for (int what = 0; what < LIMIT_WHATS; what += 1) {
        for (int unit = 0; unit < LIMIT_UNITS; unit += 1) {
            sum->n[what][unit] += sign * more->n[what][unit];
        }
    }
}

/* --- the ring --------------------------------------------------------------------------------- */

/* How much lower (a to b) the purses are, each for itself; what rose does not make up for it. */
static int64_t lower(const struct snapshot *a, const struct snapshot *b)
{
    int64_t sum = 0;
    for (int purse = 0; purse < PURSES; purse += 1) {
        const int64_t less = a->purse[purse].rials - b->purse[purse].rials;
        sum += less > 0 ? less : 0;
    }
    return sum;
}

static int64_t positive(int64_t n)
{
    return n > 0 ? n : 0;
}

/* The parts that count, from two neighbours. */
static void parts_of_ring(const struct snapshot *before, const struct snapshot *after,
                          struct money point_value, struct breakdown *ret)
{
    const bool is_sale = after->last.kind == TRANSACTION_SALE;
    *ret = (struct breakdown){.amount = after->last.amount};
    ret->load.rials = lower(after, before);
    if (is_sale) {
        ret->payment.rials = lower(before, after);
        ret->redeemed_value.rials = after->last.redeemed.n * point_value.rials;
        ret->award.n = positive(after->points.n - before->points.n + after->last.redeemed.n);
    }
}

void limits_of_ring(const struct snapshot *history, size_t count, int32_t day, uint32_t own,
                    struct money point_value, struct limit_use *ret)
{
    static const struct snapshot blank;
    *ret = (struct limit_use){0};
    for (size_t i = 0; i < count; i += 1) {
        const struct snapshot *after = &history[i];
        const bool is_first = after->counter == 1;
        const bool has_before = i + 1 < count && history[i + 1].counter + 1 == after->counter;
        if (!has_before && !is_first) {
            return;
        }
        const uint32_t minute = after->last.minute;
        if (after->last.terminal != own && minute != 0 &&
            limits_day(snapshot_time_s(minute), 1) == day) {
            struct breakdown parts;
            struct limit_use use;
            parts_of_ring(is_first ? &blank : &history[i + 1], after, point_value, &parts);
            limits_use_parts(after->last.kind, &parts, NULL, &use);
            limits_add(ret, &use, 1);
        }
    }
}

/* --- does it fit? ----------------------------------------------------------------------------- */

bool limits_passed(const struct limits *limits, const struct limit_use *used,
                   const struct limit_use *more, struct limit_passed *ret)
{
    for (int what = 0; what < LIMIT_WHATS; what += 1) {
        for (int unit = 0; unit < LIMIT_UNITS; unit += 1) {
            const struct limit *limit = &limits->of[what][unit];
            const int64_t before = used->n[what][unit], add = more->n[what][unit];
            if (limit->is_set && add > 0 && before + add > limit->max) {
                *ret = (struct limit_passed){.what = (enum limit_what)what,
                                             .unit = (enum limit_unit)unit,
                                             .max = limit->max,
                                             .used = before,
                                             .left = positive(limit->max - before)};
                return true;
            }
        }
    }
    return false;
}

bool limits_any(const struct limits *limits)
{
    bool any = false;
    for (int what = 0; what < LIMIT_WHATS; what += 1) {
        any |= limits->of[what][LIMIT_RIALS].is_set || limits->of[what][LIMIT_COUNT].is_set;
    }
    return any;
}

bool limits_are_valid(const struct limits *limits)
{
    for (int what = 0; what < LIMIT_WHATS; what += 1) {
        for (int unit = 0; unit < LIMIT_UNITS; unit += 1) {
            const struct limit *limit = &limits->of[what][unit];
            if (limit->max < 0 || limit->max > LIMIT_MAX) {
                return false;
            }
        }
    }
    return true;
}

int32_t limits_day(int64_t time_s, uint8_t clock_quality)
{
    assert(time_s >= 0);
    return clock_quality == 0 ? 0 : (int32_t)(calendar_day_at(time_s) + CALENDAR_DAYS_1970);
}

/* --- words ------------------------------------------------------------------------------------ */

const char *limits_what_word(enum limit_what what)
{
    static const char *const words[LIMIT_WHATS] = {"load", "spend", "issue", "refund", "earn"};
    assert(what < LIMIT_WHATS);
    return words[what];
}

const char *limits_unit_word(enum limit_what what, enum limit_unit unit)
{
    return unit == LIMIT_RIALS ? "rials" : what == LIMIT_EARN ? "points" : "count";
}

bool limits_what_of(const char *word, enum limit_what *ret)
{
    for (int what = 0; what < LIMIT_WHATS; what += 1) {
        if (strcmp(word, limits_what_word((enum limit_what)what)) == 0) {
            *ret = (enum limit_what)what;
            return true;
        }
    }
    return false;
}

bool limits_unit_of(enum limit_what what, const char *word, enum limit_unit *ret)
{
    for (int unit = 0; unit < LIMIT_UNITS; unit += 1) {
        if (strcmp(word, limits_unit_word(what, (enum limit_unit)unit)) == 0) {
            *ret = (enum limit_unit)unit;
            return true;
        }
    }
    return false;
}
