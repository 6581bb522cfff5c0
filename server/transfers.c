/* Credit that goes from one card to another: the halves as they are posted (transfers_priv.h). */
#include <inttypes.h>
#include <stdio.h>

#include "server/actions_priv.h"
#include "server/change.h"
#include "server/transfers_priv.h"

/* --- rows ---------------------------------------------------------------------------------- */

enum st transfer_get(struct ledger *ledger, int64_t terminal, int64_t sequence,
                     struct transfer_row *ret)
{
    struct db_stmt *stmt = ledger->sql[SQL_TRANSFER_GET];
    *ret = (struct transfer_row){.terminal = terminal, .sequence = sequence};
    enum st st = db_first(stmt, &ret->is_there, terminal, sequence);
    if (st == ST_OK && ret->is_there) {
        ret->card = db_i64(stmt, 0);
        ret->amount = db_i64(stmt, 1);
        ret->at = db_i64(stmt, 2);
        ret->how = (enum transfer_how)db_i64(stmt, 3);
        ret->to = db_i64(stmt, 4);
        ret->by = db_i64(stmt, 5);
        ret->order = db_i64(stmt, 6);
        ret->orders = db_i64(stmt, 7);
    }
    db_reset(stmt);
    return st;
}

static enum st put_row(struct ledger *ledger, const struct transfer_row *row, bool is_open)
{
    return db_run(ledger->sql[row->is_there ? SQL_TRANSFER_SET : SQL_TRANSFER_PUT], row->terminal,
                  row->sequence, row->card, row->amount, row->at, (int64_t)row->how, row->to,
                  row->by, row->order, row->orders, (int64_t)is_open);
}

/* What came to other cards. */
struct taken {
    int64_t count, amount, most; /* most: of a single one */
    int64_t card, from;          /* of one of them: that got it, that it says it comes from */
};

static enum st taken_get(struct ledger *ledger, const struct transfer_row *row, struct taken *ret)
{
    struct db_stmt *stmt = ledger->sql[SQL_TRANSFER_TAKEN];
    bool found = false;
    *ret = (struct taken){.count = 0};
    enum st st = db_first(stmt, &found, row->terminal, row->sequence);
    if (st == ST_OK && found) {
        ret->count = db_i64(stmt, 0);
        ret->amount = db_i64(stmt, 1);
        ret->card = db_i64(stmt, 2);
        ret->from = db_i64(stmt, 3);
    }
    db_reset(stmt);
    return st;
}

/* --- what follows -------------------------------------------------------------------------- */

/* How often the club brings one transfer to a card; of those that come back. */
enum { ORDERS_MAX = 32 };

/* The n-th order of a transfer has always the same name, at whichever club. */
static struct action_order make_order(const struct transfer_row *row, int64_t n,
                                      char ref[ACTIONS_REF_MAX + 1],
                                      char giver[ACTIONS_GIVER_MAX + 1])
{
    const int size =
        snprintf(ref, ACTIONS_REF_MAX + 1, "%" PRId64 "-%" PRId64, row->terminal, row->sequence);
    if (n > 1) { /* the one before came back: it is another order */
        (void)snprintf(ref + size, ACTIONS_REF_MAX + 1 - (size_t)size, "-%" PRId64, n);
    }
    (void)snprintf(giver, ACTIONS_GIVER_MAX + 1, "%016" PRId64, row->card);
    return (struct action_order){.action = {.kind = ACTION_CREDIT,
                                            .origin = ORIGIN_TRANSFER,
                                            .card_number = (uint64_t)row->to,
                                            .amount = row->amount},
                                 .ref = ref,
                                 .giver = giver,
                                 .is_unseen_fine = true};
}

/* The n-th order becomes the one that brings it. */
static enum st take_order(struct actions *actions, struct transfer_row *row, int64_t n,
                          int64_t now_s, struct fault *fault)
{
    char ref[ACTIONS_REF_MAX + 1], giver[ACTIONS_GIVER_MAX + 1];
    struct action_made made;
    const struct action_order order = make_order(row, n, ref, giver);
    const enum st st = order_take(actions, &order, now_s, &made, fault);
    if (st == ST_OK) {
        row->order = (int64_t)made.id;
        row->orders = n;
    }
    return st;
}

/* A card has it by an order that this club forgot, for it was restored; whichever that was. *ret 0:
 * none, as far as the club knows. */
