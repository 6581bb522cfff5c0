#include <assert.h>

#include "firmware/engine/plan_priv.h"

/* A past transaction, found on the card, and how far it was given back since. */
struct past {
    const struct snapshot *after;  /* the card after it */
    const struct snapshot *before; /* and before it */
    struct money given_back;       /* sum of the refunds or unloads of it so far */
    uint8_t distance;              /* from the transaction being planned, in counters */
};

/* How many snapshots from the newest on have dense counters: only those are neighbours. */
static size_t dense_count(const struct plan_input *input)
{
    size_t count = 1;
    while (count < input->history_count && count < PLAN_HISTORY_MAX &&
           input->history[count].counter + 1 == input->history[count - 1].counter) {
        count += 1;
    }
    return count;
}

static bool gives_back(const struct snapshot *later, enum transaction_kind kind, uint32_t counter)
{
    return later->last.kind == kind && later->counter - later->last.reference == counter;
}

/* Finds the transaction that the wish refers to, and sums what later ones of the wish's kind gave
 * back of it. All of them are in the history, since they are newer than it. */
static enum st past_find(const struct plan_input *input, enum transaction_kind kind,
                         const char *noun, struct past *ret, struct plan *ret_plan)
{
    const struct wish *wish = &input->wish;
    uint32_t newest = input->history[0].counter;
    size_t count = dense_count(input);
    size_t at = wish->refers_counter > newest ? count : newest - wish->refers_counter;

    if (at < count && input->history[at].last.kind != kind) {
        return plan_refuse(ret_plan, REFUSAL_NOT_A_SALE,
                           "Transaction %lu of this card is not a %s.",
                           (unsigned long)wish->refers_counter, noun);
    }
    if (at + 1 >= count) {
        return plan_refuse(ret_plan, REFUSAL_NOT_IN_HISTORY,
                           "Transaction %lu is not among the last ones on this card.",
                           (unsigned long)wish->refers_counter);
    }
    *ret = (struct past){
        .after = &input->history[at],
        .before = &input->history[at + 1],
        .distance = (uint8_t)(at + 1),
    };
    for (size_t i = 0; i < at; i += 1) {
        if (gives_back(&input->history[i], wish->kind, wish->refers_counter)) {
            ret->given_back.rials += input->history[i].last.amount.rials; /* <= 63 x 2^36 */
        }
    }
    return ST_OK;
}

/* How much of the past transaction goes back now: the wish, or all that is left. */
static enum st past_amount(const struct past *past, struct money wish, struct money *ret,
                           struct plan *ret_plan)
{
    int64_t left = past->after->last.amount.rials - past->given_back.rials;
    if (left <= 0) {
        return plan_refuse(ret_plan, REFUSAL_ALREADY_REFUNDED, "All of it was given back already.");
    }
    if (wish.rials > left) {
        char text[PLAN_MONEY_TEXT_MAX];
        return plan_refuse(ret_plan, REFUSAL_ALREADY_REFUNDED, "Only %s of it are left.",
                           plan_money_say((struct money){left}, text));
    }
    ret->rials = wish.rials == 0 ? left : wish.rials;
    return ST_OK;
}

/* --- unload -------------------------------------------------------------------------------- */

enum st plan_unload(const struct plan_input *input, struct plan *ret)
{
    struct past load;
    struct money amount;
    enum st st = past_find(input, TRANSACTION_LOAD, "load", &load, ret);
    if (st != ST_OK) {
        return st;
    }
    st = past_amount(&load, input->wish.amount, &amount, ret);
    if (st != ST_OK) {
        return st;
    }
    struct money credit = input->history[0].purse[PURSE_CREDIT];
    if (amount.rials > credit.rials) {
        char has[PLAN_MONEY_TEXT_MAX];
        char wanted[PLAN_MONEY_TEXT_MAX];
        return plan_refuse(ret, REFUSAL_CREDIT_SPENT,
                           "The card has only %s of credit left, not %s.",
                           plan_money_say(credit, has), plan_money_say(amount, wanted));
    }
    ret->parts = (struct breakdown){.amount = amount, .load = amount, .due = amount};
    plan_apply(input, load.distance, ret);
    return ST_OK;
}

/* --- refund -------------------------------------------------------------------------------- */

/* A sale as the card tells it. */
struct sale {
    struct money amount, payment, redeemed_value, due, earning;
    struct points redeemed, award;
};

/* Derives the sale's parts from the snapshots around it. ST_REFUSED: they contradict the rules in
 * force, so that what was paid otherwise is not known. */
static enum st sale_derive(const struct programme *programme, const struct past *past,
                           struct sale *ret)
{
    const struct transaction *last = &past->after->last;
    int64_t value = programme->point_value.rials;

    if (last->redeemed.n > 0 &&
        (value == 0 || last->reference != plan_value_mark(programme->point_value))) {
        return ST_REFUSED;
    }
    struct sale sale = {
        .amount = last->amount,
        .redeemed = last->redeemed,
        .redeemed_value = {last->redeemed.n * value},
        .payment = {past->before->purse[PURSE_CREDIT].rials -
                    past->after->purse[PURSE_CREDIT].rials},
        .award = {past->after->points.n - past->before->points.n + last->redeemed.n},
    };
    sale.due.rials = sale.amount.rials - sale.redeemed_value.rials - sale.payment.rials;
    if (sale.payment.rials < 0 || sale.award.n < 0 || sale.due.rials < 0) {
        return ST_REFUSED;
    }
    sale.earning = sale.amount;
    sale.earning.rials -= programme->award_on_redeemed ? 0 : sale.redeemed_value.rials;
    sale.earning.rials -= programme->award_on_credit ? 0 : sale.payment.rials;
    *ret = sale;
    return ST_OK;
}

