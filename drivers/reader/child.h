/* child.h - one supervised process with a socket to it, private to drivers/reader.
 *
 * Never blocks, except child_close by at most its stated time. The child inherits nothing but
 * /dev/null at 0 and 1, stderr or /dev/null at 2, and its end of a SOCK_SEQPACKET pair at
 * READER_CHILD_SOCKET: no other descriptor, no environment of the parent's, no signal mask.
 * posix_spawn shares the parent's memory only until exec, so no copy of the parent's keys is made.
 */
#ifndef DRIVERS_READER_CHILD_H
#define DRIVERS_READER_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "hal/base/status.h"

struct child {
    pid_t pid;  /* 0: there is none */
    int pidfd;  /* readable when the child has ended */
    int socket; /* -1 after child_kill */
};

/* No child yet. */
void child_init(struct child *child);

/* ST_IO  errno says why; there is no child. */
ST_CHECK enum st child_start(struct child *child, const char *program, const char *argument,
                             bool keep_stderr);

/* Closes the socket and ends the child at once, however it hangs. It must still be reaped. */
void child_kill(struct child *child);

/* True when the child has ended, or there is none: all is given back, and *ret_wait_status is what
 * waitpid said (0 when somebody else took it). */
bool child_reap(struct child *child, int *ret_wait_status);

/* Lets the child end by itself for at most `grace_ms`, then kills it and waits for its end, at
 * most a second more: a process that even SIGKILL cannot end (a driver that hangs in the kernel)
 * is left behind. */
void child_close(struct child *child, int grace_ms);

#endif
