/* keystore_admin.h - how masters come into a key store: for vafa-keys and for tests only.
 *
 * Key check value (KCV): the first 3 bytes of AES-CMAC (NIST SP 800-38B) over 16 zero bytes.
 * One thread. The ceremony around it: docs/keys.md. */
#ifndef HAL_KEYSTORE_ADMIN_H
#define HAL_KEYSTORE_ADMIN_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "hal/keystore.h"

/* Numbers are in the file and on tokens: never change one. */
enum key_master {
    MASTER_SECTORS = 0, /* Crypto1 sector keys of MIFARE Classic */
    MASTER_SEALS = 1,   /* seals of MIFARE Classic */
    MASTER_ISSUE = 2,   /* DESFire keys, in the order of enum key_role */
    MASTER_SPEND = 3,
    MASTER_LOAD = 4,
    MASTER_MEDIA = 5, /* keyed hashes of media that identify */
};
enum { KEY_MASTERS = 6, KEY_MASTER_BYTES = 16, KEYSTORE_ENTRIES_MAX = KEY_MASTERS * 16 };

/* "classic-sectors", "desfire-spend" ...; in the ceremony's words and as labels on tokens. */
const char *keystore_master_name(enum key_master master);

struct keystore_entry {
    enum key_master master;
    uint8_t version; /* 0..15 */
    uint8_t key[KEY_MASTER_BYTES];
};

/* Puts `entries` (at least 1, each named once) into the store at `where`, which is made if it is
 * not there. New cards get the highest version that was ever added. All or nothing: a file is
 * replaced in one step. The caller wipes the entries.
 * ST_REFUSED  a master of that version is in it already.
 * Others      as keystore_open(). */
ST_CHECK enum st keystore_add(const char *where, const struct keystore_entry *entries, size_t count,
                              struct fault *fault);

/* Opens the store at `where` to look into it before adding: ST_OK with *ret NULL if there is none
 * yet. Else as keystore_open(). */
ST_CHECK enum st keystore_look(const char *where, struct keystore **ret, struct fault *fault);

/* Seals a file of format 1, with the same masters.
 * ST_REFUSED  it is sealed already, or is no file. Others as keystore_open(). */
ST_CHECK enum st keystore_migrate(const char *where, struct fault *fault);

/* The KCV of a key that is not in a store yet. */
void keystore_key_check(const uint8_t key[KEY_MASTER_BYTES], uint8_t ret[KEYSTORE_CHECK_BYTES]);

/* The KCV of a master in the store.
 * ST_UNSUPPORTED  the store does not hold it. */
ST_CHECK enum st keystore_check_value(const struct keystore *keystore, enum key_master master,
                                      uint8_t version, uint8_t ret[KEYSTORE_CHECK_BYTES]);

/* Whether `key` is that master, all 16 bytes of it: no check value is asked.
 * ST_DENIED       it is another key.
 * ST_UNSUPPORTED  the store does not hold that master. ST_IO  a token fell silent. */
ST_CHECK enum st keystore_compare(const struct keystore *keystore, enum key_master master,
                                  uint8_t version, const uint8_t key[KEY_MASTER_BYTES]);

/* What kind of store it is, as a sentence for a person. Valid until it is closed. */
const char *keystore_describe(const struct keystore *keystore);

#endif
