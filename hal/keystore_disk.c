#include "hal/keystore_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static enum st check_mode(int fd, const char *path, struct fault *fault)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0) {
        fault_say(fault, "%s cannot be looked at: %s.", path, strerror(errno));
        return ST_IO;
    }
    if (!S_ISREG(stat.st_mode)) {
        fault_say(fault, "%s is not a file.", path);
        return ST_FOREIGN;
    }
    if ((stat.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        fault_say(fault, "Others may open %s: run chmod 600 on it.", path);
        return ST_DENIED;
    }
    return ST_OK;
}

enum st keystore_disk_read(const char *path, const char *hint, uint8_t *ret_bytes, size_t size_max,
                           size_t *ret_size, struct fault *fault)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        fault_say(fault, "%s cannot be opened: %s. %s", path, strerror(errno), hint);
        return ST_IO;
    }
    const enum st st = check_mode(fd, path, fault);
    if (st == ST_OK) {
        *ret_size = read_all(fd, ret_bytes, size_max);
    }
    close(fd);
    return st;
}

static bool sync_folder(const char *path)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const bool is_synced = fsync(fd) == 0;
    close(fd);
    return is_synced;
}

enum st keystore_disk_write(const char *path, const uint8_t *bytes, size_t size, bool must_be_new,
                            struct fault *fault)
{
    char part[PATH_MAX + 8];
    enum st st = ST_IO;

    (void)snprintf(part, sizeof part, "%s.XXXXXX", path);
    const int fd = mkostemp(part, O_CLOEXEC);
    if (fd < 0) {
        fault_say(fault, "%s cannot be made: %s.", path, strerror(errno));
        return ST_IO;
    }
    bool is_done = fchmod(fd, 0600) == 0 && write_all(fd, bytes, size) && fsync(fd) == 0;
    is_done = close(fd) == 0 && is_done;
    if (is_done) {
        /* link(), unlike rename(), never takes the place of a file. */
        is_done = (must_be_new ? link(part, path) : rename(part, path)) == 0;
        st = must_be_new && errno == EEXIST ? ST_REFUSED : ST_IO;
    }
    if (!is_done) {
        fault_say(fault, "%s cannot be written: %s.", path, strerror(errno));
    } else if (!sync_folder(path)) {
        fault_say(fault, "%s is written, but perhaps not durably: %s.", path, strerror(errno));
        st = ST_IO;
    } else {
        st = ST_OK;
    }
    if (must_be_new || !is_done) {
        unlink(part);
    }
    return st;
}
