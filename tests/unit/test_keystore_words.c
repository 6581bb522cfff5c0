/* test_keystore_words - what a ceremony is to do, in people's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/keystore_words.h"

static bool takes_roles(const char *text, const bool wants[KEY_MASTERS])
{
    struct ceremony ceremony = {.version = 0};
    return words_take_roles(text, &ceremony) &&
           memcmp(ceremony.wants, wants, sizeof ceremony.wants) == 0;
}

/* The table of docs/keys.md. */
static void a_role_is_its_masters(void **state)
{
    (void)state;
    assert_true(takes_roles("classic",
                            (bool[KEY_MASTERS]){[MASTER_SECTORS] = true, [MASTER_SEALS] = true}));
    assert_true(takes_roles("spend", (bool[KEY_MASTERS]){[MASTER_SPEND] = true}));
    assert_true(takes_roles("load", (bool[KEY_MASTERS]){[MASTER_LOAD] = true}));
    assert_true(takes_roles("issue", (bool[KEY_MASTERS]){[MASTER_ISSUE] = true}));
    assert_true(takes_roles("media", (bool[KEY_MASTERS]){[MASTER_MEDIA] = true}));
    assert_true(takes_roles(" spend,  load\t",
                            (bool[KEY_MASTERS]){[MASTER_SPEND] = true, [MASTER_LOAD] = true}));
}

static void roles_come_to_those_that_are_there(void **state)
{
    (void)state;
    struct ceremony ceremony = {.wants = {[MASTER_ISSUE] = true}};
    assert_true(words_take_roles("media", &ceremony));
    assert_true(ceremony.wants[MASTER_ISSUE] && ceremony.wants[MASTER_MEDIA]);
}

static void what_is_no_role_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",     " ,",         "sell",  "spends",
                                        "spen", "spend sell", "SPEND", "spend;load"};
    for (size_t n = 0; n < sizeof wrong / sizeof wrong[0]; n++) {
        struct ceremony ceremony = {.version = 0};
        assert_false(words_take_roles(wrong[n], &ceremony));
        for (size_t i = 0; i < KEY_MASTERS; i++) {
            assert_false(ceremony.wants[i]);
        }
    }
}

static void numbers_have_their_ranges(void **state)
{
    (void)state;
    struct ceremony ceremony = {.version = 7, .custodians = 3, .patience_s = 9};
    static const char *const no_version[] = {"", "16", "-1", "x", "1x", "1 2"};
    for (size_t n = 0; n < sizeof no_version / sizeof no_version[0]; n++) {
        assert_false(words_take_version(no_version[n], &ceremony));
    }
    assert_false(words_take_custodians("1", &ceremony) || words_take_custodians("4", &ceremony));
    assert_false(words_take_seconds("0", &ceremony) || words_take_seconds("3601", &ceremony));
    assert_true(ceremony.version == 7 && ceremony.custodians == 3 && ceremony.patience_s == 9);
    assert_true(words_take_version("15", &ceremony) && words_take_custodians("2", &ceremony) &&
                words_take_seconds("300", &ceremony));
    assert_true(ceremony.version == 15 && ceremony.custodians == 2 && ceremony.patience_s == 300);
}

static void a_store_tells_its_roles_by_version(void **state)
{
    (void)state;
    char path[] = "/tmp/vafa-test-words-XXXXXX", roles[WORDS_ROLES_MAX], device[64];
    const struct keystore_entry entries[] = {
        {MASTER_SECTORS, 0, {1, 2}}, {MASTER_SEALS, 0, {3, 4}}, {MASTER_SPEND, 0, {5, 6}},
        {MASTER_ISSUE, 3, {7, 8}},   {MASTER_LOAD, 3, {9, 1}},  {MASTER_MEDIA, 3, {2, 3}}};
    struct keystore *keystore = NULL;
    struct fault fault = {""};
    assert_true(mkstemp(path) >= 0 && unlink(path) == 0);
    assert_int_equal(keystore_add(path, entries, sizeof entries / sizeof entries[0], &fault),
                     ST_OK);
    assert_int_equal(keystore_open(path, &keystore, &fault), ST_OK);
    words_roles_of(keystore, 0, roles);
    assert_string_equal(roles, "classic spend");
    words_roles_of(keystore, 3, roles);
    assert_string_equal(roles, "load issue media");
    words_roles_of(keystore, 1, roles);
    assert_string_equal(roles, "");
    keystore_close(keystore);
    (void)snprintf(device, sizeof device, "%s.device", path);
    assert_true(unlink(path) == 0 && unlink(device) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_is_its_masters),
        cmocka_unit_test(roles_come_to_those_that_are_there),
        cmocka_unit_test(what_is_no_role_changes_nothing),
        cmocka_unit_test(numbers_have_their_ranges),
        cmocka_unit_test(a_store_tells_its_roles_by_version),
    };
    return cmocka_run_group_tests_name("keystore_words", tests, NULL, NULL);
}
