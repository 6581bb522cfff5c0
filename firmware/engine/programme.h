/* programme.h - the club's rules as data, loaded and checked: docs/programme.md is the manual.
 *
 * A document is loaded whole into one block of memory, or refused whole, by the line, the rule and
 * the field that is wrong, and the old one stays in force. Afterwards it never changes and nothing
 * allocates, so that any number of threads may read it. One C library for terminal and club, so
 * that both compute the same (invariant I5).
 *
 * Everything here is public and plain, so that a test may build a programme by hand: zero it, fill
 * what it needs, point `rules` and `logic` at its own arrays. programme_is_valid() says whether
 * that holds together. */
#ifndef FIRMWARE_ENGINE_PROGRAMME_H
#define FIRMWARE_ENGINE_PROGRAMME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/calendar.h"
#include "firmware/engine/limits.h"
#include "firmware/engine/logic.h"
#include "firmware/engine/money.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/status.h"

/* Bounds of a document. They keep a programme within memory, and numbers within what a card and a
 * journal carry (docs/card-layout.md). */
enum {
    PROGRAMME_FORMAT = 2, /* "vafa_programme" of a document that this firmware reads */
    PROGRAMME_TEXT_MAX = 1048576,
    PROGRAMME_DEPTH_MAX = 40, /* objects and lists within each other */
    PROGRAMME_RULES_MAX = 1024,
    PROGRAMME_NAME_MAX = 48, /* club, with its NUL */
    PROGRAMME_ID_MAX = 32,   /* an id, with its NUL */
    PROGRAMME_CODE_MAX = 25, /* a discount code, with its NUL */
    PROGRAMME_SAY_MAX = 96,  /* a rule's sentence, with its NUL */
    PROGRAMME_TIERS_MAX = 15,
    PROGRAMME_GROUPS_MAX = 64,
    PROGRAMME_KINDS_MAX = 16,
    PROGRAMME_PRODUCTS_MAX = 32,
    PROGRAMME_CALENDARS_MAX = 32,
    PROGRAMME_CODES_MAX = 64,
    PROGRAMME_MARKS_MAX = 26,
    PROGRAMME_MARKS_YEAR = 13, /* marks 1..13 are of a year, 14..26 for ever */
    PROGRAMME_STAMPS_MAX = 15,
    PROGRAMME_HOLD_DAYS_MAX = 31,
    PROGRAMME_POINT_VALUE_MAX = 1000000000, /* times POINTS_MAX it stays within 64 bits */
    PROGRAMME_SMALL_PURSE_MAX = 1073741823, /* gift and voucher have 30 bits on the card */
    PROGRAMME_STEP_MAX = 1000000,           /* rials that a rebate is rounded down to */
    PROGRAMME_BONUS_MAX = 8,                /* steps of a load's bonus */
    PROGRAMME_BRANCHES_MAX = 16,            /* where cards of a kind may spend */
    PROGRAMME_VALID_DAYS_MAX = 36500,
    PERCENT_WHOLE = 10000, /* 100 %, in hundredths of a percent */
};

/* What amounts are shown in, on screens and paper only: 1 toman = 10 rials. */
enum programme_unit { UNIT_RIAL = 1, UNIT_TOMAN = 2 };

/* What a member's tier is judged by. */
enum measure { MEASURE_NONE, MEASURE_EARNED, MEASURE_SPEND, MEASURE_POINTS };

/* What counts when several rules of a kind hold: all; the largest, the earlier one when equal; the
 * first in the document that comes to more than 0. */
enum stacking { STACK_SUM, STACK_BEST, STACK_FIRST };

/* Bits of programme.modules. */
enum module {
    MODULE_POINTS = 1,
    MODULE_REDEMPTION = 2,
    MODULE_CREDIT = 4,
    MODULE_REBATE = 8,
    MODULE_CASHBACK = 16,
    MODULE_STAMPS = 32,
    MODULE_TIERS = 64,
    MODULE_MARKS = 128,
    MODULE_CODES = 256,
    MODULE_EXPIRY = 512,
    MODULE_GIFT = 1024,
    MODULE_VOUCHER = 2048,
};

/* Bits of programme.uses: what a plan looks at, so that a terminal reads no more from a card. */
enum programme_uses {
    USES_IDENTITY =
        1,          /* a condition names the card's kind, birthday or wedding day; gift, voucher */
    USES_FACTS = 2, /* a condition names history or marks; a rule has `once`; tiers; expiry */
    USES_HISTORY = 4, /* hold_days > 0: the card's ring of snapshots */
};

/* The rules' words for numbers on cards and in journals: a number keeps its meaning for ever. */
struct programme_name {
    char id[PROGRAMME_ID_MAX];
    uint8_t number; /* group 1..255, kind 0..15, mark 1..26 */
};

