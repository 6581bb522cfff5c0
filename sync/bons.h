/* bons.h - brings what the club says of vouchers (docs/vouchers.md) into the terminal's database.
 *
 * A stream (sync/stream.h). Statuses are the store's. */
#ifndef SYNC_BONS_H
#define SYNC_BONS_H

#include "storage/store.h"
#include "sync/wire.h"

/* What this terminal has. A setting that does not read: nothing, and the club begins anew. */
ST_CHECK enum st bons_have(struct store *store, struct wire_bons_have *ret);
/* Takes `news`, the answer to `have`. *ret_has_more: ask again at once. ST_FOREIGN: nobody asked
 * for that. */
ST_CHECK enum st bons_receive(struct store *store, const struct wire_bons_have *have,
                              const struct wire_bons *news, bool *ret_has_more,
                              struct fault *fault);

#endif
