#include "server/settlement.h"

#include "server/card_view.h"
#include "server/rows.h"
#include "server/settlement_priv.h"

/* --- what is summed ------------------------------------------------------------------------ */

#define LINES_OF(from)                                                                             \
    "SELECT l.merch, m.name, l.branch, b.name, l.purse, l.acct, CAST(sum(l.n) AS BIGINT),"         \
    " CAST(sum(CASE WHEN l.late = 0 THEN l.amount ELSE 0 END) AS BIGINT),"                         \
    " CAST(sum(CASE WHEN l.late = 1 THEN l.amount ELSE 0 END) AS BIGINT) FROM " from               \
    " l LEFT JOIN merchant m ON m.merch = l.merch LEFT JOIN branch b ON b.branch = l.branch"       \
    " GROUP BY l.merch, m.name, l.branch, b.name, l.purse, l.acct"                                 \
    " ORDER BY l.merch, l.branch, l.purse, l.acct"

static const char sql_look[] =
    LINES_OF("(SELECT merch, branch, purse, acct, 0 AS late, n, amount FROM (" ROWS ") z)");
static const char sql_lines[] =
    LINES_OF("(SELECT merch, branch, purse, acct, late, n, amount FROM settlement_line"
             " WHERE no = $1)");
/* --- as objects ---------------------------------------------------------------------------- */

/* What each merchant's lines come to, in their order. */
static json_t *totals_of(const json_t *lines, int64_t *ret_sum)
{
    json_t *totals = json_array(), *total = NULL, *line = NULL;
    size_t i = 0;
    *ret_sum = 0;
    json_array_foreach(lines, i, line)
    {
        const int64_t amount = number_in(line, "amount"), late = number_in(line, "late");
        const int64_t merchant = number_in(line, "merchant");
        *ret_sum += amount + late;
        if (total == NULL || number_in(total, "merchant") != merchant) {
            total = json_pack("{s:I,s:O,s:i,s:i,s:i}", "merchant", (json_int_t)merchant, "name",
                              json_object_get(line, "name"), "amount", 0, "late", 0, "net", 0);
            if (json_array_append_new(totals, total) != 0) {
                json_decref(totals);
                return NULL;
            }
        }
        const int64_t net = number_in(total, "net");
        (void)put_number(total, "amount", number_in(total, "amount") + amount);
        (void)put_number(total, "late", number_in(total, "late") + late);
        (void)put_number(total, "net", net + amount + late);
    }
    return totals;
}

static bool put_days(json_t *object, int64_t from_day, int64_t to_day)
{
    char from[BUSINESS_DAY_TEXT], to[BUSINESS_DAY_TEXT];
    business_day_text(from_day, from);
    business_day_text(to_day, to);
    bool done = put_text(object, "from", from) && put_text(object, "to", to);
    business_day_jalali(from_day, from);
    business_day_jalali(to_day, to);
    return done && put_text(object, "from_jalali", from) && put_text(object, "to_jalali", to);
}

/* Reads the lines that `stmt`, which is bound, has, into the object. */
static enum st put_lines(struct db_stmt *stmt, json_t *object)
{
    static const char *const columns[] = {"imerchant", "tname",    "ibranch",  "tbranch_name",
                                          "bbook",     "aaccount", "ientries", "iamount",
                                          "ilate",     NULL};
    json_t *lines = NULL;
    int64_t sum = 0;
    enum st st = rows_read(stmt, columns, SIZE_MAX, &lines);
    if (st != ST_OK) {
        return st;
    }
    json_t *totals = totals_of(lines, &sum);
    const bool done = put_json(object, "merchants", totals) && put_json(object, "lines", lines) &&
                      put_number(object, "sum", sum);
    return done ? ST_OK : ST_FULL;
}

enum st settlement_look(struct db *db, int64_t from_day, int64_t to_day, json_t **ret)
{
    assert(from_day <= to_day);
    struct db_stmt *stmt = NULL;
    int64_t at = 0, behind = 0;
    json_t *object = json_object();
    enum st st = put_days(object, from_day, to_day) ? ST_OK : ST_FULL;
    if (st == ST_OK) {
        st = books_as_of(db, &at, &behind);
    }
    if (st == ST_OK) {
        st = put_json(object, "as_of", at == 0 ? json_null() : json_integer(at)) ? ST_OK : ST_FULL;
    }
    if (st == ST_OK) {
        st = db_prepare(db, sql_look, "iiii", &stmt);
    }
    if (st == ST_OK) {
        db_bind(stmt, from_day, to_day, day_begins_at(from_day), day_begins_at(to_day + 1));
        st = put_lines(stmt, object);
    }
    db_finish(stmt);
    if (st != ST_OK) {
        json_decref(object);
        return st;
    }
    *ret = object;
    return ST_OK;
}

/* Without its lines. */
static enum st head_object(struct db_stmt *stmt, json_t **ret)
{
    static const char *const columns[] = {"isettlement", "-from",  "-to", "iclosed_at",
                                          "tclosed_by",  "nas_of", NULL};
    json_t *object = row_object(stmt, columns);
    if (object == NULL || !put_days(object, db_i64(stmt, 1), db_i64(stmt, 2))) {
        json_decref(object);
        return ST_FULL;
    }
    *ret = object;
    return ST_OK;
}

enum st settlement_object(struct db *db, int64_t number, json_t **ret)
{
    struct db_stmt *stmt = NULL, *lines = NULL;
    json_t *object = NULL;
    bool row = false;
    enum st st = db_prepare(db, HEADS " WHERE no = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, number);
    }
    if (st == ST_OK && row) {
        st = head_object(stmt, &object);
    }
    db_finish(stmt);
    if (st == ST_OK && row) {
        st = db_prepare(db, sql_lines, "i", &lines);
    }
    if (st == ST_OK && row) {
        db_bind(lines, number);
        st = put_lines(lines, object);
    }
    db_finish(lines);
    if (st != ST_OK) {
        json_decref(object);
        return st;
    }
    *ret = object;
    return ST_OK;
}

enum st settlements_array(struct db *db, int64_t after, size_t limit, json_t **ret)
{
    struct db_stmt *stmt = NULL;
    json_t *array = json_array(), *object = NULL;
    bool row = false;
    enum st st = db_prepare(db, HEADS " WHERE no > $1 ORDER BY no LIMIT $2", "ii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, after, (int64_t)limit);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        st = head_object(stmt, &object);
        st = st == ST_OK && json_array_append_new(array, object) != 0 ? ST_FULL : st;
    }
    db_finish(stmt);
    if (st != ST_OK) {
        json_decref(array);
        return st;
    }
    *ret = array;
    return ST_OK;
}
