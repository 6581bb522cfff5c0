/* What the functions of the API ask of a call: fields, parameters, pages. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/snapshot.h"
#include "server/business_day.h"
#include "server/change.h"
#include "server/club_api_priv.h"

/* --- fields of a body ---------------------------------------------------------------------- */

bool read_card(const char *text, uint64_t *ret)
{
    if (strlen(text) != 16 || strspn(text, "0123456789") != 16 ||
        !card_number_is_valid(strtoull(text, NULL, 10))) {
        return false;
    }
    *ret = strtoull(text, NULL, 10);
    return true;
}

static bool check_field(const struct field *field, const json_t *value, struct fault *fault)
{
    const char *text = json_string_value(value);
    int64_t day = 0;
    uint64_t card = 0;
    switch (field->kind) {
    case FIELD_TEXT:
        if (text == NULL || !text_is_name(text, (size_t)field->max) ||
            strlen(text) < (size_t)field->min) {
            fault_say(fault, "\"%s\" is a text of %" PRId64 " to %" PRId64 " bytes.", field->name,
                      field->min, field->max);
            return false;
        }
        return true;
    case FIELD_NUMBER:
        if (!json_is_integer(value) || json_integer_value(value) < field->min ||
            json_integer_value(value) > field->max) {
            fault_say(fault, "\"%s\" is a whole number from %" PRId64 " to %" PRId64 ".",
                      field->name, field->min, field->max);
            return false;
        }
        return true;
    case FIELD_CARD:
        if (text == NULL || !read_card(text, &card)) {
            fault_say(fault, "\"%s\" is a card number: a text of 16 digits, the last one checks.",
                      field->name);
            return false;
        }
        return true;
    case FIELD_DAY:
        if (text == NULL) {
            fault_say(fault, "\"%s\" is a day, such as \"2026-11-22\" or \"1405-09-01\".",
                      field->name);
            return false;
        }
        return business_day_read(text, &day, fault) == ST_OK;
    case FIELD_BOOL:
        if (!json_is_boolean(value)) {
            fault_say(fault, "\"%s\" is true or false.", field->name);
            return false;
        }
        return true;
    case FIELD_LIST:
        if (!json_is_array(value) || (int64_t)json_array_size(value) < field->min ||
            (int64_t)json_array_size(value) > field->max) {
            fault_say(fault, "\"%s\" is a list of %" PRId64 " to %" PRId64 " objects.", field->name,
                      field->min, field->max);
            return false;
        }
        return true;
    }
    return false;
}

bool fields_check(json_t *body, const struct field *fields, struct fault *fault)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(body)) {
        fault_say(fault, "The body is not a JSON object.");
        return false;
    }
    json_object_foreach(body, name, value)
    {
        const struct field *field = fields;
        while (field->name != NULL && strcmp(field->name, name) != 0) {
            field++;
        }
        if (field->name == NULL) {
            fault_say(fault, "\"%.40s\" is no field of this request. Nothing was done.", name);
            return false;
        }
        if (!check_field(field, value, fault)) {
            return false;
        }
    }
    for (const struct field *field = fields; field->name != NULL; field++) {
        if (field->is_needed && json_object_get(body, field->name) == NULL) {
            fault_say(fault, "\"%s\" is missing.", field->name);
            return false;
        }
    }
    return true;
}

const char *body_text(const struct call *call, const char *name)
{
    return json_string_value(json_object_get(call->body, name));
}

int64_t body_number(const struct call *call, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(call->body, name);
    return value == NULL ? otherwise : json_integer_value(value);
}

/* --- parameters and parts of the path ------------------------------------------------------ */

const char *call_parameter(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->request->parameter_count; i++) {
        if (strcmp(call->request->parameters[i].name, name) == 0) {
            return call->request->parameters[i].value;
        }
    }
    return NULL;
}

/* A whole number, decimal digits only, below 2^63. */
static bool read_number(const char *text, int64_t *ret)
{
    const size_t size = strlen(text);
    errno = 0;
    const long long number = strtoll(text, NULL, 10);
    if (size == 0 || strspn(text, "0123456789") != size || errno != 0) {
        return false;
    }
    *ret = number;
    return true;
}

bool call_number(struct call *call, const char *name, int64_t min, int64_t otherwise, int64_t *ret)
{
    const char *text = call_parameter(call, name);
    *ret = otherwise;
    if (text != NULL && (!read_number(text, ret) || *ret < min)) {
        fault_say(&call->fault, "\"%s\" is a whole number from %" PRId64 " on.", name, min);
        return false;
    }
    return true;
}

bool call_page(struct call *call, size_t *ret_limit, const char **ret_cursor)
{
    const char *cursor = call_parameter(call, "cursor");
    int64_t limit = 0;
    if (!call_number(call, "limit", 1, PAGE_DEFAULT, &limit) || limit > PAGE_MAX) {
        fault_say(&call->fault, "\"limit\" is a number from 1 to %d.", PAGE_MAX);
        return false;
    }
    *ret_limit = (size_t)limit;
    *ret_cursor = cursor == NULL ? "" : cursor;
    return true;
}

bool cursor_numbers(struct call *call, const char *cursor, size_t count, int64_t *ret)
{
    char part[CURSOR_MAX + 1];
    size_t at = 0;
    bool is_good = strlen(cursor) <= CURSOR_MAX;
    for (size_t i = 0; i < count && is_good; i++) {
        const size_t size = strcspn(cursor + at, ".");
        memcpy(part, cursor + at, size);
        part[size] = '\0';
        is_good = read_number(part, &ret[i]) && (cursor[at + size] == '\0') == (i + 1 == count);
        at += size + 1;
    }
    if (!is_good) {
        fault_say(&call->fault, "\"cursor\" is not one: take \"next\" of the page before.");
    }
    return is_good;
}

