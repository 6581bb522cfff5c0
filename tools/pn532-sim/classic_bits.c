#include "tools/pn532-sim/classic_bits.h"

#include <assert.h>
#include <string.h>

/* Who may do what: one bit a key. */
enum {
    NOBODY = 0,
    A = 1 << CLASSIC_KEY_A,
    B = 1 << CLASSIC_KEY_B,
    A_OR_B = A | B,
};

/* MF1S503x, table 8 (8.7.3): rows C1C2C3, columns enum classic_use. */
static const uint8_t data_rights[8][4] = {
    /* 000 */ {A_OR_B, A_OR_B, A_OR_B, A_OR_B},
    /* 001 */ {A_OR_B, NOBODY, NOBODY, A_OR_B},
    /* 010 */ {A_OR_B, NOBODY, NOBODY, NOBODY},
    /* 011 */ {B, B, NOBODY, NOBODY},
    /* 100 */ {A_OR_B, B, NOBODY, NOBODY},
    /* 101 */ {B, NOBODY, NOBODY, NOBODY},
    /* 110 */ {A_OR_B, B, B, A_OR_B},
    /* 111 */ {NOBODY, NOBODY, NOBODY, NOBODY},
};

/* MF1S503x, table 7 (8.7.2): rows C1C2C3, columns enum classic_trailer_use. */
static const uint8_t trailer_rights[8][5] = {
    /* 000 */ {A, A, NOBODY, A, A},
    /* 001 */ {A, A, A, A, A},
    /* 010 */ {NOBODY, A, NOBODY, A, NOBODY},
    /* 011 */ {B, A_OR_B, B, NOBODY, B},
    /* 100 */ {B, A_OR_B, NOBODY, NOBODY, B},
    /* 101 */ {NOBODY, A_OR_B, B, NOBODY, NOBODY},
    /* 110 */ {NOBODY, A_OR_B, NOBODY, NOBODY, NOBODY},
    /* 111 */ {NOBODY, A_OR_B, NOBODY, NOBODY, NOBODY},
};

/* Nibble of bit C1, C2 or C3 (shift 2, 1, 0) for the groups 3..0. */
static uint8_t nibble_of(const struct classic_access *access, unsigned shift)
{
    unsigned nibble = 0;
    for (unsigned group = 0; group < 4; group++) {
        nibble |= ((unsigned)access->group[group] >> shift & 1U) << group;
    }
    return (uint8_t)nibble;
}

/* MF1S503x, 8.7.1, figure 10: byte 6 is ~C2 ~C1, byte 7 is C1 ~C3, byte 8 is C3 C2. */
void classic_access_encode(const struct classic_access *access, uint8_t ret_bytes[3])
{
    for (int group = 0; group < 4; group++) {
        assert(access->group[group] < 8);
    }
    const unsigned c1 = nibble_of(access, 2);
    const unsigned c2 = nibble_of(access, 1);
    const unsigned c3 = nibble_of(access, 0);

    ret_bytes[0] = (uint8_t)((~c2 & 15U) << 4 | (~c1 & 15U));
    ret_bytes[1] = (uint8_t)(c1 << 4 | (~c3 & 15U));
    ret_bytes[2] = (uint8_t)(c3 << 4 | c2);
}

bool classic_access_decode(const uint8_t bytes[3], struct classic_access *ret_access)
{
    const unsigned c1 = bytes[1] >> 4;
    const unsigned c2 = bytes[2] & 15U;
    const unsigned c3 = bytes[2] >> 4;

    if ((bytes[0] & 15U) != (~c1 & 15U) || bytes[0] >> 4 != (~c2 & 15U) ||
        (bytes[1] & 15U) != (~c3 & 15U)) {
        return false;
    }
    for (unsigned group = 0; group < 4; group++) {
        ret_access->group[group] =
            (uint8_t)((c1 >> group & 1U) << 2 | (c2 >> group & 1U) << 1 | (c3 >> group & 1U));
    }
    return true;
}

bool classic_may_use(uint8_t bits, enum classic_key key, enum classic_use use)
{
    assert(bits < 8);
    return (data_rights[bits][use] & 1U << key) != 0;
}

bool classic_may_use_trailer(uint8_t bits, enum classic_key key, enum classic_trailer_use use)
{
    assert(bits < 8);
    return (trailer_rights[bits][use] & 1U << key) != 0;
}

bool classic_key_b_is_data(uint8_t trailer_bits)
{
    return classic_may_use_trailer(trailer_bits, CLASSIC_KEY_A, CLASSIC_TRAILER_READ_KEY_B);
}

void classic_value_encode(int32_t value, uint8_t address, uint8_t ret_block[16])
{
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t byte = (uint8_t)((uint32_t)value >> 8 * i);
        ret_block[i] = byte;
        ret_block[4 + i] = (uint8_t)~byte;
        ret_block[8 + i] = byte;
        ret_block[12 + i] = (i & 1U) == 0 ? address : (uint8_t)~address;
    }
}

bool classic_value_decode(const uint8_t block[16], int32_t *ret_value, uint8_t *ret_address)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; i++) {
        bits |= (uint32_t)block[i] << 8 * i;
    }
    uint8_t expected[16];
    classic_value_encode((int32_t)bits, block[12], expected);
    if (memcmp(expected, block, sizeof expected) != 0) {
        return false;
    }
    *ret_value = (int32_t)bits;
    *ret_address = block[12];
    return true;
}
