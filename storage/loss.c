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

/* The next entries, at most ROWS; *ret_count says how many there were. */
static enum st count_rows(struct store *store, struct loss *loss, size_t *ret_count)
{
    struct journal_row rows[ROWS];
    enum st st = journal_fetch(store, loss->upto, rows, ROWS, ret_count);
    for (size_t i = 0; st == ST_OK && i < *ret_count; i += 1) {
        struct entry entry;
        st = entry_decode(rows[i].bytes, rows[i].size, &entry);
        st = st == ST_OK ? count_entry(store, loss->behind, &entry, loss) : ST_CORRUPT;
    }
    loss->upto += st == ST_OK ? (uint32_t)*ret_count : 0;
    return st;
}

enum st loss_count(struct store *store, struct loss *loss)
{
    struct loss next = *loss;
    uint32_t acknowledged = 0;
    size_t count = ROWS;
    enum st st = sync_acknowledged(store, &acknowledged);
    if (next.behind != acknowledged) {
        next = (struct loss){.behind = acknowledged, .upto = acknowledged};
    }
    while (st == ST_OK && count == ROWS && !next.is_more) {
        st = count_rows(store, &next, &count);
        next.is_more = count == ROWS && next.upto - acknowledged >= LOSS_ENTRIES_MAX;
    }
    if (st == ST_OK) {
        *loss = next;
    }
    return st;
}
