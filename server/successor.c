/* Cards that came in another one's place, and what goes with the member (lost_priv.h). */
#include "server/actions_priv.h"
#include "server/change.h"
#include "server/links.h"
#include "server/lost_priv.h"
#include "server/members.h"
#include "server/members_priv.h"

/* --- rows ----------------------------------------------------------------------------------- */

/* The card that came in this one's place itself; 0: none. `account`: that it joined by that. */
static enum st get(struct db *db, uint64_t card, uint64_t *ret_new, uint64_t *ret_account)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db, "SELECT new_no, account FROM successor WHERE card_no = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card);
    }
    *ret_new = st == ST_OK && row ? (uint64_t)db_i64(stmt, 0) : 0;
    *ret_account = st == ST_OK && row ? (uint64_t)db_i64(stmt, 1) : 0;
    db_finish(stmt);
    return st;
}

/* Follows the query's one column from card to card; it has no row for the last one. */
static enum st follow_chain(struct db *db, const char *sql, uint64_t card, uint64_t *ret)
{
    /* There are no rings (PLACE_RING). A longer chain goes on from where this stops: whoever makes
     * one must not hold up everybody's sync. */
    enum { CHAIN_MAX = 1000 };
    struct db_stmt *stmt = NULL;
    bool row = true;
    *ret = card;
    enum st st = db_prepare(db, sql, "i", &stmt);
    for (int i = 0; i < CHAIN_MAX && st == ST_OK && row; i++) {
        st = db_first(stmt, &row, (int64_t)*ret);
        if (st == ST_OK && row) {
            *ret = (uint64_t)db_i64(stmt, 0);
        }
    }
    db_finish(stmt);
    return st;
}

enum st card_successor(struct db *db, uint64_t card, uint64_t *ret)
{
    return follow_chain(db, "SELECT new_no FROM successor WHERE card_no = $1", card, ret);
}

enum st card_taker(struct db *db, uint64_t card, uint64_t *ret)
{
    return follow_chain(db,
                        "SELECT new_no FROM successor s WHERE card_no = $1 AND NOT EXISTS"
                        " (SELECT 1 FROM lost l WHERE l.card_no = s.card_no AND l.held_at <> 0)",
                        card, ret);
}

enum st card_vouched(struct db *db, uint64_t card, uint64_t *ret)
{
    return follow_chain(db,
                        "SELECT card_no FROM lost WHERE new_no = $1 AND new_no <> 0"
                        " AND confirmed_at = 0",
                        card, ret);
}

enum st successor_place(struct db *db, uint64_t old, uint64_t card, enum place *ret)
{
    uint64_t now = 0, account = 0, last = 0;
    enum st st = get(db, old, &now, &account);
    if (st == ST_OK) {
        st = card_successor(db, card, &last);
    }
    *ret = now == card   ? PLACE_SAME
           : last == old ? PLACE_RING
           : now != 0    ? PLACE_TAKEN
                         : PLACE_FREE;
    return st;
}

enum st successor_moves(struct db *db, uint64_t card)
{
    enum st st = ST_OK;
    DB_ONCE(st, db, "UPDATE successor SET is_due = 1 WHERE card_no = $1", "i", (int64_t)card);
    return st;
}

/* --- what goes with the member ---------------------------------------------------------------- */

/* *ret_joined: the account, if the card is in it from now on only. */
static enum st join_account(struct db *db, uint64_t old, uint64_t card, int64_t at_s,
                            uint64_t *ret_joined, struct fault *fault)
{
    uint64_t account = 0, before = 0;
    enum st st = member_account_of(db, old, &account);
    *ret_joined = 0;
    if (st != ST_OK || account == 0) {
        return st;
    }
    st = member_account_of(db, card, &before);
    if (st == ST_OK) {
        st = members_card_within(db, account, card, at_s, fault);
    }
    *ret_joined = st == ST_OK && before == 0 ? account : 0;
    return st;
}

enum st successor_follow(struct db *db, uint64_t old, uint64_t card, bool moves, int64_t at_s,
                         struct fault *fault)
{
    uint64_t joined = 0;
    const enum st st_member = join_account(db, old, card, at_s, &joined, fault);
    if (st_member != ST_OK && st_member != ST_REFUSED) {
        return st_member;
    }
    enum st st = ST_OK;
    DB_ONCE(st, db,
            "INSERT INTO successor (card_no, new_no, is_due, account) VALUES ($1, $2, $3,"
            " $4)",
            "iiii", (int64_t)old, (int64_t)card, (int64_t)moves, (int64_t)joined);
    if (st == ST_OK) {
        st = links_move(db, old, card);
    }
    if (st == ST_OK) { /* what is still to come to the old card can come now, if it could not */
        DB_ONCE(st, db, "UPDATE lost SET is_due = 1 WHERE new_no = $1 AND new_no <> 0", "i",
                (int64_t)old);
    }
    return st == ST_OK ? st_member : st;
}

static enum st count_gone(struct db *db, uint64_t old, uint64_t card, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT count(*) FROM action a JOIN actref f ON f.id = a.id"
                            " WHERE a.card_no = $1 AND a.state IN (1, 2, 6) AND f.first_no = $2",
                            "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card, (int64_t)old);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

/* What was ordered for `old`, and waits for `card`, which is not past it. */
static enum st withdraw(struct actions *actions, uint64_t old, uint64_t card)
{
    struct db_stmt *stmt = NULL;
    struct action_row row;
    bool found = true;
    enum st st = db_prepare(actions->db,
                            "SELECT a.card_no, a.id FROM action a JOIN actref f ON f.id = a.id"
                            " LEFT JOIN actcard c ON c.card_no = a.card_no WHERE a.card_no = $1"
                            " AND a.state = 1 AND f.first_no = $2"
                            " AND (a.number = 0 OR a.number > coalesce(c.passed, 0)) LIMIT 1",
                            "ii", &stmt);
    while (st == ST_OK && found) {
        db_bind(stmt, (int64_t)card, (int64_t)old);
        st = row_next(actions, stmt, &row, &found);
        if (st == ST_OK && found) {
            st = row_end(actions, &row);
        }
    }
    db_finish(stmt);
    return st;
}

enum st successor_leave(struct actions *actions, uint64_t old, uint64_t card, int64_t *ret_gone)
{
    struct db *db = actions->db;
    uint64_t now = 0, account = 0;
    *ret_gone = 0;
    enum st st = get(db, old, &now, &account);
    if (st != ST_OK || now != card) {
        return st;
    }
    DB_ONCE(st, db, "DELETE FROM successor WHERE card_no = $1", "i", (int64_t)old);
    if (st == ST_OK) {
        st = links_return(db, card, old);
    }
    if (st == ST_OK && account != 0) {
        DB_ONCE(st, db, "DELETE FROM member_card WHERE card_no = $1 AND account = $2", "ii",
                (int64_t)card, (int64_t)account);
    }
    if (st == ST_OK) {
        st = count_gone(db, old, card, ret_gone);
    }
    return st == ST_OK ? withdraw(actions, old, card) : st;
}
