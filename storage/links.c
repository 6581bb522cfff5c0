#include <string.h>

#include "storage/store_priv.h"

/* Like cards: the table names the entry that links a medium, and the card stands in that entry
 * only. A medium's key is the version of the media master and the keyed hash, so that the file
 * never holds a national code or phone number, nor a hash that could be tried without the key. */

enum { MEDIUM_BYTES = 1 + ENTRY_TAG_BYTES };

static sqlite3_stmt *use_with_medium(struct store *store, enum statement which, uint8_t key_version,
                                     const uint8_t tag[ENTRY_TAG_BYTES])
{
    uint8_t medium[MEDIUM_BYTES] = {key_version};
    sqlite3_stmt *statement = sql_use(store, which);
    memcpy(medium + 1, tag, ENTRY_TAG_BYTES);
    (void)sqlite3_bind_blob(statement, 1, medium, sizeof medium, SQLITE_TRANSIENT);
    return statement;
}

enum st links_note(struct store *store, const struct entry *entry)
{
    if (entry->kind != ENTRY_LINK) {
        return ST_OK;
    }
    sqlite3_stmt *statement =
        use_with_medium(store, SQL_LINK_PUT, entry->link.key_version, entry->link.tag);
    (void)sqlite3_bind_int64(statement, 2, entry->sequence);
    return sql_run(store, statement, "note the link");
}

/* The number of the entry that links the medium. */
static enum st find_sequence(struct store *store, uint8_t key_version,
                             const uint8_t tag[ENTRY_TAG_BYTES], uint32_t *ret)
{
    sqlite3_stmt *statement = use_with_medium(store, SQL_LINK, key_version, tag);
    int64_t sequence = 0;
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = sql_number(store, statement, 0, 1, SEQUENCE_MAX, &sequence);
        (void)sqlite3_reset(statement);
    }
    if (st == ST_OK) {
        *ret = (uint32_t)sequence;
    }
    return st;
}

enum st links_find(struct store *store, uint8_t key_version, const uint8_t tag[ENTRY_TAG_BYTES],
                   struct entry *ret)
{
    uint32_t sequence = 0;
    struct entry entry;
    enum st st = find_sequence(store, key_version, tag, &sequence);
    if (st != ST_OK) {
        return st;
    }
    st = journal_find(store, sequence, &entry);
    if (st == ST_REFUSED ||
        (st == ST_OK && (entry.kind != ENTRY_LINK || entry.link.key_version != key_version ||
                         memcmp(entry.link.tag, tag, ENTRY_TAG_BYTES) != 0))) {
        return store_corrupt(store, "entry %u does not link the medium that it should", sequence);
    }
    if (st == ST_OK) {
        *ret = entry;
    }
    return st;
}

enum st links_check(struct store *store, const struct entry *entry, bool *ret_is_named)
{
    uint32_t sequence = 0;
    const enum st st = find_sequence(store, entry->link.key_version, entry->link.tag, &sequence);
    if (st == ST_REFUSED || (st == ST_OK && sequence < entry->sequence)) {
        return store_corrupt(store, "the link of entry %u is not noted", entry->sequence);
    }
    *ret_is_named = sequence == entry->sequence;
    return st;
}

enum st links_check_count(struct store *store, int64_t named)
{
    int64_t rows = 0;
    sqlite3_stmt *statement = sql_use(store, SQL_LINK_COUNT);
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = sql_number(store, statement, 0, 0, INT64_MAX, &rows);
    }
    (void)sqlite3_reset(statement);
    if (st == ST_OK && rows != named) {
        st = store_corrupt(store, "%lld media are noted, but entries link %lld", (long long)rows,
                           (long long)named);
    }
    return st;
}
