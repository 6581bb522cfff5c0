#include "firmware/terminal/till_wire_priv.h"

#include <inttypes.h>
#include <string.h>

#include "firmware/engine/money.h"
#include "firmware/terminal/till_lost.h"
#include "firmware/terminal/till_member.h"
#include "storage/support.h"

enum field {
    FIELD_AMOUNT = 1 << 0,
    FIELD_PAY = 1 << 1, /* pay_credit, pay_gift, pay_voucher */
    FIELD_REDEEM = 1 << 2,
    FIELD_COUNTER = 1 << 3,
    FIELD_PERSON = 1 << 4, /* what was said of a member: particulars.h */
    FIELD_WAIT = 1 << 5,
    FIELD_MEDIUM = 1 << 6,
    FIELD_BASKET = 1 << 7, /* lines, code */
    FIELD_LANG = 1 << 8,
    FIELD_RECEIPT = 1 << 9,
    FIELD_PIN = 1 << 10,
    FIELD_NUMBER = 1 << 11,
    FIELD_FRESH = 1 << 12,
    FIELD_PURSE = 1 << 13,  /* gift, voucher */
    FIELD_MEMBER = 1 << 14, /* issue: an account; sale: who it is kept for */
    FIELD_CARD = 1 << 15,   /* one of our card numbers */
    FIELD_TWO = 1 << 16,    /* to, from */
    FIELD_TO = 1 << 17,     /* release */
    FIELD_HOURS = 1 << 18,  /* support */
};

static const struct request_kind {
    const char *word;
    enum tap_do what;
    enum transaction_kind kind; /* 0: none */
    unsigned fields;
    int64_t amount_min;
} kinds[] = {
    {"sale", TAP_SALE, TRANSACTION_SALE,
     FIELD_AMOUNT | FIELD_PAY | FIELD_REDEEM | FIELD_BASKET | FIELD_WAIT | FIELD_LANG |
         FIELD_MEMBER,
     1},
    {"load", TAP_LOAD, TRANSACTION_LOAD, FIELD_AMOUNT | FIELD_PURSE | FIELD_WAIT | FIELD_LANG, 0},
    {"refund", TAP_REFUND, TRANSACTION_REFUND,
     FIELD_AMOUNT | FIELD_COUNTER | FIELD_WAIT | FIELD_LANG, 0},
    {"unload", TAP_UNLOAD, TRANSACTION_UNLOAD,
     FIELD_AMOUNT | FIELD_COUNTER | FIELD_WAIT | FIELD_LANG, 0},
    {"issue", TAP_ISSUE, TRANSACTION_ACTIVATE,
     FIELD_AMOUNT | FIELD_PURSE | FIELD_PERSON | FIELD_MEMBER | FIELD_CARD | FIELD_WAIT |
         FIELD_LANG,
     0},
    {"transfer", TAP_TRANSFER, TRANSACTION_TRANSFER,
     FIELD_AMOUNT | FIELD_TWO | FIELD_WAIT | FIELD_LANG, 0},
    {"balance", TAP_BALANCE, 0, FIELD_WAIT | FIELD_LANG | FIELD_FRESH, 0},
    {"history", TAP_HISTORY, 0, FIELD_WAIT | FIELD_LANG, 0},
};

static const struct {
    const char *name;
    unsigned field;
} field_names[] = {
    {"amount", FIELD_AMOUNT}, {"pay_credit", FIELD_PAY},  {"redeem", FIELD_REDEEM},
    {"pay_gift", FIELD_PAY},  {"pay_voucher", FIELD_PAY}, {"gift", FIELD_PURSE},
    {"voucher", FIELD_PURSE}, {"counter", FIELD_COUNTER}, {"member", FIELD_MEMBER},
    {"card", FIELD_CARD},     {"wait_ms", FIELD_WAIT},    {"operator", FIELD_WAIT},
    {"medium", FIELD_MEDIUM}, {"lines", FIELD_BASKET},    {"code", FIELD_BASKET},
    {"lang", FIELD_LANG},     {"receipt", FIELD_RECEIPT}, {"pin", FIELD_PIN},
    {"number", FIELD_NUMBER}, {"fresh", FIELD_FRESH},     {"to", FIELD_TWO | FIELD_TO},
    {"from", FIELD_TWO},      {"hours", FIELD_HOURS},
};

