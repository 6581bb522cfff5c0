/* Tests of refunds in plan.h where rules gave more than points per block: what is taken back of
 * conditional awards, cashback, stamps; and that no sequence of sales and refunds makes value. */
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

static struct programme *with_extras(const char *extras, const char *rules)
{
    char patch[2000];
    (void)snprintf(patch, sizeof patch, "{'refund': {'extras': '%s'}, 'rules': [%s]}", extras,
                   rules);
    return club(patch);
}

/* --- what goes back ------------------------------------------------------------------------ */

static void a_conditional_award_is_shared_or_lost(void **state)
{
    (void)state;
    static const char *const rules =
        BASE ", {'id': 'large', 'when': " LARGE ", 'do': {'award': {'points': 50}}}";
    struct programme *share = with_extras("share", rules);
    struct programme *lost = with_extras("lost", rules);
    struct card card = card_of(share, 0);
    assert_int_equal(buy(&card, share, 10000000)->parts.award.n, 150);
    struct card other = card;

    assert_int_equal(give_back(&card, share, 2, 4000000), ST_OK); /* 60 and 6/10 of 50 stay */
    assert_int_equal(points_of(&card), 90);
    assert_int_equal(give_back(&card, share, 2, 5999999), ST_OK);
    assert_int_equal(points_of(&card), 0);
    assert_int_equal(give_back(&other, lost, 2, 1), ST_OK); /* 9,999,999 stay: 90 */
    assert_int_equal(points_of(&other), 90);
    assert_int_equal(give_back(&other, lost, 2, 0), ST_OK);
    assert_int_equal(points_of(&other), 0);
    programme_free(share);
    programme_free(lost);
}

/* Points per block are taken back block by block only where the rule holds for every basket; any
 * other award is extra, and lost with the first rial that goes back. */
static void only_what_holds_for_every_basket_is_taken_back_by_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *award, *stacking;
        int64_t kept;
    } cases[] = {
        {"'when': true", "", "sum", 90},
        {"'when': {'>': [{'var': 'sale.amount'}, 0]}", "", "sum", 0},
        {"'when': true, 'once': 'w'", "", "sum", 0},
        {"'when': true", ", 'of': 'milk'", "sum", 0},
        {"'when': true", ", 'max_points': 500", "sum", 0},
        {"'when': true", "", "best", 0},
        {"'when': true", "", "first", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        char patch[1000];
        (void)snprintf(patch, sizeof patch,
                       "{'refund': {'extras': 'lost'}, 'stacking': {'award': '%s'},"
                       " 'marks': [{'id': 'w', 'number': 14, 'per': 'ever'}],"
                       " 'products': [{'id': 'milk', 'number': 4, 'earns': true}],"
                       " 'rules': [{'id': 'a', %s, 'do': {'award': {'points': 10,"
                       "            'per_rials': 1000000%s}}}]}",
                       cases[i].stacking, cases[i].rest, cases[i].award);
        struct programme *programme = club(patch);
        struct card card = card_of(programme, 0);
        card.occasion.line_count = 1;
        card.occasion.lines[0] = (struct basket_line){.product = 4, .amount = {10000000}};
        assert_int_equal(buy(&card, programme, 10000000)->parts.award.n, 100);
        assert_int_equal(give_back(&card, programme, 2, 1), ST_OK);
        assert_int_equal(points_of(&card), cases[i].kept);
        programme_free(programme);
    }
}

#define CASHBACK "{'id': 'c', 'when': " LARGE ", 'do': {'cashback': {'percent': 20}}}"

static void cashback_goes_back_with_what_earned_it(void **state)
{
    (void)state;
    struct programme *share = with_extras("share", CASHBACK);
    struct programme *lost = with_extras("lost", CASHBACK);
    struct card card = card_of(share, 0);
    assert_int_equal(buy(&card, share, 5000000)->parts.load.rials, 1000000);
    struct card other = card;

    assert_int_equal(give_back(&card, share, 2, 1000000), ST_OK);
    assert_int_equal(card.plan.parts.load.rials, 200000);
    assert_int_equal(card.plan.parts.due.rials, 1000000);
    assert_int_equal(credit_of(&card), 800000);
    assert_int_equal(give_back(&card, share, 2, 0), ST_OK);
    assert_int_equal(credit_of(&card), 0);

    assert_int_equal(give_back(&other, lost, 2, 1), ST_OK);
    assert_int_equal(credit_of(&other), 0);
    assert_int_equal(give_back(&other, lost, 2, 0), ST_OK);
    assert_int_equal(other.plan.parts.due.rials, 4999999);
    assert_int_equal(credit_of(&other), 0);
    programme_free(share);
    programme_free(lost);
}

