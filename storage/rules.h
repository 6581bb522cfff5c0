/* rules.h - which programme is in force: signed by the club, newer, and one that this firmware
 * runs.
 *
 * The public key that the club signs with comes with the terminal's certificate at enrolment and is
 * kept in the setting `programme.key`. From then on only what that key signed is taken, from the
 * line, from a file and from the database itself, at every start. A terminal that belongs to no
 * club yet has no key: it takes a bare document from a file, and nothing signed. */
#ifndef STORAGE_RULES_H
#define STORAGE_RULES_H

#include "firmware/engine/programme.h"
#include "hal/signed.h"
#include "storage/store.h"

/* What a signature is for (hal/signed.h). */
#define RULES_TYP "vafa-programme"

/* The key that the club signs with; the caller frees *ret, which is NULL when this terminal belongs
 * to no club. ST_FOREIGN: what is kept is no key. Others: the store's. */
ST_CHECK enum st rules_key(struct store *store, struct signed_key **ret, struct fault *fault);

/* Puts a programme in force; *ret_version (may be NULL) is its version.
 * ST_OK           it is, or was already.
 * ST_FOREIGN, ST_UNSUPPORTED, ST_DENIED, ST_REFUSED  it is refused whole and the old one stays:
 *                 damaged or wrong, beyond this firmware, not signed by the club, or not to follow
 *                 the one in force. The fault says why, the setting `programme.refused` keeps it.
 * Others          the store's. */
ST_CHECK enum st rules_take(struct store *store, const char *text, size_t size,
                            uint32_t *ret_version, struct fault *fault);

/* Loads the programme in force; the caller frees it. ST_REFUSED: there is none. ST_FOREIGN,
 * ST_UNSUPPORTED, ST_DENIED: what is stored is not to be run (fault), so nothing may be sold. */
ST_CHECK enum st rules_load(struct store *store, struct programme **ret, struct fault *fault);

#endif
