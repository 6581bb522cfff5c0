#include <string.h>

#include <mbedtls/sha256.h>

#include "storage/store_priv.h"

enum { TAIL_ENTRIES = 256 }; /* of the chain, checked at each open */

void chain_extend(const uint8_t before[ENTRY_HASH_BYTES], const uint8_t *bytes, size_t size,
                  uint8_t ret_hash[ENTRY_HASH_BYTES])
{
    uint8_t both[ENTRY_HASH_BYTES + ENTRY_BYTES_MAX];
    assert(size <= ENTRY_BYTES_MAX);
    memcpy(both, before, ENTRY_HASH_BYTES);
    memcpy(both + ENTRY_HASH_BYTES, bytes, size);
    const int code = mbedtls_sha256_ret(both, ENTRY_HASH_BYTES + size, ret_hash, 0);
    assert(code == 0); /* only hardware can fail here, and we use none */
}

enum st journal_tip(struct store *store, struct tip *ret)
{
    struct tip tip = {0};
    sqlite3_stmt *statement = sql_use(store, SQL_TIP);
    enum st st = sql_row(store, statement);
    if (st == ST_REFUSED) {
        st = ST_OK; /* no entry yet */
    } else if (st == ST_OK) {
        int64_t sequence = 0;
        const uint8_t *hash = NULL;
        size_t size = 0;
        st = sql_number(store, statement, 0, 1, SEQUENCE_MAX, &sequence);
        if (st == ST_OK) {
            st = sql_bytes(store, statement, 1, ENTRY_HASH_BYTES, ENTRY_HASH_BYTES, &hash, &size);
        }
        if (st == ST_OK) {
            tip.sequence = (uint32_t)sequence;
            memcpy(tip.hash, hash, sizeof tip.hash);
        }
        (void)sqlite3_reset(statement);
    }
    /* What this handle appended must still be the end: a disk may acknowledge and forget. */
    if (st == ST_OK && (tip.sequence < store->appended.sequence ||
                        (tip.sequence == store->appended.sequence &&
                         memcmp(tip.hash, store->appended.hash, sizeof tip.hash) != 0))) {
        st = store_corrupt(store, "entry %u was recorded, but is gone", store->appended.sequence);
    }
    if (st == ST_OK) {
        *ret = tip;
    }
    return st;
}

enum st journal_not_restored(struct store *store, const struct tip *tip)
{
    uint32_t acknowledged = 0;
    const enum st st = sync_acknowledged(store, &acknowledged);
    if (st == ST_OK && acknowledged > tip->sequence) {
        return store_corrupt(store, "the club has entry %u, the file ends at %u: an older copy",
                             acknowledged, tip->sequence);
    }
    return st;
}

enum st journal_next(struct store *store, uint32_t *ret_sequence)
{
    struct tip tip;
    const enum st st = journal_tip(store, &tip);
    if (st != ST_OK) {
        return st;
    }
    if (tip.sequence == SEQUENCE_MAX) {
        fault_say(&store->fault, "Enrol this terminal anew: its journal numbers are used up.");
        return ST_FULL;
    }
    *ret_sequence = tip.sequence + 1;
    return ST_OK;
}

/* --- reading rows ---------------------------------------------------------------------------- */

