/* local_socket.h - a UNIX stream socket that programs of this machine call. */
#ifndef FIRMWARE_TERMINAL_LOCAL_SOCKET_H
#define FIRMWARE_TERMINAL_LOCAL_SOCKET_H

#include <stddef.h>
#include <sys/un.h>

#include "hal/base/status.h"

enum { LOCAL_SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* Listens at `path`, mode 0660, non-blocking, close-on-exec. A file that nobody listens on is left
 * from a killed process and is replaced. `what` names it in sentences: "The till's socket",
 * "--socket". ST_OK       the caller closes *ret_fd and removes the file. ST_REFUSED  another
 * process answers there already. ST_IO  it cannot be made. */
ST_CHECK enum st local_socket_listen(const char *path, int waiting_max, const char *what,
                                     const char *option, int *ret_fd, struct fault *fault);

/* Takes one caller, non-blocking, close-on-exec; -1: there is none. */
int local_socket_accept(int fd);

#endif
