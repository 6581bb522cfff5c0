/* typing.h - what somebody at the console means, among what comes in there. Pure.
 *
 * A line that nobody holds brings noise, and one that leads back to us our own words: so Enter
 * counts only with silence before and behind it, and a word only when its line has nothing else. */
#ifndef BOARDS_COMMON_DEVICE_TYPING_H
#define BOARDS_COMMON_DEVICE_TYPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TYPING_WORD "keys"

enum {
    TYPING_ALONE_MS = 400, /* of silence on either side of an Enter */
    TYPING_LINE_MAX = 16,  /* above the word */
};

enum typing_wish { TYPING_NOTHING, TYPING_ENTER, TYPING_KEYS };

struct typing {
    char line[TYPING_LINE_MAX];
    size_t size;
    bool is_long;     /* the line has more than that */
    bool is_word;     /* the word was typed */
    int64_t other_ms; /* the last byte that was no Enter */
    int64_t enter_ms; /* an Enter that was alone so far; -1: none */
};

/* `now_ms`: clock_monotonic_ms(). What came before counts for nothing. */
void typing_init(struct typing *typing, int64_t now_ms);
void typing_take(struct typing *typing, const char *bytes, size_t size, int64_t now_ms);
/* What is meant by now; each wish is told once. */
enum typing_wish typing_wish(struct typing *typing, int64_t now_ms);

#endif
