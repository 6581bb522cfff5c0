#include "storage/transfers.h"

#include <stdlib.h>

#include "storage/store_priv.h"

/* --- what an entry makes of a row ------------------------------------------------------------- */

static bool is_transfer(const struct entry *intent, enum peer_direction direction)
{
    const enum transaction_kind kind =
        intent->kind == ENTRY_INTENT ? intent->intent.after.last.kind : TRANSACTION_SALE;
    return (kind == TRANSACTION_TRANSFER || kind == TRANSACTION_DUPLICATE) &&
           intent->intent.occasion.peer.direction == direction;
}

/* The transfer that an entry is about; 0: none. `intent` is the entry itself, or of an outcome the
 * one that it settles. */
static uint32_t about(const struct entry *entry, const struct entry *intent)
{
    const struct peer *peer = &intent->intent.occasion.peer;
    return entry->kind == ENTRY_RELEASE         ? entry->release.out_sequence
           : is_transfer(intent, PEER_OUT)      ? intent->sequence
           : !is_transfer(intent, PEER_IN)      ? 0
           : peer->terminal == intent->terminal ? peer->sequence
                                                : 0;
}

/* Of a card that is moved whole, its moving on tells by itself: the first one would be closed then,
 * and takes no more; the second one was made by just this intent. */
static bool is_whole_card(const struct entry *intent)
{
    return intent->intent.after.last.kind == TRANSACTION_DUPLICATE;
}

static void fold_first(struct transfer *row, const struct entry *entry, const struct entry *intent)
{
    if (entry->kind == ENTRY_INTENT) {
        const bool is_named = intent->intent.occasion.peer.card_number != 0;
        *row = (struct transfer){.sequence = entry->sequence,
                                 .end = is_named ? TRANSFER_RELEASED : TRANSFER_WAITS};
        return;
    }
    switch (entry->outcome.verdict) {
    case VERDICT_DONE:
        row->first = FIRST_DONE;
        break;
    case VERDICT_NOT_DONE:
        row->end = TRANSFER_VOID;
        break;
    case VERDICT_LEFT:
        row->first = is_whole_card(intent) ? row->first : FIRST_LEFT;
        row->end = is_whole_card(intent) ? TRANSFER_VOID : row->end;
        break;
    }
}

/* Only while it waits, and only what became of the one that may have it. */
static void fold_second(struct transfer *row, const struct entry *entry, const struct entry *intent)
{
    if (row->end != TRANSFER_WAITS) {
        return;
    }
    if (entry->kind == ENTRY_INTENT) {
        row->second = intent->sequence;
    } else if (row->second == intent->sequence &&
               (entry->outcome.verdict == VERDICT_DONE ||
                (entry->outcome.verdict == VERDICT_LEFT && is_whole_card(intent)))) {
        row->end = TRANSFER_TAKEN;
    } else if (row->second == intent->sequence && entry->outcome.verdict == VERDICT_NOT_DONE) {
        row->second = 0;
    }
}

static void fold(struct transfer *row, const struct entry *entry, const struct entry *intent)
{
    if (entry->kind == ENTRY_RELEASE) {
        row->end = TRANSFER_RELEASED;
        row->second = entry->sequence;
    } else if (is_transfer(intent, PEER_OUT)) {
        fold_first(row, entry, intent);
    } else {
        fold_second(row, entry, intent);
    }
}

/* --- the table -------------------------------------------------------------------------------- */

/* The row that the statement stands on: ended, seq, first, second. */
static enum st read_row(struct store *store, sqlite3_stmt *statement, struct transfer *ret)
{
    int64_t sequence = 0, end = 0, first = 0, second = 0;
    enum st st = sql_number(store, statement, 0, TRANSFER_WAITS, TRANSFER_VOID, &end);
    if (st == ST_OK) {
        st = sql_number(store, statement, 1, 1, SEQUENCE_MAX, &sequence);
    }
    if (st == ST_OK) {
        st = sql_number(store, statement, 2, FIRST_IN_DOUBT, FIRST_LEFT, &first);
    }
    if (st == ST_OK) {
        st = sql_number(store, statement, 3, 0, SEQUENCE_MAX, &second);
    }
    if (st == ST_OK) {
        *ret = (struct transfer){.sequence = (uint32_t)sequence,
                                 .end = (enum transfer_end)end,
                                 .first = (enum transfer_first)first,
                                 .second = (uint32_t)second};
    }
    return st;
}

enum st transfers_find(struct store *store, uint32_t sequence, struct transfer *ret)
{
    struct transfer row;
    sqlite3_stmt *statement = sql_use(store, SQL_TRANSFER);
    (void)sqlite3_bind_int64(statement, 1, sequence);
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = read_row(store, statement, &row);
        (void)sqlite3_reset(statement);
    }
    if (st == ST_OK) {
        *ret = row;
    }
    return st;
}

enum st transfers_waiting(struct store *store, uint32_t after, struct transfer *ret, size_t max,
                          size_t *ret_count)
{
    size_t count = 0;
    sqlite3_stmt *statement = sql_use(store, SQL_TRANSFERS_WAITING);
    (void)sqlite3_bind_int64(statement, 1, after);
    enum st st = ST_OK;
    while (count < max && (st = sql_row(store, statement)) == ST_OK) {
        st = read_row(store, statement, &ret[count]);
        if (st != ST_OK) {
            break;
        }
        count += 1;
    }
    (void)sqlite3_reset(statement);
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    *ret_count = count;
    return ST_OK;
}

