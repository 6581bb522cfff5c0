/* Tests of the rules of a sale in plan.h: stacking, rounding, bases, ceilings, redemption, the
 * explanation, refusals in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/plan.h"
#include "tests/unit/plan_card.h"

/* --- stacking, rounding -------------------------------------------------------------------- */

#define THREE(effect, a, b, c)                                                                     \
    "'rules': [{'id': 'a', 'when': true, 'do': {'" effect "': " a "}},"                            \
    "          {'id': 'b', 'when': true, 'do': {'" effect "': " b "}},"                            \
    "          {'id': 'c', 'when': true, 'do': {'" effect "': " c "}}]"

static void several_rules_add_up_or_the_best_or_the_first_counts(void **state)
{
    (void)state;
    static const char *const hows[] = {"sum", "best", "first"};
    /* 1,000,000: 0 %, 10 %, 25 % capped at 150,000. */
    static const int64_t rebates[] = {250000, 150000, 100000};
    static const int64_t awards[] = {0 + 5 + 9, 9, 5};
    for (size_t i = 0; i < 3; i += 1) {
        char patch[700];
        (void)snprintf(patch, sizeof patch, "{'stacking': {'rebate': '%s'}, %s}", hows[i],
                       THREE("rebate", "{'percent': 0}", "{'rials': 100000}",
                             "{'percent': 25, 'max_rials': 150000}"));
        struct programme *programme = club(patch);
        struct card card = card_of(programme, 0);
        const struct plan *plan = buy(&card, programme, 1000000);
        assert_int_equal(plan->parts.rebate.rials, rebates[i]);
        assert_int_equal(plan->parts.due.rials, 1000000 - rebates[i]);
        assert_int_equal(plan->step_count, 3);
        assert_int_equal(plan->steps[0].note, STEP_ZERO);
        assert_int_equal(plan->steps[1].note, i == 1 ? STEP_NOT_CHOSEN : STEP_APPLIED);
        assert_int_equal(plan->steps[2].note, i == 2 ? STEP_NOT_CHOSEN : STEP_CUT);
        assert_int_equal(plan->steps[2].value, 150000);
        programme_free(programme);

        (void)snprintf(patch, sizeof patch, "{'stacking': {'award': '%s'}, %s}", hows[i],
                       THREE("award", "{'points': 7, 'per_rials': 1000001}", "{'points': 5}",
                             "{'points': 1, 'per_rials': 100000, 'max_points': 9}"));
        programme = club(patch);
        card = card_of(programme, 0);
        assert_int_equal(buy(&card, programme, 1000000)->parts.award.n, awards[i]);
        programme_free(programme);

        (void)snprintf(patch, sizeof patch, "{'stacking': {'cashback': '%s'}, %s}", hows[i],
                       THREE("cashback", "{'percent': 0}", "{'rials': 100000}",
                             "{'percent': 25, 'max_rials': 150000}"));
        programme = club(patch);
        card = card_of(programme, 0);
        assert_int_equal(buy(&card, programme, 1000000)->parts.load.rials, rebates[i]);
        programme_free(programme);
    }
}

static void of_equal_rules_the_earlier_one_counts(void **state)
{
    (void)state;
    struct programme *programme = club("{'stacking': {'rebate': 'best'}, " THREE(
        "rebate", "{'percent': 1}", "{'percent': 5}", "{'rials': 50000}") "}");
    struct card card = card_of(programme, 0);
    const struct plan *plan = buy(&card, programme, 1000000);
    assert_int_equal(plan->steps[1].note, STEP_APPLIED);
    assert_int_equal(plan->steps[2].note, STEP_NOT_CHOSEN);
    programme_free(programme);
}

