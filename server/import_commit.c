/* Making the actions of a file, some hundred lines at a time: each piece is a write transaction of
 * its own, and between two of them terminals get theirs. Cut short, the same file goes on where it
 * was. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/change.h"
#include "server/import_priv.h"
#include "server/members.h"

static const enum action_kind kinds[CARD_BOOKS] = {ACTION_POINTS, ACTION_CREDIT, ACTION_GIFT,
                                                   ACTION_VOUCHER};

void import_ref(int64_t number, uint32_t line, int book, char ret[ACTIONS_REF_MAX + 1])
{
    (void)snprintf(ret, ACTIONS_REF_MAX + 1, "import-%" PRId64 "-%" PRIu32 "-%s", number, line,
                   book_name(book));
}

/* --- which import it is -------------------------------------------------------------------- */

/* An import of this very file. */
struct under_way {
    int64_t number; /* 0: there is none, or it is undone */
    int64_t line;   /* made up to this line of the file */
    int64_t left;   /* lines that are not made yet */
    bool is_stopped;
    bool is_other; /* begun with other amounts: the file in another unit */
};

static enum st find(struct db *db, const struct import_file *file, struct under_way *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = (struct under_way){0};
    enum st st = db_prepare(db,
                            "SELECT no, is_stopped, made_to, cards - made, b0, b1, b2, b3"
                            " FROM import WHERE sha256 = $1 AND undone_at = 0",
                            "b", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, file->sha256, (size_t)IMPORT_SHA256_BYTES);
    }
    if (st == ST_OK && row) {
        *ret = (struct under_way){.number = db_i64(stmt, 0),
                                  .is_stopped = db_i64(stmt, 1) != 0,
                                  .line = db_i64(stmt, 2),
                                  .left = db_i64(stmt, 3)};
        for (int book = 0; book < CARD_BOOKS; book++) {
            ret->is_other = ret->is_other || db_i64(stmt, 4 + book) != file->total[book];
        }
    }
    db_finish(stmt);
    return st;
}

static enum st write_head(struct db *db, const struct import_file *file,
                          const struct import_order *order, int64_t number, int64_t now_s)
{
    enum st st = ST_OK;
    DB_ONCE(st, db,
            "INSERT INTO import (no, sha256, name, made_by, at, cards, b0, b1, b2, b3, undone_at,"
            " undone_by, is_stopped) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, '', 0)",
            "ibttiiiiii", number, file->sha256, (size_t)IMPORT_SHA256_BYTES, order->name, order->by,
            now_s, (int64_t)file->count, file->total[0], file->total[1], file->total[2],
            file->total[3]);
    return st;
}

/* The next import, or this file's that was cut short. */
static enum st begin(struct db *db, const struct import_file *file,
                     const struct import_order *order, int64_t now_s, int64_t *ret_number,
                     struct fault *fault)
{
    struct under_way import;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = find(db, file, &import);
    if (st == ST_OK && import.number != 0 && import.left == 0) {
        fault_say(fault, "This very file is import %" PRId64 " already: nothing was done.",
                  import.number);
        st = ST_REFUSED;
    } else if (st == ST_OK && import.number != 0 && import.is_other) {
        fault_say(fault,
                  "Import %" PRId64
                  " of this very file began in the other unit: go on in that one, "
                  "or undo it first.",
                  import.number);
        st = ST_REFUSED;
    }
    *ret_number = import.number;
    if (st == ST_OK && import.number == 0) {
        st = change_next_number(db, "SELECT max(no) FROM import", ret_number);
        st = st == ST_OK ? write_head(db, file, order, *ret_number, now_s) : st;
    }
    return change_end(db, st, fault);
}

/* --- its lines ----------------------------------------------------------------------------- */

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
        import_ref(number, line->line, book, ref);
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

