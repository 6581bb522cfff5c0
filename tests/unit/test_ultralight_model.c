/* Tests of the Ultralight and NTAG model. Expected bytes: NXP MF0ICU1, 7.6 and 7.7; NTAG213/215/216
 * Rev 3.2, 8.5 (memory as delivered) and 10.1 (GET_VERSION). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tools/pn532-sim/ultralight.h"

static const uint8_t uid[7] = {0x04, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66};

static struct ultralight card;
static uint8_t rx[ULTRALIGHT_ANSWER_BYTES_MAX];
static size_t rx_bytes;

static void make(enum ultralight_kind kind)
{
    ultralight_init(&card, kind, uid);
    ultralight_field_on(&card);
    assert_true(ultralight_select(&card, false, 1));
}

static int fresh_ultralight(void **state)
{
    (void)state;
    make(ULTRALIGHT_PLAIN);
    return 0;
}

static int fresh_ntag(void **state)
{
    (void)state;
    make(ULTRALIGHT_NTAG213);
    return 0;
}

#define SEND(...)                                                                                  \
    ultralight_exchange(&card, (const uint8_t[]){__VA_ARGS__},                                     \
                        sizeof(const uint8_t[]){__VA_ARGS__}, rx, sizeof rx, &rx_bytes)

/* A refusal: the card has to be selected again. */
#define REFUSES(...)                                                                               \
    do {                                                                                           \
        assert_int_equal(SEND(__VA_ARGS__), ULTRALIGHT_NAK);                                       \
        assert_int_equal(SEND(0x30, 0), ULTRALIGHT_TIMEOUT);                                       \
        assert_true(ultralight_select(&card, true, 1));                                            \
    } while (0)

#define ACKS(...)                                                                                  \
    do {                                                                                           \
        assert_int_equal(SEND(__VA_ARGS__), ULTRALIGHT_OK);                                        \
        assert_int_equal(rx_bytes, 0);                                                             \
    } while (0)

static void a_new_card_has_its_UID_and_check_bytes(void **state)
{
    static const uint8_t head[] = {0x04, 0x11, 0x22, 0xBF, 0x33, 0x44, 0x55, 0x66,
                                   0x44, 0x48, 0,    0,    0,    0,    0,    0};
    uint8_t again[7];
    (void)state;
    assert_int_equal(SEND(0x30, 0), ULTRALIGHT_OK);
    assert_int_equal(rx_bytes, 16);
    assert_memory_equal(rx, head, 16);
    ultralight_uid(&card, again);
    assert_memory_equal(again, uid, 7);
}

static void a_read_rolls_over_to_page_0(void **state)
{
    (void)state;
    ACKS(0xA2, 15, 1, 2, 3, 4);
    assert_int_equal(SEND(0x30, 14), ULTRALIGHT_OK);
    assert_memory_equal(rx + 4, ((uint8_t[]){1, 2, 3, 4, 0x04, 0x11, 0x22, 0xBF}), 8);
    REFUSES(0x30, 16);
    REFUSES(0x30);
    REFUSES(0x60);
}

static void both_writes_write_one_page(void **state)
{
    (void)state;
    ACKS(0xA2, 4, 1, 2, 3, 4);
    ACKS(0xA0, 5, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9);
    assert_int_equal(SEND(0x30, 4), ULTRALIGHT_OK);
    assert_memory_equal(rx, ((uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0}), 12);
    assert_int_equal(card.writes, 2);
    REFUSES(0xA2, 1, 1, 2, 3, 4);
    REFUSES(0xA2, 16, 1, 2, 3, 4);
    REFUSES(0xA2, 4, 1, 2, 3);
}

static void OTP_bits_can_only_be_set(void **state)
{
    (void)state;
    ACKS(0xA2, 3, 0x0F, 0, 0, 0);
    ACKS(0xA2, 3, 0xF0, 1, 0, 0);
    assert_memory_equal(card.pages[3], ((uint8_t[]){0xFF, 1, 0, 0}), 4);
}

static void lock_bits_lock_their_page_for_ever(void **state)
{
    (void)state;
    ACKS(0xA2, 2, 0xFF, 0xFF, 0x10, 0x80); /* pages 4 and 15; bytes 0 and 1 stay */
    assert_memory_equal(card.pages[2], ((uint8_t[]){0x44, 0x48, 0x10, 0x80}), 4);
    REFUSES(0xA2, 4, 1, 2, 3, 4);
    REFUSES(0xA2, 15, 1, 2, 3, 4);
    ACKS(0xA2, 5, 1, 2, 3, 4);
    ACKS(0xA2, 2, 0, 0, 0, 0);
    REFUSES(0xA2, 4, 1, 2, 3, 4);
}

