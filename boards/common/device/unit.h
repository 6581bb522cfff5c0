/* unit.h - one process of the device: with its own user, its words logged, started anew when it
 * ends.
 *
 * A process that ends is started again after UNIT_DELAY_FIRST_MS, then twice as long each time, at
 * most UNIT_DELAY_MAX_MS; one that lived for UNIT_WELL_MS begins from the first again. When it
 * ends, what it started ends with it. Of a process that floods lines are left out (ration.h), and
 * it is read no faster than UNIT_HEAR_MAX bytes every UNIT_PAUSE_MS: then it waits, not we. One
 * thread. */
#ifndef BOARDS_COMMON_DEVICE_UNIT_H
#define BOARDS_COMMON_DEVICE_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "boards/common/device/log.h"
#include "boards/common/device/ration.h"

/* In a line of a process that starts: long work goes on, and it has not hung (docs/events.md). */
#define UNIT_WORKS " T102 "

enum {
    UNIT_ARGUMENTS_MAX = 22,
    UNIT_GROUPS_MAX = 2,
    UNIT_DELAY_FIRST_MS = 100,
    UNIT_DELAY_MAX_MS = 30 * 1000,
    UNIT_WELL_MS = 60 * 1000,
    UNIT_LOOK_MS = 500,       /* between two looks whether its device is there */
    UNIT_HEAR_MAX = 8 * 1024, /* bytes: as many as the console takes within a second */
    UNIT_PIPE_MAX = 64 * 1024,
    UNIT_PAUSE_MS = 100,
    UNIT_PROCESSES_MAX = 64, /* of its user, threads included; none for root */
};

struct unit {
    const char *name;
    const char *arguments[UNIT_ARGUMENTS_MAX + 1]; /* [0] is the program's path; ends with NULL */
    uid_t user;
    gid_t group, groups[UNIT_GROUPS_MAX];
    size_t groups_count;
    bool may_change_user; /* starts a program that has a user of its own; else no rights are gained
                           */
    bool is_root;         /* keeps root's capabilities; else they are given up for good */
    bool is_once;         /* not started again when it ends */
    const char *console;  /* a terminal that is its input and output; NULL: its words are logged */
    const char *device;   /* is given to its user before each start, and waited for; NULL: none */

    /* The unit's own: all zero before unit_init(). */
    pid_t pid;  /* 0: not running */
    int out_fd; /* its standard output and error; -1: none */
    int64_t started_ms, start_at_ms;
    int64_t works_ms; /* when this process said UNIT_WORKS last; 0 = never */
    bool gave_up;     /* the process before this one ended by itself: nobody killed it */
    bool is_killed;   /* this one is about to end */
    int64_t hear_at_ms;
    int32_t delay_ms;
    struct ration ration;
    uint32_t left_out; /* lines, since the last one that was kept */
    char line[LOG_LINE_MAX];
    size_t line_bytes;
};

void unit_init(struct unit *unit);
/* Starts it if it is time to. */
void unit_step(struct unit *unit, struct log *log, int64_t now_ms);
/* What to wait for before unit_hear(); -1: nothing now. */
int unit_fd(const struct unit *unit, int64_t now_ms);
/* unit_fd() is readable, or hung up. */
void unit_hear(struct unit *unit, struct log *log, int64_t now_ms);
/* Ends its process, if it has one, and says so once: one that waits for its disk may take a while.
 */
void unit_kill(struct unit *unit, struct log *log, const char *why);
/* Its process was reaped with this wait status. */
void unit_ended(struct unit *unit, int wait_status, struct log *log, int64_t now_ms);

#endif
