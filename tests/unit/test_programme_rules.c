/* Tests of the rules of a programme: effects, conditions, and what they need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/programme_facts.h"
#include "tests/unit/programme_text.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static struct programme *load_changed(const char *path, const char *value)
{
    struct programme *programme;
    struct fault fault;
    if (programme_text_load(path, value, &programme, &fault) != ST_OK) {
        fail_msg("%s = %s: %s", path, value, fault.say);
    }
    return programme;
}

static void the_example_loads_with_every_figure_of_its_rules(void **state)
{
    (void)state;
    struct programme *p = load_changed("version", "7");
    assert_int_equal(p->rule_count, 3);
    const struct programme_rule *base = &p->rules[0];
    assert_string_equal(base->id, "base");
    assert_int_equal(base->when, 0);
    assert_int_equal(base->once, 0);
    assert_true(base->award.is_set);
    assert_int_equal(base->award.points.n, 10);
    assert_int_equal(base->award.per.rials, 1000000);
    assert_int_equal(base->award.max.n, 0);
    assert_int_equal(base->award.of, 0);
    assert_false(base->rebate.is_set || base->cashback.is_set || base->stamps.is_set);
    assert_false(base->sets_group);
    assert_null(base->say_fa);
    const struct programme_rule *festival = &p->rules[1];
    assert_int_not_equal(festival->when, 0);
    assert_true(festival->rebate.is_set && festival->rebate.is_percent);
    assert_int_equal(festival->rebate.percent_hundredths, 4000);
    assert_int_equal(festival->rebate.max.rials, 0);
    const struct programme_rule *birthday = &p->rules[2];
    assert_int_equal(birthday->once, 1);
    assert_true(birthday->cashback.is_percent);
    assert_int_equal(birthday->cashback.percent_hundredths, 2000);
    assert_int_equal(birthday->cashback.max.rials, 500000);
    assert_string_equal(birthday->say_fa, "تولدت مبارک");
    assert_string_equal(birthday->say_en, "Happy birthday");
    programme_free(p);
}

static void each_effect_loads_with_every_field(void **state)
{
    (void)state;
    struct programme *p = load_changed(
        "rules.0.do", "{\"rebate\": {\"rials\": 50000, \"of\": \"gift-card\"},"
                      " \"award\": {\"points\": 25, \"of\": \"basket\", \"max_points\": 20},"
                      " \"cashback\": {\"percent\": 12.5, \"of\": \"dairy\", \"max_rials\": 7},"
                      " \"stamps\": {\"add\": 15}, \"group\": \"staff\"}");
    const struct programme_rule *rule = &p->rules[0];
    assert_true(rule->rebate.is_set && !rule->rebate.is_percent);
    assert_int_equal(rule->rebate.fixed.rials, 50000);
    assert_int_equal(rule->rebate.of, 2);
    assert_int_equal(rule->award.points.n, 25);
    assert_int_equal(rule->award.per.rials, 0);
    assert_int_equal(rule->award.max.n, 20);
    assert_int_equal(rule->award.of, 0);
    assert_int_equal(rule->cashback.percent_hundredths, 1250);
    assert_int_equal(rule->cashback.of, 1);
    assert_int_equal(rule->cashback.max.rials, 7);
    assert_true(rule->stamps.is_set && rule->stamps.adds);
    assert_int_equal(rule->stamps.n, 15);
    assert_true(rule->sets_group);
    assert_int_equal(rule->group, 1);
    programme_free(p);
    p = load_changed("rules.0.do", "{\"stamps\": {\"set\": 0}, \"group\": \"\"}");
    assert_true(p->rules[0].stamps.is_set && !p->rules[0].stamps.adds);
    assert_int_equal(p->rules[0].stamps.n, 0);
    assert_true(p->rules[0].sets_group);
    assert_int_equal(p->rules[0].group, 0);
    programme_free(p);
}

static void a_rule_that_is_not_right_is_refused_by_line_rule_and_field(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"rules", "{}", ST_FOREIGN, "rules must be a list of at most 1024"},
        {"rules.1", "7", ST_FOREIGN, "rules[1] must be an object with: id when once do say"},
        {"rules.1.id", "7", ST_FOREIGN, "rules[1].id must be 1 to 31"},
        {"rules.1.id", "\"base\"", ST_FOREIGN, "rules[1].id is base, and so is an earlier rule"},
        {"rules.1.then", "{}", ST_UNSUPPORTED, "rules[1].then is unknown to this firmware"},
        {"rules.1.do", "{}", ST_FOREIGN, "rule festival: do must have at least one of"},
        {"rules.1.do", "[]", ST_FOREIGN, "rule festival: do must be an object"},
        {"rules.1.do.lottery", "{}", ST_UNSUPPORTED, "rule festival: do.lottery is unknown"},
        {"rules.1.do.awrd", "{}", ST_UNSUPPORTED, "did you mean \"award\"?"},
        {"rules.1.do.rebate", "40", ST_FOREIGN, "rule festival: do.rebate must be an object"},
        {"rules.1.do.rebate", "{}", ST_FOREIGN, "do.rebate must have one of percent and rials"},
        {"rules.1.do.rebate", "{\"percent\": 1, \"rials\": 1}", ST_FOREIGN, "one of percent"},
        {"rules.1.do.rebate.percent", "100.01", ST_FOREIGN,
         "rule festival: do.rebate.percent must be a percent from 0 to 100"},
        {"rules.1.do.rebate.percent", "400", ST_FOREIGN, "percent from 0 to 100"},
        {"rules.1.do.rebate.percent", "-1", ST_FOREIGN, "percent from 0 to 100"},
        {"rules.1.do.rebate", "{\"rials\": -1}", ST_FOREIGN, "do.rebate.rials"},
        {"rules.1.do.rebate", "{\"rials\": 1.5}", ST_FOREIGN, "whole number"},
        {"rules.1.do.rebate", "{\"rials\": 68719476736}", ST_FOREIGN, "68719476735"},
        {"rules.1.do.rebate.max_rials", "0", ST_FOREIGN, "max_rials must be a whole number from 1"},
        {"rules.1.do.rebate.of", "\"diary\"", ST_FOREIGN, "did you mean \"dairy\"?"},
        {"rules.1.do.rebate.of", "\"bread\"", ST_FOREIGN, "in no list of products"},
        {"rules.1.do.rebate.of", "1", ST_FOREIGN, "must be the id of a product"},
        {"rules.1.do.rebate.per", "1", ST_UNSUPPORTED, "do.rebate.per is unknown"},
        {"rules.0.do.award.points", "-1", ST_FOREIGN, "rule base: do.award.points"},
        {"rules.0.do.award.points", "10.5", ST_FOREIGN, "whole number"},
        {"rules.0.do.award.points", "268435456", ST_FOREIGN, "268435455"},
        {"rules.0.do.award.per_rials", "0", ST_FOREIGN, "from 1 to"},
        {"rules.0.do.award.max_points", "0", ST_FOREIGN, "from 1 to"},
        {"rules.0.do.award.percent", "5", ST_UNSUPPORTED, "do.award.percent"},
        {"rules.2.do.cashback.percent", "101", ST_FOREIGN, "rule birthday: do.cashback.percent"},
        {"rules.1.do.stamps", "{\"add\": 0}", ST_FOREIGN,
         "do.stamps.add must be a whole number from 1"},
        {"rules.1.do.stamps", "{\"add\": 16}", ST_FOREIGN, "to 15"},
        {"rules.1.do.stamps", "{\"set\": 16}", ST_FOREIGN, "from 0 to 15"},
        {"rules.1.do.stamps", "{\"set\": 1, \"add\": 1}", ST_FOREIGN, "one of add and set"},
        {"rules.1.do.stamps", "{}", ST_FOREIGN, "one of add and set"},
        {"rules.1.do.group", "\"stuff\"", ST_FOREIGN, "did you mean \"staff\"?"},
        {"rules.1.do.group", "1", ST_FOREIGN, "must be the id of a group"},
        {"rules.2.once", "\"brithday\"", ST_FOREIGN, "no mark; did you mean \"birthday\"?"},
        {"rules.2.once", "\"lottery\"", ST_FOREIGN, "in no list of marks"},
        {"rules.2.once", "true", ST_FOREIGN, "must be the id of a mark"},
        {"rules.2.say", "\"hello\"", ST_FOREIGN, "rule birthday: say must be an object"},
        {"rules.2.say.fa", "\"\"", ST_FOREIGN, "say.fa must be text of 1 to 95 bytes"},
        {"rules.2.say.en", "\"a\\tb\"", ST_FOREIGN, "say.en must be text"},
        {"rules.2.say.de", "\"Hallo\"", ST_UNSUPPORTED, "say.de is unknown"},
    };
    programme_text_refuses(changes, COUNT(changes));
}

static void a_rule_of_a_module_that_is_off_is_refused(void **state)
{
    (void)state;
#define ALL_BUT(words) "[\"points\", \"redemption\", \"tiers\", \"codes\", \"expiry\"" words "]"
    static const struct change changes[] = {
        {"~modules", ALL_BUT(", \"credit\", \"cashback\", \"stamps\", \"marks\""), ST_FOREIGN,
         "rule festival: do.rebate needs \"rebate\" in modules"},
        {"~modules", ALL_BUT(", \"credit\", \"rebate\", \"stamps\", \"marks\""), ST_FOREIGN,
         "rule birthday: do.cashback needs \"cashback\""},
        {"~modules", ALL_BUT(", \"credit\", \"cashback\", \"rebate\""), ST_FOREIGN,
         "marks needs \"marks\" in modules"},
        {"~modules", "[]", ST_FOREIGN, "expiry must be null"},
    };
    programme_text_refuses(changes, COUNT(changes));
    json_t *modules = json_object_get(programme_text_example(), "modules");
    json_t *kept = json_deep_copy(modules);
    struct fault fault;
    struct programme *p;
    json_array_remove(modules, 5); /* stamps */
    assert_int_equal(programme_text_load("rules.0.do.stamps", "{\"add\": 1}", &p, &fault),
                     ST_FOREIGN);
    assert_non_null(strstr(fault.say, "do.stamps needs \"stamps\""));
    assert_int_equal(
        programme_text_load("rules.0.when", "{\">\": [{\"var\": \"card.stamps\"}, 9]}", &p, &fault),
        ST_FOREIGN);
    assert_non_null(strstr(fault.say, "\"card.stamps\", whose module is not in modules"));
    json_object_set_new(programme_text_example(), "modules", kept);
}

