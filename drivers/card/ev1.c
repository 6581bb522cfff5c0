#include "drivers/card/ev1.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <mbedtls/aes.h>

#include "hal/base/bytes.h"

/* CBC over whole blocks, in place; `iv` becomes the last block of ciphertext. */
static void cbc(const uint8_t key[EV1_BLOCK], bool is_encrypt, uint8_t iv[EV1_BLOCK],
                uint8_t *bytes, size_t size)
{
    mbedtls_aes_context aes;
    assert(size > 0 && size % EV1_BLOCK == 0);

    mbedtls_aes_init(&aes);
    int failed = is_encrypt ? mbedtls_aes_setkey_enc(&aes, key, 128)
                            : mbedtls_aes_setkey_dec(&aes, key, 128);
    assert(failed == 0);
    failed = mbedtls_aes_crypt_cbc(&aes, is_encrypt ? MBEDTLS_AES_ENCRYPT : MBEDTLS_AES_DECRYPT,
                                   size, iv, bytes, bytes);
    assert(failed == 0);
    (void)failed;
    mbedtls_aes_free(&aes);
}

/* SP 800-38B, 6.1: doubling in GF(2^128). */
static void twice(uint8_t block[EV1_BLOCK])
{
    const uint8_t carry = block[0] >> 7;
    for (size_t i = 0; i + 1 < EV1_BLOCK; i += 1) {
        block[i] = (uint8_t)(block[i] << 1 | block[i + 1] >> 7);
    }
    block[EV1_BLOCK - 1] = (uint8_t)(block[EV1_BLOCK - 1] << 1 ^ (carry ? 0x87 : 0));
}

/* The session's CMAC over `first` then `then`: the chain's vector goes in and the MAC becomes it.
 */
static void chain(struct ev1 *session, const uint8_t *first, size_t first_bytes,
                  const uint8_t *then, size_t then_bytes)
{
    uint8_t subkey[EV1_BLOCK] = {0}, zero[EV1_BLOCK] = {0}, block[EV1_BLOCK];
    const size_t size = first_bytes + then_bytes;
    size_t in_block = 0;

    cbc(session->key, true, zero, subkey, sizeof subkey);
    twice(subkey);
    if (size == 0 || size % EV1_BLOCK != 0) {
        twice(subkey);
    }
    for (size_t i = 0; i < size; i += 1) {
        if (in_block == EV1_BLOCK) {
            cbc(session->key, true, session->iv, block, sizeof block);
            in_block = 0;
        }
        block[in_block] = i < first_bytes ? first[i] : then[i - first_bytes];
        in_block += 1;
    }
    if (in_block < EV1_BLOCK) {
        memset(block + in_block, 0, sizeof block - in_block);
        block[in_block] = 0x80;
    }
    for (size_t i = 0; i < EV1_BLOCK; i += 1) {
        block[i] ^= subkey[i];
    }
    cbc(session->key, true, session->iv, block, sizeof block);
    bytes_wipe(subkey, sizeof subkey);
}

uint32_t ev1_crc32(uint32_t crc, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i += 1) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit += 1) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0xEDB88320) : 0);
        }
    }
    return crc;
}

static void rotate(const uint8_t from[EV1_BLOCK], uint8_t ret[EV1_BLOCK])
{
    memcpy(ret, from + 1, EV1_BLOCK - 1);
    ret[EV1_BLOCK - 1] = from[0];
}

void ev1_handshake(const uint8_t key[EV1_BLOCK], const uint8_t e_rnd_b[EV1_BLOCK],
                   const uint8_t rnd_a[EV1_BLOCK], uint8_t ret_answer[EV1_ANSWER],
                   uint8_t ret_expected[EV1_BLOCK], uint8_t ret_session_key[EV1_BLOCK])
{
    uint8_t iv[EV1_BLOCK] = {0}, rnd_b[EV1_BLOCK];

    /* One vector runs through all three turns. */
    memcpy(rnd_b, e_rnd_b, sizeof rnd_b);
    cbc(key, false, iv, rnd_b, sizeof rnd_b);
    memcpy(ret_answer, rnd_a, EV1_BLOCK);
    rotate(rnd_b, ret_answer + EV1_BLOCK);
    cbc(key, true, iv, ret_answer, EV1_ANSWER);
    rotate(rnd_a, ret_expected);
    cbc(key, true, iv, ret_expected, EV1_BLOCK);
    memcpy(ret_session_key, rnd_a, 4);
    memcpy(ret_session_key + 4, rnd_b, 4);
    memcpy(ret_session_key + 8, rnd_a + 12, 4);
    memcpy(ret_session_key + 12, rnd_b + 12, 4);
    bytes_wipe(rnd_b, sizeof rnd_b);
}

