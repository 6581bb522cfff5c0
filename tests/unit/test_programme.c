/* Tests of firmware/engine/programme.h: every field of the page, its range and its refusals.
 * The rules: test_programme_rules.c. The document as a whole: test_programme_document.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/programme_text.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static struct programme *load_example(void)
{
    struct programme *programme;
    struct fault fault;
    if (programme_text_load("version", "7", &programme, &fault) != ST_OK) {
        fail_msg("%s", fault.say);
    }
    return programme;
}

static void the_example_loads_with_every_figure_of_its_head(void **state)
{
    (void)state;
    struct programme *p = load_example();
    assert_int_equal(p->version, 7);
    assert_string_equal(p->club, "باشگاه وفا");
    assert_int_equal(p->unit, UNIT_TOMAN);
    assert_int_equal(p->utc_offset_minutes, 210);
    assert_int_equal(p->modules, 1023);
    assert_int_equal(p->uses, USES_IDENTITY | USES_FACTS);
    assert_int_equal(p->points_max.n, 100000000);
    assert_int_equal(p->hold_days, 0);
    assert_int_equal(p->expiry, PERIOD_YEAR);
    assert_int_equal(p->purse_max[PURSE_CREDIT].rials, 2000000000);
    assert_int_equal(p->purse_max[PURSE_GIFT].rials, 0);
    assert_int_equal(p->purse_max[PURSE_VOUCHER].rials, 0);
    assert_true(p->sale_max.rials == INT64_C(10000000000));
    assert_int_equal(p->load_min.rials, 100000);
    assert_int_equal(p->load_max.rials, 1000000000);
    assert_int_equal(p->opening_max.rials, 1000000000);
    assert_int_equal(p->point_value.rials, 1000);
    assert_int_equal(p->redeem_min.n, 0);
    assert_int_equal(p->redeem_max_hundredths, 10000);
    assert_false(p->award_on_redeemed);
    assert_true(p->award_on_credit);
    assert_int_equal(p->rebate_stacking, STACK_SUM);
    assert_int_equal(p->award_stacking, STACK_SUM);
    assert_int_equal(p->cashback_stacking, STACK_BEST);
    assert_int_equal(p->rebate_step.rials, 1);
    assert_int_equal(p->cashback_step.rials, 1);
    assert_false(p->refund_extras_lost);
    programme_free(p);
}

static void the_example_loads_with_every_list(void **state)
{
    (void)state;
    struct programme *p = load_example();
    assert_int_equal(p->measure, MEASURE_EARNED);
    assert_int_equal(p->tier_period, PERIOD_YEAR);
    assert_true(p->tiers_fall);
    assert_int_equal(p->tier_count, 3);
    assert_string_equal(p->tiers[1].id, "silver");
    assert_int_equal(p->tiers[2].from, 2000);
    assert_string_equal(programme_tier_id(p, 3), "gold");
    assert_string_equal(programme_tier_id(p, 0), "");
    assert_string_equal(programme_tier_id(p, 4), "");
    assert_int_equal(p->group_count, 1);
    assert_string_equal(programme_group_id(p, 1), "staff");
    assert_string_equal(programme_group_id(p, 0), "");
    assert_int_equal(p->kind_count, 2);
    assert_string_equal(programme_kind_id(p, 0), "member");
    assert_string_equal(programme_kind_id(p, 1), "discount10");
    assert_string_equal(programme_kind_id(p, 2), "");
    assert_int_equal(p->product_count, 2);
    assert_int_equal(programme_product_place(p, 2), 1);
    assert_int_equal(programme_product_place(p, 0), -1);
    assert_true(p->products[0].earns);
    assert_false(p->products[1].earns);
    assert_int_equal(p->code_count, 1);
    assert_int_equal(programme_code_place(p, "NOWRUZ1405"), 0);
    assert_int_equal(programme_code_place(p, "NOWRUZ1404"), -1);
    assert_int_equal(p->mark_count, 2);
    assert_string_equal(p->marks[1].id, "welcome");
    assert_int_equal(p->marks[1].number, 14);
    programme_free(p);
}

/* 1405-07-01 is 2026-09-23, 996 days after 2024-01-01, a Wednesday (by Python's datetime and an
 * almanac). */
