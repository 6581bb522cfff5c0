/* opener.h - the key that opens what members said of themselves (docs/decisions/0012-members.md).
 *
 * Files in the data folder: member.pem, the public key, which terminals get at enrolment and seal
 * to; member.key, the private one, readable by its owner only. The private key may be kept
 * elsewhere: put the public one there before the first start; particulars then stay sealed until
 * `vafa-club member open --key FILE`. Without the private key they are lost: keep a copy of it
 * apart from copies of the database. No state. */
#ifndef SERVER_OPENER_H
#define SERVER_OPENER_H

#include "hal/base/status.h"
#include "hal/box.h"

/* Makes a pair in `dir` if there is no public key. ST_IO, ST_CORRUPT as keypair_make(). */
ST_CHECK enum st opener_make(const char *dir, struct fault *fault);
/* The public key as PEM; the caller frees it. ST_IO. */
ST_CHECK enum st opener_public(const char *dir, char **ret_pem, struct fault *fault);
/* The private key; *ret is NULL when it is kept elsewhere. ST_IO, ST_CORRUPT: it is there and is
 * none. */
ST_CHECK enum st opener_load(const char *dir, struct box_key **ret, struct fault *fault);
/* The same from any file; `path` as a person gave it. */
ST_CHECK enum st opener_read(const char *path, struct box_key **ret, struct fault *fault);

#endif
