/* export.h - everything that the club has, in an open format: a folder of JSON Lines files.
 *
 * One file for each table of the database, whatever tables there are, one JSON object a row; and
 * schema.json, written last, which says of each file what it is, its columns, rows and SHA-256: an
 * export with it is whole. The format: docs/export.md. Left out: hashes of API keys, one-time codes
 * and PINs, which are of use to nobody who may have them.
 *
 * Reads one snapshot of the database and holds one row in memory. The one change is a row in
 * `access`: particulars of members go out, and who took them is known. */
#ifndef SERVER_EXPORT_H
#define SERVER_EXPORT_H

#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"

enum { EXPORT_BY_MAX = 64 };

/* Makes the folder `to`, which must not exist, and writes the export into it, for `by`. Says on
 * `progress` (may be NULL) how far it is.
 * ST_FOREIGN  `by` is empty, longer than EXPORT_BY_MAX bytes, or not UTF-8.
 * ST_REFUSED  the folder exists.  ST_IO  it cannot be written: the fault says why; what was written
 *             stays, without schema.json. */
ST_CHECK enum st export_write(struct db *db, const char *to, const char *by, int64_t now_s,
                              FILE *progress, struct fault *fault);

#endif
