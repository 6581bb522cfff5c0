/* settlement.h - what the club owes to each merchant, or each owes to the club, for a period of
 * days.
 *
 * A look sums the counter entries of some days as they are posted now. Closing makes it final: a
 * numbered period from the day after the last one, whose lines never change again. What terminals
 * send later for days that are closed falls into the next period, and is shown there as late: a
 * line's late part is everything up to the period's first day that no closed period has. So all
 * closed lines together are always the books up to the last closed day, as they were posted then.
 *
 * Lines are rials only. The club's own accounts and what cards hold are the lines of merchant 0, so
 * that all lines sum to zero; a positive amount is what the club owes to the merchant.
 *
 * Closed periods are written to a file of the club's folder before they are in the database, so
 * that one that is restored from an older backup has them again (docs/club.md 12). */
#ifndef SERVER_SETTLEMENT_H
#define SERVER_SETTLEMENT_H

#include <jansson.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"

enum { SETTLEMENT_BY_MAX = 64, SETTLEMENTS_MAX = 1000000 };

/* The days from..to as they are posted now, as an object that the caller owns. */
ST_CHECK enum st settlement_look(struct db *db, int64_t from_day, int64_t to_day, json_t **ret);

/* A closed period; NULL: there is none of that number. */
ST_CHECK enum st settlement_object(struct db *db, int64_t number, json_t **ret);
/* Closed periods above number `after`, at most `limit`, without their lines. */
ST_CHECK enum st settlements_array(struct db *db, int64_t after, size_t limit, json_t **ret);
/* The number of the last closed period; 0 = none yet. */
ST_CHECK enum st settlement_last(struct db *db, int64_t *ret_number);

struct settlement_close {
    int64_t number; /* must be the next one, or one that was closed likewise; 0 = the next one */
    int64_t to_day;
    const char *by; /* who closes it: 1..SETTLEMENT_BY_MAX bytes */
    bool anyway;    /* although terminals have not sent everything of these days yet */
};
/* Closes a period up to and with `to_day`, in the club of folder `dir`. The same number with the
 * same last day again is fine and changes nothing. *ret_number is the period's. ST_REFUSED  the day
 * is not over, or is in a closed period already; another number is next; terminals are behind; the
 * books of these days do not sum to zero. The fault says which. ST_FOREIGN  a field is out of
 * range, or the folder's file is damaged. */
ST_CHECK enum st settlement_close(struct db *db, const char *dir,
                                  const struct settlement_close *close, int64_t now_s,
                                  int64_t *ret_number, struct fault *fault);

/* Puts closed periods that the folder's file has and the database lacks back, exactly as they were.
 * *ret_count: how many. Until every terminal has synced after it, nothing is closed but anyway. */
ST_CHECK enum st settlement_restore(struct db *db, const char *dir, int64_t now_s,
                                    int64_t *ret_count, struct fault *fault);

#endif
