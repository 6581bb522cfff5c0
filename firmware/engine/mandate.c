#include "firmware/engine/mandate.h"

#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>

#include "firmware/engine/snapshot.h"

enum { CARD_DIGITS = 16 };

/* --- reading ---------------------------------------------------------------------------------- */

static bool get_number(const json_t *object, const char *name, int64_t min, int64_t max,
                       int64_t *ret)
{
    const json_t *value = json_object_get(object, name);
    *ret = json_integer_value(value);
    return json_is_integer(value) && *ret >= min && *ret <= max;
}

static bool get_text(const json_t *object, const char *name, char *ret, size_t max)
{
    const json_t *value = json_object_get(object, name);
    const size_t size = json_string_length(value);
    if (!json_is_string(value) || size >= max || strlen(json_string_value(value)) != size) {
        return false;
    }
    memcpy(ret, json_string_value(value), size + 1);
    return true;
}

/* {"load": {"rials": N, "count": N}, ...}; an empty object has no limit. */
static bool get_limits(const json_t *parent, const char *name, struct limits *ret)
{
    const char *what_word, *unit_word;
    json_t *of, *value, *object = json_object_get(parent, name);
    *ret = (struct limits){0};
    if (!json_is_object(object)) {
        return false;
    }
    json_object_foreach(object, what_word, of)
    {
        enum limit_what what;
        if (!json_is_object(of) || !limits_what_of(what_word, &what)) {
            return false;
        }
        json_object_foreach(of, unit_word, value)
        {
            enum limit_unit unit;
            if (!limits_unit_of(what, unit_word, &unit) || !json_is_integer(value)) {
                return false;
            }
            ret->of[what][unit] = (struct limit){true, json_integer_value(value)};
        }
    }
    return limits_are_valid(ret);
}

static bool get_card(const json_t *object, uint64_t *ret)
{
    char text[CARD_DIGITS + 1];
    *ret = 0;
    if (!get_text(object, "card", text, sizeof text) || strlen(text) != CARD_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < CARD_DIGITS; i += 1) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (uint64_t)(text[i] - '0');
    }
    return card_number_is_valid(*ret);
}

static bool get_operator(const json_t *object, struct mandate_operator *ret)
{
    enum { FIELDS = 8 };
    char role[16];
    int64_t number = 0, unlocks = 0;
    const json_t *blocked = json_object_get(object, "blocked");
    if (!json_is_object(object) || json_object_size(object) != FIELDS ||
        !get_number(object, "number", 1, UINT16_MAX, &number) ||
        !get_text(object, "name", ret->name, sizeof ret->name) ||
        !get_text(object, "role", role, sizeof role) || !get_card(object, &ret->card_number) ||
        !get_text(object, "pin", ret->pin, sizeof ret->pin) || !json_is_boolean(blocked) ||
        !get_number(object, "unlocks", 0, UINT32_MAX, &unlocks) ||
        !get_limits(object, "day", &ret->day)) {
        return false;
    }
    ret->number = (uint32_t)number;
    ret->unlocks = (uint32_t)unlocks;
    ret->role = role_of_word(role);
    ret->is_blocked = json_is_true(blocked);
    return ret->role != 0 && (ret->pin[0] == '\0' || pin_verifier_has_form(ret->pin));
}

static bool get_operators(const json_t *root, struct mandate *ret)
{
    const json_t *list = json_object_get(root, "operators");
    const size_t count = json_array_size(list);
    ret->operator_count = 0;
    if (!json_is_array(list) || count > MANDATE_OPERATORS_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i += 1) {
        struct mandate_operator *next = &ret->operators[i];
        if (!get_operator(json_array_get(list, i), next) ||
            mandate_find(ret, next->number) != NULL ||
            mandate_find_card(ret, next->card_number) != NULL) {
            return false;
        }
        ret->operator_count += 1;
    }
    return true;
}

static bool get_mandate(const json_t *root, struct mandate *ret)
{
    enum { FIELDS = 8 };
    int64_t terminal = 0, idle = 0;
    const json_t *sign_in = json_object_get(root, "sign_in");
    if (json_object_size(root) != FIELDS ||
        !get_number(root, "terminal", 1, SNAPSHOT_TERMINAL_MAX, &terminal) ||
        !get_number(root, "version", 1, LIMIT_MAX, &ret->version) || !json_is_boolean(sign_in) ||
        !get_number(root, "idle_minutes", 1, MANDATE_IDLE_MINUTES_MAX, &idle) ||
        !get_limits(root, "total", &ret->total) || !get_limits(root, "day", &ret->day)) {
        return false;
    }
    ret->terminal = (uint32_t)terminal;
    ret->idle_minutes = (uint32_t)idle;
    ret->requires_sign_in = json_is_true(sign_in);
    return get_operators(root, ret);
}

