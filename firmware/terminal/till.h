/* till.h - the socket where cash registers and the cashier's command ask for taps.
 *
 * One thread, one poll loop, TILL_CLIENTS_MAX clients, one request at a time at the card; others
 * are answered "busy". Who says many lines at once waits in between for the others. Nothing grows:
 * a line that is too long, or answers that a client does not fetch, end that client. Contract:
 * docs/till.md. */
#ifndef FIRMWARE_TERMINAL_TILL_H
#define FIRMWARE_TERMINAL_TILL_H

#include "firmware/terminal/desk.h"
#include "firmware/terminal/scans.h"
#include "hal/base/status.h"

enum { TILL_CLIENTS_MAX = 8 };

struct till;

/* Listens on a UNIX socket at `path`, mode 0660. `desk` and `scans` (NULL: no devices that
 * identify) must outlive it. ST_OK       the caller owns *ret. ST_REFUSED  another terminal answers
 * there already. ST_IO       the socket cannot be made: *fault says why.  ST_FULL  no memory. */
ST_CHECK enum st till_open(const char *path, struct desk *desk, struct scans *scans,
                           struct till **ret, struct fault *fault);
/* Accepts NULL. Removes the socket. */
void till_close(struct till *till);

/* Serves until `stop_fd` becomes readable. A request at the card is then brought to its end: what
 * has begun nothing is dropped, what is in doubt stays in the journal. */
void till_run(struct till *till, int stop_fd);

#endif
