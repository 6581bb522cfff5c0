/* Lost cards and duplicates at the club: what a new card gets in all, what the club loses at most,
 * and the books in between. Figures are reckoned by hand: base.json gives 10 points a million, and
 * each card is issued with 500,000 rials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/media.h"
#include "server/accounts.h"
#include "server/hotlist.h"
#include "server/links.h"
#include "server/lost.h"
#include "server/members.h"
#include "server/rebuild.h"
#include "tests/unit/club_cards.h"

enum { LOST, NEW, OTHER }; /* places in world->cards */

static int setup(void **state)
{
    struct world *world = world_new();
    world_issue(world, 1);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* --- what terminals do ---------------------------------------------------------------------- */

static uint64_t number(const struct world *world, int card)
{
    return world->cards[card].number;
}

/* A basket of whole millions, of which `pay` is paid by card: 10 points each. */
static void sell(struct world *world, int t, int card, int64_t millions, int64_t pay)
{
    (void)model_tap(&world->terminals[t], &world->cards[card], world->programme,
                    (struct wish){.kind = TRANSACTION_SALE,
                                  .amount = {millions * 1000000},
                                  .pay_credit = {pay}});
}

static struct entry head_of(const struct world *world, int t, enum entry_kind kind)
{
    return (struct entry){.kind = kind,
                          .sequence = world->terminals[t].count + 1,
                          .time_s = world->now_s,
                          .clock_quality = 2,
                          .terminal = (uint32_t)t + 1};
}

static uint32_t report(struct world *world, int t, uint64_t card, enum report_event event)
{
    struct entry entry = head_of(world, t, ENTRY_REPORT);
    entry.report = (struct entry_report){
        .card_number = card, .event = (uint8_t)event, .how = REPORT_BY_NUMBER};
    model_append(&world->terminals[t], &entry);
    return entry.sequence;
}

/* One half, as the engine makes it. */
static uint32_t half(struct world *world, int t, int c, const struct peer *peer,
                     const struct wish *wish)
{
    struct model_card *card = &world->cards[c];
    const struct occasion occasion = {.peer = *peer};
    const struct plan_input input = {.programme = world->programme,
                                     .history = card->history,
                                     .history_count = card->count,
                                     .wish = *wish,
                                     .occasion = &occasion,
                                     .minute = snapshot_minute(world->now_s),
                                     .terminal = (uint32_t)t + 1,
                                     .sequence = world->terminals[t].count + 1};
    struct plan plan;
    if (plan_make(&input, &plan) != ST_OK) {
        fail_msg("%s", plan.why.say);
    }
    struct entry entry = head_of(world, t, ENTRY_INTENT);
    entry.intent = (struct entry_intent){.card_number = card->number,
                                         .family = 1,
                                         .uid_bytes = 4,
                                         .uid = {(uint8_t)card->number},
                                         .programme = world->programme->version,
                                         .has_before = card->count > 0,
                                         .after = plan.next,
                                         .parts = plan.parts,
                                         .occasion = occasion};
    if (card->count > 0) {
        entry.intent.before = card->history[0];
    }
    model_append(&world->terminals[t], &entry);
    model_write(card, &entry);
    model_outcome(&world->terminals[t], &entry, VERDICT_DONE);
    return entry.sequence;
}

static uint32_t duplicate_out(struct world *world, int t, int card)
{
    return half(world, t, card, &(struct peer){.direction = PEER_OUT},
                &(struct wish){.kind = TRANSACTION_DUPLICATE});
}

static uint32_t put_in(struct world *world, int t, int card, const struct peer *peer,
                       int64_t credit, int64_t points)
{
    return half(world, t, card, peer,
                &(struct wish){.kind = TRANSACTION_DUPLICATE,
                               .amount = {credit},
                               .peer = *peer,
                               .inherits = {.points = {points}}});
}

static uint32_t duplicate_in(struct world *world, int t, int card, int old, uint32_t first,
                             int64_t credit, int64_t points)
{
    const struct peer peer = {PEER_IN, number(world, old), (uint32_t)t + 1, first};
    return put_in(world, t, card, &peer, credit, points);
}

static void replace(struct world *world, int t, int card, int old, int64_t credit, int64_t points)
{
    const struct peer peer = {PEER_IN, number(world, old), 0, 0};
    (void)put_in(world, t, card, &peer, credit, points);
}

/* --- what the club says --------------------------------------------------------------------- */

static int64_t sql_of(struct world *world, const char *format, uint64_t card)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql, format, (unsigned long long)card);
    return world_sql(world, sql);
}

