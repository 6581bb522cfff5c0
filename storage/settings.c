#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/sha256.h>

#include "firmware/engine/programme.h"
#include "hal/base/bytes.h"
#include "storage/store_priv.h"

/* Settings and programme are not in the chain, so each row carries a digest over its name and its
 * value: a flipped bit in a terminal number or a rate must not go unnoticed. */

enum { DIGEST_BYTES = 32, NAME_MAX_BYTES = 64, PROGRAMME_VERSION_MAX = 2147483647 };

/* SHA-256(head || 0x00 || text). */
static void digest_of(const void *head, size_t head_bytes, const char *text, size_t text_bytes,
                      uint8_t ret_digest[DIGEST_BYTES])
{
    static const uint8_t between[1] = {0};
    mbedtls_sha256_context context;
    mbedtls_sha256_init(&context);
    int code = mbedtls_sha256_starts_ret(&context, 0);
    code |= mbedtls_sha256_update_ret(&context, head, head_bytes);
    code |= mbedtls_sha256_update_ret(&context, between, sizeof between);
    code |= mbedtls_sha256_update_ret(&context, (const uint8_t *)text, text_bytes);
    code |= mbedtls_sha256_finish_ret(&context, ret_digest);
    mbedtls_sha256_free(&context);
    assert(code == 0); /* only hardware can fail here, and we use none */
}

/* Columns name (or version), text, digest. The text stays SQLite's and is valid until the next
 * step. */
static enum st text_read(struct store *store, sqlite3_stmt *statement, const void *head,
                         size_t head_bytes, size_t max, const char **ret_text, size_t *ret_bytes)
{
    const uint8_t *text = NULL, *digest = NULL;
    size_t size = 0, digest_size = 0;
    enum st st = sql_bytes(store, statement, 1, 0, max, &text, &size);
    if (st == ST_OK) {
        st = sql_bytes(store, statement, 2, DIGEST_BYTES, DIGEST_BYTES, &digest, &digest_size);
    }
    if (st != ST_OK) {
        return st;
    }
    uint8_t expected[DIGEST_BYTES];
    const char *found = size > 0 ? (const char *)text : "";
    digest_of(head, head_bytes, found, size, expected);
    if (memcmp(expected, digest, DIGEST_BYTES) != 0 || memchr(found, 0, size) != NULL) {
        return store_corrupt(store, "a setting or the programme has changed by itself");
    }
    *ret_text = found;
    *ret_bytes = size;
    return ST_OK;
}

/* --- settings -------------------------------------------------------------------------------- */

enum st setting_get(struct store *store, const char *name, char *ret_value, size_t max)
{
    sqlite3_stmt *statement = sql_use(store, SQL_SETTING);
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    enum st st = sql_row(store, statement);
    if (st != ST_OK) {
        return st;
    }
    const char *value = NULL;
    size_t size = 0;
    st = text_read(store, statement, name, strlen(name), SETTING_VALUE_MAX, &value, &size);
    if (st == ST_OK && size >= max) {
        fault_say(&store->fault, "The setting %s is longer than its reader expects.", name);
        st = ST_FULL;
    }
    if (st == ST_OK) {
        memcpy(ret_value, value, size);
        ret_value[size] = 0;
    }
    (void)sqlite3_reset(statement);
    return st;
}

static enum st setting_put_locked(struct store *store, const char *name, const char *value)
{
    uint8_t digest[DIGEST_BYTES];
    const enum st st = room_claim(store, ROOM_ENTRY_FRAMES);
    if (st != ST_OK) {
        return st;
    }
    digest_of(name, strlen(name), value, strlen(value), digest);
    sqlite3_stmt *statement = sql_use(store, SQL_SETTING_PUT);
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 3, digest, DIGEST_BYTES, SQLITE_STATIC);
    return sql_run(store, statement, "write a setting");
}

enum st setting_put(struct store *store, const char *name, const char *value)
{
    assert(strlen(name) > 0 && strlen(name) <= NAME_MAX_BYTES);
    if (strlen(value) >= SETTING_VALUE_MAX) {
        fault_say(&store->fault, "Shorten the setting %s: at most %d bytes fit.", name,
                  SETTING_VALUE_MAX - 1);
        return ST_FULL;
    }
    const enum st st = sql_begin(store);
    return st != ST_OK ? st : sql_end(store, setting_put_locked(store, name, value));
}

/* --- programme ------------------------------------------------------------------------------- */

/* The row in force; the text stays SQLite's until the statement is reset. ST_REFUSED: none. */
static enum st programme_read(struct store *store, uint32_t *ret_version, const char **ret_text,
                              size_t *ret_bytes)
{
    sqlite3_stmt *statement = sql_use(store, SQL_PROGRAMME);
    int64_t version = 0;
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = sql_number(store, statement, 0, 1, PROGRAMME_VERSION_MAX, &version);
    }
    if (st == ST_OK) {
        uint8_t head[4];
        put_le32(head, (uint32_t)version);
        st = text_read(store, statement, head, sizeof head, PROGRAMME_STORED_MAX, ret_text,
                       ret_bytes);
    }
    if (st == ST_OK) {
        *ret_version = (uint32_t)version;
    }
    return st;
}

