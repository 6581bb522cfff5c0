/* What the PN532 does for each command: the second half of pn532.h. Numbers like 7.3.5 name
 * sections of UM0701-02. */
#include <assert.h>
#include <string.h>

#include "tools/pn532-sim/pn532_priv.h"
#include "tools/pn532-sim/timing_cards.h"

void pn532_set_field(struct pn532 *chip, bool is_on)
{
    chip->field_is_on = is_on;
    if (!is_on) {
        chip->target_is_known = false;
    }
    if (is_on) {
        card_field_on(chip->card);
    } else {
        card_field_off(chip->card);
    }
}

/* 7.2.1. The tests of the chip's own parts pass; the attention request (06) needs a target of
 * ISO 14443-4. */
static void diagnose(struct pn532 *chip, const uint8_t *data, size_t bytes,
                     struct pn532_answer *answer)
{
    if (data[1] == 0x00) {
        pn532_add_bytes(answer, data + 1, bytes - 1);
    } else if (data[1] == 0x06) {
        pn532_add_status(answer, pn532_is_activated(chip) ? PN532_OK : PN532_TIMEOUT);
    } else {
        pn532_add_status(answer, PN532_OK);
    }
}

/* 7.2.2: IC 32, version 1.6, support of ISO 18092, 14443 A and B: what a PN532 on sale says. */
static void get_firmware(struct pn532 *chip, const uint8_t *data, size_t bytes,
                         struct pn532_answer *answer)
{
    static const uint8_t version[] = {0x32, 0x01, 0x06, 0x07};
    (void)chip, (void)data, (void)bytes;
    pn532_add_bytes(answer, version, sizeof version);
}

/* 7.2.3: last error, external field, targets (number, speeds 106, type), SAM. */
static void get_general_status(struct pn532 *chip, const uint8_t *data, size_t bytes,
                               struct pn532_answer *answer)
{
    (void)data, (void)bytes;
    pn532_add(answer, chip->last_error);
    pn532_add(answer, 0x00);
    pn532_add(answer, chip->target_is_known ? 1 : 0);
    if (chip->target_is_known) {
        static const uint8_t target[] = {0x01, 0x00, 0x00, 0x10};
        pn532_add_bytes(answer, target, sizeof target);
    }
    pn532_add(answer, 0x00);
}

/* 7.2.4 and 7.2.5. The register file only remembers: nothing of the model hangs on it. */
static void read_register(struct pn532 *chip, const uint8_t *data, size_t bytes,
                          struct pn532_answer *answer)
{
    if (bytes % 2 != 1) {
        answer->is_syntax_error = true;
        return;
    }
    for (size_t i = 1; i + 1 < bytes; i += 2) {
        pn532_add(answer, chip->registers[(size_t)data[i] << 8 | data[i + 1]]);
    }
}

static void write_register(struct pn532 *chip, const uint8_t *data, size_t bytes,
                           struct pn532_answer *answer)
{
    if (bytes % 3 != 1) {
        answer->is_syntax_error = true;
        return;
    }
    for (size_t i = 1; i + 2 < bytes; i += 3) {
        chip->registers[(size_t)data[i] << 8 | data[i + 1]] = data[i + 2];
    }
}

/* 7.2.8. In force when the host has acknowledged the answer. */
static void set_baud(struct pn532 *chip, const uint8_t *data, size_t bytes,
                     struct pn532_answer *answer)
{
    static const uint32_t bauds[] = {9600,   19200,  38400,  57600,  115200,
                                     230400, 460800, 921600, 1288000};
    (void)bytes;
    if (data[1] >= sizeof bauds / sizeof bauds[0]) {
        answer->is_syntax_error = true;
        return;
    }
    chip->baud_wanted = bauds[data[1]];
}

static void set_parameters(struct pn532 *chip, const uint8_t *data, size_t bytes,
                           struct pn532_answer *answer)
{
    (void)bytes, (void)answer;
    chip->parameters = data[1];
}

static void configure_sam(struct pn532 *chip, const uint8_t *data, size_t bytes,
                          struct pn532_answer *answer)
{
    (void)chip, (void)bytes;
    answer->is_syntax_error = data[1] < 1 || data[1] > 4;
}

static void power_down(struct pn532 *chip, const uint8_t *data, size_t bytes,
                       struct pn532_answer *answer)
{
    (void)data, (void)bytes;
    pn532_set_field(chip, false);
    pn532_add_status(answer, PN532_OK);
}

/* 7.3.1: timeout codes 01, 02, 03 ... are 100, 200, 400 ... us; 00 waits for ever, which the model
 * bounds by the longest code. */
static uint32_t timeout_us_of(uint8_t code)
{
    const unsigned shift = code == 0 || code > 16 ? 15 : code - 1U;
    return 100U << shift;
}

