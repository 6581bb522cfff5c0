#include "firmware/terminal/handover.h"

#include <inttypes.h>

/* --- what waits ------------------------------------------------------------------------------ */

static enum waiting_state state_of(const struct transfer *transfer)
{
    return transfer->first == FIRST_LEFT                                ? WAITING_CLUB
           : transfer->first == FIRST_IN_DOUBT || transfer->second != 0 ? WAITING_IN_DOUBT
                                                                        : WAITING_OPEN;
}

static void add(void *ctx, const struct transfer *transfer, const struct entry *out)
{
    struct waiting_list *list = ctx;
    if (list->count < WAITING_MAX) {
        const bool is_card = out->intent.after.last.kind == TRANSACTION_DUPLICATE;
        list->rows[list->count++] = (struct waiting){.sequence = transfer->sequence,
                                                     .since_s = out->time_s,
                                                     .amount = twocards_amount(out),
                                                     .card_number = out->intent.card_number,
                                                     .is_card = is_card,
                                                     .second = transfer->second,
                                                     .state = state_of(transfer)};
    }
}

/* The cards that may have it. */
static enum st add_seconds(struct store *store, struct waiting_list *list)
{
    enum st st = ST_OK;
    for (size_t n = 0; n < list->count && st == ST_OK; n++) {
        struct entry second;
        if (list->rows[n].second != 0) {
            st = journal_find(store, list->rows[n].second, &second);
            list->rows[n].into = st == ST_OK ? second.intent.card_number : 0;
        }
    }
    return st;
}

enum st handover_list(struct store *store, struct waiting_list *ret)
{
    ret->count = 0;
    const enum st st = twocards_each(store, ret, add, &ret->sums);
    return st == ST_OK ? add_seconds(store, ret) : st;
}

/* --- handing over ---------------------------------------------------------------------------- */

/* It was handed over before: for the same card that is the same request. */
static enum st repeat(struct store *store, const struct transfer *transfer, const struct entry *out,
                      struct handover *handover)
{
    struct entry release;
    const enum st st =
        transfer->second == 0 ? ST_REFUSED : journal_find(store, transfer->second, &release);
    const uint64_t card = st != ST_OK                        ? out->intent.occasion.peer.card_number
                          : release.release.card_number != 0 ? release.release.card_number
                                                             : out->intent.card_number;
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    handover->is_earlier = st == ST_OK && card == handover->card_number;
    handover->entry = handover->is_earlier ? release.sequence : 0;
    fault_say(&handover->say, "Transfer %" PRIu32 ": the club brings it to card *%04" PRIu64 ".",
              handover->sequence, card % 10000);
    return handover->is_earlier ? ST_OK : ST_REFUSED;
}

static enum st append(struct terminal *terminal, const struct entry *out, struct handover *handover)
{
    struct entry entry = {.kind = ENTRY_RELEASE,
                          .operator_no = handover->operator_no,
                          .release = {.out_sequence = handover->sequence}};
    if (handover->card_number != out->intent.card_number) {
        entry.release.card_number = handover->card_number;
    }
    const enum st st = terminal_append(terminal, &entry, &handover->say);
    if (st == ST_OK) {
        char amount[EXPLAIN_AMOUNT_MAX];
        explain_money(terminal_standing(terminal)->programme, EXPLAIN_EN, handover->amount, amount);
        handover->entry = entry.sequence;
        fault_say(&handover->say,
                  "Transfer %" PRIu32 ": handed over. The club brings %s to card *%04" PRIu64
                  " at a tap after the next sync.",
                  handover->sequence, amount, handover->card_number % 10000);
    }
    return st;
}

enum st handover_release(struct terminal *terminal, struct store *store, struct handover *handover)
{
    struct transfer transfer;
    struct entry out;
    handover->say = (struct fault){""};
    enum st st = twocards_find(store, handover->sequence, &transfer, &handover->say);
    if (st == ST_REFUSED) {
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = journal_find(store, transfer.sequence, &out);
    }
    if (st == ST_OK) {
        handover->amount = out.intent.parts.amount;
        handover->card_number =
            handover->card_number == 0 ? out.intent.card_number : handover->card_number;
        if (transfer.end == TRANSFER_RELEASED) {
            return repeat(store, &transfer, &out, handover);
        }
        st = twocards_say(store, &transfer, &handover->say);
    }
    if (st != ST_OK) {
        handover->say = *store_fault(store);
        return st;
    }
    /* One of which only the club knows whether it left its card is the club's anyway. */
    const bool may = handover->say.say[0] == '\0' || state_of(&transfer) == WAITING_CLUB;
    return may ? append(terminal, &out, handover) : ST_REFUSED;
}
