#include "server/books.h"

#include <stddef.h>

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
    return st == ST_OK
               ? number_of(db, "SELECT CAST(sum(unchecked) AS BIGINT) FROM batch", &ret->unchecked)
               : st;
}
