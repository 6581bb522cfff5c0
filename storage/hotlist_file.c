#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/hotlist_priv.h"

enum {
    HOTLIST_APPLICATION_ID = 0x56616668, /* "Vafh" */
    HOTLIST_VERSION = 1,                 /* PRAGMA user_version */
    BUSY_WRITER_MS = 2000,
    BUSY_READER_MS = 50, /* a tap is waiting; in WAL only a recovery makes a reader wait at all */
    CACHE_KIB = 512,
    LOG_BYTES_KEPT = 1 << 20,
};

/* Two tables of cards: `live` in the head says which one is in force, a snapshot fills the other.
 * The card number is the row's key itself: 15 bytes a card, and one search. */
#define CARD_TABLE(name)                                                                           \
    "CREATE TABLE " name "(number INTEGER PRIMARY KEY,"                                            \
    " listing INTEGER NOT NULL CHECK(listing BETWEEN 1 AND 15)) STRICT"
static const char *const tables[] = {
    CARD_TABLE("card0"), CARD_TABLE("card1"),
    "CREATE TABLE head(one INTEGER PRIMARY KEY CHECK(one = 1),"
    " live INTEGER NOT NULL CHECK(live BETWEEN 0 AND 1), version INTEGER NOT NULL,"
    " mark INTEGER NOT NULL, made INTEGER NOT NULL, cards INTEGER NOT NULL,"
    " next_version INTEGER NOT NULL, next_mark INTEGER NOT NULL, next_after INTEGER NOT NULL,"
    " next_cards INTEGER NOT NULL) STRICT"};
enum { TABLES = sizeof tables / sizeof tables[0] };

static const char *const texts[STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_HEAD] = "SELECT live, version, mark, made, cards, next_version, next_mark, next_after,"
                 " next_cards FROM head WHERE one = 1",
    [SQL_HEAD_PUT] = "UPDATE head SET live = ?1, version = ?2, mark = ?3, made = ?4, cards = ?5,"
                     " next_version = ?6, next_mark = ?7, next_after = ?8, next_cards = ?9"
                     " WHERE one = 1",
    /* Head and card are of one moment: when the other table is in force, ask again for that. */
    [SQL_FIND] = "SELECT (SELECT live FROM head), (SELECT listing FROM card0 WHERE number = ?1)",
    [SQL_FIND_1] = "SELECT (SELECT live FROM head), (SELECT listing FROM card1 WHERE number = ?1)",
    [SQL_PUT] = "INSERT INTO card0(number, listing) VALUES(?1, ?2)"
                " ON CONFLICT(number) DO UPDATE SET listing = ?2",
    [SQL_PUT_1] = "INSERT INTO card1(number, listing) VALUES(?1, ?2)"
                  " ON CONFLICT(number) DO UPDATE SET listing = ?2",
    [SQL_HAS] = "SELECT 1 FROM card0 WHERE number = ?1",
    [SQL_HAS_1] = "SELECT 1 FROM card1 WHERE number = ?1",
    [SQL_DROP] = "DELETE FROM card0 WHERE number = ?1",
    [SQL_DROP_1] = "DELETE FROM card1 WHERE number = ?1",
    [SQL_CLEAR] = "DELETE FROM card0",
    [SQL_CLEAR_1] = "DELETE FROM card1",
    [SQL_COUNT] = "SELECT count(*) FROM card0 WHERE listing BETWEEN 1 AND 15",
    [SQL_COUNT_1] = "SELECT count(*) FROM card1 WHERE listing BETWEEN 1 AND 15",
};

/* --- codes and statements -------------------------------------------------------------------- */

enum st hotlist_corrupt(struct hotlist *hotlist, const char *what)
{
    fault_say(&hotlist->fault, "%s is damaged (%s): vafa-sync makes a new one at the next contact.",
              hotlist->name, what);
    return ST_CORRUPT;
}

enum st hotlist_status_of(struct hotlist *hotlist, int code, const char *doing)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
        fault_say(&hotlist->fault, "Make room on the disk: could not %s in %s (%s).", doing,
                  hotlist->name, sqlite3_errstr(code));
        return ST_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        fault_say(&hotlist->fault, "Try again: another process held %s too long.", hotlist->name);
        return ST_AGAIN;
    case SQLITE_CORRUPT:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:
    case SQLITE_NOTADB:
        return hotlist_corrupt(hotlist, sqlite3_errstr(code));
    default:
        fault_say(&hotlist->fault,
                  "Check the disk and the folder's rights: could not %s in %s (%s, %d).", doing,
                  hotlist->name, sqlite3_errstr(code), code);
        return ST_IO;
    }
}

