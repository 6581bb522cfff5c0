/* wire_bons.h - which vouchers were used, inside the sync bodies. Private to sync/wire*.c. */
#ifndef SYNC_WIRE_BONS_H
#define SYNC_WIRE_BONS_H

#include <jansson.h>

#include "sync/wire.h"

/* Adds "bons" to `have`, or to the answer; nothing when there is none. False: out of memory. */
bool wire_bons_have_put(json_t *have, const struct wire_bons_have *bons);
bool wire_bons_put(json_t *answer, const struct wire_bons *bons);

/* Reads it; absent is fine. ST_FOREIGN: fault names what is wrong. */
ST_CHECK enum st wire_bons_have_get(const json_t *have, struct wire_bons_have *ret,
                                    struct fault *fault);
ST_CHECK enum st wire_bons_get(const json_t *answer, struct wire_bons *ret, struct fault *fault);

#endif
