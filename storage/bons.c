#include "storage/bons.h"

#include "hal/base/bytes.h"
#include "storage/store_priv.h"

/* Like links: the table names the last entry about a bon, and whether that redeemed it or gave it
 * back stands in the entry. */

enum { KEY_BITS = 31 };

static int64_t key_of(uint32_t series, uint32_t serial)
{
    assert(series <= BON_NUMBER_MAX && serial <= BON_NUMBER_MAX);
    return (int64_t)series << KEY_BITS | serial;
}

static sqlite3_stmt *use_with_key(struct store *store, enum statement which, int64_t key)
{
    sqlite3_stmt *statement = sql_use(store, which);
    (void)sqlite3_bind_int64(statement, 1, key);
    return statement;
}

enum st bons_note(struct store *store, const struct entry *entry)
{
    if (entry->kind != ENTRY_BON) {
        return ST_OK;
    }
    sqlite3_stmt *statement =
        use_with_key(store, SQL_BON_PUT, key_of(entry->bon.bon.series, entry->bon.bon.serial));
    (void)sqlite3_bind_int64(statement, 2, entry->sequence);
    return sql_run(store, statement, "note the voucher");
}

/* The number of the last entry about the bon. ST_REFUSED: there is none. */
static enum st find_sequence(struct store *store, int64_t key, uint32_t *ret)
{
    int64_t sequence = 0;
    const enum st st =
        sql_one(store, use_with_key(store, SQL_BON, key), 1, SEQUENCE_MAX, &sequence);
    if (st == ST_OK) {
        *ret = (uint32_t)sequence;
    }
    return st;
}

/* By the journal. ST_REFUSED: this terminal never had it. */
static enum st find_own(struct store *store, int64_t key, struct entry *ret)
{
    uint32_t sequence = 0;
    enum st st = find_sequence(store, key, &sequence);
    if (st != ST_OK) {
        return st;
    }
    st = journal_find(store, sequence, ret);
    if (st == ST_REFUSED ||
        (st == ST_OK &&
         (ret->kind != ENTRY_BON || key_of(ret->bon.bon.series, ret->bon.bon.serial) != key))) {
        return store_corrupt(store, "entry %u is not about the voucher that it should be",
                             sequence);
    }
    return st;
}

/* --- the club's word: outside the chain, so each row has a digest ----------------------------- */

struct club_row {
    uint32_t terminal, sequence;
};

/* What the digest guards. */
enum { CLUB_ROW_BYTES = 16 };
static void club_row_bytes(int64_t key, const struct club_row *row, uint8_t ret[CLUB_ROW_BYTES])
{
    put_le64(ret, (uint64_t)key);
    put_le32(ret + 8, row->terminal);
    put_le32(ret + 12, row->sequence);
}

/* The row that the statement stands on: bon, terminal, seq, digest. */
static enum st read_club_row(struct store *store, sqlite3_stmt *statement, struct club_row *ret)
{
    int64_t key = 0, terminal = 0, sequence = 0;
    uint8_t bytes[CLUB_ROW_BYTES];
    enum st st = sql_number(store, statement, 0, 0, INT64_MAX, &key);
    if (st == ST_OK) {
        st = sql_number(store, statement, 1, 1, SNAPSHOT_TERMINAL_MAX, &terminal);
    }
    if (st == ST_OK) {
        st = sql_number(store, statement, 2, 1, SEQUENCE_MAX, &sequence);
    }
    if (st != ST_OK) {
        return st;
    }
    *ret = (struct club_row){.terminal = (uint32_t)terminal, .sequence = (uint32_t)sequence};
    club_row_bytes(key, ret, bytes);
    return row_digest_check(store, statement, 3, bytes, sizeof bytes, "a voucher from the club");
}

