/* The store's API, and what it makes of bad files. Power cuts and full disks: fault_store.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <mbedtls/sha256.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/bons.h"
#include "storage/lost.h"
#include "storage/store.h"
#include "tests/support/actions_model.h"
#include "tests/support/crash_vfs.h"
#include "tests/support/store_model.h"

enum { PAGE = 4096 };
static const struct store_config config = {.path = "vafa.db", .vfs = "crash", .create = true};
static const struct store_config existing = {.path = "vafa.db", .vfs = "crash", .create = false};

static int disk_new(void **state)
{
    (void)state;
    crash_vfs_reset();
    return 0;
}

static struct store *open_ok(void)
{
    struct store *store = NULL;
    assert_int_equal(store_open(&config, &store, NULL), ST_OK);
    return store;
}

static void append_ok(struct store *store, struct model *model, struct entry entry)
{
    assert_int_equal(journal_append(store, &entry), ST_OK);
    model_add(model, &entry);
}

static enum st open_st(const struct store_config *with, struct fault *ret_fault)
{
    struct store *store = NULL;
    *ret_fault = (struct fault){{0}};
    const enum st st = store_open(with, &store, ret_fault);
    store_close(store);
    return st;
}

/* --- the API --------------------------------------------------------------------------------- */

static void new_store_is_empty(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    model_init(&model, MODEL_CARDS, 1);
    char value[8];
    char *text = NULL;
    uint32_t number = 9;
    struct entry entry;
    assert_true(model_agrees(&model, 0, store));
    assert_int_equal(store_ready(store), ST_OK);
    assert_int_equal(setting_get(store, "terminal", value, sizeof value), ST_REFUSED);
    assert_int_equal(programme_get(store, &number, &text), ST_REFUSED);
    assert_int_equal(journal_find(store, 1, &entry), ST_REFUSED);
    assert_int_equal(sync_acknowledged(store, &number), ST_OK);
    assert_int_equal(number, 0);
    assert_int_equal(journal_verify(store, &number, NULL), ST_OK);
    assert_int_equal(number, 0);
    store_close(store);
    store_close(NULL);
}

static void missing_file_is_not_made_unless_asked(void **state)
{
    (void)state;
    struct fault fault;
    size_t size = 0;
    assert_int_equal(open_st(&existing, &fault), ST_IO);
    assert_null(crash_vfs_file("vafa.db", &size));
    assert_string_not_equal(fault.say, "");
    store_close(open_ok());
    assert_int_equal(open_st(&existing, &fault), ST_OK);
}

static void store_agrees_with_the_model_after_a_long_random_life(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    uint32_t entries = 0;
    model_init(&model, MODEL_CARDS, 42);
    for (uint32_t i = 0; i < 600; i++) {
        append_ok(store, &model, model_draw(&model));
        if (i % 50 == 49) {
            assert_true(model_agrees(&model, model.count, store));
            assert_int_equal(journal_verify(store, &entries, NULL), ST_OK);
            assert_int_equal(entries, model.count);
            store_close(store);
            store = open_ok();
            assert_int_equal(store_ready(store), ST_OK);
        }
    }
    store_close(store);
    model_finish(&model);
}

static void rolled_back_card_is_remembered_by_its_highest_counter(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    struct snapshot seen;
    model_init(&model, 1, 1);
    append_ok(store, &model, model_sighting(&model, 0, 5));
    append_ok(store, &model, model_sighting(&model, 0, 3));
    append_ok(store, &model, model_sighting(&model, 0, 5));
    assert_int_equal(cards_seen(store, model_card(0), &seen), ST_OK);
    assert_int_equal(seen.counter, 5);
    assert_int_equal(seen.last.sequence, 1); /* the first that showed it */
    assert_int_equal(cards_seen(store, model_card(1), &seen), ST_REFUSED);
    assert_int_equal(cards_seen(store, UINT64_MAX, &seen), ST_REFUSED);
    store_close(store);
    model_finish(&model);
}

/* A card's ring, noted in one piece; the newest state of the card is what counts from then on. */
static void sightings_that_come_together_are_all_there(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    struct entry together[JOURNAL_TOGETHER_MAX];
    uint32_t entries = 0;
    model_init(&model, 2, 1);
    append_ok(store, &model, model_start(&model));
    for (uint32_t i = 0; i < JOURNAL_TOGETHER_MAX; i++) {
        together[i] = model_sighting(&model, 0, i + 1);
        model_add(&model, &together[i]);
    }
    assert_int_equal(journal_append_sightings(store, together, JOURNAL_TOGETHER_MAX), ST_OK);
    assert_true(model_agrees(&model, model.count, store));
    store_close(store);
    store = open_ok();
    assert_true(model_agrees(&model, model.count, store));
    assert_int_equal(journal_verify(store, &entries, NULL), ST_OK);
    assert_int_equal(entries, 1 + JOURNAL_TOGETHER_MAX);
    store_close(store);
    model_finish(&model);
}

/* A card served here twice, then elsewhere. Its facts follow from the intents as long as it stands
 * where this terminal left it. */
