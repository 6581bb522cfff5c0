#include "drivers/reader/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/reader/message.h"

enum {
    KILLED_MS = 1000, /* how long child_close waits for the end of a killed child */
};

void child_init(struct child *child)
{
    *child = (struct child){.pid = 0, .pidfd = -1, .socket = -1};
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* A pair of which neither end lies at 0..3, so that no file action overwrites the other's source.
 */
static bool make_pair(int ret_pair[2])
{
    int low[2] = {-1, -1};
    int high[2] = {-1, -1};
    bool is_good = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, low) == 0;
    for (int i = 0; i < 2 && is_good; i++) {
        high[i] = fcntl(low[i], F_DUPFD_CLOEXEC, READER_CHILD_SOCKET + 1);
        is_good = high[i] >= 0;
    }
    const int why = errno;
    close_fd(&low[0]);
    close_fd(&low[1]);
    if (!is_good) {
        close_fd(&high[0]);
        close_fd(&high[1]);
        errno = why;
        return false;
    }
    ret_pair[0] = high[0];
    ret_pair[1] = high[1];
    return true;
}

static int plan_descriptors(posix_spawn_file_actions_t *actions, int socket, bool keep_stderr)
{
    int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
    if (rc == 0) {
        rc = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_RDWR, 0);
    }
    if (rc == 0 && (!keep_stderr || fcntl(2, F_GETFD) < 0)) {
        rc = posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_RDWR, 0);
    }
    if (rc == 0) {
        rc = posix_spawn_file_actions_adddup2(actions, socket, READER_CHILD_SOCKET);
    }
    if (rc == 0) {
        rc = posix_spawn_file_actions_addclosefrom_np(actions, READER_CHILD_SOCKET + 1);
    }
    return rc;
}

static int plan_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0) {
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    }
    if (rc == 0) {
        rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    return rc;
}

static int spawn(const char *program, const char *argument, int socket, bool keep_stderr,
                 pid_t *ret_pid)
{
    /* The configuration file in /etc/nfc may not add devices or scans of its own (nfc-internal.c),
     * and libnfc's own log would repeat itself four times a second while the reader is away. */
    char *environment[] = {"LIBNFC_AUTO_SCAN=false", "LIBNFC_INTRUSIVE_SCAN=false",
                           "LIBNFC_LOG_LEVEL=0", "PATH=/usr/bin:/bin", NULL};
    char *arguments[] = {(char *)program, (char *)argument, NULL}; /* exec takes no const */
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0) {
        return rc;
    }
    rc = posix_spawnattr_init(&attributes);
    if (rc != 0) {
        goto out;
    }
    rc = plan_descriptors(&actions, socket, keep_stderr);
    if (rc == 0) {
        rc = plan_signals(&attributes);
    }
    if (rc == 0) {
        rc = posix_spawn(ret_pid, program, &actions, &attributes, arguments, environment);
    }
    (void)posix_spawnattr_destroy(&attributes);
out:
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

enum st child_start(struct child *child, const char *program, const char *argument,
                    bool keep_stderr)
{
    assert(child->pid == 0);

    int pair[2];
    if (!make_pair(pair)) {
        return ST_IO;
    }
    pid_t pid = 0;
    const int rc = spawn(program, argument, pair[1], keep_stderr, &pid);
    (void)close(pair[1]);
    if (rc != 0) {
        (void)close(pair[0]);
        errno = rc;
        return ST_IO;
    }
    child->pid = pid;
    child->socket = pair[0];
    /* Without it (descriptors used up) the child's end is seen at its socket all the same. */
    child->pidfd = pidfd_open(pid, 0);
    return ST_OK;
}

void child_kill(struct child *child)
{
    close_fd(&child->socket);
    if (child->pid != 0) {
        (void)kill(child->pid, SIGKILL); /* ours and not reaped: the number is nobody else's */
    }
}

bool child_reap(struct child *child, int *ret_wait_status)
{
    int status = 0;
    if (child->pid != 0) {
        const pid_t rc = waitpid(child->pid, &status, WNOHANG);
        if (rc == 0 || (rc < 0 && errno == EINTR)) {
            return false;
        }
        if (rc < 0) {
            status = 0; /* ECHILD: SIGCHLD is ignored, or a waitpid(-1) elsewhere was first */
        }
    }
    close_fd(&child->socket);
    close_fd(&child->pidfd);
    child->pid = 0;
    *ret_wait_status = status;
    return true;
}

/* Waits for the child's end in steps, since there may be no pidfd to wait on. */
static bool ends_within(struct child *child, int time_ms)
{
    enum { STEP_MS = 10 };
    int status;
    for (int waited_ms = 0; !child_reap(child, &status); waited_ms += STEP_MS) {
        if (waited_ms >= time_ms) {
            return false;
        }
        struct pollfd end = {.fd = child->pidfd, .events = POLLIN};
        (void)poll(&end, 1, STEP_MS);
    }
    return true;
}

void child_close(struct child *child, int grace_ms)
{
    close_fd(&child->socket);
    if (ends_within(child, grace_ms)) {
        return;
    }
    child_kill(child);
    (void)ends_within(child, KILLED_MS);
    close_fd(&child->pidfd);
}
