/* test_identity.c - a terminal's next certificate: killed before, and failed at, every call that
 * changes its folder, key and certificate fit. The certificates are the club's own (server/ca.h),
 * and mbedTLS says whether they fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/ca.h"
#include "sync/identity.h"
#include "sync/mbed.h"
#include "sync/random.h"
#include "tests/support/test_folder.h"

enum { TERMINAL = 17, KILLED = 9, CALLS_MAX = 200 };

/* --- calls that change the folder --------------------------------------------------------------
 */

enum calls_mode { CALLS_GO, CALLS_KILL, CALLS_FAIL };
static enum calls_mode mode;
static int calls, cut_at;    /* the call that is cut, from 1 */
static int unsynced_renames; /* since the folder was synced */
static bool is_written;      /* and the file not synced since */

/* True: the call fails. A kill does not come back. */
static bool is_cut(void)
{
    calls += 1;
    if (mode == CALLS_KILL && calls == cut_at) {
        _exit(KILLED);
    }
    errno = EIO;
    return mode == CALLS_FAIL && calls == cut_at;
}

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (mode == CALLS_GO) {
        return __real_write(fd, bytes, size);
    }
    is_written = true;
    if (calls + 1 == cut_at) { /* half of it is there */
        (void)!__real_write(fd, bytes, size / 2);
    }
    return is_cut() ? -1 : __real_write(fd, bytes, size);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat what;
    const bool is_folder = fstat(fd, &what) == 0 && S_ISDIR(what.st_mode);
    if (is_cut()) {
        return -1;
    }
    unsynced_renames = is_folder ? 0 : unsynced_renames;
    is_written = is_folder && is_written;
    return 0; /* no power goes here: the order is what is tested */
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    /* What power that goes could undo: content that is not there yet, and names out of order. */
    assert_false(is_written);
    assert_int_equal(unsynced_renames, 0);
    if (is_cut()) {
        return -1;
    }
    unsynced_renames += 1;
    return __real_rename(from, to);
}

int __real_symlink(const char *to, const char *name);
int __wrap_symlink(const char *to, const char *name);
int __wrap_symlink(const char *to, const char *name)
{
    return is_cut() ? -1 : __real_symlink(to, name);
}

int __real_unlink(const char *name);
int __wrap_unlink(const char *name);
int __wrap_unlink(const char *name)
{
    return is_cut() ? -1 : __real_unlink(name);
}

static void begin(enum calls_mode how, int at)
{
    mode = how;
    cut_at = at;
    calls = unsynced_renames = 0;
    is_written = false;
}

/* --- a club and a terminal ---------------------------------------------------------------------
 */

static char club[256], other_club[256], ca_pem[IDENTITY_PEM_MAX + 1];
static struct identity identity;
static struct fault fault;

static void run(const char *format, const char *a, const char *b)
{
    char command[600];
    (void)snprintf(command, sizeof command, format, a, b);
    assert_int_equal(system(command), 0);
}

static void make_club(const char *name, char ret[256])
{
    static const char *const hosts[] = {"localhost"};
    (void)snprintf(ret, 256, "%s", test_folder_path(name));
    assert_int_equal(mkdir(ret, 0700), 0);
    assert_int_equal(ca_make(ret, hosts, 1, &fault), ST_OK);
}

static void load_ca(const char *dir, char ret[IDENTITY_PEM_MAX + 1])
{
    char *text = NULL;
    size_t size = 0;
    assert_int_equal(file_load(dir, "ca.pem", &text, &size, &fault), ST_OK);
    (void)snprintf(ret, IDENTITY_PEM_MAX + 1, "%s", text);
    free(text);
}

static void sign(const char *dir, const char *csr, uint32_t terminal, struct ca_signed *ret)
{
    assert_int_equal(ca_sign(dir, csr, terminal, (int64_t)time(NULL), ret, &fault), ST_OK);
}

