/* message.h - what vafa-reader and its parent say to each other, private to drivers/reader.
 *
 * Pure. One message is one packet of a SOCK_SEQPACKET socket pair, so a packet is whole or wrong:
 *
 *     offset 0  version    READER_MESSAGE_VERSION
 *            1  kind       enum reader_kind
 *            2  id         32 bits, little-endian; an answer repeats its request's id
 *            6  value      16 bits, little-endian; request: milliseconds, answer: enum
 * reader_result 8  body_bytes 16 bits, little-endian; exactly the rest of the packet 10  body
 * 0..READER_FRAME_MAX bytes
 *
 * The parent sends SELECT (body: the UID or nothing), TRANSCEIVE (body: the command) and DESELECT,
 * one at a time. The child says OPENED once, with id 0, and then answers each request with a
 * message of the same kind. A child in trouble says nothing more: it exits with an
 * enum reader_exit, which is all that the parent may believe about it. */
#ifndef DRIVERS_READER_MESSAGE_H
#define DRIVERS_READER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "hal/reader.h"

enum {
    READER_MESSAGE_VERSION = 1,
    READER_MESSAGE_HEADER = 10,
    READER_MESSAGE_MAX = READER_MESSAGE_HEADER + READER_FRAME_MAX,
    /* uid_bytes, uid, sak, atqa, ats_bytes, ats: see reader_target_encode. */
    READER_TARGET_BYTES = 1 + READER_UID_MAX + 1 + 2 + 1 + 32,
    /* The descriptor at which the child finds its end of the pair: the first free one. */
    READER_CHILD_SOCKET = 3,
};

enum reader_kind {
    READER_OPENED = 1,
    READER_SELECT = 2,
    READER_TRANSCEIVE = 3,
    READER_DESELECT = 4,
};

enum reader_result {
    READER_RESULT_OK = 0,
    READER_RESULT_NO_CARD = 1, /* of SELECT */
    READER_RESULT_DENIED = 2,  /* of TRANSCEIVE */
    READER_RESULT_GONE = 3,    /* of TRANSCEIVE */
};

/* Why vafa-reader left. 0 is an orderly end; the rest keeps clear of the shell's and ASan's codes.
 */
enum reader_exit {
    READER_EXIT_ORDERLY = 0,
    READER_EXIT_USAGE = 40,   /* started by hand or with a bad connection string */
    READER_EXIT_PORT = 41,    /* the serial device is not there or may not be opened */
    READER_EXIT_SILENT = 42,  /* the reader did not answer in time */
    READER_EXIT_LINE = 43,    /* the line broke, or what came over it was no PN532 frame */
    READER_EXIT_PARENT = 44,  /* the parent's message made no sense */
    READER_EXIT_CONFINE = 45, /* it could not give up its parent's user: confine.h */
};

struct reader_message {
    enum reader_kind kind;
    uint32_t id;
    uint16_t value;
    size_t body_bytes; /* 0..READER_FRAME_MAX */
    uint8_t body[READER_FRAME_MAX];
};

/* Writes the message into READER_MESSAGE_MAX bytes and returns the packet's size. */
size_t reader_message_encode(const struct reader_message *message,
                             uint8_t ret_packet[READER_MESSAGE_MAX]);

/* ST_FOREIGN  another version, an unknown kind, or a size that is not the packet's. */
ST_CHECK enum st reader_message_decode(const uint8_t *packet, size_t packet_bytes,
                                       struct reader_message *ret_message);

/* The body of a SELECT answer that found a card. */
void reader_target_encode(const struct reader_target *target,
                          uint8_t ret_body[READER_TARGET_BYTES]);
/* ST_FOREIGN  another size, a UID of other than 4, 7 or 10 bytes, or an ATS over 32. */
ST_CHECK enum st reader_target_decode(const uint8_t *body, size_t body_bytes,
                                      struct reader_target *ret_target);

#endif
