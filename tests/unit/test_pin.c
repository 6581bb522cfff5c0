/* Tests of hal/pin.h. The tag is Python's hashlib.pbkdf2_hmac and `openssl mac ... CMAC`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/keystore_admin.h"
#include "hal/pin.h"

static const char outside[] =
    "1.3.10000.000102030405060708090a0b0c0d0e0f.109275ec14b05efbe1c67bdd64bdd03c";

static char folder[64], path[80], device[96];
static struct keystore *keys;

/* A store with the media master of version 3: 30 31 32 ... 3f. */
static int open_store(void **state)
{
    struct keystore_entry entry = {.master = MASTER_MEDIA, .version = 3};
    struct fault fault;
    (void)state;
    strcpy(folder, "/tmp/vafa-test-pin-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/keys", folder);
    (void)snprintf(device, sizeof device, "%s.device", path);
    for (uint8_t i = 0; i < sizeof entry.key; i += 1) {
        entry.key[i] = (uint8_t)(0x30 + i);
    }
    return keystore_add(path, &entry, 1, &fault) == ST_OK &&
                   keystore_open(path, &keys, &fault) == ST_OK
               ? 0
               : -1;
}

static int close_store(void **state)
{
    (void)state;
    keystore_close(keys);
    unlink(path);
    unlink(device);
    return rmdir(folder);
}

static void a_verifier_made_elsewhere_knows_its_pin_and_no_other(void **state)
{
    (void)state;
    assert_int_equal(pin_check(keys, outside, "739105"), ST_OK);
    assert_int_equal(pin_check(keys, outside, "739106"), ST_DENIED);
    assert_int_equal(pin_check(keys, outside, "73910"), ST_DENIED);
    assert_int_equal(pin_check(keys, outside, ""), ST_DENIED);
    assert_int_equal(pin_check(keys, outside, "739105 "), ST_DENIED);
}

static void what_is_made_is_salted_and_costs_what_it_says(void **state)
{
    (void)state;
    char first[PIN_VERIFIER_MAX], second[PIN_VERIFIER_MAX];
    struct fault fault;
    assert_int_equal(pin_make(keys, "8264", first, &fault), ST_OK);
    assert_int_equal(pin_make(keys, "8264", second, &fault), ST_OK);
    assert_string_not_equal(first, second);
    assert_int_equal(strncmp(first, "1.3.50000.", 10), 0);
    assert_true(pin_verifier_has_form(first));
    assert_int_equal(pin_check(keys, first, "8264"), ST_OK);
    assert_int_equal(pin_check(keys, second, "8265"), ST_DENIED);
    assert_null(strstr(first, "8264."));
}

static void a_pin_that_is_none_or_is_tried_first_is_refused(void **state)
{
    static const struct {
        const char *pin;
        enum st st;
    } bad[] = {{"", ST_FOREIGN},      {"123", ST_FOREIGN},           {"12a4", ST_FOREIGN},
               {"-1234", ST_FOREIGN}, {"1234567890123", ST_FOREIGN}, {"1111", ST_REFUSED},
               {"3456", ST_REFUSED},  {"98765", ST_REFUSED}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i += 1) {
        char verifier[PIN_VERIFIER_MAX] = "untouched";
        struct fault fault = {""};
        assert_int_equal(pin_make(keys, bad[i].pin, verifier, &fault), bad[i].st);
        assert_true(fault.say[0] != '\0');
        assert_string_equal(verifier, "untouched");
    }
    char verifier[PIN_VERIFIER_MAX];
    assert_int_equal(pin_make(keys, "1357", verifier, NULL), ST_OK);
}

static void a_verifier_that_is_none_of_ours_is_foreign(void **state)
{
    static const char *const bad[] = {
        "",
        "739105",
        "2.3.10000.000102030405060708090a0b0c0d0e0f.109275ec14b05efbe1c67bdd64bdd03c",
        "1.16.10000.000102030405060708090a0b0c0d0e0f.109275ec14b05efbe1c67bdd64bdd03c",
        "1.3.9999.000102030405060708090a0b0c0d0e0f.109275ec14b05efbe1c67bdd64bdd03c",
        "1.3.9999999.000102030405060708090a0b0c0d0e0f.109275ec14b05efbe1c67bdd64bdd03c",
        "1.3.10000.000102030405060708090a0b0c0d0e0f.109275ec14b05efbe1c67bdd64bdd03",
        "1.3.10000.000102030405060708090a0b0c0d0e0f.109275ec14b05efbe1c67bdd64bdd03c0",
        "1.3.10000.000102030405060708090a0b0c0d0e0F.109275ec14b05efbe1c67bdd64bdd03c",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i += 1) {
        assert_int_equal(pin_check(keys, bad[i], "739105"), ST_FOREIGN);
    }
    /* Right, but under a master that this store does not have. */
    assert_int_equal(
        pin_check(keys,
                  "1.4.10000.000102030405060708090a0b0c0d0e0f.109275ec14b05efbe1c67bdd64bdd03c",
                  "739105"),
        ST_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verifier_made_elsewhere_knows_its_pin_and_no_other),
        cmocka_unit_test(what_is_made_is_salted_and_costs_what_it_says),
        cmocka_unit_test(a_pin_that_is_none_or_is_tried_first_is_refused),
        cmocka_unit_test(a_verifier_that_is_none_of_ours_is_foreign),
    };
    return cmocka_run_group_tests_name("pin", tests, open_store, close_store);
}
