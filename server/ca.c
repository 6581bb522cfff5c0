#include "server/ca.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1 << 20, DAY_S = 86400, SERIAL_BYTES = 16 };

/* --- files --------------------------------------------------------------------------------- */

static enum st path_of(const char *dir, const char *name, char ret_path[PATH_MAX],
                       struct fault *fault)
{
    int size = name[0] == '/' ? snprintf(ret_path, PATH_MAX, "%s", name)
                              : snprintf(ret_path, PATH_MAX, "%s/%s", dir, name);
    if (size >= PATH_MAX) {
        fault_say(fault, "The name of a file is too long.");
        return ST_IO;
    }
    return ST_OK;
}

enum st file_load(const char *dir, const char *name, char **ret_text, size_t *ret_size,
                  struct fault *fault)
{
    char path[PATH_MAX];
    enum st st = path_of(dir == NULL ? "." : dir, name, path, fault);
    if (st != ST_OK) {
        return st;
    }
    FILE *file = fopen(path, "rbe");
    char *text = malloc(FILE_BYTES_MAX + 1);
    size_t size = 0;
    st = ST_IO;
    if (file == NULL || text == NULL) {
        fault_say(fault, "Cannot read %s: %s.", path, strerror(errno));
    } else {
        size = fread(text, 1, FILE_BYTES_MAX + 1, file);
        if (ferror(file) || size > FILE_BYTES_MAX) {
            fault_say(fault, "%s is too large, or the disk failed.", path);
        } else {
            st = ST_OK;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (st != ST_OK) {
        free(text);
        return st;
    }
    text[size] = '\0';
    *ret_text = text;
    *ret_size = size;
    return ST_OK;
}

bool file_exists(const char *dir, const char *name)
{
    char path[PATH_MAX];
    return path_of(dir, name, path, NULL) == ST_OK && access(path, F_OK) == 0;
}

/* A disk that fills up takes a part first, and says why only at the next try. */
static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t done = write(fd, bytes, size);
        if (done < 0) {
            return false;
        }
        bytes += done;
        size -= (size_t)done;
    }
    return true;
}

enum st file_store(const char *dir, const char *name, const void *bytes, size_t size, mode_t mode,
                   struct fault *fault)
{
    char path[PATH_MAX], aside[PATH_MAX + 4];
    enum st st = path_of(dir, name, path, fault);
    if (st != ST_OK) {
        return st;
    }
    (void)snprintf(aside, sizeof aside, "%s.new", path);
    (void)unlink(aside);
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool ok = fd >= 0 && write_all(fd, bytes, size) && fsync(fd) == 0;
    if (fd >= 0) {
        ok = close(fd) == 0 && ok;
    }
    ok = ok && rename(aside, path) == 0;
    int folder = ok ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    ok = ok && folder >= 0 && fsync(folder) == 0;
    if (!ok) {
        fault_say(fault, "Cannot write %s: %s.", path, strerror(errno));
        (void)unlink(aside); /* a full disk gets its room back */
    }
    if (folder >= 0) {
        (void)close(folder);
    }
    return ok ? ST_OK : ST_IO;
}

/* --- GnuTLS -------------------------------------------------------------------------------- */

/* The one place where GnuTLS's codes become ours: what it says of bytes that we gave it. */
static enum st translate(int rc, enum st bad, const char *doing, struct fault *fault)
{
    if (rc >= 0) {
        return ST_OK;
    }
    fault_say(fault, "Cannot %s: %s.", doing, gnutls_strerror(rc));
    return rc == GNUTLS_E_MEMORY_ERROR || rc == GNUTLS_E_RANDOM_FAILED ? ST_IO : bad;
}

struct pair {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
};

static void pair_finish(struct pair *pair)
{
    if (pair->key != NULL) {
        gnutls_x509_privkey_deinit(pair->key);
    }
    if (pair->crt != NULL) {
        gnutls_x509_crt_deinit(pair->crt);
    }
    *pair = (struct pair){0};
}

static int pair_init(struct pair *ret)
{
    *ret = (struct pair){0};
    int rc = gnutls_x509_privkey_init(&ret->key);
    return rc < 0 ? rc : gnutls_x509_crt_init(&ret->crt);
}

