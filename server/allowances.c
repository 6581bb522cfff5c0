#include "server/allowances.h"

#include <jansson.h>

#include "server/operators.h"

/* Above every figure: a terminal that has not taken a first limit yet is not bound by it. */
#define UNBOUND INT64_MAX

static const char *const columns[LIMIT_WHATS][LIMIT_UNITS] = {{"load", "loads"},
                                                              {"spend", "spends"},
                                                              {"issue", "issues"},
                                                              {"refund", "refunds"},
                                                              {"earn", "points"}};

/* --- one row ---------------------------------------------------------------------------------- */

struct row {
    bool is_there;
    int64_t max, peak; /* peak: of terminals; what may still be in force, UNBOUND: no limit yet */
};

static enum st row_get(struct db *db, const struct quota_name *name, struct row *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "SELECT max, peak FROM quota WHERE scope = $1 AND id = $2 AND span = $3"
                            " AND what = $4 AND unit = $5",
                            "iiiii", &stmt);
    bool row = false;
    *ret = (struct row){.is_there = false};
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)name->scope, name->id, (int64_t)name->span,
                      (int64_t)name->what, (int64_t)name->unit);
    }
    if (st == ST_OK && row) {
        *ret = (struct row){true, db_i64(stmt, 0), db_i64(stmt, 1)};
    }
    db_finish(stmt);
    return st;
}

static enum st row_put(struct db *db, const struct quota_name *name, int64_t max, int64_t peak)
{
    struct db_stmt *stmt = NULL;
    enum st st =
        db_prepare(db,
                   "INSERT INTO quota (scope, id, span, what, unit, max, peak) VALUES ($1, $2, $3,"
                   " $4, $5, $6, $7) ON CONFLICT (scope, id, span, what, unit) DO UPDATE"
                   " SET max = $6, peak = $7",
                   "iiiiiii", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, (int64_t)name->scope, name->id, (int64_t)name->span, (int64_t)name->what,
                    (int64_t)name->unit, max, peak);
    }
    db_finish(stmt);
    return st;
}

static enum st row_drop(struct db *db, const struct quota_name *name)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "DELETE FROM quota WHERE scope = $1 AND id = $2 AND span = $3"
                            " AND what = $4 AND unit = $5",
                            "iiiii", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, (int64_t)name->scope, name->id, (int64_t)name->span, (int64_t)name->what,
                    (int64_t)name->unit);
    }
    db_finish(stmt);
    return st;
}

/* What the club knows that a terminal used in all. */
static enum st used_of(struct db *db, int64_t terminal, enum limit_what what, enum limit_unit unit,
                       int64_t *ret)
{
    char sql[120];
    struct db_stmt *stmt = NULL;
    bool row = false;
    (void)snprintf(sql, sizeof sql, "SELECT %s FROM used WHERE scope = 1 AND id = $1 AND day = 0",
                   columns[what][unit]);
    enum st st = db_prepare(db, sql, "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, terminal);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

static int64_t highest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* --- ceilings --------------------------------------------------------------------------------- */

enum { TERMINALS_MAX = 4096 }; /* of one merchant, in one split */

/* The terminals of a merchant that may work, or all of them. ST_FULL: there are too many. */
static enum st terminals_of(struct db *db, int64_t merchant, bool only_living, int64_t *ret,
                            size_t *ret_count)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db,
                   "SELECT term_id FROM term AS t WHERE merch = $1 AND ($2 = 0 OR (dead_at = 0"
                   " AND NOT EXISTS (SELECT 1 FROM cert AS c WHERE c.term_id = t.term_id"
                   " AND c.revoked_at <> 0))) ORDER BY term_id",
                   "ii", &stmt);
    *ret_count = 0;
    if (st == ST_OK) {
        st = db_first(stmt, &row, merchant, (int64_t)only_living);
    }
    while (st == ST_OK && row && *ret_count < TERMINALS_MAX) {
        ret[(*ret_count)++] = db_i64(stmt, 0);
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    return st == ST_OK && row ? ST_FULL : st;
}

/* What one terminal takes of a ceiling. One that has not taken its first limit yet counts with what
 * it is granted: the list says that it is not bound. */
static enum st part_of(struct db *db, const struct quota_name *of_terminal, int64_t *ret)
{
    struct row row;
    int64_t used = 0;
    enum st st = row_get(db, of_terminal, &row);
    if (st == ST_OK && of_terminal->span == QUOTA_TOTAL) {
        st = used_of(db, of_terminal->id, of_terminal->what, of_terminal->unit, &used);
    }
    *ret = highest(used, highest(row.max, row.peak == UNBOUND ? 0 : row.peak));
    return st;
}

/* What all terminals of the merchant but `except` take of the ceiling. */
static enum st taken_of(struct db *db, const struct quota_name *ceiling, int64_t except,
                        int64_t *ret)
{
    static int64_t terminals[TERMINALS_MAX];
    size_t count = 0;
    enum st st = terminals_of(db, ceiling->id, false, terminals, &count);
    *ret = 0;
    for (size_t i = 0; i < count && st == ST_OK; i += 1) {
        struct quota_name name = *ceiling;
        int64_t part = 0;
        name.scope = QUOTA_OF_TERMINAL;
        name.id = terminals[i];
        if (terminals[i] != except) {
            st = part_of(db, &name, &part);
        }
        *ret += part;
    }
    return st;
}

static enum st merchant_of(struct db *db, int64_t terminal, int64_t *ret, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT merch FROM term WHERE term_id = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, terminal);
    }
    if (st == ST_OK && !row) {
        fault_say(fault, "There is no terminal %lld.", (long long)terminal);
        st = ST_REFUSED;
    } else if (st == ST_OK) {
        *ret = db_i64(stmt, 0);
    }
    db_finish(stmt);
    return st;
}

