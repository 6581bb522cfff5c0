/* Halves of transfers that cards showed of a terminal that is declared dead: a card tells amount,
 * minute, terminal and number of its own half, and nothing of the other one. They are joined where
 * each is the only one that fits the other; what is missing of the rest is a case. */
#include <string.h>

#include "server/transfers_priv.h"

enum { HALVES_MAX = 256 }; /* of one terminal; with more of them none is joined */

struct half {
    int64_t terminal, sequence, card, amount, at;
    int64_t out; /* of a second one: the first one that it is taken for; 0 = none */
};

struct halves {
    struct half rows[HALVES_MAX];
    size_t count;
    bool is_whole; /* there are no more */
};

/* Columns: terminal, number, card, amount, time, out. */
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
        ret->rows[ret->count++] = (struct half){.terminal = db_i64(stmt, 0),
                                                .sequence = db_i64(stmt, 1),
                                                .card = db_i64(stmt, 2),
                                                .amount = db_i64(stmt, 3),
                                                .at = db_i64(stmt, 4),
                                                .out = db_i64(stmt, 5)};
        st = db_step(stmt, &row);
    }
    ret->is_whole = !row;
    db_finish(stmt);
    return st;
}

/* --- joining ------------------------------------------------------------------------------- */

/* A card tells the minute, a journal the second. */
static bool fits(const struct half *out, const struct half *in)
{
    return out->amount == in->amount && out->sequence < in->sequence && out->card != in->card &&
           (out->at == 0 || in->at == 0 || out->at / 60 <= in->at / 60);
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

/* The row that a case about a second half is named by. */
static struct item item_of(const struct half *half)
{
    struct item item = {.raw = (const uint8_t *)"", .raw_bytes = 0};
    item.entry.kind = ENTRY_INTENT;
    item.entry.terminal = (uint32_t)half->terminal;
    item.entry.sequence = (uint32_t)half->sequence;
    item.entry.intent.card_number = (uint64_t)half->card;
    item.entry.intent.parts.amount.rials = half->amount;
    return item;
}

static enum st judge_again(struct ledger *ledger, const struct half *in, int64_t out)
{
    struct transfer_row row;
    const struct item by = item_of(in);
    if (out == 0) {
        return ST_OK;
    }
    const enum st st = transfer_get(ledger, in->terminal, out, &row);
    return st == ST_OK ? transfer_judge(ledger, &row, &by) : st;
}

/* All that changed first, then what follows from it: the order of posting decides nothing. */
static enum st join(struct ledger *ledger, struct halves *ins, const struct halves *outs)
{
    static struct halves changed; /* one thread; too large for its stack */
    const bool is_whole = ins->is_whole && outs->is_whole;
    enum st st = ST_OK;
    changed.count = 0;
    for (size_t i = 0; i < ins->count && st == ST_OK; i++) {
        struct half *in = &ins->rows[i];
        const struct half *out = is_whole ? only(in, true, outs) : NULL;
        const int64_t now = out != NULL && only(out, false, ins) == in ? out->sequence : 0;
        if (now != in->out) {
            changed.rows[changed.count++] = *in;
            in->out = now;
            st = db_run(ledger->sql[SQL_TRANSFER_IN_GUESS], in->terminal, in->sequence, now);
        }
    }
    for (size_t i = 0; i < changed.count && st == ST_OK; i++) {
        st = judge_again(ledger, &changed.rows[i], changed.rows[i].out);
    }
    for (size_t i = 0; i < changed.count && st == ST_OK; i++) {
        for (size_t j = 0; j < ins->count && st == ST_OK; j++) {
            if (ins->rows[j].sequence == changed.rows[i].sequence) {
                st = judge_again(ledger, &ins->rows[j], ins->rows[j].out);
            }
        }
    }
    return st;
}

enum st transfers_guess(struct ledger *ledger, uint32_t terminal)
{
    static struct halves ins, outs; /* likewise */
    if (!ledger->is_rebuilding) {
        return ST_OK;
    }
    ledger->has_halves = true;
    enum st st =
        halves_get(ledger,
                   "SELECT term_id, term_seq, card_no, amount, at, out_seq FROM"
                   " transfer_in WHERE term_id = $1 AND how = 1 ORDER BY term_seq LIMIT $2",
                   (int64_t)terminal, &ins);
    if (st == ST_OK && ins.count > 0) {
        /* Those of the same amounts that no journal says to be taken, named or handed over. */
        st = halves_get(ledger,
                        "SELECT t.term_id, t.term_seq, t.card_no, t.amount, t.at, 0 FROM"
                        " (SELECT DISTINCT amount FROM transfer_in WHERE term_id = $1 AND how = 1)"
                        " a JOIN transfer t ON t.term_id = $1 AND t.amount = a.amount"
                        " WHERE t.by_seq <= 0 AND NOT EXISTS"
                        " (SELECT 1 FROM transfer_in i WHERE i.term_id = t.term_id"
                        " AND i.out_seq = t.term_seq AND i.how = 0) ORDER BY t.term_seq LIMIT $2",
                        (int64_t)terminal, &outs);
    }
    return st == ST_OK && ins.count > 0 ? join(ledger, &ins, &outs) : st;
}

/* --- what is missing ------------------------------------------------------------------------ */

static enum st tell(struct ledger *ledger, const struct halves *halves, bool is_in)
{
    enum st st = ST_OK;
    for (size_t i = 0; i < halves->count && st == ST_OK; i++) {
        const struct half *half = &halves->rows[i];
        const struct item by = item_of(half);
        st = case_open(ledger, "half", &by, (uint64_t)half->card, 0,
                       is_in
                           ? "Card %016lld got %lld rials of a transfer at terminal %lld, which is "
                             "dead (its entry %lld): no card that let them out was seen that fits "
                             "it alone."
                           : "Card %016lld let out %lld rials at terminal %lld, which is dead (its "
                             "entry %lld): no card that has them was seen that fits it alone. See "
                             "`vafa-club transfer release`.",
                       (long long)half->card, (long long)half->amount, (long long)half->terminal,
                       (long long)half->sequence);
    }
    return st;
}

static enum st close_settled(struct ledger *ledger)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(
        ledger->db,
        "UPDATE tcase SET closed_at = $1, closed_by = 'club', closed_why = 'the rest came'"
        " WHERE why = 'half' AND closed_at = 0 AND NOT EXISTS (SELECT 1 FROM transfer t"
        " WHERE t.term_id = tcase.term_id AND t.term_seq = tcase.term_seq AND t.is_open = 1"
        " AND t.to_card = 0) AND NOT EXISTS (SELECT 1 FROM transfer_in i WHERE"
        " i.term_id = tcase.term_id AND i.term_seq = tcase.term_seq AND i.is_open = 1)",
        "i", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, ledger->now_s);
    }
    db_finish(stmt);
    return st;
}

