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

/* Writes all links as text, or as one JSON array; the newest last. */
ST_CHECK enum st links_write(struct db *db, bool as_json, FILE *out);

#endif
