#include "firmware/terminal/tap_priv.h"

#include <string.h>

#include "firmware/terminal/say.h"

/* --- acts ----------------------------------------------------------------------------------- */

enum tap_next tap_go(struct tap *tap, enum tap_state state, enum tap_act_kind kind,
                     struct tap_act *ret_act)
{
    tap->state = state;
    *ret_act = (struct tap_act){.kind = kind, .say = TAP_SAY_WORKING};
    return TAP_GO;
}

enum tap_next tap_go_read(struct tap *tap, struct tap_act *ret_act)
{
    tap_go(tap, tap->has_intent ? TAP_HOLD : TAP_WAIT, TAP_ACT_READ, ret_act);
    ret_act->say = tap->reader_is_away ? TAP_SAY_READER
                   : tap->is_in_doubt  ? TAP_SAY_HOLD_AGAIN
                   : tap->has_intent   ? TAP_SAY_TOO_EARLY
                                       : TAP_SAY_HOLD;
    if (tap->has_intent) {
        memcpy(ret_act->uid, tap->view.uid, sizeof ret_act->uid);
        ret_act->uid_bytes = tap->view.uid_bytes;
    }
    return TAP_GO;
}

enum tap_next tap_go_confirm(struct tap *tap, struct tap_act *ret_act)
{
    tap->first = tap->view;
    tap_go(tap, TAP_CONFIRM, TAP_ACT_READ, ret_act);
    memcpy(ret_act->uid, tap->view.uid, sizeof ret_act->uid);
    ret_act->uid_bytes = tap->view.uid_bytes;
    return TAP_GO;
}

enum tap_next tap_go_write(struct tap *tap, struct tap_act *ret_act)
{
    const struct entry_intent *intent = &tap->intent.intent;
    if (intent->has_before) {
        tap_go(tap, TAP_COMMIT, TAP_ACT_COMMIT, ret_act);
        ret_act->has_facts = tap->is_own && tap->has_facts;
        ret_act->facts = tap->facts;
        ret_act->has_particulars = action_particulars_of(
            intent->occasion.actions, intent->occasion.action_count, &ret_act->particulars);
    } else {
        tap_go(tap, TAP_COMMIT, TAP_ACT_ISSUE, ret_act);
        ret_act->has_facts = intent->occasion.has_facts; /* of the card whose place it takes */
        ret_act->facts = intent->occasion.facts;
        /* As it was planned, also by a later request, which brings the name. */
        ret_act->identity = tap->request.identity;
        ret_act->identity.number = intent->card_number;
        ret_act->identity.kind = intent->occasion.kind;
        ret_act->identity.birthday = intent->occasion.birthday;
        ret_act->identity.wedding = intent->occasion.wedding;
        ret_act->identity.expires = intent->occasion.expires;
        ret_act->identity.issued = tap_day(tap, intent->after.last.minute);
    }
    ret_act->snapshot = intent->after;
    return TAP_GO;
}

bool tap_uses(const struct tap *tap, unsigned what)
{
    return tap->programme != NULL && (tap->programme->uses & what) != 0;
}

enum tap_next tap_go_intent(struct tap *tap, enum tap_aim aim, const struct snapshot *before,
                            const struct plan *plan, uint32_t refers_counter,
                            const struct occasion *occasion, struct tap_act *ret_act)
{
    /* An issue is not staged: keys and number go onto the card only when the number is taken. */
    tap->aim = aim;
    tap_go(tap, TAP_INTENT, before != NULL ? TAP_ACT_INTENT : TAP_ACT_APPEND, ret_act);
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
    tap->has_facts = before != NULL && tap_uses(tap, USES_FACTS) && is_looked_at;
    tap->facts = plan->facts_after;
    tap->intent = (struct entry){.kind = ENTRY_INTENT,
                                 .sequence = tap->look.sequence,
                                 .terminal = tap->look.terminal,
                                 .operator_no = tap->request.operator_no,
                                 .intent = intent};
    ret_act->entry = tap->intent;
    return TAP_GO;
}

enum tap_next tap_go_outcome(struct tap *tap, const struct entry *intent,
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
    tap_go(tap, TAP_OUTCOME, TAP_ACT_APPEND, ret_act);
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

enum tap_next tap_go_sighting(struct tap *tap, enum tap_then then, struct tap_act *ret_act)
{
    tap->then = then;
    tap_go(tap, TAP_SIGHT, TAP_ACT_APPEND, ret_act);
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

enum tap_next tap_answer(struct tap *tap, enum tap_outcome outcome, enum tap_reason reason,
                         struct tap_act *ret_act)
{
    tap_go(tap, TAP_OVER, TAP_ACT_ANSWER, ret_act);
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

enum tap_next tap_fail(struct tap *tap, enum tap_reason reason, const struct fault *say,
                       struct tap_act *ret_act)
{
    if (tap->aim == TAP_AIM_BLOCK) {
        /* What was asked is surely not done, whatever became of the block: that is settled at the
         * card's next sighting, like any intent. */
        reason = TAP_REASON_HOTLISTED;
        say_listed(tap->answer.listing, &tap->answer.say);
        return tap_answer(tap, TAP_NOT_DONE, reason, ret_act);
    }
    if (say != NULL) {
        tap->answer.say = *say;
    } else {
        say_reason(reason, &tap->answer.say);
    }
    /* While something else is in doubt, what was asked is surely not done yet. */
    if (tap->has_intent && tap->is_in_doubt && tap->aim == TAP_AIM_REQUEST) {
        say_in_doubt(&tap->answer.say);
        return tap_answer(tap, TAP_HOLD_AGAIN, reason, ret_act);
    }
    return tap_answer(tap, TAP_NOT_DONE, reason, ret_act);
}

enum tap_next tap_answer_done(struct tap *tap, const struct entry *intent, struct tap_act *ret_act)
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
    say_done(tap->programme, intent, tap->answer.is_earlier, &tap->answer.say);
    return tap_answer(tap, TAP_DONE, TAP_REASON_NONE, ret_act);
}

enum tap_next tap_answer_unchanged(struct tap *tap, struct tap_act *ret_act)
{
    tap->answer.has_snapshot = true;
    tap->answer.snapshot = tap->view.snapshot;
    if (tap->request.what == TAP_HISTORY) {
        tap->answer.history = tap->history;
        tap->answer.history_count = tap->history_count;
    }
    say_balance(tap->programme, &tap->view.snapshot, &tap->answer.say);
    return tap_answer(tap, TAP_DONE, TAP_REASON_NONE, ret_act);
}

enum tap_next tap_answer_condition(struct tap *tap, struct tap_act *ret_act)
{
    static const enum tap_reason reasons[] = {
        [CARD_MEMBER] = TAP_REASON_REFUSED,       [CARD_BLANK] = TAP_REASON_BLANK,
        [CARD_HALF_ISSUED] = TAP_REASON_BLANK,    [CARD_FOREIGN] = TAP_REASON_FOREIGN,
        [CARD_DAMAGED] = TAP_REASON_DAMAGED,      [CARD_TAMPERED] = TAP_REASON_TAMPERED,
        [CARD_UNKNOWN_CHIP] = TAP_REASON_FOREIGN, [CARD_MEDIUM] = TAP_REASON_MEDIUM};
    return tap_fail(tap, reasons[tap->view.condition], tap->view.why.say[0] ? &tap->view.why : NULL,
                    ret_act);
}
