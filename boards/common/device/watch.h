/* watch.h - when the hardware watchdog is fed, and when the terminal is started anew. Pure.
 *
 * What counts as life is an answer of the tap loop to "status", not that its process exists. While
 * the terminal starts it may say that long work goes on (UNIT_WORKS): that counts, too. */
#ifndef BOARDS_COMMON_DEVICE_WATCH_H
#define BOARDS_COMMON_DEVICE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WATCH_SILENT_MS = 15 * 1000, /* a tap waits for a card that left no longer than some seconds */
    WATCH_DEAD_MS = 60 * 1000,   /* restarts have not helped either */
    /* It says so every second; in between the disk may have to write what was made. */
    WATCH_WORK_MS = 60 * 1000,
    WATCH_START_MAX_MS = 60 * 60 * 1000, /* long work beyond this is none */
    /* A terminal that ends by itself says why, to the club as well; a reset would cut that off. */
    WATCH_FAILS_MS = 10 * 60 * 1000,
};

enum watch_act {
    WATCH_FEED,
    WATCH_RESTART, /* feed, kill the terminal: it is started anew */
    WATCH_STARVE,  /* do not feed: the hardware resets the device */
};

struct watch_facts {
    bool has_keys;  /* without a key store there is nothing to serve, and a reset helps nobody */
    int64_t now_ms; /* clock_monotonic_ms(), like all of these */
    int64_t answered_ms; /* the last answer, or the start of the device */
    int64_t started_ms;  /* the terminal's process, this time */
    int64_t works_ms;    /* when it said that long work goes on; 0 = this process has not */
    bool gave_up;        /* the last one before it ended by itself */
};

enum watch_act watch_decide(const struct watch_facts *facts);
/* For how long the terminal has neither answered nor said that long work goes on; 0: it has no
 * keys. */
int64_t watch_silent_ms(const struct watch_facts *facts);
/* It says that long work goes on: nobody knows yet whether all works. */
bool watch_is_at_work(const struct watch_facts *facts);

#endif
