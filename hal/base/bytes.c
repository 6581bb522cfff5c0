#include "hal/base/bytes.h"

#include <string.h>

void put_le16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

void put_le32(uint8_t *at, uint32_t value)
{
    put_le16(at, (uint16_t)value);
    put_le16(at + 2, (uint16_t)(value >> 16));
}

void put_le64(uint8_t *at, uint64_t value)
{
    put_le32(at, (uint32_t)value);
    put_le32(at + 4, (uint32_t)(value >> 32));
}

uint16_t get_le16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t get_le32(const uint8_t *at)
{
    return get_le16(at) | (uint32_t)get_le16(at + 2) << 16;
}

uint64_t get_le64(const uint8_t *at)
{
    return get_le32(at) | (uint64_t)get_le32(at + 4) << 32;
}

/* Both walk byte by byte: each step takes what is left of a byte, or of the field. */

void bits_put(struct bits *bits, unsigned width, uint64_t value)
{
    assert(width >= 1 && width <= 64 && bits->at + width <= bits->size_bits);
    assert(width == 64 || value >> width == 0);

    for (unsigned left = width; left > 0;) {
        unsigned room = 8 - (unsigned)(bits->at % 8);
        unsigned n = left < room ? left : room;
        unsigned shift = room - n;
        unsigned mask = ((1U << n) - 1) << shift;
        unsigned part = (unsigned)(value >> (left - n)) << shift & mask;
        uint8_t *byte = &bits->bytes[bits->at / 8];
        *byte = (uint8_t)((*byte & ~mask) | part);
        bits->at += n;
        left -= n;
    }
}

uint64_t bits_get(struct bits *bits, unsigned width)
{
    assert(width >= 1 && width <= 64 && bits->at + width <= bits->size_bits);

    uint64_t value = 0;
    for (unsigned left = width; left > 0;) {
        unsigned room = 8 - (unsigned)(bits->at % 8);
        unsigned n = left < room ? left : room;
        unsigned part = (unsigned)bits->bytes[bits->at / 8] >> (room - n) & ((1U << n) - 1);
        value = value << n | part;
        bits->at += n;
        left -= n;
    }
    return value;
}

void hex_encode(const uint8_t *bytes, size_t size, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i += 1) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * size] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

enum st hex_decode(const char *text, uint8_t *ret_bytes, size_t size)
{
    if (strlen(text) != 2 * size) {
        return ST_FOREIGN;
    }
    for (size_t i = 0; i < size; i += 1) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return ST_FOREIGN;
        }
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return ST_OK;
}

bool bytes_equal_secret(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint8_t differ = 0;
    for (size_t i = 0; i < size; i += 1) {
        differ = (uint8_t)(differ | (a[i] ^ b[i]));
    }
    return differ == 0;
}

void bytes_wipe(void *at, size_t size)
{
    explicit_bzero(at, size);
}
