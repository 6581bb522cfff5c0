/* links.h - which medium belongs to which card, as the terminals' journals say.
 *
 * A medium is known by its keyed hash only (docs/media.md): the club cannot turn it back into a
 * national code or phone number. Posted by the ledger with the batch that brings it. */
#ifndef SERVER_LINKS_H
#define SERVER_LINKS_H

#include <stdbool.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"
#include "sync/wire.h"

/* What a terminal that has `have` has not: the next links in the order of posting, at most
 * WIRE_LINKS_MAX. From the beginning when the club does not know that state: it was restored. */
ST_CHECK enum st links_news(struct db *db, const struct wire_links_have *have,
                            struct wire_links *ret);

/* Whatever finds card `from` finds `to` from now on: terminals learn it as links anew. Inside the
 * caller's write transaction. */
ST_CHECK enum st links_move(struct db *db, uint64_t from, uint64_t to);
/* What found `to` before it found `from` finds `to` again; what was linked to `from` itself does
 * not. Inside the caller's write transaction. */
ST_CHECK enum st links_return(struct db *db, uint64_t from, uint64_t to);

/* Writes all links as text, or as one JSON array; the newest last. */
ST_CHECK enum st links_write(struct db *db, bool as_json, FILE *out);

#endif
