#include <stdlib.h>
#include <string.h>

#include "firmware/engine/snapshot.h"
#include "sync/wire_priv.h"

/* A card of a list is the distance of its payload (the number without its Luhn digit) from the one
 * before it, times 16, plus the reason, as a base-128 number: low digits first, bit 7 = more
 * follow. Two or three bytes a card instead of nineteen as text; docs/sync.md. */
enum {
    REASON_BITS = 4,
    BYTES_MAX = 8 * WIRE_CHANGES_MAX, /* a payload has 50 bits, the reason 4: eight digits */
    TEXT_MAX = (BYTES_MAX + 2) / 3 * 4,
};
_Static_assert(LISTING_MAX < 1 << REASON_BITS, "a reason fits");

static size_t pack_changes(const struct listing_change *changes, size_t count, uint64_t after,
                           uint8_t *ret_bytes)
{
    size_t size = 0;
    uint64_t before = after / 10;
    for (size_t n = 0; n < count; n++) {
        const uint64_t payload = changes[n].card / 10;
        assert(card_number_is_valid(changes[n].card) && payload > before);
        assert(changes[n].listing <= LISTING_MAX);
        uint64_t value = (payload - before) << REASON_BITS | changes[n].listing;
        for (; value >= 128; value >>= 7) {
            ret_bytes[size++] = (uint8_t)(value | 128);
        }
        ret_bytes[size++] = (uint8_t)value;
        before = payload;
    }
    return size;
}

/* False: not what pack_changes() writes. */
static bool unpack_changes(const uint8_t *bytes, size_t size, uint64_t after, bool may_remove,
                           struct listing_change *ret_changes, uint32_t *ret_count)
{
    uint64_t payload = after / 10;
    uint32_t count = 0;
    for (size_t at = 0; at < size; count++) {
        uint64_t value = 0;
        unsigned shift = 0;
        do {
            if (at == size || shift == 56) {
                return false;
            }
            value |= (uint64_t)(bytes[at] & 127) << shift;
            shift += 7;
        } while ((bytes[at++] & 128) != 0);
        const bool is_shortest = bytes[at - 1] != 0;
        const uint8_t listing = (uint8_t)(value & LISTING_MAX);
        payload += value >> REASON_BITS; /* below 2^52 each, and refused above 2^50: cannot wrap */
        if (!is_shortest || value >> REASON_BITS == 0 || count == WIRE_CHANGES_MAX ||
            payload < CARD_PAYLOAD_MIN || payload > CARD_PAYLOAD_MAX ||
            (listing == LISTING_NONE && !may_remove)) {
            return false;
        }
        ret_changes[count] = (struct listing_change){card_number_make(payload), listing};
    }
    *ret_count = count;
    return true;
}

/* --- what a terminal has -----------------------------------------------------------------------
 */

