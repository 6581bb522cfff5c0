/* signer.h - the key that the club signs programmes and actions with (docs/decisions/0006, 0010).
 *
 * Files in the data folder: programme.pem, the public key, which terminals get at enrolment and
 * keep; programme.key, the private one, readable by its owner only. The private key may be kept
 * elsewhere: put the public one there before the first start, and sign with vafa-programme. No
 * state. */
#ifndef SERVER_SIGNER_H
#define SERVER_SIGNER_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "hal/signed.h"

/* Makes a pair in `dir` if there is no public key.
 * ST_IO       a file cannot be read or written.
 * ST_CORRUPT  a private key without its public one, or a public key that is none. */
ST_CHECK enum st signer_make(const char *dir, struct fault *fault);

/* The public key as PEM; the caller frees it. ST_IO. */
ST_CHECK enum st signer_public(const char *dir, char **ret_pem, struct fault *fault);

/* Signs a document of type `typ` (hal/signed.h) with the private key; the caller frees *ret_jws.
 * ST_REFUSED  the key is kept elsewhere, so what needs it is done there. ST_IO, ST_FULL. */
ST_CHECK enum st signer_sign(const char *dir, const char *typ, const char *text, size_t size,
                             char **ret_jws, struct fault *fault);

/* Takes a programme as a person gives it, bare or signed: *ret_document is what it says, *ret_jws
 * what terminals get; the caller frees both.
 * ST_REFUSED  bare, and the private key is kept elsewhere: sign it there.
 * ST_DENIED   signed by another key. ST_FOREIGN  damaged. ST_IO, ST_FULL. */
ST_CHECK enum st signer_take(const char *dir, const char *text, size_t size, char **ret_document,
                             size_t *ret_size, char **ret_jws, struct fault *fault);

/* The private key in memory, to seal many messages. A handle may be used by one thread at a time.
 */
struct signer;

/* Loads it from the file `key`, or with NULL from `dir`, and tries it against the public one.
 * ST_REFUSED  `key` is NULL and the private key is kept elsewhere: the fault says what to do.
 * ST_DENIED   another key. ST_FOREIGN  not a private P-256 key. ST_IO, ST_FULL. */
ST_CHECK enum st signer_open(const char *dir, const char *key, struct signer **ret,
                             struct fault *fault);
void signer_close(struct signer *signer); /* accepts NULL */

/* Seals a message (hal/signed.h). The same message always gets the same seal. ST_IO. */
ST_CHECK enum st signer_seal(const struct signer *signer, const uint8_t *message, size_t size,
                             uint8_t ret_seal[SIGNED_SEAL_BYTES]);

#endif
