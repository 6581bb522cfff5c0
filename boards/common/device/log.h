/* log.h - what the device's processes say: on the console and in a file that cannot grow.
 *
 * At LOG_FILE_MAX bytes the file becomes PATH.old, so at most twice that is on the disk. One
 * thread. Nobody waits for the disk here: a power cut loses the last lines and no journal entry. */
#ifndef BOARDS_COMMON_DEVICE_LOG_H
#define BOARDS_COMMON_DEVICE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LOG_FILE_MAX = 256 * 1024,
    LOG_LINE_MAX = 512,
    LOG_PATH_MAX = 100,
    LOG_HELD_MAX = 4096,         /* bytes that the console gets later */
    LOG_CONSOLE_WAITS_MS = 1000, /* for a console that takes nothing; then it is left out */
};

struct log {
    char path[LOG_PATH_MAX + 1]; /* "": no file yet */
    int fd;                      /* -1: none */
    size_t bytes;
    bool is_stopped; /* the console takes nothing */
    bool is_held;    /* somebody else has the console */
    char held[LOG_HELD_MAX];
    size_t held_bytes;
    unsigned held_out; /* lines that had no room there */
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
/* The same for who stands there now: on the console alone, whoever has it. */
void log_tell(struct log *log, const char *who, const char *text);
/* '?' for a character of somebody else's words that moves a screen's cursor: it could make a line
 * look like another one's. */
char log_shown(char c);

/* From now on the console hears nothing; lines go into the file. */
void log_hold(struct log *log);
/* It hears again, first what it missed: the first LOG_HELD_MAX bytes, and how many lines more. */
void log_release(struct log *log);
void log_close(struct log *log);

#endif
