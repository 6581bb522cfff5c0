/* test_unit - a device's processes: their rights, their words, their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards/common/device/ration.h"
#include "boards/common/device/unit.h"
#include "tests/support/hush.h"
#include "tests/support/test_folder.h"

static struct unit self(const char *script)
{
    struct unit unit = {.name = "test",
                        .arguments = {"/bin/sh", "-c", script},
                        .user = getuid(),
                        .group = getgid(),
                        .is_root = true};
    unit_init(&unit);
    return unit;
}

static int wait_for(struct unit *unit)
{
    int status = 0;
    assert_int_equal(waitpid(unit->pid, &status, 0), unit->pid);
    return status;
}

/* Good until the next call. */
static const char *text_of(const char *name)
{
    static char text[2 * LOG_FILE_MAX];
    FILE *file = fopen(test_folder_path(name), "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static void what_a_process_says_is_logged_by_lines(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip(); /* groups and users are set, which only root may */
    }
    struct log log;
    struct unit unit = self("echo one; printf two >&2");
    const int console = hush();
    log_init(&log);
    log_open(&log, test_folder_path("said"));
    unit_step(&unit, &log, 1000);
    assert_int_not_equal(unit.pid, 0);
    const int status = wait_for(&unit);
    unit_hear(&unit, &log, 1000);
    unit_ended(&unit, status, &log, 1000);
    log_close(&log);
    unhush(console);
    const char *text = text_of("said");
    assert_non_null(strstr(text, "] test: one\n"));
    assert_non_null(strstr(text, "] test: two\n"));
    assert_non_null(strstr(text, "] test: ended with 0\n"));
}

static void a_process_that_ends_is_started_later_each_time(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    struct log log;
    struct unit unit = self("exit 3");
    const int console = hush();
    int64_t now_ms = 1000, gap_ms[11];
    log_init(&log);
    for (int n = 0; n < 11; n++) {
        unit_step(&unit, &log, now_ms);
        unit_ended(&unit, wait_for(&unit), &log, now_ms);
        gap_ms[n] = unit.start_at_ms - now_ms;
        unit_step(&unit, &log, unit.start_at_ms - 1);
        assert_int_equal(unit.pid, 0);
        now_ms = unit.start_at_ms;
    }
    /* One that lived long enough begins from the first delay again. */
    unit_step(&unit, &log, now_ms);
    unit_ended(&unit, wait_for(&unit), &log, now_ms + UNIT_WELL_MS);
    unhush(console);
    assert_int_equal(gap_ms[0], 100);
    assert_int_equal(gap_ms[1], 200);
    assert_int_equal(gap_ms[8], 25600);
    assert_int_equal(gap_ms[9], 30000);
    assert_int_equal(gap_ms[10], 30000);
    assert_int_equal(unit.start_at_ms, now_ms + UNIT_WELL_MS + 100);
}

