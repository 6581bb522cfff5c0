#include "firmware/terminal/tap_priv.h"

#include <assert.h>
#include <string.h>

#include "firmware/engine/listing.h"
#include "firmware/terminal/say.h"

/* --- the hotlist ---------------------------------------------------------------------------- */

static bool may_be_blocked(const struct snapshot *card)
{
    return card->status == CARD_ACTIVE && card->counter < SNAPSHOT_COUNTER_MAX;
}

/* A listed card that is blocked now, or cannot be: nothing is done with it but read it out. */
static enum tap_next refuse_listed(struct tap *tap, struct tap_act *ret_act)
{
    struct fault why;
    say_listed(tap->answer.listing, &why);
    tap->answer.has_snapshot = true;
    tap->answer.snapshot = tap->view.snapshot;
    return tap_fail(tap, TAP_REASON_HOTLISTED, &why, ret_act);
}

/* --- points that are over ------------------------------------------------------------------- */

static struct plan_input input_of(const struct tap *tap, enum transaction_kind kind,
                                  const struct occasion *occasion)
{
    return (struct plan_input){.programme = tap->programme,
                               .history = &tap->view.snapshot,
                               .history_count = 1,
                               .wish = {.kind = kind},
                               .occasion = occasion,
                               .minute = tap->look.minute,
                               .terminal = tap->look.terminal,
                               .sequence = tap->look.sequence};
}

/* False: none are, or the card takes no transaction, which the plan of what was asked says in its
 * words. */
static bool plan_expiry(const struct tap *tap, const struct occasion *occasion, struct plan *ret)
{
    const struct plan_input input = input_of(tap, TRANSACTION_EXPIRE, occasion);
    return tap_changes_a_card(tap) && tap->programme != NULL && plan_expired(&input).n > 0 &&
           plan_make(&input, ret) == ST_OK;
}

/* --- the club's actions --------------------------------------------------------------------- */

static bool lacks_key(const struct tap *tap, const struct plan *plan)
{
    struct action_particulars unused;
    const struct money *after = &plan->next.purse[PURSE_CREDIT];
    return !tap->view.may_load &&
           (after->rials > tap->view.snapshot.purse[PURSE_CREDIT].rials ||
            action_particulars_of(tap->look.actions, plan->action_count, &unused));
}

/* A card that is read out while it shows a transaction whose answer nobody may have got: left as it
 * is, so that whoever asks for that again is still told that it is done. */
static bool is_kept_for_an_answer(const struct tap *tap)
{
    return tap_is_reading(tap) && tap->look.has_unanswered &&
           settle_same(&tap->view.snapshot, &tap->look.unanswered.intent.after);
}

/* As many in front as the card takes, and this terminal can write: `occasion` gets just these.
 * False: none. What stops the next one is noted, for who asks why it has not come. */
static bool plan_arrivals(struct tap *tap, struct occasion *occasion, struct plan *ret)
{
    const struct plan_input input = input_of(tap, TRANSACTION_ACTION, occasion);
    const struct action *actions = tap->look.actions;
    size_t count = tap->look.action_count;
    tap->answer.waits = tap->look.waits;
    while (count > 0) {
        const enum st st = plan_actions(&input, actions, count, ret);
        if (st != ST_OK ||
            (ret->action_stop != REFUSAL_NONE && ret->action_stop != REFUSAL_ACTION_NEXT)) {
            tap->answer.waits = (struct tap_waits){.say = ret->why};
        }
        if (st != ST_OK) {
            return false;
        }
        count = ret->action_count;
        if (!lacks_key(tap, ret)) {
            occasion->action_count = (uint8_t)count;
            memcpy(occasion->actions, actions, count * sizeof *actions);
            return true;
        }
        fault_say(&tap->answer.waits.say, "Credit or new particulars from the club wait, and this "
                                          "terminal has no key to write them: hold the card at "
                                          "one that has.");
        tap->answer.waits.is_forged = false;
        count -= 1;
    }
    return false;
}

