/* test_console - a device's console: what somebody there means, and what the log does meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "boards/common/device/log.h"
#include "boards/common/device/typing.h"
#include "tests/support/test_folder.h"

/* --- typing --------------------------------------------------------------------------------- */

/* What is meant by `bytes`, which come all at once, a second after all else, in silence. */
static enum typing_wish meant_by(const char *bytes)
{
    struct typing typing;
    typing_init(&typing, 1000);
    typing_take(&typing, bytes, strlen(bytes), 2000);
    return typing_wish(&typing, 3000);
}

static void enter_counts_alone(void **state)
{
    (void)state;
    assert_int_equal(meant_by("\r"), TYPING_ENTER);
    assert_int_equal(meant_by("\n"), TYPING_ENTER);
    assert_int_equal(meant_by("\r\n"), TYPING_ENTER);
    assert_int_equal(meant_by("\r\r\r"), TYPING_ENTER);
    assert_int_equal(meant_by(""), TYPING_NOTHING);
    assert_int_equal(meant_by("x\r"), TYPING_NOTHING);
    assert_int_equal(meant_by("\rx"), TYPING_NOTHING);
    assert_int_equal(meant_by("x\r\r\n"), TYPING_NOTHING);
    /* Our own words, led back to us. */
    assert_int_equal(meant_by("[ 1.0] device: press Enter here\r\n[ 1.0] device: type keys and "
                              "Enter\r\n"),
                     TYPING_NOTHING);
}

static void silence_is_asked_for_on_either_side(void **state)
{
    (void)state;
    struct typing typing;
    typing_init(&typing, 0);
    typing_take(&typing, "x", 1, 1000); /* noise, which is of no weight once it is over */
    typing_take(&typing, "\r", 1, 1000 + TYPING_ALONE_MS - 1);
    assert_int_equal(typing_wish(&typing, 9000), TYPING_NOTHING);
    typing_take(&typing, "\r", 1, 10000);
    assert_int_equal(typing_wish(&typing, 10000 + TYPING_ALONE_MS - 1), TYPING_NOTHING);
    assert_int_equal(typing_wish(&typing, 10000 + TYPING_ALONE_MS), TYPING_ENTER);
    assert_int_equal(typing_wish(&typing, 10000 + TYPING_ALONE_MS), TYPING_NOTHING); /* told */
    typing_take(&typing, "\r", 1, 20000);
    typing_take(&typing, "\xff", 1, 20000 + TYPING_ALONE_MS - 1);
    assert_int_equal(typing_wish(&typing, 30000), TYPING_NOTHING);
}

static void the_word_counts_when_its_line_has_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(meant_by("keys\r"), TYPING_KEYS);
    assert_int_equal(meant_by("noise\nkeys\r\n"), TYPING_KEYS);
    assert_int_equal(meant_by("kex\x7fys\n"), TYPING_KEYS);
    assert_int_equal(meant_by("keys"), TYPING_NOTHING);
    assert_int_equal(meant_by("keys \r"), TYPING_NOTHING);
    assert_int_equal(meant_by(" keys\r"), TYPING_NOTHING);
    assert_int_equal(meant_by("key\r"), TYPING_NOTHING);
    assert_int_equal(meant_by("Keys\r"), TYPING_NOTHING);
    assert_int_equal(meant_by("more bytes than a line hold, keys\r"), TYPING_NOTHING);
    assert_int_equal(meant_by("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\rkeys\r"), TYPING_KEYS);
}

/* --- the log while somebody else has the console -------------------------------------------- */

struct screen {
    int keyboard, before;
};

/* Standard output is a terminal whose other end is read here. */
static struct screen put_screen(void)
{
    struct screen screen = {posix_openpt(O_RDWR | O_NOCTTY), dup(STDOUT_FILENO)};
    assert_true(screen.keyboard >= 0 && grantpt(screen.keyboard) == 0 &&
                unlockpt(screen.keyboard) == 0);
    const int line = open(ptsname(screen.keyboard), O_RDWR | O_NOCTTY);
    (void)fflush(stdout);
    assert_true(line >= 0 && dup2(line, STDOUT_FILENO) == STDOUT_FILENO);
    (void)close(line);
    return screen;
}

static size_t read_screen(const struct screen *screen, char *ret, size_t size)
{
    struct pollfd polled = {.fd = screen->keyboard, .events = POLLIN};
    size_t got = 0;
    while (got + 1 < size && poll(&polled, 1, 100) > 0) {
        const ssize_t more = read(screen->keyboard, ret + got, size - 1 - got);
        got += more > 0 ? (size_t)more : 0;
    }
    ret[got] = '\0';
    return got;
}

static void take_screen(const struct screen *screen)
{
    assert_int_equal(dup2(screen->before, STDOUT_FILENO), STDOUT_FILENO);
    (void)close(screen->before);
    (void)close(screen->keyboard);
}

static void lines_that_are_held_back_follow(void **state)
{
    (void)state;
    static struct log log;
    char seen[8000], text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const struct screen screen = put_screen();
    log_init(&log);
    log_open(&log, test_folder_path("held"));
    log_hold(&log);
    log_say(&log, "test", "first");
    for (int n = 0; n < 2 * LOG_HELD_MAX / (int)sizeof text; n++) {
        log_say(&log, "test", text);
    }
    const size_t meanwhile = read_screen(&screen, seen, sizeof seen);
    log_release(&log);
    log_say(&log, "test", "last");
    (void)read_screen(&screen, seen, sizeof seen);
    log_close(&log);
    take_screen(&screen);
    assert_int_equal(meanwhile, 0);
    assert_non_null(strstr(seen, "test: first"));
    assert_non_null(strstr(seen, " lines more are in the log"));
    assert_non_null(strstr(seen, "test: last"));
    assert_true(strlen(seen) < LOG_HELD_MAX + 400);
}

/* As Scroll Lock does it. */
static void a_screen_that_is_stopped_stops_nobody(void **state)
{
    (void)state;
    static struct log log;
    char seen[400];
    const struct screen screen = put_screen();
    log_init(&log);
    assert_int_equal(tcflow(STDOUT_FILENO, TCOOFF), 0);
    log_say(&log, "test", "nobody sees this");
    assert_int_equal(tcflow(STDOUT_FILENO, TCOON), 0);
    log_say(&log, "test", "but this");
    (void)read_screen(&screen, seen, sizeof seen);
    take_screen(&screen);
    assert_null(strstr(seen, "nobody"));
    assert_non_null(strstr(seen, "but this"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enter_counts_alone),
        cmocka_unit_test(silence_is_asked_for_on_either_side),
        cmocka_unit_test(the_word_counts_when_its_line_has_nothing_else),
        cmocka_unit_test(lines_that_are_held_back_follow),
        cmocka_unit_test(a_screen_that_is_stopped_stops_nobody),
    };
    return cmocka_run_group_tests_name("console", tests, test_folder_make, test_folder_remove);
}
