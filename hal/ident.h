/* ident.h - the port to devices that identify: what they read finds an account and is worth
 * nothing.
 *
 * A const table with a context, because several devices (stripe, scanner, tag reader) stand side by
 * side in one build. One caller, one thread; no call blocks. drivers/ident implements it. What an
 * identifier is, and why a bank card is refused: firmware/engine/media.h, docs/media.md. */
#ifndef HAL_IDENT_H
#define HAL_IDENT_H

#include "firmware/engine/media.h"
#include "hal/base/status.h"

struct ident_ops {
    /* A descriptor to poll for input; the same one for the device's whole life, also while the
     * device is unplugged. It belongs to the driver. */
    int (*descriptor)(void *ctx);

    /* Takes the next event. Call it when the descriptor is readable, until ST_AGAIN. Events that
     * came before the caller began to wait are old: take and drop them first.
     * ST_OK       *ret was presented: find its account.
     * ST_AGAIN    nothing more now: poll.
     * ST_REFUSED  a bank card: show fault->say. Nothing of it was kept, here or in *fault.
     * ST_FOREIGN  something that is no identifier: show fault->say.
     * ST_IO       the device has gone, or was not there at the start: told once, show fault->say.
     *             The driver looks for it every second; nothing is to be done. */
    ST_CHECK enum st (*read)(void *ctx, struct identifier *ret, struct fault *fault);

    /* "" while the device is there, else a sentence on what to do. Valid until the next call. */
    const char *(*say)(void *ctx);
};

struct ident {
    const struct ident_ops *ops;
    void *ctx;
};

#endif
