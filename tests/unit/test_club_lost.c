/* Lost cards at the club: what a new card gets in all, what the club loses at most, and the books
 * in between. Figures are reckoned by hand: base.json gives 10 points a million, and each card is
 * issued with 500,000 rials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/accrual.h"
#include "server/hotlist.h"
#include "server/rebuild.h"
#include "tests/unit/club_lost.h"

/* --- a lost card ---------------------------------------------------------------------------- */

static void the_rest_follows_when_the_books_have_settled(void **state)
{
    struct world *world = *state;
    struct order *order = world_order(world, LOST, ACTION_CREDIT, 70000);
    world_sync_all(world);
    sell(world, 1, LOST, 1, 100000); /* terminal 2 is offline */
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    world_sync(world, 2);
    assert_int_equal(listing_of(world, LOST), LISTING_REPLACED);
    expect_account(world, ACCOUNT_REPLACED, -200000, 0);
    assert_int_equal(lost_figure(world, LOST, "risk_rials"), 200000);
    assert_int_equal(lost_figure(world, LOST, "given_rials"), 200000);
    sell(world, 1, LOST, 1, 100000); /* after the report, and nobody told terminal 2 */
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world->now_s += 61;
        if (t != 1) {
            world_sync(world, t);
            world_sync(world, t);
        }
    }
    assert_int_equal(lost_figure(world, LOST, "rounds"), 0); /* it waits for terminal 2 */
    world->now_s += 61;
    world_sync_all(world);
    /* 500,000 - 200,000 are left on the lost card, and 20 points. */
    assert_int_equal(lost_figure(world, LOST, "rounds"), 1);
    assert_int_equal(lost_figure(world, LOST, "rials"), 300000);
    assert_int_equal(lost_figure(world, LOST, "given_rials"), 300000);
    assert_int_equal(lost_figure(world, LOST, "waiting_rials"), 100000);
    assert_int_equal(lost_figure(world, LOST, "risk_rials"), 0);
    world_order_again(world, order); /* moved, and known by its reference */
    world_tap(world, 3, NEW, 0);
    world_sync_all(world);
    expect_card(world, NEW, 370000, 20);
    expect_account(world, ACCOUNT_REPLACED, -300000, -20);
    expect_account(world, ACCOUNT_PENDING, 0, 0);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
    world_reference(world);
}

static void what_cannot_be_asked_back_is_the_clubs_loss(void **state)
{
    struct world *world = *state;
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    sell(world, 1, LOST, 4, 400000); /* 100,000 are left */
    sell(world, 3, NEW, 1, 150000);  /* 50,000 are left */
    world_sync_all(world);
    world_sync_all(world);
    assert_int_equal(lost_figure(world, LOST, "asked_back_rials"), 100000);
    assert_int_equal(lost_figure(world, LOST, "risk_rials"), 100000);
    world_tap(world, 4, NEW, 0);
    world_sync_all(world);
    expect_card(world, NEW, 0, 50);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 50000);
    assert_int_equal(lost_figure(world, LOST, "loss_points"), 0);
    assert_int_equal(lost_figure(world, LOST, "risk_rials"), 0);
    /* -200,000 at first, +50,000 back: 100,000 of it is still on the lost card. */
    expect_account(world, ACCOUNT_REPLACED, -150000, -40);
    world_reference(world);
}

static void a_settled_balance_that_was_given_whole_leaves_nothing_to_follow(void **state)
{
    struct world *world = *state;
    static struct wire_lost news;
    struct wire_lost_have have = {.is_there = true};
    const uint32_t entry = report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    world_sync(world, 2);
    assert_int_equal(listing_of(world, LOST), LISTING_LOST);
    assert_int_equal(lost_news(world->db, 3, &have, &news), ST_OK);
    assert_true(news.is_there);
    assert_int_equal(news.known, entry);
    assert_int_equal(news.settled, 0);
    assert_int_equal(news.count, 1);
    assert_false(news.list[0].is_settled);
    assert_int_equal(news.list[0].credit, 500000);
    have.known = news.known;
    assert_int_equal(lost_news(world->db, 3, &have, &news), ST_OK);
    assert_false(news.is_there);
    sell(world, 1, LOST, 1, 100000);
    world_sync_all(world);
    world_sync_all(world);
    assert_int_equal(lost_news(world->db, 3, &have, &news), ST_OK);
    assert_int_equal(news.settled, entry);
    assert_int_equal(news.count, 1);
    assert_true(news.list[0].is_settled);
    assert_int_equal(news.list[0].credit, 400000);
    assert_int_equal(news.list[0].points, 10);
    assert_int_equal(news.list[0].status, CARD_ACTIVE);
    assert_int_equal(news.list[0].replaced_by, 0);
    assert_int_equal(lost_news(world->db, 2, &have, &news), ST_OK); /* who asked, and nobody else */
    assert_false(news.is_there);
    replace_card(world, 2, NEW, LOST, 400000, 10);
    world_sync_all(world);
    assert_int_equal(lost_figure(world, LOST, "rounds"), 0);
    assert_int_equal(lost_figure(world, LOST, "risk_rials"), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 0);
    expect_card(world, NEW, 400000, 10);
    world_reference(world);
}

