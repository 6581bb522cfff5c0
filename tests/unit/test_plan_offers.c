/* Worked examples of plan.h: offers, festivals, stamps, visits, birthdays, tiers as whole
 * programmes. Each test is named after the example that it plays; amounts in the examples are
 * toman, here rials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/plan.h"
#include "tests/unit/plan_card.h"

#define TOMAN(n) (INT64_C(10) * (n))

/* A member who came `visits` times, every `days` days, for `toman` each; the card stands at the
 * last visit. */
static struct card regular(const struct programme *programme, int visits, unsigned days,
                           int64_t toman)
{
    struct card card = card_of(programme, 0);
    for (int i = 0; i < visits; i += 1) {
        card.minute += i == 0 ? 0 : days * DAY_MINUTES;
        (void)buy(&card, programme, TOMAN(toman));
    }
    return card;
}

static int64_t cashback_after(const struct card *member, const struct programme *programme,
                              unsigned days, int64_t toman)
{
    struct card card = *member;
    card.minute += days * DAY_MINUTES;
    return buy(&card, programme, TOMAN(toman))->parts.load.rials;
}

/* --- W02, W03 ------------------------------------------------------------------------------ */

#define LARGER_PURCHASE                                                                            \
    "{'id': 'larger', 'when': {'and': [{'==': [{'var': 'history.visits'}, 5]},"                    \
    " {'<': [{'var': 'history.mean_basket'}, 1000000]},"                                           \
    " {'>=': [{'var': 'sale.amount'}, 2000000]}]}, 'do': {'cashback': {'percent': 20}}}"
#define EARLIER_RETURN                                                                             \
    "{'id': 'earlier', 'when': {'and': [{'==': [{'var': 'history.visits'}, 5]},"                   \
    " {'>=': [{'var': 'history.mean_interval'}, 20]},"                                             \
    " {'<': [{'var': 'history.days_since_visit'}, 20]},"                                           \
    " {'>': [{'var': 'history.days_since_visit'}, 0]}]}, 'do': {'cashback': {'percent': 20}}}"

static void w02_a_larger_next_purchase_gives_20_percent_credit(void **state)
{
    (void)state;
    struct programme *programme = club("{'rules': [" LARGER_PURCHASE "]}");
    struct card member = regular(programme, 5, 10, 50000);
    assert_int_equal(credit_of(&member), 0);
    assert_int_equal(cashback_after(&member, programme, 10, 200000), TOMAN(40000));
    assert_int_equal(cashback_after(&member, programme, 10, 199999), 0);
    assert_int_equal(cashback_after(&member, programme, 10, 250000), TOMAN(50000));

    /* Only the very next purchase: a second one gets nothing, on the same day or later; nor does
     * one after a small one. */
    member.minute += 10 * DAY_MINUTES;
    (void)buy(&member, programme, TOMAN(200000));
    assert_int_equal(cashback_after(&member, programme, 0, 200000), 0);
    assert_int_equal(cashback_after(&member, programme, 10, 200000), 0);
    struct card small = regular(programme, 6, 10, 50000);
    assert_int_equal(cashback_after(&small, programme, 10, 200000), 0);
    programme_free(programme);
}

static void w03_an_earlier_return_gives_20_percent_credit(void **state)
{
    (void)state;
    struct programme *programme = club("{'rules': [" EARLIER_RETURN "]}");
    struct card member = regular(programme, 5, 45, 500000);
    assert_int_equal(cashback_after(&member, programme, 19, 500000), TOMAN(100000));
    assert_int_equal(cashback_after(&member, programme, 20, 500000), 0);
    assert_int_equal(cashback_after(&member, programme, 45, 500000), 0);
    programme_free(programme);
}

static void w02_w03_each_customer_gets_the_other_offer_never(void **state)
{
    (void)state;
    struct programme *both = club("{'rules': [" LARGER_PURCHASE ", " EARLIER_RETURN "]}");
    struct card one = regular(both, 5, 10, 50000);
    struct card two = regular(both, 5, 45, 500000);
    for (unsigned days = 1; days < 60; days += 1) {
        assert_int_equal(cashback_after(&one, both, days, 50000), 0);
        assert_int_equal(cashback_after(&one, both, days, 200000), TOMAN(40000));
        int64_t returns = days < 20 ? TOMAN(100000) : 0;
        assert_int_equal(cashback_after(&two, both, days, 500000), returns);
    }
    programme_free(both);
}

