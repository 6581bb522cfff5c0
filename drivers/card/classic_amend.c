/* The identity of a member card, written anew: new particulars (hal/card.h, amend), or the card
 * goes over to another layout. Always before the snapshot, so that a card under that snapshot says
 * it. What a cut between the two leaves: docs/decisions/0016-particulars.md for layout 1,
 * 0018-layout-2.md for the way to layout 2 and for all that comes later. */
#include <string.h>

#include "drivers/card/classic_priv.h"

/* The last copy of the identity that may be lost is looked at as often as a slot. */
enum { READINGS = 3 };
/* Of cards; layout 2 has four bits for it. */
enum { KIND_MAX = 15 };

void classic_remember_particulars(struct classic_card *card,
                                  const struct action_particulars *particulars)
{
    card->is_amended = true;
    card->particulars = *particulars;
}

/* ST_DENIED: not known. In layout 1 an interrupted write may have broken it; then it has lost two
 * fields that nothing on the counter looks at: the member's number and the day of issue. */
static enum st read_identity(struct classic_card *card, unsigned readings, struct classic_said *ret)
{
    enum st st = ST_DENIED;

    for (unsigned reading = 0; reading < readings && st == ST_DENIED; reading += 1) {
        st = classic_read_identity(card, &card->newest, ret);
        if (st == ST_OK &&
            (ret->identity.number != card->number || ret->identity.kind > KIND_MAX)) {
            st = ST_DENIED; /* nobody wrote that */
        }
    }
    if (st == ST_DENIED) {
        memset(&ret->identity, 0, sizeof ret->identity);
        ret->identity.number = card->number;
    }
    return st;
}

static void take_particulars(const struct classic_card *card, struct card_identity *identity)
{
    identity->kind = card->particulars.kind;
    identity->birthday = card->particulars.birthday;
    identity->wedding = card->particulars.wedding;
    identity->expires = card->particulars.expires;
}

/* All three blocks of the sector. In layout 1 also when it reads as it should: an interrupted write
 * may read well once and no more. In layout 2 only when nothing whole is left to be kept. */
static enum st write_whole(struct classic_card *card, const struct card_identity *identity,
                           const struct snapshot *next)
{
    uint8_t bytes[CLASSIC_SECTOR];

    classic_identity_encode(&card->owner, identity, bytes);
    if (next->layout > SNAPSHOT_LAYOUT_FIRST) {
        classic_copy_encode(&card->owner, 1, identity, next->action, bytes);
    }
    return classic_write_once(card, CLASSIC_IDENTITY, bytes);
}

/* Layout 2: the copy that does not count yet; coming from layout 1, the one that it does not have.
 * The sector of the one is written with key B, that of the other with either. */
static enum st write_other(struct classic_card *card, struct classic_said *said,
                           const struct snapshot *next)
{
    const bool is_first = card->newest.layout == SNAPSHOT_LAYOUT_FIRST;
    const unsigned copy = is_first ? 0 : CLASSIC_IDENTITY_COPIES - 1 - said->copy;
    const unsigned role = copy == 0 ? CLASSIC_FACTS : CLASSIC_IDENTITY;

    classic_copy_encode(&card->owner, copy, &said->identity, next->action, said->bytes);
    const enum st st = classic_open(card, role, copy == 0 ? KEY_A : KEY_B);
    return st == ST_OK ? classic_write_proven(card, classic_block(card, role, 2),
                                              said->bytes + 2 * CLASSIC_BLOCK)
                       : st;
}

enum st classic_amend(struct classic_card *card, const struct snapshot *next)
{
    const bool is_twice = next->layout > SNAPSHOT_LAYOUT_FIRST;
    struct classic_said said;

    if (!card->is_identity_due) {
        return ST_OK;
    }
    enum st st = read_identity(card, is_twice ? READINGS : 1, &said);
    if (st != ST_OK && st != ST_DENIED) {
        return st;
    }
    const bool is_known = st == ST_OK;
    if (card->is_amended) {
        take_particulars(card, &said.identity);
    }
    if (!is_known && !card->is_amended) {
        st = ST_OK; /* not known before, and not known after: that must not keep anybody from paying
                     */
    } else if (is_twice && is_known) {
        st = write_other(card, &said, next);
    } else {
        /* While a whole identity is written over, the pointer alone says the card's number; and
         * where none is left, it is not touched for the same reason. */
        st = is_known ? classic_firm_pointer(card) : ST_OK;
        st = st == ST_OK ? write_whole(card, &said.identity, next) : st;
    }
    if (st != ST_OK || card->io.selects != card->session) {
        return st == ST_OK ? ST_GONE : st;
    }
    card->is_identity_due = false;     /* it is not cut once more while the snapshot is in doubt */
    card->staged_slot = CLASSIC_SLOTS; /* another sector is open now */
    return ST_OK;
}
