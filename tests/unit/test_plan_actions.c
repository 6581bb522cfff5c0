/* Tests of plan_actions() (plan.h): what the club's actions do to a card, with figures worked out
 * by hand, and what a fold of facts makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan_card.h"

static struct action action(const struct card *card, int ahead, enum action_kind kind,
                            int64_t amount, uint16_t value)
{
    return (struct action){.kind = kind,
                           .origin = ORIGIN_CORRECTION,
                           .number = (uint16_t)(card->history[0].action + ahead),
                           .value = value,
                           .card_number = card_number_make(CARD_PAYLOAD_MIN),
                           .amount = amount};
}

/* Takes up to four kinds with their amount or value as the next actions of the card. */
struct want {
    enum action_kind kind;
    int64_t amount;
    uint16_t value;
};

static enum st give(struct card *card, const struct want *wants, size_t count)
{
    struct action actions[ACTION_RUN_MAX];
    for (size_t i = 0; i < count; i += 1) {
        actions[i] = action(card, (int)i + 1, wants[i].kind, wants[i].amount, wants[i].value);
    }
    return act(card, &base, actions, count);
}

#define GIVE(card, ...)                                                                            \
    give(card, (const struct want[]){__VA_ARGS__},                                                 \
         sizeof((const struct want[]){__VA_ARGS__}) / sizeof(struct want))

static int64_t purse(const struct card *card, enum purse purse)
{
    return card->history[0].purse[purse].rials;
}

static void money_and_points_arrive_in_one_transaction(void **state)
{
    (void)state;
    struct card card = new_card(300000);
    assert_int_equal(GIVE(&card, {ACTION_CREDIT, 200000, 0}, {ACTION_GIFT, 70000, 0},
                          {ACTION_VOUCHER, 5000, 0}, {ACTION_POINTS, 42, 0}),
                     ST_OK);
    assert_int_equal(card.plan.action_count, 4);
    assert_int_equal(card.plan.action_stop, REFUSAL_NONE);
    assert_int_equal(credit_of(&card), 500000);
    assert_int_equal(purse(&card, PURSE_GIFT), 70000);
    assert_int_equal(purse(&card, PURSE_VOUCHER), 5000);
    assert_int_equal(points_of(&card), 42);
    assert_int_equal(card.history[0].action, 4);
    assert_int_equal(card.history[0].counter, 2);
    assert_int_equal(card.history[0].last.amount.rials, 275000);
    assert_int_equal(card.parts[0].amount.rials, 275000);
    assert_int_equal(card.parts[0].load.rials, 200000);
    assert_int_equal(card.parts[0].due.rials, 0);
    assert_int_equal(card.plan.action_moved[1], 70000);
}

static void what_is_taken_is_at_most_what_is_there(void **state)
{
    (void)state;
    struct card card = new_card(300000);
    assert_int_equal(GIVE(&card, {ACTION_POINTS, 10, 0}), ST_OK);
    assert_int_equal(GIVE(&card, {ACTION_TAKE_CREDIT, 400000, 0}, {ACTION_TAKE_POINTS, 4, 0},
                          {ACTION_CREDIT, 1000, 0}, {ACTION_TAKE_CREDIT, 600, 0}),
                     ST_OK);
    assert_int_equal(card.plan.action_moved[0], 300000);
    assert_int_equal(card.plan.action_moved[1], 4);
    assert_int_equal(credit_of(&card), 400);
    assert_int_equal(points_of(&card), 6);
    assert_int_equal(card.parts[0].payment.rials, 300600);
    assert_int_equal(card.parts[0].load.rials, 1000);
    assert_int_equal(card.parts[0].redeemed.n, 4);
}

