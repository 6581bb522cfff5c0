#include "storage/accruals.h"

#include "storage/store_priv.h"

enum st accruals_find_back(struct store *store, uint32_t sequence, uint32_t *ret_back)
{
    sqlite3_stmt *statement = sql_use(store, SQL_KIND_AFTER);
    uint32_t back = 0;
    (void)sqlite3_bind_int64(statement, 1, sequence);
    (void)sqlite3_bind_int64(statement, 2, ENTRY_ACCRUAL);
    enum st st = ST_OK;
    while (back == 0 && (st = sql_row(store, statement)) == ST_OK) {
        struct entry entry;
        int64_t later = 0;
        st = sql_number(store, statement, 0, 1, SEQUENCE_MAX, &later);
        if (st == ST_OK) {
            st = journal_find(store, (uint32_t)later, &entry);
        }
        if (st != ST_OK) {
            break;
        }
        back = entry.accrual.refers_sequence == sequence ? (uint32_t)later : 0;
    }
    (void)sqlite3_reset(statement);
    if (st == ST_OK) {
        *ret_back = back;
    }
    return st;
}