static enum st check_ceiling(struct db *db, const struct quota_name *name, int64_t max,
                             struct fault *fault)
{
    struct quota_name ceiling = *name;
    struct row limit;
    int64_t taken = 0;
    ceiling.scope = QUOTA_OF_MERCHANT;
    enum st st = merchant_of(db, name->id, &ceiling.id, fault);
    if (st == ST_OK) {
        st = row_get(db, &ceiling, &limit);
    }
    if (st != ST_OK || !limit.is_there) {
        return st;
    }
    st = taken_of(db, &ceiling, name->id, &taken);
    if (st == ST_OK && (max > limit.max || taken > limit.max - max)) {
        fault_say(fault,
                  "The ceiling of merchant %lld is %lld %s of %s; its other terminals may do %lld, "
                  "so %lld are free.",
                  (long long)ceiling.id, (long long)limit.max,
                  limits_unit_word(name->what, name->unit), limits_what_word(name->what),
                  (long long)taken, (long long)highest(limit.max - taken, 0));
        return ST_REFUSED;
    }
    return st;
}

/* --- setting ---------------------------------------------------------------------------------- */

static enum st set_terminal(struct db *db, const struct quota_name *name, int64_t max,
                            struct fault *fault)
{
    struct row before;
    enum st st = max < 0 ? ST_OK : check_ceiling(db, name, max, fault);
    if (st == ST_OK) {
        st = row_get(db, name, &before);
    }
    if (st != ST_OK) {
        return st;
    }
    if (max < 0) {
        return row_drop(db, name);
    }
    return row_put(db, name, max, before.is_there ? highest(before.peak, max) : UNBOUND);
}

static enum st set_merchant(struct db *db, const struct quota_name *name, int64_t max,
                            struct fault *fault)
{
    static int64_t terminals[TERMINALS_MAX];
    size_t count = 0;
    int64_t taken = 0;
    enum st st = ST_OK;
    if (max < 0) {
        return row_drop(db, name);
    }
    st = taken_of(db, name, 0, &taken);
    if (st == ST_OK && taken > max) {
        fault_say(fault,
                  "The terminals of merchant %lld may do %lld %s of %s already: lower their grants "
                  "first, or set the ceiling there.",
                  (long long)name->id, (long long)taken, limits_unit_word(name->what, name->unit),
                  limits_what_word(name->what));
        return ST_REFUSED;
    }
    st = st == ST_OK ? row_put(db, name, max, 0) : st;
    st = st == ST_OK ? terminals_of(db, name->id, false, terminals, &count) : st;
    for (size_t i = 0; i < count && st == ST_OK;
         i += 1) { /* who had no limit has one from now on */
        struct quota_name of = *name;
        struct row row;
        of.scope = QUOTA_OF_TERMINAL;
        of.id = terminals[i];
        st = row_get(db, &of, &row);
        if (st == ST_OK && !row.is_there) {
            st = row_put(db, &of, 0, UNBOUND);
        }
    }
    return st;
}

static enum st set_within(struct db *db, const struct quota_name *name, int64_t max,
                          struct fault *fault)
{
    switch (name->scope) {
    case QUOTA_OF_TERMINAL:
        return set_terminal(db, name, max, fault);
    case QUOTA_OF_MERCHANT:
        return set_merchant(db, name, max, fault);
    case QUOTA_OF_OPERATOR:
        break;
    }
    enum st st = operators_exists(db, (uint32_t)name->id, fault);
    if (st == ST_OK) {
        fault->say[0] = '\0';
        st = max < 0 ? row_drop(db, name) : row_put(db, name, max, max);
    }
    return st;
}

