/* command.h - a program of the image that the first process runs to its end before it goes on: a
 * file system that is repaired, say. Meanwhile the watchdog is fed, and the console hears that it
 * goes on. One thread. */
#ifndef BOARDS_COMMON_DEVICE_COMMAND_H
#define BOARDS_COMMON_DEVICE_COMMAND_H

#include "boards/common/device/log.h"
#include "boards/common/device/watchdog.h"

enum {
    COMMAND_MAX_MS = 30 * 60 * 1000, /* then it is killed: it hangs */
    COMMAND_SAYS_EVERY_MS = 5000,
};

/* `arguments`: [0] is the program's path; ends with NULL. Its words go to the console.
 * Its exit code; -1: it was not started, was killed, or ended by a signal. */
int command_run(const char *const *arguments, const struct watchdog *watchdog, struct log *log);

#endif
