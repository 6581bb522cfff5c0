/* fuzz_logic.c - bytes become a condition and facts; what the loader took must evaluate.
 *
 * The first byte picks how: 0: the rest is JSON as it stands, with facts; 1: the same without
 * facts; else the bytes choose operators and values (with facts for even ones), so that most
 * conditions load. Promise under test: on facts within their ranges a condition that was loaded
 * with facts is ST_OK. Run by libFuzzer (tests/fuzz/run.sh) and with fixed pseudo-random bytes by
 * test_logic_fuzz. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "firmware/engine/logic.h"
#include "tests/fuzz/fuzz_logic.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

enum { LINES_MAX = 5, DEPTH_MAX = 7 };

static const struct logic_fact line_fields[] = {
    {.path = "category", .kind = LOGIC_STRING},
    {.path = "amount", .kind = LOGIC_NUMBER, .lo = -50000, .hi = 90000000000, .is_optional = true},
};

static const struct logic_fact table[] = {
    {.path = "n.small", .kind = LOGIC_NUMBER, .lo = -30000, .hi = 70001},
    {.path = "n.positive", .kind = LOGIC_NUMBER, .lo = 1, .hi = INT64_C(687194767350000)},
    {.path = "n.any", .kind = LOGIC_NUMBER, .lo = -LOGIC_NUMBER_MAX, .hi = LOGIC_NUMBER_MAX},
    {.path = "n.maybe", .kind = LOGIC_NUMBER, .lo = 0, .hi = 100, .is_optional = true},
    {.path = "s.word", .kind = LOGIC_STRING},
    {.path = "s.maybe", .kind = LOGIC_STRING, .is_optional = true},
    {.path = "b", .kind = LOGIC_BOOL},
    {.path = "l.words", .kind = LOGIC_LIST, .items_max = LINES_MAX},
    {.path = "l.lines",
     .kind = LOGIC_LIST,
     .items_max = LINES_MAX,
     .fields = line_fields,
     .field_count = COUNT(line_fields),
     .is_optional = true},
};
static const struct logic_facts facts = {table, COUNT(table)};

static const char *const words[] = {"", "gold", "go", "old", "dairy", "10", "-2.5", "وفا", "1e9"};

struct bytes {
    const uint8_t *at;
    size_t left;
};

static unsigned take(struct bytes *bytes, unsigned below)
{
    if (bytes->left == 0) {
        return 0;
    }
    unsigned byte = *bytes->at;
    bytes->at += 1;
    bytes->left -= 1;
    return byte % below;
}

/* --- conditions ------------------------------------------------------------------------------ */

static json_t *some_value(struct bytes *bytes, int depth);
static json_t *some_number(struct bytes *bytes, int depth);
static json_t *some_bool(struct bytes *bytes, int depth);

static json_t *operator_of(const char *name, json_t *a, json_t *b, json_t *c)
{
    json_t *values = json_array();
    json_array_append_new(values, a);
    if (b != NULL) {
        json_array_append_new(values, b);
    }
    if (c != NULL) {
        json_array_append_new(values, c);
    }
    json_t *made = json_object();
    json_object_set_new(made, name, values);
    return made;
}

static json_t *word(struct bytes *bytes)
{
    return json_string(words[take(bytes, COUNT(words))]);
}

static json_t *var(const char *path, json_t *otherwise)
{
    return operator_of("var", json_string(path), otherwise, NULL);
}

static json_t *some_literal(struct bytes *bytes)
{
    static const json_int_t whole[] = {
        0, 1, -1, 2, 7, 100, 30370004, 922337203685477, -99999999999999};
    static const double parts[] = {0.0001, -0.0001, 0.5, 1.0001, 0.9999, 3.14, 0.00001, 1e14};
    return take(bytes, 3) != 0 ? json_integer(whole[take(bytes, COUNT(whole))])
                               : json_real(parts[take(bytes, COUNT(parts))]);
}

