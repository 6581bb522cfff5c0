#include "firmware/engine/accrual.h"

#include <assert.h>

enum st accrual_make(const struct programme *programme, uint32_t terminal,
                     struct entry_accrual *accrual, struct plan *ret_plan)
{
    const struct snapshot nothing = {
        .status = CARD_ACTIVE,
        .counter = 1,
        .last = {.kind = TRANSACTION_ACTIVATE, .terminal = terminal, .sequence = 1}};
    const struct plan_input input = {.programme = programme,
                                     .history = &nothing,
                                     .history_count = 1,
                                     .wish = {.kind = TRANSACTION_SALE, .amount = accrual->amount},
                                     .occasion = &accrual->occasion,
                                     .minute = accrual->minute,
                                     .terminal = terminal,
                                     .sequence = 1};
    assert(accrual->amount.rials > 0 && accrual->programme == programme->version);
    assert(!accrual->occasion.has_facts && !accrual->occasion.has_identity);
    const enum st st = plan_make(&input, ret_plan);
    if (st == ST_OK) {
        accrual->rebate = ret_plan->parts.rebate;
        accrual->cashback = ret_plan->parts.load;
        accrual->award = ret_plan->parts.award;
        accrual->due = ret_plan->parts.due;
    }
    return st;
}