static void each_rule_is_rounded_down_and_the_price_never_falls_below_0(void **state)
{
    (void)state;
    struct programme *programme = club("{'rounding': {'rebate_rials': 1000}, " THREE(
        "rebate", "{'percent': 33.33}", "{'percent': 33.33}", "{'percent': 50}") "}");
    struct card card = card_of(programme, 0);
    /* 33.33 % of 9,999 is 3,332, in thousands 3,000; 50 % is 4,000. */
    const struct plan *plan = buy(&card, programme, 9999);
    assert_int_equal(plan->parts.rebate.rials, 9999); /* 10,000 are more than the price */
    assert_int_equal(plan->step_count, 4);
    assert_int_equal(plan->steps[0].value, 3000);
    assert_int_equal(plan->steps[2].value, 4000);
    assert_int_equal(plan->steps[3].rule, PLAN_STEP_TOTAL);
    assert_int_equal(plan->steps[3].base, 10000);
    assert_int_equal(plan->steps[3].value, 9999);
    assert_int_equal(plan->parts.due.rials, 0);
    assert_int_equal(plan->next.last.amount.rials, 0);
    assert_refused(&card, give_back(&card, programme, 2, 0), REFUSAL_ALREADY_REFUNDED);
    programme_free(programme);
}

/* --- what a rule is reckoned on ------------------------------------------------------------ */

static void put_lines(struct card *card, int64_t dairy, int64_t gift, int64_t other)
{
    const struct basket_line lines[] = {{.product = 0, .amount = {other}, .milli = 1000},
                                        {.product = 4, .amount = {dairy}, .milli = 1500},
                                        {.product = 9, .amount = {gift}, .milli = 2000}};
    card->occasion.line_count = 3;
    memcpy(card->occasion.lines, lines, sizeof lines);
}

static void product_groups_have_their_own_rules_and_some_earn_nothing(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'products': [{'id': 'dairy', 'number': 4, 'earns': true},"
             "              {'id': 'gift', 'number': 9, 'earns': false}], 'rules': ["
             "{'id': 'base', 'when': true, 'do': {'award': {'points': 1, 'per_rials': 1000}}},"
             "{'id': 'dairy', 'when': {'>=': [{'var': 'lines.dairy.quantity'}, 1.5]}, 'do': {"
             "  'rebate': {'percent': 10, 'of': 'dairy'},"
             "  'cashback': {'percent': 50, 'of': 'dairy'}}},"
             "{'id': 'gift', 'when': {'>': [{'var': 'lines.gift.amount'}, 0]}, 'do': {"
             "  'award': {'points': 999, 'of': 'gift'},"
             "  'cashback': {'percent': 50, 'of': 'gift'}}}]}");
    struct card card = card_of(programme, 0);
    put_lines(&card, 400000, 500000, 100000);
    const struct plan *plan = buy(&card, programme, 1000000);
    assert_int_equal(plan->parts.rebate.rials, 40000); /* 10 % of dairy */
    /* net 960,000; half of the basket earns: 480,000; dairy's share of the net price: 384,000 */
    assert_int_equal(plan->parts.award.n, 480);
    assert_int_equal(plan->parts.load.rials, 192000);

    /* The part paid with points does not earn here, of no product. */
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {1000000}, .redeem = {480}};
    assert_int_equal(play(&card, programme, wish), ST_OK);
    assert_int_equal(card.plan.parts.award.n, 240);           /* (960,000 - 480,000) / 2 */
    assert_int_equal(card.plan.parts.load.rials, 192000 / 2); /* half of 480,000 x 40 % */
    programme_free(programme);
}

static void lines_must_add_up_to_the_basket(void **state)
{
    (void)state;
    struct programme *programme = club("{}");
    struct card card = card_of(programme, 0);
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {1000000}};
    put_lines(&card, 400000, 500000, 100001);
    assert_refused(&card, play(&card, programme, wish), REFUSAL_LINES_DIFFER);
    put_lines(&card, 400000, 500000, 99999);
    assert_refused(&card, play(&card, programme, wish), REFUSAL_LINES_DIFFER);
    put_lines(&card, 1000001, -1, 0);
    assert_refused(&card, play(&card, programme, wish), REFUSAL_LINES_DIFFER);
    put_lines(&card, 400000, 500000, 100000);
    assert_int_equal(play(&card, programme, wish), ST_OK);
    programme_free(programme);
}

