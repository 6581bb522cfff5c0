#include "firmware/terminal/tap.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "firmware/engine/listing.h"
#include "firmware/terminal/say.h"

/* --- acts ----------------------------------------------------------------------------------- */

static enum tap_next go(struct tap *tap, enum tap_state state, enum tap_act_kind kind,
                        struct tap_act *ret_act)
{
    tap->state = state;
    *ret_act = (struct tap_act){.kind = kind, .say = TAP_SAY_WORKING};
    return TAP_GO;
}

/* Looks for a card: any at first, the same one once an intent is open or the card changed. */
static enum tap_next go_read(struct tap *tap, struct tap_act *ret_act)
{
    go(tap, tap->has_intent ? TAP_HOLD : TAP_WAIT, TAP_ACT_READ, ret_act);
    ret_act->say = tap->reader_is_away ? TAP_SAY_READER
                   : tap->is_in_doubt  ? TAP_SAY_HOLD_AGAIN
                   : tap->has_intent   ? TAP_SAY_TOO_EARLY
                                       : TAP_SAY_HOLD;
    if (tap->has_intent || tap->is_read_again) {
        memcpy(ret_act->uid, tap->view.uid, sizeof ret_act->uid);
        ret_act->uid_bytes = tap->view.uid_bytes;
    }
    return TAP_GO;
}

/* Reads the card that was just read a second time. */
static enum tap_next go_confirm(struct tap *tap, struct tap_act *ret_act)
{
    tap->first = tap->view;
    go(tap, TAP_CONFIRM, TAP_ACT_READ, ret_act);
    memcpy(ret_act->uid, tap->view.uid, sizeof ret_act->uid);
    ret_act->uid_bytes = tap->view.uid_bytes;
    return TAP_GO;
}

static enum tap_next go_write(struct tap *tap, struct tap_act *ret_act)
{
    const struct entry_intent *intent = &tap->intent.intent;
    if (intent->has_before) {
        go(tap, TAP_COMMIT, TAP_ACT_COMMIT, ret_act);
        ret_act->has_facts = tap->is_own && tap->has_facts;
        ret_act->facts = tap->facts;
    } else {
        go(tap, TAP_COMMIT, TAP_ACT_ISSUE, ret_act);
        ret_act->identity = tap->request.identity;
        ret_act->identity.number = intent->card_number;
    }
    ret_act->snapshot = intent->after;
    return TAP_GO;
}

static enum tap_next go_outcome(struct tap *tap, const struct entry *intent,
                                enum entry_verdict verdict, enum entry_evidence evidence,
                                enum tap_then then, struct tap_act *ret_act)
{
    tap->then = then;
    bool is_own = tap->is_own && intent->sequence == tap->intent.sequence;
    if (!is_own && then != TAP_THEN_DONE) {
        tap->answer.has_settled = true;
        tap->answer.settled = verdict;
        tap->answer.settled_intent = *intent;
    }
    go(tap, TAP_OUTCOME, TAP_ACT_APPEND, ret_act);
    ret_act->entry = (struct entry){
        .kind = ENTRY_OUTCOME,
        .operator_no = tap->request.operator_no,
        .outcome = {.intent_sequence = intent->sequence,
                    .verdict = verdict,
                    .evidence = evidence,
                    .card_number = intent->intent.card_number,
                    .counter = intent->intent.after.counter},
    };
    return TAP_GO;
}

static enum tap_next go_sighting(struct tap *tap, enum tap_then then, struct tap_act *ret_act)
{
    tap->then = then;
    go(tap, TAP_SIGHT, TAP_ACT_APPEND, ret_act);
    ret_act->entry = (struct entry){
        .kind = ENTRY_SIGHTING,
        .operator_no = tap->request.operator_no,
        .sighting = {.card_number = tap->view.number,
                     .family = (uint8_t)tap->view.family,
                     .uid_bytes = (uint8_t)tap->view.uid_bytes,
                     .shown = then == TAP_THEN_TAMPERED ? SHOWN_BACK : SHOWN_NEWEST,
                     .snapshot = tap->view.snapshot},
    };
    memcpy(ret_act->entry.sighting.uid, tap->view.uid, tap->view.uid_bytes);
    return TAP_GO;
}

static enum tap_next answer(struct tap *tap, enum tap_outcome outcome, enum tap_reason reason,
                            struct tap_act *ret_act)
{
    go(tap, TAP_OVER, TAP_ACT_ANSWER, ret_act);
    tap->answer.outcome = outcome;
    tap->answer.reason = reason;
    if (tap->answer.card_number == 0 && tap->has_intent && tap->intent.intent.has_before) {
        /* Not the last reading's: that may be of another card with the same UID. */
        tap->answer.card_number = tap->intent.intent.card_number;
    } else if (tap->answer.card_number == 0 && tap->view.condition == CARD_MEMBER) {
        tap->answer.card_number = tap->view.number;
    }
    ret_act->answer = tap->answer;
    return TAP_END;
}