/* --- conditions ----------------------------------------------------------------------------- */

static void a_condition_that_is_not_right_is_refused_by_line_and_rule(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"rules.1.when", "null", ST_FOREIGN, "rule festival: when must be a condition"},
        {"rules.1.when", "\"moon\"", ST_FOREIGN, "when must be a condition"},
        {"rules.1.when", "1", ST_FOREIGN, "when must be a condition"},
        {"rules.1.when", "[true]", ST_FOREIGN, "when must be a condition"},
        {"rules.1.when", "{\"var\": \"on.festval\"}", ST_UNSUPPORTED,
         "\"on.festval\", which is no fact; did you mean \"on.festival\"?"},
        {"rules.1.when", "{\">\": [{\"var\": \"sale.total\"}, 1]}", ST_UNSUPPORTED, "sale.total"},
        {"rules.1.when", "{\"missing\": [\"sale.total\"]}", ST_UNSUPPORTED, "sale.total"},
        {"rules.1.when", "{\"missing\": \"sale.total\"}", ST_UNSUPPORTED, "sale.total"},
        {"rules.1.when", "{\"==\": [{\"missing_some\": [1, [\"sale.total\"]]}, []]}",
         ST_UNSUPPORTED, "sale.total"},
        {"rules.1.when", "{\"map\": [[1], {\"var\": \"\"}]}", ST_UNSUPPORTED, "'map'"},
        {"rules.1.when", "{\"==\": [{\"var\": \"member.tier\"}, \"gould\"]}", ST_FOREIGN,
         "\"gould\", which is no tier; did you mean \"gold\"?"},
        {"rules.1.when", "{\"!=\": [\"stuff\", {\"var\": \"member.group\"}]}", ST_FOREIGN,
         "did you mean \"staff\"?"},
        {"rules.1.when", "{\"in\": [{\"var\": \"card.kind\"}, [\"member\", \"platin\"]]}",
         ST_FOREIGN, "\"platin\", which is in no list of kinds"},
        {"rules.1.when", "{\">\": [{\"var\": \"member.tier\"}, 2]}", ST_FOREIGN,
         "rule festival: when"},
        {"rules.1.when", "{\"/\": [1, {\"var\": \"history.visits\"}]}", ST_FOREIGN, "when"},
        {"rules.1.when",
         "{\">\": [{\"*\": [{\"var\": \"sale.amount\"}, {\"var\": \"sale.amount\"}]}, 1]}",
         ST_FOREIGN, "when"},
        {"rules.1.when", "{\"==\": [{\"var\": \"sale.amount\"}, \"1\"]}", ST_FOREIGN, "when"},
    };
    programme_text_refuses(changes, COUNT(changes));
    static const struct change fine[] = {
        {.path = "rules.1.when", .value = "false"},
        {.path = "rules.1.when", .value = "{\"==\": [{\"var\": \"member.tier\"}, \"\"]}"},
        {.path = "rules.1.when",
         .value = "{\"in\": [{\"var\": \"member.tier\"}, [\"gold\", \"silver\"]]}"},
        {.path = "rules.1.when",
         .value = "{\"some\": [[\"gold\", \"silver\"], {\"==\": [{\"var\": \"\"}, \"gold\"]}]}"},
        {.path = "rules.1.when", .value = "{\">\": [{\"var\": \"lines.dairy.quantity\"}, 2.5]}"},
        {.path = "rules.1.when", .value = "{\"!\": {\"var\": \"mark.welcome\"}}"},
        {.path = "rules.1.when", .value = "{\"var\": \"code.nowruz\"}"},
    };
    programme_text_takes(fine, COUNT(fine));
}

