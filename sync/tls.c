#include "sync/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "hal/clock.h"
#include "sync/mbed.h"
#include "sync/random.h"

struct tls {
    const struct tls_config *config;
    int fd;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt ca, cert;
    mbedtls_pk_context key;
    mbedtls_ssl_config ssl_config;
    mbedtls_ssl_context ssl;
    uint8_t address[16];  /* the host when it is numeric, in network order */
    size_t address_bytes; /* 4, 16, or 0 = it is a name */
};

/* --- the socket ------------------------------------------------------------------------------- */

static enum st wait_for(const struct tls *tls, short events, int64_t deadline_ms,
                        struct fault *fault)
{
    struct pollfd fds[2] = {{.fd = tls->fd, .events = events},
                            {.fd = tls->config->stop_fd, .events = POLLIN}};
    for (;;) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        int rc = left_ms > 0 ? poll(fds, 2, (int)left_ms) : 0;
        if (rc < 0 && errno == EINTR) {
            continue;
        }
        if (rc < 0) {
            fault_say(fault, "Cannot wait for the line: %s.", strerror(errno));
            return ST_IO;
        }
        if (rc == 0) {
            fault_say(fault, "The club (%s port %s) did not answer in time.", tls->config->host,
                      tls->config->port);
            return ST_IO;
        }
        if (fds[1].revents != 0) {
            fault_say(fault, "Asked to stop.");
            return ST_IO;
        }
        return ST_OK;
    }
}

