#include "drivers/card/classic_known.h"

#include <string.h>

/* known->count: nowhere. */
static size_t place_of(const struct classic_known *known, const uint8_t *uid, size_t uid_bytes)
{
    size_t n = 0;
    while (n < known->count && (known->cards[n].uid_bytes != uid_bytes ||
                                memcmp(known->cards[n].uid, uid, uid_bytes) != 0)) {
        n += 1;
    }
    return n;
}

const struct classic_known_card *classic_known_find(const struct classic_known *known,
                                                    const uint8_t *uid, size_t uid_bytes)
{
    const size_t n = place_of(known, uid, uid_bytes);
    return n < known->count ? &known->cards[n] : NULL;
}

void classic_known_keep(struct classic_known *known, const struct classic_known_card *card)
{
    size_t n = place_of(known, card->uid, card->uid_bytes);

    if (n == CLASSIC_KNOWN_MAX) {
        n = 0;
        for (size_t i = 1; i < CLASSIC_KNOWN_MAX; i += 1) {
            n = known->cards[i].turn < known->cards[n].turn ? i : n;
        }
    } else if (n == known->count) {
        known->count += 1;
    }
    known->turn += 1;
    known->cards[n] = *card;
    known->cards[n].turn = known->turn;
}

void classic_known_forget(struct classic_known *known, const uint8_t *uid, size_t uid_bytes)
{
    const size_t n = place_of(known, uid, uid_bytes);
    if (n < known->count) {
        known->count -= 1;
        known->cards[n] = known->cards[known->count];
    }
}
