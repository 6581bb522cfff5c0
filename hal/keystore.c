#include "hal/keystore.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/sha256.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/aes_mac.h"
#include "hal/base/bytes.h"

/* The file: a head, one record a key version, SHA-256 over both. The hash finds decay and cut
 * copies; it is no protection against an attacker, who would have the keys anyway. */
enum {
    FORMAT = 1,
    HEAD_BYTES = 16,   /* magic 8, format, records, version for new cards, 5 zero bytes */
    RECORD_BYTES = 48, /* version, 15 zero bytes, sector master 16, seal master 16 */
    HASH_BYTES = 32,
    FILE_BYTES_MAX = HEAD_BYTES + KEYSTORE_VERSIONS * RECORD_BYTES + HASH_BYTES,
    MASTER_BYTES = 16,
};
static const uint8_t magic[8] = {'V', 'A', 'F', 'A', 'K', 'E', 'Y', 'S'};

enum role { ROLE_SECTOR, ROLE_SEAL, ROLES };

/* One locked mapping holds the file's bytes and what was found in them. */
struct keystore {
    uint8_t current;
    bool has[KEYSTORE_VERSIONS];
    uint8_t master[KEYSTORE_VERSIONS][ROLES][MASTER_BYTES];
    uint8_t file[FILE_BYTES_MAX + 1]; /* one more, to see that a file is too long; then wiped */
};

/* Reads or writes all of `size` bytes unless the file ends or fails. */
static size_t read_all(int fd, uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const ssize_t got = read(fd, bytes + at, size - at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        at += (size_t)got;
    }
    return at;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const ssize_t put = write(fd, bytes + at, size - at);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        at += (size_t)put;
    }
    return true;
}

static void hash(const uint8_t *bytes, size_t size, uint8_t ret_hash[HASH_BYTES])
{
    const int failed = mbedtls_sha256_ret(bytes, size, ret_hash, 0);
    assert(failed == 0);
    (void)failed;
}

/* Takes the masters out of keystore->file. */
static enum st parse(struct keystore *keystore, size_t size)
{
    const uint8_t *file = keystore->file;
    uint8_t found[HASH_BYTES];

    if (size < HEAD_BYTES + HASH_BYTES || memcmp(file, magic, sizeof magic) != 0 ||
        file[8] != FORMAT) {
        return ST_FOREIGN;
    }
    const size_t records = file[9];
    if (records < 1 || records > KEYSTORE_VERSIONS ||
        size != HEAD_BYTES + records * RECORD_BYTES + HASH_BYTES) {
        return ST_FOREIGN;
    }
    hash(file, size - HASH_BYTES, found);
    if (!bytes_equal_secret(found, file + size - HASH_BYTES, HASH_BYTES)) {
        return ST_FOREIGN;
    }
    for (size_t i = 0; i < records; i += 1) {
        const uint8_t *record = file + HEAD_BYTES + i * RECORD_BYTES;
        const uint8_t version = record[0];
        if (version >= KEYSTORE_VERSIONS || keystore->has[version]) {
            return ST_FOREIGN;
        }
        memcpy(keystore->master[version], record + 16, ROLES * MASTER_BYTES);
        keystore->has[version] = true;
    }
    keystore->current = file[10];
    if (keystore->current >= KEYSTORE_VERSIONS || !keystore->has[keystore->current]) {
        return ST_FOREIGN;
    }
    return ST_OK;
}

/* Memory that is neither swapped nor dumped. Without the lock there is no store: a master on a
 * swap partition outlives every wipe. */
static enum st allocate(struct keystore **ret, struct fault *fault)
{
    struct keystore *keystore =
        mmap(NULL, sizeof *keystore, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (keystore == MAP_FAILED) {
        fault_say(fault, "No memory for the key store: %s.", strerror(errno));
        return ST_IO;
    }
    if (mlock(keystore, sizeof *keystore) != 0 ||
        madvise(keystore, sizeof *keystore, MADV_DONTDUMP) != 0) {
        fault_say(fault, "The key store's memory cannot be locked: %s. Raise the limit memlock.",
                  strerror(errno));
        munmap(keystore, sizeof *keystore);
        return ST_IO;
    }
    *ret = keystore;
    return ST_OK;
}

static enum st check_mode(int fd, const char *path, struct fault *fault)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0) {
        fault_say(fault, "The key store %s cannot be looked at: %s.", path, strerror(errno));
        return ST_IO;
    }
    if (!S_ISREG(stat.st_mode)) {
        fault_say(fault, "%s is not a file, so it is no key store.", path);
        return ST_FOREIGN;
    }
    if ((stat.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        fault_say(fault, "Others may open the key store %s: run chmod 600 on it.", path);
        return ST_DENIED;
    }
    return ST_OK;
}

enum st keystore_open(const char *path, struct keystore **ret, struct fault *fault)
{
    struct keystore *keystore = NULL;
    enum st st = ST_IO;

    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        fault_say(fault, "The key store %s cannot be opened: %s. Make one: vafa-keys new FILE.",
                  path, strerror(errno));
        return ST_IO;
    }
    st = check_mode(fd, path, fault);
    if (st != ST_OK) {
        goto out;
    }
    st = allocate(&keystore, fault);
    if (st != ST_OK) {
        goto out;
    }
    st = parse(keystore, read_all(fd, keystore->file, sizeof keystore->file));
    bytes_wipe(keystore->file, sizeof keystore->file);
    if (st != ST_OK) {
        fault_say(fault, "%s is no key store of this firmware, or it is damaged.", path);
        goto out;
    }
    *ret = keystore;
    keystore = NULL;
