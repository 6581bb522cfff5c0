#include <assert.h>
#include <time.h>

#include "hal/clock.h"

int64_t clock_now_s(enum clock_quality *ret_quality)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    assert(rc == 0);
    *ret_quality = now.tv_sec < CLOCK_FIRST_S ? CLOCK_UNSET : CLOCK_BY_HAND;
    return now.tv_sec;
}

int64_t clock_monotonic_ms(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(rc == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
