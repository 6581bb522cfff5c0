/* The API's fleet: how terminals are, their updates, their logs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/club_api_priv.h"
#include "server/fleet.h"
#include "server/logs.h"
#include "server/updates.h"

/* Takes the object. */
static enum st reply_with(struct call *call, enum st st, json_t *object)
{
    if (st == ST_OK) {
        st = object != NULL && json_object_update(call->reply, object) == 0 ? ST_OK : ST_FULL;
    }
    json_decref(object);
    return st;
}

/* --- the view ------------------------------------------------------------------------------ */

/* A parameter that is true or false; false when it is left out. */
static bool read_flag(struct call *call, const char *name, bool *ret)
{
    const char *text = call_parameter(call, name);
    *ret = text != NULL && strcmp(text, "true") == 0;
    if (text != NULL && !*ret && strcmp(text, "false") != 0) {
        fault_say(&call->fault, "\"%s\" is true or false.", name);
        return false;
    }
    return true;
}

static enum st answer_fleet(struct call *call)
{
    struct fleet_part part = {0};
    json_t *rows = NULL;
    int64_t after = 0;
    uint32_t next = 0;
    if (!read_flag(call, "all", &part.everyone) ||
        !read_flag(call, "troubled", &part.is_troubled) ||
        !call_page_after(call, &part.max, &after)) {
        return ST_FOREIGN;
    }
    part.after = after > WIRE_TERMINAL_MAX ? WIRE_TERMINAL_MAX : (uint32_t)after;
    const enum st st = fleet_part(call->db, &part, call->now_s, &rows, &next);
    if (st != ST_OK) {
        return st;
    }
    json_t *cursor = next == 0 ? json_null() : json_sprintf("%" PRIu32, next);
    const bool done = put_json(call->reply, "items", rows);
    return put_json(call->reply, "next", cursor) && done ? ST_OK : ST_FULL;
}

static enum st answer_one(struct call *call)
{
    json_t *object = NULL;
    int64_t number = 0;
    if (!call_path_number(call, 0, "terminal", &number)) {
        return ST_REFUSED;
    }
    if (number > WIRE_TERMINAL_MAX) {
        return call_missing(call, "There is no terminal %" PRId64 ".", number);
    }
    const enum st st = fleet_object(call->db, (uint32_t)number, call->now_s, &object, &call->fault);
    return st == ST_REFUSED ? call_missing(call, "There is no terminal %" PRId64 ".", number)
                            : reply_with(call, st, object);
}

static enum st answer_settings(struct call *call)
{
    int64_t days = 0;
    const enum st st = fleet_dead_days(call->db, &days);
    return st == ST_OK && !put_number(call->reply, "dead_days", days) ? ST_FULL : st;
}

static enum st answer_set(struct call *call)
{
    const enum st st =
        fleet_set_dead_days(call->db, body_number(call, "dead_days", 0), &call->fault);
    return st == ST_OK ? answer_settings(call) : st;
}

/* --- updates ------------------------------------------------------------------------------- */

static enum st answer_updates(struct call *call)
{
    struct updates_choice choice = {.from = 0};
    json_t *rows = NULL;
    size_t limit = 0;
    if (!call_page_after(call, &limit, &choice.from)) {
        return ST_FOREIGN;
    }
    choice.max = (int64_t)limit + 1;
    const enum st st = updates_array(call->db, call->dir, &choice, call->now_s, &rows);
    return st == ST_OK ? call_counted(call, rows, limit, choice.from) : st;
}

/* The {board} and {version} of the path. False: the answer is 404 already. */
static bool read_update(struct call *call, struct bundle *ret, enum st *ret_st)
{
    int64_t version = 0;
    bool found = false;
    *ret_st = ST_REFUSED;
    if (!call_path_number(call, 1, "version", &version)) {
        return false;
    }
    if (version <= WIRE_IMAGE_MAX && bundles_is_board(call->values[0])) {
        *ret_st = bundles_get(call->db, call->values[0], (uint32_t)version, ret, &found);
    }
    if (!found && (*ret_st == ST_OK || *ret_st == ST_REFUSED)) {
        *ret_st = call_missing(call, "The club has no version %" PRId64 " for %.32s.", version,
                               call->values[0]);
    }
    return found;
}

/* The object of an array that has it. */
static enum st reply_first(struct call *call, enum st st, json_t *rows)
{
    json_t *first = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return reply_with(call, st, first);
}

