/* signing.h - the keys that programmes are signed with, and signing. */
#ifndef TOOLS_PROGRAMME_SIGNING_H
#define TOOLS_PROGRAMME_SIGNING_H

#include "tools/programme/document.h"

/* Makes a P-256 pair and writes the private key, 0600, to a file that must not exist. ST_REFUSED:
 * it does. ST_IO. */
ST_CHECK enum st signing_key(const char *private_path, struct fault *fault);
/* Gives the public key of a private one; the caller frees *ret, a PEM. */
ST_CHECK enum st signing_public(const char *private_path, char **ret, struct fault *fault);
/* Signs the document, which must be plain; the caller frees *ret. ST_REFUSED: it is signed. */
ST_CHECK enum st signing_sign(const char *private_path, const struct document *document, char **ret,
                              struct fault *fault);

#endif
