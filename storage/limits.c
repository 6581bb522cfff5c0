#include "storage/limits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store_priv.h"

/* One row for each scope, id and day, with a column for each kind of use: docs/storage.md. */

enum { FIGURES = LIMIT_WHATS * LIMIT_UNITS, KEYS = 3, SCOPES = 4 };

/* Whose use a row counts. */
struct used_key {
    int64_t scope, id, day;
};

/* Gives how many: an entry that is no card's has no card's day. */
static int keys_of(const struct entry *entry, struct used_key ret[SCOPES])
{
    const int32_t day = limits_day(entry->time_s, entry->clock_quality);
    const uint64_t card = limits_card(entry);
    assert(card <= INT64_MAX);
    ret[0] = (struct used_key){USED_TERMINAL, 0, 0};
    ret[1] = (struct used_key){USED_TERMINAL_DAY, 0, day};
    ret[2] = (struct used_key){USED_OPERATOR_DAY, entry->operator_no, day};
    ret[3] = (struct used_key){USED_CARD_DAY, (int64_t)card, day};
    return card == 0 ? SCOPES - 1 : SCOPES;
}

/* Adds to a row, or takes back (`which`). */
static enum st row_change(struct store *store, enum statement which, const struct used_key *key,
                          const struct limit_use *use)
{
    sqlite3_stmt *statement = sql_use(store, which);
    (void)sqlite3_bind_int64(statement, 1, key->scope);
    (void)sqlite3_bind_int64(statement, 2, key->id);
    (void)sqlite3_bind_int64(statement, 3, key->day);
    for (int i = 0; i < FIGURES; i++) {
        (void)sqlite3_bind_int64(statement, KEYS + 1 + i, use->n[i / LIMIT_UNITS][i % LIMIT_UNITS]);
    }
    const enum st st = sql_run(store, statement, "note what was used");
    if (st == ST_OK && sqlite3_changes(store->db) != 1) {
        return store_corrupt(store, "what was used of the limits is not noted");
    }
    return st;
}

enum st limits_note(struct store *store, const struct entry *entry, int sign)
{
    struct used_key keys[SCOPES];
    struct limit_use use;
    enum st st = ST_OK;
    limits_use(entry, &use);
    if (!limits_uses_any(&use)) {
        return ST_OK;
    }
    const int count = keys_of(entry, keys);
    for (int i = 0; i < count && st == ST_OK; i++) {
        st = row_change(store, sign > 0 ? SQL_USED_ADD : SQL_USED_TAKE, &keys[i], &use);
    }
    return st;
}

/* The figures of the row that the statement stands on, from column `first`. */
static enum st read_use(struct store *store, sqlite3_stmt *statement, int first,
                        struct limit_use *ret)
{
    enum st st = ST_OK;
    for (int i = 0; i < FIGURES && st == ST_OK; i++) {
        st = sql_number(store, statement, first + i, 0, INT64_MAX,
                        &ret->n[i / LIMIT_UNITS][i % LIMIT_UNITS]);
    }
    return st;
}

enum st limits_used(struct store *store, enum used_scope scope, uint64_t id, int32_t day,
                    struct limit_use *ret)
{
    struct limit_use use = {0};
    assert(id <= INT64_MAX);
    sqlite3_stmt *statement = sql_use(store, SQL_USED);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)scope);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)id);
    (void)sqlite3_bind_int64(statement, 3, day);
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = read_use(store, statement, 0, &use);
        (void)sqlite3_reset(statement);
    } else if (st == ST_REFUSED) {
        st = ST_OK; /* nothing was used */
    }
    if (st == ST_OK) {
        *ret = use;
    }
    return st;
}

/* --- counting again --------------------------------------------------------------------------- */

struct tally_row {
    struct used_key key;
    struct limit_use use;
};

static int compare_keys(const void *a, const void *b)
{
    const struct used_key *x = a, *y = b; /* a row begins with its key */
    if (x->scope != y->scope) {
        return x->scope < y->scope ? -1 : 1;
    }
    if (x->id != y->id) {
        return x->id < y->id ? -1 : 1;
    }
    return (x->day > y->day) - (x->day < y->day);
}

/* Sorts, and makes one row of all that have one key. */
static void tally_merge(struct tally *tally)
{
    size_t kept = 0;
    if (tally->count == 0) {
        return;
    }
    qsort(tally->rows, tally->count, sizeof *tally->rows, compare_keys);
    for (size_t i = 1; i < tally->count; i++) {
        if (compare_keys(&tally->rows[kept], &tally->rows[i]) == 0) {
            limits_add(&tally->rows[kept].use, &tally->rows[i].use, 1);
        } else {
            tally->rows[++kept] = tally->rows[i];
        }
    }
    tally->count = kept + 1;
}

