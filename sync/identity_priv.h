/* identity_priv.h - what the files of the identity share. Private to sync/identity*.c. */
#ifndef SYNC_IDENTITY_PRIV_H
#define SYNC_IDENTITY_PRIV_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/pk.h>
#include <stdbool.h>

#include "sync/identity.h"

enum { IDENTITY_TEMPORARY_BYTES = IDENTITY_PATH_MAX + 5 };

/* ST_IO, by errno. */
ST_CHECK enum st identity_disk_fault(const char *what, struct fault *fault);
ST_CHECK enum st identity_sync_folder(const struct identity *identity, struct fault *fault);
void identity_name_temporary(const char *name, char ret[IDENTITY_TEMPORARY_BYTES]);
/* Temporary file, fsync, rename, fsync of the folder: the old or the new file, never a part. */
ST_CHECK enum st identity_write(const struct identity *identity, const char *name, const char *text,
                                struct fault *fault);
/* *ret_missing: there is no such file, and ST_OK. */
ST_CHECK enum st identity_read(const char *name, char ret_text[IDENTITY_PEM_MAX + 1],
                               bool *ret_missing, struct fault *fault);

/* Makes a key and writes it into `name`. */
ST_CHECK enum st identity_make_key(const struct identity *identity, const char *name,
                                   mbedtls_ctr_drbg_context *random, mbedtls_pk_context *key,
                                   struct fault *fault);
ST_CHECK enum st identity_make_request(mbedtls_ctr_drbg_context *random, mbedtls_pk_context *key,
                                       char ret_request[IDENTITY_PEM_MAX + 1], struct fault *fault);
/* Is the certificate for this key, does it name `terminal`, and did that CA make it? ST_DENIED: no.
 */
ST_CHECK enum st identity_check(mbedtls_pk_context *key, uint32_t terminal,
                                const char *certificate_pem, const char *ca_pem,
                                mbedtls_ctr_drbg_context *random, struct fault *fault);

#endif
