/* random.h - random numbers for keys, handshakes and jitter, from the kernel's getrandom(). */
#ifndef SYNC_RANDOM_H
#define SYNC_RANDOM_H

#include <mbedtls/ctr_drbg.h>
#include <stdint.h>

#include "hal/base/status.h"

/* Seeds a generator for mbedTLS. Give it back with mbedtls_ctr_drbg_free(). ST_IO: no entropy. */
ST_CHECK enum st random_seed(mbedtls_ctr_drbg_context *ret, struct fault *fault);

/* A number in min..max (min <= max), for jitter only: it is a little uneven and may be weak. */
uint32_t random_between(uint32_t min, uint32_t max);

#endif
