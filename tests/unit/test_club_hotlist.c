/* The club's hotlist: whatever is changed when, a terminal that asks often enough ends with the
 * same list. The terminal here is an array, and so is the list that must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/engine/snapshot.h"
#include "server/hotlist.h"
#include "server/schema.h"

enum { CARDS = 30000 };

static struct db *db;
static char path[64];
static uint8_t club[CARDS], held[CARDS], loading[CARDS];
static struct wire_list_have have;
static struct listing_change changes[WIRE_CHANGES_MAX];

static uint64_t card(uint32_t n)
{
    return card_number_make(UINT64_C(936400000000000) + n);
}

static int setup(void **state)
{
    (void)state;
    struct fault fault = {""};
    snprintf(path, sizeof path, "/tmp/vafa-club-hotlist.%d.db", (int)getpid());
    (void)unlink(path);
    memset(club, 0, sizeof club);
    memset(held, 0, sizeof held);
    have = (struct wire_list_have){0};
    return db_open(path, true, &db, &fault) == ST_OK && schema_make(db, &fault) == ST_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char name[80];
    db_close(db);
    (void)unlink(path);
    snprintf(name, sizeof name, "%s-wal", path);
    (void)unlink(name);
    snprintf(name, sizeof name, "%s-shm", path);
    (void)unlink(name);
    return 0;
}

static void set(uint32_t n, uint8_t listing)
{
    struct fault fault = {""};
    bool is_changed = false;
    assert_int_equal(hotlist_set(db, card(n), listing, 1000, &is_changed, &fault), ST_OK);
    assert_int_equal(is_changed, club[n] != listing);
    club[n] = listing;
}

/* Many at once. `listing` 0..: of all in first..last. */
static void set_many(uint32_t first, uint32_t last, uint8_t listing)
{
    struct fault fault = {""};
    uint32_t changed = 0;
    FILE *file = tmpfile();
    assert_non_null(file);
    for (uint32_t n = first; n <= last; n++) {
        fprintf(file, "%llu %s\n", (unsigned long long)card(n),
                listing == LISTING_NONE ? "off" : listing_word(listing));
        club[n] = listing;
    }
    rewind(file);
    assert_int_equal(hotlist_read(db, file, 1000, &changed, &fault), ST_OK);
    fclose(file);
}

/* One contact: what docs/sync.md says a terminal does. True: there is nothing more. */
static bool ask(uint32_t *ret_count)
{
    struct wire_list news;
    assert_int_equal(hotlist_news(db, &have, changes, &news), ST_OK);
    *ret_count = news.count;
    for (uint32_t n = 1; n < news.count; n++) {
        assert_true(news.changes[n].card > news.changes[n - 1].card);
    }
    if (!news.is_piece) {
        assert_int_equal(news.from, have.version);
        assert_int_equal(news.from_mark, have.mark);
        for (uint32_t n = 0; n < news.count; n++) {
            held[news.changes[n].card / 10 - UINT64_C(936400000000000)] = news.changes[n].listing;
        }
        have.version = news.to;
        have.mark = news.to_mark;
        return news.is_newest;
    }
    if (news.after == 0) {
        memset(loading, 0, sizeof loading);
    }
    for (uint32_t n = 0; n < news.count; n++) {
        assert_true(news.changes[n].card > news.after && news.changes[n].listing != 0);
        loading[news.changes[n].card / 10 - UINT64_C(936400000000000)] = news.changes[n].listing;
    }
    if (!news.is_last) {
        assert_true(news.count > 0);
        have.has_next = true;
        have.next_version = news.to;
        have.next_mark = news.to_mark;
        have.next_after = news.changes[news.count - 1].card;
        return false;
    }
    memcpy(held, loading, sizeof held);
    have = (struct wire_list_have){.version = news.to, .mark = news.to_mark};
    return false;
}

static unsigned ask_all(void)
{
    uint32_t count = 0;
    unsigned asked = 1;
    while (!ask(&count)) {
        assert_true(++asked < 20);
    }
    assert_memory_equal(held, club, sizeof held);
    return asked;
}

static void a_terminal_without_a_list_gets_all_and_then_changes(void **state)
{
    (void)state;
    assert_int_equal(ask_all(), 1); /* nothing yet is the newest, too */
    assert_int_equal(have.version, 0);
    set(5, LISTING_LOST);
    set(7, LISTING_CLONE);
    set(7, LISTING_CLONE); /* said already: no version */
    set(5, LISTING_NONE);
    set(5, LISTING_STOLEN);
    assert_int_equal(ask_all(), 1);
    assert_int_equal(have.version, 4);
    uint32_t count = 9;
    assert_true(ask(&count));
    assert_int_equal(count, 0);
    set(7, LISTING_NONE);
    assert_int_equal(ask_all(), 1);
}

static void many_changes_come_in_bounded_answers(void **state)
{
    (void)state;
    set_many(0, 24999, LISTING_LOST);
    assert_int_equal(ask_all(), 3); /* deltas: no longer than a snapshot */
    set_many(0, 24999, LISTING_STOLEN);
    set_many(0, 24999, LISTING_NONE);
    set_many(100, 199, LISTING_CLONE);
    const uint32_t before = have.version;
    uint32_t count = 0;
    assert_false(ask(&count)); /* 50,100 changes, a hundred cards: a snapshot */
    assert_int_equal(count, 100);
    assert_int_not_equal(have.version, before);
    assert_memory_equal(held, club, sizeof held);
    assert_int_equal(ask_all(), 1);
}

static void a_list_that_moves_while_its_pieces_travel_ends_the_same(void **state)
{
    (void)state;
    uint32_t count = 0;
    set_many(0, 29999, LISTING_LOST);
    set_many(0, 29999, LISTING_STOLEN);
    assert_false(ask(&count));
    assert_true(have.has_next);
    set_many(9000, 11000, LISTING_NONE); /* on both sides of where it is */
    set(3, LISTING_NONE);
    set(29000, LISTING_CLONE);
    assert_false(ask(&count));
    set(29001, LISTING_NONE);
    set(4, LISTING_REPLACED);
    (void)ask_all();
    assert_false(have.has_next);
}

static void a_club_that_was_restored_gives_its_own_list(void **state)
{
    (void)state;
    set(1, LISTING_LOST);
    set(2, LISTING_LOST);
    (void)ask_all();
    /* It forgets the second change and counts on: version 2 is another one now. */
    assert_int_equal(db_exec(db, "DELETE FROM hotlog WHERE version = 2"), ST_OK);
    assert_int_equal(db_exec(db, "DELETE FROM hotlist WHERE reason = 1"), ST_OK);
    memset(club, 0, sizeof club);
    set(9, LISTING_CLONE);
    assert_int_equal(ask_all(), 2);
    assert_int_equal(have.version, 2);
    /* It forgets everything. */
    assert_int_equal(db_exec(db, "DELETE FROM hotlog; DELETE FROM hotlist"), ST_OK);
    memset(club, 0, sizeof club);
    assert_int_equal(ask_all(), 2);
    assert_int_equal(have.version, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_terminal_without_a_list_gets_all_and_then_changes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(many_changes_come_in_bounded_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_that_moves_while_its_pieces_travel_ends_the_same,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_club_that_was_restored_gives_its_own_list, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("club_hotlist", tests, NULL, NULL);
}
