/* disk.h - what the disk under /data says of itself: an error that its file system noted before,
 * and whether it still takes writes. */
#ifndef BOARDS_COMMON_DEVICE_DISK_H
#define BOARDS_COMMON_DEVICE_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* Then the file system stays as it is until the next start, which repairs it. A disk that is broken
 * for good restarts its device no more often than this. */
enum { DISK_RESTART_AFTER_MS = 10 * 60 * 1000 };

/* Of a device with an ext4 file system, before it is mounted: an error was met when it was in use,
 * and nobody has repaired it since. Mounting alone would go on with the damage. */
bool disk_has_errors(const char *device);
/* The file system refuses writes (after an error it does, until it is mounted anew), or the device
 * below it does; a full one has not failed. Writes a file in `folder` and removes it. */
bool disk_has_failed(const char *folder);

#endif