static void a_calendar_has_both_its_days_and_its_weekdays(void **state)
{
    (void)state;
    struct programme *p = load_example();
    assert_int_equal(p->calendars[0].from_day, 996);
    assert_int_equal(p->calendars[0].to_day, 1005);
    assert_int_equal(p->calendars[0].weekdays, 0x7f);
    assert_false(programme_calendar_has(&p->calendars[0], 995));
    assert_true(programme_calendar_has(&p->calendars[0], 996));
    assert_true(programme_calendar_has(&p->calendars[0], 1005));
    assert_false(programme_calendar_has(&p->calendars[0], 1006));
    programme_free(p);

    struct fault fault;
    assert_int_equal(programme_text_load("calendars.0.weekdays", "[4, 6]", &p, &fault), ST_OK);
    assert_true(programme_calendar_has(&p->calendars[0], 996));  /* Wednesday */
    assert_false(programme_calendar_has(&p->calendars[0], 997)); /* Thursday */
    assert_true(programme_calendar_has(&p->calendars[0], 998));  /* Friday */
    programme_free(p);
}

static void the_limits_of_a_day_are_optional_and_checked(void **state)
{
    (void)state;
    struct programme *p = load_example();
    struct fault fault;
    assert_false(limits_any(&p->card_day) || limits_any(&p->operator_day));
    programme_free(p);
    assert_int_equal(programme_text_load("limits.card_day",
                                         "{\"load\": {\"rials\": 5000000, \"count\": 3},"
                                         " \"earn\": {\"points\": 900}, \"issue\": {\"count\": 0}}",
                                         &p, &fault),
                     ST_OK);
    const struct limit *load = p->card_day.of[LIMIT_LOAD], *earn = p->card_day.of[LIMIT_EARN];
    const struct limit *issue = p->card_day.of[LIMIT_ISSUE];
    assert_true(load[LIMIT_RIALS].is_set && load[LIMIT_RIALS].max == 5000000);
    assert_true(load[LIMIT_COUNT].is_set && load[LIMIT_COUNT].max == 3);
    assert_true(earn[LIMIT_COUNT].is_set && earn[LIMIT_COUNT].max == 900);
    assert_true(issue[LIMIT_COUNT].is_set && issue[LIMIT_COUNT].max == 0);
    assert_false(earn[LIMIT_RIALS].is_set || p->card_day.of[LIMIT_SPEND][LIMIT_RIALS].is_set);
    assert_false(limits_any(&p->operator_day));
    programme_free(p);

    static const struct change changes[] = {
        {"limits.card_day", "{\"lend\": {\"rials\": 1}}", ST_UNSUPPORTED, "lend"},
        {"limits.card_day", "{\"load\": {\"points\": 1}}", ST_UNSUPPORTED, "points"},
        {"limits.card_day", "{\"load\": {\"rials\": -1}}", ST_FOREIGN, "rials"},
        {"limits.card_day", "{\"load\": {\"rials\": 1.5}}", ST_FOREIGN, "rials"},
        {"limits.operator_day", "{\"load\": {}}", ST_FOREIGN, "load"},
        {"limits.operator_day", "{\"load\": 5}", ST_FOREIGN, "load"},
        {"limits.operator_day", "5", ST_FOREIGN, "operator_day"},
    };
    programme_text_refuses(changes, COUNT(changes));
}

