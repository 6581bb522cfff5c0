/* test_club_transfers.c - transfers between two cards in the club's books: halves that come in any
 * order, what is handed over, what cards show of a dead terminal. Figures worked out by hand: each
 * card is issued with 500,000 rials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/accounts.h"
#include "server/rebuild.h"
#include "server/transfers.h"
#include "tests/unit/club_cards.h"

static int setup(void **state)
{
    struct world *world = world_new();
    world_issue(world, 6);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* --- what terminals do ----------------------------------------------------------------------- */

static struct entry entry_of(const struct world *world, int t, enum entry_kind kind)
{
    return (struct entry){.kind = kind,
                          .sequence = world->terminals[t].count + 1,
                          .time_s = world->now_s,
                          .clock_quality = 2,
                          .terminal = (uint32_t)t + 1};
}

/* A half at terminal `t`, from 0, that the card carries; its intent, without an outcome. */
static struct entry half(struct world *world, int t, int card, int64_t amount, struct peer peer)
{
    const struct occasion occasion = {.peer = peer};
    struct plan plan;
    const struct plan_input input = {
        .programme = world->programme,
        .history = world->cards[card].history,
        .history_count = world->cards[card].count,
        .wish = {.kind = TRANSACTION_TRANSFER, .amount = {amount}, .peer = peer},
        .occasion = &occasion,
        .minute = snapshot_minute(world->now_s),
        .terminal = (uint32_t)t + 1,
        .sequence = world->terminals[t].count + 1};
    assert_int_equal(plan_make(&input, &plan), ST_OK);
    struct entry entry = entry_of(world, t, ENTRY_INTENT);
    entry.intent = (struct entry_intent){.card_number = world->cards[card].number,
                                         .family = 1,
                                         .uid_bytes = 4,
                                         .uid = {(uint8_t)world->cards[card].number},
                                         .programme = world->programme->version,
                                         .has_before = 1,
                                         .before = world->cards[card].history[0],
                                         .after = plan.next,
                                         .parts = plan.parts,
                                         .occasion = occasion};
    model_append(&world->terminals[t], &entry);
    model_write(&world->cards[card], &entry);
    return entry;
}

/* The number of a transfer out, done; `to` -1: nobody is named. */
static uint32_t let_out(struct world *world, int t, int card, int64_t amount, int to)
{
    struct peer peer = {.direction = PEER_OUT};
    peer.card_number = to < 0 ? 0 : world->cards[to].number;
    const struct entry out = half(world, t, card, amount, peer);
    model_outcome(&world->terminals[t], &out, VERDICT_DONE);
    return out.sequence;
}

static uint32_t take_in(struct world *world, int t, int card, int64_t amount, int from,
                        uint32_t out)
{
    const struct peer peer = {.direction = PEER_IN,
                              .card_number = world->cards[from].number,
                              .terminal = (uint32_t)t + 1,
                              .sequence = out};
    const struct entry in = half(world, t, card, amount, peer);
    model_outcome(&world->terminals[t], &in, VERDICT_DONE);
    return in.sequence;
}

static void hand_over(struct world *world, int t, uint32_t out, int to)
{
    struct entry entry = entry_of(world, t, ENTRY_RELEASE);
    entry.release.out_sequence = out;
    entry.release.card_number = to < 0 ? 0 : world->cards[to].number;
    model_append(&world->terminals[t], &entry);
}

/* Terminal `t` sees what the card carries `back` transactions behind its newest. */
static void see(struct world *world, int t, int card, size_t back)
{
    struct entry entry = entry_of(world, t, ENTRY_SIGHTING);
    entry.sighting = (struct entry_sighting){.card_number = world->cards[card].number,
                                             .family = 1,
                                             .uid_bytes = 4,
                                             .uid = {(uint8_t)world->cards[card].number},
                                             .shown = back > 0 ? SHOWN_OLDER : SHOWN_NEWEST,
                                             .snapshot = world->cards[card].history[back]};
    model_append(&world->terminals[t], &entry);
}

/* --- what the club says ---------------------------------------------------------------------- */

static int64_t transit(struct world *world)
{
    return world_account(world, BOOK_CREDIT, ACCOUNT_TRANSIT);
}

