#include "hal/signed.h"

#include <jansson.h>
#include <mbedtls/base64.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"

enum { P256_BYTES = 32, HASH_BYTES = 32 };

struct signed_key {
    mbedtls_pk_context pk;
    char id[SIGNED_ID_MAX];
};

/* --- base64url (RFC 4648 5), without padding ---------------------------------------------------
 */

/* NUL-terminated; the caller frees it. NULL: no memory. */
static char *url_encode(const uint8_t *bytes, size_t size)
{
    size_t room = 4 * ((size + 2) / 3) + 1;
    size_t length = 0;
    char *text = malloc(room);
    if (text == NULL || mbedtls_base64_encode((uint8_t *)text, room, &length, bytes, size) != 0) {
        free(text);
        return NULL;
    }
    while (length > 0 && text[length - 1] == '=') {
        length -= 1;
    }
    text[length] = '\0';
    for (size_t i = 0; i < length; i += 1) {
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }
    return text;
}

/* Reads only what url_encode() would write. *ret has a NUL behind its *ret_size bytes; the caller
 * frees it. */
static enum st url_decode(const char *text, size_t size, uint8_t **ret, size_t *ret_size)
{
    size_t padded = (size + 3) / 4 * 4;
    char *plain = malloc(padded + 1);
    uint8_t *bytes = malloc(padded / 4 * 3 + 1);
    enum st st = plain == NULL || bytes == NULL ? ST_FULL : ST_OK;

    for (size_t i = 0; st == ST_OK && i < padded; i += 1) {
        char c = i < size ? text[i] : '=';
        if (i < size && (c == '+' || c == '/' || c == '=' || c == '\n' || c == '\r' || c == ' ')) {
            st = ST_FOREIGN;
        }
        plain[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    size_t length = 0;
    if (st == ST_OK && mbedtls_base64_decode(bytes, padded / 4 * 3 + 1, &length,
                                             (const uint8_t *)plain, padded) != 0) {
        st = ST_FOREIGN;
    }
    if (st == ST_OK) {
        /* One byte string has one text: bits behind the last byte must be zero. */
        char *again = url_encode(bytes, length);
        st = again == NULL                                             ? ST_FULL
             : strlen(again) == size && memcmp(again, text, size) == 0 ? ST_OK
                                                                       : ST_FOREIGN;
        free(again);
    }
    free(plain);
    if (st != ST_OK) {
        free(bytes);
        return st;
    }
    bytes[length] = 0;
    *ret = bytes;
    *ret_size = length;
    return ST_OK;
}

/* --- keys ---------------------------------------------------------------------------------------
 */

static bool is_p256(const mbedtls_pk_context *pk)
{
    return mbedtls_pk_get_type(pk) == MBEDTLS_PK_ECKEY &&
           mbedtls_pk_ec(*pk)->grp.id == MBEDTLS_ECP_DP_SECP256R1;
}

/* RFC 7638: SHA-256 of the required members in lexicographic order, without white space. */
static enum st thumbprint(const mbedtls_pk_context *pk, char ret_id[SIGNED_ID_MAX])
{
    const mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*pk);
    uint8_t point[1 + SIGNED_SEAL_BYTES];
    size_t size = 0;
    if (mbedtls_ecp_point_write_binary(&pair->grp, &pair->Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &size,
                                       point, sizeof point) != 0) {
        return ST_FOREIGN;
    }
    char *x = url_encode(point + 1, P256_BYTES);
    char *y = url_encode(point + 1 + P256_BYTES, P256_BYTES);
    enum st st = x == NULL || y == NULL ? ST_FULL : ST_OK;
    if (st == ST_OK) {
        char text[160];
        uint8_t hash[HASH_BYTES];
        int length = snprintf(text, sizeof text,
                              "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
        assert(length > 0 && (size_t)length < sizeof text);
        (void)mbedtls_sha256_ret((const uint8_t *)text, (size_t)length, hash, 0);
        char *id = url_encode(hash, sizeof hash);
        st = id == NULL ? ST_FULL : ST_OK;
        if (id != NULL) {
            (void)snprintf(ret_id, SIGNED_ID_MAX, "%s", id);
        }
        free(id);
    }
    free(x);
    free(y);
    return st;
}

enum st signed_key_read(const char *pem, struct signed_key **ret, struct fault *fault)
{
    struct signed_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        return ST_FULL;
    }
    mbedtls_pk_init(&key->pk);
    enum st st = ST_OK;
    if (mbedtls_pk_parse_public_key(&key->pk, (const uint8_t *)pem, strlen(pem) + 1) != 0 ||
        !is_p256(&key->pk)) {
        fault_say(fault,
                  "This is not a public P-256 key in PEM: make one with vafa-programme key.");
        st = ST_FOREIGN;
    } else {
        st = thumbprint(&key->pk, key->id);
    }
    if (st != ST_OK) {
        signed_key_free(key);
        return st;
    }
    *ret = key;
    return ST_OK;
}

void signed_key_free(struct signed_key *key)
{
    if (key != NULL) {
        mbedtls_pk_free(&key->pk);
        free(key);
    }
}

const char *signed_key_id(const struct signed_key *key)
{
    return key->id;
}

/* --- opening ------------------------------------------------------------------------------------
 */

struct parts {
    const char *header, *document, *signature;
    size_t header_size, document_size, signature_size;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool split(const char *text, size_t size, struct parts *ret)
{
    while (size > 0 && is_space(text[0])) {
        text += 1;
        size -= 1;
    }
    while (size > 0 && is_space(text[size - 1])) {
        size -= 1;
    }
    const char *first = memchr(text, '.', size);
    if (first == NULL) {
        return false;
    }
    const char *end = text + size;
    const char *second = memchr(first + 1, '.', (size_t)(end - first - 1));
    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL) {
        return false;
    }
    *ret = (struct parts){
        .header = text,
        .header_size = (size_t)(first - text),
        .document = first + 1,
        .document_size = (size_t)(second - first - 1),
        .signature = second + 1,
        .signature_size = (size_t)(end - second - 1),
    };
    return ret->header_size > 0 && ret->document_size > 0 && ret->signature_size > 0;
}

bool signed_is_jws(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && is_space(text[at])) {
        at += 1;
    }
    return size - at > 3 && memcmp(text + at, "eyJ", 3) == 0; /* {" in base64url */
}

