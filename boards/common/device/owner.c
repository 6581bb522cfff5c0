#include "boards/common/device/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool owner_set(const char *path, uid_t user, gid_t group, mode_t mode)
{
    struct stat about;
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT;
    }
    bool is_set = fstat(fd, &about) == 0;
    if (is_set && (!S_ISREG(about.st_mode) || about.st_nlink > 1)) {
        errno = EPERM;
        is_set = false;
    }
    is_set = is_set && fchown(fd, user, group) == 0 && fchmod(fd, mode) == 0;
    const int error = errno;
    (void)close(fd);
    errno = error;
    return is_set;
}
