/* The tables of actions, and the club's own books (docs/club.md 5). */
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "server/actions_priv.h"
#include "server/business_day.h"
#include "server/settled.h"

#define COLUMNS                                                                                    \
    "card_no, id, origin, kind, value, amount, until, say, ref, giver, charge, made_at, number,"   \
    " state, was, is_void, is_due, offer, offered_at, seal, acct, done, term_id, term_seq"

static const struct {
    const char *sql, *types;
} statements[ASQL_COUNT] = {
    [ASQL_GET] = {"SELECT " COLUMNS " FROM action WHERE card_no = $1 AND id = $2", "ii"},
    [ASQL_BY_NUMBER] = {"SELECT " COLUMNS " FROM action WHERE card_no = $1 AND number = $2"
                        " AND number <> 0",
                        "ii"},
    [ASQL_PUT] = {"INSERT INTO action (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
                  " $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)",
                  "iiiiiiitttiiiiiiiiibiiii"},
    [ASQL_SET] = {"UPDATE action SET origin = $3, kind = $4, value = $5, amount = $6, until = $7,"
                  " say = $8, ref = $9, giver = $10, charge = $11, made_at = $12, number = $13,"
                  " state = $14, was = $15, is_void = $16, is_due = $17, offer = $18,"
                  " offered_at = $19, seal = $20, acct = $21, done = $22, term_id = $23,"
                  " term_seq = $24 WHERE card_no = $1 AND id = $2",
                  "iiiiiiitttiiiiiiiiibiiii"},
    [ASQL_REF_GET] = {"SELECT card_no FROM actref WHERE id = $1", "i"},
    [ASQL_REF_PUT] = {"INSERT INTO actref (id, card_no, first_no) VALUES ($1, $2, $3)", "iii"},
    [ASQL_REF_SET] = {"UPDATE actref SET card_no = $2, first_no = CASE first_no WHEN 0 THEN card_no"
                      " ELSE first_no END WHERE id = $1",
                      "ii"},
    [ASQL_DROP] = {"DELETE FROM action WHERE card_no = $1 AND id = $2", "ii"},
    /* Kinds 10 and 11 block and unblock. */
    [ASQL_WAITING] = {"SELECT a.card_no, a.id FROM action a LEFT JOIN actcard c"
                      " ON c.card_no = a.card_no WHERE a.card_no = $1 AND a.state = 1"
                      " AND a.kind NOT IN (10, 11)"
                      " AND (a.number = 0 OR a.number > coalesce(c.passed, 0))"
                      " ORDER BY CASE a.number WHEN 0 THEN 1 ELSE 0 END, a.number, a.made_at, a.id"
                      " LIMIT 1",
                      "i"},
    [ASQL_CARD_GET] = {"SELECT last, passed, past FROM actcard WHERE card_no = $1", "i"},
    [ASQL_CARD_PUT] = {"INSERT INTO actcard (card_no, last, passed, past) VALUES ($1, $2, $3, $4)",
                       "iiii"},
    [ASQL_CARD_SET] = {"UPDATE actcard SET last = $2, passed = $3, past = $4 WHERE card_no = $1",
                       "iiii"},
    [ASQL_CARD_SEEN] = {"SELECT image FROM card WHERE card_no = $1", "i"},
    [ASQL_READERS] = {"SELECT layout, term_id" SETTLED_LIVE " ORDER BY layout, term_id LIMIT 1",
                      ""},
    [ASQL_LOG_LAST] = {"SELECT no FROM actlog ORDER BY no DESC LIMIT 1", ""},
    [ASQL_LOG_PUT] = {"INSERT INTO actlog (no, mark, at, card_no, number, id, is_live)"
                      " VALUES ($1, $2, $3, $4, $5, $6, 1)",
                      "iiiiii"},
    [ASQL_LOG_DROP] = {"UPDATE actlog SET is_live = 0 WHERE no = $1", "i"},
    [ASQL_OFFERS] = {"SELECT card_no, id FROM action WHERE card_no = $1 AND number <> 0"
                     " AND number > $2 AND number <= $3 AND offer <> 0 ORDER BY number LIMIT 1",
                     "iii"},
    [ASQL_DUE] = {"SELECT card_no, id FROM action WHERE is_due = 1 AND (number <> 0 OR $1 = 0)"
                  " ORDER BY card_no, id LIMIT 1",
                  "i"},
    /* A card that has taken the number did so in a form that is not known yet: it is left alone. */
    [ASQL_EXPIRED] = {"SELECT a.card_no, a.id FROM action a LEFT JOIN actcard c"
                      " ON c.card_no = a.card_no WHERE a.state = 1 AND a.until <> 0"
                      " AND a.until < $1 AND (a.number = 0 OR a.number > coalesce(c.passed, 0))"
                      " ORDER BY a.until LIMIT 1",
                      "i"},
    [ASQL_ENDED] = {"SELECT card_no, id FROM action a WHERE state = 3 AND is_due = 0"
                    " AND offered_at < $1 AND number > coalesce((SELECT c.passed FROM actcard c"
                    " WHERE c.card_no = a.card_no), 0) AND NOT EXISTS (SELECT 1 FROM actdoubt d"
                    " WHERE d.card_no = a.card_no AND d.number = a.number)"
                    " ORDER BY offered_at LIMIT 1",
                    "i"},
    /* A number that is offered no more is one that the card is past. */
    [ASQL_UNTOLD] = {"SELECT card_no, id FROM action a WHERE offer = 0 AND number <> 0"
                     " AND state IN (1, 3) AND offered_at < $1 AND NOT EXISTS (SELECT 1"
                     " FROM actdoubt d WHERE d.card_no = a.card_no AND d.number = a.number)"
                     " ORDER BY offered_at LIMIT 1",
                     "i"},
    [ASQL_CASE_PUT] = {"INSERT INTO tcase (term_id, term_seq, why, card_no, card_ctr, at, say, raw)"
                       " VALUES (0, $1, 'untold', $2, 0, $3, $4, $5)"
                       " ON CONFLICT (term_id, term_seq, why) DO NOTHING",
                       "iiitb"},
    [ASQL_DOUBT_GET] = {"SELECT 1 FROM actdoubt WHERE card_no = $1 AND number = $2 AND term_id = $3"
                        " AND term_seq = $4",
                        "iiii"},
    [ASQL_DOUBT_PUT] = {"INSERT INTO actdoubt (card_no, number, term_id, term_seq)"
                        " VALUES ($1, $2, $3, $4)",
                        "iiii"},
    [ASQL_DOUBT_DROP] = {"DELETE FROM actdoubt WHERE card_no = $1 AND number = $2 AND term_id = $3"
                         " AND term_seq = $4",
                         "iiii"},
    /* The money is in transit again (transfers.h), whichever card the order had gone on to. */
    [ASQL_TRANSFER_BACK] = {"UPDATE transfer SET ordered = 0, is_open = 1 WHERE ordered = $1", "i"},
    [ASQL_RELEASE_GIVEN] =
        {"UPDATE lost SET is_due = 1,"
         " g0 = g0 + CASE $2 WHEN 0 THEN $3 ELSE 0 END,"
         " g1 = g1 + CASE $2 WHEN 1 THEN $3 ELSE 0 END,"
         " g2 = g2 + CASE $2 WHEN 2 THEN $3 ELSE 0 END,"
         " g3 = g3 + CASE $2 WHEN 3 THEN $3 ELSE 0 END WHERE card_no ="
         " (SELECT r.card_no FROM lost_release r WHERE r.id = $1 AND r.round > 0)",
         "iii"},
    [ASQL_BOOKS_LAST] = {"SELECT batch_no FROM batch WHERE term_id = 0"
                         " ORDER BY batch_no DESC LIMIT 1",
                         ""},
    [ASQL_BATCH_PUT] = {"INSERT INTO batch (term_id, batch_no, first_seq, last_seq, hash, at,"
                        " posted, unchecked) VALUES (0, $1, 0, 0, $2, $3, 0, 0)",
                        "ibi"},
    [ASQL_JRN_PUT] = {"INSERT INTO jrn (term_id, batch_no, merch, day, purse, acct, n, amount)"
                      " VALUES (0, $1, 0, $2, $3, $4, $5, $6)",
                      "iiiiii"},
};

