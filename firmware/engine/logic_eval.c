#include <assert.h>
#include <string.h>

#include "firmware/engine/logic.h"
#include "firmware/engine/logic_compare.h"
#include "firmware/engine/logic_number.h"
#include "firmware/engine/logic_priv.h"

/* One evaluation. */
struct run {
    const struct logic_pool *pool;
    struct logic_scratch *scratch;
    uint32_t work;
};

/* --- evaluating ------------------------------------------------------------------------------ */

static enum st eval(struct run *run, uint16_t at, const struct logic_value *scope,
                    struct logic_value *ret);

static const struct logic_node *node_at(const struct run *run, uint16_t at)
{
    return &run->pool->nodes[at];
}

static uint16_t next_of(const struct run *run, uint16_t at)
{
    return node_at(run, at)->next;
}

/* Room for `count` items, which stay until the caller sets scratch->used back. */
static enum st take_items(struct run *run, size_t count, struct logic_value **ret)
{
    if (count > LOGIC_SCRATCH_MAX - run->scratch->used) {
        return ST_FULL;
    }
    *ret = &run->scratch->items[run->scratch->used];
    run->scratch->used += count;
    return ST_OK;
}

/* All children as a list. */
static enum st eval_list(struct run *run, const struct logic_node *node,
                         const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value *items;
    enum st st = take_items(run, node->count, &items);
    size_t count = 0;
    for (uint16_t at = node->first; st == ST_OK && at != 0; at = next_of(run, at)) {
        st = eval(run, at, scope, &items[count]);
        count += 1;
    }
    if (st == ST_OK) {
        *ret = logic_list(items, count);
    }
    return st;
}

static enum st eval_two(struct run *run, const struct logic_node *node,
                        const struct logic_value *scope, struct logic_value *ret_a,
                        struct logic_value *ret_b)
{
    enum st st = eval(run, node->first, scope, ret_a);
    return st == ST_OK ? eval(run, next_of(run, node->first), scope, ret_b) : st;
}

static enum st or_default(struct run *run, uint16_t otherwise, const struct logic_value *scope,
                          struct logic_value *ret)
{
    if (otherwise != 0) {
        return eval(run, otherwise, scope, ret);
    }
    *ret = (struct logic_value){.kind = LOGIC_NULL};
    return ST_OK;
}

static struct logic_value slot_of(const struct logic_value *scope, uint64_t slot)
{
    if (scope->kind == LOGIC_RECORD && slot < scope->count) {
        return scope->items[slot];
    }
    return (struct logic_value){.kind = LOGIC_ABSENT};
}

/* The value at a path that is only known now. */
static enum st value_at(const struct run *run, const struct logic_value *path,
                        const struct logic_value *scope, struct logic_value *ret)
{
    if (path->kind != LOGIC_STRING) {
        return ST_REFUSED;
    }
    *ret = (struct logic_value){.kind = LOGIC_ABSENT};
    uint16_t id = path->id != 0 ? path->id : logic_find(run->pool, path->text, path->count);
    for (size_t i = 0; id != 0 && i < run->pool->name_count; i += 1) {
        if (run->pool->names[i].id == id) {
            *ret = slot_of(scope, run->pool->names[i].slot);
        }
    }
    return ST_OK;
}

static enum st eval_fact_at(struct run *run, const struct logic_node *node,
                            const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value path;
    enum st st = eval(run, node->first, scope, &path);
    if (st == ST_OK) {
        st = value_at(run, &path, scope, ret);
    }
    if (st == ST_OK && ret->kind == LOGIC_ABSENT) {
        st = or_default(run, next_of(run, node->first), scope, ret);
    }
    return st;
}

/* Those of the paths in `keys` that are absent, null or "". */
static enum st missing_of(struct run *run, const struct logic_value *keys,
                          const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value *items;
    enum st st = take_items(run, keys->count, &items);
    size_t count = 0;
    for (size_t i = 0; st == ST_OK && i < keys->count; i += 1) {
        struct logic_value value;
        st = value_at(run, &keys->items[i], scope, &value);
        if (st == ST_OK &&
            (logic_is_null(&value) || (value.kind == LOGIC_STRING && value.count == 0))) {
            items[count] = keys->items[i];
            count += 1;
        }
    }
    if (st == ST_OK) {
        *ret = logic_list(items, count);
    }
    return st;
}

static enum st eval_missing(struct run *run, const struct logic_node *node,
                            const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value keys;
    enum st st = eval_list(run, node, scope, &keys);
    if (st == ST_OK && keys.count > 0 && keys.items[0].kind == LOGIC_LIST) {
        keys = keys.items[0];
    }
    return st == ST_OK ? missing_of(run, &keys, scope, ret) : st;
}

