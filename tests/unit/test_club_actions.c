/* Actions at the club: made once, applied once, returned once; the books against a naive count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/accounts.h"
#include "server/charge.h"
#include "server/hotlist.h"
#include "server/rebuild.h"
#include "server/settled.h"
#include "tests/unit/club_cards.h"

static int setup(void **state)
{
    *state = world_new();
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static int64_t cases(struct world *world)
{
    return world_sql(world, "SELECT count(*) FROM tcase");
}

static int64_t credit(struct world *world, int account)
{
    return world_account(world, BOOK_CREDIT, account);
}

/* --- orders -------------------------------------------------------------------------------- */

static void an_order_is_made_once_however_often_it_is_given(void **state)
{
    struct world *world = *state;
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 70000);
    for (int i = 0; i < 5; i++) {
        world_order_again(world, order);
    }
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 1);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 70000);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -70000);
    world_sync(world, 1);
    world_tap(world, 1, 0, 0);
    world_sync(world, 1);
    world_order_again(world, order); /* also when the card has it */
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 1);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -70000);
    assert_int_equal(world->cards[0].history[0].purse[PURSE_CREDIT].rials, 570000);
    assert_int_equal(world_state_of(world, order), 2);
    world_check(world);
}

static void refuse(struct world *world, const struct action_order *order, enum st expected)
{
    struct action_made made;
    struct fault fault = {""};
    assert_int_equal(actions_make(world->actions, order, 1, world->now_s, &made, &fault), expected);
    assert_true(strlen(fault.say) > 20);
}

static void an_order_that_makes_no_sense_changes_nothing(void **state)
{
    struct world *world = *state;
    world_issue(world, 2);
    struct order *good = world_order(world, 0, ACTION_CREDIT, 1000);
    const int64_t before = world_sql(world, "SELECT count(*) FROM action");
    struct action_order order = good->order;
    order.action.amount = 1001; /* the same reference, another amount */
    refuse(world, &order, ST_REFUSED);
    order = good->order;
    order.action.card_number = world->cards[1].number; /* another card */
    refuse(world, &order, ST_REFUSED);
    order.ref = "new";
    order.action.amount = 0;
    refuse(world, &order, ST_FOREIGN);
    order.action.amount = INT64_C(1) << 36; /* one more than a card holds */
    refuse(world, &order, ST_FOREIGN);
    order.action.amount = -1;
    refuse(world, &order, ST_FOREIGN);
    order.action.amount = 1;
    order.action.until_s = world->now_s - 1;
    refuse(world, &order, ST_REFUSED);
    order.action.until_s = 0;
    order.ref = "";
    refuse(world, &order, ST_FOREIGN);
    order.ref = "12345678901234567890123456789012345678901234567890123456789012345"; /* 65 */
    refuse(world, &order, ST_FOREIGN);
    order.ref = "new\n";
    refuse(world, &order, ST_FOREIGN);
    order.ref = "new";
    order.action.kind = ACTION_VOID;
    order.action.amount = 0;
    refuse(world, &order, ST_FOREIGN);
    order.action.kind = ACTION_TIER;
    order.action.value = 16;
    refuse(world, &order, ST_FOREIGN);
    order.action.value = 3;
    order.action.card_number = world->cards[7].number; /* never issued */
    refuse(world, &order, ST_REFUSED);
    order.action.card_number++;
    refuse(world, &order, ST_FOREIGN);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), before);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM jrn WHERE term_id = 0"), 2);
    /* Of several orders, one that is not right refuses all. */
    struct action_order several[2] = {good->order, good->order};
    struct action_made made[2];
    struct fault fault = {""};
    several[0].ref = "first";
    several[1].ref = "";
    assert_int_equal(actions_make(world->actions, several, 2, world->now_s, made, &fault),
                     ST_FOREIGN);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), before);
    world_check(world);
}

