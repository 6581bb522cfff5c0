/* mandates.h - the mandate that this terminal has of the club (engine/mandate.h), signed.
 *
 * Kept as it came: what is loaded is checked against the club's key each time, so neither the line
 * nor this file need be trusted for it. A terminal that belongs to no club has none. */
#ifndef STORAGE_MANDATES_H
#define STORAGE_MANDATES_H

#include "firmware/engine/mandate.h"
#include "storage/store.h"

/* Takes a signed mandate, NUL-terminated. Only sync calls it.
 * ST_OK       it is in force, durable.
 * ST_REFUSED  not newer than the one in force, or another terminal's.
 * ST_DENIED   not signed by the club. ST_FOREIGN, ST_UNSUPPORTED as mandate_read().
 * Others      the store's. Unless ST_OK the old one stays; fault says why. */
ST_CHECK enum st mandate_take(struct store *store, const char *text, struct fault *fault);

/* The version that is stored, 0 = none: without checking it. */
ST_CHECK enum st mandate_version(struct store *store, int64_t *ret);

/* Loads what is in force. ST_REFUSED: there is none. ST_DENIED, ST_FOREIGN, ST_UNSUPPORTED: what is
 * stored is not the club's word: nothing of value may be done (fault). Others: the store's. */
ST_CHECK enum st mandate_load(struct store *store, struct mandate *ret, struct fault *fault);

#endif
