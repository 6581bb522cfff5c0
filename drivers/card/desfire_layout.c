#include "drivers/card/desfire_layout.h"

#include <assert.h>
#include <string.h>

#include "drivers/card/ev1.h"
#include "drivers/card/mad.h"
#include "hal/base/bytes.h"

/* AID F38560. */
const uint8_t desfire_aid[3] = {MAD_OURS << 4 & 0xFF, MAD_OURS >> 4 & 0xFF,
                                0xF0 | (MAD_OURS >> 12 & 0xF)};
const uint8_t desfire_card_level[3] = {0, 0, 0};

enum { MACED = 1, ENCIPHERED = 3 };

const struct desfire_file_plan desfire_file_plans[DESFIRE_LAYOUT_FILES] = {
    /* CreateBackupDataFile: mode, rights 1F20, 88 bytes. */
    {.number = DESFIRE_IDENTITY,
     .create = {0xCB, DESFIRE_IDENTITY, MACED, 0x20, 0x1F, 2 * DESFIRE_IDENTITY_PART, 0, 0},
     .create_bytes = 8,
     .settings = {1, MACED, 0x20, 0x1F, 2 * DESFIRE_IDENTITY_PART, 0, 0},
     .settings_bytes = 7},
    /* CreateBackupDataFile: mode, rights 1120, 28 bytes. */
    {.number = DESFIRE_FACTS,
     .create = {0xCB, DESFIRE_FACTS, MACED, 0x20, 0x11, DESFIRE_FACTS_BYTES, 0, 0},
     .create_bytes = 8,
     .settings = {1, MACED, 0x20, 0x11, DESFIRE_FACTS_BYTES, 0, 0},
     .settings_bytes = 7},
    /* CreateValueFile: mode, rights 1F20, from 0 to 2^31-1, begins at 0, no LimitedCredit. Its
     * settings end with what LimitedCredit may give and whether it may. */
    {.number = DESFIRE_CREDIT,
     .create = {0xCC, DESFIRE_CREDIT, ENCIPHERED, 0x20, 0x1F, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 0,
                0, 0, 0, 0},
     .create_bytes = 18,
     .settings = {2, ENCIPHERED, 0x20, 0x1F, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0, 0},
     .settings_bytes = 17},
    /* CreateCyclicRecordFile: mode, rights 1120, record of 44 bytes, room for 33. Its settings end
     * with how many there are: none before the card has value. */
    {.number = DESFIRE_HISTORY,
     .create = {0xC0, DESFIRE_HISTORY, MACED, 0x20, 0x11, DESFIRE_RECORD_BYTES, 0, 0,
                DESFIRE_RECORDS_ROOM, 0, 0},
     .create_bytes = 11,
     .settings = {4, MACED, 0x20, 0x11, DESFIRE_RECORD_BYTES, 0, 0, DESFIRE_RECORDS_ROOM, 0, 0, 0,
                  0, 0},
     .settings_bytes = 13},
};

/* --- sums ----------------------------------------------------------------------------------- */

enum { CONTENT_MAX = SNAPSHOT_IMAGE_BYTES };
_Static_assert((int)CARD_NAME_BYTES_MAX <= (int)CONTENT_MAX && (int)FACTS_BYTES <= (int)CONTENT_MAX,
               "nothing is longer than a snapshot");

/* Over the UID's length, the UID padded with zeros to 10 bytes, the number and the content. */
static uint32_t sum_of(const struct desfire_owner *owner, const uint8_t *content, size_t size)
{
    uint8_t head[1 + CARD_UID_MAX + 8] = {(uint8_t)owner->uid_bytes};
    struct bits number = {
        .bytes = head, .size_bits = 8 * sizeof head, .at = 8 * (1 + CARD_UID_MAX)};
    assert(owner->uid_bytes <= CARD_UID_MAX && size <= CONTENT_MAX);

    memcpy(head + 1, owner->uid, owner->uid_bytes);
    bits_put(&number, 64, owner->number);
    return ev1_crc32(ev1_crc32(EV1_CRC_START, head, sizeof head), content, size);
}

/* Puts the sum behind the content. */
static void add_sum(const struct desfire_owner *owner, uint8_t *bytes, size_t size)
{
    put_le32(bytes + size, sum_of(owner, bytes, size));
}

static bool has_sum(const struct desfire_owner *owner, const uint8_t *bytes, size_t size)
{
    return get_le32(bytes + size) == sum_of(owner, bytes, size);
}

/* --- what is written ------------------------------------------------------------------------ */