out:
    keystore_close(keystore);
    close(fd);
    return st;
}

void keystore_close(struct keystore *keystore)
{
    if (keystore != NULL) {
        bytes_wipe(keystore, sizeof *keystore);
        munmap(keystore, sizeof *keystore); /* also takes the lock off */
    }
}

/* Fills keystore->file with a store of one version, 0, and returns its size; 0: no randomness. */
static size_t make_file(struct keystore *keystore)
{
    uint8_t *file = keystore->file;
    const size_t size = HEAD_BYTES + RECORD_BYTES;
    const size_t secret = ROLES * MASTER_BYTES;

    memcpy(file, magic, sizeof magic);
    file[8] = FORMAT;
    file[9] = 1;
    /* Up to 256 bytes getrandom gives all or, before the pool is ready, waits (getrandom(2)). */
    if (getrandom(file + HEAD_BYTES + 16, secret, 0) != (ssize_t)secret) {
        return 0;
    }
    hash(file, size, file + size);
    return size + HASH_BYTES;
}

enum st keystore_create(const char *path, struct fault *fault)
{
    struct keystore *keystore = NULL;
    enum st st = allocate(&keystore, fault);
    if (st != ST_OK) {
        return st;
    }

    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        const bool is_there = errno == EEXIST || errno == ELOOP;
        fault_say(fault, "The key store %s cannot be made: %s.", path, strerror(errno));
        st = is_there ? ST_REFUSED : ST_IO;
        goto out;
    }
    const size_t size = make_file(keystore);
    const bool is_written = size > 0 && write_all(fd, keystore->file, size) && fsync(fd) == 0;
    if (close(fd) != 0 || !is_written) {
        fault_say(fault, "The key store %s cannot be written: %s.", path, strerror(errno));
        unlink(path);
        st = ST_IO;
    }
out:
    keystore_close(keystore);
    return st;
}

uint8_t keystore_version(const struct keystore *keystore)
{
    return keystore->current;
}

/* The AN10922 input: UID length, UID padded with zeros to 10, what for (seal purpose, or 0 with
 * sector and letter), key version, and the name of the system. 21 bytes: from 16 on AN10922 and
 * plain CMAC agree, so that a later HSM or SAM may use either. docs/card-layout.md, "Keys". */
static enum st derive(const struct keystore *keystore, uint8_t version, enum role role,
                      const uint8_t *uid, size_t uid_bytes, const uint8_t what[3],
                      uint8_t ret_key[16])
{
    static const uint8_t system_name[6] = {'V', 'A', 'F', 'A', '-', '1'};
    uint8_t input[1 + 10 + 3 + 1 + sizeof system_name] = {0};
    _Static_assert(sizeof input >= 16 && sizeof input <= AES_MAC_INPUT_MAX, "AN10922, see above");
    assert(uid_bytes >= 1 && uid_bytes <= 10);

    if (version >= KEYSTORE_VERSIONS || !keystore->has[version]) {
        return ST_UNSUPPORTED;
    }
    input[0] = (uint8_t)uid_bytes;
    memcpy(input + 1, uid, uid_bytes);
    memcpy(input + 11, what, 3);
    input[14] = version;
    memcpy(input + 15, system_name, sizeof system_name);
    aes_mac_diversify(keystore->master[version][role], input, sizeof input, ret_key);
    return ST_OK;
}

enum st keystore_sector_key(const struct keystore *keystore, uint8_t version, const uint8_t *uid,
                            size_t uid_bytes, uint8_t sector, enum key_letter letter,
                            uint8_t ret_key[6])
{
    const uint8_t what[3] = {0, sector, letter == KEY_A ? 'A' : 'B'};
    uint8_t key[16];

    const enum st st = derive(keystore, version, ROLE_SECTOR, uid, uid_bytes, what, key);
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

    const enum st st = derive(keystore, version, ROLE_SEAL, uid, uid_bytes, what, key);
    if (st == ST_OK) {
        aes_mac_cmac(key, data, size, ret_seal);
        bytes_wipe(key, sizeof key);
    }
    return st;
}

enum st keystore_check_values(const struct keystore *keystore, uint8_t version,
                              uint8_t ret_sector[KEYSTORE_CHECK_BYTES],
                              uint8_t ret_seal[KEYSTORE_CHECK_BYTES])
{
    const uint8_t zeros[16] = {0};
    uint8_t mac[AES_MAC_BYTES];

    if (version >= KEYSTORE_VERSIONS || !keystore->has[version]) {
        return ST_UNSUPPORTED;
    }
    aes_mac_cmac(keystore->master[version][ROLE_SECTOR], zeros, sizeof zeros, mac);
    memcpy(ret_sector, mac, KEYSTORE_CHECK_BYTES);
    aes_mac_cmac(keystore->master[version][ROLE_SEAL], zeros, sizeof zeros, mac);
    memcpy(ret_seal, mac, KEYSTORE_CHECK_BYTES);
    bytes_wipe(mac, sizeof mac);
    return ST_OK;
}
