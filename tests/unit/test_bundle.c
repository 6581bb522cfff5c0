/* test_bundle - when a device installs what vafa-sync has fetched, and what somebody who broke into
 * vafa-sync cannot make of it. As root the folder is another user's, as on a device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards/common/device/bundle.h"

static char base[] = "/tmp/test_bundle.XXXXXX";
static char folder[64], held[64];
static uid_t owner; /* of what vafa-sync writes */

static const char *path_of(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void clear(void)
{
    static const char *const names[] = {"offer", "8.raucb", "9.raucb", "other"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i += 1) {
        (void)unlink(path_of(names[i]));
        (void)rmdir(path_of(names[i]));
    }
    (void)unlink(held);
}

static int make_folders(void **state)
{
    (void)state;
    owner = geteuid() == 0 ? 902 : geteuid();
    if (mkdtemp(base) == NULL) {
        return 1;
    }
    (void)snprintf(folder, sizeof folder, "%s/update", base);
    (void)snprintf(held, sizeof held, "%s/vafa.raucb", base);
    return chmod(base, 0755) != 0 || mkdir(folder, 0700) != 0 ||
           chown(folder, owner, (gid_t)-1) != 0;
}

static int remove_folders(void **state)
{
    (void)state;
    clear();
    return rmdir(folder) != 0 || rmdir(base) != 0;
}

static void write_as_owner(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chown(path_of(name), owner, (gid_t)-1), 0);
}

static void offer_is(const char *text, uint32_t version, unsigned from, unsigned to)
{
    write_as_owner("offer", text);
    const struct bundle_offer offer = bundle_look(folder);
    assert_int_equal(offer.version, version);
    if (version != 0) {
        assert_int_equal(offer.from_hour, from);
        assert_int_equal(offer.to_hour, to);
    }
}

static void an_offer_counts_when_its_bundle_is_there(void **state)
{
    (void)state;
    static const char good[] =
        "version=8\nboard=sim\nbytes=5\nsha256=00\nfrom_hour=22\nto_hour=5\n";
    clear();
    assert_int_equal(bundle_look(folder).version, 0);
    offer_is(good, 0, 0, 0);
    write_as_owner("8.raucb", "whole");
    offer_is(good, 8, 22, 5);
    offer_is("version=9\nfrom_hour=2\nto_hour=5\n", 0, 0, 0);
    offer_is("version=8\nfrom_hour=24\nto_hour=5\n", 0, 0, 0);
    offer_is("version=8\nfrom_hour=2\n", 0, 0, 0);
    offer_is("version=8x\nfrom_hour=2\nto_hour=5\n", 0, 0, 0);
    offer_is("version=-8\nfrom_hour=2\nto_hour=5\n", 0, 0, 0);
    offer_is("version=4294967304\nfrom_hour=2\nto_hour=5\n", 0, 0, 0);
    offer_is("version=../../etc/8\nfrom_hour=2\nto_hour=5\n", 0, 0, 0);
    offer_is("", 0, 0, 0);
    assert_int_equal(unlink(path_of("offer")), 0); /* neither a link nor a pipe is waited for */
    write_as_owner("other", good);
    assert_int_equal(symlink("other", path_of("offer")), 0);
    assert_int_equal(bundle_look(folder).version, 0);
    assert_int_equal(unlink(path_of("offer")), 0);
    assert_int_equal(mkfifo(path_of("offer"), 0666), 0);
    assert_int_equal(bundle_look(folder).version, 0);
}

static void a_bundle_is_installed_when_nobody_is_disturbed(void **state)
{
    (void)state;
    const struct bundle_facts good = {.offer = {.version = 8, .from_hour = 2, .to_hour = 5},
                                      .running = 7,
                                      .is_good = true,
                                      .quiet_s = 600,
                                      .quiet_min_s = 600,
                                      .hour = 2};
    struct bundle_facts facts = good;
    assert_true(bundle_is_time(&facts));
    facts.offer.version = 0;
    assert_false(bundle_is_time(&facts));
    facts = good;
    facts.running = 8;
    assert_false(bundle_is_time(&facts));
    facts = good;
    facts.failed = 8;
    assert_false(bundle_is_time(&facts));
    facts.failed = 6;
    assert_true(bundle_is_time(&facts));
    facts = good;
    facts.is_good = false;
    assert_false(bundle_is_time(&facts));
    facts = good;
    facts.quiet_s = 599;
    assert_false(bundle_is_time(&facts));
    facts.quiet_s = -1;
    assert_false(bundle_is_time(&facts));
    facts.silent_s = 299; /* a terminal that does not start sells nothing, and knows no hour */
    facts.hour = -1;
    assert_false(bundle_is_time(&facts));
    facts.silent_s = 300;
    assert_true(bundle_is_time(&facts));
    facts.is_ceremony_on = true;
    assert_false(bundle_is_time(&facts));
    /* Hours from, to, and at which of the day's hours it is time, a bit each. */
    static const struct {
        unsigned from, to;
        uint32_t hours;
    } days[] = {{2, 5, 0x00001C},
                {22, 4, 0xC0000F},
                {7, 7, 0xFFFFFF},
                {0, 23, 0x7FFFFF},
                {23, 0, 0x800000}};
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i += 1) {
        facts = good;
        facts.offer.from_hour = days[i].from;
        facts.offer.to_hour = days[i].to;
        for (facts.hour = 0; facts.hour < 24; facts.hour += 1) {
            assert_int_equal(bundle_is_time(&facts), days[i].hours >> facts.hour & 1);
        }
        facts.hour = -1; /* a clock that was never set */
        assert_true(bundle_is_time(&facts));
    }
}

