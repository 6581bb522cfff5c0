/* slots.h - the two slots as the boot loader sees them: which one runs, and how many tries each
 * has.
 *
 * The state lies twice on the disk, each copy with its check sum; boot.cmd and the script `slot`
 * write it, this only reads. docs/decisions/0017-image.md, "Which slot boots". */
#ifndef BOARDS_COMMON_DEVICE_SLOTS_H
#define BOARDS_COMMON_DEVICE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SLOTS = 2,          /* A, B */
    SLOTS_ON_TRIAL = 3, /* tries of a slot that was never marked good, at most */
    SLOTS_UNKNOWN = -1,
};

struct slots {
    int running;          /* 0: A, 1: B; SLOTS_UNKNOWN: the kernel was not told */
    unsigned left[SLOTS]; /* tries that are left, this boot's taken off */
    uint32_t tried; /* the version that the last installation switched to; 0: there was none */
};

/* `cmdline` is what the kernel was started with; `folder` has the partitions env1 and env2 by their
 * names. With neither copy whole all tries are 0. */
void slots_read(const char *cmdline, const char *folder, struct slots *ret);
/* The running slot has not proven itself since it was installed. */
bool slots_on_trial(const struct slots *slots);
/* The slot that does not run has tries: the boot loader would start it. */
bool slots_other_boots(const struct slots *slots);
/* 'A', 'B' or '?'. */
char slots_letter(int slot);

#endif
