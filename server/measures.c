#include "server/measures.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/action.h"
#include "hal/base/utf8.h"
#include "server/actions_priv.h"

enum st measures_set(struct db *db, const char *name, int64_t points, int64_t now_s,
                     struct fault *fault)
{
    const size_t size = strlen(name);
    if (size < 1 || size > ACTION_TEXT_BYTES || !utf8_is_shown(name, size)) {
        fault_say(fault, "A measure's name is 1 to %d bytes of text: it is said on a small screen.",
                  ACTION_TEXT_BYTES);
        return ST_FOREIGN;
    }
    if (points < 1 || points > POINTS_MAX) {
        fault_say(fault, "A measure gives a whole number of points from 1 to %" PRId64 ".",
                  POINTS_MAX);
        return ST_FOREIGN;
    }
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "INSERT INTO measure (name, points, at) VALUES ($1, $2, $3)"
                            " ON CONFLICT (name) DO UPDATE SET points = $2, at = $3",
                            "tii", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, name, points, now_s);
    }
    db_finish(stmt);
    return st;
}

enum st measures_get(struct db *db, const char *name, int64_t *ret_points, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT points FROM measure WHERE name = $1", "t", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, name);
    }
    if (st == ST_OK && row) {
        *ret_points = db_i64(stmt, 0);
    } else if (st == ST_OK) {
        fault_say(fault, "There is no measure \"%.40s\": measure list names them.", name);
        st = ST_REFUSED;
    }
    db_finish(stmt);
    return st;
}

enum st measures_given(struct db *db, const char *name, const char *ref, int64_t *ret_points,
                       struct fault *fault)
{
    struct actions *actions = NULL;
    struct action_row row;
    bool found = false;
    enum st st = actions_open(db, NULL, &actions);
    if (st == ST_OK) {
        st = row_by_ref(actions, ORIGIN_PRIZE, ref, &row, &found);
    }
    actions_close(actions);
    if (st == ST_OK && found && row.action.kind == ACTION_POINTS &&
        strcmp(row.action.text, name) == 0) {
        *ret_points = row.action.amount;
        return ST_OK;
    }
    return st == ST_OK ? measures_get(db, name, ret_points, fault) : st;
}

enum st measures_drop(struct db *db, const char *name, struct fault *fault)
{
    int64_t points;
    struct db_stmt *stmt = NULL;
    enum st st = measures_get(db, name, &points, fault);
    if (st == ST_OK) {
        st = db_prepare(db, "DELETE FROM measure WHERE name = $1", "t", &stmt);
    }
    if (st == ST_OK) {
        st = db_run(stmt, name);
    }
    db_finish(stmt);
    return st;
}

static void write_one(const char *name, int64_t points, bool is_first, FILE *out)
{
    json_t *line = json_pack("{s:s, s:I}", "name", name, "points", (json_int_t)points);
    char *text = json_dumps(line, JSON_COMPACT);
    fprintf(out, "%s\n%s", is_first ? "" : ",", text == NULL ? "{}" : text);
    free(text);
    json_decref(line);
}

enum st measures_write(struct db *db, bool as_json, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false, is_first = true;
    enum st st = db_prepare(db, "SELECT name, points FROM measure ORDER BY name", "", &stmt);
    if (st == ST_OK) {
        fputs(as_json ? "[" : "", out);
        st = db_first(stmt, &row);
    }
    while (st == ST_OK && row) {
        if (as_json) {
            write_one(db_text(stmt, 0), db_i64(stmt, 1), is_first, out);
        } else {
            fprintf(out, "%s: %" PRId64 " points\n", db_text(stmt, 0), db_i64(stmt, 1));
        }
        is_first = false;
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    if (st == ST_OK) {
        fputs(as_json ? "]\n" : is_first ? "No measure.\n" : "", out);
    }
    return st;
}