static void kind_and_last_day_follow_before_what_they_bind(void **state)
{
    struct world *world = *state;
    static struct wire_lost news;
    struct wire_lost_have have = {.is_there = true};
    static const char sql_said[] = "SELECT amount FROM action WHERE card_no = %llu AND kind = 14"
                                   " AND origin = 7";
    const struct action_particulars said = {.kind = 3, .birthday = 33000, .expires = 50000};
    (void)world_order(world, LOST, ACTION_PARTICULARS, action_particulars_pack(&said));
    world_sync_all(world);
    world_tap(world, 1, LOST, 0);
    world_sync(world, 1);
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    world_sync(world, 2);
    assert_int_equal(lost_news(world->db, 3, &have, &news), ST_OK);
    assert_int_equal(news.count, 1);
    assert_true(news.list[0].kind == 3 && news.list[0].birthday == 33000);
    assert_int_equal(news.list[0].expires, 50000);
    replace_card(world, 2, NEW, LOST, 200000, 0); /* which says nothing of itself */
    settle_everywhere(world);
    assert_int_equal(sql_of(world, sql_said, card_no(world, NEW)), action_particulars_pack(&said));
    world_tap(world, 3, NEW, 0);
    settle_everywhere(world);
    expect_card(world, NEW, 500000, 0);
    assert_int_equal(sql_of(world, "SELECT count(*) FROM action WHERE card_no = %llu AND kind = 14",
                            card_no(world, NEW)),
                     1);
    world_reference(world);
}

static void what_is_heard_late_moves_in_one_more_round(void **state)
{
    struct world *world = *state;
    uint32_t posted = 0;
    struct fault fault = {""};
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    sell(world, 4, LOST, 2, 200000); /* terminal 5 dies with it */
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    assert_int_equal(lost_figure(world, LOST, "given_rials"), 500000); /* for all that is known */
    world_tap(world, 3, NEW, 0);
    expect_card(world, NEW, 500000, 0);
    model_sighting(&world->terminals[0], &world->cards[LOST]); /* somebody found and tried it */
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    assert_int_equal(lost_figure(world, LOST, "rounds"), 2);
    assert_int_equal(lost_figure(world, LOST, "asked_back_rials"), 200000);
    world_tap(world, 3, NEW, 0);
    world_sync(world, 3);
    expect_card(world, NEW, 300000, 20);
    expect_account(world, ACCOUNT_REPLACED, -300000, -20);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 0);
    /* The same again changes nothing. */
    assert_int_equal(lost_tend(world->db, world->actions, world->now_s, &fault), ST_OK);
    assert_int_equal(lost_figure(world, LOST, "rounds"), 2);
}

static void a_second_replacement_is_refused_and_its_part_lost(void **state)
{
    struct world *world = *state;
    (void)report_card(world, 1, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 1, NEW, LOST, 200000, 0);
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST); /* offline, too */
    replace_card(world, 2, OTHER, LOST, 200000, 0);
    world_sync(world, 1);
    world_sync(world, 2);
    assert_int_equal(cases_of(world, "replaced"), 1);
    assert_int_equal(listing_of(world, OTHER), LISTING_BLOCKED);
    assert_int_equal(listing_of(world, NEW), 0);
    expect_account(world, ACCOUNT_REPLACED, -400000, 0);
    settle_everywhere(world);
    world_tap(world, 3, NEW, 0);
    world_sync_all(world);
    expect_card(world, NEW, 500000, 0);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 200000);
    expect_account(world, ACCOUNT_REPLACED, -700000, 0);
    world_reference(world);
}

static void a_card_that_is_found_again_is_taken_off_the_list(void **state)
{
    struct world *world = *state;
    static struct wire_lost news;
    const struct wire_lost_have have = {.is_there = true};
    (void)report_card(world, 1, card_no(world, LOST), REPORT_LOST);
    world_sync(world, 1);
    const uint32_t found = report_card(world, 1, card_no(world, LOST), REPORT_FOUND);
    world_sync(world, 1);
    assert_int_equal(listing_of(world, LOST), 0);
    assert_int_equal(lost_news(world->db, 2, &have, &news), ST_OK);
    assert_int_equal(news.count, 1); /* what was vouched for is over */
    assert_false(news.list[0].is_settled);
    assert_true(news.is_there && news.settled < found);
    (void)report_card(world, 3, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 3, NEW, LOST, 0, 0);
    world_sync(world, 3);
    (void)report_card(world, 3, card_no(world, LOST), REPORT_FOUND);
    world_sync(world, 3);
    assert_int_equal(listing_of(world, LOST), LISTING_REPLACED);
    assert_int_equal(cases_of(world, "replaced"), 1);
    settle_everywhere(world);
    world_tap(world, 3, NEW, 0);
    expect_card(world, NEW, 500000, 0);
}

