/* wire_device.h - a device's state, its update and its log inside the sync bodies
 * (docs/decisions/0017-image.md). Private to sync/wire*.c. */
#ifndef SYNC_WIRE_DEVICE_H
#define SYNC_WIRE_DEVICE_H

#include <jansson.h>

#include "sync/wire.h"

/* Adds "device" to the request; nothing when there is none. False: out of memory, or no UTF-8. */
bool wire_device_put(json_t *request, const struct wire_device *device);
/* Adds "update" and "logs" to the answer; nothing when nothing is wanted. False: out of memory. */
bool wire_update_put(json_t *answer, const struct wire_update *update);
bool wire_logs_put(json_t *answer, uint32_t logs);

/* Reads it; absent is fine. ST_FOREIGN: fault names what is wrong. */
ST_CHECK enum st wire_device_get(const json_t *request, struct wire_device *ret,
                                 struct fault *fault);
ST_CHECK enum st wire_update_get(const json_t *answer, struct wire_update *ret,
                                 struct fault *fault);
ST_CHECK enum st wire_logs_get(const json_t *answer, uint32_t *ret, struct fault *fault);

#endif
