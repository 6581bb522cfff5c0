/* entry_refused.h - the entry about an action that a terminal held for a card and did not believe,
 * or did not know: all of it, as evidence.
 *
 * Pure codec of what follows the head; part of entry.h, which is what others include. Bytes:
 * docs/journal.md, "Refused". */
#ifndef FIRMWARE_ENGINE_ENTRY_REFUSED_H
#define FIRMWARE_ENGINE_ENTRY_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/engine/action.h"

enum { ENTRY_REFUSED_BYTES = 168 };

/* Numbers are in journals: never renumber. */
enum refused_why {
    REFUSED_SEAL = 1,    /* the club's key did not seal it */
    REFUSED_PLACE = 2,   /* it did, for another card or number */
    REFUSED_UNKNOWN = 3, /* it did; a version, kind or origin of a newer club */
};

struct entry_refused {
    uint64_t card_number; /* of the card on the reader, for which it was held */
    uint16_t number;      /* of the action, under which it was held */
    uint8_t why;          /* enum refused_why */
    uint8_t image[ACTION_BYTES];
    uint8_t seal[ACTION_SEAL_BYTES];
};

bool entry_refused_is_valid(const struct entry_refused *refused);
/* All ENTRY_REFUSED_BYTES of the entry; the head is the caller's. */
void entry_refused_encode(const struct entry_refused *refused, uint8_t *ret_bytes);
/* Of so many bytes; not every field is tested. */
void entry_refused_decode(const uint8_t *bytes, struct entry_refused *ret);

#endif
