/* A card that went whole to another one at a terminal that died, and nobody has seen that one: what
 * a person can do with what left, and what happens when it turns up all the same. By hand: the card
 * has 500,000 rials and 30 points when it is emptied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/duplicates.h"
#include "server/rebuild.h"
#include "server/settled.h"
#include "server/transfers.h"
#include "tests/unit/club_lost.h"

enum { DEAD = 4 }; /* the terminal, from 0 */
enum { NO_CARD = -1 };

static struct fault said;

static enum st release(struct world *world, uint32_t first, int to, bool is_anyway)
{
    const struct transfer_release asked = {.terminal = DEAD + 1,
                                           .sequence = first,
                                           .to = to == NO_CARD ? 0 : card_no(world, to),
                                           .is_anyway = is_anyway};
    said = (struct fault){""};
    return duplicates_release(world->actions, &asked, world->now_s, &said);
}

static void expect_refused(struct world *world, uint32_t first, int to, const char *words)
{
    assert_int_equal(release(world, first, to, false), ST_REFUSED);
    if (strstr(said.say, words) == NULL) {
        fail_msg("%s", said.say);
    }
}

/* Those that live. */
static void sync_others(struct world *world)
{
    for (int i = 0; i < 4 * DEAD; i++) {
        world->now_s += 61;
        world_sync(world, i % DEAD);
    }
}

static void expect_even(struct world *world)
{
    int64_t differs = 1;
    assert_int_equal(transfers_differ(world->db, &differs), ST_OK);
    assert_int_equal(differs, 0);
    world_check(world);
}

/* That a card is emptied, and no card has it. */
static int64_t open_cases(struct world *world)
{
    return world_sql(world, "SELECT count(*) FROM tcase WHERE why = 'alone' AND closed_at = 0");
}

/* OTHER has 1,000 rials. With `is_whole` the terminal also made NEW, before it died. */
static uint32_t die_after_a_half(struct world *world, bool is_whole)
{
    uint32_t posted = 0;
    struct fault fault = {""};
    (void)model_tap(&world->terminals[0], &world->cards[OTHER], world->programme,
                    (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {1000}});
    world_sync(world, 0);
    sell(world, 1, LOST, 3, 0);
    world_sync(world, 1);
    const uint32_t first = duplicate_out(world, DEAD, LOST);
    if (is_whole) {
        (void)duplicate_in(world, DEAD, NEW, LOST, first, 500000, 30);
    }
    expect_refused(world, first, OTHER, "no card that went whole");
    model_sighting(&world->terminals[1], &world->cards[LOST]);
    assert_int_equal(rebuild_dead(world->ledger, DEAD + 1, world->now_s, &posted, &fault), ST_OK);
    world_sync(world, 1);
    expect_account(world, ACCOUNT_TRANSIT, 500000, 30);
    assert_int_equal(open_cases(world), 1);
    return first;
}

static void terminal_comes_back(struct world *world)
{
    struct fault fault = {""};
    assert_int_equal(rebuild_back(world->ledger, DEAD + 1, world->now_s, &fault), ST_OK);
    settle_everywhere(world);
    settle_everywhere(world);
}

static int64_t orders_of(struct world *world)
{
    return world_sql(world, "SELECT count(*) FROM action WHERE origin = 4");
}

/* --- a person's word ------------------------------------------------------------------------ */

static void what_left_a_card_is_brought_to_another_once(void **state)
{
    struct world *world = *state;
    struct order *order = world_order(world, LOST, ACTION_CREDIT, 7000);
    const uint32_t first = die_after_a_half(world, false);
    expect_refused(world, first, OTHER, "not been heard since");
    sync_others(world);
    expect_refused(world, first + 9, OTHER, "no card that went whole");
    expect_refused(world, first, LOST, "was closed");
    expect_refused(world, first, NEW, "never heard of");
    expect_refused(world, first, NO_CARD, "which card");
    assert_int_equal(orders_of(world), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM successor"), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(release(world, first, OTHER, false), ST_OK);
        expect_account(world, ACCOUNT_TRANSIT, 0, 0);
        expect_even(world);
        sync_others(world);
    }
    assert_int_equal(orders_of(world), 2);
    assert_int_equal(open_cases(world), 0);
    expect_refused(world, first, 3, "is in the place of");
    world_tap(world, 3, OTHER, 0);
    sync_others(world);
    expect_card(world, OTHER, 508000, 30); /* what waited for the old card, too */
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(release(world, first, OTHER, false), ST_OK);
    assert_int_equal(orders_of(world), 2);
    expect_even(world);
    /* The terminal has nothing else to say. */
    terminal_comes_back(world);
    world_tap(world, 3, OTHER, 0);
    settle_everywhere(world);
    expect_card(world, OTHER, 508000, 30);
    assert_int_equal(cases_of(world, "duplicate"), 0);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_even(world);
    world_reference(world);
}

static void what_comes_back_goes_again(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    char ref[32];
    const uint32_t first = die_after_a_half(world, false);
    sync_others(world);
    assert_int_equal(release(world, first, OTHER, false), ST_OK);
    (void)snprintf(ref, sizeof ref, "duplicate/5-%u/credit/1", first);
    assert_int_equal(actions_withdraw(world->actions, ORIGIN_TRANSFER, ref, world->now_s, &fault),
                     ST_OK);
    sync_others(world);
    expect_account(world, ACCOUNT_TRANSIT, 500000, 0);
    expect_even(world);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(release(world, first, OTHER, false), ST_OK);
        assert_int_equal(orders_of(world), 3);
        expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    }
    sync_others(world);
    world_tap(world, 2, OTHER, 0);
    sync_others(world);
    expect_card(world, OTHER, 501000, 30);
    expect_even(world);
}