bool call_page_after(struct call *call, size_t *ret_limit, int64_t *ret_after)
{
    const char *cursor = NULL;
    return call_page(call, ret_limit, &cursor) &&
           (cursor[0] == '\0' || cursor_numbers(call, cursor, 1, ret_after));
}

bool call_card(struct call *call, uint64_t *ret)
{
    if (!read_card(call->values[0], ret)) {
        (void)call_missing(call, "\"%.40s\" is not a card number: 16 digits, the last one checks.",
                           call->values[0]);
        return false;
    }
    return true;
}

bool call_path_number(struct call *call, size_t index, const char *what, int64_t *ret)
{
    if (!read_number(call->values[index], ret) || *ret < 1) {
        (void)call_missing(call, "There is no %s %.40s.", what, call->values[index]);
        return false;
    }
    return true;
}

enum st call_missing(struct call *call, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(call->fault.say, sizeof call->fault.say, format, values);
    va_end(values);
    call->status = 404;
    call->word = "missing";
    return ST_REFUSED;
}

/* --- pages --------------------------------------------------------------------------------- */

static void cursor_write(struct db_stmt *stmt, int key_columns, char ret[CURSOR_MAX + 1])
{
    size_t at = 0;
    for (int i = 0; i < key_columns; i++) {
        at += (size_t)snprintf(ret + at, CURSOR_MAX + 1 - at, "%s%" PRId64, i == 0 ? "" : ".",
                               db_i64(stmt, i));
        assert(at <= CURSOR_MAX);
    }
}

enum st call_rows(struct call *call, struct db_stmt *stmt, const char *const *columns, size_t limit,
                  int key_columns)
{
    char cursor[CURSOR_MAX + 1] = "";
    json_t *items = json_array();
    bool row = false, is_more = false;
    enum st st = items == NULL ? ST_FULL : ST_OK;
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        if (json_array_size(items) == limit) {
            is_more = true;
            break;
        }
        cursor_write(stmt, key_columns, cursor);
        st = json_array_append_new(items, row_object(stmt, columns)) == 0 ? ST_OK : ST_FULL;
    }
    db_finish(stmt);
    if (st != ST_OK || !put_json(call->reply, "items", items)) {
        if (st != ST_OK) {
            json_decref(items);
        }
        return st != ST_OK ? st : ST_FULL;
    }
    return put_json(call->reply, "next", is_more ? json_string(cursor) : json_null()) ? ST_OK
                                                                                      : ST_FULL;
}

enum st call_query(struct call *call, const char *sql, const char *const *columns)
{
    struct db_stmt *stmt = NULL;
    size_t limit = 0;
    int64_t after = 0;
    if (!call_page_after(call, &limit, &after)) {
        return ST_FOREIGN;
    }
    const enum st st = db_prepare(call->db, sql, "ii", &stmt);
    if (st != ST_OK) {
        return st;
    }
    db_bind(stmt, after, (int64_t)limit + 1);
    return call_rows(call, stmt, columns, limit, 1);
}

enum st call_array(struct call *call, json_t *array, size_t limit, const char *key)
{
    const bool is_more = json_array_size(array) > limit;
    if (is_more) {
        (void)json_array_remove(array, limit);
    }
    const json_t *last = json_object_get(json_array_get(array, limit - 1), key);
    json_t *next = !is_more ? json_null()
                   : json_is_string(last)
                       ? json_string(json_string_value(last))
                       : json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(last));
    const bool done = put_json(call->reply, "items", array) && put_json(call->reply, "next", next);
    return done ? ST_OK : ST_FULL;
}

/* --- lists of commands --------------------------------------------------------------------- */

static enum st cards_to_text(json_t *array)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(array, i, row)
    {
        const json_t *card = json_object_get(row, "card");
        if (json_is_integer(card) && !put_card(row, "card", (uint64_t)json_integer_value(card))) {
            return ST_FULL;
        }
    }
    return ST_OK;
}

enum st call_captured(struct call *call, enum st (*write)(struct db *, bool, FILE *), json_t **ret)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return ST_FULL;
    }
    enum st st = write(call->db, true, out);
    const bool is_whole = fclose(out) == 0;
    json_t *array = st == ST_OK && is_whole ? json_loadb(text, size, 0, NULL) : NULL;
    free(text);
    if (st == ST_OK) {
        st = array == NULL ? ST_FULL : cards_to_text(array);
    }
    if (st != ST_OK) {
        json_decref(array);
        return st;
    }
    *ret = array;
    return ST_OK;
}

enum st call_counted(struct call *call, json_t *array, size_t limit, int64_t from)
{
    const bool is_more = json_array_size(array) > limit;
    if (is_more) {
        (void)json_array_remove(array, limit);
    }
    json_t *next = is_more ? json_sprintf("%" PRId64, from + (int64_t)limit) : json_null();
    const bool done = put_json(call->reply, "items", array);
    return put_json(call->reply, "next", next) && done ? ST_OK : ST_FULL;
}

enum st call_list(struct call *call, enum st (*write)(struct db *, bool, FILE *))
{
    json_t *all = NULL, *rows = NULL;
    size_t limit = 0;
    int64_t from = 0;
    if (!call_page_after(call, &limit, &from)) {
        return ST_FOREIGN;
    }
    const enum st st = call_captured(call, write, &all);
    if (st != ST_OK) {
        return st;
    }
    rows = json_array();
    for (size_t i = 0; i <= limit && (size_t)from + i < json_array_size(all); i++) {
        (void)json_array_append(rows, json_array_get(all, (size_t)from + i));
    }
    json_decref(all);
    return call_counted(call, rows, limit, from);
}
