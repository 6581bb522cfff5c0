/* wide.h - a * b / c through 128 bits, for money.c and logic_number.c.
 *
 * Pure. A compiler for 32 bits has no 128-bit type, so that there is none here: every build reckons
 * by the same steps. */
#ifndef FIRMWARE_ENGINE_WIDE_H
#define FIRMWARE_ENGINE_WIDE_H

#include <stdbool.h>
#include <stdint.h>

/* a * b as high * 2^64 + low, by halves of 32 bits. */
static inline void wide_multiply(uint64_t a, uint64_t b, uint64_t *ret_high, uint64_t *ret_low)
{
    uint64_t a0 = a & UINT32_MAX;
    uint64_t a1 = a >> 32;
    uint64_t b0 = b & UINT32_MAX;
    uint64_t b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32); /* < 2^64: (2^32-1)^2 + 2^32-1 */
    uint64_t middle_low = (middle & UINT32_MAX) + a0 * b1;
    *ret_high = a1 * b1 + (middle >> 32) + (middle_low >> 32);
    *ret_low = (middle_low << 32) | (a0 * b0 & UINT32_MAX);
}

/* a * b / c, cut off; 0 < c < 2^63, else a bug. False: 64 bits do not hold it; *ret is untouched.
 */
static inline bool wide_share(uint64_t a, uint64_t b, uint64_t c, uint64_t *ret)
{
    uint64_t high;
    uint64_t low;
    wide_multiply(a, b, &high, &low);
    if (high == 0) {
        *ret = low / c;
        return true;
    }
    if (high >= c) {
        return false;
    }
    /* Long division by bits: the rest stays below c < 2^63, so it can be doubled, and the quotient
     * has no more than the 64 bits of `low`. */
    uint64_t quotient = 0;
    for (int bit = 63; bit >= 0; bit -= 1) {
        high = (high << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if (high >= c) {
            high -= c;
            quotient |= 1;
        }
    }
    *ret = quotient;
    return true;
}

#endif
