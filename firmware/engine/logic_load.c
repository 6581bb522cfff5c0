#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/logic.h"
#include "firmware/engine/logic_number.h"
#include "firmware/engine/logic_place.h"
#include "firmware/engine/logic_priv.h"
#include "firmware/engine/logic_type.h"

enum {
    ARGS_ANY = 65535,
};

/* A text of the document is foreign: a sentence shows this much of one. */
#define SHOWN "%.32s"

static const struct word {
    const char *name;
    enum logic_op op;
    size_t least, most; /* values */
} operators[] = {
    {"var", OP_FACT, 0, 2},
    {"missing", OP_MISSING, 0, ARGS_ANY},
    {"missing_some", OP_MISSING_SOME, 2, 2},
    {"if", OP_IF, 0, ARGS_ANY},
    {"?:", OP_IF, 0, ARGS_ANY},
    {"and", OP_AND, 1, ARGS_ANY},
    {"or", OP_OR, 1, ARGS_ANY},
    {"!", OP_NOT, 1, 1},
    {"!!", OP_TRUTH, 1, 1},
    {"==", OP_EQUAL, 2, 2},
    {"===", OP_SAME, 2, 2},
    {"!=", OP_NOT_EQUAL, 2, 2},
    {"!==", OP_NOT_SAME, 2, 2},
    {"<", OP_LESS, 2, 3},
    {"<=", OP_LESS_EQUAL, 2, 3},
    {">", OP_GREATER, 2, 2},
    {">=", OP_GREATER_EQUAL, 2, 2},
    {"+", OP_ADD, 1, ARGS_ANY},
    {"-", OP_SUBTRACT, 1, 2},
    {"*", OP_MULTIPLY, 1, ARGS_ANY},
    {"/", OP_DIVIDE, 2, 2},
    {"%", OP_REMAINDER, 2, 2},
    {"max", OP_MAX, 1, ARGS_ANY},
    {"min", OP_MIN, 1, ARGS_ANY},
    {"in", OP_IN, 2, 2},
    {"merge", OP_MERGE, 0, ARGS_ANY},
    {"all", OP_ALL, 2, 2},
    {"some", OP_SOME, 2, 2},
    {"none", OP_NO, 2, 2},
    {"substr", OP_SUBSTR, 2, 3},
};
enum { OPERATOR_COUNT = sizeof operators / sizeof operators[0] };

struct load {
    struct logic_pool *pool;
    const struct logic_facts *facts; /* NULL: any path, any kinds */
    const char *where;
    struct fault *fault;
};

/* What `var` can name here. */
struct scope {
    const struct logic_fact *table; /* NULL with facts: nothing but the item itself */
    size_t count;
    const struct logic_guess *item; /* what "" is; NULL = the outermost scope */
};

/* One node to compile. */
struct task {
    json_t *json;
    const struct logic_place *place;
    const struct scope *scope;
    int depth;
    bool is_path; /* a text here is a path */
};

static enum st compile(struct load *load, const struct task *task, uint16_t *ret,
                       struct logic_guess *ret_guess);

/* --- sentences ------------------------------------------------------------------------------- */

static enum st wrong_at(const struct load *load, const struct logic_place *place, const char *what)
{
    char text[LOGIC_PLACE_BYTES];
    logic_place_text(load->where, place, text);
    bool asks = what[strlen(what) - 1] == '?';
    fault_say(load->fault, "%s: %s%s", text, what, asks ? "" : ".");
    return ST_FOREIGN;
}

static enum st wrong_operator(const struct load *load, const struct logic_place *place,
                              const char *name, const char *what)
{
    char sentence[160];
    (void)snprintf(sentence, sizeof sentence, "\"" SHOWN "\" %s", name, what);
    return wrong_at(load, place, sentence);
}