/* Columns seq, kind, bytes, hash, checked against the chain value before them. */
static enum st row_read(struct store *store, sqlite3_stmt *statement,
                        const uint8_t before[ENTRY_HASH_BYTES], struct journal_row *ret)
{
    int64_t sequence = 0, kind = 0;
    const uint8_t *bytes = NULL, *hash = NULL;
    size_t size = 0, hash_size = 0;
    enum st st = sql_number(store, statement, 0, 1, SEQUENCE_MAX, &sequence);
    if (st == ST_OK) {
        st = sql_number(store, statement, 1, 1, UINT8_MAX, &kind);
    }
    if (st == ST_OK) {
        st = sql_bytes(store, statement, 2, 1, ENTRY_BYTES_MAX, &bytes, &size);
    }
    if (st == ST_OK) {
        st = sql_bytes(store, statement, 3, ENTRY_HASH_BYTES, ENTRY_HASH_BYTES, &hash, &hash_size);
    }
    if (st != ST_OK) {
        return st;
    }
    uint8_t expected[ENTRY_HASH_BYTES];
    chain_extend(before, bytes, size, expected);
    if (memcmp(expected, hash, sizeof expected) != 0) {
        return store_corrupt(store, "the chain breaks at entry %lld", (long long)sequence);
    }
    ret->sequence = (uint32_t)sequence;
    ret->size = size;
    memcpy(ret->bytes, bytes, size);
    memcpy(ret->hash, hash, sizeof ret->hash);
    return ST_OK;
}

enum st walk_begin(struct store *store, uint32_t after, struct walk *ret)
{
    *ret = (struct walk){.statement = sql_use(store, SQL_WALK), .at = {.sequence = after}};
    (void)sqlite3_bind_int64(ret->statement, 1, after);
    if (after == 0) {
        return ST_OK;
    }
    enum st st = sql_row(store, ret->statement);
    int64_t sequence = 0;
    const uint8_t *hash = NULL;
    size_t size = 0;
    if (st == ST_OK) {
        st = sql_number(store, ret->statement, 0, after, SEQUENCE_MAX, &sequence);
    }
    if (st == ST_OK && sequence != after) {
        st = store_corrupt(store, "entry %u is missing", after);
    }
    if (st == ST_OK) {
        st = sql_bytes(store, ret->statement, 3, ENTRY_HASH_BYTES, ENTRY_HASH_BYTES, &hash, &size);
    }
    if (st == ST_OK) {
        memcpy(ret->at.hash, hash, sizeof ret->at.hash);
    } else {
        walk_end(ret);
    }
    return st;
}

enum st walk_next(struct store *store, struct walk *walk, struct journal_row *ret)
{
    enum st st = sql_row(store, walk->statement);
    if (st == ST_OK) {
        st = row_read(store, walk->statement, walk->at.hash, ret);
    }
    if (st == ST_OK && ret->sequence != walk->at.sequence + 1) {
        st = store_corrupt(store, "entry %u is missing", walk->at.sequence + 1);
    }
    if (st == ST_OK) {
        walk->at.sequence = store->progress.entry = ret->sequence;
        memcpy(walk->at.hash, ret->hash, sizeof walk->at.hash);
    }
    return st;
}

void walk_end(struct walk *walk)
{
    (void)sqlite3_reset(walk->statement);
}

enum st journal_check_tail(struct store *store)
{
    struct tip tip;
    enum st st = journal_tip(store, &tip);
    if (st != ST_OK || tip.sequence == 0) {
        return st;
    }
    struct walk walk;
    struct journal_row row;
    const uint32_t after = tip.sequence > TAIL_ENTRIES ? tip.sequence - TAIL_ENTRIES : 0;
    st = walk_begin(store, after, &walk);
    if (st != ST_OK) {
        return st == ST_REFUSED ? store_corrupt(store, "entry %u is missing", after) : st;
    }
    while (st == ST_OK) {
        st = walk_next(store, &walk, &row);
    }
    walk_end(&walk);
    return st == ST_REFUSED ? ST_OK : st;
}

enum st journal_fetch(struct store *store, uint32_t after, struct journal_row *ret_rows, size_t max,
                      size_t *ret_count)
{
    struct walk walk;
    enum st st = walk_begin(store, after, &walk);
    if (st == ST_REFUSED) { /* nothing at or behind `after` */
        *ret_count = 0;
        return ST_OK;
    }
    if (st != ST_OK) {
        return st;
    }
    size_t count = 0;
    while (count < max && st == ST_OK) {
        st = walk_next(store, &walk, &ret_rows[count]);
        count += st == ST_OK;
    }
    walk_end(&walk);
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    *ret_count = count;
    return ST_OK;
}

