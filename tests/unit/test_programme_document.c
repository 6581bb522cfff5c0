/* Tests of a programme's document as a whole: cut, too long, too deep, not JSON, full of rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan_card.h"
#include "tests/unit/programme_text.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static enum st load_text(const char *text, size_t size, struct fault *fault)
{
    struct programme *programme = NULL;
    enum st st = programme_load(text, size, &programme, fault);
    assert_true((programme != NULL) == (st == ST_OK));
    programme_free(programme);
    return st;
}

static void texts_that_are_not_one_json_object_are_foreign_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "line 1"},
        {"{", "line 1"},
        {"\n\n[]", "must be one JSON object"},
        {"true", "line 1"},
        {"{} {}", "line 1, column 4"},
        {"{\n\"version\":1,\n\"version\":2}", "line 3, column 9: duplicate"},
        {"{\"a\":{\"b\":1,\"b\":1}}", "duplicate"},
        {"{\n\"version\":1e400}", "line 2"},
        {"{\"version\":99999999999999999999}", "too big integer"},
        {"{\"club\":\"\\u0000\"}", "\\u0000"},
        {"{\"club\":\"\xff\"}", "line 1"},
        {"{\"club\":\"a}", "line 1"},
        {"{\"club\":\"a\\", "line 1"},
        {"]", "line 1"},
        {"\xef\xbb\xbf{}", "line 1"},
    };
    for (size_t i = 0; i < COUNT(cases); i += 1) {
        struct fault fault = {{0}};
        assert_int_equal(load_text(cases[i].text, strlen(cases[i].text), &fault), ST_FOREIGN);
        if (strncmp(fault.say, "Programme", 9) != 0 || strstr(fault.say, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].text, fault.say);
        }
        assert_int_equal(load_text(cases[i].text, strlen(cases[i].text), NULL), ST_FOREIGN);
    }
}

static void a_programme_cut_at_any_byte_is_foreign(void **state)
{
    (void)state;
    char *text = json_dumps(programme_text_example(), JSON_COMPACT);
    size_t whole = strlen(text);
    for (size_t size = 0; size < whole; size += 1) {
        struct fault fault = {{0}};
        char *cut = malloc(size == 0 ? 1 : size); /* so that ASan sees a look beyond */
        assert_non_null(cut);
        memcpy(cut, text, size);
        assert_int_equal(load_text(cut, size, &fault), ST_FOREIGN);
        assert_true(fault.say[0] != '\0');
        free(cut);
    }
    assert_int_equal(load_text(text, whole, NULL), ST_OK);
    free(text);
}

static void a_document_beyond_the_size_limit_is_foreign(void **state)
{
    (void)state;
    enum { HUGE_BYTES = 10 * 1024 * 1024 };
    char *text = json_dumps(programme_text_example(), JSON_COMPACT);
    char *padded = malloc(HUGE_BYTES);
    struct fault fault;
    assert_non_null(padded);
    memset(padded, ' ', HUGE_BYTES);
    memcpy(padded, text, strlen(text));
    assert_int_equal(load_text(padded, PROGRAMME_TEXT_MAX, NULL), ST_OK);
    assert_int_equal(load_text(padded, PROGRAMME_TEXT_MAX + 1, &fault), ST_FOREIGN);
    assert_string_equal(fault.say, "Programme: longer than 1048576 bytes.");
    assert_int_equal(load_text(padded, HUGE_BYTES, &fault), ST_FOREIGN);
    free(padded);
    free(text);
}

