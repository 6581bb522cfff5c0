#include "firmware/engine/particulars.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/calendar.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"
#include "hal/base/utf8.h"

/* Offsets of docs/journal.md. */
enum {
    AT_VERSION = 0,
    AT_ACCOUNT = 1,
    AT_ROUTE = 2,
    AT_CONSENT = 3,
    AT_GROUP = 4,
    AT_KIND = 5,
    AT_BIRTHDAY = 6,
    AT_WEDDING = 8,
    AT_EXPIRES = 10,
    AT_INVITED_BY = 12,
    AT_NATIONAL_CODE = 20,
    AT_PHONE = 30,
    AT_NAME = 41,
    AT_SPARE = 137,
    PARTICULARS_VERSION = 1,
    KIND_MAX = 15,
};
_Static_assert(AT_NATIONAL_CODE + (int)MEDIA_NATIONAL_DIGITS == AT_PHONE, "the code ends there");
_Static_assert(AT_PHONE + (int)MEDIA_PHONE_DIGITS == AT_NAME, "the phone ends there");
_Static_assert(AT_NAME + (int)PARTICULARS_NAME_MAX == AT_SPARE, "the name ends there");
_Static_assert(AT_SPARE < (int)PARTICULARS_BYTES, "and the rest is zero");

/* --- words ----------------------------------------------------------------------------------- */

static const char *const account_words[] = {
    [ACCOUNT_CUSTOMER] = "customer", [ACCOUNT_COLLEAGUE] = "colleague", [ACCOUNT_AGENT] = "agent",
    [ACCOUNT_PARTNER] = "partner",   [ACCOUNT_STAFF] = "staff",
};
static const char *const route_words[] = {
    [ROUTE_COUNTER] = "counter",
    [ROUTE_WEB] = "web",
    [ROUTE_APP] = "app",
    [ROUTE_INVITATION] = "invitation",
    [ROUTE_FIRST_PURCHASE] = "first_purchase",
    [ROUTE_IMPORT] = "import",
    [ROUTE_BATCH] = "batch",
};
static const char *const consent_words[] = {
    [0] = "none",
    [CONSENT_MEMBERSHIP] = "membership",
    [CONSENT_MESSAGES] = "messages",
    [CONSENT_ALL] = "all",
};
#define COUNT_OF(words) (sizeof(words) / sizeof(words)[0])

static const char *word_at(const char *const *words, size_t count, uint8_t at)
{
    return at < count && words[at] != NULL ? words[at] : "";
}

const char *account_kind_word(uint8_t account)
{
    return word_at(account_words, COUNT_OF(account_words), account);
}

const char *join_route_word(uint8_t route)
{
    return word_at(route_words, COUNT_OF(route_words), route);
}

/* --- fields ---------------------------------------------------------------------------------- */

enum field_kind {
    FIELD_NAME,
    FIELD_CODE,
    FIELD_PHONE,
    FIELD_DAY,
    FIELD_WORD,
    FIELD_NUMBER,
    FIELD_CARD
};

/* `at` is the field's place in struct particulars; for words and numbers one byte. */
static const struct field {
    const char *name;
    enum field_kind kind;
    size_t at;
    const char *const *words;
    size_t most; /* words: how many; numbers: the largest */
    uint8_t unset;
} fields[] = {
    {"name", FIELD_NAME, 0, NULL, 0, 0},
    {"national_code", FIELD_CODE, 0, NULL, 0, 0},
    {"phone", FIELD_PHONE, 0, NULL, 0, 0},
    {"birthday", FIELD_DAY, offsetof(struct particulars, birthday), NULL, 0, 0},
    {"wedding", FIELD_DAY, offsetof(struct particulars, wedding), NULL, 0, 0},
    {"expires", FIELD_DAY, offsetof(struct particulars, expires), NULL, 0, 0},
    {"group", FIELD_NUMBER, offsetof(struct particulars, group), NULL, UINT8_MAX, 0},
    {"kind", FIELD_NUMBER, offsetof(struct particulars, kind), NULL, KIND_MAX, 0},
    {"account", FIELD_WORD, offsetof(struct particulars, account), account_words,
     COUNT_OF(account_words), ACCOUNT_CUSTOMER},
    {"route", FIELD_WORD, offsetof(struct particulars, route), route_words, COUNT_OF(route_words),
     ROUTE_COUNTER},
    {"consent", FIELD_WORD, offsetof(struct particulars, consent), consent_words,
     COUNT_OF(consent_words), 0},
    {"invited_by", FIELD_CARD, 0, NULL, 0, 0},
};

