/* EV1 secure messaging against bytes that others made: the log of a real card (Elmue, "DESFire EV1
 * Communication Examples", AES part), and a session that libfreefare 0.4.0 held with a card program
 * of its own, each side checking the other's MACs and CRCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/card/ev1.h"
#include "hal/base/bytes.h"

static size_t from_hex(const char *text, uint8_t *ret)
{
    const size_t size = strlen(text) / 2;
    assert_int_equal(hex_decode(text, ret, size), ST_OK);
    return size;
}

static void assert_hex(const uint8_t *bytes, size_t size, const char *want)
{
    char text[2 * 256 + 1];
    uint8_t wanted[256];
    assert_true(size <= 256);
    assert_int_equal(from_hex(want, wanted), size);
    hex_encode(bytes, size, text);
    if (memcmp(bytes, wanted, size) != 0) {
        fail_msg("%s instead of %s", text, want);
    }
}

static struct ev1 session_of(const char *key)
{
    struct ev1 session;
    uint8_t bytes[EV1_BLOCK];
    from_hex(key, bytes);
    ev1_begin(&session, bytes);
    return session;
}

static void the_handshake_is_that_of_a_real_card(void **state)
{
    static const struct {
        const char *key, *e_rnd_b, *rnd_a, *answer, *expected, *session;
    } vectors[] = {
        {"00000000000000000000000000000000", "b969fdfe56fd91fc9de6f6f213b8fd1e",
         "f44b26f5686f3a391cd38ebd10772281",
         "36aad7df6e436ba08d18613830a70d5ad43e3d3f4a8d47541eee623a934e4774",
         "800db680bc146bd121d6578f2d2e2059", "f44b26f5c05ddd7110772281c4d066e8"},
        {"10182028303840485058606870788088", "3e2be626c05e7798ee518355a751648e",
         "90f7a201c4db760538ff8a49ec63decd", NULL, NULL, "90f7a20191036845ec63decd544b9931"},
        {"10182028303840485058606870788088", "b351cb2465d4f33ac627fd6e87a168f2",
         "40e7d27174cba675e8efbab99c530e3d", NULL, NULL, "40e7d271626ffbd49c530e3d304f5b17"},
        /* libfreefare as the reader. */
        {"00112233445566778899aabbccddeeff", "eab6822fe368d5bc9895fb2558b38dde",
         "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
         "47d11b24a0ae3274413085e63fd33686edf0ee67a9f3d0d3cc85748cc14924d9",
         "0e2e4951e837c145e8a91aec73043467", "a0a1a2a3b0b1b2b3acadaeafbcbdbebf"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i += 1) {
        uint8_t key[16], e_rnd_b[16], rnd_a[16], answer[32], expected[16], session[16];
        from_hex(vectors[i].key, key);
        from_hex(vectors[i].e_rnd_b, e_rnd_b);
        from_hex(vectors[i].rnd_a, rnd_a);
        ev1_handshake(key, e_rnd_b, rnd_a, answer, expected, session);
        assert_hex(session, sizeof session, vectors[i].session);
        if (vectors[i].answer != NULL) {
            assert_hex(answer, sizeof answer, vectors[i].answer);
            assert_hex(expected, sizeof expected, vectors[i].expected);
        }
    }
    (void)state;
}

/* One exchange as it was recorded, without the status bytes. */
struct recorded {
    enum ev1_mode mode;
    const char *header, *data; /* of the command, in clear */
    const char *tx_iv;         /* the vector behind the command; NULL: not recorded */
    const char *travels;       /* what travels; NULL: header and data as they are */
    const char *answer;        /* data and MAC */
    const char *rx_iv;         /* behind the answer; NULL: not recorded */
};

