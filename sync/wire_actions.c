#include "sync/wire_actions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"
#include "sync/wire_priv.h"

/* An item is what (1 or 2), card number (8) and number (2), both little-endian; of an action also
 * its image and seal. They stand one behind the other; docs/sync.md. */
enum {
    WHAT_ACTION = 1,
    WHAT_PAST = 2,
    HEAD_BYTES = 1 + 8 + 2,
    ITEM_BYTES = HEAD_BYTES + ACTION_BYTES + ACTION_SEAL_BYTES,
    BYTES_MAX = ITEM_BYTES * WIRE_ACTIONS_MAX,
    TEXT_MAX = (BYTES_MAX + 2) / 3 * 4,
    MARK_DIGITS = 2 * WIRE_ACTION_MARK_BYTES,
    LAYOUT_MAX = 15, /* a snapshot has four bits for it */
};

/* --- how far a terminal has it -----------------------------------------------------------------
 */

static bool read_mark(const json_t *object, uint8_t ret[WIRE_ACTION_MARK_BYTES])
{
    const json_t *mark = json_object_get(object, "mark");
    return json_is_string(mark) &&
           hex_decode(json_string_value(mark), ret, WIRE_ACTION_MARK_BYTES) == ST_OK;
}

bool wire_actions_have_put(json_t *have, const struct wire_actions_have *actions)
{
    char mark[MARK_DIGITS + 1];
    if (!actions->is_there) {
        return true;
    }
    assert(actions->no <= INT32_MAX && actions->start <= INT32_MAX &&
           actions->layout <= LAYOUT_MAX);
    hex_encode(actions->mark, sizeof actions->mark, mark);
    json_t *object = json_pack("{s:I, s:s, s:I}", "no", (json_int_t)actions->no, "mark", mark,
                               "start", (json_int_t)actions->start);
    const bool is_told = actions->layout > SNAPSHOT_LAYOUT_FIRST;
    if (json_object_set_new(have, "actions", object) != 0) {
        return false;
    }
    return !is_told || json_object_set_new(object, "layout", json_integer(actions->layout)) == 0;
}

enum st wire_actions_have_get(const json_t *have, struct wire_actions_have *ret,
                              struct fault *fault)
{
    const json_t *actions = NULL;
    *ret = (struct wire_actions_have){.is_there = json_object_get(have, "actions") != NULL};
    if (!ret->is_there) {
        return ST_OK;
    }
    enum st st = wire_read_object(have, "actions", &actions, fault);
    if (st != ST_OK ||
        (st = wire_read_number(actions, "no", 0, INT32_MAX, &ret->no, fault)) != ST_OK ||
        (st = wire_read_number(actions, "start", 0, INT32_MAX, &ret->start, fault)) != ST_OK) {
        return st;
    }
    uint32_t layout = SNAPSHOT_LAYOUT_FIRST;
    if (json_object_get(actions, "layout") != NULL &&
        (st = wire_read_number(actions, "layout", 1, LAYOUT_MAX, &layout, fault)) != ST_OK) {
        return st;
    }
    ret->layout = (uint8_t)layout;
    if (!read_mark(actions, ret->mark)) {
        fault_say(fault, "\"mark\" of \"actions\" must have %d digits.", MARK_DIGITS);
        return ST_FOREIGN;
    }
    return ST_OK;
}

/* --- items --------------------------------------------------------------------------------------
 */

static size_t pack_items(const struct wire_action *list, uint32_t count, uint8_t *ret_bytes)
{
    uint8_t *at = ret_bytes;
    for (uint32_t i = 0; i < count; i += 1) {
        at[0] = list[i].is_past ? WHAT_PAST : WHAT_ACTION;
        put_le64(at + 1, list[i].card_number);
        put_le16(at + 9, list[i].number);
        at += HEAD_BYTES;
        if (!list[i].is_past) {
            memcpy(at, list[i].image, ACTION_BYTES);
            memcpy(at + ACTION_BYTES, list[i].seal, ACTION_SEAL_BYTES);
            at += ACTION_BYTES + ACTION_SEAL_BYTES;
        }
    }
    return (size_t)(at - ret_bytes);
}

