#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/import_priv.h"
#include "server/rows.h"
#include "server/signer.h"

/* --- before -------------------------------------------------------------------------------- */

enum st import_unknown(struct db *db, const struct import_file *file, size_t *ret)
{
    struct db_stmt *stmt = NULL;
    size_t unknown = 0;
    enum st st = db_prepare(db, "SELECT 1 FROM card WHERE card_no = $1", "i", &stmt);
    for (size_t i = 0; i < file->count && st == ST_OK; i++) {
        bool row = false;
        st = db_first(stmt, &row, (int64_t)file->lines[i].card);
        unknown += !row;
        db_reset(stmt);
    }
    db_finish(stmt);
    *ret = unknown;
    return st;
}

/* --- undoing ------------------------------------------------------------------------------- */

/* Withdraws one balance. */
static enum st undo_one(struct actions *actions, int64_t number, const struct import_line *line,
                        int book, int64_t now_s, FILE *say, struct import_undone *ret)
{
    char ref[ACTIONS_REF_MAX + 1];
    struct fault fault = {""};
    import_ref(number, line->line, book, ref);
    enum st st = actions_withdraw_within(actions, ORIGIN_IMPORT, ref, now_s, &fault);
    if (st == ST_OK) {
        ret->withdrawn[book] += line->balance[book];
        ret->withdrawn_count++;
    } else if (st == ST_REFUSED) {
        ret->collected[book] += line->balance[book];
        ret->collected_count++;
        fprintf(say, "line %" PRIu32 ": card %016" PRIu64 ", %s %" PRId64 " is not undone: %s\n",
                line->line, line->card, book_name(book), line->balance[book], fault.say);
        st = ST_OK;
    }
    return st;
}

static enum st undo_line(struct actions *actions, int64_t number, struct db_stmt *stmt,
                         int64_t now_s, FILE *say, struct import_undone *ret)
{
    struct import_line line = {.line = (uint32_t)db_i64(stmt, 0),
                               .card = (uint64_t)db_i64(stmt, 1)};
    enum st st = ST_OK;
    for (int book = 0; book < CARD_BOOKS && st == ST_OK; book++) {
        line.balance[book] = db_i64(stmt, 2 + book);
        if (line.balance[book] != 0) {
            st = undo_one(actions, number, &line, book, now_s, say, ret);
        }
    }
    return st;
}

/* The next lines behind *line, one piece of them. *ret_count: how many there were. */
static enum st undo_piece(struct actions *actions, int64_t number, int64_t *line, int64_t now_s,
                          FILE *say, struct import_undone *ret, int *ret_count)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret_count = 0;
    enum st st = db_prepare(actions->db,
                            "SELECT line, card_no, b0, b1, b2, b3 FROM import_line WHERE no = $1"
                            " AND line > $2 ORDER BY line LIMIT $3",
                            "iii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, number, *line, (int64_t)IMPORT_LINES_A_PIECE);
    }
    while (st == ST_OK && row) {
        *line = db_i64(stmt, 0);
        ++*ret_count;
        st = undo_line(actions, number, stmt, now_s, say, ret);
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    return st;
}

/* Each piece is a write transaction of its own, and between two of them terminals get theirs. */
static enum st undo_lines(struct actions *actions, int64_t number, int64_t now_s, FILE *say,
                          struct import_undone *ret, struct fault *fault)
{
    int64_t line = 0;
    int count = IMPORT_LINES_A_PIECE;
    enum st st = ST_OK;
    while (st == ST_OK && count == IMPORT_LINES_A_PIECE) {
        const int64_t began_ms = change_clock_ms();
        st = change_begin(actions->db, fault);
        if (st == ST_OK) {
            st = undo_piece(actions, number, &line, now_s, say, ret, &count);
        }
        st = change_end(actions->db, st, fault);
        if (st == ST_OK && count == IMPORT_LINES_A_PIECE) {
            change_leave_room(began_ms);
        }
    }
    return st;
}

/* Nothing more is made of it, should its commit have been cut short and go on. */
static enum st stop(struct db *db, int64_t number, struct fault *fault)
{
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE import SET is_stopped = 1 WHERE no = $1", "i", number);
        st = change_end(db, st, fault);
    }
    return st;
}

static enum st mark_undone(struct db *db, int64_t number, const char *by, int64_t now_s,
                           struct fault *fault)
{
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "UPDATE import SET undone_at = $2, undone_by = $3 WHERE no = $1 AND undone_at = 0",
                "iit", number, now_s, by);
        st = change_end(db, st, fault);
    }
    return st;
}

enum st import_undo(struct db *db, const char *dir, const char *key, int64_t number, const char *by,
                    int64_t now_s, FILE *say, struct import_undone *ret, struct fault *fault)
{
    struct signer *signer = NULL;
    struct actions *actions = NULL;
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = (struct import_undone){0};
    if (!text_is_name(by, IMPORT_BY_MAX)) {
        fault_say(fault, "Say who undoes it: 1 to %d bytes.", IMPORT_BY_MAX);
        return ST_FOREIGN;
    }
    enum st st = db_prepare(db, "SELECT 1 FROM import WHERE no = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, number);
    }
    db_finish(stmt);
    if (st == ST_OK && !row) {
        fault_say(fault, "There is no import %" PRId64 ".", number);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = signer_open(dir, key, &signer, fault); /* terminals get sealed voids in their place */
    }
    if (st == ST_OK) {
        st = actions_open(db, signer, &actions);
    }
    if (st == ST_OK) {
        st = stop(db, number, fault);
    }
    if (st == ST_OK) {
        st = undo_lines(actions, number, now_s, say, ret, fault);
    }
    actions_close(actions);
    signer_close(signer);
    return st == ST_OK ? mark_undone(db, number, by, now_s, fault) : st;
}

/* --- the list ------------------------------------------------------------------------------ */

enum st import_list(struct db *db, bool as_json, FILE *out)
{
    static const char *const columns[] = {
        "iimport", "tname", "tby",      "iat",        "icards",     "imade", "ipoints",
        "icredit", "igift", "ivoucher", "nundone_at", "tundone_by", NULL};
    struct db_stmt *stmt = NULL;
    json_t *rows = NULL;
    enum st st = db_prepare(db,
                            "SELECT no, name, made_by, at, cards, made, b0, b1, b2, b3, undone_at,"
                            " undone_by FROM import ORDER BY no",
                            "", &stmt);
    if (st == ST_OK) {
        db_bind(stmt);
        st = rows_read(stmt, columns, SIZE_MAX, &rows);
    }
    db_finish(stmt);
    if (st == ST_OK) {
        json_t *object = json_pack("{s:o}", "imports", rows);
        if (as_json) {
            (void)json_dumpf(object, out, JSON_INDENT(1));
            fputc('\n', out);
        } else {
            print_plain(object, out);
        }
        json_decref(object);
    }
    return st;
}
