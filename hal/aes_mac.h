/* aes_mac.h - the two one-way functions of the card keys: AES-CMAC and AN10922 diversification.
 *
 * Pure, no allocation; round keys are wiped before return. Only hal/keystore*.c and their tests
 * include this. mbedTLS gives the block cipher; its own CMAC is not used because it allocates, and
 * because AN10922 needs the subkeys themselves. Vectors: NIST SP 800-38B D.1, AN10922, AN10957. */
#ifndef HAL_AES_MAC_H
#define HAL_AES_MAC_H

#include <stddef.h>
#include <stdint.h>

enum {
    AES_MAC_BYTES = 16,
    AES_MAC_INPUT_MAX = 31 /* AN10922: the input of one diversified AES-128 key */
};

/* AES-128-CMAC (NIST SP 800-38B, RFC 4493) of `size` bytes, which may be 0. */
void aes_mac_cmac(const uint8_t key[16], const uint8_t *data, size_t size,
                  uint8_t ret_mac[AES_MAC_BYTES]);

/* The AES-128 key that `master` gives for `input` of 1..31 bytes (AN10922, 2.2). This is not CMAC
 * of 01 || input: AN10922 always runs over two blocks, so below 16 bytes the results differ. The
 * store's inputs are longer, so that it can use CMAC, and a token likewise; tests compare the two.
 */
void aes_mac_diversify(const uint8_t master[16], const uint8_t *input, size_t size,
                       uint8_t ret_key[AES_MAC_BYTES]);

#endif
