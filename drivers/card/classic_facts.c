/* The checkpoint of the facts: two copies, of which the older one is written, after the shopper was
 * told. Any whole copy will do, because the ring brings it up to date. */
#include <assert.h>
#include <string.h>

#include "drivers/card/classic_priv.h"

/* A checkpoint that lags costs a read 24 ms a transaction, so commit does not let it (as with the
 * pointer). The ring would make good 8. */
enum {
    FACTS_LAG_MAX = 2,
    FACTS_KEEP_EVERY = 2,
    FACTS_BLOCKS = CLASSIC_FACTS_BYTES / CLASSIC_BLOCK
};

/* A torn copy may read differently each time; one that needed another reading is good for once and
 * the next to be written. */
enum { READINGS = 3, COPY_IS_WEAK = 1 };

/* Copy 0 stands behind the pointer, copy 1 has a sector of its own. */
static unsigned role_of(unsigned copy)
{
    return copy == 0 ? CLASSIC_HEAD : CLASSIC_FACTS;
}

static uint8_t block_of(const struct classic_card *card, unsigned copy, unsigned n)
{
    return classic_block(card, role_of(copy), copy == 0 ? 1 + n : n);
}

/* --- reading -------------------------------------------------------------------------------- */

static enum st read_copy(struct classic_card *card, unsigned copy,
                         uint8_t ret_bytes[CLASSIC_FACTS_BYTES])
{
    memset(ret_bytes, 0, CLASSIC_FACTS_BYTES);
    enum st st = classic_open(card, role_of(copy), KEY_A);
    for (unsigned n = 0; n < FACTS_BLOCKS && st == ST_OK; n += 1) {
        st = classic_io_read(&card->io, block_of(card, copy, n), ret_bytes + n * CLASSIC_BLOCK);
    }
    if (st == ST_DENIED) {
        return ST_OK; /* not our key: no copy of ours is there */
    }
    return st == ST_FOREIGN ? ST_GONE : st;
}

/* Finds the snapshot that a copy claims, and tests the copy against it. */
static enum st decode_copy(const struct classic_card *card, unsigned copy,
                           const uint8_t bytes[CLASSIC_FACTS_BYTES], const struct snapshot *history,
                           size_t history_count, struct facts *ret)
{
    const uint32_t claim = classic_facts_claim(bytes);

    for (size_t i = 0; i < history_count; i += 1) {
        if (history[i].counter == claim) {
            return classic_facts_decode(&card->owner, copy, &history[i], bytes, ret);
        }
    }
    return ST_DENIED;
}

/* The usual case: one of the copies is of the newest snapshot. The one that a card without cuts
 * would have it in is looked at first. ST_AGAIN: none is; `ret_copies` has both. */
static enum st read_current(struct classic_card *card,
                            uint8_t ret_copies[CLASSIC_FACTS_COPIES][CLASSIC_FACTS_BYTES],
                            struct facts *ret)
{
    const unsigned likely = card->newest.counter % CLASSIC_FACTS_COPIES;

    for (unsigned i = 0; i < CLASSIC_FACTS_COPIES; i += 1) {
        const unsigned copy = (likely + i) % CLASSIC_FACTS_COPIES;
        const enum st st = read_copy(card, copy, ret_copies[copy]);
        if (st != ST_OK) {
            return st;
        }
        if (decode_copy(card, copy, ret_copies[copy], &card->newest, 1, ret) == ST_OK) {
            card->checkpoint.copy[copy] = ret->counter;
            return ST_OK;
        }
    }
    return ST_AGAIN;
}

/* The same, reading a copy again that is not whole; notes what the copy is worth. */
static enum st decode_with_care(struct classic_card *card, unsigned copy,
                                uint8_t bytes[CLASSIC_FACTS_BYTES], const struct snapshot *history,
                                size_t history_count, struct facts *ret)
{
    enum st st = decode_copy(card, copy, bytes, history, history_count, ret);

    if (st == ST_OK) {
        card->checkpoint.copy[copy] = ret->counter;
        return ST_OK;
    }
    if (classic_is_zero(bytes, CLASSIC_FACTS_BYTES)) {
        return ST_DENIED; /* never written, so never torn */
    }
    for (unsigned reading = 1; reading < READINGS && st == ST_DENIED; reading += 1) {
        st = read_copy(card, copy, bytes);
        if (st == ST_OK) {
            st = decode_copy(card, copy, bytes, history, history_count, ret);
        }
    }
    card->checkpoint.copy[copy] = st == ST_OK ? COPY_IS_WEAK : 0;
    return st;
}

/* No copy is of the newest snapshot: with as much of the ring as the nearer one needs. ST_AGAIN: it
 * is not whole, or there is none. */
static enum st catch_up_nearby(struct classic_card *card,
                               uint8_t copies[CLASSIC_FACTS_COPIES][CLASSIC_FACTS_BYTES],
                               const struct facts_rules *rules, struct facts *ret)
{
    struct snapshot history[CLASSIC_SLOTS];
    const uint32_t claims[] = {classic_facts_claim(copies[0]), classic_facts_claim(copies[1])};
    const unsigned nearer = claims[0] > claims[1] ? 0 : 1;
    const uint32_t behind = card->newest.counter - claims[nearer];
    size_t count = 0;

    if (claims[nearer] == 0 || claims[nearer] > card->newest.counter || behind >= CLASSIC_SLOTS) {
        return ST_AGAIN;
    }
    const enum st st = classic_history(card, history, behind + 1, &count);
    if (st != ST_OK) {
        return st;
    }
    if (decode_copy(card, nearer, copies[nearer], history, count, ret) != ST_OK) {
        return ST_AGAIN;
    }
    card->checkpoint.copy[nearer] = ret->counter;
    return facts_catch_up(rules, history, count, ret);
}

