/* Cards that go over to layout 2, from the club's side (docs/decisions/0018): ordered only when
 * every terminal in use reads it, taken once, and counted like any other action. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/charge.h"
#include "server/rebuild.h"
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

static enum st order_layout(struct world *world, const char *ref, uint16_t layout,
                            struct fault *fault)
{
    const struct action_order order = {.action = {.kind = ACTION_LAYOUT,
                                                  .origin = ORIGIN_CORRECTION,
                                                  .value = layout,
                                                  .card_number = world->cards[0].number},
                                       .ref = ref,
                                       .giver = ""};
    struct action_made made;
    *fault = (struct fault){""};
    return actions_make(world->actions, &order, 1, world->now_s, &made, fault);
}

static void expect_behind(struct world *world, const char *ref, const char *terminal)
{
    struct fault fault;
    assert_int_equal(order_layout(world, ref, 2, &fault), ST_REFUSED);
    assert_non_null(strstr(fault.say, terminal));
    assert_non_null(strstr(fault.say, "update it"));
}

static void a_terminal_that_cannot_read_it_is_named(void **state)
{
    struct world *world = *state;
    struct fault fault;
    uint32_t posted = 0, number = 0;
    world->holdings[0].have.layout = world->holdings[4].have.layout = 1;
    world_issue(world, 1);
    expect_behind(world, "a", "Terminal 1 ");
    world->holdings[0].have.layout = 2;
    world_sync(world, 0);
    expect_behind(world, "a", "Terminal 5 ");
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 0);
    assert_int_equal(order_layout(world, "a", 1, &fault), ST_FOREIGN);
    assert_int_equal(order_layout(world, "a", 3, &fault), ST_FOREIGN);

    world->holdings[4].have.layout = 2;
    world_sync(world, 4);
    assert_int_equal(registry_add_terminal(world->db, "Refah", "Tajrish", &number), ST_OK);
    expect_behind(world, "a", "Terminal 6 "); /* it has not said a word yet */
    /* Nobody waits for one that is not in use. */
    assert_int_equal(rebuild_dead(world->ledger, number, world->now_s, &posted, &fault), ST_OK);
    assert_int_equal(order_layout(world, "a", 2, &fault), ST_OK);
    /* One that fell back to its older firmware: what was ordered stands, and is known again. */
    world->holdings[2].have.layout = 1;
    world_sync(world, 2);
    assert_int_equal(order_layout(world, "a", 2, &fault), ST_OK);
    expect_behind(world, "b", "Terminal 3 ");
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 1);
}

/* The one behind it comes too, and at no terminal the first again. */
static void a_card_takes_it_once(void **state)
{
    struct world *world = *state;
    world_issue(world, 2);
    world_sync_all(world);
    struct order *layout = world_order(world, 0, ACTION_LAYOUT, 2);
    struct order *money = world_order(world, 0, ACTION_CREDIT, 5000);
    world_sync_all(world);
    world_tap(world, 1, 0, 100000);
    assert_int_equal(world->cards[0].history[0].layout, 2);
    assert_int_equal(world->cards[1].history[0].layout, 1);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_tap(world, t, 0, 100000); /* what they hold is past */
    }
    assert_int_equal(world->cards[0].history[0].action, 2);
    world_sync_all(world);
    assert_int_equal(world_state_of(world, layout), 2);
    assert_int_equal(world_state_of(world, money), 2);
    assert_int_equal(world->cards[0].history[0].purse[PURSE_CREDIT].rials, 500000 + 5000 + 600000);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM tcase"), 0);
    world_check(world);
    world_reference(world);
}

/* Its terminal is dead, and two snapshots of the card say what happened; a void was in the field.
 */
static void what_a_dead_terminal_did_is_told_by_the_layouts(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    uint32_t posted = 0;
    world_issue(world, 2);
    world_sync_all(world);
    struct order *taken = world_order(world, 0, ACTION_LAYOUT, 2);
    struct order *ended = world_order(world, 1, ACTION_LAYOUT, 2);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
    assert_int_equal(world_withdraw(world, taken, &fault), ST_OK);
    assert_int_equal(world_withdraw(world, ended, &fault), ST_OK);
    world_tap(world, 4, 0, 0); /* in its old form: it has not heard yet */
    world_sync(world, 3);
    world_tap(world, 3, 1, 0); /* the void */
    assert_int_equal(world->cards[0].history[0].layout, 2);
    assert_int_equal(world->cards[1].history[0].layout, 1);
    assert_int_equal(rebuild_dead(world->ledger, 5, world->now_s, &posted, &fault), ST_OK);
    model_sighting(&world->terminals[2], &world->cards[0]);
    world_sync(world, 2);
    world_sync(world, 3);
    assert_int_equal(world_state_of(world, taken), 2);
    assert_int_equal(world_state_of(world, ended), 4);
    world_check(world);
}

static enum st convert(struct world *world, const struct charge_order *order,
                       struct charge_result *ret)
{
    struct fault fault = {""};
    const enum st st = charge_run(world->actions, order, world->now_s, NULL, ret, &fault);
    assert_true(st == ST_OK || strlen(fault.say) > 20);
    return st;
}

static void every_card_that_is_not_there_yet_is_ordered_once(void **state)
{
    struct world *world = *state;
    struct charge_result result;
    struct charge_order order = {.ref = "layout-2",
                                 .group = CHARGE_EVERY,
                                 .kind = ACTION_LAYOUT,
                                 .amount = 2,
                                 .text = "",
                                 .giver = ""};
    world->holdings[3].have.layout = 1;
    world_issue(world, 4);
    assert_int_equal(convert(world, &order, &result), ST_REFUSED);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action"), 0);
    world->holdings[3].have.layout = 2;
    world_sync_all(world);
    world_order(world, 0, ACTION_LAYOUT, 2);
    world_sync_all(world);
    world_tap(world, 0, 0, 0);
    world_sync_all(world);
    assert_int_equal(convert(world, &order, &result), ST_OK);
    assert_int_equal(result.made, 3); /* card 0 has it */
    assert_int_equal(convert(world, &order, &result), ST_OK);
    assert_true(result.was_done);
    world_sync_all(world);
    for (int card = 0; card < 4; card++) {
        world_tap(world, card % 2 + 1, card, 0);
        assert_int_equal(world->cards[card].history[0].layout, 2);
    }
    world_sync_all(world);
    assert_int_equal(world_sql(world, "SELECT count(*) FROM action WHERE state = 2"), 4);
    world_check(world);
    world_reference(world);
    order.ref = "none is left";
    assert_int_equal(convert(world, &order, &result), ST_OK);
    assert_int_equal(result.made, 0);

    order.ref = "no";
    order.amount = 1;
    assert_int_equal(convert(world, &order, &result), ST_FOREIGN);
    order.amount = 3;
    assert_int_equal(convert(world, &order, &result), ST_FOREIGN);
    order.amount = 2;
    order.group = 0; /* a layout is no group's */
    assert_int_equal(convert(world, &order, &result), ST_FOREIGN);
    order.group = CHARGE_EVERY;
    order.kind = ACTION_CREDIT; /* and money not everybody's */
    assert_int_equal(convert(world, &order, &result), ST_FOREIGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_terminal_that_cannot_read_it_is_named),
        TEST(a_card_takes_it_once),
        TEST(what_a_dead_terminal_did_is_told_by_the_layouts),
        TEST(every_card_that_is_not_there_yet_is_ordered_once),
#undef TEST
    };
    return cmocka_run_group_tests_name("club_layout", tests, NULL, NULL);
}
