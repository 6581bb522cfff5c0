#include "drivers/card/classic_layout.h"

#include <assert.h>
#include <string.h>

#include "hal/base/bytes.h"

const uint8_t classic_factory_key[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/* MF1S503x, tables 7 and 8. Trailer 011: both keys are written with key B only, and neither can be
 * read. Data 000: anything with either key. Data 100: read with either, write with B only. */
const struct classic_access_bits classic_access_ring = {.group = {0, 0, 0, 3}};
const struct classic_access_bits classic_access_once = {.group = {4, 4, 4, 3}};

enum {
    SEAL_BYTES = 8,         /* of a sector; a forger hits once in 2^63 taps on average */
    POINTER_SEAL_BYTES = 5, /* what one block leaves; nothing of value rests on it alone */
    POINTER_CONTENT = CLASSIC_BLOCK - POINTER_SEAL_BYTES,
    CONTENT = CLASSIC_SECTOR - SEAL_BYTES,
    /* Before the content a seal covers: "VAFA", layout, purpose, place, UID length, UID. */
    SEAL_HEAD = 4 + 1 + 1 + 1 + 1 + CARD_UID_MAX,
    IDENTITY_PLACE = 0,
    NAME_PLACE = 1,
    COPY_PLACE = 2, /* and the next: of the identity's last block in layout 2 */
    LAST_BLOCK = CLASSIC_SECTOR - CLASSIC_BLOCK,
};
_Static_assert((int)CONTENT == (int)SNAPSHOT_IMAGE_BYTES, "an image and its seal fill a sector");
_Static_assert((int)FACTS_BYTES + (int)SEAL_BYTES == (int)CLASSIC_FACTS_BYTES, "two blocks");
_Static_assert((int)CONTENT == (int)CARD_NAME_BYTES_MAX, "a name and its seal fill a sector");

bool classic_map_make(uint16_t mask, struct classic_map *ret)
{
    struct classic_map map = {.mask = mask};
    size_t roles = 0;

    if ((mask & 1) != 0) {
        return false;
    }
    for (uint8_t sector = 1; sector < CLASSIC_SECTORS; sector += 1) {
        if ((mask >> sector & 1) != 0) {
            if (roles == CLASSIC_ROLES) {
                return false;
            }
            map.sector[roles] = sector;
            roles += 1;
        }
    }
    if (roles != CLASSIC_ROLES) {
        return false;
    }
    *ret = map;
    return true;
}

/* The seal over `size` bytes of content at a place of this card. */
static void make_seal(const struct classic_owner *owner, enum seal_purpose purpose, uint8_t place,
                      const uint8_t *content, size_t size, uint8_t ret[KEYSTORE_SEAL_BYTES])
{
    uint8_t data[SEAL_HEAD + CONTENT] = {'V', 'A', 'F', 'A', CLASSIC_LAYOUT};
    assert(size <= CONTENT && owner->uid_bytes <= CARD_UID_MAX);

    data[5] = (uint8_t)purpose;
    data[6] = place;
    data[7] = (uint8_t)owner->uid_bytes;
    memcpy(data + 8, owner->uid, owner->uid_bytes);
    memcpy(data + SEAL_HEAD, content, size);
    const enum st st = keystore_seal(owner->keystore, owner->version, purpose, owner->uid,
                                     owner->uid_bytes, data, SEAL_HEAD + size, ret);
    assert(st == ST_OK); /* the owner's version is in the store, see the header */
    (void)st;
}

/* Puts the seal behind the 40 bytes of content. */
static void seal_sector(const struct classic_owner *owner, enum seal_purpose purpose, uint8_t place,
                        uint8_t bytes[CLASSIC_SECTOR])
{
    uint8_t seal[KEYSTORE_SEAL_BYTES];
    make_seal(owner, purpose, place, bytes, CONTENT, seal);
    memcpy(bytes + CONTENT, seal, SEAL_BYTES);
}

static bool is_sealed(const struct classic_owner *owner, enum seal_purpose purpose, uint8_t place,
                      const uint8_t bytes[CLASSIC_SECTOR])
{
    uint8_t seal[KEYSTORE_SEAL_BYTES];
    make_seal(owner, purpose, place, bytes, CONTENT, seal);
    return bytes_equal_secret(seal, bytes + CONTENT, SEAL_BYTES);
}

/* The pointer's seal also covers where our sectors are, so that a pointer found by the default map
 * proves that map. */
static void make_pointer_seal(const struct classic_owner *owner, const struct classic_map *map,
                              const uint8_t block[CLASSIC_BLOCK], uint8_t ret[KEYSTORE_SEAL_BYTES])
{
    uint8_t content[POINTER_CONTENT + 2];
    memcpy(content, block, POINTER_CONTENT);
    put_le16(content + POINTER_CONTENT, map->mask);
    make_seal(owner, SEAL_POINTER, 0, content, sizeof content, ret);
}

void classic_pointer_encode(const struct classic_owner *owner, const struct classic_map *map,
                            const struct classic_pointer *pointer, uint8_t ret_block[CLASSIC_BLOCK])
{
    uint8_t seal[KEYSTORE_SEAL_BYTES];
    struct bits bits = {.bytes = ret_block, .size_bits = 8 * POINTER_CONTENT, .at = 0};

    memset(ret_block, 0, CLASSIC_BLOCK);
    bits_put(&bits, 4, CLASSIC_LAYOUT);
    bits_put(&bits, 4, owner->version);
    bits_put(&bits, 56, pointer->number);
    bits_put(&bits, 24, pointer->counter);
    make_pointer_seal(owner, map, ret_block, seal);
    memcpy(ret_block + POINTER_CONTENT, seal, POINTER_SEAL_BYTES);
}

enum st classic_pointer_decode(const struct classic_owner *owner, const struct classic_map *map,
                               const uint8_t block[CLASSIC_BLOCK], struct classic_pointer *ret)
{
    uint8_t seal[KEYSTORE_SEAL_BYTES];
    uint8_t copy[CLASSIC_BLOCK];
    struct bits bits = {.bytes = copy, .size_bits = 8 * POINTER_CONTENT, .at = 8};

    memcpy(copy, block, sizeof copy);
    make_pointer_seal(owner, map, copy, seal);
    if (!bytes_equal_secret(seal, copy + POINTER_CONTENT, POINTER_SEAL_BYTES) ||
        copy[0] != (CLASSIC_LAYOUT << 4 | owner->version)) {
        return ST_DENIED;
    }
    ret->number = bits_get(&bits, 56);
    ret->counter = (uint32_t)bits_get(&bits, 24);
    return ST_OK;
}

enum st classic_pointer_find_map(const struct classic_owner *owner,
                                 const uint8_t block[CLASSIC_BLOCK], uint8_t head,
                                 struct classic_map *ret)
{
    struct classic_pointer pointer;
    struct classic_map map;

    /* Thirteen of fifteen: all but two. */
    for (unsigned first = 1; first < CLASSIC_SECTORS; first += 1) {
        for (unsigned second = first + 1; second < CLASSIC_SECTORS; second += 1) {
            const bool is_map =
                classic_map_make((uint16_t)(0xFFFE & ~(1U << first) & ~(1U << second)), &map);
            assert(is_map);
            if (is_map && map.sector[CLASSIC_HEAD] == head &&
                classic_pointer_decode(owner, &map, block, &pointer) == ST_OK) {
                *ret = map;
                return ST_OK;
            }
        }
    }
    return ST_DENIED;
}

uint8_t classic_pointer_layout(const uint8_t block[CLASSIC_BLOCK])
{
    return block[0] >> 4;
}

unsigned classic_slot_of(uint32_t counter)
{
    assert(counter >= 1);
    return (counter - 1) % CLASSIC_SLOTS;
}

void classic_slot_encode(const struct classic_owner *owner, const struct snapshot *snapshot,
                         uint8_t ret_bytes[CLASSIC_SECTOR])
{
    snapshot_encode(snapshot, ret_bytes);
    seal_sector(owner, SEAL_SNAPSHOT, (uint8_t)classic_slot_of(snapshot->counter), ret_bytes);
}

enum st classic_slot_decode(const struct classic_owner *owner, unsigned slot,
                            const uint8_t bytes[CLASSIC_SECTOR], struct snapshot *ret)
{
    struct snapshot snapshot;
    assert(slot < CLASSIC_SLOTS);

    if (!is_sealed(owner, SEAL_SNAPSHOT, (uint8_t)slot, bytes)) {
        return ST_DENIED;
    }
    const enum st st = snapshot_decode(bytes, &snapshot);
    if (st == ST_UNSUPPORTED) {
        return st;
    }
    /* A good seal over nonsense: only who holds our keys can have made it. */
    if (st != ST_OK || classic_slot_of(snapshot.counter) != slot) {
        return ST_DENIED;
    }
    *ret = snapshot;
    return ST_OK;
}

uint32_t classic_slot_claim(const uint8_t block[CLASSIC_BLOCK])
{
    /* The image begins with 4 bits of layout, 2 of status, 20 of counter (firmware/engine). */
    uint8_t copy[4];
    struct bits bits = {.bytes = copy, .size_bits = 8 * sizeof copy, .at = 6};
    memcpy(copy, block, sizeof copy);
    return (uint32_t)bits_get(&bits, 20);
}

void classic_identity_encode(const struct classic_owner *owner,
                             const struct card_identity *identity,
                             uint8_t ret_bytes[CLASSIC_SECTOR])
{
    struct bits bits = {.bytes = ret_bytes, .size_bits = 8 * CONTENT, .at = 0};

    memset(ret_bytes, 0, CLASSIC_SECTOR);
    bits_put(&bits, 4, CLASSIC_LAYOUT);
    bits_put(&bits, 4, owner->version);
    bits_put(&bits, 56, identity->number);
    bits_put(&bits, 8, identity->kind);
    bits_put(&bits, 40, identity->member);
    bits_put(&bits, 16, identity->birthday);
    bits_put(&bits, 16, identity->wedding);
    bits_put(&bits, 16, identity->issued);
    bits_put(&bits, 16, identity->expires);
    seal_sector(owner, SEAL_IDENTITY, IDENTITY_PLACE, ret_bytes);
}

/* The fields of layout 1, sealed in whatever way. */
static void read_identity(uint8_t content[CLASSIC_SECTOR], struct card_identity *ret)
{
    struct bits bits = {.bytes = content, .size_bits = 8 * CONTENT, .at = 8};

    ret->number = bits_get(&bits, 56);
    ret->kind = (uint8_t)bits_get(&bits, 8);
    ret->member = bits_get(&bits, 40);
    ret->birthday = (uint16_t)bits_get(&bits, 16);
    ret->wedding = (uint16_t)bits_get(&bits, 16);
    ret->issued = (uint16_t)bits_get(&bits, 16);
    ret->expires = (uint16_t)bits_get(&bits, 16);
}

enum st classic_identity_decode(const struct classic_owner *owner,
                                const uint8_t bytes[CLASSIC_SECTOR], struct card_identity *ret)
{
    uint8_t content[CLASSIC_SECTOR];

    memcpy(content, bytes, sizeof content);
    if (!is_sealed(owner, SEAL_IDENTITY, IDENTITY_PLACE, content)) {
        return ST_DENIED;
    }
    read_identity(content, ret);
    return ST_OK;
}

void classic_copy_encode(const struct classic_owner *owner, unsigned copy,
                         const struct card_identity *identity, uint16_t action,
                         uint8_t bytes[CLASSIC_SECTOR])
{
    struct bits bits = {.bytes = bytes, .size_bits = 8 * CONTENT, .at = 8 * LAST_BLOCK};
    assert(copy < CLASSIC_IDENTITY_COPIES && action <= SNAPSHOT_ACTION_MAX && identity->kind <= 15);

    memset(bytes + LAST_BLOCK, 0, CLASSIC_BLOCK);
    bits_put(&bits, 12, action);
    bits_put(&bits, 4, identity->kind);
    bits_put(&bits, 16, identity->birthday);
    bits_put(&bits, 16, identity->wedding);
    bits_put(&bits, 16, identity->expires);
    seal_sector(owner, SEAL_IDENTITY, (uint8_t)(COPY_PLACE + copy), bytes);
}

enum st classic_copy_decode(const struct classic_owner *owner, unsigned copy,
                            const uint8_t bytes[CLASSIC_SECTOR], struct card_identity *ret,
                            uint16_t *ret_action)
{
    uint8_t content[CLASSIC_SECTOR];
    struct bits bits = {.bytes = content, .size_bits = 8 * CONTENT, .at = 8 * LAST_BLOCK};
    assert(copy < CLASSIC_IDENTITY_COPIES);

    memcpy(content, bytes, sizeof content);
    if (!is_sealed(owner, SEAL_IDENTITY, (uint8_t)(COPY_PLACE + copy), content)) {
        return ST_DENIED;
    }
    read_identity(content, ret);
    *ret_action = (uint16_t)bits_get(&bits, 12);
    ret->kind = (uint8_t)bits_get(&bits, 4);
    ret->birthday = (uint16_t)bits_get(&bits, 16);
    ret->wedding = (uint16_t)bits_get(&bits, 16);
    ret->expires = (uint16_t)bits_get(&bits, 16);
    return ST_OK;
}

void classic_name_encode(const struct classic_owner *owner, const struct card_identity *identity,
                         uint8_t ret_bytes[CLASSIC_SECTOR])
{
    memset(ret_bytes, 0, CLASSIC_SECTOR);
    memcpy(ret_bytes, identity->name, strnlen(identity->name, CARD_NAME_BYTES_MAX));
    seal_sector(owner, SEAL_IDENTITY, NAME_PLACE, ret_bytes);
}

enum st classic_name_decode(const struct classic_owner *owner, const uint8_t bytes[CLASSIC_SECTOR],
                            struct card_identity *ret)
{
    if (!is_sealed(owner, SEAL_IDENTITY, NAME_PLACE, bytes)) {
        return ST_DENIED;
    }
    memset(ret->name, 0, sizeof ret->name);
    memcpy(ret->name, bytes, CARD_NAME_BYTES_MAX);
    return ST_OK;
}

static void make_facts_seal(const struct classic_owner *owner, unsigned copy,
                            const struct snapshot *at, const uint8_t bytes[FACTS_BYTES],
                            uint8_t ret[KEYSTORE_SEAL_BYTES])
{
    uint8_t content[FACTS_BYTES + 8];
    assert(copy < CLASSIC_FACTS_COPIES);
    memcpy(content, bytes, FACTS_BYTES);
    put_le32(content + FACTS_BYTES, at->last.terminal);
    put_le32(content + FACTS_BYTES + 4, at->last.sequence);
    make_seal(owner, SEAL_FACTS, (uint8_t)copy, content, sizeof content, ret);
}

void classic_facts_encode(const struct classic_owner *owner, unsigned copy,
                          const struct facts *facts, const struct snapshot *at,
                          uint8_t ret_bytes[CLASSIC_FACTS_BYTES])
{
    uint8_t seal[KEYSTORE_SEAL_BYTES];
    assert(facts->counter == at->counter);
    facts_encode(facts, ret_bytes);
    make_facts_seal(owner, copy, at, ret_bytes, seal);
    memcpy(ret_bytes + FACTS_BYTES, seal, SEAL_BYTES);
}

uint32_t classic_facts_claim(const uint8_t bytes[CLASSIC_FACTS_BYTES])
{
    struct facts facts;
    return facts_decode(bytes, &facts) == ST_OK ? facts.counter : 0;
}

enum st classic_facts_decode(const struct classic_owner *owner, unsigned copy,
                             const struct snapshot *at, const uint8_t bytes[CLASSIC_FACTS_BYTES],
                             struct facts *ret)
{
    uint8_t seal[KEYSTORE_SEAL_BYTES];
    struct facts facts;

    make_facts_seal(owner, copy, at, bytes, seal);
    if (!bytes_equal_secret(seal, bytes + FACTS_BYTES, SEAL_BYTES) ||
        facts_decode(bytes, &facts) != ST_OK || facts.counter != at->counter) {
        return ST_DENIED;
    }
    *ret = facts;
    return ST_OK;
}

void classic_trailer_encode(const uint8_t key_a[6], const struct classic_access_bits *access,
                            uint8_t gpb, const uint8_t key_b[6], uint8_t ret_block[CLASSIC_BLOCK])
{
    unsigned c1 = 0, c2 = 0, c3 = 0;

    for (unsigned i = 0; i < 4; i += 1) {
        const unsigned bits = access->group[i];
        assert(bits < 8);
        c1 |= (bits >> 2 & 1) << i;
        c2 |= (bits >> 1 & 1) << i;
        c3 |= (bits & 1) << i;
    }
    memcpy(ret_block, key_a, 6);
    /* MF1S503x, 8.7: every bit stands twice, once inverted. */
    ret_block[6] = (uint8_t)((c2 ^ 0xF) << 4 | (c1 ^ 0xF));
    ret_block[7] = (uint8_t)(c1 << 4 | (c3 ^ 0xF));
    ret_block[8] = (uint8_t)(c3 << 4 | c2);
    ret_block[9] = gpb;
    memcpy(ret_block + 10, key_b, 6);

    assert((ret_block[6] >> 4 ^ (ret_block[8] & 0xF)) == 0xF);
    assert(((ret_block[6] & 0xF) ^ ret_block[7] >> 4) == 0xF);
    assert(((ret_block[7] & 0xF) ^ ret_block[8] >> 4) == 0xF);
}
