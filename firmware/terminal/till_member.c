#include "firmware/terminal/till_member.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"

/* --- what was said -----------------------------------------------------------------------------
 */

bool till_is_person_field(const char *name)
{
    for (size_t i = 0; particulars_field(i) != NULL; i++) {
        if (strcmp(particulars_field(i), name) == 0) {
            return true;
        }
    }
    return false;
}

/* A text, or a whole number as a text. False: neither, too long, or with a NUL within. */
static bool text_of(const json_t *value, char *ret, size_t max)
{
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
        return (size_t)snprintf(ret, max, "%" PRId64, (int64_t)json_integer_value(value)) < max;
    }
    if (text == NULL || strlen(text) != json_string_length(value) || strlen(text) >= max) {
        return false;
    }
    memcpy(ret, text, strlen(text) + 1);
    return true;
}

static enum st take_field(const json_t *value, const char *name, struct joining *ret,
                          struct fault *fault)
{
    char text[PARTICULARS_FIELD_MAX];
    enum st st = ST_OK;
    if (strcmp(name, "group") == 0 || strcmp(name, "kind") == 0) {
        char *word = name[0] == 'g' ? ret->group : ret->kind;
        if (!text_of(value, word, PROGRAMME_ID_MAX)) {
            fault_say(fault, "\"%s\" must be its word in the programme, or its number.", name);
            return ST_FOREIGN;
        }
        return ST_OK;
    }
    if (!text_of(value, text, sizeof text)) {
        fault_say(fault, "\"%s\" must be a text of at most %d bytes.", name,
                  PARTICULARS_FIELD_MAX - 1);
        return ST_FOREIGN;
    }
    st = particulars_set(&ret->particulars, name, text, fault);
    bytes_wipe(text, sizeof text);
    return st;
}

enum st till_take_person(const json_t *object, struct joining *ret, struct fault *fault)
{
    enum st st = ST_OK;
    *ret = (struct joining){.is_there = true};
    particulars_init(&ret->particulars);
    for (size_t i = 0; particulars_field(i) != NULL && st == ST_OK; i++) {
        const json_t *value = json_object_get(object, particulars_field(i));
        if (value != NULL) {
            st = take_field(value, particulars_field(i), ret, fault);
        }
    }
    return st;
}

enum st till_take_card_number(const json_t *object, const char *name, uint64_t *ret,
                              struct fault *fault)
{
    static const struct media_range own = MEDIA_RANGE_CLUB;
    char text[32];
    const bool is_text = text_of(json_object_get(object, name), text, sizeof text);
    const uint64_t number = is_text && strlen(text) == 16 && strspn(text, "0123456789") == 16
                                ? strtoull(text, NULL, 10)
                                : 0;
    if (!media_number_is_own(number, &own)) {
        fault_say(fault,
                  "\"%s\" must be a number of this club's cards: 16 digits, the last one "
                  "checks.",
                  name);
        return ST_FOREIGN;
    }
    *ret = number;
    return ST_OK;
}

/* --- what came of it ---------------------------------------------------------------------------
 */

static void put(json_t *object, const char *name, json_t *value)
{
    const int rc = json_object_set_new(object, name, value);
    assert(rc == 0); /* out of memory: nothing sensible can be answered */
}

static const char *number_state_word(enum number_state state)
{
    switch (state) {
    case NUMBER_FREE:
        return "free";
    case NUMBER_DONE:
        return "done";
    case NUMBER_DOUBT:
        return "doubt";
    case NUMBER_BURNED:
        return "burned";
    case NUMBER_OTHER:
        break;
    }
    return "other";
}

static void put_earning(json_t *object, const struct earning *earning)
{
    const struct entry_accrual *accrual = &earning->accrual;
    char card[32];
    (void)snprintf(card, sizeof card, "%06" PRIu64 "******%04" PRIu64,
                   earning->number / UINT64_C(10000000000), earning->number % 10000);
    json_t *parts = json_pack(
        "{s:I, s:I, s:I, s:I, s:I}", "amount", (json_int_t)accrual->amount.rials, "rebate",
        (json_int_t)accrual->rebate.rials, "load", (json_int_t)accrual->cashback.rials, "award",
        (json_int_t)accrual->award.n, "due", (json_int_t)accrual->due.rials);
    put(object, "card", json_string(card));
    put(object, "parts", parts);
    put(object, "sequence", json_integer(earning->sequence));
    if (accrual->refers_sequence != 0) {
        put(object, "back_of", json_integer(accrual->refers_sequence));
    }
}

void till_put_member(json_t *object, const struct desk_member *member)
{
    switch (member->what) {
    case MEMBER_JOINED:
        put(object, "account", json_sprintf("%016" PRIu64, member->account));
        break;
    case MEMBER_EARNED:
        put_earning(object, &member->earning);
        break;
    case MEMBER_NUMBER:
        put(object, "number", json_string(number_state_word(member->number)));
        put(object, "next",
            member->next == 0 ? json_null() : json_sprintf("%016" PRIu64, member->next));
        break;
    }
}
