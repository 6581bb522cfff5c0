/* Makes a member card of a blank one, beside whatever else is on it. Nothing on it has value until
 * the very last command, the commit of identity, opening credit and first record; a cut before that
 * leaves a card that is blank or half issued, and the same function finishes it. What an unknown
 * hand may have prepared on a half-issued card is looked at, not trusted: docs/card-layout.md,
 * "DESFire". */
#include <assert.h>
#include <string.h>

#include "drivers/card/desfire_priv.h"

enum {
    GET_VERSION = 0x60,
    GET_KEY_SETTINGS = 0x45,
    GET_FILE_IDS = 0x6F,
    GET_FILE_SETTINGS = 0xF5,
    FREE_MEMORY = 0x6E,
    CREATE_APPLICATION = 0xCA,
};

/* Bits of the card's own key settings (libfreefare mifare_desfire.c). */
enum { LISTS_FREELY = 0x02, CREATES_FREELY = 0x04 };

static enum st ask_plain(struct desfire_card *card, uint8_t command)
{
    uint8_t message[EV1_MESSAGE_MAX] = {command};
    return desfire_io_ask(&card->io, EV1_PLAIN, message, 1, 0);
}

/* --- is it blank? --------------------------------------------------------------------------- */

/* GetVersion: 7 bytes on the chip, 7 on its software, 14 on the piece. The chip's second byte is
 * its type, whose low nibble is 1 for DESFire; the software's fourth is its major version, 0 on the
 * first DESFire, which knows no AES. Later ones than EV1 speak as EV1 does. */
static bool is_version_served(const uint8_t *version, size_t bytes)
{
    return bytes == 28 && version[0] == 0x04 && (version[1] & 0x0F) == 0x01 && version[10] >= 1;
}

static const char *const say_unknown = "This kind of card is not served here.";
static const char *const say_locked =
    "Another owner has locked this card: it cannot become a member card.";

enum st desfire_look_at_blank(struct desfire_card *card)
{
    struct desfire_io *io = &card->io;

    enum st st = desfire_io_application(io, desfire_card_level);
    if (st == ST_OK) {
        st = ask_plain(card, GET_VERSION);
    }
    if (st == ST_REFUSED || (st == ST_OK && !is_version_served(io->answer, io->answer_bytes))) {
        desfire_conclude(card, CARD_UNKNOWN_CHIP, say_unknown);
        return ST_OK;
    }
    if (st == ST_OK) {
        st = ask_plain(card, GET_KEY_SETTINGS);
    }
    if (st == ST_REFUSED ||
        (st == ST_OK && (io->answer_bytes < 1 || (io->answer[0] & CREATES_FREELY) == 0))) {
        desfire_conclude(card, CARD_FOREIGN, say_locked);
        return ST_OK;
    }
    if (st == ST_OK) {
        st = ask_plain(card, FREE_MEMORY);
    }
    if (st == ST_REFUSED || (st == ST_OK && io->answer_bytes != 3)) {
        desfire_conclude(card, CARD_FOREIGN, say_locked);
        return ST_OK;
    }
    if (st != ST_OK) {
        return st;
    }
    const size_t free_bytes =
        io->answer[0] | (size_t)io->answer[1] << 8 | (size_t)io->answer[2] << 16;
    if (free_bytes < DESFIRE_ROOM_BYTES) {
        desfire_conclude(card, CARD_FOREIGN, "This card is full: it cannot become a member card.");
    } else {
        desfire_conclude(card, CARD_BLANK, "This card is blank: issue it, or hold a member card.");
    }
    return ST_OK;
}

/* --- issue ---------------------------------------------------------------------------------- */

/* Our application, without files and with the keys of a new one. */
static enum st make_application(struct desfire_card *card)
{
    uint8_t message[EV1_MESSAGE_MAX] = {
        CREATE_APPLICATION, desfire_aid[0],       desfire_aid[1],
        desfire_aid[2],     DESFIRE_KEY_SETTINGS, DESFIRE_KEYS,
    };

    enum st st = desfire_return(card);
    if (st == ST_REFUSED || (st == ST_OK && !card->has_application)) {
        st = desfire_io_application(&card->io, desfire_card_level);
        if (st == ST_OK) {
            st = desfire_io_ask(&card->io, EV1_PLAIN, message, 6, 0);
        }
        card->has_application = st == ST_OK;
    }
    return st == ST_OK ? desfire_io_application(&card->io, desfire_aid) : st;
}

/* Sets one key from the new application's zeros to ours, unless it is ours already. */
static enum st take_key(struct desfire_card *card, enum key_role role)
{
    struct desfire_io *io = &card->io;
    const uint8_t current = keystore_version(io->keystore);
    uint8_t mark = 0;

    enum st st = desfire_io_key_version(io, role, &mark);
    if (st != ST_OK || mark != 0) {
        return st;
    }
    st = desfire_io_authenticate(io, desfire_aid, role, KEYSTORE_FACTORY);
    if (st == ST_OK) {
        st = desfire_io_change_own_key(io, KEYSTORE_FACTORY, current);
    }
    if (st == ST_OK) {
        card->version[role] = current;
    }
    return st;
}

