/* The DESFire part of the key store: recorded exchanges with real cards, then cards of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <mbedtls/aes.h>

#include "hal/aes_mac.h"
#include "hal/base/bytes.h"
#include "hal/keystore.h"
#include "hal/keystore_admin.h"
#include "hal/keystore_ev1.h"
#include "hal/keystore_random.h"

/* The link seam: what the store takes for random. */
static uint8_t random_next[16];
static bool random_fails;

bool keystore_random(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 1) {
        bytes[i] = random_next[i % sizeof random_next];
    }
    return !random_fails;
}

static void from_hex(const char *text, uint8_t *ret, size_t size)
{
    assert_int_equal(hex_decode(text, ret, size), ST_OK);
}

static void expect_hex(const uint8_t *bytes, size_t size, const char *want)
{
    uint8_t wanted[64];
    assert_true(size <= sizeof wanted);
    from_hex(want, wanted, size);
    assert_memory_equal(bytes, wanted, size);
}

/* A real MIFARE DESFire EV1 through a PN532: "DESFIRE EV1 Communication Examples" by Elmue, in
 * github.com/sotechcllc/RFDoorLock. */
static const char factory_key[] = "00000000000000000000000000000000";
static const char key_1[] = "00102030405060708090a0b0b0a09080";
static const char key_2[] = "10182028303840485058606870788088";

static void handshakes_are_those_of_a_real_card(void **state)
{
    static const struct {
        const char *key, *card_random, *rnd_a, *answer, *card_answer, *session_key;
    } vectors[] = {
        {factory_key, "b969fdfe56fd91fc9de6f6f213b8fd1e", "f44b26f5686f3a391cd38ebd10772281",
         "36aad7df6e436ba08d18613830a70d5ad43e3d3f4a8d47541eee623a934e4774",
         "800db680bc146bd121d6578f2d2e2059", "f44b26f5c05ddd7110772281c4d066e8"},
        {key_2, "3e2be626c05e7798ee518355a751648e", "90f7a201c4db760538ff8a49ec63decd", NULL, NULL,
         "90f7a20191036845ec63decd544b9931"},
        {key_2, "b351cb2465d4f33ac627fd6e87a168f2", "40e7d27174cba675e8efbab99c530e3d", NULL, NULL,
         "40e7d271626ffbd49c530e3d304f5b17"},
    };

    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i += 1) {
        uint8_t key[16], card_random[16], rnd_a[16], rnd_b[16], answer[32], session_key[16];
        from_hex(vectors[i].key, key, 16);
        from_hex(vectors[i].card_random, card_random, 16);
        from_hex(vectors[i].rnd_a, rnd_a, 16);
        keystore_ev1_answer(key, card_random, rnd_a, rnd_b, answer);
        keystore_ev1_session_key(rnd_a, rnd_b, session_key);
        expect_hex(session_key, 16, vectors[i].session_key);
        if (vectors[i].answer != NULL) {
            uint8_t card_answer[16];
            expect_hex(rnd_b, 16, "c05ddd714fd788a6b7b754f3c4d066e8");
            expect_hex(answer, 32, vectors[i].answer);
            from_hex(vectors[i].card_answer, card_answer, 16);
            assert_true(keystore_ev1_is_answered(key, rnd_a, answer + 16, card_answer));
            card_answer[15] ^= 1;
            assert_false(keystore_ev1_is_answered(key, rnd_a, answer + 16, card_answer));
        }
    }
    (void)state;
}

static void changed_keys_are_those_of_a_real_card(void **state)
{
    static const struct {
        const char *session_key, *iv;
        uint8_t number;
        const char *old, *new_key;
        uint8_t version;
        const char *cryptogram;
    } vectors[] = {
        {"f44b26f5c05ddd7110772281c4d066e8", factory_key, 0, NULL, key_1, 0x10,
         "e9f85e219496c2b58c1090dc3935fae9e840cf61b383d9531946256b1f110c10"},
        {"90f7a20191036845ec63decd544b9931", "8a8fa36f55cd210dd8054658ac70d99a", 0, NULL,
         factory_key, 0x00, "635375e4919f8af2e9e86b1c1ba55b0c0807eaf484d7a7ef6e0c3084160f5a61"},
        {"c2a1e47bd8100044fe6d00a74d7ab17c", factory_key, 1, factory_key, key_1, 0x10,
         "e7eccb6bd1ca64bc161a12b1c024f71430337408c8a87eacab7a1ff18951fca3"},
        {"c2a1e47bd8100044fe6d00a74d7ab17c", "2128d3cd9c9acffff6eb9546adf35e17", 1, key_1, key_2,
         0x10, "2841938c40a4bc2c33064482feada5f43ec535d34255b0286c2352cd173863c7"},
    };

    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i += 1) {
        uint8_t session_key[16], iv[16], old[16], new_key[16], cryptogram[32];
        from_hex(vectors[i].session_key, session_key, 16);
        from_hex(vectors[i].iv, iv, 16);
        from_hex(vectors[i].new_key, new_key, 16);
        if (vectors[i].old != NULL) {
            from_hex(vectors[i].old, old, 16);
        }
        keystore_ev1_change_key(session_key, iv, vectors[i].number,
                                vectors[i].old == NULL ? NULL : old, new_key, vectors[i].version,
                                cryptogram);
        expect_hex(cryptogram, 32, vectors[i].cryptogram);
    }
    (void)state;
}