enum st programme_get(struct store *store, uint32_t *ret_version, char **ret_text)
{
    uint32_t version = 0;
    const char *text = NULL;
    size_t size = 0;
    enum st st = programme_read(store, &version, &text, &size);
    if (st == ST_OK) {
        char *copy = malloc(size + 1);
        if (copy == NULL) {
            st = sql_status(store, SQLITE_NOMEM, "read the programme");
        } else {
            memcpy(copy, text, size);
            copy[size] = 0;
            *ret_version = version;
            *ret_text = copy;
        }
    }
    (void)sqlite3_reset(store->statements[SQL_PROGRAMME]);
    return st;
}

static enum st programme_put_locked(struct store *store, uint32_t version, const char *text)
{
    uint32_t present = 0;
    const char *old = NULL;
    size_t old_bytes = 0;
    enum st st = programme_read(store, &present, &old, &old_bytes);
    (void)sqlite3_reset(store->statements[SQL_PROGRAMME]);
    if (st == ST_OK && version <= present) {
        fault_say(&store->fault, "Programme %u is not newer than %u, which stays in force.",
                  version, present);
        return ST_REFUSED;
    }
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    /* Pages of the text, new and given back, beside what any row may touch. */
    const size_t frames = (strlen(text) + old_bytes) / 2048 + ROOM_ENTRY_FRAMES;
    st = room_claim(store, (uint32_t)frames);
    if (st != ST_OK) {
        return st;
    }
    uint8_t head[4], digest[DIGEST_BYTES];
    put_le32(head, version);
    digest_of(head, sizeof head, text, strlen(text), digest);
    sqlite3_stmt *statement = sql_use(store, SQL_PROGRAMME_PUT);
    (void)sqlite3_bind_int64(statement, 1, version);
    (void)sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 3, digest, DIGEST_BYTES, SQLITE_STATIC);
    return sql_run(store, statement, "write the programme");
}

enum st programme_put(struct store *store, uint32_t version, const char *text)
{
    assert(version >= 1 && version <= PROGRAMME_VERSION_MAX);
    if (strlen(text) > PROGRAMME_STORED_MAX) {
        fault_say(&store->fault, "Shorten the programme: at most %d bytes fit.",
                  PROGRAMME_STORED_MAX);
        return ST_FULL;
    }
    const enum st st = sql_begin(store);
    return st != ST_OK ? st : sql_end(store, programme_put_locked(store, version, text));
}

/* --- what the club has ----------------------------------------------------------------------- */

enum st sync_acknowledged(struct store *store, uint32_t *ret_sequence)
{
    int64_t sequence = 0;
    const enum st st = sql_one(store, sql_use(store, SQL_ACKNOWLEDGED), 0, SEQUENCE_MAX, &sequence);
    if (st == ST_OK || st == ST_REFUSED) {
        *ret_sequence = (uint32_t)sequence; /* 0: never told, the club has nothing */
        return ST_OK;
    }
    return st;
}

static enum st acknowledge_locked(struct store *store, uint32_t sequence, struct tip *ret_tip)
{
    uint32_t present = 0;
    enum st st = journal_tip(store, ret_tip);
    if (st == ST_OK) {
        st = sync_acknowledged(store, &present);
    }
    if (st != ST_OK || present == sequence) {
        return st; /* the same again costs no write */
    }
    st = room_claim(store, ROOM_ENTRY_FRAMES);
    if (st != ST_OK) {
        return st;
    }
    sqlite3_stmt *statement = sql_use(store, SQL_ACKNOWLEDGE);
    (void)sqlite3_bind_int64(statement, 1, sequence);
    return sql_run(store, statement, "note what the club has");
}

enum st sync_set_acknowledged(struct store *store, uint32_t sequence)
{
    assert(sequence <= SEQUENCE_MAX);
    struct tip tip = {0};
    enum st st = sql_begin(store);
    if (st == ST_OK) {
        st = sql_end(store, acknowledge_locked(store, sequence, &tip));
    }
    /* Noted all the same, so that the terminal's next store_ready() stops selling. */
    return st != ST_OK ? st : journal_not_restored(store, &tip);
}

/* --- all of it ------------------------------------------------------------------------------- */

static enum st check_row(struct store *store, sqlite3_stmt *statement)
{
    const uint8_t *name = NULL;
    const char *text = NULL;
    size_t name_bytes = 0, size = 0;
    const enum st st = sql_bytes(store, statement, 0, 1, NAME_MAX_BYTES, &name, &name_bytes);
    return st == ST_OK
               ? text_read(store, statement, name, name_bytes, SETTING_VALUE_MAX, &text, &size)
               : st;
}

enum st settings_verify(struct store *store)
{
    const char *text = NULL;
    size_t size = 0;
    uint32_t version = 0;
    enum st st = sql_each(store, SQL_SETTING_ALL, check_row);
    if (st == ST_OK) {
        st = programme_read(store, &version, &text, &size);
        (void)sqlite3_reset(store->statements[SQL_PROGRAMME]);
    }
    return st == ST_REFUSED ? ST_OK : st;
}