static void facts_of_a_card_are_known_until_it_was_elsewhere(void **state)
{
    (void)state;
    const struct facts_rules rules = {210, PERIOD_YEAR, PERIOD_NONE};
    struct store *store = open_ok();
    struct model model;
    struct facts facts = {0};
    model_init(&model, 2, 1);
    struct entry first = model_intent(&model, 0, 1);
    assert_int_equal(cards_facts(store, model_card(0), &first.intent.after, &rules, &facts),
                     ST_REFUSED);
    append_ok(store, &model, first);
    assert_int_equal(cards_facts(store, model_card(0), &first.intent.after, &rules, &facts),
                     ST_REFUSED); /* not done yet */
    append_ok(store, &model, model_outcome(&model, 1, VERDICT_DONE));
    assert_int_equal(cards_facts(store, model_card(0), &first.intent.after, &rules, &facts), ST_OK);
    assert_int_equal(facts.counter, 1);
    assert_int_equal(facts.visits, 0);

    /* 4 visits, of 40, 40, 40 thousand and now 80: mean 40 + 40 / 4. */
    struct entry sale = model_intent(&model, 0, 2);
    sale.intent.before = first.intent.after;
    sale.intent.after.last.amount.rials = 80000;
    sale.intent.after.last.offer = 14;
    sale.intent.occasion = (struct occasion){
        .has_facts = true,
        .facts = {.counter = 1, .visits = 3, .basket = 40, .spend = 120},
    };
    append_ok(store, &model, sale);
    assert_int_equal(cards_facts(store, model_card(0), &first.intent.after, &rules, &facts), ST_OK);
    append_ok(store, &model, model_outcome(&model, 3, VERDICT_DONE));
    assert_int_equal(cards_facts(store, model_card(0), &first.intent.after, &rules, &facts),
                     ST_REFUSED);
    store_close(store);
    store = open_ok();
    assert_int_equal(cards_facts(store, model_card(0), &sale.intent.after, &rules, &facts), ST_OK);
    assert_int_equal(facts.counter, 2);
    assert_int_equal(facts.visits, 4);
    assert_int_equal(facts.basket, 50);
    assert_int_equal(facts.spend, 200);
    assert_int_equal(facts.marks_ever, 1);
    assert_int_equal(cards_facts(store, model_card(1), &sale.intent.after, &rules, &facts),
                     ST_REFUSED);

    /* The same counter, another transaction: a card of whom nothing is known. */
    struct snapshot other = sale.intent.after;
    other.last.sequence += 1;
    assert_int_equal(cards_facts(store, model_card(0), &other, &rules, &facts), ST_REFUSED);

    /* Its programme looked at no facts: what the card remembers is not known here. */
    struct entry blind = model_intent(&model, 0, 3);
    blind.intent.before = sale.intent.after;
    memset(&blind.intent.occasion, 0, sizeof blind.intent.occasion);
    append_ok(store, &model, blind);
    append_ok(store, &model, model_outcome(&model, 5, VERDICT_DONE));
    assert_int_equal(cards_facts(store, model_card(0), &blind.intent.after, &rules, &facts),
                     ST_REFUSED);

    struct entry seen = model_sighting(&model, 0, 9);
    append_ok(store, &model, seen);
    assert_int_equal(cards_facts(store, model_card(0), &seen.sighting.snapshot, &rules, &facts),
                     ST_REFUSED);
    store_close(store);
    model_finish(&model);
}

static void counts_follow_what_the_club_has(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    struct journal_counts counts;
    uint32_t has = 0;
    model_init(&model, 1, 1);
    append_ok(store, &model, model_start(&model));
    append_ok(store, &model, model_intent(&model, 0, 1));
    append_ok(store, &model, model_start(&model));
    assert_int_equal(journal_counts(store, &counts), ST_OK);
    assert_int_equal(counts.unsent, 3);
    assert_int_equal(counts.pending, 1);
    assert_true(counts.oldest_unsent_s == model.entries[0].time_s);

    assert_int_equal(sync_set_acknowledged(store, 2), ST_OK);
    assert_int_equal(journal_counts(store, &counts), ST_OK);
    assert_int_equal(counts.unsent, 1);
    assert_true(counts.oldest_unsent_s == model.entries[2].time_s);

    assert_int_equal(sync_set_acknowledged(store, 3), ST_OK);
    assert_int_equal(journal_counts(store, &counts), ST_OK);
    assert_int_equal(counts.unsent, 0);
    assert_true(counts.oldest_unsent_s == 0);

    assert_int_equal(sync_set_acknowledged(store, 1), ST_OK); /* a club from a backup */
    assert_int_equal(sync_acknowledged(store, &has), ST_OK);
    assert_int_equal(has, 1);
    store_close(store);
    model_finish(&model);
}

static void club_that_knows_more_means_an_older_copy(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    struct fault fault;
    model_init(&model, 1, 1);
    append_ok(store, &model, model_intent(&model, 0, 1));
    assert_int_equal(sync_set_acknowledged(store, 2), ST_CORRUPT);
    assert_non_null(strstr(store_fault(store)->say, "older copy"));
    assert_int_equal(store_ready(store), ST_CORRUPT);
    const struct entry start = model_start(&model);
    assert_int_equal(journal_append(store, &start), ST_CORRUPT);
    append_ok(store, &model, model_outcome(&model, 1, VERDICT_DONE)); /* what is begun, ends */
    store_close(store);
    assert_int_equal(open_st(&existing, &fault), ST_OK); /* sync must still be able to talk */
    model_finish(&model);
}

static void fetch_gives_what_follows_in_order(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    static struct journal_row rows[10];
    size_t count = 0;
    model_init(&model, MODEL_CARDS, 5);
    for (int i = 0; i < 25; i++) {
        append_ok(store, &model, model_draw(&model));
    }
    assert_int_equal(journal_fetch(store, 20, rows, 10, &count), ST_OK);
    assert_int_equal(count, 5);
    assert_int_equal(rows[0].sequence, 21);
    assert_int_equal(journal_fetch(store, 3, rows, 10, &count), ST_OK);
    assert_int_equal(count, 10);
    assert_int_equal(rows[9].sequence, 13);
    assert_int_equal(journal_fetch(store, 25, rows, 10, &count), ST_OK);
    assert_int_equal(count, 0);
    assert_int_equal(journal_fetch(store, 26, rows, 10, &count), ST_OK);
    assert_int_equal(count, 0);
    store_close(store);
    model_finish(&model);
}

