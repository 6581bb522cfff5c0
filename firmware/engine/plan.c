#include "firmware/engine/plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "firmware/engine/explain_text.h"
#include "firmware/engine/plan_priv.h"

const char *plan_money_say(const struct programme *programme, struct money money,
                           char ret_text[PLAN_MONEY_TEXT_MAX])
{
    explain_money(programme, EXPLAIN_EN, money, ret_text);
    return ret_text;
}

enum st plan_refuse(struct plan *ret, enum refusal refusal, const char *format, ...)
{
    memset(ret, 0, sizeof *ret);
    ret->refusal = refusal;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(ret->why.say, sizeof ret->why.say, format, args);
    va_end(args);
    return ST_REFUSED;
}

uint8_t plan_value_mark(struct money point_value)
{
    assert(point_value.rials > 0);
    return (uint8_t)(1 + point_value.rials % SNAPSHOT_REFERENCE_MAX);
}

/* --- the next state ------------------------------------------------------------------------ */

/* The card's facts after the transaction: folded on, or begun anew where they are not known. */
static void fold_facts(const struct plan_input *input, const struct snapshot *before,
                       struct plan *ret)
{
    const struct facts_rules rules = plan_facts_rules(input->programme);
    const struct facts *facts = plan_facts(input);
    if (facts == NULL) {
        facts_restart(&rules, before, &ret->next, &ret->facts_after);
        return;
    }
    ret->facts_after = *facts;
    facts_fold(&rules, before, &ret->next, &ret->facts_after);
}

void plan_apply(const struct plan_input *input, struct plan *ret)
{
    const struct snapshot *before = input->history_count == 0 ? NULL : &input->history[0];
    const struct breakdown *parts = &ret->parts;
    int64_t delta[PLAN_DELTAS];
    struct snapshot *next = &ret->next;
    bool is_known = plan_deltas(input->wish.kind, next->last.flags, parts, delta);
    assert(is_known);

    next->counter += 1;
    next->status = input->wish.kind == TRANSACTION_BLOCK ? CARD_BLOCKED : next->status;
    next->points.n += delta[DELTA_POINTS];
    next->purse[PURSE_CREDIT].rials += delta[DELTA_CREDIT];
    next->purse[PURSE_GIFT].rials += delta[DELTA_GIFT];
    next->purse[PURSE_VOUCHER].rials += delta[DELTA_VOUCHER];
    next->last.kind = input->wish.kind;
    next->last.amount.rials = parts->amount.rials - parts->rebate.rials;
    next->last.redeemed = parts->redeemed;
    next->last.minute = input->minute;
    next->last.terminal = input->terminal;
    next->last.sequence = input->sequence;
    if (input->programme != NULL) {
        fold_facts(input, before, ret);
    }

    assert(plan_holds(before, next, input->wish.kind, parts));
}

void plan_begin(const struct plan_input *input, struct plan *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->next = input->history_count == 0 ? plan_blank_card() : input->history[0];
    memset(&ret->next.last, 0, sizeof ret->next.last);
}

void plan_block(const struct snapshot *card, uint32_t minute, uint32_t terminal, uint32_t sequence,
                struct plan *ret)
{
    assert(card->status == CARD_ACTIVE && card->counter < SNAPSHOT_COUNTER_MAX);
    const struct plan_input input = {.history = card,
                                     .history_count = 1,
                                     .wish = {.kind = TRANSACTION_BLOCK},
                                     .minute = minute,
                                     .terminal = terminal,
                                     .sequence = sequence};
    plan_begin(&input, ret);
    plan_apply(&input, ret);
}

struct money plan_point_value(const struct programme *programme)
{
    return programme_has(programme, MODULE_REDEMPTION) ? programme->point_value : (struct money){0};
}

struct money plan_worth(const struct programme *programme, const struct snapshot *card)
{
    /* 28 bits of points, each worth at most PROGRAMME_POINT_VALUE_MAX: below 2^63. */
    int64_t worth = card->points.n * plan_point_value(programme).rials;
    for (int purse = 0; purse < PURSES; purse++) {
        worth += card->purse[purse].rials;
    }
    return (struct money){worth};
}

size_t plan_dense_count(const struct plan_input *input)
{
    size_t count = 1;
    while (count < input->history_count && count < PLAN_HISTORY_MAX &&
           input->history[count].counter + 1 == input->history[count - 1].counter) {
        count += 1;
    }
    return count;
}

/* --- expire -------------------------------------------------------------------------------- */

enum st plan_refuse_range(const struct programme *programme, struct plan *ret, const char *what,
                          struct money amount, int64_t min, struct money max)
{
    char is[PLAN_MONEY_TEXT_MAX];
    char low[PLAN_MONEY_TEXT_MAX];
    char high[PLAN_MONEY_TEXT_MAX];
    return plan_refuse(ret, REFUSAL_AMOUNT_RANGE, "%s must be from %s to %s, not %s.", what,
                       plan_money_say(programme, (struct money){min}, low),
                       plan_money_say(programme, max, high), plan_money_say(programme, amount, is));
}

