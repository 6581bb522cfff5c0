#include "hal/box.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/entropy.h>
#include <mbedtls/gcm.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"

/* Names as in RFC 9180. */
enum {
    N_SECRET = 32, /* of the KEM */
    N_DH = 32,
    N_H = 32, /* SHA-256 */
    N_K = 16, /* AES-128-GCM */
    N_N = 12,
    N_T = 16,
    LABELED_MAX = 256,
};
_Static_assert((int)BOX_POINT_BYTES + (int)N_T == (int)BOX_EXTRA_BYTES, "a box's parts");

struct suite {
    uint8_t id[10];
    size_t size;
};
static const struct suite kem_suite = {{'K', 'E', 'M', 0x00, 0x10}, 5};
static const struct suite hpke_suite = {{'H', 'P', 'K', 'E', 0x00, 0x10, 0x00, 0x01, 0x00, 0x01},
                                        10};

struct box_key {
    mbedtls_pk_context pk;
    uint8_t point[BOX_POINT_BYTES];
};

/* --- keys ---------------------------------------------------------------------------------- */

static enum st key_read(const char *pem, bool is_private, struct box_key **ret, struct fault *fault)
{
    struct box_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        fault_say(fault, "There is no memory left to read a key.");
        return ST_FULL;
    }
    mbedtls_pk_init(&key->pk);
    const uint8_t *text = (const uint8_t *)pem;
    const size_t text_size = strlen(pem) + 1;
    const int rc = is_private ? mbedtls_pk_parse_key(&key->pk, text, text_size, NULL, 0)
                              : mbedtls_pk_parse_public_key(&key->pk, text, text_size);
    const mbedtls_ecp_keypair *pair = rc == 0 && mbedtls_pk_get_type(&key->pk) == MBEDTLS_PK_ECKEY
                                          ? mbedtls_pk_ec(key->pk)
                                          : NULL;
    size_t size = 0;
    if (pair == NULL || pair->grp.id != MBEDTLS_ECP_DP_SECP256R1 ||
        mbedtls_ecp_point_write_binary(&pair->grp, &pair->Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &size,
                                       key->point, sizeof key->point) != 0) {
        fault_say(fault, "This is not a %s P-256 key in PEM.", is_private ? "private" : "public");
        box_key_free(key);
        return ST_FOREIGN;
    }
    *ret = key;
    return ST_OK;
}

enum st box_key_read_public(const char *pem, struct box_key **ret, struct fault *fault)
{
    return key_read(pem, false, ret, fault);
}

enum st box_key_read_private(const char *pem, struct box_key **ret, struct fault *fault)
{
    return key_read(pem, true, ret, fault);
}

void box_key_free(struct box_key *key)
{
    if (key != NULL) {
        mbedtls_pk_free(&key->pk);
        free(key);
    }
}

void box_key_id(const struct box_key *key, uint8_t ret_id[BOX_KEY_ID_BYTES])
{
    uint8_t hash[N_H];
    const int rc = mbedtls_sha256_ret(key->point, sizeof key->point, hash, 0);
    assert(rc == 0); /* only hardware can fail here, and we use none */
    memcpy(ret_id, hash, BOX_KEY_ID_BYTES);
}

/* --- the key schedule ------------------------------------------------------------------------ */

struct text {
    uint8_t bytes[LABELED_MAX];
    size_t size;
};

static void add(struct text *text, const void *bytes, size_t size)
{
    assert(size <= sizeof text->bytes - text->size);
    if (size > 0) {
        memcpy(text->bytes + text->size, bytes, size);
        text->size += size;
    }
}

static void add_label(struct text *text, const struct suite *suite, const char *label)
{
    add(text, "HPKE-v1", 7);
    add(text, suite->id, suite->size);
    add(text, label, strlen(label));
}

