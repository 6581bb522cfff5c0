/* The store in a token, SoftHSM2: whatever the software store derives, it derives too, and nobody
 * gets a master out of it. Makes a token of its own in /tmp. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <p11-kit-1/p11-kit/pkcs11.h>

#include "hal/base/bytes.h"
#include "hal/keystore.h"
#include "hal/keystore_admin.h"
#include "hal/keystore_priv.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

static char folder[64], pin_file[96], token[256], file[96];

static void write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(path, 0600), 0);
}

static int make_token(void **state)
{
    char conf[96], tokens[96], text[160], command[256];

    strcpy(folder, "/tmp/vafa-test-hsm-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(conf, sizeof conf, "%s/softhsm2.conf", folder);
    snprintf(tokens, sizeof tokens, "%s/tokens", folder);
    snprintf(text, sizeof text, "directories.tokendir = %s\nlog.level = ERROR\n", tokens);
    snprintf(pin_file, sizeof pin_file, "%s/pin", folder);
    snprintf(file, sizeof file, "%s/keys", folder);
    snprintf(token, sizeof token, "pkcs11:token=vafa%%20test?module-path=" MODULE "&pin-source=%s",
             pin_file);
    write_text(conf, text);
    write_text(pin_file, "48151623\n");
    mkdir(tokens, 0700);
    setenv("SOFTHSM2_CONF", conf, 1);
    snprintf(
        command, sizeof command,
        "softhsm2-util --init-token --free --label 'vafa test' --pin 48151623 --so-pin 42424242 "
        ">%s/log 2>&1",
        folder);
    (void)state;
    return system(command);
}

static int remove_token(void **state)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    (void)state;
    return system(command);
}

/* The same masters in both; the first is that of AN10922's examples. */
static void fill(const char *where)
{
    struct keystore_entry entries[8];
    struct fault fault = {""};

    for (uint8_t i = 0; i < 8; i += 1) {
        entries[i] = (struct keystore_entry){.master = (enum key_master)(i % KEY_MASTERS),
                                             .version = i < KEY_MASTERS ? 0 : 7};
        for (uint8_t at = 0; at < KEY_MASTER_BYTES; at += 1) {
            entries[i].key[at] = (uint8_t)(at * 0x11 ^ i);
        }
    }
    const enum st st = keystore_add(where, entries, 8, &fault);
    if (st != ST_OK) {
        fail_msg("%s", fault.say);
    }
}

static struct keystore *open_store(const char *where)
{
    struct keystore *keystore = NULL;
    struct fault fault = {""};
    if (keystore_open(where, &keystore, &fault) != ST_OK) {
        fail_msg("%s", fault.say);
    }
    return keystore;
}

static void expect_fault(const char *where, enum st want, const char *word)
{
    struct keystore *keystore = NULL;
    struct fault fault = {""};

    assert_int_equal(keystore_open(where, &keystore, &fault), want);
    if (strstr(fault.say, word) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fault.say, word);
    }
}

static void the_token_derives_what_nxp_published(void **state)
{
    uint8_t input[17], key[16], want[16];

    expect_fault(token, ST_IO, "no masters yet");
    fill(token);
    struct keystore *keystore = open_store(token);
    assert_int_equal(hex_decode("04782e21801d803042f54e585020416275", input, 17), ST_OK);
    assert_int_equal(hex_decode("a8dd63a3b89d54b37ca802473fda9175", want, 16), ST_OK);
    assert_int_equal(keystore_diversify(keystore, MASTER_SECTORS, 0, input, 17, key), ST_OK);
    assert_memory_equal(key, want, 16);
    keystore_close(keystore);
    (void)state;
}

