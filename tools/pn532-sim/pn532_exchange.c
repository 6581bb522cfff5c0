/* What the host and the card say to each other through the chip: InDataExchange with a card of each
 * kind, and InCommunicateThru. Numbers like 7.3.8 name sections of UM0701-02. */
#include <assert.h>
#include <string.h>

#include "tools/pn532-sim/desfire_crypto.h"
#include "tools/pn532-sim/pn532_priv.h"
#include "tools/pn532-sim/timing_cards.h"

void pn532_add(struct pn532_answer *answer, uint8_t byte)
{
    assert(answer->bytes < sizeof answer->data);
    answer->data[answer->bytes] = byte;
    answer->bytes += 1;
}

void pn532_add_bytes(struct pn532_answer *answer, const uint8_t *bytes, size_t count)
{
    assert(count <= sizeof answer->data - answer->bytes);
    memcpy(answer->data + answer->bytes, bytes, count);
    answer->bytes += count;
}

void pn532_add_status(struct pn532_answer *answer, uint8_t status)
{
    answer->status = status;
    pn532_add(answer, status);
}

/* A card of ISO 14443-4 that answers there. */
bool pn532_is_activated(const struct pn532 *chip)
{
    return chip->card.kind == CARD_DESFIRE && desfire_is_present(chip->card.desfire);
}

static uint8_t status_of(enum classic_answer card_answer)
{
    switch (card_answer) {
    case CLASSIC_OK:
        return PN532_OK;
    case CLASSIC_NAK:
        return PN532_BAD_FORMAT;
    case CLASSIC_TIMEOUT:
        return PN532_TIMEOUT;
    case CLASSIC_AUTH_FAIL:
        return PN532_AUTH_ERROR;
    }
    assert(false);
    return PN532_TIMEOUT;
}

/* --- exchanges with a card of each kind ----------------------------------------------------- */

static bool is_classic_command(uint8_t byte)
{
    return byte == 0x60 || byte == 0x61 || byte == 0x30 || byte == 0xA0 || byte == 0xB0 ||
           byte == 0xC0 || byte == 0xC1 || byte == 0xC2;
}

static bool is_ultralight_command(uint8_t byte)
{
    return byte == 0x30 || byte == 0xA0 || byte == 0xA2;
}

static void exchange_with_nothing(struct pn532 *chip, struct pn532_answer *answer)
{
    static const uint8_t nothing[1];
    answer->cost = timing_exchange(nothing, 0, CLASSIC_TIMEOUT, chip->reply_timeout_us);
    pn532_add_status(answer, PN532_TIMEOUT);
}

static void exchange_with_classic(struct pn532 *chip, const uint8_t *tx, size_t tx_bytes,
                                  struct pn532_answer *answer)
{
    uint8_t rx[CLASSIC_BLOCK_BYTES];
    size_t rx_bytes;
    const enum classic_answer card_answer =
        classic_exchange(chip->card.classic, tx, tx_bytes, rx, sizeof rx, &rx_bytes);
    answer->cost = timing_exchange(tx, tx_bytes, card_answer, chip->reply_timeout_us);
    pn532_add_status(answer, status_of(card_answer));
    pn532_add_bytes(answer, rx, rx_bytes);
}

/* One command of the card in blocks of ISO 14443-4, which the chip makes and takes apart. */
static void exchange_with_desfire(struct pn532 *chip, const uint8_t *tx, size_t tx_bytes,
                                  struct pn532_answer *answer)
{
    uint8_t rx[DESFIRE_FRAME_BYTES];
    size_t rx_bytes;
    struct desfire *card = chip->card.desfire;
    const bool authenticates = card->chain == DESFIRE_CHAIN_AUTHENTICATE;
    const enum desfire_answer card_answer =
        desfire_exchange(card, tx, tx_bytes, rx, sizeof rx, &rx_bytes);
    answer->cost =
        timing_desfire(tx, tx_bytes, rx, rx_bytes, authenticates, chip->reply_timeout_us);
    pn532_add_status(answer, card_answer == DESFIRE_OK ? PN532_OK : PN532_TIMEOUT);
    pn532_add_bytes(answer, rx, rx_bytes);
}