static void labeled_extract(const struct suite *suite, const uint8_t *salt, size_t salt_size,
                            const char *label, const void *ikm, size_t ikm_size, uint8_t ret[N_H])
{
    struct text text = {.size = 0};
    add_label(&text, suite, label);
    add(&text, ikm, ikm_size);
    const int rc = mbedtls_hkdf_extract(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), salt,
                                        salt_size, text.bytes, text.size, ret);
    assert(rc == 0);
    bytes_wipe(&text, sizeof text);
}

static void labeled_expand(const struct suite *suite, const uint8_t prk[N_H], const char *label,
                           const void *info, size_t info_size, uint8_t *ret, size_t size)
{
    struct text text = {.size = 0};
    const uint8_t length[2] = {0, (uint8_t)size};
    assert(size <= UINT8_MAX);
    add(&text, length, sizeof length);
    add_label(&text, suite, label);
    add(&text, info, info_size);
    const int rc = mbedtls_hkdf_expand(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), prk, N_H,
                                       text.bytes, text.size, ret, size);
    assert(rc == 0);
    bytes_wipe(&text, sizeof text);
}

struct context {
    uint8_t key[N_K], nonce[N_N];
};

/* ExtractAndExpand() and KeySchedule() with mode base: `enc` is the ephemeral point, `to` the
 * receiver's. */
static void schedule(const uint8_t dh[N_DH], const uint8_t enc[BOX_POINT_BYTES],
                     const uint8_t to[BOX_POINT_BYTES], const char *info, struct context *ret)
{
    uint8_t both[2 * BOX_POINT_BYTES], prk[N_H], shared[N_SECRET], how[1 + 2 * N_H] = {0};
    assert(strlen(info) <= BOX_INFO_MAX);
    memcpy(both, enc, BOX_POINT_BYTES);
    memcpy(both + BOX_POINT_BYTES, to, BOX_POINT_BYTES);
    labeled_extract(&kem_suite, NULL, 0, "eae_prk", dh, N_DH, prk);
    labeled_expand(&kem_suite, prk, "shared_secret", both, sizeof both, shared, sizeof shared);

    labeled_extract(&hpke_suite, NULL, 0, "psk_id_hash", NULL, 0, how + 1);
    labeled_extract(&hpke_suite, NULL, 0, "info_hash", info, strlen(info), how + 1 + N_H);
    labeled_extract(&hpke_suite, shared, sizeof shared, "secret", NULL, 0, prk);
    labeled_expand(&hpke_suite, prk, "key", how, sizeof how, ret->key, sizeof ret->key);
    labeled_expand(&hpke_suite, prk, "base_nonce", how, sizeof how, ret->nonce, sizeof ret->nonce);
    bytes_wipe(prk, sizeof prk);
    bytes_wipe(shared, sizeof shared);
}

/* --- filling and opening --------------------------------------------------------------------- */

struct chance {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
};

static bool chance_open(struct chance *chance)
{
    mbedtls_entropy_init(&chance->entropy);
    mbedtls_ctr_drbg_init(&chance->drbg);
    return mbedtls_ctr_drbg_seed(&chance->drbg, mbedtls_entropy_func, &chance->entropy, NULL, 0) ==
           0;
}

static void chance_close(struct chance *chance)
{
    mbedtls_ctr_drbg_free(&chance->drbg);
    mbedtls_entropy_free(&chance->entropy);
}

/* dh = x of d * q. */
static int agree(mbedtls_ecp_group *group, const mbedtls_mpi *d, const mbedtls_ecp_point *q,
                 struct chance *chance, uint8_t ret_dh[N_DH])
{
    mbedtls_mpi z;
    mbedtls_mpi_init(&z);
    int rc = mbedtls_ecdh_compute_shared(group, &z, q, d, mbedtls_ctr_drbg_random, &chance->drbg);
    if (rc == 0) {
        rc = mbedtls_mpi_write_binary(&z, ret_dh, N_DH);
    }
    mbedtls_mpi_free(&z);
    return rc;
}