/* True when this file is there as it must be. */
static enum st check_file(struct desfire_card *card, const struct desfire_file_plan *plan)
{
    uint8_t message[EV1_MESSAGE_MAX] = {GET_FILE_SETTINGS, plan->number};

    const enum st st = desfire_io_ask(&card->io, EV1_PLAIN, message, 2, 0);
    if (st != ST_OK) {
        return st;
    }
    return card->io.answer_bytes == plan->settings_bytes &&
                   memcmp(card->io.answer, plan->settings, plan->settings_bytes) == 0
               ? ST_OK
               : ST_FOREIGN;
}

static enum st make_files(struct desfire_card *card)
{
    struct desfire_io *io = &card->io;
    unsigned there = 0;

    enum st st = ask_plain(card, GET_KEY_SETTINGS);
    if (st == ST_OK && (io->answer_bytes != 2 || io->answer[0] != DESFIRE_KEY_SETTINGS ||
                        io->answer[1] != DESFIRE_KEYS)) {
        return ST_FOREIGN; /* somebody prepared an application of our name */
    }
    if (st == ST_OK) {
        st = ask_plain(card, GET_FILE_IDS);
    }
    for (size_t i = 0; st == ST_OK && i < io->answer_bytes; i += 1) {
        there |= io->answer[i] < 32 ? 1U << io->answer[i] : 0;
    }
    for (size_t i = 0; st == ST_OK && i < DESFIRE_LAYOUT_FILES; i += 1) {
        const struct desfire_file_plan *plan = &desfire_file_plans[i];
        uint8_t message[EV1_MESSAGE_MAX];
        if ((there >> plan->number & 1) != 0) {
            st = check_file(card, plan);
        } else {
            memcpy(message, plan->create, plan->create_bytes);
            st = desfire_io_ask(io, EV1_PLAIN, message, plan->create_bytes, 0);
        }
    }
    return st;
}

/* Everything but the first record; the identity waits for its commit. ST_FOREIGN: somebody prepared
 * this card. */
static enum st prepare(struct desfire_card *card, const struct card_identity *identity)
{
    static const enum key_role roles[KEY_ROLES] = {ROLE_SPEND, ROLE_LOAD, ROLE_ISSUE};
    int64_t rials = -1;

    enum st st = make_application(card);
    for (size_t i = 0; st == ST_OK && i < KEY_ROLES; i += 1) {
        st = take_key(card, roles[i]);
    }
    if (st == ST_OK) {
        st = desfire_open(card, ROLE_ISSUE);
    }
    if (st == ST_OK) {
        st = make_files(card);
    }
    if (st == ST_OK) {
        st = desfire_open(card, ROLE_LOAD);
    }
    if (st == ST_OK) {
        st = desfire_read_credit(card, &rials);
    }
    if (st == ST_OK && rials != 0) {
        return ST_FOREIGN;
    }
    return st == ST_OK ? desfire_stage_identity(card, identity) : st;
}

bool desfire_may_issue(const struct keystore *keystore)
{
    const uint8_t current = keystore_version(keystore);
    return keystore_has_role(keystore, ROLE_ISSUE, current) &&
           keystore_has_role(keystore, ROLE_SPEND, current) &&
           keystore_has_role(keystore, ROLE_LOAD, current);
}

enum st desfire_issue(struct desfire_card *card, const struct card_identity *identity,
                      const struct snapshot *first)
{
    static const uint8_t no_facts[DESFIRE_FACTS_BYTES];
    bool is_sent = false;
    assert(first->counter == 1 && card_number_is_valid(identity->number));

    if (card->condition != CARD_BLANK && card->condition != CARD_HALF_ISSUED) {
        return ST_FOREIGN;
    }
    if (!desfire_may_issue(card->io.keystore) ||
        first->purse[PURSE_CREDIT].rials > DESFIRE_CREDIT_MAX) {
        return ST_AGAIN;
    }
    card->condition = CARD_UNKNOWN_CHIP;
    card->number = identity->number;
    enum st st = prepare(card, identity);
    if (st == ST_OK) { /* whatever somebody may have put there while the keys were zeros */
        st = desfire_stage_facts(card, no_facts);
    }
    if (st == ST_OK) {
        st = desfire_transact(card, first->purse[PURSE_CREDIT].rials, first, &is_sent);
    }
    if (st == ST_OK) {
        card->condition = CARD_MEMBER;
        card->newest = *first;
        card->session = card->io.selects;
        return ST_OK;
    }
    if (!is_sent) {
        /* No value on it: read it and issue again; or the chip will never let us. */
        return st == ST_GONE || st == ST_IO ? ST_AGAIN : ST_FOREIGN;
    }
    return st == ST_IO ? ST_IO : ST_GONE;
}