/* Room for one entry's rows. What is there is merged before more memory is asked for. */
static bool tally_grow(struct tally *tally)
{
    if (tally->count + SCOPES <= tally->capacity) {
        return true;
    }
    tally_merge(tally);
    if (tally->count + SCOPES <= tally->capacity / 2) {
        return true;
    }
    const size_t capacity = 2 * tally->capacity + 256;
    struct tally_row *rows = realloc(tally->rows, capacity * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    tally->rows = rows;
    tally->capacity = capacity;
    return true;
}

enum st tally_add(struct store *store, struct tally *tally, const struct entry *entry, int sign)
{
    struct used_key keys[SCOPES];
    struct tally_row row = {.use = {{{0}}}};
    struct limit_use use;
    limits_use(entry, &use);
    if (!limits_uses_any(&use)) {
        return ST_OK;
    }
    if (!tally_grow(tally)) {
        return sql_status(store, SQLITE_NOMEM, "count what was used");
    }
    limits_add(&row.use, &use, sign);
    const int count = keys_of(entry, keys);
    for (int i = 0; i < count; i++) {
        row.key = keys[i];
        tally->rows[tally->count++] = row;
    }
    return ST_OK;
}

void tally_finish(struct tally *tally)
{
    free(tally->rows);
    *tally = (struct tally){.rows = NULL};
}

static enum st row_verify(struct store *store, sqlite3_stmt *statement, const struct tally *tally,
                          size_t at)
{
    struct tally_row row = {.use = {{{0}}}};
    enum st st = sql_number(store, statement, 0, 1, SCOPES, &row.key.scope);
    if (st == ST_OK) {
        st = sql_number(store, statement, 1, 0, INT64_MAX, &row.key.id);
    }
    if (st == ST_OK) {
        st = sql_number(store, statement, 2, 0, INT32_MAX, &row.key.day);
    }
    if (st == ST_OK) {
        st = read_use(store, statement, KEYS, &row.use);
    }
    if (st == ST_OK && (at >= tally->count || compare_keys(&row, &tally->rows[at]) != 0 ||
                        memcmp(&row.use, &tally->rows[at].use, sizeof row.use) != 0)) {
        st = store_corrupt(store, "what was used of the limits is not what the journal says");
    }
    return st;
}

enum st tally_verify(struct store *store, struct tally *tally)
{
    size_t at = 0;
    tally_merge(tally);
    sqlite3_stmt *statement = sql_use(store, SQL_USED_ALL);
    enum st st = sql_row(store, statement);
    while (st == ST_OK) {
        st = row_verify(store, statement, tally, at++);
        if (st == ST_OK) {
            st = sql_row(store, statement);
        }
    }
    (void)sqlite3_reset(statement);
    if (st == ST_REFUSED && at < tally->count) {
        st = store_corrupt(store, "what was used of the limits is less than the journal says");
    }
    return st == ST_REFUSED ? ST_OK : st;
}

/* --- a file from before there were these tables ----------------------------------------- */

static enum st entry_tally(struct store *store, const struct journal_row *row, struct tally *tally)
{
    struct entry entry, intent;
    if (entry_decode(row->bytes, row->size, &entry) != ST_OK) {
        return store_corrupt(store, "entry %u does not read", row->sequence);
    }
    if (entry.kind != ENTRY_OUTCOME || entry.outcome.verdict != VERDICT_NOT_DONE) {
        const enum st noted = operators_note(store, &entry);
        return noted == ST_OK ? tally_add(store, tally, &entry, 1) : noted;
    }
    const enum st st = journal_find(store, entry.outcome.intent_sequence, &intent);
    if (st == ST_REFUSED || (st == ST_OK && intent.kind != ENTRY_INTENT)) {
        return store_corrupt(store, "outcome %u has no intent", entry.sequence);
    }
    return st == ST_OK ? tally_add(store, tally, &intent, -1) : st;
}

enum st limits_fill(struct store *store)
{
    struct tally tally = {.rows = NULL};
    struct journal_row row;
    struct walk walk;
    enum st st = walk_begin(store, 0, &walk);
    if (st != ST_OK) {
        return st;
    }
    while ((st = walk_next(store, &walk, &row)) == ST_OK) {
        st = entry_tally(store, &row, &tally);
        if (st != ST_OK) {
            break;
        }
    }
    walk_end(&walk);
    st = st == ST_REFUSED ? ST_OK : st;
    tally_merge(&tally);
    for (size_t i = 0; i < tally.count && st == ST_OK; i++) {
        st = row_change(store, SQL_USED_ADD, &tally.rows[i].key, &tally.rows[i].use);
    }
    tally_finish(&tally);
    return st;
}
