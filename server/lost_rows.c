#include "server/change.h"
#include "server/hotlist.h"
#include "server/lost_priv.h"

/* --- lost ----------------------------------------------------------------------------------- */

#define COLUMNS                                                                                    \
    "listed_at, term_id, term_seq, how, found_at, settled_at, new_no, replaced_at, round, g0, g1," \
    " g2, g3, s0, s1, s2, s3, is_due, held_at, confirmed_at"
enum { COLUMN_GIVEN = 9, COLUMN_SHORT = 13, COLUMN_DUE = 17, COLUMN_HELD, COLUMN_CONFIRMED };

enum st lost_get(struct db *db, uint64_t card, struct lost_row *ret)
{
    struct db_stmt *stmt = NULL;
    *ret = (struct lost_row){.card = card};
    enum st st = db_prepare(db, "SELECT " COLUMNS " FROM lost WHERE card_no = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->is_there, (int64_t)card);
    }
    if (st == ST_OK && ret->is_there) {
        ret->listed_at = db_i64(stmt, 0);
        ret->terminal = (uint32_t)db_i64(stmt, 1);
        ret->sequence = (uint32_t)db_i64(stmt, 2);
        ret->how = (uint8_t)db_i64(stmt, 3);
        ret->found_at = db_i64(stmt, 4);
        ret->settled_at = db_i64(stmt, 5);
        ret->new_card = (uint64_t)db_i64(stmt, 6);
        ret->replaced_at = db_i64(stmt, 7);
        ret->round = db_i64(stmt, 8);
        for (int book = 0; book < CARD_BOOKS; book++) {
            ret->given[book] = db_i64(stmt, COLUMN_GIVEN + book);
            ret->short_of[book] = db_i64(stmt, COLUMN_SHORT + book);
        }
        ret->is_due = db_i64(stmt, COLUMN_DUE) != 0;
        ret->held_at = db_i64(stmt, COLUMN_HELD);
        ret->confirmed_at = db_i64(stmt, COLUMN_CONFIRMED);
    }
    db_finish(stmt);
    return st;
}

enum st lost_put(struct db *db, struct lost_row *row)
{
    static const char insert[] = "INSERT INTO lost (card_no, " COLUMNS
                                 ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
                                 " $14, $15, $16, $17, $18, $19, $20, $21)";
    static const char update[] =
        "UPDATE lost SET listed_at = $2, term_id = $3, term_seq = $4, how = $5, found_at = $6,"
        " settled_at = $7, new_no = $8, replaced_at = $9, round = $10, g0 = $11, g1 = $12,"
        " g2 = $13, g3 = $14, s0 = $15, s1 = $16, s2 = $17, s3 = $18, is_due = $19,"
        " held_at = $20, confirmed_at = $21 WHERE card_no = $1";
    enum st st = ST_OK;
    DB_ONCE(st, db, row->is_there ? update : insert, "iiiiiiiiiiiiiiiiiiiii", (int64_t)row->card,
            row->listed_at, (int64_t)row->terminal, (int64_t)row->sequence, (int64_t)row->how,
            row->found_at, row->settled_at, (int64_t)row->new_card, row->replaced_at, row->round,
            row->given[0], row->given[1], row->given[2], row->given[3], row->short_of[0],
            row->short_of[1], row->short_of[2], row->short_of[3], (int64_t)row->is_due,
            row->held_at, row->confirmed_at);
    row->is_there = row->is_there || st == ST_OK;
    return st;
}

enum st lost_mark(struct db *db, uint64_t card, uint32_t terminal, uint32_t sequence, uint8_t how,
                  int64_t now_s)
{
    struct lost_row row;
    enum st st = lost_get(db, card, &row);
    if (st != ST_OK || (row.is_there && row.found_at == 0)) {
        return st; /* said before */
    }
    row.listed_at = now_s;
    row.terminal = terminal;
    row.sequence = sequence;
    row.how = how;
    row.found_at = row.settled_at = row.held_at = row.confirmed_at = 0;
    row.is_due = true;
    st = hotlist_list_within(db, card, LISTING_LOST, now_s);
    return st == ST_OK ? lost_put(db, &row) : st;
}

enum st lost_tell_again(struct db *db, uint64_t card, int64_t now_s)
{
    int64_t no = 0;
    enum st st = change_next_number(db, "SELECT coalesce(max(no), 0) FROM lost_again", &no);
    no = no > now_s ? no : now_s;
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "INSERT INTO lost_again (term_id, no, card_no) SELECT DISTINCT term_id, $2, card_no"
                " FROM lostrep WHERE card_no = $1 AND event = 1",
                "ii", (int64_t)card, no);
    }
    return st;
}

