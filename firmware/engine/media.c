#include "firmware/engine/media.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "firmware/engine/bon.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"
#include "hal/base/utf8.h"

enum {
    PAN_MIN = 8,             /* ISO/IEC 7812-1: at least IIN and check digit */
    PAN_MAX = 19,            /* ISO/IEC 7812-1 */
    OWN_DIGITS = 16,         /* card_number_is_valid() */
    EXPIRY_DIGITS = 4,       /* ISO/IEC 7813: YYMM after the separator, or one more separator */
    EMV_TRACK_DIGITS = 7,    /* YYMM and service code after the D of an EMV track 2 equivalent */
    EMV_PAN_MIN = 12,        /* shorter runs before a D stand in ordinary article codes */
    PHONE_TAIL = 10,         /* 9xxxxxxxxx */
    BARCODE_DIGITS_MAX = 20, /* ends the search for groups: longer than any number */
};

const char *media_kind_word(enum media_kind kind)
{
    switch (kind) {
    case MEDIA_UID:
        return "uid";
    case MEDIA_EM4100:
        return "em4100";
    case MEDIA_MAGSTRIPE:
        return "magstripe";
    case MEDIA_BARCODE:
        return "barcode";
    case MEDIA_NATIONAL_CODE:
        return "national_code";
    case MEDIA_PHONE:
        return "phone";
    case MEDIA_CARD_NUMBER:
        return "card_number";
    case MEDIA_BON:
        return "bon";
    }
    const bool is_in_the_enum = false;
    assert(is_in_the_enum);
    return "";
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digit_run(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && is_digit(text[n])) {
        n += 1;
    }
    return n;
}

/* A scan with its digits folded to ASCII; wiped by whoever made it. */
struct folded {
    char text[MEDIA_SCAN_MAX];
    size_t size;
};

/* Persian digits are U+06F0..06F9 (DB B0..B9), Arabic-Indic ones U+0660..0669 (D9 A0..A9). */
static void fold(const char *text, size_t size, struct folded *ret)
{
    assert(size <= sizeof ret->text);
    ret->size = 0;
    for (size_t i = 0; i < size; i += 1) {
        const uint8_t lead = (uint8_t)text[i];
        const uint8_t next = i + 1 < size ? (uint8_t)text[i + 1] : 0;
        if (lead == 0xDB && next >= 0xB0 && next <= 0xB9) {
            ret->text[ret->size] = (char)('0' + (next - 0xB0));
            i += 1;
        } else if (lead == 0xD9 && next >= 0xA0 && next <= 0xA9) {
            ret->text[ret->size] = (char)('0' + (next - 0xA0));
            i += 1;
        } else {
            ret->text[ret->size] = text[i];
        }
        ret->size += 1;
    }
}

/* What people put between digits: spaces, hyphens, dots, slashes, brackets, and the invisible marks
 * that come along when a number is copied from a message (U+00A0, U+200C..200F, U+202A..202E,
 * U+2066..2069). */
static void drop_separators(struct folded *folded)
{
    size_t kept = 0;
    for (size_t i = 0; i < folded->size; i += 1) {
        const char *at = folded->text + i;
        const size_t left = folded->size - i;
        const uint8_t last = left >= 3 ? (uint8_t)at[2] : 0;
        if (*at != '\0' && strchr(" -./()\t", *at) != NULL) {
            continue;
        }
        if (left >= 2 && memcmp(at, "\xC2\xA0", 2) == 0) {
            i += 1;
            continue;
        }
        if (left >= 3 && ((memcmp(at, "\xE2\x80", 2) == 0 &&
                           ((last >= 0x8C && last <= 0x8F) || (last >= 0xAA && last <= 0xAE))) ||
                          (memcmp(at, "\xE2\x81", 2) == 0 && last >= 0xA6 && last <= 0xA9))) {
            i += 2;
            continue;
        }
        folded->text[kept] = *at;
        kept += 1;
    }
    folded->size = kept;
}

static void trim(struct folded *folded)
{
    size_t first = 0;
    while (first < folded->size && (folded->text[first] == ' ' || folded->text[first] == '\t')) {
        first += 1;
    }
    folded->size -= first;
    memmove(folded->text, folded->text + first, folded->size);
    while (folded->size > 0 &&
           (folded->text[folded->size - 1] == ' ' || folded->text[folded->size - 1] == '\t')) {
        folded->size -= 1;
    }
}