static void exchange_with_ultralight(struct pn532 *chip, const uint8_t *tx, size_t tx_bytes,
                                     struct pn532_answer *answer)
{
    uint8_t rx[ULTRALIGHT_ANSWER_BYTES_MAX];
    size_t rx_bytes;
    const enum ultralight_answer card_answer =
        ultralight_exchange(chip->card.ultralight, tx, tx_bytes, rx, sizeof rx, &rx_bytes);
    answer->cost = timing_ultralight(tx, tx_bytes, card_answer, rx_bytes, chip->reply_timeout_us);
    switch (card_answer) {
    case ULTRALIGHT_OK:
        pn532_add_status(answer, PN532_OK);
        break;
    case ULTRALIGHT_NAK:
        pn532_add_status(answer, PN532_BAD_FORMAT);
        break;
    case ULTRALIGHT_TIMEOUT:
        pn532_add_status(answer, PN532_TIMEOUT);
        break;
    }
    pn532_add_bytes(answer, rx, rx_bytes);
}

/* What the host may hand to the target as the target's own command. */
static uint8_t judge_exchange(const struct pn532 *chip, const uint8_t *tx, size_t tx_bytes)
{
    const size_t most = chip->target.sak == 0x20 ? PN532_DATA_MAX : 2 + CLASSIC_BLOCK_BYTES;
    bool is_known = true;
    if (tx_bytes < 1 || tx_bytes > most) {
        return PN532_BAD_PARAMETER;
    }
    if (chip->target.sak == 0x00) {
        is_known = is_ultralight_command(tx[0]);
    } else if (chip->target.sak != 0x20) {
        is_known = is_classic_command(tx[0]);
    }
    return is_known ? PN532_OK : PN532_BAD_CONTEXT;
}

static void exchange_with_card(struct pn532 *chip, const uint8_t *tx, size_t tx_bytes,
                               struct pn532_answer *answer)
{
    switch (chip->card.kind) {
    case CARD_NONE:
        exchange_with_nothing(chip, answer);
        break;
    case CARD_CLASSIC:
        exchange_with_classic(chip, tx, tx_bytes, answer);
        break;
    case CARD_DESFIRE:
        exchange_with_desfire(chip, tx, tx_bytes, answer);
        break;
    case CARD_ULTRALIGHT:
        exchange_with_ultralight(chip, tx, tx_bytes, answer);
        break;
    }
}

/* 7.3.8. Bit 6 of the target's number would announce more data. A target that sleeps is woken. */
void pn532_exchange(struct pn532 *chip, const uint8_t *data, size_t bytes,
                    struct pn532_answer *answer)
{
    if (chip->faults.status != PN532_NO_STATUS) {
        pn532_add_status(answer, (uint8_t)chip->faults.status);
        chip->faults.status = PN532_NO_STATUS;
        return;
    }
    struct timing_cost change = timing_chip("InDataExchange");
    if (!pn532_use_target(chip, data[1], &change)) {
        pn532_add_status(answer, PN532_BAD_CONTEXT);
        return;
    }
    const uint8_t status = judge_exchange(chip, data + 2, bytes - 2);
    if (status != PN532_OK) {
        pn532_add_status(answer, status);
    } else {
        exchange_with_card(chip, data + 2, bytes - 2, answer);
        answer->cost.card_us += change.card_us;
    }
}

/* --- raw bytes ------------------------------------------------------------------------------- */

enum {
    BLOCK_NAK = 0xB2, /* R(NAK), S(DESELECT), I: ISO 14443-4, 7.1.1.1 */
    BLOCK_DESELECT = 0xC2,
    BLOCK_DATA = 0x02,
    RATS = 0xE0,
};

static bool has_crc(const uint8_t *bytes, size_t count)
{
    if (count < 3) {
        return false;
    }
    const uint16_t crc = desfire_crc16(DESFIRE_CRC16_START, bytes, count - 2);
    return bytes[count - 2] == (uint8_t)crc && bytes[count - 1] == (uint8_t)(crc >> 8);
}

