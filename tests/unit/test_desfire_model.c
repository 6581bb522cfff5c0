/* Tests of the DESFire card model: the bytes of a real card, the rules of files and transactions,
 * and what is left when power is lost.
 *
 * "Real card" is Elmue, "DESFire EV1 Communication Examples": an EV1 card's own answers, byte for
 * byte. The value and record session was recorded between Debian's libfreefare 0.4.0 and another
 * card program of ours; both sides checked each other's MACs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "tools/pn532-sim/desfire.h"
#include "tools/pn532-sim/desfire_crypto.h"
#include "tools/pn532-sim/pn532.h"

static const uint8_t uid[7] = {0x04, 0x78, 0x2E, 0x21, 0x80, 0x1D, 0x80};
static const uint8_t aid[3] = {0x16, 0xAE, 0x00};

static struct desfire card;
static uint8_t rx[DESFIRE_FRAME_BYTES];
static size_t rx_bytes;

static void power_up(void)
{
    uint8_t ats[DESFIRE_ATS_BYTES_MAX];
    size_t ats_bytes;
    desfire_insert(&card);
    desfire_field_on(&card);
    assert_true(desfire_select(&card, DESFIRE_REQA, 2));
    assert_true(desfire_activate(&card, ats, &ats_bytes));
    assert_int_equal(ats_bytes, 6);
}

/* Sends hex digits (spaces are skipped); the answer is in rx. */
static enum desfire_answer send(const char *text)
{
    uint8_t tx[128];
    char digits[3] = "";
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == ' ') {
            continue;
        }
        digits[0] = at[0];
        digits[1] = at[1];
        assert_int_equal(hex_decode(digits, tx + count, 1), ST_OK);
        count += 1;
        at += 1;
    }
    return desfire_exchange(&card, tx, count, rx, sizeof rx, &rx_bytes);
}

/* The answer to `text` must be the digits `told`. */
#define EXPECT(text, told) expect(text, told, __LINE__)
static void expect(const char *text, const char *told, int line)
{
    char answer[2 * DESFIRE_FRAME_BYTES + 1] = "silence";
    char wanted[2 * DESFIRE_FRAME_BYTES + 1];
    size_t count = 0;
    if (send(text) == DESFIRE_OK) {
        hex_encode(rx, rx_bytes, answer);
    }
    for (const char *at = told; *at != '\0'; at++) {
        if (*at != ' ') {
            wanted[count] = (char)(*at >= 'A' && *at <= 'F' ? *at + 'a' - 'A' : *at);
            count += 1;
        }
    }
    wanted[count] = '\0';
    if (strcmp(answer, wanted) != 0) {
        print_error("line %d: %s brought %s, not %s\n", line, text, answer, wanted);
        fail();
    }
}

/* Only the status of a native answer counts. */
#define STATUS(text, status)                                                                       \
    do {                                                                                           \
        assert_int_equal(send(text), DESFIRE_OK);                                                  \
        assert_int_equal(rx[0], status);                                                           \
    } while (0)

static void key_of(const char *text, uint8_t ret_key[16])
{
    assert_int_equal(hex_decode(text, ret_key, 16), ST_OK);
}

static struct desfire_model_application *application(void)
{
    return &card.memory.applications[0];
}

static int fresh_card(void **state)
{
    (void)state;
    desfire_init(&card, uid);
    power_up();
    return 0;
}

/* An AES application with four keys, selected. */
static int fresh_application(void **state)
{
    fresh_card(state);
    EXPECT("CA 16AE00 0F 84", "00");
    EXPECT("5A 16AE00", "00");
    return 0;
}

/* --- a real card's bytes ---------------------------------------------------------------------- */

/* Authenticates as a reader does; RndA is given, RndB by what the real card sent. */
static void authenticate_as(uint8_t number, const char *key_text, const char *sent_text,
                            const char *a_text)
{
    uint8_t key[16], b[16], a[16], iv[16] = {0}, tx[33] = {0xAF};
    const uint8_t ask[] = {0xAA, number};

    key_of(key_text, key);
    key_of(a_text, a);
    if (sent_text != NULL) {
        key_of(sent_text, b);
        desfire_cbc_decrypt(DESFIRE_AES, key, iv, b, 16);
        desfire_set_random(&card, 0, b);
    }
    assert_int_equal(desfire_exchange(&card, ask, 2, rx, sizeof rx, &rx_bytes), DESFIRE_OK);
    assert_int_equal(rx_bytes, 17);
    assert_int_equal(rx[0], 0xAF);
    memset(iv, 0, sizeof iv);
    memcpy(b, rx + 1, 16);
    desfire_cbc_decrypt(DESFIRE_AES, key, iv, b, 16);
    memcpy(tx + 1, a, 16);
    memcpy(tx + 17, b + 1, 15);
    tx[32] = b[0];
    desfire_cbc_encrypt(DESFIRE_AES, key, iv, tx + 1, 32);
    assert_int_equal(desfire_exchange(&card, tx, 33, rx, sizeof rx, &rx_bytes), DESFIRE_OK);
    assert_int_equal(rx[0], 0x00);
    desfire_cbc_decrypt(DESFIRE_AES, key, iv, rx + 1, 16);
    assert_memory_equal(rx + 1, a + 1, 15);
}

static void session_key_is(const char *text)
{
    uint8_t key[16];
    key_of(text, key);
    assert_memory_equal(card.session.key, key, 16);
}

static void a_real_authentication_comes_back(void **state)
{
    uint8_t b[16];
    (void)state;
    key_of("C05DDD714FD788A6B7B754F3C4D066E8", b);
    desfire_set_random(&card, 0, b);
    EXPECT("AA00", "AF B969FDFE56FD91FC9DE6F6F213B8FD1E");
    EXPECT("AF 36AAD7DF6E436BA08D18613830A70D5AD43E3D3F4A8D47541EEE623A934E4774",
           "00 800DB680BC146BD121D6578F2D2E2059");
    session_key_is("F44B26F5C05DDD7110772281C4D066E8");
    EXPECT("C4 00 E9F85E219496C2B58C1090DC3935FAE9E840CF61B383D9531946256B1F110C10", "00");
    uint8_t key[16];
    key_of("00102030405060708090A0B0B0A09080", key);
    assert_memory_equal(application()->keys[0].bytes, key, 16);
    assert_int_equal(application()->keys[0].version, 0x10);
    assert_int_equal(card.session.scheme, DESFIRE_NO_SESSION);
}

