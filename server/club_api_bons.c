/* The API's vouchers of organisations: what was made, the texts to print, who took them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/bons.h"
#include "server/business_day.h"
#include "server/club_api_priv.h"

/* --- series -------------------------------------------------------------------------------- */

static enum st answer_all(struct call *call)
{
    return call_list(call, bons_list);
}

/* The {series} of the path. False: 404 is said. */
static bool path_series(struct call *call, int64_t *ret)
{
    if (!call_path_number(call, 0, "series", ret)) {
        return false;
    }
    if (*ret > BON_NUMBER_MAX) {
        (void)call_missing(call, "There is no series %" PRId64 ".", *ret);
        return false;
    }
    return true;
}

static enum st put_series(struct call *call, int64_t series)
{
    json_t *list = NULL, *row = NULL;
    size_t i = 0;
    bool is_there = false, done = true;
    enum st st = call_captured(call, bons_list, &list);
    json_array_foreach(list, i, row)
    {
        if (json_integer_value(json_object_get(row, "series")) == series) {
            is_there = true;
            done = json_object_update(call->reply, row) == 0;
        }
    }
    json_decref(list);
    if (st == ST_OK && !is_there) {
        return call_missing(call, "There is no series %" PRId64 ".", series);
    }
    return st == ST_OK && !done ? ST_FULL : st;
}

static enum st answer_one(struct call *call)
{
    int64_t series = 0;
    return path_series(call, &series) ? put_series(call, series) : ST_REFUSED;
}

static enum st take_series(struct call *call, struct bon_series *ret)
{
    struct bon *first = &ret->first;
    *ret = (struct bon_series){.first = {.series = 1,
                                         .serial = 1,
                                         .amount = {body_number(call, "amount", 0)},
                                         .merchant = (uint32_t)body_number(call, "merchant", 0)},
                               .count = body_number(call, "count", 0)};
    (void)snprintf(ret->organisation, sizeof ret->organisation, "%s",
                   body_text(call, "organisation"));
    enum st st = business_day_read_card(body_text(call, "from"), &first->first_day, &call->fault);
    if (st == ST_OK) {
        st = business_day_read_card(body_text(call, "to"), &first->last_day, &call->fault);
    }
    if (st == ST_OK && !bon_is_valid(first)) {
        fault_say(&call->fault, "\"from\" and \"to\" are days up to 2079, \"to\" not before "
                                "\"from\".");
        st = ST_FOREIGN;
    }
    return st;
}

static enum st answer_make(struct call *call)
{
    struct bon_series series;
    int64_t number = 0;
    if (!path_series(call, &number)) {
        return ST_REFUSED;
    }
    enum st st = take_series(call, &series);
    if (st == ST_OK) {
        st = bons_series_as(call->db, number, &series, call->now_s, &call->fault);
    }
    return st == ST_OK ? put_series(call, number) : st;
}

/* --- the vouchers --------------------------------------------------------------------------- */

/* Their texts, sealed anew each time, which makes the same. */
static enum st answer_texts(struct call *call)
{
    const char *cursor = NULL;
    struct bon_series series = {0};
    size_t limit = 0;
    int64_t after = 0;
    if (!path_series(call, &series.number)) {
        return ST_REFUSED;
    }
    if (!call_page(call, &limit, &cursor) ||
        (cursor[0] != '\0' && !cursor_numbers(call, cursor, 1, &after))) {
        return ST_FOREIGN;
    }
    enum st st = bons_series(call->db, &series, call->now_s, &call->fault);
    if (st == ST_REFUSED) {
        return call_missing(call, "There is no series %" PRId64 ".", series.number);
    }
    if (st == ST_OK && call->signer == NULL) {
        fault_say(&call->fault, "Vouchers are sealed with the club's key, which is not here.");
        return ST_REFUSED;
    }
    json_t *items = json_array();
    while (st == ST_OK && after < series.count && json_array_size(items) < limit) {
        char text[BON_TEXT_BYTES + 1];
        after++;
        st = bons_text(&series, (uint32_t)after, call->signer, text, &call->fault);
        json_t *item = json_pack("{s:I,s:s}", "serial", (json_int_t)after, "text", text);
        st = st == ST_OK && json_array_append_new(items, item) != 0 ? ST_FULL : st;
    }
    json_t *next = after < series.count ? json_sprintf("%" PRId64, after) : json_null();
    const bool done = put_json(call->reply, "items", items) && put_json(call->reply, "next", next);
    return st == ST_OK && !done ? ST_FULL : st;
}

static enum st answer_used(struct call *call)
{
    static const char *const columns[] = {"iserial",   "iterminal", "ientry", "itime",
                                          "imerchant", "treceipt",  "tstate", NULL};
    const char *cursor = NULL;
    struct db_stmt *stmt = NULL;
    size_t limit = 0;
    int64_t series = 0, after[3] = {0};
    if (!path_series(call, &series)) {
        return ST_REFUSED;
    }
    if (!call_page(call, &limit, &cursor) ||
        (cursor[0] != '\0' && !cursor_numbers(call, cursor, 3, after))) {
        return ST_FOREIGN;
    }
    const enum st st =
        db_prepare(call->db,
                   "SELECT serial, term_id, term_seq, at, merch, receipt, CASE WHEN back_seq <> 0"
                   " THEN 'given_back' WHEN twice <> 0 THEN 'twice' ELSE 'used' END FROM bon_use"
                   " WHERE series = $1 AND (serial, term_id, term_seq) > ($2, $3, $4)"
                   " ORDER BY serial, term_id, term_seq LIMIT $5",
                   "iiiii", &stmt);
    if (st != ST_OK) {
        db_finish(stmt);
        return st;
    }
    db_bind(stmt, series, after[0], after[1], after[2], (int64_t)limit + 1);
    return call_rows(call, stmt, columns, limit, 3);
}

static const struct field series_fields[] = {
    {"organisation", FIELD_TEXT, true, 1, BONS_ORGANISATION_MAX},
    {"amount", FIELD_NUMBER, true, 1, BON_AMOUNT_MAX},
    {"count", FIELD_NUMBER, true, 1, BONS_COUNT_MAX},
    {"from", FIELD_DAY, true, 0, 0},
    {"to", FIELD_DAY, true, 0, 0},
    {"merchant", FIELD_NUMBER, false, 1, BON_NUMBER_MAX},
    {0},
};

const struct route routes_bons[] = {
    {"GET", "/bons", APIKEY_READER, "limit cursor", NULL, answer_all, 0},
    {"GET", "/bons/{series}", APIKEY_READER, NULL, NULL, answer_one, 0},
    {"PUT", "/bons/{series}", APIKEY_MANAGER, NULL, series_fields, answer_make, 0},
    {"GET", "/bons/{series}/vouchers", APIKEY_MANAGER, "limit cursor", NULL, answer_texts, 0},
    {"GET", "/bons/{series}/used", APIKEY_READER, "limit cursor", NULL, answer_used, 0},
    {0},
};