static int64_t credit(struct world *world, int card)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT b1 FROM card WHERE card_no = %llu",
                   (unsigned long long)world->cards[card].number);
    return world_sql(world, sql);
}

static int64_t cases(struct world *world, const char *why, bool is_closed)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM tcase WHERE why = '%s' AND (closed_at <> 0) = %d", why,
                   is_closed);
    return world_sql(world, sql);
}

/* What waits for a card out of transfers. */
static int64_t ordered(struct world *world, int card)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(sum(amount), 0) FROM action WHERE origin = 4 AND state = 1"
                   " AND card_no = %llu",
                   (unsigned long long)world->cards[card].number);
    return world_sql(world, sql);
}

static int64_t open_rows(struct world *world)
{
    return world_sql(world, "SELECT (SELECT count(*) FROM transfer WHERE is_open = 1)"
                            " + (SELECT count(*) FROM transfer_in WHERE is_open = 1)");
}

static enum st release(struct world *world, int t, uint32_t out, int to, bool is_anyway)
{
    const struct transfer_release asked = {.terminal = (uint32_t)t + 1,
                                           .sequence = out,
                                           .to = to < 0 ? 0 : world->cards[to].number,
                                           .is_anyway = is_anyway};
    struct fault fault = {""};
    const enum st st = transfers_release(world->actions, &asked, world->now_s, &fault);
    assert_true((st == ST_OK) == (fault.say[0] == '\0'));
    return st;
}

static void die(struct world *world, int t)
{
    struct fault fault = {""};
    uint32_t posted = 0;
    world->now_s += 60;
    assert_int_equal(rebuild_dead(world->ledger, (uint32_t)t + 1, world->now_s, &posted, &fault),
                     ST_OK);
    world->now_s += 60;
}

/* All but terminal `t` are heard. */
static void hear_others(struct world *world, int t)
{
    for (int i = 0; i < 2 * WORLD_TERMINALS; i++) {
        world->now_s += 61;
        if (i % WORLD_TERMINALS != t) {
            world_sync(world, i % WORLD_TERMINALS);
        }
    }
}

/* --- joined by their journals ---------------------------------------------------------------- */