static enum st pair_load(const char *dir, const char *key_name, const char *crt_name,
                         struct pair *ret, struct fault *fault)
{
    char *key = NULL, *crt = NULL;
    size_t key_bytes = 0, crt_bytes = 0;
    struct pair pair = {0};
    enum st st = file_load(dir, key_name, &key, &key_bytes, fault);
    if (st == ST_OK) {
        st = file_load(dir, crt_name, &crt, &crt_bytes, fault);
    }
    if (st == ST_OK) {
        gnutls_datum_t key_text = {(unsigned char *)key, (unsigned)key_bytes};
        gnutls_datum_t crt_text = {(unsigned char *)crt, (unsigned)crt_bytes};
        int rc = pair_init(&pair);
        rc = rc < 0 ? rc : gnutls_x509_privkey_import(pair.key, &key_text, GNUTLS_X509_FMT_PEM);
        rc = rc < 0 ? rc : gnutls_x509_crt_import(pair.crt, &crt_text, GNUTLS_X509_FMT_PEM);
        st = translate(rc, ST_CORRUPT, "read the club's own key and certificate", fault);
    }
    if (key != NULL) {
        explicit_bzero(key, key_bytes);
    }
    free(key);
    free(crt);
    if (st != ST_OK) {
        pair_finish(&pair);
        return st;
    }
    *ret = pair;
    return ST_OK;
}

static enum st pair_store(const char *dir, const char *key_name, const char *crt_name,
                          const struct pair *pair, struct fault *fault)
{
    gnutls_datum_t key = {0}, crt = {0};
    int rc = gnutls_x509_privkey_export2(pair->key, GNUTLS_X509_FMT_PEM, &key);
    rc = rc < 0 ? rc : gnutls_x509_crt_export2(pair->crt, GNUTLS_X509_FMT_PEM, &crt);
    enum st st = translate(rc, ST_IO, "write a certificate", fault);
    /* The key first: a certificate without its key would look like a finished pair. */
    if (st == ST_OK) {
        st = file_store(dir, key_name, key.data, key.size, 0600, fault);
    }
    if (st == ST_OK) {
        st = file_store(dir, crt_name, crt.data, crt.size, 0644, fault);
    }
    if (key.data != NULL) {
        explicit_bzero(key.data, key.size);
    }
    gnutls_free(key.data);
    gnutls_free(crt.data);
    return st;
}

/* A renewal that was cut between its two files leaves the new key with the old certificate. */
static bool pair_matches(const struct pair *pair)
{
    uint8_t key[64], crt[64];
    size_t key_bytes = sizeof key, crt_bytes = sizeof crt;
    return gnutls_x509_privkey_get_key_id(pair->key, GNUTLS_KEYID_USE_SHA256, key, &key_bytes) ==
               0 &&
           gnutls_x509_crt_get_key_id(pair->crt, GNUTLS_KEYID_USE_SHA256, crt, &crt_bytes) == 0 &&
           key_bytes == crt_bytes && memcmp(key, crt, key_bytes) == 0;
}

static int new_key(gnutls_x509_privkey_t key)
{
    return gnutls_x509_privkey_generate(key, GNUTLS_PK_EC,
                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
}

/* What all our certificates share. They begin a day early, for clocks that are a little behind. */
static int fill(gnutls_x509_crt_t crt, const char *name, int64_t now_s, int64_t days)
{
    uint8_t serial[SERIAL_BYTES], key_id[64];
    size_t key_id_bytes = sizeof key_id;
    int rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40); /* positive, of full length */
    rc = rc < 0 ? rc : gnutls_x509_crt_set_version(crt, 3);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_activation_time(crt, (time_t)(now_s - DAY_S));
    rc = rc < 0 ? rc : gnutls_x509_crt_set_expiration_time(crt, (time_t)(now_s + days * DAY_S));
    rc = rc < 0 ? rc
                : gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                                (unsigned)strlen(name));
    rc =
        rc < 0 ? rc : gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, key_id, &key_id_bytes);
    return rc < 0 ? rc : gnutls_x509_crt_set_subject_key_id(crt, key_id, key_id_bytes);
}

static int fill_end_entity(gnutls_x509_crt_t crt, const char *purpose, const struct pair *ca)
{
    uint8_t id[64];
    size_t id_bytes = sizeof id;
    unsigned critical = 0;
    int rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key_purpose_oid(crt, purpose, 0);
    rc = rc < 0 ? rc : gnutls_x509_crt_get_subject_key_id(ca->crt, id, &id_bytes, &critical);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_authority_key_id(crt, id, id_bytes);
    return rc < 0 ? rc : gnutls_x509_crt_sign2(crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0);
}

