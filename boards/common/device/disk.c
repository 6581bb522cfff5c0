#include "boards/common/device/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Of ext4's superblock, numbers little-endian. */
enum { SUPERBLOCK_AT = 1024, MAGIC_AT = 0x38, STATE_AT = 0x3a, HEAD_BYTES = 64 };
enum { MAGIC = 0xef53, STATE_ERRORS = 2 };

bool disk_has_errors(const char *device)
{
    unsigned char head[HEAD_BYTES];
    const int fd = open(device, O_RDONLY | O_CLOEXEC);
    const bool is_read =
        fd >= 0 && pread(fd, head, sizeof head, SUPERBLOCK_AT) == (ssize_t)sizeof head;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_read && (head[MAGIC_AT] | head[MAGIC_AT + 1] << 8) == MAGIC &&
           (head[STATE_AT] & STATE_ERRORS) != 0;
}

bool disk_has_failed(const char *folder)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/try", folder);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    const bool is_written = fd >= 0 && write(fd, "", 1) == 1 && fsync(fd) == 0;
    const int cause = is_written ? 0 : errno;
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(path);
    }
    return cause == EROFS || cause == EIO;
}
