#include "firmware/terminal/local_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_up = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_up;
}

enum st local_socket_listen(const char *path, int waiting_max, const char *what, const char *option,
                            int *ret_fd, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t size = strlen(path);
    if (size > LOCAL_SOCKET_PATH_MAX) {
        fault_say(fault, "%s: its name is longer than %d bytes.", what, LOCAL_SOCKET_PATH_MAX);
        return ST_IO;
    }
    memcpy(address.sun_path, path, size + 1);
    if (is_answered(&address)) {
        fault_say(fault, "Another terminal answers at %s already: stop it first.", path);
        return ST_REFUSED;
    }
    (void)unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0117); /* the socket is made with its mode: no moment is open to all */
    bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    int error = errno;
    (void)umask(before);
    if (!is_bound || listen(fd, waiting_max) != 0) {
        fault_say(fault, "%s %s cannot be made: %s. Make its folder, or choose another with %s.",
                  what, path, strerror(error), option);
        if (fd >= 0) {
            (void)close(fd);
        }
        return ST_IO;
    }
    *ret_fd = fd;
    return ST_OK;
}

int local_socket_accept(int fd)
{
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}