void tap_note_arrived(struct tap *tap, const struct entry_intent *intent)
{
    const struct transaction *last = &intent->after.last;
    const struct plan_input input = {.history = &intent->before,
                                     .history_count = 1,
                                     .wish = {.kind = TRANSACTION_ACTION},
                                     .minute = last->minute,
                                     .terminal = last->terminal,
                                     .sequence = last->sequence};
    const struct occasion *occasion = &intent->occasion;
    struct plan again; /* what each of them moved follows from the intent */
    if (last->kind != TRANSACTION_ACTION ||
        plan_actions(&input, occasion->actions, occasion->action_count, &again) != ST_OK) {
        return;
    }
    for (size_t n = 0; n < again.action_count; n++) {
        struct tap_answer *answer = &tap->answer;
        if (occasion->actions[n].kind == ACTION_VOID) {
            continue;
        }
        if (answer->arrived_count == TAP_ARRIVED_MAX) {
            answer->arrived_more += 1;
            continue;
        }
        answer->arrived[answer->arrived_count++] =
            (struct tap_arrived){.action = occasion->actions[n], .moved = again.action_moved[n]};
    }
}

/* --- all errands ---------------------------------------------------------------------------- */

/* What the plan looked at, without what was asked. */
static struct occasion without_basket(const struct occasion *occasion)
{
    struct occasion rest = *occasion;
    rest.code = 0;
    rest.line_count = 0;
    memset(rest.lines, 0, sizeof rest.lines);
    rest.peer = (struct peer){.direction = PEER_NONE};
    rest.account = 0;
    return rest;
}

bool tap_errand_begin(struct tap *tap, struct tap_act *ret_act, enum tap_next *ret_next)
{
    struct occasion occasion = without_basket(&tap->look.occasion);
    const struct snapshot *card = &tap->view.snapshot;
    struct plan plan;
    if (tap->view.condition != CARD_MEMBER || tap->request.is_look) {
        return false;
    }
    if (tap->answer.listing != LISTING_NONE) {
        /* So that every terminal refuses the card from now on, and the entry tells the club. */
        if (may_be_blocked(card)) {
            plan_block(card, tap->look.minute, tap->look.terminal, tap->look.sequence, &plan);
            *ret_next = tap_go_intent(tap, TAP_AIM_BLOCK, card, &plan, 0, NULL, ret_act);
            return true;
        }
        if (!tap_is_reading(tap)) {
            *ret_next = refuse_listed(tap, ret_act);
            return true;
        }
        return false;
    }
    if (!tap_asks_issue(tap) && !is_kept_for_an_answer(tap) &&
        plan_arrivals(tap, &occasion, &plan)) {
        *ret_next = tap_go_intent(tap, TAP_AIM_ACTIONS, card, &plan, 0, &occasion, ret_act);
        return true;
    }
    if (plan_expiry(tap, &occasion, &plan)) {
        *ret_next = tap_go_intent(tap, TAP_AIM_EXPIRY, card, &plan, 0, &occasion, ret_act);
        return true;
    }
    return false;
}

/* The card is read out as it is, or what was asked is refused. */
static enum tap_next end_errand(struct tap *tap, enum tap_aim aim, struct tap_act *ret_act)
{
    return tap_is_reading(tap)    ? tap_read_out(tap, ret_act)
           : aim == TAP_AIM_BLOCK ? refuse_listed(tap, ret_act)
                                  : tap_fail(tap, TAP_REASON_DISK, NULL, ret_act);
}

enum tap_next tap_errand_done(struct tap *tap, bool is_stored, struct tap_act *ret_act)
{
    const enum tap_aim aim = tap->aim;
    tap->aim = TAP_AIM_REQUEST;
    if (aim == TAP_AIM_EXPIRY) {
        tap->answer.expired = tap->intent.intent.parts.award;
    }
    tap_note_arrived(tap, &tap->intent.intent);
    if (aim != TAP_AIM_BLOCK && is_stored) {
        return tap_go(tap, TAP_LOOK, TAP_ACT_LOOK_UP, ret_act);
    }
    tap->answer.is_unsaved = !is_stored && (aim == TAP_AIM_BLOCK || tap_is_reading(tap));
    return end_errand(tap, aim, ret_act);
}

enum tap_next tap_errand_not_begun(struct tap *tap, struct tap_act *ret_act)
{
    const enum tap_aim aim = tap->aim;
    tap->aim = TAP_AIM_REQUEST;
    return end_errand(tap, aim, ret_act);
}
