#include "firmware/engine/explain.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "firmware/engine/plan_priv.h"

enum { MINUTES_OF_A_DAY = 1440, MINUTE_MAX = (1 << 24) - 1, THOUSAND = 1000 };

/* One explanation while it is made. */
struct telling {
    const struct plan_input *input;
    const struct programme *programme;
    const struct plan *plan;
    enum explain_language language;
    explain_put *put;
    void *context;
    struct explain_line line; /* the next one */
};

static struct explain_line *begin(struct telling *telling, enum explain_kind kind, uint16_t rule)
{
    struct explain_line *line = &telling->line;
    line->kind = kind;
    line->rule = rule;
    line->name = rule == PLAN_STEP_TOTAL ? "" : telling->programme->rules[rule].id;
    line->text[0] = '\0';
    line->result[0] = '\0';
    return line;
}

static void end(struct telling *telling)
{
    telling->put(telling->context, &telling->line);
}

static const char *pick(const struct telling *telling, const char *english, const char *persian)
{
    return explain_pick(telling->language, english, persian);
}

static void append(struct explain_line *line, const char *text)
{
    size_t used = strlen(line->text);
    if (strlen(text) < sizeof line->text - used) { /* else left out whole: a letter is not cut */
        memcpy(line->text + used, text, strlen(text) + 1);
    }
}

/* --- rules ---------------------------------------------------------------------------------- */

static bool is_money(uint8_t effect)
{
    return effect == EFFECT_REBATE || effect == EFFECT_CASHBACK;
}

/* An effect's value, as the second column has it. */
static void say_value(const struct telling *telling, uint8_t effect, int64_t value,
                      char ret[EXPLAIN_AMOUNT_MAX])
{
    if (is_money(effect)) {
        explain_money(telling->programme, telling->language, (struct money){value}, ret);
    } else if (effect == EFFECT_AWARD) {
        explain_points(telling->language, value, ret);
    } else if (effect == EFFECT_STAMPS) {
        explain_number(telling->language, value, ret);
    } else {
        (void)snprintf(ret, EXPLAIN_AMOUNT_MAX, "%s",
                       programme_group_id(telling->programme, (uint8_t)value));
    }
}

/* "250,000 toman", "250,000 toman of dairy": what the effect is reckoned on. */
static void say_base(const struct telling *telling, const struct programme_rule *rule,
                     const struct plan_step *step, char *ret, size_t size)
{
    char amount[EXPLAIN_AMOUNT_MAX];
    uint8_t of = step->effect == EFFECT_REBATE  ? rule->rebate.of
                 : step->effect == EFFECT_AWARD ? rule->award.of
                                                : rule->cashback.of;
    explain_money(telling->programme, telling->language, (struct money){step->base}, amount);
    (void)snprintf(ret, size, "%s%s%s%s", amount, of == 0 ? "" : " (",
                   of == 0 ? "" : telling->programme->products[of - 1].id, of == 0 ? "" : ")");
}

/* True when the amount was rounded down by the programme's step. */
static bool is_rounded(const struct telling *telling, const struct programme_rule *rule,
                       const struct plan_step *step)
{
    const struct effect_money *money =
        step->effect == EFFECT_REBATE ? &rule->rebate : &rule->cashback;
    int64_t exact = money->is_percent
                        ? share_floor(step->base, money->percent_hundredths, PERCENT_WHOLE)
                    : money->fixed.rials < step->base ? money->fixed.rials
                                                      : step->base;
    (void)telling;
    if (money->max.rials > 0 && exact > money->max.rials) {
        exact = money->max.rials;
    }
    return exact != step->value;
}

static const char *why_not(const struct telling *telling, const struct plan_step *step)
{
    const struct programme *programme = telling->programme;
    enum stacking how = step->effect == EFFECT_REBATE  ? programme->rebate_stacking
                        : step->effect == EFFECT_AWARD ? programme->award_stacking
                                                       : programme->cashback_stacking;
    if (step->note == STEP_ZERO) {
        return pick(telling, ": comes to nothing here", ": اینجا چیزی نمی‌شود");
    }
    return how == STACK_FIRST ? pick(telling, ": an earlier rule counts",
                                     ": قاعدهٔ پیش‌تر به حساب آمد")
                              : pick(telling, ": another rule gives as much or more",
                                     ": قاعدهٔ دیگری به همین اندازه یا بیشتر "
                                     "می‌دهد");
}

