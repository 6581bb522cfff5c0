/* bring_down.h - the end of a device's processes, in order: a terminal may finish its tap, and all
 * is synced. For PID 1. */
#ifndef BOARDS_COMMON_DEVICE_BRING_DOWN_H
#define BOARDS_COMMON_DEVICE_BRING_DOWN_H

#include "boards/common/device/log.h"

enum { BRING_DOWN_MS = 10 * 1000 /* then who has not ended is cut off */ };

/* `how` is of reboot(2): LINUX_REBOOT_CMD_RESTART, LINUX_REBOOT_CMD_POWER_OFF. */
_Noreturn void bring_down(struct log *log, int how);

#endif
