/* keystore_disk.h - files that nobody else may open: read whole, written whole or not at all.
 *
 * Only hal/keystore*.c include this. */
#ifndef HAL_KEYSTORE_DISK_H
#define HAL_KEYSTORE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

/* Reads at most `size_max` bytes; `hint` says what to do when the file is missing.
 * ST_IO       it is missing or unreadable.
 * ST_FOREIGN  it is not a file.
 * ST_DENIED   others than its owner may open it. */
ST_CHECK enum st keystore_disk_read(const char *path, const char *hint, uint8_t *ret_bytes,
                                    size_t size_max, size_t *ret_size, struct fault *fault);

/* Puts a file of mode 0600 at `path` in one step, durably.
 * ST_REFUSED  with `must_be_new`: something is there already.
 * ST_IO       it cannot be written; what was there is there still, or is replaced as a whole. */
ST_CHECK enum st keystore_disk_write(const char *path, const uint8_t *bytes, size_t size,
                                     bool must_be_new, struct fault *fault);

#endif
