/* Finding the newest snapshot. The honest states of a ring, and why nothing else is one, are in
 * docs/card-layout.md, "What a read may find"; the code follows its table. */
#include <assert.h>
#include <string.h>

#include "drivers/card/classic_priv.h"

enum found {
    FOUND_WHOLE, /* the wanted snapshot */
    FOUND_OLD,   /* what the ring held there before, or nothing */
    FOUND_TORN,  /* neither: a write was cut, or somebody changed it */
    FOUND_AHEAD, /* a whole snapshot that is newer than the wanted one can be */
};

static const char *const say_tampered =
    "This card was changed by someone else's hand. Keep it and call the club; do not serve it.";

static enum st read_block(struct classic_card *card, unsigned role, unsigned n, uint8_t *ret_data)
{
    const enum st st = classic_io_read(&card->io, classic_block(card, role, n), ret_data);
    return st == ST_FOREIGN ? ST_GONE : st;
}

/* Looks at the slot where `counter` would be if it was ever written. Almost always its first block
 * settles that: a commit writes the block with the seal only after the first was acknowledged, so a
 * first block without the counter cannot belong to a finished commit of it. */
static enum st look_ahead(struct classic_card *card, uint32_t counter, struct snapshot *ret,
                          enum found *ret_found)
{
    const unsigned slot = classic_slot_of(counter);
    uint8_t block[CLASSIC_BLOCK];
    struct snapshot there;

    enum st st = classic_open(card, CLASSIC_RING + slot, KEY_A);
    if (st == ST_OK) {
        st = read_block(card, CLASSIC_RING + slot, 0, block);
    }
    if (st == ST_DENIED) {
        *ret_found = FOUND_TORN; /* not our key: no commit of ours can have been here */
        return ST_OK;
    }
    if (st != ST_OK) {
        return st;
    }
    const uint32_t claim = classic_slot_claim(block);
    if (claim < counter) {
        const bool is_old = counter > CLASSIC_SLOTS ? claim == counter - CLASSIC_SLOTS
                                                    : classic_is_zero(block, sizeof block);
        *ret_found = is_old ? FOUND_OLD : FOUND_TORN;
        return ST_OK;
    }
    st = classic_read_slot(card, slot, &there);
    if (st == ST_DENIED) {
        *ret_found = FOUND_TORN;
        return ST_OK;
    }
    if (st != ST_OK) {
        return st;
    }
    *ret_found = there.counter == counter  ? FOUND_WHOLE
                 : there.counter > counter ? FOUND_AHEAD
                                           : FOUND_OLD;
    *ret = there;
    return ST_OK;
}

/* The short way: the pointer's snapshot, then at most two steps on, for commits whose refresh was
 * cut. ST_FOREIGN: the card does not look as it should; search the whole ring. */
static enum st follow_pointer(struct classic_card *card)
{
    const uint32_t counter = card->pointer.counter;
    struct snapshot there;
    enum found found = FOUND_OLD;
    bool was_torn = false;

    if (counter == 0) {
        return ST_FOREIGN; /* just issued: nothing to start from */
    }
    enum st st = classic_read_slot(card, classic_slot_of(counter), &card->newest);
    if (st == ST_DENIED || (st == ST_OK && card->newest.counter != counter)) {
        return ST_FOREIGN;
    }
    for (uint32_t ahead = 1; ahead <= 3 && st == ST_OK; ahead += 1) {
        st = look_ahead(card, counter + ahead, &there, &found);
        if (st != ST_OK) {
            return st;
        }
        if (found == FOUND_AHEAD || (found == FOUND_WHOLE && ahead == 3) ||
            (found == FOUND_TORN && was_torn)) {
            return ST_FOREIGN; /* a pointer lags two behind at most; at most one slot is torn */
        }
        if (found == FOUND_OLD) {
            break;
        }
        if (found == FOUND_WHOLE) {
            card->newest = there;
        }
        was_torn = found == FOUND_TORN; /* behind a torn slot one more is looked at */
    }
    return st;
}

struct ring {
    bool is_whole[CLASSIC_SLOTS];
    bool is_empty[CLASSIC_SLOTS];  /* 00 throughout: never written */
    bool is_closed[CLASSIC_SLOTS]; /* not under our key; before the issue is done, not yet */
    struct snapshot snapshot[CLASSIC_SLOTS];
    uint32_t newest; /* 0: no slot is whole */
};

static enum st read_ring(struct classic_card *card, struct ring *ret)
{
    memset(ret, 0, sizeof *ret);
    for (unsigned slot = 0; slot < CLASSIC_SLOTS; slot += 1) {
        uint8_t bytes[CLASSIC_SECTOR];

        enum st st = classic_read_slot(card, slot, &ret->snapshot[slot]);
        if (st == ST_OK) {
            ret->is_whole[slot] = true;
            if (ret->snapshot[slot].counter > ret->newest) {
                ret->newest = ret->snapshot[slot].counter;
            }
            continue;
        }
        if (st != ST_DENIED) {
            return st;
        }
        st = classic_read_sector(card, CLASSIC_RING + slot, bytes);
        if (st != ST_OK && st != ST_DENIED) {
            return st;
        }
        ret->is_closed[slot] = st == ST_DENIED;
        ret->is_empty[slot] = st == ST_OK && classic_is_zero(bytes, sizeof bytes);
    }
    return ST_OK;
}

