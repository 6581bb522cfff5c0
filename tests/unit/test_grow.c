/* test_grow - a mounted file system grows to its device. e2fsprogs makes it, reads it and says
 * whether it is whole. Skipped is what needs a loop device or CAP_SYS_RESOURCE where there is none;
 * tests/system/flash.py does it on a device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards/common/device/grow.h"
#include "tests/support/test_folder.h"

/* A shell's commands in the test's folder; true: they went well. */
static bool run(const char *commands)
{
    char text[600];
    assert_true(snprintf(text, sizeof text,
                         "cd %s && PATH=$PATH:/usr/sbin:/sbin && { %s; } >out 2>&1", test_folder(),
                         commands) < (int)sizeof text);
    const int status = system(text); /* NOLINT: the test's own words */
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void grow_and_log(const char *given)
{
    struct log log;
    char path[TEST_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", given); /* it may be the test folder's own memory */
    log_init(&log);
    log_open(&log, test_folder_path("log"));
    grow_fill(path, &log);
    log_close(&log);
}

/* A file system of 64 MiB, made with `how`, with a file in it, on a device of 3 GiB. */
static void mount_small(const char *how)
{
    char text[400];
    (void)snprintf(text, sizeof text,
                   "rm -f log; mkdir -p point; mke2fs -q -t ext4 -F %s disk 64M && truncate -s "
                   "3G disk && mount -o loop disk point && echo sale >point/journal",
                   how);
    if (!run(text)) {
        print_message("SKIP: nothing can be mounted here\n");
        skip();
    }
}

/* The kernel lets nobody else change a file system's size. */
static bool may_grow(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    return syscall(SYS_capget, &header, sets) == 0 &&
           (sets[0].effective & 1U << CAP_SYS_RESOURCE) != 0;
}

static void need_growth(void)
{
    if (!may_grow()) {
        print_message("SKIP: there is no CAP_SYS_RESOURCE\n");
        skip();
    }
}

static int unmount(void **state)
{
    (void)state;
    (void)run("umount point");
    return 0;
}

/* What an image has: tools/image/build.py. */
static void it_grows_to_its_device_while_it_is_used(void **state)
{
    (void)state;
    need_growth();
    mount_small("-b 4096 -i 131072 -E resize=268435456");
    assert_true(run("exec 5<point/journal; dumpe2fs -h disk | grep -q '^Block count: *16384$'"));
    grow_and_log(test_folder_path("point"));
    assert_true(run("grep -q 'point grows from 64 MiB to 3072 MiB' log"));
    assert_true(run("grep -q 'point has grown from 64 MiB to 3072 MiB' log"));
    assert_true(run("head -c 200M /dev/zero >point/large && grep -q sale point/journal"));
    assert_true(run("umount point && e2fsck -fn disk"));
    assert_true(run("dumpe2fs -h disk | grep -q '^Block count: *786432$'"));
}

static void what_fills_its_device_is_left_alone(void **state)
{
    (void)state;
    mount_small("-b 4096");
    assert_true(run("umount point && truncate -s 68157440 disk && mount -o loop disk point"));
    grow_and_log(test_folder_path("point"));
    assert_true(run("grep -q 'point grows from 64 MiB to 65 MiB' log"));
    assert_true(
        run("rm log; umount point && truncate -s 68157439 disk && mount -o loop disk point"));
    grow_and_log(test_folder_path("point"));
    assert_true(run("test ! -s log"));
}

/* What an older image has, and a device whose end is at no block's. */
static void blocks_of_another_size_are_counted(void **state)
{
    (void)state;
    need_growth();
    mount_small("-b 1024");
    assert_true(run("umount point && truncate -s 100000512 disk && mount -o loop disk point"));
    grow_and_log(test_folder_path("point"));
    assert_true(run("umount point && e2fsck -fn disk"));
    assert_true(run("dumpe2fs -h disk | grep -q '^Block count: *97656$'"));
}

static void what_cannot_grow_is_said_and_stays(void **state)
{
    (void)state;
    grow_and_log("/proc");
    assert_true(run("grep -q 'cannot read /sys/dev/block/' log"));
    grow_and_log("/nothing/there");
    assert_true(run("grep -q 'cannot find /nothing/there: No such file' log"));
    mount_small("-b 4096");
    assert_true(may_grow() ? run("mount -o remount,ro point") : true);
    grow_and_log(test_folder_path("point"));
    assert_true(run("grep -qE 'cannot grow .*point: (Read-only file system|Operation not)' log"));
    assert_true(run("umount point && e2fsck -fn disk"));
    assert_true(run("dumpe2fs -h disk | grep -q '^Block count: *16384$'"));
}

static void another_file_system_is_none_of_its_business(void **state)
{
    (void)state;
    if (!run("rm -f log disk; mkdir -p point; mksquashfs point disk -noappend -quiet && "
             "mount -o loop disk point")) {
        print_message("SKIP: nothing can be mounted here\n");
        skip();
    }
    grow_and_log(test_folder_path("point"));
    assert_true(run("grep -q 'point is no ext4' log"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(it_grows_to_its_device_while_it_is_used, unmount),
        cmocka_unit_test_teardown(what_fills_its_device_is_left_alone, unmount),
        cmocka_unit_test_teardown(blocks_of_another_size_are_counted, unmount),
        cmocka_unit_test_teardown(what_cannot_grow_is_said_and_stays, unmount),
        cmocka_unit_test_teardown(another_file_system_is_none_of_its_business, unmount),
    };
    return cmocka_run_group_tests_name("grow", tests, test_folder_make, test_folder_remove);
}