static void put_failed(struct telling *telling, uint16_t rule)
{
    struct explain_line *line = begin(telling, EXPLAIN_ASIDE, rule);
    append(line, pick(telling, "the condition could not be computed, so it does not hold",
                      "شرط قابل محاسبه نبود، پس برقرار نیست"));
    end(telling);
}

static bool counts(const struct plan_step *step)
{
    return step->note == STEP_APPLIED || step->note == STEP_CUT;
}

static void put_rule(struct telling *telling, const struct plan_step *step)
{
    const struct programme_rule *rule = &telling->programme->rules[step->rule];
    bool has_base = is_money(step->effect) || step->effect == EFFECT_AWARD;
    char base[EXPLAIN_AMOUNT_MAX + PROGRAMME_ID_MAX + 4];
    if (step->effect == EFFECT_CONDITION) {
        put_failed(telling, step->rule);
        return;
    }
    struct explain_line *line =
        begin(telling, counts(step) ? EXPLAIN_RULE : EXPLAIN_ASIDE, step->rule);
    if (has_base) {
        say_base(telling, rule, step, base, sizeof base);
    }
    explain_effect(telling->programme, rule, (enum effect_kind)step->effect, telling->language,
                   has_base ? base : NULL, line->text);
    if (!counts(step)) {
        append(line, why_not(telling, step));
        end(telling);
        return;
    }
    if (is_money(step->effect) && is_rounded(telling, rule, step)) {
        append(line, pick(telling, ", rounded down", "، گردشده رو به پایین"));
    }
    say_value(telling, step->effect, step->value, line->result);
    end(telling);
}

/* The sum of an effect was held down by the price or by what a purse may hold. */
static void put_cut(struct telling *telling, const struct plan_step *step)
{
    char sum[EXPLAIN_AMOUNT_MAX];
    struct explain_line *line = begin(telling, EXPLAIN_RULE, PLAN_STEP_TOTAL);
    const char *format =
        step->effect == EFFECT_REBATE
            ? pick(telling, "%s of rebates, at most the price",
                   "جمع تخفیف‌ها %s، حداکثر تا مبلغ خرید")
        : step->effect == EFFECT_AWARD
            ? pick(telling, "%s in all, as far as the card may hold", "جمع %s، تا سقف امتیاز کارت")
            : pick(telling, "%s of credit in all, as far as the card may hold",
                   "جمع اعتبار %s، تا سقف اعتبار کارت");
    say_value(telling, step->effect, step->base, sum);
    (void)snprintf(line->text, sizeof line->text, format, sum);
    say_value(telling, step->effect, step->value, line->result);
    end(telling);
}

/* Is this the first step of its rule that counts? */
static bool is_first(const struct plan *plan, size_t at)
{
    for (size_t i = 0; i < at; i += 1) {
        if (plan->steps[i].rule == plan->steps[at].rule && counts(&plan->steps[i])) {
            return false;
        }
    }
    return true;
}

static void put_rules(struct telling *telling)
{
    const struct plan *plan = telling->plan;
    for (size_t i = 0; i < plan->step_count; i += 1) {
        const struct plan_step *step = &plan->steps[i];
        if (step->rule == PLAN_STEP_TOTAL) {
            put_cut(telling, step);
            continue;
        }
        put_rule(telling, step);
        const struct programme_rule *rule = &telling->programme->rules[step->rule];
        if (counts(step) && rule->say_fa != NULL && is_first(plan, i)) {
            append(begin(telling, EXPLAIN_SAY, step->rule),
                   pick(telling, rule->say_en, rule->say_fa));
            end(telling);
        }
    }
    if (plan->step_more > 0) {
        char number[EXPLAIN_AMOUNT_MAX];
        struct explain_line *line = begin(telling, EXPLAIN_ASIDE, PLAN_STEP_TOTAL);
        explain_number(telling->language, (int64_t)plan->step_more, number);
        (void)snprintf(line->text, sizeof line->text,
                       pick(telling, "%s further rules acted", "%s قاعدهٔ دیگر هم عمل کرد"), number);
        end(telling);
    }
}