static void what_a_card_in_place_of_a_lost_one_carries_is_optional_and_checked(void **state)
{
    (void)state;
    struct programme *p = load_example();
    struct fault fault;
    assert_true(p->provisional_credit.rials == 0 && p->provisional_points.n == 0);
    programme_free(p);
    assert_int_equal(programme_text_load("limits.provisional",
                                         "{\"credit_rials\": 500000, \"points\": 100}", &p, &fault),
                     ST_OK);
    assert_int_equal(p->provisional_credit.rials, 500000);
    assert_int_equal(p->provisional_points.n, 100);
    programme_free(p);

    static const struct change changes[] = {
        {"limits.provisional", "{\"credit_rials\": 500000}", ST_FOREIGN, "points"},
        {"limits.provisional", "{\"credit_rials\": 68719476736, \"points\": 1}", ST_FOREIGN,
         "credit_rials"},
        {"limits.provisional", "{\"credit_rials\": 1, \"points\": 268435456}", ST_FOREIGN,
         "points"},
        {"limits.provisional", "{\"credit_rials\": -1, \"points\": 0}", ST_FOREIGN, "credit_rials"},
        {"limits.provisional", "{\"credit_rials\": 1, \"points\": 0, \"gift\": 1}", ST_UNSUPPORTED,
         "gift"},
        {"limits.provisional", "[]", ST_FOREIGN, "provisional"},
    };
    programme_text_refuses(changes, COUNT(changes));
}

static void every_field_is_required(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "vafa_programme",
        "version",
        "club",
        "unit",
        "utc_offset_minutes",
        "modules",
        "purses",
        "purses.points",
        "purses.points.max",
        "purses.points.hold_days",
        "purses.points.expiry",
        "purses.credit",
        "purses.credit.max_rials",
        "purses.gift",
        "purses.gift.max_rials",
        "purses.voucher",
        "purses.voucher.max_rials",
        "limits",
        "limits.sale_max_rials",
        "limits.load_min_rials",
        "limits.load_max_rials",
        "limits.opening_max_rials",
        "redemption",
        "redemption.rials_per_point",
        "redemption.min_points",
        "redemption.max_percent",
        "award_on",
        "award_on.redeemed",
        "award_on.credit",
        "stacking",
        "stacking.rebate",
        "stacking.award",
        "stacking.cashback",
        "rounding",
        "rounding.rebate_rials",
        "rounding.cashback_rials",
        "refund",
        "refund.extras",
        "tiers",
        "tiers.measure",
        "tiers.period",
        "tiers.falls",
        "tiers.list",
        "tiers.list.0.id",
        "tiers.list.0.from",
        "groups",
        "groups.0.id",
        "groups.0.number",
        "kinds",
        "kinds.0.id",
        "kinds.0.number",
        "products",
        "products.0.id",
        "products.0.number",
        "products.0.earns",
        "calendars",
        "calendars.0.id",
        "calendars.0.from",
        "calendars.0.to",
        "codes",
        "codes.0.id",
        "codes.0.code",
        "marks",
        "marks.0.id",
        "marks.0.number",
        "marks.0.per",
        "rules",
        "rules.0.id",
        "rules.0.when",
        "rules.0.do",
        "rules.0.do.award.points",
        "rules.2.say.fa",
        "rules.2.say.en",
    };
    for (size_t i = 0; i < COUNT(paths); i += 1) {
        const char *last = strrchr(paths[i], '.');
        const struct change change = {paths[i], NULL, ST_FOREIGN,
                                      last == NULL ? paths[i] : last + 1};
        programme_text_refuses(&change, 1);
    }
}

