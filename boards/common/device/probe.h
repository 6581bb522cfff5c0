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
    PROBE_SAY_MAX = 240,
};

/* Of an answer to "status" (docs/till.md), what the self-test looks at. */
struct probe_said {
    bool is_ready; /* it can sell */
    bool is_reader_up, is_disk_ok;
    int64_t entries, unsent, programme;
    int64_t terminal;  /* its number; 0 = the club has not let it in */
    int64_t quiet_s;   /* since somebody used the till; -1 = not said */
    int64_t support_s; /* support is on for so long; 0 = off */
    int hour;          /* of the day here; -1 = not known */
    char reader_say[PROBE_SAY_MAX], disk_say[PROBE_SAY_MAX], programme_say[PROBE_SAY_MAX];
};

struct probe {
    const char *path;       /* the till's socket; the caller's */
    int fd;                 /* -1: not connected */
    int64_t asked_ms;       /* when the question that is open went out */
    int64_t next_ms;        /* when the next one goes out */
    int64_t answered_ms;    /* the last answer, or when probe_init() was called */
    bool is_asked;          /* a question is open */
    bool is_heard;          /* this process of the terminal has answered */
    bool was_ready;         /* an answer said that it can sell */
    struct probe_said said; /* the last answer; all zero unless is_heard */
    char line[PROBE_LINE_MAX];
    size_t bytes;
};

void probe_init(struct probe *probe, const char *path, int64_t now_ms);
void probe_step(struct probe *probe, int64_t now_ms);
/* Forgets the connection and what was said: the terminal has ended. */
void probe_drop(struct probe *probe);

#endif
