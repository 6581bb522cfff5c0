/* test_bytes - bit fields and hexadecimal, judged by arithmetic that knows nothing of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/base/bytes.h"

/* The naive reading: one bit at a time, from the left. */
static uint64_t naive_get(const uint8_t *bytes, size_t at, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i += 1) {
        value = 2 * value + ((bytes[(at + i) / 8] & (128U >> (at + i) % 8)) != 0 ? 1 : 0);
    }
    return value;
}

static void a_field_of_any_width_at_any_place_reads_as_bit_by_bit(void **state)
{
    (void)state;
    srandom(20261122);
    for (size_t at = 0; at < 16; at += 1) {
        for (unsigned width = 1; width <= 64; width += 1) {
            uint8_t bytes[10];
            for (size_t i = 0; i < sizeof bytes; i += 1) {
                bytes[i] = (uint8_t)random();
            }
            struct bits bits = {.bytes = bytes, .size_bits = 80, .at = at};
            assert_true(bits_get(&bits, width) == naive_get(bytes, at, width));
            assert_int_equal(bits.at, at + width);
        }
    }
}

static void a_field_put_changes_its_bits_and_no_others(void **state)
{
    (void)state;
    srandom(4);
    for (size_t at = 0; at < 16; at += 1) {
        for (unsigned width = 1; width <= 64; width += 1) {
            uint8_t bytes[10];
            uint8_t was[10];
            for (size_t i = 0; i < sizeof bytes; i += 1) {
                was[i] = bytes[i] = (uint8_t)random();
            }
            uint64_t value =
                (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();
            value = width == 64 ? value : value & ((UINT64_C(1) << width) - 1);
            struct bits bits = {.bytes = bytes, .size_bits = 80, .at = at};
            bits_put(&bits, width, value);
            assert_true(naive_get(bytes, at, width) == value);
            for (size_t i = 0; i < 80; i += 1) {
                if (i < at || i >= at + width) {
                    assert_true(naive_get(bytes, i, 1) == naive_get(was, i, 1));
                }
            }
        }
    }
}

static void words_are_little_endian(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xee, 0x02, 0x00, 0x00, 0x11, 0xfd, 0xff, 0xff};
    uint8_t back[8];
    assert_int_equal(get_le16(bytes), 750);
    assert_int_equal(get_le32(bytes), 750);
    assert_true(get_le64(bytes) == UINT64_C(0xfffffd11000002ee));
    put_le64(back, UINT64_C(0xfffffd11000002ee));
    assert_memory_equal(back, bytes, 8);
}

static void hexadecimal_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    uint8_t bytes[3];
    char text[7];
    assert_int_equal(hex_decode("00aBfF", bytes, 3), ST_OK);
    hex_encode(bytes, 3, text);
    assert_string_equal(text, "00abff");
    const char *const bad[] = {"", "00abf", "00abff0", "00abfg", "0x00ab", "00 bff", "-0abff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i += 1) {
        assert_int_equal(hex_decode(bad[i], bytes, 3), ST_FOREIGN);
    }
}

static void secrets_compare_equal_only_when_each_byte_is(void **state)
{
    (void)state;
    uint8_t a[16] = {0};
    uint8_t b[16] = {0};
    assert_true(bytes_equal_secret(a, b, 16));
    for (size_t i = 0; i < 128; i += 1) {
        b[i / 8] ^= (uint8_t)(1U << i % 8);
        assert_false(bytes_equal_secret(a, b, 16));
        b[i / 8] ^= (uint8_t)(1U << i % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_of_any_width_at_any_place_reads_as_bit_by_bit),
        cmocka_unit_test(a_field_put_changes_its_bits_and_no_others),
        cmocka_unit_test(words_are_little_endian),
        cmocka_unit_test(hexadecimal_is_read_whole_or_not_at_all),
        cmocka_unit_test(secrets_compare_equal_only_when_each_byte_is),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