/* --- numbers --------------------------------------------------------------------------------- */

/* ISO/IEC 7812-1 annex B, for a number of any length. */
static bool luhn_is_right(const char *digits, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i += 1) {
        unsigned digit = (unsigned)(digits[count - 1 - i] - '0');
        digit = i % 2 == 1 ? 2 * digit : digit;
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0;
}

static uint64_t to_number(const char *digits, size_t count)
{
    assert(count <= PAN_MAX);
    uint64_t number = 0;
    for (size_t i = 0; i < count; i += 1) {
        number = number * 10 + (uint64_t)(digits[i] - '0');
    }
    return number;
}

bool media_number_is_own(uint64_t number, const struct media_range *own)
{
    return card_number_is_valid(number) && number / 10 >= own->first && number / 10 <= own->last;
}

static bool digits_are_own(const char *digits, size_t count, const struct media_range *own)
{
    return count == OWN_DIGITS && media_number_is_own(to_number(digits, count), own);
}

/* Whose numbers are payment cards (ISO/IEC 7812-1: 3 to 6 are travel and banking; the schemes'
 * published ranges). Iran's Shetab banks number within 50, 56..69 but for three issuers. Lengths
 * below 14 are left out: Visa's 13 digits are long withdrawn, and would take every tenth EAN-13. */
static bool is_payment_card(const char *digits, size_t count)
{
    static const struct {
        uint8_t width; /* digits of first and last */
        uint32_t first, last;
        uint8_t count_min, count_max;
    } issuers[] = {
        {1, 4, 4, 16, 19},           /* Visa */
        {2, 51, 55, 16, 16},         /* Mastercard */
        {4, 2221, 2720, 16, 16},     /* Mastercard */
        {4, 2200, 2204, 16, 19},     /* Mir */
        {2, 34, 34, 15, 15},         /* American Express */
        {2, 37, 37, 15, 15},         /* American Express */
        {3, 300, 305, 14, 19},       /* Diners Club */
        {2, 36, 36, 14, 19},         /* Diners Club */
        {2, 38, 39, 14, 19},         /* Diners Club */
        {4, 3528, 3589, 16, 19},     /* JCB */
        {2, 50, 50, 16, 19},         /* Shetab, Maestro */
        {2, 56, 69, 16, 19},         /* Shetab, Maestro, Discover, UnionPay */
        {6, 170019, 170019, 16, 16}, /* Shetab */
        {6, 207177, 207177, 16, 16}, /* Shetab */
        {6, 991975, 991975, 16, 16}, /* Shetab */
    };
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i += 1) {
        if (count < issuers[i].count_min || count > issuers[i].count_max) {
            continue;
        }
        const uint64_t prefix = to_number(digits, issuers[i].width);
        if (prefix >= issuers[i].first && prefix <= issuers[i].last) {
            return luhn_is_right(digits, count);
        }
    }
    return false;
}

/* --- tracks ---------------------------------------------------------------------------------- */

/* What the tracks in a text say. */
struct tracks {
    bool has_own;   /* a track with a number of ours */
    bool has_other; /* a track with any other number, or two of ours that differ */
    uint64_t own_number;
};

static void note_track(struct tracks *tracks, const char *digits, size_t count,
                       const struct media_range *own)
{
    if (!digits_are_own(digits, count, own)) {
        tracks->has_other = true;
        return;
    }
    const uint64_t number = to_number(digits, count);
    tracks->has_other = tracks->has_other || (tracks->has_own && tracks->own_number != number);
    tracks->has_own = true;
    tracks->own_number = number;
}

/* Track 1, ISO/IEC 7813: % B number ^ name ^ ...; the sentinel may be stripped, and some issuers
 * print spaces into the number. */
