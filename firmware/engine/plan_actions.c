#include <assert.h>
#include <string.h>

#include "firmware/engine/plan_priv.h"

/* A card while actions are applied to it, one by one, and what they come to together. */
struct run {
    const struct plan_input *input;
    struct snapshot card; /* balances, status, tier, group, stamps, layout, action number so far */
    struct breakdown parts;
    uint8_t offer; /* the mark that is given back; 0 = none yet */
};

/* Where an action puts value on or takes it off: a balance of the card, and the part that counts
 * it. `part` is at most `part_max`. */
struct target {
    int64_t *balance, *part;
    int64_t balance_max, part_max;
};

static struct target target_of(struct run *run, enum action_kind kind)
{
    struct money *purse = run->card.purse;
    struct breakdown *parts = &run->parts;
    int64_t money = snapshot_purse_max(PURSE_CREDIT);
    switch (kind) {
    case ACTION_CREDIT:
        return (struct target){&purse[PURSE_CREDIT].rials, &parts->load.rials, money, money};
    case ACTION_TAKE_CREDIT:
        return (struct target){&purse[PURSE_CREDIT].rials, &parts->payment.rials, money, money};
    case ACTION_GIFT:
        return (struct target){&purse[PURSE_GIFT].rials, &parts->gift.rials,
                               snapshot_purse_max(PURSE_GIFT), money};
    case ACTION_VOUCHER:
        return (struct target){&purse[PURSE_VOUCHER].rials, &parts->voucher.rials,
                               snapshot_purse_max(PURSE_VOUCHER), money};
    case ACTION_POINTS:
        return (struct target){&run->card.points.n, &parts->award.n, POINTS_MAX, POINTS_MAX};
    case ACTION_TAKE_POINTS:
        return (struct target){&run->card.points.n, &parts->redeemed.n, POINTS_MAX, REDEEMED_MAX};
    case ACTION_VOID:
    case ACTION_TIER:
    case ACTION_GROUP:
    case ACTION_BLOCK:
    case ACTION_UNBLOCK:
    case ACTION_OFFER:
    case ACTION_STAMPS:
    case ACTION_PARTICULARS:
    case ACTION_LAYOUT:
        break;
    }
    return (struct target){NULL, NULL, 0, 0};
}

static bool takes_off(enum action_kind kind)
{
    return kind == ACTION_TAKE_CREDIT || kind == ACTION_TAKE_POINTS;
}

/* Does nothing but say why the action cannot be applied; REFUSAL_NONE: it can. */
static enum refusal refuse(struct run *run, const struct action *action)
{
    struct target to = target_of(run, action->kind);
    int64_t money = run->parts.load.rials + run->parts.gift.rials + run->parts.voucher.rials;
    uint32_t minute = run->input->minute;

    if (action->number != run->card.action + 1) {
        return REFUSAL_ACTION_ORDER;
    }
    if (action->until_s != 0 && (minute == 0 || snapshot_time_s(minute) > action->until_s)) {
        return REFUSAL_ACTION_LATE;
    }
    if (to.balance != NULL && !takes_off(action->kind) &&
        action->amount > to.balance_max - *to.balance) {
        return REFUSAL_ACTION_CEILING;
    }
    bool is_full = to.balance != NULL &&
                   (action->amount > to.part_max - *to.part ||
                    (!takes_off(action->kind) && action->kind != ACTION_POINTS &&
                     action->amount > MONEY_MAX_RIALS - money)); /* together they are the amount */
    bool is_second_offer = action->kind == ACTION_OFFER && run->offer != 0;
    return is_full || is_second_offer ? REFUSAL_ACTION_NEXT : REFUSAL_NONE;
}

