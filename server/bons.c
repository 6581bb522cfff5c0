#include "server/bons.h"

#include <inttypes.h>
#include <string.h>

#include "hal/signed.h"
#include "server/business_day.h"
#include "server/change.h"
#include "server/ledger_priv.h"
#include "server/limits.h"
#include "server/rows.h"

/* --- posting ---------------------------------------------------------------------------------- */

/* A redemption that stands: not given back. */
struct use {
    bool is_there;
    int64_t terminal, sequence, merchant;
    char receipt[ENTRY_RECEIPT_MAX + 1];
};

static enum st use_get(struct ledger *ledger, enum sql which, const struct bon *bon,
                       struct use *ret)
{
    struct db_stmt *stmt = ledger->sql[which];
    *ret = (struct use){.is_there = false};
    const enum st st = db_first(stmt, &ret->is_there, (int64_t)bon->series, (int64_t)bon->serial);
    if (st == ST_OK && ret->is_there) {
        const char *receipt = db_text(stmt, 3);
        ret->terminal = db_i64(stmt, 0);
        ret->sequence = db_i64(stmt, 1);
        ret->merchant = db_i64(stmt, 2);
        (void)snprintf(ret->receipt, sizeof ret->receipt, "%s", receipt == NULL ? "" : receipt);
    }
    db_reset(stmt);
    return st;
}

/* Both legs are in the settlement book: the merchant gets the amount, somebody bears it. */
static void book(struct ledger *ledger, const struct item *item, enum account bearer, int64_t sign)
{
    const int64_t amount = sign * item->entry.bon.bon.amount.rials;
    const struct posting posting = {
        .legs = {{BOOK_SETTLEMENT, ACCOUNT_BON, amount}, {BOOK_SETTLEMENT, bearer, -amount}},
        .leg_count = 2};
    posting_legs(ledger, item, &posting, 1);
}

/* Tells terminals: the bon is used by that redemption, or free since that entry. */
static enum st tell(struct ledger *ledger, const struct bon *bon, bool is_used, int64_t terminal,
                    int64_t sequence)
{
    struct db_stmt *last = ledger->sql[SQL_BON_LOG_LAST];
    bool row = false;
    const enum st st = db_first(last, &row);
    const int64_t no = st == ST_OK && row ? db_i64(last, 0) + 1 : 1;
    db_reset(last);
    return st != ST_OK ? st
                       : db_run(ledger->sql[SQL_BON_LOG_PUT], no, (int64_t)bon->series,
                                (int64_t)bon->serial, (int64_t)is_used, terminal, sequence);
}

static enum st case_of(struct ledger *ledger, const struct item *item, const char *what)
{
    const struct bon *bon = &item->entry.bon.bon;
    return case_open(ledger, "bon", item, 0, 0,
                     "Entry %u of terminal %u (receipt %s): voucher %u of series %u %s",
                     item->entry.sequence, item->entry.terminal, item->entry.bon.receipt,
                     bon->serial, bon->series, what);
}

/* Terminals check the seal; a bon that the club does not know all the same was sealed by its key,
 * for a club that has lost the series. */
static enum st check_series(struct ledger *ledger, const struct item *item)
{
    const struct bon *bon = &item->entry.bon.bon;
    struct db_stmt *stmt = ledger->sql[SQL_BON_SERIES];
    bool row = false;
    const enum st st = db_first(stmt, &row, (int64_t)bon->series);
    const bool is_known = st == ST_OK && row && db_i64(stmt, 0) == bon->amount.rials &&
                          db_i64(stmt, 1) >= (int64_t)bon->serial;
    db_reset(stmt);
    return st != ST_OK || is_known
               ? st
               : case_of(ledger, item, "was never made here as it is. It is paid.");
}

static enum st redeem(struct ledger *ledger, const struct item *item)
{
    const struct entry_bon *entry = &item->entry.bon;
    struct use first;
    enum st st = check_series(ledger, item);
    if (st == ST_OK) {
        st = use_get(ledger, SQL_BON_USE, &entry->bon, &first);
    }
    if (st != ST_OK) {
        return st;
    }
    book(ledger, item, first.is_there ? ACCOUNT_BON_TWICE : ACCOUNT_BON_COST, 1);
    st = db_run(ledger->sql[SQL_BON_USE_PUT], (int64_t)entry->bon.series,
                (int64_t)entry->bon.serial, (int64_t)item->entry.terminal,
                (int64_t)item->entry.sequence, ledger->merchant, entry->bon.amount.rials,
                item->entry.time_s, entry->receipt, (int64_t)first.is_there);
    if (st != ST_OK || !first.is_there) {
        return st != ST_OK
                   ? st
                   : tell(ledger, &entry->bon, true, item->entry.terminal, item->entry.sequence);
    }
    char what[160];
    (void)snprintf(what, sizeof what,
                   "was used before: entry %" PRId64 " of terminal %" PRId64 ", merchant %" PRId64
                   ", receipt %s. Both are paid, the organisation is charged.",
                   first.sequence, first.terminal, first.merchant, first.receipt);
    return case_of(ledger, item, what);
}