/* Lines are in the file's order. */
static size_t first_behind(const struct import_file *file, int64_t line)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((int64_t)file->lines[middle].line <= line) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* 0: it is nobody's. */
static enum st owner_of(struct db *db, uint64_t card, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT account FROM member_card WHERE card_no = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

/* The member whose card it is, unless they are there already (import_check_people()). */
static enum st make_person(struct db *db, const struct import_file *file,
                           const struct import_line *line, const char *by, int64_t now_s,
                           struct fault *fault)
{
    uint64_t account = 0;
    int64_t owner = 0;
    enum st st = line->person < 0 ? ST_OK : owner_of(db, line->card, &owner);
    if (st != ST_OK || line->person < 0 || owner != 0) {
        return st;
    }
    st = members_add_within(db, by, &file->people[line->person], now_s, &account, fault);
    if (st == ST_OK) {
        st = members_card_within(db, account, line->card, now_s, fault);
    }
    if (st == ST_REFUSED || st == ST_FOREIGN) {
        struct fault why = *fault;
        fault_say(fault,
                  "Line %" PRIu32
                  ": %s The lines before it are made; the same command goes on when "
                  "this is put right.",
                  line->line, why.say);
    }
    return st;
}

/* The next lines, one piece of them. */
static enum st make_piece(struct db *db, struct actions *actions, const struct import_file *file,
                          const struct import_order *order, const struct under_way *import,
                          int64_t now_s, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    size_t i = 0, made = 0;
    int64_t line_no = import->line;
    enum st st = db_prepare(db,
                            "INSERT INTO import_line (no, line, card_no, b0, b1, b2, b3)"
                            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                            "iiiiiii", &stmt);
    for (i = first_behind(file, import->line);
         i < file->count && made < IMPORT_LINES_A_PIECE && st == ST_OK; i++, made++) {
        const struct import_line *line = &file->lines[i];
        line_no = line->line;
        st = db_run(stmt, import->number, line_no, (int64_t)line->card, line->balance[0],
                    line->balance[1], line->balance[2], line->balance[3]);
        if (st == ST_OK) {
            st = make_line(actions, line, order, import->number, now_s, fault);
        }
        if (st == ST_OK) {
            st = make_person(db, file, line, order->by, now_s, fault);
        }
    }
    db_finish(stmt);
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE import SET made = made + $2, made_to = $3 WHERE no = $1", "iii",
                import->number, (int64_t)made, line_no);
    }
    return st;
}

/* Where it stands is read again in each piece: somebody else may be at it, too, or undo it. */
static enum st step(struct db *db, struct actions *actions, const struct import_file *file,
                    const struct import_order *order, int64_t number, int64_t now_s,
                    int64_t *ret_left, struct fault *fault)
{
    struct under_way import;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = find(db, file, &import);
    *ret_left = import.left;
    if (st == ST_OK && (import.number != number || import.is_stopped)) {
        fault_say(fault, "Import %" PRId64 " is being undone: no more of it is made.", number);
        st = ST_REFUSED;
    }
    if (st == ST_OK && import.left > 0) {
        st = make_piece(db, actions, file, order, &import, now_s, fault);
        *ret_left = import.left > IMPORT_LINES_A_PIECE ? import.left - IMPORT_LINES_A_PIECE : 0;
    }
    return change_end(db, st, fault);
}

static enum st check(const struct import_file *file, const struct import_order *order,
                     struct fault *fault)
{
    if (file->count != 0 && text_is_name(order->by, IMPORT_BY_MAX) &&
        text_is_name(order->name, IMPORT_NAME_MAX) &&
        text_is_name(order->text, ACTION_TEXT_BYTES)) {
        return ST_OK;
    }
    fault_say(
        fault,
        file->count == 0
            ? "The file has no line to import."
            : "Say who imports it (1 to %d bytes), and a text of 1 to %d bytes for the card's "
              "holder.",
        IMPORT_BY_MAX, ACTION_TEXT_BYTES);
    return ST_FOREIGN;
}

enum st import_commit(struct db *db, const struct import_file *file,
                      const struct import_order *order, int64_t now_s, int64_t *ret_number,
                      struct fault *fault)
{
    assert(file->bad == 0);
    struct actions *actions = NULL;
    int64_t left = 1;
    enum st st = check(file, order, fault);
    if (st == ST_OK) {
        /* Without the key: sealing many would keep terminals waiting. They are sealed piece by
         * piece as the club tends its actions. */
        st = actions_open(db, NULL, &actions);
    }
    if (st == ST_OK) {
        st = begin(db, file, order, now_s, ret_number, fault);
    }
    while (st == ST_OK && left > 0) {
        const int64_t began_ms = change_clock_ms();
        st = step(db, actions, file, order, *ret_number, now_s, &left, fault);
        if (st == ST_OK && left > 0) {
            change_leave_room(began_ms);
        }
    }
    actions_close(actions);
    return st;
}