static void block_locking_bits_freeze_lock_bits(void **state)
{
    (void)state;
    ACKS(0xA2, 2, 0, 0, 0x02, 0); /* no more locks for pages 4 to 9 */
    ACKS(0xA2, 2, 0, 0, 0xF8, 0xFF);
    assert_memory_equal(card.pages[2] + 2, ((uint8_t[]){0x0A, 0xFC}), 2);
    ACKS(0xA2, 9, 1, 2, 3, 4);
    REFUSES(0xA2, 10, 1, 2, 3, 4);
}

static void each_NTAG_tells_its_version_and_size(void **state)
{
    static const struct {
        enum ultralight_kind kind;
        uint8_t pages;
        uint8_t size;
        uint8_t container;
    } rows[] = {
        {ULTRALIGHT_NTAG213, 45, 0x0F, 0x12},
        {ULTRALIGHT_NTAG215, 135, 0x11, 0x3E},
        {ULTRALIGHT_NTAG216, 231, 0x13, 0x6D},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make(rows[i].kind);
        assert_int_equal(ultralight_pages(rows[i].kind), rows[i].pages);
        assert_int_equal(SEND(0x60), ULTRALIGHT_OK);
        assert_int_equal(rx_bytes, 8);
        assert_memory_equal(rx, ((uint8_t[]){0, 4, 4, 2, 1, 0, rows[i].size, 3}), 8);
        assert_int_equal(SEND(0x30, 3), ULTRALIGHT_OK);
        assert_memory_equal(rx, ((uint8_t[]){0xE1, 0x10, rows[i].container, 0}), 4);
        assert_int_equal(SEND(0x30, rows[i].pages - 1), ULTRALIGHT_OK);
        REFUSES(0x30, rows[i].pages);
    }
}

static void a_fast_read_brings_many_pages(void **state)
{
    (void)state;
    assert_int_equal(SEND(0x3A, 0, 44), ULTRALIGHT_OK);
    assert_int_equal(rx_bytes, 180);
    assert_memory_equal(rx, uid, 3);
    assert_memory_equal(rx + 160, ((uint8_t[]){0, 0, 0, 0xBD, 4, 0, 0, 0xFF}), 8);
    assert_memory_equal(rx + 172, ((uint8_t[8]){0}), 8); /* password and PACK */
    REFUSES(0x3A, 4, 3);
    REFUSES(0x3A, 0, 45);
}

static void a_password_opens_what_it_protects(void **state)
{
    (void)state;
    ACKS(0xA2, 43, 1, 2, 3, 4);
    ACKS(0xA2, 44, 0xAA, 0xBB, 0, 0);
    ACKS(0xA2, 41, 4, 0, 0, 10); /* writing from page 10 on */
    REFUSES(0xA2, 10, 1, 2, 3, 4);
    ACKS(0xA2, 9, 1, 2, 3, 4);
    assert_int_equal(SEND(0x30, 10), ULTRALIGHT_OK);
    REFUSES(0x1B, 4, 3, 2, 1);
    assert_int_equal(SEND(0x1B, 1, 2, 3, 4), ULTRALIGHT_OK);
    assert_int_equal(rx_bytes, 2);
    assert_memory_equal(rx, ((uint8_t[]){0xAA, 0xBB}), 2);
    ACKS(0xA2, 10, 1, 2, 3, 4);
    ACKS(0xA2, 42, 0x80, 5, 0, 0); /* reading too */
    ultralight_halt(&card);
    assert_true(ultralight_select(&card, true, 1));
    REFUSES(0x30, 10);
    REFUSES(0x3A, 0, 10);
    assert_int_equal(SEND(0x30, 8), ULTRALIGHT_OK);
    assert_memory_equal(rx + 8, uid, 3); /* page 0 stands in for page 10 */
}

static void dynamic_locks_lock_pages_from_16_on(void **state)
{
    (void)state;
    ACKS(0xA2, 40, 0x02, 0x00, 0x00, 0x00);
    ACKS(0xA2, 17, 1, 2, 3, 4);
    REFUSES(0xA2, 18, 1, 2, 3, 4);
    REFUSES(0xA2, 19, 1, 2, 3, 4);
    ACKS(0xA2, 20, 1, 2, 3, 4);
    make(ULTRALIGHT_NTAG216);
    ACKS(0xA2, 226, 0x00, 0x20, 0x00, 0x00);
    ACKS(0xA2, 223, 1, 2, 3, 4);
    REFUSES(0xA2, 225, 1, 2, 3, 4);
}

