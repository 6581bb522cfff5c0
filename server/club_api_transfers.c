/* The API's transfers: credit on its way between two cards. */
#include <inttypes.h>

#include "server/club_api_priv.h"
#include "server/duplicates.h"
#include "server/transfers.h"

static enum st answer_list(struct call *call, const struct places *places)
{
    struct db_stmt *stmt = NULL;
    const char *cursor = NULL;
    size_t limit = 0;
    int64_t after[2] = {0, 0};
    if (!call_page(call, &limit, &cursor) ||
        (cursor[0] != '\0' && !cursor_numbers(call, cursor, 2, after))) {
        return ST_FOREIGN;
    }
    const enum st st = db_prepare(call->db, places->sql, "iii", &stmt);
    if (st != ST_OK) {
        return st;
    }
    db_bind(stmt, after[0], after[1], (int64_t)limit + 1);
    return call_rows(call, stmt, places->columns, limit, 2);
}

static enum st answer_transfers(struct call *call)
{
    return answer_list(call, &transfers_open);
}

static enum st answer_duplicates(struct call *call)
{
    return answer_list(call, &duplicates_open);
}

/* The {terminal} and {number} of the path. False: 404 is said. */
static bool path_transfer(struct call *call, struct transfer_release *ret)
{
    int64_t terminal = 0, number = 0;
    if (!call_path_number(call, 0, "terminal", &terminal) ||
        !call_path_number(call, 1, "transfer", &number)) {
        return false;
    }
    if (terminal > WIRE_TERMINAL_MAX || number > SNAPSHOT_SEQUENCE_MAX) {
        (void)call_missing(call, "There is no such transfer.");
        return false;
    }
    *ret = (struct transfer_release){.terminal = (uint32_t)terminal, .sequence = (uint32_t)number};
    return true;
}

static enum st put_transfer(struct call *call, const struct transfer_release *which)
{
    json_t *object = NULL;
    enum st st = transfers_object(call->db, which->terminal, which->sequence, &object);
    if (st == ST_OK && object == NULL) {
        return call_missing(call, "There is no transfer %u of terminal %u.", which->sequence,
                            which->terminal);
    }
    if (st == ST_OK) {
        st = json_object_update(call->reply, object) == 0 ? ST_OK : ST_FULL;
    }
    json_decref(object);
    return st;
}

static enum st answer_transfer(struct call *call)
{
    struct transfer_release which;
    return path_transfer(call, &which) ? put_transfer(call, &which) : ST_REFUSED;
}

static enum st put_duplicate(struct call *call, const struct transfer_release *which)
{
    struct db_stmt *stmt = NULL;
    json_t *object = NULL;
    bool row = false;
    enum st st = db_prepare(call->db, duplicates_one, "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)which->terminal, (int64_t)which->sequence);
    }
    if (st == ST_OK && row) {
        object = row_object(stmt, duplicates_open.columns);
        st = object != NULL && json_object_update(call->reply, object) == 0 ? ST_OK : ST_FULL;
        json_decref(object);
    }
    db_finish(stmt);
    return st != ST_OK || row
               ? st
               : call_missing(call,
                              "No card that went whole to another one at terminal %u "
                              "by entry %u waits for that.",
                              which->terminal, which->sequence);
}

/* `put` shows what `bring` brings, before (404 when there is none) and after. */
static enum st
answer_release(struct call *call,
               enum st (*put)(struct call *call, const struct transfer_release *which),
               enum st (*bring)(struct actions *actions, const struct transfer_release *release,
                                int64_t now_s, struct fault *fault))
{
    struct transfer_release release;
    struct actions *actions = NULL;
    const char *to = body_text(call, "to");
    if (!path_transfer(call, &release)) {
        return ST_REFUSED;
    }
    if (to != NULL && !read_card(to, &release.to)) {
        return ST_FOREIGN; /* the field is checked */
    }
    release.is_anyway = json_is_true(json_object_get(call->body, "anyway"));
    enum st st = put(call, &release);
    if (st == ST_OK) {
        st = actions_open(call->db, call->signer, &actions);
    }
    if (st == ST_OK) {
        st = bring(actions, &release, call->now_s, &call->fault);
    }
    actions_close(actions);
    return st == ST_OK ? put(call, &release) : st;
}

static enum st answer_transfer_release(struct call *call)
{
    return answer_release(call, put_transfer, transfers_release);
}

static enum st answer_duplicate_release(struct call *call)
{
    return answer_release(call, put_duplicate, duplicates_release);
}

static const struct field duplicate_fields[] = {
    {"to", FIELD_CARD, true, 0, 0},
    {"anyway", FIELD_BOOL, false, 0, 0},
    {0},
};
static const struct field release_fields[] = {
    {"to", FIELD_CARD, false, 0, 0},
    {"anyway", FIELD_BOOL, false, 0, 0},
    {0},
};

const struct route routes_transfers[] = {
    {"GET", "/transfers", APIKEY_READER, "limit cursor", NULL, answer_transfers, 0},
    {"GET", "/transfers/{terminal}/{number}", APIKEY_READER, NULL, NULL, answer_transfer, 0},
    {"PUT", "/transfers/{terminal}/{number}/release", APIKEY_MANAGER, NULL, release_fields,
     answer_transfer_release, 0},
    {"GET", "/duplicates", APIKEY_READER, "limit cursor", NULL, answer_duplicates, 0},
    {"PUT", "/duplicates/{terminal}/{number}/release", APIKEY_MANAGER, NULL, duplicate_fields,
     answer_duplicate_release, 0},
    {0},
};
