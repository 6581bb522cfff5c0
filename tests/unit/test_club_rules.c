/* The club reckons what a terminal planned by rules: with the occasion of the intent, the history
 * that the points' hold needs, and the parts of the sale that a card cannot tell apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/report.h"
#include "tests/unit/club_card.h"

static const char patch[] =
    "{'modules': ['points', 'redemption', 'credit', 'rebate', 'cashback', 'stamps', 'tiers', "
    "'marks',"
    "             'codes', 'expiry', 'gift'], 'award_on': {'gift': true},"
    " 'purses': {'points': {'hold_days': 3}, 'gift': {'max_rials': 9000000},"
    "            'credit': {'bonus': [{'from_rials': 1000000, 'percent': 5}]}}, 'redemption': "
    "{'rials_per_point': 1000},"
    " 'products': [{'id': 'milk', 'number': 4, 'earns': true},"
    "              {'id': 'gift', 'number': 9, 'earns': false}],"
    " 'codes': [{'id': 'ten', 'code': 'TEN'}],"
    " 'marks': [{'id': 'welcome', 'number': 14, 'per': 'ever'}],"
    " 'rules': ["
    "  {'id': 'base', 'when': true, 'do': {'award': {'points': 1, 'per_rials': 10000}}},"
    "  {'id': 'welcome', 'once': 'welcome', 'when': true, 'do': {'award': {'points': 50}}},"
    "  {'id': 'again', 'when': {'>=': [{'var': 'history.visits'}, 2]},"
    "   'do': {'cashback': {'percent': 10}, 'stamps': {'add': 1}}},"
    "  {'id': 'ten', 'when': {'var': 'code.ten'}, 'do': {'rebate': {'percent': 10}}},"
    "  {'id': 'milk', 'when': {'>': [{'var': 'lines.milk.quantity'}, 1]},"
    "   'do': {'rebate': {'rials': 5000, 'of': 'milk'}}},"
    "  {'id': 'day', 'when': {'==': [{'var': 'member.days_to_birthday'}, 0]},"
    "   'do': {'award': {'points': 7}}}]}";

static int setup(void **state)
{
    *state = club_card_open(patch);
    return 0;
}

static int teardown(void **state)
{
    club_card_close(*state);
    return 0;
}

/* A member's months: an offer once, a code, lines, a birthday, cashback, points that wait, a refund
 * of a sale that took and gave credit, points that expire. */
static void live(struct club_card *world)
{
    struct card *card = &world->card;
    club_card_tap(world, (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {500000}});
    club_card_sell(world, 1000000, 0, 0); /* counter 2: 100 and 50 points */
    assert_int_equal(card->history[0].last.offer, 14);
    card->minute += 4 * DAY_MINUTES;
    card->occasion.code = 1;
    card->occasion.merchant = 3;
    club_card_sell(world, 200000, 0, 150); /* held for 3 days: free now */
    assert_int_equal(card->parts[0].rebate.rials, 20000);
    card->minute += DAY_MINUTES;
    card->occasion.line_count = 2;
    card->occasion.lines[0] = (struct basket_line){.product = 4, .amount = {300000}, .milli = 1500};
    card->occasion.lines[1] = (struct basket_line){.product = 9, .amount = {700000}, .milli = 1000};
    club_card_sell(world, 1000000, 400000, 0); /* counter 4: takes 400,000 and gives 29,850 */
    assert_int_equal(card->parts[0].rebate.rials, 5000);
    assert_int_equal(card->parts[0].load.rials, 29850);
    assert_int_equal(card->history[0].last.flags, SALE_PAID_CREDIT | SALE_CASHBACK);
    club_card_tap(
        world, (struct wish){.kind = TRANSACTION_REFUND, .amount = {500000}, .refers_counter = 4});
    club_card_tap(world, (struct wish){.kind = TRANSACTION_REFUND, .refers_counter = 4});
    card->minute = minute_at(1407, 1, 1, 9);
    club_card_tap(world, (struct wish){.kind = TRANSACTION_EXPIRE});
    assert_true(card->parts[0].award.n > 0);
}

