/* What cards did with actions: the ledger's side (ledger_priv.h). The number on the card decides: a
 * card takes each number once, and the intent's images say what it took. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/ledger_priv.h"

/* --- passed -------------------------------------------------------------------------------- */

enum st actions_passed(struct ledger *ledger, uint64_t card, uint16_t number)
{
    struct actions *actions = ledger->actions;
    struct action_card numbers;
    struct action_row row;
    bool found = true, any = false;
    enum st st = numbers_get(actions, card, &numbers);
    if (st != ST_OK || (numbers.exists && number <= numbers.passed)) {
        return st;
    }
    const uint16_t from = numbers.exists ? numbers.passed : 0;
    numbers.passed = number > numbers.passed ? number : numbers.passed;
    numbers.last = number > numbers.last ? number : numbers.last;
    while (st == ST_OK && found) {
        struct db_stmt *stmt = actions->sql[ASQL_OFFERS];
        db_bind(stmt, (int64_t)card, (int64_t)from, (int64_t)numbers.passed);
        st = row_next(actions, stmt, &row, &found);
        if (st == ST_OK && found) {
            any = true;
            st = stream_drop(actions, row.offer);
            row.offer = 0;
            row.is_due = false;
            row.offered_at = ledger->now_s;
            st = st == ST_OK ? row_set(actions, &row) : st;
        }
    }
    if (st == ST_OK && any) {
        st = stream_drop(actions, numbers.past);
        st = st == ST_OK
                 ? stream_put(actions, card, numbers.passed, 0, ledger->now_s, &numbers.past)
                 : st;
    }
    return st == ST_OK ? numbers_set(actions, &numbers) : st;
}

/* --- in doubt ------------------------------------------------------------------------------ */

static enum st doubt(struct ledger *ledger, const struct item *item, uint16_t number, bool is_open)
{
    struct db_stmt *const *sql = ledger->actions->sql;
    const int64_t card = (int64_t)item->entry.intent.card_number, n = number;
    const int64_t terminal = item->entry.terminal, sequence = item->entry.sequence;
    bool is_there = false;
    if (!is_open) {
        return db_run(sql[ASQL_DOUBT_DROP], card, n, terminal, sequence);
    }
    enum st st = db_first(sql[ASQL_DOUBT_GET], &is_there, card, n, terminal, sequence);
    db_reset(sql[ASQL_DOUBT_GET]);
    return st == ST_OK && !is_there ? db_run(sql[ASQL_DOUBT_PUT], card, n, terminal, sequence) : st;
}

enum st actions_doubt(struct ledger *ledger, const struct item *item)
{
    const struct occasion *occasion = &item->entry.intent.occasion;
    const bool is_open = item->fate == FATE_OPEN || item->fate == FATE_LEFT;
    enum st st = ST_OK;
    for (uint8_t i = 0; i < occasion->action_count && st == ST_OK; i++) {
        st = doubt(ledger, item, occasion->actions[i].number, is_open);
    }
    return st;
}

/* --- one action that a card took ----------------------------------------------------------- */

/* What is being posted. */
struct taking {
    struct ledger *ledger;
    const struct item *item;
    struct posting *posting;
};

static enum st say_case(struct taking *taking, const struct action *action, const char *what)
{
    const struct item *item = taking->item;
    return case_open(
        taking->ledger, "action", item, action->card_number, item->entry.intent.after.counter,
        "Card %016" PRIu64 " took its action %u (%s of %" PRId64 ", entry %u of terminal %u): %s.",
        action->card_number, action->number, action_kind_word(action->kind), action->amount,
        item->entry.sequence, item->entry.terminal, what);
}

static enum book book_of(const struct action *action)
{
    enum book book;
    if (row_money(action, &book)) {
        return book;
    }
    return action->kind == ACTION_TAKE_POINTS ? BOOK_POINTS : BOOK_CREDIT;
}

static void add_leg(struct taking *taking, const struct action *action, enum account account,
                    int64_t done)
{
    posting_leg(taking->posting, book_of(action), account, -done);
}

/* A number that this row had was taken by another action: the club had forgotten that one, and gave
 * its number again. */
