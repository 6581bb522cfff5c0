#include "drivers/card/classic_card.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "drivers/card/classic_priv.h"
#include "hal/base/bytes.h"

/* A torn block may read new, then old (Teuwen, Herrmann: "EEPROM: It Will All End in Tears"):
 * three readings see both. */
enum { READINGS = 3 };

/* The pointer may lag this far behind the newest snapshot; commit sees to it, reading counts on it
 * (docs/card-layout.md, "Pointer"). */
enum { POINTER_LAG_MAX = 2 };

bool classic_is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i += 1) {
        any |= bytes[i];
    }
    return any == 0;
}

void classic_conclude(struct classic_card *card, enum card_condition condition, const char *say)
{
    card->condition = condition;
    fault_say(&card->why, "%s", say);
}

uint8_t classic_block(const struct classic_card *card, unsigned role, unsigned n)
{
    assert(role < CLASSIC_ROLES && n < 4);
    return (uint8_t)(card->map.sector[role] * 4U + n);
}

enum st classic_auth_ours(struct classic_card *card, uint8_t sector, enum key_letter letter)
{
    uint8_t key[6];
    const struct classic_owner *owner = &card->owner;

    enum st st = keystore_sector_key(owner->keystore, owner->version, owner->uid, owner->uid_bytes,
                                     sector, letter, key);
    assert(st == ST_OK); /* the owner's version is in the store */
    st = classic_io_auth(&card->io, sector, letter, key);
    bytes_wipe(key, sizeof key);
    return st;
}

enum st classic_open(struct classic_card *card, unsigned role, enum key_letter letter)
{
    assert(role < CLASSIC_ROLES);
    const enum st st = classic_auth_ours(card, card->map.sector[role], letter);
    return st == ST_DENIED ? classic_auth_ours(card, card->map.sector[role], letter) : st;
}

/* Reads a block of a sector that our key opened. That it refuses cannot be (our access bits allow
 * it), so it is noise: the card has to be held again. */
static enum st read_ours(struct classic_card *card, unsigned role, unsigned n,
                         uint8_t ret_data[CLASSIC_BLOCK])
{
    const enum st st = classic_io_read(&card->io, classic_block(card, role, n), ret_data);
    return st == ST_FOREIGN ? ST_GONE : st;
}

enum st classic_read_sector(struct classic_card *card, unsigned role,
                            uint8_t ret_bytes[CLASSIC_SECTOR])
{
    enum st st = classic_open(card, role, KEY_A);
    for (unsigned n = 0; n < 3 && st == ST_OK; n += 1) {
        st = read_ours(card, role, n, ret_bytes + n * CLASSIC_BLOCK);
    }
    return st;
}

enum st classic_read_slot(struct classic_card *card, unsigned slot, struct snapshot *ret)
{
    uint8_t bytes[CLASSIC_SECTOR];
    const unsigned role = CLASSIC_RING + slot;

    enum st st = classic_read_sector(card, role, bytes);
    if (st != ST_OK) {
        return st;
    }
    st = classic_slot_decode(&card->owner, slot, bytes, ret);
    if (classic_is_zero(bytes, sizeof bytes)) {
        return st; /* never written, so never torn */
    }
    for (unsigned reading = 1; reading < READINGS && st == ST_DENIED; reading += 1) {
        /* Only the block with the seal: the others were acknowledged before it was sent. */
        st = read_ours(card, role, 2, bytes + 2 * CLASSIC_BLOCK);
        if (st == ST_OK) {
            st = classic_slot_decode(&card->owner, slot, bytes, ret);
        }
    }
    return st;
}

/* Writes what comes before the seal: after it the slot is unfinished, and nothing has happened. */
static enum st write_beginning(struct classic_card *card, unsigned slot,
                               const uint8_t bytes[CLASSIC_SECTOR])
{
    const unsigned role = CLASSIC_RING + slot;

    enum st st = classic_open(card, role, KEY_A);
    for (unsigned n = 0; n < 2 && st == ST_OK; n += 1) {
        st = classic_io_write(&card->io, classic_block(card, role, n), bytes + n * CLASSIC_BLOCK);
    }
    return st;
}

