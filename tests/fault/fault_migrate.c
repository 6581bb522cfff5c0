/* Older and newer versions of the database: migrated forward, used by the older one after a
 * fallback, taken up by the newer one again; each of that cut at every call.
 *
 * The newer version is this test: it does from outside what a migration to version 11 would do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store.h"
#include "tests/support/crash_vfs.h"
#include "tests/support/store_model.h"

enum { ENTRIES = 40, NOW = 10, NOW_TABLES = 18 };
static const struct store_config config = {.path = "vafa.db", .vfs = "crash", .create = true};
/* The terminal on trial; sync, which never migrates what the older one could not use. */
static const struct store_config on_trial = {
    .path = "vafa.db", .vfs = "crash", .create = true, .keep_readable = true, .rehearse = true};
static const struct store_config sync_config = {
    .path = "vafa.db", .vfs = "crash", .keep_readable = true};

static enum st open_st(const struct store_config *how, struct store **ret, struct fault *fault)
{
    *ret = NULL;
    *fault = (struct fault){{0}};
    return store_open(how, ret, fault);
}

static struct store *open_ok(void)
{
    struct store *store;
    struct fault fault;
    const enum st st = open_st(&config, &store, &fault);
    if (st != ST_OK) {
        fail_msg("store_open: %s: %s", st_word(st), fault.say);
    }
    return store;
}

/* --- the database from outside -------------------------------------------------------------- */

static sqlite3 *open_outside(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2("vafa.db", &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    return db;
}

static void run_sql(const char *text)
{
    sqlite3 *db = open_outside();
    char *error = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", text, error);
    }
    (void)sqlite3_close(db);
}

static int64_t number(const char *text)
{
    sqlite3 *db = open_outside();
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    }
    const int64_t value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    return value;
}

/* What a version 11 that 10 can live with does to a file of version 10: tables of its own, made
 * from the journal, each of which refers to the other. 10 * 65536 + 11 = 655371. */
