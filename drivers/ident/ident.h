/* ident.h - devices that identify, behind hal/ident.h: one driver a device.
 *
 * The driver opens the device for itself alone, puts its bytes or key events together into scans,
 * has firmware/engine/media.h judge them, and wipes them. What is presented again within half a
 * second, or is still held there, is told once. A device that is unplugged is looked for each
 * second. Names: ident_device.h. */
#ifndef DRIVERS_IDENT_IDENT_H
#define DRIVERS_IDENT_IDENT_H

#include "hal/ident.h"

enum {
    IDENT_GAP_MS = 100,     /* silence that ends a scan */
    IDENT_REPEAT_MS = 500,  /* the same again within this time is the same presentation */
    IDENT_REOPEN_MS = 1000, /* between looks for a device that has gone */
};

struct ident_driver;

struct ident_config {
    const char *device;     /* KIND:PATH, ident_device.h */
    struct media_range own; /* the club's card numbers */
};

/* ST_OK       the caller owns *ret; the device itself may come later.
 * ST_REFUSED  the name makes no sense. ST_IO  no descriptor left. ST_FULL  no memory left. */
ST_CHECK enum st ident_open(const struct ident_config *config, struct ident_driver **ret,
                            struct fault *fault);
/* Accepts NULL. Wipes. */
void ident_close(struct ident_driver *driver);

/* Valid until ident_close(). */
struct ident ident_port(struct ident_driver *driver);

#endif
