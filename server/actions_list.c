/* Actions as lists for people and programs. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/business_day.h"
#include "server/settled.h"

/* Columns of SQL_LIST. */
enum {
    COLUMN_CARD,
    COLUMN_NUMBER,
    COLUMN_KIND,
    COLUMN_VALUE,
    COLUMN_AMOUNT,
    COLUMN_ORIGIN,
    COLUMN_REF,
    COLUMN_TEXT,
    COLUMN_GIVER,
    COLUMN_UNTIL,
    COLUMN_MADE_AT,
    COLUMN_STATE,
    COLUMN_DUE,
    COLUMN_PASSED,
    COLUMN_TERMINAL,
    COLUMN_SEQUENCE,
    COLUMN_DONE,
    COLUMN_ID,
};

#define SQL_LIST                                                                                   \
    "SELECT a.card_no, a.number, a.kind, a.value, a.amount, a.origin, a.ref, a.say, a.giver,"      \
    " a.until, a.made_at, a.state, a.is_due, coalesce(c.passed, 0), a.term_id, a.term_seq, "       \
    "a.done,"                                                                                      \
    " a.id"                                                                                        \
    " FROM action a LEFT JOIN actcard c ON c.card_no = a.card_no"                                  \
    " WHERE a.kind <> 1 AND ($1 = 0 OR a.card_no = $1) AND ($2 = 0 OR a.charge = $2)"              \
    " AND ($3 = 0 OR a.state IN (1, 3, 5)) AND ($4 = '' OR (a.origin = $5 AND a.ref = $4))"        \
    " AND (a.card_no, a.made_at, a.number, a.id) > ($6, $7, $8, $9)"                               \
    " ORDER BY a.card_no, a.made_at, a.number, a.id LIMIT $10"

static const char *state_word(struct db_stmt *stmt)
{
    const int64_t number = db_i64(stmt, COLUMN_NUMBER);
    const enum action_state state = (enum action_state)db_i64(stmt, COLUMN_STATE);
    switch (state) {
    case ACTION_APPLIED:
        return "applied";
    case ACTION_RETURNED:
        return "returned";
    case ACTION_STRAY:
        return "stray";
    case ACTION_TAKEN:
        return "taken";
    case ACTION_WAITING:
    case ACTION_ENDED:
        break;
    }
    if (number != 0 && number <= db_i64(stmt, COLUMN_PASSED)) {
        return "passed";
    }
    if (db_i64(stmt, COLUMN_DUE) != 0) {
        return "queued";
    }
    return state == ACTION_WAITING ? "waiting" : "ended";
}

/* What stands in an amount that is none. */
static json_t *particulars_json(int64_t amount)
{
    const struct action_particulars it = action_particulars(amount);
    char birthday[BUSINESS_DAY_TEXT], wedding[BUSINESS_DAY_TEXT], expires[BUSINESS_DAY_TEXT];
    business_day_card_text(it.birthday, birthday);
    business_day_card_text(it.wedding, wedding);
    business_day_card_text(it.expires, expires);
    return json_pack("{s:i, s:s, s:s, s:s}", "card_kind", it.kind, "birthday", birthday, "wedding",
                     wedding, "last_day", expires);
}

