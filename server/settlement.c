#include "server/settlement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/accounts.h"
#include "server/business_day.h"
#include "server/ca.h"
#include "server/card_view.h"
#include "server/change.h"
#include "server/rows.h"

enum {
    FILE_MAX = 1 << 20,
    FILE_NAME_BYTES = 40,
    FIRST_DAY = 19723 /* 2024-01-01: before it, a clock was not set */
};

/* --- what is summed ------------------------------------------------------------------------ */

#define OF_MERCHANT "j.acct IN (" ACCOUNTS_OF_MERCHANTS ")"
#define CARD_ROWS(purse)                                                                           \
    " UNION ALL SELECT 0, 0, " purse ", 0, 1, d" purse " FROM txn WHERE d" purse " <> 0"           \
    " AND ts >= $3 AND ts < $4"
/* Counter entries and what cards changed, in rials, of the days $1..$2, the moments $3..$4. */
#define ROWS                                                                                       \
    "SELECT CASE WHEN " OF_MERCHANT " THEN j.merch ELSE 0 END AS merch,"                           \
    " CASE WHEN " OF_MERCHANT " THEN coalesce(t.branch, 0) ELSE 0 END AS branch,"                  \
    " j.purse AS purse, j.acct AS acct, j.n AS n, j.amount AS amount"                              \
    " FROM jrn j LEFT JOIN term t ON t.term_id = j.term_id"                                        \
    " WHERE j.purse > 0 AND j.day >= $1 AND j.day <= $2" CARD_ROWS("1") CARD_ROWS("2")             \
        CARD_ROWS("3")
#define SUMMED_INTO_LINES(late, rows)                                                              \
    "INSERT INTO settlement_line (no, merch, branch, purse, acct, late, n, amount)"                \
    " SELECT $5, merch, branch, purse, acct, " late                                                \
    ", CAST(sum(n) AS BIGINT), CAST(sum(amount) AS BIGINT) FROM (" rows                            \
    ") z GROUP BY merch, branch, purse, acct HAVING sum(n) <> 0 OR sum(amount) <> 0"
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
static const char sql_sum[] = SUMMED_INTO_LINES("0", ROWS);
/* What is posted by now for the days before, less what closed periods have of it. */
static const char sql_late[] = SUMMED_INTO_LINES(
    "1", ROWS " UNION ALL SELECT merch, branch, purse, acct, -n, -amount FROM settlement_line"
              " WHERE no < $5");

static int64_t day_begins_at(int64_t day)
{
    return day * BUSINESS_DAY_S - BUSINESS_ZONE_S;
}

/* --- as objects ---------------------------------------------------------------------------- */

