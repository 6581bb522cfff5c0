#include "boards/common/device/probe.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char question[] = "{\"v\":1,\"do\":\"status\"}\n";

void probe_init(struct probe *probe, const char *path, int64_t now_ms)
{
    *probe = (struct probe){.path = path, .fd = -1, .answered_ms = now_ms};
}

void probe_drop(struct probe *probe)
{
    if (probe->fd >= 0) {
        (void)close(probe->fd);
    }
    probe->fd = -1;
    probe->bytes = 0;
    probe->is_asked = probe->is_ready = false;
}

static bool connect_to(struct probe *probe)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", probe->path);
    probe->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe->fd < 0 ||
        connect(probe->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        probe_drop(probe);
    }
    return probe->fd >= 0;
}

static void ask(struct probe *probe, int64_t now_ms)
{
    probe->next_ms = now_ms + (probe->was_ready ? PROBE_EVERY_MS : PROBE_EAGER_MS);
    if (probe->fd < 0 && !connect_to(probe)) {
        return;
    }
    const ssize_t sent =
        send(probe->fd, question, sizeof question - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != (ssize_t)(sizeof question - 1)) {
        probe_drop(probe);
        return;
    }
    probe->is_asked = true;
    probe->asked_ms = now_ms;
}

/* Any JSON object is a sign of life; only "ready": true says more. */
static void take_answer(struct probe *probe, size_t size, int64_t now_ms)
{
    json_t *answer = json_loadb(probe->line, size, 0, NULL);
    if (json_is_object(answer)) {
        probe->answered_ms = now_ms;
        probe->is_ready = json_is_true(json_object_get(answer, "ready"));
        probe->was_ready |= probe->is_ready;
    }
    json_decref(answer);
    probe->is_asked = false;
}

static void hear(struct probe *probe, int64_t now_ms)
{
    const ssize_t got = recv(probe->fd, probe->line + probe->bytes,
                             sizeof probe->line - probe->bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) { /* hung up, or a line that is too long */
        probe_drop(probe);
        return;
    }
    probe->bytes += (size_t)got;
    const char *end = memchr(probe->line, '\n', probe->bytes);
    if (end != NULL) {
        take_answer(probe, (size_t)(end - probe->line), now_ms);
        probe->bytes = 0;
    }
}

void probe_step(struct probe *probe, int64_t now_ms)
{
    if (probe->fd >= 0 && probe->is_asked) {
        hear(probe, now_ms);
    }
    if (probe->is_asked && now_ms - probe->asked_ms > PROBE_PATIENCE_MS) {
        probe_drop(probe);
    }
    if (!probe->is_asked && now_ms >= probe->next_ms) {
        ask(probe, now_ms);
    }
}
