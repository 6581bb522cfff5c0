/* What the PN532 does for each command: the second half of pn532.h. Numbers like 7.3.5 name
 * sections of UM0701-02. */
#include <assert.h>
#include <string.h>

#include "tools/pn532-sim/pn532_priv.h"
#include "tools/pn532-sim/timing_cards.h"

static void forget_targets(struct pn532 *chip)
{
    chip->target_is_known = false;
    chip->parked.card.kind = CARD_NONE;
}

void pn532_set_field(struct pn532 *chip, bool is_on)
{
    chip->field_is_on = is_on;
    if (is_on) {
        card_field_on(chip->card);
        card_field_on(chip->other);
    } else {
        forget_targets(chip);
        card_field_off(chip->card);
        card_field_off(chip->other);
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
    const uint8_t count = chip->target_is_known ? chip->parked.card.kind != CARD_NONE ? 2 : 1 : 0;
    pn532_add(answer, count);
    for (uint8_t number = 1; number <= count; number++) {
        const uint8_t target[] = {number, 0x00, 0x00, 0x10};
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
    const bool has_parked = chip->parked.card.kind != CARD_NONE;
    const bool is_parked = has_parked && data[1] == 3 - chip->number; /* asleep already */
    if (data[1] != 0 && !is_parked && (!chip->target_is_known || data[1] != chip->number)) {
        pn532_add_status(answer, PN532_BAD_CONTEXT);
        return;
    }
    if (chip->target_is_known && !is_parked && chip->card.kind != CARD_NONE) {
        answer->cost = pn532_is_activated(chip) ? timing_block("deselect") : timing_halt();
        card_halt(chip->card);
    }
    if (data[0] == 0x52 && is_parked) {
        chip->parked.card.kind = CARD_NONE;
    } else if (data[0] == 0x52) {
        forget_targets(chip);
    }
    pn532_add_status(answer, PN532_OK);
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

static void swap_cards(struct pn532 *chip)
{
    const struct card card = chip->card;
    chip->card = chip->other;
    chip->other = card;
}

/* Calls up to `tries` times. Cards that hear it answer together, and one is singled out: the one
 * with the UID (NULL: any), or the winner of the anticollision; the other one falls back to where
 * it was. A card that is selected and hears a call falls back without an answer (ISO 14443-3), but
 * for one of ISO 14443-4 once it is activated. The one selected is chip->card then. */
static bool call_cards(struct pn532 *chip, const uint8_t *uid, size_t uid_bytes,
                       enum classic_call call, unsigned tries)
{
    for (unsigned i = 0; i < tries; i++) {
        const struct card cards[2] = {chip->card, chip->other};
        struct card found = {.kind = CARD_NONE};
        for (size_t n = 0; n < 2; n++) {
            if (cards[n].kind == CARD_NONE) {
                continue;
            }
            if (!card_hears(cards[n], call)) {
                const bool has_answered = card_select(cards[n], call, 1);
                assert(!has_answered);
            } else if (uid == NULL || is_uid_of(cards[n], uid, uid_bytes)) {
                found = found.kind == CARD_NONE ? cards[n] : card_winner(found, cards[n]);
            }
        }
        if (found.kind == CARD_NONE) {
            continue;
        }
        if (!card_is_same(found, chip->card)) {
            swap_cards(chip);
        }
        return card_select(chip->card, call, 1);
    }
    return false;
}

/* Selects a card, and activates it if it is one of ISO 14443-4 and the host wants that. */
static bool select_card(struct pn532 *chip, const uint8_t *uid, size_t uid_bytes,
                        enum classic_call call, unsigned tries)
{
    chip->ats_bytes = 0;
    if (!call_cards(chip, uid, uid_bytes, call, tries)) {
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

/* The target whose turn it is, by its UID. */
static bool select_again(struct pn532 *chip)
{
    uint8_t uid[1 + CARD_UID_BYTES_MAX] = {0x88};
    const struct card_identity target = chip->target;
    const size_t bytes = target.uid_bytes == 7 ? 8 : target.uid_bytes;
    memcpy(target.uid_bytes == 7 ? uid + 1 : uid, target.uid, target.uid_bytes);
    return select_card(chip, uid, bytes, CLASSIC_WUPA, 2);
}

/* Swaps target and parked target; both must be known. */
static void swap_targets(struct pn532 *chip)
{
    const struct pn532_target parked = chip->parked;
    chip->parked = (struct pn532_target){
        .card = chip->card, .identity = chip->target, .ats_bytes = chip->ats_bytes};
    memcpy(chip->parked.ats, chip->ats, sizeof chip->ats);
    chip->target = parked.identity;
    chip->ats_bytes = parked.ats_bytes;
    memcpy(chip->ats, parked.ats, sizeof chip->ats);
    chip->number = (uint8_t)(3 - chip->number);
    if (!card_is_same(chip->card, parked.card)) {
        swap_cards(chip);
    }
}

bool pn532_use_target(struct pn532 *chip, uint8_t number, struct timing_cost *cost)
{
    if (!chip->target_is_known || number < 1 || number > 2) {
        return false;
    }
    if (number == chip->number) {
        return true;
    }
    if (chip->parked.card.kind == CARD_NONE) {
        return false;
    }
    const struct timing_cost halt =
        pn532_is_activated(chip) ? timing_block("deselect") : timing_halt();
    card_halt(chip->card);
    swap_targets(chip);
    (void)select_again(chip);
    cost->card_us += halt.card_us + cost_of_select(chip).card_us;
    return true; /* a card that is gone is found out by the exchange */
}

/* 7.3.7 and 7.3.12: speeds, and selecting the target again; all cards stay at 106 kbit/s. */
static void select_target(struct pn532 *chip, const uint8_t *data, size_t bytes,
                          struct pn532_answer *answer)
{
    (void)bytes;
    struct timing_cost ignored = timing_chip("InSelect");
    if (!pn532_use_target(chip, data[1], &ignored)) {
        pn532_add_status(answer, PN532_BAD_CONTEXT);
        return;
    }
    if (data[0] == 0x54 && chip->card.kind != CARD_NONE && !pn532_is_activated(chip)) {
        chip->target_is_known = select_again(chip);
        answer->cost = cost_of_select(chip);
    }
    pn532_add_status(answer, chip->target_is_known ? PN532_OK : PN532_TIMEOUT);
}

static unsigned tries_of(const struct pn532 *chip)
{
    return chip->select_retries == PN532_FOR_EVER ? 3 : chip->select_retries + 1U;
}

/* Calls a card (NULL uid: any that is not halted) and remembers it as target 1. */
static bool find_target(struct pn532 *chip, const uint8_t *uid, size_t uid_bytes)
{
    pn532_set_field(chip, true);
    forget_targets(chip);
    chip->number = 1;
    chip->target_is_known = select_card(chip, uid, uid_bytes,
                                        uid == NULL ? CLASSIC_REQA : CLASSIC_WUPA, tries_of(chip));
    return chip->target_is_known;
}

/* Sends target 1 to sleep and calls once more. Found or not, target 1 stays known; the second is
 * the one that is awake then, else the first is woken again. */
static bool find_second(struct pn532 *chip, struct timing_cost *cost)
{
    const struct timing_cost halt =
        pn532_is_activated(chip) ? timing_block("deselect") : timing_halt();
    card_halt(chip->card);
    chip->parked = (struct pn532_target){
        .card = chip->card, .identity = chip->target, .ats_bytes = chip->ats_bytes};
    memcpy(chip->parked.ats, chip->ats, sizeof chip->ats);
    chip->number = 2;
    const bool is_found = select_card(chip, NULL, 0, CLASSIC_REQA, tries_of(chip));
    cost->card_us += halt.card_us + (is_found ? cost_of_select(chip).card_us
                                              : timing_empty_field(tries_of(chip)).card_us);
    if (!is_found) {
        swap_targets(chip);
        chip->parked.card.kind = CARD_NONE;
        chip->target_is_known = select_again(chip);
        cost->card_us += cost_of_select(chip).card_us;
    }
    return is_found;
}

/* Target number, ATQA, SAK, UID length, UID, and the ATS of an activated card (7.3.5). */
static void add_target(uint8_t number, const struct card_identity *target, const uint8_t *ats,
                       size_t ats_bytes, struct pn532_answer *answer)
{
    pn532_add(answer, number);
    pn532_add_bytes(answer, target->atqa, sizeof target->atqa);
    pn532_add(answer, target->sak);
    pn532_add(answer, target->uid_bytes);
    pn532_add_bytes(answer, target->uid, target->uid_bytes);
    pn532_add_bytes(answer, ats, ats_bytes);
}

/* With MaxTg 2 the chip looks for a second one when it has the first (7.3.5). */
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
        const bool has_two = data[1] == 2 && find_second(chip, &answer->cost);
        pn532_add(answer, has_two ? 2 : 1);
        if (has_two) {
            const struct pn532_target *first = &chip->parked;
            add_target(1, &first->identity, first->ats, first->ats_bytes, answer);
        }
        add_target(chip->number, &chip->target, chip->ats, chip->ats_bytes, answer);
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
        add_target(1, &chip->target, chip->ats, chip->ats_bytes, answer);
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