/* A live terminal finishes it itself. */
static void while_its_terminal_lives_the_club_does_not_give_it(void **state)
{
    struct world *world = *state;
    const uint32_t first = duplicate_out(world, DEAD, LOST);
    (void)model_tap(&world->terminals[0], &world->cards[OTHER], world->programme,
                    (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {1000}});
    world_sync_all(world);
    expect_refused(world, first, OTHER, "can still give it to a card");
    assert_int_equal(release(world, first, OTHER, true), ST_REFUSED);
    (void)duplicate_in(world, DEAD, NEW, LOST, first, 500000, 0);
    world_sync_all(world);
    expect_refused(world, first, OTHER, "already");
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
}

/* --- and the other half ---------------------------------------------------------------------- */

/* Nobody has taken what was given: it comes back, and the new card is refused until somebody looks.
 */
static void a_second_half_that_turns_up_is_a_case(void **state)
{
    struct world *world = *state;
    const uint32_t first = die_after_a_half(world, true);
    sync_others(world);
    assert_int_equal(release(world, first, OTHER, false), ST_OK);
    terminal_comes_back(world);
    assert_int_equal(cases_of(world, "duplicate"), 1);
    assert_int_equal(listing_of(world, NEW), LISTING_BLOCKED);
    expect_card(world, NEW, 500000, 30);
    world_tap(world, 3, OTHER, 0);
    settle_everywhere(world);
    expect_card(world, OTHER, 1000, 0);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_even(world);
    expect_refused(world, first, OTHER, "already");
}

/* It was taken: that it is there twice stands in the books, and in a case. */
static void what_was_given_twice_is_a_case(void **state)
{
    struct world *world = *state;
    const uint32_t first = die_after_a_half(world, true);
    sync_others(world);
    assert_int_equal(release(world, first, OTHER, false), ST_OK);
    sync_others(world);
    world_tap(world, 3, OTHER, 0);
    sync_others(world);
    terminal_comes_back(world);
    assert_int_equal(cases_of(world, "duplicate"), 1);
    assert_int_equal(listing_of(world, NEW), LISTING_BLOCKED);
    expect_card(world, OTHER, 501000, 30);
    expect_account(world, ACCOUNT_TRANSIT, -500000, -30);
    expect_even(world);
}

/* Its card shows it: before that a person is refused, after it nobody guesses that they are one. */
static void a_card_that_shows_what_came_to_it_is_heard(void **state)
{
    struct world *world = *state;
    const uint32_t first = die_after_a_half(world, true);
    model_sighting(&world->terminals[2], &world->cards[NEW]);
    sync_others(world);
    expect_refused(world, first, OTHER, "already");
    assert_int_equal(open_cases(world), 0);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_even(world);
}

static void a_card_that_shows_it_too_late_is_a_case(void **state)
{
    struct world *world = *state;
    const uint32_t first = die_after_a_half(world, true);
    assert_int_equal(release(world, first, OTHER, true), ST_OK); /* a person takes that on */
    model_sighting(&world->terminals[2], &world->cards[NEW]);
    sync_others(world);
    assert_int_equal(cases_of(world, "unnamed"), 1);
    assert_int_equal(
        sql_of(world, "SELECT new_no FROM successor WHERE card_no = %llu", card_no(world, LOST)),
        (int64_t)card_no(world, OTHER));
    expect_even(world);
}

/* --- a restored club ------------------------------------------------------------------------- */

/* It has forgotten that it gave it, and a card has it: the same order is found again. */
static void a_restored_club_gives_it_once(void **state)
{
    struct world *world = *state;
    const uint32_t first = die_after_a_half(world, false);
    sync_others(world);
    world_backup(world);
    assert_int_equal(release(world, first, OTHER, false), ST_OK);
    sync_others(world);
    world_tap(world, 3, OTHER, 0);
    world_restore(world);
    sync_others(world);
    expect_refused(world, first, 3, "");
    assert_int_equal(release(world, first, OTHER, true), ST_OK);
    sync_others(world);
    world_tap(world, 2, OTHER, 0);
    sync_others(world);
    expect_card(world, OTHER, 501000, 30);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_even(world);
}

/* A card has shown that it has what left, and the club has forgotten that: until the terminals have
 * told it again, a person is refused. */
static void a_restored_club_waits_for_what_it_forgot(void **state)
{
    struct world *world = *state;
    const uint32_t first = die_after_a_half(world, true);
    sync_others(world);
    world_backup(world);
    model_sighting(&world->terminals[2], &world->cards[NEW]);
    sync_others(world);
    expect_refused(world, first, OTHER, "already");
    world_restore(world);
    world->now_s += 61;
    assert_int_equal(settled_forgot(world->db, world->now_s), ST_OK);
    expect_refused(world, first, OTHER, "restored from a backup");
    sync_others(world);
    expect_refused(world, first, OTHER, "already");
    world_tap(world, 3, OTHER, 0);
    sync_others(world);
    expect_card(world, OTHER, 1000, 0);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_even(world);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lost_setup, lost_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_left_a_card_is_brought_to_another_once),
        TEST(what_comes_back_goes_again),
        TEST(while_its_terminal_lives_the_club_does_not_give_it),
        TEST(a_second_half_that_turns_up_is_a_case),
        TEST(what_was_given_twice_is_a_case),
        TEST(a_card_that_shows_what_came_to_it_is_heard),
        TEST(a_card_that_shows_it_too_late_is_a_case),
        TEST(a_restored_club_gives_it_once),
        TEST(a_restored_club_waits_for_what_it_forgot),
    };
    return cmocka_run_group_tests_name("club_halves", tests, NULL, NULL);
}