static enum st end(struct db *db, enum st st, struct fault *fault)
{
    st = st == ST_OK ? db_commit(db) : st;
    if (st != ST_OK) {
        if (fault->say[0] == '\0') {
            *fault = *db_fault(db);
        }
        db_rollback(db);
    }
    return st;
}

enum st allowances_set(struct db *db, const struct quota_name *name, int64_t max,
                       struct fault *fault)
{
    fault->say[0] = '\0';
    const enum st st = db_begin_write(db);
    return end(db, st == ST_OK ? set_within(db, name, max, fault) : st, fault);
}

static enum st grant_within(struct db *db, const struct quota_name *name, int64_t more,
                            struct fault *fault)
{
    struct row row;
    int64_t used = 0;
    enum st st = row_get(db, name, &row);
    if (st == ST_OK) {
        st = used_of(db, name->id, name->what, name->unit, &used);
    }
    const int64_t from = highest(row.max, used);
    if (st == ST_OK && more > LIMIT_MAX - from) {
        fault_say(fault, "A limit is at most %lld.", (long long)LIMIT_MAX);
        return ST_REFUSED;
    }
    return st == ST_OK ? set_terminal(db, name, from + more, fault) : st;
}

enum st allowances_grant(struct db *db, uint32_t terminal, enum limit_what what,
                         enum limit_unit unit, int64_t more, struct fault *fault)
{
    const struct quota_name name = {QUOTA_OF_TERMINAL, terminal, QUOTA_TOTAL, what, unit};
    fault->say[0] = '\0';
    const enum st st = db_begin_write(db);
    return end(db, st == ST_OK ? grant_within(db, &name, more, fault) : st, fault);
}

/* --- splitting -------------------------------------------------------------------------------- */

static enum st split_one(struct db *db, const struct quota_name *ceiling, const int64_t *terminals,
                         size_t count, uint32_t *granted, struct fault *fault)
{
    struct row limit;
    int64_t taken = 0;
    enum st st = row_get(db, ceiling, &limit);
    if (st == ST_OK && limit.is_there) {
        st = taken_of(db, ceiling, 0, &taken);
    }
    if (st != ST_OK || !limit.is_there || taken >= limit.max || count == 0) {
        return st;
    }
    const int64_t room = limit.max - taken, each = room / (int64_t)count;
    const int64_t rest = room % (int64_t)count;
    for (size_t i = 0; i < count && st == ST_OK; i += 1) {
        struct quota_name name = *ceiling;
        int64_t part = 0;
        const int64_t more = each + ((int64_t)i < rest);
        name.scope = QUOTA_OF_TERMINAL;
        name.id = terminals[i];
        st = part_of(db, &name, &part);
        if (st == ST_OK && more > 0) {
            st = set_terminal(db, &name, part + more, fault);
            *granted += 1;
        }
    }
    return st;
}

static enum st split_within(struct db *db, int64_t merchant, uint32_t *granted, struct fault *fault)
{
    static int64_t terminals[TERMINALS_MAX];
    size_t count = 0;
    enum st st = terminals_of(db, merchant, true, terminals, &count);
    for (int i = 0; i < 2 * LIMIT_WHATS * LIMIT_UNITS && st == ST_OK; i += 1) {
        const struct quota_name ceiling = {
            QUOTA_OF_MERCHANT, merchant, i % 2 == 0 ? QUOTA_TOTAL : QUOTA_DAY,
            (enum limit_what)(i / 2 / LIMIT_UNITS), (enum limit_unit)(i / 2 % LIMIT_UNITS)};
        st = split_one(db, &ceiling, terminals, count, granted, fault);
    }
    return st;
}

enum st allowances_split(struct db *db, int64_t merchant, uint32_t *ret_granted,
                         struct fault *fault)
{
    fault->say[0] = '\0';
    *ret_granted = 0;
    const enum st st = db_begin_write(db);
    return end(db, st == ST_OK ? split_within(db, merchant, ret_granted, fault) : st, fault);
}

/* --- reading ---------------------------------------------------------------------------------- */