bool till_take_number(const json_t *object, const char *name, int64_t min, int64_t max,
                      bool is_required, int64_t *ret, struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL && !is_required) {
        return true; /* *ret keeps its default */
    }
    if (value == NULL) {
        fault_say(fault, "\"%s\" is missing: give a whole number from %" PRId64 " to %" PRId64 ".",
                  name, min, max);
        return false;
    }
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        fault_say(fault, "\"%s\" must be a whole number from %" PRId64 " to %" PRId64 ".", name,
                  min, max);
        return false;
    }
    *ret = json_integer_value(value);
    return true;
}

/* Rejects fields that this request does not know: a misspelt "pay_credit" must not be a sale that
 * pays nothing. */
static bool fields_are_known(const json_t *object, const char *word, unsigned allowed,
                             struct fault *fault)
{
    for (void *at = json_object_iter((json_t *)object); at != NULL;
         at = json_object_iter_next((json_t *)object, at)) {
        const char *name = json_object_iter_key(at);
        bool is_known = strcmp(name, "v") == 0 || strcmp(name, "do") == 0;
        for (size_t n = 0; n < sizeof field_names / sizeof *field_names; n++) {
            is_known |= strcmp(name, field_names[n].name) == 0 && (field_names[n].field & allowed);
        }
        is_known |= (allowed & FIELD_PERSON) != 0 && till_is_person_field(name);
        if (!is_known) {
            fault_say(fault, "\"%s\" has no field \"%.40s\": leave it out.", word, name);
            return false;
        }
    }
    return true;
}

const char *till_text_of(const json_t *value, size_t min, size_t max)
{
    bool is_text = json_is_string(value) && json_string_length(value) >= min &&
                   json_string_length(value) <= max &&
                   strlen(json_string_value(value)) == json_string_length(value);
    return is_text ? json_string_value(value) : NULL;
}

bool till_take_language(const json_t *object, enum explain_language *ret, struct fault *fault)
{
    const json_t *value = json_object_get(object, "lang");
    const char *word = value == NULL ? "fa" : till_text_of(value, 2, 2);
    if (word == NULL || (strcmp(word, "fa") != 0 && strcmp(word, "en") != 0)) {
        fault_say(fault, "\"lang\" must be \"fa\" or \"en\".");
        return false;
    }
    *ret = strcmp(word, "en") == 0 ? EXPLAIN_EN : EXPLAIN_FA;
    return true;
}

/* The purses beside credit that a sale takes from, and that a load or issue puts on. */
static bool take_purses(const json_t *object, struct wish *wish, struct fault *fault)
{
    struct {
        const char *name;
        struct money *ret;
    } fields[] = {{"gift", &wish->gift},
                  {"voucher", &wish->voucher},
                  {"pay_gift", &wish->pay_gift},
                  {"pay_voucher", &wish->pay_voucher}};
    for (size_t n = 0; n < sizeof fields / sizeof *fields; n++) {
        if (!till_take_number(object, fields[n].name, 0, MONEY_MAX_RIALS, false,
                              &fields[n].ret->rials, fault)) {
            return false;
        }
    }
    const int loaded =
        (wish->amount.rials > 0) + (wish->gift.rials > 0) + (wish->voucher.rials > 0);
    if (wish->kind == TRANSACTION_LOAD && loaded != 1) {
        fault_say(fault,
                  "Load one purse: \"amount\" (credit), \"gift\" or \"voucher\" from 1 to "
                  "%" PRId64 ".",
                  MONEY_MAX_RIALS);
        return false;
    }
    return true;
}

/* Out of the card that is held: "amount", and "to" when the other card is absent. Into it: "from",
 * the entry of the transfer out. */