static void replay(struct ev1 *session, const struct recorded *it)
{
    uint8_t message[EV1_MESSAGE_MAX], answer[128], plain[EV1_MESSAGE_MAX];
    const size_t header_bytes = from_hex(it->header, message);
    const size_t data_bytes = from_hex(it->data, message + header_bytes);
    memcpy(plain, message, sizeof plain);

    const size_t bytes = ev1_wrap(session, it->mode, message, header_bytes, data_bytes);
    if (it->tx_iv != NULL) {
        assert_hex(session->iv, sizeof session->iv, it->tx_iv);
    }
    if (it->travels != NULL) {
        assert_hex(message, bytes, it->travels);
    } else {
        assert_int_equal(bytes, header_bytes + data_bytes);
        assert_memory_equal(message, plain, bytes);
    }
    const struct ev1 before = *session;
    size_t answer_bytes = from_hex(it->answer, answer);
    for (size_t bit = 0; bit < 8 * answer_bytes; bit += 7) {
        struct ev1 copy = before;
        size_t copy_bytes = answer_bytes;
        answer[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(ev1_unwrap(&copy, 0, answer, &copy_bytes), ST_DENIED);
        answer[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(ev1_unwrap(session, 0, answer, &answer_bytes), ST_OK);
    assert_int_equal(answer_bytes, strlen(it->answer) / 2 - EV1_MAC);
    if (it->rx_iv != NULL) {
        assert_hex(session->iv, sizeof session->iv, it->rx_iv);
    }
}

static void a_session_is_that_of_a_real_card(void **state)
{
    static const struct recorded log[] = {
        {EV1_PLAIN, "cd05001100500000", "", "f23b0368578c65ad705c52afe76261b6", NULL,
         "a75316ad1596b953", NULL},
        {EV1_PLAIN, "6f", "", "f69b3bada99a58aa2bd736662e32d4b0", NULL, "052d5ff67ffec9d2d3", NULL},
        {EV1_PLAIN, "f505", "", "6365d3b198dca84043df6df8fe76dfd6", NULL,
         "000011005000002aac7517024e09dc", NULL},
        {EV1_PLAIN, "3d05000000340000",
         "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
         "2c2d2e2f30313233",
         "5f7bca269f97495c64bcfb3db41449ca", NULL, "765c9daa50ecb62f", NULL},
        {EV1_PLAIN, "3d053400001c0000", "3435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
         "edf32cb90997155f8c0a15bbca118da1", NULL, "3e0aed986b8b0f37", NULL},
        {EV1_PLAIN, "bd05000000300000", "", "433303ab3cffa758bf7eb16ffec47a70", NULL,
         "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
         "2c2d2e2f4c65f1f842262bac",
         NULL},
        {EV1_PLAIN, "bd05300000200000", "", "c26bde4eb965bc3c831c0771c42fd5b9", NULL,
         "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4ff02205cf913c03c9", NULL},
    };
    struct ev1 session = session_of("40e7d271626ffbd49c530e3d304f5b17");
    for (size_t i = 0; i < sizeof log / sizeof log[0]; i += 1) {
        replay(&session, &log[i]);
    }
    session = session_of("90f7a20191036845ec63decd544b9931");
    replay(&session,
           &(struct recorded){EV1_PLAIN, "6400", "", "257fc538618a944a3a20967b6f314348", NULL,
                              "108a8fa36f55cd210d", "8a8fa36f55cd210dd8054658ac70d99a"});
    (void)state;
}

static void keys_are_changed_as_with_a_real_card(void **state)
{
    uint8_t zero[16] = {0}, first[16], second[16], content[EV1_KEY_CHANGE];
    uint8_t answer[8];
    size_t bytes = sizeof answer;
    from_hex("00102030405060708090a0b0b0a09080", first);
    from_hex("10182028303840485058606870788088", second);

    struct ev1 session = session_of("f44b26f5c05ddd7110772281c4d066e8");
    ev1_change_key(&session, 0, first, 0x10, NULL, content);
    assert_hex(content, sizeof content,
               "e9f85e219496c2b58c1090dc3935fae9e840cf61b383d9531946256b1f110c10");

    /* Behind GetKeyVersion the chain does not stand at zero. */
    session = session_of("90f7a20191036845ec63decd544b9931");
    from_hex("8a8fa36f55cd210dd8054658ac70d99a", session.iv);
    ev1_change_key(&session, 0, zero, 0, NULL, content);
    assert_hex(content, sizeof content,
               "635375e4919f8af2e9e86b1c1ba55b0c0807eaf484d7a7ef6e0c3084160f5a61");

    session = session_of("c2a1e47bd8100044fe6d00a74d7ab17c");
    ev1_change_key(&session, 1, first, 0x10, zero, content);
    assert_hex(content, sizeof content,
               "e7eccb6bd1ca64bc161a12b1c024f71430337408c8a87eacab7a1ff18951fca3");
    from_hex("2128d3cd9c9acfff", answer);
    assert_int_equal(ev1_unwrap(&session, 0, answer, &bytes), ST_OK);
    assert_hex(session.iv, sizeof session.iv, "2128d3cd9c9acffff6eb9546adf35e17");
    ev1_change_key(&session, 1, second, 0x10, first, content);
    assert_hex(content, sizeof content,
               "2841938c40a4bc2c33064482feada5f43ec535d34255b0286c2352cd173863c7");
    bytes = sizeof answer;
    from_hex("caf3bf0b2836e9de", answer);
    assert_int_equal(ev1_unwrap(&session, 0, answer, &bytes), ST_OK);
    (void)state;
}

/* Sends a command whose answer is enciphered, and deciphers that. */
static void read_enciphered(struct ev1 *session, const char *command, const char *answer,
                            const char *plain)
{
    uint8_t message[EV1_MESSAGE_MAX], bytes[128];
    const size_t command_bytes = from_hex(command, message);
    const size_t plain_bytes = strlen(plain) / 2;

    assert_int_equal(ev1_wrap(session, EV1_PLAIN, message, command_bytes, 0), command_bytes);
    const size_t size = from_hex(answer, bytes);
    struct ev1 copy = *session;
    bytes[size - 1] ^= 1;
    assert_int_equal(ev1_decipher(&copy, 0, bytes, size, plain_bytes), ST_DENIED);
    from_hex(answer, bytes);
    assert_int_equal(ev1_decipher(session, 0, bytes, size, plain_bytes), ST_OK);
    assert_hex(bytes, plain_bytes, plain);
}

static void purse_and_records_are_those_of_libfreefare(void **state)
{
    static const struct recorded log[] = {
        {EV1_ENCIPHERED, "dc01", "fa000000", NULL, "dc01559549957f278c23ee0047b397e2019c",
         "c430749018bdbb39", NULL},
        {EV1_ENCIPHERED, "3b03000000200000",
         "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f", NULL,
         "3b030000002000009a2a39734a0afd24a5b7a8b1c88099c3c0fae5914622ee8607572e44aa2c7134ef3a3f2d"
         "1d990b827800485cce904f02",
         "5f13efcd945d2bc8", NULL},
        {EV1_PLAIN, "c7", "", NULL, NULL, "4b95a6d23fa4bb67", NULL},
    };
    static const struct recorded more[] = {
        {EV1_MACED, "0c02", "64000000", NULL, "0c02640000009e011e0d98a6bcc4", "86d01ad3e1646141",
         NULL},
        {EV1_MACED, "3b04000000200000",
         "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f", NULL,
         "3b04000000200000404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
         "f85e03fa3aa29d2f",
         "a983591d3ccd1b72", NULL},
        {EV1_PLAIN, "bb04000000010000", "", NULL, NULL,
         "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f06266786fe2fa100", NULL},
        {EV1_PLAIN, "c7", "", NULL, NULL, "2a16acf976ff92ed", NULL},
    };
    struct ev1 session = session_of("a0a1a2a3b0b1b2b3acadaeafbcbdbebf");

    read_enciphered(&session, "6c01", "286aed5d5c4aa6c159199221bf20d7d7", "e8030000");
    read_enciphered(&session, "bb03000000010000",
                    "53e8845c5068a1f9b0e8e1aee66d4c6db8eaf2afa0eb94411424c0810001dd5d38bde48c234d99"
                    "32c6d7846e1b3f781b",
                    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    for (size_t i = 0; i < sizeof log / sizeof log[0]; i += 1) {
        replay(&session, &log[i]);
    }
    read_enciphered(&session, "6c01", "e0f0e0a4629bf008c86951be7697359d", "ee020000");
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i += 1) {
        replay(&session, &more[i]);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_handshake_is_that_of_a_real_card),
        cmocka_unit_test(a_session_is_that_of_a_real_card),
        cmocka_unit_test(keys_are_changed_as_with_a_real_card),
        cmocka_unit_test(purse_and_records_are_those_of_libfreefare),
    };
    return cmocka_run_group_tests_name("desfire_ev1", tests, NULL, NULL);
}