static void both_halves_come_to_nothing_in_transit(void **state)
{
    struct world *world = *state;
    const uint32_t out = let_out(world, 1, 0, 70000, -1);
    world_sync(world, 1);
    assert_int_equal(transit(world), 70000);
    assert_int_equal(open_rows(world), 1);
    (void)take_in(world, 1, 1, 70000, 0, out);
    world_sync(world, 1);
    assert_int_equal(transit(world), 0);
    assert_int_equal(open_rows(world), 0);
    assert_int_equal(credit(world, 0), 430000);
    assert_int_equal(credit(world, 1), 570000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
    world_check(world);
    world_reference(world);
}

/* The second half is posted by its outcome, the first one only when another terminal saw it. */
static void the_second_half_may_be_posted_first(void **state)
{
    struct world *world = *state;
    const struct entry out = half(world, 1, 0, 70000, (struct peer){.direction = PEER_OUT});
    (void)take_in(world, 1, 1, 70000, 0, out.sequence);
    world_sync(world, 1);
    assert_int_equal(transit(world), -70000);
    assert_int_equal(open_rows(world), 1);
    world_check(world);
    see(world, 2, 0, 0);
    world_sync(world, 2);
    assert_int_equal(transit(world), 0);
    assert_int_equal(open_rows(world), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
    world_check(world);
}

static void a_half_that_fits_no_other_one_is_a_case(void **state)
{
    struct world *world = *state;
    const uint32_t out = let_out(world, 1, 0, 70000, -1);
    const uint32_t other = let_out(world, 1, 0, 10000, -1);
    (void)take_in(world, 1, 1, 70000, 0, out);
    (void)take_in(world, 1, 2, 70000, 0, out); /* taken twice */
    world_sync(world, 1);
    assert_int_equal(cases(world, "transfer", false), 1);
    assert_int_equal(transit(world), -60000);
    (void)take_in(world, 1, 2, 9000, 0, other); /* another amount */
    (void)take_in(world, 1, 3, 500, 2, 1);      /* entry 1 is none */
    world_sync(world, 1);
    assert_int_equal(cases(world, "transfer", false), 3);
    assert_int_equal(transit(world), -60000 - 9000 - 500);
    world_check(world); /* and the open rows account for all of it */
}

/* --- handed over ----------------------------------------------------------------------------- */

static void what_is_handed_over_comes_by_an_action_once(void **state)
{
    struct world *world = *state;
    const uint32_t on = let_out(world, 1, 0, 70000, -1), back = let_out(world, 1, 0, 5000, -1);
    hand_over(world, 1, on, 2);
    hand_over(world, 1, back, -1);
    world_sync(world, 1);
    assert_int_equal(transit(world), 0);
    assert_int_equal(open_rows(world), 0);
    assert_int_equal(ordered(world, 2), 70000);
    assert_int_equal(ordered(world, 0), 5000);
    world->sent[1] = 0; /* an answer was lost: all of it again */
    world_sync(world, 1);
    assert_int_equal(world_account(world, BOOK_CREDIT, ACCOUNT_PENDING), 75000);
    world_sync(world, 3);
    world_tap(world, 3, 2, 0);
    world_tap(world, 3, 0, 0);
    world_sync(world, 3);
    assert_int_equal(credit(world, 2), 570000);
    assert_int_equal(credit(world, 0), 430000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
    world_check(world);
    world_reference(world);
}

/* The entries come again, and find the action that the card has taken. */
static void a_restored_club_brings_nothing_twice(void **state)
{
    struct world *world = *state;
    world_backup(world);
    const uint32_t out = let_out(world, 1, 0, 70000, -1);
    hand_over(world, 1, out, 2);
    (void)let_out(world, 1, 3, 8000, 4);
    world_sync(world, 1);
    world_sync(world, 3);
    world_tap(world, 3, 2, 0);
    world_sync(world, 3);
    assert_int_equal(credit(world, 2), 570000);
    world_restore(world);
    world_sync_all(world);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_tap(world, t, 2, 0);
        world_tap(world, t, 4, 0);
        world_sync(world, t);
    }
    assert_int_equal(credit(world, 2), 570000);
    assert_int_equal(credit(world, 4), 508000);
    assert_int_equal(transit(world), 0);
    assert_int_equal(open_rows(world), 0);
    assert_int_equal(world_account(world, BOOK_CREDIT, ACCOUNT_PENDING), 0);
    world_check(world);
    world_reference(world);
}

/* The order that the card took was the second one, and nobody but the club knew of it. */
static void a_restored_club_finds_what_it_gave_after_it_had_come_back(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    char ref[32];
    world_backup(world);
    const uint32_t out = let_out(world, 1, 0, 70000, -1);
    hand_over(world, 1, out, 2);
    world_sync(world, 1);
    (void)snprintf(ref, sizeof ref, "2-%u", out);
    assert_int_equal(actions_withdraw(world->actions, ORIGIN_TRANSFER, ref, world->now_s, &fault),
                     ST_OK);
    world_sync_all(world);
    assert_int_equal(release(world, 1, out, 3, false), ST_OK);
    world_sync(world, 3);
    world_tap(world, 3, 3, 0);
    world_sync(world, 3);
    assert_int_equal(credit(world, 3), 570000);
    world_restore(world);
    world_sync_all(world);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_tap(world, t, 2, 0);
        world_sync(world, t);
    }
    assert_int_equal(credit(world, 2), 500000);
    assert_int_equal(transit(world), 0);
    assert_int_equal(open_rows(world), 0);
    assert_int_equal(world_account(world, BOOK_CREDIT, ACCOUNT_PENDING), 0);
    assert_int_equal(world_account(world, BOOK_CREDIT, ACCOUNT_UNEXPLAINED), 0);
    assert_int_equal(cases(world, "transfer", false), 0);
    world_check(world);
    world_reference(world);
}

static void it_may_be_handed_over_before_it_is_posted(void **state)
{
    struct world *world = *state;
    const struct entry out = half(world, 1, 0, 70000, (struct peer){.direction = PEER_OUT});
    hand_over(world, 1, out.sequence, 2);
    world_sync(world, 1);
    assert_int_equal(ordered(world, 2), 0);
    assert_int_equal(transit(world), 0);
    see(world, 2, 0, 0);
    world_sync(world, 2);
    assert_int_equal(ordered(world, 2), 70000);
    assert_int_equal(transit(world), 0);
    assert_int_equal(open_rows(world), 0);
    world_check(world);
}

/* No honest terminal does that; a copy of its file would. */
static void a_second_half_that_comes_all_the_same_is_a_case(void **state)
{
    struct world *world = *state;
    const uint32_t out = let_out(world, 1, 0, 70000, -1), two = let_out(world, 1, 0, 3000, -1);
    hand_over(world, 1, out, 2);
    world_sync(world, 1);
    (void)take_in(world, 1, 1, 70000, 0, out);
    world_sync(world, 1);
    assert_int_equal(cases(world, "transfer", false), 1);
    assert_int_equal(transit(world), 3000 - 70000);
    assert_int_equal(ordered(world, 2), 70000);
    (void)take_in(world, 1, 1, 3000, 0, two);
    hand_over(world, 1, two, 2); /* of what a card has: nothing is given */
    hand_over(world, 1, out, 3); /* to another card than before: likewise */
    hand_over(world, 1, 1, 3);   /* what is none */
    world_sync(world, 1);
    assert_int_equal(cases(world, "transfer", false), 4);
    assert_int_equal(ordered(world, 2), 70000);
    assert_int_equal(ordered(world, 3), 0);
    assert_int_equal(transit(world), -70000);
    world_check(world);
}

static void a_named_card_gets_it_and_what_comes_back_can_go_elsewhere(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    char ref[32];
    const uint32_t out = let_out(world, 1, 0, 70000, 2);
    world_sync(world, 1);
    assert_int_equal(ordered(world, 2), 70000);
    assert_int_equal(release(world, 1, out, 3, true), ST_REFUSED);
    assert_int_equal(release(world, 1, out, 2, true), ST_OK); /* it is on its way there */
    (void)snprintf(ref, sizeof ref, "2-%u", out);
    assert_int_equal(actions_withdraw(world->actions, ORIGIN_TRANSFER, ref, world->now_s, &fault),
                     ST_OK);
    world_sync_all(world);
    assert_int_equal(ordered(world, 2), 0);
    assert_int_equal(transit(world), 70000);
    assert_int_equal(open_rows(world), 1);
    world_check(world);
    assert_int_equal(release(world, 1, out, 3, false), ST_OK);
    assert_int_equal(ordered(world, 3), 70000);
    assert_int_equal(transit(world), 0);
    world_check(world);
}

/* The named card's place was taken by another: the order went on there, and comes back from there.
 */
static void what_went_on_to_a_new_card_comes_back_as_well(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    char text[128];
    (void)snprintf(
        text, sizeof text, "INSERT INTO successor (card_no, new_no, is_due) VALUES (%llu, %llu, 0)",
        (unsigned long long)world->cards[2].number, (unsigned long long)world->cards[3].number);
    assert_int_equal(db_exec(world->db, text), ST_OK);
    const uint32_t out = let_out(world, 1, 0, 70000, 2);
    world_sync(world, 1);
    assert_int_equal(ordered(world, 3), 70000);
    (void)snprintf(text, sizeof text, "2-%u", out);
    assert_int_equal(actions_withdraw(world->actions, ORIGIN_TRANSFER, text, world->now_s, &fault),
                     ST_OK);
    world_sync_all(world);
    assert_int_equal(ordered(world, 3), 0);
    assert_int_equal(transit(world), 70000);
    assert_int_equal(open_rows(world), 1);
    world_check(world);
    assert_int_equal(release(world, 1, out, 4, false), ST_OK);
    assert_int_equal(ordered(world, 4), 70000);
    world_check(world);
}

/* The copy's credit is the club's loss; what another card got of it stays there. */
static void what_a_clone_lets_out_is_a_transfer_like_any_other(void **state)
{
    struct world *world = *state;
    const struct model_card copy = world->cards[0];
    (void)let_out(world, 1, 0, 70000, -1);
    world_sync(world, 1);
    world->cards[0] = copy;
    const uint32_t cloned = let_out(world, 2, 0, 50000, -1);
    (void)let_out(world, 2, 0, 4000, 3); /* named: the club brings it */
    world_sync(world, 2);
    assert_int_equal(cases(world, "clone", false) > 0, 1);
    assert_int_equal(transit(world), 120000);
    assert_int_equal(open_rows(world), 2);
    assert_int_equal(ordered(world, 3), 4000);
    (void)take_in(world, 2, 1, 50000, 0, cloned);
    world_sync(world, 2);
    assert_int_equal(transit(world), 70000);
    assert_int_equal(open_rows(world), 1);
    assert_int_equal(credit(world, 0), 430000);
    assert_int_equal(credit(world, 1), 550000);
    assert_int_equal(world_account(world, BOOK_CREDIT, ACCOUNT_CLONED), -54000);
    assert_int_equal(cases(world, "transfer", false), 0);
    world_check(world);
}

/* --- a terminal that is gone ------------------------------------------------------------------ */

static void the_club_releases_only_what_its_terminal_cannot_give_any_more(void **state)
{
    struct world *world = *state;
    const uint32_t out = let_out(world, 1, 0, 70000, -1);
    world_sync(world, 1);
    assert_int_equal(release(world, 1, out, 2, true), ST_REFUSED); /* it lives */
    assert_int_equal(release(world, 1, out + 1, 2, true), ST_REFUSED);
    assert_int_equal(release(world, 4, out, 2, true), ST_REFUSED);
    die(world, 1);
    assert_int_equal(release(world, 1, out, 2, false), ST_REFUSED); /* nobody was heard since */
    assert_int_equal(transit(world), 70000);
    hear_others(world, 1);
    assert_int_equal(release(world, 1, out, 2, false), ST_OK);
    assert_int_equal(release(world, 1, out, 2, false), ST_OK);
    assert_int_equal(release(world, 1, out, -1, false), ST_REFUSED);
    assert_int_equal(ordered(world, 2), 70000);
    assert_int_equal(transit(world), 0);
    world_check(world);
    /* A card had it after all, and shows it now. */
    (void)take_in(world, 1, 1, 70000, 0, out);
    see(world, 2, 1, 0);
    world_sync(world, 2);
    assert_int_equal(cases(world, "transfer", false), 1);
    assert_int_equal(transit(world), -70000);
    assert_int_equal(credit(world, 1), 570000);
    world_check(world);
}

static void halves_that_cards_show_are_joined_when_nothing_else_fits(void **state)
{
    struct world *world = *state;
    const uint32_t out = let_out(world, 1, 0, 70000, -1);
    (void)let_out(world, 1, 3, 60000, -1); /* another amount: no candidate */
    world->now_s += 600;
    (void)take_in(world, 1, 1, 70000, 0, out);
    die(world, 1);
    see(world, 2, 1, 0); /* the second half comes first */
    world_sync(world, 2);
    assert_int_equal(transit(world), -70000);
    assert_int_equal(cases(world, "half", false), 1);
    see(world, 2, 0, 0);
    world_sync(world, 2);
    assert_int_equal(transit(world), 0);
    assert_int_equal(open_rows(world), 0);
    assert_int_equal(cases(world, "half", false), 0);
    assert_int_equal(cases(world, "half", true), 1);
    assert_int_equal(release(world, 1, out, 2, true), ST_REFUSED); /* a card has it */
    see(world, 2, 3, 0);
    world_sync(world, 2);
    assert_int_equal(transit(world), 60000);
    assert_int_equal(cases(world, "half", false), 1); /* whom it was for is not known */
    world_check(world);
}

/* However many others its terminal let out. */
static void a_half_is_found_among_many(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 300; i++) {
        (void)let_out(world, 1, 3, 1000, -1);
    }
    const uint32_t out = let_out(world, 1, 0, 70000, -1);
    world_sync(world, 1);
    (void)take_in(world, 1, 1, 70000, 0, out);
    die(world, 1);
    see(world, 2, 1, 0);
    world_sync(world, 2);
    assert_int_equal(transit(world), 300000);
    assert_int_equal(open_rows(world), 300);
    assert_int_equal(cases(world, "half", false), 0);
    world_check(world);
}

