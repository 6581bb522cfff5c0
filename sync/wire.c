#include "sync/wire.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "sync/wire_actions.h"
#include "sync/wire_bons.h"
#include "sync/wire_device.h"
#include "sync/wire_links.h"
#include "sync/wire_lost.h"
#include "sync/wire_mandate.h"
#include "sync/wire_numbers.h"
#include "sync/wire_priv.h"

/* --- reading JSON ----------------------------------------------------------------------------- */

enum st wire_load(const char *text, size_t size, size_t max, json_t **ret, struct fault *fault)
{
    if (size > max) {
        fault_say(fault, "The body has %zu bytes; %zu are allowed.", size, max);
        return ST_FULL;
    }
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        if (json_error_code(&error) == json_error_out_of_memory) {
            fault_say(fault, "There is no memory left to read a body.");
            return ST_IO;
        }
        fault_say(fault, "The body is not JSON: line %d: %s.", error.line, error.text);
        return ST_FOREIGN;
    }
    const json_t *version = json_object_get(root, "v"); /* NULL when it is not an object */
    if (!json_is_integer(version) || json_integer_value(version) != WIRE_VERSION) {
        fault_say(fault, "The body is not an object with \"v\": %d.", WIRE_VERSION);
        json_decref(root);
        return ST_FOREIGN;
    }
    *ret = root;
    return ST_OK;
}

enum st wire_read_integer(const json_t *object, const char *name, int64_t min, int64_t max,
                          int64_t *ret, struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        fault_say(fault, "\"%s\" must be a whole number from %lld to %lld.", name, (long long)min,
                  (long long)max);
        return ST_FOREIGN;
    }
    *ret = json_integer_value(value);
    return ST_OK;
}

enum st wire_read_number(const json_t *object, const char *name, uint32_t min, uint32_t max,
                         uint32_t *ret, struct fault *fault)
{
    int64_t value = 0;
    enum st st = wire_read_integer(object, name, min, max, &value, fault);
    if (st == ST_OK) {
        *ret = (uint32_t)value;
    }
    return st;
}

/* jansson refuses \u0000, so the text has no NUL inside. */
enum st wire_read_text(const json_t *object, const char *name, size_t min, size_t max, char *ret,
                       struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    size_t size = json_string_length(value); /* 0 when it is not a text */
    if (!json_is_string(value) || size < min || size > max) {
        fault_say(fault, "\"%s\" must be a text of %zu to %zu bytes.", name, min, max);
        return ST_FOREIGN;
    }
    memcpy(ret, json_string_value(value), size + 1);
    return ST_OK;
}

enum st wire_read_object(const json_t *object, const char *name, const json_t **ret,
                         struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_object(value)) {
        fault_say(fault, "\"%s\" must be an object.", name);
        return ST_FOREIGN;
    }
    *ret = value;
    return ST_OK;
}

/* --- writing JSON ----------------------------------------------------------------------------- */

enum st wire_dump(json_t *root, char *ret_text, size_t max, size_t *ret_size)
{
    if (root == NULL) {
        return ST_IO;
    }
    size_t size = json_dumpb(root, ret_text, max, JSON_COMPACT);
    json_decref(root);
    if (size == 0) {
        return ST_IO;
    }
    if (size > max) {
        return ST_FULL;
    }
    *ret_size = size;
    return ST_OK;
}

/* --- enrolment -------------------------------------------------------------------------------- */

enum st wire_enrol_encode(const struct wire_enrol *enrol, char *ret_text, size_t max,
                          size_t *ret_size)
{
    assert(enrol->code[0] != '\0' && enrol->csr[0] != '\0');
    return wire_dump(json_pack("{s:i, s:s, s:s, s:s}", "v", WIRE_VERSION, "code", enrol->code,
                               "csr", enrol->csr, "board", enrol->board),
                     ret_text, max, ret_size);
}