static void without_the_key_nothing_is_made_by_hand_and_what_must_be_waits(void **state)
{
    struct world *world = *state;
    struct actions *blind = NULL;
    struct action_made made;
    struct fault fault = {""};
    world_issue(world, 1);
    assert_int_equal(actions_open(world->db, NULL, &blind), ST_OK);
    struct action_order order = {.action = {.kind = ACTION_CREDIT,
                                            .origin = ORIGIN_ACCRUAL,
                                            .card_number = world->cards[0].number,
                                            .amount = 9000},
                                 .ref = "accrual 1",
                                 .giver = ""};
    assert_int_equal(actions_make(blind, &order, 1, world->now_s, &made, &fault), ST_REFUSED);
    /* The ledger's own: it is taken, and offered when somebody comes with the key. */
    assert_int_equal(db_begin_write(world->db), ST_OK);
    assert_int_equal(actions_make_within(blind, &order, world->now_s, &made, &fault), ST_OK);
    assert_int_equal(db_commit(world->db), ST_OK);
    assert_int_equal(made.number, 0);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 9000);
    assert_int_equal(credit(world, ACCOUNT_ACCRUED), -9000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM actlog"), 0);
    actions_close(blind);
    world_sync(world, 1);
    assert_true(world->holdings[1].is_there[0][1]);
    world_check(world);
}

/* --- exactly once -------------------------------------------------------------------------- */

/* One card, four taps at four of five terminals that all hold the same: every choice and order. */
static void the_same_actions_in_five_terminals_are_applied_once(void **state)
{
    struct world *world = *state;
    unsigned orders = 0;
    for (int a = 0; a < 625; a++) {
        const int taps[4] = {a / 125, a / 25 % 5, a / 5 % 5, a % 5};
        bool is_distinct = true;
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < i; j++) {
                is_distinct = is_distinct && taps[i] != taps[j];
            }
        }
        if (!is_distinct) {
            continue;
        }
        orders++;
        world_free(world);
        *state = world = world_new();
        world->seed = (unsigned)a;
        world_issue(world, 1);
        for (int n = 1; n <= 6; n++) { /* more than one transaction takes */
            (void)world_order(world, 0, n % 2 == 0 ? ACTION_CREDIT : ACTION_POINTS, n * 100);
        }
        for (int t = 0; t < WORLD_TERMINALS; t++) {
            world_sync(world, t);
        }
        for (int i = 0; i < 4; i++) {
            world_tap(world, taps[i], 0, 100000);
            if (world_draw(world, 2) == 0) {
                world_sync(world, taps[i]);
            }
        }
        for (int i = 0; i < WORLD_TERMINALS; i++) {
            world_sync(world, (i + a) % WORLD_TERMINALS);
        }
        /* 500,000 + 4 x 100,000 + 200 + 400 + 600; 100 + 300 + 500. */
        assert_int_equal(world->cards[0].history[0].purse[PURSE_CREDIT].rials, 901200);
        assert_int_equal(world->cards[0].history[0].points.n, 900);
        assert_int_equal(world_sql(world, "SELECT b1 FROM card"), 901200);
        assert_int_equal(world_sql(world, "SELECT b0 FROM card"), 900);
        assert_int_equal(world_sql(world, "SELECT count(*) FROM action WHERE state = 2"), 6);
        assert_int_equal(credit(world, ACCOUNT_GIVEN), -1200);
        assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
        assert_int_equal(cases(world), 0);
        world_check(world);
    }
    assert_int_equal(orders, 120);
}

static void terminals_forget_what_a_card_has_taken(void **state)
{
    struct world *world = *state;
    world_issue(world, 2);
    for (int n = 0; n < 5; n++) {
        (void)world_order(world, 0, ACTION_CREDIT, 1000);
    }
    (void)world_order(world, 1, ACTION_CREDIT, 1000);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
    world_tap(world, 2, 0, 0); /* four of five */
    world_sync(world, 2);
    world_sync(world, 4);
    for (int n = 1; n <= 5; n++) {
        assert_int_equal(world->holdings[4].is_there[0][n], n == 5);
        assert_true(world->holdings[3].is_there[0][n]);
    }
    assert_true(world->holdings[4].is_there[1][1]);
    /* One that begins now hears of what is left, and of nothing that is past. */
    world->holdings[3] = (struct holding){.have = {.is_there = true}};
    const size_t before = world->items;
    world_sync(world, 3);
    assert_int_equal(world->items - before, 2);
    world_check(world);
}

/* --- ends ---------------------------------------------------------------------------------- */

