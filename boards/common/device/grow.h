/* grow.h - a mounted ext4 file system is made as large as the device below it.
 *
 * An image's /data is small, the partition that tools/flash leaves for it is not. The kernel does
 * it while files are open, in steps that are journalled: after a cut the file system is as large as
 * it was, or larger by some of the steps, and the next call does the rest. The device is whatever
 * is mounted: a partition, or a mapping on it. No state; one thread. */
#ifndef BOARDS_COMMON_DEVICE_GROW_H
#define BOARDS_COMMON_DEVICE_GROW_H

#include "boards/common/device/log.h"

/* What is mounted at `path`, an absolute one: logs what it does, and why it cannot, and then
 * everything stays as it is. Takes seconds at most; nothing is done when there is less than
 * GROW_WORTH_BYTES to win. */
enum { GROW_WORTH_BYTES = 1 << 20 };
void grow_fill(const char *path, struct log *log);

#endif
