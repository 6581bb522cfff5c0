/* Older and newer versions of the database: migrated forward, used by the older one after a
 * fallback, taken up by the newer one again; each of that cut at every call.
 *
 * The newer version is this test: it does from outside what a migration to version 10 would do. */
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

enum { ENTRIES = 40, NOW = 9, NOW_TABLES = 18 };
static const struct store_config config = {.path = "vafa.db", .vfs = "crash", .create = true};

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

/* What a version 10 that 9 can live with does to a file of version 9: a table of its own, made from
 * the journal. 9 * 65536 + 10 = 589834. */
#define NEWER_MARK "589834"
static const char to_newer[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE \"kinds \"\" seen\"(kind INTEGER PRIMARY KEY, entries INTEGER NOT NULL) STRICT;"
    "INSERT INTO \"kinds \"\" seen\" SELECT kind, count(*) FROM journal GROUP BY kind;"
    "CREATE TABLE more(one INTEGER PRIMARY KEY, big BLOB) STRICT;"
    "INSERT INTO more VALUES(1, zeroblob(40000));"
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
    assert_non_null(strstr(fault.say, say));
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
        assert_int_equal(number("PRAGMA user_version"), 589834);
    }
    model_finish(&model);
}

static void terminal_and_sync_may_both_come_back_at_once(void **state)
{
    (void)state;
    struct model model = past(to_newer);
    static const struct store_config sync = {
        .path = "vafa.db", .vfs = "crash", .keep_readable = true};
    struct store *second, *first = open_ok();
    struct fault fault;
    assert_int_equal(open_st(&sync, &second, &fault), ST_OK);
    append_some(first, &model, 5);
    assert_int_equal(sync_set_acknowledged(second, model.count), ST_OK);
    store_close(second);
    store_close(first);
    model_finish(&model);
}

static void a_newer_file_that_this_version_cannot_use_is_left_alone(void **state)
{
    (void)state;
    static const char *const marks[] = {
        "PRAGMA user_version = 10",     /* says nothing of older ones */
        "PRAGMA user_version = 655370", /* 10, readable from 10 */
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
        assert_int_equal(number("PRAGMA user_version"), 589834);
        model_finish(&model);
    }
}

/* What each older version lacked of today's tables. */
#define LACKS_8 "DROP TABLE vouches; DROP TABLE successors; DROP TABLE reports;"
static const char to_8[] = "BEGIN;" LACKS_8 "PRAGMA user_version = 8; COMMIT";
static const char to_3[] =
    "BEGIN;" LACKS_8 "DROP TABLE transfers; DROP TABLE bons; DROP TABLE club_bons;"
    "DROP TABLE mandate; DROP TABLE operators; DROP TABLE used;"
    "PRAGMA user_version = 3; COMMIT";

static void a_slot_on_trial_migrates_nothing_that_the_other_could_not_use(void **state)
{
    (void)state;
    static const struct store_config on_trial = {
        .path = "vafa.db", .vfs = "crash", .create = true, .keep_readable = true};
    struct model model = past(to_8);
    struct store *store;
    struct fault fault;
    refused_untouched(&on_trial, ST_REFUSED, "Wait: vafa.db has version 8, and becomes 9");
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

/* --- cuts ----------------------------------------------------------------------------------- */

static const struct migration {
    const char *name, *sql;
    int64_t mark, tables; /* of the file before */
} migrations[] = {
    {"forward from 8", to_8, 8, 15},
    {"forward from 3", to_3, 3, 9},
    {"back from 10", to_newer, 589834, NOW_TABLES + 2},
};
enum { MIGRATIONS = sizeof migrations / sizeof migrations[0] };

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

static void every_failing_call_of_a_migration_is_told_and_the_next_try_works(void **state)
{
    (void)state;
    static const enum crash_failure failures[] = {CRASH_FULL, CRASH_IOERR};
    for (size_t m = 0; m < MIGRATIONS; m++) {
        for (size_t f = 0; f < 2; f++) {
            bool has_failed = true;
            for (uint64_t n = 1; has_failed; n += stride()) {
                struct model model = past(migrations[m].sql);
                struct store *store;
                struct fault fault;
                crash_vfs_fail_at(n, failures[f], true);
                const enum st st = open_st(&config, &store, &fault);
                has_failed = crash_vfs_has_failed();
                crash_vfs_heal();
                assert_true(st == ST_OK || (has_failed && (st == ST_FULL || st == ST_IO)));
                store_close(store);
                assert_old_or_new(&migrations[m], &model);
                model_finish(&model);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_older_version_sells_and_the_newer_one_goes_on),
        cmocka_unit_test(terminal_and_sync_may_both_come_back_at_once),
        cmocka_unit_test(a_newer_file_that_this_version_cannot_use_is_left_alone),
        cmocka_unit_test(a_newer_file_brings_tables_behind_ours_and_nothing_else),
        cmocka_unit_test(a_slot_on_trial_migrates_nothing_that_the_other_could_not_use),
        cmocka_unit_test(every_cut_of_a_migration_leaves_the_old_file_or_the_new_one),
        cmocka_unit_test(every_failing_call_of_a_migration_is_told_and_the_next_try_works),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("fault_migrate", tests, NULL, NULL);
}
