/* test_reader - the parent side of the card reader against a child that misbehaves. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/reader/message.h"
#include "drivers/reader/reader.h"

enum {
    SLACK_MS = 1000, /* what a busy machine may add to a deadline */
    SERVED_AGAIN_MS = 2000,
    RESTARTS = 1000,
};

/* Over all kinds of trouble, for the closing line. */
static int64_t worst_ms;
static int troubles;

struct bench {
    char folder[64];
    char mode_path[96];
    char program[512];
    size_t descriptors;
    struct reader_driver *driver;
    struct reader reader;
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(int ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

/* The fake child lies beside this program. */
static void find_program(char *ret_path, size_t size)
{
    char self[400];
    const ssize_t bytes = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(bytes > 0);
    self[bytes] = '\0';
    *strrchr(self, '/') = '\0';
    (void)snprintf(ret_path, size, "%s/reader-fake-child", self);
}

static void set_mode(struct bench *bench, const char *mode)
{
    char draft[128];
    (void)snprintf(draft, sizeof draft, "%s.new", bench->mode_path);
    FILE *file = fopen(draft, "w");
    assert_non_null(file);
    (void)fprintf(file, "%s\n", mode);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(draft, bench->mode_path), 0);
}

static void open_as_it_is(struct bench *bench)
{
    const struct reader_config config = {.program = bench->program, .connection = bench->mode_path};
    struct fault fault;
    assert_int_equal(reader_open(&config, &bench->driver, &fault), ST_OK);
    bench->reader = reader_seam(bench->driver);
}

static void open_in(struct bench *bench, const char *mode)
{
    set_mode(bench, mode);
    open_as_it_is(bench);
}

static enum st select_any(struct bench *bench, unsigned timeout_ms)
{
    struct reader_target target;
    return bench->reader.ops->select(bench->reader.ctx, NULL, 0, timeout_ms, &target);
}

static enum st exchange(struct bench *bench, unsigned timeout_ms)
{
    static const uint8_t tx[] = {0x30, 0x04};
    uint8_t rx[16];
    size_t rx_bytes = 0;
    return bench->reader.ops->transceive(bench->reader.ctx, tx, sizeof tx, timeout_ms, rx,
                                         sizeof rx, &rx_bytes);
}

static int set_up(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    (void)snprintf(bench.folder, sizeof bench.folder, "/tmp/test_reader.XXXXXX");
    assert_non_null(mkdtemp(bench.folder));
    (void)snprintf(bench.mode_path, sizeof bench.mode_path, "%s/mode", bench.folder);
    find_program(bench.program, sizeof bench.program);
    bench.descriptors = count_descriptors();
    *state = &bench;
    return 0;
}

/* After every test: no descriptor, process or zombie is left. */
static int tear_down(void **state)
{
    struct bench *bench = *state;
    reader_close(bench->driver);
    assert_int_equal(count_descriptors(), bench->descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    (void)unlink(bench->mode_path);
    return rmdir(bench->folder);
}

/* Selects until a card is served; returns the milliseconds. */
static int64_t serve_again(struct bench *bench)
{
    const int64_t start_ms = now_ms();
    while (select_any(bench, 500) != ST_OK) {
        assert_true(now_ms() - start_ms < SERVED_AGAIN_MS + SLACK_MS);
    }
    assert_int_equal(exchange(bench, 500), ST_OK);
    assert_string_equal(reader_fault(bench->driver), "");
    return now_ms() - start_ms;
}

/* A child of that mode makes select say ST_IO in time, with a sentence that has `word` in it; the
 * next child, which is well, serves the next card soon. */
static void expect_trouble(struct bench *bench, const char *mode, const char *word)
{
    enum { TIMEOUT_MS = 1500 };
    open_in(bench, mode);
    const int64_t start_ms = now_ms();
    enum st st = select_any(bench, TIMEOUT_MS);
    const int64_t took_ms = now_ms() - start_ms;
    if (st != ST_IO || took_ms > TIMEOUT_MS + SLACK_MS ||
        strstr(reader_fault(bench->driver), word) == NULL) {
        fail_msg("%s: %s after %lld ms: %s", mode, st_word(st), (long long)took_ms,
                 reader_fault(bench->driver));
    }
    set_mode(bench, "well");
    const int64_t again_ms = serve_again(bench);
    worst_ms = again_ms > worst_ms ? again_ms : worst_ms;
    troubles++;
    reader_close(bench->driver);
    bench->driver = NULL;
}

static void a_sound_child_is_used_for_all_three_calls(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "well");
    const struct reader reader = bench->reader;
    static const uint8_t uid[] = {4, 5, 6, 7, 8, 9, 10};
    struct reader_target target;
    assert_int_equal(reader.ops->select(reader.ctx, uid, sizeof uid, 2000, &target), ST_OK);
    assert_int_equal(target.uid_bytes, sizeof uid);
    assert_memory_equal(target.uid, uid, sizeof uid);
    assert_int_equal(target.sak, 0x08);
    assert_true(reader_is_up(bench->driver));

    uint8_t tx[READER_FRAME_MAX], rx[READER_FRAME_MAX];
    size_t rx_bytes = 0;
    for (size_t i = 0; i < sizeof tx; i++) {
        tx[i] = (uint8_t)i;
    }
    assert_int_equal(
        reader.ops->transceive(reader.ctx, tx, sizeof tx, 500, rx, sizeof rx, &rx_bytes), ST_OK);
    assert_int_equal(rx_bytes, sizeof tx);
    assert_memory_equal(rx, tx, sizeof tx);
    assert_int_equal(reader.ops->deselect(reader.ctx, 500), ST_OK);
    assert_int_equal(reader_starts(bench->driver), 1);
    assert_string_equal(reader_fault(bench->driver), "");
}

static void no_card_denied_and_gone_are_told_apart(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "no-card");
    assert_int_equal(select_any(bench, 2000), ST_AGAIN);
    reader_close(bench->driver);
    open_in(bench, "denied");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    assert_int_equal(exchange(bench, 500), ST_DENIED);
    reader_close(bench->driver);
    open_in(bench, "gone");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    assert_int_equal(exchange(bench, 500), ST_GONE);
    assert_int_equal(reader_starts(bench->driver), 1);
}

