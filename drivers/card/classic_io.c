#include "drivers/card/classic_io.h"

#include <assert.h>
#include <string.h>

#include "hal/base/bytes.h"

/* MF1S503x, table 9. */
enum { AUTH_A = 0x60, AUTH_B = 0x61, READ = 0x30, WRITE = 0xA0 };

/* The slowest exchange is a write: 5 ms and 10 ms in the card (MF1S503x, 10), some 5 ms on a line
 * of 115200 baud; a PN532 gives a silent card up after 51.2 ms (UM0701-02, table 16). An empty
 * field answers a select in some 15 ms (7.3.5), but libnfc itself waits up to 300 ms for a chip
 * that does not. What takes longer than this has failed. */
enum { SELECT_TIMEOUT_MS = 400, EXCHANGE_TIMEOUT_MS = 150 };

static void forget(struct classic_io *io)
{
    io->is_selected = false;
    io->sector = -1;
}

void classic_io_take(struct classic_io *io, const struct reader_target *target)
{
    forget(io);
    io->target = *target;
    io->is_selected = true;
    io->selects += 1;
}

enum st classic_io_select(struct classic_io *io, const uint8_t *uid, size_t uid_bytes)
{
    struct reader_target target;

    forget(io);
    const enum st st =
        io->reader.ops->select(io->reader.ctx, uid, uid_bytes, SELECT_TIMEOUT_MS, &target);
    if (st == ST_OK) {
        classic_io_take(io, &target);
    }
    return st;
}

/* Takes the same card again after it fell out of the active state. */
static enum st reselect(struct classic_io *io)
{
    uint8_t uid[READER_UID_MAX];
    const size_t uid_bytes = io->target.uid_bytes;
    assert(uid_bytes >= 4 && uid_bytes <= sizeof uid);

    memcpy(uid, io->target.uid, sizeof uid);
    const enum st st = classic_io_select(io, uid, uid_bytes);
    return st == ST_AGAIN ? ST_GONE : st;
}

static enum st exchange(struct classic_io *io, const uint8_t *tx, size_t tx_bytes, uint8_t *rx,
                        size_t rx_bytes)
{
    size_t got = 0;
    enum st st =
        io->reader.ops->transceive(io->reader.ctx, tx, tx_bytes, EXCHANGE_TIMEOUT_MS, rx, 16, &got);
    if (st == ST_OK && got < rx_bytes) {
        st = ST_GONE; /* half an answer is noise */
    }
    if (st != ST_OK) {
        forget(io);
    }
    return st;
}

static enum st send_auth(struct classic_io *io)
{
    /* 60/61, a block of the sector, key, the last four bytes of the UID (AN10833; UM0701-02). */
    uint8_t tx[2 + 6 + 4];
    uint8_t rx[16];

    tx[0] = io->letter == KEY_A ? AUTH_A : AUTH_B;
    tx[1] = (uint8_t)(io->sector_wanted * 4 + 3);
    memcpy(tx + 2, io->key, 6);
    memcpy(tx + 8, io->target.uid + io->target.uid_bytes - 4, 4);
    const enum st st = exchange(io, tx, sizeof tx, rx, 0);
    bytes_wipe(tx, sizeof tx);
    if (st == ST_OK) {
        io->sector = io->sector_wanted;
    }
    return st;
}

enum st classic_io_auth(struct classic_io *io, uint8_t sector, enum key_letter letter,
                        const uint8_t key[6])
{
    assert(sector < 16);
    if (io->is_selected && io->sector == sector && io->letter == letter &&
        bytes_equal_secret(io->key, key, sizeof io->key)) {
        return ST_OK;
    }
    io->sector_wanted = sector;
    io->letter = letter;
    memcpy(io->key, key, sizeof io->key);
    enum st st = ST_GONE;
    /* The second round is for noise: a card that is really away fails the select. */
    for (unsigned round = 0; round < 2 && st == ST_GONE; round += 1) {
        if (!io->is_selected) {
            st = reselect(io);
            if (st != ST_OK) {
                return st;
            }
        }
        st = send_auth(io);
    }
    return st;
}

enum st classic_io_read(struct classic_io *io, uint8_t block, uint8_t ret_data[16])
{
    const uint8_t tx[2] = {READ, block};
    uint8_t rx[16];
    assert(block / 4 == io->sector_wanted);

    enum st st = ST_GONE;
    for (unsigned round = 0; round < 2 && st == ST_GONE; round += 1) {
        if (io->sector != block / 4) {
            st = classic_io_auth(io, io->sector_wanted, io->letter, io->key);
            if (st != ST_OK) {
                return st == ST_DENIED ? ST_GONE : st;
            }
        }
        st = exchange(io, tx, sizeof tx, rx, sizeof rx);
    }
    if (st == ST_GONE) {
        const enum st again = reselect(io);
        return again == ST_OK ? ST_FOREIGN : again;
    }
    if (st == ST_OK) {
        memcpy(ret_data, rx, sizeof rx);
    }
    return st;
}

enum st classic_io_write(struct classic_io *io, uint8_t block, const uint8_t data[16])
{
    uint8_t tx[2 + 16] = {WRITE, block};
    uint8_t rx[16];
    /* Block 0 holds the UID; whoever asks for it has lost count. */
    assert(block > 0 && io->is_selected && io->sector == block / 4);

    memcpy(tx + 2, data, 16);
    const enum st st = exchange(io, tx, sizeof tx, rx, 0);
    bytes_wipe(tx, sizeof tx);
    return st == ST_DENIED ? ST_GONE : st;
}

void classic_io_halt(struct classic_io *io)
{
    if (io->is_selected) {
        /* A card that does not hear it is away already. */
        const enum st st = io->reader.ops->deselect(io->reader.ctx, EXCHANGE_TIMEOUT_MS);
        (void)st;
    }
    forget(io);
    bytes_wipe(io->key, sizeof io->key);
}