static void a_document_nested_too_deep_is_foreign_by_line(void **state)
{
    (void)state;
    static char text[PROGRAMME_TEXT_MAX];
    struct fault fault;
    memset(text, '[', sizeof text);
    text[0] = '\n';
    assert_int_equal(load_text(text, sizeof text, &fault), ST_FOREIGN);
    assert_string_equal(fault.say,
                        "Programme, line 2: more than 40 objects and lists in each other.");
    for (size_t i = 0; i + 4 < sizeof text; i += 5) {
        memcpy(text + i, "{\"a\":", 5);
    }
    assert_int_equal(load_text(text, sizeof text, &fault), ST_FOREIGN);
    /* Within a text they are letters; and as many as there are side by side are not deep. */
    const struct change fine[] = {
        {.path = "club", .value = "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\""}};
    programme_text_takes(fine, 1);
    /* rules, a rule, when: three of the 40; a condition may have 32 (logic.h). */
    char deep[512] = "";
    for (int i = 0; i < 36; i += 1) {
        strcat(deep, "{\"!\":");
    }
    strcat(deep, "1");
    for (int i = 0; i < 36; i += 1) {
        strcat(deep, "}");
    }
    const struct change changes[] = {{"rules.1.when", deep, ST_FOREIGN, "nested more than 32"}};
    programme_text_refuses(changes, 1);
}

/* Keys and texts with escapes and brackets, values of all kinds on one line: the line is right. */
static void the_line_is_that_of_the_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
    } cases[] = {
        {"{\"vafa_programme\": 2, \"a\\\"b{\": [1,\n\"x\\\\\",{\"k\": null}],\n\n\"c\": -1.5e3}",
         1},
        {"{\"vafa_programme\": 2, \"version\": 1, \"utc_offset_minutes\": 0, \"club\": "
         "\"[\\\"{:\",\n"
         "\"unit\":\n\n\"dollar\"}",
         4},
        {"{\"unit\": [{\"a\": true},\n\"b\"\n, \"c\" ], \"vafa_programme\"\n:\n7}", 5},
        {"\n\n{\n}", 3},
    };
    for (size_t i = 0; i < COUNT(cases); i += 1) {
        struct fault fault = {{0}};
        size_t line = 0;
        assert_int_not_equal(load_text(cases[i].text, strlen(cases[i].text), &fault), ST_OK);
        (void)sscanf(fault.say, "Programme, line %zu", &line);
        if (line != cases[i].line) {
            fail_msg("%s: %s", cases[i].text, fault.say);
        }
    }
}

/* Of a condition over many lines, the line of the part that is wrong: "HERE" stands before it. */
static void the_line_in_a_condition_is_that_of_its_part(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *say;
    } cases[] = {
        {"{\"and\": [true,\n{\">\": [{\"var\": \"card.stamps\"},\n", "\"x\"]}]}",
         "when.and[1].>[1]"},
        {"{\"and\": [true,\n\n", "{\"map\": [[1], true]}]}", "when.and[1]"},
        {"{\"!\": {\"or\": [false,\n", "{\"log\": 1}]}}", "when.![0].or[1]"},
        {"{\"and\":\n[true, {\"in\": [1, [2,\n", "{\"log\": 1}]]}]}", "when.and[1].in[1].[1]"},
        {"", "{\"log\": 1}", "when: operator"},
    };
    size_t size = 0;
    for (size_t i = 0; i < COUNT(cases); i += 1) {
        char *start =
            club_text("{'rules': [{'id': 'r', 'when': 'X', 'do': {'award': {'points': 1}}}]}");
        char *at = strstr(start, "\"X\"");
        char text[5000];
        struct fault fault = {{0}};
        size_t line = 0, expected = 1;
        assert_non_null(at);
        size = (size_t)snprintf(text, sizeof text, "%.*s\n\n%s%s%s", (int)(at - start), start,
                                cases[i].before, cases[i].after, at + 3);
        for (const char *c = text; c < text + (at - start) + 2 + strlen(cases[i].before); c += 1) {
            expected += *c == '\n';
        }
        assert_int_not_equal(load_text(text, size, &fault), ST_OK);
        (void)sscanf(fault.say, "Programme, line %zu", &line);
        if (line != expected || strstr(fault.say, cases[i].say) == NULL) {
            fail_msg("%s: not line %zu, %s", fault.say, expected, cases[i].say);
        }
        free(start);
    }
}

