/* Power, selection, cuts, and the frames that carry commands. */
#include "tools/pn532-sim/desfire.h"

#include <assert.h>
#include <string.h>

#include "tools/pn532-sim/desfire_priv.h"

enum {
    COMMAND_AUTHENTICATE = 0x0A,
    COMMAND_AUTHENTICATE_ISO = 0x1A,
    COMMAND_AUTHENTICATE_AES = 0xAA,
    COMMAND_MORE = 0xAF,
    CLASS_WRAPPED = 0x90,
    WRAPPED_STATUS = 0x91,
};

void desfire_init(struct desfire *card, const uint8_t uid[DESFIRE_UID_BYTES])
{
    /* Frames of 64 bytes, then the historical byte 80: what cards on sale say. */
    static const uint8_t ats[] = {0x06, 0x75, 0x77, 0x81, 0x02, 0x80};
    memset(card, 0, sizeof *card);
    memcpy(card->memory.uid, uid, DESFIRE_UID_BYTES);
    card->memory.settings = 0x0F;
    memcpy(card->memory.ats, ats, sizeof ats);
    card->memory.ats_bytes = sizeof ats;
    card->current = DESFIRE_CARD_LEVEL;
    desfire_set_random(card, 0, NULL);
}

/* A byte of a foreign dump may be no bool at all, and may not be read as one then. */
static bool is_bool(const bool *flag)
{
    uint8_t byte;
    memcpy(&byte, flag, 1);
    return byte <= 1;
}

static bool is_sound_file(const struct desfire_file *file)
{
    const uint64_t slots = file->kind == DESFIRE_BACKUP ? 2
                           : file->kind == DESFIRE_LINEAR || file->kind == DESFIRE_CYCLIC
                               ? file->records_max
                               : 1;
    const bool has_records = file->kind == DESFIRE_LINEAR || file->kind == DESFIRE_CYCLIC;
    return file->kind <= DESFIRE_CYCLIC && file->at <= DESFIRE_POOL_BYTES &&
           file->bytes <= DESFIRE_POOL_BYTES &&
           slots * file->bytes <= DESFIRE_POOL_BYTES - file->at &&
           (!has_records || (file->records_max > 0 && file->next < file->records_max &&
                             file->records <= file->records_max));
}

static bool is_sound(const struct desfire_memory *memory)
{
    bool is_right = is_bool(&memory->is_dead) && memory->pool_used <= DESFIRE_POOL_BYTES &&
                    memory->ats_bytes <= DESFIRE_ATS_BYTES_MAX &&
                    memory->master.cipher <= DESFIRE_AES && memory->generation <= DESFIRE_EV3;
    for (size_t i = 0; i < DESFIRE_APPLICATIONS_MAX; i++) {
        const struct desfire_model_application *application = &memory->applications[i];
        if (!is_bool(&application->exists) || !is_bool(&application->has_iso_ids) ||
            !is_bool(&application->has_iso_id)) {
            return false;
        }
        if (!application->exists) {
            continue;
        }
        is_right = is_right && application->cipher <= DESFIRE_AES &&
                   application->keys_count <= DESFIRE_KEYS_MAX &&
                   application->name_bytes <= sizeof application->name;
        for (size_t j = 0; j < DESFIRE_KEYS_MAX; j++) {
            is_right = is_right && application->keys[j].cipher <= DESFIRE_AES;
        }
        for (size_t j = 0; j < DESFIRE_FILES_MAX; j++) {
            const struct desfire_file *file = &application->files[j];
            is_right = is_right && is_bool(&file->exists) && is_bool(&file->has_iso_id) &&
                       (!file->exists || is_sound_file(file));
        }
    }
    return is_right;
}

bool desfire_restore(struct desfire *card, const struct desfire_memory *memory)
{
    if (!is_sound(memory)) {
        return false;
    }
    desfire_field_off(card);
    card->memory = *memory;
    return true;
}

