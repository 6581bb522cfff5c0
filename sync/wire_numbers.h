/* wire_numbers.h - ranges of card numbers inside the sync bodies. Private to sync/wire*.c. */
#ifndef SYNC_WIRE_NUMBERS_H
#define SYNC_WIRE_NUMBERS_H

#include <jansson.h>

#include "sync/wire.h"

/* Adds "numbers" to `have`, or to the answer; nothing when there is none. False: out of memory. */
bool wire_numbers_have_put(json_t *have, const struct wire_numbers_have *numbers);
bool wire_numbers_put(json_t *answer, const struct wire_numbers *numbers);

/* Reads it; absent is fine. ST_FOREIGN: fault names what is wrong. */
ST_CHECK enum st wire_numbers_have_get(const json_t *have, struct wire_numbers_have *ret,
                                       struct fault *fault);
ST_CHECK enum st wire_numbers_get(const json_t *answer, struct wire_numbers *ret,
                                  struct fault *fault);

#endif
