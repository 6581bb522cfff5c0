/* desk.h - one thread that answers the club's API, beside the one that serves terminals.
 *
 * An answer can take long, when it reads all books; a terminal must not wait for it. The desk has a
 * connection to the database of its own, and answers in the order of arrival. */
#ifndef SERVER_DESK_H
#define SERVER_DESK_H

#include <stddef.h>

#include "hal/base/status.h"
#include "server/club_api.h"

struct desk;

/* Something to answer. It and the request stay the caller's, unchanged until `done` is called. */
struct desk_job {
    const struct api_request *request;
    void (*done)(void *context); /* on the desk's thread, when the fields below are set */
    void *context;
    struct api_reply reply; /* its body is at `body` */
    char *body;             /* the caller frees it; NULL: no memory for an answer */
    struct desk_job *next;  /* the desk's */
};

/* Opens the database in `dir` and starts the thread. */
ST_CHECK enum st desk_open(const char *dir, struct desk **ret, struct fault *fault);
/* False: the desk has ended, and `done` will not be called. */
bool desk_put(struct desk *desk, struct desk_job *job);

/* Answers what still waits; takes no more. */
void desk_end(struct desk *desk);
/* Ends it, when it has not, and frees it: nobody may put any more. Accepts NULL. */
void desk_close(struct desk *desk);

#endif
