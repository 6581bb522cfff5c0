/* sync_words.h - what vafa-sync is started with on a device: by what a technician wrote for the
 * terminal, and by whether the club has let it in. One thread. */
#ifndef BOARDS_COMMON_DEVICE_SYNC_WORDS_H
#define BOARDS_COMMON_DEVICE_SYNC_WORDS_H

#include <stdbool.h>

#include "boards/common/device/conf.h"
#include "boards/common/device/unit.h"

enum { SYNC_WORD_MAX = 100 };

/* Of /ident/terminal.conf; "" = no such line. */
struct sync_words {
    char club[SYNC_WORD_MAX], club_name[SYNC_WORD_MAX], code[SYNC_WORD_MAX],
        interval[SYNC_WORD_MAX], update_rate[SYNC_WORD_MAX];
};

/* False: no club is named, so there is nothing to start. */
bool sync_words_read(const struct conf *ident, struct sync_words *ret);
/* The program and its arguments, then NULL: for ever once it is enrolled, else to ask the club with
 * the code, for a week. They point into `words` and `board`, which stay. */
void sync_words_fill(const struct sync_words *words, const char *board,
                     const char *ret[UNIT_ARGUMENTS_MAX + 1]);

#endif
