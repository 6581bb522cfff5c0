#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "storage/store_priv.h"

static const char *const texts[STATEMENTS] = {
    /* IMMEDIATE: whoever reads before it writes must hold the write lock already, else another
     * process's commit in between would turn the later write into a failure. */
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_TIP] = "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1",
    [SQL_APPEND] = "INSERT INTO journal(seq, kind, bytes, hash) VALUES(?1, ?2, ?3, ?4)",
    [SQL_FIND] = "SELECT j.seq, j.kind, j.bytes, j.hash, before.hash FROM journal AS j"
                 " LEFT JOIN journal AS before ON before.seq = j.seq - 1 WHERE j.seq = ?1",
    [SQL_WALK] = "SELECT seq, kind, bytes, hash FROM journal WHERE seq >= ?1 ORDER BY seq",
    [SQL_KIND_AFTER] = "SELECT seq FROM journal WHERE seq > ?1 AND kind = ?2 ORDER BY seq",
    [SQL_PENDING_ADD] = "INSERT INTO pending(card_number, seq, uid) VALUES(?1, ?2, ?3)",
    [SQL_PENDING_END] = "DELETE FROM pending WHERE card_number = ?1 AND seq = ?2",
    [SQL_PENDING_CARD] = "SELECT seq FROM pending WHERE card_number = ?1 ORDER BY seq LIMIT 1",
    [SQL_PENDING_UID] = "SELECT seq FROM pending WHERE uid = ?1 ORDER BY seq LIMIT 1",
    [SQL_PENDING_COUNT] = "SELECT count(*) FROM pending",
    [SQL_PENDING_ALL] = "SELECT card_number, seq, uid FROM pending",
    [SQL_CARD_RAISE] = "INSERT INTO cards(number, counter, seq) VALUES(?1, ?2, ?3)"
                       " ON CONFLICT(number) DO UPDATE SET counter = ?2, seq = ?3"
                       " WHERE ?2 > counter",
    [SQL_CARD] = "SELECT counter, seq FROM cards WHERE number = ?1",
    [SQL_CARD_COUNT] = "SELECT count(*) FROM cards",
    [SQL_LINK_PUT] = "INSERT INTO links(medium, seq) VALUES(?1, ?2)"
                     " ON CONFLICT(medium) DO UPDATE SET seq = ?2",
    [SQL_LINK] = "SELECT seq FROM links WHERE medium = ?1",
    [SQL_LINK_COUNT] = "SELECT count(*) FROM links",
    [SQL_CLUB_LINK_PUT] = "INSERT INTO club_links(medium, card_number, digest) VALUES(?1, ?2, ?3)"
                          " ON CONFLICT(medium) DO UPDATE SET card_number = ?2, digest = ?3",
    [SQL_CLUB_LINK] = "SELECT medium, card_number, digest FROM club_links WHERE medium = ?1",
    [SQL_CLUB_LINK_ALL] = "SELECT medium, card_number, digest FROM club_links",
    [SQL_ACTION_PUT] = "INSERT INTO actions(card_number, number, image, seal)"
                       " VALUES(?1, ?2, ?3, ?4)"
                       " ON CONFLICT(card_number, number) DO UPDATE SET image = ?3, seal = ?4",
    [SQL_ACTIONS] = "SELECT card_number, number, image, seal FROM actions"
                    " WHERE card_number = ?1 AND number > ?2 ORDER BY number",
    [SQL_ACTIONS_PAST] = "SELECT count(*) FROM actions WHERE card_number = ?1 AND number <= ?2",
    [SQL_ACTIONS_END] = "DELETE FROM actions WHERE card_number = ?1 AND number <= ?2",
    [SQL_ACTIONS_DROP] = "DELETE FROM actions",
    [SQL_DATA_VERSION] = "PRAGMA data_version",
    [SQL_ACTIONS_COUNT] = "SELECT count(*) FROM actions",
    [SQL_ACTIONS_ALL] = "SELECT card_number, number, image, seal FROM actions",
    [SQL_USED_ADD] =
        "INSERT INTO used(scope, id, day, load, loads, spend, spends, issue, issues, refund,"
        " refunds, earn, points) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        " ON CONFLICT(scope, id, day) DO UPDATE SET load = load + ?4, loads = loads + ?5,"
        " spend = spend + ?6, spends = spends + ?7, issue = issue + ?8, issues = issues + ?9,"
        " refund = refund + ?10, refunds = refunds + ?11, earn = earn + ?12, points = points + ?13",
    [SQL_USED_TAKE] =
        "UPDATE used SET load = load - ?4, loads = loads - ?5, spend = spend - ?6,"
        " spends = spends - ?7, issue = issue - ?8, issues = issues - ?9, refund = refund - ?10,"
        " refunds = refunds - ?11, earn = earn - ?12, points = points - ?13"
        " WHERE scope = ?1 AND id = ?2 AND day = ?3",
    [SQL_USED] = "SELECT load, loads, spend, spends, issue, issues, refund, refunds, earn, points"
                 " FROM used WHERE scope = ?1 AND id = ?2 AND day = ?3",
    [SQL_USED_ALL] = "SELECT scope, id, day, load, loads, spend, spends, issue, issues, refund,"
                     " refunds, earn, points FROM used ORDER BY scope, id, day",
    [SQL_BON_PUT] = "INSERT INTO bons(bon, seq) VALUES(?1, ?2)"
                    " ON CONFLICT(bon) DO UPDATE SET seq = ?2",
    [SQL_BON] = "SELECT seq FROM bons WHERE bon = ?1",
    [SQL_BON_COUNT] = "SELECT count(*) FROM bons",
    [SQL_CLUB_BON_PUT] = "INSERT INTO club_bons(bon, terminal, seq, digest)"
                         " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(bon)"
                         " DO UPDATE SET terminal = ?2, seq = ?3, digest = ?4",
    [SQL_CLUB_BON_DROP] = "DELETE FROM club_bons WHERE bon = ?1",
    [SQL_CLUB_BON] = "SELECT bon, terminal, seq, digest FROM club_bons WHERE bon = ?1",
    [SQL_CLUB_BON_ALL] = "SELECT bon, terminal, seq, digest FROM club_bons",
    [SQL_TRANSFER] = "SELECT ended, seq, first, second FROM transfers"
                     " WHERE ended IN (0, 1, 2, 3) AND seq = ?1",
    [SQL_TRANSFER_PUT] = "INSERT INTO transfers(ended, seq, first, second)"
                         " VALUES(?1, ?2, ?3, ?4)",
    [SQL_TRANSFER_DROP] = "DELETE FROM transfers WHERE ended = ?1 AND seq = ?2",
    [SQL_TRANSFERS_WAITING] = "SELECT ended, seq, first, second FROM transfers"
                              " WHERE ended = 0 AND seq > ?1 ORDER BY seq",
    [SQL_TRANSFERS_ALL] = "SELECT ended, seq, first, second FROM transfers",
    [SQL_REPORT_PUT] = "INSERT INTO reports(card_number, seq) VALUES(?1, ?2)"
                       " ON CONFLICT(card_number) DO UPDATE SET seq = ?2",
    [SQL_REPORT] = "SELECT seq FROM reports WHERE card_number = ?1",
    [SQL_REPORT_LAST] = "SELECT coalesce(max(seq), 0) FROM reports WHERE seq <= ?1",
    [SQL_REPORT_COUNT] = "SELECT count(*) FROM reports",
    [SQL_SUCCESSOR_ADD] = "INSERT INTO successors(card_number, seq) VALUES(?1, ?2)",
    [SQL_SUCCESSOR_DROP] = "DELETE FROM successors WHERE card_number = ?1 AND seq = ?2",
    [SQL_SUCCESSOR] = "SELECT seq FROM successors WHERE card_number = ?1"
                      " ORDER BY seq DESC LIMIT 1",
    [SQL_SUCCESSOR_IS] = "SELECT 1 FROM successors WHERE card_number = ?1 AND seq = ?2",
    [SQL_SUCCESSOR_COUNT] = "SELECT count(*) FROM successors",
    [SQL_SUCCESSOR_ALL] = "SELECT card_number, seq FROM successors",
    [SQL_VOUCH_PUT] = "INSERT INTO vouches(card_number, vouch, digest) VALUES(?1, ?2, ?3)"
                      " ON CONFLICT(card_number) DO UPDATE SET vouch = ?2, digest = ?3",
    [SQL_VOUCH_DROP] = "DELETE FROM vouches WHERE card_number = ?1",
    [SQL_VOUCH] = "SELECT card_number, vouch, digest FROM vouches WHERE card_number = ?1",
    [SQL_VOUCH_ALL] = "SELECT card_number, vouch, digest FROM vouches",
    [SQL_OPERATOR] = "SELECT wrong, locked, unlocks FROM operators WHERE number = ?1",
    [SQL_OPERATOR_PUT] = "INSERT INTO operators(number, wrong, locked, unlocks)"
                         " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(number) DO UPDATE"
                         " SET wrong = ?2, locked = ?3, unlocks = ?4",
    [SQL_OPERATOR_ALL] = "SELECT number, wrong, locked, unlocks FROM operators",
    [SQL_MANDATE] = "SELECT version, text FROM mandate WHERE one = 1",
    [SQL_MANDATE_VERSION] = "SELECT version FROM mandate WHERE one = 1",
    [SQL_MANDATE_PUT] = "INSERT INTO mandate(one, version, text) VALUES(1, ?1, ?2)"
                        " ON CONFLICT(one) DO UPDATE SET version = ?1, text = ?2",
    [SQL_ACKNOWLEDGED] = "SELECT acknowledged FROM sync WHERE one = 1",
    [SQL_ACKNOWLEDGE] = "INSERT INTO sync(one, acknowledged) VALUES(1, ?1)"
                        " ON CONFLICT(one) DO UPDATE SET acknowledged = ?1",
    [SQL_SETTING] = "SELECT name, value, digest FROM settings WHERE name = ?1",
    [SQL_SETTING_PUT] = "INSERT INTO settings(name, value, digest) VALUES(?1, ?2, ?3)"
                        " ON CONFLICT(name) DO UPDATE SET value = ?2, digest = ?3",
    [SQL_SETTING_ALL] = "SELECT name, value, digest FROM settings",
    [SQL_PROGRAMME] = "SELECT version, text, digest FROM programme WHERE one = 1",
    [SQL_PROGRAMME_PUT] = "INSERT INTO programme(one, version, text, digest) VALUES(1, ?1, ?2, ?3)"
                          " ON CONFLICT(one) DO UPDATE SET version = ?1, text = ?2, digest = ?3",
};

