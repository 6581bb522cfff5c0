#include <stdlib.h>
#include <string.h>

#include "storage/store_priv.h"

/* The whole journal against its chain, and every table against the journal. One pass and no copy of
 * the tables: each pending and cards row names its entry, so that counting the rows that are right
 * and comparing with the number of rows leaves no room for one too many or too few. */

struct verification {
    struct store *store;
    uint8_t *settled; /* a bit per sequence: an outcome has named this intent */
    uint32_t entries, intents, outcomes;
    int64_t cards; /* rows of cards that an entry has confirmed */
    int64_t links; /* the same of links */
    struct tally used;
    int64_t bons; /* the same of bons */
    struct lost_count lost;
    struct tallied *operators;
    struct transfers_tally transfers;
};

static enum st pages_verify(struct store *store)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA integrity_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum st st = sql_status(store, code, "check the pages");
    if (st == ST_OK) {
        const char *answer = (const char *)sqlite3_column_text(statement, 0);
        if (answer == NULL || strcmp(answer, "ok") != 0) {
            st = store_corrupt(store, "%s", answer != NULL ? answer : "no answer");
        }
    }
    (void)sqlite3_finalize(statement);
    return st;
}

static enum st outcome_verify(struct verification *v, const struct entry *entry)
{
    const uint32_t of = entry->outcome.intent_sequence;
    struct entry intent;
    const enum st st = of < entry->sequence ? journal_find(v->store, of, &intent) : ST_REFUSED;
    if (st == ST_REFUSED ||
        (st == ST_OK && (intent.kind != ENTRY_INTENT ||
                         intent.intent.card_number != entry->outcome.card_number))) {
        return store_corrupt(v->store, "outcome %u has no intent", entry->sequence);
    }
    if (st != ST_OK) {
        return st;
    }
    const uint8_t bit = (uint8_t)(1U << (of & 7U));
    if ((v->settled[of >> 3] & bit) != 0) {
        return store_corrupt(v->store, "intent %u has two outcomes", of);
    }
    v->settled[of >> 3] |= bit;
    if (entry->outcome.verdict == VERDICT_NOT_DONE) {
        enum st counted = tally_add(v->store, &v->used, &intent, -1);
        if (counted == ST_OK) {
            counted = lost_check_undone(v->store, &intent, &v->lost);
        }
        if (counted != ST_OK) {
            return counted;
        }
    }
    return transfers_tally(v->store, &v->transfers, entry, &intent);
}

/* No entry may show a newer snapshot than the table's; the first that shows the newest is it. */
static enum st card_verify(struct verification *v, const struct entry *entry)
{
    uint64_t number = 0;
    struct snapshot snapshot;
    enum st st = cards_shown(v->store, entry, &number, &snapshot);
    if (st != ST_OK) {
        return st == ST_REFUSED ? ST_OK : st;
    }
    sqlite3_stmt *statement = sql_use(v->store, SQL_CARD);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)number);
    int64_t counter = 0, sequence = 0;
    st = sql_row(v->store, statement);
    if (st == ST_OK) {
        st = sql_number(v->store, statement, 0, 0, UINT32_MAX, &counter);
    }
    if (st == ST_OK) {
        st = sql_number(v->store, statement, 1, 1, SEQUENCE_MAX, &sequence);
    }
    (void)sqlite3_reset(statement);
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    const bool is_named = sequence == (int64_t)entry->sequence;
    const int64_t shown = snapshot.counter;
    if (st == ST_REFUSED || shown > counter || (is_named && shown != counter) ||
        (shown == counter && sequence > (int64_t)entry->sequence)) {
        return store_corrupt(v->store, "entry %u and its card's row differ", entry->sequence);
    }
    v->cards += is_named;
    return ST_OK;
}

static enum st chain_verify(struct verification *v)
{
    struct walk walk;
    struct journal_row row;
    enum st st = walk_begin(v->store, 0, &walk);
    if (st != ST_OK) {
        return st;
    }
    while ((st = walk_next(v->store, &walk, &row)) == ST_OK) {
        struct entry entry;
        if (entry_decode(row.bytes, row.size, &entry) != ST_OK || entry.sequence != row.sequence ||
            sqlite3_column_int64(walk.statement, 1) != (int64_t)entry.kind) {
            st = store_corrupt(v->store, "entry %u does not read", row.sequence);
            break;
        }
        v->entries = row.sequence;
        if (entry.kind == ENTRY_INTENT) {
            v->intents += 1;
        }
        st = tally_add(v->store, &v->used, &entry, 1);
        if (st == ST_OK) {
            st = operators_tally(v->store, &v->operators, &entry);
        }
        if (st == ST_OK && entry.kind != ENTRY_OUTCOME) {
            st = transfers_tally(v->store, &v->transfers, &entry, &entry);
        }
        if (st == ST_OK && entry.kind == ENTRY_OUTCOME) {
            v->outcomes += 1;
            st = outcome_verify(v, &entry);
        }
        if (st == ST_OK) {
            int64_t named = 0;
            st = links_check(v->store, &entry, &named);
            v->links += named;
        }
        if (st == ST_OK && entry.kind == ENTRY_BON) {
            bool is_named = false;
            st = bons_check(v->store, &entry, &is_named);
            v->bons += is_named;
        }
        if (st == ST_OK) {
            st = lost_check(v->store, &entry, &v->lost);
        }
        if (st == ST_OK) {
            st = card_verify(v, &entry);
        }
        if (st != ST_OK) {
            break;
        }
    }
    walk_end(&walk);
    return st == ST_REFUSED ? ST_OK : st;
}