void desfire_record_encode(const struct desfire_owner *owner, const struct snapshot *snapshot,
                           uint8_t ret_bytes[DESFIRE_RECORD_BYTES])
{
    snapshot_encode(snapshot, ret_bytes);
    add_sum(owner, ret_bytes, SNAPSHOT_IMAGE_BYTES);
}

enum st desfire_record_decode(const struct desfire_owner *owner,
                              const uint8_t bytes[DESFIRE_RECORD_BYTES], struct snapshot *ret)
{
    if (!has_sum(owner, bytes, SNAPSHOT_IMAGE_BYTES)) {
        return ST_DENIED;
    }
    return snapshot_decode(bytes, ret);
}

void desfire_facts_encode(const struct desfire_owner *owner, const struct facts *facts,
                          uint8_t ret_bytes[DESFIRE_FACTS_BYTES])
{
    facts_encode(facts, ret_bytes);
    add_sum(owner, ret_bytes, FACTS_BYTES);
}

enum st desfire_facts_decode(const struct desfire_owner *owner,
                             const uint8_t bytes[DESFIRE_FACTS_BYTES], struct facts *ret)
{
    if (!has_sum(owner, bytes, FACTS_BYTES)) {
        return ST_DENIED;
    }
    return facts_decode(bytes, ret);
}

void desfire_identity_encode(const struct desfire_owner *owner,
                             const struct card_identity *identity,
                             uint8_t ret_bytes[2 * DESFIRE_IDENTITY_PART])
{
    struct bits bits = {.bytes = ret_bytes, .size_bits = 8 * CARD_NAME_BYTES_MAX, .at = 0};
    uint8_t *name = ret_bytes + DESFIRE_IDENTITY_PART;
    assert(identity->number == owner->number);

    memset(ret_bytes, 0, 2 * (size_t)DESFIRE_IDENTITY_PART);
    bits_put(&bits, 4, DESFIRE_LAYOUT);
    bits_put(&bits, 4, 0);
    bits_put(&bits, 56, identity->number);
    bits_put(&bits, 8, identity->kind);
    bits_put(&bits, 40, identity->member);
    bits_put(&bits, 16, identity->birthday);
    bits_put(&bits, 16, identity->wedding);
    bits_put(&bits, 16, identity->issued);
    bits_put(&bits, 16, identity->expires);
    add_sum(owner, ret_bytes, CARD_NAME_BYTES_MAX);
    memcpy(name, identity->name, strnlen(identity->name, CARD_NAME_BYTES_MAX));
    add_sum(owner, name, CARD_NAME_BYTES_MAX);
}

enum st desfire_number_decode(const uint8_t bytes[DESFIRE_NUMBER_BYTES], uint64_t *ret_number)
{
    uint8_t copy[DESFIRE_NUMBER_BYTES];
    struct bits bits = {.bytes = copy, .size_bits = 8 * sizeof copy, .at = 8};

    memcpy(copy, bytes, sizeof copy);
    const uint8_t layout = copy[0] >> 4;
    const uint64_t number = bits_get(&bits, 56);
    if (layout > DESFIRE_LAYOUT) {
        return ST_UNSUPPORTED;
    }
    if (layout == 0 || !card_number_is_valid(number)) {
        return ST_FOREIGN;
    }
    *ret_number = number;
    return ST_OK;
}

enum st desfire_identity_decode(const struct desfire_owner *owner,
                                const uint8_t bytes[2 * DESFIRE_IDENTITY_PART],
                                struct card_identity *ret)
{
    uint8_t copy[DESFIRE_IDENTITY_PART];
    struct bits bits = {.bytes = copy, .size_bits = 8 * sizeof copy, .at = 64};
    struct card_identity identity;

    memset(&identity, 0, sizeof identity);
    memcpy(copy, bytes, sizeof copy);
    if (!has_sum(owner, bytes, CARD_NAME_BYTES_MAX) ||
        !has_sum(owner, bytes + DESFIRE_IDENTITY_PART, CARD_NAME_BYTES_MAX)) {
        return ST_DENIED;
    }
    const enum st st = desfire_number_decode(copy, &identity.number);
    if (st != ST_OK || identity.number != owner->number) {
        return st != ST_OK ? st : ST_FOREIGN;
    }
    identity.kind = (uint8_t)bits_get(&bits, 8);
    identity.member = bits_get(&bits, 40);
    identity.birthday = (uint16_t)bits_get(&bits, 16);
    identity.wedding = (uint16_t)bits_get(&bits, 16);
    identity.issued = (uint16_t)bits_get(&bits, 16);
    identity.expires = (uint16_t)bits_get(&bits, 16);
    memcpy(identity.name, bytes + DESFIRE_IDENTITY_PART, CARD_NAME_BYTES_MAX);
    *ret = identity;
    return ST_OK;
}
