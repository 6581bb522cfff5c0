/* keystore_words.h - what a ceremony is to do, in people's words: version, roles, custodians.
 *
 * Pure but for words_show(). For vafa-keys only. */
#ifndef HAL_KEYSTORE_WORDS_H
#define HAL_KEYSTORE_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/keystore_ceremony.h"

enum { WORDS_ROLES_MAX = 40 }; /* "classic spend load issue media" */

/* False: `text` is no such thing, and *ret is as it was. */
bool words_take_version(const char *text, struct ceremony *ret);    /* "0" to "15" */
bool words_take_custodians(const char *text, struct ceremony *ret); /* "2" or "3" */
bool words_take_seconds(const char *text, struct ceremony *ret);    /* 1 to 3600: patience */
/* One role or several, with blanks or commas between: "spend, load". They come to those that *ret
 * has. */
bool words_take_roles(const char *text, struct ceremony *ret);

/* The roles that the store has in that version, as words_take_roles() reads them; "" is none. */
void words_roles_of(const struct keystore *keystore, uint8_t version, char ret[WORDS_ROLES_MAX]);

/* What kind of store it is, and the check value of each master: a line each. */
void words_show(FILE *to, const struct keystore *keystore);

#endif
