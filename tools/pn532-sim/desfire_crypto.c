#include "tools/pn532-sim/desfire_crypto.h"

#include <assert.h>
#include <string.h>

#include <mbedtls/aes.h>
#include <mbedtls/des.h>

size_t desfire_block_bytes(enum desfire_cipher cipher)
{
    return cipher == DESFIRE_AES ? 16 : 8;
}

size_t desfire_key_bytes(enum desfire_cipher cipher)
{
    return cipher == DESFIRE_3K3DES ? 24 : 16;
}

/* None of these functions can fail with a key and a block of the right size. */
static void aes_block(const uint8_t *key, bool is_encryption, uint8_t *block)
{
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    int problem = is_encryption ? mbedtls_aes_setkey_enc(&aes, key, 128)
                                : mbedtls_aes_setkey_dec(&aes, key, 128);
    problem |= mbedtls_aes_crypt_ecb(
        &aes, is_encryption ? MBEDTLS_AES_ENCRYPT : MBEDTLS_AES_DECRYPT, block, block);
    assert(problem == 0);
    mbedtls_aes_free(&aes);
}

static void des_block(enum desfire_cipher cipher, const uint8_t *key, bool is_encryption,
                      uint8_t *block)
{
    mbedtls_des3_context des;
    mbedtls_des3_init(&des);
    int problem;
    if (cipher == DESFIRE_3K3DES) {
        problem = is_encryption ? mbedtls_des3_set3key_enc(&des, key)
                                : mbedtls_des3_set3key_dec(&des, key);
    } else {
        problem = is_encryption ? mbedtls_des3_set2key_enc(&des, key)
                                : mbedtls_des3_set2key_dec(&des, key);
    }
    problem |= mbedtls_des3_crypt_ecb(&des, block, block);
    assert(problem == 0);
    mbedtls_des3_free(&des);
}

void desfire_block(enum desfire_cipher cipher, const uint8_t *key, bool is_encryption,
                   uint8_t *block)
{
    if (cipher == DESFIRE_AES) {
        aes_block(key, is_encryption, block);
    } else {
        des_block(cipher, key, is_encryption, block);
    }
}

static void add_block(uint8_t *to, const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        to[i] ^= from[i];
    }
}

void desfire_cbc_encrypt(enum desfire_cipher cipher, const uint8_t *key, uint8_t *iv, uint8_t *data,
                         size_t bytes)
{
    const size_t block = desfire_block_bytes(cipher);
    assert(bytes % block == 0);
    for (size_t at = 0; at < bytes; at += block) {
        add_block(data + at, iv, block);
        desfire_block(cipher, key, true, data + at);
        memcpy(iv, data + at, block);
    }
}

static void cbc_receive(enum desfire_cipher cipher, const uint8_t *key, bool is_encryption,
                        uint8_t *iv, uint8_t *data, size_t bytes)
{
    const size_t block = desfire_block_bytes(cipher);
    assert(bytes % block == 0);
    for (size_t at = 0; at < bytes; at += block) {
        uint8_t sent[BLOCK_BYTES_MAX];
        memcpy(sent, data + at, block);
        desfire_block(cipher, key, is_encryption, data + at);
        add_block(data + at, iv, block);
        memcpy(iv, sent, block);
    }
}

void desfire_cbc_decrypt(enum desfire_cipher cipher, const uint8_t *key, uint8_t *iv, uint8_t *data,
                         size_t bytes)
{
    cbc_receive(cipher, key, false, iv, data, bytes);
}

void desfire_cbc_recover(enum desfire_cipher cipher, const uint8_t *key, uint8_t *iv, uint8_t *data,
                         size_t bytes)
{
    cbc_receive(cipher, key, true, iv, data, bytes);
}

/* Doubles a subkey in its field: SP 800-38B, 5.3 and 6.1. */
static void double_subkey(uint8_t *subkey, size_t bytes)
{
    const bool carry = (subkey[0] & 0x80U) != 0;
    for (size_t i = 0; i < bytes; i++) {
        const unsigned next = i + 1 < bytes ? subkey[i + 1] : 0;
        subkey[i] = (uint8_t)((unsigned)subkey[i] << 1 | next >> 7);
    }
    if (carry) {
        subkey[bytes - 1] ^= bytes == 16 ? 0x87 : 0x1B;
    }
}

void desfire_cmac(enum desfire_cipher cipher, const uint8_t *key, uint8_t *iv, const uint8_t *data,
                  size_t bytes)
{
    const size_t block = desfire_block_bytes(cipher);
    uint8_t subkey[BLOCK_BYTES_MAX] = {0};
    uint8_t last[BLOCK_BYTES_MAX] = {0};
    const size_t blocks = bytes == 0 ? 1 : (bytes + block - 1) / block;
    const size_t head = (blocks - 1) * block;

    desfire_block(cipher, key, true, subkey);
    double_subkey(subkey, block);
    for (size_t at = 0; at < head; at += block) {
        add_block(iv, data + at, block);
        desfire_block(cipher, key, true, iv);
    }
    memcpy(last, data + head, bytes - head);
    if (bytes - head < block) {
        last[bytes - head] = 0x80;
        double_subkey(subkey, block);
    }
    add_block(last, subkey, block);
    add_block(iv, last, block);
    desfire_block(cipher, key, true, iv);
}

uint32_t desfire_crc32(uint32_t crc, const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1U) != 0 ? crc >> 1 ^ UINT32_C(0xEDB88320) : crc >> 1;
        }
    }
    return crc;
}

uint16_t desfire_crc16(uint16_t crc, const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        crc = (uint16_t)(crc ^ data[i]);
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc & 1U) != 0 ? crc >> 1 ^ 0x8408U : crc >> 1);
        }
    }
    return crc;
}
