#include "firmware/terminal/till_line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "hal/clock.h"
#include "hal/serial.h"

enum {
    SILENCE_MS = 300, /* no byte of an answer comes so long after another */
    LATE_MS = 5000,   /* the longest answer takes half of it */
    PIECE = 512
};

static volatile sig_atomic_t calling = -1;

static bool hang_up(int fd)
{
    static const char byte = TILL_LINE_HANG_UP;
    return write(fd, &byte, 1) == 1;
}

static void on_signal(int number)
{
    (void)(calling >= 0 && hang_up(calling));
    (void)raise(number); /* it is reset: this ends the process */
}

static void hang_up_at_signals(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction before;
    for (size_t n = 0; n < sizeof signals / sizeof *signals; n++) {
        if (sigaction(signals[n], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            (void)sigaction(signals[n], &action, NULL);
        }
    }
}

static const char *why(int error)
{
    return error == ENOENT || error == ENODEV || error == ENXIO
               ? "there is no such device: plug the adapter in; `ls /dev/ttyUSB*` lists them"
           : error == EACCES || error == EPERM
               ? "you may not use it: join the group dialout, or use sudo"
           : error == EBUSY || error == EWOULDBLOCK ? "another program has it: end that one first"
           : error == ENOTTY || error == EISDIR     ? "it is no serial line"
                                                    : strerror(error);
}

/* Takes in what an earlier call is still told. */
static void wait_for_silence(int fd)
{
    char bytes[PIECE];
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    const int64_t until_ms = clock_monotonic_ms() + LATE_MS;
    while (clock_monotonic_ms() < until_ms && poll(&polled, 1, SILENCE_MS) > 0 &&
           read(fd, bytes, sizeof bytes) > 0) {
    }
}

/* Without O_NONBLOCK a line that waits for a modem would hold the open. */
int till_line_open(const char *path)
{
    const int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || !serial_raw(fd, TILL_LINE_SPEED) ||
        fcntl(fd, F_SETFL, 0) != 0 || !hang_up(fd)) {
        (void)fprintf(stderr, "vafa-till: %s: %s.\n", path, why(errno));
        till_line_close(fd);
        return -1;
    }
    calling = fd;
    hang_up_at_signals();
    wait_for_silence(fd);
    return fd;
}

void till_line_close(int fd)
{
    calling = -1;
    if (fd >= 0) {
        (void)close(fd);
    }
}
