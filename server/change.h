/* change.h - one write transaction from its begin to its end, and statements that run once.
 *
 * What the modules of the club that are not the ledger share. The fault is a sentence for the
 * person; where nothing else was said it becomes the database's own. */
#ifndef SERVER_CHANGE_H
#define SERVER_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"

/* Prepares, binds, runs and finishes one statement. */
#define DB_ONCE(st, db, sql, types, ...)                                                           \
    do {                                                                                           \
        struct db_stmt *once = NULL;                                                               \
        (st) = db_prepare(db, sql, types, &once);                                                  \
        if ((st) == ST_OK) {                                                                       \
            (st) = db_run(once, __VA_ARGS__);                                                      \
        }                                                                                          \
        db_finish(once);                                                                           \
    } while (0)

/* Takes the write lock. Clears the fault, which may be NULL. */
ST_CHECK enum st change_begin(struct db *db, struct fault *fault);
/* Commits what went well (`st` is ST_OK), else takes everything back. Returns what became of it. */
ST_CHECK enum st change_end(struct db *db, enum st st, struct fault *fault);

/* Between many changes in a row. Who waits for the lock looks for it now and then only, so it is
 * left alone for as long as the change that began at `began_ms` had it, within bounds. */
int64_t change_clock_ms(void);
void change_leave_room(int64_t began_ms);

/* The number after that of the query's one row, 1 without a row. Within a change nobody else takes
 * it. */
ST_CHECK enum st change_next_number(struct db *db, const char *sql, int64_t *ret);

/* A name that a person gave: 1..max bytes of UTF-8 without control characters. */
bool text_is_name(const char *text, size_t max);

#endif
