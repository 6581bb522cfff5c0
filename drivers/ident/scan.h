/* scan.h - the text of one scan while it comes in; bounded, and wiped as soon as it was judged.
 *
 * Pure. It may be a bank card's track: nobody but firmware/engine/media.h looks at it. */
#ifndef DRIVERS_IDENT_SCAN_H
#define DRIVERS_IDENT_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "firmware/engine/media.h"

struct scan {
    char text[MEDIA_SCAN_MAX];
    size_t size;
    bool is_spoiled; /* too long, or something came that is not text: it is no identifier */
};

/* Makes an empty scan; wipes what was there. */
void scan_clear(struct scan *scan);
/* Appends, or spoils a scan that is full. */
void scan_add(struct scan *scan, char c);
/* True when something came, be it spoiled. */
bool scan_has_begun(const struct scan *scan);

#endif