void desfire_set_random(struct desfire *card, uint32_t seed,
                        const uint8_t bytes[DESFIRE_MODEL_RANDOM_BYTES])
{
    card->random = seed == 0 ? 0xDE5F12E0 : seed;
    card->random_bytes = 0;
    if (bytes != NULL) {
        memcpy(card->random_next, bytes, DESFIRE_MODEL_RANDOM_BYTES);
        card->random_bytes = DESFIRE_MODEL_RANDOM_BYTES;
    }
}

/* xorshift32 (Marsaglia, 2003): a run has to be the same each time. */
void desfire_fill_random(struct desfire *card, uint8_t *bytes, size_t count)
{
    assert(count <= DESFIRE_MODEL_RANDOM_BYTES);
    if (card->random_bytes > 0) {
        memcpy(bytes, card->random_next, count);
        card->random_bytes = 0;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        card->random ^= card->random << 13;
        card->random ^= card->random >> 17;
        card->random ^= card->random << 5;
        bytes[i] = (uint8_t)(card->random >> 24);
    }
}

void desfire_identify(const struct desfire *card, uint8_t ret_atqa[2], uint8_t *ret_sak)
{
    /* A random UID has 4 bytes: bit 6 of ATQA would say 7 (AN10833, tables 5 and 6). */
    ret_atqa[0] = 0x03;
    ret_atqa[1] = (card->memory.configuration & 0x02U) != 0 ? 0x04 : 0x44;
    *ret_sak = 0x20;
}

uint8_t desfire_uid(const struct desfire *card, uint8_t ret_uid[DESFIRE_UID_BYTES])
{
    if ((card->memory.configuration & 0x02U) != 0) {
        memcpy(ret_uid, card->random_uid, sizeof card->random_uid);
        return sizeof card->random_uid;
    }
    memcpy(ret_uid, card->memory.uid, DESFIRE_UID_BYTES);
    return DESFIRE_UID_BYTES;
}

/* --- power, cuts, selection ----------------------------------------------------------------- */

void desfire_end_session(struct desfire *card)
{
    memset(&card->session, 0, sizeof card->session);
}

static void forget_all(struct desfire *card)
{
    desfire_end_session(card);
    desfire_drop_pending(card);
    card->current = DESFIRE_CARD_LEVEL;
    card->chain = DESFIRE_CHAIN_NONE;
    card->is_striking = false;
}

static void lose_power(struct desfire *card)
{
    card->state = DESFIRE_OFF;
    card->was_halted = false;
    forget_all(card);
}

void desfire_field_on(struct desfire *card)
{
    if (!card->is_away && card->state == DESFIRE_OFF) {
        card->state = DESFIRE_IDLE;
        if ((card->memory.configuration & 0x02U) != 0) {
            desfire_fill_random(card, card->random_uid, sizeof card->random_uid);
            card->random_uid[0] = 0x08; /* ISO 14443-3, 6.5.4: a random UID begins so */
        }
    }
}

void desfire_field_off(struct desfire *card)
{
    lose_power(card);
}

void desfire_remove(struct desfire *card)
{
    card->is_away = true;
    lose_power(card);
}

void desfire_insert(struct desfire *card)
{
    card->is_away = false;
}

static void take_cut(struct desfire *card)
{
    card->cut.when = DESFIRE_CUT_NEVER;
    card->cuts_taken += 1;
    desfire_remove(card);
}

void desfire_plan_cut(struct desfire *card, struct desfire_cut cut)
{
    assert(cut.when != DESFIRE_CUT_WRITE || cut.n > 0);
    assert(cut.tear < DESFIRE_TEARS);
    card->cut = cut;
    if (cut.when == DESFIRE_CUT_AFTER && cut.n == 0) {
        take_cut(card);
    }
}

bool desfire_begin_write(struct desfire *card)
{
    card->writes += 1;
    if (card->cut.when != DESFIRE_CUT_WRITE) {
        return true;
    }
    card->cut.n -= 1;
    if (card->cut.n > 0) {
        return true;
    }
    if (card->cut.tear == DESFIRE_TEAR_NEW) {
        card->is_striking = true;
        return true;
    }
    take_cut(card);
    return false;
}

void desfire_end_write(struct desfire *card)
{
    if (card->is_striking) {
        take_cut(card);
    }
}