static bool take_transfer(const json_t *object, struct wish *wish, struct fault *fault)
{
    int64_t from = 0;
    if (!till_take_number(object, "from", 1, SNAPSHOT_SEQUENCE_MAX, false, &from, fault) ||
        (json_object_get(object, "to") != NULL &&
         till_take_card_number(object, "to", &wish->peer.card_number, fault) != ST_OK)) {
        return false;
    }
    const bool is_in = from != 0;
    if (is_in == (wish->amount.rials > 0) || (is_in && wish->peer.card_number != 0)) {
        fault_say(fault,
                  "Give \"amount\" (and \"to\", a card that is not here) for the card that "
                  "pays, or \"from\", the number of that transfer, for the one that gets it.");
        return false;
    }
    wish->peer.direction = is_in ? PEER_IN : PEER_OUT;
    wish->peer.sequence = (uint32_t)from;
    return true;
}

static bool take_tap(const json_t *object, const struct request_kind *kind,
                     struct till_request *ret, struct fault *fault)
{
    int64_t amount = 0, pay_credit = 0, redeem = 0, counter = 0, operator_no = 0;
    int64_t wait_ms = TILL_WAIT_MS_DEFAULT;
    if (!fields_are_known(object, kind->word, kind->fields, fault) ||
        !till_take_number(object, "amount", kind->amount_min, MONEY_MAX_RIALS, kind->amount_min > 0,
                          &amount, fault) ||
        !till_take_number(object, "pay_credit", 0, MONEY_MAX_RIALS, false, &pay_credit, fault) ||
        !till_take_number(object, "redeem", 0, POINTS_MAX, false, &redeem, fault) ||
        !till_take_number(object, "counter", 1, (1 << 20) - 1, (kind->fields & FIELD_COUNTER) != 0,
                          &counter, fault) ||
        !till_take_number(object, "operator", 0, UINT16_MAX, false, &operator_no, fault) ||
        !till_take_number(object, "wait_ms", 1, TERMINAL_WAIT_MS_MAX, false, &wait_ms, fault)) {
        return false;
    }
    struct tap_request tap = {.what = kind->what, .operator_no = (uint32_t)operator_no};
    if (kind->kind != 0) {
        tap.wish = (struct wish){.kind = kind->kind,
                                 .amount = {amount},
                                 .pay_credit = {pay_credit},
                                 .redeem = {redeem},
                                 .refers_counter = (uint32_t)counter};
        if (!take_purses(object, &tap.wish, fault) ||
            (kind->what == TAP_TRANSFER && !take_transfer(object, &tap.wish, fault))) {
            return false;
        }
    }
    if (!till_take_language(object, &tap.language, fault)) {
        return false;
    }
    const json_t *fresh = json_object_get(object, "fresh");
    if (fresh != NULL && !json_is_boolean(fresh)) {
        fault_say(fault, "\"fresh\" must be true or false.");
        return false;
    }
    *ret = (struct till_request){.wait_ms = (unsigned)wait_ms,
                                 .desk = {.tap = tap, .is_fresh = json_is_true(fresh)}};
    return kind->what != TAP_SALE || till_take_basket(object, amount, &ret->desk.basket, fault);
}

/* An issue's person, and the account when they are a member already. */
static enum st take_issue(const json_t *object, struct till_request *ret, struct fault *fault)
{
    struct joining *joining = &ret->desk.joining;
    enum st st = till_take_person(object, joining, fault);
    if (st == ST_OK && json_object_get(object, "member") != NULL) {
        st = till_take_card_number(object, "member", &joining->account, fault);
    }
    if (st == ST_OK && json_object_get(object, "card") != NULL) {
        st = till_take_card_number(object, "card", &joining->number, fault);
    }
    return st;
}

enum st till_take_typed(const json_t *medium, struct till_request *ret, struct fault *fault)
{
    static const struct media_range own = MEDIA_RANGE_CLUB;
    ret->desk.has_medium = true;
    return media_classify(MEDIA_SOURCE_KEYS, json_string_value(medium), json_string_length(medium),
                          &own, &ret->desk.medium, fault) == ST_OK
               ? ST_OK
               : ST_REFUSED;
}

