#include "tools/programme/document.h"

#include <errno.h>
#include <mbedtls/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/signed.h"

enum { FILE_MAX = 4 * 1024 * 1024 }; /* a signed programme has at most 4/3 of PROGRAMME_TEXT_MAX */

enum st file_read(const char *path, char **ret, size_t *ret_size, struct fault *fault)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(FILE_MAX + 1);
    if (file == NULL || text == NULL) {
        fault_say(fault, "%s: %s", path, strerror(errno));
        if (file != NULL) {
            (void)fclose(file);
        }
        free(text);
        return ST_IO;
    }
    size_t size = fread(text, 1, FILE_MAX + 1, file);
    bool is_bad = ferror(file) != 0 || size > FILE_MAX;
    int cause = errno;
    (void)fclose(file);
    if (is_bad) {
        fault_say(fault, "%s: %s", path, size > FILE_MAX ? "too large" : strerror(cause));
        free(text);
        return ST_IO;
    }
    text[size] = '\0';
    *ret = text;
    *ret_size = size;
    return ST_OK;
}

/* The document of a JWS whose signature is not looked at. */
static enum st unwrap(const char *text, char **ret, size_t *ret_size, struct fault *fault)
{
    const char *from = strchr(text, '.');
    const char *to = from == NULL ? NULL : strchr(from + 1, '.');
    size_t size = to == NULL ? 0 : (size_t)(to - from - 1);
    size_t padded = (size + 3) / 4 * 4;
    size_t used = 0;
    char *plain = malloc(padded + 1);
    unsigned char *bytes = malloc(padded + 1);
    if (plain == NULL || bytes == NULL) {
        free(plain);
        free(bytes);
        fault_say(fault, "No memory.");
        return ST_FULL;
    }
    for (size_t i = 0; i < padded; i += 1) {
        char c = i < size ? from[1 + i] : '=';
        plain[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    int rc = mbedtls_base64_decode(bytes, padded + 1, &used, (unsigned char *)plain, padded);
    free(plain);
    if (rc != 0 || used == 0) {
        free(bytes);
        fault_say(fault, "The signed document is damaged: it is not base64url.");
        return ST_FOREIGN;
    }
    bytes[used] = '\0';
    *ret = (char *)bytes;
    *ret_size = used;
    return ST_OK;
}

static enum st verify(const char *public_path, const char *text, size_t size,
                      struct document *document, struct fault *fault)
{
    struct signed_key *key = NULL;
    char *pem = NULL;
    size_t pem_size;
    enum st st = file_read(public_path, &pem, &pem_size, fault);
    if (st == ST_OK) {
        st = signed_key_read(pem, &key, fault);
    }
    if (st == ST_OK) {
        st = signed_open(key, DOCUMENT_TYP, text, size, &document->text, &document->size, fault);
    }
    document->is_verified = st == ST_OK;
    signed_key_free(key);
    free(pem);
    return st;
}

static enum st take_text(const char *path, const char *public_path, struct document *ret,
                         struct fault *fault)
{
    char *text = NULL;
    size_t size;
    enum st st = file_read(path, &text, &size, fault);
    if (st != ST_OK) {
        return st;
    }
    ret->is_signed = signed_is_jws(text, size);
    if (!ret->is_signed) {
        if (public_path != NULL) {
            fault_say(fault, "%s is not signed, so there is nothing to check with a key.", path);
            free(text);
            return ST_FOREIGN;
        }
        ret->text = text;
        ret->size = size;
        return ST_OK;
    }
    st = public_path != NULL ? verify(public_path, text, size, ret, fault)
                             : unwrap(text, &ret->text, &ret->size, fault);
    free(text);
    return st;
}

enum st document_open(const char *path, const char *public_path, struct document *ret,
                      struct fault *fault)
{
    memset(ret, 0, sizeof *ret);
    enum st st = take_text(path, public_path, ret, fault);
    if (st == ST_OK) {
        st = programme_load(ret->text, ret->size, &ret->programme, fault);
    }
    if (st == ST_OK) {
        ret->json = json_loadb(ret->text, ret->size, 0, NULL);
        st = ret->json == NULL ? ST_FULL : ST_OK;
    }
    return st;
}

void document_close(struct document *document)
{
    json_decref(document->json);
    programme_free(document->programme);
    free(document->text);
    memset(document, 0, sizeof *document);
}