/* Counts a command that the card took part in, and lets it leave if this was the planned one. */
static void end_command(struct desfire *card)
{
    card->commands += 1;
    if (card->cut.when == DESFIRE_CUT_AFTER) {
        card->cut.n -= 1;
        if (card->cut.n == 0) {
            take_cut(card);
        }
    }
}

bool desfire_select(struct desfire *card, enum desfire_call call, unsigned tries)
{
    assert(tries > 0);
    for (unsigned i = 0; i < tries && !card->memory.is_dead; i++) {
        switch (card->state) {
        case DESFIRE_OFF:
        case DESFIRE_ACTIVE: /* deaf to part 3 (ISO 14443-3, 6.3.7): DESELECT it first */
            return false;
        case DESFIRE_HALT:
            if (call == DESFIRE_REQA) {
                return false;
            }
            card->was_halted = true;
            card->state = DESFIRE_READY;
            end_command(card);
            return true;
        case DESFIRE_IDLE:
            card->was_halted = false;
            card->state = DESFIRE_READY;
            end_command(card);
            return true;
        case DESFIRE_READY:
            card->state = card->was_halted ? DESFIRE_HALT : DESFIRE_IDLE;
            break;
        }
    }
    return false;
}

bool desfire_activate(struct desfire *card, uint8_t ret_ats[DESFIRE_ATS_BYTES_MAX],
                      size_t *ret_ats_bytes)
{
    if (card->state != DESFIRE_READY) {
        return false;
    }
    card->state = DESFIRE_ACTIVE;
    forget_all(card);
    memcpy(ret_ats, card->memory.ats, card->memory.ats_bytes);
    *ret_ats_bytes = card->memory.ats_bytes;
    end_command(card);
    return true;
}

bool desfire_is_present(const struct desfire *card)
{
    return card->state == DESFIRE_ACTIVE;
}

void desfire_halt(struct desfire *card)
{
    if (card->state == DESFIRE_READY || card->state == DESFIRE_ACTIVE) {
        card->state = DESFIRE_HALT;
        forget_all(card);
        end_command(card);
    }
}

/* --- answers -------------------------------------------------------------------------------- */

void desfire_reply(struct desfire *card, const void *bytes, size_t count)
{
    assert(count <= sizeof card->reply - card->reply_bytes);
    memcpy(card->reply + card->reply_bytes, bytes, count);
    card->reply_bytes += count;
}

void desfire_reply_byte(struct desfire *card, uint8_t byte)
{
    desfire_reply(card, &byte, 1);
}

void desfire_reply24(struct desfire *card, uint32_t value)
{
    const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16)};
    desfire_reply(card, bytes, sizeof bytes);
}

void desfire_reply32(struct desfire *card, uint32_t value)
{
    desfire_reply24(card, value);
    desfire_reply_byte(card, (uint8_t)(value >> 24));
}

uint32_t desfire_get24(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
}

uint32_t desfire_get32(const uint8_t *bytes)
{
    return desfire_get24(bytes) | (uint32_t)bytes[3] << 24;
}

void desfire_end_part(struct desfire *card)
{
    size_t before = 0;
    for (size_t i = 0; i < card->parts; i++) {
        before += card->part_bytes[i];
    }
    assert(card->parts < sizeof card->part_bytes);
    card->part_bytes[card->parts] = (uint8_t)(card->reply_bytes - before);
    card->parts += 1;
}

struct desfire_model_application *desfire_current(struct desfire *card)
{
    return card->current == DESFIRE_CARD_LEVEL ? NULL : &card->memory.applications[card->current];
}

/* --- frames --------------------------------------------------------------------------------- */

/* What goes into the next frame. */
struct part {
    const uint8_t *data;
    size_t bytes;
    uint8_t status;
};

/* Any error drops what is not committed; in EV1's scheme it ends the session too (Elmue's log),
 * while a D40 session goes on (libfreefare 0.4.0, test_mifare_desfire.c, runs so on real cards). */
static struct part fail(struct desfire *card, enum desfire_status status)
{
    card->chain = DESFIRE_CHAIN_NONE;
    desfire_drop_pending(card);
    if (card->session.scheme == DESFIRE_CMAC) {
        desfire_end_session(card);
    }
    return (struct part){.status = (uint8_t)status};
}

