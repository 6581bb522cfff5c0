#include "server/signer.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "server/ca.h"
#include "server/keypair.h"

#define PUBLIC_NAME  "programme.pem"
#define PRIVATE_NAME "programme.key"
#define TYP          "vafa-programme"

static enum st key_load(const char *dir, struct signed_key **ret, struct fault *fault)
{
    char *pem = NULL;
    size_t size = 0;
    enum st st = file_load(dir, PUBLIC_NAME, &pem, &size, fault);
    if (st == ST_OK) {
        st = signed_key_read(pem, ret, fault);
    }
    free(pem);
    return st;
}

enum st signer_make(const char *dir, struct fault *fault)
{
    return keypair_make(dir, PUBLIC_NAME, PRIVATE_NAME, fault);
}

enum st signer_public(const char *dir, char **ret_pem, struct fault *fault)
{
    size_t size = 0;
    return file_load(dir, PUBLIC_NAME, ret_pem, &size, fault);
}

enum st signer_sign(const char *dir, const char *typ, const char *text, size_t size, char **ret_jws,
                    struct fault *fault)
{
    char *pem = NULL;
    size_t pem_size = 0;
    if (!file_exists(dir, PRIVATE_NAME)) {
        fault_say(fault,
                  "This club's signing key is kept elsewhere: %s/" PRIVATE_NAME " is not here.",
                  dir);
        return ST_REFUSED;
    }
    enum st st = file_load(dir, PRIVATE_NAME, &pem, &pem_size, fault);
    if (st == ST_OK) {
        st = signed_make(pem, typ, text, size, ret_jws, fault);
        bytes_wipe(pem, pem_size);
    }
    free(pem);
    return st;
}

/* A programme that is not signed yet. */
static enum st sign_programme(const char *dir, const char *text, size_t size, char **ret_jws,
                              struct fault *fault)
{
    const enum st st = signer_sign(dir, TYP, text, size, ret_jws, fault);
    if (st == ST_REFUSED) {
        fault_say(fault, "This club's key is kept elsewhere: sign the programme there with "
                         "vafa-programme sign.");
    }
    return st;
}

enum st signer_take(const char *dir, const char *text, size_t size, char **ret_document,
                    size_t *ret_size, char **ret_jws, struct fault *fault)
{
    struct signed_key *key = NULL;
    char *jws = NULL;
    enum st st = key_load(dir, &key, fault);
    if (st != ST_OK) {
        return st;
    }
    if (signed_is_jws(text, size)) {
        jws = malloc(size + 1);
        st = jws == NULL ? ST_FULL : ST_OK;
        if (jws != NULL) {
            memcpy(jws, text, size);
            jws[size] = '\0';
        }
    } else {
        st = sign_programme(dir, text, size, &jws, fault);
    }
    /* Also our own work is looked at as a terminal will: a public key that is not of this private
     * one shows here. */
    if (st == ST_OK) {
        st = signed_open(key, TYP, jws, strlen(jws), ret_document, ret_size, fault);
    }
    signed_key_free(key);
    if (st != ST_OK) {
        free(jws);
        return st;
    }
    *ret_jws = jws;
    return ST_OK;
}

/* --- seals --------------------------------------------------------------------------------- */

/* By GnuTLS, while terminals check by mbedTLS: it is ten times as fast, and each proves the other.
 */
struct signer {
    gnutls_privkey_t key;
};

enum { HALF_BYTES = SIGNED_SEAL_BYTES / 2 };

/* A whole number as DER has it, without leading zeros or with one, into 32 bytes. */
static bool put_half(const gnutls_datum_t *number, uint8_t *ret)
{
    size_t skip = number->size > HALF_BYTES ? number->size - HALF_BYTES : 0;
    size_t size = number->size - skip;
    for (size_t i = 0; i < skip; i++) {
        if (number->data[i] != 0) {
            return false;
        }
    }
    memset(ret, 0, HALF_BYTES);
    memcpy(ret + HALF_BYTES - size, number->data + skip, size);
    return true;
}

enum st signer_seal(const struct signer *signer, const uint8_t *message, size_t size,
                    uint8_t ret_seal[SIGNED_SEAL_BYTES])
{
    gnutls_datum_t der = {NULL, 0}, r = {NULL, 0}, s = {NULL, 0};
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)message, (unsigned)size};
    bool is_done = gnutls_privkey_sign_data2(signer->key, GNUTLS_SIGN_ECDSA_SHA256,
                                             GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE, &data, &der) == 0 &&
                   gnutls_decode_rs_value(&der, &r, &s) == 0 && put_half(&r, ret_seal) &&
                   put_half(&s, ret_seal + HALF_BYTES);
    gnutls_free(r.data);
    gnutls_free(s.data);
    gnutls_free(der.data);
    return is_done ? ST_OK : ST_IO;
}

void signer_close(struct signer *signer)
{
    if (signer != NULL) {
        gnutls_privkey_deinit(signer->key);
        free(signer);
    }
}

static enum st import(const char *pem, struct signer **ret, struct fault *fault)
{
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    struct signer *signer = calloc(1, sizeof *signer);
    if (signer == NULL || gnutls_privkey_init(&signer->key) != 0) {
        free(signer);
        return ST_FULL;
    }
    if (gnutls_privkey_import_x509_raw(signer->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0) != 0 ||
        gnutls_privkey_get_pk_algorithm(signer->key, NULL) != GNUTLS_PK_ECDSA) {
        fault_say(fault, "This is not a private P-256 key in PEM: make one with vafa-programme "
                         "key.");
        signer_close(signer);
        return ST_FOREIGN;
    }
    *ret = signer;
    return ST_OK;
}

/* Does what it seals open with the public key that terminals have? */
static enum st try_key(const struct signer *signer, const char *dir, struct fault *fault)
{
    static const uint8_t message[] = "vafa-signer-try";
    uint8_t seal[SIGNED_SEAL_BYTES];
    struct signed_key *key = NULL;
    enum st st = key_load(dir, &key, fault);
    if (st == ST_OK) {
        st = signer_seal(signer, message, sizeof message, seal);
    }
    if (st == ST_OK && !signed_seal_fits(key, message, sizeof message, seal)) {
        fault_say(fault, "This is not the private key of %s/%s, which terminals trust.", dir,
                  PUBLIC_NAME);
        st = ST_DENIED;
    }
    signed_key_free(key);
    return st;
}

enum st signer_open(const char *dir, const char *key, struct signer **ret, struct fault *fault)
{
    char *pem = NULL;
    size_t size = 0;
    struct signer *signer = NULL;
    if (key == NULL && !file_exists(dir, PRIVATE_NAME)) {
        fault_say(fault, "This club's key is kept elsewhere, and actions are sealed with it: bring "
                         "it, and name its file with --key.");
        return ST_REFUSED;
    }
    enum st st =
        file_load(key == NULL ? dir : NULL, key == NULL ? PRIVATE_NAME : key, &pem, &size, fault);
    if (st == ST_OK) {
        st = import(pem, &signer, fault);
        bytes_wipe(pem, size);
    }
    free(pem);
    if (st == ST_OK) {
        st = try_key(signer, dir, fault);
    }
    if (st != ST_OK) {
        signer_close(signer);
        return st;
    }
    *ret = signer;
    return ST_OK;
}
