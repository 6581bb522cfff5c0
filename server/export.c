#include "server/export.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/base/bytes.h"
#include "server/ca.h"
#include "server/change.h"
#include "server/rows.h"
#include "server/schema.h"

enum { PROGRESS_ROWS = 250000, SHA256_BYTES = 32 };

/* What is left out, and what the tables are, for people. A table that is not named here is exported
 * all the same. */
static const char *const secret_tables[] = {"api_key", "code"};
static const char *const secret_columns[] = {"pin", "pin_hash", "pin_salt", "salt", "verifier"};
static const struct {
    const char *table, *say;
} tables[] = {
    {"batch", "batches that terminals sent: entries first_seq to last_seq, taken at"},
    {"branch", "branches of merchants"},
    {"card", "cards: what the books have; b0 points, b1 credit, b2 gift, b3 voucher, sums of txn"},
    {"cert", "certificates of terminals"},
    {"device", "what terminals last said of themselves"},
    {"device_past", "the versions that they ran, and what fell back"},
    {"hotlist", "cards that are refused, and why"},
    {"hotlog", "every change of the hotlist"},
    {"jrn",
     "counter entries: the other half of txn, by terminal, batch, merchant, day, book, account"},
    {"duplicate", "cards that were moved whole to another: both halves"},
    {"link", "which medium (a keyed hash) belongs to which card"},
    {"linklog", "every link and every change of one, in the order in which terminals are told"},
    {"lost", "cards that were reported as lost, and what was given in their place"},
    {"lost_again", "cards that were found, as the terminals that had reported them are told"},
    {"lost_release", "the actions by which that was given"},
    {"lostrep", "reports of lost and found cards"},
    {"merchant", "merchants"},
    {"programme", "programmes that were in force"},
    {"proof", "transactions that were posted by what cards showed"},
    {"rec",
     "the raw journal entries of all terminals (docs/journal.md): all else follows from them"},
    {"replacement", "new cards in place of lost ones, and what they began with"},
    {"seen", "transactions that cards name and the club does not have"},
    {"settlement", "closed periods between merchants and club"},
    {"settlement_line", "their lines"},
    {"successor", "which card came in a card's place"},
    {"tcase", "cases for people"},
    {"term", "terminals"},
    {"transfer", "transfers between cards: what left a card"},
    {"transfer_in", "what came to another one"},
    {"txn", "transactions: d0 points, d1 credit, d2 gift, d3 voucher are what each changed"},
};

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static const char *table_say(const char *table)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (strcmp(tables[i].table, table) == 0) {
            return tables[i].say;
        }
    }
    return "";
}

/* --- one file ------------------------------------------------------------------------------ */

struct file {
    FILE *out;
    gnutls_hash_hd_t hash;
    int64_t rows;
    char *line; /* the row in work */
    size_t size, held;
};

static enum st append(struct file *file, const char *text, size_t size)
{
    if (file->size + size > file->held) {
        const size_t held = 2 * (file->size + size);
        char *line = realloc(file->line, held);
        if (line == NULL) {
            return ST_FULL;
        }
        file->line = line;
        file->held = held;
    }
    memcpy(file->line + file->size, text, size);
    file->size += size;
    return ST_OK;
}

static enum st append_text(struct file *file, const char *text)
{
    return append(file, text, strlen(text));
}

static enum st append_json(struct file *file, json_t *value)
{
    char *text = value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    enum st st = text == NULL ? ST_FULL : append_text(file, text);
    free(text);
    json_decref(value);
    return st;
}

static enum st append_hex(struct file *file, const void *bytes, size_t size)
{
    char text[2 * 64 + 1];
    enum st st = append(file, "\"", 1);
    for (size_t at = 0; at < size && st == ST_OK; at += 64) {
        const size_t part = size - at < 64 ? size - at : 64;
        hex_encode((const uint8_t *)bytes + at, part, text);
        st = append_text(file, text);
    }
    return st == ST_OK ? append(file, "\"", 1) : st;
}

