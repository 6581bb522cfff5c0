/* Tests of explain.h. The lines that are expected are written by hand from docs/programme.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/explain.h"
#include "tests/unit/plan_card.h"

#define TOMAN(n) (INT64_C(10) * (n))

/* The lines of one explanation: "kind name: text = result", a line each. */
struct told {
    size_t count;
    char text[16384];
};

static void take(void *context, const struct explain_line *line)
{
    static const char *const kinds[] = {"rule", "aside", "say", "total", "missing"};
    struct told *told = context;
    size_t used = strlen(told->text);
    int length = snprintf(told->text + used, sizeof told->text - used, "%s %s: %s = %s\n",
                          kinds[line->kind], line->name, line->text, line->result);
    assert_true(length > 0 && (size_t)length < sizeof told->text - used);
    told->count += 1;
}

/* Plans a sale of the card and explains it; then the card carries it. */
static struct told tell(struct card *card, const struct programme *programme, struct wish wish,
                        enum explain_language language)
{
    struct told told = {0};
    struct plan plan;
    const struct plan_input input = {
        .programme = programme,
        .history = card->history,
        .history_count = card->count,
        .wish = wish,
        .occasion = &card->occasion,
        .minute = card->minute,
        .terminal = 17,
        .sequence = (uint32_t)card->count + 1,
    };
    assert_int_equal(plan_make(&input, &plan), ST_OK);
    explain(&input, &plan, language, take, &told);
    assert_int_equal(play(card, programme, wish), ST_OK);
    return told;
}

static struct told sell(struct card *card, const struct programme *programme, int64_t toman,
                        enum explain_language language)
{
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {TOMAN(toman)}};
    return tell(card, programme, wish, language);
}

static void assert_has(const struct told *told, const char *line)
{
    if (strstr(told->text, line) == NULL) {
        fail_msg("no line \"%s\" in:\n%s", line, told->text);
    }
}

static void assert_lacks(const struct told *told, const char *line)
{
    if (strstr(told->text, line) != NULL) {
        fail_msg("there is a line \"%s\" in:\n%s", line, told->text);
    }
}

/* --- texts ---------------------------------------------------------------------------------- */