static int64_t number_in(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

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

#define HEADS "SELECT no, from_day, to_day, closed_at, closed_by, as_of FROM settlement"

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

/* --- the file ------------------------------------------------------------------------------ */

static void file_name(int64_t number, char ret[FILE_NAME_BYTES])
{
    (void)snprintf(ret, FILE_NAME_BYTES, "settlement-%06lld.json", (long long)number);
}

/* The settlement as the file has it: whole numbers, no names. */
static enum st file_text(struct db *db, int64_t number, char **ret_text)
{
    static const char *const columns[] = {"ino",        "ifrom_day", "ito_day", "iclosed_at",
                                          "tclosed_by", "ias_of",    NULL};
    static const char *const line_columns[] = {"imerch", "ibranch", "ipurse",  "iacct",
                                               "ilate",  "in",      "iamount", NULL};
    struct db_stmt *stmt = NULL;
    json_t *object = NULL, *lines = NULL;
    bool row = false;
    enum st st = db_prepare(db, HEADS " WHERE no = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, number);
    }
    if (st == ST_OK) {
        assert(row);
        object = row_object(stmt, columns);
    }
    db_finish(stmt);
    if (st == ST_OK) {
        st = db_prepare(db,
                        "SELECT merch, branch, purse, acct, late, n, amount FROM settlement_line"
                        " WHERE no = $1 ORDER BY merch, branch, purse, acct, late",
                        "i", &stmt);
        if (st == ST_OK) {
            db_bind(stmt, number);
            st = rows_read(stmt, line_columns, SIZE_MAX, &lines);
            db_finish(stmt);
        }
    }
    if (st == ST_OK) {
        *ret_text = put_json(object, "lines", lines) ? json_dumps(object, JSON_COMPACT) : NULL;
        st = *ret_text == NULL ? ST_FULL : ST_OK;
    }
    json_decref(object);
    return st;
}

static enum st write_file(struct db *db, const char *dir, int64_t number, struct fault *fault)
{
    char name[FILE_NAME_BYTES], *text = NULL;
    file_name(number, name);
    enum st st = file_text(db, number, &text);
    if (st == ST_OK && strlen(text) > FILE_MAX) {
        fault_say(fault, "The settlement is larger than %d bytes: close fewer days at once.",
                  FILE_MAX);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = file_store(dir, name, text, strlen(text), 0600, fault);
    }
    free(text);
    return st;
}

static enum st insert_line(struct db_stmt *stmt, int64_t number, const json_t *line)
{
    return db_run(stmt, number, number_in(line, "merch"), number_in(line, "branch"),
                  number_in(line, "purse"), number_in(line, "acct"), number_in(line, "late"),
                  number_in(line, "n"), number_in(line, "amount"));
}

static enum st insert_head(struct db *db, int64_t number, int64_t from_day, int64_t to_day,
                           int64_t closed_at, const char *by, int64_t as_of)
{
    enum st st = ST_OK;
    DB_ONCE(st, db,
            "INSERT INTO settlement (no, from_day, to_day, closed_at, closed_by, as_of)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            "iiiiti", number, from_day, to_day, closed_at, by, as_of);
    return st;
}

/* Puts one back; the caller's transaction. */
static enum st restore_one(struct db *db, const char *dir, int64_t number, struct fault *fault)
{
    char name[FILE_NAME_BYTES], *text = NULL;
    size_t size = 0, i = 0;
    struct db_stmt *stmt = NULL;
    json_t *line = NULL;
    file_name(number, name);
    enum st st = file_load(dir, name, &text, &size, fault);
    json_t *object = st == ST_OK ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const json_t *lines = json_object_get(object, "lines");
    const char *by = json_string_value(json_object_get(object, "closed_by"));
    if (st == ST_OK && (number_in(object, "no") != number || by == NULL || !json_is_array(lines))) {
        fault_say(fault, "%s/%s is not settlement %lld: put back the right file.", dir, name,
                  (long long)number);
        st = ST_FOREIGN;
    }
    if (st == ST_OK) {
        st = insert_head(db, number, number_in(object, "from_day"), number_in(object, "to_day"),
                         number_in(object, "closed_at"), by, number_in(object, "as_of"));
    }
    if (st == ST_OK) {
        st = db_prepare(db,
                        "INSERT INTO settlement_line (no, merch, branch, purse, acct, late, n,"
                        " amount) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                        "iiiiiiii", &stmt);
    }
    if (st == ST_OK) {
        json_array_foreach(lines, i, line)
        {
            st = st == ST_OK ? insert_line(stmt, number, line) : st;
        }
    }
    db_finish(stmt);
    json_decref(object);
    free(text);
    return st;
}

enum st settlement_last(struct db *db, int64_t *ret_number)
{
    int64_t next = 0;
    enum st st = change_next_number(db, "SELECT max(no) FROM settlement", &next);
    if (st == ST_OK) {
        *ret_number = next - 1;
    }
    return st;
}

/* Notes in `club` when settlements were last brought back: what terminals had sent before then may
 * be forgotten. */
static enum st restore_within(struct db *db, const char *dir, int64_t now_s, int64_t *ret_count,
                              struct fault *fault)
{
    int64_t last = 0;
    char name[FILE_NAME_BYTES];
    *ret_count = 0;
    enum st st = settlement_last(db, &last);
    file_name(last + 1, name);
    while (st == ST_OK && last < SETTLEMENTS_MAX && file_exists(dir, name)) {
        st = restore_one(db, dir, ++last, fault);
        *ret_count += 1;
        file_name(last + 1, name);
    }
    if (st == ST_OK && *ret_count != 0) {
        DB_ONCE(st, db, "UPDATE club SET value = $1 WHERE name = 'restored'", "i", now_s);
    }
    return st;
}

enum st settlement_restore(struct db *db, const char *dir, int64_t now_s, int64_t *ret_count,
                           struct fault *fault)
{
    enum st st = change_begin(db, fault);
    return st == ST_OK ? change_end(db, restore_within(db, dir, now_s, ret_count, fault), fault)
                       : st;
}

/* --- closing ------------------------------------------------------------------------------- */

/* The period that is closed next. */
struct next_period {
    int64_t number, from_day, to_day;
    int64_t last_to_day; /* of the one before */
    int64_t as_of, restored_at;
};

static enum st first_day(struct db *db, int64_t otherwise, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db, "SELECT day FROM jrn WHERE day >= $1 ORDER BY day LIMIT 1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)FIRST_DAY);
    }
    if (st == ST_OK) {
        *ret = row && db_i64(stmt, 0) < otherwise ? db_i64(stmt, 0) : otherwise;
    }
    db_finish(stmt);
    return st;
}

static enum st restored_at(struct db *db, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT value FROM club WHERE name = 'restored'", "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK) {
        *ret = row ? db_i64(stmt, 0) : 0;
    }
    db_finish(stmt);
    return st;
}

static enum st period_get(struct db *db, int64_t to_day, struct next_period *ret)
{
    struct db_stmt *stmt = NULL;
    int64_t behind = 0;
    bool row = false;
    enum st st =
        db_prepare(db, "SELECT no, to_day FROM settlement ORDER BY no DESC LIMIT 1", "", &stmt);
    *ret = (struct next_period){.to_day = to_day};
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK) {
        ret->number = (row ? db_i64(stmt, 0) : 0) + 1;
        ret->last_to_day = row ? db_i64(stmt, 1) : INT64_MIN;
        ret->from_day = row ? ret->last_to_day + 1 : 0;
    }
    db_finish(stmt);
    if (st == ST_OK && !row) {
        st = first_day(db, to_day, &ret->from_day);
    }
    if (st == ST_OK) {
        st = restored_at(db, &ret->restored_at);
    }
    return st == ST_OK ? books_as_of(db, &ret->as_of, &behind) : st;
}

