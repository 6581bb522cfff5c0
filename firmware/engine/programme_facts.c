#include "firmware/engine/programme_facts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* --- slots ---------------------------------------------------------------------------------- */

static size_t lines_at(void)
{
    return FACTS_FIXED;
}

static size_t codes_at(const struct programme *programme)
{
    return lines_at() + 2 * programme->product_count;
}

static size_t marks_at(const struct programme *programme)
{
    return codes_at(programme) + programme->code_count;
}

static size_t calendars_at(const struct programme *programme)
{
    return marks_at(programme) + programme->mark_count;
}

size_t programme_fact_count(const struct programme *programme)
{
    return calendars_at(programme) + programme->calendar_count;
}

size_t programme_fact_line_amount(const struct programme *programme, size_t product)
{
    assert(product < programme->product_count);
    return lines_at() + 2 * product;
}

size_t programme_fact_line_quantity(const struct programme *programme, size_t product)
{
    return programme_fact_line_amount(programme, product) + 1;
}

size_t programme_fact_code(const struct programme *programme, size_t code)
{
    assert(code < programme->code_count);
    return codes_at(programme) + code;
}

size_t programme_fact_mark(const struct programme *programme, size_t mark)
{
    assert(mark < programme->mark_count);
    return marks_at(programme) + mark;
}

size_t programme_fact_calendar(const struct programme *programme, size_t calendar)
{
    assert(calendar < programme->calendar_count);
    return calendars_at(programme) + calendar;
}

/* --- what each is --------------------------------------------------------------------------- */

/* Purses on the card hold 36 and 30 bits; the card's mean and sums count in 1,000 rials (facts.h).
 */
#define MONEY_MAX        MONEY_MAX_RIALS
#define SMALL_PURSE_MAX  ((INT64_C(1) << 30) - 1)
#define BASKET_MEAN_MAX  (((INT64_C(1) << 22) - 1) * 1000)
#define PERIOD_SPEND_MAX (((INT64_C(1) << 27) - 1) * 1000)
#define PERIOD_EARN_MAX  ((INT64_C(1) << 23) - 1)
#define INTERVAL_MAX     512 /* days; the card's largest is 511.75 */
#define AGE_MAX          (CALENDAR_JALALI_MAX - CALENDAR_JALALI_MIN)

enum { BOTH = SCOPE_SALE | SCOPE_NEWCOMER };

