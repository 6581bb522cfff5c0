#include "firmware/terminal/till.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firmware/terminal/local_socket.h"
#include "firmware/terminal/till_wire.h"
#include "hal/base/bytes.h"
#include "hal/clock.h"

enum {
    IDLE_MS = 250,   /* how often the reader's supervision moves on when nobody asks */
    WAITING_MS = 10, /* between two looks for a card */
    OUT_MAX = 2 * TILL_ANSWER_MAX,
    LINES_MAX = 8, /* of a client, before the others have their turn */
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
    struct desk *desk;
    struct terminal *terminal; /* the desk's */
    struct scans *scans;       /* may be NULL */
    int fd;
    char path[LOCAL_SOCKET_PATH_MAX + 1];
    struct client clients[TILL_CLIENTS_MAX];
    struct client *active; /* whose request is at the card; NULL: nobody's, or it hung up */
    bool has_said;
    enum tap_say said;
    bool is_waiting;
    int64_t active_ms; /* when a request last did something, or the start */
    char line[TILL_ANSWER_MAX];
};

/* --- clients -------------------------------------------------------------------------------- */

static void client_close(struct till *till, struct client *client)
{
    (void)close(client->fd);
    client->fd = -1;
    if (till->active == client) {
        till->active = NULL;
        desk_cancel(till->desk);
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
    enum tap_say say = desk_meanwhile(till->desk);
    if (say == TAP_SAY_WORKING || (till->has_said && say == till->said)) {
        return;
    }
    till->has_said = true;
    till->said = say;
    client_send(till, till->active, till_encode_meanwhile(say, till->line));
}

static size_t encode_answer(struct till *till, const struct desk_answer *answer)
{
    return answer->has_bon       ? till_encode_bon(&answer->bon, till->line)
           : answer->has_waiting ? till_encode_waiting(answer, till->line)
           : answer->has_release ? till_encode_release(answer, till->line)
           : answer->has_lost    ? till_encode_lost(answer, till->line)
           : answer->has_member  ? till_encode_member(answer, till->line)
           : answer->has_found   ? till_encode_found(answer, till->line)
                                 : till_encode_answer(&answer->tap, till->line);
}

static void serve_line(struct till *till, struct client *client, const char *line, size_t size)
{
    struct till_request request;
    struct fault fault = {{0}};
    const enum st st = till_decode(line, size, &request, &fault);
    if (st != ST_OK) {
        client_refuse(till, client, st == ST_REFUSED ? TAP_REASON_REFUSED : TAP_REASON_BAD_REQUEST,
                      &fault);
        return;
    }
    if (request.is_status) {
        struct terminal_status status;
        terminal_status(till->terminal, &status);
        status.quiet_s = (clock_monotonic_ms() - till->active_ms) / 1000;
        client_send(till, client, till_encode_status(&status, till->line));
        return;
    }
    if (desk_is_busy(till->desk)) {
        fault_say(&fault, "Another request has the card: wait for its answer, then ask again.");
        client_refuse(till, client, TAP_REASON_BUSY, &fault);
        return;
    }
    struct desk_answer answer;
    if (desk_begin(till->desk, &request.desk, request.wait_ms, &answer) != ST_OK) {
        till->active_ms = clock_monotonic_ms();
        client_send(till, client, encode_answer(till, &answer));
        return;
    }
    till->active = client;
    till->has_said = false;
    till->is_waiting = false;
    say_meanwhile_if_new(till);
}

static char *end_of_line(struct client *client)
{
    const bool is_heard = client->fd >= 0 && !client->is_closing;
    return is_heard ? memchr(client->in, '\n', client->in_bytes) : NULL;
}

static void client_lines(struct till *till, struct client *client)
{
    char *end;
    for (int left = LINES_MAX; left > 0 && (end = end_of_line(client)) != NULL; left--) {
        size_t size = (size_t)(end - client->in);
        char line[TILL_REQUEST_MAX + 1];
        memcpy(line, client->in, size);
        client->in_bytes -= size + 1;
        memmove(client->in, end + 1, client->in_bytes);
        serve_line(till, client, line, size);
        /* It may have been a bank card. */
        bytes_wipe(line, size);
        bytes_wipe(client->in + client->in_bytes, sizeof client->in - client->in_bytes);
    }
    if (client->fd >= 0 && client->in_bytes > TILL_REQUEST_MAX && end_of_line(client) == NULL) {
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
    int fd = local_socket_accept(till->fd);
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
    enum terminal_progress progress = desk_step(till->desk);
    till->is_waiting = progress == TERMINAL_WAITING;
    if (progress != TERMINAL_OVER) {
        say_meanwhile_if_new(till);
        return;
    }
    struct client *client = till->active;
    const struct tap_answer *answer = &desk_answer(till->desk)->tap;
    if (answer->reason != TAP_REASON_NO_CARD) { /* a gate asks for a card day and night */
        till->active_ms = clock_monotonic_ms();
    }
    client_send(till, client, encode_answer(till, desk_answer(till->desk)));
    bool was_told = client != NULL && client->fd >= 0 && client->out_bytes == 0;
    if (was_told) {
        bool is_done = answer->outcome == TAP_DONE && answer->has_parts;
        client->told = is_done ? answer->snapshot.last.sequence : 0;
    }
    till->active = NULL; /* before finish: the client may hang up now without harm */
    desk_finish(till->desk, was_told);
}

/* Some client has said more than it had its turn for. */
static bool has_lines(struct till *till)
{
    for (size_t n = 0; n < TILL_CLIENTS_MAX; n++) {
        if (end_of_line(&till->clients[n]) != NULL) {
            return true;
        }
    }
    return false;
}

static int wait_ms(struct till *till)
{
    if (has_lines(till)) {
        return 0;
    }
    return !desk_is_busy(till->desk) ? IDLE_MS : till->is_waiting ? WAITING_MS : 0;
}

static void scan_told(void *ctx, enum st st, const struct identifier *id, const struct fault *say)
{
    desk_scan(((struct till *)ctx)->desk, st, id, say);
}

/* Waits and serves the sockets once. False: it is time to stop. */
static bool serve_sockets(struct till *till, int stop_fd)
{
    enum { OWN = 2, DEVICES_AT = OWN + TILL_CLIENTS_MAX, ALL = DEVICES_AT + SCANS_POLL_MAX };
    struct pollfd polled[ALL] = {{.fd = stop_fd, .events = POLLIN},
                                 {.fd = till->fd, .events = POLLIN}};
    const nfds_t count = till->scans != NULL ? ALL : DEVICES_AT;
    if (till->scans != NULL) {
        scans_poll(till->scans, polled + DEVICES_AT);
    }
    for (size_t n = 0; n < TILL_CLIENTS_MAX; n++) {
        const struct client *client = &till->clients[n];
        polled[OWN + n].fd = client->fd;
        polled[OWN + n].events = (short)(POLLIN | (client->out_bytes > 0 ? POLLOUT : 0));
    }
    if (poll(polled, count, wait_ms(till)) <= 0 && !has_lines(till)) {
        return true;
    }
    if (till->scans != NULL) {
        scans_serve(till->scans, polled + DEVICES_AT, scan_told, till);
    }
    for (size_t n = 0; n < TILL_CLIENTS_MAX; n++) {
        struct client *client = &till->clients[n];
        short events = polled[OWN + n].revents;
        if (client->fd >= 0 && (events & POLLOUT) != 0) {
            client_flush(till, client);
        }
        if (end_of_line(client) != NULL) {
            client_lines(till, client);
        } else if (client->fd >= 0 && (events & (POLLIN | POLLHUP | POLLERR)) != 0) {
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
        if (desk_is_busy(till->desk)) {
            step(till);
        } else {
            terminal_idle(till->terminal);
        }
    }
    desk_hurry(till->desk);
    while (desk_is_busy(till->desk)) {
        step(till);
    }
}

/* --- opening -------------------------------------------------------------------------------- */

enum st till_open(const char *path, struct desk *desk, struct scans *scans, struct till **ret,
                  struct fault *fault)
{
    struct till *till = calloc(1, sizeof *till);
    if (till == NULL) {
        fault_say(fault, "There is no memory left: restart the terminal.");
        return ST_FULL;
    }
    till->desk = desk;
    till->terminal = desk_terminal(desk);
    till->scans = scans;
    till->active_ms = clock_monotonic_ms();
    for (size_t n = 0; n < TILL_CLIENTS_MAX; n++) {
        till->clients[n].fd = -1;
    }
    const enum st st = local_socket_listen(path, TILL_CLIENTS_MAX, "The till's socket", "--socket",
                                           &till->fd, fault);
    if (st != ST_OK) {
        free(till);
        return st;
    }
    memcpy(till->path, path, strlen(path) + 1); /* it was short enough to listen at */
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