#define NEWER_MARK "655371"
static const char to_newer[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE \"kinds \"\" seen\"(kind INTEGER PRIMARY KEY, entries INTEGER NOT NULL,"
    " more INTEGER NOT NULL REFERENCES more(one)) STRICT;"
    "INSERT INTO \"kinds \"\" seen\" SELECT kind, count(*), 1 FROM journal GROUP BY kind;"
    "CREATE TABLE more(one INTEGER PRIMARY KEY, big BLOB,"
    " kind INTEGER NOT NULL REFERENCES \"kinds \"\" seen\"(kind)) STRICT;"
    "INSERT INTO more SELECT 1, zeroblob(40000), min(kind) FROM journal;"
    "PRAGMA user_version = " NEWER_MARK "; COMMIT";

/* --- a past --------------------------------------------------------------------------------- */

static void append_some(struct store *store, struct model *model, int count)
{
    for (int i = 0; i < count; i++) {
        const struct entry entry = model_draw(model);
        assert_int_equal(journal_append(store, &entry), ST_OK);
        model_add(model, &entry);
    }
}

/* A file of this version with a journal, then as `sql` leaves it. */
static struct model past(const char *sql)
{
    struct model model;
    crash_vfs_reset();
    model_init(&model, 4, 11);
    model.has_no_bons = true;
    struct store *store = open_ok();
    append_some(store, &model, ENTRIES);
    store_close(store);
    run_sql(sql);
    return model;
}

static void assert_whole(struct store *store, const struct model *model)
{
    uint32_t entries = 0;
    struct fault fault = {{0}};
    if (journal_verify(store, &entries, &fault) != ST_OK) {
        fail_msg("journal_verify: %s", fault.say);
    }
    assert_int_equal(entries, model->count);
    assert_true(model_agrees(model, model->count, store));
}

/* The file's bytes, the caller frees them. Opening makes and removes logs beside it. */
static uint8_t *file_copy(size_t *ret_size)
{
    const uint8_t *bytes = crash_vfs_file("vafa.db", ret_size);
    uint8_t *copy = malloc(*ret_size);
    assert_non_null(copy);
    memcpy(copy, bytes, *ret_size);
    return copy;
}

static void refused_untouched(const struct store_config *how, enum st expected, const char *say)
{
    struct store *store;
    struct fault fault;
    size_t before_size = 0, size = 0;
    uint8_t *before = file_copy(&before_size);
    assert_int_equal(open_st(how, &store, &fault), expected);
    if (strstr(fault.say, say) == NULL) {
        fail_msg("\"%s\", not \"%s\"", fault.say, say);
    }
    const uint8_t *after = crash_vfs_file("vafa.db", &size);
    assert_int_equal(size, before_size);
    assert_memory_equal(before, after, size);
    free(before);
}

/* --- older and newer ------------------------------------------------------------------------ */

static void the_older_version_sells_and_the_newer_one_goes_on(void **state)
{
    (void)state;
    struct model model = past(to_newer);
    for (int fallback = 0; fallback < 2; fallback++) {
        struct store *store = open_ok();
        assert_int_equal(store_ready(store), ST_OK);
        append_some(store, &model, 20);
        assert_whole(store, &model);
        store_close(store);
        assert_int_equal(number("PRAGMA user_version"), NOW);
        assert_int_equal(number("SELECT count(*) FROM sqlite_schema"), NOW_TABLES);
        run_sql(to_newer);
        assert_int_equal(number("SELECT sum(entries) FROM \"kinds \"\" seen\""), model.count);
        assert_int_equal(number("PRAGMA user_version"), 655371);
    }
    model_finish(&model);
}

static void terminal_and_sync_may_both_come_back_at_once(void **state)
{
    (void)state;
    struct model model = past(to_newer);
    struct store *second, *first = open_ok();
    struct fault fault;
    assert_int_equal(open_st(&sync_config, &second, &fault), ST_OK);
    append_some(first, &model, 5);
    assert_int_equal(sync_set_acknowledged(second, model.count), ST_OK);
    store_close(second);
    store_close(first);
    model_finish(&model);
}

struct heard {
    uint32_t calls, last, entries;
    bool is_wrong;
};

static void hear(void *ctx, uint32_t entry, uint32_t entries)
{
    struct heard *heard = ctx;
    heard->calls++;
    heard->is_wrong = heard->is_wrong || entry > entries || entries != heard->entries;
    heard->last = entry > heard->last ? entry : heard->last;
}

/* A device's first process would take it for one that hangs. */
static void a_long_migration_says_how_far_it_is(void **state)
{
    (void)state;
    enum { MANY = 8000 };
    struct model model;
    struct heard heard = {.entries = MANY};
    struct store *store = NULL;
    struct fault fault = {{0}};
    crash_vfs_reset();
    model_init(&model, 4, 11);
    store = open_ok();
    for (uint32_t n = 1; n <= MANY; n++) {
        const struct entry start = model_start(&model);
        assert_int_equal(journal_append(store, &start), ST_OK);
        model.count = n; /* which is all that a start takes from it */
    }
    store_close(store);
    run_sql("BEGIN; DELETE FROM used; PRAGMA user_version = 9; COMMIT");
    struct store_config told = config;
    told.works = hear;
    told.works_ctx = &heard;
    assert_int_equal(open_st(&told, &store, &fault), ST_OK);
    store_close(store);
    assert_in_range(heard.calls, 2, 100);
    assert_in_range(heard.last, MANY / 2, MANY);
    assert_false(heard.is_wrong);
}

static void a_newer_file_that_this_version_cannot_use_is_left_alone(void **state)
{
    (void)state;
    static const char *const marks[] = {
        "PRAGMA user_version = 11",     /* says nothing of older ones */
        "PRAGMA user_version = 720907", /* 11, readable from 11 */
        "PRAGMA user_version = 720908", /* 12, readable from 11 */
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        struct model model = past(marks[i]);
        refused_untouched(&config, ST_FOREIGN, "Update the firmware: vafa.db has version 1");
        model_finish(&model);
    }
}

static void a_newer_file_brings_tables_behind_ours_and_nothing_else(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "CREATE INDEX extra ON journal(kind)",
        "CREATE TRIGGER extra AFTER INSERT ON journal BEGIN DELETE FROM pending; END",
        "CREATE VIEW extra AS SELECT 1",
        "ALTER TABLE cards ADD COLUMN extra INTEGER",
        "DROP TABLE vouches",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char sql[200];
        (void)snprintf(sql, sizeof sql, "%s; PRAGMA user_version = " NEWER_MARK, changes[i]);
        struct model model = past(sql);
        struct store *store;
        struct fault fault;
        const enum st st = open_st(&config, &store, &fault);
        if (st != ST_CORRUPT) {
            fail_msg("%s: %s", changes[i], st_word(st));
        }
        assert_int_equal(number("PRAGMA user_version"), 655371);
        model_finish(&model);
    }
}