static void people_can_say_it_to_the_club(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    assert_int_equal(lost_found(world->db, card_no(world, LOST), world->now_s, &fault), ST_REFUSED);
    assert_int_equal(lost_report(world->db, card_no(world, LOST), world->now_s, &fault), ST_OK);
    assert_int_equal(lost_report(world->db, card_no(world, LOST), world->now_s, &fault), ST_OK);
    assert_int_equal(listing_of(world, LOST), LISTING_LOST);
    assert_int_equal(lost_found(world->db, card_no(world, LOST), world->now_s, &fault), ST_OK);
    assert_int_equal(listing_of(world, LOST), 0);
    replace_card(world, 1, NEW, LOST, 100000, 0); /* offline, of an older report */
    world_sync(world, 1);
    assert_int_equal(listing_of(world, LOST), LISTING_REPLACED);
    assert_int_equal(lost_report(world->db, card_no(world, LOST), world->now_s, &fault),
                     ST_REFUSED);
    assert_int_equal(lost_found(world->db, card_no(world, LOST), world->now_s, &fault), ST_REFUSED);
    assert_non_null(strstr(fault.say, "in its place"));
}

static void more_reports_than_an_answer_holds_come_in_several(void **state)
{
    struct world *world = *state;
    static struct wire_lost news;
    struct wire_lost_have have = {.is_there = true};
    uint32_t last = 0;
    for (uint64_t i = 0; i < WIRE_VOUCHES_MAX + 3; i++) {
        last = report_card(world, 1, model_number(1000 + i), REPORT_LOST);
    }
    world_sync(world, 1);
    assert_int_equal(lost_news(world->db, 2, &have, &news), ST_OK);
    assert_int_equal(news.count, WIRE_VOUCHES_MAX);
    assert_int_equal(news.list[0].status, 0); /* the club never heard of that card */
    have.known = news.known;
    assert_int_equal(lost_news(world->db, 2, &have, &news), ST_OK);
    assert_int_equal(news.count, 3);
    assert_int_equal(news.known, last);
    settle_everywhere(world);
    assert_int_equal(lost_news(world->db, 2, &(struct wire_lost_have){true, last, 0, 0}, &news),
                     ST_OK);
    assert_int_equal(news.count, WIRE_VOUCHES_MAX);
    assert_true(news.list[0].is_settled);
    assert_int_equal(news.known, last);
    assert_true(news.settled < last);
}

static void a_clone_of_a_new_card_costs_nothing_twice(void **state)
{
    struct world *world = *state;
    replace_card(world, 1, NEW, LOST, 200000, 0);
    world_sync(world, 1);
    world->cards[NEW].count = 0; /* another terminal makes a card of the same number */
    replace_card(world, 2, NEW, LOST, 150000, 0);
    world_sync(world, 2);
    assert_int_equal(cases_of(world, "clone"), 1);
    expect_account(world, ACCOUNT_REPLACED, -200000, 0);
    expect_account(world, ACCOUNT_CLONED, 0, 0);
    world_check(world);
}

/* What a terminal that lies can say: neither card is the other one's, and everybody syncs on. */
static void no_two_cards_are_in_each_others_place(void **state)
{
    struct world *world = *state;
    replace_card(world, 1, NEW, OTHER, 1000, 0);
    replace_card(world, 1, OTHER, NEW, 2000, 0);
    world_sync(world, 1);
    assert_int_equal(cases_of(world, "replaced"), 1);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM successor"), 1);
    settle_everywhere(world);
    settle_everywhere(world);
    /* 1,000 were begun with for a card that has 2,000. */
    assert_int_equal(lost_figure(world, OTHER, "waiting_rials"), 1000);
    world_check(world);
}

/* The new card takes its release where nobody hears of it, and a load: nothing shows what it took
 * (test_club_taken.c), and the books say so in an account of its own. */
static void a_release_that_nobody_can_show_counts_as_taken(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    uint32_t posted = 0;
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    settle_everywhere(world);
    assert_int_equal(lost_figure(world, LOST, "waiting_rials"), 300000);
    world_tap(world, 4, NEW, 100000);
    model_sighting(&world->terminals[0], &world->cards[NEW]);
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action WHERE state = 6"), 1);
    expect_account(world, ACCOUNT_UNTOLD, 300000, 0);
    expect_account(world, ACCOUNT_REPLACED, -500000, 0);
    world_check(world);
}

