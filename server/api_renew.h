/* api_renew.h - what the club says to a terminal that asks for another certificate. Called by api.c
 * for a terminal that was screened. docs/sync.md, server/certs.h. */
#ifndef SERVER_API_RENEW_H
#define SERVER_API_RENEW_H

#include "server/api.h"
#include "sync/wire.h"

/* ST_OK: *ret_status is 200 and *ret the answer, or *ret_error says why not. Else the trouble is
 * the club's own: as of certs_renew(). */
ST_CHECK enum st api_renew(struct db *db, const char *dir, const struct api_request *request,
                           const struct wire_renew *renew, unsigned *ret_status,
                           struct wire_renew_answer *ret, struct wire_error *ret_error,
                           struct fault *fault);

#endif