static const struct field *field_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(fields); i += 1) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

const char *particulars_field(size_t index)
{
    return index < COUNT_OF(fields) ? fields[index].name : NULL;
}

static uint8_t *byte_of(struct particulars *particulars, const struct field *field)
{
    return (uint8_t *)particulars + field->at;
}

static enum st set_name(struct particulars *particulars, const char *text, struct fault *fault)
{
    static const struct media_range own = MEDIA_RANGE_CLUB;
    const size_t size = strlen(text);
    if (media_is_bank_card(text, size, &own)) {
        fault_say(fault, "A bank card's number is no name: give the member's name.");
        return ST_REFUSED;
    }
    if (size > PARTICULARS_NAME_MAX || !utf8_is_shown(text, size)) {
        fault_say(fault, "\"name\" must be a text of at most %d bytes without control characters.",
                  PARTICULARS_NAME_MAX);
        return ST_FOREIGN;
    }
    memset(particulars->name, 0, sizeof particulars->name);
    memcpy(particulars->name, text, size);
    return ST_OK;
}

static enum st set_day(struct particulars *particulars, const struct field *field, const char *text,
                       struct fault *fault)
{
    int32_t day = -CALENDAR_DAYS_1900;
    if (text[0] != '\0' && (calendar_read(text, &day) != ST_OK || day <= -CALENDAR_DAYS_1900 ||
                            day > UINT16_MAX - CALENDAR_DAYS_1900)) {
        fault_say(fault,
                  "\"%s\" must be a day as YYYY-MM-DD, 1900-01-02 to 2079-06-06, or of the Jalali "
                  "calendar, 1278-10-12 to 1458-03-16.",
                  field->name);
        return ST_FOREIGN;
    }
    const uint16_t days = (uint16_t)(day + CALENDAR_DAYS_1900);
    memcpy((uint8_t *)particulars + field->at, &days, sizeof days);
    return ST_OK;
}

static enum st set_word(struct particulars *particulars, const struct field *field,
                        const char *text, struct fault *fault)
{
    uint8_t found = text[0] == '\0' ? field->unset : UINT8_MAX;
    char all[sizeof fault->say / 2];
    size_t size = 0;
    for (size_t i = 0; i < field->most; i += 1) {
        if (field->words[i] != NULL) {
            size += (size_t)snprintf(all + size, sizeof all - size, "%s%s", size > 0 ? ", " : "",
                                     field->words[i]);
            assert(size < sizeof all);
            found = strcmp(text, field->words[i]) == 0 ? (uint8_t)i : found;
        }
    }
    if (found == UINT8_MAX) {
        fault_say(fault, "\"%s\" must be one of: %s.", field->name, all);
        return ST_FOREIGN;
    }
    *byte_of(particulars, field) = found;
    return ST_OK;
}

/* A whole number without sign; false: it is not one, or above `most`. */
static bool read_number(const char *text, uint64_t most, uint64_t *ret)
{
    char *end = NULL;
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 18) {
        return false;
    }
    *ret = strtoull(text, &end, 10);
    return *ret <= most;
}

static enum st set_number(struct particulars *particulars, const struct field *field,
                          const char *text, struct fault *fault)
{
    uint64_t number = 0;
    if (!read_number(text, field->most, &number)) {
        fault_say(fault, "\"%s\" must be a number from 0 to %zu.", field->name, field->most);
        return ST_FOREIGN;
    }
    *byte_of(particulars, field) = (uint8_t)number;
    return ST_OK;
}

static enum st set_inviter(struct particulars *particulars, const char *text, struct fault *fault)
{
    uint64_t number = 0;
    if (!read_number(text, UINT64_MAX, &number) || (number != 0 && !card_number_is_valid(number))) {
        fault_say(fault, "\"invited_by\" must be a member's card number, 16 digits.");
        return ST_FOREIGN;
    }
    particulars->invited_by = number;
    return ST_OK;
}

void particulars_init(struct particulars *ret)
{
    *ret = (struct particulars){.account = ACCOUNT_CUSTOMER, .route = ROUTE_COUNTER};
}

