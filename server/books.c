#include "server/books.h"

#include <stddef.h>

#include "server/settled.h"
#include "server/transfers.h"

#define LEDGER_ROWS                                                                                \
    "SELECT purse, acct, n, amount FROM jrn"                                                       \
    " UNION ALL SELECT 0, 0, 1, d0 FROM txn WHERE d0 <> 0"                                         \
    " UNION ALL SELECT 1, 0, 1, d1 FROM txn WHERE d1 <> 0"                                         \
    " UNION ALL SELECT 2, 0, 1, d2 FROM txn WHERE d2 <> 0"                                         \
    " UNION ALL SELECT 3, 0, 1, d3 FROM txn WHERE d3 <> 0"

static const char *const ledger_columns[] = {"bbook", "aaccount", "in", "iamount", NULL};
const struct places books_ledger = {
    "SELECT purse, acct, CAST(sum(n) AS BIGINT), CAST(sum(amount) AS BIGINT) FROM (" LEDGER_ROWS
    ") z GROUP BY purse, acct ORDER BY purse, acct",
    ledger_columns};

static const char *const sum_columns[] = {"bbook", "isum", NULL};
const struct places books_sums = {"SELECT purse, CAST(sum(amount) AS BIGINT) FROM (" LEDGER_ROWS
                                  ") z GROUP BY purse ORDER BY purse",
                                  sum_columns};

static const char sql_unbalanced_books[] = "SELECT count(*) FROM (SELECT purse FROM (" LEDGER_ROWS
                                           ") z GROUP BY purse HAVING sum(amount) <> 0) y";
static const char sql_unbalanced_batches[] =
    "SELECT count(*) FROM (SELECT term_id, batch, purse FROM ("
    " SELECT term_id, batch_no AS batch, purse, amount FROM jrn"
    " UNION ALL SELECT term_id, batch, 0, d0 FROM txn WHERE d0 <> 0"
    " UNION ALL SELECT term_id, batch, 1, d1 FROM txn WHERE d1 <> 0"
    " UNION ALL SELECT term_id, batch, 2, d2 FROM txn WHERE d2 <> 0"
    " UNION ALL SELECT term_id, batch, 3, d3 FROM txn WHERE d3 <> 0) z"
    " GROUP BY term_id, batch, purse HAVING sum(amount) <> 0) y";

/* Voids that only take a number are nobody's. */
/* The amount of kind 14 is no amount: particulars. */
static const char *const action_columns[] = {
    "oorigin",  "tgiver",       "kkind",     "iorders",       "iwaiting", "iwaiting_sum",
    "iapplied", "iapplied_sum", "ireturned", "ireturned_sum", NULL};
const struct places books_actions = {
    "SELECT origin, giver, kind, count(*),"
    " CAST(sum(CASE WHEN state IN (1, 3) THEN 1 ELSE 0 END) AS BIGINT),"
    " CAST(sum(CASE WHEN state IN (1, 3) AND kind <> 14 THEN amount ELSE 0 END) AS BIGINT),"
    " CAST(sum(CASE WHEN state = 2 THEN 1 ELSE 0 END) AS BIGINT),"
    " CAST(sum(CASE WHEN state = 2 THEN done ELSE 0 END) AS BIGINT),"
    " CAST(sum(CASE WHEN state = 4 THEN 1 ELSE 0 END) AS BIGINT),"
    " CAST(sum(CASE WHEN state = 4 AND kind <> 14 THEN amount ELSE 0 END) AS BIGINT)"
    " FROM action WHERE kind <> 1 GROUP BY origin, giver, kind ORDER BY origin, giver, kind",
    action_columns};
/* A card is past them, and their transaction has not come: what holds up the rule of
 * actions_taken.c. 0, 0: nothing, it acts with the next sync. */
static const char *const passed_columns[] = {"icard",      "inumber",      "kkind", "iamount",
                                             "iwaits_for", "iin_doubt_at", NULL};
const struct places books_passed = {
    "SELECT a.card_no, a.number, a.kind, CASE WHEN a.kind = 14 THEN 0 ELSE a.amount END,"
    " coalesce((SELECT min(t.term_id)" SETTLED_LIVE " AND t.clear_at <= a.offered_at), 0),"
    " coalesce((SELECT min(d.term_id) FROM actdoubt d WHERE d.card_no = a.card_no"
    " AND d.number = a.number), 0)"
    " FROM action a WHERE a.offer = 0 AND a.number <> 0 AND a.state IN (1, 3)"
    " ORDER BY a.card_no, a.number",
    passed_columns};
/* Kinds 2 to 5 put on credit, gift, voucher and points. */
static const char sql_differing_pending[] =
    "SELECT count(*) FROM (SELECT purse FROM (SELECT purse, amount FROM jrn WHERE acct = 13"
    " UNION ALL SELECT CASE kind WHEN 5 THEN 0 ELSE kind - 1 END, -amount FROM action"
    " WHERE kind IN (2, 3, 4, 5) AND state IN (1, 3)) z GROUP BY purse HAVING sum(amount) <> 0) y";

/* What replacements began with, and their releases: kinds 2 to 5 give as soon as they are ordered,
 * 6 and 7 take back what cards had. */
static const char sql_differing_replaced[] =
    "SELECT count(*) FROM (SELECT purse FROM (SELECT purse, amount FROM jrn WHERE acct = 16"
    " UNION ALL SELECT 0, x0 FROM replacement WHERE old_no <> 0"
    " UNION ALL SELECT 1, x1 FROM replacement WHERE old_no <> 0"
    " UNION ALL SELECT 2, x2 FROM replacement WHERE old_no <> 0"
    " UNION ALL SELECT 3, x3 FROM replacement WHERE old_no <> 0"
    " UNION ALL SELECT CASE kind WHEN 5 THEN 0 ELSE kind - 1 END, amount FROM action"
    " WHERE origin = 7 AND kind IN (2, 3, 4, 5) AND state IN (1, 2, 3, 6)"
    " UNION ALL SELECT CASE kind WHEN 7 THEN 0 ELSE 1 END, done FROM action"
    " WHERE origin = 7 AND kind IN (6, 7) AND state = 2) z"
    " GROUP BY purse HAVING sum(amount) <> 0) y";

static enum st number_of(struct db *db, const char *sql, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, sql, "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK) {
        *ret = row ? db_i64(stmt, 0) : 0;
    }
    db_finish(stmt);
    return st;
}

enum st books_totals(struct db *db, struct books_totals *ret)
{
    enum st st = number_of(db, "SELECT count(*) FROM txn", &ret->transactions);
    if (st == ST_OK) {
        st = number_of(db, sql_unbalanced_batches, &ret->unbalanced_batches);
    }
    if (st == ST_OK) {
        st = number_of(db, sql_unbalanced_books, &ret->unbalanced_books);
    }
    if (st == ST_OK) {
        st = number_of(db, sql_differing_pending, &ret->differing_pending);
    }
    if (st == ST_OK) {
        st = number_of(db, sql_differing_replaced, &ret->differing_replaced);
    }
    if (st == ST_OK) {
        st = transfers_differ(db, &ret->differing_transit);
    }
    return st == ST_OK
               ? number_of(db, "SELECT CAST(sum(unchecked) AS BIGINT) FROM batch", &ret->unchecked)
               : st;
}
