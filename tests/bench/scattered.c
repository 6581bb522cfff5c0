#include "tests/bench/scattered.h"

#include <time.h>

#include "firmware/engine/snapshot.h"

enum { TERMINALS = 20000 };

uint64_t draw(void)
{
    static uint64_t state = UINT64_C(88172645463325252);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

uint64_t draw_card(void)
{
    return card_number_make(UINT64_C(936400000000000) + draw() % (UINT64_C(100000) * TERMINALS));
}

double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int by_time(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}