/* Whoever withdraws an order of a release takes it back from nobody for good. */
static void what_comes_back_of_a_release_is_given_anew(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    char ref[48];
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    settle_everywhere(world);
    assert_int_equal(lost_figure(world, LOST, "waiting_rials"), 300000);
    (void)snprintf(ref, sizeof ref, "%016llu/1/credit/1", (unsigned long long)card_no(world, LOST));
    assert_int_equal(
        actions_withdraw(world->actions, ORIGIN_REPLACEMENT, ref, world->now_s, &fault), ST_OK);
    settle_everywhere(world);
    settle_everywhere(world);
    assert_int_equal(lost_figure(world, LOST, "rounds"), 2);
    assert_int_equal(lost_figure(world, LOST, "given_rials"), 500000);
    assert_int_equal(lost_figure(world, LOST, "waiting_rials"), 300000);
    world_tap(world, 3, NEW, 0);
    settle_everywhere(world);
    expect_card(world, NEW, 500000, 0);
    expect_account(world, ACCOUNT_REPLACED, -500000, 0);
    assert_int_equal(lost_figure(world, LOST, "rounds"), 2);
    world_reference(world);
}

/* A terminal had applied the first order, and is heard of when the second is on its way: it is
 * asked back. */
static void a_release_that_came_back_and_was_taken_all_the_same_is_asked_back(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    char ref[48], text[96];
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    settle_everywhere(world);
    world_tap(world, 4, NEW, 0);
    (void)snprintf(ref, sizeof ref, "%016llu/1/credit/1", (unsigned long long)card_no(world, LOST));
    assert_int_equal(
        actions_withdraw(world->actions, ORIGIN_REPLACEMENT, ref, world->now_s, &fault), ST_OK);
    (void)snprintf(text, sizeof text, "UPDATE term SET clear_at = %lld WHERE term_id = 5",
                   (long long)world->now_s + 1000); /* it says that it has sent everything */
    assert_int_equal(db_exec(world->db, text), ST_OK);
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    assert_int_equal(lost_figure(world, LOST, "rounds"), 2);
    world_sync(world, 4);
    assert_int_equal(lost_figure(world, LOST, "given_rials"), 500000);
    settle_everywhere(world);
    for (int i = 0; i < 2; i++) {
        world_tap(world, 3, NEW, 0);
        settle_everywhere(world);
    }
    expect_card(world, NEW, 500000, 0);
    expect_account(world, ACCOUNT_REPLACED, -500000, 0);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 0);
}

/* A new card without numbers is given nothing, and asked nothing, until it is replaced itself. */
static void a_card_that_can_take_no_action_waits_for_the_next_one(void **state)
{
    struct world *world = *state;
    char text[96];
    replace_card(world, 2, NEW, LOST, 200000, 0);
    (void)snprintf(text, sizeof text,
                   "INSERT INTO actcard (card_no, last, passed, past) VALUES (%llu, 4095, 0, 0)",
                   (unsigned long long)card_no(world, NEW));
    assert_int_equal(db_exec(world->db, text), ST_OK);
    settle_everywhere(world);
    settle_everywhere(world);
    assert_int_equal(lost_figure(world, LOST, "rounds"), 0);
    assert_int_equal(lost_figure(world, LOST, "given_rials"), 200000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 0);
    const uint32_t first = duplicate_out(world, 1, NEW);
    (void)duplicate_in(world, 1, OTHER, NEW, first, 200000, 0);
    settle_everywhere(world);
    settle_everywhere(world);
    world_tap(world, 3, OTHER, 0);
    settle_everywhere(world);
    expect_card(world, OTHER, 500000, 0);
    expect_account(world, ACCOUNT_REPLACED, -500000, 0);
}

/* --- on whose word --------------------------------------------------------------------------- */

static void limit(struct world *world, int64_t rials, int64_t points)
{
    struct fault fault = {""};
    assert_int_equal(lost_limit_set(world->db, &(struct lost_limit){rials, points}, &fault), ST_OK);
}

static int64_t open_cases_of(struct world *world, const char *why)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM tcase WHERE why = '%s' AND closed_at = 0",
                   why);
    return world_sql(world, sql);
}

/* What a terminal says alone brings so much; the rest, and what waits, needs a person. */
static void what_is_above_the_limit_waits_for_a_person(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    struct order *order = world_order(world, LOST, ACTION_CREDIT, 70000);
    limit(world, 369999, 100);
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    settle_everywhere(world);
    settle_everywhere(world);
    assert_int_equal(lost_figure(world, LOST, "rounds"), 0);
    assert_int_equal(open_cases_of(world, "held"), 1);
    world_tap(world, 3, NEW, 0);
    expect_card(world, NEW, 200000, 0);
    assert_int_equal(world_state_of(world, order), 1);
    assert_int_equal(lost_confirm(world->db, card_no(world, LOST), world->now_s, &fault), ST_OK);
    assert_int_equal(lost_confirm(world->db, card_no(world, LOST), world->now_s, &fault), ST_OK);
    assert_int_equal(open_cases_of(world, "held"), 0);
    settle_everywhere(world);
    world_tap(world, 3, NEW, 0);
    settle_everywhere(world);
    expect_card(world, NEW, 570000, 0);
    assert_int_equal(world_state_of(world, order), 2);
    world_reference(world);
}