enum st actions_open(struct db *db, const struct signer *signer, struct actions **ret)
{
    struct actions *actions = calloc(1, sizeof *actions);
    if (actions == NULL) {
        return ST_FULL;
    }
    actions->db = db;
    actions->signer = signer;
    enum st st = ST_OK;
    for (int i = 0; i < ASQL_COUNT && st == ST_OK; i++) {
        st = db_prepare(db, statements[i].sql, statements[i].types, &actions->sql[i]);
    }
    if (st != ST_OK) {
        actions_close(actions);
        return st;
    }
    *ret = actions;
    return ST_OK;
}

void actions_close(struct actions *actions)
{
    if (actions == NULL) {
        return;
    }
    for (int i = 0; i < ASQL_COUNT; i++) {
        db_finish(actions->sql[i]);
    }
    free(actions);
}

/* --- rows ---------------------------------------------------------------------------------- */

static void copy_text(struct db_stmt *stmt, int column, char *ret, size_t size)
{
    const char *text = db_text(stmt, column);
    (void)snprintf(ret, size, "%s", text == NULL ? "" : text);
}

static enum st read_row(struct db_stmt *stmt, struct action_row *ret)
{
    memset(ret, 0, sizeof *ret);
    struct action *action = &ret->action;
    size_t size = 0;
    action->card_number = (uint64_t)db_i64(stmt, 0);
    action->id = (uint64_t)db_i64(stmt, 1);
    action->origin = (enum action_origin)db_i64(stmt, 2);
    action->kind = (enum action_kind)db_i64(stmt, 3);
    action->value = (uint16_t)db_i64(stmt, 4);
    action->amount = db_i64(stmt, 5);
    action->until_s = db_i64(stmt, 6);
    copy_text(stmt, 7, action->text, sizeof action->text);
    copy_text(stmt, 8, ret->ref, sizeof ret->ref);
    copy_text(stmt, 9, ret->giver, sizeof ret->giver);
    ret->charge = db_i64(stmt, 10);
    ret->made_at = db_i64(stmt, 11);
    action->number = (uint16_t)db_i64(stmt, 12);
    ret->state = (enum action_state)db_i64(stmt, 13);
    ret->was = (enum action_state)db_i64(stmt, 14);
    ret->is_void = db_i64(stmt, 15) != 0;
    ret->is_due = db_i64(stmt, 16) != 0;
    ret->offer = db_i64(stmt, 17);
    ret->offered_at = db_i64(stmt, 18);
    const void *seal = db_bytes(stmt, 19, &size);
    if (size == sizeof ret->seal) {
        memcpy(ret->seal, seal, size);
    }
    ret->account = (enum account)db_i64(stmt, 20);
    ret->done = db_i64(stmt, 21);
    ret->terminal = (uint32_t)db_i64(stmt, 22);
    ret->sequence = (uint32_t)db_i64(stmt, 23);
    return size == sizeof ret->seal ? ST_OK : ST_CORRUPT;
}

