/* wire_actions.h - the stream of the club's actions inside the sync bodies. Private to
 * sync/wire*.c.
 */
#ifndef SYNC_WIRE_ACTIONS_H
#define SYNC_WIRE_ACTIONS_H

#include <jansson.h>

#include "sync/wire.h"

/* Adds "actions" to `have`, or to the answer; nothing when there is none. False: out of memory. */
bool wire_actions_have_put(json_t *have, const struct wire_actions_have *actions);
bool wire_actions_put(json_t *answer, const struct wire_actions *actions);

/* Reads it; absent is fine. ST_FOREIGN: fault names what is wrong. ST_IO: no memory. `ret_list` has
 * room for WIRE_ACTIONS_MAX and is what ret->list points to. */
ST_CHECK enum st wire_actions_have_get(const json_t *have, struct wire_actions_have *ret,
                                       struct fault *fault);
ST_CHECK enum st wire_actions_get(const json_t *answer, struct wire_actions *ret,
                                  struct wire_action *ret_list, struct fault *fault);

#endif
