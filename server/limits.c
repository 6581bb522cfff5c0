#include "server/limits.h"

#include <stdio.h>

#include "server/allowances.h"

enum { FIGURES = LIMIT_WHATS * LIMIT_UNITS };

/* --- one line -------------------------------------------------------------------------------- */

static enum st line_add(struct ledger *ledger, const struct used_line *line)
{
    const int64_t *n = &line->use.n[0][0];
    return db_run(ledger->sql[SQL_USED_ADD], (int64_t)line->scope, line->id, (int64_t)line->day,
                  n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9]);
}

static enum st line_get(struct ledger *ledger, const struct used_line *line, struct limit_use *ret)
{
    struct db_stmt *stmt = ledger->sql[SQL_USED_GET];
    bool row = false;
    *ret = (struct limit_use){0};
    enum st st = db_first(stmt, &row, (int64_t)line->scope, line->id, (int64_t)line->day);
    for (int i = 0; i < FIGURES && st == ST_OK && row; i++) {
        ret->n[i / LIMIT_UNITS][i % LIMIT_UNITS] = db_i64(stmt, i);
    }
    db_reset(stmt);
    return st;
}

/* The limits of a terminal or operator that may be in force: of a terminal the highest that it may
 * still have been told. A first one that it has not taken does not bind it yet. */
static enum st limits_of(struct ledger *ledger, enum quota_scope scope, int64_t id,
                         enum quota_span span, struct limits *ret)
{
    struct db_stmt *stmt = ledger->sql[SQL_QUOTA_OF];
    bool row = false;
    *ret = (struct limits){0};
    enum st st = db_first(stmt, &row, (int64_t)scope, id, (int64_t)span);
    while (st == ST_OK && row) {
        const int64_t what = db_i64(stmt, 0), unit = db_i64(stmt, 1), peak = db_i64(stmt, 2);
        if (what < 0 || what >= LIMIT_WHATS || unit < 0 || unit >= LIMIT_UNITS) {
            st = ST_CORRUPT;
            break;
        }
        ret->of[what][unit] = (struct limit){peak <= LIMIT_MAX, peak <= LIMIT_MAX ? peak : 0};
        st = db_step(stmt, &row);
    }
    db_reset(stmt);
    return st;
}

/* Opens a case for what `line` has taken past a limit, once: when it was not past it before. */
static enum st check(struct ledger *ledger, const struct used_line *line,
                     const struct limits *limits, const char *whose)
{
    struct limit_use after;
    struct limit_passed passed;
    enum st st = limits_any(limits) ? line_get(ledger, line, &after) : ST_OK;
    if (st != ST_OK || !limits_any(limits)) {
        return st;
    }
    struct limit_use before = after;
    limits_add(&before, &line->use, -1);
    if (!limits_passed(limits, &before, &line->use, &passed) || passed.used > passed.max) {
        return ST_OK;
    }
    const struct item *item = line->last;
    const int64_t used = after.n[passed.what][passed.unit];
    return case_open(ledger, "limit", item, limits_card(&item->entry),
                     item->entry.kind == ENTRY_INTENT ? item->entry.intent.after.counter : 0,
                     "%s %lld used %lld %s of %s%s; the limit is %lld. Passed by entry %u of "
                     "terminal %u or one before it.",
                     whose, (long long)line->id, (long long)used,
                     limits_unit_word(passed.what, passed.unit), limits_what_word(passed.what),
                     line->day == 0 ? " in all" : " in one day", (long long)passed.max,
                     item->entry.sequence, item->entry.terminal);
}

/* The programme whose limits bind the entry: the one that it names; a voucher names none, so the
 * newest. *ret is NULL when the club does not have it. */
static enum st programme_of(struct ledger *ledger, const struct item *item,
                            const struct programme **ret)
{
    uint32_t version = item->entry.kind == ENTRY_INTENT ? item->entry.intent.programme
                                                        : item->entry.accrual.programme;
    if (item->entry.kind == ENTRY_BON) {
        struct db_stmt *stmt = NULL;
        bool row = false;
        enum st st =
            db_prepare(ledger->db, "SELECT COALESCE(max(version), 0) FROM programme", "", &stmt);
        st = st == ST_OK ? db_first(stmt, &row) : st;
        version = st == ST_OK && row ? (uint32_t)db_i64(stmt, 0) : 0;
        db_finish(stmt);
        if (st != ST_OK) {
            return st;
        }
    }
    return reckon_programme(ledger, version, ret);
}

