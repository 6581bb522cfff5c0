/* journal_file.h - takes a terminal's exported journal into the books (sync/wire_journal.h), as if
 * the terminal had synced, each transaction once: the same file again, the terminal's own sync
 * before or after it, in whole or in part, change nothing. What it is: docs/flash.md.
 *
 * Only the terminal's own key, of the certificate that the club gave it, opens it. What a file says
 * of the terminal's health is not taken, for the file may be old; what it had unsent is. */
#ifndef SERVER_JOURNAL_FILE_H
#define SERVER_JOURNAL_FILE_H

#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"

struct journal_taken {
    uint32_t terminal;
    uint32_t entries, posted, cases; /* new ones */
    uint32_t acknowledged;           /* the last entry that the club has */
};

/* All of the file in one write transaction. `dir` is the club's folder; `file` stands at its
 * beginning and stays the caller's. db's statuses, and after these nothing has changed:
 * ST_FOREIGN  not an export, cut, damaged, or with entries that this club cannot read.
 * ST_DENIED   not signed by that terminal, or changed since; the terminal is revoked or dead.
 * ST_REFUSED  there is no such terminal; or the club lacks entries before the file's first.
 * After ST_CORRUPT the club holds other bytes under these numbers, and a case is open, as after a
 * sync that says so. */
ST_CHECK enum st journal_file_take(struct db *db, const char *dir, FILE *file, int64_t now_s,
                                   struct journal_taken *ret, struct fault *fault);

#endif
