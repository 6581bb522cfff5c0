/* rebuild.h - a terminal that will not come back: its journal out of the cards that it served.
 *
 * Each call is one write transaction; the same again changes nothing. From then on every batch that
 * brings news of a card posts what has become provable. Statuses: db's, and ST_REFUSED with a
 * sentence. Why so: docs/decisions/0009-rebuilding.md. */
#ifndef SERVER_REBUILD_H
#define SERVER_REBUILD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"
#include "server/ledger.h"

/* Declares the terminal dead: its certificates are refused, and what cards show of it is posted.
 * ST_REFUSED: no such terminal. */
ST_CHECK enum st rebuild_dead(struct ledger *ledger, uint32_t terminal, int64_t now_s,
                              uint32_t *ret_posted, struct fault *fault);
/* It was found, and may sync again: what was posted by proof is confirmed by its own entries.
 * ST_REFUSED: no such terminal, it is not declared dead, or it was revoked, before that or since:
 * then it stays dead. */
ST_CHECK enum st rebuild_back(struct ledger *ledger, uint32_t terminal, int64_t now_s,
                              struct fault *fault);

/* The gap report of one terminal: what the club has, what came back from cards, what is missing and
 * when those cards were last seen. ST_REFUSED: no such terminal. */
ST_CHECK enum st rebuild_report(struct db *db, uint32_t terminal, bool as_json, FILE *out,
                                struct fault *fault);

#endif
