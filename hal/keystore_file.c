/* The software store: a file sealed under a secret of this device. Layout and what the seal is
 * worth: docs/keys.md. */
#include <assert.h>
#include <limits.h>
#include <mbedtls/gcm.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/aes_mac.h"
#include "hal/base/bytes.h"
#include "hal/keystore_disk.h"
#include "hal/keystore_memory.h"
#include "hal/keystore_priv.h"
#include "hal/keystore_random.h"

/* Format 1, before there were device secrets: head of 16 bytes, for each version one record with
 * both Classic masters in clear, SHA-256. Still opened; the next change writes format 2.
 * Format 2: head, records under AES-256-GCM with the head as associated data, tag, SHA-256. The
 * hash tells decay and cut copies from a wrong device and from tampering; the tag is the
 * protection. */
enum {
    FORMAT_CLEAR = 1,
    FORMAT_SEALED = 2,
    FORMAT_AT = 8, /* after the magic: format, records, version for new cards, zeros to 16 */
    RECORDS_AT = 9,
    CURRENT_AT = 10,
    NONCE_AT = 16,
    NONCE_BYTES = 12,
    DEVICE_AT = 28, /* name of the device secret, then zeros to 48 */
    DEVICE_BYTES = 8,
    HEAD_BYTES = 48,
    RECORD_BYTES = 32, /* master, version, zeros to 16, key */
    RECORD_KEY_AT = 16,
    TAG_BYTES = 16,
    HASH_BYTES = 32,
    CLEAR_HEAD_BYTES = 16,
    CLEAR_RECORD_BYTES = 48, /* version, zeros to 16, sector master, seal master */
    FILE_BYTES_MAX = HEAD_BYTES + KEYSTORE_ENTRIES_MAX * RECORD_BYTES + TAG_BYTES + HASH_BYTES,
    SECRET_BYTES = 32,
    SECRET_FILE_BYTES = 8 + SECRET_BYTES + 8, /* magic, secret, first bytes of its SHA-256 */
    SEAL_KEY_BYTES = 32,
};
static const uint8_t magic[8] = {'V', 'A', 'F', 'A', 'K', 'E', 'Y', 'S'};
static const uint8_t secret_magic[8] = {'V', 'A', 'F', 'A', 'D', 'E', 'V', 'C'};
static const char secret_suffix[] = ".device";
static const char secret_option[] = "?device=";

struct paths {
    char store[PATH_MAX], secret[PATH_MAX];
};

/* In locked memory. */
struct file_store {
    uint8_t current;
    uint8_t format; /* of the file that was read */
    bool has[KEY_MASTERS][KEYSTORE_VERSIONS];
    uint8_t master[KEY_MASTERS][KEYSTORE_VERSIONS][KEY_MASTER_BYTES];
    /* Used while a file is read or written, then wiped. */
    uint8_t file[FILE_BYTES_MAX + 1]; /* one more, to see that a file is too long */
    uint8_t records[KEYSTORE_ENTRIES_MAX * RECORD_BYTES];
    uint8_t secret[SECRET_FILE_BYTES + 1];
    uint8_t derived[SEAL_KEY_BYTES + DEVICE_BYTES]; /* the sealing key, the secret's name */
};

static void wipe_scratch(struct file_store *store)
{
    bytes_wipe(store->file, sizeof store->file);
    bytes_wipe(store->records, sizeof store->records);
    bytes_wipe(store->secret, sizeof store->secret);
    bytes_wipe(store->derived, sizeof store->derived);
}

/* `where` is FILE or FILE?device=SECRET; without the latter the secret is FILE.device. */
static enum st split(const char *where, struct paths *ret, struct fault *fault)
{
    const char *option = strstr(where, secret_option);
    const size_t store_size = option == NULL ? strlen(where) : (size_t)(option - where);
    if (store_size == 0 || strlen(where) + sizeof secret_suffix >= sizeof ret->store) {
        fault_say(fault, "The key store's path is empty, or longer than %d bytes.",
                  (int)sizeof ret->store);
        return ST_IO;
    }
    memcpy(ret->store, where, store_size);
    ret->store[store_size] = '\0';
    const char *secret = option == NULL ? ret->store : option + sizeof secret_option - 1;
    (void)snprintf(ret->secret, sizeof ret->secret, "%.*s%s", PATH_MAX - 16, secret,
                   option == NULL ? secret_suffix : "");
    return ST_OK;
}

/* --- the device secret -------------------------------------------------------------------- */

static void hash(const uint8_t *bytes, size_t size, uint8_t ret_hash[HASH_BYTES])
{
    const int failed = mbedtls_sha256_ret(bytes, size, ret_hash, 0);
    assert(failed == 0);
    (void)failed;
}