/* Ends the tap without success. While the card may carry the intent, only "hold again" is true,
 * whatever else went wrong. */
static enum tap_next fail(struct tap *tap, enum tap_reason reason, const struct fault *say,
                          struct tap_act *ret_act)
{
    if (tap->is_blocking) {
        /* What was asked is surely not done, whatever became of the block: that is settled at the
         * card's next sighting, like any intent. */
        reason = TAP_REASON_HOTLISTED;
        say_listed(tap->answer.listing, &tap->answer.say);
        return answer(tap, TAP_NOT_DONE, reason, ret_act);
    }
    if (say != NULL) {
        tap->answer.say = *say;
    } else {
        say_reason(reason, &tap->answer.say);
    }
    /* Points that expire are no part of what was asked, which is surely not done yet. */
    if (tap->has_intent && tap->is_in_doubt && !tap->is_expiring) {
        say_in_doubt(&tap->answer.say);
        return answer(tap, TAP_HOLD_AGAIN, reason, ret_act);
    }
    return answer(tap, TAP_NOT_DONE, reason, ret_act);
}

/* The card carries `intent`: its figures are the answer. */
static enum tap_next answer_done(struct tap *tap, const struct entry *intent,
                                 struct tap_act *ret_act)
{
    tap->answer.card_number = intent->intent.card_number;
    tap->answer.has_snapshot = true;
    tap->answer.snapshot = intent->intent.after;
    tap->answer.has_parts = true;
    tap->answer.parts = intent->intent.parts;
    if (tap->receipt != NULL && tap->receipt->of.counter > 0 &&
        settle_same(&tap->receipt->of, &intent->intent.after)) {
        tap->answer.lines = tap->receipt;
    }
    say_done(intent, tap->answer.is_earlier, &tap->answer.say);
    return answer(tap, TAP_DONE, TAP_REASON_NONE, ret_act);
}

static enum tap_next answer_unchanged(struct tap *tap, struct tap_act *ret_act)
{
    tap->answer.has_snapshot = true;
    tap->answer.snapshot = tap->view.snapshot;
    if (tap->request.what == TAP_HISTORY) {
        tap->answer.history = tap->history;
        tap->answer.history_count = tap->history_count;
    }
    say_balance(&tap->view.snapshot, &tap->answer.say);
    return answer(tap, TAP_DONE, TAP_REASON_NONE, ret_act);
}

static enum tap_next answer_condition(struct tap *tap, struct tap_act *ret_act)
{
    static const enum tap_reason reasons[] = {
        [CARD_MEMBER] = TAP_REASON_REFUSED,       [CARD_BLANK] = TAP_REASON_BLANK,
        [CARD_HALF_ISSUED] = TAP_REASON_BLANK,    [CARD_FOREIGN] = TAP_REASON_FOREIGN,
        [CARD_DAMAGED] = TAP_REASON_DAMAGED,      [CARD_TAMPERED] = TAP_REASON_TAMPERED,
        [CARD_UNKNOWN_CHIP] = TAP_REASON_FOREIGN, [CARD_MEDIUM] = TAP_REASON_MEDIUM};
    return fail(tap, reasons[tap->view.condition], tap->view.why.say[0] ? &tap->view.why : NULL,
                ret_act);
}

/* --- the plan ------------------------------------------------------------------------------- */

static bool asks_issue(const struct tap *tap)
{
    return tap->request.what == TAP_ISSUE;
}

static bool is_issuable(const struct tap *tap)
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

static bool uses(const struct tap *tap, unsigned what)
{
    return tap->programme != NULL && (tap->programme->uses & what) != 0;
}

/* Journals what was planned; `before` is NULL for an issue. */
static enum tap_next go_intent(struct tap *tap, const struct snapshot *before,
                               const struct plan *plan, uint32_t refers_counter,
                               const struct occasion *occasion, struct tap_act *ret_act)
{
    /* An issue is not staged: keys and number go onto the card only when the number is taken. */
    go(tap, TAP_INTENT, before != NULL ? TAP_ACT_INTENT : TAP_ACT_APPEND, ret_act);
    ret_act->snapshot = plan->next;
    struct entry_intent intent = {.card_number =
                                      before == NULL ? tap->look.free_number : tap->view.number,
                                  .family = (uint8_t)tap->view.family,
                                  .uid_bytes = (uint8_t)tap->view.uid_bytes,
                                  .programme = tap->programme == NULL ? 0 : tap->programme->version,
                                  .has_before = before != NULL,
                                  .after = plan->next,
                                  .parts = plan->parts,
                                  .refers_counter = refers_counter};
    if (before != NULL) {
        intent.before = *before;
    }
    if (occasion != NULL) {
        intent.occasion = *occasion;
    }
    memcpy(intent.uid, tap->view.uid, tap->view.uid_bytes);
    /* A checkpoint begun anew must not replace one that nobody looked at (hal/card.h). */
    bool is_looked_at = occasion != NULL && (occasion->has_facts || tap->are_facts_lost);
    tap->has_facts = before != NULL && uses(tap, USES_FACTS) && is_looked_at;
    tap->facts = plan->facts_after;
    tap->intent = (struct entry){.kind = ENTRY_INTENT,
                                 .sequence = tap->look.sequence,
                                 .terminal = tap->look.terminal,
                                 .operator_no = tap->request.operator_no,
                                 .intent = intent};
    ret_act->entry = tap->intent;
    return TAP_GO;
}

