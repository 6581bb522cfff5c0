/* Lone first halves of duplicates for people: the list, and the club's own hand (duplicates.h).
 *
 * Its orders are named by the half, so a second time, or at a restored club, they are the same;
 * what left the card is in `transit`, and they take it from there. */
#include "server/duplicates.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/actions_priv.h"
#include "server/duplicates_priv.h"
#include "server/hotlist.h"
#include "server/transfers_priv.h"

/* --- lists --------------------------------------------------------------------------------- */

#define SELECT_LONE                                                                                \
    "SELECT d.term_id, d.term_seq, d.at, d.card_no, d.o0, d.o1, d.o2, d.o3,"                       \
    " coalesce(s.new_no, 0), CASE WHEN s.new_no IS NULL THEN 'waits' ELSE 'released' END"          \
    " FROM duplicate d LEFT JOIN successor s ON s.card_no = d.card_no"                             \
    " WHERE d.is_out = 1 AND d.new_no = 0"

static const char *const open_columns[] = {"iterminal", "isequence", "iat",   "ccard",
                                           "ipoints",   "icredit",   "igift", "ivoucher",
                                           "cto",       "tstate",    NULL};
const struct places duplicates_open = {
    SELECT_LONE " AND (d.term_id > $1 OR (d.term_id = $1 AND d.term_seq > $2))"
                " ORDER BY d.term_id, d.term_seq LIMIT $3",
    open_columns};
const char duplicates_one[] = SELECT_LONE " AND d.term_id = $1 AND d.term_seq = $2";

/* --- orders -------------------------------------------------------------------------------- */

enum { ORDERS_MAX = 32 }; /* how often one book's order is made anew, of those that come back */

static const enum action_kind kinds[CARD_BOOKS] = {[BOOK_POINTS] = ACTION_POINTS,
                                                   [BOOK_CREDIT] = ACTION_CREDIT,
                                                   [BOOK_GIFT] = ACTION_GIFT,
                                                   [BOOK_VOUCHER] = ACTION_VOUCHER};

static void name_order(const struct pair *pair, int book, int n, char ret[ACTIONS_REF_MAX + 1])
{
    (void)snprintf(ret, ACTIONS_REF_MAX + 1, DUPLICATE_REF "%u-%u/%s/%d", pair->terminal,
                   pair->sequence, action_kind_word(kinds[book]), n);
}

/* The number of the order that a book still needs; *ret_n 0: one has it, or is on its way. */
static enum st next_order(struct actions *actions, const struct pair *pair, int book, int *ret_n,
                          struct fault *fault)
{
    char ref[ACTIONS_REF_MAX + 1];
    struct action_row row;
    bool found = true;
    enum st st = ST_OK;
    int n = 0;
    do {
        name_order(pair, book, ++n, ref);
        st = row_by_ref(actions, ORIGIN_TRANSFER, ref, &row, &found);
    } while (st == ST_OK && found && row.state == ACTION_RETURNED && n < ORDERS_MAX);
    if (st == ST_OK && found && row.state == ACTION_RETURNED) {
        fault_say(fault, "It came back %d times.", ORDERS_MAX);
        return ST_REFUSED;
    }
    const bool is_free = !found || row.state == ACTION_STRAY;
    *ret_n = st == ST_OK && is_free ? n : 0;
    return st;
}

static enum st order(struct actions *actions, const struct pair *pair, uint64_t to, int book,
                     int64_t now_s, struct fault *fault)
{
    char ref[ACTIONS_REF_MAX + 1], giver[ACTIONS_GIVER_MAX + 1];
    struct action_made made;
    int n = 0;
    enum st st = pair->out[book] == 0 ? ST_OK : next_order(actions, pair, book, &n, fault);
    if (st != ST_OK || n == 0) {
        return st;
    }
    name_order(pair, book, n, ref);
    (void)snprintf(giver, sizeof giver, "%016" PRIu64, pair->old);
    const struct action_order order = {.action = {.kind = kinds[book],
                                                  .origin = ORIGIN_TRANSFER,
                                                  .card_number = to,
                                                  .amount = pair->out[book],
                                                  .text = ""},
                                       .ref = ref,
                                       .giver = giver};
    return order_take(actions, &order, now_s, &made, fault);
}

/* --- what is refused ----------------------------------------------------------------------- */

