/* logs.h - a device's log and health, asked for by somebody at the club (docs/fleet.md).
 *
 * It comes only while a person at the terminal has consented. A log is N.gz in the club's folder
 * `logs`, as the terminal packed it. db's statuses besides those named; the fault is for a person.
 */
#ifndef SERVER_LOGS_H
#define SERVER_LOGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"

enum {
    LOGS_ASKED_S = 7 * 86400, /* not come within this: nobody asks for it any more */
    LOGS_KEPT_S = 30 * 86400, /* thrown away this long after it came */
    LOGS_KEPT_MAX = 50,       /* the oldest goes when one more comes: at most 12.5 MiB in all */
    LOGS_BY_MAX = 64,
};

/* Asks for the log of a terminal in use. While it is asked for already: that one's number, and
 * *ret_by who did. ST_REFUSED: there is no such terminal, or it is not in use. ST_FOREIGN: `by` is
 * no name. */
ST_CHECK enum st logs_ask(struct db *db, uint32_t terminal, const char *by, int64_t now_s,
                          int64_t *ret_no, struct fault *fault);
/* The one that is asked for of a terminal; 0 = none. */
ST_CHECK enum st logs_asked(struct db *db, uint32_t terminal, int64_t now_s, uint32_t *ret);
/* It comes. The same again is fine. ST_REFUSED: nobody asks for that one of that terminal.
 * ST_FOREIGN: not gzip of at most WIRE_REQUEST_MAX bytes; `scratch` has as much room. */
ST_CHECK enum st logs_put(struct db *db, const char *dir, uint32_t terminal, int64_t no,
                          const void *bytes, size_t size, void *scratch, int64_t now_s,
                          struct fault *fault);
/* One that came, as it was packed: *ret_bytes is the caller's to free. ST_REFUSED: it did not come,
 * or was thrown away, or its file is not what came: a restored club gives numbers again. */
ST_CHECK enum st logs_get(struct db *db, const char *dir, int64_t no, char **ret_bytes,
                          size_t *ret_size, struct fault *fault);
/* Throws one away, or asks for it no more. Again is fine. ST_REFUSED: there is no such one. */
ST_CHECK enum st logs_drop(struct db *db, const char *dir, int64_t no, int64_t now_s,
                           struct fault *fault);
/* Throws away what was kept for its time, and files in the folder that the database does not know:
 * those that came after the backup that a club was restored from. */
ST_CHECK enum st logs_tend(struct db *db, const char *dir, int64_t now_s, struct fault *fault);

/* The newest first, at most `max` after `from` of them; members: docs/club-api.yaml, log. */
ST_CHECK enum st logs_array(struct db *db, int64_t from, int64_t max, int64_t now_s, json_t **ret);
/* One of them: an array of it, or an empty one. */
ST_CHECK enum st logs_one(struct db *db, int64_t no, int64_t now_s, json_t **ret);
ST_CHECK enum st logs_write(struct db *db, bool as_json, int64_t now_s, FILE *out);

#endif