static void withdrawn_money_goes_back_when_nobody_can_have_applied_it(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
    world->now_s += 10;
    assert_int_equal(world_withdraw(world, order, &fault), ST_OK);
    assert_int_equal(world_withdraw(world, order, &fault), ST_OK); /* again: nothing more */
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        assert_int_equal(world_state_of(world, order), 3);
        assert_int_equal(credit(world, ACCOUNT_PENDING), 5000);
        world->now_s += 10;
        world_sync(world, t); /* its second round trip says that it has the void */
    }
    world_sync(world, 0);
    assert_int_equal(world_state_of(world, order), 4);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), 0);
    /* The void takes the number, so that the next one can follow. */
    struct order *next = world_order(world, 0, ACTION_CREDIT, 300);
    world_sync(world, 3);
    world_tap(world, 3, 0, 0);
    world_sync(world, 3);
    assert_int_equal(world->cards[0].history[0].action, 2);
    assert_int_equal(world->cards[0].history[0].purse[PURSE_CREDIT].rials, 500300);
    assert_int_equal(world_state_of(world, next), 2);
    assert_int_equal(cases(world), 0);
    world_check(world);
}

static void a_void_that_a_card_took_gives_the_money_back_at_once(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_POINTS, 77);
    world_sync(world, 1);
    world_sync(world, 2);
    assert_int_equal(world_withdraw(world, order, &fault), ST_OK);
    world_sync(world, 1);
    world_tap(world, 1, 0, 0);
    assert_int_equal(world->cards[0].history[0].points.n, 0);
    world_sync(world, 1);
    assert_int_equal(world_state_of(world, order), 4);
    assert_int_equal(world_account(world, BOOK_POINTS, ACCOUNT_GIVEN), 0);
    world_tap(world, 2, 0, 0); /* holds the old form of a number that is over */
    assert_int_equal(world->cards[0].history[0].points.n, 0);
    world_check(world);
}

/* An offline terminal had applied it before the void was made; its journal comes last. */
static void applied_offline_before_the_void_came_is_applied(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
    world_tap(world, 4, 0, 0);
    world->now_s += 10;
    assert_int_equal(world_withdraw(world, order, &fault), ST_OK);
    for (int t = 0; t < 4; t++) {
        world->now_s += 100;
        world_sync(world, t);
    }
    assert_int_equal(world_state_of(world, order), 3);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 5000);
    world_sync(world, 4);
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    assert_int_equal(cases(world), 0);
    assert_int_equal(world_withdraw(world, order, &fault), ST_REFUSED);
    world_check(world);
}

/* A cut tap: the intent is at the club, but not what became of it. */
static void an_intent_in_doubt_keeps_the_money_waiting(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    for (int is_written = 0; is_written < 2; is_written++) {
        world_free(world);
        *state = world = world_new();
        world_issue(world, 1);
        struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
        world_sync(world, 2);
        assert_true(world_tap_cut(world, 2, 0, is_written != 0));
        world_sync(world, 2);
        world->now_s += 10;
        assert_int_equal(world_withdraw(world, order, &fault), ST_OK);
        for (int t = 0; t < 2 * WORLD_TERMINALS; t++) {
            world->now_s += 100;
            world_sync(world, t % WORLD_TERMINALS);
        }
        assert_int_equal(world_state_of(world, order), 3);
        assert_int_equal(credit(world, ACCOUNT_PENDING), 5000);
        world_settle(world, 0);
        world_sync(world, 2);
        world_sync(world, 2);
        assert_int_equal(world_state_of(world, order), is_written ? 2 : 4);
        assert_int_equal(credit(world, ACCOUNT_GIVEN), is_written ? -5000 : 0);
        assert_int_equal(cases(world), 0);
        world_check(world);
    }
}

static void what_has_expired_is_ended_and_given_back(void **state)
{
    struct world *world = *state;
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    struct order *dated = &world->orders[world->order_count++];
    *dated = *order;
    strcpy(dated->ref, "dated");
    dated->order.ref = dated->ref;
    dated->order.action.until_s = world->now_s + 600;
    dated->id = 0;
    world_order_again(world, dated);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
    world->now_s += 700;
    world_tap(world, 1, 0, 0); /* the first only: the second is over */
    assert_int_equal(world->cards[0].history[0].action, 1);
    for (int t = 0; t < 2 * WORLD_TERMINALS; t++) {
        world->now_s += 100;
        world_sync(world, t % WORLD_TERMINALS);
    }
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(world_state_of(world, dated), 4);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    world_check(world);
}

