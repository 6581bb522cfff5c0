#include "firmware/engine/money.h"

#include <assert.h>
#include <stddef.h>

#include "firmware/engine/wide.h"

int64_t share_floor(int64_t amount, int64_t part, int64_t whole)
{
    assert(amount >= 0 && whole > 0);
    assert(part >= 0 && part <= whole);

    uint64_t share;
    bool fits = wide_share((uint64_t)amount, (uint64_t)part, (uint64_t)whole, &share);
    assert(fits && share <= (uint64_t)amount);
    return (int64_t)share;
}

enum st points_per_block(struct money amount, struct money block, struct points each,
                         struct points *ret)
{
    assert(amount.rials >= 0 && block.rials > 0 && each.n >= 0);

    int64_t points;
    if (__builtin_mul_overflow(amount.rials / block.rials, each.n, &points)) {
        return ST_FULL;
    }
    ret->n = points;
    return ST_OK;
}

enum st money_parse(const char *text, struct money *ret)
{
    if (text[0] == '\0') {
        return ST_FOREIGN;
    }
    int64_t rials = 0;
    for (size_t i = 0; text[i] != '\0'; i += 1) {
        if (text[i] < '0' || text[i] > '9') {
            return ST_FOREIGN;
        }
        /* Held just above the largest amount, so that any length of digits cannot wrap and a
         * letter after too many of them is still found. */
        if (rials <= MONEY_MAX_RIALS) {
            rials = rials * 10 + (text[i] - '0');
        }
    }
    if (rials == 0 || rials > MONEY_MAX_RIALS) {
        return ST_REFUSED;
    }
    ret->rials = rials;
    return ST_OK;
}
