/* vafa-register LINE SOCKET - a cash register at a serial line speaks to the till as it would over
 * the till's socket: docs/till.md. 115200 baud, 8 bits, no parity. Bytes are passed on as they are,
 * but for the one that hangs up; when the terminal is away they are dropped, and the register hears
 * nothing. It ends when the line does: a cable at USB was pulled. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "firmware/terminal/till_line.h"
#include "hal/serial.h"

enum { RETRY_MS = 50, PIECE = 4096 };

static int open_line(const char *path)
{
    const int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 && serial_raw(fd, TILL_LINE_SPEED) ? fd : -1;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* False when either end is gone, `from` has no more to say, or `end` was in what it said. */
static bool pass(int from, int to, int end)
{
    char bytes[PIECE];
    const ssize_t got = read(from, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) {
        return true;
    }
    if (got > 0 && end >= 0 && memchr(bytes, end, (size_t)got) != NULL) {
        return false; /* who hangs up wants no answer to what stood before it */
    }
    for (ssize_t done = 0; done < got;) {
        const ssize_t put = write(to, bytes + done, (size_t)(got - done));
        if (put < 0 && errno != EINTR) {
            return false;
        }
        done += put > 0 ? put : 0;
    }
    return got > 0;
}

/* Until one end is gone, or the register hung up. True: the line is still there. */
static bool serve(int line, int till)
{
    struct pollfd ends[2] = {{.fd = line, .events = POLLIN}, {.fd = till, .events = POLLIN}};
    bool is_up = true;
    while (is_up && poll(ends, 2, -1) >= 0) {
        is_up = (ends[1].revents == 0 || pass(till, line, -1)) &&
                (ends[0].revents == 0 || pass(line, till, TILL_LINE_HANG_UP));
    }
    return poll(ends, 1, 0) >= 0 && (ends[0].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

int main(int argc, char **argv)
{
    if (argc != 3 || strlen(argv[2]) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        (void)fprintf(stderr, "usage: vafa-register LINE SOCKET\n");
        return 2;
    }
    const int line = open_line(argv[1]);
    if (line < 0) {
        (void)fprintf(stderr, "%s cannot be used as a serial line: %s\n", argv[1], strerror(errno));
        return 1;
    }
    bool has_line = true;
    while (has_line) {
        const int till = connect_to(argv[2]);
        if (till < 0) {
            (void)poll(NULL, 0, RETRY_MS);
            continue;
        }
        (void)tcflush(line, TCIFLUSH); /* what was typed at nobody is for nobody */
        has_line = serve(line, till);
        (void)close(till);
        (void)poll(NULL, 0, RETRY_MS); /* a terminal that has no place is not called without end */
    }
    (void)fprintf(stderr, "%s is gone: is its cable pulled?\n", argv[1]);
    return 1;
}