/* A newer firmware may know it. */
static void what_is_unknown_is_unsupported_by_name(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"vafa_programme", "1", ST_UNSUPPORTED,
         "vafa_programme is 1; this firmware reads format 2"},
        {"vafa_programme", "3", ST_UNSUPPORTED, "vafa_programme is 3"},
        {"lottery", "{}", ST_UNSUPPORTED, "lottery is unknown"},
        {"verson", "8", ST_UNSUPPORTED, "did you mean \"version\"?"},
        {"modules.0", "\"lottery\"", ST_UNSUPPORTED, "none of: points redemption"},
        {"purses.bonus", "{}", ST_UNSUPPORTED, "purses.bonus is unknown"},
        {"purses.points.hold_hours", "1", ST_UNSUPPORTED, "purses.points.hold_hours"},
        {"purses.points.expiry.grace", "1", ST_UNSUPPORTED, "purses.points.expiry.grace"},
        {"purses.credit.max", "1", ST_UNSUPPORTED, "purses.credit.max"},
        {"limits.load_max_rial", "1", ST_UNSUPPORTED, "did you mean \"load_max_rials\"?"},
        {"redemption.max_share", "1", ST_UNSUPPORTED, "redemption.max_share"},
        {"award_on.lottery", "true", ST_UNSUPPORTED, "award_on.lottery"},
        {"stacking.stamps", "\"sum\"", ST_UNSUPPORTED, "stacking.stamps"},
        {"rounding.award", "1", ST_UNSUPPORTED, "rounding.award"},
        {"refund.tiers", "\"lost\"", ST_UNSUPPORTED, "refund.tiers"},
        {"tiers.rises", "true", ST_UNSUPPORTED, "tiers.rises"},
        {"tiers.list.1.till", "9", ST_UNSUPPORTED, "tiers.list[1].till"},
        {"groups.0.name", "\"x\"", ST_UNSUPPORTED, "groups[0].name"},
        {"kinds.1.colour", "\"x\"", ST_UNSUPPORTED, "kinds[1].colour"},
        {"products.1.price", "1", ST_UNSUPPORTED, "products[1].price"},
        {"calendars.0.hours", "1", ST_UNSUPPORTED, "calendars[0].hours"},
        {"codes.0.uses", "1", ST_UNSUPPORTED, "codes[0].uses"},
        {"marks.0.uses", "1", ST_UNSUPPORTED, "marks[0].uses"},
        {"", "1", ST_UNSUPPORTED, "unknown"},
        {"club unit", "1", ST_UNSUPPORTED, "unknown"},
        {"clu", "1", ST_UNSUPPORTED, "clu"},
    };
    programme_text_refuses(changes, COUNT(changes));
}

static void a_field_of_the_head_out_of_range_is_foreign(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"vafa_programme", "\"2\"", ST_FOREIGN, "vafa_programme must be a whole number"},
        {"version", "0", ST_FOREIGN, "version must be a whole number from 1 to 2147483647"},
        {"version", "2147483648", ST_FOREIGN, "version"},
        {"version", "1.0", ST_FOREIGN, "whole number"},
        {"version", "\"1\"", ST_FOREIGN, "whole number"},
        {"club", "\"\"", ST_FOREIGN, "club must be text of 1 to 47 bytes"},
        {"club", "\"123456789012345678901234567890123456789012345678\"", ST_FOREIGN, "47 bytes"},
        {"club", "\"a\\nb\"", ST_FOREIGN, "control"},
        {"club", "\"a\\u007fb\"", ST_FOREIGN, "control"},
        {"club", "\"a\\u0085b\"", ST_FOREIGN, "control"},
        {"club", "7", ST_FOREIGN, "club"},
        {"unit", "\"dollar\"", ST_FOREIGN, "toman rial"},
        {"unit", "10", ST_FOREIGN, "toman"},
        {"utc_offset_minutes", "-721", ST_FOREIGN, "from -720 to 840"},
        {"utc_offset_minutes", "841", ST_FOREIGN, "utc_offset_minutes"},
        {"modules", "{}", ST_FOREIGN, "modules must be a list"},
        {"modules.1", "1", ST_FOREIGN, "none of: points"},
        {"modules.1", "\"points\"", ST_FOREIGN, "\"points\" twice"},
        {"~modules", "[\"redemption\"]", ST_FOREIGN, "needs \"points\""},
        {"~modules", "[\"expiry\"]", ST_FOREIGN, "needs \"points\""},
        {"~modules", "[\"cashback\"]", ST_FOREIGN, "needs \"credit\""},
    };
    programme_text_refuses(changes, COUNT(changes));
}