/* --- totals --------------------------------------------------------------------------------- */

static void put_money(struct telling *telling, const char *english, const char *persian,
                      struct money money)
{
    struct explain_line *line = begin(telling, EXPLAIN_TOTAL, PLAN_STEP_TOTAL);
    append(line, pick(telling, english, persian));
    explain_money(telling->programme, telling->language, money, line->result);
    end(telling);
}

/* The same, but nothing is said of nothing. */
static void put_some(struct telling *telling, const char *english, const char *persian,
                     struct money money)
{
    if (money.rials != 0) {
        put_money(telling, english, persian, money);
    }
}

static void put_points(struct telling *telling, const char *english, const char *persian,
                       int64_t points)
{
    struct explain_line *line = begin(telling, EXPLAIN_TOTAL, PLAN_STEP_TOTAL);
    append(line, pick(telling, english, persian));
    explain_points(telling->language, points, line->result);
    end(telling);
}

static void put_sale(struct telling *telling)
{
    const struct breakdown *parts = &telling->plan->parts;
    char text[2][EXPLAIN_AMOUNT_MAX];

    put_money(telling, "Basket", "مبلغ خرید", parts->amount);
    if (parts->rebate.rials > 0) {
        put_money(telling, "Rebate", "تخفیف", parts->rebate);
        put_money(telling, "Price", "مبلغ پس از تخفیف",
                  (struct money){parts->amount.rials - parts->rebate.rials});
    }
    if (parts->redeemed.n > 0) {
        struct explain_line *line = begin(telling, EXPLAIN_TOTAL, PLAN_STEP_TOTAL);
        explain_points(telling->language, parts->redeemed.n, text[0]);
        explain_money(telling->programme, telling->language, telling->programme->point_value,
                      text[1]);
        (void)snprintf(line->text, sizeof line->text,
                       pick(telling, "Paid with %s, each %s", "پرداخت با %s، هر یک %s"), text[0],
                       text[1]);
        explain_money(telling->programme, telling->language, parts->redeemed_value, line->result);
        end(telling);
    }
    put_some(telling, "Paid with voucher", "پرداخت با بن", parts->voucher);
    put_some(telling, "Paid with gift", "پرداخت با هدیه", parts->gift);
    put_some(telling, "Paid with credit", "پرداخت با اعتبار", parts->payment);
    put_money(telling, "To pay", "قابل پرداخت", parts->due);
    if (programme_has(telling->programme, MODULE_POINTS)) {
        put_points(telling, "Points earned", "امتیاز این خرید", parts->award.n);
    }
    put_some(telling, "Credit back", "اعتبار هدیه", parts->load);
}

static void put_refund(struct telling *telling)
{
    const struct breakdown *parts = &telling->plan->parts;
    put_money(telling, "Returned", "مبلغ مرجوعی", parts->amount);
    put_money(telling, "Given back", "پرداخت به مشتری", parts->due);
    put_some(telling, "Back on the card", "بازگشت به اعتبار کارت", parts->payment);
    put_some(telling, "Back as gift", "بازگشت به هدیه", parts->gift);
    put_some(telling, "Back as voucher", "بازگشت به بن", parts->voucher);
    put_some(telling, "Credit taken back", "اعتبار هدیهٔ پس‌گرفته",
             parts->load);
    if (parts->redeemed.n > 0) {
        put_points(telling, "Points given back", "امتیاز بازگشتی", parts->redeemed.n);
    }
    if (parts->award.n > 0) {
        put_points(telling, "Points taken back", "امتیاز پس‌گرفته", parts->award.n);
    }
}

/* Of the old card: what the new one is going to have. What a new one has, put_card() says. */
static void put_duplicate(struct telling *telling)
{
    const struct breakdown *parts = &telling->plan->parts;
    if (telling->plan->next.last.flags != TRANSFER_OUT) {
        return;
    }
    put_some(telling, "Credit that moves", "اعتبار انتقالی", parts->payment);
    put_some(telling, "Gift that moves", "هدیهٔ انتقالی", parts->gift);
    put_some(telling, "Voucher that moves", "بن انتقالی", parts->voucher);
    if (parts->award.n > 0) {
        put_points(telling, "Points that move", "امتیاز انتقالی", parts->award.n);
    }
}

