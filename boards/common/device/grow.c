#include "boards/common/device/grow.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hal/base/bytes.h"
#include "hal/base/status.h"

/* As in the kernel's fs/ext4/ext4.h: its headers for programs have it since Linux 6.6 only. */
#define RESIZE_FS _IOW('f', 16, uint64_t)

enum {
    PATH_BYTES = 100,
    SECTOR_BYTES = 512,      /* of the sizes in /sys, whatever the device has */
    SUPER_AT = 1024,         /* where ext4's superblock lies; its fields: */
    SUPER_BLOCKS = 0x04,     /* 32 bits */
    SUPER_LOG = 0x18,        /* 1024 shifted left by this is a block */
    SUPER_MAGIC = 0x38,      /* 16 bits */
    SUPER_FEATURES = 0x60,   /* 32 bits; one says whether the next is there */
    SUPER_BLOCKS_HI = 0x150, /* 32 bits */
    SUPER_BYTES = 1024,
    FEATURE_64BIT = 0x80,
    MAGIC = 0xef53,
    LOG_MAX = 6,
};

struct sizes {
    uint64_t has_bytes, may_bytes; /* the file system; its device, in whole blocks of that */
    uint64_t block_bytes;
};

static enum st say_errno(struct fault *fault, const char *what, const char *path)
{
    fault_say(fault, "%s %s: %s", what, path, strerror(errno));
    return ST_IO;
}

/* One line of a file of /sys about the device, without its end; behind `name` if it has one. */
static enum st read_fact(dev_t device, const char *file, const char *name, char *ret, size_t size,
                         struct fault *fault)
{
    char path[PATH_BYTES], line[PATH_BYTES];
    const size_t skip = strlen(name);
    bool is_found = false;
    (void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%s", major(device), minor(device),
                   file);
    FILE *facts = fopen(path, "re");
    if (facts == NULL) {
        return say_errno(fault, "cannot read", path);
    }
    while (!is_found && fgets(line, sizeof line, facts) != NULL) {
        is_found = strncmp(line, name, skip) == 0;
    }
    (void)fclose(facts);
    if (!is_found) {
        fault_say(fault, "%s has no %s", path, name);
        return ST_IO;
    }
    line[strcspn(line, "\n")] = '\0';
    (void)snprintf(ret, size, "%s", line + skip);
    return ST_OK;
}

static enum st read_super(dev_t device, uint8_t ret[SUPER_BYTES], struct fault *fault)
{
    char name[PATH_BYTES - sizeof "/dev/"], path[PATH_BYTES];
    const enum st st = read_fact(device, "uevent", "DEVNAME=", name, sizeof name, fault);
    if (st != ST_OK) {
        return st;
    }
    (void)snprintf(path, sizeof path, "/dev/%s", name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return say_errno(fault, "cannot open", path);
    }
    const ssize_t got = pread(fd, ret, SUPER_BYTES, SUPER_AT);
    (void)close(fd);
    return got == SUPER_BYTES ? ST_OK : say_errno(fault, "cannot read", path);
}

static enum st look(const char *path, struct sizes *ret, struct fault *fault)
{
    struct stat mounted;
    char sectors[PATH_BYTES];
    uint8_t super[SUPER_BYTES];
    if (stat(path, &mounted) != 0) {
        return say_errno(fault, "cannot find", path);
    }
    enum st st = read_fact(mounted.st_dev, "size", "", sectors, sizeof sectors, fault);
    if (st == ST_OK) {
        st = read_super(mounted.st_dev, super, fault);
    }
    if (st != ST_OK) {
        return st;
    }
    const uint32_t log = get_le32(super + SUPER_LOG);
    if (get_le16(super + SUPER_MAGIC) != MAGIC || log > LOG_MAX) {
        fault_say(fault, "%s is no ext4", path);
        return ST_UNSUPPORTED;
    }
    const bool is_64bit = (get_le32(super + SUPER_FEATURES) & FEATURE_64BIT) != 0;
    const uint64_t high = is_64bit ? get_le32(super + SUPER_BLOCKS_HI) : 0;
    ret->block_bytes = (uint64_t)1024 << log;
    ret->has_bytes = (high << 32 | get_le32(super + SUPER_BLOCKS)) * ret->block_bytes;
    ret->may_bytes =
        strtoull(sectors, NULL, 10) * SECTOR_BYTES / ret->block_bytes * ret->block_bytes;
    return ST_OK;
}

static enum st resize(const char *path, const struct sizes *sizes, struct fault *fault)
{
    uint64_t blocks = sizes->may_bytes / sizes->block_bytes;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return say_errno(fault, "cannot open", path);
    }
    const enum st st =
        ioctl(fd, RESIZE_FS, &blocks) == 0 ? ST_OK : say_errno(fault, "cannot grow", path);
    (void)close(fd);
    return st;
}

static void say(struct log *log, const char *path, const char *what, const struct sizes *sizes)
{
    char text[sizeof(struct fault)];
    (void)snprintf(text, sizeof text, "%s %s %" PRIu64 " MiB to %" PRIu64 " MiB", path, what,
                   sizes->has_bytes >> 20, sizes->may_bytes >> 20);
    log_say(log, "device", text);
}

void grow_fill(const char *path, struct log *log)
{
    struct sizes sizes;
    struct fault fault = {""};
    enum st st = look(path, &sizes, &fault);
    if (st == ST_OK && sizes.may_bytes < sizes.has_bytes + GROW_WORTH_BYTES) {
        return;
    }
    if (st == ST_OK) {
        say(log, path, "grows from", &sizes);
        st = resize(path, &sizes, &fault);
    }
    if (st == ST_OK) {
        say(log, path, "has grown from", &sizes);
    } else {
        log_say(log, "device", fault.say);
    }
}
