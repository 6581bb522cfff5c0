/* vafa-gate: a gate that lets in whose card pays, over the terminal's socket. See docs/gate.md.
 *
 * A line for each card on standard output, for whatever moves the bar: "open CARD SAY" or
 * "closed CARD SAY", CARD its last four digits or "-". */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "firmware/engine/money.h"
#include "firmware/terminal/gate.h"

enum {
    EXIT_USAGE = 2,
    LINE_MAX_BYTES = 32768,
    WAIT_MS = 60000,  /* a balance with no card there ends then, and is asked again */
    SLACK_MS = 20000, /* a request's answer may come so much later */
    RETRY_S = 1,      /* while the terminal is away */
    AGAIN_S_MAX = 86400,
};

static const char help[] =
    "vafa-gate --fee RIALS [--again SECONDS] [--socket PATH]\n"
    "  lets in whose card pays the fee (from its voucher, gift, credit purse, in this order).\n"
    "  --again: the same card is refused for so long after it was let in (0: never).\n";

static volatile sig_atomic_t is_stopped;

static void stop(int signal)
{
    (void)signal;
    is_stopped = 1;
}

static int64_t now_s(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(path) >= sizeof address.sun_path) {
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* The final answer to the request; NULL: the terminal went away, or the program is stopped. A
 * terminal's answer is one of many lines. */
static json_t *ask(int fd, const json_t *request)
{
    static char buffer[LINE_MAX_BYTES];
    size_t bytes = 0;
    char *line = json_dumps(request, JSON_COMPACT);
    const bool was_sent = line != NULL && dprintf(fd, "%s\n", line) > 0;
    free(line);
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    while (was_sent && !is_stopped && bytes < sizeof buffer - 1 &&
           poll(&polled, 1, WAIT_MS + SLACK_MS) > 0) {
        const ssize_t got = read(fd, buffer + bytes, sizeof buffer - 1 - bytes);
        if (got <= 0) {
            return NULL;
        }
        bytes += (size_t)got;
        for (char *end; (end = memchr(buffer, '\n', bytes)) != NULL;) {
            json_t *answer = json_loadb(buffer, (size_t)(end - buffer), 0, NULL);
            if (json_is_true(json_object_get(answer, "final"))) {
                return answer;
            }
            json_decref(answer);
            bytes -= (size_t)(end + 1 - buffer);
            memmove(buffer, end + 1, bytes);
        }
    }
    return NULL;
}

static void tell(enum gate_verdict verdict, const json_t *answer, const struct fault *say)
{
    const char *card = json_string_value(json_object_get(answer, "card"));
    const size_t length = card == NULL ? 0 : strlen(card);
    (void)printf("%s %s %s\n", verdict == GATE_OPEN ? "open" : "closed",
                 length > 4 ? card + length - 4 : "-", say->say);
    (void)fflush(stdout);
}

/* Serves cards until the terminal goes away. */
static void serve(struct gate *gate, int fd)
{
    bool is_there = true;
    while (is_there && !is_stopped) {
        struct fault say;
        json_t *request = gate_request(gate);
        json_t *answer = request == NULL ? NULL : ask(fd, request);
        is_there = answer != NULL;
        if (is_there) {
            const enum gate_verdict verdict = gate_take(gate, answer, now_s(), &say);
            if (verdict != GATE_WAIT) {
                tell(verdict, answer, &say);
            }
        }
        json_decref(answer);
        json_decref(request);
    }
}

static bool parse(int argc, char **argv, struct gate *gate, const char **ret_socket)
{
    struct money fee = {0};
    for (int n = 1; n + 1 < argc; n += 2) {
        char *end = NULL;
        if (strcmp(argv[n], "--fee") == 0 && money_parse(argv[n + 1], &fee) == ST_OK) {
            gate->fee = fee.rials;
        } else if (strcmp(argv[n], "--again") == 0 && argv[n + 1][0] >= '0' &&
                   argv[n + 1][0] <= '9' &&
                   (gate->again_s = strtol(argv[n + 1], &end, 10)) <= AGAIN_S_MAX && *end == '\0') {
            continue;
        } else if (strcmp(argv[n], "--socket") == 0) {
            *ret_socket = argv[n + 1];
        } else {
            return false;
        }
    }
    return argc % 2 == 1 && gate->fee > 0;
}

int main(int argc, char **argv)
{
    struct gate gate = {.wait_ms = WAIT_MS};
    const char *socket_path = "run/till.sock";
    const struct sigaction action = {.sa_handler = stop};
    if (!parse(argc, argv, &gate, &socket_path)) {
        (void)fputs(help, stderr);
        return EXIT_USAGE;
    }
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    bool was_away = false;
    while (!is_stopped) {
        const int fd = connect_to(socket_path);
        if (fd >= 0) {
            was_away = false;
            serve(&gate, fd);
            (void)close(fd);
        } else if (!was_away) {
            was_away = true;
            (void)printf("closed - No terminal answers at %s.\n", socket_path);
            (void)fflush(stdout);
        }
        if (!is_stopped) {
            (void)sleep(RETRY_S);
        }
    }
    return EXIT_SUCCESS;
}
