/* Tests of what time does in plan.h: tiers by period, points that expire, the card's memory. */
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

/* --- E02: tiers ---------------------------------------------------------------------------- */

/* A point for each 1,000 rials. */
static struct programme *tiers(const char *measure, const char *period, const char *falls)
{
    char patch[600];
    (void)snprintf(patch, sizeof patch,
                   "{'tiers': {'measure': '%s', 'period': '%s', 'falls': %s, 'list': ["
                   "  {'id': 'bronze', 'from': 0}, {'id': 'silver', 'from': 500},"
                   "  {'id': 'gold', 'from': 2000}]}, 'rules': ["
                   "  {'id': 'e', 'when': true,"
                   "   'do': {'award': {'points': 1, 'per_rials': 1000}}}]}",
                   measure, period, falls);
    return club(patch);
}

static void e02_the_tier_follows_the_points_at_each_threshold(void **state)
{
    (void)state;
    static const char *const measures[] = {"earned", "points"};
    const struct {
        int64_t points;
        int tier;
    } cases[] = {{1, 1},    {499, 1},  {500, 2},  {501, 2},
                 {1999, 2}, {2000, 3}, {2001, 3}, {100000, 3}};
    for (size_t m = 0; m < 2; m += 1) {
        struct programme *programme = tiers(measures[m], "year", "true");
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
            struct card card = card_of(programme, 0);
            assert_int_equal(card.history[0].tier, 0); /* never judged */
            assert_int_equal(buy(&card, programme, cases[i].points * 1000)->next.tier,
                             cases[i].tier);
            card = card_of(programme, 0); /* The same in two sales. */
            (void)buy(&card, programme, 1000);
            if (cases[i].points > 1) {
                (void)buy(&card, programme, (cases[i].points - 1) * 1000);
            }
            assert_int_equal(card.history[0].tier, cases[i].tier);
        }
        programme_free(programme);
    }
}

static void e02_the_tier_follows_the_spending_at_each_threshold(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'tiers': {'measure': 'spend', 'list': [{'id': 'a', 'from': 0},"
             "           {'id': 'b', 'from': 5000000}]},"
             " 'rules': [{'id': 'r', 'when': true, 'do': {'rebate': {'percent': 50}}}]}");
    struct card card = card_of(programme, 0);
    assert_int_equal(buy(&card, programme, 2 * 4999999)->next.tier, 1); /* net */
    assert_int_equal(buy(&card, programme, 2)->next.tier, 1); /* whole thousands of each sale */
    assert_int_equal(buy(&card, programme, 2000)->next.tier, 2);
    programme_free(programme);
}

static void
e02_a_tier_holds_to_the_end_of_the_period_after_and_falls_to_what_that_reached(void **state)
{
    (void)state;
    struct programme *falls = tiers("earned", "quarter", "true");
    struct programme *stays = tiers("earned", "quarter", "false");
    struct card gold = card_of(falls, 0); /* first quarter of 1405 */
    (void)buy(&gold, falls, 2000000);
    assert_int_equal(gold.history[0].tier, 3);

    gold.minute = minute_at(1405, 4, 1, 0); /* The next quarter: gold was reached in the last. */
    assert_int_equal(buy(&gold, falls, 499000)->next.tier, 3);
    struct card low = gold;
    struct card silver = gold;
    assert_int_equal(buy(&silver, falls, 1000)->next.tier, 3); /* 500 points in this quarter */
    low.minute = silver.minute = minute_at(1405, 7, 1, 0);
    assert_int_equal(buy(&low, falls, 1000)->next.tier, 1);
    assert_int_equal(buy(&silver, falls, 1000)->next.tier, 2);
    assert_int_equal(buy(&silver, falls, 2000000)->next.tier, 3); /* up again at once */

    struct card away = gold; /* More than a quarter without a sale: nothing was reached. */
    (void)buy(&away, falls, 2000000);
    away.minute = minute_at(1405, 10, 1, 0);
    assert_int_equal(buy(&away, falls, 1000)->next.tier, 1);
    away = gold;
    away.minute = minute_at(1407, 10, 1, 0);
    assert_int_equal(buy(&away, stays, 1000)->next.tier, 3);
    programme_free(falls);
    programme_free(stays);
}

static void e02_the_tier_by_points_falls_with_them(void **state)
{
    (void)state;
    struct programme *falls = tiers("points", "year", "true");
    struct programme *stays = tiers("points", "year", "false");
    struct card card = card_of(falls, 0);
    (void)buy(&card, falls, 2000000);
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {1501000}, .redeem = {1501}};
    struct card same = card;
    assert_int_equal(play(&card, falls, wish), ST_OK);
    assert_int_equal(points_of(&card), 499);
    assert_int_equal(card.history[0].tier, 1);
    assert_int_equal(play(&same, stays, wish), ST_OK);
    assert_int_equal(same.history[0].tier, 3);
    programme_free(falls);
    programme_free(stays);
}