/* True when a sale spends more than may be spent while the hotlist is old. */
static bool spends_too_much(const struct tap *tap, const struct plan *plan)
{
    return tap->look.has_spend_max && plan->next.last.kind == TRANSACTION_SALE &&
           plan->parts.payment.rials + plan->parts.redeemed_value.rials > tap->look.spend_max.rials;
}

/* Plans what is asked on the card just read; `history` is newest first, none for an issue. */
static enum tap_next plan(struct tap *tap, const struct snapshot *history, size_t count,
                          const struct breakdown *sale_parts, struct tap_act *ret_act)
{
    if (tap->programme == NULL) {
        return fail(tap, TAP_REASON_PROGRAMME, NULL, ret_act);
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
        return fail(tap, TAP_REASON_REFUSED, &result.why, ret_act);
    }
    if (lacks_key(tap, count > 0 ? &history[0] : NULL, &result.next)) {
        struct fault why;
        fault_say(&why, "This terminal has no key %s: do it at one that has.",
                  count > 0 ? "to raise the credit of a card" : "to issue a card");
        return fail(tap, TAP_REASON_REFUSED, &why, ret_act);
    }
    if (spends_too_much(tap, &result)) {
        struct fault why;
        say_list_old(tap->look.spend_max, &why);
        return fail(tap, TAP_REASON_REFUSED, &why, ret_act);
    }
    if (tap->receipt != NULL) {
        receipt_make(tap->receipt, &input, &result, tap->request.language);
    }
    return go_intent(tap, count > 0 ? &history[0] : NULL, &result, tap->request.wish.refers_counter,
                     &tap->look.occasion, ret_act);
}

/* --- the hotlist ---------------------------------------------------------------------------- */

static bool is_reading(const struct tap *tap)
{
    return tap->request.what == TAP_BALANCE || tap->request.what == TAP_HISTORY;
}

/* Answers what the card says, which needs nothing more than its history. */
static enum tap_next read_out(struct tap *tap, struct tap_act *ret_act)
{
    return tap->request.what == TAP_HISTORY ? go(tap, TAP_LIST, TAP_ACT_HISTORY, ret_act)
                                            : answer_unchanged(tap, ret_act);
}

/* A listed card that is blocked now, or cannot be: nothing is done with it but read it out. */
static enum tap_next refuse_listed(struct tap *tap, struct tap_act *ret_act)
{
    tap->is_blocking = false;
    if (is_reading(tap)) {
        return read_out(tap, ret_act);
    }
    struct fault why;
    say_listed(tap->answer.listing, &why);
    tap->answer.has_snapshot = true;
    tap->answer.snapshot = tap->view.snapshot;
    return fail(tap, TAP_REASON_HOTLISTED, &why, ret_act);
}

/* The block is planned, journalled and committed like anything else, so that every terminal refuses
 * the card from now on, and the entry tells the club. */
static enum tap_next block(struct tap *tap, struct tap_act *ret_act)
{
    struct plan result;
    plan_block(&tap->view.snapshot, tap->look.minute, tap->look.terminal, tap->look.sequence,
               &result);
    tap->is_blocking = true;
    return go_intent(tap, &tap->view.snapshot, &result, 0, NULL, ret_act);
}

/* True when the card contradicts what this terminal has seen of it: an older state, or another
 * state with the same counter. An honest card only moves forward. */
static bool is_rolled_back(const struct tap *tap)
{
    const struct snapshot *seen = &tap->look.seen, *newest = &tap->view.snapshot;
    return tap->view.condition == CARD_MEMBER && tap->look.has_seen &&
           (seen->counter > newest->counter ||
            (seen->counter == newest->counter && !settle_same(seen, newest)));
}

/* Lines and code are numbers of a programme: after a new one they cannot be compared, and the same
 * amounts are the same wish, so that nothing is charged twice. */
static bool is_same_wish(const struct tap *tap, const struct entry *intent)
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
    return tap->look.has_unanswered && tap->view.condition == CARD_MEMBER &&
           tap->view.number == last->intent.card_number &&
           settle_same(&tap->view.snapshot, &last->intent.after) && is_same_wish(tap, last);
}

