#include "drivers/card/desfire_card.h"

#include <assert.h>
#include <string.h>

#include "drivers/card/desfire_priv.h"
#include "hal/base/bytes.h"

/* Commands; headers are in docs/card-layout.md, "DESFire". */
enum { READ_DATA = 0xBD, READ_RECORDS = 0xBB, GET_VALUE = 0x6C };

static const char *const say_foreign =
    "This card belongs to another application, or its keys are not ours. Ask for the member card.";
static const char *const say_tampered =
    "This card was changed by someone else's hand. Keep it and call the club; do not serve it.";

void desfire_conclude(struct desfire_card *card, enum card_condition condition, const char *say)
{
    card->condition = condition;
    fault_say(&card->why, "%s", say);
}

/* --- sessions ------------------------------------------------------------------------------- */

/* The version to try first: what is known of the card, else the one for new cards, or another that
 * this store has. ST_UNSUPPORTED: it has none. */
static enum st first_version(const struct desfire_card *card, enum key_role role, uint8_t *ret)
{
    const uint8_t current = keystore_version(card->io.keystore);
    const uint8_t known = card->version[role];

    if (known < KEYSTORE_VERSIONS && keystore_has_role(card->io.keystore, role, known)) {
        *ret = known;
        return ST_OK;
    }
    for (uint8_t i = 0; i < KEYSTORE_VERSIONS; i += 1) {
        const uint8_t version = (uint8_t)((current + i) % KEYSTORE_VERSIONS);
        if (keystore_has_role(card->io.keystore, role, version)) {
            *ret = version;
            return ST_OK;
        }
    }
    return ST_UNSUPPORTED;
}

enum st desfire_open(struct desfire_card *card, enum key_role role)
{
    struct desfire_io *io = &card->io;
    uint8_t version = 0, mark = 0;

    if (io->has_session && io->role == role) {
        return ST_OK;
    }
    enum st st = first_version(card, role, &version);
    if (st == ST_OK) {
        st = desfire_io_authenticate(io, desfire_aid, role, version);
    }
    if (st != ST_DENIED) {
        card->version[role] = version;
        return st;
    }
    /* Not that one. The card tells which it is; almost all cards never get here. */
    card->version[role] = KEYSTORE_VERSIONS;
    st = desfire_io_key_version(io, role, &mark);
    if (st != ST_OK) {
        return st == ST_REFUSED ? ST_DENIED : st;
    }
    if (mark == 0) {
        card->version[role] = KEYSTORE_FACTORY;
        return ST_DENIED;
    }
    const uint8_t other = mark % KEYSTORE_VERSIONS;
    if (mark / KEYSTORE_VERSIONS != KEYSTORE_DESFIRE_MARK / KEYSTORE_VERSIONS || other == version ||
        !keystore_has_role(io->keystore, role, other)) {
        return ST_DENIED;
    }
    st = desfire_io_authenticate(io, desfire_aid, role, other);
    card->version[role] = other;
    return st;
}

enum st desfire_return(struct desfire_card *card)
{
    struct desfire_io *io = &card->io;

    if (io->is_selected) {
        return ST_OK;
    }
    const enum st st = desfire_io_select(io, io->target.uid, io->target.uid_bytes);
    if (st != ST_OK) {
        return st == ST_AGAIN ? ST_GONE : st;
    }
    return desfire_io_application(io, desfire_aid);
}

/* --- files ---------------------------------------------------------------------------------- */

static enum st ask(struct desfire_card *card, uint8_t command, enum desfire_layout_file file,
                   uint32_t from, uint32_t count)
{
    uint8_t message[EV1_MESSAGE_MAX] = {command, (uint8_t)file};

    message[2] = (uint8_t)from;
    message[5] = (uint8_t)count;
    assert(from < 256 && count < 256);
    return desfire_io_ask(&card->io, EV1_PLAIN, message, 8, 0);
}

struct desfire_owner desfire_owner_of(const struct desfire_card *card)
{
    const struct reader_target *target = &card->io.target;
    struct desfire_owner owner = {.uid_bytes = target->uid_bytes, .number = card->number};

    memcpy(owner.uid, target->uid, target->uid_bytes);
    return owner;
}

enum st desfire_read_newest(struct desfire_card *card, struct snapshot *ret)
{
    const enum st st = ask(card, READ_RECORDS, DESFIRE_HISTORY, 0, 1);
    if (st != ST_OK) {
        return st;
    }
    if (card->io.answer_bytes != DESFIRE_RECORD_BYTES) {
        return ST_FOREIGN;
    }
    const struct desfire_owner owner = desfire_owner_of(card);
    return desfire_record_decode(&owner, card->io.answer, ret);
}

enum st desfire_read_credit(struct desfire_card *card, int64_t *ret_rials)
{
    uint8_t message[EV1_MESSAGE_MAX] = {GET_VALUE, DESFIRE_CREDIT};

