/* classic_bits.h - the two codings inside MIFARE Classic blocks: access conditions and values.
 *
 * Pure: no state, no I/O. Written from the data sheet alone and sharing no code with drivers/,
 * so that it can serve as an independent judge of what the product writes on a card.
 * Source: NXP MF1S503x Rev 3.1, 8.6.2.1 (value blocks), 8.6.3 (sector trailer), 8.7 (access). */
#ifndef TOOLS_PN532_SIM_CLASSIC_BITS_H
#define TOOLS_PN532_SIM_CLASSIC_BITS_H

#include <stdbool.h>
#include <stdint.h>

enum classic_key {
    CLASSIC_KEY_A,
    CLASSIC_KEY_B,
};

/* What a command wants to do with a data block; the columns of table 8 in 8.7.3. Decrement,
 * transfer and restore share one column. */
enum classic_use {
    CLASSIC_USE_READ,
    CLASSIC_USE_WRITE,
    CLASSIC_USE_INCREMENT,
    CLASSIC_USE_DECREMENT,
};

/* What a command wants to do with a part of the sector trailer; table 7 in 8.7.2. Key A is never
 * readable, so it has no such entry. */
enum classic_trailer_use {
    CLASSIC_TRAILER_WRITE_KEY_A,
    CLASSIC_TRAILER_READ_ACCESS,
    CLASSIC_TRAILER_WRITE_ACCESS,
    CLASSIC_TRAILER_READ_KEY_B,
    CLASSIC_TRAILER_WRITE_KEY_B,
};

/* Access conditions of a sector: for each group 0..3 (3 is the trailer) the number C1C2C3, with
 * C1 the most significant bit as the data sheet prints it. */
struct classic_access {
    uint8_t group[4];
};

/* Writes the three access bytes (trailer bytes 6, 7, 8). */
void classic_access_encode(const struct classic_access *access, uint8_t ret_bytes[3]);

/* Reads the three access bytes. False, and *ret_access untouched, when a bit and its inverted
 * copy do not differ: the card then blocks the whole sector for ever (8.7.1). */
bool classic_access_decode(const uint8_t bytes[3], struct classic_access *ret_access);

/* Whether a data block of condition `bits` (C1C2C3) may be used so after `key`. */
bool classic_may_use(uint8_t bits, enum classic_key key, enum classic_use use);

/* The same for a part of the trailer. */
bool classic_may_use_trailer(uint8_t bits, enum classic_key key, enum classic_trailer_use use);

/* True for the trailer conditions under which key B is readable data. Key B still authenticates,
 * but the card then refuses every memory access (8.7.2, the note under table 7). */
bool classic_key_b_is_data(uint8_t trailer_bits);

/* Writes a value block: the value thrice (second time inverted), the address byte four times. */
void classic_value_encode(int32_t value, uint8_t address, uint8_t ret_block[16]);

/* False, outputs untouched, when the 16 bytes are not a value block. */
bool classic_value_decode(const uint8_t block[16], int32_t *ret_value, uint8_t *ret_address);

#endif