/* Points that are too young to be spent show in the card's history only. */
static bool needs_history(const struct tap *tap)
{
    return uses(tap, USES_HISTORY) && tap->request.what == TAP_SALE &&
           tap->request.wish.redeem.n > 0;
}

/* --- what the card remembers ---------------------------------------------------------------- */

static bool changes_a_card(const struct tap *tap)
{
    return !is_reading(tap) && tap->request.what != TAP_ISSUE;
}

static bool asks_facts(const struct tap *tap)
{
    return changes_a_card(tap) && uses(tap, USES_FACTS) && !tap->look.occasion.has_facts;
}

static bool asks_identity(const struct tap *tap)
{
    return tap->request.what == TAP_SALE && uses(tap, USES_IDENTITY) &&
           !tap->look.occasion.has_identity;
}

/* Only what the programme looks at, and only what this terminal does not know by itself. */
static enum tap_next ask_card(struct tap *tap, struct tap_act *ret_act)
{
    go(tap, TAP_KNOW, TAP_ACT_KNOW, ret_act);
    ret_act->asks_facts = asks_facts(tap);
    ret_act->asks_identity = asks_identity(tap);
    return TAP_GO;
}

/* Plans the transaction that takes off points that are over. False: none are, or the card takes no
 * transaction, which the plan of what was asked says in its words. */
static bool plan_expiry(const struct tap *tap, const struct occasion *occasion, struct plan *ret)
{
    const struct plan_input input = {.programme = tap->programme,
                                     .history = &tap->view.snapshot,
                                     .history_count = 1,
                                     .wish = {.kind = TRANSACTION_EXPIRE},
                                     .occasion = occasion,
                                     .minute = tap->look.minute,
                                     .terminal = tap->look.terminal,
                                     .sequence = tap->look.sequence};
    return changes_a_card(tap) && tap->programme != NULL && plan_expired(&input).n > 0 &&
           plan_make(&input, ret) == ST_OK;
}

static struct occasion without_basket(const struct occasion *occasion)
{
    struct occasion rest = *occasion;
    rest.code = 0;
    rest.line_count = 0;
    memset(rest.lines, 0, sizeof rest.lines);
    return rest;
}

static void add_basket(struct occasion *occasion, const struct tap_request *request)
{
    if (request->what == TAP_SALE) {
        occasion->code = request->basket.code;
        occasion->line_count = request->basket.line_count;
        memcpy(occasion->lines, request->basket.lines, sizeof occasion->lines);
    }
}

static enum tap_next do_request(struct tap *tap, struct tap_act *ret_act);

/* Nothing is in doubt (any more): does what is asked. */
static enum tap_next serve(struct tap *tap, struct tap_act *ret_act)
{
    tap->is_blocking = false;
    tap->is_expiring = false;
    if (is_rolled_back(tap)) {
        return tap->rereads < TAP_REREADS_MAX ? go_confirm(tap, ret_act)
                                              : go_sighting(tap, TAP_THEN_TAMPERED, ret_act);
    }
    if (is_asked_again(tap)) {
        tap->answer.is_earlier = true;
        tap->intent = tap->look.unanswered;
        return answer_done(tap, &tap->intent, ret_act);
    }
    if (tap->look.listing != LISTING_NONE && tap->view.condition == CARD_MEMBER) {
        const struct snapshot *card = &tap->view.snapshot;
        tap->answer.listing = tap->look.listing;
        if (card->status == CARD_ACTIVE && card->counter < SNAPSHOT_COUNTER_MAX) {
            return block(tap, ret_act);
        }
        if (!is_reading(tap)) {
            return refuse_listed(tap, ret_act);
        }
    }
    if (!tap->has_asked && (asks_facts(tap) || asks_identity(tap))) {
        return ask_card(tap, ret_act);
    }
    struct plan gone;
    const struct occasion occasion = without_basket(&tap->look.occasion);
    if (plan_expiry(tap, &occasion, &gone)) {
        tap->is_expiring = true;
        return go_intent(tap, &tap->view.snapshot, &gone, 0, &occasion, ret_act);
    }
    return do_request(tap, ret_act);
}

/* All that the plan needs is known, but for the card's history. */
static enum tap_next do_request(struct tap *tap, struct tap_act *ret_act)
{
    switch (tap->request.what) {
    case TAP_SALE:
    case TAP_LOAD:
        if (needs_history(tap)) {
            return go(tap, TAP_LIST, TAP_ACT_HISTORY, ret_act);
        }
        return plan(tap, &tap->view.snapshot, 1, NULL, ret_act);
    case TAP_REFUND:
    case TAP_UNLOAD:
        return go(tap, TAP_LIST, TAP_ACT_HISTORY, ret_act);
    case TAP_ISSUE:
        if (!is_issuable(tap)) {
            struct fault why;
            fault_say(&why, "This card is a member card already: take a blank one.");
            return fail(tap, TAP_REASON_REFUSED, &why, ret_act);
        }
        if (tap->look.free_number == 0) {
            struct fault why;
            fault_say(&why, "No card number is free: ask the club for a new range.");
            return fail(tap, TAP_REASON_REFUSED, &why, ret_act);
        }
        return plan(tap, NULL, 0, NULL, ret_act);
    case TAP_BALANCE:
    case TAP_HISTORY:
        if (!tap->look.has_seen || tap->look.seen.counter < tap->view.snapshot.counter) {
            return go_sighting(tap, TAP_THEN_UNCHANGED, ret_act);
        }
        return read_out(tap, ret_act);
    }
    assert(false && "a request outside its enum");
    return TAP_REJECTED;
}