static void cashback_stops_at_the_ceiling_of_the_purse(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'purses': {'credit': {'max_rials': 100000}},"
             " 'limits': {'load_max_rials': 100000, 'opening_max_rials': 100000}, 'rules': ["
             "{'id': 'c', 'when': true, 'do': {'cashback': {'percent': 10}}}]}");
    struct card card = card_of(programme, 95000);
    assert_int_equal(buy(&card, programme, 100000)->parts.load.rials, 5000);
    assert_int_equal(card.plan.steps[1].base, 10000);
    assert_int_equal(buy(&card, programme, 100000)->parts.load.rials, 0);
    assert_int_equal(card.plan.next.last.flags, 0);
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {100000}, .pay_credit = {7000}};
    assert_int_equal(play(&card, programme, wish), ST_OK);
    assert_int_equal(card.plan.parts.load.rials, 7000);
    assert_int_equal(card.plan.next.last.flags, SALE_PAID_CREDIT | SALE_CASHBACK);
    assert_int_equal(credit_of(&card), 100000);
    programme_free(programme);
}

/* --- stamps, group, once ------------------------------------------------------------------- */

static void stamps_stop_at_15_and_the_last_group_counts(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'groups': [{'id': 'staff', 'number': 7}, {'id': 'friend', 'number': 8}], 'rules': ["
             "{'id': 'a', 'when': true, 'do': {'stamps': {'add': 9}, 'group': 'staff'}},"
             "{'id': 'b', 'when': {'==': [{'var': 'member.group'}, 'friend']},"
             " 'do': {'group': ''}},"
             "{'id': 'c', 'when': {'==': [{'var': 'member.group'}, '']},"
             " 'do': {'group': 'friend'}}]}");
    struct card card = card_of(programme, 0);
    assert_int_equal(buy(&card, programme, 1)->next.stamps, 9);
    assert_int_equal(card.history[0].group, 8); /* conditions see the card before the sale */
    assert_int_equal(buy(&card, programme, 1)->next.stamps, 15);
    assert_int_equal(card.history[0].group, 0);
    programme_free(programme);
}

static void
of_the_rules_with_once_only_the_first_acts_and_the_next_one_at_the_next_sale(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'marks': [{'id': 'x', 'number': 1, 'per': 'year'},"
             "           {'id': 'y', 'number': 26, 'per': 'ever'}], 'rules': ["
             "{'id': 'no', 'once': 'y', 'when': {'>': [{'var': 'sale.amount'}, 5000]},"
             " 'do': {'award': {'points': 100}}},"
             "{'id': 'x', 'once': 'x', 'when': true, 'do': {'award': {'points': 10}}},"
             "{'id': 'y', 'once': 'y', 'when': true, 'do': {'award': {'points': 1}}}]}");
    struct card card = card_of(programme, 0);
    assert_int_equal(buy(&card, programme, 1000)->parts.award.n, 10);
    assert_int_equal(card.history[0].last.offer, 1);
    assert_int_equal(buy(&card, programme, 1000)->parts.award.n, 1);
    assert_int_equal(card.history[0].last.offer, 26);
    assert_int_equal(buy(&card, programme, 9000)->parts.award.n, 0);
    assert_int_equal(card.history[0].last.offer, 0);

    card.occasion.facts.counter -= 1; /* Facts of another counter are not the card's. */
    card.minute = minute_at(1406, 1, 1, 12);
    assert_int_equal(buy(&card, programme, 1000)->parts.award.n, 0);
    programme_free(programme);
}

/* --- redemption ---------------------------------------------------------------------------- */

static struct wish spend(int64_t amount, int64_t redeem, int64_t pay)
{
    return (struct wish){
        .kind = TRANSACTION_SALE, .amount = {amount}, .redeem = {redeem}, .pay_credit = {pay}};
}

#define EARN "'rules': [{'id': 'e', 'when': true, 'do': {'award': {'points': 100}}}]"

