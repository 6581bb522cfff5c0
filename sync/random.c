#include "sync/random.h"

#include <errno.h>
#include <sys/random.h>

#include <mbedtls/entropy.h>

/* mbedTLS's entropy callback. getrandom() waits only until the kernel is seeded, once after boot.
 */
static int from_kernel(void *context, unsigned char *ret_bytes, size_t size)
{
    (void)context;
    for (size_t at = 0; at < size;) {
        ssize_t got = getrandom(ret_bytes + at, size - at, 0);
        if (got < 0 && errno != EINTR) {
            return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
        }
        at += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

enum st random_seed(mbedtls_ctr_drbg_context *ret, struct fault *fault)
{
    mbedtls_ctr_drbg_init(ret);
    static const unsigned char name[] = "vafa-sync";
    if (mbedtls_ctr_drbg_seed(ret, from_kernel, NULL, name, sizeof name - 1) != 0) {
        mbedtls_ctr_drbg_free(ret);
        fault_say(fault, "The kernel gives no random numbers.");
        return ST_IO;
    }
    return ST_OK;
}

uint32_t random_between(uint32_t min, uint32_t max)
{
    assert(min <= max);
    uint32_t number = 0;
    if (from_kernel(NULL, (unsigned char *)&number, sizeof number) != 0) {
        number = 0; /* no jitter is a nuisance, not a failure */
    }
    return min + (uint32_t)(number % ((uint64_t)max - min + 1));
}