/* Writes the block with the seal, and reads it back. The slot's sector is open. */
static enum st write_seal(struct classic_card *card, unsigned slot,
                          const uint8_t bytes[CLASSIC_SECTOR], bool *ret_is_sent)
{
    const unsigned role = CLASSIC_RING + slot;
    uint8_t seen[CLASSIC_BLOCK];

    *ret_is_sent = true;
    enum st st =
        classic_io_write(&card->io, classic_block(card, role, 2), bytes + 2 * CLASSIC_BLOCK);
    /* The card answers a write when the cells are programmed (MF1S503x, 10.3), and each of the
     * first two is proven by the card's being alive for the next. This read proves the last. */
    if (st == ST_OK) {
        st = read_ours(card, role, 2, seen);
    }
    if (st == ST_OK && memcmp(seen, bytes + 2 * CLASSIC_BLOCK, sizeof seen) != 0) {
        st = ST_GONE;
    }
    return st;
}

enum st classic_write_slot(struct classic_card *card, unsigned slot,
                           const uint8_t bytes[CLASSIC_SECTOR], bool *ret_is_sent)
{
    const enum st st = write_beginning(card, slot, bytes);
    return st == ST_OK ? write_seal(card, slot, bytes, ret_is_sent) : st;
}

/* --- the cards we know ---------------------------------------------------------------------- */

static void forget(struct classic_card *card)
{
    if (card->owner.uid_bytes > 0) {
        classic_known_forget(&card->known, card->owner.uid, card->owner.uid_bytes);
    }
}

void classic_remember(struct classic_card *card)
{
    if (card->condition != CARD_MEMBER) {
        forget(card);
        return;
    }
    struct classic_known_card kept = {.uid_bytes = (uint8_t)card->owner.uid_bytes,
                                      .version = card->owner.version,
                                      .has_pointer = card->has_pointer,
                                      .mask = card->map.mask,
                                      .pointer = card->has_pointer ? card->pointer.counter : 0,
                                      .number = card->number,
                                      .newest = card->newest};
    memcpy(kept.uid, card->owner.uid, card->owner.uid_bytes);
    classic_known_keep(&card->known, &kept);
}

/* --- the port ------------------------------------------------------------------------------- */

enum st classic_card_take(struct classic_card *card, const struct reader_target *selected,
                          struct card_view *ret)
{
    const struct reader_target *target = &card->io.target;
    struct card_view view;
    enum st st = ST_OK;

    classic_io_take(&card->io, selected);
    card->has_pointer = card->is_committed = card->is_mad_shared = card->is_amended = false;
    card->staged_slot = CLASSIC_SLOTS;
    memset(&card->checkpoint, 0, sizeof card->checkpoint);
    card->number = 0;
    classic_conclude(card, CARD_UNKNOWN_CHIP, "This kind of card is not served here.");
    /* AN10833, table 5: SAK 08 is a Classic 1K, 18 a 4K. Their UIDs have 4 or 7 bytes. */
    if ((target->sak == 0x08 || target->sak == 0x18) &&
        (target->uid_bytes == 4 || target->uid_bytes == 7)) {
        card->owner = (struct classic_owner){.keystore = card->keystore,
                                             .version = keystore_version(card->keystore),
                                             .uid_bytes = target->uid_bytes};
        memcpy(card->owner.uid, target->uid, target->uid_bytes);
        st = classic_find(card);
        if (st != ST_OK) {
            card->condition = CARD_UNKNOWN_CHIP; /* nothing may be written */
            return st;
        }
    }
    memset(&view, 0, sizeof view);
    view.family = CARD_CLASSIC;
    view.condition = card->condition;
    view.uid_bytes = target->uid_bytes;
    memcpy(view.uid, target->uid, target->uid_bytes);
    view.why = card->why;
    if (card->condition == CARD_MEMBER) {
        card->session = card->io.selects;
        view.number = card->number;
        view.snapshot = card->newest;
    }
    /* Whoever can read a Classic card can do all else: its chip keeps no roles apart. */
    view.may_load = card->condition == CARD_MEMBER;
    view.may_issue = card->condition == CARD_BLANK || card->condition == CARD_HALF_ISSUED;
    *ret = view;
    return ST_OK;
}

