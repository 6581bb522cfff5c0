#include "server/import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/actions.h"
#include "server/change.h"
#include "server/rows.h"

static const enum action_kind kinds[CARD_BOOKS] = {ACTION_POINTS, ACTION_CREDIT, ACTION_GIFT,
                                                   ACTION_VOUCHER};

/* The giver's reference of one balance: the same for ever, so that it is made once. */
static void ref_of(int64_t number, uint32_t line, int book, char ret[ACTIONS_REF_MAX + 1])
{
    (void)snprintf(ret, ACTIONS_REF_MAX + 1, "import-%" PRId64 "-%" PRIu32 "-%s", number, line,
                   book_name(book));
}

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

/* --- committing ---------------------------------------------------------------------------- */

static enum st check_new(struct db *db, const struct import_file *file, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db, "SELECT no FROM import WHERE sha256 = $1 AND undone_at = 0", "b", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, file->sha256, (size_t)IMPORT_SHA256_BYTES);
    }
    if (st == ST_OK && row) {
        fault_say(fault, "This very file is import %" PRId64 " already: nothing was done.",
                  db_i64(stmt, 0));
        st = ST_REFUSED;
    }
    db_finish(stmt);
    return st;
}

static enum st make_line(struct actions *actions, const struct import_line *line,
                         const struct import_order *order, int64_t number, int64_t now_s,
                         struct fault *fault)
{
    char ref[ACTIONS_REF_MAX + 1], giver[ACTIONS_GIVER_MAX + 1];
    struct action_made made;
    enum st st = ST_OK;
    (void)snprintf(giver, sizeof giver, "import %" PRId64, number);
    for (int book = 0; book < CARD_BOOKS && st == ST_OK; book++) {
        if (line->balance[book] == 0) {
            continue;
        }
        ref_of(number, line->line, book, ref);
        struct action_order action = {.action = {.kind = kinds[book],
                                                 .origin = ORIGIN_IMPORT,
                                                 .card_number = line->card,
                                                 .amount = line->balance[book]},
                                      .ref = ref,
                                      .giver = giver,
                                      .is_unseen_fine = true};
        (void)snprintf(action.action.text, sizeof action.action.text, "%s", order->text);
        st = actions_make_within(actions, &action, now_s, &made, fault);
        if (st == ST_REFUSED || st == ST_FOREIGN) {
            struct fault why = *fault;
            fault_say(fault, "Line %" PRIu32 ": %s", line->line, why.say);
        }
    }
    return st;
}

static enum st write_head(struct db *db, const struct import_file *file,
                          const struct import_order *order, int64_t number, int64_t now_s)
{
    enum st st = ST_OK;
    DB_ONCE(st, db,
            "INSERT INTO import (no, sha256, name, made_by, at, cards, b0, b1, b2, b3, undone_at,"
            " undone_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, '')",
            "ibttiiiiii", number, file->sha256, (size_t)IMPORT_SHA256_BYTES, order->name, order->by,
            now_s, (int64_t)file->count, file->total[0], file->total[1], file->total[2],
            file->total[3]);
    return st;
}

static enum st commit_within(struct db *db, struct actions *actions, const struct import_file *file,
                             const struct import_order *order, int64_t now_s, int64_t *ret_number,
                             struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    enum st st = check_new(db, file, fault);
    if (st == ST_OK) {
        st = change_next_number(db, "SELECT max(no) FROM import", ret_number);
    }
    if (st == ST_OK) {
        st = write_head(db, file, order, *ret_number, now_s);
    }
    if (st == ST_OK) {
        st = db_prepare(db,
                        "INSERT INTO import_line (no, line, card_no, b0, b1, b2, b3)"
                        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                        "iiiiiii", &stmt);
    }
    for (size_t i = 0; i < file->count && st == ST_OK; i++) {
        const struct import_line *line = &file->lines[i];
        st = db_run(stmt, *ret_number, (int64_t)line->line, (int64_t)line->card, line->balance[0],
                    line->balance[1], line->balance[2], line->balance[3]);
        if (st == ST_OK) {
            st = make_line(actions, line, order, *ret_number, now_s, fault);
        }
    }
    db_finish(stmt);
    return st;
}