/* The terminal that had applied it was not heard of: declared dead, and its card came late. */
static void what_was_given_back_too_early_is_asked_of_the_giver_again(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    uint32_t posted = 0;
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
    world_tap(world, 4, 0, 0);
    world->now_s += 10;
    assert_int_equal(world_withdraw(world, order, &fault), ST_OK);
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
    for (int t = 0; t < 8; t++) {
        world->now_s += 100;
        world_sync(world, t % 4);
    }
    assert_int_equal(world_state_of(world, order), 4);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), 0);
    /* The card comes to terminal 1, which reads what terminal 5 did. */
    model_sighting(&world->terminals[0], &world->cards[0]);
    world_sync(world, 0);
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
    assert_int_equal(world_sql(world, "SELECT b1 FROM card"), 505000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase WHERE why = 'action'"), 1);
    world_check(world);
    /* It is found again, and says the same. */
    assert_int_equal(rebuild_back(world->ledger, 5, world->now_s, &fault), ST_OK);
    world_sync(world, 4);
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM proof"), 0);
    world_check(world);
}

/* --- dead terminals ------------------------------------------------------------------------ */

/* Two forms of a number were in the field; the balances tell which one a dead terminal applied. */
static void a_dead_terminals_actions_come_back_from_the_cards(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    uint32_t posted = 0;
    world_issue(world, 2);
    struct order *a = world_order(world, 0, ACTION_CREDIT, 5000);
    struct order *b = world_order(world, 0, ACTION_TAKE_CREDIT, 200);
    struct order *c = world_order(world, 0, ACTION_STAMPS, 7);
    struct order *d = world_order(world, 1, ACTION_CREDIT, 900);
    struct order *e = world_order(world, 1, ACTION_POINTS, 40);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
    assert_int_equal(world_withdraw(world, d, &fault), ST_OK);
    world_tap(world, 4, 0, 0); /* a, b and c */
    world_tap(world, 4, 1, 0); /* d in its old form, and e */
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
    model_sighting(&world->terminals[2], &world->cards[0]);
    model_sighting(&world->terminals[2], &world->cards[1]);
    world_sync(world, 2);
    assert_int_equal(world_state_of(world, a), 2);
    assert_int_equal(world_state_of(world, b), 2);
    assert_int_equal(world_state_of(world, c), 2);
    assert_int_equal(world_state_of(world, d), 2);
    assert_int_equal(world_state_of(world, e), 2);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000 + 200 - 900);
    assert_int_equal(world_account(world, BOOK_POINTS, ACCOUNT_GIVEN), -40);
    assert_int_equal(credit(world, ACCOUNT_RECOVERED), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action WHERE term_id = 5"), 5);
    assert_int_equal(cases(world), 0);
    world_check(world);
    assert_int_equal(rebuild_back(world->ledger, 5, world->now_s, &fault), ST_OK);
    world_sync(world, 4);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000 + 200 - 900);
    assert_int_equal(cases(world), 0);
    world_check(world);
}

/* Two terminals were served by a clone: the second ACTION of a counter is nobody's money. */
static void a_clone_gets_nothing_from_the_giver_twice(void **state)
{
    struct world *world = *state;
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    world_sync(world, 1);
    world_sync(world, 2);
    const struct model_card copy = world->cards[0];
    world_tap(world, 1, 0, 0);
    const struct model_card real = world->cards[0];
    world->cards[0] = copy;
    world_tap(world, 2, 0, 0);
    world->cards[0] = real;
    assert_int_equal(order->times, 2);
    world_sync(world, 1);
    world_sync(world, 2);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
    assert_int_equal(credit(world, ACCOUNT_CLONED), 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase WHERE why = 'clone'"), 1);
    world_check(world);
}

/* --- a club that was restored -------------------------------------------------------------- */

static void a_restored_club_knows_an_order_again_by_its_reference(void **state)
{
    struct world *world = *state;
    world_issue(world, 2);
    world_backup(world);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    struct order *open = world_order(world, 1, ACTION_CREDIT, 60);
    world_sync(world, 1);
    world_tap(world, 1, 0, 0);
    world_restore(world);
    world_sync(world, 1); /* its stream is unknown here: it begins anew */
    assert_int_equal(world_sql(world, "SELECT state FROM action"), 5);
    assert_int_equal(credit(world, ACCOUNT_UNEXPLAINED), -5000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase WHERE why = 'action'"), 1);
    assert_false(world->holdings[1].is_there[1][1]); /* the club forgot it: it is not held */
    world_order_again(world, order);                 /* the giver asks for it again */
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(credit(world, ACCOUNT_UNEXPLAINED), 0);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    world_order_again(world, open);
    world_sync(world, 1);
    assert_false(world->holdings[1].is_there[1][1]); /* not before all terminals were heard */
    world_sync_all(world);
    world_sync(world, 1);
    world_tap(world, 1, 1, 0);
    world_sync(world, 1);
    assert_int_equal(world->cards[1].history[0].purse[PURSE_CREDIT].rials, 500060);
    assert_int_equal(order->times + open->times, 2);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5060);
    world_check(world);
}

/* The number was given again to another order; the card had taken the first. */
static void an_order_that_lost_its_number_gets_a_new_one(void **state)
{
    struct world *world = *state;
    world_issue(world, 1);
    world_backup(world);
    struct order *first = world_order(world, 0, ACTION_CREDIT, 5000);
    world_sync(world, 1);
    world_tap(world, 1, 0, 0);
    world_restore(world);
    struct order *second = world_order(world, 0, ACTION_CREDIT, 300); /* number 1 once more */
    for (int t = 2; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
        assert_true(world->holdings[t].is_there[0][1]);
    }
    world_tap(world, 3, 0, 0);
    assert_int_equal(second->times, 0); /* the card is past that number */
    world_sync(world, 1);
    world_sync_all(world);
    world_sync(world, 3);
    assert_true(world->holdings[3].is_there[0][2]);
    world_tap(world, 3, 0, 0);
    world_sync(world, 3);
    assert_int_equal(first->times, 1);
    assert_int_equal(second->times, 1);
    assert_int_equal(world_state_of(world, second), 2);
    assert_int_equal(world->cards[0].history[0].purse[PURSE_CREDIT].rials, 505300);
    world_order_again(world, first);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5300);
    assert_int_equal(credit(world, ACCOUNT_UNEXPLAINED), 0);
    world_check(world);
}

