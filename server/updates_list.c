/* Bundles and their rollouts for people (updates.h). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "server/fleet_trouble.h"
#include "server/rows.h"
#include "server/updates_priv.h"

enum { WAITS_MAX = 20 };

static const char *const states[] = {"", "running", "stopped", "done", "replaced"};

/* How far it has come, and whom its stage waits for. */
struct counts {
    uint32_t in_stage, offered, runs, proved, failed;
    json_t *waits_for; /* at most WAITS_MAX terminals */
};

static void count_members(const struct stages_member *members, size_t count,
                          const struct rollout *rollout, int64_t now_s, struct counts *ret)
{
    const uint32_t reach = stages_reach(rollout->stage, rollout->terminals);
    *ret = (struct counts){.waits_for = json_array()};
    for (size_t i = 0; i < count; i++) {
        const struct stages_member *member = &members[i];
        const bool is_in = member->place <= reach;
        const bool is_proved =
            stages_is_proved(member, rollout->version, rollout->good_for_s) && member->is_live;
        ret->in_stage += is_in;
        ret->offered += member->offered_at != 0;
        ret->runs += member->version >= rollout->version;
        ret->proved += is_proved;
        ret->failed += member->has_failed;
        if (is_in && !is_proved && stages_waits_for(member, rollout->version, now_s) &&
            json_array_size(ret->waits_for) < WAITS_MAX) {
            (void)json_array_append_new(ret->waits_for, json_integer(member->terminal));
        }
    }
}

static enum st put_rollout(struct db *db, const struct bundle *bundle, int64_t now_s,
                           json_t *object)
{
    struct rollout rollout;
    struct stages_member *members = NULL;
    struct counts counts;
    size_t count = 0;
    enum st st = rollout_get(db, bundle->board, bundle->version, &rollout);
    if (st == ST_OK && rollout.version == 0) {
        return put_json(object, "rollout", json_null()) ? ST_OK : ST_FULL;
    }
    if (st == ST_OK) {
        st = rollout_members(db, bundle->board, bundle->version, 0, UINT32_MAX, INT32_MAX, &members,
                             &count);
    }
    if (st != ST_OK) {
        return st;
    }
    count_members(members, count, &rollout, now_s, &counts);
    json_t *row = json_object();
    const bool done =
        put_text(row, "state", states[rollout.state]) &&
        put_text(row, "stage", stages_word(rollout.stage)) && put_text(row, "why", rollout.why) &&
        put_number(row, "from_hour", rollout.from_hour) &&
        put_number(row, "to_hour", rollout.to_hour) &&
        put_number(row, "good_for", rollout.good_for_s) &&
        put_number(row, "started_at", rollout.started_at) &&
        put_number(row, "stage_at", rollout.stage_at) &&
        put_number(row, "first", count == 0 ? 0 : members[0].terminal) &&
        put_number(row, "terminals", (int64_t)count) &&
        put_number(row, "in_stage", counts.in_stage) &&
        put_number(row, "offered", counts.offered) && put_number(row, "runs", counts.runs) &&
        put_number(row, "proved", counts.proved) && put_number(row, "failed", counts.failed) &&
        put_json(row, "waits_for", counts.waits_for);
    free(members);
    return put_json(object, "rollout", row) && done ? ST_OK : ST_FULL;
}

static enum st put_bundle(struct db *db, const char *dir, const struct bundle *bundle,
                          int64_t now_s, json_t *rows)
{
    char sha256[2 * WIRE_SHA256_BYTES + 1];
    json_t *object = json_object();
    hex_encode(bundle->sha256, sizeof bundle->sha256, sha256);
    enum st st = put_text(object, "board", bundle->board) &&
                         put_number(object, "version", bundle->version) &&
                         put_number(object, "bytes", bundle->bytes) &&
                         put_text(object, "sha256", sha256) &&
                         put_number(object, "added_at", bundle->added_at) &&
                         put_json(object, "file", json_boolean(bundles_is_there(dir, bundle)))
                     ? ST_OK
                     : ST_FULL;
    if (st == ST_OK) {
        st = put_rollout(db, bundle, now_s, object);
    }
    return json_array_append_new(rows, object) == 0 ? st : ST_FULL;
}

