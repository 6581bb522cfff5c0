#include <assert.h>

#include "firmware/engine/plan_priv.h"

/* A sale as the card tells it. All amounts are of the net price. */
struct sale {
    struct money amount, payment, gift, voucher, redeemed_value, cashback, due, earning;
    struct points redeemed, award;
    bool has_idle; /* some of its goods earned nothing */
    uint8_t offer; /* the mark that it used */
    int64_t extra; /* award beyond what the rules for every basket give on `earning` */
};

/* What the rules that hold for every basket give on `base`. Only with STACK_SUM is the award the
 * sum of these and others. */
static int64_t base_award(const struct programme *programme, int64_t base)
{
    int64_t sum = 0;
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        if (plan_is_plain_award(programme, &programme->rules[i])) {
            sum += plan_award_on(&programme->rules[i].award, base);
        }
    }
    return sum;
}

/* How much less the purse holds after the past transaction. */
static struct money fell(const struct past *past, enum purse purse)
{
    return (struct money){past->before->purse[purse].rials - past->after->purse[purse].rials};
}

/* Payment and cashback of the sale: by the card where only one of them is there, else by what the
 * journal says. */
static enum st credit_derive(const struct plan_input *input, const struct past *past,
                             struct sale *sale, struct plan *ret)
{
    int64_t credit = fell(past, PURSE_CREDIT).rials;
    const struct breakdown *known = input->sale_parts;

    switch (past->after->last.flags) {
    case 0:
        break;
    case SALE_PAID_CREDIT:
        sale->payment.rials = credit;
        break;
    case SALE_CASHBACK:
        sale->cashback.rials = -credit;
        break;
    default:
        if (known == NULL) {
            return plan_refuse(ret, REFUSAL_ASK_SELLER,
                               "This sale took and gave credit: only terminal %lu, which made it, "
                               "can give it back.",
                               (unsigned long)past->after->last.terminal);
        }
        sale->payment = known->payment;
        sale->cashback = known->load;
        break;
    }
    return ST_OK;
}

static enum st refuse_value(struct plan *ret)
{
    return plan_refuse(ret, REFUSAL_POINT_VALUE_CHANGED,
                       "Points had another value when this sale was made: ask the club.");
}

/* True when the parts are those of a sale that led from the snapshot before to the one after it. */
static bool sale_agrees(const struct sale *sale, const struct past *past)
{
    return sale->payment.rials >= 0 && sale->payment.rials <= MONEY_MAX_RIALS &&
           sale->cashback.rials >= 0 && sale->cashback.rials <= MONEY_MAX_RIALS &&
           past->before->purse[PURSE_CREDIT].rials - sale->payment.rials + sale->cashback.rials ==
               past->after->purse[PURSE_CREDIT].rials &&
           sale->gift.rials >= 0 && sale->voucher.rials >= 0 && sale->award.n >= 0 &&
           sale->due.rials >= 0;
}

/* Derives the sale's parts from the snapshots around it. Refuses when they contradict the rules in
 * force or each other, so that what was paid otherwise is not known. */
static enum st sale_derive(const struct plan_input *input, const struct past *past,
                           struct sale *ret_sale, struct plan *ret)
{
    const struct programme *programme = input->programme;
    const struct transaction *last = &past->after->last;
    struct money value = plan_point_value(programme);

    if (last->redeemed.n > 0 && (value.rials == 0 || last->reference != plan_value_mark(value))) {
        return refuse_value(ret);
    }
    struct sale sale = {
        .amount = last->amount,
        .redeemed = last->redeemed,
        .redeemed_value = {last->redeemed.n * value.rials},
        .award = {past->after->points.n - past->before->points.n + last->redeemed.n},
        .gift = fell(past, PURSE_GIFT),
        .voucher = fell(past, PURSE_VOUCHER),
        .has_idle = last->has_idle,
        .offer = last->offer,
    };
    enum st st = credit_derive(input, past, &sale, ret);
    if (st != ST_OK) {
        return st;
    }
    sale.due.rials = sale.amount.rials - sale.redeemed_value.rials - sale.payment.rials -
                     sale.gift.rials - sale.voucher.rials;
    if (!sale_agrees(&sale, past)) {
        return refuse_value(ret);
    }
    sale.earning = sale.amount;
    sale.earning.rials -= programme->award_on_redeemed ? 0 : sale.redeemed_value.rials;
    sale.earning.rials -= programme->award_on_credit ? 0 : sale.payment.rials;
    sale.earning.rials -= programme->award_on_gift ? 0 : sale.gift.rials;
    sale.earning.rials -= programme->award_on_voucher ? 0 : sale.voucher.rials;
    sale.extra = sale.award.n - base_award(programme, sale.earning.rials);
    *ret_sale = sale;
    return ST_OK;
}

