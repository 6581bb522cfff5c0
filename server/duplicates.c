/* One card's place is taken by another: duplicates (two halves at one terminal), and replacements
 * of lost cards (the second half alone). The ledger's side; lost.h has what follows. */
#include <inttypes.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/hotlist.h"
#include "server/ledger_priv.h"
#include "server/links.h"
#include "server/lost_priv.h"
#include "server/members.h"
#include "server/members_priv.h"

/* --- what follows the new card -------------------------------------------------------------- */

/* The new card is the member's, too. */
static enum st follow_member(struct ledger *ledger, const struct item *item, uint64_t old,
                             uint64_t card)
{
    struct fault fault = {""};
    uint64_t account = 0;
    enum st st = member_account_of(ledger->db, old, &account);
    if (st == ST_OK && account != 0) {
        st = members_card_within(ledger->db, account, card, item->entry.time_s, &fault);
    }
    return st == ST_REFUSED ? case_open(ledger, "member", item, card, 0,
                                        "Card %016" PRIu64 " takes the place of card %016" PRIu64
                                        " of member %016" PRIu64 ": %s",
                                        card, old, account, fault.say)
                            : st;
}

/* Whoever looks for the old card finds the new one. `moves`: what waits for the old card may go
 * over at once. */
static enum st follow(struct ledger *ledger, const struct item *item, uint64_t old, uint64_t card,
                      bool moves)
{
    enum st st = successor_put(ledger->db, old, card, moves);
    if (st == ST_OK) {
        st = links_move(ledger->db, old, card);
    }
    return st == ST_OK ? follow_member(ledger, item, old, card) : st;
}

/* --- both halves of a duplicate ------------------------------------------------------------- */

/* What is known of one duplicate at one terminal, from whichever half was posted first. */
struct pair {
    bool is_there, is_out;
    uint64_t old, card; /* that it left, that it came to; card 0: the second half is not posted */
    int64_t out[CARD_BOOKS]; /* what left */
    uint32_t in_sequence;
    int64_t in[CARD_BOOKS];
};

static enum st pair_get(struct ledger *ledger, uint32_t terminal, uint32_t sequence,
                        struct pair *ret)
{
    struct db_stmt *stmt = NULL;
    *ret = (struct pair){.is_there = false};
    enum st st = db_prepare(ledger->db,
                            "SELECT card_no, is_out, new_no, in_seq, o0, o1, o2, o3, i0, i1, i2, i3"
                            " FROM duplicate WHERE term_id = $1 AND term_seq = $2",
                            "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->is_there, (int64_t)terminal, (int64_t)sequence);
    }
    if (st == ST_OK && ret->is_there) {
        ret->old = (uint64_t)db_i64(stmt, 0);
        ret->is_out = db_i64(stmt, 1) != 0;
        ret->card = (uint64_t)db_i64(stmt, 2);
        ret->in_sequence = (uint32_t)db_i64(stmt, 3);
        for (int book = 0; book < CARD_BOOKS; book++) {
            ret->out[book] = db_i64(stmt, 4 + book);
            ret->in[book] = db_i64(stmt, 4 + CARD_BOOKS + book);
        }
    }
    db_finish(stmt);
    return st;
}

static enum st pair_put(struct ledger *ledger, uint32_t terminal, uint32_t sequence,
                        const struct pair *pair)
{
    static const char insert[] =
        "INSERT INTO duplicate (term_id, term_seq, card_no, is_out, new_no, in_seq, o0, o1, o2, o3,"
        " i0, i1, i2, i3) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    static const char update[] =
        "UPDATE duplicate SET card_no = $3, is_out = $4, new_no = $5, in_seq = $6, o0 = $7,"
        " o1 = $8, o2 = $9, o3 = $10, i0 = $11, i1 = $12, i2 = $13, i3 = $14"
        " WHERE term_id = $1 AND term_seq = $2";
    enum st st = ST_OK;
    DB_ONCE(st, ledger->db, pair->is_there ? update : insert, "iiiiiiiiiiiiii", (int64_t)terminal,
            (int64_t)sequence, (int64_t)pair->old, (int64_t)pair->is_out, (int64_t)pair->card,
            (int64_t)pair->in_sequence, pair->out[0], pair->out[1], pair->out[2], pair->out[3],
            pair->in[0], pair->in[1], pair->in[2], pair->in[3]);
    return st;
}

static enum st say_odd(struct ledger *ledger, const struct item *item, const char *what)
{
    const struct entry_intent *intent = &item->entry.intent;
    return case_open(ledger, "duplicate", item, intent->card_number, intent->after.counter,
                     "Card %016" PRIu64 " has a half of a duplicate (entry %u of terminal %u): %s.",
                     intent->card_number, item->entry.sequence, item->entry.terminal, what);
}

