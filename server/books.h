/* books.h - the ledger as a whole: what is in each book and account, and whether it adds up.
 *
 * Sums are taken from the raw rows, not from anything that posting kept. Reads only. */
#ifndef SERVER_BOOKS_H
#define SERVER_BOOKS_H

#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"
#include "server/places.h"

/* Queries without parameters: each account's entries and amount; each book's sum, which must be 0.
 */
extern const struct places books_ledger, books_sums;
/* Actions by origin, giver and kind: how many wait, were taken, went back, and their amounts.
 * Columns of kind o and k are enum action_origin and enum action_kind (firmware/engine/action.h).
 */
extern const struct places books_actions;
/* Actions that a card is past while their transaction has not come, and what that hangs on: a live
 * terminal that has to sync, a terminal whose intent is in doubt; 0: nothing. */
extern const struct places books_passed;

struct books_totals {
    int64_t transactions;
    int64_t unbalanced_batches; /* in which some book does not sum to zero */
    int64_t unbalanced_books;
    int64_t differing_replaced; /* purses in which `replaced` is not what lost cards' places got */
    int64_t differing_pending;  /* purses in which `pending` is not what actions wait for */
    int64_t
        differing_transit; /* rials: `transit` less what open transfers and duplicates have there */
    int64_t unchecked;     /* posted, but not computed again */
};
ST_CHECK enum st books_totals(struct db *db, struct books_totals *ret);

#endif