static void points_pay_within_their_bounds(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'redemption': {'min_points': 20, 'max_percent': 12.5}, " EARN "}");
    struct card card = card_of(programme, 0);
    (void)buy(&card, programme, 1000);
    assert_refused(&card, play(&card, programme, spend(1000000, 19, 0)), REFUSAL_REDEMPTION_RANGE);
    assert_int_equal(play(&card, programme, spend(160000, 20, 0)), ST_OK); /* 12.5 % is 20,000 */
    assert_refused(&card, play(&card, programme, spend(159999, 20, 0)), REFUSAL_REDEMPTION_RANGE);
    programme_free(programme);
}

static void points_are_held_for_so_many_days(void **state)
{
    (void)state;
    struct programme *programme = club("{'purses': {'points': {'hold_days': 3}}, " EARN "}");
    struct card card = card_of(programme, 0);
    uint32_t first = card.minute;
    (void)buy(&card, programme, 1000); /* 100 on day 1 */
    card.minute = first + 2 * DAY_MINUTES;
    (void)buy(&card, programme, 1000); /* 100 on day 3 */
    assert_refused(&card, play(&card, programme, spend(1000000, 1, 0)), REFUSAL_POINTS_HELD);
    card.minute = first + 3 * DAY_MINUTES; /* day 4: those of day 1 are free */
    assert_refused(&card, play(&card, programme, spend(1000000, 101, 0)), REFUSAL_POINTS_HELD);
    assert_int_equal(play(&card, programme, spend(1000000, 100, 0)), ST_OK);
    assert_refused(&card, play(&card, programme, spend(1000000, 1, 0)), REFUSAL_POINTS_HELD);

    /* A ring that does not reach back: all are held. Without a clock: none. */
    struct card later = card;
    later.minute = first + 5 * DAY_MINUTES; /* day 6: what day 4 earned is held, 100 are free */
    struct card seen = later;
    assert_int_equal(play(&seen, programme, spend(1000000, 100, 0)), ST_OK);
    later.count = 1;
    assert_refused(&later, play(&later, programme, spend(1000000, 1, 0)), REFUSAL_POINTS_HELD);
    later.minute = first + 6 * DAY_MINUTES;
    assert_int_equal(play(&later, programme, spend(1000000, 1, 0)), ST_OK);
    card.minute = 0;
    assert_int_equal(play(&card, programme, spend(1000000, 200, 0)), ST_OK);
    programme_free(programme);
}

static void a_sale_is_refused_in_the_stated_order(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'redemption': {'min_points': 20, 'max_percent': 50},"
             " 'purses': {'points': {'hold_days': 3}}, 'limits': {'sale_max_rials': 1000000},"
             " 'products': [{'id': 'dairy', 'number': 4, 'earns': true},"
             "              {'id': 'gift', 'number': 9, 'earns': false}], " EARN "}");
    struct card card = card_of(programme, 1000);
    (void)buy(&card, programme, 1000);
    struct wish wish = spend(1000001, 19, 1000001);
    put_lines(&card, 1, 1, 1);
    card.occasion.code = 1;
    card.history[0].status = CARD_BLOCKED;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_CARD_BLOCKED);
    card.history[0].status = CARD_ACTIVE;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_AMOUNT_RANGE);
    wish.amount.rials = 100000;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_LINES_DIFFER);
    card.occasion.line_count = 0;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_CODE_UNKNOWN);
    card.occasion.code = 0;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_REDEMPTION_RANGE); /* too few */
    wish = spend(199999, 101, 1001);
    wish.redeem.n = INT64_MAX;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_POINTS_SHORT);
    wish.redeem.n = 101;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_POINTS_SHORT);
    wish.redeem.n = 100;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_POINTS_HELD);
    card.minute += 4 * DAY_MINUTES;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_REDEMPTION_RANGE); /* too many */
    wish.amount.rials = 200000;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_CREDIT_SHORT);
    wish = spend(40000, 20, 20001);
    card.history[0].purse[PURSE_CREDIT].rials = 20001;
    assert_refused(&card, play(&card, programme, wish), REFUSAL_PAYS_TOO_MUCH);
    wish.pay_credit.rials = 20000;
    assert_int_equal(play(&card, programme, wish), ST_OK);
    programme_free(programme);
}

