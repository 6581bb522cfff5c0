#include "hal/pin.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <mbedtls/md.h>
#include <mbedtls/pkcs5.h>

#include "hal/base/bytes.h"
#include "hal/keystore_random.h"

enum { SALT_BYTES = 16, KEY_BYTES = 32, FORM = 1 };

/* A verifier, taken apart. */
struct verifier {
    uint8_t version;
    unsigned cost;
    uint8_t salt[SALT_BYTES], tag[KEYSTORE_MEDIUM_TAG_BYTES];
};

static bool has_pin_form(const char *pin)
{
    const size_t digits = strspn(pin, "0123456789");
    return pin[digits] == '\0' && digits >= PIN_DIGITS_MIN && digits <= PIN_DIGITS_MAX;
}

/* 1111, 1234, 9876: what a thief tries with the few guesses that he has. */
static bool is_simple(const char *pin)
{
    bool is_row = true;
    const int step = pin[1] - pin[0];
    for (size_t i = 1; pin[i] != '\0'; i += 1) {
        is_row = is_row && pin[i] - pin[i - 1] == step;
    }
    return is_row && step >= -1 && step <= 1;
}

static enum st read_verifier(const char *text, struct verifier *ret)
{
    unsigned form = 0, version = 0, cost = 0;
    char salt[2 * SALT_BYTES + 1], tag[2 * KEYSTORE_MEDIUM_TAG_BYTES + 1];
    int end = 0;
    if (!pin_verifier_has_form(text) ||
        sscanf(text, "%1u.%2u.%7u.%32[0-9a-f].%32[0-9a-f]%n", &form, &version, &cost, salt, tag,
               &end) != 5 ||
        text[end] != '\0' || form != FORM || version >= KEYSTORE_VERSIONS || cost < PIN_COST_MIN ||
        cost > PIN_COST_MAX || hex_decode(salt, ret->salt, sizeof ret->salt) != ST_OK ||
        hex_decode(tag, ret->tag, sizeof ret->tag) != ST_OK) {
        return ST_FOREIGN;
    }
    ret->version = (uint8_t)version;
    ret->cost = cost;
    return ST_OK;
}

/* Fills in the tag of `pin`. */
static enum st make_tag(const struct keystore *keys, const char *pin, struct verifier *verifier)
{
    uint8_t key[KEY_BYTES];
    char text[2 * KEY_BYTES + 1];
    mbedtls_md_context_t md;
    mbedtls_md_init(&md);
    int code = mbedtls_md_setup(&md, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1);
    if (code == 0) {
        code =
            mbedtls_pkcs5_pbkdf2_hmac(&md, (const unsigned char *)pin, strlen(pin), verifier->salt,
                                      sizeof verifier->salt, verifier->cost, sizeof key, key);
    }
    mbedtls_md_free(&md);
    if (code != 0) {
        return ST_IO; /* no memory */
    }
    hex_encode(key, sizeof key, text);
    const enum st st = keystore_medium_tag(keys, verifier->version, PIN_KIND, text, verifier->tag);
    bytes_wipe(key, sizeof key);
    bytes_wipe(text, sizeof text);
    return st;
}

enum st pin_make(const struct keystore *keys, const char *pin, char ret_verifier[PIN_VERIFIER_MAX],
                 struct fault *fault)
{
    struct verifier verifier = {.version = KEYSTORE_VERSIONS, .cost = PIN_COST};
    if (!has_pin_form(pin)) {
        fault_say(fault, "A PIN has %d to %d digits and nothing else.", PIN_DIGITS_MIN,
                  PIN_DIGITS_MAX);
        return ST_FOREIGN;
    }
    if (is_simple(pin)) {
        fault_say(fault, "Choose another PIN: equal digits, or digits in a row, are tried first.");
        return ST_REFUSED;
    }
    while (verifier.version > 0 && !keystore_has_media(keys, (uint8_t)(verifier.version - 1))) {
        verifier.version -= 1;
    }
    if (verifier.version == 0) {
        fault_say(fault, "This key store has no media master, which PINs are kept under: have the "
                         "custodians add it (vafa-keys ceremony, role media).");
        return ST_UNSUPPORTED;
    }
    verifier.version -= 1;
    if (!keystore_random(verifier.salt, sizeof verifier.salt)) {
        fault_say(fault, "The system gives no random numbers: try again later.");
        return ST_IO;
    }
    const enum st st = make_tag(keys, pin, &verifier);
    if (st != ST_OK) {
        fault_say(fault, "The key store does not answer: try again.");
        return st;
    }
    char salt[2 * SALT_BYTES + 1], tag[2 * KEYSTORE_MEDIUM_TAG_BYTES + 1];
    hex_encode(verifier.salt, sizeof verifier.salt, salt);
    hex_encode(verifier.tag, sizeof verifier.tag, tag);
    const int size = snprintf(ret_verifier, PIN_VERIFIER_MAX, "%d.%u.%u.%s.%s", FORM,
                              verifier.version, verifier.cost, salt, tag);
    assert(size > 0 && size < PIN_VERIFIER_MAX);
    return ST_OK;
}

enum st pin_check(const struct keystore *keys, const char *verifier, const char *pin)
{
    struct verifier kept, tried;
    enum st st = read_verifier(verifier, &kept);
    if (st != ST_OK || !has_pin_form(pin)) {
        return st != ST_OK ? st : ST_DENIED;
    }
    tried = kept;
    st = make_tag(keys, pin, &tried);
    uint8_t differs = 0;
    for (size_t i = 0; i < sizeof kept.tag && st == ST_OK; i += 1) {
        differs |= kept.tag[i] ^ tried.tag[i];
    }
    return st == ST_OK && differs != 0 ? ST_DENIED : st;
}