enum st wire_enrol_decode(const char *text, size_t size, struct wire_enrol *ret,
                          struct fault *fault)
{
    json_t *root = NULL;
    enum st st = wire_load(text, size, WIRE_REQUEST_MAX, &root, fault);
    if (st != ST_OK) {
        return st;
    }
    if ((st = wire_read_text(root, "code", 1, WIRE_CODE_MAX, ret->code, fault)) != ST_OK ||
        (st = wire_read_text(root, "csr", 1, WIRE_PEM_MAX, ret->csr, fault)) != ST_OK ||
        (st = wire_read_text(root, "board", 0, WIRE_BOARD_MAX, ret->board, fault)) != ST_OK) {
        goto out;
    }
out:
    json_decref(root);
    return st;
}

/* A number that need not be told: left out when it is 0. */
static bool put_told(json_t *root, const char *name, uint32_t number)
{
    return number == 0 || json_object_set_new(root, name, json_integer(number)) == 0;
}

enum st wire_enrol_answer_encode(const struct wire_enrol_answer *answer, char *ret_text, size_t max,
                                 size_t *ret_size)
{
    if (!answer->is_approved) {
        return wire_dump(json_pack("{s:i, s:s}", "v", WIRE_VERSION, "state", "pending"), ret_text,
                         max, ret_size);
    }
    assert(answer->terminal >= 1 && answer->terminal <= WIRE_TERMINAL_MAX);
    assert(answer->cards_first >= 1 && answer->cards_first <= answer->cards_last);
    assert(answer->cards_last <= WIRE_CARD_PAYLOAD_MAX);
    json_t *root =
        (json_pack("{s:i, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:{s:I, s:I}}", "v", WIRE_VERSION,
                   "state", "approved", "terminal", (json_int_t)answer->terminal, "merchant",
                   answer->merchant, "branch", answer->branch, "certificate", answer->certificate,
                   "ca", answer->ca, "programme_key", answer->programme_key, "cards", "first",
                   (json_int_t)answer->cards_first, "last", (json_int_t)answer->cards_last));
    if ((answer->member_key[0] != '\0' &&
         json_object_set_new(root, "member_key", json_string(answer->member_key)) != 0) ||
        !put_told(root, "merchant_no", answer->merchant_no) ||
        !put_told(root, "branch_no", answer->branch_no)) {
        json_decref(root);
        return ST_IO;
    }
    return wire_dump(root, ret_text, max, ret_size);
}

static enum st read_cards(const json_t *root, struct wire_enrol_answer *ret, struct fault *fault)
{
    const json_t *cards = NULL;
    int64_t first = 0;
    int64_t last = 0;
    enum st st = wire_read_object(root, "cards", &cards, fault);
    if (st != ST_OK ||
        (st = wire_read_integer(cards, "first", 1, (int64_t)WIRE_CARD_PAYLOAD_MAX, &first,
                                fault)) != ST_OK ||
        (st = wire_read_integer(cards, "last", first, (int64_t)WIRE_CARD_PAYLOAD_MAX, &last,
                                fault)) != ST_OK) {
        return st;
    }
    ret->cards_first = (uint64_t)first;
    ret->cards_last = (uint64_t)last;
    return ST_OK;
}

