#include "hal/keystore.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "hal/aes_mac.h"
#include "hal/base/bytes.h"
#include "hal/keystore_memory.h"
#include "hal/keystore_priv.h"
#include "hal/keystore_random.h"

static const uint8_t zeros[16];

const char *keystore_master_name(enum key_master master)
{
    switch (master) {
    case MASTER_SECTORS:
        return "classic-sectors";
    case MASTER_SEALS:
        return "classic-seals";
    case MASTER_ISSUE:
        return "desfire-issue";
    case MASTER_SPEND:
        return "desfire-spend";
    case MASTER_LOAD:
        return "desfire-load";
    case MASTER_MEDIA:
        return "media";
    }
    return "unknown";
}

/* The check values are taken once: drivers ask for them at every tap, and a token is slow. */
static enum st find_check_values(struct keystore *keystore)
{
    uint8_t mac[16];
    enum st st = ST_OK;

    for (unsigned master = 0; master < KEY_MASTERS; master += 1) {
        for (uint8_t version = 0; version < KEYSTORE_VERSIONS && st == ST_OK; version += 1) {
            if (keystore->has[master][version]) {
                st = keystore->ops->cmac(keystore->ctx, (enum key_master)master, version, zeros,
                                         sizeof zeros, mac);
                memcpy(keystore->check[master][version], mac, KEYSTORE_CHECK_BYTES);
            }
        }
    }
    bytes_wipe(mac, sizeof mac);
    return st;
}

enum st keystore_open(const char *where, struct keystore **ret, struct fault *fault)
{
    void *memory = NULL;
    enum st st = keystore_memory_allocate(sizeof(struct keystore), &memory, fault);
    if (st != ST_OK) {
        return st;
    }
    struct keystore *keystore = memory;
    st = keystore_is_token(where) ? keystore_token_open(where, keystore, fault)
                                  : keystore_file_open(where, keystore, fault);
    if (st == ST_OK) {
        st = find_check_values(keystore);
        if (st != ST_OK) {
            fault_say(fault, "The key store %s opened, but its keys cannot be used.", where);
        }
    }
    if (st != ST_OK) {
        keystore_close(keystore);
        return st;
    }
    *ret = keystore;
    return ST_OK;
}

void keystore_close(struct keystore *keystore)
{
    if (keystore != NULL) {
        if (keystore->ops != NULL) {
            keystore->ops->close(keystore->ctx);
        }
        keystore_memory_free(keystore, sizeof *keystore);
    }
}

static enum st add(const char *where, const struct keystore_entry *entries, size_t count,
                   bool must_be_new, struct fault *fault)
{
    assert(count >= 1 && count <= KEYSTORE_ENTRIES_MAX);
    for (size_t i = 0; i < count; i += 1) {
        assert((unsigned)entries[i].master < KEY_MASTERS && entries[i].version < KEYSTORE_VERSIONS);
    }
    return keystore_is_token(where) ? keystore_token_add(where, entries, count, must_be_new, fault)
                                    : keystore_file_add(where, entries, count, must_be_new, fault);
}

enum st keystore_add(const char *where, const struct keystore_entry *entries, size_t count,
                     struct fault *fault)
{
    return add(where, entries, count, false, fault);
}

enum st keystore_look(const char *where, struct keystore **ret, struct fault *fault)
{
    const bool is_there =
        keystore_is_token(where) ? keystore_token_is_there(where) : keystore_file_is_there(where);
    if (!is_there) {
        *ret = NULL;
        return ST_OK;
    }
    return keystore_open(where, ret, fault);
}

enum st keystore_migrate(const char *where, struct fault *fault)
{
    if (keystore_is_token(where)) {
        fault_say(fault, "A token is never in format 1: nothing to do.");
        return ST_REFUSED;
    }
    return keystore_file_migrate(where, fault);
}

enum st keystore_create(const char *where, struct fault *fault)
{
    struct keystore_entry entries[KEY_MASTERS];
    enum st st = ST_OK;

    for (unsigned i = 0; i < KEY_MASTERS; i += 1) {
        entries[i] = (struct keystore_entry){.master = (enum key_master)i};
        if (!keystore_random(entries[i].key, sizeof entries[i].key)) {
            fault_say(fault, "The system gives no random numbers: try again later.");
            st = ST_IO;
        }
    }
    if (st == ST_OK) {
        st = add(where, entries, KEY_MASTERS, true, fault);
    }
    bytes_wipe(entries, sizeof entries);
    return st;
}

uint8_t keystore_version(const struct keystore *keystore)
{
    return keystore->current;
}

const char *keystore_describe(const struct keystore *keystore)
{
    return keystore->description;
}

enum st keystore_diversify(const struct keystore *keystore, enum key_master master, uint8_t version,
                           const uint8_t *input, size_t size, uint8_t ret_key[16])
{
    /* The constant 01 says "AES-128 key" (AN10922, 2.2). From 16 bytes on AN10922 is CMAC over
     * constant and input; below it is not. */
    uint8_t message[1 + AES_MAC_INPUT_MAX] = {0x01};
    assert(size >= 16 && size <= AES_MAC_INPUT_MAX);

    if (version >= KEYSTORE_VERSIONS || !keystore->has[master][version]) {
        return ST_UNSUPPORTED;
    }
    memcpy(message + 1, input, size);
    return keystore->ops->cmac(keystore->ctx, master, version, message, 1 + size, ret_key);
}

/* The AN10922 input: UID length, UID padded with zeros to 10, what for (seal purpose, or 0 with
 * sector and letter), key version, and the name of the system: 21 bytes. docs/card-layout.md,
 * "Keys". */
