/* settled.h - up to when the club knows what every terminal did.
 *
 * Functions on the database; db's statuses. A terminal is live when it was not declared dead and
 * its certificates are not revoked, also when it never synced yet. Of the others nothing more will
 * be heard but through the cards (docs/decisions/0009). */
#ifndef SERVER_SETTLED_H
#define SERVER_SETTLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/db.h"
#include "sync/wire.h"

/* A terminal asks, with all that it had to send: at now_s, what is the time before which it knows
 * every action and every listing that the club made? *ret is 0 when that cannot be said, or when it
 * had more to send. */
ST_CHECK enum st settled_of(struct db *db, const struct wire_sync *batch, int64_t now_s,
                            int64_t *ret);

/* The live terminals, as t, for SQL: they are waited for. */
#define SETTLED_LIVE                                                                               \
    " FROM term t WHERE dead_at = 0"                                                               \
    " AND (EXISTS (SELECT 1 FROM cert c WHERE c.term_id = t.term_id AND c.revoked_at = 0)"         \
    " OR NOT EXISTS (SELECT 1 FROM cert c WHERE c.term_id = t.term_id))"

/* Everything that live terminals did before *ret is with the club, and each of them had by then
 * every action and listing that was made before it. So what was void at a time before *ret was
 * applied before, and is known, or never will be. INT64_MAX: there is no live terminal. */
ST_CHECK enum st settled_until(struct db *db, int64_t *ret);

/* Whether that holds of what was made at time_s. */
ST_CHECK enum st settled(struct db *db, int64_t time_s, bool *ret);

/* For whoever restored it: what no terminal tells. */
#define SETTLED_SAY_AGAIN                                                                          \
    "Say again which terminals were revoked or declared dead since the backup, which operators "   \
    "were blocked or removed, and which cards are refused, then mandate renew; the rest: "         \
    "docs/club.md, 1."

/* The club was restored from an older backup, and terminals know more than it does: notes the time,
 * unless it waits for terminals since an earlier one, and stops what updates go on (updates.h).
 * Inside the caller's write transaction. */
ST_CHECK enum st settled_forgot(struct db *db, int64_t now_s);
/* Whether that is so still: not every live terminal has brought all that it has since then. Until
 * then the club does not know which numbers it gave. When it is over, `ends` notes that, too
 * (then inside a write transaction). */
ST_CHECK enum st settled_is_forgetful(struct db *db, bool ends, bool *ret);

/* When a terminal that is not live ceased to be; 0: it is live, or there is none. */
ST_CHECK enum st settled_gone_at(struct db *db, uint32_t terminal, int64_t *ret);

/* Some live terminals for which that does not hold, lowest numbers first, at most `max`. */
ST_CHECK enum st settled_waits(struct db *db, int64_t time_s, uint32_t *ret, size_t max,
                               size_t *ret_count);

#endif