enum st wire_enrol_answer_decode(const char *text, size_t size, struct wire_enrol_answer *ret,
                                 struct fault *fault)
{
    json_t *root = NULL;
    char state[16];
    enum st st = wire_load(text, size, WIRE_ANSWER_MAX, &root, fault);
    if (st != ST_OK) {
        return st;
    }
    *ret = (struct wire_enrol_answer){0};
    st = wire_read_text(root, "state", 1, sizeof state - 1, state, fault);
    if (st != ST_OK || strcmp(state, "pending") == 0) {
        goto out;
    }
    if (strcmp(state, "approved") != 0) {
        fault_say(fault, "\"state\" must be pending or approved.");
        st = ST_FOREIGN;
        goto out;
    }
    if ((st = wire_read_number(root, "terminal", 1, WIRE_TERMINAL_MAX, &ret->terminal, fault)) !=
            ST_OK ||
        (st = wire_read_text(root, "merchant", 0, WIRE_NAME_MAX, ret->merchant, fault)) != ST_OK ||
        (st = wire_read_text(root, "branch", 0, WIRE_NAME_MAX, ret->branch, fault)) != ST_OK ||
        (st = wire_read_text(root, "certificate", 1, WIRE_PEM_MAX, ret->certificate, fault)) !=
            ST_OK ||
        (st = wire_read_text(root, "ca", 1, WIRE_PEM_MAX, ret->ca, fault)) != ST_OK ||
        (st = wire_read_text(root, "programme_key", 1, WIRE_PEM_MAX, ret->programme_key, fault)) !=
            ST_OK ||
        (st = read_cards(root, ret, fault)) != ST_OK) {
        goto out;
    }
    if ((json_object_get(root, "member_key") != NULL &&
         (st = wire_read_text(root, "member_key", 1, WIRE_PEM_MAX, ret->member_key, fault)) !=
             ST_OK) ||
        (json_object_get(root, "merchant_no") != NULL &&
         (st = wire_read_number(root, "merchant_no", 1, INT32_MAX, &ret->merchant_no, fault)) !=
             ST_OK) ||
        (json_object_get(root, "branch_no") != NULL &&
         (st = wire_read_number(root, "branch_no", 1, INT32_MAX, &ret->branch_no, fault)) !=
             ST_OK)) {
        goto out;
    }
    ret->is_approved = true;
out:
    json_decref(root);
    return st;
}

/* --- sync: the request ------------------------------------------------------------------------ */

/* Where the entries begin, as the encoder writes it. */
#define OPENING ",\"entries\":["

/* Why is a help: a sentence that is no UTF-8, cut in a letter, is left out. */
static bool put_refused(json_t *have, const struct wire_sync *sync)
{
    if (!put_told(have, "refused", sync->refused)) {
        return false;
    }
    const bool has_say = sync->refused != 0 && sync->refused_say[0] != '\0';
    json_t *say = has_say ? json_string(sync->refused_say) : NULL;
    return say == NULL || json_object_set_new(have, "refused_say", say) == 0;
}

static bool put_now(json_t *root, const struct wire_health *health)
{
    assert(health->now_s >= 0);
    return health->now_s == 0 || json_object_set_new(json_object_get(root, "health"), "now",
                                                     json_integer(health->now_s)) == 0;
}

/* The head goes through jansson, the entries are written beside it: a thousand values would each be
 * allocated, copied, checked and freed only to come out as they went in. */
enum st wire_sync_encode(const struct wire_sync *sync, char *ret_text, size_t max, size_t *ret_size)
{
    assert(sync->terminal >= 1 && sync->terminal <= WIRE_TERMINAL_MAX);
    assert(sync->entry_count <= WIRE_ENTRIES_MAX);
    assert(sync->after + sync->entry_count <= WIRE_SEQUENCE_MAX);

    char base[2 * ENTRY_HASH_BYTES + 1];
    hex_encode(sync->base, sizeof sync->base, base);
    const struct wire_health *health = &sync->health;
    size_t at = 0;
    json_t *root = json_pack(
        "{s:i, s:I, s:I, s:s, s:{s:I}, s:{s:I, s:I, s:I, s:i, s:s}}", "v", WIRE_VERSION, "terminal",
        (json_int_t)sync->terminal, "after", (json_int_t)sync->after, "base", base, "have",
        "programme", (json_int_t)sync->programme, "health", "unsent", (json_int_t)health->unsent,
        "pending", (json_int_t)health->pending, "oldest", (json_int_t)health->oldest_s, "clock",
        (int)health->clock, "firmware", health->firmware);
    json_t *have = json_object_get(root, "have"); /* NULL when there is no root */
    if (root != NULL &&
        (!wire_links_have_put(have, &sync->links) || !wire_actions_have_put(have, &sync->actions) ||
         !wire_bons_have_put(have, &sync->bons))) {
        json_decref(root);
        return ST_IO;
    }
    if (root != NULL && (!wire_numbers_have_put(have, &sync->numbers) ||
                         !wire_mandate_have_put(have, sync->mandate))) {
        json_decref(root);
        return ST_IO;
    }
    if (root != NULL && (!wire_lost_have_put(have, &sync->lost) || !put_refused(have, sync) ||
                         !put_now(root, health) || !wire_device_put(root, &sync->device))) {
        json_decref(root);
        return ST_IO;
    }
    if (root != NULL && sync->has_list &&
        json_object_set_new(json_object_get(root, "have"), "hotlist",
                            wire_list_have_pack(&sync->list)) != 0) {
        json_decref(root);
        return ST_IO;
    }
    enum st st = wire_dump(root, ret_text, max, &at);
    if (st != ST_OK) {
        return st;
    }

