/* serve.h - the club on the network: HTTPS in front of api.h.
 *
 * The only user of microhttpd.h. TLS 1.2 or newer; clients may show a certificate. One internal
 * epoll thread serves all connections and does all posting: SQLite has one writer anyway. Sizes,
 * connections and idle times are bounded. */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include <stddef.h>

#include "hal/base/status.h"

enum {
    SERVE_CONNECTIONS_MAX = 512,
    SERVE_IDLE_S = 30,
    SERVE_TEND_S = 3600, /* so often the club's own certificates are looked at */
};

struct serve_config {
    const char *dir;
    const char *listen;       /* "ADDRESS:PORT", "[::1]:8443" */
    const char *const *hosts; /* the names that terminals call it by: ca_make() */
    size_t host_count;
};

/* Serves the club until SIGTERM or SIGINT, then finishes what is being posted and returns ST_OK.
 * Its own certificates are renewed while it runs (ca_make(): every SERVE_TEND_S, and on SIGHUP).
 * ST_FOREIGN  `listen` is not an address and port.  ST_IO: it is taken, or TLS failed; fault.
 * Other       the database: server/db.h. */
ST_CHECK enum st serve(const struct serve_config *config, struct fault *fault);

#endif
