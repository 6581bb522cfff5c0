/* card_cuts.h - every cut of a tap, on either family of a card_world, one after the other. */
#ifndef TESTS_SUPPORT_CARD_CUTS_H
#define TESTS_SUPPORT_CARD_CUTS_H

#include <stdbool.h>

#include "tests/support/card_world.h"

/* A copy of a world's card. */
union card_chip {
    struct classic classic;
    struct desfire desfire;
};
void card_chip_save(const struct card_world *world, union card_chip *ret);
void card_chip_load(struct card_world *world, const union card_chip *chip);

/* The n-th cut of a tap, from {0}; both families count alike: after command 0, 1 ..., then in
 * write 1, 2 ..., each left in every way that there is. */
struct card_cut {
    bool is_write;
    unsigned n, tear;
};

/* NULL: none. */
void card_cut_plan(struct card_world *world, const struct card_cut *cut);
/* Whether the planned one came; none is planned then. */
bool card_cut_was_taken(struct card_world *world);
/* False: there is no such cut, and so none after it. */
bool card_cut_next(const struct card_world *world, struct card_cut *cut, bool was_taken);

/* Every cut of a tap: `tap` lives it on the card as it is now, under that cut, and `then` judges
 * what it left; the last one comes too late and is none. Returns how many were taken. */
typedef enum st card_tap(struct card_world *world, const struct card_cut *cut);
typedef void card_then(struct card_world *world, enum st committed);
unsigned card_cuts_each(struct card_world *world, card_tap *tap, card_then *then);

#endif
