/* api.h - the club's answers: a request's method, path, caller and body in, status and JSON out.
 *
 * Knows no sockets and no HTTP library, so that tests can call it. One thread per handle. Every
 * refusal is a JSON body with a word and a sentence, and changes nothing (docs/sync.md). */
#ifndef SERVER_API_H
#define SERVER_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "hal/box.h"
#include "server/ca.h"
#include "server/db.h"
#include "server/signer.h"

struct api;

/* Opens the books in `db`; `ca` and `programme_key` are the PEM texts that terminals pin; `signer`
 * seals actions, NULL: that key is kept elsewhere. All stay the caller's. */
ST_CHECK enum st api_open(struct db *db, const char *ca, const char *programme_key,
                          const struct signer *signer, struct api **ret, struct fault *fault);
void api_close(struct api *api); /* accepts NULL */
/* Terminals that enrol get `public_pem` to seal particulars to (docs/decisions/0012-members.md);
 * `opener` opens what they send; NULL: the private key is kept elsewhere. Both stay the caller's.
 */
void api_use_member_key(struct api *api, const char *public_pem, const struct box_key *opener);

/* The club's folder, which stays the caller's: bundles and logs are there, and how far terminals
 * have been told of actions (told.h). Without it no device is offered an update or asked for a log.
 * Fails as told_load(). */
ST_CHECK enum st api_use_folder(struct api *api, const char *dir, struct fault *fault);

/* Who is on the line, by the TLS client certificate. */
enum api_identity {
    IDENTITY_NONE,     /* no certificate was shown */
    IDENTITY_BAD,      /* one that does not chain to the club's CA */
    IDENTITY_ENDED,    /* as below, but its time is over */
    IDENTITY_VERIFIED, /* terminal and fingerprint are set; whether revoked is not tested yet */
};

/* What came after "?" in the path. */
struct api_parameter {
    const char *name, *value;
};
enum { API_PARAMETERS_MAX = 8 };

struct api_request {
    const char *method, *path;
    const char *authorization; /* NULL = none */
    struct api_parameter parameters[API_PARAMETERS_MAX];
    size_t parameter_count;       /* may be above the maximum: then the rest is missing */
    const char *content_encoding; /* NULL = none */
    bool accepts_gzip;
    enum api_identity identity;
    uint32_t terminal;
    uint8_t fingerprint[CA_FINGERPRINT_BYTES];
    uint64_t announced_bytes; /* Content-Length; 0 when absent */
    const void *body;
    size_t body_bytes;
    int64_t now_s;
};

struct api_reply {
    unsigned status;
    const void *body; /* stays until the next call on the handle */
    size_t body_bytes;
    bool is_gzip;
    bool is_bytes;     /* application/octet-stream; else JSON */
    const char *allow; /* of a 405: the methods that the path takes */
};

/* The most that a body may be as it travels; receiving more is refused with api_too_large(). */
size_t api_body_max(const struct api_request *request);

/* Looks at everything but the body, before it is received: true means go on. False: the reply says
 * why not, and nothing more need be read. */
bool api_screen(struct api *api, const struct api_request *request, struct api_reply *ret);
/* Answers a whole request that api_screen() let through. */
void api_answer(struct api *api, const struct api_request *request, struct api_reply *ret);
/* 413, for a body that grew beyond api_body_max(). */
void api_too_large(struct api *api, struct api_reply *ret);

#endif