/* The same order came back under another number before its intent did: it must not be applied by
 * both. */
static void an_order_under_two_numbers_is_applied_by_one(void **state)
{
    struct world *world = *state;
    world_issue(world, 1);
    world_backup(world);
    struct order *first = world_order(world, 0, ACTION_CREDIT, 5000);
    world_sync(world, 1);
    world_tap(world, 1, 0, 0);
    world_restore(world);
    struct order *second = world_order(world, 0, ACTION_CREDIT, 300); /* number 1 */
    world_order_again(world, first);                                  /* number 2 */
    world_sync(world, 1); /* brings the intent of `first`, as number 1 */
    world_sync_all(world);
    world_sync_all(world);
    for (int i = 0; i < 3; i++) {
        world_tap(world, 2, 0, 0);
        world_sync(world, 2);
    }
    assert_int_equal(first->times, 1);
    assert_int_equal(second->times, 1);
    assert_int_equal(world->cards[0].history[0].purse[PURSE_CREDIT].rials, 505300);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5300);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
    world_check(world);
}

/* --- the stream ---------------------------------------------------------------------------- */

static void the_stream_comes_in_pieces_and_begins_anew_when_it_must(void **state)
{
    struct world *world = *state;
    struct action_order order = {
        .action = {.kind = ACTION_POINTS, .origin = ORIGIN_PRIZE, .amount = 1},
        .giver = "",
        .is_unseen_fine = true};
    static struct wire_action list[WIRE_ACTIONS_MAX];
    struct wire_actions news;
    struct action_made made;
    struct fault fault = {""};
    assert_int_equal(db_begin_write(world->db), ST_OK);
    for (uint64_t n = 0; n < 2500; n++) {
        char ref[32];
        (void)snprintf(ref, sizeof ref, "prize %llu", (unsigned long long)n);
        order.ref = ref;
        order.action.card_number = model_number(1000 + n);
        assert_int_equal(actions_make_within(world->actions, &order, world->now_s, &made, &fault),
                         ST_OK);
    }
    assert_int_equal(db_commit(world->db), ST_OK);
    struct wire_actions_have have = {.is_there = true};
    static const uint32_t expected[] = {1000, 1000, 500};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(actions_news(world->db, &have, list, &news), ST_OK);
        assert_true(news.is_there);
        assert_int_equal(news.from, have.no);
        assert_int_equal(news.count, expected[i]);
        assert_int_equal(news.list[0].card_number, model_number(1000 + 1000 * i));
        have.no = news.to;
        have.start = news.start;
        memcpy(have.mark, news.mark, sizeof have.mark);
        /* The same question gives the same answer: a cut costs one piece. */
        bool known = false;
        assert_int_equal(actions_is_known(world->db, &have, &known), ST_OK);
        assert_true(known);
    }
    assert_int_equal(have.no, 2500);
    assert_int_equal(have.start, 2500);
    assert_int_equal(actions_news(world->db, &have, list, &news), ST_OK);
    assert_false(news.is_there);
    have.mark[3] ^= 1; /* of another history than this club's */
    assert_int_equal(actions_news(world->db, &have, list, &news), ST_OK);
    assert_true(news.is_there);
    assert_int_equal(news.from, 0);
    assert_int_equal(news.count, 1000);
}