static enum st answer_bundle(struct call *call, const struct bundle *bundle)
{
    const struct updates_choice choice = {
        .board = bundle->board, .version = bundle->version, .max = 1};
    json_t *rows = NULL;
    const enum st st = updates_array(call->db, call->dir, &choice, call->now_s, &rows);
    return reply_first(call, st, rows);
}

static enum st answer_update(struct call *call)
{
    struct bundle bundle;
    enum st st;
    return read_update(call, &bundle, &st) ? answer_bundle(call, &bundle) : st;
}

static enum st answer_start(struct call *call)
{
    struct bundle bundle;
    enum st st;
    if (!read_update(call, &bundle, &st)) {
        return st;
    }
    const struct updates_order order = {
        .board = bundle.board,
        .version = bundle.version,
        .first = (uint32_t)body_number(call, "first", 0),
        .from_hour = (uint8_t)body_number(call, "from_hour", UPDATES_FROM_DEFAULT),
        .to_hour = (uint8_t)body_number(call, "to_hour", UPDATES_TO_DEFAULT),
        .good_for_s = body_number(call, "good_for", UPDATES_GOOD_FOR_DEFAULT_S)};
    st = updates_start(call->db, call->dir, &order, call->now_s, &call->fault);
    return st == ST_OK ? answer_bundle(call, &bundle) : st;
}

/* What is said of a board's rollout must be said of the version that is in force. */
static bool read_in_force(struct call *call, struct bundle *ret, enum st *ret_st)
{
    uint32_t version = 0;
    if (!read_update(call, ret, ret_st)) {
        return false;
    }
    *ret_st = updates_in_force(call->db, ret->board, &version);
    if (*ret_st == ST_OK && version != ret->version) {
        fault_say(&call->fault, "Version %u is not under way on %s.", ret->version, ret->board);
        *ret_st = ST_REFUSED;
    }
    return *ret_st == ST_OK;
}

static enum st answer_stage(struct call *call)
{
    struct bundle bundle;
    enum st st;
    const enum stage stage = stages_of_word(body_text(call, "stage"));
    if (stage == STAGE_NONE) {
        fault_say(&call->fault, "\"stage\" is one, tenth or all.");
        return ST_FOREIGN;
    }
    if (!read_in_force(call, &bundle, &st)) {
        return st;
    }
    st = updates_next(call->db, bundle.board, stage, call->now_s, &call->fault);
    return st == ST_OK ? answer_bundle(call, &bundle) : st;
}

static enum st answer_state(struct call *call)
{
    struct bundle bundle;
    enum st st;
    const char *state = body_text(call, "state"), *why = body_text(call, "why");
    const bool is_stop = strcmp(state, "stopped") == 0;
    if (!is_stop && strcmp(state, "running") != 0) {
        fault_say(&call->fault, "\"state\" is running or stopped.");
        return ST_FOREIGN;
    }
    if (is_stop != (why != NULL)) {
        fault_say(&call->fault, "\"why\" goes with stopped, and only with it.");
        return ST_FOREIGN;
    }
    if (!read_in_force(call, &bundle, &st)) {
        return st;
    }
    st = is_stop ? updates_stop(call->db, bundle.board, why, &call->fault)
                 : updates_resume(call->db, call->dir, bundle.board, &call->fault);
    return st == ST_OK ? answer_bundle(call, &bundle) : st;
}

/* --- logs ---------------------------------------------------------------------------------- */

static enum st answer_logs(struct call *call)
{
    json_t *rows = NULL;
    size_t limit = 0;
    int64_t from = 0;
    if (!call_page_after(call, &limit, &from)) {
        return ST_FOREIGN;
    }
    const enum st st = logs_array(call->db, from, (int64_t)limit + 1, call->now_s, &rows);
    return st == ST_OK ? call_counted(call, rows, limit, from) : st;
}

static enum st answer_log(struct call *call, int64_t no)
{
    json_t *rows = NULL;
    const enum st st = logs_one(call->db, no, call->now_s, &rows);
    return reply_first(call, st, rows);
}

static enum st answer_ask(struct call *call)
{
    int64_t number = 0, no = 0;
    if (!call_path_number(call, 0, "terminal", &number)) {
        return ST_REFUSED;
    }
    if (number > WIRE_TERMINAL_MAX) {
        return call_missing(call, "There is no terminal %" PRId64 ".", number);
    }
    const enum st st =
        logs_ask(call->db, (uint32_t)number, body_text(call, "by"), call->now_s, &no, &call->fault);
    return st == ST_REFUSED ? call_missing(call, "There is no terminal %" PRId64 " in use.", number)
           : st == ST_OK    ? answer_log(call, no)
                            : st;
}

