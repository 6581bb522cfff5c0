#include <string.h>

#include "server/ledger_priv.h"

/* The club runs the terminal's own function on the terminal's own facts (invariant I5). */

/* Finds the programme in the handle or the database. *ret is NULL when the club never had it. */
enum st reckon_programme(struct ledger *ledger, uint32_t version, const struct programme **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < PROGRAMMES_KEPT; i++) {
        if (ledger->programmes[i] != NULL && ledger->programmes[i]->version == version) {
            *ret = ledger->programmes[i];
            return ST_OK;
        }
    }
    struct db_stmt *stmt = ledger->sql[SQL_PROGRAMME_GET];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)version);
    if (st == ST_OK && row) {
        struct programme **at = &ledger->programmes[ledger->programme_next % PROGRAMMES_KEPT];
        const char *text = db_text(stmt, 0);
        struct programme *programme = NULL;
        st = text == NULL ? ST_CORRUPT : programme_load(text, strlen(text), &programme, NULL);
        if (st == ST_OK && programme->version == version) {
            programme_free(*at);
            *at = programme;
            ledger->programme_next++;
            *ret = programme;
        } else if (st == ST_UNSUPPORTED) {
            st = ST_OK; /* of a format that this firmware no longer reads: not known here */
        } else if (st != ST_FULL) {
            st = ST_CORRUPT; /* It was checked before it was stored. */
            programme_free(programme);
        }
    }
    db_reset(stmt);
    return st;
}

/* Whether the posted intent leads to `after` by a transaction that holds: the plan takes such a
 * history only, and a broken one is a case already. */
static bool is_neighbour(const struct entry_intent *intent, const struct snapshot *after)
{
    uint8_t ours[SNAPSHOT_IMAGE_BYTES], theirs[SNAPSHOT_IMAGE_BYTES];
    snapshot_encode(&intent->after, ours);
    snapshot_encode(after, theirs);
    return intent->has_before && memcmp(ours, theirs, sizeof ours) == 0 &&
           plan_holds(&intent->before, after, after->last.kind, &intent->parts);
}

/* What a plan needs of a card beside its state, out of the posted intents. */
struct past {
    struct snapshot history[PLAN_HISTORY_MAX]; /* newest first */
    size_t count;                              /* 0 when one of them is missing */
    struct breakdown refers_parts;             /* of the transaction that is given back */
};

/* Whether the history reaches far enough back with `oldest`: to the one before the transaction that
 * is given back; or, for points that are held, to one that is old enough (plan_sale.c). */
static bool is_enough(const struct plan_input *input, const struct snapshot *oldest)
{
    if (oldest->counter == 1) {
        return true;
    }
    if (input->wish.refers_counter != 0) {
        return oldest->counter < input->wish.refers_counter;
    }
    const struct facts_rules rules = {.utc_offset_minutes = input->programme->utc_offset_minutes};
    int32_t today = facts_day(&rules, input->minute);
    int32_t day = facts_day(&rules, oldest->last.minute);
    return input->wish.redeem.n == 0 || (input->programme->uses & USES_HISTORY) == 0 ||
           (day != 0 && day <= today - input->programme->hold_days);
}

/* The card's snapshots from `before` down, as far as the plan looks back. */
static enum st past_get(struct ledger *ledger, const struct plan_input *input,
                        const struct snapshot *before, struct past *ret)
{
    size_t count = 0;
    ret->history[count++] = *before;
    ret->count = 0;
    while (!is_enough(input, &ret->history[count - 1])) {
        struct item *item = NULL;
        enum st st = posted_item(ledger, ret->history[count - 1].counter, &item);
        if (st != ST_OK || item == NULL) {
            return st;
        }
        ledger->earlier_count--;
        const struct entry_intent *intent = &item->entry.intent;
        if (!is_neighbour(intent, &ret->history[count - 1]) || count == PLAN_HISTORY_MAX) {
            return ST_OK;
        }
        ret->refers_parts = intent->parts; /* the last one read is the one that is given back */
        ret->history[count++] = intent->before;
    }
    ret->count = count;
    return ST_OK;
}

/* The purses that the amount goes to. False: more than the amount. */
static bool put_on(const struct breakdown *parts, struct wish *ret)
{
    ret->gift = parts->gift;
    ret->voucher = parts->voucher;
    ret->amount.rials = parts->amount.rials - parts->gift.rials - parts->voucher.rials;
    return ret->amount.rials >= 0;
}

/* Of a card that takes another's place: what it begins with is what was wished for. */
static bool take_over(const struct entry_intent *intent, struct wish *ret)
{
    const struct breakdown *parts = &intent->parts;
    const struct snapshot *after = &intent->after;
    ret->gift = parts->gift;
    ret->voucher = parts->voucher;
    ret->inherits = (struct inheritance){.points = parts->award,
                                         .tier = after->tier,
                                         .group = after->group,
                                         .stamps = after->stamps};
    return !intent->has_before && parts->gift.rials <= snapshot_purse_max(PURSE_GIFT) &&
           parts->voucher.rials <= snapshot_purse_max(PURSE_VOUCHER);
}