static enum st card_read(void *ctx, const uint8_t *uid, size_t uid_bytes, struct card_view *ret)
{
    struct classic_card *card = ctx;

    const enum st st = classic_io_select(&card->io, uid, uid_bytes);
    if (st != ST_OK) {
        return st;
    }
    const struct reader_target target = card->io.target;
    return classic_card_take(card, &target, ret);
}

enum st classic_history(struct classic_card *card, struct snapshot *ret, size_t max,
                        size_t *ret_count)
{
    size_t count = 0;

    *ret_count = 0;
    if (card->condition != CARD_MEMBER) {
        return ST_GONE; /* a commit is in doubt: read the card again */
    }
    if (max > 0) {
        ret[count++] = card->newest;
    }
    for (uint32_t counter = card->newest.counter - 1;
         count < max && counter >= 1 && count < CLASSIC_SLOTS; counter -= 1) {
        struct snapshot older;
        const enum st st = classic_read_slot(card, classic_slot_of(counter), &older);
        if (st == ST_GONE || st == ST_IO) {
            *ret_count = count;
            return st;
        }
        if (st != ST_OK || older.counter != counter) {
            break;
        }
        ret[count++] = older;
    }
    *ret_count = count;
    return ST_OK;
}

static enum st card_history(void *ctx, struct snapshot *ret, size_t max, size_t *ret_count)
{
    return classic_history(ctx, ret, max, ret_count);
}

static enum st card_identity(void *ctx, struct card_identity *ret)
{
    struct classic_card *card = ctx;
    struct classic_said said;
    uint8_t bytes[CLASSIC_SECTOR];

    if (card->condition != CARD_MEMBER) {
        return ST_GONE;
    }
    enum st st = classic_read_identity(card, &card->newest, &said);
    if (st == ST_OK) {
        st = classic_read_sector(card, CLASSIC_NAME, bytes);
    }
    if (st == ST_OK) {
        st = classic_name_decode(&card->owner, bytes, &said.identity);
    }
    if (st == ST_OK && said.identity.number != card->number) {
        st = ST_DENIED;
    }
    if (st == ST_OK) {
        *ret = said.identity;
    }
    return st;
}

/* Reads the pointer of a card that was found without it. It bears witness to what other terminals
 * did. ST_DENIED: it proves a counter beyond what was found, so the card was set back. */
static enum st read_pointer(struct classic_card *card)
{
    struct classic_pointer pointer;
    uint8_t block[CLASSIC_BLOCK];

    const enum st st = read_ours(card, CLASSIC_HEAD, 0, block);
    if (st != ST_OK) {
        return st;
    }
    card->is_pointer_read = true;
    card->has_pointer = classic_pointer_decode(&card->owner, &card->map, block, &pointer) == ST_OK;
    if (card->has_pointer) {
        card->pointer = pointer;
    }
    return card->has_pointer && pointer.counter > card->found ? ST_DENIED : ST_OK;
}

/* A pointer never goes back: one that is ahead already is left as it is. */
static enum st write_pointer(struct classic_card *card, uint32_t counter)
{
    const struct classic_pointer pointer = {.number = card->number, .counter = counter};
    uint8_t block[CLASSIC_BLOCK];

    enum st st = classic_open(card, CLASSIC_HEAD, KEY_A);
    if (st == ST_OK && !card->is_pointer_read) {
        st = read_pointer(card);
    }
    if (st == ST_OK && card->has_pointer && card->pointer.counter > counter) {
        return ST_OK;
    }
    if (st == ST_OK) {
        classic_pointer_encode(&card->owner, &card->map, &pointer, block);
        st = classic_io_write(&card->io, classic_block(card, CLASSIC_HEAD, 0), block);
    }
    if (st == ST_OK) {
        card->pointer = pointer;
        card->has_pointer = true;
    }
    return st;
}

