#include "firmware/terminal/tap.h"

#include <assert.h>
#include <string.h>

#include "firmware/terminal/say.h"
#include "firmware/terminal/tap_priv.h"

/* --- settling ------------------------------------------------------------------------------- */

static enum settle_asker asker(const struct tap *tap)
{
    const struct entry *pending = &tap->look.pending;
    if (tap->has_intent && tap->is_own && tap->intent.sequence == pending->sequence) {
        return ASKER_SAME_TAP;
    }
    /* The same basket days later is another sale. A half-issued card is the same card at any time,
     * and a transfer is taken once. */
    bool is_repeat = tap->look.is_pending_recent || !pending->intent.has_before ||
                     pending->intent.occasion.peer.direction == PEER_IN;
    bool has_wish = !tap_is_reading(tap) && !tap->look.is_pending_anothers;
    return has_wish && is_repeat && tap_is_same_wish(tap, pending) ? ASKER_SAME_WISH
                                                                   : ASKER_OTHER_WISH;
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
    struct fault say;
    switch (act) {
    case SETTLE_WRITE_AGAIN:
        tap->is_repair = by == ASKER_OTHER_WISH;
        tap->is_own = by == ASKER_SAME_TAP;
        tap->has_intent = true;
        tap->intent = *pending;
        return tap_go_write(tap, ret_act);
    case SETTLE_GIVE_UP:
        close_intent(tap);
        return tap_go_outcome(tap, pending, VERDICT_NOT_DONE, EVIDENCE_UNMOVED, TAP_THEN_GO_ON,
                              ret_act);
    case SETTLE_ANSWER_DONE:
        tap->answer.is_earlier = by != ASKER_SAME_TAP;
        close_intent(tap);
        tap->intent = *pending;
        return tap_go_outcome(tap, pending, VERDICT_DONE, seen, TAP_THEN_DONE, ret_act);
    case SETTLE_NOTE_DONE:
        close_intent(tap);
        tap_note_arrived(tap, &pending->intent);
        return tap_go_outcome(tap, pending, VERDICT_DONE, seen, TAP_THEN_GO_ON, ret_act);
    case SETTLE_NOTE_NOT_DONE:
        close_intent(tap);
        return tap_go_outcome(tap, pending, VERDICT_NOT_DONE, EVIDENCE_OTHER, TAP_THEN_GO_ON,
                              ret_act);
    case SETTLE_NOTE_LEFT:
        close_intent(tap);
        return tap_go_outcome(tap, pending, VERDICT_LEFT, EVIDENCE_OTHER, TAP_THEN_GO_ON, ret_act);
    case SETTLE_ANSWER_LEFT:
        close_intent(tap);
        return tap_go_outcome(tap, pending, VERDICT_LEFT, EVIDENCE_OTHER, TAP_THEN_LEFT, ret_act);
    case SETTLE_HISTORY:
        return tap_go(tap, TAP_TRACE, TAP_ACT_HISTORY, ret_act);
    case SETTLE_STOP:
        if (by == ASKER_SAME_WISH) {
            /* Asked again after "hold again": the card did not tell, so "not done" would be a lie.
             */
            tap->has_intent = true;
            tap->is_in_doubt = true;
            tap->is_own = false;
            tap->intent = *pending;
        }
        return tap->view.condition == CARD_MEMBER ? tap_go_sighting(tap, TAP_THEN_TAMPERED, ret_act)
                                                  : tap_answer_condition(tap, ret_act);
    case SETTLE_ISSUE_FIRST:
        say_issue_first(tap_asks_issue(tap), &say);
        return tap_fail(tap, TAP_REASON_BLANK, &say, ret_act);
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
    return settle_by(tap, settle_act(verdict, asker(tap), is_issue, tap_asks_issue(tap)), ret_act);
}

/* Every write of the open intent was surely not sent: its card never will carry it. */
static enum tap_next drop_intent(struct tap *tap, enum tap_then then, struct tap_act *ret_act)
{
    struct entry intent = tap->intent;
    close_intent(tap);
    return tap_go_outcome(tap, &intent, VERDICT_NOT_DONE, EVIDENCE_UNMOVED, then, ret_act);
}

/* --- events --------------------------------------------------------------------------------- */

static enum tap_next on_start(struct tap *tap, const struct tap_event *event,
                              struct tap_act *ret_act)
{
    tap->request = *event->request;
    tap->answer.programme = tap->programme;
    tap->answer.language = tap->request.language;
    return tap_go_read(tap, ret_act);
}

/* A card was read while one was looked for. */
static enum tap_next on_card(struct tap *tap, const struct tap_event *event,
                             struct tap_act *ret_act)
{
    tap->reader_is_away = false;
    tap->view = *event->view;
    bool may_be_served =
        tap->view.condition == CARD_MEMBER || (tap_is_issuable(tap) && tap_asks_issue(tap));
    if (may_be_served) {
        return tap_go(tap, TAP_LOOK, TAP_ACT_LOOK_UP, ret_act);
    }
    return tap->has_intent && !tap->is_in_doubt ? drop_intent(tap, TAP_THEN_CONDITION, ret_act)
                                                : tap_answer_condition(tap, ret_act);
}

static enum tap_next on_looked(struct tap *tap, const struct tap_event *event,
                               struct tap_act *ret_act)
{
    tap->look = *event->look;
    tap->has_asked = false;
    tap->are_facts_lost = false;
    tap_add_basket(&tap->look.occasion, &tap->request);
    bool is_ours = tap->look.has_pending && tap->look.pending.sequence == tap->intent.sequence;
    if (tap->has_intent && !is_ours) {
        /* A card with the same UID and another number: not the one that is in doubt, whatever may
         * be in doubt about it. */
        return tap_go_read(tap, ret_act);
    }
    if (tap->look.has_pending) {
        return tap_go_confirm(tap, ret_act);
    }
    return tap_serve(tap, ret_act);
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
        return tap_answer_condition(tap, ret_act);
    }
    if (tap->view.number == tap->first.number && tap_is_rolled_back(tap)) {
        return tap_go_sighting(tap, TAP_THEN_TAMPERED, ret_act);
    }
    return tap_go(tap, TAP_LOOK, TAP_ACT_LOOK_UP, ret_act);
}