/* What each older version lacked of today's tables. */
#define LACKS_8 "DROP TABLE vouches; DROP TABLE successors; DROP TABLE reports;"
static const char to_8[] = "BEGIN;" LACKS_8 "PRAGMA user_version = 8; COMMIT";
static const char to_9[] = "PRAGMA user_version = 9";
static const char to_3[] =
    "BEGIN;" LACKS_8 "DROP TABLE transfers; DROP TABLE bons; DROP TABLE club_bons;"
    "DROP TABLE mandate; DROP TABLE operators; DROP TABLE used;"
    "PRAGMA user_version = 3; COMMIT";

static void a_slot_on_trial_migrates_nothing_that_the_other_could_not_use(void **state)
{
    (void)state;
    struct model model = past(to_8);
    struct store *store;
    struct fault fault;
    refused_untouched(&on_trial, ST_REFUSED, "Wait: vafa.db has version 8, and becomes 10");
    refused_untouched(&sync_config, ST_REFUSED, "Wait: vafa.db has version 8, and becomes 10");
    store = open_ok();
    assert_whole(store, &model);
    store_close(store);
    assert_int_equal(open_st(&on_trial, &store, &fault), ST_OK);
    store_close(store);
    crash_vfs_reset(); /* and a new file is nobody's yet */
    assert_int_equal(open_st(&on_trial, &store, &fault), ST_OK);
    store_close(store);
    model_finish(&model);
}

/* Else it would be marked good, and find then that it cannot migrate what the other one sold with.
 */
static void what_would_stop_the_migration_is_found_on_trial(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *say;
    } cases[] = {
        {"UPDATE journal SET bytes = zeroblob(48) WHERE seq = 40;", "the chain breaks at entry 40"},
        {"DROP TABLE sync;", "its tables are not the ones that we make"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model model = past(cases[i].sql);
        run_sql(to_8);
        refused_untouched(&on_trial, ST_CORRUPT, cases[i].say);
        refused_untouched(&sync_config, ST_REFUSED, "Wait: ");
        model_finish(&model);
    }
}

/* What a commit writes besides, of 4 KiB and a head of 24 bytes. */
enum { COMMIT_BYTES = 2 * 4120 };

static void the_room_that_a_rehearsal_took_is_there_for_the_migration(void **state)
{
    (void)state;
    struct store *store;
    struct fault fault;
    struct model model = past(to_3);
    crash_vfs_capacity(crash_vfs_used() + COMMIT_BYTES);
    assert_int_equal(open_st(&config, &store, &fault), ST_FULL);
    assert_int_equal(open_st(&on_trial, &store, &fault), ST_FULL);
    crash_vfs_capacity(0);
    assert_int_equal(open_st(&on_trial, &store, &fault), ST_REFUSED);
    crash_vfs_capacity(crash_vfs_used() + COMMIT_BYTES);
    store = open_ok();
    assert_whole(store, &model);
    store_close(store);
    model_finish(&model);
}

/* --- what an older program itself left ------------------------------------------------------- */

/* tests/vectors/make_database_9.py says how it was made. */
static char *file_text(const char *path)
{
    enum { TEXT_MAX = 100000 };
    char *text = calloc(1, TEXT_MAX);
    FILE *file = fopen(path, "re");
    assert_non_null(text);
    assert_non_null(file);
    assert_in_range(fread(text, 1, TEXT_MAX, file), 1, TEXT_MAX - 1);
    (void)fclose(file);
    return text;
}

