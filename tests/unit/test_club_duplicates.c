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

/* A copy of the card is moved whole to another one: the club bears what it had, and each rial in
 * transit has a name. */
static void what_a_clone_moves_whole_is_accounted_for(void **state)
{
    struct world *world = *state;
    const struct model_card copy = world->cards[LOST];
    sell(world, 1, LOST, 1, 100000);
    world_sync(world, 1);
    world->cards[LOST] = copy;
    const uint32_t first = duplicate_out(world, 2, LOST);
    world_sync(world, 2);
    assert_int_equal(cases_of(world, "clone"), 1);
    expect_account(world, ACCOUNT_TRANSIT, 500000, 0);
    expect_account(world, ACCOUNT_CLONED, -500000, 0);
    world_check(world);
    (void)duplicate_in(world, 2, NEW, LOST, first, 500000, 0);
    world_sync(world, 2);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    world_check(world);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM successor"), 0); /* whose is it? */
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

static enum st name(struct world *world, int card, int old)
{
    struct fault fault = {""};
    int64_t gone = 0;
    return lost_name(world->db, world->actions, card_no(world, card), card_no(world, old),
                     world->now_s, &gone, &fault);
}

static void a_person_names_the_card_that_no_card_tells_of(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    die(world, false);
    expect_account(world, ACCOUNT_TRANSIT, -200000, 0);
    assert_int_equal(cases_of(world, "unnamed"), 1);
    assert_int_equal(name(world, LOST, NEW), ST_REFUSED); /* the wrong way round */
    assert_int_equal(name(world, NEW, LOST), ST_OK);
    assert_int_equal(name(world, NEW, LOST), ST_REFUSED);
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

/* --- which half fits which ------------------------------------------------------------------- */

/* Terminal 5 makes cards 5 and 6 out of cards 3 and 4, each with `credit` and nothing else, both
 * first halves before the second ones, and dies. */
enum { A = 3, B = 4, A_NEW = 5, B_NEW = 6 };

static void issue(struct world *world, int card, int64_t credit)
{
    (void)model_tap(&world->terminals[0], &world->cards[card], world->programme,
                    (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {credit}});
}

static void die_after_two(struct world *world, int64_t credit)
{
    uint32_t posted = 0;
    struct fault fault = {""};
    issue(world, A, credit);
    issue(world, B, credit);
    world_sync(world, 0);
    const uint32_t a = duplicate_out(world, 4, A);
    const uint32_t b = duplicate_out(world, 4, B);
    (void)duplicate_in(world, 4, A_NEW, A, a, credit, 0);
    (void)duplicate_in(world, 4, B_NEW, B, b, credit, 0);
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
}

static void show(struct world *world, int card)
{
    model_sighting(&world->terminals[1], &world->cards[card]);
    world_sync(world, 1);
}

static int64_t successor_of(struct world *world, int card)
{
    return sql_of(world, "SELECT coalesce((SELECT new_no FROM successor WHERE card_no = %llu), 0)",
                  card_no(world, card));
}

static int64_t open_cases(struct world *world)
{
    return world_sql(world, "SELECT count(*) FROM tcase WHERE closed_at = 0");
}

static void come_back(struct world *world)
{
    struct fault fault = {""};
    assert_int_equal(rebuild_back(world->ledger, 5, world->now_s, &fault), ST_OK);
    world_sync(world, 4);
    assert_int_equal(successor_of(world, A), (int64_t)card_no(world, A_NEW));
    assert_int_equal(successor_of(world, B), (int64_t)card_no(world, B_NEW));
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    world_check(world);
}

static void empty_cards_are_not_told_apart(void **state)
{
    struct world *world = *state;
    die_after_two(world, 0);
    show(world, A);
    show(world, B_NEW); /* nothing says that it is not A's */
    assert_int_equal(successor_of(world, A), 0);
    assert_int_equal(cases_of(world, "unnamed"), 1);
    show(world, A_NEW);
    show(world, B);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM successor"), 0);
    assert_int_equal(open_cases(world), 2);
    /* A person says it; the second half is the first one's, and nothing of a lost card is due. */
    assert_int_equal(name(world, B_NEW, B), ST_OK);
    assert_int_equal(name(world, B_NEW, A), ST_REFUSED);
    assert_int_equal(name(world, A_NEW, B), ST_REFUSED);
    assert_int_equal(open_cases(world), 1);
    assert_int_equal(successor_of(world, B), (int64_t)card_no(world, B_NEW));
    assert_int_equal(world_sql(world, "SELECT count(*) FROM lost"), 0);
    come_back(world);
    assert_int_equal(open_cases(world), 0);
    world_sync_all(world);
    world_reference(world);
}

static void equal_cards_are_joined_as_soon_as_only_one_is_left(void **state)
{
    struct world *world = *state;
    die_after_two(world, 300000);
    show(world, A);
    show(world, B);
    show(world, A_NEW);
    show(world, B_NEW);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM successor"), 0);
    assert_int_equal(open_cases(world), 2);
    assert_int_equal(name(world, A_NEW, A), ST_OK);
    model_sighting(&world->terminals[1], &world->cards[A]); /* any news */
    issue(world, 7, 1000);
    (void)duplicate_out(world, 1, 7);
    world_sync(world, 1);
    assert_int_equal(successor_of(world, A), (int64_t)card_no(world, A_NEW));
    assert_int_equal(successor_of(world, B), (int64_t)card_no(world, B_NEW));
    assert_int_equal(open_cases(world), 0);
}

static void a_guess_is_taken_back_when_another_one_fits_as_well(void **state)
{
    struct world *world = *state;
    die_after_two(world, 300000);
    show(world, A);
    show(world, B_NEW); /* the only one so far */
    assert_int_equal(successor_of(world, A), (int64_t)card_no(world, B_NEW));
    assert_int_equal(open_cases(world), 0);
    show(world, B);
    assert_int_equal(successor_of(world, A), 0);
    assert_int_equal(open_cases(world), 1);
    expect_account(world, ACCOUNT_TRANSIT, 300000, 0);
    come_back(world);
    assert_int_equal(open_cases(world), 0);
}

static void a_wrong_guess_is_undone_by_the_journal(void **state)
{
    struct world *world = *state;
    die_after_two(world, 300000);
    link_medium(world, 0, A);
    world_sync(world, 0);
    struct order *order = world_order(world, A, ACTION_CREDIT, 5000);
    show(world, A);
    show(world, B_NEW);
    assert_int_equal(successor_of(world, A), (int64_t)card_no(world, B_NEW));
    struct order *late = world_order(world, A, ACTION_CREDIT, 7000);
    world_sync(world, 2);
    world_tap(world, 2, B_NEW, 0); /* it gets 12,000 that are A's */
    struct order *latest = world_order(world, A, ACTION_CREDIT, 900);
    world_sync(world, 2);
    assert_int_equal(
        sql_of(world, "SELECT card_no FROM link WHERE card_no = %llu", card_no(world, B_NEW)),
        (int64_t)card_no(world, B_NEW));
    come_back(world);
    assert_int_equal(cases_of(world, "mistaken"), 1);
    assert_int_equal(
        sql_of(world, "SELECT count(*) FROM link WHERE card_no = %llu", card_no(world, A_NEW)), 1);
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(world_state_of(world, late), 2);
    world_sync_all(world);
    assert_int_equal(world_state_of(world, latest), 4); /* the giver has it again */
    expect_account(world, ACCOUNT_PENDING, 0, 0);
    world_check(world);
}

/* Terminal 5 makes card 5 in place of A, of which a person says B. */
static void a_wrong_name_is_undone_by_the_journal(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    uint32_t posted = 0;
    issue(world, A, 300000);
    issue(world, B, 800000);
    world_sync(world, 0);
    replace_card(world, 4, A_NEW, A, 100000, 0);
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
    show(world, A_NEW);
    assert_int_equal(name(world, A_NEW, B), ST_OK);
    assert_int_equal(listing_of(world, B), LISTING_REPLACED);
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    assert_int_equal(lost_figure(world, B, "given_rials"), 800000);
    world_tap(world, 3, A_NEW, 0);
    expect_card(world, A_NEW, 800000, 0);
    assert_int_equal(rebuild_back(world->ledger, 5, world->now_s, &fault), ST_OK);
    world_sync(world, 4);
    assert_int_equal(successor_of(world, A), (int64_t)card_no(world, A_NEW));
    assert_int_equal(successor_of(world, B), 0);
    assert_int_equal(listing_of(world, B), 0);
    assert_int_equal(lost_figure(world, B, "given_rials"), 0);
    assert_int_equal(lost_figure(world, A, "given_rials"), 800000);
    settle_everywhere(world);
    settle_everywhere(world);
    world_tap(world, 3, A_NEW, 0); /* 500,000 are asked back */
    settle_everywhere(world);
    expect_card(world, A_NEW, 300000, 0);
    expect_account(world, ACCOUNT_REPLACED, -300000, 0);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    assert_int_equal(lost_figure(world, A, "loss_rials"), 0);
    world_reference(world);
}

/* The card that a person had named has been replaced itself when the journal comes: it is no second
 * one for that. */
static void a_named_card_may_have_been_replaced_itself(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    uint32_t posted = 0;
    issue(world, A, 300000);
    world_sync(world, 0);
    replace_card(world, 4, A_NEW, A, 100000, 0);
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
    show(world, A_NEW);
    assert_int_equal(name(world, A_NEW, A), ST_OK);
    replace_card(world, 1, 7, A_NEW, 50000, 0);
    world_sync(world, 1);
    assert_int_equal(rebuild_back(world->ledger, 5, world->now_s, &fault), ST_OK);
    world_sync(world, 4);
    assert_int_equal(cases_of(world, "replaced"), 0);
    assert_int_equal(listing_of(world, A_NEW), LISTING_REPLACED);
    assert_int_equal(successor_of(world, A), (int64_t)card_no(world, A_NEW));
    assert_int_equal(lost_figure(world, A, "loss_rials"), 0);
    settle_everywhere(world);
    settle_everywhere(world);
    world_tap(world, 1, 7, 0);
    settle_everywhere(world);
    /* 200,000 are A's rest; A_NEW had 100,000, of which 50,000 are on the new one. */
    expect_card(world, 7, 300000, 0);
    world_reference(world);
}

/* He said that the card was lost; that it went there whole is heard later. */
static void a_name_and_a_half_that_comes_later_are_one(void **state)
{
    struct world *world = *state;
    die_after_two(world, 300000);
    show(world, A_NEW);
    assert_int_equal(name(world, A_NEW, A), ST_OK);
    expect_account(world, ACCOUNT_REPLACED, -300000, 0);
    show(world, A);
    expect_account(world, ACCOUNT_REPLACED, 0, 0);
    expect_account(world, ACCOUNT_TRANSIT, 0, 0);
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 0);
    come_back(world);
    settle_everywhere(world);
    expect_card(world, A_NEW, 300000, 0);
    world_reference(world);
}

/* --- whose card it is ----------------------------------------------------------------------- */

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
        TEST(what_a_clone_moves_whole_is_accounted_for),
        TEST(halves_that_a_dead_terminal_made_are_joined_off_the_cards),
        TEST(a_person_names_the_card_that_no_card_tells_of),
        TEST(empty_cards_are_not_told_apart),
        TEST(equal_cards_are_joined_as_soon_as_only_one_is_left),
        TEST(a_guess_is_taken_back_when_another_one_fits_as_well),
        TEST(a_wrong_guess_is_undone_by_the_journal),
        TEST(a_wrong_name_is_undone_by_the_journal),
        TEST(a_named_card_may_have_been_replaced_itself),
        TEST(a_name_and_a_half_that_comes_later_are_one),
        TEST(media_and_account_go_on_to_the_new_card),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
