#include "firmware/terminal/basket.h"

#include <string.h>

enum { MILLI = 1000, MILLI_DIGITS = 3, PRODUCT_NUMBERS = 256 };

enum st basket_quantity(const char *text, uint32_t *ret_milli)
{
    uint64_t milli = 0;
    size_t at = 0;
    while (text[at] >= '0' && text[at] <= '9' && milli <= BASKET_MILLI_MAX) {
        milli = milli * 10 + (uint64_t)(text[at] - '0');
        at += 1;
    }
    if (at == 0 || milli > BASKET_MILLI_MAX) {
        return ST_FOREIGN;
    }
    milli *= MILLI;
    if (text[at] == '.') {
        uint64_t worth = MILLI / 10;
        size_t decimals = 0;
        for (at += 1; text[at] >= '0' && text[at] <= '9' && decimals < MILLI_DIGITS; at += 1) {
            milli += (uint64_t)(text[at] - '0') * worth;
            worth /= 10;
            decimals += 1;
        }
        if (decimals == 0) {
            return ST_FOREIGN;
        }
    }
    if (text[at] != '\0' || milli == 0 || milli > BASKET_MILLI_MAX) {
        return ST_FOREIGN;
    }
    *ret_milli = (uint32_t)milli;
    return ST_OK;
}

/* The programme's number of a product group; 0 = it is in none. */
static uint8_t number_of(const struct programme *programme, const char *product)
{
    for (size_t n = 0; n < programme->product_count; n += 1) {
        if (strcmp(programme->products[n].id, product) == 0) {
            return programme->products[n].number;
        }
    }
    return 0;
}

static enum st resolve_code(const struct basket *basket, const struct programme *programme,
                            struct occasion *ret, struct fault *fault)
{
    if (basket->code[0] == '\0') {
        return ST_OK;
    }
    if (!programme_has(programme, MODULE_CODES)) {
        fault_say(fault, "This club has no discount codes: sell without one.");
        return ST_REFUSED;
    }
    int place = programme_code_place(programme, basket->code);
    if (place < 0) {
        fault_say(fault, "The club does not know the code %s: correct it, or sell without one.",
                  basket->code);
        return ST_REFUSED;
    }
    ret->code = (uint8_t)(1 + place);
    return ST_OK;
}

enum st basket_resolve(const struct basket *basket, const struct programme *programme,
                       struct occasion *ret, struct fault *fault)
{
    struct basket_line sums[PRODUCT_NUMBERS] = {{0}};
    memset(ret, 0, sizeof *ret);
    for (size_t n = 0; n < basket->count; n += 1) {
        struct basket_line *sum = &sums[number_of(programme, basket->said[n].product)];
        sum->amount.rials += basket->said[n].amount.rials;
        sum->milli += basket->said[n].milli;
    }
    for (size_t number = 0; number < PRODUCT_NUMBERS; number += 1) {
        if (sums[number].amount.rials > 0) {
            sums[number].product = (uint8_t)number;
            ret->lines[ret->line_count++] = sums[number];
        }
    }
    return resolve_code(basket, programme, ret, fault);
}