static uint32_t uses_of(const char *when, json_t *modules)
{
    /* Without rules, tiers, marks and expiry nothing else looks at the card. */
    json_t *example = programme_text_example();
    json_t *kept = json_deep_copy(example);
    json_object_set(example, "modules", modules);
    json_object_set_new(example, "tiers", json_null());
    json_object_set_new(example, "marks", json_array());
    json_object_set_new(json_object_get(json_object_get(example, "purses"), "points"), "expiry",
                        json_null());
    json_object_set_new(example, "rules",
                        json_loads("[{\"id\": \"a\", \"when\": true,"
                                   "\"do\": {\"award\": {\"points\": 1}}}]",
                                   0, NULL));
    struct programme *programme = load_changed("rules.0.when", when);
    uint32_t uses = programme->uses;
    programme_free(programme);
    json_object_update(example, kept);
    json_decref(kept);
    return uses;
}

static void what_conditions_name_is_what_a_terminal_reads(void **state)
{
    (void)state;
    json_t *modules = json_loads("[\"points\", \"credit\", \"codes\"]", 0, NULL);
    assert_int_equal(uses_of("true", modules), 0);
    assert_int_equal(uses_of("{\">\": [{\"var\": \"sale.amount\"}, 5]}", modules), 0);
    assert_int_equal(uses_of("{\"==\": [{\"var\": \"member.days_to_birthday\"}, 0]}", modules),
                     USES_IDENTITY);
    assert_int_equal(uses_of("{\"==\": [{\"var\": \"card.kind\"}, \"member\"]}", modules),
                     USES_IDENTITY);
    assert_int_equal(uses_of("{\"var\": \"history.known\"}", modules), USES_FACTS);
    assert_int_equal(uses_of("{\"and\": [{\"var\": \"history.known\"}, {\"if\": [true,"
                             "{\">\": [{\"var\": [\"member.days_to_wedding\", 1]}, 5]}, false]}]}",
                             modules),
                     USES_FACTS | USES_IDENTITY);
    json_decref(modules);
    struct programme *p = load_changed("purses.points.hold_days", "1");
    assert_int_equal(p->uses, USES_HISTORY | USES_IDENTITY | USES_FACTS);
    programme_free(p);
}

