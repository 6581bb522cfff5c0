/* The next certificate of an identity (identity.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/x509_crt.h>

#include "firmware/engine/calendar.h"
#include "hal/base/bytes.h"
#include "sync/identity_priv.h"
#include "sync/mbed.h"
#include "sync/random.h"

/* Loads the key of next.pem, unless it is that of key.pem: then a cut came after it was taken. */
static enum st load_next(const struct identity *identity, mbedtls_ctr_drbg_context *random,
                         mbedtls_pk_context *key, bool *ret_is_there, struct fault *fault)
{
    char next[IDENTITY_PEM_MAX + 1], current[IDENTITY_PEM_MAX + 1];
    bool is_missing = false;
    (void)random; /* mbedTLS 2.28 takes none */
    *ret_is_there = false;
    enum st st = identity_read(identity->next, next, &is_missing, fault);
    if (st == ST_REFUSED) {
        return ST_OK; /* nobody knows of what is in it */
    }
    if (st == ST_OK && !is_missing) {
        st = identity_key(identity, current, fault);
    }
    if (st == ST_OK && !is_missing) {
        *ret_is_there =
            strncmp(current, next, strlen(next)) != 0 &&
            mbedtls_pk_parse_key(key, (const unsigned char *)next, strlen(next) + 1, NULL,
                                 0 MBED_KEY_RNG(mbedtls_ctr_drbg_random, random)) == 0;
        bytes_wipe(current, sizeof current);
    }
    bytes_wipe(next, sizeof next);
    return st;
}

enum st identity_next(const struct identity *identity, char ret_request[IDENTITY_PEM_MAX + 1],
                      struct fault *fault)
{
    mbedtls_ctr_drbg_context random;
    mbedtls_pk_context key;
    bool is_there = false;
    mbedtls_pk_init(&key);
    enum st st = random_seed(&random, fault);
    if (st == ST_OK) {
        st = load_next(identity, &random, &key, &is_there, fault);
    }
    if (st == ST_OK && !is_there) {
        mbedtls_pk_free(&key);
        mbedtls_pk_init(&key);
        st = identity_make_key(identity, identity->next, &random, &key, fault);
    }
    if (st == ST_OK) {
        st = identity_make_request(&random, &key, ret_request, fault);
    }
    mbedtls_pk_free(&key);
    mbedtls_ctr_drbg_free(&random);
    return st;
}

static enum st check_next(const struct identity *identity, uint32_t terminal,
                          const char *certificate_pem, const char *ca_pem, struct fault *fault)
{
    mbedtls_ctr_drbg_context random;
    mbedtls_pk_context key;
    bool is_there = false;
    mbedtls_pk_init(&key);
    enum st st = random_seed(&random, fault);
    if (st == ST_OK) {
        st = load_next(identity, &random, &key, &is_there, fault);
    }
    if (st == ST_OK && !is_there) {
        fault_say(fault, "There is no key in %.100s that was asked for.", identity->next);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = identity_check(&key, terminal, certificate_pem, ca_pem, &random, fault);
    }
    mbedtls_pk_free(&key);
    mbedtls_ctr_drbg_free(&random);
    return st;
}

/* The pinned CA may come again with a later end; another key or name is another CA. */
static enum st check_ca(const struct identity *identity, const char *ca_pem, struct fault *fault)
{
    mbedtls_x509_crt pinned, ca;
    mbedtls_x509_crt_init(&pinned);
    mbedtls_x509_crt_init(&ca);
    enum st st = ST_OK;
    if (mbedtls_x509_crt_parse_file(&pinned, identity->ca) != 0) {
        fault_say(fault, "%.100s is not the club's CA certificate in PEM.", identity->ca);
        st = ST_REFUSED;
    } else if (mbedtls_x509_crt_parse(&ca, (const unsigned char *)ca_pem, strlen(ca_pem) + 1) !=
                   0 ||
               ca.next != NULL || ca.pk_raw.len != pinned.pk_raw.len ||
               memcmp(ca.pk_raw.p, pinned.pk_raw.p, ca.pk_raw.len) != 0 ||
               ca.subject_raw.len != pinned.subject_raw.len ||
               memcmp(ca.subject_raw.p, pinned.subject_raw.p, ca.subject_raw.len) != 0) {
        fault_say(fault,
                  "The club's answer has another CA than the one that this terminal trusts.");
        st = ST_DENIED;
    }
    mbedtls_x509_crt_free(&pinned);
    mbedtls_x509_crt_free(&ca);
    return st;
}

/* Reads `name` to the end of *text. */
static enum st append_file(const char *name, char text[IDENTITY_PEM_MAX + 1], struct fault *fault)
{
    char more[IDENTITY_PEM_MAX + 1];
    bool is_missing = false;
    const size_t size = strlen(text);
    enum st st = identity_read(name, more, &is_missing, fault);
    if (st == ST_OK && (is_missing || size + strlen(more) > IDENTITY_PEM_MAX)) {
        fault_say(fault, "%.100s is missing or too large.", name);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        memcpy(text + size, more, strlen(more) + 1);
    }
    bytes_wipe(more, sizeof more);
    return st;
}

static bool is_link(const char *name)
{
    struct stat what;
    return lstat(name, &what) == 0 && S_ISLNK(what.st_mode);
}

/* From two files to one: key.pem gets the certificate behind the same key, then terminal.pem
 * becomes a link to it. Key and certificate fit at every moment of that. */
