/* seen.h - which states were seen already, by fingerprints of 64 bits, so that each is looked at
 * once. */
#ifndef TESTS_SUPPORT_SEEN_H
#define TESTS_SUPPORT_SEEN_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed = empty; 8 MiB, so static. At most half of the slots may be taken, which is asserted. */
enum { SEEN_SLOTS = 1 << 20 };
struct seen {
    uint64_t slots[SEEN_SLOTS];
    uint32_t count;
};

/* True the first time that this fingerprint comes. */
bool seen_first(struct seen *seen, uint64_t fingerprint);

#endif