/* Its programs did not list a card that was moved whole among what waits. */
static void a_file_that_version_9_made_is_whole_afterwards(void **state)
{
    (void)state;
    char *text = file_text("tests/vectors/database_9.sql");
    struct fault fault = {{0}};
    uint32_t entries = 0;
    crash_vfs_reset();
    sqlite3 *db = NULL;
    assert_int_equal(
        sqlite3_open_v2("vafa.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "crash"),
        SQLITE_OK);
    (void)sqlite3_close(db);
    run_sql("PRAGMA journal_mode = WAL");
    run_sql(text);
    free(text);
    assert_int_equal(number("SELECT count(*) FROM transfers"), 0);
    refused_untouched(&on_trial, ST_REFUSED, "Wait: vafa.db has version 9, and becomes 10");
    struct store *store = open_ok();
    if (journal_verify(store, &entries, &fault) != ST_OK) {
        fail_msg("journal_verify: %s", fault.say);
    }
    assert_int_equal(entries, 15);
    store_close(store);
    assert_int_equal(number("PRAGMA user_version"), NOW);
    /* 6 was taken by 8; 14 waits. */
    assert_int_equal(number("SELECT count(*) FROM transfers"), 2);
    assert_int_equal(number("SELECT count(*) FROM transfers WHERE ended = 1 AND seq = 6 AND "
                            "first = 1 AND second = 8"),
                     1);
    assert_int_equal(number("SELECT count(*) FROM transfers WHERE ended = 0 AND seq = 14 AND "
                            "first = 1 AND second = 0"),
                     1);
}

/* --- cuts ----------------------------------------------------------------------------------- */

static const struct migration {
    const char *name, *sql;
    int64_t mark, tables; /* of the file before */
} migrations[] = {
    {"forward from 9", to_9, 9, NOW_TABLES},
    {"forward from 8", to_8, 8, 15},
    {"forward from 3", to_3, 3, 9},
    {"back from 11", to_newer, 655371, NOW_TABLES + 2},
};
enum {
    MIGRATIONS = sizeof migrations / sizeof migrations[0],
    REHEARSED = 2, /* of them, from the first; the third takes long */
};

/* The sanitizers make all this slower: there every third call is cut. */
static uint64_t stride(void)
{
    const char *profile = getenv("PROFILE");
    return profile != NULL && strcmp(profile, "sanitize") == 0 ? 3 : 1;
}

/* Power was cut: the file is as before, or as after; opened again it is as after. */
static void assert_old_or_new(const struct migration *migration, struct model *model)
{
    const int64_t mark = number("PRAGMA user_version");
    const int64_t tables = number("SELECT count(*) FROM sqlite_schema");
    if ((mark != migration->mark || tables != migration->tables) &&
        (mark != NOW || tables != NOW_TABLES)) {
        fail_msg("%s: mark %lld, %lld tables", migration->name, (long long)mark, (long long)tables);
    }
    struct store *store = open_ok();
    assert_whole(store, model);
    assert_int_equal(store_ready(store), ST_OK);
    store_close(store);
    assert_int_equal(number("PRAGMA user_version"), NOW);
}

static void every_cut_of_a_migration_leaves_the_old_file_or_the_new_one(void **state)
{
    (void)state;
    for (size_t m = 0; m < MIGRATIONS; m++) {
        struct model model = past(migrations[m].sql);
        uint32_t states = 0;
        crash_vfs_record();
        store_close(open_ok());
        const uint64_t calls = crash_vfs_recorded();
        for (uint64_t n = 0; n <= calls; n += stride()) {
            crash_vfs_replay(n);
            const size_t policies = crash_vfs_policies(2);
            for (size_t p = 0; p < policies; p++) {
                crash_vfs_replay(n);
                crash_vfs_reboot(crash_vfs_policy(p));
                assert_old_or_new(&migrations[m], &model);
                states++;
            }
        }
        assert_true(calls > 3);
        printf("# %s: %u crash states of %llu calls\n", migrations[m].name, states,
               (unsigned long long)calls);
        model_finish(&model);
    }
}

/* The older version goes on with the file as it was. */
static void assert_old(const struct migration *migration, struct model *model)
{
    assert_int_equal(number("PRAGMA user_version"), migration->mark);
    assert_int_equal(number("SELECT count(*) FROM sqlite_schema"), migration->tables);
    assert_old_or_new(migration, model);
}

static void every_cut_of_a_rehearsal_leaves_the_old_file(void **state)
{
    (void)state;
    for (size_t m = 0; m < REHEARSED; m++) {
        struct model model = past(migrations[m].sql);
        struct store *store;
        struct fault fault;
        crash_vfs_record();
        assert_int_equal(open_st(&on_trial, &store, &fault), ST_REFUSED);
        const uint64_t calls = crash_vfs_recorded();
        for (uint64_t n = 0; n <= calls; n += stride()) {
            crash_vfs_replay(n);
            const size_t policies = crash_vfs_policies(2);
            for (size_t p = 0; p < policies; p++) {
                crash_vfs_replay(n);
                crash_vfs_reboot(crash_vfs_policy(p));
                assert_old(&migrations[m], &model);
            }
        }
        model_finish(&model);
    }
}

/* Opens the first `count` kinds of file with each call failing once; one that does not fail ends
 * with `ends`. */
static void fail_every_call(size_t count, const struct store_config *how, enum st ends,
                            void (*check)(const struct migration *migration, struct model *model))
{
    static const enum crash_failure failures[] = {CRASH_FULL, CRASH_IOERR};
    for (size_t m = 0; m < count; m++) {
        for (size_t f = 0; f < 2; f++) {
            bool has_failed = true;
            for (uint64_t n = 1; has_failed; n += stride()) {
                struct model model = past(migrations[m].sql);
                struct store *store;
                struct fault fault;
                crash_vfs_fail_at(n, failures[f], true);
                const enum st st = open_st(how, &store, &fault);
                has_failed = crash_vfs_has_failed();
                crash_vfs_heal();
                assert_true(st == ends || (has_failed && (st == ST_FULL || st == ST_IO)));
                store_close(store);
                check(&migrations[m], &model);
                model_finish(&model);
            }
        }
    }
}

static void every_failing_call_of_a_rehearsal_is_told_and_leaves_the_old_file(void **state)
{
    (void)state;
    fail_every_call(REHEARSED, &on_trial, ST_REFUSED, assert_old);
}

static void every_failing_call_of_a_migration_is_told_and_the_next_try_works(void **state)
{
    (void)state;
    fail_every_call(MIGRATIONS, &config, ST_OK, assert_old_or_new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_older_version_sells_and_the_newer_one_goes_on),
        cmocka_unit_test(terminal_and_sync_may_both_come_back_at_once),
        cmocka_unit_test(a_long_migration_says_how_far_it_is),
        cmocka_unit_test(a_newer_file_that_this_version_cannot_use_is_left_alone),
        cmocka_unit_test(a_newer_file_brings_tables_behind_ours_and_nothing_else),
        cmocka_unit_test(a_slot_on_trial_migrates_nothing_that_the_other_could_not_use),
        cmocka_unit_test(what_would_stop_the_migration_is_found_on_trial),
        cmocka_unit_test(the_room_that_a_rehearsal_took_is_there_for_the_migration),
        cmocka_unit_test(a_file_that_version_9_made_is_whole_afterwards),
        cmocka_unit_test(every_cut_of_a_rehearsal_leaves_the_old_file),
        cmocka_unit_test(every_failing_call_of_a_rehearsal_is_told_and_leaves_the_old_file),
        cmocka_unit_test(every_cut_of_a_migration_leaves_the_old_file_or_the_new_one),
        cmocka_unit_test(every_failing_call_of_a_migration_is_told_and_the_next_try_works),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("fault_migrate", tests, NULL, NULL);
}
