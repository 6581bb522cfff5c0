/* What kind of card is this, without writing: one we know, our head by the default place, our head
 * by the directory, a blank card, or somebody else's. */
#include <assert.h>
#include <string.h>

#include "drivers/card/classic_priv.h"
#include "drivers/card/mad.h"

static const char *const say_foreign =
    "This card belongs to another application, or its keys are not ours. Ask for the member card.";

/* Tries our key A on a sector under each key version that the store has, the one for new cards
 * first. ST_OK: card->owner.version is the card's. ST_DENIED: under none. */
static enum st try_versions(struct classic_card *card, uint8_t sector)
{
    const uint8_t current = keystore_version(card->keystore);
    uint8_t sector_check[KEYSTORE_CHECK_BYTES], seal_check[KEYSTORE_CHECK_BYTES];
    enum st st = ST_DENIED;

    for (uint8_t i = 0; i < KEYSTORE_VERSIONS && st == ST_DENIED; i += 1) {
        const uint8_t version = (uint8_t)((current + i) % KEYSTORE_VERSIONS);
        if (keystore_check_values(card->keystore, version, sector_check, seal_check) == ST_OK) {
            card->owner.version = version;
            st = classic_auth_ours(card, sector, KEY_A);
        }
    }
    if (st == ST_DENIED) {
        card->owner.version = current;
    }
    return st;
}

enum st classic_read_mad(struct classic_card *card, uint8_t ret_mad[MAD_BYTES])
{
    enum st st = classic_io_auth(&card->io, 0, KEY_A, mad_public_key);
    if (st == ST_OK) {
        st = classic_io_read(&card->io, 1, ret_mad);
    }
    if (st == ST_OK) {
        st = classic_io_read(&card->io, 2, ret_mad + CLASSIC_BLOCK);
    }
    return st == ST_OK && !mad_repair(ret_mad) ? ST_FOREIGN : st;
}

/* True when a factory sector carries nothing: key FF opens it, and its data are 00. */
static enum st check_blank(struct classic_card *card, uint8_t sector)
{
    uint8_t data[CLASSIC_BLOCK];

    enum st st = classic_io_auth(&card->io, sector, KEY_A, classic_factory_key);
    for (unsigned n = 0; n < 3 && st == ST_OK; n += 1) {
        if (sector == 0 && n == 0) {
            continue; /* the UID */
        }
        st = classic_io_read(&card->io, (uint8_t)(sector * 4U + n), data);
        if (st == ST_OK && !classic_is_zero(data, sizeof data)) {
            st = ST_FOREIGN;
        }
    }
    return st == ST_DENIED ? ST_FOREIGN : st;
}

enum st classic_survey(struct classic_card *card)
{
    unsigned ours = 0;
    bool try_ours = true;

    card->ours = 0;
    for (unsigned role = 0; role < CLASSIC_ROLES; role += 1) {
        enum st st = ST_DENIED;
        /* An issue takes the sectors one after the other: after one that is not ours yet none is.
         */
        if (try_ours) {
            st = classic_open(card, role, KEY_A);
            try_ours = st == ST_OK;
        }
        if (st == ST_OK) {
            ours |= 1U << role;
        } else if (st == ST_DENIED) {
            st = check_blank(card, card->map.sector[role]);
        }
        if (st != ST_OK) {
            return st;
        }
    }
    card->ours = (uint16_t)ours;
    return ST_OK;
}

/* The lowest thirteen free sectors of a directory. */
static uint16_t choose_free(const uint8_t mad[MAD_BYTES])
{
    const unsigned free = mad_find(mad, MAD_FREE);
    unsigned mask = 0;
    unsigned roles = 0;

    for (unsigned sector = 1; sector < MAD_SECTORS && roles < CLASSIC_ROLES; sector += 1) {
        if ((free >> sector & 1) != 0) {
            mask |= 1U << sector;
            roles += 1;
        }
    }
    return (uint16_t)mask;
}

static void conclude_survey(struct classic_card *card, enum st st, enum card_condition condition,
                            const char *say)
{
    if (st == ST_FOREIGN) {
        classic_conclude(card, CARD_FOREIGN, say_foreign);
    } else if (st == ST_OK) {
        classic_conclude(card, condition, say);
    }
}

/* No pointer tells where the rest is: the directory does, or it is the default. */
static enum st find_map(struct classic_card *card)
{
    uint8_t mad[MAD_BYTES];
    struct classic_map map;

    const enum st st = classic_read_mad(card, mad);
    if (st == ST_OK && classic_map_make(mad_find(mad, MAD_OURS), &map) &&
        map.sector[CLASSIC_HEAD] == card->map.sector[CLASSIC_HEAD]) {
        card->map = map;
    }
    return st == ST_GONE || st == ST_IO ? st : ST_OK;
}