static enum st eval_missing_some(struct run *run, const struct logic_node *node,
                                 const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value need;
    struct logic_value keys;
    struct logic_value missing;
    enum st st = eval_two(run, node, scope, &need, &keys);
    if (st == ST_OK && (need.kind != LOGIC_NUMBER || keys.kind != LOGIC_LIST)) {
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = missing_of(run, &keys, scope, &missing);
    }
    if (st == ST_OK) {
        int64_t there = ((int64_t)keys.count - missing.count) * LOGIC_ONE;
        *ret = there >= need.number ? logic_list(NULL, 0) : missing;
    }
    return st;
}

static enum st eval_if(struct run *run, const struct logic_node *node,
                       const struct logic_value *scope, struct logic_value *ret)
{
    uint16_t at = node->first;
    while (at != 0 && next_of(run, at) != 0) {
        struct logic_value test;
        enum st st = eval(run, at, scope, &test);
        if (st != ST_OK) {
            return st;
        }
        at = next_of(run, at);
        if (logic_is_truthy(&test)) {
            return eval(run, at, scope, ret);
        }
        at = next_of(run, at);
    }
    return or_default(run, at, scope, ret);
}

/* The first that decides, or the last. */
static enum st eval_and_or(struct run *run, const struct logic_node *node,
                           const struct logic_value *scope, struct logic_value *ret)
{
    enum st st = ST_OK;
    for (uint16_t at = node->first; st == ST_OK && at != 0; at = next_of(run, at)) {
        st = eval(run, at, scope, ret);
        if (st == ST_OK && logic_is_truthy(ret) == (node->op == OP_OR)) {
            break;
        }
    }
    return st;
}

static enum st eval_equal(struct run *run, const struct logic_node *node,
                          const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value a;
    struct logic_value b;
    bool truth;
    enum st st = eval_two(run, node, scope, &a, &b);
    if (st != ST_OK) {
        return st;
    }
    bool is_strict = node->op == OP_SAME || node->op == OP_NOT_SAME;
    st = is_strict ? logic_is_same(&a, &b, &truth) : logic_is_equal(&a, &b, &truth);
    if (st == ST_OK) {
        *ret = logic_bool(truth != (node->op == OP_NOT_EQUAL || node->op == OP_NOT_SAME));
    }
    return st;
}

static enum st eval_order(struct run *run, const struct logic_node *node,
                          const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value a;
    struct logic_value b;
    bool truth;
    enum st st = eval_two(run, node, scope, &a, &b);
    if (st == ST_OK) {
        st = logic_is_ordered((enum logic_op)node->op, &a, &b, &truth);
    }
    if (st == ST_OK && node->count == 3) {
        /* All values are evaluated first, as in json-logic-js: what fails does so always. */
        bool second;
        st = eval(run, next_of(run, next_of(run, node->first)), scope, &a);
        if (st == ST_OK && truth) {
            st = logic_is_ordered((enum logic_op)node->op, &b, &a, &second);
            truth = st == ST_OK && second;
        }
    }
    if (st == ST_OK) {
        *ret = logic_bool(truth);
    }
    return st;
}

/* A number for sums: + and * read texts as parseFloat() does, the others as Number(). */
static enum st operand(enum logic_op op, const struct logic_value *value, int64_t *ret)
{
    if (value->kind == LOGIC_NUMBER) {
        *ret = value->number;
        return ST_OK;
    }
    enum logic_read read;
    if (op != OP_ADD && op != OP_MULTIPLY) {
        read = logic_number_of(value, ret);
    } else if (value->kind == LOGIC_STRING) {
        read = logic_read(value->text, value->count, true, ret);
    } else {
        read = LOGIC_READ_NONE;
    }
    return read == LOGIC_READ_OK ? ST_OK : ST_REFUSED;
}

static enum st reckon(enum logic_op op, int64_t a, int64_t b, int64_t *ret)
{
    if (op == OP_ADD) {
        return logic_add(a, b, ret);
    }
    if (op == OP_SUBTRACT) {
        return logic_add(a, -b, ret);
    }
    if (op == OP_MULTIPLY) {
        return logic_mul(a, b, ret);
    }
    if (op == OP_DIVIDE) {
        return logic_div(a, b, ret);
    }
    if (op == OP_REMAINDER) {
        return logic_mod(a, b, ret);
    }
    *ret = (op == OP_MAX) == (a > b) ? a : b;
    return ST_OK;
}

static enum st eval_sum(struct run *run, const struct logic_node *node,
                        const struct logic_value *scope, struct logic_value *ret)
{
    enum logic_op op = (enum logic_op)node->op;
    int64_t result = 0;
    for (uint16_t at = node->first; at != 0; at = next_of(run, at)) {
        struct logic_value value;
        int64_t number;
        enum st st = eval(run, at, scope, &value);
        if (st == ST_OK && op == OP_MULTIPLY && node->count == 1) {
            *ret = value; /* json-logic-js gives a single factor back as it is */
            return ST_OK;
        }
        if (st == ST_OK) {
            st = operand(op, &value, &number);
        }
        if (st == ST_OK && at == node->first) {
            result = op == OP_SUBTRACT && node->count == 1 ? -number : number;
        } else if (st == ST_OK) {
            st = reckon(op, result, number, &result);
        }
        if (st != ST_OK) {
            return st;
        }
    }
    *ret = logic_scaled(result);
    return ST_OK;
}