/* True when tears alone can have left this ring; see the table. */
static bool is_honest(const struct classic_card *card, const struct ring *ring)
{
    const uint32_t newest = ring->newest;
    unsigned holes = 0;

    for (uint32_t back = 1; back < CLASSIC_SLOTS; back += 1) {
        const unsigned slot = (classic_slot_of(newest) + CLASSIC_SLOTS - back) % CLASSIC_SLOTS;
        const bool was_written = newest > back;
        const bool is_next =
            back == CLASSIC_SLOTS - 1; /* the one slot that is ever being written */

        /* A lap behind: an old copy was put back. Before the first: cannot be. */
        if (ring->is_whole[slot] &&
            (!was_written || ring->snapshot[slot].counter != newest - back)) {
            return false;
        }
        if (!is_next && !(was_written ? ring->is_whole[slot] : ring->is_empty[slot])) {
            holes += 1;
            /* Right behind the next one, or in a slot not reached yet: more was there than is now.
             */
            if (back == CLASSIC_SLOTS - 2 || !was_written) {
                return false;
            }
        }
    }
    /* A pointer proves that its counter was reached. It may lag more than commit lets it: a torn
     * one can read old and new in turn. One hole may be a weak block that went bad; two are no
     * accident. */
    return holes <= 1 && (!card->has_pointer || newest >= card->pointer.counter);
}

/* No slot is whole. In an issue that was cut no slot but the first was ever written. */
static enum st conclude_empty(struct classic_card *card, const struct ring *ring,
                              const uint8_t pointer_block[CLASSIC_BLOCK])
{
    bool is_unused = !card->has_pointer || card->pointer.counter == 0;

    for (unsigned slot = 1; slot < CLASSIC_SLOTS; slot += 1) {
        is_unused = is_unused && (ring->is_empty[slot] || ring->is_closed[slot]);
    }
    if (!is_unused) {
        if (!card->has_pointer && classic_pointer_layout(pointer_block) > CLASSIC_LAYOUT) {
            classic_conclude(card, CARD_UNKNOWN_CHIP,
                             "This card is newer than this terminal. Update the terminal.");
        } else if (card->has_pointer) {
            classic_conclude(card, CARD_TAMPERED, say_tampered);
        } else {
            classic_conclude(card, CARD_DAMAGED,
                             "This card can no longer be read. Replace it by a new one.");
        }
        return ST_OK;
    }
    const enum st st = classic_survey(card);
    if (st == ST_FOREIGN) {
        classic_conclude(card, CARD_DAMAGED,
                         "The issue of this card was cut and locked it. It carries no value; take "
                         "another blank card.");
        return ST_OK;
    }
    if (st == ST_OK) {
        classic_conclude(card, CARD_HALF_ISSUED,
                         "The issue of this card was not finished. It carries no value; issue it "
                         "again.");
    }
    return st;
}

/* The card number without a pointer. */
static enum st find_number(struct classic_card *card)
{
    struct classic_said said;

    const enum st st = classic_read_identity(card, &card->newest, &said);
    if (st == ST_OK) {
        card->number = said.identity.number;
    }
    return st;
}

/* The long way: all nine slots. */
static enum st search_ring(struct classic_card *card, const uint8_t pointer_block[CLASSIC_BLOCK])
{
    struct ring ring;

    enum st st = read_ring(card, &ring);
    if (st != ST_OK) {
        return st;
    }
    if (ring.newest == 0) {
        return conclude_empty(card, &ring, pointer_block);
    }
    if (!is_honest(card, &ring)) {
        classic_conclude(card, CARD_TAMPERED, say_tampered);
        return ST_OK;
    }
    card->newest = ring.snapshot[classic_slot_of(ring.newest)];
    if (!card->has_pointer) {
        st = find_number(card);
        if (st == ST_DENIED) {
            classic_conclude(card, CARD_TAMPERED, say_tampered);
            return ST_OK;
        }
        if (st != ST_OK) {
            return st;
        }
    }
    classic_conclude(card, CARD_MEMBER, "A member card.");
    return ST_OK;
}

enum st classic_is_unmoved(struct classic_card *card)
{
    const uint32_t counter = card->newest.counter;
    uint8_t kept[SNAPSHOT_IMAGE_BYTES], found[SNAPSHOT_IMAGE_BYTES];
    struct snapshot there;
    enum found next = FOUND_TORN;

    enum st st = classic_read_slot(card, classic_slot_of(counter), &there);
    if (st == ST_OK) {
        snapshot_encode(&card->newest, kept);
        snapshot_encode(&there, found);
        st = memcmp(kept, found, sizeof kept) == 0 ? ST_OK : ST_FOREIGN;
    }
    if (st == ST_OK) {
        st = look_ahead(card, counter + 1, &there, &next);
    }
    if (st == ST_GONE || st == ST_IO) {
        return st;
    }
    return st == ST_OK && next == FOUND_OLD ? ST_OK : ST_FOREIGN;
}

enum st classic_find_newest(struct classic_card *card, const uint8_t block[CLASSIC_BLOCK])
{
    enum st st = ST_FOREIGN;

    card->has_pointer =
        classic_pointer_decode(&card->owner, &card->map, block, &card->pointer) == ST_OK;
    if (card->has_pointer) {
        card->number = card->pointer.number;
        st = follow_pointer(card);
    }
    if (st == ST_OK) {
        classic_conclude(card, CARD_MEMBER, "A member card.");
    } else if (st == ST_FOREIGN) {
        st = search_ring(card, block);
    }
    if (st == ST_UNSUPPORTED) {
        classic_conclude(card, CARD_UNKNOWN_CHIP,
                         "This card is newer than this terminal. Update the terminal.");
        st = ST_OK;
    }
    return st;
}
