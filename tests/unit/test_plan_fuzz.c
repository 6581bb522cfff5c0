/* Fixed pseudo-random bytes as cards and wishes: what tests/fuzz/run.sh does for minutes, in
 * seconds and the same in every build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_plan.h"

enum { ROUNDS = 40000, SIZE = 1800 };

/* Marsaglia's xorshift64 with 13, 7, 17. */
static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static uint8_t any_byte(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint8_t)(seed >> 32);
}

static void any_card_and_wish_is_planned_or_refused(void **state)
{
    (void)state;
    size_t made = 0;
    for (size_t round = 0; round < ROUNDS; round += 1) {
        uint8_t bytes[SIZE];
        for (size_t i = 0; i < SIZE; i += 1) {
            bytes[i] = any_byte();
        }
        made += fuzz_plan(bytes, sizeof bytes);
    }
    print_message("%zu plans made in %d rounds\n", made, ROUNDS);
    assert_true(made > ROUNDS); /* else nearly all was refused, and little tried */
}

static int open_programmes(void **state)
{
    (void)state;
    static const char *const paths[] = {"programmes/base.json", "programmes/credit.json",
                                        "tests/fuzz/plan_1.json", "tests/fuzz/plan_2.json",
                                        "tests/fuzz/plan_3.json"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i += 1) {
        if (!fuzz_plan_open(paths[i])) {
            return 1;
        }
    }
    return 0;
}

static int close_programmes(void **state)
{
    (void)state;
    fuzz_plan_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_card_and_wish_is_planned_or_refused),
    };
    return cmocka_run_group_tests_name("plan_fuzz", tests, open_programmes, close_programmes);
}