sqlite3_stmt *hotlist_use(struct hotlist *hotlist, int which)
{
    sqlite3_stmt *statement = hotlist->statements[which];
    (void)sqlite3_reset(statement); /* repeats the last failure, which was reported then */
    return statement;
}

enum st hotlist_first(struct hotlist *hotlist, sqlite3_stmt *statement)
{
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return ST_OK;
    }
    const enum st st = hotlist_status_of(hotlist, code, "read");
    (void)sqlite3_reset(statement);
    return st == ST_OK ? ST_REFUSED : st;
}

enum st hotlist_run(struct hotlist *hotlist, sqlite3_stmt *statement)
{
    const int code = sqlite3_step(statement);
    const enum st st = hotlist_status_of(hotlist, code, "write");
    (void)sqlite3_reset(statement);
    return st;
}

static enum st run_text(struct hotlist *hotlist, const char *text)
{
    return hotlist_status_of(hotlist, sqlite3_exec(hotlist->db, text, NULL, NULL, NULL),
                             "prepare it");
}

enum st hotlist_begin(struct hotlist *hotlist)
{
    return hotlist_run(hotlist, hotlist_use(hotlist, SQL_BEGIN));
}

enum st hotlist_end(struct hotlist *hotlist, enum st st)
{
    if (st == ST_OK) {
        st = hotlist_run(hotlist, hotlist_use(hotlist, SQL_COMMIT));
    }
    if (sqlite3_get_autocommit(hotlist->db) == 0) {
        (void)sqlite3_step(hotlist_use(hotlist, SQL_ROLLBACK));
        (void)sqlite3_reset(hotlist->statements[SQL_ROLLBACK]);
    }
    return st;
}

/* --- the head and the handle ---------------------------------------------------------------- */

enum st hotlist_head_get(struct hotlist *hotlist, struct row *ret)
{
    static const int64_t max[] = {
        1,          UINT32_MAX,       HOTLIST_MARK_MAX, INT64_MAX,        HOTLIST_CARDS_MAX,
        UINT32_MAX, HOTLIST_MARK_MAX, INT64_MAX,        HOTLIST_CARDS_MAX};
    enum { COLUMNS = sizeof max / sizeof max[0] };
    int64_t value[COLUMNS];
    sqlite3_stmt *statement = hotlist_use(hotlist, SQL_HEAD);
    enum st st = hotlist_first(hotlist, statement);
    if (st != ST_OK) {
        return st == ST_REFUSED ? hotlist_corrupt(hotlist, "it has no head") : st;
    }
    for (int n = 0; n < COLUMNS; n++) {
        value[n] = sqlite3_column_int64(statement, n);
        if (value[n] < 0 || value[n] > max[n]) {
            st = hotlist_corrupt(hotlist, "its head is out of range");
        }
    }
    (void)sqlite3_reset(statement);
    if (st == ST_OK) {
        *ret = (struct row){.live = (int)value[0],
                            .head = {.version = (uint32_t)value[1],
                                     .mark = value[2],
                                     .made_s = value[3],
                                     .cards = (uint32_t)value[4],
                                     .has_next = value[5] > 0,
                                     .next_version = (uint32_t)value[5],
                                     .next_mark = value[6],
                                     .next_after = (uint64_t)value[7]},
                            .next_cards = (uint32_t)value[8]};
    }
    return st;
}

const struct fault *hotlist_fault(const struct hotlist *hotlist)
{
    return &hotlist->fault;
}

bool hotlist_is_current(const struct hotlist *hotlist)
{
    struct stat now;
    return stat(hotlist->path, &now) == 0 && now.st_dev == hotlist->file.st_dev &&
           now.st_ino == hotlist->file.st_ino;
}

/* --- opening --------------------------------------------------------------------------------- */