static enum st unknown_fact(const struct load *load, const struct task *task, const char *path)
{
    const char *nearest = NULL;
    for (size_t i = 0; i < task->scope->count; i += 1) {
        const char *known = task->scope->table[i].path;
        if (nearest == NULL || logic_distance(path, known) < logic_distance(path, nearest)) {
            nearest = known;
        }
    }
    char sentence[160];
    if (nearest == NULL) {
        (void)snprintf(sentence, sizeof sentence,
                       "\"" SHOWN "\": the items here are not all records; use {\"var\": \"\"}",
                       path);
    } else {
        (void)snprintf(sentence, sizeof sentence,
                       "\"" SHOWN "\" is not a fact here; did you mean \"" SHOWN "\"?", path,
                       nearest);
    }
    return wrong_at(load, task->place, sentence);
}

static enum st unknown_operator(const struct load *load, const struct task *task, const char *name)
{
    char place[LOGIC_PLACE_BYTES];
    logic_place_text(load->where, task->place, place);
    static const char *const left_out[] = {"cat", "map", "filter", "reduce", "log", "method"};
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i += 1) {
        if (strcmp(name, left_out[i]) == 0) {
            fault_say(load->fault, "%s: operator '%s' is not supported by this firmware.", place,
                      name);
            return ST_UNSUPPORTED;
        }
    }
    size_t nearest = 0;
    for (size_t i = 1; i < OPERATOR_COUNT; i += 1) {
        if (logic_distance(name, operators[i].name) <
            logic_distance(name, operators[nearest].name)) {
            nearest = i;
        }
    }
    const char *known = operators[nearest].name;
    bool is_near = logic_distance(name, known) <= 2 && logic_distance(name, known) < strlen(known);
    fault_say(load->fault, "%s: operator '" SHOWN "' is not supported by this firmware%s%s%s",
              place, name, is_near ? "; did you mean '" : "", is_near ? known : "",
              is_near ? "'?" : ".");
    return ST_UNSUPPORTED;
}

static enum st full(const struct load *load, const struct logic_place *place, const char *what,
                    int most)
{
    char text[LOGIC_PLACE_BYTES];
    logic_place_text(load->where, place, text);
    fault_say(load->fault, "%s: the conditions together have more than %d %s.", text, most, what);
    return ST_FULL;
}

/* --- the pool -------------------------------------------------------------------------------- */

static enum st add_node(const struct load *load, const struct logic_place *place, enum logic_op op,
                        uint16_t *ret)
{
    struct logic_pool *pool = load->pool;
    if (pool->node_count == LOGIC_NODES_MAX) {
        return full(load, place, "operators and values", LOGIC_NODES_MAX - 1);
    }
    pool->nodes[pool->node_count] = (struct logic_node){.op = (uint8_t)op};
    *ret = pool->node_count;
    pool->node_count += 1;
    return ST_OK;
}

static enum st add_string(const struct load *load, const struct logic_place *place,
                          const char *text, size_t bytes, uint16_t *ret_id)
{
    if (bytes > LOGIC_STRING_MAX) {
        return wrong_at(load, place, "a text has more than 255 bytes");
    }
    if (logic_intern(load->pool, text, bytes, ret_id) != ST_OK) {
        return full(load, place, "different texts, or too many bytes of them", LOGIC_STRINGS_MAX);
    }
    return ST_OK;
}

static bool find_fact(const struct scope *scope, const char *path, uint16_t *ret_slot)
{
    for (size_t i = 0; i < scope->count; i += 1) {
        if (strcmp(scope->table[i].path, path) == 0) {
            *ret_slot = (uint16_t)i;
            return true;
        }
    }
    return false;
}