/* Every field of the header must be known. */
static enum st header_check(const char *json, size_t size, const struct signed_key *key,
                            const char *typ, struct fault *fault)
{
    json_t *header = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);
    enum st st = json_is_object(header) ? ST_OK : ST_FOREIGN;
    bool has_alg = false;
    bool has_typ = typ == NULL;
    const char *name = NULL;
    json_t *value = NULL;
    if (st != ST_OK) {
        fault_say(fault, "The head of the signed document is not JSON.");
    }
    json_object_foreach(header, name, value)
    {
        const char *text = json_string_value(value);
        if (st != ST_OK) {
            break;
        }
        if (strcmp(name, "alg") == 0 && text != NULL && strcmp(text, "ES256") == 0) {
            has_alg = true;
        } else if (strcmp(name, "typ") == 0 && text != NULL &&
                   (typ == NULL || strcmp(text, typ) == 0)) {
            has_typ = true;
        } else if (strcmp(name, "kid") == 0 && text != NULL) {
            if (strcmp(text, key->id) != 0) {
                fault_say(fault, "Signed by key %.12s..., but only key %.12s... is trusted here.",
                          text, key->id);
                st = ST_DENIED;
            }
        } else {
            fault_say(fault, "Signed in a way that is not known here: \"%.20s\": \"%.40s\".", name,
                      text == NULL ? "?" : text);
            st = ST_FOREIGN;
        }
    }
    if (st == ST_OK && (!has_alg || !has_typ)) {
        fault_say(fault, "The head of the signed document lacks \"%s\".", has_alg ? "typ" : "alg");
        st = ST_FOREIGN;
    }
    json_decref(header);
    return st;
}

