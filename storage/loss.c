#include "storage/loss.h"

enum { ROWS = 64 };

/* An intent counts until an outcome says that it was not done. */
static enum st count_entry(struct store *store, uint32_t acknowledged, const struct entry *entry,
                           struct loss *loss)
{
    struct entry intent;
    if (entry->kind == ENTRY_INTENT) {
        loss->transactions += 1;
        loss->amount += entry->intent.parts.amount.rials;
        return ST_OK;
    }
    if (entry->kind != ENTRY_OUTCOME || entry->outcome.verdict != VERDICT_NOT_DONE ||
        entry->outcome.intent_sequence <= acknowledged) {
        return ST_OK;
    }
    const enum st st = journal_find(store, entry->outcome.intent_sequence, &intent);
    if (st == ST_OK && intent.kind == ENTRY_INTENT) {
        loss->transactions -= 1;
        loss->amount -= intent.intent.parts.amount.rials;
    }
    return st;
}

enum st loss_count(struct store *store, struct loss *ret)
{
    struct journal_row rows[ROWS];
    struct loss loss = {0};
    uint32_t acknowledged = 0, after = 0;
    size_t count = ROWS;
    enum st st = sync_acknowledged(store, &acknowledged);
    after = acknowledged;
    while (st == ST_OK && count == ROWS && !loss.is_more) {
        st = journal_fetch(store, after, rows, ROWS, &count);
        for (size_t i = 0; st == ST_OK && i < count; i += 1) {
            struct entry entry;
            st = entry_decode(rows[i].bytes, rows[i].size, &entry);
            st = st == ST_OK ? count_entry(store, acknowledged, &entry, &loss) : ST_CORRUPT;
        }
        after += st == ST_OK ? (uint32_t)count : 0;
        loss.is_more = count == ROWS && after - acknowledged >= LOSS_ENTRIES_MAX;
    }
    if (st == ST_OK) {
        *ret = loss;
    }
    return st;
}
