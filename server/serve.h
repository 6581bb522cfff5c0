/* serve.h - the club on the network: HTTPS in front of api.h.
 *
 * The only user of microhttpd.h. TLS 1.2 or newer; clients may show a certificate. One internal
 * epoll thread serves all connections and does all posting: SQLite has one writer anyway. Sizes,
 * connections and idle times are bounded. */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "hal/base/status.h"

enum {
    SERVE_CONNECTIONS_MAX = 512,
    SERVE_IDLE_S = 30,
};

/* Serves the club in `dir` at `listen` ("ADDRESS:PORT", "[::1]:8443") until SIGTERM or SIGINT, then
 * finishes what is being posted and returns ST_OK.
 * ST_FOREIGN  `listen` is not an address and port.  ST_IO: it is taken, or TLS failed; fault.
 * Other       the database: server/db.h. */
ST_CHECK enum st serve(const char *dir, const char *listen, struct fault *fault);

#endif