enum st mandate_read(const char *text, size_t size, struct mandate *ret, struct fault *fault)
{
    json_error_t error;
    int64_t format = 0;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    enum st st = ST_OK;
    if (root == NULL) {
        const bool is_full = json_error_code(&error) == json_error_out_of_memory;
        fault_say(fault, "The mandate does not read: %.80s.", error.text);
        return is_full ? ST_FULL : ST_FOREIGN;
    }
    if (!get_number(root, "vafa_mandate", 1, INT32_MAX, &format)) {
        fault_say(fault, "This is not a mandate.");
        st = ST_FOREIGN;
    } else if (format != MANDATE_FORMAT) {
        fault_say(fault, "The mandate is of format %lld, this firmware reads %d: update it.",
                  (long long)format, MANDATE_FORMAT);
        st = ST_UNSUPPORTED;
    } else if (!get_mandate(root, ret)) {
        fault_say(fault, "The mandate has a field that is missing, unknown or out of range.");
        st = ST_FOREIGN;
    }
    json_decref(root);
    return st;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* NULL: no memory. */
static json_t *pack_limits(const struct limits *limits)
{
    json_t *object = json_object();
    for (int what = 0; what < LIMIT_WHATS; what += 1) {
        json_t *of = json_object();
        for (int unit = 0; unit < LIMIT_UNITS; unit += 1) {
            const struct limit *limit = &limits->of[what][unit];
            if (limit->is_set &&
                json_object_set_new(of,
                                    limits_unit_word((enum limit_what)what, (enum limit_unit)unit),
                                    json_integer(limit->max)) != 0) {
                json_decref(of);
                json_decref(object);
                return NULL;
            }
        }
        const char *word = limits_what_word((enum limit_what)what);
        const bool is_needed = json_object_size(of) > 0;
        if (!is_needed) {
            json_decref(of);
        } else if (json_object_set_new(object, word, of) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *pack_operator(const struct mandate_operator *of)
{
    char card[CARD_DIGITS + 1];
    assert(card_number_is_valid(of->card_number) && of->role >= 1 && of->role < ROLES);
    for (uint64_t i = CARD_DIGITS, rest = of->card_number; i > 0; rest /= 10) {
        card[--i] = (char)('0' + rest % 10);
    }
    card[CARD_DIGITS] = '\0';
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:b, s:I, s:o}", "number", (json_int_t)of->number,
                     "name", of->name, "role", role_word(of->role), "card", card, "pin", of->pin,
                     "blocked", (int)of->is_blocked, "unlocks", (json_int_t)of->unlocks, "day",
                     pack_limits(&of->day));
}

enum st mandate_write(const struct mandate *mandate, char **ret)
{
    json_t *operators = json_array();
    int failed = 0;
    for (size_t i = 0; i < mandate->operator_count; i += 1) {
        failed |= json_array_append_new(operators, pack_operator(&mandate->operators[i]));
    }
    json_t *root = json_pack(
        "{s:i, s:I, s:I, s:b, s:I, s:o, s:o, s:o}", "vafa_mandate", MANDATE_FORMAT, "terminal",
        (json_int_t)mandate->terminal, "version", (json_int_t)mandate->version, "sign_in",
        (int)mandate->requires_sign_in, "idle_minutes", (json_int_t)mandate->idle_minutes, "total",
        pack_limits(&mandate->total), "day", pack_limits(&mandate->day), "operators", operators);
    char *text = root == NULL || failed != 0 ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL) {
        return ST_FULL;
    }
    *ret = text;
    return ST_OK;
}

void mandate_copy(const struct mandate *from, struct mandate *ret)
{
    memcpy(ret, from,
           offsetof(struct mandate, operators) + from->operator_count * sizeof from->operators[0]);
}

/* --- looking up ------------------------------------------------------------------------------- */

const struct mandate_operator *mandate_find(const struct mandate *mandate, uint32_t number)
{
    for (size_t i = 0; i < mandate->operator_count; i += 1) {
        if (mandate->operators[i].number == number) {
            return &mandate->operators[i];
        }
    }
    return NULL;
}

const struct mandate_operator *mandate_find_card(const struct mandate *mandate,
                                                 uint64_t card_number)
{
    for (size_t i = 0; i < mandate->operator_count; i += 1) {
        if (mandate->operators[i].card_number == card_number) {
            return &mandate->operators[i];
        }
    }
    return NULL;
}
