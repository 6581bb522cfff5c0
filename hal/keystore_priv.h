/* keystore_priv.h - the seam between the key store's port and what holds its masters.
 *
 * Only hal/keystore*.c include this. */
#ifndef HAL_KEYSTORE_PRIV_H
#define HAL_KEYSTORE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/keystore.h"
#include "hal/keystore_admin.h"

/* All that is ever asked of a master. AN10922 over an input of 16 bytes and more is AES-CMAC, and
 * so is the check value: so one operation does, which tokens know as CKM_AES_CMAC. */
struct keystore_ops {
    /* AES-CMAC of `data` under a master that has[][] says is there. ST_IO: a token fell silent. */
    enum st (*cmac)(void *ctx, enum key_master master, uint8_t version, const uint8_t *data,
                    size_t size, uint8_t ret_mac[16]);
    /* Frees `ctx`. */
    void (*close)(void *ctx);
};

enum desfire_state { DESFIRE_NONE, DESFIRE_BEGUN, DESFIRE_OPEN };

/* A handshake, then a session, with one card. */
struct desfire_session {
    enum desfire_state state;
    enum key_role role;
    uint8_t uid[10];
    struct desfire_application application; /* its UID is the one above */
    uint8_t key[16];                        /* the card's key, until the handshake ends */
    uint8_t rnd_a[16], rnd_b[16];
    uint8_t iv[16]; /* the handshake's last cipher block */
    uint8_t session_key[16];
};

/* In locked memory. */
struct keystore {
    const struct keystore_ops *ops;
    void *ctx;
    uint8_t current; /* version for new cards */
    bool has[KEY_MASTERS][KEYSTORE_VERSIONS];
    uint8_t check[KEY_MASTERS][KEYSTORE_VERSIONS][KEYSTORE_CHECK_BYTES];
    char description[160];
    struct desfire_session desfire;
};

/* AN10922 over `input`, 16 to 31 bytes. ST_UNSUPPORTED: there is no such master. */
ST_CHECK enum st keystore_diversify(const struct keystore *keystore, enum key_master master,
                                    uint8_t version, const uint8_t *input, size_t size,
                                    uint8_t ret_key[16]);

/* The two kinds of store. `open` fills in ops, ctx, current, has and description; when it fails it
 * leaves nothing behind. `add` as keystore_add(); with `must_be_new` a store that is there already
 * is ST_REFUSED. `is_there`: something to open, good or bad. */
ST_CHECK enum st keystore_file_open(const char *where, struct keystore *keystore,
                                    struct fault *fault);
ST_CHECK enum st keystore_file_add(const char *where, const struct keystore_entry *entries,
                                   size_t count, bool must_be_new, struct fault *fault);

bool keystore_file_is_there(const char *where);
ST_CHECK enum st keystore_file_migrate(const char *where, struct fault *fault);

/* True if `where` names a token, not a file. */
bool keystore_is_token(const char *where);
ST_CHECK enum st keystore_token_open(const char *where, struct keystore *keystore,
                                     struct fault *fault);
ST_CHECK enum st keystore_token_add(const char *where, const struct keystore_entry *entries,
                                    size_t count, bool must_be_new, struct fault *fault);
bool keystore_token_is_there(const char *where);

#endif
