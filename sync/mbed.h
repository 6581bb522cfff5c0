/* mbed.h - the two places where mbedTLS 2.28 and 3.x differ for us. Private to sync/. */
#ifndef SYNC_MBED_H
#define SYNC_MBED_H

#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR < 3
#define MBED_KEY_RNG(random, context)
#define MBED_TLS_1_2_OR_NEWER(config)                                                              \
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3)
#else
/* Reading a private key blinds with random numbers since 3.0. */
#define MBED_KEY_RNG(random, context) , random, context
#define MBED_TLS_1_2_OR_NEWER(config)                                                              \
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2)
#endif

#endif