/* A sale that names a member: what was typed, or true for the next scan. Nothing is spent so. */
static enum st take_earning(const json_t *object, struct till_request *ret, struct fault *fault)
{
    const json_t *member = json_object_get(object, "member");
    const struct wish *wish = &ret->desk.tap.wish;
    if (wish->pay_credit.rials > 0 || wish->pay_gift.rials > 0 || wish->pay_voucher.rials > 0 ||
        wish->redeem.n > 0) {
        fault_say(fault, "Without the card nothing is spent: leave \"redeem\" and what begins with "
                         "\"pay_\" out, or hold the card.");
        return ST_FOREIGN;
    }
    ret->desk.what = DESK_EARN;
    if (json_is_true(member)) {
        return ST_OK;
    }
    if (!json_is_string(member)) {
        fault_say(fault, "\"member\" must be a text: what was typed; or true, for the next scan.");
        return ST_FOREIGN;
    }
    return till_take_typed(member, ret, fault);
}

static enum st take_tap_request(const json_t *object, const struct request_kind *kind,
                                struct till_request *ret, struct fault *fault)
{
    if (!take_tap(object, kind, ret, fault)) {
        return ST_FOREIGN;
    }
    if (kind->what == TAP_ISSUE) {
        return take_issue(object, ret, fault);
    }
    return kind->what == TAP_SALE && json_object_get(object, "member") != NULL
               ? take_earning(object, ret, fault)
               : ST_OK;
}

/* join, number and sale_back: about members, without a card. */
static enum st take_member_request(const json_t *object, const char *word, enum desk_do what,
                                   struct till_request *ret, struct fault *fault)
{
    int64_t operator_no = 0;
    const unsigned fields = FIELD_WAIT | (what == DESK_JOIN     ? FIELD_PERSON
                                          : what == DESK_NUMBER ? FIELD_CARD
                                                                : FIELD_NUMBER);
    int64_t number = 0;
    if (!fields_are_known(object, word, fields, fault) ||
        !till_take_number(object, "number", 1, SNAPSHOT_SEQUENCE_MAX, what == DESK_EARN_BACK,
                          &number, fault) ||
        !till_take_number(object, "operator", 0, UINT16_MAX, false, &operator_no, fault)) {
        return ST_FOREIGN;
    }
    *ret = (struct till_request){.wait_ms = TILL_WAIT_MS_DEFAULT,
                                 .desk = {.what = what, .number = (uint32_t)number}};
    ret->desk.tap.operator_no = (uint32_t)operator_no;
    if (what == DESK_JOIN) {
        return till_take_person(object, &ret->desk.joining, fault);
    }
    return json_object_get(object, "card") == NULL
               ? ST_OK
               : till_take_card_number(object, "card", &ret->desk.card_number, fault);
}

/* "receipt", which bons need: the register's number of the basket. */
static bool take_receipt(const json_t *object, char ret_receipt[ENTRY_RECEIPT_MAX + 1],
                         struct fault *fault)
{
    const json_t *receipt = json_object_get(object, "receipt");
    const char *text = json_is_string(receipt) ? json_string_value(receipt) : "";
    if (!entry_receipt_is_valid(text) || strlen(text) != json_string_length(receipt)) {
        fault_say(fault,
                  "\"receipt\" must be the basket's number: 1 to %d printable ASCII "
                  "characters without blanks.",
                  ENTRY_RECEIPT_MAX);
        return false;
    }
    memcpy(ret_receipt, text, strlen(text) + 1);
    return true;
}

/* find, link, bon and bon_back: "medium" is what was typed; without it the next scan counts. */
static enum st take_medium_request(const json_t *object, const char *word, enum desk_do what,
                                   struct till_request *ret, struct fault *fault)
{
    const unsigned fields =
        FIELD_WAIT | FIELD_MEDIUM | (what == DESK_BON ? FIELD_RECEIPT : (unsigned)0);
    int64_t operator_no = 0, wait_ms = TILL_WAIT_MS_DEFAULT;
    const json_t *medium = json_object_get(object, "medium");
    if (!fields_are_known(object, word, fields, fault) ||
        !till_take_number(object, "operator", 0, UINT16_MAX, false, &operator_no, fault) ||
        !till_take_number(object, "wait_ms", 1, TERMINAL_WAIT_MS_MAX, false, &wait_ms, fault)) {
        return ST_FOREIGN;
    }
    struct till_request request = {.wait_ms = (unsigned)wait_ms,
                                   .desk = {.what = what, .has_medium = medium != NULL}};
    request.desk.tap.operator_no = (uint32_t)operator_no;
    request.desk.bon.is_back = strcmp(word, "bon_back") == 0;
    if (what == DESK_BON && !take_receipt(object, request.desk.bon.receipt, fault)) {
        return ST_FOREIGN;
    }
    if (medium != NULL && !json_is_string(medium)) {
        fault_say(fault, "\"medium\" must be a text: what was typed.");
        return ST_FOREIGN;
    }
    if (medium != NULL && till_take_typed(medium, &request, fault) != ST_OK) {
        return ST_REFUSED;
    }
    *ret = request;
    return ST_OK;
}