enum st particulars_set(struct particulars *particulars, const char *name, const char *text,
                        struct fault *fault)
{
    const struct field *field = field_of(name);
    if (field == NULL) {
        fault_say(fault, "A member has no field \"%.40s\": leave it out.", name);
        return ST_UNSUPPORTED;
    }
    switch (field->kind) {
    case FIELD_NAME:
        return set_name(particulars, text, fault);
    case FIELD_CODE:
        memset(particulars->national_code, 0, sizeof particulars->national_code);
        return text[0] == '\0'
                   ? ST_OK
                   : media_national_code(text, strlen(text), particulars->national_code, fault);
    case FIELD_PHONE:
        memset(particulars->phone, 0, sizeof particulars->phone);
        return text[0] == '\0' ? ST_OK : media_phone(text, strlen(text), particulars->phone, fault);
    case FIELD_DAY:
        return set_day(particulars, field, text, fault);
    case FIELD_WORD:
        return set_word(particulars, field, text, fault);
    case FIELD_NUMBER:
        return set_number(particulars, field, text, fault);
    case FIELD_CARD:
        return set_inviter(particulars, text, fault);
    }
    return ST_UNSUPPORTED;
}

static void get_day(const struct particulars *particulars, const struct field *field,
                    char ret_text[PARTICULARS_FIELD_MAX])
{
    uint16_t days = 0;
    memcpy(&days, (const uint8_t *)particulars + field->at, sizeof days);
    if (days == 0) {
        ret_text[0] = '\0';
        return;
    }
    const struct date date = calendar_gregorian((int32_t)days - CALENDAR_DAYS_1900);
    (void)snprintf(ret_text, PARTICULARS_FIELD_MAX, "%04d-%02d-%02d", date.year, date.month,
                   date.day);
}

enum st particulars_get(const struct particulars *particulars, const char *name,
                        char ret_text[PARTICULARS_FIELD_MAX])
{
    const struct field *field = field_of(name);
    if (field == NULL) {
        return ST_UNSUPPORTED;
    }
    const char *text = "";
    char number[24] = "";
    const uint8_t byte = ((const uint8_t *)particulars)[field->at];
    switch (field->kind) {
    case FIELD_NAME:
        text = particulars->name;
        break;
    case FIELD_CODE:
        text = particulars->national_code;
        break;
    case FIELD_PHONE:
        text = particulars->phone;
        break;
    case FIELD_DAY:
        get_day(particulars, field, ret_text);
        return ST_OK;
    case FIELD_WORD:
        text = word_at(field->words, field->most, byte);
        break;
    case FIELD_NUMBER:
        (void)snprintf(number, sizeof number, "%u", byte);
        text = number;
        break;
    case FIELD_CARD:
        (void)snprintf(number, sizeof number, "%" PRIu64, particulars->invited_by);
        text = particulars->invited_by == 0 ? "" : number;
        break;
    }
    (void)snprintf(ret_text, PARTICULARS_FIELD_MAX, "%s", text);
    return ST_OK;
}

/* --- what is valid ---------------------------------------------------------------------------- */

/* The text is what the judge writes of it, or nothing; behind its end are zeros. */
static bool code_is_valid(const char code[MEDIA_NATIONAL_DIGITS + 1])
{
    char again[MEDIA_NATIONAL_DIGITS + 1] = {0};
    struct fault unused;
    return code[0] == '\0' || (media_national_code(code, strnlen(code, MEDIA_NATIONAL_DIGITS),
                                                   again, &unused) == ST_OK &&
                               memcmp(code, again, sizeof again) == 0);
}

static bool phone_is_valid(const char phone[MEDIA_PHONE_DIGITS + 1])
{
    char again[MEDIA_PHONE_DIGITS + 1] = {0};
    struct fault unused;
    return phone[0] == '\0' ||
           (media_phone(phone, strnlen(phone, MEDIA_PHONE_DIGITS), again, &unused) == ST_OK &&
            memcmp(phone, again, sizeof again) == 0);
}

bool particulars_are_valid(const struct particulars *particulars)
{
    const size_t name_size = strnlen(particulars->name, PARTICULARS_NAME_MAX);
    return account_kind_word(particulars->account)[0] != '\0' &&
           join_route_word(particulars->route)[0] != '\0' && particulars->consent <= CONSENT_ALL &&
           particulars->kind <= KIND_MAX &&
           (particulars->invited_by == 0 || card_number_is_valid(particulars->invited_by)) &&
           code_is_valid(particulars->national_code) && phone_is_valid(particulars->phone) &&
           utf8_is_shown(particulars->name, name_size);
}