struct points plan_expired(const struct plan_input *input)
{
    const struct facts_rules rules = plan_facts_rules(input->programme);
    const struct facts *facts = plan_facts(input);
    if (facts == NULL || facts->roll == 0) {
        return (struct points){0};
    }
    struct points points = input->history[0].points;
    uint8_t now = facts_roll(&rules, plan_day(input)); /* 0: no expiry, or the clock is not set */
    if (now <= facts->roll) {
        return (struct points){0};
    }
    if (now == facts->roll + 1 && facts->carry < points.n) {
        points.n = facts->carry;
    }
    return points;
}

static enum st plan_expire(const struct plan_input *input, struct plan *ret)
{
    struct points expired = plan_expired(input);
    if (expired.n == 0) {
        return plan_refuse(ret, REFUSAL_NOTHING_EXPIRES, "No points of this card expire now.");
    }
    ret->parts = (struct breakdown){.award = expired};
    plan_apply(input, ret);
    return ST_OK;
}

/* --- the entry ----------------------------------------------------------------------------- */

static bool is_money(struct money money)
{
    return money.rials >= 0 && money.rials <= MONEY_MAX_RIALS;
}

/* What an operation of two cards takes. */
static void assert_peer(const struct plan_input *input)
{
    const struct wish *wish = &input->wish;
    const struct inheritance *inherits = &wish->inherits;

    if (wish->kind == TRANSACTION_TRANSFER || wish->kind == TRANSACTION_DUPLICATE) {
        assert(input->occasion != NULL && input->occasion->peer.direction != PEER_NONE);
    }
    assert(wish->kind != TRANSACTION_TRANSFER || wish->amount.rials > 0);
    if (wish->kind == TRANSACTION_DUPLICATE) {
        assert(wish->gift.rials <= snapshot_purse_max(PURSE_GIFT));
        assert(wish->voucher.rials <= snapshot_purse_max(PURSE_VOUCHER));
        assert(inherits->points.n >= 0 && inherits->points.n <= POINTS_MAX);
        assert(inherits->tier <= 15 && inherits->stamps <= SNAPSHOT_STAMPS_MAX);
    }
}

/* The card's first transaction is planned: there is no snapshot before. */
static bool is_first(const struct plan_input *input)
{
    return input->wish.kind == TRANSACTION_ACTIVATE || (input->wish.kind == TRANSACTION_DUPLICATE &&
                                                        input->occasion->peer.direction == PEER_IN);
}

/* The till's parser and the journal have tested all this: a breach is a bug of ours. */
static void assert_input(const struct plan_input *input)
{
    const struct wish *wish = &input->wish;

    assert_peer(input);
    assert((input->history_count == 0) == is_first(input));
    assert(input->history_count == 0 || snapshot_is_valid(&input->history[0]));
    assert(is_money(wish->amount));
    assert(is_money(wish->gift) && is_money(wish->voucher));
    assert(is_money(wish->pay_credit) && is_money(wish->pay_gift) && is_money(wish->pay_voucher));
    assert(wish->redeem.n >= 0);
    assert(wish->kind != TRANSACTION_SALE || wish->amount.rials > 0);
    assert(wish->kind != TRANSACTION_LOAD ||
           (wish->amount.rials > 0) + (wish->gift.rials > 0) + (wish->voucher.rials > 0) == 1);
    assert(input->minute < UINT32_C(1) << 24);
    assert(input->terminal >= 1 && input->terminal <= SNAPSHOT_TERMINAL_MAX);
    assert(input->sequence >= 1 && input->sequence <= SNAPSHOT_SEQUENCE_MAX);
}

enum st plan_refuse_state(const struct snapshot *card, struct plan *ret)
{
    if (card->status == CARD_BLOCKED) {
        return plan_refuse(ret, REFUSAL_CARD_BLOCKED, "This card is blocked.");
    }
    if (card->status == CARD_CLOSED) {
        return plan_refuse(ret, REFUSAL_CARD_CLOSED, "This card was replaced by another one.");
    }
    if (card->counter == SNAPSHOT_COUNTER_MAX) {
        return plan_refuse(ret, REFUSAL_COUNTER_USED_UP, "This card is used up: replace it.");
    }
    return ST_OK;
}

enum st plan_make(const struct plan_input *input, struct plan *ret)
{
    assert_input(input);
    plan_begin(input, ret);

    if (input->history_count > 0) {
        enum st st = plan_refuse_state(&input->history[0], ret);
        if (st != ST_OK) {
            return st;
        }
    }
    switch (input->wish.kind) {
    case TRANSACTION_ACTIVATE:
        return plan_activate(input, ret);
    case TRANSACTION_SALE:
        return plan_sale(input, ret);
    case TRANSACTION_REFUND:
        return plan_refund(input, ret);
    case TRANSACTION_LOAD:
        return plan_load(input, ret);
    case TRANSACTION_UNLOAD:
        return plan_unload(input, ret);
    case TRANSACTION_EXPIRE:
        return plan_expire(input, ret);
    case TRANSACTION_TRANSFER:
        return plan_transfer(input, ret);
    case TRANSACTION_DUPLICATE:
        return plan_duplicate(input, ret);
    case TRANSACTION_ACTION:
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
    case TRANSACTION_ADJUST:
        break;
    }
    bool is_planned_kind = false;
    assert(is_planned_kind);
    return ST_REFUSED;
}
