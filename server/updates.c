#include "server/updates.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/change.h"
#include "server/updates_priv.h"

/* --- reading ------------------------------------------------------------------------------- */

enum st rollout_get(struct db *db, const char *board, uint32_t version, struct rollout *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = (struct rollout){.version = 0};
    enum st st = db_prepare(db,
                            "SELECT version, stage, state, why, from_hour, to_hour, good_for,"
                            " started_at, stage_at, terminals FROM rollout WHERE board = $1"
                            " AND (version = $2 OR ($2 = 0 AND state <> 4))",
                            "ti", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, board, (int64_t)version);
    }
    if (st == ST_OK && row) {
        ret->version = (uint32_t)db_i64(stmt, 0);
        ret->stage = (enum stage)db_i64(stmt, 1);
        ret->state = (enum updates_state)db_i64(stmt, 2);
        (void)snprintf(ret->why, sizeof ret->why, "%s", db_text(stmt, 3));
        ret->from_hour = (uint8_t)db_i64(stmt, 4);
        ret->to_hour = (uint8_t)db_i64(stmt, 5);
        ret->good_for_s = db_i64(stmt, 6);
        ret->started_at = db_i64(stmt, 7);
        ret->stage_at = db_i64(stmt, 8);
        ret->terminals = (uint32_t)db_i64(stmt, 9);
    }
    db_finish(stmt);
    return st;
}

static enum st add_member(struct db_stmt *stmt, struct stages_member **members, size_t *count,
                          size_t *held)
{
    if (*count == *held) {
        const size_t more = *held == 0 ? 64 : 2 * *held;
        struct stages_member *grown = realloc(*members, more * sizeof **members);
        if (grown == NULL) {
            return ST_FULL;
        }
        *members = grown;
        *held = more;
    }
    (*members)[(*count)++] = (struct stages_member){
        .terminal = (uint32_t)db_i64(stmt, 0),
        .place = (uint32_t)db_i64(stmt, 1),
        .is_live = db_i64(stmt, 2) != 0,
        .is_fit = db_i64(stmt, 3) != 0,
        .has_failed = db_i64(stmt, 4) != 0,
        .version = (uint32_t)db_i64(stmt, 5),
        .offered_at = db_i64(stmt, 6),
        .seen_at = db_i64(stmt, 7),
        .good_at = db_i64(stmt, 8),
    };
    return ST_OK;
}

enum st rollout_members(struct db *db, const char *board, uint32_t version, uint32_t after,
                        uint32_t reach, size_t max, struct stages_member **ret, size_t *ret_count)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    size_t held = 0;
    *ret = NULL;
    *ret_count = 0;
    enum st st = db_prepare(
        db,
        "SELECT p.term_id, p.place, CASE WHEN d.board = $1 AND " ROLLOUT_IS_LIVE
        " THEN 1 ELSE 0 END,"
        " CASE WHEN d.version >= $2 OR (" ROLLOUT_CAN_CHANGE ") THEN 1 ELSE 0 END,"
        " CASE WHEN " ROLLOUT_FELL_BACK(
            "p.term_id",
            "$2") " THEN 1 ELSE 0 END,"
                  " d.version, p.offered_at, d.told_at, d.good_at FROM rollout_term p"
                  " JOIN term t ON t.term_id = p.term_id JOIN device d ON d.term_id = p.term_id"
                  " WHERE p.board = $1 AND p.version = $2 AND p.place > $3 AND p.place <= $4"
                  " ORDER BY p.place LIMIT $5",
        "tiiii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, board, (int64_t)version, (int64_t)after, (int64_t)reach,
                      (int64_t)max);
    }
    while (st == ST_OK && row) {
        st = add_member(stmt, ret, ret_count, &held);
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    if (st != ST_OK) {
        free(*ret);
        *ret = NULL;
    }
    return st;
}

/* --- what a person says -------------------------------------------------------------------- */

enum st rollout_set_state(struct db *db, const char *board, uint32_t version,
                          enum updates_state state, const char *why)
{
    enum st st;
    DB_ONCE(st, db, "UPDATE rollout SET state = $3, why = $4 WHERE board = $1 AND version = $2",
            "tiit", board, (int64_t)version, (int64_t)state, why);
    return st;
}

enum st rollout_set_stage(struct db *db, const char *board, uint32_t version, enum stage stage,
                          int64_t now_s)
{
    enum st st;
    DB_ONCE(st, db,
            "UPDATE rollout SET stage = $3, stage_at = $4 WHERE board = $1 AND version = $2",
            "tiii", board, (int64_t)version, (int64_t)stage, now_s);
    return st;
}