/* The part of `whole` that goes back when the sum given back grows from `from` to `to`. Each such
 * part is the difference of two floors, so that any split adds up to exactly the whole. */
static int64_t step(int64_t whole, int64_t from, int64_t to, const struct sale *sale)
{
    return share_floor(whole, to, sale->amount.rials) -
           share_floor(whole, from, sale->amount.rials);
}

/* The points that the sale has still earned once `given_back` of it went back: what the rules give
 * for the part of the earning amount that remains, never more than was awarded. */
static int64_t award_kept(const struct programme *programme, const struct sale *sale,
                          int64_t given_back)
{
    int64_t remains =
        share_floor(sale->earning.rials, sale->amount.rials - given_back, sale->amount.rials);
    if (remains > programme->sale_max.rials) {
        return sale->award.n; /* A newer programme has lowered the limit. */
    }
    int64_t kept = programme_earn(programme, (struct money){remains}).n;
    return kept < sale->award.n ? kept : sale->award.n;
}

/* The awarded points that earlier refunds have settled, by taking them from the card or by
 * withholding their value. The cards' deltas tell what was taken. Only a refund that left no point
 * on the card can have withheld: there the rule tells what was to be settled. */
static int64_t award_settled(const struct plan_input *input, const struct sale *sale,
                             const struct past *past)
{
    int64_t settled = 0;
    int64_t given_back = 0;

    for (size_t i = past->distance - 1U; i-- > 0;) {
        const struct snapshot *later = &input->history[i];
        if (!gives_back(later, TRANSACTION_REFUND, past->after->counter)) {
            continue;
        }
        int64_t taken = later->last.redeemed.n - (later->points.n - input->history[i + 1].points.n);
        taken = taken > 0 ? taken : 0; /* No refund of ours gives an award. */
        int64_t by_rule = award_kept(input->programme, sale, given_back) -
                          award_kept(input->programme, sale, given_back + later->last.amount.rials);
        given_back += later->last.amount.rials;
        settled += later->points.n == 0 && by_rule > taken ? by_rule : taken;
    }
    return settled < sale->award.n ? settled : sale->award.n;
}

/* Takes `back` points off the card, as far as they are there, and withholds the value of the rest
 * from what is handed back: first from the money, then from the credit. */
static enum st take_award(const struct plan_input *input, int64_t back, struct plan *ret)
{
    struct breakdown *parts = &ret->parts;
    int64_t value = input->programme->point_value.rials;
    int64_t there = input->history[0].points.n + parts->redeemed.n;
    int64_t taken = back < there ? back : there;
    int64_t withheld = (back - taken) * value; /* <= POINTS_MAX x PROGRAMME_POINT_VALUE_MAX */

    if (back > taken && (value == 0 || withheld > parts->due.rials + parts->payment.rials)) {
        return plan_refuse(ret, REFUSAL_POINTS_SPENT,
                           "%lld points of this sale are to be taken back, but the card has %lld.",
                           (long long)back, (long long)there);
    }
    int64_t from_due = withheld < parts->due.rials ? withheld : parts->due.rials;
    parts->due.rials -= from_due;
    parts->payment.rials -= withheld - from_due;
    parts->award.n = taken;
    return ST_OK;
}

/* Only the card's own bounds count here, not the programme's ceilings: what goes back was there. */
static enum st refuse_overflow(const struct plan_input *input, struct plan *ret)
{
    const struct snapshot *card = &input->history[0];
    if (card->purse[PURSE_CREDIT].rials > MONEY_MAX_RIALS - ret->parts.payment.rials) {
        return plan_refuse(ret, REFUSAL_CREDIT_CEILING, "The card cannot hold that much credit.");
    }
    if (card->points.n + ret->parts.redeemed.n - ret->parts.award.n > POINTS_MAX) {
        return plan_refuse(ret, REFUSAL_POINTS_CEILING, "The card cannot hold that many points.");
    }
    return ST_OK;
}

enum st plan_refund(const struct plan_input *input, struct plan *ret)
{
    struct past past;
    struct sale sale;
    struct money amount;
    enum st st = past_find(input, TRANSACTION_SALE, "sale", &past, ret);
    if (st != ST_OK) {
        return st;
    }
    st = past_amount(&past, input->wish.amount, &amount, ret);
    if (st != ST_OK) {
        return st;
    }
    if (sale_derive(input->programme, &past, &sale) != ST_OK) {
        return plan_refuse(ret, REFUSAL_POINT_VALUE_CHANGED,
                           "Points had another value when this sale was made: ask the club.");
    }
    int64_t from = past.given_back.rials;
    int64_t to = from + amount.rials;
    int64_t redeemed = step(sale.redeemed.n, from, to, &sale);
    ret->parts = (struct breakdown){
        .amount = amount,
        .redeemed = {redeemed},
        .redeemed_value = {redeemed * input->programme->point_value.rials},
        .payment = {step(sale.payment.rials, from, to, &sale)},
        .due = {step(sale.due.rials, from, to, &sale)},
    };
    int64_t back =
        sale.award.n - award_kept(input->programme, &sale, to) - award_settled(input, &sale, &past);
    st = take_award(input, back > 0 ? back : 0, ret);
    if (st != ST_OK) {
        return st;
    }
    st = refuse_overflow(input, ret);
    if (st != ST_OK) {
        return st;
    }
    plan_apply(input, past.distance, ret);
    return ST_OK;
}