/* Notes a path, so that it is found by its text; *ret_slot is where its value is. */
static enum st add_name(const struct load *load, const struct task *task, const char *path,
                        uint16_t *ret_slot)
{
    struct logic_pool *pool = load->pool;
    uint16_t slot = pool->name_count;
    if (load->facts != NULL && !find_fact(task->scope, path, &slot)) {
        return unknown_fact(load, task, path);
    }
    uint16_t id;
    enum st st = add_string(load, task->place, path, strlen(path), &id);
    for (size_t i = 0; st == ST_OK && i < pool->name_count; i += 1) {
        if (pool->names[i].id == id) {
            *ret_slot = pool->names[i].slot;
            return ST_OK;
        }
    }
    if (st == ST_OK && pool->name_count == LOGIC_NAMES_MAX) {
        st = full(load, task->place, "different paths", LOGIC_NAMES_MAX);
    }
    if (st == ST_OK) {
        pool->names[pool->name_count] = (struct logic_name){.id = id, .slot = slot};
        pool->name_count += 1;
        *ret_slot = slot;
    }
    return st;
}

/* --- literals -------------------------------------------------------------------------------- */

/* jansson keeps fractions as doubles. Every decimal of up to 15 significant digits survives the way
 * into a double and back through "%.15g" (C17 5.2.4.2.2, DBL_DIG), so a double that such a decimal
 * gives back was, as far as a double can tell, that decimal; any other literal is refused. */
static bool real_is_exact(double real, int64_t *ret)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.15g", real);
    if (strtod(text, NULL) != real) {
        return false;
    }
    for (char *at = text; *at != '\0'; at += 1) {
        if (*at == ',') {
            *at = '.'; /* a locale's point */
        }
    }
    return logic_read(text, strlen(text), false, ret) == LOGIC_READ_OK;
}

static enum st literal_number(const struct load *load, const struct task *task, int64_t *ret)
{
    if (json_is_integer(task->json)) {
        int64_t whole = json_integer_value(task->json);
        if (whole <= LOGIC_NUMBER_MAX / LOGIC_ONE && whole >= -(LOGIC_NUMBER_MAX / LOGIC_ONE)) {
            *ret = whole * LOGIC_ONE;
            return ST_OK;
        }
    } else if (real_is_exact(json_real_value(task->json), ret)) {
        return ST_OK;
    }
    char text[40];
    if (json_is_integer(task->json)) {
        (void)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(task->json));
    } else {
        double real = json_real_value(task->json);
        (void)snprintf(text, sizeof text, "%.15g", real);
        if (strtod(text, NULL) != real) {
            (void)snprintf(text, sizeof text, "%.17g", real);
        }
    }
    char sentence[128];
    (void)snprintf(sentence, sizeof sentence,
                   "%s is not exact here: at most 4 decimals, 15 digits, 922337203685477", text);
    return wrong_at(load, task->place, sentence);
}

static enum st compile_string(struct load *load, const struct task *task, struct logic_node *node)
{
    const char *text = json_string_value(task->json);
    uint16_t id;
    enum st st = add_string(load, task->place, text, json_string_length(task->json), &id);
    uint16_t slot;
    if (st == ST_OK && task->is_path) {
        st = add_name(load, task, text, &slot);
    }
    node->index = id;
    return st;
}

static enum st compile_literal(struct load *load, const struct task *task, uint16_t *ret,
                               struct logic_guess *ret_guess)
{
    enum st st = add_node(load, task->place, OP_LITERAL, ret);
    if (st != ST_OK) {
        return st;
    }
    struct logic_node *node = &load->pool->nodes[*ret];
    int64_t number = 0;
    node->kind = LOGIC_NULL;
    if (json_is_string(task->json)) {
        node->kind = LOGIC_STRING;
        st = compile_string(load, task, node);
    } else if (json_is_boolean(task->json)) {
        node->kind = LOGIC_BOOL;
        node->number = json_is_true(task->json);
    } else if (json_is_number(task->json)) {
        node->kind = LOGIC_NUMBER;
        st = literal_number(load, task, &number);
        node->number = number;
    }
    *ret_guess = logic_guess_literal((enum logic_kind)node->kind, number);
    return st;
}

/* --- var ------------------------------------------------------------------------------------- */

static void add_child(struct load *load, uint16_t parent, uint16_t child, uint16_t *last)
{
    struct logic_node *nodes = load->pool->nodes;
    if (nodes[parent].count == 0) {
        nodes[parent].first = child;
    } else {
        nodes[*last].next = child;
    }
    nodes[parent].count = (uint16_t)(nodes[parent].count + 1);
    *last = child;
}