static enum tap_next on_traced(struct tap *tap, const struct tap_event *event,
                               struct tap_act *ret_act)
{
    enum settle_verdict verdict;
    if (settle_trace(&tap->look.pending, event->history.snapshots, event->history.count,
                     &verdict)) {
        return settle(tap, verdict, ret_act);
    }
    bool is_beside = asker(tap) == ASKER_OTHER_WISH || tap->aim != TAP_AIM_REQUEST;
    return settle_by(tap, is_beside ? SETTLE_NOTE_LEFT : SETTLE_ANSWER_LEFT, ret_act);
}

static enum tap_next on_known(struct tap *tap, const struct tap_event *event,
                              struct tap_act *ret_act)
{
    const struct tap_known *known = event->known;
    struct occasion *occasion = &tap->look.occasion;
    tap->are_facts_lost = tap_asks_facts(tap) && !known->has_facts;
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
        occasion->expires = known->identity.expires;
        if (tap->request.what == TAP_DUPLICATE) {
            occasion->account = tap_account_of(&known->identity);
        }
    }
    return tap_serve(tap, ret_act);
}

static enum tap_next on_listed(struct tap *tap, const struct tap_event *event,
                               struct tap_act *ret_act)
{
    size_t count = event->history.count;
    if (count == 0 || !settle_same(&event->history.snapshots[0], &tap->view.snapshot)) {
        /* Not even the newest could be read, or it reads differently now: from the start again. */
        return tap_go_read(tap, ret_act);
    }
    assert(count <= PLAN_HISTORY_MAX);
    memcpy(tap->history, event->history.snapshots, count * sizeof tap->history[0]);
    tap->history_count = count;
    if (tap->request.what == TAP_HISTORY) {
        return tap_answer_unchanged(tap, ret_act);
    }
    return tap_plan(tap, tap->history, count, event->history.sale_parts, ret_act);
}