/* --- W04, D05 ------------------------------------------------------------------------------ */

static void w04_d05_a_festival_of_10_days_takes_40_percent_off_for_all(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'calendars': [{'id': 'festival', 'from': '1405-07-01', 'to': '1405-07-10'}],"
             " 'rules': [{'id': 'festival', 'when': {'var': 'on.festival'},"
             "            'do': {'rebate': {'percent': 40}}}]}");
    struct card card = card_of(programme, 0);
    for (int day = 0; day <= 11; day += 1) {
        bool is_on = day >= 1 && day <= 10;
        for (int hour = 0; hour < 24; hour += 23) { /* from midnight to midnight, local */
            card.minute = minute_at(1405, 7, 1, hour) + (uint32_t)((day - 1) * DAY_MINUTES);
            const struct plan *plan = buy(&card, programme, TOMAN(50000));
            assert_int_equal(plan->parts.due.rials, TOMAN(is_on ? 30000 : 50000));
            assert_int_equal(plan->next.last.amount.rials, TOMAN(is_on ? 30000 : 50000));
            plan = buy(&card, programme, TOMAN(500000));
            assert_int_equal(plan->parts.due.rials, TOMAN(is_on ? 300000 : 500000));
        }
    }
    card.minute = 0; /* The clock is not set: no festival. */
    assert_int_equal(buy(&card, programme, TOMAN(50000))->parts.due.rials, TOMAN(50000));
    programme_free(programme);
}

/* --- W06, C14 ------------------------------------------------------------------------------ */