/* What the card has now. */
static void put_card(struct telling *telling)
{
    const struct programme *programme = telling->programme;
    const struct snapshot *next = &telling->plan->next;
    if (programme_has(programme, MODULE_POINTS)) {
        put_points(telling, "Points on the card", "امتیاز کارت", next->points.n);
    }
    if (programme_has(programme, MODULE_CREDIT) || next->purse[PURSE_CREDIT].rials > 0) {
        put_money(telling, "Credit on the card", "اعتبار کارت", next->purse[PURSE_CREDIT]);
    }
    put_some(telling, "Gift on the card", "هدیهٔ کارت", next->purse[PURSE_GIFT]);
    put_some(telling, "Voucher on the card", "بن کارت", next->purse[PURSE_VOUCHER]);
    if (programme_has(programme, MODULE_STAMPS)) {
        struct explain_line *line = begin(telling, EXPLAIN_TOTAL, PLAN_STEP_TOTAL);
        append(line, pick(telling, "Stamps on the card", "مهرهای کارت"));
        explain_number(telling->language, next->stamps, line->result);
        end(telling);
    }
    if (programme_has(programme, MODULE_TIERS) && next->tier > 0) {
        struct explain_line *line = begin(telling, EXPLAIN_TOTAL, PLAN_STEP_TOTAL);
        append(line, pick(telling, "Tier", "سطح"));
        (void)snprintf(line->result, sizeof line->result, "%s",
                       programme_tier_id(programme, next->tier));
        end(telling);
    }
}

static void put_totals(struct telling *telling)
{
    const struct breakdown *parts = &telling->plan->parts;
    const struct money moved = {parts->load.rials + parts->gift.rials + parts->voucher.rials};
    switch (telling->plan->next.last.kind) {
    case TRANSACTION_SALE:
        put_sale(telling);
        break;
    case TRANSACTION_REFUND:
        put_refund(telling);
        break;
    case TRANSACTION_ACTIVATE:
    case TRANSACTION_LOAD:
        put_money(telling, "Loaded", "شارژ", moved);
        put_some(telling, "Of it bonus", "از این پاداش شارژ",
                 (struct money){moved.rials - parts->due.rials});
        break;
    case TRANSACTION_UNLOAD:
        put_money(telling, "Taken off", "برگشت شارژ", moved);
        break;
    case TRANSACTION_EXPIRE:
        put_points(telling, "Points expired", "امتیاز منقضی", parts->award.n);
        break;
    case TRANSACTION_DUPLICATE:
        put_duplicate(telling);
        break;
    case TRANSACTION_BLOCK:
    case TRANSACTION_UNBLOCK:
    case TRANSACTION_ACTION:
    case TRANSACTION_TRANSFER:
    case TRANSACTION_ADJUST:
    default:
        break;
    }
    put_card(telling);
}

/* --- what is missing ------------------------------------------------------------------------ */

static bool gives(const struct programme_rule *rule)
{
    return rule->when != 0 && (rule->rebate.is_set || rule->award.is_set || rule->cashback.is_set);
}

static bool holds(const struct programme *programme, const struct programme_rule *rule,
                  struct logic_value values[PROGRAMME_FACTS_MAX], int stamps)
{
    bool is_true = false;
    values[FACT_CARD_STAMPS] = logic_whole(stamps);
    return logic_eval(programme->logic, rule->when, values, programme_fact_count(programme),
                      &is_true) == ST_OK &&
           is_true;
}

/* With how many stamps, from those now on, the rule acts; -1 = stamps make no difference to it. */
static int stamps_for(const struct programme *programme, const struct programme_rule *rule,
                      struct logic_value values[PROGRAMME_FACTS_MAX], int now)
{
    if (!gives(rule) || holds(programme, rule, values, 0)) {
        return -1;
    }
    for (int stamps = now; stamps <= PROGRAMME_STAMPS_MAX; stamps += 1) {
        if (holds(programme, rule, values, stamps)) {
            return stamps;
        }
    }
    return -1;
}