static struct part next_part(struct desfire *card)
{
    struct part part = {.data = card->reply + card->reply_sent};
    const size_t left = card->reply_bytes - card->reply_sent;
    if (card->parts_sent < card->parts) {
        part.bytes = card->part_bytes[card->parts_sent];
        card->parts_sent += 1;
    } else {
        part.bytes = left < DESFIRE_PART_BYTES ? left : DESFIRE_PART_BYTES;
    }
    card->reply_sent += part.bytes;
    const bool is_last = part.bytes == left;
    part.status = is_last ? DESFIRE_DONE : DESFIRE_MORE;
    card->chain = is_last ? DESFIRE_CHAIN_NONE : DESFIRE_CHAIN_ANSWER;
    return part;
}

static const struct desfire_command *find_command(uint8_t code)
{
    const struct desfire_command *command = desfire_find_data_command(code);
    if (command == NULL) {
        command = desfire_find_file_command(code);
    }
    return command != NULL ? command : desfire_find_manage_command(code);
}

static struct part run(struct desfire *card)
{
    const struct desfire_command *command = find_command(card->command);
    const size_t bytes = card->message_bytes - 1;
    uint8_t mode = 0;

    card->chain = DESFIRE_CHAIN_NONE;
    if (command == NULL) {
        return fail(card, DESFIRE_ILLEGAL_COMMAND);
    }
    if (bytes < command->bytes_min || bytes > command->bytes_max) {
        return fail(card, DESFIRE_LENGTH_ERROR);
    }
    if (!command->opens_itself) {
        desfire_open_message(card, DESFIRE_MODE_PLAIN, card->message_bytes, 0);
    }
    const enum desfire_status status = command->run(card, card->message + 1, bytes, &mode);
    if (status != DESFIRE_DONE) {
        return fail(card, status);
    }
    desfire_close_reply(card, mode);
    return next_part(card);
}

static struct part ask_for_more_or_run(struct desfire *card)
{
    if (card->message_bytes < card->message_expected) {
        card->chain = DESFIRE_CHAIN_COMMAND;
        return (struct part){.status = DESFIRE_MORE};
    }
    return run(card);
}

static struct part start(struct desfire *card, uint8_t code, const uint8_t *data, size_t bytes)
{
    const bool was_broken_off =
        card->chain == DESFIRE_CHAIN_COMMAND || card->chain == DESFIRE_CHAIN_ANSWER;
    card->chain = DESFIRE_CHAIN_NONE;
    if (was_broken_off) {
        return fail(card, DESFIRE_ABORTED);
    }
    if (card->session.scheme != DESFIRE_NO_SESSION &&
        card->session.is_wrapped != card->is_wrapped) {
        return fail(card, DESFIRE_ILLEGAL_COMMAND);
    }
    card->command = code;
    card->message[0] = code;
    memcpy(card->message + 1, data, bytes);
    card->message_bytes = 1 + bytes;
    card->reply_bytes = 0;
    card->reply_sent = 0;
    card->parts = 0;
    card->parts_sent = 0;
    if (code == COMMAND_AUTHENTICATE || code == COMMAND_AUTHENTICATE_ISO ||
        code == COMMAND_AUTHENTICATE_AES) {
        const enum desfire_status status = desfire_authenticate(card);
        if (status != DESFIRE_MORE) {
            return fail(card, status);
        }
        return (struct part){card->reply, card->reply_bytes, DESFIRE_MORE};
    }
    card->message_expected = desfire_expected_bytes(card);
    return ask_for_more_or_run(card);
}

