/* clockset.h - the device's clock, set by the club's: docs/decisions/0021-clock.md.
 *
 * vafa-sync leaves a claim in a folder of its own: what the club's clock said, and when, by the
 * clock that only grows. Whoever broke into it can claim anything: so a claim is taken once between
 * two starts, and only for a clock that is off. One thread. */
#ifndef BOARDS_COMMON_DEVICE_CLOCKSET_H
#define BOARDS_COMMON_DEVICE_CLOCKSET_H

#include <stdbool.h>
#include <stdint.h>

#include "boards/common/device/log.h"

#define CLOCKSET_END_S INT64_C(4102444800) /* 2100-01-01 00:00 UTC: nothing later is believed */

enum { CLOCKSET_LOOK_MS = 1000 };

struct clockset_claim {
    int64_t club_s; /* seconds since 1970 */
    int64_t at_ms;  /* when the club said so, by clock_monotonic_ms() */
};

/* Reads the claim. False: there is none, or it is no claim. */
bool clockset_read(const char *path, struct clockset_claim *ret);
/* Whether the clock, which shows `clock_s`, is to be set, and to what: it is off by more than
 * CLOCK_OFF_S, or was never set. False as well: the claim is of another start, or no plausible
 * time. */
bool clockset_decide(const struct clockset_claim *claim, int64_t now_ms, int64_t clock_s,
                     int64_t *ret_s);

struct clockset_places {
    const char *claim;
    const char *battery;            /* the battery clock's device; a board may have none */
    bool (*set)(int64_t seconds_s); /* sets the clock; false: errno says why */
};

struct clockset {
    struct clockset_places at;
    int64_t started_s; /* what the clock showed at the start; had it been right, after it was set */
    int64_t look_at_ms;
    bool is_done; /* a claim was taken */
};

/* `places`: NULL for a device's; the texts stay the caller's. */
void clockset_init(struct clockset *clock, const struct clockset_places *places);
/* Looks for a claim and takes it. True: the clock was set now; the log says from when to when. */
bool clockset_step(struct clockset *clock, struct log *log, int64_t now_ms);
/* True: somebody set the clock. *ret_up_ms: how far it went since clockset_init(), but for what it
 * was set. */
bool clockset_look(const struct clockset *clock, int64_t *ret_up_ms);

#endif
