#include "server/numbers.h"

#include <gnutls/crypto.h>

#include "firmware/engine/media.h"
#include "firmware/engine/snapshot.h"

/* Table `reserved`: first (key), term_id, at; used: how many of the club's own are given out. */

enum { TRIES_MAX = 64, BLOCKS_UPPER = 1 << 19 };
static const struct media_range all = MEDIA_RANGE_CLUB;

static uint64_t block_of(uint64_t payload)
{
    return (payload - all.first) / NUMBERS_BLOCK;
}

static uint64_t first_of(uint64_t block)
{
    return all.first + block * NUMBERS_BLOCK;
}

void numbers_first(uint32_t terminal, struct wire_numbers *ret)
{
    assert(terminal >= 1 && terminal <= NUMBERS_TERMINALS_MAX);
    *ret = (struct wire_numbers){.is_there = true, .first = first_of(terminal)};
    ret->last = ret->first + NUMBERS_BLOCK - 1;
}

/* Whose the further block that begins at `first` is; *ret_is_there is false when it is nobody's. */
static enum st owner_get(struct db *db, uint64_t first, bool *ret_is_there, int64_t *ret_terminal)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db, "SELECT term_id FROM reserved WHERE first = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_is_there, (int64_t)first);
    }
    if (st == ST_OK && *ret_is_there) {
        *ret_terminal = db_i64(stmt, 0);
    }
    db_finish(stmt);
    return st;
}

static enum st put(struct db *db, uint32_t terminal, uint64_t first, int64_t now_s)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(
        db, "INSERT INTO reserved (first, term_id, at, used) VALUES ($1, $2, $3, 0)", "iii", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, (int64_t)first, (int64_t)terminal, now_s);
    }
    db_finish(stmt);
    return st;
}

/* A block that is nobody's, by chance. */
static enum st draw(struct db *db, uint32_t terminal, int64_t now_s, uint64_t *ret_first)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        uint32_t chance = 0;
        bool is_taken = false;
        int64_t owner = 0;
        if (gnutls_rnd(GNUTLS_RND_NONCE, &chance, sizeof chance) != 0) {
            return ST_IO;
        }
        const uint64_t first = first_of(BLOCKS_UPPER + chance % BLOCKS_UPPER);
        enum st st = owner_get(db, first, &is_taken, &owner);
        if (st == ST_OK && !is_taken) {
            st = put(db, terminal, first, now_s);
            *ret_first = first;
            return st;
        }
        if (st != ST_OK) {
            return st;
        }
    }
    return ST_FULL; /* nearly all of half a million blocks are given out */
}

/* The terminal's newest further block; 0: none. */
static enum st newest(struct db *db, uint32_t terminal, uint64_t *ret_first)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(
        db, "SELECT first FROM reserved WHERE term_id = $1 ORDER BY at DESC, first DESC LIMIT 1",
        "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    *ret_first = st == ST_OK && row ? (uint64_t)db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

/* The terminal has a block of the upper half that the club knows nothing of: a restored club gave
 * it out and forgot. Nobody else gets it from now on. */
static enum st learn(struct db *db, uint32_t terminal, const struct wire_numbers_have *have,
                     int64_t now_s)
{
    bool is_known = false;
    int64_t owner = 0;
    if (have->last < first_of(BLOCKS_UPPER) || have->last > all.last) {
        return ST_OK;
    }
    const uint64_t first = first_of(block_of(have->last));
    const enum st st = owner_get(db, first, &is_known, &owner);
    return st == ST_OK && !is_known ? put(db, terminal, first, now_s) : st;
}

static enum st news(struct db *db, uint32_t terminal, const struct wire_numbers_have *have,
                    int64_t now_s, uint64_t *ret_first)
{
    enum st st = learn(db, terminal, have, now_s);
    if (st == ST_OK) {
        st = newest(db, terminal, ret_first);
    }
    const bool has_newest =
        st == ST_OK && (*ret_first == 0 || block_of(*ret_first) == block_of(have->last));
    if (st != ST_OK || !has_newest) {
        return st; /* its newest never arrived: once more */
    }
    *ret_first = 0;
    return have->left < NUMBERS_LOW ? draw(db, terminal, now_s, ret_first) : ST_OK;
}

enum st numbers_news(struct db *db, uint32_t terminal, const struct wire_numbers_have *have,
                     int64_t now_s, struct wire_numbers *ret)
{
    uint64_t first = 0, own = 0;
    *ret = (struct wire_numbers){.is_there = false};
    if (!have->is_there || have->last < all.first) {
        return ST_OK;
    }
    enum st st = newest(db, terminal, &own);
    const bool is_settled =
        st == ST_OK && have->left >= NUMBERS_LOW &&
        (own == 0 ? have->last < first_of(BLOCKS_UPPER) : block_of(own) == block_of(have->last));
    if (st != ST_OK || is_settled) {
        return st; /* nothing to write, as at nearly every sync */
    }
    st = db_begin_write(db);
    if (st == ST_OK) {
        st = news(db, terminal, have, now_s, &first);
    }
    if (st == ST_OK) {
        st = db_commit(db);
    }
    if (st != ST_OK) {
        db_rollback(db);
        return st;
    }
    if (first != 0) {
        *ret = (struct wire_numbers){
            .is_there = true, .first = first, .last = first + NUMBERS_BLOCK - 1};
    }
    return ST_OK;
}

enum st numbers_are_of(struct db *db, uint32_t terminal, uint64_t card, bool *ret)
{
    const uint64_t payload = card / 10;
    bool is_known = false;
    int64_t owner = 0;
    *ret = payload >= all.first && payload <= all.last && block_of(payload) == terminal;
    if (*ret || payload < first_of(BLOCKS_UPPER) || payload > all.last) {
        return ST_OK;
    }
    const enum st st = owner_get(db, first_of(block_of(payload)), &is_known, &owner);
    *ret = is_known && owner == (int64_t)terminal;
    return st;
}

enum st numbers_take(struct db *db, int64_t now_s, uint64_t *ret_card)
{
    uint64_t first = 0;
    int64_t used = NUMBERS_BLOCK;
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = newest(db, NUMBERS_CLUB, &first);
    if (st == ST_OK && first != 0) {
        st = db_prepare(db, "SELECT used FROM reserved WHERE first = $1", "i", &stmt);
        st = st == ST_OK ? db_first(stmt, &row, (int64_t)first) : st;
        used = st == ST_OK && row ? db_i64(stmt, 0) : NUMBERS_BLOCK;
        db_finish(stmt);
    }
    if (st == ST_OK && used >= NUMBERS_BLOCK) {
        used = 0;
        st = draw(db, NUMBERS_CLUB, now_s, &first);
    }
    if (st == ST_OK) {
        st = db_prepare(db, "UPDATE reserved SET used = $2 WHERE first = $1", "ii", &stmt);
        st = st == ST_OK ? db_run(stmt, (int64_t)first, used + 1) : st;
        db_finish(stmt);
    }
    if (st == ST_OK) {
        *ret_card = card_number_make(first + (uint64_t)used);
    }
    return st;
}
