#include <string.h>

#include "hal/base/bytes.h"
#include "storage/store_priv.h"

/* Like cards: the table names the entry that links a medium (a link, or a member's), and the card
 * stands in that entry only. A medium's key is the version of the media master and the keyed hash,
 * so that the file never holds a national code or phone number, nor a hash that could be tried
 * without the key. */

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

/* The media that an entry finds its card by: of a link one, of a member up to two. */
struct finds {
    uint8_t key_version;
    const uint8_t *tags[2];
    size_t count;
    uint64_t number;
};

static struct finds finds_of(const struct entry *entry)
{
    struct finds finds = {.count = 0};
    if (entry->kind == ENTRY_LINK) {
        finds = (struct finds){.key_version = entry->link.key_version,
                               .tags = {entry->link.tag},
                               .count = 1,
                               .number = entry->link.card_number};
    } else if (entry->kind == ENTRY_MEMBER) {
        finds.key_version = entry->member.key_version;
        finds.number = entry->member.account;
        if (entry->member.has_national_code) {
            finds.tags[finds.count++] = entry->member.national_code;
        }
        if (entry->member.has_phone) {
            finds.tags[finds.count++] = entry->member.phone;
        }
    }
    return finds;
}

enum st links_note(struct store *store, const struct entry *entry)
{
    const struct finds finds = finds_of(entry);
    enum st st = ST_OK;
    for (size_t i = 0; i < finds.count && st == ST_OK; i++) {
        sqlite3_stmt *statement =
            use_with_medium(store, SQL_LINK_PUT, finds.key_version, finds.tags[i]);
        (void)sqlite3_bind_int64(statement, 2, entry->sequence);
        st = sql_run(store, statement, "note the link");
    }
    return st;
}

/* The number of the entry that links the medium. */
static enum st find_sequence(struct store *store, uint8_t key_version,
                             const uint8_t tag[ENTRY_TAG_BYTES], uint32_t *ret)
{
    int64_t sequence = 0;
    const enum st st = sql_one(store, use_with_medium(store, SQL_LINK, key_version, tag), 1,
                               SEQUENCE_MAX, &sequence);
    if (st == ST_OK) {
        *ret = (uint32_t)sequence;
    }
    return st;
}

/* The entry that links the medium, by the journal. */
static enum st find_entry(struct store *store, uint8_t key_version,
                          const uint8_t tag[ENTRY_TAG_BYTES], struct entry *ret)
{
    uint32_t sequence = 0;
    enum st st = find_sequence(store, key_version, tag, &sequence);
    if (st != ST_OK) {
        return st;
    }
    st = journal_find(store, sequence, ret);
    if (st != ST_OK) {
        return st == ST_REFUSED ? store_corrupt(store, "entry %u is named and not there", sequence)
                                : st;
    }
    const struct finds finds = finds_of(ret);
    for (size_t i = 0; i < finds.count; i++) {
        if (finds.key_version == key_version && memcmp(finds.tags[i], tag, ENTRY_TAG_BYTES) == 0) {
            return ST_OK;
        }
    }
    return store_corrupt(store, "entry %u does not link the medium that it should", sequence);
}

static enum st find_own(struct store *store, uint8_t key_version,
                        const uint8_t tag[ENTRY_TAG_BYTES], uint64_t *ret_card)
{
    struct entry entry;
    const enum st st = find_entry(store, key_version, tag, &entry);
    if (st == ST_OK) {
        *ret_card = finds_of(&entry).number;
    }
    return st;
}

enum st links_find_member(struct store *store, uint8_t key_version,
                          const uint8_t tag[ENTRY_TAG_BYTES], struct entry_member *ret)
{
    struct entry entry;
    const enum st st = find_entry(store, key_version, tag, &entry);
    if (st == ST_OK && entry.kind == ENTRY_MEMBER) {
        *ret = entry.member;
    }
    return st == ST_OK && entry.kind != ENTRY_MEMBER ? ST_REFUSED : st;
}

/* --- the club's word: outside the chain, so each row has a digest ----------------------------- */

