#include "tools/pn532-sim/timing.h"

#include <assert.h>
#include <inttypes.h>

/* Data sheet figures, see timing.h. A block write is 5.5 ms of which about 2.2 ms is radio. */
enum {
    SELECT_US = 2500,
    SELECT_SECOND_LEVEL_US = 1000,
    AUTH_US = 2000,
    READ_US = 2500,
    WRITE_US = 5500,
    VALUE_US = 2500,
    TRANSFER_US = 4500,
    EEPROM_US = 3300,
    EMPTY_TRY_US = 5000,
};

/* Frames in the air, in bits: the short frame REQA and its answer ATQA; anticollision 93 20 with
 * its answer of 5 bytes, SELECT of 9 bytes with SAK and CRC (ISO 14443-3, 6.2 and 6.4). */
enum {
    REQUEST_BITS = 10 + 20,
    LEVEL_BITS = (2 * 9 + 3) + (5 * 9 + 2) + (9 * 9 + 3) + (3 * 9 + 2),
    ACK_BITS = 4 + 2,
};

/* One frame of the reader has three bits more than its bytes, one of the card two. */
static uint32_t reader_bits(uint32_t bytes)
{
    return bytes * 9 + 3;
}

static uint32_t card_bits(uint32_t bytes)
{
    return bytes * 9 + 2;
}

/* A bit takes 128 periods of the 13.56 MHz carrier: 9.44 us. */
uint32_t timing_air_us(uint32_t bits)
{
    return (uint32_t)(((uint64_t)bits * 12800 + 678) / 1356);
}

static struct timing_cost cost_of(const char *name, int block, uint32_t card_us, uint32_t bits)
{
    const uint32_t air_us = timing_air_us(bits);
    return (struct timing_cost){
        .name = name,
        .block = block,
        .card_us = card_us,
        .air_us = air_us < card_us ? air_us : card_us,
    };
}

struct timing_cost timing_select(uint8_t uid_bytes)
{
    if (uid_bytes == 4) {
        return cost_of("select", TIMING_NO_BLOCK, SELECT_US, REQUEST_BITS + LEVEL_BITS);
    }
    return cost_of("select", TIMING_NO_BLOCK, SELECT_US + SELECT_SECOND_LEVEL_US,
                   REQUEST_BITS + 2 * LEVEL_BITS);
}

struct timing_cost timing_empty_field(uint32_t tries)
{
    return cost_of("select", TIMING_NO_BLOCK, tries * EMPTY_TRY_US, tries * 10);
}

struct timing_cost timing_halt(void)
{
    const uint32_t bits = reader_bits(4);
    return cost_of("halt", TIMING_NO_BLOCK, timing_air_us(bits), bits);
}

struct timing_cost timing_chip(const char *name)
{
    return cost_of(name, TIMING_NO_BLOCK, 0, 0);
}

/* The command by its first byte, as if it went well. */
static struct timing_cost cost_of_exchange(const uint8_t *tx, size_t tx_bytes)
{
    const int block = tx_bytes > 1 ? tx[1] : TIMING_NO_BLOCK;
    /* Authentication: the command, nonce of 4 bytes, 8 bytes back, 4 bytes at last. */
    const uint32_t auth_bits = reader_bits(4) + card_bits(4) + reader_bits(8) + card_bits(4);
    const uint32_t write_bits = reader_bits(4) + ACK_BITS + reader_bits(18) + ACK_BITS;
    const uint32_t value_bits = reader_bits(4) + ACK_BITS + reader_bits(6);

    switch (tx_bytes == 0 ? 0 : tx[0]) {
    case 0x60:
        return cost_of("auth a", block, AUTH_US, auth_bits);
    case 0x61:
        return cost_of("auth b", block, AUTH_US, auth_bits);
    case 0x30:
        return cost_of("read", block, READ_US, reader_bits(4) + card_bits(18));
    case 0xA0:
        return cost_of("write", block, WRITE_US, write_bits);
    case 0xB0:
        return cost_of("transfer", block, TRANSFER_US, reader_bits(4) + ACK_BITS);
    case 0xC0:
        return cost_of("decrement", block, VALUE_US, value_bits);
    case 0xC1:
        return cost_of("increment", block, VALUE_US, value_bits);
    case 0xC2:
        return cost_of("restore", block, VALUE_US, value_bits);
    default:
        return cost_of("unknown", block, timing_air_us(reader_bits(4)), reader_bits(4));
    }
}

