/* identity.h - who this terminal is on the line: a P-256 key that never leaves its folder, the
 * request made with it, and the certificate that the club gave for it.
 *
 * Files in the folder (mode 0700, files 0600): key.pem, request.pem, terminal.pem, ca.pem. A file
 * is replaced whole or not at all, also by a power cut. Once a certificate was renewed, key.pem has
 * the key and, behind it, its certificate, so that both change at one stroke, and terminal.pem is a
 * link to it; before.pem has the two that were before, aside.pem two that a club had forgotten when
 * it gave the next, next.pem the key of a certificate that is being asked for. Programs that know
 * of two files alone go on with that.
 *
 * Statuses: ST_IO the disk; ST_REFUSED a file that is there is not what it should be. */
#ifndef SYNC_IDENTITY_H
#define SYNC_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum { IDENTITY_PATH_MAX = 255, IDENTITY_PEM_MAX = 8192 };

struct identity {
    char key[IDENTITY_PATH_MAX + 1], request[IDENTITY_PATH_MAX + 1];
    char certificate[IDENTITY_PATH_MAX + 1], ca[IDENTITY_PATH_MAX + 1];
    char before[IDENTITY_PATH_MAX + 1], aside[IDENTITY_PATH_MAX + 1];
    char next[IDENTITY_PATH_MAX + 1];
    char folder[IDENTITY_PATH_MAX + 1];
};

enum identity_pair { IDENTITY_NOW, IDENTITY_BEFORE, IDENTITY_ASIDE, IDENTITY_PAIRS };

/* Names the files. ST_REFUSED: the folder's name is too long. */
ST_CHECK enum st identity_init(const char *folder, struct identity *ret, struct fault *fault);

/* Makes folder, key and request, each only when missing, and reads the request: a second try, after
 * whatever cut, asks with the same bytes. */
ST_CHECK enum st identity_request(const struct identity *identity,
                                  char ret_request[IDENTITY_PEM_MAX + 1], struct fault *fault);

/* Reads the key, for who signs with it: the caller wipes it. ST_REFUSED: there is none. */
ST_CHECK enum st identity_key(const struct identity *identity, char ret_pem[IDENTITY_PEM_MAX + 1],
                              struct fault *fault);

/* Tests that the certificate is for our key, names `terminal` and was made by `ca_pem`. ST_DENIED:
 * it is not. */
ST_CHECK enum st identity_fits(const struct identity *identity, uint32_t terminal,
                               const char *certificate_pem, const char *ca_pem,
                               struct fault *fault);
/* Stores the club's answer when it fits; the certificate last. */
ST_CHECK enum st identity_store(const struct identity *identity, uint32_t terminal,
                                const char *certificate_pem, const char *ca_pem,
                                struct fault *fault);

/* --- another certificate ---------------------------------------------------------------------- */

/* A request for a new key, which is made when there is none and stays until identity_take_next() or
 * identity_drop_next(): asked again, after whatever cut, it is for the same key. */
ST_CHECK enum st identity_next(const struct identity *identity,
                               char ret_request[IDENTITY_PEM_MAX + 1], struct fault *fault);
/* Stores what the club answered to it, at one stroke: after a cut anywhere key and certificate fit,
 * the old ones or the new. `in_use`: whose certificate asked; then key.pem's, which the club did
 * not take, go to whichever of the other two did not ask. ST_DENIED: the certificate is not for the
 * new key, does not name `terminal` or was not made by `ca_pem`; or that is not the CA that is
 * pinned, made again with the same key. */
ST_CHECK enum st identity_take_next(const struct identity *identity, enum identity_pair in_use,
                                    uint32_t terminal, const char *certificate_pem,
                                    const char *ca_pem, struct fault *fault);
/* The club knows the two of aside.pem, after all: key.pem has them from now on, at one stroke. */
ST_CHECK enum st identity_take_aside(const struct identity *identity, struct fault *fault);
/* The club will not have that key: the next request is for another one. ST_IO. */
ST_CHECK enum st identity_drop_next(const struct identity *identity, struct fault *fault);

struct identity_life {
    int64_t from_s, to_s; /* seconds since 1970 */
    uint32_t chance;      /* of the certificate, and always the same */
};
/* When the certificate in that file is valid. ST_REFUSED: there is none. */
ST_CHECK enum st identity_life(const char *file, struct identity_life *ret, struct fault *fault);

#endif
