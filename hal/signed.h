/* signed.h - what the club signs. Documents: JWS compact serialization with ES256 (RFC 7515,
 * RFC 7518 3.4), so that any JOSE library reads and makes them.
 *
 * header.document.signature, each in base64url. The header is {"alg":"ES256","kid":...,"typ":...}:
 * kid is the key's thumbprint (RFC 7638), typ says what the document is for ("vafa-programme"), so
 * that a signature given for one purpose is worth nothing for another. Any other header field is
 * refused: none is known here that may be ignored (RFC 7515 4.1.11). */
#ifndef HAL_SIGNED_H
#define HAL_SIGNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum {
    SIGNED_ID_MAX = 44,   /* a key's thumbprint and the NUL */
    SIGNED_PEM_MAX = 512, /* a P-256 key as PEM and the NUL */
    SIGNED_SEAL_BYTES = 64,
};

struct signed_key; /* a public P-256 key */

/* Reads a public key: PEM, "PUBLIC KEY" (RFC 7468 13), NUL-terminated. The caller frees *ret.
 * ST_FOREIGN  not such a key; fault says what it is. ST_FULL no memory. */
ST_CHECK enum st signed_key_read(const char *pem, struct signed_key **ret, struct fault *fault);
void signed_key_free(struct signed_key *key); /* accepts NULL */
/* The thumbprint, 43 characters. */
const char *signed_key_id(const struct signed_key *key);

/* True when the text looks like a JWS rather than a bare JSON document. */
bool signed_is_jws(const char *text, size_t size);

/* Checks `text` (surrounding white space is allowed) against the key and the purpose, and gives the
 * document, NUL-terminated, *ret_size bytes without the NUL; the caller frees *ret.
 * ST_FOREIGN  not a JWS, another algorithm, a header field that is not known, another typ.
 * ST_DENIED   signed by another key, or changed since: a security event; fault names both keys.
 * ST_FULL     no memory. */
ST_CHECK enum st signed_open(const struct signed_key *key, const char *typ, const char *text,
                             size_t size, char **ret, size_t *ret_size, struct fault *fault);

/* Signs a document with a private key (PEM, unencrypted). The caller frees *ret, NUL-terminated.
 * ST_FOREIGN  not a P-256 private key. ST_FULL no memory. */
ST_CHECK enum st signed_make(const char *private_pem, const char *typ, const char *document,
                             size_t size, char **ret, struct fault *fault);

/* A seal is the signature alone: ECDSA with SHA-256 over the message, r || s. The message begins
 * with what it is for ("vafa-action-1"), and what a JWS signs begins with "eyJ": so neither can be
 * taken for the other. True when it is by the owner of `key` over just these bytes. */
bool signed_seal_fits(const struct signed_key *key, const uint8_t *message, size_t size,
                      const uint8_t seal[SIGNED_SEAL_BYTES]);
/* The same key and message give the same seal (RFC 6979). ST_FOREIGN as signed_make(). */
ST_CHECK enum st signed_seal(const char *private_pem, const uint8_t *message, size_t size,
                             uint8_t ret_seal[SIGNED_SEAL_BYTES], struct fault *fault);

/* A new pair. ST_IO: the system gives no random numbers. */
ST_CHECK enum st signed_pair_make(char ret_private_pem[SIGNED_PEM_MAX],
                                  char ret_public_pem[SIGNED_PEM_MAX]);
/* The public key of a private one. ST_FOREIGN as above. */
ST_CHECK enum st signed_public_of(const char *private_pem, char ret_public_pem[SIGNED_PEM_MAX],
                                  struct fault *fault);

#endif
