/* bon.h - an organisation's voucher (bon): its 24-byte image, and the text of its barcode.
 *
 * Pure codec, shared by terminal and club. A bon pays its whole amount of one basket, once; it
 * stands on paper or a screen and on no card. The club seals it (ECDSA P-256 over BON_SEALED_BYTES,
 * hal/signed.h), so that a terminal without a line can tell ours from a forged one. Bytes, rules
 * and why: docs/vouchers.md; vectors in tests/vectors/bon.json.
 *
 * In this project *voucher* is the purse of a card (snapshot.h), *bon* the paper. */
#ifndef FIRMWARE_ENGINE_BON_H
#define FIRMWARE_ENGINE_BON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/money.h"
#include "hal/base/status.h"

enum {
    BON_VERSION = 1,
    BON_BYTES = 24,
    BON_SEAL_BYTES = 64,    /* r and s of ECDSA P-256, each 32 bytes, most significant first */
    BON_PURPOSE_BYTES = 10, /* "vafa-bon-1", without a NUL */
    BON_SEALED_BYTES = BON_PURPOSE_BYTES + BON_BYTES,
    BON_TEXT_BYTES = 145, /* "VAFA" and 141 characters of RFC 4648 base32 without padding: fits the
                             alphanumeric mode of a QR code (ISO/IEC 18004 7.4.4) */
};
/* Numbers of series and serial count from 1. */
#define BON_NUMBER_MAX UINT32_C(0x7fffffff)
/* Rials. What is more than a gift purse holds is no bon. */
#define BON_AMOUNT_MAX ((INT64_C(1) << 30) - 1)

struct bon {
    uint32_t series;              /* what the organisation defined: one amount, one period */
    uint32_t serial;              /* within its series */
    struct money amount;          /* 1..BON_AMOUNT_MAX */
    uint16_t first_day, last_day; /* of its period, both included; days since 1900-01-01, Iran's.
                                     1.., first <= last */
    uint32_t merchant;            /* the only one who takes it, the club's number; 0 = all */
};

/* A bon as it is shown: with its seal, which is not tested here. */
struct bon_shown {
    struct bon bon;
    uint8_t seal[BON_SEAL_BYTES];
};

/* True when every field is in the range above. */
bool bon_is_valid(const struct bon *bon);

/* An invalid bon is a bug. */
void bon_encode(const struct bon *bon, uint8_t ret_image[BON_BYTES]);
/* ST_UNSUPPORTED  another version: a newer firmware can read it.
 * ST_FOREIGN      a field out of range, or a spare byte that is not 0. *ret is untouched. */
ST_CHECK enum st bon_decode(const uint8_t image[BON_BYTES], struct bon *ret);

/* What the seal is over: the purpose, then the image. */
void bon_sealed(const struct bon *bon, uint8_t ret_bytes[BON_SEALED_BYTES]);

/* True when a scanned text means to be a bon, whatever is wrong with it: no medium begins so. */
bool bon_is_text(const char *text, size_t size);
/* Writes BON_TEXT_BYTES characters and a NUL. */
void bon_to_text(const struct bon_shown *shown, char ret_text[BON_TEXT_BYTES + 1]);
/* Reads a text of `size` characters, either case.
 * ST_UNSUPPORTED, ST_FOREIGN as bon_decode(): cut, too long, a character that base32 does not have.
 */
ST_CHECK enum st bon_from_text(const char *text, size_t size, struct bon_shown *ret);

#endif
