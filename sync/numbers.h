/* numbers.h - more card numbers from the club, before those of this terminal are used up.
 *
 * How: docs/sync.md, "Card numbers". Only the sync process calls it. */
#ifndef SYNC_NUMBERS_H
#define SYNC_NUMBERS_H

#include "storage/store.h"
#include "sync/wire.h"

/* What is left, for the request. ST_OK, or the store's. */
ST_CHECK enum st numbers_have(struct store *store, struct wire_numbers_have *ret);
/* Takes the range in that came, if one came; the same again changes nothing.
 * ST_FOREIGN  it is not of this club's numbers: fault says so; nothing has changed.
 * Others: the store's. */
ST_CHECK enum st numbers_take(struct store *store, const struct wire_numbers *news,
                              struct fault *fault);

#endif
