/* fault_tap_world.h - a terminal, a member card and a club in one process, to be cut anywhere.
 *
 * Real parts: card driver, engine, store, tap and service, the club's ledger. Models: the card's
 * chip (tools/pn532-sim/classic.h), the disk (tests/support/crash_vfs.h), the clock (below). A
 * world is booted from a prepared card and database, asked for taps, dies, boots again, and is then
 * checked against everything that must never break. */
#ifndef TESTS_FAULT_FAULT_TAP_WORLD_H
#define TESTS_FAULT_FAULT_TAP_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/card/classic_card.h"
#include "firmware/terminal/service.h"
#include "hal/clock.h"
#include "tests/support/soft_reader.h"

enum operation {
    OP_ISSUE,
    OP_SALE,
    OP_SALE_CREDIT,
    OP_SALE_REDEEM,
    OP_SALE_BOTH,
    OP_LOAD,
    OP_REFUND,
    OP_UNLOAD,
    OPERATIONS
};
extern const char *const operation_names[OPERATIONS];

/* When a shopper whose card was cut comes back. */
enum returns { RETURNS_SOON, RETURNS_LATER };

struct world {
    struct classic *card; /* in shared memory: it survives a killed process */
    struct soft_reader soft;
    struct classic_card driver;
    struct store *store;
    struct terminal *terminal;
    const char *path; /* of a real database file; NULL: on the crashing disk */
    /* Called before each card command; may not return. NULL: nothing. */
    void (*before_command)(void);
    bool is_deaf;           /* nobody takes the answers */
    struct classic *beside; /* a second card in the field, at the same time; NULL: none */
    unsigned selects;       /* while there are two */
};

/* The clocks; a test moves them. */
extern int64_t world_clock_ms, world_clock_s;
extern enum clock_quality world_clock_quality;

/* Once per program: keys, prepared database and cards, the club. */
void world_prepare(void);
/* Puts card and disk into the state before `operation`. `path` NULL: the crashing disk. */
void world_reset(struct world *world, enum operation operation, const char *path);
/* Power on: everything is new but card and disk. False: the store does not open (power is off). */
bool world_boot(struct world *world);
/* The process ends without a word: its memory is freed, and nothing else is done. */
void world_die(struct world *world);

/* The request of an operation, and of a balance. */
struct tap_request world_request(enum operation operation);
struct tap_request world_balance(void);

/* Taps until the final answer. False: the power went off before there was one. */
bool world_ask(struct world *world, const struct tap_request *request, enum returns returns,
               struct tap_answer *ret);

/* What the first request was answered before the cut; and what is asked after it. */
struct story {
    enum operation operation;
    bool was_answered;
    struct tap_answer first;
    const char *where; /* for messages */
};

/* Settles by a balance, or by asking for the same again, and checks card, journal and club. */
void world_check_balance(struct world *world, const struct story *story);
void world_check_again(struct world *world, const struct story *story);

/* States that were checked, how many of them were different, and blank cards that a torn trailer
 * locked. */
extern uint64_t world_checked, world_distinct, world_lost;

#endif
