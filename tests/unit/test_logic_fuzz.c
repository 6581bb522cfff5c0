/* tests/fuzz/fuzz_logic.c with fixed pseudo-random bytes: the same in every run, also under ASan
 * and UBSan. Run with libFuzzer: tests/fuzz/run.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_logic.h"

enum { TRIES = 60000, BYTES = 160 };

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void what_loads_with_facts_evaluates(void **state)
{
    (void)state;
    uint64_t seed = 20240229;
    int counts[4] = {0};
    for (int i = 0; i < TRIES; i += 1) {
        uint8_t bytes[BYTES];
        for (size_t j = 0; j < BYTES; j += 1) {
            bytes[j] = (uint8_t)(next_random(&seed) >> 24);
        }
        bytes[0] |= 2; /* operators chosen by the bytes, with facts and without */
        counts[fuzz_logic(bytes, BYTES) + 1] += 1;
    }
    print_message("# loaded and evaluated thrice: %d with facts, %d without; %d refused\n",
                  counts[2], counts[3], counts[1]);
    assert_true(counts[2] > TRIES / 10 && counts[3] > TRIES / 10 && counts[1] > TRIES / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_loads_with_facts_evaluates),
    };
    return cmocka_run_group_tests_name("logic_fuzz", tests, NULL, NULL);
}
