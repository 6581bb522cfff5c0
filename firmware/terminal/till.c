#include "firmware/terminal/till.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "firmware/terminal/till_wire.h"

enum {
    IDLE_MS = 250,   /* how often the reader's supervision moves on when nobody asks */
    WAITING_MS = 10, /* between two looks for a card */
    OUT_MAX = 2 * TILL_ANSWER_MAX,
};

struct client {
    int fd;          /* -1: free */
    bool is_closing; /* after what is left to send */
    uint32_t told;   /* the intent whose done was its last answer; 0: another answer */
    char in[TILL_REQUEST_MAX + 1];
    size_t in_bytes;
    char out[OUT_MAX];
    size_t out_bytes;
};

struct till {
    struct terminal *terminal;
    int fd;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct client clients[TILL_CLIENTS_MAX];
    struct client *active; /* whose request is at the card; NULL: nobody's, or it hung up */
    bool has_said;
    enum tap_say said;
    bool is_waiting;
    char line[TILL_ANSWER_MAX];
};

/* --- clients -------------------------------------------------------------------------------- */

static void client_close(struct till *till, struct client *client)
{
    (void)close(client->fd);
    client->fd = -1;
    if (till->active == client) {
        till->active = NULL;
        terminal_cancel(till->terminal);
    }
}

static void client_flush(struct till *till, struct client *client)
{
    while (client->out_bytes > 0) {
        ssize_t sent =
            send(client->fd, client->out, client->out_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (sent < 0) {
            client_close(till, client);
            return;
        }
        client->out_bytes -= (size_t)sent;
        memmove(client->out, client->out + sent, client->out_bytes);
    }
    if (client->is_closing) {
        client_close(till, client);
    }
}

/* Sends till->line. A client that does not fetch its answers is let go. */
static void client_send(struct till *till, struct client *client, size_t size)
{
    if (client == NULL || client->fd < 0) {
        return;
    }
    if (size > sizeof client->out - client->out_bytes) {
        client_close(till, client);
        return;
    }
    memcpy(client->out + client->out_bytes, till->line, size);
    client->out_bytes += size;
    client_flush(till, client);
}

static void client_refuse(struct till *till, struct client *client, enum tap_reason reason,
                          const struct fault *say)
{
    struct tap_answer answer = {.outcome = TAP_NOT_DONE, .reason = reason, .say = *say};
    client_send(till, client, till_encode_answer(&answer, till->line));
}

/* --- requests ------------------------------------------------------------------------------- */

static void say_meanwhile_if_new(struct till *till)
{
    enum tap_say say = terminal_meanwhile(till->terminal);
    if (say == TAP_SAY_WORKING || (till->has_said && say == till->said)) {
        return;
    }
    till->has_said = true;
    till->said = say;
    client_send(till, till->active, till_encode_meanwhile(say, till->line));
}

static void serve_line(struct till *till, struct client *client, const char *line, size_t size)
{
    struct till_request request;
    struct fault fault = {{0}};
    if (till_decode(line, size, &request, &fault) != ST_OK) {
        client_refuse(till, client, TAP_REASON_BAD_REQUEST, &fault);
        return;
    }
    if (request.is_status) {
        struct terminal_status status;
        terminal_status(till->terminal, &status);
        client_send(till, client, till_encode_status(&status, till->line));
        return;
    }
    if (terminal_is_busy(till->terminal)) {
        fault_say(&fault, "Another request has the card: wait for its answer, then ask again.");
        client_refuse(till, client, TAP_REASON_BUSY, &fault);
        return;
    }
    struct tap_answer refusal;
    if (terminal_begin(till->terminal, &request.tap, request.wait_ms, &refusal) != ST_OK) {
        client_send(till, client, till_encode_answer(&refusal, till->line));
        return;
    }
    till->active = client;
    till->has_said = false;
    till->is_waiting = false;
    say_meanwhile_if_new(till);
}

static void client_lines(struct till *till, struct client *client)
{
    char *end;
    while (client->fd >= 0 && !client->is_closing &&
           (end = memchr(client->in, '\n', client->in_bytes)) != NULL) {
        size_t size = (size_t)(end - client->in);
        char line[TILL_REQUEST_MAX + 1];
        memcpy(line, client->in, size);
        client->in_bytes -= size + 1;
        memmove(client->in, end + 1, client->in_bytes);
        serve_line(till, client, line, size);
    }
    if (client->fd >= 0 && client->in_bytes > TILL_REQUEST_MAX) {
        struct fault fault;
        fault_say(&fault, "A line has at most %d bytes.", TILL_REQUEST_MAX);
        client->is_closing = true;
        client->in_bytes = 0;
        client_refuse(till, client, TAP_REASON_BAD_REQUEST, &fault);
    }
}

static void client_receive(struct till *till, struct client *client)
{
    ssize_t got = recv(client->fd, client->in + client->in_bytes,
                       sizeof client->in - client->in_bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) {
        return;
    }
    if (got < 0 && errno == ECONNRESET && client->told != 0) {
        /* It died with our answer unread in its socket. */
        terminal_untell(till->terminal, client->told);
    }
    if (got <= 0) {
        client_close(till, client);
        return;
    }
    client->in_bytes += (size_t)got;
    client_lines(till, client);
}

static void accept_client(struct till *till)
{
    int fd = accept4(till->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    for (size_t n = 0; n < TILL_CLIENTS_MAX; n++) {
        if (till->clients[n].fd < 0) {
            till->clients[n].fd = fd;
            till->clients[n].is_closing = false;
            till->clients[n].told = 0;
            till->clients[n].in_bytes = till->clients[n].out_bytes = 0;
            return;
        }
    }
    (void)close(fd); /* no place is free: it may call again */
}

/* --- the loop ------------------------------------------------------------------------------- */

static void step(struct till *till)
{
    enum terminal_progress progress = terminal_step(till->terminal);
    till->is_waiting = progress == TERMINAL_WAITING;
    if (progress != TERMINAL_OVER) {
        say_meanwhile_if_new(till);
        return;
    }
    struct client *client = till->active;
    const struct tap_answer *answer = terminal_answer(till->terminal);
    client_send(till, client, till_encode_answer(answer, till->line));
    bool was_told = client != NULL && client->fd >= 0 && client->out_bytes == 0;
    if (was_told) {
        bool is_done = answer->outcome == TAP_DONE && answer->has_parts;
        client->told = is_done ? answer->snapshot.last.sequence : 0;
    }
    till->active = NULL; /* before finish: the client may hang up now without harm */
    terminal_finish(till->terminal, was_told);
}

static int wait_ms(const struct till *till)
{
    return !terminal_is_busy(till->terminal) ? IDLE_MS : till->is_waiting ? WAITING_MS : 0;
}

/* Waits and serves the sockets once. False: it is time to stop. */
static bool serve_sockets(struct till *till, int stop_fd)
{
    struct pollfd polled[2 + TILL_CLIENTS_MAX] = {{.fd = stop_fd, .events = POLLIN},
                                                  {.fd = till->fd, .events = POLLIN}};
    for (size_t n = 0; n < TILL_CLIENTS_MAX; n++) {
        const struct client *client = &till->clients[n];
        polled[2 + n].fd = client->fd;
        polled[2 + n].events = (short)(POLLIN | (client->out_bytes > 0 ? POLLOUT : 0));
    }
    if (poll(polled, 2 + TILL_CLIENTS_MAX, wait_ms(till)) <= 0) {
        return true;
    }
    for (size_t n = 0; n < TILL_CLIENTS_MAX; n++) {
        struct client *client = &till->clients[n];
        short events = polled[2 + n].revents;
        if (client->fd >= 0 && (events & POLLOUT) != 0) {
            client_flush(till, client);
        }
        if (client->fd >= 0 && (events & (POLLIN | POLLHUP | POLLERR)) != 0) {
            client_receive(till, client);
        }
    }
    if ((polled[1].revents & POLLIN) != 0) {
        accept_client(till);
    }
    return (polled[0].revents & POLLIN) == 0;
}

void till_run(struct till *till, int stop_fd)
{
    while (serve_sockets(till, stop_fd)) {
        if (terminal_is_busy(till->terminal)) {
            step(till);
        } else {
            terminal_idle(till->terminal);
        }
    }
    terminal_hurry(till->terminal);
    while (terminal_is_busy(till->terminal)) {
        step(till);
    }
}

/* --- opening -------------------------------------------------------------------------------- */

/* A socket file that nobody listens on is left from a killed process. */
static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_up = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_up;
}

static enum st listen_at(struct till *till, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, till->path, sizeof address.sun_path);
    if (is_answered(&address)) {
        fault_say(fault, "Another terminal answers at %s already: stop it first.", till->path);
        return ST_REFUSED;
    }
    (void)unlink(till->path);
    till->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0117); /* the socket is made with its mode: no moment is open to all */
    bool is_bound =
        till->fd >= 0 && bind(till->fd, (struct sockaddr *)&address, sizeof address) == 0;
    int error = errno;
    (void)umask(before);
    if (!is_bound || listen(till->fd, TILL_CLIENTS_MAX) != 0) {
        fault_say(fault,
                  "The till's socket %s cannot be made: %s. Make its folder, or choose "
                  "another with --socket.",
                  till->path, strerror(error));
        return ST_IO;
    }
    return ST_OK;
}

