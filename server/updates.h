/* updates.h - bringing a version to the terminals of a board, stage by stage (stages.h).
 *
 * One rollout a board. Its terminals have places: the named first one, or else the first of the
 * others, which are ordered so: those that may have it, are well and were heard of within
 * STAGES_RECENT_S first; of each branch its first terminal, then of each branch its second ...; by
 * their numbers. Who joins later comes last.
 *
 * A version is offered to a terminal of the stage when it is higher than what runs there, has not
 * fallen back there, and what runs is marked good with its self-test ok, or failed in what another
 * version may mend: the terminal's process, its database, its programme. A restart of the device
 * takes no offer back. A fallback of the version anywhere, or a failed self-test where it was
 * offered, stops its rollout: nothing is offered until a person resumes it. (When all have it, only
 * a fallback does. Where the version before had failed its self-test neither does.) db's statuses
 * besides those named; the fault is for a person. docs/fleet.md. */
#ifndef SERVER_UPDATES_H
#define SERVER_UPDATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/bundles.h"
#include "server/db.h"
#include "server/fleet.h"
#include "server/stages.h"

/* In the database: never renumber. */
enum updates_state {
    UPDATES_RUNNING = 1,
    UPDATES_STOPPED = 2,
    UPDATES_DONE = 3,     /* all have it; who joins or comes back is still offered it */
    UPDATES_REPLACED = 4, /* another version's rollout took its place */
};

enum {
    UPDATES_GOOD_FOR_DEFAULT_S = 24 * 3600,
    UPDATES_GOOD_FOR_MAX_S = 30 * 24 * 3600,
    UPDATES_FROM_DEFAULT = 2, /* hours, by the terminal's clock */
    UPDATES_TO_DEFAULT = 5,
    UPDATES_WHY_MAX = 200,
};

struct updates_order {
    const char *board;
    uint32_t version;
    uint32_t first;             /* the terminal of the first stage; 0 = by the rule */
    uint8_t from_hour, to_hour; /* 0..23 */
    int64_t good_for_s;         /* 0..UPDATES_GOOD_FOR_MAX_S */
};

/* Begins, or says the same again while it goes on. ST_REFUSED: there is no such bundle in the
 * club's folder `dir`, or its file is damaged; no terminal of that board (or not that first one);
 * or another rollout of the board is under way. */
ST_CHECK enum st updates_start(struct db *db, const char *dir, const struct updates_order *order,
                               int64_t now_s, struct fault *fault);
/* Of the rollout in force of that board. The same again is fine. ST_REFUSED: there is none; resume:
 * also when its bundle is not there any more, or damaged. */
ST_CHECK enum st updates_stop(struct db *db, const char *board, const char *why,
                              struct fault *fault);
ST_CHECK enum st updates_resume(struct db *db, const char *dir, const char *board,
                                struct fault *fault);
/* After a restore from a backup: stops what went on, for the club has forgotten what fell back
 * since. Inside a write transaction. */
ST_CHECK enum st updates_restored(struct db *db);
/* To that stage without waiting; STAGE_NONE: to the one after this. ST_REFUSED: it is stopped, or
 * the stage is not above the one that it is in. */
ST_CHECK enum st updates_next(struct db *db, const char *board, enum stage stage, int64_t now_s,
                              struct fault *fault);

/* The version whose rollout is in force on that board; 0 = none. */
ST_CHECK enum st updates_in_force(struct db *db, const char *board, uint32_t *ret_version);

/* --- for terminals ------------------------------------------------------------------------- */

/* Something happened to a version on a device; may stop its rollout. Inside a write transaction. */
ST_CHECK enum st updates_heard(struct db *db, uint32_t terminal, const char *board,
                               enum fleet_event what, uint32_t version, const char *say);
/* After a terminal told of its device: gives it a place, notes that it is offered the version, and
 * with `is_news` looks whether the stage is complete. Inside a write transaction. */
ST_CHECK enum st updates_tend(struct db *db, uint32_t terminal, bool is_news, int64_t now_s);
/* What is offered to the terminal now; ret->is_there is false: nothing. */
ST_CHECK enum st updates_offer(struct db *db, uint32_t terminal, struct wire_update *ret);

/* --- for people ---------------------------------------------------------------------------- */

/* Which bundles: each costs a look at every terminal of its rollout. */
struct updates_choice {
    const char *board; /* of one version; NULL: all, of which: */
    uint32_t version;
    int64_t from; /* so many are left out first */
    int64_t max;  /* at most so many */
};
/* Bundles, each with its rollout (null: none was begun) and what that waits for: an array of
 * objects, by board, the highest version first. Members: docs/club-api.yaml, update. */
ST_CHECK enum st updates_array(struct db *db, const char *dir, const struct updates_choice *choice,
                               int64_t now_s, json_t **ret);
ST_CHECK enum st updates_write(struct db *db, const char *dir, bool as_json, int64_t now_s,
                               FILE *out);

#endif