static enum st configure(struct hotlist *hotlist, bool create)
{
    static const int options[][2] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0},
    };
    for (size_t n = 0; n < sizeof options / sizeof options[0]; n++) {
        const int code = sqlite3_db_config(hotlist->db, options[n][0], options[n][1], NULL);
        if (code != SQLITE_OK) {
            return hotlist_status_of(hotlist, code, "configure SQLite");
        }
    }
    (void)sqlite3_busy_timeout(hotlist->db, create ? BUSY_WRITER_MS : BUSY_READER_MS);
    return ST_OK;
}

/* A number out of a one-row query. ST_FOREIGN: this is no database at all. */
static enum st query(struct hotlist *hotlist, const char *text, int64_t *ret)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(hotlist->db, text, -1, &statement, NULL);
    code = code == SQLITE_OK ? sqlite3_step(statement) : code;
    enum st st = ST_OK;
    if (code == SQLITE_ROW) {
        *ret = sqlite3_column_int64(statement, 0);
    } else if ((code & 0xff) == SQLITE_NOTADB) {
        fault_say(&hotlist->fault, "Move %s away: it is not a hotlist, nor a database.",
                  hotlist->name);
        st = ST_FOREIGN;
    } else {
        st = hotlist_status_of(hotlist, code, "read the header");
        st = st == ST_OK ? hotlist_corrupt(hotlist, "its header does not answer") : st;
    }
    (void)sqlite3_finalize(statement);
    return st;
}

static enum st make_tables(struct hotlist *hotlist)
{
    char marks[80];
    (void)snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   HOTLIST_APPLICATION_ID, HOTLIST_VERSION);
    enum st st = run_text(hotlist, "BEGIN IMMEDIATE");
    for (size_t n = 0; n < TABLES && st == ST_OK; n++) {
        st = run_text(hotlist, tables[n]);
    }
    if (st == ST_OK) {
        st = run_text(hotlist, "INSERT INTO head VALUES(1, 0, 0, 0, 0, 0, 0, 0, 0, 0)");
    }
    st = st == ST_OK ? run_text(hotlist, marks) : st;
    st = st == ST_OK ? run_text(hotlist, "COMMIT") : st;
    if (sqlite3_get_autocommit(hotlist->db) == 0) {
        (void)sqlite3_exec(hotlist->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return st;
}

/* Each table as we write it, and nothing else: no trigger, view or index rides along. */
static enum st check_tables(struct hotlist *hotlist)
{
    sqlite3_stmt *statement = NULL;
    size_t count = 0;
    int code = sqlite3_prepare_v2(hotlist->db, "SELECT sql FROM sqlite_schema ORDER BY rowid", -1,
                                  &statement, NULL);
    while (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(statement, 0);
        if (sql == NULL || count >= TABLES || strcmp(sql, tables[count]) != 0) {
            count = TABLES + 1;
            break;
        }
        count++;
    }
    (void)sqlite3_finalize(statement);
    if (code != SQLITE_OK) {
        return hotlist_status_of(hotlist, code, "read its tables");
    }
    return count == TABLES ? ST_OK
                           : hotlist_corrupt(hotlist, "its tables are not the ones that we make");
}

static enum st check_header(struct hotlist *hotlist, bool *ret_is_empty)
{
    int64_t id = 0, version = 0, count = 0;
    enum st st = query(hotlist, "PRAGMA application_id", &id);
    st = st == ST_OK ? query(hotlist, "PRAGMA user_version", &version) : st;
    st = st == ST_OK ? query(hotlist, "SELECT count(*) FROM sqlite_schema", &count) : st;
    if (st != ST_OK) {
        return st;
    }
    *ret_is_empty = id == 0 && version == 0 && count == 0;
    if (!*ret_is_empty && id != HOTLIST_APPLICATION_ID) {
        fault_say(&hotlist->fault, "Move %s away: it is another program's database.",
                  hotlist->name);
        return ST_FOREIGN;
    }
    if (!*ret_is_empty && version > HOTLIST_VERSION) {
        fault_say(&hotlist->fault, "Update the firmware: %s has version %lld, this one reads %d.",
                  hotlist->name, (long long)version, HOTLIST_VERSION);
        return ST_FOREIGN;
    }
    return ST_OK;
}

/* NORMAL: a power cut may bring an earlier version back, never half of one; nothing here is worth
 * a sync of the disk that taps use. The log is moved into the file by whoever writes. */
static enum st prepare(struct hotlist *hotlist)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -%d; PRAGMA mmap_size = 0;"
                   "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;"
                   "PRAGMA journal_size_limit = %d",
                   CACHE_KIB, LOG_BYTES_KEPT);
    enum st st = run_text(hotlist, text);
    for (int n = 0; n < STATEMENTS && st == ST_OK; n++) {
        st = hotlist_status_of(hotlist,
                               sqlite3_prepare_v3(hotlist->db, texts[n], -1,
                                                  SQLITE_PREPARE_PERSISTENT,
                                                  &hotlist->statements[n], NULL),
                               "prepare a statement");
    }
    struct row row;
    return st == ST_OK ? hotlist_head_get(hotlist, &row) : st;
}

