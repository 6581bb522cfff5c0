/* The API's measures: what the club gives points for beside sales, and giving it. */
#include <string.h>

#include "server/actions.h"
#include "server/club_api_priv.h"
#include "server/measures.h"

static enum st answer_measures(struct call *call)
{
    return call_list(call, measures_write);
}

/* `points` 0: it is on the list no more. */
static enum st put_measure(struct call *call, const char *name, int64_t points)
{
    return put_text(call->reply, "name", name) &&
                   put_json(call->reply, "points", points == 0 ? json_null() : json_integer(points))
               ? ST_OK
               : ST_FULL;
}

static enum st answer_set(struct call *call)
{
    const char *name = call->values[0];
    const int64_t points = body_number(call, "points", 0);
    const enum st st = measures_set(call->db, name, points, call->now_s, &call->fault);
    return st == ST_OK ? put_measure(call, name, points) : st;
}

static enum st answer_drop(struct call *call)
{
    const char *name = call->values[0];
    const enum st st = measures_drop(call->db, name, &call->fault);
    return st == ST_OK || st == ST_REFUSED ? put_measure(call, name, 0) : st; /* again is fine */
}

/* The measure's points, with its name as what the member reads; once for each id. */
static enum st answer_give(struct call *call)
{
    const char *name = call->values[0], *giver = body_text(call, "giver");
    struct action_order order = {.action = {.kind = ACTION_POINTS, .origin = ORIGIN_PRIZE},
                                 .ref = call->values[1],
                                 .giver = giver == NULL ? "" : giver};
    struct actions *actions = NULL;
    struct action_made made;
    (void)read_card(body_text(call, "card"), &order.action.card_number); /* the field is checked */
    if (strlen(order.ref) > ACTIONS_REF_MAX) {
        fault_say(&call->fault, "An id has 1 to %d bytes.", ACTIONS_REF_MAX);
        return ST_FOREIGN;
    }
    enum st st = measures_given(call->db, name, order.ref, &order.action.amount, &call->fault);
    if (st == ST_REFUSED) {
        return call_missing(call, "There is no measure \"%.40s\".", name);
    }
    if (st == ST_OK) {
        memcpy(order.action.text, name, strlen(name)); /* no measure has a longer one */
        st = actions_open(call->db, call->signer, &actions);
    }
    if (st == ST_OK) {
        st = actions_make(actions, &order, 1, call->now_s, &made, &call->fault);
    }
    actions_close(actions);
    return st == ST_OK ? call_put_action(call, ORIGIN_PRIZE, order.ref) : st;
}

static const struct field set_fields[] = {
    {"points", FIELD_NUMBER, true, 1, POINTS_MAX},
    {0},
};

static const struct field give_fields[] = {
    {"card", FIELD_CARD, true, 0, 0},
    {"giver", FIELD_TEXT, false, 1, ACTIONS_GIVER_MAX},
    {0},
};

const struct route routes_measures[] = {
    {"GET", "/measures", APIKEY_READER, "limit cursor", NULL, answer_measures, 0},
    {"PUT", "/measures/{measure}", APIKEY_MANAGER, NULL, set_fields, answer_set, 0},
    {"DELETE", "/measures/{measure}", APIKEY_MANAGER, NULL, NULL, answer_drop, 0},
    {"PUT", "/measures/{measure}/given/{id}", APIKEY_MANAGER, NULL, give_fields, answer_give, 0},
    {0},
};
