#include "tools/pn532-sim/classic.h"

#include <assert.h>
#include <string.h>

/* Command bytes: MF1S503x, table 9 (9.1). */
enum {
    COMMAND_READ = 0x30,
    COMMAND_AUTH_A = 0x60,
    COMMAND_AUTH_B = 0x61,
    COMMAND_WRITE = 0xA0,
    COMMAND_TRANSFER = 0xB0,
    COMMAND_DECREMENT = 0xC0,
    COMMAND_INCREMENT = 0xC1,
    COMMAND_RESTORE = 0xC2,
};

/* The sector trailer: MF1S503x, 8.6.3. */
enum {
    KEY_BYTES = 6,
    TRAILER_ACCESS = 6, /* three access bytes, then the general purpose byte */
    TRAILER_ACCESS_BYTES = 4,
    TRAILER_KEY_B = 10,
};

/* A 4K card has 32 sectors of 4 blocks, then 8 of 16: MF1S70yyX, 8.6. */
enum {
    SMALL_SECTORS = 32,
    SMALL_BLOCKS = 128,
};

uint16_t classic_blocks(enum classic_kind kind)
{
    return kind == CLASSIC_1K ? 64 : CLASSIC_BLOCKS_MAX;
}

uint8_t classic_sectors(enum classic_kind kind)
{
    return kind == CLASSIC_1K ? 16 : 40;
}

uint8_t classic_sector_of(uint8_t block)
{
    return (uint8_t)(block < SMALL_BLOCKS ? block / 4
                                          : SMALL_SECTORS + (block - SMALL_BLOCKS) / 16);
}

uint8_t classic_first_block(uint8_t sector)
{
    assert(sector < 40);
    return (uint8_t)(sector < SMALL_SECTORS ? sector * 4
                                            : SMALL_BLOCKS + (sector - SMALL_SECTORS) * 16);
}

uint8_t classic_trailer(uint8_t sector)
{
    return (uint8_t)(classic_first_block(sector) + (sector < SMALL_SECTORS ? 3 : 15));
}

void classic_identify(const struct classic *card, uint8_t ret_atqa[2], uint8_t *ret_sak)
{
    /* AN10833, tables 5 and 6: bit 6 of ATQA says that the UID has seven bytes. */
    ret_atqa[0] = 0x00;
    ret_atqa[1] =
        (uint8_t)((card->kind == CLASSIC_1K ? 0x04 : 0x02) | (card->uid_bytes == 7 ? 0x40 : 0x00));
    *ret_sak = card->kind == CLASSIC_1K ? 0x08 : 0x18;
}

/* Block 0: MF1S503x, 8.6.1. A 4-byte UID is followed by its check byte; then come SAK and ATQA
 * (least significant byte first) as cards of both kinds carry them. */
static void fill_manufacturer_block(struct classic *card)
{
    uint8_t *block = card->memory[0];
    size_t at = card->uid_bytes;
    uint8_t atqa[2];
    uint8_t sak;

    memcpy(block, card->uid, card->uid_bytes);
    if (card->uid_bytes == 4) {
        block[at] = (uint8_t)(block[0] ^ block[1] ^ block[2] ^ block[3]);
        at += 1;
    }
    classic_identify(card, atqa, &sak);
    block[at] = sak;
    block[at + 1] = atqa[1];
    block[at + 2] = atqa[0];
}

void classic_init(struct classic *card, enum classic_kind kind, const uint8_t *uid,
                  uint8_t uid_bytes)
{
    static const uint8_t factory_trailer[CLASSIC_BLOCK_BYTES] = {
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x07,
        0x80, 0x69, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    };
    assert(uid_bytes == 4 || uid_bytes == 7);

    memset(card, 0, sizeof *card);
    card->kind = kind;
    card->uid_bytes = uid_bytes;
    memcpy(card->uid, uid, uid_bytes);
    for (uint8_t sector = 0; sector < classic_sectors(kind); sector++) {
        memcpy(card->memory[classic_trailer(sector)], factory_trailer, sizeof factory_trailer);
    }
    fill_manufacturer_block(card);
}

static void lose_power(struct classic *card)
{
    card->state = CLASSIC_OFF;
    card->was_halted = false;
    card->buffer_is_valid = false;
}

void classic_field_on(struct classic *card)
{
    if (!card->is_away && card->state == CLASSIC_OFF) {
        card->state = CLASSIC_IDLE;
    }
}

void classic_field_off(struct classic *card)
{
    lose_power(card);
}

void classic_remove(struct classic *card)
{
    card->is_away = true;
    lose_power(card);
}

void classic_insert(struct classic *card)
{
    card->is_away = false;
}

static void take_cut(struct classic *card)
{
    card->cut.when = CLASSIC_CUT_NEVER;
    card->cuts_taken += 1;
    classic_remove(card);
}

