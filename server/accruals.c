#include "firmware/engine/accrual.h"

#include <inttypes.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/ledger_priv.h"
#include "server/limits.h"
#include "server/lost.h"
#include "server/members_priv.h"
#include "server/settled.h"

/* What members earned without a card (docs/decisions/0012-members.md): the merchant's side is that
 * of a sale; in place of a card stands the account `accrued` until an action for a card is made of
 * it (`pending`). */

/* accrual.given: 0 = it waits; the id of the action that gave it to a card; below 0, it went back:
 * the same id, or this when it waited still. */
enum { GONE_BACK = -1 };

/* The row of `club` that says up to which number accruals were looked at again since the club was
 * restored; 0: there is nothing to look at. */
#define CLUB_KEPT "kept"

static bool is_same(const struct entry_accrual *a, const struct entry_accrual *b)
{
    return a->rebate.rials == b->rebate.rials && a->cashback.rials == b->cashback.rials &&
           a->award.n == b->award.n && a->due.rials == b->due.rials;
}

/* Computes it again with its own programme. */
static enum st reckon_again(struct ledger *ledger, const struct item *item)
{
    struct entry_accrual ours = item->entry.accrual;
    const struct programme *programme = NULL;
    struct plan plan;
    enum st st = reckon_programme(ledger, ours.programme, &programme);
    if (st != ST_OK || programme == NULL) {
        ledger->result.unchecked += st == ST_OK;
        return st;
    }
    const char *differs = accrual_make(programme, item->entry.terminal, &ours, &plan) != ST_OK
                              ? "the programme refuses it"
                          : !is_same(&ours, &item->entry.accrual) ? "the club computes other parts"
                                                                  : NULL;
    return differs == NULL ? ST_OK
                           : case_open(ledger, "differs", item, ours.number, 0,
                                       "What was earned without a card for %016" PRIu64
                                       " (entry %u of terminal %u) by programme %u: %s.",
                                       ours.number, item->entry.sequence, item->entry.terminal,
                                       ours.programme, differs);
}

/* `sign` -1: it goes back. */
static void book(struct ledger *ledger, const struct item *item, int sign)
{
    const struct entry_accrual *accrual = &item->entry.accrual;
    struct posting posting = {.leg_count = 0};
    posting_leg(&posting, BOOK_POINTS, ACCOUNT_ISSUED, -accrual->award.n);
    posting_leg(&posting, BOOK_POINTS, ACCOUNT_ACCRUED, accrual->award.n);
    posting_leg(&posting, BOOK_CREDIT, ACCOUNT_CASHBACK, -accrual->cashback.rials);
    posting_leg(&posting, BOOK_CREDIT, ACCOUNT_ACCRUED, accrual->cashback.rials);
    posting_legs(ledger, item, &posting, sign);
}

/* --- giving it to a card ------------------------------------------------------------------------
 */

/* The card that takes what is kept for `number`: the member's newest, as far as somebody vouches
 * for it; of a card that is no member's, itself, when the club knows it. *ret_account: under which
 * number it is kept. */
static enum st find_card(struct ledger *ledger, uint64_t number, uint64_t *ret_account,
                         uint64_t *ret_card)
{
    struct db_stmt *stmt = ledger->sql[SQL_CARD_GET];
    bool row = false;
    *ret_card = 0;
    enum st st = member_account_of(ledger->db, number, ret_account);
    if (st == ST_OK && *ret_account != 0) {
        uint64_t newest = 0;
        st = member_newest_card(ledger->db, *ret_account, &newest);
        return st == ST_OK && newest != 0 ? card_vouched(ledger->db, newest, ret_card) : st;
    }
    if (st != ST_OK) {
        return st;
    }
    *ret_account = number;
    st = db_first(stmt, &row, (int64_t)number);
    *ret_card = st == ST_OK && row ? number : 0;
    db_reset(stmt);
    return st;
}