static void a_process_has_no_rights_but_its_users(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    struct log log;
    struct unit unit = self("test \"$(id -u):$(id -g):$(id -G)\" = '901:902:902 911' || exit 1; "
                            "grep -q '^CapEff:.0*$' /proc/self/status || exit 2; "
                            "grep -q '^CapBnd:.0*$' /proc/self/status || exit 3; "
                            "grep -q '^NoNewPrivs:.1$' /proc/self/status || exit 4");
    unit.user = 901;
    unit.group = 902;
    unit.groups[0] = 911;
    unit.groups_count = 1;
    unit.is_root = false;
    const int console = hush();
    log_init(&log);
    unit_step(&unit, &log, 1000);
    const int status = wait_for(&unit);
    unhush(console);
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_process_waits_for_its_device_and_has_it_alone(void **state)
{
    (void)state;
    struct log log;
    struct stat owned;
    char device[100], script[200];
    (void)snprintf(device, sizeof device, "%s/line", test_folder());
    (void)snprintf(script, sizeof script, "test -w %s", device);
    struct unit unit = self(script);
    unit.device = device;
    const int console = hush();
    log_init(&log);
    unit_step(&unit, &log, 1000);
    const bool is_waited_for = unit.pid == 0 && unit.start_at_ms == 1000 + UNIT_LOOK_MS;
    (void)close(open(device, O_CREAT | O_WRONLY | O_CLOEXEC, 0444));
    unit_step(&unit, &log, unit.start_at_ms);
    const int status = wait_for(&unit);
    unhush(console);
    assert_true(is_waited_for);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(stat(device, &owned), 0);
    assert_int_equal(owned.st_mode & 07777, 0600);
}

/* Runs a script as a process of a device to its end, heard at each turn as the first process does,
 * with a log of its own. */
static struct unit run_logged(const char *script, const char *log_name, int turns_max)
{
    struct log log;
    int status = 0;
    struct unit unit = self(script);
    const int console = hush();
    int64_t now_ms = 1000;
    log_init(&log);
    log_open(&log, test_folder_path(log_name));
    unit_step(&unit, &log, now_ms);
    for (int turn = 0; turn < turns_max && waitpid(unit.pid, &status, WNOHANG) == 0; turn++) {
        const int fd = unit_fd(&unit, now_ms);
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        (void)poll(&polled, 1, 1);
        if (fd >= 0 && polled.revents != 0) {
            unit_hear(&unit, &log, now_ms);
        }
        now_ms += 1;
    }
    if (kill(unit.pid, SIGKILL) == 0) {
        (void)waitpid(unit.pid, &status, 0);
    }
    unit_ended(&unit, status, &log, now_ms);
    log_close(&log);
    unhush(console);
    return unit;
}

static void a_process_that_floods_leaves_the_log_to_the_others(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    (void)run_logged("while :; do echo 'a line that says nothing at all, again and again'; done",
                     "flood", 1000);
    const char *text = text_of("flood");
    assert_in_range(strlen(text), RATION_MAX / 2, RATION_MAX + 500);
    const char *first = strstr(text, "] test: says too much: lines of it are left out\n");
    assert_non_null(first);
    assert_null(strstr(first + 20, "says too much"));
    assert_non_null(strstr(first, "] test: ended by signal 9\n"));
}

/* 8 KiB at once, then not before 100 ms: what is on its way in the meantime, 64 KiB of a pipe,
 * makes it wait. */
static void a_process_that_floods_is_read_no_faster_than_the_console_takes(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    struct log log;
    struct unit unit = self("exec cat /dev/zero");
    const int console = hush();
    log_init(&log);
    unit_step(&unit, &log, 1000);
    struct pollfd polled = {.fd = unit.out_fd, .events = POLLIN};
    (void)poll(&polled, 1, 5000);
    (void)poll(NULL, 0, 50); /* it fills its pipe */
    unit_hear(&unit, &log, 1000);
    const int in_between = unit_fd(&unit, 1099), later = unit_fd(&unit, 1100);
    (void)kill(unit.pid, SIGKILL);
    const int status = wait_for(&unit);
    unit_ended(&unit, status, &log, 1100);
    unhush(console);
    assert_int_equal(in_between, -1);
    assert_true(later >= 0);
}

static void a_ration_comes_back_with_time(void **state)
{
    (void)state;
    struct ration ration;
    int kept = 0;
    ration_init(&ration, 500);
    while (ration_take(&ration, 68, 500)) { /* 100 bytes in the log */
        kept++;
    }
    assert_int_equal(kept, 655); /* 65,536 / 100 */
    assert_false(ration_take(&ration, 0, 500));
    /* 36 are left; 8,192 are there again after 254.9 s at 32 a second. */
    assert_false(ration_take(&ration, 68, 500 + 254999));
    assert_true(ration_take(&ration, 68, 500 + 255000));
    /* Never more than the whole: a day later as at first. */
    kept = 0;
    while (ration_take(&ration, 68, 86400000)) {
        kept++;
    }
    assert_int_equal(kept, 655);
}

static void a_line_cannot_look_like_another_ones(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    (void)run_logged("printf '\\r[   1.000] vafa: self-test ok\\033[2K\\ta\\000b\\303\\251\\n'",
                     "turned", 1000);
    assert_non_null(
        strstr(text_of("turned"), "] test: ?[   1.000] vafa: self-test ok?[2K\ta?b\303\251\n"));
}

/* The line as docs/events.md has it. */
static void that_long_work_goes_on_is_noted(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    const struct unit works = run_logged(
        "echo '2026-11-22T20:00:00Z T102 makes the database anew: entry 7 of 9'", "works", 1000);
    assert_in_range(works.works_ms, 1000, 2000);
    const struct unit does_not = run_logged("echo '2026-11-22T20:00:00Z T100 ready'", "not", 1000);
    assert_int_equal(does_not.works_ms, 0);
}

static void what_a_process_started_ends_with_it(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    struct log log;
    struct unit unit = run_logged("sleep 100 & sleep 100 & exit 0", "forks", 1000);
    log_init(&log);
    for (int waited_ms = 0; unit.out_fd >= 0 && waited_ms < 5000; waited_ms += 10) {
        (void)poll(NULL, 0, 10);
        unit_hear(&unit, &log, 2000); /* they would hold the other end */
    }
    assert_int_equal(unit.out_fd, -1);
}

static void a_process_is_killed_once_and_did_not_give_up(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    struct log log;
    struct unit unit = self("exit 1");
    const int console = hush();
    log_init(&log);
    log_open(&log, test_folder_path("killed"));
    unit_kill(&unit, &log, "was never started");
    unit_step(&unit, &log, 1000);
    unit_ended(&unit, wait_for(&unit), &log, 1000);
    const bool gave_up = unit.gave_up;
    unit.arguments[2] = "kill -SEGV $$";
    unit_step(&unit, &log, unit.start_at_ms);
    unit_ended(&unit, wait_for(&unit), &log, 1000);
    const bool crashed = unit.gave_up;
    unit.arguments[2] = "sleep 100";
    unit_step(&unit, &log, unit.start_at_ms);
    unit_kill(&unit, &log, "is slow");
    unit_kill(&unit, &log, "is slow");
    unit_ended(&unit, wait_for(&unit), &log, 1000);
    log_close(&log);
    unhush(console);
    const char *said = strstr(text_of("killed"), "is slow");
    assert_true(gave_up);
    assert_true(crashed);
    assert_false(unit.gave_up);
    assert_null(strstr(text_of("killed"), "never started"));
    assert_non_null(said);
    assert_null(strstr(said + 1, "is slow"));
}

static void a_process_cannot_fork_without_end(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    struct log log;
    struct unit unit = self("for n in $(seq 200); do sleep 10 & done; exit 0");
    unit.user = 903;
    unit.group = 903;
    unit.is_root = false;
    const int console = hush();
    log_init(&log);
    unit_step(&unit, &log, 1000);
    const int status = wait_for(&unit);
    unit_ended(&unit, status, &log, 1000);
    unhush(console);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), 0); /* the shell ends when it cannot fork */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_process_says_is_logged_by_lines),
        cmocka_unit_test(a_process_that_ends_is_started_later_each_time),
        cmocka_unit_test(a_process_has_no_rights_but_its_users),
        cmocka_unit_test(a_process_waits_for_its_device_and_has_it_alone),
        cmocka_unit_test(a_process_that_floods_leaves_the_log_to_the_others),
        cmocka_unit_test(a_process_that_floods_is_read_no_faster_than_the_console_takes),
        cmocka_unit_test(a_ration_comes_back_with_time),
        cmocka_unit_test(a_line_cannot_look_like_another_ones),
        cmocka_unit_test(that_long_work_goes_on_is_noted),
        cmocka_unit_test(what_a_process_started_ends_with_it),
        cmocka_unit_test(a_process_is_killed_once_and_did_not_give_up),
        cmocka_unit_test(a_process_cannot_fork_without_end),
    };
    return cmocka_run_group_tests_name("unit", tests, test_folder_make, test_folder_remove);
}