/* A condition of the page judges the facts that a plan puts into the slots. */
static void conditions_judge_the_slots_of_their_facts(void **state)
{
    (void)state;
    struct programme *p = load_changed("version", "7");
    struct logic_value facts[PROGRAMME_FACTS_MAX];
    size_t count = programme_fact_count(p);
    bool holds;
    assert_int_equal(count, FACTS_FIXED + 2 * 2 + 1 + 2 + 1);
    programme_facts_default(p, facts);
    assert_int_equal(logic_eval(p->logic, p->rules[1].when, facts, count, &holds), ST_OK);
    assert_false(holds);
    assert_int_equal(logic_eval(p->logic, p->rules[2].when, facts, count, &holds), ST_OK);
    assert_false(holds);
    facts[programme_fact_calendar(p, 0)] = logic_bool(true);
    facts[FACT_MEMBER_DAYS_TO_BIRTHDAY] = logic_whole(3);
    assert_int_equal(logic_eval(p->logic, p->rules[1].when, facts, count, &holds), ST_OK);
    assert_true(holds);
    assert_int_equal(logic_eval(p->logic, p->rules[2].when, facts, count, &holds), ST_OK);
    assert_true(holds);
    facts[FACT_MEMBER_DAYS_TO_BIRTHDAY] = logic_whole(4);
    assert_int_equal(logic_eval(p->logic, p->rules[2].when, facts, count, &holds), ST_OK);
    assert_false(holds);
    programme_free(p);
}

