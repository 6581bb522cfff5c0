/* selftest.h - what a device says of itself: the first of its parts that does not work. Pure.
 *
 * Parts, in this order: data, keys, database, journal, reader, programme, clock, club.
 * docs/decisions/0017-image.md, "The self-test". */
#ifndef BOARDS_COMMON_DEVICE_SELFTEST_H
#define BOARDS_COMMON_DEVICE_SELFTEST_H

#include <stdbool.h>
#include <stdint.h>

#include "boards/common/device/probe.h"

enum {
    SELFTEST_SAY_MAX = 300,
    /* Then what does not work is said, and a slot on trial that could be left is left. */
    SELFTEST_WITHIN_MS = 90 * 1000,
};

struct selftest_facts {
    const char *data_say;          /* why there is no /data; "" = there is one */
    bool has_keys;                 /* a key store lies on the device */
    bool is_heard;                 /* the terminal's process answers */
    const struct probe_said *said; /* its last answer; only when it is heard */
    int64_t up_ms, clock_up_ms;    /* since the device's start: by the clock that only grows, and by
                                      the clock that tells the date */
    /* Of the terminal's process that ended last: selftest_terminal_ended(). */
    bool waits_for_trial; /* all is well as far as can be tried: the database is migrated once the
                             slot is marked good */
    char last_words[SELFTEST_SAY_MAX]; /* "" = none has ended */
};

/* The terminal's process was reaped with this wait status; `line` is the last that it said. */
void selftest_terminal_ended(struct selftest_facts *facts, int wait_status, const char *line);

/* True: all of it works, and ret_say is "". Else the first that does not, "reader: why". */
bool selftest_judge(const struct selftest_facts *facts, char ret_say[SELFTEST_SAY_MAX]);

#endif
