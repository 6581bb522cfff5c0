#include <string.h>

#include "firmware/engine/plan_priv.h"

struct snapshot plan_blank_card(void)
{
    struct snapshot blank;
    memset(&blank, 0, sizeof blank);
    blank.layout = SNAPSHOT_LAYOUT_FIRST;
    blank.status = CARD_ACTIVE;
    return blank;
}

bool plan_deltas(enum transaction_kind kind, unsigned flags, const struct breakdown *parts,
                 int64_t ret_deltas[PLAN_DELTAS])
{
    int64_t points = 0;
    int64_t credit = 0;
    int sign = 0; /* of gift and voucher */

    switch (kind) {
    case TRANSACTION_ACTIVATE:
    case TRANSACTION_LOAD:
        credit = parts->load.rials;
        sign = 1;
        break;
    case TRANSACTION_UNLOAD:
        credit = -parts->load.rials;
        sign = -1;
        break;
    case TRANSACTION_SALE:
        points = parts->award.n - parts->redeemed.n;
        credit = parts->load.rials - parts->payment.rials;
        sign = -1;
        break;
    case TRANSACTION_REFUND:
        points = parts->redeemed.n - parts->award.n;
        credit = parts->payment.rials - parts->load.rials;
        sign = 1;
        break;
    case TRANSACTION_EXPIRE:
        points = -parts->award.n;
        sign = -1;
        break;
    case TRANSACTION_TRANSFER:
        credit = parts->load.rials - parts->payment.rials;
        break;
    case TRANSACTION_DUPLICATE:
        sign = flags == TRANSFER_OUT ? -1 : 1;
        points = sign * parts->award.n;
        credit = parts->load.rials - parts->payment.rials;
        break;
    case TRANSACTION_ACTION:
        points = parts->award.n - parts->redeemed.n;
        credit = parts->load.rials - parts->payment.rials;
        sign = 1;
        break;
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
        break;
    case TRANSACTION_ADJUST:
    default: /* A kind from foreign bytes. */
        return false;
    }
    ret_deltas[DELTA_POINTS] = points;
    ret_deltas[DELTA_CREDIT] = credit;
    ret_deltas[DELTA_GIFT] = sign * parts->gift.rials;
    ret_deltas[DELTA_VOUCHER] = sign * parts->voucher.rials;
    return true;
}

/* True when each part is in range and, for the kind, they add up. Ranges first: the sums below
 * cannot wrap then. */
static bool parts_hold(enum transaction_kind kind, const struct breakdown *parts)
{
    const int64_t values[] = {
        parts->amount.rials,  parts->rebate.rials,  parts->redeemed.n, parts->redeemed_value.rials,
        parts->payment.rials, parts->load.rials,    parts->award.n,    parts->due.rials,
        parts->gift.rials,    parts->voucher.rials,
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i += 1) {
        if (values[i] < 0 || values[i] > MONEY_MAX_RIALS) {
            return false;
        }
    }
    int64_t shares =
        parts->rebate.rials + parts->redeemed_value.rials + parts->payment.rials + parts->due.rials;
    int64_t others = parts->gift.rials + parts->voucher.rials;
    bool moves_points = parts->redeemed.n != 0 || parts->award.n != 0;

    switch (kind) {
    case TRANSACTION_SALE:
        return shares + others == parts->amount.rials;
    case TRANSACTION_REFUND:
        /* Each part is its own difference of floors: together they may be ahead of a partial
         * refund's amount by a rial for each part but one, and a whole point may fall due in a
         * small one. */
        return parts->rebate.rials == 0 &&
               parts->payment.rials + parts->due.rials + others <=
                   parts->amount.rials + 1 + (parts->gift.rials > 0) + (parts->voucher.rials > 0);
    case TRANSACTION_ACTIVATE:
        return !moves_points && parts->load.rials + others == parts->amount.rials &&
               parts->due.rials == parts->amount.rials && shares == parts->amount.rials;
    case TRANSACTION_LOAD:
    case TRANSACTION_UNLOAD: { /* One purse; credit may come and go with a bonus. */
        bool is_plain = others > 0 && (parts->gift.rials == 0 || parts->voucher.rials == 0);
        return !moves_points && parts->due.rials == parts->amount.rials &&
               shares == parts->amount.rials &&
               (is_plain ? parts->load.rials == 0 && others == parts->amount.rials
                         : others == 0 && parts->load.rials >= parts->amount.rials);
    }
    case TRANSACTION_TRANSFER: /* One way, and nothing else. */
        return !moves_points && others == 0 && parts->amount.rials > 0 &&
               shares == parts->payment.rials &&
               parts->payment.rials + parts->load.rials == parts->amount.rials &&
               (parts->payment.rials == 0 || parts->load.rials == 0);
    case TRANSACTION_DUPLICATE: /* The same, of everything, and of a card without credit, too. */
        return parts->redeemed.n == 0 && parts->award.n <= POINTS_MAX &&
               shares == parts->payment.rials &&
               parts->payment.rials + parts->load.rials == parts->amount.rials &&
               (parts->payment.rials == 0 || parts->load.rials == 0);
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
        return !moves_points && parts->load.rials == 0 && parts->amount.rials == 0 && shares == 0 &&
               others == 0;
    case TRANSACTION_EXPIRE:
        return parts->award.n > 0 && parts->redeemed.n == 0 && parts->load.rials == 0 &&
               parts->amount.rials == 0 && shares == 0 && others == 0;
    case TRANSACTION_ACTION: /* A run's sums may be more than its card had: credit on, and off. */
        return parts->redeemed.n <= REDEEMED_MAX && parts->award.n <= POINTS_MAX &&
               parts->load.rials + others == parts->amount.rials && shares == parts->payment.rials;
    case TRANSACTION_ADJUST:
    default:
        return false;
    }
}

