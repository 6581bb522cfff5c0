#include "firmware/terminal/till_call.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "firmware/terminal/till_line.h"

enum { ANSWER_SLACK_MS = 20000, STATUS_MS = 5000, LINE_MAX_BYTES = 32768 };

/* --- answers -------------------------------------------------------------------------------- */

static int take_line(int (*take)(void *ctx, const char *line, const json_t *answer), void *ctx,
                     const char *line)
{
    json_t *answer = json_loads(line, 0, NULL);
    const int code = answer == NULL ? -1 : take(ctx, line, answer);
    json_decref(answer);
    return code;
}

/* -1: it was silent for `silence_ms`, or is gone. */
static int read_answers(int fd, int silence_ms,
                        int (*take)(void *ctx, const char *line, const json_t *answer), void *ctx)
{
    static char buffer[LINE_MAX_BYTES];
    size_t bytes = 0;
    int code = -1;
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    while (code < 0 && bytes < sizeof buffer - 1 && poll(&polled, 1, silence_ms) > 0) {
        const ssize_t got = read(fd, buffer + bytes, sizeof buffer - 1 - bytes);
        if (got <= 0) {
            break;
        }
        bytes += (size_t)got;
        for (char *end; code < 0 && (end = memchr(buffer, '\n', bytes)) != NULL;) {
            *end = '\0';
            code = take_line(take, ctx, buffer);
            bytes -= (size_t)(end + 1 - buffer);
            memmove(buffer, end + 1, bytes);
        }
    }
    return code;
}

/* --- calling -------------------------------------------------------------------------------- */

static int call_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(path) >= sizeof address.sun_path) {
        (void)fprintf(stderr, "vafa-till: the socket's name is too long.\n");
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)fprintf(stderr, "vafa-till: no terminal answers at %s (%s): start vafa-terminal.\n",
                      path, strerror(errno));
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int take_status(void *ctx, const char *line, const json_t *answer)
{
    (void)ctx;
    (void)line;
    return json_object_get(answer, "ready") != NULL ? 0 : -1;
}

/* A line can be opened whoever is at its other end: a status is always answered at once. */
static int call_line(const char *path)
{
    const int fd = till_line_open(path);
    if (fd < 0) {
        return -1;
    }
    if (dprintf(fd, "{\"v\":1,\"do\":\"status\"}\n") < 0 ||
        read_answers(fd, STATUS_MS, take_status, NULL) < 0) {
        (void)fprintf(
            stderr,
            "vafa-till: no terminal answers at %s: is the cable in its register port, not "
            "the console, with TX at RX, and did it say \"self-test ok\"?\n",
            path);
        till_line_close(fd);
        return -1;
    }
    return fd;
}

int till_call_send(const struct till_place *place, const json_t *request)
{
    int fd = place->is_line ? call_line(place->path) : call_socket(place->path);
    if (fd < 0) {
        return -1;
    }
    char *line = json_dumps(request, JSON_COMPACT);
    if (line == NULL || dprintf(fd, "%s\n", line) < 0) {
        (void)fprintf(stderr, "vafa-till: the terminal does not listen.\n");
        till_line_close(fd);
        fd = -1;
    }
    free(line);
    return fd;
}

int till_call_answers(int fd, int wait_s,
                      int (*take)(void *ctx, const char *line, const json_t *answer), void *ctx)
{
    const int code = read_answers(fd, wait_s * 1000 + ANSWER_SLACK_MS, take, ctx);
    till_line_close(fd);
    if (code < 0) {
        (void)fprintf(stderr, "vafa-till: the terminal went away before its answer. Hand nothing "
                              "over; ask again with the same card.\n");
    }
    return code;
}
