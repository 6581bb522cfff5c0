#include "server/card_view.h"

#include <string.h>

#include "firmware/engine/snapshot.h"
#include "server/accounts.h"
#include "server/lost.h"
#include "server/rows.h"

/* The first columns of a card's row, as card_state() takes them. */
enum {
    COLUMN_CARD,
    COLUMN_BALANCE,
    COLUMN_COUNT = 5,
    COLUMN_HI,
    COLUMN_TOP,
    COLUMN_KNOWN,
    COLUMN_IMAGE
};

static const char *const book_words[CARD_BOOKS] = {"points", "credit", "gift", "voucher"};

static enum st has_clone_case(struct db *db, int64_t card, bool *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "SELECT 1 FROM tcase WHERE card_no = $1"
                            " AND (why = 'clone' OR why = 'restored')",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret, card);
    }
    db_finish(stmt);
    return st;
}

static bool is_as_its_snapshot(struct db_stmt *row)
{
    size_t size = 0;
    const void *image = db_bytes(row, COLUMN_IMAGE, &size);
    struct snapshot snapshot;
    if (size != SNAPSHOT_IMAGE_BYTES || snapshot_decode(image, &snapshot) != ST_OK) {
        return false;
    }
    int64_t balances[CARD_BOOKS];
    snapshot_balances(&snapshot, balances);
    for (int i = 0; i < CARD_BOOKS; i++) {
        if (balances[i] != db_i64(row, COLUMN_BALANCE + i)) {
            return false;
        }
    }
    return snapshot.counter == db_i64(row, COLUMN_TOP);
}

enum st card_state(struct db *db, struct db_stmt *row, const char **ret_state)
{
    if (db_i64(row, COLUMN_HI) < db_i64(row, COLUMN_KNOWN)) {
        *ret_state = "gap";
        return ST_OK;
    }
    if (is_as_its_snapshot(row)) {
        *ret_state = "ok";
        return ST_OK;
    }
    bool is_cloned = false;
    enum st st = has_clone_case(db, db_i64(row, COLUMN_CARD), &is_cloned);
    *ret_state = is_cloned ? "cloned" : "differs";
    return st;
}

enum st books_as_of(struct db *db, int64_t *ret_at, int64_t *ret_behind)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(
        db,
        "SELECT min(CASE WHEN unsent = 0 OR oldest > last_at THEN last_at ELSE oldest END),"
        " count(CASE WHEN unsent > 0 THEN 1 END) FROM term t WHERE dead_at = 0 AND last_at > 0"
        " AND EXISTS (SELECT 1 FROM cert c WHERE c.term_id = t.term_id AND c.revoked_at = 0)",
        "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK) {
        *ret_at = row ? db_i64(stmt, 0) : 0;
        *ret_behind = row ? db_i64(stmt, 1) : 0;
    }
    db_finish(stmt);
    return st;
}

/* What the hotlist says of the card. */
static enum st put_listing(struct db *db, uint64_t card, json_t *object)
{
    static const char *const columns[] = {"llisted", "ilisted_at", NULL};
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT reason, at FROM hotlist WHERE card_no = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card);
    }
    if (st == ST_OK) {
        json_t *listing =
            row ? row_object(stmt, columns) : json_pack("{s:n,s:n}", "listed", "listed_at");
        st = listing != NULL && json_object_update(object, listing) == 0 ? ST_OK : ST_FULL;
        json_decref(listing);
    }
    db_finish(stmt);
    return st;
}

/* The card that came in its place. */
static enum st put_successor(struct db *db, uint64_t card, json_t *object)
{
    uint64_t now = 0;
    const enum st st = card_successor(db, card, &now);
    return st == ST_OK && !put_card(object, "replaced_by", now == card ? 0 : now) ? ST_FULL : st;
}

/* As its newest snapshot that the club knows has it. */
static bool put_layout(struct db_stmt *row, json_t *object)
{
    size_t size = 0;
    const void *image = db_bytes(row, COLUMN_IMAGE, &size);
    struct snapshot snapshot;
    const bool is_known =
        size == SNAPSHOT_IMAGE_BYTES && snapshot_decode(image, &snapshot) == ST_OK;
    return put_json(object, "layout", is_known ? json_integer(snapshot.layout) : json_null());
}

static enum st put_freshness(struct db *db, json_t *object)
{
    int64_t at = 0, behind = 0;
    enum st st = books_as_of(db, &at, &behind);
    if (st == ST_OK) {
        const bool done = put_json(object, "as_of", at == 0 ? json_null() : json_integer(at)) &&
                          put_number(object, "terminals_behind", behind);
        st = done ? ST_OK : ST_FULL;
    }
    return st;
}

