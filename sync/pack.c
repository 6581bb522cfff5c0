#include "sync/wire.h"

#include <string.h>
#include <zlib.h>

enum {
    GZIP_WINDOW = 15 + 16, /* zlib's way to say: gzip framing */
    GZIP_LEVEL = 1,
    GZIP_MEMORY = 8,
};

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One more than the digit's value; 0 = not a digit. '=' is none: padding is handled apart. */
static const uint8_t base64_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

void wire_base64_encode(const uint8_t *bytes, size_t size, char *ret_text)
{
    size_t i = 0;
    for (; i + 3 <= size; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        *ret_text++ = base64_digits[group >> 18];
        *ret_text++ = base64_digits[group >> 12 & 63];
        *ret_text++ = base64_digits[group >> 6 & 63];
        *ret_text++ = base64_digits[group & 63];
    }
    if (size - i == 1) {
        *ret_text++ = base64_digits[bytes[i] >> 2];
        *ret_text++ = base64_digits[(bytes[i] & 3) << 4];
        *ret_text++ = '=';
        *ret_text++ = '=';
    } else if (size - i == 2) {
        uint32_t group = (uint32_t)bytes[i] << 8 | bytes[i + 1];
        *ret_text++ = base64_digits[group >> 10];
        *ret_text++ = base64_digits[group >> 4 & 63];
        *ret_text++ = base64_digits[(group & 15) << 2];
        *ret_text++ = '=';
    }
}

/* Reads 2 to 4 digits into a group of 24 bits. False: one of them is not a digit. */
static bool base64_group(const char *text, size_t digits, uint32_t *ret_group)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i += 1) {
        uint32_t value = i < digits ? base64_values[(uint8_t)text[i]] : 1;
        if (value == 0) {
            return false;
        }
        group = group << 6 | (value - 1);
    }
    *ret_group = group;
    return true;
}

enum st wire_base64_decode(const char *text, size_t size, uint8_t *ret_bytes, size_t max,
                           size_t *ret_size)
{
    if (size % 4 != 0) {
        return ST_FOREIGN;
    }
    size_t padding = 0;
    if (size > 0 && text[size - 1] == '=') {
        padding = text[size - 2] == '=' ? 2 : 1;
    }
    size_t count = size / 4 * 3 - padding;
    if (count > max) {
        return ST_FOREIGN;
    }

    size_t full = padding > 0 ? size - 4 : size;
    uint32_t group = 0;
    uint8_t *at = ret_bytes;
    for (size_t i = 0; i < full; i += 4) {
        if (!base64_group(text + i, 4, &group)) {
            return ST_FOREIGN;
        }
        *at++ = (uint8_t)(group >> 16);
        *at++ = (uint8_t)(group >> 8);
        *at++ = (uint8_t)group;
    }
    if (padding > 0) {
        /* The bits that the last digit has to spare must be zero: one text for one value. */
        uint32_t spare = padding == 2 ? 0xFFFF : 0xFF;
        if (!base64_group(text + full, 4 - padding, &group) || (group & spare) != 0) {
            return ST_FOREIGN;
        }
        *at++ = (uint8_t)(group >> 16);
        if (padding == 1) {
            *at++ = (uint8_t)(group >> 8);
        }
    }
    *ret_size = count;
    return ST_OK;
}

enum st wire_gzip(const void *bytes, size_t size, void *ret_packed, size_t max, size_t *ret_size)
{
    assert(size <= WIRE_ANSWER_MAX && max <= WIRE_ANSWER_MAX);

    z_stream stream = {0};
    if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return ST_IO;
    }
    stream.next_in = (Bytef *)bytes; /* zlib.h lacks the const; it only reads */
    stream.avail_in = (uInt)size;
    stream.next_out = ret_packed;
    stream.avail_out = (uInt)max;
    int rc = deflate(&stream, Z_FINISH);
    size_t written = stream.total_out;
    (void)deflateEnd(&stream); /* its only failure is to have been called too early */

    if (rc != Z_STREAM_END) {
        return ST_FULL;
    }
    *ret_size = written;
    return ST_OK;
}

/* What inflate's result means once there is no room or no input left. */
static enum st gunzip_status(int rc, const z_stream *stream, struct fault *fault)
{
    if (rc == Z_MEM_ERROR) {
        fault_say(fault, "There is no memory left to unpack a body.");
        return ST_IO;
    }
    if (rc == Z_STREAM_END && stream->avail_in == 0) {
        return ST_OK;
    }
    if (rc == Z_STREAM_END) {
        fault_say(fault, "The gzip body is followed by other bytes.");
        return ST_FOREIGN;
    }
    if ((rc == Z_OK || rc == Z_BUF_ERROR) && stream->avail_out == 0) {
        fault_say(fault, "The gzip body unpacks to more than is allowed.");
        return ST_FULL;
    }
    fault_say(fault, "The body is not whole gzip.");
    return ST_FOREIGN;
}

enum st wire_gunzip(const void *packed, size_t size, void *ret_bytes, size_t max, size_t *ret_size,
                    struct fault *fault)
{
    assert(max > 0 && max <= UINT32_MAX);
    if (size > UINT32_MAX) {
        fault_say(fault, "The gzip body is larger than is allowed.");
        return ST_FULL;
    }

    z_stream stream = {0};
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        fault_say(fault, "There is no memory left to unpack a body.");
        return ST_IO;
    }
    stream.next_in = (Bytef *)packed; /* zlib.h lacks the const; it only reads */
    stream.avail_in = (uInt)size;
    stream.next_out = ret_bytes;
    stream.avail_out = (uInt)max;
    int rc = inflate(&stream, Z_FINISH);
    enum st st = gunzip_status(rc, &stream, fault);
    size_t written = stream.total_out;
    (void)inflateEnd(&stream); /* its only failure is to have been called too early */

    if (st == ST_OK) {
        *ret_size = written;
    }
    return st;
}