struct timing_cost timing_exchange(const uint8_t *tx, size_t tx_bytes, enum classic_answer answer,
                                   uint32_t timeout_us)
{
    struct timing_cost cost = cost_of_exchange(tx, tx_bytes);
    const uint8_t command = tx_bytes == 0 ? 0 : tx[0];

    switch (answer) {
    case CLASSIC_OK:
        if (command == 0xA0 || command == 0xB0) {
            cost.eeprom_us = EEPROM_US;
        }
        if (command == 0xC0 || command == 0xC1 || command == 0xC2) {
            cost.wait_us = timeout_us;
        }
        break;
    case CLASSIC_NAK: {
        /* The card refuses at the command's first part: four bytes out, four bits back. */
        const uint32_t bits = reader_bits(4) + ACK_BITS;
        const char *name = cost.name;
        cost = cost_of(name, cost.block, timing_air_us(bits), bits);
        break;
    }
    case CLASSIC_TIMEOUT:
        cost.wait_us = timeout_us;
        break;
    case CLASSIC_AUTH_FAIL:
        break;
    }
    return cost;
}

uint32_t timing_wire_us(size_t bytes, uint32_t baud)
{
    assert(baud > 0);
    return (uint32_t)(((uint64_t)bytes * 10 * 1000000 + baud / 2) / baud);
}

void timing_log_reset(struct timing_log *log)
{
    log->count = 0;
    log->dropped = 0;
    log->empty_polls = 0;
}

void timing_log_add(struct timing_log *log, const struct timing_entry *entry)
{
    if (log->count == TIMING_ENTRIES_MAX) {
        log->dropped += 1;
        return;
    }
    log->entries[log->count] = *entry;
    log->count += 1;
}

uint32_t timing_entry_us(const struct timing_entry *entry)
{
    return entry->cost.card_us + entry->cost.wait_us + entry->wire_us;
}

uint64_t timing_log_us(const struct timing_log *log)
{
    uint64_t us = 0;
    for (uint32_t i = 0; i < log->count; i++) {
        us += timing_entry_us(&log->entries[i]);
    }
    return us;
}

static void print_entry(const struct timing_entry *entry, FILE *out)
{
    const struct timing_cost *cost = &entry->cost;
    fprintf(out, "{\"name\":\"%s\",", cost->name);
    if (cost->block != TIMING_NO_BLOCK) {
        fprintf(out, "\"block\":%d,", cost->block);
    }
    fprintf(out, "\"status\":%u,\"card_us\":%" PRIu32 ",\"air_us\":%" PRIu32, entry->status,
            cost->card_us, cost->air_us);
    fprintf(out, ",\"eeprom_us\":%" PRIu32 ",\"wait_us\":%" PRIu32, cost->eeprom_us, cost->wait_us);
    fprintf(out, ",\"wire_bytes\":%" PRIu32 ",\"wire_us\":%" PRIu32, entry->wire_bytes,
            entry->wire_us);
    fprintf(out, ",\"firmware_us\":%" PRIu32 ",\"total_us\":%" PRIu32 "}", entry->firmware_us,
            timing_entry_us(entry));
}

void timing_log_print(const struct timing_log *log, FILE *out)
{
    uint64_t card = 0, air = 0, eeprom = 0, wait = 0, wire_bytes = 0, wire = 0, firmware = 0;

    fputs("{\"commands\":[", out);
    for (uint32_t i = 0; i < log->count; i++) {
        const struct timing_entry *entry = &log->entries[i];
        fputs(i == 0 ? "" : ",", out);
        print_entry(entry, out);
        card += entry->cost.card_us;
        air += entry->cost.air_us;
        eeprom += entry->cost.eeprom_us;
        wait += entry->cost.wait_us;
        wire_bytes += entry->wire_bytes;
        wire += entry->wire_us;
        firmware += entry->firmware_us;
    }
    fprintf(out, "],\"total\":{\"commands\":%" PRIu32 ",\"card_us\":%" PRIu64, log->count, card);
    fprintf(out, ",\"air_us\":%" PRIu64 ",\"eeprom_us\":%" PRIu64, air, eeprom);
    fprintf(out, ",\"wait_us\":%" PRIu64 ",\"wire_bytes\":%" PRIu64, wait, wire_bytes);
    fprintf(out, ",\"wire_us\":%" PRIu64 ",\"firmware_us\":%" PRIu64, wire, firmware);
    fprintf(out, ",\"total_us\":%" PRIu64 "},\"empty_polls\":%" PRIu32 ",\"dropped\":%" PRIu32 "}",
            timing_log_us(log), log->empty_polls, log->dropped);
}