enum st allowances_of(struct db *db, enum quota_scope scope, int64_t id, enum quota_span span,
                      struct limits *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = (struct limits){0};
    /* A terminal that was enrolled after its merchant's ceiling was set has no row of its own. */
    enum st st =
        db_prepare(db,
                   "SELECT what, unit, max FROM quota WHERE scope = $1 AND id = $2"
                   " AND span = $3 UNION ALL SELECT c.what, c.unit, 0 FROM quota AS c"
                   " JOIN term AS t ON t.merch = c.id WHERE $1 = 1 AND c.scope = 2"
                   " AND t.term_id = $2 AND c.span = $3 AND NOT EXISTS (SELECT 1 FROM quota"
                   " AS q WHERE q.scope = 1 AND q.id = $2 AND q.span = c.span"
                   " AND q.what = c.what AND q.unit = c.unit)",
                   "iii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)scope, id, (int64_t)span);
    }
    while (st == ST_OK && row) {
        const int64_t what = db_i64(stmt, 0), unit = db_i64(stmt, 1);
        if (what < 0 || what >= LIMIT_WHATS || unit < 0 || unit >= LIMIT_UNITS) {
            st = ST_CORRUPT;
            break;
        }
        ret->of[what][unit] = (struct limit){true, db_i64(stmt, 2)};
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    return st == ST_OK && !limits_are_valid(ret) ? ST_CORRUPT : st;
}

enum st allowances_settle(struct db *db, uint32_t terminal)
{
    enum st st = ST_OK;
    for (int i = 0; i < 2 * LIMIT_WHATS * LIMIT_UNITS && st == ST_OK; i += 1) {
        const struct quota_name name = {
            QUOTA_OF_TERMINAL, terminal, i % 2 == 0 ? QUOTA_TOTAL : QUOTA_DAY,
            (enum limit_what)(i / 2 / LIMIT_UNITS), (enum limit_unit)(i / 2 % LIMIT_UNITS)};
        struct row row;
        int64_t used = 0;
        st = row_get(db, &name, &row);
        if (st == ST_OK && row.is_there && name.span == QUOTA_TOTAL) {
            st = used_of(db, name.id, name.what, name.unit, &used);
        }
        if (st == ST_OK && row.is_there) {
            st = row_put(db, &name, row.max, highest(row.max, used));
        }
    }
    return st;
}

static enum st write_row(struct db *db, struct db_stmt *stmt, json_t *list, FILE *out)
{
    static const char *const scopes[] = {"", "terminal", "merchant", "operator"};
    const struct quota_name name = {
        (enum quota_scope)db_i64(stmt, 0), db_i64(stmt, 1), (enum quota_span)db_i64(stmt, 2),
        (enum limit_what)db_i64(stmt, 3), (enum limit_unit)db_i64(stmt, 4)};
    const int64_t max = db_i64(stmt, 5), peak = db_i64(stmt, 6);
    const bool is_terminal = name.scope == QUOTA_OF_TERMINAL;
    const bool is_bound = !is_terminal || peak != UNBOUND;
    int64_t used = 0;
    enum st st = ST_OK;
    if (is_terminal && name.span == QUOTA_TOTAL) {
        st = used_of(db, name.id, name.what, name.unit, &used);
    } else if (name.scope == QUOTA_OF_MERCHANT) {
        st = taken_of(db, &name, 0, &used);
    }
    if (st != ST_OK) {
        return st;
    }
    const char *what = limits_what_word(name.what), *unit = limits_unit_word(name.what, name.unit);
    if (list != NULL) {
        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:b}", "of", scopes[name.scope],
                      "id", (json_int_t)name.id, "span", name.span == QUOTA_DAY ? "day" : "total",
                      "what", what, "unit", unit, "max", (json_int_t)max, "used", (json_int_t)used,
                      "left", (json_int_t)highest(max - used, 0), "in_force", (int)is_bound));
        return ST_OK;
    }
    fprintf(out, "%s %lld: %s %lld %s %s", scopes[name.scope], (long long)name.id, what,
            (long long)max, unit, name.span == QUOTA_DAY ? "a day" : "in all");
    if (is_terminal && name.span == QUOTA_TOTAL) {
        fprintf(out, ", %lld used, %lld left", (long long)used, (long long)highest(max - used, 0));
    } else if (name.scope == QUOTA_OF_MERCHANT) {
        fprintf(out, ", %lld with its terminals, %lld free", (long long)used,
                (long long)highest(max - used, 0));
    }
    fputs(is_bound ? "\n" : "; NOT IN FORCE: the terminal has not taken it yet\n", out);
    return ST_OK;
}

enum st allowances_list(struct db *db, bool as_json, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    json_t *list = as_json ? json_array() : NULL;
    enum st st = db_prepare(db,
                            "SELECT scope, id, span, what, unit, max, peak FROM quota"
                            " ORDER BY scope, id, span, what, unit",
                            "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    while (st == ST_OK && row) {
        st = write_row(db, stmt, list, out);
        st = st == ST_OK ? db_step(stmt, &row) : st;
    }
    db_finish(stmt);
    if (as_json && st == ST_OK) {
        (void)json_dumpf(list, out, JSON_INDENT(1));
        fputc('\n', out);
    }
    json_decref(list);
    return st;
}
