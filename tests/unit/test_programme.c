/* Tests of firmware/engine/programme.h. Each refusal starts from the starter programme with one
 * thing changed, so that nothing else can be the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/programme.h"

static json_t *base;

static int load_base(void **state)
{
    (void)state;
    base = json_load_file("programmes/base.json", JSON_REJECT_DUPLICATES, NULL);
    return base == NULL ? -1 : 0;
}

static int free_base(void **state)
{
    (void)state;
    json_decref(base);
    return 0;
}

static enum st load_text(const char *text, struct programme *ret, struct fault *fault)
{
    return programme_load(text, strlen(text), ret, fault);
}

/* Loads the starter programme with `value` (JSON) at `path` ("limits.points_max", "rules.0.when");
 * a NULL value removes the field. */
static enum st load_changed(const char *path, const char *value, struct programme *ret,
                            struct fault *fault)
{
    json_t *root = json_deep_copy(base);
    json_t *at = root;
    char copy[128];
    (void)snprintf(copy, sizeof copy, "%s", path);
    char *name = copy;
    for (char *dot = strchr(name, '.'); dot != NULL; dot = strchr(name, '.')) {
        *dot = '\0';
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(name)) : json_object_get(at, name);
        assert_non_null(at);
        name = dot + 1;
    }
    if (value == NULL) {
        assert_int_equal(json_object_del(at, name), 0);
    } else {
        json_t *parsed = json_loads(value, JSON_DECODE_ANY, NULL);
        assert_non_null(parsed);
        assert_int_equal(json_object_set_new(at, name, parsed), 0);
    }
    char *text = json_dumps(root, 0);
    json_decref(root);
    fault->say[0] = '\0';
    enum st st = load_text(text, ret, fault);
    free(text);
    return st;
}

struct change {
    const char *path, *value;
    enum st st;
    const char *says; /* must stand in the sentence */
};

static void refuses_all(const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i += 1) {
        struct programme programme;
        struct fault fault;
        memset(&programme, 0x5a, sizeof programme);
        enum st st = load_changed(changes[i].path, changes[i].value, &programme, &fault);
        if (st != changes[i].st || strstr(fault.say, changes[i].says) == NULL) {
            fail_msg("%s = %s is %s: %s", changes[i].path,
                     changes[i].value == NULL ? "(absent)" : changes[i].value, st_word(st),
                     fault.say);
        }
        assert_int_equal(((const uint8_t *)&programme)[0], 0x5a);
    }
}

static void the_starter_programme_loads_with_every_figure(void **state)
{
    (void)state;
    struct programme p;
    struct fault fault;
    assert_int_equal(load_changed("version", "1", &p, &fault), ST_OK);
    assert_true(programme_is_valid(&p));
    assert_int_equal(p.version, 1);
    assert_string_equal(p.club, "Vafa club");
    assert_int_equal(p.unit, UNIT_TOMAN);
    assert_int_equal(p.award_count, 1);
    assert_string_equal(p.awards[0].id, "base-earn");
    assert_int_equal(p.awards[0].block.rials, 1000000);
    assert_int_equal(p.awards[0].points.n, 10);
    assert_int_equal(p.point_value.rials, 1000);
    assert_false(p.award_on_redeemed);
    assert_true(p.award_on_credit);
    assert_true(p.sale_max.rials == INT64_C(10000000000));
    assert_int_equal(p.load_min.rials, 100000);
    assert_int_equal(p.load_max.rials, 1000000000);
    assert_int_equal(p.credit_max.rials, 2000000000);
    assert_int_equal(p.opening_max.rials, 1000000000);
    assert_int_equal(p.points_max.n, 100000000);
}

