/* club_api.h - the club's API for programs and people: JSON over HTTPS under /v1/club.
 *
 * Documented for its users in docs/club-api.yaml (OpenAPI 3.1), which a test holds against this
 * code. Who asks shows an API key (server/apikey.h). Knows no sockets: requests and replies are
 * those of api.h. One thread a handle; handles share a database by their own connections.
 *
 * Answers can take long (a settlement reads all books): they are not given on the thread that
 * serves terminals. So screening and answering are for two handles. */
#ifndef SERVER_CLUB_API_H
#define SERVER_CLUB_API_H

#include <stdbool.h>

#include "hal/base/status.h"
#include "server/api.h"
#include "server/signer.h"

#define CLUB_API_PATH "/v1/club"

struct club_api;

/* `db`, `dir` (the club's folder) and `signer` (NULL: the club's key is not here) stay the
 * caller's. */
ST_CHECK enum st club_api_open(struct db *db, const char *dir, const struct signer *signer,
                               struct club_api **ret, struct fault *fault);
void club_api_close(struct club_api *api); /* accepts NULL */

/* Whether the path is this API's. */
bool club_api_has(const char *path);

/* Before the body is received: path, method, key, role and size. False: the reply says why not.
 * Wrong keys are rationed; a right one is let through all the same. */
bool club_api_screen(struct club_api *api, const struct api_request *request,
                     struct api_reply *ret);
/* Answers a whole request that was let through. The reply stays until the next call. */
void club_api_answer(struct club_api *api, const struct api_request *request,
                     struct api_reply *ret);
/* The most that this request's body may have; 413 beyond it. */
size_t club_api_body_max(const struct api_request *request);
void club_api_too_large(struct club_api *api, const struct api_request *request,
                        struct api_reply *ret);

#endif
