/* test_signed - the published example of RFC 7515, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/base/bytes.h"
#include "hal/signed.h"

/* RFC 7515 A.3: key (A.3.1, as PEM by openssl), and the JWS with its document. */
static const char rfc_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                              "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                              "-----END PUBLIC KEY-----\n";
static const char rfc_jws[] = "eyJhbGciOiJFUzI1NiJ9."
                              "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                              "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
                              "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS"
                              "lSApmWQxfKTUJqPP3-Kg6NU1Q";
static const char rfc_document[] = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
                                   "\"http://example.com/is_root\":true}";

static struct signed_key *key_of(const char *pem)
{
    struct signed_key *key = NULL;
    struct fault fault;
    assert_int_equal(signed_key_read(pem, &key, &fault), ST_OK);
    return key;
}

static enum st open_with(const struct signed_key *key, const char *typ, const char *text)
{
    char *document = NULL;
    size_t size = 0;
    struct fault fault = {{0}};
    enum st st = signed_open(key, typ, text, strlen(text), &document, &size, &fault);
    assert_int_equal(st == ST_OK, document != NULL);
    assert_int_equal(st == ST_OK, fault.say[0] == '\0');
    free(document);
    return st;
}

static void rfc7515_a3_opens(void **state)
{
    (void)state;
    struct signed_key *key = key_of(rfc_pem);
    char *document = NULL;
    size_t size = 0;
    assert_int_equal(signed_open(key, NULL, rfc_jws, strlen(rfc_jws), &document, &size, NULL),
                     ST_OK);
    assert_int_equal(size, strlen(rfc_document));
    assert_string_equal(document, rfc_document);
    free(document);
    signed_key_free(key);
}

static void a_purpose_that_was_not_signed_is_refused(void **state)
{
    (void)state;
    struct signed_key *key = key_of(rfc_pem);
    assert_int_equal(open_with(key, "vafa-programme", rfc_jws), ST_FOREIGN);
    signed_key_free(key);
}

static void every_changed_character_is_refused(void **state)
{
    (void)state;
    struct signed_key *key = key_of(rfc_pem);
    static const char others[] = "A1-_.=+/ \n";
    for (size_t i = 0; i < strlen(rfc_jws); i += 1) {
        for (size_t k = 0; k < strlen(others); k += 1) {
            char text[sizeof rfc_jws];
            memcpy(text, rfc_jws, sizeof text);
            /* White space around the whole is allowed, so the last character may not become one. */
            if (text[i] == others[k] || (i + 1 == strlen(rfc_jws) && k >= 8)) {
                continue;
            }
            text[i] = others[k];
            enum st st = open_with(key, NULL, text);
            assert_true(st == ST_FOREIGN || st == ST_DENIED);
        }
    }
    for (size_t size = 0; size < strlen(rfc_jws); size += 1) {
        char text[sizeof rfc_jws];
        memcpy(text, rfc_jws, size);
        text[size] = '\0';
        enum st st = open_with(key, NULL, text);
        assert_true(st == ST_FOREIGN || st == ST_DENIED);
    }
    signed_key_free(key);
}

static void what_one_key_signs_another_does_not_open(void **state)
{
    (void)state;
    char private_pem[2][SIGNED_PEM_MAX];
    char public_pem[2][SIGNED_PEM_MAX];
    struct signed_key *key[2];
    for (size_t i = 0; i < 2; i += 1) {
        assert_int_equal(signed_pair_make(private_pem[i], public_pem[i]), ST_OK);
        char again[SIGNED_PEM_MAX];
        assert_int_equal(signed_public_of(private_pem[i], again, NULL), ST_OK);
        assert_string_equal(again, public_pem[i]);
        key[i] = key_of(public_pem[i]);
        assert_int_equal(strlen(signed_key_id(key[i])), 43);
    }
    char *text = NULL;
    assert_int_equal(signed_make(private_pem[0], "vafa-programme", "{}", 2, &text, NULL), ST_OK);
    assert_true(signed_is_jws(text, strlen(text)));
    assert_false(signed_is_jws("{}", 2));
    assert_int_equal(open_with(key[0], "vafa-programme", text), ST_OK);
    assert_int_equal(open_with(key[0], "vafa-action", text), ST_FOREIGN);
    assert_int_equal(open_with(key[1], "vafa-programme", text), ST_DENIED);
    free(text);
    signed_key_free(key[0]);
    signed_key_free(key[1]);
}