enum st import_commit(struct db *db, const struct import_file *file,
                      const struct import_order *order, int64_t now_s, int64_t *ret_number,
                      struct fault *fault)
{
    assert(file->bad == 0);
    struct actions *actions = NULL;
    if (file->count == 0 || !text_is_name(order->by, IMPORT_BY_MAX) ||
        !text_is_name(order->name, IMPORT_NAME_MAX) ||
        !text_is_name(order->text, ACTION_TEXT_BYTES)) {
        fault_say(
            fault,
            file->count == 0
                ? "The file has no line to import."
                : "Say who imports it (1 to %d bytes), and a text of 1 to %d bytes for the card's "
                  "holder.",
            IMPORT_BY_MAX, ACTION_TEXT_BYTES);
        return ST_FOREIGN;
    }
    /* Without the key: sealing a million would keep terminals waiting. They are sealed piece by
     * piece as the club tends its actions. */
    enum st st = actions_open(db, NULL, &actions);
    if (st == ST_OK) {
        st = change_begin(db, fault);
    }
    if (st == ST_OK) {
        st = commit_within(db, actions, file, order, now_s, ret_number, fault);
        st = change_end(db, st, fault);
    }
    actions_close(actions);
    return st;
}

/* --- undoing ------------------------------------------------------------------------------- */

/* Withdraws one balance, in a transaction of its own. */
static enum st undo_one(struct actions *actions, int64_t number, const struct import_line *line,
                        int book, int64_t now_s, FILE *say, struct import_undone *ret)
{
    char ref[ACTIONS_REF_MAX + 1];
    struct fault fault = {""};
    ref_of(number, line->line, book, ref);
    enum st st = actions_withdraw(actions, ORIGIN_IMPORT, ref, now_s, &fault);
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

static enum st undo_lines(struct db *db, struct actions *actions, int64_t number, int64_t now_s,
                          FILE *say, struct import_undone *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = true;
    struct import_line line = {0};
    enum st st = db_prepare(db,
                            "SELECT line, card_no, b0, b1, b2, b3 FROM import_line WHERE no = $1"
                            " AND line > $2 ORDER BY line LIMIT 1",
                            "ii", &stmt);
    while (st == ST_OK) {
        st = db_first(stmt, &row, number, (int64_t)line.line);
        if (st != ST_OK || !row) {
            break;
        }
        line.line = (uint32_t)db_i64(stmt, 0);
        line.card = (uint64_t)db_i64(stmt, 1);
        for (int book = 0; book < CARD_BOOKS; book++) {
            line.balance[book] = db_i64(stmt, 2 + book);
        }
        db_reset(stmt);
        for (int book = 0; book < CARD_BOOKS && st == ST_OK; book++) {
            if (line.balance[book] != 0) {
                st = undo_one(actions, number, &line, book, now_s, say, ret);
            }
        }
    }
    db_finish(stmt);
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

enum st import_undo(struct db *db, const char *dir, int64_t number, const char *by, int64_t now_s,
                    FILE *say, struct import_undone *ret, struct fault *fault)
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
        st = signer_open(dir, NULL, &signer, fault); /* terminals get sealed voids in their place */
    }
    if (st == ST_OK) {
        st = actions_open(db, signer, &actions);
    }
    if (st == ST_OK) {
        st = undo_lines(db, actions, number, now_s, say, ret);
    }
    actions_close(actions);
    signer_close(signer);
    return st == ST_OK ? mark_undone(db, number, by, now_s, fault) : st;
}

/* --- the list ------------------------------------------------------------------------------ */

enum st import_list(struct db *db, bool as_json, FILE *out)
{
    static const char *const columns[] = {"iimport",  "tname",      "tby",        "iat",
                                          "icards",   "ipoints",    "icredit",    "igift",
                                          "ivoucher", "nundone_at", "tundone_by", NULL};
    struct db_stmt *stmt = NULL;
    json_t *rows = NULL;
    enum st st = db_prepare(db,
                            "SELECT no, name, made_by, at, cards, b0, b1, b2, b3, undone_at,"
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