void classic_plan_cut(struct classic *card, struct classic_cut cut)
{
    assert(cut.when != CLASSIC_CUT_WRITE || cut.n > 0);
    assert(cut.tear < CLASSIC_TEARS);
    assert(cut.head_bytes <= CLASSIC_BLOCK_BYTES);

    card->cut = cut;
    if (cut.when == CLASSIC_CUT_AFTER && cut.n == 0) {
        take_cut(card);
    }
}

/* Counts a command that the card took part in, and lets it leave if this was the planned one. */
static void end_command(struct classic *card)
{
    card->commands += 1;
    if (card->cut.when == CLASSIC_CUT_AFTER) {
        card->cut.n -= 1;
        if (card->cut.n == 0) {
            take_cut(card);
        }
    }
}

static void fall_back(struct classic *card)
{
    card->state = card->was_halted ? CLASSIC_HALT : CLASSIC_IDLE;
}

bool classic_select(struct classic *card, enum classic_call call, unsigned tries)
{
    assert(tries > 0);
    for (unsigned i = 0; i < tries; i++) {
        switch (card->state) {
        case CLASSIC_OFF:
            return false;
        case CLASSIC_HALT:
            if (call == CLASSIC_REQA) {
                return false;
            }
            card->was_halted = true;
            card->state = CLASSIC_ACTIVE;
            end_command(card);
            return true;
        case CLASSIC_IDLE:
            card->was_halted = false;
            card->state = CLASSIC_ACTIVE;
            end_command(card);
            return true;
        case CLASSIC_ACTIVE:
        case CLASSIC_AUTHENTICATED:
            fall_back(card);
            break;
        }
    }
    return false;
}

void classic_halt(struct classic *card)
{
    if (card->state == CLASSIC_ACTIVE || card->state == CLASSIC_AUTHENTICATED) {
        card->state = CLASSIC_HALT;
        end_command(card);
    }
}

static enum classic_answer refuse(struct classic *card)
{
    fall_back(card);
    return CLASSIC_NAK;
}

/* The access conditions in force for the sector the card is authenticated for. False when they
 * are malformed, or when the key that authenticated is no key but data. */
static bool find_access(const struct classic *card, struct classic_access *ret_access)
{
    const uint8_t *trailer = card->memory[classic_trailer(card->sector)];
    struct classic_access access;

    if (!classic_access_decode(trailer + TRAILER_ACCESS, &access)) {
        return false;
    }
    if (card->key == CLASSIC_KEY_B && classic_key_b_is_data(access.group[3])) {
        return false;
    }
    *ret_access = access;
    return true;
}

/* The access group of a data block: its number in a small sector; blocks 0-4, 5-9, 10-14 of a
 * large one (MF1S70yyX, 8.7.1). */
static unsigned group_of(uint8_t block)
{
    const uint8_t sector = classic_sector_of(block);
    const unsigned in_sector = (unsigned)block - classic_first_block(sector);
    return sector < SMALL_SECTORS ? in_sector : in_sector / 5;
}

static bool is_trailer(uint8_t block)
{
    return block == classic_trailer(classic_sector_of(block));
}

static bool is_open(const struct classic *card, uint8_t block)
{
    return card->state == CLASSIC_AUTHENTICATED && block < classic_blocks(card->kind) &&
           classic_sector_of(block) == card->sector;
}

static bool may_use(const struct classic *card, uint8_t block, enum classic_use use)
{
    struct classic_access access;
    return is_open(card, block) && !is_trailer(block) && find_access(card, &access) &&
           classic_may_use(access.group[group_of(block)], card->key, use);
}

/* What the reader gets from a block now; weak bits flip on every second read. */
static void sense_block(struct classic *card, uint8_t block, uint8_t ret_data[CLASSIC_BLOCK_BYTES])
{
    const bool flip = (card->block_reads[block] & 1U) != 0;
    for (size_t i = 0; i < CLASSIC_BLOCK_BYTES; i++) {
        ret_data[i] = (uint8_t)(card->memory[block][i] ^ (flip ? card->weak[block][i] : 0U));
    }
    card->block_reads[block] += 1;
}