/* The unix VFS answers SQLITE_FULL for ENOSPC only; a quota or a file-size limit comes as an I/O
 * error although making room is what helps. */
static bool is_out_of_room(struct store *store, int code)
{
    if ((code & 0xff) == SQLITE_FULL || (code & 0xff) == SQLITE_NOMEM) {
        return true;
    }
    const int cause = store->db != NULL ? sqlite3_system_errno(store->db) : 0;
    return (code & 0xff) == SQLITE_IOERR && (cause == ENOSPC || cause == EDQUOT || cause == EFBIG);
}

enum st sql_status(struct store *store, int code, const char *doing)
{
    const char *cause = sqlite3_errstr(code);
    if (is_out_of_room(store, code)) {
        fault_say(&store->fault, "Make room on the disk: could not %s in %s (%s, %d).", doing,
                  store->name, cause, code);
        return ST_FULL;
    }
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        fault_say(&store->fault, "Try again: another process held %s too long; could not %s (%d).",
                  store->name, doing, code);
        return ST_AGAIN;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* ours are checked before: the file lets in less than it should */
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: /* SQL that fits our tables does not fit this file's */
        return store_corrupt(store, "could not %s (%s, %d)", doing, sqlite3_errmsg(store->db),
                             code);
    default: /* IOERR, READONLY, CANTOPEN, PERM, AUTH, PROTOCOL, NOLFS, INTERNAL ... */
        fault_say(&store->fault,
                  "Check the disk and the folder's rights: could not %s in %s"
                  " (%s, %d).",
                  doing, store->name, cause, code);
        return ST_IO;
    }
}

