#include <stdio.h>
#include <string.h>

#include "storage/store_priv.h"

/* Each table with the text that SQLite keeps for it: a file whose tables read otherwise is not one
 * that we made. Reasons: docs/storage.md. */
static const struct {
    const char *name, *text;
} tables[] = {
    {"journal", "CREATE TABLE journal(seq INTEGER PRIMARY KEY CHECK(seq BETWEEN 1 AND 16777215),"
                " kind INTEGER NOT NULL CHECK(kind BETWEEN 1 AND 255),"
                " bytes BLOB NOT NULL CHECK(length(bytes) BETWEEN 1 AND 592),"
                " hash BLOB NOT NULL CHECK(length(hash) = 32)) STRICT"},
    {"pending", "CREATE TABLE pending(card_number INTEGER NOT NULL,"
                " seq INTEGER NOT NULL REFERENCES journal(seq), uid BLOB NOT NULL,"
                " PRIMARY KEY(card_number, seq)) STRICT, WITHOUT ROWID"},
    {"cards", "CREATE TABLE cards(number INTEGER PRIMARY KEY, counter INTEGER NOT NULL,"
              " seq INTEGER NOT NULL REFERENCES journal(seq)) STRICT"},
    {"settings", "CREATE TABLE settings(name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL,"
                 " digest BLOB NOT NULL CHECK(length(digest) = 32)) STRICT, WITHOUT ROWID"},
    {"programme", "CREATE TABLE programme(one INTEGER PRIMARY KEY CHECK(one = 1),"
                  " version INTEGER NOT NULL CHECK(version BETWEEN 1 AND 2147483647),"
                  " text TEXT NOT NULL, digest BLOB NOT NULL CHECK(length(digest) = 32)) STRICT"},
    {"sync", "CREATE TABLE sync(one INTEGER PRIMARY KEY CHECK(one = 1),"
             " acknowledged INTEGER NOT NULL CHECK(acknowledged BETWEEN 0 AND 16777215)) STRICT"},
    {"links", "CREATE TABLE links(medium BLOB PRIMARY KEY NOT NULL CHECK(length(medium) = 17),"
              " seq INTEGER NOT NULL REFERENCES journal(seq)) STRICT, WITHOUT ROWID"},
    {"club_links", "CREATE TABLE club_links(medium BLOB PRIMARY KEY NOT NULL"
                   " CHECK(length(medium) = 17), card_number INTEGER NOT NULL,"
                   " digest BLOB NOT NULL CHECK(length(digest) = 8)) STRICT, WITHOUT ROWID"},
    {"actions", "CREATE TABLE actions(card_number INTEGER NOT NULL,"
                " number INTEGER NOT NULL CHECK(number BETWEEN 1 AND 4095),"
                " image BLOB NOT NULL CHECK(length(image) = 64),"
                " seal BLOB NOT NULL CHECK(length(seal) = 64),"
                " PRIMARY KEY(card_number, number)) STRICT, WITHOUT ROWID"},
    {"used",
     "CREATE TABLE used(scope INTEGER NOT NULL CHECK(scope BETWEEN 1 AND 4),"
     " id INTEGER NOT NULL, day INTEGER NOT NULL, load INTEGER NOT NULL CHECK(load >= 0),"
     " loads INTEGER NOT NULL CHECK(loads >= 0), spend INTEGER NOT NULL CHECK(spend >= 0),"
     " spends INTEGER NOT NULL CHECK(spends >= 0), issue INTEGER NOT NULL CHECK(issue >= 0),"
     " issues INTEGER NOT NULL CHECK(issues >= 0),"
     " refund INTEGER NOT NULL CHECK(refund >= 0),"
     " refunds INTEGER NOT NULL CHECK(refunds >= 0), earn INTEGER NOT NULL CHECK(earn >= 0),"
     " points INTEGER NOT NULL CHECK(points >= 0),"
     " PRIMARY KEY(scope, id, day)) STRICT, WITHOUT ROWID"},
    {"operators", "CREATE TABLE operators(number INTEGER PRIMARY KEY"
                  " CHECK(number BETWEEN 1 AND 65535),"
                  " wrong INTEGER NOT NULL CHECK(wrong BETWEEN 0 AND 3),"
                  " locked INTEGER NOT NULL CHECK(locked BETWEEN 0 AND 1),"
                  " unlocks INTEGER NOT NULL CHECK(unlocks >= 0)) STRICT"},
    {"mandate", "CREATE TABLE mandate(one INTEGER PRIMARY KEY CHECK(one = 1),"
                " version INTEGER NOT NULL CHECK(version >= 1), text TEXT NOT NULL) STRICT"},
    {"bons", "CREATE TABLE bons(bon INTEGER PRIMARY KEY,"
             " seq INTEGER NOT NULL REFERENCES journal(seq)) STRICT"},
    {"club_bons", "CREATE TABLE club_bons(bon INTEGER PRIMARY KEY, terminal INTEGER NOT NULL,"
                  " seq INTEGER NOT NULL, digest BLOB NOT NULL CHECK(length(digest) = 8)) STRICT"},
    {"transfers", "CREATE TABLE transfers(ended INTEGER NOT NULL CHECK(ended BETWEEN 0 AND 3),"
                  " seq INTEGER NOT NULL REFERENCES journal(seq),"
                  " first INTEGER NOT NULL CHECK(first BETWEEN 0 AND 2),"
                  " second INTEGER NOT NULL CHECK(second BETWEEN 0 AND 16777215),"
                  " PRIMARY KEY(ended, seq)) STRICT, WITHOUT ROWID"},
    {"reports", "CREATE TABLE reports(card_number INTEGER PRIMARY KEY,"
                " seq INTEGER NOT NULL REFERENCES journal(seq)) STRICT"},
    {"successors", "CREATE TABLE successors(card_number INTEGER NOT NULL,"
                   " seq INTEGER NOT NULL REFERENCES journal(seq),"
                   " PRIMARY KEY(card_number, seq)) STRICT, WITHOUT ROWID"},
    {"vouches", "CREATE TABLE vouches(card_number INTEGER PRIMARY KEY,"
                " vouch BLOB NOT NULL CHECK(length(vouch) = 75),"
                " digest BLOB NOT NULL CHECK(length(digest) = 8)) STRICT"},
};
/* How many of the tables a file of each version has: a migration adds the rest. */
static const size_t tables_of[STORE_VERSION + 1] = {
    [1] = 6,  [2] = 8,  [3] = 9,  [4] = 10, [5] = 12,
    [6] = 14, [7] = 14, [8] = 15, [9] = 18, [10] = 18};
