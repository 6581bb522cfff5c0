/* test_vault - what `data` shows of itself, and what is done about it. The disks are mke2fs's,
 * debugfs's and cryptsetup's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boards/common/device/vault.h"
#include "tests/support/test_folder.h"

static const uint8_t blank[VAULT_MARK_BYTES];

static const uint8_t *mark_of(const char *text)
{
    static uint8_t mark[VAULT_MARK_BYTES];
    memset(mark, 0, sizeof mark);
    memcpy(mark, text, strlen(text));
    return mark;
}

/* Shell commands in the test's folder. */
static void shell(const char *commands)
{
    char line[600];
    (void)snprintf(line, sizeof line, "cd %s && PATH=$PATH:/usr/sbin:/sbin && { %s; } >said 2>&1",
                   test_folder(), commands);
    assert_int_equal(system(line), 0); /* NOLINT: a test's own words */
}

/* The beginning of the file `disk`. */
static const uint8_t *head(void)
{
    static uint8_t bytes[VAULT_HEAD_BYTES];
    FILE *file = fopen(test_folder_path("disk"), "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

#define MAKE_EMPTY "rm -rf disk && mke2fs -q -t ext4 -L data disk 16M"
#define MAKE_LUKS                                                                                  \
    "rm -f disk && truncate -s 16M disk && head -c 32 /dev/urandom >key && cryptsetup luksFormat " \
    "-q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --luks2-metadata-size 16k "      \
    "--luks2-keyslots-size 512k --offset 2048 --key-file key disk"

/* --- what is there -------------------------------------------------------------------------- */

static void a_file_system_that_nobody_used_is_empty(void **state)
{
    (void)state;
    shell(MAKE_EMPTY);
    assert_int_equal(vault_look(head(), blank), VAULT_DISK_EMPTY);
    shell("rm disk && mke2fs -q -t ext4 -b 4096 -L data disk 64M");
    assert_int_equal(vault_look(head(), blank), VAULT_DISK_EMPTY);
}

/* What a cut leaves of the count of free inodes is not believed: a mount is noted at once. */
static void one_with_a_file_or_a_mount_is_in_use(void **state)
{
    (void)state;
    shell("mkdir -p keys && rm -f disk && mke2fs -q -t ext4 -d keys disk 16M && debugfs -w -R "
          "'mkdir keys' disk");
    assert_int_equal(vault_look(head(), blank), VAULT_DISK_PLAIN);
    shell(MAKE_EMPTY " && debugfs -w -R 'ssv mnt_count 1' disk");
    assert_int_equal(vault_look(head(), blank), VAULT_DISK_PLAIN);
    shell(MAKE_EMPTY " && debugfs -w -R 'ssv mtime 20260102030405' disk");
    assert_int_equal(vault_look(head(), blank), VAULT_DISK_PLAIN);
}

static void either_header_of_luks_tells_an_enciphered_disk(void **state)
{
    (void)state;
    shell(MAKE_LUKS);
    assert_int_equal(vault_look(head(), blank), VAULT_DISK_ENCIPHERED);
    shell("dd if=/dev/zero of=disk bs=4096 count=1 conv=notrunc");
    assert_int_equal(vault_look(head(), blank), VAULT_DISK_ENCIPHERED);
    shell("dd if=/dev/zero of=disk bs=4096 seek=4 count=1 conv=notrunc");
    assert_int_equal(vault_look(head(), blank), VAULT_DISK_UNKNOWN);
    assert_int_equal(vault_look(head(), mark_of(VAULT_MARK_DONE)), VAULT_DISK_ENCIPHERED);
}

static void until_the_mark_says_done_nothing_was_stored(void **state)
{
    (void)state;
    const uint8_t *making = mark_of(VAULT_MARK_MAKING);
    shell(MAKE_LUKS);
    assert_int_equal(vault_look(head(), making), VAULT_DISK_BEGUN);
    shell("dd if=/dev/zero of=disk bs=1M count=1 conv=notrunc");
    assert_int_equal(vault_look(head(), making), VAULT_DISK_BEGUN);
}

/* It was flashed, or used by a board without a key, after somebody else's making was cut. */
static void a_file_system_counts_more_than_a_mark(void **state)
{
    (void)state;
    static const char *const marks[] = {VAULT_MARK_MAKING, VAULT_MARK_DONE};
    for (size_t n = 0; n < 2; n++) {
        shell(MAKE_EMPTY);
        assert_int_equal(vault_look(head(), mark_of(marks[n])), VAULT_DISK_EMPTY);
        shell("debugfs -w -R 'mkdir keys' disk");
        assert_int_equal(vault_look(head(), mark_of(marks[n])), VAULT_DISK_PLAIN);
    }
}

/* --- what is done about it ------------------------------------------------------------------ */

static void with_a_key_only_a_disk_without_anything_on_it_is_made(void **state)
{
    (void)state;
    assert_int_equal(vault_decide(VAULT_DISK_EMPTY, true), VAULT_ACT_MAKE);
    assert_int_equal(vault_decide(VAULT_DISK_BEGUN, true), VAULT_ACT_MAKE);
    assert_int_equal(vault_decide(VAULT_DISK_ENCIPHERED, true), VAULT_ACT_OPEN);
    assert_int_equal(vault_decide(VAULT_DISK_PLAIN, true), VAULT_ACT_PLAIN);
    assert_int_equal(vault_decide(VAULT_DISK_UNKNOWN, true), VAULT_ACT_PLAIN);
}

static void without_a_key_nothing_enciphered_is_touched(void **state)
{
    (void)state;
    assert_int_equal(vault_decide(VAULT_DISK_EMPTY, false), VAULT_ACT_PLAIN);
    assert_int_equal(vault_decide(VAULT_DISK_PLAIN, false), VAULT_ACT_PLAIN);
    assert_int_equal(vault_decide(VAULT_DISK_UNKNOWN, false), VAULT_ACT_PLAIN);
    assert_int_equal(vault_decide(VAULT_DISK_BEGUN, false), VAULT_ACT_REFUSE);
    assert_int_equal(vault_decide(VAULT_DISK_ENCIPHERED, false), VAULT_ACT_REFUSE);
}

static void a_key_is_32_bytes_that_somebody_has_burnt(void **state)
{
    (void)state;
    char path[TEST_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", test_folder_path("key"));
    shell("printf 0123456789abcdef0123456789abcdef >key");
    assert_true(vault_has_key(path));
    shell("printf 0123456789abcdef0123456789abcde >key");
    assert_false(vault_has_key(path));
    shell("printf 0123456789abcdef0123456789abcdef0 >key");
    assert_false(vault_has_key(path));
    shell("head -c 32 /dev/zero >key");
    assert_false(vault_has_key(path));
    shell("head -c 32 /dev/zero | tr '\\0' '\\377' >key");
    assert_false(vault_has_key(path));
    shell("{ head -c 31 /dev/zero; printf 1; } >key");
    assert_true(vault_has_key(path));
    shell("rm key");
    assert_false(vault_has_key(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_system_that_nobody_used_is_empty),
        cmocka_unit_test(one_with_a_file_or_a_mount_is_in_use),
        cmocka_unit_test(either_header_of_luks_tells_an_enciphered_disk),
        cmocka_unit_test(until_the_mark_says_done_nothing_was_stored),
        cmocka_unit_test(a_file_system_counts_more_than_a_mark),
        cmocka_unit_test(with_a_key_only_a_disk_without_anything_on_it_is_made),
        cmocka_unit_test(without_a_key_nothing_enciphered_is_touched),
        cmocka_unit_test(a_key_is_32_bytes_that_somebody_has_burnt),
    };
    return cmocka_run_group_tests_name("vault", tests, test_folder_make, test_folder_remove);
}
