/* Actions that a card is past while the transaction that took them was lost: what they count as,
 * and when; and what becomes of that when the terminal is found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/accounts.h"
#include "server/rebuild.h"
#include "tests/unit/club_cards.h"

enum { DYING = 4 }; /* the terminal whose journal is lost: number 5 */

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

static int64_t credit(struct world *world, int account)
{
    return world_account(world, BOOK_CREDIT, account);
}

static int64_t cases(struct world *world)
{
    return world_sql(world, "SELECT count(*) FROM tcase WHERE why = 'untold'");
}

/* The card takes what the dying terminal holds, and then a load there: two transactions, of which
 * another terminal sees the last. So the club knows the state after both, and not what was between.
 */
static void take_unheard(struct world *world)
{
    world_tap(world, DYING, 0, 100000);
    model_sighting(&world->terminals[0], &world->cards[0]);
}

static void sync_others(struct world *world)
{
    for (int t = 0; t < 2 * DYING; t++) {
        world->now_s += 60;
        world_sync(world, t % DYING);
    }
}

static void declare_dead(struct world *world)
{
    struct fault fault = {""};
    uint32_t posted = 0;
    assert_int_equal(rebuild_dead(world->ledger, DYING + 1, world->now_s, &posted, &fault), ST_OK);
    assert_int_equal(posted, 0);
}

/* What the report says of the action: the terminal that it waits for; -1: it is not in that list.
 */
static int64_t waits_for(struct world *world)
{
    char *text = NULL;
    size_t size = 0;
    bool is_balanced = false;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(report_write(world->db, true, out, &is_balanced), ST_OK);
    assert_int_equal(fclose(out), 0);
    assert_true(is_balanced);
    json_t *report = json_loads(text, 0, NULL);
    const json_t *rows = json_object_get(report, "passed_actions");
    assert_true(json_array_size(rows) <= 1);
    const json_t *row = json_array_get(rows, 0);
    const int64_t waits =
        row == NULL ? -1 : (int64_t)json_integer_value(json_object_get(row, "waits_for"));
    json_decref(report);
    free(text);
    return waits;
}

static void what_nobody_can_show_counts_as_taken_when_the_books_have_settled(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    struct order *points = world_order(world, 0, ACTION_POINTS, 40);
    world_sync(world, DYING);
    take_unheard(world);
    sync_others(world);
    /* The terminal lives, for all that is known: it may bring the transaction. */
    assert_int_equal(world_state_of(world, order), 1);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 5000);
    assert_int_equal(cases(world), 0);

    declare_dead(world);
    sync_others(world);
    assert_int_equal(world_state_of(world, order), 6);
    assert_int_equal(world_state_of(world, points), 6);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
    assert_int_equal(credit(world, ACCOUNT_UNTOLD), 5000);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    assert_int_equal(world_account(world, BOOK_POINTS, ACCOUNT_UNTOLD), 40);
    assert_int_equal(cases(world), 2);
    assert_int_equal(waits_for(world), -1);
    assert_int_equal(world_withdraw(world, order, &fault), ST_REFUSED);
    world_check(world);

    /* It is found after all, and tells. */
    assert_int_equal(rebuild_back(world->ledger, DYING + 1, world->now_s, &fault), ST_OK);
    world_sync(world, DYING);
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(credit(world, ACCOUNT_UNTOLD), 0);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    assert_int_equal(world_sql(world, "SELECT b1 FROM card"), 500000 + 5000 + 100000);
    assert_int_equal(world_sql(world, "SELECT b0 FROM card"), 40);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 2);
    world_check(world);
    world_reference(world);
}

/* An order can lose its number and wait again: a second loss is the same case. */
static void a_second_loss_of_an_order_is_no_second_case(void **state)
{
    struct world *world = *state;
    char sql[200];
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    world_sync(world, DYING);
    take_unheard(world);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO tcase (term_id, term_seq, why, card_no, card_ctr, at, say, raw)"
                   " VALUES (0, %llu, 'untold', 0, 0, 1, 'Before.', x'')",
                   (unsigned long long)order->id);
    assert_int_equal(db_exec(world->db, sql), ST_OK);
    declare_dead(world);
    sync_others(world);
    assert_int_equal(world_state_of(world, order), 6);
    assert_int_equal(cases(world), 1);
    world_check(world);
}

static void the_report_says_what_it_hangs_on(void **state)
{
    struct world *world = *state;
    world_issue(world, 1);
    (void)world_order(world, 0, ACTION_CREDIT, 5000);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
    assert_int_equal(waits_for(world), -1); /* it waits for its card, as it should */
    take_unheard(world);
    world->now_s += 60;
    world_sync(world, 0);
    assert_int_equal(waits_for(world), 1); /* which has to come once more */
    for (int t = 0; t < DYING; t++) {
        world->now_s += 60;
        world_sync(world, t);
        world_sync(world, 0);
    }
    assert_int_equal(waits_for(world), DYING + 1);
    declare_dead(world);
    world_sync(world, 0);
    assert_int_equal(waits_for(world), -1);
}