static void a_real_key_version_and_key_change_come_back(void **state)
{
    (void)state;
    key_of("10182028303840485058606870788088", application()->keys[0].bytes);
    application()->keys[0].version = 0x10;
    authenticate_as(0, "10182028303840485058606870788088", "3E2BE626C05E7798EE518355A751648E",
                    "90F7A201C4DB760538FF8A49EC63DECD");
    session_key_is("90F7A20191036845EC63DECD544B9931");
    EXPECT("6400", "00 10 8A8FA36F55CD210D");
    uint8_t iv[16];
    key_of("8A8FA36F55CD210DD8054658AC70D99A", iv);
    assert_memory_equal(card.session.iv, iv, 16);
    EXPECT("C4 00 635375E4919F8AF2E9E86B1C1BA55B0C0807EAF484D7A7EF6E0C3084160F5A61", "00");
    assert_memory_equal(application()->keys[0].bytes, (uint8_t[16]){0}, 16);
    assert_int_equal(application()->keys[0].version, 0x00);
}

static void real_changes_of_another_key_come_back(void **state)
{
    uint8_t key[16];
    (void)state;
    card.session.scheme = DESFIRE_CMAC;
    card.session.cipher = DESFIRE_AES;
    key_of("C2A1E47BD8100044FE6D00A74D7AB17C", card.session.key);
    EXPECT("C4 01 E7ECCB6BD1CA64BC161A12B1C024F71430337408C8A87EACAB7A1FF18951FCA3",
           "00 2128D3CD9C9ACFFF");
    key_of("00102030405060708090A0B0B0A09080", key);
    assert_memory_equal(application()->keys[1].bytes, key, 16);
    EXPECT("C4 01 2841938C40A4BC2C33064482FEADA5F43EC535D34255B0286C2352CD173863C7",
           "00 CAF3BF0B2836E9DE");
    key_of("10182028303840485058606870788088", key);
    assert_memory_equal(application()->keys[1].bytes, key, 16);
    assert_int_equal(application()->keys[1].version, 0x10);
}

static void a_real_file_session_comes_back(void **state)
{
    (void)state;
    key_of("10182028303840485058606870788088", application()->keys[0].bytes);
    authenticate_as(0, "10182028303840485058606870788088", "B351CB2465D4F33AC627FD6E87A168F2",
                    "40E7D27174CBA675E8EFBAB99C530E3D");
    session_key_is("40E7D271626FFBD49C530E3D304F5B17");
    EXPECT("CD 05 00 1100 500000", "00 A75316AD1596B953");
    EXPECT("6F", "00 05 2D5FF67FFEC9D2D3");
    EXPECT("F5 05", "00 00 00 1100 500000 2AAC7517024E09DC");
    EXPECT("3D 05 000000 340000"
           "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
           "202122232425262728292A2B2C2D2E2F30313233",
           "00 765C9DAA50ECB62F");
    EXPECT("3D 05 340000 1C0000"
           "3435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F",
           "00 3E0AED986B8B0F37");
    EXPECT("BD 05 000000 300000",
           "00 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
           "202122232425262728292A2B2C2D2E2F 4C65F1F842262BAC");
    EXPECT("BD 05 300000 200000",
           "00 303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F F02205CF913C03C9");
}

/* Key 1 may do all to four files: an enciphered and a MACed one of values and of records. */
static void make_purse(void)
{
    EXPECT("CC 01 03 101F 00000000 FFFFFF7F E8030000 00", "00");
    EXPECT("CC 02 01 101F 00000000 FFFFFF7F 00000000 00", "00");
    EXPECT("C0 03 03 101F 200000 0A0000", "00");
    EXPECT("C0 04 01 101F 200000 0A0000", "00");
    key_of("00112233445566778899AABBCCDDEEFF", application()->keys[1].bytes);
}

static void put_record(uint8_t number, uint8_t first)
{
    struct desfire_file *file = desfire_find_file(&card, aid, number);
    for (size_t i = 0; i < file->bytes; i++) {
        card.memory.pool[file->at + file->next * file->bytes + i] = (uint8_t)(first + i);
    }
    file->next += 1;
    file->records += 1;
}

static void a_value_and_record_session_comes_back(void **state)
{
    uint8_t b[16];
    int32_t *value;
    (void)state;
    make_purse();
    put_record(3, 0x00);
    put_record(4, 0x40);
    key_of("B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF", b);
    desfire_set_random(&card, 0, b);
    EXPECT("AA01", "AF EAB6822FE368D5BC9895FB2558B38DDE");
    EXPECT("AF 47D11B24A0AE3274413085E63FD33686EDF0EE67A9F3D0D3CC85748CC14924D9",
           "00 0E2E4951E837C145E8A91AEC73043467");
    session_key_is("A0A1A2A3B0B1B2B3ACADAEAFBCBDBEBF");
    EXPECT("6C 01", "00 286AED5D5C4AA6C159199221BF20D7D7");
    EXPECT("BB 03 000000 010000",
           "00 53E8845C5068A1F9B0E8E1AEE66D4C6DB8EAF2AFA0EB94411424C0810001DD5D"
           "38BDE48C234D9932C6D7846E1B3F781B");
    EXPECT("DC 01 559549957F278C23EE0047B397E2019C", "00 C430749018BDBB39");
    EXPECT("3B 03 000000 200000 9A2A39734A0AFD24A5B7A8B1C88099C3C0FAE5914622EE8607572E44AA2C7134"
           "EF3A3F2D1D990B827800485CCE904F02",
           "00 5F13EFCD945D2BC8");
    value = &desfire_find_file(&card, aid, 1)->value;
    assert_int_equal(*value, 1000);
    EXPECT("C7", "00 4B95A6D23FA4BB67");
    assert_int_equal(*value, 750);
    EXPECT("6C 01", "00 E0F0E0A4629BF008C86951BE7697359D");
    EXPECT("0C 02 64000000 9E011E0D98A6BCC4", "00 86D01AD3E1646141");
    EXPECT("3B 04 000000 200000 404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F"
           "F85E03FA3AA29D2F",
           "00 A983591D3CCD1B72");
    EXPECT("BB 04 000000 010000",
           "00 404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F 06266786FE2FA100");
    EXPECT("C7", "00 2A16ACF976FF92ED");
    assert_int_equal(desfire_find_file(&card, aid, 2)->value, 100);
}