enum st transfers_tell(struct ledger *ledger)
{
    static struct halves halves; /* likewise */
    if (!ledger->has_halves) {
        return ST_OK;
    }
    ledger->has_halves = false;
    enum st st = close_settled(ledger);
    if (st == ST_OK) {
        st = halves_get(ledger,
                        "SELECT term_id, term_seq, card_no, amount, at, 0 FROM transfer t WHERE"
                        " is_open = 1 AND how = 1 AND to_card = 0 AND term_id > $1 AND NOT EXISTS"
                        " (SELECT 1 FROM tcase c WHERE c.term_id = t.term_id AND"
                        " c.term_seq = t.term_seq AND c.why = 'half') LIMIT $2",
                        INT64_C(0), &halves);
    }
    st = st == ST_OK ? tell(ledger, &halves, false) : st;
    if (st == ST_OK) {
        st = halves_get(ledger,
                        "SELECT term_id, term_seq, card_no, amount, at, 0 FROM transfer_in i WHERE"
                        " is_open = 1 AND how = 1 AND term_id > $1 AND NOT EXISTS"
                        " (SELECT 1 FROM tcase c WHERE c.term_id = i.term_id AND"
                        " c.term_seq = i.term_seq AND c.why = 'half') LIMIT $2",
                        INT64_C(0), &halves);
    }
    return st == ST_OK ? tell(ledger, &halves, true) : st;
}
