/* Tests of the card model and its time model against the data sheets' own tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tools/pn532-sim/classic.h"
#include "tools/pn532-sim/timing.h"

static const uint8_t uid4[4] = {0xDE, 0xAD, 0xBE, 0xEF};
static const uint8_t uid7[7] = {0x04, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66};
static const uint8_t key_ff[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static const uint8_t key_a[6] = {0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5};
static const uint8_t key_b[6] = {0xB0, 0xB1, 0xB2, 0xB3, 0xB4, 0xB5};

static struct classic card;
static uint8_t rx[16];
static size_t rx_bytes;

static int fresh_1k(void **state)
{
    (void)state;
    classic_init(&card, CLASSIC_1K, uid4, 4);
    classic_field_on(&card);
    assert_true(classic_select(&card, CLASSIC_REQA, 1));
    return 0;
}

static enum classic_answer send(const uint8_t *tx, size_t tx_bytes)
{
    return classic_exchange(&card, tx, tx_bytes, rx, sizeof rx, &rx_bytes);
}

static enum classic_answer auth(enum classic_key key, uint8_t block, const uint8_t secret[6])
{
    uint8_t tx[12] = {key == CLASSIC_KEY_A ? 0x60 : 0x61, block};
    memcpy(tx + 2, secret, 6);
    memcpy(tx + 8, card.uid + card.uid_bytes - 4, 4);
    return send(tx, sizeof tx);
}

static enum classic_answer read_block(uint8_t block)
{
    const uint8_t tx[] = {0x30, block};
    return send(tx, sizeof tx);
}

static enum classic_answer write_block(uint8_t block, const uint8_t data[16])
{
    uint8_t tx[18] = {0xA0, block};
    memcpy(tx + 2, data, 16);
    return send(tx, sizeof tx);
}

static enum classic_answer value(uint8_t command, uint8_t block, uint32_t operand)
{
    const uint8_t tx[] = {command,
                          block,
                          (uint8_t)operand,
                          (uint8_t)(operand >> 8),
                          (uint8_t)(operand >> 16),
                          (uint8_t)(operand >> 24)};
    return send(tx, sizeof tx);
}

static enum classic_answer transfer(uint8_t block)
{
    const uint8_t tx[] = {0xB0, block};
    return send(tx, sizeof tx);
}

static void select_again(void)
{
    classic_insert(&card);
    classic_field_on(&card);
    assert_true(classic_select(&card, CLASSIC_WUPA, 3));
}

/* Puts a trailer into sector 1 past all rights: keys A and B above, these conditions. */
static void set_access(uint8_t c0, uint8_t c1, uint8_t c2, uint8_t c3)
{
    const struct classic_access access = {{c0, c1, c2, c3}};
    memcpy(card.memory[7], key_a, 6);
    classic_access_encode(&access, card.memory[7] + 6);
    card.memory[7][9] = 0x69;
    memcpy(card.memory[7] + 10, key_b, 6);
}

/* --- access bits: MF1S503x, 8.7 ------------------------------------------------------------- */