static void the_token_derives_what_the_software_store_derives(void **state)
{
    const uint8_t uid[7] = {0x04, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6};
    struct keystore *stores[2];
    uint8_t got[2][32], check[2][3];

    fill(file);
    stores[0] = open_store(file);
    stores[1] = open_store(token);
    assert_int_equal(keystore_version(stores[1]), keystore_version(stores[0]));
    for (uint8_t version = 0; version < KEYSTORE_VERSIONS; version += 1) {
        for (unsigned master = 0; master < KEY_MASTERS; master += 1) {
            const enum st st =
                keystore_check_value(stores[0], (enum key_master)master, version, check[0]);
            assert_int_equal(
                keystore_check_value(stores[1], (enum key_master)master, version, check[1]), st);
            assert_true(st != ST_OK || memcmp(check[0], check[1], 3) == 0);
        }
        for (uint8_t sector = 0; sector < 16; sector += 1) {
            enum st st[2];
            for (size_t i = 0; i < 2; i += 1) {
                st[i] = keystore_sector_key(stores[i], version, uid, 4, sector, KEY_B, got[i]);
            }
            assert_int_equal(st[0], st[1]);
            assert_true(st[0] != ST_OK || memcmp(got[0], got[1], 6) == 0);
        }
        for (int purpose = SEAL_SNAPSHOT; purpose <= SEAL_FACTS; purpose += 1) {
            enum st st[2];
            for (size_t i = 0; i < 2; i += 1) {
                st[i] = keystore_seal(stores[i], version, (enum seal_purpose)purpose, uid, 7, uid,
                                      7, got[i]);
            }
            assert_int_equal(st[0], st[1]);
            assert_true(st[0] != ST_OK || memcmp(got[0], got[1], 16) == 0);
        }
    }
    keystore_close(stores[0]);
    keystore_close(stores[1]);
    (void)state;
}

/* The store's RndA is random, so the keys are compared by playing the card with the other store's:
 * both must open RndB alike. A card of one store then shakes hands with the other. */
static void both_stores_have_the_same_desfire_keys(void **state)
{
    const uint8_t uid[7] = {0x04, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6};
    struct keystore *stores[2] = {open_store(file), open_store(token)};

    for (unsigned role = 0; role < KEY_ROLES; role += 1) {
        uint8_t key[2][16];
        for (size_t i = 0; i < 2; i += 1) {
            uint8_t input[22] = {7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x56, 0x38, 0xF0};
            memcpy(input + 1, uid, 7);
            input[14] = (uint8_t)role;
            memcpy(input + 16, "VAFA-D", 6);
            assert_int_equal(keystore_diversify(stores[i],
                                                (enum key_master)((unsigned)MASTER_ISSUE + role), 0,
                                                input, sizeof input, key[i]),
                             ST_OK);
        }
        assert_memory_equal(key[0], key[1], 16);
    }
    const struct desfire_application application = {uid, 7, {0x56, 0x38, 0xF0}};
    const uint8_t card_random[16] = {0};
    uint8_t answer[32], session_key[16];
    assert_int_equal(
        keystore_desfire_begin(stores[1], &application, ROLE_SPEND, 0, card_random, answer), ST_OK);
    assert_int_equal(keystore_desfire_finish(stores[1], card_random, session_key), ST_DENIED);
    keystore_close(stores[0]);
    keystore_close(stores[1]);
    (void)state;
}

/* The token as anybody sees it who has the library, and the PIN after login_p11(). */
struct p11 {
    void *library;
    CK_FUNCTION_LIST *f;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
};

/* The library as a second user in this process finds it. */
static struct p11 open_second_p11(void)
{
    struct p11 p11 = {.library = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL)};
    CK_C_GetFunctionList get = NULL;
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;

    assert_non_null(p11.library);
    void *symbol = dlsym(p11.library, "C_GetFunctionList");
    memcpy(&get, &symbol, sizeof get);
    assert_int_equal(get(&p11.f), CKR_OK);
    const CK_RV rv = p11.f->C_Initialize(NULL);
    assert_true(rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED);
    assert_int_equal(p11.f->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    p11.slot = slots[0];
    return p11;
}

static struct p11 open_p11(void)
{
    struct p11 p11 = open_second_p11();
    assert_int_equal(p11.f->C_OpenSession(p11.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                          &p11.session),
                     CKR_OK);
    return p11;
}

static void login_p11(struct p11 *p11)
{
    CK_UTF8CHAR pin[] = "48151623";
    assert_int_equal(p11->f->C_Login(p11->session, CKU_USER, pin, sizeof pin - 1), CKR_OK);
}

