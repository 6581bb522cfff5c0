/* The API's settlement between merchants and the club. */
#include <inttypes.h>
#include <string.h>

#include "server/business_day.h"
#include "server/club_api_priv.h"
#include "server/settlement.h"

/* Puts the members of `object`, which it takes, into the answer. */
static enum st put_members(struct call *call, json_t *object)
{
    const bool done = json_object_update(call->reply, object) == 0;
    json_decref(object);
    return done ? ST_OK : ST_FULL;
}

static bool needed_day(struct call *call, const char *name, int64_t *ret)
{
    const char *text = call_parameter(call, name);
    if (text == NULL) {
        fault_say(&call->fault, "\"%s\" is missing: a day, such as 2026-11-22.", name);
        return false;
    }
    return business_day_read(text, ret, &call->fault) == ST_OK;
}

static enum st answer_look(struct call *call)
{
    int64_t from = 0, to = 0;
    json_t *settlement = NULL;
    if (!needed_day(call, "from", &from) || !needed_day(call, "to", &to)) {
        return ST_FOREIGN;
    }
    if (from > to) {
        fault_say(&call->fault, "\"from\" is after \"to\".");
        return ST_FOREIGN;
    }
    enum st st = settlement_look(call->db, from, to, &settlement);
    return st == ST_OK ? put_members(call, settlement) : st;
}

static enum st answer_settlements(struct call *call)
{
    json_t *array = NULL;
    size_t limit = 0;
    int64_t after = 0;
    if (!call_page_after(call, &limit, &after)) {
        return ST_FOREIGN;
    }
    enum st st = settlements_array(call->db, after, limit + 1, &array);
    return st == ST_OK ? call_array(call, array, limit, "settlement") : st;
}

static enum st put_settlement(struct call *call, int64_t number)
{
    json_t *settlement = NULL;
    enum st st = settlement_object(call->db, number, &settlement);
    if (st == ST_OK && settlement == NULL) {
        return call_missing(call, "There is no settlement %" PRId64 ".", number);
    }
    return st == ST_OK ? put_members(call, settlement) : st;
}

static enum st answer_settlement(struct call *call)
{
    int64_t number = 0;
    return call_path_number(call, 0, "settlement", &number) ? put_settlement(call, number)
                                                            : ST_REFUSED;
}

static enum st answer_close(struct call *call)
{
    struct settlement_close close = {.by = body_text(call, "by"),
                                     .anyway = json_is_true(json_object_get(call->body, "anyway"))};
    int64_t number = 0;
    if (!call_path_number(call, 0, "settlement", &close.number)) {
        return ST_REFUSED;
    }
    if (close.number > SETTLEMENTS_MAX) {
        return call_missing(call, "There is no settlement %" PRId64 ".", close.number);
    }
    enum st st = business_day_read(body_text(call, "to"), &close.to_day, &call->fault);
    if (st == ST_OK) {
        st = settlement_close(call->db, call->dir, &close, call->now_s, &number, &call->fault);
    }
    return st == ST_OK ? put_settlement(call, number) : st;
}

static const struct field close_fields[] = {
    {"to", FIELD_DAY, true, 0, 0},
    {"by", FIELD_TEXT, true, 1, SETTLEMENT_BY_MAX},
    {"anyway", FIELD_BOOL, false, 0, 0},
    {0},
};

const struct route routes_settlement[] = {
    {"GET", "/settlement", APIKEY_READER, "from to", NULL, answer_look, 0},
    {"GET", "/settlements", APIKEY_READER, "limit cursor", NULL, answer_settlements, 0},
    {"GET", "/settlements/{settlement}", APIKEY_READER, NULL, NULL, answer_settlement, 0},
    {"PUT", "/settlements/{settlement}", APIKEY_MANAGER, NULL, close_fields, answer_close, 0},
    {0},
};
