/* ev1.h - secure messaging of MIFARE DESFire EV1 with AES: handshake, MACs, encipherment, CRC.
 *
 * Pure over mbedTLS's AES block; no allocation. One chain runs through a session: every command
 * and every answer moves the initial vector on, also those that carry no MAC. mbedTLS's own CMAC
 * cannot be started from a vector, so it is built here from the block and the two subkeys (NIST
 * SP 800-38B). Sources: a real card's session (Elmue, "DESFire EV1 Communication Examples"), NXP
 * MF3ICD81 short data sheet, libfreefare mifare_desfire_crypto.c. Vectors:
 * tests/unit/test_desfire_ev1.c. */
#ifndef DRIVERS_CARD_EV1_H
#define DRIVERS_CARD_EV1_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum {
    EV1_BLOCK = 16,
    EV1_MAC = 8,          /* what of a CMAC travels */
    EV1_ANSWER = 32,      /* the reader's turn in the handshake */
    EV1_MESSAGE_MAX = 96, /* longest command that is wrapped here, its code and MAC included */
    EV1_KEY_CHANGE = 32,  /* enciphered content of ChangeKey, code and key number excluded */
};

/* How a command's data travel. The answer to EV1_PLAIN and EV1_MACED carries a MAC either way. */
enum ev1_mode {
    EV1_PLAIN,      /* in clear, no MAC: the command still moves the chain */
    EV1_MACED,      /* in clear, 8 bytes of MAC behind */
    EV1_ENCIPHERED, /* header in clear, data and CRC enciphered */
};

struct ev1 {
    uint8_t key[EV1_BLOCK]; /* the session's */
    uint8_t iv[EV1_BLOCK];
};

/* The whole handshake of AuthenticateAES with a known key. `rnd_a` must be random. Gives what the
 * reader answers to E(RndB), what the card must answer to that, and the session's key. A key that
 * lives in a key store does the same there. */
void ev1_handshake(const uint8_t key[EV1_BLOCK], const uint8_t e_rnd_b[EV1_BLOCK],
                   const uint8_t rnd_a[EV1_BLOCK], uint8_t ret_answer[EV1_ANSWER],
                   uint8_t ret_expected[EV1_BLOCK], uint8_t ret_session_key[EV1_BLOCK]);

/* Begins a session: the chain starts at zero. */
void ev1_begin(struct ev1 *session, const uint8_t session_key[EV1_BLOCK]);

/* Makes the command in `message` (code and header, `header_bytes`; then `data_bytes` of data) what
 * travels, in place, and returns its length, at most EV1_MESSAGE_MAX, else a bug. */
size_t ev1_wrap(struct ev1 *session, enum ev1_mode mode, uint8_t message[EV1_MESSAGE_MAX],
                size_t header_bytes, size_t data_bytes);

/* Checks an answer's MAC and takes it off: `answer` has *bytes of data and MAC.
 * ST_OK      *bytes is the length of the data. ST_DENIED  wrong or none: noise, or another's
 * hand in between; the session is over. */
ST_CHECK enum st ev1_unwrap(struct ev1 *session, uint8_t status, const uint8_t *answer,
                            size_t *bytes);

/* Deciphers an answer in place and checks its CRC; `data_bytes` of it are data.
 * ST_OK, ST_DENIED as above. */
ST_CHECK enum st ev1_decipher(struct ev1 *session, uint8_t status, uint8_t *answer, size_t bytes,
                              size_t data_bytes);

/* The content of ChangeKey `number` for a key that is known here. `old_key` NULL: the session is of
 * the very key that is changed, and the answer has no MAC, for the session is over. */
void ev1_change_key(struct ev1 *session, uint8_t number, const uint8_t new_key[EV1_BLOCK],
                    uint8_t new_version, const uint8_t *old_key, uint8_t ret[EV1_KEY_CHANGE]);

/* CRC-32 as DESFire has it: the usual one without the last inversion. `crc` starts at
 * EV1_CRC_START and may be carried on. */
#define EV1_CRC_START UINT32_C(0xFFFFFFFF)
uint32_t ev1_crc32(uint32_t crc, const uint8_t *data, size_t size);

#endif
