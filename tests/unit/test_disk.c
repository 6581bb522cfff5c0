/* test_disk - a device's disk that had an error, and the programs that its first process waits for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards/common/device/command.h"
#include "boards/common/device/disk.h"
#include "tests/support/test_folder.h"

/* --- disk ----------------------------------------------------------------------------------- */

/* The superblock's first 64 bytes as Linux's documentation of ext4 has them: at 0x38 the magic
 * number ef53, at 0x3a the state, 1 = in order, 2 = an error was met. */
static const char *superblock(const char *magic, char file_state)
{
    char head[1024 + 64] = {0};
    head[1024 + 0x38] = magic[0];
    head[1024 + 0x39] = magic[1];
    head[1024 + 0x3a] = file_state;
    const char *path = test_folder_path("device");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(head, 1, sizeof head, file), sizeof head);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void an_error_that_the_file_system_noted_is_seen_before_it_is_mounted(void **state)
{
    (void)state;
    assert_false(disk_has_errors(superblock("\x53\xef", 0)));
    assert_false(disk_has_errors(superblock("\x53\xef", 1)));
    assert_true(disk_has_errors(superblock("\x53\xef", 2)));
    assert_true(disk_has_errors(superblock("\x53\xef", 3)));
    assert_false(disk_has_errors(superblock("\x53\x53", 3)));
    assert_int_equal(truncate(test_folder_path("device"), 1024), 0);
    assert_false(disk_has_errors(test_folder_path("device")));
    assert_false(disk_has_errors(test_folder_path("nothing")));
}

/* In a child, so that nothing stays mounted. 0: it has failed. 1: it has not. 2: no right to. */
static int try_read_only(void)
{
    const char *folder = test_folder();
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder, "tmpfs", MS_RDONLY, NULL) != 0) {
        return 2;
    }
    return disk_has_failed(folder) ? 0 : 1;
}

static void a_disk_that_takes_no_writes_has_failed(void **state)
{
    (void)state;
    assert_false(disk_has_failed(test_folder()));
    assert_int_not_equal(access(test_folder_path("try"), F_OK), 0);
    assert_false(disk_has_failed(test_folder_path("nothing")));
    assert_false(disk_has_failed("/dev/full"));
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(try_read_only());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == 2) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool shell(const char *format)
{
    char command[400];
    (void)snprintf(command, sizeof command, format, test_folder());
    return system(command) == 0;
}

/* As on a device: mounted, an error is met, mounted no more, repaired. In a child, which has a view
 * of its own of what is mounted. 0: as it should be. 2: no right to mount, or no ext4 here. */
static int meet_an_error(void)
{
    char at[TEST_PATH_MAX], disk[TEST_PATH_MAX];
    (void)snprintf(at, sizeof at, "%s", test_folder_path("at"));
    (void)snprintf(disk, sizeof disk, "%s", test_folder_path("disk"));
    if (!shell("cd %s && truncate -s 8M disk && mkfs.ext4 -q disk && mkdir at") ||
        unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        !shell("cd %s && mount -o loop,errors=remount-ro disk at 2>/dev/null")) {
        return 2;
    }
    const bool was_well = !disk_has_errors(disk) && !disk_has_failed(at);
    const bool is_met =
        shell("device=$(sed -n 's#^/dev/\\([^ ]*\\) %s/at .*#\\1#p' /proc/mounts) && "
              "echo 1 >/sys/fs/ext4/$device/trigger_fs_error");
    const bool is_seen = disk_has_failed(at);
    const bool is_noted = shell("umount %s/at") && disk_has_errors(disk);
    const bool is_repaired =
        shell("e2fsck -y %s/disk >/dev/null 2>&1; test $? -le 1") && !disk_has_errors(disk);
    return !is_met ? 2 : was_well && is_seen && is_noted && is_repaired ? 0 : 1;
}

static void an_error_stops_the_writes_is_noted_and_repaired(void **state)
{
    (void)state;
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(meet_an_error());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == 2) {
        skip();
    }
    assert_int_equal(status, 0);
}

/* --- command -------------------------------------------------------------------------------- */

static int run(const char *script, const struct watchdog *watchdog)
{
    const char *const arguments[] = {"/bin/sh", "-c", script, NULL};
    struct log log;
    log_init(&log);
    return command_run(arguments, watchdog, &log);
}

static void a_command_ends_with_its_code(void **state)
{
    (void)state;
    const struct watchdog none = {.fd = -1};
    struct log log;
    log_init(&log);
    assert_int_equal(run("exit 0", &none), 0);
    assert_int_equal(run("exit 4", &none), 4);
    assert_int_equal(run("kill -9 $$", &none), -1);
    const char *const nothing[] = {"/nothing", NULL};
    assert_int_equal(command_run(nothing, &none, &log), -1);
}

static void the_watchdog_is_fed_while_a_command_runs(void **state)
{
    (void)state;
    const struct watchdog watchdog = {
        .fd = open(test_folder_path("fed"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    struct stat about;
    assert_true(watchdog.fd >= 0);
    assert_int_equal(run("sleep 0.3", &watchdog), 0);
    assert_int_equal(fstat(watchdog.fd, &about), 0);
    assert_in_range(about.st_size, 3, 100);
    assert_int_equal(close(watchdog.fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_that_the_file_system_noted_is_seen_before_it_is_mounted),
        cmocka_unit_test(a_disk_that_takes_no_writes_has_failed),
        cmocka_unit_test(an_error_stops_the_writes_is_noted_and_repaired),
        cmocka_unit_test(a_command_ends_with_its_code),
        cmocka_unit_test(the_watchdog_is_fed_while_a_command_runs),
    };
    return cmocka_run_group_tests_name("disk", tests, test_folder_make, test_folder_remove);
}
