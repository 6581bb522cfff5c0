/* All that a card has, to another one in its place: two transactions, one on each card. Between
 * them it is in transit; of a lost card, which cannot be asked, only the second one is made
 * (docs/programme.md, "Duplicates and replacements"). */
#include "firmware/engine/plan_priv.h"

static enum st duplicate_out(const struct plan_input *input, struct plan *ret)
{
    const struct snapshot *card = &input->history[0];

    ret->parts = (struct breakdown){.amount = card->purse[PURSE_CREDIT],
                                    .payment = card->purse[PURSE_CREDIT],
                                    .award = card->points,
                                    .gift = card->purse[PURSE_GIFT],
                                    .voucher = card->purse[PURSE_VOUCHER]};
    ret->next.status = CARD_CLOSED;
    ret->next.last.flags = TRANSFER_OUT;
    plan_apply(input, ret);
    return ST_OK;
}

/* No rule may refuse it: it has left the other card, or who issues the card answers for it. */
static enum st duplicate_in(const struct plan_input *input, struct plan *ret)
{
    const struct wish *wish = &input->wish;

    ret->parts = (struct breakdown){.amount = wish->amount,
                                    .load = wish->amount,
                                    .award = wish->inherits.points,
                                    .gift = wish->gift,
                                    .voucher = wish->voucher};
    ret->next.tier = wish->inherits.tier;
    ret->next.group = wish->inherits.group;
    ret->next.stamps = wish->inherits.stamps;
    ret->next.last.flags = TRANSFER_IN;
    plan_apply(input, ret);
    return ST_OK;
}

enum st plan_duplicate(const struct plan_input *input, struct plan *ret)
{
    return input->occasion->peer.direction == PEER_OUT ? duplicate_out(input, ret)
                                                       : duplicate_in(input, ret);
}