/* False: not what pack_items() writes. What is in an image is the tap's to judge. */
static bool unpack_items(const uint8_t *bytes, size_t size, struct wire_action *ret_list,
                         uint32_t *ret_count)
{
    uint32_t count = 0;
    for (size_t at = 0; at < size; count += 1) {
        if (count == WIRE_ACTIONS_MAX || size - at < HEAD_BYTES ||
            (bytes[at] != WHAT_ACTION && bytes[at] != WHAT_PAST) ||
            (bytes[at] == WHAT_ACTION && size - at < ITEM_BYTES)) {
            return false;
        }
        struct wire_action *item = &ret_list[count];
        *item = (struct wire_action){.is_past = bytes[at] == WHAT_PAST,
                                     .card_number = get_le64(bytes + at + 1),
                                     .number = get_le16(bytes + at + 9)};
        at += HEAD_BYTES;
        if (!item->is_past) {
            memcpy(item->image, bytes + at, ACTION_BYTES);
            memcpy(item->seal, bytes + at + ACTION_BYTES, ACTION_SEAL_BYTES);
            at += ACTION_BYTES + ACTION_SEAL_BYTES;
        }
        if (!card_number_is_valid(item->card_number) || item->number < 1 ||
            item->number > SNAPSHOT_ACTION_MAX) {
            return false;
        }
    }
    *ret_count = count;
    return true;
}

bool wire_actions_put(json_t *answer, const struct wire_actions *actions)
{
    if (!actions->is_there) {
        return true;
    }
    assert(actions->from <= actions->to && actions->to <= INT32_MAX &&
           actions->start <= INT32_MAX && actions->count <= WIRE_ACTIONS_MAX);
    uint8_t *bytes = malloc(BYTES_MAX);
    char *text = malloc(TEXT_MAX);
    char mark[MARK_DIGITS + 1];
    bool is_done = false;
    if (bytes != NULL && text != NULL) {
        const size_t size = pack_items(actions->list, actions->count, bytes);
        wire_base64_encode(bytes, size, text);
        hex_encode(actions->mark, sizeof actions->mark, mark);
        json_t *object = json_pack("{s:I, s:I, s:s, s:I, s:s%}", "from", (json_int_t)actions->from,
                                   "to", (json_int_t)actions->to, "mark", mark, "start",
                                   (json_int_t)actions->start, "items", text, (size + 2) / 3 * 4);
        is_done = json_object_set_new(answer, "actions", object) == 0;
    }
    free(bytes);
    free(text);
    return is_done;
}

static enum st get_items(const json_t *actions, struct wire_actions *ret,
                         struct wire_action *ret_list, struct fault *fault)
{
    const json_t *value = json_object_get(actions, "items");
    uint8_t *bytes = malloc(BYTES_MAX);
    size_t size = 0;
    if (bytes == NULL) {
        fault_say(fault, "There is no memory left to read a body.");
        return ST_IO;
    }
    const bool is_good = json_is_string(value) &&
                         wire_base64_decode(json_string_value(value), json_string_length(value),
                                            bytes, BYTES_MAX, &size) == ST_OK &&
                         unpack_items(bytes, size, ret_list, &ret->count);
    free(bytes);
    if (!is_good) {
        fault_say(fault, "\"items\" of \"actions\" must be at most %d packed items.",
                  WIRE_ACTIONS_MAX);
        return ST_FOREIGN;
    }
    ret->list = ret_list;
    return ST_OK;
}

enum st wire_actions_get(const json_t *answer, struct wire_actions *ret,
                         struct wire_action *ret_list, struct fault *fault)
{
    const json_t *actions = NULL;
    *ret = (struct wire_actions){.is_there = json_object_get(answer, "actions") != NULL};
    if (!ret->is_there) {
        return ST_OK;
    }
    enum st st = wire_read_object(answer, "actions", &actions, fault);
    if (st != ST_OK ||
        (st = wire_read_number(actions, "from", 0, INT32_MAX, &ret->from, fault)) != ST_OK ||
        (st = wire_read_number(actions, "to", ret->from, INT32_MAX, &ret->to, fault)) != ST_OK ||
        (st = wire_read_number(actions, "start", 0, INT32_MAX, &ret->start, fault)) != ST_OK) {
        return st;
    }
    if (!read_mark(actions, ret->mark)) {
        fault_say(fault, "\"mark\" of \"actions\" must have %d digits.", MARK_DIGITS);
        return ST_FOREIGN;
    }
    return get_items(actions, ret, ret_list, fault);
}
