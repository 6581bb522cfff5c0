/* The socket half of control.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tools/pn532-sim/control.h"

enum {
    SAY_TRIES = 100, /* times 50 ms: a simulator that starts on a busy machine */
    SAY_PAUSE_MS = 50,
};

static bool fill_address(const char *path, struct sockaddr_un *ret_address)
{
    memset(ret_address, 0, sizeof *ret_address);
    ret_address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof ret_address->sun_path) {
        return false;
    }
    memcpy(ret_address->sun_path, path, strlen(path));
    return true;
}

static int connect_to(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

const char *control_open(struct control_server *server, const char *path)
{
    struct sockaddr_un address;

    server->path = path;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        server->clients[i].fd = -1;
    }
    if (!fill_address(path, &address)) {
        return "the path of --control is too long: a socket's has at most 107 bytes";
    }
    const int other = connect_to(&address);
    if (other >= 0) {
        close(other);
        return "another simulator listens at --control: stop it, or choose another path";
    }
    if (errno == ECONNREFUSED) {
        unlink(path);
    }
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->fd < 0 ||
        bind(server->fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server->fd, CONTROL_CLIENTS_MAX) != 0) {
        return "the socket of --control cannot be made: its folder must exist and be writable, "
               "and nothing else may have its name";
    }
    return NULL;
}

static void drop_client(struct control_client *client)
{
    close(client->fd);
    client->fd = -1;
}

void control_close(struct control_server *server)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (server->clients[i].fd >= 0) {
            drop_client(&server->clients[i]);
        }
    }
    close(server->fd);
    unlink(server->path);
}

void control_prepare(const struct control_server *server, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = server->fd, .events = POLLIN};
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        fds[i + 1] = (struct pollfd){.fd = server->clients[i].fd, .events = POLLIN};
    }
}

static void accept_client(struct control_server *server)
{
    const struct timeval patience = {.tv_sec = 1};
    const int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *client = &server->clients[i];
        if (client->fd < 0) {
            memset(client, 0, sizeof *client);
            client->fd = fd;
            /* A client that does not read its answer must not stop the reader for long. */
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
            return;
        }
    }
    close(fd);
}

/* Sends all, or drops the client. */
static void send_text(struct control_client *client, const char *text, size_t length)
{
    while (length > 0) {
        const ssize_t sent = send(client->fd, text, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            drop_client(client);
            return;
        }
        text += sent;
        length -= (size_t)sent;
    }
}

static void answer_line(struct control_client *client, const char *line, struct sim *sim,
                        uint64_t now_us)
{
    char *text = NULL;
    size_t length = 0;
    FILE *answer = open_memstream(&text, &length);
    if (answer == NULL) {
        drop_client(client);
        return;
    }
    control_do(sim, line, now_us, answer, &client->wait);
    if (client->wait.event == CONTROL_NOTHING) {
        fputc('\n', answer);
    } else {
        client->wait_until_us = now_us + client->wait.timeout_s * UINT64_C(1000000);
    }
    fclose(answer);
    send_text(client, text, length);
    free(text);
}

/* Answers complete lines; while the client waits for an event, its next lines wait too. */
static void answer_lines(struct control_client *client, struct sim *sim, uint64_t now_us)
{
    while (client->fd >= 0 && client->wait.event == CONTROL_NOTHING) {
        char *end = memchr(client->line, '\n', client->length);
        if (end == NULL) {
            return;
        }
        *end = '\0';
        char line[CONTROL_LINE_MAX];
        const size_t used = (size_t)(end - client->line) + 1;
        memcpy(line, client->line, used);
        client->length -= used;
        memmove(client->line, client->line + used, client->length);
        answer_line(client, line, sim, now_us);
    }
}

