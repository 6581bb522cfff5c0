/* test_device - what the first process of a device is made of: its facts, log and watchdog, and
 * the question it asks the terminal. Its processes: test_unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards/common/device/conf.h"
#include "boards/common/device/log.h"
#include "boards/common/device/owner.h"
#include "boards/common/device/probe.h"
#include "boards/common/device/watch.h"
#include "hal/clock.h"
#include "tests/support/hush.h"
#include "tests/support/test_folder.h"

static void put(const char *name, const char *text)
{
    FILE *file = fopen(test_folder_path(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* --- conf ----------------------------------------------------------------------------------- */

static void a_fact_is_the_rest_of_its_line(void **state)
{
    (void)state;
    struct conf conf;
    char value[16];
    put("conf", "# reader=no\nreader_line=/dev/a\nreader=b=c\nprinter=none\nlast=end");
    assert_int_equal(conf_load(test_folder_path("conf"), &conf), ST_OK);
    assert_true(conf_get(&conf, "reader", value, sizeof value));
    assert_string_equal(value, "b=c");
    assert_true(conf_get(&conf, "reader_line", value, sizeof value));
    assert_string_equal(value, "/dev/a");
    assert_true(conf_get(&conf, "last", value, sizeof value));
    assert_string_equal(value, "end");
    assert_false(conf_get(&conf, "printer", value, sizeof value));
    assert_string_equal(value, "");
    assert_false(conf_get(&conf, "absent", value, sizeof value));
    assert_false(conf_get(&conf, "reader_line", value, sizeof "/dev/a" - 1));
}

static void a_file_that_is_missing_or_too_long_has_no_facts(void **state)
{
    (void)state;
    struct conf conf;
    char value[8], text[CONF_BYTES_MAX + 2] = "a=1\n";
    assert_int_equal(conf_load(test_folder_path("nothing"), &conf), ST_IO);
    assert_false(conf_get(&conf, "a", value, sizeof value));
    memset(text + 4, 'x', sizeof text - 5);
    put("long", text);
    assert_int_equal(conf_load(test_folder_path("long"), &conf), ST_FOREIGN);
    assert_false(conf_get(&conf, "a", value, sizeof value));
    text[CONF_BYTES_MAX] = '\0';
    put("long", text);
    assert_int_equal(conf_load(test_folder_path("long"), &conf), ST_OK);
    assert_true(conf_get(&conf, "a", value, sizeof value));
}

/* --- log ------------------------------------------------------------------------------------ */

static off_t size_of(const char *name)
{
    struct stat about;
    return stat(test_folder_path(name), &about) == 0 ? about.st_size : -1;
}

