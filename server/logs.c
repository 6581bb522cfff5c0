#include "server/logs.h"

#include <dirent.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/base/bytes.h"
#include "server/ca.h"
#include "server/change.h"
#include "server/rows.h"
#include "server/settled.h"
#include "sync/wire.h"

#define FOLDER "logs"

enum { NAME_BYTES = 40, SUM_BYTES = 32, SUM_TEXT_BYTES = 2 * SUM_BYTES + 1 };

static void name_of(int64_t no, char ret[NAME_BYTES])
{
    (void)snprintf(ret, NAME_BYTES, "%" PRId64 ".gz", no);
}

/* In hexadecimal. */
static void sum_of(const void *bytes, size_t size, char ret[SUM_TEXT_BYTES])
{
    uint8_t sha256[SUM_BYTES];
    const int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, size, sha256);
    assert(rc == 0 && "SHA-256 of memory cannot fail");
    hex_encode(sha256, sizeof sha256, ret);
}

/* --- asking -------------------------------------------------------------------------------- */

static enum st one_number(struct db *db, const char *sql, const char *types, int64_t a, int64_t b,
                          int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, sql, types, &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, a, b);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

enum st logs_asked(struct db *db, uint32_t terminal, int64_t now_s, uint32_t *ret)
{
    int64_t no = 0;
    const enum st st = one_number(db,
                                  "SELECT no FROM log_asked WHERE term_id = $1 AND came_at = 0"
                                  " AND ended_at = 0 AND at > $2 ORDER BY no DESC LIMIT 1",
                                  "ii", (int64_t)terminal, now_s - LOGS_ASKED_S, &no);
    *ret = (uint32_t)no;
    return st;
}

static enum st ask(struct db *db, uint32_t terminal, const char *by, int64_t now_s, int64_t *ret_no,
                   struct fault *fault)
{
    uint32_t asked = 0;
    int64_t live = 0;
    enum st st = one_number(db, "SELECT count(*)" SETTLED_LIVE " AND t.term_id = $1 AND $2 = 0",
                            "ii", (int64_t)terminal, 0, &live);
    if (st == ST_OK && live == 0) {
        fault_say(fault, "There is no terminal %u in use: see vafa-club fleet.", terminal);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = logs_asked(db, terminal, now_s, &asked);
    }
    *ret_no = asked;
    if (st == ST_OK && asked == 0) {
        st = change_next_number(db, "SELECT max(no) FROM log_asked", ret_no);
        if (st == ST_OK) {
            DB_ONCE(st, db,
                    "INSERT INTO log_asked (no, term_id, asked_by, at, came_at, bytes, ended_at)"
                    " VALUES ($1, $2, $3, $4, 0, 0, 0)",
                    "iiti", *ret_no, (int64_t)terminal, by, now_s);
        }
    }
    return st;
}

enum st logs_ask(struct db *db, uint32_t terminal, const char *by, int64_t now_s, int64_t *ret_no,
                 struct fault *fault)
{
    if (!text_is_name(by, LOGS_BY_MAX)) {
        fault_say(fault, "Who asks is named in 1 to %d bytes.", LOGS_BY_MAX);
        return ST_FOREIGN;
    }
    const enum st st = change_begin(db, fault);
    return st != ST_OK ? st : change_end(db, ask(db, terminal, by, now_s, ret_no, fault), fault);
}

/* --- coming and going ---------------------------------------------------------------------- */

static void forget_file(const char *dir, int64_t no)
{
    char name[NAME_BYTES], path[PATH_MAX];
    name_of(no, name);
    (void)snprintf(path, sizeof path, "%s/" FOLDER "/%s", dir, name);
    (void)unlink(path); /* when it is not there, that is what is wanted */
}

static enum st end_one(struct db *db, const char *dir, int64_t no, int64_t now_s)
{
    enum st st;
    forget_file(dir, no);
    DB_ONCE(st, db, "UPDATE log_asked SET ended_at = $2 WHERE no = $1 AND ended_at = 0", "ii", no,
            now_s);
    return st;
}

/* What is over: kept for its time, or more than are kept. */
static enum st end_all(struct db *db, const char *dir, int64_t now_s)
{
    int64_t no = 0;
    enum st st = ST_OK;
    do {
        st = one_number(db,
                        "SELECT no FROM log_asked WHERE ended_at = 0 AND came_at <> 0"
                        " AND (came_at <= $1 OR no <= (SELECT no FROM log_asked WHERE ended_at = 0"
                        " AND came_at <> 0 ORDER BY no DESC LIMIT 1 OFFSET $2)) LIMIT 1",
                        "ii", now_s - LOGS_KEPT_S, LOGS_KEPT_MAX, &no);
        if (st == ST_OK && no != 0) {
            st = end_one(db, dir, no, now_s);
        }
    } while (st == ST_OK && no != 0);
    return st;
}