static enum st take(const char *word)
{
    struct fault fault = {""};
    const enum st st = bundle_take(folder, 8, owner, held, &fault);
    if (st != ST_OK && strstr(fault.say, word) == NULL) {
        fail_msg("%s instead of %s", fault.say, word);
    }
    return st;
}

/* As vafa-sync's user: can it write to the bundle by any of its names? */
static bool owner_can_write(void)
{
    const pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(902) != 0 || setuid(902) != 0)) {
            _exit(2);
        }
        const bool can = open(path_of("8.raucb"), O_WRONLY) >= 0 || open(held, O_WRONLY) >= 0 ||
                         truncate(path_of("8.raucb"), 0) == 0 ||
                         chmod(path_of("8.raucb"), 0600) == 0;
        _exit(can ? 1 : 0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status) == 1;
}

static void what_was_taken_is_the_file_that_was_looked_at_and_changes_no_more(void **state)
{
    (void)state;
    char text[10] = "";
    clear();
    write_as_owner("8.raucb", "bundle");
    assert_true(owner_can_write());
    write_as_owner("8.raucb", "bundle");
    assert_int_equal(take(""), ST_OK);
    if (geteuid() == 0) { /* else the owner is the taker, who could take the rights back */
        assert_false(owner_can_write());
    }
    write_as_owner("other", "an older bundle, signed as well"); /* a swap after the look */
    assert_int_equal(rename(path_of("other"), path_of("8.raucb")), 0);
    FILE *file = fopen(held, "rb");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    assert_string_equal(text, "bundle");
    (void)fclose(file);
    assert_int_equal(take(""), ST_OK); /* once more: the name is the new file's */
}

static void after_a_cut_it_is_taken_again(void **state)
{
    (void)state;
    clear();
    write_as_owner("8.raucb", "bundle");
    assert_int_equal(take(""), ST_OK);
    assert_int_equal(unlink(held), 0);
    assert_int_equal(take(""), ST_OK);
    assert_int_equal(access(held, F_OK), 0);
}

static void a_file_that_somebody_can_still_write_to_is_not_taken(void **state)
{
    (void)state;
    clear();
    write_as_owner("8.raucb", "bundle");
    const int fd = open(path_of("8.raucb"), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(take("somebody still writes"), ST_REFUSED);
    assert_int_not_equal(access(held, F_OK), 0);
    void *map = mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(close(fd), 0); /* the map alone is enough */
    assert_int_equal(take("somebody still writes"), ST_REFUSED);
    assert_int_equal(munmap(map, 6), 0);
    assert_int_equal(take(""), ST_OK);
}

static void what_is_no_file_of_vafa_sync_is_not_taken(void **state)
{
    (void)state;
    struct stat about;
    clear();
    assert_int_equal(take("cannot be opened"), ST_IO);
    write_as_owner("other", "precious");
    assert_int_equal(symlink("other", path_of("8.raucb")), 0);
    assert_int_equal(take("cannot be opened"), ST_REFUSED);
    assert_int_equal(stat(path_of("other"), &about), 0);
    assert_int_equal(about.st_uid, owner); /* what the link means is left alone */
    clear();
    assert_int_equal(mkfifo(path_of("8.raucb"), 0666), 0);
    assert_int_equal(take("no file"), ST_REFUSED);
    clear();
    assert_int_equal(mkdir(path_of("8.raucb"), 0700), 0);
    assert_int_equal(take("no file"), ST_REFUSED);
    clear();
    if (geteuid() == 0) { /* another process's file, under a second name */
        write_as_owner("8.raucb", "the database");
        assert_int_equal(chown(path_of("8.raucb"), 900, (gid_t)-1), 0);
        assert_int_equal(take("no file"), ST_REFUSED);
        assert_int_equal(stat(path_of("8.raucb"), &about), 0);
        assert_int_equal(about.st_uid, 900);
    }
    assert_int_not_equal(access(held, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_counts_when_its_bundle_is_there),
        cmocka_unit_test(a_bundle_is_installed_when_nobody_is_disturbed),
        cmocka_unit_test(what_was_taken_is_the_file_that_was_looked_at_and_changes_no_more),
        cmocka_unit_test(after_a_cut_it_is_taken_again),
        cmocka_unit_test(a_file_that_somebody_can_still_write_to_is_not_taken),
        cmocka_unit_test(what_is_no_file_of_vafa_sync_is_not_taken),
    };
    return cmocka_run_group_tests_name("bundle", tests, make_folders, remove_folders);
}
