/* box.h - sealed boxes: anybody with the public key can fill one, only the private key opens it.
 *
 * HPKE (RFC 9180), base mode, single-shot, suite DHKEM(P-256, HKDF-SHA256), HKDF-SHA256,
 * AES-128-GCM (0x0010, 0x0001, 0x0001), so that any HPKE library opens and makes them; vectors:
 * RFC 9180 A.3.1. Why this one: docs/decisions/0012-members.md. A box is the encapsulated key (a
 * point, 65 bytes), the ciphertext, as long as what is in it, and the tag (16 bytes). Keys as PEM
 * come from signed_pair_make(). No state; working copies are wiped. */
#ifndef HAL_BOX_H
#define HAL_BOX_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum {
    BOX_POINT_BYTES = 65,
    BOX_EXTRA_BYTES = BOX_POINT_BYTES + 16, /* a box is so much longer than what is in it */
    BOX_KEY_ID_BYTES = 8,
    BOX_INFO_MAX = 64, /* bytes of `info` */
};

struct box_key; /* a P-256 key, public or private */

/* Reads a public key ("PUBLIC KEY") or an unencrypted private one, NUL-terminated. The caller frees
 * *ret. ST_FOREIGN  not such a key: fault says so. ST_FULL  no memory. */
ST_CHECK enum st box_key_read_public(const char *pem, struct box_key **ret, struct fault *fault);
ST_CHECK enum st box_key_read_private(const char *pem, struct box_key **ret, struct fault *fault);
void box_key_free(struct box_key *key); /* accepts NULL */
/* Tells keys apart: SHA-256 of the public point (04, x, y), its beginning. */
void box_key_id(const struct box_key *key, uint8_t ret_id[BOX_KEY_ID_BYTES]);

/* Fills a box of size + BOX_EXTRA_BYTES bytes. `info` says what the box is for (at most
 * BOX_INFO_MAX bytes): one that was filled for another purpose does not open. `aad` (may be NULL
 * with 0 bytes) is not in the box, but it opens only beside the same.
 * ST_IO  the system gives no random numbers. */
ST_CHECK enum st box_seal(const struct box_key *key, const char *info, const uint8_t *aad,
                          size_t aad_size, const uint8_t *bytes, size_t size, uint8_t *ret_box);
/* Opens one: `size` bytes, of which size - BOX_EXTRA_BYTES are written to ret_bytes.
 * ST_DENIED   damaged, for another key, purpose or `aad`. ST_IO as above (for blinding). */
ST_CHECK enum st box_open(const struct box_key *private_key, const char *info, const uint8_t *aad,
                          size_t aad_size, const uint8_t *box, size_t size, uint8_t *ret_bytes);

#endif
