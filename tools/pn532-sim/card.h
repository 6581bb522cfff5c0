/* card.h - whatever card lies on the reader: what the PN532 and the simulator do with any kind.
 *
 * A struct card only points at a model; the owner keeps that. Exchanges differ in kind and go to
 * the model itself. */
#ifndef TOOLS_PN532_SIM_CARD_H
#define TOOLS_PN532_SIM_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pn532-sim/classic.h"
#include "tools/pn532-sim/desfire.h"
#include "tools/pn532-sim/ultralight.h"

enum {
    CARD_UID_BYTES_MAX = 7,
};

enum card_kind {
    CARD_NONE,
    CARD_CLASSIC,
    CARD_DESFIRE,
    CARD_ULTRALIGHT,
};

struct card {
    enum card_kind kind; /* tells which of these is set */
    struct classic *classic;
    struct desfire *desfire;
    struct ultralight *ultralight;
};

/* What a card says when it is selected. */
struct card_identity {
    uint8_t atqa[2]; /* most significant byte first */
    uint8_t sak;
    uint8_t uid_bytes;
    uint8_t uid[CARD_UID_BYTES_MAX];
};
struct card_identity card_identify(struct card card);

bool card_is_same(struct card a, struct card b);
bool card_is_away(struct card card); /* true for CARD_NONE */
void card_field_on(struct card card);
void card_field_off(struct card card);
void card_insert(struct card card);
void card_remove(struct card card);

/* Calls and selects as far as ISO 14443-3 goes. */
bool card_select(struct card card, enum classic_call call, unsigned tries);
void card_halt(struct card card);

/* A tear that the kind does not know counts as: torn (TEAR_HALF of desfire.h, ultralight.h). */
void card_plan_cut(struct card card, struct classic_cut cut);
bool card_has_plan(struct card card);

uint32_t card_commands(struct card card);
uint32_t card_writes(struct card card);
uint32_t card_cuts_taken(struct card card);
void card_reset_counters(struct card card);

/* True when it would answer that call: IDLE, or in HALT to a WUPA. */
bool card_hears(struct card card, enum classic_call call);
/* Of two cards that answer together, the one that the anticollision singles out: at the first bit
 * in which their UIDs differ, in the order of the air, the reader goes on with 1 (ISO 14443-3,
 * 6.5.3). A UID of 7 bytes begins with the cascade tag 88. */
struct card card_winner(struct card a, struct card b);
bool card_is_halted(struct card card);
/* "off", "idle", "active", "halt", and "authenticated" of a Classic, "ready" of a DESFire. */
const char *card_state_word(struct card card);

#endif
