/* Actions that a card is past, while the transaction that took them never came: what they count as
 * once nobody is left who could bring it. Rule and reasons: docs/decisions/0010-actions.md, "When
 * the transaction never comes". */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/actions_priv.h"

enum { SAY_BYTES = 320 };

/* The case bears the order's own number: the same in a club that was restored, and one, should the
 * order wait again and be lost again. */
static enum st open_case(struct actions *actions, const struct action_row *row, int64_t now_s,
                         const char *what)
{
    struct db_stmt *stmt = actions->sql[ASQL_CASE_PUT];
    const struct action *action = &row->action;
    uint8_t image[ACTION_BYTES];
    char say[SAY_BYTES];
    row_image(row, image);
    (void)snprintf(say, sizeof say,
                   "Card %016" PRIu64 " is past its action %u (%s of %" PRId64
                   ", %s \"%s\"), and no "
                   "terminal is left that could bring the transaction: %s.",
                   action->card_number, action->number, action_kind_word(action->kind),
                   action->kind == ACTION_PARTICULARS ? 0 : action->amount,
                   action_origin_word(action->origin), row->ref, what);
    return db_run(stmt, (int64_t)action->id, (int64_t)action->card_number, now_s, say, image,
                  sizeof image);
}

void row_recall(struct actions *actions, struct action_row *row)
{
    enum book book;
    if (row->state != ACTION_TAKEN) {
        return;
    }
    row->state = row->was = ACTION_WAITING;
    if (row_money(&row->action, &book)) {
        books_move(actions, book, ACCOUNT_UNTOLD, ACCOUNT_PENDING, row->action.amount);
    }
}

enum st row_count_as_taken(struct actions *actions, struct action_row *row, int64_t now_s)
{
    enum book book;
    if (row->state == ACTION_ENDED) {
        const enum st st = open_case(actions, row, now_s,
                                     "it was taken back before, so it counts as not taken, and its "
                                     "giver has it again");
        return st == ST_OK ? row_return(actions, row) : st;
    }
    assert(row->state == ACTION_WAITING);
    row->state = row->was = ACTION_TAKEN;
    if (row_money(&row->action, &book)) {
        books_move(actions, book, ACCOUNT_PENDING, ACCOUNT_UNTOLD, row->action.amount);
    }
    const enum st st = open_case(actions, row, now_s, "it counts as taken, in the account untold");
    return st == ST_OK ? row_set(actions, row) : st;
}