static void without_facts_or_a_clock_the_tier_stays_and_a_clock_set_back_lowers_none(void **state)
{
    (void)state;
    struct programme *programme = tiers("earned", "quarter", "true");
    struct card card = card_of(programme, 0);
    card.minute = minute_at(1405, 4, 1, 0);
    (void)buy(&card, programme, 600000);
    struct card other = card;
    other.occasion.has_facts = false;
    assert_int_equal(buy(&other, programme, 5000000)->next.tier, 2);
    other = card;
    other.minute = 0;
    assert_int_equal(buy(&other, programme, 5000000)->next.tier, 2);
    card.minute = minute_at(1405, 1, 1, 0);
    assert_int_equal(buy(&card, programme, 1000)->next.tier, 2);
    programme_free(programme);
}

/* --- points that expire -------------------------------------------------------------------- */

static int64_t expired(const struct card *card, const struct programme *programme)
{
    const struct plan_input input = {.programme = programme,
                                     .history = card->history,
                                     .history_count = card->count,
                                     .occasion = &card->occasion,
                                     .minute = card->minute,
                                     .terminal = 17,
                                     .sequence = 1};
    return plan_expired(&input).n;
}

#define EARN_ONE                                                                                   \
    "'rules': [{'id': 'e', 'when': true, 'do': {'award': {'points': 1, 'per_rials': 1000}}}]"
static const struct wish expire = {.kind = TRANSACTION_EXPIRE};

static void points_hold_to_the_end_of_the_next_year_and_the_oldest_are_spent_first(void **state)
{
    (void)state;
    struct programme *programme = club("{" EARN_ONE "}");
    struct card card = card_of(programme, 5000);
    (void)buy(&card, programme, 100000); /* 100 in 1405 */
    card.minute = minute_at(1406, 1, 1, 0);
    assert_int_equal(expired(&card, programme), 0);
    (void)buy(&card, programme, 50000); /* 50 in 1406 */
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {30999}, .redeem = {30}};
    assert_int_equal(play(&card, programme, wish), ST_OK); /* 30 of those of 1405 */
    assert_int_equal(points_of(&card), 120);
    card.minute = minute_at(1406, 12, 29, 23);
    assert_int_equal(expired(&card, programme), 0);
    assert_refused(&card, play(&card, programme, expire), REFUSAL_NOTHING_EXPIRES);

    card.minute = minute_at(1407, 1, 1, 0);
    assert_int_equal(expired(&card, programme), 70);
    assert_int_equal(play(&card, programme, expire), ST_OK);
    assert_int_equal(card.plan.parts.award.n, 70);
    assert_int_equal(points_of(&card), 50);
    assert_int_equal(credit_of(&card), 5000);
    assert_int_equal(card.history[0].last.kind, TRANSACTION_EXPIRE);
    assert_int_equal(card.history[0].last.amount.rials, 0);
    assert_int_equal(expired(&card, programme), 0); /* once */
    (void)buy(&card, programme, 7000);
    card.minute = minute_at(1408, 1, 1, 0);
    assert_int_equal(expired(&card, programme), 50);
    card.minute = minute_at(1409, 1, 1, 0); /* two years later: all of them */
    assert_int_equal(expired(&card, programme), 57);
    programme_free(programme);
}

