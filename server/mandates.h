/* mandates.h (server) - what each terminal is allowed, as a document that the club signs.
 *
 * Made by the operator's commands, because signing takes the club's key; the server only hands it
 * out. A mandate's version is the club's clock, or one more than the last: so a club that was
 * restored from an older backup makes newer ones again by `vafa-club mandate renew`. */
#ifndef SERVER_MANDATES_H
#define SERVER_MANDATES_H

#include "firmware/engine/mandate.h"
#include "server/db.h"
#include "sync/wire.h"

/* Makes and signs what has changed, for every terminal that lives; *ret_count of them. `all`: for
 * those whose mandate did not change, too. ST_REFUSED: something is to be signed,
 * and the key is kept elsewhere. ST_FULL: too many
 * operators. Others: db's, file's. The fault is a sentence. */
ST_CHECK enum st mandates_renew(struct db *db, const char *dir, int64_t now_s, bool all,
                                uint32_t *ret_count, struct fault *fault);

/* At a terminal's sync: notes that it has version `have`; with `is_settled` (it has sent all that
 * it did) what an older mandate allowed is over. *ret_text is a newer one (MANDATE_TEXT_MAX + 1
 * bytes), "" when there is none. */
ST_CHECK enum st mandates_sync(struct db *db, uint32_t terminal, int64_t have, bool is_settled,
                               char *ret_text);

#endif
