/* rules - one sale against a programme of many rules: time, memory, and how often it allocates.
 *
 * bench-rules DOCUMENT. The card and the occasion are those that tests/bench/rules.py tells the
 * other evaluators as facts. Prints one JSON object. Whatever calls malloc, the C library included,
 * is counted. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "firmware/engine/plan.h"

enum { ROUNDS = 400, SALES = 10, TEXT_MAX = PROGRAMME_TEXT_MAX };

/* --- allocations, counted -------------------------------------------------------------------- */

static unsigned long allocations;

#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *malloc(size_t size)
{
    allocations += 1;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
    allocations += 1;
    return __libc_calloc(count, size);
}
void *realloc(void *block, size_t size)
{
    allocations += 1;
    return __libc_realloc(block, size);
}
#endif

/* --- the sale -------------------------------------------------------------------------------- */

static struct programme *load(const char *path)
{
    static char text[TEXT_MAX];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    size_t size = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    struct programme *programme;
    struct fault fault;
    if (programme_load(text, size, &programme, &fault) != ST_OK) {
        fprintf(stderr, "bench-rules: %s\n", fault.say);
        exit(2);
    }
    return programme;
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench-rules DOCUMENT\n");
        return 2;
    }
    unsigned long before_load = allocations;
    struct programme *programme = load(argv[1]);
    const unsigned long of_load = allocations - before_load;
    const struct snapshot card = {.layout = SNAPSHOT_LAYOUT_FIRST,
                                  .status = CARD_ACTIVE,
                                  .counter = 120,
                                  .tier = 2,
                                  .points = {4200},
                                  .purse = {[PURSE_CREDIT] = {3500000}},
                                  .last = {.kind = TRANSACTION_LOAD, .terminal = 1, .sequence = 1}};
    const struct occasion occasion = {
        .has_facts = true,
        .facts = {.counter = 120,
                  .last_day = 1000,
                  .visits = 57,
                  .interval = 30,
                  .basket = 2400,
                  .spend = 90000,
                  .earned = 700},
        .line_count = 2,
        .lines = {{.amount = {2000000}, .milli = 9000},
                  {.product = 1, .amount = {600000}, .milli = 3000}},
    };
    const struct plan_input input = {.programme = programme,
                                     .history = &card,
                                     .history_count = 1,
                                     .wish = {.kind = TRANSACTION_SALE, .amount = {2600000}},
                                     .occasion = &occasion,
                                     .minute = 1450000,
                                     .terminal = 3,
                                     .sequence = 2};
    static int64_t times[ROUNDS];
    static struct plan plan;
    const unsigned long before = allocations;
    for (size_t round = 0; round < ROUNDS; round += 1) {
        int64_t begin = now_ns();
        for (size_t sale = 0; sale < SALES; sale += 1) {
            if (plan_make(&input, &plan) != ST_OK) {
                fprintf(stderr, "bench-rules: %s\n", plan.why.say);
                return 1;
            }
        }
        times[round] = (now_ns() - begin) / SALES;
    }
    const unsigned long of_sales = allocations - before;
    qsort(times, ROUNDS, sizeof times[0], compare);
    printf("{\"rules\": %zu, \"us\": %.2f, \"p99_us\": %.2f, \"held\": %" PRId64
           ", \"allocations\": %lu, \"sales\": %d, \"load_allocations\": %lu, \"bytes\": %zu}\n",
           programme->rule_count, (double)times[ROUNDS / 2] / 1e3,
           (double)times[ROUNDS * 99 / 100] / 1e3, plan.parts.award.n, of_sales, ROUNDS * SALES,
           of_load, programme->memory);
    programme_free(programme);
    return 0;
}