static void settings_keep_their_text(void **state)
{
    (void)state;
    struct store *store = open_ok();
    static char longest[SETTING_VALUE_MAX + 1], found[SETTING_VALUE_MAX];
    memset(longest, 'x', SETTING_VALUE_MAX);
    assert_int_equal(setting_put(store, "a", longest), ST_FULL);
    longest[SETTING_VALUE_MAX - 1] = 0;
    assert_int_equal(setting_put(store, "a", longest), ST_OK);
    assert_int_equal(setting_put(store, "b", ""), ST_OK);
    assert_int_equal(setting_put(store, "c", "شعبه ۱"), ST_OK);
    assert_int_equal(setting_get(store, "a", found, sizeof found), ST_OK);
    assert_string_equal(found, longest);
    assert_int_equal(setting_get(store, "a", found, 100), ST_FULL);
    assert_int_equal(setting_get(store, "b", found, 1), ST_OK);
    assert_string_equal(found, "");
    assert_int_equal(setting_get(store, "c", found, sizeof found), ST_OK);
    assert_string_equal(found, "شعبه ۱");
    assert_int_equal(setting_put(store, "c", "2"), ST_OK);
    assert_int_equal(setting_get(store, "c", found, sizeof found), ST_OK);
    assert_string_equal(found, "2");
    store_close(store);
}

static void programme_only_goes_forward(void **state)
{
    (void)state;
    struct store *store = open_ok();
    char *text = NULL;
    uint32_t version = 0;
    assert_int_equal(programme_put(store, 3, "{\"three\":3}"), ST_OK);
    assert_int_equal(programme_put(store, 3, "{}"), ST_REFUSED);
    assert_int_equal(programme_put(store, 2, "{}"), ST_REFUSED);
    assert_int_equal(programme_put(store, 4, "{\"four\":4}"), ST_OK);
    store_close(store);
    store = open_ok();
    assert_int_equal(programme_get(store, &version, &text), ST_OK);
    assert_int_equal(version, 4);
    assert_string_equal(text, "{\"four\":4}");
    free(text);
    store_close(store);
}

