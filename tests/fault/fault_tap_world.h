/* fault_tap_world.h - a terminal, a member card and a club in one process, to be cut anywhere.
 *
 * Real parts: card drivers, engine, store, tap and service, the club's ledger. Models: the card's
 * chip (tools/pn532-sim/classic.h, desfire.h), the disk (tests/support/crash_vfs.h), the clock. A
 * world is booted from a prepared card and database, asked for taps, dies, boots again, and is then
 * checked against everything that must never break. */
#ifndef TESTS_FAULT_FAULT_TAP_WORLD_H
#define TESTS_FAULT_FAULT_TAP_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/card/card_families.h"
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
    OP_TRANSFER_OUT,
    OP_TRANSFER_IN,
    OP_SALE_EXPIRE,  /* a year later: points expire first, by a transaction of their own */
    OP_SALE_ACTIONS, /* five of the club's actions come first, by two transactions of their own */
    OP_DUPLICATE,    /* all that the card has leaves it */
    OP_TAKE_OVER,    /* a blank card takes what left another one */
    OP_REPLACE,      /* a blank card in the place of a lost one */
    OPERATIONS
};
/* The operation makes a card of a blank one. */
bool world_issues(enum operation operation);
extern const char *const operation_names[OPERATIONS];

/* When a shopper whose card was cut comes back. */
enum returns { RETURNS_SOON, RETURNS_LATER };

/* A cut of a card of either family: classic.h and desfire.h say what each means. */
enum cut_when { CUT_NEVER, CUT_AFTER, CUT_WRITE };
struct cut {
    enum cut_when when;
    uint32_t n;
    unsigned tear;      /* enum classic_tear or enum desfire_tear */
    uint8_t head_bytes; /* of a Classic's torn head */
};

/* The card of a world; `family` tells which of the two it is. */
struct chip {
    enum card_family family;
    struct classic classic;
    struct desfire desfire;
};

enum { TX_MAX = 64 };

/* Each command as it is about to reach the card, until a cut strikes: then the last one stays. */
struct witness {
    bool is_on, has_struck;
    struct chip before;
    uint8_t tx[TX_MAX];
    size_t tx_bytes;
};

struct world {
    struct chip *chip;    /* in shared memory: it survives a killed process */
    struct classic *card; /* &chip->classic, of a world of that family */
    struct soft_reader soft;
    struct card_families driver;
    struct store *store;
    struct terminal *terminal;
    const char *path;     /* of a real database file; NULL: on the crashing disk */
    const char *database; /* that the hotlist lies beside, a real file too; NULL: no list */
    int64_t spend_max;    /* rials, while that list is old or missing; 0: as much as there is */
    /* Called before each card command; may not return. NULL: nothing. */
    void (*before_command)(void);
    bool is_deaf;            /* nobody takes the answers */
    struct classic *beside;  /* a second card in the field, at the same time; NULL: none */
    unsigned selects;        /* while there are two */
    struct cut cut_again;    /* planned when a card that was cut comes back; NEVER: none */
    struct witness *witness; /* NULL: none */
    /* When the intent goes to the disk while the card is staged. */
    enum disk_turn { DISK_FIRST, DISK_BETWEEN, DISK_LAST, DISK_TURNS } disk_turn;
};

/* The clocks; a test moves them. */
extern int64_t world_clock_ms, world_clock_s;
extern enum clock_quality world_clock_quality;

/* Keys, prepared database and cards of one family, and the club; again for the other family. */
void world_prepare(enum card_family family);
/* Puts card, disk and date into the state before `operation`. `path` NULL: the crashing disk. */
void world_reset(struct world *world, enum operation operation, const char *path);
/* Power on: everything is new but card and disk. False: the store does not open (power is off). */
bool world_boot(struct world *world);
/* The process ends without a word: its memory is freed, and nothing else is done. */
void world_die(struct world *world);

void world_plan_cut(struct world *world, struct cut cut);
uint32_t world_cuts_taken(const struct world *world); /* since world_reset or world_load */
/* The i-th way to tear a write of this family's card; `every` all lengths of a torn head, else
 * some. False after the last. */
bool world_tear(enum card_family family, bool every, unsigned i, struct cut *cut);

/* What the card says of itself after OP_SALE_ACTIONS. */
extern const struct action_particulars world_particulars;

/* The request of an operation, and of a balance. */
struct tap_request world_request(enum operation operation);
struct tap_request world_balance(void);

/* The next request, if it makes a card, brings its member. world_ask() does it by itself. */
void world_attach_member(struct world *world, const struct tap_request *request);

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

/* Between two terminals' lives a world is two things: what outlives power on the card, and the
 * files on the disk. Nothing else passes from one life to the next: world_load makes a world from
 * these bytes and from constants alone. `path` must be NULL. Equal disks are kept once, found by
 * comparing all their bytes, so two states are equal when card and disk number are. */
struct state {
    size_t card_bytes;
    uint8_t *card; /* malloc */
    uint32_t disk; /* its number */
};
struct state world_save(const struct world *world);
void world_load(struct world *world, const struct state *state);
void state_free(struct state *state);
void world_forget_disks(void); /* no state may be left */
/* The same as a fingerprint of 64 bits, with what the check goes by besides: what was told before,
 * by which way it is settled now, and how disk and card take turns. */
uint64_t world_fingerprint(const struct world *world, const struct story *story, unsigned by);
/* What a reader can tell of a state's card: states with the same bytes here answer every command
 * that the drivers send alike, and still do so after it. The card's bytes as they are, but of a
 * Classic's sector:
 * - nothing, when no key opens it: malformed access bits, or neither key one that is ever tried.
 *   Nothing in it can be read or written any more.
 * - not key A, when it is none that is ever tried: a card never shows it, and refuses each other.
 * - not key B, when it is none that is ever tried and cannot be read as data.
 * Keys that are ever tried: the factory's, the directory's public one, and the key store's for that
 * sector; each handshake of each life is held against them. And whether a trailer is torn, which
 * the check looks up. Returns the size, at most CARD_BYTES_MAX. */
enum { CARD_BYTES_MAX = 32768 };
size_t world_seen(const struct state *state, uint8_t ret[CARD_BYTES_MAX]);
/* What the witnessed write leaves when it is torn by `cut`, with the disk of `state`, which was
 * saved after that very write was cut: the card never came back in that life, so nothing the
 * terminal did afterwards hangs on how the write was torn. */
struct state world_torn(const struct witness *witness, const struct state *state, struct cut cut);

/* States that were checked, how many of them were different, blank cards that a torn trailer
 * locked, and turns of the disk in the middle of a staging. */
extern uint64_t world_checked, world_distinct, world_lost, world_turns_between;

#endif
