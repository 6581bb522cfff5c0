#include "server/bundles.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ca.h"
#include "server/change.h"

#define FOLDER "updates"
/* A squashfs, then the signature (CMS, DER) with the manifest in it, then its length in 8 bytes. */
#define SQUASHFS_MAGIC "hsqs"
#define MANIFEST       "[update]\n"

enum { LENGTH_BYTES = 8, SIGNATURE_MAX = 65536, NAME_BYTES = 64 };

bool bundles_is_board(const char *board)
{
    const size_t size = strlen(board);
    return size >= 1 && size <= WIRE_BOARD_MAX && board[0] != '.' &&
           strspn(board, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               size;
}

static void name_of(const char *board, uint32_t version, char ret[NAME_BYTES])
{
    const int size = snprintf(ret, NAME_BYTES, "%s-%" PRIu32 ".raucb", board, version);
    assert(size > 0 && size < NAME_BYTES);
}

/* --- adding -------------------------------------------------------------------------------- */

/* "compatible=vafa-BOARD" and "version=N" as lines of their own. */
static bool manifest_says(const uint8_t *signature, size_t size, const char *name,
                          const char *value)
{
    const uint8_t *at = memmem(signature, size, name, strlen(name));
    if (at == NULL) {
        return false;
    }
    at += strlen(name);
    const size_t left = size - (size_t)(at - signature), length = strlen(value);
    return left > length && memcmp(at, value, length) == 0 && at[length] == '\n';
}

static enum st check(const uint8_t *bytes, size_t size, const char *board, uint32_t version,
                     struct fault *fault)
{
    char compatible[WIRE_BOARD_MAX + 8], number[16];
    uint64_t length = 0;
    const size_t magic = strlen(SQUASHFS_MAGIC);
    if (size <= magic + LENGTH_BYTES || memcmp(bytes, SQUASHFS_MAGIC, magic) != 0) {
        fault_say(fault, "This is not a RAUC bundle: it does not begin as one.");
        return ST_FOREIGN;
    }
    for (size_t i = 0; i < LENGTH_BYTES; i++) {
        length = length << 8 | bytes[size - LENGTH_BYTES + i];
    }
    const uint8_t *signature = bytes + size - LENGTH_BYTES - length;
    if (length == 0 || length > SIGNATURE_MAX || length > size - magic - LENGTH_BYTES ||
        signature[0] != 0x30) {
        fault_say(fault, "This is not a RAUC bundle, or it was cut: no signature at its end.");
        return ST_FOREIGN;
    }
    if (memmem(signature, length, MANIFEST, strlen(MANIFEST)) == NULL) {
        fault_say(fault, "The bundle's signature holds no manifest: devices take the form verity "
                         "only, which tools/image makes.");
        return ST_FOREIGN;
    }
    (void)snprintf(compatible, sizeof compatible, "vafa-%s", board);
    (void)snprintf(number, sizeof number, "%" PRIu32, version);
    if (!manifest_says(signature, length, "\ncompatible=", compatible)) {
        fault_say(fault, "The bundle is not for board %s: its manifest names another one.", board);
        return ST_FOREIGN;
    }
    if (!manifest_says(signature, length, "\nversion=", number)) {
        fault_say(fault, "The bundle is not version %s: its manifest names another one.", number);
        return ST_FOREIGN;
    }
    return ST_OK;
}

static enum st load(const char *file, uint8_t **ret_bytes, size_t *ret_size, struct fault *fault)
{
    struct stat about;
    FILE *in = fopen(file, "rb");
    *ret_bytes = NULL;
    if (in == NULL || fstat(fileno(in), &about) != 0 || !S_ISREG(about.st_mode)) {
        fault_say(fault, "Cannot read %s: %s.", file, in == NULL ? strerror(errno) : "not a file");
        if (in != NULL) {
            (void)fclose(in);
        }
        return ST_IO;
    }
    enum st st = ST_OK;
    if (about.st_size < 1 || about.st_size > WIRE_BUNDLE_MAX) {
        fault_say(fault, "%s is %lld bytes: a bundle has 1 to %d.", file, (long long)about.st_size,
                  WIRE_BUNDLE_MAX);
        st = ST_FOREIGN;
    } else if ((*ret_bytes = malloc((size_t)about.st_size)) == NULL) {
        fault_say(fault, "No memory for %s.", file);
        st = ST_FULL;
    } else if (fread(*ret_bytes, 1, (size_t)about.st_size, in) != (size_t)about.st_size) {
        fault_say(fault, "Cannot read %s whole.", file);
        st = ST_IO;
    }
    *ret_size = (size_t)about.st_size;
    (void)fclose(in);
    return st;
}

static enum st store(const char *dir, const uint8_t *bytes, const struct bundle *bundle,
                     struct fault *fault)
{
    char name[NAME_BYTES], path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/" FOLDER, dir);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        fault_say(fault, "Cannot make %s: %s.", path, strerror(errno));
        return ST_IO;
    }
    name_of(bundle->board, bundle->version, name);
    return file_store(path, name, bytes, (size_t)bundle->bytes, 0600, fault);
}

