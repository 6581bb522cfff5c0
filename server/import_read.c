/* Reading the file of an import, and saying of each bad line what would be right. */
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/action.h"
#include "firmware/engine/snapshot.h"
#include "server/import.h"

/* Columns from COLUMNS on are fields of particulars. */
enum {
    FIELD_BYTES_MAX = 128,
    CARD_COLUMN = CARD_BOOKS,
    COLUMNS = CARD_BOOKS + 1,
    PEOPLE_COLUMNS = 16,
    COLUMNS_MAX = COLUMNS + PEOPLE_COLUMNS,
};

static const char *const column_names[COLUMNS] = {"points", "credit", "gift", "voucher", "card"};

/* --- what is being read -------------------------------------------------------------------- */

struct reader {
    FILE *from, *say;
    int64_t rials;
    struct import_file *file;
    gnutls_hash_hd_t hash;
    char text[IMPORT_LINE_BYTES_MAX + 1];
    size_t size;
    uint32_t line;
    int columns[COLUMNS_MAX]; /* CSV: which column each is */
    size_t column_count;
    bool is_bad; /* the line in work */
    bool has_person;
    struct particulars person;
};

static void bad(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void bad(struct reader *reader, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(reader->say, "line %" PRIu32 ": ", reader->line);
    (void)vfprintf(reader->say, format, values);
    fputc('\n', reader->say);
    va_end(values);
    reader->is_bad = true;
}

/* The next line, without its end; *ret_any is false at the end of the file. */
static enum st next_line(struct reader *reader, bool *ret_any, struct fault *fault)
{
    int c = 0;
    reader->size = 0;
    reader->line++;
    while ((c = fgetc(reader->from)) != EOF && c != '\n' && c != '\0' &&
           reader->size < IMPORT_LINE_BYTES_MAX) {
        reader->text[reader->size++] = (char)c;
    }
    reader->text[reader->size] = '\0';
    *ret_any = c != EOF || reader->size != 0;
    if (ferror(reader->from)) {
        fault_say(fault, "The file cannot be read to its end.");
        return ST_IO;
    }
    if (c != EOF && c != '\n') {
        fault_say(fault,
                  "Line %" PRIu32 " is longer than %d bytes, or no text: is this the right file?",
                  reader->line, IMPORT_LINE_BYTES_MAX);
        return ST_FOREIGN;
    }
    (void)gnutls_hash(reader->hash, reader->text, reader->size);
    (void)gnutls_hash(reader->hash, "\n", 1);
    if (reader->size > 0 && reader->text[reader->size - 1] == '\r') {
        reader->text[--reader->size] = '\0';
    }
    json_t *utf8 = json_stringn(reader->text, reader->size); /* NULL: it is not */
    json_decref(utf8);
    if (utf8 == NULL) {
        fault_say(fault, "Line %" PRIu32 " is not UTF-8 text: save the file as CSV in UTF-8.",
                  reader->line);
        return ST_FOREIGN;
    }
    if (reader->line == 1 && strncmp(reader->text, "\xef\xbb\xbf", 3) == 0) { /* a UTF-8 mark */
        memmove(reader->text, reader->text + 3, reader->size - 2);
        reader->size -= 3;
    }
    return ST_OK;
}

/* --- values -------------------------------------------------------------------------------- */

/* The digits of a text with separators, Persian digits or a decimal zero, as a hint; "": no idea.
 */
static void suggest(const char *text, char ret[FIELD_BYTES_MAX])
{
    size_t at = 0;
    ret[0] = '\0';
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c >= '0' && *c <= '9') {
            ret[at++] = (char)*c;
        } else if ((c[0] == 0xdb && c[1] >= 0xb0 && c[1] <= 0xb9) || /* Persian, then Arabic */
                   (c[0] == 0xd9 && c[1] >= 0xa0 && c[1] <= 0xa9)) {
            ret[at++] = (char)('0' + (c[1] & 15));
            c++;
        } else if (strchr(",_ '", *c) == NULL &&
                   !(c[0] == 0xd9 && c[1] == 0xac)) { /* Arabic thousands separator */
            ret[0] = '\0';
            return;
        } else {
            c += c[0] == 0xd9;
        }
        if (at + 2 > FIELD_BYTES_MAX) {
            break;
        }
    }
    ret[at] = '\0';
}

static bool is_digits(const char *text, size_t max)
{
    const size_t size = strlen(text);
    return size > 0 && size <= max && strspn(text, "0123456789") == size;
}