static void without_clock_facts_or_expiry_nothing_expires(void **state)
{
    (void)state;
    struct programme *programme = club("{" EARN_ONE "}");
    struct card card = card_of(programme, 0);
    (void)buy(&card, programme, 100000);
    card.minute = minute_at(1409, 1, 1, 0);
    assert_int_equal(expired(&card, programme), 100);
    struct card other = card;
    other.minute = 0;
    assert_int_equal(expired(&other, programme), 0);
    other.minute = minute_at(1404, 1, 1, 0);
    assert_int_equal(expired(&other, programme), 0);
    other = card;
    other.occasion.has_facts = false;
    assert_int_equal(expired(&other, programme), 0);
    struct card new_clock; /* Earned while the clock was not set: from now on they are known. */
    memset(&new_clock, 0, sizeof new_clock);
    struct wish activate = {.kind = TRANSACTION_ACTIVATE};
    assert_int_equal(play(&new_clock, programme, activate), ST_OK);
    (void)buy(&new_clock, programme, 100000);
    new_clock.minute = minute_at(1409, 1, 1, 0);
    assert_int_equal(expired(&new_clock, programme), 0);
    struct programme none = *programme;
    none.expiry = PERIOD_NONE;
    assert_int_equal(expired(&card, &none), 0);
    programme_free(programme);
}

/* A card whose memory was lost keeps its points for this period and the next. */
static void a_lost_memory_gives_no_offer_and_loses_no_points_at_once(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'marks': [{'id': 'w', 'number': 14, 'per': 'ever'}], " EARN_ONE "}");
    struct card card = card_of(programme, 0);
    (void)buy(&card, programme, 100000);
    card.occasion.has_facts = false;
    card.minute = minute_at(1408, 1, 1, 0);
    (void)buy(&card, programme, 3000);
    assert_int_equal(card.occasion.facts.marks_ever, (1 << MARKS_EVER) - 1);
    assert_int_equal(expired(&card, programme), 0);
    card.minute = minute_at(1409, 1, 1, 0);
    assert_int_equal(expired(&card, programme), 100);
    programme_free(programme);
}

static void every_kind_folds_the_facts_of_the_card(void **state)
{
    (void)state;
    struct programme *programme = club("{" EARN_ONE "}");
    struct card card = card_of(programme, 0);
    assert_int_equal(card.occasion.facts.counter, 1);
    (void)buy(&card, programme, 100000);
    assert_int_equal(card.occasion.facts.visits, 1);
    assert_int_equal(card.occasion.facts.spend, 100);
    assert_int_equal(give_back(&card, programme, 2, 40000), ST_OK);
    assert_int_equal(card.occasion.facts.spend, 60);
    assert_int_equal(card.occasion.facts.earned, 60);
    struct wish wish = {.kind = TRANSACTION_LOAD, .amount = {5000}};
    assert_int_equal(play(&card, programme, wish), ST_OK);
    wish = (struct wish){.kind = TRANSACTION_UNLOAD, .refers_counter = 4};
    assert_int_equal(play(&card, programme, wish), ST_OK);
    assert_int_equal(card.occasion.facts.counter, 5);
    struct plan plan;
    plan_block(&card.history[0], card.minute, 17, 9, &plan);
    assert_int_equal(plan.next.status, CARD_BLOCKED);
    assert_int_equal(plan.facts_after.counter, 0); /* not known without a programme */
    programme_free(programme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e02_the_tier_follows_the_points_at_each_threshold),
        cmocka_unit_test(e02_the_tier_follows_the_spending_at_each_threshold),
        cmocka_unit_test(
            e02_a_tier_holds_to_the_end_of_the_period_after_and_falls_to_what_that_reached),
        cmocka_unit_test(e02_the_tier_by_points_falls_with_them),
        cmocka_unit_test(without_facts_or_a_clock_the_tier_stays_and_a_clock_set_back_lowers_none),
        cmocka_unit_test(points_hold_to_the_end_of_the_next_year_and_the_oldest_are_spent_first),
        cmocka_unit_test(without_clock_facts_or_expiry_nothing_expires),
        cmocka_unit_test(a_lost_memory_gives_no_offer_and_loses_no_points_at_once),
        cmocka_unit_test(every_kind_folds_the_facts_of_the_card),
    };
    return cmocka_run_group_tests_name("plan_time", tests, NULL, NULL);
}