enum { TABLES = sizeof tables / sizeof tables[0] };

/* One number out of a one-row query. */
static enum st query_number(struct store *store, const char *text, int64_t *ret)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, text, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum st st = ST_OK;
    if (code == SQLITE_ROW) {
        *ret = sqlite3_column_int64(statement, 0);
    } else if ((code & 0xff) == SQLITE_NOTADB) {
        fault_say(&store->fault, "Choose another file: %s is not a database.", store->name);
        st = ST_FOREIGN;
    } else {
        st = sql_status(store, code, "read the header");
        if (st == ST_OK) {
            st = store_corrupt(store, "the header does not answer");
        }
    }
    (void)sqlite3_finalize(statement);
    return st;
}

/* PRAGMA user_version holds two numbers, so that they change together: the version in the low half,
 * in the high half the lowest version whose program may use the file; 0 there means no other one.
 */
enum { HALF = 1 << 16 };
static const int32_t our_mark =
    STORE_VERSION + (STORE_READABLE_FROM < STORE_VERSION ? STORE_READABLE_FROM * HALF : 0);

struct header {
    int64_t application_id, version, readable_from, tables;
};

static enum st header_read(struct store *store, struct header *ret)
{
    int64_t mark = 0;
    enum st st = query_number(store, "PRAGMA application_id", &ret->application_id);
    if (st == ST_OK) {
        st = query_number(store, "PRAGMA user_version", &mark);
    }
    ret->version = mark < 0 ? 0 : mark % HALF;
    ret->readable_from = mark < HALF ? ret->version : mark / HALF;
    if (st == ST_OK) {
        st = query_number(store, "SELECT count(*) FROM sqlite_schema", &ret->tables);
    }
    return st;
}

static bool header_is_empty(const struct header *header)
{
    return header->application_id == 0 && header->version == 0 && header->tables == 0;
}

/* An empty file beside a write-ahead log with content is a database that lost its main part:
 * SQLite would throw the log away with it. Creation cannot leave this behind, because the first
 * page is synced before there is a log. */
static enum st refuse_lost_file(struct store *store)
{
    sqlite3_vfs *vfs = NULL;
    sqlite3_file *file = NULL;
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs) != SQLITE_OK ||
        sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
        file->pMethods == NULL) {
        return sql_status(store, SQLITE_CANTOPEN, "open the file");
    }
    sqlite3_int64 size = 0;
    const int code = file->pMethods->xFileSize(file, &size);
    if (code != SQLITE_OK || size > 0) {
        return sql_status(store, code, "measure the file");
    }
    char *wal = sqlite3_mprintf("%s-wal", sqlite3_db_filename(store->db, "main"));
    int has_wal = 0;
    const int access =
        wal != NULL ? vfs->xAccess(vfs, wal, SQLITE_ACCESS_EXISTS, &has_wal) : SQLITE_NOMEM;
    sqlite3_free(wal);
    if (access != SQLITE_OK) {
        return sql_status(store, access, "look for the write-ahead log");
    }
    return has_wal ? store_corrupt(store, "it is empty, but its write-ahead log is not") : ST_OK;
}

