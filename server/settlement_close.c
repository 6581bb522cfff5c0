/* Closing a period, and the file that it leaves in the club's folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/ca.h"
#include "server/card_view.h"
#include "server/change.h"
#include "server/rows.h"
#include "server/settled.h"
#include "server/settlement_priv.h"

enum {
    FILE_MAX = 1 << 20,
    FILE_NAME_BYTES = 40,
    FIRST_DAY = 19723 /* 2024-01-01: before it, a clock was not set */
};

#define SUMMED(rows)                                                                               \
    "SELECT merch, branch, purse, acct, CAST(sum(n) AS BIGINT), CAST(sum(amount) AS BIGINT) FROM " \
    "(" rows ") z GROUP BY merch, branch, purse, acct HAVING sum(n) <> 0 OR sum(amount) <> 0"
static const char sql_sum[] = SUMMED(ROWS);
/* What is posted by now for the days before, less what closed periods have of it. */
static const char sql_late[] =
    SUMMED(ROWS " UNION ALL SELECT merch, branch, purse, acct, -n, -amount FROM settlement_line"
                " WHERE no < $5");

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

/* One line of a period. */
struct line {
    int64_t merchant, branch, purse, account, late, n, amount;
};

static enum st insert_line(struct db_stmt *stmt, int64_t number, const struct line *line)
{
    return db_run(stmt, number, line->merchant, line->branch, line->purse, line->account,
                  line->late, line->n, line->amount);
}

