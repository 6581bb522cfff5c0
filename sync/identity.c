#include "sync/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>

#include "hal/base/bytes.h"
#include "sync/identity_priv.h"
#include "sync/mbed.h"
#include "sync/random.h"

static enum st path(const char *folder, const char *name, char ret[IDENTITY_PATH_MAX + 1],
                    struct fault *fault)
{
    int size = snprintf(ret, IDENTITY_PATH_MAX + 1, "%s/%s", folder, name);
    if (size < 0 || size > IDENTITY_PATH_MAX) {
        fault_say(fault, "The name of the identity's folder is too long.");
        return ST_REFUSED;
    }
    return ST_OK;
}

enum st identity_init(const char *folder, struct identity *ret, struct fault *fault)
{
    enum st st = path(folder, "key.pem", ret->key, fault);
    if (st != ST_OK || (st = path(folder, "request.pem", ret->request, fault)) != ST_OK ||
        (st = path(folder, "terminal.pem", ret->certificate, fault)) != ST_OK ||
        (st = path(folder, "ca.pem", ret->ca, fault)) != ST_OK ||
        (st = path(folder, "before.pem", ret->before, fault)) != ST_OK ||
        (st = path(folder, "aside.pem", ret->aside, fault)) != ST_OK ||
        (st = path(folder, "next.pem", ret->next, fault)) != ST_OK) {
        return st;
    }
    (void)snprintf(ret->folder, sizeof ret->folder, "%s", folder); /* it fits: path() did */
    return ST_OK;
}

enum st identity_disk_fault(const char *what, struct fault *fault)
{
    fault_say(fault, "Cannot write %s: %s.", what, strerror(errno));
    return ST_IO;
}

enum st identity_sync_folder(const struct identity *identity, struct fault *fault)
{
    const int folder = open(identity->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const enum st st =
        folder < 0 || fsync(folder) != 0 ? identity_disk_fault(identity->folder, fault) : ST_OK;
    if (folder >= 0) {
        (void)close(folder); /* it was only read */
    }
    return st;
}

void identity_name_temporary(const char *name, char ret[IDENTITY_TEMPORARY_BYTES])
{
    (void)snprintf(ret, IDENTITY_TEMPORARY_BYTES, "%s.new", name);
}

enum st identity_write(const struct identity *identity, const char *name, const char *text,
                       struct fault *fault)
{
    char temporary[IDENTITY_TEMPORARY_BYTES];
    identity_name_temporary(name, temporary);
    size_t size = strlen(text);
    enum st st = ST_OK;
    /* One that a cut left may be a link to the key: identity_next.c. */
    if (unlink(temporary) != 0 && errno != ENOENT) {
        return identity_disk_fault(temporary, fault);
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return identity_disk_fault(temporary, fault);
    }
    for (size_t at = 0; at < size;) {
        ssize_t written = write(fd, text + at, size - at);
        if (written < 0 && errno != EINTR) {
            st = identity_disk_fault(temporary, fault);
            goto out;
        }
        at += written > 0 ? (size_t)written : 0;
    }
    if (fsync(fd) != 0 || rename(temporary, name) != 0) {
        st = identity_disk_fault(name, fault);
        goto out;
    }
    st = identity_sync_folder(identity, fault);
out:
    if (close(fd) != 0 && st == ST_OK) {
        st = identity_disk_fault(name, fault);
    }
    return st;
}

enum st identity_read(const char *name, char ret_text[IDENTITY_PEM_MAX + 1], bool *ret_missing,
                      struct fault *fault)
{
    *ret_missing = false;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *ret_missing = true;
        return ST_OK;
    }
    if (fd < 0) {
        fault_say(fault, "Cannot read %s: %s.", name, strerror(errno));
        return ST_IO;
    }
    ssize_t size = read(fd, ret_text, IDENTITY_PEM_MAX + 1);
    (void)close(fd); /* it was only read */
    if (size <= 0 || size > IDENTITY_PEM_MAX) {
        fault_say(fault, "%s is empty, too large or unreadable.", name);
        return ST_REFUSED;
    }
    ret_text[size] = '\0';
    return ST_OK;
}

enum st identity_make_key(const struct identity *identity, const char *name,
                          mbedtls_ctr_drbg_context *random, mbedtls_pk_context *key,
                          struct fault *fault)
{
    char pem[1024];
    enum st st = ST_IO;
    if (mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) != 0 ||
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), mbedtls_ctr_drbg_random,
                            random) != 0 ||
        mbedtls_pk_write_key_pem(key, (unsigned char *)pem, sizeof pem) != 0) {
        fault_say(fault, "Cannot make a key.");
    } else {
        st = identity_write(identity, name, pem, fault);
    }
    bytes_wipe(pem, sizeof pem);
    return st;
}

static enum st load_or_make_key(const struct identity *identity, mbedtls_ctr_drbg_context *random,
                                mbedtls_pk_context *key, struct fault *fault)
{
    if (access(identity->key, F_OK) != 0 && errno == ENOENT) {
        return identity_make_key(identity, identity->key, random, key, fault);
    }
    if (mbedtls_pk_parse_keyfile(key, identity->key,
                                 NULL MBED_KEY_RNG(mbedtls_ctr_drbg_random, random)) != 0) {
        fault_say(fault, "%s is not a key. It is not replaced: a club may know it.", identity->key);
        return ST_REFUSED;
    }
    return ST_OK;
}