/* --- settling ------------------------------------------------------------------------------- */

static enum settle_asker asker(const struct tap *tap)
{
    const struct entry *pending = &tap->look.pending;
    if (tap->has_intent && tap->is_own && tap->intent.sequence == pending->sequence) {
        return ASKER_SAME_TAP;
    }
    /* The same basket days later is another sale. A half-issued card is the same card at any time.
     */
    bool is_repeat = tap->look.is_pending_recent || !pending->intent.has_before;
    bool has_wish = !is_reading(tap);
    return has_wish && is_repeat && is_same_wish(tap, pending) ? ASKER_SAME_WISH : ASKER_OTHER_WISH;
}

/* The open intent of this tap, if it is the pending one, is settled with this outcome. */
static void close_intent(struct tap *tap)
{
    tap->has_intent = false;
    tap->is_in_doubt = false;
    tap->is_repair = false;
}

static enum tap_next settle_by(struct tap *tap, enum settle_act act, struct tap_act *ret_act)
{
    const struct entry *pending = &tap->look.pending;
    enum settle_asker by = asker(tap);
    enum entry_evidence seen = by == ASKER_SAME_TAP ? EVIDENCE_READ_BACK : EVIDENCE_HISTORY;
    switch (act) {
    case SETTLE_WRITE_AGAIN:
        tap->is_repair = by == ASKER_OTHER_WISH;
        tap->is_own = by == ASKER_SAME_TAP;
        tap->has_intent = true;
        tap->intent = *pending;
        return go_write(tap, ret_act);
    case SETTLE_GIVE_UP:
        close_intent(tap);
        return go_outcome(tap, pending, VERDICT_NOT_DONE, EVIDENCE_UNMOVED, TAP_THEN_GO_ON,
                          ret_act);
    case SETTLE_ANSWER_DONE:
        if (by == ASKER_SAME_TAP && (tap->is_blocking || tap->is_expiring)) {
            return go_outcome(tap, pending, VERDICT_DONE, seen,
                              tap->is_blocking ? TAP_THEN_BLOCKED : TAP_THEN_EXPIRED, ret_act);
        }
        tap->answer.is_earlier = by != ASKER_SAME_TAP;
        close_intent(tap);
        tap->intent = *pending;
        return go_outcome(tap, pending, VERDICT_DONE, seen, TAP_THEN_DONE, ret_act);
    case SETTLE_NOTE_DONE:
        close_intent(tap);
        return go_outcome(tap, pending, VERDICT_DONE, seen, TAP_THEN_GO_ON, ret_act);
    case SETTLE_NOTE_NOT_DONE:
        close_intent(tap);
        return go_outcome(tap, pending, VERDICT_NOT_DONE, EVIDENCE_OTHER, TAP_THEN_GO_ON, ret_act);
    case SETTLE_NOTE_LEFT:
        close_intent(tap);
        return go_outcome(tap, pending, VERDICT_LEFT, EVIDENCE_OTHER, TAP_THEN_GO_ON, ret_act);
    case SETTLE_ANSWER_LEFT:
        close_intent(tap);
        return go_outcome(tap, pending, VERDICT_LEFT, EVIDENCE_OTHER, TAP_THEN_LEFT, ret_act);
    case SETTLE_HISTORY:
        return go(tap, TAP_TRACE, TAP_ACT_HISTORY, ret_act);
    case SETTLE_STOP:
        if (by == ASKER_SAME_WISH) {
            /* Asked again after "hold again": the card did not tell, so "not done" would be a lie.
             */
            tap->has_intent = true;
            tap->is_in_doubt = true;
            tap->is_own = false;
            tap->intent = *pending;
        }
        return tap->view.condition == CARD_MEMBER ? go_sighting(tap, TAP_THEN_TAMPERED, ret_act)
                                                  : answer_condition(tap, ret_act);
    case SETTLE_ISSUE_FIRST:
        return fail(tap, TAP_REASON_BLANK, NULL, ret_act);
    case SETTLE_ACTS:
        break;
    }
    assert(false && "an act outside its enum");
    return TAP_REJECTED;
}

