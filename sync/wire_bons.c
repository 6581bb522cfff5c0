#include "sync/wire_bons.h"

#include <assert.h>

#include "firmware/engine/bon.h"
#include "firmware/engine/snapshot.h"

/* A change travels as [series, serial, 1 used or 0 given back, terminal, sequence]. */
enum { NUMBERS = 5 };

static json_t *bon_json(const struct wire_bon *bon)
{
    return json_pack("[I, I, i, I, I]", (json_int_t)bon->series, (json_int_t)bon->serial,
                     bon->is_used ? 1 : 0, (json_int_t)bon->terminal, (json_int_t)bon->sequence);
}

bool wire_bons_have_put(json_t *have, const struct wire_bons_have *bons)
{
    if (!bons->is_there) {
        return true;
    }
    assert(bons->no <= INT32_MAX);
    json_t *object = json_pack("{s:I}", "no", (json_int_t)bons->no);
    const bool is_good =
        object != NULL &&
        (bons->no == 0 || json_object_set_new(object, "last", bon_json(&bons->last)) == 0);
    if (!is_good) {
        json_decref(object);
        return false;
    }
    return json_object_set_new(have, "bons", object) == 0;
}

bool wire_bons_put(json_t *answer, const struct wire_bons *bons)
{
    if (!bons->is_there) {
        return true;
    }
    assert(bons->from <= INT32_MAX && bons->count <= WIRE_BONS_MAX);
    json_t *list = json_array();
    for (uint32_t i = 0; i < bons->count; i += 1) {
        if (json_array_append_new(list, bon_json(&bons->list[i])) != 0) {
            json_decref(list);
            return false;
        }
    }
    return json_object_set_new(
               answer, "bons",
               json_pack("{s:I, s:o}", "from", (json_int_t)bons->from, "list", list)) == 0;
}

static bool get_number(const json_t *value, json_int_t min, json_int_t max, uint32_t *ret)
{
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < min || number > max) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

static bool get_bon(const json_t *value, struct wire_bon *ret)
{
    uint32_t used = 0;
    if (!json_is_array(value) || json_array_size(value) != NUMBERS ||
        !get_number(json_array_get(value, 0), 1, BON_NUMBER_MAX, &ret->series) ||
        !get_number(json_array_get(value, 1), 1, BON_NUMBER_MAX, &ret->serial) ||
        !get_number(json_array_get(value, 2), 0, 1, &used) ||
        !get_number(json_array_get(value, 3), 1, SNAPSHOT_TERMINAL_MAX, &ret->terminal) ||
        !get_number(json_array_get(value, 4), 1, SNAPSHOT_SEQUENCE_MAX, &ret->sequence)) {
        return false;
    }
    ret->is_used = used == 1;
    return true;
}

enum st wire_bons_have_get(const json_t *have, struct wire_bons_have *ret, struct fault *fault)
{
    const json_t *bons = json_object_get(have, "bons");
    *ret = (struct wire_bons_have){.is_there = bons != NULL};
    if (bons == NULL) {
        return ST_OK;
    }
    if (!json_is_object(bons) || !get_number(json_object_get(bons, "no"), 0, INT32_MAX, &ret->no) ||
        (ret->no > 0 && !get_bon(json_object_get(bons, "last"), &ret->last))) {
        fault_say(fault, "\"bons\" must have \"no\", 0 to %d, and \"last\", five numbers.",
                  INT32_MAX);
        return ST_FOREIGN;
    }
    return ST_OK;
}

enum st wire_bons_get(const json_t *answer, struct wire_bons *ret, struct fault *fault)
{
    const json_t *bons = json_object_get(answer, "bons");
    const json_t *list = json_object_get(bons, "list");
    const size_t count = json_array_size(list);
    *ret = (struct wire_bons){.is_there = bons != NULL, .count = (uint32_t)count};
    if (bons == NULL) {
        return ST_OK;
    }
    bool is_good =
        json_is_array(list) && count <= WIRE_BONS_MAX &&
        get_number(json_object_get(bons, "from"), 0, INT32_MAX - WIRE_BONS_MAX, &ret->from);
    for (size_t i = 0; i < count && is_good; i += 1) {
        is_good = get_bon(json_array_get(list, i), &ret->list[i]);
    }
    if (!is_good) {
        fault_say(fault, "\"bons\" must have \"from\" and \"list\", at most %d changes.",
                  WIRE_BONS_MAX);
        return ST_FOREIGN;
    }
    return ST_OK;
}
