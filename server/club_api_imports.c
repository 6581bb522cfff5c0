/* The API's imports: balances from another system, tried, imported and undone. For files of up to
 * IMPORT_LINES lines; the command takes larger ones. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/club_api_priv.h"
#include "server/import.h"

enum { IMPORT_LINES = 1000, IMPORT_BODY_MAX = 200000, SAID_MAX = 200 };

/* --- what there is -------------------------------------------------------------------------- */

static const char *const columns[] = {"iimport",    "tname",      "tby",     "iat",   "icards",
                                      "imade",      "ipoints",    "icredit", "igift", "ivoucher",
                                      "nundone_at", "tundone_by", NULL};
#define SQL_IMPORTS                                                                                \
    "SELECT no, name, made_by, at, cards, made, b0, b1, b2, b3, undone_at, undone_by FROM import"

static enum st answer_imports(struct call *call)
{
    const char *cursor = NULL;
    struct db_stmt *stmt = NULL;
    size_t limit = 0;
    int64_t after = 0;
    if (!call_page(call, &limit, &cursor) ||
        (cursor[0] != '\0' && !cursor_numbers(call, cursor, 1, &after))) {
        return ST_FOREIGN;
    }
    const enum st st =
        db_prepare(call->db, SQL_IMPORTS " WHERE no > $1 ORDER BY no LIMIT $2", "ii", &stmt);
    if (st != ST_OK) {
        db_finish(stmt);
        return st;
    }
    db_bind(stmt, after, (int64_t)limit + 1);
    return call_rows(call, stmt, columns, limit, 1);
}

static enum st put_import(struct call *call, int64_t number)
{
    struct db_stmt *stmt = NULL;
    bool row = false, done = true;
    enum st st = db_prepare(call->db, SQL_IMPORTS " WHERE no = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, number);
    }
    if (st == ST_OK && row) {
        json_t *object = row_object(stmt, columns);
        done = object != NULL && json_object_update(call->reply, object) == 0;
        json_decref(object);
    }
    db_finish(stmt);
    if (st == ST_OK && !row) {
        return call_missing(call, "There is no import %" PRId64 ".", number);
    }
    return st == ST_OK && !done ? ST_FULL : st;
}

static enum st answer_import(struct call *call)
{
    int64_t number = 0;
    return call_path_number(call, 0, "import", &number) ? put_import(call, number) : ST_REFUSED;
}

/* --- making one ----------------------------------------------------------------------------- */

/* The body's lines as the file that they would be, JSON Lines: so they are read by the one reader,
 * and the same lines are the same import. */
static enum st read_lines(struct call *call, struct import_file *ret)
{
    const bool is_toman = strcmp(body_text(call, "unit"), "toman") == 0;
    json_t *line = NULL;
    size_t i = 0, text_bytes = 0, said_bytes = 0;
    char *text = NULL, *said = NULL;
    FILE *to = open_memstream(&text, &text_bytes), *say = open_memstream(&said, &said_bytes);
    enum st st = to == NULL || say == NULL ? ST_FULL : ST_OK;
    json_array_foreach(json_object_get(call->body, "lines"), i, line)
    {
        if (st == ST_OK &&
            (json_dumpf(line, to, JSON_COMPACT | JSON_SORT_KEYS) != 0 || fputc('\n', to) == EOF)) {
            st = ST_FULL;
        }
    }
    if (to != NULL && fclose(to) != 0) {
        st = ST_FULL;
    }
    FILE *from = st == ST_OK ? fmemopen(text, text_bytes, "r") : NULL;
    if (from != NULL) {
        st = import_read(from, is_toman ? 10 : 1, say, ret, &call->fault);
        (void)fclose(from);
    } else {
        st = ST_FULL;
    }
    if (st == ST_OK) {
        st = import_check_people(call->db, ret, say);
    }
    if (say != NULL && fclose(say) != 0) {
        st = ST_FULL;
    }
    if (st == ST_OK && ret->bad != 0) {
        said[strcspn(said, "\n")] = '\0';
        fault_say(&call->fault, "%zu lines are not right, nothing was imported; the first: %.*s",
                  ret->bad, SAID_MAX, said);
        st = ST_FOREIGN;
    }
    free(text);
    free(said);
    return st;
}

