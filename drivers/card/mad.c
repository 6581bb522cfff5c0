#include "drivers/card/mad.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

const uint8_t mad_public_key[6] = {0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5};

/* CRC-8 with the polynomial x^8 + x^4 + x^3 + x^2 + 1. AN10787 writes the start value as E3, the
 * lowest bit first; highest bit first it is C7. */
static uint8_t crc(const uint8_t mad[MAD_BYTES])
{
    uint8_t value = 0xC7;

    for (size_t i = 1; i < MAD_BYTES; i += 1) {
        value ^= mad[i];
        for (unsigned bit = 0; bit < 8; bit += 1) {
            value = (uint8_t)(value << 1 ^ ((value & 0x80) != 0 ? 0x1D : 0x00));
        }
    }
    return value;
}

bool mad_is_valid(const uint8_t mad[MAD_BYTES])
{
    return crc(mad) == mad[0];
}

uint16_t mad_entry(const uint8_t mad[MAD_BYTES], uint8_t sector)
{
    assert(sector >= 1 && sector < MAD_SECTORS);
    /* Application code first, then the function cluster (AN10787). */
    return (uint16_t)(mad[2 * sector] | mad[2 * sector + 1] << 8);
}

void mad_set(uint8_t mad[MAD_BYTES], uint8_t sector, uint16_t aid)
{
    assert(sector >= 1 && sector < MAD_SECTORS);
    mad[2 * sector] = (uint8_t)aid;
    mad[2 * sector + 1] = (uint8_t)(aid >> 8);
}

void mad_seal(uint8_t mad[MAD_BYTES])
{
    mad[0] = crc(mad);
}

uint16_t mad_find(const uint8_t mad[MAD_BYTES], uint16_t aid)
{
    unsigned found = 0;

    for (uint8_t sector = 1; sector < MAD_SECTORS; sector += 1) {
        found |= mad_entry(mad, sector) == aid ? 1U << sector : 0U;
    }
    return (uint16_t)found;
}

bool mad_repair(uint8_t mad[MAD_BYTES])
{
    uint8_t before[MAD_BYTES];

    if (mad_is_valid(mad)) {
        return true;
    }
    memcpy(before, mad, sizeof before);
    for (uint8_t sector = MAD_SECTORS / 2; sector < MAD_SECTORS; sector += 1) {
        if (mad_entry(before, sector) == MAD_OURS) {
            mad_set(before, sector, MAD_FREE);
        }
    }
    if (!mad_is_valid(before)) {
        return false;
    }
    memcpy(mad, before, sizeof before);
    return true;
}
