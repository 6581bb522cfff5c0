#include "server/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/entry.h"
#include "hal/base/bytes.h"
#include "server/accounts.h"
#include "server/actions.h"
#include "server/books.h"
#include "server/card_view.h"
#include "server/lost.h"
#include "server/places.h"
#include "server/transfers.h"

enum { GAP_LINES_MAX = 1000 };

struct writer {
    FILE *out;
    bool as_json;
    bool is_first; /* no comma before the next */
};

/* --- writing ------------------------------------------------------------------------------- */

static void write_text(FILE *out, const char *text)
{
    json_t *value = json_string(text == NULL ? "" : text);
    char *encoded = value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY);
    fputs(encoded == NULL ? "\"?\"" : encoded, out);
    free(encoded);
    json_decref(value);
}

static void section_begin(struct writer *writer, const char *name)
{
    if (writer->as_json) {
        fprintf(writer->out, ",\n\"%s\":[", name);
    } else {
        fprintf(writer->out, "\n%s\n", name);
    }
    writer->is_first = true;
}

static void section_end(struct writer *writer)
{
    if (writer->as_json) {
        fputs("]", writer->out);
    } else if (writer->is_first) {
        fputs("  none\n", writer->out);
    }
}

static void row_begin(struct writer *writer)
{
    if (writer->as_json) {
        fputs(writer->is_first ? "\n{" : ",\n{", writer->out);
    } else {
        fputs(" ", writer->out);
    }
    writer->is_first = true;
}

static void row_end(struct writer *writer)
{
    fputs(writer->as_json ? "}" : "\n", writer->out);
    writer->is_first = false;
}

static void put_name(struct writer *writer, const char *name)
{
    if (writer->as_json) {
        fprintf(writer->out, "%s\"%s\":", writer->is_first ? "" : ",", name);
    } else {
        fprintf(writer->out, " %s ", name);
    }
    writer->is_first = false;
}

static void field_i64(struct writer *writer, const char *name, int64_t value)
{
    put_name(writer, name);
    fprintf(writer->out, "%" PRId64, value);
}

static void field_text(struct writer *writer, const char *name, const char *value)
{
    put_name(writer, name);
    if (writer->as_json) {
        write_text(writer->out, value);
    } else {
        fputs(value == NULL || value[0] == '\0' ? "-" : value, writer->out);
    }
}

/* A section that is one query, whole or of pages ($1 = after, $2 = at most; or $1, $2 and $3).
 * `columns` names each column after its kind: i number, c card number, t text, b book, a account, o
 * origin and k kind of an action. */
static enum st section(struct db *db, struct writer *writer, const char *name, const char *sql,
                       const char *const *columns)
{
    struct db_stmt *stmt = NULL;
    const bool is_paged = strstr(sql, "$2") != NULL, has_two = strstr(sql, "$3") != NULL;
    enum st st = db_prepare(db, sql, has_two ? "iii" : is_paged ? "ii" : "", &stmt);
    bool row = false, any = false;
    section_begin(writer, name);
    if (st == ST_OK && has_two) {
        db_bind(stmt, INT64_C(0), INT64_C(0), INT64_MAX);
    } else if (st == ST_OK && is_paged) {
        db_bind(stmt, INT64_C(0), INT64_MAX);
    } else if (st == ST_OK) {
        db_bind(stmt);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        writer->is_first = !any;
        row_begin(writer);
        for (int i = 0; columns[i] != NULL; i++) {
            const char *label = columns[i] + 1;
            switch (columns[i][0]) {
            case 'i':
            case 'c':
                field_i64(writer, label, db_i64(stmt, i));
                break;
            case 'b':
                field_text(writer, label, book_name((int)db_i64(stmt, i)));
                break;
            case 'o':
                field_text(writer, label, action_origin_word((enum action_origin)db_i64(stmt, i)));
                break;
            case 'k':
                field_text(writer, label, action_kind_word((enum action_kind)db_i64(stmt, i)));
                break;
            case 'a':
                field_text(writer, label,
                           db_i64(stmt, i) == 0 ? "cards" : account_name((int)db_i64(stmt, i)));
                break;
            default:
                field_text(writer, label, db_text(stmt, i));
            }
        }
        row_end(writer);
        any = true;
    }
    db_finish(stmt);
    writer->is_first = !any;
    section_end(writer);
    return st;
}