enum st store_corrupt(struct store *store, const char *format, ...)
{
    char what[120];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    fault_say(&store->fault, "Stop selling and call for help: %s is damaged: %s.", store->name,
              what);
    return ST_CORRUPT;
}

enum st sql_prepare(struct store *store)
{
    for (int i = 0; i < STATEMENTS; i++) {
        if (store->statements[i] != NULL) {
            continue; /* by a migration */
        }
        const int code = sqlite3_prepare_v3(store->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                            &store->statements[i], NULL);
        if (code != SQLITE_OK) {
            return sql_status(store, code, "prepare a statement");
        }
    }
    return ST_OK;
}

sqlite3_stmt *sql_use(struct store *store, enum statement which)
{
    sqlite3_stmt *statement = store->statements[which];
    (void)sqlite3_reset(statement); /* repeats the last failure, which was reported then */
    (void)sqlite3_clear_bindings(statement);
    return statement;
}

enum st sql_row(struct store *store, sqlite3_stmt *statement)
{
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return ST_OK;
    }
    const enum st st = sql_status(store, code, "read");
    (void)sqlite3_reset(statement); /* a statement left open would hold its snapshot of the file */
    return st == ST_OK ? ST_REFUSED : st;
}

enum st sql_one(struct store *store, sqlite3_stmt *statement, int64_t min, int64_t max,
                int64_t *ret)
{
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = sql_number(store, statement, 0, min, max, ret);
        (void)sqlite3_reset(statement);
    }
    return st;
}