/* From the secret in store->secret to store->derived (HKDF, RFC 5869, no salt: the secret is
 * uniform already). */
static enum st derive(struct file_store *store, size_t secret_size, const char *path,
                      struct fault *fault)
{
    static const unsigned char info[] = {'V', 'A', 'F', 'A', ' ', 'k', 'e', 'y', 's', ' ', '2'};
    uint8_t found[HASH_BYTES];

    hash(store->secret, 8 + SECRET_BYTES, found);
    if (secret_size != SECRET_FILE_BYTES ||
        memcmp(store->secret, secret_magic, sizeof secret_magic) != 0 ||
        memcmp(store->secret + 8 + SECRET_BYTES, found, 8) != 0) {
        fault_say(fault, "The device secret %s is damaged: put back its copy, or do a ceremony.",
                  path);
        return ST_FOREIGN;
    }
    const int failed =
        mbedtls_hkdf(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), NULL, 0, store->secret + 8,
                     SECRET_BYTES, info, sizeof info, store->derived, sizeof store->derived);
    assert(failed == 0);
    (void)failed;
    return ST_OK;
}

static enum st read_secret(struct file_store *store, const struct paths *paths, struct fault *fault)
{
    size_t size = 0;
    const enum st st =
        keystore_disk_read(paths->secret, "Without it its key store cannot be read: do a ceremony.",
                           store->secret, sizeof store->secret, &size, fault);
    return st == ST_OK ? derive(store, size, paths->secret, fault) : st;
}

/* A device secret that is there already is kept: the board may have brought it. */
static enum st need_secret(struct file_store *store, const struct paths *paths, struct fault *fault)
{
    uint8_t check[HASH_BYTES];

    if (access(paths->secret, F_OK) == 0) {
        return read_secret(store, paths, fault);
    }
    memcpy(store->secret, secret_magic, sizeof secret_magic);
    if (!keystore_random(store->secret + 8, SECRET_BYTES)) {
        fault_say(fault, "The system gives no random numbers: try again later.");
        return ST_IO;
    }
    hash(store->secret, 8 + SECRET_BYTES, check);
    memcpy(store->secret + 8 + SECRET_BYTES, check, 8);
    const enum st st =
        keystore_disk_write(paths->secret, store->secret, SECRET_FILE_BYTES, true, fault);
    return st == ST_OK ? derive(store, SECRET_FILE_BYTES, paths->secret, fault) : st;
}

/* --- the store's bytes ---------------------------------------------------------------------- */

/* One master from a file. False: no such master or version, or it is there twice. */
static bool take(struct file_store *store, unsigned master, unsigned version, const uint8_t *key)
{
    if (master >= KEY_MASTERS || version >= KEYSTORE_VERSIONS || store->has[master][version]) {
        return false;
    }
    memcpy(store->master[master][version], key, KEY_MASTER_BYTES);
    store->has[master][version] = true;
    return true;
}

static enum st parse_clear(struct file_store *store)
{
    const uint8_t *record = store->file + CLEAR_HEAD_BYTES;

    for (size_t i = 0; i < store->file[RECORDS_AT]; i += 1, record += CLEAR_RECORD_BYTES) {
        if (!take(store, MASTER_SECTORS, record[0], record + 16) ||
            !take(store, MASTER_SEALS, record[0], record + 32)) {
            return ST_FOREIGN;
        }
    }
    return ST_OK;
}

static enum st unseal(struct file_store *store, const struct paths *paths, size_t records,
                      struct fault *fault)
{
    const uint8_t *file = store->file;
    const size_t size = records * RECORD_BYTES;

    const enum st st = read_secret(store, paths, fault);
    if (st != ST_OK) {
        return st;
    }
    if (memcmp(file + DEVICE_AT, store->derived + SEAL_KEY_BYTES, DEVICE_BYTES) != 0) {
        fault_say(fault, "%s was made for another device: %s does not fit. Do a ceremony here.",
                  paths->store, paths->secret);
        return ST_DENIED;
    }
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    int failed = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, store->derived, 256);
    if (failed == 0) {
        failed = mbedtls_gcm_auth_decrypt(&gcm, size, file + NONCE_AT, NONCE_BYTES, file,
                                          HEAD_BYTES, file + HEAD_BYTES + size, TAG_BYTES,
                                          file + HEAD_BYTES, store->records);
    }
    mbedtls_gcm_free(&gcm);
    if (failed != 0) {
        fault_say(fault, "%s was changed by somebody: its seal is wrong. Do a ceremony.",
                  paths->store);
        return ST_DENIED;
    }
    return ST_OK;
}