/* --- frames ----------------------------------------------------------------------------------- */

static void the_version_comes_in_three_frames(void **state)
{
    (void)state;
    EXPECT("60", "AF 04010101001A05");
    EXPECT("AF", "AF 04010101041A05");
    EXPECT("AF", "00 04782E21801D80 BA541D5C101214");
    EXPECT("9060000000", "04010101001A05 91AF");
    EXPECT("90AF000000", "04010101041A05 91AF");
    EXPECT("90AF000000", "04782E21801D80 BA541D5C101214 9100");
    card.memory.generation = DESFIRE_EV3;
    EXPECT("60", "AF 04010133001A05");
}

static void wrapped_commands_do_what_native_ones_do(void **state)
{
    (void)state;
    EXPECT("906E000000", "001F00 9100");
    EXPECT("90CA00000516AE000F8400", "9100");
    EXPECT("905A00000316AE0000", "9100");
    EXPECT("9064000001 00 00", "00 9100");
    EXPECT("9099000000", "911C");
    EXPECT("90640000020000", "917E");
    EXPECT("00A4040000", "1C");
}

static void long_data_comes_and_goes_in_frames(void **state)
{
    char text[200] = "3D 01 000000 640000 ";
    (void)state;
    EXPECT("CD 01 00 EEEE 640000", "00");
    for (size_t i = 0; i < 50; i++) {
        snprintf(text + strlen(text), 3, "%02zX", i);
    }
    EXPECT(text, "AF");
    strcpy(text, "AF");
    for (size_t i = 50; i < 99; i++) {
        snprintf(text + strlen(text), 3, "%02zX", i);
    }
    EXPECT(text, "AF");
    EXPECT("AF 63", "00");
    assert_int_equal(send("BD 01 000000 000000"), DESFIRE_OK);
    assert_int_equal(rx_bytes, 1 + DESFIRE_PART_BYTES);
    assert_int_equal(rx[0], 0xAF);
    assert_int_equal(rx[59], 58);
    assert_int_equal(send("AF"), DESFIRE_OK);
    assert_int_equal(rx_bytes, 1 + 100 - DESFIRE_PART_BYTES);
    assert_int_equal(rx[0], 0x00);
    assert_int_equal(rx[1], 59);
}

static void broken_frames_are_refused(void **state)
{
    (void)state;
    EXPECT("AF", "1C");
    EXPECT("CD 01 00 EEEE 640000", "00");
    EXPECT("3D 01 000000 640000 00", "AF");
    EXPECT("6F", "CA");
    EXPECT("6F", "00 01");
    EXPECT("3D 01 000000 020000 010203", "7E");
    EXPECT("3D 01 000000 020000 01", "AF");
    EXPECT("AF 0203", "7E");
    EXPECT("", "7E");
}

static void a_card_in_use_is_deaf_to_calls(void **state)
{
    uint8_t ats[DESFIRE_ATS_BYTES_MAX], atqa[2], sak;
    size_t ats_bytes;
    (void)state;
    desfire_identify(&card, atqa, &sak);
    assert_int_equal(atqa[0] << 8 | atqa[1], 0x0344);
    assert_int_equal(sak, 0x20);
    assert_true(desfire_is_present(&card));
    assert_false(desfire_select(&card, DESFIRE_WUPA, 3));
    desfire_halt(&card);
    assert_false(desfire_is_present(&card));
    assert_int_equal(send("60"), DESFIRE_TIMEOUT);
    assert_false(desfire_select(&card, DESFIRE_REQA, 3));
    assert_true(desfire_select(&card, DESFIRE_WUPA, 3));
    assert_int_equal(send("60"), DESFIRE_TIMEOUT);
    assert_true(desfire_activate(&card, ats, &ats_bytes));
    assert_false(desfire_activate(&card, ats, &ats_bytes));
    assert_memory_equal(ats, ((uint8_t[]){0x06, 0x75, 0x77, 0x81, 0x02, 0x80}), 6);
}

/* --- rights, and what an error does ------------------------------------------------------------
 */

#define ZERO_KEY "00000000000000000000000000000000"
#define RND_A    "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF"

static void rights_decide_who_may_do_what(void **state)
{
    (void)state;
    /* Read 1, Write 2, Read&Write 3, Change 0. */
    EXPECT("CD 01 00 3012 100000", "00");
    EXPECT("BD 01 000000 010000", "AE");
    authenticate_as(2, ZERO_KEY, NULL, RND_A);
    STATUS("BD 01 000000 010000", 0x9D);
    authenticate_as(1, ZERO_KEY, NULL, RND_A);
    STATUS("BD 01 000000 010000", 0x00);
    STATUS("3D 01 000000 0100007F", 0x9D);
    authenticate_as(2, ZERO_KEY, NULL, RND_A);
    STATUS("3D 01 000000 0100007F", 0x00);
    authenticate_as(3, ZERO_KEY, NULL, RND_A);
    STATUS("3D 01 000000 0100007F", 0x00);
    STATUS("BD 01 000000 010000", 0x00);
    /* Nobody, and everybody. */
    EXPECT("5A 16AE00", "00");
    EXPECT("CD 02 03 FFEF 100000", "00");
    EXPECT("BD 02 000000 010000", "00 00");
    EXPECT("3D 02 000000 010000 7F", "9D");
}