/* --- group charges ------------------------------------------------------------------------- */

static void stop_after_two(const struct charge_result *result)
{
    if (result->seen >= 400) {
        _exit(7); /* without a word, as a kill would */
    }
}

static void a_group_is_charged_once_also_when_it_is_cut_short(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    struct charge_result result;
    struct charge_order order = {.ref = "nowruz-1405",
                                 .group = 3,
                                 .kind = ACTION_CREDIT,
                                 .amount = 20000,
                                 .text = "Nowruz",
                                 .giver = "Ofogh"};
    /* 1,000 cards, every third in group 3, one of them closed and one on the hotlist. */
    assert_int_equal(db_begin_write(world->db), ST_OK);
    for (uint64_t n = 0; n < 1000; n++) {
        struct db_stmt *stmt = NULL;
        uint8_t image[SNAPSHOT_IMAGE_BYTES];
        const struct snapshot card = {
            .layout = SNAPSHOT_LAYOUT_FIRST,
            .status = n == 300 ? CARD_CLOSED : CARD_ACTIVE,
            .counter = 1,
            .group = n % 3 == 0 ? 3 : 0,
            .last = {.kind = TRANSACTION_ACTIVATE, .terminal = 1, .sequence = 1}};
        snapshot_encode(&card, image);
        assert_int_equal(db_prepare(world->db,
                                    "INSERT INTO card (card_no, hi, top, cnt, known, b0, b1, b2,"
                                    " b3, image) VALUES ($1, 1, 1, 1, 1, 0, 0, 0, 0, $2)",
                                    "ib", &stmt),
                         ST_OK);
        assert_int_equal(db_run(stmt, (int64_t)model_number(5000 + n), image, sizeof image), ST_OK);
        db_finish(stmt);
    }
    assert_int_equal(db_commit(world->db), ST_OK);
    bool changed = false;
    assert_int_equal(hotlist_set(world->db, model_number(5000 + 600), LISTING_LOST, world->now_s,
                                 &changed, &fault),
                     ST_OK);
    pid_t child = fork();
    if (child == 0) {
        /* A database connection does not survive a fork: the child opens its own. */
        struct db *db = NULL;
        struct actions *actions = NULL;
        if (db_open(world->path, false, &db, &fault) != ST_OK ||
            actions_open(db, world->signer, &actions) != ST_OK) {
            _exit(1);
        }
        (void)!charge_run(actions, &order, world->now_s, stop_after_two, &result, &fault);
        _exit(2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    const int64_t half = world_sql(world, "SELECT count(*) FROM action");
    assert_int_equal(half, 133); /* cards 0, 3 ... 399 less one that is closed */
    struct charge_order other = order;
    other.amount = 20001;
    assert_int_equal(charge_run(world->actions, &other, world->now_s, NULL, &result, &fault),
                     ST_REFUSED);
    assert_int_equal(charge_run(world->actions, &order, world->now_s, NULL, &result, &fault),
                     ST_OK);
    assert_int_equal(result.made, 332 - 133);
    assert_int_equal(result.seen, 600);
    assert_false(result.was_done);
    assert_int_equal(charge_run(world->actions, &order, world->now_s, NULL, &result, &fault),
                     ST_OK);
    assert_true(result.was_done);
    assert_int_equal(result.made, 0);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 332); /* 334 less two */
    assert_int_equal(world_sql(world, "SELECT count(DISTINCT card_no) FROM action"), 332);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 332 * 20000);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -332 * 20000);
    order.kind = ACTION_BLOCK;
    order.ref = "no";
    assert_int_equal(charge_run(world->actions, &order, world->now_s, NULL, &result, &fault),
                     ST_FOREIGN);
}

/* --- random lives -------------------------------------------------------------------------- */

