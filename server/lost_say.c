/* What people tell the club of lost cards (lost.h). */
#include <inttypes.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/duplicates_priv.h"
#include "server/hotlist.h"

static enum st refuse_replaced(uint64_t card, uint64_t by, struct fault *fault)
{
    fault_say(fault, "Card %016" PRIu64 " has card %016" PRIu64 " in its place.", card, by);
    return ST_REFUSED;
}

enum st lost_report(struct db *db, uint64_t card, int64_t now_s, struct fault *fault)
{
    uint64_t by = 0;
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        st = card_successor(db, card, &by);
    }
    if (st == ST_OK && by != card) {
        st = refuse_replaced(card, by, fault);
    }
    if (st == ST_OK) {
        st = lost_mark(db, card, 0, 0, 0, now_s);
    }
    return change_end(db, st, fault);
}

enum st lost_found(struct db *db, uint64_t card, int64_t now_s, struct fault *fault)
{
    struct lost_row row;
    bool was = false;
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        st = lost_get(db, card, &row);
    }
    if (st == ST_OK && row.new_card != 0) {
        st = refuse_replaced(card, row.new_card, fault);
    } else if (st == ST_OK && !row.is_there) {
        fault_say(fault, "Nobody reported card %016" PRIu64 " as lost.", card);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = lost_unmark(db, card, now_s, &was);
    }
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "UPDATE tcase SET closed_at = $2, closed_by = 'club', closed_why = 'found'"
                " WHERE card_no = $1 AND why = 'found' AND closed_at = 0",
                "ii", (int64_t)card, now_s);
    }
    return change_end(db, st, fault);
}

/* --- a card whose predecessor a dead terminal kept to itself -------------------------------- */

static enum st check_card(struct db *db, uint64_t card, uint64_t old, struct replacement *ret,
                          struct fault *fault)
{
    const enum st st = replacement_get(db, card, ret);
    if (st == ST_OK && (!ret->is_there || ret->old != 0 || card == old)) {
        fault_say(fault,
                  "Card %016" PRIu64 " is none that began with what an unknown card had: the cases"
                  " name those.",
                  card);
        return ST_REFUSED;
    }
    return st;
}

static enum st check_place(struct db *db, uint64_t card, uint64_t old, struct fault *fault)
{
    uint64_t by = 0;
    enum place place = PLACE_FREE;
    enum st st = successor_place(db, old, card, &place);
    if (st == ST_OK && place == PLACE_RING) {
        return refuse_replaced(card, old, fault);
    }
    if (st == ST_OK && place != PLACE_FREE) {
        st = card_successor(db, old, &by);
        return st == ST_OK ? refuse_replaced(old, by, fault) : st;
    }
    return st;
}

/* The part came out of `transit`, for all that was known; now it is known better. */
static enum st name_within(struct actions *actions, const struct replacement *row, uint64_t old,
                           int64_t now_s, struct fault *fault)
{
    struct db *db = actions->db;
    struct lost_row lost = {.card = old};
    enum st st = check_place(db, row->card, old, fault);
    if (st == ST_OK) {
        st = replacement_name(db, row->card, old);
    }
    for (int book = 0; book < CARD_BOOKS && st == ST_OK; book++) {
        books_move(actions, (enum book)book, ACCOUNT_REPLACED, ACCOUNT_TRANSIT, row->part[book]);
    }
    if (st == ST_OK) {
        st = lost_replaced(db, old, row->card, row->part, 0, 0, now_s);
    }
    if (st == ST_OK) {
        st = lost_get(db, old, &lost);
    }
    lost.confirmed_at = now_s; /* that person stands for it */
    if (st == ST_OK) {
        st = lost_put(db, &lost);
    }
    return st == ST_OK ? successor_follow(db, old, row->card, false, row->at, fault) : st;
}

static enum st close_case(struct db *db, const struct replacement *row, int64_t now_s)
{
    enum st st = ST_OK;
    DB_ONCE(st, db,
            "UPDATE tcase SET closed_at = $3, closed_by = 'club', closed_why = 'named'"
            " WHERE term_id = $1 AND term_seq = $2 AND why = 'unnamed' AND closed_at = 0",
            "iii", (int64_t)row->terminal, (int64_t)row->sequence, now_s);
    return st;
}

