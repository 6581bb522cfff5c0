/* Credit that goes from one card to another: what is in transit, and who takes it. */
#include <inttypes.h>
#include <stdio.h>

#include "server/actions.h"
#include "server/ledger_priv.h"

/* The other card is elsewhere: an action brings it the money, which leaves transit for it. */
static enum st deliver(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    char ref[ACTIONS_REF_MAX];
    char giver[ACTIONS_GIVER_MAX];
    struct action_made made;
    struct fault fault;
    (void)snprintf(ref, sizeof ref, "%" PRIu32 "-%" PRIu32, item->entry.terminal,
                   item->entry.sequence);
    (void)snprintf(giver, sizeof giver, "%016" PRIu64, intent->card_number);
    const struct action_order order = {.action = {.kind = ACTION_CREDIT,
                                                  .origin = ORIGIN_TRANSFER,
                                                  .card_number = intent->occasion.peer.card_number,
                                                  .amount = intent->parts.payment.rials},
                                       .ref = ref,
                                       .giver = giver,
                                       .is_unseen_fine = true};
    return actions_make_within(ledger->actions, &order, ledger->now_s, &made, &fault);
}

/* What is known of one transfer at one terminal, from whichever half was posted first. */
struct halves {
    bool is_there;
    int64_t card, amount; /* that it left; amount 0: the first half is not posted */
    int64_t in_seq, in_amount;
};

static enum st halves_get(struct ledger *ledger, uint32_t terminal, uint32_t first,
                          struct halves *ret)
{
    struct db_stmt *stmt = ledger->sql[SQL_TRANSFER_GET];
    *ret = (struct halves){.is_there = false};
    enum st st = db_first(stmt, &ret->is_there, (int64_t)terminal, (int64_t)first);
    if (st == ST_OK && ret->is_there) {
        ret->card = db_i64(stmt, 0);
        ret->amount = db_i64(stmt, 1);
        ret->in_seq = db_i64(stmt, 2);
        ret->in_amount = db_i64(stmt, 3);
    }
    db_reset(stmt);
    return st;
}

static enum st halves_set(struct ledger *ledger, uint32_t terminal, uint32_t first,
                          const struct halves *halves)
{
    return halves->is_there
               ? db_run(ledger->sql[SQL_TRANSFER_SET], (int64_t)terminal, (int64_t)first,
                        halves->amount, halves->in_seq, halves->in_amount)
               : db_run(ledger->sql[SQL_TRANSFER_PUT], (int64_t)terminal, (int64_t)first,
                        halves->card, halves->amount, halves->in_seq, halves->in_amount);
}

/* Whether both halves, as far as they are posted, can be of one transfer. */
static const char *compare(const struct halves *held, const struct halves *now)
{
    return !held->is_there                         ? NULL
           : held->card != now->card               ? "it left another card"
           : now->in_seq != 0 && held->in_seq != 0 ? "a card has it already"
           : (now->amount != 0 && held->in_amount != 0 && held->in_amount != now->amount) ||
                   (now->in_amount != 0 && held->amount != 0 && held->amount != now->in_amount)
               ? "another amount left"
               : NULL;
}

/* `now` has the half that is being posted. */
static enum st join(struct ledger *ledger, const struct item *item, uint32_t first,
                    const struct halves *now)
{
    const struct entry_intent *intent = &item->entry.intent;
    struct halves held;
    enum st st = halves_get(ledger, item->entry.terminal, first, &held);
    const char *wrong = st == ST_OK ? compare(&held, now) : NULL;
    if (wrong != NULL) {
        return case_open(ledger, "transfer", item, intent->card_number, intent->after.counter,
                         "Card %016llu has a half of transfer %u of terminal %u, %lld rials: %s.",
                         (unsigned long long)intent->card_number, first, item->entry.terminal,
                         (long long)intent->parts.amount.rials, wrong);
    }
    held.card = now->card;
    held.amount += now->amount;
    held.in_seq += now->in_seq;
    held.in_amount += now->in_amount;
    return st == ST_OK ? halves_set(ledger, item->entry.terminal, first, &held) : st;
}

enum st transfers_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct peer *peer = &intent->occasion.peer;
    if (peer->direction == PEER_IN) {
        const struct halves in = {.card = (int64_t)peer->card_number,
                                  .in_seq = item->entry.sequence,
                                  .in_amount = intent->parts.load.rials};
        return peer->terminal == item->entry.terminal
                   ? join(ledger, item, peer->sequence, &in)
                   : case_open(ledger, "transfer", item, intent->card_number, intent->after.counter,
                               "Card %016llu took %lld rials at terminal %u of a transfer that is "
                               "said to have been made at terminal %u.",
                               (unsigned long long)intent->card_number,
                               (long long)intent->parts.load.rials, item->entry.terminal,
                               peer->terminal);
    }
    if (peer->direction != PEER_OUT) {
        return ST_OK; /* read off a card: the intent, which names the other one, is not here */
    }
    if (peer->card_number != 0) {
        return deliver(ledger, item);
    }
    const struct halves out = {.card = (int64_t)intent->card_number,
                               .amount = intent->parts.payment.rials};
    return join(ledger, item, item->entry.sequence, &out);
}
