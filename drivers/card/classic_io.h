/* classic_io.h - MIFARE Classic commands over a reader: select, authenticate, read, write.
 *
 * Private to drivers/card. Remembers what is selected and authenticated, so that callers say what
 * they need and only missing commands are sent. Commands: MF1S503x, 9 to 11, as a PN532 takes them
 * (UM0701-02, 7.3.8). After a refusal or silence the card must be selected again; reads do that
 * once by themselves, by the UID, so that it is the same card. Writes never do. */
#ifndef DRIVERS_CARD_CLASSIC_IO_H
#define DRIVERS_CARD_CLASSIC_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/keystore.h"
#include "hal/reader.h"

struct classic_io {
    struct reader reader;
    struct reader_target target;
    bool is_selected;
    unsigned selects; /* a change tells that the card may have been away in between */
    int sector;       /* authenticated, or -1 */
    uint8_t sector_wanted;
    enum key_letter letter;
    uint8_t key[6];
};

/* Takes over a card that the reader has just selected. */
void classic_io_take(struct classic_io *io, const struct reader_target *target);

/* Selects any card, or the one with `uid`. Statuses as hal/reader.h. */
ST_CHECK enum st classic_io_select(struct classic_io *io, const uint8_t *uid, size_t uid_bytes);

/* Authenticates a sector; sends nothing when that is done already.
 * ST_DENIED  not this key. ST_GONE  the card is away. ST_IO  the reader is. */
ST_CHECK enum st classic_io_auth(struct classic_io *io, uint8_t sector, enum key_letter letter,
                                 const uint8_t key[6]);

/* Reads a block of the authenticated sector.
 * ST_FOREIGN  the card is there, and refuses twice. ST_GONE, ST_IO as above. */
ST_CHECK enum st classic_io_read(struct classic_io *io, uint8_t block, uint8_t ret_data[16]);

/* Writes a block of the authenticated sector. ST_GONE, ST_IO: what the block holds is unknown. */
ST_CHECK enum st classic_io_write(struct classic_io *io, uint8_t block, const uint8_t data[16]);

/* Halts the card. Best effort. */
void classic_io_halt(struct classic_io *io);

#endif
