#include "server/apikey.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "server/change.h"

enum { HASH_BYTES = 32, SECRET_LETTERS = 40, DAY_S = 86400 };

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

static const char *const apikey_role_words[] = {
    [APIKEY_NONE] = "none",
    [APIKEY_READER] = "reader",
    [APIKEY_CLERK] = "clerk",
    [APIKEY_MANAGER] = "manager",
};

enum apikey_role apikey_role_of_word(const char *word)
{
    for (int role = APIKEY_READER; role <= APIKEY_MANAGER; role++) {
        if (strcmp(word, apikey_role_words[role]) == 0) {
            return (enum apikey_role)role;
        }
    }
    return APIKEY_NONE;
}

const char *apikey_role_word(enum apikey_role role)
{
    return role >= APIKEY_READER && role <= APIKEY_MANAGER ? apikey_role_words[role]
                                                           : apikey_role_words[APIKEY_NONE];
}

static void hash_of(const char *text, uint8_t ret_hash[HASH_BYTES])
{
    int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), ret_hash);
    assert(rc == 0 && "SHA-256 of memory cannot fail");
}

enum st apikey_new(struct db *db, const char *name, enum apikey_role role, int64_t days,
                   int64_t now_s, char ret_text[APIKEY_TEXT_BYTES], struct fault *fault)
{
    assert(role >= APIKEY_READER && role <= APIKEY_MANAGER);
    uint8_t random[SECRET_LETTERS], hash[HASH_BYTES];
    char secret[SECRET_LETTERS + 1] = "";
    int64_t number = 0;
    if (!text_is_name(name, APIKEY_NAME_MAX) || days < 1 || days > APIKEY_DAYS_MAX) {
        fault_say(fault, "A key has a name of 1 to %d bytes of UTF-8, and 1 to %d days.",
                  APIKEY_NAME_MAX, APIKEY_DAYS_MAX);
        return ST_FOREIGN;
    }
    if (gnutls_rnd(GNUTLS_RND_KEY, random, sizeof random) != 0) {
        fault_say(fault, "No random numbers to make a key of.");
        return ST_IO;
    }
    for (size_t i = 0; i < SECRET_LETTERS; i++) {
        secret[i] = letters[random[i] % 32];
    }
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = change_next_number(db, "SELECT max(number) FROM api_key", &number);
    if (st == ST_OK) {
        (void)snprintf(ret_text, APIKEY_TEXT_BYTES, "vafa_%lld_%s", (long long)number, secret);
        hash_of(ret_text, hash);
        DB_ONCE(st, db,
                "INSERT INTO api_key (number, name, role, hash, made_at, expires_at, revoked_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, 0)",
                "itibii", number, name, (int64_t)role, hash, sizeof hash, now_s,
                now_s + days * DAY_S);
    }
    bytes_wipe(secret, sizeof secret);
    return change_end(db, st, fault);
}

static void key_read(struct db_stmt *stmt, struct apikey *ret)
{
    *ret = (struct apikey){.number = db_i64(stmt, 0),
                           .role = (enum apikey_role)db_i64(stmt, 2),
                           .made_at = db_i64(stmt, 3),
                           .expires_at = db_i64(stmt, 4),
                           .revoked_at = db_i64(stmt, 5)};
    (void)snprintf(ret->name, sizeof ret->name, "%s", db_text(stmt, 1));
}

enum st apikey_next(struct db *db, int64_t after, struct apikey *ret, bool *ret_found)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "SELECT number, name, role, made_at, expires_at, revoked_at"
                            " FROM api_key WHERE number > $1 ORDER BY number LIMIT 1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_found, after);
    }
    if (st == ST_OK && *ret_found) {
        key_read(stmt, ret);
    }
    db_finish(stmt);
    return st;
}

enum st apikey_revoke(struct db *db, int64_t number, int64_t now_s, struct fault *fault)
{
    struct apikey key;
    bool found = false;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = apikey_next(db, number - 1, &key, &found);
    if (st == ST_OK && (!found || key.number != number)) {
        fault_say(fault, "There is no key %lld.", (long long)number);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE api_key SET revoked_at = $2 WHERE number = $1 AND revoked_at = 0",
                "ii", number, now_s);
    }
    return change_end(db, st, fault);
}

/* The number in "vafa_12_..."; 0: it does not look like a key. */
static int64_t number_in(const char *text)
{
    char *end = NULL;
    if (strncmp(text, "vafa_", 5) != 0 || strlen(text) >= APIKEY_TEXT_BYTES || text[5] < '1' ||
        text[5] > '9') {
        return 0;
    }
    const long long number = strtoll(text + 5, &end, 10);
    return *end == '_' ? number : 0;
}

enum st apikey_find(struct db *db, const char *text, int64_t now_s, struct apikey *ret,
                    enum apikey_standing *ret_standing)
{
    struct db_stmt *stmt = NULL;
    uint8_t hash[HASH_BYTES];
    bool row = false;
    *ret_standing = APIKEY_WRONG;
    const int64_t number = number_in(text);
    if (number == 0) {
        return ST_OK;
    }
    hash_of(text, hash);
    enum st st = db_prepare(db,
                            "SELECT number, name, role, made_at, expires_at, revoked_at, hash"
                            " FROM api_key WHERE number = $1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, number);
    }
    if (st == ST_OK && row) {
        size_t size = 0;
        const void *held = db_bytes(stmt, 6, &size);
        if (size == sizeof hash && bytes_equal_secret(held, hash, sizeof hash)) {
            key_read(stmt, ret);
            *ret_standing = ret->revoked_at != 0       ? APIKEY_REVOKED
                            : ret->expires_at <= now_s ? APIKEY_EXPIRED
                                                       : APIKEY_GOOD;
        }
    }
    db_finish(stmt);
    return st;
}
