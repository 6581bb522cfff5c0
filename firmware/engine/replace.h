/* replace.h - what may be put on a card in the place of a lost one, and what the club may lose by
 * that.
 *
 * Pure; the caller owns every struct. Why so: docs/decisions/0015-lost-cards.md. */
#ifndef FIRMWARE_ENGINE_REPLACE_H
#define FIRMWARE_ENGINE_REPLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/engine/plan.h"

/* Who says what is on the lost card. */
enum lost_source {
    LOST_UNKNOWN, /* nobody here: only that it is to be replaced */
    LOST_SEEN,    /* this terminal, when the card was last here */
    LOST_TOLD,    /* the club, as far as it knows */
    LOST_SETTLED, /* the club, for certain: no terminal takes the card any more, and all that could
                     be done with it is known */
};

struct lost_card {
    enum lost_source source;
    int64_t as_of_s; /* by the clock of who says it; 0 = not known */
    uint8_t tier, group;
    struct points points;
    struct money purse[PURSES];
};

struct replacement {
    struct inheritance inherits;
    struct money purse[PURSES];   /* on the new card now */
    struct points loss_points;    /* the most that the club may lose: what can be spent ... */
    struct money loss, of_points; /* ... twice, on both cards; of_points is what those points pay */
};

/* LOST_SETTLED: all of it, and nothing can be lost. Else of credit and points what is known, but no
 * more than the programme's provisional part, and nothing of gift and voucher: the rest comes by
 * the club's actions when the books have settled. Tier and group stay, stamps begin anew. */
void replace_share(const struct programme *programme, const struct lost_card *lost,
                   struct replacement *ret);

#endif
