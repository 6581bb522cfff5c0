/* test_loss - what a terminal's death would leave untold, kept up to date entry by entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "storage/loss.h"
#include "tests/support/crash_vfs.h"
#include "tests/support/store_model.h"

static const struct store_config config = {.path = "vafa.db", .vfs = "crash", .create = true};

static struct store *open_ok(void)
{
    struct store *store = NULL;
    struct fault fault = {{0}};
    crash_vfs_reset();
    if (store_open(&config, &store, &fault) != ST_OK) {
        fail_msg("%s", fault.say);
    }
    return store;
}

static bool is_undone(const struct model *model, uint32_t intent)
{
    for (uint32_t i = intent; i < model->count; i++) {
        const struct entry *entry = &model->entries[i];
        if (entry->kind == ENTRY_OUTCOME && entry->outcome.intent_sequence == intent) {
            return entry->outcome.verdict == VERDICT_NOT_DONE;
        }
    }
    return false;
}

/* Straight from the words: intents behind `acknowledged` that are not known to be not done. */
static struct loss expected(const struct model *model, uint32_t acknowledged)
{
    struct loss loss = {0};
    for (uint32_t i = acknowledged; i < model->count; i++) {
        const struct entry *entry = &model->entries[i];
        if (entry->kind == ENTRY_INTENT && !is_undone(model, entry->sequence)) {
            loss.transactions += 1;
            loss.amount += entry->intent.parts.amount.rials;
        }
    }
    return loss;
}

static void assert_same(const struct loss *found, const struct loss *wanted)
{
    assert_int_equal(found->transactions, wanted->transactions);
    assert_int_equal(found->amount, wanted->amount);
    assert_false(found->is_more);
}

static void what_is_kept_is_what_counting_anew_gives(void **state)
{
    (void)state;
    enum { ENTRIES = 400 };
    struct store *store = open_ok();
    struct model model;
    struct loss kept = {0};
    uint32_t acknowledged = 0;
    model_init(&model, 4, 7);
    for (uint32_t n = 1; n <= ENTRIES; n++) {
        const struct entry entry = model_draw(&model);
        assert_int_equal(journal_append(store, &entry), ST_OK);
        model_add(&model, &entry);
        if (n % 37 == 0) {
            acknowledged = n - n % 11;
            assert_int_equal(sync_set_acknowledged(store, acknowledged), ST_OK);
        }
        if (n % 3 == 0) {
            const struct loss wanted = expected(&model, acknowledged);
            struct loss anew = {0};
            assert_int_equal(loss_count(store, &kept), ST_OK);
            assert_int_equal(loss_count(store, &anew), ST_OK);
            assert_same(&kept, &wanted);
            assert_same(&anew, &wanted);
        }
    }
    store_close(store);
    model_finish(&model);
}

/* A status is asked every other second: it cannot read all that a long time offline has left.
 * Shown by an entry that is damaged after it was counted, which only a new count meets. */
static void only_what_is_new_is_read(void **state)
{
    (void)state;
    enum { ENTRIES = 100 };
    struct store *store = open_ok();
    struct model model;
    struct loss kept = {0};
    model_init(&model, 4, 7);
    for (uint32_t n = 1; n <= ENTRIES; n++) {
        const struct entry entry = model_draw(&model);
        assert_int_equal(journal_append(store, &entry), ST_OK);
        model_add(&model, &entry);
    }
    assert_int_equal(loss_count(store, &kept), ST_OK);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2("vafa.db", &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE journal SET hash = zeroblob(32) WHERE seq = 10", NULL, NULL, NULL),
        SQLITE_OK);
    (void)sqlite3_close(db);
    struct loss anew = {0};
    const struct loss before = kept;
    assert_int_equal(loss_count(store, &anew), ST_CORRUPT);
    assert_int_equal(loss_count(store, &kept), ST_OK);
    assert_same(&kept, &before);
    store_close(store);
    model_finish(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_what_counting_anew_gives),
        cmocka_unit_test(only_what_is_new_is_read),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("loss", tests, NULL, NULL);
}
