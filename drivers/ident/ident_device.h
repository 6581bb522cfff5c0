/* ident_device.h - the name of an identification device, and how it is opened.
 *
 * A name is KIND:PATH. Kinds:
 *     em4100-serial   RDM6300, EM-18, ID-12 and multi readers on a serial line, 9600 8N1
 *     scanner-serial  barcode or QR scanner on a serial line, 9600 8N1; scanner-serial@115200 ...
 *     magstripe-keys  stripe reader that types its tracks
 *     scanner-keys    scanner that types
 *     em4100-keys     tag reader that types 10 decimal digits
 * The path of one that types is its event node, best by its lasting name under /dev/input/by-id.
 * A FIFO in its place plays recorded events (struct input_event) and has nothing to grab. */
#ifndef DRIVERS_IDENT_IDENT_DEVICE_H
#define DRIVERS_IDENT_IDENT_DEVICE_H

#include <stdbool.h>
#include <termios.h>

#include "hal/base/status.h"

enum { IDENT_PATH_MAX = 255 };

enum ident_kind {
    IDENT_EM4100_SERIAL,
    IDENT_SCANNER_SERIAL,
    IDENT_MAGSTRIPE_KEYS,
    IDENT_SCANNER_KEYS,
    IDENT_EM4100_KEYS,
};

struct ident_device {
    enum ident_kind kind;
    speed_t speed; /* of a serial line */
    char path[IDENT_PATH_MAX + 1];
};

/* ST_REFUSED: not such a name; the fault lists the kinds or speeds. */
ST_CHECK enum st ident_device_parse(const char *name, struct ident_device *ret,
                                    struct fault *fault);

bool ident_device_is_keys(const struct ident_device *device);

/* Opens the device for us alone, not blocking; what it had read before is dropped.
 * ST_IO  not there, not ours, in use, or another kind of device: the fault says which. */
ST_CHECK enum st ident_device_open(const struct ident_device *device, int *ret_fd,
                                   struct fault *fault);

#endif