static enum st find_forgotten(struct actions *actions, const struct transfer_row *row, int64_t *ret,
                              uint64_t *ret_card)
{
    char ref[ACTIONS_REF_MAX + 1], giver[ACTIONS_GIVER_MAX + 1];
    struct action_row taken;
    enum st st = ST_OK;
    *ret = 0;
    for (int64_t n = 1; n <= ORDERS_MAX && st == ST_OK && *ret == 0; n++) {
        bool found = false;
        (void)make_order(row, n, ref, giver);
        st = row_by_ref(actions, ORIGIN_TRANSFER, ref, &taken, &found);
        if (st == ST_OK && found && taken.state == ACTION_STRAY &&
            taken.action.kind == ACTION_CREDIT && taken.action.amount == row->amount) {
            *ret = n;
            *ret_card = taken.action.card_number;
        }
    }
    return st;
}

/* That order is the one that brings it. *ret_is false: there is none, and nothing has changed. */
static enum st adopt_forgotten(struct actions *actions, struct transfer_row *row, int64_t now_s,
                               bool *ret_is, struct fault *fault)
{
    int64_t n = 0;
    uint64_t card = 0;
    enum st st = find_forgotten(actions, row, &n, &card);
    *ret_is = st == ST_OK && n != 0;
    if (*ret_is) {
        row->by = row->to == (int64_t)card ? row->by : BY_CLUB;
        row->to = (int64_t)card;
        st = take_order(actions, row, n, now_s, fault);
    }
    return st;
}

enum st transfer_order(struct actions *actions, struct transfer_row *row, int64_t now_s,
                       struct fault *fault)
{
    bool is_given = false;
    const enum st st = adopt_forgotten(actions, row, now_s, &is_given, fault);
    if (st != ST_OK || is_given) {
        return st;
    }
    if (row->orders >= ORDERS_MAX) {
        fault_say(fault, "It came back %d times.", ORDERS_MAX);
        return ST_REFUSED;
    }
    return take_order(actions, row, row->orders + 1, now_s, fault);
}

/* The transfer that the order brings. */
static enum st row_of_order(struct db *db, const struct action_row *order, struct transfer_row *ret)
{
    struct db_stmt *stmt = NULL;
    *ret = (struct transfer_row){.is_there = false};
    enum st st = db_prepare(db,
                            "SELECT term_id, term_seq, card_no, amount, to_card, by_seq FROM "
                            "transfer WHERE ordered = $1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->is_there, (int64_t)order->action.id);
    }
    if (st == ST_OK && ret->is_there) {
        ret->terminal = db_i64(stmt, 0);
        ret->sequence = db_i64(stmt, 1);
        ret->card = db_i64(stmt, 2);
        ret->amount = db_i64(stmt, 3);
        ret->to = db_i64(stmt, 4);
        ret->by = db_i64(stmt, 5);
    }
    db_finish(stmt);
    return st;
}

enum st transfers_recall(struct actions *actions, struct action_row *order, int64_t now_s,
                         bool *ret_is, struct fault *fault)
{
    struct transfer_row row;
    *ret_is = false;
    enum st st = row_of_order(actions->db, order, &row);
    if (st == ST_OK && row.is_there) {
        st = adopt_forgotten(actions, &row, now_s, ret_is, fault);
    }
    if (st == ST_OK && *ret_is) {
        st = row_end(actions, order);
    }
    if (st == ST_OK && *ret_is) {
        DB_ONCE(
            st, actions->db,
            "UPDATE transfer SET to_card = $3, by_seq = $4, ordered = $5, orders = $6, is_open = 0"
            " WHERE term_id = $1 AND term_seq = $2",
            "iiiiii", row.terminal, row.sequence, row.to, row.by, row.order, row.orders);
    }
    return st;
}

/* Whether both halves, as far as they are posted, can be of one transfer. */
static const char *compare(const struct transfer_row *row, const struct taken *taken)
{
    return taken->count > 1                               ? "a card has it already"
           : taken->count == 0 || row->amount == 0        ? NULL
           : row->order != 0                              ? "the club has given it to a card"
           : taken->from != 0 && taken->from != row->card ? "it left another card"
           : taken->amount != row->amount                 ? "another amount left"
           : taken->card == row->card                     ? "it left this card"
                                                          : NULL;
}