static void a_halted_card_answers_WUPA_only(void **state)
{
    (void)state;
    ultralight_halt(&card);
    assert_false(ultralight_select(&card, false, 3));
    assert_int_equal(SEND(0x30, 0), ULTRALIGHT_TIMEOUT);
    assert_true(ultralight_select(&card, true, 1));
    assert_false(ultralight_select(&card, true, 1)); /* the first call only throws it back */
    assert_true(ultralight_select(&card, true, 1));
    assert_false(ultralight_select(&card, false, 2));
}

static void cuts_come_after_a_command_or_in_a_write(void **state)
{
    static const uint8_t left[][4] = {{0, 0, 0, 0}, {1, 2, 3, 4}, {1, 2, 0, 0}};
    (void)state;
    for (enum ultralight_tear tear = 0; tear <= ULTRALIGHT_TEAR_HALF; tear++) {
        make(ULTRALIGHT_PLAIN);
        ultralight_plan_cut(&card, (struct ultralight_cut){ULTRALIGHT_CUT_WRITE, 2, tear});
        ACKS(0xA2, 4, 9, 9, 9, 9);
        assert_int_equal(SEND(0xA2, 5, 1, 2, 3, 4), ULTRALIGHT_TIMEOUT);
        assert_memory_equal(card.pages[5], left[tear], 4);
        assert_int_equal(card.cuts_taken, 1);
        ultralight_field_on(&card);
        assert_false(ultralight_select(&card, true, 3));
        ultralight_insert(&card);
        ultralight_field_on(&card);
        assert_true(ultralight_select(&card, false, 1));
    }
    make(ULTRALIGHT_PLAIN);
    ultralight_plan_cut(&card, (struct ultralight_cut){.when = ULTRALIGHT_CUT_AFTER, .n = 2});
    assert_int_equal(SEND(0x30, 0), ULTRALIGHT_OK);
    assert_int_equal(SEND(0x30, 0), ULTRALIGHT_OK);
    assert_int_equal(SEND(0x30, 0), ULTRALIGHT_TIMEOUT);
}

static void random_bytes_never_break_the_card(void **state)
{
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 30000; round++) {
        static const uint8_t codes[] = {0x30, 0xA2, 0xA0, 0x3A, 0x60, 0x1B};
        uint8_t tx[20];
        for (size_t i = 0; i < sizeof tx; i++) {
            seed = seed * 1664525U + 1013904223U; /* Numerical Recipes' generator */
            tx[i] = (uint8_t)(seed >> 24);
        }
        tx[0] = round % 3 == 0 ? tx[0] : codes[tx[0] % sizeof codes];
        ultralight_exchange(&card, tx, tx[19] % 20U, rx, sizeof rx, &rx_bytes);
        ultralight_select(&card, true, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_new_card_has_its_UID_and_check_bytes, fresh_ultralight),
        cmocka_unit_test_setup(a_read_rolls_over_to_page_0, fresh_ultralight),
        cmocka_unit_test_setup(both_writes_write_one_page, fresh_ultralight),
        cmocka_unit_test_setup(OTP_bits_can_only_be_set, fresh_ultralight),
        cmocka_unit_test_setup(lock_bits_lock_their_page_for_ever, fresh_ultralight),
        cmocka_unit_test_setup(block_locking_bits_freeze_lock_bits, fresh_ultralight),
        cmocka_unit_test_setup(each_NTAG_tells_its_version_and_size, fresh_ntag),
        cmocka_unit_test_setup(a_fast_read_brings_many_pages, fresh_ntag),
        cmocka_unit_test_setup(a_password_opens_what_it_protects, fresh_ntag),
        cmocka_unit_test_setup(dynamic_locks_lock_pages_from_16_on, fresh_ntag),
        cmocka_unit_test_setup(a_halted_card_answers_WUPA_only, fresh_ultralight),
        cmocka_unit_test_setup(cuts_come_after_a_command_or_in_a_write, fresh_ultralight),
        cmocka_unit_test_setup(random_bytes_never_break_the_card, fresh_ntag),
    };
    return cmocka_run_group_tests_name("test_ultralight_model", tests, NULL, NULL);
}
