/* Tests of refunds in plan.h where the goods of one basket did not earn alike: whichever go back,
 * no more stays than what the others earned. */
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

#define BASE  "{'id': 'base', 'when': true, 'do': {'award': {'points': 10, 'per_rials': 1000000}}}"
#define LARGE "{'>=': [{'var': 'sale.amount'}, 5000000]}"

enum { DAIRY = 4, GIFT = 9 };
#define PRODUCTS                                                                                   \
    "'products': [{'id': 'dairy', 'number': 4, 'earns': true},"                                    \
    "             {'id': 'gift', 'number': 9, 'earns': false}]"
#define DAIRY_RULE                                                                                 \
    "{'id': 'dairy', 'when': true,"                                                                \
    " 'do': {'award': {'points': 3, 'per_rials': 70000, 'of': 'dairy'}}}"

static void basket_of(struct card *card, int64_t other, int64_t dairy, int64_t gift)
{
    card->occasion.line_count = 3;
    card->occasion.lines[0] = (struct basket_line){.amount = {other}};
    card->occasion.lines[1] = (struct basket_line){.product = DAIRY, .amount = {dairy}};
    card->occasion.lines[2] = (struct basket_line){.product = GIFT, .amount = {gift}};
}

static void a_sale_tells_that_some_of_its_goods_earned_nothing(void **state)
{
    (void)state;
    static const struct {
        int64_t other, dairy, gift;
        bool has_idle;
    } cases[] = {{10, 10, 0, false}, {0, 0, 10, false}, {9, 0, 1, true}, {0, 1, 9, true}};
    struct programme *programme = club("{" PRODUCTS ", 'rules': [" BASE ", " DAIRY_RULE "]}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        struct card card = card_of(programme, 0);
        basket_of(&card, cases[i].other, cases[i].dairy, cases[i].gift);
        (void)buy(&card, programme, cases[i].other + cases[i].dairy + cases[i].gift);
        assert_int_equal(card.history[0].last.has_idle, cases[i].has_idle);
    }
    programme_free(programme);
}

/* Of 10,000,000 by hand: what may a part have earned at most, and so what is left? */
static void the_most_that_a_part_may_have_earned_goes_back(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *extras;
        int64_t dairy, gift, award, back, kept;
    } cases[] = {
        /* 42 for dairy are extra; 1,000,000 reach into 15 blocks of 70,000, whether dairy or not.
         */
        {BASE ", " DAIRY_RULE, "share", 1000000, 0, 142, 1000000, 90},
        {BASE ", " DAIRY_RULE, "share", 1000000, 0, 142, 70000, 90 + 42 - 3},
        {BASE ", " DAIRY_RULE, "lost", 1000000, 0, 142, 1, 90},
        /* With a gift card the 132 do not tell what base gave: a block of it, and dairy likewise.
         */
        {BASE ", " DAIRY_RULE, "share", 1000000, 1000000, 132, 1000000, 132 - 10 - 45},
        {BASE ", " DAIRY_RULE, "lost", 1000000, 1000000, 132, 1, 0},
        /* Half of it is a gift card: 50 for a large basket hide what base misses. */
        {BASE ", {'id': 'large', 'when': " LARGE ", 'do': {'award': {'points': 50}}}", "share", 0,
         5000000, 100, 5000000, 0},
        /* The 50 are shared by price, and 70,000 of it may have been dairy. */
        {BASE ", " DAIRY_RULE ", {'id': 'large', 'when': " LARGE
              ", 'do': {'award': {'points': 50}}}",
         "share", 0, 0, 150, 70000, 90 + 50 - 1 - 3},
        /* The goods with a rebate of their own cost less than they count for. */
        {BASE ", " DAIRY_RULE
              ", {'id': 'r', 'when': true, 'do': {'rebate': {'percent': 90, 'of': 'dairy'}}}",
         "share", 1000000, 0, 90 + 3 * 13, 100000, 90},
        /* No rule gives more than its maximum. */
        {"{'id': 'a', 'when': true, 'do': {'award': {'points': 10, 'per_rials': 1000000,"
         "                                           'max_points': 30}}},"
         "{'id': 'b', 'when': true, 'do': {'award': {'points': 1, 'per_rials': 1000000}}}",
         "share", 0, 1000000, 30 + 9, 4000000, 39 - 30 - 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        char patch[1500];
        (void)snprintf(patch, sizeof patch,
                       "{" PRODUCTS ", 'refund': {'extras': '%s'}, 'rules': [%s]}", cases[i].extras,
                       cases[i].rules);
        struct programme *programme = club(patch);
        struct card card = card_of(programme, 0);
        basket_of(&card, 10000000 - cases[i].dairy - cases[i].gift, cases[i].dairy, cases[i].gift);
        assert_int_equal(buy(&card, programme, 10000000)->parts.award.n, cases[i].award);
        assert_int_equal(give_back(&card, programme, 2, cases[i].back), ST_OK);
        assert_int_equal(points_of(&card), cases[i].kept);
        assert_int_equal(give_back(&card, programme, 2, 0), ST_OK);
        assert_int_equal(points_of(&card), 0);
        programme_free(programme);
    }
}