enum st lost_unmark(struct db *db, uint64_t card, int64_t now_s, bool *ret_was)
{
    struct lost_row row;
    enum st st = lost_get(db, card, &row);
    *ret_was = st == ST_OK && row.is_there && row.found_at == 0 && row.new_card == 0;
    if (!*ret_was) {
        return st;
    }
    row.found_at = now_s;
    row.is_due = false;
    st = hotlist_turn_within(db, card, LISTING_LOST, LISTING_NONE, now_s);
    if (st == ST_OK) {
        st = lost_tell_again(db, card, now_s);
    }
    return st == ST_OK ? lost_put(db, &row) : st;
}

enum st lost_replaced(struct db *db, uint64_t old, uint64_t card, const int64_t part[CARD_BOOKS],
                      uint32_t terminal, uint32_t sequence, int64_t now_s)
{
    struct lost_row row;
    enum st st = lost_mark(db, old, terminal, sequence, 0, now_s);
    if (st == ST_OK) {
        st = hotlist_turn_within(db, old, LISTING_LOST, LISTING_REPLACED, now_s);
    }
    if (st == ST_OK) {
        st = lost_get(db, old, &row);
    }
    if (st != ST_OK) {
        return st;
    }
    row.new_card = card;
    row.replaced_at = now_s;
    row.is_due = true;
    for (int book = 0; book < CARD_BOOKS; book++) {
        row.given[book] += part[book];
    }
    return lost_put(db, &row);
}

/* --- replacements --------------------------------------------------------------------------- */

static enum st find_replacement(struct db *db, const char *sql, uint64_t card,
                                struct replacement *ret)
{
    struct db_stmt *stmt = NULL;
    *ret = (struct replacement){.card = card};
    enum st st = db_prepare(db, sql, "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->is_there, (int64_t)card);
    }
    if (st == ST_OK && ret->is_there) {
        ret->old = (uint64_t)db_i64(stmt, 0);
        ret->terminal = (uint32_t)db_i64(stmt, 1);
        ret->sequence = (uint32_t)db_i64(stmt, 2);
        ret->at = db_i64(stmt, 3);
        ret->is_second = db_i64(stmt, 4) != 0;
        for (int book = 0; book < CARD_BOOKS; book++) {
            ret->part[book] = db_i64(stmt, 5 + book);
        }
        ret->look = db_i64(stmt, 9);
        ret->is_named = db_i64(stmt, 10) != 0;
        ret->card = (uint64_t)db_i64(stmt, 11);
    }
    db_finish(stmt);
    return st;
}

#define REPLACEMENT                                                                                \
    "SELECT old_no, term_id, term_seq, at, is_second, x0, x1, x2, x3, look, is_named, card_no"     \
    " FROM replacement"

enum st replacement_get(struct db *db, uint64_t card, struct replacement *ret)
{
    return find_replacement(db, REPLACEMENT " WHERE card_no = $1", card, ret);
}

enum st replacement_named(struct db *db, uint64_t old, struct replacement *ret)
{
    return find_replacement(db, REPLACEMENT " WHERE old_no = $1 AND is_named = 1", old, ret);
}

enum st replacement_put(struct db *db, const struct replacement *row)
{
    enum st st = ST_OK;
    DB_ONCE(st, db,
            "INSERT INTO replacement (card_no, old_no, term_id, term_seq, at, is_second, x0, x1,"
            " x2, x3, look, is_named) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            "iiiiiiiiiiii", (int64_t)row->card, (int64_t)row->old, (int64_t)row->terminal,
            (int64_t)row->sequence, row->at, (int64_t)row->is_second, row->part[0], row->part[1],
            row->part[2], row->part[3], row->look, (int64_t)row->is_named);
    return st;
}

enum st replacement_name(struct db *db, uint64_t card, uint64_t old)
{
    enum st st = ST_OK;
    DB_ONCE(st, db, "UPDATE replacement SET old_no = $2, is_named = $3 WHERE card_no = $1", "iii",
            (int64_t)card, (int64_t)old, (int64_t)(old != 0));
    return st;
}

enum st replacement_drop(struct db *db, uint64_t card)
{
    enum st st = ST_OK;
    DB_ONCE(st, db, "DELETE FROM replacement WHERE card_no = $1", "i", (int64_t)card);
    return st;
}

/* --- what a card carries -------------------------------------------------------------------- */

/* The snapshot after the highest counter that any evidence names: posted, or seen. */
enum st standing_get(struct db *db, uint64_t card, struct standing *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    size_t size = 0;
    *ret = (struct standing){.is_there = false};
    enum st st = db_prepare(db,
                            "SELECT CASE WHEN c.known > c.top THEN coalesce(s.image, c.image)"
                            " ELSE c.image END FROM card c LEFT JOIN seen s"
                            " ON s.card_no = c.card_no AND s.card_ctr = c.known"
                            " WHERE c.card_no = $1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card);
    }
    if (st == ST_OK && row) {
        const void *image = db_bytes(stmt, 0, &size);
        ret->is_there =
            size == SNAPSHOT_IMAGE_BYTES && snapshot_decode(image, &ret->snapshot) == ST_OK;
    }
    db_finish(stmt);
    if (ret->is_there) {
        snapshot_balances(&ret->snapshot, ret->balance);
    }
    return st;
}