    size_t size = at - 1 + sizeof OPENING - 1 + 2; /* the head's "}" gives way; "]}" */
    for (uint32_t i = 0; i < sync->entry_count; i += 1) {
        assert(sync->entries[i].size >= 1 && sync->entries[i].size <= ENTRY_BYTES_MAX);
        size += (size_t)(sync->entries[i].size + 2) / 3 * 4 + 2 + (i > 0);
    }
    if (size > max) {
        return ST_FULL;
    }
    at -= 1;
    memcpy(ret_text + at, OPENING, sizeof OPENING - 1);
    at += sizeof OPENING - 1;
    for (uint32_t i = 0; i < sync->entry_count; i += 1) {
        const struct wire_entry *entry = &sync->entries[i];
        if (i > 0) {
            ret_text[at++] = ',';
        }
        ret_text[at++] = '"';
        wire_base64_encode(entry->bytes, entry->size, ret_text + at);
        at += (size_t)(entry->size + 2) / 3 * 4;
        ret_text[at++] = '"';
    }
    ret_text[at++] = ']';
    ret_text[at++] = '}';
    assert(at == size);
    *ret_size = size;
    return ST_OK;
}

/* One entry's base64 into the batch. */
static enum st take_entry(const char *text, size_t size, struct wire_sync *ret, struct fault *fault)
{
    if (ret->entry_count == WIRE_ENTRIES_MAX) {
        fault_say(fault, "\"entries\" must be a list of at most %d texts.", WIRE_ENTRIES_MAX);
        return ST_FOREIGN;
    }
    struct wire_entry *entry = &ret->entries[ret->entry_count];
    size_t bytes = 0;
    if (wire_base64_decode(text, size, entry->bytes, sizeof entry->bytes, &bytes) != ST_OK ||
        bytes == 0) {
        fault_say(fault, "Entry %u of \"entries\" must be base64 of 1 to %d bytes.",
                  ret->entry_count + 1, ENTRY_BYTES_MAX);
        return ST_FOREIGN;
    }
    entry->size = (uint16_t)bytes;
    ret->entry_count += 1;
    return ST_OK;
}

static enum st read_entries(const json_t *root, struct wire_sync *ret, struct fault *fault)
{
    const json_t *entries = json_object_get(root, "entries");
    size_t count = json_array_size(entries); /* 0 when it is not a list */
    if (!json_is_array(entries)) {
        fault_say(fault, "\"entries\" must be a list of at most %d texts.", WIRE_ENTRIES_MAX);
        return ST_FOREIGN;
    }
    for (size_t i = 0; i < count; i += 1) {
        const json_t *value = json_array_get(entries, i); /* no text: taken as empty, so refused */
        const char *text = json_is_string(value) ? json_string_value(value) : "";
        enum st st = take_entry(text, json_string_length(value), ret, fault);
        if (st != ST_OK) {
            return st;
        }
    }
    return ST_OK;
}

/* The end of a body as wire_sync_encode() writes it: `"...","..."]}` and nothing more. ST_AGAIN: it
 * is written another way, which is for jansson to judge. */
