/* The identity file: written at issue, and what the card says of itself once more in a later
 * transaction (hal/card.h, amend). The chip keeps it with the record: both or neither. */
#include <string.h>

#include "drivers/card/desfire_priv.h"

enum { READ_DATA = 0xBD, WRITE_DATA = 0x3D };

void desfire_remember_particulars(struct desfire_card *card,
                                  const struct action_particulars *particulars)
{
    card->is_amended = true;
    card->particulars = *particulars;
}

/* One part of the identity file, of its `bytes`. */
static enum st stage_part(struct desfire_card *card, const uint8_t *bytes, uint8_t offset)
{
    uint8_t message[EV1_MESSAGE_MAX] = {
        WRITE_DATA, DESFIRE_IDENTITY, offset, 0, 0, DESFIRE_IDENTITY_PART,
    };
    memcpy(message + 8, bytes + offset, DESFIRE_IDENTITY_PART);
    return desfire_io_ask(&card->io, EV1_MACED, message, 8, DESFIRE_IDENTITY_PART);
}

enum st desfire_stage_identity(struct desfire_card *card, const struct card_identity *identity)
{
    const struct desfire_owner owner = desfire_owner_of(card);
    uint8_t bytes[2 * DESFIRE_IDENTITY_PART];

    desfire_identity_encode(&owner, identity, bytes);
    const enum st st = stage_part(card, bytes, DESFIRE_IDENTITY_PART); /* the name */
    return st == ST_OK ? stage_part(card, bytes, 0) : st;
}

enum st desfire_amend(struct desfire_card *card)
{
    const struct action_particulars *particulars = &card->particulars;
    const struct desfire_owner owner = desfire_owner_of(card);
    uint8_t message[EV1_MESSAGE_MAX] = {
        READ_DATA, DESFIRE_IDENTITY, 0, 0, 0, 2 * DESFIRE_IDENTITY_PART,
    };
    uint8_t bytes[2 * DESFIRE_IDENTITY_PART];
    struct card_identity identity;

    const enum st st = desfire_io_ask(&card->io, EV1_PLAIN, message, 8, 0);
    if (st != ST_OK) {
        return st;
    }
    /* Cells that went bad lose what the particulars do not bring. */
    if (card->io.answer_bytes != sizeof bytes ||
        desfire_identity_decode(&owner, card->io.answer, &identity) != ST_OK) {
        identity = (struct card_identity){.number = card->number};
    }
    identity.kind = particulars->kind;
    identity.birthday = particulars->birthday;
    identity.wedding = particulars->wedding;
    identity.expires = particulars->expires;
    desfire_identity_encode(&owner, &identity, bytes);
    return stage_part(card, bytes, 0);
}