static void random_order(struct world *world)
{
    static const enum action_kind kinds[] = {
        ACTION_CREDIT,      ACTION_CREDIT,      ACTION_POINTS, ACTION_GIFT,  ACTION_VOUCHER,
        ACTION_TAKE_CREDIT, ACTION_TAKE_POINTS, ACTION_TIER,   ACTION_GROUP, ACTION_BLOCK,
        ACTION_UNBLOCK,     ACTION_STAMPS,      ACTION_OFFER};
    const enum action_kind kind = kinds[world_draw(world, sizeof kinds / sizeof kinds[0])];
    const int card = (int)world_draw(world, WORLD_CARDS);
    int64_t number = 1 + world_draw(world, 200000);
    if (kind == ACTION_TIER || kind == ACTION_STAMPS || kind == ACTION_GROUP ||
        kind == ACTION_OFFER) {
        number = 1 + world_draw(world, 15);
    } else if (kind == ACTION_BLOCK || kind == ACTION_UNBLOCK) {
        number = 0;
    }
    if (world->order_count < WORLD_ORDERS &&
        world->cards[card].history[0].action + 20 < WORLD_NUMBERS) {
        (void)world_order(world, card, kind, number);
    }
}

static void random_step(struct world *world)
{
    struct fault fault = {""};
    const int t = (int)world_draw(world, WORLD_TERMINALS), c = (int)world_draw(world, WORLD_CARDS);
    world->now_s += world_draw(world, 90);
    switch (world_draw(world, 12)) {
    case 0:
    case 1:
        random_order(world);
        break;
    case 2:
        if (world->order_count > 0) { /* again, or taken back: whatever became of it */
            struct order *order = &world->orders[world_draw(world, (unsigned)world->order_count)];
            if (world_draw(world, 3) == 0) {
                (void)!world_withdraw(world, order, &fault);
            } else {
                world_order_again(world, order);
            }
        }
        break;
    case 3:
    case 4:
    case 5:
        world_sync(world, t);
        break;
    case 6:
        world_send(world, t);
        break;
    case 7:
        (void)world_tap_cut(world, t, c, world_draw(world, 2) == 0);
        break;
    case 8:
        if (world->doubt_count > 0) {
            world_settle(world, world_draw(world, (unsigned)world->doubt_count));
        }
        break;
    default:
        world_tap(world, t, c, world_draw(world, 2) * 100000);
    }
}

/* All journals are at the club, and nothing is in doubt. */
static void settle_all(struct world *world)
{
    while (world->doubt_count > 0) {
        world_settle(world, 0);
    }
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
}

/* All that is open is taken back, and everybody heard of it. */
static void bring_to_an_end(struct world *world)
{
    struct fault fault = {""};
    settle_all(world);
    for (size_t o = 0; o < world->order_count; o++) {
        (void)!world_withdraw(world, &world->orders[o], &fault);
    }
    for (int i = 0; i < 3 * WORLD_TERMINALS; i++) {
        world->now_s += 61;
        world_sync(world, i % WORLD_TERMINALS);
    }
}

/* The whole of it against the naive count: each order's money is on the card or with the giver. */
static void compare(struct world *world, bool was_restored)
{
    int64_t taken[CARD_BOOKS] = {0};
    for (size_t o = 0; o < world->order_count; o++) {
        const struct order *order = &world->orders[o];
        const enum action_kind kind = order->order.action.kind;
        const int book = kind == ACTION_POINTS || kind == ACTION_TAKE_POINTS ? BOOK_POINTS
                         : kind == ACTION_GIFT                               ? BOOK_GIFT
                         : kind == ACTION_VOUCHER                            ? BOOK_VOUCHER
                                                                             : BOOK_CREDIT;
        assert_true(was_restored || order->times <= 1);
        taken[book] += order->taken;
        assert_int_equal(world_state_of(world, order), order->times > 0 ? 2 : 4);
    }
    for (int book = 0; book < CARD_BOOKS; book++) {
        assert_int_equal(world_account(world, book, ACCOUNT_GIVEN) +
                             world_account(world, book, ACCOUNT_UNEXPLAINED),
                         -taken[book]);
        assert_int_equal(world_account(world, book, ACCOUNT_PENDING), 0);
    }
    for (int c = 0; c < WORLD_CARDS; c++) {
        char sql[160];
        const struct snapshot *card = &world->cards[c].history[0];
        (void)snprintf(
            sql, sizeof sql,
            "SELECT b0 + 3 * b1 + 7 * b2 + 11 * b3 + 13 * hi FROM card WHERE card_no = %llu",
            (unsigned long long)world->cards[c].number);
        assert_int_equal(world_sql(world, sql),
                         card->points.n + 3 * card->purse[PURSE_CREDIT].rials +
                             7 * card->purse[PURSE_GIFT].rials +
                             11 * card->purse[PURSE_VOUCHER].rials + 13 * card->counter);
    }
    world_check(world);
}