/* --- through the store ------------------------------------------------------------------------ */

static const uint8_t uid[7] = {0x04, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6};
static const struct desfire_application application = {uid, sizeof uid, {0x56, 0x38, 0xF0}};
static struct keystore *keystore;

static struct keystore_entry entry(enum key_master master, uint8_t version, uint8_t fill)
{
    struct keystore_entry made = {.master = master, .version = version};
    for (uint8_t i = 0; i < sizeof made.key; i += 1) {
        made.key[i] = (uint8_t)(fill + i);
    }
    return made;
}

/* The key that a card should have: AN10922 over the input that docs/keys.md gives. */
static void card_key(const struct keystore_entry *master, uint8_t number, uint8_t ret_key[16])
{
    uint8_t input[22] = {7,    0x04, 0xA1, 0xB2,   0xC3, 0xD4, 0xE5, 0xF6, 0,   0,   0,
                         0x56, 0x38, 0xF0, number, 0,    'V',  'A',  'F',  'A', '-', 'D'};
    input[15] = master->version;
    aes_mac_diversify(master->key, input, sizeof input, ret_key);
}

static int open_store(void **state)
{
    const struct keystore_entry entries[] = {
        entry(MASTER_ISSUE, 0, 0x20), entry(MASTER_SPEND, 0, 0x50), entry(MASTER_ISSUE, 5, 0x80),
        entry(MASTER_SPEND, 5, 0xB0)};
    char path[64], device[80];
    struct fault fault;

    snprintf(path, sizeof path, "/tmp/vafa-test-desfire-%d", (int)getpid());
    snprintf(device, sizeof device, "%s.device", path);
    random_fails = false;
    enum st st = keystore_add(path, entries, 4, &fault);
    if (st == ST_OK) {
        st = keystore_open(path, &keystore, &fault);
    }
    unlink(path);
    unlink(device);
    (void)state;
    return st == ST_OK ? 0 : -1;
}

static int close_store(void **state)
{
    keystore_close(keystore);
    keystore = NULL;
    (void)state;
    return 0;
}

static void cbc(int mode, const uint8_t key[16], uint8_t iv[16], const uint8_t *in, size_t size,
                uint8_t *ret)
{
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    mode == MBEDTLS_AES_ENCRYPT ? mbedtls_aes_setkey_enc(&aes, key, 128)
                                : mbedtls_aes_setkey_dec(&aes, key, 128);
    assert_int_equal(mbedtls_aes_crypt_cbc(&aes, mode, size, iv, in, ret), 0);
    mbedtls_aes_free(&aes);
}

/* A card that has `key`: plays its half of the handshake as the card sees it. */
static void card_shakes_hands(const uint8_t key[16], enum key_role role, uint8_t version,
                              uint8_t ret_session_key[16])
{
    uint8_t rnd_b[16], enciphered[16], answer[32], plain[32], turned[16], iv[16] = {0};

    memset(rnd_b, 0xB0, sizeof rnd_b);
    rnd_b[0] = 0x11;
    cbc(MBEDTLS_AES_ENCRYPT, key, iv, rnd_b, 16, enciphered);
    assert_int_equal(
        keystore_desfire_begin(keystore, &application, role, version, enciphered, answer), ST_OK);
    cbc(MBEDTLS_AES_DECRYPT, key, iv, answer, 32, plain);
    assert_memory_equal(plain + 16, rnd_b + 1, 15);
    assert_int_equal(plain[31], rnd_b[0]);
    memcpy(turned, plain + 1, 15);
    turned[15] = plain[0];
    cbc(MBEDTLS_AES_ENCRYPT, key, iv, turned, 16, enciphered);
    assert_int_equal(keystore_desfire_finish(keystore, enciphered, ret_session_key), ST_OK);
}

