/* hotlist_priv.h - what the files of the hotlist share: the handle, its statements, SQLite's codes.
 *
 * Private to storage/hotlist*.c. Every SQLite result code passes through hotlist_status_of(). */
#ifndef STORAGE_HOTLIST_PRIV_H
#define STORAGE_HOTLIST_PRIV_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "storage/hotlist.h"

enum statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_HEAD,
    SQL_HEAD_PUT,
    SQL_FIND, /* in card0; each with its twin for card1 behind it */
    SQL_FIND_1,
    SQL_PUT,
    SQL_PUT_1,
    SQL_HAS,
    SQL_HAS_1,
    SQL_DROP,
    SQL_DROP_1,
    SQL_CLEAR,
    SQL_CLEAR_1,
    SQL_COUNT,
    SQL_COUNT_1,
    STATEMENTS,
};

struct hotlist {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    struct fault fault;
    int live;         /* which table the last lookup found in force */
    struct stat file; /* as it was opened */
    const char *name; /* without folders, inside `path` */
    char path[];
};

/* The one row of head. */
struct row {
    int live;
    struct hotlist_head head;
    uint32_t next_cards;
};

/* Notes a contradiction that we found ourselves. Returns ST_CORRUPT. */
ST_CHECK enum st hotlist_corrupt(struct hotlist *hotlist, const char *what);
/* The one translator of SQLite's codes; `doing` completes "could not ...". */
ST_CHECK enum st hotlist_status_of(struct hotlist *hotlist, int code, const char *doing);
/* The statement, reset. */
sqlite3_stmt *hotlist_use(struct hotlist *hotlist, int which);
/* ST_OK: a row, which sqlite3_reset() ends. ST_REFUSED: none. */
ST_CHECK enum st hotlist_first(struct hotlist *hotlist, sqlite3_stmt *statement);
ST_CHECK enum st hotlist_run(struct hotlist *hotlist, sqlite3_stmt *statement);
/* Takes the write lock. */
ST_CHECK enum st hotlist_begin(struct hotlist *hotlist);
/* Commits when `st` is ST_OK, else rolls back and returns `st`. */
ST_CHECK enum st hotlist_end(struct hotlist *hotlist, enum st st);
ST_CHECK enum st hotlist_head_get(struct hotlist *hotlist, struct row *ret);

#endif
