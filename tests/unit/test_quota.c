/* Tests of firmware/terminal/quota.h: what is refused, by how much, and what is said. Figures by
 * hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/terminal/quota.h"

enum { OWN = 7, OTHER = 8 };
static const int64_t today_s = 1795329000; /* 2026-11-22 10:00 in Tehran: day 20779 */

static struct plan load_of(int64_t rials)
{
    struct plan plan = {.next = {.last = {.kind = TRANSACTION_LOAD}}};
    plan.parts.amount.rials = plan.parts.load.rials = plan.parts.due.rials = rials;
    return plan;
}

static struct quota quota_of(enum quota_scope scope, int64_t max, int64_t used)
{
    struct quota quota = {.day = 20779, .terminal = OWN};
    quota.of[scope].limits.of[LIMIT_LOAD][LIMIT_RIALS] = (struct limit){true, max};
    quota.of[scope].used.n[LIMIT_LOAD][LIMIT_RIALS] = used;
    return quota;
}

static void each_scope_refuses_from_one_rial_too_much_on(void **state)
{
    static const char *const said[QUOTA_SCOPES] = {
        ("Limit: this terminal may load 10,000 rials in all; 9,000 are used, 1,000 are left. Ask "
         "the "
         "club for more."),
        "Limit: this terminal may load 10,000 rials a day; 9,000 are used, 1,000 are left.",
        "Limit: an operator may load 10,000 rials a day; 9,000 are used, 1,000 are left.",
        "Limit: this operator may load 10,000 rials a day; 9,000 are used, 1,000 are left.",
        "Limit: a card may load 10,000 rials a day; 9,000 are used, 1,000 are left."};
    (void)state;
    for (int scope = 0; scope < QUOTA_SCOPES; scope += 1) {
        const struct quota quota = quota_of((enum quota_scope)scope, 10000, 9000);
        const struct plan just = load_of(1000), more = load_of(1001);
        struct fault why = {""};
        assert_false(quota_refuses(&quota, &just, NULL, NULL, 0, &why));
        assert_true(quota_refuses(&quota, &more, NULL, NULL, 0, &why));
        assert_string_equal(why.say, said[scope]);
    }
}

/* 1,800,005 rials are 180,000.5 toman. */
static void money_is_said_in_the_programmes_unit(void **state)
{
    (void)state;
    const struct programme toman = {.unit = UNIT_TOMAN};
    struct quota quota = quota_of(QUOTA_TERMINAL_DAY, 1800005, 1300000);
    const struct plan more = load_of(500006);
    struct fault why = {""};
    quota.programme = &toman;
    assert_true(quota_refuses(&quota, &more, NULL, NULL, 0, &why));
    assert_string_equal(why.say, "Limit: this terminal may load 180,000.5 toman a day; 130,000 are "
                                 "used, 50,000.5 are left.");
}

/* The longest sentence is not cut. */
static void the_longest_limit_is_said_whole(void **state)
{
    (void)state;
    struct quota quota = {.terminal = OWN};
    struct limit_use more = {{{0}}};
    struct fault why = {""};
    quota.of[QUOTA_TERMINAL].limits.of[LIMIT_EARN][LIMIT_RIALS] = (struct limit){true, LIMIT_MAX};
    quota.of[QUOTA_TERMINAL].used.n[LIMIT_EARN][LIMIT_RIALS] = LIMIT_MAX;
    more.n[LIMIT_EARN][LIMIT_RIALS] = 1;
    assert_true(quota_stops(&quota, &more, &why));
    assert_string_equal(why.say + strlen(why.say) - 23, " Ask the club for more.");
}

static void a_number_is_said_in_times_and_points(void **state)
{
    (void)state;
    struct quota quota = {.terminal = OWN};
    struct plan sale = {.next = {.last = {.kind = TRANSACTION_SALE}}};
    struct fault why = {""};
    quota.of[QUOTA_TERMINAL_DAY].limits.of[LIMIT_EARN][LIMIT_COUNT] = (struct limit){true, 50};
    quota.of[QUOTA_TERMINAL_DAY].used.n[LIMIT_EARN][LIMIT_COUNT] = 20;
    sale.parts.award.n = 31;
    assert_true(quota_refuses(&quota, &sale, NULL, NULL, 0, &why));
    assert_string_equal(why.say, "Limit: this terminal may give in sales 50 points a day; 20 are "
                                 "used, 30 are left.");
    const struct plan load = load_of(5);
    quota.of[QUOTA_CARD].limits.of[LIMIT_LOAD][LIMIT_COUNT] = (struct limit){true, 0};
    assert_true(quota_refuses(&quota, &load, NULL, NULL, 0, &why));
    assert_string_equal(why.say, "Limit: a card may load 0 times a day; 0 are used, 0 are left.");
}

/* 6,000 here and 3,000 at another terminal today leave 1,000 of 10,000. */
static void a_cards_day_counts_what_its_ring_tells_of_others(void **state)
{
    (void)state;
    const struct quota quota = quota_of(QUOTA_CARD, 10000, 6000);
    struct snapshot ring[2] = {{.status = CARD_ACTIVE, .counter = 9}, {.counter = 8}};
    struct fault why;
    ring[1].purse[PURSE_CREDIT].rials = 50000;
    ring[0].purse[PURSE_CREDIT].rials = 53000;
    ring[0].last = (struct transaction){.kind = TRANSACTION_LOAD,
                                        .minute = snapshot_minute(today_s),
                                        .terminal = OTHER,
                                        .sequence = 4};
    const struct plan just = load_of(1000), more = load_of(1001);
    assert_true(quota_needs_history(&quota, TRANSACTION_LOAD));
    assert_false(quota_needs_history(&quota, TRANSACTION_SALE));
    assert_false(quota_refuses(&quota, &just, NULL, ring, 2, &why));
    assert_true(quota_refuses(&quota, &more, NULL, ring, 2, &why));
    ring[0].last.terminal = OWN; /* then it is among the 6,000 */
    assert_false(quota_refuses(&quota, &more, NULL, ring, 2, &why));
}

static void without_limits_nothing_is_refused_and_nothing_read(void **state)
{
    (void)state;
    const struct quota quota = {.terminal = OWN};
    const struct plan load = load_of(MONEY_MAX_RIALS);
    struct fault why;
    assert_false(quota_needs_history(&quota, TRANSACTION_SALE));
    assert_false(quota_needs_history(&quota, TRANSACTION_LOAD));
    assert_false(quota_refuses(&quota, &load, NULL, NULL, 0, &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_scope_refuses_from_one_rial_too_much_on),
        cmocka_unit_test(money_is_said_in_the_programmes_unit),
        cmocka_unit_test(the_longest_limit_is_said_whole),
        cmocka_unit_test(a_number_is_said_in_times_and_points),
        cmocka_unit_test(a_cards_day_counts_what_its_ring_tells_of_others),
        cmocka_unit_test(without_limits_nothing_is_refused_and_nothing_read),
    };
    return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
