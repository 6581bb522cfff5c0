/* What follows to a new card on a terminal's word alone (lost.h). A terminal that is stolen, and
 * not yet revoked, can say that a card of its own is in the place of any member's: what it gets by
 * that has a bound, and beyond it a person decides. */
#include <inttypes.h>
#include <stdio.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/hotlist.h"
#include "server/lost_priv.h"

enum { DAY_S = 86400, SAY_BYTES = 320 };

/* --- the limit ------------------------------------------------------------------------------ */

enum st lost_limit_get(struct db *db, struct lost_limit *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT a.value, b.value FROM club a, club b WHERE"
                            " a.name = 'follow_rials' AND b.name = 'follow_points'",
                            "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    *ret = (struct lost_limit){0, 0};
    if (st == ST_OK && row) {
        *ret = (struct lost_limit){db_i64(stmt, 0), db_i64(stmt, 1)};
    }
    db_finish(stmt);
    return st;
}

enum st lost_limit_set(struct db *db, const struct lost_limit *limit, struct fault *fault)
{
    if (limit->rials < 0 || limit->points < 0) {
        fault_say(fault, "The limit is whole rials and points, from 0.");
        return ST_FOREIGN;
    }
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE club SET value = $1 WHERE name = 'follow_rials'", "i",
                limit->rials);
    }
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE club SET value = $1 WHERE name = 'follow_points'", "i",
                limit->points);
    }
    return change_end(db, st, fault);
}

/* --- what follows ---------------------------------------------------------------------------- */

/* Adds the first row's rials and points to *ret. The query ends with a select of both. */
static enum st add_up(struct db *db, const char *sql, int64_t of, int64_t since,
                      struct lost_limit *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, sql, "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, of, since);
    }
    if (st == ST_OK && row) {
        ret->rials += db_i64(stmt, 0);
        ret->points += db_i64(stmt, 1);
    }
    db_finish(stmt);
    return st;
}

/* Kinds 2 to 5 give credit, gift, voucher and points; of state 4 the giver has it again. */
#define SUMS                                                                                       \
    "SELECT coalesce(CAST(sum(CASE WHEN a.kind IN (2, 3, 4) THEN a.amount ELSE 0 END) AS BIGINT)," \
    " 0), coalesce(CAST(sum(CASE a.kind WHEN 5 THEN a.amount ELSE 0 END) AS BIGINT), 0) FROM "
#define BY_TERMINAL                                                                                \
    "replacement p JOIN lost l ON l.card_no = p.old_no AND l.new_no = p.card_no"                   \
    " AND l.confirmed_at = 0"

/* What went to new cards on this terminal's word since then: released, also to one that was denied
 * since, or ordered for the lost cards. */
static enum st followed(struct db *db, uint32_t terminal, int64_t since, struct lost_limit *ret)
{
    enum st st = add_up(db,
                        SUMS "replacement p JOIN lost_release r ON r.card_no = p.card_no"
                             " AND r.round < 0 JOIN actref f ON f.id = r.id JOIN action a"
                             " ON a.card_no = f.card_no AND a.id = r.id"
                             " WHERE p.term_id = $1 AND r.at > $2 AND a.state <> 4",
                        terminal, since, ret);
    if (st != ST_OK) {
        return st;
    }
    st = add_up(db,
                SUMS BY_TERMINAL " JOIN lost_release r ON r.card_no = l.card_no"
                                 " JOIN actref f ON f.id = r.id JOIN action a"
                                 " ON a.card_no = f.card_no AND a.id = r.id"
                                 " WHERE p.term_id = $1 AND r.at > $2 AND a.state <> 4",
                terminal, since, ret);
    return st == ST_OK
               ? add_up(db,
                        SUMS BY_TERMINAL " JOIN actref f ON f.first_no = l.card_no"
                                         " JOIN action a ON a.card_no = f.card_no AND a.id = f.id"
                                         " WHERE p.term_id = $1 AND l.settled_at > $2"
                                         " AND a.state <> 4",
                        terminal, since, ret)
               : st;
}

/* What is due in place of this card: the rest of its balance, and what waits for it. */
static enum st due(struct db *db, const struct lost_row *row, const struct standing *standing,
                   struct lost_limit *ret)
{
    for (int book = 0; book < CARD_BOOKS; book++) {
        const int64_t rest = standing->balance[book] - row->given[book];
        *(book == BOOK_POINTS ? &ret->points : &ret->rials) += rest > 0 ? rest : 0;
    }
    return add_up(db, SUMS "action a WHERE a.card_no = $1 AND a.state = 1 AND $2 = 0",
                  (int64_t)row->card, 0, ret);
}

