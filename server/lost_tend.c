/* What falls due with replaced cards (lost.h): waiting actions move, balances follow. */
#include <inttypes.h>
#include <stdio.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/lost_priv.h"
#include "server/settled.h"

/* --- waiting actions ------------------------------------------------------------------------ */

/* No terminal can have applied them: the card is closed, or was refused everywhere before all that
 * was done with it was known. */
static enum st move_actions(struct actions *actions, uint64_t from, int64_t now_s,
                            struct fault *fault)
{
    struct action_row row;
    uint64_t to = 0;
    bool found = true;
    enum st st = card_successor(actions->db, from, &to);
    while (st == ST_OK && found && to != from) {
        st = row_waiting(actions, from, &row, &found);
        if (st == ST_OK && found) {
            st = row_move(actions, &row, to, now_s);
        }
        if (st == ST_OK && found && actions->signer != NULL) {
            st = row_offer(actions, &row, now_s, fault);
            st = st == ST_REFUSED ? ST_OK : st; /* no number left: actions_tend() ends it */
        }
    }
    return st;
}

static enum st next_moving(struct db *db, uint64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(
        db, "SELECT card_no FROM successor WHERE is_due = 1 ORDER BY card_no LIMIT 1", "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    *ret = st == ST_OK && row ? (uint64_t)db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

static enum st move_all(struct actions *actions, int64_t now_s, struct fault *fault)
{
    uint64_t card = 0;
    enum st st = next_moving(actions->db, &card);
    for (int i = 0; i < LOST_TEND_MAX && st == ST_OK && card != 0; i++) {
        st = move_actions(actions, card, now_s, fault);
        if (st == ST_OK) {
            DB_ONCE(st, actions->db, "UPDATE successor SET is_due = 0 WHERE card_no = $1", "i",
                    (int64_t)card);
        }
        if (st == ST_OK) {
            st = next_moving(actions->db, &card);
        }
    }
    return st;
}

/* --- the balance ---------------------------------------------------------------------------- */

/* The kinds that put on a book and take off it. Of gift and voucher nothing is taken off. */
static const struct {
    enum action_kind put, take;
} kinds[CARD_BOOKS] = {
    [BOOK_POINTS] = {ACTION_POINTS, ACTION_TAKE_POINTS},
    [BOOK_CREDIT] = {ACTION_CREDIT, ACTION_TAKE_CREDIT},
    [BOOK_GIFT] = {ACTION_GIFT, ACTION_VOID},
    [BOOK_VOUCHER] = {ACTION_VOUCHER, ACTION_VOID},
};

/* One round of one card. Its actions are named by card, round, kind and place among those of that
 * kind, so that a club that was restored gives them the same names. */
struct round {
    struct actions *actions;
    struct lost_row *row;
    int64_t now_s;
    char ref[ACTIONS_REF_MAX + 1];
};

static void name_action(struct round *round, enum action_kind kind, int place)
{
    (void)snprintf(round->ref, sizeof round->ref, "%016" PRIu64 "/%" PRId64 "/%s/%d",
                   round->row->card, round->row->round + 1, action_kind_word(kind), place);
}

static enum st note_release(const struct round *round, enum action_kind kind, int place,
                            uint64_t id)
{
    enum { KIND_PLACES = 1000 };
    enum st st = ST_OK;
    DB_ONCE(st, round->actions->db,
            "INSERT INTO lost_release (card_no, round, n, id, at) VALUES ($1, $2, $3, $4, $5)",
            "iiiii", (int64_t)round->row->card, round->row->round + 1,
            (int64_t)kind * KIND_PLACES + place, (int64_t)id, round->now_s);
    return st;
}

static enum st order(struct round *round, enum action_kind kind, int place, int64_t amount,
                     struct fault *fault)
{
    struct action_made made = {.id = 0};
    name_action(round, kind, place);
    const struct action_order order = {.action = {.kind = kind,
                                                  .origin = ORIGIN_REPLACEMENT,
                                                  .card_number = round->row->new_card,
                                                  .amount = amount,
                                                  .text = "کارت جایگزین"},
                                       .ref = round->ref,
                                       .giver = "",
                                       .is_unseen_fine = true};
    enum st st = order_take(round->actions, &order, round->now_s, &made, fault);
    if (st == ST_REFUSED) {
        /* The card has no number left (actions_tend() ends the order), or a person gave that
         * reference to something else: neither may hold up the terminal that asks. */
        st = ST_OK;
    }
    return st == ST_OK ? note_release(round, kind, place, made.id) : st;
}

/* The actions of this round that the card has and the club had forgotten, for it was restored: they
 * count as what they are. */
static enum st adopt(struct round *round, enum action_kind kind, int64_t *ret_sum,
                     struct fault *fault)
{
    struct action_row row;
    bool found = kind != ACTION_VOID;
    enum st st = ST_OK;
    *ret_sum = 0;
    for (int place = 1; st == ST_OK && found; place++) {
        name_action(round, kind, place);
        st = row_by_ref(round->actions, ORIGIN_REPLACEMENT, round->ref, &row, &found);
        found = st == ST_OK && found && row.state == ACTION_STRAY;
        if (found) {
            st = order(round, kind, place, row.action.amount, fault);
            *ret_sum += row.action.amount;
        }
    }
    return st;
}

static enum st adopt_all(struct round *round, bool *ret_any, struct fault *fault)
{
    enum st st = ST_OK;
    *ret_any = false;
    for (int book = 0; book < CARD_BOOKS && st == ST_OK; book++) {
        int64_t put = 0, taken = 0;
        st = adopt(round, kinds[book].put, &put, fault);
        if (st == ST_OK) {
            st = adopt(round, kinds[book].take, &taken, fault);
        }
        round->row->given[book] += put - taken;
        *ret_any = *ret_any || put != 0 || taken != 0;
    }
    return st;
}

/* Takes off the new card what it got too much, in actions as large as there are. */
static enum st ask_back(struct round *round, int book, int64_t much, struct fault *fault)
{
    const int64_t most = book == BOOK_POINTS ? REDEEMED_MAX : MONEY_MAX_RIALS;
    enum st st = ST_OK;
    round->row->given[book] -= much;
    if (kinds[book].take == ACTION_VOID) {
        round->row->short_of[book] += much;
        return ST_OK;
    }
    for (int place = 1; st == ST_OK && much > 0; place++) {
        const int64_t part = much < most ? much : most;
        st = order(round, kinds[book].take, place, part, fault);
        much -= part;
    }
    return st;
}

static enum st release(struct actions *actions, struct lost_row *row, int64_t now_s,
                       struct fault *fault)
{
    struct round round = {.actions = actions, .row = row, .now_s = now_s};
    struct standing standing;
    bool any = false;
    enum st st = adopt_all(&round, &any, fault);
    if (st == ST_OK) {
        st = standing_get(actions->db, row->card, &standing);
    }
    for (int book = 0; book < CARD_BOOKS && st == ST_OK && !any; book++) {
        const int64_t rest = standing.balance[book] - row->given[book];
        if (rest > 0) {
            st = order(&round, kinds[book].put, 1, rest, fault);
            row->given[book] += rest;
        } else if (rest < 0) {
            st = ask_back(&round, book, -rest, fault);
        }
    }
    row->round++;
    return st;
}

static bool is_even(const struct lost_row *row, const struct standing *standing)
{
    bool is_even = true;
    for (int book = 0; book < CARD_BOOKS; book++) {
        is_even = is_even && row->given[book] == standing->balance[book];
    }
    return is_even;
}

/* Whether the card that has the lost one's place has a number left for an action. One that has none
 * waits until it is replaced itself. */
static enum st can_take(struct actions *actions, uint64_t card, bool *ret)
{
    struct action_card numbers = {.last = 0};
    uint64_t now = 0;
    enum st st = card_successor(actions->db, card, &now);
    if (st == ST_OK) {
        st = numbers_get(actions, now, &numbers);
    }
    *ret = st == ST_OK && numbers.last < SNAPSHOT_ACTION_MAX;
    return st;
}

/* All that terminals did with the card is known, or something more of it has become known. */
static enum st settle(struct actions *actions, uint64_t card, int64_t now_s, struct fault *fault)
{
    struct lost_row row;
    struct standing standing;
    enum st st = lost_get(actions->db, card, &row);
    if (st != ST_OK) {
        return st;
    }
    bool can = false;
    row.settled_at = row.settled_at == 0 ? now_s : row.settled_at;
    if (row.new_card != 0) {
        st = standing_get(actions->db, card, &standing);
        if (st == ST_OK) {
            st = lost_hold(actions, &row, &standing, now_s);
        }
        if (st == ST_OK && row.held_at == 0) {
            st = successor_moves(actions->db, card);
        }
        if (st == ST_OK && row.held_at == 0) {
            st = can_take(actions, row.new_card, &can);
        }
        if (st == ST_OK && can) {
            st = lost_follow_said(actions, &row, now_s, fault);
        }
        if (st == ST_OK && can && !is_even(&row, &standing)) {
            st = release(actions, &row, now_s, fault);
        }
    }
    /* What a restored club had forgotten was counted as it is: then another round. */
    row.is_due = st == ST_OK && row.new_card != 0 && can && !is_even(&row, &standing);
    return st == ST_OK ? lost_put(actions->db, &row) : st;
}

/* --- the round ------------------------------------------------------------------------------ */

static enum st next_due(struct db *db, int64_t settled_s, uint64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT card_no FROM lost WHERE is_due = 1 AND listed_at < $1"
                            " ORDER BY listed_at LIMIT 1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, settled_s);
    }
    *ret = st == ST_OK && row ? (uint64_t)db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

static enum st tend(struct actions *actions, int64_t settled_s, int64_t now_s, struct fault *fault)
{
    uint64_t card = 0;
    enum st st = next_due(actions->db, settled_s, &card);
    for (int i = 0; i < LOST_TEND_MAX && st == ST_OK && card != 0; i++) {
        st = settle(actions, card, now_s, fault);
        if (st == ST_OK) {
            st = next_due(actions->db, settled_s, &card);
        }
    }
    if (st == ST_OK) {
        st = move_all(actions, now_s, fault);
    }
    return st == ST_OK ? books_flush(actions, now_s) : st;
}

enum st lost_tend(struct db *db, struct actions *actions, int64_t now_s, struct fault *fault)
{
    uint64_t due = 0, moving = 0;
    int64_t settled_s = 0;
    enum st st = next_due(db, INT64_MAX, &due);
    if (st == ST_OK) {
        st = next_moving(db, &moving);
    }
    if (st == ST_OK && due != 0) { /* asking all terminals costs more than the rest */
        st = settled_until(db, &settled_s);
    }
    if (st == ST_OK && due != 0) {
        st = next_due(db, settled_s, &due);
    }
    if (st != ST_OK || (due == 0 && moving == 0)) {
        return st;
    }
    st = db_begin_write(db);
    if (st == ST_OK) {
        st = actions_look(actions);
    }
    /* A club that has forgotten something may have forgotten a release: it waits until it knows. */
    if (st == ST_OK && !actions->is_held) {
        st = tend(actions, settled_s, now_s, fault);
    }
    return actions_end(actions, st, fault);
}
