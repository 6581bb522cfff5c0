#include "firmware/terminal/twocards.h"

#include <inttypes.h>

#include "firmware/terminal/successors.h"

static void say_ended(const struct transfer *transfer, struct fault *ret_why)
{
    static const char *const why[] = {[TRANSFER_WAITS] = "",
                                      [TRANSFER_TAKEN] = "a card has it already",
                                      [TRANSFER_RELEASED] = "the club delivers it",
                                      [TRANSFER_VOID] = "it did not happen"};
    fault_say(ret_why, "Transfer %" PRIu32 ": %s.", transfer->sequence, why[transfer->end]);
}

static void say_none(uint32_t sequence, struct fault *ret_why)
{
    fault_say(ret_why,
              "Transfer %" PRIu32 ": this terminal made none of that number; `vafa-till transfers` "
              "lists those that wait.",
              sequence);
}

/* Some card has to be held again, or the club knows more. */
static enum st say_doubt(struct store *store, const struct transfer *transfer,
                         struct fault *ret_why)
{
    const bool is_first = transfer->first != FIRST_DONE;
    struct entry intent;
    const enum st st =
        journal_find(store, is_first ? transfer->sequence : transfer->second, &intent);
    if (st != ST_OK) {
        return st;
    }
    fault_say(
        ret_why,
        transfer->first == FIRST_LEFT ? "Transfer %" PRIu32 ": whether it left card *%04" PRIu64
                                        " only the club can tell: hand it over "
                                        "(vafa-till transfer --release)."
        : is_first ? "Transfer %" PRIu32 ": hold card *%04" PRIu64 ", which pays, once more first."
                   : "Transfer %" PRIu32 ": card *%04" PRIu64
                     " may have it: hold that one once more. If that does not tell, the "
                     "club decides.",
        transfer->sequence, intent.intent.card_number % 10000);
    return ST_OK;
}

enum st twocards_find(struct store *store, uint32_t sequence, struct transfer *ret,
                      struct fault *ret_why)
{
    struct entry out;
    enum st st = transfers_find(store, sequence, ret);
    if (st == ST_REFUSED) {
        say_none(sequence, ret_why);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = journal_find(store, sequence, &out);
    }
    if (st == ST_OK && out.intent.after.last.kind == TRANSACTION_DUPLICATE) {
        fault_say(ret_why,
                  "By number %" PRIu32 " all has left card *%04" PRIu64
                  ": a blank card takes it (vafa-till duplicate --from %" PRIu32 ").",
                  sequence, out.intent.card_number % 10000, sequence);
        return ST_REFUSED;
    }
    return st;
}

enum st twocards_say(struct store *store, const struct transfer *transfer, struct fault *ret_why)
{
    *ret_why = (struct fault){""};
    if (transfer->end != TRANSFER_WAITS) {
        say_ended(transfer, ret_why);
        return ST_OK;
    }
    return transfer->first != FIRST_DONE || transfer->second != 0
               ? say_doubt(store, transfer, ret_why)
               : ST_OK;
}

enum st twocards_look(struct store *store, const struct wish *wish, struct fault *ret_why)
{
    struct transfer transfer;
    *ret_why = (struct fault){""};
    if (wish->kind == TRANSACTION_DUPLICATE) {
        return successors_look(store, wish, ret_why);
    }
    if (wish->kind != TRANSACTION_TRANSFER || wish->peer.direction != PEER_IN) {
        return ST_OK;
    }
    const enum st st = twocards_find(store, wish->peer.sequence, &transfer, ret_why);
    return st == ST_OK ? twocards_say(store, &transfer, ret_why) : st == ST_REFUSED ? ST_OK : st;
}

enum st twocards_prepare(struct store *store, struct wish *wish, struct fault *ret_why)
{
    struct transfer transfer;
    struct entry out;
    if (wish->peer.direction != PEER_IN) {
        return ST_OK;
    }
    enum st st = twocards_find(store, wish->peer.sequence, &transfer, ret_why);
    if (st == ST_REFUSED) {
        return ST_REFUSED;
    }
    /* One that was taken may be asked for again by whoever did not get the answer. */
    if (st == ST_OK && (transfer.end == TRANSFER_RELEASED || transfer.end == TRANSFER_VOID)) {
        say_ended(&transfer, ret_why);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = journal_find(store, transfer.sequence, &out);
    }
    if (st != ST_OK) {
        fault_say(ret_why, "%s", store_fault(store)->say);
        return st;
    }
    wish->amount = out.intent.parts.amount;
    wish->peer.card_number = out.intent.card_number;
    wish->peer.terminal = out.terminal;
    return ST_OK;
}

struct money twocards_amount(const struct entry *out)
{
    const struct breakdown *parts = &out->intent.parts;
    return (struct money){parts->amount.rials + parts->gift.rials + parts->voucher.rials};
}

enum st twocards_each(struct store *store, void *ctx,
                      void (*each)(void *ctx, const struct transfer *transfer,
                                   const struct entry *out),
                      struct waiting_sums *ret)
{
    enum { ROWS = 64 };
    struct transfer rows[ROWS];
    struct entry out;
    size_t count = ROWS;
    uint32_t after = 0;
    enum st st = ST_OK;
    *ret = (struct waiting_sums){.count = 0};
    while (st == ST_OK && count == ROWS) {
        st = transfers_waiting(store, after, rows, ROWS, &count);
        for (size_t i = 0; i < count && st == ST_OK; i++) {
            after = rows[i].sequence;
            st = journal_find(store, after, &out);
            if (st != ST_OK) {
                break;
            }
            ret->oldest_s = ret->count == 0 ? out.time_s : ret->oldest_s;
            ret->count += 1;
            ret->amount.rials += twocards_amount(&out).rials;
            if (each != NULL) {
                each(ctx, &rows[i], &out);
            }
        }
    }
    return st;
}