/* Looks whether the slot already carries `bytes`, and whether it may be written at all. The card
 * may have been away since it was read, and another terminal may have served it meanwhile.
 * ST_OK  it carries them. ST_AGAIN  not yet: write. ST_REFUSED  it has moved on: read it again. */
static enum st look_before_writing(struct classic_card *card, unsigned slot,
                                   const struct snapshot *next, const uint8_t bytes[CLASSIC_SECTOR])
{
    struct snapshot there;
    uint8_t there_bytes[CLASSIC_SECTOR];

    const enum st st = classic_read_slot(card, slot, &there);
    if (st == ST_DENIED || (st == ST_OK && there.counter < next->counter)) {
        return ST_AGAIN;
    }
    if (st != ST_OK) {
        return st == ST_UNSUPPORTED ? ST_REFUSED : st;
    }
    classic_slot_encode(&card->owner, &there, there_bytes);
    return memcmp(there_bytes, bytes, sizeof there_bytes) == 0 ? ST_OK : ST_REFUSED;
}

static enum st commit_once(struct classic_card *card, const struct snapshot *next,
                           const uint8_t bytes[CLASSIC_SECTOR], bool *ret_is_sent)
{
    const unsigned slot = classic_slot_of(next->counter);

    enum st st = classic_open(card, CLASSIC_RING + slot, KEY_A);
    if (st == ST_OK && card->io.selects != card->session) {
        st = look_before_writing(card, slot, next, bytes);
        if (st != ST_AGAIN) {
            return st;
        }
        card->session = card->io.selects;
        st = ST_OK;
    }
    if (st == ST_OK) {
        st = classic_amend(card, next);
    }
    if (st != ST_OK) {
        return st;
    }
    /* Staged in this very session: whoever served the card in between had to select it. */
    const bool is_staged = card->staged_slot == slot && card->staged_session == card->io.selects &&
                           memcmp(card->staged, bytes, sizeof card->staged) == 0;
    card->staged_slot = CLASSIC_SLOTS;
    return is_staged ? write_seal(card, slot, bytes, ret_is_sent)
                     : classic_write_slot(card, slot, bytes, ret_is_sent);
}

/* True when commit has first to bring the pointer on. */
static bool lags(const struct classic_card *card)
{
    return card->has_pointer && card->newest.counter >= card->pointer.counter + POINTER_LAG_MAX;
}

enum st classic_firm_pointer(struct classic_card *card)
{
    struct classic_pointer pointer = {0};
    uint8_t block[CLASSIC_BLOCK];
    unsigned good = 0;

    enum st st = classic_open(card, CLASSIC_HEAD, KEY_A);
    for (unsigned reading = 0; reading < READINGS && st == ST_OK; reading += 1) {
        st = read_ours(card, CLASSIC_HEAD, 0, block);
        good += st == ST_OK &&
                classic_pointer_decode(&card->owner, &card->map, block, &pointer) == ST_OK;
    }
    if (st != ST_OK || good == READINGS) {
        return st;
    }
    /* Not the newest counter, which may be a torn block that read well; and never back, of what was
     * read now or when the card was found. */
    uint32_t counter = card->newest.counter - 1;
    counter = good > 0 && pointer.counter > counter ? pointer.counter : counter;
    return write_pointer(card, card->has_pointer && card->pointer.counter > counter
                                   ? card->pointer.counter
                                   : counter);
}

static void card_prepare(void *ctx, const struct snapshot *next)
{
    struct classic_card *card = ctx;
    const unsigned slot = classic_slot_of(next->counter);
    uint8_t bytes[CLASSIC_SECTOR];

    if (card->condition != CARD_MEMBER || next->counter != card->newest.counter + 1 || lags(card) ||
        classic_facts_lag(card) || classic_open(card, CLASSIC_RING + slot, KEY_A) != ST_OK ||
        card->io.selects != card->session) {
        return; /* commit does it all, with all its care */
    }
    classic_slot_encode(&card->owner, next, bytes);
    if (write_beginning(card, slot, bytes) == ST_OK) {
        card->staged_slot = slot;
        card->staged_session = card->io.selects;
        memcpy(card->staged, bytes, sizeof card->staged);
    }
}