static json_t *row_json(struct db_stmt *stmt)
{
    const bool is_particulars = db_i64(stmt, COLUMN_KIND) == ACTION_PARTICULARS;
    const int64_t amount = db_i64(stmt, COLUMN_AMOUNT);
    json_t *row = json_pack(
        "{s:o, s:I, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:I, s:I}", "card",
        json_sprintf("%016" PRId64, db_i64(stmt, COLUMN_CARD)), "number",
        (json_int_t)db_i64(stmt, COLUMN_NUMBER), "kind",
        action_kind_word((enum action_kind)db_i64(stmt, COLUMN_KIND)), "value",
        (json_int_t)db_i64(stmt, COLUMN_VALUE), "amount", (json_int_t)(is_particulars ? 0 : amount),
        "origin", action_origin_word((enum action_origin)db_i64(stmt, COLUMN_ORIGIN)), "id",
        db_text(stmt, COLUMN_REF), "text", db_text(stmt, COLUMN_TEXT), "giver",
        db_text(stmt, COLUMN_GIVER), "until", (json_int_t)db_i64(stmt, COLUMN_UNTIL), "made_at",
        (json_int_t)db_i64(stmt, COLUMN_MADE_AT), "state", state_word(stmt), "done",
        (json_int_t)db_i64(stmt, COLUMN_DONE), "terminal",
        (json_int_t)db_i64(stmt, COLUMN_TERMINAL), "sequence",
        (json_int_t)db_i64(stmt, COLUMN_SEQUENCE));
    if (is_particulars && row != NULL &&
        json_object_set_new(row, "particulars", particulars_json(amount)) != 0) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static void put_line(struct db_stmt *stmt, FILE *out)
{
    const bool is_amount = db_i64(stmt, COLUMN_KIND) != ACTION_PARTICULARS;
    const int64_t amount = is_amount ? db_i64(stmt, COLUMN_AMOUNT) : 0;
    const int64_t value = db_i64(stmt, COLUMN_VALUE);
    fprintf(out, "%016" PRId64 " %4" PRId64 " %-9s %-11s %12" PRId64 "  %s %s  %s",
            db_i64(stmt, COLUMN_CARD), db_i64(stmt, COLUMN_NUMBER), state_word(stmt),
            action_kind_word((enum action_kind)db_i64(stmt, COLUMN_KIND)),
            amount != 0 ? amount : value,
            action_origin_word((enum action_origin)db_i64(stmt, COLUMN_ORIGIN)),
            db_text(stmt, COLUMN_REF), db_text(stmt, COLUMN_TEXT));
    if (db_i64(stmt, COLUMN_TERMINAL) != 0) {
        fprintf(out, "  (terminal %" PRId64 " entry %" PRId64 ")", db_i64(stmt, COLUMN_TERMINAL),
                db_i64(stmt, COLUMN_SEQUENCE));
    }
    fputs("\n", out);
}

/* Of the terminals that are waited for, those that were never heard of. */
static enum st put_unheard(struct db *db, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false, is_first = true;
    enum st st = db_prepare(
        db, "SELECT term_id" SETTLED_LIVE " AND last_at = 0 AND hi = 0 ORDER BY term_id LIMIT 10",
        "", &stmt);
    st = st == ST_OK ? db_first(stmt, &row) : st;
    for (; st == ST_OK && row; is_first = false) {
        fprintf(out, "%s %" PRId64,
                is_first ? "Approved and never synced (see terminal forget):" : ",",
                db_i64(stmt, 0));
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    fputs(is_first ? "" : "\n", out);
    return st;
}

/* Whom the givers of ended actions wait for, and a club that was restored. */
static enum st put_waits(struct db *db, FILE *out)
{
    enum { TERMINALS_SHOWN = 10 };
    struct db_stmt *stmt = NULL;
    uint32_t terminals[TERMINALS_SHOWN];
    size_t count = 0;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT t FROM (SELECT offered_at AS t FROM action WHERE state = 3"
                            " AND is_due = 0 UNION ALL SELECT value FROM club"
                            " WHERE name = 'forgot' AND value <> 0) z ORDER BY t LIMIT 1",
                            "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK && row) {
        st = settled_waits(db, db_i64(stmt, 0), terminals, TERMINALS_SHOWN, &count);
    }
    db_finish(stmt);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s %u",
                i == 0 ? "Before that goes on, these must sync (or be revoked):" : ",",
                terminals[i]);
    }
    fputs(count == TERMINALS_SHOWN ? " ...\n" : count > 0 ? "\n" : "", out);
    return st == ST_OK && count > 0 ? put_unheard(db, out) : st;
}

static enum st list_begin(struct db *db, const struct actions_filter *filter, int64_t limit,
                          struct db_stmt **ret)
{
    enum st st = db_prepare(db, SQL_LIST, "iiitiiiiii", ret);
    if (st == ST_OK) {
        const struct actions_place *after = &filter->after;
        db_bind(*ret, (int64_t)filter->card, filter->charge, (int64_t)filter->is_open,
                filter->ref == NULL ? "" : filter->ref, (int64_t)filter->origin, after->card,
                after->made_at, after->number, after->id, limit);
    }
    return st;
}

enum st actions_array(struct db *db, const struct actions_filter *filter, size_t limit,
                      json_t **ret, struct actions_place *ret_last)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    json_t *array = json_array();
    enum st st = list_begin(db, filter, (int64_t)limit, &stmt);
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        *ret_last = (struct actions_place){db_i64(stmt, COLUMN_CARD), db_i64(stmt, COLUMN_MADE_AT),
                                           db_i64(stmt, COLUMN_NUMBER), db_i64(stmt, COLUMN_ID)};
        st = json_array_append_new(array, row_json(stmt)) == 0 ? ST_OK : ST_FULL;
    }
    db_finish(stmt);
    if (st != ST_OK) {
        json_decref(array);
        return st;
    }
    *ret = array;
    return ST_OK;
}

