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

/* A DESFire card by itself: thinking time of selects, handshakes and reads from published traces
 * (proxmark3, traces/hf_mfdes_sniff.trace); for debit, record and commit nobody has published one,
 * so these are guesses, on the safe side. Air at 106 kbit/s, 9 bits a byte and 9.44 us a bit, with
 * prologue and CRC (ISO 14443-4). Decision 0004 has the same figures. */
static const struct {
    uint8_t code;
    uint32_t us;
} thinking[] = {
    {0x5A, 800},  {0xAA, 2500}, {0xAF, 2000}, {0xBB, 1100}, {0xBD, 1100}, {0x6C, 1100},
    {0x64, 1100}, {0x0C, 1500}, {0xDC, 1500}, {0x3B, 3000}, {0x3D, 3000}, {0xC7, 8000},
    {0xC4, 8000}, {0xCA, 8000}, {0xCC, 8000}, {0xC0, 8000}, {0xCD, 8000}, {0xF5, 1000},
};
enum { THINKING_ELSE_US = 1000, DESFIRE_SELECT_US = 5750, DESFIRE_SELECT_WIRE = 45 };

static struct timing_cost cost_of_desfire(const uint8_t *tx, size_t tx_bytes, size_t rx_bytes)
{
    const size_t bits = (tx_bytes + 3) * 9 + 3 + (rx_bytes + 3) * 9 + 2;
    const uint32_t air_us = (uint32_t)((bits * 12800 + 678) / 1356);
    uint32_t us = THINKING_ELSE_US;

    for (size_t i = 0; i < sizeof thinking / sizeof thinking[0]; i += 1) {
        us = tx[0] == thinking[i].code ? thinking[i].us : us;
    }
    return (struct timing_cost){.name = desfire_command_name(tx, tx_bytes),
                                .block = TIMING_NO_BLOCK,
                                .card_us = air_us + us,
                                .air_us = air_us};
}

static void note(struct soft_reader *soft, struct timing_cost cost, size_t out, size_t in)
{
    const size_t wire = out + in + 2 * FRAME_BYTES + ACK_BYTES;
    const uint32_t us = cost.card_us + cost.wait_us + timing_wire_us(wire, TIMING_BAUD_DEFAULT);

    if (soft->commands < SOFT_READER_LOG_MAX) {
        soft->log[soft->commands] = (struct soft_command){.name = cost.name,
                                                          .block = cost.block,
                                                          .us = us,
                                                          .card_us = cost.card_us + cost.wait_us,
                                                          .wire_bytes = wire};
    }
    soft->commands += 1;
    soft->model_us += us;
}

static enum st select_desfire(struct soft_reader *soft, const uint8_t *uid, size_t uid_bytes,
                              struct reader_target *ret)
{
    struct desfire *card = soft->desfire;
    struct reader_target target = {.ats_bytes = 0};
    size_t ats_bytes = 0;

    target.uid_bytes = desfire_uid(card, target.uid);
    if (uid != NULL && (uid_bytes != target.uid_bytes || memcmp(uid, target.uid, uid_bytes) != 0)) {
        return ST_AGAIN;
    }
    /* When the card goes between select and RATS, the PN532 sees no card. */
    if (!desfire_select(card, uid == NULL ? DESFIRE_REQA : DESFIRE_WUPA, SELECT_TRIES) ||
        !desfire_activate(card, target.ats, &ats_bytes)) {
        return ST_AGAIN;
    }
    note(soft,
         (struct timing_cost){
             .name = "select", .block = TIMING_NO_BLOCK, .card_us = DESFIRE_SELECT_US},
         DESFIRE_SELECT_WIRE - 2 * FRAME_BYTES - ACK_BYTES, 0);
    target.ats_bytes = ats_bytes;
    desfire_identify(card, target.atqa, &target.sak);
    *ret = target;
    return ST_OK;
}

static enum st transceive_desfire(struct soft_reader *soft, const uint8_t *tx, size_t tx_bytes,
                                  uint8_t *rx, size_t rx_max, size_t *ret_rx_bytes)
{
    uint8_t reply[READER_FRAME_MAX];
    size_t reply_bytes = 0;

    const enum desfire_answer answer =
        desfire_exchange(soft->desfire, tx, tx_bytes, reply, sizeof reply, &reply_bytes);
    note(soft, cost_of_desfire(tx, tx_bytes, reply_bytes), 3 + tx_bytes, 3 + reply_bytes);
    if (answer != DESFIRE_OK) {
        return ST_GONE;
    }
    if (soft->spoil != NULL) {
        soft->spoil(soft, reply, &reply_bytes);
    }
    assert(reply_bytes <= rx_max);
    memcpy(rx, reply, reply_bytes);
    *ret_rx_bytes = reply_bytes;
    return ST_OK;
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
    if (soft->desfire != NULL) {
        return select_desfire(soft, uid, uid_bytes, ret);
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
    uint8_t reply[READER_FRAME_MAX];
    size_t reply_bytes = 0;
    assert(timeout_ms > 0 && tx_bytes <= READER_FRAME_MAX);

    if (soft->is_dead) {
        return ST_IO;
    }
    if (soft->desfire != NULL) {
        return transceive_desfire(soft, tx, tx_bytes, rx, rx_max, ret_rx_bytes);
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
        if (soft->spoil != NULL) {
            soft->spoil(soft, reply, &reply_bytes);
        }
        if (reply_bytes > rx_max) { /* as drivers/reader has it */
            return ST_GONE;
        }
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
    if (soft->desfire != NULL) {
        note(soft, timing_halt(), 3, 3);
        desfire_halt(soft->desfire);
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

void soft_reader_init_desfire(struct soft_reader *soft, struct desfire *card)
{
    soft_reader_init(soft, NULL);
    soft->desfire = card;
    desfire_field_on(card);
}

void soft_reader_tap(struct soft_reader *soft)
{
    if (soft->desfire != NULL) {
        desfire_remove(soft->desfire);
        desfire_insert(soft->desfire);
        desfire_field_on(soft->desfire);
        return;
    }
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