/* The member of a number, without a word of its own: 10 points a million. */
static void earn(struct world *world, int t, uint64_t number, int64_t millions)
{
    struct entry entry = head_of(world, t, ENTRY_ACCRUAL);
    struct plan plan;
    entry.accrual = (struct entry_accrual){.number = number,
                                           .medium = MEDIA_PHONE,
                                           .programme = world->programme->version,
                                           .minute = snapshot_minute(world->now_s),
                                           .amount = {millions * 1000000}};
    assert_int_equal(accrual_make(world->programme, (uint32_t)t + 1, &entry.accrual, &plan), ST_OK);
    model_append(&world->terminals[t], &entry);
}

static void make_member(struct world *world, uint64_t account, int card)
{
    char sql[512];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO member VALUES (%llu, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '', '',"
        " x'', x''); INSERT INTO member_card VALUES (%llu, %llu, 1)",
        (unsigned long long)account, (unsigned long long)card_no(world, card),
        (unsigned long long)account);
    assert_int_equal(db_exec(world->db, sql), ST_OK);
}

/* Points that the member of `card` has, by an order that has not been applied yet. */
static int64_t points_at(struct world *world, int card)
{
    return sql_of(world,
                  "SELECT coalesce(sum(amount), 0) FROM action WHERE kind = 5 AND state = 1"
                  " AND card_no = %llu",
                  card_no(world, card));
}

/* The newest card of the member is the doubtful one: what the member earns without a card is within
 * the limit, too, and waits with the rest. */
static void what_is_earned_without_a_card_waits_for_a_person(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    const uint64_t account = UINT64_C(6362140000000011);
    limit(world, 0, 40);
    make_member(world, account, LOST);
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    settle_everywhere(world);
    settle_everywhere(world);
    assert_int_equal(open_cases_of(world, "held"), 1);
    earn(world, 1, account, 3);
    settle_everywhere(world);
    assert_int_equal(points_at(world, LOST), 30);
    assert_int_equal(points_at(world, NEW), 0);
    world_tap(world, 3, NEW, 0);
    expect_card(world, NEW, 200000, 0);
    assert_int_equal(lost_confirm(world->db, card_no(world, LOST), world->now_s, &fault), ST_OK);
    settle_everywhere(world);
    earn(world, 1, account, 1);
    settle_everywhere(world);
    assert_int_equal(points_at(world, NEW), 40);
    world_tap(world, 3, NEW, 0);
    settle_everywhere(world);
    expect_card(world, NEW, 500000, 40);
    world_check(world);
}

/* However many cards one terminal names: the limit is for all of them together. */
static void a_terminal_that_lies_gets_the_limit_and_not_more(void **state)
{
    struct world *world = *state;
    limit(world, 650000, 0);
    for (int card = 1; card < 4; card++) {
        (void)model_tap(&world->terminals[0], &world->cards[card], world->programme,
                        (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {300000}});
    }
    world_sync(world, 0);
    replace_card(world, 2, 4, 1, 0, 0);
    replace_card(world, 2, 5, 2, 0, 0);
    replace_card(world, 2, 6, 3, 0, 0);
    replace_card(world, 1, 7, LOST, 0, 0); /* another terminal's word */
    settle_everywhere(world);
    settle_everywhere(world);
    assert_int_equal(world_sql(world, "SELECT sum(amount) FROM action WHERE origin = 7"), 1100000);
    assert_int_equal(open_cases_of(world, "held"), 1);
    assert_int_equal(lost_figure(world, LOST, "rounds"), 1);
    world->now_s += 31 * 86400;
    settle_everywhere(world);
    assert_int_equal(world_sql(world, "SELECT sum(amount) FROM action WHERE origin = 7"), 1100000);
    world_check(world);
}