static void every_field_is_required(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "vafa_programme",
        "version",
        "club",
        "unit",
        "rules",
        "redemption",
        "award_on",
        "limits",
        "rules.0.id",
        "rules.0.when",
        "rules.0.award",
        "rules.0.award.points",
        "rules.0.award.per_rials",
        "redemption.rials_per_point",
        "award_on.redeemed",
        "award_on.credit",
        "limits.sale_max_rials",
        "limits.load_min_rials",
        "limits.load_max_rials",
        "limits.credit_max_rials",
        "limits.opening_max_rials",
        "limits.points_max",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i += 1) {
        const char *last = strrchr(paths[i], '.');
        const struct change change = {paths[i], NULL, ST_FOREIGN,
                                      strcmp(paths[i], "rules.0.when") == 0 ? "base-earn"
                                      : last == NULL                        ? paths[i]
                                                                            : last + 1};
        refuses_all(&change, 1);
    }
}

static void what_a_newer_firmware_may_know_is_unsupported_by_name(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"vafa_programme", "2", ST_UNSUPPORTED, "format 2"},
        {"lottery", "{}", ST_UNSUPPORTED, "lottery"},
        {"rules.0.rebate", "{\"percent\":10}", ST_UNSUPPORTED, "rules[0].rebate"},
        {"rules.0.award.per_visit", "1", ST_UNSUPPORTED, "rules[0].award.per_visit"},
        {"rules.0.when", "{\">\":[{\"var\":\"amount\"},5]}", ST_UNSUPPORTED, "base-earn"},
        {"rules.0.when", "false", ST_UNSUPPORTED, "base-earn"},
        {"rules.0.when", "1", ST_UNSUPPORTED, "base-earn"},
        {"redemption.max_share", "50", ST_UNSUPPORTED, "redemption.max_share"},
        {"award_on.gift", "true", ST_UNSUPPORTED, "award_on.gift"},
        {"limits.per_day", "1", ST_UNSUPPORTED, "limits.per_day"},
        {"", "1", ST_UNSUPPORTED, "unknown"},
        {"club unit", "1", ST_UNSUPPORTED, "unknown"},
        {"clu", "1", ST_UNSUPPORTED, "clu"},
        {"lub", "1", ST_UNSUPPORTED, "lub"},
    };
    refuses_all(changes, sizeof changes / sizeof changes[0]);
}

static void a_field_of_another_type_or_range_is_foreign_by_name(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"version", "0", ST_FOREIGN, "version"},
        {"version", "2147483648", ST_FOREIGN, "version"},
        {"version", "1.0", ST_FOREIGN, "whole number"},
        {"version", "\"1\"", ST_FOREIGN, "whole number"},
        {"club", "\"\"", ST_FOREIGN, "club"},
        {"club", "\"123456789012345678901234567890123456789012345678\"", ST_FOREIGN, "club"},
        {"club", "\"a\\nb\"", ST_FOREIGN, "club"},
        {"club", "7", ST_FOREIGN, "club"},
        {"unit", "\"dollar\"", ST_FOREIGN, "toman"},
        {"unit", "10", ST_FOREIGN, "toman"},
        {"rules", "{}", ST_FOREIGN, "rules"},
        {"rules", "[1]", ST_FOREIGN, "rules[0]"},
        {"rules.0.id", "7", ST_FOREIGN, "rules[0].id"},
        {"rules.0.award", "10", ST_FOREIGN, "rules[0].award"},
        {"rules.0.award.points", "-1", ST_FOREIGN, "rules[0].award.points"},
        {"rules.0.award.points", "10.5", ST_FOREIGN, "whole number"},
        {"rules.0.award.points", "268435456", ST_FOREIGN, "points"},
        {"rules.0.award.per_rials", "0", ST_FOREIGN, "per_rials"},
        {"rules.0.award.per_rials", "68719476736", ST_FOREIGN, "per_rials"},
        {"redemption", "[]", ST_FOREIGN, "redemption"},
        {"redemption.rials_per_point", "-1", ST_FOREIGN, "rials_per_point"},
        {"redemption.rials_per_point", "1000000001", ST_FOREIGN, "rials_per_point"},
        {"award_on.credit", "1", ST_FOREIGN, "award_on.credit"},
        {"award_on.credit", "\"true\"", ST_FOREIGN, "award_on.credit"},
        {"limits.sale_max_rials", "0", ST_FOREIGN, "sale_max_rials"},
        {"limits.sale_max_rials", "68719476736", ST_FOREIGN, "sale_max_rials"},
        {"limits.load_min_rials", "0", ST_FOREIGN, "load_min_rials"},
        {"limits.load_min_rials", "1000000001", ST_FOREIGN, "load_min"},
        {"limits.load_max_rials", "2000000001", ST_FOREIGN, "credit_max"},
        {"limits.opening_max_rials", "2000000001", ST_FOREIGN, "opening_max"},
        {"limits.points_max", "268435456", ST_FOREIGN, "points_max"},
    };
    refuses_all(changes, sizeof changes / sizeof changes[0]);
}

