#include "server/proof_parts.h"

#include <string.h>

/* What a negative figure would mean no transaction of ours does: it is left to "recovered". */
static int64_t at_least_0(int64_t value)
{
    return value > 0 ? value : 0;
}

/* How much more of gift and voucher the card has after it (`sign` 1), or less (-1). */
static void derive_promises(const int64_t *was, const int64_t *is, int64_t sign,
                            struct breakdown *ret)
{
    ret->gift.rials = at_least_0(sign * (is[BOOK_GIFT] - was[BOOK_GIFT]));
    ret->voucher.rials = at_least_0(sign * (is[BOOK_VOUCHER] - was[BOOK_VOUCHER]));
}

static void derive_sale(const struct snapshot *after, int64_t points, int64_t credit, int64_t value,
                        struct breakdown *ret)
{
    ret->redeemed = after->last.redeemed;
    ret->award.n = at_least_0(points + ret->redeemed.n);
    if (after->last.flags == SALE_PAID_CREDIT) {
        ret->payment.rials = at_least_0(-credit);
    } else if (after->last.flags == SALE_CASHBACK) {
        ret->load.rials = at_least_0(credit);
    }
    ret->redeemed_value.rials = ret->redeemed.n * value;
    ret->due.rials = ret->amount.rials - ret->payment.rials - ret->gift.rials - ret->voucher.rials -
                     ret->redeemed_value.rials;
}

static void derive_refund(const struct snapshot *after, int64_t points, int64_t credit,
                          int64_t value, int64_t flags, struct breakdown *ret)
{
    ret->redeemed = after->last.redeemed;
    ret->award.n = at_least_0(ret->redeemed.n - points);
    ret->redeemed_value.rials = ret->redeemed.n * value;
    if (flags == SALE_PAID_CREDIT) {
        ret->payment.rials = at_least_0(credit);
    } else if (flags == SALE_CASHBACK) {
        ret->load.rials = at_least_0(-credit);
    }
}

static void derive(const struct snapshot *before, const struct snapshot *after, int64_t value,
                   int64_t flags, struct breakdown *ret)
{
    int64_t was[CARD_BOOKS] = {0}, is[CARD_BOOKS];
    if (before != NULL) {
        snapshot_balances(before, was);
    }
    snapshot_balances(after, is);
    const int64_t points = is[BOOK_POINTS] - was[BOOK_POINTS];
    const int64_t credit = is[BOOK_CREDIT] - was[BOOK_CREDIT];
    *ret = (struct breakdown){.amount = after->last.amount};
    switch (after->last.kind) {
    case TRANSACTION_SALE:
        derive_promises(was, is, -1, ret);
        derive_sale(after, points, credit, value, ret);
        break;
    case TRANSACTION_REFUND:
        derive_promises(was, is, 1, ret);
        derive_refund(after, points, credit, value, flags, ret);
        break;
    case TRANSACTION_ACTIVATE:
    case TRANSACTION_LOAD:
        derive_promises(was, is, 1, ret);
        ret->load.rials = at_least_0(credit);
        ret->due = ret->amount;
        break;
    case TRANSACTION_UNLOAD:
        derive_promises(was, is, -1, ret);
        ret->load.rials = at_least_0(-credit);
        ret->due = ret->amount;
        break;
    case TRANSACTION_TRANSFER:
        ret->payment.rials = at_least_0(-credit);
        ret->load.rials = at_least_0(credit);
        break;
    case TRANSACTION_DUPLICATE:
        ret->payment.rials = at_least_0(-credit);
        ret->load.rials = at_least_0(credit);
        ret->award.n = points < 0 ? -points : points;
        derive_promises(was, is, after->last.flags == TRANSFER_OUT ? -1 : 1, ret);
        break;
    case TRANSACTION_EXPIRE:
        ret->award.n = at_least_0(-points);
        break;
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
    case TRANSACTION_ACTION:
    case TRANSACTION_ADJUST:
        break;
    }
}

void proof_item(uint64_t card, const struct snapshot *before, const struct snapshot *after,
                int64_t value, int64_t flags, int64_t now_s, const struct item *by,
                struct item *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->raw = by == NULL ? (const uint8_t *)"" : by->raw;
    ret->raw_bytes = by == NULL ? 0 : by->raw_bytes;
    ret->fate = FATE_POSTED;
    struct entry *entry = &ret->entry;
    entry->kind = ENTRY_INTENT;
    entry->sequence = after->last.sequence;
    entry->terminal = after->last.terminal;
    entry->time_s = after->last.minute == 0 ? now_s : snapshot_time_s(after->last.minute);
    struct entry_intent *intent = &entry->intent;
    intent->card_number = card;
    intent->has_before = before != NULL;
    if (before != NULL) {
        intent->before = *before;
    }
    intent->after = *after;
    derive(before, after, value, flags, &intent->parts);
}

void proof_recover(struct posting *posting)
{
    for (size_t i = 0; i < posting->leg_count; i++) {
        if (posting->legs[i].account == ACCOUNT_UNEXPLAINED) {
            posting->legs[i].account = ACCOUNT_RECOVERED;
        }
    }
}
