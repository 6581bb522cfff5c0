/* classic_known.h - the cards that this terminal knows: so that one served lately is found without
 * its head sector.
 *
 * A memory of hints, in RAM only; losing it costs time and nothing else. What is kept of a card is
 * where its newest snapshot is and what it says; a read then proves by the card's own sealed bytes
 * that this is still so, or forgets the card and reads it in full (classic_find.c). The owner of
 * the struct sets count and turn to 0; one thread. */
#ifndef DRIVERS_CARD_CLASSIC_KNOWN_H
#define DRIVERS_CARD_CLASSIC_KNOWN_H

#include "drivers/card/classic_layout.h"

/* A shop's shoppers of a day; the one not seen for longest makes room. */
enum { CLASSIC_KNOWN_MAX = 512 };

struct classic_known_card {
    uint8_t uid[CARD_UID_MAX];
    uint8_t uid_bytes;
    uint8_t version; /* of its keys */
    bool has_pointer;
    uint16_t mask;          /* of its map */
    uint32_t pointer;       /* the highest counter that its pointer was seen to have */
    uint32_t turn;          /* when it was kept */
    uint64_t number;        /* not in the snapshot; */
    struct snapshot newest; /* a snapshot names its journal entry, so no two cards have the same */
};

struct classic_known {
    size_t count;
    uint32_t turn;
    struct classic_known_card cards[CLASSIC_KNOWN_MAX]; /* `count` of them */
};

/* NULL: not known. Valid until the next call of keep or forget. */
const struct classic_known_card *classic_known_find(const struct classic_known *known,
                                                    const uint8_t *uid, size_t uid_bytes);
/* Keeps `card`, in the place of what was kept of its UID. */
void classic_known_keep(struct classic_known *known, const struct classic_known_card *card);
void classic_known_forget(struct classic_known *known, const uint8_t *uid, size_t uid_bytes);

#endif
