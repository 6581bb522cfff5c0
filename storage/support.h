/* support.h - somebody at the terminal lets the club's support take this device's log, for some
 * hours. Kept in the database, since terminal and sync are two processes. */
#ifndef STORAGE_SUPPORT_H
#define STORAGE_SUPPORT_H

#include "storage/store.h"

enum { SUPPORT_HOURS_MAX = 72 };

/* From `now_s` (this terminal's clock, >= 0) for so many hours, 1..SUPPORT_HOURS_MAX; 0 ends it.
 * Statuses as setting_put(). */
ST_CHECK enum st support_put(struct store *store, int64_t now_s, uint32_t hours,
                             uint32_t operator_no);
/* The date was set from `was_s` to `now_s`: hours that are left stay as many. Statuses likewise. */
ST_CHECK enum st support_move(struct store *store, int64_t was_s, int64_t now_s);
/* Seconds that are left, 0: it is not on. A clock that was set back to before it began has ended
 * it; so has anything that cannot be read. */
int64_t support_left_s(struct store *store, int64_t now_s);

#endif