enum st card_object(struct db *db, uint64_t card, json_t **ret)
{
    static const char *const columns[] = {
        "ccard",  "ipoints", "icredit",  "igift",    "ivoucher", "itransactions", "-hi", "-top",
        "-known", "-image",  "imissing", "nlast_at", NULL};
    struct db_stmt *stmt = NULL;
    json_t *object = NULL;
    const char *state = NULL;
    bool row = false;
    enum st st = db_prepare(
        db,
        "SELECT c.card_no, c.b0, c.b1, c.b2, c.b3, c.cnt, c.hi, c.top, c.known, c.image,"
        " c.known - c.cnt, coalesce(t.ts, 0) FROM card c"
        " LEFT JOIN txn t ON t.card_no = c.card_no AND t.card_ctr = c.top WHERE c.card_no = $1",
        "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card);
    }
    if (st == ST_OK && row) {
        st = card_state(db, stmt, &state);
    }
    if (st == ST_OK && row) {
        object = row_object(stmt, columns);
        st = put_text(object, "state", state) && put_layout(stmt, object) ? ST_OK : ST_FULL;
    }
    db_finish(stmt);
    if (st == ST_OK && row) {
        st = put_listing(db, card, object);
    }
    if (st == ST_OK && row) {
        st = put_successor(db, card, object);
    }
    if (st == ST_OK && row) {
        st = put_freshness(db, object);
    }
    if (st != ST_OK) {
        json_decref(object);
        return st;
    }
    *ret = object;
    return ST_OK;
}

/* --- history ------------------------------------------------------------------------------- */

/* The balances that the books have after `counter`. */
static enum st balances_after(struct db *db, uint64_t card, int64_t counter,
                              int64_t ret[CARD_BOOKS])
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT CAST(sum(d0) AS BIGINT), CAST(sum(d1) AS BIGINT),"
                            " CAST(sum(d2) AS BIGINT), CAST(sum(d3) AS BIGINT) FROM txn"
                            " WHERE card_no = $1 AND card_ctr <= $2",
                            "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card, counter);
    }
    for (int i = 0; st == ST_OK && i < CARD_BOOKS; i++) {
        ret[i] = row ? db_i64(stmt, i) : 0;
    }
    db_finish(stmt);
    return st;
}

/* Rows come newest first: each one's balances are those of the row before, less what that changed.
 * Days that are left out lie in between, so that the sum is taken anew there. */
static enum st put_balances(struct db *db, uint64_t card, json_t *rows)
{
    int64_t balances[CARD_BOOKS] = {0}, next = -1;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(rows, i, row)
    {
        const int64_t counter = json_integer_value(json_object_get(row, "counter"));
        enum st st = counter == next ? ST_OK : balances_after(db, card, counter, balances);
        json_t *after = json_object();
        for (int book = 0; st == ST_OK && book < CARD_BOOKS; book++) {
            st = put_number(after, book_words[book], balances[book]) ? ST_OK : ST_FULL;
            balances[book] -= json_integer_value(json_object_get(row, book_words[book]));
        }
        if (st != ST_OK || !put_json(row, "after", after)) {
            return st == ST_OK ? ST_FULL : st;
        }
        next = counter - 1;
    }
    return ST_OK;
}

enum st card_history_array(struct db *db, const struct card_history *history, json_t **ret)
{
    static const char *const columns[] = {
        "icounter", "iat",       "kkind",     "iamount",   "ipoints", "icredit",    "igift",
        "ivoucher", "iterminal", "isequence", "tmerchant", "tbranch", "iprogramme", NULL};
    struct db_stmt *stmt = NULL;
    json_t *rows = NULL;
    enum st st = db_prepare(
        db,
        "SELECT t.card_ctr, t.ts, t.op, t.amount, t.d0, t.d1, t.d2, t.d3, t.term_id, t.term_seq,"
        " m.name, b.name, t.prog FROM txn t LEFT JOIN merchant m ON m.merch = t.merch"
        " LEFT JOIN term x ON x.term_id = t.term_id LEFT JOIN branch b ON b.branch = x.branch"
        " WHERE t.card_no = $1 AND t.card_ctr < $2 AND t.ts >= $3 AND t.ts < $4"
        " ORDER BY t.card_ctr DESC LIMIT $5",
        "iiiii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, (int64_t)history->card, history->below, history->from_s, history->end_s,
                (int64_t)history->limit);
        st = rows_read(stmt, columns, history->limit, &rows);
    }
    db_finish(stmt);
    if (st == ST_OK) {
        st = put_balances(db, history->card, rows);
    }
    if (st != ST_OK) {
        json_decref(rows);
        return st;
    }
    *ret = rows;
    return ST_OK;
}