/* WAL with FULL syncs the log at every commit: with less, power cuts lose acknowledged entries. */
static enum st use_wal(struct store *store)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum st st = sql_status(store, code, "switch to write-ahead logging");
    if (st == ST_OK) {
        const unsigned char *mode = sqlite3_column_text(statement, 0);
        if (mode == NULL || strcmp((const char *)mode, "wal") != 0) {
            fault_say(&store->fault,
                      "Put %s on a local disk: this one cannot keep a write-ahead"
                      " log.",
                      store->name);
            st = ST_IO;
        }
    }
    (void)sqlite3_finalize(statement);
    return st;
}

/* Every table as we write it, and nothing else: no trigger, view or index can ride along. Behind
 * them a newer version may have tables of its own. */
static enum st check_tables(struct store *store, size_t expected, bool may_have_more)
{
    sqlite3_stmt *statement = NULL;
    const char *text = "SELECT type, name, sql FROM sqlite_schema ORDER BY rowid";
    int code = sqlite3_prepare_v2(store->db, text, -1, &statement, NULL);
    enum st st = ST_OK;
    size_t count = 0;
    while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *type = (const char *)sqlite3_column_text(statement, 0);
        const char *sql = (const char *)sqlite3_column_text(statement, 2);
        const bool is_more = may_have_more && count >= expected;
        if (type == NULL || sql == NULL || strcmp(type, "table") != 0 ||
            (!is_more && (count >= expected || strcmp(sql, tables[count].text) != 0))) {
            st = store_corrupt(store, "its tables are not the ones that we make");
            break;
        }
        count++;
        code = SQLITE_OK;
    }
    if (st == ST_OK) {
        st = sql_status(store, code, "read the tables");
    }
    if (st == ST_OK && (may_have_more ? count < expected : count != expected)) {
        st = store_corrupt(store, "a table is missing");
    }
    (void)sqlite3_finalize(statement);
    return st;
}

/* What the journal of an older file says of the new tables. Version 7 counts in `used` what 6 did
 * not, accruals and vouchers; 10 has cards that were moved whole in `transfers`. */
static enum st fill(struct store *store, int64_t version)
{
    struct tip tip = {.sequence = 0};
    enum st st = sql_prepare(store);
    if (st == ST_OK) {
        st = journal_tip(store, &tip);
    }
    store->progress.entries = tip.sequence;
    if (st == ST_OK && version < 7) {
        st = sql_text(store, "DELETE FROM used; DELETE FROM operators", "count again");
    }
    if (st == ST_OK && version < 7) {
        st = limits_fill(store);
    }
    if (st == ST_OK && version < 10) {
        st = sql_text(store, "DELETE FROM transfers", "fold again");
    }
    return st == ST_OK && version < 10 ? transfers_fill(store) : st;
}

static enum st mark_ours(struct store *store)
{
    char marks[80];
    (void)snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   STORE_APPLICATION_ID, (int)our_mark);
    return sql_text(store, marks, "mark the file as ours");
}

/* The tables that a file of version `version` (0: empty) lacks. What it has must be right before
 * anything is added to it. */
static enum st add_tables(struct store *store, int64_t version)
{
    enum st st = version >= 1 ? check_tables(store, tables_of[version], false) : ST_OK;
    for (size_t i = tables_of[version]; i < TABLES && st == ST_OK; i++) {
        st = sql_text(store, tables[i].text, "create the tables");
    }
    if (st == ST_OK && version >= 1) {
        st = fill(store, version);
    }
    return st;
}

/* The name of the first table behind ours; "" = there is none. The caller frees it. */
static enum st find_more(struct store *store, char **ret)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db,
                                  "SELECT name FROM sqlite_schema ORDER BY rowid LIMIT 1 OFFSET ?",
                                  -1, &statement, NULL);
    *ret = NULL;
    if (code == SQLITE_OK) {
        (void)sqlite3_bind_int(statement, 1, TABLES);
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        const unsigned char *name = code == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
        *ret = sqlite3_mprintf("%s", name != NULL ? (const char *)name : "");
        code = *ret != NULL ? SQLITE_OK : SQLITE_NOMEM;
    }
    (void)sqlite3_finalize(statement);
    return sql_status(store, code, "read the tables");
}

/* Takes away what a newer version added: this one would not keep it up to date. The newer one makes
 * it again when it is back. Its tables may refer to each other in any order: what one leaves behind
 * in another may hang until that is gone, too. */
