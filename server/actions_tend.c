/* What falls due with actions: seals, ends and returns. */
#include <string.h>

#include "server/actions_priv.h"
#include "server/settled.h"

/* --- steps --------------------------------------------------------------------------------- */

static enum st give_number(struct actions *actions, struct action_row *row,
                           struct action_card *numbers, struct fault *fault)
{
    if (numbers->last >= SNAPSHOT_ACTION_MAX) {
        fault_say(fault, "Card %016llu has had its %d actions: replace the card.",
                  (unsigned long long)row->action.card_number, SNAPSHOT_ACTION_MAX);
        return ST_REFUSED;
    }
    numbers->last++;
    row->action.number = numbers->last;
    return numbers_set(actions, numbers);
}

static enum st seal(const struct actions *actions, struct action_row *row, struct fault *fault)
{
    uint8_t image[ACTION_BYTES], message[ACTION_MESSAGE_BYTES];
    row_image(row, image);
    action_message(image, message);
    const enum st st = signer_seal(actions->signer, message, sizeof message, row->seal);
    if (st != ST_OK) {
        fault_say(fault, "An action could not be sealed.");
    }
    return st;
}

enum st row_offer(struct actions *actions, struct action_row *row, int64_t now_s,
                  struct fault *fault)
{
    assert(actions->signer != NULL);
    struct action_card numbers;
    enum st st = numbers_get(actions, row->action.card_number, &numbers);
    row->is_due = false;
    if (st == ST_OK && row->action.number == 0) {
        st = give_number(actions, row, &numbers, fault);
    } else if (st == ST_OK && row->action.number <= numbers.passed) {
        return row_set(actions, row); /* the card has taken that number meanwhile */
    }
    if (st == ST_OK) {
        st = seal(actions, row, fault);
    }
    if (st == ST_OK) {
        st = stream_drop(actions, row->offer);
    }
    if (st == ST_OK) {
        row->offered_at = now_s;
        st = stream_put(actions, row->action.card_number, row->action.number, row->action.id, now_s,
                        &row->offer);
    }
    return st == ST_OK ? row_set(actions, row) : st;
}

enum st row_return(struct actions *actions, struct action_row *row)
{
    enum book book;
    if (row_money(&row->action, &book)) {
        books_move(actions, book, ACCOUNT_PENDING, source_of(row->action.origin),
                   row->action.amount);
    }
    row->state = row->was = ACTION_RETURNED;
    enum st st = row->action.origin == ORIGIN_TRANSFER
                     ? db_run(actions->sql[ASQL_TRANSFER_BACK], (int64_t)row->action.id)
                     : ST_OK;
    if (st == ST_OK) {
        st = row_count_given(actions, row, -1);
    }
    return st == ST_OK ? row_set(actions, row) : st;
}

enum st row_end(struct actions *actions, struct action_row *row)
{
    assert(row->state == ACTION_WAITING);
    row->state = row->was = ACTION_ENDED;
    if (row->action.number == 0) {
        row->is_due = false; /* no terminal ever heard of it */
        return row_return(actions, row);
    }
    row->is_void = row->is_due = true;
    return row_set(actions, row);
}

/* --- the round ----------------------------------------------------------------------------- */

enum duty { DUTY_SEAL, DUTY_EXPIRE, DUTY_RETURN, DUTY_UNTOLD, DUTIES };

/* The next row with that duty, if any. */
static enum st find(struct actions *actions, enum duty duty, int64_t now_s, int64_t settled_s,
                    struct action_row *ret, bool *ret_found)
{
    struct db_stmt *stmt = actions->sql[ASQL_DUE];
    *ret_found = false;
    switch (duty) {
    case DUTY_SEAL:
        if (actions->signer == NULL) {
            return ST_OK;
        }
        db_bind(stmt, (int64_t)actions->is_held);
        break;
    case DUTY_EXPIRE:
        stmt = actions->sql[ASQL_EXPIRED];
        db_bind(stmt, now_s);
        break;
    case DUTY_RETURN:
        stmt = actions->sql[ASQL_ENDED];
        db_bind(stmt, settled_s);
        break;
    case DUTY_UNTOLD:
    case DUTIES:
        stmt = actions->sql[ASQL_UNTOLD];
        db_bind(stmt, settled_s);
        break;
    }
    return row_next(actions, stmt, ret, ret_found);
}

static enum st discharge(struct actions *actions, enum duty duty, struct action_row *row,
                         int64_t now_s, struct fault *fault)
{
    bool is_recalled = false;
    enum st st = ST_OK;
    switch (duty) {
    case DUTY_SEAL:
        if (row->action.origin == ORIGIN_TRANSFER && row->state == ACTION_WAITING &&
            row->action.number == 0) {
            st = transfers_recall(actions, row, now_s, &is_recalled, fault);
        }
        if (st != ST_OK || is_recalled) {
            return st;
        }
        st = row_offer(actions, row, now_s, fault);
        if (st == ST_REFUSED && row->state == ACTION_WAITING) {
            /* The card has no number left: nobody will ever collect it. */
            row->action.number = 0;
            st = row_end(actions, row);
        }
        return st;
    case DUTY_EXPIRE:
        return row_end(actions, row);
    case DUTY_RETURN:
        return row_return(actions, row);
    case DUTY_UNTOLD:
    case DUTIES:
        break;
    }
    return row_count_as_taken(actions, row, now_s);
}

static enum st tend(struct actions *actions, int64_t now_s, int64_t settled_s, size_t *ret_steps,
                    struct fault *fault)
{
    struct action_row row;
    enum st st = ST_OK;
    size_t steps = 0;
    /* What expires first needs a void, then a seal: in this order one round does both. */
    static const enum duty order[] = {DUTY_EXPIRE, DUTY_SEAL, DUTY_RETURN, DUTY_UNTOLD};
    for (size_t i = 0; i < DUTIES && st == ST_OK; i++) {
        bool found = true;
        while (st == ST_OK && found && steps < ACTIONS_TEND_MAX) {
            st = find(actions, order[i], now_s, settled_s, &row, &found);
            if (st == ST_OK && found) {
                st = discharge(actions, order[i], &row, now_s, fault);
                steps++;
            }
        }
    }
    *ret_steps = steps;
    return st == ST_OK ? books_flush(actions, now_s) : st;
}

enum st actions_tend(struct actions *actions, int64_t now_s, size_t *ret_steps, struct fault *fault)
{
    struct action_row row;
    int64_t settled_s = 0;
    bool any = false;
    size_t steps = 0;
    /* Asking all terminals costs more than the rest: only when something waits for them. */
    enum st st = settled_is_forgetful(actions->db, false, &actions->is_held);
    if (st == ST_OK) {
        st = find(actions, DUTY_RETURN, now_s, INT64_MAX, &row, &any);
    }
    if (st == ST_OK && !any) {
        st = find(actions, DUTY_UNTOLD, now_s, INT64_MAX, &row, &any);
    }
    if (st == ST_OK && any) {
        st = settled_until(actions->db, &settled_s);
        any = false;
    }
    for (int duty = 0; duty < DUTIES && st == ST_OK && !any; duty++) {
        st = find(actions, (enum duty)duty, now_s, settled_s, &row, &any);
    }
    if (st == ST_OK && any) {
        st = db_begin_write(actions->db);
        if (st == ST_OK) {
            st = actions_look(actions);
        }
        if (st == ST_OK) {
            st = tend(actions, now_s, settled_s, &steps, fault);
        }
        st = actions_end(actions, st, fault);
    }
    if (ret_steps != NULL) {
        *ret_steps = steps;
    }
    return st;
}