/* An import of these very lines, in that unit, that is whole, and not undone. 0: there is none. */
static enum st find_same(struct call *call, const struct import_file *file, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(call->db,
                            "SELECT no FROM import WHERE sha256 = $1 AND undone_at = 0"
                            " AND made = cards AND b1 = $2 AND b2 = $3 AND b3 = $4",
                            "biii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, file->sha256, (size_t)IMPORT_SHA256_BYTES,
                      file->total[BOOK_CREDIT], file->total[BOOK_GIFT], file->total[BOOK_VOUCHER]);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

static enum st commit(struct call *call, const struct import_file *file)
{
    const char *text = body_text(call, "text");
    const struct import_order order = {.name = body_text(call, "name"),
                                       .by = call->key.name,
                                       .text = text == NULL ? "Moved in" : text};
    int64_t number = 0;
    enum st st = find_same(call, file, &number);
    if (st == ST_OK && number == 0) {
        st = import_commit(call->db, file, &order, call->now_s, &number, &call->fault);
    }
    return st == ST_OK ? put_import(call, number) : st;
}

static enum st put_trial(struct call *call, const struct import_file *file)
{
    size_t unknown = 0;
    const enum st st = import_unknown(call->db, file, &unknown);
    const bool done = st == ST_OK && put_number(call->reply, "cards", (int64_t)file->count) &&
                      put_number(call->reply, "members", (int64_t)file->people_count) &&
                      put_number(call->reply, "unknown", (int64_t)unknown) &&
                      put_number(call->reply, "points", file->total[BOOK_POINTS]) &&
                      put_number(call->reply, "credit", file->total[BOOK_CREDIT]) &&
                      put_number(call->reply, "gift", file->total[BOOK_GIFT]) &&
                      put_number(call->reply, "voucher", file->total[BOOK_VOUCHER]);
    return st == ST_OK && !done ? ST_FULL : st;
}

static enum st take(struct call *call, enum st (*use)(struct call *, const struct import_file *))
{
    struct import_file file = {0};
    json_t *line = NULL;
    size_t i = 0;
    const char *unit = body_text(call, "unit");
    if (strcmp(unit, "rial") != 0 && strcmp(unit, "toman") != 0) {
        fault_say(&call->fault, "\"unit\" is rial or toman: what the amounts are in.");
        return ST_FOREIGN;
    }
    json_array_foreach(json_object_get(call->body, "lines"), i, line)
    {
        if (!json_is_object(line)) {
            fault_say(&call->fault, "line %zu is not an object.", i + 1);
            return ST_FOREIGN;
        }
    }
    enum st st = read_lines(call, &file);
    if (st == ST_OK) {
        st = use(call, &file);
    }
    import_free(&file);
    return st;
}

static enum st answer_trial(struct call *call)
{
    return take(call, put_trial);
}

static enum st answer_make(struct call *call)
{
    return take(call, commit);
}

/* --- undoing one ---------------------------------------------------------------------------- */

static bool put_sums(json_t *reply, const char *name, const int64_t sums[CARD_BOOKS])
{
    return put_json(reply, name,
                    json_pack("{s:I,s:I,s:I,s:I}", "points", (json_int_t)sums[BOOK_POINTS],
                              "credit", (json_int_t)sums[BOOK_CREDIT], "gift",
                              (json_int_t)sums[BOOK_GIFT], "voucher",
                              (json_int_t)sums[BOOK_VOUCHER]));
}

static enum st answer_undo(struct call *call)
{
    struct import_undone undone = {0};
    char *said = NULL;
    size_t said_bytes = 0;
    int64_t number = 0;
    if (!call_path_number(call, 0, "import", &number)) {
        return ST_REFUSED;
    }
    enum st st = put_import(call, number);
    if (st != ST_OK) {
        return st;
    }
    if (json_integer_value(json_object_get(call->reply, "cards")) > IMPORT_LINES) {
        fault_say(&call->fault, "So large an import is undone with `vafa-club import undo`.");
        return ST_REFUSED;
    }
    FILE *say = open_memstream(&said, &said_bytes);
    if (say == NULL) {
        return ST_FULL;
    }
    st = import_undo(call->db, call->dir, NULL, number, call->key.name, call->now_s, say, &undone,
                     &call->fault);
    (void)fclose(say);
    free(said);
    st = st == ST_OK ? put_import(call, number) : st;
    return st != ST_OK ? st
           : put_sums(call->reply, "withdrawn", undone.withdrawn) &&
                   put_sums(call->reply, "collected", undone.collected)
               ? ST_OK
               : ST_FULL;
}

static const struct field trial_fields[] = {
    {"unit", FIELD_TEXT, true, 1, 16},
    {"lines", FIELD_LIST, true, 1, IMPORT_LINES},
    {0},
};

static const struct field make_fields[] = {
    {"name", FIELD_TEXT, true, 1, IMPORT_NAME_MAX},
    {"unit", FIELD_TEXT, true, 1, 16},
    {"text", FIELD_TEXT, false, 1, ACTION_TEXT_BYTES},
    {"lines", FIELD_LIST, true, 1, IMPORT_LINES},
    {0},
};

const struct route routes_imports[] = {
    {"GET", "/imports", APIKEY_READER, "limit cursor", NULL, answer_imports, 0},
    {"POST", "/imports", APIKEY_MANAGER, NULL, make_fields, answer_make, IMPORT_BODY_MAX},
    {"POST", "/imports/trial", APIKEY_MANAGER, NULL, trial_fields, answer_trial, IMPORT_BODY_MAX},
    {"GET", "/imports/{import}", APIKEY_READER, NULL, NULL, answer_import, 0},
    {"DELETE", "/imports/{import}", APIKEY_MANAGER, NULL, NULL, answer_undo, 0},
    {0},
};
