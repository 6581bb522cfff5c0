#include "sync/wire_numbers.h"

#include <assert.h>

#include "sync/wire_priv.h"

/* "numbers": {NAME: a, OTHER: b}. */
static bool put_pair(json_t *object, const char *name, uint64_t a, const char *other, uint64_t b)
{
    assert(a <= WIRE_CARD_PAYLOAD_MAX && b <= WIRE_CARD_PAYLOAD_MAX);
    return json_object_set_new(
               object, "numbers",
               json_pack("{s:I, s:I}", name, (json_int_t)a, other, (json_int_t)b)) == 0;
}

bool wire_numbers_have_put(json_t *have, const struct wire_numbers_have *numbers)
{
    return !numbers->is_there || put_pair(have, "left", numbers->left, "last", numbers->last);
}

bool wire_numbers_put(json_t *answer, const struct wire_numbers *numbers)
{
    assert(!numbers->is_there || (numbers->first >= 1 && numbers->first <= numbers->last));
    return !numbers->is_there || put_pair(answer, "first", numbers->first, "last", numbers->last);
}

static enum st get_pair(const json_t *object, const char *name, int64_t name_min, uint64_t *ret_a,
                        const char *other, uint64_t *ret_b, bool *ret_is_there, struct fault *fault)
{
    const json_t *numbers = NULL;
    int64_t a = 0, b = 0;
    *ret_is_there = json_object_get(object, "numbers") != NULL;
    if (!*ret_is_there) {
        return ST_OK;
    }
    enum st st = wire_read_object(object, "numbers", &numbers, fault);
    if (st == ST_OK) {
        st = wire_read_integer(numbers, name, name_min, (int64_t)WIRE_CARD_PAYLOAD_MAX, &a, fault);
    }
    if (st == ST_OK) {
        st = wire_read_integer(numbers, other, name_min, (int64_t)WIRE_CARD_PAYLOAD_MAX, &b, fault);
    }
    *ret_a = (uint64_t)a;
    *ret_b = (uint64_t)b;
    return st;
}

enum st wire_numbers_have_get(const json_t *have, struct wire_numbers_have *ret,
                              struct fault *fault)
{
    *ret = (struct wire_numbers_have){.left = 0};
    return get_pair(have, "left", 0, &ret->left, "last", &ret->last, &ret->is_there, fault);
}

enum st wire_numbers_get(const json_t *answer, struct wire_numbers *ret, struct fault *fault)
{
    *ret = (struct wire_numbers){.first = 0};
    const enum st st =
        get_pair(answer, "first", 1, &ret->first, "last", &ret->last, &ret->is_there, fault);
    if (st == ST_OK && ret->first > ret->last) {
        fault_say(fault, "\"numbers\" must have a \"first\" that is not above its \"last\".");
        return ST_FOREIGN;
    }
    return st;
}
