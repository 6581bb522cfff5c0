#include "server/mandates.h"

#include <stdlib.h>
#include <string.h>

#include "server/allowances.h"
#include "server/operators.h"
#include "server/signer.h"

/* --- one terminal's -------------------------------------------------------------------------- */

/* Fills in all but the version. */
static enum st build(struct db *db, int64_t terminal, int64_t merchant, struct mandate *ret,
                     struct fault *fault)
{
    *ret = (struct mandate){.terminal = (uint32_t)terminal, .version = 1};
    enum st st = operators_policy(db, &ret->requires_sign_in, &ret->idle_minutes);
    if (st == ST_OK) {
        st = allowances_of(db, QUOTA_OF_TERMINAL, terminal, QUOTA_TOTAL, &ret->total);
    }
    if (st == ST_OK) {
        st = allowances_of(db, QUOTA_OF_TERMINAL, terminal, QUOTA_DAY, &ret->day);
    }
    if (st == ST_OK) {
        st = operators_of(db, merchant, ret->operators, &ret->operator_count, fault);
    }
    for (size_t i = 0; i < ret->operator_count && st == ST_OK; i += 1) {
        st = allowances_of(db, QUOTA_OF_OPERATOR, ret->operators[i].number, QUOTA_DAY,
                           &ret->operators[i].day);
    }
    return st;
}

static bool says_anything(const struct mandate *mandate)
{
    return mandate->requires_sign_in || mandate->operator_count > 0 ||
           limits_any(&mandate->total) || limits_any(&mandate->day);
}

/* What is stored of a terminal's mandate. */
struct stored {
    int64_t version; /* the highest that was made or that the terminal told; 0 = none */
    char *content;   /* as written with version 1; NULL = none; free() */
};

static enum st stored_get(struct db *db, int64_t terminal, struct stored *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = (struct stored){.version = 0};
    enum st st = db_prepare(db, "SELECT version, content, taken FROM mandate WHERE term_id = $1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, terminal);
    }
    if (st == ST_OK && row) {
        const char *content = db_text(stmt, 1);
        const int64_t version = db_i64(stmt, 0), taken = db_i64(stmt, 2);
        ret->version = version > taken ? version : taken;
        ret->content = content == NULL ? NULL : strdup(content);
        st = ret->content == NULL ? ST_FULL : ST_OK;
    }
    db_finish(stmt);
    return st;
}

static enum st store(struct db *db, const struct mandate *mandate, const char *content,
                     const char *jws)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "INSERT INTO mandate (term_id, version, taken, settled, content, jws)"
                            " VALUES ($1, $2, 0, 0, $3, $4) ON CONFLICT (term_id) DO UPDATE"
                            " SET version = $2, settled = 0, content = $3, jws = $4",
                            "iitt", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, (int64_t)mandate->terminal, mandate->version, content, jws);
    }
    db_finish(stmt);
    return st;
}

/* What renewing needs, once for all terminals. */
struct renewal {
    struct db *db;
    const char *dir;
    int64_t now_s;
    bool all;
    uint32_t count;
    struct mandate mandate;
};

static enum st sign_and_store(struct renewal *renewal, const char *content, struct fault *fault)
{
    const struct mandate *mandate = &renewal->mandate;
    char *text = NULL, *jws = NULL;
    enum st st = mandate_write(mandate, &text);
    if (st == ST_OK) {
        st = signer_make(renewal->dir, fault);
    }
    if (st == ST_OK) {
        st = signer_sign(renewal->dir, MANDATE_TYP, text, strlen(text), &jws, fault);
    }
    if (st == ST_OK && strlen(jws) > MANDATE_TEXT_MAX) {
        fault_say(fault, "The mandate of terminal %u is too long: it has too many operators.",
                  mandate->terminal);
        st = ST_FULL;
    }
    if (st == ST_OK) {
        st = store(renewal->db, mandate, content, jws);
    }
    free(text);
    free(jws);
    return st;
}