/* The file first: what the database names is there. */
static enum st keep(struct db *db, const char *dir, const uint8_t *bytes, struct bundle *bundle,
                    struct fault *fault)
{
    struct bundle known;
    bool found = false;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = bundles_get(db, bundle->board, bundle->version, &known, &found);
    if (st == ST_OK && found && memcmp(known.sha256, bundle->sha256, sizeof known.sha256) != 0) {
        fault_say(fault, "Another file is version %u for %s: give this one a higher version.",
                  bundle->version, bundle->board);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = store(dir, bytes, bundle, fault);
    }
    if (st == ST_OK && found) {
        *bundle = known;
    } else if (st == ST_OK) {
        DB_ONCE(st, db,
                "INSERT INTO bundle (board, version, bytes, sha256, added_at)"
                " VALUES ($1, $2, $3, $4, $5)",
                "tiibi", bundle->board, (int64_t)bundle->version, bundle->bytes, bundle->sha256,
                sizeof bundle->sha256, bundle->added_at);
    }
    return change_end(db, st, fault);
}

enum st bundles_add(struct db *db, const char *dir, const char *file, const char *board,
                    uint32_t version, int64_t now_s, struct bundle *ret, struct fault *fault)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (!bundles_is_board(board)) {
        fault_say(fault, "A board is named by at most %d letters, digits, '-', '_' and '.'.",
                  WIRE_BOARD_MAX);
        return ST_FOREIGN;
    }
    enum st st = load(file, &bytes, &size, fault);
    if (st == ST_OK) {
        st = check(bytes, size, board, version, fault);
    }
    if (st == ST_OK) {
        *ret = (struct bundle){.version = version, .bytes = (int64_t)size, .added_at = now_s};
        (void)snprintf(ret->board, sizeof ret->board, "%s", board);
        const int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, size, ret->sha256);
        assert(rc == 0 && "SHA-256 of memory cannot fail");
        st = keep(db, dir, bytes, ret, fault);
    }
    free(bytes);
    return st;
}

/* --- reading ------------------------------------------------------------------------------- */

enum st bundles_get(struct db *db, const char *board, uint32_t version, struct bundle *ret,
                    bool *ret_found)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "SELECT bytes, sha256, added_at FROM bundle WHERE board = $1"
                            " AND version = $2",
                            "ti", &stmt);
    *ret_found = false;
    *ret = (struct bundle){.version = version};
    (void)snprintf(ret->board, sizeof ret->board, "%s", board);
    if (st == ST_OK) {
        st = db_first(stmt, ret_found, board, (int64_t)version);
    }
    if (st == ST_OK && *ret_found) {
        size_t size = 0;
        const void *sha256 = db_bytes(stmt, 1, &size);
        assert(size == sizeof ret->sha256);
        memcpy(ret->sha256, sha256, size);
        ret->bytes = db_i64(stmt, 0);
        ret->added_at = db_i64(stmt, 2);
    }
    db_finish(stmt);
    return st;
}

static int open_file(const char *dir, const struct bundle *bundle)
{
    char name[NAME_BYTES], path[PATH_MAX];
    struct stat about;
    name_of(bundle->board, bundle->version, name);
    (void)snprintf(path, sizeof path, "%s/" FOLDER "/%s", dir, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &about) != 0 || about.st_size != bundle->bytes)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

enum st bundles_check(const char *dir, const struct bundle *bundle, struct fault *fault)
{
    uint8_t piece[65536], sha256[WIRE_SHA256_BYTES];
    const int fd = open_file(dir, bundle);
    gnutls_hash_hd_t hash;
    const int rc = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
    assert(rc == 0 && "SHA-256 is always there");
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0) {
        got = read(fd, piece, sizeof piece);
        if (got > 0) {
            (void)gnutls_hash(hash, piece, (size_t)got);
        }
    }
    gnutls_hash_deinit(hash, sha256);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (got != 0 || memcmp(sha256, bundle->sha256, sizeof sha256) != 0) {
        fault_say(fault, "The file of version %u for %s is %s: update add it again.",
                  bundle->version, bundle->board, fd < 0 ? "missing" : "damaged");
        return ST_REFUSED;
    }
    return ST_OK;
}

bool bundles_is_there(const char *dir, const struct bundle *bundle)
{
    const int fd = open_file(dir, bundle);
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

enum st bundles_read(const char *dir, const struct bundle *bundle, int64_t from, void *ret_bytes,
                     size_t max, size_t *ret_size, struct fault *fault)
{
    assert(from >= 0 && from < bundle->bytes);
    const int64_t left = bundle->bytes - from;
    const size_t size = left < (int64_t)max ? (size_t)left : max;
    const int fd = open_file(dir, bundle);
    const ssize_t got = fd < 0 ? -1 : pread(fd, ret_bytes, size, (off_t)from);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (got < 0 || (size_t)got != size) {
        fault_say(fault, "The file of version %u for %s is missing: update add it again.",
                  bundle->version, bundle->board);
        return ST_IO;
    }
    *ret_size = size;
    return ST_OK;
}
