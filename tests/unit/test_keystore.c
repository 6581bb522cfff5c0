/* The key store: its two functions against published vectors, its file, its refusals. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/aes_mac.h"
#include "hal/base/bytes.h"
#include "hal/keystore.h"

static char path[64];

static int make_path(void **state)
{
    static unsigned n;
    snprintf(path, sizeof path, "/tmp/vafa-test-keys-%d-%u", (int)getpid(), n++);
    (void)state;
    return 0;
}

static int remove_path(void **state)
{
    unlink(path);
    (void)state;
    return 0;
}

static size_t from_hex(const char *text, uint8_t *ret)
{
    const size_t size = strlen(text) / 2;
    assert_int_equal(hex_decode(text, ret, size), ST_OK);
    return size;
}

static void cmac_gives_the_results_of_sp_800_38b(void **state)
{
    /* NIST SP 800-38B, D.1: the messages of 0, 16, 40 and 64 bytes. */
    static const struct {
        size_t size;
        const char *mac;
    } vectors[] = {
        {0, "bb1d6929e95937287fa37d129b756746"},
        {16, "070a16b46b4d4144f79bdd9dd04a287c"},
        {40, "dfa66747de9ae63030ca32611497c827"},
        {64, "51f0bebf7e3b9d92fc49741779363cfe"},
    };
    uint8_t key[16], message[64], mac[16], want[16];

    from_hex("2b7e151628aed2a6abf7158809cf4f3c", key);
    from_hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
             "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
             message);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i += 1) {
        from_hex(vectors[i].mac, want);
        aes_mac_cmac(key, message, vectors[i].size, mac);
        assert_memory_equal(mac, want, 16);
    }
    (void)state;
}

static void diversification_gives_the_results_of_nxp(void **state)
{
    /* AN10922 2.2.1; AN10957 (7 bytes of input, where plain CMAC would give 721e...); 31 bytes take
     * the other subkey: then the two blocks are full and CMAC of 01 || input is the same. */
    static const struct {
        const char *master, *input, *key;
    } vectors[] = {
        {"00112233445566778899aabbccddeeff", "04782e21801d803042f54e585020416275",
         "a8dd63a3b89d54b37ca802473fda9175"},
        {"f3f9377698707b688eaf84abe39e3791", "04deadbeeffeed", "0bb408baff98b6ee9f2e1585777f6a51"},
    };
    uint8_t master[16], input[31], key[16], want[16], prefixed[32];

    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i += 1) {
        from_hex(vectors[i].master, master);
        const size_t size = from_hex(vectors[i].input, input);
        from_hex(vectors[i].key, want);
        aes_mac_diversify(master, input, size, key);
        assert_memory_equal(key, want, 16);
    }
    for (size_t size = 1; size <= 31; size += 1) {
        memset(input, (int)size, sizeof input);
        prefixed[0] = 0x01;
        memcpy(prefixed + 1, input, size);
        aes_mac_diversify(master, input, size, key);
        aes_mac_cmac(master, prefixed, 1 + size, want);
        assert_int_equal(memcmp(key, want, 16) == 0, size >= 16);
    }
    (void)state;
}

static void a_new_store_opens_and_is_never_overwritten(void **state)
{
    struct keystore *keystore = NULL;
    struct fault fault;
    struct stat stat_of;
    uint8_t key[6], other[6], seal[16];
    const uint8_t uid[4] = {1, 2, 3, 4};

    assert_int_equal(keystore_create(path, &fault), ST_OK);
    assert_int_equal(stat(path, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 0777, 0600);
    assert_int_equal(keystore_create(path, &fault), ST_REFUSED);
    assert_int_equal(keystore_open(path, &keystore, &fault), ST_OK);
    assert_int_equal(keystore_version(keystore), 0);
    assert_int_equal(keystore_sector_key(keystore, 0, uid, 4, 1, KEY_A, key), ST_OK);
    assert_int_equal(keystore_sector_key(keystore, 0, uid, 4, 1, KEY_B, other), ST_OK);
    assert_memory_not_equal(key, other, 6);
    assert_int_equal(keystore_sector_key(keystore, 0, uid, 4, 2, KEY_A, other), ST_OK);
    assert_memory_not_equal(key, other, 6);
    assert_int_equal(keystore_sector_key(keystore, 1, uid, 4, 1, KEY_A, key), ST_UNSUPPORTED);
    assert_int_equal(keystore_sector_key(keystore, 255, uid, 4, 1, KEY_A, key), ST_UNSUPPORTED);
    assert_int_equal(keystore_seal(keystore, 0, SEAL_FACTS, uid, 4, uid, 4, seal), ST_OK);
    keystore_close(keystore);
    keystore_close(NULL);
    (void)state;
}

static void two_new_stores_differ(void **state)
{
    uint8_t sector[2][3], seal[2][3];

    for (unsigned i = 0; i < 2; i += 1) {
        struct keystore *keystore = NULL;
        struct fault fault;
        assert_int_equal(keystore_create(path, &fault), ST_OK);
        assert_int_equal(keystore_open(path, &keystore, &fault), ST_OK);
        assert_int_equal(keystore_check_values(keystore, 0, sector[i], seal[i]), ST_OK);
        assert_int_equal(keystore_check_values(keystore, 1, sector[i], seal[i]), ST_UNSUPPORTED);
        keystore_close(keystore);
        unlink(path);
    }
    assert_memory_not_equal(sector[0], sector[1], 3);
    assert_memory_not_equal(seal[0], seal[1], 3);
    assert_memory_not_equal(sector[0], seal[0], 3);
    (void)state;
}

static void a_store_that_others_may_open_is_denied(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0610, 0601};
    struct keystore *keystore = NULL;
    struct fault fault;

    assert_int_equal(keystore_open(path, &keystore, &fault), ST_IO);
    assert_int_equal(keystore_create(path, &fault), ST_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i += 1) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(keystore_open(path, &keystore, &fault), ST_DENIED);
        assert_null(keystore);
    }
    assert_int_equal(keystore_open("/dev/null", &keystore, &fault), ST_FOREIGN);
    (void)state;
}

#define WITH_PATH(f) cmocka_unit_test_setup_teardown(f, make_path, remove_path)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cmac_gives_the_results_of_sp_800_38b),
        cmocka_unit_test(diversification_gives_the_results_of_nxp),
        WITH_PATH(a_new_store_opens_and_is_never_overwritten),
        WITH_PATH(two_new_stores_differ),
        WITH_PATH(a_store_that_others_may_open_is_denied),
    };
    return cmocka_run_group_tests_name("keystore", tests, NULL, NULL);
}
