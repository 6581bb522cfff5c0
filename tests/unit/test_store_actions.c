/* The club's actions in the terminal's database: taken in, looked up by card, ended, dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "storage/actions.h"
#include "tests/support/actions_model.h"
#include "tests/support/crash_vfs.h"
#include "tests/support/store_model.h"

static const struct store_config config = {.path = "vafa.db", .vfs = "crash", .create = true};

static int disk_new(void **state)
{
    (void)state;
    crash_vfs_reset();
    return 0;
}

static struct store *open_ok(void)
{
    struct store *store = NULL;
    struct fault fault = {{0}};
    const enum st st = store_open(&config, &store, &fault);
    if (st != ST_OK) {
        fail_msg("%s: %s", st_word(st), fault.say);
    }
    return store;
}

static void run_sql(const char *text)
{
    sqlite3 *db = NULL;
    char *error = NULL;
    assert_int_equal(sqlite3_open_v2("vafa.db", &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", text, error);
    }
    (void)sqlite3_close(db);
}

/* As an older version left the file: without all tables that were made behind this one. */
static void drop_tables_after(const char *name)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    char text[1024] = "";
    assert_int_equal(sqlite3_open_v2("vafa.db", &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT name FROM sqlite_schema WHERE rowid > (SELECT rowid FROM"
                           " sqlite_schema WHERE name = ?1) ORDER BY rowid DESC",
                           -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const size_t size = strlen(text);
        (void)snprintf(text + size, sizeof text - size, "DROP TABLE %s;",
                       (const char *)sqlite3_column_text(statement, 0));
    }
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    assert_non_null(strstr(text, "DROP TABLE actions;"));
    run_sql(text);
}

static struct club_action action_of(uint64_t card, uint16_t number, int fill)
{
    struct club_action action = {.card_number = card, .number = number};
    memset(action.image, fill, sizeof action.image);
    memset(action.seal, fill + 1, sizeof action.seal);
    return action;
}

/* The numbers that wait for a card, as text: "3 4 7". */
static const char *waiting(struct store *store, uint64_t card, uint16_t after)
{
    static char text[256];
    struct club_action found[8];
    size_t count = 0, size = 0;
    text[0] = '\0';
    assert_int_equal(actions_waiting(store, card, after, found, 8, &count), ST_OK);
    for (size_t i = 0; i < count; i++) {
        assert_true(found[i].card_number == card && !found[i].is_past);
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%u", i > 0 ? " " : "",
                                 (unsigned)found[i].number);
    }
    return text;
}

static void a_card_gets_its_own_in_order_and_a_gap_shows(void **state)
{
    (void)state;
    struct store *store = open_ok();
    const uint64_t a = model_card(0), b = model_card(1);
    const struct club_action news[] = {action_of(a, 4, 1), action_of(a, 2, 1), action_of(b, 1, 1),
                                       action_of(a, 4095, 1), action_of(a, 1, 1)};
    struct club_action one;
    size_t count = 9;
    assert_string_equal(waiting(store, a, 0), "");
    assert_int_equal(actions_take(store, news, 5), ST_OK);
    assert_string_equal(waiting(store, a, 0), "1 2 4 4095");
    assert_string_equal(waiting(store, a, 2), "4 4095");
    assert_string_equal(waiting(store, a, 4095), "");
    assert_string_equal(waiting(store, b, 0), "1");
    assert_string_equal(waiting(store, model_card(2), 0), "");
    assert_int_equal(actions_waiting(store, a, 0, &one, 1, &count), ST_OK);
    assert_true(count == 1 && one.number == 1);
    assert_int_equal(actions_waiting(store, UINT64_MAX, 0, &one, 1, &count), ST_OK);
    assert_true(count == 0);
    store_close(store);
}

static void a_new_one_takes_the_place_of_its_number_and_past_ends_all_below(void **state)
{
    (void)state;
    struct store *store = open_ok();
    const uint64_t a = model_card(0), b = model_card(1);
    struct club_action news[] = {action_of(a, 1, 1), action_of(a, 2, 1), action_of(a, 3, 1),
                                 action_of(b, 2, 1), action_of(a, 2, 9)};
    const struct club_action past = {.card_number = a, .number = 2, .is_past = true};
    struct club_action found;
    size_t count = 0;
    uint32_t held = 0;
    for (int n = 0; n < 2; n++) { /* the same again changes nothing */
        assert_int_equal(actions_take(store, news, 5), ST_OK);
        assert_int_equal(actions_count(store, &held), ST_OK);
        assert_int_equal(held, 4);
    }
    assert_int_equal(actions_waiting(store, a, 1, &found, 1, &count), ST_OK);
    assert_true(count == 1 && found.number == 2);
    assert_memory_equal(found.image, news[4].image, sizeof found.image);
    assert_memory_equal(found.seal, news[4].seal, sizeof found.seal);
    for (int n = 0; n < 2; n++) {
        assert_int_equal(actions_take(store, &past, 1), ST_OK);
        assert_string_equal(waiting(store, a, 0), "3");
        assert_string_equal(waiting(store, b, 0), "2");
    }
    assert_int_equal(actions_take(store, news, 0), ST_OK);
    for (int n = 0; n < 2; n++) {
        assert_int_equal(actions_drop(store), ST_OK);
        assert_int_equal(actions_count(store, &held), ST_OK);
        assert_int_equal(held, 0);
    }
    store_close(store);
}