/* The path as a text (`room` for one that is written as a number): NULL when it must be computed.
 */
static const char *constant_path(json_t *path, char room[24])
{
    if (json_is_string(path)) {
        return json_string_value(path);
    }
    if (json_is_integer(path) && json_integer_value(path) >= 0) {
        (void)snprintf(room, 24, "%lld", (long long)json_integer_value(path));
        return room;
    }
    return path == NULL || json_is_null(path) ? "" : NULL;
}

/* The scope itself: an item of the list, or (without facts only) all data. */
static enum st compile_scope(struct load *load, const struct task *task, uint16_t *ret,
                             struct logic_guess *ret_guess)
{
    if (load->facts != NULL && task->scope->item == NULL) {
        return wrong_at(load, task->place,
                        "\"var\" needs a fact's name; \"\" is the item within all, some and none");
    }
    if (task->scope->item != NULL) {
        *ret_guess = *task->scope->item;
    }
    return add_node(load, task->place, OP_SCOPE, ret);
}

static enum st compile_fact(struct load *load, const struct task *task, const char *path,
                            uint16_t *ret, struct logic_guess *ret_guess)
{
    enum st st = add_node(load, task->place, OP_FACT, ret);
    uint16_t slot = 0;
    if (st == ST_OK && load->facts == NULL) {
        st = add_name(load, task, path, &slot);
    } else if (st == ST_OK && !find_fact(task->scope, path, &slot)) {
        st = unknown_fact(load, task, path);
    } else if (st == ST_OK) {
        *ret_guess = logic_guess_fact(&task->scope->table[slot]);
    }
    if (st == ST_OK) {
        load->pool->nodes[*ret].index = slot;
    }
    return st;
}

static enum st compile_fact_at(struct load *load, const struct task *task, json_t *path,
                               uint16_t *ret, uint16_t *ret_last)
{
    if (load->facts != NULL) {
        return wrong_at(load, task->place, "\"var\" needs a fact's name as a plain text");
    }
    enum st st = add_node(load, task->place, OP_FACT_AT, ret);
    if (st == ST_OK) {
        struct task of_path = *task;
        struct logic_guess guess;
        uint16_t child;
        of_path.json = path;
        of_path.is_path = true;
        of_path.depth += 1;
        st = compile(load, &of_path, &child, &guess);
        if (st == ST_OK) {
            add_child(load, *ret, child, ret_last);
        }
    }
    return st;
}

static enum st compile_default(struct load *load, const struct task *task, json_t *otherwise,
                               uint16_t var, uint16_t *last, struct logic_guess *guess)
{
    struct logic_place place = {.up = task->place, .word = "var", .index = 1};
    struct task of_default = *task;
    of_default.json = otherwise;
    of_default.place = &place;
    of_default.depth += 1;
    of_default.is_path = false;
    uint16_t child;
    struct logic_guess default_guess = {0};
    enum st st = compile(load, &of_default, &child, &default_guess);
    if (st != ST_OK) {
        return st;
    }
    add_child(load, var, child, last);
    if (load->facts != NULL) {
        const char *wrong = logic_guess_default(guess, &default_guess);
        return wrong == NULL ? ST_OK : wrong_operator(load, task->place, "var", wrong);
    }
    return ST_OK;
}

static enum st compile_var(struct load *load, const struct task *task, json_t *values,
                           uint16_t *ret, struct logic_guess *ret_guess)
{
    bool is_list = json_is_array(values);
    json_t *path = is_list ? json_array_get(values, 0) : values;
    json_t *otherwise = is_list ? json_array_get(values, 1) : NULL;
    char room[24];
    const char *text = constant_path(path, room);
    uint16_t last = 0;
    enum st st;
    if (text == NULL) {
        st = compile_fact_at(load, task, path, ret, &last);
    } else if (text[0] == '\0') {
        st = compile_scope(load, task, ret, ret_guess);
    } else {
        st = compile_fact(load, task, text, ret, ret_guess);
    }
    if (st == ST_OK && otherwise != NULL && load->pool->nodes[*ret].op != OP_SCOPE) {
        st = compile_default(load, task, otherwise, *ret, &last, ret_guess);
    }
    return st;
}

