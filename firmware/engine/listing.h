/* listing.h - why a card stands on the hotlist, as a small number and as a word.
 *
 * Pure. The numbers are in terminals' files, on the wire and in the club's tables: never renumber.
 * What the list is and how it travels: docs/storage.md, docs/sync.md. */
#ifndef FIRMWARE_ENGINE_LISTING_H
#define FIRMWARE_ENGINE_LISTING_H

#include <stdint.h>

enum listing {
    LISTING_NONE = 0, /* not on the list; in a change: taken off it */
    LISTING_LOST = 1,
    LISTING_STOLEN = 2,
    LISTING_BLOCKED = 3, /* by the club, for a reason of its own */
    LISTING_CLONE = 4,   /* two cards with one number were seen */
    LISTING_REPLACED = 5,
    LISTING_MAX = 15, /* what fits; 6..15 are for later firmware and are refused all the same */
};

/* What a change of the list says of one card. */
struct listing_change {
    uint64_t card;   /* a valid card number */
    uint8_t listing; /* 1..LISTING_MAX; LISTING_NONE = taken off the list */
};

/* Each version of the list has a mark, a number drawn by chance: 0..this, which every JSON reader
 * keeps whole. Version 0, no list yet, has mark 0. */
#define LISTING_MARK_MAX ((INT64_C(1) << 53) - 1)

/* "lost", "stolen" ...; "other" for a number that this version does not know; "" for none. */
const char *listing_word(uint8_t listing);
/* LISTING_NONE: there is no such word. */
uint8_t listing_of_word(const char *word);

#endif
