/* keystore_random.h - where keys and challenges come from; a seam, so that tests can replay a
 * published handshake: they link a source of their own instead of hal/keystore_random.c. */
#ifndef HAL_KEYSTORE_RANDOM_H
#define HAL_KEYSTORE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills `bytes` (at most 256). False: there is no randomness, so nothing may be done with them. */
bool keystore_random(uint8_t *bytes, size_t size);

#endif
