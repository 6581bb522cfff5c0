/* card_view.h - one card as the books have it: balances, state, history, and how fresh that is.
 *
 * Reads only. What the books say of a card is what terminals have sent; a sale that a terminal has
 * not sent yet is not in it. So every view carries `as_of`. */
#ifndef SERVER_CARD_VIEW_H
#define SERVER_CARD_VIEW_H

#include <jansson.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"

/* "ok", "gap", "cloned" or "differs" of a row that begins card_no, b0, b1, b2, b3, cnt, hi, top,
 * known, image. Without a gap the sum of all deltas is what the last snapshot says; a card that was
 * cloned or restored has two histories, and the books follow the one that came first. */
ST_CHECK enum st card_state(struct db *db, struct db_stmt *row, const char **ret_state);

/* Every terminal that is in use had sent all that it did up to *ret_at, by what it said at its last
 * sync. 0: not known, or no terminal has synced yet. *ret_behind: how many said that they had more
 * to send than they had sent. */
ST_CHECK enum st books_as_of(struct db *db, int64_t *ret_at, int64_t *ret_behind);

/* The card, its state and freshness, as an object that the caller owns; NULL: the books have none
 * of that number. */
ST_CHECK enum st card_object(struct db *db, uint64_t card, json_t **ret);

/* Which of a card's transactions: below a counter, of some days. */
struct card_history {
    uint64_t card;
    int64_t below;         /* counters below this one */
    int64_t from_s, end_s; /* by the terminals' clocks: from_s <= time < end_s */
    size_t limit;
};
/* Its transactions, the newest first, each with the balances after it, as an array that the caller
 * owns. Balances after leave out what the books do not have (state "gap"). */
ST_CHECK enum st card_history_array(struct db *db, const struct card_history *history,
                                    json_t **ret);

#endif