static void a_false_replacement_is_taken_back(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    int64_t gone = 0;
    const uint64_t card = card_no(world, LOST);
    limit(world, 0, 0);
    assert_int_equal(lost_deny(world->db, world->actions, card, world->now_s, &gone, &fault),
                     ST_REFUSED);
    struct order *order = world_order(world, LOST, ACTION_CREDIT, 70000);
    (void)report_card(world, 2, card, REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    settle_everywhere(world);
    assert_int_equal(open_cases_of(world, "held"), 1);
    struct order *late = world_order(world, LOST, ACTION_CREDIT, 8000); /* waits there, too */
    world_tap(world, 2, NEW, 0);
    expect_card(world, NEW, 200000, 0);
    assert_int_equal(lost_deny(world->db, world->actions, card, world->now_s, &gone, &fault),
                     ST_OK);
    assert_int_equal(gone, 0);
    assert_int_equal(open_cases_of(world, "held"), 0);
    assert_int_equal(listing_of(world, NEW), LISTING_BLOCKED);
    assert_int_equal(listing_of(world, LOST), LISTING_LOST);
    assert_int_equal(lost_found(world->db, card, world->now_s, &fault), ST_OK);
    settle_everywhere(world);
    settle_everywhere(world);
    world_tap(world, 1, LOST, 0);
    settle_everywhere(world);
    expect_card(world, LOST, 578000, 0);
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(world_state_of(world, late), 2);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 200000);
    expect_account(world, ACCOUNT_REPLACED, -200000, 0);
    /* It is lost in earnest later, and all of it follows. */
    (void)report_card(world, 1, card, REPORT_LOST);
    replace_card(world, 1, OTHER, LOST, 0, 0);
    world_sync(world, 1);
    assert_int_equal(lost_confirm(world->db, card, world->now_s, &fault), ST_OK);
    assert_int_equal(lost_deny(world->db, world->actions, card, world->now_s, &gone, &fault),
                     ST_REFUSED);
    settle_everywhere(world);
    world_tap(world, 1, OTHER, 0);
    settle_everywhere(world);
    expect_card(world, OTHER, 578000, 0);
    world_reference(world);
}

/* Too late: the false card has taken the rest. */
static void what_a_false_card_has_taken_is_lost(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    int64_t gone = 0;
    replace_card(world, 2, NEW, LOST, 200000, 0);
    settle_everywhere(world);
    world_tap(world, 2, NEW, 0);
    expect_card(world, NEW, 500000, 0);
    world_sync(world, 2);
    struct order *late = world_order(world, LOST, ACTION_CREDIT, 8000); /* goes to NEW */
    assert_int_equal(
        lost_deny(world->db, world->actions, card_no(world, LOST), world->now_s, &gone, &fault),
        ST_OK);
    assert_int_equal(gone, 1);
    assert_int_equal(
        lost_deny(world->db, world->actions, card_no(world, LOST), world->now_s, &gone, &fault),
        ST_OK); /* once more */
    assert_int_equal(gone, 0);
    settle_everywhere(world);
    settle_everywhere(world);
    assert_int_equal(world_state_of(world, late), 4); /* the giver has it again */
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 500000);
    assert_int_equal(lost_figure(world, LOST, "given_rials"), 0);
    expect_account(world, ACCOUNT_REPLACED, -500000, 0);
    world_check(world);
}

static void only_who_reported_it_finds_a_card_again(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    (void)report_card(world, 1, card_no(world, LOST), REPORT_LOST);
    world_sync(world, 1);
    (void)report_card(world, 2, card_no(world, LOST), REPORT_FOUND);
    world_sync(world, 2);
    assert_int_equal(listing_of(world, LOST), LISTING_LOST);
    assert_int_equal(open_cases_of(world, "found"), 1);
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST); /* it is not his by that */
    (void)report_card(world, 2, card_no(world, LOST), REPORT_FOUND);
    world_sync(world, 2);
    assert_int_equal(listing_of(world, LOST), LISTING_LOST);
    assert_int_equal(lost_found(world->db, card_no(world, LOST), world->now_s, &fault), ST_OK);
    assert_int_equal(listing_of(world, LOST), 0);
    assert_int_equal(open_cases_of(world, "found"), 0);
}

/* --- any order ------------------------------------------------------------------------------ */

/* Takes what waits, and sells for some of what the card has then; returns how much. */
static int64_t sell_some(struct world *world, int t, int card)
{
    world_tap(world, t, card, 0);
    const int64_t has = world->cards[card].history[0].purse[PURSE_CREDIT].rials;
    const int64_t pays = has < 10000 ? 0 : (int64_t)world_draw(world, (unsigned)(has / 2));
    sell(world, t, card, 1, pays);
    return pays;
}