enum st journal_find(struct store *store, uint32_t sequence, struct entry *ret)
{
    static const uint8_t first[ENTRY_HASH_BYTES];
    sqlite3_stmt *statement = sql_use(store, SQL_FIND);
    (void)sqlite3_bind_int64(statement, 1, sequence);
    enum st st = sql_row(store, statement);
    if (st != ST_OK) {
        return st;
    }
    const uint8_t *before = first;
    size_t size = 0;
    struct journal_row row;
    struct entry entry;
    if (sequence > 1) {
        st = sql_bytes(store, statement, 4, ENTRY_HASH_BYTES, ENTRY_HASH_BYTES, &before, &size);
    }
    if (st == ST_OK) {
        st = row_read(store, statement, before, &row);
    }
    const int64_t kind = sqlite3_column_int64(statement, 1);
    (void)sqlite3_reset(statement);
    if (st != ST_OK) {
        return st;
    }
    if (entry_decode(row.bytes, row.size, &entry) != ST_OK || entry.sequence != sequence ||
        (int64_t)entry.kind != kind) {
        return store_corrupt(store, "entry %u does not read", sequence);
    }
    *ret = entry;
    return ST_OK;
}

/* --- appending ------------------------------------------------------------------------------- */

static enum st row_append(struct store *store, const struct entry *entry, const uint8_t *bytes,
                          size_t size, const struct tip *tip)
{
    sqlite3_stmt *statement = sql_use(store, SQL_APPEND);
    (void)sqlite3_bind_int64(statement, 1, tip->sequence);
    (void)sqlite3_bind_int64(statement, 2, entry->kind);
    (void)sqlite3_bind_blob(statement, 3, bytes, (int)size, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 4, tip->hash, ENTRY_HASH_BYTES, SQLITE_STATIC);
    return sql_run(store, statement, "append to the journal");
}

static enum st pending_add(struct store *store, const struct entry *entry)
{
    assert(entry->intent.card_number <= INT64_MAX && entry->intent.uid_bytes <= ENTRY_UID_MAX);
    sqlite3_stmt *statement = sql_use(store, SQL_PENDING_ADD);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)entry->intent.card_number);
    (void)sqlite3_bind_int64(statement, 2, entry->sequence);
    (void)sqlite3_bind_blob(statement, 3, entry->intent.uid, entry->intent.uid_bytes,
                            SQLITE_STATIC);
    return sql_run(store, statement, "note the intent");
}

/* The pending row of an outcome's intent is missing. When the journal holds an outcome of it
 * already, or no such intent, the caller has a bug; else the table was damaged. */
static enum st pending_missing(struct store *store, const struct entry_outcome *outcome)
{
    sqlite3_stmt *statement = sql_use(store, SQL_KIND_AFTER);
    (void)sqlite3_bind_int64(statement, 1, outcome->intent_sequence);
    (void)sqlite3_bind_int64(statement, 2, ENTRY_OUTCOME);
    enum st st = sql_row(store, statement);
    while (st == ST_OK) {
        struct entry other;
        st = journal_find(store, (uint32_t)sqlite3_column_int64(statement, 0), &other);
        if (st == ST_OK) {
            assert(other.outcome.intent_sequence != outcome->intent_sequence);
            st = sql_row(store, statement);
        }
    }
    (void)sqlite3_reset(statement);
    return st != ST_REFUSED ? st
                            : store_corrupt(store, "intent %u is not among the pending ones",
                                            outcome->intent_sequence);
}

static enum st pending_end(struct store *store, const struct entry *entry)
{
    const struct entry_outcome *outcome = &entry->outcome;
    struct entry intent;
    enum st st = journal_find(store, outcome->intent_sequence, &intent);
    assert(st != ST_REFUSED); /* an outcome of an intent that was never journalled */
    if (st != ST_OK) {
        return st;
    }
    assert(intent.kind == ENTRY_INTENT && intent.intent.card_number == outcome->card_number);

