#include "hal/keystore_ev1.h"

#include <assert.h>
#include <mbedtls/aes.h>
#include <string.h>

#include "hal/base/bytes.h"

enum { BLOCK = 16, CHANGE_KEY = 0xC4 };

/* Key and block sizes are fixed, so mbedTLS has nothing to refuse. */
static void cbc(int mode, const uint8_t key[16], const uint8_t iv[16], const uint8_t *in,
                size_t size, uint8_t *ret_out)
{
    mbedtls_aes_context aes;
    uint8_t chain[BLOCK];

    memcpy(chain, iv, BLOCK);
    mbedtls_aes_init(&aes);
    int failed = mode == MBEDTLS_AES_ENCRYPT ? mbedtls_aes_setkey_enc(&aes, key, 128)
                                             : mbedtls_aes_setkey_dec(&aes, key, 128);
    failed |= mbedtls_aes_crypt_cbc(&aes, mode, size, chain, in, ret_out);
    assert(failed == 0);
    mbedtls_aes_free(&aes);
    (void)failed;
}

static void turn_left(const uint8_t in[16], uint8_t ret_out[16])
{
    memcpy(ret_out, in + 1, 15);
    ret_out[15] = in[0];
}

void keystore_ev1_answer(const uint8_t key[16], const uint8_t card_random[16],
                         const uint8_t rnd_a[16], uint8_t ret_rnd_b[16], uint8_t ret_answer[32])
{
    static const uint8_t zeros[BLOCK];
    uint8_t plain[2 * BLOCK];

    cbc(MBEDTLS_AES_DECRYPT, key, zeros, card_random, BLOCK, ret_rnd_b);
    memcpy(plain, rnd_a, BLOCK);
    turn_left(ret_rnd_b, plain + BLOCK);
    cbc(MBEDTLS_AES_ENCRYPT, key, card_random, plain, sizeof plain, ret_answer);
    bytes_wipe(plain, sizeof plain);
}

bool keystore_ev1_is_answered(const uint8_t key[16], const uint8_t rnd_a[16], const uint8_t iv[16],
                              const uint8_t card_answer[16])
{
    uint8_t found[BLOCK], want[BLOCK];

    cbc(MBEDTLS_AES_DECRYPT, key, iv, card_answer, BLOCK, found);
    turn_left(rnd_a, want);
    const bool is_answered = bytes_equal_secret(found, want, BLOCK);
    bytes_wipe(found, sizeof found);
    bytes_wipe(want, sizeof want);
    return is_answered;
}

void keystore_ev1_session_key(const uint8_t rnd_a[16], const uint8_t rnd_b[16],
                              uint8_t ret_session_key[16])
{
    memcpy(ret_session_key, rnd_a, 4);
    memcpy(ret_session_key + 4, rnd_b, 4);
    memcpy(ret_session_key + 8, rnd_a + 12, 4);
    memcpy(ret_session_key + 12, rnd_b + 12, 4);
}

/* CRC-32 as in ISO 3309, least bit first, but without the inversion at the end. */
static uint32_t crc32_raw(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i += 1) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit += 1) {
            crc = crc >> 1 ^ ((crc & 1) * UINT32_C(0xEDB88320));
        }
    }
    return crc;
}

void keystore_ev1_change_key(const uint8_t session_key[16], const uint8_t iv[16],
                             uint8_t key_number, const uint8_t *old, const uint8_t new_key[16],
                             uint8_t new_version, uint8_t ret_cryptogram[32])
{
    /* Command, key number, then what is enciphered: key (xor old), version, CRC over all before,
     * CRC over the new key if the old one is in, zeros. */
    uint8_t message[2 + 2 * BLOCK] = {CHANGE_KEY, key_number};
    uint8_t *plain = message + 2;

    for (size_t i = 0; i < BLOCK; i += 1) {
        plain[i] = (uint8_t)(new_key[i] ^ (old == NULL ? 0 : old[i]));
    }
    plain[BLOCK] = new_version;
    put_le32(plain + BLOCK + 1, crc32_raw(message, 2 + BLOCK + 1));
    if (old != NULL) {
        put_le32(plain + BLOCK + 5, crc32_raw(new_key, BLOCK));
    }
    cbc(MBEDTLS_AES_ENCRYPT, session_key, iv, plain, 2 * BLOCK, ret_cryptogram);
    bytes_wipe(message, sizeof message);
}
