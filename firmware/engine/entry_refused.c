#include "firmware/engine/entry_refused.h"

#include <string.h>

#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"

/* Offsets of docs/journal.md. */
enum { AT_CARD = 24, AT_NUMBER = 32, AT_WHY = 34, AT_IMAGE = 40, AT_SEAL = 104 };
_Static_assert(AT_SEAL + (int)ACTION_SEAL_BYTES == (int)ENTRY_REFUSED_BYTES, "the seal ends it");

bool entry_refused_is_valid(const struct entry_refused *refused)
{
    return card_number_is_valid(refused->card_number) && refused->number >= 1 &&
           refused->number <= SNAPSHOT_ACTION_MAX && refused->why >= REFUSED_SEAL &&
           refused->why <= REFUSED_UNKNOWN;
}

void entry_refused_encode(const struct entry_refused *refused, uint8_t *ret_bytes)
{
    put_le64(ret_bytes + AT_CARD, refused->card_number);
    put_le16(ret_bytes + AT_NUMBER, refused->number);
    ret_bytes[AT_WHY] = refused->why;
    memcpy(ret_bytes + AT_IMAGE, refused->image, sizeof refused->image);
    memcpy(ret_bytes + AT_SEAL, refused->seal, sizeof refused->seal);
}

void entry_refused_decode(const uint8_t *bytes, struct entry_refused *ret)
{
    ret->card_number = get_le64(bytes + AT_CARD);
    ret->number = get_le16(bytes + AT_NUMBER);
    ret->why = bytes[AT_WHY];
    memcpy(ret->image, bytes + AT_IMAGE, sizeof ret->image);
    memcpy(ret->seal, bytes + AT_SEAL, sizeof ret->seal);
}