static enum tap_next settle(struct tap *tap, enum settle_verdict verdict, struct tap_act *ret_act)
{
    bool is_issue = !tap->look.pending.intent.has_before;
    if (verdict == SETTLE_ABSENT) {
        tap->is_in_doubt = false;
    } else if (verdict == SETTLE_FLICKERS) {
        tap->is_in_doubt = true;
    } else if (verdict == SETTLE_UNREADABLE && tap->view.condition == CARD_MEMBER) {
        tap->view = tap->first; /* the reading that says what is wrong */
    }
    return settle_by(tap, settle_act(verdict, asker(tap), is_issue, asks_issue(tap)), ret_act);
}

/* Every write of the open intent was surely not sent: its card never will carry it. */
static enum tap_next drop_intent(struct tap *tap, enum tap_then then, struct tap_act *ret_act)
{
    struct entry intent = tap->intent;
    close_intent(tap);
    return go_outcome(tap, &intent, VERDICT_NOT_DONE, EVIDENCE_UNMOVED, then, ret_act);
}

/* --- events --------------------------------------------------------------------------------- */

static enum tap_next on_start(struct tap *tap, const struct tap_event *event,
                              struct tap_act *ret_act)
{
    tap->request = *event->request;
    return go_read(tap, ret_act);
}

/* A card was read while one was looked for. */
static enum tap_next on_card(struct tap *tap, const struct tap_event *event,
                             struct tap_act *ret_act)
{
    tap->reader_is_away = false;
    tap->view = *event->view;
    bool may_be_served =
        tap->view.condition == CARD_MEMBER || (is_issuable(tap) && asks_issue(tap));
    if (may_be_served) {
        return go(tap, TAP_LOOK, TAP_ACT_LOOK_UP, ret_act);
    }
    return tap->has_intent && !tap->is_in_doubt ? drop_intent(tap, TAP_THEN_CONDITION, ret_act)
                                                : answer_condition(tap, ret_act);
}

static enum tap_next on_looked(struct tap *tap, const struct tap_event *event,
                               struct tap_act *ret_act)
{
    tap->look = *event->look;
    tap->has_asked = false;
    tap->are_facts_lost = false;
    add_basket(&tap->look.occasion, &tap->request);
    bool is_ours = tap->look.has_pending && tap->look.pending.sequence == tap->intent.sequence;
    if (tap->has_intent && !is_ours) {
        /* A card with the same UID and another number: not the one that is in doubt, whatever may
         * be in doubt about it. */
        return go_read(tap, ret_act);
    }
    if (tap->look.has_pending) {
        return go_confirm(tap, ret_act);
    }
    return serve(tap, ret_act);
}

/* The second reading is here. */
static enum tap_next on_confirmed(struct tap *tap, const struct tap_event *event,
                                  struct tap_act *ret_act)
{
    tap->view = *event->view;
    tap->rereads += 1;
    if (tap->look.has_pending) {
        return settle(tap,
                      settle_judge(settle_shows(&tap->look.pending, &tap->first),
                                   settle_shows(&tap->look.pending, &tap->view)),
                      ret_act);
    }
    /* The card looked rolled back. If this reading says the same, it is. */
    if (tap->view.condition != CARD_MEMBER) {
        return answer_condition(tap, ret_act);
    }
    if (tap->view.number == tap->first.number && is_rolled_back(tap)) {
        return go_sighting(tap, TAP_THEN_TAMPERED, ret_act);
    }
    return go(tap, TAP_LOOK, TAP_ACT_LOOK_UP, ret_act);
}

static enum tap_next on_traced(struct tap *tap, const struct tap_event *event,
                               struct tap_act *ret_act)
{
    enum settle_verdict verdict;
    if (settle_trace(&tap->look.pending, event->history.snapshots, event->history.count,
                     &verdict)) {
        return settle(tap, verdict, ret_act);
    }
    bool is_beside = asker(tap) == ASKER_OTHER_WISH || tap->is_expiring;
    return settle_by(tap, is_beside ? SETTLE_NOTE_LEFT : SETTLE_ANSWER_LEFT, ret_act);
}

static enum tap_next on_known(struct tap *tap, const struct tap_event *event,
                              struct tap_act *ret_act)
{
    const struct tap_known *known = event->known;
    struct occasion *occasion = &tap->look.occasion;
    tap->are_facts_lost = asks_facts(tap) && !known->has_facts;
    tap->has_asked = true;
    if (known->has_facts) {
        occasion->has_facts = true;
        occasion->facts = known->facts;
    }
    if (known->has_identity) {
        occasion->has_identity = true;
        occasion->kind = known->identity.kind;
        occasion->birthday = known->identity.birthday;
        occasion->wedding = known->identity.wedding;
    }
    return serve(tap, ret_act);
}

