#include "firmware/engine/listing.h"

#include <stddef.h>
#include <string.h>

static const char *const words[] = {
    [LISTING_NONE] = "",           [LISTING_LOST] = "lost",   [LISTING_STOLEN] = "stolen",
    [LISTING_BLOCKED] = "blocked", [LISTING_CLONE] = "clone", [LISTING_REPLACED] = "replaced",
};
enum { WORDS = sizeof words / sizeof words[0] };

const char *listing_word(uint8_t listing)
{
    return listing < WORDS ? words[listing] : "other";
}

uint8_t listing_of_word(const char *word)
{
    for (uint8_t n = LISTING_NONE + 1; n < WORDS; n++) {
        if (strcmp(word, words[n]) == 0) {
            return n;
        }
    }
    return LISTING_NONE;
}