static void access_bytes_match_the_published_examples(void **state)
{
    static const struct {
        uint8_t group[4]; /* C1C2C3 as a number */
        uint8_t bytes[3];
    } rows[] = {
        {{0, 0, 0, 1}, {0xFF, 0x07, 0x80}}, {{0, 0, 0, 3}, {0x7F, 0x07, 0x88}},
        {{4, 4, 4, 3}, {0x78, 0x77, 0x88}}, {{6, 6, 6, 3}, {0x08, 0x77, 0x8F}},
        {{6, 6, 0, 3}, {0x4C, 0x37, 0x8B}}, {{6, 6, 4, 3}, {0x48, 0x77, 0x8B}},
        {{1, 1, 1, 3}, {0x7F, 0x00, 0xF8}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct classic_access access;
        uint8_t bytes[3];
        memcpy(access.group, rows[i].group, 4);
        classic_access_encode(&access, bytes);
        assert_memory_equal(bytes, rows[i].bytes, 3);
        assert_true(classic_access_decode(rows[i].bytes, &access));
        assert_memory_equal(access.group, rows[i].group, 4);
    }
}

static void one_flipped_access_bit_is_always_malformed(void **state)
{
    struct classic_access access;
    (void)state;
    for (unsigned group = 0; group < 4096; group++) {
        const struct classic_access good = {{(uint8_t)(group & 7), (uint8_t)(group >> 3 & 7),
                                             (uint8_t)(group >> 6 & 7), (uint8_t)(group >> 9)}};
        uint8_t bytes[3];
        classic_access_encode(&good, bytes);
        assert_true(classic_access_decode(bytes, &access));
        assert_memory_equal(&access, &good, sizeof good);
        for (unsigned bit = 0; bit < 24; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_false(classic_access_decode(bytes, &access));
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

/* Data sheet letters: for C1C2C3 0 to 7 who may read, write, increment, decrement. */
static const char *const data_table[8][4] = {
    {"AB", "AB", "AB", "AB"}, {"AB", "", "", "AB"}, {"AB", "", "", ""},     {"B", "B", "", ""},
    {"AB", "B", "", ""},      {"B", "", "", ""},    {"AB", "B", "B", "AB"}, {"", "", "", ""},
};

/* Tries one use of block 4 of a card in condition `bits` with one key. */
static enum classic_answer try_use(uint8_t bits, enum classic_key key, unsigned use)
{
    uint8_t block[16];
    classic_init(&card, CLASSIC_1K, uid4, 4);
    set_access(bits, bits, bits, 3);
    classic_value_encode(750, 4, block);
    memcpy(card.memory[4], block, 16);
    classic_field_on(&card);
    assert_true(classic_select(&card, CLASSIC_REQA, 1));
    assert_int_equal(auth(key, 4, key == CLASSIC_KEY_A ? key_a : key_b), CLASSIC_OK);
    switch (use) {
    case 0:
        return read_block(4);
    case 1:
        return write_block(4, block);
    case 2:
        return value(0xC1, 4, 1);
    default:
        return value(0xC0, 4, 1);
    }
}

static void a_data_block_obeys_every_cell_of_the_access_table(void **state)
{
    (void)state;
    for (uint8_t bits = 0; bits < 8; bits++) {
        for (unsigned use = 0; use < 4; use++) {
            const char *who = data_table[bits][use];
            assert_int_equal(try_use(bits, CLASSIC_KEY_A, use),
                             strchr(who, 'A') != NULL ? CLASSIC_OK : CLASSIC_NAK);
            assert_int_equal(try_use(bits, CLASSIC_KEY_B, use),
                             strchr(who, 'B') != NULL ? CLASSIC_OK : CLASSIC_NAK);
        }
    }
}

/* Data sheet letters for the trailer: write A, read access, write access, read B, write B. */
static const char *const trailer_table[8][5] = {
    {"A", "A", "", "A", "A"},  {"A", "A", "A", "A", "A"}, {"", "A", "", "A", ""},
    {"B", "AB", "B", "", "B"}, {"B", "AB", "", "", "B"},  {"", "AB", "B", "", ""},
    {"", "AB", "", "", ""},    {"", "AB", "", "", ""},
};

static void check_trailer(uint8_t bits, enum classic_key key)
{
    static const uint8_t next[16] = {1, 2, 3, 4, 5, 6, 0x7F, 0x07, 0x88, 0x42, 7, 8, 9, 10, 11, 12};
    const char letter = key == CLASSIC_KEY_A ? 'A' : 'B';
    bool may[5];
    for (size_t i = 0; i < 5; i++) {
        may[i] = strchr(trailer_table[bits][i], letter) != NULL;
    }
    classic_init(&card, CLASSIC_1K, uid4, 4);
    set_access(0, 0, 0, bits);
    classic_field_on(&card);
    assert_true(classic_select(&card, CLASSIC_REQA, 1));
    const uint8_t *secret = key == CLASSIC_KEY_A ? key_a : key_b;

    assert_int_equal(auth(key, 7, secret), CLASSIC_OK);
    assert_int_equal(read_block(7), may[1] ? CLASSIC_OK : CLASSIC_NAK);
    if (may[1]) {
        static const uint8_t hidden[6];
        assert_memory_equal(rx, hidden, 6);
        assert_memory_equal(rx + 6, card.memory[7] + 6, 4);
        assert_memory_equal(rx + 10, may[3] ? key_b : hidden, 6);
    }
    select_again();
    assert_int_equal(auth(key, 7, secret), CLASSIC_OK);
    const bool may_any = may[0] || may[2] || may[4];
    uint8_t was[16];
    memcpy(was, card.memory[7], 16);
    assert_int_equal(write_block(7, next), may_any ? CLASSIC_OK : CLASSIC_NAK);
    assert_memory_equal(card.memory[7], may[0] ? next : was, 6);
    assert_memory_equal(card.memory[7] + 6, (may[2] ? next : was) + 6, 4);
    assert_memory_equal(card.memory[7] + 10, (may[4] ? next : was) + 10, 6);
}

static void a_trailer_obeys_every_cell_of_the_access_table(void **state)
{
    (void)state;
    for (uint8_t bits = 0; bits < 8; bits++) {
        check_trailer(bits, CLASSIC_KEY_A);
        check_trailer(bits, CLASSIC_KEY_B);
    }
}

static void a_readable_key_b_authenticates_but_opens_nothing(void **state)
{
    (void)state;
    assert_int_equal(auth(CLASSIC_KEY_B, 4, key_ff), CLASSIC_OK);
    assert_int_equal(read_block(4), CLASSIC_NAK);
    select_again();
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
    assert_int_equal(read_block(4), CLASSIC_OK);
}

static void malformed_access_bits_lock_the_sector_for_ever(void **state)
{
    static const uint8_t bad[16] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x07,
                                    0x81, 0x69, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    (void)state;
    assert_int_equal(auth(CLASSIC_KEY_A, 7, key_ff), CLASSIC_OK);
    assert_int_equal(write_block(7, bad), CLASSIC_OK);
    assert_int_equal(read_block(4), CLASSIC_NAK);
    for (int i = 0; i < 2; i++) {
        select_again();
        assert_int_equal(auth(i == 0 ? CLASSIC_KEY_A : CLASSIC_KEY_B, 4, key_ff),
                         CLASSIC_AUTH_FAIL);
        classic_field_off(&card);
        classic_field_on(&card);
    }
    select_again();
    assert_int_equal(auth(CLASSIC_KEY_A, 8, key_ff), CLASSIC_OK);
}

/* --- states: ISO 14443-3, 6.3 ------------------------------------------------------------------
 */

static void a_factory_card_has_the_documented_content(void **state)
{
    static const uint8_t trailer[16] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x07,
                                        0x80, 0x69, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    (void)state;
    assert_memory_equal(card.memory[0], uid4, 4);
    assert_int_equal(card.memory[0][4], 0xDE ^ 0xAD ^ 0xBE ^ 0xEF);
    for (uint8_t sector = 0; sector < 16; sector++) {
        assert_memory_equal(card.memory[classic_trailer(sector)], trailer, 16);
    }
    assert_int_equal(classic_blocks(CLASSIC_1K), 64);
    assert_int_equal(classic_blocks(CLASSIC_4K), 256);
}

static void each_kind_identifies_itself_as_an10833_says(void **state)
{
    static const struct {
        enum classic_kind kind;
        uint8_t uid_bytes;
        uint8_t atqa;
        uint8_t sak;
    } rows[] = {{CLASSIC_1K, 4, 0x04, 0x08},
                {CLASSIC_1K, 7, 0x44, 0x08},
                {CLASSIC_4K, 4, 0x02, 0x18},
                {CLASSIC_4K, 7, 0x42, 0x18}};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        uint8_t atqa[2];
        uint8_t sak;
        classic_init(&card, rows[i].kind, uid7, rows[i].uid_bytes);
        classic_identify(&card, atqa, &sak);
        assert_int_equal(atqa[0], 0);
        assert_int_equal(atqa[1], rows[i].atqa);
        assert_int_equal(sak, rows[i].sak);
    }
}

static void a_halted_card_answers_only_to_wupa(void **state)
{
    (void)state;
    classic_halt(&card);
    assert_int_equal(read_block(4), CLASSIC_TIMEOUT);
    assert_false(classic_select(&card, CLASSIC_REQA, 9));
    assert_true(classic_select(&card, CLASSIC_WUPA, 1));
}

static void the_field_going_off_wakes_a_halted_card_afresh(void **state)
{
    (void)state;
    classic_halt(&card);
    classic_field_off(&card);
    assert_false(classic_select(&card, CLASSIC_WUPA, 9));
    classic_field_on(&card);
    assert_true(classic_select(&card, CLASSIC_REQA, 1));
}

static void selecting_a_selected_card_takes_two_tries(void **state)
{
    (void)state;
    assert_false(classic_select(&card, CLASSIC_REQA, 1));
    assert_true(classic_select(&card, CLASSIC_REQA, 1));
    assert_true(classic_select(&card, CLASSIC_REQA, 2));
}

static void an_error_sends_the_card_back_where_it_came_from(void **state)
{
    (void)state;
    assert_int_equal(read_block(4), CLASSIC_NAK);
    assert_true(classic_select(&card, CLASSIC_REQA, 1));
    classic_halt(&card);
    assert_true(classic_select(&card, CLASSIC_WUPA, 1));
    assert_int_equal(read_block(4), CLASSIC_NAK);
    assert_false(classic_select(&card, CLASSIC_REQA, 3));
    assert_true(classic_select(&card, CLASSIC_WUPA, 1));
}

static void a_wrong_key_halts_the_card_until_it_is_woken(void **state)
{
    (void)state;
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_a), CLASSIC_AUTH_FAIL);
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_TIMEOUT);
    assert_false(classic_select(&card, CLASSIC_REQA, 3));
    assert_true(classic_select(&card, CLASSIC_WUPA, 1));
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
}