static enum st lose_number(struct taking *taking, struct action_row *row)
{
    struct actions *actions = taking->ledger->actions;
    if (row->state == ACTION_APPLIED || row->state == ACTION_STRAY) {
        return say_case(taking, &row->action, "it had taken another one under that number before");
    }
    enum st st = stream_drop(actions, row->offer);
    row_recall(actions, row);
    row->action.number = 0;
    row->offer = 0;
    row->is_void = false;
    row->is_due = row->state == ACTION_WAITING;
    if (st == ST_OK && row->state == ACTION_ENDED) {
        return row_return(actions, row);
    }
    return st == ST_OK ? row_set(actions, row) : st;
}

/* Finds the order that the card took. *ret_found is false: the club knows no such order. */
static enum st find_order(struct taking *taking, const struct action *action,
                          struct action_row *ret, bool *ret_found)
{
    struct actions *actions = taking->ledger->actions;
    enum st st = row_by_number(actions, action->card_number, action->number, ret, ret_found);
    if (st != ST_OK || (*ret_found && ret->action.id == action->id)) {
        return st;
    }
    const bool is_taken =
        *ret_found && (ret->state == ACTION_APPLIED || ret->state == ACTION_STRAY);
    if (*ret_found) {
        st = lose_number(taking, ret);
    }
    if (st == ST_OK) {
        st = row_get(actions, action->card_number, action->id, ret, ret_found);
    }
    if (st == ST_OK && *ret_found && ret->state == ACTION_WAITING && ret->action.number != 0) {
        /* terminals hold it under a number by which they must not apply it again */
        st = row_fill(actions, ret, taking->ledger->now_s);
    }
    if (st == ST_OK && *ret_found && ret->action.number == 0 && !is_taken) {
        ret->action.number = action->number;
    }
    return st;
}

static void sign_row(const struct taking *taking, struct action_row *row)
{
    row->terminal = taking->item->entry.terminal;
    row->sequence = taking->item->entry.sequence;
    row->is_due = false;
}

/* A void: nobody will ever have what it stands for. */
static enum st take_void(struct taking *taking, const struct action *action, struct action_row *row)
{
    const enum action_state was = row->state;
    if (was == ACTION_APPLIED || was == ACTION_STRAY) {
        return say_case(taking, action, "another entry says that it had the action itself");
    }
    sign_row(taking, row);
    row_recall(taking->ledger->actions, row);
    enum st st = was == ACTION_RETURNED ? row_set(taking->ledger->actions, row)
                                        : row_return(taking->ledger->actions, row);
    if (st == ST_OK && was != ACTION_RETURNED) {
        row->was = was;
        st = row_set(taking->ledger->actions, row);
    }
    return st;
}

static enum st take_own(struct taking *taking, const struct action *action, int64_t done,
                        struct action_row *row)
{
    const enum action_state was = row->state;
    const char *odd = NULL;
    enum account account = done < 0              ? source_of(action->origin)
                           : was == ACTION_TAKEN ? ACCOUNT_UNTOLD
                                                 : ACCOUNT_PENDING;
    if (was == ACTION_APPLIED || was == ACTION_STRAY) {
        odd = "another entry says so, too";
    } else if (!action_is_equal(action, &row->action)) {
        odd = "it is not what the club had sealed";
    }
    if (odd != NULL) {
        add_leg(taking, action, ACCOUNT_UNEXPLAINED, done);
        return say_case(taking, action, odd);
    }
    if (was == ACTION_RETURNED && done > 0) {
        account = source_of(action->origin);
        odd = "it was given back before, and is asked of the giver again";
    }
    add_leg(taking, action, account, done);
    sign_row(taking, row);
    row->was = was;
    row->state = ACTION_APPLIED;
    row->account = account;
    row->done = done;
    enum st st = row_set(taking->ledger->actions, row);
    if (st == ST_OK && was == ACTION_RETURNED) {
        st = row_count_given(taking->ledger->actions, row, 1);
    }
    return st == ST_OK && odd != NULL ? say_case(taking, action, odd) : st;
}

/* The club knows no such order: it was restored from a backup, or the terminal lies. When the giver
 * asks for it again, the club knows it by its id. */