/* A half later than the one that it would have to come from is none of it. */
static void what_a_card_got_before_cannot_have_left_later(void **state)
{
    struct world *world = *state;
    const struct peer from = {
        .direction = PEER_IN, .card_number = world->cards[5].number, .terminal = 2, .sequence = 1};
    (void)half(world, 1, 1, 70000, from);
    (void)let_out(world, 1, 0, 70000, -1);
    die(world, 1);
    see(world, 2, 0, 0);
    see(world, 2, 1, 0);
    world_sync(world, 2);
    assert_int_equal(transit(world), 0);
    assert_int_equal(open_rows(world), 2);
    assert_int_equal(cases(world, "half", false), 2);
    world_check(world);
}

static void what_fits_twice_is_left_to_people_and_no_money_is_made(void **state)
{
    struct world *world = *state;
    const uint32_t one = let_out(world, 1, 0, 70000, -1), two = let_out(world, 1, 3, 70000, -1);
    (void)take_in(world, 1, 1, 70000, 3, two);
    die(world, 1);
    see(world, 2, 0, 0);
    see(world, 2, 3, 0);
    see(world, 2, 1, 0);
    world_sync(world, 2);
    hear_others(world, 1);
    assert_int_equal(transit(world), 70000);
    assert_int_equal(open_rows(world), 3);
    assert_int_equal(cases(world, "half", false), 3);
    assert_int_equal(release(world, 1, one, -1, false), ST_OK);
    assert_int_equal(transit(world), 0);
    assert_int_equal(release(world, 1, two, -1, false), ST_REFUSED); /* a card has that money */
    world_check(world);
}

