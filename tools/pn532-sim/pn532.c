#include "tools/pn532-sim/pn532.h"

#include <assert.h>
#include <string.h>

#include "tools/pn532-sim/pn532_priv.h"

enum {
    TFI_HOST = 0xD4,
};

static void log_command(struct pn532 *chip, const struct pn532_answer *answer,
                        struct pn532_output *output)
{
    const struct timing_entry entry = {
        .cost = answer->cost,
        .status = answer->status,
        .wire_bytes = (uint32_t)(chip->command_frame_bytes + PN532_ACK_BYTES + chip->reply_bytes),
        .wire_us = timing_wire_us(chip->command_frame_bytes + PN532_ACK_BYTES + chip->reply_bytes,
                                  chip->baud),
        .firmware_us = chip->firmware_us,
    };
    output->delay_us = timing_entry_us(&entry) + entry.firmware_us;
    if (answer->is_empty_poll) {
        chip->log->empty_polls += 1;
    } else {
        timing_log_add(chip->log, &entry);
    }
}

/* Turns the answer into a frame, spoilt by what faults are set. */
static void give_answer(struct pn532 *chip, const struct pn532_answer *answer,
                        struct pn532_output *output)
{
    chip->last_error = answer->status;
    chip->reply_bytes = answer->is_syntax_error
                            ? pn532_frame_build_error(chip->reply)
                            : pn532_frame_build(answer->data, answer->bytes, chip->reply);
    log_command(chip, answer, output);

    memcpy(output->later, chip->reply, chip->reply_bytes);
    output->later_bytes = chip->reply_bytes;
    if (chip->faults.bad_dcs) {
        output->later[chip->reply_bytes - 2] ^= 0x5A;
    }
    if (chip->faults.half_frame) {
        output->later_bytes /= 2;
    }
    output->late_ms = chip->faults.late_ms;
    chip->faults.bad_dcs = false;
    chip->faults.half_frame = false;
    chip->faults.late_ms = 0;
}

/* xorshift32 (Marsaglia, 2003): garbage has to be the same in each run. */
static uint8_t garbage_byte(struct pn532 *chip)
{
    chip->random ^= chip->random << 13;
    chip->random ^= chip->random >> 17;
    chip->random ^= chip->random << 5;
    return (uint8_t)(chip->random >> 24);
}

static void give_ack(struct pn532 *chip, struct pn532_output *output)
{
    assert(chip->faults.garbage_bytes <= PN532_GARBAGE_MAX);
    while (output->now_bytes < chip->faults.garbage_bytes) {
        output->now[output->now_bytes] = garbage_byte(chip);
        output->now_bytes += 1;
    }
    if (!chip->faults.no_ack) {
        memcpy(output->now + output->now_bytes, pn532_ack_frame, PN532_ACK_BYTES);
        output->now_bytes += PN532_ACK_BYTES;
    }
    chip->faults.garbage_bytes = 0;
    chip->faults.no_ack = false;
}

static void obey(struct pn532 *chip, const uint8_t *data, size_t bytes, struct pn532_output *output)
{
    struct pn532_answer answer;
    pn532_run(chip, data, bytes, &answer);
    if (answer.waits) {
        memcpy(chip->waiting, data, bytes);
        chip->waiting_bytes = bytes;
        output->give_up_ms = answer.give_up_ms;
    } else {
        chip->waiting_bytes = 0;
        give_answer(chip, &answer, output);
    }
}

void pn532_init(struct pn532 *chip, struct timing_log *log)
{
    memset(chip, 0, sizeof *chip);
    chip->log = log;
    chip->faults.status = PN532_NO_STATUS;
    chip->random = 0x5661FA01;
    pn532_reset(chip);
}

void pn532_reset(struct pn532 *chip)
{
    pn532_set_field(chip, false);
    chip->stream.count = 0;
    chip->waiting_bytes = 0;
    chip->reply_bytes = 0;
    chip->parameters = 0x14; /* automatic ATR_RES and RATS: UM0701-02, 7.2.9 */
    chip->last_error = 0;
    chip->select_retries = PN532_FOR_EVER;
    chip->reply_timeout_us = TIMING_REPLY_TIMEOUT_US;
    chip->baud = TIMING_BAUD_DEFAULT;
    chip->baud_wanted = 0;
    memset(chip->registers, 0, sizeof chip->registers);
}