static void the_wrong_uid_fails_like_a_wrong_key(void **state)
{
    uint8_t tx[12] = {0x60, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4};
    (void)state;
    assert_int_equal(send(tx, sizeof tx), CLASSIC_AUTH_FAIL);
}

static void a_long_uid_authenticates_with_its_last_four_bytes(void **state)
{
    uint8_t tx[12] = {0x60, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x33, 0x44, 0x55, 0x66};
    (void)state;
    classic_init(&card, CLASSIC_4K, uid7, 7);
    classic_field_on(&card);
    assert_true(classic_select(&card, CLASSIC_REQA, 1));
    assert_int_equal(send(tx, sizeof tx), CLASSIC_OK);
}

static void a_session_reaches_its_own_sector_only(void **state)
{
    (void)state;
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
    assert_int_equal(read_block(6), CLASSIC_OK);
    assert_int_equal(read_block(8), CLASSIC_NAK);
    select_again();
    assert_int_equal(read_block(6), CLASSIC_NAK);
}

static void block_0_is_read_only(void **state)
{
    static const uint8_t data[16] = {1};
    (void)state;
    assert_int_equal(auth(CLASSIC_KEY_A, 0, key_ff), CLASSIC_OK);
    assert_int_equal(write_block(0, data), CLASSIC_NAK);
    assert_memory_equal(card.memory[0], uid4, 4);
}

