#include "firmware/terminal/till_wire.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/listing.h"
#include "firmware/engine/money.h"
#include "firmware/terminal/say.h"
#include "firmware/terminal/till_allowance.h"
#include "firmware/terminal/till_arrived.h"
#include "firmware/terminal/till_lost.h"
#include "firmware/terminal/till_member.h"
#include "firmware/terminal/till_transfers.h"
#include "firmware/terminal/till_wire_priv.h"
#include "hal/clock.h"

static_assert(RECEIPT_MAX + TILL_ARRIVED_MAX + 4096 <= TILL_ANSWER_MAX,
              "a receipt must fit into an answer");

/* --- requests ------------------------------------------------------------------------------- */

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
    {"from", FIELD_TWO},
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

static const char code_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
enum { TILL_PRODUCT_MAX = 64 };

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

/* A text without a NUL within, of min to max bytes. */
static const char *text_of(const json_t *value, size_t min, size_t max)
{
    bool is_text = json_is_string(value) && json_string_length(value) >= min &&
                   json_string_length(value) <= max &&
                   strlen(json_string_value(value)) == json_string_length(value);
    return is_text ? json_string_value(value) : NULL;
}

/* One line of a basket: product, amount, and quantity, which is 1 when absent. */
static bool take_line(const json_t *line, size_t number, struct basket_said *ret,
                      struct fault *fault)
{
    const char *key;
    json_t *value;
    if (!json_is_object(line)) {
        fault_say(fault, "Line %zu of \"lines\" must be an object.", number);
        return false;
    }
    json_object_foreach((json_t *)line, key, value)
    {
        if (strcmp(key, "product") != 0 && strcmp(key, "amount") != 0 &&
            strcmp(key, "quantity") != 0) {
            fault_say(fault, "Line %zu of \"lines\" has no field \"%.40s\": leave it out.", number,
                      key);
            return false;
        }
    }
    const char *product = text_of(json_object_get(line, "product"), 1, TILL_PRODUCT_MAX);
    if (product == NULL) {
        fault_say(fault, "Line %zu of \"lines\": \"product\" must be a text of 1 to %d bytes.",
                  number, TILL_PRODUCT_MAX);
        return false;
    }
    if (strlen(product) < sizeof ret->product) { /* a longer one is in no programme */
        (void)snprintf(ret->product, sizeof ret->product, "%s", product);
    }
    struct fault why;
    int64_t amount = 0;
    if (!till_take_number(line, "amount", 1, MONEY_MAX_RIALS, true, &amount, &why)) {
        fault_say(fault, "Line %zu of \"lines\": %s", number, why.say);
        return false;
    }
    ret->amount.rials = amount;
    const json_t *quantity = json_object_get(line, "quantity");
    char digits[24] = "1";
    const char *said = text_of(quantity, 1, sizeof digits - 1);
    if (json_is_integer(quantity)) {
        (void)snprintf(digits, sizeof digits, "%" PRId64, (int64_t)json_integer_value(quantity));
    } else if (said != NULL) {
        (void)snprintf(digits, sizeof digits, "%s", said);
    }
    bool is_kind = quantity == NULL || json_is_integer(quantity) || said != NULL;
    if (!is_kind || basket_quantity(digits, &ret->milli) != ST_OK) {
        fault_say(fault,
                  "Line %zu of \"lines\": \"quantity\" must be above 0 and at most 4000000, a "
                  "whole number or a text with up to 3 decimals, like \"1.5\".",
                  number);
        return false;
    }
    return true;
}