static enum tap_next on_written(struct tap *tap, struct tap_act *ret_act)
{
    tap->answer.refresh = true;
    tap->answer.is_earlier = false;
    if (tap->intent.intent.has_before) {
        tap->view.snapshot = tap->intent.intent.after; /* it was read back: as good as a reading */
    }
    enum tap_then then = tap->is_repair ? TAP_THEN_GO_ON : TAP_THEN_DONE;
    return tap_go_outcome(tap, &tap->intent, VERDICT_DONE, EVIDENCE_READ_BACK, then, ret_act);
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
    return tap_go_read(tap, ret_act);
}

static enum tap_next on_outcome(struct tap *tap, bool is_stored, struct tap_act *ret_act)
{
    switch (tap->then) {
    case TAP_THEN_DONE:
        /* The card carries it and the intent is durable: it is done, also when the outcome could
         * not be journalled. The next sighting notes it; until then the disk stops selling. */
        close_intent(tap);
        if (tap->aim != TAP_AIM_REQUEST) {
            return tap_errand_done(tap, is_stored, ret_act);
        }
        tap->answer.is_unsaved = !is_stored;
        return tap_answer_done(tap, &tap->intent, ret_act);
    case TAP_THEN_LEFT:
        say_left(&tap->answer.say);
        return tap_answer(tap, TAP_HOLD_AGAIN, TAP_REASON_NONE, ret_act);
    case TAP_THEN_NOT_DONE:
        return tap_fail(tap, TAP_REASON_NO_CARD, NULL, ret_act);
    case TAP_THEN_CONDITION:
        return tap_answer_condition(tap, ret_act);
    case TAP_THEN_UNWRITABLE:
        return tap_fail(tap, TAP_REASON_DAMAGED, NULL, ret_act);
    case TAP_THEN_GO_ON:
        close_intent(tap); /* the card has decided, whether or not the journal could take it */
        return is_stored ? tap_go(tap, TAP_LOOK, TAP_ACT_LOOK_UP, ret_act)
                         : tap_fail(tap, TAP_REASON_DISK, NULL, ret_act);
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
        return tap_fail(tap, TAP_REASON_TAMPERED, NULL, ret_act);
    }
    return tap_read_out(tap, ret_act);
}

static enum tap_next on_time_up(struct tap *tap, struct tap_act *ret_act)
{
    if (tap->state == TAP_HOLD && !tap->is_in_doubt) {
        return drop_intent(tap, TAP_THEN_NOT_DONE, ret_act);
    }
    return tap_fail(tap, tap->reader_is_away ? TAP_REASON_READER : TAP_REASON_NO_CARD, NULL,
                    ret_act);
}

/* The card is not there, or not any more, and nothing was being written. */
static enum tap_next on_lost(struct tap *tap, enum tap_event_kind kind, struct tap_act *ret_act)
{
    tap->reader_is_away = kind == TAP_EVENT_READER;
    if (kind == TAP_EVENT_NO_CARD) {
        tap->unwritten = 0; /* it was not written because it left, not because it cannot be */
    }
    return tap_go_read(tap, ret_act);
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
               : store_failed                  ? tap_fail(tap, TAP_REASON_DISK, NULL, ret_act)
                                               : TAP_REJECTED;
    case TAP_SIGHT:
        return stored || store_failed ? on_sighted(tap, ret_act) : TAP_REJECTED;
    case TAP_INTENT:
        if (stored) {
            tap->has_intent = true;
            tap->is_own = true;
            return tap_go_write(tap, ret_act);
        }
        if (store_failed && tap->aim != TAP_AIM_REQUEST) {
            return tap_errand_not_begun(tap, ret_act);
        }
        return store_failed ? tap_fail(tap, TAP_REASON_DISK, NULL, ret_act) : TAP_REJECTED;
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