bool signed_seal_fits(const struct signed_key *key, const uint8_t *message, size_t size,
                      const uint8_t seal[SIGNED_SEAL_BYTES])
{
    mbedtls_ecp_keypair *pair = mbedtls_pk_ec(key->pk);
    uint8_t hash[HASH_BYTES];
    mbedtls_mpi r;
    mbedtls_mpi s;

    (void)mbedtls_sha256_ret(message, size, hash, 0);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    bool is_good = mbedtls_mpi_read_binary(&r, seal, P256_BYTES) == 0 &&
                   mbedtls_mpi_read_binary(&s, seal + P256_BYTES, P256_BYTES) == 0 &&
                   mbedtls_ecdsa_verify(&pair->grp, hash, sizeof hash, &pair->Q, &r, &s) == 0;
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return is_good;
}

enum st signed_open(const struct signed_key *key, const char *typ, const char *text, size_t size,
                    char **ret, size_t *ret_size, struct fault *fault)
{
    struct parts parts;
    uint8_t *header = NULL;
    uint8_t *signature = NULL;
    uint8_t *document = NULL;
    size_t header_size = 0;
    size_t signature_size = 0;
    size_t document_size = 0;

    if (!split(text, size, &parts)) {
        fault_say(fault, "This is not a signed document: sign it with vafa-programme sign.");
        return ST_FOREIGN;
    }
    enum st st = url_decode(parts.header, parts.header_size, &header, &header_size);
    if (st == ST_OK) {
        st = url_decode(parts.signature, parts.signature_size, &signature, &signature_size);
    }
    if (st == ST_OK) {
        st = url_decode(parts.document, parts.document_size, &document, &document_size);
    }
    if (st == ST_FOREIGN) {
        fault_say(fault, "The signed document is damaged: it is not base64url.");
    }
    if (st == ST_OK) {
        st = header_check((const char *)header, header_size, key, typ, fault);
    }
    size_t covered = (size_t)(parts.document + parts.document_size - parts.header);
    if (st == ST_OK &&
        (signature_size != SIGNED_SEAL_BYTES ||
         !signed_seal_fits(key, (const uint8_t *)parts.header, covered, signature))) {
        fault_say(fault,
                  "The signature does not fit: changed since it was signed, or not by key "
                  "%.12s...",
                  key->id);
        st = ST_DENIED;
    }
    free(header);
    free(signature);
    if (st != ST_OK) {
        free(document);
        return st;
    }
    *ret = (char *)document;
    *ret_size = document_size;
    return ST_OK;
}

/* --- signing ------------------------------------------------------------------------------------
 */

struct chance {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
};

static enum st chance_open(struct chance *chance)
{
    mbedtls_entropy_init(&chance->entropy);
    mbedtls_ctr_drbg_init(&chance->drbg);
    return mbedtls_ctr_drbg_seed(&chance->drbg, mbedtls_entropy_func, &chance->entropy, NULL, 0) ==
                   0
               ? ST_OK
               : ST_IO;
}

static void chance_close(struct chance *chance)
{
    mbedtls_ctr_drbg_free(&chance->drbg);
    mbedtls_entropy_free(&chance->entropy);
}

static enum st private_read(const char *pem, mbedtls_pk_context *ret, struct fault *fault)
{
    mbedtls_pk_init(ret);
    if (mbedtls_pk_parse_key(ret, (const uint8_t *)pem, strlen(pem) + 1, NULL, 0) != 0 ||
        !is_p256(ret)) {
        fault_say(fault, "This is not a private P-256 key in PEM: make one with vafa-programme "
                         "key.");
        mbedtls_pk_free(ret);
        return ST_FOREIGN;
    }
    return ST_OK;
}

/* Deterministic (RFC 6979): nothing leaks when random numbers are poor; they only blind. */
static enum st sign(mbedtls_pk_context *pk, const uint8_t *message, size_t size,
                    uint8_t ret[SIGNED_SEAL_BYTES])
{
    mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*pk);
    struct chance chance;
    uint8_t hash[HASH_BYTES];
    mbedtls_mpi r;
    mbedtls_mpi s;

    (void)mbedtls_sha256_ret(message, size, hash, 0);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    enum st st = chance_open(&chance);
    if (st == ST_OK && (mbedtls_ecdsa_sign_det_ext(&pair->grp, &r, &s, &pair->d, hash, sizeof hash,
                                                   MBEDTLS_MD_SHA256, mbedtls_ctr_drbg_random,
                                                   &chance.drbg) != 0 ||
                        mbedtls_mpi_write_binary(&r, ret, P256_BYTES) != 0 ||
                        mbedtls_mpi_write_binary(&s, ret + P256_BYTES, P256_BYTES) != 0)) {
        st = ST_IO;
    }
    chance_close(&chance);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return st;
}

