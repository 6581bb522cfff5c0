#include "tools/pn532-sim/pn532_frame.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum {
    TFI_CHIP = 0xD5,
    NORMAL_MAX = 254, /* data bytes beside TFI in a normal frame */
};

const uint8_t pn532_ack_frame[PN532_ACK_BYTES] = {0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00};

void pn532_stream_add(struct pn532_stream *stream, const uint8_t *bytes, size_t count)
{
    if (count > PN532_STREAM_MAX) {
        bytes += count - PN532_STREAM_MAX;
        count = PN532_STREAM_MAX;
    }
    if (stream->count + count > PN532_STREAM_MAX) {
        const size_t drop = stream->count + count - PN532_STREAM_MAX;
        memmove(stream->bytes, stream->bytes + drop, stream->count - drop);
        stream->count -= drop;
    }
    memcpy(stream->bytes + stream->count, bytes, count);
    stream->count += count;
}

static void drop_bytes(struct pn532_stream *stream, size_t count)
{
    assert(count <= stream->count);
    stream->count -= count;
    memmove(stream->bytes, stream->bytes + count, stream->count);
}

static uint8_t sum_of(const uint8_t *bytes, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += bytes[i];
    }
    return (uint8_t)sum;
}

/* What stands behind a start code. */
enum shape {
    SHAPE_SHORT, /* more bytes are needed to tell */
    SHAPE_BAD,
    SHAPE_ACK,
    SHAPE_NACK,
    SHAPE_DATA,
};

/* `at` points behind the start code 00 FF. For SHAPE_DATA, *ret_skip is where TFI is and
 * *ret_bytes counts TFI and data; DCS follows. */
static enum shape shape_of(const uint8_t *at, size_t count, size_t *ret_skip, size_t *ret_bytes)
{
    if (count < 2) {
        return SHAPE_SHORT;
    }
    if (at[0] == 0x00 && at[1] == 0xFF) {
        return SHAPE_ACK;
    }
    if (at[0] == 0xFF && at[1] == 0x00) {
        return SHAPE_NACK;
    }
    if (at[0] == 0xFF && at[1] == 0xFF) {
        if (count < 5) {
            return SHAPE_SHORT;
        }
        *ret_skip = 5;
        *ret_bytes = (size_t)at[2] << 8 | at[3];
        if (sum_of(at + 2, 3) != 0) {
            return SHAPE_BAD;
        }
    } else {
        *ret_skip = 2;
        *ret_bytes = at[0];
        if (sum_of(at, 2) != 0) {
            return SHAPE_BAD;
        }
    }
    if (*ret_bytes < 1 || *ret_bytes > PN532_DATA_MAX + 1) {
        return SHAPE_BAD;
    }
    if (count < *ret_skip + *ret_bytes + 1) {
        return SHAPE_SHORT;
    }
    return sum_of(at + *ret_skip, *ret_bytes + 1) == 0 ? SHAPE_DATA : SHAPE_BAD;
}

/* Drops what precedes the next start code. False when there is none yet. */
static bool seek_start(struct pn532_stream *stream)
{
    for (size_t i = 0; i + 1 < stream->count; i++) {
        if (stream->bytes[i] == 0x00 && stream->bytes[i + 1] == 0xFF) {
            drop_bytes(stream, i);
            return true;
        }
    }
    if (stream->count > 1) {
        drop_bytes(stream, stream->count - 1);
    }
    return false;
}

enum pn532_found pn532_stream_take(struct pn532_stream *stream, uint8_t *ret_data,
                                   size_t *ret_data_bytes, size_t *ret_frame_bytes)
{
    while (seek_start(stream)) {
        const uint8_t *at = stream->bytes + 2;
        size_t skip = 0;
        size_t bytes = 0;

        switch (shape_of(at, stream->count - 2, &skip, &bytes)) {
        case SHAPE_SHORT:
            return PN532_FOUND_NONE;
        case SHAPE_ACK:
            drop_bytes(stream, 4);
            return PN532_FOUND_ACK;
        case SHAPE_NACK:
            drop_bytes(stream, 4);
            return PN532_FOUND_NACK;
        case SHAPE_DATA:
            memcpy(ret_data, at + skip, bytes);
            *ret_data_bytes = bytes;
            /* Preamble 00 and postamble 00 count, though the parser does not insist on them. */
            *ret_frame_bytes = 1 + 2 + skip + bytes + 1 + 1;
            drop_bytes(stream, 2 + skip + bytes + 1);
            return PN532_FOUND_COMMAND;
        case SHAPE_BAD:
            drop_bytes(stream, 1);
            break;
        }
    }
    return PN532_FOUND_NONE;
}

size_t pn532_frame_build(const uint8_t *data, size_t data_bytes, uint8_t *ret_frame)
{
    assert(data_bytes >= 1 && data_bytes <= PN532_DATA_MAX);
    size_t n = 0;

    ret_frame[n++] = 0x00;
    ret_frame[n++] = 0x00;
    ret_frame[n++] = 0xFF;
    if (data_bytes <= NORMAL_MAX) {
        ret_frame[n++] = (uint8_t)(data_bytes + 1);
        ret_frame[n++] = (uint8_t) - (int)(data_bytes + 1);
    } else {
        ret_frame[n++] = 0xFF;
        ret_frame[n++] = 0xFF;
        ret_frame[n++] = (uint8_t)((data_bytes + 1) >> 8);
        ret_frame[n++] = (uint8_t)(data_bytes + 1);
        ret_frame[n] = (uint8_t)-sum_of(ret_frame + n - 2, 2);
        n++;
    }
    const size_t tfi = n;
    ret_frame[n++] = TFI_CHIP;
    memcpy(ret_frame + n, data, data_bytes);
    n += data_bytes;
    ret_frame[n] = (uint8_t)-sum_of(ret_frame + tfi, n - tfi);
    n++;
    ret_frame[n++] = 0x00;
    return n;
}

size_t pn532_frame_build_error(uint8_t *ret_frame)
{
    static const uint8_t error[] = {0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00};
    memcpy(ret_frame, error, sizeof error);
    return sizeof error;
}