static void purses_and_limits_out_of_range_are_foreign(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"purses.points.max", "-1", ST_FOREIGN, "purses.points.max must be a whole number from 0"},
        {"purses.points.max", "268435456", ST_FOREIGN, "268435455"},
        {"purses.points.hold_days", "32", ST_FOREIGN, "from 0 to 31"},
        {"purses.points.expiry", "{\"period\": \"week\"}", ST_FOREIGN, "month quarter half year"},
        {"purses.points.expiry", "null", ST_FOREIGN, "must have a period"},
        {"purses.points.expiry", "[]", ST_FOREIGN, "must have a period"},
        {"purses.credit", "[]", ST_FOREIGN, "purses.credit must be an object"},
        {"purses.credit.max_rials", "68719476736", ST_FOREIGN, "68719476735"},
        {"purses.gift.max_rials", "1073741824", ST_FOREIGN, "1073741823"},
        {"purses.voucher.max_rials", "1073741824", ST_FOREIGN, "1073741823"},
        {"limits.sale_max_rials", "0", ST_FOREIGN, "sale_max_rials must be a whole number from 1"},
        {"limits.sale_max_rials", "68719476736", ST_FOREIGN, "68719476735"},
        {"limits.load_min_rials", "0", ST_FOREIGN, "load_min_rials"},
        {"limits.load_min_rials", "1000000001", ST_FOREIGN, "not be more than load_max_rials"},
        {"limits.load_max_rials", "2000000001", ST_FOREIGN, "purses.credit.max_rials"},
        {"~purses.credit.max_rials", "999999999", ST_FOREIGN, "limits.load_max_rials must not"},
        {"limits.opening_max_rials", "2000000001", ST_FOREIGN, "purses.credit.max_rials"},
        {"limits.opening_max_rials", "-1", ST_FOREIGN, "opening_max_rials"},
    };
    programme_text_refuses(changes, COUNT(changes));
    static const struct change edges[] = {
        {.path = "purses.points.max", .value = "268435455"},
        {.path = "purses.points.hold_days", .value = "31"},
        {.path = "purses.credit.max_rials", .value = "68719476735"},
        {.path = "purses.gift.max_rials", .value = "1073741823"},
        {.path = "limits.load_min_rials", .value = "1000000000"},
        {.path = "limits.opening_max_rials", .value = "0"},
        {.path = "limits.opening_max_rials", .value = "2000000000"},
        {.path = "version", .value = "2147483647"},
        {.path = "utc_offset_minutes", .value = "-720"},
        {.path = "utc_offset_minutes", .value = "840"},
        {.path = "club", .value = "\"12345678901234567890123456789012345678901234567\""},
    };
    programme_text_takes(edges, COUNT(edges));
}