static int setup(void **state)
{
    char csr[IDENTITY_PEM_MAX + 1];
    struct ca_signed cert;
    (void)state;
    begin(CALLS_GO, 0);
    make_club("club", club);
    make_club("other", other_club);
    load_ca(club, ca_pem);
    assert_int_equal(identity_init(test_folder_path("identity"), &identity, &fault), ST_OK);
    assert_int_equal(identity_request(&identity, csr, &fault), ST_OK);
    sign(club, csr, TERMINAL, &cert);
    assert_int_equal(identity_store(&identity, TERMINAL, cert.pem, ca_pem, &fault), ST_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    begin(CALLS_GO, 0);
    run("rm -rf '%s' '%s'", club, other_club);
    run("rm -rf '%s' '%s'", identity.folder, test_folder_path("kept"));
    return 0;
}

static void keep(void)
{
    run("rm -rf '%s'%s", test_folder_path("kept"), "");
    run("cp -a '%s' '%s'", identity.folder, test_folder_path("kept"));
}

static void go_back(void)
{
    run("rm -rf '%s'%s", identity.folder, "");
    run("cp -a '%s' '%s'", test_folder_path("kept"), identity.folder);
}

/* Key and certificate of two files, or of one, belong together. */
static void expect_pair(const char *key_file, const char *certificate_file)
{
    mbedtls_ctr_drbg_context random;
    mbedtls_pk_context key;
    mbedtls_x509_crt certificate;
    mbedtls_pk_init(&key);
    mbedtls_x509_crt_init(&certificate);
    assert_int_equal(random_seed(&random, &fault), ST_OK);
    assert_int_equal(mbedtls_pk_parse_keyfile(&key, key_file,
                                              NULL MBED_KEY_RNG(mbedtls_ctr_drbg_random, &random)),
                     0);
    assert_int_equal(mbedtls_x509_crt_parse_file(&certificate, certificate_file), 0);
    assert_int_equal(
        mbedtls_pk_check_pair(&certificate.pk, &key MBED_KEY_RNG(mbedtls_ctr_drbg_random, &random)),
        0);
    mbedtls_x509_crt_free(&certificate);
    mbedtls_pk_free(&key);
    mbedtls_ctr_drbg_free(&random);
}

static void expect_fit(void)
{
    expect_pair(identity.key, identity.certificate);
    if (access(identity.before, F_OK) == 0) {
        expect_pair(identity.before, identity.before);
    }
    if (access(identity.aside, F_OK) == 0) {
        expect_pair(identity.aside, identity.aside);
    }
}

static uint32_t chance_now(const char *file)
{
    struct identity_life life;
    assert_int_equal(identity_life(file, &life, &fault), ST_OK);
    return life.chance;
}

/* Asks and takes, as sync/renew.c does. */
static enum st renew(enum identity_pair in_use)
{
    char csr[IDENTITY_PEM_MAX + 1];
    struct ca_signed cert;
    enum st st = identity_next(&identity, csr, &fault);
    if (st != ST_OK) {
        return st;
    }
    const enum calls_mode how = mode;
    mode = CALLS_GO; /* the club's disk is not cut */
    const int before = calls;
    sign(club, csr, TERMINAL, &cert);
    calls = before;
    mode = how;
    return identity_take_next(&identity, in_use, TERMINAL, cert.pem, ca_pem, &fault);
}

static int kill_at(int at, enum identity_pair in_use)
{
    int status = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        begin(CALLS_KILL, at);
        _exit(renew(in_use) == ST_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int fail_at(int at, enum identity_pair in_use)
{
    begin(CALLS_FAIL, at);
    const enum st st = renew(in_use);
    const bool is_over = calls < at;
    begin(CALLS_GO, 0);
    assert_true(is_over ? st == ST_OK : st == ST_IO || st == ST_OK);
    return is_over ? 0 : KILLED;
}

/* From what is in the folder now. Returns how many calls there were. */
static int cut_everywhere(int (*cut)(int at, enum identity_pair in_use), enum identity_pair in_use)
{
    keep();
    const uint32_t old = chance_now(identity.certificate);
    bool was_new = false;
    for (int at = 1; at < CALLS_MAX; at += 1) {
        go_back();
        const int how = cut(at, in_use);
        assert_true(how == KILLED || how == 0);
        expect_fit();
        const bool is_new = chance_now(identity.certificate) != old;
        assert_true(is_new || !was_new); /* one stroke: from some call on */
        was_new = is_new;
        if (how == 0) {
            assert_true(is_new);
            return at - 1;
        }
        assert_int_equal(renew(is_new ? IDENTITY_NOW : in_use), ST_OK);
        expect_fit();
        assert_int_not_equal(access(identity.next, F_OK), 0);
    }
    fail();
    return 0;
}

/* --- the tests ---------------------------------------------------------------------------------
 */

static void a_cut_at_any_call_leaves_a_pair(void **state)
{
    static int (*const cuts[])(int, enum identity_pair) = {kill_at, fail_at};
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i += 1) {
        const int first = cut_everywhere(cuts[i], IDENTITY_NOW); /* from two files to one */
        const int second = cut_everywhere(cuts[i], IDENTITY_NOW);
        const int third = cut_everywhere(cuts[i], IDENTITY_BEFORE);
        (void)cut_everywhere(cuts[i], IDENTITY_ASIDE);
        assert_true(first > second && second > third && third >= 10);
        print_message("%d, %d and %d calls, %s\n", first, second, third,
                      i == 0 ? "killed before each" : "failed at each");
        teardown(NULL);
        setup(NULL);
    }
}

/* A code that is typed once more after a cut, whatever the cut left: the key stays. */
static void who_enrols_again_after_a_cut_keeps_the_key(void **state)
{
    char csr[IDENTITY_PEM_MAX + 1];
    struct ca_signed cert;
    (void)state;
    keep();
    for (int at = 1, how = KILLED; how == KILLED; at += 1) {
        assert_in_range(at, 1, CALLS_MAX);
        go_back();
        how = kill_at(at, IDENTITY_NOW);
        assert_int_equal(identity_request(&identity, csr, &fault), ST_OK);
        sign(club, csr, TERMINAL, &cert);
        assert_int_equal(identity_store(&identity, TERMINAL, cert.pem, ca_pem, &fault), ST_OK);
        expect_fit();
    }
}

static void the_same_key_is_asked_for_until_it_is_taken(void **state)
{
    char csr[IDENTITY_PEM_MAX + 1], key[512] = "", again[512] = "", other[512] = "";
    (void)state;
    for (int i = 0; i < 3; i += 1) {
        char *to = i == 0 ? key : i == 1 ? again : other;
        assert_int_equal(identity_next(&identity, csr, &fault), ST_OK);
        FILE *file = fopen(identity.next, "r");
        assert_non_null(file);
        assert_true(fread(to, 1, 511, file) > 0);
        assert_int_equal(fclose(file), 0);
        if (i == 1) {
            assert_int_equal(identity_drop_next(&identity, &fault), ST_OK);
        }
    }
    assert_string_equal(key, again);
    assert_string_not_equal(key, other);
    expect_fit();
}

static void what_is_not_for_it_is_refused(void **state)
{
    char csr[IDENTITY_PEM_MAX + 1], old_csr[IDENTITY_PEM_MAX + 1], other_ca[IDENTITY_PEM_MAX + 1];
    struct ca_signed cert;
    (void)state;
    load_ca(other_club, other_ca);
    const uint32_t old = chance_now(identity.certificate);
    assert_int_equal(identity_request(&identity, old_csr, &fault), ST_OK);
    assert_int_equal(identity_next(&identity, csr, &fault), ST_OK);

    sign(club, old_csr, TERMINAL, &cert);
    assert_int_equal(
        identity_take_next(&identity, IDENTITY_NOW, TERMINAL, cert.pem, ca_pem, &fault),
        ST_DENIED); /* another key */
    sign(club, csr, TERMINAL + 1, &cert);
    assert_int_equal(
        identity_take_next(&identity, IDENTITY_NOW, TERMINAL, cert.pem, ca_pem, &fault),
        ST_DENIED); /* another terminal */
    sign(other_club, csr, TERMINAL, &cert);
    assert_int_equal(
        identity_take_next(&identity, IDENTITY_NOW, TERMINAL, cert.pem, ca_pem, &fault),
        ST_DENIED); /* another club */
    assert_int_equal(
        identity_take_next(&identity, IDENTITY_NOW, TERMINAL, cert.pem, other_ca, &fault),
        ST_DENIED); /* which brings its CA along */
    assert_int_equal(identity_take_next(&identity, IDENTITY_NOW, TERMINAL, "hello", ca_pem, &fault),
                     ST_DENIED);
    assert_int_equal(chance_now(identity.certificate), old);
    assert_int_not_equal(access(identity.before, F_OK), 0);
    expect_fit();
    sign(club, csr, TERMINAL, &cert);
    assert_int_equal(
        identity_take_next(&identity, IDENTITY_NOW, TERMINAL, cert.pem, ca_pem, &fault), ST_OK);
    expect_fit();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cut_at_any_call_leaves_a_pair, setup, teardown),
        cmocka_unit_test_setup_teardown(who_enrols_again_after_a_cut_keeps_the_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_same_key_is_asked_for_until_it_is_taken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_for_it_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests_name("identity", tests, test_folder_make, test_folder_remove);
}