static void look_for_track_1(struct tracks *tracks, const char *at, size_t left,
                             const struct media_range *own)
{
    char digits[PAN_MAX + 1];
    size_t count = 0, i = 1;
    if (*at != 'B' && *at != 'b') {
        return;
    }
    for (; i < left && (is_digit(at[i]) || at[i] == ' ') && count < sizeof digits; i += 1) {
        if (at[i] != ' ') {
            digits[count] = at[i];
            count += 1;
        }
    }
    if (count >= PAN_MIN && i < left && at[i] == '^') {
        note_track(tracks, digits, count, own);
    }
    bytes_wipe(digits, sizeof digits);
}

/* Track 2, ISO/IEC 7813: ; number = YYMM service ...?; also track 3 (ISO/IEC 4909), whose number
 * stands before a = as well, and EMV's track 2 equivalent, which has a D for the =. `at` is the
 * first of `count` digits. */
static void look_for_track_2(struct tracks *tracks, const char *text, size_t size, size_t at,
                             size_t count, const struct media_range *own)
{
    const size_t end = at + count;
    const bool has_sentinel = at > 0 && text[at - 1] == ';';
    if (count < PAN_MIN || end >= size) {
        return;
    }
    size_t tail = 0;
    while (end + 1 + tail < size &&
           (is_digit(text[end + 1 + tail]) || text[end + 1 + tail] == '=')) {
        tail += 1;
    }
    const bool is_track = (text[end] == '=' && (has_sentinel || tail >= EXPIRY_DIGITS)) ||
                          (text[end] == '?' && has_sentinel) ||
                          ((text[end] == 'D' || text[end] == 'd') && count >= EMV_PAN_MIN &&
                           count <= PAN_MAX && tail >= EMV_TRACK_DIGITS);
    if (is_track) {
        note_track(tracks, text + at, count, own);
    }
}

static struct tracks find_tracks(const char *text, size_t size, const struct media_range *own)
{
    struct tracks tracks = {0};
    for (size_t i = 0; i < size; i += 1) {
        if (i == 0 || !isalnum((unsigned char)text[i - 1])) {
            look_for_track_1(&tracks, text + i, size - i, own);
        }
        if (i == 0 || !is_digit(text[i - 1])) {
            look_for_track_2(&tracks, text, size, i, digit_run(text + i, size - i), own);
        }
    }
    return tracks;
}

/* Groups of digits with single spaces or hyphens between them, from `at`: true when some of them
 * together are a payment card. */
static bool groups_are_payment_card(const char *at, size_t left, const struct media_range *own)
{
    char digits[BARCODE_DIGITS_MAX];
    size_t count = 0, i = 0;
    bool is_card = false;
    while (!is_card) {
        const size_t run = digit_run(at + i, left - i);
        if (run == 0 || count + run > PAN_MAX) {
            break;
        }
        memcpy(digits + count, at + i, run);
        count += run;
        i += run;
        is_card = is_payment_card(digits, count) && !digits_are_own(digits, count, own);
        if (i == left || (at[i] != ' ' && at[i] != '-')) {
            break;
        }
        i += 1;
    }
    bytes_wipe(digits, sizeof digits);
    return is_card;
}

static bool folded_is_bank_card(const struct folded *folded, const struct media_range *own)
{
    if (find_tracks(folded->text, folded->size, own).has_other) {
        return true;
    }
    for (size_t i = 0; i < folded->size; i += 1) {
        if ((i == 0 || !is_digit(folded->text[i - 1])) &&
            groups_are_payment_card(folded->text + i, folded->size - i, own)) {
            return true;
        }
    }
    return false;
}

bool media_is_bank_card(const char *text, size_t size, const struct media_range *own)
{
    struct folded folded;
    fold(text, size < MEDIA_SCAN_MAX ? size : MEDIA_SCAN_MAX, &folded);
    const bool is_bank_card = folded_is_bank_card(&folded, own);
    bytes_wipe(&folded, sizeof folded);
    return is_bank_card;
}

/* --- one source each ------------------------------------------------------------------------- */

static void put_number(struct identifier *ret, enum media_kind kind, uint64_t number)
{
    *ret = (struct identifier){.kind = kind, .number = number};
    (void)snprintf(ret->text, sizeof ret->text, "%016" PRIu64, number);
}

