#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "boards/common/device/command.h"
#include "boards/common/device/vault.h"

#define LABELS     "/dev/disk/by-partlabel"
#define NAME       "vafa-data"
#define OPENED     "/dev/mapper/" NAME
#define CRYPTSETUP "/usr/sbin/cryptsetup"
#define KEY_BYTES  "--keyfile-size=32"

_Static_assert(VAULT_KEY_BYTES == 32, "KEY_BYTES has it as a word");

static const char plain[] = LABELS "/data", marked[] = LABELS "/env1";

enum {
    PATH_MAX_BYTES = 100,
    MARK_AT = 512 * 1024, /* in env1, far behind what the boot loader keeps there */
    /* What an image's file system can reach: none of it is to be found again. */
    ZEROED_BYTES = 64 * 1024 * 1024,
    ZEROED_AT_ONCE_BYTES = 4 * 1024 * 1024, /* some seconds of the slowest card */
    WRONG_KEY = 2,                          /* cryptsetup's exit code */
    TEXT_MAX = VAULT_SAY_MAX + 40,
};

/* What each step needs. */
struct work {
    const char *key; /* the file of the board's key */
    const struct watchdog *watchdog;
    struct log *log;
};

/* --- the disk ------------------------------------------------------------------------------- */

static bool read_at(const char *path, off_t at, uint8_t *ret, size_t bytes)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool is_read = fd >= 0 && pread(fd, ret, bytes, at) == (ssize_t)bytes;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_read;
}

static bool put_mark(const char *text)
{
    uint8_t mark[VAULT_MARK_BYTES] = {0};
    memcpy(mark, text, strlen(text));
    const int fd = open(marked, O_WRONLY | O_CLOEXEC);
    const bool is_put =
        fd >= 0 && pwrite(fd, mark, sizeof mark, MARK_AT) == sizeof mark && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_put;
}

/* The empty file system that was there, its copies of the superblock as well. In pieces: some
 * boards' watchdogs wait less long than a slow card takes for all of it. */