static json_t *some_string(struct bytes *bytes, int depth)
{
    switch (take(bytes, depth > 0 ? 7 : 4)) {
    case 0:
        return var("s.word", NULL);
    case 1:
        return var("s.maybe", word(bytes));
    case 2:
        return var("category", NULL);
    case 3:
        return word(bytes);
    case 4:
        return operator_of("substr", some_string(bytes, depth - 1), some_number(bytes, 0),
                           take(bytes, 2) ? some_number(bytes, 0) : NULL);
    case 5:
        return operator_of("if", some_bool(bytes, depth - 1), some_string(bytes, depth - 1),
                           some_string(bytes, depth - 1));
    default:
        return some_value(bytes, depth - 1);
    }
}

static json_t *some_list(struct bytes *bytes, int depth)
{
    switch (take(bytes, depth > 0 ? 7 : 4)) {
    case 0:
        return var("l.words", NULL);
    case 1:
        return var("l.lines", json_array());
    case 2:
        return json_pack("[o, o]", word(bytes), word(bytes));
    case 3:
        return json_pack("[o, o, o]", some_number(bytes, 0), some_literal(bytes),
                         some_literal(bytes));
    case 4:
        return operator_of("merge", some_list(bytes, depth - 1), some_list(bytes, depth - 1), NULL);
    case 5:
        return operator_of("missing", json_string("n.maybe"), json_string("s.word"), NULL);
    default:
        return operator_of("missing_some", some_number(bytes, 0),
                           json_pack("[s, s]", "s.maybe", "l.lines"), NULL);
    }
}

static json_t *some_number(struct bytes *bytes, int depth)
{
    static const char *const sums[] = {"+", "-", "*", "/", "%", "max", "min"};
    switch (take(bytes, depth > 0 ? 11 : 7)) {
    case 0:
        return var("n.small", NULL);
    case 1:
        return var("n.positive", NULL);
    case 2:
        return var("n.any", NULL);
    case 3:
        return var("n.maybe", some_literal(bytes));
    case 4:
        return var("", NULL);
    case 5:
        return var("amount", some_literal(bytes));
    case 6:
        return some_literal(bytes);
    case 7:
        return operator_of("if", some_bool(bytes, depth - 1), some_number(bytes, depth - 1),
                           some_number(bytes, depth - 1));
    case 8:
        return operator_of("-", some_number(bytes, depth - 1), NULL, NULL);
    default:
        return operator_of(sums[take(bytes, COUNT(sums))], some_number(bytes, depth - 1),
                           some_number(bytes, depth - 1), NULL);
    }
}

static json_t *some_bool(struct bytes *bytes, int depth)
{
    static const char *const orders[] = {"<", "<=", ">", ">="};
    static const char *const equals[] = {"==", "!=", "===", "!=="};
    static const char *const both[] = {"and", "or"};
    static const char *const each[] = {"all", "some", "none"};
    switch (take(bytes, depth > 0 ? 10 : 2)) {
    case 0:
        return var("b", NULL);
    case 1:
        return json_boolean((int)take(bytes, 2));
    case 2:
        return operator_of(orders[take(bytes, 4)], some_number(bytes, depth - 1),
                           some_number(bytes, depth - 1), NULL);
    case 3:
        return operator_of(orders[take(bytes, 2)], some_number(bytes, depth - 1),
                           some_number(bytes, depth - 1), some_number(bytes, depth - 1));
    case 4:
        return operator_of(equals[take(bytes, 4)], some_number(bytes, depth - 1),
                           some_number(bytes, depth - 1), NULL);
    case 5:
        return operator_of(equals[take(bytes, 4)], some_string(bytes, depth - 1),
                           some_string(bytes, depth - 1), NULL);
    case 6:
        return operator_of(both[take(bytes, 2)], some_bool(bytes, depth - 1),
                           some_value(bytes, depth - 1), NULL);
    case 7:
        return operator_of("!", some_value(bytes, depth - 1), NULL, NULL);
    case 8:
        return operator_of("in", some_string(bytes, depth - 1), some_list(bytes, depth - 1), NULL);
    default:
        return operator_of(each[take(bytes, 3)], some_list(bytes, depth - 1),
                           some_bool(bytes, depth - 1), NULL);
    }
}

