#include "firmware/engine/logic_number.h"

#include <assert.h>
#include <string.h>

#include "firmware/engine/logic.h"
#include "firmware/engine/wide.h"

static uint64_t magnitude(int64_t a)
{
    return a < 0 ? (uint64_t)-a : (uint64_t)a;
}

/* Gives the magnitude its sign. */
static enum st with_sign(uint64_t value, bool is_negative, int64_t *ret)
{
    if (value > (uint64_t)LOGIC_NUMBER_MAX) {
        return ST_REFUSED;
    }
    *ret = is_negative ? -(int64_t)value : (int64_t)value;
    return ST_OK;
}

static enum st scaled(int64_t a, uint64_t b, uint64_t c, bool is_negative, int64_t *ret)
{
    uint64_t value;
    return wide_share(magnitude(a), b, c, &value) ? with_sign(value, is_negative, ret) : ST_REFUSED;
}

enum st logic_add(int64_t a, int64_t b, int64_t *ret)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum) || sum < -LOGIC_NUMBER_MAX) {
        return ST_REFUSED;
    }
    *ret = sum;
    return ST_OK;
}

enum st logic_mul(int64_t a, int64_t b, int64_t *ret)
{
    return scaled(a, magnitude(b), LOGIC_ONE, (a < 0) != (b < 0), ret);
}

enum st logic_div(int64_t a, int64_t b, int64_t *ret)
{
    return b == 0 ? ST_REFUSED : scaled(a, LOGIC_ONE, magnitude(b), (a < 0) != (b < 0), ret);
}

enum st logic_mod(int64_t a, int64_t b, int64_t *ret)
{
    if (b == 0) {
        return ST_REFUSED;
    }
    *ret = a % b; /* a is never INT64_MIN, so -1 is no trap */
    return ST_OK;
}

/* --- numbers in texts ------------------------------------------------------------------------ */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes one digit more. False: out of range. */
static bool take_digit(uint64_t *value, char c)
{
    return !__builtin_mul_overflow(*value, (uint64_t)10, value) &&
           !__builtin_add_overflow(*value, (uint64_t)(c - '0'), value);
}

/* Digits with at most one point, from *at on, as a scaled magnitude. */
static enum logic_read read_digits(const char *text, size_t bytes, size_t *at, uint64_t *ret)
{
    uint64_t value = 0;
    size_t digits = 0;
    size_t decimals = 0;
    bool fits = true;
    bool has_point = false;
    for (; *at < bytes; *at += 1) {
        char c = text[*at];
        if (c == '.' && !has_point) {
            has_point = true;
        } else if (!is_digit(c)) {
            break;
        } else {
            digits += 1;
            decimals += has_point;
            if (decimals > LOGIC_DECIMALS) {
                fits = fits && c == '0';
            } else {
                fits = fits && take_digit(&value, c);
            }
        }
    }
    for (; fits && decimals < LOGIC_DECIMALS; decimals += 1) {
        fits = take_digit(&value, '0');
    }
    *ret = value;
    return digits == 0 ? LOGIC_READ_NONE : fits ? LOGIC_READ_OK : LOGIC_READ_INEXACT;
}

/* After the digits of an exact notation: what else JavaScript would have taken as a number. */
static bool is_exponent(const char *text, size_t bytes, size_t at)
{
    if (at >= bytes || (text[at] != 'e' && text[at] != 'E')) {
        return false;
    }
    at += 1;
    at += at < bytes && (text[at] == '+' || text[at] == '-');
    return at < bytes && is_digit(text[at]);
}

static bool begins(const char *text, size_t bytes, const char *with)
{
    return bytes >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

enum logic_read logic_read(const char *text, size_t bytes, bool prefix, int64_t *ret)
{
    size_t at = 0;
    while (at < bytes && is_blank(text[at])) {
        at += 1;
    }
    while (!prefix && bytes > at && is_blank(text[bytes - 1])) {
        bytes -= 1;
    }
    if (at == bytes) {
        *ret = 0;
        return prefix ? LOGIC_READ_NONE : LOGIC_READ_OK;
    }
    bool is_negative = text[at] == '-';
    at += text[at] == '-' || text[at] == '+';
    if (begins(text + at, bytes - at, "Infinity") ||
        (!prefix && bytes - at > 2 && text[at] == '0' && text[at + 1] != '\0' &&
         strchr("xXoObB", text[at + 1]) != NULL)) {
        return LOGIC_READ_INEXACT;
    }
    uint64_t value;
    enum logic_read read = read_digits(text, bytes, &at, &value);
    if (read == LOGIC_READ_NONE) {
        return read;
    }
    if (is_exponent(text, bytes, at)) {
        return LOGIC_READ_INEXACT;
    }
    if (!prefix && at != bytes) {
        return LOGIC_READ_NONE;
    }
    if (read == LOGIC_READ_OK && with_sign(value, is_negative, ret) != ST_OK) {
        return LOGIC_READ_INEXACT;
    }
    return read;
}
