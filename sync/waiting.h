/* waiting.h - takes what the club says of waiting actions into the terminal's database.
 *
 * A stream (sync/stream.h). How far it has come is the setting "actions.have": number, mark and
 * start (docs/sync.md); what does not read is asked for from the beginning. Statuses of
 * storage/store.h; the fault is the store's. */
#ifndef SYNC_WAITING_H
#define SYNC_WAITING_H

#include "storage/store.h"
#include "sync/wire.h"

/* What the terminal has, for the request. */
ST_CHECK enum st waiting_have(struct store *store, struct wire_actions_have *ret);

/* Takes the news in. *ret_more: there may be more at the club. */
ST_CHECK enum st waiting_take(struct store *store, const struct wire_actions *news, bool *ret_more);

#endif
