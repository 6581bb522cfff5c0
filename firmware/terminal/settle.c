#include "firmware/terminal/settle.h"

#include <assert.h>
#include <string.h>

bool settle_same(const struct snapshot *a, const struct snapshot *b)
{
    uint8_t image_a[SNAPSHOT_IMAGE_BYTES], image_b[SNAPSHOT_IMAGE_BYTES];
    snapshot_encode(a, image_a);
    snapshot_encode(b, image_b);
    return memcmp(image_a, image_b, sizeof image_a) == 0;
}

static bool is_ours(const struct entry *intent, const struct snapshot *snapshot)
{
    return snapshot->last.terminal == intent->terminal &&
           snapshot->last.sequence == intent->sequence;
}

enum settle_shows settle_shows(const struct entry *intent, const struct card_view *view)
{
    assert(intent->kind == ENTRY_INTENT);
    const struct entry_intent *i = &intent->intent;
    const struct snapshot *newest = &view->snapshot;

    if (view->condition == CARD_BLANK || view->condition == CARD_HALF_ISSUED) {
        return i->has_before ? SHOWS_NONE : SHOWS_BEFORE;
    }
    if (view->condition != CARD_MEMBER) {
        return SHOWS_NONE;
    }
    if (view->number != i->card_number) {
        /* Only an issue is looked up by UID: somebody else issued the card in the meantime. */
        return i->has_before ? SHOWS_FORGED : SHOWS_OTHER;
    }
    if (newest->counter > i->after.counter) {
        return SHOWS_BEYOND;
    }
    if (newest->counter == i->after.counter) {
        if (!is_ours(intent, newest)) {
            return SHOWS_OTHER;
        }
        return settle_same(newest, &i->after) ? SHOWS_AFTER : SHOWS_FORGED;
    }
    if (i->has_before && settle_same(newest, &i->before)) {
        return SHOWS_BEFORE;
    }
    return SHOWS_FORGED;
}

enum settle_verdict settle_judge(enum settle_shows first, enum settle_shows second)
{
    if (first == SHOWS_NONE || second == SHOWS_NONE) {
        return SETTLE_UNREADABLE;
    }
    if (first == SHOWS_FORGED || second == SHOWS_FORGED) {
        return SETTLE_FORGED;
    }
    if (second == SHOWS_BEYOND) {
        return SETTLE_LOOK_BACK;
    }
    if (first == SHOWS_BEYOND) {
        /* The newer snapshot flickers, and it stands on whatever holds our counter. */
        return second == SHOWS_AFTER   ? SETTLE_DONE
               : second == SHOWS_OTHER ? SETTLE_OTHER
                                       : SETTLE_FORGED;
    }
    if (first == second) {
        return first == SHOWS_BEFORE  ? SETTLE_ABSENT
               : first == SHOWS_AFTER ? SETTLE_DONE
                                      : SETTLE_OTHER;
    }
    if (first == SHOWS_OTHER || second == SHOWS_OTHER) {
        /* The slot was written by another. That it flickers between two owners cannot come about:
         * whoever sees our snapshot writes the counter after it. */
        return first == SHOWS_AFTER || second == SHOWS_AFTER ? SETTLE_FORGED : SETTLE_OTHER;
    }
    return SETTLE_FLICKERS;
}

bool settle_trace(const struct entry *intent, const struct snapshot *history, size_t count,
                  enum settle_verdict *ret_verdict)
{
    for (size_t n = 0; n < count; n++) {
        if (history[n].counter == intent->intent.after.counter) {
            *ret_verdict = is_ours(intent, &history[n]) ? SETTLE_DONE : SETTLE_OTHER;
            return true;
        }
    }
    return false;
}

static bool is_same_basket(const struct occasion *a, const struct occasion *b)
{
    if (a->code != b->code || a->line_count != b->line_count) {
        return false;
    }
    for (size_t n = 0; n < a->line_count; n++) {
        if (a->lines[n].product != b->lines[n].product ||
            a->lines[n].amount.rials != b->lines[n].amount.rials ||
            a->lines[n].milli != b->lines[n].milli) {
            return false;
        }
    }
    return true;
}

bool settle_is_same_wish(const struct entry *intent, const struct wish *wish,
                         const struct occasion *basket)
{
    const struct entry_intent *i = &intent->intent;
    if (i->after.last.kind != wish->kind || i->refers_counter != wish->refers_counter) {
        return false;
    }
    bool takes_all = (wish->kind == TRANSACTION_REFUND || wish->kind == TRANSACTION_UNLOAD) &&
                     wish->amount.rials == 0;
    const struct peer *peer = &i->occasion.peer;
    if (peer->direction != wish->peer.direction || peer->card_number != wish->peer.card_number ||
        peer->sequence != wish->peer.sequence) {
        return false;
    }
    if (wish->kind == TRANSACTION_DUPLICATE) {
        return true; /* a card is moved once, and replaced once: the amounts follow */
    }
    bool puts_on = wish->kind == TRANSACTION_ACTIVATE || wish->kind == TRANSACTION_LOAD;
    int64_t amount = wish->amount.rials + wish->gift.rials + wish->voucher.rials;
    if (!takes_all && i->parts.amount.rials != amount) {
        return false;
    }
    if (puts_on && (i->parts.gift.rials != wish->gift.rials ||
                    i->parts.voucher.rials != wish->voucher.rials)) {
        return false;
    }
    if (wish->kind == TRANSACTION_ACTIVATE && basket != NULL &&
        i->occasion.newcomer.group != basket->newcomer.group) {
        return false; /* another group was named */
    }
    return wish->kind != TRANSACTION_SALE ||
           (i->parts.payment.rials == wish->pay_credit.rials &&
            i->parts.gift.rials == wish->pay_gift.rials &&
            i->parts.voucher.rials == wish->pay_voucher.rials &&
            i->parts.redeemed.n == wish->redeem.n &&
            (basket == NULL || is_same_basket(&i->occasion, basket)));
}

static enum settle_act act_on_absent(enum settle_asker asker, bool is_issue, bool asks_issue)
{
    if (asker == ASKER_SAME_TAP) {
        return SETTLE_WRITE_AGAIN;
    }
    if (is_issue) {
        /* A half-issued card keeps the number that its own intent took. */
        return !asks_issue                ? SETTLE_ISSUE_FIRST
               : asker == ASKER_SAME_WISH ? SETTLE_WRITE_AGAIN
                                          : SETTLE_GIVE_UP;
    }
    return SETTLE_GIVE_UP;
}

enum settle_act settle_act(enum settle_verdict verdict, enum settle_asker asker, bool is_issue,
                           bool asks_issue)
{
    switch (verdict) {
    case SETTLE_ABSENT:
        return act_on_absent(asker, is_issue, asks_issue);
    case SETTLE_DONE:
        return asker == ASKER_OTHER_WISH ? SETTLE_NOTE_DONE : SETTLE_ANSWER_DONE;
    case SETTLE_FLICKERS:
        /* An issue writes the identity too, which only the request that it was begun by brings. */
        return is_issue && (!asks_issue || asker == ASKER_OTHER_WISH) ? SETTLE_ISSUE_FIRST
                                                                      : SETTLE_WRITE_AGAIN;
    case SETTLE_OTHER:
        return SETTLE_NOTE_NOT_DONE;
    case SETTLE_LOOK_BACK:
        return SETTLE_HISTORY;
    case SETTLE_FORGED:
    case SETTLE_UNREADABLE:
        return SETTLE_STOP;
    case SETTLE_VERDICTS:
        break;
    }
    assert(false && "a verdict outside its enum");
    return SETTLE_STOP;
}