/* --- operators ------------------------------------------------------------------------------- */

/* The scope of what all, some and none ask of each item. Fields can be named only where every item
 * has them. */
static struct scope item_scope(const struct logic_guess *item)
{
    bool is_record = item->kinds == 1U << LOGIC_RECORD;
    return (struct scope){.table = is_record ? item->fields : NULL,
                          .count = is_record ? item->field_count : 0,
                          .item = item};
}

static bool is_each(enum logic_op op)
{
    return op == OP_ALL || op == OP_SOME || op == OP_NO;
}

/* A path can stand in missing, and in what makes a list or choice of paths there. */
static bool holds_path(const struct task *task, enum logic_op op, size_t index, size_t count)
{
    if (op == OP_MISSING || (op == OP_MISSING_SOME && index == 1)) {
        return true;
    }
    bool is_choice = op == OP_IF && (index % 2 == 1 || index + 1 == count);
    return task->is_path && (op == OP_LIST || op == OP_MERGE || is_choice);
}

/* Compiles the values of a node, and judges them where facts have kinds. */
static enum st compile_values(struct load *load, const struct task *task, const char *word,
                              json_t *values, uint16_t parent, struct logic_guess *ret_guess)
{
    enum logic_op op = (enum logic_op)load->pool->nodes[parent].op;
    bool is_list = json_is_array(values);
    size_t count = is_list ? json_array_size(values) : 1;
    struct logic_judge judge = logic_judge_begin(op, count);
    struct logic_guess item;
    struct scope inner;
    uint16_t last = 0;
    for (size_t i = 0; i < count; i += 1) {
        struct logic_place place = {.up = task->place, .word = word, .index = i};
        struct task of_value = {.json = is_list ? json_array_get(values, i) : values,
                                .place = &place,
                                .scope = task->scope,
                                .depth = task->depth + 1,
                                .is_path = holds_path(task, op, i, count)};
        if (is_each(op) && i == 1) {
            item = logic_guess_item(&judge.first);
            inner = item_scope(&item);
            of_value.scope = &inner;
        }
        uint16_t child;
        struct logic_guess guess = {0};
        enum st st = compile(load, &of_value, &child, &guess);
        if (st != ST_OK) {
            return st;
        }
        add_child(load, parent, child, &last);
        const char *wrong = NULL;
        if (load->facts != NULL) {
            wrong = logic_judge_value(&judge, i, &guess);
        }
        if (wrong != NULL) {
            return wrong_operator(load, &place, word[0] == '\0' ? "[]" : word, wrong);
        }
    }
    *ret_guess = judge.result;
    return ST_OK;
}

static enum st check_count(const struct load *load, const struct task *task,
                           const struct word *word, size_t count)
{
    if (count >= word->least && count <= word->most) {
        return ST_OK;
    }
    char sentence[80];
    if (word->most == ARGS_ANY) {
        (void)snprintf(sentence, sizeof sentence, "takes %zu value(s) or more, not %zu",
                       word->least, count);
    } else {
        (void)snprintf(sentence, sizeof sentence, "takes %zu to %zu value(s), not %zu", word->least,
                       word->most, count);
    }
    return wrong_operator(load, task->place, word->name, sentence);
}

