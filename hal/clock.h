/* clock.h - time as a claim with a quality, and time for deadlines.
 *
 * Order is by counters and sequence numbers, never by this clock. Link-time seam: each board links
 * one clock; tests link their own. */
#ifndef HAL_CLOCK_H
#define HAL_CLOCK_H

#include <stdint.h>

enum clock_quality {
    CLOCK_UNSET = 0,   /* before 2024-01-01: nobody ever set it */
    CLOCK_BY_HAND = 1, /* plausible; set by a person or kept by a battery */
    CLOCK_BY_CLUB = 2, /* agreed with the club's time; no clock here says so yet */
};

/* Seconds since 1970-01-01 UTC. */
int64_t clock_now_s(enum clock_quality *ret_quality);
/* Milliseconds that only grow, for deadlines; unrelated to the date. */
int64_t clock_monotonic_ms(void);

#endif