void pn532_place_card(struct pn532 *chip, struct card card)
{
    const bool is_first = chip->card.kind == CARD_NONE || card_is_same(chip->card, card);
    assert(is_first || chip->other.kind == CARD_NONE || card_is_same(chip->other, card));
    if (is_first) {
        chip->card = card;
    } else {
        chip->other = card;
    }
    card_insert(card);
    if (chip->field_is_on) {
        card_field_on(card);
    }
}

void pn532_place(struct pn532 *chip, struct classic *card)
{
    pn532_place_card(chip, (struct card){.kind = CARD_CLASSIC, .classic = card});
}

void pn532_take(struct pn532 *chip)
{
    card_remove(chip->card);
    card_remove(chip->other);
    chip->card = (struct card){.kind = CARD_NONE};
    chip->other = (struct card){.kind = CARD_NONE};
}

void pn532_take_card(struct pn532 *chip, struct card card)
{
    if (card_is_same(chip->other, card)) {
        card_remove(card);
        chip->other = (struct card){.kind = CARD_NONE};
    } else if (card_is_same(chip->card, card)) {
        card_remove(card);
        chip->card = (struct card){.kind = CARD_NONE};
    }
}

void pn532_receive(struct pn532 *chip, const uint8_t *bytes, size_t count)
{
    pn532_stream_add(&chip->stream, bytes, count);
}

bool pn532_next(struct pn532 *chip, struct pn532_output *ret_output)
{
    uint8_t data[PN532_DATA_MAX + 1];
    size_t bytes = 0;
    const enum pn532_found found =
        pn532_stream_take(&chip->stream, data, &bytes, &chip->command_frame_bytes);

    if (found == PN532_FOUND_NONE) {
        return false;
    }
    memset(ret_output, 0, sizeof *ret_output);
    if (chip->faults.is_mute) {
        return true;
    }
    switch (found) {
    case PN532_FOUND_NONE:
        break;
    case PN532_FOUND_ACK:
        ret_output->is_abort = true;
        chip->waiting_bytes = 0;
        if (chip->baud_wanted != 0) {
            chip->baud = chip->baud_wanted;
            chip->baud_wanted = 0;
        }
        break;
    case PN532_FOUND_NACK:
        memcpy(ret_output->later, chip->reply, chip->reply_bytes);
        ret_output->later_bytes = chip->reply_bytes;
        break;
    case PN532_FOUND_COMMAND:
        if (data[0] == TFI_HOST && bytes > 1) {
            ret_output->is_abort = true;
            give_ack(chip, ret_output);
            obey(chip, data + 1, bytes - 1, ret_output);
        }
        break;
    }
    return true;
}

bool pn532_try_again(struct pn532 *chip, struct pn532_output *ret_output)
{
    if (chip->waiting_bytes == 0 || (card_is_away(chip->card) && card_is_away(chip->other))) {
        return false;
    }
    uint8_t data[PN532_DATA_MAX];
    const size_t bytes = chip->waiting_bytes;
    memcpy(data, chip->waiting, bytes);
    memset(ret_output, 0, sizeof *ret_output);
    obey(chip, data, bytes, ret_output);
    return chip->waiting_bytes == 0;
}

bool pn532_give_up(struct pn532 *chip, struct pn532_output *ret_output)
{
    if (chip->waiting_bytes == 0) {
        return false;
    }
    const struct pn532_answer answer = {
        .data = {(uint8_t)(chip->waiting[0] + 1U), 0},
        .bytes = 2,
        .cost = timing_chip("InAutoPoll"),
        .is_empty_poll = true,
    };
    chip->waiting_bytes = 0;
    memset(ret_output, 0, sizeof *ret_output);
    give_answer(chip, &answer, ret_output);
    return true;
}

void pn532_quiet(struct pn532 *chip)
{
    chip->stream.count = 0;
}