static void read_client(struct control_client *client, struct sim *sim, uint64_t now_us)
{
    const size_t room = sizeof client->line - client->length;
    const ssize_t count = recv(client->fd, client->line + client->length, room, 0);
    if (count <= 0) {
        drop_client(client);
        return;
    }
    client->length += (size_t)count;
    answer_lines(client, sim, now_us);
    if (client->fd >= 0 && client->length == sizeof client->line) {
        static const char too_long[] = "error: the line is too long: it may have 4199 bytes\n";
        send_text(client, too_long, sizeof too_long - 1);
        if (client->fd >= 0) {
            drop_client(client);
        }
    }
}

static void end_wait(struct control_client *client, struct sim *sim, uint64_t now_us)
{
    static const char ok[] = "ok\n";
    static const char late[] = "error: it did not happen in that time; `state` tells how it is\n";

    if (client->wait.event == CONTROL_NOTHING) {
        return;
    }
    if (control_has_come(sim, &client->wait)) {
        client->wait.event = CONTROL_NOTHING;
        send_text(client, ok, sizeof ok - 1);
    } else if (client->wait_until_us <= now_us) {
        client->wait.event = CONTROL_NOTHING;
        send_text(client, late, sizeof late - 1);
    }
    answer_lines(client, sim, now_us);
}

void control_serve(struct control_server *server, const struct pollfd *fds, struct sim *sim,
                   uint64_t now_us)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *client = &server->clients[i];
        if (client->fd >= 0 && fds[i + 1].fd == client->fd && fds[i + 1].revents != 0) {
            read_client(client, sim, now_us);
        }
        if (client->fd >= 0) {
            end_wait(client, sim, now_us);
        }
    }
    if (fds[0].revents != 0) {
        accept_client(server);
    }
}

int control_sleep_ms(const struct control_server *server, uint64_t now_us)
{
    int sleep_ms = -1;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct control_client *client = &server->clients[i];
        if (client->fd < 0 || client->wait.event == CONTROL_NOTHING) {
            continue;
        }
        const int left_ms = client->wait_until_us <= now_us
                                ? 0
                                : (int)((client->wait_until_us - now_us + 999) / 1000);
        sleep_ms = sleep_ms < 0 || left_ms < sleep_ms ? left_ms : sleep_ms;
    }
    return sleep_ms;
}

/* Copies the answer's line to stdout. Returns the exit code. */
static int print_answer(int fd)
{
    char bytes[4096];
    bool is_first = true;
    bool is_ok = false;
    char last = '\0';

    for (;;) {
        const ssize_t count = recv(fd, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        if (is_first) {
            is_ok = count >= 2 && memcmp(bytes, "ok", 2) == 0;
            is_first = false;
        }
        fwrite(bytes, 1, (size_t)count, stdout);
        last = bytes[count - 1];
        if (last == '\n') {
            break;
        }
    }
    if (last != '\n') {
        fputs("error: the simulator went away before it answered\n", stdout);
        return 1;
    }
    return fflush(stdout) == 0 && is_ok ? 0 : 1;
}

int control_say(const char *path, const char *command)
{
    const struct timespec pause = {.tv_nsec = SAY_PAUSE_MS * 1000000L};
    struct sockaddr_un address;
    int fd = -1;

    if (!fill_address(path, &address)) {
        fputs("error: the path is too long for a socket\n", stdout);
        return 1;
    }
    for (int i = 0; i < SAY_TRIES && fd < 0; i++) {
        if (i > 0) {
            nanosleep(&pause, NULL);
        }
        fd = connect_to(&address);
    }
    if (fd < 0) {
        printf("error: no simulator listens at %s: start it with --control %s\n", path, path);
        return 1;
    }
    const struct {
        const char *text;
        size_t length;
    } parts[] = {{command, strlen(command)}, {"\n", 1}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (send(fd, parts[i].text, parts[i].length, MSG_NOSIGNAL) != (ssize_t)parts[i].length) {
            fputs("error: the simulator does not take commands\n", stdout);
            close(fd);
            return 1;
        }
    }
    const int code = print_answer(fd);
    close(fd);
    return code;
}
