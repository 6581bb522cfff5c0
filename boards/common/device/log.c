#include "boards/common/device/log.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
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

char log_shown(char c)
{
    const unsigned char byte = (unsigned char)c;
    return (byte < ' ' && c != '\t') || byte == 0x7f ? '?' : c;
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

/* "[  12.345] who: text\n"; its size. */
static size_t compose(const char *who, const char *text, char ret_line[LOG_LINE_MAX + 2])
{
    const int64_t now_ms = clock_monotonic_ms();
    const int size = snprintf(ret_line, LOG_LINE_MAX + 1, "[%4" PRId64 ".%03" PRId64 "] %s: %s",
                              now_ms / 1000, now_ms % 1000, who, text);
    size_t bytes = size < 0 ? 0 : size > LOG_LINE_MAX ? LOG_LINE_MAX : (size_t)size;
    ret_line[bytes++] = '\n';
    return bytes;
}

/* Neither console nor file has anywhere to complain to. A screen that somebody stopped (a
 * keyboard's Scroll Lock) is left alone: the first process would stop with it. */
static void put_on_console(struct log *log, const char *text, size_t bytes)
{
    struct pollfd console = {.fd = STDOUT_FILENO, .events = POLLOUT};
    log->is_stopped = poll(&console, 1, log->is_stopped ? 0 : LOG_CONSOLE_WAITS_MS) == 0;
    if (!log->is_stopped) {
        (void)!write(STDOUT_FILENO, text, bytes);
    }
}

static void hold_back(struct log *log, const char *line, size_t bytes)
{
    if (log->held_out > 0 || bytes > sizeof log->held - log->held_bytes) {
        log->held_out++;
        return;
    }
    memcpy(log->held + log->held_bytes, line, bytes);
    log->held_bytes += bytes;
}

static void put_in_file(struct log *log, const char *line, size_t bytes)
{
    if (log->fd >= 0) {
        if (log->bytes + bytes > LOG_FILE_MAX) {
            turn_over(log);
        }
        const ssize_t written = log->fd >= 0 ? write(log->fd, line, bytes) : 0;
        log->bytes += written > 0 ? (size_t)written : 0;
    }
}

void log_say(struct log *log, const char *who, const char *text)
{
    char line[LOG_LINE_MAX + 2];
    const size_t bytes = compose(who, text, line);
    if (log->is_held) {
        hold_back(log, line, bytes);
    } else {
        put_on_console(log, line, bytes);
    }
    put_in_file(log, line, bytes);
}

void log_tell(struct log *log, const char *who, const char *text)
{
    char line[LOG_LINE_MAX + 2];
    put_on_console(log, line, compose(who, text, line));
}

void log_hold(struct log *log)
{
    log->is_held = true;
    log->held_bytes = 0;
    log->held_out = 0;
}

void log_release(struct log *log)
{
    char text[60];
    log->is_held = false;
    put_on_console(log, log->held, log->held_bytes);
    if (log->held_out > 0) {
        (void)snprintf(text, sizeof text, "%u lines more are in the log", log->held_out);
        log_tell(log, "device", text);
    }
}

void log_close(struct log *log)
{
    if (log->fd >= 0) {
        (void)close(log->fd);
        log->fd = -1;
    }
}