bool particulars_are_empty(const struct particulars *particulars)
{
    return particulars->account == ACCOUNT_CUSTOMER && particulars->route == ROUTE_COUNTER &&
           particulars->consent == 0 && particulars->invited_by == 0 && particulars->group == 0 &&
           particulars->wedding == 0 && particulars->birthday == 0 &&
           particulars->national_code[0] == '\0' && particulars->phone[0] == '\0' &&
           particulars->name[0] == '\0';
}

/* --- consent -----------------------------------------------------------------------------------
 */

bool particulars_lack_consent(const struct particulars *particulars)
{
    return (particulars->consent & CONSENT_MEMBERSHIP) == 0 &&
           (particulars->name[0] != '\0' || particulars->national_code[0] != '\0' ||
            particulars->phone[0] != '\0' || particulars->birthday != 0 ||
            particulars->wedding != 0 || particulars->invited_by != 0);
}

void particulars_forget(struct particulars *particulars)
{
    particulars->birthday = particulars->wedding = 0;
    particulars->invited_by = 0;
    bytes_wipe(particulars->national_code, sizeof particulars->national_code);
    bytes_wipe(particulars->phone, sizeof particulars->phone);
    bytes_wipe(particulars->name, sizeof particulars->name);
}

/* --- bytes ------------------------------------------------------------------------------------ */

void particulars_encode(const struct particulars *particulars, uint8_t ret_bytes[PARTICULARS_BYTES])
{
    assert(particulars_are_valid(particulars));
    memset(ret_bytes, 0, PARTICULARS_BYTES);
    ret_bytes[AT_VERSION] = PARTICULARS_VERSION;
    ret_bytes[AT_ACCOUNT] = particulars->account;
    ret_bytes[AT_ROUTE] = particulars->route;
    ret_bytes[AT_CONSENT] = particulars->consent;
    ret_bytes[AT_GROUP] = particulars->group;
    ret_bytes[AT_KIND] = particulars->kind;
    put_le16(ret_bytes + AT_BIRTHDAY, particulars->birthday);
    put_le16(ret_bytes + AT_WEDDING, particulars->wedding);
    put_le16(ret_bytes + AT_EXPIRES, particulars->expires);
    put_le64(ret_bytes + AT_INVITED_BY, particulars->invited_by);
    memcpy(ret_bytes + AT_NATIONAL_CODE, particulars->national_code,
           strlen(particulars->national_code));
    memcpy(ret_bytes + AT_PHONE, particulars->phone, strlen(particulars->phone));
    memcpy(ret_bytes + AT_NAME, particulars->name, strlen(particulars->name));
}

enum st particulars_decode(const uint8_t bytes[PARTICULARS_BYTES], struct particulars *ret)
{
    struct particulars found = {.account = bytes[AT_ACCOUNT],
                                .route = bytes[AT_ROUTE],
                                .consent = bytes[AT_CONSENT],
                                .group = bytes[AT_GROUP],
                                .kind = bytes[AT_KIND],
                                .birthday = get_le16(bytes + AT_BIRTHDAY),
                                .wedding = get_le16(bytes + AT_WEDDING),
                                .expires = get_le16(bytes + AT_EXPIRES),
                                .invited_by = get_le64(bytes + AT_INVITED_BY)};
    memcpy(found.national_code, bytes + AT_NATIONAL_CODE, MEDIA_NATIONAL_DIGITS);
    memcpy(found.phone, bytes + AT_PHONE, MEDIA_PHONE_DIGITS);
    memcpy(found.name, bytes + AT_NAME, PARTICULARS_NAME_MAX);

    /* Spare bytes and what stands behind a text's end: compare with what we would have written. */
    uint8_t canonical[PARTICULARS_BYTES];
    if (!particulars_are_valid(&found)) {
        return ST_FOREIGN;
    }
    particulars_encode(&found, canonical);
    if (memcmp(canonical, bytes, PARTICULARS_BYTES) != 0) {
        return ST_FOREIGN;
    }
    *ret = found;
    return ST_OK;
}
