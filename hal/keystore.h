/* keystore.h - the port behind which the card masters live: they go in once and never come out.
 *
 * The rest of the code can only ask for what a card needs: its sector keys and its seals. Opaque:
 * memory is locked, kept out of core dumps, and wiped at close. One thread.
 * Derivation: NXP AN10922 (AES-128 diversification); inputs and vectors: docs/card-layout.md. */
#ifndef HAL_KEYSTORE_H
#define HAL_KEYSTORE_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

struct keystore;

enum key_letter { KEY_A = 0, KEY_B = 1 };

/* What a seal covers; each purpose has its own per-card key. */
enum seal_purpose {
    SEAL_SNAPSHOT = 1,
    SEAL_IDENTITY = 2,
    SEAL_POINTER = 3,
    SEAL_FACTS = 4,
};

enum { KEYSTORE_SEAL_BYTES = 16 };

/* Opens the store at `path`.
 * ST_OK       the caller owns *ret and closes it.
 * ST_IO       the file is missing or unreadable (fault: which, and how to make one).
 * ST_FOREIGN  not a key store, or damaged.
 * ST_DENIED   others than its owner may read it: fix its mode. */
ST_CHECK enum st keystore_open(const char *path, struct keystore **ret, struct fault *fault);
/* Accepts NULL. Wipes the keys. */
void keystore_close(struct keystore *keystore);

/* Makes a new store with random masters at `path`, mode 0600; refuses to overwrite.
 * ST_REFUSED  a file is there already. ST_IO  it cannot be written. */
ST_CHECK enum st keystore_create(const char *path, struct fault *fault);

enum { KEYSTORE_VERSIONS = 16 };

/* Key version that new cards get, 0..15. */
uint8_t keystore_version(const struct keystore *keystore);

/* The Crypto1 key of one sector of one card. `version` as on the card.
 * ST_UNSUPPORTED  this store has no master of that version. */
ST_CHECK enum st keystore_sector_key(const struct keystore *keystore, uint8_t version,
                                     const uint8_t *uid, size_t uid_bytes, uint8_t sector,
                                     enum key_letter letter, uint8_t ret_key[6]);

/* AES-CMAC (NIST SP 800-38B) of `data` under the card's key for this purpose, 16 bytes; the caller
 * keeps as many leading bytes as the layout says. */
ST_CHECK enum st keystore_seal(const struct keystore *keystore, uint8_t version,
                               enum seal_purpose purpose, const uint8_t *uid, size_t uid_bytes,
                               const uint8_t *data, size_t size,
                               uint8_t ret_seal[KEYSTORE_SEAL_BYTES]);

enum { KEYSTORE_CHECK_BYTES = 3 };

/* Key check values: the first 3 bytes of AES-CMAC over 16 zero bytes, of the sector master and of
 * the seal master. Two stores with the same values hold the same keys; the keys stay unknown.
 * ST_UNSUPPORTED  this store has no master of that version. */
ST_CHECK enum st keystore_check_values(const struct keystore *keystore, uint8_t version,
                                       uint8_t ret_sector[KEYSTORE_CHECK_BYTES],
                                       uint8_t ret_seal[KEYSTORE_CHECK_BYTES]);

#endif
