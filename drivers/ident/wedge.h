/* wedge.h - devices that type what they read: their key events, as text.
 *
 * Pure; one struct a device. Stripe readers, scanners and tag readers are set to the US layout at
 * the factory; the keyboard layout of the terminal plays no part, because the events are read below
 * it. A scan ends with Enter or Tab, or with 100 ms without a key (by the events' own times, so a
 * late reader sees the same scans). Source: Linux Documentation/input/event-codes.rst, input.rst.
 */
#ifndef DRIVERS_IDENT_WEDGE_H
#define DRIVERS_IDENT_WEDGE_H

#include <linux/input.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/ident/scan.h"

enum { WEDGE_GAP_MS = 100 };

struct wedge {
    struct scan scan;
    uint16_t modifiers_down; /* one bit a key: see wedge.c */
    int64_t last_us;         /* time of the last key event */
};

/* At the start and after a loss: no key is down, no scan has begun. Wipes. */
void wedge_reset(struct wedge *wedge);

enum wedge_step {
    WEDGE_MORE,        /* taken; the scan goes on */
    WEDGE_SCAN,        /* taken; the scan has ended: judge and clear wedge->scan */
    WEDGE_SCAN_BEFORE, /* not taken: the scan had ended before it. Judge, clear, feed it again */
};
/* Keys that type nothing, and keys with Ctrl, Alt or Meta, spoil the scan; releases, repeats, lock
 * keys and events that are not keys do not. When the kernel says that events were lost
 * (SYN_DROPPED), the scan is spoiled. */
enum wedge_step wedge_feed(struct wedge *wedge, const struct input_event *event);

#endif