static void close_p11(struct p11 *p11)
{
    assert_int_equal(p11->f->C_Finalize(NULL), CKR_OK);
    dlclose(p11->library);
}

static CK_ULONG find_keys(struct p11 *p11, CK_OBJECT_HANDLE ret_keys[32])
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_ULONG count = 0;

    assert_int_equal(p11->f->C_FindObjectsInit(p11->session, &wanted, 1), CKR_OK);
    assert_int_equal(p11->f->C_FindObjects(p11->session, ret_keys, 32, &count), CKR_OK);
    assert_int_equal(p11->f->C_FindObjectsFinal(p11->session), CKR_OK);
    return count;
}

static void no_master_can_be_read_out_of_the_token(void **state)
{
    struct p11 p11 = open_p11();
    CK_OBJECT_HANDLE keys[32];

    /* Without the PIN nobody even sees them. */
    assert_int_equal(find_keys(&p11, keys), 0);
    login_p11(&p11);
    const CK_ULONG count = find_keys(&p11, keys);
    assert_int_equal(count, 8);
    for (CK_ULONG i = 0; i < count; i += 1) {
        uint8_t value[16] = {0}, block[16] = {0}, out[32];
        CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
        CK_ULONG size = sizeof out;
        CK_ATTRIBUTE read = {CKA_VALUE, value, sizeof value};
        CK_ATTRIBUTE loosen = {CKA_EXTRACTABLE, &yes, sizeof yes};
        CK_ATTRIBUTE reveal = {CKA_SENSITIVE, &no, sizeof no};
        CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0}, wrap = {CKM_AES_KEY_WRAP, NULL, 0};
        assert_int_equal(p11.f->C_GetAttributeValue(p11.session, keys[i], &read, 1),
                         CKR_ATTRIBUTE_SENSITIVE);
        assert_int_not_equal(p11.f->C_SetAttributeValue(p11.session, keys[i], &loosen, 1), CKR_OK);
        assert_int_not_equal(p11.f->C_SetAttributeValue(p11.session, keys[i], &reveal, 1), CKR_OK);
        assert_int_not_equal(p11.f->C_WrapKey(p11.session, &wrap, keys[0], keys[i], out, &size),
                             CKR_OK);
        /* Nor is it a cipher key for anybody: it signs, that is all. */
        assert_int_not_equal(p11.f->C_EncryptInit(p11.session, &ecb, keys[i]), CKR_OK);
        assert_int_not_equal(p11.f->C_DecryptInit(p11.session, &ecb, keys[i]), CKR_OK);
        assert_memory_equal(value, block, 16);
    }
    close_p11(&p11);
    (void)state;
}

/* A key of the right name that somebody put there readable is not taken for a master. */
static void a_readable_key_is_denied(void **state)
{
    struct p11 p11 = open_p11();
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_UTF8CHAR label[] = "vafa-desfire-spend-9";
    uint8_t value[16] = {1, 2, 3};
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE made[] = {
        {CKA_CLASS, &class, sizeof class},    {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_LABEL, label, sizeof label - 1}, {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},      {CKA_SENSITIVE, &no, sizeof no},
        {CKA_EXTRACTABLE, &yes, sizeof yes},  {CKA_SIGN, &yes, sizeof yes},
        {CKA_VALUE, value, sizeof value},
    };

    login_p11(&p11);
    assert_int_equal(p11.f->C_CreateObject(p11.session, made, sizeof made / sizeof made[0], &key),
                     CKR_OK);
    expect_fault(token, ST_DENIED, "vafa-desfire-spend-9 can be read out");
    assert_int_equal(p11.f->C_DestroyObject(p11.session, key), CKR_OK);
    close_p11(&p11);
    keystore_close(open_store(token));
    (void)state;
}