static void the_example_of_the_manual_holds(void **state)
{
    /* docs/keys.md: openssl mac -macopt cipher:AES-128-CBC -macopt hexkey:5051...5f CMAC over
     * 01 07 04a1b2c3d4e5f6 000000 5638f0 01 00 "VAFA-D". */
    const struct keystore_entry spend = entry(MASTER_SPEND, 0, 0x50);
    uint8_t key[16], session_key[16];

    card_key(&spend, 1, key);
    expect_hex(key, 16, "f6649336f97cfef423a76d79f881eb54");
    card_shakes_hands(key, ROLE_SPEND, 0, session_key);
    (void)state;
}

static void a_new_application_is_opened_as_a_real_card_was(void **state)
{
    uint8_t card_random[16], answer[32], card_answer[16], session_key[16], iv[16] = {0}, number;
    uint8_t cryptogram[32];

    from_hex("f44b26f5686f3a391cd38ebd10772281", random_next, 16);
    from_hex("b969fdfe56fd91fc9de6f6f213b8fd1e", card_random, 16);
    assert_int_equal(keystore_desfire_begin(keystore, &application, ROLE_LOAD, KEYSTORE_FACTORY,
                                            card_random, answer),
                     ST_OK);
    expect_hex(answer, 32, "36aad7df6e436ba08d18613830a70d5ad43e3d3f4a8d47541eee623a934e4774");
    from_hex("800db680bc146bd121d6578f2d2e2059", card_answer, 16);
    assert_int_equal(keystore_desfire_finish(keystore, card_answer, session_key), ST_OK);
    expect_hex(session_key, 16, "f44b26f5c05ddd7110772281c4d066e8");

    assert_int_equal(keystore_desfire_change_key(keystore, ROLE_LOAD, KEYSTORE_FACTORY,
                                                 KEYSTORE_FACTORY, iv, &number, cryptogram),
                     ST_OK);
    assert_int_equal(number, 2);
    (void)state;
}

static void each_role_and_version_is_a_key_of_its_own(void **state)
{
    uint8_t keys[4][16], session_key[16];
    const struct keystore_entry masters[] = {
        entry(MASTER_ISSUE, 0, 0x20), entry(MASTER_SPEND, 0, 0x50), entry(MASTER_ISSUE, 5, 0x80),
        entry(MASTER_SPEND, 5, 0xB0)};

    for (uint8_t i = 0; i < 4; i += 1) {
        card_key(&masters[i], i % 2, keys[i]);
        card_shakes_hands(keys[i], (enum key_role)(i % 2), masters[i].version, session_key);
        assert_memory_equal(session_key, random_next, 4);
        for (uint8_t other = 0; other < i; other += 1) {
            assert_memory_not_equal(keys[i], keys[other], 16);
        }
    }
    assert_int_equal(keystore_version(keystore), 5);
    (void)state;
}

static void a_role_that_is_not_in_the_store_is_unsupported(void **state)
{
    const uint8_t card_random[16] = {0};
    uint8_t answer[32], session_key[16], key[16], number;
    const uint8_t iv[16] = {0};
    const struct keystore_entry issue = entry(MASTER_ISSUE, 0, 0x20);

    assert_int_equal(
        keystore_desfire_begin(keystore, &application, ROLE_LOAD, 0, card_random, answer),
        ST_UNSUPPORTED);
    assert_int_equal(
        keystore_desfire_begin(keystore, &application, ROLE_SPEND, 1, card_random, answer),
        ST_UNSUPPORTED);
    assert_int_equal(
        keystore_desfire_begin(keystore, &application, ROLE_SPEND, 16, card_random, answer),
        ST_UNSUPPORTED);
    assert_false(keystore_has_role(keystore, ROLE_LOAD, 0));
    assert_false(keystore_has_role(keystore, ROLE_SPEND, 16));
    assert_true(keystore_has_role(keystore, ROLE_SPEND, 5));
    assert_true(keystore_has_role(keystore, ROLE_LOAD, KEYSTORE_FACTORY));
    card_key(&issue, 0, key);
    card_shakes_hands(key, ROLE_ISSUE, 0, session_key);
    assert_int_equal(
        keystore_desfire_change_key(keystore, ROLE_LOAD, KEYSTORE_FACTORY, 0, iv, &number, answer),
        ST_UNSUPPORTED);
    assert_int_equal(
        keystore_seal(keystore, 0, SEAL_FACTS, uid, sizeof uid, uid, sizeof uid, answer),
        ST_UNSUPPORTED);
    assert_int_equal(keystore_sector_key(keystore, 0, uid, sizeof uid, 1, KEY_A, key),
                     ST_UNSUPPORTED);
    (void)state;
}

