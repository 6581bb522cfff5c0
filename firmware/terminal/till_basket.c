#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "firmware/engine/money.h"
#include "firmware/terminal/till_wire_priv.h"

static const char code_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
enum { TILL_PRODUCT_MAX = 64 };

/* One line of a basket: product, amount, and quantity, which is 1 when absent. */
static bool take_line(const json_t *line, size_t number, struct basket_said *ret,
                      struct fault *fault)
{
    const char *key;
    json_t *value;
    if (!json_is_object(line)) {
        fault_say(fault, "Line %zu of \"lines\" must be an object.", number);
        return false;
    }
    json_object_foreach((json_t *)line, key, value)
    {
        if (strcmp(key, "product") != 0 && strcmp(key, "amount") != 0 &&
            strcmp(key, "quantity") != 0) {
            fault_say(fault, "Line %zu of \"lines\" has no field \"%.40s\": leave it out.", number,
                      key);
            return false;
        }
    }
    const char *product = till_text_of(json_object_get(line, "product"), 1, TILL_PRODUCT_MAX);
    if (product == NULL) {
        fault_say(fault, "Line %zu of \"lines\": \"product\" must be a text of 1 to %d bytes.",
                  number, TILL_PRODUCT_MAX);
        return false;
    }
    if (strlen(product) < sizeof ret->product) { /* a longer one is in no programme */
        (void)snprintf(ret->product, sizeof ret->product, "%s", product);
    }
    struct fault why;
    int64_t amount = 0;
    if (!till_take_number(line, "amount", 1, MONEY_MAX_RIALS, true, &amount, &why)) {
        fault_say(fault, "Line %zu of \"lines\": %s", number, why.say);
        return false;
    }
    ret->amount.rials = amount;
    const json_t *quantity = json_object_get(line, "quantity");
    char digits[24] = "1";
    const char *said = till_text_of(quantity, 1, sizeof digits - 1);
    if (json_is_integer(quantity)) {
        (void)snprintf(digits, sizeof digits, "%" PRId64, (int64_t)json_integer_value(quantity));
    } else if (said != NULL) {
        (void)snprintf(digits, sizeof digits, "%s", said);
    }
    bool is_kind = quantity == NULL || json_is_integer(quantity) || said != NULL;
    if (!is_kind || basket_quantity(digits, &ret->milli) != ST_OK) {
        fault_say(fault,
                  "Line %zu of \"lines\": \"quantity\" must be above 0 and at most 4000000, a "
                  "whole number or a text with up to 3 decimals, like \"1.5\".",
                  number);
        return false;
    }
    return true;
}

static bool take_lines(const json_t *lines, int64_t amount, struct basket *ret, struct fault *fault)
{
    int64_t sum = 0;
    uint64_t milli = 0;
    size_t count = json_array_size(lines);
    if (!json_is_array(lines) || count == 0 || count > BASKET_SAID_MAX) {
        fault_say(fault,
                  "\"lines\" must be a list of 1 to %d lines; leave it out for a basket "
                  "without lines.",
                  BASKET_SAID_MAX);
        return false;
    }
    for (size_t n = 0; n < count; n++) {
        if (!take_line(json_array_get(lines, n), n + 1, &ret->said[n], fault)) {
            return false;
        }
        sum += ret->said[n].amount.rials;
        milli += ret->said[n].milli;
    }
    if (sum != amount) {
        fault_say(fault, "The lines add up to %" PRId64 " rials, but \"amount\" is %" PRId64 ".",
                  sum, amount);
        return false;
    }
    if (milli > BASKET_MILLI_MAX) {
        fault_say(fault, "The quantities of \"lines\" add up to more than 4000000.");
        return false;
    }
    ret->count = count;
    return true;
}

bool till_take_basket(const json_t *object, int64_t amount, struct basket *ret, struct fault *fault)
{
    const json_t *lines = json_object_get(object, "lines");
    const json_t *code = json_object_get(object, "code");
    if (code != NULL) {
        const char *text = till_text_of(code, 1, sizeof ret->code - 1);
        if (text == NULL || strspn(text, code_letters) != strlen(text)) {
            fault_say(fault, "\"code\" must be 1 to %zu of A-Z, 0-9 and -.", sizeof ret->code - 1);
            return false;
        }
        (void)snprintf(ret->code, sizeof ret->code, "%s", text);
    }
    return lines == NULL || take_lines(lines, amount, ret, fault);
}
