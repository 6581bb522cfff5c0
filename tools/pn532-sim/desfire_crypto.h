/* desfire_crypto.h - block ciphers, CBC, CMAC with a chained IV, and the two CRCs of a DESFire.
 *
 * Pure; on mbedTLS's AES and DES blocks alone. Sources: NIST SP 800-38B (CMAC), libfreefare 0.4.0
 * mifare_desfire_crypto.c (which direction when, CRC32 without the last inversion), ISO 14443-3
 * annex B (CRC_A). */
#ifndef TOOLS_PN532_SIM_DESFIRE_CRYPTO_H
#define TOOLS_PN532_SIM_DESFIRE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pn532-sim/desfire.h"

enum {
    BLOCK_BYTES_MAX = 16,
};

/* 8 or 16; and the bytes of a key: 16 or 24. */
size_t desfire_block_bytes(enum desfire_cipher cipher);
size_t desfire_key_bytes(enum desfire_cipher cipher);

/* Encrypts or decrypts one block in place. */
void desfire_block(enum desfire_cipher cipher, const uint8_t *key, bool is_encryption,
                   uint8_t *block);

/* CBC in place; `bytes` is a number of blocks, `iv` becomes the next one's. */
void desfire_cbc_encrypt(enum desfire_cipher cipher, const uint8_t *key, uint8_t *iv, uint8_t *data,
                         size_t bytes);
void desfire_cbc_decrypt(enum desfire_cipher cipher, const uint8_t *key, uint8_t *iv, uint8_t *data,
                         size_t bytes);

/* What a reader of the first DESFire sends it "deciphered": the card has to encrypt it back. */
void desfire_cbc_recover(enum desfire_cipher cipher, const uint8_t *key, uint8_t *iv, uint8_t *data,
                         size_t bytes);

/* CMAC that starts from `iv` and leaves its whole last block there. */
void desfire_cmac(enum desfire_cipher cipher, const uint8_t *key, uint8_t *iv, const uint8_t *data,
                  size_t bytes);

/* Continues a CRC over more bytes; a new one starts with CRC_START. */
uint32_t desfire_crc32(uint32_t crc, const uint8_t *data, size_t bytes);
uint16_t desfire_crc16(uint16_t crc, const uint8_t *data, size_t bytes);
#define DESFIRE_CRC32_START UINT32_C(0xFFFFFFFF)
#define DESFIRE_CRC16_START UINT16_C(0x6363)

#endif
