/* bring_up.h - a device's files before its processes start: mounts, modules, folders, owners.
 *
 * Each call is for PID 1, once, in this order. What fails is logged. */
#ifndef BOARDS_COMMON_DEVICE_BRING_UP_H
#define BOARDS_COMMON_DEVICE_BRING_UP_H

#include <stdbool.h>

#include "boards/common/device/conf.h"
#include "boards/common/device/log.h"
#include "boards/common/device/report.h"
#include "boards/common/device/slots.h"
#include "boards/common/device/watchdog.h"

/* /proc, /sys, /dev, /run; no key at the console is a command to the kernel. False: nothing else
 * can work. */
bool bring_up_kernel(struct log *log);
/* The modules of /lib/modules/load, in order; links /dev/disk/by-partlabel/NAME. */
void bring_up_devices(struct log *log);
/* /data, read and written, from the device that vault.h found; a file system that does not mount,
 * or in which an error was met, is repaired once, for which the watchdog waits. False: it is not
 * there. */
bool bring_up_data(const char *device, const struct watchdog *watchdog, struct log *log);
/* /ident, if a technician wrote one. */
bool bring_up_ident(struct log *log);
/* Which slot runs and what is in it, and what the boot loader keeps about both: all of *slots, and
 * of *report what follows from it. */
void bring_up_version(struct slots *slots, struct report *report, struct log *log);
/* Folders with their owners, the database's file, the serial lines' owners. */
void bring_up_owners(const struct conf *board, struct log *log);

#endif