/* The part of `whole` that goes back when the sum given back grows from `from` to `to`. Each such
 * part is the difference of two floors, so that any split adds up to exactly the whole. */
static int64_t step(int64_t whole, int64_t from, int64_t to, const struct sale *sale)
{
    return share_floor(whole, to, sale->amount.rials) -
           share_floor(whole, from, sale->amount.rials);
}

/* What stays of `whole` once `given_back` of the sale went back. */
static int64_t share_kept(const struct sale *sale, int64_t whole, int64_t given_back)
{
    return share_floor(whole, sale->amount.rials - given_back, sale->amount.rials);
}

/* Likewise where goods did not earn alike, and the card does not tell which went back: those that
 * earned the most; and what stays has earned no more than it can have. So nobody returns goods and
 * keeps what they earned, also when the rates fell since. */
static int64_t uneven_kept(const struct programme *programme, const struct sale *sale,
                           enum effect_kind effect, int64_t whole, int64_t given_back)
{
    int64_t earning = sale->earning.rials;
    struct goods_part gone = {.part = earning - share_kept(sale, earning, given_back),
                              .whole = earning,
                              .has_idle = sale->has_idle,
                              .offer = sale->offer};
    struct goods_part stays = gone;
    stays.part = earning - share_floor(earning, given_back, sale->amount.rials);

    int64_t kept = whole - plan_earned_most(programme, effect, gone);
    int64_t most = plan_earned_most(programme, effect, stays);
    kept = kept < most ? kept : most;
    return given_back == 0 ? whole : kept > 0 ? kept : 0;
}

/* What stays of what the sale gave by conditions: they held for the whole sale, and perhaps not for
 * what is left of it. */
static int64_t extras_kept(const struct programme *programme, const struct sale *sale,
                           enum effect_kind effect, int64_t whole, int64_t given_back)
{
    if (given_back == 0) {
        return whole;
    }
    if (programme->refund_extras_lost) {
        return 0;
    }
    return sale->has_idle || plan_earns_by_product(programme, effect)
               ? uneven_kept(programme, sale, effect, whole, given_back)
               : share_kept(sale, whole, given_back);
}

/* The points that the sale has still earned once `given_back` of it went back, never more than were
 * awarded. */
