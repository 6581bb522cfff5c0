/* batch.h - what a sync's request says of the journal, whether it goes over the line (client.h) or
 * into a file (export.h). Statuses: the store's, besides those named; `fault` is always said. */
#ifndef SYNC_BATCH_H
#define SYNC_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "storage/store.h"
#include "sync/wire.h"

/* The terminal's number. ST_REFUSED: it is not enrolled. */
ST_CHECK enum st batch_terminal(struct store *store, uint32_t *ret, struct fault *fault);

/* Fills in request->after, ->base and the entries behind `after`, at most `max`
 * (1..WIRE_ENTRIES_MAX). `rows` is room for max + 1. ST_CORRUPT also when the journal ends before
 * `after`. */
ST_CHECK enum st batch_entries(struct store *store, uint32_t after, size_t max,
                               struct journal_row *rows, struct wire_sync *request,
                               struct fault *fault);

/* Passes on what the store says: where no refusal is a possible answer it is ST_CORRUPT. */
ST_CHECK enum st batch_store_says(const struct store *store, enum st st, struct fault *fault);

#endif
