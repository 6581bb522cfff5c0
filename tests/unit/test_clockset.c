/* test_clockset - which of vafa-sync's claims sets a device's clock, and what somebody who broke
 * into vafa-sync cannot make of it. Seconds since 1970 are Python's calendar.timegm(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boards/common/device/clockset.h"
#include "hal/clock.h"
#include "tests/support/hush.h"
#include "tests/support/test_folder.h"

#define T_2023_LAST  INT64_C(1704067199) /* 2023-12-31 23:59:59 */
#define T_2024_FIRST INT64_C(1704067200)
#define T_2026       INT64_C(1795400000) /* 2026-11-23 01:33:20 */
#define T_2100       INT64_C(4102444800)

/* --- the decision --------------------------------------------------------------------------- */

static void only_a_plausible_claim_of_this_start_sets_a_clock_that_is_off(void **state)
{
    (void)state;
    static const struct {
        int64_t club_s, at_ms, now_ms, clock_s;
        int64_t to_s; /* 0: it is left alone */
    } cases[] = {
        /* Never set; the time since the club said so is added. */
        {T_2026, 40000, 40900, 41, T_2026},
        {T_2026, 40000, 3640000, 3641, T_2026 + 3600},
        {T_2026, 40000, 40000, T_2023_LAST, T_2026},
        {T_2026, 0, 0, 0, T_2026},
        /* A battery's: by more than two minutes, either way. */
        {T_2026, 40000, 40000, T_2026 - 120, 0},
        {T_2026, 40000, 40000, T_2026 + 120, 0},
        {T_2026, 40000, 40000, T_2026 - 121, T_2026},
        {T_2026, 40000, 40000, T_2026 + 121, T_2026},
        {T_2026, 40000, 160000, T_2026, 0},
        {T_2026, 40000, 161000, T_2026, T_2026 + 121},
        /* No plausible time, also once what has gone by is added. */
        {T_2023_LAST, 40000, 40000, 41, 0},
        {T_2024_FIRST, 40000, 40000, 41, T_2024_FIRST},
        {T_2100, 40000, 40000, 41, 0},
        {T_2100 - 1, 40000, 40000, 41, T_2100 - 1},
        {T_2100 - 1, 40000, 41000, 41, 0},
        {0, 40000, 40000, T_2026, 0},
        {-T_2026, 40000, 40000, 41, 0},
        {INT64_MAX, 40000, 40000, 41, 0},
        {INT64_MIN, 40000, 40000, 41, 0},
        /* Of another start: this one has not come so far yet. */
        {T_2026, 40001, 40000, 41, 0},
        {T_2026, INT64_MAX, 40000, 41, 0},
        {T_2026, -1, 40000, 41, 0},
        {T_2026, INT64_MIN, 40000, 41, 0},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        const struct clockset_claim claim = {cases[n].club_s, cases[n].at_ms};
        int64_t to_s = 0;
        const bool is_set = clockset_decide(&claim, cases[n].now_ms, cases[n].clock_s, &to_s);
        if (is_set != (cases[n].to_s != 0) || (is_set && to_s != cases[n].to_s)) {
            fail_msg("case %zu: %d, %" PRId64, n, is_set, to_s);
        }
    }
}

/* --- the file ------------------------------------------------------------------------------- */

static void put(const char *name, const char *text)
{
    FILE *file = fopen(test_folder_path(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void what_is_no_claim_is_not_read(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "club_s=1795400000\n",
                                        "at_ms=5\n",
                                        "club_s=\nat_ms=5\n",
                                        "club_s=1795400000 \nat_ms=5\n",
                                        "club_s=-1795400000\nat_ms=5\n",
                                        "club_s=+1795400000\nat_ms=5\n",
                                        "club_s=0x6b0374c0\nat_ms=5\n",
                                        "club_s=1795400000\nat_ms= 5\n",
                                        "club_s=1795400000000000000000\nat_ms=5\n",
                                        "club_s=1795400000\nat_ms=99999999999999999999\n"};
    struct clockset_claim claim;
    char path[200];
    (void)snprintf(path, sizeof path, "%s", test_folder_path("claim"));
    assert_false(clockset_read(path, &claim));
    for (size_t n = 0; n < sizeof wrong / sizeof wrong[0]; n++) {
        put("claim", wrong[n]);
        if (clockset_read(path, &claim)) {
            fail_msg("\"%s\" was read", wrong[n]);
        }
    }
    put("other", "club_s=1795400000\nat_ms=5\n");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("other", path), 0);
    assert_false(clockset_read(path, &claim));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes to it: it must not be waited for */
    assert_false(clockset_read(path, &claim));
    assert_int_equal(unlink(path), 0);
    put("claim", "club_s=1795400000\nat_ms=5\n");
    assert_true(clockset_read(path, &claim));
    assert_true(claim.club_s == T_2026 && claim.at_ms == 5);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(test_folder_path("other")), 0);
}

