/* device.h - what this device says of itself, from the file that its first process writes
 * (docs/decisions/0017-image.md, "The device's report"). */
#ifndef SYNC_DEVICE_H
#define SYNC_DEVICE_H

#include "sync/wire.h"

/* Reads the lines NAME=VALUE of `path`; unknown names are left out, have_bytes and has_consent are
 * not in it. Sentences are cut where they are too long; what is no text is left out of them.
 * ST_IO       it cannot be read: go on without.
 * ST_FOREIGN  a line is missing or no value for it: likewise. */
ST_CHECK enum st device_read(const char *path, struct wire_device *ret, struct fault *fault);

#endif