/* A rule with a mark can have given only to the sale that used it. */
static void a_mark_that_the_sale_did_not_use_takes_nothing_back(void **state)
{
    (void)state;
    struct programme *programme =
        club("{" PRODUCTS ", 'marks': [{'id': 'w', 'number': 14, 'per': 'ever'}],"
             " 'rules': [" BASE ", {'id': 'first', 'when': true, 'once': 'w',"
             "                      'do': {'award': {'points': 50}}}]}");
    struct card card = card_of(programme, 0);
    basket_of(&card, 9000000, 0, 1000000);
    assert_int_equal(buy(&card, programme, 10000000)->parts.award.n, 140);
    assert_int_equal(buy(&card, programme, 10000000)->parts.award.n, 90);
    assert_int_equal(give_back(&card, programme, 3, 1000000), ST_OK);
    assert_int_equal(points_of(&card), 140 + 80);
    assert_int_equal(give_back(&card, programme, 2, 1000000), ST_OK);
    assert_int_equal(points_of(&card), 80 + 80);
    programme_free(programme);
}

/* 900 points for 9,000,000 beside a gift card; then the club gives a tenth of that: what stays of
 * the sale has earned no more than it would now. */
static void rates_that_fell_since_the_sale_leave_nothing_beyond_them(void **state)
{
    (void)state;
    struct programme *then = club("{" PRODUCTS ", 'rules': [{'id': 'b', 'when': true,"
                                  " 'do': {'award': {'points': 100, 'per_rials': 1000000}}}]}");
    struct programme *now = club("{" PRODUCTS ", 'rules': [" BASE "]}");
    struct card card = card_of(then, 0);
    basket_of(&card, 9000000, 0, 1000000);
    assert_int_equal(buy(&card, then, 10000000)->parts.award.n, 900);
    assert_int_equal(give_back(&card, now, 2, 9000000), ST_OK);
    assert_int_equal(points_of(&card), 10);
    programme_free(then);
    programme_free(now);
}

/* What goods earn by the rules of goods_programme(), each rule by itself; `left` of `amount`
 * counts. A condition that held for the sale is taken to hold for what is left of it; the fixed
 * award is shared by price when all goods earned. */
struct goods {
    int64_t other, dairy, gift;
};
struct terms {
    int64_t left, amount;
    bool was_large, had_gift;
};
struct worths {
    int64_t award[4], cashback[2];
};

static struct worths worths_of(struct goods goods, struct terms terms)
{
    int64_t stays = goods.other + goods.dairy + goods.gift;
    int64_t earning = terms.left * (goods.other + goods.dairy) / terms.amount;
    int64_t dairy = terms.left * goods.dairy / terms.amount;
    int64_t percent = earning / 5 < 700000 ? earning / 5 : 700000;
    int64_t fixed = terms.had_gift ? 40 * (earning > 0) : 40 * stays / terms.amount;
    return (struct worths){
        .award = {earning / 1000000 * 10, earning / 130000, terms.was_large ? fixed : 0,
                  dairy / 70000 * 3},
        .cashback = {terms.was_large ? percent : 0, dairy / 20},
    };
}

static int64_t stacked(const int64_t *values, size_t count, bool is_sum)
{
    int64_t result = 0;
    for (size_t i = 0; i < count; i += 1) {
        result = is_sum ? result + values[i] : result > values[i] ? result : values[i];
    }
    return result;
}

static struct programme *goods_programme(const char *switches)
{
    char patch[3000];
    (void)snprintf(patch, sizeof patch,
                   "{%s, " PRODUCTS ", 'rules': [" BASE ", " DAIRY_RULE ","
                   "  {'id': 'fine', 'when': true, 'do': {'award': {'points': 1,"
                   "   'per_rials': 130000}}},"
                   "  {'id': 'large', 'when': " LARGE ","
                   "   'do': {'award': {'points': 40},"
                   "          'cashback': {'percent': 20, 'max_rials': 700000}}},"
                   "  {'id': 'milk', 'when': true,"
                   "   'do': {'cashback': {'percent': 5, 'of': 'dairy'}}},"
                   "  {'id': 'off', 'when': {'>': [{'var': 'sale.pay_credit'}, 1500000]},"
                   "   'do': {'rebate': {'percent': 5}}}]}",
                   switches);
    return club(patch);
}

/* Some of the goods of one kind, or all of them. */
static int64_t take_some(int64_t *there)
{
    int64_t taken = draw(3) == 0 ? *there : draw(*there + 1);
    *there -= taken;
    return taken;
}