/* transfers, release: what waits here, without a card. */
static enum st take_waiting_request(const json_t *object, const char *word,
                                    struct till_request *ret, struct fault *fault)
{
    const bool is_release = strcmp(word, "release") == 0;
    int64_t number = 0, operator_no = 0;
    if (!fields_are_known(object, word,
                          FIELD_WAIT | (is_release ? (unsigned)(FIELD_NUMBER | FIELD_TO) : 0),
                          fault) ||
        !till_take_number(object, "number", 1, SNAPSHOT_SEQUENCE_MAX, is_release, &number, fault) ||
        !till_take_number(object, "operator", 0, UINT16_MAX, false, &operator_no, fault)) {
        return ST_FOREIGN;
    }
    *ret = (struct till_request){
        .wait_ms = TILL_WAIT_MS_DEFAULT,
        .desk = {.what = is_release ? DESK_RELEASE : DESK_WAITING, .number = (uint32_t)number}};
    ret->desk.tap.operator_no = (uint32_t)operator_no;
    return json_object_get(object, "to") == NULL
               ? ST_OK
               : till_take_card_number(object, "to", &ret->desk.card_number, fault);
}

/* sign_in, sign_out, unlock. */
static bool take_operator_request(const json_t *object, const char *word, enum desk_do what,
                                  struct till_request *ret, struct fault *fault)
{
    const unsigned fields = FIELD_WAIT | (what == DESK_SIGN_IN  ? FIELD_PIN
                                          : what == DESK_UNLOCK ? FIELD_NUMBER
                                                                : (unsigned)0);
    int64_t number = 0, wait_ms = TILL_WAIT_MS_DEFAULT;
    if (!fields_are_known(object, word, fields, fault) ||
        !till_take_number(object, "number", 1, UINT16_MAX, what == DESK_UNLOCK, &number, fault) ||
        !till_take_number(object, "wait_ms", 1, TERMINAL_WAIT_MS_MAX, false, &wait_ms, fault)) {
        return false;
    }
    *ret = (struct till_request){.wait_ms = (unsigned)wait_ms,
                                 .desk = {.what = what, .number = (uint32_t)number}};
    const char *pin = till_text_of(json_object_get(object, "pin"), PIN_DIGITS_MIN, PIN_DIGITS_MAX);
    if (what == DESK_SIGN_IN && (pin == NULL || strspn(pin, "0123456789") != strlen(pin))) {
        fault_say(fault, "\"pin\" must be a text of %d to %d digits.", PIN_DIGITS_MIN,
                  PIN_DIGITS_MAX);
        return false;
    }
    if (what == DESK_SIGN_IN) {
        memcpy(ret->desk.pin, pin, strlen(pin) + 1);
    }
    return true;
}

static enum st take_support(const json_t *object, struct till_request *ret, struct fault *fault)
{
    int64_t hours = 0, operator_no = 0;
    if (!fields_are_known(object, "support", FIELD_WAIT | FIELD_HOURS, fault) ||
        !till_take_number(object, "hours", 0, SUPPORT_HOURS_MAX, true, &hours, fault) ||
        !till_take_number(object, "operator", 0, UINT16_MAX, false, &operator_no, fault)) {
        return ST_FOREIGN;
    }
    *ret = (struct till_request){.wait_ms = TILL_WAIT_MS_DEFAULT,
                                 .desk = {.what = DESK_SUPPORT, .number = (uint32_t)hours}};
    ret->desk.tap.operator_no = (uint32_t)operator_no;
    return ST_OK;
}