static void spent_cashback_is_withheld_or_stops_the_refund(void **state)
{
    (void)state;
    struct programme *share = with_extras("share", CASHBACK);
    struct programme *lost = with_extras("lost", CASHBACK);
    struct card card = card_of(share, 0);
    (void)buy(&card, share, 5000000); /* 1,000,000 of cashback */
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {900000}, .pay_credit = {900000}};
    assert_int_equal(play(&card, share, wish), ST_OK);
    struct card other = card;

    assert_int_equal(give_back(&card, share, 2, 1000000), ST_OK); /* 200,000, of which 100,000 are
                                                                     there */
    assert_int_equal(credit_of(&card), 0);
    assert_int_equal(card.plan.parts.load.rials, 100000);
    assert_int_equal(card.plan.parts.due.rials, 900000);

    assert_refused(&other, give_back(&other, lost, 2, 899999), REFUSAL_CASHBACK_SPENT);
    assert_int_equal(give_back(&other, lost, 2, 900000), ST_OK);
    assert_int_equal(other.plan.parts.due.rials, 0);
    assert_int_equal(credit_of(&other), 0);
    programme_free(share);
    programme_free(lost);
}

static void a_sale_that_took_and_gave_credit_is_refunded_where_it_was_made(void **state)
{
    (void)state;
    struct programme *programme = with_extras("share", CASHBACK);
    struct card card = card_of(programme, 3000000);
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {10000000}, .pay_credit = {2500000}};
    assert_int_equal(play(&card, programme, wish), ST_OK);
    assert_int_equal(credit_of(&card), 3000000 - 2500000 + 2000000);
    assert_refused(&card, give_back(&card, programme, 2, 0), REFUSAL_ASK_SELLER);
    assert_non_null(strstr(card.plan.why.say, "terminal 17"));

    struct card wrong = card; /* A record that is not of this sale. */
    wrong.knows_parts = true;
    wrong.parts[0].payment.rials += 1;
    assert_refused(&wrong, give_back(&wrong, programme, 2, 0), REFUSAL_POINT_VALUE_CHANGED);

    card.knows_parts = true;
    assert_int_equal(give_back(&card, programme, 2, 4000000), ST_OK);
    assert_int_equal(card.plan.parts.payment.rials, 1000000);
    assert_int_equal(card.plan.parts.load.rials, 800000);
    assert_int_equal(card.plan.parts.due.rials, 3000000);
    assert_int_equal(give_back(&card, programme, 2, 0), ST_OK);
    assert_int_equal(credit_of(&card), 3000000);
    programme_free(programme);
}

static void the_stamps_of_a_sale_go_back_with_the_last_of_it(void **state)
{
    (void)state;
    struct programme *programme =
        with_extras("share", "{'id': 's', 'when': {'<': [{'var': 'sale.amount'}, 100]},"
                             " 'do': {'stamps': {'add': 3}}},"
                             "{'id': 'z', 'when': {'==': [{'var': 'sale.amount'}, 500]},"
                             " 'do': {'stamps': {'set': 1}}}");
    struct card card = card_of(programme, 0);
    (void)buy(&card, programme, 50); /* counter 2 */
    (void)buy(&card, programme, 90); /* 3 */
    assert_int_equal(card.history[0].stamps, 6);
    assert_int_equal(give_back(&card, programme, 2, 20), ST_OK);
    assert_int_equal(card.history[0].stamps, 6);
    assert_int_equal(give_back(&card, programme, 2, 30), ST_OK);
    assert_int_equal(card.history[0].stamps, 3);
    (void)buy(&card, programme, 500); /* 6: sets 1, so takes 2 */
    assert_int_equal(give_back(&card, programme, 3, 0), ST_OK);
    assert_int_equal(card.history[0].stamps, 0); /* 3 were added, 1 is there */
    assert_int_equal(give_back(&card, programme, 6, 0), ST_OK);
    assert_int_equal(card.history[0].stamps, 0); /* what was taken does not come back */
    programme_free(programme);
}

