/* The checkpoint of the facts: a file with a backup of its own, written in a transaction of its own
 * after the shopper was told. The records bring it up to date, so it may lag. */
#include <assert.h>
#include <string.h>

#include "drivers/card/desfire_priv.h"

enum { READ_DATA = 0xBD, WRITE_DATA = 0x3D, COMMIT = 0xC7 };

/* Half of what the records would make good; each that it lags costs a read 40 bytes more. */
enum { FACTS_LAG_MAX = 16, FACTS_KEEP_EVERY = 8 };

enum st desfire_stage_facts(struct desfire_card *card, const uint8_t bytes[DESFIRE_FACTS_BYTES])
{
    uint8_t message[EV1_MESSAGE_MAX] = {WRITE_DATA, DESFIRE_FACTS, 0, 0, 0, DESFIRE_FACTS_BYTES};
    memcpy(message + 8, bytes, DESFIRE_FACTS_BYTES);
    return desfire_io_ask(&card->io, EV1_MACED, message, 8, DESFIRE_FACTS_BYTES);
}

/* ST_AGAIN: none was ever written, it is damaged, or it is ahead of the records, which is nobody's
 * honest doing. */
static enum st read_checkpoint(struct desfire_card *card, struct facts *ret)
{
    uint8_t message[EV1_MESSAGE_MAX] = {READ_DATA, DESFIRE_FACTS, 0, 0, 0, DESFIRE_FACTS_BYTES};
    const struct desfire_owner owner = desfire_owner_of(card);

    enum st st = desfire_open_to_read(card);
    if (st == ST_OK) {
        st = desfire_io_ask(&card->io, EV1_PLAIN, message, 8, 0);
    }
    if (st == ST_GONE || st == ST_IO) {
        return st;
    }
    if (st != ST_OK || card->io.answer_bytes != DESFIRE_FACTS_BYTES ||
        desfire_facts_decode(&owner, card->io.answer, ret) != ST_OK ||
        ret->counter > card->newest.counter) {
        return ST_AGAIN;
    }
    return ST_OK;
}

enum st desfire_facts(struct desfire_card *card, const struct facts_rules *rules, struct facts *ret)
{
    struct snapshot history[DESFIRE_RECORDS];
    struct facts facts = {0};
    size_t count = 0;

    memset(&card->checkpoint, 0, sizeof card->checkpoint);
    enum st st = read_checkpoint(card, &facts);
    if (st != ST_OK && st != ST_AGAIN) {
        return st;
    }
    card->checkpoint.is_read = true;
    card->checkpoint.written = facts.counter;
    if (st == ST_AGAIN || facts.counter != card->newest.counter) {
        const uint32_t behind = card->newest.counter - facts.counter;
        const size_t wanted = behind < DESFIRE_RECORDS ? behind + 1 : DESFIRE_RECORDS;
        const enum st read = desfire_history(card, history, wanted, &count);
        if (read != ST_OK) {
            return read;
        }
        st = st == ST_OK ? facts_catch_up(rules, history, count, &facts)
                         : facts_from_birth(rules, history, count, &facts);
    }
    if (st == ST_OK) {
        desfire_remember_facts(card, &facts);
        *ret = facts;
    }
    return st;
}

void desfire_remember_facts(struct desfire_card *card, const struct facts *facts)
{
    card->checkpoint.told[facts->counter % 2] = *facts;
}

static const struct facts *told(const struct desfire_card *card)
{
    const struct facts *facts = &card->checkpoint.told[card->newest.counter % 2];
    return facts->counter == card->newest.counter ? facts : NULL;
}

bool desfire_facts_lag(const struct desfire_card *card)
{
    return card->checkpoint.is_read && told(card) != NULL &&
           card->newest.counter >= card->checkpoint.written + FACTS_LAG_MAX;
}

enum st desfire_write_facts(struct desfire_card *card)
{
    const struct facts *facts = told(card);
    uint8_t bytes[DESFIRE_FACTS_BYTES], commit[EV1_MESSAGE_MAX] = {COMMIT};

    if (facts == NULL || card->checkpoint.written == facts->counter) {
        return ST_OK;
    }
    /* What prepare left is not this transaction's to commit. */
    if (card->is_staged) {
        desfire_unstage(card);
    }
    const struct desfire_owner owner = desfire_owner_of(card);
    desfire_facts_encode(&owner, facts, bytes);
    const bool is_here = card->io.is_selected && card->io.selects == card->session;
    /* Both may write the file: what is open will do. */
    const bool loads = card->io.has_session && card->io.role == ROLE_LOAD;
    enum st st = is_here ? desfire_open(card, loads ? ROLE_LOAD : ROLE_SPEND) : ST_GONE;
    if (st == ST_OK) {
        st = desfire_stage_facts(card, bytes);
    }
    if (st == ST_OK) {
        st = desfire_io_ask(&card->io, EV1_PLAIN, commit, 1, 0);
    }
    if (st == ST_OK) {
        card->checkpoint.written = facts->counter;
    } else {
        desfire_io_drop(&card->io); /* what may be pending must not meet another commit */
    }
    return st;
}

/* Facts that are lost begin anew with the transaction before the newest, as a plan would do it. */
void desfire_keep_facts(struct desfire_card *card, const struct facts_rules *rules)
{
    struct snapshot history[2];
    struct facts facts;
    size_t count = 0;

    if (card->condition != CARD_MEMBER || !card->io.is_selected || told(card) != NULL ||
        card->newest.counter % FACTS_KEEP_EVERY != 0) {
        return;
    }
    enum st st = desfire_facts(card, rules, &facts);
    if (st == ST_AGAIN && desfire_history(card, history, 2, &count) == ST_OK && count == 2) {
        facts_restart(rules, &history[1], &history[0], &facts);
        desfire_remember_facts(card, &facts);
        st = ST_OK;
    }
    if (st == ST_OK) {
        st = desfire_write_facts(card);
    }
    (void)st; /* the next one will do */
}
