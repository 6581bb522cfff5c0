/* classic_layout.h - what Vafa writes on a MIFARE Classic card, as bytes.
 *
 * Pure apart from the seals, which the key store computes. Thirteen sectors with roles; every part
 * that means anything is sealed with AES-CMAC under a key of this card. Bytes and reasons:
 * docs/card-layout.md and docs/decisions/0001-card-layout.md; vectors: tests/vectors/card.json. */
#ifndef DRIVERS_CARD_CLASSIC_LAYOUT_H
#define DRIVERS_CARD_CLASSIC_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/facts.h"
#include "firmware/engine/snapshot.h"
#include "hal/card.h"
#include "hal/keystore.h"

enum {
    /* How pointer, identity, name and seals are made: in all of a card's layouts the same. */
    CLASSIC_LAYOUT = 1,
    CLASSIC_BLOCK = 16,  /* MF1S503x, 8.6: a block has 16 bytes, */
    CLASSIC_SECTOR = 48, /* a sector three blocks of data and its trailer */
    CLASSIC_SLOTS = 9,   /* of the ring */
    CLASSIC_SECTORS = 16,
    CLASSIC_FACTS_BYTES = 32, /* two blocks: facts and their seal */
    CLASSIC_FACTS_COPIES = 2,
    CLASSIC_IDENTITY_COPIES = 2, /* layout 2: of the identity's last block */
};

/* What a sector of ours is for. The lowest of our sectors is the head, and so on upwards. */
enum classic_role {
    CLASSIC_HEAD = 0, /* pointer; first copy of the facts */
    CLASSIC_RING = 1, /* ... 9: the slots */
    CLASSIC_IDENTITY = 10,
    CLASSIC_NAME = 11,
    CLASSIC_FACTS = 12, /* second copy of the facts */
    CLASSIC_ROLES = 13,
};

/* Where the roles are. `mask` has bit n for sector n; sector[] follows from it. */
struct classic_map {
    uint16_t mask;
    uint8_t sector[CLASSIC_ROLES];
};

enum { CLASSIC_MASK_DEFAULT = 0x3FFE }; /* sectors 1..13 */

/* False, *ret untouched, unless `mask` names exactly 13 sectors of 1..15. */
bool classic_map_make(uint16_t mask, struct classic_map *ret);

/* Whose seals: one card under one key version that the store has (else a bug). */
struct classic_owner {
    const struct keystore *keystore;
    uint8_t version; /* 0..15 */
    uint8_t uid[CARD_UID_MAX];
    size_t uid_bytes;
};

/* The pointer block: only a cache. It speeds up a read and bears witness that a counter was once
 * reached; the ring decides. */
struct classic_pointer {
    uint64_t number;  /* the card's, 54 bits */
    uint32_t counter; /* of a snapshot that was whole when this was written; 0: just issued */
};

void classic_pointer_encode(const struct classic_owner *owner, const struct classic_map *map,
                            const struct classic_pointer *pointer,
                            uint8_t ret_block[CLASSIC_BLOCK]);
/* ST_DENIED  the seal is wrong: torn, another map's, or changed. */
ST_CHECK enum st classic_pointer_decode(const struct classic_owner *owner,
                                        const struct classic_map *map,
                                        const uint8_t block[CLASSIC_BLOCK],
                                        struct classic_pointer *ret);
/* Finds the map with this head sector that fits the pointer's seal: 105 maps can be, so trying them
 * costs less than one command. ST_DENIED: none. */
ST_CHECK enum st classic_pointer_find_map(const struct classic_owner *owner,
                                          const uint8_t block[CLASSIC_BLOCK], uint8_t head,
                                          struct classic_map *ret);
/* The layout number in a pointer block, sealed or not. */
uint8_t classic_pointer_layout(const uint8_t block[CLASSIC_BLOCK]);

/* The slot of a counter >= 1. */
unsigned classic_slot_of(uint32_t counter);
void classic_slot_encode(const struct classic_owner *owner, const struct snapshot *snapshot,
                         uint8_t ret_bytes[CLASSIC_SECTOR]);
