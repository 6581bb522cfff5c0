/* wire_links.h - the links of media inside the sync bodies. Private to sync/wire*.c. */
#ifndef SYNC_WIRE_LINKS_H
#define SYNC_WIRE_LINKS_H

#include <jansson.h>

#include "sync/wire.h"

/* Adds "links" to `have`, or to the answer; nothing when there is none. False: out of memory. */
bool wire_links_have_put(json_t *have, const struct wire_links_have *links);
bool wire_links_put(json_t *answer, const struct wire_links *links);

/* Reads it; absent is fine. ST_FOREIGN: fault names what is wrong. */
ST_CHECK enum st wire_links_have_get(const json_t *have, struct wire_links_have *ret,
                                     struct fault *fault);
ST_CHECK enum st wire_links_get(const json_t *answer, struct wire_links *ret, struct fault *fault);

#endif
