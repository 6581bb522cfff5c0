#include "server/updates.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/change.h"
#include "server/updates_priv.h"

/* clang-format off */
#define IS_LIVE                                                                                    \
    "t.dead_at = 0 AND (EXISTS (SELECT 1 FROM cert c WHERE c.term_id = t.term_id"                  \
    " AND c.revoked_at = 0) OR NOT EXISTS (SELECT 1 FROM cert c WHERE c.term_id = t.term_id))"
#define FELL_BACK(terminal, version)                                                               \
    "EXISTS (SELECT 1 FROM device_past f WHERE f.term_id = " terminal " AND f.what = 2"            \
    " AND f.version = " version ")"
/* clang-format on */

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

enum st rollout_members(struct db *db, const char *board, uint32_t version, uint32_t reach,
                        struct stages_member **ret, size_t *ret_count)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    size_t held = 0;
    *ret = NULL;
    *ret_count = 0;
    enum st st = db_prepare(
        db,
        "SELECT p.term_id, p.place, CASE WHEN d.board = $1 AND " IS_LIVE " THEN 1 ELSE 0 END,"
        " CASE WHEN d.version >= $2 OR (d.good = 1 AND d.self_test = 'ok') THEN 1 ELSE 0 END,"
        " CASE WHEN " FELL_BACK(
            "p.term_id",
            "$2") " THEN 1 ELSE 0 END,"
                  " d.version, p.offered_at, d.told_at, d.good_at FROM rollout_term p"
                  " JOIN term t ON t.term_id = p.term_id JOIN device d ON d.term_id = p.term_id"
                  " WHERE p.board = $1 AND p.version = $2 AND p.place <= $3 ORDER BY p.place",
        "tii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, board, (int64_t)version, (int64_t)reach);
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

static enum st set_state(struct db *db, const char *board, uint32_t version,
                         enum updates_state state, const char *why)
{
    enum st st;
    DB_ONCE(st, db, "UPDATE rollout SET state = $3, why = $4 WHERE board = $1 AND version = $2",
            "tiit", board, (int64_t)version, (int64_t)state, why);
    return st;
}

static enum st set_stage(struct db *db, const char *board, uint32_t version, enum stage stage,
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
            " CASE WHEN d.told_at >= $4 THEN 1 ELSE 0 END AS is_recent FROM device d"
            " JOIN term t ON t.term_id = d.term_id WHERE d.board = $1 AND " IS_LIVE ") y) x",
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
    if (st == ST_OK && order->first != 0 && place != 1) {
        fault_say(fault, "Terminal %u is no %s in use: see vafa-club fleet.", order->first,
                  order->board);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "INSERT INTO rollout (board, version, stage, state, why, from_hour, to_hour,"
                " good_for, terminals, started_at, stage_at)"
                " VALUES ($1, $2, 1, 1, '', $3, $4, $5, $6, $7, $7)",
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

static enum st start(struct db *db, const struct updates_order *order, int64_t now_s,
                     struct fault *fault)
{
    struct bundle bundle;
    struct rollout now;
    bool found = false;
    enum st st = bundles_get(db, order->board, order->version, &bundle, &found);
    if (st == ST_OK && !found) {
        fault_say(fault, "There is no version %u for %s here: update add it first.", order->version,
                  order->board);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = rollout_get(db, order->board, 0, &now);
    }
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
        st = set_state(db, order->board, now.version, UPDATES_REPLACED, why);
    }
    return st == ST_OK ? begin(db, order, now_s, fault) : st;
}

enum st updates_start(struct db *db, const struct updates_order *order, int64_t now_s,
                      struct fault *fault)
{
    assert(order->from_hour <= 23 && order->to_hour <= 23);
    assert(order->good_for_s >= 0 && order->good_for_s <= UPDATES_GOOD_FOR_MAX_S);
    const enum st st = change_begin(db, fault);
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
        st = set_state(db, board, now.version, UPDATES_STOPPED, why);
    }
    return change_end(db, st, fault);
}

enum st updates_resume(struct db *db, const char *board, struct fault *fault)
{
    struct rollout now;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = in_force(db, board, &now, fault);
    if (st == ST_OK && now.state == UPDATES_STOPPED) {
        st = set_state(db, board, now.version, UPDATES_RUNNING, "");
    }
    return change_end(db, st, fault);
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
        st = set_stage(db, board, now.version, to, now_s);
    }
    return change_end(db, st, fault);
}