static int64_t listed(struct world *world, int card)
{
    return sql_of(world, "SELECT coalesce((SELECT reason FROM hotlist WHERE card_no = %llu), 0)",
                  number(world, card));
}

static int64_t cases_of(struct world *world, const char *why)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM tcase WHERE why = '%s'", why);
    return world_sql(world, sql);
}

static int64_t figure(struct world *world, int card, const char *name)
{
    json_t *object = NULL;
    assert_int_equal(lost_object(world->db, number(world, card), &object), ST_OK);
    assert_non_null(object);
    assert_non_null(json_object_get(object, name));
    const int64_t value = json_integer_value(json_object_get(object, name));
    json_decref(object);
    return value;
}

static void has(struct world *world, int card, int64_t credit, int64_t points)
{
    assert_int_equal(world->cards[card].history[0].purse[PURSE_CREDIT].rials, credit);
    assert_int_equal(world->cards[card].history[0].points.n, points);
    world_check(world);
}

static void account(struct world *world, enum account account, int64_t credit, int64_t points)
{
    assert_int_equal(world_account(world, BOOK_CREDIT, (int)account), credit);
    assert_int_equal(world_account(world, BOOK_POINTS, (int)account), points);
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
        account(world, ACCOUNT_TRANSIT, 400000, 30);
        world_check(world);
    }
    (void)duplicate_in(world, 1, card, old, first, 400000, 30);
    world_sync(world, 1);
    account(world, ACCOUNT_TRANSIT, 0, 0);
    has(world, card, 400000, 30);
    has(world, old, 0, 0);
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
                            number(world, NEW)),
                     1);
    assert_int_equal(sql_of(world, "SELECT kind FROM action WHERE card_no = %llu AND state = 1",
                            number(world, LOST)),
                     ACTION_BLOCK);                /* that is the old card's own affair */
    world_order(world, LOST, ACTION_CREDIT, 5000); /* nobody told the giver */
    world_sync(world, 2);
    world_tap(world, 2, NEW, 0);
    world_sync_all(world);
    has(world, NEW, 475000, 30);
    account(world, ACCOUNT_PENDING, 0, 0);
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
    account(world, ACCOUNT_TRANSIT, -500100, 0); /* what cards have, and nobody gave */
    has(world, NEW, 500000, 0);
}

/* --- a lost card ---------------------------------------------------------------------------- */

static void the_rest_follows_when_the_books_have_settled(void **state)
{
    struct world *world = *state;
    struct order *order = world_order(world, LOST, ACTION_CREDIT, 70000);
    world_sync_all(world);
    sell(world, 1, LOST, 1, 100000); /* terminal 2 is offline */
    (void)report(world, 2, number(world, LOST), REPORT_LOST);
    replace(world, 2, NEW, LOST, 200000, 0);
    world_sync(world, 2);
    assert_int_equal(listed(world, LOST), LISTING_REPLACED);
    account(world, ACCOUNT_REPLACED, -200000, 0);
    assert_int_equal(figure(world, LOST, "risk_rials"), 200000);
    assert_int_equal(figure(world, LOST, "given_rials"), 200000);
    sell(world, 1, LOST, 1, 100000); /* after the report, and nobody told terminal 2 */
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world->now_s += 61;
        if (t != 1) {
            world_sync(world, t);
            world_sync(world, t);
        }
    }
    assert_int_equal(figure(world, LOST, "rounds"), 0); /* it waits for terminal 2 */
    world->now_s += 61;
    world_sync_all(world);
    /* 500,000 - 200,000 are left on the lost card, and 20 points. */
    assert_int_equal(figure(world, LOST, "rounds"), 1);
    assert_int_equal(figure(world, LOST, "rials"), 300000);
    assert_int_equal(figure(world, LOST, "given_rials"), 300000);
    assert_int_equal(figure(world, LOST, "waiting_rials"), 100000);
    assert_int_equal(figure(world, LOST, "risk_rials"), 0);
    world_order_again(world, order); /* moved, and known by its reference */
    world_tap(world, 3, NEW, 0);
    world_sync_all(world);
    has(world, NEW, 370000, 20);
    account(world, ACCOUNT_REPLACED, -300000, -20);
    account(world, ACCOUNT_PENDING, 0, 0);
    assert_int_equal(figure(world, LOST, "loss_rials"), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
    world_reference(world);
}