static enum st fetch(struct db_stmt *stmt, enum st st, bool row, struct action_row *ret,
                     bool *ret_found)
{
    if (st == ST_OK && row) {
        st = read_row(stmt, ret);
    }
    db_reset(stmt);
    *ret_found = st == ST_OK && row;
    return st;
}

enum st row_get(struct actions *actions, uint64_t card, uint64_t id, struct action_row *ret,
                bool *ret_found)
{
    struct db_stmt *stmt = actions->sql[ASQL_GET];
    bool row = false;
    const enum st st = db_first(stmt, &row, (int64_t)card, (int64_t)id);
    return fetch(stmt, st, row, ret, ret_found);
}

enum st row_by_number(struct actions *actions, uint64_t card, uint16_t number,
                      struct action_row *ret, bool *ret_found)
{
    struct db_stmt *stmt = actions->sql[ASQL_BY_NUMBER];
    bool row = false;
    const enum st st = db_first(stmt, &row, (int64_t)card, (int64_t)number);
    return fetch(stmt, st, row, ret, ret_found);
}

enum st row_next(struct actions *actions, struct db_stmt *stmt, struct action_row *ret,
                 bool *ret_found)
{
    bool row = false;
    enum st st = db_step(stmt, &row);
    const uint64_t card = st == ST_OK && row ? (uint64_t)db_i64(stmt, 0) : 0;
    const uint64_t id = st == ST_OK && row ? (uint64_t)db_i64(stmt, 1) : 0;
    db_reset(stmt);
    *ret_found = false;
    if (st == ST_OK && row) {
        st = row_get(actions, card, id, ret, ret_found);
        return st == ST_OK && !*ret_found ? ST_CORRUPT : st;
    }
    return st;
}

static enum st write_row(struct db_stmt *stmt, const struct action_row *row)
{
    const struct action *action = &row->action;
    return db_run(stmt, (int64_t)action->card_number, (int64_t)action->id, (int64_t)action->origin,
                  (int64_t)action->kind, (int64_t)action->value, action->amount, action->until_s,
                  action->text, row->ref, row->giver, row->charge, row->made_at,
                  (int64_t)action->number, (int64_t)row->state, (int64_t)row->was,
                  (int64_t)row->is_void, (int64_t)row->is_due, row->offer, row->offered_at,
                  row->seal, sizeof row->seal, (int64_t)row->account, row->done,
                  (int64_t)row->terminal, (int64_t)row->sequence);
}

