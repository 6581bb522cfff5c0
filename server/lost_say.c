/* What people tell the club of lost cards (lost.h). */
#include <inttypes.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/links.h"
#include "server/lost_priv.h"
#include "server/members.h"
#include "server/members_priv.h"

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
    return change_end(db, st, fault);
}

/* --- a card whose predecessor a dead terminal kept to itself -------------------------------- */

static enum st check_name(struct db *db, uint64_t card, uint64_t old, struct replacement *ret,
                          struct fault *fault)
{
    uint64_t by = 0;
    bool is_ring = false;
    enum st st = replacement_get(db, card, ret);
    if (st == ST_OK && (!ret->is_there || ret->old != 0 || card == old)) {
        fault_say(fault,
                  "Card %016" PRIu64 " is none that began with what an unknown card had: the cases"
                  " name those.",
                  card);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = successor_would_ring(db, old, card, &is_ring);
    }
    if (st == ST_OK && is_ring) {
        return refuse_replaced(card, old, fault);
    }
    if (st == ST_OK) {
        st = card_successor(db, old, &by);
    }
    return st == ST_OK && by != old ? refuse_replaced(old, by, fault) : st;
}

/* The part came out of `transit`, for all that was known; now it is known better. */
static enum st name_within(struct db *db, struct actions *actions, struct replacement *row,
                           uint64_t old, int64_t now_s, struct fault *fault)
{
    uint64_t account = 0;
    enum st st = ST_OK;
    DB_ONCE(st, db, "UPDATE replacement SET old_no = $2 WHERE card_no = $1", "ii",
            (int64_t)row->card, (int64_t)old);
    for (int book = 0; book < CARD_BOOKS; book++) {
        books_move(actions, (enum book)book, ACCOUNT_REPLACED, ACCOUNT_TRANSIT, row->part[book]);
    }
    if (st == ST_OK) {
        st = lost_replaced(db, old, row->card, row->part, 0, 0, now_s);
    }
    if (st == ST_OK) {
        st = successor_put(db, old, row->card, false);
    }
    if (st == ST_OK) {
        st = links_move(db, old, row->card);
    }
    if (st == ST_OK) {
        st = member_account_of(db, old, &account);
    }
    if (st == ST_OK && account != 0) {
        st = members_card_within(db, account, row->card, row->at, fault);
    }
    return st == ST_OK ? books_flush(actions, now_s) : st;
}

enum st lost_name(struct db *db, struct actions *actions, uint64_t card, uint64_t old,
                  int64_t now_s, struct fault *fault)
{
    struct replacement row;
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        st = check_name(db, card, old, &row, fault);
    }
    if (st == ST_OK) {
        st = name_within(db, actions, &row, old, now_s, fault);
    }
    if (st != ST_OK) {
        books_forget(actions);
    }
    return change_end(db, st, fault);
}
