/* wire_journal.h - a terminal's entries as a file, for when no line brings them to the club
 * (docs/decisions/0019-journal-export.md).
 *
 * The first line names the terminal. Then one line for each batch: what would be the body of a sync
 * (wire.h), signed with the terminal's own key (hal/signed.h). The batches follow each other
 * without a gap, and each says in health.unsent how many entries are to come, its own included; the
 * last one has none and says 0. So a file that was cut, changed, put together or made by somebody
 * else is noticed. Read here by the club that takes it and by the exporter that proves what it
 * wrote. */
#ifndef SYNC_WIRE_JOURNAL_H
#define SYNC_WIRE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "hal/signed.h"
#include "sync/wire.h"

#define WIRE_JOURNAL_TYP "vafa-journal" /* the purpose of the signature */

enum {
    WIRE_JOURNAL_HEAD_MAX = 48, /* the first line, with its line's end and a NUL */
    /* A line: a body in base64url, its head and signature. */
    WIRE_JOURNAL_LINE_MAX = WIRE_REQUEST_MAX / 3 * 4 + 1024,
};

/* Writes the first line, NUL-terminated. */
void wire_journal_head(uint32_t terminal, char ret_line[WIRE_JOURNAL_HEAD_MAX]);

struct wire_journal; /* a reader of one file */

/* `file` stands at its beginning and stays the caller's. *ret_terminal is what the file says of
 * itself: nothing is proved before wire_journal_next(). ST_FOREIGN: not such a file. ST_FULL: no
 * memory. */
ST_CHECK enum st wire_journal_open(FILE *file, struct wire_journal **ret, uint32_t *ret_terminal,
                                   struct fault *fault);
void wire_journal_close(struct wire_journal *journal); /* accepts NULL */

/* Before the first batch: whether that one is by the key's owner. ST_IO: the file cannot be read
 * again from where it stands. */
ST_CHECK enum st wire_journal_is_by(struct wire_journal *journal, const struct signed_key *key,
                                    bool *ret, struct fault *fault);
/* The next batch, if `key` signed it and it follows the one before. Without entries: that was the
 * end, and the file is whole. Whether the entries belong to the terminal's chain is for who holds
 * that to say.
 * ST_DENIED   not signed by this key, or changed since.
 * ST_FOREIGN  cut, damaged or out of order; `fault` says where.
 * ST_IO       it cannot be read. ST_FULL: no memory. */
ST_CHECK enum st wire_journal_next(struct wire_journal *journal, const struct signed_key *key,
                                   struct wire_sync *ret, struct fault *fault);

#endif
