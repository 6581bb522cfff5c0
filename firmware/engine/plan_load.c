/* Money that is put on a card's purses and taken off again: activate, load, unload. */
#include "firmware/engine/plan_priv.h"

/* --- activate ------------------------------------------------------------------------------ */

/* What the programme says of the kind of the card; NULL: nothing. */
static const struct programme_kind_terms *terms_of(const struct plan_input *input)
{
    const struct occasion *occasion = input->occasion;
    return occasion != NULL && occasion->has_identity
               ? programme_kind_terms(input->programme, occasion->kind)
               : NULL;
}

/* The opening amounts that a new card may have. */
static void openings(const struct plan_input *input, struct opening ret[PURSES])
{
    const struct programme *programme = input->programme;
    const struct programme_kind_terms *terms = terms_of(input);

    ret[PURSE_CREDIT] = (struct opening){.max = programme->opening_max};
    ret[PURSE_GIFT] = (struct opening){.max = {0}};
    ret[PURSE_VOUCHER] = (struct opening){.max = programme->purse_max[PURSE_VOUCHER]};
    if (terms != NULL && terms->credit.is_set) {
        ret[PURSE_CREDIT] = terms->credit;
    }
    if (terms != NULL && terms->gift.is_set) {
        ret[PURSE_GIFT] = terms->gift;
    }
}

enum st plan_activate(const struct plan_input *input, struct plan *ret)
{
    static const char *const nouns[PURSES] = {[PURSE_CREDIT] = "The opening credit",
                                              [PURSE_GIFT] = "The opening gift",
                                              [PURSE_VOUCHER] = "The opening voucher"};
    const struct wish *wish = &input->wish;
    const struct money wanted[PURSES] = {
        [PURSE_CREDIT] = wish->amount, [PURSE_GIFT] = wish->gift, [PURSE_VOUCHER] = wish->voucher};
    struct opening may[PURSES];
    openings(input, may);
    for (int p = 0; p < PURSES; p += 1) {
        enum st st = wanted[p].rials > 0 ? plan_refuse_purse(input, (enum purse)p, ret) : ST_OK;
        if (st != ST_OK) {
            return st;
        }
        if (wanted[p].rials < may[p].min.rials || wanted[p].rials > may[p].max.rials) {
            return plan_refuse_range(input->programme, ret, nouns[p], wanted[p], may[p].min.rials,
                                     may[p].max);
        }
    }
    struct money sum = {wish->amount.rials + wish->gift.rials + wish->voucher.rials};
    if (sum.rials > MONEY_MAX_RIALS) {
        return plan_refuse_range(input->programme, ret, "All that a new card carries", sum, 0,
                                 (struct money){MONEY_MAX_RIALS});
    }
    ret->parts = (struct breakdown){.amount = sum,
                                    .load = wish->amount,
                                    .due = sum,
                                    .gift = wish->gift,
                                    .voucher = wish->voucher};
    ret->next.group = plan_group(input);
    if (ret->next.group != 0 && !programme_has_group(input->programme, ret->next.group)) {
        return plan_refuse(ret, REFUSAL_GROUP_UNKNOWN, "The club has no group %u.",
                           ret->next.group);
    }
    plan_apply(input, ret);
    return ST_OK;
}

/* --- load ---------------------------------------------------------------------------------- */

static enum purse loaded_purse(const struct wish *wish)
{
    return wish->gift.rials > 0      ? PURSE_GIFT
           : wish->voucher.rials > 0 ? PURSE_VOUCHER
                                     : PURSE_CREDIT;
}

enum st plan_load(const struct plan_input *input, struct plan *ret)
{
    const struct programme *programme = input->programme;
    const struct wish *wish = &input->wish;
    enum purse purse = loaded_purse(wish);
    struct money amount = {wish->amount.rials + wish->gift.rials + wish->voucher.rials};
    struct money has = input->history[0].purse[purse];
    int64_t room = programme->purse_max[purse].rials - has.rials;

    enum st st = plan_refuse_purse(input, purse, ret);
    if (st != ST_OK) {
        return st;
    }
    if (amount.rials < programme->load_min.rials || amount.rials > programme->load_max.rials) {
        return plan_refuse_range(programme, ret, "A load", amount, programme->load_min.rials,
                                 programme->load_max);
    }
    if (amount.rials > room) {
        char text[2][PLAN_MONEY_TEXT_MAX];
        return plan_refuse(ret,
                           purse == PURSE_CREDIT ? REFUSAL_CREDIT_CEILING : REFUSAL_PURSE_CEILING,
                           "The card holds %s of %s already and may hold at most %s.",
                           plan_money_say(input->programme, has, text[0]), plan_purse_word(purse),
                           plan_money_say(input->programme, programme->purse_max[purse], text[1]));
    }
    ret->parts = (struct breakdown){.amount = amount,
                                    .load = wish->amount,
                                    .due = amount,
                                    .gift = wish->gift,
                                    .voucher = wish->voucher};
    if (purse == PURSE_CREDIT) {
        int64_t bonus = plan_bonus(programme, amount.rials);
        ret->parts.load.rials += bonus < room - amount.rials ? bonus : room - amount.rials;
    }
    plan_apply(input, ret);
    return ST_OK;
}

