/* keystore_ev1.h - the arithmetic of DESFire EV1 with AES that touches card keys.
 *
 * Pure; round keys are wiped before return. Only hal/keystore*.c and their tests include this.
 * Everything is AES-128 in CBC mode with one chain of IVs from the handshake's first block on.
 * Source of truth: recorded exchanges with real cards (tests/unit/test_keystore_desfire.c), since
 * NXP's full data sheet is not public; libfreefare's mifare_desfire.c agrees. */
#ifndef HAL_KEYSTORE_EV1_H
#define HAL_KEYSTORE_EV1_H

#include <stdbool.h>
#include <stdint.h>

/* Opens the card's E(RndB) and makes E(RndA || RndB turned left by one byte). */
void keystore_ev1_answer(const uint8_t key[16], const uint8_t card_random[16],
                         const uint8_t rnd_a[16], uint8_t ret_rnd_b[16], uint8_t ret_answer[32]);

/* True if the card's answer is E(RndA turned left by one byte). `iv` is the last block we sent. */
bool keystore_ev1_is_answered(const uint8_t key[16], const uint8_t rnd_a[16], const uint8_t iv[16],
                              const uint8_t card_answer[16]);

void keystore_ev1_session_key(const uint8_t rnd_a[16], const uint8_t rnd_b[16],
                              uint8_t ret_session_key[16]);

/* What follows `C4 key_number`. `old` is NULL for the key that the session was opened with. */
void keystore_ev1_change_key(const uint8_t session_key[16], const uint8_t iv[16],
                             uint8_t key_number, const uint8_t *old, const uint8_t new_key[16],
                             uint8_t new_version, uint8_t ret_cryptogram[32]);

#endif
