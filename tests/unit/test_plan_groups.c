/* Tests of the group that a new card begins with (plan.h), worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/particulars.h"
#include "tests/unit/plan_card.h"

/* Staff by their account; whoever is below 25; who comes by the web to branch 4; and no one else.
 */
#define GROUPS                                                                                     \
    "{'kinds': [{'id': 'member', 'number': 0}, {'id': 'gold', 'number': 3}],"                      \
    " 'groups': ["                                                                                 \
    "  {'id': 'staff', 'number': 1, 'when': {'==': [{'var': 'member.account'}, 'staff']}},"        \
    "  {'id': 'by-hand', 'number': 9},"                                                            \
    "  {'id': 'young', 'number': 2, 'when': {'<=': [0, {'var': 'member.age'}, 24]}},"              \
    "  {'id': 'web4', 'number': 3, 'when': {'and': [{'==': [{'var': 'member.route'}, 'web']},"     \
    "   {'==': [{'var': 'place.branch'}, 4]}]}},"                                                  \
    "  {'id': 'gold', 'number': 4, 'when': {'==': [{'var': 'card.kind'}, 'gold']}}],"              \
    " 'rules': [{'id': 'staff', 'when': {'==': [{'var': 'member.group'}, 'staff']},"               \
    "            'do': {'rebate': {'percent': 20}}}]}"

static struct programme *programme;

static int setup(void **state)
{
    const int rc = plan_card_setup(state);
    programme = club(GROUPS);
    return rc;
}

static int teardown(void **state)
{
    programme_free(programme);
    return plan_card_teardown(state);
}

/* Days since 1900-01-01: 45290 is 2024-01-01; 1 Farvardin 1380 was 2001-03-21, 8,321 days before.
 */
enum { FARVARDIN_1380 = 45290 - 8321 };

/* An issue on 1 Farvardin 1405. */
static struct card issue(const struct occasion *who)
{
    struct card card = {.minute = minute_at(1405, 1, 1, 12), .occasion = *who};
    assert_int_equal(play(&card, programme, (struct wish){.kind = TRANSACTION_ACTIVATE}), ST_OK);
    card.occasion.has_newcomer = false; /* that was the issue's */
    card.occasion.newcomer = (struct newcomer){0};
    return card;
}

static uint8_t group_of(struct occasion who)
{
    return issue(&who).history[0].group;
}

static struct occasion somebody(void)
{
    return (struct occasion){.has_identity = true,
                             .has_newcomer = true,
                             .newcomer = {.account = ACCOUNT_CUSTOMER, .route = ROUTE_COUNTER}};
}

static void the_first_rule_that_holds_chooses(void **state)
{
    (void)state;
    struct occasion who = somebody();
    assert_int_equal(group_of(who), 0); /* no birthday: the age is -1 */
    who.birthday = FARVARDIN_1380;      /* 25 today */
    assert_int_equal(group_of(who), 0);
    who.birthday = FARVARDIN_1380 + 1; /* 25 tomorrow */
    assert_int_equal(group_of(who), 2);
    who.newcomer.account = ACCOUNT_STAFF;
    assert_int_equal(group_of(who), 1); /* the first in the list */
    who = somebody();
    who.newcomer.route = ROUTE_WEB;
    assert_int_equal(group_of(who), 0);
    who.branch = 4;
    assert_int_equal(group_of(who), 3);
    who.newcomer.route = ROUTE_APP;
    who.kind = 3;
    assert_int_equal(group_of(who), 4);
}

static void a_named_group_goes_before_all_rules(void **state)
{
    (void)state;
    struct occasion who = somebody();
    who.newcomer.account = ACCOUNT_STAFF;
    who.newcomer.group = 9;
    assert_int_equal(group_of(who), 9);
    who.newcomer.group = 4;
    assert_int_equal(group_of(who), 4);
}

static void without_a_newcomer_no_rule_chooses(void **state)
{
    (void)state;
    struct occasion who = somebody();
    who.kind = 3;
    who.has_newcomer = false;
    who.newcomer = (struct newcomer){0};
    assert_int_equal(group_of(who), 0);
}

static void a_group_that_the_club_has_not_is_refused(void **state)
{
    (void)state;
    struct card card = {.minute = minute_at(1405, 1, 1, 12), .occasion = somebody()};
    card.occasion.newcomer.group = 7;
    assert_int_equal(play(&card, programme, (struct wish){.kind = TRANSACTION_ACTIVATE}),
                     ST_REFUSED);
    assert_int_equal(card.plan.refusal, REFUSAL_GROUP_UNKNOWN);
    assert_string_equal(card.plan.why.say, "The club has no group 7.");
}