static void configure_rf(struct pn532 *chip, const uint8_t *data, size_t bytes,
                         struct pn532_answer *answer)
{
    switch (data[1]) {
    case 0x01:
        if (bytes != 3) {
            answer->is_syntax_error = true;
            return;
        }
        pn532_set_field(chip, (data[2] & 1U) != 0);
        return;
    case 0x02:
        if (bytes != 5) {
            answer->is_syntax_error = true;
            return;
        }
        chip->reply_timeout_us = timeout_us_of(data[4]);
        return;
    case 0x05:
        if (bytes != 5) {
            answer->is_syntax_error = true;
            return;
        }
        chip->select_retries = data[4];
        return;
    case 0x04: /* retries of an exchange, and analogue settings: nothing of the model hangs on */
    case 0x0A:
    case 0x0B:
    case 0x0C:
    case 0x0D:
        return;
    default:
        answer->is_syntax_error = true;
    }
}

/* 7.3.10, 7.3.11: target 0 means all. Both send HLTA, or DESELECT to an activated card; release
 * also forgets the target, while a deselected one may be selected again. */
static void deselect(struct pn532 *chip, const uint8_t *data, size_t bytes,
                     struct pn532_answer *answer)
{
    (void)bytes;
    if (data[1] > 1 || (data[1] == 1 && !chip->target_is_known)) {
        pn532_add_status(answer, PN532_BAD_CONTEXT);
        return;
    }
    if (chip->target_is_known && chip->card.kind != CARD_NONE) {
        answer->cost = pn532_is_activated(chip) ? timing_block("deselect") : timing_halt();
        card_halt(chip->card);
    }
    if (data[0] == 0x52) {
        chip->target_is_known = false;
    }
    pn532_add_status(answer, PN532_OK);
}

/* Selects the card, and activates it if it is one of ISO 14443-4 and the host wants that. */
static bool select_card(struct pn532 *chip, enum classic_call call, unsigned tries)
{
    chip->ats_bytes = 0;
    if (!card_select(chip->card, call, tries)) {
        return false;
    }
    chip->target = card_identify(chip->card);
    chip->registers[PN532_TX_MODE] |= PN532_MODE_CRC;
    chip->registers[PN532_RX_MODE] |= PN532_MODE_CRC;
    if (chip->card.kind == CARD_DESFIRE && (chip->parameters & 0x10U) != 0) {
        return desfire_activate(chip->card.desfire, chip->ats, &chip->ats_bytes);
    }
    return true;
}

static struct timing_cost cost_of_select(const struct pn532 *chip)
{
    return chip->ats_bytes > 0 ? timing_activate(chip->target.uid_bytes)
                               : timing_select(chip->target.uid_bytes);
}

/* 7.3.7 and 7.3.12: speeds, and selecting the target again; all cards stay at 106 kbit/s. */
static void select_target(struct pn532 *chip, const uint8_t *data, size_t bytes,
                          struct pn532_answer *answer)
{
    (void)bytes;
    if (!chip->target_is_known || data[1] != 1) {
        pn532_add_status(answer, PN532_BAD_CONTEXT);
        return;
    }
    if (data[0] == 0x54 && chip->card.kind != CARD_NONE && !pn532_is_activated(chip)) {
        chip->target_is_known = select_card(chip, CLASSIC_WUPA, 2);
        answer->cost = cost_of_select(chip);
    }
    pn532_add_status(answer, chip->target_is_known ? PN532_OK : PN532_TIMEOUT);
}

/* The UID as the host writes it: seven bytes follow the cascade tag 88 (7.3.5). */
static bool is_uid_of(struct card card, const uint8_t *uid, size_t uid_bytes)
{
    const struct card_identity identity = card_identify(card);
    if (identity.uid_bytes == 4) {
        return uid_bytes == 4 && memcmp(uid, identity.uid, 4) == 0;
    }
    return uid_bytes == 8 && uid[0] == 0x88 && memcmp(uid + 1, identity.uid, 7) == 0;
}

/* Calls the card (NULL uid: any that is not halted) and remembers it as target 1. */
static bool find_target(struct pn532 *chip, const uint8_t *uid, size_t uid_bytes)
{
    const unsigned tries = chip->select_retries == PN532_FOR_EVER ? 3 : chip->select_retries + 1U;

    pn532_set_field(chip, true);
    chip->target_is_known = false;
    if (chip->card.kind != CARD_NONE && (uid == NULL || is_uid_of(chip->card, uid, uid_bytes))) {
        chip->target_is_known = select_card(chip, uid == NULL ? CLASSIC_REQA : CLASSIC_WUPA, tries);
    }
    return chip->target_is_known;
}

