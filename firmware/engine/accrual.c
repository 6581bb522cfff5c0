#include "firmware/engine/accrual.h"

#include <assert.h>

enum st accrual_make(const struct programme *programme, uint32_t terminal,
                     struct entry_accrual *accrual, struct plan *ret_plan)
{
    const struct snapshot nothing = {
        .layout = SNAPSHOT_LAYOUT_FIRST,
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

void accrual_make_back(const struct entry_accrual *sale, uint32_t sequence, uint32_t minute,
                       struct entry_accrual *ret)
{
    assert(sale->refers_sequence == 0 && sequence != 0);
    *ret = *sale;
    ret->refers_sequence = sequence;
    ret->minute = minute;
}

bool accrual_takes_back(const struct entry_accrual *back, const struct entry_accrual *sale)
{
    return back->refers_sequence != 0 && sale->refers_sequence == 0 &&
           back->number == sale->number && back->programme == sale->programme &&
           back->amount.rials == sale->amount.rials && back->rebate.rials == sale->rebate.rials &&
           back->cashback.rials == sale->cashback.rials && back->award.n == sale->award.n;
}
