#include "server/fleet.h"

#include <string.h>

#include "server/change.h"
#include "server/updates.h"

enum { TOLD_AGAIN_S = 60, CLOCK_NEWS_S = 30 };

/* What the club had of the device before. */
struct before {
    bool is_there;
    int64_t told_at, good_at, version_at;
    int64_t clock_error_s;
    struct wire_device device; /* what a write depends on */
};

static void copy(char *ret, size_t max, const char *text)
{
    (void)snprintf(ret, max, "%s", text == NULL ? "" : text);
}

static enum st load(struct db *db, uint32_t terminal, struct before *ret)
{
    struct db_stmt *stmt = NULL;
    *ret = (struct before){.is_there = false};
    enum st st = db_prepare(db,
                            "SELECT told_at, good_at, version_at, board, version, slot, good,"
                            " other, failed, self_test, upd, consent, clock_error FROM device"
                            " WHERE term_id = $1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->is_there, (int64_t)terminal);
    }
    if (st == ST_OK && ret->is_there) {
        struct wire_device *device = &ret->device;
        ret->told_at = db_i64(stmt, 0);
        ret->good_at = db_i64(stmt, 1);
        ret->version_at = db_i64(stmt, 2);
        copy(device->board, sizeof device->board, db_text(stmt, 3));
        device->is_there = device->board[0] != '\0';
        device->version = (uint32_t)db_i64(stmt, 4);
        device->slot = db_text(stmt, 5)[0];
        device->is_good = db_i64(stmt, 6) != 0;
        device->other = (uint32_t)db_i64(stmt, 7);
        device->failed = (uint32_t)db_i64(stmt, 8);
        copy(device->self_test, sizeof device->self_test, db_text(stmt, 9));
        copy(device->update, sizeof device->update, db_text(stmt, 10));
        device->has_consent = db_i64(stmt, 11) != 0;
        ret->clock_error_s = db_i64(stmt, 12);
    }
    db_finish(stmt);
    return st;
}

bool fleet_has_failed_test(const char *self_test)
{
    return self_test[0] != '\0' && strcmp(self_test, "ok") != 0 &&
           strcmp(self_test, "running") != 0;
}

static bool is_fit(const struct wire_device *device)
{
    return device->is_there && device->is_good && strcmp(device->self_test, "ok") == 0;
}

static bool is_same_version(const struct wire_device *a, const struct wire_device *b)
{
    return a->version == b->version && strcmp(a->board, b->board) == 0;
}

/* Free space and what has come of a bundle change all the time: they are no news. */
static bool is_same(const struct wire_device *a, const struct wire_device *b)
{
    return is_same_version(a, b) && a->slot == b->slot && a->is_good == b->is_good &&
           a->other == b->other && a->failed == b->failed &&
           strcmp(a->self_test, b->self_test) == 0 && strcmp(a->update, b->update) == 0 &&
           a->has_consent == b->has_consent;
}

/* The terminal's clock less the club's; 0 when it is not told. */
static int64_t clock_error(const struct wire_sync *batch, int64_t now_s)
{
    return batch->health.now_s == 0 ? 0 : batch->health.now_s - now_s;
}

static enum st store(struct db *db, const struct wire_sync *batch, const struct before *before,
                     int64_t now_s)
{
    const struct wire_device *device = &batch->device;
    const char slot[2] = {device->slot, '\0'};
    const bool has_clock = batch->health.now_s != 0;
    const bool is_kept = is_same_version(device, &before->device) && before->is_there;
    const int64_t version_at = is_kept ? before->version_at : now_s;
    const int64_t good_at = !is_fit(device)                   ? 0
                            : is_kept && before->good_at != 0 ? before->good_at
                                                              : now_s;
    enum st st;
    DB_ONCE(st, db,
            "INSERT INTO device (term_id, told_at, board, version, slot, good, other, failed,"
            " self_test, free, upd, have, consent, has_clock, clock_error, hotlist, good_at,"
            " version_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
            " $15, $16, $17, $18) ON CONFLICT (term_id) DO UPDATE SET told_at = $2, board = $3,"
            " version = $4, slot = $5, good = $6, other = $7, failed = $8, self_test = $9,"
            " free = $10, upd = $11, have = $12, consent = $13, has_clock = $14,"
            " clock_error = $15, hotlist = $16, good_at = $17, version_at = $18",
            "iititiiititiiiiiii", (int64_t)batch->terminal, now_s, device->board,
            (int64_t)device->version, slot, (int64_t)device->is_good, (int64_t)device->other,
            (int64_t)device->failed, device->self_test, device->free_bytes, device->update,
            device->have_bytes, (int64_t)device->has_consent, (int64_t)has_clock,
            clock_error(batch, now_s), batch->has_list ? (int64_t)batch->list.version : 0, good_at,
            version_at);
    return st;
}

