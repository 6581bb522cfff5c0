#include "tools/programme/operation.h"

#include <string.h>

const char *operation_name(const json_t *value)
{
    return json_is_object(value) ? json_object_iter_key(json_object_iter((json_t *)value)) : NULL;
}

bool operation_is(const json_t *value, const char *name)
{
    const char *own = operation_name(value);
    return own != NULL && strcmp(own, name) == 0;
}

static const json_t *values_of(const json_t *value)
{
    return json_object_iter_value(json_object_iter((json_t *)value));
}

size_t operation_count(const json_t *value)
{
    const json_t *values = values_of(value);
    return json_is_array(values) ? json_array_size(values) : 1;
}

const json_t *operation_value(const json_t *value, size_t place)
{
    const json_t *values = values_of(value);
    if (json_is_array(values)) {
        return json_array_get(values, place);
    }
    return place == 0 ? values : NULL;
}

const char *operation_path(const json_t *value)
{
    return operation_is(value, "var") ? json_string_value(operation_value(value, 0)) : NULL;
}
