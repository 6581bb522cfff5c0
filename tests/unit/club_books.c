#include "tests/unit/club_books.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/accounts.h"

char *books_text(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(stmt, 0);
    char *copy = strdup(text == NULL ? "" : text);
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    assert_non_null(copy);
    return copy;
}

int64_t books_number(const char *path, const char *sql)
{
    char *text = books_text(path, sql);
    const int64_t value = strtoll(text, NULL, 10);
    free(text);
    return value;
}

void books_assert_zero_sum(const char *path)
{
    for (int book = 0; book < BOOKS; book++) {
        char sql[512], card[128] = "";
        if (book < CARD_BOOKS) {
            (void)snprintf(card, sizeof card, " UNION ALL SELECT term_id, batch, d%d FROM txn",
                           book);
        }
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM (SELECT t, b FROM (SELECT term_id t, batch_no b, "
                       "amount a FROM jrn WHERE purse = %d%s) GROUP BY t, b HAVING sum(a) <> 0)",
                       book, card);
        assert_int_equal(books_number(path, sql), 0);
    }
}