static void what_a_club_does_not_use_is_refused(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'modules': ['points'], 'tiers': null, 'redemption': {'rials_per_point': 0},"
             " 'limits': {'load_max_rials': 1, 'opening_max_rials': 0},"
             " 'purses': {'points': {'expiry': null}, 'credit': {'max_rials': 1}}, " EARN "}");
    struct card card = card_of(programme, 0);
    (void)buy(&card, programme, 1000);
    assert_refused(&card, play(&card, programme, spend(1000, 1, 0)), REFUSAL_REDEMPTION_OFF);
    assert_refused(&card, play(&card, programme, spend(1000, 0, 1)), REFUSAL_CREDIT_OFF);
    struct wish wish = {.kind = TRANSACTION_LOAD, .amount = {1000}};
    assert_refused(&card, play(&card, programme, wish), REFUSAL_CREDIT_OFF);
    card.occasion.code = 1;
    assert_refused(&card, play(&card, programme, spend(1000, 0, 0)), REFUSAL_CODES_OFF);
    card.occasion.code = 0;
    struct card none;
    memset(&none, 0, sizeof none);
    wish.kind = TRANSACTION_ACTIVATE;
    assert_refused(&none, play(&none, programme, wish), REFUSAL_CREDIT_OFF);
    programme_free(programme);
}

/* --- the explanation ----------------------------------------------------------------------- */

static void many_steps_keep_those_that_were_applied(void **state)
{
    (void)state;
    char patch[30000] = "{'stacking': {'rebate': 'best'}, 'rules': [";
    size_t at = strlen(patch);
    for (int i = 0; i < 200; i += 1) {
        at += (size_t)snprintf(patch + at, sizeof patch - at,
                               "%s{'id': 'r%d', 'when': true, 'do': {'rebate': {'rials': %d}}}",
                               i == 0 ? "" : ", ", i, i == 150 ? 5000 : i);
    }
    (void)snprintf(patch + at, sizeof patch - at, "]}");
    struct programme *programme = club(patch);
    struct card card = card_of(programme, 0);
    const struct plan *plan = buy(&card, programme, 100000);
    assert_int_equal(plan->parts.rebate.rials, 5000);
    assert_int_equal(plan->step_count, PLAN_STEPS_MAX);
    assert_int_equal(plan->step_more, 200 - PLAN_STEPS_MAX);
    assert_int_equal(plan->steps[PLAN_STEPS_MAX - 1].rule, 150);
    assert_int_equal(plan->steps[PLAN_STEPS_MAX - 1].note, STEP_APPLIED);
    assert_int_equal(plan->steps[PLAN_STEPS_MAX - 2].rule, PLAN_STEPS_MAX - 2);
    programme_free(programme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_rules_add_up_or_the_best_or_the_first_counts),
        cmocka_unit_test(of_equal_rules_the_earlier_one_counts),
        cmocka_unit_test(each_rule_is_rounded_down_and_the_price_never_falls_below_0),
        cmocka_unit_test(product_groups_have_their_own_rules_and_some_earn_nothing),
        cmocka_unit_test(lines_must_add_up_to_the_basket),
        cmocka_unit_test(cashback_stops_at_the_ceiling_of_the_purse),
        cmocka_unit_test(stamps_stop_at_15_and_the_last_group_counts),
        cmocka_unit_test(
            of_the_rules_with_once_only_the_first_acts_and_the_next_one_at_the_next_sale),
        cmocka_unit_test(points_pay_within_their_bounds),
        cmocka_unit_test(points_are_held_for_so_many_days),
        cmocka_unit_test(a_sale_is_refused_in_the_stated_order),
        cmocka_unit_test(what_a_club_does_not_use_is_refused),
        cmocka_unit_test(many_steps_keep_those_that_were_applied),
    };
    return cmocka_run_group_tests_name("plan_rules", tests, NULL, NULL);
}
