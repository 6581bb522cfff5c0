#include "server/case_view.h"

#include <stdlib.h>
#include <string.h>

#include "firmware/engine/entry.h"
#include "hal/base/bytes.h"
#include "server/accounts.h"
#include "server/change.h"
#include "server/rows.h"

#define CASE_NAME "CAST(term_id AS TEXT) || '-' || CAST(term_seq AS TEXT) || '-' || why"

struct case_key {
    int64_t terminal, sequence;
    const char *why; /* within the name */
};

static bool key_read(const char *name, struct case_key *ret)
{
    char *end = NULL;
    if (strlen(name) > CASE_NAME_MAX || name[0] < '0' || name[0] > '9') {
        return false;
    }
    ret->terminal = strtoll(name, &end, 10);
    if (*end != '-' || end[1] < '0' || end[1] > '9') {
        return false;
    }
    ret->sequence = strtoll(end + 1, &end, 10);
    ret->why = end + 1;
    return *end == '-' && end[1] != '\0';
}

/* --- the list ------------------------------------------------------------------------------ */

static enum st opened_at(struct db *db, const struct case_key *key, int64_t *ret_at, bool *ret_row)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(
        db, "SELECT at FROM tcase WHERE term_id = $1 AND term_seq = $2 AND why = $3", "iit", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_row, key->terminal, key->sequence, key->why);
    }
    if (st == ST_OK && *ret_row) {
        *ret_at = db_i64(stmt, 0);
    }
    db_finish(stmt);
    return st;
}

enum st cases_array(struct db *db, const char *after, bool all, size_t limit, json_t **ret)
{
    static const char *const columns[] = {"tcase",      "twhy",       "iterminal",   "isequence",
                                          "ccard",      "icounter",   "iat",         "tsay",
                                          "nclosed_at", "tclosed_by", "tclosed_why", NULL};
    struct case_key key = {0, 0, ""};
    struct db_stmt *stmt = NULL;
    int64_t at = -1;
    enum st st = ST_OK;
    if (after[0] != '\0') {
        bool found = false;
        st = key_read(after, &key) ? opened_at(db, &key, &at, &found) : ST_FOREIGN;
        st = st == ST_OK && !found ? ST_FOREIGN : st;
    }
    if (st == ST_OK) {
        st = db_prepare(db,
                        "SELECT " CASE_NAME ", why, term_id, term_seq, card_no, card_ctr, at, say,"
                        " closed_at, closed_by, closed_why FROM tcase"
                        " WHERE (at, term_id, term_seq, why) > ($1, $2, $3, $4)"
                        " AND (closed_at = 0 OR $5 = 1)"
                        " ORDER BY at, term_id, term_seq, why LIMIT $6",
                        "iiitii", &stmt);
    }
    if (st == ST_OK) {
        db_bind(stmt, at, key.terminal, key.sequence, key.why, (int64_t)all, (int64_t)limit);
        st = rows_read(stmt, columns, limit, ret);
    }
    db_finish(stmt);
    return st;
}

/* --- one, with its evidence ---------------------------------------------------------------- */

static json_t *snapshot_json(const struct snapshot *snapshot)
{
    const struct transaction *last = &snapshot->last;
    int64_t balances[CARD_BOOKS];
    snapshot_balances(snapshot, balances);
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:I,s:I}", "counter", (json_int_t)snapshot->counter, "points",
        (json_int_t)balances[BOOK_POINTS], "credit", (json_int_t)balances[BOOK_CREDIT], "gift",
        (json_int_t)balances[BOOK_GIFT], "voucher", (json_int_t)balances[BOOK_VOUCHER], "kind",
        kind_name((int)last->kind), "amount", (json_int_t)last->amount.rials, "terminal",
        (json_int_t)last->terminal, "sequence", (json_int_t)last->sequence);
}

static json_t *image_json(struct db_stmt *stmt, int column)
{
    size_t size = 0;
    struct snapshot snapshot;
    const void *image = db_bytes(stmt, column, &size);
    return size == SNAPSHOT_IMAGE_BYTES && snapshot_decode(image, &snapshot) == ST_OK
               ? snapshot_json(&snapshot)
               : json_null();
}

