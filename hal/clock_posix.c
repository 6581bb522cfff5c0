#include <assert.h>
#include <time.h>

#include "hal/clock.h"

/* 2024-01-01 00:00 UTC: before this nobody ever set the clock. */
static const int64_t plausible_s = 1704067200;

int64_t clock_now_s(enum clock_quality *ret_quality)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    assert(rc == 0);
    *ret_quality = now.tv_sec < plausible_s ? CLOCK_UNSET : CLOCK_BY_HAND;
    return now.tv_sec;
}

int64_t clock_monotonic_ms(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(rc == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
