#include <assert.h>
#include <string.h>

#include "firmware/engine/plan_priv.h"

/* More than any card holds, and 1,024 of them still fit in 64 bits. */
#define AWARD_MOST (INT64_C(1) << 50)

/* What one effect of one rule comes to. */
struct worth {
    int64_t base, value;
    bool is_cut; /* by the rule's own maximum */
};

/* --- explanation --------------------------------------------------------------------------- */

static bool is_applied(uint8_t note)
{
    return note == STEP_APPLIED || note == STEP_CUT;
}

/* Makes room for a step that was applied by taking out the last one that was not; there is one. */
static void drop_one(struct plan *plan)
{
    size_t i = plan->step_count - 1;
    while (is_applied(plan->steps[i].note)) {
        assert(i > 0);
        i -= 1;
    }
    memmove(&plan->steps[i], &plan->steps[i + 1],
            (plan->step_count - i - 1) * sizeof plan->steps[0]);
    plan->step_count -= 1;
    plan->step_idle -= 1;
}

static void step_put(struct plan *plan, struct plan_step step)
{
    if (plan->step_count == PLAN_STEPS_MAX) {
        plan->step_more += 1;
        if (!is_applied(step.note) || plan->step_idle == 0) {
            return;
        }
        drop_one(plan);
    }
    plan->steps[plan->step_count] = step;
    plan->step_count += 1;
    plan->step_idle += !is_applied(step.note);
}

void plan_note_total(struct plan *plan, enum effect_kind effect, int64_t sum, int64_t value)
{
    step_put(plan, (struct plan_step){.rule = PLAN_STEP_TOTAL,
                                      .effect = (uint8_t)effect,
                                      .note = STEP_CUT,
                                      .base = sum,
                                      .value = value});
}

/* --- conditions ---------------------------------------------------------------------------- */

/* Sums the basket's lines by product group. A basket without lines is one line of no product. */
static enum st take_lines(const struct plan_input *input, struct sale_rules *rules,
                          struct plan *plan)
{
    const struct programme *programme = input->programme;
    const struct occasion *occasion = input->occasion;
    int64_t amount = input->wish.amount.rials;
    int64_t sum = 0;

    rules->earns = amount;
    if (occasion == NULL || occasion->line_count == 0) {
        return ST_OK;
    }
    for (size_t i = 0; i < occasion->line_count && i < BASKET_LINES_MAX; i += 1) {
        const struct basket_line *line = &occasion->lines[i];
        if (line->amount.rials < 0 || line->amount.rials > amount - sum) {
            sum = -1;
            break;
        }
        sum += line->amount.rials;
        int place = line->product == 0 ? -1 : programme_product_place(programme, line->product);
        if (place >= 0) {
            rules->lines[place] += line->amount.rials;
            rules->earns -= programme->products[place].earns ? 0 : line->amount.rials;
        }
    }
    if (sum != amount) {
        char text[PLAN_MONEY_TEXT_MAX];
        return plan_refuse(plan, REFUSAL_LINES_DIFFER,
                           "The lines of the basket do not add up to %s.",
                           plan_money_say(programme, input->wish.amount, text));
    }
    return ST_OK;
}

static enum st refuse_code(const struct plan_input *input, struct plan *plan)
{
    const struct programme *programme = input->programme;
    if (input->occasion == NULL || input->occasion->code == 0) {
        return ST_OK;
    }
    if (!programme_has(programme, MODULE_CODES)) {
        return plan_refuse(plan, REFUSAL_CODES_OFF, "This club has no discount codes.");
    }
    if (input->occasion->code > programme->code_count) {
        return plan_refuse(plan, REFUSAL_CODE_UNKNOWN, "The club does not know this code.");
    }
    return ST_OK;
}

/* Whether a rule with `once`, whose condition holds, may act: the card's memory is known, the mark
 * is clear, and no other such rule acts in this sale. Then the sale uses the mark. */
static bool take_mark(struct sale_rules *rules, uint8_t mark)
{
    const struct facts *facts = plan_facts(rules->input);
    if (rules->offer != 0 || facts == NULL ||
        facts_mark_is_set(facts, mark, plan_day(rules->input))) {
        return false;
    }
    rules->offer = mark;
    return true;
}

enum st plan_rules_judge(const struct plan_input *input, struct sale_rules *ret,
                         struct plan *ret_plan)
{
    const struct programme *programme = input->programme;
    struct logic_value values[PROGRAMME_FACTS_MAX];

    memset(ret, 0, sizeof *ret);
    ret->input = input;
    ret->plan = ret_plan;
    enum st st = take_lines(input, ret, ret_plan);
    if (st == ST_OK) {
        st = refuse_code(input, ret_plan);
    }
    if (st != ST_OK) {
        return st;
    }
    plan_facts_fill(input, values);
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        const struct programme_rule *rule = &programme->rules[i];
        bool holds = rule->when == 0;
        if (rule->when != 0 && logic_eval(programme->logic, rule->when, values,
                                          programme_fact_count(programme), &holds) != ST_OK) {
            holds = false;
            step_put(ret_plan, (struct plan_step){.rule = (uint16_t)i,
                                                  .effect = EFFECT_CONDITION,
                                                  .note = STEP_FAILED});
        }
        ret->acts[i] = holds && (rule->once == 0 || take_mark(ret, rule->once));
    }
    return ST_OK;
}

/* --- effects ------------------------------------------------------------------------------- */

int64_t plan_award_on(const struct effect_award *award, int64_t base)
{
    if (award->per.rials == 0) {
        return base > 0 ? award->points.n : 0;
    }
    int64_t blocks = base / award->per.rials;
    if (award->points.n > 0 && blocks > AWARD_MOST / award->points.n) {
        return AWARD_MOST;
    }
    return blocks * award->points.n;
}

