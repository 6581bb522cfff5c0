#include "firmware/terminal/refusals.h"

#include <string.h>

static bool is_same(const struct entry_refused *a, const struct entry_refused *b)
{
    return a->card_number == b->card_number && a->number == b->number && a->why == b->why &&
           memcmp(a->image, b->image, sizeof a->image) == 0 &&
           memcmp(a->seal, b->seal, sizeof a->seal) == 0;
}

bool refusals_are_new(const struct refusals *refusals, const struct entry_refused *refused)
{
    bool is_new = refused->why != 0;
    for (size_t n = 0; n < REFUSALS_MAX && is_new; n++) {
        is_new = !is_same(&refusals->told[n], refused);
    }
    return is_new;
}

void refusals_keep(struct refusals *refusals, const struct entry_refused *refused)
{
    refusals->told[refusals->next] = *refused;
    refusals->next = (refusals->next + 1) % REFUSALS_MAX;
}