static void a_reply_that_is_too_long_for_the_caller_is_a_bad_answer(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "well");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    uint8_t tx[20] = {0}, rx[16];
    size_t rx_bytes = 77;
    assert_int_equal(bench->reader.ops->transceive(bench->reader.ctx, tx, sizeof tx, 500, rx,
                                                   sizeof rx, &rx_bytes),
                     ST_GONE);
    assert_int_equal(rx_bytes, 77);
}

static void a_child_that_dies_costs_one_call(void **state)
{
    expect_trouble(*state, "exit 0", "ended with 0");
    expect_trouble(*state, "exit 7", "ended with 7");
    expect_trouble(*state, "abort", "signal 6");
    expect_trouble(*state, "crash", "signal 11");
    expect_trouble(*state, "close", "signal 9");
}

static void a_child_that_leaves_with_a_reason_is_quoted(void **state)
{
    expect_trouble(*state, "exit 40", "do not fit");
    expect_trouble(*state, "exit 41", "Plug it in");
    expect_trouble(*state, "exit 42", "does not answer; check its cable");
    expect_trouble(*state, "exit 43", "noisy");
    expect_trouble(*state, "exit 44", "do not fit");
    expect_trouble(*state, "exit-open 41", "Plug it in");
}

static void a_child_that_hangs_is_killed_in_time(void **state)
{
    expect_trouble(*state, "hang", "does not answer");
    expect_trouble(*state, "hang-open", "check its cable");
}

static void a_child_that_hangs_in_the_open_is_replaced(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "hang-open");
    sleep_ms(100);
    set_mode(bench, "well");
    const int64_t ms = serve_again(bench);
    assert_true(ms >= READER_OPEN_MS_MAX - 200);
    assert_int_equal(reader_starts(bench->driver), 2);
}

static void nonsense_is_never_taken_for_an_answer(void **state)
{
    static const char *const modes[] = {"garbage",      "half",         "short",     "oversize",
                                        "long-length",  "version",      "wrong-id",  "wrong-kind",
                                        "opened-again", "wrong-result", "wrong-uid", "wrong-size",
                                        "nonsense-open"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        expect_trouble(*state, modes[i], "nonsense");
    }
}

