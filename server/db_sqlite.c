#include "server/db.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUSY_MS = 5000,
    PARAMETERS_MAX = 32,
    SQL_BYTES_MAX = 4096,
};

struct db {
    sqlite3 *sqlite;
    struct fault fault;
    bool in_transaction;
};

struct db_stmt {
    struct db *db;
    sqlite3_stmt *sqlite;
    char types[PARAMETERS_MAX + 1];
};

/* The one place where SQLite's codes become ours. */
static enum st translate(struct db *db, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE) {
        return ST_OK;
    }
    fault_say(&db->fault, "The club's database failed: %s (SQLite %d).", sqlite3_errmsg(db->sqlite),
              sqlite3_extended_errcode(db->sqlite));
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ST_AGAIN;
    case SQLITE_FULL:
        return ST_FULL;
    case SQLITE_CONSTRAINT: {
        int extended = sqlite3_extended_errcode(db->sqlite);
        bool key = extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_ROWID;
        return key ? ST_REFUSED : ST_CORRUPT;
    }
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
        return ST_CORRUPT;
    default:
        return ST_IO;
    }
}

/* WAL with a sync at every commit: anything less loses acknowledged entries at a power cut. The
 * checkpoint waits for 256 MB, because random pages go to the WAL and again to the file, and a page
 * that many transactions touch then goes to the file once; the cost is disk and a longer pause. */
static enum st configure(struct db *db)
{
    static const char pragmas[] = "PRAGMA journal_mode=WAL;"
                                  "PRAGMA synchronous=FULL;"
                                  "PRAGMA wal_autocheckpoint=65536;"
                                  "PRAGMA journal_size_limit=268435456;"
                                  "PRAGMA cache_size=-131072;"
                                  "PRAGMA temp_store=MEMORY;";
    (void)sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    return translate(db, sqlite3_exec(db->sqlite, pragmas, NULL, NULL, NULL));
}

enum st db_open(const char *path, bool create, struct db **ret, struct fault *fault)
{
    struct db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        fault_say(fault, "No memory to open %s.", path);
        return ST_FULL;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(path, &db->sqlite, flags, NULL);
    enum st st;
    if (db->sqlite == NULL) {
        fault_say(&db->fault, "No memory to open %s.", path);
        st = ST_FULL;
    } else {
        st = translate(db, rc);
    }
    if (st == ST_OK) {
        st = configure(db);
    }
    if (st != ST_OK) {
        fault_say(fault, "%s: %s", path, db->fault.say);
        db_close(db);
        return st;
    }
    *ret = db;
    return ST_OK;
}

void db_close(struct db *db)
{
    if (db == NULL) {
        return;
    }
    int rc = sqlite3_close(db->sqlite);
    assert(rc == SQLITE_OK && "a statement was not finished");
    free(db);
}

const struct fault *db_fault(const struct db *db)
{
    return &db->fault;
}

