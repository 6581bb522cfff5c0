#include "firmware/terminal/till_call.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_SLACK_MS = 20000, LINE_MAX_BYTES = 32768 };

int till_call_send(const char *socket_path, const json_t *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(socket_path) >= sizeof address.sun_path) {
        (void)fprintf(stderr, "vafa-till: the socket's name is too long.\n");
        return -1;
    }
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)fprintf(stderr, "vafa-till: no terminal answers at %s (%s): start vafa-terminal.\n",
                      socket_path, strerror(errno));
        (void)close(fd);
        return -1;
    }
    char *line = json_dumps(request, JSON_COMPACT);
    if (line == NULL || dprintf(fd, "%s\n", line) < 0) {
        (void)fprintf(stderr, "vafa-till: the terminal does not listen.\n");
        (void)close(fd);
        fd = -1;
    }
    free(line);
    return fd;
}

static int take_line(int (*take)(void *ctx, const char *line, const json_t *answer), void *ctx,
                     const char *line)
{
    json_t *answer = json_loads(line, 0, NULL);
    const int code = answer == NULL ? -1 : take(ctx, line, answer);
    json_decref(answer);
    return code;
}

int till_call_answers(int fd, int wait_s,
                      int (*take)(void *ctx, const char *line, const json_t *answer), void *ctx)
{
    static char buffer[LINE_MAX_BYTES];
    size_t bytes = 0;
    int code = -1;
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    while (code < 0 && bytes < sizeof buffer - 1 &&
           poll(&polled, 1, wait_s * 1000 + ANSWER_SLACK_MS) > 0) {
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
    (void)close(fd);
    if (code < 0) {
        (void)fprintf(stderr, "vafa-till: the terminal went away before its answer. Hand nothing "
                              "over; ask again with the same card.\n");
    }
    return code;
}
