#include "server/api_renew.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/certs.h"

static const struct {
    unsigned status;
    const char *word;
} answers[] = {[CERTS_GIVEN] = {200, ""},
               [CERTS_BARRED] = {403, "replaced"},
               [CERTS_ENDED] = {403, "ended"},
               [CERTS_OLD_KEY] = {400, "csr"},
               [CERTS_EARLY] = {429, "early"}};

/* The CA's certificate as it is now: it may have been made again since the terminal got its own. */
static enum st load_ca(const char *dir, struct wire_renew_answer *ret, struct fault *fault)
{
    char *text = NULL;
    size_t size = 0;
    enum st st = file_load(dir, "ca.pem", &text, &size, fault);
    if (st == ST_OK) {
        (void)snprintf(ret->ca, sizeof ret->ca, "%s", text);
    }
    free(text);
    return st;
}

enum st api_renew(struct db *db, const char *dir, const struct api_request *request,
                  const struct wire_renew *renew, unsigned *ret_status,
                  struct wire_renew_answer *ret, struct wire_error *ret_error, struct fault *fault)
{
    const struct certs_asking asking = {.fingerprint = request->fingerprint,
                                        .is_ended = request->identity == IDENTITY_ENDED,
                                        .now_s = request->now_s};
    enum certs_verdict verdict = CERTS_GIVEN;
    enum st st = load_ca(dir, ret, fault);
    if (st != ST_OK) {
        return st;
    }
    st = certs_renew(db, dir, renew, &asking, &verdict, ret->certificate, fault);
    const bool is_bad = st == ST_FOREIGN; /* its request, and no trouble of the club */
    if (st != ST_OK && !is_bad) {
        return st;
    }
    *ret_status = is_bad ? 400 : answers[verdict].status;
    (void)snprintf(ret_error->error, sizeof ret_error->error, "%s",
                   is_bad ? "csr" : answers[verdict].word);
    (void)snprintf(ret_error->say, sizeof ret_error->say, "%s", fault->say);
    return ST_OK;
}
