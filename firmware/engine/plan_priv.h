/* plan_priv.h - what plan.c and plan_refund.c share. */
#ifndef FIRMWARE_ENGINE_PLAN_PRIV_H
#define FIRMWARE_ENGINE_PLAN_PRIV_H

#include "firmware/engine/plan.h"

enum { PLAN_MONEY_TEXT_MAX = 32 };

/* The amount with its unit, for a sentence; the one place where sentences write money. */
const char *plan_money_say(struct money money, char ret_text[PLAN_MONEY_TEXT_MAX]);

/* Sets ret->refusal and the sentence; returns ST_REFUSED. */
enum st plan_refuse(struct plan *ret, enum refusal refusal, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Builds ret->next from the card's state and ret->parts, and asserts that it holds. */
void plan_apply(const struct plan_input *input, uint8_t reference, struct plan *ret);

/* The kinds of plan_refund.c; the card is active and its counter has room. */
ST_CHECK enum st plan_refund(const struct plan_input *input, struct plan *ret);
ST_CHECK enum st plan_unload(const struct plan_input *input, struct plan *ret);

#endif
