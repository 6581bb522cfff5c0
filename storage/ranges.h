/* ranges.h - the card numbers that the club has reserved for this terminal, and which are used.
 *
 * Numbers are payloads, without the Luhn digit. The enrolment gives the first range, sync adds
 * others in good time; they are used up in that order. In the settings: cards.first, cards.last;
 * cards.more ("FIRST-LAST FIRST-LAST ..."), written by sync; cards.used ("FIRST USED": the last
 * number used, and the range it is of), written by the terminal. So neither process writes over the
 * other's. All calls: ST_OK, or the store's status. */
#ifndef STORAGE_RANGES_H
#define STORAGE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

enum { RANGES_MAX = 16 };

struct ranges {
    size_t count; /* 0: none was ever given */
    struct {
        uint64_t first, last; /* first <= last */
    } list[RANGES_MAX];
    size_t at;     /* the range in work; count: all are used up */
    uint64_t next; /* the next number to use, in that range; 0 when all are used up */
};

ST_CHECK enum st ranges_load(struct store *store, struct ranges *ret);
/* How many numbers are left. */
uint64_t ranges_left(const struct ranges *ranges);
/* True when the number is, or was, in one of the ranges. */
bool ranges_have(const struct ranges *ranges, uint64_t payload);
/* True when such a number has been used, or passed over. */
bool ranges_is_used(const struct ranges *ranges, uint64_t payload);
/* Burns ranges->next for ever, durably; there must be one. Load again after it. */
ST_CHECK enum st ranges_use(struct store *store, const struct ranges *ranges);
/* Takes in another range; one that is there already changes nothing. Those before the range in work
 * are forgotten when room is needed. ST_FULL also when there is none all the same. */
ST_CHECK enum st ranges_add(struct store *store, uint64_t first, uint64_t last);

#endif