/* A card of that terminal that began with just this, and nobody knows in whose place. */
static enum st check_unnamed(struct db *db, const struct pair *pair, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool found = false;
    enum st st = db_prepare(db,
                            "SELECT r.card_no FROM replacement r WHERE r.old_no = 0"
                            " AND r.term_id = $1 AND r.term_seq > $2 AND r.x0 = $3 AND r.x1 = $4"
                            " AND r.x2 = $5 AND r.x3 = $6 AND NOT EXISTS (SELECT 1 FROM"
                            " duplicate d WHERE d.new_no = r.card_no) LIMIT 1",
                            "iiiiii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &found, (int64_t)pair->terminal, (int64_t)pair->sequence, pair->out[0],
                      pair->out[1], pair->out[2], pair->out[3]);
    }
    if (st == ST_OK && found) {
        fault_say(fault,
                  "Card %016" PRId64
                  " began at terminal %u with just that: say first which card it "
                  "took the place of (vafa-club lost name).",
                  db_i64(stmt, 0), pair->terminal);
        st = ST_REFUSED;
    }
    db_finish(stmt);
    return st;
}

static enum st check_place(struct db *db, const struct pair *pair, uint64_t to, enum place *ret,
                           struct fault *fault)
{
    uint64_t now = 0;
    enum st st = successor_place(db, pair->old, to, ret);
    if (st == ST_OK) {
        st = card_successor(db, pair->old, &now);
    }
    if (st != ST_OK || *ret == PLACE_SAME || (*ret == PLACE_FREE && to != pair->old)) {
        return st;
    }
    if (*ret == PLACE_TAKEN) {
        fault_say(fault, "Card %016" PRIu64 " is in the place of card %016" PRIu64 " already.", now,
                  pair->old);
    } else {
        fault_say(fault, "Card %016" PRIu64 " was closed when that left it: name another one.", to);
    }
    return ST_REFUSED;
}

/* --- the club's own hand ------------------------------------------------------------------- */

static enum st load(struct db *db, const struct transfer_release *release, struct pair *ret,
                    struct fault *fault)
{
    if (release->to == 0) {
        fault_say(fault, "Say which card it goes to.");
        return ST_REFUSED;
    }
    const enum st st = pair_get(db, release->terminal, release->sequence, ret);
    if (st == ST_OK && (!ret->is_there || !ret->is_out)) {
        fault_say(fault,
                  "The club has no card that went whole to another one at terminal %u by "
                  "its entry %u.",
                  release->terminal, release->sequence);
        return ST_REFUSED;
    }
    if (st == ST_OK && ret->card != 0) {
        fault_say(fault, "Card %016" PRIu64 " has what left card %016" PRIu64 " already.",
                  ret->card, ret->old);
        return ST_REFUSED;
    }
    return st;
}

static enum st release_within(struct actions *actions, const struct transfer_release *release,
                              int64_t now_s, struct fault *fault)
{
    struct db *db = actions->db;
    struct pair pair;
    enum place place = PLACE_TAKEN;
    enum st st = load(db, release, &pair, fault);
    if (st == ST_OK) {
        st = check_place(db, &pair, release->to, &place, fault);
    }
    if (st == ST_OK && place == PLACE_FREE) {
        st = transfer_check_gone(db, release->terminal, "let it finish that there",
                                 release->is_anyway, fault);
        if (st == ST_OK) {
            st = check_unnamed(db, &pair, fault);
        }
        if (st == ST_OK) {
            st = successor_follow(db, pair.old, release->to, true, now_s, fault);
        }
        if (st == ST_OK) {
            st = pair_close_case(db, &pair, "released", now_s);
        }
    }
    for (int book = 0; book < CARD_BOOKS && st == ST_OK; book++) {
        st = order(actions, &pair, release->to, book, now_s, fault);
    }
    return st;
}

enum st duplicates_release(struct actions *actions, const struct transfer_release *release,
                           int64_t now_s, struct fault *fault)
{
    const enum st st = actions_begin(actions, fault);
    if (st != ST_OK) {
        return st;
    }
    return actions_finish(actions, release_within(actions, release, now_s, fault), now_s, fault);
}

enum st duplicates_given(struct actions *actions, const struct pair *pair, bool *ret)
{
    char ref[ACTIONS_REF_MAX + 1];
    struct action_row row;
    enum st st = ST_OK;
    *ret = false;
    for (int book = 0; book < CARD_BOOKS && st == ST_OK && !*ret; book++) {
        name_order(pair, book, 1, ref);
        st = row_by_ref(actions, ORIGIN_TRANSFER, ref, &row, ret);
    }
    return st;
}

enum st duplicates_take_back(struct actions *actions, const struct pair *pair)
{
    enum st st = ST_OK;
    for (int book = 0; book < CARD_BOOKS && st == ST_OK; book++) {
        bool found = true;
        for (int n = 1; n <= ORDERS_MAX && st == ST_OK && found; n++) {
            char ref[ACTIONS_REF_MAX + 1];
            struct action_row row;
            name_order(pair, book, n, ref);
            st = row_by_ref(actions, ORIGIN_TRANSFER, ref, &row, &found);
            if (st == ST_OK && found && row.state == ACTION_WAITING) {
                st = row_end(actions, &row);
            }
        }
    }
    return st;
}
