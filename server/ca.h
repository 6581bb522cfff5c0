/* ca.h - the club's certificate authority: two P-256 keys and the certificates that they sign.
 *
 * Files in the data folder: ca.key, ca.pem (what terminals pin), server.key, server.pem. Keys are
 * readable by their owner only. No state; every call reads what it needs. How long each lives and
 * who renews it: docs/decisions/0020-renewal.md. */
#ifndef SERVER_CA_H
#define SERVER_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hal/base/status.h"
#include "sync/wire.h"

enum {
    CA_YEARS = 20,        /* of 365 days */
    CA_AGAIN_YEARS = 10,  /* with less than that left it is made again, with the same key */
    CA_SERVER_DAYS = 365, /* renewed within the last CA_RENEW_DAYS */
    CA_RENEW_DAYS = 60,
    CA_TERMINAL_DAYS = 730,
    CA_FINGERPRINT_BYTES = 32,
    CA_HOSTS_MAX = 16,
};

/* Makes what is missing in `dir`; the CA's certificate again, of the same key and name, when it has
 * less than CA_AGAIN_YEARS left; and a new server certificate when the hosts are not those of the
 * old one or it ends soon. Hosts are DNS names or IP addresses.
 * ST_IO       a file cannot be read or written: fault names it.
 * ST_CORRUPT  only half of a pair is there, or not readable as one: nothing is replaced, because
 *             terminals trust the old one; a person must act. */
ST_CHECK enum st ca_make(const char *dir, const char *const *hosts, size_t host_count,
                         struct fault *fault);

/* Tests a PKCS#10 request: signed by its own key (the sender has it), which is on P-256. What else
 * it asks for is ignored. `ret_key` is the SHA-256 of the key (its SubjectPublicKeyInfo); NULL: not
 * wanted. ST_FOREIGN: it is not one; fault says why. */
ST_CHECK enum st ca_check_request(const char *csr, uint8_t ret_key[CA_FINGERPRINT_BYTES],
                                  struct fault *fault);

struct ca_signed {
    char pem[WIRE_PEM_MAX + 1];
    uint8_t fingerprint[CA_FINGERPRINT_BYTES]; /* SHA-256 of the certificate, */
    uint8_t key[CA_FINGERPRINT_BYTES];         /* and of its key, as above */
    int64_t ends_at;
};

/* Signs a certificate for the request's key: CN = the terminal's number, for TLS clients only.
 * ST_FOREIGN as above; ST_IO, ST_CORRUPT: the CA's files. */
ST_CHECK enum st ca_sign(const char *dir, const char *csr, uint32_t terminal, int64_t now_s,
                         struct ca_signed *ret, struct fault *fault);

/* The highest terminal number that was ever given out, kept beside the database because a restored
 * database has forgotten its last terminals: their numbers and cards are out in the world.
 * *ret is 0 when there is none. ST_IO; ST_CORRUPT: the file is not a number. */
ST_CHECK enum st ca_last_load(const char *dir, uint32_t *ret, struct fault *fault);
/* Durable when it returns. ST_IO. */
ST_CHECK enum st ca_last_store(const char *dir, uint32_t terminal, struct fault *fault);

/* Reads dir/name (NULL = the current folder) whole into memory that the caller frees,
 * NUL-terminated; up to 1 MiB. ST_IO: fault names the file. */
ST_CHECK enum st file_load(const char *dir, const char *name, char **ret_text, size_t *ret_size,
                           struct fault *fault);

bool file_exists(const char *dir, const char *name);

/* Writes dir/name aside, synced, then renamed: it is there whole or not at all. ST_IO. */
ST_CHECK enum st file_store(const char *dir, const char *name, const void *bytes, size_t size,
                            mode_t mode, struct fault *fault);

#endif