static enum st join_files(const struct identity *identity, const char *both, struct fault *fault)
{
    char temporary[IDENTITY_TEMPORARY_BYTES];
    enum st st = identity_write(identity, identity->key, both, fault);
    if (st != ST_OK) {
        return st;
    }
    identity_name_temporary(identity->certificate, temporary);
    if ((unlink(temporary) != 0 && errno != ENOENT) || symlink("key.pem", temporary) != 0 ||
        rename(temporary, identity->certificate) != 0) {
        return identity_disk_fault(identity->certificate, fault);
    }
    return identity_sync_folder(identity, fault);
}

/* Keeps what is in key.pem, whichever way it lies in its files, as `name`. */
static enum st keep(const struct identity *identity, const char *name, struct fault *fault)
{
    char both[IDENTITY_PEM_MAX + 1] = "";
    const bool is_joined = is_link(identity->certificate);
    enum st st = append_file(identity->key, both, fault);
    char *certificate = strstr(both, "-----BEGIN CERTIFICATE-----");
    if (st == ST_OK && !is_joined) {
        if (certificate != NULL) {
            *certificate = '\0'; /* of a join that was cut, or older than terminal.pem */
        }
        st = append_file(identity->certificate, both, fault);
        st = st == ST_OK ? join_files(identity, both, fault) : st;
    }
    st = st == ST_OK ? identity_write(identity, name, both, fault) : st;
    bytes_wipe(both, sizeof both);
    return st;
}

static enum st drop(const char *name, struct fault *fault)
{
    return unlink(name) == 0 || errno == ENOENT ? ST_OK : identity_disk_fault(name, fault);
}

/* The one stroke. */
static enum st put_next(const struct identity *identity, const char *certificate_pem,
                        struct fault *fault)
{
    char both[IDENTITY_PEM_MAX + 1] = "";
    enum st st = append_file(identity->next, both, fault);
    const size_t size = strlen(both);
    if (st == ST_OK && size + strlen(certificate_pem) > IDENTITY_PEM_MAX) {
        fault_say(fault, "The club's certificate is too large.");
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        memcpy(both + size, certificate_pem, strlen(certificate_pem) + 1);
        st = identity_write(identity, identity->key, both, fault);
    }
    bytes_wipe(both, sizeof both);
    return st;
}

enum st identity_take_next(const struct identity *identity, enum identity_pair in_use,
                           uint32_t terminal, const char *certificate_pem, const char *ca_pem,
                           struct fault *fault)
{
    const char *name = in_use == IDENTITY_BEFORE ? identity->aside : identity->before;
    enum st st = check_next(identity, terminal, certificate_pem, ca_pem, fault);
    if (st != ST_OK || (st = check_ca(identity, ca_pem, fault)) != ST_OK ||
        (st = keep(identity, name, fault)) != ST_OK ||
        /* It is for the old key. */
        (st = drop(identity->request, fault)) != ST_OK ||
        (st = identity_write(identity, identity->ca, ca_pem, fault)) != ST_OK ||
        (st = put_next(identity, certificate_pem, fault)) != ST_OK) {
        return st;
    }
    st = drop(identity->next, fault);
    return st == ST_OK && in_use == IDENTITY_NOW ? drop(identity->aside, fault) : st;
}

enum st identity_take_aside(const struct identity *identity, struct fault *fault)
{
    char both[IDENTITY_PEM_MAX + 1] = "";
    if (!is_link(identity->certificate)) {
        fault_say(fault, "%.100s is not a link to key.pem.", identity->certificate);
        return ST_REFUSED;
    }
    enum st st = append_file(identity->aside, both, fault);
    st = st == ST_OK ? identity_write(identity, identity->key, both, fault) : st;
    bytes_wipe(both, sizeof both);
    return st == ST_OK ? drop(identity->aside, fault) : st;
}

enum st identity_drop_next(const struct identity *identity, struct fault *fault)
{
    return drop(identity->next, fault);
}

/* By the calendar, because time_t ends in 2038 on some boards. */
static bool seconds_of(const mbedtls_x509_time *time, int64_t *ret_s)
{
    const struct date date = {
        .year = (int16_t)time->year, .month = (uint8_t)time->mon, .day = (uint8_t)time->day};
    if (!calendar_gregorian_is_valid(date)) {
        return false;
    }
    const int64_t day = calendar_day_of_gregorian(date) + CALENDAR_DAYS_1970;
    *ret_s = ((day * 24 + time->hour) * 60 + time->min) * 60 + time->sec;
    return true;
}

enum st identity_life(const char *file, struct identity_life *ret, struct fault *fault)
{
    mbedtls_x509_crt certificate;
    enum st st = ST_OK;
    mbedtls_x509_crt_init(&certificate);
    if (mbedtls_x509_crt_parse_file(&certificate, file) != 0 ||
        !seconds_of(&certificate.valid_from, &ret->from_s) ||
        !seconds_of(&certificate.valid_to, &ret->to_s)) {
        fault_say(fault, "%.100s has no certificate.", file);
        st = ST_REFUSED;
    }
    ret->chance = 0;
    for (size_t i = 0; st == ST_OK && i < certificate.serial.len; i += 1) {
        ret->chance = ret->chance << 8 | certificate.serial.p[i]; /* its last bytes, by chance */
    }
    mbedtls_x509_crt_free(&certificate);
    return st;
}