/* --- what terminals say -------------------------------------------------------------------- */

static enum st was_offered(struct db *db, uint32_t terminal, const char *board, uint32_t version,
                           bool *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "SELECT 1 FROM rollout_term WHERE board = $1 AND version = $2"
                            " AND term_id = $3 AND offered_at <> 0",
                            "tii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret, board, (int64_t)version, (int64_t)terminal);
    }
    db_finish(stmt);
    return st;
}

enum st updates_heard(struct db *db, uint32_t terminal, const char *board, enum fleet_event what,
                      uint32_t version, const char *say)
{
    struct rollout rollout;
    char why[UPDATES_WHY_MAX + 1];
    bool is_its = what == FLEET_FELL_BACK;
    if (what != FLEET_FELL_BACK && what != FLEET_UNFIT) {
        return ST_OK;
    }
    enum st st = rollout_get(db, board, version, &rollout);
    if (st == ST_OK && what == FLEET_UNFIT) {
        st = was_offered(db, terminal, board, version, &is_its);
    }
    const bool is_stopped = rollout.state == UPDATES_RUNNING ||
                            (rollout.state == UPDATES_DONE && what == FLEET_FELL_BACK);
    if (st != ST_OK || rollout.version == 0 || !is_stopped || !is_its) {
        return st;
    }
    if (what == FLEET_FELL_BACK) {
        (void)snprintf(why, sizeof why, "Terminal %u: version %u fell back.", terminal, version);
    } else {
        (void)snprintf(why, sizeof why, "Terminal %u: self-test failed: %.140s", terminal, say);
    }
    return set_state(db, board, version, UPDATES_STOPPED, why);
}

/* The rollout in force of a terminal's board, and where the terminal stands in it. */
struct standing {
    char board[WIRE_BOARD_MAX + 1];
    struct rollout rollout;
    uint32_t place;
    int64_t offered_at;
    bool is_fit; /* it lacks the version and may have it */
};

static enum st stands(struct db *db, uint32_t terminal, struct standing *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = (struct standing){.place = 0};
    enum st st = db_prepare(
        db,
        "SELECT d.board, r.version, r.state, r.stage, r.terminals, r.from_hour, r.to_hour,"
        " r.good_for, coalesce(p.place, 0), coalesce(p.offered_at, 0),"
        " CASE WHEN d.version < r.version AND d.good = 1 AND d.self_test = 'ok'"
        " AND d.failed <> r.version AND NOT " FELL_BACK(
            "d.term_id",
            "r.version") " THEN 1 ELSE 0 END FROM device d JOIN rollout r ON r.board = d.board AND "
                         "r.state <> 4"
                         " LEFT JOIN rollout_term p ON p.board = r.board AND p.version = r.version"
                         " AND p.term_id = d.term_id WHERE d.term_id = $1",
        "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    if (st == ST_OK && row) {
        (void)snprintf(ret->board, sizeof ret->board, "%s", db_text(stmt, 0));
        ret->rollout.version = (uint32_t)db_i64(stmt, 1);
        ret->rollout.state = (enum updates_state)db_i64(stmt, 2);
        ret->rollout.stage = (enum stage)db_i64(stmt, 3);
        ret->rollout.terminals = (uint32_t)db_i64(stmt, 4);
        ret->rollout.from_hour = (uint8_t)db_i64(stmt, 5);
        ret->rollout.to_hour = (uint8_t)db_i64(stmt, 6);
        ret->rollout.good_for_s = db_i64(stmt, 7);
        ret->place = (uint32_t)db_i64(stmt, 8);
        ret->offered_at = db_i64(stmt, 9);
        ret->is_fit = db_i64(stmt, 10) != 0;
    }
    db_finish(stmt);
    return st;
}