static void state_changes_but_no_money_moves(void **state)
{
    (void)state;
    struct card card = new_card(300000);
    assert_int_equal(GIVE(&card, {ACTION_TIER, 0, 2}, {ACTION_GROUP, 0, 200}, {ACTION_STAMPS, 0, 7},
                          {ACTION_BLOCK, 0, 0}),
                     ST_OK);
    assert_int_equal(card.history[0].tier, 2);
    assert_int_equal(card.history[0].group, 200);
    assert_int_equal(card.history[0].stamps, 7);
    assert_int_equal(card.history[0].status, CARD_BLOCKED);
    assert_int_equal(card.parts[0].amount.rials, 0);
    assert_int_equal(credit_of(&card), 300000);
    /* A blocked card refuses all but the club's actions, which may unblock it. */
    assert_refused(&card, sale(&card, 100000, 0, 0), REFUSAL_CARD_BLOCKED);
    assert_int_equal(GIVE(&card, {ACTION_VOID, 0, 0}, {ACTION_CREDIT, 5, 0}), ST_OK);
    assert_int_equal(card.history[0].status, CARD_BLOCKED);
    assert_int_equal(GIVE(&card, {ACTION_UNBLOCK, 0, 0}), ST_OK);
    assert_int_equal(sale(&card, 100000, 0, 0), ST_OK);
    assert_int_equal(card.history[0].action, 7);
}

static void only_the_next_number_is_applied(void **state)
{
    (void)state;
    struct card card = new_card(0);
    struct action again = action(&card, 1, ACTION_CREDIT, 1000, 0);
    assert_int_equal(act(&card, &base, &again, 1), ST_OK);
    assert_refused(&card, act(&card, &base, &again, 1), REFUSAL_ACTION_ORDER);
    const struct action later = action(&card, 2, ACTION_CREDIT, 1000, 0);
    assert_refused(&card, act(&card, &base, &later, 1), REFUSAL_ACTION_ORDER);
    const struct action gap[] = {action(&card, 1, ACTION_CREDIT, 1000, 0),
                                 action(&card, 3, ACTION_CREDIT, 1000, 0)};
    assert_int_equal(act(&card, &base, gap, 2), ST_OK);
    assert_int_equal(card.plan.action_count, 1);
    assert_int_equal(card.plan.action_stop, REFUSAL_ACTION_ORDER);
    assert_true(card.plan.why.say[0] != '\0');
    assert_int_equal(credit_of(&card), 2000);
}

static void an_action_ends_with_its_last_second(void **state)
{
    (void)state;
    struct card card = new_card(0);
    struct action until = action(&card, 1, ACTION_CREDIT, 1000, 0);
    until.until_s = snapshot_time_s(card.minute) - 1;
    assert_refused(&card, act(&card, &base, &until, 1), REFUSAL_ACTION_LATE);
    card.minute = 0; /* the clock is not set */
    assert_refused(&card, act(&card, &base, &until, 1), REFUSAL_ACTION_LATE);
    const struct action for_ever = action(&card, 1, ACTION_CREDIT, 1000, 0);
    assert_int_equal(act(&card, &base, &for_ever, 1), ST_OK);
    card.minute = 1415000;
    until = action(&card, 1, ACTION_CREDIT, 1000, 0);
    until.until_s = snapshot_time_s(card.minute);
    assert_int_equal(act(&card, &base, &until, 1), ST_OK);
}

static void the_programmes_ceilings_do_not_bind_the_club_but_the_cards_bits_do(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(GIVE(&card, {ACTION_CREDIT, base.purse_max[PURSE_CREDIT].rials + 1, 0}),
                     ST_OK);
    int64_t room = MONEY_MAX_RIALS - credit_of(&card);
    assert_refused(&card, GIVE(&card, {ACTION_CREDIT, room + 1, 0}), REFUSAL_ACTION_CEILING);
    assert_int_equal(GIVE(&card, {ACTION_CREDIT, room, 0}), ST_OK);
    assert_true(credit_of(&card) == MONEY_MAX_RIALS);
    assert_int_equal(GIVE(&card, {ACTION_GIFT, (1 << 30) - 1, 0}, {ACTION_GIFT, 1, 0}), ST_OK);
    assert_int_equal(card.plan.action_count, 1);
    assert_int_equal(card.plan.action_stop, REFUSAL_ACTION_CEILING);
}

/* 2^36 - 1 rials fit into the snapshot's amount: gift beside so much credit goes on its own. */
static void what_does_not_fit_into_one_transaction_goes_with_the_next(void **state)
{
    (void)state;
    struct card card = new_card(0);
    struct action two[] = {action(&card, 1, ACTION_CREDIT, MONEY_MAX_RIALS, 0),
                           action(&card, 2, ACTION_GIFT, 1, 0)};
    assert_int_equal(act(&card, &base, two, 2), ST_OK);
    assert_int_equal(card.plan.action_count, 1);
    assert_int_equal(card.plan.action_stop, REFUSAL_ACTION_NEXT);
    assert_int_equal(act(&card, &base, two + 1, 1), ST_OK);
    assert_int_equal(purse(&card, PURSE_GIFT), 1);
}

