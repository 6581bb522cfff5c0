/* What a member card says of itself, written anew (hal/card.h, amend). Before the snapshot, so that
 * a card under that snapshot says it; a cut between leaves what the same commit, made again by
 * whoever holds the action, writes whole. Why so: docs/decisions/0016-particulars.md. */
#include <string.h>

#include "drivers/card/classic_priv.h"

void classic_remember_particulars(struct classic_card *card,
                                  const struct action_particulars *particulars)
{
    card->is_amended = true;
    card->particulars = *particulars;
}

/* The record as it stands. Torn by a cut, it has lost two fields that nothing on the counter looks
 * at: the member's number and the day of issue. */
static enum st read_identity(struct classic_card *card, struct card_identity *ret)
{
    uint8_t bytes[CLASSIC_SECTOR];

    memset(ret, 0, sizeof *ret);
    const enum st st = classic_read_sector(card, CLASSIC_IDENTITY, bytes);
    if (st == ST_OK && (classic_identity_decode(&card->owner, bytes, ret) != ST_OK ||
                        ret->number != card->number)) {
        memset(ret, 0, sizeof *ret);
        ret->number = card->number;
    }
    return st;
}

enum st classic_amend(struct classic_card *card)
{
    const struct action_particulars *particulars = &card->particulars;
    uint8_t bytes[CLASSIC_SECTOR];
    struct card_identity identity;

    if (!card->is_amended) {
        return ST_OK;
    }
    enum st st = read_identity(card, &identity);
    if (st != ST_OK) {
        return st;
    }
    identity.kind = particulars->kind;
    identity.birthday = particulars->birthday;
    identity.wedding = particulars->wedding;
    identity.expires = particulars->expires;
    classic_identity_encode(&card->owner, &identity, bytes);
    /* Also when it reads as it should: an interrupted write may read well once and no more. */
    st = classic_write_once(card, CLASSIC_IDENTITY, bytes);
    if (st != ST_OK || card->io.selects != card->session) {
        return st == ST_OK ? ST_GONE : st;
    }
    card->is_amended = false; /* done: it is not cut once more while the snapshot is in doubt */
    card->staged_slot = CLASSIC_SLOTS; /* another sector is open now */
    return ST_OK;
}
