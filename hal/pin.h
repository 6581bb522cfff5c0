/* pin.h - PINs of operators: what is kept of one, and whether a PIN is it.
 *
 * Kept is a verifier, text: "1.VERSION.COST.SALT.TAG". A key is made of the PIN by
 * PBKDF2-HMAC-SHA256 (RFC 8018) with the salt (16 random bytes) and COST iterations, and TAG is the
 * keyed hash of that key's hexadecimal digits under the media master VERSION (keystore.h, kind
 * PIN_KIND). So who has the verifier and no key store cannot try a single PIN; who has both pays
 * COST iterations for each. Why: docs/decisions/0013-limits-and-operators.md. No state. */
#ifndef HAL_PIN_H
#define HAL_PIN_H

#include "firmware/engine/operators.h"
#include "hal/base/status.h"
#include "hal/keystore.h"

enum {
    PIN_DIGITS_MIN = 4,
    PIN_DIGITS_MAX = 12,
    PIN_COST = 50000, /* iterations of a new verifier */
    PIN_COST_MIN = 10000,
    PIN_COST_MAX = 1000000,
    PIN_KIND = 0x50, /* among the kinds of keystore_medium_tag(): no medium has it */
};

/* Makes the verifier of a new PIN under the newest media master.
 * ST_FOREIGN      not 4 to 12 digits: fault says so, without a digit.
 * ST_REFUSED      a PIN that is tried first: all digits alike, or in a row.
 * ST_UNSUPPORTED  the store has no media master. ST_IO no random numbers, or a token is silent. */
ST_CHECK enum st pin_make(const struct keystore *keys, const char *pin,
                          char ret_verifier[PIN_VERIFIER_MAX], struct fault *fault);

/* Takes tens of milliseconds.
 * ST_OK           it is that PIN.
 * ST_DENIED       it is not.
 * ST_FOREIGN      the verifier is none of ours, or costs more than PIN_COST_MAX.
 * ST_UNSUPPORTED  `keys` has no such master. ST_IO a token is silent. */
ST_CHECK enum st pin_check(const struct keystore *keys, const char *verifier, const char *pin);

#endif