static enum st open_case(struct ledger *ledger, const struct transfer_row *row,
                         const struct item *by, const char *wrong)
{
    const struct entry_intent *intent = &by->entry.intent;
    if (by->entry.kind == ENTRY_RELEASE) {
        return case_open(ledger, "transfer", by, (uint64_t)row->card, 0,
                         "Transfer %lld of terminal %lld, %lld rials, was handed over: %s.",
                         (long long)row->sequence, (long long)row->terminal, (long long)row->amount,
                         wrong);
    }
    return case_open(ledger, "transfer", by, intent->card_number, intent->after.counter,
                     "Card %016llu has a half of transfer %lld of terminal %lld, %lld rials: %s.",
                     (unsigned long long)intent->card_number, (long long)row->sequence,
                     (long long)row->terminal, (long long)intent->parts.amount.rials, wrong);
}

enum st transfer_judge(struct ledger *ledger, struct transfer_row *row, const struct item *by)
{
    struct taken taken;
    struct fault fault = {""};
    enum st st = taken_get(ledger, row, &taken);
    const char *wrong = st == ST_OK ? compare(row, &taken) : NULL;
    if (st == ST_OK && row->to != 0 && row->order == 0 && row->amount > 0 && taken.count == 0) {
        st = transfer_order(ledger->actions, row, ledger->now_s, &fault);
        wrong = st == ST_REFUSED ? fault.say : wrong;
        st = st == ST_REFUSED ? ST_OK : st;
    } else if (row->to != 0 && row->order == 0 && taken.count > 0 && wrong == NULL) {
        wrong = "a card has it, so the club brings it to none";
    }
    const int64_t rest = row->amount - taken.amount - (row->order != 0 ? row->amount : 0);
    if (st == ST_OK && (row->is_there || row->amount != 0 || row->to != 0)) {
        st = put_row(ledger, row, row->amount != 0 && rest != 0);
        row->is_there = true;
    }
    if (st == ST_OK && taken.count > 0) { /* without the first half they are open themselves */
        st = db_run(ledger->sql[SQL_TRANSFER_IN_OPEN], row->terminal, row->sequence,
                    (int64_t)(row->amount == 0));
    }
    return st == ST_OK && wrong != NULL && by != NULL ? open_case(ledger, row, by, wrong) : st;
}

/* --- the halves ---------------------------------------------------------------------------- */

static int64_t time_of(const struct item *item, enum transfer_how how)
{
    return how == HOW_READ && item->entry.intent.after.last.minute == 0 ? 0 : item->entry.time_s;
}

/* Somebody says which card shall get it. The first word counts; another one is a case. */
static const char *name_card(struct transfer_row *row, int64_t card, int64_t by)
{
    if (card == 0 || card == row->to) {
        return NULL;
    }
    if (row->to != 0 && row->orders > 1) {
        return NULL; /* that word is older: it came back, and went elsewhere */
    }
    if (row->to != 0) {
        return "it was said to go to another card before";
    }
    row->to = card;
    row->by = by;
    return NULL;
}

static enum st post_out(struct ledger *ledger, const struct item *item, enum transfer_how how)
{
    const struct entry_intent *intent = &item->entry.intent;
    struct transfer_row row;
    enum st st = transfer_get(ledger, item->entry.terminal, item->entry.sequence, &row);
    if (st != ST_OK) {
        return st;
    }
    row.card = (int64_t)intent->card_number;
    row.amount = intent->parts.payment.rials;
    row.at = time_of(item, how);
    row.how = how;
    const char *wrong =
        name_card(&row, (int64_t)intent->occasion.peer.card_number, item->entry.sequence);
    st = transfer_judge(ledger, &row, item);
    return st == ST_OK && wrong != NULL ? open_case(ledger, &row, item, wrong) : st;
}

/* Is that entry of the terminal, as far as the club has it, a transfer that waited there? */
static enum st is_waiting_out(struct ledger *ledger, uint32_t terminal, uint32_t sequence,
                              bool *ret, uint64_t *ret_card)
{
    struct item *item = NULL;
    const enum st st = record_load(ledger, terminal, sequence, &item);
    *ret = true;
    *ret_card = 0;
    if (st == ST_OK && item != NULL) {
        const struct entry_intent *intent = &item->entry.intent;
        ledger->earlier_count--;
        *ret =
            item->entry.kind == ENTRY_INTENT && intent->after.last.kind == TRANSACTION_TRANSFER &&
            intent->occasion.peer.direction == PEER_OUT && intent->occasion.peer.card_number == 0;
        *ret_card = *ret ? intent->card_number : 0;
    }
    return st;
}

