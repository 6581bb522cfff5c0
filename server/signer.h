/* signer.h - the key that the club signs programmes with (docs/decisions/0006).
 *
 * Files in the data folder: programme.pem, the public key, which terminals get at enrolment and
 * keep; programme.key, the private one, readable by its owner only. The private key may be kept
 * elsewhere: put the public one there before the first start, and sign with vafa-programme. No
 * state. */
#ifndef SERVER_SIGNER_H
#define SERVER_SIGNER_H

#include <stddef.h>

#include "hal/base/status.h"

/* Makes a pair in `dir` if there is no public key.
 * ST_IO       a file cannot be read or written.
 * ST_CORRUPT  a private key without its public one, or a public key that is none. */
ST_CHECK enum st signer_make(const char *dir, struct fault *fault);

/* The public key as PEM; the caller frees it. ST_IO. */
ST_CHECK enum st signer_public(const char *dir, char **ret_pem, struct fault *fault);

/* The private key as PEM; the caller wipes and frees it. ST_REFUSED: it is kept elsewhere, so what
 * needs it is done there. ST_IO. */
ST_CHECK enum st signer_private(const char *dir, char **ret_pem, size_t *ret_size,
                                struct fault *fault);

/* Takes a programme as a person gives it, bare or signed: *ret_document is what it says, *ret_jws
 * what terminals get; the caller frees both.
 * ST_REFUSED  bare, and the private key is kept elsewhere: sign it there.
 * ST_DENIED   signed by another key. ST_FOREIGN  damaged. ST_IO, ST_FULL. */
ST_CHECK enum st signer_take(const char *dir, const char *text, size_t size, char **ret_document,
                             size_t *ret_size, char **ret_jws, struct fault *fault);

#endif