static enum st scan_entries(const char *at, const char *end, struct wire_sync *ret,
                            struct fault *fault)
{
    while (at < end && *at == '"') {
        at += 1;
        const char *quote = memchr(at, '"', (size_t)(end - at));
        if (quote == NULL || memchr(at, '\\', (size_t)(quote - at)) != NULL) {
            return ST_AGAIN;
        }
        enum st st = take_entry(at, (size_t)(quote - at), ret, fault);
        if (st != ST_OK) {
            return st;
        }
        at = quote + 1;
        if (end - at == 2 && memcmp(at, "]}", 2) == 0) {
            return ST_OK;
        }
        if (at == end || *at != ',') {
            return ST_AGAIN;
        }
        at += 1;
    }
    return ST_AGAIN;
}

/* Takes the entries out of a body that ends with them and loads the rest, four times as fast as
 * jansson makes and frees a thousand values. It is exact: in JSON the bytes searched for
 * cannot stand inside a text, whose quote would end it; inside another object the rest is left
 * unbalanced; and a second "entries" in the rest is seen. ST_AGAIN: written another way. */
static enum st load_scanned(const char *text, size_t size, struct wire_sync *ret, json_t **ret_root,
                            struct fault *fault)
{
    char head[4096];
    const char *found =
        memmem(text, size < sizeof head ? size : sizeof head, OPENING, sizeof OPENING - 1);
    if (found == NULL || size > WIRE_REQUEST_MAX) {
        return ST_AGAIN;
    }
    enum st st = scan_entries(found + sizeof OPENING - 1, text + size, ret, fault);
    if (st != ST_OK) {
        return st;
    }
    size_t head_size = (size_t)(found - text);
    memcpy(head, text, head_size);
    head[head_size] = '}';
    json_t *root = NULL;
    st = wire_load(head, head_size + 1, sizeof head, &root, fault);
    if (st == ST_OK && json_object_get(root, "entries") != NULL) {
        fault_say(fault, "\"entries\" stands there twice.");
        json_decref(root);
        return ST_FOREIGN;
    }
    if (st == ST_OK) {
        *ret_root = root;
    }
    return st;
}

static enum st read_health(const json_t *root, struct wire_health *ret, struct fault *fault)
{
    const json_t *health = NULL;
    uint32_t clock = 0;
    enum st st = wire_read_object(root, "health", &health, fault);
    if (st != ST_OK ||
        (st = wire_read_number(health, "unsent", 0, WIRE_SEQUENCE_MAX, &ret->unsent, fault)) !=
            ST_OK ||
        (st = wire_read_number(health, "pending", 0, WIRE_SEQUENCE_MAX, &ret->pending, fault)) !=
            ST_OK ||
        (st = wire_read_integer(health, "oldest", 0, INT64_MAX, &ret->oldest_s, fault)) != ST_OK ||
        (st = wire_read_number(health, "clock", 0, 2, &clock, fault)) != ST_OK ||
        (st = wire_read_text(health, "firmware", 0, WIRE_FIRMWARE_MAX, ret->firmware, fault)) !=
            ST_OK) {
        return st;
    }
    ret->clock = (uint8_t)clock;
    ret->now_s = 0;
    return json_object_get(health, "now") == NULL
               ? ST_OK
               : wire_read_integer(health, "now", 0, INT64_MAX, &ret->now_s, fault);
}

static enum st read_refused(const json_t *have, struct wire_sync *ret, struct fault *fault)
{
    ret->refused = 0;
    ret->refused_say[0] = '\0';
    if (json_object_get(have, "refused") == NULL) {
        return ST_OK;
    }
    enum st st = wire_read_number(have, "refused", 1, INT32_MAX, &ret->refused, fault);
    if (st == ST_OK && json_object_get(have, "refused_say") != NULL) {
        st = wire_read_text(have, "refused_say", 1, WIRE_SAY_MAX, ret->refused_say, fault);
    }
    return st;
}