static struct part go_on(struct desfire *card, const uint8_t *data, size_t bytes)
{
    enum desfire_status status;
    switch (card->chain) {
    case DESFIRE_CHAIN_NONE:
        return fail(card, DESFIRE_ILLEGAL_COMMAND);
    case DESFIRE_CHAIN_ANSWER:
        return bytes == 0 ? next_part(card) : fail(card, DESFIRE_LENGTH_ERROR);
    case DESFIRE_CHAIN_COMMAND:
        if (bytes > card->message_expected - card->message_bytes) {
            return fail(card, DESFIRE_LENGTH_ERROR);
        }
        memcpy(card->message + card->message_bytes, data, bytes);
        card->message_bytes += bytes;
        return ask_for_more_or_run(card);
    case DESFIRE_CHAIN_AUTHENTICATE:
        card->chain = DESFIRE_CHAIN_NONE;
        card->reply_bytes = 0;
        status = desfire_authenticate_end(card, data, bytes);
        if (status != DESFIRE_DONE) {
            return fail(card, status);
        }
        return (struct part){card->reply, card->reply_bytes, DESFIRE_DONE};
    }
    return fail(card, DESFIRE_ILLEGAL_COMMAND);
}

static struct part do_native(struct desfire *card, const uint8_t *tx, size_t tx_bytes)
{
    if (tx_bytes == 0 || tx_bytes > DESFIRE_FRAME_BYTES) {
        return fail(card, DESFIRE_LENGTH_ERROR);
    }
    return tx[0] == COMMAND_MORE ? go_on(card, tx + 1, tx_bytes - 1)
                                 : start(card, tx[0], tx + 1, tx_bytes - 1);
}

/* Class, code, 00 00, then nothing but Le, or Lc, data and Le. */
static struct part do_wrapped(struct desfire *card, const uint8_t *tx, size_t tx_bytes)
{
    uint8_t native[DESFIRE_FRAME_BYTES];
    const size_t bytes = tx_bytes > 5 ? tx[4] : 0;
    if (tx_bytes < 5 || tx_bytes > DESFIRE_FRAME_BYTES ||
        tx_bytes != (bytes == 0 ? 5 : bytes + 6)) {
        return fail(card, DESFIRE_LENGTH_ERROR);
    }
    native[0] = tx[1];
    memcpy(native + 1, tx + 5, bytes);
    return do_native(card, native, 1 + bytes);
}

enum desfire_answer desfire_exchange(struct desfire *card, const uint8_t *tx, size_t tx_bytes,
                                     uint8_t *rx, size_t rx_max, size_t *ret_rx_bytes)
{
    struct part part;
    assert(rx_max >= DESFIRE_FRAME_BYTES);
    *ret_rx_bytes = 0;
    if (card->state != DESFIRE_ACTIVE) {
        return DESFIRE_TIMEOUT;
    }
    const bool is_wrapped = tx_bytes > 0 && tx[0] == CLASS_WRAPPED;
    card->is_wrapped = is_wrapped;
    part = is_wrapped ? do_wrapped(card, tx, tx_bytes) : do_native(card, tx, tx_bytes);
    if (card->memory.is_dead) {
        lose_power(card);
    }
    if (card->state != DESFIRE_ACTIVE) {
        card->commands += 1;
        return DESFIRE_TIMEOUT;
    }
    if (!is_wrapped) {
        rx[0] = part.status;
    } else {
        rx[part.bytes] = WRAPPED_STATUS;
        rx[part.bytes + 1] = part.status;
    }
    if (part.bytes > 0) {
        memcpy(rx + (is_wrapped ? 0 : 1), part.data, part.bytes);
    }
    *ret_rx_bytes = part.bytes + (is_wrapped ? 2 : 1);
    end_command(card);
    return DESFIRE_OK;
}

const char *desfire_command_name(const uint8_t *tx, size_t tx_bytes)
{
    const bool is_wrapped = tx_bytes > 1 && tx[0] == CLASS_WRAPPED;
    if (tx_bytes == 0) {
        return "unknown";
    }
    const uint8_t code = tx[is_wrapped ? 1 : 0];
    switch (code) {
    case COMMAND_AUTHENTICATE:
        return "authenticate";
    case COMMAND_AUTHENTICATE_ISO:
        return "authenticate iso";
    case COMMAND_AUTHENTICATE_AES:
        return "authenticate aes";
    case COMMAND_MORE:
        return "more";
    default:
        break;
    }
    const struct desfire_command *command = find_command(code);
    return command == NULL ? "unknown" : command->name;
}