/* --- the club's own ------------------------------------------------------------------------ */

/* Of its key, signed by itself. */
static int fill_ca(const struct pair *ca, int64_t begins_s, int64_t now_s)
{
    int rc = gnutls_x509_crt_set_key(ca->crt, ca->key);
    rc = rc < 0 ? rc : fill(ca->crt, "Vafa club", now_s, (int64_t)CA_YEARS * 365);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_activation_time(ca->crt, (time_t)begins_s);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_basic_constraints(ca->crt, 1, 0);
    rc = rc < 0 ? rc
                : gnutls_x509_crt_set_key_usage(ca->crt,
                                                GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    return rc < 0 ? rc : gnutls_x509_crt_sign2(ca->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0);
}

static enum st make_ca(const char *dir, int64_t now_s, struct fault *fault)
{
    struct pair ca;
    int rc = pair_init(&ca);
    rc = rc < 0 ? rc : new_key(ca.key);
    rc = rc < 0 ? rc : fill_ca(&ca, now_s - DAY_S, now_s);
    enum st st = translate(rc, ST_IO, "make the club's certificate", fault);
    if (st == ST_OK) {
        st = pair_store(dir, "ca.key", "ca.pem", &ca, fault);
    }
    pair_finish(&ca);
    return st;
}

/* Terminals that have the old certificate believe in what the key signs as long as that one lives;
 * each gets the new one with its own next certificate. */
static enum st make_ca_again(const char *dir, int64_t now_s, struct fault *fault)
{
    struct pair ca = {0};
    gnutls_x509_crt_t again = NULL;
    gnutls_datum_t pem = {0};
    enum st st = pair_load(dir, "ca.key", "ca.pem", &ca, fault);
    if (st != ST_OK) {
        return st;
    }
    const int64_t left_s = (int64_t)gnutls_x509_crt_get_expiration_time(ca.crt) - now_s;
    if (left_s >= (int64_t)CA_AGAIN_YEARS * 365 * DAY_S) {
        goto out;
    }
    if (!pair_matches(&ca)) {
        fault_say(fault, "%s/ca.key is not the key of ca.pem: put the right one back.", dir);
        st = ST_CORRUPT;
        goto out;
    }
    /* From the same day on: a clock that was wrong must not make one that is not valid yet. */
    const int64_t begins_s = (int64_t)gnutls_x509_crt_get_activation_time(ca.crt);
    int rc = gnutls_x509_crt_init(&again);
    rc = rc < 0 ? rc : fill_ca(&(struct pair){ca.key, again}, begins_s, now_s);
    rc = rc < 0 ? rc : gnutls_x509_crt_export2(again, GNUTLS_X509_FMT_PEM, &pem);
    st = translate(rc, ST_IO, "make the club's certificate again", fault);
    if (st == ST_OK) {
        st = file_store(dir, "ca.pem", pem.data, pem.size, 0644, fault);
    }
out:
    gnutls_free(pem.data);
    if (again != NULL) {
        gnutls_x509_crt_deinit(again);
    }
    pair_finish(&ca);
    return st;
}

static int set_host(gnutls_x509_crt_t crt, const char *host)
{
    uint8_t address[sizeof(struct in6_addr)];
    unsigned bytes = 0;
    if (inet_pton(AF_INET, host, address) == 1) {
        bytes = 4;
    } else if (inet_pton(AF_INET6, host, address) == 1) {
        bytes = 16;
    }
    return bytes != 0
               ? gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, bytes,
                                                      GNUTLS_FSAN_APPEND)
               : gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host,
                                                      (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
}

static enum st make_server(const char *dir, const char *const *hosts, size_t host_count,
                           int64_t now_s, struct fault *fault)
{
    struct pair ca = {0}, server = {0};
    enum st st = pair_load(dir, "ca.key", "ca.pem", &ca, fault);
    if (st != ST_OK) {
        return st;
    }
    int rc = pair_init(&server);
    rc = rc < 0 ? rc : new_key(server.key);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key(server.crt, server.key);
    rc = rc < 0 ? rc : fill(server.crt, hosts[0], now_s, CA_SERVER_DAYS);
    for (size_t i = 0; i < host_count && rc >= 0; i++) {
        rc = set_host(server.crt, hosts[i]);
    }
    rc = rc < 0 ? rc : fill_end_entity(server.crt, GNUTLS_KP_TLS_WWW_SERVER, &ca);
    st = translate(rc, ST_IO, "make the server's certificate", fault);
    if (st == ST_OK) {
        st = pair_store(dir, "server.key", "server.pem", &server, fault);
    }
    pair_finish(&server);
    pair_finish(&ca);
    return st;
}

static bool server_is_fit(const struct pair *server, const char *const *hosts, size_t host_count,
                          int64_t now_s)
{
    int64_t begins = (int64_t)gnutls_x509_crt_get_activation_time(server->crt);
    int64_t ends = (int64_t)gnutls_x509_crt_get_expiration_time(server->crt);
    bool fits =
        begins <= now_s && ends - now_s > (int64_t)CA_RENEW_DAYS * DAY_S && pair_matches(server);
    for (size_t i = 0; i < host_count && fits; i++) {
        fits = gnutls_x509_crt_check_hostname(server->crt, hosts[i]) != 0;
    }
    return fits;
}

enum st ca_make(const char *dir, const char *const *hosts, size_t host_count, struct fault *fault)
{
    assert(host_count > 0 && host_count <= CA_HOSTS_MAX);
    int64_t now_s = (int64_t)time(NULL);
    bool has_key = file_exists(dir, "ca.key"), has_crt = file_exists(dir, "ca.pem");
    enum st st = ST_OK;
    if (has_crt && !has_key) {
        fault_say(fault,
                  "%s has ca.pem but no ca.key: put the key back; without it no terminal can "
                  "be approved.",
                  dir);
        return ST_CORRUPT;
    }
    if (!has_crt && has_key && file_exists(dir, "server.pem")) {
        fault_say(fault,
                  "%s has ca.key but no ca.pem: put the certificate back; all terminals trust it.",
                  dir);
        return ST_CORRUPT;
    }
    /* A key alone is a start that was cut before anybody could have seen the certificate. */
    st = has_crt ? make_ca_again(dir, now_s, fault) : make_ca(dir, now_s, fault);
    bool fits = false;
    if (st == ST_OK && file_exists(dir, "server.pem")) {
        struct pair server = {0};
        st = pair_load(dir, "server.key", "server.pem", &server, fault);
        fits = st == ST_OK && server_is_fit(&server, hosts, host_count, now_s);
        pair_finish(&server);
    }
    return st == ST_OK && !fits ? make_server(dir, hosts, host_count, now_s, fault) : st;
}

/* --- terminals ----------------------------------------------------------------------------- */

#define LAST_NAME "terminals.last"

enum st ca_last_load(const char *dir, uint32_t *ret, struct fault *fault)
{
    char *text = NULL, *end = NULL;
    size_t size = 0;
    *ret = 0;
    if (!file_exists(dir, LAST_NAME)) {
        return ST_OK; /* No terminal yet, or a folder from before there was this file. */
    }
    enum st st = file_load(dir, LAST_NAME, &text, &size, fault);
    if (st != ST_OK) {
        return st;
    }
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '1' || text[0] > '9' || strcmp(end, "\n") != 0 || number > WIRE_TERMINAL_MAX) {
        fault_say(fault, "%s/" LAST_NAME " is not the number of a terminal: put it right.", dir);
        st = ST_CORRUPT;
    } else {
        *ret = (uint32_t)number;
    }
    free(text);
    return st;
}

