/* Writing a transaction: debit or credit, record, CommitTransaction. Only the last of them counts,
 * and until it is sent the chip drops the others at the next select. */
#include <assert.h>
#include <string.h>

#include "drivers/card/desfire_priv.h"
#include "hal/base/bytes.h"

enum { DEBIT = 0xDC, CREDIT = 0x0C, WRITE_RECORD = 0x3B, COMMIT = 0xC7 };

/* Everything of the one transaction but its commit. */
static enum st stage(struct desfire_card *card, int64_t change_rials, const struct snapshot *next)
{
    uint8_t purse[EV1_MESSAGE_MAX] = {change_rials < 0 ? DEBIT : CREDIT, DESFIRE_CREDIT};
    uint8_t record[EV1_MESSAGE_MAX] = {WRITE_RECORD,        DESFIRE_HISTORY, 0, 0, 0,
                                       DESFIRE_RECORD_BYTES};
    const struct desfire_owner owner = desfire_owner_of(card);
    enum st st = ST_OK;

    if (change_rials != 0) {
        const int64_t rials = change_rials < 0 ? -change_rials : change_rials;
        assert(rials <= DESFIRE_CREDIT_MAX);
        put_le32(purse + 2, (uint32_t)rials);
        st = desfire_io_ask(&card->io, EV1_ENCIPHERED, purse, 2, 4);
    }
    if (st == ST_OK) {
        desfire_record_encode(&owner, next, record + 8);
        st = desfire_io_ask(&card->io, EV1_MACED, record, 8, DESFIRE_RECORD_BYTES);
    }
    return st;
}

static enum st send_commit(struct desfire_card *card, bool *ret_is_sent)
{
    uint8_t message[EV1_MESSAGE_MAX] = {COMMIT};

    *ret_is_sent = true;
    return desfire_io_ask(&card->io, EV1_PLAIN, message, 1, 0);
}

enum st desfire_transact(struct desfire_card *card, int64_t change_rials,
                         const struct snapshot *next, bool *ret_is_sent)
{
    const enum st st = stage(card, change_rials, next);
    return st == ST_OK ? send_commit(card, ret_is_sent) : st;
}

static bool is_same(const struct snapshot *a, const struct snapshot *b)
{
    uint8_t image_a[SNAPSHOT_IMAGE_BYTES], image_b[SNAPSHOT_IMAGE_BYTES];
    snapshot_encode(a, image_a);
    snapshot_encode(b, image_b);
    return memcmp(image_a, image_b, sizeof image_a) == 0;
}

/* The card was away since it was read: it may have moved on, or our commit may be done already.
 * ST_OK  it carries `next`. ST_AGAIN  it carries what was read: write. ST_REFUSED  another. */
static enum st look_before_writing(struct desfire_card *card, const struct snapshot *next)
{
    struct snapshot there;

    enum st st = desfire_read_newest(card, &there);
    if (st != ST_OK) {
        return st == ST_GONE || st == ST_IO ? st : ST_REFUSED;
    }
    if (is_same(&there, next)) {
        return ST_OK;
    }
    return is_same(&there, &card->newest) ? ST_AGAIN : ST_REFUSED;
}

/* Before money is put on, record and purse must agree, so that no lie is carried on. */
static enum st check_purse(struct desfire_card *card)
{
    int64_t rials = 0;

    const enum st st = desfire_read_credit(card, &rials);
    if (st != ST_OK) {
        return st;
    }
    return rials == card->newest.purse[PURSE_CREDIT].rials ? ST_OK : ST_REFUSED;
}

static int64_t change_of(const struct desfire_card *card, const struct snapshot *next)
{
    return next->purse[PURSE_CREDIT].rials - card->newest.purse[PURSE_CREDIT].rials;
}

/* What is pending must not meet a second attempt: a new select surely drops it. */
void desfire_unstage(struct desfire_card *card)
{
    card->is_staged = false;
    desfire_io_drop(&card->io);
}