static void a_log_never_takes_more_than_twice_its_bound(void **state)
{
    (void)state;
    struct log log;
    char text[LOG_LINE_MAX * 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const int console = hush();
    log_init(&log);
    log_say(&log, "test", "before there is a file");
    log_open(&log, test_folder_path("log"));
    off_t most = 0;
    for (int n = 0; n < 3 * LOG_FILE_MAX / LOG_LINE_MAX; n++) {
        log_say(&log, "test", text);
        most = size_of("log") > most ? size_of("log") : most;
    }
    log_close(&log);
    unhush(console);
    assert_in_range(most, LOG_FILE_MAX - LOG_LINE_MAX - 1, LOG_FILE_MAX);
    assert_in_range(size_of("log.old"), 1, LOG_FILE_MAX);
}

/* As with a keyboard at it, or noise on an open line: Ctrl-S. */
static void what_comes_in_at_the_console_stops_nobody(void **state)
{
    (void)state;
    const int keyboard = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(keyboard >= 0 && grantpt(keyboard) == 0 && unlockpt(keyboard) == 0);
    const int console = open(ptsname(keyboard), O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(console >= 0);
    log_console(console);
    assert_int_equal(write(keyboard, "\x13", 1), 1);
    (void)poll(NULL, 0, 50);
    assert_int_equal(write(console, "line\n", 5), 5);
    assert_int_equal(close(console), 0);
    assert_int_equal(close(keyboard), 0);
}

static void a_log_goes_on_where_it_was(void **state)
{
    (void)state;
    struct log log;
    const int console = hush();
    put("again", "what was\n");
    log_init(&log);
    log_open(&log, test_folder_path("again"));
    log_say(&log, "test", "hello");
    log_close(&log);
    unhush(console);
    char text[100] = "";
    FILE *file = fopen(test_folder_path("again"), "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    (void)fclose(file);
    assert_int_equal(strncmp(text, "what was\n[", 10), 0);
    assert_non_null(strstr(text, "] test: hello\n"));
}

/* --- watch ---------------------------------------------------------------------------------- */

/* The seconds that docs/decisions/0017-image.md promises. */
struct watch_case {
    bool has_keys;
    int64_t now_s, answered_s, started_s, works_s;
    bool gave_up;
    enum watch_act act;
};

static void assert_acts(const struct watch_case *cases, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        const struct watch_facts facts = {.has_keys = cases[n].has_keys,
                                          .now_ms = cases[n].now_s * 1000,
                                          .answered_ms = cases[n].answered_s * 1000,
                                          .started_ms = cases[n].started_s * 1000,
                                          .works_ms = cases[n].works_s * 1000,
                                          .gave_up = cases[n].gave_up};
        if (watch_decide(&facts) != cases[n].act) {
            fail_msg("case %zu: %d", n, watch_decide(&facts));
        }
    }
}

static void a_silent_tap_loop_is_started_anew_and_then_starved(void **state)
{
    (void)state;
    static const struct watch_case cases[] = {
        {true, 100, 98, 10, 0, false, WATCH_FEED},    {true, 100, 86, 10, 0, false, WATCH_FEED},
        {true, 100, 85, 10, 0, false, WATCH_RESTART}, {true, 100, 85, 90, 0, false, WATCH_FEED},
        {true, 100, 41, 80, 0, false, WATCH_RESTART}, {true, 100, 41, 99, 0, false, WATCH_FEED},
        {true, 100, 40, 99, 0, false, WATCH_STARVE},  {true, 100, 40, 10, 0, false, WATCH_STARVE},
        {false, 1000, 0, 0, 0, false, WATCH_FEED},    {false, 100, 40, 10, 0, false, WATCH_FEED},
        {true, 14, 0, 0, 0, false, WATCH_FEED},
    };
    assert_acts(cases, sizeof cases / sizeof cases[0]);
}

static void long_work_at_the_start_goes_on_and_one_that_hangs_does_not(void **state)
{
    (void)state;
    static const struct watch_case cases[] = {
        {true, 100, 0, 1, 99, false, WATCH_FEED}, /* each second a line */
        {true, 3500, 0, 1, 3499, false, WATCH_FEED},
        {true, 3601, 0, 1, 3600, false, WATCH_STARVE}, /* an hour of it is too much */
        {true, 100, 0, 1, 41, false, WATCH_FEED},      /* the disk writes */
        {true, 100, 0, 1, 40, false, WATCH_RESTART},   /* it hung in its work */
        {true, 144, 0, 1, 40, false, WATCH_RESTART},
        {true, 145, 0, 1, 40, false, WATCH_STARVE},
        {true, 100, 90, 1, 80, false, WATCH_FEED}, /* it has answered since */
        {true, 105, 90, 1, 80, false, WATCH_RESTART},
        {true, 16, 0, 1, 0, false, WATCH_RESTART}, /* hung before any work */
    };
    assert_acts(cases, sizeof cases / sizeof cases[0]);
}

static void a_terminal_that_says_why_it_ends_has_time_to_be_heard(void **state)
{
    (void)state;
    static const struct watch_case cases[] = {
        {true, 100, 0, 99, 0, true, WATCH_FEED},
        {true, 599, 0, 590, 0, true, WATCH_FEED},
        {true, 600, 0, 599, 0, true, WATCH_STARVE},
        {true, 100, 0, 80, 0, true, WATCH_RESTART}, /* and then hangs */
        {true, 100, 0, 80, 0, false, WATCH_STARVE},
    };
    assert_acts(cases, sizeof cases / sizeof cases[0]);
}

/* Seconds: now, the last answer, the process's start, its last word of long work. */
static void a_terminal_at_work_is_not_silent(void **state)
{
    (void)state;
    static const struct {
        bool has_keys;
        int64_t now, answered, started, works, silent_s;
        bool is_at_work;
    } cases[] = {
        {true, 400, 398, 1, 0, 2, false},      {true, 400, 0, 390, 0, 400, false},
        {false, 400, 0, 0, 0, 0, false},       {true, 400, 0, 1, 399, 1, true},
        {true, 400, 0, 1, 341, 59, true},      {true, 400, 0, 1, 340, 60, false},
        {true, 400, 350, 1, 300, 50, false}, /* it answers since */
        {true, 3601, 0, 1, 3600, 3601, false},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        const struct watch_facts facts = {.has_keys = cases[n].has_keys,
                                          .now_ms = cases[n].now * 1000,
                                          .answered_ms = cases[n].answered * 1000,
                                          .started_ms = cases[n].started * 1000,
                                          .works_ms = cases[n].works * 1000};
        assert_int_equal(watch_silent_ms(&facts), cases[n].silent_s * 1000);
        assert_int_equal(watch_is_at_work(&facts), cases[n].is_at_work);
    }
}

/* --- probe ---------------------------------------------------------------------------------- */

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* vafa-sync may write in the database's folder: what it puts there in its place is not given away.
 */
static void only_a_file_of_one_name_is_given_to_its_user(void **state)
{
    (void)state;
    char precious[64], name[64];
    struct stat about;
    (void)snprintf(precious, sizeof precious, "%s/precious", test_folder());
    (void)snprintf(name, sizeof name, "%s/terminal.db", test_folder());
    assert_true(owner_set(name, geteuid(), getegid(), 0660)); /* there is none yet */
    put("precious", "disk");
    assert_int_equal(chmod(precious, 0600), 0);
    assert_int_equal(symlink(precious, name), 0);
    assert_false(owner_set(name, geteuid(), getegid(), 0660));
    assert_int_equal(unlink(name), 0);
    assert_int_equal(link(precious, name), 0);
    assert_false(owner_set(name, geteuid(), getegid(), 0660));
    assert_int_equal(stat(precious, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkfifo(name, 0600), 0);
    assert_false(owner_set(name, geteuid(), getegid(), 0660));
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rename(precious, name), 0);
    assert_true(owner_set(name, geteuid(), getegid(), 0660));
    assert_int_equal(stat(name, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0660);
    assert_int_equal(unlink(name), 0);
}

static void only_an_answer_is_a_sign_of_life(void **state)
{
    (void)state;
    static struct probe probe;
    char heard[100] = "", path[64];
    (void)snprintf(path, sizeof path, "%s", test_folder_path("till"));
    probe_init(&probe, path, 1000);
    probe_step(&probe, 1000); /* nobody is there */
    assert_int_equal(probe.answered_ms, 1000);

    const int listener = listen_at(path);
    probe_step(&probe, 1000 + PROBE_EAGER_MS);
    const int till = accept(listener, NULL, NULL);
    assert_true(read(till, heard, sizeof heard - 1) > 0);
    assert_string_equal(heard, "{\"v\":1,\"do\":\"status\"}\n");
    probe_step(&probe, 2000); /* connected, and silent */
    assert_int_equal(probe.answered_ms, 1000);

    assert_int_equal(write(till, "{\"ready\":false", 14), 14);
    probe_step(&probe, 3000); /* half an answer is none */
    assert_int_equal(probe.answered_ms, 1000);
    assert_int_equal(write(till, "}\n", 2), 2);
    probe_step(&probe, 4000);
    assert_int_equal(probe.answered_ms, 4000);
    assert_false(probe.said.is_ready);

    assert_true(read(till, heard, sizeof heard - 1) > 0); /* it asked again at once */
    static const char ready[] = "{\"ready\":true,\"quiet\":601,\"hour\":23,\"support\":7}\n";
    assert_true(probe.said.quiet_s == -1 && probe.said.hour == -1 && probe.said.support_s == 0);
    assert_int_equal(write(till, ready, sizeof ready - 1), sizeof ready - 1);
    probe_step(&probe, 5000);
    assert_true(probe.said.is_ready && probe.answered_ms == 5000);
    assert_true(probe.said.quiet_s == 601 && probe.said.hour == 23 && probe.said.support_s == 7);

    /* One that stays silent is asked over a new connection. */
    probe_step(&probe, 5000 + PROBE_PATIENCE_MS + 1);
    assert_int_equal(probe.answered_ms, 5000);
    assert_false(probe.said.is_ready);
    assert_int_equal(read(till, heard, sizeof heard), 22); /* the question that was open */
    assert_int_equal(read(till, heard, sizeof heard), 0);
    probe_drop(&probe);
    (void)close(till);
    (void)close(listener);
}

/* The till of the test above, for as many questions as an hour has. */
static void an_hour_of_questions_takes_no_memory(void **state)
{
    (void)state;
    enum { QUESTIONS = 3600 * 1000 / PROBE_EVERY_MS };
    static struct probe probe;
    static const char ready[] = "{\"ready\":true,\"reader_say\":\"no answer\",\"entries\":7}\n";
    char heard[100], path[64];
    size_t before = 0;
    (void)snprintf(path, sizeof path, "%s", test_folder_path("hour"));
    const int listener = listen_at(path);
    probe_init(&probe, path, 0);
    probe_step(&probe, PROBE_EAGER_MS);
    const int till = accept(listener, NULL, NULL);
    for (int64_t n = 1; n <= QUESTIONS; n++) {
        assert_true(read(till, heard, sizeof heard) > 0);
        assert_int_equal(write(till, ready, sizeof ready - 1), sizeof ready - 1);
        probe_step(&probe, n * PROBE_EVERY_MS); /* hears the answer, asks anew */
        assert_int_equal(probe.answered_ms, n * PROBE_EVERY_MS);
        before = n == QUESTIONS / 10 ? mallinfo2().uordblks : before;
    }
    assert_int_equal(mallinfo2().uordblks, before);
    probe_drop(&probe);
    (void)close(till);
    (void)close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fact_is_the_rest_of_its_line),
        cmocka_unit_test(a_file_that_is_missing_or_too_long_has_no_facts),
        cmocka_unit_test(a_log_never_takes_more_than_twice_its_bound),
        cmocka_unit_test(what_comes_in_at_the_console_stops_nobody),
        cmocka_unit_test(a_log_goes_on_where_it_was),
        cmocka_unit_test(a_silent_tap_loop_is_started_anew_and_then_starved),
        cmocka_unit_test(long_work_at_the_start_goes_on_and_one_that_hangs_does_not),
        cmocka_unit_test(a_terminal_that_says_why_it_ends_has_time_to_be_heard),
        cmocka_unit_test(a_terminal_at_work_is_not_silent),
        cmocka_unit_test(only_a_file_of_one_name_is_given_to_its_user),
        cmocka_unit_test(only_an_answer_is_a_sign_of_life),
        cmocka_unit_test(an_hour_of_questions_takes_no_memory),
    };
    return cmocka_run_group_tests_name("device", tests, test_folder_make, test_folder_remove);
}
