#include "drivers/ident/em4100_serial.h"

#include <assert.h>
#include <string.h>

enum {
    STX = 0x02,
    ETX = 0x03,
    CR = 0x0D,
    LF = 0x0A,
    ID_BYTES = 5,
    HEX_DIGITS = 2 * (ID_BYTES + 1), /* id and check */
    TYPED_BYTES = 10,                /* STX, length, type, id, check, ETX; also its length byte */
    TYPED_EM4100 = 0x02,
};

enum match { MATCH_NO, MATCH_MORE, MATCH_WHOLE };

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

/* Hex digits of id and check, as far as they have come. */
static enum match match_hex(const uint8_t *at, size_t count, uint64_t *ret_id)
{
    uint64_t all = 0;
    const size_t digits = count < HEX_DIGITS ? count : HEX_DIGITS;
    for (size_t i = 0; i < digits; i += 1) {
        const int value = hex_value(at[i]);
        if (value < 0) {
            return MATCH_NO;
        }
        all = all << 4 | (uint64_t)value;
    }
    if (digits < HEX_DIGITS) {
        return MATCH_MORE;
    }
    uint8_t check = 0;
    for (unsigned byte = 0; byte <= ID_BYTES; byte += 1) {
        check ^= (uint8_t)(all >> 8 * byte);
    }
    *ret_id = all >> 8;
    return check == 0 ? MATCH_WHOLE : MATCH_NO;
}

static enum match match_framed(const uint8_t *at, size_t count, uint64_t *ret_id)
{
    uint64_t id = 0;
    const enum match hex = match_hex(at + 1, count - 1, &id);
    if (hex != MATCH_WHOLE) {
        return hex;
    }
    static const uint8_t ends[][3] = {{ETX}, {CR, LF, ETX}};
    const size_t tail = count - 1 - HEX_DIGITS;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i += 1) {
        const size_t length = i == 0 ? 1 : 3;
        if (tail <= length && memcmp(at + 1 + HEX_DIGITS, ends[i], tail) == 0) {
            *ret_id = id;
            return tail == length ? MATCH_WHOLE : MATCH_MORE;
        }
    }
    return MATCH_NO;
}

static enum match match_typed(const uint8_t *at, size_t count, uint64_t *ret_id)
{
    static const uint8_t head[] = {STX, TYPED_BYTES, TYPED_EM4100};
    if (memcmp(at, head, count < sizeof head ? count : sizeof head) != 0) {
        return MATCH_NO;
    }
    if (count < TYPED_BYTES) {
        return MATCH_MORE;
    }
    uint8_t check = 0;
    uint64_t id = 0;
    for (size_t i = 1; i < TYPED_BYTES - 1; i += 1) { /* the check itself makes it 0 */
        check ^= at[i];
    }
    for (size_t i = sizeof head; i < sizeof head + ID_BYTES; i += 1) {
        id = id << 8 | at[i];
    }
    if (check != 0 || at[TYPED_BYTES - 1] != ETX) {
        return MATCH_NO;
    }
    *ret_id = id;
    return MATCH_WHOLE;
}

/* What the bytes from the first one on may be. */
static enum match match(const struct em4100_serial *line, uint64_t *ret_id)
{
    if (line->bytes[0] != STX) {
        return line->is_aligned ? match_hex(line->bytes, line->count, ret_id) : MATCH_NO;
    }
    const enum match typed = match_typed(line->bytes, line->count, ret_id);
    return typed != MATCH_NO ? typed : match_framed(line->bytes, line->count, ret_id);
}

static void drop_first(struct em4100_serial *line)
{
    const bool is_line_end = line->bytes[0] == CR || line->bytes[0] == LF;
    line->is_aligned = line->is_aligned && is_line_end;
    line->count -= 1;
    memmove(line->bytes, line->bytes + 1, line->count);
}

void em4100_serial_reset(struct em4100_serial *line)
{
    *line = (struct em4100_serial){.is_aligned = true};
}

bool em4100_serial_feed(struct em4100_serial *line, uint8_t byte, uint64_t *ret_id)
{
    assert(line->count < sizeof line->bytes);
    line->bytes[line->count] = byte;
    line->count += 1;

    while (line->count > 0) {
        uint64_t id = 0;
        switch (match(line, &id)) {
        case MATCH_NO:
            drop_first(line);
            break;
        case MATCH_MORE:
            return false;
        case MATCH_WHOLE:
            /* No format is whole before its last byte, so nothing is left behind it. */
            em4100_serial_reset(line);
            if ((uint32_t)id == 0) {
                return false; /* a dead line reads as zeros, and their check fits */
            }
            *ret_id = id;
            return true;
        }
    }
    return false;
}
