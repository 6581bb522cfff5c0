/* Transfers for people: what is in transit, and the club's own hand (transfers.h). */
#include <inttypes.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/duplicates_priv.h"
#include "server/rows.h"
#include "server/settled.h"
#include "server/transfers_priv.h"

/* --- lists --------------------------------------------------------------------------------- */

/* What came to other cards of transfer t, and what a state is called. */
#define TAKEN                                                                                      \
    "coalesce((SELECT CAST(sum(i.amount) AS BIGINT) FROM transfer_in i"                            \
    " WHERE i.term_id = t.term_id AND i.out_seq = t.term_seq), 0)"
#define REST "t.amount - " TAKEN " - CASE WHEN t.ordered <> 0 THEN t.amount ELSE 0 END"
#define STATE                                                                                      \
    "CASE WHEN t.amount = 0 THEN 'announced' WHEN t.is_open = 0 AND t.ordered <> 0 THEN 'ordered'" \
    " WHEN t.is_open = 0 THEN 'taken' WHEN t.ordered <> 0 OR " TAKEN                               \
    " <> 0 THEN 'contradicted' WHEN t.how = 1 THEN 'seen' ELSE 'waits' END"

static const char *const open_columns[] = {"iterminal", "isequence", "iat",    "ccard", "iamount",
                                           "irest",     "cto",       "tstate", NULL};
const struct places transfers_open = {
    "SELECT * FROM (SELECT t.term_id AS term_id, t.term_seq AS term_seq, t.at, t.card_no, t.amount,"
    " " REST ", t.to_card, " STATE " FROM transfer t WHERE t.is_open = 1"
    " UNION ALL SELECT i.term_id, i.term_seq, i.at, i.card_no, 0, -i.amount, 0, 'first_missing'"
    " FROM transfer_in i WHERE i.is_open = 1) z"
    " WHERE term_id > $1 OR (term_id = $1 AND term_seq > $2) ORDER BY term_id, term_seq LIMIT $3",
    open_columns};

