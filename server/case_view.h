/* case_view.h - cases for people: the list, one with its evidence, and saying that it is dealt
 * with.
 *
 * A case is opened by the ledger (docs/club.md 7) and never goes away. A person who has dealt with
 * it says who and why; that changes no books. Its name is "TERMINAL-SEQUENCE-WHY", "1-24-clone":
 * the entry that showed it, the same in a club that was restored. */
#ifndef SERVER_CASE_VIEW_H
#define SERVER_CASE_VIEW_H

#include <jansson.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"

enum { CASE_NAME_MAX = 40, CASE_BY_MAX = 64, CASE_REASON_MAX = 240 };

/* At most `limit` cases that were opened after the case `after` ("" = from the first), oldest
 * first; those that are dealt with only when `all`. An array that the caller owns. ST_FOREIGN there
 * is no case `after`. */
ST_CHECK enum st cases_array(struct db *db, const char *after, bool all, size_t limit,
                             json_t **ret);

/* The case with all that is known: the entry that showed it, what the club held against it, and
 * what is posted under the same counter of the card. NULL: there is none of that name. */
ST_CHECK enum st case_object(struct db *db, const char *name, json_t **ret);

/* Marks it as dealt with. The same again changes nothing.
 * ST_FOREIGN  `by` or `why` is empty, too long or not UTF-8.
 * ST_REFUSED  there is no such case (*ret_found is false), or it was closed otherwise. */
ST_CHECK enum st case_close(struct db *db, const char *name, const char *by, const char *why,
                            int64_t now_s, bool *ret_found, struct fault *fault);

#endif