static enum st renew_one(struct renewal *renewal, int64_t terminal, int64_t merchant,
                         struct fault *fault)
{
    struct mandate *mandate = &renewal->mandate;
    struct stored before;
    char *content = NULL;
    enum st st = build(renewal->db, terminal, merchant, mandate, fault);
    if (st == ST_OK) {
        st = stored_get(renewal->db, terminal, &before);
    }
    if (st != ST_OK) {
        return st;
    }
    st = mandate_write(mandate, &content);
    const bool is_new = before.content == NULL
                            ? says_anything(mandate)
                            : content != NULL && strcmp(content, before.content) != 0;
    if (st == ST_OK && (is_new || (renewal->all && before.content != NULL))) {
        mandate->version = renewal->now_s > before.version ? renewal->now_s : before.version + 1;
        st = sign_and_store(renewal, content, fault);
        renewal->count += st == ST_OK;
    }
    free(before.content);
    free(content);
    return st;
}

static enum st renew_within(struct renewal *renewal, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(renewal->db,
                   "SELECT term_id, merch FROM term WHERE dead_at = 0 ORDER BY term_id", "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    while (st == ST_OK && row) {
        st = renew_one(renewal, db_i64(stmt, 0), db_i64(stmt, 1), fault);
        st = st == ST_OK ? db_step(stmt, &row) : st;
    }
    db_finish(stmt);
    return st;
}

enum st mandates_renew(struct db *db, const char *dir, int64_t now_s, bool all, uint32_t *ret_count,
                       struct fault *fault)
{
    struct renewal *renewal = calloc(1, sizeof *renewal);
    fault->say[0] = '\0';
    enum st st = renewal == NULL ? ST_FULL : db_begin_write(db);
    if (st == ST_OK) {
        *renewal = (struct renewal){.db = db, .dir = dir, .now_s = now_s, .all = all};
        st = renew_within(renewal, fault);
        st = st == ST_OK ? db_commit(db) : st;
    }
    if (st == ST_OK) {
        *ret_count = renewal->count;
    } else {
        if (fault->say[0] == '\0') {
            *fault = *db_fault(db);
        }
        db_rollback(db);
    }
    free(renewal);
    return st;
}

/* --- at a sync ------------------------------------------------------------------------------- */

static enum st note(struct db *db, uint32_t terminal, int64_t have, bool settles)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_begin_write(db);
    if (st == ST_OK) {
        st = db_prepare(
            db,
            "UPDATE mandate SET taken = $2, settled = CASE WHEN $3 = 1 THEN 1 ELSE settled END"
            " WHERE term_id = $1",
            "iii", &stmt);
    }
    if (st == ST_OK) {
        st = db_run(stmt, (int64_t)terminal, have, (int64_t)settles);
    }
    db_finish(stmt);
    if (st == ST_OK && settles) {
        st = allowances_settle(db, terminal);
    }
    st = st == ST_OK ? db_commit(db) : st;
    if (st != ST_OK) {
        db_rollback(db);
    }
    return st;
}

enum st mandates_sync(struct db *db, uint32_t terminal, int64_t have, bool is_settled,
                      char *ret_text)
{
    struct db_stmt *stmt = NULL;
    bool row = false, needs_note = false, settles = false;
    ret_text[0] = '\0';
    enum st st = db_prepare(
        db, "SELECT version, taken, settled, jws FROM mandate WHERE term_id = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    if (st == ST_OK && row) {
        const int64_t version = db_i64(stmt, 0);
        const char *jws = db_text(stmt, 3);
        settles = have == version && is_settled && db_i64(stmt, 2) == 0;
        needs_note = settles || have != db_i64(stmt, 1);
        if (jws == NULL || strlen(jws) > MANDATE_TEXT_MAX) {
            st = ST_CORRUPT;
        } else if (have < version) {
            memcpy(ret_text, jws, strlen(jws) + 1);
        }
    }
    db_finish(stmt);
    return st == ST_OK && needs_note ? note(db, terminal, have, settles) : st;
}