static void values_have_their_own_rights(void **state)
{
    (void)state;
    EXPECT("CC 01 00 3012 00000000 64000000 32000000 01", "00");
    EXPECT("6C 01", "AE");
    authenticate_as(1, ZERO_KEY, NULL, RND_A); /* Read: GetValue and Debit */
    STATUS("6C 01", 0x00);
    STATUS("DC 01 01000000", 0x00);
    STATUS("C7", 0x00);
    STATUS("1C 01 01000000", 0x9D);
    authenticate_as(2, ZERO_KEY, NULL, RND_A); /* Write: LimitedCredit too */
    STATUS("1C 01 01000000", 0x00);
    STATUS("C7", 0x00);
    STATUS("0C 01 01000000", 0x9D);
    authenticate_as(3, ZERO_KEY, NULL, RND_A); /* Read&Write: all */
    STATUS("0C 01 01000000", 0x00);
    STATUS("C7", 0x00);
    assert_int_equal(desfire_find_file(&card, aid, 1)->value, 51);
}

static void an_error_ends_the_session_and_the_transaction(void **state)
{
    (void)state;
    EXPECT("CC 01 00 EEEE 00000000 64000000 32000000 00", "00");
    authenticate_as(0, ZERO_KEY, NULL, RND_A);
    STATUS("DC 01 0A000000", 0x00);
    EXPECT("DC 01 65000000", "BE"); /* no MAC: the session is over */
    EXPECT("C7", "0C");             /* and the first debit is gone */
    assert_int_equal(desfire_find_file(&card, aid, 1)->value, 50);
    authenticate_as(0, ZERO_KEY, NULL, RND_A);
    STATUS("5A 16AE00", 0x00);
    EXPECT("6C 01", "00 32000000");
}

static void wrong_macs_and_bytes_are_integrity_errors(void **state)
{
    (void)state;
    make_purse();
    authenticate_as(1, "00112233445566778899AABBCCDDEEFF", NULL, RND_A);
    STATUS("0C 02 64000000 0000000000000000", 0x1E);
    authenticate_as(1, "00112233445566778899AABBCCDDEEFF", NULL, RND_A);
    STATUS("DC 01 559549957F278C23EE0047B397E2019C", 0x1E);
    authenticate_as(1, "00112233445566778899AABBCCDDEEFF", NULL, RND_A);
    STATUS("0C 02 64000000", 0x7E);
    assert_int_equal(card.writes, 5); /* application and four files: nothing since */
}

static void wrong_keys_are_refused(void **state)
{
    (void)state;
    EXPECT("AA 04", "40");
    EXPECT("0A 00", "AE");
    assert_int_equal(send("AA 00"), DESFIRE_OK);
    EXPECT("AF 36AAD7DF6E436BA08D18613830A70D5AD43E3D3F4A8D47541EEE623A934E4774", "AE");
    EXPECT("AF 00", "1C");
    assert_int_equal(send("AA 00"), DESFIRE_OK);
    EXPECT("AF 00", "7E");
    EXPECT("C4 01", "7E");
    EXPECT("C4 01 0000", "AE");
    EXPECT("64 09", "40");
}

static void native_and_wrapped_do_not_mix_in_a_session(void **state)
{
    (void)state;
    authenticate_as(0, ZERO_KEY, NULL, RND_A);
    EXPECT("906F000000", "911C");
    assert_int_equal(card.session.scheme, DESFIRE_NO_SESSION);
}

static void an_ev1_dies_of_df_names_in_a_session(void **state)
{
    (void)state;
    EXPECT("5A 000000", "00");
    EXPECT("6D", "00");
    EXPECT("5A 16AE00", "00");
    authenticate_as(0, ZERO_KEY, NULL, RND_A);
    assert_int_equal(send("6D"), DESFIRE_TIMEOUT);
    desfire_field_off(&card);
    desfire_field_on(&card);
    assert_false(desfire_select(&card, DESFIRE_WUPA, 3));
}

/* --- applications and files --------------------------------------------------------------------
 */

static void applications_are_made_and_deleted(void **state)
{
    (void)state;
    EXPECT("CA 010203 0F 0E", "00");
    EXPECT("CA 010203 0F 01", "DE");
    EXPECT("CA 000000 0F 01", "DE");
    EXPECT("CA 040506 0F 21 10E1 D2760000850101", "00");
    EXPECT("CA 0A0A0A 0F 21 10E1", "DE");
    EXPECT("CA 0A0A0A 0F 21 11E1 D2760000850101", "DE");
    EXPECT("6A", "00 010203 040506");
    EXPECT("6D", "00 040506 10E1 D2760000850101");
    EXPECT("5A 070809", "A0");
    EXPECT("DA 010203", "AE");
    EXPECT("5A 010203", "00");
    EXPECT("45", "00 0F0E");
    EXPECT("64 0D", "00 00");
    EXPECT("64 0E", "40");
    for (unsigned i = 0; i < 6; i++) {
        char text[20];
        snprintf(text, sizeof text, "CA A0A0%02X 0F 81", i);
        EXPECT("5A 000000", "00");
        EXPECT(text, "00");
    }
    EXPECT("CA 0B0B0B 0F 81", "CE");
    EXPECT("45", "00 0F01");
}

static void files_are_made_listed_and_deleted(void **state)
{
    (void)state;
    EXPECT("6E", "00 001F00");
    EXPECT("CD 00 00 EEEE 210000", "00");
    EXPECT("6E", "00 C01E00");
    EXPECT("CB 01 01 3412 200000", "00");
    EXPECT("6E", "00 801E00");
    EXPECT("CC 02 03 EEEE 00000000 64000000 0A000000 01", "00");
    EXPECT("C1 03 00 EEEE 080000 040000", "00");
    EXPECT("C0 1F 00 EEEE 080000 040000", "00");
    EXPECT("6F", "00 00 01 02 03 1F");
    EXPECT("F5 01", "00 01 01 3412 200000");
    EXPECT("F5 02", "00 02 03 EEEE 00000000 64000000 00000000 01");
    EXPECT("F5 1F", "00 04 00 EEEE 080000 040000 000000");
    EXPECT("F5 09", "F0");
    EXPECT("CD 02 00 EEEE 010000", "DE");
    EXPECT("CD 20 00 EEEE 010000", "9E");
    EXPECT("CD 10 02 EEEE 010000", "9E");
    EXPECT("CD 10 00 EEEE 000000", "9E");
    EXPECT("C0 10 00 EEEE 080000 010000", "9E");
    EXPECT("CD 10 00 EEEE 00FF00", "0E");
    EXPECT("CC 10 00 EEEE 0A000000 00000000 00000000 00", "BE");
    EXPECT("DF 02", "00");
    EXPECT("DF 02", "F0");
    EXPECT("6F", "00 00 01 03 1F");
    EXPECT("5F 00 01 EEFE", "00");
    EXPECT("F5 00", "00 00 01 EEFE 210000");
    EXPECT("5A 000000", "00");
    EXPECT("6F", "9D");
}