/* --- unload -------------------------------------------------------------------------------- */

/* A past load: where it went, and what it gave beyond the money that was taken. */
struct loaded {
    enum purse purse;
    int64_t amount, bonus;
};

/* False: no load of ours leads from the snapshot before to the one after it. */
static bool loaded_derive(const struct past *past, struct loaded *ret)
{
    int64_t amount = past->after->last.amount.rials;
    int64_t rose[PURSES];
    int purses = 0;
    enum purse purse = PURSE_CREDIT;
    for (int p = 0; p < PURSES; p += 1) {
        rose[p] = past->after->purse[p].rials - past->before->purse[p].rials;
        if (rose[p] != 0) {
            purse = (enum purse)p;
            purses += 1;
        }
    }
    *ret = (struct loaded){.purse = purse, .amount = amount, .bonus = rose[purse] - amount};
    return purses == 1 && (purse == PURSE_CREDIT ? ret->bonus >= 0 : ret->bonus == 0);
}

/* What stays of the bonus once `given_back` of the load went back: by share, and not more than what
 * stays of the load would have earned by itself. */
static int64_t bonus_kept(const struct programme *programme, const struct loaded *load,
                          int64_t given_back)
{
    int64_t left = load->amount - given_back;
    int64_t share = share_floor(load->bonus, left, load->amount);
    int64_t by_rule = plan_bonus(programme, left);
    return share < by_rule ? share : by_rule;
}

/* The bonus that earlier unloads took off: the card's ring tells. */
static int64_t bonus_settled(const struct plan_input *input, const struct past *past)
{
    int64_t settled = 0;
    for (size_t i = past->distance - 1U; i-- > 0;) {
        const struct snapshot *later = &input->history[i];
        if (plan_gives_back(later, TRANSACTION_UNLOAD, past->after->counter)) {
            int64_t off = input->history[i + 1].purse[PURSE_CREDIT].rials -
                          later->purse[PURSE_CREDIT].rials - later->last.amount.rials;
            settled += off > 0 ? off : 0;
        }
    }
    return settled;
}

/* What goes off the card when `amount` of the load goes back now. */
static struct money off_now(const struct plan_input *input, const struct past *past,
                            const struct loaded *load, struct money amount)
{
    if (load->purse != PURSE_CREDIT) {
        return amount;
    }
    int64_t bonus = load->bonus -
                    bonus_kept(input->programme, load, past->given_back.rials + amount.rials) -
                    bonus_settled(input, past);
    return (struct money){amount.rials + (bonus > 0 ? bonus : 0)};
}

enum st plan_unload(const struct plan_input *input, struct plan *ret)
{
    struct past past;
    struct loaded load;
    struct money amount;
    enum st st = plan_past_find(input, TRANSACTION_LOAD, "load", &past, ret);
    if (st == ST_OK) {
        st = plan_past_amount(input, &past, &amount, ret);
    }
    if (st != ST_OK) {
        return st;
    }
    if (!loaded_derive(&past, &load)) {
        return plan_refuse(ret, REFUSAL_POINT_VALUE_CHANGED,
                           "This load is not as the card shows it: ask the club.");
    }
    struct money off = off_now(input, &past, &load, amount);
    struct money has = input->history[0].purse[load.purse];
    if (off.rials > has.rials) {
        char text[2][PLAN_MONEY_TEXT_MAX];
        return plan_refuse(
            ret, load.purse == PURSE_CREDIT ? REFUSAL_CREDIT_SPENT : REFUSAL_PURSE_SPENT,
            "The card has only %s of %s left, not %s.",
            plan_money_say(input->programme, has, text[0]), plan_purse_word(load.purse),
            plan_money_say(input->programme, off, text[1]));
    }
    ret->parts = (struct breakdown){.amount = amount, .due = amount};
    *(load.purse == PURSE_GIFT      ? &ret->parts.gift
      : load.purse == PURSE_VOUCHER ? &ret->parts.voucher
                                    : &ret->parts.load) = off;
    ret->next.last.reference = past.distance;
    plan_apply(input, ret);
    return ST_OK;
}