/* Whom a group takes by itself. Not set: members come to it by hand, or by a sale's rule. */
struct programme_group_rule {
    bool is_set;
    uint16_t when; /* root in programme.logic; 0 = everybody */
};

/* An opening amount, both included. Not set: what the kind does not say. */
struct opening {
    bool is_set;
    struct money min, max;
};

/* What cards of a kind carry. All zeros: as if the list did not say. */
struct programme_kind_terms {
    char name_fa[PROGRAMME_SAY_MAX], name_en[PROGRAMME_SAY_MAX]; /* for people; "" = its id */
    struct opening credit;                                       /* not set: 0..opening_max */
    struct opening gift;                                         /* not set: none */
    uint16_t valid_days;  /* from the day of issue, 0 = for ever */
    uint8_t branch_count; /* where gift and voucher may be spent; 0 = everywhere */
    uint32_t branches[PROGRAMME_BRANCHES_MAX];
};

/* A load of at least `from` earns this much of itself. */
struct programme_bonus {
    struct money from;
    uint16_t percent_hundredths;
};

/* Number on the card: 1 + place in the list; 0 = never judged. */
struct programme_tier {
    char id[PROGRAMME_ID_MAX];
    int64_t from; /* rials (spend) or points; 0 for the first, rising strictly */
};

struct programme_product {
    char id[PROGRAMME_ID_MAX];
    uint8_t number; /* 1..255 */
    bool earns;     /* points and cashback */
};

/* Days as calendar.h counts them: 0 is 2024-01-01; earlier ones are negative. Both included. */
struct programme_calendar {
    char id[PROGRAMME_ID_MAX];
    int32_t from_day, to_day;
    uint8_t weekdays; /* bit 0 = Saturday .. bit 6 = Friday; never 0 */
};

struct programme_code {
    char id[PROGRAMME_ID_MAX];
    char code[PROGRAMME_CODE_MAX]; /* what the shopper says: A-Z 0-9 - */
};

/* A rebate or a cashback. `of`: 0 = the basket, else 1 + place in programme.products. */
struct effect_money {
    bool is_set; /* false: the rule has no such effect, the rest is 0 */
    bool is_percent;
    uint8_t of;
    uint16_t percent_hundredths; /* if is_percent: 0..PERCENT_WHOLE */
    struct money fixed;          /* if not: 0..MONEY_MAX_RIALS, at most the base */
    struct money max;            /* 0 = no ceiling but the base */
};

struct effect_award {
    bool is_set;
    uint8_t of;
    struct points points; /* 0..POINTS_MAX */
    struct money per;     /* for each full block of this; 0 = once, when the base is more than 0 */
    struct points max;    /* 0 = no ceiling */
};

struct effect_stamps {
    bool is_set;
    bool adds; /* up to PROGRAMME_STAMPS_MAX; else sets */
    uint8_t n; /* adds: 1..15; sets: 0..15 */
};

struct programme_rule {
    char id[PROGRAMME_ID_MAX];
    uint16_t when; /* root in programme.logic; 0 = always */
    uint8_t once;  /* number of a mark; 0 = any time */
    struct effect_money rebate, cashback;
    struct effect_award award;
    struct effect_stamps stamps;
    bool sets_group;
    uint8_t group;               /* if sets_group: number of a group, 0 = none */
    const char *say_fa, *say_en; /* both NULL or both set; UTF-8 without control characters */
};

struct programme {
    uint32_t version; /* 1..2^31-1; a newer one replaces an older one, never back */
    char club[PROGRAMME_NAME_MAX];
    enum programme_unit unit;
    int16_t utc_offset_minutes; /* -720..840: local time = UTC + this */
    uint32_t modules;           /* enum module */
    uint32_t uses;              /* enum programme_uses */

    struct points points_max;       /* ceiling of the points purse */
    uint8_t hold_days;              /* 0..31 */
    enum period expiry;             /* PERIOD_NONE: points never expire */
    struct money purse_max[PURSES]; /* ceilings of credit, gift, voucher; 0..the purse's bits */

    struct money sale_max;           /* one basket, 1..MONEY_MAX_RIALS */
    struct money load_min, load_max; /* one load; 1 <= min <= max <= credit's ceiling, or without
                                        the module credit 0 <= min <= max */
    struct money opening_max;        /* opening credit at issue, 0..credit's ceiling */
    struct limits card_day, operator_day; /* what a card, an operator may do in a day (limits.h) */
    struct money provisional_credit;      /* on a card in the place of a lost one, while the club */
    struct points provisional_points;     /* does not vouch for more; 0..the purse's ceiling */
    struct money point_value;             /* rials that a redeemed point pays; 0 = no redemption */
    struct points redeem_min;             /* fewest points in one redemption, 0..REDEEMED_MAX */
    uint16_t redeem_max_hundredths; /* of the net price that points may pay, 0..PERCENT_WHOLE */
    bool award_on_redeemed;         /* does the part paid with points earn? */
    bool award_on_credit;           /* does the part paid with credit earn? */
    bool award_on_gift, award_on_voucher; /* likewise; false without the module */
    size_t bonus_count;
    struct programme_bonus bonus[PROGRAMME_BONUS_MAX]; /* `from` rises strictly */
    enum stacking rebate_stacking, award_stacking, cashback_stacking;
    struct money rebate_step, cashback_step; /* rounded down to a multiple, 1..STEP_MAX */
    bool refund_extras_lost;                 /* else shared */

