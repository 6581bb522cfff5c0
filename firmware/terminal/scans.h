/* scans.h - the socket to which vafa-ident brings what its devices read (docs/media.md).
 *
 * Each device has a vafa-ident process of its own, which calls here and writes lines
 * (media_line.h). Nothing is ever sent back, and none of them is waited for: one that crashes,
 * hangs or talks nonsense costs its own connection. One thread; the caller polls. */
#ifndef FIRMWARE_TERMINAL_SCANS_H
#define FIRMWARE_TERMINAL_SCANS_H

#include <poll.h>
#include <stddef.h>

#include "firmware/engine/media.h"
#include "hal/base/status.h"

enum { SCANS_DEVICES_MAX = 4, SCANS_POLL_MAX = 1 + SCANS_DEVICES_MAX };

struct scans;

/* Listens on a UNIX socket at `path`, mode 0660.
 * ST_OK       the caller owns *ret.
 * ST_REFUSED  another terminal answers there. ST_IO  it cannot be made. ST_FULL  no memory. */
ST_CHECK enum st scans_open(const char *path, struct scans **ret, struct fault *fault);
/* Accepts NULL. Removes the socket. */
void scans_close(struct scans *scans);

/* Fills in SCANS_POLL_MAX descriptors to poll. */
void scans_poll(const struct scans *scans, struct pollfd ret[SCANS_POLL_MAX]);

/* Reads what is there. `told` is called for each line, with a status as media_line_read() gives:
 * ST_OK and the identifier, or ST_REFUSED or ST_FOREIGN and a sentence. */
void scans_serve(struct scans *scans, const struct pollfd polled[SCANS_POLL_MAX],
                 void (*told)(void *ctx, enum st st, const struct identifier *id,
                              const struct fault *say),
                 void *ctx);

#endif
