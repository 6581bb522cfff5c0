/* Halves of duplicates that cards showed of a terminal that is declared dead. A card tells what it
 * has, when, and the number of its own half, and nothing of the other one. They are joined where
 * each is the only one that fits the other; of the rest a person says it. */
#include <inttypes.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/duplicates_priv.h"
#include "server/members_priv.h"

enum { HALVES_MAX = 256 }; /* of one terminal; with more of them none is joined */

struct half {
    uint32_t sequence;
    uint64_t card;
    int64_t has[CARD_BOOKS], look, at_s;
    uint64_t account; /* known otherwise than by a guess; 0 = not known */
    uint64_t with;    /* of a first one: the card that it is taken to have gone to; 0 = none */
};

struct halves {
    struct half rows[HALVES_MAX];
    size_t count;
    bool is_whole; /* there are no more */
};

/* Columns: number, card, four balances, look, time, the other card, account by that. */
static enum st halves_get(struct ledger *ledger, const char *sql, int64_t terminal,
                          struct halves *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    ret->count = 0;
    enum st st = db_prepare(ledger->db, sql, "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, terminal, (int64_t)HALVES_MAX + 1);
    }
    while (st == ST_OK && row && ret->count < HALVES_MAX) {
        struct half *half = &ret->rows[ret->count++];
        half->sequence = (uint32_t)db_i64(stmt, 0);
        half->card = (uint64_t)db_i64(stmt, 1);
        for (int book = 0; book < CARD_BOOKS; book++) {
            half->has[book] = db_i64(stmt, 2 + book);
        }
        half->look = db_i64(stmt, 6);
        half->at_s = db_i64(stmt, 7);
        half->with = (uint64_t)db_i64(stmt, 8);
        const bool is_guess = db_i64(stmt, 9) != 0;
        st = member_account_of(ledger->db, half->card, &half->account);
        half->account = is_guess ? 0 : half->account;
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    ret->is_whole = !row;
    db_finish(stmt);
    return st;
}

/* --- joining -------------------------------------------------------------------------------- */

/* Empty cards are all the same: only their member tells them apart. */
static bool tells(const struct half *out, const struct half *in)
{
    bool any = out->account != 0 && out->account == in->account;
    for (int book = 0; book < CARD_BOOKS; book++) {
        any = any || out->has[book] != 0;
    }
    return any;
}

/* A card tells the minute, a journal the second. */
static bool fits(const struct half *out, const struct half *in)
{
    return out->sequence < in->sequence && out->card != in->card &&
           memcmp(out->has, in->has, sizeof out->has) == 0 &&
           (out->look == in->look || out->look < 0 || in->look < 0) &&
           (out->at_s == 0 || in->at_s == 0 || out->at_s / 60 <= in->at_s / 60) &&
           (out->account == in->account || out->account == 0 || in->account == 0);
}

/* The only one of `among` that fits `half`; NULL: none, or more than one. */
static const struct half *only(const struct half *half, bool is_in, const struct halves *among)
{
    const struct half *found = NULL;
    for (size_t i = 0; i < among->count; i++) {
        const struct half *other = &among->rows[i];
        if (is_in ? fits(other, half) : fits(half, other)) {
            if (found != NULL) {
                return NULL;
            }
            found = other;
        }
    }
    return found;
}

static const struct half *other_of(const struct half *out, const struct halves *outs,
                                   const struct halves *ins)
{
    const struct half *in = outs->is_whole && ins->is_whole ? only(out, false, ins) : NULL;
    return in != NULL && only(in, true, outs) == out && tells(out, in) ? in : NULL;
}

/* The row that a case about a second half is named by. */
static struct item item_of(uint32_t terminal, uint32_t sequence, uint64_t card)
{
    struct item item = {.raw = (const uint8_t *)"", .raw_bytes = 0};
    item.entry.kind = ENTRY_INTENT;
    item.entry.terminal = terminal;
    item.entry.sequence = sequence;
    item.entry.intent.card_number = card;
    return item;
}

static enum st part(struct ledger *ledger, uint32_t terminal, const struct half *out)
{
    struct pair pair;
    int64_t gone = 0;
    enum st st = pair_get(ledger->db, terminal, out->sequence, &pair);
    const struct item by = item_of(terminal, pair.in_sequence, pair.card);
    if (st == ST_OK) {
        st = pair_part(ledger->actions, &pair, &gone);
    }
    return st == ST_OK ? duplicates_say_gone(ledger, &by, out->card, out->with, gone) : st;
}

/* What cannot be, for another card is in that place or a person has given it to one, is left apart.
 */
static enum st join(struct ledger *ledger, uint32_t terminal, const struct half *out,
                    const struct half *in)
{
    struct pair pair;
    enum place place = PLACE_TAKEN;
    bool is_given = false;
    struct fault fault = {""};
    enum st st = pair_get(ledger->db, terminal, out->sequence, &pair);
    if (st == ST_OK) {
        st = successor_place(ledger->db, out->card, in->card, &place);
    }
    if (st == ST_OK) {
        st = duplicates_given(ledger->actions, &pair, &is_given);
    }
    if (st != ST_OK || is_given || place == PLACE_TAKEN || place == PLACE_RING) {
        return st;
    }
    st = pair_join(ledger->db, &pair, in->card, in->sequence, PAIR_GUESSED, in->at_s, &fault);
    return st == ST_REFUSED ? ST_OK : st; /* accounts that differ do not fit */
}

/* All that does not hold any more is parted first: the order of posting decides nothing. */
static enum st join_all(struct ledger *ledger, uint32_t terminal, const struct halves *outs,
                        const struct halves *ins)
{
    enum st st = ST_OK;
    for (int step = 0; step < 2; step++) {
        for (size_t i = 0; i < outs->count && st == ST_OK; i++) {
            const struct half *out = &outs->rows[i], *in = other_of(out, outs, ins);
            if ((in == NULL ? 0 : in->card) == out->with) {
                continue;
            }
            if (step == 0 && out->with != 0) {
                st = part(ledger, terminal, out);
            } else if (step == 1 && in != NULL) {
                st = join(ledger, terminal, out, in);
            }
        }
    }
    return st;
}

static enum st guess(struct ledger *ledger, uint32_t terminal)
{
    static struct halves ins, outs; /* one thread; too large for its stack */
    enum st st =
        halves_get(ledger,
                   "SELECT term_seq, card_no, o0, o1, o2, o3, look, at, new_no, 0 FROM duplicate"
                   " WHERE term_id = $1 AND is_out = 1 AND (new_no = 0 OR how = 1)"
                   " ORDER BY term_seq LIMIT $2",
                   terminal, &outs);
    if (st == ST_OK) {
        st = halves_get(ledger,
                        "SELECT r.term_seq, r.card_no, r.x0, r.x1, r.x2, r.x3, r.look, r.at, 0,"
                        " coalesce((SELECT s.account FROM duplicate d JOIN successor s"
                        " ON s.card_no = d.card_no WHERE d.new_no = r.card_no AND d.how = 1"
                        " AND s.new_no = r.card_no), 0) FROM replacement r WHERE r.old_no = 0"
                        " AND r.term_id = $1 AND NOT EXISTS (SELECT 1 FROM duplicate d"
                        " WHERE d.new_no = r.card_no AND d.how <> 1) ORDER BY r.term_seq LIMIT $2",
                        terminal, &ins);
    }
    return st == ST_OK ? join_all(ledger, terminal, &outs, &ins) : st;
}

/* --- what a person has to say --------------------------------------------------------------- */

/* A second half whose first one is not known. */
#define APART                                                                                      \
    "replacement r WHERE r.old_no = 0 AND NOT EXISTS (SELECT 1 FROM duplicate d"                   \
    " WHERE d.new_no = r.card_no)"
/* A dead terminal's first half without a second one, and without one that may be. */
#define ALONE                                                                                      \
    "duplicate f JOIN term t ON t.term_id = f.term_id AND t.dead_at <> 0 WHERE f.is_out = 1"       \
    " AND f.new_no = 0 AND NOT EXISTS (SELECT 1 FROM successor s WHERE s.card_no = f.card_no)"     \
    " AND NOT EXISTS (SELECT 1 FROM " APART " AND r.term_id = f.term_id AND r.x0 = f.o0"           \
    " AND r.x1 = f.o1 AND r.x2 = f.o2 AND r.x3 = f.o3)"
/* `what` has the row of the case. */
#define HOLDS(what, alias)                                                                         \
    "EXISTS (SELECT 1 FROM " what " AND " alias ".term_id = tcase.term_id"                         \
    " AND " alias ".term_seq = tcase.term_seq)"
#define CLOSE(why, what, alias)                                                                    \
    "UPDATE tcase SET closed_at = $1, closed_by = 'club', closed_why = 'the rest came'"            \
    " WHERE why = '" why "' AND closed_at = 0 AND NOT " HOLDS(what, alias)
/* The club's own word only: what a person closed stays closed. */
#define REOPEN(why, what, alias)                                                                   \
    "UPDATE tcase SET closed_at = $1, closed_by = '', closed_why = ''"                             \
    " WHERE why = '" why "' AND closed_at <> 0 AND closed_by = 'club' AND " HOLDS(what, alias)

static enum st close_and_reopen(struct ledger *ledger)
{
    enum st st = ST_OK;
    DB_ONCE(st, ledger->db, CLOSE("unnamed", APART, "r"), "i", ledger->now_s);
    if (st == ST_OK) {
        DB_ONCE(st, ledger->db, REOPEN("unnamed", APART, "r"), "i", (int64_t)0);
    }
    if (st == ST_OK) {
        DB_ONCE(st, ledger->db, CLOSE("alone", ALONE, "f"), "i", ledger->now_s);
    }
    if (st == ST_OK) {
        DB_ONCE(st, ledger->db, REOPEN("alone", ALONE, "f"), "i", (int64_t)0);
    }
    return st;
}

/* Runs `each` for the query's rows of three columns. */
static enum st for_rows(struct ledger *ledger, const char *sql,
                        enum st (*each)(struct ledger *, uint32_t, uint32_t, uint64_t))
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(ledger->db, sql, "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    while (st == ST_OK && row) {
        st = each(ledger, (uint32_t)db_i64(stmt, 0), (uint32_t)db_i64(stmt, 1),
                  (uint64_t)db_i64(stmt, 2));
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    return st;
}

static enum st guess_one(struct ledger *ledger, uint32_t terminal, uint32_t sequence, uint64_t card)
{
    (void)sequence;
    (void)card;
    return guess(ledger, terminal);
}

static enum st ask(struct ledger *ledger, uint32_t terminal, uint32_t sequence, uint64_t card)
{
    const struct item by = item_of(terminal, sequence, card);
    return case_open(ledger, "unnamed", &by, card, 1,
                     "Card %016" PRIu64 " began at terminal %u, which is dead, with what another "
                     "card had, and none that was seen fits it alone. Say which one: vafa-club "
                     "lost name %016" PRIu64 " OLD-CARD.",
                     card, terminal, card);
}

static enum st tell_alone(struct ledger *ledger, uint32_t terminal, uint32_t sequence,
                          uint64_t card)
{
    const struct item by = item_of(terminal, sequence, card);
    return case_open(ledger, "alone", &by, card, 1,
                     "Card %016" PRIu64 " went whole to another one at terminal %u, which is dead "
                     "(its entry %u): no card that has it was seen. See vafa-club duplicate list.",
                     card, terminal, sequence);
}

enum st duplicates_tell(struct ledger *ledger)
{
    if (!ledger->has_pairs) {
        return ST_OK;
    }
    ledger->has_pairs = false;
    enum st st = for_rows(ledger,
                          "SELECT DISTINCT term_id, 0, 0 FROM replacement WHERE old_no = 0"
                          " ORDER BY term_id",
                          guess_one);
    if (st == ST_OK) {
        st = close_and_reopen(ledger);
    }
    if (st == ST_OK) {
        st = for_rows(ledger,
                      "SELECT r.term_id, r.term_seq, r.card_no FROM " APART
                      " ORDER BY r.term_id, r.term_seq",
                      ask);
    }
    return st == ST_OK ? for_rows(ledger,
                                  "SELECT f.term_id, f.term_seq, f.card_no FROM " ALONE
                                  " ORDER BY f.term_id, f.term_seq",
                                  tell_alone)
                       : st;
}

/* --- a person's word ------------------------------------------------------------------------ */

/* A guess gives way. */
static enum st free_of_guess(struct actions *actions, struct pair *pair, int64_t *gone,
                             struct fault *fault)
{
    int64_t count = 0;
    if (!pair->is_there || pair->card == 0) {
        return ST_OK;
    }
    if (pair->how != PAIR_GUESSED) {
        fault_say(fault, "Card %016" PRIu64 " took the place of card %016" PRIu64 " already.",
                  pair->card, pair->old);
        return ST_REFUSED;
    }
    const enum st st = pair_part(actions, pair, &count);
    *gone += count;
    return st;
}

static enum st name_half(struct db *db, const struct replacement *row, struct pair *pair,
                         struct fault *fault)
{
    enum place place = PLACE_TAKEN;
    if (memcmp(pair->out, row->part, sizeof row->part) != 0) {
        fault_say(fault,
                  "Card %016" PRIu64 " went to another card at terminal %u with other balances "
                  "than card %016" PRIu64 " began with.",
                  pair->old, pair->terminal, row->card);
        return ST_REFUSED;
    }
    enum st st = successor_place(db, pair->old, row->card, &place);
    if (st == ST_OK && place != PLACE_FREE) {
        fault_say(fault, "Another card is in the place of card %016" PRIu64 ".", pair->old);
        return ST_REFUSED;
    }
    return st == ST_OK ? pair_join(db, pair, row->card, row->sequence, PAIR_NAMED, row->at, fault)
                       : st;
}

enum st duplicates_name(struct actions *actions, const struct replacement *row, uint64_t old,
                        bool *ret_is_half, int64_t *ret_gone, struct fault *fault)
{
    struct pair guessed, pair;
    *ret_gone = 0;
    enum st st = pair_with(actions->db, row->card, &guessed);
    if (st == ST_OK) {
        st = free_of_guess(actions, &guessed, ret_gone, fault);
    }
    if (st == ST_OK) {
        st = pair_out_of(actions->db, old, row->terminal, row->sequence, &pair);
    }
    *ret_is_half = st == ST_OK && pair.is_there;
    if (*ret_is_half) {
        st = free_of_guess(actions, &pair, ret_gone, fault);
    }
    return *ret_is_half && st == ST_OK ? name_half(actions->db, row, &pair, fault) : st;
}
