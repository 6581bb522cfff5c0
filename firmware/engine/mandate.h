/* mandate.h - what the club lets one terminal do: its operators, and its allowance.
 *
 * A JSON document that the club signs as a JWS of typ "vafa-mandate" (hal/signed.h); format and
 * reasons: docs/operators.md, docs/limits.md. Both directions are here, so that club and terminal
 * can only disagree about the page. No I/O, no clock; loading and writing allocate while they run
 * (jansson). */
#ifndef FIRMWARE_ENGINE_MANDATE_H
#define FIRMWARE_ENGINE_MANDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/limits.h"
#include "firmware/engine/operators.h"
#include "hal/base/status.h"

#define MANDATE_TYP "vafa-mandate"

enum {
    MANDATE_FORMAT = 1,
    MANDATE_OPERATORS_MAX = 1000,
    MANDATE_NAME_MAX = 64,      /* with its NUL */
    MANDATE_TEXT_MAX = 1048576, /* bytes of a signed one: 1,000 operators with every limit */
    MANDATE_IDLE_MINUTES_MAX = 1440,
};

struct mandate_operator {
    uint32_t number; /* 1..65535 */
    uint8_t role;    /* enum operator_role */
    bool is_blocked; /* he may not sign in any more */
    char name[MANDATE_NAME_MAX];
    uint64_t card_number;       /* operator card; a medium that is linked to it does, too */
    char pin[PIN_VERIFIER_MAX]; /* "" = he has none yet and cannot sign in */
    uint32_t unlocks;           /* how often the club has unlocked him */
    struct limits day;          /* his own, besides the programme's */
};

struct mandate {
    uint32_t terminal;     /* whose it is; for no other */
    int64_t version;       /* 1..LIMIT_MAX: a newer one replaces an older one, never back */
    bool requires_sign_in; /* whatever moves value takes a signed-in operator */
    uint32_t idle_minutes; /* 1..MANDATE_IDLE_MINUTES_MAX: then he is signed out */
    struct limits total;   /* granted to this terminal in all, since its first entry */
    struct limits day;     /* and by day */
    size_t operator_count;
    struct mandate_operator operators[MANDATE_OPERATORS_MAX]; /* numbers and cards differ */
};

/* Reads the document of `size` bytes. ST_FOREIGN: not a mandate, or a field is missing, unknown or
 * out of range. ST_UNSUPPORTED: of a later format. ST_FULL: no memory. *ret is undefined unless
 * ST_OK. */
ST_CHECK enum st mandate_read(const char *text, size_t size, struct mandate *ret,
                              struct fault *fault);
/* Writes it; the caller frees *ret, NUL-terminated. Fields out of range are bugs. ST_FULL no
 * memory, or a name that is not UTF-8. */
ST_CHECK enum st mandate_write(const struct mandate *mandate, char **ret);

/* Copies what is in use: a terminal with few operators touches little memory. */
void mandate_copy(const struct mandate *from, struct mandate *ret);

/* NULL: there is none. */
const struct mandate_operator *mandate_find(const struct mandate *mandate, uint32_t number);
const struct mandate_operator *mandate_find_card(const struct mandate *mandate,
                                                 uint64_t card_number);

#endif