/* The order in which terminals come: updates.h. */
static enum st give_places(struct db *db, const struct updates_order *order, int64_t now_s)
{
    enum st st;
    DB_ONCE(st, db,
            "INSERT INTO rollout_term (board, version, term_id, place, offered_at)"
            " SELECT $1, $2, x.term_id, row_number() OVER (ORDER BY x.is_first DESC,"
            " x.is_recent DESC, x.turn, x.term_id), 0 FROM"
            " (SELECT y.term_id, y.is_first, y.is_recent, row_number() OVER"
            " (PARTITION BY y.branch, y.is_first, y.is_recent ORDER BY y.term_id) AS turn FROM"
            " (SELECT t.term_id, t.branch, CASE WHEN t.term_id = $3 THEN 1 ELSE 0 END AS is_first,"
            " CASE WHEN d.told_at >= $4 AND d.self_test = 'ok' AND " ROLLOUT_MAY_HAVE(
                "$2") " THEN 1 ELSE 0 END AS is_recent FROM device d JOIN term t ON t.term_id ="
                      " d.term_id WHERE d.board = $1 AND " ROLLOUT_IS_LIVE ") y) x",
            "tiii", order->board, (int64_t)order->version, (int64_t)order->first,
            now_s - STAGES_RECENT_S);
    return st;
}

static enum st place_of(struct db *db, const struct updates_order *order, uint32_t *ret_place,
                        uint32_t *ret_count)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT count(*), coalesce(max(CASE WHEN term_id = $3 THEN place END),"
                            " 0) FROM rollout_term WHERE board = $1 AND version = $2",
                            "tii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, order->board, (int64_t)order->version, (int64_t)order->first);
    }
    if (st == ST_OK) {
        *ret_count = (uint32_t)db_i64(stmt, 0);
        *ret_place = (uint32_t)db_i64(stmt, 1);
    }
    db_finish(stmt);
    return st;
}

/* Who is named to go first must be able to: a stage of one that nobody is in proves nothing. */
static enum st check_first(struct db *db, const struct updates_order *order, bool is_in_use,
                           struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool may = false;
    enum st st = db_prepare(
        db, "SELECT 1 FROM device d WHERE d.term_id = $1 AND " ROLLOUT_MAY_HAVE("$2"), "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &may, (int64_t)order->first, (int64_t)order->version);
    }
    db_finish(stmt);
    if (st == ST_OK && !is_in_use) {
        fault_say(fault, "Terminal %u is no %s in use: see vafa-club fleet.", order->first,
                  order->board);
        return ST_REFUSED;
    }
    if (st == ST_OK && !may) {
        fault_say(fault,
                  "Terminal %u cannot have version %u first: it runs that or a newer one, it fell "
                  "back there, or what runs is not good: see vafa-club fleet show %u.",
                  order->first, order->version, order->first);
        return ST_REFUSED;
    }
    return st;
}

static enum st begin(struct db *db, const struct updates_order *order, int64_t now_s,
                     struct fault *fault)
{
    uint32_t place = 0, count = 0;
    enum st st;
    DB_ONCE(st, db, "DELETE FROM rollout_term WHERE board = $1 AND version = $2", "ti",
            order->board, (int64_t)order->version);
    if (st == ST_OK) {
        DB_ONCE(st, db, "DELETE FROM rollout WHERE board = $1 AND version = $2", "ti", order->board,
                (int64_t)order->version);
    }
    if (st == ST_OK) {
        st = give_places(db, order, now_s);
    }
    if (st == ST_OK) {
        st = place_of(db, order, &place, &count);
    }
    if (st == ST_OK && count == 0) {
        fault_say(fault, "No terminal in use has told that it is a %s: see vafa-club fleet.",
                  order->board);
        return ST_REFUSED;
    }
    if (st == ST_OK && order->first != 0) {
        st = check_first(db, order, place == 1, fault);
    }
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "INSERT INTO rollout (board, version, stage, state, why, from_hour, to_hour,"
                " good_for, terminals, started_at, stage_at, proved_to)"
                " VALUES ($1, $2, 1, 1, '', $3, $4, $5, $6, $7, $7, 0)",
                "tiiiiii", order->board, (int64_t)order->version, (int64_t)order->from_hour,
                (int64_t)order->to_hour, order->good_for_s, (int64_t)count, now_s);
    }
    return st;
}

/* The same rollout again: its hours and time may be said anew. */
static enum st say_again(struct db *db, const struct updates_order *order, enum updates_state state,
                         struct fault *fault)
{
    uint32_t place = 0, count = 0;
    if (state == UPDATES_STOPPED) {
        fault_say(fault, "Version %u is stopped: update resume lets it go on.", order->version);
        return ST_REFUSED;
    }
    enum st st = place_of(db, order, &place, &count);
    if (st == ST_OK && order->first != 0 && place != 1) {
        fault_say(fault, "Version %u is under way and began with another terminal.",
                  order->version);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "UPDATE rollout SET from_hour = $3, to_hour = $4, good_for = $5"
                " WHERE board = $1 AND version = $2",
                "tiiii", order->board, (int64_t)order->version, (int64_t)order->from_hour,
                (int64_t)order->to_hour, order->good_for_s);
    }
    return st;
}

