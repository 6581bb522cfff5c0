/* hotcheck.h - the terminal's view of the hotlist: which cards it refuses, and how old that is.
 *
 * Keeps a handle on the file that vafa-sync writes, and opens it anew when another took its place.
 * A list that is missing, damaged, foreign or old never stops a terminal: it lowers what may be
 * spent (docs/tap.md, "The hotlist"). The caller owns the struct; one thread. */
#ifndef FIRMWARE_TERMINAL_HOTCHECK_H
#define FIRMWARE_TERMINAL_HOTCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/engine/money.h"
#include "hal/clock.h"
#include "storage/hotlist.h"

enum {
    HOTCHECK_HOURS_DEFAULT = 72, /* a long weekend without a line */
    HOTCHECK_HOURS_MAX = 24 * 365,
    HOTCHECK_BACK_S = 600, /* how far a clock may be set back before the age is unknown */
};
#define HOTCHECK_SPEND_DEFAULT INT64_C(2000000) /* rials; two hundred thousand toman */

struct hotcheck {
    const char *database; /* the terminal's, which the list lies beside */
    unsigned hours_max;   /* 1..HOTCHECK_HOURS_MAX */
    struct money spend_max;

    struct hotlist *hotlist; /* NULL: there is none that can be asked */
    struct hotlist_head head;
    bool is_old;
    int64_t age_s;    /* -1 = unknown */
    struct fault say; /* what is wrong with it; "" = nothing */
};

/* All fields but the first three are zero before. */
void hotcheck_init(struct hotcheck *check, const char *database, unsigned hours_max,
                   struct money spend_max);
void hotcheck_finish(struct hotcheck *check);

/* Before a request: opens what is there now, judges its age. Never fails: see `is_old`, `say`. */
void hotcheck_refresh(struct hotcheck *check, int64_t now_s, enum clock_quality quality);

/* Why the card is listed, 0 = it is not, or cannot be known: then the list counts as old. */
uint8_t hotcheck_find(struct hotcheck *check, uint64_t card);

#endif