/* Both halves are posted. */
static enum st complete(struct ledger *ledger, const struct item *item, const struct pair *pair)
{
    uint64_t now = 0;
    bool is_ring = false;
    enum st st = card_successor(ledger->db, pair->old, &now);
    if (st == ST_OK) {
        st = successor_would_ring(ledger->db, pair->old, pair->card, &is_ring);
    }
    if (st != ST_OK || now == pair->card) {
        return st;
    }
    return is_ring            ? say_odd(ledger, item, "the old card had taken the new one's place")
           : now == pair->old ? follow(ledger, item, pair->old, pair->card, true)
                              : say_odd(ledger, item, "another card has taken the old one's place");
}

static enum st join(struct ledger *ledger, const struct item *item, uint32_t first,
                    struct pair *pair)
{
    if (pair->is_out && pair->card != 0 && memcmp(pair->out, pair->in, sizeof pair->out) != 0) {
        return say_odd(ledger, item, "what came to the new card is not what left the old one");
    }
    const enum st st = pair_put(ledger, item->entry.terminal, first, pair);
    return st == ST_OK && pair->is_out && pair->card != 0 ? complete(ledger, item, pair) : st;
}

static enum st join_in(struct ledger *ledger, const struct item *item, uint32_t first, uint64_t old)
{
    struct pair pair;
    enum st st = pair_get(ledger, item->entry.terminal, first, &pair);
    if (st != ST_OK) {
        return st;
    }
    if (pair.card != 0 && pair.in_sequence != item->entry.sequence) {
        return say_odd(ledger, item, "another card has it already");
    }
    if (pair.is_there && pair.old != old) {
        return say_odd(ledger, item, "it left another card");
    }
    pair.old = old;
    pair.card = item->entry.intent.card_number;
    pair.in_sequence = item->entry.sequence;
    snapshot_balances(&item->entry.intent.after, pair.in);
    return join(ledger, item, first, &pair);
}

/* --- replacements --------------------------------------------------------------------------- */

static enum st note_new(struct ledger *ledger, const struct item *item, uint64_t old,
                        bool is_second)
{
    struct replacement replacement = {.card = item->entry.intent.card_number,
                                      .old = old,
                                      .terminal = item->entry.terminal,
                                      .sequence = item->entry.sequence,
                                      .at = item->entry.time_s,
                                      .is_second = is_second};
    snapshot_balances(&item->entry.intent.after, replacement.part);
    return replacement_put(ledger->db, &replacement);
}

/* The second card for one lost card, or one for a card that is in its own place: it carries what it
 * was given, and is refused from now on. */
static enum st second(struct ledger *ledger, const struct item *item, uint64_t old, uint64_t first)
{
    const struct entry_intent *intent = &item->entry.intent;
    enum st st =
        hotlist_list_within(ledger->db, intent->card_number, LISTING_BLOCKED, ledger->now_s);
    if (st == ST_OK && first == old) {
        return case_open(ledger, "replaced", item, intent->card_number, 1,
                         "Card %016" PRIu64 " was made at terminal %u in place of card %016" PRIu64
                         ", which is said to be in its own place: it is refused from now on.",
                         intent->card_number, item->entry.terminal, old);
    }
    return st == ST_OK ? case_open(ledger, "replaced", item, intent->card_number, 1,
                                   "Card %016" PRIu64 " was made at terminal %u in place of card "
                                   "%016" PRIu64 ", which card %016" PRIu64
                                   " had replaced: it is refused from now on.",
                                   intent->card_number, item->entry.terminal, old, first)
                       : st;
}

static enum st replace(struct ledger *ledger, const struct item *item, uint64_t old)
{
    const uint64_t card = item->entry.intent.card_number;
    int64_t part[CARD_BOOKS];
    uint64_t now = 0;
    bool is_ring = false;
    enum st st = card_successor(ledger->db, old, &now);
    if (st == ST_OK) {
        st = successor_would_ring(ledger->db, old, card, &is_ring);
    }
    const bool is_second = is_ring || (now != old && now != card);
    snapshot_balances(&item->entry.intent.after, part);
    if (st == ST_OK) {
        st = note_new(ledger, item, old, is_second);
    }
    if (st != ST_OK || is_second) {
        return st == ST_OK ? second(ledger, item, old, now) : st;
    }
    ledger->has_lost = true;
    st = lost_replaced(ledger->db, old, card, part, item->entry.terminal, item->entry.sequence,
                       ledger->now_s);
    return st == ST_OK && now == old ? follow(ledger, item, old, card, false) : st;
}

/* --- read off cards of a dead terminal ------------------------------------------------------ */

/* The newest first half before `sequence` that nobody has and that is the same to the rial. */
static enum st find_out(struct ledger *ledger, const struct item *item, uint32_t *ret_first,
                        uint64_t *ret_old)
{
    struct db_stmt *stmt = NULL;
    int64_t has[CARD_BOOKS];
    bool row = false;
    snapshot_balances(&item->entry.intent.after, has);
    enum st st = db_prepare(ledger->db,
                            "SELECT term_seq, card_no FROM duplicate WHERE term_id = $1"
                            " AND term_seq < $2 AND is_out = 1 AND new_no = 0 AND o0 = $3"
                            " AND o1 = $4 AND o2 = $5 AND o3 = $6 ORDER BY term_seq DESC LIMIT 1",
                            "iiiiii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)item->entry.terminal, (int64_t)item->entry.sequence,
                      has[0], has[1], has[2], has[3]);
    }
    *ret_first = st == ST_OK && row ? (uint32_t)db_i64(stmt, 0) : 0;
    *ret_old = st == ST_OK && row ? (uint64_t)db_i64(stmt, 1) : 0;
    db_finish(stmt);
    return st;
}