static void what_cannot_be_asked_back_is_the_clubs_loss(void **state)
{
    struct world *world = *state;
    (void)report(world, 2, number(world, LOST), REPORT_LOST);
    replace(world, 2, NEW, LOST, 200000, 0);
    sell(world, 1, LOST, 4, 400000); /* 100,000 are left */
    sell(world, 3, NEW, 1, 150000);  /* 50,000 are left */
    world_sync_all(world);
    world_sync_all(world);
    assert_int_equal(figure(world, LOST, "asked_back_rials"), 100000);
    assert_int_equal(figure(world, LOST, "risk_rials"), 100000);
    world_tap(world, 4, NEW, 0);
    world_sync_all(world);
    has(world, NEW, 0, 50);
    assert_int_equal(figure(world, LOST, "loss_rials"), 50000);
    assert_int_equal(figure(world, LOST, "loss_points"), 0);
    assert_int_equal(figure(world, LOST, "risk_rials"), 0);
    /* -200,000 at first, +50,000 back: 100,000 of it is still on the lost card. */
    account(world, ACCOUNT_REPLACED, -150000, -40);
    world_reference(world);
}

static void a_settled_balance_that_was_given_whole_leaves_nothing_to_follow(void **state)
{
    struct world *world = *state;
    static struct wire_lost news;
    struct wire_lost_have have = {.is_there = true};
    const uint32_t entry = report(world, 2, number(world, LOST), REPORT_LOST);
    world_sync(world, 2);
    assert_int_equal(listed(world, LOST), LISTING_LOST);
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
    replace(world, 2, NEW, LOST, 400000, 10);
    world_sync_all(world);
    assert_int_equal(figure(world, LOST, "rounds"), 0);
    assert_int_equal(figure(world, LOST, "risk_rials"), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 0);
    has(world, NEW, 400000, 10);
    world_reference(world);
}

static void settled_everywhere(struct world *world)
{
    for (int i = 0; i < 2; i++) {
        world_sync_all(world);
    }
}

static void what_is_heard_late_moves_in_one_more_round(void **state)
{
    struct world *world = *state;
    uint32_t posted = 0;
    struct fault fault = {""};
    (void)report(world, 2, number(world, LOST), REPORT_LOST);
    replace(world, 2, NEW, LOST, 200000, 0);
    sell(world, 4, LOST, 2, 200000); /* terminal 5 dies with it */
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    assert_int_equal(figure(world, LOST, "given_rials"), 500000); /* for all that is known */
    world_tap(world, 3, NEW, 0);
    has(world, NEW, 500000, 0);
    model_sighting(&world->terminals[0], &world->cards[LOST]); /* somebody found and tried it */
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    assert_int_equal(figure(world, LOST, "rounds"), 2);
    assert_int_equal(figure(world, LOST, "asked_back_rials"), 200000);
    world_tap(world, 3, NEW, 0);
    world_sync(world, 3);
    has(world, NEW, 300000, 20);
    account(world, ACCOUNT_REPLACED, -300000, -20);
    assert_int_equal(figure(world, LOST, "loss_rials"), 0);
    /* The same again changes nothing. */
    assert_int_equal(lost_tend(world->db, world->actions, world->now_s, &fault), ST_OK);
    assert_int_equal(figure(world, LOST, "rounds"), 2);
}

