#include "sync/logs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/clock.h"

enum { DIGITS_HIDDEN = 10, WORD_HIDDEN = 24, PATH_BYTES = 200, DEVICE_BYTES_MAX = 4096 };

/* --- hiding ----------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Of hexadecimal, and of base64 in either alphabet. */
static bool is_word(char c)
{
    return is_digit(c) || isalpha((unsigned char)c) || (c != '\0' && strchr("+/=-_", c) != NULL);
}

/* Digits, with one blank or hyphen between two of them. Returns where they end. */
static size_t number_end(const char *text, size_t at, size_t size, size_t *ret_digits)
{
    *ret_digits = 0;
    while (at < size) {
        if (is_digit(text[at])) {
            *ret_digits += 1;
        } else if ((text[at] != ' ' && text[at] != '-') || at + 1 == size ||
                   !is_digit(text[at + 1])) {
            break;
        }
        at += 1;
    }
    return at;
}

static size_t hide_number(char *text, size_t at, size_t size)
{
    size_t digits = 0;
    const size_t end = number_end(text, at, size, &digits);
    if (digits >= DIGITS_HIDDEN || (at > 0 && text[at - 1] == '*')) {
        memset(text + at, '#', end - at);
    }
    return end;
}

static void hide_words(char *text, size_t size)
{
    for (size_t at = 0; at < size; at += 1) {
        size_t end = at;
        while (end < size && is_word(text[end])) {
            end += 1;
        }
        if (end - at >= WORD_HIDDEN) {
            memset(text + at, '#', end - at);
        }
        at = end;
    }
}

void logs_hide(char *text, size_t size)
{
    for (size_t at = 0; at < size; at += 1) {
        if (text[at] != '\n' && (text[at] < ' ' || text[at] > '~')) {
            text[at] = '?';
        }
    }
    hide_words(text, size);
    for (size_t at = 0; at < size;) {
        at = is_digit(text[at]) ? hide_number(text, at, size) : at + 1;
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

struct text {
    char *at;
    size_t size, max;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    const int size = vsnprintf(text->at + text->size, text->max - text->size, format, values);
    va_end(values);
    if (size > 0 && (size_t)size < text->max - text->size) {
        text->size += (size_t)size;
    }
}

/* The last `most` bytes of a file, from the beginning of a line on. */
static void put_file_end(struct text *text, const char *path, size_t most)
{
    const size_t room = text->max - text->size;
    FILE *file = fopen(path, "re");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        put(text, "(%s cannot be read)\n", path);
    } else {
        const long size = ftell(file);
        most = most < room ? most : room;
        const long from = size > (long)most ? size - (long)most : 0;
        char *at = text->at + text->size;
        size_t got = fseek(file, from, SEEK_SET) == 0 ? fread(at, 1, most, file) : 0;
        const char *line = from > 0 ? memchr(at, '\n', got) : NULL;
        if (line != NULL) {
            got -= (size_t)(line + 1 - at);
            memmove(at, line + 1, got);
        }
        text->size += got;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static void put_standing(struct text *text, const struct logs_about *about)
{
    static const char *const names[] = {"terminal",          "sync.say",        "club.time_offset",
                                        "programme.refused", "mandate.refused", "hotlist.say",
                                        "certificate.say"};
    struct journal_counts counts = {0};
    char value[256];
    if (journal_counts(about->store, &counts) == ST_OK) {
        put(text, "entries=%" PRIu32 "\nunsent=%" PRIu32 "\npending=%" PRIu32 "\n", counts.entries,
            counts.unsent, counts.pending);
    } else {
        put(text, "journal=%s\n", store_fault(about->store)->say);
    }
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n += 1) {
        if (setting_get(about->store, names[n], value, sizeof value) == ST_OK) {
            put(text, "%s=%s\n", names[n], value);
        }
    }
}

static int64_t last_ok_s(struct store *store)
{
    char value[32];
    return setting_get(store, "sync.last_ok", value, sizeof value) == ST_OK
               ? strtoll(value, NULL, 10)
               : 0;
}

/* The file before the log's file comes first, as far as there is room for it. */
static void put_log(struct text *text, const char *path, size_t log_max)
{
    char old[PATH_BYTES];
    (void)snprintf(old, sizeof old, "%s.old", path);
    FILE *file = fopen(path, "re");
    const long size = file != NULL && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    if (size >= 0 && (size_t)size < log_max) {
        put_file_end(text, old, log_max - (size_t)size);
    }
    put_file_end(text, path, log_max);
}

size_t logs_write(const struct logs_about *about, size_t log_max, char *ret, size_t max)
{
    struct text text = {.at = ret, .max = max};
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    put(&text, "log=%" PRIu32 "\nfirmware=%s\n\n-- device\n", about->number, about->firmware);
    if (about->device != NULL) {
        put_file_end(&text, about->device, DEVICE_BYTES_MAX);
    }
    put(&text, "\n-- terminal\n");
    put_standing(&text, about);
    put(&text, "\n-- log\n");
    if (about->log != NULL) {
        put_log(&text, about->log, log_max);
    }
    logs_hide(ret, text.size);
    /* Times look like what is hidden. */
    put(&text, "\n-- now\ntime=%" PRId64 "\nclock=%d\nsync_last_ok=%" PRId64 "\n", now_s,
        (int)quality, last_ok_s(about->store));
    return text.size;
}