/* The same the other way round: a second half of this terminal without a first. */
static enum st find_in(struct ledger *ledger, const struct item *item, const struct pair *pair,
                       uint64_t *ret_card, uint32_t *ret_sequence)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(ledger->db,
                            "SELECT card_no, term_seq FROM replacement WHERE old_no = 0"
                            " AND term_id = $1 AND term_seq > $2 AND x0 = $3 AND x1 = $4"
                            " AND x2 = $5 AND x3 = $6 ORDER BY term_seq LIMIT 1",
                            "iiiiii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)item->entry.terminal, (int64_t)item->entry.sequence,
                      pair->out[0], pair->out[1], pair->out[2], pair->out[3]);
    }
    *ret_card = st == ST_OK && row ? (uint64_t)db_i64(stmt, 0) : 0;
    *ret_sequence = st == ST_OK && row ? (uint32_t)db_i64(stmt, 1) : 0;
    db_finish(stmt);
    return st;
}

/* The card does not tell which card it took the place of. */
static enum st proven_in(struct ledger *ledger, const struct item *item)
{
    const uint64_t card = item->entry.intent.card_number;
    uint32_t first = 0;
    uint64_t old = 0;
    enum st st = find_out(ledger, item, &first, &old);
    if (st != ST_OK || first != 0) {
        return st == ST_OK ? join_in(ledger, item, first, old) : st;
    }
    st = note_new(ledger, item, 0, false);
    return st == ST_OK
               ? case_open(ledger, "duplicate", item, card, 1,
                           "Card %016" PRIu64 " began at terminal %u, which is dead, with what "
                           "another card had. Say which one: vafa-club lost name %016" PRIu64
                           " OLD-CARD.",
                           card, item->entry.terminal, card)
               : st;
}

static enum st post_out(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    struct pair pair;
    enum st st = pair_get(ledger, item->entry.terminal, item->entry.sequence, &pair);
    if (st == ST_OK && pair.is_there && pair.old != intent->card_number) {
        return say_odd(ledger, item, "it left another card");
    }
    pair.is_out = true;
    pair.old = intent->card_number;
    if (intent->has_before) {
        snapshot_balances(&intent->before, pair.out);
    }
    if (st == ST_OK && pair.card == 0) {
        st = find_in(ledger, item, &pair, &pair.card, &pair.in_sequence);
        memcpy(pair.in, pair.out, sizeof pair.in);
        if (st == ST_OK && pair.card != 0) {
            st = replacement_drop(ledger->db, pair.card);
        }
    }
    return st == ST_OK ? join(ledger, item, item->entry.sequence, &pair) : st;
}

/* --- posting -------------------------------------------------------------------------------- */

bool duplicates_is_replacement(const struct entry_intent *intent)
{
    const struct peer *peer = &intent->occasion.peer;
    return intent->after.last.kind == TRANSACTION_DUPLICATE && peer->direction == PEER_IN &&
           peer->sequence == 0;
}

enum st duplicates_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct peer *peer = &intent->occasion.peer;
    if (intent->after.last.flags == TRANSFER_OUT) {
        return post_out(ledger, item);
    }
    if (peer->direction != PEER_IN) {
        return proven_in(ledger, item);
    }
    if (duplicates_is_replacement(intent)) {
        return replace(ledger, item, peer->card_number);
    }
    return peer->terminal == item->entry.terminal
               ? join_in(ledger, item, peer->sequence, peer->card_number)
               : say_odd(ledger, item, "its first half is said to be another terminal's");
}

/* A person had named the card whose place it took: taken back, for the entry itself says so now. */
static enum st unname(struct ledger *ledger, const struct replacement *replacement)
{
    struct lost_row row;
    enum st st = lost_get(ledger->db, replacement->old, &row);
    if (st != ST_OK || row.new_card != replacement->card) {
        return st;
    }
    for (int book = 0; book < CARD_BOOKS; book++) {
        row.given[book] -= replacement->part[book];
        books_move(ledger->actions, (enum book)book, ACCOUNT_TRANSIT, ACCOUNT_REPLACED,
                   replacement->part[book]);
    }
    return lost_put(ledger->db, &row);
}

enum st duplicates_undo(struct ledger *ledger, const struct item *item)
{
    const uint64_t card = item->entry.intent.card_number;
    struct replacement replacement;
    enum st st = replacement_get(ledger->db, card, &replacement);
    if (st == ST_OK && replacement.is_there && replacement.old != 0) {
        st = unname(ledger, &replacement);
    }
    return st == ST_OK && replacement.is_there ? replacement_drop(ledger->db, card) : st;
}