    const enum st st = desfire_io_ask_secret(&card->io, message, 2, 4);
    if (st == ST_OK) {
        *ret_rials = (int32_t)get_le32(card->io.answer);
    }
    return st;
}

/* --- reading -------------------------------------------------------------------------------- */

/* Our application is there, but its spend key is not ours, or only as yet. */
static enum st find_without_key(struct desfire_card *card)
{
    enum st st = ST_DENIED;

    if (card->version[ROLE_SPEND] == KEYSTORE_FACTORY) {
        st = desfire_io_authenticate(&card->io, desfire_aid, ROLE_SPEND, KEYSTORE_FACTORY);
    }
    if (st == ST_OK) {
        desfire_conclude(card, CARD_HALF_ISSUED,
                         "The issue of this card was not finished. Issue it again.");
    } else if (st == ST_DENIED) {
        desfire_conclude(card, CARD_FOREIGN, say_foreign);
        st = ST_OK;
    }
    return st;
}

/* The card takes our key. What is not there was not made yet: only the issue key makes files. */
static enum st find_newest(struct desfire_card *card)
{
    struct desfire_io *io = &card->io;
    const char *const say_half = "The issue of this card was not finished. Issue it again.";
    const char *const say_damaged = "This member card is damaged: replace it.";

    enum st st = ask(card, READ_DATA, DESFIRE_IDENTITY, 0, DESFIRE_NUMBER_BYTES);
    if (st == ST_REFUSED && io->status == DESFIRE_IO_NO_FILE) {
        desfire_conclude(card, CARD_HALF_ISSUED, say_half);
        return ST_OK;
    }
    if (st == ST_REFUSED) {
        desfire_conclude(card, CARD_DAMAGED, say_damaged);
        return ST_OK;
    }
    if (st != ST_OK) {
        return st;
    }
    const enum st numbered = io->answer_bytes == DESFIRE_NUMBER_BYTES
                                 ? desfire_number_decode(io->answer, &card->number)
                                 : ST_FOREIGN;
    st = desfire_read_newest(card, &card->newest);
    if (st == ST_REFUSED &&
        (io->status == DESFIRE_IO_BOUNDARY || io->status == DESFIRE_IO_NO_FILE)) {
        desfire_conclude(card, CARD_HALF_ISSUED, say_half);
        return ST_OK;
    }
    if (st == ST_GONE || st == ST_IO) {
        return st;
    }
    if (st == ST_UNSUPPORTED || numbered == ST_UNSUPPORTED) {
        desfire_conclude(card, CARD_UNKNOWN_CHIP,
                         "This card was written by a newer firmware: update this terminal.");
    } else if (st == ST_REFUSED || st == ST_DENIED) {
        desfire_conclude(card, CARD_DAMAGED, say_damaged);
    } else if (st != ST_OK || numbered != ST_OK) {
        desfire_conclude(card, CARD_TAMPERED, say_tampered);
    } else {
        desfire_conclude(card, CARD_MEMBER, "A member card.");
    }
    return ST_OK;
}

/* Once the chip has refused what a record promised, record and purse must agree. */
static enum st compare_purse(struct desfire_card *card)
{
    const struct reader_target *target = &card->io.target;
    int64_t rials = 0;

    if (card->suspect_bytes != target->uid_bytes ||
        memcmp(card->suspect, target->uid, target->uid_bytes) != 0) {
        return ST_OK;
    }
    enum st st = desfire_read_credit(card, &rials);
    if (st == ST_REFUSED || (st == ST_OK && rials != card->newest.purse[PURSE_CREDIT].rials)) {
        desfire_conclude(card, CARD_TAMPERED, say_tampered);
        return ST_OK;
    }
    if (st == ST_OK) {
        card->suspect_bytes = 0;
    }
    return st;
}

static enum st find(struct desfire_card *card)
{
    card->has_application = false;
    enum st st = desfire_io_application(&card->io, desfire_aid);
    if (st == ST_REFUSED) {
        if (card->io.status == DESFIRE_IO_NO_APPLICATION) {
            return desfire_look_at_blank(card);
        }
        desfire_conclude(card, CARD_FOREIGN, say_foreign);
        return ST_OK;
    }
    if (st != ST_OK) {
        return st;
    }
    card->has_application = true;
    st = desfire_open(card, ROLE_SPEND);
    if (st == ST_DENIED || st == ST_REFUSED) {
        return find_without_key(card);
    }
    if (st == ST_UNSUPPORTED) {
        desfire_conclude(card, CARD_UNKNOWN_CHIP,
                         "This terminal has no keys for this kind of card: ask for some.");
        return ST_OK;
    }
    if (st == ST_OK) {
        st = find_newest(card);
    }
    if (st == ST_OK && card->condition == CARD_MEMBER) {
        st = compare_purse(card);
    }
    return st;
}