static void texts_that_are_not_one_json_object_are_foreign_by_line(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "true",
        "{} {}",
        "{\"version\":1,\"version\":2}",
        "{\"version\":1e400}",
        "{\"version\":99999999999999999999}",
        "{\"club\":\"\\u0000\"}",
        "{\"club\":\"\xff\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i += 1) {
        struct programme programme;
        struct fault fault = {{0}};
        assert_int_equal(load_text(texts[i], &programme, &fault), ST_FOREIGN);
        assert_true(fault.say[0] != '\0');
        assert_int_equal(load_text(texts[i], &programme, NULL), ST_FOREIGN);
    }
}

static void a_programme_cut_at_any_byte_is_foreign(void **state)
{
    (void)state;
    char *text = json_dumps(base, JSON_COMPACT);
    size_t whole = strlen(text);
    struct programme programme;
    for (size_t size = 0; size < whole; size += 1) {
        assert_int_equal(programme_load(text, size, &programme, NULL), ST_FOREIGN);
    }
    assert_int_equal(programme_load(text, whole, &programme, NULL), ST_OK);
    free(text);
}

static void a_document_beyond_the_size_limit_is_foreign(void **state)
{
    (void)state;
    char *text = json_dumps(base, JSON_COMPACT);
    size_t size = strlen(text);
    char *padded = malloc(PROGRAMME_TEXT_MAX + 1);
    assert_non_null(padded);
    memset(padded, ' ', PROGRAMME_TEXT_MAX + 1);
    memcpy(padded, text, size);
    struct programme programme;
    assert_int_equal(programme_load(padded, PROGRAMME_TEXT_MAX, &programme, NULL), ST_OK);
    assert_int_equal(programme_load(padded, PROGRAMME_TEXT_MAX + 1, &programme, NULL), ST_FOREIGN);
    free(padded);
    free(text);
}

static char *rules_text(size_t count)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < count; i += 1) {
        assert_int_equal(
            json_array_append_new(rules, json_pack("{s:o, s:b, s:{s:i, s:i}}", "id",
                                                   json_sprintf("rule-%zu", i), "when", 1, "award",
                                                   "points", (int)i, "per_rials", 1000000)),
            0);
    }
    char *text = json_dumps(rules, 0);
    json_decref(rules);
    return text;
}

static void sixteen_rules_load_and_add_up_and_seventeen_are_refused(void **state)
{
    (void)state;
    struct programme programme;
    struct fault fault;
    char *text = rules_text(PROGRAMME_RULES_MAX);
    assert_int_equal(load_changed("rules", text, &programme, &fault), ST_OK);
    assert_int_equal(programme_earn(&programme, (struct money){2999999}).n, 2 * 120);
    free(text);
    text = rules_text(PROGRAMME_RULES_MAX + 1);
    assert_int_equal(load_changed("rules", text, &programme, &fault), ST_FOREIGN);
    free(text);
    assert_int_equal(load_changed("rules", "[]", &programme, &fault), ST_OK);
    assert_int_equal(programme_earn(&programme, (struct money){1000000}).n, 0);
}

