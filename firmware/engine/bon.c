#include "firmware/engine/bon.h"

#include <string.h>

#include "hal/base/bytes.h"

enum {
    AT_VERSION = 0, /* 1..3 spare */
    AT_SERIES = 4,
    AT_SERIAL = 8,
    AT_AMOUNT = 12,
    AT_FIRST = 16,
    AT_LAST = 18,
    AT_MERCHANT = 20,
    BASE32_BITS = 5,
    SHOWN_BYTES = BON_BYTES + BON_SEAL_BYTES,
};

static const char purpose[BON_PURPOSE_BYTES + 1] = "vafa-bon-1";
static const char prefix[] = "VAFA";
static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648 section 6 */

_Static_assert(sizeof prefix - 1 + (8 * SHOWN_BYTES + BASE32_BITS - 1) / BASE32_BITS ==
                   BON_TEXT_BYTES,
               "the text holds the image and its seal");

static bool is_number(uint32_t number)
{
    return number >= 1 && number <= BON_NUMBER_MAX;
}

bool bon_is_valid(const struct bon *bon)
{
    return is_number(bon->series) && is_number(bon->serial) && bon->amount.rials >= 1 &&
           bon->amount.rials <= BON_AMOUNT_MAX && bon->first_day >= 1 &&
           bon->first_day <= bon->last_day && bon->merchant <= BON_NUMBER_MAX;
}

void bon_encode(const struct bon *bon, uint8_t ret_image[BON_BYTES])
{
    assert(bon_is_valid(bon));
    memset(ret_image, 0, BON_BYTES);
    ret_image[AT_VERSION] = BON_VERSION;
    put_le32(ret_image + AT_SERIES, bon->series);
    put_le32(ret_image + AT_SERIAL, bon->serial);
    put_le32(ret_image + AT_AMOUNT, (uint32_t)bon->amount.rials);
    put_le16(ret_image + AT_FIRST, bon->first_day);
    put_le16(ret_image + AT_LAST, bon->last_day);
    put_le32(ret_image + AT_MERCHANT, bon->merchant);
}

enum st bon_decode(const uint8_t image[BON_BYTES], struct bon *ret)
{
    if (image[AT_VERSION] != BON_VERSION) {
        return ST_UNSUPPORTED;
    }
    const struct bon bon = {
        .series = get_le32(image + AT_SERIES),
        .serial = get_le32(image + AT_SERIAL),
        .amount = {(int64_t)get_le32(image + AT_AMOUNT)},
        .first_day = get_le16(image + AT_FIRST),
        .last_day = get_le16(image + AT_LAST),
        .merchant = get_le32(image + AT_MERCHANT),
    };
    static const uint8_t spare[AT_SERIES - AT_VERSION - 1];
    if (memcmp(image + AT_VERSION + 1, spare, sizeof spare) != 0 || !bon_is_valid(&bon)) {
        return ST_FOREIGN;
    }
    *ret = bon;
    return ST_OK;
}

void bon_sealed(const struct bon *bon, uint8_t ret_bytes[BON_SEALED_BYTES])
{
    memcpy(ret_bytes, purpose, BON_PURPOSE_BYTES);
    bon_encode(bon, ret_bytes + BON_PURPOSE_BYTES);
}

/* --- the text ------------------------------------------------------------------------------- */

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool bon_is_text(const char *text, size_t size)
{
    /* Long enough that no barcode of a member (MEDIA_TEXT_MAX of media.h) begins so by chance. */
    bool is_prefix = size > BON_TEXT_BYTES / 2;
    for (size_t i = 0; i < sizeof prefix - 1 && is_prefix; i++) {
        is_prefix = upper(text[i]) == prefix[i];
    }
    return is_prefix;
}

void bon_to_text(const struct bon_shown *shown, char ret_text[BON_TEXT_BYTES + 1])
{
    uint8_t bytes[SHOWN_BYTES + 1] = {0}; /* one more, so that the last character is whole */
    bon_encode(&shown->bon, bytes);
    memcpy(bytes + BON_BYTES, shown->seal, BON_SEAL_BYTES);
    struct bits bits = {.bytes = bytes, .size_bits = 8 * sizeof bytes};
    size_t at = sizeof prefix - 1;
    memcpy(ret_text, prefix, at);
    for (; at < BON_TEXT_BYTES; at++) {
        ret_text[at] = base32[bits_get(&bits, BASE32_BITS)];
    }
    ret_text[at] = '\0';
}

enum st bon_from_text(const char *text, size_t size, struct bon_shown *ret)
{
    uint8_t bytes[SHOWN_BYTES + 1] = {0};
    struct bits bits = {.bytes = bytes, .size_bits = 8 * sizeof bytes};
    if (size != BON_TEXT_BYTES || !bon_is_text(text, size)) {
        return ST_FOREIGN;
    }
    for (size_t at = sizeof prefix - 1; at < size; at++) {
        const char c = upper(text[at]);
        const char *found = c == '\0' ? NULL : strchr(base32, c);
        if (found == NULL) {
            return ST_FOREIGN;
        }
        bits_put(&bits, BASE32_BITS, (uint64_t)(found - base32));
    }
    if (bytes[SHOWN_BYTES] != 0) { /* bits beyond the seal */
        return ST_FOREIGN;
    }
    struct bon bon;
    const enum st st = bon_decode(bytes, &bon);
    if (st == ST_OK) {
        ret->bon = bon;
        memcpy(ret->seal, bytes + BON_BYTES, BON_SEAL_BYTES);
    }
    return st;
}