/* Target number, ATQA, SAK, UID length, UID, and the ATS of an activated card (7.3.5). */
static void add_target(const struct pn532 *chip, struct pn532_answer *answer)
{
    const struct card_identity *target = &chip->target;
    pn532_add(answer, 0x01);
    pn532_add_bytes(answer, target->atqa, sizeof target->atqa);
    pn532_add(answer, target->sak);
    pn532_add(answer, target->uid_bytes);
    pn532_add_bytes(answer, target->uid, target->uid_bytes);
    pn532_add_bytes(answer, chip->ats, chip->ats_bytes);
}

static void list_target(struct pn532 *chip, const uint8_t *data, size_t bytes,
                        struct pn532_answer *answer)
{
    if (data[1] < 1 || data[1] > 2 || data[2] > 4) {
        answer->is_syntax_error = true;
        return;
    }
    const uint8_t *uid = bytes > 3 ? data + 3 : NULL;
    if (data[2] == 0x00 && find_target(chip, uid, bytes - 3)) {
        answer->cost = cost_of_select(chip);
        pn532_add(answer, 1);
        add_target(chip, answer);
        return;
    }
    pn532_set_field(chip, true);
    answer->waits = chip->select_retries == PN532_FOR_EVER;
    answer->is_empty_poll = true;
    answer->cost = timing_empty_field(answer->waits ? 1 : chip->select_retries + 1U);
    pn532_add(answer, 0);
}

/* 7.3.13. Type 00 means any card of type A, 10 a MIFARE card, 20 one of ISO 14443-4. Each type
 * takes Period x 150 ms. */
static void auto_poll(struct pn532 *chip, const uint8_t *data, size_t bytes,
                      struct pn532_answer *answer)
{
    const uint8_t type = chip->card.kind == CARD_DESFIRE ? 0x20 : 0x10;
    bool wants_card = false;
    for (size_t i = 3; i < bytes; i++) {
        wants_card = wants_card || data[i] == 0x00 || data[i] == type;
    }
    if (data[1] == 0 || data[2] < 1 || data[2] > 15) {
        answer->is_syntax_error = true;
        return;
    }
    if (wants_card && find_target(chip, NULL, 0)) {
        answer->cost = cost_of_select(chip);
        pn532_add(answer, 1);
        pn532_add(answer, type);
        pn532_add(answer, (uint8_t)(5 + chip->target.uid_bytes + chip->ats_bytes));
        add_target(chip, answer);
        return;
    }
    pn532_set_field(chip, true);
    answer->waits = true;
    answer->is_empty_poll = true;
    if (data[1] != PN532_FOR_EVER) {
        answer->give_up_ms = (uint32_t)(data[1] * data[2] * 150U * (bytes - 3));
    }
}

/* The commands of UM0701-02, table 12, that a reader of these cards can meet. */
static const struct command {
    uint8_t code;
    uint8_t bytes_min; /* with the code */
    const char *name;
    void (*run)(struct pn532 *, const uint8_t *, size_t, struct pn532_answer *);
} commands[] = {
    {0x00, 2, "Diagnose", diagnose},
    {0x02, 1, "GetFirmwareVersion", get_firmware},
    {0x04, 1, "GetGeneralStatus", get_general_status},
    {0x06, 3, "ReadRegister", read_register},
    {0x08, 4, "WriteRegister", write_register},
    {0x10, 2, "SetSerialBaudRate", set_baud},
    {0x12, 2, "SetParameters", set_parameters},
    {0x14, 2, "SAMConfiguration", configure_sam},
    {0x16, 2, "PowerDown", power_down},
    {0x32, 3, "RFConfiguration", configure_rf},
    {0x40, 2, "InDataExchange", pn532_exchange},
    {0x42, 1, "InCommunicateThru", pn532_communicate_thru},
    {0x44, 2, "InDeselect", deselect},
    {0x4A, 3, "InListPassiveTarget", list_target},
    {0x4E, 4, "InPSL", select_target},
    {0x52, 2, "InRelease", deselect},
    {0x54, 2, "InSelect", select_target},
    {0x60, 4, "InAutoPoll", auto_poll},
};

void pn532_run(struct pn532 *chip, const uint8_t *data, size_t bytes,
               struct pn532_answer *ret_answer)
{
    memset(ret_answer, 0, sizeof *ret_answer);
    pn532_add(ret_answer, (uint8_t)(data[0] + 1U));
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].code == data[0] && bytes >= commands[i].bytes_min) {
            ret_answer->cost = timing_chip(commands[i].name);
            commands[i].run(chip, data, bytes, ret_answer);
            return;
        }
    }
    ret_answer->cost = timing_chip("unknown");
    ret_answer->is_syntax_error = true;
}