static bool write_json(struct db_stmt *stmt, bool is_first, FILE *out)
{
    json_t *row = row_json(stmt);
    char *text = row == NULL ? NULL : json_dumps(row, JSON_COMPACT);
    const bool is_put = text != NULL && fprintf(out, "%s\n%s", is_first ? "" : ",", text) > 0;
    free(text);
    json_decref(row);
    return is_put;
}

enum st actions_write(struct db *db, const struct actions_filter *filter, bool as_json, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false, is_first = true;
    enum st st = list_begin(db, filter, INT64_MAX, &stmt);
    if (st == ST_OK) {
        fputs(as_json ? "[" : "", out);
        st = db_step(stmt, &row);
    }
    while (st == ST_OK && row) {
        if (as_json) {
            st = write_json(stmt, is_first, out) ? ST_OK : ST_IO;
        } else {
            put_line(stmt, out);
        }
        is_first = false;
        st = st == ST_OK ? db_step(stmt, &row) : st;
    }
    db_finish(stmt);
    if (st == ST_OK) {
        fputs(as_json ? "]\n" : is_first ? "No action.\n" : "", out);
    }
    return st == ST_OK && !as_json ? put_waits(db, out) : st;
}

/* --- the dump ------------------------------------------------------------------------------ */

/* Rows of numbers, and in column `word` (-1: none) a text; each with its name. */
struct table {
    const char *name, *sql;
    const char *columns[10];
    int word;
};

static enum st put_row(struct db_stmt *stmt, const struct table *table, FILE *out)
{
    json_t *row = json_object();
    enum st st = row == NULL ? ST_IO : ST_OK;
    for (int i = 0; table->columns[i] != NULL && st == ST_OK; i++) {
        json_t *value = i == table->word ? json_string(db_text(stmt, i))
                                         : json_integer((json_int_t)db_i64(stmt, i));
        st = json_object_set_new(row, table->columns[i], value) == 0 ? ST_OK : ST_IO;
    }
    char *text = st == ST_OK ? json_dumps(row, JSON_COMPACT) : NULL;
    st = text != NULL && fputs(text, out) >= 0 ? ST_OK : ST_IO;
    free(text);
    json_decref(row);
    return st;
}

static enum st dump_table(struct db *db, const struct table *table, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, table->sql, "", &stmt);
    fprintf(out, "\"%s\":[", table->name);
    st = st == ST_OK ? db_first(stmt, &row) : st;
    for (bool is_first = true; st == ST_OK && row; is_first = false) {
        fputs(is_first ? "\n" : ",\n", out);
        st = put_row(stmt, table, out);
        st = st == ST_OK ? db_step(stmt, &row) : st;
    }
    db_finish(stmt);
    fputs("]", out);
    return st;
}

enum st actions_dump(struct db *db, FILE *out)
{
    static const struct table actions = {
        "actions",
        "SELECT id, card_no, number, kind, origin, amount, state, done, ref FROM action"
        " ORDER BY card_no, id",
        {"id", "card", "number", "kind", "origin", "amount", "state", "done", "ref", NULL},
        8};
    enum st st = dump_table(db, &actions, out);
    struct db_stmt *stmt = NULL;
    bool row = false;
    st = st == ST_OK ? db_prepare(db,
                                  "SELECT purse, acct, CAST(sum(amount) AS BIGINT) FROM jrn"
                                  " GROUP BY purse, acct ORDER BY purse, acct",
                                  "", &stmt)
                     : st;
    fputs(",\n\"accounts\":[", out);
    st = st == ST_OK ? db_first(stmt, &row) : st;
    for (bool is_first = true; st == ST_OK && row; is_first = false) {
        fprintf(out, "%s\n{\"book\":\"%s\",\"account\":\"%s\",\"amount\":%" PRId64 "}",
                is_first ? "" : ",", book_name((int)db_i64(stmt, 0)),
                account_name((int)db_i64(stmt, 1)), db_i64(stmt, 2));
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    fputs("]", out);
    return st;
}

enum action_kind actions_kind_of(const char *word)
{
    for (int kind = ACTION_CREDIT; kind <= ACTION_LAYOUT; kind++) {
        if (strcmp(word, action_kind_word((enum action_kind)kind)) == 0) {
            return (enum action_kind)kind;
        }
    }
    return (enum action_kind)0;
}

enum action_origin actions_origin_of(const char *word)
{
    for (int origin = ORIGIN_BANK; origin <= ORIGIN_IMPORT; origin++) {
        if (strcmp(word, action_origin_word((enum action_origin)origin)) == 0) {
            return (enum action_origin)origin;
        }
    }
    return (enum action_origin)0;
}