enum st ca_last_store(const char *dir, uint32_t terminal, struct fault *fault)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u\n", terminal);
    return file_store(dir, LAST_NAME, text, strlen(text), 0600, fault);
}

static gnutls_ecc_curve_t curve_of(gnutls_x509_crq_t crq)
{
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    gnutls_pubkey_t key = NULL;
    if (gnutls_pubkey_init(&key) == 0 && gnutls_pubkey_import_x509_crq(key, crq, 0) == 0 &&
        gnutls_pubkey_export_ecc_raw2(key, &curve, NULL, NULL, 0) < 0) {
        curve = GNUTLS_ECC_CURVE_INVALID;
    }
    gnutls_pubkey_deinit(key);
    return curve;
}

static enum st request_load(const char *csr, gnutls_x509_crq_t *ret, struct fault *fault)
{
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)csr, (unsigned)strlen(csr)};
    gnutls_x509_crq_t crq = NULL;
    int rc = gnutls_x509_crq_init(&crq);
    rc = rc < 0 ? rc : gnutls_x509_crq_import(crq, &text, GNUTLS_X509_FMT_PEM);
    enum st st = translate(rc, ST_FOREIGN, "read the certificate request", fault);
    gnutls_ecc_curve_t curve = st == ST_OK ? curve_of(crq) : GNUTLS_ECC_CURVE_INVALID;
    if (st == ST_OK && curve != GNUTLS_ECC_CURVE_SECP256R1) {
        fault_say(fault, "The certificate request's key must be on the curve P-256.");
        st = ST_FOREIGN;
    }
    if (st == ST_OK) {
        st = translate(gnutls_x509_crq_verify(crq, 0), ST_FOREIGN,
                       "verify that the certificate request is signed by its own key", fault);
    }
    if (st != ST_OK) {
        gnutls_x509_crq_deinit(crq);
        return st;
    }
    *ret = crq;
    return ST_OK;
}