/* From the newest whole copy on, or from the first transaction. */
static enum st catch_up(struct classic_card *card,
                        uint8_t copies[CLASSIC_FACTS_COPIES][CLASSIC_FACTS_BYTES],
                        const struct facts_rules *rules, struct facts *ret)
{
    struct snapshot history[CLASSIC_SLOTS];
    struct facts best = {0};
    size_t count = 0;

    const enum st st = classic_history(card, history, CLASSIC_SLOTS, &count);
    if (st != ST_OK) {
        return st;
    }
    for (unsigned copy = 0; copy < CLASSIC_FACTS_COPIES; copy += 1) {
        struct facts facts;
        const enum st read = decode_with_care(card, copy, copies[copy], history, count, &facts);
        if (read == ST_GONE || read == ST_IO) {
            return read;
        }
        if (read == ST_OK && facts.counter > best.counter) {
            best = facts;
        }
    }
    if (best.counter == 0) {
        return facts_from_birth(rules, history, count, ret);
    }
    *ret = best;
    return facts_catch_up(rules, history, count, ret);
}

enum st classic_facts(struct classic_card *card, const struct facts_rules *rules, struct facts *ret)
{
    uint8_t copies[CLASSIC_FACTS_COPIES][CLASSIC_FACTS_BYTES];
    struct facts facts;

    if (card->condition != CARD_MEMBER) {
        return ST_GONE; /* a commit is in doubt: read the card again */
    }
    memset(&card->checkpoint, 0, sizeof card->checkpoint);
    enum st st = read_current(card, copies, &facts);
    if (st == ST_AGAIN) {
        st = catch_up_nearby(card, copies, rules, &facts);
    }
    if (st == ST_AGAIN) {
        st = catch_up(card, copies, rules, &facts);
    }
    card->checkpoint.is_read = st == ST_OK || st == ST_AGAIN;
    if (st == ST_OK) {
        classic_remember_facts(card, &facts);
        *ret = facts;
    }
    return st;
}

/* --- writing -------------------------------------------------------------------------------- */

void classic_remember_facts(struct classic_card *card, const struct facts *facts)
{
    card->checkpoint.told[facts->counter % 2] = *facts;
}

/* The facts of the newest snapshot; NULL: nobody told them. */
static const struct facts *told(const struct classic_card *card)
{
    const struct facts *facts = &card->checkpoint.told[card->newest.counter % 2];
    return facts->counter == card->newest.counter ? facts : NULL;
}

static uint32_t written(const struct classic_card *card)
{
    const uint32_t *copy = card->checkpoint.copy;
    return copy[0] > copy[1] ? copy[0] : copy[1];
}

bool classic_facts_lag(const struct classic_card *card)
{
    return card->checkpoint.is_read && told(card) != NULL &&
           card->newest.counter >= written(card) + FACTS_LAG_MAX;
}

enum st classic_write_facts(struct classic_card *card)
{
    const struct facts *facts = told(card);
    uint32_t *copy = card->checkpoint.copy;
    uint8_t bytes[CLASSIC_FACTS_BYTES];

    if (facts == NULL || written(card) == facts->counter) {
        return ST_OK;
    }
    /* The older one; when the copies were not read (the facts are known from elsewhere), the one
     * whose turn it is. */
    unsigned target = facts->counter % CLASSIC_FACTS_COPIES;
    if (copy[0] != copy[1]) {
        target = copy[0] < copy[1] ? 0 : 1;
    }
    classic_facts_encode(&card->owner, target, facts, &card->newest, bytes);
    enum st st = classic_open(card, role_of(target), KEY_A);
    for (unsigned n = 0; n < FACTS_BLOCKS && st == ST_OK; n += 1) {
        st = classic_io_write(&card->io, block_of(card, target, n), bytes + n * CLASSIC_BLOCK);
    }
    copy[target] = st == ST_OK ? facts->counter : 0;
    return st;
}

/* Facts that are lost begin anew with the transaction before the newest, as a plan would do it. */
void classic_keep_facts(struct classic_card *card, const struct facts_rules *rules)
{
    struct snapshot history[2];
    struct facts facts;
    size_t count = 0;

    if (card->condition != CARD_MEMBER || told(card) != NULL ||
        card->newest.counter % FACTS_KEEP_EVERY != 0) {
        return;
    }
    enum st st = classic_facts(card, rules, &facts);
    if (st == ST_AGAIN && classic_history(card, history, 2, &count) == ST_OK && count == 2) {
        facts_restart(rules, &history[1], &history[0], &facts);
        classic_remember_facts(card, &facts);
        st = ST_OK;
    }
    if (st == ST_OK) {
        st = classic_write_facts(card);
    }
    (void)st; /* the next one will do */
}
