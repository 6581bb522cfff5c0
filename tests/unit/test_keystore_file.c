/* The software store's file: what is in it, and how each kind of bad file is told apart. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <mbedtls/sha256.h>

#include "hal/base/bytes.h"
#include "hal/keystore.h"
#include "hal/keystore_admin.h"

enum { HASH = 32 };

static char folder[64], path[80], device[96];

static int make_folder(void **state)
{
    strcpy(folder, "/tmp/vafa-test-keys-XXXXXX");
    const bool is_made = mkdtemp(folder) != NULL;
    snprintf(path, sizeof path, "%s/keys", folder);
    snprintf(device, sizeof device, "%s.device", path);
    (void)state;
    return is_made ? 0 : -1;
}

static int remove_folder(void **state)
{
    unlink(path);
    unlink(device);
    (void)state;
    return rmdir(folder); /* fails if anything is left behind: a half-written file, say */
}

static struct keystore_entry entry(enum key_master master, uint8_t version, uint8_t fill)
{
    struct keystore_entry made = {.master = master, .version = version};
    for (uint8_t i = 0; i < sizeof made.key; i += 1) {
        made.key[i] = (uint8_t)(fill + i);
    }
    return made;
}

static void add(enum key_master master, uint8_t version, uint8_t fill, enum st want)
{
    const struct keystore_entry made = entry(master, version, fill);
    struct fault fault = {""};
    assert_int_equal(keystore_add(path, &made, 1, &fault), want);
    assert_true(want == ST_OK || fault.say[0] != '\0');
}

/* Opens and wants `want`; the sentence then has `word` in it. */
static struct keystore *open_store(enum st want, const char *word)
{
    struct keystore *keystore = NULL;
    struct fault fault = {""};

    assert_int_equal(keystore_open(path, &keystore, &fault), want);
    if (want != ST_OK) {
        assert_null(keystore);
        if (strstr(fault.say, word) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", fault.say, word);
        }
    }
    return keystore;
}

static void expect_open(enum st want, const char *word)
{
    keystore_close(open_store(want, word));
}

static size_t read_file(const char *name, uint8_t *ret, size_t size_max)
{
    const int fd = open(name, O_RDONLY);
    const ssize_t size = read(fd, ret, size_max);
    close(fd);
    assert_true(size > 0);
    return (size_t)size;
}

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static bool has_check(struct keystore *keystore, enum key_master master, uint8_t version,
                      uint8_t fill)
{
    const struct keystore_entry want = entry(master, version, fill);
    uint8_t check[KEYSTORE_CHECK_BYTES], wanted[KEYSTORE_CHECK_BYTES];

    keystore_key_check(want.key, wanted);
    return keystore_check_value(keystore, master, version, check) == ST_OK &&
           memcmp(check, wanted, sizeof check) == 0;
}

/* The hash is OpenSSL's: printf 'VAFA-MEDIUM-1\\0\\0050012345679' | openssl mac -macopt \
 * cipher:AES-128-CBC -macopt hexkey:505152535455565758595a5b5c5d5e5f CMAC */
static void a_medium_has_the_tag_that_openssl_computes(void **state)
{
    uint8_t tag[KEYSTORE_MEDIUM_TAG_BYTES], want[KEYSTORE_MEDIUM_TAG_BYTES];

    add(MASTER_MEDIA, 0, 0x50, ST_OK);
    struct keystore *keystore = open_store(ST_OK, NULL);
    assert_true(keystore_has_media(keystore, 0));
    assert_false(keystore_has_media(keystore, 1));
    assert_false(keystore_has_media(keystore, 16));
    assert_int_equal(hex_decode("9ca4acb52ec96c10a4572349cc76dbd7", want, sizeof want), ST_OK);
    assert_int_equal(keystore_medium_tag(keystore, 0, 5, "0012345679", tag), ST_OK);
    assert_memory_equal(tag, want, sizeof want);
    assert_int_equal(keystore_medium_tag(keystore, 0, 6, "0012345679", tag), ST_OK);
    assert_memory_not_equal(tag, want, sizeof want);
    assert_int_equal(keystore_medium_tag(keystore, 1, 5, "0012345679", tag), ST_UNSUPPORTED);
    keystore_close(keystore);
    (void)state;
}

