/* test_box - the published vector of RFC 9180, and what must not open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/base/bytes.h"
#include "hal/box.h"
#include "hal/signed.h"

/* RFC 9180 A.3.1, sequence number 0; its skRm and pkRm as PEM by openssl. */
static const char rfc_private[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIPPOf9rlfhoxDYfx673m8yi+CpnNvK301lic8p3kuP/SoAoGCCqGSM49\n"
    "AwEHoUQDQgAE/owZzgkFGR68KYqSRXklMfJvDOziRgY56Lw5y39waoJqd5tM+Wm4\n"
    "oOU5x/Yvs9MK1qqPgOMPHRKKr9aKLOcuoA==\n"
    "-----END EC PRIVATE KEY-----\n";
static const char rfc_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/owZzgkFGR68KYqSRXklMfJvDOzi\n"
    "RgY56Lw5y39waoJqd5tM+Wm4oOU5x/Yvs9MK1qqPgOMPHRKKr9aKLOcuoA==\n"
    "-----END PUBLIC KEY-----\n";
static const char rfc_info[] = "Ode on a Grecian Urn";
static const uint8_t rfc_aad[] = {'C', 'o', 'u', 'n', 't', '-', '0'};
static const char rfc_text[] = "Beauty is truth, truth beauty";
static const char rfc_box[] = "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac9"
                              "8536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4"
                              "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f"
                              "9076ac232e3ab2523f39513434";

enum { TEXT = sizeof rfc_text - 1, BOX = TEXT + BOX_EXTRA_BYTES };

static struct box_key *public_key(void)
{
    struct box_key *key = NULL;
    struct fault fault;
    assert_int_equal(box_key_read_public(rfc_public, &key, &fault), ST_OK);
    return key;
}

static struct box_key *private_key(const char *pem)
{
    struct box_key *key = NULL;
    struct fault fault;
    assert_int_equal(box_key_read_private(pem, &key, &fault), ST_OK);
    return key;
}

static void the_published_box_opens(void **state)
{
    uint8_t box[BOX], text[TEXT];
    struct box_key *key = private_key(rfc_private);
    (void)state;
    assert_int_equal(hex_decode(rfc_box, box, sizeof box), ST_OK);
    assert_int_equal(box_open(key, rfc_info, rfc_aad, sizeof rfc_aad, box, sizeof box, text),
                     ST_OK);
    assert_memory_equal(text, rfc_text, TEXT);
    box_key_free(key);
}

static void a_box_of_ours_opens_and_no_two_are_alike(void **state)
{
    uint8_t box[BOX], again[BOX], text[TEXT];
    struct box_key *to = public_key(), *key = private_key(rfc_private);
    (void)state;
    assert_int_equal(box_seal(to, "vafa", NULL, 0, (const uint8_t *)rfc_text, TEXT, box), ST_OK);
    assert_int_equal(box_seal(to, "vafa", NULL, 0, (const uint8_t *)rfc_text, TEXT, again), ST_OK);
    assert_memory_not_equal(box, again, BOX_POINT_BYTES);
    assert_memory_not_equal(box + BOX_POINT_BYTES, again + BOX_POINT_BYTES, TEXT);
    assert_int_equal(box_open(key, "vafa", NULL, 0, box, sizeof box, text), ST_OK);
    assert_memory_equal(text, rfc_text, TEXT);
    box_key_free(to);
    box_key_free(key);
}

static void no_byte_may_differ_and_purpose_and_key_must_fit(void **state)
{
    uint8_t box[BOX], text[TEXT];
    char private_pem[SIGNED_PEM_MAX], public_pem[SIGNED_PEM_MAX];
    struct box_key *key = private_key(rfc_private);
    (void)state;
    assert_int_equal(hex_decode(rfc_box, box, sizeof box), ST_OK);
    for (size_t i = 0; i < sizeof box; i++) {
        box[i] ^= 0x40;
        assert_int_equal(box_open(key, rfc_info, rfc_aad, sizeof rfc_aad, box, sizeof box, text),
                         ST_DENIED);
        box[i] ^= 0x40;
    }
    assert_int_equal(box_open(key, "Ode", rfc_aad, sizeof rfc_aad, box, sizeof box, text),
                     ST_DENIED);
    assert_int_equal(box_open(key, rfc_info, rfc_aad, 6, box, sizeof box, text), ST_DENIED);
    assert_int_equal(box_open(key, rfc_info, rfc_aad, 7, box, sizeof box - 1, text), ST_DENIED);
    assert_int_equal(box_open(key, rfc_info, rfc_aad, 7, box, BOX_EXTRA_BYTES - 1, text),
                     ST_DENIED);
    assert_int_equal(signed_pair_make(private_pem, public_pem), ST_OK);
    struct box_key *other = private_key(private_pem);
    assert_int_equal(box_open(other, rfc_info, rfc_aad, 7, box, sizeof box, text), ST_DENIED);
    box_key_free(other);
    box_key_free(key);
}

static void keys_are_told_apart_by_their_point(void **state)
{
    /* openssl pkey -pubin -outform DER | tail -c 65 | openssl sha256 */
    static const uint8_t id[BOX_KEY_ID_BYTES] = {0x87, 0x10, 0xce, 0xe5, 0x9c, 0xfe, 0x35, 0x5a};
    uint8_t of_public[BOX_KEY_ID_BYTES], of_private[BOX_KEY_ID_BYTES];
    struct box_key *to = public_key(), *key = private_key(rfc_private);
    (void)state;
    box_key_id(to, of_public);
    box_key_id(key, of_private);
    assert_memory_equal(of_public, id, sizeof id);
    assert_memory_equal(of_private, id, sizeof id);
    box_key_free(to);
    box_key_free(key);
}

static void what_is_no_such_key_is_refused(void **state)
{
    static const char p384[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEvssLhFIEV895GXT7fbbPkjS2iY8GK/7y\n"
                               "C7BRcyLwOtxQFxJU9d67/HEQj5w/VtwzAyd3kOxNpH0hvWMniu+uZSdOm9wHgHxx\n"
                               "wP7vzxsIKlUFNgXGbar5rH+oKyNyTyPz\n"
                               "-----END PUBLIC KEY-----\n";
    struct box_key *key = NULL;
    struct fault fault;
    (void)state;
    assert_int_equal(box_key_read_public(rfc_private, &key, &fault), ST_FOREIGN);
    assert_int_equal(box_key_read_private(rfc_public, &key, &fault), ST_FOREIGN);
    assert_int_equal(box_key_read_public("", &key, &fault), ST_FOREIGN);
    assert_int_equal(box_key_read_public(p384, &key, &fault), ST_FOREIGN);
    assert_null(key);
    assert_non_null(strstr(fault.say, "P-256"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_box_opens),
        cmocka_unit_test(a_box_of_ours_opens_and_no_two_are_alike),
        cmocka_unit_test(no_byte_may_differ_and_purpose_and_key_must_fit),
        cmocka_unit_test(keys_are_told_apart_by_their_point),
        cmocka_unit_test(what_is_no_such_key_is_refused),
    };
    return cmocka_run_group_tests_name("box", tests, NULL, NULL);
}
