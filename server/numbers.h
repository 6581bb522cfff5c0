/* numbers.h - which card numbers belong to which terminal.
 *
 * Numbers are payloads, without the Luhn digit, in blocks of NUMBERS_BLOCK. A terminal's first
 * block follows from its own number; further ones are drawn by chance from the upper half of all
 * blocks, so that a club that was restored and forgot some does not give them out again; and what
 * terminals say that they have is noted. A terminal is given another block when it has fewer than
 * NUMBERS_LOW left. db's statuses (server/db.h). */
#ifndef SERVER_NUMBERS_H
#define SERVER_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"
#include "sync/wire.h"

enum {
    NUMBERS_BLOCK = 100000,
    NUMBERS_LOW = 10000,
    NUMBERS_TERMINALS_MAX = (1 << 19) - 1, /* terminals whose first block lies in the lower half */
    NUMBERS_CLUB = 0, /* the club's own: for members who join without any terminal */
};

/* The block that the terminal gets at enrolment. */
void numbers_first(uint32_t terminal, struct wire_numbers *ret);
/* Another range, when the terminal needs one or has not got its newest yet. A write transaction of
 * its own when there is something to note. */
ST_CHECK enum st numbers_news(struct db *db, uint32_t terminal,
                              const struct wire_numbers_have *have, int64_t now_s,
                              struct wire_numbers *ret);
/* Whether the card number (with its Luhn digit) was reserved for the terminal. */
ST_CHECK enum st numbers_are_of(struct db *db, uint32_t terminal, uint64_t card, bool *ret);
/* The club's own next number, with its Luhn digit. Only inside the caller's write transaction.
 * ST_FULL  no number is left. */
ST_CHECK enum st numbers_take(struct db *db, int64_t now_s, uint64_t *ret_card);

#endif