static void foreign_payloads_are_refused(void **state)
{
    static const uint8_t payloads[][4] = {{0x00},    {0x30},    {0xA0, 4, 1},
                                          {0x60, 4}, {0xC0, 4}, {0xE0}};
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        select_again();
        assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
        assert_int_equal(send(payloads[i], i == 1 ? 1 : sizeof payloads[i] - 1), CLASSIC_NAK);
    }
    select_again();
    assert_int_equal(send(payloads[0], 0), CLASSIC_NAK);
    select_again();
    assert_int_equal(auth(CLASSIC_KEY_A, 64, key_ff), CLASSIC_NAK);
}

static void a_4k_card_groups_fifteen_blocks_by_five(void **state)
{
    const struct classic_access access = {{0, 2, 7, 3}};
    (void)state;
    for (uint8_t i = 0; i < 15; i++) {
        static const uint8_t data[16] = {9};
        const uint8_t block = (uint8_t)(128 + i);
        classic_init(&card, CLASSIC_4K, uid4, 4);
        classic_access_encode(&access, card.memory[143] + 6);
        classic_field_on(&card);
        assert_true(classic_select(&card, CLASSIC_REQA, 1));
        assert_int_equal(auth(CLASSIC_KEY_A, 143, key_ff), CLASSIC_OK);
        assert_int_equal(read_block(block), i < 10 ? CLASSIC_OK : CLASSIC_NAK);
        select_again();
        assert_int_equal(auth(CLASSIC_KEY_A, 143, key_ff), CLASSIC_OK);
        assert_int_equal(write_block(block, data), i < 5 ? CLASSIC_OK : CLASSIC_NAK);
    }
    assert_int_equal(classic_sector_of(255), 39);
    assert_int_equal(classic_first_block(39), 240);
    assert_int_equal(classic_trailer(39), 255);
    assert_int_equal(classic_trailer(31), 127);
}

