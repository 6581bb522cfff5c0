/* clock.h - time as a claim with a quality, and time for deadlines.
 *
 * Order is by counters and sequence numbers, never by this clock. Link-time seam: each board links
 * one clock; tests link their own. */
#ifndef HAL_CLOCK_H
#define HAL_CLOCK_H

#include <stdint.h>

/* 2024-01-01 00:00 UTC: before this nobody ever set the clock. */
#define CLOCK_FIRST_S INT64_C(1704067200)

enum { CLOCK_OFF_S = 120 }; /* one that differs by more from the club's is wrong */

enum clock_quality {
    CLOCK_UNSET = 0,   /* before CLOCK_FIRST_S */
    CLOCK_BY_HAND = 1, /* plausible: kept by a battery, or set, by whomever */
    CLOCK_BY_CLUB = 2, /* agreed with the club's time; no clock here says so: one that vafa-init set
                          by the club's (docs/decisions/0021-clock.md) is BY_HAND, too */
};

/* Seconds since 1970-01-01 UTC. */
int64_t clock_now_s(enum clock_quality *ret_quality);
/* Milliseconds that only grow, for deadlines; unrelated to the date. */
int64_t clock_monotonic_ms(void);

#endif
