/* ultralight.h - a model of a MIFARE Ultralight, or of an NTAG213, 215 or 216.
 *
 * Pure, like classic.h: no I/O, no clock, no allocation, no pointers inside the struct.
 * Sources: NXP MF0ICU1 (memory 7.6, commands 7.7), NTAG213/215/216 Rev 3.2 (memory 8.5,
 * commands 10). Counters, signature and the ASCII mirror are not modelled. A NAK sends the card
 * back to where it was selected from, IDLE or HALT (ISO 14443-3). */
#ifndef TOOLS_PN532_SIM_ULTRALIGHT_H
#define TOOLS_PN532_SIM_ULTRALIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ULTRALIGHT_PAGE_BYTES = 4,
    ULTRALIGHT_PAGES_MAX = 231,
    ULTRALIGHT_UID_BYTES = 7,
    ULTRALIGHT_ANSWER_BYTES_MAX = 256, /* of the longest FAST_READ a PN532 can carry: 64 pages */
};

enum ultralight_kind {
    ULTRALIGHT_PLAIN,
    ULTRALIGHT_NTAG213,
    ULTRALIGHT_NTAG215,
    ULTRALIGHT_NTAG216,
};

enum ultralight_state {
    ULTRALIGHT_OFF,
    ULTRALIGHT_IDLE,
    ULTRALIGHT_ACTIVE,
    ULTRALIGHT_HALT,
};

enum ultralight_answer {
    ULTRALIGHT_OK, /* Data in rx, or ACK when there is none. */
    ULTRALIGHT_NAK,
    ULTRALIGHT_TIMEOUT,
};

/* As in classic.h; a page is written whole, not at all, or in its first half. */
enum ultralight_tear {
    ULTRALIGHT_TEAR_OLD,
    ULTRALIGHT_TEAR_NEW,
    ULTRALIGHT_TEAR_HALF,
};

enum ultralight_cut_when {
    ULTRALIGHT_CUT_NEVER,
    ULTRALIGHT_CUT_AFTER,
    ULTRALIGHT_CUT_WRITE,
};

struct ultralight_cut {
    enum ultralight_cut_when when;
    uint32_t n;
    enum ultralight_tear tear;
};

struct ultralight {
    enum ultralight_kind kind;
    uint8_t pages[ULTRALIGHT_PAGES_MAX][ULTRALIGHT_PAGE_BYTES];

    /* Volatile. */
    bool is_away;
    enum ultralight_state state;
    bool was_halted;
    bool is_authenticated; /* by PWD_AUTH */

    uint32_t commands;
    uint32_t writes;
    struct ultralight_cut cut;
    uint32_t cuts_taken;
};

/* Makes a card as it leaves the factory. */
void ultralight_init(struct ultralight *card, enum ultralight_kind kind,
                     const uint8_t uid[ULTRALIGHT_UID_BYTES]);

/* 16, 45, 135 or 231. */
uint8_t ultralight_pages(enum ultralight_kind kind);

/* The UID, from pages 0 and 1. ATQA is 0044 and SAK 00 for all kinds. */
void ultralight_uid(const struct ultralight *card, uint8_t ret_uid[ULTRALIGHT_UID_BYTES]);

void ultralight_field_on(struct ultralight *card);
void ultralight_field_off(struct ultralight *card);
void ultralight_remove(struct ultralight *card);
void ultralight_insert(struct ultralight *card);
void ultralight_plan_cut(struct ultralight *card, struct ultralight_cut cut);

/* Calls and selects, up to `tries` times; `wakes` is WUPA, else REQA. */
bool ultralight_select(struct ultralight *card, bool wakes, unsigned tries);
void ultralight_halt(struct ultralight *card);

/* Sends one command without CRC:
 *     30 page                read             -> 16 bytes, rolling over to page 0
 *     A2 page data[4]        write
 *     A0 page data[16]       compatibility write: the first four bytes
 * and for NTAG
 *     60                     version          -> 8 bytes
 *     3A first last          fast read        -> 4 bytes a page
 *     1B password[4]         authenticate     -> PACK, 2 bytes
 * `rx_max` is at least ULTRALIGHT_ANSWER_BYTES_MAX. */
enum ultralight_answer ultralight_exchange(struct ultralight *card, const uint8_t *tx,
                                           size_t tx_bytes, uint8_t *rx, size_t rx_max,
                                           size_t *ret_rx_bytes);

#endif
