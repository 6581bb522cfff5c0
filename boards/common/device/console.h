/* console.h - the device's console: says how the key ceremony is begun there, and lends itself to
 * the process that holds it.
 *
 * A device without keys begins it when Enter is pressed, one with keys when a word is typed
 * (typing.h): what is asked then, and proved, is vafa-keys' (docs/keys.md). While it goes on the
 * log's lines are held back, and nothing is read here. Nothing that is typed is ever shown by the
 * first process. Never waits. One thread. */
#ifndef BOARDS_COMMON_DEVICE_CONSOLE_H
#define BOARDS_COMMON_DEVICE_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "boards/common/device/log.h"
#include "boards/common/device/typing.h"
#include "boards/common/device/unit.h"

enum {
    CONSOLE_SAY_AGAIN_MS = 60 * 1000,    /* the prompt of a device without keys */
    CONSOLE_LONGEST_MS = 90 * 60 * 1000, /* a ceremony that has not ended by then hangs */
    CONSOLE_DEAF_MS = 1000,              /* after the line was hung up */
};

struct console {
    int fd;
    struct log *log;
    struct unit *ceremony; /* once; its `console` is this one, too */
    struct typing typing;
    bool is_lent;      /* the ceremony has the console */
    int64_t say_ms;    /* when the prompt is said next */
    int64_t listen_ms; /* not before */
};

/* `fd` is the console, to read from. `ceremony` waits for its start from here on. */
void console_init(struct console *console, int fd, struct unit *ceremony, struct log *log,
                  int64_t now_ms);
/* For poll(): -1 while nothing is to be read here. */
int console_fd(const struct console *console, int64_t now_ms);
/* console_fd() is readable, or hung up. */
void console_hear(struct console *console, int64_t now_ms);
/* Says the prompt, lends the console, ends a ceremony that hangs. */
void console_step(struct console *console, bool has_keys, int64_t now_ms);
/* The ceremony's process was reaped with this wait status, after unit_ended(). */
void console_ended(struct console *console, int wait_status, int64_t now_ms);

#endif