/* Sales with both cards at five terminals that sync when they like. */
static void random_life(struct world *world)
{
    int64_t spent = 0, part = 0;
    int reporter = -1;
    const unsigned lost_at = world_draw(world, 12), ordered_at = world_draw(world, 20);
    for (unsigned step = 0; step < 30; step++) {
        const int t = (int)world_draw(world, WORLD_TERMINALS);
        world->now_s += 61;
        if (step == ordered_at) {
            (void)world_order(world, LOST, ACTION_CREDIT, 30000);
        }
        if (step == lost_at) {
            const int64_t known = world->cards[LOST].history[0].purse[PURSE_CREDIT].rials;
            part = known < 200000 ? known : 200000;
            (void)report_card(world, t, card_no(world, LOST), REPORT_LOST);
            replace_card(world, t, NEW, LOST, part, 0);
            reporter = t;
        }
        const unsigned what = world_draw(world, 4);
        if (what == 0) {
            if (t != reporter &&
                world->holdings[t].list.version == 0) { /* it has not heard of it */
                (void)sell_some(world, t, LOST);
            }
        } else if (what == 1 && step >= lost_at) {
            spent += sell_some(world, t, NEW);
        } else {
            world_sync(world, t);
        }
    }
    for (int i = 0; i < 3; i++) {
        settle_everywhere(world);
        world_tap(world, i, NEW, 0);
    }
    settle_everywhere(world);
    const int64_t has = world->cards[NEW].history[0].purse[PURSE_CREDIT].rials;
    const int64_t left = world->cards[LOST].history[0].purse[PURSE_CREDIT].rials;
    const int64_t loss = lost_figure(world, LOST, "loss_rials");
    /* What the bank sent is on one of the cards, once. */
    const int64_t bank = sql_of(world,
                                "SELECT coalesce((SELECT sum(done) FROM action WHERE origin = 1"
                                " AND state = 2 AND card_no = %llu), 0)",
                                card_no(world, NEW));
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action WHERE origin = 1 AND state = 2"),
                     1);
    assert_int_equal(has + spent - left, loss + bank);
    assert_in_range(loss, 0, part);
    assert_int_equal(lost_figure(world, LOST, "risk_rials"), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
    world_check(world);
}

static void in_any_order_the_loss_is_at_most_the_part(void **state)
{
    struct world *world = *state;
    for (unsigned seed = 1; seed <= 15; seed++) {
        world->seed = seed;
        random_life(world);
        if (seed % 5 == 0) {
            world_reference(world);
        }
        world_free(world);
        assert_int_equal(lost_setup(state), 0);
        world = *state;
    }
}

/* --- a restored club ------------------------------------------------------------------------ */

static void a_restored_club_releases_nothing_twice(void **state)
{
    struct world *world = *state;
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    world_sync(world, 2);
    world_backup(world);
    settle_everywhere(world);
    world_tap(world, 3, NEW, 0); /* takes the 300,000 that this club is about to forget */
    expect_card(world, NEW, 500000, 0);
    world_restore(world);
    sell(world, 1, LOST, 1, 100000); /* heard before it releases again */
    settle_everywhere(world);
    settle_everywhere(world);
    world_tap(world, 3, NEW, 0);
    settle_everywhere(world);
    expect_card(world, NEW, 400000, 10);
    expect_account(world, ACCOUNT_REPLACED, -400000, -10);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 0);
}

static void what_a_restored_club_forgot_to_have_taken_back_is_in_its_place(void **state)
{
    struct world *world = *state;
    (void)report_card(world, 2, card_no(world, LOST), REPORT_LOST);
    replace_card(world, 2, NEW, LOST, 200000, 0);
    sell(world, 1, LOST, 4, 400000); /* 100,000 are left */
    world_sync(world, 2);
    world_backup(world);
    settle_everywhere(world);
    world_tap(world, 3, NEW, 0); /* gives 100,000 back, and takes 40 points */
    expect_card(world, NEW, 100000, 40);
    world_restore(world);
    for (int i = 0; i < 3; i++) {
        settle_everywhere(world);
        world_tap(world, 3, NEW, 0);
    }
    settle_everywhere(world);
    expect_card(world, NEW, 100000, 40);
    expect_account(world, ACCOUNT_REPLACED, -100000, -40);
    expect_account(world, ACCOUNT_UNEXPLAINED, 0, 0);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 0);
    world_reference(world);
}

/* A false card has its own losses: what it took stays counted, and nothing of both meets. */
static void a_card_that_was_denied_can_be_replaced_itself(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    int64_t gone = 0;
    limit(world, 650000, 0);
    replace_card(world, 2, NEW, LOST, 0, 0);
    settle_everywhere(world);
    world_tap(world, 2, NEW, 0);
    expect_card(world, NEW, 500000, 0);
    world_sync(world, 2);
    assert_int_equal(
        lost_deny(world->db, world->actions, card_no(world, LOST), world->now_s, &gone, &fault),
        ST_OK);
    replace_card(world, 2, OTHER, NEW, 0, 0);
    settle_everywhere(world);
    assert_int_equal(open_cases_of(world, "held"), 1); /* 500,000 and 500,000 in 30 days */
    assert_int_equal(world_sql(world, "SELECT sum(amount) FROM action WHERE origin = 7"), 500000);
    assert_int_equal(lost_confirm(world->db, card_no(world, NEW), world->now_s, &fault), ST_OK);
    settle_everywhere(world);
    assert_int_equal(lost_figure(world, NEW, "given_rials"), 500000);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 500000);
    world_check(world);
}

