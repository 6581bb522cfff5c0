/* logs.h - the text that the club's support gets of a device whose people agreed to it: what the
 * device says of itself, how its journal and line stand, and the end of its log.
 *
 * No entry, no card, no member, no key is taken into it; and whatever looks like one is hidden all
 * the same: numbers of ten digits and more, blanks and hyphens in them or not, what stands behind
 * a "*", and words of 24 letters and digits and more, as keys are in hexadecimal and in base64. */
#ifndef SYNC_LOGS_H
#define SYNC_LOGS_H

#include "storage/store.h"

struct logs_about {
    uint32_t number; /* that the club asked for */
    struct store *store;
    const char *firmware;
    const char *device; /* file that the device writes of itself; NULL = none */
    const char *log;    /* file; the one before it is PATH.old. NULL = none */
};

/* Writes at most `max` bytes, the log's last ones in at most `log_max` of them. Returns the size.
 * What cannot be read is said in it. */
size_t logs_write(const struct logs_about *about, size_t log_max, char *ret, size_t max);

/* Hides in place what looks like a number of a card or person, or a key; other bytes than printable
 * ASCII and the ends of lines become "?". */
void logs_hide(char *text, size_t size);

#endif