static const char do_words[] =
    "sale, sale_back, load, refund, unload, transfer, balance, history, issue, join, number, "
    "find, link, bon, bon_back, sign_in, "
    "sign_out, unlock, transfers, release, report_lost, found, replace, duplicate, support or "
    "status";

static const struct {
    const char *word;
    enum desk_do what;
} operator_words[] = {
    {"sign_in", DESK_SIGN_IN}, {"sign_out", DESK_SIGN_OUT}, {"unlock", DESK_UNLOCK}};

static enum st take_request(const json_t *object, struct till_request *ret, struct fault *fault)
{
    int64_t version = 0;
    const json_t *word = json_object_get(object, "do");
    if (!till_take_number(object, "v", 1, 1, true, &version, fault)) {
        return ST_FOREIGN;
    }
    if (!json_is_string(word)) {
        fault_say(fault, "\"do\" is missing: %s.", do_words);
        return ST_FOREIGN;
    }
    if (strcmp(json_string_value(word), "status") == 0) {
        *ret = (struct till_request){.is_status = true};
        return fields_are_known(object, "status", FIELD_WAIT, fault) ? ST_OK : ST_FOREIGN;
    }
    if (strcmp(json_string_value(word), "support") == 0) {
        return take_support(object, ret, fault);
    }
    if (strcmp(json_string_value(word), "find") == 0) {
        return take_medium_request(object, "find", DESK_FIND, ret, fault);
    }
    if (strcmp(json_string_value(word), "join") == 0) {
        return take_member_request(object, "join", DESK_JOIN, ret, fault);
    }
    if (strcmp(json_string_value(word), "sale_back") == 0) {
        return take_member_request(object, "sale_back", DESK_EARN_BACK, ret, fault);
    }
    if (strcmp(json_string_value(word), "number") == 0) {
        return take_member_request(object, "number", DESK_NUMBER, ret, fault);
    }
    if (strcmp(json_string_value(word), "link") == 0) {
        return take_medium_request(object, "link", DESK_LINK, ret, fault);
    }
    if (till_is_lost_word(json_string_value(word))) {
        return till_take_lost(object, json_string_value(word), ret, fault);
    }
    if (strcmp(json_string_value(word), "transfers") == 0 ||
        strcmp(json_string_value(word), "release") == 0) {
        return take_waiting_request(object, json_string_value(word), ret, fault);
    }
    if (strcmp(json_string_value(word), "bon") == 0 ||
        strcmp(json_string_value(word), "bon_back") == 0) {
        return take_medium_request(object, json_string_value(word), DESK_BON, ret, fault);
    }
    for (size_t n = 0; n < sizeof operator_words / sizeof *operator_words; n++) {
        if (strcmp(json_string_value(word), operator_words[n].word) == 0) {
            return take_operator_request(object, operator_words[n].word, operator_words[n].what,
                                         ret, fault)
                       ? ST_OK
                       : ST_FOREIGN;
        }
    }
    for (size_t n = 0; n < sizeof kinds / sizeof *kinds; n++) {
        if (strcmp(json_string_value(word), kinds[n].word) == 0) {
            return take_tap_request(object, &kinds[n], ret, fault);
        }
    }
    fault_say(fault, "\"%.20s\" is not known here: %s.", json_string_value(word), do_words);
    return ST_FOREIGN;
}

enum st till_decode(const char *line, size_t size, struct till_request *ret, struct fault *fault)
{
    json_error_t error;
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        /* Without what jansson quotes of the line: it may be a bank card that was scanned. */
        char *quoted = strstr(error.text, " near ");
        if (quoted != NULL) {
            *quoted = '\0';
        }
        fault_say(fault, "This line is not JSON: %.80s. Send one object a line.", error.text);
        return ST_FOREIGN;
    }
    enum st st = ST_FOREIGN;
    if (json_is_object(object)) {
        st = take_request(object, ret, fault);
    } else {
        fault_say(fault, "Send one JSON object a line, {\"v\":1,\"do\":...}.");
    }
    json_decref(object);
    return st;
}
