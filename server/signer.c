#include "server/signer.h"

#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "hal/signed.h"
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

enum st signer_private(const char *dir, char **ret_pem, size_t *ret_size, struct fault *fault)
{
    if (!file_exists(dir, PRIVATE_NAME)) {
        fault_say(fault,
                  "This club's signing key is kept elsewhere: %s/" PRIVATE_NAME " is not here.",
                  dir);
        return ST_REFUSED;
    }
    return file_load(dir, PRIVATE_NAME, ret_pem, ret_size, fault);
}

static enum st sign(const char *dir, const char *text, size_t size, char **ret_jws,
                    struct fault *fault)
{
    char *pem = NULL;
    size_t pem_size = 0;
    if (!file_exists(dir, PRIVATE_NAME)) {
        fault_say(fault, "This club's key is kept elsewhere: sign the programme there with "
                         "vafa-programme sign.");
        return ST_REFUSED;
    }
    enum st st = file_load(dir, PRIVATE_NAME, &pem, &pem_size, fault);
    if (st == ST_OK) {
        st = signed_make(pem, TYP, text, size, ret_jws, fault);
        bytes_wipe(pem, pem_size);
    }
    free(pem);
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
        st = sign(dir, text, size, &jws, fault);
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
