/* test_updater - a technician's stick is found, and what is said of an update that was tried goes
 * when what was tried goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boards/common/device/report.h"
#include "boards/common/device/stick.h"
#include "boards/common/device/updater.h"
#include "hal/clock.h"
#include "tests/support/test_folder.h"

static char in_folder[6][TEST_PATH_MAX];
static const struct updater_places places = {.says = in_folder[0],
                                             .bundles = in_folder[1],
                                             .install = in_folder[2],
                                             .block = in_folder[3],
                                             .devices = in_folder[4],
                                             .tried = in_folder[5]};

static int make_places(void **state)
{
    static const char *const names[] = {"says", "bundles", "install", "block", "dev", "tried"};
    if (test_folder_make(state) != 0) {
        return 1;
    }
    for (size_t n = 0; n < 6; n++) {
        (void)snprintf(in_folder[n], sizeof in_folder[n], "%s", test_folder_path(names[n]));
    }
    return mkdir(places.block, 0700) != 0 || mkdir(places.devices, 0700) != 0 ||
           mkdir(places.bundles, 0700) != 0;
}

/* Looks until the process that reads has ended. */
static enum stick_found look_for(struct stick *stick, char ret_name[STICK_NAME_MAX + 1])
{
    enum stick_found found = STICK_NONE;
    do {
        found = stick_look(stick, ret_name);
    } while (found == STICK_NONE && stick->asked_fd >= 0);
    return found;
}