static void what_was_added_is_there_and_nothing_else(void **state)
{
    uint8_t check[KEYSTORE_CHECK_BYTES];
    struct stat of_store, of_device;

    add(MASTER_SPEND, 0, 0x20, ST_OK);
    add(MASTER_LOAD, 0, 0x50, ST_OK);
    add(MASTER_SPEND, 1, 0x80, ST_OK);
    assert_int_equal(stat(path, &of_store), 0);
    assert_int_equal(stat(device, &of_device), 0);
    assert_int_equal(of_store.st_mode & 0777, 0600);
    assert_int_equal(of_device.st_mode & 0777, 0600);

    struct keystore *keystore = open_store(ST_OK, NULL);
    assert_true(has_check(keystore, MASTER_SPEND, 0, 0x20));
    assert_true(has_check(keystore, MASTER_LOAD, 0, 0x50));
    assert_true(has_check(keystore, MASTER_SPEND, 1, 0x80));
    assert_int_equal(keystore_check_value(keystore, MASTER_LOAD, 1, check), ST_UNSUPPORTED);
    assert_int_equal(keystore_check_value(keystore, MASTER_ISSUE, 0, check), ST_UNSUPPORTED);
    assert_int_equal(keystore_check_value(keystore, MASTER_SPEND, 16, check), ST_UNSUPPORTED);
    assert_int_equal(keystore_version(keystore), 1);
    keystore_close(keystore);
    (void)state;
}

static void a_check_value_is_cmac_over_zeros(void **state)
{
    /* openssl mac -macopt cipher:AES-128-CBC -macopt hexkey:2b7e... CMAC over 16 zero bytes. */
    uint8_t key[16], check[KEYSTORE_CHECK_BYTES];
    assert_int_equal(hex_decode("2b7e151628aed2a6abf7158809cf4f3c", key, 16), ST_OK);
    keystore_key_check(key, check);
    char text[2 * KEYSTORE_CHECK_BYTES + 1];
    hex_encode(check, sizeof check, text);
    assert_string_equal(text, "7ad386");
    (void)state;
}

static void a_refused_addition_changes_nothing(void **state)
{
    uint8_t before[512], after[512];

    add(MASTER_SPEND, 3, 0x20, ST_OK);
    const size_t size = read_file(path, before, sizeof before);
    add(MASTER_SPEND, 3, 0x50, ST_REFUSED);
    const struct keystore_entry twice[] = {entry(MASTER_LOAD, 4, 1), entry(MASTER_LOAD, 4, 2)};
    struct fault fault;
    assert_int_equal(keystore_add(path, twice, 2, &fault), ST_REFUSED);
    assert_int_equal(keystore_create(path, &fault), ST_REFUSED);
    assert_int_equal(read_file(path, after, sizeof after), size);
    assert_memory_equal(before, after, size);
    (void)state;
}

static void an_older_version_may_follow_for_older_cards(void **state)
{
    add(MASTER_SPEND, 3, 0x20, ST_OK);
    add(MASTER_SPEND, 2, 0x50, ST_OK);
    struct keystore *keystore = open_store(ST_OK, NULL);
    assert_int_equal(keystore_version(keystore), 3);
    assert_true(has_check(keystore, MASTER_SPEND, 2, 0x50));
    keystore_close(keystore);
    (void)state;
}

static void no_master_is_in_the_file_in_clear(void **state)
{
    const struct keystore_entry made = entry(MASTER_SPEND, 0, 0x20);
    uint8_t file[512];

    add(MASTER_SPEND, 0, 0x20, ST_OK);
    const size_t size = read_file(path, file, sizeof file);
    assert_int_equal(size, 48 + 32 + 16 + 32);
    for (size_t at = 0; at + 4 <= size; at += 1) {
        assert_memory_not_equal(file + at, made.key, 4);
    }
    (void)state;
}