static bool contains_text(const struct logic_value *text, const struct logic_value *part)
{
    return part->count == 0 || memmem(text->text, text->count, part->text, part->count) != NULL;
}

static enum st eval_in(struct run *run, const struct logic_node *node,
                       const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value what;
    struct logic_value where;
    bool found = false;
    enum st st = eval(run, node->first, scope, &what);
    const struct logic_node *list = node_at(run, next_of(run, node->first));
    if (st == ST_OK && list->op == OP_LIST) {
        /* Without making the list: its items are looked at one by one. */
        for (uint16_t at = list->first; st == ST_OK && !found && at != 0; at = next_of(run, at)) {
            st = eval(run, at, scope, &where);
            if (st == ST_OK) {
                st = logic_is_same(&what, &where, &found);
            }
        }
        *ret = logic_bool(found);
        return st;
    }
    if (st == ST_OK) {
        st = eval(run, next_of(run, node->first), scope, &where);
    }
    if (st == ST_OK && where.kind == LOGIC_STRING && where.count > 0) {
        if (what.kind != LOGIC_STRING) {
            return ST_REFUSED;
        }
        found = contains_text(&where, &what);
    }
    if (st == ST_OK && where.kind == LOGIC_LIST) {
        for (size_t i = 0; st == ST_OK && !found && i < where.count; i += 1) {
            st = logic_is_same(&what, &where.items[i], &found);
        }
    }
    *ret = logic_bool(found);
    return st;
}

static enum st eval_merge(struct run *run, const struct logic_node *node,
                          const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value parts;
    enum st st = eval_list(run, node, scope, &parts);
    size_t count = 0;
    for (size_t i = 0; st == ST_OK && i < parts.count; i += 1) {
        const struct logic_value *part = &parts.items[i];
        count += part->kind == LOGIC_LIST ? part->count : 1;
    }
    struct logic_value *items;
    if (st == ST_OK) {
        st = take_items(run, count, &items);
    }
    if (st != ST_OK) {
        return st;
    }
    *ret = logic_list(items, count);
    for (size_t i = 0; i < parts.count; i += 1) {
        const struct logic_value *part = &parts.items[i];
        bool is_list = part->kind == LOGIC_LIST;
        for (size_t j = 0; j < (is_list ? part->count : 1); j += 1) {
            *items = is_list ? part->items[j] : *part;
            items += 1;
        }
    }
    return ST_OK;
}

/* all, some, none: each item is the scope of the second value in turn. */
static enum st eval_each(struct run *run, const struct logic_node *node,
                         const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value list;
    enum st st = eval(run, node->first, scope, &list);
    if (st != ST_OK) {
        return st;
    }
    bool stops_at = node->op != OP_ALL;
    bool stopped = false;
    size_t count = list.kind == LOGIC_LIST ? list.count : 0;
    size_t used = run->scratch->used;
    for (size_t i = 0; i < count && !stopped; i += 1) {
        struct logic_value value;
        st = eval(run, next_of(run, node->first), &list.items[i], &value);
        if (st != ST_OK) {
            return st;
        }
        stopped = logic_is_truthy(&value) == stops_at;
        run->scratch->used = used;
    }
    *ret = logic_bool(node->op == OP_SOME ? stopped
                      : node->op == OP_NO ? !stopped
                                          : count > 0 && !stopped);
    return ST_OK;
}

/* The byte where character n (from 0) of the text begins, or its end. */
static size_t byte_of(const struct logic_value *text, int64_t n)
{
    size_t at = 0;
    while (at < text->count && (n > 0 || ((unsigned char)text->text[at] & 0xc0) == 0x80)) {
        at += 1;
        n -= at >= text->count || ((unsigned char)text->text[at] & 0xc0) != 0x80;
    }
    return at;
}

static int64_t characters(const struct logic_value *text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text->count; i += 1) {
        n += ((unsigned char)text->text[i] & 0xc0) != 0x80;
    }
    return n;
}