static const struct fixed_fact {
    const char *path;
    enum logic_kind kind;
    int64_t lo, hi; /* NUMBER: whole */
    uint32_t module, uses;
    uint8_t scopes; /* enum fact_scope */
} fixed_facts[FACTS_FIXED] = {
    [FACT_SALE_AMOUNT] = {"sale.amount", LOGIC_NUMBER, 1, MONEY_MAX, 0, 0, SCOPE_SALE},
    [FACT_SALE_PAY_CREDIT] = {"sale.pay_credit", LOGIC_NUMBER, 0, MONEY_MAX, MODULE_CREDIT, 0,
                              SCOPE_SALE},
    [FACT_SALE_REDEEM] = {"sale.redeem", LOGIC_NUMBER, 0, POINTS_MAX, MODULE_REDEMPTION, 0,
                          SCOPE_SALE},
    [FACT_CARD_POINTS] = {"card.points", LOGIC_NUMBER, 0, POINTS_MAX, MODULE_POINTS, 0, SCOPE_SALE},
    [FACT_CARD_CREDIT] = {"card.credit", LOGIC_NUMBER, 0, MONEY_MAX, MODULE_CREDIT, 0, SCOPE_SALE},
    [FACT_CARD_GIFT] = {"card.gift", LOGIC_NUMBER, 0, SMALL_PURSE_MAX, 0, 0, SCOPE_SALE},
    [FACT_CARD_VOUCHER] = {"card.voucher", LOGIC_NUMBER, 0, SMALL_PURSE_MAX, 0, 0, SCOPE_SALE},
    [FACT_CARD_STAMPS] = {"card.stamps", LOGIC_NUMBER, 0, PROGRAMME_STAMPS_MAX, MODULE_STAMPS, 0,
                          SCOPE_SALE},
    [FACT_CARD_COUNTER] = {"card.counter", LOGIC_NUMBER, 1, SNAPSHOT_COUNTER_MAX, 0, 0, SCOPE_SALE},
    [FACT_CARD_KIND] = {"card.kind", LOGIC_STRING, 0, 0, 0, USES_IDENTITY, BOTH},
    [FACT_MEMBER_TIER] = {"member.tier", LOGIC_STRING, 0, 0, MODULE_TIERS, 0, SCOPE_SALE},
    [FACT_MEMBER_GROUP] = {"member.group", LOGIC_STRING, 0, 0, 0, 0, SCOPE_SALE},
    [FACT_MEMBER_DAYS_TO_BIRTHDAY] = {"member.days_to_birthday", LOGIC_NUMBER, -1, 366, 0,
                                      USES_IDENTITY, BOTH},
    [FACT_MEMBER_DAYS_TO_WEDDING] = {"member.days_to_wedding", LOGIC_NUMBER, -1, 366, 0,
                                     USES_IDENTITY, BOTH},
    [FACT_MEMBER_AGE] = {"member.age", LOGIC_NUMBER, -1, AGE_MAX, 0, USES_IDENTITY, BOTH},
    [FACT_MEMBER_ACCOUNT] = {"member.account", LOGIC_STRING, 0, 0, 0, 0, SCOPE_NEWCOMER},
    [FACT_MEMBER_ROUTE] = {"member.route", LOGIC_STRING, 0, 0, 0, 0, SCOPE_NEWCOMER},
    [FACT_HISTORY_KNOWN] = {"history.known", LOGIC_BOOL, 0, 0, 0, USES_FACTS, SCOPE_SALE},
    [FACT_HISTORY_VISITS] = {"history.visits", LOGIC_NUMBER, 0, 4095, 0, USES_FACTS, SCOPE_SALE},
    [FACT_HISTORY_DAYS_SINCE_VISIT] = {"history.days_since_visit", LOGIC_NUMBER, -1, 32767, 0,
                                       USES_FACTS, SCOPE_SALE},
    [FACT_HISTORY_MEAN_INTERVAL] = {"history.mean_interval", LOGIC_NUMBER, 0, INTERVAL_MAX, 0,
                                    USES_FACTS, SCOPE_SALE},
    [FACT_HISTORY_MEAN_BASKET] = {"history.mean_basket", LOGIC_NUMBER, 0, BASKET_MEAN_MAX, 0,
                                  USES_FACTS, SCOPE_SALE},
    [FACT_HISTORY_PERIOD_SPEND] = {"history.period_spend", LOGIC_NUMBER, 0, PERIOD_SPEND_MAX, 0,
                                   USES_FACTS, SCOPE_SALE},
    [FACT_HISTORY_PERIOD_EARNED] = {"history.period_earned", LOGIC_NUMBER, 0, PERIOD_EARN_MAX,
                                    MODULE_POINTS, USES_FACTS, SCOPE_SALE},
    [FACT_CALENDAR_KNOWN] = {"calendar.known", LOGIC_BOOL, 0, 0, 0, 0, BOTH},
    [FACT_CALENDAR_JALALI_YEAR] = {"calendar.jalali_year", LOGIC_NUMBER, 0, CALENDAR_JALALI_MAX, 0,
                                   0, BOTH},
    [FACT_CALENDAR_JALALI_MONTH] = {"calendar.jalali_month", LOGIC_NUMBER, 0, 12, 0, 0, BOTH},
    [FACT_CALENDAR_JALALI_DAY] = {"calendar.jalali_day", LOGIC_NUMBER, 0, 31, 0, 0, BOTH},
    [FACT_CALENDAR_YEAR] = {"calendar.year", LOGIC_NUMBER, 0, 9999, 0, 0, BOTH},
    [FACT_CALENDAR_MONTH] = {"calendar.month", LOGIC_NUMBER, 0, 12, 0, 0, BOTH},
    [FACT_CALENDAR_DAY] = {"calendar.day", LOGIC_NUMBER, 0, 31, 0, 0, BOTH},
    [FACT_CALENDAR_WEEKDAY] = {"calendar.weekday", LOGIC_NUMBER, 0, 6, 0, 0, BOTH},
    [FACT_CALENDAR_HOUR] = {"calendar.hour", LOGIC_NUMBER, 0, 23, 0, 0, BOTH},
    [FACT_CALENDAR_MINUTE] = {"calendar.minute", LOGIC_NUMBER, 0, 59, 0, 0, BOTH},
    [FACT_PLACE_MERCHANT] = {"place.merchant", LOGIC_NUMBER, 0, UINT32_MAX, 0, 0, BOTH},
    [FACT_PLACE_BRANCH] = {"place.branch", LOGIC_NUMBER, 0, UINT32_MAX, 0, 0, BOTH},
    [FACT_PLACE_TERMINAL] = {"place.terminal", LOGIC_NUMBER, 0, SNAPSHOT_TERMINAL_MAX, 0, 0, BOTH},
};