/* Leaves `block` as power lost in the middle of writing `data` leaves it. */
static void tear_block(struct classic *card, uint8_t block, const uint8_t data[CLASSIC_BLOCK_BYTES])
{
    for (size_t i = 0; i < CLASSIC_BLOCK_BYTES; i++) {
        const uint8_t was = card->memory[block][i];
        const bool in_head = i < card->cut.head_bytes;
        uint8_t is = was;
        uint8_t weak = 0;

        switch (card->cut.tear) {
        case CLASSIC_TEAR_OLD:
            weak = card->weak[block][i];
            break;
        case CLASSIC_TEAR_NEW:
            is = data[i];
            break;
        case CLASSIC_TEAR_HEAD:
            is = in_head ? data[i] : was;
            break;
        case CLASSIC_TEAR_HEAD_ERASED:
            is = in_head ? data[i] : 0x00;
            break;
        case CLASSIC_TEAR_ZEROS:
            is = 0x00;
            break;
        case CLASSIC_TEAR_ONES:
            is = 0xFF;
            break;
        case CLASSIC_TEAR_AND:
            is = was & data[i];
            break;
        case CLASSIC_TEAR_OR:
            is = was | data[i];
            break;
        case CLASSIC_TEAR_UNSTABLE_NEW:
            is = data[i];
            weak = was ^ data[i];
            break;
        case CLASSIC_TEAR_UNSTABLE_OLD:
            weak = was ^ data[i];
            break;
        case CLASSIC_TEARS:
            assert(false);
            break;
        }
        card->memory[block][i] = is;
        card->weak[block][i] = weak;
    }
    if (card->cut.tear != CLASSIC_TEAR_OLD) {
        card->block_reads[block] = 0;
    }
}

/* Programs a block: the one place where EEPROM changes, and where a planned write cut strikes. */
static enum classic_answer program_block(struct classic *card, uint8_t block,
                                         const uint8_t data[CLASSIC_BLOCK_BYTES])
{
    card->writes += 1;
    card->block_writes[block] += 1;
    if (card->cut.when == CLASSIC_CUT_WRITE) {
        card->cut.n -= 1;
        if (card->cut.n == 0) {
            tear_block(card, block, data);
            take_cut(card);
            return CLASSIC_TIMEOUT;
        }
    }
    memcpy(card->memory[block], data, CLASSIC_BLOCK_BYTES);
    memset(card->weak[block], 0, CLASSIC_BLOCK_BYTES);
    card->block_reads[block] = 0;
    return CLASSIC_OK;
}

static enum classic_answer authenticate(struct classic *card, const uint8_t *tx, size_t tx_bytes)
{
    if (tx_bytes != 2 + KEY_BYTES + 4 || tx[1] >= classic_blocks(card->kind)) {
        return refuse(card);
    }
    const enum classic_key key = tx[0] == COMMAND_AUTH_A ? CLASSIC_KEY_A : CLASSIC_KEY_B;
    const uint8_t sector = classic_sector_of(tx[1]);
    const uint8_t *trailer = card->memory[classic_trailer(sector)];
    const uint8_t *stored = key == CLASSIC_KEY_A ? trailer : trailer + TRAILER_KEY_B;
    /* The UID goes into Crypto1's start value: a wrong one fails like a wrong key. Of seven bytes
     * the last cascade level counts, bytes 3 to 6 (AN10927, 3). */
    const uint8_t *uid = card->uid + card->uid_bytes - 4;
    struct classic_access access;

    if (!classic_access_decode(trailer + TRAILER_ACCESS, &access) ||
        memcmp(tx + 2, stored, KEY_BYTES) != 0 || memcmp(tx + 2 + KEY_BYTES, uid, 4) != 0) {
        card->state = CLASSIC_HALT;
        return CLASSIC_AUTH_FAIL;
    }
    card->state = CLASSIC_AUTHENTICATED;
    card->sector = sector;
    card->key = key;
    return CLASSIC_OK;
}

static enum classic_answer read_trailer(struct classic *card, uint8_t block, uint8_t *rx,
                                        size_t *ret_rx_bytes)
{
    struct classic_access access;
    if (!is_open(card, block) || !find_access(card, &access) ||
        !classic_may_use_trailer(access.group[3], card->key, CLASSIC_TRAILER_READ_ACCESS)) {
        return refuse(card);
    }
    sense_block(card, block, rx);
    memset(rx, 0, KEY_BYTES);
    if (!classic_may_use_trailer(access.group[3], card->key, CLASSIC_TRAILER_READ_KEY_B)) {
        memset(rx + TRAILER_KEY_B, 0, KEY_BYTES);
    }
    *ret_rx_bytes = CLASSIC_BLOCK_BYTES;
    return CLASSIC_OK;
}

static enum classic_answer read_block(struct classic *card, const uint8_t *tx, size_t tx_bytes,
                                      uint8_t *rx, size_t *ret_rx_bytes)
{
    if (tx_bytes != 2) {
        return refuse(card);
    }
    if (is_trailer(tx[1])) {
        return read_trailer(card, tx[1], rx, ret_rx_bytes);
    }
    if (!may_use(card, tx[1], CLASSIC_USE_READ)) {
        return refuse(card);
    }
    sense_block(card, tx[1], rx);
    *ret_rx_bytes = CLASSIC_BLOCK_BYTES;
    return CLASSIC_OK;
}

