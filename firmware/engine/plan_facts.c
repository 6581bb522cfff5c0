#include <assert.h>
#include <string.h>

#include "firmware/engine/particulars.h"
#include "firmware/engine/plan_priv.h"

enum {
    MINUTES_OF_A_DAY = 1440,
    MINUTES_OF_AN_HOUR = 60,
    THOUSAND = 1000,
    QUARTERS_OF_A_DAY = 4,
};

struct facts_rules plan_facts_rules(const struct programme *programme)
{
    return (struct facts_rules){.utc_offset_minutes = programme->utc_offset_minutes,
                                .tiers = programme->tier_period,
                                .expiry = programme->expiry};
}

uint16_t plan_day(const struct plan_input *input)
{
    const struct facts_rules rules = plan_facts_rules(input->programme);
    return facts_day(&rules, input->minute);
}

const struct facts *plan_facts(const struct plan_input *input)
{
    const struct occasion *occasion = input->occasion;
    /* A new card has what another one remembered, as if it had its first transaction. */
    const bool is_taken_over = input->wish.kind == TRANSACTION_DUPLICATE;
    const uint32_t counter = input->history_count > 0 ? input->history[0].counter
                             : is_taken_over          ? 1
                                                      : 0;
    bool is_known = occasion != NULL && occasion->has_facts && occasion->facts.counter == counter;
    return is_known ? &occasion->facts : NULL;
}

/* Only a later period is another one: a clock set back changes nothing. */
static bool is_new_period(const struct plan_input *input, const struct facts *facts, uint16_t day)
{
    const struct facts_rules rules = plan_facts_rules(input->programme);
    return day != 0 && facts->last_day != 0 && day > facts->last_day &&
           !facts_same_period(&rules, day, facts->last_day);
}

struct plan_period plan_period(const struct plan_input *input, const struct facts *facts)
{
    if (is_new_period(input, facts, plan_day(input))) {
        return (struct plan_period){0, 0};
    }
    return (struct plan_period){(int64_t)facts->spend * THOUSAND, facts->earned};
}

/* --- slots --------------------------------------------------------------------------------- */

static struct logic_value text(const char *id)
{
    return logic_text(id, strlen(id));
}

static void fill_card(const struct plan_input *input, struct logic_value *values)
{
    const struct snapshot *card = &input->history[0];
    const struct programme *programme = input->programme;

    values[FACT_SALE_AMOUNT] = logic_whole(input->wish.amount.rials);
    values[FACT_SALE_PAY_CREDIT] = logic_whole(input->wish.pay_credit.rials);
    values[FACT_SALE_REDEEM] = /* more is refused */
        logic_whole(input->wish.redeem.n < POINTS_MAX ? input->wish.redeem.n : POINTS_MAX);
    values[FACT_CARD_POINTS] = logic_whole(card->points.n);
    values[FACT_CARD_CREDIT] = logic_whole(card->purse[PURSE_CREDIT].rials);
    values[FACT_CARD_GIFT] = logic_whole(card->purse[PURSE_GIFT].rials);
    values[FACT_CARD_VOUCHER] = logic_whole(card->purse[PURSE_VOUCHER].rials);
    values[FACT_CARD_STAMPS] = logic_whole(card->stamps);
    values[FACT_CARD_COUNTER] = logic_whole(card->counter);
    values[FACT_MEMBER_TIER] = text(programme_tier_id(programme, card->tier));
    values[FACT_MEMBER_GROUP] = text(programme_group_id(programme, card->group));
}

static void fill_history(const struct plan_input *input, const struct facts *facts,
                         struct logic_value *values)
{
    const struct programme *programme = input->programme;
    uint16_t day = plan_day(input);
    struct plan_period period = plan_period(input, facts);
    int64_t since = -1;

    if (day != 0 && facts->last_day != 0) { /* A clock set back makes no new visit. */
        since = day > facts->last_day ? day - facts->last_day : 0;
    }
    values[FACT_HISTORY_KNOWN] = logic_bool(true);
    values[FACT_HISTORY_VISITS] = logic_whole(facts->visits);
    values[FACT_HISTORY_DAYS_SINCE_VISIT] = logic_whole(since);
    values[FACT_HISTORY_MEAN_INTERVAL] =
        logic_scaled((int64_t)facts->interval * (LOGIC_ONE / QUARTERS_OF_A_DAY));
    values[FACT_HISTORY_MEAN_BASKET] = logic_whole((int64_t)facts->basket * THOUSAND);
    values[FACT_HISTORY_PERIOD_SPEND] = logic_whole(period.spend);
    values[FACT_HISTORY_PERIOD_EARNED] = logic_whole(period.earned);
    for (size_t i = 0; i < programme->mark_count; i += 1) {
        bool is_set = facts_mark_is_set(facts, programme->marks[i].number, day);
        values[programme_fact_mark(programme, i)] = logic_bool(is_set);
    }
}