static enum st classic_key(const struct keystore *keystore, uint8_t version, enum key_master master,
                           const uint8_t *uid, size_t uid_bytes, const uint8_t what[3],
                           uint8_t ret_key[16])
{
    static const uint8_t system_name[6] = {'V', 'A', 'F', 'A', '-', '1'};
    uint8_t input[1 + 10 + 3 + 1 + sizeof system_name] = {0};
    assert(uid_bytes >= 1 && uid_bytes <= 10);

    input[0] = (uint8_t)uid_bytes;
    memcpy(input + 1, uid, uid_bytes);
    memcpy(input + 11, what, 3);
    input[14] = version;
    memcpy(input + 15, system_name, sizeof system_name);
    return keystore_diversify(keystore, master, version, input, sizeof input, ret_key);
}

enum st keystore_sector_key(const struct keystore *keystore, uint8_t version, const uint8_t *uid,
                            size_t uid_bytes, uint8_t sector, enum key_letter letter,
                            uint8_t ret_key[6])
{
    const uint8_t what[3] = {0, sector, letter == KEY_A ? 'A' : 'B'};
    uint8_t key[16];

    const enum st st = classic_key(keystore, version, MASTER_SECTORS, uid, uid_bytes, what, key);
    if (st == ST_OK) {
        memcpy(ret_key, key, 6);
        bytes_wipe(key, sizeof key);
    }
    return st;
}

enum st keystore_seal(const struct keystore *keystore, uint8_t version, enum seal_purpose purpose,
                      const uint8_t *uid, size_t uid_bytes, const uint8_t *data, size_t size,
                      uint8_t ret_seal[KEYSTORE_SEAL_BYTES])
{
    const uint8_t what[3] = {(uint8_t)purpose, 0, 0};
    uint8_t key[16];

    const enum st st = classic_key(keystore, version, MASTER_SEALS, uid, uid_bytes, what, key);
    if (st == ST_OK) {
        aes_mac_cmac(key, data, size, ret_seal);
        bytes_wipe(key, sizeof key);
    }
    return st;
}

bool keystore_has_media(const struct keystore *keystore, uint8_t version)
{
    return version < KEYSTORE_VERSIONS && keystore->has[MASTER_MEDIA][version];
}

enum st keystore_medium_tag(const struct keystore *keystore, uint8_t version, uint8_t kind,
                            const char *text, uint8_t ret_tag[KEYSTORE_MEDIUM_TAG_BYTES])
{
    static const char name[] = "VAFA-MEDIUM-1";
    uint8_t message[sizeof name + 1 + KEYSTORE_MEDIUM_TEXT_MAX];
    const size_t size = strlen(text);
    assert(size >= 1 && size <= KEYSTORE_MEDIUM_TEXT_MAX);

    if (!keystore_has_media(keystore, version)) {
        return ST_UNSUPPORTED;
    }
    memcpy(message, name, sizeof name); /* its NUL too */
    message[sizeof name] = kind;
    memcpy(message + sizeof name + 1, text, size);
    const enum st st = keystore->ops->cmac(keystore->ctx, MASTER_MEDIA, version, message,
                                           sizeof name + 1 + size, ret_tag);
    bytes_wipe(message, sizeof message);
    return st;
}

void keystore_key_check(const uint8_t key[KEY_MASTER_BYTES], uint8_t ret[KEYSTORE_CHECK_BYTES])
{
    uint8_t mac[16];

    aes_mac_cmac(key, zeros, sizeof zeros, mac);
    memcpy(ret, mac, KEYSTORE_CHECK_BYTES);
    bytes_wipe(mac, sizeof mac);
}

enum st keystore_check_value(const struct keystore *keystore, enum key_master master,
                             uint8_t version, uint8_t ret[KEYSTORE_CHECK_BYTES])
{
    if (version >= KEYSTORE_VERSIONS || !keystore->has[master][version]) {
        return ST_UNSUPPORTED;
    }
    memcpy(ret, keystore->check[master][version], KEYSTORE_CHECK_BYTES);
    return ST_OK;
}

enum st keystore_compare(const struct keystore *keystore, enum key_master master, uint8_t version,
                         const uint8_t key[KEY_MASTER_BYTES])
{
    uint8_t there[16], typed[16];

    if (version >= KEYSTORE_VERSIONS || !keystore->has[master][version]) {
        return ST_UNSUPPORTED;
    }
    enum st st = keystore->ops->cmac(keystore->ctx, master, version, zeros, sizeof zeros, there);
    if (st == ST_OK) {
        aes_mac_cmac(key, zeros, sizeof zeros, typed);
        st = bytes_equal_secret(there, typed, sizeof there) ? ST_OK : ST_DENIED;
        bytes_wipe(typed, sizeof typed);
    }
    bytes_wipe(there, sizeof there);
    return st;
}

enum st keystore_check_values(const struct keystore *keystore, uint8_t version,
                              uint8_t ret_sector[KEYSTORE_CHECK_BYTES],
                              uint8_t ret_seal[KEYSTORE_CHECK_BYTES])
{
    if (version >= KEYSTORE_VERSIONS || !keystore->has[MASTER_SECTORS][version] ||
        !keystore->has[MASTER_SEALS][version]) {
        return ST_UNSUPPORTED;
    }
    memcpy(ret_sector, keystore->check[MASTER_SECTORS][version], KEYSTORE_CHECK_BYTES);
    memcpy(ret_seal, keystore->check[MASTER_SEALS][version], KEYSTORE_CHECK_BYTES);
    return ST_OK;
}