void desfire_prepare(struct desfire_card *card, const struct snapshot *next)
{
    const int64_t change_rials = change_of(card, next);

    /* Any doubt is left to commit, with all its care: also whether the card was away. */
    if (card->condition != CARD_MEMBER || next->counter != card->newest.counter + 1 ||
        desfire_facts_lag(card) || next->purse[PURSE_CREDIT].rials > DESFIRE_CREDIT_MAX ||
        !card->io.is_selected || card->io.selects != card->session) {
        return;
    }
    enum st st = desfire_open(card, change_rials > 0 ? ROLE_LOAD : ROLE_SPEND);
    if (st == ST_OK && change_rials > 0) {
        st = check_purse(card);
    }
    if (st == ST_OK) {
        st = stage(card, change_rials, next);
    }
    if (st != ST_OK) {
        desfire_unstage(card);
        return;
    }
    card->is_staged = true;
    card->staged = *next;
}

/* True when the chip waits for the commit of just this, in the session that staged it. */
static bool is_staged(const struct desfire_card *card, const struct snapshot *next)
{
    return card->is_staged && card->io.has_session && card->io.selects == card->session &&
           is_same(&card->staged, next);
}

static enum st commit_once(struct desfire_card *card, const struct snapshot *next,
                           bool *ret_is_sent)
{
    const int64_t change_rials = change_of(card, next);
    enum st st = ST_OK;

    if (!card->is_amended && is_staged(card, next)) {
        st = send_commit(card, ret_is_sent);
        card->is_staged = false;
        if (st != ST_OK) {
            desfire_unstage(card);
        }
        return st == ST_REFUSED ? ST_GONE : st; /* proves nothing: look at the card */
    }
    if (card->is_staged) {
        desfire_unstage(card);
    }
    st = desfire_return(card);
    if (st == ST_OK) {
        st = desfire_open(card, change_rials > 0 || card->is_amended ? ROLE_LOAD : ROLE_SPEND);
    }
    if (st == ST_OK && card->io.selects != card->session) {
        st = look_before_writing(card, next);
        if (st == ST_OK || st == ST_AGAIN) {
            *ret_is_sent = false; /* the card itself says what became of it */
        }
        if (st != ST_AGAIN) {
            return st;
        }
        card->session = card->io.selects;
        st = ST_OK;
    }
    if (st == ST_OK && change_rials > 0) {
        st = check_purse(card);
    }
    if (st != ST_OK) {
        return st;
    }
    if (card->is_amended) {
        st = desfire_amend(card);
    }
    if (st == ST_OK) {
        st = desfire_transact(card, change_rials, next, ret_is_sent);
    }
    if (st != ST_OK) {
        /* The card is looked at first then. An error in place of the commit's answer proves
         * nothing. */
        desfire_unstage(card);
        return st == ST_REFUSED && *ret_is_sent ? ST_GONE : st;
    }
    return ST_OK;
}

enum st desfire_commit(struct desfire_card *card, const struct snapshot *next)
{
    bool is_sent = false;
    enum st st = ST_GONE;

    if (card->condition != CARD_MEMBER) {
        return ST_GONE;
    }
    if (next->counter == card->newest.counter) {
        return is_same(next, &card->newest) ? ST_OK : ST_AGAIN;
    }
    if (next->counter != card->newest.counter + 1 ||
        next->purse[PURSE_CREDIT].rials > DESFIRE_CREDIT_MAX) {
        return ST_AGAIN;
    }
    /* A failure here is met again, and told, by what follows. */
    if (desfire_facts_lag(card) && desfire_write_facts(card) != ST_OK) {
        desfire_io_drop(&card->io);
    }
    /* The second round is for noise while the card lies still; a card that left fails its select.
     * When the commit's answer was lost it finds out whether it was done. */
    for (unsigned round = 0; round < 2 && st == ST_GONE; round += 1) {
        st = commit_once(card, next, &is_sent);
    }
    if (st == ST_OK) {
        card->newest = *next;
        return ST_OK;
    }
    if (st == ST_REFUSED && !is_sent) {
        /* Not enough in the purse for what the record says, or the two differ. */
        card->suspect_bytes = card->io.target.uid_bytes;
        memcpy(card->suspect, card->io.target.uid, card->suspect_bytes);
    }
    if (!is_sent) {
        return ST_AGAIN; /* and if it is tried again, the card is looked at first */
    }
    card->condition = CARD_UNKNOWN_CHIP; /* read it again before anything else */
    return st == ST_IO ? ST_IO : ST_GONE;
}
