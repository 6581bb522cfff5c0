/* One card in the place of another at the club: both halves in any order, a terminal that died
 * after them, and what goes on to the new card. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/media.h"
#include "server/hotlist.h"
#include "server/links.h"
#include "server/members.h"
#include "server/rebuild.h"
#include "tests/unit/club_lost.h"

/* --- duplicates ----------------------------------------------------------------------------- */

/* `old` and `card` in either order of numbers, which is the order of posting. */
static void duplicate(struct world *world, int old, int card, bool at_once)
{
    sell(world, 1, old, 3, 100000);
    const uint32_t first = duplicate_out(world, 1, old);
    assert_int_equal(world->cards[old].history[0].status, CARD_CLOSED);
    if (!at_once) {
        world_sync(world, 1);
        expect_account(world, ACCOUNT_TRANSIT, 400000, 30);
        world_check(world);
    }
    (void)duplicate_in(world, 1, card, old, first, 400000, 30);
    world_sync(world, 1);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_card(world, card, 400000, 30);
    expect_card(world, old, 0, 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
}

static void all_that_a_card_has_goes_to_another(void **state)
{
    struct world *world = *state;
    struct order *order = world_order(world, LOST, ACTION_CREDIT, 70000);
    world_order(world, LOST, ACTION_BLOCK, 0);
    world_sync(world, 2); /* it is held in the field under the old card's number 1 */
    duplicate(world, LOST, NEW, false);
    /* What waited for the old card waits for the new one, under the giver's own reference. */
    world_order_again(world, order);
    assert_int_equal(sql_of(world, "SELECT count(*) FROM action WHERE card_no = %llu AND state = 1",
                            card_no(world, NEW)),
                     1);
    assert_int_equal(sql_of(world, "SELECT kind FROM action WHERE card_no = %llu AND state = 1",
                            card_no(world, LOST)),
                     ACTION_BLOCK);                /* that is the old card's own affair */
    world_order(world, LOST, ACTION_CREDIT, 5000); /* nobody told the giver */
    world_sync(world, 2);
    world_tap(world, 2, NEW, 0);
    world_sync_all(world);
    expect_card(world, NEW, 475000, 30);
    expect_account(world, ACCOUNT_PENDING, 0, 0);
    world_reference(world);
}

static void both_halves_are_joined_in_either_order(void **state)
{
    struct world *world = *state;
    (void)model_tap(&world->terminals[0], &world->cards[5], world->programme,
                    (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {500000}});
    world_sync(world, 0);
    duplicate(world, 5, NEW, true); /* the new card's number is the lower one */
    duplicate(world, LOST, 6, true);
    world_reference(world);
}

static void a_half_that_fits_no_other_is_a_case(void **state)
{
    struct world *world = *state;
    const uint32_t first = duplicate_out(world, 1, LOST);
    (void)duplicate_in(world, 1, NEW, LOST, first, 500000, 0);
    (void)duplicate_in(world, 1, OTHER, LOST, first, 500000, 0); /* once more */
    (void)duplicate_in(world, 1, 3, LOST, first + 9, 100, 0);    /* of a half that never was */
    world_sync(world, 1);
    assert_int_equal(cases_of(world, "duplicate"), 1);
    expect_account(world, ACCOUNT_TRANSIT, -500100, 0); /* what cards have, and nobody gave */
    expect_card(world, NEW, 500000, 0);
}

/* --- dead terminals ------------------------------------------------------------------------- */

/* Terminal 4 (from 0) makes `card` out of the lost one, alone or with its first half, and dies. */
static void die(struct world *world, bool with_out)
{
    uint32_t posted = 0;
    struct fault fault = {""};
    if (with_out) {
        const uint32_t first = duplicate_out(world, 4, LOST);
        (void)duplicate_in(world, 4, NEW, LOST, first, 500000, 0);
        model_sighting(&world->terminals[1], &world->cards[LOST]);
    } else {
        replace_card(world, 4, NEW, LOST, 200000, 0);
    }
    model_sighting(&world->terminals[1], &world->cards[NEW]);
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
    world_sync(world, 1);
}

static void halves_that_a_dead_terminal_made_are_joined_off_the_cards(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    die(world, true);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_card(world, NEW, 500000, 0);
    assert_int_equal(
        sql_of(world, "SELECT new_no FROM successor WHERE card_no = %llu", card_no(world, LOST)),
        (int64_t)card_no(world, NEW));
    /* It is found, and sends them itself. */
    assert_int_equal(rebuild_back(world->ledger, 5, world->now_s, &fault), ST_OK);
    world_sync(world, 4);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_card(world, NEW, 500000, 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM proof"), 0);
    assert_int_equal(cases_of(world, "duplicate"), 0);
    world_sync_all(world);
    world_reference(world);
}

static void a_person_names_the_card_that_no_card_tells_of(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    die(world, false);
    expect_account(world, ACCOUNT_TRANSIT, -200000, 0);
    assert_int_equal(cases_of(world, "duplicate"), 1);
    assert_int_equal(lost_name(world->db, world->actions, card_no(world, LOST), card_no(world, NEW),
                               world->now_s, &fault),
                     ST_REFUSED); /* the wrong way round */
    assert_int_equal(lost_name(world->db, world->actions, card_no(world, NEW), card_no(world, LOST),
                               world->now_s, &fault),
                     ST_OK);
    assert_int_equal(lost_name(world->db, world->actions, card_no(world, NEW), card_no(world, LOST),
                               world->now_s, &fault),
                     ST_REFUSED);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_account(world, ACCOUNT_REPLACED, -200000, 0);
    assert_int_equal(listing_of(world, LOST), LISTING_REPLACED);
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    world_tap(world, 3, NEW, 0);
    expect_card(world, NEW, 500000, 0);
    /* The terminal is found after all: its own entry takes the place of proof and person. */
    assert_int_equal(rebuild_back(world->ledger, 5, world->now_s, &fault), ST_OK);
    world_sync_all(world);
    settle_everywhere(world);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    expect_account(world, ACCOUNT_REPLACED, -500000, 0);
    expect_card(world, NEW, 500000, 0);
    assert_int_equal(lost_figure(world, LOST, "rounds"), 1);
    world_reference(world);
}

/* --- whose card it is ----------------------------------------------------------------------- */

static void link_medium(struct world *world, int t, int card)
{
    struct entry entry = head_of(world, t, ENTRY_LINK);
    entry.link = (struct entry_link){.card_number = card_no(world, card),
                                     .family = 1,
                                     .uid_bytes = 4,
                                     .uid = {1},
                                     .medium = MEDIA_BARCODE,
                                     .key_version = 1,
                                     .tag = {7}};
    model_append(&world->terminals[t], &entry);
}

static void media_and_account_go_on_to_the_new_card(void **state)
{
    struct world *world = *state;
    struct particulars said;
    struct fault fault = {""};
    uint64_t account = 0;
    static struct wire_links links;
    struct wire_links_have have = {.is_there = true};
    particulars_init(&said);
    assert_int_equal(members_add(world->db, "test", &said, world->now_s, &account, &fault), ST_OK);
    struct entry entry = head_of(world, 0, ENTRY_MEMBER);
    entry.member = (struct entry_member){.account = account, .card_number = card_no(world, LOST)};
    model_append(&world->terminals[0], &entry);
    link_medium(world, 0, LOST);
    world_sync(world, 0);
    assert_int_equal(links_news(world->db, &have, &links), ST_OK);
    assert_int_equal(links.count, 1);
    have.no = 1;
    memcpy(have.mark, links.list[0].medium + 1, sizeof have.mark);

    /* Terminal 3 does not know the account. */
    replace_card(world, 2, NEW, LOST, 0, 0);
    entry = head_of(world, 2, ENTRY_MEMBER);
    entry.member =
        (struct entry_member){.account = card_no(world, LOST), .card_number = card_no(world, NEW)};
    model_append(&world->terminals[2], &entry);
    world_sync(world, 2);
    assert_int_equal(
        sql_of(world, "SELECT account FROM member_card WHERE card_no = %llu", card_no(world, NEW)),
        (int64_t)account);
    assert_int_equal(links_news(world->db, &have, &links), ST_OK);
    assert_int_equal(links.from, 1); /* told anew, and only that */
    assert_int_equal(links.count, 1);
    assert_int_equal(links.list[0].card_number, card_no(world, NEW));
    link_medium(world, 1, LOST); /* linked there long ago, and heard of now */
    world_sync(world, 1);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lost_setup, lost_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_that_a_card_has_goes_to_another),
        TEST(both_halves_are_joined_in_either_order),
        TEST(a_half_that_fits_no_other_is_a_case),
        TEST(halves_that_a_dead_terminal_made_are_joined_off_the_cards),
        TEST(a_person_names_the_card_that_no_card_tells_of),
        TEST(media_and_account_go_on_to_the_new_card),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