static enum st check_line(struct ledger *ledger, const struct used_line *line)
{
    struct limits limits;
    const struct programme *programme = NULL;
    enum st st = ST_OK;
    switch (line->scope) {
    case LINE_TERMINAL:
        st = limits_of(ledger, QUOTA_OF_TERMINAL, line->id, QUOTA_TOTAL, &limits);
        return st == ST_OK ? check(ledger, line, &limits, "Terminal") : st;
    case LINE_TERMINAL_DAY:
        st = limits_of(ledger, QUOTA_OF_TERMINAL, line->id, QUOTA_DAY, &limits);
        return st == ST_OK ? check(ledger, line, &limits, "Terminal") : st;
    case LINE_OPERATOR_DAY:
        st = limits_of(ledger, QUOTA_OF_OPERATOR, line->id, QUOTA_DAY, &limits);
        st = st == ST_OK ? check(ledger, line, &limits, "Operator") : st;
        break;
    case LINE_CARD_DAY:
        break;
    }
    st = st == ST_OK ? programme_of(ledger, line->last, &programme) : st;
    if (st != ST_OK || programme == NULL) {
        return st;
    }
    return line->scope == LINE_OPERATOR_DAY
               ? check(ledger, line, &programme->operator_day, "Operator")
               : check(ledger, line, &programme->card_day, "Card");
}

enum st limits_flush(struct ledger *ledger)
{
    enum st st = ST_OK;
    for (size_t i = 0; i < ledger->used_count && st == ST_OK; i++) {
        st = line_add(ledger, &ledger->used[i]);
        if (st == ST_OK) {
            st = check_line(ledger, &ledger->used[i]);
        }
    }
    ledger->used_count = 0;
    return st;
}

/* --- posting --------------------------------------------------------------------------------- */

static enum st add(struct ledger *ledger, enum used_line_scope scope, int64_t id, int32_t day,
                   const struct limit_use *use, const struct item *item)
{
    for (size_t i = ledger->used_count; i > 0; i--) { /* the newest are the likeliest */
        struct used_line *line = &ledger->used[i - 1];
        if (line->scope == scope && line->id == id && line->day == day) {
            limits_add(&line->use, use, 1);
            line->last = item;
            return ST_OK;
        }
    }
    if (ledger->used_count == USED_LINES) {
        const enum st st = limits_flush(ledger);
        if (st != ST_OK) {
            return st;
        }
    }
    ledger->used[ledger->used_count++] =
        (struct used_line){.scope = scope, .id = id, .day = day, .use = *use, .last = item};
    return ST_OK;
}

enum st limits_post(struct ledger *ledger, const struct item *item)
{
    const struct entry *entry = &item->entry;
    const int32_t day = limits_day(entry->time_s, entry->clock_quality);
    const struct programme *programme = NULL;
    struct limit_use use;
    const uint64_t card = limits_card(entry);
    limits_use(entry, &use);
    if (!limits_uses_any(&use)) {
        return ST_OK;
    }
    enum st st = add(ledger, LINE_TERMINAL, entry->terminal, 0, &use, item);
    if (st == ST_OK) {
        st = add(ledger, LINE_TERMINAL_DAY, entry->terminal, day, &use, item);
    }
    if (st == ST_OK) {
        st = add(ledger, LINE_OPERATOR_DAY, entry->operator_no, day, &use, item);
    }
    if (st == ST_OK && card != 0) { /* a row for a card and day only where somebody asks for it */
        st = programme_of(ledger, item, &programme);
    }
    if (st == ST_OK && programme != NULL && limits_any(&programme->card_day)) {
        st = add(ledger, LINE_CARD_DAY, (int64_t)card, day, &use, item);
    }
    return st;
}
