/* identity.h - who this terminal is on the line: a P-256 key that never leaves its folder, the
 * request made with it, and the certificate that the club gave for it.
 *
 * Files in the folder (mode 0700, files 0600): key.pem, request.pem, terminal.pem, ca.pem. A file
 * is replaced whole or not at all, also by a power cut.
 *
 * Statuses: ST_IO the disk; ST_REFUSED a file that is there is not what it should be. */
#ifndef SYNC_IDENTITY_H
#define SYNC_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum { IDENTITY_PATH_MAX = 255, IDENTITY_PEM_MAX = 8192 };

struct identity {
    char key[IDENTITY_PATH_MAX + 1], request[IDENTITY_PATH_MAX + 1];
    char certificate[IDENTITY_PATH_MAX + 1], ca[IDENTITY_PATH_MAX + 1];
    char folder[IDENTITY_PATH_MAX + 1];
};

/* Names the files. ST_REFUSED: the folder's name is too long. */
ST_CHECK enum st identity_init(const char *folder, struct identity *ret, struct fault *fault);

/* Makes folder, key and request, each only when missing, and reads the request: a second try, after
 * whatever cut, asks with the same bytes. */
ST_CHECK enum st identity_request(const struct identity *identity,
                                  char ret_request[IDENTITY_PEM_MAX + 1], struct fault *fault);

/* Reads the key, for who signs with it: the caller wipes it. ST_REFUSED: there is none. */
ST_CHECK enum st identity_key(const struct identity *identity, char ret_pem[IDENTITY_PEM_MAX + 1],
                              struct fault *fault);

/* Stores the club's answer after checking that the certificate is for our key, names `terminal` and
 * was made by `ca_pem`. ST_DENIED: it is not. */
ST_CHECK enum st identity_store(const struct identity *identity, uint32_t terminal,
                                const char *certificate_pem, const char *ca_pem,
                                struct fault *fault);

#endif
