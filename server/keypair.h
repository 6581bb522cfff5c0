/* keypair.h - a P-256 pair in two files of the club's folder: one for others, one for nobody. */
#ifndef SERVER_KEYPAIR_H
#define SERVER_KEYPAIR_H

#include "hal/base/status.h"

/* Makes the pair when there is no public key: the private file has mode 0600. It may be kept
 * elsewhere: then only the public one is there, and stays as it is.
 * ST_IO       a file cannot be read or written.
 * ST_CORRUPT  a private key that is none, or a public key that is none. */
ST_CHECK enum st keypair_make(const char *dir, const char *public_name, const char *private_name,
                              struct fault *fault);

#endif