/* The first redemption was given back: the next one that stands takes its place, and is no longer
 * one too many. */
static enum st promote(struct ledger *ledger, const struct item *item)
{
    const struct bon *bon = &item->entry.bon.bon;
    struct use next;
    enum st st = use_get(ledger, SQL_BON_USE_TWICE, bon, &next);
    if (st != ST_OK || !next.is_there) {
        return st != ST_OK ? st
                           : tell(ledger, bon, false, item->entry.terminal, item->entry.sequence);
    }
    const int64_t amount = bon->amount.rials;
    const struct posting posting = {.legs = {{BOOK_SETTLEMENT, ACCOUNT_BON_TWICE, amount},
                                             {BOOK_SETTLEMENT, ACCOUNT_BON_COST, -amount}},
                                    .leg_count = 2};
    posting_legs(ledger, item, &posting, 1);
    st = db_run(ledger->sql[SQL_BON_USE_ONCE], (int64_t)bon->series, (int64_t)bon->serial,
                next.terminal, next.sequence);
    return st == ST_OK ? tell(ledger, bon, true, next.terminal, next.sequence) : st;
}

/* A terminal gives back its own redemption only. */
static enum st give_back(struct ledger *ledger, const struct item *item)
{
    const struct entry_bon *entry = &item->entry.bon;
    struct db_stmt *stmt = ledger->sql[SQL_BON_USE_OWN];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)entry->bon.series, (int64_t)entry->bon.serial,
                          (int64_t)item->entry.terminal);
    const int64_t sequence = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    const bool was_twice = st == ST_OK && row && db_i64(stmt, 1) != 0;
    db_reset(stmt);
    if (st != ST_OK || !row) {
        return st != ST_OK ? st : case_of(ledger, item, "is given back, but was not used there.");
    }
    book(ledger, item, was_twice ? ACCOUNT_BON_TWICE : ACCOUNT_BON_COST, -1);
    st = db_run(ledger->sql[SQL_BON_USE_BACK], (int64_t)entry->bon.series,
                (int64_t)entry->bon.serial, (int64_t)item->entry.terminal, sequence,
                (int64_t)item->entry.sequence);
    return st != ST_OK || was_twice ? st : promote(ledger, item);
}

enum st bons_post(struct ledger *ledger, const struct item *item)
{
    const enum st st = limits_post(ledger, item);
    return st != ST_OK               ? st
           : item->entry.bon.is_back ? give_back(ledger, item)
                                     : redeem(ledger, item);
}

/* --- what is new ------------------------------------------------------------------------------ */

static struct wire_bon read_bon(struct db_stmt *stmt)
{
    return (struct wire_bon){.series = (uint32_t)db_i64(stmt, 0),
                             .serial = (uint32_t)db_i64(stmt, 1),
                             .is_used = db_i64(stmt, 2) != 0,
                             .terminal = (uint32_t)db_i64(stmt, 3),
                             .sequence = (uint32_t)db_i64(stmt, 4)};
}

static bool is_same(const struct wire_bon *a, const struct wire_bon *b)
{
    return a->series == b->series && a->serial == b->serial && a->is_used == b->is_used &&
           a->terminal == b->terminal && a->sequence == b->sequence;
}

/* The changes with numbers above `after`, at most WIRE_BONS_MAX. */
static enum st read_news(struct db *db, int64_t after, struct wire_bons *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT series, serial, used, term_id, term_seq FROM bon_log"
                            " WHERE no > $1 ORDER BY no LIMIT $2",
                            "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, after, (int64_t)WIRE_BONS_MAX);
    }
    while (st == ST_OK && row) {
        ret->list[ret->count++] = read_bon(stmt);
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    return st;
}

