#include "tests/support/soft_reader.h"

#include <assert.h>
#include <string.h>

#include "tools/pn532-sim/timing.h"

/* libnfc with NP_INFINITE_SELECT off lets the PN532 call three times (RFConfiguration 05 00 01 02).
 */
enum { SELECT_TRIES = 3 };

/* Bytes on the line around the data of a command and of its answer: each frame has 7 bytes besides
 * its data, an ACK frame of 6 comes between (UM0701-02, 6.2.1). */
enum { FRAME_BYTES = 7, ACK_BYTES = 6 };

static void note(struct soft_reader *soft, struct timing_cost cost, size_t out, size_t in)
{
    const size_t wire = out + in + 2 * FRAME_BYTES + ACK_BYTES;
    const uint32_t us = cost.card_us + cost.wait_us + timing_wire_us(wire, TIMING_BAUD_DEFAULT);

    if (soft->commands < SOFT_READER_LOG_MAX) {
        soft->log[soft->commands] =
            (struct soft_command){.name = cost.name, .block = cost.block, .us = us};
    }
    soft->commands += 1;
    soft->model_us += us;
}

static enum st soft_select(void *ctx, const uint8_t *uid, size_t uid_bytes, unsigned timeout_ms,
                           struct reader_target *ret)
{
    struct soft_reader *soft = ctx;
    struct classic *card = soft->card;
    assert(timeout_ms > 0);

    if (soft->is_dead) {
        return ST_IO;
    }
    if (card == NULL ||
        (uid != NULL && (uid_bytes != card->uid_bytes || memcmp(uid, card->uid, uid_bytes) != 0)) ||
        !classic_select(card, uid == NULL ? CLASSIC_REQA : CLASSIC_WUPA, SELECT_TRIES)) {
        return ST_AGAIN;
    }
    /* D4 4A 01 00 (UID); D5 4B 01 01 ATQA SAK length UID. */
    note(soft, timing_select(card->uid_bytes), 4 + uid_bytes, 8 + (size_t)card->uid_bytes);
    *ret = (struct reader_target){.uid_bytes = card->uid_bytes};
    memcpy(ret->uid, card->uid, card->uid_bytes);
    classic_identify(card, ret->atqa, &ret->sak);
    if (soft->sak != 0) {
        ret->sak = soft->sak;
    }
    return ST_OK;
}

static enum st soft_transceive(void *ctx, const uint8_t *tx, size_t tx_bytes, unsigned timeout_ms,
                               uint8_t *rx, size_t rx_max, size_t *ret_rx_bytes)
{
    struct soft_reader *soft = ctx;
    uint8_t reply[CLASSIC_BLOCK_BYTES];
    size_t reply_bytes = 0;
    assert(timeout_ms > 0 && tx_bytes <= READER_FRAME_MAX);

    if (soft->is_dead) {
        return ST_IO;
    }
    if (soft->card == NULL) {
        return ST_GONE;
    }
    const enum classic_answer answer =
        classic_exchange(soft->card, tx, tx_bytes, reply, sizeof reply, &reply_bytes);
    /* D4 40 01 data; D5 41 status data. */
    note(soft, timing_exchange(tx, tx_bytes, answer, TIMING_REPLY_TIMEOUT_US), 3 + tx_bytes,
         3 + reply_bytes);
    switch (answer) {
    case CLASSIC_OK:
        assert(reply_bytes <= rx_max);
        memcpy(rx, reply, reply_bytes);
        *ret_rx_bytes = reply_bytes;
        return ST_OK;
    case CLASSIC_AUTH_FAIL:
        return ST_DENIED;
    case CLASSIC_NAK:
    case CLASSIC_TIMEOUT:
        return ST_GONE;
    }
    return ST_GONE;
}

static enum st soft_deselect(void *ctx, unsigned timeout_ms)
{
    struct soft_reader *soft = ctx;
    assert(timeout_ms > 0);

    if (soft->is_dead) {
        return ST_IO;
    }
    if (soft->card != NULL) {
        note(soft, timing_halt(), 3, 3);
        classic_halt(soft->card);
    }
    return ST_OK;
}

void soft_reader_init(struct soft_reader *soft, struct classic *card)
{
    memset(soft, 0, sizeof *soft);
    soft->card = card;
    if (card != NULL) {
        classic_field_on(card);
    }
}

void soft_reader_tap(struct soft_reader *soft)
{
    assert(soft->card != NULL);
    classic_remove(soft->card);
    classic_insert(soft->card);
    classic_field_on(soft->card);
}

struct reader soft_reader_port(struct soft_reader *soft)
{
    static const struct reader_ops ops = {
        .select = soft_select,
        .transceive = soft_transceive,
        .deselect = soft_deselect,
    };
    return (struct reader){.ops = &ops, .ctx = soft};
}