/* The gift that the fewest more stamps bring, if the same basket comes on another day. */
static void put_missing_stamps(struct telling *telling)
{
    const struct programme *programme = telling->programme;
    struct plan_input next = *telling->input;
    struct occasion occasion = {0};
    struct logic_value values[PROGRAMME_FACTS_MAX];
    int least = PROGRAMME_STAMPS_MAX + 1;
    size_t rule = 0;

    if (!programme_has(programme, MODULE_STAMPS)) {
        return;
    }
    if (next.occasion != NULL) {
        occasion = *next.occasion;
    }
    occasion.has_facts = telling->plan->facts_after.counter == telling->plan->next.counter;
    occasion.facts = telling->plan->facts_after;
    next.occasion = &occasion;
    next.history = &telling->plan->next;
    next.history_count = 1;
    next.minute +=
        next.minute != 0 && next.minute < MINUTE_MAX - MINUTES_OF_A_DAY ? MINUTES_OF_A_DAY : 0U;
    plan_facts_fill(&next, values);
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        int stamps =
            stamps_for(programme, &programme->rules[i], values, telling->plan->next.stamps);
        if (stamps >= 0 && stamps < least) {
            least = stamps;
            rule = i;
        }
    }
    if (least > PROGRAMME_STAMPS_MAX) {
        return;
    }
    const struct programme_rule *gift = &programme->rules[rule];
    int more = least - telling->plan->next.stamps;
    char number[EXPLAIN_AMOUNT_MAX];
    struct explain_line *line = begin(telling, EXPLAIN_MISSING, (uint16_t)rule);
    explain_number(telling->language, more, number);
    (void)snprintf(line->text, sizeof line->text,
                   more == 0   ? pick(telling, "%.0sNext time: %s", "%.0sبار بعد: %s")
                   : more == 1 ? pick(telling, "%s more stamp to: %s", "%s مهر دیگر تا: %s")
                               : pick(telling, "%s more stamps to: %s", "%s مهر دیگر تا: %s"),
                   number,
                   gift->say_fa == NULL ? gift->id : pick(telling, gift->say_en, gift->say_fa));
    end(telling);
}

/* How far the next tier is. */
static void put_missing_tier(struct telling *telling)
{
    const struct programme *programme = telling->programme;
    const struct plan *plan = telling->plan;
    char amount[EXPLAIN_AMOUNT_MAX];

    if (!programme_has(programme, MODULE_TIERS) || plan->next.tier == 0 ||
        plan->next.tier >= programme->tier_count || plan->facts_after.counter == 0) {
        return;
    }
    const struct programme_tier *tier = &programme->tiers[plan->next.tier];
    int64_t value = programme->measure == MEASURE_POINTS ? plan->next.points.n
                    : programme->measure == MEASURE_SPEND
                        ? (int64_t)plan->facts_after.spend * THOUSAND
                        : (int64_t)plan->facts_after.earned;
    if (tier->from <= value) {
        return; /* The card is judged again at its next sale. */
    }
    struct explain_line *line = begin(telling, EXPLAIN_MISSING, PLAN_STEP_TOTAL);
    if (programme->measure == MEASURE_SPEND) {
        explain_money(programme, telling->language, (struct money){tier->from - value}, amount);
    } else {
        explain_points(telling->language, tier->from - value, amount);
    }
    (void)snprintf(line->text, sizeof line->text,
                   pick(telling, "Still %s to tier %s", "هنوز %s تا سطح %s"), amount, tier->id);
    end(telling);
}

void explain(const struct plan_input *input, const struct plan *plan,
             enum explain_language language, explain_put *put, void *context)
{
    struct telling telling = {.input = input,
                              .programme = input->programme,
                              .plan = plan,
                              .language = language,
                              .put = put,
                              .context = context};
    assert(plan->refusal == REFUSAL_NONE && plan->next.counter > 0);
    bool is_sale = plan->next.last.kind == TRANSACTION_SALE;
    if (is_sale) {
        put_rules(&telling);
    }
    put_totals(&telling);
    if (is_sale) {
        put_missing_stamps(&telling);
        put_missing_tier(&telling);
    }
}