static void two_handles_see_each_other_and_wait_for_the_lock(void **state)
{
    (void)state;
    struct store *terminal = open_ok(), *sync = open_ok();
    struct model model;
    uint32_t has = 0;
    model_init(&model, MODEL_CARDS, 8);
    for (uint32_t i = 1; i <= 300; i++) {
        append_ok(terminal, &model, model_draw(&model));
        assert_int_equal(sync_set_acknowledged(sync, i), ST_OK);
        assert_int_equal(sync_acknowledged(terminal, &has), ST_OK);
        assert_int_equal(has, i);
        assert_int_equal(store_ready(terminal), ST_OK);
    }
    assert_true(model_agrees(&model, model.count, sync));

    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open_v2("vafa.db", &other, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const struct entry entry = model_start(&model);
    assert_int_equal(journal_append(terminal, &entry), ST_AGAIN);
    assert_int_equal(store_ready(terminal), ST_AGAIN);
    assert_int_equal(sync_set_acknowledged(sync, 1), ST_AGAIN);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    append_ok(terminal, &model, entry);
    (void)sqlite3_close(other);
    store_close(sync);
    store_close(terminal);
    model_finish(&model);
}

static void write_ahead_log_stays_small_when_asked_between_taps(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    size_t size = 0;
    model_init(&model, MODEL_CARDS, 9);
    for (uint32_t i = 0; i < 1500; i++) {
        struct entry entry = model_sighting(&model, i % MODEL_CARDS, i + 1);
        append_ok(store, &model, entry);
        assert_int_equal(store_ready(store), ST_OK);
    }
    assert_non_null(crash_vfs_file("vafa.db-wal", &size));
    assert_true(size <= 32 + 384 * (PAGE + 24));
    store_close(store);
    model_finish(&model);
}

/* --- bad files ------------------------------------------------------------------------------- */

static void run_sql(const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(
        sqlite3_open_v2("vafa.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "crash"),
        SQLITE_OK);
    char *error = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", text, error);
    }
    (void)sqlite3_close(db);
}

static void file_that_is_no_database_is_foreign(void **state)
{
    (void)state;
    struct fault fault;
    static uint8_t text[5000];
    memset(text, 'x', sizeof text);
    crash_vfs_put("vafa.db", text, sizeof text);
    assert_int_equal(open_st(&config, &fault), ST_FOREIGN);
    assert_string_not_equal(fault.say, "");
    size_t size = 0;
    assert_memory_equal(crash_vfs_file("vafa.db", &size), text, sizeof text);
    assert_int_equal(size, sizeof text);
}

static void other_programs_database_is_foreign_and_untouched(void **state)
{
    (void)state;
    struct fault fault;
    run_sql("CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    const uint64_t before = crash_vfs_fingerprint();
    assert_int_equal(open_st(&config, &fault), ST_FOREIGN);
    assert_true(before == crash_vfs_fingerprint());
    run_sql("PRAGMA application_id = 99; PRAGMA user_version = 1");
    assert_int_equal(open_st(&config, &fault), ST_FOREIGN);
}

static void newer_version_is_foreign(void **state)
{
    (void)state;
    struct fault fault;
    store_close(open_ok());
    run_sql("PRAGMA user_version = 99");
    assert_int_equal(open_st(&config, &fault), ST_FOREIGN);
    assert_non_null(strstr(fault.say, "Update the firmware"));
}

static struct entry link_of(const struct model *model, uint32_t card, uint8_t fill)
{
    struct entry entry = {.kind = ENTRY_LINK,
                          .sequence = model->count + 1,
                          .time_s = 1790000000,
                          .clock_quality = 2,
                          .terminal = 7};
    entry.link.card_number = model_card(card);
    entry.link.family = 1;
    entry.link.uid_bytes = 4;
    entry.link.medium = 5;
    entry.link.key_version = 2;
    memset(entry.link.tag, fill, ENTRY_TAG_BYTES);
    return entry;
}

static void a_link_finds_its_card_and_the_newest_counts(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    uint64_t found = 0;
    uint8_t tag[ENTRY_TAG_BYTES], other[ENTRY_TAG_BYTES];
    uint32_t entries = 0;
    memset(tag, 1, sizeof tag);
    memset(other, 2, sizeof other);
    model_init(&model, 2, 1);
    append_ok(store, &model, link_of(&model, 0, 1));
    assert_int_equal(links_find(store, 2, tag, &found), ST_OK);
    assert_true(found == model_card(0));
    assert_int_equal(links_find(store, 1, tag, &found), ST_REFUSED);
    assert_int_equal(links_find(store, 2, other, &found), ST_REFUSED);
    append_ok(store, &model, link_of(&model, 1, 1));
    append_ok(store, &model, link_of(&model, 0, 2));
    store_close(store);
    store = open_ok();
    assert_int_equal(links_find(store, 2, tag, &found), ST_OK);
    assert_true(found == model_card(1));
    assert_int_equal(links_find(store, 2, other, &found), ST_OK);
    assert_true(found == model_card(0));
    assert_int_equal(journal_verify(store, &entries, NULL), ST_OK);
    assert_int_equal(entries, 3);
    store_close(store);
    model_finish(&model);
}

static void the_club_s_word_on_a_medium_comes_before_the_journal_s(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    struct club_link links[CLUB_LINKS_MAX];
    uint64_t found = 0;
    uint32_t entries = 0;
    model_init(&model, 2, 1);
    append_ok(store, &model, link_of(&model, 0, 1));
    for (uint8_t i = 0; i < CLUB_LINKS_MAX; i++) {
        links[i] = (struct club_link){.key_version = 2, .card_number = model_card(1)};
        memset(links[i].tag, i, ENTRY_TAG_BYTES);
    }
    for (int n = 0; n < 2; n++) { /* the same again changes nothing */
        assert_int_equal(links_take(store, links, CLUB_LINKS_MAX), ST_OK);
        for (uint8_t i = 0; i < CLUB_LINKS_MAX; i++) {
            assert_int_equal(links_find(store, 2, links[i].tag, &found), ST_OK);
            assert_true(found == model_card(1));
        }
    }
    assert_int_equal(links_take(store, links, 0), ST_OK);
    assert_int_equal(links_find(store, 3, links[0].tag, &found), ST_REFUSED);
    assert_int_equal(journal_verify(store, &entries, NULL), ST_OK);
    store_close(store);
    run_sql("UPDATE club_links SET card_number = card_number + 9 WHERE hex(medium) LIKE '020101%'");
    store = open_ok();
    assert_int_equal(links_find(store, 2, links[1].tag, &found), ST_CORRUPT);
    assert_int_equal(journal_verify(store, &entries, NULL), ST_CORRUPT);
    store_close(store);
    model_finish(&model);
}

/* Each of these contradicts the journal; the tables alone would be believed. */
static void a_changed_link_is_found(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "DELETE FROM links",
        "UPDATE links SET seq = 1",
        "UPDATE links SET seq = 3",
        "INSERT INTO links VALUES(zeroblob(17), 2)",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct model model;
        uint8_t tag[ENTRY_TAG_BYTES];
        uint64_t found = 0;
        uint32_t entries = 0;
        memset(tag, 1, sizeof tag);
        crash_vfs_reset();
        struct store *store = open_ok();
        model_init(&model, 2, 1);
        append_ok(store, &model, link_of(&model, 0, 1));
        append_ok(store, &model, link_of(&model, 1, 1));
        append_ok(store, &model, model_sighting(&model, 0, 5));
        store_close(store);
        run_sql(changes[i]);
        store = open_ok();
        assert_int_equal(journal_verify(store, &entries, NULL), ST_CORRUPT);
        if (i == 2) {
            assert_int_equal(links_find(store, 2, tag, &found), ST_CORRUPT);
        }
        store_close(store);
        model_finish(&model);
    }
}

static void a_file_of_version_1_gets_what_it_lacks_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    struct fault fault;
    uint32_t entries = 0;
    model_init(&model, 2, 1);
    append_ok(store, &model, model_sighting(&model, 0, 5));
    store_close(store);
    run_sql("DROP TABLE vouches; DROP TABLE successors; DROP TABLE reports; "
            "DROP TABLE transfers; DROP TABLE bons; DROP TABLE club_bons; DROP TABLE mandate; DROP "
            "TABLE operators; DROP "
            "TABLE used; DROP TABLE actions; DROP "
            "TABLE links; DROP TABLE club_links;"
            " PRAGMA user_version = 1");
    store = open_ok();
    append_ok(store, &model, link_of(&model, 0, 1));
    assert_true(model_agrees(&model, 2, store));
    assert_int_equal(journal_verify(store, &entries, NULL), ST_OK);
    store_close(store);
    store_close(open_ok());
    /* What an older version has must be right before anything is added. */
    run_sql("DROP TABLE vouches; DROP TABLE successors; DROP TABLE reports; "
            "DROP TABLE transfers; DROP TABLE bons; DROP TABLE club_bons; DROP TABLE mandate; DROP "
            "TABLE operators; DROP "
            "TABLE used; DROP TABLE actions; DROP "
            "TABLE links; DROP TABLE club_links; DROP "
            "TABLE sync;"
            " PRAGMA user_version = 1");
    assert_int_equal(open_st(&config, &fault), ST_CORRUPT);
    model_finish(&model);
}

