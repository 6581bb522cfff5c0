/* plan.h - the transaction as a pure function: state and wish in, next state or a refusal out.
 *
 * No I/O, clock, allocation, recursion or floating point. Once plan_make() says ST_OK nothing later
 * refuses: the terminal journals the intent, writes `next` to the card, journals the outcome. Order
 * of effects in a sale, fixed: rebate, redemption, payment (voucher, gift, credit), award,
 * cashback, stamps, group, tier. The club runs the same function on the same facts and compares bit
 * for bit. Rules and formulas: docs/programme.md. */
#ifndef FIRMWARE_ENGINE_PLAN_H
#define FIRMWARE_ENGINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/entry.h"
#include "firmware/engine/facts.h"
#include "firmware/engine/occasion.h"
#include "firmware/engine/programme.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/status.h"

enum {
    PLAN_HISTORY_MAX = 64,
    PLAN_STEPS_MAX = 64,
    PLAN_STEP_TOTAL = UINT16_MAX, /* step.rule: the sum of all rules, not one of them */
};

/* What a new card takes over from the one in whose place it comes, beside its purses. */
struct inheritance {
    struct points points;        /* 0..POINTS_MAX */
    uint8_t tier, group, stamps; /* as a snapshot has them */
};

/* What the cashier wants. Fields that the kind does not use are zero. */
struct wish {
    enum transaction_kind kind; /* ACTIVATE, SALE, REFUND, LOAD, UNLOAD, EXPIRE, TRANSFER,
                                   DUPLICATE */
    struct money amount;        /* SALE: basket > 0, before any rebate. LOAD: credit. ACTIVATE:
                                   opening credit >= 0. UNLOAD, REFUND (of the net price): > 0, or
                                   0 = all that is left of it. EXPIRE: 0. TRANSFER: credit > 0,
                                   out of this card or into it as the occasion's peer says.
                                   DUPLICATE into a card: its credit; out of one: 0 */
    struct money gift, voucher; /* ACTIVATE: opening gift, voucher. LOAD: one of amount, gift and
                                   voucher is > 0, the others 0. DUPLICATE: as amount */
    struct money pay_credit;    /* SALE: wanted from the credit purse */
    struct money pay_gift, pay_voucher; /* SALE: likewise */
    struct points redeem;               /* SALE: points to spend */
    uint32_t refers_counter;            /* REFUND, UNLOAD: the card counter of the sale or load */
    struct peer peer; /* TRANSFER, DUPLICATE: the other card, as the occasion will say; the plan
                         reads that */
    struct inheritance inherits; /* DUPLICATE into a card */
};

struct plan_input {
    const struct programme *programme;
    const struct snapshot
        *history;         /* newest first: history[0] is the card's state; none: a new card */
    size_t history_count; /* neighbours differ by one transaction; 0 only for ACTIVATE and a
                             DUPLICATE into a card. Used as far as the counters are dense, up to
                             PLAN_HISTORY_MAX. A sale that spends points needs more than history[0]
                             when USES_HISTORY is set */
    struct wish wish;
    const struct occasion *occasion; /* NULL: nothing is known beside the snapshots. Its facts count
                                        when their counter is that of history[0] */
    const struct breakdown *sale_parts; /* REFUND: the sale's parts as this terminal's journal, or
                                           the club, has them; NULL = it has not. Read only when the
                                           card cannot tell payment from cashback */
    uint32_t minute;                    /* the card's clock, snapshot_minute(); 0 = not set */
    uint32_t terminal, sequence;
};

