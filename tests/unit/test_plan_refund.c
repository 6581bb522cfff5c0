/* Tests of refund and unload in firmware/engine/plan.h: once, in any split, never ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/plan.h"
#include "tests/unit/plan_card.h"

enum { SPLITS = 3000 };

/* --- one sale or load
 * -------------------------------------------------------------------------------- */

static void a_full_refund_undoes_the_sale(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    assert_int_equal(sale(&card, 10000000, 0, 0), ST_OK); /* 100 points */
    assert_int_equal(sale(&card, 3000000, 700000, 40), ST_OK);
    assert_int_equal(points_of(&card), 80);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 3, 0), ST_OK);
    assert_int_equal(points_of(&card), 100);
    assert_int_equal(credit_of(&card), 1000000);
    assert_int_equal(card.plan.parts.due.rials, 3000000 - 700000 - 40000);
    assert_int_equal(card.history[0].last.reference, 1);
    assert_int_equal(card.history[0].last.redeemed.n, 40);
    assert_int_equal(card.history[0].last.amount.rials, 3000000);
}

static void a_sale_is_refunded_once(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    assert_int_equal(sale(&card, 3000000, 700000, 0), ST_OK);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 1000000), ST_OK);
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 2, 2000001), REFUSAL_ALREADY_REFUNDED);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 2000000), ST_OK);
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 2, 0), REFUSAL_ALREADY_REFUNDED);
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 2, 1), REFUSAL_ALREADY_REFUNDED);
    assert_int_equal(credit_of(&card), 1000000);
    assert_int_equal(points_of(&card), 0);
}

static void only_a_sale_in_the_history_can_be_refunded(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    assert_int_equal(load(&card, 200000), ST_OK);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 1, 0), REFUSAL_NOT_A_SALE);
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 2, 0), REFUSAL_NOT_A_SALE);
    assert_refused(&card, back(&card, TRANSACTION_UNLOAD, 3, 0), REFUSAL_NOT_A_SALE);
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 0, 0), REFUSAL_NOT_IN_HISTORY);
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 4, 0), REFUSAL_NOT_IN_HISTORY);
    assert_refused(&card, back(&card, TRANSACTION_REFUND, UINT32_MAX, 0), REFUSAL_NOT_IN_HISTORY);
    card.count = 1; /* The snapshot before the sale has left the ring. */
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 3, 0), REFUSAL_NOT_IN_HISTORY);
}

static void a_gap_in_the_history_ends_it(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_int_equal(load(&card, 200000), ST_OK);
    assert_int_equal(load(&card, 200000), ST_OK);
    memmove(card.history + 1, card.history + 2, 2 * sizeof card.history[0]);
    card.count = 3;
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 2, 0), REFUSAL_NOT_IN_HISTORY);
}

static void a_sale_63_transactions_ago_is_within_reach(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    for (int i = 0; i < 62; i += 1) {
        assert_int_equal(load(&card, 100000), ST_OK);
    }
    assert_int_equal(card.count, PLAN_HISTORY_MAX);
    struct card later = card;
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 0), ST_OK);
    assert_int_equal(card.history[0].last.reference, 63);
    assert_int_equal(load(&later, 100000), ST_OK);
    assert_refused(&later, back(&later, TRANSACTION_REFUND, 2, 0), REFUSAL_NOT_IN_HISTORY);
}

static void buying_earning_spending_and_refunding_keeps_no_points(void **state)
{
    (void)state;
    /* 10 points earned, spent on another basket, then the first sale goes back: the value of the
     * missing points is withheld from the money. */
    struct card card = new_card(0);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_int_equal(sale(&card, 10000, 0, 10), ST_OK);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 0), ST_OK);
    assert_int_equal(points_of(&card), 0);
    assert_int_equal(card.plan.parts.award.n, 0);
    assert_int_equal(card.plan.parts.due.rials, 1000000 - 10 * 1000);
}

static void missing_points_are_withheld_from_credit_when_no_money_goes_back(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    assert_int_equal(sale(&card, 1000000, 1000000, 0), ST_OK);
    assert_int_equal(sale(&card, 4000, 0, 4), ST_OK);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 0), ST_OK);
    assert_int_equal(points_of(&card), 0);
    assert_int_equal(card.plan.parts.award.n, 6);
    assert_int_equal(credit_of(&card), 1000000 - 4 * 1000);
}