/* Its journal says what the cards did not: who had which, and whom one was for. */
static void a_terminal_that_comes_back_says_it_exactly(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    const uint32_t one = let_out(world, 1, 0, 70000, -1), two = let_out(world, 1, 3, 70000, -1);
    (void)let_out(world, 1, 4, 20000, 5);
    (void)take_in(world, 1, 1, 70000, 3, two);
    (void)take_in(world, 1, 2, 70000, 0, one);
    const uint32_t last = let_out(world, 1, 2, 1000, -1);
    (void)take_in(world, 1, 1, 1000, 2, last);
    die(world, 1);
    for (int c = 0; c < 5; c++) {
        if (world->cards[c].count > 2) {
            see(world, 2, c, 1);
        }
        see(world, 2, c, 0);
    }
    world_sync(world, 2);
    assert_int_equal(transit(world), 20000);
    assert_int_equal(ordered(world, 5), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM transfer_in WHERE out_seq <> 0"), 1);
    world_check(world);
    assert_int_equal(rebuild_back(world->ledger, 2, world->now_s, &fault), ST_OK);
    world_sync(world, 1);
    assert_int_equal(transit(world), 0);
    assert_int_equal(open_rows(world), 0);
    assert_int_equal(ordered(world, 5), 20000);
    assert_int_equal(cases(world, "half", false), 0);
    assert_int_equal(cases(world, "transfer", false), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM transfer_in WHERE how = 0"), 3);
    world_check(world);
    world_reference(world);
}

#define IN_A_WORLD(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(both_halves_come_to_nothing_in_transit),
        IN_A_WORLD(the_second_half_may_be_posted_first),
        IN_A_WORLD(a_half_that_fits_no_other_one_is_a_case),
        IN_A_WORLD(what_is_handed_over_comes_by_an_action_once),
        IN_A_WORLD(a_restored_club_brings_nothing_twice),
        IN_A_WORLD(a_restored_club_finds_what_it_gave_after_it_had_come_back),
        IN_A_WORLD(it_may_be_handed_over_before_it_is_posted),
        IN_A_WORLD(a_second_half_that_comes_all_the_same_is_a_case),
        IN_A_WORLD(a_named_card_gets_it_and_what_comes_back_can_go_elsewhere),
        IN_A_WORLD(what_went_on_to_a_new_card_comes_back_as_well),
        IN_A_WORLD(what_a_clone_lets_out_is_a_transfer_like_any_other),
        IN_A_WORLD(the_club_releases_only_what_its_terminal_cannot_give_any_more),
        IN_A_WORLD(halves_that_cards_show_are_joined_when_nothing_else_fits),
        IN_A_WORLD(a_half_is_found_among_many),
        IN_A_WORLD(what_a_card_got_before_cannot_have_left_later),
        IN_A_WORLD(what_fits_twice_is_left_to_people_and_no_money_is_made),
        IN_A_WORLD(a_terminal_that_comes_back_says_it_exactly),
    };
    return cmocka_run_group_tests_name("club_transfers", tests, NULL, NULL);
}