/* Why a plan says no. Values are in messages only; each comes with a sentence, plan.why. */
enum refusal {
    REFUSAL_NONE,
    REFUSAL_CARD_BLOCKED,
    REFUSAL_CARD_CLOSED,
    REFUSAL_CREDIT_SHORT,     /* payment above the purse */
    REFUSAL_POINTS_SHORT,     /* redemption above the points, or above what one tap can hold */
    REFUSAL_REDEMPTION_OFF,   /* the programme gives points no value */
    REFUSAL_PAYS_TOO_MUCH,    /* redemption + payment above the basket */
    REFUSAL_AMOUNT_RANGE,     /* amount outside the programme's limits */
    REFUSAL_CREDIT_CEILING,   /* the purse would pass its ceiling */
    REFUSAL_POINTS_CEILING,   /* likewise */
    REFUSAL_COUNTER_USED_UP,  /* replace the card */
    REFUSAL_NOT_IN_HISTORY,   /* the sale or load is no longer (or never was) on the card */
    REFUSAL_NOT_A_SALE,       /* that counter is another kind of transaction */
    REFUSAL_ALREADY_REFUNDED, /* nothing, or less than asked, is left of it */
    REFUSAL_POINTS_SPENT, /* the points it earned are spent, and points have no value to offset */
    REFUSAL_CREDIT_SPENT, /* the loaded money is spent */
    REFUSAL_POINT_VALUE_CHANGED, /* the sale took points at a value that is no longer in force, or
                                    its parts contradict each other */
    REFUSAL_CREDIT_OFF,          /* the club has no credit on cards */
    REFUSAL_CODES_OFF,           /* the club has no discount codes */
    REFUSAL_LINES_DIFFER,        /* the basket's lines do not add up to its amount */
    REFUSAL_CODE_UNKNOWN,        /* the programme has no such code */
    REFUSAL_REDEMPTION_RANGE,    /* fewer points than min_points, more than max_percent pays */
    REFUSAL_POINTS_HELD,         /* the points are there, but too young to be spent */
    REFUSAL_ASK_SELLER,          /* the sale both took and gave credit: only the terminal that made
                                    it, and the club, know how much */
    REFUSAL_CASHBACK_SPENT,  /* the cashback of the sale is spent, and the refund cannot cover it */
    REFUSAL_NOTHING_EXPIRES, /* plan_expired() is 0 */
    REFUSAL_PURSE_OFF,       /* the club has no such purse, gift or voucher */
    REFUSAL_PURSE_SHORT,     /* payment above that purse */
    REFUSAL_PURSE_CEILING,   /* that purse would pass its ceiling */
    REFUSAL_PURSE_SPENT,     /* what was loaded on that purse is spent */
    REFUSAL_CARD_EXPIRED,    /* gift and voucher end with the card's last day */
    REFUSAL_CARD_BRANCH,     /* cards of this kind spend gift and voucher at other branches */
    REFUSAL_GROUP_UNKNOWN,   /* the programme has no such group */
    REFUSAL_ACTION_ORDER,    /* its number is not the next one of this card */
    REFUSAL_ACTION_LATE,     /* its time is over, or the clock is not set: the club replaces it */
    REFUSAL_ACTION_CEILING,  /* the purse could not hold it: spend from it first */
    REFUSAL_ACTION_NEXT,     /* a transaction of its own, after this one: the sums are full, or each
                                gives an offer back */
};

/* What a step of a sale's explanation is about. */
enum effect_kind {
    EFFECT_CONDITION, /* only with STEP_FAILED */
    EFFECT_REBATE,    /* rials */
    EFFECT_AWARD,     /* points; base in rials */
    EFFECT_CASHBACK,  /* rials */
    EFFECT_STAMPS,    /* base, value: stamps on the card before and after it */
    EFFECT_GROUP,     /* base, value: the group's number before and after it */
};

enum plan_step_note {
    STEP_APPLIED,
    STEP_CUT,        /* applied, but held down by its own maximum; TOTAL: by the price or a purse */
    STEP_NOT_CHOSEN, /* stacking took another rule */
    STEP_ZERO,       /* the rule acts and comes to nothing */
    STEP_FAILED,     /* the condition overflowed or divided by 0: taken as false */
};

/* One line of the explanation of a sale. */
struct plan_step {
    uint16_t rule;       /* place in programme.rules, or PLAN_STEP_TOTAL */
    uint8_t effect;      /* enum effect_kind */
    uint8_t note;        /* enum plan_step_note */
    int64_t base, value; /* what it was reckoned on; what it came to. TOTAL: before and after */
};

struct plan {
    struct snapshot next; /* valid when the status is ST_OK */
    struct breakdown parts;
    struct facts facts_after; /* what the card's checkpoint becomes: at next.counter. When the
                                 occasion had no facts it is a new beginning: keep it only if the
                                 card was asked for them and has none */
    enum refusal refusal;
    struct fault why;  /* the refusal as a sentence for the cashier, with the figures */
    size_t step_count; /* SALE: what each rule that acted did, in the order of effects */
    size_t step_more;  /* steps that found no room; those that were applied come before others */
    size_t step_idle;  /* of step_count: those that were not applied, which may still give room */
    /* plan_actions() alone: */
    size_t action_count;                  /* so many in front are applied */
    int64_t action_moved[ACTION_RUN_MAX]; /* rials or points that each put on or took off */
    enum refusal
        action_stop; /* why the one behind them is not; `why` says it, too. NONE: all are */
    struct plan_step steps[PLAN_STEPS_MAX];
};

