/* logic_place.h - where in a condition something is wrong, and what was probably meant. Only
 * logic_load.c uses it. Pure. */
#ifndef FIRMWARE_ENGINE_LOGIC_PLACE_H
#define FIRMWARE_ENGINE_LOGIC_PLACE_H

#include <stddef.h>

enum {
    LOGIC_PLACE_BYTES = 64,
    LOGIC_PATH_BYTES_MAX = 63, /* of a fact's path */
};

/* Where in the condition: a chain up to its root. */
struct logic_place {
    const struct logic_place *up;
    const char *word; /* operator, or "" of a list */
    size_t index;     /* which of its values */
};

/* "rules[3].when.and[1].>=[0]"; of a long one the end. */
void logic_place_text(const char *where, const struct logic_place *place,
                      char ret[LOGIC_PLACE_BYTES]);

/* How many letters must change to make one text of the other (Levenshtein), by their first
 * LOGIC_PATH_BYTES_MAX bytes. */
size_t logic_distance(const char *a, const char *b);

#endif