static void deleted_memory_comes_back_with_a_format_only(void **state)
{
    (void)state;
    EXPECT("CD 00 00 EEEE 00 1F00", "00");
    EXPECT("DF 00", "00");
    EXPECT("6E", "00 000000");
    EXPECT("CD 00 00 EEEE 01 0000", "0E");
    EXPECT("5A 000000", "00");
    EXPECT("FC", "AE");
    card.memory.master.cipher = DESFIRE_AES;
    authenticate_as(0, ZERO_KEY, NULL, RND_A);
    STATUS("FC", 0x00);
    EXPECT("5A 000000", "00");
    EXPECT("6E", "00 001F00");
    EXPECT("6A", "00");
}

/* --- transactions ------------------------------------------------------------------------------
 */

static void nothing_shows_before_the_commit(void **state)
{
    (void)state;
    EXPECT("CB 01 00 EEEE 040000", "00");
    EXPECT("CC 02 00 EEEE 00000000 64000000 0A000000 00", "00");
    EXPECT("C0 03 00 EEEE 020000 030000", "00");
    EXPECT("C7", "0C");
    EXPECT("3D 01 010000 020000 AABB", "00");
    EXPECT("0C 02 05000000", "00");
    EXPECT("DC 02 02000000", "00");
    EXPECT("3B 03 000000 010000 11", "00");
    EXPECT("3B 03 010000 010000 22", "00");
    EXPECT("BD 01 000000 000000", "00 00000000");
    EXPECT("6C 02", "00 0A000000");
    EXPECT("F5 03", "00 04 00 EEEE 020000 030000 000000");
    EXPECT("C7", "00");
    EXPECT("BD 01 000000 000000", "00 00AABB00");
    EXPECT("6C 02", "00 0D000000");
    EXPECT("BB 03 000000 000000", "00 1122");
    EXPECT("C7", "0C");
}

static void an_abort_or_a_select_drops_the_transaction(void **state)
{
    (void)state;
    EXPECT("CB 01 00 EEEE 020000", "00");
    EXPECT("3D 01 000000 020000 AABB", "00");
    EXPECT("A7", "00");
    EXPECT("A7", "0C");
    EXPECT("BD 01 000000 000000", "00 0000");
    EXPECT("3D 01 000000 020000 AABB", "00");
    EXPECT("5A 16AE00", "00");
    EXPECT("C7", "0C");
    /* An authentication does not: libfreefare's test_mifare_desfire.c relies on it. */
    EXPECT("3D 01 000000 020000 AABB", "00");
    authenticate_as(0, ZERO_KEY, NULL, RND_A);
    STATUS("C7", 0x00);
    STATUS("BD 01 000000 000000", 0x00);
    assert_memory_equal(rx + 1, ((uint8_t[]){0xAA, 0xBB}), 2);
}

static void a_cyclic_file_keeps_one_record_fewer_than_it_holds(void **state)
{
    char text[40];
    (void)state;
    EXPECT("C0 03 00 EEEE 010000 040000", "00");
    EXPECT("BB 03 000000 000000", "BE");
    for (unsigned i = 1; i <= 9; i++) {
        snprintf(text, sizeof text, "3B 03 000000 010000 %02X", i);
        EXPECT(text, "00");
        EXPECT("C7", "00");
    }
    EXPECT("F5 03", "00 04 00 EEEE 010000 040000 030000");
    EXPECT("BB 03 000000 000000", "00 070809"); /* the oldest comes first */
    EXPECT("BB 03 000000 010000", "00 09");
    EXPECT("BB 03 010000 020000", "00 0708");
    EXPECT("BB 03 010000 030000", "BE");
    EXPECT("BB 03 030000 010000", "BE");
    EXPECT("EB 03", "00");
    EXPECT("3B 03 000000 010000 55", "9D");
    EXPECT("EB 03", "00");
    EXPECT("BB 03 000000 010000", "00 09");
    EXPECT("C7", "00");
    EXPECT("BB 03 000000 010000", "BE");
    EXPECT("3B 03 000000 020000 5555", "BE");
}

static void a_linear_file_fills_up(void **state)
{
    (void)state;
    EXPECT("C1 03 00 EEEE 020000 020000", "00");
    for (unsigned i = 0; i < 2; i++) {
        EXPECT("3B 03 010000 010000 77", "00");
        EXPECT("C7", "00");
    }
    EXPECT("3B 03 000000 010000 77", "BE");
    EXPECT("BB 03 000000 000000", "00 00770077");
}

static void values_stay_within_their_limits(void **state)
{
    (void)state;
    EXPECT("CC 02 00 EEEE F6FFFFFF 64000000 00000000 01", "00");
    EXPECT("DC 02 0B000000", "BE");
    EXPECT("0C 02 65000000", "BE");
    EXPECT("0C 02 FFFFFFFF", "9E");
    EXPECT("1C 02 01000000", "BE");
    EXPECT("DC 02 0A000000", "00");
    EXPECT("1C 02 01000000", "BE"); /* the debit counts when it is committed */
    EXPECT("DC 02 0A000000", "00");
    EXPECT("C7", "00");
    EXPECT("F5 02", "00 02 00 EEEE F6FFFFFF 64000000 0A000000 01");
    EXPECT("1C 02 0B000000", "BE");
    EXPECT("1C 02 04000000", "00");
    EXPECT("C7", "00");
    EXPECT("1C 02 01000000", "BE"); /* once only */
    EXPECT("6C 02", "00 FAFFFFFF");
}

/* --- power -------------------------------------------------------------------------------------
 */

