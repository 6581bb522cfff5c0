/* The API's lost cards. */
#include "server/club_api_priv.h"
#include "server/lost.h"

static enum st answer_lost(struct call *call)
{
    json_t *rows = NULL;
    size_t limit = 0;
    int64_t after = 0;
    if (!call_page_after(call, &limit, &after)) {
        return ST_FOREIGN;
    }
    const enum st st = lost_array(call->db, (uint64_t)after, limit + 1, &rows);
    return st == ST_OK ? call_array(call, rows, limit, "card") : st;
}

static enum st answer_one(struct call *call)
{
    uint64_t card = 0;
    json_t *object = NULL;
    if (!call_card(call, &card)) {
        return ST_REFUSED;
    }
    enum st st = lost_object(call->db, card, &object);
    if (st == ST_OK && object == NULL) {
        return call_missing(call, "Nobody reported card %s as lost.", call->values[0]);
    }
    if (st == ST_OK) {
        st = json_object_update(call->reply, object) == 0 ? ST_OK : ST_FULL;
    }
    json_decref(object);
    return st;
}

/* The answer is the card as it stands then. */
static enum st answer_report(struct call *call)
{
    uint64_t card = 0;
    if (!call_card(call, &card)) {
        return ST_REFUSED;
    }
    const enum st st = lost_report(call->db, card, call->now_s, &call->fault);
    return st == ST_OK ? answer_one(call) : st;
}

static enum st answer_found(struct call *call)
{
    uint64_t card = 0;
    if (!call_card(call, &card)) {
        return ST_REFUSED;
    }
    const enum st st = lost_found(call->db, card, call->now_s, &call->fault);
    return st == ST_OK ? answer_one(call) : st;
}

/* The answer is the card as it stands then, as all that follow. */
static enum st answer_confirm(struct call *call)
{
    uint64_t card = 0;
    if (!call_card(call, &card)) {
        return ST_REFUSED;
    }
    const enum st st = lost_confirm(call->db, card, call->now_s, &call->fault);
    return st == ST_OK ? answer_one(call) : st;
}

static enum st answer_deny(struct call *call)
{
    struct actions *actions = NULL;
    uint64_t card = 0;
    int64_t gone = 0;
    if (!call_card(call, &card)) {
        return ST_REFUSED;
    }
    enum st st = actions_open(call->db, NULL, &actions);
    if (st == ST_OK) {
        st = lost_deny(call->db, actions, card, call->now_s, &gone, &call->fault);
    }
    actions_close(actions);
    return st == ST_OK ? answer_one(call) : st;
}

const struct route routes_lost[] = {
    {"GET", "/lost", APIKEY_READER, "limit cursor", NULL, answer_lost, 0},
    {"GET", "/lost/{card}", APIKEY_READER, NULL, NULL, answer_one, 0},
    {"PUT", "/lost/{card}", APIKEY_CLERK, NULL, NULL, answer_report, 0},
    {"DELETE", "/lost/{card}", APIKEY_CLERK, NULL, NULL, answer_found, 0},
    {"PUT", "/lost/{card}/confirmed", APIKEY_MANAGER, NULL, NULL, answer_confirm, 0},
    {"DELETE", "/lost/{card}/replacement", APIKEY_MANAGER, NULL, NULL, answer_deny, 0},
    {0},
};
