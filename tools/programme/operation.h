/* operation.h - a condition's JSON as operators and their values. The programme has been loaded, so
 * that every object has one field. */
#ifndef TOOLS_PROGRAMME_OPERATION_H
#define TOOLS_PROGRAMME_OPERATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The operator of {"op": ...}; NULL = a value. */
const char *operation_name(const json_t *value);
bool operation_is(const json_t *value, const char *name);
/* Its values: a list, or one alone. Beyond the last: NULL. */
size_t operation_count(const json_t *value);
const json_t *operation_value(const json_t *value, size_t place);
/* The path of {"var": path}; NULL = it is something else. */
const char *operation_path(const json_t *value);

#endif