/* The least that a fact may be is what it is when nothing is known, but for these two. */
static int64_t unknown_value(size_t slot)
{
    return slot == FACT_SALE_AMOUNT || slot == FACT_CARD_COUNTER ? 1 : fixed_facts[slot].lo;
}

void programme_facts_default(const struct programme *programme,
                             struct logic_value ret_values[PROGRAMME_FACTS_MAX])
{
    for (size_t i = 0; i < FACTS_FIXED; i += 1) {
        const struct fixed_fact *fact = &fixed_facts[i];
        ret_values[i] = fact->kind == LOGIC_BOOL     ? logic_bool(false)
                        : fact->kind == LOGIC_STRING ? logic_text("", 0)
                                                     : logic_whole(unknown_value(i));
    }
    for (size_t i = lines_at(); i < codes_at(programme); i += 1) {
        ret_values[i] = logic_whole(0);
    }
    for (size_t i = codes_at(programme); i < programme_fact_count(programme); i += 1) {
        ret_values[i] = logic_bool(false);
    }
}

/* --- the table ------------------------------------------------------------------------------ */

static void put_number(struct programme_facts *facts, size_t slot, int64_t lo, int64_t hi)
{
    facts->table[slot].kind = LOGIC_NUMBER;
    facts->table[slot].lo = lo * LOGIC_ONE;
    facts->table[slot].hi = hi * LOGIC_ONE;
}

static void put_bools(struct programme_facts *facts, size_t slot, const char *list, const char *ids,
                      size_t stride, size_t count, uint32_t uses, uint8_t scopes)
{
    for (size_t i = 0; i < count; i += 1) {
        (void)snprintf(facts->paths[slot + i], PROGRAMME_FACT_PATH_MAX, "%s.%s", list,
                       ids + i * stride);
        facts->table[slot + i].kind = LOGIC_BOOL;
        facts->uses[slot + i] = uses;
        facts->scopes[slot + i] = scopes;
    }
}

void programme_facts_table(const struct programme *programme, struct programme_facts *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->count = programme_fact_count(programme);
    for (size_t i = 0; i < FACTS_FIXED; i += 1) {
        const struct fixed_fact *fact = &fixed_facts[i];
        (void)snprintf(ret->paths[i], PROGRAMME_FACT_PATH_MAX, "%s", fact->path);
        put_number(ret, i, fact->lo, fact->hi);
        ret->table[i].kind = fact->kind;
        ret->modules[i] = fact->module;
        ret->uses[i] = fact->uses;
        ret->scopes[i] = fact->scopes;
    }
    for (size_t i = 0; i < programme->product_count; i += 1) {
        size_t amount = programme_fact_line_amount(programme, i);
        size_t quantity = programme_fact_line_quantity(programme, i);
        const char *id = programme->products[i].id;
        (void)snprintf(ret->paths[amount], PROGRAMME_FACT_PATH_MAX, "lines.%s.amount", id);
        (void)snprintf(ret->paths[quantity], PROGRAMME_FACT_PATH_MAX, "lines.%s.quantity", id);
        put_number(ret, amount, 0, MONEY_MAX);
        put_number(ret, quantity, 0, PROGRAMME_QUANTITY_MAX_MILLI / 1000);
        ret->scopes[amount] = ret->scopes[quantity] = SCOPE_SALE;
    }
    put_bools(ret, codes_at(programme), "code", programme->codes[0].id, sizeof programme->codes[0],
              programme->code_count, 0, SCOPE_SALE);
    put_bools(ret, marks_at(programme), "mark", programme->marks[0].id, sizeof programme->marks[0],
              programme->mark_count, USES_FACTS, SCOPE_SALE);
    put_bools(ret, calendars_at(programme), "on", programme->calendars[0].id,
              sizeof programme->calendars[0], programme->calendar_count, 0, BOTH);
    for (size_t i = 0; i < ret->count; i += 1) {
        ret->table[i].path = ret->paths[i];
    }
}
