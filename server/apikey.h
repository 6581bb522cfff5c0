/* apikey.h - the keys by which programs and people use the club's API (docs/club.md 11).
 *
 * A key is a text that is shown once; the database keeps its SHA-256 only. It has 200 random bits,
 * so that it cannot be found by trying. A role may do all that the roles before it may. */
#ifndef SERVER_APIKEY_H
#define SERVER_APIKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"

/* In the database: never renumber. */
enum apikey_role {
    APIKEY_NONE = 0,
    APIKEY_READER = 1,  /* looks */
    APIKEY_CLERK = 2,   /* does a counter's daily work: the hotlist, cases, codes */
    APIKEY_MANAGER = 3, /* moves value and closes periods */
};

enum {
    APIKEY_NAME_MAX = 64,
    APIKEY_TEXT_BYTES = 64, /* "vafa_12_" and 40 letters and digits, a NUL */
    APIKEY_DAYS_DEFAULT = 365,
    APIKEY_DAYS_MAX = 3650,
};

/* "reader", "clerk", "manager". APIKEY_NONE for any other word; "none" for any other number. */
enum apikey_role apikey_role_of_word(const char *word);
const char *apikey_role_word(enum apikey_role role);

struct apikey {
    int64_t number; /* from 1 */
    char name[APIKEY_NAME_MAX + 1];
    enum apikey_role role;
    int64_t made_at, expires_at;
    int64_t revoked_at; /* 0 = not */
};

/* Makes a key that is good for `days`, 1..APIKEY_DAYS_MAX.
 * ST_FOREIGN  the name is empty, too long or not UTF-8, or the days are out of range. */
ST_CHECK enum st apikey_new(struct db *db, const char *name, enum apikey_role role, int64_t days,
                            int64_t now_s, char ret_text[APIKEY_TEXT_BYTES], struct fault *fault);
/* The key with the lowest number above `after`; *ret_found is false after the last. */
ST_CHECK enum st apikey_next(struct db *db, int64_t after, struct apikey *ret, bool *ret_found);
/* Refuses the key from its next request on; again is fine. ST_REFUSED: there is no such key. */
ST_CHECK enum st apikey_revoke(struct db *db, int64_t number, int64_t now_s, struct fault *fault);

enum apikey_standing { APIKEY_GOOD, APIKEY_WRONG, APIKEY_EXPIRED, APIKEY_REVOKED };
/* Whose text it is: *ret is filled in unless the standing is APIKEY_WRONG. */
ST_CHECK enum st apikey_find(struct db *db, const char *text, int64_t now_s, struct apikey *ret,
                             enum apikey_standing *ret_standing);

#endif
