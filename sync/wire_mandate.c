#include "sync/wire_mandate.h"

#include <string.h>

#include "sync/wire_priv.h"

bool wire_mandate_have_put(json_t *have, int64_t version)
{
    return version < 0 || json_object_set_new(have, "mandate", json_integer(version)) == 0;
}

bool wire_mandate_put(json_t *answer, const char *text)
{
    return text == NULL || json_object_set_new(answer, "mandate", json_string(text)) == 0;
}

enum st wire_mandate_have_get(const json_t *have, int64_t *ret, struct fault *fault)
{
    *ret = -1;
    return json_object_get(have, "mandate") == NULL
               ? ST_OK
               : wire_read_integer(have, "mandate", 0, LIMIT_MAX, ret, fault);
}

enum st wire_mandate_get(const json_t *answer, char room[MANDATE_TEXT_MAX + 1], const char **ret,
                         struct fault *fault)
{
    const json_t *value = json_object_get(answer, "mandate");
    const size_t size = json_string_length(value);
    *ret = NULL;
    if (value == NULL) {
        return ST_OK;
    }
    if (!json_is_string(value) || size == 0 || size > MANDATE_TEXT_MAX ||
        strlen(json_string_value(value)) != size) {
        fault_say(fault, "\"mandate\" must be a text of 1 to %d bytes.", MANDATE_TEXT_MAX);
        return ST_FOREIGN;
    }
    memcpy(room, json_string_value(value), size + 1);
    *ret = room;
    return ST_OK;
}
