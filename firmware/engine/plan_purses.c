#include "firmware/engine/calendar.h"
#include "firmware/engine/plan_priv.h"

const char *plan_purse_word(enum purse purse)
{
    static const char *const words[PURSES] = {
        [PURSE_CREDIT] = "credit", [PURSE_GIFT] = "gift", [PURSE_VOUCHER] = "voucher"};
    return words[purse];
}

enum st plan_refuse_purse(const struct plan_input *input, enum purse purse, struct plan *ret)
{
    static const uint32_t modules[PURSES] = {[PURSE_CREDIT] = MODULE_CREDIT,
                                             [PURSE_GIFT] = MODULE_GIFT,
                                             [PURSE_VOUCHER] = MODULE_VOUCHER};
    if (programme_has(input->programme, modules[purse])) {
        return ST_OK;
    }
    return plan_refuse(ret, purse == PURSE_CREDIT ? REFUSAL_CREDIT_OFF : REFUSAL_PURSE_OFF,
                       "This club has no %s on cards.", plan_purse_word(purse));
}

/* --- what a card may spend ----------------------------------------------------------------- */

static bool spends_at(const struct programme_kind_terms *terms, uint32_t branch)
{
    bool is_there = terms->branch_count == 0;
    for (size_t i = 0; i < terms->branch_count; i += 1) {
        is_there |= terms->branches[i] == branch;
    }
    return is_there;
}

/* Gift and voucher are what the club promised, by a day and at branches. Credit is the member's
 * money, and points have an age of their own: these are not bound. */
static enum st refuse_terms(const struct plan_input *input, struct plan *ret)
{
    const struct occasion *occasion = input->occasion;
    if (occasion == NULL || !occasion->has_identity) {
        return ST_OK;
    }
    int32_t today = (int32_t)plan_day(input) - 1 + CALENDAR_DAYS_1900;
    if (occasion->expires != 0 && plan_day(input) != 0 && today > occasion->expires) {
        return plan_refuse(ret, REFUSAL_CARD_EXPIRED,
                           "The time for gift and voucher of this card is over.");
    }
    const struct programme_kind_terms *terms =
        programme_kind_terms(input->programme, occasion->kind);
    if (terms != NULL && !spends_at(terms, occasion->branch)) {
        return plan_refuse(ret, REFUSAL_CARD_BRANCH,
                           "Gift and voucher of this card are for other branches.");
    }
    return ST_OK;
}

static enum st refuse_short(const struct plan_input *input, enum purse purse, struct money pay,
                            struct plan *ret)
{
    struct money has = input->history[0].purse[purse];
    char text[2][PLAN_MONEY_TEXT_MAX];

    enum st st = pay.rials > 0 ? plan_refuse_purse(input, purse, ret) : ST_OK;
    if (st == ST_OK && pay.rials > has.rials) {
        return plan_refuse(ret, purse == PURSE_CREDIT ? REFUSAL_CREDIT_SHORT : REFUSAL_PURSE_SHORT,
                           "The card has %s of %s, not %s.",
                           plan_money_say(input->programme, has, text[0]), plan_purse_word(purse),
                           plan_money_say(input->programme, pay, text[1]));
    }
    return st;
}

enum st plan_refuse_payments(const struct plan_input *input, int64_t net, struct plan *ret)
{
    const struct wish *wish = &input->wish;
    int64_t promised = wish->pay_voucher.rials + wish->pay_gift.rials;
    char text[2][PLAN_MONEY_TEXT_MAX];

    enum st st = refuse_short(input, PURSE_VOUCHER, wish->pay_voucher, ret);
    if (st == ST_OK) {
        st = refuse_short(input, PURSE_GIFT, wish->pay_gift, ret);
    }
    if (st == ST_OK && promised > 0) {
        st = refuse_terms(input, ret);
    }
    if (st == ST_OK) {
        st = refuse_short(input, PURSE_CREDIT, wish->pay_credit, ret);
    }
    if (st != ST_OK) {
        return st;
    }
    int64_t spent = wish->redeem.n * plan_point_value(input->programme).rials +
                    wish->pay_credit.rials + promised;
    if (spent > net) {
        return plan_refuse(ret, REFUSAL_PAYS_TOO_MUCH,
                           "The card would pay %s, but the price is %s.",
                           plan_money_say(input->programme, (struct money){spent}, text[0]),
                           plan_money_say(input->programme, (struct money){net}, text[1]));
    }
    return ST_OK;
}

/* --- a load's bonus ------------------------------------------------------------------------ */

int64_t plan_bonus(const struct programme *programme, int64_t amount)
{
    int64_t step = programme->cashback_step.rials;
    int64_t bonus = 0;
    for (size_t i = 0; i < programme->bonus_count; i += 1) {
        if (amount >= programme->bonus[i].from.rials) {
            bonus = share_floor(amount, programme->bonus[i].percent_hundredths, PERCENT_WHOLE);
        }
    }
    return bonus / step * step;
}
