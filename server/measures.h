/* measures.h - what the club gives points for beside sales: named measures, each with its points.
 *
 * A measure ("profile filled in": 20) is the operator's own. Giving it to a member is an action of
 * points (server/actions.h) with the measure's name as its text, so that screen, card history and
 * books say what the points are for. Points that are changed later change nothing that was given.
 * db's statuses (server/db.h) besides those named; the fault is a sentence for a person. */
#ifndef SERVER_MEASURES_H
#define SERVER_MEASURES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"

/* Adds the measure, or changes its points. ST_FOREIGN: not a name of 1 to ACTION_TEXT_BYTES bytes
 * of text, or not 1..POINTS_MAX points. */
ST_CHECK enum st measures_set(struct db *db, const char *name, int64_t points, int64_t now_s,
                              struct fault *fault);
/* Takes it off the list. ST_REFUSED: there is none. */
ST_CHECK enum st measures_drop(struct db *db, const char *name, struct fault *fault);
/* Its points. ST_REFUSED: there is none. */
ST_CHECK enum st measures_get(struct db *db, const char *name, int64_t *ret_points,
                              struct fault *fault);
/* What giving it under this reference (an action of origin prize) gives: its points, or what was
 * given under that reference before, whatever the measure gives now, and also when it is no measure
 * any more: so the same again is the same. ST_REFUSED: there is neither. */
ST_CHECK enum st measures_given(struct db *db, const char *name, const char *ref,
                                int64_t *ret_points, struct fault *fault);
/* Writes all of them by name. */
ST_CHECK enum st measures_write(struct db *db, bool as_json, FILE *out);

#endif
