#include "firmware/engine/plan_priv.h"

/* What goods of a past sale may have earned. A card keeps what a sale earned and no goods, and
 * goods of one basket may earn by a rule for their product group, or nothing: then a refund takes
 * back the most that the part may have earned (docs/programme.md, section 5). */

bool plan_is_plain_award(const struct programme *programme, const struct programme_rule *rule)
{
    const struct effect_award *award = &rule->award;
    return programme->award_stacking == STACK_SUM && award->is_set && rule->when == 0 &&
           rule->once == 0 && award->of == 0 && award->per.rials > 0 && award->max.n == 0;
}

static int64_t lower(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t round_up(int64_t value, int64_t step)
{
    return (value + step - 1) / step * step;
}

static int64_t share_ceil(int64_t amount, int64_t part, int64_t whole)
{
    return amount - share_floor(amount, whole - part, whole);
}

/* Each block that the part reaches into may have earned by it. A fixed award is shared by price,
 * unless some goods earn nothing: then the part may be all that earned it. */
static int64_t award_most(const struct programme *programme, const struct programme_rule *rule,
                          const struct goods_part *goods)
{
    const struct effect_award *award = &rule->award;
    bool is_shared = !programme->refund_extras_lost || plan_is_plain_award(programme, rule);
    int64_t base = goods->whole;
    int64_t most;

    if (award->per.rials > 0 && is_shared) {
        base = lower(round_up(goods->part, award->per.rials), goods->whole);
    }
    most = plan_award_on(award, base);
    if (award->per.rials == 0 && award->of == 0 && is_shared && !goods->has_idle) {
        most = share_ceil(most, goods->part, goods->whole);
    }
    return award->max.n > 0 ? lower(most, award->max.n) : most;
}

static int64_t cashback_most(const struct programme *programme, const struct programme_rule *rule,
                             const struct goods_part *goods)
{
    const struct effect_money *money = &rule->cashback;
    int64_t most = lower(money->fixed.rials, goods->whole);
    if (money->is_percent) {
        most = round_up(share_ceil(goods->part, money->percent_hundredths, PERCENT_WHOLE),
                        programme->cashback_step.rials);
    } else if (money->of == 0 && !goods->has_idle) {
        most = share_ceil(most, goods->part, goods->whole);
    }
    return money->max.rials > 0 ? lower(most, money->max.rials) : most;
}

/* What one rule may have given on the part; 0 without such an effect on goods that earn, or when
 * the sale did not use its mark. */
static int64_t rule_most(const struct programme *programme, const struct programme_rule *rule,
                         enum effect_kind effect, const struct goods_part *goods)
{
    bool is_award = effect == EFFECT_AWARD;
    bool is_set = is_award ? rule->award.is_set : rule->cashback.is_set;
    uint8_t of = is_award ? rule->award.of : rule->cashback.of;

    if (!is_set || (of != 0 && !programme->products[of - 1].earns) ||
        (rule->once != 0 && rule->once != goods->offer)) {
        return 0;
    }
    if (!is_award) {
        return cashback_most(programme, rule, goods);
    }
    bool is_apart = plan_is_plain_award(programme, rule) && !goods->has_idle;
    return is_apart ? 0 : award_most(programme, rule, goods);
}

bool plan_earns_by_product(const struct programme *programme, enum effect_kind effect)
{
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        const struct programme_rule *rule = &programme->rules[i];
        if ((effect == EFFECT_AWARD ? rule->award.of : rule->cashback.of) != 0) {
            return true;
        }
    }
    return false;
}

/* A rebate on one product group sets its goods' price apart from what they count for. */
static bool has_product_rebate(const struct programme *programme)
{
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        if (programme->rules[i].rebate.of != 0) {
            return true;
        }
    }
    return false;
}

int64_t plan_earned_most(const struct programme *programme, enum effect_kind effect,
                         struct goods_part goods)
{
    bool is_sum = (effect == EFFECT_AWARD ? programme->award_stacking
                                          : programme->cashback_stacking) == STACK_SUM;
    int64_t most = 0;

    if (goods.part == 0) {
        return 0;
    }
    goods.part = has_product_rebate(programme) ? goods.whole : goods.part;
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        int64_t one = rule_most(programme, &programme->rules[i], effect, &goods);
        most = is_sum ? most + one : most > one ? most : one;
    }
    return most;
}