static void flipped_bytes_are_damage(void **state)
{
    uint8_t file[512];

    add(MASTER_SPEND, 0, 0x20, ST_OK);
    const size_t size = read_file(path, file, sizeof file);
    for (size_t at = 0; at < size; at += 1) {
        file[at] ^= 0x10;
        write_file(path, file, size);
        expect_open(ST_FOREIGN, at < 9 ? "no key store" : at == 9 ? "" : "damaged");
        file[at] ^= 0x10;
    }
    write_file(path, file, size);
    expect_open(ST_OK, NULL);
    (void)state;
}

static void a_cut_file_and_a_long_one_say_so(void **state)
{
    uint8_t file[512] = {0};

    add(MASTER_SPEND, 0, 0x20, ST_OK);
    const size_t size = read_file(path, file, sizeof file);
    for (size_t cut = 0; cut < size; cut += 1) {
        write_file(path, file, cut);
        expect_open(ST_FOREIGN, cut < 16 ? "no key store" : "cut short");
    }
    write_file(path, file, size + 1);
    expect_open(ST_FOREIGN, "too long");
    (void)state;
}

/* Somebody who knows the layout makes the hash right again; only the seal is left then. */
static void a_forged_file_is_denied(void **state)
{
    uint8_t file[512];

    add(MASTER_SPEND, 0, 0x20, ST_OK);
    const size_t size = read_file(path, file, sizeof file);
    for (size_t at = 10; at < size - HASH; at += 1) {
        file[at] ^= 0x01;
        mbedtls_sha256_ret(file, size - HASH, file + size - HASH, 0);
        write_file(path, file, size);
        expect_open(ST_DENIED, at >= 28 && at < 36 ? "another device" : "changed by somebody");
        file[at] ^= 0x01;
    }
    (void)state;
}

static void another_devices_store_is_denied(void **state)
{
    uint8_t secret[64], store[512];

    add(MASTER_SPEND, 0, 0x20, ST_OK);
    const size_t size = read_file(path, store, sizeof store);
    const size_t secret_size = read_file(device, secret, sizeof secret);
    unlink(path);
    unlink(device);
    add(MASTER_SPEND, 0, 0x20, ST_OK);
    write_file(path, store, size);
    expect_open(ST_DENIED, "another device");
    unlink(device);
    expect_open(ST_IO, "cannot be opened");
    assert_int_equal(access(device, F_OK), -1);
    write_file(device, secret, secret_size);
    expect_open(ST_OK, NULL);
    for (size_t at = 0; at < secret_size; at += 1) {
        secret[at] ^= 0x20;
        write_file(device, secret, secret_size);
        expect_open(ST_FOREIGN, "device secret");
        secret[at] ^= 0x20;
    }
    write_file(device, secret, secret_size - 1);
    expect_open(ST_FOREIGN, "device secret");
    (void)state;
}

static void files_that_others_may_open_are_denied(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0610, 0601};

    add(MASTER_SPEND, 0, 0x20, ST_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i += 1) {
        assert_int_equal(chmod(path, modes[i]), 0);
        expect_open(ST_DENIED, "chmod 600");
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(chmod(device, modes[i]), 0);
        expect_open(ST_DENIED, ".device");
        assert_int_equal(chmod(device, 0600), 0);
    }
    expect_open(ST_OK, NULL);
    (void)state;
}

static void the_device_secret_may_be_elsewhere(void **state)
{
    char where[256];
    struct keystore *keystore = NULL;
    struct fault fault;
    const struct keystore_entry made = entry(MASTER_SPEND, 0, 0x20);

    snprintf(where, sizeof where, "%s?device=%s/other", path, folder);
    assert_int_equal(keystore_add(where, &made, 1, &fault), ST_OK);
    assert_int_equal(keystore_open(where, &keystore, &fault), ST_OK);
    keystore_close(keystore);
    expect_open(ST_IO, ".device");
    snprintf(where, sizeof where, "%s/other", folder);
    assert_int_equal(unlink(where), 0);
    (void)state;
}

