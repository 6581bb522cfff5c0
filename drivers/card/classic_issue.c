/* Makes a member card of a blank one. Nothing on it has value until the very last write, the block
 * with the first snapshot's seal; a cut before that leaves a card that is blank or half issued, and
 * the same function finishes it. The order is reasoned in docs/card-layout.md, "Issue". */
#include <assert.h>
#include <string.h>

#include "drivers/card/classic_priv.h"
#include "hal/base/bytes.h"

enum st classic_write_proven(struct classic_card *card, uint8_t block,
                             const uint8_t data[CLASSIC_BLOCK])
{
    uint8_t seen[CLASSIC_BLOCK];

    enum st st = classic_io_write(&card->io, block, data);
    if (st == ST_OK) {
        st = classic_io_read(&card->io, block, seen);
    }
    if (st == ST_OK && memcmp(seen, data, sizeof seen) != 0) {
        st = ST_GONE;
    }
    return st;
}

/* Writes the trailer of `sector`, whose factory key is open, and proves it: the access bits by
 * reading, both keys by using them. */
static enum st write_trailer(struct classic_card *card, uint8_t sector, const uint8_t *key_a,
                             const struct classic_access_bits *access, uint8_t gpb)
{
    const struct classic_owner *owner = &card->owner;
    const uint8_t block = (uint8_t)(sector * 4U + 3);
    uint8_t trailer[CLASSIC_BLOCK], seen[CLASSIC_BLOCK], key_b[6];

    enum st st = keystore_sector_key(owner->keystore, owner->version, owner->uid, owner->uid_bytes,
                                     sector, KEY_B, key_b);
    assert(st == ST_OK);
    classic_trailer_encode(key_a, access, gpb, key_b, trailer);
    st = classic_io_write(&card->io, block, trailer);
    if (st == ST_OK) {
        st = classic_io_auth(&card->io, sector, KEY_A, key_a);
    }
    if (st == ST_OK) {
        st = classic_io_read(&card->io, block, seen);
    }
    if (st == ST_OK && memcmp(seen + 6, trailer + 6, 4) != 0) {
        st = ST_GONE;
    }
    if (st == ST_OK) {
        st = classic_io_auth(&card->io, sector, KEY_B, key_b);
    }
    bytes_wipe(trailer, sizeof trailer);
    bytes_wipe(key_b, sizeof key_b);
    return st;
}

/* Puts our keys on the sector of a role. */
static enum st take_sector(struct classic_card *card, unsigned role)
{
    const struct classic_owner *owner = &card->owner;
    const uint8_t sector = card->map.sector[role];
    const bool is_once = role == CLASSIC_IDENTITY || role == CLASSIC_NAME;
    uint8_t key_a[6];

    if ((card->ours >> role & 1) != 0) {
        return ST_OK;
    }
    enum st st = classic_io_auth(&card->io, sector, KEY_A, classic_factory_key);
    if (st != ST_OK) {
        return st;
    }
    st = keystore_sector_key(owner->keystore, owner->version, owner->uid, owner->uid_bytes, sector,
                             KEY_A, key_a);
    assert(st == ST_OK);
    /* The byte 69 is the factory's; only sector 0's means something (MF1S503x, 8.6.3). */
    st = write_trailer(card, sector, key_a, is_once ? &classic_access_once : &classic_access_ring,
                       0x69);
    bytes_wipe(key_a, sizeof key_a);
    return st;
}

/* Enters our sectors. The second block goes first: until the first one with the CRC follows,
 * mad_repair still sees the old directory. */
static enum st write_mad(struct classic_card *card, uint8_t mad[MAD_BYTES])
{
    for (unsigned role = 0; role < CLASSIC_ROLES; role += 1) {
        mad_set(mad, card->map.sector[role], MAD_OURS);
    }
    mad_seal(mad);
    enum st st = classic_write_proven(card, 2, mad + CLASSIC_BLOCK);
    if (st == ST_OK) {
        st = classic_write_proven(card, 1, mad);
    }
    return st;
}

/* Enters our sectors in the directory, making one if there is none. */
static enum st claim_sectors(struct classic_card *card)
{
    uint8_t mad[MAD_BYTES];

