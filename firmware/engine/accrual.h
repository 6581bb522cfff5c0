/* accrual.h - what the programme gives for a sale to a member whose card is not there.
 *
 * Pure; terminal and club compute the same. The sale is planned for a card of which nothing is
 * known: just issued, nothing on it, in no tier or group, no facts and no identity. So rules that
 * ask for any of these, or give something once, do not act. Points and cashback are kept for the
 * member by the club; stamps are not given. Nothing can be spent. */
#ifndef FIRMWARE_ENGINE_ACCRUAL_H
#define FIRMWARE_ENGINE_ACCRUAL_H

#include "firmware/engine/entry_member.h"
#include "firmware/engine/plan.h"

/* Fills in rebate, cashback, award and due of *accrual from its amount (more than 0, else a bug),
 * minute and occasion; `programme` is the one that it names.
 * ST_REFUSED  ret_plan->why says why: above the programme's limits, an unknown code, lines that do
 *             not add up. */
ST_CHECK enum st accrual_make(const struct programme *programme, uint32_t terminal,
                              struct entry_accrual *accrual, struct plan *ret_plan);

/* Makes of `sale`, entry `sequence` of this terminal, the accrual that takes all of it back. */
void accrual_make_back(const struct entry_accrual *sale, uint32_t sequence, uint32_t minute,
                       struct entry_accrual *ret);
/* True when `back` takes back just what `sale`, which is no back itself, gave. */
bool accrual_takes_back(const struct entry_accrual *back, const struct entry_accrual *sale);

#endif
