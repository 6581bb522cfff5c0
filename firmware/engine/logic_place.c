#include "firmware/engine/logic_place.h"

#include <stdio.h>
#include <string.h>

void logic_place_text(const char *where, const struct logic_place *place,
                      char ret[LOGIC_PLACE_BYTES])
{
    char whole[512];
    size_t at = sizeof whole - 1;
    whole[at] = '\0';
    for (; place != NULL; place = place->up) {
        char part[48];
        int bytes = snprintf(part, sizeof part, ".%.20s[%zu]", place->word, place->index);
        if ((size_t)bytes > at) {
            break;
        }
        at -= (size_t)bytes;
        memcpy(whole + at, part, (size_t)bytes);
    }
    const char *path = whole + at;
    size_t room = LOGIC_PLACE_BYTES - 1 - strnlen(where, 24);
    if (strlen(path) > room) {
        path += strlen(path) - room;
    }
    (void)snprintf(ret, LOGIC_PLACE_BYTES, "%.24s%.*s", where, (int)room, path);
    if (ret[0] == '\0') {
        (void)snprintf(ret, LOGIC_PLACE_BYTES, "Condition");
    }
}

static size_t least_of(size_t a, size_t b, size_t c)
{
    a = a < b ? a : b;
    return a < c ? a : c;
}

size_t logic_distance(const char *a, const char *b)
{
    size_t row[LOGIC_PATH_BYTES_MAX + 1];
    size_t bytes = strnlen(b, LOGIC_PATH_BYTES_MAX);
    for (size_t j = 0; j <= bytes; j += 1) {
        row[j] = j;
    }
    for (size_t i = 0; i < strnlen(a, LOGIC_PATH_BYTES_MAX); i += 1) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < bytes; j += 1) {
            size_t above = row[j + 1];
            row[j + 1] = least_of(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[bytes];
}
