/* test_selftest - what a device says of itself: its slots, its self-test, its report. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "boards/common/device/memory.h"
#include "boards/common/device/report.h"
#include "boards/common/device/selftest.h"
#include "boards/common/device/slots.h"
#include "tests/support/test_folder.h"

/* --- slots ---------------------------------------------------------------------------------- */

/* The check sums are Python's: zlib.crc32(words.ljust(0x4000 - 4, b"\0")). */
static const char first[] = "BOOT_A_LEFT=3f\0BOOT_B_LEFT=2\0BOOT_ORDER=B A\0BOOT_TRIED=12\0";
static const char second[] = "BOOT_A_LEFT=3\0BOOT_B_LEFT=0\0BOOT_ORDER=A B\0";
enum { COPY_BYTES = 0x4000 };
static const uint32_t first_sum = 0x380a0836, second_sum = 0x1b3eec96;

static void put_copy(const char *name, const char *words, size_t size, uint32_t sum)
{
    static unsigned char copy[COPY_BYTES];
    memset(copy, 0, sizeof copy);
    for (int n = 0; n < 4; n++) {
        copy[n] = (unsigned char)(sum >> 8 * n);
    }
    memcpy(copy + 4, words, size);
    FILE *file = fopen(test_folder_path(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(copy, 1, sizeof copy, file), sizeof copy);
    assert_int_equal(fclose(file), 0);
}

static void the_first_copy_that_is_whole_counts(void **state)
{
    (void)state;
    struct slots slots;
    put_copy("env1", first, sizeof first - 1, first_sum);
    put_copy("env2", second, sizeof second - 1, second_sum);
    slots_read("console=ttyS0 vafa.slot=b rauc.slot=B", test_folder(), &slots);
    assert_int_equal(slots.running, 1);
    assert_int_equal(slots.left[0], 63);
    assert_int_equal(slots.left[1], 2);
    assert_int_equal(slots.tried, 12);

    put_copy("env1", first, sizeof first - 1, first_sum ^ 1);
    slots_read("vafa.slot=a", test_folder(), &slots);
    assert_int_equal(slots.running, 0);
    assert_int_equal(slots.left[0], 3);
    assert_int_equal(slots.left[1], 0);
    assert_int_equal(slots.tried, 0);

    put_copy("env2", second, sizeof second - 1, second_sum ^ 0x80000000);
    slots_read("", test_folder(), &slots);
    assert_int_equal(slots.running, SLOTS_UNKNOWN);
    assert_int_equal(slots.left[0] + slots.left[1], 0);
    assert_int_equal(slots_letter(slots.running), '?');
}

static void more_tries_than_three_are_a_slot_that_was_marked_good(void **state)
{
    (void)state;
    static const struct {
        int running;
        unsigned left[SLOTS];
        bool is_on_trial, other_boots;
    } cases[] = {
        {0, {64, 0}, false, false}, {0, {63, 3}, false, true},
        {0, {4, 0}, false, false},  {0, {3, 64}, true, true},
        {0, {2, 0}, true, false},   {1, {64, 2}, true, true},
        {1, {0, 64}, false, false}, {SLOTS_UNKNOWN, {64, 64}, true, false},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        const struct slots slots = {.running = cases[n].running,
                                    .left = {cases[n].left[0], cases[n].left[1]}};
        assert_int_equal(slots_on_trial(&slots), cases[n].is_on_trial);
        assert_int_equal(slots_other_boots(&slots), cases[n].other_boots);
    }
}

/* --- the self-test -------------------------------------------------------------------------- */

static const struct probe_said well = {.is_ready = true,
                                       .is_reader_up = true,
                                       .is_disk_ok = true,
                                       .terminal = 1,
                                       .entries = 7,
                                       .programme = 3};

static struct selftest_facts facts_of(const struct probe_said *said)
{
    return (struct selftest_facts){.data_say = "",
                                   .has_keys = true,
                                   .is_heard = true,
                                   .said = said,
                                   .up_ms = 10000,
                                   .clock_up_ms = 10000};
}

static void expect(const struct selftest_facts *facts, const char *say)
{
    char said[SELFTEST_SAY_MAX];
    const enum selftest_verdict verdict = say[0] == '\0'                  ? SELFTEST_WORKS
                                          : strncmp(say, "club:", 5) == 0 ? SELFTEST_NOT_LET_IN
                                                                          : SELFTEST_FAILS;
    assert_int_equal(selftest_judge(facts, said), verdict);
    assert_string_equal(said, say);
}

/* A wait status as Linux has it. */
#define EXITED(code) ((code) << 8)

static void each_part_is_named_when_it_fails(void **state)
{
    (void)state;
    struct selftest_facts facts = facts_of(&well);
    expect(&facts, "");
    facts.clock_up_ms = 0;
    expect(&facts, "clock: It stands still, or runs backwards.");
    facts.up_ms = 1000; /* a clock of whole seconds may not have moved yet */
    expect(&facts, "");

    struct probe_said said = well;
    facts = facts_of(&said);
    said.programme = 0; /* before its first programme */
    expect(&facts, "");
    (void)snprintf(said.programme_say, sizeof said.programme_say, "Programme 3 is not in force.");
    expect(&facts, "programme: Programme 3 is not in force.");
    said.is_reader_up = false;
    (void)snprintf(said.reader_say, sizeof said.reader_say, "There is no answer.");
    expect(&facts, "reader: There is no answer.");
    said.terminal = 0; /* it waits to be let in and has no journal: that is told last */
    said.entries = 0;
    said.reader_say[0] = '\0';
    said.is_reader_up = true;
    said.programme_say[0] = '\0';
    expect(&facts, "club: It has not let this terminal in yet: see vafa-club pending there.");
    said.is_reader_up = false;
    (void)snprintf(said.reader_say, sizeof said.reader_say, "There is no answer.");
    expect(&facts, "reader: There is no answer.");
    said.terminal = 1;
    said.entries = 0; /* not even its start could be written */
    expect(&facts, "journal: Nothing could be written to it.");
    said.entries = 7;
    said.is_disk_ok = false;
    (void)snprintf(said.disk_say, sizeof said.disk_say, "The disk is full.");
    expect(&facts, "journal: The disk is full.");

    facts.is_heard = false;
    expect(&facts, "terminal: it has not answered yet.");
    selftest_terminal_ended(&facts, EXITED(1), "vafa-terminal: database: It is damaged. (corrupt)");
    expect(&facts, "database: It is damaged. (corrupt)");
    selftest_terminal_ended(&facts, EXITED(127), "cannot be started: No such file or directory");
    expect(&facts, "terminal: cannot be started: No such file or directory");
    selftest_terminal_ended(&facts, SIGABRT,
                            "vafa-terminal: storage/store.c:126: f: Assertion `x' failed.");
    expect(&facts, "terminal: vafa-terminal: storage/store.c:126: f: Assertion `x' failed.");
    facts.has_keys = false;
    expect(&facts, "keys: There are none yet: hold the key ceremony at its console.");
    facts.data_say = "it is enciphered to another board.";
    expect(&facts, "data: it is enciphered to another board.");
}

/* It says so only when keys, reader and database were tried. */
static void a_terminal_that_waits_for_the_end_of_its_trial_is_well(void **state)
{
    (void)state;
    static const char words[] = "vafa-terminal: database: Wait: vafa.db has version 8. (refused)";
    struct selftest_facts facts = facts_of(&well);
    facts.is_heard = false;
    selftest_terminal_ended(&facts, EXITED(3), words);
    assert_true(facts.waits_for_trial);
    expect(&facts, "");
    selftest_terminal_ended(&facts, 3, words); /* a signal of that number */
    assert_false(facts.waits_for_trial);
    expect(&facts, "database: Wait: vafa.db has version 8. (refused)");
    selftest_terminal_ended(&facts, EXITED(3), words);
    selftest_terminal_ended(&facts, EXITED(1), "vafa-terminal: database: No room. (full)");
    expect(&facts, "database: No room. (full)"); /* the migration failed */
    selftest_terminal_ended(&facts, EXITED(3), words);
    facts.is_heard = true; /* once it serves, that counts, whatever was before */
    struct probe_said said = well;
    said.is_reader_up = false;
    facts.said = &said;
    expect(&facts, "reader: ");
}

/* What is done, as letters: G marks the slot good, P says passed, F says failed, L leaves. */
static const char *acts_of(const struct selftest_course *course)
{
    static char text[5];
    const struct selftest_acts acts = selftest_decide(course);
    (void)snprintf(text, sizeof text, "%s%s%s%s", acts.marks_good ? "G" : "",
                   acts.says_passed ? "P" : "", acts.says_failed ? "F" : "",
                   acts.leaves ? "L" : "");
    return text;
}

static void a_slot_is_left_for_a_part_of_its_own_only(void **state)
{
    (void)state;
    const struct selftest_course on_trial = {
        .verdict = SELFTEST_FAILS, .since_works_ms = 89999, .has_data = true, .can_leave = true};
    struct selftest_course course = on_trial;
    assert_string_equal(acts_of(&course), "");
    course.since_works_ms = 90000;
    assert_string_equal(acts_of(&course), "FL");
    course.can_leave = false;
    assert_string_equal(acts_of(&course), "F");
    course.can_leave = course.is_good = true;
    assert_string_equal(acts_of(&course), "F");
    course.has_failed = true; /* once */
    assert_string_equal(acts_of(&course), "");
    course.verdict = SELFTEST_WORKS;
    assert_string_equal(acts_of(&course), "GP");
    course.has_passed = true;
    assert_string_equal(acts_of(&course), "G");

    /* All of it works, and the club has not let it in: the version has proven itself. */
    course = on_trial;
    course.verdict = SELFTEST_NOT_LET_IN;
    assert_string_equal(acts_of(&course), "G");
    course.since_works_ms = 90000;
    assert_string_equal(acts_of(&course), "GF");
    course.has_failed = true;
    assert_string_equal(acts_of(&course), "G");
}

static void what_no_waiting_mends_is_said_at_once(void **state)
{
    (void)state;
    struct selftest_course course = {
        .verdict = SELFTEST_FAILS, .has_data = true, .is_new = true, .can_leave = true};
    assert_string_equal(acts_of(&course), "GF"); /* no keys yet */
    course.is_new = course.has_data = false;     /* a disk of another board, a slot on trial */
    assert_string_equal(acts_of(&course), "");
    course.is_good = true;
    assert_string_equal(acts_of(&course), "F");
}

/* --- the report ----------------------------------------------------------------------------- */

static void a_report_is_lines_of_a_whole_file(void **state)
{
    (void)state;
    struct report report = {.board = "qemu-virt-arm64",
                            .version = 7,
                            .slot = 'A',
                            .is_good = true,
                            .other = 6,
                            .failed = 8,
                            .self_test = "reader: no answer",
                            .unsent = -1,
                            .data_free = 12345678901,
                            .data = "enciphered"};
    char text[REPORT_BYTES_MAX] = "";
    FILE *file = fopen(test_folder_path("update"), "w");
    assert_non_null(file);
    assert_true(fputs("refused 8: it is damaged.\nmore\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    report_take_line(test_folder_path("nothing"), "none", report.update);
    assert_string_equal(report.update, "none");
    report_take_line(test_folder_path("update"), "none", report.update);
    assert_true(report_write(&report, test_folder_path("device")));
    assert_int_not_equal(access(test_folder_path("device.new"), F_OK), 0);
    struct stat about;
    assert_int_equal(stat(test_folder_path("device"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0644);
    file = fopen(test_folder_path("device"), "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    (void)fclose(file);
    assert_string_equal(text,
                        "board=qemu-virt-arm64\nversion=7\nslot=A\ngood=1\nother=6\nfailed=8\n"
                        "self_test=reader: no "
                        "answer\nclock=unset\nunsent=-1\ndata_free=12345678901\ndata=enciphered\n"
                        "update=refused 8: it is damaged.\n");
    assert_false(report_write(&report, "/nowhere/device"));
}

static void memory_in_use_is_what_nobody_else_could_have(void **state)
{
    (void)state;
    FILE *file = fopen(test_folder_path("meminfo"), "w");
    assert_non_null(file);
    assert_true(fputs("MemTotal:         245760 kB\nMemFree:           90000 kB\n"
                      "MemAvailable:     207360 kB\nBuffers:            1234 kB\n",
                      file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(memory_say(test_folder_path("meminfo")),
                        "38400 of 245760 KiB of memory are in use");
    assert_string_equal(memory_say(test_folder_path("nothing")),
                        "the kernel does not say how much memory is in use");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_copy_that_is_whole_counts),
        cmocka_unit_test(more_tries_than_three_are_a_slot_that_was_marked_good),
        cmocka_unit_test(each_part_is_named_when_it_fails),
        cmocka_unit_test(a_terminal_that_waits_for_the_end_of_its_trial_is_well),
        cmocka_unit_test(a_slot_is_left_for_a_part_of_its_own_only),
        cmocka_unit_test(what_no_waiting_mends_is_said_at_once),
        cmocka_unit_test(a_report_is_lines_of_a_whole_file),
        cmocka_unit_test(memory_in_use_is_what_nobody_else_could_have),
    };
    return cmocka_run_group_tests_name("selftest", tests, test_folder_make, test_folder_remove);
}
