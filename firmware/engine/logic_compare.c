#include "firmware/engine/logic_compare.h"

#include <assert.h>
#include <string.h>

bool logic_is_null(const struct logic_value *value)
{
    return value->kind == LOGIC_ABSENT || value->kind == LOGIC_NULL;
}

static bool strings_are_equal(const struct logic_value *a, const struct logic_value *b)
{
    if (a->id != 0 && b->id != 0) {
        return a->id == b->id;
    }
    return a->count == b->count && memcmp(a->text, b->text, a->count) == 0;
}

enum st logic_is_same(const struct logic_value *a, const struct logic_value *b, bool *ret)
{
    if (logic_is_null(a) || logic_is_null(b)) {
        *ret = logic_is_null(a) && logic_is_null(b);
    } else if (a->kind != b->kind) {
        *ret = false;
    } else if (a->kind == LOGIC_NUMBER) {
        *ret = a->number == b->number;
    } else if (a->kind == LOGIC_STRING) {
        *ret = strings_are_equal(a, b);
    } else if (a->kind == LOGIC_BOOL) {
        *ret = a->truth == b->truth;
    } else {
        return ST_REFUSED;
    }
    return ST_OK;
}

enum logic_read logic_number_of(const struct logic_value *value, int64_t *ret)
{
    switch ((enum logic_kind)value->kind) {
    case LOGIC_ABSENT:
    case LOGIC_NULL:
        *ret = 0;
        return LOGIC_READ_OK;
    case LOGIC_BOOL:
        *ret = value->truth ? LOGIC_ONE : 0;
        return LOGIC_READ_OK;
    case LOGIC_NUMBER:
        *ret = value->number;
        return LOGIC_READ_OK;
    case LOGIC_STRING:
        return logic_read(value->text, value->count, false, ret);
    case LOGIC_LIST:
    case LOGIC_RECORD:
        return LOGIC_READ_INEXACT;
    }
    assert(false);
    return LOGIC_READ_INEXACT;
}

/* Both as numbers. *ret_none: one of them is none. */
static enum st numbers_of(const struct logic_value *a, const struct logic_value *b, int64_t *ret_a,
                          int64_t *ret_b, bool *ret_none)
{
    enum logic_read read_a = logic_number_of(a, ret_a);
    enum logic_read read_b = logic_number_of(b, ret_b);
    if (read_a == LOGIC_READ_INEXACT || read_b == LOGIC_READ_INEXACT) {
        return ST_REFUSED;
    }
    *ret_none = read_a == LOGIC_READ_NONE || read_b == LOGIC_READ_NONE;
    return ST_OK;
}

enum st logic_is_equal(const struct logic_value *a, const struct logic_value *b, bool *ret)
{
    if (a->kind == b->kind || logic_is_null(a) || logic_is_null(b)) {
        return logic_is_same(a, b, ret);
    }
    int64_t x = 0;
    int64_t y = 0;
    bool none;
    enum st st = numbers_of(a, b, &x, &y, &none);
    if (st == ST_OK) {
        *ret = !none && x == y;
    }
    return st;
}

static int compare_texts(const struct logic_value *a, const struct logic_value *b)
{
    int order = memcmp(a->text, b->text, a->count < b->count ? a->count : b->count);
    return order != 0 ? order : (a->count > b->count) - (a->count < b->count);
}

enum st logic_is_ordered(enum logic_op op, const struct logic_value *a, const struct logic_value *b,
                         bool *ret)
{
    int64_t x = 0;
    int64_t y = 0;
    bool none = false;
    if (a->kind == LOGIC_NUMBER && b->kind == LOGIC_NUMBER) {
        x = a->number;
        y = b->number;
    } else if (a->kind == LOGIC_STRING && b->kind == LOGIC_STRING) {
        x = compare_texts(a, b);
    } else {
        enum st st = numbers_of(a, b, &x, &y, &none);
        if (st != ST_OK) {
            return st;
        }
    }
    *ret = !none && (op == OP_LESS         ? x < y
                     : op == OP_LESS_EQUAL ? x <= y
                     : op == OP_GREATER    ? x > y
                                           : x >= y);
    return ST_OK;
}