    enum measure measure;    /* MEASURE_NONE: no tiers */
    enum period tier_period; /* PERIOD_YEAR without tiers: the period of history.period_* */
    bool tiers_fall;

    size_t tier_count, group_count, kind_count, product_count, calendar_count, code_count,
        mark_count;
    struct programme_tier tiers[PROGRAMME_TIERS_MAX];
    struct programme_name groups[PROGRAMME_GROUPS_MAX];
    struct programme_group_rule group_rules[PROGRAMME_GROUPS_MAX]; /* place by place */
    struct programme_name kinds[PROGRAMME_KINDS_MAX];
    struct programme_kind_terms kind_terms[PROGRAMME_KINDS_MAX]; /* place by place */
    struct programme_product products[PROGRAMME_PRODUCTS_MAX];
    struct programme_calendar calendars[PROGRAMME_CALENDARS_MAX];
    struct programme_code codes[PROGRAMME_CODES_MAX];
    struct programme_name marks[PROGRAMME_MARKS_MAX];

    size_t rule_count;
    const struct programme_rule *rules; /* in the order of precedence */
    const struct logic_pool *logic;     /* the rules' conditions; NULL when no rule has one */

    size_t memory; /* bytes of the whole block; 0 = built by hand */
};

/* --- loading: programme_load*.c, the only part of the engine that needs jansson ------------- */

/* Loads a document of `size` bytes, which need no NUL at their end. Allocates while it parses, and
 * gives all of that back but one block, *ret, which the caller frees with programme_free().
 * ST_FOREIGN      not JSON, or something missing, wrong in kind, out of range or contradictory: the
 *                 fault names line, rule and field and what would be right.
 * ST_UNSUPPORTED  a format, field, effect, operator or fact that this firmware lacks: likewise.
 * ST_FULL         no memory.
 * *ret is untouched unless ST_OK; fault may be NULL. */
ST_CHECK enum st programme_load(const char *text, size_t size, struct programme **ret,
                                struct fault *fault);
/* Accepts NULL. */
void programme_free(struct programme *programme);

/* --- reading: programme.c ------------------------------------------------------------------- */

/* True when all numbers are in range, all places and marks that rules name exist, and no basket up
 * to sale_max can earn more than POINTS_MAX points or MONEY_MAX_RIALS of cashback. Looks at every
 * rule: for loading and tests, not for each sale. Conditions are logic_load()'s task. */
bool programme_is_valid(const struct programme *programme);

/* All of these bits are on. */
bool programme_has(const struct programme *programme, uint32_t modules);

/* Place of the product group with this number in programme.products; -1 = in no list. */
int programme_product_place(const struct programme *programme, uint8_t number);
/* Place of the code in programme.codes; -1 = the club has no such code. */
int programme_code_place(const struct programme *programme, const char *code);
/* Ids by the numbers on the card; "" when in no list. Never NULL. Tier: 1 + place, 0 = none. */
const char *programme_tier_id(const struct programme *programme, uint8_t tier);
const char *programme_group_id(const struct programme *programme, uint8_t number);
const char *programme_kind_id(const struct programme *programme, uint8_t number);
/* The programme has a group with this number. */
bool programme_has_group(const struct programme *programme, uint8_t number);
/* Some group takes members by a rule. */
bool programme_has_group_rules(const struct programme *programme);
/* What the programme says of cards of this kind; NULL: in no list. */
const struct programme_kind_terms *programme_kind_terms(const struct programme *programme,
                                                        uint8_t number);
/* Is the local day (calendar.h) in the calendar? */
bool programme_calendar_has(const struct programme_calendar *calendar, int32_t day);

/* May `next` come into force after `old`? Cards and journals carry the numbers of groups, kinds,
 * products, marks and tiers, and a card counts its points' age in the expiry's periods.
 * ST_REFUSED  it is not newer; gives a number or a tier's place another meaning, or an id another
 *             number; or changes the expiry's period: points would expire too early. The fault says
 *             which, and what to do. (programme_follow.c) */
ST_CHECK enum st programme_follows(const struct programme *old, const struct programme *next,
                                   struct fault *fault);

/* The most that all rules together can give in one basket of sale_max; what the check above
 * compares. At most INT64_MAX. */
int64_t programme_most_points(const struct programme *programme);
int64_t programme_most_cashback(const struct programme *programme);

#endif