enum st sql_each(struct store *store, enum statement which,
                 enum st (*check)(struct store *store, sqlite3_stmt *row))
{
    sqlite3_stmt *statement = sql_use(store, which);
    enum st st = sql_row(store, statement);
    while (st == ST_OK) {
        st = check(store, statement);
        if (st == ST_OK) {
            st = sql_row(store, statement);
        }
    }
    (void)sqlite3_reset(statement);
    return st == ST_REFUSED ? ST_OK : st;
}

enum st sql_run(struct store *store, sqlite3_stmt *statement, const char *doing)
{
    const int code = sqlite3_step(statement);
    const enum st st = sql_status(store, code, doing);
    (void)sqlite3_reset(statement);
    return st;
}

enum st sql_text(struct store *store, const char *text, const char *doing)
{
    return sql_status(store, sqlite3_exec(store->db, text, NULL, NULL, NULL), doing);
}

enum st sql_begin(struct store *store)
{
    return sql_run(store, sql_use(store, SQL_BEGIN), "begin to write");
}

enum st sql_begin_read(struct store *store)
{
    return sql_run(store, sql_use(store, SQL_BEGIN_READ), "begin to read");
}

enum st sql_end(struct store *store, enum st st)
{
    if (st == ST_OK) {
        st = sql_run(store, sql_use(store, SQL_COMMIT), "commit");
    }
    /* After some failures SQLite has rolled back by itself. A rollback that fails leaves nothing
     * committed either; the next begin reports it. */
    if (sqlite3_get_autocommit(store->db) == 0) {
        (void)sqlite3_step(sql_use(store, SQL_ROLLBACK));
        (void)sqlite3_reset(store->statements[SQL_ROLLBACK]);
    }
    return st;
}

enum st sql_number(struct store *store, sqlite3_stmt *statement, int column, int64_t min,
                   int64_t max, int64_t *ret)
{
    const int64_t value = sqlite3_column_int64(statement, column);
    if (sqlite3_column_type(statement, column) != SQLITE_INTEGER || value < min || value > max) {
        return store_corrupt(store, "%s is out of range", sqlite3_column_name(statement, column));
    }
    *ret = value;
    return ST_OK;
}

enum st sql_bytes(struct store *store, sqlite3_stmt *statement, int column, size_t min, size_t max,
                  const uint8_t **ret_bytes, size_t *ret_size)
{
    const int type = sqlite3_column_type(statement, column);
    const uint8_t *bytes = sqlite3_column_blob(statement, column);
    const size_t size = (size_t)sqlite3_column_bytes(statement, column);
    if ((type != SQLITE_BLOB && type != SQLITE_TEXT) || size < min || size > max) {
        return store_corrupt(store, "%s has a wrong size", sqlite3_column_name(statement, column));
    }
    if (bytes == NULL && size > 0) {
        return sql_status(store, SQLITE_NOMEM, "read");
    }
    *ret_bytes = bytes;
    *ret_size = size;
    return ST_OK;
}