/* Every path of section 2 of the page, once. */
static void the_table_has_the_facts_of_the_page(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "sale.amount",
        "sale.pay_credit",
        "sale.redeem",
        "card.points",
        "card.credit",
        "card.gift",
        "card.voucher",
        "card.stamps",
        "card.counter",
        "card.kind",
        "member.tier",
        "member.group",
        "member.days_to_birthday",
        "member.days_to_wedding",
        "member.age",
        "member.account",
        "member.route",
        "history.known",
        "history.visits",
        "history.days_since_visit",
        "history.mean_interval",
        "history.mean_basket",
        "history.period_spend",
        "history.period_earned",
        "calendar.known",
        "calendar.jalali_year",
        "calendar.jalali_month",
        "calendar.jalali_day",
        "calendar.year",
        "calendar.month",
        "calendar.day",
        "calendar.weekday",
        "calendar.hour",
        "calendar.minute",
        "place.merchant",
        "place.branch",
        "place.terminal",
        "lines.dairy.amount",
        "lines.dairy.quantity",
        "lines.gift-card.amount",
        "lines.gift-card.quantity",
        "code.nowruz",
        "mark.birthday",
        "mark.welcome",
        "on.festival",
    };
    struct programme *p = load_changed("version", "7");
    struct programme_facts *facts = malloc(sizeof *facts);
    struct logic_value values[PROGRAMME_FACTS_MAX];
    assert_non_null(facts);
    programme_facts_table(p, facts);
    programme_facts_default(p, values);
    assert_int_equal(facts->count, COUNT(paths));
    for (size_t i = 0; i < COUNT(paths); i += 1) {
        assert_string_equal(facts->table[i].path, paths[i]);
        assert_int_equal(values[i].kind, facts->table[i].kind);
        if (values[i].kind == LOGIC_NUMBER) {
            assert_true(values[i].number >= facts->table[i].lo);
            assert_true(values[i].number <= facts->table[i].hi);
        }
    }
    assert_string_equal(facts->table[programme_fact_line_quantity(p, 1)].path,
                        "lines.gift-card.quantity");
    assert_string_equal(facts->table[programme_fact_code(p, 0)].path, "code.nowruz");
    assert_string_equal(facts->table[programme_fact_mark(p, 1)].path, "mark.welcome");
    free(facts);
    programme_free(p);
}

/* --- too much ------------------------------------------------------------------------------- */

static void no_basket_can_earn_more_points_than_a_card_holds(void **state)
{
    (void)state;
    /* 10,000,000,000 rials hold 10,000 blocks: 26,843 points each still fit, 26,844 do not. */
    static const struct change fits[] = {
        {.path = "rules.0.do.award.points", .value = "26843"},
        {.path = "rules.0.do.award", .value = "{\"points\": 268435455}"},
        {.path = "rules.0.do.award",
         .value = "{\"points\": 268435455, \"per_rials\": 1, \"max_points\": 268435455}"},
    };
    programme_text_takes(fits, COUNT(fits));
    static const struct change changes[] = {
        {"~rules.0.do.award.points", "26844", ST_FOREIGN,
         "rules could give more than 268435455 points"},
        {"~rules.0.do.award", "{\"points\": 268435455, \"per_rials\": 1}", ST_FOREIGN, "points"},
        {"~rules.1.do.award", "{\"points\": 268335456}", ST_FOREIGN, "268435455 points"},
    };
    programme_text_refuses(changes, COUNT(changes));
    /* 100,000 of the first rule and these: exactly full. */
    struct programme *p = load_changed("rules.1.do.award", "{\"points\": 268335455}");
    assert_int_equal(programme_most_points(p), POINTS_MAX);
    programme_free(p);
}