/* --- history ------------------------------------------------------------------------------- */

struct event {
    enum fleet_event what;
    uint32_t version;
    const char *say;
};

/* A version that fell back is never offered again: that is remembered, each version once, however
 * much else happens. No terminal that is not in another's hands has so many. */
static enum st forget(struct db *db, uint32_t terminal, const struct event *event, int64_t no)
{
    enum st st = ST_OK;
    if (event->what == FLEET_FELL_BACK) {
        DB_ONCE(st, db,
                "DELETE FROM device_past WHERE term_id = $1 AND what = 2 AND no < $2"
                " AND (version = $3 OR no <= (SELECT f.no FROM device_past f WHERE f.term_id = $1"
                " AND f.what = 2 ORDER BY f.no DESC LIMIT 1 OFFSET $4))",
                "iiii", (int64_t)terminal, no, (int64_t)event->version, (int64_t)FLEET_EVENTS_MAX);
    } else if (no > FLEET_EVENTS_MAX) {
        DB_ONCE(st, db, "DELETE FROM device_past WHERE term_id = $1 AND what <> 2 AND no <= $2",
                "ii", (int64_t)terminal, no - FLEET_EVENTS_MAX);
    }
    return st;
}

static enum st note(struct db *db, uint32_t terminal, const struct event *event, int64_t now_s)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t no = 0;
    enum st st = db_prepare(
        db, "SELECT coalesce(max(no), 0) + 1 FROM device_past WHERE term_id = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    if (st == ST_OK) {
        no = db_i64(stmt, 0);
    }
    db_finish(stmt);
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "INSERT INTO device_past (term_id, no, at, what, version, say)"
                " VALUES ($1, $2, $3, $4, $5, $6)",
                "iiiiit", (int64_t)terminal, no, now_s, (int64_t)event->what,
                (int64_t)event->version, event->say);
    }
    return st == ST_OK ? forget(db, terminal, event, no) : st;
}

/* What is new since before, in the order in which it happened. */
static enum st note_events(struct db *db, uint32_t terminal, const struct wire_device *device,
                           const struct before *before, int64_t now_s)
{
    const struct wire_device *was = &before->device;
    const bool is_kept = is_same_version(device, was);
    const bool is_unfit = fleet_has_failed_test(device->self_test);
    const struct {
        bool is_so;
        struct event event;
    } events[] = {
        {device->failed != 0 && device->failed != was->failed,
         {FLEET_FELL_BACK, device->failed, ""}},
        {!is_kept, {FLEET_RUNS, device->version, ""}},
        {is_unfit && !(is_kept && strcmp(device->self_test, was->self_test) == 0),
         {FLEET_UNFIT, device->version, device->self_test}},
        {is_fit(device) && !(is_kept && is_fit(was)), {FLEET_GOOD, device->version, ""}},
    };
    enum st st = ST_OK;
    for (size_t i = 0; i < sizeof events / sizeof events[0] && st == ST_OK; i++) {
        if (events[i].is_so) {
            st = note(db, terminal, &events[i].event, now_s);
        }
        if (st == ST_OK && events[i].is_so) {
            st = updates_heard(db, terminal, device->board, events[i].event.what,
                               events[i].event.version, events[i].event.say);
        }
    }
    return st;
}

enum st fleet_take(struct db *db, const struct wire_sync *batch, int64_t now_s)
{
    const struct wire_device *device = &batch->device;
    struct before before;
    enum st st = load(db, batch->terminal, &before);
    if (st != ST_OK) {
        return st;
    }
    const int64_t clock_moved = clock_error(batch, now_s) - before.clock_error_s;
    const bool is_news = !before.is_there || !is_same(device, &before.device) ||
                         clock_moved > CLOCK_NEWS_S || clock_moved < -CLOCK_NEWS_S ||
                         now_s - before.told_at >= TOLD_AGAIN_S || now_s < before.told_at;
    if (is_news) {
        st = store(db, batch, &before, now_s);
    }
    if (st == ST_OK && is_news && device->is_there) {
        st = note_events(db, batch->terminal, device, &before, now_s);
    }
    return st == ST_OK && device->is_there ? updates_tend(db, batch->terminal, is_news, now_s) : st;
}

/* --- the setting --------------------------------------------------------------------------- */

enum st fleet_dead_days(struct db *db, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT value FROM club WHERE name = 'fleet_dead_days'", "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

enum st fleet_set_dead_days(struct db *db, int64_t days, struct fault *fault)
{
    enum st st;
    if (days < 0 || days > FLEET_DEAD_DAYS_MAX) {
        fault_say(fault, "Days are a number from 0 (never) to %d.", FLEET_DEAD_DAYS_MAX);
        return ST_FOREIGN;
    }
    DB_ONCE(st, db, "UPDATE club SET value = $1 WHERE name = 'fleet_dead_days'", "i", days);
    return st;
}