static void a_false_card_that_was_replaced_can_be_denied(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    int64_t gone = 0;
    replace_card(world, 2, NEW, LOST, 0, 0);
    settle_everywhere(world);
    world_tap(world, 2, NEW, 0);
    world_sync(world, 2);
    replace_card(world, 2, OTHER, NEW, 0, 0);
    settle_everywhere(world);
    assert_int_equal(lost_figure(world, NEW, "given_rials"), 500000);
    for (int card = LOST; card <= NEW; card++) {
        assert_int_equal(
            lost_deny(world->db, world->actions, card_no(world, card), world->now_s, &gone, &fault),
            ST_OK);
    }
    assert_int_equal(listing_of(world, NEW), LISTING_BLOCKED);
    assert_int_equal(listing_of(world, OTHER), LISTING_BLOCKED);
    settle_everywhere(world);
    assert_int_equal(lost_figure(world, LOST, "loss_rials"), 500000);
    assert_int_equal(lost_figure(world, NEW, "loss_rials"), 0); /* OTHER had not taken it */
    world_check(world);
}

/* Who has a terminal says that a card is lost, so as to find it again after the club refused it. */
static void report_at_two(struct world *world, int card, enum report_event event)
{
    (void)report_card(world, 2, card_no(world, card), event);
    world_sync(world, 2);
}

static void what_the_club_refuses_no_terminal_finds_again(void **state)
{
    struct world *world = *state;
    replace_card(world, 1, NEW, LOST, 200000, 0);
    world_sync(world, 1);
    report_at_two(world, NEW, REPORT_LOST);
    world->cards[NEW].count = 0; /* a clone of it */
    replace_card(world, 2, NEW, LOST, 150000, 0);
    report_at_two(world, OTHER, REPORT_LOST);
    replace_card(world, 2, OTHER, LOST, 200000, 0); /* a second one */
    world_sync(world, 2);
    report_at_two(world, NEW, REPORT_FOUND);
    report_at_two(world, OTHER, REPORT_FOUND);
    assert_int_equal(listing_of(world, NEW), LISTING_CLONE);
    assert_int_equal(listing_of(world, OTHER), LISTING_BLOCKED);
}

static void a_card_that_was_denied_is_not_found_again(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    int64_t gone = 0;
    replace_card(world, 2, NEW, LOST, 200000, 0);
    world_sync(world, 2);
    report_at_two(world, NEW, REPORT_LOST);
    assert_int_equal(
        lost_deny(world->db, world->actions, card_no(world, LOST), world->now_s, &gone, &fault),
        ST_OK);
    report_at_two(world, NEW, REPORT_FOUND);
    assert_int_equal(listing_of(world, NEW), LISTING_BLOCKED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lost_setup, lost_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_rest_follows_when_the_books_have_settled),
        TEST(what_cannot_be_asked_back_is_the_clubs_loss),
        TEST(a_settled_balance_that_was_given_whole_leaves_nothing_to_follow),
        TEST(kind_and_last_day_follow_before_what_they_bind),
        TEST(what_is_heard_late_moves_in_one_more_round),
        TEST(a_second_replacement_is_refused_and_its_part_lost),
        TEST(a_card_that_is_found_again_is_taken_off_the_list),
        TEST(people_can_say_it_to_the_club),
        TEST(more_reports_than_an_answer_holds_come_in_several),
        TEST(a_clone_of_a_new_card_costs_nothing_twice),
        TEST(no_two_cards_are_in_each_others_place),
        TEST(a_release_that_nobody_can_show_counts_as_taken),
        TEST(what_comes_back_of_a_release_is_given_anew),
        TEST(a_release_that_came_back_and_was_taken_all_the_same_is_asked_back),
        TEST(a_card_that_can_take_no_action_waits_for_the_next_one),
        TEST(what_is_above_the_limit_waits_for_a_person),
        TEST(what_is_earned_without_a_card_waits_for_a_person),
        TEST(a_terminal_that_lies_gets_the_limit_and_not_more),
        TEST(a_false_replacement_is_taken_back),
        TEST(what_a_false_card_has_taken_is_lost),
        TEST(a_card_that_was_denied_can_be_replaced_itself),
        TEST(a_false_card_that_was_replaced_can_be_denied),
        TEST(what_the_club_refuses_no_terminal_finds_again),
        TEST(a_card_that_was_denied_is_not_found_again),
        TEST(only_who_reported_it_finds_a_card_again),
        TEST(in_any_order_the_loss_is_at_most_the_part),
        TEST(a_restored_club_releases_nothing_twice),
        TEST(what_a_restored_club_forgot_to_have_taken_back_is_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