static enum st sum_of(struct db *db, const char *sql, int64_t of, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, sql, "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, of);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

/* $1: of which terminal; 0 = of all. */
static enum st open_sum(struct db *db, int64_t terminal, int64_t *ret)
{
    int64_t ins = 0;
    enum st st = sum_of(db,
                        "SELECT coalesce(CAST(sum(" REST ") AS BIGINT), 0) FROM transfer t"
                        " WHERE t.is_open = 1 AND ($1 = 0 OR t.term_id = $1)",
                        terminal, ret);
    if (st == ST_OK) {
        st = sum_of(db,
                    "SELECT coalesce(CAST(sum(amount) AS BIGINT), 0) FROM transfer_in"
                    " WHERE is_open = 1 AND ($1 = 0 OR term_id = $1)",
                    terminal, &ins);
    }
    *ret -= ins;
    return st;
}

/* Duplicates pass through the same account, and what a person gave of a lone half (origin 4, kind
 * 2; neither returned nor a stray one); what is known to be in place of a lost card does not. */
static const char sql_transit[] =
    "SELECT coalesce(CAST(sum(amount) AS BIGINT), 0) FROM (SELECT amount FROM jrn WHERE purse = 1"
    " AND acct = $1 UNION ALL SELECT d1 FROM txn WHERE op = 12"
    " UNION ALL SELECT -x1 FROM replacement WHERE old_no <> 0"
    " UNION ALL SELECT amount FROM action WHERE origin = 4 AND kind = 2 AND state NOT IN (4, 5)"
    " AND ref LIKE '" DUPLICATE_REF "%') z";

/* The credit that duplicates of clones moved: those are no card's transactions, but what they let
 * out, another card may have (posting.c). */
static enum st cloned_sum(struct db *db, int64_t *ret)
{
    struct entry entry;
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = 0;
    enum st st = db_prepare(db, "SELECT raw FROM rec WHERE fate = 4", "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    while (st == ST_OK && row) {
        struct posting posting;
        size_t size = 0;
        const void *raw = db_bytes(stmt, 0, &size);
        st = entry_decode(raw, size, &entry);
        if (st == ST_OK && entry.kind == ENTRY_INTENT &&
            entry.intent.after.last.kind == TRANSACTION_DUPLICATE &&
            !duplicates_is_replacement(&entry.intent)) {
            posting_make(&entry.intent, &posting);
            *ret += posting.delta[BOOK_CREDIT];
        }
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    return st;
}

enum st transfers_differ(struct db *db, int64_t *ret)
{
    int64_t open = 0, cloned = 0;
    enum st st = open_sum(db, 0, &open);
    if (st == ST_OK) {
        st = cloned_sum(db, &cloned);
    }
    if (st == ST_OK) {
        st = sum_of(db, sql_transit, ACCOUNT_TRANSIT, ret);
    }
    *ret += cloned - open;
    return st;
}

static enum st dump(struct db *db, const char *name, const char *sql, const char *const *columns,
                    FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, sql, "", &stmt);
    fprintf(out, "\"%s\":[", name);
    st = st == ST_OK ? db_first(stmt, &row) : st;
    for (bool is_first = true; st == ST_OK && row; is_first = false) {
        for (int i = 0; columns[i] != NULL; i++) {
            fprintf(out, "%s\"%s\":%" PRId64,
                    i > 0      ? ","
                    : is_first ? "\n{"
                               : ",\n{",
                    columns[i], db_i64(stmt, i));
        }
        fputs("}", out);
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    fputs("]", out);
    return st;
}

enum st transfers_dump(struct db *db, FILE *out)
{
    static const char *const outs[] = {"terminal", "sequence", "card",   "amount", "how", "to",
                                       "by",       "ordered",  "orders", "open",   NULL};
    static const char *const ins[] = {"terminal", "sequence", "card", "amount",
                                      "how",      "out",      "open", NULL};
    enum st st = dump(db, "transfers",
                      "SELECT term_id, term_seq, card_no, amount, how, to_card, by_seq,"
                      " ordered, orders, is_open FROM transfer ORDER BY term_id, term_seq",
                      outs, out);
    fputs(",\n", out);
    return st == ST_OK ? dump(db, "transfers_in",
                              "SELECT term_id, term_seq, card_no, amount, how, out_seq, is_open"
                              " FROM transfer_in ORDER BY term_id, term_seq",
                              ins, out)
                       : st;
}

/* --- one ----------------------------------------------------------------------------------- */

static enum st put_taken(struct db *db, int64_t terminal, int64_t sequence, json_t *object)
{
    static const char *const columns[] = {"isequence", "iat", "ccard", "iamount", NULL};
    enum { MOST = 16 };
    struct db_stmt *stmt = NULL;
    json_t *rows = NULL;
    enum st st = db_prepare(db,
                            "SELECT term_seq, at, card_no, amount FROM transfer_in"
                            " WHERE term_id = $1 AND out_seq = $2 ORDER BY term_seq",
                            "ii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, terminal, sequence);
        st = rows_read(stmt, columns, MOST, &rows);
    }
    db_finish(stmt);
    return st == ST_OK && !put_json(object, "taken", rows) ? ST_FULL : st;
}

enum st transfers_object(struct db *db, uint32_t terminal, uint32_t sequence, json_t **ret)
{
    struct db_stmt *stmt = NULL;
    int64_t gone = 0;
    bool row = false;
    *ret = NULL;
    enum st st = db_prepare(db,
                            "SELECT t.term_id, t.term_seq, t.at, t.card_no, t.amount, " REST
                            ", t.to_card, " STATE
                            " FROM transfer t WHERE t.term_id = $1 AND t.term_seq = $2",
                            "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal, (int64_t)sequence);
    }
    if (st == ST_OK && row) {
        *ret = row_object(stmt, open_columns);
        st = *ret == NULL ? ST_FULL : put_taken(db, terminal, sequence, *ret);
    }
    db_finish(stmt);
    if (st == ST_OK && row) {
        st = settled_gone_at(db, terminal, &gone);
    }
    if (st == ST_OK && row && !put_json(*ret, "is_terminal_gone", json_boolean(gone != 0))) {
        st = ST_FULL;
    }
    return st;
}

/* --- the club's own hand -------------------------------------------------------------------- */

static enum st row_load(struct db *db, const struct transfer_release *release,
                        struct transfer_row *ret, int64_t *ret_taken)
{
    struct db_stmt *stmt = NULL;
    *ret = (struct transfer_row){.terminal = release->terminal, .sequence = release->sequence};
    enum st st = db_prepare(db,
                            "SELECT t.card_no, t.amount, t.to_card, t.ordered, t.orders, " TAKEN
                            " FROM transfer t WHERE t.term_id = $1 AND t.term_seq = $2",
                            "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->is_there, ret->terminal, ret->sequence);
    }
    if (st == ST_OK && ret->is_there) {
        ret->card = db_i64(stmt, 0);
        ret->amount = db_i64(stmt, 1);
        ret->to = db_i64(stmt, 2);
        ret->order = db_i64(stmt, 3);
        ret->orders = db_i64(stmt, 4);
        *ret_taken = db_i64(stmt, 5);
    }
    db_finish(stmt);
    return st;
}

enum st transfer_check_gone(struct db *db, uint32_t terminal, const char *there, bool is_anyway,
                            struct fault *fault)
{
    enum { WAITS = 4 };
    uint32_t waits[WAITS];
    size_t count = 0;
    int64_t gone = 0;
    bool is_forgetful = false;
    enum st st = settled_gone_at(db, terminal, &gone);
    if (st == ST_OK && gone == 0) {
        fault_say(fault,
                  "Terminal %u can still give it to a card: %s; when it is lost, declare it dead "
                  "first (vafa-club terminal dead %u).",
                  terminal, there, terminal);
        return ST_REFUSED;
    }
    if (st == ST_OK && !is_anyway) {
        st = settled_is_forgetful(db, false, &is_forgetful);
    }
    if (st == ST_OK && is_forgetful) {
        fault_say(fault,
                  "The club was restored from a backup, and some terminal has not been heard "
                  "since: a card may have shown there that it has it. Wait, or say "
                  "--anyway.");
        return ST_REFUSED;
    }
    if (st == ST_OK && !is_anyway) {
        st = settled_waits(db, gone, waits, WAITS, &count);
    }
    if (st == ST_OK && count > 0) {
        fault_say(fault,
                  "Terminal %u%s not been heard since: a card may have shown there that it has it. "
                  "Wait, or say --anyway.",
                  waits[0], count > 1 ? " and others have" : " has");
        return ST_REFUSED;
    }
    return st;
}

static enum st check_terminal(struct db *db, const struct transfer_release *release,
                              struct fault *fault)
{
    char there[96];
    (void)snprintf(there, sizeof there, "hand it over there (vafa-till transfer --release %u)",
                   release->sequence);
    return transfer_check_gone(db, release->terminal, there, release->is_anyway, fault);
}

/* More than is in transit of the terminal's transfers cannot be given out. */
static enum st check_money(struct db *db, const struct transfer_row *row, struct fault *fault)
{
    int64_t open = 0;
    const enum st st = open_sum(db, row->terminal, &open);
    if (st == ST_OK && open < row->amount) {
        fault_say(fault,
                  "Of terminal %" PRId64 " only %" PRId64 " rials are in transit: a card has got "
                  "this one, look at `vafa-club transfer list`.",
                  row->terminal, open);
        return ST_REFUSED;
    }
    return st;
}

static enum st row_save(struct db *db, const struct transfer_row *row, int64_t now_s)
{
    struct db_stmt *stmt = NULL, *cases = NULL;
    enum st st = db_prepare(db,
                            "UPDATE transfer SET to_card = $3, by_seq = $4, ordered = $5,"
                            " orders = $6, is_open = 0 WHERE term_id = $1 AND term_seq = $2",
                            "iiiiii", &stmt);
    if (st == ST_OK) {
        st = db_prepare(db,
                        "UPDATE tcase SET closed_at = $3, closed_by = 'club',"
                        " closed_why = 'released' WHERE term_id = $1 AND term_seq = $2"
                        " AND why = 'half' AND closed_at = 0",
                        "iii", &cases);
    }
    if (st == ST_OK) {
        st = db_run(stmt, row->terminal, row->sequence, row->to, row->by, row->order, row->orders);
    }
    if (st == ST_OK) {
        st = db_run(cases, row->terminal, row->sequence, now_s);
    }
    db_finish(stmt);
    db_finish(cases);
    return st;
}

static enum st release_within(struct actions *actions, const struct transfer_release *release,
                              int64_t now_s, struct fault *fault)
{
    struct transfer_row row;
    int64_t taken = 0;
    enum st st = row_load(actions->db, release, &row, &taken);
    const int64_t to = release->to == 0 ? row.card : (int64_t)release->to;
    if (st != ST_OK) {
        return st;
    }
    if (row.amount == 0 || taken != 0 || (row.order != 0 && row.to != to)) {
        fault_say(fault,
                  row.amount == 0 ? "The club has no transfer %u of terminal %u."
                  : taken != 0    ? "A card has transfer %u of terminal %u already."
                                  : "Transfer %u of terminal %u is on its way to another card.",
                  release->sequence, release->terminal);
        return ST_REFUSED;
    }
    if (row.order != 0) {
        return ST_OK; /* the same again */
    }
    /* One that came back is the club's already. */
    st = row.orders > 0 ? ST_OK : check_terminal(actions->db, release, fault);
    if (st == ST_OK) {
        st = check_money(actions->db, &row, fault);
    }
    row.to = to;
    row.by = BY_CLUB;
    if (st == ST_OK) {
        st = transfer_order(actions, &row, now_s, fault);
    }
    return st == ST_OK ? row_save(actions->db, &row, now_s) : st;
}

enum st transfers_release(struct actions *actions, const struct transfer_release *release,
                          int64_t now_s, struct fault *fault)
{
    const enum st st = actions_begin(actions, fault);
    if (st != ST_OK) {
        return st;
    }
    return actions_finish(actions, release_within(actions, release, now_s, fault), now_s, fault);
}
