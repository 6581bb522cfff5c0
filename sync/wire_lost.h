/* wire_lost.h - what the club vouches for of lost cards, inside the sync bodies. Private to
 * sync/wire*.c. */
#ifndef SYNC_WIRE_LOST_H
#define SYNC_WIRE_LOST_H

#include <jansson.h>

#include "sync/wire.h"

/* Adds "lost" to `have`, or to the answer; nothing when there is none. False: out of memory. */
bool wire_lost_have_put(json_t *have, const struct wire_lost_have *lost);
bool wire_lost_put(json_t *answer, const struct wire_lost *lost);

/* Reads it; absent is fine. ST_FOREIGN: fault names what is wrong. */
ST_CHECK enum st wire_lost_have_get(const json_t *have, struct wire_lost_have *ret,
                                    struct fault *fault);
ST_CHECK enum st wire_lost_get(const json_t *answer, struct wire_lost *ret, struct fault *fault);

#endif