static json_t *some_value(struct bytes *bytes, int depth)
{
    switch (take(bytes, 8)) {
    case 0:
    case 1:
        return some_number(bytes, depth);
    case 2:
        return some_string(bytes, depth);
    case 3:
        return some_list(bytes, depth);
    case 4:
        return json_null();
    default:
        return some_bool(bytes, depth);
    }
}

/* --- facts ----------------------------------------------------------------------------------- */

static struct logic_value value_for(struct bytes *bytes, const struct logic_fact *fact,
                                    struct logic_value items[LINES_MAX],
                                    struct logic_value fields[LINES_MAX][2])
{
    if (fact->is_optional && take(bytes, 3) == 0) {
        return (struct logic_value){.kind = LOGIC_ABSENT};
    }
    if (fact->kind == LOGIC_BOOL) {
        return logic_bool(take(bytes, 2) != 0);
    }
    if (fact->kind == LOGIC_NUMBER) {
        int64_t part = fact->hi / 256 - fact->lo / 256;
        unsigned byte = take(bytes, 256);
        /* Between lo and hi; on the way there 64 bits may wrap. */
        int64_t middle = (int64_t)((uint64_t)fact->lo + (uint64_t)part * byte);
        return logic_scaled(byte < 2 ? fact->lo : byte < 4 ? fact->hi : middle);
    }
    if (fact->kind == LOGIC_STRING) {
        const char *text = words[take(bytes, COUNT(words))];
        return logic_text(text, strlen(text));
    }
    size_t count = take(bytes, LINES_MAX + 1);
    for (size_t i = 0; i < count; i += 1) {
        if (fact->fields == NULL) {
            items[i] = value_for(bytes, &line_fields[0], NULL, NULL);
        } else {
            fields[i][0] = value_for(bytes, &line_fields[0], NULL, NULL);
            fields[i][1] = value_for(bytes, &line_fields[1], NULL, NULL);
            items[i] = logic_record(fields[i], 2);
        }
    }
    return logic_list(items, count);
}

int fuzz_logic(const uint8_t *data, size_t size)
{
    static struct logic_pool pool;
    struct bytes bytes = {data, size};
    unsigned how = take(&bytes, 256);
    json_t *condition = NULL;
    if (how < 2) {
        condition = json_loadb((const char *)bytes.at, bytes.left, JSON_DECODE_ANY, NULL);
    } else {
        condition = some_bool(&bytes, DEPTH_MAX);
    }
    if (condition == NULL) {
        return -1;
    }
    struct fault fault;
    uint16_t root;
    bool is_typed = how % 2 == 0;
    logic_init(&pool);
    enum st st = logic_load(&pool, condition, is_typed ? &facts : NULL, "when", &root, &fault);
    int loaded = st != ST_OK ? 0 : is_typed ? 1 : 2;
    struct logic_value items[COUNT(table)][LINES_MAX];
    struct logic_value fields[COUNT(table)][LINES_MAX][2];
    for (int round = 0; st == ST_OK && round < 3; round += 1) {
        struct logic_value values[COUNT(table)];
        for (size_t i = 0; i < COUNT(table); i += 1) {
            values[i] = value_for(&bytes, &table[i], items[i], fields[i]);
        }
        bool truth;
        enum st st_eval = logic_eval(&pool, root, values, COUNT(table), &truth);
        if (is_typed && st_eval != ST_OK) {
            char *text = json_dumps(condition, JSON_ENCODE_ANY);
            fprintf(stderr, "%s: %s\n", text, st_word(st_eval));
            abort();
        }
    }
    json_decref(condition);
    return loaded;
}

#ifdef FUZZ_MAIN
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)fuzz_logic(data, size);
    return 0;
}
#endif
