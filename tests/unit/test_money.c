/* Tests of firmware/engine/money.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firmware/engine/money.h"

static void a_share_rounds_towards_zero_and_is_exact_at_the_ends(void **state)
{
    (void)state;
    assert_int_equal(share_floor(10, 0, 3), 0);
    assert_int_equal(share_floor(10, 1, 3), 3);
    assert_int_equal(share_floor(10, 2, 3), 6);
    assert_int_equal(share_floor(10, 3, 3), 10);
    assert_int_equal(share_floor(0, 1, 1), 0);
    assert_int_equal(share_floor(1, 999, 1000), 0);
}

static void a_share_of_the_largest_numbers_does_not_wrap(void **state)
{
    (void)state;
    assert_true(share_floor(INT64_MAX, INT64_MAX, INT64_MAX) == INT64_MAX);
    assert_true(share_floor(INT64_MAX, INT64_MAX - 1, INT64_MAX) == INT64_MAX - 1);
    assert_true(share_floor(INT64_MAX, 1, INT64_MAX) == 1);
}

/* Results by Python's whole numbers, which have no end. */
static void a_share_goes_through_128_bits(void **state)
{
    (void)state;
    static const int64_t rows[][4] = {
        {INT64_MAX, INT64_C(4294967296), INT64_C(4294967297), INT64_C(9223372034707292159)},
        {INT64_MAX, INT64_C(4611686018427387904), INT64_MAX, INT64_C(4611686018427387904)},
        {INT64_C(4611686018427387904), 3, 4, INT64_C(3458764513820540928)},
        {INT64_C(68719476735), INT64_C(68719476734), INT64_C(68719476735), INT64_C(68719476734)},
        {INT64_C(4794525486990363959), INT64_C(54262275521876011), INT64_C(445364781128590416),
         INT64_C(584154549249396554)},
        {INT64_C(6528192159384717816), INT64_C(1980241222855773941), INT64_C(8390540125646947445),
         INT64_C(1540710732700382650)},
        {INT64_C(1945644842656288984), INT64_C(1109862194316708751), INT64_C(3856958479952734042),
         INT64_C(559870598985021806)},
        {INT64_C(6235435337493575641), INT64_C(325961864966870191), INT64_C(545199280612002342),
         INT64_C(3728020567466953077)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i += 1) {
        assert_true(share_floor(rows[i][0], rows[i][1], rows[i][2]) == rows[i][3]);
    }
}

static void points_count_full_blocks_only(void **state)
{
    (void)state;
    const struct money block = {1000000};
    const struct points each = {10};
    const struct {
        int64_t rials, points;
    } cases[] = {{0, 0}, {999999, 0}, {1000000, 10}, {1999999, 10}, {2000000, 20}, {10500000, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        struct points points;
        assert_int_equal(points_per_block((struct money){cases[i].rials}, block, each, &points),
                         ST_OK);
        assert_int_equal(points.n, cases[i].points);
    }
}

static void points_beyond_64_bits_are_refused(void **state)
{
    (void)state;
    struct points points = {7};
    assert_int_equal(
        points_per_block((struct money){INT64_MAX}, (struct money){1}, (struct points){2}, &points),
        ST_FULL);
    assert_int_equal(points.n, 7);
}

static void money_parse_reads_whole_rials_up_to_the_largest(void **state)
{
    (void)state;
    struct money money;
    assert_int_equal(money_parse("1", &money), ST_OK);
    assert_int_equal(money.rials, 1);
    assert_int_equal(money_parse("68719476735", &money), ST_OK);
    assert_true(money.rials == MONEY_MAX_RIALS);
    assert_int_equal(money_parse("00000000000000000000000000012", &money), ST_OK);
    assert_int_equal(money.rials, 12);
}

static void money_parse_refuses_zero_and_too_much(void **state)
{
    (void)state;
    struct money money = {7};
    assert_int_equal(money_parse("0", &money), ST_REFUSED);
    assert_int_equal(money_parse("000", &money), ST_REFUSED);
    assert_int_equal(money_parse("68719476736", &money), ST_REFUSED);
    assert_int_equal(money_parse("18446744073709551617", &money), ST_REFUSED); /* 2^64 + 1 */
    assert_int_equal(money_parse("99999999999999999999999999999999999999", &money), ST_REFUSED);
    assert_int_equal(money.rials, 7);
}

static void money_parse_rejects_what_is_not_digits(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",    " ",   "-1",       "+1",  "1.0", "1,000", "1 ", " 1",
        "0x1", "1e3", "\xdb\xb1", "ten", "1\n", "/",     ":",  "99999999999999999999x",
    };
    struct money money = {7};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i += 1) {
        assert_int_equal(money_parse(texts[i], &money), ST_FOREIGN);
    }
    assert_int_equal(money.rials, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_rounds_towards_zero_and_is_exact_at_the_ends),
        cmocka_unit_test(a_share_of_the_largest_numbers_does_not_wrap),
        cmocka_unit_test(a_share_goes_through_128_bits),
        cmocka_unit_test(points_count_full_blocks_only),
        cmocka_unit_test(points_beyond_64_bits_are_refused),
        cmocka_unit_test(money_parse_reads_whole_rials_up_to_the_largest),
        cmocka_unit_test(money_parse_refuses_zero_and_too_much),
        cmocka_unit_test(money_parse_rejects_what_is_not_digits),
    };
    return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
