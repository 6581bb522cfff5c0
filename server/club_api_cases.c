/* The API's cases. */
#include <string.h>

#include "server/case_view.h"
#include "server/club_api_priv.h"

static enum st answer_cases(struct call *call)
{
    const char *cursor = NULL, *all = call_parameter(call, "all");
    json_t *rows = NULL;
    size_t limit = 0;
    if (!call_page(call, &limit, &cursor)) {
        return ST_FOREIGN;
    }
    if (all != NULL && strcmp(all, "true") != 0 && strcmp(all, "false") != 0) {
        fault_say(&call->fault, "\"all\" is true or false.");
        return ST_FOREIGN;
    }
    enum st st = cases_array(call->db, cursor, all != NULL && all[0] == 't', limit + 1, &rows);
    if (st != ST_OK) {
        fault_say(&call->fault, "\"cursor\" is not one: take \"next\" of the page before.");
        return st;
    }
    return call_array(call, rows, limit, "case");
}

static enum st put_case(struct call *call)
{
    json_t *object = NULL;
    enum st st = case_object(call->db, call->values[0], &object);
    if (st == ST_OK && object == NULL) {
        return call_missing(call, "There is no case %.40s.", call->values[0]);
    }
    if (st == ST_OK) {
        st = json_object_update(call->reply, object) == 0 ? ST_OK : ST_FULL;
    }
    json_decref(object);
    return st;
}

static enum st answer_close(struct call *call)
{
    bool found = false;
    enum st st = case_close(call->db, call->values[0], body_text(call, "by"),
                            body_text(call, "why"), call->now_s, &found, &call->fault);
    if (st == ST_REFUSED && !found) {
        call->status = 404;
        call->word = "missing";
    }
    return st == ST_OK ? put_case(call) : st;
}

static const struct field close_fields[] = {
    {"by", FIELD_TEXT, true, 1, CASE_BY_MAX},
    {"why", FIELD_TEXT, true, 1, CASE_REASON_MAX},
    {0},
};

const struct route routes_cases[] = {
    {"GET", "/cases", APIKEY_READER, "limit cursor all", NULL, answer_cases, 0},
    {"GET", "/cases/{case}", APIKEY_READER, NULL, NULL, put_case, 0},
    {"PUT", "/cases/{case}/closed", APIKEY_CLERK, NULL, close_fields, answer_close, 0},
    {0},
};