enum st wire_sync_decode(const char *text, size_t size, struct wire_sync *ret, struct fault *fault)
{
    json_t *root = NULL;
    const json_t *have = NULL;
    char base[2 * ENTRY_HASH_BYTES + 1];
    ret->entry_count = 0;
    enum st st = load_scanned(text, size, ret, &root, fault);
    bool scanned = st == ST_OK;
    if (st == ST_AGAIN) {
        ret->entry_count = 0;
        st = wire_load(text, size, WIRE_REQUEST_MAX, &root, fault);
    }
    if (st != ST_OK) {
        return st;
    }
    if ((st = wire_read_number(root, "terminal", 1, WIRE_TERMINAL_MAX, &ret->terminal, fault)) !=
            ST_OK ||
        (st = wire_read_number(root, "after", 0, WIRE_SEQUENCE_MAX, &ret->after, fault)) != ST_OK ||
        (st = wire_read_text(root, "base", sizeof base - 1, sizeof base - 1, base, fault)) !=
            ST_OK ||
        (st = wire_read_object(root, "have", &have, fault)) != ST_OK ||
        (st = wire_read_number(have, "programme", 0, INT32_MAX, &ret->programme, fault)) != ST_OK ||
        (st = read_refused(have, ret, fault)) != ST_OK ||
        (st = wire_links_have_get(have, &ret->links, fault)) != ST_OK ||
        (st = wire_actions_have_get(have, &ret->actions, fault)) != ST_OK ||
        (st = wire_bons_have_get(have, &ret->bons, fault)) != ST_OK ||
        (st = wire_numbers_have_get(have, &ret->numbers, fault)) != ST_OK ||
        (st = wire_lost_have_get(have, &ret->lost, fault)) != ST_OK ||
        (st = wire_mandate_have_get(have, &ret->mandate, fault)) != ST_OK ||
        (st = wire_list_have_read(have, &ret->has_list, &ret->list, fault)) != ST_OK ||
        (st = read_health(root, &ret->health, fault)) != ST_OK ||
        (st = wire_device_get(root, &ret->device, fault)) != ST_OK ||
        (!scanned && (st = read_entries(root, ret, fault)) != ST_OK)) {
        goto out;
    }
    if (ret->after + ret->entry_count > WIRE_SEQUENCE_MAX) {
        fault_say(fault, "\"entries\" go beyond the last sequence number, %d.", WIRE_SEQUENCE_MAX);
        st = ST_FOREIGN;
        goto out;
    }
    st = hex_decode(base, ret->base, sizeof ret->base);
    if (st != ST_OK) {
        fault_say(fault, "\"base\" must be %zu hexadecimal digits.", sizeof base - 1);
    }
out:
    json_decref(root);
    return st;
}

/* --- sync: the answer ------------------------------------------------------------------------- */

enum st wire_sync_answer_encode(const struct wire_sync_answer *answer, char *ret_text, size_t max,
                                size_t *ret_size)
{
    assert(answer->acknowledged <= WIRE_SEQUENCE_MAX && answer->time_s > 0);
    assert((answer->programme_version == 0) == (answer->programme == NULL));
    assert(answer->programme_version <= INT32_MAX);

    json_t *root = json_pack("{s:i, s:I, s:I}", "v", WIRE_VERSION, "acknowledged",
                             (json_int_t)answer->acknowledged, "time", (json_int_t)answer->time_s);
    if (root != NULL && answer->programme != NULL &&
        json_object_set_new(root, "programme",
                            json_pack("{s:I, s:s}", "version",
                                      (json_int_t)answer->programme_version, "text",
                                      answer->programme)) != 0) {
        json_decref(root);
        return ST_IO;
    }
    if (root != NULL &&
        (!wire_links_put(root, &answer->links) || !wire_actions_put(root, &answer->actions) ||
         !wire_bons_put(root, &answer->bons) || !wire_numbers_put(root, &answer->numbers) ||
         !wire_lost_put(root, &answer->lost) || !wire_mandate_put(root, answer->mandate) ||
         !wire_update_put(root, &answer->update) || !wire_logs_put(root, answer->logs))) {
        json_decref(root);
        return ST_IO;
    }
    if (root != NULL && answer->has_list &&
        json_object_set_new(root, "hotlist", wire_list_pack(&answer->list)) != 0) {
        json_decref(root);
        return ST_IO;
    }
    return wire_dump(root, ret_text, max, ret_size);
}