static void a_token_that_comes_back_is_used_again(void **state)
{
    const uint8_t uid[4] = {1, 2, 3, 4};
    uint8_t before[6], after[6];
    struct keystore *keystore = open_store(token);
    struct p11 p11 = open_second_p11();

    assert_int_equal(keystore_sector_key(keystore, 0, uid, 4, 1, KEY_A, before), ST_OK);
    assert_int_equal(p11.f->C_CloseAllSessions(p11.slot), CKR_OK);
    assert_int_equal(keystore_sector_key(keystore, 0, uid, 4, 1, KEY_A, after), ST_OK);
    assert_memory_equal(before, after, 6);
    /* A PIN that was changed meanwhile is tried once, or the token would lock itself. */
    write_text(pin_file, "00000000");
    assert_int_equal(p11.f->C_CloseAllSessions(p11.slot), CKR_OK);
    assert_int_equal(keystore_sector_key(keystore, 0, uid, 4, 1, KEY_A, after), ST_IO);
    write_text(pin_file, "48151623");
    assert_int_equal(keystore_sector_key(keystore, 0, uid, 4, 1, KEY_A, after), ST_IO);
    dlclose(p11.library);
    keystore_close(keystore);
    keystore_close(open_store(token));
    (void)state;
}

static void additions_are_all_or_nothing(void **state)
{
    struct keystore_entry entries[2] = {{.master = MASTER_LOAD, .version = 7},
                                        {.master = MASTER_SPEND, .version = 0}};
    struct fault fault = {""};
    uint8_t check[3];

    entries[0].key[0] = 1;
    entries[1].key[0] = 2;
    assert_int_equal(keystore_add(token, entries, 2, &fault), ST_REFUSED);
    struct keystore *keystore = open_store(token);
    assert_int_equal(keystore_check_value(keystore, MASTER_LOAD, 7, check), ST_UNSUPPORTED);
    keystore_close(keystore);
    entries[0].version = 3;
    assert_int_equal(keystore_add(token, entries, 1, &fault), ST_OK);
    keystore = open_store(token);
    assert_int_equal(keystore_version(keystore), 7);
    assert_int_equal(keystore_check_value(keystore, MASTER_LOAD, 3, check), ST_OK);
    keystore_close(keystore);
    assert_int_equal(keystore_create(token, &fault), ST_REFUSED);
    (void)state;
}

static void what_is_wrong_with_a_token_is_told_apart(void **state)
{
    char where[400];

    expect_fault("pkcs11:", ST_IO, "is not");
    expect_fault("pkcs11:token=x", ST_IO, "is not");
    expect_fault("pkcs11:token=%2?module-path=/x&pin-source=/y", ST_IO, "is not");
    expect_fault("pkcs11:colour=red;token=x?module-path=/x&pin-source=/y", ST_IO, "is not");
    expect_fault("pkcs11:token=x?module-path=/nowhere.so&pin-source=/y", ST_IO, "/nowhere.so");
    expect_fault("pkcs11:token=x?module-path=" MODULE "&pin-source=/y", ST_IO, "There is no token");
    snprintf(where, sizeof where,
             "pkcs11:token=vafa%%20test?module-path=" MODULE "&pin-source=%s/none", folder);
    expect_fault(where, ST_IO, "none cannot be opened");
    assert_int_equal(chmod(pin_file, 0640), 0);
    expect_fault(token, ST_DENIED, "chmod 600");
    assert_int_equal(chmod(pin_file, 0600), 0);
    write_text(pin_file, "00000000\n");
    expect_fault(token, ST_DENIED, "PIN is wrong");
    write_text(pin_file, "48151623");
    struct keystore *keystore = open_store(token);
    assert_non_null(strstr(keystore_describe(keystore), "not extractable"));
    keystore_close(keystore);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_token_derives_what_nxp_published),
        cmocka_unit_test(the_token_derives_what_the_software_store_derives),
        cmocka_unit_test(both_stores_have_the_same_desfire_keys),
        cmocka_unit_test(no_master_can_be_read_out_of_the_token),
        cmocka_unit_test(additions_are_all_or_nothing),
        cmocka_unit_test(a_readable_key_is_denied),
        cmocka_unit_test(a_token_that_comes_back_is_used_again),
        cmocka_unit_test(what_is_wrong_with_a_token_is_told_apart),
    };
    return cmocka_run_group_tests_name("keystore_pkcs11", tests, make_token, remove_token);
}