static void the_store_agrees_with_the_model(void **state)
{
    (void)state;
    struct store *terminal = open_ok(), *sync = open_ok();
    uint32_t entries = 0;
    for (uint32_t n = 1; n <= 100; n++) {
        assert_int_equal(actions_model_take(n, sync), ST_OK);
        assert_true(actions_model_agrees(n, terminal));
    }
    assert_int_equal(journal_verify(terminal, &entries, NULL), ST_OK);
    store_close(sync);
    store_close(terminal);
    terminal = open_ok();
    assert_true(actions_model_agrees(100, terminal));
    store_close(terminal);
}

/* A full batch of the highest numbers of as many cards, and all that can wait for one card ended at
 * once: the claim on the log holds for both. */
static void the_largest_batch_fits_and_a_whole_card_ends_at_once(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct club_action batch[CLUB_ACTIONS_MAX];
    const uint64_t a = model_card(0);
    const struct club_action past = {
        .card_number = a, .number = SNAPSHOT_ACTION_MAX, .is_past = true};
    uint32_t held = 0, number = 0;
    for (uint32_t i = 0; i < CLUB_ACTIONS_MAX; i++) {
        batch[i] = action_of(model_card(7 * i), SNAPSHOT_ACTION_MAX, 1);
    }
    assert_int_equal(actions_take(store, batch, CLUB_ACTIONS_MAX), ST_OK);
    while (number < SNAPSHOT_ACTION_MAX) {
        size_t count = 0;
        while (count < CLUB_ACTIONS_MAX && number < SNAPSHOT_ACTION_MAX) {
            batch[count++] = action_of(a, (uint16_t)++number, 1);
        }
        assert_int_equal(actions_take(store, batch, count), ST_OK);
    }
    assert_int_equal(actions_count(store, &held), ST_OK);
    assert_int_equal(held, SNAPSHOT_ACTION_MAX + CLUB_ACTIONS_MAX - 1);
    assert_int_equal(actions_take(store, &past, 1), ST_OK);
    assert_int_equal(actions_count(store, &held), ST_OK);
    assert_int_equal(held, CLUB_ACTIONS_MAX - 1);
    assert_int_equal(store_ready(store), ST_OK);
    store_close(store);
}

static void a_damaged_row_is_found(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "PRAGMA ignore_check_constraints = 1; UPDATE actions SET number = 4096",
        "PRAGMA ignore_check_constraints = 1; UPDATE actions SET image = zeroblob(63)",
        "PRAGMA ignore_check_constraints = 1; UPDATE actions SET seal = zeroblob(65)",
        "UPDATE actions SET card_number = card_number + 1",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        (void)disk_new(state);
        struct store *store = open_ok();
        const struct club_action action = action_of(model_card(0), 1, 1);
        struct club_action found;
        size_t count = 0;
        uint32_t entries = 0;
        assert_int_equal(actions_take(store, &action, 1), ST_OK);
        store_close(store);
        run_sql(changes[i]);
        store = open_ok();
        assert_int_equal(journal_verify(store, &entries, NULL), ST_CORRUPT);
        if (i < 3) {
            assert_int_equal(actions_waiting(store, model_card(0), 0, &found, 1, &count),
                             ST_CORRUPT);
        }
        store_close(store);
    }
}

static void a_file_of_version_2_gets_the_table(void **state)
{
    (void)state;
    struct store *store = open_ok();
    assert_int_equal(setting_put(store, "terminal", "7"), ST_OK);
    store_close(store);
    drop_tables_after("club_links");
    run_sql("PRAGMA user_version = 2");
    store = open_ok();
    char text[8];
    assert_int_equal(setting_get(store, "terminal", text, sizeof text), ST_OK);
    assert_string_equal(text, "7");
    assert_int_equal(actions_model_take(1, store), ST_OK);
    assert_true(actions_model_agrees(1, store));
    store_close(store);
    store_close(open_ok());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_card_gets_its_own_in_order_and_a_gap_shows, disk_new),
        cmocka_unit_test_setup(a_new_one_takes_the_place_of_its_number_and_past_ends_all_below,
                               disk_new),
        cmocka_unit_test_setup(the_store_agrees_with_the_model, disk_new),
        cmocka_unit_test_setup(the_largest_batch_fits_and_a_whole_card_ends_at_once, disk_new),
        cmocka_unit_test_setup(a_damaged_row_is_found, disk_new),
        cmocka_unit_test_setup(a_file_of_version_2_gets_the_table, disk_new),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("test_store_actions", tests, NULL, NULL);
}