/* --- no value out of nothing --------------------------------------------------------------- */

enum { SALES_MAX = 400, POINT_RIALS = 1000, BLOCK_POINTS = 10 + 1 };

/* The test's own books: what the shopper has paid, holds in goods, and may have gained. */
struct books {
    struct card card;
    int64_t paid, goods;
    struct {
        int64_t net, back, award, cashback;
    } sales[SALES_MAX]; /* by the card's counter */
};

/* The most that the sales that stayed may have given: all of it for a whole sale; of a partly
 * returned one its share, rounded up, and one block of each rule for every basket; of a returned
 * one nothing. */
static int64_t most_gained(const struct books *books)
{
    int64_t most = 0;
    for (size_t i = 0; i < SALES_MAX; i += 1) {
        int64_t net = books->sales[i].net;
        int64_t stays = net - books->sales[i].back;
        if (net == 0 || stays == 0) {
            continue;
        }
        int64_t award = (books->sales[i].award * stays + net - 1) / net;
        award += stays < net ? BLOCK_POINTS : 0;
        award = award < books->sales[i].award ? award : books->sales[i].award;
        most += award * POINT_RIALS + (books->sales[i].cashback * stays + net - 1) / net;
    }
    return most;
}

static int64_t gained(const struct books *books)
{
    return points_of(&books->card) * POINT_RIALS + credit_of(&books->card) + books->goods -
           books->paid;
}

static void random_lines(struct card *card, int64_t amount)
{
    int64_t dairy = draw(amount + 1);
    int64_t gift = draw(3) == 0 ? amount - dairy : draw(amount - dairy + 1);
    card->occasion.line_count = 3;
    card->occasion.lines[0] = (struct basket_line){.amount = {amount - dairy - gift}};
    card->occasion.lines[1] = (struct basket_line){.product = 4, .amount = {dairy}};
    card->occasion.lines[2] = (struct basket_line){.product = 9, .amount = {gift}};
}

static void random_sale(struct books *books, const struct programme *programme)
{
    struct card *card = &books->card;
    struct wish wish = {.kind = TRANSACTION_SALE,
                        .amount = {1 + draw(draw(3) == 0 ? 1500 : 12000000)}};
    card->occasion.line_count = 0;
    if (draw(3) != 0) {
        random_lines(card, wish.amount.rials);
    }
    if (draw(2) == 0) {
        int64_t most = wish.amount.rials / POINT_RIALS;
        wish.redeem.n = draw((most < points_of(card) ? most : points_of(card)) + 1);
    }
    if (draw(2) == 0) {
        int64_t rest = wish.amount.rials - wish.redeem.n * POINT_RIALS;
        wish.pay_credit.rials = draw((rest < credit_of(card) ? rest : credit_of(card)) + 1);
    }
    if (play(card, programme, wish) == ST_OK) {
        const struct breakdown *parts = &card->plan.parts;
        uint32_t counter = card->history[0].counter;
        books->sales[counter].net = parts->amount.rials - parts->rebate.rials;
        books->sales[counter].award = parts->award.n;
        books->sales[counter].cashback = parts->load.rials;
        books->goods += books->sales[counter].net;
        books->paid += parts->due.rials;
    }
}

static void random_refund(struct books *books, const struct programme *programme)
{
    struct card *card = &books->card;
    uint32_t counter = card->history[(size_t)draw((int64_t)card->count)].counter;
    int64_t left = books->sales[counter].net - books->sales[counter].back;
    int64_t amount = draw(3) == 0 || left <= 0 ? 0 : 1 + draw(left);
    card->knows_parts = draw(4) != 0;
    if (give_back(card, programme, counter, amount) == ST_OK) {
        const struct breakdown *parts = &card->plan.parts;
        books->sales[counter].back += parts->amount.rials;
        books->goods -= parts->amount.rials;
        books->paid -= parts->due.rials;
        assert_true(books->sales[counter].back <= books->sales[counter].net);
    }
}