/* What the digest guards. */
enum { CLUB_ROW_BYTES = MEDIUM_BYTES + 8 };
static void club_row_bytes(const uint8_t medium[MEDIUM_BYTES], uint64_t card,
                           uint8_t ret[CLUB_ROW_BYTES])
{
    memcpy(ret, medium, MEDIUM_BYTES);
    put_le64(ret + MEDIUM_BYTES, card);
}

/* The card of the row that the statement stands on: medium, card number, digest. */
static enum st club_row(struct store *store, sqlite3_stmt *statement, uint64_t *ret_card)
{
    const uint8_t *medium = NULL;
    size_t size = 0;
    int64_t card = 0;
    uint8_t bytes[CLUB_ROW_BYTES];
    enum st st = sql_bytes(store, statement, 0, MEDIUM_BYTES, MEDIUM_BYTES, &medium, &size);
    if (st == ST_OK) {
        st = sql_number(store, statement, 1, 0, INT64_MAX, &card);
    }
    if (st == ST_OK) {
        club_row_bytes(medium, (uint64_t)card, bytes);
        st = row_digest_check(store, statement, 2, bytes, sizeof bytes, "a link from the club");
    }
    if (st == ST_OK) {
        *ret_card = (uint64_t)card;
    }
    return st;
}

enum st links_find(struct store *store, uint8_t key_version, const uint8_t tag[ENTRY_TAG_BYTES],
                   uint64_t *ret_card)
{
    sqlite3_stmt *statement = use_with_medium(store, SQL_CLUB_LINK, key_version, tag);
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = club_row(store, statement, ret_card);
        (void)sqlite3_reset(statement);
        return st;
    }
    return st == ST_REFUSED ? find_own(store, key_version, tag, ret_card) : st;
}

static enum st take_locked(struct store *store, const struct club_link *links, size_t count)
{
    enum st st = room_claim_rows(store, count);
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        uint8_t medium[MEDIUM_BYTES] = {links[i].key_version};
        uint8_t bytes[CLUB_ROW_BYTES], digest[ROW_DIGEST_BYTES];
        assert(links[i].card_number <= INT64_MAX);
        memcpy(medium + 1, links[i].tag, ENTRY_TAG_BYTES);
        club_row_bytes(medium, links[i].card_number, bytes);
        row_digest(bytes, sizeof bytes, digest);
        sqlite3_stmt *statement =
            use_with_medium(store, SQL_CLUB_LINK_PUT, links[i].key_version, links[i].tag);
        (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)links[i].card_number);
        (void)sqlite3_bind_blob(statement, 3, digest, sizeof digest, SQLITE_TRANSIENT);
        st = sql_run(store, statement, "note a link from the club");
    }
    return st;
}

enum st links_take(struct store *store, const struct club_link *links, size_t count)
{
    assert(count <= CLUB_LINKS_MAX);
    const enum st st = sql_begin(store);
    return st != ST_OK ? st : sql_end(store, take_locked(store, links, count));
}

/* --- verifying -------------------------------------------------------------------------------- */

enum st links_check(struct store *store, const struct entry *entry, int64_t *ret_named)
{
    const struct finds finds = finds_of(entry);
    *ret_named = 0;
    for (size_t i = 0; i < finds.count; i++) {
        uint32_t sequence = 0;
        const enum st st = find_sequence(store, finds.key_version, finds.tags[i], &sequence);
        if (st == ST_REFUSED || (st == ST_OK && sequence < entry->sequence)) {
            return store_corrupt(store, "the link of entry %u is not noted", entry->sequence);
        }
        if (st != ST_OK) {
            return st;
        }
        *ret_named += sequence == entry->sequence;
    }
    return ST_OK;
}

static enum st check_club_row(struct store *store, sqlite3_stmt *statement)
{
    uint64_t card = 0;
    return club_row(store, statement, &card);
}

enum st links_check_rows(struct store *store, int64_t named)
{
    int64_t rows = 0;
    const enum st st = sql_one(store, sql_use(store, SQL_LINK_COUNT), 0, INT64_MAX, &rows);
    if (st == ST_OK && rows != named) {
        return store_corrupt(store, "%lld media are noted, but entries link %lld", (long long)rows,
                             (long long)named);
    }
    return st == ST_OK ? sql_each(store, SQL_CLUB_LINK_ALL, check_club_row) : st;
}