static void a_second_replacement_is_refused_and_its_part_lost(void **state)
{
    struct world *world = *state;
    (void)report(world, 1, number(world, LOST), REPORT_LOST);
    replace(world, 1, NEW, LOST, 200000, 0);
    (void)report(world, 2, number(world, LOST), REPORT_LOST); /* offline, too */
    replace(world, 2, OTHER, LOST, 200000, 0);
    world_sync(world, 1);
    world_sync(world, 2);
    assert_int_equal(cases_of(world, "replaced"), 1);
    assert_int_equal(listed(world, OTHER), LISTING_BLOCKED);
    assert_int_equal(listed(world, NEW), 0);
    account(world, ACCOUNT_REPLACED, -400000, 0);
    settled_everywhere(world);
    world_tap(world, 3, NEW, 0);
    world_sync_all(world);
    has(world, NEW, 500000, 0);
    assert_int_equal(figure(world, LOST, "loss_rials"), 200000);
    account(world, ACCOUNT_REPLACED, -700000, 0);
    world_reference(world);
}

static void a_card_that_is_found_again_is_taken_off_the_list(void **state)
{
    struct world *world = *state;
    static struct wire_lost news;
    const struct wire_lost_have have = {.is_there = true};
    (void)report(world, 1, number(world, LOST), REPORT_LOST);
    world_sync(world, 1);
    const uint32_t found = report(world, 1, number(world, LOST), REPORT_FOUND);
    world_sync(world, 1);
    assert_int_equal(listed(world, LOST), 0);
    assert_int_equal(lost_news(world->db, 2, &have, &news), ST_OK);
    assert_int_equal(news.count, 1); /* what was vouched for is over */
    assert_false(news.list[0].is_settled);
    assert_true(news.is_there && news.settled < found);
    (void)report(world, 3, number(world, LOST), REPORT_LOST);
    replace(world, 3, NEW, LOST, 0, 0);
    world_sync(world, 3);
    (void)report(world, 3, number(world, LOST), REPORT_FOUND);
    world_sync(world, 3);
    assert_int_equal(listed(world, LOST), LISTING_REPLACED);
    assert_int_equal(cases_of(world, "replaced"), 1);
    settled_everywhere(world);
    world_tap(world, 3, NEW, 0);
    has(world, NEW, 500000, 0);
}

static void people_can_say_it_to_the_club(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    assert_int_equal(lost_found(world->db, number(world, LOST), world->now_s, &fault), ST_REFUSED);
    assert_int_equal(lost_report(world->db, number(world, LOST), world->now_s, &fault), ST_OK);
    assert_int_equal(lost_report(world->db, number(world, LOST), world->now_s, &fault), ST_OK);
    assert_int_equal(listed(world, LOST), LISTING_LOST);
    assert_int_equal(lost_found(world->db, number(world, LOST), world->now_s, &fault), ST_OK);
    assert_int_equal(listed(world, LOST), 0);
    replace(world, 1, NEW, LOST, 100000, 0); /* offline, of an older report */
    world_sync(world, 1);
    assert_int_equal(listed(world, LOST), LISTING_REPLACED);
    assert_int_equal(lost_report(world->db, number(world, LOST), world->now_s, &fault), ST_REFUSED);
    assert_int_equal(lost_found(world->db, number(world, LOST), world->now_s, &fault), ST_REFUSED);
    assert_non_null(strstr(fault.say, "in its place"));
}

static void more_reports_than_an_answer_holds_come_in_several(void **state)
{
    struct world *world = *state;
    static struct wire_lost news;
    struct wire_lost_have have = {.is_there = true};
    uint32_t last = 0;
    for (uint64_t i = 0; i < WIRE_VOUCHES_MAX + 3; i++) {
        last = report(world, 1, model_number(1000 + i), REPORT_LOST);
    }
    world_sync(world, 1);
    assert_int_equal(lost_news(world->db, 2, &have, &news), ST_OK);
    assert_int_equal(news.count, WIRE_VOUCHES_MAX);
    assert_int_equal(news.list[0].status, 0); /* the club never heard of that card */
    have.known = news.known;
    assert_int_equal(lost_news(world->db, 2, &have, &news), ST_OK);
    assert_int_equal(news.count, 3);
    assert_int_equal(news.known, last);
    settled_everywhere(world);
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
    replace(world, 1, NEW, LOST, 200000, 0);
    world_sync(world, 1);
    world->cards[NEW].count = 0; /* another terminal makes a card of the same number */
    replace(world, 2, NEW, LOST, 150000, 0);
    world_sync(world, 2);
    assert_int_equal(cases_of(world, "clone"), 1);
    account(world, ACCOUNT_REPLACED, -200000, 0);
    account(world, ACCOUNT_CLONED, 0, 0);
    world_check(world);
}