/* The bundle of a version as it was added. ST_REFUSED: there is none, or its file is not that. */
static enum st check_bundle(struct db *db, const char *dir, const char *board, uint32_t version,
                            struct fault *fault)
{
    struct bundle bundle;
    bool found = false;
    const enum st st = bundles_get(db, board, version, &bundle, &found);
    if (st == ST_OK && !found) {
        fault_say(fault, "There is no version %u for %.*s here: update add it first.", version,
                  WIRE_BOARD_MAX, board);
        return ST_REFUSED;
    }
    return st == ST_OK ? bundles_check(dir, &bundle, fault) : st;
}

static enum st start(struct db *db, const struct updates_order *order, int64_t now_s,
                     struct fault *fault)
{
    struct rollout now;
    enum st st = rollout_get(db, order->board, 0, &now);
    if (st == ST_OK && now.version == order->version) {
        return say_again(db, order, now.state, fault);
    }
    if (st == ST_OK && now.version != 0 && now.state == UPDATES_RUNNING) {
        fault_say(fault, "Version %u is under way on %s: update stop it first.", now.version,
                  order->board);
        return ST_REFUSED;
    }
    if (st == ST_OK && now.version != 0) {
        char why[UPDATES_WHY_MAX];
        (void)snprintf(why, sizeof why, "Version %u took its place.", order->version);
        st = rollout_set_state(db, order->board, now.version, UPDATES_REPLACED, why);
    }
    return st == ST_OK ? begin(db, order, now_s, fault) : st;
}

enum st updates_start(struct db *db, const char *dir, const struct updates_order *order,
                      int64_t now_s, struct fault *fault)
{
    assert(order->from_hour <= 23 && order->to_hour <= 23);
    assert(order->good_for_s >= 0 && order->good_for_s <= UPDATES_GOOD_FOR_MAX_S);
    enum st st = check_bundle(db, dir, order->board, order->version, fault);
    if (st == ST_OK) {
        st = change_begin(db, fault);
    }
    return st != ST_OK ? st : change_end(db, start(db, order, now_s, fault), fault);
}

/* The rollout in force; ST_REFUSED: there is none. */
static enum st in_force(struct db *db, const char *board, struct rollout *ret, struct fault *fault)
{
    const enum st st = rollout_get(db, board, 0, ret);
    if (st == ST_OK && ret->version == 0) {
        fault_say(fault, "No update of board %.*s is under way: see update list.", WIRE_BOARD_MAX,
                  board);
        return ST_REFUSED;
    }
    return st;
}

enum st updates_in_force(struct db *db, const char *board, uint32_t *ret_version)
{
    struct rollout now;
    const enum st st = rollout_get(db, board, 0, &now);
    *ret_version = now.version;
    return st;
}

enum st updates_stop(struct db *db, const char *board, const char *why, struct fault *fault)
{
    struct rollout now;
    if (!text_is_name(why, UPDATES_WHY_MAX)) {
        fault_say(fault, "Say why in 1 to %d bytes.", UPDATES_WHY_MAX);
        return ST_FOREIGN;
    }
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = in_force(db, board, &now, fault);
    if (st == ST_OK) {
        st = rollout_set_state(db, board, now.version, UPDATES_STOPPED, why);
    }
    return change_end(db, st, fault);
}

enum st updates_resume(struct db *db, const char *dir, const char *board, struct fault *fault)
{
    struct rollout now;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = in_force(db, board, &now, fault);
    if (st == ST_OK && now.state == UPDATES_STOPPED) {
        st = check_bundle(db, dir, board, now.version, fault);
        if (st == ST_OK) {
            st = rollout_set_state(db, board, now.version, UPDATES_RUNNING, "");
        }
    }
    return change_end(db, st, fault);
}

enum st updates_restored(struct db *db)
{
    enum st st;
    DB_ONCE(st, db, "UPDATE rollout SET state = 2, why = $1 WHERE state IN (1, 3)", "t",
            "The club was restored from a backup: it may have fallen back since.");
    return st;
}

enum st updates_next(struct db *db, const char *board, enum stage stage, int64_t now_s,
                     struct fault *fault)
{
    struct rollout now;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = in_force(db, board, &now, fault);
    const enum stage to = stage == STAGE_NONE ? now.stage + 1 : stage;
    if (st == ST_OK && now.state == UPDATES_STOPPED) {
        fault_say(fault, "Version %u is stopped: %s", now.version, now.why);
        st = ST_REFUSED;
    } else if (st == ST_OK && (to > STAGE_ALL || to < now.stage)) {
        fault_say(fault, "Version %u is at stage %s already.", now.version, stages_word(now.stage));
        st = ST_REFUSED;
    } else if (st == ST_OK && to > now.stage) {
        st = rollout_set_stage(db, board, now.version, to, now_s);
    }
    return change_end(db, st, fault);
}
