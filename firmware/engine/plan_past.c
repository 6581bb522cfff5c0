#include "firmware/engine/plan_priv.h"

bool plan_gives_back(const struct snapshot *later, enum transaction_kind kind, uint32_t counter)
{
    return later->last.kind == kind && later->counter - later->last.reference == counter;
}

/* All that gave back of it are in the history, since they are newer than it. */
enum st plan_past_find(const struct plan_input *input, enum transaction_kind kind, const char *noun,
                       struct past *ret, struct plan *ret_plan)
{
    const struct wish *wish = &input->wish;
    uint32_t newest = input->history[0].counter;
    size_t count = plan_dense_count(input);
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
        if (plan_gives_back(&input->history[i], wish->kind, wish->refers_counter)) {
            ret->given_back.rials += input->history[i].last.amount.rials; /* <= 63 x 2^36 */
        }
    }
    return ST_OK;
}

enum st plan_past_amount(const struct plan_input *input, const struct past *past, struct money *ret,
                         struct plan *ret_plan)
{
    struct money wish = input->wish.amount;
    int64_t left = past->after->last.amount.rials - past->given_back.rials;
    if (left <= 0) {
        return plan_refuse(ret_plan, REFUSAL_ALREADY_REFUNDED, "All of it was given back already.");
    }
    if (wish.rials > left) {
        char text[PLAN_MONEY_TEXT_MAX];
        return plan_refuse(ret_plan, REFUSAL_ALREADY_REFUNDED, "Only %s of it are left.",
                           plan_money_say(input->programme, (struct money){left}, text));
    }
    ret->rials = wish.rials == 0 ? left : wish.rials;
    return ST_OK;
}