/* RFC 6979 A.2.5, P-256 with SHA-256: the pair (as PEM by openssl), "sample" and "test". */
static const char sample_private_pem[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
    "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
    "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END EC PRIVATE KEY-----\n";
static const char sample_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\n"
    "Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END PUBLIC KEY-----\n";
static const struct {
    const char *message, *seal;
} sample_seals[] = {
    {"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
               "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
             "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
};
/* An action of the club's (docs/journal.md), sealed with the same key by openssl dgst -sha256
 * -sign. */
static const char action_image[] =
    "01020100010000000ad0e065474a160020a107000000000080d8db70000000004d00000000000000"
    "d986d988d8b1d988d8b20000000000000000000000000000";
static const char action_seal[] =
    "8d6569f1fec949989687d46a4c05c759cb2e6824d9175f7682791e167ffd4d9c"
    "ed0befca636471d43cae543a9fc1ae659330cb038eb66082ea5c6903eefcb9f5";

static void seals_are_those_of_rfc6979(void **state)
{
    (void)state;
    struct signed_key *key = key_of(sample_pem);
    for (size_t i = 0; i < sizeof sample_seals / sizeof sample_seals[0]; i += 1) {
        const uint8_t *message = (const uint8_t *)sample_seals[i].message;
        size_t size = strlen(sample_seals[i].message);
        uint8_t seal[SIGNED_SEAL_BYTES], expected[SIGNED_SEAL_BYTES];
        assert_int_equal(hex_decode(sample_seals[i].seal, expected, sizeof expected), ST_OK);
        assert_int_equal(signed_seal(sample_private_pem, message, size, seal, NULL), ST_OK);
        assert_memory_equal(seal, expected, sizeof seal);
        assert_true(signed_seal_fits(key, message, size, expected));
    }
    signed_key_free(key);
}

static void a_seal_by_openssl_fits_and_every_changed_bit_is_noticed(void **state)
{
    (void)state;
    struct signed_key *key = key_of(sample_pem), *other = key_of(rfc_pem);
    uint8_t message[13 + 64], seal[SIGNED_SEAL_BYTES];
    memcpy(message, "vafa-action-1", 13);
    assert_int_equal(hex_decode(action_image, message + 13, 64), ST_OK);
    assert_int_equal(hex_decode(action_seal, seal, sizeof seal), ST_OK);
    assert_true(signed_seal_fits(key, message, sizeof message, seal));
    assert_false(signed_seal_fits(other, message, sizeof message, seal));
    assert_false(signed_seal_fits(key, message + 13, 64, seal));
    for (size_t bit = 0; bit < 8 * sizeof message; bit += 5) {
        message[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(signed_seal_fits(key, message, sizeof message, seal));
        message[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof seal; bit += 5) {
        seal[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(signed_seal_fits(key, message, sizeof message, seal));
        seal[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    /* r and s of 0, and beyond the group's order. */
    static const uint8_t odd[] = {0x00, 0xff};
    for (size_t i = 0; i < sizeof odd; i += 1) {
        memset(seal, odd[i], sizeof seal);
        assert_false(signed_seal_fits(key, message, sizeof message, seal));
    }
    signed_key_free(key);
    signed_key_free(other);
}

static void what_is_not_a_key_is_refused(void **state)
{
    (void)state;
    struct signed_key *key = NULL;
    struct fault fault = {{0}};
    assert_int_equal(signed_key_read("", &key, &fault), ST_FOREIGN);
    assert_true(strlen(fault.say) > 0);
    assert_int_equal(signed_key_read("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                                     &key, &fault),
                     ST_FOREIGN);
    uint8_t seal[SIGNED_SEAL_BYTES];
    assert_int_equal(signed_seal(sample_pem, (const uint8_t *)"x", 1, seal, &fault), ST_FOREIGN);
    char *text = NULL;
    assert_int_equal(signed_make(rfc_pem, "x", "{}", 2, &text, &fault), ST_FOREIGN);
    assert_null(text);
    assert_null(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc7515_a3_opens),
        cmocka_unit_test(a_purpose_that_was_not_signed_is_refused),
        cmocka_unit_test(every_changed_character_is_refused),
        cmocka_unit_test(what_one_key_signs_another_does_not_open),
        cmocka_unit_test(seals_are_those_of_rfc6979),
        cmocka_unit_test(a_seal_by_openssl_fits_and_every_changed_bit_is_noticed),
        cmocka_unit_test(what_is_not_a_key_is_refused),
    };
    return cmocka_run_group_tests_name("signed", tests, NULL, NULL);
}
