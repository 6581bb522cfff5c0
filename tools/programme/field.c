#include "tools/programme/field.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/programme/amount.h"

enum st field_refuse(struct fault *fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->say, sizeof fault->say, format, args);
    va_end(args);
    return ST_FOREIGN;
}

/* Refuses fields that are not among the words of `known`, each with a blank on both sides. */
enum st field_known(const json_t *object, const char *what, const char *known, struct fault *fault)
{
    const char *name;
    json_t *value;
    if (object != NULL && !json_is_object(object)) {
        return field_refuse(fault, "%s must be an object with:%s", what, known);
    }
    json_object_foreach((json_t *)object, name, value)
    {
        char word[40];
        (void)value;
        (void)snprintf(word, sizeof word, " %.32s ", name);
        if (strstr(known, word) == NULL) {
            return field_refuse(fault, "%s.%.32s is unknown; known are:%s", what, name, known);
        }
    }
    return ST_OK;
}

enum st field_whole(const json_t *object, const char *name, int64_t max, int64_t *ret,
                    struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        return ST_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > max) {
        return field_refuse(fault, "%s must be a whole number from 0 to %lld.", name,
                            (long long)max);
    }
    *ret = json_integer_value(value);
    return ST_OK;
}

/* A number is rials; a text has its unit. */
enum st field_amount_of(const json_t *value, const char *name, struct money *ret,
                        struct fault *fault)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0 &&
        json_integer_value(value) <= MONEY_MAX_RIALS) {
        ret->rials = json_integer_value(value);
        return ST_OK;
    }
    if (!json_is_string(value)) {
        return field_refuse(fault, "%s must be whole rials, or a text as \"100,000 toman\".", name);
    }
    struct fault why = {{0}};
    if (amount_read(json_string_value(value), ret, &why) != ST_OK) {
        return field_refuse(fault, "%s: %s", name, why.say);
    }
    return ST_OK;
}

enum st field_amount(const json_t *object, const char *name, struct money *ret, struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    return value == NULL ? ST_OK : field_amount_of(value, name, ret, fault);
}

enum st field_date(const json_t *object, const char *name, int32_t *ret, bool *ret_has,
                   struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    struct fault why = {{0}};
    *ret_has = value != NULL;
    if (value == NULL) {
        return ST_OK;
    }
    if (!json_is_string(value)) {
        return field_refuse(fault, "%s must be a Jalali date, \"1370-12-30\".", name);
    }
    if (date_read(json_string_value(value), ret, &why) != ST_OK) {
        return field_refuse(fault, "%s: %s", name, why.say);
    }
    return ST_OK;
}

/* The place of the id in a list of structs that begin with their id. */
enum st field_place_of(const char *what, const char *id, const void *list, size_t count,
                       size_t stride, size_t *ret, struct fault *fault)
{
    for (size_t i = 0; i < count; i += 1) {
        if (strcmp((const char *)list + i * stride, id) == 0) {
            *ret = i;
            return ST_OK;
        }
    }
    return field_refuse(fault, "\"%.32s\" is no %s of this programme.", id, what);
}

/* The place of the id that a field has; *ret_has is false when it is missing or "". */
enum st field_named(const json_t *object, const char *name, const void *list, size_t count,
                    size_t stride, size_t *ret, bool *ret_has, struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    const char *id = json_string_value(value);
    *ret_has = false;
    if (value == NULL || (id != NULL && *id == '\0')) {
        return ST_OK;
    }
    if (id == NULL) {
        return field_refuse(fault, "%s must be an id, in quotes.", name);
    }
    *ret_has = true;
    return field_place_of(name, id, list, count, stride, ret, fault);
}
