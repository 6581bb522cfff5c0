/* stick.h - finds a technician's stick: a FAT file system with the label VAFA-UPDATE.
 *
 * Each stick is told once, until it was pulled. One thread. */
#ifndef BOARDS_COMMON_DEVICE_STICK_H
#define BOARDS_COMMON_DEVICE_STICK_H

#include <stdbool.h>
#include <stddef.h>

enum { STICK_NAME_MAX = 31, STICK_SEEN_MAX = 64 };

struct stick {
    const char *block;                             /* "/sys/class/block" */
    const char *devices;                           /* "/dev" */
    char seen[STICK_SEEN_MAX][STICK_NAME_MAX + 1]; /* looked at, and still there */
    size_t seen_count;
};

/* The folders are the caller's. */
void stick_init(struct stick *stick, const char *block, const char *devices);
/* Looks at devices that are new. True: ret_name ("sda1") has the label. */
bool stick_look(struct stick *stick, char ret_name[STICK_NAME_MAX + 1]);

#endif
