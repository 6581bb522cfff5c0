/* transfers.h (storage) - what left a card here and what became of it, as the journal says.
 *
 * A row for each transfer out, and for each card that was moved out whole (a DUPLICATE), kept by
 * journal_append(): so what waits is known however long ago it was, and journal_verify() counts
 * again. The rules and statuses of store.h hold here too. */
#ifndef STORAGE_TRANSFERS_H
#define STORAGE_TRANSFERS_H

#include "storage/store.h"

enum transfer_end { /* values are in the file */
                    TRANSFER_WAITS = 0,
                    TRANSFER_TAKEN = 1, /* another card has it */
                    TRANSFER_RELEASED =
                        2, /* the club delivers it: it was named from the start, or handed over */
                    TRANSFER_VOID = 3, /* it did not happen */
};
enum transfer_first {
    FIRST_IN_DOUBT = 0, /* the card that pays has to be held again */
    FIRST_DONE = 1,
    FIRST_LEFT = 2, /* that card moved on beyond its history: the club decides */
};

struct transfer {
    uint32_t sequence; /* of the intent that took it off its card */
    enum transfer_end end;
    enum transfer_first first;
    uint32_t second; /* waits: the intent that may have put it on another card, in doubt or left;
                        taken: that did; released: the entry that handed it over; else 0 */
};

/* The transfer whose first intent has this number. ST_REFUSED: that entry is none. */
ST_CHECK enum st transfers_find(struct store *store, uint32_t sequence, struct transfer *ret);

/* Those that wait, with a number above `after`, the oldest first, at most `max`. */
ST_CHECK enum st transfers_waiting(struct store *store, uint32_t after, struct transfer *ret,
                                   size_t max, size_t *ret_count);

#endif