static void read_card(struct reader *reader, const char *text, uint64_t *ret)
{
    char hint[FIELD_BYTES_MAX];
    if (is_digits(text, 16) && strlen(text) == 16 &&
        card_number_is_valid(strtoull(text, NULL, 10))) {
        *ret = strtoull(text, NULL, 10);
        return;
    }
    suggest(text, hint);
    if (strlen(hint) == 16 && strcmp(hint, text) != 0) {
        bad(reader, "card \"%.40s\": write it as %s.", text, hint);
    } else if (strlen(hint) == 16 && hint[0] != '0') {
        bad(reader,
            "card \"%.40s\": its last digit does not check: with the others it would be %016" PRIu64
            ".",
            text, card_number_make(strtoull(hint, NULL, 10) / 10));
    } else {
        bad(reader, "card \"%.40s\": a card number of this club has 16 digits.", text);
    }
}

/* Whether an action can bring that much. */
static bool fits(int book, int64_t amount)
{
    static const enum action_kind kinds[CARD_BOOKS] = {ACTION_POINTS, ACTION_CREDIT, ACTION_GIFT,
                                                       ACTION_VOUCHER};
    const struct action action = {.kind = kinds[book],
                                  .origin = ORIGIN_IMPORT,
                                  .number = 1,
                                  .card_number = card_number_make(CARD_PAYLOAD_MIN),
                                  .amount = amount,
                                  .id = 1};
    return amount == 0 || action_is_valid(&action);
}

static void take_number(struct reader *reader, int book, const char *given, int64_t number,
                        struct import_line *ret)
{
    const int64_t unit = book == BOOK_POINTS ? 1 : reader->rials;
    if (number > INT64_MAX / 10 || !fits(book, number * unit)) {
        bad(reader, "%s \"%.40s\": more than a card can hold. Is the unit right?",
            column_names[book], given);
        return;
    }
    ret->balance[book] = number * unit;
}

static void read_number(struct reader *reader, int book, const char *text, struct import_line *ret)
{
    char hint[FIELD_BYTES_MAX];
    if (text[0] == '\0') {
        return; /* nothing of it */
    }
    if (is_digits(text, 18)) {
        take_number(reader, book, text, strtoll(text, NULL, 10), ret);
        return;
    }
    suggest(text, hint);
    if (is_digits(text, FIELD_BYTES_MAX)) {
        bad(reader, "%s \"%.40s\": more than a card can hold.", column_names[book], text);
    } else if (text[0] == '-') {
        bad(reader, "%s \"%.40s\": a balance is 0 or more; settle debts in the old system.",
            column_names[book], text);
    } else if (hint[0] != '\0') {
        bad(reader, "%s \"%.40s\": digits only: %s.", column_names[book], text, hint);
    } else {
        bad(reader, "%s \"%.40s\": a whole number, digits only.", column_names[book], text);
    }
}

/* --- people -------------------------------------------------------------------------------- */

/* The field of a column from COLUMNS on. The fault never quotes what was written. */
static void read_person(struct reader *reader, int column, const char *text)
{
    struct fault fault = {""};
    if (text[0] == '\0') {
        return;
    }
    if (!reader->has_person) {
        particulars_init(&reader->person);
        reader->person.route = ROUTE_IMPORT;
        reader->has_person = true;
    }
    if (particulars_set(&reader->person, particulars_field((size_t)(column - COLUMNS)), text,
                        &fault) != ST_OK) {
        bad(reader, "%s", fault.say);
    }
}

static enum st keep_person(struct reader *reader, struct import_line *line)
{
    struct import_file *file = reader->file;
    line->person = -1;
    if (!reader->has_person || reader->is_bad) {
        return ST_OK;
    }
    if (particulars_lack_consent(&reader->person)) {
        bad(reader, "consent must say membership or all: nobody's particulars are kept without.");
        return ST_OK;
    }
    if (file->people_count == file->people_held) {
        const size_t held = file->people_held == 0 ? 256 : 2 * file->people_held;
        struct particulars *people = realloc(file->people, held * sizeof *people);
        if (people == NULL) {
            return ST_FULL;
        }
        file->people = people;
        file->people_held = held;
    }
    line->person = (int64_t)file->people_count;
    file->people[file->people_count++] = reader->person;
    return ST_OK;
}

/* --- CSV ----------------------------------------------------------------------------------- */