static enum st eval_substr(struct run *run, const struct logic_node *node,
                           const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value text;
    struct logic_value from;
    struct logic_value length = {.kind = LOGIC_NUMBER, .number = LOGIC_NUMBER_MAX};
    enum st st = eval_two(run, node, scope, &text, &from);
    if (st == ST_OK && node->count == 3) {
        st = eval(run, next_of(run, next_of(run, node->first)), scope, &length);
    }
    if (st != ST_OK) {
        return st;
    }
    if (text.kind != LOGIC_STRING || from.kind != LOGIC_NUMBER || length.kind != LOGIC_NUMBER) {
        return ST_REFUSED;
    }
    int64_t all = characters(&text);
    int64_t start = from.number / LOGIC_ONE;
    start = start < 0 ? start + all : start;
    start = start < 0 ? 0 : start > all ? all : start;
    int64_t count = length.number / LOGIC_ONE;
    if (length.number < 0) {
        count = (length.number + (all - start) * LOGIC_ONE) / LOGIC_ONE;
    }
    count = count < 0 ? 0 : count > all - start ? all - start : count;
    size_t begin = byte_of(&text, start);
    size_t end = byte_of(&text, start + count);
    *ret = logic_text(text.text + begin, end - begin);
    return ST_OK;
}

static enum st eval_literal(struct run *run, const struct logic_node *node, struct logic_value *ret)
{
    if (node->kind == LOGIC_STRING) {
        *ret = logic_string(run->pool, (uint16_t)node->index);
    } else {
        *ret = (struct logic_value){.kind = node->kind};
        if (node->kind == LOGIC_BOOL) {
            ret->truth = node->number != 0;
        } else {
            ret->number = node->number;
        }
    }
    return ST_OK;
}

static enum st eval_not(struct run *run, const struct logic_node *node,
                        const struct logic_value *scope, struct logic_value *ret)
{
    struct logic_value value;
    enum st st = eval(run, node->first, scope, &value);
    if (st == ST_OK) {
        *ret = logic_bool(logic_is_truthy(&value) == (node->op == OP_TRUTH));
    }
    return st;
}

/* Recursion is bounded: logic_load() refuses more than LOGIC_DEPTH_MAX. */
static enum st eval(struct run *run, uint16_t at, const struct logic_value *scope,
                    struct logic_value *ret)
{
    const struct logic_node *node = node_at(run, at);
    run->work += 1;
    if (run->work > LOGIC_WORK_MAX) {
        return ST_FULL;
    }
    switch ((enum logic_op)node->op) {
    case OP_LITERAL:
        return eval_literal(run, node, ret);
    case OP_FACT:
        *ret = slot_of(scope, node->index);
        return ret->kind == LOGIC_ABSENT ? or_default(run, node->first, scope, ret) : ST_OK;
    case OP_SCOPE:
        *ret = *scope;
        return ret->kind == LOGIC_ABSENT ? or_default(run, 0, scope, ret) : ST_OK;
    case OP_FACT_AT:
        return eval_fact_at(run, node, scope, ret);
    case OP_LIST:
        return eval_list(run, node, scope, ret);
    case OP_MISSING:
        return eval_missing(run, node, scope, ret);
    case OP_MISSING_SOME:
        return eval_missing_some(run, node, scope, ret);
    case OP_IF:
        return eval_if(run, node, scope, ret);
    case OP_AND:
    case OP_OR:
        return eval_and_or(run, node, scope, ret);
    case OP_NOT:
    case OP_TRUTH:
        return eval_not(run, node, scope, ret);
    case OP_EQUAL:
    case OP_SAME:
    case OP_NOT_EQUAL:
    case OP_NOT_SAME:
        return eval_equal(run, node, scope, ret);
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return eval_order(run, node, scope, ret);
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_REMAINDER:
    case OP_MAX:
    case OP_MIN:
        return eval_sum(run, node, scope, ret);
    case OP_IN:
        return eval_in(run, node, scope, ret);
    case OP_MERGE:
        return eval_merge(run, node, scope, ret);
    case OP_ALL:
    case OP_SOME:
    case OP_NO:
        return eval_each(run, node, scope, ret);
    case OP_SUBSTR:
        return eval_substr(run, node, scope, ret);
    case OP_NONE:
        break;
    }
    assert(false);
    return ST_REFUSED;
}

enum st logic_compute(const struct logic_pool *pool, uint16_t root, const struct logic_value *scope,
                      struct logic_scratch *scratch, struct logic_value *ret)
{
    assert(root >= 1 && root < pool->node_count);
    scratch->used = 0;
    struct run run = {.pool = pool, .scratch = scratch};
    struct logic_value value;
    enum st st = eval(&run, root, scope, &value);
    if (st == ST_OK) {
        *ret = value;
    }
    return st;
}

enum st logic_eval(const struct logic_pool *pool, uint16_t root, const struct logic_value *facts,
                   size_t fact_count, bool *ret)
{
    struct logic_scratch scratch;
    struct logic_value scope = logic_record(facts, fact_count);
    struct logic_value value;
    enum st st = logic_compute(pool, root, &scope, &scratch, &value);
    if (st == ST_OK) {
        *ret = logic_is_truthy(&value);
    }
    return st;
}