static enum st drop_more(struct store *store)
{
    enum st st = check_tables(store, TABLES, true);
    if (st == ST_OK) {
        st = sql_text(store, "PRAGMA defer_foreign_keys = ON", "drop a newer version's tables");
    }
    for (bool is_more = true; st == ST_OK && is_more;) {
        char *name = NULL;
        st = find_more(store, &name);
        is_more = st == ST_OK && name[0] != '\0';
        if (is_more) {
            char *text = sqlite3_mprintf("DROP TABLE \"%w\"", name);
            st = text != NULL ? sql_text(store, text, "drop a newer version's table")
                              : sql_status(store, SQLITE_NOMEM, "drop a newer version's table");
            sqlite3_free(text);
        }
        sqlite3_free(name);
    }
    return st;
}

/* All that can go wrong behind the new tables, as far as it can be known before the commit. What
 * was written lies in the log without counting, and the log keeps its length. */
static enum st try_out(struct store *store)
{
    enum st st = check_tables(store, TABLES, false);
    if (st == ST_OK) {
        st = sql_prepare(store);
    }
    if (st == ST_OK) {
        st = journal_check_tail(store);
    }
    return st == ST_OK ? sql_status(store, sqlite3_db_cacheflush(store->db), "write the new tables")
                       : st;
}

/* Creates, migrates forward, or back from a newer version that allows it: tables and marks in one
 * transaction. A power cut leaves the file as it was, or a whole one. A rehearsal is taken back. */
static enum st migrate(struct store *store, bool is_rehearsal)
{
    enum st st = sql_text(store, "BEGIN IMMEDIATE", "begin to migrate");
    if (st != ST_OK) {
        return st;
    }
    struct header header;
    progress_begin(store);
    st = header_read(store, &header);
    if (st == ST_OK && header.version != STORE_VERSION) { /* else the other process was faster */
        st = header.version < STORE_VERSION ? add_tables(store, header.version) : drop_more(store);
        if (st == ST_OK) {
            st = mark_ours(store);
        }
    }
    if (st == ST_OK) {
        st = is_rehearsal ? try_out(store) : sql_text(store, "COMMIT", "commit the new tables");
    }
    if (sqlite3_get_autocommit(store->db) == 0) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    progress_end(store);
    return st;
}

/* What may not be opened, or not yet: nothing has been changed so far. */
static enum st refuse(struct store *store, const struct header *header,
                      const struct store_config *config)
{
    const bool is_empty = header_is_empty(header);
    if (is_empty && !config->create) {
        fault_say(&store->fault, "Start the terminal first: %s has no tables yet.", store->name);
        return ST_IO;
    }
    if (!is_empty && header->application_id != STORE_APPLICATION_ID) {
        fault_say(&store->fault, "Choose another file: %s is another program's database.",
                  store->name);
        return ST_FOREIGN;
    }
    if (!is_empty && header->version < 1) {
        return store_corrupt(store, "its version is missing");
    }
    if (!is_empty && header->readable_from > STORE_VERSION) {
        fault_say(
            &store->fault,
            "Update the firmware: %s has version %lld, which firmware of version %lld and later"
            " can use; this one is of %d.",
            store->name, (long long)header->version, (long long)header->readable_from,
            STORE_VERSION);
        return ST_FOREIGN;
    }
    return ST_OK;
}

/* A migration after which the version that wrote the file could not use it any more. */
static bool is_breaking(const struct header *header)
{
    return !header_is_empty(header) && header->version < STORE_READABLE_FROM;
}

static enum st wait_for_trial(struct store *store, const struct header *header, bool rehearse)
{
    enum st st = rehearse ? use_wal(store) : ST_OK;
    if (st == ST_OK && rehearse) {
        st = migrate(store, true);
    }
    if (st == ST_OK) {
        fault_say(&store->fault,
                  "Wait: %s has version %lld, and becomes %d, which the firmware before this one"
                  " cannot use, once this one has proven itself.",
                  store->name, (long long)header->version, STORE_VERSION);
        st = ST_REFUSED;
    }
    return st;
}

enum st schema_check_and_migrate(struct store *store, const struct store_config *config)
{
    struct header header;
    enum st st = refuse_lost_file(store);
    if (st == ST_OK) {
        st = header_read(store, &header);
    }
    if (st == ST_OK) {
        st = refuse(store, &header, config);
    }
    if (st == ST_OK && config->keep_readable && is_breaking(&header)) {
        return wait_for_trial(store, &header, config->rehearse);
    }
    /* Only now: before this point a foreign file has not been changed. */
    if (st == ST_OK) {
        st = use_wal(store);
    }
    if (st == ST_OK && header.version != STORE_VERSION) {
        st = migrate(store, false);
    }
    if (st == ST_OK) {
        st = check_tables(store, TABLES, false);
    }
    return st;
}
