/* log.h - what the device's processes say: on the console and in a file that cannot grow.
 *
 * At LOG_FILE_MAX bytes the file becomes PATH.old, so at most twice that is on the disk. One
 * thread. Nobody waits for the disk here: a power cut loses the last lines and no journal entry. */
#ifndef BOARDS_COMMON_DEVICE_LOG_H
#define BOARDS_COMMON_DEVICE_LOG_H

#include <stddef.h>

enum { LOG_FILE_MAX = 256 * 1024, LOG_LINE_MAX = 512, LOG_PATH_MAX = 100 };

struct log {
    char path[LOG_PATH_MAX + 1]; /* "": no file yet */
    int fd;                      /* -1: none */
    size_t bytes;
};

/* The console alone. */
void log_init(struct log *log);
/* Nothing that comes in at the console holds up what is said there: the first process would stand
 * still in the middle of a line, and the watchdog reset the device. */
void log_console(int fd);
/* From now on also into `path` (at most LOG_PATH_MAX bytes). What cannot be opened is left out: the
 * console still has it. */
void log_open(struct log *log, const char *path);
/* One line: seconds since power came, who, what. What is longer than LOG_LINE_MAX is cut. */
void log_say(struct log *log, const char *who, const char *text);
void log_close(struct log *log);

#endif
