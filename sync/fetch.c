#include "sync/fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mbedtls/md.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hal/base/bytes.h"

enum { NAME_MAX_BYTES = 24, OFFER_BYTES_MAX = 512, SHA256_DIGITS = 2 * WIRE_SHA256_BYTES };

struct fetch {
    struct fetch_config config;
    int folder_fd, part_fd;   /* part_fd: -1 = none */
    struct wire_update offer; /* as noted on the disk */
    int64_t have;             /* bytes of it */
    bool is_whole;            /* it has its name */
    int64_t due_ms;
    /* A refusal, of the offer with this sum: until when, and how long the next one lasts. */
    uint8_t refused_sha256[WIRE_SHA256_BYTES];
    int64_t refused_until_ms, refused_for_ms;
    uint32_t refused_version; /* 0 = nothing is refused */
    struct fault why;
};

static void name_bundle(uint32_t version, char ret[NAME_MAX_BYTES])
{
    (void)snprintf(ret, NAME_MAX_BYTES, "%" PRIu32 ".raucb", version);
}

/* --- refusals --------------------------------------------------------------------------------- */

/* Deletes all but the bundle of that version, the part and the offer; 0: those as well. What cannot
 * be deleted is met again at the next turn. */
static void sweep(struct fetch *fetch, uint32_t version)
{
    char name[NAME_MAX_BYTES];
    name_bundle(version, name);
    const int fd = openat(fetch->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        const bool is_kept = version != 0 && (strcmp(entry->d_name, name) == 0 ||
                                              strcmp(entry->d_name, "part") == 0 ||
                                              strcmp(entry->d_name, "offer") == 0);
        if (!is_kept && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)unlinkat(fetch->folder_fd, entry->d_name, 0);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

static void drop(struct fetch *fetch)
{
    if (fetch->part_fd >= 0) {
        (void)close(fetch->part_fd);
    }
    fetch->part_fd = -1;
    fetch->offer = (struct wire_update){.is_there = false};
    fetch->have = 0;
    fetch->is_whole = false;
    sweep(fetch, 0);
    (void)fsync(fetch->folder_fd);
}

static void refuse(struct fetch *fetch, const struct wire_update *offer, int64_t now_ms,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

static void refuse(struct fetch *fetch, const struct wire_update *offer, int64_t now_ms,
                   const char *format, ...)
{
    va_list values;
    const bool is_again = fetch->refused_version == offer->version &&
                          memcmp(fetch->refused_sha256, offer->sha256, WIRE_SHA256_BYTES) == 0;
    const int64_t twice_ms = fetch->refused_for_ms * 2;
    fetch->refused_for_ms = !is_again                       ? FETCH_RETRY_MS
                            : twice_ms < FETCH_RETRY_MAX_MS ? twice_ms
                                                            : FETCH_RETRY_MAX_MS;
    fetch->refused_until_ms = now_ms + fetch->refused_for_ms;
    fetch->refused_version = offer->version;
    memcpy(fetch->refused_sha256, offer->sha256, WIRE_SHA256_BYTES);
    va_start(values, format);
    (void)vsnprintf(fetch->why.say, sizeof fetch->why.say, format, values);
    va_end(values);
    drop(fetch);
}

/* --- the offer -------------------------------------------------------------------------------- */

static int render(const struct wire_update *offer, char ret[OFFER_BYTES_MAX])
{
    char sha256[SHA256_DIGITS + 1];
    hex_encode(offer->sha256, WIRE_SHA256_BYTES, sha256);
    return snprintf(ret, OFFER_BYTES_MAX,
                    "version=%" PRIu32 "\nboard=%s\nbytes=%" PRId64
                    "\nsha256=%s\nfrom_hour=%u\nto_hour=%u\n",
                    offer->version, offer->board, offer->bytes, sha256, (unsigned)offer->from_hour,
                    (unsigned)offer->to_hour);
}

/* Only what render() would write again is an offer. */
static bool parse(const char *text, struct wire_update *ret)
{
    char again[OFFER_BYTES_MAX], sha256[SHA256_DIGITS + 1];
    struct wire_update offer = {.is_there = true};
    const int count =
        sscanf(text,
               "version=%" SCNu32 "\nboard=%32s\nbytes=%" SCNd64 "\nsha256=%64s\nfrom_hour=%" SCNu8
               "\nto_hour=%" SCNu8 "\n",
               &offer.version, offer.board, &offer.bytes, sha256, &offer.from_hour, &offer.to_hour);
    if (count != 6 || strlen(sha256) != SHA256_DIGITS ||
        hex_decode(sha256, offer.sha256, WIRE_SHA256_BYTES) != ST_OK) {
        return false;
    }
    (void)render(&offer, again);
    *ret = offer;
    return strcmp(text, again) == 0 && offer.version >= 1 && offer.bytes >= 1 &&
           offer.bytes <= WIRE_BUNDLE_MAX;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        const ssize_t written = write(fd, (const char *)bytes + at, size - at);
        if (written <= 0 && errno != EINTR) {
            return false;
        }
        at += written > 0 ? (size_t)written : 0;
    }
    return true;
}

static bool note_offer(struct fetch *fetch, const struct wire_update *offer)
{
    char text[OFFER_BYTES_MAX];
    const int size = render(offer, text);
    const int fd = openat(fetch->folder_fd, "offer.new",
                          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    const bool is_written = fd >= 0 && write_all(fd, text, (size_t)size) && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_written && renameat(fetch->folder_fd, "offer.new", fetch->folder_fd, "offer") == 0 &&
           fsync(fetch->folder_fd) == 0;
}

static bool load_offer(struct fetch *fetch)
{
    char text[OFFER_BYTES_MAX];
    const int fd = openat(fetch->folder_fd, "offer", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    text[size > 0 ? size : 0] = '\0';
    return parse(text, &fetch->offer);
}

/* --- going on --------------------------------------------------------------------------------- */

static bool open_part(struct fetch *fetch)
{
    fetch->part_fd =
        openat(fetch->folder_fd, "part", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fetch->part_fd >= 0;
}

/* What lies before the last FETCH_SYNCED was synced before anything was written behind it. */
static bool resume_part(struct fetch *fetch)
{
    struct stat about;
    if (!open_part(fetch) || fstat(fetch->part_fd, &about) != 0 ||
        about.st_size > fetch->offer.bytes) {
        return false;
    }
    fetch->have = about.st_size == 0 ? 0 : (about.st_size - 1) / FETCH_SYNCED * FETCH_SYNCED;
    return ftruncate(fetch->part_fd, fetch->have) == 0;
}

enum st fetch_open(const struct fetch_config *config, struct fetch **ret, struct fault *fault)
{
    assert(config->rate >= 1024 && config->spare_bytes >= 0);
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (fetch == NULL) {
        fault_say(fault, "There is no memory left.");
        return ST_IO;
    }
    fetch->config = *config;
    fetch->part_fd = -1;
    fetch->folder_fd = open(config->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fetch->folder_fd < 0) {
        fault_say(fault, "The folder for updates, %s, cannot be used: %s.", config->folder,
                  strerror(errno));
        free(fetch);
        return ST_IO;
    }
    char name[NAME_MAX_BYTES];
    struct stat about;
    bool is_good = load_offer(fetch);
    name_bundle(fetch->offer.version, name);
    if (is_good && fstatat(fetch->folder_fd, name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(about.st_mode) && about.st_size == fetch->offer.bytes) {
        fetch->is_whole = true;
        fetch->have = fetch->offer.bytes;
    } else if (is_good) {
        is_good = resume_part(fetch);
    }
    if (is_good) {
        sweep(fetch, fetch->offer.version);
    } else {
        drop(fetch);
    }
    *ret = fetch;
    return ST_OK;
}

void fetch_close(struct fetch *fetch)
{
    if (fetch != NULL) {
        if (fetch->part_fd >= 0) {
            (void)close(fetch->part_fd);
        }
        (void)close(fetch->folder_fd);
        free(fetch);
    }
}

/* --- what the club wants ---------------------------------------------------------------------- */

static bool is_same_file(const struct wire_update *a, const struct wire_update *b)
{
    return a->is_there && b->is_there && a->version == b->version && a->bytes == b->bytes &&
           strcmp(a->board, b->board) == 0 && memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

static bool is_refused_now(const struct fetch *fetch, const struct wire_update *offer,
                           int64_t now_ms)
{
    return fetch->refused_version == offer->version && now_ms < fetch->refused_until_ms &&
           memcmp(fetch->refused_sha256, offer->sha256, WIRE_SHA256_BYTES) == 0;
}

static int64_t free_bytes(const struct fetch *fetch)
{
    struct statvfs about;
    return fstatvfs(fetch->folder_fd, &about) == 0
               ? (int64_t)(about.f_bavail * (uint64_t)about.f_frsize)
               : 0;
}

/* False: this device does not want it. */
static bool is_for_us(struct fetch *fetch, const struct wire_update *offer,
                      const struct wire_device *device, int64_t now_ms)
{
    if (strcspn(offer->board, " \t\r\n\v\f") != strlen(offer->board) ||
        (device->is_there && strcmp(offer->board, device->board) != 0)) {
        refuse(fetch, offer, now_ms, "it is for another board.");
        return false;
    }
    if (device->is_there && offer->version <= device->version) {
        refuse(fetch, offer, now_ms, "version %" PRIu32 " runs: versions only go up.",
               device->version);
        return false;
    }
    if (device->is_there && offer->version == device->failed) {
        refuse(fetch, offer, now_ms, "it was installed and fell back.");
        return false;
    }
    const int64_t have = is_same_file(&fetch->offer, offer) ? fetch->have : 0;
    const int64_t needed = offer->bytes - have + fetch->config.spare_bytes;
    const int64_t has = free_bytes(fetch);
    if (!fetch->is_whole && has < needed) {
        refuse(fetch, offer, now_ms,
               "%" PRId64 " MiB are free where %" PRId64 " are needed, so that sales have room.",
               has >> 20, (needed + (1 << 20) - 1) >> 20);
        return false;
    }
    return true;
}

void fetch_take(struct fetch *fetch, const struct wire_update *offer,
                const struct wire_device *device, int64_t now_ms)
{
    if (!offer->is_there) {
        if (fetch->offer.is_there) {
            drop(fetch);
        }
        fetch->refused_version = 0;
        return;
    }
    const bool is_same = is_same_file(&fetch->offer, offer);
    if (fetch->offer.is_there && !is_same) {
        drop(fetch);
    }
    if (is_refused_now(fetch, offer, now_ms) || !is_for_us(fetch, offer, device, now_ms)) {
        return;
    }
    const bool has_same_hours = is_same && fetch->offer.from_hour == offer->from_hour &&
                                fetch->offer.to_hour == offer->to_hour;
    if (!has_same_hours && !note_offer(fetch, offer)) {
        refuse(fetch, offer, now_ms, "the disk does not take it: %s.", strerror(errno));
        return;
    }
    if (!is_same && !open_part(fetch)) {
        refuse(fetch, offer, now_ms, "the disk does not take it: %s.", strerror(errno));
        return;
    }
    fetch->offer = *offer;
    if (!is_same) {
        fetch->due_ms = now_ms;
    }
}

/* --- pieces ----------------------------------------------------------------------------------- */

int64_t fetch_due_ms(const struct fetch *fetch, struct fetch_piece *ret)
{
    if (!fetch->offer.is_there || fetch->is_whole) {
        return INT64_MAX;
    }
    const uint32_t rate = fetch->config.rate;
    const size_t most = rate < FETCH_PIECE_MIN  ? FETCH_PIECE_MIN
                        : rate > WIRE_PIECE_MAX ? WIRE_PIECE_MAX
                                                : rate;
    *ret =
        (struct fetch_piece){.version = fetch->offer.version, .from = fetch->have, .bytes = most};
    return fetch->due_ms;
}

/* Each stretch of FETCH_SYNCED is on the disk before the next one begins. */
static bool store(struct fetch *fetch, const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        const size_t to_sync = (size_t)(FETCH_SYNCED - fetch->have % FETCH_SYNCED);
        const size_t now = size - at < to_sync ? size - at : to_sync;
        if (lseek(fetch->part_fd, fetch->have, SEEK_SET) < 0 ||
            !write_all(fetch->part_fd, bytes + at, now)) {
            return false;
        }
        fetch->have += (int64_t)now;
        at += now;
        if (fetch->have % FETCH_SYNCED == 0 && fdatasync(fetch->part_fd) != 0) {
            return false;
        }
    }
    return true;
}

/* The SHA-256 of the part as it lies on the disk. */
static bool sum_part(const struct fetch *fetch, uint8_t ret[WIRE_SHA256_BYTES])
{
    static uint8_t bytes[65536];
    mbedtls_md_context_t sum;
    mbedtls_md_init(&sum);
    bool is_good = mbedtls_md_setup(&sum, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 0) == 0 &&
                   mbedtls_md_starts(&sum) == 0;
    for (int64_t at = 0; is_good && at < fetch->have;) {
        const ssize_t got = pread(fetch->part_fd, bytes, sizeof bytes, at);
        is_good = got > 0 && mbedtls_md_update(&sum, bytes, (size_t)got) == 0;
        at += got;
    }
    is_good = is_good && mbedtls_md_finish(&sum, ret) == 0;
    mbedtls_md_free(&sum);
    return is_good;
}

static void finish(struct fetch *fetch, int64_t now_ms)
{
    const struct wire_update offer = fetch->offer;
    uint8_t sha256[WIRE_SHA256_BYTES];
    char name[NAME_MAX_BYTES];
    name_bundle(offer.version, name);
    if (fsync(fetch->part_fd) != 0 || !sum_part(fetch, sha256)) {
        refuse(fetch, &offer, now_ms, "the disk does not give back what it took: %s.",
               strerror(errno));
        return;
    }
    if (memcmp(sha256, offer.sha256, sizeof sha256) != 0) {
        refuse(fetch, &offer, now_ms,
               "all of it came, and its SHA-256 is not the one that the "
               "club promised.");
        return;
    }
    if (renameat(fetch->folder_fd, "part", fetch->folder_fd, name) != 0 ||
        fsync(fetch->folder_fd) != 0) {
        refuse(fetch, &offer, now_ms, "the disk does not take it: %s.", strerror(errno));
        return;
    }
    (void)close(fetch->part_fd);
    fetch->part_fd = -1;
    fetch->is_whole = true;
    fetch->refused_version = 0;
}

void fetch_add(struct fetch *fetch, const void *bytes, size_t size, int64_t now_ms)
{
    assert(fetch->offer.is_there && !fetch->is_whole);
    const struct wire_update offer = fetch->offer;
    if (size == 0 || (int64_t)size > offer.bytes - fetch->have) {
        refuse(fetch, &offer, now_ms, "the club's file is %s than it said.",
               size == 0 ? "shorter" : "longer");
        return;
    }
    if (!store(fetch, bytes, size)) {
        refuse(fetch, &offer, now_ms, "the disk does not take it: %s.", strerror(errno));
        return;
    }
    fetch->due_ms = now_ms + (int64_t)size * 1000 / fetch->config.rate;
    if (fetch->have == offer.bytes) {
        finish(fetch, now_ms);
    }
}

/* --- what is said of it ----------------------------------------------------------------------- */

void fetch_tell(const struct fetch *fetch, struct wire_device *device)
{
    const bool is_silent = strcmp(device->update, "none") == 0;
    device->have_bytes = fetch->have;
    if (fetch->refused_version != 0 && !fetch->offer.is_there) {
        (void)snprintf(device->update, sizeof device->update, "refused %" PRIu32 ": %s",
                       fetch->refused_version, fetch->why.say);
    } else if (is_silent && fetch->offer.is_there) {
        (void)snprintf(device->update, sizeof device->update, "%s %" PRIu32,
                       fetch->is_whole ? "waiting" : "coming", fetch->offer.version);
    }
}