/* ST_OK       *ret holds next and parts.
 * ST_REFUSED  ret->refusal and ret->why say why; the card must not be written.
 * The history may be foreign as long as each snapshot is valid: whatever it says, the plan is made
 * or refused. An ill-formed input (negative wish, empty history for a sale) is a bug and asserts:
 * the till's parser has tested it. */
ST_CHECK enum st plan_make(const struct plan_input *input, struct plan *ret);

/* The group that somebody gets who joins on this occasion (its newcomer, identity and place): the
 * one that was named, else the first whose rule holds; 0 = none. An ACTIVATE writes just that. */
uint8_t plan_group_of(const struct programme *programme, const struct occasion *occasion,
                      uint32_t minute, uint32_t terminal);

/* Points of the card that expire at input->minute (docs/programme.md, section 6); the wish is not
 * looked at. More than 0: first make a transaction of kind EXPIRE, then what was asked. 0: none, or
 * clock or facts are not known. */
struct points plan_expired(const struct plan_input *input);

/* What a card could pay in all: its purses, and its points at their value. */
struct money plan_worth(const struct programme *programme, const struct snapshot *card);

/* The BLOCK of a card in state `card`, which must be active and below SNAPSHOT_COUNTER_MAX (else a
 * bug): nothing but its status changes, so no programme is asked. Cannot fail.
 * facts_after stays 0: the checkpoint lags by one, and is brought up to date from the ring. */
void plan_block(const struct snapshot *card, uint32_t minute, uint32_t terminal, uint32_t sequence,
                struct plan *ret);

/* Applies actions of the club to the card, in front of what was asked: one transaction of kind
 * ACTION (the wish is not looked at, and no more of the history than history[0]). They are this
 * card's, and their seals are good: the caller has tested both. Takes as many in front as can be,
 * of `count` 1..ACTION_RUN_MAX; a blocked card takes them as well. The programme may be NULL: only
 * the facts need it. What each kind does: docs/programme.md, section 7.
 * ST_OK       *ret holds next and parts; action_count >= 1. A rest whose action_stop is
 *             REFUSAL_ACTION_NEXT goes with a further call.
 * ST_REFUSED  not even the first one can be applied: go on with what was asked. */
ST_CHECK enum st plan_actions(const struct plan_input *input, const struct action *actions,
                              size_t count, struct plan *ret);

/* What a transaction adds to the four balances of a card, each positive or negative. */
enum plan_delta { DELTA_POINTS, DELTA_CREDIT, DELTA_GIFT, DELTA_VOUCHER, PLAN_DELTAS };

/* Derives the deltas from kind, flags (struct transaction) and parts alone, for all kinds but
 * ADJUST. False, and ret untouched: a kind whose parts this version does not know. */
bool plan_deltas(enum transaction_kind kind, unsigned flags, const struct breakdown *parts,
                 int64_t ret_deltas[PLAN_DELTAS]);

/* True when `after` is `before` plus this transaction and nothing else: counter one higher,
 * balances by plan_deltas(), kind, amount (of a sale: net) and redeemed points as the parts say,
 * the parts add up (docs/programme.md), all else unchanged but: the group by ACTIVATE; status by
 * BLOCK and UNBLOCK; tier, group, stamps by a SALE; fewer stamps by a REFUND; by an ACTION its
 * number (1 to ACTION_RUN_MAX higher), status, tier, group and stamps. A DUPLICATE leaves a card
 * closed with nothing on it, or is a new one's first transaction. `before` is NULL for that and for
 * ACTIVATE. Never asserts: both may come from another terminal. */
bool plan_holds(const struct snapshot *before, const struct snapshot *after,
                enum transaction_kind kind, const struct breakdown *parts);

/* The mark that a sale with redemption leaves in transaction.reference, 1..63: it tells a later
 * refund whether points are still worth the same, without which the part paid otherwise is not
 * known. */
uint8_t plan_value_mark(struct money point_value);

#endif
