/* The table of duplicates (duplicates_priv.h). */
#include <string.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/duplicates_priv.h"

#define COLUMNS                                                                                    \
    "card_no, is_out, new_no, in_seq, o0, o1, o2, o3, i0, i1, i2, i3, how, look, at, term_id,"     \
    " term_seq"

int64_t pair_look(const struct snapshot *snapshot)
{
    enum { TIER_BITS = 4, GROUP_BITS = 8 };
    return snapshot->tier | (int64_t)snapshot->group << TIER_BITS |
           (int64_t)snapshot->stamps << (TIER_BITS + GROUP_BITS);
}

static void read_row(struct db_stmt *stmt, struct pair *ret)
{
    ret->old = (uint64_t)db_i64(stmt, 0);
    ret->is_out = db_i64(stmt, 1) != 0;
    ret->card = (uint64_t)db_i64(stmt, 2);
    ret->in_sequence = (uint32_t)db_i64(stmt, 3);
    for (int book = 0; book < CARD_BOOKS; book++) {
        ret->out[book] = db_i64(stmt, 4 + book);
        ret->in[book] = db_i64(stmt, 4 + CARD_BOOKS + book);
    }
    ret->how = (enum pair_how)db_i64(stmt, 12);
    ret->look = db_i64(stmt, 13);
    ret->at_s = db_i64(stmt, 14);
    ret->terminal = (uint32_t)db_i64(stmt, 15);
    ret->sequence = (uint32_t)db_i64(stmt, 16);
}

/* The first row of a query that is bound, if it could be prepared. */
static enum st take(struct db_stmt *stmt, enum st st, struct pair *ret)
{
    *ret = (struct pair){.look = -1};
    if (st == ST_OK) {
        st = db_step(stmt, &ret->is_there);
    }
    if (st == ST_OK && ret->is_there) {
        read_row(stmt, ret);
    }
    db_finish(stmt);
    return st;
}

enum st pair_get(struct db *db, uint32_t terminal, uint32_t sequence, struct pair *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(
        db, "SELECT " COLUMNS " FROM duplicate WHERE term_id = $1 AND term_seq = $2", "ii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, (int64_t)terminal, (int64_t)sequence);
    }
    st = take(stmt, st, ret);
    ret->terminal = terminal;
    ret->sequence = sequence;
    return st;
}

enum st pair_with(struct db *db, uint64_t card, struct pair *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(
        db, "SELECT " COLUMNS " FROM duplicate WHERE new_no = $1 AND new_no <> 0", "i", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, (int64_t)card);
    }
    return take(stmt, st, ret);
}

enum st pair_out_of(struct db *db, uint64_t old, uint32_t terminal, uint32_t sequence,
                    struct pair *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "SELECT " COLUMNS " FROM duplicate WHERE card_no = $1 AND term_id = $2"
                            " AND term_seq < $3 AND is_out = 1",
                            "iii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, (int64_t)old, (int64_t)terminal, (int64_t)sequence);
    }
    return take(stmt, st, ret);
}

enum st pair_put(struct db *db, struct pair *pair)
{
    static const char insert[] =
        "INSERT INTO duplicate (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
        " $12, $13, $14, $15, $16, $17)";
    static const char update[] =
        "UPDATE duplicate SET card_no = $1, is_out = $2, new_no = $3, in_seq = $4, o0 = $5,"
        " o1 = $6, o2 = $7, o3 = $8, i0 = $9, i1 = $10, i2 = $11, i3 = $12, how = $13, look = $14,"
        " at = $15 WHERE term_id = $16 AND term_seq = $17";
    enum st st = ST_OK;
    DB_ONCE(st, db, pair->is_there ? update : insert, "iiiiiiiiiiiiiiiii", (int64_t)pair->old,
            (int64_t)pair->is_out, (int64_t)pair->card, (int64_t)pair->in_sequence, pair->out[0],
            pair->out[1], pair->out[2], pair->out[3], pair->in[0], pair->in[1], pair->in[2],
            pair->in[3], (int64_t)pair->how, pair->look, pair->at_s, (int64_t)pair->terminal,
            (int64_t)pair->sequence);
    pair->is_there = pair->is_there || st == ST_OK;
    return st;
}

enum st pair_close_case(struct db *db, const struct pair *pair, const char *why, int64_t at_s)
{
    enum st st = ST_OK;
    DB_ONCE(st, db,
            "UPDATE tcase SET closed_at = $3, closed_by = 'club', closed_why = $4"
            " WHERE term_id = $1 AND term_seq = $2 AND why = 'alone' AND closed_at = 0",
            "iiit", (int64_t)pair->terminal, (int64_t)pair->sequence, at_s, why);
    return st;
}

enum st pair_join(struct db *db, struct pair *pair, uint64_t card, uint32_t in_sequence,
                  enum pair_how how, int64_t at_s, struct fault *fault)
{
    enum place place = PLACE_TAKEN;
    pair->card = card;
    pair->in_sequence = in_sequence;
    pair->how = how;
    memcpy(pair->in, pair->out, sizeof pair->in);
    enum st st = pair_put(db, pair);
    if (st == ST_OK) {
        st = pair_close_case(db, pair, "the rest came", at_s);
    }
    if (st == ST_OK) {
        st = successor_place(db, pair->old, card, &place);
    }
    return st == ST_OK && place == PLACE_FREE
               ? successor_follow(db, pair->old, card, true, at_s, fault)
               : st;
}

enum st pair_part(struct actions *actions, struct pair *pair, int64_t *ret_gone)
{
    const uint64_t card = pair->card;
    pair->card = 0;
    pair->in_sequence = 0;
    pair->how = PAIR_JOURNAL;
    memset(pair->in, 0, sizeof pair->in);
    const enum st st = pair_put(actions->db, pair);
    return st == ST_OK ? successor_leave(actions, pair->old, card, ret_gone) : st;
}
