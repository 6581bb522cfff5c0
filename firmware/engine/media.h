/* media.h - what an identifier is: the media that find a member's account and never carry value.
 *
 * Pure: no I/O, no clock, no allocation; no state. Text that may be a bank card's track is judged
 * here and nowhere else; copies that were made on the way are wiped before return, and no sentence
 * or result ever quotes it. The caller wipes its own text.
 * Sources: ISO/IEC 7811-2 and 7813 (tracks), ISO/IEC 7812-1 (numbering, Luhn), EM4100 data sheet
 * (40-bit id), ISO/IEC 14443-3 (UID). What each medium may do: docs/media.md. */
#ifndef FIRMWARE_ENGINE_MEDIA_H
#define FIRMWARE_ENGINE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum {
    MEDIA_TEXT_MAX = 145, /* bytes of an identifier's canonical text: a bon's, bon.h */
    MEDIA_CODE_MAX = 64,  /* of a member's barcode or QR code */
    MEDIA_SCAN_MAX = 256, /* bytes of one raw scan: ISO/IEC 7813 tracks 1 to 3 are 79 + 40 + 107 */
    MEDIA_PRINTED_DIGITS = 10,
    MEDIA_NATIONAL_DIGITS = 10,
    MEDIA_PHONE_DIGITS = 11,
    MEDIA_EM4100_HEX = 10,
};

/* Values may be stored and sent: never renumber. */
enum media_kind {
    MEDIA_UID = 1,           /* Ultralight, NTAG: the UID, 8, 14 or 20 upper-case hex digits */
    MEDIA_EM4100 = 2,        /* the number printed on the tag: 10 digits, the id's low 32 bits */
    MEDIA_MAGSTRIPE = 3,     /* a stripe's card number, 16 digits, ours */
    MEDIA_BARCODE = 4,       /* barcode or QR: its text, UTF-8 without control characters */
    MEDIA_NATIONAL_CODE = 5, /* Iranian national code: 10 digits, check digit right */
    MEDIA_PHONE = 6,         /* Iranian mobile number: 11 digits, 09xxxxxxxxx */
    MEDIA_CARD_NUMBER = 7,   /* a card number that was typed, 16 digits, ours */
    MEDIA_BON = 8,           /* an organisation's voucher (bon.h), in capitals: no member's medium.
                                Its seal is not tested here */
};

/* The kind as one lower-case word ("national_code"), for logs and programs. Never NULL. */
const char *media_kind_word(enum media_kind kind);

/* Two identifiers are the same member's when kind and text are equal. */
struct identifier {
    enum media_kind kind;
    char text[MEDIA_TEXT_MAX + 1]; /* canonical; never empty */
    /* MAGSTRIPE, CARD_NUMBER: the card number. BARCODE: the card number if the text is one of ours,
     * else 0. EM4100: the id, 40 bits, or its low 32 when the reader gave the printed number only.
     * Others: 0. */
    uint64_t number;
};

/* The club's own card numbers without their last digit (CARD_PAYLOAD_MIN of snapshot.h and up). */
struct media_range {
    uint64_t first, last;
};
/* ISO/IEC 7812-1: 9 is "assigned by national bodies", 364 is Iran (ISO 3166-1); from there the club
 * gives 100,000 numbers to each of 2^20 terminals. */
#define MEDIA_RANGE_CLUB                                                                           \
    ((struct media_range){UINT64_C(936400000000000), UINT64_C(936504857599999)})

/* Which device the text came from, and so what it can be. */
enum media_source {
    MEDIA_SOURCE_KEYS,      /* typed: national code, phone, card number or a bon's text */
    MEDIA_SOURCE_MAGSTRIPE, /* tracks as a keyboard wedge types them: card number */
    MEDIA_SOURCE_SCANNER,   /* barcode or QR */
    MEDIA_SOURCE_EM4100,    /* an EM4100 reader's 10 decimal digits */
};

/* Judges a scan of `size` bytes (need not end in NUL; more than MEDIA_SCAN_MAX is foreign). A bank
 * card is looked for first, whatever the source. Persian and Arabic-Indic digits count as digits.
 * ST_OK       *ret is the identifier.
 * ST_REFUSED  a bank card, or something that looks like one: show fault->say; nothing was kept.
 * ST_FOREIGN  not an identifier of this source: show fault->say.
 * The sentence never quotes the text. *ret is untouched unless ST_OK. */
ST_CHECK enum st media_classify(enum media_source source, const char *text, size_t size,
                                const struct media_range *own, struct identifier *ret,
                                struct fault *fault);

/* The identifier of a tag without value. ST_FOREIGN: not 4, 7 or 10 bytes, all bytes equal, or a
 * UID that the chip makes up anew each time (ISO/IEC 14443-3: 4 bytes that begin with 08). */
ST_CHECK enum st media_from_uid(const uint8_t *uid, size_t uid_bytes, struct identifier *ret,
                                struct fault *fault);

/* The identifier of an EM4100 tag; `id` below 2^40, else a bug. */
void media_from_em4100(uint64_t id, struct identifier *ret);

/* True for track data whose number is not ours, and for a run of digits (single spaces or hyphens
 * between them) that is a payment card number by issuer, length and Luhn digit and not ours. */
bool media_is_bank_card(const char *text, size_t size, const struct media_range *own);

/* True when `number` is a valid card number (snapshot.h) in the range. */
bool media_number_is_own(uint64_t number, const struct media_range *own);

/* The two typed identifiers, digits folded and separators dropped, into a NUL-ended text.
 * ST_FOREIGN: wrong length or prefix, wrong check digit, ten equal digits; fault says which. */
ST_CHECK enum st media_national_code(const char *text, size_t size,
                                     char ret_digits[MEDIA_NATIONAL_DIGITS + 1],
                                     struct fault *fault);
ST_CHECK enum st media_phone(const char *text, size_t size, char ret_digits[MEDIA_PHONE_DIGITS + 1],
                             struct fault *fault);

/* EM4100: what serial readers send (10 hex digits, either case) <-> what is printed on the tag (10
 * decimal digits: the low 32 bits). From the printed number the top byte is lost: it reads 0.
 * ST_FOREIGN  not such a text. */
ST_CHECK enum st media_em4100_from_hex(const char *hex, uint64_t *ret_id);
ST_CHECK enum st media_em4100_from_printed(const char *digits, uint64_t *ret_id);
/* `id` below 2^40, else a bug. */
void media_em4100_to_hex(uint64_t id, char ret_hex[MEDIA_EM4100_HEX + 1]);
void media_em4100_to_printed(uint64_t id, char ret_digits[MEDIA_PRINTED_DIGITS + 1]);

#endif