static void a_failure_in_an_exchange_loses_the_card(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "once");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    assert_int_equal(exchange(bench, 500), ST_IO);
    assert_non_null(strstr(reader_fault(bench->driver), "noisy"));
    /* Until the restart there is no reader, after it no card: never an exchange with a new card. */
    enum st st = ST_IO;
    const int64_t start_ms = now_ms();
    while (st == ST_IO && now_ms() - start_ms < SERVED_AGAIN_MS + SLACK_MS) {
        st = exchange(bench, 500);
    }
    assert_int_equal(st, ST_GONE);
    assert_int_equal(bench->reader.ops->deselect(bench->reader.ctx, 100), ST_OK);
}

static void a_stale_answer_is_dropped(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "stale");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    for (int i = 0; i < 100; i++) {
        const uint8_t tx[] = {0x30, (uint8_t)i};
        uint8_t rx[16];
        size_t rx_bytes = 0;
        assert_int_equal(bench->reader.ops->transceive(bench->reader.ctx, tx, sizeof tx, 500, rx,
                                                       sizeof rx, &rx_bytes),
                         ST_OK);
        assert_int_equal(rx_bytes, sizeof tx);
        assert_memory_equal(rx, tx, sizeof tx);
    }
    assert_int_equal(reader_starts(bench->driver), 1);
    reader_close(bench->driver);
    open_in(bench, "twice");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    assert_int_equal(exchange(bench, 500), ST_OK);
    assert_int_equal(exchange(bench, 500), ST_OK);
    assert_int_equal(reader_starts(bench->driver), 1);
}

static void a_short_timeout_returns_in_time_and_keeps_the_child(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "slow 100");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    const int64_t start_ms = now_ms();
    assert_int_equal(select_any(bench, 20), ST_AGAIN);
    assert_true(now_ms() - start_ms < 20 + SLACK_MS);
    assert_int_equal(exchange(bench, 20), ST_GONE);
    /* Its answer is late, and not this one's: */
    assert_int_equal(select_any(bench, 1000), ST_OK);
    assert_int_equal(reader_starts(bench->driver), 1);
}

static void an_exchange_that_overruns_is_unknown_and_restarts_the_child(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "slow-exchange 5000");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    const int64_t start_ms = now_ms();
    assert_int_equal(exchange(bench, 300), ST_IO);
    const int64_t took_ms = now_ms() - start_ms;
    assert_true(took_ms >= 250 && took_ms < 300 + SLACK_MS);
    assert_non_null(strstr(reader_fault(bench->driver), "does not answer"));
    set_mode(bench, "well");
    (void)serve_again(bench);
    assert_int_equal(reader_starts(bench->driver), 2);
}

static void a_slow_open_blocks_no_longer_than_the_timeout(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "slow-open 600");
    const int64_t start_ms = now_ms();
    assert_false(reader_is_up(bench->driver));
    assert_int_equal(exchange(bench, 500), ST_IO); /* no wait: there can be no card */
    assert_int_equal(select_any(bench, 100), ST_IO);
    assert_true(now_ms() - start_ms < 100 + SLACK_MS);
    assert_int_equal(select_any(bench, 3000), ST_OK);
    assert_int_equal(reader_starts(bench->driver), 1);
}

static void a_missing_program_is_told_and_tried_again(void **state)
{
    struct bench *bench = *state;
    char good[sizeof bench->program];
    memcpy(good, bench->program, sizeof good);
    (void)snprintf(bench->program, sizeof bench->program, "%s/none", bench->folder);
    open_in(bench, "well");
    assert_int_equal(select_any(bench, 50), ST_IO);
    assert_non_null(strstr(reader_fault(bench->driver), "cannot be started"));
    assert_int_equal(symlink(good, bench->program), 0);
    (void)serve_again(bench);
    assert_int_equal(unlink(bench->program), 0);
}

