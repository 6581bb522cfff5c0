#include "server/keypair.h"

#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "hal/signed.h"
#include "server/ca.h"

static enum st public_check(const char *dir, const char *name, struct fault *fault)
{
    char *pem = NULL;
    size_t size = 0;
    struct signed_key *key = NULL;
    enum st st = file_load(dir, name, &pem, &size, fault);
    if (st == ST_OK) {
        st = signed_key_read(pem, &key, fault);
    }
    signed_key_free(key);
    free(pem);
    return st == ST_FOREIGN ? ST_CORRUPT : st;
}

/* A start that was cut between the two files: nobody has seen the public one yet. */
static enum st public_again(const char *dir, const char *public_name, const char *private_name,
                            struct fault *fault)
{
    char *pem = NULL, public_pem[SIGNED_PEM_MAX];
    size_t size = 0;
    enum st st = file_load(dir, private_name, &pem, &size, fault);
    if (st == ST_OK && signed_public_of(pem, public_pem, fault) != ST_OK) {
        st = ST_CORRUPT;
    }
    if (pem != NULL) {
        bytes_wipe(pem, size);
    }
    free(pem);
    return st != ST_OK ? st
                       : file_store(dir, public_name, public_pem, strlen(public_pem), 0644, fault);
}

enum st keypair_make(const char *dir, const char *public_name, const char *private_name,
                     struct fault *fault)
{
    char private_pem[SIGNED_PEM_MAX], public_pem[SIGNED_PEM_MAX];
    if (file_exists(dir, public_name)) {
        return public_check(dir, public_name, fault);
    }
    if (file_exists(dir, private_name)) {
        return public_again(dir, public_name, private_name, fault);
    }
    enum st st = signed_pair_make(private_pem, public_pem);
    if (st != ST_OK) {
        fault_say(fault, "The system gives no random numbers for a key.");
        return st;
    }
    st = file_store(dir, private_name, private_pem, strlen(private_pem), 0600, fault);
    bytes_wipe(private_pem, sizeof private_pem);
    return st != ST_OK ? st
                       : file_store(dir, public_name, public_pem, strlen(public_pem), 0644, fault);
}