    sqlite3_stmt *statement = sql_use(store, SQL_PENDING_END);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)outcome->card_number);
    (void)sqlite3_bind_int64(statement, 2, outcome->intent_sequence);
    st = sql_run(store, statement, "end the intent");
    if (st == ST_OK && sqlite3_changes(store->db) != 1) {
        st = pending_missing(store, outcome);
    }
    if (st == ST_OK && outcome->verdict == VERDICT_NOT_DONE) {
        st = limits_note(store, &intent, -1);
        if (st == ST_OK) {
            st = lost_note_undone(store, &intent);
        }
    }
    return st == ST_OK ? transfers_note(store, entry, &intent) : st;
}

/* Everything but an outcome leaves the reserve of space and numbers alone, and is refused when the
 * file is an older copy. An outcome is recorded as long as that is possible at all. */
static enum st may_append(struct store *store, const struct entry *entry, const struct tip *tip)
{
    if (tip->sequence == SEQUENCE_MAX ||
        (entry->kind != ENTRY_OUTCOME && tip->sequence >= SEQUENCE_MAX - SEQUENCE_RESERVE)) {
        fault_say(&store->fault, "Enrol this terminal anew: its journal numbers are used up.");
        return ST_FULL;
    }
    if (entry->kind == ENTRY_OUTCOME) {
        return ST_OK;
    }
    const enum st st = journal_not_restored(store, tip);
    return st != ST_OK ? st : room_claim(store, ROOM_ENTRY_FRAMES);
}

static enum st append_locked(struct store *store, const struct entry *entry, struct tip *ret_tip)
{
    struct tip tip;
    enum st st = journal_tip(store, &tip);
    if (st == ST_OK) {
        st = may_append(store, entry, &tip);
    }
    if (st != ST_OK) {
        return st;
    }
    assert(entry->sequence == tip.sequence + 1);
    uint8_t bytes[ENTRY_BYTES_MAX];
    const size_t size = entry_encode(entry, bytes);
    ret_tip->sequence = entry->sequence;
    chain_extend(tip.hash, bytes, size, ret_tip->hash);
    if (entry->kind == ENTRY_OUTCOME) {
        st = pending_end(store, entry);
    }
    if (st == ST_OK) {
        st = row_append(store, entry, bytes, size, ret_tip);
    }
    if (st == ST_OK && entry->kind == ENTRY_INTENT) {
        st = pending_add(store, entry);
    }
    if (st == ST_OK) {
        st = limits_note(store, entry, 1);
    }
    if (st == ST_OK) {
        st = links_note(store, entry);
    }
    if (st == ST_OK) {
        st = bons_note(store, entry);
    }
    if (st == ST_OK && entry->kind != ENTRY_OUTCOME) {
        st = transfers_note(store, entry, entry);
    }
    if (st == ST_OK) {
        st = lost_note(store, entry);
    }
    if (st == ST_OK) {
        st = operators_note(store, entry);
    }
    return st != ST_OK ? st : cards_note(store, entry);
}

static enum st append_all(struct store *store, const struct entry *entries, size_t count)
{
    struct tip tip;
    enum st st = sql_begin(store);
    if (st == ST_OK) {
        for (size_t i = 0; i < count && st == ST_OK; i++) {
            st = append_locked(store, &entries[i], &tip);
        }
        st = sql_end(store, st);
    }
    if (st == ST_OK) {
        store->appended = tip;
        /* The entry is safe; a log that could not be moved now is moved later. */
        const enum st ignored = room_checkpoint(store, CHECKPOINT_APPEND);
        (void)ignored;
    }
    return st;
}

enum st journal_append(struct store *store, const struct entry *entry)
{
    return append_all(store, entry, 1);
}

enum st journal_append_issue(struct store *store, const struct entry *intent,
                             const struct entry *member)
{
    const struct entry both[2] = {*intent, *member};
    assert(intent->kind == ENTRY_INTENT && !intent->intent.has_before);
    assert(member->kind == ENTRY_MEMBER);
    return append_all(store, both, 2);
}

