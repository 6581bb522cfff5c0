/* refusals.h - which refused actions were journalled already, so that a card that comes every day
 * tells the club of one once, and not at each tap.
 *
 * Kept in memory: after a restart it is told once more, which the club joins to the case that is
 * open. Pure; the caller owns the struct, zeroed at first; one thread. */
#ifndef FIRMWARE_TERMINAL_REFUSALS_H
#define FIRMWARE_TERMINAL_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>

#include "firmware/engine/entry_refused.h"

enum { REFUSALS_MAX = 32 };

struct refusals {
    struct entry_refused told[REFUSALS_MAX]; /* a ring; why 0: free */
    size_t next;
};

/* True: there is one (`why` is not 0), and the same of that card and number was not told. */
bool refusals_are_new(const struct refusals *refusals, const struct entry_refused *refused);
/* It is in the journal. */
void refusals_keep(struct refusals *refusals, const struct entry_refused *refused);

#endif