static void an_unset_clock_knows_no_age(void **state)
{
    (void)state;
    struct occasion who = somebody();
    who.birthday = FARVARDIN_1380 + 1;
    assert_int_equal(plan_group_of(programme, &who, minute_at(1405, 1, 1, 12), 1), 2);
    assert_int_equal(plan_group_of(programme, &who, 0, 1), 0);
}

/* 20 % of 1,000,000 off: at the very first sale. */
static void the_first_sale_has_the_groups_price(void **state)
{
    (void)state;
    struct occasion who = somebody();
    struct card customer = issue(&who);
    assert_int_equal(buy(&customer, programme, 1000000)->parts.due.rials, 1000000);
    who.newcomer.account = ACCOUNT_STAFF;
    struct card staff = issue(&who);
    assert_int_equal(buy(&staff, programme, 1000000)->parts.rebate.rials, 200000);
    assert_int_equal(staff.parts[0].due.rials, 800000);
}

static void an_activate_may_carry_a_group_and_nothing_else(void **state)
{
    (void)state;
    struct occasion who = somebody();
    who.newcomer.group = 9;
    struct card card = issue(&who);
    struct snapshot after = card.history[0];
    assert_true(plan_holds(NULL, &after, TRANSACTION_ACTIVATE, &card.parts[0]));
    after.tier = 1;
    assert_false(plan_holds(NULL, &after, TRANSACTION_ACTIVATE, &card.parts[0]));
    const struct plan *sold = buy(&card, programme, 1000);
    after = sold->next;
    after.last.kind = TRANSACTION_LOAD;
    after.group = 4;
    assert_false(plan_holds(&card.history[1], &after, TRANSACTION_LOAD, &sold->parts));
}

/* --- loading ------------------------------------------------------------------------------- */

static void refused(const char *groups, const char *say)
{
    char patch[512];
    struct programme *loaded = NULL;
    struct fault fault = {""};
    (void)snprintf(patch, sizeof patch, "{'groups': %s}", groups);
    char *text = club_text(patch);
    assert_int_equal(programme_load(text, strlen(text), &loaded, &fault), ST_FOREIGN);
    if (strstr(fault.say, say) == NULL) {
        fail_msg("%s", fault.say);
    }
    free(text);
}

static void a_rule_may_ask_only_what_is_known_of_who_joins(void **state)
{
    (void)state;
    refused("[{'id': 'a', 'number': 1, 'when': {'>': [{'var': 'sale.amount'}, 5]}}]",
            "groups[0].when asks for \"sale.amount\", which nobody knows when a member joins.");
    refused("[{'id': 'a', 'number': 1, 'when': {'var': 'history.known'}}]", "history.known");
    refused("[{'id': 'a', 'number': 1}, {'id': 'b', 'number': 2,"
            " 'when': {'==': [{'var': 'member.group'}, 'a']}}]",
            "groups[1].when asks for \"member.group\"");
    refused("[{'id': 'a', 'number': 1, 'when': {'==': [{'var': 'member.account'}, 'staf']}}]",
            "which is no account; did you mean \"staff\"?");
    refused("[{'id': 'a', 'number': 1, 'when': 7}]", "must be a condition");
    refused("[{'id': 'a', 'number': 1, 'when': {'/': [1, 0]}}]", "groups[0]");
    char *text = club_text("{'rules': [{'id': 'r', 'when': {'==': [{'var': 'member.account'},"
                           " 'staff']}, 'do': {'group': ''}}]}");
    struct programme *loaded = NULL;
    struct fault fault = {""};
    assert_int_equal(programme_load(text, strlen(text), &loaded, &fault), ST_FOREIGN);
    assert_non_null(strstr(fault.say, "which only a group's rule can know"));
    free(text);
}

/* A terminal reads a card's identity at a sale only where a rule of sales asks for it. */
static void groups_make_no_sale_read_more(void **state)
{
    (void)state;
    struct programme *plain = club("{'modules': ['points'], 'tiers': null, 'purses': {'points':"
                                   " {'expiry': null}}, 'groups': [{'id': 'a', 'number': 1,"
                                   " 'when': {'>=': [{'var': 'member.age'}, 60]}}]}");
    assert_int_equal(plain->uses, 0);
    programme_free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_holds_chooses),
        cmocka_unit_test(a_named_group_goes_before_all_rules),
        cmocka_unit_test(without_a_newcomer_no_rule_chooses),
        cmocka_unit_test(a_group_that_the_club_has_not_is_refused),
        cmocka_unit_test(an_unset_clock_knows_no_age),
        cmocka_unit_test(the_first_sale_has_the_groups_price),
        cmocka_unit_test(an_activate_may_carry_a_group_and_nothing_else),
        cmocka_unit_test(a_rule_may_ask_only_what_is_known_of_who_joins),
        cmocka_unit_test(groups_make_no_sale_read_more),
    };
    return cmocka_run_group_tests_name("plan_groups", tests, setup, teardown);
}