/* Sells a basket and returns its goods bit by bit; after each bit no more is left on the card than
 * what the goods that stay earn. The till rounds their price up to whole rials. */
static void return_goods(const struct programme *programme, bool is_sum)
{
    struct card card = card_of(programme, 3000000);
    struct goods goods = {draw(9000000), 1 + draw(3000000), draw(2) * (1 + draw(3000000))};
    int64_t amount = goods.other + goods.dairy + goods.gift;
    struct wish wish = {.kind = TRANSACTION_SALE,
                        .amount = {amount},
                        .pay_credit = {draw(2) * draw(amount < 6000000 ? amount / 2 : 3000000)}};
    basket_of(&card, goods.other, goods.dairy, goods.gift);
    assert_int_equal(play(&card, programme, wish), ST_OK);
    int64_t net = amount - card.plan.parts.rebate.rials;
    const struct terms terms = {
        .left = net - (programme->award_on_credit ? 0 : wish.pay_credit.rials),
        .amount = amount,
        .was_large = amount >= 5000000,
        .had_gift = goods.gift > 0,
    };
    int64_t back = 0;
    card.knows_parts = true;

    while (goods.other + goods.dairy + goods.gift > 0) {
        int64_t *const kinds[] = {&goods.other, &goods.dairy, &goods.gift};
        (void)take_some(kinds[draw(3)]);
        int64_t stays = goods.other + goods.dairy + goods.gift;
        int64_t now = net - net * stays / amount - back;
        if (now == 0) {
            continue;
        }
        int64_t credit = credit_of(&card);
        assert_int_equal(give_back(&card, programme, 2, now), ST_OK);
        assert_int_equal(credit_of(&card) - credit,
                         card.plan.parts.payment.rials - card.plan.parts.load.rials);
        back += now;
        struct worths worths = worths_of(goods, terms);
        int64_t paid = wish.pay_credit.rials - wish.pay_credit.rials * back / net;
        assert_true(points_of(&card) <= stacked(worths.award, 4, is_sum));
        assert_true(credit_of(&card) - 3000000 + paid <= stacked(worths.cashback, 2, is_sum));
    }
    assert_int_equal(points_of(&card), 0);
    assert_int_equal(credit_of(&card), 3000000);
}

static void goods_that_went_back_leave_nothing_of_what_they_earned(void **state)
{
    (void)state;
    static const char *const stacking[] = {"'stacking': {'award': 'sum', 'cashback': 'sum'}",
                                           "'stacking': {'award': 'best', 'cashback': 'best'}"};
    for (unsigned i = 0; i < 8; i += 1) {
        char switches[200];
        (void)snprintf(
            switches, sizeof switches, "%s, 'award_on': {'credit': %s}, 'refund': {'extras': '%s'}",
            stacking[i & 1], (i & 2) != 0 ? "true" : "false", (i & 4) != 0 ? "lost" : "share");
        struct programme *programme = goods_programme(switches);
        draw_seed(500 + i);
        for (int turn = 0; turn < 500; turn += 1) {
            return_goods(programme, (i & 1) == 0);
        }
        programme_free(programme);
    }
}

/* Buy goods and a gift card, which earns nothing; return the goods, keep the card: no points stay.
 */
static void goods_that_earn_go_back_before_those_that_do_not(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'products': [{'id': 'dairy', 'number': 4, 'earns': true},"
             "              {'id': 'gift', 'number': 9, 'earns': false}], 'rules': [" BASE "]}");
    struct card card = card_of(programme, 0);
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {10000000}};
    card.occasion.line_count = 2;
    card.occasion.lines[0] = (struct basket_line){.product = 4, .amount = {9000000}, .milli = 1000};
    card.occasion.lines[1] = (struct basket_line){.product = 9, .amount = {1000000}, .milli = 1000};
    assert_int_equal(play(&card, programme, wish), ST_OK);
    assert_int_equal(card.plan.parts.award.n, 90);
    card.occasion.line_count = 0;
    assert_int_equal(give_back(&card, programme, 2, 4500000), ST_OK);
    assert_int_equal(points_of(&card), 40); /* 5,500,000 stay, of which 1,000,000 earned nothing */
    assert_int_equal(give_back(&card, programme, 2, 4500000), ST_OK);
    assert_int_equal(points_of(&card), 0);
    programme_free(programme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sale_tells_that_some_of_its_goods_earned_nothing),
        cmocka_unit_test(the_most_that_a_part_may_have_earned_goes_back),
        cmocka_unit_test(a_mark_that_the_sale_did_not_use_takes_nothing_back),
        cmocka_unit_test(rates_that_fell_since_the_sale_leave_nothing_beyond_them),
        cmocka_unit_test(goods_that_went_back_leave_nothing_of_what_they_earned),
        cmocka_unit_test(goods_that_earn_go_back_before_those_that_do_not),
    };
    return cmocka_run_group_tests_name("plan_goods", tests, NULL, NULL);
}
