/* keystore_ceremony.h - how two or three custodians put masters into a store, none of whom knows
 * one.
 *
 * A master is the xor of its halves (parts, when there are three); a custodian has one half of each
 * master, with its check value, on a sheet. Reads standard input: from a terminal without echo, or
 * lines from a script. For vafa-keys only. Step by step: docs/keys.md. */
#ifndef HAL_KEYSTORE_CEREMONY_H
#define HAL_KEYSTORE_CEREMONY_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "hal/keystore_admin.h"

enum { CEREMONY_CUSTODIANS_MIN = 2, CEREMONY_CUSTODIANS_MAX = 3 };

struct ceremony {
    const char *where;       /* the store, made or added to */
    bool wants[KEY_MASTERS]; /* which masters go in; at least one */
    uint8_t version;         /* 0..15 */
    unsigned custodians;     /* 2 or 3 */
    bool must_prove;         /* a store that is there: first the halves of a master in it */
    unsigned patience_s;     /* a line that is not typed within so long ends it; 0: no bound */
};

/* Prompts and check values go to standard error. Nothing is written unless all halves were right
 * and the last answer was "yes".
 * ST_REFUSED  an input was wrong (fault: which), or the answer was not "yes".
 * ST_DENIED   the proof failed.
 * ST_GONE     the input ended, or nobody typed for too long.
 * Others      as keystore_add(). */
ST_CHECK enum st keystore_ceremony(const struct ceremony *ceremony, struct fault *fault);

#endif