static void fill_calendar(const struct plan_input *input, struct logic_value *values)
{
    const struct programme *programme = input->programme;
    int32_t day = (int32_t)plan_day(input) - 1; /* calendar.h's */
    if (day < 0) {
        return;
    }
    int64_t minute = ((int64_t)input->minute + programme->utc_offset_minutes) % MINUTES_OF_A_DAY;
    struct date jalali = calendar_jalali(day);
    struct date date = calendar_gregorian(day);

    values[FACT_CALENDAR_KNOWN] = logic_bool(true);
    values[FACT_CALENDAR_JALALI_YEAR] = logic_whole(jalali.year);
    values[FACT_CALENDAR_JALALI_MONTH] = logic_whole(jalali.month);
    values[FACT_CALENDAR_JALALI_DAY] = logic_whole(jalali.day);
    values[FACT_CALENDAR_YEAR] = logic_whole(date.year);
    values[FACT_CALENDAR_MONTH] = logic_whole(date.month);
    values[FACT_CALENDAR_DAY] = logic_whole(date.day);
    values[FACT_CALENDAR_WEEKDAY] = logic_whole(calendar_weekday(day));
    values[FACT_CALENDAR_HOUR] = logic_whole(minute / MINUTES_OF_AN_HOUR);
    values[FACT_CALENDAR_MINUTE] = logic_whole(minute % MINUTES_OF_AN_HOUR);
    for (size_t i = 0; i < programme->calendar_count; i += 1) {
        bool has = programme_calendar_has(&programme->calendars[i], day);
        values[programme_fact_calendar(programme, i)] = logic_bool(has);
    }
}

static void fill_identity(const struct plan_input *input, struct logic_value *values)
{
    const struct occasion *occasion = input->occasion;
    int32_t day = (int32_t)plan_day(input) - 1;

    values[FACT_CARD_KIND] = text(programme_kind_id(input->programme, occasion->kind));
    if (day >= 0 && occasion->birthday != 0) {
        values[FACT_MEMBER_DAYS_TO_BIRTHDAY] =
            logic_whole(calendar_days_to_anniversary(occasion->birthday, day));
    }
    if (day >= 0 && occasion->birthday != 0) {
        const int32_t age = calendar_years_since(occasion->birthday, day);
        values[FACT_MEMBER_AGE] = logic_whole(age < 0 ? -1 : age);
    }
    if (day >= 0 && occasion->wedding != 0) {
        values[FACT_MEMBER_DAYS_TO_WEDDING] =
            logic_whole(calendar_days_to_anniversary(occasion->wedding, day));
    }
}

static void fill_place(const struct plan_input *input, struct logic_value *values)
{
    values[FACT_PLACE_TERMINAL] = logic_whole(input->terminal);
    if (input->occasion != NULL) {
        values[FACT_PLACE_MERCHANT] = logic_whole(input->occasion->merchant);
        values[FACT_PLACE_BRANCH] = logic_whole(input->occasion->branch);
    }
}

static void fill_basket(const struct plan_input *input, struct logic_value *values)
{
    const struct programme *programme = input->programme;
    const struct occasion *occasion = input->occasion;

    if (occasion->code != 0) {
        values[programme_fact_code(programme, occasion->code - 1U)] = logic_bool(true);
    }
    for (size_t i = 0; i < occasion->line_count; i += 1) {
        const struct basket_line *line = &occasion->lines[i];
        int place = programme_product_place(programme, line->product);
        if (line->product != 0 && place >= 0) {
            values[programme_fact_line_amount(programme, (size_t)place)] =
                logic_whole(line->amount.rials);
            values[programme_fact_line_quantity(programme, (size_t)place)] =
                logic_scaled((int64_t)line->milli * (LOGIC_ONE / THOUSAND));
        }
    }
}

void plan_facts_fill(const struct plan_input *input,
                     struct logic_value ret_values[PROGRAMME_FACTS_MAX])
{
    const struct facts *facts = plan_facts(input);