static enum tap_next on_listed(struct tap *tap, const struct tap_event *event,
                               struct tap_act *ret_act)
{
    size_t count = event->history.count;
    if (count == 0 || !settle_same(&event->history.snapshots[0], &tap->view.snapshot)) {
        /* Not even the newest could be read, or it reads differently now: from the start again. */
        return go_read(tap, ret_act);
    }
    assert(count <= PLAN_HISTORY_MAX);
    memcpy(tap->history, event->history.snapshots, count * sizeof tap->history[0]);
    tap->history_count = count;
    if (tap->request.what == TAP_HISTORY) {
        return answer_unchanged(tap, ret_act);
    }
    return plan(tap, tap->history, count, event->history.sale_parts, ret_act);
}

static enum tap_next on_written(struct tap *tap, struct tap_act *ret_act)
{
    tap->answer.refresh = true;
    tap->answer.is_earlier = false;
    enum tap_then then = tap->is_repair     ? TAP_THEN_READ
                         : tap->is_blocking ? TAP_THEN_BLOCKED
                         : tap->is_expiring ? TAP_THEN_EXPIRED
                                            : TAP_THEN_DONE;
    return go_outcome(tap, &tap->intent, VERDICT_DONE, EVIDENCE_READ_BACK, then, ret_act);
}

/* The write was cut. Surely not sent: the card is as before, if it was before; else in doubt. */
static enum tap_next on_cut(struct tap *tap, bool is_sure, bool is_reader, struct tap_act *ret_act)
{
    tap->has_intent = true;
    if (!is_sure) {
        tap->is_in_doubt = true;
    } else if (!tap->is_in_doubt && ++tap->unwritten >= TAP_UNWRITTEN_MAX) {
        return drop_intent(tap, TAP_THEN_UNWRITABLE, ret_act);
    }
    tap->reader_is_away = is_reader;
    return go_read(tap, ret_act);
}

static enum tap_next on_outcome(struct tap *tap, bool is_stored, struct tap_act *ret_act)
{
    switch (tap->then) {
    case TAP_THEN_DONE:
        /* The card carries it and the intent is durable: it is done, also when the outcome could
         * not be journalled. The next sighting notes it; until then the disk stops selling. */
        close_intent(tap);
        tap->answer.is_unsaved = !is_stored;
        return answer_done(tap, &tap->intent, ret_act);
    case TAP_THEN_BLOCKED:
        tap->view.snapshot = tap->intent.intent.after;
        tap->answer.is_unsaved = !is_stored;
        close_intent(tap);
        return refuse_listed(tap, ret_act);
    case TAP_THEN_LEFT:
        say_left(&tap->answer.say);
        return answer(tap, TAP_HOLD_AGAIN, TAP_REASON_NONE, ret_act);
    case TAP_THEN_NOT_DONE:
        return fail(tap, TAP_REASON_NO_CARD, NULL, ret_act);
    case TAP_THEN_CONDITION:
        return answer_condition(tap, ret_act);
    case TAP_THEN_UNWRITABLE:
        return fail(tap, TAP_REASON_DAMAGED, NULL, ret_act);
    case TAP_THEN_EXPIRED:
    case TAP_THEN_GO_ON:
    case TAP_THEN_READ:
        if (tap->then == TAP_THEN_EXPIRED) {
            tap->answer.expired = tap->intent.intent.parts.award;
        }
        close_intent(tap); /* the card has decided, whether or not the journal could take it */
        if (!is_stored) {
            return fail(tap, TAP_REASON_DISK, NULL, ret_act);
        }
        if (tap->then == TAP_THEN_GO_ON) {
            return go(tap, TAP_LOOK, TAP_ACT_LOOK_UP, ret_act);
        }
        tap->is_read_again = true;
        return go_read(tap, ret_act);
    case TAP_THEN_TAMPERED:
    case TAP_THEN_UNCHANGED:
        break;
    }
    assert(false && "no outcome leads there");
    return TAP_REJECTED;
}

/* A sighting that cannot be kept changes nothing for the cashier: reading is not selling. */
static enum tap_next on_sighted(struct tap *tap, struct tap_act *ret_act)
{
    if (tap->then == TAP_THEN_TAMPERED) {
        return fail(tap, TAP_REASON_TAMPERED, NULL, ret_act);
    }
    return read_out(tap, ret_act);
}

static enum tap_next on_time_up(struct tap *tap, struct tap_act *ret_act)
{
    if (tap->state == TAP_HOLD && !tap->is_in_doubt) {
        return drop_intent(tap, TAP_THEN_NOT_DONE, ret_act);
    }
    return fail(tap, tap->reader_is_away ? TAP_REASON_READER : TAP_REASON_NO_CARD, NULL, ret_act);
}

/* The card is not there, or not any more, and nothing was being written. */
static enum tap_next on_lost(struct tap *tap, enum tap_event_kind kind, struct tap_act *ret_act)
{
    tap->reader_is_away = kind == TAP_EVENT_READER;
    if (kind == TAP_EVENT_NO_CARD) {
        tap->unwritten = 0; /* it was not written because it left, not because it cannot be */
    }
    return go_read(tap, ret_act);
}