bool desfire_card_is_for(const struct reader_target *target)
{
    return target->sak == 0x20;
}

enum st desfire_card_take(struct desfire_card *card, const struct reader_target *target,
                          struct card_view *ret)
{
    struct card_view view;
    struct desfire_io *io = &card->io;
    enum st st = ST_OK;

    desfire_io_take(io, target);
    card->is_staged = card->is_amended = false;
    card->number = 0;
    memset(&card->checkpoint, 0, sizeof card->checkpoint);
    memset(card->version, KEYSTORE_VERSIONS, sizeof card->version);
    desfire_conclude(card, CARD_UNKNOWN_CHIP, "This kind of card is not served here.");
    /* A UID of 4 bytes is one that the card makes up anew each time: keys cannot be found by it. */
    if (desfire_card_is_for(target) && target->uid_bytes == 7) {
        st = find(card);
        /* The second round is for noise, in which an error status, that nothing proves, may have
         * been read. A card that is really away fails its select. */
        if (st == ST_GONE ||
            (st == ST_OK && card->condition != CARD_MEMBER && card->condition != CARD_BLANK)) {
            st = desfire_io_select(io, io->target.uid, io->target.uid_bytes);
            st = st == ST_OK ? find(card) : st == ST_AGAIN ? ST_GONE : st;
        }
        if (st != ST_OK) {
            card->condition = CARD_UNKNOWN_CHIP; /* nothing may be written */
            return st == ST_IO ? ST_IO : ST_GONE;
        }
    }
    memset(&view, 0, sizeof view);
    view.family = CARD_DESFIRE;
    view.condition = card->condition;
    view.uid_bytes = io->target.uid_bytes;
    memcpy(view.uid, io->target.uid, io->target.uid_bytes);
    view.why = card->why;
    if (card->condition == CARD_MEMBER) {
        uint8_t version = 0;
        card->session = io->selects;
        view.number = card->number;
        view.snapshot = card->newest;
        view.may_load = first_version(card, ROLE_LOAD, &version) == ST_OK;
    }
    view.may_issue = (card->condition == CARD_BLANK || card->condition == CARD_HALF_ISSUED) &&
                     desfire_may_issue(io->keystore);
    *ret = view;
    return ST_OK;
}

/* --- the port ------------------------------------------------------------------------------- */

static enum st card_read(void *ctx, const uint8_t *uid, size_t uid_bytes, struct card_view *ret)
{
    struct desfire_card *card = ctx;

    const enum st st = desfire_io_select(&card->io, uid, uid_bytes);
    if (st != ST_OK) {
        return st;
    }
    const struct reader_target target = card->io.target;
    return desfire_card_take(card, &target, ret);
}

enum st desfire_open_to_read(struct desfire_card *card)
{
    if (card->condition != CARD_MEMBER) {
        return ST_GONE; /* a commit is in doubt: read the card again */
    }
    if (card->is_staged) {
        desfire_unstage(card);
    }
    enum st st = desfire_return(card);
    if (st == ST_OK) {
        st = desfire_open(card, ROLE_SPEND);
    }
    return st == ST_OK || st == ST_IO ? st : ST_GONE;
}

enum st desfire_history(struct desfire_card *card, struct snapshot *ret, size_t max,
                        size_t *ret_count)
{
    size_t records =
        card->newest.counter < DESFIRE_RECORDS ? card->newest.counter : DESFIRE_RECORDS;

    *ret_count = 0;
    enum st st = desfire_open_to_read(card);
    if (st != ST_OK) {
        return st;
    }
    records = max < records ? max : records;
    if (records == 0) {
        *ret_count = 0;
        return ST_OK;
    }
    st = ask(card, READ_RECORDS, DESFIRE_HISTORY, 0, (uint32_t)records);
    if (st == ST_GONE || st == ST_IO) {
        return st;
    }
    size_t count = 0;
    if (st != ST_OK || card->io.answer_bytes != records * DESFIRE_RECORD_BYTES) {
        records = 0; /* fewer than its counter promises: the newest is what there is */
    }
    const struct desfire_owner owner = desfire_owner_of(card);
    /* Several come oldest first. The list ends where the ring does not go on as it should. */
    for (; count < records; count += 1) {
        struct snapshot older;
        const uint8_t *record = card->io.answer + (records - 1 - count) * DESFIRE_RECORD_BYTES;
        if (desfire_record_decode(&owner, record, &older) != ST_OK ||
            older.counter + count != card->newest.counter) {
            break;
        }
        ret[count] = older;
    }
    if (count == 0) {
        ret[count++] = card->newest;
    }
    *ret_count = count;
    return ST_OK;
}

static enum st card_history(void *ctx, struct snapshot *ret, size_t max, size_t *ret_count)
{
    return desfire_history(ctx, ret, max, ret_count);
}