void ev1_begin(struct ev1 *session, const uint8_t session_key[EV1_BLOCK])
{
    memcpy(session->key, session_key, sizeof session->key);
    memset(session->iv, 0, sizeof session->iv);
}

size_t ev1_wrap(struct ev1 *session, enum ev1_mode mode, uint8_t message[EV1_MESSAGE_MAX],
                size_t header_bytes, size_t data_bytes)
{
    const size_t bytes = header_bytes + data_bytes;
    assert(header_bytes >= 1 && bytes <= EV1_MESSAGE_MAX);

    switch (mode) {
    case EV1_PLAIN:
        chain(session, message, bytes, NULL, 0);
        return bytes;
    case EV1_MACED:
        assert(bytes + EV1_MAC <= EV1_MESSAGE_MAX);
        chain(session, message, bytes, NULL, 0);
        memcpy(message + bytes, session->iv, EV1_MAC);
        return bytes + EV1_MAC;
    case EV1_ENCIPHERED: {
        const size_t blocks = (data_bytes + 4 + EV1_BLOCK - 1) / EV1_BLOCK;
        assert(data_bytes > 0 && header_bytes + blocks * EV1_BLOCK <= EV1_MESSAGE_MAX);
        const uint32_t crc = ev1_crc32(EV1_CRC_START, message, bytes);
        memset(message + bytes, 0, header_bytes + blocks * EV1_BLOCK - bytes);
        put_le32(message + bytes, crc);
        cbc(session->key, true, session->iv, message + header_bytes, blocks * EV1_BLOCK);
        return header_bytes + blocks * EV1_BLOCK;
    }
    }
    assert(false && "not a mode");
    return 0;
}

enum st ev1_unwrap(struct ev1 *session, uint8_t status, const uint8_t *answer, size_t *bytes)
{
    if (*bytes < EV1_MAC) {
        return ST_DENIED;
    }
    const size_t data_bytes = *bytes - EV1_MAC;
    chain(session, answer, data_bytes, &status, 1);
    if (!bytes_equal_secret(session->iv, answer + data_bytes, EV1_MAC)) {
        return ST_DENIED;
    }
    *bytes = data_bytes;
    return ST_OK;
}

enum st ev1_decipher(struct ev1 *session, uint8_t status, uint8_t *answer, size_t bytes,
                     size_t data_bytes)
{
    if (bytes != (data_bytes + 4 + EV1_BLOCK - 1) / EV1_BLOCK * EV1_BLOCK) {
        return ST_DENIED;
    }
    cbc(session->key, false, session->iv, answer, bytes);
    uint32_t crc = ev1_crc32(EV1_CRC_START, answer, data_bytes);
    crc = ev1_crc32(crc, &status, 1);
    uint8_t rest = 0;
    for (size_t i = data_bytes + 4; i < bytes; i += 1) {
        rest |= answer[i];
    }
    return get_le32(answer + data_bytes) == crc && rest == 0 ? ST_OK : ST_DENIED;
}

void ev1_change_key(struct ev1 *session, uint8_t number, const uint8_t new_key[EV1_BLOCK],
                    uint8_t new_version, const uint8_t *old_key, uint8_t ret[EV1_KEY_CHANGE])
{
    const uint8_t head[2] = {0xC4, number};

    memset(ret, 0, EV1_KEY_CHANGE);
    memcpy(ret, new_key, EV1_BLOCK);
    for (size_t i = 0; old_key != NULL && i < EV1_BLOCK; i += 1) {
        ret[i] ^= old_key[i];
    }
    ret[EV1_BLOCK] = new_version;
    uint32_t crc = ev1_crc32(EV1_CRC_START, head, sizeof head);
    crc = ev1_crc32(crc, ret, EV1_BLOCK + 1);
    put_le32(ret + EV1_BLOCK + 1, crc);
    if (old_key != NULL) {
        put_le32(ret + EV1_BLOCK + 5, ev1_crc32(EV1_CRC_START, new_key, EV1_BLOCK));
    }
    cbc(session->key, true, session->iv, ret, EV1_KEY_CHANGE);
}