/* Returns what was put on or taken off. */
static int64_t move(struct run *run, const struct action *action)
{
    struct target to = target_of(run, action->kind);
    if (to.balance == NULL) {
        return 0;
    }
    int64_t moved = action->amount;
    if (takes_off(action->kind)) {
        moved = moved < *to.balance ? moved : *to.balance;
        *to.balance -= moved;
    } else {
        *to.balance += moved;
    }
    *to.part += moved;
    return moved;
}

static int64_t apply(struct run *run, const struct action *action)
{
    struct snapshot *card = &run->card;
    card->action = action->number;
    switch (action->kind) {
    case ACTION_TIER:
        card->tier = (uint8_t)action->value;
        break;
    case ACTION_GROUP:
        card->group = (uint8_t)action->value;
        break;
    case ACTION_BLOCK:
        card->status = CARD_BLOCKED;
        break;
    case ACTION_UNBLOCK:
        card->status = CARD_ACTIVE;
        break;
    case ACTION_OFFER:
        run->offer = (uint8_t)action->value;
        break;
    case ACTION_STAMPS:
        card->stamps = (uint8_t)action->value;
        break;
    case ACTION_LAYOUT: /* never back */
        card->layout = card->layout < action->value ? (uint8_t)action->value : card->layout;
        break;
    case ACTION_VOID:
    case ACTION_CREDIT:
    case ACTION_GIFT:
    case ACTION_VOUCHER:
    case ACTION_POINTS:
    case ACTION_TAKE_CREDIT:
    case ACTION_TAKE_POINTS:
    case ACTION_PARTICULARS: /* no snapshot has them: written beside it, hal/card.h */
        break;
    }
    return move(run, action);
}

static const char *say(enum refusal refusal)
{
    if (refusal == REFUSAL_ACTION_ORDER) {
        return "Something from the club waits that does not come next for this card: sync this "
               "terminal.";
    }
    if (refusal == REFUSAL_ACTION_LATE) {
        return "Something from the club waits whose time is over, or this terminal's clock is not "
               "set: sync this terminal.";
    }
    if (refusal == REFUSAL_ACTION_CEILING) {
        return "Something from the club waits that this card has no room for: spend from it first.";
    }
    return "";
}

/* The run as a plan. */
static void plan_run(const struct plan_input *input, const struct run *run, struct plan *ret)
{
    const struct snapshot *card = &run->card;
    struct plan_input action = *input;
    action.wish = (struct wish){.kind = TRANSACTION_ACTION};
    action.history_count = 1;

    ret->next.layout = card->layout;
    ret->next.action = card->action;
    ret->next.status = card->status;
    ret->next.tier = card->tier;
    ret->next.group = card->group;
    ret->next.stamps = card->stamps;
    ret->next.last.offer = run->offer;
    ret->parts = run->parts;
    ret->parts.amount.rials =
        run->parts.load.rials + run->parts.gift.rials + run->parts.voucher.rials;
    plan_apply(&action, ret);
}

enum st plan_actions(const struct plan_input *input, const struct action *actions, size_t count,
                     struct plan *ret)
{
    assert(count >= 1 && count <= ACTION_RUN_MAX && input->history_count >= 1);

    struct run run = {.input = input, .card = input->history[0]};
    enum refusal stop = REFUSAL_NONE;
    size_t done = 0;

    plan_begin(input, ret);
    if (run.card.status == CARD_CLOSED || run.card.counter == SNAPSHOT_COUNTER_MAX) {
        return plan_refuse_state(&run.card, ret);
    }
    while (done < count) {
        assert(action_is_valid(&actions[done]));
        stop = refuse(&run, &actions[done]);
        if (stop != REFUSAL_NONE) {
            break;
        }
        ret->action_moved[done] = apply(&run, &actions[done]);
        done += 1;
    }
    if (done == 0) {
        return plan_refuse(ret, stop, "%s", say(stop));
    }
    plan_run(input, &run, ret);
    ret->action_count = done;
    ret->action_stop = stop;
    fault_say(&ret->why, "%s", say(stop));
    return ST_OK;
}