static int64_t award_kept(const struct programme *programme, const struct sale *sale,
                          int64_t given_back)
{
    if (sale->has_idle) {
        return uneven_kept(programme, sale, EFFECT_AWARD, sale->award.n, given_back);
    }
    if (sale->extra < 0) {
        return share_kept(sale, sale->award.n, given_back);
    }
    int64_t kept = base_award(programme, share_kept(sale, sale->earning.rials, given_back)) +
                   extras_kept(programme, sale, EFFECT_AWARD, sale->extra, given_back);
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
        if (!plan_gives_back(later, TRANSACTION_REFUND, past->after->counter)) {
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

/* Lowers the first of the parts, then the next, until `rials` are withheld. Returns what is left.
 */
static int64_t withhold(int64_t rials, struct money *const *parts, size_t count)
{
    for (size_t i = 0; i < count; i += 1) {
        int64_t most = parts[i]->rials;
        int64_t part = rials < most ? rials : most;
        parts[i]->rials -= part;
        rials -= part;
    }
    return rials;
}

/* Takes `back` points off the card, as far as they are there, and withholds the value of the rest
 * from what goes back: from the money, then the credit, gift, voucher. */
static enum st take_award(const struct plan_input *input, int64_t back, struct plan *ret)
{
    struct breakdown *parts = &ret->parts;
    int64_t value = plan_point_value(input->programme).rials;
    int64_t there = input->history[0].points.n + parts->redeemed.n;
    int64_t taken = back < there ? back : there;
    int64_t withheld = (back - taken) * value; /* <= POINTS_MAX x PROGRAMME_POINT_VALUE_MAX */

    struct money *const from[] = {&parts->due, &parts->payment, &parts->gift, &parts->voucher};
    if (back > taken && (value == 0 || withhold(withheld, from, 4) > 0)) {
        return plan_refuse(ret, REFUSAL_POINTS_SPENT,
                           "%lld points of this sale are to be taken back, but the card has %lld.",
                           (long long)back, (long long)there);
    }
    parts->award.n = taken;
    return ST_OK;
}

/* Takes `back` of cashback off the card's credit, what comes back to it included; what is missing
 * there is withheld from what goes back otherwise: money, gift, voucher. */
static enum st take_cashback(const struct plan_input *input, int64_t back, bool lacks_points,
                             struct plan *ret)
{
    struct breakdown *parts = &ret->parts;
    int64_t there = input->history[0].purse[PURSE_CREDIT].rials + parts->payment.rials;
    int64_t taken = back < there ? back : there;
    char text[2][PLAN_MONEY_TEXT_MAX];

    struct money *const from[] = {&parts->due, &parts->gift, &parts->voucher};
    if (withhold(back - taken, from, 3) > 0) {
        return plan_refuse(ret, lacks_points ? REFUSAL_POINTS_SPENT : REFUSAL_CASHBACK_SPENT,
                           "%s of cashback are to be taken back, but the card has %s.",
                           plan_money_say(input->programme, (struct money){back}, text[0]),
                           plan_money_say(input->programme, (struct money){there}, text[1]));
    }
    parts->load.rials = taken;
    return ST_OK;
}

/* Only the card's own bounds count here, not the programme's ceilings: what goes back was there. */
static enum st refuse_overflow(const struct plan_input *input, struct plan *ret)
{
    const struct snapshot *card = &input->history[0];
    if (card->purse[PURSE_CREDIT].rials + ret->parts.payment.rials - ret->parts.load.rials >
        MONEY_MAX_RIALS) {
        return plan_refuse(ret, REFUSAL_CREDIT_CEILING, "The card cannot hold that much credit.");
    }
    if (card->purse[PURSE_GIFT].rials + ret->parts.gift.rials > snapshot_purse_max(PURSE_GIFT) ||
        card->purse[PURSE_VOUCHER].rials + ret->parts.voucher.rials >
            snapshot_purse_max(PURSE_VOUCHER)) {
        return plan_refuse(ret, REFUSAL_PURSE_CEILING,
                           "The card cannot hold that much gift or voucher.");
    }
    if (card->points.n + ret->parts.redeemed.n - ret->parts.award.n > POINTS_MAX) {
        return plan_refuse(ret, REFUSAL_POINTS_CEILING, "The card cannot hold that many points.");
    }
    return ST_OK;
}

/* The stamps that the sale added go back with the last of it, as far as they are still there. */
static uint8_t stamps_left(const struct past *past, uint8_t stamps)
{
    int added = past->after->stamps - past->before->stamps;
    if (added <= 0) {
        return stamps;
    }
    return (uint8_t)(stamps > added ? stamps - added : 0);
}

/* What of the sale goes back when the sum given back grows from `from` by `amount`, but for what it
 * gave. */
static struct breakdown parts_back(const struct programme *programme, const struct sale *sale,
                                   int64_t from, struct money amount)
{
    int64_t to = from + amount.rials;
    int64_t redeemed = step(sale->redeemed.n, from, to, sale);
    return (struct breakdown){
        .amount = amount,
        .redeemed = {redeemed},
        .redeemed_value = {redeemed * plan_point_value(programme).rials},
        .payment = {step(sale->payment.rials, from, to, sale)},
        .due = {step(sale->due.rials, from, to, sale)},
        .gift = {step(sale->gift.rials, from, to, sale)},
        .voucher = {step(sale->voucher.rials, from, to, sale)},
    };
}

/* Takes back what the sale gave: points first, so that money withheld for them is not counted for
 * the cashback, too. */
static enum st take_given(const struct plan_input *input, const struct sale *sale,
                          const struct past *past, struct plan *ret)
{
    const struct programme *programme = input->programme;
    int64_t from = past->given_back.rials;
    int64_t to = from + ret->parts.amount.rials;
    int64_t award =
        sale->award.n - award_kept(programme, sale, to) - award_settled(input, sale, past);
    int64_t cashback = extras_kept(programme, sale, EFFECT_CASHBACK, sale->cashback.rials, from) -
                       extras_kept(programme, sale, EFFECT_CASHBACK, sale->cashback.rials, to);

    enum st st = take_award(input, award > 0 ? award : 0, ret);
    if (st == ST_OK) {
        st = take_cashback(input, cashback, award > ret->parts.award.n, ret);
    }
    return st;
}

enum st plan_refund(const struct plan_input *input, struct plan *ret)
{
    struct past past;
    struct sale sale;
    struct money amount;
    enum st st = plan_past_find(input, TRANSACTION_SALE, "sale", &past, ret);
    if (st != ST_OK) {
        return st;
    }
    st = plan_past_amount(input, &past, &amount, ret);
    if (st != ST_OK) {
        return st;
    }
    st = sale_derive(input, &past, &sale, ret);
    if (st != ST_OK) {
        return st;
    }
    ret->parts = parts_back(input->programme, &sale, past.given_back.rials, amount);
    st = take_given(input, &sale, &past, ret);
    if (st != ST_OK) {
        return st;
    }
    st = refuse_overflow(input, ret);
    if (st != ST_OK) {
        return st;
    }
    if (past.given_back.rials + amount.rials == sale.amount.rials) {
        ret->next.stamps = stamps_left(&past, ret->next.stamps);
    }
    ret->next.last.reference = past.distance;
    plan_apply(input, ret);
    return ST_OK;
}