static enum st put_given(struct ledger *ledger, int64_t terminal, int64_t sequence, int64_t given)
{
    struct db_stmt *stmt = NULL;
    enum st st =
        db_prepare(ledger->db, "UPDATE accrual SET given = $3 WHERE term_id = $1 AND term_seq = $2",
                   "iii", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, terminal, sequence, given);
    }
    db_finish(stmt);
    return st;
}

/* What waits for one number, in the order of time. */
struct sale {
    int64_t terminal, sequence, points, credit;
    bool is_given;
};

struct sales {
    struct sale rows[4096]; /* more than that follow the next time */
    size_t count;
};

static enum st sales_get(struct ledger *ledger, uint64_t number, struct sales *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    ret->count = 0;
    enum st st = db_prepare(ledger->db,
                            "SELECT points, credit, term_id, term_seq FROM accrual"
                            " WHERE number = $1 AND given = 0 ORDER BY at, term_id, term_seq",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)number);
    }
    while (st == ST_OK && row && ret->count < sizeof ret->rows / sizeof ret->rows[0]) {
        ret->rows[ret->count++] = (struct sale){.points = db_i64(stmt, 0),
                                                .credit = db_i64(stmt, 1),
                                                .terminal = db_i64(stmt, 2),
                                                .sequence = db_i64(stmt, 3)};
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    return st;
}

/* One action; `ref` names it, so that it is made once. */
static enum st make(struct ledger *ledger, uint64_t card, enum action_kind kind, int64_t amount,
                    const char *ref, int64_t *ret_id)
{
    const struct action_order order = {.action = {.kind = kind,
                                                  .origin = ORIGIN_ACCRUAL,
                                                  .card_number = card,
                                                  .amount = amount,
                                                  .text = "بدون کارت"},
                                       .ref = ref,
                                       .giver = "",
                                       .is_unseen_fine = true};
    struct action_made made = {.id = 0};
    struct fault fault = {""};
    const enum st st = actions_make_within(ledger->actions, &order, ledger->now_s, &made, &fault);
    *ret_id = made.id == 0 ? *ret_id : (int64_t)made.id;
    return st;
}

static void name_order(const struct sale *last, enum action_kind kind,
                       char ret[ACTIONS_REF_MAX + 1])
{
    (void)snprintf(ret, ACTIONS_REF_MAX + 1, "%" PRId64 "/%" PRId64 "/%s", last->terminal,
                   last->sequence, action_kind_word(kind));
}

/* The order of one kind that is named by this sale, if there is one: the club had given it before
 * it was restored. */
struct before {
    int64_t amount; /* 0 = there is none */
    uint64_t card;
};

static enum st find_before(struct ledger *ledger, const struct sale *last, enum action_kind kind,
                           struct before *ret)
{
    char ref[ACTIONS_REF_MAX + 1];
    struct action_row row;
    bool found = false;
    name_order(last, kind, ref);
    const enum st st = row_by_ref(ledger->actions, ORIGIN_ACCRUAL, ref, &row, &found);
    *ret = (struct before){0, 0};
    if (st == ST_OK && found) {
        *ret = (struct before){row.action.amount, row.action.card_number};
    }
    return st;
}

/* A run of sales that one order of each kind gives to a card: those from `from` to `last` that are
 * not given yet. */
struct run {
    size_t from, last;
    int64_t points, credit;
};

static struct run run_of(const struct sales *sales, size_t from, size_t last)
{
    struct run run = {from, last, 0, 0};
    for (size_t i = from; i <= last; i++) {
        run.points += sales->rows[i].is_given ? 0 : sales->rows[i].points;
        run.credit += sales->rows[i].is_given ? 0 : sales->rows[i].credit;
    }
    return run;
}