/* --- the table ------------------------------------------------------------------------------ */

static enum tap_next step_reading(struct tap *tap, const struct tap_event *event,
                                  struct tap_act *ret_act)
{
    bool is_search = tap->state == TAP_WAIT || tap->state == TAP_HOLD;
    bool is_there = tap->state == TAP_TRACE || tap->state == TAP_LIST || tap->state == TAP_KNOW;
    switch (event->kind) {
    case TAP_EVENT_CARD:
        return is_search                   ? on_card(tap, event, ret_act)
               : tap->state == TAP_CONFIRM ? on_confirmed(tap, event, ret_act)
                                           : TAP_REJECTED;
    case TAP_EVENT_NO_CARD:
        return is_there ? TAP_REJECTED : on_lost(tap, event->kind, ret_act);
    case TAP_EVENT_GONE:
    case TAP_EVENT_READER:
        return on_lost(tap, event->kind, ret_act);
    case TAP_EVENT_TIME_UP:
        return is_search ? on_time_up(tap, ret_act) : TAP_REJECTED;
    case TAP_EVENT_HISTORY:
        return tap->state == TAP_TRACE  ? on_traced(tap, event, ret_act)
               : tap->state == TAP_LIST ? on_listed(tap, event, ret_act)
                                        : TAP_REJECTED;
    case TAP_EVENT_KNOWN:
        return tap->state == TAP_KNOW ? on_known(tap, event, ret_act) : TAP_REJECTED;
    case TAP_EVENT_START:
    case TAP_EVENT_LOOKED:
    case TAP_EVENT_STORED:
    case TAP_EVENT_STORE_FAILED:
    case TAP_EVENT_WRITTEN:
    case TAP_EVENT_UNWRITTEN:
    case TAP_EVENTS:
        break;
    }
    return TAP_REJECTED;
}

static enum tap_next step_writing(struct tap *tap, enum tap_event_kind kind,
                                  struct tap_act *ret_act)
{
    switch (kind) {
    case TAP_EVENT_WRITTEN:
        return on_written(tap, ret_act);
    case TAP_EVENT_UNWRITTEN:
        return on_cut(tap, true, false, ret_act);
    case TAP_EVENT_GONE:
        return on_cut(tap, false, false, ret_act);
    case TAP_EVENT_READER:
        return on_cut(tap, false, true, ret_act);
    case TAP_EVENT_START:
    case TAP_EVENT_CARD:
    case TAP_EVENT_NO_CARD:
    case TAP_EVENT_TIME_UP:
    case TAP_EVENT_LOOKED:
    case TAP_EVENT_HISTORY:
    case TAP_EVENT_STORED:
    case TAP_EVENT_STORE_FAILED:
    case TAP_EVENT_KNOWN:
    case TAP_EVENTS:
        break;
    }
    return TAP_REJECTED;
}

enum tap_next tap_step(struct tap *tap, const struct tap_event *event, struct tap_act *ret_act)
{
    bool stored = event->kind == TAP_EVENT_STORED;
    bool store_failed = event->kind == TAP_EVENT_STORE_FAILED;
    switch (tap->state) {
    case TAP_IDLE:
        return event->kind == TAP_EVENT_START ? on_start(tap, event, ret_act) : TAP_REJECTED;
    case TAP_WAIT:
    case TAP_CONFIRM:
    case TAP_TRACE:
    case TAP_KNOW:
    case TAP_LIST:
    case TAP_HOLD:
        return step_reading(tap, event, ret_act);
    case TAP_LOOK:
        return event->kind == TAP_EVENT_LOOKED ? on_looked(tap, event, ret_act)
               : store_failed                  ? fail(tap, TAP_REASON_DISK, NULL, ret_act)
                                               : TAP_REJECTED;
    case TAP_SIGHT:
        return stored || store_failed ? on_sighted(tap, ret_act) : TAP_REJECTED;
    case TAP_INTENT:
        if (stored) {
            tap->has_intent = true;
            tap->is_own = true;
            return go_write(tap, ret_act);
        }
        if (store_failed && tap->is_blocking) {
            return refuse_listed(tap, ret_act);
        }
        return store_failed ? fail(tap, TAP_REASON_DISK, NULL, ret_act) : TAP_REJECTED;
    case TAP_COMMIT:
        return step_writing(tap, event->kind, ret_act);
    case TAP_OUTCOME:
        return stored || store_failed ? on_outcome(tap, stored, ret_act) : TAP_REJECTED;
    case TAP_OVER:
    case TAP_STATES:
        break;
    }
    return TAP_REJECTED;
}

void tap_init(struct tap *tap, const struct programme *programme)
{
    *tap = (struct tap){.state = TAP_IDLE, .programme = programme};
}

bool tap_is_waiting(const struct tap *tap)
{
    return tap->state == TAP_WAIT || tap->state == TAP_HOLD;
}