static enum st open_case(struct db *db, const struct lost_row *row, const struct replacement *by,
                         const struct lost_limit *has, int64_t now_s)
{
    char say[SAY_BYTES];
    enum st st = ST_OK;
    (void)snprintf(say, sizeof say,
                   "%" PRId64 " rials and %" PRId64
                   " points are to follow from lost card %016" PRIu64 " to card %016" PRIu64
                   ", on the word of terminal %u: more than the club lets"
                   " follow on that alone. Ask the member, then say vafa-club lost confirm or lost"
                   " deny %016" PRIu64 ".",
                   has->rials, has->points, row->card, row->new_card, by->terminal, row->card);
    DB_ONCE(st, db,
            "INSERT INTO tcase (term_id, term_seq, why, card_no, card_ctr, at, say, raw)"
            " VALUES ($1, $2, 'held', $3, 0, $4, $5, $6)"
            " ON CONFLICT (term_id, term_seq, why) DO NOTHING",
            "iiiitb", (int64_t)by->terminal, (int64_t)by->sequence, (int64_t)row->card, now_s, say,
            "", (size_t)0);
    return st;
}

enum st lost_hold(struct actions *actions, struct lost_row *row, const struct standing *standing,
                  int64_t now_s)
{
    struct db *db = actions->db;
    struct replacement by;
    struct lost_limit limit, has = {0, 0}, all;
    enum st st = replacement_get(db, row->new_card, &by);
    if (st != ST_OK || row->confirmed_at != 0 || row->held_at != 0 || !by.is_there || by.is_named) {
        return st;
    }
    st = due(db, row, standing, &has);
    if (st != ST_OK || (has.rials == 0 && has.points == 0)) {
        return st; /* nothing is to follow */
    }
    all = has;
    st = lost_limit_get(db, &limit);
    if (st == ST_OK) {
        st = followed(db, by.terminal, now_s - (int64_t)LOST_DAYS * DAY_S, &all);
    }
    if (st != ST_OK || (all.rials <= limit.rials && all.points <= limit.points)) {
        return st;
    }
    row->held_at = now_s;
    return open_case(db, row, &by, &has, now_s);
}

/* --- a person's word ------------------------------------------------------------------------ */

static enum st refuse_none(uint64_t card, struct fault *fault)
{
    fault_say(fault, "No card was made in place of card %016" PRIu64 ".", card);
    return ST_REFUSED;
}

static enum st close_case(struct db *db, uint64_t card, const char *why, int64_t now_s)
{
    enum st st = ST_OK;
    DB_ONCE(st, db,
            "UPDATE tcase SET closed_at = $2, closed_by = 'club', closed_why = $3"
            " WHERE card_no = $1 AND why = 'held' AND closed_at = 0",
            "iit", (int64_t)card, now_s, why);
    return st;
}

enum st lost_confirm(struct db *db, uint64_t card, int64_t now_s, struct fault *fault)
{
    struct lost_row row;
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        st = lost_get(db, card, &row);
    }
    if (st == ST_OK && row.new_card == 0) {
        st = refuse_none(card, fault);
    }
    if (st == ST_OK && row.confirmed_at == 0) {
        row.confirmed_at = now_s;
        row.held_at = 0;
        row.is_due = true;
        st = lost_put(db, &row);
    }
    if (st == ST_OK) {
        st = close_case(db, card, "confirmed", now_s);
    }
    return change_end(db, st, fault);
}

/* What was released to the false card: what waits is withdrawn, what it has is lost. */
static enum st call_back(struct actions *actions, struct lost_row *lost)
{
    struct db_stmt *stmt = NULL;
    struct action_card numbers;
    struct action_row row;
    bool found = false;
    enum st st =
        db_prepare(actions->db,
                   "SELECT f.card_no, r.id FROM lost_release r JOIN actref f ON f.id = r.id"
                   " WHERE r.card_no = $1 AND r.round > 0 ORDER BY r.round, r.n",
                   "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &found, (int64_t)lost->card);
    }
    while (st == ST_OK && found) {
        enum book book;
        bool is_there = false;
        st =
            row_get(actions, (uint64_t)db_i64(stmt, 0), (uint64_t)db_i64(stmt, 1), &row, &is_there);
        if (st == ST_OK && is_there) {
            st = numbers_get(actions, row.action.card_number, &numbers);
        }
        const bool waits = st == ST_OK && is_there && row.state == ACTION_WAITING &&
                           (row.action.number == 0 || row.action.number > numbers.passed);
        if (waits) {
            st = row_end(actions, &row);
        } else if (st == ST_OK && is_there && row_money(&row.action, &book) &&
                   (row.state == ACTION_APPLIED || row.state == ACTION_TAKEN)) {
            lost->short_of[book] += row.action.amount;
        }
        if (st == ST_OK) {
            st = db_step(stmt, &found);
        }
    }
    db_finish(stmt);
    return st;
}

