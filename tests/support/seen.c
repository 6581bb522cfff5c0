#include "tests/support/seen.h"

#include <assert.h>

bool seen_first(struct seen *seen, uint64_t fingerprint)
{
    fingerprint += fingerprint == 0; /* 0 is a free slot */
    uint64_t at = fingerprint % SEEN_SLOTS;
    while (seen->slots[at] != 0 && seen->slots[at] != fingerprint) {
        at = (at + 1) % SEEN_SLOTS;
    }
    const bool is_first = seen->slots[at] == 0;
    seen->slots[at] = fingerprint;
    seen->count += is_first;
    assert(seen->count <= SEEN_SLOTS / 2);
    return is_first;
}