enum st signed_make(const char *private_pem, const char *typ, const char *document, size_t size,
                    char **ret, struct fault *fault)
{
    mbedtls_pk_context pk;
    char id[SIGNED_ID_MAX];
    char header[160];
    enum st st = private_read(private_pem, &pk, fault);
    if (st != ST_OK) {
        return st;
    }
    st = thumbprint(&pk, id);
    char *text = NULL;
    if (st == ST_OK) {
        int length = snprintf(header, sizeof header,
                              "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"}", id, typ);
        assert(length > 0 && (size_t)length < sizeof header);
        char *head = url_encode((const uint8_t *)header, (size_t)length);
        char *body = url_encode((const uint8_t *)document, size);
        size_t room = head == NULL || body == NULL ? 0 : strlen(head) + strlen(body) + 96;
        text = room == 0 ? NULL : malloc(room);
        st = text == NULL ? ST_FULL : ST_OK;
        if (text != NULL) {
            uint8_t signature[SIGNED_SEAL_BYTES];
            (void)snprintf(text, room, "%s.%s", head, body);
            st = sign(&pk, (const uint8_t *)text, strlen(text), signature);
            char *tail = st == ST_OK ? url_encode(signature, sizeof signature) : NULL;
            st = st == ST_OK && tail == NULL ? ST_FULL : st;
            if (tail != NULL) {
                size_t at = strlen(text);
                (void)snprintf(text + at, room - at, ".%s", tail);
            }
            free(tail);
        }
        free(head);
        free(body);
    }
    mbedtls_pk_free(&pk);
    if (st != ST_OK) {
        free(text);
        return st;
    }
    *ret = text;
    return ST_OK;
}

enum st signed_seal(const char *private_pem, const uint8_t *message, size_t size,
                    uint8_t ret_seal[SIGNED_SEAL_BYTES], struct fault *fault)
{
    mbedtls_pk_context pk;
    uint8_t seal[SIGNED_SEAL_BYTES];
    enum st st = private_read(private_pem, &pk, fault);
    if (st != ST_OK) {
        return st;
    }
    st = sign(&pk, message, size, seal);
    mbedtls_pk_free(&pk);
    if (st == ST_OK) {
        memcpy(ret_seal, seal, sizeof seal);
    } else {
        fault_say(fault, "The seal could not be made: the system gives no random numbers.");
    }
    return st;
}

enum st signed_pair_make(char ret_private_pem[SIGNED_PEM_MAX], char ret_public_pem[SIGNED_PEM_MAX])
{
    struct chance chance;
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    enum st st = chance_open(&chance);
    if (st == ST_OK &&
        (mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) != 0 ||
         mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk), mbedtls_ctr_drbg_random,
                             &chance.drbg) != 0 ||
         mbedtls_pk_write_key_pem(&pk, (uint8_t *)ret_private_pem, SIGNED_PEM_MAX) != 0 ||
         mbedtls_pk_write_pubkey_pem(&pk, (uint8_t *)ret_public_pem, SIGNED_PEM_MAX) != 0)) {
        st = ST_IO;
    }
    mbedtls_pk_free(&pk);
    chance_close(&chance);
    return st;
}

enum st signed_public_of(const char *private_pem, char ret_public_pem[SIGNED_PEM_MAX],
                         struct fault *fault)
{
    mbedtls_pk_context pk;
    enum st st = private_read(private_pem, &pk, fault);
    if (st != ST_OK) {
        return st;
    }
    int failed = mbedtls_pk_write_pubkey_pem(&pk, (uint8_t *)ret_public_pem, SIGNED_PEM_MAX);
    assert(failed == 0); /* A P-256 key in PEM has 178 characters. */
    mbedtls_pk_free(&pk);
    return ST_OK;
}
