#include "firmware/terminal/scans.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firmware/engine/media_line.h"
#include "firmware/terminal/local_socket.h"
#include "hal/base/bytes.h"

struct device {
    int fd; /* -1: free */
    char in[MEDIA_LINE_MAX];
    size_t in_bytes;
};

struct scans {
    int fd;
    char path[LOCAL_SOCKET_PATH_MAX + 1];
    struct device devices[SCANS_DEVICES_MAX];
};

enum st scans_open(const char *path, struct scans **ret, struct fault *fault)
{
    struct scans *scans = calloc(1, sizeof *scans);
    if (scans == NULL) {
        fault_say(fault, "There is no memory left: restart the terminal.");
        return ST_FULL;
    }
    for (size_t n = 0; n < SCANS_DEVICES_MAX; n++) {
        scans->devices[n].fd = -1;
    }
    const enum st st = local_socket_listen(path, SCANS_DEVICES_MAX, "The devices' socket",
                                           "--ident", &scans->fd, fault);
    if (st != ST_OK) {
        free(scans);
        return st;
    }
    memcpy(scans->path, path, strlen(path) + 1); /* it was short enough to listen at */
    *ret = scans;
    return ST_OK;
}

static void drop(struct device *device)
{
    (void)close(device->fd);
    bytes_wipe(device, sizeof *device);
    device->fd = -1;
}

void scans_close(struct scans *scans)
{
    if (scans == NULL) {
        return;
    }
    for (size_t n = 0; n < SCANS_DEVICES_MAX; n++) {
        if (scans->devices[n].fd >= 0) {
            drop(&scans->devices[n]);
        }
    }
    (void)close(scans->fd);
    (void)unlink(scans->path);
    free(scans);
}

void scans_poll(const struct scans *scans, struct pollfd ret[SCANS_POLL_MAX])
{
    ret[0] = (struct pollfd){.fd = scans->fd, .events = POLLIN};
    for (size_t n = 0; n < SCANS_DEVICES_MAX; n++) {
        ret[1 + n] = (struct pollfd){.fd = scans->devices[n].fd, .events = POLLIN};
    }
}

static void accept_device(struct scans *scans)
{
    int fd = local_socket_accept(scans->fd);
    for (size_t n = 0; n < SCANS_DEVICES_MAX && fd >= 0; n++) {
        if (scans->devices[n].fd < 0) {
            scans->devices[n].fd = fd;
            return;
        }
    }
    if (fd >= 0) {
        (void)close(fd); /* no place is free: it calls again each second */
    }
}

/* False: it has gone, or filled its buffer without an end of line. */
static bool receive(struct device *device)
{
    if (device->in_bytes == sizeof device->in) {
        return false;
    }
    const ssize_t got = recv(device->fd, device->in + device->in_bytes,
                             sizeof device->in - device->in_bytes, MSG_DONTWAIT);
    if (got < 0) {
        return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
    }
    device->in_bytes += (size_t)got;
    return got > 0;
}

void scans_serve(struct scans *scans, const struct pollfd polled[SCANS_POLL_MAX],
                 void (*told)(void *ctx, enum st st, const struct identifier *id,
                              const struct fault *say),
                 void *ctx)
{
    static const struct media_range own = MEDIA_RANGE_CLUB;
    for (size_t n = 0; n < SCANS_DEVICES_MAX; n++) {
        struct device *device = &scans->devices[n];
        if (device->fd < 0 || (polled[1 + n].revents & (POLLIN | POLLHUP | POLLERR)) == 0) {
            continue;
        }
        const bool is_there = receive(device);
        char *end;
        while ((end = memchr(device->in, '\n', device->in_bytes)) != NULL) {
            struct identifier id = {0};
            struct fault say = {""};
            const size_t size = (size_t)(end - device->in);
            const enum st st = media_line_read(device->in, size, &own, &id, &say);
            device->in_bytes -= size + 1;
            memmove(device->in, end + 1, device->in_bytes);
            bytes_wipe(device->in + device->in_bytes, sizeof device->in - device->in_bytes);
            told(ctx, st, &id, &say);
        }
        if (!is_there) {
            drop(device);
        }
    }
    if ((polled[0].revents & POLLIN) != 0) {
        accept_device(scans);
    }
}