static void an_offer_that_is_given_back_can_be_used_again(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'marks': [{'id': 'welcome', 'number': 14, 'per': 'ever'},"
             "           {'id': 'birthday', 'number': 3, 'per': 'year'}],"
             " 'rules': [{'id': 'welcome', 'once': 'welcome', 'when': true,"
             "            'do': {'award': {'points': 50}}},"
             "           {'id': 'birthday', 'once': 'birthday', 'when': true,"
             "            'do': {'award': {'points': 7}}}]}");
    struct card card = card_of(programme, 0);
    (void)buy(&card, programme, 100000);
    assert_int_equal(points_of(&card), 50);
    (void)buy(&card, programme, 100000);
    assert_int_equal(points_of(&card), 57);
    (void)buy(&card, programme, 100000);
    assert_int_equal(points_of(&card), 57);
    const struct action both[] = {action(&card, 1, ACTION_OFFER, 0, 3),
                                  action(&card, 2, ACTION_OFFER, 0, 14)};
    assert_int_equal(act(&card, programme, both, 2), ST_OK); /* one offer a transaction */
    assert_int_equal(card.plan.action_count, 1);
    assert_int_equal(card.plan.action_stop, REFUSAL_ACTION_NEXT);
    assert_int_equal(card.history[0].last.offer, 3);
    (void)buy(&card, programme, 100000);
    assert_int_equal(points_of(&card), 64);
    assert_int_equal(act(&card, programme, both + 1, 1), ST_OK);
    (void)buy(&card, programme, 100000);
    assert_int_equal(points_of(&card), 114);
    programme_free(programme);
}

/* 100 points of 1404; 60 come in 1405 from the club, 30 go: of the old ones, 70 are left. */
static void points_that_the_club_takes_are_the_oldest(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'purses': {'points': {'expiry': {'period': 'year'}}},"
             " 'rules': [{'id': 'base', 'when': true,"
             "            'do': {'award': {'points': 1, 'per_rials': 1000}}}]}");
    struct card card = card_of(programme, 0);
    card.minute = minute_at(1404, 5, 1, 12);
    (void)buy(&card, programme, 100000);
    card.minute = minute_at(1405, 5, 1, 12);
    const struct action some[] = {action(&card, 1, ACTION_POINTS, 60, 0),
                                  action(&card, 2, ACTION_TAKE_POINTS, 30, 0)};
    card.occasion.facts.roll = 2; /* of 1404: card_of() issued it in 1405 */
    assert_int_equal(act(&card, programme, some, 2), ST_OK);
    assert_int_equal(card.plan.facts_after.carry, 70);
    assert_int_equal(points_of(&card), 130);
    programme_free(programme);
}

static void without_a_programme_only_the_facts_are_missing(void **state)
{
    (void)state;
    struct card card = new_card(0);
    const struct action one = action(&card, 1, ACTION_CREDIT, 1000, 0);
    struct plan with, without;
    struct plan_input input = {.programme = &base,
                               .history = card.history,
                               .history_count = 1,
                               .minute = 1415000,
                               .terminal = 3,
                               .sequence = 9};
    assert_int_equal(plan_actions(&input, &one, 1, &with), ST_OK);
    input.programme = NULL;
    assert_int_equal(plan_actions(&input, &one, 1, &without), ST_OK);
    assert_memory_equal(&with.next, &without.next, sizeof with.next);
    assert_memory_equal(&with.parts, &without.parts, sizeof with.parts);
    assert_int_equal(without.facts_after.counter, 0);
}

static void a_card_that_is_closed_or_used_up_takes_nothing(void **state)
{
    (void)state;
    struct card card = new_card(0);
    card.history[0].status = CARD_CLOSED;
    assert_refused(&card, GIVE(&card, {ACTION_CREDIT, 1, 0}), REFUSAL_CARD_CLOSED);
    card.history[0].status = CARD_ACTIVE;
    card.history[0].counter = SNAPSHOT_COUNTER_MAX;
    assert_refused(&card, GIVE(&card, {ACTION_CREDIT, 1, 0}), REFUSAL_COUNTER_USED_UP);
}