static void the_club_comes_to_the_same_as_the_terminal(void **state)
{
    struct club_card *world = *state;
    live(world);
    club_card_sync(world, world->at, 0);
    assert_int_equal(club_card_number(world, "SELECT count(*) FROM tcase"), 0);
    assert_int_equal(world->last.unchecked, 0);
    assert_int_equal(club_card_number(world, "SELECT b0 FROM card"),
                     world->card.history[0].points.n);
    assert_int_equal(club_card_number(world, "SELECT b1 FROM card"),
                     world->card.history[0].purse[PURSE_CREDIT].rials);
    /* Cashback came and went back; points expired: both have their accounts. */
    assert_int_equal(club_card_number(world, "SELECT count(*) FROM jrn WHERE acct = 8"), 0);
    assert_true(club_card_number(world, "SELECT sum(amount) FROM jrn WHERE acct = 10") > 0);
    bool is_balanced = false;
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    assert_int_equal(report_write(world->db, true, null, &is_balanced), ST_OK);
    (void)fclose(null);
    assert_true(is_balanced);
}

/* Sends a last sale whose intent says something else about the occasion than it was planned with.
 */
static void assert_lie_is_seen(struct club_card *world, void (*lie)(struct occasion *),
                               bool is_case)
{
    live(world);
    uint32_t sent = world->at->count;
    club_card_sync(world, world->at, 0);
    struct card *card = &world->card;
    card->occasion.has_identity = true;
    card->occasion.birthday = 30000; /* 1982-02-19 */
    const struct occasion truth = card->occasion;
    lie(&card->occasion);
    struct occasion lied = card->occasion;
    club_card_sell(world, 300000, 0, 0); /* planned with the lie ... */
    struct entry intent;
    struct wire_entry *wire = &world->at->entries[sent];
    assert_int_equal(entry_decode(wire->bytes, wire->size, &intent), ST_OK);
    assert_memory_equal(&intent.intent.occasion.facts, &lied.facts, sizeof lied.facts);
    intent.intent.occasion = truth; /* ... and journalled with the truth */
    world->at->count = sent;
    model_append(world->at, &intent);
    model_outcome(world->at, &intent, VERDICT_DONE);
    club_card_sync(world, world->at, sent);
    assert_int_equal(club_card_number(world, "SELECT count(*) FROM tcase WHERE why = 'differs'"),
                     is_case);
}

static void more_visits(struct occasion *occasion)
{
    occasion->facts.visits = 0;
}

static void a_code(struct occasion *occasion)
{
    occasion->code = 1;
}

static void milk(struct occasion *occasion)
{
    occasion->line_count = 1;
    occasion->lines[0] = (struct basket_line){.product = 4, .amount = {300000}, .milli = 2000};
}

static void a_clear_mark(struct occasion *occasion)
{
    occasion->facts.marks_ever = 0;
}

static void nothing(struct occasion *occasion)
{
    (void)occasion;
}

#define LIE(name, lie, is_case)                                                                    \
    static void name(void **state)                                                                 \
    {                                                                                              \
        assert_lie_is_seen(*state, lie, is_case);                                                  \
    }
LIE(a_sale_planned_by_other_facts_is_a_case, more_visits, true)
LIE(a_sale_planned_with_a_code_that_nobody_gave_is_a_case, a_code, true)
LIE(a_sale_planned_with_other_lines_is_a_case, milk, true)
LIE(an_offer_used_twice_is_a_case, a_clear_mark, true)
LIE(an_honest_sale_is_none, nothing, false)

/* Book 1 is credit, 2 gift; accounts 1 taken, 3 owed, 20 bonus. */
static int64_t in_account(struct club_card *world, int book, int account)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(sum(amount), 0) FROM jrn WHERE purse = %d AND acct = %d", book,
                   account);
    return club_card_number(world, sql);
}