static bool is_offered(const struct standing *at)
{
    return (at->rollout.state == UPDATES_RUNNING || at->rollout.state == UPDATES_DONE) &&
           at->is_fit && at->place != 0 &&
           at->place <= stages_reach(at->rollout.stage, at->rollout.terminals);
}

/* It is of the board since the rollout began: the last place. */
static enum st join(struct db *db, uint32_t terminal, struct standing *at)
{
    enum st st;
    DB_ONCE(st, db,
            "INSERT INTO rollout_term (board, version, term_id, place, offered_at)"
            " SELECT $1, $2, $3, coalesce(max(place), 0) + 1, 0 FROM rollout_term"
            " WHERE board = $1 AND version = $2",
            "tii", at->board, (int64_t)at->rollout.version, (int64_t)terminal);
    return st == ST_OK ? stands(db, terminal, at) : st;
}

static enum st is_complete(struct db *db, const struct standing *at, int64_t now_s, bool *ret)
{
    const struct rollout *rollout = &at->rollout;
    struct stages_member *members = NULL;
    size_t count = 0;
    const enum st st =
        rollout_members(db, at->board, rollout->version,
                        stages_reach(rollout->stage, rollout->terminals), &members, &count);
    *ret = st == ST_OK &&
           stages_is_complete(members, count, rollout->version, rollout->good_for_s, now_s);
    free(members);
    return st;
}

/* From stage to stage, as long as they are complete. */
static enum st advance(struct db *db, struct standing *at, int64_t now_s)
{
    struct rollout *rollout = &at->rollout;
    bool goes_on = false;
    enum st st = is_complete(db, at, now_s, &goes_on);
    while (st == ST_OK && goes_on && rollout->stage < STAGE_ALL) {
        rollout->stage++;
        st = set_stage(db, at->board, rollout->version, rollout->stage, now_s);
        if (st == ST_OK) {
            st = is_complete(db, at, now_s, &goes_on);
        }
    }
    return st == ST_OK && goes_on ? set_state(db, at->board, rollout->version, UPDATES_DONE, "")
                                  : st;
}

enum st updates_tend(struct db *db, uint32_t terminal, bool is_news, int64_t now_s)
{
    struct standing at;
    enum st st = stands(db, terminal, &at);
    if (st != ST_OK || at.rollout.version == 0) {
        return st;
    }
    if (at.place == 0) {
        st = join(db, terminal, &at);
    }
    if (st == ST_OK && is_offered(&at) && at.offered_at == 0) {
        DB_ONCE(st, db,
                "UPDATE rollout_term SET offered_at = $4 WHERE board = $1 AND version = $2"
                " AND term_id = $3",
                "tiii", at.board, (int64_t)at.rollout.version, (int64_t)terminal, now_s);
    }
    return st == ST_OK && is_news && at.rollout.state == UPDATES_RUNNING ? advance(db, &at, now_s)
                                                                         : st;
}

enum st updates_offer(struct db *db, uint32_t terminal, struct wire_update *ret)
{
    struct standing at;
    struct bundle bundle;
    bool found = false;
    *ret = (struct wire_update){.is_there = false};
    enum st st = stands(db, terminal, &at);
    if (st != ST_OK || at.rollout.version == 0 || !is_offered(&at)) {
        return st;
    }
    st = bundles_get(db, at.board, at.rollout.version, &bundle, &found);
    if (st == ST_OK && found) {
        *ret = (struct wire_update){.is_there = true,
                                    .version = bundle.version,
                                    .bytes = bundle.bytes,
                                    .from_hour = at.rollout.from_hour,
                                    .to_hour = at.rollout.to_hour};
        memcpy(ret->board, at.board, sizeof ret->board);
        memcpy(ret->sha256, bundle.sha256, sizeof ret->sha256);
    }
    return st;
}