/* 200 entries, intents not done among them. */
static void live_long(struct store *store, struct model *model)
{
    model_init(model, 4, 11);
    model->has_no_bons = true;
    for (int i = 0; i < 200; i++) {
        append_ok(store, model, model_draw(model));
    }
}

static void a_file_of_version_3_gets_what_was_used_from_its_journal(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    uint32_t entries = 0;
    live_long(store, &model);
    store_close(store);
    run_sql("DROP TABLE vouches; DROP TABLE successors; DROP TABLE reports; "
            "DROP TABLE transfers; DROP TABLE bons; DROP TABLE club_bons; DROP TABLE mandate; DROP "
            "TABLE operators; DROP "
            "TABLE used; PRAGMA user_version = 3");
    store = open_ok();
    assert_true(model_agrees(&model, 200, store));
    assert_int_equal(journal_verify(store, &entries, NULL), ST_OK);
    store_close(store);
    model_finish(&model);
}

/* What accruals and vouchers used was not counted before version 7. */
static void a_file_of_version_6_counts_again(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    uint32_t entries = 0;
    model_init(&model, 4, 11);
    for (int i = 0; i < 200; i++) {
        append_ok(store, &model, model_draw(&model));
    }
    store_close(store);
    run_sql("DROP TABLE vouches; DROP TABLE successors; DROP TABLE reports; "
            "DROP TABLE transfers; UPDATE used SET spend = 0, spends = 0 WHERE scope = 1;"
            " PRAGMA user_version = 6");
    store = open_ok();
    assert_true(model_agrees(&model, 200, store));
    assert_int_equal(journal_verify(store, &entries, NULL), ST_OK);
    store_close(store);
    model_finish(&model);
}

static void what_follows_from_the_journal_and_changed_by_itself_is_found(void **state)
{
    static const char *const changes[] = {
        "UPDATE used SET spend = spend - 1 WHERE scope = 1",
        "UPDATE used SET points = points + 1 WHERE scope = 4",
        "DELETE FROM used WHERE scope = 3 AND day = (SELECT max(day) FROM used)",
        "UPDATE operators SET wrong = (wrong + 1) % 4 WHERE number = 1",
        "DELETE FROM operators WHERE number = 2",
        "INSERT INTO used VALUES(3, 9, 20779, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
        "UPDATE transfers SET first = (first + 1) % 3 WHERE seq = (SELECT min(seq) FROM transfers)",
        "UPDATE transfers SET ended = 3 WHERE seq = (SELECT min(seq) FROM transfers WHERE ended<3)",
        "UPDATE transfers SET second = second + 1 WHERE ended = 1",
        "DELETE FROM transfers WHERE seq = (SELECT max(seq) FROM transfers)",
        "INSERT INTO transfers VALUES(0, (SELECT seq FROM journal WHERE kind = 2 LIMIT 1), 1, 0)",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        (void)disk_new(state);
        struct store *store = open_ok();
        struct model model;
        uint32_t entries = 0;
        live_long(store, &model);
        store_close(store);
        run_sql(changes[i]);
        store = open_ok();
        assert_int_equal(journal_verify(store, &entries, NULL), ST_CORRUPT);
        store_close(store);
        model_finish(&model);
    }
}

static void tables_that_we_did_not_make_are_refused(void **state)
{
    static const char *const changes[] = {
        "CREATE TRIGGER t AFTER INSERT ON journal BEGIN DELETE FROM pending; END",
        "CREATE TABLE extra(a)",
        "CREATE VIEW v AS SELECT 1",
        "DROP TABLE cards",
        "ALTER TABLE settings ADD COLUMN more TEXT",
        "CREATE INDEX i ON journal(kind)",
        "PRAGMA user_version = 0",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct fault fault;
        (void)disk_new(state);
        store_close(open_ok());
        run_sql(changes[i]);
        assert_int_equal(open_st(&config, &fault), ST_CORRUPT);
    }
}

static void empty_file_beside_its_log_is_corrupt(void **state)
{
    (void)state;
    struct fault fault;
    struct model model;
    model_init(&model, 1, 1);
    struct store *store = open_ok();
    append_ok(store, &model, model_start(&model));
    crash_vfs_reboot(CRASH_POLICY(CRASH_KEEP_ALL, 0));
    store_close(store);
    crash_vfs_put("vafa.db", NULL, 0);
    assert_int_equal(open_st(&config, &fault), ST_CORRUPT);
    model_finish(&model);
}

/* A closed store of 500 rows, everything moved into the main file, as bytes. */
static enum bon_place place_of(struct store *store, uint32_t serial, struct entry *ret_use)
{
    enum bon_place place = BON_FREE;
    assert_int_equal(bons_find(store, 3, serial, &place, ret_use), ST_OK);
    return place;
}

