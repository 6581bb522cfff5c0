/* earnings.h - sales to members whose card is not there, and their way back.
 *
 * What is earned is kept at the club for the member's card. Nothing is spent. One thread; no state
 * of its own. Why so: docs/decisions/0012-members.md. */
#ifndef FIRMWARE_TERMINAL_EARNINGS_H
#define FIRMWARE_TERMINAL_EARNINGS_H

#include "firmware/terminal/members.h"

/* A sale to a member whose card is not there, done, or gone back (accrual.refers_sequence). */
struct earning {
    uint64_t number; /* that it is kept for */
    struct entry_accrual accrual;
    uint32_t sequence;
    bool is_limit; /* refused, and nothing else of this counts: it would pass a limit */
};

/* Notes a sale to the member that `id` finds; what is earned waits at the club for their card.
 * ST_REFUSED  fault says why: nobody is found, the programme says no, or (ret->is_limit) a limit
 *             would be passed. Others: the store's. */
ST_CHECK enum st earnings_take(const struct members *members, const struct identifier *id,
                               const struct tap_request *tap, const struct basket *basket,
                               struct earning *ret, struct fault *fault);
/* Takes back all of such a sale of this terminal, once: entry `sequence`. The same statuses.
 * ST_REFUSED  besides: there is no such sale, or it went back before. */
ST_CHECK enum st earnings_give_back(const struct members *members, uint32_t sequence,
                                    uint32_t operator_no, struct earning *ret, struct fault *fault);

#endif
