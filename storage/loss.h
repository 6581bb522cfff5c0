/* loss.h - what of this terminal's journal the club has not heard of yet: what its death would
 * leave to the cards to tell. */
#ifndef STORAGE_LOSS_H
#define STORAGE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "storage/store.h"

/* Entries that are looked at: a terminal that was offline for longer says "at least". */
enum { LOSS_ENTRIES_MAX = 20000 };

struct loss {
    uint32_t transactions; /* unsent intents that are not known to be not done */
    int64_t amount;        /* their amounts together, rials: baskets, loads, what went back */
    bool is_more;          /* there are more entries than were looked at */
    uint32_t behind, upto; /* loss_count()'s own: the entries that were looked at */
};

/* Brings `loss` up to date, all zero at first. Whoever keeps it between calls pays for the entries
 * that came since; when the club has more than then, it is counted anew. Statuses: the store's;
 * then it is as it was. */
ST_CHECK enum st loss_count(struct store *store, struct loss *loss);

#endif