static void restarts_are_paced_while_the_reader_is_away(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "exit-open 41");
    const int64_t start_ms = now_ms();
    unsigned calls = 0;
    while (now_ms() - start_ms < 2000) {
        assert_int_equal(select_any(bench, 500), ST_IO);
        calls++;
    }
    /* 0, 100, 200, 300, 300 ...: about eight in two seconds, and as many calls that told it. */
    assert_in_range(reader_starts(bench->driver), 2, 10);
    assert_in_range(calls, 2, 14);
    set_mode(bench, "well");
    assert_true(serve_again(bench) < SERVED_AGAIN_MS);
}

static void the_child_inherits_nothing_but_its_socket(void **state)
{
    struct bench *bench = *state;
    const int secret = dup(2); /* not close-on-exec, as a careless library would leave it */
    assert_true(secret > 2);
    open_in(bench, "descriptors");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    const uint8_t tx[] = {0};
    uint8_t rx[64];
    size_t rx_bytes = 0;
    assert_int_equal(bench->reader.ops->transceive(bench->reader.ctx, tx, sizeof tx, 500, rx,
                                                   sizeof rx, &rx_bytes),
                     ST_OK);
    assert_int_equal(rx_bytes, 4);
    for (size_t i = 0; i < rx_bytes; i++) {
        assert_true(rx[i] <= READER_CHILD_SOCKET);
    }
    (void)close(secret);
}

static void a_thousand_restarts_leak_nothing(void **state)
{
    struct bench *bench = *state;
    open_in(bench, "once");
    size_t descriptors_max = 0;
    const int64_t start_ms = now_ms();
    for (unsigned served = 0, calls = 0; served < RESTARTS; calls++) {
        assert_true(calls < 5 * RESTARTS);
        if (select_any(bench, 2000) == ST_OK) {
            served++;
            const size_t descriptors = count_descriptors();
            descriptors_max = descriptors > descriptors_max ? descriptors : descriptors_max;
        }
    }
    print_message("# %u starts in %lld ms\n", reader_starts(bench->driver),
                  (long long)(now_ms() - start_ms));
    assert_true(reader_starts(bench->driver) >= RESTARTS);
    assert_true(descriptors_max <= bench->descriptors + 2); /* the socket and the pidfd */
}

static void an_exchange_costs_little_beside_the_card(void **state)
{
    enum { EXCHANGES = 2000 };
    struct bench *bench = *state;
    open_in(bench, "well");
    assert_int_equal(select_any(bench, 2000), ST_OK);
    struct timespec start, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < EXCHANGES; i++) {
        assert_int_equal(exchange(bench, 1000), ST_OK);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    const long long us =
        (end.tv_sec - start.tv_sec) * 1000000LL + (end.tv_nsec - start.tv_nsec) / 1000;
    print_message("# the seam between the processes costs %lld us an exchange\n", us / EXCHANGES);
    assert_true(us / EXCHANGES < 2500); /* the shortest card command; usual are some 20 us */
}

static void a_parent_that_ignores_its_children_is_served_too(void **state)
{
    struct bench *bench = *state;
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    open_in(bench, "once");
    for (int i = 0; i < 5; i++) {
        while (select_any(bench, 500) != ST_OK) {
            assert_true(reader_starts(bench->driver) < 100);
        }
    }
    reader_close(bench->driver);
    bench->driver = NULL;
    (void)signal(SIGCHLD, before);
}

static void no_descriptors_left_is_told_and_got_over(void **state)
{
    struct bench *bench = *state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = limit;
    none.rlim_cur = 3;
    set_mode(bench, "well");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    open_as_it_is(bench);
    const enum st st = select_any(bench, 500);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(st, ST_IO);
    assert_non_null(strstr(reader_fault(bench->driver), "cannot be started"));
    (void)serve_again(bench);
}

