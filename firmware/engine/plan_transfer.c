/* Credit from one member's card to another's: two transactions, one on each card. Between them the
 * money is in transit (docs/programme.md, "Transfers"). */
#include "firmware/engine/plan_priv.h"

static enum st transfer_out(const struct plan_input *input, struct plan *ret)
{
    struct money amount = input->wish.amount;
    struct money credit = input->history[0].purse[PURSE_CREDIT];

    enum st st = plan_refuse_purse(input, PURSE_CREDIT, ret);
    if (st != ST_OK) {
        return st;
    }
    if (amount.rials > credit.rials) {
        char text[2][PLAN_MONEY_TEXT_MAX];
        return plan_refuse(ret, REFUSAL_CREDIT_SHORT, "The card has %s of credit, not %s.",
                           plan_money_say(input->programme, credit, text[0]),
                           plan_money_say(input->programme, amount, text[1]));
    }
    ret->parts = (struct breakdown){.amount = amount, .payment = amount};
    ret->next.last.flags = TRANSFER_OUT;
    plan_apply(input, ret);
    return ST_OK;
}

/* The money has left the other card already: only the card's own bits may refuse it. */
static enum st transfer_in(const struct plan_input *input, struct plan *ret)
{
    struct money amount = input->wish.amount;

    if (input->history[0].purse[PURSE_CREDIT].rials > MONEY_MAX_RIALS - amount.rials) {
        return plan_refuse(ret, REFUSAL_CREDIT_CEILING, "The card cannot hold that much credit.");
    }
    ret->parts = (struct breakdown){.amount = amount, .load = amount};
    ret->next.last.flags = TRANSFER_IN;
    plan_apply(input, ret);
    return ST_OK;
}

enum st plan_transfer(const struct plan_input *input, struct plan *ret)
{
    return input->occasion->peer.direction == PEER_OUT ? transfer_out(input, ret)
                                                       : transfer_in(input, ret);
}