static enum st classify_stripe(const struct folded *folded, const struct media_range *own,
                               struct identifier *ret, struct fault *fault)
{
    const struct tracks tracks = find_tracks(folded->text, folded->size, own);
    if (tracks.has_own) {
        put_number(ret, MEDIA_MAGSTRIPE, tracks.own_number);
        return ST_OK;
    }
    /* A reader that was set to send the number only. */
    const size_t skip = folded->size > 0 && folded->text[0] == ';' ? 1 : 0;
    const size_t count = digit_run(folded->text + skip, folded->size - skip);
    if (skip + count == folded->size && digits_are_own(folded->text + skip, count, own)) {
        put_number(ret, MEDIA_MAGSTRIPE, to_number(folded->text + skip, count));
        return ST_OK;
    }
    if (memmem(folded->text, folded->size, ";E?", 3) != NULL ||
        memmem(folded->text, folded->size, "%E?", 3) != NULL) {
        fault_say(fault, "The stripe could not be read: swipe the card again.");
        return ST_FOREIGN;
    }
    fault_say(fault, "This stripe is not a card of this club: use the member card.");
    return ST_FOREIGN;
}

static enum st classify_barcode(struct folded *folded, const struct media_range *own,
                                struct identifier *ret, struct fault *fault)
{
    trim(folded);
    if (folded->size == 0 || folded->size > MEDIA_CODE_MAX) {
        fault_say(fault, "A member's code has 1 to %d characters: this is another code.",
                  MEDIA_CODE_MAX);
        return ST_FOREIGN;
    }
    if (!utf8_is_shown(folded->text, folded->size)) {
        fault_say(fault, "This code is not plain text: it is not a member's code.");
        return ST_FOREIGN;
    }
    const bool is_own = digit_run(folded->text, folded->size) == folded->size &&
                        digits_are_own(folded->text, folded->size, own);
    *ret = (struct identifier){.kind = MEDIA_BARCODE,
                               .number = is_own ? to_number(folded->text, folded->size) : 0};
    memcpy(ret->text, folded->text, folded->size);
    return ST_OK;
}

static bool folded_is_bon(struct folded *folded)
{
    trim(folded);
    return bon_is_text(folded->text, folded->size);
}

/* Judged whole, so that a torn scan says so; in capitals, as the QR code has it. */
static enum st classify_bon(const struct folded *folded, struct identifier *ret,
                            struct fault *fault)
{
    struct bon_shown shown;
    const enum st st = bon_from_text(folded->text, folded->size, &shown);
    if (st != ST_OK) {
        fault_say(fault, st == ST_UNSUPPORTED
                             ? "This voucher is of a newer kind: update the terminal."
                             : "This voucher was not read whole, or is none: scan it again.");
        return ST_FOREIGN;
    }
    *ret = (struct identifier){.kind = MEDIA_BON};
    bon_to_text(&shown, ret->text);
    return ST_OK;
}

static enum st classify_em4100(struct folded *folded, struct identifier *ret, struct fault *fault)
{
    char digits[MEDIA_PRINTED_DIGITS + 1] = {0};
    uint64_t id = 0;
    trim(folded);
    if (folded->size == MEDIA_PRINTED_DIGITS) {
        memcpy(digits, folded->text, MEDIA_PRINTED_DIGITS);
    }
    if (media_em4100_from_printed(digits, &id) != ST_OK || id == 0) {
        fault_say(fault, "The tag reader must send the tag's 10 decimal digits: set it so.");
        return ST_FOREIGN;
    }
    media_from_em4100(id, ret);
    return ST_OK;
}

/* The ten digits that weigh 10 to 1 sum to a multiple of 11, or the remainder of the first nine is
 * below 2 and is the check digit itself. */
static bool national_check_is_right(const char *digits)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < MEDIA_NATIONAL_DIGITS - 1; i += 1) {
        sum += (unsigned)(digits[i] - '0') * (MEDIA_NATIONAL_DIGITS - i);
    }
    const unsigned rest = sum % 11;
    return (unsigned)(digits[MEDIA_NATIONAL_DIGITS - 1] - '0') == (rest < 2 ? rest : 11 - rest);
}

