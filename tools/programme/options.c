#include "tools/programme/options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum shape { SHAPE_TEXT, SHAPE_WHOLE, SHAPE_DECIMAL, SHAPE_LIST };

/* Where an option's value goes: object (NULL = the example itself), field. */
static const struct option {
    const char *name, *object, *field;
    enum shape shape;
} options[] = {
    {"--at", NULL, "at", SHAPE_TEXT},
    {"--amount", "sale", "amount", SHAPE_TEXT},
    {"--pay-credit", "sale", "pay_credit", SHAPE_TEXT},
    {"--pay-gift", "sale", "pay_gift", SHAPE_TEXT},
    {"--pay-voucher", "sale", "pay_voucher", SHAPE_TEXT},
    {"--redeem", "sale", "redeem", SHAPE_WHOLE},
    {"--code", "sale", "code", SHAPE_TEXT},
    {"--merchant", "sale", "merchant", SHAPE_WHOLE},
    {"--branch", "sale", "branch", SHAPE_WHOLE},
    {"--points", "card", "points", SHAPE_WHOLE},
    {"--credit", "card", "credit", SHAPE_TEXT},
    {"--gift", "card", "gift", SHAPE_TEXT},
    {"--voucher", "card", "voucher", SHAPE_TEXT},
    {"--stamps", "card", "stamps", SHAPE_WHOLE},
    {"--tier", "card", "tier", SHAPE_TEXT},
    {"--group", "card", "group", SHAPE_TEXT},
    {"--kind", "card", "kind", SHAPE_TEXT},
    {"--birthday", "card", "birthday", SHAPE_TEXT},
    {"--wedding", "card", "wedding", SHAPE_TEXT},
    {"--visits", "facts", "visits", SHAPE_WHOLE},
    {"--last-visit", "facts", "last_visit", SHAPE_TEXT},
    {"--mean-interval", "facts", "mean_interval", SHAPE_DECIMAL},
    {"--mean-basket", "facts", "mean_basket", SHAPE_TEXT},
    {"--period-spend", "facts", "period_spend", SHAPE_TEXT},
    {"--period-earned", "facts", "period_earned", SHAPE_WHOLE},
    {"--mark", "facts", "marks", SHAPE_LIST},
};

static json_t *object_of(json_t *example, const char *name)
{
    if (name == NULL) {
        return example;
    }
    json_t *object = json_object_get(example, name);
    if (object == NULL) {
        object = json_object();
        json_object_set_new(example, name, object);
    }
    return object;
}

static enum st whole_of(const char *name, const char *value, json_t **ret, struct fault *fault)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || n < 0) {
        fault_say(fault, "%s takes a whole number, not \"%.40s\".", name, value);
        return ST_FOREIGN;
    }
    *ret = json_integer(n);
    return ST_OK;
}

static enum st decimal_of(const char *name, const char *value, json_t **ret, struct fault *fault)
{
    char *end = NULL;
    double n = strtod(value, &end);
    if (end == value || *end != '\0' || !(n >= 0 && n < 1e9)) {
        fault_say(fault, "%s takes a number, not \"%.40s\".", name, value);
        return ST_FOREIGN;
    }
    *ret = json_real(n);
    return ST_OK;
}

/* product=amount or product=amountxquantity */
static enum st take_line(json_t *example, const char *value, struct fault *fault)
{
    const char *sign = strchr(value, '=');
    const char *times = sign == NULL ? NULL : strrchr(sign, 'x');
    if (sign == NULL || sign == value) {
        fault_say(fault, "--line takes product=amount or product=amountxquantity, not \"%.40s\".",
                  value);
        return ST_FOREIGN;
    }
    json_t *quantity = NULL;
    if (times != NULL) {
        enum st st = decimal_of("the quantity of --line", times + 1, &quantity, fault);
        if (st != ST_OK) {
            return st;
        }
    }
    json_t *line = json_object();
    size_t bytes = times == NULL ? strlen(sign + 1) : (size_t)(times - sign - 1);
    json_object_set_new(line, "amount", json_stringn(sign + 1, bytes));
    if (quantity != NULL) {
        json_object_set_new(line, "quantity", quantity);
    }
    char *product = strndup(value, (size_t)(sign - value));
    json_t *lines = object_of(object_of(example, "sale"), "lines");
    bool is_twice = product == NULL || json_object_get(lines, product) != NULL;
    if (is_twice || json_object_set(lines, product, line) != 0) {
        fault_say(fault, "--line %.40s: once for each product, in UTF-8.", value);
        json_decref(line);
        free(product);
        return ST_FOREIGN;
    }
    json_decref(line);
    free(product);
    return ST_OK;
}

enum st option_take(json_t *example, const char *name, const char *value, struct fault *fault)
{
    const struct option *option = NULL;
    json_t *json = NULL;
    if (strcmp(name, "--line") == 0) {
        return take_line(example, value, fault);
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i += 1) {
        option = strcmp(options[i].name, name) == 0 ? &options[i] : option;
    }
    if (option == NULL) {
        return ST_UNSUPPORTED;
    }
    enum st st = ST_OK;
    if (option->shape == SHAPE_WHOLE) {
        st = whole_of(name, value, &json, fault);
    } else if (option->shape == SHAPE_DECIMAL) {
        st = decimal_of(name, value, &json, fault);
    } else {
        json = json_string(value);
        if (json == NULL) {
            fault_say(fault, "%s: the value must be UTF-8.", name);
            st = ST_FOREIGN;
        }
    }
    if (st != ST_OK) {
        return st;
    }
    json_t *object = object_of(example, option->object);
    if (option->shape != SHAPE_LIST) {
        json_object_set_new(object, option->field, json);
        return ST_OK;
    }
    if (json_object_get(object, option->field) == NULL) {
        json_object_set_new(object, option->field, json_array());
    }
    json_array_append_new(json_object_get(object, option->field), json);
    return ST_OK;
}