static void nobody_is_ahead(const char *switches, uint64_t seed)
{
    char patch[3000];
    (void)snprintf(
        patch, sizeof patch,
        "{%s, 'products': [{'id': 'dairy', 'number': 4, 'earns': true},"
        "              {'id': 'gift', 'number': 9, 'earns': %s}],"
        " 'rules': [" BASE ","
        "  {'id': 'fine', 'when': true, 'do': {'award': {'points': 1, 'per_rials': 130000}}},"
        "  {'id': 'large', 'when': " LARGE ", 'do': {'award': {'points': 40}}},"
        "  {'id': 'dairy', 'when': true,"
        "   'do': {'award': {'points': 3, 'per_rials': 70000, 'of': 'dairy'}}},"
        "  {'id': 'cash', 'when': {'>=': [{'var': 'sale.amount'}, 2000000]},"
        "   'do': {'cashback': {'percent': 20, 'max_rials': 700000}}},"
        "  {'id': 'off', 'when': {'>': [{'var': 'sale.pay_credit'}, 0]},"
        "   'do': {'rebate': {'percent': 5}}}]}",
        switches + 1, switches[0] == '+' ? "true" : "false");
    struct programme *programme = club(patch);
    draw_seed(seed);
    int refunds = 0;
    for (int i = 0; i < 60; i += 1) {
        static struct books books;
        memset(&books, 0, sizeof books);
        books.card = card_of(programme, 3000000);
        books.paid = 3000000;
        for (int step = 0; step < 80; step += 1) {
            if (draw(2) == 0) {
                random_sale(&books, programme);
            } else {
                random_refund(&books, programme);
                refunds += books.card.plan.refusal == REFUSAL_NONE;
            }
            if (gained(&books) > most_gained(&books)) {
                fail_msg("%s seed %d, card %d, step %d: %lld gained, at most %lld", switches,
                         (int)seed, i, step, (long long)gained(&books),
                         (long long)most_gained(&books));
            }
        }
    }
    assert_true(refunds > 500);
    programme_free(programme);
}

#define SWITCHES(redeemed, credit, extras, stacking)                                               \
    "'award_on': {'redeemed': " redeemed ", 'credit': " credit "}, 'refund': {'extras': '" extras  \
    "'}, 'stacking': {'award': '" stacking "'}"

static void sales_and_refunds_leave_no_more_than_what_stayed_has_given(void **state)
{
    (void)state;
    /* The first character: does the product group `gift` earn? Each switch alone, then together. */
    static const char *const switches[] = {
        "+" SWITCHES("false", "false", "share", "sum"),
        "+" SWITCHES("true", "false", "share", "sum"),
        "+" SWITCHES("false", "true", "share", "sum"),
        "-" SWITCHES("false", "false", "share", "sum"),
        "-" SWITCHES("true", "true", "share", "sum"),
        "-" SWITCHES("true", "true", "lost", "sum"),
        "+" SWITCHES("true", "true", "lost", "best"),
        "-" SWITCHES("true", "true", "share", "best"),
        "+" SWITCHES("true", "true", "share", "first"),
    };
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i += 1) {
        nobody_is_ahead(switches[i], 100 + i);
    }
}

/* Do gift cards earn, does what points pay, what credit pays, and is a condition's gift shared or
 * lost: each switch alone changes the sale by its own figure, and the refund goes by the same. */
