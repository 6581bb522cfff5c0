/* memory.h - how much of the machine's memory is in use. */
#ifndef BOARDS_COMMON_DEVICE_MEMORY_H
#define BOARDS_COMMON_DEVICE_MEMORY_H

/* "38400 of 245760 KiB of memory are in use", for the console: what nobody could have any more, so
 * without caches that would make room. `path`: the kernel's /proc/meminfo. When that does not say
 * it: "the kernel does not say how much memory is in use". Valid until the next call. */
const char *memory_say(const char *path);

#endif
