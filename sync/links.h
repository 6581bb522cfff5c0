/* links.h - brings the club's links of media (docs/media.md) into the terminal's database.
 *
 * A stream (sync/stream.h). Statuses are the store's, whose fault says what is wrong. */
#ifndef SYNC_LINKS_H
#define SYNC_LINKS_H

#include "storage/store.h"
#include "sync/wire.h"

/* What this terminal has. A setting that does not read: nothing, and the club begins anew. */
ST_CHECK enum st links_have(struct store *store, struct wire_links_have *ret);
/* Takes the news in. *ret_has_more: there may be more at the club. */
ST_CHECK enum st links_receive(struct store *store, const struct wire_links *news,
                               bool *ret_has_more);

#endif