/* The log as it came, gzip, in base64. */
static enum st answer_text(struct call *call)
{
    char *bytes = NULL;
    size_t size = 0;
    int64_t no = 0;
    if (!call_path_number(call, 0, "log", &no)) {
        return ST_REFUSED;
    }
    enum st st = logs_tend(call->db, call->dir, call->now_s, &call->fault);
    if (st == ST_OK) {
        st = logs_get(call->db, call->dir, no, &bytes, &size, &call->fault);
    }
    if (st == ST_REFUSED) {
        return call_missing(call, "Log %" PRId64 " is not here.", no);
    }
    char *text = st == ST_OK ? malloc(4 * (size / 3 + 1) + 1) : NULL;
    if (st == ST_OK && text != NULL) {
        wire_base64_encode((const uint8_t *)bytes, size, text);
        text[4 * ((size + 2) / 3)] = '\0';
        st = answer_log(call, no);
        st = st == ST_OK && !put_text(call->reply, "gzip", text) ? ST_FULL : st;
    } else if (st == ST_OK) {
        st = ST_FULL;
    }
    free(text);
    free(bytes);
    return st;
}

static enum st answer_drop(struct call *call)
{
    int64_t no = 0;
    if (!call_path_number(call, 0, "log", &no)) {
        return ST_REFUSED;
    }
    const enum st st = logs_drop(call->db, call->dir, no, call->now_s, &call->fault);
    return st == ST_REFUSED ? call_missing(call, "Log %" PRId64 " was never asked for.", no)
           : st == ST_OK    ? answer_log(call, no)
                            : st;
}

static const struct field settings_fields[] = {
    {"dead_days", FIELD_NUMBER, true, 0, FLEET_DEAD_DAYS_MAX}, {0}};
static const struct field start_fields[] = {
    {"first", FIELD_NUMBER, false, 1, WIRE_TERMINAL_MAX},
    {"from_hour", FIELD_NUMBER, false, 0, 23},
    {"to_hour", FIELD_NUMBER, false, 0, 23},
    {"good_for", FIELD_NUMBER, false, 0, UPDATES_GOOD_FOR_MAX_S},
    {0}};
static const struct field stage_fields[] = {{"stage", FIELD_TEXT, true, 1, 8}, {0}};
static const struct field state_fields[] = {
    {"state", FIELD_TEXT, true, 1, 8}, {"why", FIELD_TEXT, false, 1, UPDATES_WHY_MAX}, {0}};
static const struct field ask_fields[] = {{"by", FIELD_TEXT, true, 1, LOGS_BY_MAX}, {0}};

const struct route routes_fleet[] = {
    {"GET", "/fleet", APIKEY_READER, "limit cursor all troubled", NULL, answer_fleet, 0},
    {"GET", "/fleet/{terminal}", APIKEY_READER, NULL, NULL, answer_one, 0},
    {"GET", "/settings/fleet", APIKEY_READER, NULL, NULL, answer_settings, 0},
    {"PUT", "/settings/fleet", APIKEY_MANAGER, NULL, settings_fields, answer_set, 0},
    {"GET", "/updates", APIKEY_READER, "limit cursor", NULL, answer_updates, 0},
    {"GET", "/updates/{board}/{version}", APIKEY_READER, NULL, NULL, answer_update, 0},
    {"PUT", "/updates/{board}/{version}/rollout", APIKEY_MANAGER, NULL, start_fields, answer_start,
     0},
    {"PUT", "/updates/{board}/{version}/stage", APIKEY_MANAGER, NULL, stage_fields, answer_stage,
     0},
    {"PUT", "/updates/{board}/{version}/state", APIKEY_MANAGER, NULL, state_fields, answer_state,
     0},
    {"GET", "/logs", APIKEY_READER, "limit cursor", NULL, answer_logs, 0},
    {"GET", "/logs/{log}", APIKEY_CLERK, NULL, NULL, answer_text, 0},
    {"DELETE", "/logs/{log}", APIKEY_CLERK, NULL, NULL, answer_drop, 0},
    {"PUT", "/terminals/{terminal}/log", APIKEY_CLERK, NULL, ask_fields, answer_ask, 0},
    {0},
};