static enum st find_club(struct store *store, int64_t key, struct club_row *ret)
{
    sqlite3_stmt *statement = use_with_key(store, SQL_CLUB_BON, key);
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = read_club_row(store, statement, ret);
        (void)sqlite3_reset(statement);
    }
    return st;
}

enum st bons_find(struct store *store, uint32_t series, uint32_t serial, enum bon_place *ret_place,
                  struct entry *ret_use)
{
    const int64_t key = key_of(series, serial);
    struct entry own = {0};
    struct club_row club;
    const enum st own_st = find_own(store, key, &own);
    if (own_st != ST_OK && own_st != ST_REFUSED) {
        return own_st;
    }
    if (own_st == ST_OK && !own.bon.is_back) {
        *ret_place = BON_HERE;
        *ret_use = own;
        return ST_OK;
    }
    const enum st club_st = find_club(store, key, &club);
    if (club_st != ST_OK && club_st != ST_REFUSED) {
        return club_st;
    }
    /* The club may not know yet that this terminal gave it back. */
    const bool is_old_news =
        own_st == ST_OK && club.terminal == own.terminal && club.sequence < own.sequence;
    *ret_place = club_st == ST_OK && !is_old_news ? BON_ELSEWHERE : BON_FREE;
    return ST_OK;
}

static enum st take_one(struct store *store, const struct club_bon *bon)
{
    const int64_t key = key_of(bon->series, bon->serial);
    const struct club_row row = {.terminal = bon->terminal, .sequence = bon->sequence};
    if (!bon->is_used) {
        return sql_run(store, use_with_key(store, SQL_CLUB_BON_DROP, key),
                       "take back a voucher from the club");
    }
    uint8_t bytes[CLUB_ROW_BYTES], digest[ROW_DIGEST_BYTES];
    club_row_bytes(key, &row, bytes);
    row_digest(bytes, sizeof bytes, digest);
    sqlite3_stmt *statement = use_with_key(store, SQL_CLUB_BON_PUT, key);
    (void)sqlite3_bind_int64(statement, 2, row.terminal);
    (void)sqlite3_bind_int64(statement, 3, row.sequence);
    (void)sqlite3_bind_blob(statement, 4, digest, sizeof digest, SQLITE_TRANSIENT);
    return sql_run(store, statement, "note a voucher from the club");
}

static enum st take_locked(struct store *store, const struct club_bon *bons, size_t count)
{
    enum st st = room_claim_rows(store, count);
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        st = take_one(store, &bons[i]);
    }
    return st;
}

enum st bons_take(struct store *store, const struct club_bon *bons, size_t count)
{
    assert(count <= CLUB_BONS_MAX);
    const enum st st = sql_begin(store);
    return st != ST_OK ? st : sql_end(store, take_locked(store, bons, count));
}

/* --- verifying -------------------------------------------------------------------------------- */

enum st bons_check(struct store *store, const struct entry *entry, bool *ret_is_named)
{
    uint32_t sequence = 0;
    const enum st st =
        find_sequence(store, key_of(entry->bon.bon.series, entry->bon.bon.serial), &sequence);
    if (st == ST_REFUSED || (st == ST_OK && sequence < entry->sequence)) {
        return store_corrupt(store, "the voucher of entry %u is not noted", entry->sequence);
    }
    *ret_is_named = sequence == entry->sequence;
    return st;
}

static enum st check_club_row(struct store *store, sqlite3_stmt *statement)
{
    struct club_row row;
    return read_club_row(store, statement, &row);
}

enum st bons_check_rows(struct store *store, int64_t named)
{
    int64_t rows = 0;
    const enum st st = sql_one(store, sql_use(store, SQL_BON_COUNT), 0, INT64_MAX, &rows);
    if (st == ST_OK && rows != named) {
        return store_corrupt(store, "%lld vouchers are noted, but entries name %lld",
                             (long long)rows, (long long)named);
    }
    return st == ST_OK ? sql_each(store, SQL_CLUB_BON_ALL, check_club_row) : st;
}
