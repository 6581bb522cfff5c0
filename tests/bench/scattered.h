/* scattered.h - what bench-held and bench-hotlist share: the same drawn cards each time, and times.
 *
 * Cards are drawn evenly from twenty thousand terminals' ranges (100,000 numbers each), which is as
 * scattered as they can be. */
#ifndef TESTS_BENCH_SCATTERED_H
#define TESTS_BENCH_SCATTERED_H

#include <stddef.h>
#include <stdint.h>

uint64_t draw(void);
uint64_t draw_card(void);

double now_us(void); /* monotonic */
/* For qsort() of doubles. */
int by_time(const void *a, const void *b);

#endif
