/* report.h - what the device says of itself in one file, for vafa-sync, which tells the club.
 *
 * Lines NAME=VALUE: docs/decisions/0017-image.md, "The device's report". One thread. */
#ifndef BOARDS_COMMON_DEVICE_REPORT_H
#define BOARDS_COMMON_DEVICE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

enum { REPORT_BYTES_MAX = 4096, REPORT_TEXT_MAX = 300 };

struct report {
    char board[64];
    uint32_t version;
    char slot; /* 'A', 'B', '?' */
    bool is_good;
    uint32_t other;  /* version in the slot that does not run; 0 = empty or half written */
    uint32_t failed; /* the version that was installed last and fell back; 0 = none */
    char self_test[REPORT_TEXT_MAX]; /* "running", "ok", or what does not work */
    bool is_clock_set;
    int64_t unsent;               /* entries that the club has not; -1 = not known */
    uint64_t data_free;           /* bytes */
    const char *data;             /* "plain", "enciphered", "shut": it could not be opened */
    char update[REPORT_TEXT_MAX]; /* "none", "waiting 8", "installing 8", "refused 8: why" */
};

/* The text of the file, with its end. */
void report_text(const struct report *report, char ret[REPORT_BYTES_MAX]);
/* Whole or not at all, for whoever reads it. False: errno says why. */
bool report_write(const struct report *report, const char *path);
/* One line as a file, likewise. */
bool report_put_line(const char *path, const char *line);
/* The first line of a file as a text for the report; `otherwise` when there is none. */
void report_take_line(const char *path, const char *otherwise, char ret[REPORT_TEXT_MAX]);

#endif