/* --- a device ------------------------------------------------------------------------------- */

static int64_t was_set_to;
static int times_set;
static bool can_set;

static bool take(int64_t seconds_s)
{
    was_set_to = seconds_s;
    times_set++;
    errno = EPERM;
    return can_set;
}

static void claims(int64_t club_s, int64_t at_ms)
{
    char text[100];
    (void)snprintf(text, sizeof text, "club_s=%" PRId64 "\nat_ms=%" PRId64 "\n", club_s, at_ms);
    put("claim", text);
}

struct device {
    struct log log;
    struct clockset clock;
    char claim[200], battery[200];
};

static void start(struct device *device)
{
    (void)snprintf(device->claim, sizeof device->claim, "%s", test_folder_path("claim"));
    (void)snprintf(device->battery, sizeof device->battery, "%s", test_folder_path("rtc0"));
    const struct clockset_places at = {
        .claim = device->claim, .battery = device->battery, .set = take};
    (void)unlink(device->claim);
    times_set = 0;
    can_set = true;
    log_init(&device->log);
    clockset_init(&device->clock, &at);
}

static void a_claim_is_taken_once_between_two_starts(void **state)
{
    (void)state;
    enum clock_quality quality;
    struct device device;
    const int console = hush();
    start(&device);
    const int64_t now_s = clock_now_s(&quality);
    assert_false(clockset_step(&device.clock, &device.log, 1000)); /* none is there */
    claims(now_s + 60, 1000);
    assert_false(clockset_step(&device.clock, &device.log, 2000)); /* it agrees */
    claims(now_s + 86400, 2500);
    assert_false(clockset_step(&device.clock, &device.log, 2999)); /* not looked at so soon */
    assert_true(clockset_step(&device.clock, &device.log, 3500));
    assert_true(was_set_to == now_s + 86401);
    claims(now_s - 86400, 4000); /* back again */
    assert_false(clockset_step(&device.clock, &device.log, 9000));
    claims(now_s + 30 * 86400, 9000);
    assert_false(clockset_step(&device.clock, &device.log, 20000));
    assert_int_equal(times_set, 1);
    start(&device);
    claims(now_s - 86400, 4000);
    assert_true(clockset_step(&device.clock, &device.log, 5000));
    assert_int_equal(times_set, 1);
    unhush(console);
}

/* The self-test asks whether the clock runs: what it was set by does not count. Here the clock that
 * is set is not this machine's, so what is seen is what was taken away. */
static void what_the_clock_was_set_by_is_not_what_it_ran(void **state)
{
    (void)state;
    enum clock_quality quality;
    struct device device;
    int64_t up_ms = -1;
    const int console = hush();
    start(&device);
    const int64_t now_s = clock_now_s(&quality);
    assert_true(clockset_look(&device.clock, &up_ms)); /* this machine's is set */
    assert_in_range(up_ms, 0, 5000);
    claims(now_s - 1000, 0);
    assert_true(clockset_step(&device.clock, &device.log, 0));
    assert_true(clockset_look(&device.clock, &up_ms));
    assert_in_range(up_ms, 999000, 1005000);
    unhush(console);
}

static void one_that_cannot_be_set_is_said_once(void **state)
{
    (void)state;
    struct device device;
    const int console = hush();
    start(&device);
    can_set = false;
    claims(T_2024_FIRST, 0);
    assert_false(clockset_step(&device.clock, &device.log, 0));
    assert_false(clockset_step(&device.clock, &device.log, 5000));
    assert_int_equal(times_set, 1);
    unhush(console);
}

static void the_log_says_from_when_to_when(void **state)
{
    (void)state;
    char text[1000] = "";
    struct device device;
    const int console = hush();
    start(&device);
    log_open(&device.log, test_folder_path("log"));
    put("rtc0", "no clock");
    claims(T_2024_FIRST, 0);
    assert_true(clockset_step(&device.clock, &device.log, 0));
    log_close(&device.log);
    unhush(console);
    FILE *file = fopen(test_folder_path("log"), "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    assert_non_null(strstr(text, "device: the clock was set by the club's, from 20"));
    assert_non_null(
        strstr(text, " to 2024-01-01 00:00:00 UTC; its battery's clock could not be set\n"));
    assert_int_equal(unlink(test_folder_path("rtc0")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_plausible_claim_of_this_start_sets_a_clock_that_is_off),
        cmocka_unit_test(what_is_no_claim_is_not_read),
        cmocka_unit_test(a_claim_is_taken_once_between_two_starts),
        cmocka_unit_test(what_the_clock_was_set_by_is_not_what_it_ran),
        cmocka_unit_test(one_that_cannot_be_set_is_said_once),
        cmocka_unit_test(the_log_says_from_when_to_when),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