static bool look(struct stick *stick, char ret_name[STICK_NAME_MAX + 1])
{
    const enum stick_found found = look_for(stick, ret_name);
    assert_int_not_equal(found, STICK_OTHER);
    return found == STICK_OURS;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(test_folder_path(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A device of the folder `dev`; plug() makes its entry in `block`, too. The label stands at byte 43
 * of a FAT16 and at byte 71 of a FAT32 (Microsoft's FAT specification 1.03, 3.2 and 3.3). */
static void plug_bytes(const char *name, int label_at, const char *label)
{
    char path[32];
    unsigned char sector[512] = {[510] = 0x55, [511] = 0xaa};
    memcpy(sector + label_at, label, strlen(label));
    (void)snprintf(path, sizeof path, "dev/%s", name);
    FILE *file = fopen(test_folder_path(path), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(sector, 1, sizeof sector, file), sizeof sector);
    assert_int_equal(fclose(file), 0);
}

static void plug(const char *name, int label_at, const char *label)
{
    char path[32];
    (void)snprintf(path, sizeof path, "block/%s", name);
    put(path, "");
    plug_bytes(name, label_at, label);
}

/* As /sys/class/block shows a disk and its partition: a link to a folder in the disk's. */
static void plug_disk(char letter, bool can_be_pulled)
{
    char text[64];
    const char *const folders[] = {"sys/sd%c", "sys/sd%c/sd%c1"};
    const char *const links[] = {"block/sd%c", "block/sd%c1"};
    (void)mkdir(test_folder_path("sys"), 0700); /* it may be there */
    for (size_t n = 0; n < 2; n++) {
        (void)snprintf(text, sizeof text, folders[n], letter, letter);
        assert_int_equal(mkdir(test_folder_path(text), 0700), 0);
        char target[70], link[16];
        (void)snprintf(target, sizeof target, "../%s", text);
        (void)snprintf(link, sizeof link, links[n], letter);
        assert_int_equal(symlink(target, test_folder_path(link)), 0);
    }
    (void)snprintf(text, sizeof text, "sys/sd%c/removable", letter);
    put(text, can_be_pulled ? "1\n" : "0\n");
}

static void a_stick_is_told_once_until_it_is_pulled(void **state)
{
    (void)state;
    static struct stick stick;
    char name[STICK_NAME_MAX + 1] = "";
    stick_init(&stick, places.block, places.devices);
    plug("vda", 43, "VAFA-UPDATX");
    plug("vda1", 44, "VAFA-UPDATE");
    assert_false(look(&stick, name));

    plug("sda1", 43, "VAFA-UPDATE");
    assert_true(look(&stick, name));
    assert_string_equal(name, "sda1");
    assert_false(look(&stick, name));

    plug("sdb", 71, "VAFA-UPDATE");
    assert_true(look(&stick, name));
    assert_string_equal(name, "sdb");

    assert_int_equal(unlink(test_folder_path("block/sda1")), 0);
    assert_false(look(&stick, name));
    plug("sda1", 43, "VAFA-UPDATE");
    assert_true(look(&stick, name));
    assert_string_equal(name, "sda1");
}

static void pull(const char *name)
{
    char path[32];
    (void)snprintf(path, sizeof path, "block/%s", name);
    assert_int_equal(unlink(test_folder_path(path)), 0);
    (void)snprintf(path, sizeof path, "dev/%s", name);
    assert_int_equal(unlink(test_folder_path(path)), 0);
}

/* Two with the label at once are told one after the other. */
static void of_two_sticks_none_is_lost(void **state)
{
    (void)state;
    static struct stick stick;
    char first[STICK_NAME_MAX + 1] = "", second[STICK_NAME_MAX + 1] = "";
    stick_init(&stick, places.block, places.devices);
    assert_true(look(&stick, first));
    assert_true(look(&stick, second));
    assert_string_not_equal(first, second);
    assert_false(look(&stick, first));
    pull("vda");
    pull("vda1");
    pull("sda1");
    pull("sdb");
}

/* Its reading waits as if for ever, as a broken stick's does: nobody else does. */
static void a_stick_that_does_not_answer_keeps_nobody_waiting(void **state)
{
    (void)state;
    static struct stick stick;
    char name[STICK_NAME_MAX + 1] = "";
    stick_init(&stick, places.block, places.devices);
    plug("sdc", 43, "VAFA-UPDATE");
    assert_int_equal(unlink(test_folder_path("dev/sdc")), 0);
    assert_int_equal(mkfifo(test_folder_path("dev/sdc"), 0600), 0);
    const int64_t began_ms = clock_monotonic_ms();
    for (int n = 0; n < 5; n++) {
        assert_false(stick_look(&stick, name));
    }
    assert_in_range(clock_monotonic_ms() - began_ms, 0, 5000);
    assert_true(stick.asked_fd >= 0);
    /* It comes to itself: it has no label. */
    assert_int_equal(close(open(test_folder_path("dev/sdc"), O_WRONLY | O_CLOEXEC)), 0);
    assert_false(look(&stick, name));
    pull("sdc");
}

/* The name of the file system: at byte 54 of a FAT16, 82 of a FAT32 (the specification, as above),
 * 3 of an exFAT (Microsoft's exFAT specification, 3.1.2). */
static void another_stick_is_told_once(void **state)
{
    (void)state;
    static struct stick stick;
    static const struct {
        int at;
        const char *name;
    } known[] = {{54, "FAT16   "}, {82, "FAT32   "}, {3, "EXFAT   "}};
    char name[STICK_NAME_MAX + 1] = "";
    stick_init(&stick, places.block, places.devices);
    for (size_t n = 0; n < 3; n++) {
        plug_disk((char)('p' + n), true);
        (void)snprintf(name, sizeof name, "sd%c1", (char)('p' + n));
        plug_bytes(name, known[n].at, known[n].name);
        char found[STICK_NAME_MAX + 1] = "";
        assert_int_equal(look_for(&stick, found), STICK_OTHER);
        assert_string_equal(found, name);
        assert_int_equal(look_for(&stick, found), STICK_NONE);
    }
    /* A board's own disk, which may begin with a FAT; and what is no FAT. */
    plug_disk('s', false);
    plug_bytes("sds1", 82, "FAT32   ");
    plug_disk('t', true);
    plug_bytes("sdt1", 3, "NTFS    ");
    assert_int_equal(look_for(&stick, name), STICK_NONE);
    /* Beside it the right one is found. */
    plug_disk('u', true);
    plug_bytes("sdu1", 71, "VAFA-UPDATEFAT32   ");
    assert_int_equal(look_for(&stick, name), STICK_OURS);
    assert_string_equal(name, "sdu1");
    for (char letter = 'p'; letter <= 'u'; letter++) {
        char path[32];
        (void)snprintf(path, sizeof path, "block/sd%c", letter);
        assert_int_equal(unlink(test_folder_path(path)), 0);
        (void)snprintf(path, sizeof path, "sd%c1", letter);
        pull(path);
    }
}

/* The updater says it on the console, and takes nothing from it. */
static void of_another_stick_a_line_is_said(void **state)
{
    (void)state;
    static struct updater updater;
    static const struct conf none = {""};
    static const struct bundle_facts facts = {.running = 7, .is_good = true, .hour = -1};
    struct unit unit = {.name = "update"};
    struct log log;
    char text[1000] = "";
    log_init(&log);
    log_open(&log, test_folder_path("log"));
    updater_init(&updater, &unit, &none, &places, &log);
    plug_disk('v', true);
    plug_bytes("sdv1", 82, "FAT32   ");
    for (int64_t now_ms = 0; now_ms < 20000; now_ms += 2000) {
        updater_step(&updater, &facts, now_ms);
    }
    log_close(&log);
    FILE *file = fopen(test_folder_path("log"), "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    const char *said = strstr(text, "update: the stick sdv1 has no label VAFA-UPDATE");
    assert_non_null(said);
    assert_null(strstr(said + 1, "update: "));
    assert_int_equal(unit.start_at_ms, INT64_MAX);
    assert_int_equal(unlink(test_folder_path("block/sdv")), 0);
    pull("sdv1");
}

static bool says(const char *expected)
{
    char said[REPORT_TEXT_MAX];
    report_take_line(places.says, "none", said);
    return strcmp(said, expected) == 0;
}

static void what_is_said_of_a_stick_goes_with_it(void **state)
{
    (void)state;
    static struct updater updater;
    static const struct conf none = {""};
    static const struct bundle_facts facts = {.running = 7, .is_good = true, .hour = -1};
    struct unit unit = {.name = "update"};
    struct log log;
    log_init(&log);
    put("install", "half a copy, of a power cut");
    updater_init(&updater, &unit, &none, &places, &log);
    assert_int_not_equal(access(places.install, F_OK), 0);
    plug("sdd", 43, "VAFA-UPDATE");
    assert_true(report_put_line(places.says, "refused 8: of a bundle"));
    int64_t now_ms = 0;
    for (; unit.start_at_ms == INT64_MAX && now_ms < 100000; now_ms += 2000) {
        updater_step(&updater, &facts, now_ms);
    }
    assert_int_not_equal(unit.start_at_ms, INT64_MAX);
    assert_true(says("none")); /* another one is tried */
    /* `update` runs, refuses and ends. */
    unit.start_at_ms = INT64_MAX;
    assert_true(report_put_line(places.says, "refused 6: it is version 6"));
    updater_ended(&updater);
    updater_step(&updater, &facts, now_ms += 2000);
    updater_step(&updater, &facts, now_ms += 2000);
    assert_true(says("refused 6: it is version 6"));
    pull("sdd");
    updater_step(&updater, &facts, now_ms += 2000);
    assert_true(says("none"));
    /* What is said of something else stays. */
    assert_true(report_put_line(places.says, "waiting 8"));
    updater_step(&updater, &facts, now_ms += 2000);
    assert_true(says("waiting 8"));
    assert_int_equal(unlink(places.says), 0);
}

/* Steps as a device does: is `update` started within a while? */
static bool starts(struct updater *updater, const struct bundle_facts *facts, int64_t *now_ms)
{
    for (int steps = 50; steps > 0 && updater->unit->start_at_ms == INT64_MAX; steps--) {
        updater_step(updater, facts, *now_ms += 2000);
        (void)poll(NULL, 0, updater->stick.asked_fd >= 0 ? 5 : 0);
    }
    const bool does = updater->unit->start_at_ms != INT64_MAX;
    updater->unit->start_at_ms = INT64_MAX;
    return does;
}

/* `update` has noted what it installs; that fell back, and the device starts with the stick in. */
static void what_a_stick_brought_is_remembered_until_it_is_pulled(void **state)
{
    (void)state;
    static struct updater updater;
    static const struct conf none = {""};
    static const struct bundle_facts facts = {
        .running = 7, .failed = 8, .is_good = true, .hour = -1};
    struct unit unit = {.name = "update"};
    struct log log;
    int64_t now_ms = 0;
    log_init(&log);
    put("tried", "8\n");
    updater_init(&updater, &unit, &none, &places, &log);
    assert_false(starts(&updater, &facts, &now_ms));
    plug("sdd", 43, "VAFA-UPDATE"); /* it shows up late */
    assert_true(starts(&updater, &facts, &now_ms));
    assert_int_equal(access(places.tried, F_OK), 0); /* for update-check */
    assert_false(starts(&updater, &facts, &now_ms));
    assert_int_equal(access(places.tried, F_OK), 0);
    pull("sdd");
    assert_false(starts(&updater, &facts, &now_ms));
    assert_int_not_equal(access(places.tried, F_OK), 0);
}

static void nothing_begins_while_custodians_are_at_the_console(void **state)
{
    (void)state;
    static struct updater updater;
    static const struct conf none = {""};
    struct bundle_facts facts = {.running = 7, .is_good = true, .is_ceremony_on = true, .hour = -1};
    struct unit unit = {.name = "update"};
    struct log log;
    int64_t now_ms = 0;
    log_init(&log);
    updater_init(&updater, &unit, &none, &places, &log);
    plug("sdd", 43, "VAFA-UPDATE");
    assert_false(starts(&updater, &facts, &now_ms));
    facts.is_ceremony_on = false; /* and it is not lost */
    assert_true(starts(&updater, &facts, &now_ms));
    facts.is_ceremony_on = true; /* another one is plugged in meanwhile, at the same place */
    pull("sdd");
    assert_false(starts(&updater, &facts, &now_ms));
    plug("sdd", 43, "VAFA-UPDATE");
    assert_false(starts(&updater, &facts, &now_ms));
    facts.is_ceremony_on = false;
    assert_true(starts(&updater, &facts, &now_ms));
    pull("sdd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stick_is_told_once_until_it_is_pulled),
        cmocka_unit_test(of_two_sticks_none_is_lost),
        cmocka_unit_test(a_stick_that_does_not_answer_keeps_nobody_waiting),
        cmocka_unit_test(another_stick_is_told_once),
        cmocka_unit_test(of_another_stick_a_line_is_said),
        cmocka_unit_test(what_is_said_of_a_stick_goes_with_it),
        cmocka_unit_test(what_a_stick_brought_is_remembered_until_it_is_pulled),
        cmocka_unit_test(nothing_begins_while_custodians_are_at_the_console),
    };
    return cmocka_run_group_tests_name("updater", tests, make_places, test_folder_remove);
}