static void how_effects_count_has_its_ranges(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"redemption.rials_per_point", "0", ST_FOREIGN, "from 1 to 1000000000"},
        {"redemption.rials_per_point", "1000000001", ST_FOREIGN, "rials_per_point"},
        {"redemption.min_points", "1048576", ST_FOREIGN, "1048575"},
        {"redemption.max_percent", "100.01", ST_FOREIGN, "percent from 0 to 100"},
        {"redemption.max_percent", "-0.01", ST_FOREIGN, "percent"},
        {"redemption.max_percent", "33.333", ST_FOREIGN, "at most two decimals"},
        {"redemption.max_percent", "\"50\"", ST_FOREIGN, "percent"},
        {"award_on.credit", "1", ST_FOREIGN, "award_on.credit must be true or false"},
        {"award_on.redeemed", "\"true\"", ST_FOREIGN, "award_on.redeemed"},
        {"stacking.rebate", "\"most\"", ST_FOREIGN,
         "stacking.rebate must be one of: sum best first"},
        {"stacking.award", "1", ST_FOREIGN, "sum best first"},
        {"stacking.cashback", "null", ST_FOREIGN, "sum best first"},
        {"rounding.rebate_rials", "0", ST_FOREIGN, "from 1 to 1000000"},
        {"rounding.cashback_rials", "1000001", ST_FOREIGN, "from 1 to 1000000"},
        {"refund.extras", "\"keep\"", ST_FOREIGN, "share lost"},
    };
    programme_text_refuses(changes, COUNT(changes));
    struct programme *p;
    struct fault fault;
    /* 0.07 * 100 is not 7 in binary: the loader must not mind. */
    assert_int_equal(programme_text_load("redemption.max_percent", "0.07", &p, &fault), ST_OK);
    assert_int_equal(p->redeem_max_hundredths, 7);
    programme_free(p);
    assert_int_equal(programme_text_load("redemption.max_percent", "99.99", &p, &fault), ST_OK);
    assert_int_equal(p->redeem_max_hundredths, 9999);
    programme_free(p);
    assert_int_equal(programme_text_load("stacking.rebate", "\"first\"", &p, &fault), ST_OK);
    assert_int_equal(p->rebate_stacking, STACK_FIRST);
    programme_free(p);
    assert_int_equal(programme_text_load("refund.extras", "\"lost\"", &p, &fault), ST_OK);
    assert_true(p->refund_extras_lost);
    programme_free(p);
}

static void tiers_rise_strictly_from_zero(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"tiers", "null", ST_FOREIGN, "tiers must be an object"},
        {"tiers", "[]", ST_FOREIGN, "tiers must be an object"},
        {"tiers.measure", "\"visits\"", ST_FOREIGN, "earned spend points"},
        {"tiers.period", "\"week\"", ST_FOREIGN, "month quarter half year"},
        {"tiers.falls", "0", ST_FOREIGN, "tiers.falls must be true or false"},
        {"tiers.list", "[]", ST_FOREIGN, "at least one tier"},
        {"tiers.list.0.from", "1", ST_FOREIGN, "tiers.list[0].from must be 0 in the first"},
        {"tiers.list.2.from", "500", ST_FOREIGN, "must be more than the 500 of the tier before"},
        {"tiers.list.2.from", "0", ST_FOREIGN, "must be more than the 500 of the tier before"},
        {"tiers.list.2.from", "268435456", ST_FOREIGN, "tiers.list[2].from"},
        {"tiers.list.2.id", "\"bronze\"", ST_FOREIGN, "an earlier tier"},
        {"tiers.list.1", "7", ST_FOREIGN, "tiers.list[1] must be an object"},
    };
    programme_text_refuses(changes, COUNT(changes));
    struct programme *p;
    struct fault fault;
    assert_int_equal(
        programme_text_load("tiers",
                            "{\"measure\": \"spend\", \"period\": \"quarter\","
                            "\"falls\": false, \"list\": [{\"id\": \"a\", \"from\": 0},"
                            "{\"id\": \"b\", \"from\": 68719476735}]}",
                            &p, &fault),
        ST_OK);
    assert_int_equal(p->measure, MEASURE_SPEND);
    assert_int_equal(p->tier_period, PERIOD_QUARTER);
    assert_false(p->tiers_fall);
    assert_true(p->tiers[1].from == INT64_C(68719476735));
    programme_free(p);
}