/* Encap(): a fresh pair, its point and what it agrees on with `key`. */
static int encapsulate(const struct box_key *key, struct chance *chance,
                       uint8_t ret_enc[BOX_POINT_BYTES], uint8_t ret_dh[N_DH])
{
    mbedtls_ecp_keypair *to = mbedtls_pk_ec(key->pk);
    mbedtls_ecp_group group;
    mbedtls_ecp_point q;
    mbedtls_mpi d;
    size_t size = 0;
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&q);
    mbedtls_mpi_init(&d);
    int rc = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1);
    if (rc == 0) {
        rc = mbedtls_ecp_gen_keypair(&group, &d, &q, mbedtls_ctr_drbg_random, &chance->drbg);
    }
    if (rc == 0) {
        rc = mbedtls_ecp_point_write_binary(&group, &q, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, ret_enc,
                                            BOX_POINT_BYTES);
    }
    if (rc == 0) {
        rc = agree(&group, &d, &to->Q, chance, ret_dh);
    }
    mbedtls_mpi_free(&d);
    mbedtls_ecp_point_free(&q);
    mbedtls_ecp_group_free(&group);
    return rc;
}

enum st box_seal(const struct box_key *key, const char *info, const uint8_t *aad, size_t aad_size,
                 const uint8_t *bytes, size_t size, uint8_t *ret_box)
{
    struct chance chance;
    struct context context;
    uint8_t dh[N_DH], enc[BOX_POINT_BYTES];
    int rc = chance_open(&chance) ? encapsulate(key, &chance, enc, dh) : -1;
    chance_close(&chance);
    if (rc != 0) {
        return ST_IO;
    }
    schedule(dh, enc, key->point, info, &context);
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, context.key, 8 * N_K);
    if (rc == 0) {
        rc = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, size, context.nonce, N_N, aad,
                                       aad_size, bytes, ret_box + BOX_POINT_BYTES, N_T,
                                       ret_box + BOX_POINT_BYTES + size);
    }
    assert(rc == 0);
    memcpy(ret_box, enc, sizeof enc);
    mbedtls_gcm_free(&gcm);
    bytes_wipe(dh, sizeof dh);
    bytes_wipe(&context, sizeof context);
    return ST_OK;
}

/* Decap(). ST_DENIED: the point is not one of the curve. */
static enum st decapsulate(const struct box_key *key, const uint8_t enc[BOX_POINT_BYTES],
                           uint8_t ret_dh[N_DH])
{
    mbedtls_ecp_keypair *own = mbedtls_pk_ec(key->pk);
    struct chance chance;
    mbedtls_ecp_point q;
    mbedtls_ecp_point_init(&q);
    enum st st = chance_open(&chance) ? ST_OK : ST_IO;
    if (st == ST_OK && (mbedtls_ecp_point_read_binary(&own->grp, &q, enc, BOX_POINT_BYTES) != 0 ||
                        mbedtls_ecp_check_pubkey(&own->grp, &q) != 0)) {
        st = ST_DENIED;
    }
    if (st == ST_OK && agree(&own->grp, &own->d, &q, &chance, ret_dh) != 0) {
        st = ST_IO;
    }
    mbedtls_ecp_point_free(&q);
    chance_close(&chance);
    return st;
}

enum st box_open(const struct box_key *private_key, const char *info, const uint8_t *aad,
                 size_t aad_size, const uint8_t *box, size_t size, uint8_t *ret_bytes)
{
    struct context context;
    uint8_t dh[N_DH];
    if (size < BOX_EXTRA_BYTES) {
        return ST_DENIED;
    }
    const enum st st = decapsulate(private_key, box, dh);
    if (st != ST_OK) {
        return st;
    }
    schedule(dh, box, private_key->point, info, &context);
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    int rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, context.key, 8 * N_K);
    assert(rc == 0);
    rc = mbedtls_gcm_auth_decrypt(&gcm, size - BOX_EXTRA_BYTES, context.nonce, N_N, aad, aad_size,
                                  box + size - N_T, N_T, box + BOX_POINT_BYTES, ret_bytes);
    mbedtls_gcm_free(&gcm);
    bytes_wipe(dh, sizeof dh);
    bytes_wipe(&context, sizeof context);
    return rc == 0 ? ST_OK : ST_DENIED;
}