static void gift_and_bonus_have_their_own_books(void **state)
{
    struct club_card *world = *state;
    club_card_tap(world, (struct wish){.kind = TRANSACTION_ACTIVATE});
    club_card_tap(world,
                  (struct wish){.kind = TRANSACTION_LOAD, .amount = {1000000}}); /* and 50,000 */
    club_card_tap(world, (struct wish){.kind = TRANSACTION_LOAD, .gift = {300000}});
    club_card_tap(world, (struct wish){.kind = TRANSACTION_SALE,
                                       .amount = {200000},
                                       .pay_credit = {50000},
                                       .pay_gift = {100000}});
    club_card_tap(
        world, (struct wish){.kind = TRANSACTION_REFUND, .amount = {100000}, .refers_counter = 4});
    club_card_tap(
        world, (struct wish){.kind = TRANSACTION_UNLOAD, .amount = {500000}, .refers_counter = 2});
    club_card_sync(world, world->at, 0);
    assert_int_equal(club_card_number(world, "SELECT count(*) FROM tcase"), 0);
    assert_int_equal(world->last.unchecked, 0);
    assert_int_equal(in_account(world, 1, 1), -500000);
    assert_int_equal(in_account(world, 1, 20), 0); /* 500,000 alone earn no bonus: it went */
    assert_int_equal(in_account(world, 1, 3), 25000);
    assert_int_equal(in_account(world, 2, 1), -300000);
    assert_int_equal(in_account(world, 2, 3), 50000);
    assert_int_equal(club_card_number(world, "SELECT b1 FROM card"),
                     1050000 - 50000 + 25000 - 550000);
    assert_int_equal(club_card_number(world, "SELECT b2 FROM card"), 250000);
}

/* Three actions on the card, journalled with credit that is `more` than what they gave. */
static void act_and_sync(struct club_card *world, int64_t more)
{
    struct card *card = &world->card;
    club_card_tap(world, (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {500000}});
    const struct action actions[] = {
        {ACTION_CREDIT, ORIGIN_BANK, 1, 0, model_number(1), 200000, 0, 5, "Nowruz"},
        {ACTION_GIFT, ORIGIN_PRIZE, 2, 0, model_number(1), 30000, 0, 6, ""},
        {ACTION_TAKE_POINTS, ORIGIN_CORRECTION, 3, 0, model_number(1), 90, 0, 7, ""}};
    const struct plan_input input = {.programme = world->programme,
                                     .history = card->history,
                                     .history_count = 1,
                                     .occasion = &card->occasion,
                                     .minute = card->minute,
                                     .terminal = world->at->number,
                                     .sequence = world->at->count + 1};
    assert_int_equal(plan_actions(&input, actions, 3, &card->plan), ST_OK);
    struct entry entry = club_card_intent(world, 0);
    entry.intent.occasion.action_count = 3;
    memcpy(entry.intent.occasion.actions, actions, sizeof actions);
    entry.intent.parts.load.rials += more;
    entry.intent.parts.amount.rials += more;
    entry.intent.after.last.amount.rials += more;
    entry.intent.after.purse[PURSE_CREDIT].rials += more;
    model_append(world->at, &entry);
    model_outcome(world->at, &entry, VERDICT_DONE);
    club_card_sync(world, world->at, 0);
}

static void the_club_applies_its_actions_again(void **state)
{
    struct club_card *world = *state;
    act_and_sync(world, 0);
    assert_int_equal(club_card_number(world, "SELECT count(*) FROM tcase WHERE why = 'differs'"),
                     0);
    assert_int_equal(club_card_number(world, "SELECT b1 FROM card"), 700000);
    assert_int_equal(club_card_number(world, "SELECT b2 FROM card"), 30000);
}

static void a_terminal_that_gives_more_than_the_actions_say_is_a_case(void **state)
{
    struct club_card *world = *state;
    act_and_sync(world, 1);
    assert_int_equal(club_card_number(world, "SELECT count(*) FROM tcase WHERE why = 'differs'"),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_club_comes_to_the_same_as_the_terminal, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_sale_planned_by_other_facts_is_a_case, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sale_planned_with_a_code_that_nobody_gave_is_a_case,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_sale_planned_with_other_lines_is_a_case, setup, teardown),
        cmocka_unit_test_setup_teardown(an_offer_used_twice_is_a_case, setup, teardown),
        cmocka_unit_test_setup_teardown(an_honest_sale_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(gift_and_bonus_have_their_own_books, setup, teardown),
        cmocka_unit_test_setup_teardown(the_club_applies_its_actions_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_terminal_that_gives_more_than_the_actions_say_is_a_case,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("club_rules", tests, NULL, NULL);
}