/* Whether the club's change number have->no is the one that the terminal means. */
static enum st is_known(struct db *db, const struct wire_bons_have *have, bool *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db, "SELECT series, serial, used, term_id, term_seq FROM bon_log WHERE no = $1",
                   "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)have->no);
    }
    if (st == ST_OK) {
        const struct wire_bon last = row ? read_bon(stmt) : (struct wire_bon){0};
        *ret = row && is_same(&last, &have->last);
    }
    db_finish(stmt);
    return st;
}

enum st bons_news(struct db *db, const struct wire_bons_have *have, struct wire_bons *ret)
{
    bool known = have->no == 0;
    *ret = (struct wire_bons){.is_there = false};
    enum st st = known ? ST_OK : is_known(db, have, &known);
    ret->from = known ? have->no : 0;
    if (st == ST_OK) {
        st = read_news(db, ret->from, ret);
    }
    ret->is_there = st == ST_OK && (ret->count > 0 || !known);
    return st;
}

/* --- for the operator ------------------------------------------------------------------------- */

static enum st series_read(struct db *db, struct bon_series *series, bool *ret_found)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "SELECT organisation, amount, count, first_day, last_day, merch"
                            " FROM bon_series WHERE series = $1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_found, series->number);
    }
    if (st == ST_OK && *ret_found) {
        const char *organisation = db_text(stmt, 0);
        (void)snprintf(series->organisation, sizeof series->organisation, "%s",
                       organisation == NULL ? "" : organisation);
        series->count = db_i64(stmt, 2);
        series->first = (struct bon){.series = (uint32_t)series->number,
                                     .serial = 1,
                                     .amount = {db_i64(stmt, 1)},
                                     .first_day = (uint16_t)db_i64(stmt, 3),
                                     .last_day = (uint16_t)db_i64(stmt, 4),
                                     .merchant = (uint32_t)db_i64(stmt, 5)};
    }
    db_finish(stmt);
    return st;
}

/* One number out of a query with at most one row; 0 when there is none. */
static enum st query(struct db *db, const char *sql, int64_t parameter, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, sql, "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, parameter);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

static enum st series_add(struct db *db, struct bon_series *series, int64_t now_s,
                          struct fault *fault)
{
    int64_t last = 0, merchant = series->first.merchant;
    struct db_stmt *stmt = NULL;
    enum st st =
        query(db, "SELECT series FROM bon_series WHERE series > $1 ORDER BY series DESC LIMIT 1", 0,
              &last);
    if (st == ST_OK && merchant != 0) {
        st = query(db, "SELECT merch FROM merchant WHERE merch = $1", merchant, &merchant);
        if (st == ST_OK && merchant == 0) {
            fault_say(fault, "There is no merchant %u: vafa-club terminals lists them.",
                      series->first.merchant);
            return ST_REFUSED;
        }
    }
    if (st != ST_OK) {
        return st;
    }
    series->number = last + 1;
    series->first.series = (uint32_t)series->number;
    series->first.serial = 1;
    assert(bon_is_valid(&series->first) && series->count >= 1 && series->count <= BONS_COUNT_MAX);
    st = db_prepare(db,
                    "INSERT INTO bon_series (series, organisation, amount, count, first_day,"
                    " last_day, merch, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    "itiiiiii", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, series->number, series->organisation, series->first.amount.rials,
                    series->count, (int64_t)series->first.first_day,
                    (int64_t)series->first.last_day, (int64_t)series->first.merchant, now_s);
    }
    db_finish(stmt);
    return st;
}

enum st bons_series(struct db *db, struct bon_series *series, int64_t now_s, struct fault *fault)
{
    if (series->number != 0) {
        bool found = false;
        const enum st st = series_read(db, series, &found);
        if (st == ST_OK && !found) {
            fault_say(fault, "There is no series %lld.", (long long)series->number);
            return ST_REFUSED;
        }
        return st;
    }
    enum st st = db_begin_write(db);
    if (st == ST_OK) {
        st = series_add(db, series, now_s, fault);
    }
    if (st == ST_OK) {
        st = db_commit(db);
    }
    if (st != ST_OK) {
        db_rollback(db);
    }
    return st;
}

static bool is_same_series(const struct bon_series *a, const struct bon_series *b)
{
    return strcmp(a->organisation, b->organisation) == 0 && a->count == b->count &&
           a->first.amount.rials == b->first.amount.rials &&
           a->first.first_day == b->first.first_day && a->first.last_day == b->first.last_day &&
           a->first.merchant == b->first.merchant;
}