static void a_transaction_that_is_no_run_of_actions_does_not_hold(void **state)
{
    (void)state;
    struct card card = new_card(1000);
    assert_int_equal(GIVE(&card, {ACTION_CREDIT, 500, 0}), ST_OK);
    const struct snapshot before = card.history[1];
    const struct snapshot after = card.history[0];
    const struct breakdown parts = card.parts[0];
#define BROKEN(what)                                                                               \
    do {                                                                                           \
        struct snapshot a = after;                                                                 \
        struct breakdown p = parts;                                                                \
        what;                                                                                      \
        assert_false(plan_holds(&before, &a, TRANSACTION_ACTION, &p));                             \
    } while (0)
    BROKEN(a.action = 0);
    BROKEN(a.action = 5);
    BROKEN(a.last.flags = 1);
    BROKEN(a.status = CARD_CLOSED);
    BROKEN(a.last.amount.rials = 499);
    BROKEN(a.purse[PURSE_GIFT].rials = 1);
    BROKEN(p.gift.rials = 1);
    BROKEN(p.due.rials = 500);
    BROKEN(p.rebate.rials = 1);
    BROKEN(p.award.n = 1);
#undef BROKEN
    assert_true(plan_holds(&before, &after, TRANSACTION_ACTION, &parts));
    assert_false(plan_holds(NULL, &after, TRANSACTION_ACTION, &parts));
}

/* The layout is the club's to change, never back. What was sold in the one is given back in the
 * other. */
static void a_card_goes_over_to_another_layout_once(void **state)
{
    (void)state;
    struct card card = new_card(300000);
    assert_int_equal(card.history[0].layout, 1);
    assert_int_equal(sale(&card, 1000000, 200000, 0), ST_OK);
    assert_true(points_of(&card) > 0);
    assert_int_equal(credit_of(&card), 100000);
    assert_int_equal(GIVE(&card, {ACTION_CREDIT, 1, 0}, {ACTION_LAYOUT, 0, 2}), ST_OK);
    assert_int_equal(card.plan.action_count, 2);
    assert_int_equal(card.history[1].layout, 1);
    assert_int_equal(card.history[0].layout, 2);
    assert_int_equal(GIVE(&card, {ACTION_LAYOUT, 0, 2}), ST_OK); /* takes its number, and no more */
    assert_int_equal(card.history[0].layout, 2);
    assert_int_equal(card.history[0].action, 3);
    assert_int_equal(give_back(&card, &base, 2, 0), ST_OK);
    assert_int_equal(card.history[0].layout, 2);
    assert_int_equal(points_of(&card), 0);
    assert_int_equal(credit_of(&card), 300001);

    struct snapshot other = card.history[0];
    other.layout = 1;
    assert_false(
        plan_holds(&card.history[1], &other, TRANSACTION_REFUND, &card.parts[0])); /* back */
    other = card.history[3];
    other.layout = 2;
    assert_false(
        plan_holds(&card.history[4], &other, TRANSACTION_SALE, &card.parts[3])); /* by itself */
    assert_true(plan_holds(&card.history[4], &card.history[3], TRANSACTION_SALE, &card.parts[3]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money_and_points_arrive_in_one_transaction),
        cmocka_unit_test(what_is_taken_is_at_most_what_is_there),
        cmocka_unit_test(state_changes_but_no_money_moves),
        cmocka_unit_test(only_the_next_number_is_applied),
        cmocka_unit_test(an_action_ends_with_its_last_second),
        cmocka_unit_test(the_programmes_ceilings_do_not_bind_the_club_but_the_cards_bits_do),
        cmocka_unit_test(what_does_not_fit_into_one_transaction_goes_with_the_next),
        cmocka_unit_test(an_offer_that_is_given_back_can_be_used_again),
        cmocka_unit_test(points_that_the_club_takes_are_the_oldest),
        cmocka_unit_test(without_a_programme_only_the_facts_are_missing),
        cmocka_unit_test(a_card_that_is_closed_or_used_up_takes_nothing),
        cmocka_unit_test(a_card_goes_over_to_another_layout_once),
        cmocka_unit_test(a_transaction_that_is_no_run_of_actions_does_not_hold),
    };
    return cmocka_run_group_tests_name("plan_actions", tests, plan_card_setup, plan_card_teardown);
}
