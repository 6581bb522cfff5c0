/* Tests of the PN532 model on its serial line: frames, aborts, waiting, speeds and faults.
 * Expected bytes: UM0701-02, 6.2.1 (frames) and 7.2, 7.3 (commands). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tools/pn532-sim/pn532.h"

static const uint8_t uid[4] = {0x01, 0x02, 0x03, 0x04};

static struct timing_log timing;
static struct pn532 chip;
static struct classic card;
static struct pn532_output output;

static int fresh_chip(void **state)
{
    (void)state;
    memset(&timing, 0, sizeof timing);
    memset(&output, 0, sizeof output);
    pn532_init(&chip, &timing);
    classic_init(&card, CLASSIC_1K, uid, 4);
    return 0;
}

/* Sends a command in a normal frame; `output` has what the chip did. */
static void command(const uint8_t *data, uint8_t bytes)
{
    uint8_t frame[300] = {0x00, 0x00, 0xFF, (uint8_t)(bytes + 1), (uint8_t) - (bytes + 1), 0xD4};
    uint8_t sum = 0xD4;
    memcpy(frame + 6, data, bytes);
    for (size_t i = 0; i < bytes; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    frame[6 + bytes] = (uint8_t)-sum;
    frame[7 + bytes] = 0x00;
    pn532_receive(&chip, frame, 8U + bytes);
    assert_true(pn532_next(&chip, &output));
}

#define COMMAND(...) command((const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

/* The answer's data behind TFI; its frame must be well-formed. */
static const uint8_t *answer(size_t bytes)
{
    assert_int_equal(output.later_bytes, bytes + 8);
    assert_int_equal(output.later[3], bytes + 1);
    assert_int_equal((uint8_t)(output.later[3] + output.later[4]), 0);
    assert_int_equal(output.later[5], 0xD5);
    return output.later + 6;
}

static void the_published_firmware_frames_come_back(void **state)
{
    /* UM0701-02, 6.2.1.1 and 7.2.2, byte for byte. */
    static const uint8_t ask[] = {0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2A, 0x00};
    static const uint8_t told[] = {0x00, 0x00, 0xFF, 0x06, 0xFA, 0xD5, 0x03,
                                   0x32, 0x01, 0x06, 0x07, 0xE8, 0x00};
    static const uint8_t ack[] = {0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00};
    (void)state;
    pn532_receive(&chip, ask, sizeof ask);
    assert_true(pn532_next(&chip, &output));
    assert_int_equal(output.now_bytes, sizeof ack);
    assert_memory_equal(output.now, ack, sizeof ack);
    assert_int_equal(output.later_bytes, sizeof told);
    assert_memory_equal(output.later, told, sizeof told);
    assert_false(pn532_next(&chip, &output));
}

static void wake_up_bytes_and_single_bytes_are_understood(void **state)
{
    static const uint8_t wake[] = {0x55, 0x55, 0,    0,    0,    0,    0,    0,    0,
                                   0,    0,    0,    0,    0,    0,    0,    0x00, 0x00,
                                   0xFF, 0x03, 0xFD, 0xD4, 0x14, 0x01, 0x17, 0x00};
    (void)state;
    for (size_t i = 0; i + 2 < sizeof wake; i++) {
        pn532_receive(&chip, wake + i, 1);
        assert_false(pn532_next(&chip, &output));
    }
    pn532_receive(&chip, wake + sizeof wake - 2, 2);
    assert_true(pn532_next(&chip, &output));
    assert_int_equal(answer(1)[0], 0x15);
}

static void a_frame_with_a_wrong_checksum_is_ignored(void **state)
{
    static const uint8_t bad_dcs[] = {0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2B, 0x00};
    static const uint8_t bad_lcs[] = {0x00, 0x00, 0xFF, 0x02, 0xFF, 0xD4, 0x02, 0x2A, 0x00};
    (void)state;
    pn532_receive(&chip, bad_dcs, sizeof bad_dcs);
    assert_false(pn532_next(&chip, &output));
    pn532_receive(&chip, bad_lcs, sizeof bad_lcs);
    assert_false(pn532_next(&chip, &output));
    COMMAND(0x02);
    assert_int_equal(answer(5)[0], 0x03);
}

static void half_a_frame_is_forgotten_when_the_line_is_quiet(void **state)
{
    static const uint8_t half[] = {0x00, 0x00, 0xFF, 0xF0, 0x10, 0xD4};
    static const uint8_t ask[] = {0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2A, 0x00};
    (void)state;
    pn532_receive(&chip, half, sizeof half);
    pn532_receive(&chip, ask, sizeof ask);
    assert_false(pn532_next(&chip, &output));
    pn532_quiet(&chip);
    COMMAND(0x02);
    assert_int_equal(answer(5)[0], 0x03);
}

static void extended_frames_are_read_and_written(void **state)
{
    uint8_t frame[300] = {0x00, 0x00, 0xFF, 0xFF, 0xFF, 0x01, 0x03, 0xFC, 0xD4, 0x00, 0x00};
    uint8_t sum = 0xD4;
    (void)state;
    for (size_t i = 0; i < 256; i++) {
        frame[11 + i] = (uint8_t)i;
        sum = (uint8_t)(sum + i);
    }
    frame[267] = (uint8_t)-sum;
    pn532_receive(&chip, frame, 269);
    assert_true(pn532_next(&chip, &output));
    /* Diagnose 00 echoes: code 01, test number, 256 bytes. */
    assert_int_equal(output.later_bytes, 11 + 258);
    assert_memory_equal(output.later, ((uint8_t[]){0, 0, 0xFF, 0xFF, 0xFF, 1, 3, 0xFC, 0xD5, 1, 0}),
                        11);
    assert_memory_equal(output.later + 11, frame + 11, 256);
}

static void unknown_commands_get_the_error_frame(void **state)
{
    static const uint8_t error[] = {0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00};
    (void)state;
    COMMAND(0x99);
    assert_int_equal(output.later_bytes, sizeof error);
    assert_memory_equal(output.later, error, sizeof error);
    COMMAND(0x4A);
    assert_memory_equal(output.later, error, sizeof error);
}

static void nack_brings_the_last_answer_again(void **state)
{
    static const uint8_t nack[] = {0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00};
    (void)state;
    COMMAND(0x02);
    memset(&output, 0, sizeof output);
    pn532_receive(&chip, nack, sizeof nack);
    assert_true(pn532_next(&chip, &output));
    assert_int_equal(answer(5)[0], 0x03);
    assert_int_equal(output.now_bytes, 0);
}

static void an_endless_select_waits_for_the_card(void **state)
{
    (void)state;
    COMMAND(0x4A, 0x01, 0x00);
    assert_int_equal(output.now_bytes, PN532_ACK_BYTES);
    assert_int_equal(output.later_bytes, 0);
    assert_false(pn532_try_again(&chip, &output));
    pn532_place(&chip, &card);
    assert_true(pn532_try_again(&chip, &output));
    static const uint8_t found[] = {0x4B, 1, 1, 0x00, 0x04, 0x08, 4, 1, 2, 3, 4};
    assert_memory_equal(answer(sizeof found), found, sizeof found);
}

static void an_ack_of_the_host_ends_the_waiting(void **state)
{
    (void)state;
    COMMAND(0x4A, 0x01, 0x00);
    pn532_receive(&chip, pn532_ack_frame, PN532_ACK_BYTES);
    assert_true(pn532_next(&chip, &output));
    assert_true(output.is_abort);
    assert_int_equal(output.now_bytes + output.later_bytes, 0);
    pn532_place(&chip, &card);
    assert_false(pn532_try_again(&chip, &output));
}

static void a_select_with_retries_gives_up(void **state)
{
    (void)state;
    COMMAND(0x32, 0x05, 0x00, 0x01, 0x02);
    COMMAND(0x4A, 0x01, 0x00);
    assert_int_equal(answer(2)[1], 0);
    assert_int_equal(timing.empty_polls, 1);
}

static void auto_poll_gives_up_after_its_time(void **state)
{
    (void)state;
    COMMAND(0x60, 0x14, 0x02, 0x10);
    assert_int_equal(output.later_bytes, 0);
    assert_int_equal(output.give_up_ms, 20 * 2 * 150);
    assert_true(pn532_give_up(&chip, &output));
    assert_memory_equal(answer(2), ((uint8_t[]){0x61, 0}), 2);
    assert_false(pn532_give_up(&chip, &output));
}

static void a_deselected_card_is_found_by_its_uid_only(void **state)
{
    (void)state;
    pn532_place(&chip, &card);
    COMMAND(0x32, 0x05, 0x00, 0x01, 0x02);
    COMMAND(0x4A, 0x01, 0x00);
    assert_int_equal(answer(11)[1], 1);
    COMMAND(0x44, 0x00);
    assert_int_equal(answer(2)[1], 0x00);
    COMMAND(0x4A, 0x01, 0x00);
    assert_int_equal(answer(2)[1], 0);
    COMMAND(0x4A, 0x01, 0x00, 0x09, 0x02, 0x03, 0x04);
    assert_int_equal(answer(2)[1], 0);
    COMMAND(0x4A, 0x01, 0x00, 0x01, 0x02, 0x03, 0x04);
    assert_int_equal(answer(11)[1], 1);
    COMMAND(0x32, 0x01, 0x00);
    COMMAND(0x4A, 0x01, 0x00);
    assert_int_equal(answer(11)[1], 1);
}

/* Bit 0 of the first byte goes first through the air, and a reader goes on with 1: of 01 .. and
 * 02 .. the anticollision singles out 01 (ISO 14443-3, 6.5.3). */
static void of_two_cards_the_anticollision_singles_out_one(void **state)
{
    static const uint8_t second_uid[4] = {0x02, 0x02, 0x03, 0x04};
    static const uint8_t first[] = {0x4B, 1, 1, 0x00, 0x04, 0x08, 4, 1, 2, 3, 4};
    static const uint8_t second[] = {0x4B, 1, 1, 0x00, 0x04, 0x08, 4, 2, 2, 3, 4};
    struct classic other;
    (void)state;
    classic_init(&other, CLASSIC_1K, second_uid, 4);
    pn532_place(&chip, &other);
    pn532_place(&chip, &card);
    COMMAND(0x32, 0x05, 0x00, 0x01, 0x02);
    COMMAND(0x4A, 0x01, 0x00);
    assert_memory_equal(answer(sizeof first), first, sizeof first);
    assert_int_equal(other.commands, 0);
    COMMAND(0x4A, 0x01, 0x00, 0x02, 0x02, 0x03, 0x04); /* by its UID */
    assert_memory_equal(answer(sizeof second), second, sizeof second);
    /* A card that is active falls back without an answer: the other one is alone to hear. */
    COMMAND(0x4A, 0x01, 0x00);
    assert_memory_equal(answer(sizeof first), first, sizeof first);
    COMMAND(0x4A, 0x01, 0x00);
    assert_memory_equal(answer(sizeof second), second, sizeof second);
    COMMAND(0x32, 0x01, 0x00); /* without the field both forget: they answer together again */
    COMMAND(0x4A, 0x01, 0x00);
    assert_memory_equal(answer(sizeof first), first, sizeof first);
    COMMAND(0x44, 0x00); /* the winner sleeps: the other is heard */
    COMMAND(0x4A, 0x01, 0x00);
    assert_memory_equal(answer(sizeof second), second, sizeof second);
    COMMAND(0x44, 0x00);
    COMMAND(0x4A, 0x01, 0x00);
    assert_int_equal(answer(2)[1], 0);
    pn532_take_card(&chip, chip.card);
    COMMAND(0x4A, 0x01, 0x00, 0x01, 0x02, 0x03, 0x04);
    assert_memory_equal(answer(sizeof first), first, sizeof first);
}

/* 7.3.5 and 7.3.8: two targets, each reached by its number, one awake at a time. */
static void max_tg_2_lists_both_and_each_is_reached_by_its_number(void **state)
{
    static const uint8_t second_uid[7] = {0x04, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17};
    /* 88 04 .. loses against 01 ..: bit 0. */
    static const uint8_t both[] = {0x4B, 2,    1,    0x00, 0x04, 0x08, 4,    1,
                                   2,    3,    4,    2,    0x00, 0x44, 0x08, 7,
                                   0x04, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17};
    struct classic other;
    (void)state;
    classic_init(&other, CLASSIC_1K, second_uid, 7);
    card.memory[4][0] = 0xA1;
    other.memory[4][0] = 0xB2;
    pn532_place(&chip, &card);
    pn532_place(&chip, &other);
    COMMAND(0x32, 0x05, 0x00, 0x01, 0x02);
    COMMAND(0x4A, 0x02, 0x00);
    assert_memory_equal(answer(sizeof both), both, sizeof both);
    for (int i = 0; i < 2; i++) {
        COMMAND(0x40, 0x01, 0x60, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4);
        assert_int_equal(answer(2)[1], 0x00);
        COMMAND(0x40, 0x01, 0x30, 4);
        assert_int_equal(answer(18)[2], 0xA1);
        COMMAND(0x40, 0x02, 0x30, 4); /* awake again, but not authenticated */
        assert_int_equal(answer(2)[1], 0x13);
        COMMAND(0x54, 0x02); /* and refused, so to be selected anew */
        assert_int_equal(answer(2)[1], 0x00);
        COMMAND(0x40, 0x02, 0x60, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x14, 0x15, 0x16, 0x17);
        assert_int_equal(answer(2)[1], 0x00);
        COMMAND(0x40, 0x02, 0x30, 4);
        assert_int_equal(answer(18)[2], 0xB2);
    }
    COMMAND(0x04);
    assert_int_equal(answer(13)[3], 2);
    COMMAND(0x52, 0x02);
    COMMAND(0x40, 0x02, 0x30, 4);
    assert_int_equal(answer(2)[1], 0x27);
}

/* What it would cost to look for a second card before each tap: docs/tap.md has the sum. Three
 * tries of 5 ms find nobody (7.3.5), and the first has to be woken again. */
static void a_look_for_a_second_card_costs_more_than_a_write(void **state)
{
    (void)state;
    pn532_place(&chip, &card);
    COMMAND(0x32, 0x05, 0x00, 0x01, 0x02);
    timing_log_reset(&timing);
    COMMAND(0x4A, 0x01, 0x00);
    COMMAND(0x4A, 0x02, 0x00);
    assert_int_equal(answer(11)[1], 1);
    const uint32_t one = timing.entries[0].cost.card_us, two = timing.entries[1].cost.card_us;
    assert_int_equal(one, 2500);
    assert_in_range(two - one, 15000 + 2500, 15000 + 2500 + 500);
}

static void each_way_an_exchange_ends_has_its_status(void **state)
{
    (void)state;
    COMMAND(0x40, 0x01, 0x30, 4);
    assert_int_equal(answer(2)[1], 0x27); /* no target */
    pn532_place(&chip, &card);
    COMMAND(0x4A, 0x01, 0x00);
    COMMAND(0x40, 0x01, 0x60, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4);
    assert_int_equal(answer(2)[1], 0x00);
    COMMAND(0x40, 0x01, 0x30, 4);
    assert_int_equal(answer(18)[1], 0x00);
    COMMAND(0x40, 0x01, 0x50, 0x00);
    assert_int_equal(answer(2)[1], 0x27); /* no MIFARE command */
    COMMAND(0x40, 0x01, 0x30, 9);
    assert_int_equal(answer(2)[1], 0x13); /* another sector: NAK */
    COMMAND(0x40, 0x01, 0x30, 4);
    assert_int_equal(answer(2)[1], 0x01); /* not selected: silence */
    COMMAND(0x4A, 0x01, 0x00);
    COMMAND(0x40, 0x01, 0x60, 4, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4);
    assert_int_equal(answer(2)[1], 0x14); /* wrong key */
    chip.faults.status = 0x80;
    COMMAND(0x40, 0x01, 0x30, 4);
    assert_int_equal(answer(2)[1], 0x80);
    pn532_take(&chip);
    COMMAND(0x40, 0x01, 0x30, 4);
    assert_int_equal(answer(2)[1], 0x01); /* gone */
}

static void a_purchase_has_the_wire_bytes_of_the_manual(void **state)
{
    static const uint32_t bytes[] = {36, 38, 44, 44, 44, 44};
    (void)state;
    pn532_place(&chip, &card);
    COMMAND(0x4A, 0x01, 0x00);
    COMMAND(0x40, 0x01, 0x60, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4);
    COMMAND(0x40, 0x01, 0x30, 4);
    COMMAND(0x40, 0x01, 0x30, 5);
    COMMAND(0x40, 0x01, 0xA0, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    COMMAND(0x40, 0x01, 0x30, 5);
    assert_int_equal(timing.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(timing.entries[i].wire_bytes, bytes[i]);
        assert_int_equal(timing.entries[i].status, 0);
    }
    assert_in_range(timing_log_us(&timing), 39195, 39205);
}

static void a_new_speed_counts_from_the_hosts_ack_on(void **state)
{
    (void)state;
    COMMAND(0x10, 0x06);
    assert_int_equal(answer(1)[0], 0x11);
    assert_int_equal(chip.baud, 115200);
    pn532_receive(&chip, pn532_ack_frame, PN532_ACK_BYTES);
    assert_true(pn532_next(&chip, &output));
    assert_int_equal(chip.baud, 460800);
    COMMAND(0x02);
    assert_int_equal(timing.entries[1].wire_us, timing_wire_us(9 + 6 + 13, 460800));
}

static void faults_strike_once(void **state)
{
    (void)state;
    chip.faults.no_ack = true;
    chip.faults.bad_dcs = true;
    chip.faults.late_ms = 70;
    COMMAND(0x02);
    assert_int_equal(output.now_bytes, 0);
    assert_int_equal(output.late_ms, 70);
    assert_int_not_equal(output.later[11], 0xE8);
    chip.faults.garbage_bytes = 9;
    chip.faults.half_frame = true;
    COMMAND(0x02);
    assert_int_equal(output.now_bytes, 9 + PN532_ACK_BYTES);
    assert_int_equal(output.late_ms, 0);
    assert_int_equal(output.later_bytes, 6);
    COMMAND(0x02);
    assert_int_equal(output.now_bytes, PN532_ACK_BYTES);
    assert_int_equal(answer(5)[0], 0x03);
}

static void a_mute_chip_does_nothing_to_the_card(void **state)
{
    (void)state;
    pn532_place(&chip, &card);
    chip.faults.is_mute = true;
    COMMAND(0x4A, 0x01, 0x00);
    assert_int_equal(output.now_bytes + output.later_bytes, 0);
    assert_int_equal(card.commands, 0);
    chip.faults.is_mute = false;
    COMMAND(0x4A, 0x01, 0x00);
    assert_int_equal(answer(11)[1], 1);
}

static void random_bytes_never_break_the_chip(void **state)
{
    uint32_t seed = 1;
    (void)state;
    pn532_place(&chip, &card);
    for (int round = 0; round < 20000; round++) {
        uint8_t data[24];
        for (size_t i = 0; i < sizeof data; i++) {
            seed = seed * 1664525U + 1013904223U; /* Numerical Recipes' generator */
            data[i] = (uint8_t)(seed >> 24);
        }
        if (round % 2 == 0) {
            pn532_receive(&chip, data, sizeof data);
            while (pn532_next(&chip, &output)) {
            }
            pn532_quiet(&chip);
        } else {
            static const uint8_t codes[] = {0x00, 0x06, 0x08, 0x32, 0x40, 0x42,
                                            0x44, 0x4A, 0x4E, 0x52, 0x54, 0x60};
            data[0] = codes[data[0] % sizeof codes];
            data[1] = data[0] == 0x40 ? 1 : data[1];
            command(data, (uint8_t)(1 + data[23] % 23));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_published_firmware_frames_come_back, fresh_chip),
        cmocka_unit_test_setup(wake_up_bytes_and_single_bytes_are_understood, fresh_chip),
        cmocka_unit_test_setup(a_frame_with_a_wrong_checksum_is_ignored, fresh_chip),
        cmocka_unit_test_setup(half_a_frame_is_forgotten_when_the_line_is_quiet, fresh_chip),
        cmocka_unit_test_setup(extended_frames_are_read_and_written, fresh_chip),
        cmocka_unit_test_setup(unknown_commands_get_the_error_frame, fresh_chip),
        cmocka_unit_test_setup(nack_brings_the_last_answer_again, fresh_chip),
        cmocka_unit_test_setup(an_endless_select_waits_for_the_card, fresh_chip),
        cmocka_unit_test_setup(an_ack_of_the_host_ends_the_waiting, fresh_chip),
        cmocka_unit_test_setup(a_select_with_retries_gives_up, fresh_chip),
        cmocka_unit_test_setup(auto_poll_gives_up_after_its_time, fresh_chip),
        cmocka_unit_test_setup(a_deselected_card_is_found_by_its_uid_only, fresh_chip),
        cmocka_unit_test_setup(of_two_cards_the_anticollision_singles_out_one, fresh_chip),
        cmocka_unit_test_setup(max_tg_2_lists_both_and_each_is_reached_by_its_number, fresh_chip),
        cmocka_unit_test_setup(a_look_for_a_second_card_costs_more_than_a_write, fresh_chip),
        cmocka_unit_test_setup(each_way_an_exchange_ends_has_its_status, fresh_chip),
        cmocka_unit_test_setup(a_purchase_has_the_wire_bytes_of_the_manual, fresh_chip),
        cmocka_unit_test_setup(a_new_speed_counts_from_the_hosts_ack_on, fresh_chip),
        cmocka_unit_test_setup(faults_strike_once, fresh_chip),
        cmocka_unit_test_setup(a_mute_chip_does_nothing_to_the_card, fresh_chip),
        cmocka_unit_test_setup(random_bytes_never_break_the_chip, fresh_chip),
    };
    return cmocka_run_group_tests_name("sim_frames", tests, NULL, NULL);
}