static enum st national_code(const struct folded *folded, char ret_digits[], struct fault *fault)
{
    if (folded->size != MEDIA_NATIONAL_DIGITS ||
        digit_run(folded->text, folded->size) != folded->size) {
        fault_say(fault, "A national code has %d digits.", MEDIA_NATIONAL_DIGITS);
        return ST_FOREIGN;
    }
    /* Ten equal digits pass the check sum; nobody was given such a code. */
    const bool is_all_equal = memcmp(folded->text, folded->text + 1, folded->size - 1) == 0;
    if (is_all_equal || !national_check_is_right(folded->text)) {
        fault_say(fault, "This national code is mistyped: its check digit is wrong.");
        return ST_FOREIGN;
    }
    memcpy(ret_digits, folded->text, MEDIA_NATIONAL_DIGITS);
    ret_digits[MEDIA_NATIONAL_DIGITS] = '\0';
    return ST_OK;
}

/* How many leading characters say Iran: +98, 0098 or 98, each perhaps with the 0 of home, or 0. */
static size_t phone_prefix(const struct folded *folded)
{
    static const char *const countries[] = {"+98", "0098", "98"};
    size_t size = 0;
    for (size_t i = 0; i < sizeof countries / sizeof countries[0] && size == 0; i += 1) {
        const size_t length = strlen(countries[i]);
        if (folded->size >= length && memcmp(folded->text, countries[i], length) == 0) {
            size = length;
        }
    }
    return folded->size > size && folded->text[size] == '0' ? size + 1 : size;
}

static enum st phone(const struct folded *folded, char ret_digits[], struct fault *fault)
{
    const size_t prefix = phone_prefix(folded);
    const char *tail = folded->text + prefix;
    if (prefix == 0 || folded->size - prefix != PHONE_TAIL ||
        digit_run(tail, PHONE_TAIL) != PHONE_TAIL || tail[0] != '9') {
        fault_say(fault, "A mobile number has %d digits and begins with 09.", MEDIA_PHONE_DIGITS);
        return ST_FOREIGN;
    }
    ret_digits[0] = '0';
    memcpy(ret_digits + 1, tail, PHONE_TAIL);
    ret_digits[MEDIA_PHONE_DIGITS] = '\0';
    return ST_OK;
}

/* The lengths tell the three apart: 16, 10, and at least 11. */
static enum st classify_keys(struct folded *folded, const struct media_range *own,
                             struct identifier *ret, struct fault *fault)
{
    struct identifier typed = {0};
    enum st st = ST_FOREIGN;
    drop_separators(folded);
    const bool is_number = digit_run(folded->text, folded->size) == folded->size;
    if (is_number && folded->size == OWN_DIGITS) {
        if (digits_are_own(folded->text, folded->size, own)) {
            put_number(ret, MEDIA_CARD_NUMBER, to_number(folded->text, folded->size));
            return ST_OK;
        }
        fault_say(fault, "This is not a card number of this club: check its digits.");
        return ST_FOREIGN;
    }
    if (is_number && folded->size == MEDIA_NATIONAL_DIGITS) {
        typed.kind = MEDIA_NATIONAL_CODE;
        st = national_code(folded, typed.text, fault);
    } else if (phone_prefix(folded) > 0) {
        typed.kind = MEDIA_PHONE;
        st = phone(folded, typed.text, fault);
    } else {
        fault_say(fault,
                  "Type a national code (%d digits), a mobile number (09...) or a card "
                  "number (%d digits).",
                  MEDIA_NATIONAL_DIGITS, OWN_DIGITS);
    }
    if (st == ST_OK) {
        *ret = typed;
    }
    return st;
}

enum st media_classify(enum media_source source, const char *text, size_t size,
                       const struct media_range *own, struct identifier *ret, struct fault *fault)
{
    assert(own->first <= own->last);
    if (size == 0 || size > MEDIA_SCAN_MAX) {
        fault_say(fault, "Nothing usable was read: it was empty or longer than %d characters.",
                  MEDIA_SCAN_MAX);
        return ST_FOREIGN;
    }
    struct folded folded;
    enum st st = ST_FOREIGN;
    fold(text, size, &folded);
    if (folded_is_bank_card(&folded, own)) {
        fault_say(fault, "This is a bank card: it is not read here. Use a member card.");
        st = ST_REFUSED;
    } else if ((source == MEDIA_SOURCE_KEYS || source == MEDIA_SOURCE_SCANNER) &&
               folded_is_bon(&folded)) {
        st = classify_bon(&folded, ret, fault);
    } else {
        switch (source) {
        case MEDIA_SOURCE_KEYS:
            st = classify_keys(&folded, own, ret, fault);
            break;
        case MEDIA_SOURCE_MAGSTRIPE:
            st = classify_stripe(&folded, own, ret, fault);
            break;
        case MEDIA_SOURCE_SCANNER:
            st = classify_barcode(&folded, own, ret, fault);
            break;
        case MEDIA_SOURCE_EM4100:
            st = classify_em4100(&folded, ret, fault);
            break;
        }
    }
    bytes_wipe(&folded, sizeof folded);
    return st;
}