static bool zero_plain(const struct work *work)
{
    const int fd = open(plain, O_WRONLY | O_CLOEXEC);
    uint64_t size = 0;
    bool is_zero = fd >= 0 && ioctl(fd, BLKGETSIZE64, &size) == 0;
    const uint64_t end = size < ZEROED_BYTES ? size : ZEROED_BYTES;
    for (uint64_t at = 0; is_zero && at < end; at += ZEROED_AT_ONCE_BYTES) {
        const uint64_t left = end - at;
        uint64_t range[2] = {at, left < ZEROED_AT_ONCE_BYTES ? left : ZEROED_AT_ONCE_BYTES};
        is_zero = ioctl(fd, BLKZEROOUT, range) == 0 && fsync(fd) == 0;
        watchdog_feed(work->watchdog);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_zero;
}

static bool flush(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool is_flushed = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_flushed;
}

/* --- LUKS2 ---------------------------------------------------------------------------------- */

static int luks_open(const struct work *work)
{
    const char *const arguments[] = {CRYPTSETUP, "open",       "--type=luks2", "--disable-keyring",
                                     KEY_BYTES,  "--key-file", work->key,      plain,
                                     NAME,       NULL};
    return command_run(arguments, work->watchdog, work->log);
}

/* The board's key is random, so what is derived from it need not be slow. Room for two keys. */
static bool format(const struct work *work)
{
    const char *const arguments[] = {CRYPTSETUP,
                                     "luksFormat",
                                     "--batch-mode",
                                     "--type=luks2",
                                     "--label=" NAME,
                                     "--cipher=aes-xts-plain64",
                                     "--key-size=512",
                                     "--pbkdf=pbkdf2",
                                     "--pbkdf-force-iterations=1000",
                                     "--luks2-metadata-size=16k",
                                     "--luks2-keyslots-size=512k",
                                     "--offset=2048",
                                     KEY_BYTES,
                                     "--key-file",
                                     work->key,
                                     plain,
                                     NULL};
    return command_run(arguments, work->watchdog, work->log) == 0;
}

static bool open_it(const struct work *work)
{
    return luks_open(work) == 0;
}

static bool fill(const struct work *work)
{
    /* As an image's own, DATA_OPTIONS in tools/image/build.py, but it does not grow. */
    const char *const arguments[] = {
        "/usr/sbin/mke2fs", "-q", "-t", "ext4", "-b",   "4096", "-I", "256", "-i",
        "131072",           "-m", "5",  "-L",   "data", OPENED, NULL};
    return command_run(arguments, work->watchdog, work->log) == 0 && flush(OPENED);
}

/* What is encrypted with must not be guessed: this waits until the kernel has randomness. */
static bool gather(const struct work *work)
{
    uint8_t byte;
    (void)work;
    return getrandom(&byte, sizeof byte, 0) == sizeof byte;
}

static bool begin(const struct work *work)
{
    (void)work;
    return put_mark(VAULT_MARK_MAKING);
}

static bool end(const struct work *work)
{
    (void)work;
    return put_mark(VAULT_MARK_DONE);
}

/* NULL: it is made and open. Else the step that failed. Nothing is stored before the last one is
 * done, so a cut anywhere costs nothing: the mark of the first one has it all made again. */
static const char *make(const struct work *work)
{
    static const struct {
        const char *name;
        bool (*does)(const struct work *work);
    } steps[] = {
        {"begin", begin},  {"zero", zero_plain}, {"random", gather}, {"luksFormat", format},
        {"open", open_it}, {"mke2fs", fill},     {"end", end}};
    for (size_t n = 0; n < sizeof steps / sizeof steps[0]; n++) {
        if (!steps[n].does(work)) {
            return steps[n].name;
        }
    }
    return NULL;
}

/* --- the whole ------------------------------------------------------------------------------ */

static void use(struct vault *vault, const char *device)
{
    vault->device = device;
    vault->is_enciphered = device != plain;
}

static void refuse(struct vault *vault, struct log *log, const char *say)
{
    char text[TEXT_MAX];
    (void)snprintf(vault->say, sizeof vault->say, "%s", say);
    (void)snprintf(text, sizeof text, "/data: %s", say);
    log_say(log, "device", text);
}

static void use_plain(struct vault *vault, struct log *log, enum vault_disk disk, bool has_key)
{
    if (has_key && disk == VAULT_DISK_PLAIN) {
        log_say(log, "device",
                "/data was in use before this board had its key: it stays plain, not enciphered");
    }
    use(vault, plain);
}

static void make_new(struct vault *vault, const struct work *work)
{
    char text[VAULT_SAY_MAX];
    log_say(work->log, "device", "/data is being enciphered");
    const char *failed = make(work);
    if (failed == NULL) {
        log_say(work->log, "device", "/data is enciphered under this board's key");
        use(vault, OPENED);
        return;
    }
    (void)snprintf(text, sizeof text,
                   "it could not be enciphered (%s). Restart the device; if that does not help, "
                   "take another disk.",
                   failed);
    refuse(vault, work->log, text);
}

static void open_made(struct vault *vault, const struct work *work)
{
    char text[VAULT_SAY_MAX];
    const int code = luks_open(work);
    if (code == 0) {
        use(vault, OPENED);
    } else if (code == WRONG_KEY) {
        refuse(vault, work->log,
               "it is enciphered to another board: put this disk back into that one. Nothing was "
               "changed.");
    } else {
        (void)snprintf(text, sizeof text,
                       "it is enciphered and cannot be opened (cryptsetup: %d). Nothing was "
                       "changed.",
                       code);
        refuse(vault, work->log, text);
    }
}

void vault_open(const struct conf *board, const struct watchdog *watchdog, struct log *log,
                struct vault *ret)
{
    static uint8_t head[VAULT_HEAD_BYTES]; /* large for a stack */
    uint8_t mark[VAULT_MARK_BYTES] = {0};
    char key[PATH_MAX_BYTES];
    const struct work work = {.key = key, .watchdog = watchdog, .log = log};
    *ret = (struct vault){.say = ""};
    if (!read_at(plain, 0, head, sizeof head)) {
        use(ret, plain); /* mounting it will say why */
        return;
    }
    (void)read_at(marked, MARK_AT, mark, sizeof mark);
    const enum vault_disk disk = vault_look(head, mark);
    const bool has_key = conf_get(board, "data_key", key, sizeof key) && vault_has_key(key);
    switch (vault_decide(disk, has_key)) {
    case VAULT_ACT_PLAIN:
        use_plain(ret, log, disk, has_key);
        break;
    case VAULT_ACT_MAKE:
        make_new(ret, &work);
        break;
    case VAULT_ACT_OPEN:
        open_made(ret, &work);
        break;
    case VAULT_ACT_REFUSE:
        refuse(ret, log,
               "it is enciphered to a board, and this one gives no key: put this disk back into "
               "its own board. Nothing was changed.");
        break;
    }
}