static enum st period_check(const struct next_period *period, const struct settlement_close *close,
                            int64_t now_s, struct fault *fault)
{
    char day[BUSINESS_DAY_TEXT];
    business_day_text(close->to_day, day);
    if (close->number != 0 && close->number != period->number) {
        fault_say(fault, "The next settlement is %lld, not %lld.", (long long)period->number,
                  (long long)close->number);
        return ST_REFUSED;
    }
    if (close->to_day <= period->last_to_day) {
        business_day_text(period->last_to_day, day);
        fault_say(fault, "Days up to %s are closed already.", day);
        return ST_REFUSED;
    }
    if (close->to_day >= business_day(now_s)) {
        fault_say(fault, "The day %s is not over: close up to yesterday at most.", day);
        return ST_REFUSED;
    }
    if (!close->anyway &&
        (period->as_of < day_begins_at(close->to_day + 1) || period->as_of < period->restored_at)) {
        fault_say(fault,
                  "Not every terminal has sent all of these days yet. Let them sync, or close"
                  " anyway: what comes later falls into the next period.");
        return ST_REFUSED;
    }
    return ST_OK;
}

static enum st sum_lines(struct db *db, const struct next_period *period)
{
    enum st st = ST_OK;
    DB_ONCE(st, db, sql_sum, "iiiii", period->from_day, period->to_day,
            day_begins_at(period->from_day), day_begins_at(period->to_day + 1), period->number);
    if (st == ST_OK) {
        DB_ONCE(st, db, sql_late, "iiiii", INT64_MIN, period->from_day - 1, INT64_MIN,
                day_begins_at(period->from_day), period->number);
    }
    return st;
}

static enum st check_sum(struct db *db, int64_t number, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT purse FROM settlement_line WHERE no = $1 GROUP BY purse"
                            " HAVING sum(amount) <> 0",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, number);
    }
    if (st == ST_OK && row) {
        fault_say(fault, "The book of %s does not sum to zero: call for help. Nothing was closed.",
                  book_name((int)db_i64(stmt, 0)));
        st = ST_REFUSED;
    }
    db_finish(stmt);
    return st;
}

/* Whether that number was closed with that last day already. */
static enum st is_closed(struct db *db, const struct settlement_close *close, bool *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st =
        db_prepare(db, "SELECT 1 FROM settlement WHERE no = $1 AND to_day = $2", "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret, close->number, close->to_day);
    }
    db_finish(stmt);
    return st;
}

static enum st close_within(struct db *db, const char *dir, const struct settlement_close *close,
                            int64_t now_s, int64_t *ret_number, int64_t *ret_made,
                            struct fault *fault)
{
    struct next_period period;
    int64_t restored = 0;
    bool closed = false;
    enum st st = restore_within(db, dir, now_s, &restored, fault);
    if (st == ST_OK) {
        st = is_closed(db, close, &closed);
    }
    if (st != ST_OK || closed) {
        *ret_number = close->number;
        return st;
    }
    st = period_get(db, close->to_day, &period);
    if (st == ST_OK) {
        st = period_check(&period, close, now_s, fault);
    }
    if (st == ST_OK) {
        st = insert_head(db, period.number, period.from_day, period.to_day, now_s, close->by,
                         period.as_of);
    }
    if (st == ST_OK) {
        st = sum_lines(db, &period);
    }
    if (st == ST_OK) {
        st = check_sum(db, period.number, fault);
    }
    if (st == ST_OK) {
        *ret_number = *ret_made = period.number;
        st = write_file(db, dir, period.number, fault);
    }
    return st;
}

enum st settlement_close(struct db *db, const char *dir, const struct settlement_close *close,
                         int64_t now_s, int64_t *ret_number, struct fault *fault)
{
    char path[4096], name[FILE_NAME_BYTES];
    int64_t made = 0;
    if (!text_is_name(close->by, SETTLEMENT_BY_MAX) || close->to_day < BUSINESS_DAY_MIN ||
        close->to_day > BUSINESS_DAY_MAX || close->number < 0 || close->number > SETTLEMENTS_MAX) {
        fault_say(fault, "Say who closes the period (1 to %d bytes) and its last day.",
                  SETTLEMENT_BY_MAX);
        return ST_FOREIGN;
    }
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = close_within(db, dir, close, now_s, ret_number, &made, fault);
    st = change_end(db, st, fault);
    if (st != ST_OK && made != 0) { /* the file would bring back what was not closed */
        file_name(made, name);
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        (void)unlink(path);
    }
    return st;
}
