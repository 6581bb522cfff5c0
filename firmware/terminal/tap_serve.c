#include "firmware/terminal/tap_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "firmware/engine/calendar.h"
#include "firmware/engine/listing.h"
#include "firmware/terminal/say.h"

/* --- the plan ------------------------------------------------------------------------------- */

bool tap_asks_issue(const struct tap *tap)
{
    return tap->request.what == TAP_ISSUE || tap->request.what == TAP_TAKE_OVER;
}

bool tap_is_issuable(const struct tap *tap)
{
    return tap->view.condition == CARD_BLANK || tap->view.condition == CARD_HALF_ISSUED;
}

/* The chip or this terminal's keys would refuse the write (hal/card.h): said before the intent. */
static bool lacks_key(const struct tap *tap, const struct snapshot *before,
                      const struct snapshot *after)
{
    return before == NULL ? !tap->view.may_issue
                          : !tap->view.may_load && after->purse[PURSE_CREDIT].rials >
                                                       before->purse[PURSE_CREDIT].rials;
}

/* Rials that a sale spends of the card, or that leave it for another card or as cash: what whoever
 * has a lost card gets by it. */
static int64_t takes(const struct tap *tap, const struct snapshot *before, const struct plan *plan)
{
    const enum transaction_kind kind = plan->next.last.kind;
    if (kind == TRANSACTION_SALE) {
        return plan->parts.payment.rials + plan->parts.redeemed_value.rials;
    }
    const bool is_about_value =
        kind == TRANSACTION_TRANSFER || kind == TRANSACTION_DUPLICATE || kind == TRANSACTION_UNLOAD;
    return before == NULL || !is_about_value ? 0
                                             : plan_worth(tap->programme, before).rials -
                                                   plan_worth(tap->programme, &plan->next).rials;
}

/* True when more is taken off the card than may be while the hotlist is old. */
static bool takes_too_much(const struct tap *tap, const struct snapshot *before,
                           const struct plan *plan)
{
    return tap->look.has_spend_max && takes(tap, before, plan) > tap->look.spend_max.rials;
}

/* The card was asked for its kind and last day, and cannot tell: what they bind is not spent, and
 * does not go to a card that they would not bind. */
static bool lacks_identity(const struct tap *tap)
{
    return tap->has_asked && !tap->look.occasion.has_identity;
}

static bool spends_bound(const struct plan *plan)
{
    return plan->next.last.kind == TRANSACTION_SALE &&
           (plan->parts.gift.rials > 0 || plan->parts.voucher.rials > 0);
}

enum tap_next tap_plan(struct tap *tap, const struct snapshot *history, size_t count,
                       const struct breakdown *sale_parts, struct tap_act *ret_act)
{
    if (tap->programme == NULL) {
        return tap_fail(tap, TAP_REASON_PROGRAMME, NULL, ret_act);
    }
    const struct plan_input input = {.programme = tap->programme,
                                     .history = history,
                                     .history_count = count,
                                     .wish = tap->request.wish,
                                     .occasion = &tap->look.occasion,
                                     .sale_parts = sale_parts,
                                     .minute = tap->look.minute,
                                     .terminal = tap->look.terminal,
                                     .sequence = tap->look.sequence};
    struct plan result = {0};
    if (plan_make(&input, &result) != ST_OK) {
        if (count > 0) {
            tap->answer.has_snapshot = true;
            tap->answer.snapshot = history[0];
        }
        return tap_fail(tap, TAP_REASON_REFUSED, &result.why, ret_act);
    }
    if (lacks_key(tap, count > 0 ? &history[0] : NULL, &result.next)) {
        struct fault why;
        fault_say(&why, "This terminal has no key %s: do it at one that has.",
                  count > 0 ? "to raise the credit of a card" : "to issue a card");
        return tap_fail(tap, TAP_REASON_REFUSED, &why, ret_act);
    }
    if (spends_bound(&result) && lacks_identity(tap)) {
        struct fault why;
        say_no_identity(&why);
        return tap_fail(tap, TAP_REASON_REFUSED, &why, ret_act);
    }
    if (takes_too_much(tap, count > 0 ? &history[0] : NULL, &result)) {
        struct fault why;
        say_list_old(tap->programme, tap->look.spend_max, &why);
        return tap_fail(tap, TAP_REASON_REFUSED, &why, ret_act);
    }
    struct fault passed;
    if (tap->look.quota != NULL && quota_refuses(tap->look.quota, &result, &tap->look.occasion.peer,
                                                 history, count, &passed)) {
        return tap_fail(tap, TAP_REASON_LIMIT, &passed, ret_act);
    }
    if (tap->receipt != NULL) {
        receipt_make(tap->receipt, &input, &result, tap->request.language);
    }
    return tap_go_intent(tap, TAP_AIM_REQUEST, count > 0 ? &history[0] : NULL, &result,
                         tap->request.wish.refers_counter, &tap->look.occasion, ret_act);
}