/* --- sections ------------------------------------------------------------------------------ */

/* Entries that cards name and the club does not have. */
static const char sql_terminal_gaps[] =
    "SELECT s.term_id, coalesce(t.hi, 0), max(s.term_seq), count(*) FROM seen s"
    " LEFT JOIN term t ON t.term_id = s.term_id WHERE s.term_seq > coalesce(t.hi, 0)"
    " GROUP BY s.term_id, t.hi ORDER BY s.term_id";
/* Posted and not computed again, because the club never had the programme. What was posted by proof
 * has none (0). */
static const char sql_unknown_programmes[] =
    "SELECT term_id, prog, count(*) FROM txn WHERE prog <> 0 AND NOT EXISTS"
    " (SELECT 1 FROM programme p WHERE p.version = prog)"
    " GROUP BY term_id, prog ORDER BY term_id, prog";
static const char sql_cases[] =
    "SELECT why, term_id, term_seq, card_no, card_ctr, at, closed_at, say"
    " FROM tcase ORDER BY at, term_id, term_seq, why";

static enum st write_cards(struct db *db, struct writer *writer, int64_t *ret_differing)
{
    static const char *const names[] = {"card",    "points",  "credit", "gift",
                                        "voucher", "counter", "hi",     "top"};
    struct db_stmt *stmt = NULL;
    bool row = false, any = false;
    enum st st = db_prepare(db,
                            "SELECT card_no, b0, b1, b2, b3, cnt, hi, top, known, image FROM card"
                            " ORDER BY card_no",
                            "", &stmt);
    *ret_differing = 0;
    section_begin(writer, "cards");
    if (st == ST_OK) {
        db_bind(stmt);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        const char *state = NULL;
        st = card_state(db, stmt, &state);
        if (st != ST_OK) {
            break;
        }
        writer->is_first = !any;
        row_begin(writer);
        for (int i = 0; i < 8; i++) {
            field_i64(writer, names[i], db_i64(stmt, i));
        }
        field_text(writer, "state", state);
        *ret_differing += strcmp(state, "differs") == 0;
        row_end(writer);
        any = true;
    }
    db_finish(stmt);
    writer->is_first = !any;
    section_end(writer);
    return st;
}

/* --- gaps of cards ------------------------------------------------------------------------- */

struct gap_search {
    struct db_stmt *ahead, *seen;
    int64_t lines;
    bool any;
};

/* One missing counter: nothing is known of it, or a card named the entry that is missing. */
static enum st write_gap(struct writer *writer, struct gap_search *search, int64_t card,
                         int64_t counter)
{
    bool row = false;
    enum st st = db_first(search->ahead, &row, card, counter);
    db_reset(search->ahead);
    if (st != ST_OK || row) {
        return st;
    }
    st = db_first(search->seen, &row, card, counter);
    if (st == ST_OK) {
        writer->is_first = !search->any;
        row_begin(writer);
        field_i64(writer, "card", card);
        field_i64(writer, "counter", counter);
        field_i64(writer, "terminal", row ? db_i64(search->seen, 0) : 0);
        field_i64(writer, "sequence", row ? db_i64(search->seen, 1) : 0);
        row_end(writer);
        search->any = true;
        search->lines++;
    }
    db_reset(search->seen);
    return st;
}