enum st db_exec(struct db *db, const char *sql)
{
    return translate(db, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

enum st db_begin_write(struct db *db)
{
    assert(!db->in_transaction);
    enum st st = db_exec(db, "BEGIN IMMEDIATE");
    db->in_transaction = st == ST_OK;
    return st;
}

enum st db_commit(struct db *db)
{
    assert(db->in_transaction);
    enum st st = db_exec(db, "COMMIT");
    if (st == ST_OK) {
        db->in_transaction = false;
    }
    return st;
}

void db_rollback(struct db *db)
{
    if (db->in_transaction && sqlite3_get_autocommit(db->sqlite) == 0) {
        (void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    }
    db->in_transaction = false;
}

/* SQLite numbers $1 by first appearance, like a name; ?1 is by position, as in PostgreSQL. */
static void dollars_to_marks(const char *sql, char ret_sql[SQL_BYTES_MAX])
{
    size_t size = strlen(sql) + 1;
    assert(size <= SQL_BYTES_MAX);
    memcpy(ret_sql, sql, size);
    for (char *c = strchr(ret_sql, '$'); c != NULL; c = strchr(c, '$')) {
        *c = '?';
    }
}

enum st db_prepare(struct db *db, const char *sql, const char *types, struct db_stmt **ret)
{
    assert(strlen(types) <= PARAMETERS_MAX);
    char marked[SQL_BYTES_MAX];
    dollars_to_marks(sql, marked);
    struct db_stmt *stmt = calloc(1, sizeof *stmt);
    if (stmt == NULL) {
        fault_say(&db->fault, "No memory for a statement.");
        return ST_FULL;
    }
    stmt->db = db;
    strcpy(stmt->types, types);
    int rc =
        sqlite3_prepare_v3(db->sqlite, marked, -1, SQLITE_PREPARE_PERSISTENT, &stmt->sqlite, NULL);
    enum st st = translate(db, rc);
    if (st != ST_OK) {
        if (rc == SQLITE_ERROR) {
            fprintf(stderr, "vafa-club: %s in: %s\n", db->fault.say, sql);
        }
        assert(rc != SQLITE_ERROR && "wrong SQL, or a table of another version");
        free(stmt);
        return st;
    }
    assert(sqlite3_bind_parameter_count(stmt->sqlite) == (int)strlen(types));
    *ret = stmt;
    return ST_OK;
}

void db_finish(struct db_stmt *stmt)
{
    if (stmt != NULL) {
        (void)sqlite3_finalize(stmt->sqlite); /* repeats the last step's code: already told */
        free(stmt);
    }
}

static void bind_all(struct db_stmt *stmt, va_list values)
{
    (void)sqlite3_reset(stmt->sqlite);
    int rc = SQLITE_OK;
    for (int n = 1; stmt->types[n - 1] != '\0' && rc == SQLITE_OK; n++) {
        switch (stmt->types[n - 1]) {
        case 'i':
            rc = sqlite3_bind_int64(stmt->sqlite, n, va_arg(values, int64_t));
            break;
        case 't':
            rc =
                sqlite3_bind_text(stmt->sqlite, n, va_arg(values, const char *), -1, SQLITE_STATIC);
            break;
        case 'b': {
            const void *bytes = va_arg(values, const void *);
            size_t size = va_arg(values, size_t);
            rc = sqlite3_bind_blob64(stmt->sqlite, n, size == 0 ? "" : bytes, size, SQLITE_STATIC);
            break;
        }
        default:
            assert(rc != SQLITE_OK); /* The types are i, t and b. */
        }
    }
    /* All parameters exist, nothing is copied, and our texts are far below SQLite's limit. */
    assert(rc == SQLITE_OK);
}

void db_bind(struct db_stmt *stmt, ...)
{
    va_list values;
    va_start(values, stmt);
    bind_all(stmt, values);
    va_end(values);
}

enum st db_step(struct db_stmt *stmt, bool *ret_row)
{
    int rc = sqlite3_step(stmt->sqlite);
    enum st st = translate(stmt->db, rc);
    if (rc != SQLITE_ROW) {
        (void)sqlite3_reset(stmt->sqlite);
    }
    if (st == ST_OK) {
        *ret_row = rc == SQLITE_ROW;
    }
    return st;
}

enum st db_run(struct db_stmt *stmt, ...)
{
    va_list values;
    va_start(values, stmt);
    bind_all(stmt, values);
    va_end(values);
    bool row = true;
    enum st st = ST_OK;
    while (st == ST_OK && row) {
        st = db_step(stmt, &row);
    }
    return st;
}

enum st db_first(struct db_stmt *stmt, bool *ret_row, ...)
{
    va_list values;
    va_start(values, ret_row);
    bind_all(stmt, values);
    va_end(values);
    return db_step(stmt, ret_row);
}

int64_t db_i64(struct db_stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->sqlite, column);
}

const char *db_text(struct db_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt->sqlite, column);
}

const void *db_bytes(struct db_stmt *stmt, int column, size_t *ret_size)
{
    const void *bytes = sqlite3_column_blob(stmt->sqlite, column);
    *ret_size = (size_t)sqlite3_column_bytes(stmt->sqlite, column);
    return bytes;
}

int db_columns(struct db_stmt *stmt)
{
    return sqlite3_column_count(stmt->sqlite);
}

const char *db_column_name(struct db_stmt *stmt, int column)
{
    return sqlite3_column_name(stmt->sqlite, column);
}

char db_kind(struct db_stmt *stmt, int column)
{
    switch (sqlite3_column_type(stmt->sqlite, column)) {
    case SQLITE_INTEGER:
        return 'i';
    case SQLITE_TEXT:
        return 't';
    case SQLITE_BLOB:
        return 'b';
    default: /* STRICT tables have no floating point */
        return '-';
    }
}

void db_reset(struct db_stmt *stmt)
{
    (void)sqlite3_reset(stmt->sqlite);
}

enum st db_has_table(struct db *db, const char *name, bool *ret_exists)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
                            "t", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_exists, name);
    }
    db_finish(stmt);
    return st;
}

enum st db_next_table(struct db *db, const char *after, char **ret_name)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret_name = NULL;
    enum st st = db_prepare(db,
                            "SELECT name FROM sqlite_master WHERE type = 'table' AND name > $1"
                            " AND name NOT LIKE 'sqlite%' ORDER BY name LIMIT 1",
                            "t", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, after);
    }
    if (st == ST_OK && row) {
        *ret_name = strdup(db_text(stmt, 0));
        st = *ret_name == NULL ? ST_FULL : ST_OK;
    }
    db_finish(stmt);
    return st;
}