enum st identity_make_request(mbedtls_ctr_drbg_context *random, mbedtls_pk_context *key,
                              char ret_request[IDENTITY_PEM_MAX + 1], struct fault *fault)
{
    mbedtls_x509write_csr csr;
    mbedtls_x509write_csr_init(&csr);
    mbedtls_x509write_csr_set_md_alg(&csr, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&csr, key);
    enum st st = ST_OK;
    /* The club gives the number; until then a terminal has no name. */
    if (mbedtls_x509write_csr_set_subject_name(&csr, "CN=vafa-terminal") != 0 ||
        mbedtls_x509write_csr_pem(&csr, (unsigned char *)ret_request, IDENTITY_PEM_MAX + 1,
                                  mbedtls_ctr_drbg_random, random) != 0) {
        fault_say(fault, "Cannot make a certificate request.");
        st = ST_IO;
    }
    mbedtls_x509write_csr_free(&csr);
    return st;
}

enum st identity_request(const struct identity *identity, char ret_request[IDENTITY_PEM_MAX + 1],
                         struct fault *fault)
{
    if (mkdir(identity->folder, 0700) != 0 && errno != EEXIST) {
        return identity_disk_fault(identity->folder, fault);
    }
    mbedtls_ctr_drbg_context random;
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    bool missing = false;
    enum st st = random_seed(&random, fault);
    if (st != ST_OK) {
        return st;
    }
    if ((st = load_or_make_key(identity, &random, &key, fault)) != ST_OK ||
        (st = identity_read(identity->request, ret_request, &missing, fault)) != ST_OK) {
        goto out;
    }
    if (missing) {
        st = identity_make_request(&random, &key, ret_request, fault);
        st = st == ST_OK ? identity_write(identity, identity->request, ret_request, fault) : st;
    }
out:
    mbedtls_pk_free(&key);
    mbedtls_ctr_drbg_free(&random);
    return st;
}

enum st identity_key(const struct identity *identity, char ret_pem[IDENTITY_PEM_MAX + 1],
                     struct fault *fault)
{
    bool missing = false;
    enum st st = identity_read(identity->key, ret_pem, &missing, fault);
    if (st == ST_OK && missing) {
        fault_say(fault, "There is no key in %.100s.", identity->folder);
        st = ST_REFUSED;
    }
    return st;
}

/* Is the certificate's subject "CN=<terminal>"? */
static bool names_terminal(const mbedtls_x509_crt *certificate, uint32_t terminal)
{
    char number[16];
    int size = snprintf(number, sizeof number, "%u", (unsigned)terminal);
    for (const mbedtls_x509_name *at = &certificate->subject; at != NULL; at = at->next) {
        const char *name = NULL;
        if (mbedtls_oid_get_attr_short_name(&at->oid, &name) == 0 && strcmp(name, "CN") == 0) {
            return at->val.len == (size_t)size && memcmp(at->val.p, number, at->val.len) == 0;
        }
    }
    return false;
}

/* Times are not tested: they are the club's to choose, and this clock may be unset. */
static int ignore_times(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    (void)context;
    (void)certificate;
    (void)depth;
    *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    return 0;
}

enum st identity_check(mbedtls_pk_context *key, uint32_t terminal, const char *certificate_pem,
                       const char *ca_pem, mbedtls_ctr_drbg_context *random, struct fault *fault)
{
    mbedtls_x509_crt certificate;
    mbedtls_x509_crt ca;
    uint32_t flags = 0;
    enum st st = ST_DENIED;
    (void)random; /* mbedTLS 2.28 takes none */
    mbedtls_x509_crt_init(&certificate);
    mbedtls_x509_crt_init(&ca);
    if (mbedtls_x509_crt_parse(&certificate, (const unsigned char *)certificate_pem,
                               strlen(certificate_pem) + 1) != 0 ||
        mbedtls_x509_crt_parse(&ca, (const unsigned char *)ca_pem, strlen(ca_pem) + 1) != 0) {
        fault_say(fault, "The club's answer holds no certificate in PEM.");
    } else if (mbedtls_pk_check_pair(&certificate.pk,
                                     key MBED_KEY_RNG(mbedtls_ctr_drbg_random, random)) != 0) {
        fault_say(fault, "The club's certificate is for another key than this terminal's.");
    } else if (!names_terminal(&certificate, terminal)) {
        fault_say(fault, "The club's certificate does not name terminal %u.", (unsigned)terminal);
    } else if (mbedtls_x509_crt_verify(&certificate, &ca, NULL, NULL, &flags, ignore_times, NULL) !=
               0) {
        fault_say(fault, "The club's certificate is not of the club's CA.");
    } else {
        st = ST_OK;
    }
    mbedtls_x509_crt_free(&ca);
    mbedtls_x509_crt_free(&certificate);
    return st;
}

enum st identity_fits(const struct identity *identity, uint32_t terminal,
                      const char *certificate_pem, const char *ca_pem, struct fault *fault)
{
    mbedtls_pk_context key;
    mbedtls_ctr_drbg_context random;
    mbedtls_pk_init(&key);
    enum st st = random_seed(&random, fault);
    if (st == ST_OK) {
        st = load_or_make_key(identity, &random, &key, fault);
    }
    if (st == ST_OK) {
        st = identity_check(&key, terminal, certificate_pem, ca_pem, &random, fault);
    }
    mbedtls_pk_free(&key);
    mbedtls_ctr_drbg_free(&random);
    return st;
}

enum st identity_store(const struct identity *identity, uint32_t terminal,
                       const char *certificate_pem, const char *ca_pem, struct fault *fault)
{
    enum st st = identity_fits(identity, terminal, certificate_pem, ca_pem, fault);
    if (st != ST_OK || (st = identity_write(identity, identity->ca, ca_pem, fault)) != ST_OK) {
        return st;
    }
    return identity_write(identity, identity->certificate, certificate_pem, fault);
}