static enum st write_card_gaps(struct db *db, struct writer *writer)
{
    struct gap_search search = {0};
    struct db_stmt *cards = NULL;
    bool row = false;
    enum st st = db_prepare(
        db, "SELECT card_no, hi, known FROM card WHERE hi < known ORDER BY card_no", "", &cards);
    if (st == ST_OK) {
        st = db_prepare(db, "SELECT 1 FROM ahead WHERE card_no = $1 AND card_ctr = $2", "ii",
                        &search.ahead);
    }
    if (st == ST_OK) {
        st = db_prepare(db,
                        "SELECT term_id, term_seq FROM seen WHERE card_no = $1 AND card_ctr = $2",
                        "ii", &search.seen);
    }
    section_begin(writer, "card_gaps");
    if (st == ST_OK) {
        db_bind(cards);
    }
    while (st == ST_OK && (st = db_step(cards, &row)) == ST_OK && row) {
        int64_t card = db_i64(cards, 0), known = db_i64(cards, 2);
        for (int64_t counter = db_i64(cards, 1) + 1;
             counter <= known && st == ST_OK && search.lines < GAP_LINES_MAX; counter++) {
            st = write_gap(writer, &search, card, counter);
        }
    }
    db_finish(cards);
    db_finish(search.ahead);
    db_finish(search.seen);
    writer->is_first = !search.any;
    section_end(writer);
    return st;
}

/* --- the report ---------------------------------------------------------------------------- */

static enum st write_sections(struct db *db, struct writer *writer, int64_t *ret_differing)
{
    static const char *const gaps[] = {"iterminal", "ihas", "inamed", "imissing_seen", NULL};
    static const char *const unknown[] = {"iterminal", "iprogramme", "itransactions", NULL};
    static const char *const cases[] = {"twhy", "iterminal",  "isequence", "icard", "icounter",
                                        "iat",  "iclosed_at", "tsay",      NULL};
    enum st st = section(db, writer, "ledger", books_ledger.sql, books_ledger.columns);
    if (st == ST_OK) {
        st = section(db, writer, "books", books_sums.sql, books_sums.columns);
    }
    if (st == ST_OK) {
        st = write_cards(db, writer, ret_differing);
    }
    if (st == ST_OK) {
        st = section(db, writer, "merchants", places_merchants.sql, places_merchants.columns);
    }
    if (st == ST_OK) {
        st = section(db, writer, "branches", places_branches.sql, places_branches.columns);
    }
    if (st == ST_OK) {
        st = section(db, writer, "actions", books_actions.sql, books_actions.columns);
    }
    if (st == ST_OK) {
        st = section(db, writer, "passed_actions", books_passed.sql, books_passed.columns);
    }
    if (st == ST_OK) {
        st = section(db, writer, "lost", lost_losses.sql, lost_losses.columns);
    }
    if (st == ST_OK) {
        st = section(db, writer, "transfers", transfers_open.sql, transfers_open.columns);
    }
    if (st == ST_OK) {
        st = section(db, writer, "terminals", places_terminals.sql, places_terminals.columns);
    }
    if (st == ST_OK) {
        st = write_card_gaps(db, writer);
    }
    if (st == ST_OK) {
        st = section(db, writer, "terminal_gaps", sql_terminal_gaps, gaps);
    }
    if (st == ST_OK) {
        st = section(db, writer, "unknown_programmes", sql_unknown_programmes, unknown);
    }
    return st == ST_OK ? section(db, writer, "cases", sql_cases, cases) : st;
}

