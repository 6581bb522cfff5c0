#include "firmware/engine/accrual.h"

#include <inttypes.h>

#include "server/ledger_priv.h"
#include "server/limits.h"
#include "server/members_priv.h"

/* What members earned without a card (docs/decisions/0012-members.md): the merchant's side is that
 * of a sale; in place of a card stands the account `accrued` until an action for a card is made of
 * it (`pending`). */

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

static void book(struct ledger *ledger, const struct item *item)
{
    const struct entry_accrual *accrual = &item->entry.accrual;
    struct posting posting = {.leg_count = 0};
    posting_leg(&posting, BOOK_POINTS, ACCOUNT_ISSUED, -accrual->award.n);
    posting_leg(&posting, BOOK_POINTS, ACCOUNT_ACCRUED, accrual->award.n);
    posting_leg(&posting, BOOK_CREDIT, ACCOUNT_CASHBACK, -accrual->cashback.rials);
    posting_leg(&posting, BOOK_CREDIT, ACCOUNT_ACCRUED, accrual->cashback.rials);
    posting_legs(ledger, item, &posting, 1);
}

/* --- giving it to a card ------------------------------------------------------------------------
 */

/* The card that takes what is kept for `number`: the member's newest; of a card that is no
 * member's, itself, when the club knows it. *ret_account: under which number it is kept. */
static enum st find_card(struct ledger *ledger, uint64_t number, uint64_t *ret_account,
                         uint64_t *ret_card)
{
    struct db_stmt *stmt = ledger->sql[SQL_CARD_GET];
    bool row = false;
    *ret_card = 0;
    enum st st = member_account_of(ledger->db, number, ret_account);
    if (st != ST_OK || *ret_account != 0) {
        return st == ST_OK ? member_newest_card(ledger->db, *ret_account, ret_card) : st;
    }
    *ret_account = number;
    st = db_first(stmt, &row, (int64_t)number);
    *ret_card = st == ST_OK && row ? number : 0;
    db_reset(stmt);
    return st;
}

struct waiting {
    int64_t points, credit;
    int64_t terminal, sequence; /* the last of them: names the order */
};

static enum st sum_waiting(struct ledger *ledger, uint64_t number, struct waiting *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = (struct waiting){.points = 0};
    enum st st = db_prepare(ledger->db,
                            "SELECT points, credit, term_id, term_seq FROM accrual"
                            " WHERE number = $1 AND given = 0 ORDER BY at, term_id, term_seq",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)number);
    }
    while (st == ST_OK && row) {
        ret->points += db_i64(stmt, 0);
        ret->credit += db_i64(stmt, 1);
        ret->terminal = db_i64(stmt, 2);
        ret->sequence = db_i64(stmt, 3);
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    return st;
}

/* One action of one kind for all that waits. */
static enum st give(struct ledger *ledger, uint64_t card, enum action_kind kind, int64_t amount,
                    const struct waiting *waiting, int64_t *ret_id)
{
    char ref[ACTIONS_REF_MAX + 1];
    struct action_order order = {.action = {.kind = kind,
                                            .origin = ORIGIN_ACCRUAL,
                                            .card_number = card,
                                            .amount = amount,
                                            .text = "بدون کارت"},
                                 .ref = ref,
                                 .giver = "",
                                 .is_unseen_fine = true};
    struct action_made made = {.id = 0};
    struct fault fault = {""};
    if (amount == 0) {
        return ST_OK;
    }
    (void)snprintf(ref, sizeof ref, "%" PRId64 "/%" PRId64 "/%s", waiting->terminal,
                   waiting->sequence, action_kind_word(kind));
    const enum st st = actions_make_within(ledger->actions, &order, ledger->now_s, &made, &fault);
    *ret_id = made.id == 0 ? *ret_id : (int64_t)made.id;
    return st;
}

static enum st mark_given(struct ledger *ledger, uint64_t number, int64_t id)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(
        ledger->db, "UPDATE accrual SET given = $2 WHERE number = $1 AND given = 0", "ii", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, (int64_t)number, id);
    }
    db_finish(stmt);
    return st;
}

static enum st deliver(struct ledger *ledger, uint64_t number, uint64_t card)
{
    struct waiting waiting;
    int64_t id = 0;
    enum st st = sum_waiting(ledger, number, &waiting);
    if (st == ST_OK) {
        st = give(ledger, card, ACTION_POINTS, waiting.points, &waiting, &id);
    }
    if (st == ST_OK) {
        st = give(ledger, card, ACTION_CREDIT, waiting.credit, &waiting, &id);
    }
    return st == ST_OK && id != 0 ? mark_given(ledger, number, id) : st;
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

/* --- posting ------------------------------------------------------------------------------------
 */

enum st accruals_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_accrual *accrual = &item->entry.accrual;
    struct db_stmt *stmt = NULL;
    enum st st = reckon_again(ledger, item);
    if (st == ST_OK) {
        st = limits_post(ledger, item);
    }
    if (st == ST_OK && accrual->award.n + accrual->cashback.rials > 0) {
        book(ledger, item);
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
