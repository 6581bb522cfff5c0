#include "server/accounts.h"

#include <string.h>

/* No sum here can wrap: entry_decode() has tested that parts and balances have at most 36 bits. */

void snapshot_balances(const struct snapshot *snapshot, int64_t ret_balances[CARD_BOOKS])
{
    ret_balances[BOOK_POINTS] = snapshot->points.n;
    ret_balances[BOOK_CREDIT] = snapshot->purse[PURSE_CREDIT].rials;
    ret_balances[BOOK_GIFT] = snapshot->purse[PURSE_GIFT].rials;
    ret_balances[BOOK_VOUCHER] = snapshot->purse[PURSE_VOUCHER].rials;
}

void posting_leg(struct posting *posting, enum book book, enum account account, int64_t amount)
{
    if (amount != 0) {
        assert(posting->leg_count < LEGS_MAX);
        posting->legs[posting->leg_count++] = (struct leg){book, account, amount};
    }
}

/* The same account in the books of gift and voucher. */
static void book_promises(const struct breakdown *parts, enum account account, int64_t sign,
                          struct posting *posting)
{
    posting_leg(posting, BOOK_GIFT, account, sign * parts->gift.rials);
    posting_leg(posting, BOOK_VOUCHER, account, sign * parts->voucher.rials);
}

/* A load, or with `sign` = -1 an unload. Credit may have come with a bonus: cash is what is due. */
static void book_load(const struct breakdown *parts, int64_t sign, struct posting *posting)
{
    int64_t promised = parts->gift.rials + parts->voucher.rials;
    int64_t cash = parts->load.rials == 0 ? 0 : parts->due.rials - promised;
    posting_leg(posting, BOOK_CREDIT, ACCOUNT_TAKEN, -sign * cash);
    posting_leg(posting, BOOK_CREDIT, ACCOUNT_BONUS, -sign * (parts->load.rials - cash));
    book_promises(parts, ACCOUNT_TAKEN, -sign, posting);
}

/* What was spent and earned, or in a refund (`sign` = -1) comes back. */
static void book_sale(const struct breakdown *parts, int64_t sign, struct posting *posting)
{
    posting_leg(posting, BOOK_CREDIT, ACCOUNT_OWED, sign * parts->payment.rials);
    book_promises(parts, ACCOUNT_OWED, sign, posting);
    posting_leg(posting, BOOK_CREDIT, ACCOUNT_CASHBACK, -sign * parts->load.rials);
    posting_leg(posting, BOOK_POINTS, ACCOUNT_ISSUED, -sign * parts->award.n);
    posting_leg(posting, BOOK_POINTS, ACCOUNT_REDEEMED, sign * parts->redeemed.n);
    posting_leg(posting, BOOK_SETTLEMENT, ACCOUNT_REDEMPTION, sign * parts->redeemed_value.rials);
    posting_leg(posting, BOOK_SETTLEMENT, ACCOUNT_COST, -sign * parts->redeemed_value.rials);
}

/* What waited for the card; what is taken off it goes to whoever asked for that. Where the ledger
 * knows better of a single action, it books that one elsewhere (actions_post.c). */
static void book_actions(const struct breakdown *parts, struct posting *posting)
{
    posting_leg(posting, BOOK_CREDIT, ACCOUNT_PENDING, -parts->load.rials);
    posting_leg(posting, BOOK_GIFT, ACCOUNT_PENDING, -parts->gift.rials);
    posting_leg(posting, BOOK_VOUCHER, ACCOUNT_PENDING, -parts->voucher.rials);
    posting_leg(posting, BOOK_POINTS, ACCOUNT_PENDING, -parts->award.n);
    posting_leg(posting, BOOK_CREDIT, ACCOUNT_GIVEN, parts->payment.rials);
    posting_leg(posting, BOOK_POINTS, ACCOUNT_GIVEN, parts->redeemed.n);
}

/* All that a card has, from it or to it. Into one without another that it left: a replacement. */
static void book_duplicate(const struct entry_intent *intent, struct posting *posting)
{
    const struct breakdown *parts = &intent->parts;
    const struct peer *peer = &intent->occasion.peer;
    const bool is_out = intent->after.last.flags == TRANSFER_OUT;
    const enum account account = !is_out && peer->direction == PEER_IN && peer->sequence == 0
                                     ? ACCOUNT_REPLACED
                                     : ACCOUNT_TRANSIT;
    const int64_t sign = is_out ? 1 : -1;
    posting_leg(posting, BOOK_CREDIT, account, parts->payment.rials - parts->load.rials);
    book_promises(parts, account, sign, posting);
    posting_leg(posting, BOOK_POINTS, account, sign * parts->award.n);
}

