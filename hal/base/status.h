/* status.h - the one result type: each value names the caller's next act.
 *
 * Pure; no state. A status is never mixed with a count or a length: results come back through
 * `ret_` pointers, which stay untouched unless the status is ST_OK or the function says otherwise.
 * What went wrong in detail is text for a person (struct fault); nobody branches on it. */
#ifndef HAL_BASE_STATUS_H
#define HAL_BASE_STATUS_H

#include <assert.h>

#ifdef NDEBUG
#error "assertions stay on in release: build without NDEBUG"
#endif

enum st {
    ST_OK,          /* Done. */
    ST_REFUSED,     /* A rule or limit says no: tell the person why; nothing has changed. */
    ST_AGAIN,       /* Not now; a bounded retry is right. Nothing has changed. */
    ST_GONE,        /* The card left or fell silent: what it did last is unknown; tap again. */
    ST_DENIED,      /* A key, seal or signature is wrong: a security event; record it. */
    ST_FOREIGN,     /* Bytes from a card, line, file or person that are not ours: reject them. */
    ST_FULL,        /* A stated bound is reached (disk, counter, buffer): make room first. */
    ST_IO,          /* A device or the line failed: repair or reconnect, then retry. */
    ST_CORRUPT,     /* Our own store contradicts itself: stop selling, call for help. */
    ST_UNSUPPORTED, /* This build or this device cannot do it, and never will. */
};

#define ST_CHECK __attribute__((warn_unused_result))

/* The status as one lower-case word ("refused"), for logs and programs. Never NULL. */
const char *st_word(enum st st);

/* Where and why something failed, for the log and for the person. Modules that own a foreign
 * library keep one in their handle. `say` is a whole sentence that tells what to do. */
struct fault {
    char say[160];
};

/* Writes a formatted sentence into `fault` (may be NULL) and cuts it at its size. */
void fault_say(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