static enum st parse_sealed(struct file_store *store, const struct paths *paths,
                            struct fault *fault)
{
    const size_t records = store->file[RECORDS_AT];
    const enum st st = unseal(store, paths, records, fault);

    for (size_t i = 0; i < records && st == ST_OK; i += 1) {
        const uint8_t *record = store->records + i * RECORD_BYTES;
        if (!take(store, record[0], record[1], record + RECORD_KEY_AT)) {
            return ST_FOREIGN;
        }
    }
    return st;
}

static bool has_version(const struct file_store *store, uint8_t version)
{
    for (size_t master = 0; master < KEY_MASTERS; master += 1) {
        if (version < KEYSTORE_VERSIONS && store->has[master][version]) {
            return true;
        }
    }
    return false;
}

/* Takes the masters out of store->file. */
static enum st parse(struct file_store *store, size_t size, const struct paths *paths,
                     struct fault *fault)
{
    const uint8_t *file = store->file;
    uint8_t found[HASH_BYTES];

    fault_say(fault, "%s is no key store of this firmware, or it is damaged.", paths->store);
    if (size < CLEAR_HEAD_BYTES || memcmp(file, magic, sizeof magic) != 0) {
        return ST_FOREIGN;
    }
    const size_t records = file[RECORDS_AT];
    size_t want = 0;
    if (file[FORMAT_AT] == FORMAT_CLEAR && records >= 1 && records <= KEYSTORE_VERSIONS) {
        want = CLEAR_HEAD_BYTES + records * CLEAR_RECORD_BYTES + HASH_BYTES;
    } else if (file[FORMAT_AT] == FORMAT_SEALED && records >= 1 &&
               records <= KEYSTORE_ENTRIES_MAX) {
        want = HEAD_BYTES + records * RECORD_BYTES + TAG_BYTES + HASH_BYTES;
    } else {
        return ST_FOREIGN;
    }
    if (size != want) {
        fault_say(fault, "%s is %s: it should have %u bytes. Put back a copy, or do a ceremony.",
                  paths->store, size < want ? "cut short" : "too long", (unsigned)want);
        return ST_FOREIGN;
    }
    hash(file, size - HASH_BYTES, found);
    if (!bytes_equal_secret(found, file + size - HASH_BYTES, HASH_BYTES)) {
        fault_say(fault,
                  "%s is damaged: bytes in it have changed. Put back a copy, or do a ceremony.",
                  paths->store);
        return ST_FOREIGN;
    }
    store->format = file[FORMAT_AT];
    store->current = file[CURRENT_AT];
    const enum st st =
        store->format == FORMAT_CLEAR ? parse_clear(store) : parse_sealed(store, paths, fault);
    return st == ST_OK && !has_version(store, store->current) ? ST_FOREIGN : st;
}

static enum st load(struct file_store *store, const struct paths *paths, struct fault *fault)
{
    size_t size = 0;
    enum st st = keystore_disk_read(paths->store, "Make one: vafa-keys new FILE, or a ceremony.",
                                    store->file, sizeof store->file, &size, fault);
    if (st == ST_OK) {
        st = parse(store, size, paths, fault);
    }
    wipe_scratch(store);
    return st;
}

/* Fills store->file with format 2 and returns its size; 0: no randomness. */
static size_t make_file(struct file_store *store)
{
    uint8_t *file = store->file;
    size_t records = 0;

    for (size_t master = 0; master < KEY_MASTERS; master += 1) {
        for (size_t version = 0; version < KEYSTORE_VERSIONS; version += 1) {
            if (store->has[master][version]) {
                uint8_t *record = store->records + records * RECORD_BYTES;
                record[0] = (uint8_t)master;
                record[1] = (uint8_t)version;
                memcpy(record + RECORD_KEY_AT, store->master[master][version], KEY_MASTER_BYTES);
                records += 1;
            }
        }
    }
    memset(file, 0, HEAD_BYTES);
    memcpy(file, magic, sizeof magic);
    file[FORMAT_AT] = FORMAT_SEALED;
    file[RECORDS_AT] = (uint8_t)records;
    file[CURRENT_AT] = store->current;
    memcpy(file + DEVICE_AT, store->derived + SEAL_KEY_BYTES, DEVICE_BYTES);
    if (!keystore_random(file + NONCE_AT, NONCE_BYTES)) {
        return 0;
    }
    const size_t size = records * RECORD_BYTES;
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    int failed = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, store->derived, 256);
    if (failed == 0) {
        failed = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, size, file + NONCE_AT,
                                           NONCE_BYTES, file, HEAD_BYTES, store->records,
                                           file + HEAD_BYTES, TAG_BYTES, file + HEAD_BYTES + size);
    }
    mbedtls_gcm_free(&gcm);
    assert(failed == 0);
    const size_t total = HEAD_BYTES + size + TAG_BYTES;
    hash(file, total, file + total);
    return total + HASH_BYTES;
}