static void a_bon_is_used_here_elsewhere_or_not(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    struct entry use;
    uint32_t entries = 0;
    model_init(&model, 2, 1);
    assert_int_equal(place_of(store, 1, &use), BON_FREE);
    append_ok(store, &model, model_bon(&model, 0, false));
    assert_int_equal(place_of(store, 1, &use), BON_HERE);
    assert_int_equal(use.sequence, 1);
    assert_string_equal(use.bon.receipt, "R1");
    assert_int_equal(place_of(store, 2, &use), BON_FREE);

    /* The club's word: another terminal's use; this terminal's own, after it was given back. */
    const struct club_bon words[] = {
        {.series = 3, .serial = 2, .is_used = true, .terminal = 8, .sequence = 5},
        {.series = 3, .serial = 1, .is_used = true, .terminal = 7, .sequence = 1},
    };
    for (int n = 0; n < 2; n++) { /* the same again changes nothing */
        assert_int_equal(bons_take(store, words, 2), ST_OK);
        assert_int_equal(place_of(store, 2, &use), BON_ELSEWHERE);
        assert_int_equal(place_of(store, 1, &use), BON_HERE);
    }
    append_ok(store, &model, model_bon(&model, 0, true));
    assert_int_equal(place_of(store, 1, &use), BON_FREE); /* the club does not know it yet */
    const struct club_bon later[] = {
        {.series = 3, .serial = 1, .terminal = 7, .sequence = 2},
        {.series = 3, .serial = 1, .is_used = true, .terminal = 8, .sequence = 6},
        {.series = 3, .serial = 2, .terminal = 8, .sequence = 7},
    };
    assert_int_equal(bons_take(store, later, 3), ST_OK);
    assert_int_equal(place_of(store, 1, &use), BON_ELSEWHERE);
    assert_int_equal(place_of(store, 2, &use), BON_FREE);
    assert_int_equal(journal_verify(store, &entries, NULL), ST_OK);
    assert_int_equal(entries, 2);
    store_close(store);

    run_sql("UPDATE club_bons SET terminal = 9");
    enum bon_place place;
    store = open_ok();
    assert_int_equal(bons_find(store, 3, 1, &place, &use), ST_CORRUPT);
    assert_int_equal(journal_verify(store, &entries, NULL), ST_CORRUPT);
    store_close(store);
    run_sql("DELETE FROM club_bons; DELETE FROM bons");
    store = open_ok();
    assert_int_equal(journal_verify(store, &entries, NULL), ST_CORRUPT);
    store_close(store);
    model_finish(&model);
}

static uint8_t *image_make(struct model *model, size_t *ret_size)
{
    size_t size = 0;
    crash_vfs_reset();
    model_init(model, MODEL_CARDS, 77);
    struct store *store = open_ok();
    for (uint32_t i = 0; i < 500; i++) {
        append_ok(store, model, model_draw(model));
    }
    append_ok(store, model, link_of(model, 0, 1)); /* so that no two pages are equal */
    const struct club_link club_link = {.card_number = model_card(1)};
    assert_int_equal(links_take(store, &club_link, 1), ST_OK);
    assert_int_equal(actions_model_take(1, store), ST_OK);
    const struct club_bon club_bon = {
        .series = 9, .serial = 1, .is_used = true, .terminal = 12, .sequence = 34};
    assert_int_equal(bons_take(store, &club_bon, 1), ST_OK);
    struct entry report = model_start(model);
    report.kind = ENTRY_REPORT;
    report.report = (struct entry_report){
        .card_number = model_card(0), .event = REPORT_LOST, .how = REPORT_BY_CARD};
    append_ok(store, model, report);
    const struct club_vouch vouch = {.card_number = model_card(0), .status = CARD_ACTIVE};
    assert_int_equal(lost_take(store, &vouch, 1), ST_OK);
    assert_int_equal(setting_put(store, "terminal", "17"), ST_OK);
    static char programme[9000];
    memset(programme, 'p', sizeof programme - 1);
    assert_int_equal(programme_put(store, 1, programme), ST_OK);
    assert_int_equal(sync_set_acknowledged(store, 400), ST_OK);
    assert_int_equal(store_ready(store), ST_OK);
    store_close(store);
    const uint8_t *bytes = crash_vfs_file("vafa.db", &size);
    assert_non_null(bytes);
    uint8_t *image = malloc(size);
    assert_non_null(image);
    memcpy(image, bytes, size);
    *ret_size = size;
    return image;
}

/* Reads all that there is. ST_OK only when every answer is right; never a wrong answer with ST_OK.
 */
static enum st read_everything(const struct model *model)
{
    static struct journal_row rows[64];
    struct store *store = NULL;
    uint32_t entries = 0, version = 0;
    size_t count = 0;
    char value[64];
    char *text = NULL;
    struct fault fault;
    enum st st = store_open(&existing, &store, &fault);
    if (st != ST_OK) {
        return st;
    }
    for (uint32_t at = 0; st == ST_OK && at < model->count; at += (uint32_t)count) {
        st = journal_fetch(store, at, rows, 64, &count);
        for (size_t i = 0; st == ST_OK && i < count; i++) {
            uint8_t bytes[ENTRY_BYTES_MAX];
            const size_t size = entry_encode(&model->entries[at + i], bytes);
            assert_memory_equal(rows[i].bytes, bytes, size);
        }
        if (st == ST_OK && count == 0) {
            st = ST_CORRUPT; /* cut short: the newest rows are checked at open */
        }
    }
    for (uint32_t card = 0; card < model->cards; card++) {
        struct entry entry;
        struct snapshot seen;
        (void)!journal_pending(store, model_card(card), &entry);
        (void)!cards_seen(store, model_card(card), &seen);
    }
    (void)!store_ready(store);
    const enum st setting = setting_get(store, "terminal", value, sizeof value);
    assert_true(setting != ST_OK || strcmp(value, "17") == 0);
    const enum st programme = programme_get(store, &version, &text);
    assert_true(programme != ST_OK || version == 1);
    if (programme == ST_OK) {
        free(text);
    }
    const enum st verify = journal_verify(store, &entries, &fault);
    if (st == ST_OK) {
        st = verify;
    }
    if (verify == ST_OK) { /* then every answer must be right */
        assert_int_equal(setting, ST_OK);
        assert_int_equal(programme, ST_OK);
        assert_true(model_agrees(model, model->count, store));
    }
    store_close(store);
    return st;
}

static void image_put(const uint8_t *image, size_t size)
{
    crash_vfs_reset();
    crash_vfs_put("vafa.db", image, size);
}

