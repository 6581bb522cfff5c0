#include "server/rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/listing.h"
#include "hal/base/bytes.h"
#include "server/accounts.h"
#include "server/business_day.h"

static json_t *card_json(int64_t card)
{
    char text[24];
    if (card == 0) {
        return json_null();
    }
    (void)snprintf(text, sizeof text, "%016" PRId64, card);
    return json_string(text);
}

static json_t *hex_json(struct db_stmt *stmt, int column)
{
    size_t size = 0;
    const void *bytes = db_bytes(stmt, column, &size);
    char *text = malloc(2 * size + 1);
    if (text == NULL) {
        return NULL;
    }
    text[0] = '\0';
    if (size != 0) {
        hex_encode(bytes, size, text);
    }
    json_t *value = json_string(text);
    free(text);
    return value;
}

static json_t *day_json(int64_t day)
{
    char text[BUSINESS_DAY_TEXT];
    if (day < BUSINESS_DAY_MIN || day > BUSINESS_DAY_MAX) {
        return json_null();
    }
    business_day_text(day, text);
    return json_string(text);
}

static json_t *column_json(struct db_stmt *stmt, int column, char kind)
{
    const int64_t number = kind == 't' || kind == 'h' ? 0 : db_i64(stmt, column);
    switch (kind) {
    case 'i':
        return json_integer(number);
    case 'n':
        return number == 0 ? json_null() : json_integer(number);
    case 'c':
        return card_json(number);
    case 'b':
        return json_string(book_name((int)number));
    case 'a':
        return json_string(number == 0 ? "cards" : account_name((int)number));
    case 'k':
        return json_string(kind_name((int)number));
    case 'l':
        return json_string(listing_word((uint8_t)number));
    case 'y':
        return day_json(number);
    case 'h':
        return hex_json(stmt, column);
    default:
        assert(kind == 't');
        return db_text(stmt, column) == NULL ? json_null() : json_string(db_text(stmt, column));
    }
}

json_t *row_object(struct db_stmt *stmt, const char *const *columns)
{
    json_t *object = json_object();
    for (int i = 0; columns[i] != NULL; i++) {
        if (columns[i][0] != '-' &&
            !put_json(object, columns[i] + 1, column_json(stmt, i, columns[i][0]))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

enum st rows_read(struct db_stmt *stmt, const char *const *columns, size_t max, json_t **ret_rows)
{
    json_t *rows = json_array();
    bool row = true;
    enum st st = rows == NULL ? ST_FULL : ST_OK;
    while (st == ST_OK && json_array_size(rows) < max && (st = db_step(stmt, &row)) == ST_OK &&
           row) {
        st = json_array_append_new(rows, row_object(stmt, columns)) == 0 ? ST_OK : ST_FULL;
    }
    db_reset(stmt);
    if (st != ST_OK) {
        json_decref(rows);
        return st;
    }
    *ret_rows = rows;
    return ST_OK;
}

bool put_json(json_t *object, const char *name, json_t *value)
{
    return object != NULL && json_object_set_new(object, name, value) == 0;
}

bool put_number(json_t *object, const char *name, int64_t value)
{
    return put_json(object, name, json_integer(value));
}

bool put_text(json_t *object, const char *name, const char *value)
{
    return put_json(object, name, json_string(value));
}

bool put_card(json_t *object, const char *name, uint64_t card)
{
    return put_json(object, name, card_json((int64_t)card));
}

/* --- for people ---------------------------------------------------------------------------- */

static void print_value(const json_t *value, FILE *out)
{
    if (json_is_string(value)) {
        fputs(json_string_length(value) == 0 ? "-" : json_string_value(value), out);
    } else if (json_is_integer(value)) {
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else {
        fputs(json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-", out);
    }
}

/* The object's values in one line. */
static void print_line(json_t *object, FILE *out)
{
    const char *name = NULL;
    json_t *value = NULL;
    fputs(" ", out);
    json_object_foreach(object, name, value)
    {
        if (!json_is_array(value) && !json_is_object(value)) {
            fprintf(out, " %s ", name);
            print_value(value, out);
        }
    }
    fputs("\n", out);
}

void print_plain(const json_t *object, FILE *out)
{
    const char *name = NULL;
    json_t *value = NULL, *row = NULL;
    size_t i = 0;
    json_t *mutable_object = (json_t *)(uintptr_t)object; /* the iterator takes no const */
    json_object_foreach(mutable_object, name, value)
    {
        fprintf(out, "%s", name);
        if (json_is_object(value)) {
            print_line(value, out);
        } else if (json_is_array(value)) {
            fputs(json_array_size(value) == 0 ? "\n  none\n" : "\n", out);
            json_array_foreach(value, i, row)
            {
                print_line(row, out);
            }
        } else {
            fputs(" ", out);
            print_value(value, out);
            fputs("\n", out);
        }
    }
}

enum st print_json(const json_t *value, FILE *out)
{
    const bool is_written =
        value != NULL && json_dumpf(value, out, JSON_COMPACT | JSON_PRESERVE_ORDER) == 0;
    fputs("\n", out);
    return is_written ? ST_OK : ST_IO;
}

enum st rows_print(struct db_stmt *stmt, const char *const *columns, bool as_json, FILE *out)
{
    bool row = false, is_first = true;
    enum st st = db_step(stmt, &row);
    fputs(as_json ? "[" : "", out);
    while (st == ST_OK && row) {
        json_t *object = row_object(stmt, columns);
        if (object == NULL) {
            st = ST_FULL;
            break;
        }
        if (as_json) {
            fputs(is_first ? "\n" : ",\n", out);
            (void)json_dumpf(object, out, JSON_COMPACT);
        } else {
            print_line(object, out);
        }
        json_decref(object);
        is_first = false;
        st = db_step(stmt, &row);
    }
    db_reset(stmt);
    if (st == ST_OK) {
        fputs(as_json ? "]\n" : is_first ? "None yet.\n" : "", out);
    }
    return st;
}