static enum st save(struct file_store *store, const struct paths *paths, bool must_be_new,
                    struct fault *fault)
{
    enum st st = need_secret(store, paths, fault);
    if (st == ST_OK) {
        const size_t size = make_file(store);
        if (size == 0) {
            fault_say(fault, "The system gives no random numbers: try again later.");
            st = ST_IO;
        } else {
            st = keystore_disk_write(paths->store, store->file, size, must_be_new, fault);
        }
    }
    wipe_scratch(store);
    return st;
}

/* --- the port ------------------------------------------------------------------------------- */

static enum st file_cmac(void *ctx, enum key_master master, uint8_t version, const uint8_t *data,
                         size_t size, uint8_t ret_mac[16])
{
    const struct file_store *store = ctx;
    aes_mac_cmac(store->master[master][version], data, size, ret_mac);
    return ST_OK;
}

static void file_close(void *ctx)
{
    keystore_memory_free(ctx, sizeof(struct file_store));
}

static const struct keystore_ops file_ops = {file_cmac, file_close};

static enum st allocate(struct file_store **ret, struct fault *fault)
{
    void *memory = NULL;
    const enum st st = keystore_memory_allocate(sizeof **ret, &memory, fault);
    if (st == ST_OK) {
        *ret = memory;
    }
    return st;
}

enum st keystore_file_open(const char *where, struct keystore *keystore, struct fault *fault)
{
    struct paths paths;
    struct file_store *store = NULL;

    enum st st = split(where, &paths, fault);
    if (st == ST_OK) {
        st = allocate(&store, fault);
    }
    if (st == ST_OK) {
        st = load(store, &paths, fault);
    }
    if (st != ST_OK) {
        keystore_memory_free(store, sizeof *store);
        return st;
    }
    keystore->ops = &file_ops;
    keystore->ctx = store;
    keystore->current = store->current;
    memcpy(keystore->has, store->has, sizeof keystore->has);
    if (store->format == FORMAT_CLEAR) {
        (void)snprintf(keystore->description, sizeof keystore->description,
                       "software store, format 1: NOT sealed; run vafa-keys migrate FILE");
    } else {
        (void)snprintf(keystore->description, sizeof keystore->description,
                       "software store, sealed under a device secret");
    }
    return ST_OK;
}

static enum st merge(struct file_store *store, const struct keystore_entry *entries, size_t count,
                     struct fault *fault)
{
    for (size_t i = 0; i < count; i += 1) {
        const struct keystore_entry *entry = &entries[i];
        if (!take(store, entry->master, entry->version, entry->key)) {
            fault_say(fault, "The store has %s of version %u already.",
                      keystore_master_name(entry->master), entry->version);
            return ST_REFUSED;
        }
        store->current = entry->version > store->current ? entry->version : store->current;
    }
    return ST_OK;
}

enum st keystore_file_add(const char *where, const struct keystore_entry *entries, size_t count,
                          bool must_be_new, struct fault *fault)
{
    struct paths paths;
    struct file_store *store = NULL;

    enum st st = split(where, &paths, fault);
    if (st == ST_OK) {
        st = allocate(&store, fault);
    }
    struct stat stat;
    const bool is_there = st == ST_OK && lstat(paths.store, &stat) == 0;
    if (st == ST_OK && is_there && must_be_new) {
        fault_say(fault, "%s is there already: nothing is overwritten.", paths.store);
        st = ST_REFUSED;
    } else if (st == ST_OK && is_there) {
        st = load(store, &paths, fault);
    }
    if (st == ST_OK) {
        st = merge(store, entries, count, fault);
    }
    if (st == ST_OK) {
        st = save(store, &paths, !is_there, fault);
    }
    keystore_memory_free(store, sizeof *store);
    return st;
}

bool keystore_file_is_there(const char *where)
{
    struct paths paths;
    struct stat stat;
    return split(where, &paths, NULL) == ST_OK && lstat(paths.store, &stat) == 0;
}

enum st keystore_file_migrate(const char *where, struct fault *fault)
{
    struct paths paths;
    struct file_store *store = NULL;

    enum st st = split(where, &paths, fault);
    if (st == ST_OK) {
        st = allocate(&store, fault);
    }
    if (st == ST_OK) {
        st = load(store, &paths, fault);
    }
    if (st == ST_OK && store->format != FORMAT_CLEAR) {
        fault_say(fault, "%s is sealed already: nothing to do.", paths.store);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = save(store, &paths, false, fault);
    }
    keystore_memory_free(store, sizeof *store);
    return st;
}