/* --- what is asked --------------------------------------------------------------------------- */

bool tap_is_reading(const struct tap *tap)
{
    return tap->request.what == TAP_BALANCE || tap->request.what == TAP_HISTORY;
}

enum tap_next tap_read_out(struct tap *tap, struct tap_act *ret_act)
{
    return tap->request.what == TAP_HISTORY ? tap_go(tap, TAP_LIST, TAP_ACT_HISTORY, ret_act)
                                            : tap_answer_unchanged(tap, ret_act);
}

bool tap_is_rolled_back(const struct tap *tap)
{
    const struct snapshot *seen = &tap->look.seen, *newest = &tap->view.snapshot;
    return tap->view.condition == CARD_MEMBER && tap->look.has_seen &&
           (seen->counter > newest->counter ||
            (seen->counter == newest->counter && !settle_same(seen, newest)));
}

bool tap_is_same_wish(const struct tap *tap, const struct entry *intent)
{
    bool is_comparable =
        tap->programme != NULL && intent->intent.programme == tap->programme->version;
    return settle_is_same_wish(intent, &tap->request.wish,
                               is_comparable ? &tap->request.basket : NULL);
}

/* True when the card's newest transaction is just what is asked now, and nobody may have been told
 * that it is done: the register hung up, or the terminal died between outcome and answer. */
static bool is_asked_again(const struct tap *tap)
{
    const struct entry *last = &tap->look.unanswered;
    return tap->look.has_unanswered && !tap->look.is_unanswered_anothers &&
           tap->view.condition == CARD_MEMBER && tap->view.number == last->intent.card_number &&
           settle_same(&tap->view.snapshot, &last->intent.after) && tap_is_same_wish(tap, last);
}

/* Points that are too young to be spent, and what other terminals did with the card today, show in
 * its history only. */
static bool needs_history(const struct tap *tap)
{
    if (tap->look.quota != NULL && quota_needs_history(tap->look.quota, tap->request.wish.kind)) {
        return true;
    }
    return tap_uses(tap, USES_HISTORY) && tap->request.what == TAP_SALE &&
           tap->request.wish.redeem.n > 0;
}

/* --- what the card remembers ---------------------------------------------------------------- */

bool tap_changes_a_card(const struct tap *tap)
{
    return !tap_is_reading(tap) && !tap_asks_issue(tap);
}

/* A card that is moved to another one takes along all that it knows, whatever the programme. */
bool tap_asks_facts(const struct tap *tap)
{
    return tap_changes_a_card(tap) && !tap->look.occasion.has_facts &&
           (tap_uses(tap, USES_FACTS) || tap->request.what == TAP_DUPLICATE);
}

static bool asks_identity(const struct tap *tap)
{
    if (tap->request.what == TAP_DUPLICATE) {
        return true;
    }
    return tap->request.what == TAP_SALE && tap_uses(tap, USES_IDENTITY) &&
           !tap->look.occasion.has_identity;
}

/* Only what the programme looks at, and only what this terminal does not know by itself. */
static enum tap_next ask_card(struct tap *tap, struct tap_act *ret_act)
{
    tap_go(tap, TAP_KNOW, TAP_ACT_KNOW, ret_act);
    ret_act->asks_facts = tap_asks_facts(tap);
    ret_act->asks_identity = asks_identity(tap);
    return TAP_GO;
}

void tap_add_basket(struct occasion *occasion, const struct tap_request *request)
{
    if (request->what == TAP_SALE) {
        occasion->code = request->basket.code;
        occasion->line_count = request->basket.line_count;
        memcpy(occasion->lines, request->basket.lines, sizeof occasion->lines);
    }
    if (request->what == TAP_TRANSFER) {
        occasion->peer = request->wish.peer;
    }
    tap_add_legacy(occasion, request);
    if (request->what == TAP_ISSUE || request->what == TAP_TAKE_OVER) {
        /* What the new card will say of itself. */
        occasion->has_identity = true;
        occasion->kind = request->identity.kind;
        occasion->birthday = request->identity.birthday;
        occasion->wedding = request->identity.wedding;
        occasion->expires = request->identity.expires;
        occasion->has_newcomer = request->basket.has_newcomer;
        occasion->newcomer = request->basket.newcomer;
    }
}

uint16_t tap_day(const struct tap *tap, uint32_t minute)
{
    if (tap->programme == NULL) {
        return 0;
    }
    const struct facts_rules rules = {.utc_offset_minutes = tap->programme->utc_offset_minutes};
    const uint16_t day = facts_day(&rules, minute);
    return day == 0 ? 0 : (uint16_t)(day - 1U + CALENDAR_DAYS_1900);
}

/* The last day that the card's kind gives it, unless the till named one; a card in another's place
 * has that one's. False: the kind has one, and the clock is not set. */
