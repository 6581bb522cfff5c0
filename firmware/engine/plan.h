/* plan.h - the transaction as a pure function: state and wish in, next state or a refusal out.
 *
 * No I/O, clock or allocation. Once plan_make() says ST_OK nothing later refuses: the terminal
 * journals the intent, writes `next` to the card, journals the outcome. Order of effects in a sale,
 * fixed: rebate, redemption, payment, award (docs/programme.md). The club runs the same function on
 * the same facts and compares bit for bit. Rules and formulas: docs/programme.md. */
#ifndef FIRMWARE_ENGINE_PLAN_H
#define FIRMWARE_ENGINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/entry.h"
#include "firmware/engine/programme.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/status.h"

enum { PLAN_HISTORY_MAX = 64 };

/* What the cashier wants. Fields that the kind does not use are zero. */
struct wish {
    enum transaction_kind kind; /* ACTIVATE, SALE, REFUND, LOAD, UNLOAD */
    struct money amount;        /* SALE: basket > 0. LOAD > 0. ACTIVATE: opening credit >= 0.
                                   REFUND, UNLOAD: > 0, or 0 = all that is left of it */
    struct money pay_credit;    /* SALE: wanted from the credit purse */
    struct points redeem;       /* SALE: points to spend */
    uint32_t refers_counter;    /* REFUND, UNLOAD: the card counter of the sale or load */
};

struct plan_input {
    const struct programme *programme;
    const struct snapshot
        *history;         /* newest first: history[0] is the card's state; none: activate */
    size_t history_count; /* neighbours differ by one transaction; 0 only for ACTIVATE. Used as far
                             as the counters are dense, up to PLAN_HISTORY_MAX */
    struct wish wish;
    uint32_t minute; /* the card's clock, snapshot_minute() */
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
    REFUSAL_POINT_VALUE_CHANGED, /* the sale took points at a value that is no longer in force */
};

struct plan {
    struct snapshot next; /* valid when the status is ST_OK */
    struct breakdown parts;
    enum refusal refusal;
    struct fault why; /* the refusal as a sentence for the cashier, with the figures */
};

/* ST_OK       *ret holds next and parts.
 * ST_REFUSED  ret->refusal and ret->why say why; the card must not be written.
 * The history may be foreign as long as each snapshot is valid: whatever it says, the plan is made
 * or refused. An ill-formed input (negative wish, empty history for a sale) is a bug and asserts:
 * the till's parser has tested it. */
ST_CHECK enum st plan_make(const struct plan_input *input, struct plan *ret);

/* The BLOCK of a card in state `card`, which must be active and below SNAPSHOT_COUNTER_MAX (else a
 * bug): nothing but its status changes, so no programme is asked. Cannot fail. */
void plan_block(const struct snapshot *card, uint32_t minute, uint32_t terminal, uint32_t sequence,
                struct plan *ret);

/* What a transaction adds to the four balances of a card, each positive or negative. */
enum plan_delta { DELTA_POINTS, DELTA_CREDIT, DELTA_GIFT, DELTA_VOUCHER, PLAN_DELTAS };

/* Derives the deltas from kind and parts alone, for SALE, REFUND, LOAD, UNLOAD, ACTIVATE, BLOCK and
 * UNBLOCK. False, and ret untouched: a kind whose parts this version does not know. */
bool plan_deltas(enum transaction_kind kind, const struct breakdown *parts,
                 int64_t ret_deltas[PLAN_DELTAS]);

/* True when `after` is `before` plus this transaction and nothing else: counter one higher,
 * balances by plan_deltas(), kind, amount and redeemed points as the parts say, all else unchanged
 * (status too, but for BLOCK and UNBLOCK), and the parts add up (docs/programme.md, "Parts").
 * `before` is NULL for ACTIVATE. Never asserts: both may come from another terminal. */
bool plan_holds(const struct snapshot *before, const struct snapshot *after,
                enum transaction_kind kind, const struct breakdown *parts);

/* The mark that a sale with redemption leaves in transaction.reference, 1..63: it tells a later
 * refund whether points are still worth the same, without which the part paid otherwise is not
 * known. */
uint8_t plan_value_mark(struct money point_value);

#endif
