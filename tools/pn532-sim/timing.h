/* timing.h - how long a tap would take on real parts: air, card, EEPROM and wire, in microseconds.
 *
 * Pure integer arithmetic; no clock is read. Figures that a data sheet states are used as they
 * are; `air_us` and `eeprom_us` are parts of `card_us`, never added to it.
 * Sources:
 * - MF1S50yyX/V1 Rev 3.0 and MF1S503x Rev 3.1, figure 4: select about 2.5 ms, authentication 2,
 *   read 2.5, write 5.5 to 6.0, increment and decrement 2.5, transfer 4.5.
 * - MF1S503x 8.5, 9.2: 106 kbit/s, 9.44 us a bit, nine bits a byte.
 * - UM0701-02 6.1.1.2: 8N1, so ten bits a byte on the wire; 7.3.1 table 16: reply timeout;
 *   7.3.5: about 5 ms for each try of InListPassiveTarget without a card.
 * The PN532's own thinking time is in no document; it is a number of the caller's, kept apart in
 * `firmware_us`, and in no total. */
#ifndef TOOLS_PN532_SIM_TIMING_H
#define TOOLS_PN532_SIM_TIMING_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/pn532-sim/classic.h"

enum {
    TIMING_BAUD_DEFAULT = 115200,
    TIMING_REPLY_TIMEOUT_US = 51200,
    TIMING_ENTRIES_MAX = 4096,
    TIMING_NO_BLOCK = -1,
};

/* `bits` at 106 kbit/s. */
uint32_t timing_air_us(uint32_t bits);

/* What one command costs between the PN532 and the card. */
struct timing_cost {
    const char *name;   /* a literal: "select", "auth a", "read" ... */
    int block;          /* or TIMING_NO_BLOCK */
    uint32_t card_us;   /* all of it: air, card and EEPROM */
    uint32_t air_us;    /* the bits in the air, at most card_us */
    uint32_t eeprom_us; /* programming one block */
    uint32_t wait_us;   /* the reader waits for an answer that never comes */
};

/* Select of a card with a UID of 4 or 7 bytes. */
struct timing_cost timing_select(uint8_t uid_bytes);

/* `tries` calls to an empty field. */
struct timing_cost timing_empty_field(uint32_t tries);

/* HLTA. */
struct timing_cost timing_halt(void);

/* An exchange as classic_exchange takes it. `timeout_us` is the PN532's reply timeout: it passes
 * when the card is silent, and after each increment, decrement and restore, which the card does
 * not acknowledge (MF1S503x 11.4). */
struct timing_cost timing_exchange(const uint8_t *tx, size_t tx_bytes, enum classic_answer answer,
                                   uint32_t timeout_us);

/* A command that the PN532 answers by itself. `name` must outlive the log: use a literal. */
struct timing_cost timing_chip(const char *name);

/* `bytes` on a UART of `baud` (> 0), rounded to the nearest microsecond. */
uint32_t timing_wire_us(size_t bytes, uint32_t baud);

struct timing_entry {
    struct timing_cost cost;
    uint8_t status;      /* of the PN532 (UM0701-02, 7.1), 00 when the command has none */
    uint32_t wire_bytes; /* both ways, the ACK frame included */
    uint32_t wire_us;
    uint32_t firmware_us;
};

/* Everything since the last reset. Calls to an empty field are only counted: a reader that polls
 * would drown the tap in them. */
struct timing_log {
    uint32_t count;
    uint32_t dropped; /* entries that found no room */
    uint32_t empty_polls;
    struct timing_entry entries[TIMING_ENTRIES_MAX];
};

void timing_log_reset(struct timing_log *log);
void timing_log_add(struct timing_log *log, const struct timing_entry *entry);

/* Card, wait and wire time of one entry; and of all. */
uint32_t timing_entry_us(const struct timing_entry *entry);
uint64_t timing_log_us(const struct timing_log *log);

/* Writes the log as one JSON object, without a newline. Write errors stay in `out`. */
void timing_log_print(const struct timing_log *log, FILE *out);

#endif