/* What a test does to page `n` of a copy of the image. */
static void damage_zero(uint8_t *page)
{
    memset(page, 0, PAGE);
}

static void damage_noise(uint8_t *page)
{
    for (size_t i = 0; i < PAGE; i++) {
        page[i] = (uint8_t)rand();
    }
}

static void damage_shift(uint8_t *page)
{
    memmove(page + 1, page, PAGE - 1);
}

static void every_damaged_page_is_detected(void **state)
{
    static void (*const damages[])(uint8_t *) = {damage_zero, damage_noise, damage_shift};
    struct model model;
    size_t size = 0;
    uint32_t tried = 0;
    (void)state;
    uint8_t *image = image_make(&model, &size), *copy = malloc(size);
    assert_non_null(copy);
    srand(1);
    for (size_t page = 0; page < size / PAGE; page++) {
        for (size_t d = 0; d < sizeof damages / sizeof damages[0]; d++) {
            memcpy(copy, image, size);
            damages[d](copy + page * PAGE);
            image_put(copy, size);
            const enum st st = read_everything(&model);
            if (st != ST_CORRUPT && !(page == 0 && st == ST_FOREIGN)) {
                fail_msg("page %zu, damage %zu: %s", page + 1, d, st_word(st));
            }
            tried++;
        }
        /* Another page of the same file in its place. */
        memcpy(copy, image, size);
        memcpy(copy + page * PAGE, image + (page + 1) % (size / PAGE) * PAGE, PAGE);
        image_put(copy, size);
        assert_int_not_equal(read_everything(&model), ST_OK);
        tried++;
    }
    printf("# %u damaged pages of %zu, all detected\n", tried, size / PAGE);
    free(copy);
    free(image);
    model_finish(&model);
}

static void every_truncation_is_detected(void **state)
{
    struct model model;
    size_t size = 0;
    (void)state;
    uint8_t *image = image_make(&model, &size);
    for (size_t length = 1; length < size; length += length < 2 * PAGE ? 97 : PAGE / 2) {
        image_put(image, length);
        assert_int_not_equal(read_everything(&model), ST_OK);
    }
    free(image);
    model_finish(&model);
}

/* Bits of unused space may flip without harm; what is told as right must be right. */
static void flipped_bits_never_give_a_wrong_answer(void **state)
{
    struct model model;
    size_t size = 0;
    uint32_t detected = 0, tried = 0;
    (void)state;
    uint8_t *image = image_make(&model, &size);
    srand(2);
    for (size_t at = 0; at < size; at += 512) {
        const size_t byte = at + (size_t)rand() % 512;
        const uint8_t bit = (uint8_t)(1U << rand() % 8);
        image[byte] ^= bit;
        image_put(image, size);
        detected += read_everything(&model) != ST_OK;
        image[byte] ^= bit;
        tried++;
    }
    printf("# %u bits flipped: %u detected, the rest in unused space\n", tried, detected);
    assert_true(detected > tried / 2);
    free(image);
    model_finish(&model);
}

/* The log after a power cut, with damage: what is lost is a tail, never the middle. */
static void damaged_log_loses_at_most_its_tail(void **state)
{
    struct model model;
    (void)state;
    for (size_t at = 0; at < 60 * (PAGE + 24); at += 1777) {
        crash_vfs_reset();
        model_init(&model, MODEL_CARDS, 4);
        struct store *store = open_ok();
        for (uint32_t i = 0; i < 25; i++) {
            append_ok(store, &model, model_draw(&model));
        }
        crash_vfs_reboot(CRASH_POLICY(CRASH_KEEP_ALL, 0));
        store_close(store);
        size_t size = 0;
        uint8_t *log = crash_vfs_file("vafa.db-wal", &size);
        assert_true(at < size);
        log[at] ^= 0x10;
        uint32_t next = 0, entries = 0;
        const enum st st = store_open(&config, &store, NULL);
        if (st == ST_OK) {
            assert_int_equal(journal_next(store, &next), ST_OK);
            assert_int_equal(journal_verify(store, &entries, NULL), ST_OK);
            assert_true(entries == next - 1 && entries <= 25);
            store_close(store);
        }
        model_finish(&model);
    }
}

/* --- limits ---------------------------------------------------------------------------------- */

/* Writes start entries `from`..`to` behind a made-up past, rightly chained. */
static void journal_forge(struct model *model, uint32_t from, uint32_t to)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = NULL;
    uint8_t both[32 + ENTRY_BYTES_MAX] = {0};
    const char *text = "INSERT INTO journal VALUES(?1, 4, ?2, ?3)";
    assert_int_equal(sqlite3_open_v2("vafa.db", &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &insert, NULL), SQLITE_OK);
    for (uint32_t i = from; i <= to; i++) {
        uint8_t hash[32];
        model->count = i - 1;
        const struct entry entry = model_start(model);
        const size_t size = entry_encode(&entry, both + 32);
        assert_int_equal(mbedtls_sha256_ret(both, 32 + size, hash, 0), 0);
        (void)sqlite3_bind_int64(insert, 1, i);
        (void)sqlite3_bind_blob(insert, 2, both + 32, (int)size, SQLITE_TRANSIENT);
        (void)sqlite3_bind_blob(insert, 3, hash, sizeof hash, SQLITE_TRANSIENT);
        assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
        (void)sqlite3_reset(insert);
        memcpy(both, hash, sizeof hash);
    }
    model->count = to;
    (void)sqlite3_finalize(insert);
    (void)sqlite3_close(db);
}

