#include <stdarg.h>
#include <stdio.h>

#include "server/hotlist.h"
#include "server/ledger_priv.h"

enum { SAY_BYTES_MAX = 240 };

/* What a case is about. */
struct about {
    const char *why;
    const struct item *by;
    uint64_t card;
    uint32_t counter;
    const uint8_t *other; /* NULL = none */
};

static enum st put(struct ledger *ledger, const struct about *about, bool *ret_new,
                   const char *format, va_list values)
{
    const struct item *by = about->by;
    int64_t terminal = by->entry.terminal;
    int64_t sequence = by->entry.sequence;
    bool exists = false;
    enum st st = db_first(ledger->sql[SQL_CASE_GET], &exists, terminal, sequence, about->why);
    db_reset(ledger->sql[SQL_CASE_GET]);
    *ret_new = st == ST_OK && !exists;
    if (!*ret_new) {
        return st;
    }
    char say[SAY_BYTES_MAX];
    (void)vsnprintf(say, sizeof say, format, values);
    ledger->result.cases++;
    st = db_run(ledger->sql[SQL_CASE_PUT], terminal, sequence, about->why, (int64_t)about->card,
                (int64_t)about->counter, ledger->now_s, say, by->raw, by->raw_bytes);
    return st == ST_OK && about->other != NULL
               ? db_run(ledger->sql[SQL_CASE_OTHER], terminal, sequence, about->why, about->other,
                        (size_t)SNAPSHOT_IMAGE_BYTES)
               : st;
}

enum st case_open(struct ledger *ledger, const char *why, const struct item *by, uint64_t card,
                  uint32_t counter, const char *format, ...)
{
    const struct about about = {.why = why, .by = by, .card = card, .counter = counter};
    bool is_new = false;
    va_list values;
    va_start(values, format);
    enum st st = put(ledger, &about, &is_new, format, values);
    va_end(values);
    return st;
}

enum st case_open_listed(struct ledger *ledger, const char *why, const struct item *by,
                         uint64_t card, uint32_t counter, const uint8_t *other, const char *format,
                         ...)
{
    const struct about about = {why, by, card, counter, other};
    bool is_new = false;
    va_list values;
    va_start(values, format);
    enum st st = put(ledger, &about, &is_new, format, values);
    va_end(values);
    return st == ST_OK && is_new
               ? hotlist_refuse_within(ledger->db, card, LISTING_CLONE, ledger->now_s)
               : st;
}