enum st journal_append_sightings(struct store *store, const struct entry *entries, size_t count)
{
    assert(count >= 1 && count <= JOURNAL_TOGETHER_MAX);
    for (size_t i = 0; i < count; i++) {
        assert(entries[i].kind == ENTRY_SIGHTING);
    }
    return append_all(store, entries, count);
}

/* --- pending and counts ---------------------------------------------------------------------- */

/* The intent whose number the statement's row holds. */
static enum st pending_entry(struct store *store, sqlite3_stmt *statement, struct entry *ret)
{
    int64_t sequence = 0;
    struct entry entry;
    enum st st = sql_one(store, statement, 1, SEQUENCE_MAX, &sequence);
    if (st != ST_OK) {
        return st;
    }
    st = journal_find(store, (uint32_t)sequence, &entry);
    if (st == ST_REFUSED || (st == ST_OK && entry.kind != ENTRY_INTENT)) {
        return store_corrupt(store, "pending entry %lld is not an intent", (long long)sequence);
    }
    if (st == ST_OK) {
        *ret = entry;
    }
    return st;
}

enum st journal_pending(struct store *store, uint64_t card_number, struct entry *ret)
{
    sqlite3_stmt *statement = sql_use(store, SQL_PENDING_CARD);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)card_number);
    struct entry entry;
    const enum st st = pending_entry(store, statement, &entry);
    if (st == ST_OK && entry.intent.card_number != card_number) {
        return store_corrupt(store, "pending entry %u is another card's", entry.sequence);
    }
    if (st == ST_OK) {
        *ret = entry;
    }
    return st;
}

enum st journal_pending_uid(struct store *store, const uint8_t *uid, size_t uid_bytes,
                            struct entry *ret)
{
    assert(uid_bytes <= ENTRY_UID_MAX);
    sqlite3_stmt *statement = sql_use(store, SQL_PENDING_UID);
    (void)sqlite3_bind_blob(statement, 1, uid, (int)uid_bytes, SQLITE_STATIC);
    struct entry entry;
    const enum st st = pending_entry(store, statement, &entry);
    if (st == ST_OK &&
        (entry.intent.uid_bytes != uid_bytes || memcmp(entry.intent.uid, uid, uid_bytes) != 0)) {
        return store_corrupt(store, "pending entry %u is another card's", entry.sequence);
    }
    if (st == ST_OK) {
        *ret = entry;
    }
    return st;
}

static enum st counts_read(struct store *store, struct journal_counts *ret)
{
    struct tip tip;
    struct entry oldest;
    uint32_t acknowledged = 0;
    int64_t pending = 0;
    enum st st = journal_tip(store, &tip);
    if (st == ST_OK) {
        st = sync_acknowledged(store, &acknowledged);
    }
    if (st == ST_OK) {
        st = sql_one(store, sql_use(store, SQL_PENDING_COUNT), 0, SEQUENCE_MAX, &pending);
    }
    *ret = (struct journal_counts){.entries = tip.sequence, .pending = (uint32_t)pending};
    if (st == ST_OK && acknowledged < tip.sequence) {
        ret->unsent = tip.sequence - acknowledged;
        st = journal_find(store, acknowledged + 1, &oldest);
        if (st == ST_REFUSED) {
            st = store_corrupt(store, "entry %u is missing", acknowledged + 1);
        } else if (st == ST_OK) {
            ret->oldest_unsent_s = oldest.time_s;
        }
    }
    return st;
}

enum st journal_counts(struct store *store, struct journal_counts *ret)
{
    struct journal_counts counts;
    enum st st = sql_begin_read(store);
    if (st == ST_OK) {
        st = sql_end(store, counts_read(store, &counts));
    }
    if (st == ST_OK) {
        *ret = counts;
    }
    return st;
}
