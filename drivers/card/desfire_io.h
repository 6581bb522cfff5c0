/* desfire_io.h - DESFire commands over a reader: select, authenticate, ask, in native framing.
 *
 * Private to drivers/card. Holds the session: what it sends is wrapped, what comes back is proven.
 * Any error status and any silence ends the session; nothing is repeated here, for a command may
 * have been done. Never sent: GetDFNames (6D), which kills an EV1 card in a session, and frames
 * wrapped for ISO 7816-4, which may not be mixed with native ones (proxmark3, libnxpsc notes). */
#ifndef DRIVERS_CARD_DESFIRE_IO_H
#define DRIVERS_CARD_DESFIRE_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/card/ev1.h"
#include "hal/keystore.h"
#include "hal/reader.h"

enum {
    DESFIRE_IO_FRAME = 60,   /* data of one frame: the card takes 64 with prologue and CRC */
    DESFIRE_IO_ANSWER = 1440 /* 32 records and a MAC, and some */
};

/* Statuses that mean something to us (libfreefare 0.4.0, freefare.h). */
enum desfire_io_status {
    DESFIRE_IO_OK = 0x00,
    DESFIRE_IO_MORE = 0xAF,
    DESFIRE_IO_NO_APPLICATION = 0xA0,
    DESFIRE_IO_BOUNDARY = 0xBE,
    DESFIRE_IO_NO_FILE = 0xF0,
    DESFIRE_IO_NONE = 0xFF, /* the card did not say one */
};

struct desfire_io {
    struct reader reader;
    struct keystore *keystore;
    struct reader_target target;
    bool is_selected;
    bool is_awake;    /* as far as we know: activated and not sent to sleep since */
    unsigned selects; /* a change tells that the card may have been away in between */
    bool has_session;
    enum key_role role; /* of the session */
    struct ev1 session;
    uint8_t status; /* of the last answer */
    uint8_t answer[DESFIRE_IO_ANSWER];
    size_t answer_bytes;
};

/* Takes over a card that the reader has just selected. */
void desfire_io_take(struct desfire_io *io, const struct reader_target *target);

/* Selects any card, or the one with this UID, and only tells what it is. An activated card is deaf
 * to calls (ISO 14443-3, 6.3.7), so one that may still be is sent to sleep first, and called by its
 * UID when any card will do. Statuses as hal/reader.h. */
ST_CHECK enum st desfire_io_seek(struct desfire_io *io, const uint8_t *uid, size_t uid_bytes,
                                 struct reader_target *ret);

/* The same, and takes it over. */
ST_CHECK enum st desfire_io_select(struct desfire_io *io, const uint8_t *uid, size_t uid_bytes);

/* Forgets session and select, so that the next use begins with a select of the same card. */
void desfire_io_drop(struct desfire_io *io);

/* Sends `message` (code and header, then data) and puts the answer's data into io->answer. The
 * buffer has room for EV1_MESSAGE_MAX and is used up.
 * ST_OK       done, and proven when there is a session.
 * ST_REFUSED  the card says no: io->status. The session is over, and so is what was not committed.
 * ST_GONE     silence, or an answer that does not prove itself: what the card did is unknown.
 * ST_IO       the reader is away: likewise. */
ST_CHECK enum st desfire_io_ask(struct desfire_io *io, enum ev1_mode mode,
                                uint8_t message[EV1_MESSAGE_MAX], size_t header_bytes,
                                size_t data_bytes);

/* The same, for an answer of `answer_bytes` that comes enciphered. */
ST_CHECK enum st desfire_io_ask_secret(struct desfire_io *io, uint8_t message[EV1_MESSAGE_MAX],
                                       size_t header_bytes, size_t answer_bytes);

/* SelectApplication. It ends a session. ST_REFUSED: there is none such. */
ST_CHECK enum st desfire_io_application(struct desfire_io *io, const uint8_t aid[3]);

/* Opens a session with the key of a role and version (or KEYSTORE_FACTORY) of `aid`.
 * ST_DENIED       the card has another key there.
 * ST_UNSUPPORTED  the store has no such key. Others as above. */
ST_CHECK enum st desfire_io_authenticate(struct desfire_io *io, const uint8_t aid[3],
                                         enum key_role role, uint8_t version);

/* Sets the key of the session's own role to another version. The session is over.
 * ST_GONE, ST_IO: old or new, GetKeyVersion tells. */
ST_CHECK enum st desfire_io_change_own_key(struct desfire_io *io, uint8_t version_from,
                                           uint8_t version_to);

/* The version byte of a key. */
ST_CHECK enum st desfire_io_key_version(struct desfire_io *io, enum key_role role, uint8_t *ret);

/* Lets the card sleep and forgets the session. Best effort. */
void desfire_io_halt(struct desfire_io *io);

#endif