/* `was` is the row that it replaces; its sequence 0: there was none. */
static enum st put_row(struct store *store, const struct transfer *was, const struct transfer *row)
{
    enum st st = ST_OK;
    if (was->sequence != 0) { /* how it ended is part of the key */
        sqlite3_stmt *drop = sql_use(store, SQL_TRANSFER_DROP);
        (void)sqlite3_bind_int64(drop, 1, was->end);
        (void)sqlite3_bind_int64(drop, 2, was->sequence);
        st = sql_run(store, drop, "note the transfer");
    }
    if (st != ST_OK) {
        return st;
    }
    sqlite3_stmt *put = sql_use(store, SQL_TRANSFER_PUT);
    (void)sqlite3_bind_int64(put, 1, row->end);
    (void)sqlite3_bind_int64(put, 2, row->sequence);
    (void)sqlite3_bind_int64(put, 3, row->first);
    (void)sqlite3_bind_int64(put, 4, row->second);
    return sql_run(store, put, "note the transfer");
}

enum st transfers_note(struct store *store, const struct entry *entry, const struct entry *intent)
{
    const uint32_t sequence = about(entry, intent);
    struct transfer was = {.sequence = 0};
    if (sequence == 0) {
        return ST_OK;
    }
    const enum st st = transfers_find(store, sequence, &was);
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    if (was.sequence == 0 && sequence != entry->sequence) {
        return ST_OK; /* of what never left a card here: the club judges */
    }
    struct transfer row = was;
    fold(&row, entry, intent);
    return put_row(store, &was, &row);
}

/* --- counting again --------------------------------------------------------------------------- */

static struct transfer *tally_find(struct transfers_tally *tally, uint32_t sequence)
{
    size_t low = 0, high = tally->count;
    while (low < high) { /* in the order of their numbers */
        const size_t middle = low + (high - low) / 2;
        if (tally->rows[middle].sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < tally->count && tally->rows[low].sequence == sequence ? &tally->rows[low] : NULL;
}

static struct transfer *tally_new(struct transfers_tally *tally)
{
    if (tally->count == tally->capacity) {
        const size_t capacity = tally->capacity * 2 + 64;
        struct transfer *rows = realloc(tally->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            return NULL;
        }
        tally->rows = rows;
        tally->capacity = capacity;
    }
    return &tally->rows[tally->count++];
}

enum st transfers_tally(struct store *store, struct transfers_tally *tally,
                        const struct entry *entry, const struct entry *intent)
{
    const uint32_t sequence = about(entry, intent);
    struct transfer *row = NULL;
    if (sequence == 0) {
        return ST_OK;
    }
    if (sequence != entry->sequence) {
        row = tally_find(tally, sequence);
    } else if ((row = tally_new(tally)) == NULL) {
        return sql_status(store, SQLITE_NOMEM, "count transfers");
    }
    if (row != NULL) {
        fold(row, entry, intent);
    }
    return ST_OK;
}

enum st transfers_verify(struct store *store, struct transfers_tally *tally)
{
    size_t rows = 0;
    sqlite3_stmt *statement = sql_use(store, SQL_TRANSFERS_ALL);
    enum st st = sql_row(store, statement);
    while (st == ST_OK) {
        struct transfer row;
        st = read_row(store, statement, &row);
        const struct transfer *right = st == ST_OK ? tally_find(tally, row.sequence) : NULL;
        if (st == ST_OK && (right == NULL || right->end != row.end || right->first != row.first ||
                            right->second != row.second)) {
            st = store_corrupt(store, "transfer %u is not as the journal says", row.sequence);
        }
        if (st == ST_OK) {
            rows += 1;
            st = sql_row(store, statement);
        }
    }
    (void)sqlite3_reset(statement);
    if (st == ST_REFUSED && rows != tally->count) {
        return store_corrupt(store, "a transfer of the journal is missing");
    }
    return st == ST_REFUSED ? ST_OK : st;
}

void transfers_tally_finish(struct transfers_tally *tally)
{
    free(tally->rows);
    *tally = (struct transfers_tally){.rows = NULL};
}

/* One entry of an older file. */
static enum st fill_from(struct store *store, const struct journal_row *row,
                         struct transfers_tally *tally)
{
    struct entry entry, intent;
    if (entry_decode(row->bytes, row->size, &entry) != ST_OK) {
        return store_corrupt(store, "entry %u does not read", row->sequence);
    }
    if (entry.kind != ENTRY_OUTCOME) {
        return transfers_tally(store, tally, &entry, &entry);
    }
    const enum st st = journal_find(store, entry.outcome.intent_sequence, &intent);
    return st == ST_OK        ? transfers_tally(store, tally, &entry, &intent)
           : st == ST_REFUSED ? store_corrupt(store, "outcome %u has no intent", entry.sequence)
                              : st;
}

enum st transfers_fill(struct store *store)
{
    static const struct transfer none = {.sequence = 0};
    struct transfers_tally tally = {.rows = NULL};
    struct journal_row row;
    struct walk walk;
    enum st st = walk_begin(store, 0, &walk);
    if (st != ST_OK) {
        return st;
    }
    while ((st = walk_next(store, &walk, &row)) == ST_OK) {
        st = fill_from(store, &row, &tally);
        if (st != ST_OK) {
            break;
        }
    }
    walk_end(&walk);
    st = st == ST_REFUSED ? ST_OK : st;
    for (size_t i = 0; i < tally.count && st == ST_OK; i++) {
        st = put_row(store, &none, &tally.rows[i]);
    }
    transfers_tally_finish(&tally);
    return st;
}
