/* db.h - the club's database behind a dozen calls, so that a second engine is one more file.
 *
 * SQL comes in the subset that SQLite 3.40 and PostgreSQL 15 both run (docs/club.md 6); parameters
 * are $1, $2 ...; what differs in DDL is behind the macros below. One handle, one thread; several
 * handles and processes may have the same database open. server/db_sqlite.c is the only user of
 * sqlite3.h on the server.
 *
 * Statuses that every call may return, and what the caller does:
 * ST_REFUSED  the key exists already. A caller that did not expect it has found a contradiction.
 * ST_AGAIN    another writer held the lock too long: roll back, retry later. Nothing has changed.
 * ST_FULL     the disk is full: roll back, say so.
 * ST_IO       the disk failed or is read-only: roll back, say so.
 * ST_CORRUPT  the file contradicts itself, or a CHECK failed: stop, call for help.
 * After any of them db_fault() has the sentence. */
#ifndef SERVER_DB_H
#define SERVER_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

/* DDL that the engines spell differently. */
#define KEY64  "INTEGER" /* a 64-bit integer that is the whole primary key (PG: BIGINT) */
#define I64    "INTEGER" /* any other 64-bit integer (PG: BIGINT) */
#define BYTES  "BLOB"    /* (PG: BYTEA) */
#define STRICT "STRICT"  /* refuse values of another type (PG: nothing) */

struct db;
struct db_stmt;

/* Opens the database at `path`; `create` makes a missing one, else that is ST_IO. Every commit is
 * on the disk when db_commit() returns. Waits up to 5 s for another writer. */
ST_CHECK enum st db_open(const char *path, bool create, struct db **ret, struct fault *fault);
void db_close(struct db *db); /* accepts NULL; every statement must be finished before */
/* The sentence of the last failure. Never NULL. */
const struct fault *db_fault(const struct db *db);

/* Runs statements without parameters or rows, separated by semicolons. */
ST_CHECK enum st db_exec(struct db *db, const char *sql);

/* Whether a table of that name exists: each engine asks its own catalogue. */
ST_CHECK enum st db_has_table(struct db *db, const char *name, bool *ret_exists);

/* The first table whose name comes after `after` ("" = the first one); *ret_name is the caller's to
 * free, NULL after the last. */
ST_CHECK enum st db_next_table(struct db *db, const char *after, char **ret_name);

/* Transactions. A write transaction takes the write lock at once, so that nothing read in it can
 * change before its commit. Rollback cannot fail; without a transaction it does nothing. */
ST_CHECK enum st db_begin_write(struct db *db);
ST_CHECK enum st db_commit(struct db *db);
void db_rollback(struct db *db);

/* Prepares one statement. `types` has one letter a parameter: i int64_t, t const char * (NULL = SQL
 * NULL), b const void * and size_t. Wrong SQL is a bug and asserts. */
ST_CHECK enum st db_prepare(struct db *db, const char *sql, const char *types,
                            struct db_stmt **ret);
void db_finish(struct db_stmt *stmt); /* accepts NULL */

/* Binds all parameters, in order, as `types` says. Text and bytes are not copied: they must stay
 * until the statement is bound again or finished. */
void db_bind(struct db_stmt *stmt, ...);
/* The next row: *ret_row is false after the last one. Columns stay until the next call. */
ST_CHECK enum st db_step(struct db_stmt *stmt, bool *ret_row);
/* Binds, runs to the end and throws rows away. */
ST_CHECK enum st db_run(struct db_stmt *stmt, ...);
/* Binds and fetches the first row, if any; columns stay until the next call on `stmt`. */
ST_CHECK enum st db_first(struct db_stmt *stmt, bool *ret_row, ...);

int64_t db_i64(struct db_stmt *stmt, int column);
const char *db_text(struct db_stmt *stmt, int column); /* NULL = SQL NULL */
const void *db_bytes(struct db_stmt *stmt, int column, size_t *ret_size);

/* What a statement's rows are made of, after it is prepared. A row's value: 'i' number, 't' text,
 * 'b' bytes, '-' SQL NULL. */
int db_columns(struct db_stmt *stmt);
const char *db_column_name(struct db_stmt *stmt, int column);
char db_kind(struct db_stmt *stmt, int column);

/* Ends a read early, so that it holds no snapshot. db_run and the last db_step do it themselves. */
void db_reset(struct db_stmt *stmt);

#endif
