/* fault_tap_priv.h - between fault_tap_world.c, which prepares a world and runs it,
 * fault_tap_state.c, which keeps it between two lives, and fault_tap_check.c, which judges it. For
 * nobody else. */
#ifndef TESTS_FAULT_FAULT_TAP_PRIV_H
#define TESTS_FAULT_FAULT_TAP_PRIV_H

#include <stdio.h>
#include <stdlib.h>

#include "server/ledger.h"
#include "tests/fault/fault_tap_world.h"

enum { TERMINAL_NO = 1 };

/* What world_prepare made, for the family in force. */
struct prepared {
    enum card_family family;
    struct keystore *keys;
    struct chip member, blank, issued; /* the last: `blank` after an issue */
    uint64_t member_number;
    uint64_t giver_number; /* of a third card, whose credit OP_TRANSFER_IN takes;
                              OP_REPLACE takes its place */
    uint64_t mover_number; /* of a fourth one, whose place OP_TAKE_OVER takes */
    struct tap_request take_over;
    struct snapshot before;               /* the member card's newest */
    struct chip late;                     /* the member card, for OP_SALE_EXPIRE; its newest, and */
    struct snapshot before_late, between; /* what it is once its points have expired */
    struct snapshot arrived;              /* the member card once all the actions are on it */
    struct snapshot expected[OPERATIONS]; /* after one operation, uncut */
    struct db *club;
    struct ledger *ledger;
    FILE *dump;
};
extern struct prepared prepared;

/* What outlives power on a card, bit for bit; nothing else. Returns its size. */
size_t chip_bytes(const struct chip *chip, uint8_t ret[CARD_BYTES_MAX]);

/* A fingerprint that goes on over these bytes; 0 begins one. */
uint64_t world_mix(uint64_t hash, const void *bytes, size_t size);

/* Some trailer is neither as it left the factory nor as an issue leaves it. */
bool has_torn_trailer(const struct classic *card);

extern const char world_db_name[], world_log_name[];

/* A world without a past: whatever a new one begins with beside card and disk. */
void world_new_chip(struct world *world);
void chip_plan_cut(struct chip *chip, struct cut cut);

/* Fails when a handshake tries a key that world_seen() does not count on. */
void world_watch_keys(const struct classic *card, const uint8_t *tx, size_t tx_bytes);

/* The card's reader as the terminal has it, with all that is watched there. */
struct reader world_reader(struct world *world);

#define MUST(expression)                                                                           \
    do {                                                                                           \
        if (!(expression)) {                                                                       \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #expression);               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