static enum st commit(struct classic_card *card, const struct snapshot *next)
{
    uint8_t bytes[CLASSIC_SECTOR], newest[CLASSIC_SECTOR];
    bool is_sent = false;
    enum st st = ST_OK;

    if (card->condition != CARD_MEMBER) {
        return ST_GONE;
    }
    classic_slot_encode(&card->owner, next, bytes);
    classic_slot_encode(&card->owner, &card->newest, newest);
    const bool is_there = memcmp(newest, bytes, sizeof bytes) == 0;
    /* What is there was sent its seal after the identity was proven. */
    card->is_identity_due = !is_there && (card->is_amended || next->layout != card->newest.layout);
    if (!is_there && next->counter != card->newest.counter + 1) {
        return ST_AGAIN; /* an intent that was overtaken: the card went another way */
    }
    /* Asked for what is there: its reading flickered, and only a whole write makes a cell firm. */
    if (!is_there && lags(card)) {
        st = write_pointer(card, card->newest.counter - 1);
    }
    if (st == ST_OK && !is_there && classic_facts_lag(card)) {
        st = classic_write_facts(card);
    }
    /* The second round is for noise while the card lies still; a card that left fails its select.
     */
    for (unsigned round = 0; round < 2 && st == ST_OK; round += 1) {
        st = commit_once(card, next, bytes, &is_sent);
        if (st == ST_OK) {
            card->newest = *next;
            card->is_committed = true;
            return ST_OK;
        }
        if (st == ST_GONE && round == 0) {
            st = ST_OK;
        }
    }
    if (!is_sent && !is_there) {
        return ST_AGAIN; /* and if it is tried again, the slot is looked at first */
    }
    card->condition = CARD_UNKNOWN_CHIP; /* read it again before anything else */
    return st == ST_IO ? ST_IO : ST_GONE;
}

static enum st card_commit(void *ctx, const struct snapshot *next)
{
    struct classic_card *card = ctx;

    const enum st st = commit(card, next);
    card->is_amended = false;
    if (st == ST_OK) {
        classic_remember(card);
    } else {
        forget(card);
    }
    return st;
}

static void card_refresh(void *ctx)
{
    struct classic_card *card = ctx;

    /* Only a snapshot that we saw written is worth a pointer: one found later may be a torn block
     * that happened to read well. */
    if (card->condition != CARD_MEMBER || !card->is_committed) {
        return;
    }
    const enum st st = write_pointer(card, card->newest.counter);
    if (st == ST_OK && classic_write_facts(card) == ST_OK) {
        card->is_committed = false;
    }
    if (st == ST_DENIED) {
        forget(card); /* the next read is a full one, and calls it tampered */
    } else {
        classic_remember(card);
    }
}

static enum st card_facts(void *ctx, const struct facts_rules *rules, struct facts *ret)
{
    return classic_facts(ctx, rules, ret);
}

static void card_keep_facts(void *ctx, const struct facts_rules *rules)
{
    classic_keep_facts(ctx, rules);
}

static void card_remember(void *ctx, const struct facts *facts)
{
    classic_remember_facts(ctx, facts);
}

static void card_amend(void *ctx, const struct action_particulars *particulars)
{
    classic_remember_particulars(ctx, particulars);
}

static enum st card_issue(void *ctx, const struct card_identity *identity,
                          const struct snapshot *first)
{
    return classic_issue(ctx, identity, first);
}

static void card_release(void *ctx)
{
    struct classic_card *card = ctx;
    classic_io_halt(&card->io);
    card->condition = CARD_UNKNOWN_CHIP;
}

struct card_port classic_card_open(struct classic_card *ret, struct reader reader,
                                   const struct keystore *keystore)
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
    memset(ret, 0, offsetof(struct classic_card, known));
    ret->known.count = ret->known.turn = 0;
    ret->io.reader = reader;
    ret->io.sector = -1;
    ret->keystore = keystore;
    ret->condition = CARD_UNKNOWN_CHIP;
    ret->staged_slot = CLASSIC_SLOTS;
    return (struct card_port){.ops = &ops, .ctx = ret};
}