static void book_parts(const struct entry_intent *intent, struct posting *posting)
{
    const struct breakdown *parts = &intent->parts;
    switch (intent->after.last.kind) {
    case TRANSACTION_SALE:
        book_sale(parts, 1, posting);
        break;
    case TRANSACTION_REFUND:
        book_sale(parts, -1, posting);
        break;
    case TRANSACTION_ACTIVATE:
        posting_leg(posting, BOOK_CREDIT, ACCOUNT_OPENING, -parts->load.rials);
        book_promises(parts, ACCOUNT_OPENING, -1, posting);
        break;
    case TRANSACTION_LOAD:
        book_load(parts, 1, posting);
        break;
    case TRANSACTION_UNLOAD:
        book_load(parts, -1, posting);
        break;
    case TRANSACTION_EXPIRE:
        posting_leg(posting, BOOK_POINTS, ACCOUNT_EXPIRED, parts->award.n);
        break;
    case TRANSACTION_ACTION:
        book_actions(parts, posting);
        break;
    case TRANSACTION_TRANSFER:
        posting_leg(posting, BOOK_CREDIT, ACCOUNT_TRANSIT,
                    parts->payment.rials - parts->load.rials);
        break;
    case TRANSACTION_DUPLICATE:
        book_duplicate(intent, posting);
        break;
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
    case TRANSACTION_ADJUST:
        /* No terminal of this version makes them: whatever they change is unexplained. */
        break;
    }
}

/* A sale's basket is fully accounted for by what paid it. Rials for points go with points: no purse
 * shows them, so nothing else would tell when there were none. */
static bool amount_adds_up(const struct entry_intent *intent)
{
    const struct breakdown *parts = &intent->parts;
    if (parts->redeemed.n == 0 && parts->redeemed_value.rials != 0) {
        return false;
    }
    if (intent->after.last.kind == TRANSACTION_SALE) {
        return parts->amount.rials == parts->rebate.rials + parts->redeemed_value.rials +
                                          parts->payment.rials + parts->gift.rials +
                                          parts->voucher.rials + parts->due.rials;
    }
    return true;
}

void posting_rest(struct posting *posting)
{
    int64_t rest[CARD_BOOKS];
    memcpy(rest, posting->delta, sizeof rest);
    for (size_t i = 0; i < posting->leg_count; i++) {
        if ((int)posting->legs[i].book < CARD_BOOKS) {
            rest[posting->legs[i].book] += posting->legs[i].amount;
        }
    }
    for (int book = 0; book < CARD_BOOKS; book++) {
        if (rest[book] != 0) {
            posting->is_conserved = false;
            posting_leg(posting, (enum book)book, ACCOUNT_UNEXPLAINED, -rest[book]);
        }
    }
}

void posting_make(const struct entry_intent *intent, struct posting *ret)
{
    memset(ret, 0, sizeof *ret);
    int64_t before[CARD_BOOKS] = {0}, after[CARD_BOOKS];
    snapshot_balances(&intent->after, after);
    if (intent->has_before) {
        snapshot_balances(&intent->before, before);
    }
    book_parts(intent, ret);
    for (int book = 0; book < CARD_BOOKS; book++) {
        ret->delta[book] = after[book] - before[book];
    }
    ret->is_conserved = amount_adds_up(intent);
    posting_rest(ret);
}

const char *book_name(int book)
{
    static const char *const names[BOOKS] = {"points", "credit", "gift", "voucher", "settlement"};
    return book >= 0 && book < BOOKS ? names[book] : "?";
}

const char *account_name(int account)
{
    static const char *const names[] = {
        [ACCOUNT_TAKEN] = "taken",
        [ACCOUNT_OPENING] = "opening",
        [ACCOUNT_OWED] = "owed",
        [ACCOUNT_ISSUED] = "issued",
        [ACCOUNT_REDEEMED] = "redeemed",
        [ACCOUNT_REDEMPTION] = "redemption",
        [ACCOUNT_COST] = "cost",
        [ACCOUNT_UNEXPLAINED] = "unexplained",
        [ACCOUNT_CASHBACK] = "cashback",
        [ACCOUNT_EXPIRED] = "expired",
        [ACCOUNT_RECOVERED] = "recovered",
        [ACCOUNT_CLONED] = "cloned",
        [ACCOUNT_BON] = "bon",
        [ACCOUNT_BON_COST] = "bon_cost",
        [ACCOUNT_BON_TWICE] = "bon_twice",
        [ACCOUNT_PENDING] = "pending",
        [ACCOUNT_GIVEN] = "given",
        [ACCOUNT_TRANSIT] = "transit",
        [ACCOUNT_REPLACED] = "replaced",
        [ACCOUNT_ACCRUED] = "accrued",
        [ACCOUNT_UNTOLD] = "untold",
        [ACCOUNT_BONUS] = "bonus",
    };
    const int count = (int)(sizeof names / sizeof names[0]);
    return account > 0 && account < count && names[account] != NULL ? names[account] : "?";
}

const char *kind_name(int kind)
{
    static const char *const names[] = {
        [TRANSACTION_ACTIVATE] = "activate", [TRANSACTION_SALE] = "sale",
        [TRANSACTION_REFUND] = "refund",     [TRANSACTION_LOAD] = "load",
        [TRANSACTION_UNLOAD] = "unload",     [TRANSACTION_ACTION] = "action",
        [TRANSACTION_BLOCK] = "block",       [TRANSACTION_UNBLOCK] = "unblock",
        [TRANSACTION_TRANSFER] = "transfer", [TRANSACTION_EXPIRE] = "expire",
        [TRANSACTION_ADJUST] = "adjust",     [TRANSACTION_DUPLICATE] = "duplicate",
    };
    const int count = (int)(sizeof names / sizeof names[0]);
    return kind > 0 && kind < count ? names[kind] : "?";
}
