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
    probe->is_asked = probe->is_heard = false;
    probe->said = (struct probe_said){0};
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

static void take_text(const json_t *answer, const char *name, char ret[PROBE_SAY_MAX])
{
    const char *text = json_string_value(json_object_get(answer, name));
    (void)snprintf(ret, PROBE_SAY_MAX, "%s", text != NULL ? text : "");
}

static bool text_is(const json_t *answer, const char *name, const char *text)
{
    const char *found = json_string_value(json_object_get(answer, name));
    return found != NULL && strcmp(found, text) == 0;
}

static int64_t number_or(const json_t *answer, const char *name, int64_t otherwise)
{
    const json_t *number = json_object_get(answer, name);
    return json_is_integer(number) ? json_integer_value(number) : otherwise;
}

static void take_said(const json_t *answer, struct probe_said *ret)
{
    ret->is_ready = json_is_true(json_object_get(answer, "ready"));
    ret->is_reader_up = text_is(answer, "reader", "up");
    ret->is_disk_ok = text_is(answer, "disk", "ok");
    ret->terminal = json_integer_value(json_object_get(answer, "terminal"));
    ret->entries = json_integer_value(json_object_get(answer, "entries"));
    ret->unsent = json_integer_value(json_object_get(answer, "unsent"));
    ret->programme = json_integer_value(json_object_get(answer, "programme"));
    ret->quiet_s = number_or(answer, "quiet", -1);
    ret->support_s = number_or(answer, "support", 0);
    ret->hour = (int)number_or(answer, "hour", -1);
    take_text(answer, "reader_say", ret->reader_say);
    take_text(answer, "disk_say", ret->disk_say);
    take_text(answer, "programme_say", ret->programme_say);
}

/* Any JSON object is a sign of life. */
static void take_answer(struct probe *probe, size_t size, int64_t now_ms)
{
    json_t *answer = json_loadb(probe->line, size, 0, NULL);
    if (json_is_object(answer)) {
        probe->answered_ms = now_ms;
        probe->is_heard = true;
        take_said(answer, &probe->said);
        probe->was_ready |= probe->said.is_ready;
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
