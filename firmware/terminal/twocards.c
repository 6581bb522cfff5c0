#include "firmware/terminal/twocards.h"

#include <inttypes.h>

/* What the journal says of one transfer's second half. */
struct halves {
    uint32_t first;  /* sequence of the transfer out */
    bool is_done;    /* its outcome says that the card carries it */
    bool is_settled; /* it has an outcome */
    uint32_t second; /* sequence of the transfer in that took it, or may have; 0 = none */
};

static void take_entry(const struct entry *entry, struct halves *halves)
{
    if (entry->kind == ENTRY_INTENT && entry->intent.after.last.kind == TRANSACTION_TRANSFER &&
        entry->intent.occasion.peer.direction == PEER_IN &&
        entry->intent.occasion.peer.sequence == halves->first) {
        halves->second = entry->sequence;
    }
    if (entry->kind != ENTRY_OUTCOME) {
        return;
    }
    if (entry->outcome.intent_sequence == halves->first) {
        halves->is_settled = true;
        halves->is_done = entry->outcome.verdict == VERDICT_DONE;
    } else if (entry->outcome.intent_sequence == halves->second &&
               entry->outcome.verdict == VERDICT_NOT_DONE) {
        halves->second = 0;
    }
}

/* Reads on from the transfer out to the journal's end. */
static enum st follow(struct store *store, struct halves *halves)
{
    enum { ROWS = 32 };
    static struct journal_row rows[ROWS]; /* one thread; too large for its stack */
    uint32_t after = halves->first;
    size_t count = ROWS;
    while (count == ROWS) {
        enum st st = journal_fetch(store, after, rows, ROWS, &count);
        if (st != ST_OK) {
            return st;
        }
        for (size_t i = 0; i < count; i += 1) {
            struct entry entry;
            if (entry_decode(rows[i].bytes, rows[i].size, &entry) != ST_OK) {
                return ST_CORRUPT;
            }
            take_entry(&entry, halves);
            after = rows[i].sequence;
        }
    }
    return ST_OK;
}

static enum st no_transfer(uint32_t sequence, const char *why, struct fault *ret_why)
{
    fault_say(ret_why, "Transfer %" PRIu32 ": %s.", sequence, why);
    return ST_REFUSED;
}

enum st twocards_prepare(struct store *store, struct wish *wish, struct fault *ret_why)
{
    if (wish->peer.direction == PEER_OUT) {
        return ST_OK;
    }
    struct halves halves = {.first = wish->peer.sequence};
    struct entry out;
    uint32_t next = 0;
    enum st st = journal_next(store, &next);
    if (st == ST_OK) {
        st = journal_find(store, halves.first, &out);
    }
    if (st == ST_REFUSED || (st == ST_OK && next - halves.first > TWOCARDS_LOOK_BACK)) {
        return no_transfer(halves.first, "this terminal made none of that number lately", ret_why);
    }
    if (st == ST_OK &&
        (out.kind != ENTRY_INTENT || out.intent.after.last.kind != TRANSACTION_TRANSFER ||
         out.intent.occasion.peer.direction != PEER_OUT)) {
        return no_transfer(halves.first, "that entry is none; look for the first answer's number",
                           ret_why);
    }
    if (st == ST_OK && out.intent.occasion.peer.card_number != 0) {
        return no_transfer(halves.first, "the club delivers it to the card that was named",
                           ret_why);
    }
    st = st == ST_OK ? follow(store, &halves) : st;
    if (st != ST_OK) {
        fault_say(ret_why, "%s", store_fault(store)->say);
        return st;
    }
    if (!halves.is_done) {
        return no_transfer(halves.first,
                           halves.is_settled ? "it did not happen"
                                             : "hold the card that pays once more first",
                           ret_why);
    }
    if (halves.second != 0) {
        return no_transfer(halves.first, "a card has it already, or that card must be held again",
                           ret_why);
    }
    wish->amount = out.intent.parts.amount;
    wish->peer.card_number = out.intent.card_number;
    wish->peer.terminal = out.terminal;
    return ST_OK;
}