enum st row_put(struct actions *actions, const struct action_row *row)
{
    return write_row(actions->sql[ASQL_PUT], row);
}

enum st row_set(struct actions *actions, const struct action_row *row)
{
    return write_row(actions->sql[ASQL_SET], row);
}

enum st row_fill(struct actions *actions, struct action_row *row, int64_t now_s)
{
    const struct action *action = &row->action;
    const uint64_t id = (action->id + action->number) & INT64_MAX;
    const struct action_row filler = {.action = {.kind = ACTION_VOID,
                                                 .origin = action->origin,
                                                 .number = action->number,
                                                 .card_number = action->card_number,
                                                 .id = id},
                                      .made_at = now_s,
                                      .state = ACTION_RETURNED,
                                      .was = ACTION_RETURNED,
                                      .is_void = true,
                                      .is_due = true,
                                      .offer = row->offer}; /* until the void is offered */
    row->offer = 0;
    row->action.number = 0;
    enum st st = row_set(actions, row);
    return st == ST_OK ? row_put(actions, &filler) : st;
}

enum st row_waiting(struct actions *actions, uint64_t card, struct action_row *ret, bool *ret_found)
{
    struct db_stmt *stmt = actions->sql[ASQL_WAITING];
    db_bind(stmt, (int64_t)card);
    return row_next(actions, stmt, ret, ret_found);
}

enum st row_move(struct actions *actions, struct action_row *row, uint64_t card, int64_t now_s)
{
    enum st st = row->action.number == 0 ? ST_OK : row_fill(actions, row, now_s);
    if (st == ST_OK) {
        st = db_run(actions->sql[ASQL_DROP], (int64_t)row->action.card_number,
                    (int64_t)row->action.id);
    }
    row->action.card_number = card;
    row->is_due = true;
    if (st == ST_OK) {
        st = db_run(actions->sql[ASQL_REF_SET], (int64_t)row->action.id, (int64_t)card);
    }
    return st == ST_OK ? row_put(actions, row) : st;
}

void row_image(const struct action_row *row, uint8_t ret[ACTION_BYTES])
{
    struct action action = row->action;
    if (row->is_void) {
        action = (struct action){.kind = ACTION_VOID,
                                 .origin = row->action.origin,
                                 .number = row->action.number,
                                 .card_number = row->action.card_number,
                                 .id = row->action.id};
    }
    action_encode(&action, ret);
}

bool row_money(const struct action *action, enum book *ret_book)
{
    switch (action->kind) {
    case ACTION_CREDIT:
        *ret_book = BOOK_CREDIT;
        return true;
    case ACTION_GIFT:
        *ret_book = BOOK_GIFT;
        return true;
    case ACTION_VOUCHER:
        *ret_book = BOOK_VOUCHER;
        return true;
    case ACTION_POINTS:
        *ret_book = BOOK_POINTS;
        return true;
    case ACTION_VOID:
    case ACTION_TAKE_CREDIT:
    case ACTION_TAKE_POINTS:
    case ACTION_TIER:
    case ACTION_GROUP:
    case ACTION_BLOCK:
    case ACTION_UNBLOCK:
    case ACTION_OFFER:
    case ACTION_STAMPS:
    case ACTION_PARTICULARS:
    case ACTION_LAYOUT:
        break;
    }
    return false;
}

enum st row_count_given(struct actions *actions, const struct action_row *row, int sign)
{
    enum book book;
    return row->action.origin == ORIGIN_REPLACEMENT && row_money(&row->action, &book)
               ? db_run(actions->sql[ASQL_RELEASE_GIVEN], (int64_t)row->action.id, (int64_t)book,
                        sign * row->action.amount)
               : ST_OK;
}

enum account source_of(enum action_origin origin)
{
    return origin == ORIGIN_TRANSFER      ? ACCOUNT_TRANSIT
           : origin == ORIGIN_REPLACEMENT ? ACCOUNT_REPLACED
           : origin == ORIGIN_ACCRUAL     ? ACCOUNT_ACCRUED
                                          : ACCOUNT_GIVEN;
}

/* --- a card's numbers ---------------------------------------------------------------------- */