/* Takes the next field of the line, quotes undone; false: there is none. A field that is too long
 * is cut: it is no number then. */
static bool next_field(const char **at, char ret[FIELD_BYTES_MAX])
{
    size_t size = 0;
    if (*at == NULL) {
        return false;
    }
    const bool is_quoted = **at == '"';
    const char *c = *at + is_quoted;
    for (;; c++) {
        if (is_quoted && c[0] == '"' && c[1] == '"') {
            c++;
        } else if (*c == '\0' || (is_quoted ? *c == '"' : *c == ',')) {
            break;
        }
        if (size + 1 < FIELD_BYTES_MAX) {
            ret[size++] = *c;
        }
    }
    while (size > 0 && ret[size - 1] == ' ') {
        size--;
    }
    ret[size] = '\0';
    c += is_quoted && *c == '"';
    *at = *c == ',' ? c + 1 : NULL;
    return true;
}

static int column_of(const char *name)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (strcmp(column_names[i], name) == 0) {
            return i;
        }
    }
    for (int i = 0; particulars_field((size_t)i) != NULL; i++) {
        assert(i < PEOPLE_COLUMNS);
        if (strcmp(particulars_field((size_t)i), name) == 0) {
            return COLUMNS + i;
        }
    }
    return -1;
}

static enum st read_header(struct reader *reader, struct fault *fault)
{
    char field[FIELD_BYTES_MAX];
    const char *at = reader->text;
    unsigned seen = 0;
    while (next_field(&at, field)) {
        const int column = column_of(field);
        if (column < 0 || (seen & 1u << column) != 0) {
            fault_say(fault,
                      "Line 1: \"%.30s\" is no column, or is there twice. The columns are card, "
                      "points, credit, gift, voucher, and what members say of themselves.",
                      field);
            return ST_FOREIGN;
        }
        seen |= 1u << column;
        reader->columns[reader->column_count++] = column;
    }
    if ((seen & 1u << CARD_COLUMN) == 0 || reader->column_count < 2) {
        fault_say(fault, "Line 1 must name the columns: card, and at least one of points, credit, "
                         "gift, voucher, name and the like.");
        return ST_FOREIGN;
    }
    return ST_OK;
}

static void read_csv(struct reader *reader, struct import_line *ret)
{
    char field[FIELD_BYTES_MAX];
    const char *at = reader->text;
    size_t count = 0;
    for (; next_field(&at, field); count++) {
        if (count == reader->column_count) {
            break;
        }
        if (reader->columns[count] == CARD_COLUMN) {
            read_card(reader, field, &ret->card);
        } else if (reader->columns[count] >= COLUMNS) {
            read_person(reader, reader->columns[count], field);
        } else {
            read_number(reader, reader->columns[count], field, ret);
        }
    }
    if (count != reader->column_count || at != NULL) {
        bad(reader,
            "it has %s fields than the header's %zu: is a number written with commas? Quotes do "
            "not help, leave them out.",
            count < reader->column_count ? "fewer" : "more", reader->column_count);
    }
}

/* --- JSON Lines ---------------------------------------------------------------------------- */

