/* rows.h - rows of the database as JSON objects, for the API and for commands with --json.
 *
 * A column is named by a letter that says how it is written, and the name:
 * i number, n number or null (when it is 0), t text, c card number (as text: it has 16 digits, more
 * than a double holds; null when it is 0), b book, a account, y business day, h bytes in
 * hexadecimal, k kind of transaction, l reason on the hotlist, - not written. */
#ifndef SERVER_ROWS_H
#define SERVER_ROWS_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"

enum { CARD_TEXT_BYTES = 17 }; /* 16 digits and a NUL */

/* The statement's row; NULL: out of memory, or text in the database that is not UTF-8. The caller
 * owns it. */
json_t *row_object(struct db_stmt *stmt, const char *const *columns);

/* All rows of a bound statement into *ret_rows, a new array; at most `max`. */
ST_CHECK enum st rows_read(struct db_stmt *stmt, const char *const *columns, size_t max,
                           json_t **ret_rows);

/* Appends `value`, which it takes, to an object. False: out of memory (or value is NULL). */
bool put_json(json_t *object, const char *name, json_t *value);
bool put_number(json_t *object, const char *name, int64_t value);
bool put_text(json_t *object, const char *name, const char *value);
bool put_card(json_t *object, const char *name, uint64_t card);

/* Writes an object, one line for each name: for people. Arrays of objects follow as tables. */
void print_plain(const json_t *object, FILE *out);

/* Writes a value as JSON in one line: for programs. NULL: ST_IO, as when it cannot be written. */
ST_CHECK enum st print_json(const json_t *value, FILE *out);

/* Writes all rows of a bound statement, one at a time, so there may be any number: a JSON array, or
 * for people a line each, "None yet." without any. */
ST_CHECK enum st rows_print(struct db_stmt *stmt, const char *const *columns, bool as_json,
                            FILE *out);

#endif
