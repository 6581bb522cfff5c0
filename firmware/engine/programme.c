#include "firmware/engine/programme.h"

#include <assert.h>
#include <string.h>

bool programme_has(const struct programme *programme, uint32_t modules)
{
    return (programme->modules & modules) == modules;
}

/* --- names and numbers ---------------------------------------------------------------------- */

int programme_product_place(const struct programme *programme, uint8_t number)
{
    for (size_t i = 0; i < programme->product_count; i += 1) {
        if (programme->products[i].number == number) {
            return (int)i;
        }
    }
    return -1;
}

int programme_code_place(const struct programme *programme, const char *code)
{
    for (size_t i = 0; i < programme->code_count; i += 1) {
        if (strcmp(programme->codes[i].code, code) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static const char *id_of(const struct programme_name *names, size_t count, uint8_t number)
{
    for (size_t i = 0; i < count; i += 1) {
        if (names[i].number == number) {
            return names[i].id;
        }
    }
    return "";
}

const char *programme_tier_id(const struct programme *programme, uint8_t tier)
{
    return tier >= 1 && tier <= programme->tier_count ? programme->tiers[tier - 1].id : "";
}

const char *programme_group_id(const struct programme *programme, uint8_t number)
{
    return id_of(programme->groups, programme->group_count, number);
}

bool programme_has_group(const struct programme *programme, uint8_t number)
{
    return *programme_group_id(programme, number) != '\0';
}

bool programme_has_group_rules(const struct programme *programme)
{
    bool has = false;
    for (size_t i = 0; i < programme->group_count; i += 1) {
        has |= programme->group_rules[i].is_set;
    }
    return has;
}

const char *programme_kind_id(const struct programme *programme, uint8_t number)
{
    return id_of(programme->kinds, programme->kind_count, number);
}

const struct programme_kind_terms *programme_kind_terms(const struct programme *programme,
                                                        uint8_t number)
{
    for (size_t i = 0; i < programme->kind_count; i += 1) {
        if (programme->kinds[i].number == number) {
            return &programme->kind_terms[i];
        }
    }
    return NULL;
}

bool programme_calendar_has(const struct programme_calendar *calendar, int32_t day)
{
    return day >= calendar->from_day && day <= calendar->to_day &&
           (calendar->weekdays >> calendar_weekday(day) & 1) != 0;
}

/* --- the most that can be given ------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t sum(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* The most of one effect: its base is at most the basket. */
static int64_t most_award(const struct effect_award *award, struct money basket)
{
    struct points points = award->points;
    if (award->per.rials > 0 &&
        points_per_block(basket, award->per, award->points, &points) != ST_OK) {
        points.n = INT64_MAX;
    }
    return award->max.n > 0 ? least(points.n, award->max.n) : points.n;
}

static int64_t most_money(const struct effect_money *effect, struct money basket)
{
    int64_t rials = effect->is_percent
                        ? share_floor(basket.rials, effect->percent_hundredths, PERCENT_WHOLE)
                        : least(effect->fixed.rials, basket.rials);
    return effect->max.rials > 0 ? least(rials, effect->max.rials) : rials;
}

/* All that act in one basket. Of rules with `once` at most one does; of rules that stack by "best"
 * or "first" only one counts. */
struct most {
    enum stacking stacking;
    int64_t all, once, one;
};

static void most_take(struct most *most, bool is_once, int64_t value)
{
    most->one = value > most->one ? value : most->one;
    if (is_once) {
        most->once = value > most->once ? value : most->once;
    } else {
        most->all = sum(most->all, value);
    }
}

static int64_t most_of(const struct most *most)
{
    return most->stacking == STACK_SUM ? sum(most->all, most->once) : most->one;
}

int64_t programme_most_points(const struct programme *programme)
{
    struct most most = {.stacking = programme->award_stacking};
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        const struct programme_rule *rule = &programme->rules[i];
        if (rule->award.is_set) {
            most_take(&most, rule->once != 0, most_award(&rule->award, programme->sale_max));
        }
    }
    return most_of(&most);
}

int64_t programme_most_cashback(const struct programme *programme)
{
    struct most most = {.stacking = programme->cashback_stacking};
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        const struct programme_rule *rule = &programme->rules[i];
        if (rule->cashback.is_set) {
            most_take(&most, rule->once != 0, most_money(&rule->cashback, programme->sale_max));
        }
    }
    return most_of(&most);
}

/* --- is it valid? --------------------------------------------------------------------------- */

static bool is_within(int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max;
}

static bool head_is_valid(const struct programme *programme)
{
    return is_within(programme->version, 1, INT32_MAX) &&
           is_within((int64_t)programme->unit, UNIT_RIAL, UNIT_TOMAN) &&
           is_within(programme->utc_offset_minutes, -720, 840) &&
           is_within(programme->points_max.n, 0, POINTS_MAX) &&
           is_within(programme->hold_days, 0, PROGRAMME_HOLD_DAYS_MAX) &&
           is_within((int64_t)programme->expiry, PERIOD_NONE, PERIOD_YEAR) &&
           is_within(programme->point_value.rials, 0, PROGRAMME_POINT_VALUE_MAX) &&
           is_within(programme->redeem_min.n, 0, REDEEMED_MAX) &&
           is_within(programme->redeem_max_hundredths, 0, PERCENT_WHOLE) &&
           is_within(programme->rebate_step.rials, 1, PROGRAMME_STEP_MAX) &&
           is_within(programme->cashback_step.rials, 1, PROGRAMME_STEP_MAX);
}

static bool amounts_are_valid(const struct programme *programme)
{
    const struct money *purse_max = programme->purse_max;
    int64_t load_least = programme_has(programme, MODULE_CREDIT) ? 1 : 0;
    return is_within(purse_max[PURSE_CREDIT].rials, 0, MONEY_MAX_RIALS) &&
           is_within(purse_max[PURSE_GIFT].rials, 0, PROGRAMME_SMALL_PURSE_MAX) &&
           is_within(purse_max[PURSE_VOUCHER].rials, 0, PROGRAMME_SMALL_PURSE_MAX) &&
           is_within(programme->sale_max.rials, 1, MONEY_MAX_RIALS) &&
           is_within(programme->load_max.rials, load_least, purse_max[PURSE_CREDIT].rials) &&
           is_within(programme->load_min.rials, load_least, programme->load_max.rials) &&
           is_within(programme->opening_max.rials, 0, purse_max[PURSE_CREDIT].rials) &&
           is_within(programme->provisional_credit.rials, 0, purse_max[PURSE_CREDIT].rials) &&
           is_within(programme->provisional_points.n, 0, programme->points_max.n) &&
           limits_are_valid(&programme->card_day) && limits_are_valid(&programme->operator_day);
}

static bool opening_is_valid(const struct opening *opening, struct money purse_max)
{
    return !opening->is_set || (is_within(opening->max.rials, 0, purse_max.rials) &&
                                is_within(opening->min.rials, 0, opening->max.rials));
}

static bool kinds_are_valid(const struct programme *programme)
{
    for (size_t i = 0; i < programme->kind_count; i += 1) {
        const struct programme_kind_terms *terms = &programme->kind_terms[i];
        if (!opening_is_valid(&terms->credit, programme->purse_max[PURSE_CREDIT]) ||
            !opening_is_valid(&terms->gift, programme->purse_max[PURSE_GIFT]) ||
            terms->valid_days > PROGRAMME_VALID_DAYS_MAX ||
            terms->branch_count > PROGRAMME_BRANCHES_MAX) {
            return false;
        }
    }
    return true;
}

static bool bonus_is_valid(const struct programme *programme)
{
    for (size_t i = 0; i < programme->bonus_count; i += 1) {
        const struct programme_bonus *step = &programme->bonus[i];
        if (!is_within(step->from.rials, 1, MONEY_MAX_RIALS) ||
            step->percent_hundredths > PERCENT_WHOLE ||
            (i > 0 && step->from.rials <= step[-1].from.rials)) {
            return false;
        }
    }
    return programme->bonus_count <= PROGRAMME_BONUS_MAX;
}

static bool lists_are_valid(const struct programme *programme)
{
    if (programme->tier_count > PROGRAMME_TIERS_MAX ||
        programme->group_count > PROGRAMME_GROUPS_MAX ||
        programme->kind_count > PROGRAMME_KINDS_MAX ||
        programme->product_count > PROGRAMME_PRODUCTS_MAX ||
        programme->calendar_count > PROGRAMME_CALENDARS_MAX ||
        programme->code_count > PROGRAMME_CODES_MAX ||
        programme->mark_count > PROGRAMME_MARKS_MAX ||
        programme->rule_count > PROGRAMME_RULES_MAX ||
        (programme->tier_count > 0) != (programme->measure != MEASURE_NONE) ||
        (programme->tier_count > 0 && programme->tier_period == PERIOD_NONE)) {
        return false;
    }
    for (size_t i = 0; i < programme->tier_count; i += 1) {
        const struct programme_tier *tier = &programme->tiers[i];
        if (i == 0 ? tier->from != 0 : tier->from <= tier[-1].from) {
            return false;
        }
    }
    for (size_t i = 0; i < programme->mark_count; i += 1) {
        if (!is_within(programme->marks[i].number, 1, PROGRAMME_MARKS_MAX)) {
            return false;
        }
    }
    return true;
}

static bool has_mark(const struct programme *programme, uint8_t number)
{
    return *id_of(programme->marks, programme->mark_count, number) != '\0';
}

static bool money_is_valid(const struct programme *programme, const struct effect_money *effect)
{
    return !effect->is_set || (is_within(effect->of, 0, (int64_t)programme->product_count) &&
                               is_within(effect->percent_hundredths, 0, PERCENT_WHOLE) &&
                               is_within(effect->fixed.rials, 0, MONEY_MAX_RIALS) &&
                               is_within(effect->max.rials, 0, MONEY_MAX_RIALS));
}

static bool rule_is_valid(const struct programme *programme, const struct programme_rule *rule)
{
    const struct effect_award *award = &rule->award;
    return (rule->once == 0 || has_mark(programme, rule->once)) &&
           money_is_valid(programme, &rule->rebate) && money_is_valid(programme, &rule->cashback) &&
           (!award->is_set || (is_within(award->of, 0, (int64_t)programme->product_count) &&
                               is_within(award->points.n, 0, POINTS_MAX) &&
                               is_within(award->per.rials, 0, MONEY_MAX_RIALS) &&
                               is_within(award->max.n, 0, POINTS_MAX))) &&
           is_within(rule->stamps.n, 0, PROGRAMME_STAMPS_MAX) &&
           (rule->say_fa == NULL) == (rule->say_en == NULL);
}

bool programme_is_valid(const struct programme *programme)
{
    if (!head_is_valid(programme) || !amounts_are_valid(programme) || !lists_are_valid(programme) ||
        !kinds_are_valid(programme) || !bonus_is_valid(programme)) {
        return false;
    }
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        if (!rule_is_valid(programme, &programme->rules[i])) {
            return false;
        }
    }
    return programme_most_points(programme) <= POINTS_MAX &&
           programme_most_cashback(programme) <= MONEY_MAX_RIALS;
}
