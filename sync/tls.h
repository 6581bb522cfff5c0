/* tls.h - one TLS connection to the club, with a bound on the time of every phase.
 *
 * The only user of mbedtls/ssl.h. TLS 1.2 or newer; the club must show a certificate of the pinned
 * CA that carries its name (or its address, when that is how it is called). Every call ends within
 * timeout_ms, even when the other side sends a byte now and then. One exception: the names
 * resolver keeps its own bounds (resolv.conf(5); a numeric address avoids it).
 *
 * Statuses of every call, and what the caller does:
 * ST_IO       no line, silence past the bound, damage, or stop_fd became readable: try again later.
 * ST_GONE     the other side closed the line.
 * ST_DENIED   a certificate is wrong, ours or theirs: say it; a person must act.
 * ST_REFUSED  our own files (CA, certificate, key) cannot be used: say it; a person must act.
 * After any of them only tls_close() is left to do. */
#ifndef SYNC_TLS_H
#define SYNC_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum { TLS_NAME_MAX = 253, TLS_PORT_MAX = 5 };

struct tls;

struct tls_config {
    const char *host, *port; /* at most TLS_NAME_MAX and TLS_PORT_MAX characters, name too */
    const char *name;        /* what the club's certificate must say; NULL = host */
    const char *ca_file;     /* PEM: the CA that the club's certificate must chain to */
    const char *cert_file;   /* PEM: ours; NULL = show none, then key_file is NULL too */
    const char *key_file;
    /* A clock that nobody ever set must not lock the terminal out: then the certificates' times are
     * not tested, all else is. */
    bool ignore_times;
    int stop_fd;    /* readable = give up at once; -1 = none */
    int timeout_ms; /* > 0, for each: connect, handshake, and every call below */
};

/* Connects and shakes hands. The config's texts must live as long as *ret. */
ST_CHECK enum st tls_open(const struct tls_config *config, struct tls **ret, struct fault *fault);
void tls_close(struct tls *tls); /* accepts NULL */
/* True while the other side has neither sent anything unasked nor closed the line. */
bool tls_is_quiet(const struct tls *tls);

/* Sends all of it. */
ST_CHECK enum st tls_write(struct tls *tls, const void *bytes, size_t size, struct fault *fault);
/* Receives 1..max bytes before `deadline_ms` of clock_monotonic_ms(). */
ST_CHECK enum st tls_read(struct tls *tls, void *ret_bytes, size_t max, int64_t deadline_ms,
                          size_t *ret_size, struct fault *fault);

#endif
