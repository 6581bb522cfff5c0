/* operators.h (storage) - wrong PINs and locks of operators at this terminal, as its journal says.
 *
 * Kept by journal_append() with each entry of kind OPERATOR, so that no restart forgets a wrong
 * PIN; journal_verify() counts again. */
#ifndef STORAGE_OPERATORS_H
#define STORAGE_OPERATORS_H

#include "storage/store.h"

struct operator_state {
    uint32_t wrong;   /* wrong PINs since he last signed in or was unlocked, 0..OPERATOR_TRIES */
    bool is_locked;   /* by OPERATOR_LOCKED, and not unlocked since */
    uint32_t unlocks; /* the highest number of unlocks by the club that an entry has named */
};

/* Zeros for an operator whom the journal does not know. The store's statuses. */
ST_CHECK enum st operators_state(struct store *store, uint32_t number, struct operator_state *ret);

#endif