/* What the effect is reckoned on: a rebate on the price, award and cashback on what earns of it. */
static int64_t base_of(const struct sale_rules *rules, enum effect_kind effect, uint8_t of)
{
    const struct programme *programme = rules->input->programme;
    int64_t amount = rules->input->wish.amount.rials;

    if (effect == EFFECT_REBATE) {
        return of == 0 ? amount : rules->lines[of - 1];
    }
    if (of == 0) {
        return rules->earning;
    }
    if (!programme->products[of - 1].earns) {
        return 0;
    }
    return share_floor(rules->lines[of - 1], rules->left, amount);
}

static struct worth money_worth(const struct effect_money *money, struct money step, int64_t base)
{
    struct worth worth = {.base = base};
    if (money->is_percent) {
        worth.value = share_floor(base, money->percent_hundredths, PERCENT_WHOLE);
    } else {
        worth.value = money->fixed.rials < base ? money->fixed.rials : base;
    }
    if (money->max.rials > 0 && worth.value > money->max.rials) {
        worth.value = money->max.rials;
        worth.is_cut = true;
    }
    worth.value -= worth.value % step.rials;
    return worth;
}

static struct worth award_worth(const struct effect_award *award, int64_t base)
{
    struct worth worth = {.base = base, .value = plan_award_on(award, base)};
    if (award->max.n > 0 && worth.value > award->max.n) {
        worth.value = award->max.n;
        worth.is_cut = true;
    }
    return worth;
}

/* False: the rule has no such effect, or does not act. */
static bool worth_of(const struct sale_rules *rules, size_t i, enum effect_kind effect,
                     struct worth *ret)
{
    const struct programme *programme = rules->input->programme;
    const struct programme_rule *rule = &programme->rules[i];
    if (!rules->acts[i]) {
        return false;
    }
    if (effect == EFFECT_AWARD) {
        if (rule->award.is_set) {
            *ret = award_worth(&rule->award, base_of(rules, effect, rule->award.of));
        }
        return rule->award.is_set;
    }
    const struct effect_money *money = effect == EFFECT_REBATE ? &rule->rebate : &rule->cashback;
    if (money->is_set) {
        *ret = money_worth(
            money, effect == EFFECT_REBATE ? programme->rebate_step : programme->cashback_step,
            base_of(rules, effect, money->of));
    }
    return money->is_set;
}

static enum stacking stacking_of(const struct programme *programme, enum effect_kind effect)
{
    return effect == EFFECT_REBATE  ? programme->rebate_stacking
           : effect == EFFECT_AWARD ? programme->award_stacking
                                    : programme->cashback_stacking;
}

/* The one rule that counts by STACK_BEST or STACK_FIRST; the rules' number when none comes to more
 * than 0. */
static size_t choose(const struct sale_rules *rules, enum effect_kind effect, enum stacking how)
{
    size_t count = rules->input->programme->rule_count;
    size_t chosen = count;
    int64_t most = 0;
    struct worth worth;

    for (size_t i = 0; i < count; i += 1) {
        if (worth_of(rules, i, effect, &worth) && worth.value > most) {
            chosen = i;
            most = worth.value;
            if (how == STACK_FIRST) {
                break;
            }
        }
    }
    return chosen;
}

int64_t plan_stack(struct sale_rules *rules, enum effect_kind effect)
{
    const struct programme *programme = rules->input->programme;
    enum stacking how = stacking_of(programme, effect);
    size_t chosen = how == STACK_SUM ? 0 : choose(rules, effect, how);
    struct worth worth;
    int64_t sum = 0;

    for (size_t i = 0; i < programme->rule_count; i += 1) {
        if (!worth_of(rules, i, effect, &worth)) {
            continue;
        }
        bool counts = how == STACK_SUM || i == chosen;
        sum += counts ? worth.value : 0;
        enum plan_step_note note = worth.value == 0 ? STEP_ZERO
                                   : !counts        ? STEP_NOT_CHOSEN
                                   : worth.is_cut   ? STEP_CUT
                                                    : STEP_APPLIED;
        step_put(rules->plan, (struct plan_step){.rule = (uint16_t)i,
                                                 .effect = (uint8_t)effect,
                                                 .note = (uint8_t)note,
                                                 .base = worth.base,
                                                 .value = worth.value});
    }
    return sum;
}

static uint8_t stamps_after(const struct effect_stamps *effect, uint8_t stamps)
{
    if (!effect->adds) {
        return effect->n;
    }
    int sum = stamps + effect->n;
    return (uint8_t)(sum < PROGRAMME_STAMPS_MAX ? sum : PROGRAMME_STAMPS_MAX);
}

static void number_step(struct sale_rules *rules, size_t i, enum effect_kind effect, uint8_t before,
                        uint8_t after)
{
    step_put(rules->plan, (struct plan_step){.rule = (uint16_t)i,
                                             .effect = (uint8_t)effect,
                                             .note = before == after ? STEP_ZERO : STEP_APPLIED,
                                             .base = before,
                                             .value = after});
}

void plan_stamps_and_group(struct sale_rules *rules)
{
    const struct programme *programme = rules->input->programme;
    struct snapshot *next = &rules->plan->next;

    for (size_t i = 0; i < programme->rule_count; i += 1) {
        const struct programme_rule *rule = &programme->rules[i];
        if (rules->acts[i] && rule->stamps.is_set) {
            uint8_t stamps = stamps_after(&rule->stamps, next->stamps);
            number_step(rules, i, EFFECT_STAMPS, next->stamps, stamps);
            next->stamps = stamps;
        }
        if (rules->acts[i] && rule->sets_group) {
            number_step(rules, i, EFFECT_GROUP, next->group, rule->group);
            next->group = rule->group;
        }
    }
}