/* RATS before activation; blocks without CID and without chaining after it. */
static void pass_to_desfire(struct pn532 *chip, const uint8_t *tx, size_t tx_bytes,
                            struct pn532_answer *answer)
{
    struct desfire *card = chip->card.desfire;
    if (tx[0] == RATS && tx_bytes == 2) {
        uint8_t ats[DESFIRE_ATS_BYTES_MAX];
        size_t ats_bytes = 0;
        answer->cost = timing_block("rats");
        if (desfire_activate(card, ats, &ats_bytes)) {
            pn532_add_status(answer, PN532_OK);
            pn532_add_bytes(answer, ats, ats_bytes);
        } else {
            answer->cost.wait_us = chip->reply_timeout_us;
            pn532_add_status(answer, PN532_TIMEOUT);
        }
    } else if (!desfire_is_present(card)) {
        exchange_with_nothing(chip, answer);
    } else if ((tx[0] & 0xFEU) == BLOCK_NAK && tx_bytes == 1) {
        answer->cost = timing_block("r(nak)");
        pn532_add_status(answer, PN532_OK);
        pn532_add(answer,
                  0xA2U | ((tx[0] & 1U) ^ 1U)); /* R(ACK) with the card's own block number */
    } else if (tx[0] == BLOCK_DESELECT && tx_bytes == 1) {
        answer->cost = timing_block("deselect");
        desfire_halt(card);
        pn532_add_status(answer, PN532_OK);
        pn532_add(answer, BLOCK_DESELECT);
    } else if ((tx[0] & 0xFEU) == BLOCK_DATA) {
        struct pn532_answer inner = {.bytes = 0};
        exchange_with_desfire(chip, tx + 1, tx_bytes - 1, &inner);
        answer->cost = inner.cost;
        pn532_add_status(answer, inner.status);
        if (inner.status == PN532_OK) {
            pn532_add(answer, tx[0]);
            pn532_add_bytes(answer, inner.data + 1, inner.bytes - 1);
        }
    } else {
        exchange_with_nothing(chip, answer);
    }
}

/* A plain read works in an open session of a Classic; everything else, RATS among it, is no
 * command of such a card. An acknowledge of an Ultralight is four bits: A. */
static void pass_to_card(struct pn532 *chip, const uint8_t *tx, size_t tx_bytes,
                         struct pn532_answer *answer)
{
    switch (chip->card.kind) {
    case CARD_NONE:
        exchange_with_nothing(chip, answer);
        break;
    case CARD_CLASSIC:
        exchange_with_classic(chip, tx, tx[0] == 0x30 ? tx_bytes : 0, answer);
        break;
    case CARD_DESFIRE:
        pass_to_desfire(chip, tx, tx_bytes, answer);
        break;
    case CARD_ULTRALIGHT:
        exchange_with_ultralight(chip, tx, tx_bytes, answer);
        if (answer->status == PN532_OK && answer->bytes == 2) {
            pn532_add(answer, 0x0A);
        }
        break;
    }
}

static void add_crc(struct pn532_answer *answer)
{
    const uint16_t crc = desfire_crc16(DESFIRE_CRC16_START, answer->data + 2, answer->bytes - 2);
    pn532_add(answer, (uint8_t)crc);
    pn532_add(answer, (uint8_t)(crc >> 8));
}

/* 7.3.9. HLTA silences the card; so does sending nothing (libnfc does it to hear cards that talk
 * first). A host that has switched the chip's CRC off brings its own and gets the card's. */
void pn532_communicate_thru(struct pn532 *chip, const uint8_t *data, size_t bytes,
                            struct pn532_answer *answer)
{
    static const uint8_t hlta[] = {0x50, 0x00};
    const uint8_t *tx = data + 1;
    size_t tx_bytes = bytes - 1;
    const bool makes_crc = (chip->registers[PN532_TX_MODE] & PN532_MODE_CRC) != 0;

    if (!makes_crc && has_crc(tx, tx_bytes)) {
        tx_bytes -= 2;
    }
    if (tx_bytes == 0) {
        answer->cost.wait_us = chip->reply_timeout_us;
        pn532_add_status(answer, PN532_TIMEOUT);
    } else if (tx_bytes == sizeof hlta && memcmp(tx, hlta, sizeof hlta) == 0) {
        if (!pn532_is_activated(chip)) {
            card_halt(chip->card);
        }
        answer->cost = timing_halt();
        answer->cost.wait_us = chip->reply_timeout_us;
        pn532_add_status(answer, PN532_TIMEOUT);
    } else {
        pass_to_card(chip, tx, tx_bytes, answer);
        if ((chip->registers[PN532_RX_MODE] & PN532_MODE_CRC) == 0 && answer->bytes > 3) {
            add_crc(answer);
        }
    }
}
