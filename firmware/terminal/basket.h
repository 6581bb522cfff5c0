/* basket.h - what a till says is in a basket, and what that is in the programme's numbers.
 *
 * Pure. A register knows more products than the programme: what is in no list of the programme
 * counts as "in none of its groups" (number 0), as the rest of a basket does. A code that the club
 * does not have is refused: somebody counts on it. */
#ifndef FIRMWARE_TERMINAL_BASKET_H
#define FIRMWARE_TERMINAL_BASKET_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/occasion.h"
#include "firmware/engine/programme.h"
#include "hal/base/status.h"

enum { BASKET_SAID_MAX = 256 };

struct basket_said {
    char product[PROGRAMME_ID_MAX]; /* the till's word; "" = one that no programme can have */
    struct money amount;            /* 1..MONEY_MAX_RIALS */
    uint32_t milli;                 /* 1..BASKET_MILLI_MAX */
};

/* As the till said it; all zeros: nothing. The sums of amounts and of quantities are within
 * MONEY_MAX_RIALS and BASKET_MILLI_MAX. */
struct basket {
    char code[PROGRAMME_CODE_MAX]; /* "" = none */
    size_t count;                  /* 0..BASKET_SAID_MAX; 0 = not itemised */
    struct basket_said said[BASKET_SAID_MAX];
};

/* "1.5", "12", "0.125": thousandths. ST_FOREIGN: not a number above 0 with at most 3 decimals, or
 * more than BASKET_MILLI_MAX. */
ST_CHECK enum st basket_quantity(const char *text, uint32_t *ret_milli);

/* Sums the lines by product group, numbers rising, and finds the code. Only lines and code of *ret
 * are set, the rest is zero.
 * ST_REFUSED  the club has no such code, or no codes; fault is for the cashier. */
ST_CHECK enum st basket_resolve(const struct basket *basket, const struct programme *programme,
                                struct occasion *ret, struct fault *fault);

#endif
