#include "drivers/card/desfire_layout.h"

#include <string.h>

#include "drivers/card/mad.h"
#include "hal/base/bytes.h"

/* AID F38560. */
const uint8_t desfire_aid[3] = {MAD_OURS << 4 & 0xFF, MAD_OURS >> 4 & 0xFF,
                                0xF0 | (MAD_OURS >> 12 & 0xF)};
const uint8_t desfire_card_level[3] = {0, 0, 0};

enum { MACED = 1, ENCIPHERED = 3 };

const struct desfire_file_plan desfire_file_plans[DESFIRE_LAYOUT_FILES] = {
    /* CreateStdDataFile: mode, rights 1F00, 80 bytes. */
    {.number = DESFIRE_IDENTITY,
     .create = {0xCD, DESFIRE_IDENTITY, MACED, 0x00, 0x1F, 2 * DESFIRE_IDENTITY_PART, 0, 0},
     .create_bytes = 8,
     .settings = {0, MACED, 0x00, 0x1F, 2 * DESFIRE_IDENTITY_PART, 0, 0},
     .settings_bytes = 7},
    /* CreateBackupDataFile: mode, rights 1120, 24 bytes. */
    {.number = DESFIRE_FACTS,
     .create = {0xCB, DESFIRE_FACTS, MACED, 0x20, 0x11, FACTS_BYTES, 0, 0},
     .create_bytes = 8,
     .settings = {1, MACED, 0x20, 0x11, FACTS_BYTES, 0, 0},
     .settings_bytes = 7},
    /* CreateValueFile: mode, rights 1F20, from 0 to 2^31-1, begins at 0, no LimitedCredit. Its
     * settings end with what LimitedCredit may give and whether it may. */
    {.number = DESFIRE_CREDIT,
     .create = {0xCC, DESFIRE_CREDIT, ENCIPHERED, 0x20, 0x1F, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 0,
                0, 0, 0, 0},
     .create_bytes = 18,
     .settings = {2, ENCIPHERED, 0x20, 0x1F, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0, 0},
     .settings_bytes = 17},
    /* CreateCyclicRecordFile: mode, rights 1120, record of 40 bytes, room for 33. Its settings end
     * with how many there are: none before the card has value. */
    {.number = DESFIRE_HISTORY,
     .create = {0xC0, DESFIRE_HISTORY, MACED, 0x20, 0x11, SNAPSHOT_IMAGE_BYTES, 0, 0,
                DESFIRE_RECORDS_ROOM, 0, 0},
     .create_bytes = 11,
     .settings = {4, MACED, 0x20, 0x11, SNAPSHOT_IMAGE_BYTES, 0, 0, DESFIRE_RECORDS_ROOM, 0, 0, 0,
                  0, 0},
     .settings_bytes = 13},
};

void desfire_identity_encode(const struct card_identity *identity,
                             uint8_t ret_bytes[DESFIRE_IDENTITY_PART])
{
    struct bits bits = {.bytes = ret_bytes, .size_bits = 8 * DESFIRE_IDENTITY_PART, .at = 0};

    memset(ret_bytes, 0, DESFIRE_IDENTITY_PART);
    bits_put(&bits, 4, DESFIRE_LAYOUT);
    bits_put(&bits, 4, 0);
    bits_put(&bits, 56, identity->number);
    bits_put(&bits, 8, identity->kind);
    bits_put(&bits, 40, identity->member);
    bits_put(&bits, 16, identity->birthday);
    bits_put(&bits, 16, identity->wedding);
    bits_put(&bits, 16, identity->issued);
    bits_put(&bits, 16, identity->expires);
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

enum st desfire_identity_decode(const uint8_t bytes[DESFIRE_IDENTITY_PART],
                                struct card_identity *ret)
{
    uint8_t copy[DESFIRE_IDENTITY_PART];
    struct bits bits = {.bytes = copy, .size_bits = 8 * sizeof copy, .at = 64};

    memcpy(copy, bytes, sizeof copy);
    const enum st st = desfire_number_decode(copy, &ret->number);
    if (st != ST_OK) {
        return st;
    }
    ret->kind = (uint8_t)bits_get(&bits, 8);
    ret->member = bits_get(&bits, 40);
    ret->birthday = (uint16_t)bits_get(&bits, 16);
    ret->wedding = (uint16_t)bits_get(&bits, 16);
    ret->issued = (uint16_t)bits_get(&bits, 16);
    ret->expires = (uint16_t)bits_get(&bits, 16);
    return ST_OK;
}