enum st report_write(struct db *db, bool as_json, FILE *out, bool *ret_is_balanced)
{
    struct writer writer = {.out = out, .as_json = as_json};
    struct books_totals totals = {0};
    int64_t differing = 0;
    enum st st = db_exec(db, "BEGIN");
    if (st != ST_OK) {
        return st;
    }
    fputs(as_json ? "{\"v\":1" : "Vafa club\n", out);
    st = write_sections(db, &writer, &differing);
    if (st == ST_OK) {
        st = books_totals(db, &totals);
    }
    enum st ended = db_exec(db, "COMMIT");
    bool is_balanced = totals.unbalanced_batches == 0 && totals.unbalanced_books == 0 &&
                       totals.differing_pending == 0 && totals.differing_replaced == 0 &&
                       totals.differing_transit == 0 && differing == 0;
    section_begin(&writer, "totals");
    row_begin(&writer);
    field_i64(&writer, "transactions", totals.transactions);
    field_i64(&writer, "unbalanced_batches", totals.unbalanced_batches);
    field_i64(&writer, "unbalanced_books", totals.unbalanced_books);
    field_i64(&writer, "differing_cards", differing);
    field_i64(&writer, "differing_pending", totals.differing_pending);
    field_i64(&writer, "differing_replaced", totals.differing_replaced);
    field_i64(&writer, "differing_transit", totals.differing_transit);
    field_i64(&writer, "unchecked", totals.unchecked);
    field_text(&writer, "balanced", is_balanced ? "yes" : "no");
    row_end(&writer);
    section_end(&writer);
    fputs(as_json ? "}\n" : "", out);
    *ret_is_balanced = is_balanced;
    return st == ST_OK ? ended : st;
}

enum st report_terminals(struct db *db, bool as_json, FILE *out)
{
    struct writer writer = {.out = out, .as_json = as_json};
    fputs(as_json ? "{\"v\":1" : "", out);
    enum st st = section(db, &writer, "terminals", places_terminals.sql, places_terminals.columns);
    fputs(as_json ? "}\n" : "", out);
    return st;
}

/* --- the dump ------------------------------------------------------------------------------ */

static enum st dump_cards(struct db *db, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false, any = false;
    enum st st = db_prepare(
        db, "SELECT card_no, b0, b1, b2, b3, cnt FROM card WHERE cnt > 0 ORDER BY card_no", "",
        &stmt);
    if (st == ST_OK) {
        db_bind(stmt);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        fprintf(out,
                "%s\n{\"card\":%" PRId64 ",\"points\":%" PRId64 ",\"credit\":%" PRId64
                ",\"gift\":%" PRId64 ",\"voucher\":%" PRId64 ",\"counter\":%" PRId64 "}",
                any ? "," : "", db_i64(stmt, 0), db_i64(stmt, 1), db_i64(stmt, 2), db_i64(stmt, 3),
                db_i64(stmt, 4), db_i64(stmt, 5));
        any = true;
    }
    db_finish(stmt);
    return st;
}

static enum st dump_entries(struct db *db, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t terminal = 0;
    char hex[2 * ENTRY_BYTES_MAX + 1];
    enum st st =
        db_prepare(db, "SELECT term_id, raw FROM rec ORDER BY term_id, term_seq", "", &stmt);
    if (st == ST_OK) {
        db_bind(stmt);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        size_t size = 0;
        const void *raw = db_bytes(stmt, 1, &size);
        if (size > ENTRY_BYTES_MAX) {
            st = ST_CORRUPT;
            break;
        }
        hex_encode(raw, size, hex);
        if (db_i64(stmt, 0) != terminal) {
            fprintf(out, "%s\n{\"terminal\":%" PRId64 ",\"entries\":[\"%s\"",
                    terminal == 0 ? "" : "]},", db_i64(stmt, 0), hex);
            terminal = db_i64(stmt, 0);
        } else {
            fprintf(out, ",\n\"%s\"", hex);
        }
    }
    fputs(terminal == 0 ? "" : "]}", out);
    db_finish(stmt);
    return st;
}

enum st report_dump(struct db *db, FILE *out)
{
    enum st st = db_exec(db, "BEGIN");
    if (st != ST_OK) {
        return st;
    }
    fputs("{\"club\":[", out);
    st = dump_cards(db, out);
    fputs("],\n\"terminals\":[", out);
    if (st == ST_OK) {
        st = dump_entries(db, out);
    }
    fputs("],\n", out);
    if (st == ST_OK) {
        st = actions_dump(db, out);
    }
    if (st == ST_OK) {
        st = lost_dump(db, out);
    }
    fputs(",\n", out);
    if (st == ST_OK) {
        st = transfers_dump(db, out);
    }
    fputs("}\n", out);
    enum st ended = db_exec(db, "COMMIT");
    return st == ST_OK ? ended : st;
}
