/* lost.h - takes what the club vouches for of lost cards into the terminal's database.
 *
 * The club answers this terminal's own reports, in their order. How far it has come is the setting
 * "lost.have": the entry up to which a vouch has come, and up to which a settled one, and the
 * number of what was told again (docs/sync.md). Rows first, then how far they go: cut in between,
 * they come once more and change nothing. Statuses of storage/store.h; the fault is a sentence. */
#ifndef SYNC_LOST_H
#define SYNC_LOST_H

#include "storage/store.h"
#include "sync/wire.h"

/* What the terminal has, for the request. The fault is the store's. */
ST_CHECK enum st lost_have(struct store *store, struct wire_lost_have *ret);

/* Takes the news in, if there are any. *ret_has_more: there may be more at the club. */
ST_CHECK enum st lost_receive(struct store *store, const struct wire_lost *news, bool *ret_has_more,
                              struct fault *fault);

#endif