static bool take_lines(const json_t *lines, int64_t amount, struct basket *ret, struct fault *fault)
{
    int64_t sum = 0;
    uint64_t milli = 0;
    size_t count = json_array_size(lines);
    if (!json_is_array(lines) || count == 0 || count > BASKET_SAID_MAX) {
        fault_say(fault,
                  "\"lines\" must be a list of 1 to %d lines; leave it out for a basket "
                  "without lines.",
                  BASKET_SAID_MAX);
        return false;
    }
    for (size_t n = 0; n < count; n++) {
        if (!take_line(json_array_get(lines, n), n + 1, &ret->said[n], fault)) {
            return false;
        }
        sum += ret->said[n].amount.rials;
        milli += ret->said[n].milli;
    }
    if (sum != amount) {
        fault_say(fault, "The lines add up to %" PRId64 " rials, but \"amount\" is %" PRId64 ".",
                  sum, amount);
        return false;
    }
    if (milli > BASKET_MILLI_MAX) {
        fault_say(fault, "The quantities of \"lines\" add up to more than 4000000.");
        return false;
    }
    ret->count = count;
    return true;
}

static bool take_basket(const json_t *object, int64_t amount, struct basket *ret,
                        struct fault *fault)
{
    const json_t *lines = json_object_get(object, "lines");
    const json_t *code = json_object_get(object, "code");
    if (code != NULL) {
        const char *text = text_of(code, 1, sizeof ret->code - 1);
        if (text == NULL || strspn(text, code_letters) != strlen(text)) {
            fault_say(fault, "\"code\" must be 1 to %zu of A-Z, 0-9 and -.", sizeof ret->code - 1);
            return false;
        }
        (void)snprintf(ret->code, sizeof ret->code, "%s", text);
    }
    return lines == NULL || take_lines(lines, amount, ret, fault);
}

