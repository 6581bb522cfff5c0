/* report.h - what the books say, for people and for programs.
 *
 * Reads in one snapshot of the database, so that its sums agree while the server goes on posting.
 * Nothing is changed. Sums are taken from the raw rows, not from anything that posting kept. */
#ifndef SERVER_REPORT_H
#define SERVER_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"

/* Writes the ledger, cards, merchants, terminals, gaps and cases as text, or as one JSON object.
 * *ret_is_balanced is false when a book or batch does not sum to zero, or a card without a gap has
 * other balances than its last snapshot. */
ST_CHECK enum st report_write(struct db *db, bool as_json, FILE *out, bool *ret_is_balanced);

/* The terminals alone. */
ST_CHECK enum st report_terminals(struct db *db, bool as_json, FILE *out);

/* Writes {"club":[{card, points, credit, gift, voucher, counter}],"terminals":[{terminal,
 * entries:[hex]}]}: all that a second program needs to compute the books again. */
ST_CHECK enum st report_dump(struct db *db, FILE *out);

#endif