static void two_rules_of_one_name_are_refused(void **state)
{
    (void)state;
    struct programme programme;
    struct fault fault;
    assert_int_equal(
        load_changed("rules",
                     "[{\"id\":\"a\",\"when\":true,\"award\":{\"points\":1,\"per_rials\":1000}},"
                     "{\"id\":\"a\",\"when\":true,\"award\":{\"points\":1,\"per_rials\":1000}}]",
                     &programme, &fault),
        ST_FOREIGN);
    assert_non_null(strstr(fault.say, "called a"));
}

static void no_basket_can_earn_more_points_than_a_card_holds(void **state)
{
    (void)state;
    struct programme programme;
    struct fault fault;
    /* 10,000,000,000 rials hold 10,000 blocks: 26,843 points each still fit, 26,844 do not. */
    assert_int_equal(load_changed("rules.0.award.points", "26843", &programme, &fault), ST_OK);
    assert_int_equal(programme_earn(&programme, programme.sale_max).n, 268430000);
    assert_int_equal(load_changed("rules.0.award.points", "26844", &programme, &fault), ST_FOREIGN);
    assert_non_null(strstr(fault.say, "268435455 points"));
    assert_int_equal(load_changed("rules",
                                  "[{\"id\":\"a\",\"when\":true,\"award\":{\"points\":268435455,"
                                  "\"per_rials\":1}}]",
                                  &programme, &fault),
                     ST_FOREIGN);
}

static struct programme load_file(const char *path)
{
    struct programme programme;
    struct fault fault = {{0}};
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    char *text = json_dumps(document, 0);
    assert_non_null(text);
    if (load_text(text, &programme, &fault) != ST_OK) {
        fail_msg("%s: %s", path, fault.say);
    }
    free(text);
    json_decref(document);
    return programme;
}

static void two_shops_differ_by_their_files_alone(void **state)
{
    (void)state;
    struct programme smooth = load_file("programmes/smooth.json");
    struct programme credit = load_file("programmes/credit.json");
    struct programme blocks = load_file("programmes/base.json");
    const struct money basket = {1500000}; /* 150,000 toman */
    assert_int_equal(programme_earn(&blocks, basket).n, 10);
    assert_int_equal(programme_earn(&smooth, basket).n, 15);
    assert_int_equal(programme_earn(&credit, basket).n, 0);
}

static void a_persian_club_name_is_kept_whole(void **state)
{
    (void)state;
    struct programme programme;
    struct fault fault;
    assert_int_equal(load_changed("club", "\"باشگاه وفا\"", &programme, &fault), ST_OK);
    assert_string_equal(programme.club, "باشگاه وفا");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_starter_programme_loads_with_every_figure),
        cmocka_unit_test(every_field_is_required),
        cmocka_unit_test(what_a_newer_firmware_may_know_is_unsupported_by_name),
        cmocka_unit_test(a_field_of_another_type_or_range_is_foreign_by_name),
        cmocka_unit_test(texts_that_are_not_one_json_object_are_foreign_by_line),
        cmocka_unit_test(a_programme_cut_at_any_byte_is_foreign),
        cmocka_unit_test(a_document_beyond_the_size_limit_is_foreign),
        cmocka_unit_test(sixteen_rules_load_and_add_up_and_seventeen_are_refused),
        cmocka_unit_test(two_rules_of_one_name_are_refused),
        cmocka_unit_test(no_basket_can_earn_more_points_than_a_card_holds),
        cmocka_unit_test(two_shops_differ_by_their_files_alone),
        cmocka_unit_test(a_persian_club_name_is_kept_whole),
    };
    return cmocka_run_group_tests_name("programme", tests, load_base, free_base);
}