static enum st pending_row_verify(struct verification *v, sqlite3_stmt *statement)
{
    int64_t card = 0, sequence = 0;
    const uint8_t *uid = NULL;
    size_t uid_bytes = 0;
    struct entry intent;
    enum st st = sql_number(v->store, statement, 0, 0, INT64_MAX, &card);
    if (st == ST_OK) {
        st = sql_number(v->store, statement, 1, 1, v->entries, &sequence);
    }
    if (st == ST_OK) {
        st = sql_bytes(v->store, statement, 2, 0, ENTRY_UID_MAX, &uid, &uid_bytes);
    }
    if (st == ST_OK) {
        st = journal_find(v->store, (uint32_t)sequence, &intent);
    }
    if (st == ST_REFUSED ||
        (st == ST_OK &&
         (intent.kind != ENTRY_INTENT || (int64_t)intent.intent.card_number != card ||
          intent.intent.uid_bytes != uid_bytes ||
          (uid_bytes > 0 && memcmp(intent.intent.uid, uid, uid_bytes) != 0) ||
          (v->settled[sequence >> 3] >> (sequence & 7) & 1) != 0))) {
        return store_corrupt(v->store, "pending entry %lld is not an open intent",
                             (long long)sequence);
    }
    return st;
}

static enum st pending_verify(struct verification *v)
{
    uint32_t rows = 0;
    sqlite3_stmt *statement = sql_use(v->store, SQL_PENDING_ALL);
    enum st st = sql_row(v->store, statement);
    while (st == ST_OK) {
        rows++;
        st = pending_row_verify(v, statement);
        if (st == ST_OK) {
            st = sql_row(v->store, statement);
        }
    }
    (void)sqlite3_reset(statement);
    if (st == ST_REFUSED && rows != v->intents - v->outcomes) {
        return store_corrupt(v->store, "%u intents are pending, but %u have no outcome", rows,
                             v->intents - v->outcomes);
    }
    return st == ST_REFUSED ? ST_OK : st;
}

static enum st cards_verify(struct verification *v)
{
    int64_t rows = 0;
    enum st st = sql_one(v->store, sql_use(v->store, SQL_CARD_COUNT), 0, INT64_MAX, &rows);
    if (st == ST_OK && rows != v->cards) {
        st = store_corrupt(v->store, "%lld cards are noted, but entries show %lld", (long long)rows,
                           (long long)v->cards);
    }
    return st;
}

static enum st verify_in_transaction(struct verification *v)
{
    struct tip tip;
    enum st st = pages_verify(v->store);
    if (st == ST_OK) {
        st = journal_tip(v->store, &tip);
    }
    if (st == ST_OK) {
        v->settled = calloc(tip.sequence / 8 + 1, 1);
        st = v->settled != NULL ? ST_OK : sql_status(v->store, SQLITE_NOMEM, "verify");
    }
    if (st == ST_OK) {
        st = chain_verify(v);
    }
    if (st == ST_OK) {
        st = pending_verify(v);
    }
    if (st == ST_OK) {
        st = cards_verify(v);
    }
    if (st == ST_OK) {
        st = links_check_rows(v->store, v->links);
    }
    if (st == ST_OK) {
        st = bons_check_rows(v->store, v->bons);
    }
    if (st == ST_OK) {
        st = lost_check_rows(v->store, &v->lost);
    }
    if (st == ST_OK) {
        st = actions_check_rows(v->store);
    }
    if (st == ST_OK) {
        st = tally_verify(v->store, &v->used);
    }
    if (st == ST_OK) {
        st = operators_verify(v->store, v->operators);
    }
    if (st == ST_OK) {
        st = transfers_verify(v->store, &v->transfers);
    }
    if (st == ST_OK) {
        st = journal_not_restored(v->store, &tip);
    }
    return st != ST_OK ? st : settings_verify(v->store);
}

enum st journal_verify(struct store *store, uint32_t *ret_entries, struct fault *fault)
{
    struct verification v = {.store = store};
    enum st st = sql_begin_read(store);
    if (st == ST_OK) {
        st = sql_end(store, verify_in_transaction(&v));
    }
    free(v.settled);
    tally_finish(&v.used);
    free(v.operators);
    transfers_tally_finish(&v.transfers);
    if (st == ST_OK) {
        *ret_entries = v.entries;
    } else if (fault != NULL) {
        *fault = store->fault;
    }
    return st;
}
