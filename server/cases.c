#include <stdarg.h>
#include <stdio.h>

#include "server/ledger_priv.h"

enum { SAY_BYTES_MAX = 240 };

enum st case_open(struct ledger *ledger, const char *why, const struct item *by, uint64_t card,
                  uint32_t counter, const char *format, ...)
{
    int64_t terminal = by->entry.terminal;
    int64_t sequence = by->entry.sequence;
    bool exists = false;
    enum st st = db_first(ledger->sql[SQL_CASE_GET], &exists, terminal, sequence, why);
    db_reset(ledger->sql[SQL_CASE_GET]);
    if (st != ST_OK || exists) {
        return st;
    }
    char say[SAY_BYTES_MAX];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(say, sizeof say, format, values);
    va_end(values);
    ledger->result.cases++;
    return db_run(ledger->sql[SQL_CASE_PUT], terminal, sequence, why, (int64_t)card,
                  (int64_t)counter, ledger->now_s, say, by->raw, by->raw_bytes);
}
