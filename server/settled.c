#include "server/settled.h"

#include "server/actions.h"
#include "server/hotlist.h"
#include "server/updates.h"

/* When the first change after `no` was made; INT64_MAX: there is none. */
static enum st next_at(struct db *db, const char *sql, int64_t no, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, sql, "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, no);
    }
    if (st == ST_OK) {
        *ret = row ? db_i64(stmt, 0) : INT64_MAX;
    }
    db_finish(stmt);
    return st;
}

enum st settled_of(struct db *db, const struct wire_sync *batch, int64_t now_s, int64_t *ret)
{
    int64_t action = 0, listing = 0;
    bool is_known = false, is_list_known = false;
    *ret = 0;
    if (batch->health.unsent > batch->entry_count || !batch->actions.is_there || !batch->has_list) {
        return ST_OK;
    }
    enum st st = actions_is_known(db, &batch->actions, &is_known);
    if (st == ST_OK) {
        st = hotlist_is_known(db, batch->list.version, batch->list.mark, &is_list_known);
    }
    if (st != ST_OK || !is_known || !is_list_known) {
        return st;
    }
    st = next_at(db, "SELECT at FROM actlog WHERE no > $1 ORDER BY no LIMIT 1", batch->actions.no,
                 &action);
    if (st == ST_OK) {
        st = next_at(db, "SELECT at FROM hotlog WHERE version > $1 ORDER BY version LIMIT 1",
                     batch->list.version, &listing);
    }
    if (st == ST_OK) {
        *ret = action < listing ? action : listing;
        *ret = *ret < now_s ? *ret : now_s;
    }
    return st;
}

enum st settled_until(struct db *db, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db, "SELECT count(*), coalesce(min(clear_at), 0)" SETTLED_LIVE, "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK) {
        *ret = row && db_i64(stmt, 0) > 0 ? db_i64(stmt, 1) : INT64_MAX;
    }
    db_finish(stmt);
    return st;
}

enum st settled(struct db *db, int64_t time_s, bool *ret)
{
    int64_t until = 0;
    const enum st st = settled_until(db, &until);
    *ret = st == ST_OK && time_s < until;
    return st;
}

enum st settled_waits(struct db *db, int64_t time_s, uint32_t *ret, size_t max, size_t *ret_count)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    size_t count = 0;
    enum st st = db_prepare(
        db, "SELECT term_id" SETTLED_LIVE " AND clear_at <= $1 ORDER BY term_id LIMIT $2", "ii",
        &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, time_s, (int64_t)max);
    }
    while (st == ST_OK && row) {
        ret[count++] = (uint32_t)db_i64(stmt, 0);
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    *ret_count = count;
    return st;
}

enum st settled_gone_at(struct db *db, uint32_t terminal, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT CASE WHEN dead_at <> 0 THEN dead_at ELSE coalesce((SELECT"
                            " max(c.revoked_at) FROM cert c WHERE c.term_id = t.term_id), 0) END"
                            " FROM term t WHERE term_id = $1 AND term_id NOT IN"
                            " (SELECT term_id" SETTLED_LIVE ")",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

/* --- a club that was restored -------------------------------------------------------------- */

static enum st forgot_at(struct db *db, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT value FROM club WHERE name = 'forgot'", "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

static enum st note_forgot(struct db *db, int64_t time_s)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db, "UPDATE club SET value = $1 WHERE name = 'forgot'", "i", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, time_s);
    }
    db_finish(stmt);
    return st;
}

enum st settled_is_forgetful(struct db *db, bool ends, bool *ret)
{
    int64_t at = 0;
    bool is_over = true;
    enum st st = forgot_at(db, &at);
    if (st == ST_OK && at != 0) {
        st = settled(db, at, &is_over);
        if (st == ST_OK && is_over && ends) {
            st = note_forgot(db, 0);
        }
    }
    *ret = !is_over;
    return st;
}

enum st settled_forgot(struct db *db, int64_t now_s)
{
    bool is_so = false;
    enum st st = settled_is_forgetful(db, false, &is_so);
    if (st != ST_OK || is_so) {
        return st;
    }
    st = note_forgot(db, now_s);
    return st == ST_OK ? updates_restored(db) : st;
}
