#include "sync/wire_links.h"

#include <assert.h>
#include <string.h>

#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"

/* A link travels as base64 of 25 bytes: medium, card number in little-endian order. */
enum { LINK_BYTES = WIRE_MEDIUM_BYTES + 8, LINK_TEXT = (LINK_BYTES + 2) / 3 * 4 };

bool wire_links_have_put(json_t *have, const struct wire_links_have *links)
{
    char mark[2 * WIRE_LINK_MARK_BYTES + 1];
    if (!links->is_there) {
        return true;
    }
    assert(links->no <= INT32_MAX);
    hex_encode(links->mark, sizeof links->mark, mark);
    return json_object_set_new(
               have, "links", json_pack("{s:I, s:s}", "no", (json_int_t)links->no, "mark", mark)) ==
           0;
}

bool wire_links_put(json_t *answer, const struct wire_links *links)
{
    if (!links->is_there) {
        return true;
    }
    assert(links->from <= INT32_MAX && links->count <= WIRE_LINKS_MAX);
    json_t *list = json_array();
    for (uint32_t i = 0; i < links->count; i += 1) {
        uint8_t bytes[LINK_BYTES];
        char text[LINK_TEXT];
        memcpy(bytes, links->list[i].medium, WIRE_MEDIUM_BYTES);
        put_le64(bytes + WIRE_MEDIUM_BYTES, links->list[i].card_number);
        wire_base64_encode(bytes, sizeof bytes, text);
        if (json_array_append_new(list, json_stringn(text, sizeof text)) != 0) {
            json_decref(list);
            return false;
        }
    }
    return json_object_set_new(
               answer, "links",
               json_pack("{s:I, s:o}", "from", (json_int_t)links->from, "list", list)) == 0;
}

static bool get_number(const json_t *object, const char *name, uint32_t *ret)
{
    const json_t *value = json_object_get(object, name);
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > INT32_MAX) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

enum st wire_links_have_get(const json_t *have, struct wire_links_have *ret, struct fault *fault)
{
    const json_t *links = json_object_get(have, "links");
    const json_t *mark = json_object_get(links, "mark");
    *ret = (struct wire_links_have){.is_there = links != NULL};
    if (links == NULL) {
        return ST_OK;
    }
    if (!json_is_object(links) || !get_number(links, "no", &ret->no) || !json_is_string(mark) ||
        hex_decode(json_string_value(mark), ret->mark, sizeof ret->mark) != ST_OK) {
        fault_say(fault, "\"links\" must have \"no\", 0 to %d, and \"mark\", %d digits.", INT32_MAX,
                  2 * WIRE_LINK_MARK_BYTES);
        return ST_FOREIGN;
    }
    return ST_OK;
}

static bool get_link(const json_t *value, struct wire_link *ret)
{
    uint8_t bytes[LINK_BYTES];
    size_t size = 0;
    if (!json_is_string(value) ||
        wire_base64_decode(json_string_value(value), json_string_length(value), bytes, sizeof bytes,
                           &size) != ST_OK ||
        size != sizeof bytes) {
        return false;
    }
    memcpy(ret->medium, bytes, WIRE_MEDIUM_BYTES);
    ret->card_number = get_le64(bytes + WIRE_MEDIUM_BYTES);
    return ret->medium[0] < 16 && card_number_is_valid(ret->card_number);
}

enum st wire_links_get(const json_t *answer, struct wire_links *ret, struct fault *fault)
{
    const json_t *links = json_object_get(answer, "links");
    const json_t *list = json_object_get(links, "list");
    const size_t count = json_array_size(list);
    *ret = (struct wire_links){.is_there = links != NULL, .count = (uint32_t)count};
    if (links == NULL) {
        return ST_OK;
    }
    bool is_good = json_is_object(links) && get_number(links, "from", &ret->from) &&
                   json_is_array(list) && count <= WIRE_LINKS_MAX &&
                   ret->from <= INT32_MAX - WIRE_LINKS_MAX;
    for (size_t i = 0; i < count && is_good; i += 1) {
        is_good = get_link(json_array_get(list, i), &ret->list[i]);
    }
    if (!is_good) {
        fault_say(fault, "\"links\" must have \"from\" and \"list\", at most %d links.",
                  WIRE_LINKS_MAX);
        return ST_FOREIGN;
    }
    return ST_OK;
}
