/* logic_compare.h - comparing two values of conditions, as JavaScript does. Only logic_eval.c uses
 * it.
 *
 * Pure. ST_REFUSED: two lists or records, or a text that is a number but not an exact one. */
#ifndef FIRMWARE_ENGINE_LOGIC_COMPARE_H
#define FIRMWARE_ENGINE_LOGIC_COMPARE_H

#include "firmware/engine/logic.h"
#include "firmware/engine/logic_number.h"
#include "firmware/engine/logic_priv.h"

bool logic_is_null(const struct logic_value *value); /* or absent */

/* === */
ST_CHECK enum st logic_is_same(const struct logic_value *a, const struct logic_value *b, bool *ret);
/* == */
ST_CHECK enum st logic_is_equal(const struct logic_value *a, const struct logic_value *b,
                                bool *ret);
/* op is one of OP_LESS, OP_LESS_EQUAL, OP_GREATER, OP_GREATER_EQUAL. What is no number is false. */
ST_CHECK enum st logic_is_ordered(enum logic_op op, const struct logic_value *a,
                                  const struct logic_value *b, bool *ret);

/* JavaScript's Number(). LOGIC_READ_NONE: not a number; LOGIC_READ_INEXACT: a list, too. */
enum logic_read logic_number_of(const struct logic_value *value, int64_t *ret);

#endif