static void missing_points_without_a_value_refuse_the_refund(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_int_equal(sale(&card, 10000, 0, 1), ST_OK);
    struct programme programme = base;
    programme.point_value.rials = 0;
    struct wish wish = {.kind = TRANSACTION_REFUND, .refers_counter = 2};
    assert_refused(&card, play(&card, &programme, wish), REFUSAL_POINTS_SPENT);
}

static void a_refund_too_small_for_the_missing_points_is_refused(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_int_equal(sale(&card, 10000, 0, 10), ST_OK);
    assert_refused(&card, back(&card, TRANSACTION_REFUND, 2, 9999), REFUSAL_POINTS_SPENT);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 10000), ST_OK);
    assert_int_equal(card.plan.parts.due.rials, 0);
    /* The 10 points are settled by that; the rest of the sale goes back in full. */
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 0), ST_OK);
    assert_int_equal(card.plan.parts.due.rials, 990000);
    assert_int_equal(card.plan.parts.award.n, 0);
}

static void points_with_another_value_stop_the_refund_of_a_redemption(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(sale(&card, 10000000, 0, 0), ST_OK);
    assert_int_equal(sale(&card, 100000, 0, 100), ST_OK); /* paid by points alone */
    struct programme programme = base;
    programme.point_value.rials = 500;
    struct wish wish = {.kind = TRANSACTION_REFUND, .refers_counter = 3};
    assert_refused(&card, play(&card, &programme, wish), REFUSAL_POINT_VALUE_CHANGED);
    wish.refers_counter = 2; /* No points were spent there: the value does not matter. */
    programme.point_value.rials = 5000;
    assert_int_equal(play(&card, &programme, wish), ST_OK);
}

static void a_basket_paid_by_points_alone_never_pays_out_money(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_int_equal(sale(&card, 10000, 0, 10), ST_OK);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 3, 9999), ST_OK);
    assert_int_equal(card.plan.parts.due.rials, 0);
    assert_int_equal(card.plan.parts.redeemed.n, 9);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 3, 1), ST_OK);
    assert_int_equal(card.plan.parts.due.rials, 0);
    assert_int_equal(card.plan.parts.redeemed.n, 1);
}

static void a_partial_refund_keeps_what_the_rest_has_earned(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(sale(&card, 2500000, 0, 0), ST_OK); /* 20 points */
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 500000), ST_OK);
    assert_int_equal(points_of(&card), 20); /* 2,000,000 remain */
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 1), ST_OK);
    assert_int_equal(points_of(&card), 10);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 999999), ST_OK);
    assert_int_equal(points_of(&card), 10);
    assert_int_equal(back(&card, TRANSACTION_REFUND, 2, 1), ST_OK);
    assert_int_equal(points_of(&card), 0);
}

static void a_better_rate_later_does_not_turn_a_refund_into_an_award(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(sale(&card, 2000000, 0, 0), ST_OK); /* 20 points */
    struct programme programme = base;
    struct programme_rule rule = base.rules[0];
    rule.award.points.n = 1000;
    programme.rules = &rule;
    struct wish wish = {.kind = TRANSACTION_REFUND, .amount = {1}, .refers_counter = 2};
    assert_int_equal(play(&card, &programme, wish), ST_OK);
    assert_int_equal(points_of(&card), 19); /* the award's share of the 1,999,999 that stay */
    wish.amount.rials = 0;
    assert_int_equal(play(&card, &programme, wish), ST_OK);
    assert_int_equal(points_of(&card), 0);
}

static void an_unload_takes_back_what_a_load_put_on(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(load(&card, 1000000), ST_OK);
    assert_int_equal(back(&card, TRANSACTION_UNLOAD, 2, 400000), ST_OK);
    assert_int_equal(card.plan.parts.due.rials, 400000);
    assert_int_equal(credit_of(&card), 600000);
    assert_refused(&card, back(&card, TRANSACTION_UNLOAD, 2, 600001), REFUSAL_ALREADY_REFUNDED);
    assert_int_equal(sale(&card, 100000, 1, 0), ST_OK);
    assert_refused(&card, back(&card, TRANSACTION_UNLOAD, 2, 0), REFUSAL_CREDIT_SPENT);
    assert_int_equal(back(&card, TRANSACTION_UNLOAD, 2, 599999), ST_OK);
    assert_int_equal(credit_of(&card), 0);
}

/* --- for any card -------------------------------------------------------------------------- */

