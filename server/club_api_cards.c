/* The API's cards and hotlist. */
#include <string.h>

#include "server/business_day.h"
#include "server/card_view.h"
#include "server/club_api_priv.h"
#include "server/hotlist.h"

static enum st answer_cards(struct call *call)
{
    static const char *const columns[] = {"ccard",    "ipoints",       "icredit",  "igift",
                                          "ivoucher", "itransactions", "imissing", NULL};
    return call_query(call,
                      "SELECT card_no, b0, b1, b2, b3, cnt, known - cnt FROM card"
                      " WHERE card_no > $1 ORDER BY card_no LIMIT $2",
                      columns);
}

static enum st answer_card(struct call *call)
{
    uint64_t card = 0;
    json_t *object = NULL;
    if (!call_card(call, &card)) {
        return ST_REFUSED;
    }
    enum st st = card_object(call->db, card, &object);
    if (st == ST_OK && object == NULL) {
        return call_missing(call, "The books have no card %s.", call->values[0]);
    }
    if (st == ST_OK) {
        st = json_object_update(call->reply, object) == 0 ? ST_OK : ST_FULL;
    }
    json_decref(object);
    return st;
}

/* A day that may be left out, as the moment at which it begins. */
static bool read_day(struct call *call, const char *name, int64_t otherwise_s, int64_t later_days,
                     int64_t *ret_s)
{
    const char *text = call_parameter(call, name);
    int64_t day = 0;
    *ret_s = otherwise_s;
    if (text == NULL) {
        return true;
    }
    if (business_day_read(text, &day, &call->fault) != ST_OK) {
        return false;
    }
    *ret_s = (day + later_days) * BUSINESS_DAY_S - BUSINESS_ZONE_S;
    return true;
}

static enum st answer_history(struct call *call)
{
    struct card_history history = {.below = INT64_MAX};
    json_t *card = NULL, *rows = NULL;
    size_t limit = 0;
    if (!call_card(call, &history.card)) {
        return ST_REFUSED;
    }
    if (!call_page_after(call, &limit, &history.below) ||
        !read_day(call, "from", INT64_MIN, 0, &history.from_s) ||
        !read_day(call, "to", INT64_MAX, 1, &history.end_s)) {
        return ST_FOREIGN;
    }
    enum st st = card_object(call->db, history.card, &card);
    if (st == ST_OK && card == NULL) {
        return call_missing(call, "The books have no card %s.", call->values[0]);
    }
    history.limit = limit + 1;
    if (st == ST_OK) {
        st = card_history_array(call->db, &history, &rows);
    }
    json_decref(card);
    if (st != ST_OK) {
        return st;
    }
    return call_array(call, rows, limit, "counter");
}

/* --- the hotlist --------------------------------------------------------------------------- */

static const char *const listing_columns[] = {"ccard", "lreason", "isince", NULL};

static enum st answer_hotlist(struct call *call)
{
    return call_query(call,
                      "SELECT card_no, reason, at FROM hotlist WHERE card_no > $1"
                      " ORDER BY card_no LIMIT $2",
                      listing_columns);
}

static enum st answer_listing(struct call *call)
{
    struct db_stmt *stmt = NULL;
    uint64_t card = 0;
    bool row = false;
    if (!call_card(call, &card)) {
        return ST_REFUSED;
    }
    enum st st = db_prepare(call->db, "SELECT card_no, reason, at FROM hotlist WHERE card_no = $1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card);
    }
    if (st == ST_OK && row) {
        json_t *listing = row_object(stmt, listing_columns);
        st = listing != NULL && json_object_update(call->reply, listing) == 0 ? ST_OK : ST_FULL;
        json_decref(listing);
    } else if (st == ST_OK) {
        st = call_missing(call, "Card %s is not on the list.", call->values[0]);
    }
    db_finish(stmt);
    return st;
}

static enum st change_listing(struct call *call, uint8_t listing)
{
    uint64_t card = 0;
    bool is_changed = false;
    if (!call_card(call, &card)) {
        return ST_REFUSED;
    }
    enum st st = hotlist_set(call->db, card, listing, call->now_s, &is_changed, &call->fault);
    return st == ST_OK && !put_json(call->reply, "changed", json_boolean(is_changed)) ? ST_FULL
                                                                                      : st;
}

static enum st answer_list(struct call *call)
{
    const char *reason = body_text(call, "reason");
    const uint8_t listing = listing_of_word(reason);
    if (listing == LISTING_NONE) {
        fault_say(&call->fault, "\"reason\" is lost, stolen, blocked, clone or replaced.");
        return ST_FOREIGN;
    }
    return change_listing(call, listing);
}

static enum st answer_unlist(struct call *call)
{
    return change_listing(call, LISTING_NONE);
}

static const struct field listing_fields[] = {{"reason", FIELD_TEXT, true, 1, 16}, {0}};

const struct route routes_cards[] = {
    {"GET", "/cards", APIKEY_READER, "limit cursor", NULL, answer_cards, 0},
    {"GET", "/cards/{card}", APIKEY_READER, NULL, NULL, answer_card, 0},
    {"GET", "/cards/{card}/history", APIKEY_READER, "limit cursor from to", NULL, answer_history,
     0},
    {"GET", "/hotlist", APIKEY_READER, "limit cursor", NULL, answer_hotlist, 0},
    {"GET", "/hotlist/{card}", APIKEY_READER, NULL, NULL, answer_listing, 0},
    {"PUT", "/hotlist/{card}", APIKEY_CLERK, NULL, listing_fields, answer_list, 0},
    {"DELETE", "/hotlist/{card}", APIKEY_CLERK, NULL, NULL, answer_unlist, 0},
    {0},
};