static enum st compile_operator(struct load *load, const struct task *task, uint16_t *ret,
                                struct logic_guess *ret_guess)
{
    void *entry = json_object_iter(task->json);
    const char *name = json_object_iter_key(entry);
    json_t *values = json_object_iter_value(entry);
    const struct word *word = NULL;
    for (size_t i = 0; i < OPERATOR_COUNT && word == NULL; i += 1) {
        word = strcmp(operators[i].name, name) == 0 ? &operators[i] : NULL;
    }
    if (word == NULL) {
        return unknown_operator(load, task, name);
    }
    size_t count = json_is_array(values) ? json_array_size(values) : 1;
    enum st st = check_count(load, task, word, count);
    if (st != ST_OK) {
        return st;
    }
    bool is_missing = word->op == OP_MISSING || word->op == OP_MISSING_SOME;
    if (load->facts != NULL && task->is_path && word->op != OP_IF && word->op != OP_MERGE) {
        return wrong_operator(load, task->place, "missing",
                              "takes the names of facts, and if and merge of them");
    }
    if (load->facts != NULL && is_missing && task->scope->item != NULL) {
        return wrong_operator(load, task->place, name, "cannot stand within all, some and none");
    }
    if (word->op == OP_FACT) {
        return compile_var(load, task, values, ret, ret_guess);
    }
    st = add_node(load, task->place, word->op, ret);
    return st == ST_OK ? compile_values(load, task, word->name, values, *ret, ret_guess) : st;
}

/* Recursion is bounded by LOGIC_DEPTH_MAX. */
static enum st compile(struct load *load, const struct task *task, uint16_t *ret,
                       struct logic_guess *ret_guess)
{
    if (task->depth > LOGIC_DEPTH_MAX) {
        return wrong_at(load, task->place, "is nested more than 32 deep");
    }
    if (json_is_array(task->json)) {
        enum st st = add_node(load, task->place, OP_LIST, ret);
        return st == ST_OK ? compile_values(load, task, "", task->json, *ret, ret_guess) : st;
    }
    if (!json_is_object(task->json)) {
        return compile_literal(load, task, ret, ret_guess);
    }
    if (json_object_size(task->json) != 1) {
        return wrong_at(load, task->place, "an object must have one operator as its only field");
    }
    return compile_operator(load, task, ret, ret_guess);
}

/* A table with a wrong range would prove nothing. */
static void assert_facts(const struct logic_facts *facts)
{
    assert(facts->count >= 1 && facts->count <= LOGIC_NAMES_MAX);
    for (size_t i = 0; i < facts->count; i += 1) {
        const struct logic_fact *fact = &facts->table[i];
        assert(fact->path[0] != '\0' && strlen(fact->path) <= LOGIC_PATH_BYTES_MAX);
        assert(fact->kind >= LOGIC_BOOL && fact->kind <= LOGIC_LIST);
        assert(fact->kind != LOGIC_NUMBER ||
               (fact->lo <= fact->hi && fact->lo >= -LOGIC_NUMBER_MAX));
        assert(fact->kind != LOGIC_LIST ||
               (fact->items_max >= 1 && fact->items_max <= LOGIC_SCRATCH_MAX));
    }
}

enum st logic_load(struct logic_pool *pool, struct json_t *condition,
                   const struct logic_facts *facts, const char *where, uint16_t *ret_root,
                   struct fault *fault)
{
    struct load load = {.pool = pool, .facts = facts, .where = where, .fault = fault};
    struct scope scope = {0};
    if (facts != NULL) {
        assert_facts(facts);
        scope = (struct scope){.table = facts->table, .count = facts->count};
    }
    const uint16_t nodes = pool->node_count;
    const uint16_t strings = pool->string_count;
    const uint16_t bytes = pool->text_bytes;
    const uint16_t names = pool->name_count;
    struct task task = {.json = condition, .scope = &scope, .depth = 1};
    struct logic_guess guess = {0};
    uint16_t root = 0;
    enum st st = compile(&load, &task, &root, &guess);
    if (st == ST_OK && (guess.scratch > LOGIC_SCRATCH_MAX || guess.work > LOGIC_WORK_MAX)) {
        st = wrong_at(&load, NULL, "takes too much work or makes lists that are too long");
    }
    if (st != ST_OK) {
        pool->node_count = nodes;
        pool->string_count = strings;
        pool->text_bytes = bytes;
        pool->name_count = names;
        return st;
    }
    *ret_root = root;
    return ST_OK;
}