static enum st give(struct ledger *ledger, const struct sale *last, enum action_kind kind,
                    int64_t amount, uint64_t card, int64_t *ret_id)
{
    char ref[ACTIONS_REF_MAX + 1];
    name_order(last, kind, ref);
    return amount == 0 ? ST_OK : make(ledger, card, kind, amount, ref, ret_id);
}

static enum st give_run(struct ledger *ledger, struct sales *sales, const struct run *run,
                        uint64_t points_to, uint64_t credit_to)
{
    const struct sale *last = &sales->rows[run->last];
    int64_t id = 0;
    enum st st = give(ledger, last, ACTION_POINTS, run->points, points_to, &id);
    if (st == ST_OK) {
        st = give(ledger, last, ACTION_CREDIT, run->credit, credit_to, &id);
    }
    for (size_t i = run->from; i <= run->last && st == ST_OK && id != 0; i++) {
        struct sale *sale = &sales->rows[i];
        if (!sale->is_given) {
            st = put_given(ledger, sale->terminal, sale->sequence, id);
            sale->is_given = true;
        }
    }
    return st;
}

static enum st close_kept(struct ledger *ledger, const struct sale *last)
{
    enum st st = ST_OK;
    DB_ONCE(st, ledger->db,
            "UPDATE tcase SET closed_at = $3, closed_by = 'club', closed_why = 'the rest came'"
            " WHERE term_id = $1 AND term_seq = $2 AND why = 'kept' AND closed_at = 0",
            "iii", last->terminal, last->sequence, ledger->now_s);
    return st;
}

/* Orders of before name the last of the sales that they were made of, which had come to the club in
 * some order: that sale alone, or with all before it that were not given yet. *ret_open: behind the
 * last one that is for other sales than have come. */
static enum st give_as_before(struct ledger *ledger, struct sales *sales, uint64_t card,
                              size_t *ret_open)
{
    enum st st = ST_OK;
    *ret_open = 0;
    for (size_t i = 0; i < sales->count && st == ST_OK; i++) {
        struct before points, credit;
        st = find_before(ledger, &sales->rows[i], ACTION_POINTS, &points);
        if (st == ST_OK) {
            st = find_before(ledger, &sales->rows[i], ACTION_CREDIT, &credit);
        }
        if (st != ST_OK || (points.amount == 0 && credit.amount == 0)) {
            continue;
        }
        const struct run runs[] = {run_of(sales, i, i), run_of(sales, 0, i)};
        bool fits = false;
        for (size_t n = 0; n < 2 && st == ST_OK && !fits; n++) {
            fits = (points.amount == 0 || points.amount == runs[n].points) &&
                   (credit.amount == 0 || credit.amount == runs[n].credit);
            if (fits) {
                st = give_run(ledger, sales, &runs[n], points.card == 0 ? card : points.card,
                              credit.card == 0 ? card : credit.card);
                st = st == ST_OK ? close_kept(ledger, &sales->rows[i]) : st;
            }
        }
        *ret_open = fits ? *ret_open : i + 1;
    }
    return st;
}

/* The club is past all that it had forgotten, and these sales still come to something else. */
static enum st say_kept(struct ledger *ledger, uint64_t number, const struct sale *last)
{
    struct item by = {.raw = (const uint8_t *)"", .raw_bytes = 0};
    by.entry.kind = ENTRY_ACCRUAL;
    by.entry.terminal = (uint32_t)last->terminal;
    by.entry.sequence = (uint32_t)last->sequence;
    return case_open(ledger, "kept", &by, number, 0,
                     "What %016" PRIu64 " earned without a card up to entry %" PRId64
                     " of terminal %" PRId64 " stays with the club: before it was restored it had "
                     "given another sum for it. Give what is missing as a correction.",
                     number, last->sequence, last->terminal);
}

