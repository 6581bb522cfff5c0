/* probe.h - asks the terminal for its status, over the till's socket, as a cash desk would.
 *
 * Never waits: probe_step() does what can be done now. One thread. */
#ifndef BOARDS_COMMON_DEVICE_PROBE_H
#define BOARDS_COMMON_DEVICE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROBE_EVERY_MS = 2000,         /* between two questions */
    PROBE_EAGER_MS = 50,           /* until the terminal was ready once */
    PROBE_LINE_MAX = 32 * 1024,    /* above the longest answer: docs/till.md */
    PROBE_PATIENCE_MS = 10 * 1000, /* then the connection is made anew */
};

struct probe {
    const char *path;    /* the till's socket; the caller's */
    int fd;              /* -1: not connected */
    int64_t asked_ms;    /* when the question that is open went out */
    int64_t next_ms;     /* when the next one goes out */
    int64_t answered_ms; /* the last answer, or when probe_init() was called */
    bool is_asked;       /* a question is open */
    bool is_ready;       /* the last answer said that it can sell */
    bool was_ready;      /* any answer did */
    char line[PROBE_LINE_MAX];
    size_t bytes;
};

void probe_init(struct probe *probe, const char *path, int64_t now_ms);
void probe_step(struct probe *probe, int64_t now_ms);
/* Forgets the connection, as the terminal is ended. */
void probe_drop(struct probe *probe);

#endif
