/* transfers.h - credit on its way between two cards: what is in transit, and what the club can do.
 *
 * The ledger joins the halves (ledger_priv.h). This is for people and programs. A transfer is named
 * by the terminal and the number of the intent that took it off its card. db's statuses besides
 * those named. Why so: docs/decisions/0011-two-cards.md; states: docs/club.md 14. */
#ifndef SERVER_TRANSFERS_H
#define SERVER_TRANSFERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/actions.h"
#include "server/places.h"

/* Those that do not come to zero; $1, $2 = terminal and number to begin after, $3 = at most. */
extern const struct places transfers_open;

/* The books' `transit` less what the open rows account for: 0, or something is wrong. */
ST_CHECK enum st transfers_differ(struct db *db, int64_t *ret);

/* All rows, for programs that check the books: "transfers" and "transfers_in", fields of an object
 * without its braces. */
ST_CHECK enum st transfers_dump(struct db *db, FILE *out);

/* One with all that is known of it, as an object that the caller owns; NULL: there is none. */
ST_CHECK enum st transfers_object(struct db *db, uint32_t terminal, uint32_t sequence,
                                  json_t **ret);

/* What a person orders: of what is in transit, this, and to which card. */
struct transfer_release {
    uint32_t terminal, sequence;
    uint64_t to;    /* a transfer's may be 0 = the card that it left */
    bool is_anyway; /* also while some terminal has not been heard since */
};

/* Brings it to a card by an action, in a write transaction of its own: only when its terminal will
 * not give it to one any more, because it was declared dead or its certificates are refused, when
 * every live terminal has been heard since, so that a card which has it would be known, and when
 * the money is in transit. The same again is fine.
 * ST_REFUSED  the fault says why not, and what to do. */
ST_CHECK enum st transfers_release(struct actions *actions, const struct transfer_release *release,
                                   int64_t now_s, struct fault *fault);

#endif