/* What the cashier must have wished for. False: no wish leads to such an intent. */
static bool wish_of(const struct entry_intent *intent, struct wish *ret)
{
    const struct breakdown *parts = &intent->parts;
    *ret = (struct wish){.kind = intent->after.last.kind, .amount = parts->amount};
    switch (ret->kind) {
    case TRANSACTION_ACTIVATE:
        return !intent->has_before && put_on(parts, ret);
    case TRANSACTION_SALE:
        ret->pay_credit = parts->payment;
        ret->pay_gift = parts->gift;
        ret->pay_voucher = parts->voucher;
        ret->redeem = parts->redeemed;
        return intent->has_before && parts->amount.rials > 0;
    case TRANSACTION_TRANSFER:
        return intent->has_before && parts->amount.rials > 0;
    case TRANSACTION_LOAD:
        return intent->has_before && parts->amount.rials > 0 && put_on(parts, ret) &&
               (ret->amount.rials > 0) + (ret->gift.rials > 0) + (ret->voucher.rials > 0) == 1;
    case TRANSACTION_EXPIRE:
        return intent->has_before;
    case TRANSACTION_REFUND:
    case TRANSACTION_UNLOAD:
        ret->refers_counter = intent->refers_counter;
        return intent->has_before && parts->amount.rials > 0 && intent->refers_counter > 0 &&
               intent->refers_counter <= intent->before.counter;
    case TRANSACTION_DUPLICATE:
        if (intent->occasion.peer.direction == PEER_IN) {
            return take_over(intent, ret);
        }
        ret->amount.rials = 0;
        return intent->has_before;
    case TRANSACTION_ACTION:
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
    case TRANSACTION_ADJUST:
        return false; /* No terminal of this version makes them. */
    }
    return false;
}

static bool parts_equal(const struct breakdown *a, const struct breakdown *b)
{
    return a->amount.rials == b->amount.rials && a->rebate.rials == b->rebate.rials &&
           a->redeemed.n == b->redeemed.n && a->redeemed_value.rials == b->redeemed_value.rials &&
           a->payment.rials == b->payment.rials && a->load.rials == b->load.rials &&
           a->award.n == b->award.n && a->due.rials == b->due.rials &&
           a->gift.rials == b->gift.rials && a->voucher.rials == b->voucher.rials;
}

/* What the club says of a plan of its own beside the terminal's; NULL: the same to the last bit. */
static const char *compare(const struct entry_intent *intent, const struct plan *plan)
{
    uint8_t ours[SNAPSHOT_IMAGE_BYTES], theirs[SNAPSHOT_IMAGE_BYTES];
    snapshot_encode(&plan->next, ours);
    snapshot_encode(&intent->after, theirs);
    if (memcmp(ours, theirs, sizeof ours) != 0) {
        return "the club computes another state";
    }
    return parts_equal(&plan->parts, &intent->parts) ? NULL : "the club computes other parts";
}

/* The club's actions: their images stand in the intent, and no programme decides what they do. */
static const char *compare_actions(const struct entry_intent *intent,
                                   const struct plan_input *input)
{
    const struct occasion *occasion = &intent->occasion;
    struct plan_input now = *input;
    struct plan plan;
    if (!intent->has_before) {
        return "actions of a card that was never issued";
    }
    now.history = &intent->before;
    now.history_count = 1;
    if (plan_actions(&now, occasion->actions, occasion->action_count, &plan) != ST_OK ||
        plan.action_count != occasion->action_count) {
        return "its actions could not be applied";
    }
    return compare(intent, &plan);
}

static enum st open_case(struct ledger *ledger, const struct item *item, const char *differs)
{
    const struct entry_intent *intent = &item->entry.intent;
    return case_open(
        ledger, "differs", item, intent->card_number, intent->after.counter,
        "Transaction %u of card %016llu (entry %u of terminal %u) by programme %u: %s.",
        intent->after.counter, (unsigned long long)intent->card_number, item->entry.sequence,
        item->entry.terminal, intent->programme, differs);
}

enum st reckon(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct programme *programme = NULL;
    struct past past = {.count = 0};
    struct plan_input input = {.history = past.history,
                               .occasion = &intent->occasion,
                               .minute = intent->after.last.minute,
                               .terminal = item->entry.terminal,
                               .sequence = item->entry.sequence};
    const char *differs = "no wish leads to it";
    if (intent->after.last.kind == TRANSACTION_BLOCK ||
        intent->after.last.kind == TRANSACTION_UNBLOCK) {
        return ST_OK; /* No programme decides these: plan_holds() has said all there is to say. */
    }
    if (intent->after.last.kind == TRANSACTION_ACTION) {
        differs = compare_actions(intent, &input);
        return differs == NULL ? ST_OK : open_case(ledger, item, differs);
    }
    enum st st = reckon_programme(ledger, intent->programme, &programme);
    if (st == ST_OK && programme != NULL && wish_of(intent, &input.wish)) {
        input.programme = programme;
        if (intent->has_before) {
            st = past_get(ledger, &input, &intent->before, &past);
            input.history_count = past.count;
            input.sale_parts = input.wish.refers_counter != 0 ? &past.refers_parts : NULL;
        }
        if (st == ST_OK && intent->has_before && past.count == 0) {
            ledger->result.unchecked++; /* Its history has a gap. */
            return ST_OK;
        }
        struct plan plan;
        differs =
            plan_make(&input, &plan) == ST_OK ? compare(intent, &plan) : "the programme refuses it";
    }
    if (st != ST_OK || programme == NULL) {
        ledger->result.unchecked += st == ST_OK;
        return st;
    }
    return differs == NULL ? ST_OK : open_case(ledger, item, differs);
}