    programme_facts_default(input->programme, ret_values);
    fill_card(input, ret_values);
    fill_place(input, ret_values);
    fill_calendar(input, ret_values);
    if (facts != NULL) {
        fill_history(input, facts, ret_values);
    }
    if (input->occasion != NULL) {
        fill_basket(input, ret_values);
    }
    if (input->occasion != NULL && input->occasion->has_identity) {
        fill_identity(input, ret_values);
    }
}

/* --- group --------------------------------------------------------------------------------- */

/* The slots that a group's rule may ask. */
static void fill_newcomer(const struct plan_input *input,
                          struct logic_value ret_values[PROGRAMME_FACTS_MAX])
{
    const struct newcomer *newcomer = &input->occasion->newcomer;
    programme_facts_default(input->programme, ret_values);
    fill_place(input, ret_values);
    fill_calendar(input, ret_values);
    if (input->occasion->has_identity) {
        fill_identity(input, ret_values);
    }
    ret_values[FACT_MEMBER_ACCOUNT] = text(account_kind_word(newcomer->account));
    ret_values[FACT_MEMBER_ROUTE] = text(join_route_word(newcomer->route));
}

uint8_t plan_group(const struct plan_input *input)
{
    const struct programme *programme = input->programme;
    struct logic_value values[PROGRAMME_FACTS_MAX];
    if (input->occasion == NULL || !input->occasion->has_newcomer) {
        return 0;
    }
    if (input->occasion->newcomer.group != 0) {
        return input->occasion->newcomer.group;
    }
    fill_newcomer(input, values);
    for (size_t i = 0; i < programme->group_count; i += 1) {
        const struct programme_group_rule *rule = &programme->group_rules[i];
        bool holds = rule->is_set && rule->when == 0;
        if (rule->is_set && rule->when != 0 &&
            logic_eval(programme->logic, rule->when, values, programme_fact_count(programme),
                       &holds) != ST_OK) {
            holds = false; /* an overflow, a division by 0: as in a sale */
        }
        if (holds) {
            return programme->groups[i].number;
        }
    }
    return 0;
}

uint8_t plan_group_of(const struct programme *programme, const struct occasion *occasion,
                      uint32_t minute, uint32_t terminal)
{
    const struct plan_input input = {
        .programme = programme, .occasion = occasion, .minute = minute, .terminal = terminal};
    return plan_group(&input);
}

/* --- tier ---------------------------------------------------------------------------------- */

/* 1 + the place of the last tier whose threshold the value reaches. */
static uint8_t level(const struct programme *programme, int64_t value)
{
    size_t at = 0;
    while (at < programme->tier_count && programme->tiers[at].from <= value) {
        at += 1;
    }
    return (uint8_t)at;
}

static uint8_t higher(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

/* What the card reached in the period just before this one; 0 when it was not there then. */
static int64_t last_period_value(const struct plan_input *input, const struct facts *facts)
{
    const struct programme *programme = input->programme;
    int32_t now = calendar_period(programme->tier_period, (int32_t)plan_day(input) - 1);
    int32_t then = calendar_period(programme->tier_period, (int32_t)facts->last_day - 1);
    if (now - then > 1) {
        return 0;
    }
    return programme->measure == MEASURE_SPEND ? (int64_t)facts->spend * THOUSAND : facts->earned;
}

uint8_t plan_tier(const struct plan_input *input, const struct breakdown *parts,
                  struct points points_after)
{
    const struct programme *programme = input->programme;
    const struct facts *facts = plan_facts(input);
    uint16_t day = plan_day(input);
    uint8_t tier = input->history[0].tier;

    if (programme->measure == MEASURE_NONE || facts == NULL || day == 0) {
        return tier;
    }
    if (programme->measure == MEASURE_POINTS) {
        uint8_t now = level(programme, points_after.n);
        return programme->tiers_fall ? now : higher(tier, now);
    }
    struct plan_period period = plan_period(input, facts);
    int64_t net = parts->amount.rials - parts->rebate.rials;
    int64_t value = programme->measure == MEASURE_SPEND ? period.spend + net / THOUSAND * THOUSAND
                                                        : period.earned + parts->award.n;
    uint8_t now = level(programme, value);
    if (programme->tiers_fall && is_new_period(input, facts, day)) {
        return higher(level(programme, last_period_value(input, facts)), now);
    }
    return higher(tier, now);
}