static bool date_card(struct tap *tap)
{
    struct card_identity *identity = &tap->request.identity;
    if (tap->programme == NULL) {
        return true; /* refused later */
    }
    const struct programme_kind_terms *terms = programme_kind_terms(tap->programme, identity->kind);
    const uint32_t today = tap_day(tap, tap->look.minute);
    const bool is_dated = identity->expires != 0 || tap->request.what == TAP_TAKE_OVER;
    if (is_dated || terms == NULL || terms->valid_days == 0) {
        return true;
    }
    const uint32_t last = today + terms->valid_days;
    identity->expires = last < UINT16_MAX ? (uint16_t)last : UINT16_MAX;
    return today != 0;
}

/* All that the plan needs is known, but for the card's history. */
static enum tap_next do_request(struct tap *tap, struct tap_act *ret_act)
{
    switch (tap->request.what) {
    case TAP_TRANSFER:
        if (tap->request.wish.peer.card_number == tap->view.number) {
            struct fault why;
            fault_say(&why, "This is the card that it comes from: hold the other one.");
            return tap_fail(tap, TAP_REASON_REFUSED, &why, ret_act);
        }
        if (tap->look.untakable.say[0] != '\0') {
            return tap_fail(tap, TAP_REASON_REFUSED, &tap->look.untakable, ret_act);
        }
        return tap_plan(tap, &tap->view.snapshot, 1, NULL, ret_act);
    case TAP_SALE:
    case TAP_LOAD:
        if (needs_history(tap)) {
            return tap_go(tap, TAP_LIST, TAP_ACT_HISTORY, ret_act);
        }
        return tap_plan(tap, &tap->view.snapshot, 1, NULL, ret_act);
    case TAP_REFUND:
    case TAP_UNLOAD:
        return tap_go(tap, TAP_LIST, TAP_ACT_HISTORY, ret_act);
    case TAP_DUPLICATE:
        if (tap_has_left(tap)) {
            struct fault why;
            fault_say(&why,
                      "All has left this card already, by number %" PRIu32 ": go on with a blank "
                      "card (duplicate, from that number).",
                      tap->view.snapshot.last.sequence);
            return tap_fail(tap, TAP_REASON_REFUSED, &why, ret_act);
        }
        if (lacks_identity(tap)) {
            struct fault why;
            say_no_identity(&why);
            return tap_fail(tap, TAP_REASON_REFUSED, &why, ret_act);
        }
        return tap_plan(tap, &tap->view.snapshot, 1, NULL, ret_act);
    case TAP_ISSUE:
    case TAP_TAKE_OVER:
        if (!tap_is_issuable(tap)) {
            struct fault why;
            fault_say(&why, "This card is a member card already: take a blank one.");
            return tap_fail(tap, TAP_REASON_REFUSED, &why, ret_act);
        }
        if (tap->look.free_number == 0) {
            struct fault why;
            fault_say(&why, "No card number is free: ask the club for a new range.");
            return tap_fail(tap, TAP_REASON_REFUSED, &why, ret_act);
        }
        if (tap->look.untakable.say[0] != '\0') {
            return tap_fail(tap, TAP_REASON_REFUSED, &tap->look.untakable, ret_act);
        }
        if (!date_card(tap)) {
            struct fault why;
            fault_say(&why, "The clock is not set until the club is reached: cards of this kind "
                            "have a last day.");
            return tap_fail(tap, TAP_REASON_REFUSED, &why, ret_act);
        }
        return tap_plan(tap, NULL, 0, NULL, ret_act);
    case TAP_BALANCE:
    case TAP_HISTORY:
        if (!tap->look.has_seen || tap->look.seen.counter < tap->view.snapshot.counter) {
            return tap_go_sighting(tap, TAP_THEN_UNCHANGED, ret_act);
        }
        return tap_read_out(tap, ret_act);
    }
    assert(false && "a request outside its enum");
    return TAP_REJECTED;
}

enum tap_next tap_serve(struct tap *tap, struct tap_act *ret_act)
{
    tap->aim = TAP_AIM_REQUEST;
    if (tap_is_rolled_back(tap)) {
        return tap->rereads < TAP_REREADS_MAX ? tap_go_confirm(tap, ret_act)
                                              : tap_go_sighting(tap, TAP_THEN_TAMPERED, ret_act);
    }
    if (is_asked_again(tap)) {
        tap->answer.is_earlier = true;
        tap->intent = tap->look.unanswered;
        return tap_answer_done(tap, &tap->intent, ret_act);
    }
    tap->answer.listing = tap->view.condition == CARD_MEMBER ? tap->look.listing : LISTING_NONE;
    if (!tap->has_asked && tap->answer.listing == LISTING_NONE &&
        (tap_asks_facts(tap) || asks_identity(tap))) {
        return ask_card(tap, ret_act);
    }
    enum tap_next next;
    return tap_errand_begin(tap, ret_act, &next) ? next : do_request(tap, ret_act);
}
