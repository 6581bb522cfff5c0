#include "firmware/engine/plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "firmware/engine/plan_priv.h"

const char *plan_money_say(struct money money, char ret_text[PLAN_MONEY_TEXT_MAX])
{
    (void)snprintf(ret_text, PLAN_MONEY_TEXT_MAX, "%lld rials", (long long)money.rials);
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

/* --- parts and balances -------------------------------------------------------------------- */

bool plan_deltas(enum transaction_kind kind, const struct breakdown *parts,
                 int64_t ret_deltas[PLAN_DELTAS])
{
    int64_t points = 0;
    int64_t credit = 0;

    switch (kind) {
    case TRANSACTION_ACTIVATE:
    case TRANSACTION_LOAD:
        credit = parts->load.rials;
        break;
    case TRANSACTION_UNLOAD:
        credit = -parts->load.rials;
        break;
    case TRANSACTION_SALE:
        points = parts->award.n - parts->redeemed.n;
        credit = -parts->payment.rials;
        break;
    case TRANSACTION_REFUND:
        points = parts->redeemed.n - parts->award.n;
        credit = parts->payment.rials;
        break;
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
        break;
    case TRANSACTION_ACTION:
    case TRANSACTION_TRANSFER:
    case TRANSACTION_EXPIRE:
    case TRANSACTION_ADJUST:
    case TRANSACTION_DUPLICATE:
    default: /* A kind from foreign bytes. */
        return false;
    }
    ret_deltas[DELTA_POINTS] = points;
    ret_deltas[DELTA_CREDIT] = credit;
    ret_deltas[DELTA_GIFT] = 0;
    ret_deltas[DELTA_VOUCHER] = 0;
    return true;
}

/* True when each part is in range and, for the kind, they add up. Ranges first: the sums below
 * cannot wrap then. */
static bool parts_hold(enum transaction_kind kind, const struct breakdown *parts)
{
    const int64_t values[] = {
        parts->amount.rials,  parts->rebate.rials, parts->redeemed.n, parts->redeemed_value.rials,
        parts->payment.rials, parts->load.rials,   parts->award.n,    parts->due.rials,
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i += 1) {
        if (values[i] < 0 || values[i] > MONEY_MAX_RIALS) {
            return false;
        }
    }
    int64_t shares =
        parts->rebate.rials + parts->redeemed_value.rials + parts->payment.rials + parts->due.rials;
    bool moves_points = parts->redeemed.n != 0 || parts->award.n != 0;

    switch (kind) {
    case TRANSACTION_SALE:
        return parts->load.rials == 0 && shares == parts->amount.rials;
    case TRANSACTION_REFUND:
        /* Each part is its own difference of floors: together they may be one rial ahead of a
         * partial refund's amount, and a whole point may fall due in a small one. */
        return parts->load.rials == 0 && parts->rebate.rials == 0 &&
               parts->payment.rials + parts->due.rials <= parts->amount.rials + 1;
    case TRANSACTION_ACTIVATE:
    case TRANSACTION_LOAD:
    case TRANSACTION_UNLOAD:
        return !moves_points && parts->load.rials == parts->amount.rials &&
               parts->due.rials == parts->amount.rials && shares == parts->amount.rials;
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
        return !moves_points && parts->load.rials == 0 && parts->amount.rials == 0 && shares == 0;
    case TRANSACTION_ACTION:
    case TRANSACTION_TRANSFER:
    case TRANSACTION_EXPIRE:
    case TRANSACTION_ADJUST:
    case TRANSACTION_DUPLICATE:
    default:
        return false;
    }
}

static bool status_holds(enum card_status before, enum card_status after,
                         enum transaction_kind kind)
{
    if (kind == TRANSACTION_BLOCK) {
        return before == CARD_ACTIVE && after == CARD_BLOCKED;
    }
    if (kind == TRANSACTION_UNBLOCK) {
        return before == CARD_BLOCKED && after == CARD_ACTIVE;
    }
    return before == CARD_ACTIVE && after == CARD_ACTIVE;
}

/* The state that an ACTIVATE starts from: no transactions, no balances. */
static struct snapshot blank_card(void)
{
    struct snapshot blank;
    memset(&blank, 0, sizeof blank);
    blank.status = CARD_ACTIVE;
    return blank;
}

bool plan_holds(const struct snapshot *before, const struct snapshot *after,
                enum transaction_kind kind, const struct breakdown *parts)
{
    const struct snapshot blank = blank_card();
    int64_t delta[PLAN_DELTAS];

    if ((before == NULL) != (kind == TRANSACTION_ACTIVATE)) {
        return false;
    }
    if (!snapshot_is_valid(after) || (before != NULL && !snapshot_is_valid(before)) ||
        !parts_hold(kind, parts) || !plan_deltas(kind, parts, delta)) {
        return false;
    }
    before = before == NULL ? &blank : before;
    return after->counter == before->counter + 1 &&
           after->points.n - before->points.n == delta[DELTA_POINTS] &&
           after->purse[PURSE_CREDIT].rials - before->purse[PURSE_CREDIT].rials ==
               delta[DELTA_CREDIT] &&
           after->purse[PURSE_GIFT].rials - before->purse[PURSE_GIFT].rials == delta[DELTA_GIFT] &&
           after->purse[PURSE_VOUCHER].rials - before->purse[PURSE_VOUCHER].rials ==
               delta[DELTA_VOUCHER] &&
           status_holds(before->status, after->status, kind) && after->action == before->action &&
           after->tier == before->tier && after->group == before->group &&
           after->stamps == before->stamps && after->last.offer == 0 && after->last.flags == 0 &&
           after->last.kind == kind && after->last.amount.rials == parts->amount.rials &&
           after->last.redeemed.n == parts->redeemed.n;
}

void plan_apply(const struct plan_input *input, uint8_t reference, struct plan *ret)
{
    const struct snapshot *before = input->history_count == 0 ? NULL : &input->history[0];
    const struct breakdown *parts = &ret->parts;
    int64_t delta[PLAN_DELTAS];
    bool is_known = plan_deltas(input->wish.kind, parts, delta);
    assert(is_known);

    struct snapshot next = before == NULL ? blank_card() : *before;
    next.counter += 1;
    next.status = input->wish.kind == TRANSACTION_BLOCK ? CARD_BLOCKED : next.status;
    next.points.n += delta[DELTA_POINTS];
    next.purse[PURSE_CREDIT].rials += delta[DELTA_CREDIT];
    next.last = (struct transaction){
        .kind = input->wish.kind,
        .reference = reference,
        .amount = parts->amount,
        .redeemed = parts->redeemed,
        .minute = input->minute,
        .terminal = input->terminal,
        .sequence = input->sequence,
    };
    ret->next = next;

    assert(plan_holds(before, &next, input->wish.kind, parts));
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
    memset(ret, 0, sizeof *ret);
    plan_apply(&input, 0, ret);
}

/* --- activate, load, sale ------------------------------------------------------------------ */

static enum st refuse_range(struct plan *ret, const char *what, struct money amount, int64_t min,
                            struct money max)
{
    char is[PLAN_MONEY_TEXT_MAX];
    char low[PLAN_MONEY_TEXT_MAX];
    char high[PLAN_MONEY_TEXT_MAX];
    return plan_refuse(ret, REFUSAL_AMOUNT_RANGE, "%s must be from %s to %s, not %s.", what,
                       plan_money_say((struct money){min}, low), plan_money_say(max, high),
                       plan_money_say(amount, is));
}

static enum st plan_activate(const struct plan_input *input, struct plan *ret)
{
    struct money opening = input->wish.amount;
    if (opening.rials > input->programme->opening_max.rials) {
        return refuse_range(ret, "The opening credit", opening, 0, input->programme->opening_max);
    }
    ret->parts = (struct breakdown){.amount = opening, .load = opening, .due = opening};
    plan_apply(input, 0, ret);
    return ST_OK;
}

static enum st plan_load(const struct plan_input *input, struct plan *ret)
{
    const struct programme *programme = input->programme;
    struct money credit = input->history[0].purse[PURSE_CREDIT];
    struct money amount = input->wish.amount;

    if (amount.rials < programme->load_min.rials || amount.rials > programme->load_max.rials) {
        return refuse_range(ret, "A load", amount, programme->load_min.rials, programme->load_max);
    }
    if (credit.rials > programme->credit_max.rials - amount.rials) {
        char has[PLAN_MONEY_TEXT_MAX];
        char max[PLAN_MONEY_TEXT_MAX];
        return plan_refuse(ret, REFUSAL_CREDIT_CEILING,
                           "The card holds %s already and may hold at most %s.",
                           plan_money_say(credit, has), plan_money_say(programme->credit_max, max));
    }
    ret->parts = (struct breakdown){.amount = amount, .load = amount, .due = amount};
    plan_apply(input, 0, ret);
    return ST_OK;
}

/* Tests what the shopper wants to spend against what the card and the basket allow. */
static enum st sale_spend(const struct plan_input *input, struct plan *ret)
{
    const struct snapshot *card = &input->history[0];
    const struct wish *wish = &input->wish;
    struct money value = input->programme->point_value;
    char text[2][PLAN_MONEY_TEXT_MAX];

    if (wish->redeem.n > 0 && value.rials == 0) {
        return plan_refuse(ret, REFUSAL_REDEMPTION_OFF, "Points cannot be spent in this club.");
    }
    if (wish->redeem.n > card->points.n) {
        return plan_refuse(ret, REFUSAL_POINTS_SHORT, "The card has %lld points, not %lld.",
                           (long long)card->points.n, (long long)wish->redeem.n);
    }
    if (wish->redeem.n > REDEEMED_MAX) {
        return plan_refuse(ret, REFUSAL_POINTS_SHORT, "At most %lld points can be spent at once.",
                           (long long)REDEEMED_MAX);
    }
    if (wish->pay_credit.rials > card->purse[PURSE_CREDIT].rials) {
        return plan_refuse(ret, REFUSAL_CREDIT_SHORT, "The card has %s of credit, not %s.",
                           plan_money_say(card->purse[PURSE_CREDIT], text[0]),
                           plan_money_say(wish->pay_credit, text[1]));
    }
    struct money spent = {wish->redeem.n * value.rials + wish->pay_credit.rials};
    if (spent.rials > wish->amount.rials) {
        return plan_refuse(ret, REFUSAL_PAYS_TOO_MUCH,
                           "Points and credit would pay %s, but the basket is %s.",
                           plan_money_say(spent, text[0]), plan_money_say(wish->amount, text[1]));
    }
    return ST_OK;
}

static enum st plan_sale(const struct plan_input *input, struct plan *ret)
{
    const struct programme *programme = input->programme;
    const struct snapshot *card = &input->history[0];
    const struct wish *wish = &input->wish;

    if (wish->amount.rials > programme->sale_max.rials) {
        return refuse_range(ret, "A basket", wish->amount, 1, programme->sale_max);
    }
    enum st st = sale_spend(input, ret);
    if (st != ST_OK) {
        return st;
    }
    struct money value = {wish->redeem.n * programme->point_value.rials};
    struct money earning = wish->amount;
    earning.rials -= programme->award_on_redeemed ? 0 : value.rials;
    earning.rials -= programme->award_on_credit ? 0 : wish->pay_credit.rials;
    struct points award = programme_earn(programme, earning);

    /* A sale that lowers the points is fine even when a newer programme has lowered the ceiling. */
    int64_t points_after = card->points.n - wish->redeem.n + award.n;
    if (points_after > programme->points_max.n && points_after > card->points.n) {
        return plan_refuse(ret, REFUSAL_POINTS_CEILING,
                           "The card would hold %lld points, at most %lld are allowed.",
                           (long long)points_after, (long long)programme->points_max.n);
    }
    ret->parts = (struct breakdown){
        .amount = wish->amount,
        .redeemed = wish->redeem,
        .redeemed_value = value,
        .payment = wish->pay_credit,
        .award = award,
        .due = {wish->amount.rials - value.rials - wish->pay_credit.rials},
    };
    plan_apply(input, wish->redeem.n == 0 ? 0 : plan_value_mark(programme->point_value), ret);
    return ST_OK;
}

/* --- the entry ----------------------------------------------------------------------------- */

/* The till's parser and the journal have tested all this: a breach is a bug of ours. */
static void assert_input(const struct plan_input *input)
{
    const struct wish *wish = &input->wish;

    assert(programme_is_valid(input->programme));
    assert((input->history_count == 0) == (wish->kind == TRANSACTION_ACTIVATE));
    assert(input->history_count == 0 || snapshot_is_valid(&input->history[0]));
    assert(wish->amount.rials >= 0 && wish->amount.rials <= MONEY_MAX_RIALS);
    assert(wish->pay_credit.rials >= 0 && wish->pay_credit.rials <= MONEY_MAX_RIALS);
    assert(wish->redeem.n >= 0);
    assert(wish->amount.rials > 0 ||
           (wish->kind != TRANSACTION_SALE && wish->kind != TRANSACTION_LOAD));
    assert(input->minute < UINT32_C(1) << 24);
    assert(input->terminal >= 1 && input->terminal <= SNAPSHOT_TERMINAL_MAX);
    assert(input->sequence >= 1 && input->sequence <= SNAPSHOT_SEQUENCE_MAX);
}

static enum st refuse_state(const struct snapshot *card, struct plan *ret)
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
    memset(ret, 0, sizeof *ret);

    if (input->history_count > 0) {
        enum st st = refuse_state(&input->history[0], ret);
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
    case TRANSACTION_ACTION:
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
    case TRANSACTION_TRANSFER:
    case TRANSACTION_EXPIRE:
    case TRANSACTION_ADJUST:
    case TRANSACTION_DUPLICATE:
        break;
    }
    bool is_planned_kind = false;
    assert(is_planned_kind);
    return ST_REFUSED;
}