/* Is it the first of a new card? Both kinds of such transactions have no snapshot before. */
static bool is_first(enum transaction_kind kind, const struct snapshot *after)
{
    return kind == TRANSACTION_ACTIVATE ||
           (kind == TRANSACTION_DUPLICATE && after->last.flags == TRANSFER_IN);
}

/* Nothing stays on a card that was moved to another one. */
static bool is_bare(const struct snapshot *card)
{
    return card->points.n == 0 && card->purse[PURSE_CREDIT].rials == 0 &&
           card->purse[PURSE_GIFT].rials == 0 && card->purse[PURSE_VOUCHER].rials == 0;
}

static bool status_holds(const struct snapshot *card_before, const struct snapshot *card_after,
                         enum transaction_kind kind)
{
    const enum card_status before = card_before->status, after = card_after->status;
    if (kind == TRANSACTION_DUPLICATE && !is_first(kind, card_after)) {
        return before == CARD_ACTIVE && after == CARD_CLOSED && is_bare(card_after);
    }
    if (kind == TRANSACTION_BLOCK) {
        return before == CARD_ACTIVE && after == CARD_BLOCKED;
    }
    if (kind == TRANSACTION_UNBLOCK) {
        return before == CARD_BLOCKED && after == CARD_ACTIVE;
    }
    if (kind == TRANSACTION_ACTION) {
        return before != CARD_CLOSED && after != CARD_CLOSED;
    }
    return before == CARD_ACTIVE && after == CARD_ACTIVE;
}

static bool flags_hold(unsigned flags, enum transaction_kind kind, const struct breakdown *parts)
{
    if (kind == TRANSACTION_TRANSFER) {
        return flags == (parts->payment.rials > 0 ? TRANSFER_OUT : TRANSFER_IN);
    }
    if (kind == TRANSACTION_DUPLICATE) { /* of a card without credit, the parts do not tell */
        return (flags == TRANSFER_OUT && parts->load.rials == 0) ||
               (flags == TRANSFER_IN && parts->payment.rials == 0);
    }
    return flags == 0;
}

/* A new card is of the first; only the club's action changes it, and never back. */
static bool layout_holds(const struct snapshot *before, const struct snapshot *after,
                         enum transaction_kind kind)
{
    return after->layout == before->layout ||
           (kind == TRANSACTION_ACTION && after->layout > before->layout);
}

/* What a transaction leaves as it was, beside status and balances. */
static bool rest_holds(const struct snapshot *before, const struct snapshot *after,
                       enum transaction_kind kind, const struct breakdown *parts)
{
    if (kind == TRANSACTION_SALE) {
        unsigned flags = (parts->payment.rials > 0 ? SALE_PAID_CREDIT : 0U) |
                         (parts->load.rials > 0 ? SALE_CASHBACK : 0U);
        return after->action == before->action && after->last.flags == flags &&
               after->last.amount.rials == parts->amount.rials - parts->rebate.rials;
    }
    if (kind == TRANSACTION_ACTION) {
        return after->action > before->action && after->action <= before->action + ACTION_RUN_MAX &&
               !after->last.has_idle && after->last.flags == 0 &&
               after->last.amount.rials == parts->amount.rials;
    }
    bool stamps_hold = kind == TRANSACTION_REFUND ? after->stamps <= before->stamps
                                                  : after->stamps == before->stamps;
    bool group_holds = after->group == before->group || kind == TRANSACTION_ACTIVATE;
    bool is_as_it_was = after->tier == before->tier && group_holds && stamps_hold;
    bool takes_over = kind == TRANSACTION_DUPLICATE && is_first(kind, after);
    return after->action == before->action && (is_as_it_was || takes_over) &&
           !after->last.has_idle && after->last.offer == 0 &&
           flags_hold(after->last.flags, kind, parts) &&
           after->last.amount.rials == parts->amount.rials;
}

bool plan_holds(const struct snapshot *before, const struct snapshot *after,
                enum transaction_kind kind, const struct breakdown *parts)
{
    const struct snapshot blank = plan_blank_card();
    int64_t delta[PLAN_DELTAS];

    if ((before == NULL) != is_first(kind, after)) {
        return false;
    }
    if (!snapshot_is_valid(after) || (before != NULL && !snapshot_is_valid(before)) ||
        !parts_hold(kind, parts) || !plan_deltas(kind, after->last.flags, parts, delta)) {
        return false;
    }
    before = before == NULL ? &blank : before;
    return after->counter == before->counter + 1 &&
           after->points.n - before->points.n == delta[DELTA_POINTS] &&
           after->purse[PURSE_CREDIT].rials - before->purse[PURSE_CREDIT].rials ==
               delta[DELTA_CREDIT] &&
           after->purse[PURSE_GIFT].rials - before->purse[PURSE_GIFT].rials == delta[DELTA_GIFT] &&
           after->purse[PURSE_VOUCHER].rials - before->purse[PURSE_VOUCHER].rials ==
               delta[DELTA_VOUCHER] &&
           layout_holds(before, after, kind) && status_holds(before, after, kind) &&
           rest_holds(before, after, kind, parts) && after->last.kind == kind &&
           after->last.redeemed.n == parts->redeemed.n;
}
