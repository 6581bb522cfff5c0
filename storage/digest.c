#include <string.h>

#include <mbedtls/sha256.h>

#include "storage/store_priv.h"

void row_digest(const uint8_t *row, size_t size, uint8_t ret_digest[ROW_DIGEST_BYTES])
{
    uint8_t hash[32];
    const int code = mbedtls_sha256_ret(row, size, hash, 0);
    assert(code == 0); /* only hardware can fail here, and we use none */
    memcpy(ret_digest, hash, ROW_DIGEST_BYTES);
}

enum st row_digest_check(struct store *store, sqlite3_stmt *statement, int column,
                         const uint8_t *row, size_t size, const char *what)
{
    const uint8_t *digest = NULL;
    size_t digest_bytes = 0;
    uint8_t expected[ROW_DIGEST_BYTES];
    const enum st st = sql_bytes(store, statement, column, ROW_DIGEST_BYTES, ROW_DIGEST_BYTES,
                                 &digest, &digest_bytes);
    if (st != ST_OK) {
        return st;
    }
    row_digest(row, size, expected);
    return memcmp(expected, digest, sizeof expected) == 0
               ? ST_OK
               : store_corrupt(store, "%s has changed by itself", what);
}