static enum st deliver(struct ledger *ledger, uint64_t number, uint64_t card)
{
    static struct sales sales; /* one thread; too large for its stack */
    size_t open = 0;
    bool is_forgetful = false;
    enum st st = sales_get(ledger, number, &sales);
    if (st != ST_OK || sales.count == 0) {
        return st;
    }
    st = give_as_before(ledger, &sales, card, &open);
    if (st == ST_OK) {
        st = settled_is_forgetful(ledger->db, false, &is_forgetful);
    }
    if (st != ST_OK || is_forgetful) {
        return st == ST_OK ? db_run(ledger->sql[SQL_CLUB_SET], CLUB_KEPT, (int64_t)1) : st;
    }
    if (open > 0 && !sales.rows[open - 1].is_given) {
        st = say_kept(ledger, number, &sales.rows[open - 1]);
    }
    const struct run rest = run_of(&sales, open, sales.count - 1);
    return st == ST_OK && open < sales.count ? give_run(ledger, &sales, &rest, card, card) : st;
}

enum st accruals_deliver(struct ledger *ledger, uint64_t number)
{
    uint64_t account = 0, card = 0;
    enum st st = find_card(ledger, number, &account, &card);
    if (st != ST_OK || card == 0) {
        return st;
    }
    st = deliver(ledger, account, card);
    return st == ST_OK && number != account ? deliver(ledger, number, card) : st;
}