static int key_of(gnutls_x509_crq_t crq, uint8_t ret[CA_FINGERPRINT_BYTES])
{
    size_t size = CA_FINGERPRINT_BYTES;
    return gnutls_x509_crq_get_key_id(crq, GNUTLS_KEYID_USE_SHA256, ret, &size);
}

enum st ca_check_request(const char *csr, uint8_t ret_key[CA_FINGERPRINT_BYTES],
                         struct fault *fault)
{
    gnutls_x509_crq_t crq = NULL;
    enum st st = request_load(csr, &crq, fault);
    if (st == ST_OK && ret_key != NULL) {
        st = translate(key_of(crq, ret_key), ST_FOREIGN, "read the request's key", fault);
    }
    if (crq != NULL) {
        gnutls_x509_crq_deinit(crq);
    }
    return st;
}

static int sign_into(gnutls_x509_crt_t crt, gnutls_x509_crq_t crq, const struct pair *ca,
                     uint32_t terminal, int64_t now_s)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%u", terminal);
    gnutls_pubkey_t key = NULL;
    int rc = gnutls_pubkey_init(&key);
    rc = rc < 0 ? rc : gnutls_pubkey_import_x509_crq(key, crq, 0);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_pubkey(crt, key);
    rc = rc < 0 ? rc : fill(crt, name, now_s, CA_TERMINAL_DAYS);
    rc = rc < 0 ? rc : fill_end_entity(crt, GNUTLS_KP_TLS_WWW_CLIENT, ca);
    gnutls_pubkey_deinit(key);
    return rc;
}

static int describe(gnutls_x509_crt_t crt, struct ca_signed *ret)
{
    size_t fingerprint_bytes = sizeof ret->fingerprint, pem_bytes = sizeof ret->pem;
    memset(ret->pem, 0, sizeof ret->pem);
    int rc = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, ret->fingerprint,
                                             &fingerprint_bytes);
    rc = rc < 0 ? rc : gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, ret->pem, &pem_bytes);
    ret->ends_at = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
    return rc;
}

enum st ca_sign(const char *dir, const char *csr, uint32_t terminal, int64_t now_s,
                struct ca_signed *ret, struct fault *fault)
{
    struct pair ca = {0};
    gnutls_x509_crq_t crq = NULL;
    gnutls_x509_crt_t crt = NULL;
    enum st st = pair_load(dir, "ca.key", "ca.pem", &ca, fault);
    if (st == ST_OK) {
        st = request_load(csr, &crq, fault);
    }
    if (st == ST_OK) {
        int rc = gnutls_x509_crt_init(&crt);
        rc = rc < 0 ? rc : key_of(crq, ret->key);
        rc = rc < 0 ? rc : sign_into(crt, crq, &ca, terminal, now_s);
        rc = rc < 0 ? rc : describe(crt, ret);
        st = translate(rc, ST_IO, "sign the terminal's certificate", fault);
    }
    if (crt != NULL) {
        gnutls_x509_crt_deinit(crt);
    }
    if (crq != NULL) {
        gnutls_x509_crq_deinit(crq);
    }
    pair_finish(&ca);
    return st;
}
