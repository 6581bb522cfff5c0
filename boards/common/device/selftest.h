/* selftest.h - what a device says of itself: the first of its parts that does not work; and what
 * is done about it. Pure.
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

enum selftest_verdict {
    SELFTEST_FAILS,      /* one of the device's own parts does */
    SELFTEST_NOT_LET_IN, /* they all work: no other version would make the club let it in */
    SELFTEST_WORKS,
};

/* When all of it works ret_say is "". Else it is the first part that does not, "reader: why". */
enum selftest_verdict selftest_judge(const struct selftest_facts *facts,
                                     char ret_say[SELFTEST_SAY_MAX]);

/* Where the self-test of a device stands. */
struct selftest_course {
    enum selftest_verdict verdict;
    int64_t since_works_ms; /* since all worked, or was at long work; else since the start */
    bool has_data;          /* false: the disk was taken to another board, say */
    bool is_new;            /* no keys: nothing to test, nothing that a bad version could hurt */
    bool is_good;           /* the slot that runs was marked good */
    bool can_leave;         /* the other slot boots, and has a version */
    bool has_passed, has_failed; /* what was said last; neither = nothing yet */
};

struct selftest_acts {
    bool marks_good; /* the slot, unless it is */
    bool says_passed, says_failed;
    bool leaves; /* for the next try, or the other slot */
};

/* What passes is told at once, what does not after SELFTEST_WITHIN_MS: a reader needs its time, and
 * a cable that somebody moves is no failure. What no waiting mends is told at once, unless it makes
 * the device leave its slot. */
struct selftest_acts selftest_decide(const struct selftest_course *course);

#endif
