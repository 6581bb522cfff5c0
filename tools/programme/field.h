/* field.h - fields of an example's JSON: each is read with its range, and refused by its name.
 *
 * All return ST_OK, or ST_FOREIGN and a sentence in `fault`. A field that is missing leaves *ret as
 * it was. */
#ifndef TOOLS_PROGRAMME_FIELD_H
#define TOOLS_PROGRAMME_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/money.h"
#include "hal/base/status.h"

/* Writes a sentence; returns ST_FOREIGN. */
enum st field_refuse(struct fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Refuses fields that are not among the words of `known`, each with a blank on both sides, and what
 * is no object. NULL is right. */
ST_CHECK enum st field_known(const json_t *object, const char *what, const char *known,
                             struct fault *fault);
/* A whole number, 0..max. */
ST_CHECK enum st field_whole(const json_t *object, const char *name, int64_t max, int64_t *ret,
                             struct fault *fault);
/* Money: a number is rials; a text is as amount.h reads it. `name` is for the sentence. */
ST_CHECK enum st field_amount_of(const json_t *value, const char *name, struct money *ret,
                                 struct fault *fault);
ST_CHECK enum st field_amount(const json_t *object, const char *name, struct money *ret,
                              struct fault *fault);
/* A Jalali date, as calendar.h's day. */
ST_CHECK enum st field_date(const json_t *object, const char *name, int32_t *ret, bool *ret_has,
                            struct fault *fault);
/* The place of an id in a list of `count` structs, `stride` bytes each, that begin with their id.
 */
ST_CHECK enum st field_place_of(const char *what, const char *id, const void *list, size_t count,
                                size_t stride, size_t *ret, struct fault *fault);
/* The same of a field; *ret_has is false when it is missing or "". */
ST_CHECK enum st field_named(const json_t *object, const char *name, const void *list, size_t count,
                             size_t stride, size_t *ret, bool *ret_has, struct fault *fault);

#endif