/* N.gz of a log that is here; the rest of the folder is nobody's. */
static enum st is_known(struct db *db, const char *name, bool *ret)
{
    char again[NAME_BYTES];
    int64_t no = 0, found = 0;
    enum st st = ST_OK;
    if (sscanf(name, "%18" SCNd64, &no) == 1) {
        st = one_number(db,
                        "SELECT no FROM log_asked WHERE no = $1 AND came_at > $2 AND ended_at = 0",
                        "ii", no, 0, &found);
    }
    name_of(no, again);
    *ret = found != 0 && strcmp(name, again) == 0;
    return st;
}

static enum st drop_strangers(struct db *db, const char *dir)
{
    char path[PATH_MAX];
    enum st st = ST_OK;
    (void)snprintf(path, sizeof path, "%s/" FOLDER, dir);
    DIR *folder = opendir(path);
    const struct dirent *entry = NULL;
    while (st == ST_OK && folder != NULL && (entry = readdir(folder)) != NULL) {
        bool is_one = true;
        if (entry->d_name[0] != '.') {
            st = is_known(db, entry->d_name, &is_one);
        }
        if (st == ST_OK && !is_one) {
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return st;
}

enum st logs_tend(struct db *db, const char *dir, int64_t now_s, struct fault *fault)
{
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = end_all(db, dir, now_s);
    return change_end(db, st == ST_OK ? drop_strangers(db, dir) : st, fault);
}

static enum st keep(struct db *db, const char *dir, int64_t no, const void *bytes, size_t size,
                    int64_t now_s, struct fault *fault)
{
    char name[NAME_BYTES], path[PATH_MAX], sum[SUM_TEXT_BYTES];
    (void)snprintf(path, sizeof path, "%s/" FOLDER, dir);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        fault_say(fault, "Cannot make %s: %s.", path, strerror(errno));
        return ST_IO;
    }
    name_of(no, name);
    enum st st = file_store(path, name, bytes, size, 0600, fault);
    if (st == ST_OK) {
        sum_of(bytes, size, sum);
        DB_ONCE(st, db, "UPDATE log_asked SET came_at = $2, bytes = $3, sha256 = $4 WHERE no = $1",
                "iiit", no, now_s, (int64_t)size, sum);
    }
    return st == ST_OK ? end_all(db, dir, now_s) : st;
}

/* Who it is asked of, and how it stands. */
struct asked {
    bool found;
    int64_t terminal, at, came_at, ended_at;
    char sum[SUM_TEXT_BYTES]; /* "": it has not come, or came before these were kept */
};

static enum st asked_get(struct db *db, int64_t no, struct asked *ret)
{
    struct db_stmt *stmt = NULL;
    *ret = (struct asked){.found = false};
    enum st st =
        db_prepare(db, "SELECT term_id, at, came_at, ended_at, sha256 FROM log_asked WHERE no = $1",
                   "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->found, no);
    }
    if (st == ST_OK && ret->found) {
        ret->terminal = db_i64(stmt, 0);
        ret->at = db_i64(stmt, 1);
        ret->came_at = db_i64(stmt, 2);
        ret->ended_at = db_i64(stmt, 3);
        (void)snprintf(ret->sum, sizeof ret->sum, "%s", db_text(stmt, 4));
    }
    db_finish(stmt);
    return st;
}

enum st logs_put(struct db *db, const char *dir, uint32_t terminal, int64_t no, const void *bytes,
                 size_t size, void *scratch, int64_t now_s, struct fault *fault)
{
    struct asked asked;
    size_t unpacked = 0;
    enum st st = wire_gunzip(bytes, size, scratch, WIRE_REQUEST_MAX, &unpacked, fault);
    if (st == ST_FULL) {
        fault_say(fault, "A log has at most %d bytes unpacked.", WIRE_REQUEST_MAX);
        return ST_FOREIGN;
    }
    if (st != ST_OK) {
        return st;
    }
    st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = asked_get(db, no, &asked);
    const bool is_its = asked.found && asked.terminal == terminal;
    if (st == ST_OK && is_its && asked.came_at != 0) {
        return change_end(db, st, fault); /* the answer was lost: it has come already */
    }
    if (st == ST_OK && (!is_its || asked.ended_at != 0 || now_s - asked.at >= LOGS_ASKED_S)) {
        fault_say(fault, "Nobody asks terminal %u for log %" PRId64 ".", terminal, no);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = keep(db, dir, no, bytes, size, now_s, fault);
    }
    return change_end(db, st, fault);
}

/* The file, when it is what came. */
static enum st load(const char *dir, int64_t no, const struct asked *asked, char **ret_bytes,
                    size_t *ret_size, struct fault *fault)
{
    char name[NAME_BYTES], path[PATH_MAX], sum[SUM_TEXT_BYTES] = "";
    name_of(no, name);
    (void)snprintf(path, sizeof path, "%s/" FOLDER, dir);
    if (file_exists(path, name)) {
        const enum st st = file_load(path, name, ret_bytes, ret_size, fault);
        if (st != ST_OK) {
            return st;
        }
        sum_of(*ret_bytes, *ret_size, sum);
        if (asked->sum[0] == '\0' || strcmp(sum, asked->sum) == 0) {
            return ST_OK;
        }
        free(*ret_bytes);
        *ret_bytes = NULL;
    }
    fault_say(fault, "The file of log %" PRId64 " is not here any more: ask for another.", no);
    return ST_REFUSED;
}

enum st logs_get(struct db *db, const char *dir, int64_t no, char **ret_bytes, size_t *ret_size,
                 struct fault *fault)
{
    struct asked asked;
    enum st st = asked_get(db, no, &asked);
    *ret_bytes = NULL;
    if (st == ST_OK && (!asked.found || asked.came_at == 0 || asked.ended_at != 0)) {
        fault_say(fault, "Log %" PRId64 " %s: see logs list.", no,
                  !asked.found          ? "was never asked for"
                  : asked.ended_at != 0 ? "was thrown away"
                                        : "has not come yet");
        return ST_REFUSED;
    }
    return st == ST_OK ? load(dir, no, &asked, ret_bytes, ret_size, fault) : st;
}

enum st logs_drop(struct db *db, const char *dir, int64_t no, int64_t now_s, struct fault *fault)
{
    struct asked asked;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = asked_get(db, no, &asked);
    if (st == ST_OK && !asked.found) {
        fault_say(fault, "Log %" PRId64 " was never asked for: see logs list.", no);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = end_one(db, dir, no, now_s);
    }
    return change_end(db, st, fault);
}

/* --- listing ------------------------------------------------------------------------------- */

static enum st read_rows(struct db *db, int64_t no, int64_t from, int64_t max, int64_t now_s,
                         json_t **ret)
{
    static const char *const columns[] = {"ilog",   "iterminal", "tby",    "iasked_at", "ncame_at",
                                          "nbytes", "nends_at",  "tstate", NULL};
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(
        db,
        "SELECT no, term_id, asked_by, at, came_at, bytes, CASE WHEN ended_at <> 0 THEN 0"
        " WHEN came_at <> 0 THEN came_at + $2 ELSE at + $3 END,"
        " CASE WHEN ended_at <> 0 OR (came_at <> 0 AND came_at + $2 <= $1) OR"
        " (came_at = 0 AND at + $3 <= $1) THEN 'over' WHEN came_at <> 0 THEN 'here'"
        " ELSE 'asked' END FROM log_asked WHERE $4 = 0 OR no = $4"
        " ORDER BY no DESC LIMIT $5 OFFSET $6",
        "iiiiii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, now_s, (int64_t)LOGS_KEPT_S, (int64_t)LOGS_ASKED_S, no, max, from);
        st = rows_read(stmt, columns, INT32_MAX, ret);
    }
    db_finish(stmt);
    return st;
}

enum st logs_array(struct db *db, int64_t from, int64_t max, int64_t now_s, json_t **ret)
{
    return read_rows(db, 0, from, max, now_s, ret);
}

enum st logs_one(struct db *db, int64_t no, int64_t now_s, json_t **ret)
{
    return read_rows(db, no, 0, 1, now_s, ret);
}

enum st logs_write(struct db *db, bool as_json, int64_t now_s, FILE *out)
{
    json_t *rows = NULL, *row = NULL;
    size_t i = 0;
    enum st st = logs_array(db, 0, INT64_MAX, now_s, &rows);
    if (st == ST_OK && as_json) {
        st = print_json(rows, out);
    } else if (st == ST_OK) {
        fputs(json_array_size(rows) == 0 ? "No log was asked for.\n" : "", out);
        json_array_foreach(rows, i, row)
        {
            const json_int_t no = json_integer_value(json_object_get(row, "log"));
            fprintf(out,
                    "log %" JSON_INTEGER_FORMAT " of terminal %" JSON_INTEGER_FORMAT
                    ", asked for by %s: ",
                    no, json_integer_value(json_object_get(row, "terminal")),
                    json_string_value(json_object_get(row, "by")));
            const char *state = json_string_value(json_object_get(row, "state"));
            if (strcmp(state, "here") == 0) {
                fprintf(out,
                        "%" JSON_INTEGER_FORMAT " bytes are here; logs take %" JSON_INTEGER_FORMAT
                        " FILE\n",
                        json_integer_value(json_object_get(row, "bytes")), no);
            } else {
                fprintf(out, "%s\n",
                        strcmp(state, "over") == 0
                            ? "over"
                            : "waits for the terminal, and for the consent of somebody there");
            }
        }
    }
    json_decref(rows);
    return st;
}
