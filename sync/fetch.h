/* fetch.h - a bundle on its way from the club to this device's disk, piece by piece.
 *
 * The folder holds `offer`, what the club wants, lines NAME=VALUE for whoever installs it; `part`,
 * what has come; and, once the SHA-256 of all of it is the offer's, VERSION.raucb. Whatever else is
 * in it is deleted. A cut of the line, of the process or of power at any moment costs a piece, or
 * FETCH_SYNCED bytes. Nothing here knows a line: the caller asks for what fetch_due() names and
 * brings it. One thread. What it says of a bundle is for the club and for the log. */
#ifndef SYNC_FETCH_H
#define SYNC_FETCH_H

#include "sync/wire.h"

enum {
    FETCH_SYNCED = 262144,           /* bytes between two syncs of the disk */
    FETCH_SPARE_BYTES = 8 << 20,     /* stay free beside the bundle: the journal comes first */
    FETCH_PIECE_MIN = 4096,          /* below that the answers' heads would count */
    FETCH_RATE_DEFAULT = 32768,      /* bytes a second: 27 MB in 14 minutes */
    FETCH_RETRY_MS = 60 * 60 * 1000, /* what was refused, first; then twice as long each time */
    FETCH_RETRY_MAX_MS = 24 * FETCH_RETRY_MS,
};

struct fetch;

struct fetch_config {
    const char *folder;  /* there already; the caller's */
    uint32_t rate;       /* bytes a second, 1024.. */
    int64_t spare_bytes; /* FETCH_SPARE_BYTES */
};

/* Goes on where it was. ST_IO: the folder cannot be used: go on without. */
ST_CHECK enum st fetch_open(const struct fetch_config *config, struct fetch **ret,
                            struct fault *fault);
void fetch_close(struct fetch *fetch); /* accepts NULL */

/* What an answer of the club wants: goes on, begins anew, or drops what has come. `device`: what
 * this device is, as far as it is known. Never fails: what is wrong is in fetch_tell(). */
void fetch_take(struct fetch *fetch, const struct wire_update *offer,
                const struct wire_device *device, int64_t now_ms);

/* The next piece to ask for. */
struct fetch_piece {
    uint32_t version;
    int64_t from;
    size_t bytes; /* FETCH_PIECE_MIN..WIRE_PIECE_MAX; the club gives at most that many */
};
/* When it may be asked for, by clock_monotonic_ms(); INT64_MAX: there is none. */
int64_t fetch_due_ms(const struct fetch *fetch, struct fetch_piece *ret);
/* Brings it, whatever it is. The last one brings the file its name. */
void fetch_add(struct fetch *fetch, const void *bytes, size_t size, int64_t now_ms);

/* How it stands, in `update` and `have_bytes`. The device's own word, but for "none", goes before
 * ours, unless ours is a refusal. */
void fetch_tell(const struct fetch *fetch, struct wire_device *device);

#endif
