/* The API's merchants, branches, terminals, programme and books. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/books.h"
#include "server/card_view.h"
#include "server/club_api_priv.h"
#include "server/places.h"
#include "server/registry.h"

enum { CODE_HOURS_DEFAULT = 24, CODE_HOURS_MAX = 720 };

/* --- lists that the reports have, too ------------------------------------------------------ */

static enum st answer_one(struct call *call, const struct places *places, const char *what)
{
    struct db_stmt *stmt = NULL;
    int64_t number = 0;
    bool row = false;
    if (!call_path_number(call, 0, what, &number)) {
        return ST_REFUSED;
    }
    enum st st = db_prepare(call->db, places->sql, "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, number - 1, INT64_C(1));
    }
    if (st == ST_OK && row && db_i64(stmt, 0) == number) {
        json_t *object = row_object(stmt, places->columns);
        st = object != NULL && json_object_update(call->reply, object) == 0 ? ST_OK : ST_FULL;
        json_decref(object);
    } else if (st == ST_OK) {
        st = call_missing(call, "There is no %s %" PRId64 ".", what, number);
    }
    db_finish(stmt);
    return st;
}

static enum st answer_merchants(struct call *call)
{
    return call_query(call, places_merchants.sql, places_merchants.columns);
}

static enum st answer_merchant(struct call *call)
{
    return answer_one(call, &places_merchants, "merchant");
}

static enum st answer_branches(struct call *call)
{
    return call_query(call, places_branches.sql, places_branches.columns);
}

static enum st answer_branch(struct call *call)
{
    return answer_one(call, &places_branches, "branch");
}

static enum st answer_terminals(struct call *call)
{
    return call_query(call, places_terminals.sql, places_terminals.columns);
}

static enum st answer_terminal(struct call *call)
{
    return answer_one(call, &places_terminals, "terminal");
}

/* --- terminals ----------------------------------------------------------------------------- */

static enum st answer_revoke(struct call *call)
{
    int64_t number = 0;
    if (!call_path_number(call, 0, "terminal", &number)) {
        return ST_REFUSED;
    }
    if (number > WIRE_TERMINAL_MAX) {
        return call_missing(call, "There is no terminal %" PRId64 ".", number);
    }
    enum st st = registry_revoke(call->db, (uint32_t)number, call->now_s, &call->fault);
    if (st == ST_REFUSED) {
        call->status = 404;
        call->word = "missing";
    }
    return st == ST_OK ? answer_terminal(call) : st;
}

static enum st answer_code(struct call *call)
{
    char code[REGISTRY_CODE_BYTES];
    const int64_t hours = body_number(call, "hours", CODE_HOURS_DEFAULT);
    enum st st = registry_code(call->db, body_text(call, "merchant"), body_text(call, "branch"),
                               call->now_s, hours * 3600, code, &call->fault);
    if (st == ST_OK) {
        call->status = 201;
        st = put_text(call->reply, "code", code) &&
                     put_number(call->reply, "expires_at", call->now_s + hours * 3600)
                 ? ST_OK
                 : ST_FULL;
    }
    return st;
}

/* --- programme and books ------------------------------------------------------------------- */

static enum st answer_programme(struct call *call)
{
    char *text = NULL;
    enum st st = registry_programme_text(call->db, &text);
    if (st == ST_OK && text == NULL) {
        return call_missing(call, "The club has no programme yet.");
    }
    if (st == ST_OK) {
        json_t *document = json_loads(text, 0, NULL);
        st = put_json(call->reply, "programme", document) ? ST_OK : ST_FULL;
    }
    free(text);
    return st;
}

static enum st put_rows(struct call *call, const char *name, const struct places *places)
{
    struct db_stmt *stmt = NULL;
    json_t *rows = NULL;
    enum st st = db_prepare(call->db, places->sql, "", &stmt);
    if (st == ST_OK) {
        db_bind(stmt);
        st = rows_read(stmt, places->columns, SIZE_MAX, &rows);
    }
    db_finish(stmt);
    return st == ST_OK && !put_json(call->reply, name, rows) ? ST_FULL : st;
}

/* In one snapshot of the database, so that the sums agree while terminals sync. */
static enum st answer_report(struct call *call)
{
    struct books_totals totals = {0};
    int64_t at = 0, behind = 0;
    enum st st = db_exec(call->db, "BEGIN");
    if (st == ST_OK) {
        st = put_rows(call, "ledger", &books_ledger);
        st = st == ST_OK ? put_rows(call, "books", &books_sums) : st;
        st = st == ST_OK ? books_totals(call->db, &totals) : st;
        st = st == ST_OK ? books_as_of(call->db, &at, &behind) : st;
        const enum st ended = db_exec(call->db, "COMMIT");
        st = st == ST_OK ? ended : st;
    }
    if (st != ST_OK) {
        return st;
    }
    const bool is_balanced = totals.unbalanced_batches == 0 && totals.unbalanced_books == 0 &&
                             totals.differing_pending == 0 && totals.differing_replaced == 0 &&
                             totals.differing_transit == 0;
    const bool done = put_number(call->reply, "transactions", totals.transactions) &&
                      put_number(call->reply, "unchecked", totals.unchecked) &&
                      put_json(call->reply, "balanced", json_boolean(is_balanced)) &&
                      put_json(call->reply, "as_of", at == 0 ? json_null() : json_integer(at)) &&
                      put_number(call->reply, "terminals_behind", behind);
    return done ? ST_OK : ST_FULL;
}

static const struct field code_fields[] = {
    {"merchant", FIELD_TEXT, true, 1, WIRE_NAME_MAX},
    {"branch", FIELD_TEXT, true, 1, WIRE_NAME_MAX},
    {"hours", FIELD_NUMBER, false, 1, CODE_HOURS_MAX},
    {0},
};

const struct route routes_places[] = {
    {"GET", "/merchants", APIKEY_READER, "limit cursor", NULL, answer_merchants, 0},
    {"GET", "/merchants/{merchant}", APIKEY_READER, NULL, NULL, answer_merchant, 0},
    {"GET", "/branches", APIKEY_READER, "limit cursor", NULL, answer_branches, 0},
    {"GET", "/branches/{branch}", APIKEY_READER, NULL, NULL, answer_branch, 0},
    {"GET", "/terminals", APIKEY_READER, "limit cursor", NULL, answer_terminals, 0},
    {"GET", "/terminals/{terminal}", APIKEY_READER, NULL, NULL, answer_terminal, 0},
    {"DELETE", "/terminals/{terminal}", APIKEY_MANAGER, NULL, NULL, answer_revoke, 0},
    {"POST", "/codes", APIKEY_CLERK, NULL, code_fields, answer_code, 0},
    {"GET", "/programme", APIKEY_READER, NULL, NULL, answer_programme, 0},
    {"GET", "/report", APIKEY_READER, NULL, NULL, answer_report, 0},
    {0},
};