static enum st card_identity(void *ctx, struct card_identity *ret)
{
    struct desfire_card *card = ctx;

    enum st st = desfire_open_to_read(card);
    if (st == ST_OK) {
        st = ask(card, READ_DATA, DESFIRE_IDENTITY, 0, 2 * DESFIRE_IDENTITY_PART);
    }
    if (st != ST_OK) {
        return st;
    }
    const struct desfire_owner owner = desfire_owner_of(card);
    if (card->io.answer_bytes != 2 * DESFIRE_IDENTITY_PART ||
        desfire_identity_decode(&owner, card->io.answer, ret) != ST_OK) {
        return ST_DENIED;
    }
    return ST_OK;
}

static void card_prepare(void *ctx, const struct snapshot *next)
{
    desfire_prepare(ctx, next);
}

static enum st card_commit(void *ctx, const struct snapshot *next)
{
    struct desfire_card *card = ctx;

    const enum st st = desfire_commit(card, next);
    card->is_amended = false;
    return st;
}

static void card_amend(void *ctx, const struct action_particulars *particulars)
{
    desfire_remember_particulars(ctx, particulars);
}

/* Sets our key of a role to the store's current version, if it has another; the session is over
 * then. */
static enum st renew_key(struct desfire_card *card, enum key_role role)
{
    const uint8_t current = keystore_version(card->io.keystore);

    enum st st = desfire_open(card, role);
    if (st == ST_OK && card->version[role] != current) {
        st = desfire_io_change_own_key(&card->io, card->version[role], current);
        card->version[role] = st == ST_OK ? current : KEYSTORE_VERSIONS;
    }
    return st;
}

/* Moves old keys on to the version for new cards, each by itself: that takes only the masters of
 * its own role, so a terminal renews what it knows. Terminals that only sell leave it to those that
 * load: so cards move on when all that sell have the new masters (docs/card-layout.md, "Key roll").
 * Never backwards, or two terminals of which one was not updated yet would do it in turns. */
static void card_refresh(void *ctx)
{
    static const enum key_role roles[] = {ROLE_LOAD, ROLE_ISSUE, ROLE_SPEND};
    struct desfire_card *card = ctx;
    const uint8_t current = keystore_version(card->io.keystore);

    if (card->condition != CARD_MEMBER || !card->io.is_selected ||
        desfire_write_facts(card) != ST_OK || current == 0 ||
        !keystore_has_role(card->io.keystore, ROLE_LOAD, current)) {
        return;
    }
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i += 1) {
        const enum key_role role = roles[i];
        enum st st = ST_OK;
        if (!keystore_has_role(card->io.keystore, role, current)) {
            continue;
        }
        if (card->version[role] >= KEYSTORE_VERSIONS) {
            uint8_t mark = 0;
            st = desfire_io_key_version(&card->io, role, &mark);
            if (st == ST_OK &&
                mark / KEYSTORE_VERSIONS == KEYSTORE_DESFIRE_MARK / KEYSTORE_VERSIONS) {
                card->version[role] = mark % KEYSTORE_VERSIONS;
            }
        }
        if (st == ST_OK && card->version[role] < current) {
            st = renew_key(card, role);
        }
        if (st != ST_OK && st != ST_DENIED && st != ST_UNSUPPORTED) {
            return;
        }
    }
}

static enum st card_facts(void *ctx, const struct facts_rules *rules, struct facts *ret)
{
    return desfire_facts(ctx, rules, ret);
}

static void card_keep_facts(void *ctx, const struct facts_rules *rules)
{
    desfire_keep_facts(ctx, rules);
}

static void card_remember(void *ctx, const struct facts *facts)
{
    desfire_remember_facts(ctx, facts);
}

static enum st card_issue(void *ctx, const struct card_identity *identity,
                          const struct snapshot *first)
{
    return desfire_issue(ctx, identity, first);
}

static void card_release(void *ctx)
{
    struct desfire_card *card = ctx;
    desfire_io_halt(&card->io);
    card->condition = CARD_UNKNOWN_CHIP;
}

struct card_port desfire_card_open(struct desfire_card *ret, struct reader reader,
                                   struct keystore *keystore)
{
    static const struct card_ops ops = {
        .read = card_read,
        .history = card_history,
        .identity = card_identity,
        .facts = card_facts,
        .remember = card_remember,
        .prepare = card_prepare,
        .commit = card_commit,
        .amend = card_amend,
        .refresh = card_refresh,
        .keep_facts = card_keep_facts,
        .issue = card_issue,
        .release = card_release,
    };
    memset(ret, 0, sizeof *ret);
    ret->io.reader = reader;
    ret->io.keystore = keystore;
    ret->condition = CARD_UNKNOWN_CHIP;
    return (struct card_port){.ops = &ops, .ctx = ret};
}
