/* explain_text.h - amounts, dates and a rule's effects as people read them, in English and Persian.
 *
 * Pure; texts go into the caller's room and are cut between letters when it is too small (the sizes
 * below never are). The one place where rials become toman (invariant I6): separators of thousands,
 * Persian digits and Jalali dates are made here, for paper and for people who write rules. */
#ifndef FIRMWARE_ENGINE_EXPLAIN_TEXT_H
#define FIRMWARE_ENGINE_EXPLAIN_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/money.h"
#include "firmware/engine/plan.h"
#include "firmware/engine/programme.h"

enum explain_language { EXPLAIN_EN, EXPLAIN_FA };

enum {
    EXPLAIN_AMOUNT_MAX = 80, /* one amount with its unit, and the NUL */
    EXPLAIN_DATE_MAX = 48,
    EXPLAIN_TEXT_MAX = 384, /* one sentence and the NUL */
};

/* `english` or `persian`, by the language. */
const char *explain_pick(enum explain_language language, const char *english, const char *persian);

/* A whole number, or tenths, with separators: "2,000,000", "12.5". */
void explain_number(enum explain_language language, int64_t n, char ret[EXPLAIN_AMOUNT_MAX]);
void explain_decimal(enum explain_language language, int64_t n, unsigned decimals,
                     char ret[EXPLAIN_AMOUNT_MAX]);
/* In the programme's unit (NULL: rials): "2,000,000 toman". What is no whole toman has one decimal.
 * The one function for money that people read. */
void explain_money(const struct programme *programme, enum explain_language language,
                   struct money money, char ret[EXPLAIN_AMOUNT_MAX]);
/* The same without the unit's word, for another amount of the sentence. */
void explain_amount(const struct programme *programme, enum explain_language language,
                    struct money money, char ret[EXPLAIN_AMOUNT_MAX]);
/* "1 point", "20 points". */
void explain_points(enum explain_language language, int64_t points, char ret[EXPLAIN_AMOUNT_MAX]);
/* "12.5 percent", from hundredths. */
void explain_percent(enum explain_language language, int64_t hundredths,
                     char ret[EXPLAIN_AMOUNT_MAX]);
/* "3 Mehr 1405"; the day as calendar.h counts, within its range. */
void explain_date(enum explain_language language, int32_t day, char ret[EXPLAIN_DATE_MAX]);

/* What the rule's effect (REBATE, AWARD, CASHBACK, STAMPS, GROUP; it must be set) says: "40 percent
 * off the basket, at most 2,000,000 toman". `of` replaces what it is reckoned on; NULL = as the
 * rule has it, "the basket" or the product's id. */
void explain_effect(const struct programme *programme, const struct programme_rule *rule,
                    enum effect_kind effect, enum explain_language language, const char *of,
                    char ret[EXPLAIN_TEXT_MAX]);

/* Why a plan said no, in Persian and without figures; in English plan.why says it with them. */
const char *explain_refusal_fa(enum refusal refusal);
/* The refusal as one lower-case word ("points_short"), for programs and examples. */
const char *explain_refusal_word(enum refusal refusal);

#endif