/* --- any order ------------------------------------------------------------------------------ */

/* Sells for some of what the card has; returns how much. */
static int64_t sell_some(struct world *world, int t, int card)
{
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
    const unsigned lost_at = world_draw(world, 12);
    for (unsigned step = 0; step < 30; step++) {
        const int t = (int)world_draw(world, WORLD_TERMINALS);
        world->now_s += 61;
        if (step == lost_at) {
            const int64_t known = world->cards[LOST].history[0].purse[PURSE_CREDIT].rials;
            part = known < 200000 ? known : 200000;
            (void)report(world, t, number(world, LOST), REPORT_LOST);
            replace(world, t, NEW, LOST, part, 0);
            reporter = t;
        }
        const unsigned what = world_draw(world, 4);
        if (what == 0) {
            if (t != reporter &&
                world->holdings[t].list.version == 0) { /* it has not heard of it */
                (void)sell_some(world, t, LOST);
            }
        } else if (what == 1 && step >= lost_at) {
            world_tap(world, t, NEW, 0);
            spent += sell_some(world, t, NEW);
        } else {
            world_sync(world, t);
        }
    }
    for (int i = 0; i < 3; i++) {
        settled_everywhere(world);
        world_tap(world, i, NEW, 0);
    }
    settled_everywhere(world);
    const int64_t has = world->cards[NEW].history[0].purse[PURSE_CREDIT].rials;
    const int64_t left = world->cards[LOST].history[0].purse[PURSE_CREDIT].rials;
    const int64_t loss = figure(world, LOST, "loss_rials");
    assert_int_equal(has + spent - left, loss);
    assert_in_range(loss, 0, part);
    assert_int_equal(figure(world, LOST, "risk_rials"), 0);
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
        assert_int_equal(setup(state), 0);
        world = *state;
    }
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
        replace(world, 4, NEW, LOST, 200000, 0);
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
    account(world, ACCOUNT_TRANSIT, 0, 0);
    has(world, NEW, 500000, 0);
    assert_int_equal(
        sql_of(world, "SELECT new_no FROM successor WHERE card_no = %llu", number(world, LOST)),
        (int64_t)number(world, NEW));
    /* It is found, and sends them itself. */
    assert_int_equal(rebuild_back(world->ledger, 5, world->now_s, &fault), ST_OK);
    world_sync(world, 4);
    account(world, ACCOUNT_TRANSIT, 0, 0);
    has(world, NEW, 500000, 0);
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
    account(world, ACCOUNT_TRANSIT, -200000, 0);
    assert_int_equal(cases_of(world, "duplicate"), 1);
    assert_int_equal(lost_name(world->db, world->actions, number(world, LOST), number(world, NEW),
                               world->now_s, &fault),
                     ST_REFUSED); /* the wrong way round */
    assert_int_equal(lost_name(world->db, world->actions, number(world, NEW), number(world, LOST),
                               world->now_s, &fault),
                     ST_OK);
    assert_int_equal(lost_name(world->db, world->actions, number(world, NEW), number(world, LOST),
                               world->now_s, &fault),
                     ST_REFUSED);
    account(world, ACCOUNT_TRANSIT, 0, 0);
    account(world, ACCOUNT_REPLACED, -200000, 0);
    assert_int_equal(listed(world, LOST), LISTING_REPLACED);
    for (int i = 0; i < 12; i++) {
        world->now_s += 61;
        world_sync(world, i % 4);
    }
    world_tap(world, 3, NEW, 0);
    has(world, NEW, 500000, 0);
    /* The terminal is found after all: its own entry takes the place of proof and person. */
    assert_int_equal(rebuild_back(world->ledger, 5, world->now_s, &fault), ST_OK);
    world_sync_all(world);
    settled_everywhere(world);
    account(world, ACCOUNT_TRANSIT, 0, 0);
    account(world, ACCOUNT_REPLACED, -500000, 0);
    has(world, NEW, 500000, 0);
    assert_int_equal(figure(world, LOST, "rounds"), 1);
    world_reference(world);
}

