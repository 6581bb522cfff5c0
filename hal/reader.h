/* reader.h - the seam to a contactless reader: select a card, exchange bytes, let it go.
 *
 * The weakest binding that works is a const table with a context, because a real reader, a reader
 * that tears and a card in memory stand side by side in one build. All calls are mandatory and
 * block at most `timeout_ms` (> 0, asserted). One caller, one thread. drivers/reader implements it
 * over libnfc in a process of its own; drivers/card is its only user. */
#ifndef HAL_READER_H
#define HAL_READER_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum {
    READER_UID_MAX = 10,   /* ISO/IEC 14443-3: 4, 7 or 10 bytes */
    READER_FRAME_MAX = 262 /* PN532 InDataExchange through libnfc: 264 less 2 (libnfc pn53x.c) */
};

struct reader_target {
    uint8_t uid[READER_UID_MAX];
    size_t uid_bytes;
    uint8_t sak;     /* ISO/IEC 14443-3 select acknowledge: 08 Classic 1K, 18 Classic 4K, 20 ... */
    uint8_t atqa[2]; /* never used to tell chips apart (NXP AN10833) */
    uint8_t ats[32]; /* ISO/IEC 14443-4 only; ats_bytes is 0 elsewhere */
    size_t ats_bytes;
};

struct reader_ops {
    /* Wakes one card and takes it into the active state. With `uid` NULL any card that is not
     * halted; else that card, halted or not (the PN532 uses WUPA when it is given a UID).
     * ST_OK     *ret is the card.
     * ST_AGAIN  no such card in the field within the time: normal while waiting.
     * ST_IO     the reader is away or dumb; it is being restarted: try again, and say so. */
    ST_CHECK enum st (*select)(void *ctx, const uint8_t *uid, size_t uid_bytes, unsigned timeout_ms,
                               struct reader_target *ret);

    /* Sends one card command (for MIFARE Classic as PN532 InDataExchange data, UM0701-02 7.3.8:
     * the reader runs Crypto1) and receives its reply, 0..rx_max bytes.
     * ST_OK      the card answered.
     * ST_DENIED  the card refused authentication; it is halted: select it again by its UID.
     * ST_GONE    no or a bad answer (card gone, NAK, noise): what the card did is unknown; select
     *            again.
     * ST_IO      the reader died or hangs: what the card did is unknown. */
    ST_CHECK enum st (*transceive)(void *ctx, const uint8_t *tx, size_t tx_bytes,
                                   unsigned timeout_ms, uint8_t *rx, size_t rx_max,
                                   size_t *ret_rx_bytes);

    /* Halts the card, so that a select without UID does not see it again until it was taken away.
     * ST_OK also when no card was selected. ST_IO as above. */
    ST_CHECK enum st (*deselect)(void *ctx, unsigned timeout_ms);
};

struct reader {
    const struct reader_ops *ops;
    void *ctx;
};

#endif
