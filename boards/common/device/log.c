#include "boards/common/device/log.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "hal/clock.h"

void log_init(struct log *log)
{
    *log = (struct log){.fd = -1};
}

void log_console(int fd)
{
    struct termios line;
    if (tcgetattr(fd, &line) == 0) {
        line.c_iflag &= ~(tcflag_t)IXON;
        (void)tcsetattr(fd, TCSANOW, &line);
    }
}

static void open_file(struct log *log)
{
    struct stat about;
    log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    log->bytes = log->fd >= 0 && fstat(log->fd, &about) == 0 ? (size_t)about.st_size : 0;
}

static void turn_over(struct log *log)
{
    char old[LOG_PATH_MAX + 5];
    (void)snprintf(old, sizeof old, "%s.old", log->path);
    log_close(log);
    /* If it cannot be renamed it must not grow either. */
    if (rename(log->path, old) != 0) {
        (void)!truncate(log->path, 0);
    }
    open_file(log);
}

void log_open(struct log *log, const char *path)
{
    assert(strlen(path) <= LOG_PATH_MAX);
    (void)snprintf(log->path, sizeof log->path, "%s", path);
    open_file(log);
}

void log_say(struct log *log, const char *who, const char *text)
{
    char line[LOG_LINE_MAX + 2];
    const int64_t now_ms = clock_monotonic_ms();
    const int size = snprintf(line, LOG_LINE_MAX + 1, "[%4" PRId64 ".%03" PRId64 "] %s: %s",
                              now_ms / 1000, now_ms % 1000, who, text);
    size_t bytes = size < 0 ? 0 : size > LOG_LINE_MAX ? LOG_LINE_MAX : (size_t)size;
    line[bytes++] = '\n';
    /* Neither has anywhere to complain to. */
    (void)!write(STDOUT_FILENO, line, bytes);
    if (log->fd >= 0) {
        if (log->bytes + bytes > LOG_FILE_MAX) {
            turn_over(log);
        }
        const ssize_t written = log->fd >= 0 ? write(log->fd, line, bytes) : 0;
        log->bytes += written > 0 ? (size_t)written : 0;
    }
}

void log_close(struct log *log)
{
    if (log->fd >= 0) {
        (void)close(log->fd);
        log->fd = -1;
    }
}
