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

/* --- all errands ---------------------------------------------------------------------------- */

/* What the plan looked at, without what was asked. */
static struct occasion without_basket(const struct occasion *occasion)
{
    struct occasion rest = *occasion;
    rest.code = 0;
    rest.line_count = 0;
    memset(rest.lines, 0, sizeof rest.lines);
    return rest;
}

bool tap_errand_begin(struct tap *tap, struct tap_act *ret_act, enum tap_next *ret_next)
{
    const struct occasion occasion = without_basket(&tap->look.occasion);
    const struct snapshot *card = &tap->view.snapshot;
    struct plan plan;
    if (tap->view.condition != CARD_MEMBER) {
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
    if (plan_expiry(tap, &occasion, &plan)) {
        *ret_next = tap_go_intent(tap, TAP_AIM_EXPIRY, card, &plan, 0, &occasion, ret_act);
        return true;
    }
    return false;
}

/* The block is over, or could not be begun. */
static enum tap_next after_block(struct tap *tap, struct tap_act *ret_act)
{
    tap->aim = TAP_AIM_REQUEST;
    return tap_is_reading(tap) ? tap_read_out(tap, ret_act) : refuse_listed(tap, ret_act);
}

enum tap_next tap_errand_done(struct tap *tap, bool is_stored, struct tap_act *ret_act)
{
    if (tap->aim == TAP_AIM_BLOCK) {
        tap->answer.is_unsaved = !is_stored;
        return after_block(tap, ret_act);
    }
    tap->aim = TAP_AIM_REQUEST;
    tap->answer.expired = tap->intent.intent.parts.award;
    return is_stored ? tap_go(tap, TAP_LOOK, TAP_ACT_LOOK_UP, ret_act)
                     : tap_fail(tap, TAP_REASON_DISK, NULL, ret_act);
}

enum tap_next tap_errand_not_begun(struct tap *tap, struct tap_act *ret_act)
{
    return tap->aim == TAP_AIM_BLOCK ? after_block(tap, ret_act)
                                     : tap_fail(tap, TAP_REASON_DISK, NULL, ret_act);
}