static void w06_c14_after_three_stamps_the_fourth_order_is_free(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'rules': [{'id': 'order', 'when': {'<': [{'var': 'card.stamps'}, 3]},"
             "            'do': {'stamps': {'add': 1}, 'award': {'points': 5}}},"
             "           {'id': 'free', 'when': {'>=': [{'var': 'card.stamps'}, 3]},"
             "            'do': {'rebate': {'percent': 100, 'max_rials': 5000000},"
             "                   'stamps': {'set': 0}}}]}");
    struct card card = card_of(programme, 0);
    const struct {
        int64_t due;
        int stamps;
        int64_t points;
    } orders[] = {
        {2000000, 1, 5}, {2000000, 2, 10}, {2000000, 3, 15}, {0, 0, 15}, {2000000, 1, 20}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i += 1) {
        const struct plan *plan = buy(&card, programme, 2000000);
        assert_int_equal(plan->parts.due.rials, orders[i].due);
        assert_int_equal(plan->next.stamps, orders[i].stamps);
        assert_int_equal(points_of(&card), orders[i].points);
    }
    /* The free order's ceiling is a parameter. */
    (void)buy(&card, programme, 2000000);
    (void)buy(&card, programme, 2000000);
    assert_int_equal(buy(&card, programme, 7000000)->parts.due.rials, 2000000);
    programme_free(programme);
}

/* --- W09 ----------------------------------------------------------------------------------- */

static void w09_points_by_visits_whatever_the_amount(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'rules': [{'id': 'visit', 'when': {'!=': [{'var': 'history.days_since_visit'}, 0]},"
             "            'do': {'award': {'points': 10}}}]}");
    struct card card = card_of(programme, 0);
    assert_int_equal(buy(&card, programme, TOMAN(5000000))->parts.award.n, 10);
    card.minute += DAY_MINUTES;
    assert_int_equal(buy(&card, programme, TOMAN(500000))->parts.award.n, 10);
    /* Two payments on one day are one visit. */
    card.minute += 60;
    assert_int_equal(buy(&card, programme, TOMAN(500000))->parts.award.n, 0);
    card.minute += DAY_MINUTES;
    assert_int_equal(buy(&card, programme, TOMAN(1))->parts.award.n, 10);
    card.minute -= 10 * DAY_MINUTES; /* A clock that is set back makes no new visit. */
    assert_int_equal(buy(&card, programme, TOMAN(500000))->parts.award.n, 0);
    programme_free(programme);
}

/* --- W10, D08, D09 ------------------------------------------------------------------------- */

static uint16_t since_1900(int year, int month, int day)
{
    struct date date = {(int16_t)year, (uint8_t)month, (uint8_t)day};
    return (uint16_t)(calendar_day_of_jalali(date) + CALENDAR_DAYS_1900);
}

#define BIRTHDAY(what, most)                                                                       \
    "{'marks': [{'id': 'day', 'number': 3, 'per': 'year'}],"                                       \
    " 'rules': [{'id': 'day', 'once': 'day', 'when': {'and': [{'>=': [{'var': 'member." what       \
    "'}, 0]}, {'<=': [{'var': 'member." what "'}, " most "]}]},"                                   \
    " 'do': {'rebate': {'percent': 20}}}]}"

/* Whether the offer acts on a sale of 100,000 rials on that day. */
static bool acts_on(struct card *card, const struct programme *programme, int year, int month,
                    int day)
{
    card->minute = minute_at(year, month, day, 12);
    return buy(card, programme, 100000)->parts.rebate.rials == 20000;
}

static void w10_d08_a_birthday_offer_on_the_day_or_3_days_before_once_a_year(void **state)
{
    (void)state;
    struct programme *on_the_day = club(BIRTHDAY("days_to_birthday", "0"));
    struct programme *before = club(BIRTHDAY("days_to_birthday", "3"));
    struct card member = card_of(before, 0);
    member.occasion.has_identity = true;
    member.occasion.birthday = since_1900(1370, 6, 15);

    struct card card = member;
    assert_false(acts_on(&card, on_the_day, 1405, 6, 14));
    assert_true(acts_on(&card, on_the_day, 1405, 6, 15));
    assert_int_equal(card.plan.next.last.offer, 3);
    assert_false(acts_on(&card, on_the_day, 1405, 6, 15)); /* once */
    assert_false(acts_on(&card, on_the_day, 1405, 6, 16));
    assert_true(acts_on(&card, on_the_day, 1406, 6, 15));

    card = member;
    assert_false(acts_on(&card, before, 1405, 6, 11));
    assert_true(acts_on(&card, before, 1405, 6, 12));
    assert_false(acts_on(&card, before, 1405, 6, 15)); /* once a year */
    assert_true(acts_on(&card, before, 1406, 6, 15));

    /* Whoever gave no birthday, and a card whose memory is lost, get none. */
    card = member;
    card.occasion.birthday = 0;
    assert_false(acts_on(&card, before, 1405, 6, 15));
    card = member;
    card.occasion.has_facts = false;
    assert_false(acts_on(&card, before, 1405, 6, 15));
    assert_false(acts_on(&card, before, 1405, 6, 15)); /* the new memory has every mark set */
    programme_free(on_the_day);
    programme_free(before);
}

static void w10_a_birthday_on_30_esfand_is_on_29_in_common_years(void **state)
{
    (void)state;
    struct programme *programme = club(BIRTHDAY("days_to_birthday", "0"));
    struct card member = card_of(programme, 0);
    member.occasion.has_identity = true;
    member.occasion.birthday = since_1900(1399, 12, 30); /* 1399, 1403, 1408 are leap years */
    struct card card = member;
    assert_true(acts_on(&card, programme, 1405, 12, 29));
    card = member;
    assert_false(acts_on(&card, programme, 1405, 12, 28));
    assert_false(acts_on(&card, programme, 1406, 1, 1));
    assert_false(acts_on(&card, programme, 1408, 12, 29));
    assert_true(acts_on(&card, programme, 1408, 12, 30));
    programme_free(programme);
}

static void w10_d09_a_wedding_day_offer(void **state)
{
    (void)state;
    struct programme *programme = club(BIRTHDAY("days_to_wedding", "3"));
    struct card card = card_of(programme, 0);
    card.occasion.has_identity = true;
    card.occasion.wedding = since_1900(1395, 2, 2);
    assert_false(acts_on(&card, programme, 1405, 1, 29));
    assert_true(acts_on(&card, programme, 1405, 1, 30)); /* 3 days before: Farvardin has 31 */
    assert_false(acts_on(&card, programme, 1405, 2, 2));
    programme_free(programme);
}

/* --- W11, W13, C15 ------------------------------------------------------------------------- */

static void w11_ten_percent_are_loaded_on_the_card(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'rounding': {'cashback_rials': 10},"
             " 'rules': [{'id': 'load', 'when': true, 'do': {'cashback': {'percent': 10}}}]}");
    struct card card = card_of(programme, 0);
    const struct plan *plan = buy(&card, programme, TOMAN(200000));
    assert_int_equal(plan->parts.due.rials, TOMAN(200000)); /* the member pays the full price */
    assert_int_equal(credit_of(&card), TOMAN(20000));
    assert_int_equal(plan->next.last.flags, SALE_CASHBACK);
    assert_int_equal(buy(&card, programme, 1999)->parts.load.rials, 190); /* rounded down */
    programme_free(programme);
}

static void w13_c15_bigger_buyers_get_the_bigger_discount(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'stacking': {'rebate': 'best'}, 'rules': ["
             "{'id': 'step-1', 'when': {'>=': [{'var': 'history.period_spend'}, 100000000]},"
             " 'do': {'rebate': {'percent': 5}}},"
             "{'id': 'step-2', 'when': {'>=': [{'var': 'history.period_spend'}, 500000000]},"
             " 'do': {'rebate': {'percent': 12.5}}}]}");
    struct card small = card_of(programme, 0);
    struct card big = card_of(programme, 0);
    assert_int_equal(buy(&small, programme, 99999000)->parts.rebate.rials, 0);
    assert_int_equal(buy(&small, programme, 1000)->parts.rebate.rials, 0); /* reaches the step */
    assert_int_equal(buy(&small, programme, 1000000)->parts.rebate.rials, 50000);
    assert_int_equal(buy(&big, programme, 600000000)->parts.rebate.rials, 0);
    assert_int_equal(buy(&big, programme, 1000000)->parts.rebate.rials, 125000);
    /* A clock set back takes nothing away. A new year begins at the first step. */
    struct card early = big;
    early.minute = minute_at(1404, 1, 1, 0);
    assert_int_equal(buy(&early, programme, 1000000)->parts.rebate.rials, 125000);
    big.minute = minute_at(1406, 1, 1, 0);
    assert_int_equal(buy(&big, programme, 1000000)->parts.rebate.rials, 0);
    programme_free(programme);
}

/* --- C16, C17 ------------------------------------------------------------------------------ */

static void c16_each_tier_has_its_own_price(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'tiers': {'list': [{'id': 'bronze', 'from': 0}, {'id': 'gold', 'from': 100}]},"
             " 'rules': [{'id': 'earn', 'when': true,"
             "            'do': {'award': {'points': 10, 'per_rials': 1000000}}},"
             "           {'id': 'gold', 'when': {'==': [{'var': 'member.tier'}, 'gold']},"
             "            'do': {'rebate': {'percent': 10}}}]}");
    struct card card = card_of(programme, 0);
    assert_int_equal(buy(&card, programme, 9999999)->parts.rebate.rials, 0); /* 90 points */
    assert_int_equal(card.plan.next.tier, 1);
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 0); /* 100 */
    assert_int_equal(card.plan.next.tier, 2);
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 100000);
    programme_free(programme);
}