/* Card numbers have 16 digits, more than a double holds: they are text. */
static bool is_card(const char *column)
{
    return strcmp(column, "card_no") == 0;
}

static enum st append_value(struct file *file, struct db_stmt *stmt, int column)
{
    char number[24];
    size_t size = 0;
    switch (db_kind(stmt, column)) {
    case 'i':
        (void)snprintf(number, sizeof number,
                       is_card(db_column_name(stmt, column)) ? "\"%016" PRId64 "\"" : "%" PRId64,
                       db_i64(stmt, column));
        return append_text(file, number);
    case 't':
        return append_json(file, json_string(db_text(stmt, column)));
    case 'b': {
        const void *bytes = db_bytes(stmt, column, &size);
        return append_hex(file, bytes, size);
    }
    default:
        return append_text(file, "null");
    }
}

static enum st write_row(struct file *file, struct db_stmt *stmt)
{
    bool is_first = true;
    file->size = 0;
    enum st st = append(file, "{", 1);
    for (int i = 0; i < db_columns(stmt) && st == ST_OK; i++) {
        const char *name = db_column_name(stmt, i);
        if (is_among(secret_columns, sizeof secret_columns / sizeof secret_columns[0], name)) {
            continue;
        }
        st = append_text(file, is_first ? "\"" : ",\"");
        is_first = false;
        st = st == ST_OK ? append_text(file, name) : st;
        st = st == ST_OK ? append_text(file, "\":") : st;
        st = st == ST_OK ? append_value(file, stmt, i) : st;
    }
    st = st == ST_OK ? append_text(file, "}\n") : st;
    if (st == ST_OK) {
        file->rows++;
        (void)gnutls_hash(file->hash, file->line, file->size);
        st = fwrite(file->line, 1, file->size, file->out) == file->size ? ST_OK : ST_IO;
    }
    return st;
}

/* --- the tables ---------------------------------------------------------------------------- */

struct export
{
    struct db *db;
    const char *to;
    FILE *progress;
    json_t *tables; /* of schema.json */
    struct fault *fault;
};

static json_t *columns_json(struct db_stmt *stmt)
{
    json_t *columns = json_array();
    for (int i = 0; i < db_columns(stmt); i++) {
        const char *name = db_column_name(stmt, i);
        if (!is_among(secret_columns, sizeof secret_columns / sizeof secret_columns[0], name)) {
            (void)json_array_append_new(columns, json_string(name));
        }
    }
    return columns;
}

static enum st note_table(const struct export *export, const char *name, struct db_stmt *stmt,
                          const struct file *file)
{
    uint8_t hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    gnutls_hash_output(file->hash, hash);
    hex_encode(hash, sizeof hash, hex);
    json_t *table =
        json_pack("{s:s+,s:s,s:I,s:s,s:o}", "file", name, ".jsonl", "say", table_say(name), "rows",
                  (json_int_t)file->rows, "sha256", hex, "columns", columns_json(stmt));
    return json_array_append_new(export->tables, table) == 0 ? ST_OK : ST_FULL;
}

static enum st write_rows(const struct export *export, const char *name, struct db_stmt *stmt,
                          struct file *file)
{
    bool row = false;
    enum st st = ST_OK;
    db_bind(stmt);
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        st = write_row(file, stmt);
        if (export->progress != NULL && file->rows % PROGRESS_ROWS == 0) {
            fprintf(export->progress, "%s: %" PRId64 " rows\n", name, file->rows);
        }
    }
    return st;
}

static FILE *open_file(const struct export *export, const char *name)
{
    char path[PATH_MAX];
    const int size = snprintf(path, sizeof path, "%s/%s.jsonl", export->to, name);
    return size >= (int)sizeof path ? NULL : fopen(path, "wxe");
}

