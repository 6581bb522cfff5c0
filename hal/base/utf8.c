#include "hal/base/utf8.h"

#include <stdint.h>
#include <string.h>

/* The size of the character at `at`, or 0: none that is shown. */
static size_t shown_character(const uint8_t *at, size_t left)
{
    if (at[0] < 0x80) {
        return at[0] >= 0x20 && at[0] != 0x7F ? 1 : 0;
    }
    const size_t size = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (at[0] < 0xC2 || at[0] > 0xF4 || left < size) {
        return 0;
    }
    uint32_t code = at[0] & (0xFFU >> (size + 1));
    for (size_t i = 1; i < size; i += 1) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3FU);
    }
    const bool is_overlong = code < (size == 3 ? 0x800U : size == 4 ? 0x10000U : 0x80U);
    const bool is_control = code < 0xA0 || (code >= 0x202A && code <= 0x202E) ||
                            (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    return is_overlong || is_control || is_surrogate || code > 0x10FFFF ? 0 : size;
}

bool utf8_is_shown(const char *text, size_t size)
{
    size_t step;
    for (size_t i = 0; i < size; i += step) {
        step = shown_character((const uint8_t *)text + i, size - i);
        if (step == 0) {
            return false;
        }
    }
    return true;
}

void utf8_make_shown(char *text)
{
    const size_t size = strlen(text);
    for (size_t i = 0; i < size;) {
        const size_t step = shown_character((const uint8_t *)text + i, size - i);
        if (step == 0) {
            text[i] = '?';
        }
        i += step == 0 ? 1 : step;
    }
}