static enum st next_waiting(struct ledger *ledger, int64_t after, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(ledger->db,
                            "SELECT number FROM accrual WHERE given = 0 AND number > $1"
                            " ORDER BY number LIMIT 1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, after);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

enum st accruals_resume(struct ledger *ledger)
{
    enum { NUMBERS_MAX = 64 };
    bool row = false, is_forgetful = false;
    enum st st = db_first(ledger->sql[SQL_CLUB_GET], &row, CLUB_KEPT);
    int64_t number = st == ST_OK && row ? db_i64(ledger->sql[SQL_CLUB_GET], 0) : 0;
    db_reset(ledger->sql[SQL_CLUB_GET]);
    if (st == ST_OK && number != 0) {
        st = settled_is_forgetful(ledger->db, false, &is_forgetful);
    }
    if (st != ST_OK || number == 0 || is_forgetful) {
        return st;
    }
    for (int i = 0; i < NUMBERS_MAX && st == ST_OK && number != 0; i++) {
        st = next_waiting(ledger, number, &number);
        if (st == ST_OK && number != 0) {
            st = accruals_deliver(ledger, (uint64_t)number);
        }
    }
    return st == ST_OK ? db_run(ledger->sql[SQL_CLUB_SET], CLUB_KEPT, number) : st;
}

/* --- taking it back -----------------------------------------------------------------------------
 */

static enum st say_no_sale(struct ledger *ledger, const struct item *item, const char *why)
{
    const struct entry_accrual *back = &item->entry.accrual;
    return case_open(
        ledger, "differs", item, back->number, 0,
        "Entry %u of terminal %u takes back what its entry %u earned without a card for "
        "%016" PRIu64 ": %s. Nothing is booked.",
        item->entry.sequence, item->entry.terminal, back->refers_sequence, back->number, why);
}

/* Is it what it says that it takes back? NULL: yes. */
static enum st check_sale(struct ledger *ledger, const struct item *item, const char **ret_why)
{
    const struct entry_accrual *back = &item->entry.accrual;
    struct item *sale = NULL;
    const enum st st = record_load(ledger, item->entry.terminal, back->refers_sequence, &sale);
    *ret_why = sale == NULL || sale->entry.kind != ENTRY_ACCRUAL ? "that is no such sale"
               : !accrual_takes_back(back, &sale->entry.accrual) ? "that earned something else"
                                                                 : NULL;
    ledger->earlier_count -= sale != NULL;
    return st;
}

/* How the sale stands: accrual.given. *ret_row false: it earned nothing. */
static enum st read_given(struct ledger *ledger, int64_t terminal, int64_t sequence, int64_t *ret,
                          bool *ret_row)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(
        ledger->db, "SELECT given FROM accrual WHERE term_id = $1 AND term_seq = $2", "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_row, terminal, sequence);
    }
    *ret = st == ST_OK && *ret_row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

/* The card has it, or will: actions take it off again, as much of it as is there then. */
static enum st take(struct ledger *ledger, const struct item *item, uint64_t card)
{
    const struct entry_accrual *back = &item->entry.accrual;
    int64_t left = back->award.n, id = 0;
    char ref[ACTIONS_REF_MAX + 1];
    enum st st = ST_OK;
    for (unsigned n = 0; left > 0 && st == ST_OK; n += 1) { /* an action takes at most so many */
        const int64_t now = left < REDEEMED_MAX ? left : REDEEMED_MAX;
        (void)snprintf(ref, sizeof ref, "%u/%u/back/points/%u", item->entry.terminal,
                       item->entry.sequence, n);
        st = make(ledger, card, ACTION_TAKE_POINTS, now, ref, &id);
        left -= now;
    }
    (void)snprintf(ref, sizeof ref, "%u/%u/back/credit", item->entry.terminal,
                   item->entry.sequence);
    return st == ST_OK && back->cashback.rials > 0
               ? make(ledger, card, ACTION_TAKE_CREDIT, back->cashback.rials, ref, &id)
               : st;
}

static enum st post_back(struct ledger *ledger, const struct item *item)
{
    const struct entry_accrual *back = &item->entry.accrual;
    const int64_t terminal = item->entry.terminal, sale = back->refers_sequence;
    const char *why = NULL;
    int64_t given = 0;
    bool is_there = false;
    uint64_t account = 0, card = 0;
    enum st st = limits_post(ledger, item);
    if (st == ST_OK) {
        st = check_sale(ledger, item, &why);
    }
    if (st == ST_OK && why == NULL) {
        st = read_given(ledger, terminal, sale, &given, &is_there);
        why = given < 0 ? "it went back before" : NULL;
    }
    if (st != ST_OK || why != NULL) {
        return st != ST_OK ? st : say_no_sale(ledger, item, why);
    }
    if (!is_there) {
        return ST_OK; /* it earned nothing */
    }
    book(ledger, item, -1);
    st = put_given(ledger, terminal, sale, given == 0 ? GONE_BACK : -given);
    if (st == ST_OK && given != 0) {
        st = find_card(ledger, back->number, &account, &card);
    }
    if (st != ST_OK || given == 0) {
        return st;
    }
    return card != 0
               ? take(ledger, item, card)
               : case_open(ledger, "differs", item, back->number, 0,
                           "What %016" PRIu64 " earned without a card (entry %u of terminal %u) "
                           "went back after a card had it, and no card is there to take it "
                           "from.",
                           back->number, back->refers_sequence, item->entry.terminal);
}

/* --- posting ------------------------------------------------------------------------------------
 */

enum st accruals_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_accrual *accrual = &item->entry.accrual;
    struct db_stmt *stmt = NULL;
    if (accrual->refers_sequence != 0) {
        return post_back(ledger, item);
    }
    enum st st = reckon_again(ledger, item);
    if (st == ST_OK) {
        st = limits_post(ledger, item);
    }
    if (st == ST_OK && accrual->award.n + accrual->cashback.rials > 0) {
        book(ledger, item, 1);
        st = db_prepare(ledger->db,
                        "INSERT INTO accrual (term_id, term_seq, number, points, credit, at, given)"
                        " VALUES ($1, $2, $3, $4, $5, $6, 0)",
                        "iiiiii", &stmt);
        if (st == ST_OK) {
            st = db_run(stmt, (int64_t)item->entry.terminal, (int64_t)item->entry.sequence,
                        (int64_t)accrual->number, accrual->award.n, accrual->cashback.rials,
                        item->entry.time_s);
        }
        db_finish(stmt);
    }
    return st == ST_OK ? accruals_deliver(ledger, accrual->number) : st;
}