static void sequence_numbers_end_with_room_for_outcomes(void **state)
{
    enum { LAST = (1 << 24) - 1, RESERVE = 1024, SELLING_STOPS = LAST - RESERVE - 256 };
    (void)state;
    struct model model;
    uint32_t next = 0;
    model_init(&model, 1, 1);
    store_close(open_ok());
    journal_forge(&model, SELLING_STOPS - 300, SELLING_STOPS);
    struct store *store = open_ok();
    assert_int_equal(store_ready(store), ST_OK);
    struct entry entry = model_start(&model);
    assert_int_equal(journal_append(store, &entry), ST_OK);
    assert_int_equal(store_ready(store), ST_FULL);

    /* What is begun may go on for a while; then only outcomes. */
    uint32_t intent = 0;
    enum st st = ST_OK;
    do {
        model.count++;
        entry = model_intent(&model, 0, 1);
        st = journal_append(store, &entry);
        intent = st == ST_OK ? entry.sequence : intent;
    } while (st == ST_OK);
    assert_int_equal(st, ST_FULL);
    assert_int_equal(intent, LAST - RESERVE);
    assert_int_equal(journal_next(store, &next), ST_OK);
    entry = (struct entry){.kind = ENTRY_OUTCOME, .sequence = next, .time_s = 1, .terminal = 7};
    entry.outcome = (struct entry_outcome){.intent_sequence = intent,
                                           .verdict = VERDICT_NOT_DONE,
                                           .evidence = EVIDENCE_UNMOVED,
                                           .card_number = model_card(0),
                                           .counter = 1};
    assert_int_equal(journal_append(store, &entry), ST_OK);
    store_close(store);
}

static void outcome_whose_pending_row_was_lost_is_told(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    model_init(&model, 1, 1);
    append_ok(store, &model, model_intent(&model, 0, 1));
    append_ok(store, &model, model_start(&model));
    run_sql("DELETE FROM pending");
    const struct entry outcome = model_outcome(&model, 1, VERDICT_DONE);
    assert_int_equal(journal_append(store, &outcome), ST_CORRUPT);
    store_close(store);
    model_finish(&model);
}

/* What disappears under a running terminal, as on a disk that acknowledges and forgets. */
static void entry_that_vanishes_under_the_handle_is_told(void **state)
{
    (void)state;
    struct store *store = open_ok();
    struct model model;
    uint32_t next = 0;
    model_init(&model, 1, 1);
    append_ok(store, &model, model_start(&model));
    append_ok(store, &model, model_start(&model));
    run_sql("DELETE FROM journal WHERE seq = 2");
    assert_int_equal(store_ready(store), ST_CORRUPT);
    assert_int_equal(journal_next(store, &next), ST_CORRUPT);
    store_close(store);
    model_finish(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(new_store_is_empty, disk_new),
        cmocka_unit_test_setup(missing_file_is_not_made_unless_asked, disk_new),
        cmocka_unit_test_setup(store_agrees_with_the_model_after_a_long_random_life, disk_new),
        cmocka_unit_test_setup(rolled_back_card_is_remembered_by_its_highest_counter, disk_new),
        cmocka_unit_test_setup(sightings_that_come_together_are_all_there, disk_new),
        cmocka_unit_test_setup(facts_of_a_card_are_known_until_it_was_elsewhere, disk_new),
        cmocka_unit_test_setup(counts_follow_what_the_club_has, disk_new),
        cmocka_unit_test_setup(club_that_knows_more_means_an_older_copy, disk_new),
        cmocka_unit_test_setup(fetch_gives_what_follows_in_order, disk_new),
        cmocka_unit_test_setup(settings_keep_their_text, disk_new),
        cmocka_unit_test_setup(programme_only_goes_forward, disk_new),
        cmocka_unit_test_setup(two_handles_see_each_other_and_wait_for_the_lock, disk_new),
        cmocka_unit_test_setup(write_ahead_log_stays_small_when_asked_between_taps, disk_new),
        cmocka_unit_test_setup(file_that_is_no_database_is_foreign, disk_new),
        cmocka_unit_test_setup(other_programs_database_is_foreign_and_untouched, disk_new),
        cmocka_unit_test_setup(newer_version_is_foreign, disk_new),
        cmocka_unit_test_setup(a_link_finds_its_card_and_the_newest_counts, disk_new),
        cmocka_unit_test_setup(the_club_s_word_on_a_medium_comes_before_the_journal_s, disk_new),
        cmocka_unit_test_setup(a_changed_link_is_found, disk_new),
        cmocka_unit_test_setup(a_file_of_version_1_gets_what_it_lacks_and_keeps_what_it_has,
                               disk_new),
        cmocka_unit_test_setup(a_file_of_version_6_counts_again, disk_new),
        cmocka_unit_test_setup(a_file_of_version_3_gets_what_was_used_from_its_journal, disk_new),
        cmocka_unit_test_setup(what_follows_from_the_journal_and_changed_by_itself_is_found,
                               disk_new),
        cmocka_unit_test_setup(tables_that_we_did_not_make_are_refused, disk_new),
        cmocka_unit_test_setup(empty_file_beside_its_log_is_corrupt, disk_new),
        cmocka_unit_test_setup(a_bon_is_used_here_elsewhere_or_not, disk_new),
        cmocka_unit_test_setup(every_damaged_page_is_detected, disk_new),
        cmocka_unit_test_setup(every_truncation_is_detected, disk_new),
        cmocka_unit_test_setup(flipped_bits_never_give_a_wrong_answer, disk_new),
        cmocka_unit_test_setup(damaged_log_loses_at_most_its_tail, disk_new),
        cmocka_unit_test_setup(sequence_numbers_end_with_room_for_outcomes, disk_new),
        cmocka_unit_test_setup(outcome_whose_pending_row_was_lost_is_told, disk_new),
        cmocka_unit_test_setup(entry_that_vanishes_under_the_handle_is_told, disk_new),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("test_store", tests, NULL, NULL);
}