/* What the firmware wrote before there were device secrets. */
static void write_format_1(void)
{
    uint8_t file[16 + 2 * 48 + HASH] = {'V', 'A', 'F', 'A', 'K', 'E', 'Y', 'S', 1, 2, 0};

    file[16 + 48] = 3;
    for (uint8_t i = 0; i < 32; i += 1) {
        file[16 + 16 + i] = (uint8_t)(0x10 + i);
        file[16 + 48 + 16 + i] = (uint8_t)(0x80 + i);
    }
    mbedtls_sha256_ret(file, sizeof file - HASH, file + sizeof file - HASH, 0);
    write_file(path, file, sizeof file);
}

static void expect_format_1_keys(struct keystore *keystore)
{
    assert_true(has_check(keystore, MASTER_SECTORS, 0, 0x10));
    assert_true(has_check(keystore, MASTER_SEALS, 0, 0x20));
    assert_true(has_check(keystore, MASTER_SECTORS, 3, 0x80));
    assert_true(has_check(keystore, MASTER_SEALS, 3, 0x90));
    assert_false(keystore_has_role(keystore, ROLE_SPEND, 0));
    assert_int_equal(keystore_version(keystore), 0);
}

static void format_1_opens_and_migrates(void **state)
{
    const uint8_t clear[] = {0x10, 0x11, 0x12, 0x13};
    uint8_t file[512];
    struct fault fault;

    write_format_1();
    struct keystore *keystore = open_store(ST_OK, NULL);
    expect_format_1_keys(keystore);
    assert_non_null(strstr(keystore_describe(keystore), "NOT sealed"));
    keystore_close(keystore);
    assert_int_equal(access(device, F_OK), -1);

    assert_int_equal(keystore_migrate(path, &fault), ST_OK);
    keystore = open_store(ST_OK, NULL);
    expect_format_1_keys(keystore);
    assert_null(strstr(keystore_describe(keystore), "NOT sealed"));
    keystore_close(keystore);
    const size_t size = read_file(path, file, sizeof file);
    for (size_t at = 0; at + sizeof clear <= size; at += 1) {
        assert_memory_not_equal(file + at, clear, sizeof clear);
    }
    assert_int_equal(keystore_migrate(path, &fault), ST_REFUSED);
    (void)state;
}

static void a_ceremony_on_format_1_seals_it(void **state)
{
    write_format_1();
    add(MASTER_SPEND, 4, 0x50, ST_OK);
    struct keystore *keystore = open_store(ST_OK, NULL);
    assert_true(has_check(keystore, MASTER_SEALS, 3, 0x90));
    assert_true(has_check(keystore, MASTER_SPEND, 4, 0x50));
    assert_int_equal(keystore_version(keystore), 4);
    keystore_close(keystore);
    (void)state;
}

static void format_1_with_a_flipped_bit_is_damage(void **state)
{
    uint8_t file[512];

    write_format_1();
    const size_t size = read_file(path, file, sizeof file);
    for (size_t at = 0; at < size; at += 1) {
        file[at] ^= 0x10;
        write_file(path, file, size);
        expect_open(ST_FOREIGN, "");
        file[at] ^= 0x10;
    }
    (void)state;
}

static void links_and_folders_are_no_stores(void **state)
{
    char other[96];

    add(MASTER_SPEND, 0, 0x20, ST_OK);
    snprintf(other, sizeof other, "%s/other", folder);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    expect_open(ST_IO, "cannot be opened");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(other, path), 0);
    expect_open(ST_OK, NULL);
    (void)state;
}

/* Counts mappings of this process that have both flags. */
static unsigned mappings_with(const char *first, const char *second)
{
    char line[512];
    unsigned found = 0;
    FILE *maps = fopen("/proc/self/smaps", "r");

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, first) && strstr(line, second)) {
            found += 1;
        }
    }
    fclose(maps);
    return found;
}

/* The address sanitizer makes mlock() do nothing: then only the rest can be seen. */
static bool can_lock(void)
{
    static uint8_t page[2 * 4096];
    const unsigned before = mappings_with(" lo", " lo");
    assert_int_equal(mlock(page, sizeof page), 0);
    const bool is_locked = mappings_with(" lo", " lo") > before;
    munlock(page, sizeof page);
    return is_locked;
}