static struct plan buy_line(struct card *card, const struct programme *programme, uint8_t product,
                            int64_t amount)
{
    card->occasion.line_count = 1;
    card->occasion.lines[0] =
        (struct basket_line){.product = product, .amount = {amount}, .milli = 1000};
    struct plan plan = *buy(card, programme, amount);
    card->occasion.line_count = 0;
    return plan;
}

static void c17_a_paid_scheme_is_bought_and_holds_to_the_end_of_the_year(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'products': [{'id': 'plan', 'number': 9, 'earns': false}],"
             " 'marks': [{'id': 'plan', 'number': 5, 'per': 'year'}],"
             " 'rules': [{'id': 'join', 'once': 'plan',"
             "            'when': {'>': [{'var': 'lines.plan.amount'}, 0]},"
             "            'do': {'group': ''}},"
             "           {'id': 'scheme', 'when': {'var': 'mark.plan'},"
             "            'do': {'rebate': {'percent': 15}}}]}");
    struct card card = card_of(programme, 0);
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 0);
    struct plan join = buy_line(&card, programme, 9, 2000000);
    assert_int_equal(join.parts.due.rials, 2000000);
    assert_int_equal(join.next.last.offer, 5);
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 150000);
    card.minute = minute_at(1405, 12, 29, 23);
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 150000);
    card.minute = minute_at(1406, 1, 1, 0);
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 0);
    programme_free(programme);
}

/* --- D01 to D04, D10, D19 ------------------------------------------------------------------ */