enum st media_national_code(const char *text, size_t size,
                            char ret_digits[MEDIA_NATIONAL_DIGITS + 1], struct fault *fault)
{
    struct folded folded;
    fold(text, size < MEDIA_SCAN_MAX ? size : MEDIA_SCAN_MAX, &folded);
    drop_separators(&folded);
    const enum st st = national_code(&folded, ret_digits, fault);
    bytes_wipe(&folded, sizeof folded);
    return st;
}

enum st media_phone(const char *text, size_t size, char ret_digits[MEDIA_PHONE_DIGITS + 1],
                    struct fault *fault)
{
    struct folded folded;
    fold(text, size < MEDIA_SCAN_MAX ? size : MEDIA_SCAN_MAX, &folded);
    drop_separators(&folded);
    const enum st st = phone(&folded, ret_digits, fault);
    bytes_wipe(&folded, sizeof folded);
    return st;
}

/* --- tags ------------------------------------------------------------------------------------ */

enum st media_from_uid(const uint8_t *uid, size_t uid_bytes, struct identifier *ret,
                       struct fault *fault)
{
    const bool is_uid = uid_bytes == 4 || uid_bytes == 7 || uid_bytes == 10;
    if (!is_uid || memcmp(uid, uid + 1, uid_bytes - 1) == 0) {
        fault_say(fault, "The tag has no number that tells it from others: use another.");
        return ST_FOREIGN;
    }
    if (uid_bytes == 4 && uid[0] == 0x08) {
        fault_say(fault, "This tag or phone takes a new number each time: use another.");
        return ST_FOREIGN;
    }
    *ret = (struct identifier){.kind = MEDIA_UID};
    for (size_t i = 0; i < uid_bytes; i += 1) {
        (void)snprintf(ret->text + 2 * i, 3, "%02X", uid[i]);
    }
    return ST_OK;
}

void media_from_em4100(uint64_t id, struct identifier *ret)
{
    *ret = (struct identifier){.kind = MEDIA_EM4100, .number = id};
    media_em4100_to_printed(id, ret->text);
}

enum st media_em4100_from_hex(const char *hex, uint64_t *ret_id)
{
    uint8_t bytes[MEDIA_EM4100_HEX / 2];
    if (hex_decode(hex, bytes, sizeof bytes) != ST_OK) {
        return ST_FOREIGN;
    }
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof bytes; i += 1) {
        id = id << 8 | bytes[i];
    }
    *ret_id = id;
    return ST_OK;
}

enum st media_em4100_from_printed(const char *digits, uint64_t *ret_id)
{
    const size_t size = strlen(digits);
    if (size != MEDIA_PRINTED_DIGITS || digit_run(digits, size) != size) {
        return ST_FOREIGN;
    }
    const uint64_t id = to_number(digits, size);
    if (id > UINT32_MAX) {
        return ST_FOREIGN;
    }
    *ret_id = id;
    return ST_OK;
}

void media_em4100_to_hex(uint64_t id, char ret_hex[MEDIA_EM4100_HEX + 1])
{
    assert(id >> 40 == 0);
    (void)snprintf(ret_hex, MEDIA_EM4100_HEX + 1, "%010" PRIX64, id);
}

void media_em4100_to_printed(uint64_t id, char ret_digits[MEDIA_PRINTED_DIGITS + 1])
{
    assert(id >> 40 == 0);
    (void)snprintf(ret_digits, MEDIA_PRINTED_DIGITS + 1, "%010" PRIu32, (uint32_t)id);
}
