/* classic_card.h - the member card on MIFARE Classic 1K and 4K: a ring of nine sealed snapshots.
 *
 * Implements hal/card.h over hal/reader.h. The caller owns the struct; it holds no foreign handle
 * and needs no close. One thread. Only the first 16 sectors of a 4K card are used. Layout, keys and
 * what a tear can leave: docs/card-layout.md; why so: docs/decisions/0001-card-layout.md. */
#ifndef DRIVERS_CARD_CLASSIC_CARD_H
#define DRIVERS_CARD_CLASSIC_CARD_H

#include <stdbool.h>

#include "drivers/card/classic_io.h"
#include "drivers/card/classic_known.h"
#include "drivers/card/classic_layout.h"
#include "hal/card.h"
#include "hal/keystore.h"
#include "hal/reader.h"

struct classic_card {
    struct classic_io io;
    const struct keystore *keystore;
    /* The rest is what the last read found; fields are the driver's. */
    enum card_condition condition;
    struct classic_owner owner;
    struct classic_map map;
    bool is_mad_shared; /* blank: another publisher's directory lists our sectors as free */
    uint16_t ours;      /* of a card to be issued: bit n when role n has our keys already */
    bool has_pointer;
    struct classic_pointer pointer;
    bool is_pointer_read; /* from the card, since it was selected; else it is remembered */
    uint32_t found;       /* the counter of the newest snapshot when the card was read */
    uint64_t number;
    struct snapshot newest;
    unsigned session; /* io.selects when the newest snapshot was read */
    /* What prepare has written: the slot (CLASSIC_SLOTS: nothing), when, and its whole content. */
    unsigned staged_slot, staged_session;
    uint8_t staged[CLASSIC_SECTOR];
    bool is_committed; /* by us since the read: the pointer may follow */
    bool is_amended;   /* the next commit writes these first: */
    struct action_particulars particulars;
    bool is_identity_due; /* this commit has not written the identity yet */
    struct classic_checkpoint {
        bool is_read;                        /* since the card was selected: */
        uint32_t copy[CLASSIC_FACTS_COPIES]; /* the counter of each copy; 0 = not whole, or lower */
        struct facts told[2];                /* by facts() or the port's user; counter 0 = none */
    } checkpoint;
    struct fault why;
    struct classic_known known; /* what earlier reads and commits found, of many cards; the last */
};

/* Prepares *ret and gives the port to it; `keystore` and `reader` outlive it. Nothing is sent. */
struct card_port classic_card_open(struct classic_card *ret, struct reader reader,
                                   const struct keystore *keystore);

/* Reads the card that the reader has just selected: the port's read without its select. */
ST_CHECK enum st classic_card_take(struct classic_card *card, const struct reader_target *selected,
                                   struct card_view *ret);

#endif