static enum st write_table(const struct export *export, const char *name)
{
    char sql[128];
    struct db_stmt *stmt = NULL;
    struct file file = {.out = open_file(export, name)};
    if (file.out == NULL || gnutls_hash_init(&file.hash, GNUTLS_DIG_SHA256) != 0) {
        fault_say(export->fault, "Cannot write %s/%s.jsonl: %s.", export->to, name,
                  strerror(errno));
        if (file.out != NULL) {
            (void)fclose(file.out);
        }
        return ST_IO;
    }
    /* The first column begins every primary key, so that this reads in the table's own order. */
    (void)snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY 1", name);
    enum st st = db_prepare(export->db, sql, "", &stmt);
    if (st == ST_OK) {
        st = write_rows(export, name, stmt, &file);
    }
    if (st == ST_OK) {
        st = note_table(export, name, stmt, &file);
    }
    db_finish(stmt);
    const bool is_durable = fflush(file.out) == 0 && fsync(fileno(file.out)) == 0;
    if (fclose(file.out) != 0 || !is_durable || st == ST_IO) {
        fault_say(export->fault, "Cannot write %s/%s.jsonl: %s.", export->to, name,
                  strerror(errno));
        st = ST_IO;
    }
    gnutls_hash_deinit(file.hash, NULL);
    free(file.line);
    if (st == ST_OK && export->progress != NULL) {
        fprintf(export->progress, "%s: %" PRId64 " rows, done\n", name, file.rows);
    }
    return st;
}

static enum st write_tables(const struct export *export)
{
    char *name = strdup("");
    enum st st = name == NULL ? ST_FULL : ST_OK;
    while (st == ST_OK) {
        char *next = NULL;
        st = db_next_table(export->db, name, &next);
        free(name);
        name = next;
        if (st != ST_OK || name == NULL) {
            break;
        }
        if (!is_among(secret_tables, sizeof secret_tables / sizeof secret_tables[0], name)) {
            st = write_table(export, name);
        }
    }
    free(name);
    return st;
}

static enum st write_schema(const struct export *export, int64_t now_s)
{
    json_t *schema = json_pack("{s:i,s:i,s:I,s:O}", "vafa_export", 1, "schema", SCHEMA_VERSION,
                               "made_at", (json_int_t)now_s, "tables", export->tables);
    char *text = schema == NULL ? NULL : json_dumps(schema, JSON_INDENT(1));
    enum st st = text == NULL ? ST_FULL
                              : file_store(export->to, "schema.json", text, strlen(text), 0600,
                                           export->fault);
    free(text);
    json_decref(schema);
    return st;
}

static enum st note_access(struct db *db, const char *by, int64_t now_s, struct fault *fault)
{
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "INSERT INTO access (no, at, who, what, account)"
                " SELECT coalesce(max(no), 0) + 1, $1, $2, 'export', 0 FROM access",
                "it", now_s, by);
        st = change_end(db, st, fault);
    }
    return st;
}

enum st export_write(struct db *db, const char *to, const char *by, int64_t now_s, FILE *progress,
                     struct fault *fault)
{
    fault->say[0] = '\0';
    if (!text_is_name(by, EXPORT_BY_MAX)) {
        fault_say(fault, "Say who takes the export: 1 to %d bytes.", EXPORT_BY_MAX);
        return ST_FOREIGN;
    }
    struct export export = {db, to, progress, json_array(), fault};
    if (mkdir(to, 0700) != 0) {
        fault_say(fault, "Cannot make the folder %s: %s. Name one that is not there yet.", to,
                  strerror(errno));
        json_decref(export.tables);
        return errno == EEXIST ? ST_REFUSED : ST_IO;
    }
    enum st st = note_access(db, by, now_s, fault);
    if (st == ST_OK) {
        st = db_exec(db, "BEGIN");
    }
    if (st == ST_OK) {
        st = write_tables(&export);
        const enum st ended = db_exec(db, "COMMIT");
        st = st == ST_OK ? ended : st;
    }
    if (st == ST_OK) {
        st = write_schema(&export, now_s);
    }
    json_decref(export.tables);
    return st;
}