static void of_rules_that_exclude_each_other_the_largest_counts(void **state)
{
    (void)state;
    json_t *stacking = json_object_get(programme_text_example(), "stacking");
    struct programme *p = load_changed("rules.1.do.award", "{\"points\": 300000}");
    assert_int_equal(programme_most_points(p), 100000 + 300000);
    programme_free(p);
    json_object_set_new(stacking, "award", json_string("best"));
    p = load_changed("rules.1.do.award", "{\"points\": 300000}");
    assert_int_equal(programme_most_points(p), 300000);
    programme_free(p);
    json_object_set_new(stacking, "award", json_string("sum"));
    /* Of rules with a mark one acts in a sale: the larger of 5 and 7. */
    json_t *rules = json_object_get(programme_text_example(), "rules");
    json_t *kept = json_deep_copy(rules);
    json_t *birthday = json_object_get(json_array_get(rules, 2), "do");
    json_object_set_new(birthday, "award", json_pack("{s:i}", "points", 5));
    json_object_set_new(json_array_get(rules, 1), "once", json_string("welcome"));
    p = load_changed("rules.1.do.award", "{\"points\": 7}");
    assert_int_equal(programme_most_points(p), 100000 + 7);
    programme_free(p);
    json_object_set_new(programme_text_example(), "rules", kept);
}

static void no_basket_can_load_more_cashback_than_a_card_holds(void **state)
{
    (void)state;
    json_t *stacking = json_object_get(programme_text_example(), "stacking");
    json_object_set_new(stacking, "cashback", json_string("sum"));
    /* 7 x 100 % of 10,000,000,000 are more than 68,719,476,735; 6 and the birthday's are not. */
    json_t *rules = json_object_get(programme_text_example(), "rules");
    json_t *kept = json_deep_copy(rules);
    for (int i = 0; i < 6; i += 1) {
        json_array_append_new(rules,
                              json_pack("{s:o, s:b, s:{s:{s:i}}}", "id", json_sprintf("all-%d", i),
                                        "when", 1, "do", "cashback", "percent", 100));
    }
    struct programme *p = load_changed("version", "8");
    assert_true(programme_most_cashback(p) == INT64_C(60000500000));
    programme_free(p);
    static const struct change change = {"~rules.1.do.cashback", "{\"percent\": 100}", ST_FOREIGN,
                                         "68719476735 rials of cashback"};
    programme_text_refuses(&change, 1);
    json_object_set_new(programme_text_example(), "rules", kept);
    json_object_set_new(stacking, "cashback", json_string("best"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_loads_with_every_figure_of_its_rules),
        cmocka_unit_test(each_effect_loads_with_every_field),
        cmocka_unit_test(a_rule_that_is_not_right_is_refused_by_line_rule_and_field),
        cmocka_unit_test(a_rule_of_a_module_that_is_off_is_refused),
        cmocka_unit_test(a_condition_that_is_not_right_is_refused_by_line_and_rule),
        cmocka_unit_test(what_conditions_name_is_what_a_terminal_reads),
        cmocka_unit_test(conditions_judge_the_slots_of_their_facts),
        cmocka_unit_test(the_table_has_the_facts_of_the_page),
        cmocka_unit_test(no_basket_can_earn_more_points_than_a_card_holds),
        cmocka_unit_test(of_rules_that_exclude_each_other_the_largest_counts),
        cmocka_unit_test(no_basket_can_load_more_cashback_than_a_card_holds),
    };
    return cmocka_run_group_tests_name("programme_rules", tests, programme_text_open,
                                       programme_text_close);
}