/* ST_DENIED       not whole: torn, empty or changed.
 * ST_UNSUPPORTED  whole, but its image is of a newer layout. */
ST_CHECK enum st classic_slot_decode(const struct classic_owner *owner, unsigned slot,
                                     const uint8_t bytes[CLASSIC_SECTOR], struct snapshot *ret);
/* The counter that a slot's first block claims, without proof. */
uint32_t classic_slot_claim(const uint8_t block[CLASSIC_BLOCK]);

void classic_identity_encode(const struct classic_owner *owner,
                             const struct card_identity *identity,
                             uint8_t ret_bytes[CLASSIC_SECTOR]);
void classic_name_encode(const struct classic_owner *owner, const struct card_identity *identity,
                         uint8_t ret_bytes[CLASSIC_SECTOR]);
/* Fill all fields but the name; the name. ST_DENIED: the seal is wrong; *ret is untouched. */
ST_CHECK enum st classic_identity_decode(const struct classic_owner *owner,
                                         const uint8_t bytes[CLASSIC_SECTOR],
                                         struct card_identity *ret);
ST_CHECK enum st classic_name_decode(const struct classic_owner *owner,
                                     const uint8_t bytes[CLASSIC_SECTOR],
                                     struct card_identity *ret);

/* Layout 2. The first two blocks of the identity's sector are as layout 1 has them, and of what
 * they say only number, member and day of issue count. The third exists twice: copy 0 is block 2 of
 * the facts' sector, copy 1 stays where it was. It has kind and days, and the action that the
 * card's snapshot has or will have with them; its seal covers all three. Both functions take two
 * blocks of identity and behind them the copy; the first one writes the copy, of a kind up to 15.
 */
void classic_copy_encode(const struct classic_owner *owner, unsigned copy,
                         const struct card_identity *identity, uint16_t action,
                         uint8_t bytes[CLASSIC_SECTOR]);
/* Fills all fields but the name. ST_DENIED: not whole; *ret is untouched. */
ST_CHECK enum st classic_copy_decode(const struct classic_owner *owner, unsigned copy,
                                     const uint8_t bytes[CLASSIC_SECTOR], struct card_identity *ret,
                                     uint16_t *ret_action);

/* One copy of the facts' checkpoint. Its seal also covers which snapshot it was folded to (terminal
 * and journal number), so that it can never stand for another one of the same counter. */
void classic_facts_encode(const struct classic_owner *owner, unsigned copy,
                          const struct facts *facts, const struct snapshot *at,
                          uint8_t ret_bytes[CLASSIC_FACTS_BYTES]);
/* The counter that a copy claims, without proof; 0: none was ever written. */
uint32_t classic_facts_claim(const uint8_t bytes[CLASSIC_FACTS_BYTES]);
/* `at` is the card's snapshot of that counter. ST_DENIED  not whole, or of another one. */
ST_CHECK enum st classic_facts_decode(const struct classic_owner *owner, unsigned copy,
                                      const struct snapshot *at,
                                      const uint8_t bytes[CLASSIC_FACTS_BYTES], struct facts *ret);

/* Who may do what in a sector: the numbers C1C2C3 of blocks 0, 1, 2 and the trailer. */
struct classic_access_bits {
    uint8_t group[4]; /* 0..7 each */
};
extern const struct classic_access_bits classic_access_ring; /* both keys read and write */
extern const struct classic_access_bits classic_access_once; /* key A reads, key B writes */

/* A sector trailer. A malformed one locks its sector for ever: this is the only function that
 * makes one. */
void classic_trailer_encode(const uint8_t key_a[6], const struct classic_access_bits *access,
                            uint8_t gpb, const uint8_t key_b[6], uint8_t ret_block[CLASSIC_BLOCK]);

/* The trailer of a new card's sector: keys FF * 6 (MF1S503x, 8.6.3). */
extern const uint8_t classic_factory_key[6];

#endif
