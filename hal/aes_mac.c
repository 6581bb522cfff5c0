#include "hal/aes_mac.h"

#include <assert.h>
#include <mbedtls/aes.h>
#include <string.h>

#include "hal/base/bytes.h"

enum { BLOCK = 16 };

/* Encrypts one block in place. Key and block sizes are fixed, so mbedTLS has nothing to refuse. */
static void encrypt(mbedtls_aes_context *aes, uint8_t block[BLOCK])
{
    const int failed = mbedtls_aes_crypt_ecb(aes, MBEDTLS_AES_ENCRYPT, block, block);
    assert(failed == 0);
    (void)failed;
}

static void start(mbedtls_aes_context *aes, const uint8_t key[16])
{
    mbedtls_aes_init(aes);
    const int failed = mbedtls_aes_setkey_enc(aes, key, 128);
    assert(failed == 0);
    (void)failed;
}

/* Multiplies by x in GF(2^128) (SP 800-38B, 6.1): from L to K1, from K1 to K2. */
static void double_block(uint8_t block[BLOCK])
{
    const uint8_t carry = (uint8_t)(block[0] >> 7);

    for (size_t i = 0; i + 1 < BLOCK; i += 1) {
        block[i] = (uint8_t)(block[i] << 1 | block[i + 1] >> 7);
    }
    block[BLOCK - 1] = (uint8_t)(block[BLOCK - 1] << 1 ^ (carry * 0x87));
}

static void xor_into(uint8_t block[BLOCK], const uint8_t *with)
{
    for (size_t i = 0; i < BLOCK; i += 1) {
        block[i] = (uint8_t)(block[i] ^ with[i]);
    }
}

/* The subkey for the last block: K1 when it is full, K2 when it was padded. */
static void find_subkey(mbedtls_aes_context *aes, int is_padded, uint8_t ret_subkey[BLOCK])
{
    memset(ret_subkey, 0, BLOCK);
    encrypt(aes, ret_subkey);
    double_block(ret_subkey);
    if (is_padded) {
        double_block(ret_subkey);
    }
}

void aes_mac_cmac(const uint8_t key[16], const uint8_t *data, size_t size,
                  uint8_t ret_mac[AES_MAC_BYTES])
{
    mbedtls_aes_context aes;
    uint8_t last[BLOCK] = {0};
    uint8_t subkey[BLOCK];
    uint8_t state[BLOCK] = {0};
    size_t at = 0;

    start(&aes, key);
    for (; size - at > BLOCK; at += BLOCK) {
        xor_into(state, data + at);
        encrypt(&aes, state);
    }
    const int is_padded = size - at < BLOCK;
    if (size > at) {
        memcpy(last, data + at, size - at);
    }
    if (is_padded) {
        last[size - at] = 0x80;
    }
    find_subkey(&aes, is_padded, subkey);
    xor_into(state, last);
    xor_into(state, subkey);
    encrypt(&aes, state);
    memcpy(ret_mac, state, AES_MAC_BYTES);

    mbedtls_aes_free(&aes);
    bytes_wipe(subkey, sizeof subkey);
    bytes_wipe(state, sizeof state);
}

void aes_mac_diversify(const uint8_t master[16], const uint8_t *input, size_t size,
                       uint8_t ret_key[AES_MAC_BYTES])
{
    /* The constant 01 says "AES-128 key" (AN10922, 2.2). */
    uint8_t padded[2 * BLOCK] = {0x01};
    uint8_t subkey[BLOCK];
    mbedtls_aes_context aes;
    assert(size >= 1 && size <= AES_MAC_INPUT_MAX);

    memcpy(padded + 1, input, size);
    if (size < AES_MAC_INPUT_MAX) {
        padded[1 + size] = 0x80;
    }
    start(&aes, master);
    find_subkey(&aes, size < AES_MAC_INPUT_MAX, subkey);
    encrypt(&aes, padded);
    xor_into(padded + BLOCK, padded);
    xor_into(padded + BLOCK, subkey);
    encrypt(&aes, padded + BLOCK);
    memcpy(ret_key, padded + BLOCK, AES_MAC_BYTES);

    mbedtls_aes_free(&aes);
    bytes_wipe(subkey, sizeof subkey);
    bytes_wipe(padded, sizeof padded);
}