static void ids_and_numbers_are_plain_and_unique(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"groups.0.id", "\"\"", ST_FOREIGN, "groups[0].id must be 1 to 31 of a-z 0-9 - _"},
        {"groups.0.id", "\"Staff\"", ST_FOREIGN, "a-z"},
        {"groups.0.id", "\"a.b\"", ST_FOREIGN, "a-z"},
        {"groups.0.id", "\"12345678901234567890123456789012\"", ST_FOREIGN, "1 to 31"},
        {"groups.0.number", "0", ST_FOREIGN, "from 1 to 255"},
        {"groups.0.number", "256", ST_FOREIGN, "from 1 to 255"},
        {"~groups.+", "{\"id\": \"staff\", \"number\": 2}", ST_FOREIGN,
         "groups[1].id is staff, and so is an earlier group"},
        {"~groups.+", "{\"id\": \"more\", \"number\": 1}", ST_FOREIGN,
         "groups[1].number is 1, and so is an earlier one"},
        {"kinds.0.number", "16", ST_FOREIGN, "from 0 to 15"},
        {"kinds.1.number", "0", ST_FOREIGN, "an earlier one"},
        {"kinds.1.id", "\"member\"", ST_FOREIGN, "an earlier kind"},
        {"products.0.number", "0", ST_FOREIGN, "from 1 to 255"},
        {"products.1.number", "1", ST_FOREIGN, "an earlier one"},
        {"products.1.id", "\"dairy\"", ST_FOREIGN, "an earlier product"},
        {"products.1.earns", "1", ST_FOREIGN, "products[1].earns must be true or false"},
        {"marks.0.number", "14", ST_FOREIGN, "marks[0].number must be a whole number from 1 to 13"},
        {"marks.1.number", "13", ST_FOREIGN, "from 14 to 26"},
        {"marks.1.number", "27", ST_FOREIGN, "from 14 to 26"},
        {"marks.0.per", "\"month\"", ST_FOREIGN, "year ever"},
        {"marks.1.id", "\"birthday\"", ST_FOREIGN, "an earlier mark"},
        {"groups", "{}", ST_FOREIGN, "groups must be a list of at most 64"},
        {"products", "7", ST_FOREIGN, "products must be a list of at most 32"},
    };
    programme_text_refuses(changes, COUNT(changes));
}

static void codes_and_calendars_have_their_form(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"codes.0.code", "\"nowruz\"", ST_FOREIGN, "codes[0].code must be 1 to 24 of A-Z 0-9 -"},
        {"codes.0.code", "\"\"", ST_FOREIGN, "1 to 24"},
        {"codes.0.code", "\"1234567890123456789012345\"", ST_FOREIGN, "1 to 24"},
        {"~codes.+", "{\"id\": \"nowruz\", \"code\": \"X\"}", ST_FOREIGN, "an earlier code"},
        {"~codes.+", "{\"id\": \"other\", \"code\": \"NOWRUZ1405\"}", ST_FOREIGN,
         "codes[1].code is NOWRUZ1405"},
        {"calendars.0.from", "\"1405-7-1\"", ST_FOREIGN, "YYYY-MM-DD"},
        {"calendars.0.from", "\"1405/07/01\"", ST_FOREIGN, "YYYY-MM-DD"},
        {"calendars.0.from", "\"1405-13-01\"", ST_FOREIGN, "Jalali date"},
        {"calendars.0.from", "\"1405-07-31\"", ST_FOREIGN, "Jalali date"},
        {"calendars.0.to", "\"1404-12-30\"", ST_FOREIGN, "Jalali date"}, /* no leap year */
        {"calendars.0.from", "\"1399-12-30\"", ST_FOREIGN, "from 1400-01-01"},
        {"calendars.0.to", "\"2026-09-23\"", ST_FOREIGN, "to 1499"},
        {"calendars.0.from", "14050701", ST_FOREIGN, "Jalali date"},
        {"calendars.0.to", "\"1405-06-31\"", ST_FOREIGN, "must not be before from"},
        {"calendars.0.weekdays", "[]", ST_FOREIGN, "must name a day"},
        {"calendars.0.weekdays", "[7]", ST_FOREIGN, "0 (Saturday) to 6 (Friday)"},
        {"calendars.0.weekdays", "[-1]", ST_FOREIGN, "0 (Saturday)"},
        {"calendars.0.weekdays", "[1, 1]", ST_FOREIGN, "once at most"},
        {"calendars.0.weekdays", "[\"1\"]", ST_FOREIGN, "0 (Saturday)"},
        {"calendars.0.weekdays", "5", ST_FOREIGN, "list of at most 7"},
    };
    programme_text_refuses(changes, COUNT(changes));
    /* 1403 was a leap year. */
    static const struct change edges[] = {
        {.path = "calendars.0.from", .value = "\"1403-12-30\""},
        {.path = "calendars.0.from", .value = "\"1400-01-01\""},
        {.path = "calendars.0.to", .value = "\"1405-07-01\""},
        {.path = "codes.0.code", .value = "\"123456789012345678901-AZ\""},
    };
    programme_text_takes(edges, COUNT(edges));
}

