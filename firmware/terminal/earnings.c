#include "firmware/terminal/earnings.h"

#include <inttypes.h>

#include "firmware/engine/accrual.h"
#include "hal/clock.h"
#include "storage/accruals.h"

static enum st say_store(const struct members *members, enum st st, struct fault *fault)
{
    *fault = *store_fault(members->store);
    return st;
}

/* Appends the entry, when no limit stops it, and tells what it says. */
static enum st append(const struct members *members, struct entry *entry, struct earning *ret,
                      struct fault *fault)
{
    *ret = (struct earning){.is_limit = false};
    enum st st = terminal_within_limits(members->terminal, entry, fault);
    ret->is_limit = st == ST_REFUSED;
    if (st == ST_OK) {
        st = terminal_append(members->terminal, entry, fault);
    }
    if (st == ST_OK) {
        *ret = (struct earning){.number = entry->accrual.number,
                                .accrual = entry->accrual,
                                .sequence = entry->sequence};
    }
    return st;
}

/* --- a sale ------------------------------------------------------------------------------------
 */

static enum st number_of(const struct members *members, const struct identifier *id,
                         uint64_t *ret_number, struct fault *fault)
{
    if (members_shows_number(id)) {
        *ret_number = id->number;
        return ST_OK;
    }
    const enum st st = members_find(members, id, ret_number);
    if (st == ST_REFUSED || st == ST_UNSUPPORTED || st == ST_GONE) {
        fault_say(fault, st == ST_REFUSED
                             ? "Nobody is known here by that: sell without, or let them join."
                             : "The key for media is missing or does not answer: sell without a "
                               "member.");
        return ST_REFUSED;
    }
    return st == ST_OK ? ST_OK : say_store(members, st, fault);
}

static enum st check_standing(const struct members *members, struct fault *fault)
{
    const struct standing *standing = terminal_standing(members->terminal);
    if (standing->terminal == 0 || standing->programme == NULL) {
        fault_say(fault, "This terminal is not enrolled, or has no programme yet.");
        return ST_REFUSED;
    }
    const enum st st = store_ready(members->store);
    return st == ST_OK ? ST_OK : say_store(members, st, fault);
}

enum st earnings_take(const struct members *members, const struct identifier *id,
                      const struct tap_request *tap, const struct basket *basket,
                      struct earning *ret, struct fault *fault)
{
    const struct standing *standing = terminal_standing(members->terminal);
    struct entry entry = {.kind = ENTRY_ACCRUAL, .operator_no = tap->operator_no};
    struct entry_accrual *accrual = &entry.accrual;
    struct plan plan;
    enum clock_quality quality;
    enum st st = check_standing(members, fault);
    if (st == ST_OK) {
        st = number_of(members, id, &accrual->number, fault);
    }
    if (st == ST_OK) {
        st = basket_resolve(basket, standing->programme, &accrual->occasion, fault);
    }
    if (st != ST_OK) {
        return st;
    }
    const int64_t now_s = clock_now_s(&quality);
    accrual->medium = (uint8_t)id->kind;
    accrual->programme = standing->programme->version;
    accrual->minute = quality == CLOCK_UNSET ? 0 : snapshot_minute(now_s);
    accrual->amount = tap->wish.amount;
    accrual->occasion.merchant = standing->merchant_no;
    accrual->occasion.branch = standing->branch_no;
    if (accrual_make(standing->programme, standing->terminal, accrual, &plan) != ST_OK) {
        *fault = plan.why;
        return ST_REFUSED;
    }
    return append(members, &entry, ret, fault);
}

/* --- it goes back -------------------------------------------------------------------------------
 */

/* The sale, which nobody has taken back yet. */
static enum st find_sale(const struct members *members, uint32_t sequence, struct entry *ret,
                         struct fault *fault)
{
    uint32_t back = 0;
    enum st st = journal_find(members->store, sequence, ret);
    if (st == ST_REFUSED ||
        (st == ST_OK && (ret->kind != ENTRY_ACCRUAL || ret->accrual.refers_sequence != 0))) {
        fault_say(fault,
                  "Entry %" PRIu32 " of this terminal is no sale without the card: its answer "
                  "gave the number. Another terminal's goes back there.",
                  sequence);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = accruals_find_back(members->store, sequence, &back);
    }
    if (st == ST_OK) {
        fault_say(fault,
                  "Sale %" PRIu32 " went back before, by entry %" PRIu32 ": hand nothing over.",
                  sequence, back);
        return ST_REFUSED;
    }
    return st == ST_REFUSED ? ST_OK : say_store(members, st, fault);
}

enum st earnings_give_back(const struct members *members, uint32_t sequence, uint32_t operator_no,
                           struct earning *ret, struct fault *fault)
{
    struct entry sale, back = {.kind = ENTRY_ACCRUAL, .operator_no = operator_no};
    enum clock_quality quality;
    *ret = (struct earning){.is_limit = false};
    enum st st = check_standing(members, fault);
    if (st == ST_OK) {
        st = find_sale(members, sequence, &sale, fault);
    }
    if (st != ST_OK) {
        return st;
    }
    const int64_t now_s = clock_now_s(&quality);
    accrual_make_back(&sale.accrual, sequence, quality == CLOCK_UNSET ? 0 : snapshot_minute(now_s),
                      &back.accrual);
    return append(members, &back, ret, fault);
}
