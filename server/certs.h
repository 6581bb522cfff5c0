/* certs.h - the certificates of terminals: which one is a terminal's now, and how it gets the next.
 *
 * A terminal has one that is current, older ones that were replaced, and at most one that was given
 * and not shown yet. The first request under that one makes it the current one, and every other is
 * refused from then on. A replaced one that is shown all the same is noted: another machine has the
 * terminal's key, or its disk was put back from a copy. Why so: docs/decisions/0020-renewal.md.
 *
 * Functions on the database; each write is one transaction of its own but for certs_add(). db's
 * statuses (server/db.h) besides those named. */
#ifndef SERVER_CERTS_H
#define SERVER_CERTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/ca.h"
#include "server/db.h"
#include "sync/wire.h"

enum {
    CERTS_AGE_S = 30 * 86400,    /* a certificate is renewed when it is as old as that, */
    CERTS_AGAIN_S = 86400,       /* and for another key when the last one was given so long ago */
    CERTS_ALLOWED_S = 7 * 86400, /* how long a person's word lets in one that has ended */
    CERTS_LISTED_MAX = 100,      /* the newest ones */
    CERTS_LATE_S = 3600,         /* a replaced one that is shown over and over: noted so often */
};

/* Notes a certificate, within the caller's write transaction. `seen_at`: it is shown already, or 0.
 */
ST_CHECK enum st certs_add(struct db *db, uint32_t terminal, const struct ca_signed *cert,
                           int64_t now_s, int64_t seen_at);

enum certs_standing { CERTS_GOOD, CERTS_UNKNOWN, CERTS_REVOKED, CERTS_REPLACED };
/* What the club thinks of a certificate that the terminal has just shown, and notes that it has. */
ST_CHECK enum st certs_shown(struct db *db, uint32_t terminal,
                             const uint8_t fingerprint[CA_FINGERPRINT_BYTES], int64_t now_s,
                             enum certs_standing *ret);

/* What the terminal, and so its shop, is told when its certificate has ended. */
void certs_say_ended(uint32_t terminal, struct fault *fault);

struct certs_asking {
    const uint8_t *fingerprint; /* of the certificate by which it asks */
    bool is_ended;              /* that one has run out */
    int64_t now_s;
};
enum certs_verdict {
    CERTS_GIVEN,
    CERTS_BARRED,  /* revoked or replaced meanwhile */
    CERTS_ENDED,   /* it has ended, and nobody has allowed its renewal: a person must act */
    CERTS_OLD_KEY, /* the request has a key that the terminal had before */
    CERTS_EARLY,   /* too soon after the last one */
};
/* Another certificate for the key of renew->csr; the same key gets the same one again. With any
 * other verdict than CERTS_GIVEN the fault says why, and nothing has changed.
 * ST_FOREIGN  the request is none: ca_check_request().  ST_IO, ST_CORRUPT: also the CA's files. */
ST_CHECK enum st certs_renew(struct db *db, const char *dir, const struct wire_renew *renew,
                             const struct certs_asking *asking, enum certs_verdict *ret,
                             char ret_pem[WIRE_PEM_MAX + 1], struct fault *fault);

/* All that the terminal had, the newest first: an array of objects with the members of
 * docs/club-api.yaml, fleet_terminal. The caller owns it. */
ST_CHECK enum st certs_array(struct db *db, uint32_t terminal, json_t **ret);

/* A person's word: for CERTS_ALLOWED_S the terminal may renew though its certificate has ended.
 * ST_REFUSED: there is no such terminal, or it is revoked or dead. */
ST_CHECK enum st certs_allow(struct db *db, uint32_t terminal, int64_t now_s, struct fault *fault);

#endif