/* 1,024 rules of the kind that a chain of shops has, one word each in its language. */
static char *rules_text(size_t count)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < count; i += 1) {
        json_t *rule = json_pack(
            "{s:o, s:{s:[{s:[{s:s},o]}, {s:[{s:s},[s,s]]}, {s:[{s:s},o]}]}, s:{s:{s:f,s:i}}, "
            "s:{s:s, s:s}}",
            "id", json_sprintf("rule-%zu", i), "when", "and", ">=", "var", "sale.amount",
            json_integer((json_int_t)i * 1000), "in", "var", "member.tier", "gold", "silver",
            "==", "var", "place.branch", json_integer((json_int_t)i % 97), "do", "rebate",
            "percent", 2.5, "max_rials", 100000, "say", "fa", "تخفیف ویژه", "en",
            "A special rebate");
        assert_non_null(rule);
        assert_int_equal(json_array_append_new(rules, rule), 0);
    }
    char *text = json_dumps(rules, 0);
    json_decref(rules);
    return text;
}

static void a_thousand_rules_take_less_than_a_megabyte(void **state)
{
    (void)state;
    struct programme *programme;
    struct fault fault;
    char *text = rules_text(1000);
    if (programme_text_load("rules", text, &programme, &fault) != ST_OK) {
        fail_msg("%s", fault.say);
    }
    free(text);
    print_message("1,000 rules: %zu bytes, of which conditions %zu\n", programme->memory,
                  logic_size(programme->logic));
    assert_int_equal(programme->rule_count, 1000);
    assert_string_equal(programme->rules[999].id, "rule-999");
    assert_string_equal(programme->rules[999].say_fa, "تخفیف ویژه");
    assert_true(programme->memory < 1024 * 1024);
    programme_free(programme);
}

static void rules_are_full_at_1024(void **state)
{
    (void)state;
    char *text = rules_text(PROGRAMME_RULES_MAX);
    struct change change = {"rules", text, ST_FOREIGN, "rules must be a list of at most 1024"};
    programme_text_takes(&change, 1);
    free(text);
    text = rules_text(PROGRAMME_RULES_MAX + 1);
    change.value = text;
    programme_text_refuses(&change, 1);
    free(text);
}

/* What the three shops differ by; the rest of the files is alike. */
static void the_starters_load_with_versions_of_their_own(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        uint32_t version;
        int64_t points, per, value;
    } starters[] = {
        {"programmes/base.json", 1, 10, 1000000, 1000},
        {"programmes/smooth.json", 2, 1, 100000, 1000},
        {"programmes/credit.json", 3, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT(starters); i += 1) {
        static char text[65536];
        FILE *file = fopen(starters[i].path, "r");
        assert_non_null(file);
        size_t size = fread(text, 1, sizeof text, file);
        (void)fclose(file);
        struct programme *p;
        struct fault fault;
        if (programme_load(text, size, &p, &fault) != ST_OK) {
            fail_msg("%s: %s", starters[i].path, fault.say);
        }
        assert_int_equal(p->version, starters[i].version);
        assert_int_equal(p->rule_count, starters[i].points > 0);
        assert_int_equal(p->point_value.rials, starters[i].value);
        if (p->rule_count > 0) {
            assert_int_equal(p->rules[0].award.points.n, starters[i].points);
            assert_int_equal(p->rules[0].award.per.rials, starters[i].per);
        }
        assert_int_equal(p->uses, 0);
        assert_null(p->logic);
        programme_free(p);
    }
}

static void an_unloaded_programme_may_be_freed(void **state)
{
    (void)state;
    programme_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_not_one_json_object_are_foreign_by_line),
        cmocka_unit_test(a_programme_cut_at_any_byte_is_foreign),
        cmocka_unit_test(a_document_beyond_the_size_limit_is_foreign),
        cmocka_unit_test(a_document_nested_too_deep_is_foreign_by_line),
        cmocka_unit_test(the_line_is_that_of_the_value),
        cmocka_unit_test(the_line_in_a_condition_is_that_of_its_part),
        cmocka_unit_test(a_thousand_rules_take_less_than_a_megabyte),
        cmocka_unit_test(rules_are_full_at_1024),
        cmocka_unit_test(the_starters_load_with_versions_of_their_own),
        cmocka_unit_test(an_unloaded_programme_may_be_freed),
    };
    return cmocka_run_group_tests_name("programme_document", tests, programme_text_open,
                                       programme_text_close);
}