/* The head is open. Finds out where the rest is, then the newest snapshot. */
static enum st find_member(struct classic_card *card)
{
    const uint8_t head = card->map.sector[CLASSIC_HEAD];
    uint8_t block[CLASSIC_BLOCK];
    struct classic_pointer pointer;

    enum st st = classic_io_read(&card->io, classic_block(card, CLASSIC_HEAD, 0), block);
    if (st == ST_FOREIGN) {
        return ST_GONE;
    }
    if (st == ST_OK && classic_pointer_decode(&card->owner, &card->map, block, &pointer) != ST_OK &&
        classic_pointer_find_map(&card->owner, block, head, &card->map) != ST_OK) {
        st = find_map(card);
    }
    return st == ST_OK ? classic_find_newest(card, block) : st;
}

/* No head of ours, but a directory: of a card shared with others. */
static enum st find_by_mad(struct classic_card *card, const uint8_t mad[MAD_BYTES])
{
    const bool is_claimed = mad_find(mad, MAD_OURS) != 0;

    if (!classic_map_make(is_claimed ? mad_find(mad, MAD_OURS) : choose_free(mad), &card->map)) {
        classic_conclude(card, CARD_FOREIGN, say_foreign);
        return ST_OK;
    }
    enum st st = ST_DENIED;
    if (is_claimed) {
        st = try_versions(card, card->map.sector[CLASSIC_HEAD]);
        if (st != ST_DENIED) {
            return st == ST_OK ? find_member(card) : st;
        }
    }
    /* Only who may write the directory may claim sectors: factory key B, or ours from before. */
    st = classic_io_auth(&card->io, 0, KEY_B, classic_factory_key);
    if (st == ST_DENIED) {
        st = classic_auth_ours(card, 0, KEY_B);
    }
    if (st == ST_DENIED) {
        classic_conclude(card, CARD_FOREIGN, say_foreign);
        return ST_OK;
    }
    if (st == ST_OK) {
        st = classic_survey(card);
    }
    card->is_mad_shared = true;
    conclude_survey(card, st, is_claimed ? CARD_HALF_ISSUED : CARD_BLANK,
                    is_claimed ? "The issue of this card was not finished. Issue it again."
                               : "This card is blank: issue it, or hold a member card.");
    return st == ST_FOREIGN ? ST_OK : st;
}

static enum st find_elsewhere(struct classic_card *card)
{
    uint8_t mad[MAD_BYTES];

    enum st st = classic_read_mad(card, mad);
    if (st == ST_OK) {
        return find_by_mad(card, mad);
    }
    if (st == ST_DENIED) {
        st = check_blank(card, 0);
        if (st == ST_OK) {
            st = classic_survey(card);
        }
        conclude_survey(card, st, CARD_BLANK,
                        "This card is blank: issue it, or hold a member card.");
        return st == ST_FOREIGN ? ST_OK : st;
    }
    if (st == ST_FOREIGN) {
        classic_conclude(card, CARD_FOREIGN, say_foreign);
        return ST_OK;
    }
    return st;
}

/* A card that this terminal served lately: what it was left with is looked for where it was left.
 * ST_FOREIGN: not known, or anything at all is different now. */
static enum st find_known(struct classic_card *card)
{
    const struct classic_owner *owner = &card->owner;
    const struct classic_known_card *kept =
        classic_known_find(&card->known, owner->uid, owner->uid_bytes);

    if (kept == NULL) {
        return ST_FOREIGN;
    }
    const bool is_map = classic_map_make(kept->mask, &card->map);
    assert(is_map);
    (void)is_map;
    card->owner.version = kept->version;
    card->has_pointer = kept->has_pointer;
    card->number = kept->number;
    card->pointer = (struct classic_pointer){.number = kept->number, .counter = kept->pointer};
    card->newest = kept->newest;
    const enum st st = classic_is_unmoved(card);
    if (st == ST_OK) {
        classic_conclude(card, CARD_MEMBER, "A member card.");
    } else if (st == ST_FOREIGN) {
        classic_known_forget(&card->known, owner->uid, owner->uid_bytes);
    }
    return st;
}

static enum st find_in_full(struct classic_card *card)
{
    const bool is_map = classic_map_make(CLASSIC_MASK_DEFAULT, &card->map);
    assert(is_map);
    (void)is_map;

    card->has_pointer = false;
    card->is_pointer_read = true;
    card->number = 0;
    card->ours = 0;
    card->is_mad_shared = false;
    enum st st = try_versions(card, card->map.sector[CLASSIC_HEAD]);
    if (st == ST_DENIED) {
        st = find_elsewhere(card);
    } else if (st == ST_OK) {
        st = find_member(card);
    }
    return st == ST_DENIED ? ST_GONE : st;
}

enum st classic_find(struct classic_card *card)
{
    card->is_pointer_read = false;
    enum st st = find_known(card);
    if (st == ST_FOREIGN) {
        st = find_in_full(card);
    }
    if (st == ST_OK) {
        card->found = card->newest.counter;
        classic_remember(card);
    }
    return st;
}