enum st till_open(const char *path, struct terminal *terminal, struct till **ret,
                  struct fault *fault)
{
    struct till *till = calloc(1, sizeof *till);
    if (till == NULL) {
        fault_say(fault, "There is no memory left: restart the terminal.");
        return ST_FULL;
    }
    till->terminal = terminal;
    till->fd = -1;
    for (size_t n = 0; n < TILL_CLIENTS_MAX; n++) {
        till->clients[n].fd = -1;
    }
    enum st st = ST_IO;
    if (strlen(path) >= sizeof till->path) {
        fault_say(fault, "The name of the till's socket is longer than %zu bytes.",
                  sizeof till->path - 1);
        till->path[0] = '\0';
    } else {
        memcpy(till->path, path, strlen(path) + 1);
        st = listen_at(till, fault);
    }
    if (st != ST_OK) {
        if (till->fd >= 0) {
            (void)close(till->fd);
        }
        free(till);
        return st;
    }
    *ret = till;
    return ST_OK;
}

void till_close(struct till *till)
{
    if (till == NULL) {
        return;
    }
    for (size_t n = 0; n < TILL_CLIENTS_MAX; n++) {
        if (till->clients[n].fd >= 0) {
            (void)close(till->clients[n].fd);
        }
    }
    (void)close(till->fd);
    (void)unlink(till->path);
    free(till);
}