/* --- whose card it is ----------------------------------------------------------------------- */

static void link_medium(struct world *world, int t, int card)
{
    struct entry entry = head_of(world, t, ENTRY_LINK);
    entry.link = (struct entry_link){.card_number = number(world, card),
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
    entry.member = (struct entry_member){.account = account, .card_number = number(world, LOST)};
    model_append(&world->terminals[0], &entry);
    link_medium(world, 0, LOST);
    world_sync(world, 0);
    assert_int_equal(links_news(world->db, &have, &links), ST_OK);
    assert_int_equal(links.count, 1);
    have.no = 1;
    memcpy(have.mark, links.list[0].medium + 1, sizeof have.mark);

    /* Terminal 3 does not know the account. */
    replace(world, 2, NEW, LOST, 0, 0);
    entry = head_of(world, 2, ENTRY_MEMBER);
    entry.member =
        (struct entry_member){.account = number(world, LOST), .card_number = number(world, NEW)};
    model_append(&world->terminals[2], &entry);
    world_sync(world, 2);
    assert_int_equal(
        sql_of(world, "SELECT account FROM member_card WHERE card_no = %llu", number(world, NEW)),
        (int64_t)account);
    assert_int_equal(links_news(world->db, &have, &links), ST_OK);
    assert_int_equal(links.from, 1); /* told anew, and only that */
    assert_int_equal(links.count, 1);
    assert_int_equal(links.list[0].card_number, number(world, NEW));
    link_medium(world, 1, LOST); /* linked there long ago, and heard of now */
    world_sync(world, 1);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
}

/* --- a restored club ------------------------------------------------------------------------ */

static void a_restored_club_releases_nothing_twice(void **state)
{
    struct world *world = *state;
    (void)report(world, 2, number(world, LOST), REPORT_LOST);
    replace(world, 2, NEW, LOST, 200000, 0);
    world_sync(world, 2);
    world_backup(world);
    settled_everywhere(world);
    world_tap(world, 3, NEW, 0); /* takes the 300,000 that this club is about to forget */
    has(world, NEW, 500000, 0);
    world_restore(world);
    sell(world, 1, LOST, 1, 100000); /* heard before it releases again */
    settled_everywhere(world);
    settled_everywhere(world);
    world_tap(world, 3, NEW, 0);
    settled_everywhere(world);
    has(world, NEW, 400000, 10);
    account(world, ACCOUNT_REPLACED, -400000, -10);
    assert_int_equal(figure(world, LOST, "loss_rials"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_that_a_card_has_goes_to_another),
        TEST(both_halves_are_joined_in_either_order),
        TEST(a_half_that_fits_no_other_is_a_case),
        TEST(the_rest_follows_when_the_books_have_settled),
        TEST(what_cannot_be_asked_back_is_the_clubs_loss),
        TEST(a_settled_balance_that_was_given_whole_leaves_nothing_to_follow),
        TEST(what_is_heard_late_moves_in_one_more_round),
        TEST(a_second_replacement_is_refused_and_its_part_lost),
        TEST(a_card_that_is_found_again_is_taken_off_the_list),
        TEST(people_can_say_it_to_the_club),
        TEST(more_reports_than_an_answer_holds_come_in_several),
        TEST(a_clone_of_a_new_card_costs_nothing_twice),
        TEST(in_any_order_the_loss_is_at_most_the_part),
        TEST(halves_that_a_dead_terminal_made_are_joined_off_the_cards),
        TEST(a_person_names_the_card_that_no_card_tells_of),
        TEST(media_and_account_go_on_to_the_new_card),
        TEST(a_restored_club_releases_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
