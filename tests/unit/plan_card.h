/* plan_card.h - a card that is played through plans, for the tests of plan.h. */
#ifndef TESTS_UNIT_PLAN_CARD_H
#define TESTS_UNIT_PLAN_CARD_H

#include <stdint.h>

#include "firmware/engine/plan.h"

struct card {
    struct snapshot history[PLAN_HISTORY_MAX];
    size_t count;
    struct plan plan; /* the last one */
};

/* The starter programme, as plan_card_setup() loaded it from programmes/base.json. */
extern struct programme base;
int plan_card_setup(void **state);

/* Makes the plan and asserts what holds for each: a refusal changes nothing and says why; a plan
 * holds. Then the card carries it. */
enum st play(struct card *card, const struct programme *programme, struct wish wish);

/* The same by the starter programme. */
enum st sale(struct card *card, int64_t amount, int64_t pay_credit, int64_t redeem);
enum st load(struct card *card, int64_t amount);
enum st back(struct card *card, enum transaction_kind kind, uint32_t counter, int64_t amount);
struct card new_card(int64_t opening);

int64_t points_of(const struct card *card);
int64_t credit_of(const struct card *card);
void assert_refused(const struct card *card, enum st st, enum refusal refusal);

/* 0 .. below-1, from a seed; the same on every machine. */
void draw_seed(uint64_t seed);
int64_t draw(int64_t below);

#endif
