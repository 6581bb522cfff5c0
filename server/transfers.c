/* Credit that goes from one card to another: the halves as they are posted (transfers_priv.h). */
#include <inttypes.h>
#include <stdio.h>

#include "server/actions_priv.h"
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

enum st transfer_order(struct actions *actions, struct transfer_row *row, int64_t now_s,
                       struct fault *fault)
{
    char ref[ACTIONS_REF_MAX], giver[ACTIONS_GIVER_MAX];
    struct action_made made;
    const int size =
        snprintf(ref, sizeof ref, "%" PRId64 "-%" PRId64, row->terminal, row->sequence);
    if (row->orders > 0) { /* the one before came back: it is another order */
        (void)snprintf(ref + size, sizeof ref - (size_t)size, "-%" PRId64, row->orders + 1);
    }
    (void)snprintf(giver, sizeof giver, "%016" PRId64, row->card);
    const struct action_order order = {.action = {.kind = ACTION_CREDIT,
                                                  .origin = ORIGIN_TRANSFER,
                                                  .card_number = (uint64_t)row->to,
                                                  .amount = row->amount},
                                       .ref = ref,
                                       .giver = giver,
                                       .is_unseen_fine = true};
    const enum st st = order_take(actions, &order, now_s, &made, fault);
    if (st == ST_OK) {
        row->order = (int64_t)made.id;
        row->orders += 1;
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