static void a_card_that_does_not_know_the_key_is_denied(void **state)
{
    const uint8_t card_random[16] = {1};
    uint8_t answer[32], session_key[16] = {0x5A};

    assert_int_equal(
        keystore_desfire_begin(keystore, &application, ROLE_SPEND, 0, card_random, answer), ST_OK);
    /* It sends back what it got, too. */
    assert_int_equal(keystore_desfire_finish(keystore, answer, session_key), ST_DENIED);
    assert_int_equal(session_key[0], 0x5A);
    random_fails = true;
    assert_int_equal(
        keystore_desfire_begin(keystore, &application, ROLE_SPEND, 0, card_random, answer), ST_IO);
    random_fails = false;
    (void)state;
}

static void issue_and_key_roll_write_the_keys_that_later_sessions_use(void **state)
{
    const struct keystore_entry masters[] = {
        entry(MASTER_ISSUE, 0, 0x20), entry(MASTER_SPEND, 0, 0x50), entry(MASTER_ISSUE, 5, 0x80),
        entry(MASTER_SPEND, 5, 0xB0)};
    static const uint8_t zeros[16];
    uint8_t session_key[16], cryptogram[32], plain[32], iv[16] = {0}, key[4][16], number;

    for (uint8_t i = 0; i < 4; i += 1) {
        card_key(&masters[i], i % 2, key[i]);
    }
    /* A new application, opened with its factory key 0: key 1, then key 0 itself. */
    card_shakes_hands(zeros, ROLE_ISSUE, KEYSTORE_FACTORY, session_key);
    assert_int_equal(keystore_desfire_change_key(keystore, ROLE_SPEND, KEYSTORE_FACTORY, 0, iv,
                                                 &number, cryptogram),
                     ST_OK);
    cbc(MBEDTLS_AES_DECRYPT, session_key, iv, cryptogram, 32, plain);
    assert_int_equal(number, 1);
    assert_memory_equal(plain, key[1], 16);
    assert_int_equal(plain[16], 0xA0);
    assert_memory_equal(plain + 25, zeros, 7);
    memset(iv, 0, sizeof iv);
    assert_int_equal(keystore_desfire_change_key(keystore, ROLE_ISSUE, KEYSTORE_FACTORY, 0, iv,
                                                 &number, cryptogram),
                     ST_OK);
    cbc(MBEDTLS_AES_DECRYPT, session_key, iv, cryptogram, 32, plain);
    assert_int_equal(number, 0);
    assert_memory_equal(plain, key[0], 16);
    assert_memory_equal(plain + 21, zeros, 11);
    /* The roll from version 0 to 5. */
    card_shakes_hands(key[0], ROLE_ISSUE, 0, session_key);
    memset(iv, 0, sizeof iv);
    assert_int_equal(
        keystore_desfire_change_key(keystore, ROLE_SPEND, 0, 5, iv, &number, cryptogram), ST_OK);
    cbc(MBEDTLS_AES_DECRYPT, session_key, iv, cryptogram, 32, plain);
    assert_int_equal(plain[16], 0xA5);
    for (size_t i = 0; i < 16; i += 1) {
        assert_int_equal(plain[i], key[1][i] ^ key[3][i]);
    }
    (void)state;
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_are_those_of_a_real_card),
        cmocka_unit_test(changed_keys_are_those_of_a_real_card),
        WITH_STORE(a_new_application_is_opened_as_a_real_card_was),
        WITH_STORE(the_example_of_the_manual_holds),
        WITH_STORE(each_role_and_version_is_a_key_of_its_own),
        WITH_STORE(a_role_that_is_not_in_the_store_is_unsupported),
        WITH_STORE(a_card_that_does_not_know_the_key_is_denied),
        WITH_STORE(issue_and_key_roll_write_the_keys_that_later_sessions_use),
    };
    return cmocka_run_group_tests_name("keystore_desfire", tests, NULL, NULL);
}