static void each_switch_rules_the_sale_and_its_refund(void **state)
{
    (void)state;
    static const struct {
        const char *gift, *redeemed, *credit, *extras;
        int64_t award, kept; /* of 4,000,000, and when half of it went back */
    } cases[] = {
        {"true", "true", "true", "share", 40 + 7, 20 + 3},
        {"false", "true", "true", "share", 30 + 7, 30 - 20}, /* the 7 may be of that half */
        {"true", "false", "true", "share", 39 + 7, 19 + 3},  /* 3,900,000; 1,950,000 */
        {"true", "true", "false", "share", 30 + 7, 15 + 3},
        {"true", "true", "true", "lost", 40 + 7, 20},
        {"false", "false", "false", "lost", 21 + 7, 21 - 15}, /* 3/4 of 2,900,000; most 1,450,000 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        char patch[1500];
        (void)snprintf(patch, sizeof patch,
                       "{'award_on': {'redeemed': %s, 'credit': %s}, 'refund': {'extras': '%s'},"
                       " 'products': [{'id': 'gift', 'number': 9, 'earns': %s}],"
                       " 'rules': [{'id': 'b', 'when': true,"
                       "            'do': {'award': {'points': 1, 'per_rials': 100000}}},"
                       "           {'id': 'p', 'when': {'>': [{'var': 'sale.redeem'}, 0]},"
                       "            'do': {'award': {'points': 7}}}]}",
                       cases[i].redeemed, cases[i].credit, cases[i].extras, cases[i].gift);
        struct programme *programme = club(patch);
        struct card card = card_of(programme, 10000000);
        (void)buy(&card, programme, 10000000); /* 100 points */
        struct wish wish = {.kind = TRANSACTION_SALE,
                            .amount = {4000000},
                            .redeem = {100},
                            .pay_credit = {1000000}};
        card.occasion.line_count = 2;
        card.occasion.lines[0] = (struct basket_line){.amount = {3000000}};
        card.occasion.lines[1] = (struct basket_line){.product = 9, .amount = {1000000}};
        assert_int_equal(play(&card, programme, wish), ST_OK);
        assert_int_equal(points_of(&card), cases[i].award);
        assert_int_equal(give_back(&card, programme, 3, 2000000), ST_OK);
        assert_int_equal(points_of(&card), 50 + cases[i].kept);
        assert_int_equal(card.plan.parts.due.rials, 1450000);
        assert_int_equal(credit_of(&card), 9500000);
        assert_int_equal(give_back(&card, programme, 3, 0), ST_OK);
        assert_int_equal(points_of(&card), 100);
        assert_int_equal(credit_of(&card), 10000000);
        assert_refused(&card, give_back(&card, programme, 3, 0), REFUSAL_ALREADY_REFUNDED);
        programme_free(programme);
    }
}

/* What is returned in full has earned nothing, by each switch alone: 200 times around. */
static void buying_and_returning_all_of_it_earns_nothing_however_often(void **state)
{
    (void)state;
    static const char *const switches[] = {SWITCHES("true", "false", "share", "sum"),
                                           SWITCHES("false", "true", "share", "sum"),
                                           SWITCHES("false", "false", "share", "sum")};
    for (size_t i = 0; i < 3; i += 1) {
        char patch[1000];
        (void)snprintf(patch, sizeof patch,
                       "{%s, 'products': [{'id': 'gift', 'number': 9, 'earns': %s}],"
                       " 'rules': [" BASE ", " CASHBACK "]}",
                       switches[i], i == 2 ? "false" : "true");
        struct programme *programme = club(patch);
        struct card card = card_of(programme, 10000000);
        (void)buy(&card, programme, 10000000); /* 100 points, 2,000,000 of cashback */
        card.knows_parts = true;
        for (int turn = 0; turn < 200; turn += 1) {
            struct wish wish = {.kind = TRANSACTION_SALE,
                                .amount = {9000000},
                                .redeem = {turn % 100},
                                .pay_credit = {turn * 10000}};
            card.occasion.line_count = 2;
            card.occasion.lines[0] = (struct basket_line){.amount = {9000000 - turn * 40000}};
            card.occasion.lines[1] = (struct basket_line){.product = 9, .amount = {turn * 40000}};
            assert_int_equal(play(&card, programme, wish), ST_OK);
            uint32_t counter = card.history[0].counter;
            assert_int_equal(give_back(&card, programme, counter, 1 + turn * 44000), ST_OK);
            assert_int_equal(give_back(&card, programme, counter, 0), ST_OK);
            assert_int_equal(points_of(&card), 100);
            assert_int_equal(credit_of(&card), 12000000);
        }
        programme_free(programme);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conditional_award_is_shared_or_lost),
        cmocka_unit_test(only_what_holds_for_every_basket_is_taken_back_by_blocks),
        cmocka_unit_test(cashback_goes_back_with_what_earned_it),
        cmocka_unit_test(spent_cashback_is_withheld_or_stops_the_refund),
        cmocka_unit_test(a_sale_that_took_and_gave_credit_is_refunded_where_it_was_made),
        cmocka_unit_test(the_stamps_of_a_sale_go_back_with_the_last_of_it),
        cmocka_unit_test(sales_and_refunds_leave_no_more_than_what_stayed_has_given),
        cmocka_unit_test(each_switch_rules_the_sale_and_its_refund),
        cmocka_unit_test(buying_and_returning_all_of_it_earns_nothing_however_often),
    };
    return cmocka_run_group_tests_name("plan_farming", tests, NULL, NULL);
}