static enum st take_stray(struct taking *taking, const struct action *action, int64_t done)
{
    struct actions *actions = taking->ledger->actions;
    struct action_row row = {.action = *action,
                             .made_at = taking->ledger->now_s,
                             .state = ACTION_STRAY,
                             .was = ACTION_STRAY,
                             .account = ACCOUNT_UNEXPLAINED,
                             .done = done};
    bool is_named = false;
    if (action->kind == ACTION_VOID) {
        return ST_OK;
    }
    add_leg(taking, action, ACCOUNT_UNEXPLAINED, done);
    sign_row(taking, &row);
    struct db_stmt *stmt = actions->sql[ASQL_REF_GET];
    enum st st = db_first(stmt, &is_named, (int64_t)action->id);
    db_reset(stmt);
    if (st == ST_OK && !is_named) {
        st = db_run(actions->sql[ASQL_REF_PUT], (int64_t)action->id, (int64_t)action->card_number,
                    (int64_t)0);
        st = st == ST_OK ? row_put(actions, &row) : st;
    }
    return st == ST_OK ? say_case(taking, action,
                                  "the club knows no such order; if it was restored from a backup, "
                                  "give it the order again")
                       : st;
}

static enum st take(struct taking *taking, const struct action *action, int64_t moved)
{
    const bool takes = action->kind == ACTION_TAKE_CREDIT || action->kind == ACTION_TAKE_POINTS;
    const int64_t done = takes ? -moved : moved;
    struct action_row row;
    bool found = false;
    enum st st = find_order(taking, action, &row, &found);
    if (st != ST_OK || !found) {
        return st == ST_OK ? take_stray(taking, action, done) : st;
    }
    return action->kind == ACTION_VOID ? take_void(taking, action, &row)
                                       : take_own(taking, action, done, &row);
}

/* --- the transaction ----------------------------------------------------------------------- */

/* Runs the actions on the card as the terminal did. False: the engine does not come to that. */
static bool run(const struct entry_intent *intent, const struct action *actions, size_t count,
                struct plan *ret)
{
    const struct plan_input input = {.history = &intent->before,
                                     .history_count = 1,
                                     .occasion = &intent->occasion,
                                     .minute = intent->after.last.minute,
                                     .terminal = intent->after.last.terminal,
                                     .sequence = intent->after.last.sequence};
    return intent->has_before && count > 0 && plan_actions(&input, actions, count, ret) == ST_OK &&
           ret->action_count == count;
}

enum st actions_post(struct ledger *ledger, const struct item *item, struct posting *posting)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct occasion *occasion = &intent->occasion;
    struct taking taking = {ledger, item, posting};
    struct plan plan;
    const bool is_run = run(intent, occasion->actions, occasion->action_count, &plan);
    enum st st = actions_passed(ledger, intent->card_number, intent->after.action);
    posting->leg_count = 0;
    for (uint8_t i = 0; i < occasion->action_count && st == ST_OK; i++) {
        const struct action *action = &occasion->actions[i];
        st = doubt(ledger, item, action->number, false);
        if (st == ST_OK) {
            st = take(&taking, action, is_run ? plan.action_moved[i] : 0);
        }
    }
    posting_rest(posting);
    return st;
}

/* --- proofs -------------------------------------------------------------------------------- */

/* What the club has under the card's numbers above `from` to `to`. */
static enum st rows_between(struct ledger *ledger, uint64_t card, uint16_t from, uint16_t to,
                            struct action_row ret[ACTION_RUN_MAX], size_t *ret_count)
{
    enum st st = ST_OK;
    size_t count = 0;
    *ret_count = 0;
    if (to <= from || to - from > ACTION_RUN_MAX) {
        return ST_OK;
    }
    for (uint16_t number = (uint16_t)(from + 1); number <= to; number++) {
        bool found = false;
        st = row_by_number(ledger->actions, card, number, &ret[count], &found);
        if (st != ST_OK || !found) {
            return st;
        }
        count++;
    }
    *ret_count = count;
    return st;
}

/* The actions in one of the forms that terminals may have held: bit i of `voids` asks for a void.
 * False: that one was never made a void. */
static bool forms(const struct action_row *rows, size_t count, unsigned voids,
                  struct action ret[ACTION_RUN_MAX])
{
    for (size_t i = 0; i < count; i++) {
        const bool is_void = (voids >> i & 1) != 0;
        struct action_row row = rows[i];
        uint8_t image[ACTION_BYTES];
        if (is_void && !row.is_void) {
            return false;
        }
        row.is_void = is_void;
        row_image(&row, image);
        if (action_decode(image, &ret[i]) != ST_OK) {
            return false;
        }
    }
    return true;
}