static void a_configuration_without_sense_is_refused(void **state)
{
    (void)state;
    char longest[READER_CONNECTION_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const struct reader_config bad[] = {
        {.program = "", .connection = "a"},      {.program = NULL, .connection = "a"},
        {.program = "/bin/a", .connection = ""}, {.program = "/bin/a", .connection = longest},
        {.program = longest, .connection = "a"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reader_driver *driver = NULL;
        struct fault fault = {""};
        assert_int_equal(reader_open(&bad[i], &driver, &fault), ST_REFUSED);
        assert_null(driver);
        assert_true(fault.say[0] != '\0');
    }
    reader_close(NULL);
}

static void messages_of_every_size_come_back_as_they_went(void **state)
{
    (void)state;
    for (size_t size = 0; size <= READER_FRAME_MAX; size++) {
        struct reader_message sent = {.kind = READER_TRANSCEIVE, .id = 0xFEDCBA98, .value = 0x1234};
        sent.body_bytes = size;
        memset(sent.body, (int)size, size);
        uint8_t packet[READER_MESSAGE_MAX];
        const size_t bytes = reader_message_encode(&sent, packet);
        struct reader_message got;
        assert_int_equal(reader_message_decode(packet, bytes, &got), ST_OK);
        assert_int_equal(got.kind, sent.kind);
        assert_int_equal(got.id, sent.id);
        assert_int_equal(got.value, sent.value);
        assert_int_equal(got.body_bytes, size);
        assert_memory_equal(got.body, sent.body, size);
        for (size_t cut = 0; cut < bytes; cut++) {
            assert_int_equal(reader_message_decode(packet, cut, &got), ST_FOREIGN);
        }
    }
}

static void random_bytes_are_refused_or_bounded(void **state)
{
    (void)state;
    uint32_t random = 20260101; /* any seed; Numerical Recipes' generator */
    for (int round = 0; round < 200000; round++) {
        uint8_t packet[READER_MESSAGE_MAX + 8];
        const size_t bytes = (random >> 8) % sizeof packet;
        for (size_t i = 0; i < bytes; i++) {
            random = random * 1664525 + 1013904223;
            packet[i] = (uint8_t)(random >> 24);
        }
        if (bytes > 10 && round % 2 == 0) { /* half of them get past the header */
            packet[0] = READER_MESSAGE_VERSION;
            packet[1] = READER_SELECT;
            packet[8] = (uint8_t)(bytes - 10);
            packet[9] = (uint8_t)((bytes - 10) >> 8);
        }
        random = random * 1664525 + 1013904223;
        struct reader_message message;
        if (reader_message_decode(packet, bytes, &message) != ST_OK) {
            continue;
        }
        assert_true(message.body_bytes <= READER_FRAME_MAX);
        struct reader_target target;
        if (reader_target_decode(message.body, message.body_bytes, &target) == ST_OK) {
            assert_true(target.uid_bytes <= READER_UID_MAX);
            assert_true(target.ats_bytes <= sizeof target.ats);
        }
    }
}

static int say_worst(void **state)
{
    (void)state;
    print_message("# %d kinds of trouble: at worst served again after %lld ms\n", troubles,
                  (long long)worst_ms);
    return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_sound_child_is_used_for_all_three_calls),
        TEST(no_card_denied_and_gone_are_told_apart),
        TEST(a_reply_that_is_too_long_for_the_caller_is_a_bad_answer),
        TEST(a_child_that_dies_costs_one_call),
        TEST(a_child_that_leaves_with_a_reason_is_quoted),
        TEST(a_child_that_hangs_is_killed_in_time),
        TEST(a_child_that_hangs_in_the_open_is_replaced),
        TEST(nonsense_is_never_taken_for_an_answer),
        TEST(a_failure_in_an_exchange_loses_the_card),
        TEST(a_stale_answer_is_dropped),
        TEST(a_short_timeout_returns_in_time_and_keeps_the_child),
        TEST(an_exchange_that_overruns_is_unknown_and_restarts_the_child),
        TEST(a_slow_open_blocks_no_longer_than_the_timeout),
        TEST(a_missing_program_is_told_and_tried_again),
        TEST(restarts_are_paced_while_the_reader_is_away),
        TEST(the_child_inherits_nothing_but_its_socket),
        TEST(a_thousand_restarts_leak_nothing),
        TEST(an_exchange_costs_little_beside_the_card),
        TEST(a_parent_that_ignores_its_children_is_served_too),
        TEST(no_descriptors_left_is_told_and_got_over),
        TEST(a_configuration_without_sense_is_refused),
        TEST(messages_of_every_size_come_back_as_they_went),
        TEST(random_bytes_are_refused_or_bounded),
    };
    return cmocka_run_group_tests_name("reader", tests, NULL, say_worst);
}
