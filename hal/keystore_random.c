#include "hal/keystore_random.h"

#include <assert.h>
#include <sys/random.h>

bool keystore_random(uint8_t *bytes, size_t size)
{
    /* Up to 256 bytes getrandom gives all or, before the pool is ready, waits (getrandom(2)). */
    assert(size <= 256);
    return getrandom(bytes, size, 0) == (ssize_t)size;
}
