/* stick.h - finds a technician's stick: a FAT file system with the label VAFA-UPDATE; and others
 * that somebody may have taken for one.
 *
 * Each stick is told once, until it was pulled. A process of its own reads what is new: a stick
 * that does not answer keeps nobody waiting but that. One thread. */
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
    size_t asked_from; /* of those that were seen, which are being read */
    int asked_fd;      /* the process that reads them; -1: none does */
};

enum stick_found {
    STICK_NONE, /* or not yet */
    STICK_OURS, /* it has the label */
    /* FAT or exFAT on what can be pulled out, without the label. A board's own disk is none. */
    STICK_OTHER,
};

/* The folders are the caller's. */
void stick_init(struct stick *stick, const char *block, const char *devices);
/* Looks at devices that are new, or goes on with it. ret_name ("sda1") is what was found. */
enum stick_found stick_look(struct stick *stick, char ret_name[STICK_NAME_MAX + 1]);
/* What was pulled is forgotten, and is new when it comes back. stick_look() does it, too. */
void stick_notice_pulled(struct stick *stick);
/* It was not pulled. */
bool stick_is_there(const struct stick *stick, const char *name);

#endif