static enum st choose(struct db *db, const struct updates_choice *choice, struct db_stmt **ret,
                      bool *ret_row)
{
    enum st st = db_prepare(db,
                            "SELECT board, version FROM bundle WHERE $1 = 0 OR (board = $2 AND"
                            " version = $1) ORDER BY board, version DESC LIMIT $3 OFFSET $4",
                            "itii", ret);
    return st == ST_OK
               ? db_first(*ret, ret_row, choice->board == NULL ? 0 : (int64_t)choice->version,
                          choice->board == NULL ? "" : choice->board, choice->max, choice->from)
               : st;
}

enum st updates_array(struct db *db, const char *dir, const struct updates_choice *choice,
                      int64_t now_s, json_t **ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    json_t *rows = json_array();
    enum st st = choose(db, choice, &stmt, &row);
    while (st == ST_OK && row) {
        struct bundle bundle;
        bool found = false;
        st = bundles_get(db, db_text(stmt, 0), (uint32_t)db_i64(stmt, 1), &bundle, &found);
        if (st == ST_OK) {
            st = put_bundle(db, dir, &bundle, now_s, rows);
        }
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    if (st != ST_OK) {
        json_decref(rows);
        return st;
    }
    *ret = rows;
    return ST_OK;
}

/* --- for people ---------------------------------------------------------------------------- */

static json_int_t number_in(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static const char *text_in(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

static void print_waits(const json_t *rollout, FILE *out)
{
    json_t *waits = json_object_get(rollout, "waits_for"), *terminal = NULL;
    size_t i = 0;
    json_array_foreach(waits, i, terminal)
    {
        fprintf(out, "%s%" JSON_INTEGER_FORMAT, i == 0 ? "\n    waits for terminal " : ", ",
                json_integer_value(terminal));
    }
    fputs(i == 0 ? "\n    nobody in this stage is heard of: update next goes on without it"
          : i == WAITS_MAX ? " and others"
                           : "",
          out);
}

static void print_one(const json_t *row, FILE *out)
{
    const json_t *rollout = json_object_get(row, "rollout");
    char size[FLEET_SPAN_BYTES];
    fleet_bytes(number_in(row, "bytes"), size);
    fprintf(out, "%s version %" JSON_INTEGER_FORMAT " (%s)%s: ", text_in(row, "board"),
            number_in(row, "version"), size,
            json_is_true(json_object_get(row, "file")) ? ""
                                                       : ", its file is missing: add it again");
    if (!json_is_object(rollout)) {
        fputs("no terminal is offered it yet\n", out);
        return;
    }
    fprintf(out,
            "%s, stage %s (%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
            " terminals); %" JSON_INTEGER_FORMAT " run it, %" JSON_INTEGER_FORMAT
            " have proved it, on %" JSON_INTEGER_FORMAT " it fell back; from %" JSON_INTEGER_FORMAT
            " to %" JSON_INTEGER_FORMAT " o'clock",
            text_in(rollout, "state"), text_in(rollout, "stage"), number_in(rollout, "in_stage"),
            number_in(rollout, "terminals"), number_in(rollout, "runs"),
            number_in(rollout, "proved"), number_in(rollout, "failed"),
            number_in(rollout, "from_hour"), number_in(rollout, "to_hour"));
    if (text_in(rollout, "why")[0] != '\0') {
        fprintf(out, "\n    %s", text_in(rollout, "why"));
    }
    if (strcmp(text_in(rollout, "state"), "running") == 0) {
        print_waits(rollout, out);
    }
    fputs("\n", out);
}

enum st updates_write(struct db *db, const char *dir, bool as_json, int64_t now_s, FILE *out)
{
    json_t *rows = NULL, *row = NULL;
    size_t i = 0;
    const struct updates_choice all = {.max = INT64_MAX};
    enum st st = updates_array(db, dir, &all, now_s, &rows);
    if (st == ST_OK && as_json) {
        st = print_json(rows, out);
    } else if (st == ST_OK) {
        fputs(json_array_size(rows) == 0 ? "No bundle yet: update add brings one.\n" : "", out);
        json_array_foreach(rows, i, row)
        {
            print_one(row, out);
        }
    }
    json_decref(rows);
    return st;
}
