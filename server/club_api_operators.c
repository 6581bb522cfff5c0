/* The API's operators and allowances. A change makes the terminals' mandates anew, as the commands
 * do. */
#include <inttypes.h>
#include <string.h>

#include "server/allowances.h"
#include "server/club_api_priv.h"
#include "server/mandates.h"
#include "server/operators.h"

/* The change is noted: the terminals shall hear of it. "hear" is how many will at their next sync,
 * null when the club's key is kept elsewhere: then `vafa-club mandate renew` signs it there. */
static enum st renew(struct call *call, enum st st)
{
    uint32_t count = 0;
    if (st != ST_OK) {
        return st;
    }
    st = mandates_renew(call->db, call->dir, call->now_s, false, &count, &call->fault);
    const bool is_here = st != ST_REFUSED;
    if (st != ST_OK && is_here) {
        return st;
    }
    return put_json(call->reply, "hear", is_here ? json_integer(count) : json_null()) ? ST_OK
                                                                                      : ST_FULL;
}

/* --- operators ----------------------------------------------------------------------------- */

static enum st answer_operators(struct call *call)
{
    return call_list(call, operators_list);
}

/* The {operator} of the path. False: 404 is said. */
static bool path_operator(struct call *call, uint32_t *ret)
{
    int64_t number = 0;
    if (!call_path_number(call, 0, "operator", &number)) {
        return false;
    }
    if (number > UINT16_MAX) {
        (void)call_missing(call, "There is no operator %" PRId64 ".", number);
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

/* *ret is a new reference, NULL when there is none of that number. */
static enum st find_operator(struct call *call, uint32_t number, json_t **ret)
{
    json_t *list = NULL, *row = NULL;
    size_t i = 0;
    *ret = NULL;
    enum st st = call_captured(call, operators_list, &list);
    json_array_foreach(list, i, row)
    {
        if (json_integer_value(json_object_get(row, "number")) == number) {
            *ret = json_incref(row);
        }
    }
    json_decref(list);
    return st;
}

static enum st put_operator(struct call *call, uint32_t number)
{
    json_t *row = NULL;
    enum st st = find_operator(call, number, &row);
    if (st == ST_OK && row == NULL) {
        return call_missing(call, "There is no operator %u.", number);
    }
    if (st == ST_OK) {
        st = json_object_update(call->reply, row) == 0 ? ST_OK : ST_FULL;
    }
    json_decref(row);
    return st;
}

static enum st answer_operator(struct call *call)
{
    uint32_t number = 0;
    return path_operator(call, &number) ? put_operator(call, number) : ST_REFUSED;
}

/* Whether the operator is already as the body wants him. */
static bool is_as_wanted(const struct call *call, const json_t *row)
{
    return !json_is_true(json_object_get(row, "removed")) &&
           strcmp(json_string_value(json_object_get(row, "name")), body_text(call, "name")) == 0 &&
           strcmp(json_string_value(json_object_get(row, "role")), body_text(call, "role")) == 0 &&
           strcmp(json_string_value(json_object_get(row, "card")), body_text(call, "card")) == 0 &&
           json_integer_value(json_object_get(row, "merchant")) == body_number(call, "merchant", 0);
}

static enum st answer_add(struct call *call)
{
    struct mandate_operator of = {.role = role_of_word(body_text(call, "role"))};
    json_t *row = NULL;
    uint32_t made = 0;
    if (!path_operator(call, &of.number)) {
        return ST_REFUSED;
    }
    if (of.role == 0) {
        fault_say(&call->fault, "\"role\" is cashier, issuer, manager or technician.");
        return ST_FOREIGN;
    }
    (void)read_card(body_text(call, "card"), &of.card_number); /* the field is checked */
    memcpy(of.name, body_text(call, "name"), strlen(body_text(call, "name")));
    enum st st = find_operator(call, of.number, &row);
    if (st == ST_OK && (row == NULL || !is_as_wanted(call, row))) {
        st = operators_add(call->db, &of, body_number(call, "merchant", 0), call->now_s, &made,
                           &call->fault);
    }
    json_decref(row);
    st = renew(call, st);
    return st == ST_OK ? put_operator(call, of.number) : st;
}

/* Does `change` to the operator of the path. */
static enum st change_operator(struct call *call,
                               enum st (*change)(struct call *call, uint32_t number))
{
    uint32_t number = 0;
    if (!path_operator(call, &number)) {
        return ST_REFUSED;
    }
    enum st st = operators_exists(call->db, number, &call->fault);
    if (st == ST_REFUSED) {
        return call_missing(call, "There is no operator %u.", number);
    }
    st = st == ST_OK ? change(call, number) : st;
    st = renew(call, st);
    return st == ST_OK ? put_operator(call, number) : st;
}

static enum st block(struct call *call, uint32_t number)
{
    return operators_block(call->db, number, json_is_true(json_object_get(call->body, "blocked")),
                           &call->fault);
}

static enum st answer_block(struct call *call)
{
    return change_operator(call, block);
}

static enum st set_pin(struct call *call, uint32_t number)
{
    return operators_set_pin(call->db, number, body_text(call, "verifier"), &call->fault);
}

static enum st answer_pin(struct call *call)
{
    return change_operator(call, set_pin);
}

/* --- allowances ---------------------------------------------------------------------------- */

static enum st answer_allowances(struct call *call)
{
    return call_list(call, allowances_list);
}

static enum quota_scope scope_of(const char *word)
{
    return strcmp(word, "terminal") == 0   ? QUOTA_OF_TERMINAL
           : strcmp(word, "merchant") == 0 ? QUOTA_OF_MERCHANT
           : strcmp(word, "operator") == 0 ? QUOTA_OF_OPERATOR
                                           : (enum quota_scope)0;
}

/* {of}/{number}, and what the body says of it. */
static bool take_quota(struct call *call, struct quota_name *ret)
{
    const char *span = body_text(call, "span");
    *ret = (struct quota_name){.scope = scope_of(call->values[0])};
    if (ret->scope == 0) {
        (void)call_missing(call, "Limits are of a terminal, merchant or operator, not of a %.40s.",
                           call->values[0]);
        return false;
    }
    if (!call_path_number(call, 1, call->values[0], &ret->id)) {
        return false;
    }
    if (strcmp(span, "total") != 0 && strcmp(span, "day") != 0) {
        fault_say(&call->fault, "\"span\" is total or day.");
        return false;
    }
    ret->span = span[0] == 'd' ? QUOTA_DAY : QUOTA_TOTAL;
    if (!limits_what_of(body_text(call, "what"), &ret->what) ||
        !limits_unit_of(ret->what, body_text(call, "unit"), &ret->unit)) {
        fault_say(&call->fault, "\"what\" is load, spend, issue, refund or earn; \"unit\" is rials "
                                "or count (of earn: points).");
        return false;
    }
    return true;
}

/* Is there such a terminal, merchant or operator? */
static enum st check_exists(struct call *call, const struct quota_name *name)
{
    static const char *const tables[] = {
        [QUOTA_OF_TERMINAL] = "SELECT 1 FROM term WHERE term_id = $1",
        [QUOTA_OF_MERCHANT] = "SELECT 1 FROM merchant WHERE merch = $1",
        [QUOTA_OF_OPERATOR] = "SELECT 1 FROM operator WHERE number = $1 AND removed_at = 0"};
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(call->db, tables[name->scope], "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, name->id);
    }
    db_finish(stmt);
    return st == ST_OK && !row
               ? call_missing(call, "There is no %s %" PRId64 ".", call->values[0], name->id)
               : st;
}

static enum st answer_limit(struct call *call)
{
    struct quota_name name;
    if (!take_quota(call, &name)) {
        return call->status == 404 ? ST_REFUSED : ST_FOREIGN;
    }
    enum st st = check_exists(call, &name);
    if (st == ST_OK) {
        st = allowances_set(call->db, &name, body_number(call, "max", -1), &call->fault);
    }
    return renew(call, st);
}

static enum st answer_remove(struct call *call)
{
    uint32_t number = 0;
    json_t *row = NULL;
    if (!path_operator(call, &number)) {
        return ST_REFUSED;
    }
    enum st st = find_operator(call, number, &row);
    if (st == ST_OK && row == NULL) {
        return call_missing(call, "There is no operator %u.", number);
    }
    json_decref(row);
    st = st == ST_OK ? operators_remove(call->db, number, call->now_s, &call->fault) : st;
    st = renew(call, st);
    return st == ST_OK ? put_operator(call, number) : st;
}

static const struct field operator_fields[] = {
    {"name", FIELD_TEXT, true, 1, MANDATE_NAME_MAX - 1},
    {"role", FIELD_TEXT, true, 1, 16},
    {"card", FIELD_CARD, true, 0, 0},
    {"merchant", FIELD_NUMBER, false, 0, INT32_MAX},
    {0},
};
static const struct field block_fields[] = {{"blocked", FIELD_BOOL, true, 0, 0}, {0}};
static const struct field pin_fields[] = {{"verifier", FIELD_TEXT, true, 1, PIN_VERIFIER_MAX - 1},
                                          {0}};
static const struct field limit_fields[] = {
    {"span", FIELD_TEXT, true, 1, 8},
    {"what", FIELD_TEXT, true, 1, 16},
    {"unit", FIELD_TEXT, true, 1, 16},
    {"max", FIELD_NUMBER, false, 0, LIMIT_MAX},
    {0},
};

const struct route routes_operators[] = {
    {"GET", "/operators", APIKEY_READER, "limit cursor", NULL, answer_operators, 0},
    {"GET", "/operators/{operator}", APIKEY_READER, NULL, NULL, answer_operator, 0},
    {"PUT", "/operators/{operator}", APIKEY_MANAGER, NULL, operator_fields, answer_add, 0},
    {"DELETE", "/operators/{operator}", APIKEY_MANAGER, NULL, NULL, answer_remove, 0},
    {"PUT", "/operators/{operator}/blocked", APIKEY_MANAGER, NULL, block_fields, answer_block, 0},
    {"PUT", "/operators/{operator}/pin", APIKEY_MANAGER, NULL, pin_fields, answer_pin, 0},
    {"GET", "/allowances", APIKEY_READER, "limit cursor", NULL, answer_allowances, 0},
    {"PUT", "/allowances/{of}/{number}", APIKEY_MANAGER, NULL, limit_fields, answer_limit, 0},
    {0},
};