enum st wire_sync_answer_decode(const char *text, size_t size, struct wire_sync_answer *ret,
                                struct wire_room *room, struct fault *fault)
{
    json_t *root = NULL;
    const json_t *programme = NULL;
    enum st st = wire_load(text, size, WIRE_ANSWER_MAX, &root, fault);
    if (st != ST_OK) {
        return st;
    }
    *ret = (struct wire_sync_answer){0};
    if ((st = wire_read_number(root, "acknowledged", 0, WIRE_SEQUENCE_MAX, &ret->acknowledged,
                               fault)) != ST_OK ||
        (st = wire_read_integer(root, "time", 1, INT64_MAX, &ret->time_s, fault)) != ST_OK ||
        (st = wire_links_get(root, &ret->links, fault)) != ST_OK ||
        (st = wire_bons_get(root, &ret->bons, fault)) != ST_OK ||
        (st = wire_numbers_get(root, &ret->numbers, fault)) != ST_OK ||
        (st = wire_lost_get(root, &ret->lost, fault)) != ST_OK ||
        (st = wire_mandate_get(root, room->mandate, &ret->mandate, fault)) != ST_OK ||
        (st = wire_actions_get(root, &ret->actions, room->actions, fault)) != ST_OK ||
        (st = wire_update_get(root, &ret->update, fault)) != ST_OK ||
        (st = wire_logs_get(root, &ret->logs, fault)) != ST_OK ||
        (st = wire_list_read(root, &ret->has_list, &ret->list, room->changes, fault)) != ST_OK ||
        json_object_get(root, "programme") == NULL) {
        goto out;
    }
    if ((st = wire_read_object(root, "programme", &programme, fault)) != ST_OK ||
        (st = wire_read_number(programme, "version", 1, INT32_MAX, &ret->programme_version,
                               fault)) != ST_OK ||
        (st = wire_read_text(programme, "text", 1, WIRE_PROGRAMME_MAX, room->programme, fault)) !=
            ST_OK) {
        goto out;
    }
    ret->programme = room->programme;
out:
    json_decref(root);
    return st;
}

/* --- every other status ----------------------------------------------------------------------- */

enum st wire_error_encode(const struct wire_error *error, char *ret_text, size_t max,
                          size_t *ret_size)
{
    assert(error->error[0] != '\0' && error->acknowledged <= WIRE_SEQUENCE_MAX);

    json_t *root = json_pack("{s:i, s:s}", "v", WIRE_VERSION, "error", error->error);
    if (root != NULL &&
        ((error->has_acknowledged &&
          json_object_set_new(root, "acknowledged",
                              json_integer((json_int_t)error->acknowledged)) != 0) ||
         json_object_set_new(root, "say", json_string(error->say)) != 0)) {
        json_decref(root);
        return ST_IO;
    }
    return wire_dump(root, ret_text, max, ret_size);
}

enum st wire_error_decode(const char *text, size_t size, struct wire_error *ret,
                          struct fault *fault)
{
    json_t *root = NULL;
    enum st st = wire_load(text, size, WIRE_ANSWER_MAX, &root, fault);
    if (st != ST_OK) {
        return st;
    }
    *ret = (struct wire_error){0};
    if ((st = wire_read_text(root, "error", 1, WIRE_ERROR_MAX, ret->error, fault)) != ST_OK ||
        (st = wire_read_text(root, "say", 0, WIRE_SAY_MAX, ret->say, fault)) != ST_OK ||
        json_object_get(root, "acknowledged") == NULL) {
        goto out;
    }
    st = wire_read_number(root, "acknowledged", 0, WIRE_SEQUENCE_MAX, &ret->acknowledged, fault);
    ret->has_acknowledged = st == ST_OK;
out:
    json_decref(root);
    return st;
}
