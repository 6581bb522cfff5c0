#include "server/serve_cert.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/ca.h"

struct shown {
    char *pem;
    gnutls_pcert_st certificate;
    gnutls_privkey_t key;
    struct shown *before; /* a handshake may still be using it; there is one more in 300 days */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shown *newest;

static void shown_free(struct shown *shown)
{
    if (shown != NULL) {
        gnutls_pcert_deinit(&shown->certificate);
        gnutls_privkey_deinit(shown->key);
        free(shown->pem);
    }
    free(shown);
}

/* Takes `pem`. NULL: the two are none, or there is no memory. */
static struct shown *shown_make(char *pem, const char *key)
{
    const gnutls_datum_t certificate_text = {(unsigned char *)pem, (unsigned)strlen(pem)};
    const gnutls_datum_t key_text = {(unsigned char *)(uintptr_t)key, (unsigned)strlen(key)};
    struct shown *shown = calloc(1, sizeof *shown);
    if (shown == NULL) {
        free(pem);
        return NULL;
    }
    shown->pem = pem;
    if (gnutls_pcert_import_x509_raw(&shown->certificate, &certificate_text, GNUTLS_X509_FMT_PEM,
                                     0) < 0 ||
        gnutls_privkey_init(&shown->key) < 0 ||
        gnutls_privkey_import_x509_raw(shown->key, &key_text, GNUTLS_X509_FMT_PEM, NULL, 0) < 0) {
        shown_free(shown);
        return NULL;
    }
    return shown;
}

enum st serve_cert_load(const char *dir, bool *ret_is_new, struct fault *fault)
{
    char *pem = NULL, *key = NULL;
    size_t pem_bytes = 0, key_bytes = 0;
    *ret_is_new = false;
    enum st st = file_load(dir, "server.pem", &pem, &pem_bytes, fault);
    if (st == ST_OK && newest != NULL && strcmp(newest->pem, pem) == 0) {
        free(pem);
        return ST_OK;
    }
    if (st == ST_OK) {
        st = file_load(dir, "server.key", &key, &key_bytes, fault);
    }
    if (st != ST_OK) {
        free(pem);
        return st;
    }
    struct shown *shown = shown_make(pem, key);
    explicit_bzero(key, key_bytes);
    free(key);
    if (shown == NULL) {
        fault_say(fault, "%.200s: server.key and server.pem are no key and certificate.", dir);
        return ST_CORRUPT;
    }
    (void)pthread_mutex_lock(&lock); /* neither can fail */
    shown->before = newest;
    newest = shown;
    (void)pthread_mutex_unlock(&lock);
    *ret_is_new = true;
    return ST_OK;
}

void serve_cert_close(void)
{
    while (newest != NULL) {
        struct shown *shown = newest;
        newest = shown->before;
        shown_free(shown);
    }
}

int serve_cert_get(gnutls_session_t session, const gnutls_datum_t *ca_names, int ca_count,
                   const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                   gnutls_pcert_st **ret_certificates, unsigned *ret_count,
                   gnutls_privkey_t *ret_key)
{
    (void)session;
    (void)ca_names;
    (void)ca_count;
    (void)algorithms;
    (void)algorithm_count;
    (void)pthread_mutex_lock(&lock);
    *ret_certificates = &newest->certificate;
    *ret_count = 1;
    *ret_key = newest->key;
    (void)pthread_mutex_unlock(&lock);
    return 0;
}
