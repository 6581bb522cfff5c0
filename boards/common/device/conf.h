/* conf.h - files of lines NAME=VALUE: a board's facts, and what a technician wrote for a terminal.
 *
 * Lines that begin with # are left out. The caller owns the struct. */
#ifndef BOARDS_COMMON_DEVICE_CONF_H
#define BOARDS_COMMON_DEVICE_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "hal/base/status.h"

enum { CONF_BYTES_MAX = 4096 };

struct conf {
    char text[CONF_BYTES_MAX + 1];
};

/* ST_IO       it cannot be read; *ret then has no lines.
 * ST_FOREIGN  longer than CONF_BYTES_MAX; likewise. */
ST_CHECK enum st conf_load(const char *path, struct conf *ret);
/* As conf_load(), of a file that another user may write: no link is followed, no pipe is waited
 * for. What is longer is cut. False: there is no such file, or nothing in it. */
bool conf_load_foreign(const char *path, struct conf *ret);
/* Copies the value. False, and an empty text: no such line, the value is "none", or it does not
 * fit. */
bool conf_get(const struct conf *conf, const char *name, char *ret, size_t size);

#endif
