/* export.h - writes what the club has not acknowledged into a file that it takes instead of a sync
 * (sync/wire_journal.h, docs/decisions/0019-journal-export.md).
 *
 * Changes nothing in the store: whether the file reached the club only the club knows. */
#ifndef SYNC_EXPORT_H
#define SYNC_EXPORT_H

#include <stdint.h>

#include "hal/base/status.h"
#include "storage/store.h"
#include "sync/identity.h"

enum { EXPORT_FROM_ACKNOWLEDGED = UINT32_MAX };

struct export_config {
    struct store *store;
    const struct identity *identity; /* whose key signs */
    const char *path;                /* of the file; none may be there */
    uint32_t after; /* the entry behind which it begins, or EXPORT_FROM_ACKNOWLEDGED */
};

struct export_report {
    uint32_t terminal, after, last; /* entries after + 1 .. last are in the file */
};

/* Writes the file aside, synced, reads it back as the club will and compares it with the journal,
 * then gives it its name: it is there whole and proved, or not at all. The store's statuses, and
 * ST_REFUSED  not enrolled, no key or no certificate of its own, a file of that name is there, or
 *             `after` is above the last entry.
 * ST_IO       the file cannot be written, or does not read back as it was written. */
ST_CHECK enum st export_write(const struct export_config *config, struct export_report *ret,
                              struct fault *fault);

#endif
