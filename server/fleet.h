/* fleet.h - what each terminal last said of itself, and what is wrong with it.
 *
 * Functions on the database; db's statuses (server/db.h) besides those named. How to read the view,
 * and what each trouble means: docs/fleet.md. */
#ifndef SERVER_FLEET_H
#define SERVER_FLEET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"
#include "sync/wire.h"

/* A self-test is passed ("ok"), going on ("running"), or failed: then it is what failed. */
bool fleet_has_failed_test(const char *self_test);

/* --- what terminals say -------------------------------------------------------------------- */

/* What happened on a device. In the database: never renumber. */
enum fleet_event {
    FLEET_RUNS = 1,      /* it runs another version than before */
    FLEET_FELL_BACK = 2, /* the version was installed and fell back */
    FLEET_UNFIT = 3,     /* its self-test failed while it ran the version */
    FLEET_GOOD = 4,      /* the version was marked good, self-test ok */
};
enum {
    FLEET_EVENTS_MAX = 500 /* the newest of a terminal are kept; and as many versions fallen back */
};

/* Notes what the terminal says in a batch that was taken; brings rollouts on (updates.h). Costs no
 * write unless it is news or a minute old. Its texts are plain (said.h). Inside the caller's write
 * transaction. */
ST_CHECK enum st fleet_take(struct db *db, const struct wire_sync *batch, int64_t now_s);

/* --- the view ------------------------------------------------------------------------------ */

/* One terminal, or all (0) that are in use: an array of objects, the troubled first and the worst
 * of them before the others, then by number. Members are those of docs/club-api.yaml, fleet_row.
 * With `everyone` also those that are dead or revoked, without troubles. The caller owns it. */
ST_CHECK enum st fleet_array(struct db *db, uint32_t terminal, bool everyone, int64_t now_s,
                             json_t **ret);
/* Some of them by number: no more are looked at than FLEET_LOOK_MAX, so there may be fewer rows
 * than `max`, or none, and more to come. *ret_next is what `after` is then; 0: there are no more.
 */
enum { FLEET_LOOK_MAX = 1000 };
struct fleet_part {
    uint32_t after; /* a terminal's number */
    size_t max;     /* rows, 1.. */
    bool everyone;
    bool is_troubled; /* only those that have a trouble */
};
ST_CHECK enum st fleet_part(struct db *db, const struct fleet_part *part, int64_t now_s,
                            json_t **ret, uint32_t *ret_next);
/* One terminal with its history, newest first; ST_REFUSED: there is none, and the fault says so. */
ST_CHECK enum st fleet_object(struct db *db, uint32_t terminal, int64_t now_s, json_t **ret,
                              struct fault *fault);

/* For people: a table with each trouble below its terminal; as JSON: {"terminals": [...]}. */
ST_CHECK enum st fleet_write(struct db *db, bool as_json, bool everyone, int64_t now_s, FILE *out);
ST_CHECK enum st fleet_show(struct db *db, uint32_t terminal, bool as_json, int64_t now_s,
                            FILE *out, struct fault *fault);
/* A page that needs nothing but itself, in Persian and English. */
ST_CHECK enum st fleet_page(struct db *db, int64_t now_s, FILE *out);

/* After how many days of silence a terminal is proposed to be declared dead; 0 = never. */
enum { FLEET_DEAD_DAYS_MAX = 3650 };
ST_CHECK enum st fleet_dead_days(struct db *db, int64_t *ret);
ST_CHECK enum st fleet_set_dead_days(struct db *db, int64_t days, struct fault *fault);

#endif