/* Connects to one address. On success tls->fd is the socket. */
static enum st connect_to(struct tls *tls, const struct addrinfo *to, int64_t deadline_ms,
                          struct fault *fault)
{
    int rc = 0;
    int error = 0;
    socklen_t size = sizeof error;
    int one = 1;
    enum st st = ST_IO;
    tls->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
    if (tls->fd < 0) {
        error = errno;
        goto out;
    }
    rc = connect(tls->fd, to->ai_addr, to->ai_addrlen);
    if (rc != 0 && errno != EINPROGRESS) {
        error = errno;
        goto out;
    }
    st = wait_for(tls, POLLOUT, deadline_ms, fault);
    if (st != ST_OK) {
        goto out;
    }
    if (getsockopt(tls->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    st = error == 0 ? ST_OK : ST_IO;
    /* One request, one answer: waiting for more to send only costs time. A failure costs just that.
     */
    (void)setsockopt(tls->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
out:
    if (error != 0) {
        fault_say(fault, "No line to the club (%s port %s): %s.", tls->config->host,
                  tls->config->port, strerror(error));
    }
    if (st != ST_OK && tls->fd >= 0) {
        (void)close(tls->fd);
        tls->fd = -1;
    }
    return st;
}

static enum st connect_any(struct tls *tls, struct fault *fault)
{
    int64_t deadline_ms = clock_monotonic_ms() + tls->config->timeout_ms;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(tls->config->host, tls->config->port, &hints, &list);
    if (rc != 0) {
        fault_say(fault, "The name of the club (%s) leads nowhere: %s.", tls->config->host,
                  gai_strerror(rc));
        return ST_IO;
    }
    enum st st = ST_IO;
    for (const struct addrinfo *at = list; at != NULL && st != ST_OK; at = at->ai_next) {
        st = connect_to(tls, at, deadline_ms, fault);
    }
    freeaddrinfo(list);
    return st;
}

static int bio_send(void *context, const unsigned char *bytes, size_t size)
{
    const struct tls *tls = context;
    ssize_t sent = send(tls->fd, bytes, size, MSG_NOSIGNAL);
    if (sent >= 0) {
        return (int)sent;
    }
    return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE
                                             : MBEDTLS_ERR_NET_SEND_FAILED;
}

static int bio_receive(void *context, unsigned char *ret_bytes, size_t size)
{
    const struct tls *tls = context;
    ssize_t got = recv(tls->fd, ret_bytes, size, 0);
    if (got >= 0) {
        return (int)got;
    }
    return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ
                                             : MBEDTLS_ERR_NET_RECV_FAILED;
}

/* --- mbedTLS's codes -------------------------------------------------------------------------- */

/* Says what is wrong with the club's certificate, the gravest first. */
static enum st certificate_status(const struct tls *tls, struct fault *fault)
{
    uint32_t flags = mbedtls_ssl_get_verify_result(&tls->ssl);
    if ((flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
        fault_say(fault,
                  "The server at %s port %s is not our club: another CA made its certificate.",
                  tls->config->host, tls->config->port);
    } else if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
        fault_say(fault, "The server at %s port %s shows a certificate of another name.",
                  tls->config->host, tls->config->port);
    } else if ((flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) != 0) {
        fault_say(fault,
                  "The club's certificate is not valid at this terminal's date: is the clock "
                  "right?");
    } else {
        fault_say(fault, "The club's certificate is not acceptable (flags 0x%x).", (unsigned)flags);
    }
    return ST_DENIED;
}

/* The one translator of mbedTLS's result codes. */
static enum st ssl_status(const struct tls *tls, int rc, struct fault *fault)
{
    char text[80];
    switch (rc) {
    case 0:
        return ST_OK;
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
        return certificate_status(tls, fault);
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        fault_say(fault, "The club refused the connection: it does not accept this terminal's "
                         "certificate, or its TLS.");
        return ST_DENIED;
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
    case MBEDTLS_ERR_NET_RECV_FAILED:
    case MBEDTLS_ERR_NET_SEND_FAILED:
        fault_say(fault, "The line to the club (%s port %s) broke.", tls->config->host,
                  tls->config->port);
        return ST_GONE;
    default:
        mbedtls_strerror(rc, text, sizeof text);
        fault_say(fault, "The TLS line to the club failed: %s.", text);
        return ST_IO;
    }
}

/* After a call that wants more of the socket: ST_OK to call again. */
static enum st ssl_wait(const struct tls *tls, int rc, int64_t deadline_ms, struct fault *fault)
{
    if (rc == MBEDTLS_ERR_SSL_WANT_READ) {
        return wait_for(tls, POLLIN, deadline_ms, fault);
    }
    if (rc == MBEDTLS_ERR_SSL_WANT_WRITE) {
        return wait_for(tls, POLLOUT, deadline_ms, fault);
    }
    return ssl_status(tls, rc, fault);
}

/* --- opening ---------------------------------------------------------------------------------- */

enum { SAN_IP_ADDRESS = 0x87 }; /* context tag [7] of a GeneralName, RFC 5280 4.2.1.6 */

static bool names_address(const mbedtls_x509_crt *cert, const uint8_t *address, size_t size)
{
    for (const mbedtls_x509_sequence *at = &cert->subject_alt_names; at != NULL; at = at->next) {
        if (at->buf.tag == SAN_IP_ADDRESS && at->buf.len == size &&
            memcmp(at->buf.p, address, size) == 0) {
            return true;
        }
    }
    return false;
}

/* Called for every certificate of the club's chain, with what mbedTLS found. */
static int judge(void *context, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
    const struct tls *tls = context;
    if (tls->config->ignore_times) {
        *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    }
    /* mbedTLS 2.28 compares names only, so an address is compared here. */
    if (depth == 0 && tls->address_bytes > 0 &&
        !names_address(cert, tls->address, tls->address_bytes)) {
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    return 0;
}

static enum st load_files(struct tls *tls, struct fault *fault)
{
    const struct tls_config *config = tls->config;
    if (mbedtls_x509_crt_parse_file(&tls->ca, config->ca_file) != 0) {
        fault_say(fault, "%s is not the club's CA certificate in PEM.", config->ca_file);
        return ST_REFUSED;
    }
    if (config->cert_file == NULL) {
        return ST_OK;
    }
    if (mbedtls_x509_crt_parse_file(&tls->cert, config->cert_file) != 0) {
        fault_say(fault, "%s is not this terminal's certificate: enrol it.", config->cert_file);
        return ST_REFUSED;
    }
    if (mbedtls_pk_parse_keyfile(&tls->key, config->key_file,
                                 NULL MBED_KEY_RNG(mbedtls_ctr_drbg_random, &tls->random)) != 0) {
        fault_say(fault, "%s is not this terminal's key: enrol it.", config->key_file);
        return ST_REFUSED;
    }
    return ST_OK;
}

/* The curves that may agree on a key, the first that the club has is taken. The library's own order
 * begins with the strongest, which is slow for nothing: the certificates are on P-256. */
static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
                                              MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1,
                                              MBEDTLS_ECP_DP_NONE};

static enum st set_up(struct tls *tls, struct fault *fault)
{
    const struct tls_config *config = tls->config;
    const char *name = config->name != NULL ? config->name : config->host;
    if (inet_pton(AF_INET, name, tls->address) == 1) {
        tls->address_bytes = 4;
    } else if (inet_pton(AF_INET6, name, tls->address) == 1) {
        tls->address_bytes = 16;
    }

    mbedtls_ssl_config *ssl_config = &tls->ssl_config;
    int rc = mbedtls_ssl_config_defaults(ssl_config, MBEDTLS_SSL_IS_CLIENT,
                                         MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (rc != 0) {
        return ssl_status(tls, rc, fault);
    }
    MBED_TLS_1_2_OR_NEWER(ssl_config);
    mbedtls_ssl_conf_curves(ssl_config, curves);
    mbedtls_ssl_conf_authmode(ssl_config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(ssl_config, &tls->ca, NULL);
    mbedtls_ssl_conf_rng(ssl_config, mbedtls_ctr_drbg_random, &tls->random);
    mbedtls_ssl_conf_verify(ssl_config, judge, tls);
    if (config->cert_file != NULL) {
        rc = mbedtls_ssl_conf_own_cert(ssl_config, &tls->cert, &tls->key);
    }
    if (rc == 0) {
        rc = mbedtls_ssl_setup(&tls->ssl, ssl_config);
    }
    if (rc == 0) {
        rc = mbedtls_ssl_set_hostname(&tls->ssl, tls->address_bytes > 0 ? NULL : name);
    }
    mbedtls_ssl_set_bio(&tls->ssl, tls, bio_send, bio_receive, NULL);
    return ssl_status(tls, rc, fault);
}

enum st tls_open(const struct tls_config *config, struct tls **ret, struct fault *fault)
{
    assert(config->timeout_ms > 0 && (config->cert_file == NULL) == (config->key_file == NULL));

    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        fault_say(fault, "There is no memory left for a connection.");
        return ST_IO;
    }
    tls->config = config;
    tls->fd = -1;
    mbedtls_x509_crt_init(&tls->ca);
    mbedtls_x509_crt_init(&tls->cert);
    mbedtls_pk_init(&tls->key);
    mbedtls_ssl_config_init(&tls->ssl_config);
    mbedtls_ssl_init(&tls->ssl);
    int64_t deadline_ms = 0;
    enum st st = random_seed(&tls->random, fault);
    if (st != ST_OK || (st = load_files(tls, fault)) != ST_OK ||
        (st = set_up(tls, fault)) != ST_OK || (st = connect_any(tls, fault)) != ST_OK) {
        goto out;
    }
    deadline_ms = clock_monotonic_ms() + config->timeout_ms;
    for (int rc = mbedtls_ssl_handshake(&tls->ssl); rc != 0;
         rc = mbedtls_ssl_handshake(&tls->ssl)) {
        st = ssl_wait(tls, rc, deadline_ms, fault);
        if (st != ST_OK) {
            goto out;
        }
    }
    *ret = tls;
    tls = NULL;
out:
    tls_close(tls);
    return st;
}

void tls_close(struct tls *tls)
{
    if (tls == NULL) {
        return;
    }
    if (tls->fd >= 0) {
        (void)mbedtls_ssl_close_notify(&tls->ssl); /* a courtesy: tried once, never waited for */
        (void)close(tls->fd);
    }
    mbedtls_ssl_free(&tls->ssl);
    mbedtls_ssl_config_free(&tls->ssl_config);
    mbedtls_pk_free(&tls->key);
    mbedtls_x509_crt_free(&tls->cert);
    mbedtls_x509_crt_free(&tls->ca);
    mbedtls_ctr_drbg_free(&tls->random);
    free(tls);
}

bool tls_is_quiet(const struct tls *tls)
{
    struct pollfd fd = {.fd = tls->fd, .events = POLLIN};
    return mbedtls_ssl_check_pending(&tls->ssl) == 0 && poll(&fd, 1, 0) == 0;
}

/* --- bytes ------------------------------------------------------------------------------------ */

enum st tls_write(struct tls *tls, const void *bytes, size_t size, struct fault *fault)
{
    int64_t deadline_ms = clock_monotonic_ms() + tls->config->timeout_ms;
    for (size_t at = 0; at < size;) {
        int rc = mbedtls_ssl_write(&tls->ssl, (const unsigned char *)bytes + at, size - at);
        if (rc > 0) {
            at += (size_t)rc;
            continue;
        }
        enum st st = ssl_wait(tls, rc, deadline_ms, fault);
        if (st != ST_OK) {
            return st;
        }
    }
    return ST_OK;
}

enum st tls_read(struct tls *tls, void *ret_bytes, size_t max, int64_t deadline_ms,
                 size_t *ret_size, struct fault *fault)
{
    for (;;) {
        /* Also with bytes at hand: or a peer that never pauses could pass the bound. */
        if (clock_monotonic_ms() >= deadline_ms) {
            return wait_for(tls, POLLIN, deadline_ms, fault);
        }
        int rc = mbedtls_ssl_read(&tls->ssl, ret_bytes, max);
        if (rc > 0) {
            *ret_size = (size_t)rc;
            return ST_OK;
        }
        enum st st = ssl_wait(tls, rc == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : rc, deadline_ms, fault);
        if (st != ST_OK) {
            return st;
        }
    }
}