static void memory_is_locked_and_not_dumped(void **state)
{
    add(MASTER_SPEND, 0, 0x20, ST_OK);
    const char *locked = can_lock() ? " lo" : " dd";
    const unsigned before = mappings_with(locked, " dd");
    struct keystore *keystore = open_store(ST_OK, NULL);
    assert_true(mappings_with(locked, " dd") > before);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
    keystore_close(keystore);
    assert_int_equal(mappings_with(locked, " dd"), before);
    (void)state;
}

/* Linked in place of munmap(): what goes back to the system is all zeros by then. */
int __real_munmap(void *memory, size_t size);
int __wrap_munmap(void *memory, size_t size);
static unsigned given_back;
static bool was_wiped;

int __wrap_munmap(void *memory, size_t size)
{
    const uint8_t *bytes = memory;
    for (size_t i = 0; i < size; i += 1) {
        was_wiped = was_wiped && bytes[i] == 0;
    }
    given_back += 1;
    return __real_munmap(memory, size);
}

static void closing_wipes_all_of_it(void **state)
{
    add(MASTER_SPEND, 0, 0x20, ST_OK);
    struct keystore *keystore = open_store(ST_OK, NULL);
    given_back = 0;
    was_wiped = true;
    keystore_close(keystore);
    assert_int_equal(given_back, 2); /* the port's part, the file's part */
    assert_true(was_wiped);
    /* A store that does not open leaves nothing behind either. */
    assert_int_equal(chmod(device, 0640), 0);
    expect_open(ST_DENIED, "chmod 600");
    assert_int_equal(given_back, 4);
    assert_true(was_wiped);
    (void)state;
}

#define WITH_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

static void a_master_is_compared_whole(void **state)
{
    add(MASTER_LOAD, 2, 7, ST_OK);
    struct keystore_entry same = entry(MASTER_LOAD, 2, 7);
    struct keystore *keystore = open_store(ST_OK, "");
    assert_int_equal(keystore_compare(keystore, MASTER_LOAD, 2, same.key), ST_OK);
    for (size_t i = 0; i < sizeof same.key; i += 1) {
        same.key[i] ^= 0x80;
        assert_int_equal(keystore_compare(keystore, MASTER_LOAD, 2, same.key), ST_DENIED);
        same.key[i] ^= 0x80;
    }
    assert_int_equal(keystore_compare(keystore, MASTER_LOAD, 1, same.key), ST_UNSUPPORTED);
    assert_int_equal(keystore_compare(keystore, MASTER_ISSUE, 2, same.key), ST_UNSUPPORTED);
    keystore_close(keystore);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(what_was_added_is_there_and_nothing_else),
        cmocka_unit_test(a_check_value_is_cmac_over_zeros),
        WITH_FOLDER(a_master_is_compared_whole),
        WITH_FOLDER(a_medium_has_the_tag_that_openssl_computes),
        WITH_FOLDER(a_refused_addition_changes_nothing),
        WITH_FOLDER(an_older_version_may_follow_for_older_cards),
        WITH_FOLDER(no_master_is_in_the_file_in_clear),
        WITH_FOLDER(flipped_bytes_are_damage),
        WITH_FOLDER(a_cut_file_and_a_long_one_say_so),
        WITH_FOLDER(a_forged_file_is_denied),
        WITH_FOLDER(another_devices_store_is_denied),
        WITH_FOLDER(files_that_others_may_open_are_denied),
        WITH_FOLDER(the_device_secret_may_be_elsewhere),
        WITH_FOLDER(format_1_opens_and_migrates),
        WITH_FOLDER(a_ceremony_on_format_1_seals_it),
        WITH_FOLDER(format_1_with_a_flipped_bit_is_damage),
        WITH_FOLDER(links_and_folders_are_no_stores),
        WITH_FOLDER(memory_is_locked_and_not_dumped),
        WITH_FOLDER(closing_wipes_all_of_it),
    };
    return cmocka_run_group_tests_name("keystore_file", tests, NULL, NULL);
}