/* The lost card has given nothing: neither the part, nor releases, which the false card keeps: in
 * rounds below 0, for it may be lost itself and have rounds of its own. */
static enum st stand_alone(struct actions *actions, struct lost_row *row)
{
    struct db *db = actions->db;
    const uint64_t false_card = row->new_card;
    enum st st = call_back(actions, row);
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "UPDATE lost_release SET card_no = $2, round = -round WHERE card_no = $1"
                " AND round > 0",
                "ii", (int64_t)row->card, (int64_t)false_card);
    }
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE replacement SET is_second = 1 WHERE card_no = $1", "i",
                (int64_t)false_card);
    }
    for (int book = 0; book < CARD_BOOKS; book++) {
        row->given[book] = 0;
    }
    row->new_card = 0;
    row->replaced_at = row->held_at = 0;
    row->is_due = row->settled_at == 0;
    return st == ST_OK ? lost_put(db, row) : st;
}

/* For good, also when it was replaced itself: denying that would make it a lost one again. */
static enum st block(struct db *db, uint64_t card, int64_t now_s)
{
    const enum st st = hotlist_refuse_within(db, card, LISTING_BLOCKED, now_s);
    return st == ST_OK ? hotlist_turn_within(db, card, LISTING_REPLACED, LISTING_BLOCKED, now_s)
                       : st;
}

static enum st deny(struct actions *actions, struct lost_row *row, int64_t now_s, int64_t *ret_gone)
{
    struct db *db = actions->db;
    const uint64_t false_card = row->new_card;
    enum st st = successor_leave(actions, row->card, false_card, ret_gone);
    if (st == ST_OK) {
        st = stand_alone(actions, row);
    }
    if (st == ST_OK) {
        st = block(db, false_card, now_s);
    }
    if (st == ST_OK) {
        st = hotlist_turn_within(db, row->card, LISTING_REPLACED, LISTING_LOST, now_s);
    }
    if (st == ST_OK) {
        st = lost_tell_again(db, row->card, now_s);
    }
    return st == ST_OK ? close_case(db, row->card, "denied", now_s) : st;
}

/* Somebody said so before. */
static enum st was_denied(struct db *db, const struct lost_row *row, bool *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st =
        db_prepare(db, "SELECT 1 FROM replacement WHERE old_no = $1 AND is_second = 1", "i", &stmt);
    *ret = false;
    if (st == ST_OK && row->new_card == 0) {
        st = db_first(stmt, ret, (int64_t)row->card);
    }
    db_finish(stmt);
    return st;
}

static enum st deny_once(struct actions *actions, struct lost_row *row, int64_t now_s,
                         int64_t *ret_gone, struct fault *fault)
{
    if (row->new_card == 0) {
        return refuse_none(row->card, fault);
    }
    if (row->confirmed_at != 0) {
        fault_say(fault, "Somebody stands for card %016" PRIu64 ": its place was confirmed.",
                  row->new_card);
        return ST_REFUSED;
    }
    return deny(actions, row, now_s, ret_gone);
}

enum st lost_deny(struct db *db, struct actions *actions, uint64_t card, int64_t now_s,
                  int64_t *ret_gone, struct fault *fault)
{
    struct lost_row row;
    bool is_denied = false;
    *ret_gone = 0;
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        st = lost_get(db, card, &row);
    }
    if (st == ST_OK) {
        st = was_denied(db, &row, &is_denied);
    }
    if (st == ST_OK && !is_denied) {
        st = deny_once(actions, &row, now_s, ret_gone, fault);
    }
    if (st == ST_OK) {
        st = books_flush(actions, now_s);
    }
    if (st != ST_OK) {
        books_forget(actions);
    }
    return change_end(db, st, fault);
}