/* What the raw entry says, when it is an intent, a sighting or a refused action. */
static json_t *entry_json(struct db_stmt *stmt, int column)
{
    static struct entry entry; /* large; one thread */
    size_t size = 0;
    const void *raw = db_bytes(stmt, column, &size);
    if (entry_decode(raw, size, &entry) != ST_OK) {
        return json_null();
    }
    json_t *object = json_pack("{s:I}", "at", (json_int_t)entry.time_s);
    bool done = true;
    if (entry.kind == ENTRY_INTENT) {
        const struct entry_intent *intent = &entry.intent;
        done = put_text(object, "kind", "intent") &&
               put_json(object, "before",
                        intent->has_before ? snapshot_json(&intent->before) : json_null()) &&
               put_json(object, "after", snapshot_json(&intent->after));
    } else if (entry.kind == ENTRY_SIGHTING) {
        done = put_text(object, "kind", "sighting") &&
               put_json(object, "after", snapshot_json(&entry.sighting.snapshot));
    } else if (entry.kind == ENTRY_REFUSED) {
        char image[2 * ACTION_BYTES + 1], seal[2 * ACTION_SEAL_BYTES + 1];
        hex_encode(entry.refused.image, sizeof entry.refused.image, image);
        hex_encode(entry.refused.seal, sizeof entry.refused.seal, seal);
        done = put_text(object, "kind", "refused") && put_text(object, "image", image) &&
               put_text(object, "seal", seal);
    } else {
        done = put_text(object, "kind", "other");
    }
    if (!done) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* What is posted under the counter, and its own record. */
static enum st put_posted(struct db *db, uint64_t card, int64_t counter, json_t *object)
{
    static const char *const columns[] = {"iterminal", "isequence", "iat",    "kkind",  "iamount",
                                          "ipoints",   "icredit",   "ibatch", "hentry", NULL};
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT t.term_id, t.term_seq, t.ts, t.op, t.amount, t.d0, t.d1,"
                            " t.batch, r.raw FROM txn t LEFT JOIN rec r ON r.term_id = t.term_id"
                            " AND r.term_seq = t.term_seq WHERE t.card_no = $1 AND t.card_ctr = $2",
                            "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card, counter);
    }
    if (st == ST_OK) {
        st = put_json(object, "posted", row ? row_object(stmt, columns) : json_null()) ? ST_OK
                                                                                       : ST_FULL;
    }
    db_finish(stmt);
    return st;
}

enum st case_object(struct db *db, const char *name, json_t **ret)
{
    static const char *const columns[] = {
        "tcase", "twhy",       "iterminal",  "isequence",   "ccard",  "icounter", "iat",
        "tsay",  "nclosed_at", "tclosed_by", "tclosed_why", "hentry", NULL};
    enum { COLUMN_CARD = 4, COLUMN_COUNTER = 5, COLUMN_RAW = 11, COLUMN_OTHER = 12 };
    struct case_key key;
    struct db_stmt *stmt = NULL;
    json_t *object = NULL;
    bool row = false;
    *ret = NULL;
    if (!key_read(name, &key)) {
        return ST_OK;
    }
    enum st st = db_prepare(db,
                            "SELECT " CASE_NAME ", why, term_id, term_seq, card_no, card_ctr, at,"
                            " say, closed_at, closed_by, closed_why, raw, other FROM tcase"
                            " WHERE term_id = $1 AND term_seq = $2 AND why = $3",
                            "iit", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, key.terminal, key.sequence, key.why);
    }
    if (st == ST_OK && row) {
        object = row_object(stmt, columns);
        const bool done = put_json(object, "shows", entry_json(stmt, COLUMN_RAW)) &&
                          put_json(object, "held", image_json(stmt, COLUMN_OTHER));
        st = done ? put_posted(db, (uint64_t)db_i64(stmt, COLUMN_CARD),
                               db_i64(stmt, COLUMN_COUNTER), object)
                  : ST_FULL;
    }
    db_finish(stmt);
    if (st != ST_OK) {
        json_decref(object);
        return st;
    }
    *ret = object;
    return ST_OK;
}

/* --- dealt with ---------------------------------------------------------------------------- */

static enum st close_within(struct db *db, const struct case_key *key, const char *by,
                            const char *why, int64_t now_s, bool *ret_found, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "SELECT closed_at, closed_by, closed_why FROM tcase WHERE term_id = $1"
                            " AND term_seq = $2 AND why = $3",
                            "iit", &stmt);
    bool is_closed = false;
    if (st == ST_OK) {
        st = db_first(stmt, ret_found, key->terminal, key->sequence, key->why);
    }
    if (st == ST_OK && *ret_found && db_i64(stmt, 0) != 0) {
        is_closed = true;
        if (strcmp(db_text(stmt, 1), by) != 0 || strcmp(db_text(stmt, 2), why) != 0) {
            fault_say(fault, "It is dealt with already, by %.40s: %.60s", db_text(stmt, 1),
                      db_text(stmt, 2));
            st = ST_REFUSED;
        }
    }
    db_finish(stmt);
    if (st == ST_OK && *ret_found && !is_closed) {
        DB_ONCE(st, db,
                "UPDATE tcase SET closed_at = $4, closed_by = $5, closed_why = $6"
                " WHERE term_id = $1 AND term_seq = $2 AND why = $3",
                "iititt", key->terminal, key->sequence, key->why, now_s, by, why);
    }
    return st;
}

enum st case_close(struct db *db, const char *name, const char *by, const char *why, int64_t now_s,
                   bool *ret_found, struct fault *fault)
{
    struct case_key key;
    *ret_found = false;
    if (!text_is_name(by, CASE_BY_MAX) || !text_is_name(why, CASE_REASON_MAX)) {
        fault_say(fault, "Say who dealt with it (1 to %d bytes) and why it is done (1 to %d).",
                  CASE_BY_MAX, CASE_REASON_MAX);
        return ST_FOREIGN;
    }
    enum st st = ST_OK;
    if (key_read(name, &key)) {
        st = change_begin(db, fault);
        if (st == ST_OK) {
            st = change_end(db, close_within(db, &key, by, why, now_s, ret_found, fault), fault);
        }
    }
    if (st == ST_OK && !*ret_found) {
        fault_say(fault, "There is no case %.40s.", name);
        return ST_REFUSED;
    }
    return st;
}
