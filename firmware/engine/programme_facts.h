/* programme_facts.h - what a rule's condition may ask: docs/programme.md section 2, as slots.
 *
 * Pure. A condition names a fact by its path ("sale.amount"); compiled, it reads a slot of an array
 * of logic_values that the plan fills before it judges. First come the fixed slots of enum fact,
 * then those of the programme's own lists. A plan need only fill what it has: start with
 * programme_facts_default(), which gives every slot the value that docs/programme.md has for "not
 * known". */
#ifndef FIRMWARE_ENGINE_PROGRAMME_FACTS_H
#define FIRMWARE_ENGINE_PROGRAMME_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/logic.h"
#include "firmware/engine/programme.h"

/* In the comments: the value's type and unit; rials and points are whole numbers (logic_whole). */
enum fact {
    FACT_SALE_AMOUNT,     /* rials */
    FACT_SALE_PAY_CREDIT, /* rials */
    FACT_SALE_REDEEM,     /* points */
    FACT_CARD_POINTS,
    FACT_CARD_CREDIT, /* rials */
    FACT_CARD_GIFT,
    FACT_CARD_VOUCHER,
    FACT_CARD_STAMPS,
    FACT_CARD_COUNTER,
    FACT_CARD_KIND,               /* text: programme_kind_id() */
    FACT_MEMBER_TIER,             /* text: programme_tier_id() */
    FACT_MEMBER_GROUP,            /* text: programme_group_id() */
    FACT_MEMBER_DAYS_TO_BIRTHDAY, /* -1..366 */
    FACT_MEMBER_DAYS_TO_WEDDING,
    FACT_MEMBER_AGE,     /* years, -1.. */
    FACT_MEMBER_ACCOUNT, /* text: account_kind_word() */
    FACT_MEMBER_ROUTE,   /* text: join_route_word() */
    FACT_HISTORY_KNOWN,  /* bool */
    FACT_HISTORY_VISITS,
    FACT_HISTORY_DAYS_SINCE_VISIT, /* -1.. */
    FACT_HISTORY_MEAN_INTERVAL, /* days: LOGIC_ONE / 4 for each of facts.interval (logic_scaled) */
    FACT_HISTORY_MEAN_BASKET,   /* rials: 1,000 for each of facts.basket */
    FACT_HISTORY_PERIOD_SPEND,  /* rials: 1,000 for each of facts.spend */
    FACT_HISTORY_PERIOD_EARNED, /* points */
    FACT_CALENDAR_KNOWN,        /* bool */
    FACT_CALENDAR_JALALI_YEAR,
    FACT_CALENDAR_JALALI_MONTH,
    FACT_CALENDAR_JALALI_DAY,
    FACT_CALENDAR_YEAR,
    FACT_CALENDAR_MONTH,
    FACT_CALENDAR_DAY,
    FACT_CALENDAR_WEEKDAY, /* 0 = Saturday */
    FACT_CALENDAR_HOUR,
    FACT_CALENDAR_MINUTE,
    FACT_PLACE_MERCHANT,
    FACT_PLACE_BRANCH,
    FACT_PLACE_TERMINAL,
    FACTS_FIXED,
};

enum {
    /* lines.<product>.amount and .quantity, code.<id>, mark.<id>, on.<calendar> */
    PROGRAMME_FACTS_MAX = FACTS_FIXED + 2 * PROGRAMME_PRODUCTS_MAX + PROGRAMME_CODES_MAX +
                          PROGRAMME_MARKS_MAX + PROGRAMME_CALENDARS_MAX,
    /* "lines." + an id + ".quantity" + NUL */
    PROGRAMME_FACT_PATH_MAX = 6 + PROGRAMME_ID_MAX + 9,
};

/* Largest quantity of a product group in one basket, in thousandths. */
#define PROGRAMME_QUANTITY_MAX_MILLI UINT32_C(4000000000)

/* Slots in use: FACTS_FIXED and those of the lists. */
size_t programme_fact_count(const struct programme *programme);

/* Slots of the programme's lists by place (0-based). A place beyond the list is a bug. */
size_t programme_fact_line_amount(const struct programme *programme, size_t product);   /* rials */
size_t programme_fact_line_quantity(const struct programme *programme, size_t product); /* number:
                                        LOGIC_ONE / 1000 for each thousandth (logic_scaled) */
size_t programme_fact_code(const struct programme *programme, size_t code);             /* bool */
size_t programme_fact_mark(const struct programme *programme, size_t mark);             /* bool */
size_t programme_fact_calendar(const struct programme *programme, size_t calendar);     /* bool */

/* Fills all slots with what holds when nothing is known: 0, false, "", and -1 for days. */
void programme_facts_default(const struct programme *programme,
                             struct logic_value ret_values[PROGRAMME_FACTS_MAX]);

/* Whose conditions may ask a fact. */
enum fact_scope {
    SCOPE_SALE = 1,     /* a rule's */
    SCOPE_NEWCOMER = 2, /* a group's, when somebody joins */
};

/* The table that conditions are compiled against, with the paths; for the loader and for tools.
 * `paths` holds the text that table[i].path points to. */
struct programme_facts {
    size_t count;
    struct logic_fact table[PROGRAMME_FACTS_MAX];
    uint32_t modules[PROGRAMME_FACTS_MAX]; /* enum module that a condition on it needs; 0 = none */
    uint32_t uses[PROGRAMME_FACTS_MAX];    /* enum programme_uses */
    uint8_t scopes[PROGRAMME_FACTS_MAX];   /* enum fact_scope */
    char paths[PROGRAMME_FACTS_MAX][PROGRAMME_FACT_PATH_MAX];
};

void programme_facts_table(const struct programme *programme, struct programme_facts *ret);

#endif