static void purse_for_cuts(void)
{
    desfire_init(&card, uid);
    power_up();
    EXPECT("CA 16AE00 0F 84", "00");
    EXPECT("5A 16AE00", "00");
    EXPECT("CC 02 00 EEEE 00000000 64000000 0A000000 00", "00");
    EXPECT("C0 03 00 EEEE 020000 030000", "00");
    EXPECT("CB 04 00 EEEE 020000", "00");
    EXPECT("CD 05 00 EEEE 040000", "00");
    card.writes = 0;
    card.commands = 0;
}

static const char *const sale[] = {"DC 02 03000000", "3B 03 000000 020000 1122",
                                   "3D 04 000000 020000 3344", "C7"};
enum {
    SALE_COMMANDS = sizeof sale / sizeof sale[0],
};

/* 0: before the sale, 1: after it; anything between is wrong. */
static int outcome(void)
{
    uint8_t backup[2];
    const struct desfire_file *records = desfire_find_file(&card, aid, 3);
    const int is_debited = desfire_find_file(&card, aid, 2)->value == 7;
    assert_int_equal(desfire_peek(&card, aid, 4, 0, backup, 2), 2);
    assert_int_equal(records->records, is_debited);
    assert_int_equal(backup[0], is_debited ? 0x33 : 0x00);
    assert_int_equal(desfire_find_file(&card, aid, 2)->value, is_debited ? 7 : 10);
    return is_debited;
}

static void a_sale_cut_after_any_command_happened_whole_or_not_at_all(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= SALE_COMMANDS; n++) {
        purse_for_cuts();
        desfire_plan_cut(&card, (struct desfire_cut){.when = DESFIRE_CUT_AFTER, .n = n});
        for (size_t i = 0; i < SALE_COMMANDS; i++) {
            assert_int_equal(send(sale[i]), i < n ? DESFIRE_OK : DESFIRE_TIMEOUT);
        }
        assert_int_equal(card.cuts_taken, 1);
        assert_int_equal(outcome(), n == SALE_COMMANDS);
        power_up();
        EXPECT("5A 16AE00", "00");
        EXPECT("C7", "0C");
        assert_int_equal(outcome(), n == SALE_COMMANDS);
    }
}

static void a_cut_commit_is_old_or_new_and_never_answers(void **state)
{
    (void)state;
    for (enum desfire_tear tear = 0; tear < DESFIRE_TEARS; tear++) {
        purse_for_cuts();
        desfire_plan_cut(&card,
                         (struct desfire_cut){.when = DESFIRE_CUT_WRITE, .n = 1, .tear = tear});
        for (size_t i = 0; i < SALE_COMMANDS; i++) {
            assert_int_equal(send(sale[i]), i < 3 ? DESFIRE_OK : DESFIRE_TIMEOUT);
        }
        assert_int_equal(card.writes, 1);
        assert_int_equal(card.commits, 1);
        assert_int_equal(card.cuts_taken, 1);
        assert_int_equal(outcome(), tear == DESFIRE_TEAR_NEW);
        power_up();
        EXPECT("5A 16AE00", "00");
        EXPECT("BD 04 000000 000000", tear == DESFIRE_TEAR_NEW ? "00 3344" : "00 0000");
    }
}

static void a_standard_file_can_be_torn(void **state)
{
    static const uint8_t half[] = {0x11, 0x22, 0x00, 0x00};
    uint8_t now[4];
    (void)state;
    purse_for_cuts();
    desfire_plan_cut(&card, (struct desfire_cut){DESFIRE_CUT_WRITE, 1, DESFIRE_TEAR_HALF});
    assert_int_equal(send("3D 05 000000 040000 11223344"), DESFIRE_TIMEOUT);
    assert_int_equal(desfire_peek(&card, aid, 5, 0, now, sizeof now), 4);
    assert_memory_equal(now, half, sizeof half);
}

static void lost_power_drops_what_is_not_committed(void **state)
{
    (void)state;
    purse_for_cuts();
    for (size_t i = 0; i + 1 < SALE_COMMANDS; i++) {
        EXPECT(sale[i], "00");
    }
    desfire_field_off(&card);
    power_up();
    EXPECT("5A 16AE00", "00");
    EXPECT("C7", "0C");
    assert_int_equal(outcome(), 0);
    desfire_remove(&card);
    assert_int_equal(send("60"), DESFIRE_TIMEOUT);
    desfire_field_on(&card);
    assert_int_equal(card.state, DESFIRE_OFF);
}

/* --- time, and the reader's side ----------------------------------------------------------------
 */

static struct timing_log timing;
static struct pn532 chip;
static struct pn532_output output;