/* *ret_out: the first half that it names, at its own terminal; 0 = none that can be. */
static enum st named_out(struct ledger *ledger, const struct item *item, uint32_t *ret_out)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct peer *peer = &intent->occasion.peer;
    bool is_out = true;
    uint64_t card = 0;
    enum st st = ST_OK;
    *ret_out = 0;
    if (peer->terminal == item->entry.terminal) {
        st = is_waiting_out(ledger, item->entry.terminal, peer->sequence, &is_out, &card);
        *ret_out = is_out ? peer->sequence : 0;
    }
    if (st != ST_OK || *ret_out != 0) {
        return st;
    }
    return case_open(
        ledger, "transfer", item, intent->card_number, intent->after.counter,
        "Card %016llu took %lld rials at terminal %u (its entry %u) of a transfer that "
        "is said to be entry %u of terminal %u, which is none that waited there.",
        (unsigned long long)intent->card_number, (long long)intent->parts.load.rials,
        item->entry.terminal, item->entry.sequence, peer->sequence, peer->terminal);
}

static enum st post_in(struct ledger *ledger, const struct item *item, enum transfer_how how)
{
    const struct entry_intent *intent = &item->entry.intent;
    struct db_stmt *stmt = ledger->sql[SQL_TRANSFER_IN_GET];
    struct transfer_row row;
    uint32_t out = 0;
    bool is_there = false;
    enum st st =
        db_first(stmt, &is_there, (int64_t)item->entry.terminal, (int64_t)item->entry.sequence);
    const int64_t guessed = st == ST_OK && is_there ? db_i64(stmt, 0) : 0;
    db_reset(stmt);
    if (st == ST_OK && how == HOW_JOURNAL) {
        st = named_out(ledger, item, &out);
    }
    if (st == ST_OK) {
        st = db_run(ledger->sql[is_there ? SQL_TRANSFER_IN_SET : SQL_TRANSFER_IN_PUT],
                    (int64_t)item->entry.terminal, (int64_t)item->entry.sequence,
                    (int64_t)intent->card_number, intent->parts.load.rials, time_of(item, how),
                    (int64_t)how, (int64_t)intent->occasion.peer.card_number, (int64_t)out,
                    (int64_t)1);
    }
    if (st == ST_OK && guessed != 0 && guessed != out) { /* it was taken for another one's */
        st = transfer_get(ledger, item->entry.terminal, guessed, &row);
        st = st == ST_OK ? transfer_judge(ledger, &row, NULL) : st;
    }
    if (st == ST_OK && out != 0) {
        st = transfer_get(ledger, item->entry.terminal, out, &row);
        st = st == ST_OK ? transfer_judge(ledger, &row, item) : st;
    }
    return st;
}

static enum st post_half(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    switch (intent->occasion.peer.direction) {
    case PEER_OUT:
        return post_out(ledger, item, HOW_JOURNAL);
    case PEER_IN:
        return post_in(ledger, item, HOW_JOURNAL);
    case PEER_NONE: /* read off a card: the intent, which names the other one, is not here */
        break;
    }
    return intent->parts.payment.rials > 0 ? post_out(ledger, item, HOW_READ)
           : intent->parts.load.rials > 0  ? post_in(ledger, item, HOW_READ)
                                           : ST_OK;
}

enum st transfers_post(struct ledger *ledger, const struct item *item)
{
    const enum st st = post_half(ledger, item);
    return st == ST_OK ? transfers_guess(ledger, item->entry.terminal) : st;
}

enum st transfers_release_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_release *release = &item->entry.release;
    struct transfer_row row;
    uint64_t giver = 0;
    bool is_out = false;
    enum st st =
        is_waiting_out(ledger, item->entry.terminal, release->out_sequence, &is_out, &giver);
    if (st != ST_OK) {
        return st;
    }
    if (!is_out) {
        return case_open(
            ledger, "transfer", item, 0, 0,
            "Terminal %u hands over (entry %u) its entry %u, which is no transfer that "
            "waited there.",
            item->entry.terminal, item->entry.sequence, release->out_sequence);
    }
    st = transfer_get(ledger, item->entry.terminal, release->out_sequence, &row);
    if (st != ST_OK) {
        return st;
    }
    row.card = row.is_there ? row.card : (int64_t)giver;
    const char *wrong =
        name_card(&row, (int64_t)(release->card_number != 0 ? release->card_number : giver),
                  item->entry.sequence);
    st = transfer_judge(ledger, &row, item);
    return st == ST_OK && wrong != NULL ? open_case(ledger, &row, item, wrong) : st;
}
