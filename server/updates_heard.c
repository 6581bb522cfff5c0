/* What terminals say of a rollout, and what they are offered (updates.h). */
#include <stdlib.h>
#include <string.h>

#include "hal/base/utf8.h"
#include "server/change.h"
#include "server/updates_priv.h"

enum { PIECE = 32 };

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

/* What ran there before had failed its self-test, and this version never passed it there: that it
 * fails as well says nothing of it. */
static enum st was_unfit(struct db *db, uint32_t terminal, uint32_t version, bool *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT what FROM device_past WHERE term_id = $1 AND (what = $4"
                            " OR (what = $3 AND version <> $2)) ORDER BY no DESC LIMIT 1",
                            "iiii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal, (int64_t)version, (int64_t)FLEET_UNFIT,
                      (int64_t)FLEET_GOOD);
    }
    *ret = st == ST_OK && row && db_i64(stmt, 0) == FLEET_UNFIT;
    db_finish(stmt);
    return st;
}

enum st updates_heard(struct db *db, uint32_t terminal, const char *board, enum fleet_event what,
                      uint32_t version, const char *say)
{
    struct rollout rollout;
    char why[UPDATES_WHY_MAX + 1];
    bool is_its = what == FLEET_FELL_BACK, was_bad = false;
    if (what != FLEET_FELL_BACK && what != FLEET_UNFIT) {
        return ST_OK;
    }
    enum st st = rollout_get(db, board, version, &rollout);
    if (st == ST_OK && what == FLEET_UNFIT) {
        st = was_offered(db, terminal, board, version, &is_its);
    }
    if (st == ST_OK && rollout.version != 0 && is_its) {
        st = was_unfit(db, terminal, version, &was_bad);
    }
    /* A fallback is told once: who resumes one that was stopped already must find it. */
    const bool is_stopped = rollout.state == UPDATES_RUNNING ||
                            (what == FLEET_FELL_BACK &&
                             (rollout.state == UPDATES_DONE || rollout.state == UPDATES_STOPPED));
    if (st != ST_OK || rollout.version == 0 || !is_stopped || !is_its || was_bad) {
        return st;
    }
    if (what == FLEET_FELL_BACK) {
        (void)snprintf(why, sizeof why, "Terminal %u: version %u fell back.%s%.140s", terminal,
                       version, rollout.why[0] == '\0' ? "" : " Before: ", rollout.why);
        utf8_make_shown(why); /* a letter may have been cut */
    } else {
        (void)snprintf(why, sizeof why, "Terminal %u: self-test failed: %.140s", terminal, say);
    }
    return rollout_set_state(db, board, version, UPDATES_STOPPED, why);
}

/* Who was offered it keeps the offer while its device starts: else what it has fetched would go
 * with every restart. */
#define STARTS_AGAIN "d.good = 1 AND d.self_test = 'running' AND coalesce(p.offered_at, 0) <> 0"

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
        " r.good_for, r.proved_to, coalesce(p.place, 0), coalesce(p.offered_at, 0),"
        " CASE WHEN " ROLLOUT_LACKS(
            "r.version") " AND ((" ROLLOUT_CAN_CHANGE ") OR (" STARTS_AGAIN
                         ")) THEN 1 ELSE 0 END FROM device d JOIN rollout r ON r.board = d.board "
                         "AND r.state <> 4"
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
        ret->rollout.proved_to = (uint32_t)db_i64(stmt, 8);
        ret->place = (uint32_t)db_i64(stmt, 9);
        ret->offered_at = db_i64(stmt, 10);
        ret->is_fit = db_i64(stmt, 11) != 0;
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

/* The first place after one that holds the stage up; 0: nobody does. In pieces, for a stage can
 * have many terminals and mostly one of the next ones does. */
static enum st held_by(struct db *db, const struct standing *at, uint32_t after, int64_t now_s,
                       uint32_t *ret_place, size_t *ret_proved)
{
    const struct rollout *rollout = &at->rollout;
    const uint32_t reach = stages_reach(rollout->stage, rollout->terminals);
    size_t count = PIECE;
    enum st st = ST_OK;
    *ret_place = 0;
    while (st == ST_OK && count == PIECE && *ret_place == 0) {
        struct stages_member *members = NULL;
        st =
            rollout_members(db, at->board, rollout->version, after, reach, PIECE, &members, &count);
        if (st == ST_OK && count > 0) {
            const size_t first = stages_held_by(members, count, rollout->version,
                                                rollout->good_for_s, now_s, ret_proved);
            *ret_place = first < count ? members[first].place : 0;
            after = members[count - 1].place;
        }
        free(members);
    }
    return st;
}

static enum st set_proved_to(struct db *db, struct standing *at, uint32_t place)
{
    enum st st;
    if (at->rollout.proved_to == place) {
        return ST_OK;
    }
    at->rollout.proved_to = place;
    DB_ONCE(st, db, "UPDATE rollout SET proved_to = $3 WHERE board = $1 AND version = $2", "tii",
            at->board, (int64_t)at->rollout.version, (int64_t)place);
    return st;
}

/* Looks where it stopped the last time; and only when nobody there holds it up any more, at all. */
static enum st is_complete(struct db *db, struct standing *at, int64_t now_s, bool *ret)
{
    uint32_t place = 0;
    size_t proved = 0;
    enum st st = ST_OK;
    *ret = false;
    if (at->rollout.proved_to != 0) {
        st = held_by(db, at, at->rollout.proved_to, now_s, &place, &proved);
    }
    if (st == ST_OK && place == 0) {
        proved = 0;
        st = held_by(db, at, 0, now_s, &place, &proved);
    }
    if (st == ST_OK && place != 0) {
        return set_proved_to(db, at, place - 1);
    }
    *ret = st == ST_OK && proved > 0;
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
        st = rollout_set_stage(db, at->board, rollout->version, rollout->stage, now_s);
        if (st == ST_OK) {
            st = is_complete(db, at, now_s, &goes_on);
        }
    }
    return st == ST_OK && goes_on
               ? rollout_set_state(db, at->board, rollout->version, UPDATES_DONE, "")
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