enum st lost_name(struct db *db, struct actions *actions, uint64_t card, uint64_t old,
                  int64_t now_s, int64_t *ret_gone, struct fault *fault)
{
    struct replacement row;
    bool is_half = false;
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        st = check_card(db, card, old, &row, fault);
    }
    if (st == ST_OK) {
        st = duplicates_name(actions, &row, old, &is_half, ret_gone, fault);
    }
    if (st == ST_OK && !is_half) {
        st = name_within(actions, &row, old, now_s, fault);
    }
    if (st == ST_OK) {
        st = close_case(db, &row, now_s);
    }
    if (st == ST_OK) {
        st = books_flush(actions, now_s);
    }
    if (st != ST_OK) {
        books_forget(actions);
    }
    return change_end(db, st, fault);
}

/* --- and he was wrong ------------------------------------------------------------------------- */

/* What was released to `card` for the wrong one it has: the right one has given that much. */
static enum st hand_on(struct db *db, const struct lost_row *wrong, uint64_t right, int64_t now_s)
{
    struct lost_row row;
    enum st st = lost_get(db, right, &row);
    const int64_t before = row.round;
    if (st == ST_OK) {
        st = lost_replaced(db, right, wrong->new_card, wrong->given, 0, 0, now_s);
    }
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "UPDATE lost_release SET card_no = $2, round = round + $3 WHERE card_no = $1",
                "iii", (int64_t)wrong->card, (int64_t)right, before);
    }
    if (st == ST_OK) {
        st = lost_get(db, right, &row);
    }
    row.round = before + wrong->round;
    return st == ST_OK ? lost_put(db, &row) : st;
}

static enum st settle_given(struct db *db, struct lost_row *wrong, uint64_t right, int64_t now_s)
{
    enum place place = PLACE_FREE;
    bool any = false;
    for (int book = 0; book < CARD_BOOKS; book++) {
        any = any || wrong->given[book] != 0;
    }
    enum st st = any ? successor_place(db, right, wrong->new_card, &place) : ST_OK;
    if (st == ST_OK && any && (place == PLACE_FREE || place == PLACE_SAME)) {
        st = hand_on(db, wrong, right, now_s);
    } else { /* nobody can be asked for it */
        for (int book = 0; book < CARD_BOOKS; book++) {
            wrong->short_of[book] += wrong->given[book];
        }
    }
    memset(wrong->given, 0, sizeof wrong->given);
    return st;
}

/* The card that the person named is lost, or not, as it was before. */
static enum st stand_back(struct db *db, struct lost_row *row, int64_t now_s)
{
    const bool was_reported = row->listed_at < row->replaced_at;
    bool was = false;
    row->new_card = 0;
    row->replaced_at = row->held_at = row->confirmed_at = 0;
    row->is_due = row->settled_at == 0;
    enum st st = hotlist_turn_within(db, row->card, LISTING_REPLACED, LISTING_LOST, now_s);
    if (st == ST_OK) {
        st = lost_put(db, row);
    }
    if (st == ST_OK && !was_reported) {
        return lost_unmark(db, row->card, now_s, &was);
    }
    return st == ST_OK ? lost_tell_again(db, row->card, now_s) : st;
}

enum st lost_unname(struct actions *actions, const struct replacement *named, uint64_t right,
                    int64_t now_s, int64_t *ret_gone)
{
    struct db *db = actions->db;
    struct lost_row row;
    *ret_gone = 0;
    enum st st = lost_get(db, named->old, &row);
    for (int book = 0; book < CARD_BOOKS && st == ST_OK; book++) {
        row.given[book] -= named->part[book];
        books_move(actions, (enum book)book, ACCOUNT_TRANSIT, ACCOUNT_REPLACED, named->part[book]);
    }
    if (st == ST_OK) {
        st = replacement_name(db, named->card, 0);
    }
    if (st == ST_OK && right == named->old) {
        return lost_put(db, &row);
    }
    if (st == ST_OK) {
        st = successor_leave(actions, named->old, named->card, ret_gone);
    }
    if (st == ST_OK) {
        st = settle_given(db, &row, right, now_s);
    }
    return st == ST_OK ? stand_back(db, &row, now_s) : st;
}
