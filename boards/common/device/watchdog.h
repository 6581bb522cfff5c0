/* watchdog.h - the board's hardware watchdog, which resets the device when it is not fed: watch.h
 * says when it is. One thread. */
#ifndef BOARDS_COMMON_DEVICE_WATCHDOG_H
#define BOARDS_COMMON_DEVICE_WATCHDOG_H

#include "boards/common/device/conf.h"
#include "boards/common/device/log.h"

enum { WATCHDOG_HARDWARE_S = 30 }; /* what it waits after the last feeding, if it can so long */

struct watchdog {
    int fd; /* -1: the board has none */
};

/* From now on it wants to be fed. `board` names its device. */
void watchdog_open(struct watchdog *watchdog, const struct conf *board, struct log *log);
void watchdog_feed(const struct watchdog *watchdog);

#endif