/* Two forms were in the field: the rule is that of all that was taken back. */
static void what_was_withdrawn_counts_as_not_taken(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    world_sync(world, DYING);
    world->now_s += 10;
    assert_int_equal(world_withdraw(world, order, &fault), ST_OK);
    take_unheard(world);
    sync_others(world);
    assert_int_equal(world_state_of(world, order), 3);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 5000);
    declare_dead(world);
    sync_others(world);
    assert_int_equal(world_state_of(world, order), 4);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), 0);
    assert_int_equal(credit(world, ACCOUNT_UNTOLD), 0);
    assert_int_equal(cases(world), 1);
    world_check(world);

    /* It had applied the old form: the card is believed, the giver asked again, with a case. */
    assert_int_equal(rebuild_back(world->ledger, DYING + 1, world->now_s, &fault), ST_OK);
    world_sync(world, DYING);
    assert_int_equal(world_state_of(world, order), 2);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase WHERE why = 'action'"), 1);
    world_check(world);
    world_reference(world);
}

/* Two equal amounts of two givers, both withdrawn; a dead terminal applied one of them in its old
 * form. The card's sums say that one was taken, and cannot say which. */
static void of_two_equal_ones_that_were_withdrawn_a_case_says_that_nobody_knows(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    uint32_t posted = 0;
    world_issue(world, 1);
    struct order *first = world_order(world, 0, ACTION_CREDIT, 5000);
    struct order *second = world_order(world, 0, ACTION_CREDIT, 5000);
    world_sync(world, DYING);
    world->now_s += 10;
    assert_int_equal(world_withdraw(world, first, &fault), ST_OK);
    world_sync(world, DYING); /* holds a void, and the other in its old form */
    world->now_s += 10;
    assert_int_equal(world_withdraw(world, second, &fault), ST_OK);
    world_tap(world, DYING, 0, 0);
    model_sighting(&world->terminals[0], &world->cards[0]);
    assert_int_equal(rebuild_dead(world->ledger, DYING + 1, world->now_s, &posted, &fault), ST_OK);
    world_sync(world, 0);
    /* From all voids down: the one with the lower number counts as applied. */
    assert_int_equal(world_state_of(world, first) + world_state_of(world, second), 2 + 4);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 1);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase WHERE why = 'alike'"), 1);
    world_check(world);

    /* Found again it knows. */
    assert_int_equal(rebuild_back(world->ledger, DYING + 1, world->now_s, &fault), ST_OK);
    world_sync(world, DYING);
    assert_int_equal(world_state_of(world, first), 4);
    assert_int_equal(world_state_of(world, second), 2);
    assert_int_equal(credit(world, ACCOUNT_GIVEN), -5000);
    world_check(world);
    world_reference(world);
}

static void of_two_different_ones_the_sums_tell_and_there_is_no_case(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    uint32_t posted = 0;
    world_issue(world, 1);
    struct order *first = world_order(world, 0, ACTION_CREDIT, 5000);
    struct order *second = world_order(world, 0, ACTION_CREDIT, 5001);
    world_sync(world, DYING);
    assert_int_equal(world_withdraw(world, first, &fault), ST_OK);
    world_sync(world, DYING);
    assert_int_equal(world_withdraw(world, second, &fault), ST_OK);
    world_tap(world, DYING, 0, 0);
    model_sighting(&world->terminals[0], &world->cards[0]);
    assert_int_equal(rebuild_dead(world->ledger, DYING + 1, world->now_s, &posted, &fault), ST_OK);
    world_sync(world, 0);
    assert_int_equal(world_state_of(world, first), 4);
    assert_int_equal(world_state_of(world, second), 2);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
    world_check(world);
}

/* --- terminals that never came -------------------------------------------------------------- */

static void a_terminal_that_never_synced_can_be_forgotten(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    uint32_t unheard = 0;
    world_issue(world, 1);
    struct order *order = world_order(world, 0, ACTION_CREDIT, 5000);
    assert_int_equal(registry_add_terminal(world->db, "Refah", "Vanak", &unheard), ST_OK);
    world_sync_all(world);
    assert_int_equal(world_withdraw(world, order, &fault), ST_OK);
    world_sync_all(world);
    assert_int_equal(world_state_of(world, order), 3); /* one was approved and never came */
    assert_int_equal(registry_forget(world->db, 1, world->now_s, &fault), ST_REFUSED);
    assert_non_null(strstr(fault.say, "terminal dead 1"));
    assert_int_equal(registry_forget(world->db, 99, world->now_s, &fault), ST_REFUSED);
    assert_int_equal(registry_forget(world->db, unheard, world->now_s, &fault), ST_OK);
    assert_int_equal(registry_forget(world->db, unheard, world->now_s, &fault), ST_OK);
    world_sync_all(world);
    assert_int_equal(world_state_of(world, order), 4);
    assert_int_equal(credit(world, ACCOUNT_PENDING), 0);
    world_check(world);
}

/* Cards say that it sold: then it is dead, and what it did is looked for. */
static void one_that_sold_cannot(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    world_issue(world, 1);
    take_unheard(world);
    world_sync(world, 0);
    assert_int_equal(registry_forget(world->db, DYING + 1, world->now_s, &fault), ST_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_nobody_can_show_counts_as_taken_when_the_books_have_settled, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_loss_of_an_order_is_no_second_case, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_report_says_what_it_hangs_on, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_withdrawn_counts_as_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(
            of_two_equal_ones_that_were_withdrawn_a_case_says_that_nobody_knows, setup, teardown),
        cmocka_unit_test_setup_teardown(of_two_different_ones_the_sums_tell_and_there_is_no_case,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_terminal_that_never_synced_can_be_forgotten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_sold_cannot, setup, teardown),
    };
    return cmocka_run_group_tests_name("club taken", tests, NULL, NULL);
}
