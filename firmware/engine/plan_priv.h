/* plan_priv.h - what the files of plan.h share. */
#ifndef FIRMWARE_ENGINE_PLAN_PRIV_H
#define FIRMWARE_ENGINE_PLAN_PRIV_H

#include "firmware/engine/plan.h"
#include "firmware/engine/programme_facts.h"

enum { PLAN_MONEY_TEXT_MAX = 80 }; /* EXPLAIN_AMOUNT_MAX */

/* --- plan.c -------------------------------------------------------------------------------- */

/* explain_money() in English, for a sentence. */
const char *plan_money_say(const struct programme *programme, struct money money,
                           char ret_text[PLAN_MONEY_TEXT_MAX]);

/* Sets ret->refusal and the sentence; returns ST_REFUSED. */
enum st plan_refuse(struct plan *ret, enum refusal refusal, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses an amount that is not from min to max. */
enum st plan_refuse_range(const struct programme *programme, struct plan *ret, const char *what,
                          struct money amount, int64_t min, struct money max);

/* Refuses a card that is blocked, closed or used up. */
enum st plan_refuse_state(const struct snapshot *card, struct plan *ret);

/* Completes ret->next, which plan_make() began as the card before with an empty last transaction:
 * counter, balances by ret->parts, the transaction. Status, stamps, tier, group and the
 * transaction's reference, idle goods, offer and flags are as the caller left them. Asserts that it
 * holds, and folds ret->facts_after. */
void plan_apply(const struct plan_input *input, struct plan *ret);

/* An empty plan: the card as it is, no transaction yet. */
void plan_begin(const struct plan_input *input, struct plan *ret);

/* What a redeemed point pays; 0 = points cannot be spent in this club. */
struct money plan_point_value(const struct programme *programme);

/* How many snapshots from the newest on have dense counters: only those are neighbours. */
size_t plan_dense_count(const struct plan_input *input);

/* --- plan_holds.c -------------------------------------------------------------------------- */

/* The state that an ACTIVATE starts from: no transactions, no balances. */
struct snapshot plan_blank_card(void);

/* --- plan_facts.c -------------------------------------------------------------------------- */

struct facts_rules plan_facts_rules(const struct programme *programme);
/* The local day, facts.h's count; 0 = the clock is not set. */
uint16_t plan_day(const struct plan_input *input);
/* The card's facts, or NULL: not known. */
const struct facts *plan_facts(const struct plan_input *input);
/* What they say of the running period at this minute, in rials and points. */
struct plan_period {
    int64_t spend, earned;
};
struct plan_period plan_period(const struct plan_input *input, const struct facts *facts);

/* Fills all slots that conditions may ask. */
void plan_facts_fill(const struct plan_input *input,
                     struct logic_value ret_values[PROGRAMME_FACTS_MAX]);

/* The group of somebody who joins: the one that the occasion's newcomer names, else the first whose
 * rule holds; 0 = none. */
uint8_t plan_group(const struct plan_input *input);

/* The tier from the next transaction on; ret holds the sale's parts, points_after the card's points
 * after it. */
uint8_t plan_tier(const struct plan_input *input, const struct breakdown *parts,
                  struct points points_after);

/* --- plan_rules.c -------------------------------------------------------------------------- */

/* The rules of one sale while it is planned. */
struct sale_rules {
    const struct plan_input *input;
    struct plan *plan;                     /* takes the steps */
    bool acts[PROGRAMME_RULES_MAX];        /* condition true, `once` allows it */
    uint8_t offer;                         /* the mark that a rule with `once` uses; 0 = none */
    int64_t lines[PROGRAMME_PRODUCTS_MAX]; /* rials of each product group, by place */
    int64_t earns;                         /* rials of the basket that earn */
    int64_t left, earning;                 /* docs/programme.md, section 4; for plan_stack() of
                                              award and cashback */
};

/* Judges all conditions on the facts before the sale. Refuses a basket whose lines or code are not
 * the programme's. */
ST_CHECK enum st plan_rules_judge(const struct plan_input *input, struct sale_rules *ret,
                                  struct plan *ret_plan);
/* What the acting rules come to in EFFECT_REBATE, AWARD or CASHBACK, stacked. */
int64_t plan_stack(struct sale_rules *rules, enum effect_kind effect);
/* Notes that the sum of an effect was held down from `sum` to `value`. */
void plan_note_total(struct plan *plan, enum effect_kind effect, int64_t sum, int64_t value);
/* Sets stamps and group in plan->next. */
void plan_stamps_and_group(struct sale_rules *rules);
/* What one rule's award gives on `base`, without its maximum; at most 2^50. */
int64_t plan_award_on(const struct effect_award *award, int64_t base);

/* --- plan_earned.c ------------------------------------------------------------------------- */

/* Goods of a past sale, by what they cost of the rials that could earn. */
struct goods_part {
    int64_t part, whole; /* rials; 0 <= part <= whole, of the sale's `earning` */
    bool has_idle;       /* some of the sale's goods earned nothing */
    uint8_t offer;       /* the mark that it used; 0 = none */
};

/* True for an award by blocks of the whole basket, without condition, mark or maximum: the card
 * tells of any sale without idle goods what all of these came to. */
bool plan_is_plain_award(const struct programme *programme, const struct programme_rule *rule);
/* True when a rule gives EFFECT_AWARD or CASHBACK on a product group. */
bool plan_earns_by_product(const struct programme *programme, enum effect_kind effect);
/* The most that the goods can have earned in EFFECT_AWARD or CASHBACK, whichever they were and
 * whatever held; without idle goods: beyond what plain awards gave. What refund.extras "share"
 * shares by price is shared. For CASHBACK only with "share". */
int64_t plan_earned_most(const struct programme *programme, enum effect_kind effect,
                         struct goods_part goods);

/* --- plan_purses.c -------------------------------------------------------------------------- */

/* "credit", "gift", "voucher": what a sentence calls the purse. */
const char *plan_purse_word(enum purse purse);
/* Refuses a purse whose module is off. */
enum st plan_refuse_purse(const struct plan_input *input, enum purse purse, struct plan *ret);
/* Refuses a sale whose payments the purses, or the card's kind, do not allow, or that pay more than
 * `net`. */
ST_CHECK enum st plan_refuse_payments(const struct plan_input *input, int64_t net,
                                      struct plan *ret);
/* The bonus that a load of `amount` credit earns by the programme, whatever the purse may hold. */
int64_t plan_bonus(const struct programme *programme, int64_t amount);

/* --- plan_past.c --------------------------------------------------------------------------- */

/* A past transaction, found on the card, and how far it was given back since. */
struct past {
    const struct snapshot *after;  /* the card after it */
    const struct snapshot *before; /* and before it */
    struct money given_back;       /* sum of the refunds or unloads of it so far */
    uint8_t distance;              /* from the transaction being planned, in counters */
};

/* Finds the transaction of `kind` that the wish refers to, and sums what later ones of the wish's
 * kind gave back of it. */
ST_CHECK enum st plan_past_find(const struct plan_input *input, enum transaction_kind kind,
                                const char *noun, struct past *ret, struct plan *ret_plan);
/* How much of it goes back now: the wish, or all that is left. */
ST_CHECK enum st plan_past_amount(const struct plan_input *input, const struct past *past,
                                  struct money *ret, struct plan *ret_plan);
/* Whether `later` gave back of the transaction at `counter` by `kind`. */
bool plan_gives_back(const struct snapshot *later, enum transaction_kind kind, uint32_t counter);

/* --- plan_sale.c, plan_refund.c, plan_load.c: the card is active and its counter has room
 * ----------------- */

ST_CHECK enum st plan_sale(const struct plan_input *input, struct plan *ret);
ST_CHECK enum st plan_refund(const struct plan_input *input, struct plan *ret);
ST_CHECK enum st plan_activate(const struct plan_input *input, struct plan *ret);
ST_CHECK enum st plan_load(const struct plan_input *input, struct plan *ret);
ST_CHECK enum st plan_unload(const struct plan_input *input, struct plan *ret);
ST_CHECK enum st plan_transfer(const struct plan_input *input, struct plan *ret);
ST_CHECK enum st plan_duplicate(const struct plan_input *input, struct plan *ret);

#endif
