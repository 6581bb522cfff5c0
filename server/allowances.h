/* allowances.h - how much each terminal may do, and the ceilings of merchants that the club splits.
 *
 * A grant is a total since the terminal's first entry, or a day's; docs/limits.md. The sum over a
 * merchant's terminals never goes above its ceiling: each counts with the highest of what is
 * granted, what was granted before and may still be in force, and what is used. Functions on the
 * database; db's statuses besides those named. */
#ifndef SERVER_ALLOWANCES_H
#define SERVER_ALLOWANCES_H

#include <stdio.h>

#include "firmware/engine/limits.h"
#include "server/db.h"

/* Whose limit; numbers are in the database. */
enum quota_scope { QUOTA_OF_TERMINAL = 1, QUOTA_OF_MERCHANT = 2, QUOTA_OF_OPERATOR = 3 };
enum quota_span { QUOTA_TOTAL = 0, QUOTA_DAY = 1 };

struct quota_name {
    enum quota_scope scope;
    int64_t id;
    enum quota_span span;
    enum limit_what what;
    enum limit_unit unit;
};

/* Sets one; `max` -1: there is none any more.
 * ST_REFUSED  a terminal's would pass its merchant's ceiling, or a ceiling is below what its
 *             terminals may do already: the fault has the figures. Nothing has changed. */
ST_CHECK enum st allowances_set(struct db *db, const struct quota_name *name, int64_t max,
                                struct fault *fault);
/* Grants a terminal `more` in all, beyond what is granted or used, whichever is higher. */
ST_CHECK enum st allowances_grant(struct db *db, uint32_t terminal, enum limit_what what,
                                  enum limit_unit unit, int64_t more, struct fault *fault);
/* Gives what is free of each ceiling of the merchant to its terminals that live, in equal parts;
 * what does not divide goes to the first. *ret_granted is how many grants changed. */
ST_CHECK enum st allowances_split(struct db *db, int64_t merchant, uint32_t *ret_granted,
                                  struct fault *fault);

/* The limits of one: of a terminal, those of its merchant's ceilings that it has no part of are 0.
 */
ST_CHECK enum st allowances_of(struct db *db, enum quota_scope scope, int64_t id,
                               enum quota_span span, struct limits *ret);

/* The terminal has its newest mandate and has sent all that it did before: what older ones allowed
 * is over. Inside the caller's write transaction. */
ST_CHECK enum st allowances_settle(struct db *db, uint32_t terminal);

/* What is granted, used and left, by terminal, and the ceilings. */
ST_CHECK enum st allowances_list(struct db *db, bool as_json, FILE *out);

#endif
