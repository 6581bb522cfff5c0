/* pn532_frame.h - frames between host and PN532: finding them in a byte stream, building them.
 *
 * Pure. Source: UM0701-02, 6.2.1 (normal, extended, ACK, NACK and error frames). */
#ifndef TOOLS_PN532_SIM_PN532_FRAME_H
#define TOOLS_PN532_SIM_PN532_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
    PN532_DATA_MAX = 264,                      /* command or answer without TFI */
    PN532_FRAME_MAX = PN532_DATA_MAX + 11 + 1, /* an extended frame adds 11 bytes and TFI */
    PN532_ACK_BYTES = 6,
    PN532_STREAM_MAX = 2048,
};

extern const uint8_t pn532_ack_frame[PN532_ACK_BYTES];

/* Bytes that arrived and are no frame yet. Zero it to start. When it overflows, the oldest bytes
 * are dropped: they are noise then, since no frame is that long. */
struct pn532_stream {
    uint8_t bytes[PN532_STREAM_MAX];
    size_t count;
};

enum pn532_found {
    PN532_FOUND_NONE,    /* wait for more bytes */
    PN532_FOUND_ACK,     /* from the host: abort what is under way */
    PN532_FOUND_NACK,    /* from the host: send the last answer again */
    PN532_FOUND_COMMAND, /* a correct frame; its data is copied out */
};

void pn532_stream_add(struct pn532_stream *stream, const uint8_t *bytes, size_t count);

/* Takes the next frame out of the stream. Everything before it, wake-up bytes and frames with a
 * wrong checksum included, is skipped in silence, as the chip does. For a COMMAND, ret_data
 * (PN532_DATA_MAX + 1 bytes) gets TFI and data; *ret_frame_bytes is its length on the wire. */
enum pn532_found pn532_stream_take(struct pn532_stream *stream, uint8_t *ret_data,
                                   size_t *ret_data_bytes, size_t *ret_frame_bytes);

/* Writes a frame of the chip: TFI D5 and `data` (1 to PN532_DATA_MAX bytes), as an extended frame
 * if it needs one. ret_frame has PN532_FRAME_MAX bytes. Returns the frame's length. */
size_t pn532_frame_build(const uint8_t *data, size_t data_bytes, uint8_t *ret_frame);

/* Writes the error frame; returns its length. */
size_t pn532_frame_build_error(uint8_t *ret_frame);

#endif
