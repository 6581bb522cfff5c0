/* logic_number.h - the numbers of conditions: whole multiples of 1/10000, exact or refused.
 *
 * Pure. Needs no 128-bit type of the compiler, so every build computes the same. Every number is
 * within
 * +-LOGIC_NUMBER_MAX, so that the negative of each is one too. */
#ifndef FIRMWARE_ENGINE_LOGIC_NUMBER_H
#define FIRMWARE_ENGINE_LOGIC_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

/* ST_REFUSED: the result is out of range, or b is 0 (div, mod). *ret is untouched unless ST_OK. */
ST_CHECK enum st logic_add(int64_t a, int64_t b, int64_t *ret);
ST_CHECK enum st logic_mul(int64_t a, int64_t b, int64_t *ret); /* cut off after four decimals */
ST_CHECK enum st logic_div(int64_t a, int64_t b, int64_t *ret); /* cut off after four decimals */
ST_CHECK enum st logic_mod(int64_t a, int64_t b, int64_t *ret); /* exact; sign of a */

/* What a text is as a number. */
enum logic_read {
    LOGIC_READ_OK,
    LOGIC_READ_NONE,    /* not a number: JavaScript's NaN */
    LOGIC_READ_INEXACT, /* a number, but with more decimals, larger, or in another notation */
};

/* The whole text as JavaScript's Number() takes it (blanks around; nothing is 0); with `prefix`, as
 * parseFloat() takes it (what stands at the beginning). */
enum logic_read logic_read(const char *text, size_t bytes, bool prefix, int64_t *ret);

#endif