json_t *wire_list_have_pack(const struct wire_list_have *have)
{
    json_t *object = json_pack("{s:I, s:I}", "version", (json_int_t)have->version, "mark",
                               (json_int_t)have->mark);
    if (object != NULL && have->has_next &&
        json_object_set_new(object, "next",
                            json_pack("{s:I, s:I, s:I}", "version", (json_int_t)have->next_version,
                                      "mark", (json_int_t)have->next_mark, "after",
                                      (json_int_t)(have->next_after / 10))) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* The place in a snapshot: the payload of the last card that has come. */
static enum st read_after(const json_t *object, uint64_t *ret, struct fault *fault)
{
    int64_t after = 0;
    enum st st = wire_read_integer(object, "after", 0, (int64_t)CARD_PAYLOAD_MAX, &after, fault);
    if (st == ST_OK && after != 0 && after < (int64_t)CARD_PAYLOAD_MIN) {
        fault_say(fault, "\"after\" must be 0 or a card number without its last digit.");
        st = ST_FOREIGN;
    }
    if (st == ST_OK) {
        *ret = after == 0 ? 0 : card_number_make((uint64_t)after);
    }
    return st;
}

enum st wire_list_have_read(const json_t *parent, bool *ret_has, struct wire_list_have *ret,
                            struct fault *fault)
{
    const json_t *object = NULL, *next = NULL;
    *ret = (struct wire_list_have){0};
    *ret_has = json_object_get(parent, "hotlist") != NULL;
    if (!*ret_has) {
        return ST_OK;
    }
    enum st st = wire_read_object(parent, "hotlist", &object, fault);
    if (st != ST_OK ||
        (st = wire_read_number(object, "version", 0, UINT32_MAX, &ret->version, fault)) != ST_OK ||
        (st = wire_read_integer(object, "mark", 0, LISTING_MARK_MAX, &ret->mark, fault)) != ST_OK ||
        json_object_get(object, "next") == NULL) {
        return st;
    }
    ret->has_next = true;
    if ((st = wire_read_object(object, "next", &next, fault)) != ST_OK ||
        (st = wire_read_number(next, "version", 1, UINT32_MAX, &ret->next_version, fault)) !=
            ST_OK ||
        (st = wire_read_integer(next, "mark", 0, LISTING_MARK_MAX, &ret->next_mark, fault)) !=
            ST_OK) {
        return st;
    }
    return read_after(next, &ret->next_after, fault);
}

/* --- news ---------------------------------------------------------------------------------------
 */

json_t *wire_list_pack(const struct wire_list *list)
{
    assert(list->count <= WIRE_CHANGES_MAX && list->to_mark <= LISTING_MARK_MAX);
    uint8_t *bytes = malloc(BYTES_MAX);
    char *text = malloc(TEXT_MAX);
    json_t *object = NULL;
    if (bytes != NULL && text != NULL) {
        const size_t size =
            pack_changes(list->changes, list->count, list->is_piece ? list->after : 0, bytes);
        wire_base64_encode(bytes, size, text);
        const size_t text_size = (size + 2) / 3 * 4;
        object =
            list->is_piece
                ? json_pack("{s:I, s:I, s:I, s:b, s:s%}", "version", (json_int_t)list->to, "mark",
                            (json_int_t)list->to_mark, "after", (json_int_t)(list->after / 10),
                            "last", (int)list->is_last, "cards", text, text_size)
                : json_pack("{s:I, s:I, s:I, s:I, s:b, s:s%}", "from", (json_int_t)list->from,
                            "from_mark", (json_int_t)list->from_mark, "to", (json_int_t)list->to,
                            "to_mark", (json_int_t)list->to_mark, "newest", (int)list->is_newest,
                            "changes", text, text_size);
    }
    free(bytes);
    free(text);
    return object;
}

static enum st read_bool(const json_t *object, const char *name, bool *ret, struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_boolean(value)) {
        fault_say(fault, "\"%s\" must be true or false.", name);
        return ST_FOREIGN;
    }
    *ret = json_is_true(value);
    return ST_OK;
}

static enum st read_changes(const json_t *object, const char *name, struct wire_list *ret,
                            struct listing_change *ret_changes, struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    uint8_t *bytes = malloc(BYTES_MAX);
    size_t size = 0;
    if (bytes == NULL) {
        fault_say(fault, "There is no memory left to read a body.");
        return ST_IO;
    }
    const bool is_good =
        json_is_string(value) &&
        wire_base64_decode(json_string_value(value), json_string_length(value), bytes, BYTES_MAX,
                           &size) == ST_OK &&
        unpack_changes(bytes, size, ret->after, !ret->is_piece, ret_changes, &ret->count);
    free(bytes);
    if (!is_good) {
        fault_say(fault, "\"%s\" must be at most %d packed cards, ascending.", name,
                  WIRE_CHANGES_MAX);
        return ST_FOREIGN;
    }
    ret->changes = ret_changes;
    return ST_OK;
}

static enum st read_piece(const json_t *object, struct wire_list *ret,
                          struct listing_change *ret_changes, struct fault *fault)
{
    ret->is_piece = true;
    enum st st = ST_OK;
    if ((st = wire_read_number(object, "version", 0, UINT32_MAX, &ret->to, fault)) != ST_OK ||
        (st = wire_read_integer(object, "mark", 0, LISTING_MARK_MAX, &ret->to_mark, fault)) !=
            ST_OK ||
        (st = read_after(object, &ret->after, fault)) != ST_OK ||
        (st = read_bool(object, "last", &ret->is_last, fault)) != ST_OK ||
        (st = read_changes(object, "cards", ret, ret_changes, fault)) != ST_OK) {
        return st;
    }
    if (ret->to == 0 && (!ret->is_last || ret->count > 0 || ret->after > 0)) {
        fault_say(fault, "A hotlist of \"version\" 0 has no cards.");
        return ST_FOREIGN;
    }
    return ST_OK;
}

static enum st read_delta(const json_t *object, struct wire_list *ret,
                          struct listing_change *ret_changes, struct fault *fault)
{
    enum st st = ST_OK;
    if ((st = wire_read_number(object, "from", 0, UINT32_MAX, &ret->from, fault)) != ST_OK ||
        (st = wire_read_integer(object, "from_mark", 0, LISTING_MARK_MAX, &ret->from_mark,
                                fault)) != ST_OK ||
        (st = wire_read_number(object, "to", ret->from, UINT32_MAX, &ret->to, fault)) != ST_OK ||
        (st = wire_read_integer(object, "to_mark", 0, LISTING_MARK_MAX, &ret->to_mark, fault)) !=
            ST_OK ||
        (st = read_bool(object, "newest", &ret->is_newest, fault)) != ST_OK ||
        (st = read_changes(object, "changes", ret, ret_changes, fault)) != ST_OK) {
        return st;
    }
    if (ret->to == ret->from && (ret->count > 0 || ret->to_mark != ret->from_mark)) {
        fault_say(fault, "\"changes\" without a new version make no sense.");
        return ST_FOREIGN;
    }
    return ST_OK;
}

enum st wire_list_read(const json_t *parent, bool *ret_has, struct wire_list *ret,
                       struct listing_change *ret_changes, struct fault *fault)
{
    const json_t *object = NULL;
    *ret = (struct wire_list){0};
    *ret_has = json_object_get(parent, "hotlist") != NULL;
    if (!*ret_has) {
        return ST_OK;
    }
    enum st st = wire_read_object(parent, "hotlist", &object, fault);
    if (st != ST_OK) {
        return st;
    }
    return json_object_get(object, "cards") != NULL ? read_piece(object, ret, ret_changes, fault)
                                                    : read_delta(object, ret, ret_changes, fault);
}
