#include "boards/common/device/typing.h"

#include <string.h>

void typing_init(struct typing *typing, int64_t now_ms)
{
    *typing = (struct typing){.other_ms = now_ms, .enter_ms = -1};
}

static void take_enter(struct typing *typing, int64_t now_ms)
{
    static const char word[] = TYPING_WORD;
    if (typing->enter_ms < 0 && now_ms - typing->other_ms >= TYPING_ALONE_MS) {
        typing->enter_ms = now_ms;
    }
    if (!typing->is_long && typing->size == sizeof word - 1 &&
        memcmp(typing->line, word, sizeof word - 1) == 0) {
        typing->is_word = true;
    }
    typing->size = 0;
    typing->is_long = false;
}

static void take_other(struct typing *typing, char c, int64_t now_ms)
{
    typing->other_ms = now_ms;
    typing->enter_ms = -1;
    if (c == '\b' || c == '\x7f') {
        typing->size -= typing->size > 0;
    } else if (typing->size < sizeof typing->line) {
        typing->line[typing->size++] = c;
    } else {
        typing->is_long = true;
    }
}

void typing_take(struct typing *typing, const char *bytes, size_t size, int64_t now_ms)
{
    for (size_t n = 0; n < size; n++) {
        if (bytes[n] == '\r' || bytes[n] == '\n') {
            take_enter(typing, now_ms);
        } else {
            take_other(typing, bytes[n], now_ms);
        }
    }
}

enum typing_wish typing_wish(struct typing *typing, int64_t now_ms)
{
    const bool is_alone = typing->enter_ms >= 0 && now_ms - typing->enter_ms >= TYPING_ALONE_MS;
    const enum typing_wish wish = typing->is_word ? TYPING_KEYS
                                  : is_alone      ? TYPING_ENTER
                                                  : TYPING_NOTHING;
    if (wish != TYPING_NOTHING) {
        typing->is_word = false;
        typing->enter_ms = -1;
    }
    return wish;
}