    enum st st = classic_read_mad(card, mad);
    if (st == ST_OK) {
        /* In a shared directory an earlier claim may be a torn block that happens to read well:
         * then it is written again. In our own the trailer came last, so the blocks were proven. */
        if (mad_find(mad, MAD_OURS) == card->map.mask && !card->is_mad_shared) {
            return ST_OK;
        }
        for (unsigned role = 0; role < CLASSIC_ROLES; role += 1) {
            const uint16_t entry = mad_entry(mad, card->map.sector[role]);
            if (entry != MAD_FREE && entry != MAD_OURS) {
                return ST_FOREIGN;
            }
        }
        st = classic_io_auth(&card->io, 0, KEY_B, classic_factory_key);
        if (st == ST_DENIED) {
            st = classic_auth_ours(card, 0, KEY_B);
        }
        return st == ST_OK ? write_mad(card, mad) : st;
    }
    if (st != ST_DENIED) {
        return st;
    }
    memset(mad, 0, sizeof mad);
    st = classic_io_auth(&card->io, 0, KEY_A, classic_factory_key);
    if (st == ST_OK) {
        st = write_mad(card, mad);
    }
    return st == ST_OK ? write_trailer(card, 0, mad_public_key, &classic_access_once, MAD_GPB) : st;
}

enum st classic_write_once(struct classic_card *card, unsigned role,
                           const uint8_t bytes[CLASSIC_SECTOR])
{
    enum st st = classic_open(card, role, KEY_B);
    for (unsigned n = 0; n < 3 && st == ST_OK; n += 1) {
        st = classic_write_proven(card, classic_block(card, role, n), bytes + n * CLASSIC_BLOCK);
    }
    return st;
}

/* Everything but the first snapshot. */
static enum st prepare(struct classic_card *card, const struct card_identity *identity)
{
    const struct classic_pointer pointer = {.number = identity->number, .counter = 0};
    uint8_t bytes[CLASSIC_SECTOR];
    enum st st = ST_OK;

    /* In somebody else's directory the claim comes first, so that nobody takes a sector between. On
     * a card of our own the head comes first: by it a half-issued card is known as ours. */
    if (card->is_mad_shared) {
        st = claim_sectors(card);
    }
    for (unsigned role = 0; role < CLASSIC_ROLES && st == ST_OK; role += 1) {
        st = take_sector(card, role);
    }
    if (st == ST_OK && !card->is_mad_shared) {
        st = claim_sectors(card);
    }
    if (st == ST_OK) {
        classic_identity_encode(&card->owner, identity, bytes);
        st = classic_write_once(card, CLASSIC_IDENTITY, bytes);
    }
    if (st == ST_OK) {
        classic_name_encode(&card->owner, identity, bytes);
        st = classic_write_once(card, CLASSIC_NAME, bytes);
    }
    if (st == ST_OK) {
        st = classic_open(card, CLASSIC_HEAD, KEY_A);
    }
    if (st == ST_OK) {
        classic_pointer_encode(&card->owner, &card->map, &pointer, bytes);
        st = classic_write_proven(card, classic_block(card, CLASSIC_HEAD, 0), bytes);
    }
    return st;
}

enum st classic_issue(struct classic_card *card, const struct card_identity *identity,
                      const struct snapshot *first)
{
    uint8_t bytes[CLASSIC_SECTOR];
    bool is_sent = false;
    assert(first->counter == 1 && first->layout == SNAPSHOT_LAYOUT_FIRST &&
           card_number_is_valid(identity->number));

    if (card->condition != CARD_BLANK && card->condition != CARD_HALF_ISSUED) {
        return ST_FOREIGN;
    }
    card->condition = CARD_UNKNOWN_CHIP;
    enum st st = prepare(card, identity);
    if (st == ST_OK) {
        classic_slot_encode(&card->owner, first, bytes);
        st = classic_write_slot(card, classic_slot_of(1), bytes, &is_sent);
    }
    if (st == ST_OK) {
        card->condition = CARD_MEMBER;
        card->number = identity->number;
        card->newest = *first;
        card->has_pointer = true;
        card->pointer = (struct classic_pointer){.number = identity->number, .counter = 0};
        card->session = card->io.selects;
        card->is_committed = true;
        return ST_OK;
    }
    if (st == ST_FOREIGN && !is_sent) {
        return ST_FOREIGN;
    }
    if (!is_sent) {
        return ST_AGAIN; /* no value on it: read it and issue again */
    }
    return st == ST_IO ? ST_IO : ST_GONE;
}
