#include <assert.h>

#include "firmware/engine/plan_priv.h"

/* --- points that are too young to spend ---------------------------------------------------- */

/* The points on the card that cannot be spent yet: what sales have earned since the newest
 * transaction that is known to be hold_days old. All points are held when the card's history does
 * not reach back so far; none when the clock is not set. How much longer the history is does not
 * matter, so that the club comes to the same. */
static int64_t held_points(const struct plan_input *input)
{
    const struct facts_rules rules = plan_facts_rules(input->programme);
    size_t count = plan_dense_count(input);
    int32_t today = plan_day(input);
    int32_t since = today - input->programme->hold_days; /* earned by then: free */
    int64_t points = input->history[0].points.n;
    int64_t held = 0;

    if (today == 0 || input->programme->hold_days == 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i += 1) {
        const struct snapshot *after = &input->history[i];
        int32_t day = facts_day(&rules, after->last.minute);
        if (after->counter == 1 || (day != 0 && day <= since)) {
            return held < points ? held : points;
        }
        if (after->last.kind == TRANSACTION_SALE && i + 1 < count) {
            int64_t award =
                after->points.n - input->history[i + 1].points.n + after->last.redeemed.n;
            held += award > 0 ? award : 0;
        }
    }
    return points;
}

/* --- what the shopper wants to spend ------------------------------------------------------- */

static enum st refuse_redemption(const struct plan_input *input, int64_t net, struct plan *ret)
{
    const struct programme *programme = input->programme;
    int64_t redeem = input->wish.redeem.n;
    int64_t points = input->history[0].points.n;
    int64_t value = plan_point_value(programme).rials;
    char text[PLAN_MONEY_TEXT_MAX];

    if (redeem == 0) {
        return ST_OK;
    }
    if (value == 0) {
        return plan_refuse(ret, REFUSAL_REDEMPTION_OFF, "Points cannot be spent in this club.");
    }
    if (redeem < programme->redeem_min.n) {
        return plan_refuse(ret, REFUSAL_REDEMPTION_RANGE, "At least %lld points can be spent.",
                           (long long)programme->redeem_min.n);
    }
    if (redeem > points) {
        return plan_refuse(ret, REFUSAL_POINTS_SHORT, "The card has %lld points, not %lld.",
                           (long long)points, (long long)redeem);
    }
    if (redeem > REDEEMED_MAX) {
        return plan_refuse(ret, REFUSAL_POINTS_SHORT, "At most %lld points can be spent at once.",
                           (long long)REDEEMED_MAX);
    }
    int64_t held = held_points(input);
    if (redeem > points - held) {
        return plan_refuse(ret, REFUSAL_POINTS_HELD,
                           "%lld of the card's %lld points can be spent today, the others later.",
                           (long long)(points - held), (long long)points);
    }
    int64_t most = share_floor(net, programme->redeem_max_hundredths, PERCENT_WHOLE);
    if (redeem * value > most) {
        return plan_refuse(ret, REFUSAL_REDEMPTION_RANGE,
                           "Points may pay at most %s of this basket, which is %lld points.",
                           plan_money_say(input->programme, (struct money){most}, text),
                           (long long)(most / value));
    }
    return ST_OK;
}

/* --- what the rules give ------------------------------------------------------------------- */

/* `sum`, as far as there is room for it; the explanation says what was cut. */
static int64_t cut_to(struct plan *plan, enum effect_kind effect, int64_t sum, int64_t room)
{
    int64_t value = sum < room ? sum : room > 0 ? room : 0;
    if (value < sum) {
        plan_note_total(plan, effect, sum, value);
    }
    return value;
}

/* Award and cashback, for rebate, redemption and payment as ret->parts has them. */
static void give(struct sale_rules *rules, struct plan *ret)
{
    const struct programme *programme = rules->input->programme;
    const struct snapshot *card = &rules->input->history[0];
    struct breakdown *parts = &ret->parts;

    rules->left = parts->amount.rials - parts->rebate.rials;
    rules->left -= programme->award_on_redeemed ? 0 : parts->redeemed_value.rials;
    rules->left -= programme->award_on_credit ? 0 : parts->payment.rials;
    rules->left -= programme->award_on_gift ? 0 : parts->gift.rials;
    rules->left -= programme->award_on_voucher ? 0 : parts->voucher.rials;
    rules->earning = share_floor(rules->left, rules->earns, parts->amount.rials);

    parts->award.n = cut_to(ret, EFFECT_AWARD, plan_stack(rules, EFFECT_AWARD),
                            programme->points_max.n - (card->points.n - parts->redeemed.n));
    int64_t credit = card->purse[PURSE_CREDIT].rials - parts->payment.rials;
    parts->load.rials = cut_to(ret, EFFECT_CASHBACK, plan_stack(rules, EFFECT_CASHBACK),
                               programme->purse_max[PURSE_CREDIT].rials - credit);
}

enum st plan_sale(const struct plan_input *input, struct plan *ret)
{
    const struct programme *programme = input->programme;
    const struct wish *wish = &input->wish;
    struct sale_rules rules;

    if (wish->amount.rials > programme->sale_max.rials) {
        return plan_refuse_range(programme, ret, "A basket", wish->amount, 1, programme->sale_max);
    }
    enum st st = plan_rules_judge(input, &rules, ret);
    if (st != ST_OK) {
        return st;
    }
    int64_t rebate =
        cut_to(ret, EFFECT_REBATE, plan_stack(&rules, EFFECT_REBATE), wish->amount.rials);
    int64_t net = wish->amount.rials - rebate;
    st = refuse_redemption(input, net, ret);
    if (st == ST_OK) {
        st = plan_refuse_payments(input, net, ret);
    }
    if (st != ST_OK) {
        return st;
    }
    struct money value = {wish->redeem.n * plan_point_value(programme).rials};
    ret->parts = (struct breakdown){
        .amount = wish->amount,
        .rebate = {rebate},
        .redeemed = wish->redeem,
        .redeemed_value = value,
        .payment = wish->pay_credit,
        .due = {net - value.rials - wish->pay_credit.rials - wish->pay_gift.rials -
                wish->pay_voucher.rials},
        .gift = wish->pay_gift,
        .voucher = wish->pay_voucher,
    };
    give(&rules, ret);
    plan_stamps_and_group(&rules);
    struct points after = {input->history[0].points.n - wish->redeem.n + ret->parts.award.n};
    ret->next.tier = plan_tier(input, &ret->parts, after);
    ret->next.last.reference = wish->redeem.n == 0 ? 0 : plan_value_mark(programme->point_value);
    ret->next.last.has_idle = rules.earns > 0 && rules.earns < wish->amount.rials;
    ret->next.last.offer = rules.offer;
    ret->next.last.flags = (uint8_t)((ret->parts.payment.rials > 0 ? SALE_PAID_CREDIT : 0) |
                                     (ret->parts.load.rials > 0 ? SALE_CASHBACK : 0));
    plan_apply(input, ret);
    return ST_OK;
}