/* The transaction comes to the same by these forms and by those that are noted in the item, but
 * other givers paid: say so once. */
static enum st say_alike(struct ledger *ledger, const struct item *item,
                         const struct action others[ACTION_RUN_MAX])
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct occasion *occasion = &intent->occasion;
    for (uint8_t i = 0; i < occasion->action_count; i++) {
        const struct action *is = &occasion->actions[i];
        enum book book;
        if (is->kind == ACTION_VOID && row_money(&others[i], &book)) {
            return case_open(ledger, "alike", item, intent->card_number, intent->after.counter,
                             "Card %016" PRIu64
                             " took one of several equal actions at terminal %u, "
                             "which is dead; which one, nothing tells. Action %u (%s of %" PRId64
                             ") counts as taken back, though it may be the one: the sums are "
                             "right, the givers may be exchanged.",
                             intent->card_number, item->entry.terminal, others[i].number,
                             action_kind_word(others[i].kind), others[i].amount);
        }
    }
    return ST_OK;
}

enum st actions_derive(struct ledger *ledger, struct item *item)
{
    struct entry_intent *intent = &item->entry.intent;
    struct action_row rows[ACTION_RUN_MAX];
    size_t count = 0;
    enum st st = rows_between(ledger, intent->card_number, intent->before.action,
                              intent->after.action, rows, &count);
    uint8_t after[SNAPSHOT_IMAGE_BYTES], ours[SNAPSHOT_IMAGE_BYTES];
    struct action actions[ACTION_RUN_MAX];
    struct plan plan;
    bool is_found = false;
    snapshot_encode(&intent->after, after);
    /* From all voids down: what the club says last is the likeliest. */
    for (unsigned voids = 1U << count; st == ST_OK && count > 0 && voids-- > 0;) {
        if (!forms(rows, count, voids, actions) || !run(intent, actions, count, &plan)) {
            continue;
        }
        snapshot_encode(&plan.next, ours);
        if (memcmp(ours, after, sizeof ours) != 0) {
            continue;
        }
        if (is_found) {
            st = say_alike(ledger, item, actions);
            continue;
        }
        is_found = true;
        intent->parts = plan.parts;
        intent->occasion.action_count = (uint8_t)count;
        memcpy(intent->occasion.actions, actions, count * sizeof actions[0]);
    }
    return st;
}

static bool is_taken_by(const struct action_row *row, const struct item *item)
{
    return row->terminal == item->entry.terminal && row->sequence == item->entry.sequence;
}

enum st actions_legs(struct ledger *ledger, const struct item *item, struct posting *posting)
{
    const struct entry_intent *intent = &item->entry.intent;
    struct action_row rows[ACTION_RUN_MAX];
    size_t count = 0;
    const enum st st = rows_between(ledger, intent->card_number, intent->before.action,
                                    intent->after.action, rows, &count);
    posting->leg_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_taken_by(&rows[i], item) && rows[i].state == ACTION_APPLIED) {
            posting_leg(posting, book_of(&rows[i].action), rows[i].account, -rows[i].done);
        }
    }
    posting_rest(posting);
    return st;
}

enum st actions_undo(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    struct action_row rows[ACTION_RUN_MAX];
    size_t count = 0;
    enum book book;
    enum st st = rows_between(ledger, intent->card_number, intent->before.action,
                              intent->after.action, rows, &count);
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        struct action_row *row = &rows[i];
        if (!is_taken_by(row, item)) {
            continue;
        }
        if (row->state == ACTION_RETURNED && row->was != ACTION_RETURNED &&
            row_money(&row->action, &book)) {
            books_move(ledger->actions, book, source_of(row->action.origin), ACCOUNT_PENDING,
                       row->action.amount);
        }
        if ((row->state == ACTION_RETURNED) != (row->was == ACTION_RETURNED)) {
            st = row_count_given(ledger->actions, row, row->state == ACTION_RETURNED ? 1 : -1);
        }
        row->state = row->was;
        row->account = (enum account)0;
        row->done = 0;
        row->terminal = row->sequence = 0;
        st = st == ST_OK ? row_set(ledger->actions, row) : st;
    }
    return st;
}