static void d01_to_d04_an_offer_is_applied_unasked_from_the_facts_of_the_card_alone(void **state)
{
    (void)state;
    struct programme *programme = club("{'rules': [" LARGER_PURCHASE ", " EARLIER_RETURN "]}");
    struct card card = regular(programme, 5, 10, 50000);
    /* Another terminal sees the card's newest snapshot and its facts only. */
    card.count = 1;
    card.minute += 10 * DAY_MINUTES;
    const struct plan *plan = buy(&card, programme, TOMAN(200000));
    assert_int_equal(plan->parts.load.rials, TOMAN(40000));
    assert_int_equal(plan->step_count, 1);
    assert_int_equal(plan->steps[0].rule, 0);
    assert_int_equal(plan->steps[0].effect, EFFECT_CASHBACK);
    assert_int_equal(plan->steps[0].note, STEP_APPLIED);
    assert_int_equal(plan->steps[0].base, TOMAN(200000));
    assert_int_equal(plan->steps[0].value, TOMAN(40000));
    programme_free(programme);
}

static void d10_a_code_gives_its_discount_once_within_its_dates(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'codes': [{'id': 'yalda', 'code': 'YALDA1405'}, {'id': 'nowruz', 'code': 'N-1405'}],"
             " 'calendars': [{'id': 'week', 'from': '1405-01-01', 'to': '1405-01-07'}],"
             " 'marks': [{'id': 'nowruz', 'number': 20, 'per': 'ever'}],"
             " 'rules': [{'id': 'nowruz', 'once': 'nowruz', 'do': {'rebate': {'rials': 50000}},"
             "            'when': {'and': [{'var': 'code.nowruz'}, {'var': 'on.week'}]}}]}");
    struct card member = card_of(programme, 0);
    struct card card = member;
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 0);
    card.occasion.code = 1;
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 0);
    card.occasion.code = 2;
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 50000);
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 0);
    card = member;
    card.occasion.code = 2;
    card.minute = minute_at(1405, 1, 8, 0);
    assert_int_equal(buy(&card, programme, 1000000)->parts.rebate.rials, 0);
    card.minute = minute_at(1405, 1, 7, 23);
    assert_int_equal(buy(&card, programme, 30000)->parts.rebate.rials,
                     30000); /* at most the price */
    card.occasion.code = 3;
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {1000000}};
    assert_refused(&card, play(&card, programme, wish), REFUSAL_CODE_UNKNOWN);
    programme_free(programme);
}

static void d19_the_first_order_gives_welcome_points_once(void **state)
{
    (void)state;
    struct programme *programme =
        club("{'marks': [{'id': 'welcome', 'number': 14, 'per': 'ever'}],"
             " 'rules': [{'id': 'welcome', 'once': 'welcome', 'when': true,"
             "            'do': {'award': {'points': 50}},"
             "            'say': {'fa': 'خوش آمدید', 'en': 'Welcome'}}]}");
    struct card card = card_of(programme, 0);
    assert_int_equal(buy(&card, programme, 1)->parts.award.n, 50);
    assert_string_equal(programme->rules[card.plan.steps[0].rule].say_en, "Welcome");
    assert_int_equal(buy(&card, programme, 1000000)->parts.award.n, 0);
    card.minute = minute_at(1409, 1, 1, 0);
    assert_int_equal(buy(&card, programme, 1000000)->parts.award.n, 0);
    programme_free(programme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(w02_a_larger_next_purchase_gives_20_percent_credit),
        cmocka_unit_test(w03_an_earlier_return_gives_20_percent_credit),
        cmocka_unit_test(w02_w03_each_customer_gets_the_other_offer_never),
        cmocka_unit_test(w04_d05_a_festival_of_10_days_takes_40_percent_off_for_all),
        cmocka_unit_test(w06_c14_after_three_stamps_the_fourth_order_is_free),
        cmocka_unit_test(w09_points_by_visits_whatever_the_amount),
        cmocka_unit_test(w10_d08_a_birthday_offer_on_the_day_or_3_days_before_once_a_year),
        cmocka_unit_test(w10_a_birthday_on_30_esfand_is_on_29_in_common_years),
        cmocka_unit_test(w10_d09_a_wedding_day_offer),
        cmocka_unit_test(w11_ten_percent_are_loaded_on_the_card),
        cmocka_unit_test(w13_c15_bigger_buyers_get_the_bigger_discount),
        cmocka_unit_test(c16_each_tier_has_its_own_price),
        cmocka_unit_test(c17_a_paid_scheme_is_bought_and_holds_to_the_end_of_the_year),
        cmocka_unit_test(d01_to_d04_an_offer_is_applied_unasked_from_the_facts_of_the_card_alone),
        cmocka_unit_test(d10_a_code_gives_its_discount_once_within_its_dates),
        cmocka_unit_test(d19_the_first_order_gives_welcome_points_once),
    };
    return cmocka_run_group_tests_name("plan_offers", tests, NULL, NULL);
}