static enum st open_checked(struct hotlist *hotlist, const struct hotlist_config *config)
{
    bool is_empty = false;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= config->create ? SQLITE_OPEN_CREATE : 0;
    int code = sqlite3_open_v2(hotlist->path, &hotlist->db, flags, config->vfs);
    if ((code & 0xff) == SQLITE_CANTOPEN && !config->create) {
        fault_say(&hotlist->fault, "There is no hotlist yet: connect the terminal to the club.");
        return ST_REFUSED;
    }
    enum st st = hotlist_status_of(hotlist, code, "open it");
    st = st == ST_OK ? configure(hotlist, config->create) : st;
    st = st == ST_OK ? check_header(hotlist, &is_empty) : st;
    if (st == ST_OK && is_empty && !config->create) {
        fault_say(&hotlist->fault, "The hotlist is being made: connect the terminal to the club.");
        return ST_REFUSED;
    }
    /* Only now: before this point a foreign file has not been changed. */
    st = st == ST_OK ? run_text(hotlist, "PRAGMA journal_mode = WAL") : st;
    st = st == ST_OK && is_empty ? make_tables(hotlist) : st;
    st = st == ST_OK ? check_tables(hotlist) : st;
    st = st == ST_OK ? prepare(hotlist) : st;
    if (st == ST_OK) {
        (void)stat(hotlist->path, &hotlist->file); /* fails on a test's disk: never current */
    }
    return st;
}

enum st hotlist_open(const struct hotlist_config *config, struct hotlist **ret, struct fault *fault)
{
    const size_t size = strlen(config->database) + sizeof HOTLIST_SUFFIX;
    struct hotlist *hotlist = calloc(1, sizeof *hotlist + size);
    if (hotlist == NULL) {
        fault_say(fault, "There is no memory left for the hotlist.");
        return ST_FULL;
    }
    (void)snprintf(hotlist->path, size, "%s%s", config->database, HOTLIST_SUFFIX);
    const char *slash = strrchr(hotlist->path, '/');
    hotlist->name = slash != NULL ? slash + 1 : hotlist->path;
    const enum st st = open_checked(hotlist, config);
    if (st != ST_OK) {
        if (fault != NULL) {
            *fault = hotlist->fault;
        }
        hotlist_close(hotlist);
        return st;
    }
    *ret = hotlist;
    return ST_OK;
}

void hotlist_close(struct hotlist *hotlist)
{
    if (hotlist == NULL) {
        return;
    }
    for (int n = 0; n < STATEMENTS; n++) {
        (void)sqlite3_finalize(hotlist->statements[n]); /* repeats a failure reported before */
    }
    const int code = sqlite3_close(hotlist->db);
    assert(code == SQLITE_OK); /* busy: a statement of ours was left */
    free(hotlist);
}

enum st hotlist_discard(const char *database, struct fault *fault)
{
    /* The file first: a log without its file is nothing, a file without its log is an older list.
     */
    static const char *const parts[] = {"", "-wal", "-shm"};
    for (size_t n = 0; n < sizeof parts / sizeof parts[0]; n++) {
        char path[4096];
        if (snprintf(path, sizeof path, "%s%s%s", database, HOTLIST_SUFFIX, parts[n]) >=
            (int)sizeof path) {
            fault_say(fault, "The name of the database is too long.");
            return ST_IO;
        }
        if (unlink(path) != 0 && access(path, F_OK) == 0) {
            fault_say(fault, "Remove %s: it is damaged and could not be removed.", path);
            return ST_IO;
        }
    }
    return ST_OK;
}