/* A card with a random past and a sale of `amount` on top, paid in a random way. */
static struct card random_sale(int64_t amount)
{
    struct card card = new_card(draw(1000000000));
    card.history[0].points.n = draw(100000);
    int64_t most = points_of(&card) < amount / 1000 ? points_of(&card) : amount / 1000;
    int64_t redeem = draw(most + 1);
    int64_t rest = amount - redeem * 1000;
    int64_t pay = draw((rest < credit_of(&card) ? rest : credit_of(&card)) + 1);
    assert_int_equal(sale(&card, amount, draw(3) == 0 ? 0 : pay, draw(3) == 0 ? 0 : redeem), ST_OK);
    return card;
}

static void any_split_of_a_refund_adds_up_to_the_full_refund(void **state)
{
    (void)state;
    draw_seed(1);
    for (int i = 0; i < SPLITS; i += 1) {
        int64_t amount = 1 + draw(draw(2) == 0 ? 2000 : 50000000);
        struct card whole = random_sale(amount);
        struct card split = whole;
        assert_int_equal(back(&whole, TRANSACTION_REFUND, 2, 0), ST_OK);

        int64_t left = amount;
        int64_t due = 0;
        for (int part = 0; left > 0; part += 1) {
            int64_t now = part == 30 ? left : 1 + draw(left);
            assert_int_equal(back(&split, TRANSACTION_REFUND, 2, now), ST_OK);
            left -= now;
            due += split.plan.parts.due.rials;
            assert_true(due <= whole.plan.parts.due.rials);
            assert_true(credit_of(&split) <= credit_of(&whole));
        }
        assert_true(due == whole.plan.parts.due.rials);
        assert_true(credit_of(&split) == credit_of(&whole));
        assert_true(points_of(&split) == points_of(&whole));
    }
}

static void no_split_with_spent_points_leaves_the_shopper_ahead(void **state)
{
    (void)state;
    /* Buy, spend points on another basket, refund the first sale in random parts. */
    draw_seed(2);
    for (int i = 0; i < SPLITS; i += 1) {
        struct card card = new_card(0);
        int64_t amount = 1000000 + draw(30000000);
        int64_t wealth = -amount;
        assert_int_equal(sale(&card, amount, 0, 0), ST_OK);
        int64_t spend = 1 + draw(points_of(&card));
        assert_int_equal(sale(&card, spend * 1000, 0, spend), ST_OK);
        wealth += spend * 1000; /* goods */

        int64_t left = amount;
        for (int part = 0; left > 0 && part < 20; part += 1) {
            int64_t now = part == 19 || draw(4) == 0 ? left : 1 + draw(left);
            enum st st = back(&card, TRANSACTION_REFUND, 2, now);
            if (st == ST_OK) {
                left -= now;
                wealth += card.plan.parts.due.rials;
            } else {
                assert_int_equal(card.plan.refusal, REFUSAL_POINTS_SPENT);
            }
            /* With the goods kept, the shopper is ahead by exactly what those have earned. */
            assert_int_equal(wealth + left + credit_of(&card) + points_of(&card) * 1000,
                             left / 1000000 * 10 * 1000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_refund_undoes_the_sale),
        cmocka_unit_test(a_sale_is_refunded_once),
        cmocka_unit_test(only_a_sale_in_the_history_can_be_refunded),
        cmocka_unit_test(a_gap_in_the_history_ends_it),
        cmocka_unit_test(a_sale_63_transactions_ago_is_within_reach),
        cmocka_unit_test(buying_earning_spending_and_refunding_keeps_no_points),
        cmocka_unit_test(missing_points_are_withheld_from_credit_when_no_money_goes_back),
        cmocka_unit_test(missing_points_without_a_value_refuse_the_refund),
        cmocka_unit_test(a_refund_too_small_for_the_missing_points_is_refused),
        cmocka_unit_test(points_with_another_value_stop_the_refund_of_a_redemption),
        cmocka_unit_test(a_basket_paid_by_points_alone_never_pays_out_money),
        cmocka_unit_test(a_partial_refund_keeps_what_the_rest_has_earned),
        cmocka_unit_test(a_better_rate_later_does_not_turn_a_refund_into_an_award),
        cmocka_unit_test(an_unload_takes_back_what_a_load_put_on),
        cmocka_unit_test(any_split_of_a_refund_adds_up_to_the_full_refund),
        cmocka_unit_test(no_split_with_spent_points_leaves_the_shopper_ahead),
    };
    return cmocka_run_group_tests_name("plan_refund", tests, plan_card_setup, plan_card_teardown);
}