static void read_json(struct reader *reader, struct import_line *ret)
{
    json_error_t error;
    const char *name = NULL;
    json_t *value = NULL;
    json_t *object = json_loadb(reader->text, reader->size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        bad(reader, "not a JSON object: %.80s",
            object == NULL ? error.text : "it is something else");
        json_decref(object);
        return;
    }
    json_object_foreach(object, name, value)
    {
        const int column = column_of(name);
        if (column < 0) {
            bad(reader,
                "\"%.40s\" is no member; there are card, points, credit, gift, voucher, and what "
                "members say of themselves.",
                name);
        } else if (json_is_string(value) && column >= COLUMNS) {
            read_person(reader, column, json_string_value(value));
        } else if (column >= COLUMNS) {
            bad(reader, "\"%s\" is a text.", name);
        } else if (json_is_string(value) && column == CARD_COLUMN) {
            read_card(reader, json_string_value(value), &ret->card);
        } else if (json_is_integer(value) && column != CARD_COLUMN &&
                   json_integer_value(value) >= 0) {
            char given[24];
            (void)snprintf(given, sizeof given, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
            take_number(reader, column, given, json_integer_value(value), ret);
        } else {
            bad(reader, "\"%s\" is %s.", name,
                column == CARD_COLUMN ? "a text of 16 digits"
                                      : "a whole number, 0 or more, without quotes");
        }
    }
    if (json_object_get(object, "card") == NULL) {
        bad(reader, "\"card\" is missing.");
    }
    json_decref(object);
}

/* --- the file ------------------------------------------------------------------------------ */

static enum st keep(struct import_file *file, const struct import_line *line, struct fault *fault)
{
    if (file->count == IMPORT_LINES_MAX) {
        fault_say(fault, "More than %d lines: import the file in parts.", IMPORT_LINES_MAX);
        return ST_FOREIGN;
    }
    if (file->count == file->held) {
        const size_t held = file->held == 0 ? 1024 : 2 * file->held;
        struct import_line *lines = realloc(file->lines, held * sizeof *lines);
        if (lines == NULL) {
            fault_say(fault, "No memory for the file.");
            return ST_FULL;
        }
        file->lines = lines;
        file->held = held;
    }
    file->lines[file->count++] = *line;
    return ST_OK;
}

static int by_card(const void *a, const void *b)
{
    const struct import_line *x = a, *y = b;
    if (x->card != y->card) {
        return x->card < y->card ? -1 : 1;
    }
    return x->line < y->line ? -1 : x->line > y->line;
}

static int by_line(const void *a, const void *b)
{
    const struct import_line *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* A card in two lines: the second one is bad. */
static void refuse_twice(struct reader *reader)
{
    struct import_file *file = reader->file;
    size_t kept = 0;
    qsort(file->lines, file->count, sizeof file->lines[0], by_card);
    for (size_t i = 0; i < file->count; i++) {
        if (kept > 0 && file->lines[kept - 1].card == file->lines[i].card) {
            reader->line = file->lines[i].line;
            bad(reader,
                "card %016" PRIu64 " is in line %" PRIu32 " already: put its balances in one line.",
                file->lines[i].card, file->lines[kept - 1].line);
            file->bad++;
        } else {
            file->lines[kept++] = file->lines[i];
        }
    }
    file->count = kept;
    qsort(file->lines, file->count, sizeof file->lines[0], by_line);
}

static enum st read_lines(struct reader *reader, struct fault *fault)
{
    bool any = false, is_json = false;
    enum st st = next_line(reader, &any, fault);
    if (st == ST_OK && !any) {
        fault_say(fault, "The file is empty.");
        return ST_FOREIGN;
    }
    if (st == ST_OK) {
        is_json = reader->text[0] == '{';
        st = is_json ? ST_OK : read_header(reader, fault);
    }
    if (st == ST_OK && !is_json) {
        st = next_line(reader, &any, fault);
    }
    while (st == ST_OK && any) {
        struct import_line line = {.line = reader->line};
        reader->is_bad = reader->has_person = false;
        if (reader->size != 0) {
            if (is_json) {
                read_json(reader, &line);
            } else {
                read_csv(reader, &line);
            }
            st = keep_person(reader, &line);
            reader->file->bad += reader->is_bad;
            if (st != ST_OK) {
                fault_say(fault, "No memory for the file.");
                break;
            }
            st = reader->is_bad ? ST_OK : keep(reader->file, &line, fault);
        }
        st = st == ST_OK ? next_line(reader, &any, fault) : st;
    }
    return st;
}

enum st import_read(FILE *from, int64_t rials, FILE *say, struct import_file *ret,
                    struct fault *fault)
{
    struct reader *reader = calloc(1, sizeof *reader);
    *ret = (struct import_file){0};
    if (reader == NULL || gnutls_hash_init(&reader->hash, GNUTLS_DIG_SHA256) != 0) {
        free(reader);
        fault_say(fault, "No memory for the file.");
        return ST_FULL;
    }
    reader->from = from;
    reader->say = say;
    reader->rials = rials;
    reader->file = ret;
    enum st st = read_lines(reader, fault);
    if (st == ST_OK && ret->count != 0) {
        refuse_twice(reader);
        for (size_t i = 0; i < ret->count; i++) {
            for (int book = 0; book < CARD_BOOKS; book++) {
                ret->total[book] += ret->lines[i].balance[book]; /* 10^6 lines of 36 bits fit */
            }
        }
    }
    gnutls_hash_deinit(reader->hash, ret->sha256);
    free(reader);
    return st;
}

void import_free(struct import_file *file)
{
    free(file->lines);
    if (file->people != NULL) {
        memset(file->people, 0, file->people_held * sizeof *file->people);
    }
    free(file->people);
    *file = (struct import_file){0};
}
