/* money.h - whole rials, points and rates, kept apart by the compiler.
 *
 * Pure. One unit (invariant I6): money is whole rials in 64 bits; toman, separators and Persian
 * digits exist on screens and paper only. Only this module does sums that could wrap. */
#ifndef FIRMWARE_ENGINE_MONEY_H
#define FIRMWARE_ENGINE_MONEY_H

#include <stdint.h>

#include "hal/base/status.h"

struct money {
    int64_t rials;
};

struct points {
    int64_t n;
};

/* A purse and an amount on a card hold 36 bits: 68,719,476,735 rials (docs/card-layout.md). */
#define MONEY_MAX_RIALS ((INT64_C(1) << 36) - 1)
/* A card's points hold 28 bits, the points spent in one tap 20 bits. */
#define POINTS_MAX   ((INT64_C(1) << 28) - 1)
#define REDEEMED_MAX ((INT64_C(1) << 20) - 1)

/* amount * part / whole, rounded towards zero; 0 <= part <= whole, whole > 0, amount >= 0: else a
 * bug. Exact for every such input (128-bit product), so it cannot fail. */
int64_t share_floor(int64_t amount, int64_t part, int64_t whole);

/* `blocks` full blocks of `block` in `amount`, times `each`. ST_FULL: beyond 64 bits. */
ST_CHECK enum st points_per_block(struct money amount, struct money block, struct points each,
                                  struct points *ret);

/* Reads a decimal whole number of rials, digits only, 1..MONEY_MAX_RIALS.
 * ST_FOREIGN  a sign, fraction, separator, letter or nothing.  ST_REFUSED  zero or too large. */
ST_CHECK enum st money_parse(const char *text, struct money *ret);

#endif