/* A card may have taken actions that this club has forgotten: its newest state tells. */
static enum st seen_of(struct actions *actions, uint64_t card, uint16_t *ret)
{
    struct db_stmt *stmt = actions->sql[ASQL_CARD_SEEN];
    struct snapshot snapshot;
    bool row = false;
    size_t size = 0;
    *ret = 0;
    enum st st = db_first(stmt, &row, (int64_t)card);
    if (st == ST_OK && row) {
        const void *image = db_bytes(stmt, 0, &size);
        if (size == SNAPSHOT_IMAGE_BYTES && snapshot_decode(image, &snapshot) == ST_OK) {
            *ret = snapshot.action;
        }
    }
    db_reset(stmt);
    return st;
}

enum st numbers_get(struct actions *actions, uint64_t card, struct action_card *ret)
{
    struct db_stmt *stmt = actions->sql[ASQL_CARD_GET];
    *ret = (struct action_card){.card = card};
    enum st st = db_first(stmt, &ret->exists, (int64_t)card);
    if (st == ST_OK && ret->exists) {
        ret->last = (uint16_t)db_i64(stmt, 0);
        ret->passed = (uint16_t)db_i64(stmt, 1);
        ret->past = db_i64(stmt, 2);
    }
    db_reset(stmt);
    if (st == ST_OK && !ret->exists) {
        st = seen_of(actions, card, &ret->last);
        ret->passed = ret->last;
    }
    return st;
}

enum st numbers_set(struct actions *actions, struct action_card *numbers)
{
    struct db_stmt *stmt = actions->sql[numbers->exists ? ASQL_CARD_SET : ASQL_CARD_PUT];
    numbers->exists = true;
    return db_run(stmt, (int64_t)numbers->card, (int64_t)numbers->last, (int64_t)numbers->passed,
                  numbers->past);
}

/* --- the stream ---------------------------------------------------------------------------- */

enum st stream_put(struct actions *actions, uint64_t card, uint16_t number, uint64_t id,
                   int64_t now_s, int64_t *ret_no)
{
    struct db_stmt *last = actions->sql[ASQL_LOG_LAST];
    bool row = false;
    int64_t mark = 0;
    enum st st = db_first(last, &row);
    const int64_t no = st == ST_OK && row ? db_i64(last, 0) + 1 : 1;
    db_reset(last);
    if (st != ST_OK) {
        return st;
    }
    if (no > INT32_MAX) {
        return ST_FULL;
    }
    if (gnutls_rnd(GNUTLS_RND_NONCE, &mark, sizeof mark) != 0) {
        return ST_IO;
    }
    *ret_no = no;
    return db_run(actions->sql[ASQL_LOG_PUT], no, mark, now_s, (int64_t)card, (int64_t)number,
                  (int64_t)id);
}

enum st stream_drop(struct actions *actions, int64_t no)
{
    return no == 0 ? ST_OK : db_run(actions->sql[ASQL_LOG_DROP], no);
}

/* --- the club's own books ------------------------------------------------------------------ */

void books_move(struct actions *actions, enum book book, enum account from, enum account to,
                int64_t amount)
{
    if (amount != 0 && from != to) {
        actions->sums[book][from].count++;
        actions->sums[book][from].amount -= amount;
        actions->sums[book][to].count++;
        actions->sums[book][to].amount += amount;
    }
}

void books_forget(struct actions *actions)
{
    memset(actions->sums, 0, sizeof actions->sums);
}

static enum st next_batch(struct actions *actions, int64_t now_s, int64_t *ret)
{
    struct db_stmt *stmt = actions->sql[ASQL_BOOKS_LAST];
    bool row = false;
    enum st st = db_first(stmt, &row);
    *ret = st == ST_OK && row ? db_i64(stmt, 0) + 1 : 1;
    db_reset(stmt);
    return st == ST_OK ? db_run(actions->sql[ASQL_BATCH_PUT], *ret, "", (size_t)0, now_s) : st;
}

enum st books_flush(struct actions *actions, int64_t now_s)
{
    int64_t batch = 0;
    enum st st = ST_OK;
    for (int i = 0; i < CARD_BOOKS * ACTION_ACCOUNTS && st == ST_OK; i++) {
        const int book = i / ACTION_ACCOUNTS, account = i % ACTION_ACCOUNTS;
        struct actions_sum *sum = &actions->sums[book][account];
        if (sum->count == 0) {
            continue;
        }
        if (batch == 0) {
            st = next_batch(actions, now_s, &batch);
        }
        if (st == ST_OK) {
            st = db_run(actions->sql[ASQL_JRN_PUT], batch, business_day(now_s), (int64_t)book,
                        (int64_t)account, sum->count, sum->amount);
        }
        *sum = (struct actions_sum){0, 0};
    }
    return st;
}