static enum st prepare_insert_line(struct db *db, struct db_stmt **ret)
{
    return db_prepare(db,
                      "INSERT INTO settlement_line (no, merch, branch, purse, acct, late, n,"
                      " amount) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                      "iiiiiiii", ret);
}

static struct line line_of(const json_t *line)
{
    return (struct line){number_in(line, "merch"), number_in(line, "branch"),
                         number_in(line, "purse"), number_in(line, "acct"),
                         number_in(line, "late"),  number_in(line, "n"),
                         number_in(line, "amount")};
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
        st = prepare_insert_line(db, &stmt);
    }
    if (st == ST_OK) {
        json_array_foreach(lines, i, line)
        {
            const struct line values = line_of(line);
            st = st == ST_OK ? insert_line(stmt, number, &values) : st;
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
        st = st == ST_OK ? settled_forgot(db, now_s) : st;
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

/* The lines of the period that is being closed. */
struct lines {
    struct line *list;
    size_t count, held;
    int64_t sum[BOOKS]; /* of each book: 0, or the books are wrong */
};

static enum st keep_line(struct lines *lines, const struct line *line)
{
    if (lines->count == lines->held) {
        const size_t held = lines->held == 0 ? 256 : 2 * lines->held;
        struct line *list = realloc(lines->list, held * sizeof *list);
        if (list == NULL) {
            return ST_FULL;
        }
        lines->list = list;
        lines->held = held;
    }
    assert(line->purse >= 0 && line->purse < BOOKS);
    lines->list[lines->count++] = *line;
    lines->sum[line->purse] += line->amount;
    return ST_OK;
}

/* Reads the rows of a bound statement, and finishes it. */
static enum st read_lines(struct db_stmt *stmt, int64_t late, struct lines *lines)
{
    bool row = false;
    enum st st = ST_OK;
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        const struct line line = {
            db_i64(stmt, 0), db_i64(stmt, 1), db_i64(stmt, 2), db_i64(stmt, 3), late,
            db_i64(stmt, 4), db_i64(stmt, 5)};
        st = keep_line(lines, &line);
    }
    db_finish(stmt);
    return st;
}

static enum st sum_lines(struct db *db, const struct next_period *period, struct lines *lines)
{
    struct db_stmt *stmt = NULL;
    const int64_t begins_at = day_begins_at(period->from_day);
    enum st st = db_prepare(db, sql_sum, "iiii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, period->from_day, period->to_day, begins_at,
                day_begins_at(period->to_day + 1));
        st = read_lines(stmt, 0, lines);
    }
    if (st == ST_OK) {
        st = db_prepare(db, sql_late, "iiiii", &stmt);
    }
    if (st == ST_OK) {
        db_bind(stmt, INT64_MIN, period->from_day - 1, INT64_MIN, begins_at, period->number);
        st = read_lines(stmt, 1, lines);
    }
    return st;
}

static enum st check_sums(const struct lines *lines, struct fault *fault)
{
    for (int book = 0; book < BOOKS; book++) {
        if (lines->sum[book] != 0) {
            fault_say(fault,
                      "The book of %s does not sum to zero: call for help. Nothing was closed.",
                      book_name(book));
            return ST_REFUSED;
        }
    }
    return ST_OK;
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

/* Reads all books, in one snapshot and without a lock, so that terminals go on syncing meanwhile:
 * what they bring is late, in the next period. *ret_closed: it was closed likewise before. */
static enum st reckon_period(struct db *db, const struct settlement_close *close, int64_t now_s,
                             struct next_period *ret_period, struct lines *lines, bool *ret_closed,
                             struct fault *fault)
{
    enum st st = db_exec(db, "BEGIN");
    if (st != ST_OK) {
        return st;
    }
    st = is_closed(db, close, ret_closed);
    if (st == ST_OK && !*ret_closed) {
        st = period_get(db, close->to_day, ret_period);
        st = st == ST_OK ? period_check(ret_period, close, now_s, fault) : st;
        st = st == ST_OK ? sum_lines(db, ret_period, lines) : st;
        st = st == ST_OK ? check_sums(lines, fault) : st;
    }
    const enum st ended = db_exec(db, "COMMIT");
    return st == ST_OK ? ended : st;
}

static enum st write_within(struct db *db, const char *dir, const struct settlement_close *close,
                            const struct next_period *period, const struct lines *lines,
                            int64_t now_s, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    int64_t last = 0;
    enum st st = settlement_last(db, &last);
    if (st == ST_OK && last + 1 != period->number) {
        fault_say(fault, "Somebody else has closed settlement %lld meanwhile.", (long long)last);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = insert_head(db, period->number, period->from_day, period->to_day, now_s, close->by,
                         period->as_of);
    }
    if (st == ST_OK) {
        st = prepare_insert_line(db, &stmt);
    }
    for (size_t i = 0; i < lines->count && st == ST_OK; i++) {
        st = insert_line(stmt, period->number, &lines->list[i]);
    }
    db_finish(stmt);
    return st == ST_OK ? write_file(db, dir, period->number, fault) : st;
}

/* The file would bring back what was not closed. */
static void remove_file(const char *dir, int64_t number)
{
    char path[4096], name[FILE_NAME_BYTES];
    file_name(number, name);
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)unlink(path);
}

static enum st write_period(struct db *db, const char *dir, const struct settlement_close *close,
                            const struct next_period *period, const struct lines *lines,
                            int64_t now_s, struct fault *fault)
{
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = write_within(db, dir, close, period, lines, now_s, fault);
    const bool has_file = st == ST_OK;
    st = change_end(db, st, fault);
    if (has_file && st != ST_OK) {
        remove_file(dir, period->number);
    }
    return st;
}

enum st settlement_close(struct db *db, const char *dir, const struct settlement_close *close,
                         int64_t now_s, int64_t *ret_number, struct fault *fault)
{
    struct next_period period = {0};
    struct lines lines = {0};
    int64_t restored = 0;
    bool closed = false;
    if (!text_is_name(close->by, SETTLEMENT_BY_MAX) || close->to_day < BUSINESS_DAY_MIN ||
        close->to_day > BUSINESS_DAY_MAX || close->number < 0 || close->number > SETTLEMENTS_MAX) {
        fault_say(fault, "Say who closes the period (1 to %d bytes) and its last day.",
                  SETTLEMENT_BY_MAX);
        return ST_FOREIGN;
    }
    enum st st = settlement_restore(db, dir, now_s, &restored, fault);
    if (st == ST_OK) {
        st = reckon_period(db, close, now_s, &period, &lines, &closed, fault);
    }
    if (st == ST_OK && !closed) {
        st = write_period(db, dir, close, &period, &lines, now_s, fault);
    }
    if (st == ST_OK) {
        *ret_number = closed ? close->number : period.number;
    }
    free(lines.list);
    return st;
}
