/* ration.h - how much of what a process says is kept, so that one that floods leaves the words of
 * the others in the log. Pure.
 *
 * It may say RATION_MAX bytes at once and RATION_BYTES_S in the long run: in a busy shop the
 * terminal needs half of that. Whoever has used up all says nothing until there are RATION_AGAIN.
 */
#ifndef BOARDS_COMMON_DEVICE_RATION_H
#define BOARDS_COMMON_DEVICE_RATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RATION_MAX = 64 * 1024,
    RATION_BYTES_S = 32,
    RATION_AGAIN = 8 * 1024,
    RATION_LINE = 32, /* what the log writes before a line */
};

struct ration {
    int64_t at_ms; /* up to then it was given */
    int64_t left;  /* bytes */
    bool is_out;   /* it was used up, and is not there again */
};

void ration_init(struct ration *ration, int64_t now_ms);
/* May a line of so many bytes be kept? It is then taken off. */
bool ration_take(struct ration *ration, size_t bytes, int64_t now_ms);

#endif
