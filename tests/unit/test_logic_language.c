/* Tests of firmware/engine/logic.h without facts: the language as json-logic-js has it.
 *
 * tests/vectors/logic.json has [rule, data, result], the results by json-logic-js 2.0.5
 * (make_logic_vectors.js beside it). LOGIC_TESTS names another file of that form instead, such as
 * the official tests.json of jsonlogic.com, or what tests/fuzz/logic_differential.js writes. Rules
 * with an operator that this firmware lacks must be refused by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/logic.h"

enum { VALUES_MAX = 4096 };

static struct logic_pool pool;
static struct logic_value room[VALUES_MAX];
static size_t room_used;

static struct logic_value *take(size_t count)
{
    assert_true(room_used + count <= VALUES_MAX);
    struct logic_value *values = &room[room_used];
    room_used += count;
    return values;
}

static int64_t scaled_of(const json_t *number)
{
    if (json_is_integer(number)) {
        return json_integer_value(number) * LOGIC_ONE;
    }
    double real = json_real_value(number) * LOGIC_ONE;
    return (int64_t)(real < 0 ? real - 0.5 : real + 0.5);
}

/* What json-logic-js finds at "a.b.1". */
static json_t *walk(json_t *data, const char *path)
{
    char copy[LOGIC_STRING_MAX + 1];
    (void)snprintf(copy, sizeof copy, "%s", path);
    char *rest = copy;
    while (data != NULL && rest != NULL) {
        char *part = strsep(&rest, ".");
        data = json_is_array(data) ? json_array_get(data, strtoul(part, NULL, 10))
                                   : json_object_get(data, part);
    }
    return data;
}

static struct logic_value value_of(json_t *json);

static struct logic_value record_of(json_t *json)
{
    struct logic_value *fields = take(pool.name_count);
    for (size_t i = 0; i < pool.name_count; i += 1) {
        struct logic_value path = logic_string(&pool, pool.names[i].id);
        char text[LOGIC_STRING_MAX + 1] = "";
        memcpy(text, path.text, path.count);
        json_t *at = walk(json, text);
        fields[i] = at == NULL ? (struct logic_value){.kind = LOGIC_ABSENT} : value_of(at);
    }
    return logic_record(fields, pool.name_count);
}

static struct logic_value value_of(json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_NULL:
        return (struct logic_value){.kind = LOGIC_NULL};
    case JSON_TRUE:
    case JSON_FALSE:
        return logic_bool(json_is_true(json));
    case JSON_INTEGER:
    case JSON_REAL:
        return logic_scaled(scaled_of(json));
    case JSON_STRING:
        return logic_text(json_string_value(json), json_string_length(json));
    case JSON_OBJECT:
        return record_of(json);
    case JSON_ARRAY:
        break;
    }
    size_t count = json_array_size(json);
    struct logic_value *items = take(count);
    for (size_t i = 0; i < count; i += 1) {
        items[i] = value_of(json_array_get(json, i));
    }
    return logic_list(items, count);
}

static bool is_expected(const struct logic_value *value, json_t *expected)
{
    switch ((enum logic_kind)value->kind) {
    case LOGIC_NULL:
        return json_is_null(expected);
    case LOGIC_BOOL:
        return json_is_boolean(expected) && json_is_true(expected) == value->truth;
    case LOGIC_NUMBER:
        return json_is_number(expected) && scaled_of(expected) == value->number;
    case LOGIC_STRING:
        return json_is_string(expected) && json_string_length(expected) == value->count &&
               memcmp(json_string_value(expected), value->text, value->count) == 0;
    case LOGIC_LIST:
        break;
    case LOGIC_ABSENT:
    case LOGIC_RECORD:
        return false;
    }
    bool same = json_is_array(expected) && json_array_size(expected) == value->count;
    for (size_t i = 0; same && i < value->count; i += 1) {
        same = is_expected(&value->items[i], json_array_get(expected, i));
    }
    return same;
}

/* The first operator in the rule that this firmware lacks, or NULL. */
static const char *lacking(json_t *rule)
{
    static const char *const lacks[] = {"cat", "map", "filter", "reduce"};
    const char *found = NULL;
    if (json_is_array(rule)) {
        for (size_t i = 0; found == NULL && i < json_array_size(rule); i += 1) {
            found = lacking(json_array_get(rule, i));
        }
    }
    const char *name;
    json_t *value;
    json_object_foreach(rule, name, value)
    {
        for (size_t i = 0; found == NULL && i < sizeof lacks / sizeof lacks[0]; i += 1) {
            found = strcmp(name, lacks[i]) == 0 ? lacks[i] : NULL;
        }
        found = found == NULL ? lacking(value) : found;
    }
    return found;
}

struct counts {
    size_t same, lacking, refused, different;
};

static void try(json_t *test, bool may_refuse, struct counts *counts)
{
    json_t *rule = json_array_get(test, 0);
    json_t *data = json_array_get(test, 1);
    struct fault fault = {{0}};
    uint16_t root;
    logic_init(&pool);
    room_used = 0;
    enum st st = logic_load(&pool, rule, NULL, "", &root, &fault);
    const char *lacks = lacking(rule);
    if (lacks != NULL && st == ST_UNSUPPORTED && strstr(fault.say, lacks) != NULL) {
        counts->lacking += 1;
        return;
    }
    struct logic_scratch scratch;
    struct logic_value scope;
    struct logic_value value = {.kind = LOGIC_ABSENT};
    if (st == ST_OK) {
        bool is_record = json_is_array(data) && pool.name_count > 0;
        scope = is_record ? record_of(data) : value_of(data);
        st = logic_compute(&pool, root, &scope, &scratch, &value);
    }
    if (st != ST_OK && may_refuse) {
        counts->refused += 1;
    } else if (st == ST_OK && is_expected(&value, json_array_get(test, 2))) {
        counts->same += 1;
    } else {
        counts->different += 1;
        char *text = json_dumps(test, JSON_COMPACT);
        print_error("%s: %s %s\n", text, st_word(st), fault.say);
        free(text);
    }
}

static void rules_give_what_json_logic_js_gives(void **state)
{
    (void)state;
    const char *path = getenv("LOGIC_TESTS");
    json_error_t error;
    json_t *tests = json_load_file(path == NULL ? "tests/vectors/logic.json" : path, 0, &error);
    if (tests == NULL) {
        fail_msg("%s", error.text);
    }
    struct counts counts = {0};
    for (size_t i = 0; i < json_array_size(tests); i += 1) {
        json_t *test = json_array_get(tests, i);
        if (json_is_array(test)) { /* texts between are comments */
            try(test, getenv("LOGIC_MAY_REFUSE") != NULL, &counts);
        }
    }
    json_decref(tests);
    print_message("# %zu as json-logic-js, %zu with operators that are left out, %zu refused, "
                  "%zu different\n",
                  counts.same, counts.lacking, counts.refused, counts.different);
    assert_int_equal(counts.different, 0);
    assert_true(counts.same > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_give_what_json_logic_js_gives),
    };
    return cmocka_run_group_tests_name("logic_language", tests, NULL, NULL);
}
