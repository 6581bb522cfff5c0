/* wire_mandate.h - the mandate inside the sync bodies (docs/operators.md). Private to sync/wire*.c.
 */
#ifndef SYNC_WIRE_MANDATE_H
#define SYNC_WIRE_MANDATE_H

#include <jansson.h>

#include "sync/wire.h"

/* "mandate" of `have`: the version that the terminal has. False: out of memory. */
bool wire_mandate_have_put(json_t *have, int64_t version);
/* "mandate" of the answer: a signed document; nothing when `text` is NULL. */
bool wire_mandate_put(json_t *answer, const char *text);

/* Absent: the terminal takes none, -1. ST_FOREIGN: fault names what is wrong. */
ST_CHECK enum st wire_mandate_have_get(const json_t *have, int64_t *ret, struct fault *fault);
/* Absent: NULL; else `room`, where it is copied to. */
ST_CHECK enum st wire_mandate_get(const json_t *answer, char room[MANDATE_TEXT_MAX + 1],
                                  const char **ret, struct fault *fault);

#endif