bool till_take_language(const json_t *object, enum explain_language *ret, struct fault *fault)
{
    const json_t *value = json_object_get(object, "lang");
    const char *word = value == NULL ? "fa" : text_of(value, 2, 2);
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
    return kind->what != TAP_SALE || take_basket(object, amount, &ret->desk.basket, fault);
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
    const char *pin = text_of(json_object_get(object, "pin"), PIN_DIGITS_MIN, PIN_DIGITS_MAX);
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

static const char do_words[] =
    "sale, sale_back, load, refund, unload, transfer, balance, history, issue, join, number, "
    "find, link, bon, bon_back, sign_in, "
    "sign_out, unlock, transfers, release, report_lost, found, replace, duplicate or status";

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

/* --- answers -------------------------------------------------------------------------------- */

static void put(json_t *object, const char *name, json_t *value)
{
    int rc = json_object_set_new(object, name, value);
    assert(rc == 0); /* out of memory: nothing sensible can be answered */
}

static void put_number(json_t *object, const char *name, int64_t value)
{
    put(object, name, json_integer(value));
}

/* What a person wrote may hold any bytes; a line that is not UTF-8 would be no line. */
static void put_text(json_t *object, const char *name, const char *text)
{
    json_t *value = json_string(text);
    put(object, name, value != NULL ? value : json_string("?"));
}

static json_t *new_line(bool is_final, const char *state, const char *say)
{
    json_t *object = json_object();
    assert(object != NULL);
    put_number(object, "v", 1);
    put(object, "final", json_boolean(is_final));
    put_text(object, "state", state);
    put_text(object, "say", say);
    return object;
}

static size_t finish_line(json_t *object, char ret_line[TILL_ANSWER_MAX])
{
    size_t size = json_dumpb(object, ret_line, TILL_ANSWER_MAX - 2, JSON_COMPACT);
    json_decref(object);
    assert(size > 0 && size <= TILL_ANSWER_MAX - 2);
    ret_line[size] = '\n';
    ret_line[size + 1] = '\0';
    return size + 1;
}

static json_t *parts_object(const struct breakdown *parts)
{
    json_t *object = json_object();
    put_number(object, "amount", parts->amount.rials);
    put_number(object, "rebate", parts->rebate.rials);
    put_number(object, "redeemed", parts->redeemed.n);
    put_number(object, "redeemed_value", parts->redeemed_value.rials);
    put_number(object, "payment", parts->payment.rials);
    put_number(object, "load", parts->load.rials);
    put_number(object, "award", parts->award.n);
    put_number(object, "due", parts->due.rials);
    put_number(object, "gift", parts->gift.rials);
    put_number(object, "voucher", parts->voucher.rials);
    return object;
}

static void put_snapshot(json_t *object, const struct snapshot *snapshot)
{
    static const char *const states[] = {
        [CARD_ACTIVE] = "active", [CARD_BLOCKED] = "blocked", [CARD_CLOSED] = "closed"};
    put_text(object, "status", states[snapshot->status]);
    put_number(object, "counter", snapshot->counter);
    put_number(object, "points", snapshot->points.n);
    put_number(object, "credit", snapshot->purse[PURSE_CREDIT].rials);
    put_number(object, "gift", snapshot->purse[PURSE_GIFT].rials);
    put_number(object, "voucher", snapshot->purse[PURSE_VOUCHER].rials);
}

static json_t *history_array(const struct tap_answer *answer)
{
    json_t *array = json_array();
    for (size_t n = 0; n < answer->history_count; n++) {
        const struct snapshot *snapshot = &answer->history[n];
        json_t *object = json_object();
        put_text(object, "kind", say_kind(snapshot->last.kind));
        put_number(object, "amount", snapshot->last.amount.rials);
        put_number(object, "redeemed", snapshot->last.redeemed.n);
        put_snapshot(object, snapshot);
        put_number(object, "terminal", snapshot->last.terminal);
        put_number(object, "sequence", snapshot->last.sequence);
        put_number(object, "time",
                   snapshot->last.minute == 0 ? 0 : snapshot_time_s(snapshot->last.minute));
        int rc = json_array_append_new(array, object);
        assert(rc == 0);
    }
    return array;
}

static json_t *settled_object(const struct tap_answer *answer)
{
    static const char *const verdicts[] = {
        [VERDICT_DONE] = "done", [VERDICT_NOT_DONE] = "not_done", [VERDICT_LEFT] = "left"};
    const struct entry_intent *intent = &answer->settled_intent.intent;
    json_t *object = json_object();
    put_text(object, "verdict", verdicts[answer->settled]);
    put_text(object, "kind", say_kind(intent->after.last.kind));
    put_number(object, "amount", intent->parts.amount.rials);
    put_number(object, "counter", intent->after.counter);
    return object;
}

static void add_line(void *context, const struct receipt_line *line)
{
    static const char *const words[] = {[EXPLAIN_RULE] = "rule",
                                        [EXPLAIN_ASIDE] = "aside",
                                        [EXPLAIN_SAY] = "say",
                                        [EXPLAIN_TOTAL] = "total",
                                        [EXPLAIN_MISSING] = "missing"};
    json_t *object = json_object();
    put_text(object, "kind", words[line->kind]);
    if (line->name[0] != '\0') {
        put_text(object, "rule", line->name);
    }
    put_text(object, "text", line->text);
    if (line->result[0] != '\0') {
        put_text(object, "result", line->result);
    }
    int rc = json_array_append_new(context, object);
    assert(rc == 0);
}

/* What came before the request stands in front. */
static void put_lines(json_t *object, const struct tap_answer *answer)
{
    json_t *lines = json_array();
    enum explain_language language = answer->language;
    till_add_arrived_lines(lines, answer);
    if (answer->lines != NULL) {
        receipt_each(answer->lines, add_line, lines);
        language = answer->lines->language;
    }
    put_text(object, "lang", explain_pick(language, "en", "fa"));
    put(object, "lines", lines);
}

size_t till_encode_meanwhile(enum tap_say say, char ret_line[TILL_ANSWER_MAX])
{
    static const char *const states[] = {
        [TAP_SAY_HOLD] = "waiting",         [TAP_SAY_HOLD_AGAIN] = "hold_again",
        [TAP_SAY_TOO_EARLY] = "hold_again", [TAP_SAY_READER] = "reader",
        [TAP_SAY_WORKING] = "working",      [TAP_SAY_SCAN] = "waiting"};
    return finish_line(new_line(false, states[say], say_meanwhile(say)), ret_line);
}

size_t till_encode_answer(const struct tap_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    static const char *const states[] = {
        [TAP_DONE] = "done", [TAP_NOT_DONE] = "not_done", [TAP_HOLD_AGAIN] = "hold_again"};
    json_t *object = new_line(true, states[answer->outcome], answer->say.say);
    if (answer->outcome == TAP_NOT_DONE) {
        put_text(object, "reason", tap_reason_word(answer->reason));
    }
    if (answer->card_number != 0) {
        char number[24];
        (void)snprintf(number, sizeof number, "%016" PRIu64, answer->card_number);
        put_text(object, "card", number);
    }
    if (answer->has_snapshot) {
        put_snapshot(object, &answer->snapshot);
    }
    if (answer->has_parts) {
        put_text(object, "kind", say_kind(answer->snapshot.last.kind));
        put(object, "parts", parts_object(&answer->parts));
        put_number(object, "sequence", answer->snapshot.last.sequence);
    }
    if (answer->lines != NULL || answer->arrived_count > 0) {
        put_lines(object, answer);
    }
    till_put_arrived(object, answer);
    if (answer->listing != LISTING_NONE) {
        put_text(object, "listed", listing_word(answer->listing));
    }
    if (answer->expired.n > 0) {
        put_number(object, "expired", answer->expired.n);
    }
    if (answer->is_earlier) {
        put(object, "earlier", json_true());
    }
    if (answer->is_unsaved) {
        put(object, "unsaved", json_true());
    }
    if (answer->has_settled) {
        put(object, "settled", settled_object(answer));
    }
    if (answer->history != NULL) {
        put(object, "history", history_array(answer));
    }
    return finish_line(object, ret_line);
}

/* Whoever knows a national code may ask, so the number is shortened as on a bank's receipt. */
size_t till_encode_found(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    const struct desk_found *found = &answer->found;
    char number[24];
    json_t *object = new_line(true, "done", answer->tap.say.say);
    (void)snprintf(number, sizeof number, "%06" PRIu64 "******%04" PRIu64,
                   found->card_number / UINT64_C(10000000000), found->card_number % 10000);
    put_text(object, "card", number);
    put_text(object, "medium", media_kind_word(found->medium));
    put(object, "may_spend", json_false());
    if (answer->tap.listing != LISTING_NONE) {
        put_text(object, "listed", listing_word(answer->tap.listing));
    }
    if (found->has_state) {
        put_snapshot(object, &found->state);
        put_number(object, "seen", found->seen_s);
    }
    return finish_line(object, ret_line);
}

size_t till_encode_member(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    json_t *object = new_line(true, "done", answer->tap.say.say);
    till_put_member(object, &answer->member);
    return finish_line(object, ret_line);
}

size_t till_encode_waiting(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    json_t *object = new_line(true, "done", answer->tap.say.say);
    till_put_waiting(object, &answer->waiting);
    return finish_line(object, ret_line);
}

size_t till_encode_release(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    json_t *object = new_line(true, "done", answer->tap.say.say);
    till_put_handover(object, &answer->release);
    return finish_line(object, ret_line);
}

size_t till_encode_lost(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    const bool is_done = answer->tap.outcome == TAP_DONE;
    json_t *object = new_line(true, is_done ? "done" : "not_done", answer->tap.say.say);
    if (!is_done) {
        put_text(object, "reason", tap_reason_word(answer->tap.reason));
    }
    till_put_lost(object, &answer->lost);
    return finish_line(object, ret_line);
}

size_t till_encode_bon(const struct bon_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    json_t *object = new_line(true, "done", answer->say.say);
    put_number(object, "amount", answer->bon.amount.rials);
    put_number(object, "series", answer->bon.series);
    put_number(object, "serial", answer->bon.serial);
    put_number(object, "sequence", answer->sequence);
    if (answer->is_earlier) {
        put(object, "earlier", json_true());
    }
    return finish_line(object, ret_line);
}

static void say_loss(const struct terminal_status *status, struct fault *ret_say)
{
    if (status->disk != ST_OK) {
        fault_say(ret_say, "Not known: the journal cannot be read.");
    } else if (status->counts.unsent == 0) {
        fault_say(ret_say, "Nothing: the club has every entry.");
    } else {
        char age[48] = "", amount[EXPLAIN_AMOUNT_MAX];
        explain_money(status->standing.programme, EXPLAIN_EN, (struct money){status->loss.amount},
                      amount);
        if (status->oldest_unsent_age_s >= 0) {
            (void)snprintf(age, sizeof age, ", the oldest %" PRId64 " minutes old",
                           status->oldest_unsent_age_s / 60);
        }
        fault_say(ret_say,
                  "No balance: cards carry them. %s%" PRIu32 " transactions of %s (%" PRIu32
                  " entries%s) would have to come back with their cards.",
                  status->loss.is_more ? "At least " : "", status->loss.transactions, amount,
                  status->counts.unsent, age);
    }
}

size_t till_encode_status(const struct terminal_status *status, char ret_line[TILL_ANSWER_MAX])
{
    struct fault say, loss;
    const struct standing *standing = &status->standing;
    bool is_ready = status->disk == ST_OK && status->reader_say[0] == '\0' &&
                    standing->terminal != 0 && standing->programme != NULL;
    if (standing->terminal == 0) {
        fault_say(&say, "This terminal is not enrolled: run vafa-sync enrol.");
    } else if (status->disk != ST_OK) {
        say = status->disk_say;
    } else if (status->reader_say[0] != '\0') {
        fault_say(&say, "%s", status->reader_say);
    } else if (standing->programme == NULL) {
        say_reason(TAP_REASON_PROGRAMME, &say);
    } else {
        fault_say(&say, "Ready to sell.");
    }
    json_t *object = new_line(true, "done", say.say);
    put(object, "ready", json_boolean(is_ready));
    put_number(object, "terminal", standing->terminal);
    put_text(object, "merchant", standing->merchant);
    put_text(object, "branch", standing->branch);
    put_number(object, "programme", standing->programme != NULL ? standing->programme->version : 0);
    put_text(object, "programme_say", standing->programme_say.say);
    put_number(object, "entries", status->counts.entries);
    put_number(object, "unsent", status->counts.unsent);
    put_number(object, "unsent_transactions", status->loss.transactions);
    put_number(object, "unsent_amount", status->loss.amount);
    put_number(object, "pending", status->counts.pending);
    put_number(object, "oldest_unsent", status->counts.oldest_unsent_s);
    put_text(object, "reader", status->reader_say[0] == '\0' ? "up" : "away");
    put_text(object, "reader_say", status->reader_say);
    put_text(object, "disk", st_word(status->disk));
    put_text(object, "disk_say", status->disk_say.say);
    put_number(object, "card_numbers_left", (int64_t)status->card_numbers_left);
    put_number(object, "hotlist", status->list_version);
    put_number(object, "hotlist_cards", status->list_cards);
    put_number(object, "hotlist_age", status->list_age_s);
    put(object, "hotlist_old", json_boolean(status->list_is_old));
    put_number(object, "hotlist_old_max", status->list_spend_max.rials);
    put_text(object, "hotlist_say", status->list_say.say);
    put_number(object, "actions", status->actions);
    put_text(object, "actions_say", status->actions_say.say);
    put_text(object, "sync_last_ok", status->sync_last_ok);
    put_text(object, "sync_say", status->sync_say);
    say_loss(status, &loss);
    put_text(object, "if_it_died_now", loss.say);
    till_put_waiting_sums(object, &status->waiting);
    const bool is_whole = till_put_allowance(object, status);
    assert(is_whole); /* out of memory: nothing sensible can be answered */
    return finish_line(object, ret_line);
}
