/* particulars.h - what a member says of themselves when they join, and its 160 bytes.
 *
 * Pure. Personal: at the terminal it lives in memory until it is sealed for the club (hal/box.h),
 * and is wiped then; only what the card needs goes further. One judge for every way in: the till's
 * fields, a batch's columns, an import. Bytes: docs/journal.md, "Particulars". */
#ifndef FIRMWARE_ENGINE_PARTICULARS_H
#define FIRMWARE_ENGINE_PARTICULARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/media.h"
#include "hal/base/status.h"

enum {
    PARTICULARS_NAME_MAX = 96, /* bytes of UTF-8 */
    PARTICULARS_BYTES = 160,
    PARTICULARS_FIELD_MAX = 128, /* bytes of one field's text */
};
#define PARTICULARS_INFO "vafa-member-1" /* what their box is for */

/* Who an account belongs to. Values are stored: never renumber. */
enum account_kind {
    ACCOUNT_CUSTOMER = 1,
    ACCOUNT_COLLEAGUE = 2,
    ACCOUNT_AGENT = 3,
    ACCOUNT_PARTNER = 4,
    ACCOUNT_STAFF = 5,
};

/* How they joined. Values are stored: never renumber. */
enum join_route {
    ROUTE_COUNTER = 1,
    ROUTE_WEB = 2,
    ROUTE_APP = 3,
    ROUTE_INVITATION = 4,
    ROUTE_FIRST_PURCHASE = 5,
    ROUTE_IMPORT = 6,
    ROUTE_BATCH = 7, /* a stack of cards, from a list */
};

/* Bits of `consent`. */
enum consent {
    CONSENT_MEMBERSHIP = 1, /* that the club keeps what they say of themselves */
    CONSENT_MESSAGES = 2,   /* that it writes to them */
    CONSENT_ALL = 3,
};

/* Zeros and empty texts: not given. */
struct particulars {
    uint8_t account;                     /* enum account_kind; never 0 */
    uint8_t route;                       /* enum join_route; never 0 */
    uint8_t consent;                     /* enum consent */
    uint8_t group;                       /* the programme's number for it */
    uint8_t kind;                        /* of the card, 0..15 */
    uint16_t birthday, wedding, expires; /* days since 1900-01-01 */
    uint64_t invited_by;                 /* a card number */
    char national_code[MEDIA_NATIONAL_DIGITS + 1];
    char phone[MEDIA_PHONE_DIGITS + 1];
    char name[PARTICULARS_NAME_MAX + 1]; /* UTF-8 without control characters */
};

/* A customer who came to the counter and has said nothing yet. */
void particulars_init(struct particulars *ret);

/* Sets one field from what a person wrote. Fields: name, national_code, phone, birthday, wedding,
 * expires (days as calendar_read() takes them), account, route, consent (words below), invited_by,
 * and group and kind as numbers. An empty text clears it.
 * ST_OK           set.
 * ST_FOREIGN      the text is not right: fault names the field and what would be, never the text.
 * ST_REFUSED      the same, because it is a bank card number.
 * ST_UNSUPPORTED  there is no such field. */
ST_CHECK enum st particulars_set(struct particulars *particulars, const char *field,
                                 const char *text, struct fault *fault);
/* The field as particulars_set() takes it: days as Gregorian dates. ret_text has
 * PARTICULARS_FIELD_MAX bytes. ST_UNSUPPORTED as above. */
ST_CHECK enum st particulars_get(const struct particulars *particulars, const char *field,
                                 char ret_text[PARTICULARS_FIELD_MAX]);
/* The fields' names in a fixed order; NULL behind the last. */
const char *particulars_field(size_t index);

/* True when every field is in range and each text is what particulars_set() would write. */
bool particulars_are_valid(const struct particulars *particulars);
/* Nothing was said that the club would need to keep. */
bool particulars_are_empty(const struct particulars *particulars);

/* Something is said that only the person can let the club keep (name, national code, phone, a day
 * of theirs, who invited them), and they have not: CONSENT_MEMBERSHIP is missing. Nobody takes it.
 */
bool particulars_lack_consent(const struct particulars *particulars);
/* Forgets just that. Account kind, route, group and the card's kind and last day stay. */
void particulars_forget(struct particulars *particulars);

/* Writes the image; an invalid one is a bug. */
void particulars_encode(const struct particulars *particulars,
                        uint8_t ret_bytes[PARTICULARS_BYTES]);
/* ST_FOREIGN  another version, out of range, or not what particulars_encode() writes. */
ST_CHECK enum st particulars_decode(const uint8_t bytes[PARTICULARS_BYTES],
                                    struct particulars *ret);

/* "customer", "counter" ...; "" for a number that this version does not know. Never NULL. */
const char *account_kind_word(uint8_t account);
const char *join_route_word(uint8_t route);

#endif