/* `format` makes the i-th of a list, which is full at `most`. */
static void fills(const char *path, const char *format, int first_number, size_t most)
{
    for (size_t count = most; count <= most + 1; count += 1) {
        char *list = malloc(count * 96 + 2);
        size_t at = 0;
        assert_non_null(list);
        for (size_t i = 0; i < count; i += 1) {
            list[at++] = i == 0 ? '[' : ',';
            at += (size_t)sprintf(list + at, format, (int)i, (int)i + first_number);
        }
        list[at++] = ']';
        list[at] = '\0';
        const struct change change = {path, list, ST_FOREIGN, "must be a list of at most"};
        /* The rules name things of the old lists. */
        json_t *rules = json_incref(json_object_get(programme_text_example(), "rules"));
        json_object_set_new(programme_text_example(), "rules", json_array());
        count == most ? programme_text_takes(&change, 1) : programme_text_refuses(&change, 1);
        json_object_set_new(programme_text_example(), "rules", rules);
        free(list);
    }
}

static void each_list_is_full_at_its_bound(void **state)
{
    (void)state;
    fills("groups", "{\"id\":\"g%d\",\"number\":%d}", 1, PROGRAMME_GROUPS_MAX);
    fills("kinds", "{\"id\":\"k%d\",\"number\":%d}", 0, PROGRAMME_KINDS_MAX);
    fills("products", "{\"id\":\"p%d\",\"number\":%d,\"earns\":true}", 1, PROGRAMME_PRODUCTS_MAX);
    fills("codes", "{\"id\":\"c%d\",\"code\":\"C%d\"}", 0, PROGRAMME_CODES_MAX);
    fills("tiers.list", "{\"id\":\"t%d\",\"from\":%d}", 0, PROGRAMME_TIERS_MAX);
    fills("calendars", "{\"id\":\"d%d\",\"from\":\"14%02d-01-01\",\"to\":\"1499-01-01\"}", 0,
          PROGRAMME_CALENDARS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_loads_with_every_figure_of_its_head),
        cmocka_unit_test(the_example_loads_with_every_list),
        cmocka_unit_test(a_calendar_has_both_its_days_and_its_weekdays),
        cmocka_unit_test(the_limits_of_a_day_are_optional_and_checked),
        cmocka_unit_test(what_a_card_in_place_of_a_lost_one_carries_is_optional_and_checked),
        cmocka_unit_test(every_field_is_required),
        cmocka_unit_test(what_is_unknown_is_unsupported_by_name),
        cmocka_unit_test(a_field_of_the_head_out_of_range_is_foreign),
        cmocka_unit_test(purses_and_limits_out_of_range_are_foreign),
        cmocka_unit_test(how_effects_count_has_its_ranges),
        cmocka_unit_test(tiers_rise_strictly_from_zero),
        cmocka_unit_test(ids_and_numbers_are_plain_and_unique),
        cmocka_unit_test(codes_and_calendars_have_their_form),
        cmocka_unit_test(each_list_is_full_at_its_bound),
    };
    return cmocka_run_group_tests_name("programme", tests, programme_text_open,
                                       programme_text_close);
}
