/* limits.h (storage) - what this terminal has used of its limits, as its journal says.
 *
 * Kept by journal_append() in the transaction that appends: an entry counts as used from the
 * moment it is durable; an intent, in doubt or not, until an outcome says that it was not done.
 * Nothing else changes a figure, and journal_verify() counts all of them again. Limits:
 * docs/limits.md. */
#ifndef STORAGE_LIMITS_H
#define STORAGE_LIMITS_H

#include "firmware/engine/limits.h"
#include "storage/store.h"

/* Whose use; numbers are in the file: never renumber. */
enum used_scope {
    USED_TERMINAL = 1,     /* all there ever was; id 0, day 0 */
    USED_TERMINAL_DAY = 2, /* id 0 */
    USED_OPERATOR_DAY = 3, /* id: the operator's number, 0 = nobody signed in */
    USED_CARD_DAY = 4,     /* id: the card's number, or what an accrual is kept for */
};

/* Gives what was used on `day` (limits_day()); zeros when nothing was. The store's statuses. */
ST_CHECK enum st limits_used(struct store *store, enum used_scope scope, uint64_t id, int32_t day,
                             struct limit_use *ret);

#endif