/* Sends a command to the chip in a normal frame; `output` has its answer. */
static void command(const uint8_t *data, uint8_t bytes)
{
    uint8_t frame[300] = {0x00, 0x00, 0xFF, (uint8_t)(bytes + 1), (uint8_t) - (bytes + 1), 0xD4};
    uint8_t sum = 0xD4;
    memcpy(frame + 6, data, bytes);
    for (size_t i = 0; i < bytes; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    frame[6 + bytes] = (uint8_t)-sum;
    frame[7 + bytes] = 0x00;
    pn532_receive(&chip, frame, 8U + bytes);
    assert_true(pn532_next(&chip, &output));
}
#define COMMAND(...) command((const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

/* The answer's data behind TFI must be these. */
static void answer_is(const uint8_t *wanted, size_t bytes)
{
    assert_int_equal(output.later_bytes, bytes + 8);
    assert_memory_equal(output.later + 6, wanted, bytes);
}
#define ANSWER_IS(...)                                                                             \
    answer_is((const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static int fresh_chip(void **state)
{
    (void)state;
    memset(&timing, 0, sizeof timing);
    pn532_init(&chip, &timing);
    desfire_init(&card, uid);
    pn532_place_card(&chip, (struct card){.kind = CARD_DESFIRE, .desfire = &card});
    COMMAND(0x32, 0x05, 0x00, 0x01, 0x02);
    return 0;
}

#define TARGET 0x4B, 1, 1, 0x03, 0x44, 0x20, 7, 0x04, 0x78, 0x2E, 0x21, 0x80, 0x1D, 0x80

static void the_chip_activates_the_card_if_told_to(void **state)
{
    (void)state;
    COMMAND(0x4A, 1, 0);
    ANSWER_IS(TARGET, 0x06, 0x75, 0x77, 0x81, 0x02, 0x80);
    COMMAND(0x40, 1, 0x6E);
    ANSWER_IS(0x41, 0, 0x00, 0x00, 0x1F, 0x00);
    COMMAND(0x44, 0);
    ANSWER_IS(0x45, 0);
    COMMAND(0x4A, 1, 0);
    ANSWER_IS(0x4B, 0);
    COMMAND(0x12, 0x04);
    COMMAND(0x4A, 1, 0, 0x88, 0x04, 0x78, 0x2E, 0x21, 0x80, 0x1D, 0x80);
    ANSWER_IS(TARGET);
    COMMAND(0x40, 1, 0x6E);
    ANSWER_IS(0x41, 0x01);
    COMMAND(0x42, 0xE0, 0x50);
    ANSWER_IS(0x43, 0, 0x06, 0x75, 0x77, 0x81, 0x02, 0x80);
    COMMAND(0x40, 1, 0x6E);
    ANSWER_IS(0x41, 0, 0x00, 0x00, 0x1F, 0x00);
}

static void raw_blocks_reach_an_activated_card(void **state)
{
    (void)state;
    COMMAND(0x42, 0xB2);
    ANSWER_IS(0x43, 0x01);
    COMMAND(0x4A, 1, 0);
    COMMAND(0x42, 0xB2); /* libnfc asks so whether the card is there */
    ANSWER_IS(0x43, 0, 0xA3);
    COMMAND(0x42, 0x02, 0x6E);
    ANSWER_IS(0x43, 0, 0x02, 0x00, 0x00, 0x1F, 0x00);
    COMMAND(0x00, 0x06);
    ANSWER_IS(0x01, 0x00);
    COMMAND(0x42, 0xC2);
    ANSWER_IS(0x43, 0, 0xC2);
    COMMAND(0x42, 0xB2);
    ANSWER_IS(0x43, 0x01);
    pn532_take(&chip);
    COMMAND(0x40, 1, 0x6E);
    ANSWER_IS(0x41, 0x01);
    COMMAND(0x60, 1, 1, 0x20);
    assert_int_equal(output.later_bytes, 0);
    pn532_place_card(&chip, (struct card){.kind = CARD_DESFIRE, .desfire = &card});
    assert_true(pn532_try_again(&chip, &output));
    assert_int_equal(output.later[8], 0x20);
}

/* The chip's own raw answer to a card command, in rx as `desfire_exchange` would bring it. */
static void exchange_by_chip(const uint8_t *tx, size_t tx_bytes)
{
    uint8_t data[80] = {0x40, 0x01};
    memcpy(data + 2, tx, tx_bytes);
    command(data, (uint8_t)(2 + tx_bytes));
    assert_int_equal(output.later[7], 0x00);
    rx_bytes = output.later_bytes - 10;
    memcpy(rx, output.later + 8, rx_bytes);
}

/* A reader's end of the MACs and ciphers, for commands of one application key. */
static uint8_t host_iv[16];

static void host_mac(const uint8_t *data, size_t bytes)
{
    desfire_cmac(DESFIRE_AES, card.session.key, host_iv, data, bytes);
}

static void check_reply_mac(void)
{
    uint8_t message[DESFIRE_FRAME_BYTES];
    assert_int_equal(rx[0], 0x00);
    memcpy(message, rx + 1, rx_bytes - 9);
    message[rx_bytes - 9] = 0x00;
    host_mac(message, rx_bytes - 8);
    assert_memory_equal(rx + rx_bytes - 8, host_iv, 8);
}

static void authenticate_by_chip(void)
{
    uint8_t a[16] = {1, 2, 3}, b[16], iv[16] = {0}, tx[33] = {0xAF};
    const uint8_t key[16] = {0};
    exchange_by_chip((const uint8_t[]){0xAA, 1}, 2);
    memcpy(b, rx + 1, 16);
    desfire_cbc_decrypt(DESFIRE_AES, key, iv, b, 16);
    memcpy(tx + 1, a, 16);
    memcpy(tx + 17, b + 1, 15);
    tx[32] = b[0];
    desfire_cbc_encrypt(DESFIRE_AES, key, iv, tx + 1, 32);
    exchange_by_chip(tx, sizeof tx);
    memset(host_iv, 0, sizeof host_iv);
}

static void debit_enciphered(void)
{
    uint8_t tx[18] = {0xDC, 0x01, 0x0A, 0, 0, 0};
    const uint32_t crc = desfire_crc32(DESFIRE_CRC32_START, tx, 6);
    put_le32(tx + 6, crc);
    desfire_cbc_encrypt(DESFIRE_AES, card.session.key, host_iv, tx + 2, 16);
    exchange_by_chip(tx, sizeof tx);
    check_reply_mac();
}

static void write_record_maced(void)
{
    uint8_t tx[48] = {0x3B, 0x04, 0, 0, 0, 0x20, 0, 0};
    host_mac(tx, 40);
    memcpy(tx + 40, host_iv, 8);
    exchange_by_chip(tx, sizeof tx);
    check_reply_mac();
}

static void say_maced(const uint8_t *tx, size_t tx_bytes)
{
    host_mac(tx, tx_bytes);
    exchange_by_chip(tx, tx_bytes);
    check_reply_mac();
}

static void a_sale_takes_the_time_of_its_bytes_and_of_the_card(void **state)
{
    static const struct {
        const char *name;
        uint32_t air_us;
        uint32_t thinking_us;
        uint32_t wire_bytes;
    } rows[] = {
        {"activate", 5750, 0, 45},
        {"select application", 980, 800, 31},
        {"authenticate aes", 2170, 2500, 45},
        {"authenticate end", 4810, 2000, 76},
        {"read records", 4720, 1100, 75},
        {"debit", 2850, 1500, 53},
        {"write record", 5400, 3000, 83},
        {"commit", 1410, 8000, 36},
    };
    uint32_t air_us = 0, thinking_us = 0, wire_bytes = 0;
    (void)state;
    power_up();
    EXPECT("CA 16AE00 0F 84", "00");
    EXPECT("5A 16AE00", "00");
    EXPECT("CC 01 03 101F 00000000 FFFFFF7F E8030000 00", "00");
    EXPECT("C0 04 01 101F 200000 0A0000", "00");
    put_record(4, 0x40);
    desfire_field_off(&card);
    timing_log_reset(&timing);

    COMMAND(0x4A, 1, 0);
    exchange_by_chip((const uint8_t[]){0x5A, 0x16, 0xAE, 0x00}, 4);
    authenticate_by_chip();
    say_maced((const uint8_t[]){0xBB, 0x04, 0, 0, 0, 1, 0, 0}, 8);
    debit_enciphered();
    write_record_maced();
    say_maced((const uint8_t[]){0xC7}, 1);

    assert_int_equal(desfire_find_file(&card, aid, 1)->value, 990);
    assert_int_equal(timing.count, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < timing.count; i++) {
        const struct timing_entry *entry = &timing.entries[i];
        assert_string_equal(entry->cost.name, rows[i].name);
        assert_in_range(entry->cost.air_us, rows[i].air_us - 10, rows[i].air_us + 10);
        assert_int_equal(entry->cost.card_us - entry->cost.air_us, rows[i].thinking_us);
        assert_int_equal(entry->wire_bytes, rows[i].wire_bytes);
        air_us += entry->cost.air_us;
        thinking_us += entry->cost.card_us - entry->cost.air_us;
        wire_bytes += entry->wire_bytes;
    }
    assert_in_range(air_us, 28050, 28150);
    assert_int_equal(thinking_us, 18900);
    assert_int_equal(wire_bytes, 444);
}

/* --- the card's own settings --------------------------------------------------------------------
 */

static void a_random_uid_changes_with_the_field(void **state)
{
    uint8_t first[7], second[7], atqa[2], sak;
    (void)state;
    assert_int_equal(desfire_uid(&card, first), 7);
    assert_memory_equal(first, uid, 7);
    card.memory.configuration = 0x02;
    desfire_field_off(&card);
    power_up();
    assert_int_equal(desfire_uid(&card, first), 4);
    assert_int_equal(first[0], 0x08);
    desfire_identify(&card, atqa, &sak);
    assert_int_equal(atqa[1], 0x04);
    desfire_field_off(&card);
    power_up();
    desfire_uid(&card, second);
    assert_memory_not_equal(first, second, 4);
    EXPECT("51", "AE");
}

static void random_bytes_never_break_the_card(void **state)
{
    static const uint8_t codes[] = {0x0A, 0x1A, 0xAA, 0xAF, 0x5A, 0xCA, 0xCD, 0xC0, 0x3D, 0x3B,
                                    0xBD, 0xBB, 0xDC, 0x0C, 0xC7, 0xC4, 0x54, 0x5C, 0x5F, 0x90};
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 30000; round++) {
        uint8_t tx[64];
        for (size_t i = 0; i < sizeof tx; i++) {
            seed = seed * 1664525U + 1013904223U; /* Numerical Recipes' generator */
            tx[i] = (uint8_t)(seed >> 24);
        }
        if (round % 3 != 0) {
            tx[0] = codes[tx[0] % sizeof codes];
            tx[1] &= 0x03;
        }
        desfire_exchange(&card, tx, tx[63] % 62U, rx, sizeof rx, &rx_bytes);
        if (!desfire_is_present(&card)) {
            fresh_application(state);
        }
    }
}

int main(void)
{
#define WITH_CARD(test)        cmocka_unit_test_setup(test, fresh_card)
#define WITH_APPLICATION(test) cmocka_unit_test_setup(test, fresh_application)
    const struct CMUnitTest tests[] = {
        WITH_APPLICATION(a_real_authentication_comes_back),
        WITH_APPLICATION(a_real_key_version_and_key_change_come_back),
        WITH_APPLICATION(real_changes_of_another_key_come_back),
        WITH_APPLICATION(a_real_file_session_comes_back),
        WITH_APPLICATION(a_value_and_record_session_comes_back),
        WITH_CARD(the_version_comes_in_three_frames),
        WITH_CARD(wrapped_commands_do_what_native_ones_do),
        WITH_APPLICATION(long_data_comes_and_goes_in_frames),
        WITH_APPLICATION(broken_frames_are_refused),
        WITH_APPLICATION(a_card_in_use_is_deaf_to_calls),
        WITH_APPLICATION(rights_decide_who_may_do_what),
        WITH_APPLICATION(values_have_their_own_rights),
        WITH_APPLICATION(an_error_ends_the_session_and_the_transaction),
        WITH_APPLICATION(wrong_macs_and_bytes_are_integrity_errors),
        WITH_APPLICATION(wrong_keys_are_refused),
        WITH_APPLICATION(native_and_wrapped_do_not_mix_in_a_session),
        WITH_APPLICATION(an_ev1_dies_of_df_names_in_a_session),
        WITH_CARD(applications_are_made_and_deleted),
        WITH_APPLICATION(files_are_made_listed_and_deleted),
        WITH_APPLICATION(deleted_memory_comes_back_with_a_format_only),
        WITH_APPLICATION(nothing_shows_before_the_commit),
        WITH_APPLICATION(an_abort_or_a_select_drops_the_transaction),
        WITH_APPLICATION(a_cyclic_file_keeps_one_record_fewer_than_it_holds),
        WITH_APPLICATION(a_linear_file_fills_up),
        WITH_APPLICATION(values_stay_within_their_limits),
        WITH_CARD(a_sale_cut_after_any_command_happened_whole_or_not_at_all),
        WITH_CARD(a_cut_commit_is_old_or_new_and_never_answers),
        WITH_CARD(a_standard_file_can_be_torn),
        WITH_CARD(lost_power_drops_what_is_not_committed),
        cmocka_unit_test_setup(the_chip_activates_the_card_if_told_to, fresh_chip),
        cmocka_unit_test_setup(raw_blocks_reach_an_activated_card, fresh_chip),
        cmocka_unit_test_setup(a_sale_takes_the_time_of_its_bytes_and_of_the_card, fresh_chip),
        WITH_CARD(a_random_uid_changes_with_the_field),
        WITH_APPLICATION(random_bytes_never_break_the_card),
    };
    return cmocka_run_group_tests_name("test_desfire_model", tests, NULL, NULL);
}