/* ACTIONS_LIVES=500: as many, for a longer proof. */
static unsigned lives(unsigned most)
{
    const char *profile = getenv("PROFILE"), *wanted = getenv("ACTIONS_LIVES");
    const unsigned some = most / 5;
    if (wanted != NULL) {
        return (unsigned)strtoul(wanted, NULL, 10);
    }
    return profile != NULL && strcmp(profile, "sanitize") == 0 ? some : most;
}

static void random_lives_agree_with_a_naive_count(void **state)
{
    struct world *world = *state;
    size_t orders = 0, taken = 0, withdrawn = 0;
    for (unsigned seed = 1; seed <= lives(15); seed++) {
        world_free(world);
        *state = world = world_new();
        world->seed = seed;
        world_issue(world, WORLD_CARDS);
        for (int i = 0; i < 400; i++) {
            random_step(world);
            if (i % 100 == 0) {
                world_check(world);
            }
        }
        if (seed % 4 == 1) {
            settle_all(world);
            world_reference(world);
        }
        bring_to_an_end(world);
        compare(world, false);
        if (seed % 4 == 1) {
            world_reference(world);
        }
        assert_int_equal(cases(world), 0);
        assert_int_equal(world_sql(world, "SELECT count(*) FROM actdoubt"), 0);
        for (size_t o = 0; o < world->order_count; o++) {
            orders++;
            taken += world->orders[o].times;
            withdrawn += world->orders[o].is_withdrawn;
        }
    }
    print_message("# %zu orders, %zu taken by cards, %zu taken back\n", orders, taken, withdrawn);
    assert_true(taken > orders / 4 && withdrawn > orders / 10);
}

static void random_lives_with_a_restored_club_keep_the_books(void **state)
{
    struct world *world = *state;
    size_t twice = 0;
    for (unsigned seed = 1; seed <= lives(15); seed++) {
        world_free(world);
        *state = world = world_new();
        world->seed = 1000 + seed;
        world_issue(world, WORLD_CARDS);
        for (int i = 0; i < 400; i++) {
            if (i == 100) {
                world_backup(world);
            }
            if (i == 250) {
                world_restore(world);
                world->now_s += 100;
                if (seed % 3 != 0) { /* `vafa-club restored` was said; else the terminals tell */
                    assert_int_equal(settled_forgot(world->db, world->now_s), ST_OK);
                }
            }
            random_step(world);
        }
        /* Givers and operators ask for everything once more. */
        for (size_t o = 0; o < world->order_count; o++) {
            world_order_again(world, &world->orders[o]);
        }
        settle_all(world);
        world_sync_all(world);
        bring_to_an_end(world);
        compare(world, seed % 3 == 0);
        for (size_t o = 0; o < world->order_count; o++) {
            twice += world->orders[o].times > 1;
        }
    }
    print_message("# %zu orders applied twice, where nobody had said that the club was restored\n",
                  twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(an_order_is_made_once_however_often_it_is_given),
        TEST(an_order_that_makes_no_sense_changes_nothing),
        TEST(without_the_key_nothing_is_made_by_hand_and_what_must_be_waits),
        TEST(the_same_actions_in_five_terminals_are_applied_once),
        TEST(terminals_forget_what_a_card_has_taken),
        TEST(withdrawn_money_goes_back_when_nobody_can_have_applied_it),
        TEST(a_void_that_a_card_took_gives_the_money_back_at_once),
        TEST(applied_offline_before_the_void_came_is_applied),
        TEST(an_intent_in_doubt_keeps_the_money_waiting),
        TEST(what_has_expired_is_ended_and_given_back),
        TEST(what_was_given_back_too_early_is_asked_of_the_giver_again),
        TEST(a_dead_terminals_actions_come_back_from_the_cards),
        TEST(a_clone_gets_nothing_from_the_giver_twice),
        TEST(a_restored_club_knows_an_order_again_by_its_reference),
        TEST(an_order_that_lost_its_number_gets_a_new_one),
        TEST(an_order_under_two_numbers_is_applied_by_one),
        TEST(the_stream_comes_in_pieces_and_begins_anew_when_it_must),
        TEST(a_group_is_charged_once_also_when_it_is_cut_short),
        TEST(random_lives_agree_with_a_naive_count),
        TEST(random_lives_with_a_restored_club_keep_the_books),
#undef TEST
    };
    return cmocka_run_group_tests_name("club_actions", tests, NULL, NULL);
}
