/* serve_cert.h - the certificate that the server shows: another one takes its place while it runs.
 *
 * One server a process: the TLS library asks for it without a word of whom. */
#ifndef SERVER_SERVE_CERT_H
#define SERVER_SERVE_CERT_H

#include <gnutls/abstract.h>
#include <stdbool.h>

#include "hal/base/status.h"

/* Shows dir/server.pem from the next handshake on; *ret_is_new is false when it was shown already.
 * ST_IO, ST_CORRUPT: the files; then what was shown before is shown still. */
ST_CHECK enum st serve_cert_load(const char *dir, bool *ret_is_new, struct fault *fault);
/* Nothing is shown any more. No handshake may be under way. */
void serve_cert_close(void);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK. */
gnutls_certificate_retrieve_function2 serve_cert_get;

#endif
