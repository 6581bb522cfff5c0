#include <stdlib.h>
#include <string.h>

#include "storage/store_priv.h"

enum {
    BUSY_MAX_MS = 2000,      /* sync's longest transaction takes milliseconds */
    CACHE_KIB = 512,         /* a tap touches about a dozen pages of 4 KiB */
    READY_ENTRIES_MIN = 256, /* numbers left for intents, or selling stops */
};

/* Nothing is set with sqlite3_config(): it would bind every other user of SQLite in the process.
 * What matters is a property of the connection. */
static enum st connection_configure(struct store *store)
{
    static const struct {
        int option, value;
    } options[] = {
        /* A file that somebody prepared runs no code of theirs. */
        {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},    {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const int code = sqlite3_db_config(store->db, options[i].option, options[i].value, NULL);
        if (code != SQLITE_OK) {
            return sql_status(store, code, "configure SQLite");
        }
    }
    /* The last process to close keeps the log: its length is the reserve (room.c). */
    int keep_log = 1;
    (void)sqlite3_file_control(store->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_log);
    /* The log is moved into the database when it suits the till, by room_checkpoint(). */
    (void)sqlite3_wal_autocheckpoint(store->db, 0);
    (void)sqlite3_busy_timeout(store->db, BUSY_MAX_MS);
    return ST_OK;
}

/* These read the file, so they come after the check that it is ours. No memory map: a damaged or
 * shortened file must give an error and not a signal. */
static enum st pragmas_set(struct store *store)
{
    char text[160];
    (void)sqlite3_snprintf(sizeof text, text,
                           "PRAGMA synchronous = FULL; PRAGMA cache_size = -%d;"
                           "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                           "PRAGMA cell_size_check = ON",
                           CACHE_KIB);
    return sql_text(store, text, "configure the file");
}

static int on_commit(void *context, sqlite3 *db, const char *schema, int frames)
{
    struct store *store = context;
    (void)db;
    (void)schema;
    store->wal_frames = frames;
    return SQLITE_OK;
}

static enum st open_checked(struct store *store, const struct store_config *config)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= config->create ? SQLITE_OPEN_CREATE : 0;
    const int code = sqlite3_open_v2(config->path, &store->db, flags, config->vfs);
    enum st st = sql_status(store, code, "open it");
    if (st == ST_OK && sqlite3_db_readonly(store->db, "main") == 1) {
        st = sql_status(store, SQLITE_READONLY, "open it for writing");
    }
    if (st == ST_OK) {
        st = connection_configure(store);
    }
    if (st == ST_OK) {
        st = schema_check_and_migrate(store, config);
    }
    if (st == ST_OK) {
        st = pragmas_set(store);
    }
    if (st == ST_OK) {
        st = sql_prepare(store);
    }
    if (st == ST_OK) {
        (void)sqlite3_wal_hook(store->db, on_commit, store);
        st = journal_check_tail(store);
    }
    return st;
}

enum st store_open(const struct store_config *config, struct store **ret, struct fault *fault)
{
    assert(config->path != NULL && config->path[0] != 0);
    const size_t size = strlen(config->path) + 1;
    struct store *store = calloc(1, sizeof *store + size);
    if (store == NULL) {
        fault_say(fault, "Make room in memory: could not open the database.");
        return ST_FULL;
    }
    memcpy(store->path, config->path, size);
    store->progress = (struct progress){.works = config->works, .ctx = config->works_ctx};
    const char *slash = strrchr(store->path, '/');
    store->name = slash != NULL ? slash + 1 : store->path;

    const enum st st = open_checked(store, config);
    store->progress = (struct progress){.works = NULL}; /* the caller's, for this call */
    if (st != ST_OK) {
        if (fault != NULL) {
            *fault = store->fault;
        }
        store_close(store);
        return st;
    }
    *ret = store;
    return ST_OK;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    for (int i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(store->statements[i]); /* repeats a failure reported before */
    }
    const int code = sqlite3_close(store->db);
    assert(code == SQLITE_OK); /* busy: a statement of ours was left */
    free(store);
}

const struct fault *store_fault(const struct store *store)
{
    return &store->fault;
}

static enum st ready_locked(struct store *store)
{
    struct tip tip;
    enum st st = journal_tip(store, &tip);
    if (st == ST_OK) {
        st = journal_not_restored(store, &tip);
    }
    if (st == ST_OK && tip.sequence > SEQUENCE_MAX - SEQUENCE_RESERVE - READY_ENTRIES_MIN) {
        fault_say(&store->fault, "Enrol this terminal anew: its journal numbers are used up.");
        st = ST_FULL;
    }
    if (st == ST_OK) {
        st = room_claim(store, STORE_READY_ENTRIES * ROOM_ENTRY_FRAMES);
    }
    return st != ST_OK ? st : room_touch(store);
}

enum st store_ready(struct store *store)
{
    enum st st = room_checkpoint(store, CHECKPOINT_READY);
    if (st != ST_OK) {
        return st;
    }
    st = sql_begin(store);
    if (st != ST_OK) {
        return st;
    }
    st = ready_locked(store);
    const enum st end = sql_end(store, ST_REFUSED); /* nothing to commit */
    assert(end == ST_REFUSED);
    return st;
}
