/* bytes.h - numbers in byte strings: little-endian words, bit fields, hexadecimal.
 *
 * Pure. Offsets and widths are the caller's: a wrong one is a bug and asserts. Bit fields are
 * written most significant bit first, so that a layout table reads from left to right. */
#ifndef HAL_BASE_BYTES_H
#define HAL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

void put_le16(uint8_t *at, uint16_t value);
void put_le32(uint8_t *at, uint32_t value);
void put_le64(uint8_t *at, uint64_t value);
uint16_t get_le16(const uint8_t *at);
uint32_t get_le32(const uint8_t *at);
uint64_t get_le64(const uint8_t *at);

/* A cursor over a byte string, counted in bits from its first byte's highest bit. */
struct bits {
    uint8_t *bytes;
    size_t size_bits;
    size_t at;
};

/* Appends the low `width` bits of `value` (width 1..64, value < 2^width, room left: else a bug). */
void bits_put(struct bits *bits, unsigned width, uint64_t value);
/* Takes the next `width` bits. */
uint64_t bits_get(struct bits *bits, unsigned width);

/* Writes 2 * size lower-case digits and a NUL into `ret_text`. */
void hex_encode(const uint8_t *bytes, size_t size, char *ret_text);
/* Reads exactly 2 * size digits, either case, and the end of the text.
 * ST_FOREIGN  any other text; ret_bytes is then undefined. */
ST_CHECK enum st hex_decode(const char *text, uint8_t *ret_bytes, size_t size);

/* Compares without an early exit, for seals and keys. */
bool bytes_equal_secret(const uint8_t *a, const uint8_t *b, size_t size);
/* Overwrites with zeros; the compiler may not leave it out. */
void bytes_wipe(void *at, size_t size);

#endif