/* --- value blocks: MF1S503x, 8.6.2.1 --------------------------------------------------------- */

static void a_value_block_matches_the_published_example(void **state)
{
    static const uint8_t example[16] = {0xEE, 0x02, 0x00, 0x00, 0x11, 0xFD, 0xFF, 0xFF,
                                        0xEE, 0x02, 0x00, 0x00, 0x04, 0xFB, 0x04, 0xFB};
    uint8_t block[16];
    int32_t number;
    uint8_t address;
    (void)state;
    classic_value_encode(750, 4, block);
    assert_memory_equal(block, example, 16);
    assert_true(classic_value_decode(example, &number, &address));
    assert_int_equal(number, 750);
    assert_int_equal(address, 4);
    for (unsigned bit = 0; bit < 128; bit++) {
        block[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(classic_value_decode(block, &number, &address));
        block[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void value_operations_go_through_the_transfer_buffer(void **state)
{
    int32_t number;
    uint8_t address;
    (void)state;
    classic_value_encode(750, 4, card.memory[4]);
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
    assert_int_equal(value(0xC0, 4, 50), CLASSIC_OK);
    assert_true(classic_value_decode(card.memory[4], &number, &address));
    assert_int_equal(number, 750);
    assert_int_equal(transfer(4), CLASSIC_OK);
    assert_int_equal(value(0xC1, 4, 7), CLASSIC_OK);
    assert_int_equal(transfer(5), CLASSIC_OK);
    assert_int_equal(value(0xC2, 5, 0), CLASSIC_OK);
    assert_int_equal(transfer(6), CLASSIC_OK);
    assert_true(classic_value_decode(card.memory[4], &number, &address));
    assert_int_equal(number, 700);
    assert_true(classic_value_decode(card.memory[6], &number, &address));
    assert_int_equal(number, 707);
    assert_int_equal(address, 4); /* the source's address byte goes along */
    assert_int_equal(card.writes, 3);
    assert_int_equal(card.block_writes[6], 1);
}

static void a_block_that_is_no_value_refuses_value_operations(void **state)
{
    (void)state;
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
    assert_int_equal(value(0xC1, 4, 1), CLASSIC_NAK);
}

static void the_transfer_buffer_does_not_survive_power_loss(void **state)
{
    (void)state;
    classic_value_encode(1, 4, card.memory[4]);
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
    assert_int_equal(transfer(5), CLASSIC_NAK);
    select_again();
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
    assert_int_equal(value(0xC2, 4, 0), CLASSIC_OK);
    classic_field_off(&card);
    select_again();
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
    assert_int_equal(transfer(5), CLASSIC_NAK);
}

/* --- cuts ---------------------------------------------------------------------------------- */

static void a_cut_after_n_commands_answers_the_nth_and_then_is_silent(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= 3; n++) {
        select_again();
        classic_plan_cut(&card, (struct classic_cut){.when = CLASSIC_CUT_AFTER, .n = n});
        const uint32_t before = card.cuts_taken - (n == 0 ? 1 : 0);
        assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), n > 0 ? CLASSIC_OK : CLASSIC_TIMEOUT);
        assert_int_equal(read_block(4), n > 1 ? CLASSIC_OK : CLASSIC_TIMEOUT);
        assert_int_equal(read_block(5), n > 2 ? CLASSIC_OK : CLASSIC_TIMEOUT);
        assert_int_equal(read_block(6), CLASSIC_TIMEOUT);
        assert_int_equal(card.cuts_taken, before + 1);
        classic_field_on(&card);
        assert_false(classic_select(&card, CLASSIC_WUPA, 3));
    }
}

static const uint8_t old_data[16] = {0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F,
                                     0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F};
static const uint8_t new_data[16] = {0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33,
                                     0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33};

/* Writes old data to block 4, then cuts the write of new data, and lays the card again. */
static void tear_block_4(enum classic_tear tear, uint8_t head_bytes)
{
    select_again();
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
    assert_int_equal(write_block(4, old_data), CLASSIC_OK);
    classic_plan_cut(
        &card, (struct classic_cut){
                   .when = CLASSIC_CUT_WRITE, .n = 2, .tear = tear, .head_bytes = head_bytes});
    assert_int_equal(write_block(5, new_data), CLASSIC_OK);
    assert_int_equal(write_block(4, new_data), CLASSIC_TIMEOUT);
    assert_int_equal(card.state, CLASSIC_OFF);
    assert_memory_equal(card.memory[5], new_data, 16);
    select_again();
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
}

static void a_cut_write_leaves_what_the_tear_says(void **state)
{
    static const struct {
        enum classic_tear tear;
        uint8_t head; /* the first five bytes, and the rest */
        uint8_t rest;
    } rows[] = {
        {CLASSIC_TEAR_OLD, 0x0F, 0x0F},          {CLASSIC_TEAR_NEW, 0x33, 0x33},
        {CLASSIC_TEAR_HEAD, 0x33, 0x0F},         {CLASSIC_TEAR_HEAD_ERASED, 0x33, 0x00},
        {CLASSIC_TEAR_ZEROS, 0x00, 0x00},        {CLASSIC_TEAR_ONES, 0xFF, 0xFF},
        {CLASSIC_TEAR_AND, 0x03, 0x03},          {CLASSIC_TEAR_OR, 0x3F, 0x3F},
        {CLASSIC_TEAR_UNSTABLE_NEW, 0x33, 0x33}, {CLASSIC_TEAR_UNSTABLE_OLD, 0x0F, 0x0F},
    };
    (void)state;
    for (size_t i = 0; i < CLASSIC_TEARS; i++) {
        tear_block_4(rows[i].tear, 5);
        assert_int_equal(read_block(4), CLASSIC_OK);
        for (size_t at = 0; at < 16; at++) {
            assert_int_equal(rx[at], at < 5 ? rows[i].head : rows[i].rest);
        }
    }
}

static void an_unstable_block_reads_differently_until_it_is_written(void **state)
{
    (void)state;
    tear_block_4(CLASSIC_TEAR_UNSTABLE_NEW, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(read_block(4), CLASSIC_OK);
        assert_memory_equal(rx, i % 2 == 0 ? new_data : old_data, 16);
    }
    tear_block_4(CLASSIC_TEAR_UNSTABLE_OLD, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(read_block(4), CLASSIC_OK);
        assert_memory_equal(rx, i % 2 == 0 ? old_data : new_data, 16);
    }
    assert_int_equal(write_block(4, new_data), CLASSIC_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(read_block(4), CLASSIC_OK);
        assert_memory_equal(rx, new_data, 16);
    }
}

static void a_transfer_can_be_torn_like_a_write(void **state)
{
    int32_t number;
    uint8_t address;
    (void)state;
    classic_value_encode(750, 4, card.memory[4]);
    assert_int_equal(auth(CLASSIC_KEY_A, 4, key_ff), CLASSIC_OK);
    assert_int_equal(value(0xC0, 4, 50), CLASSIC_OK);
    classic_plan_cut(
        &card, (struct classic_cut){.when = CLASSIC_CUT_WRITE, .n = 1, .tear = CLASSIC_TEAR_AND});
    assert_int_equal(transfer(4), CLASSIC_TIMEOUT);
    assert_false(classic_value_decode(card.memory[4], &number, &address));
}

/* --- time: MF1S503x and MF1S50yyX/V1 figure 4; UM0701-02 frames ------------------------------ */

struct step {
    const char *name;
    uint8_t tx[18];
    uint8_t tx_bytes; /* 0: select */
    uint32_t card_us;
    uint32_t uart_bytes;
};

/* InDataExchange takes 26 bytes of frames beside the payload; the select answer is whole. */
static uint32_t add_step(struct timing_log *log, const struct step *step, uint32_t baud)
{
    const struct timing_cost cost =
        step->tx_bytes == 0
            ? timing_select(4)
            : timing_exchange(step->tx, step->tx_bytes, CLASSIC_OK, TIMING_REPLY_TIMEOUT_US);
    const struct timing_entry entry = {
        .cost = cost,
        .wire_bytes = step->uart_bytes,
        .wire_us = timing_wire_us(step->uart_bytes, baud),
    };
    assert_string_equal(cost.name, step->name);
    assert_int_equal(cost.card_us, step->card_us);
    timing_log_add(log, &entry);
    return step->uart_bytes;
}

static void a_purchase_takes_as_long_as_the_data_sheets_say(void **state)
{
    static struct timing_log log;
    static const struct step steps[] = {
        {"select", {0}, 0, 2500, 36},       {"auth a", {0x60, 4}, 12, 2000, 38},
        {"read", {0x30, 4}, 2, 2500, 44},   {"read", {0x30, 5}, 2, 2500, 44},
        {"write", {0xA0, 5}, 18, 5500, 44}, {"read", {0x30, 5}, 2, 2500, 44},
    };
    static const struct {
        uint32_t baud;
        uint64_t total_us; /* 17.5 ms of card, and 250 bytes */
    } rows[] = {{115200, 39200}, {230400, 28351}, {460800, 22925}, {921600, 20213}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t bytes = 0;
        timing_log_reset(&log);
        for (size_t at = 0; at < sizeof steps / sizeof steps[0]; at++) {
            bytes += add_step(&log, &steps[at], rows[i].baud);
        }
        assert_int_equal(bytes, 250);
        assert_in_range(timing_log_us(&log), rows[i].total_us - 5, rows[i].total_us + 5);
    }
}

static void air_time_reproduces_the_data_sheets_figures(void **state)
{
    /* MF1S503x, 10: the command takes 368 us, the 18 bytes of a write 1558 us; between them and
     * after them four bits come back. */
    static const uint8_t write[] = {0xA0, 5};
    (void)state;
    const uint32_t write_us = timing_exchange(write, 18, CLASSIC_OK, 0).air_us;
    assert_in_range(write_us, 368 + 1558 + 2 * 56, 368 + 1558 + 2 * 58);
    assert_int_equal(timing_select(7).card_us, 3500);
}

static void only_writes_and_transfers_cost_eeprom_time(void **state)
{
    static const struct {
        uint8_t command;
        uint32_t card_us;
        uint32_t eeprom_us;
        uint32_t wait_us;
    } rows[] = {{0x60, 2000, 0, 0},    {0x30, 2500, 0, 0},     {0xA0, 5500, 3300, 0},
                {0xB0, 4500, 3300, 0}, {0xC0, 2500, 0, 51200}, {0xC1, 2500, 0, 51200},
                {0xC2, 2500, 0, 51200}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint8_t tx[2] = {rows[i].command, 4};
        const struct timing_cost cost =
            timing_exchange(tx, sizeof tx, CLASSIC_OK, TIMING_REPLY_TIMEOUT_US);
        assert_int_equal(cost.card_us, rows[i].card_us);
        assert_int_equal(cost.eeprom_us, rows[i].eeprom_us);
        assert_int_equal(cost.wait_us, rows[i].wait_us);
        assert_true(cost.air_us + cost.eeprom_us <= cost.card_us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(access_bytes_match_the_published_examples),
        cmocka_unit_test(one_flipped_access_bit_is_always_malformed),
        cmocka_unit_test(a_data_block_obeys_every_cell_of_the_access_table),
        cmocka_unit_test(a_trailer_obeys_every_cell_of_the_access_table),
        cmocka_unit_test_setup(a_readable_key_b_authenticates_but_opens_nothing, fresh_1k),
        cmocka_unit_test_setup(malformed_access_bits_lock_the_sector_for_ever, fresh_1k),
        cmocka_unit_test_setup(a_factory_card_has_the_documented_content, fresh_1k),
        cmocka_unit_test(each_kind_identifies_itself_as_an10833_says),
        cmocka_unit_test_setup(a_halted_card_answers_only_to_wupa, fresh_1k),
        cmocka_unit_test_setup(the_field_going_off_wakes_a_halted_card_afresh, fresh_1k),
        cmocka_unit_test_setup(selecting_a_selected_card_takes_two_tries, fresh_1k),
        cmocka_unit_test_setup(an_error_sends_the_card_back_where_it_came_from, fresh_1k),
        cmocka_unit_test_setup(a_wrong_key_halts_the_card_until_it_is_woken, fresh_1k),
        cmocka_unit_test_setup(the_wrong_uid_fails_like_a_wrong_key, fresh_1k),
        cmocka_unit_test(a_long_uid_authenticates_with_its_last_four_bytes),
        cmocka_unit_test_setup(a_session_reaches_its_own_sector_only, fresh_1k),
        cmocka_unit_test_setup(block_0_is_read_only, fresh_1k),
        cmocka_unit_test_setup(foreign_payloads_are_refused, fresh_1k),
        cmocka_unit_test(a_4k_card_groups_fifteen_blocks_by_five),
        cmocka_unit_test(a_value_block_matches_the_published_example),
        cmocka_unit_test_setup(value_operations_go_through_the_transfer_buffer, fresh_1k),
        cmocka_unit_test_setup(a_block_that_is_no_value_refuses_value_operations, fresh_1k),
        cmocka_unit_test_setup(the_transfer_buffer_does_not_survive_power_loss, fresh_1k),
        cmocka_unit_test_setup(a_cut_after_n_commands_answers_the_nth_and_then_is_silent, fresh_1k),
        cmocka_unit_test_setup(a_cut_write_leaves_what_the_tear_says, fresh_1k),
        cmocka_unit_test_setup(an_unstable_block_reads_differently_until_it_is_written, fresh_1k),
        cmocka_unit_test_setup(a_transfer_can_be_torn_like_a_write, fresh_1k),
        cmocka_unit_test(a_purchase_takes_as_long_as_the_data_sheets_say),
        cmocka_unit_test(air_time_reproduces_the_data_sheets_figures),
        cmocka_unit_test(only_writes_and_transfers_cost_eeprom_time),
    };
    return cmocka_run_group_tests_name("classic", tests, NULL, NULL);
}