static enum classic_answer write_trailer(struct classic *card, uint8_t block, const uint8_t *data)
{
    struct classic_access access;
    if (!is_open(card, block) || !find_access(card, &access)) {
        return refuse(card);
    }
    const struct {
        enum classic_trailer_use use;
        size_t at;
        size_t bytes;
    } parts[] = {
        {CLASSIC_TRAILER_WRITE_KEY_A, 0, KEY_BYTES},
        {CLASSIC_TRAILER_WRITE_ACCESS, TRAILER_ACCESS, TRAILER_ACCESS_BYTES},
        {CLASSIC_TRAILER_WRITE_KEY_B, TRAILER_KEY_B, KEY_BYTES},
    };
    uint8_t next[CLASSIC_BLOCK_BYTES];
    bool may_write_any = false;

    memcpy(next, card->memory[block], sizeof next);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (classic_may_use_trailer(access.group[3], card->key, parts[i].use)) {
            memcpy(next + parts[i].at, data + parts[i].at, parts[i].bytes);
            may_write_any = true;
        }
    }
    return may_write_any ? program_block(card, block, next) : refuse(card);
}

static enum classic_answer write_block(struct classic *card, const uint8_t *tx, size_t tx_bytes)
{
    if (tx_bytes != 2 + CLASSIC_BLOCK_BYTES) {
        return refuse(card);
    }
    const uint8_t block = tx[1];
    if (is_trailer(block)) {
        return write_trailer(card, block, tx + 2);
    }
    /* Block 0 is programmed and locked in production (MF1S503x, 8.6.1). */
    if (block == 0 || !may_use(card, block, CLASSIC_USE_WRITE)) {
        return refuse(card);
    }
    return program_block(card, block, tx + 2);
}

static enum classic_answer load_buffer(struct classic *card, const uint8_t *tx, size_t tx_bytes)
{
    if (tx_bytes != 2 + 4) {
        return refuse(card);
    }
    const enum classic_use use =
        tx[0] == COMMAND_INCREMENT ? CLASSIC_USE_INCREMENT : CLASSIC_USE_DECREMENT;
    uint8_t data[CLASSIC_BLOCK_BYTES];
    int32_t value;
    uint8_t address;

    if (!may_use(card, tx[1], use)) {
        return refuse(card);
    }
    sense_block(card, tx[1], data);
    if (!classic_value_decode(data, &value, &address)) {
        return refuse(card);
    }
    const uint32_t operand =
        tx[2] | (uint32_t)tx[3] << 8 | (uint32_t)tx[4] << 16 | (uint32_t)tx[5] << 24;
    uint32_t bits = (uint32_t)value;
    if (tx[0] == COMMAND_INCREMENT) {
        bits += operand;
    } else if (tx[0] == COMMAND_DECREMENT) {
        bits -= operand;
    }
    card->buffer_value = (int32_t)bits;
    card->buffer_address = address;
    card->buffer_is_valid = true;
    return CLASSIC_OK;
}

static enum classic_answer transfer(struct classic *card, const uint8_t *tx, size_t tx_bytes)
{
    if (tx_bytes != 2 || tx[1] == 0 || !card->buffer_is_valid ||
        !may_use(card, tx[1], CLASSIC_USE_DECREMENT)) {
        return refuse(card);
    }
    uint8_t data[CLASSIC_BLOCK_BYTES];
    classic_value_encode(card->buffer_value, card->buffer_address, data);
    return program_block(card, tx[1], data);
}

static enum classic_answer obey(struct classic *card, const uint8_t *tx, size_t tx_bytes,
                                uint8_t *rx, size_t *ret_rx_bytes)
{
    switch (tx_bytes == 0 ? 0 : tx[0]) {
    case COMMAND_AUTH_A:
    case COMMAND_AUTH_B:
        return authenticate(card, tx, tx_bytes);
    case COMMAND_READ:
        return read_block(card, tx, tx_bytes, rx, ret_rx_bytes);
    case COMMAND_WRITE:
        return write_block(card, tx, tx_bytes);
    case COMMAND_DECREMENT:
    case COMMAND_INCREMENT:
    case COMMAND_RESTORE:
        return load_buffer(card, tx, tx_bytes);
    case COMMAND_TRANSFER:
        return transfer(card, tx, tx_bytes);
    default:
        return refuse(card);
    }
}

enum classic_answer classic_exchange(struct classic *card, const uint8_t *tx, size_t tx_bytes,
                                     uint8_t *rx, size_t rx_max, size_t *ret_rx_bytes)
{
    assert(rx_max >= CLASSIC_BLOCK_BYTES);

    *ret_rx_bytes = 0;
    if (card->state != CLASSIC_ACTIVE && card->state != CLASSIC_AUTHENTICATED) {
        return CLASSIC_TIMEOUT;
    }
    const enum classic_answer answer = obey(card, tx, tx_bytes, rx, ret_rx_bytes);
    end_command(card);
    return answer;
}
