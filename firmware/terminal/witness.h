/* witness.h - what a card's ring tells of other terminals' transactions, as sightings.
 *
 * A terminal that dies takes its journal with it; the cards that it served still carry what it did.
 * So a terminal that meets a card which was elsewhere notes not only the newest snapshot but the
 * ones behind it, once each: the club fills the dead terminal's gaps from them (docs/club.md 8).
 * Pure; the caller owns the struct and does the reading, when the shopper has been told. */
#ifndef FIRMWARE_TERMINAL_WITNESS_H
#define FIRMWARE_TERMINAL_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/entry.h"
#include "hal/card.h"

/* Cards that left before their ring was read; what is forgotten here another terminal may note. */
enum { WITNESS_OWED_MAX = 32 };

struct witness {
    uint64_t number;    /* the card of this request; 0 = none yet */
    uint32_t floor;     /* of its counters, all up to this one were noted before, or are gone ... */
    uint32_t low, high; /* ... and from `low` to `high`, if the card left in the middle; 0 = not */
    struct witness_owed {
        uint64_t number; /* 0 = free */
        uint32_t floor, low, high;
    } owed[WITNESS_OWED_MAX];
    size_t owed_next;
};

/* A request begins: no card yet. All zeros is a fresh witness. */
void witness_begin(struct witness *witness);
/* The card was looked up in the journal, which knows it up to `seen` (0 = not at all). Only the
 * first time counts: later the journal knows what this very request brought. */
void witness_look(struct witness *witness, uint64_t number, uint32_t seen);

/* How many snapshots are to be read from the card, the newest included; 0 = nothing is behind it
 * that `terminal` has not noted. `newest` is what the card shows; `noted` as in witness_make(). */
size_t witness_wants(const struct witness *witness, const struct snapshot *newest, uint32_t noted,
                     uint32_t terminal);

/* Makes sightings of what `terminal` neither wrote nor noted, oldest first, out of the ring, newest
 * first. `noted` is the counter up to which the journal knows the card now: the newest is not noted
 * twice. What an intent of this terminal has as its snapshot before is left out. The caller fills
 * in sequence, time and clock. Returns how many; at most `count` <= CARD_HISTORY_MAX. */
size_t witness_make(const struct witness *witness, const struct card_view *view,
                    const struct snapshot *ring, size_t count, uint32_t noted, uint32_t terminal,
                    struct entry ret[CARD_HISTORY_MAX]);

/* The ring is in the journal: `is_whole`, all that was wanted; else from counter `high` down to
 * `low`, 0 = nothing. What is missing is wanted when the card comes again. */
void witness_end(struct witness *witness, bool is_whole, uint32_t low, uint32_t high);

#endif