/* Inside a write transaction. */
static enum st series_as(struct db *db, int64_t number, struct bon_series *series, int64_t now_s,
                         struct fault *fault)
{
    struct bon_series there = {.number = number};
    bool found = false;
    enum st st = series_read(db, &there, &found);
    if (st == ST_OK && found && !is_same_series(&there, series)) {
        fault_say(fault, "Series %lld is another one already.", (long long)number);
        return ST_REFUSED;
    }
    if (st != ST_OK || found) {
        return st;
    }
    st = series_add(db, series, now_s, fault);
    if (st == ST_OK && series->number != number) {
        fault_say(fault, "The next series has number %lld.", (long long)series->number);
        return ST_REFUSED;
    }
    return st;
}

enum st bons_series_as(struct db *db, int64_t number, struct bon_series *series, int64_t now_s,
                       struct fault *fault)
{
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        st = change_end(db, series_as(db, number, series, now_s, fault), fault);
    }
    return st;
}

enum st bons_text(const struct bon_series *series, uint32_t serial, const struct signer *signer,
                  char ret[BON_TEXT_BYTES + 1], struct fault *fault)
{
    struct bon_shown shown = {.bon = series->first};
    uint8_t sealed[BON_SEALED_BYTES];
    shown.bon.serial = serial;
    bon_sealed(&shown.bon, sealed);
    const enum st st = signer_seal(signer, sealed, sizeof sealed, shown.seal);
    if (st != ST_OK) {
        fault_say(fault, "A seal could not be made: do it again.");
        return ST_IO;
    }
    bon_to_text(&shown, ret);
    return ST_OK;
}

enum st bons_write(const struct bon_series *series, const struct signer *signer, FILE *to,
                   struct fault *fault)
{
    enum { PROGRESS_EVERY = 10000 };
    enum st st = ST_OK;
    for (int64_t n = 1; n <= series->count && st == ST_OK; n++) {
        char text[BON_TEXT_BYTES + 1];
        st = bons_text(series, (uint32_t)n, signer, text, fault);
        if (st != ST_OK) {
            break;
        }
        if (fprintf(to, "%u %u %s\n", series->first.series, (uint32_t)n, text) < 0) {
            fault_say(fault, "The vouchers cannot be written: make room and do it again.");
            st = ST_IO;
        }
        if (n % PROGRESS_EVERY == 0) {
            fprintf(stderr, "%lld of %lld vouchers\n", (long long)n, (long long)series->count);
        }
    }
    return st;
}

/* --- lists ------------------------------------------------------------------------------------ */

static enum st print_rows(struct db *db, const char *sql, int64_t parameter,
                          const char *const *columns, bool as_json, FILE *out)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db, sql, "i", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, parameter);
        st = rows_print(stmt, columns, as_json, out);
    }
    db_finish(stmt);
    return st;
}

enum st bons_list(struct db *db, bool as_json, FILE *out)
{
    static const char *const columns[] = {"iseries",     "torganisation", "iamount",   "imade",
                                          "yfrom",       "yto",           "imerchant", "iused",
                                          "igiven_back", "itwice",        NULL};
    return print_rows(
        db,
        "SELECT s.series, s.organisation, s.amount, s.count, s.first_day + $1, s.last_day + $1,"
        " s.merch, (SELECT count(*) FROM bon_use u WHERE u.series = s.series AND u.back_seq = 0"
        " AND u.twice = 0),"
        " (SELECT count(*) FROM bon_use u WHERE u.series = s.series AND u.back_seq <> 0),"
        " (SELECT count(*) FROM bon_use u WHERE u.series = s.series AND u.back_seq = 0"
        " AND u.twice <> 0)"
        " FROM bon_series s ORDER BY s.series",
        BUSINESS_DAY_MIN, columns, as_json, out);
}

enum st bons_used(struct db *db, int64_t series, bool as_json, FILE *out)
{
    static const char *const columns[] = {"iserial", "iterminal", "ientry", "imerchant",
                                          "itime",   "treceipt",  "tstate", NULL};
    return print_rows(db,
                      "SELECT serial, term_id, term_seq, merch, at, receipt,"
                      " CASE WHEN back_seq <> 0 THEN 'given_back' WHEN twice <> 0 THEN 'twice'"
                      " ELSE 'used' END"
                      " FROM bon_use WHERE series = $1 ORDER BY serial, at, term_id, term_seq",
                      series, columns, as_json, out);
}
