/* till_batch.h - vafa-till issue-batch: a stack of cards from a list, which can be stopped
 * anywhere.
 *
 * The list is CSV (RFC 4180): a line of column names (particulars.h, and `opening`), then a line a
 * member. The record beside it says of each row what came of it; it is synced before a card is
 * begun and after it is done, so that a run that was killed goes on where it was, and no row gets
 * two cards: before a row is asked for, the card number that it will take stands in the record, and
 * the terminal is asked what became of that number. Personal data is in the list only. */
#ifndef FIRMWARE_TERMINAL_TILL_BATCH_H
#define FIRMWARE_TERMINAL_TILL_BATCH_H

#include <jansson.h>
#include <stdint.h>

#include "firmware/terminal/till_call.h"

struct till_batch {
    struct till_place place;
    const char *path;     /* the list */
    const char *record;   /* NULL: the list's name and ".record" */
    int64_t wait_s;       /* how long a card is waited for */
    const json_t *common; /* fields for every row: operator, kind ... */
};

/* Returns vafa-till's exit code: 0 when every row has a card, 1 when some were refused or it was
 * stopped, 2 when the list or the record is not right. */
int till_batch_run(const struct till_batch *batch);

#endif