static void money_is_shown_in_the_programmes_unit_and_never_ten_times_off(void **state)
{
    (void)state;
    struct programme programme = {.unit = UNIT_TOMAN};
    char text[EXPLAIN_AMOUNT_MAX];
    static const struct {
        int64_t rials;
        const char *toman, *rial, *persian;
    } cases[] = {
        {0, "0 toman", "0 rials", "۰ تومان"},
        {5, "0.5 toman", "5 rials", "۰٫۵ تومان"},
        {1000, "100 toman", "1,000 rials", "۱۰۰ تومان"},
        {9990, "999 toman", "9,990 rials", "۹۹۹ تومان"},
        {10000, "1,000 toman", "10,000 rials", "۱٬۰۰۰ تومان"},
        {12345, "1,234.5 toman", "12,345 rials", "۱٬۲۳۴٫۵ تومان"},
        {68719476735, "6,871,947,673.5 toman", "68,719,476,735 rials", "۶٬۸۷۱٬۹۴۷٬۶۷۳٫۵ تومان"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        programme.unit = UNIT_TOMAN;
        explain_money(&programme, EXPLAIN_EN, (struct money){cases[i].rials}, text);
        assert_string_equal(text, cases[i].toman);
        explain_money(&programme, EXPLAIN_FA, (struct money){cases[i].rials}, text);
        assert_string_equal(text, cases[i].persian);
        programme.unit = UNIT_RIAL;
        explain_money(&programme, EXPLAIN_EN, (struct money){cases[i].rials}, text);
        assert_string_equal(text, cases[i].rial);
    }
}

static void numbers_have_separators_and_percents_their_decimals(void **state)
{
    (void)state;
    char text[EXPLAIN_AMOUNT_MAX];
    explain_number(EXPLAIN_EN, 1234567, text);
    assert_string_equal(text, "1,234,567");
    explain_number(EXPLAIN_EN, INT64_MIN, text);
    assert_string_equal(text, "-9,223,372,036,854,775,808");
    explain_number(EXPLAIN_FA, INT64_MAX, text);
    assert_string_equal(text, "۹٬۲۲۳٬۳۷۲٬۰۳۶٬۸۵۴٬۷۷۵٬۸۰۷");
    explain_percent(EXPLAIN_EN, 1250, text);
    assert_string_equal(text, "12.5 percent");
    explain_percent(EXPLAIN_EN, 1205, text);
    assert_string_equal(text, "12.05 percent");
    explain_percent(EXPLAIN_FA, 4000, text);
    assert_string_equal(text, "۴۰ درصد");
    explain_points(EXPLAIN_EN, 1, text);
    assert_string_equal(text, "1 point");
}

/* Nowruz is on 2026-03-21, so 2026-11-22 is 1 Azar 1405; it is on 2025-03-21, so the day before it
 * is 30 Esfand 1403. */
static void dates_are_jalali(void **state)
{
    (void)state;
    char text[EXPLAIN_DATE_MAX];
    explain_date(EXPLAIN_EN, 1056, text);
    assert_string_equal(text, "1 Azar 1405");
    explain_date(EXPLAIN_FA, 444, text);
    assert_string_equal(text, "۳۰ اسفند ۱۴۰۳");
}

/* Every refusal has a word of its own and a Persian sentence. */
static void every_refusal_has_its_words(void **state)
{
    (void)state;
    for (int i = REFUSAL_CARD_BLOCKED; i <= REFUSAL_ACTION_NEXT; i += 1) {
        assert_string_not_equal(explain_refusal_fa((enum refusal)i), "");
        for (int j = REFUSAL_NONE; j < i; j += 1) {
            assert_string_not_equal(explain_refusal_word((enum refusal)i),
                                    explain_refusal_word((enum refusal)j));
        }
    }
}

/* --- sales ---------------------------------------------------------------------------------- */

/* 500,000 toman: 40 percent, at most 150,000; 350,000 left: 10 points a full 100,000 = 30. */
static void a_sale_is_told_rule_by_rule(void **state)
{
    (void)state;
    struct programme *programme = club(
        "{'rules': [{'id': 'base', 'when': true, 'do': {'award': {'points': 10, 'per_rials': "
        "1000000}}}, {'id': 'forty', 'when': true, 'do': {'rebate': {'percent': 40, 'max_rials': "
        "1500000}}, 'say': {'fa': 'چهل', 'en': 'Forty off'}}]}");
    struct card card = card_of(programme, 0);
    struct card other = card;
    struct told told = sell(&card, programme, 500000, EXPLAIN_EN);
    assert_has(&told, "rule forty: 40 percent off 500,000 toman, at most 150,000 toman = "
                      "150,000 toman\nsay forty: Forty off = \n");
    assert_has(&told, "rule base: 10 points for each full 100,000 toman of 350,000 toman = "
                      "30 points\n");
    assert_has(&told, "total : Basket = 500,000 toman\ntotal : Rebate = 150,000 toman\n"
                      "total : Price = 350,000 toman\ntotal : To pay = 350,000 toman\n"
                      "total : Points earned = 30 points\n");
    assert_has(&told, "total : Points on the card = 30 points\n");
    told = sell(&other, programme, 500000, EXPLAIN_FA);
    assert_has(&told, "rule forty: ۴۰ درصد تخفیف از ۵۰۰٬۰۰۰ تومان، حداکثر ۱۵۰٬۰۰۰ تومان = "
                      "۱۵۰٬۰۰۰ تومان\nsay forty: چهل = \n");
    assert_has(&told, "total : قابل پرداخت = ۳۵۰٬۰۰۰ تومان\n");
    programme_free(programme);
}

/* 12,345 toman, 10 percent = 1,234.5, down to 1,200. */
static void rounding_is_said_where_it_changes_something(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'rounding': {'rebate_rials': 1000, 'cashback_rials': 1000}, 'rules': [{'id': 'ten', "
             "'when': true, 'do': {'cashback': {'percent': 10}}}]}");
    struct card card = card_of(programme, 0);
    struct told told = sell(&card, programme, 12345, EXPLAIN_EN);
    assert_has(&told, "10 percent of 12,345 toman back as credit, rounded down = 1,200 toman");
    told = sell(&card, programme, 12000, EXPLAIN_EN);
    assert_has(&told, "10 percent of 12,000 toman back as credit = 1,200 toman");
    programme_free(programme);
}

static void a_rule_that_stacking_left_out_is_told_aside(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'stacking': {'rebate': 'best', 'award': 'sum', 'cashback': 'sum'}, 'rules': [{'id': "
             "'five', 'when': true, 'do': {'rebate': {'percent': 5}}, 'say': {'fa': 'پنج', 'en': "
             "'Five'}}, {'id': 'ten', 'when': true, 'do': {'rebate': {'percent': 10}}}, {'id': "
             "'much', 'when': true, 'do': {'award': {'points': 1, 'per_rials': 100000000}}}]}");
    struct card card = card_of(programme, 0);
    struct told told = sell(&card, programme, 100000, EXPLAIN_EN);
    assert_has(&told,
               "aside five: 5 percent off 100,000 toman: another rule gives as much or more");
    assert_lacks(&told, "say five"); /* it gave nothing, so it says nothing */
    assert_has(&told, "rule ten: 10 percent off 100,000 toman = 10,000 toman");
    assert_has(&told,
               "aside much: 1 point for each full 10,000,000 toman of 90,000 toman: comes to "
               "nothing here");
    programme_free(programme);
}

static void what_the_card_cannot_hold_is_told(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'purses': {'points': {'max': 25}}, 'rules': [{'id': 'base', 'when': true, 'do': "
             "{'award': {'points': 10, 'per_rials': 1000000}}}]}");
    struct card card = card_of(programme, 0);
    struct told told = sell(&card, programme, 300000, EXPLAIN_EN);
    assert_has(&told, "rule : 30 points in all, as far as the card may hold = 25 points");
    assert_has(&told, "Points earned = 25 points");
    programme_free(programme);
}

static void points_and_credit_paid_are_told(void **state)
{
    (void)state;
    struct programme *programme = club("{'rules': [{'id': 'base', 'when': true, 'do': {'award': "
                                       "{'points': 10, 'per_rials': 1000000}}}]}");
    struct card card = card_of(programme, TOMAN(50000));
    (void)buy(&card, programme, TOMAN(100000));
    struct wish wish = {.kind = TRANSACTION_SALE,
                        .amount = {TOMAN(100000)},
                        .pay_credit = {TOMAN(20000)},
                        .redeem = {10}};
    struct told told = tell(&card, programme, wish, EXPLAIN_EN);
    assert_has(&told, "total : Paid with 10 points, each 100 toman = 1,000 toman\n"
                      "total : Paid with credit = 20,000 toman\ntotal : To pay = 79,000 toman\n");
    assert_has(&told, "Credit on the card = 30,000 toman");
    programme_free(programme);
}

/* --- what is missing ------------------------------------------------------------------------ */

/* W06: after the first order two more are paid, then the fourth is free. */
static void the_receipt_counts_the_stamps_to_the_gift(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'rules': [{'id': 'stamp', 'when': {'<': [{'var': 'card.stamps'}, 3]}, 'do': "
             "{'stamps': {'add': 1}}}, {'id': 'free', 'when': {'>=': [{'var': 'card.stamps'}, 3]}, "
             "'do': {'rebate': {'percent': 100}, 'stamps': {'set': 0}}, 'say': {'fa': 'مهمان ما', "
             "'en': 'On us'}}]}");
    struct card card = card_of(programme, 0);
    struct told told = sell(&card, programme, 50000, EXPLAIN_EN);
    assert_has(&told, "rule stamp: 1 stamp = 1\n");
    assert_has(&told, "missing free: 2 more stamps to: On us = \n");
    told = sell(&card, programme, 50000, EXPLAIN_FA);
    assert_has(&told, "missing free: ۱ مهر دیگر تا: مهمان ما = \n");
    told = sell(&card, programme, 50000, EXPLAIN_EN);
    assert_has(&told, "missing free: Next time: On us = \n");
    told = sell(&card, programme, 50000, EXPLAIN_EN);
    assert_has(&told, "To pay = 0 toman");
    assert_has(&told, "missing free: 3 more stamps to: On us = \n");
    programme_free(programme);
}

static void a_gift_that_stamps_do_not_bring_is_not_promised(void **state)
{
    (void)state;
    struct programme *programme = club(
        "{'rules': [{'id': 'stamp', 'when': true, 'do': {'stamps': {'add': 1}}}, {'id': "
        "'rich', 'when': {'>=': [{'var': 'sale.amount'}, 9000000]}, 'do': {'rebate': "
        "{'percent': 10}}}, {'id': 'never', 'when': {'>': [{'var': 'card.stamps'}, 15]}, 'do': "
        "{'rebate': {'percent': 10}}}]}");
    struct card card = card_of(programme, 0);
    struct told told = sell(&card, programme, 50000, EXPLAIN_EN);
    assert_lacks(&told, "missing rich");
    assert_lacks(&told, "missing never");
    programme_free(programme);
}

static void the_way_to_the_next_tier_is_told_to_the_last_point(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'tiers': {'measure': 'earned', 'period': 'year', 'falls': true, 'list': [{'id': "
             "'bronze', 'from': 0}, {'id': 'silver', 'from': 30}]}, 'rules': [{'id': 'base', "
             "'when': true, 'do': {'award': {'points': 10, 'per_rials': 1000000}}}]}");
    struct card card = card_of(programme, 0);
    struct told told = sell(&card, programme, 100000, EXPLAIN_EN);
    assert_has(&told, "total : Tier = bronze\nmissing : Still 20 points to tier silver = \n");
    told = sell(&card, programme, 199999, EXPLAIN_FA);
    assert_has(&told, "missing : هنوز ۱۰ امتیاز تا سطح silver = \n");
    told = sell(&card, programme, 100000, EXPLAIN_EN);
    assert_has(&told, "Tier = silver");
    assert_lacks(&told, "missing");
    programme_free(programme);
}

/* --- other kinds ---------------------------------------------------------------------------- */

static void refunds_and_loads_are_told_in_totals(void **state)
{
    (void)state;
    struct programme *programme = club("{'rules': [{'id': 'base', 'when': true, 'do': {'award': "
                                       "{'points': 10, 'per_rials': 1000000}}}]}");
    struct card card = card_of(programme, 0);
    (void)buy(&card, programme, TOMAN(200000));
    struct wish back = {.kind = TRANSACTION_REFUND,
                        .amount = {TOMAN(100000)},
                        .refers_counter = card.history[0].counter};
    struct told told = tell(&card, programme, back, EXPLAIN_EN);
    assert_has(&told, "total : Returned = 100,000 toman\ntotal : Given back = 100,000 toman\n"
                      "total : Points taken back = 10 points\ntotal : Points on the card = 10 "
                      "points\n");
    struct wish load = {.kind = TRANSACTION_LOAD, .amount = {TOMAN(70000)}};
    told = tell(&card, programme, load, EXPLAIN_FA);
    assert_has(&told, "total : شارژ = ۷۰٬۰۰۰ تومان\n");
    assert_has(&told, "total : اعتبار کارت = ۷۰٬۰۰۰ تومان\n");
    programme_free(programme);
}

static void a_card_that_moves_is_told_in_totals(void **state)
{
    (void)state;
    struct programme *programme = club("{'rules': [{'id': 'base', 'when': true, 'do': {'award': "
                                       "{'points': 10, 'per_rials': 1000000}}}]}");
    struct card card = card_of(programme, TOMAN(5000));
    (void)buy(&card, programme, TOMAN(200000));
    const struct snapshot had = card.history[0];
    card.occasion.peer.direction = PEER_OUT;
    struct told told =
        tell(&card, programme, (struct wish){.kind = TRANSACTION_DUPLICATE}, EXPLAIN_EN);
    assert_has(&told, "total : Credit that moves = 5,000 toman\ntotal : Points that move = 20 "
                      "points\ntotal : Points on the card = 0 points\n");
    assert_lacks(&told, "Gift");
    struct card new = {.occasion.peer.direction = PEER_IN, .minute = card.minute};
    struct wish in = {.kind = TRANSACTION_DUPLICATE,
                      .amount = had.purse[PURSE_CREDIT],
                      .inherits.points = had.points};
    told = tell(&new, programme, in, EXPLAIN_FA);
    assert_has(&told, "total : امتیاز کارت = ۲۰ امتیاز\ntotal : اعتبار کارت = ۵٬۰۰۰ تومان\n");
    assert_lacks(&told, "انتقالی");
    programme_free(programme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money_is_shown_in_the_programmes_unit_and_never_ten_times_off),
        cmocka_unit_test(numbers_have_separators_and_percents_their_decimals),
        cmocka_unit_test(dates_are_jalali),
        cmocka_unit_test(every_refusal_has_its_words),
        cmocka_unit_test(a_sale_is_told_rule_by_rule),
        cmocka_unit_test(rounding_is_said_where_it_changes_something),
        cmocka_unit_test(a_rule_that_stacking_left_out_is_told_aside),
        cmocka_unit_test(what_the_card_cannot_hold_is_told),
        cmocka_unit_test(points_and_credit_paid_are_told),
        cmocka_unit_test(the_receipt_counts_the_stamps_to_the_gift),
        cmocka_unit_test(a_gift_that_stamps_do_not_bring_is_not_promised),
        cmocka_unit_test(the_way_to_the_next_tier_is_told_to_the_last_point),
        cmocka_unit_test(refunds_and_loads_are_told_in_totals),
        cmocka_unit_test(a_card_that_moves_is_told_in_totals),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
