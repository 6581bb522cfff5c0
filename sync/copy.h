/* copy.h - a private copy of a terminal's database, so that what is looked at stays as it is: to
 * open a database is to take its write lock, to replay its log, and to bring it to this version.
 *
 * Copied are the file and what SQLite keeps beside it (-wal, -journal), into a folder of its own,
 * 0700, in $TMPDIR or /tmp. It goes with copy_remove(), and when the process is ended by a signal
 * that can be caught. One copy a process, one thread. */
#ifndef SYNC_COPY_H
#define SYNC_COPY_H

#include "hal/base/status.h"

enum { COPY_PATH_MAX = 512 };

struct copy {
    char folder[COPY_PATH_MAX];
    char path[COPY_PATH_MAX]; /* the database there */
};

/* ST_IO     `from` or its copy cannot be read or written; the sentence says which.
 * ST_AGAIN  it changes while it is copied: a terminal has it open. Stop that, or try again.
 * There is then nothing to remove. */
ST_CHECK enum st copy_make(const char *from, struct copy *ret, struct fault *fault);
void copy_remove(const struct copy *copy);

#endif
