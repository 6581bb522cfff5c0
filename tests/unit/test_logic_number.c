/* Tests of firmware/engine/logic_number.h against Python's decimal
 * (tests/vectors/make_logic_numbers.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/logic.h"
#include "firmware/engine/logic_number.h"

static int64_t number_of(const json_t *json)
{
    int64_t number;
    const char *text = json_string_value(json);
    assert_int_equal(logic_read(text, strlen(text), false, &number), LOGIC_READ_OK);
    return number;
}

static enum st reckon(char op, int64_t a, int64_t b, int64_t *ret)
{
    return op == '+'   ? logic_add(a, b, ret)
           : op == '*' ? logic_mul(a, b, ret)
           : op == '/' ? logic_div(a, b, ret)
                       : logic_mod(a, b, ret);
}

static void sums_are_those_of_pythons_decimal(void **state)
{
    (void)state;
    json_t *rows = json_load_file("tests/vectors/logic_numbers.json", 0, NULL);
    assert_true(json_array_size(rows) > 2000);
    for (size_t i = 0; i < json_array_size(rows); i += 1) {
        json_t *row = json_array_get(rows, i);
        char op = json_string_value(json_array_get(row, 0))[0];
        int64_t a = number_of(json_array_get(row, 1));
        int64_t b = number_of(json_array_get(row, 2));
        json_t *expected = json_array_get(row, 3);
        int64_t result = 4711;
        enum st st = reckon(op, a, b, &result);
        if (st != (json_is_null(expected) ? ST_REFUSED : ST_OK) ||
            result != (json_is_null(expected) ? 4711 : number_of(expected))) {
            fail_msg("row %zu: %lld %c %lld is %s %lld", i, (long long)a, op, (long long)b,
                     st_word(st), (long long)result);
        }
    }
    json_decref(rows);
}

/* A quotient of just 2^64 is where the long division would begin to wrap. */
static void a_quotient_of_65_bits_is_refused(void **state)
{
    (void)state;
    int64_t result = 4711;
    assert_int_equal(logic_mul(INT64_C(1) << 62, 40000, &result), ST_REFUSED);
    assert_int_equal(logic_mul(INT64_C(1) << 62, -40000, &result), ST_REFUSED);
    assert_int_equal(logic_div(INT64_C(1844674407370956), 1, &result), ST_REFUSED);
    assert_int_equal(result, 4711);
}

static void texts_are_read_exactly_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool prefix;
        enum logic_read read;
        int64_t number;
    } cases[] = {
        {"922337203685477.5807", false, LOGIC_READ_OK, INT64_MAX},
        {"-922337203685477.5807", false, LOGIC_READ_OK, -INT64_MAX},
        {"922337203685477.5808", false, LOGIC_READ_INEXACT, 0},
        {"-922337203685477.5808", false, LOGIC_READ_INEXACT, 0},
        {"1844674407370955.1616", false, LOGIC_READ_INEXACT, 0},
        {"99999999999999999999999999", false, LOGIC_READ_INEXACT, 0},
        {"0.00001", false, LOGIC_READ_INEXACT, 0},
        {"1.50000000", false, LOGIC_READ_OK, 15000},
        {"0000000000000000000000001", false, LOGIC_READ_OK, 10000},
        {"1e3", false, LOGIC_READ_INEXACT, 0},
        {"1e", false, LOGIC_READ_NONE, 0},
        {"1e", true, LOGIC_READ_OK, 10000},
        {"1e+2", true, LOGIC_READ_INEXACT, 0},
        {"0x1f", false, LOGIC_READ_INEXACT, 0},
        {"0x1f", true, LOGIC_READ_OK, 0},
        {"-Infinity", false, LOGIC_READ_INEXACT, 0},
        {"NaN", false, LOGIC_READ_NONE, 0},
        {"1.2.3", false, LOGIC_READ_NONE, 0},
        {"1.2.3", true, LOGIC_READ_OK, 12000},
        {".", false, LOGIC_READ_NONE, 0},
        {"-", false, LOGIC_READ_NONE, 0},
        {"--1", false, LOGIC_READ_NONE, 0},
        {" \t\n-1.5 ", false, LOGIC_READ_OK, -15000},
        {"1 2", false, LOGIC_READ_NONE, 0},
        {"1 2", true, LOGIC_READ_OK, 10000},
        {"", false, LOGIC_READ_OK, 0},
        {"  ", false, LOGIC_READ_OK, 0},
        {"", true, LOGIC_READ_NONE, 0},
        {"\xdb\xb1", false, LOGIC_READ_NONE, 0}, /* a Persian digit */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        int64_t number = 0;
        enum logic_read read =
            logic_read(cases[i].text, strlen(cases[i].text), cases[i].prefix, &number);
        if (read != cases[i].read || (read == LOGIC_READ_OK && number != cases[i].number)) {
            fail_msg("\"%s\" is %d: %lld", cases[i].text, (int)read, (long long)number);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_pythons_decimal),
        cmocka_unit_test(a_quotient_of_65_bits_is_refused),
        cmocka_unit_test(texts_are_read_exactly_or_not_at_all),
    };
    return cmocka_run_group_tests_name("logic_number", tests, NULL, NULL);
}
