/* plan_card.h - a card that is played through plans, for the tests of plan.h. */
#ifndef TESTS_UNIT_PLAN_CARD_H
#define TESTS_UNIT_PLAN_CARD_H

#include <stdint.h>

#include "firmware/engine/plan.h"

/* A card and what the terminal knows of it. Between plans a test may set `minute` and the occasion;
 * play() keeps the occasion's facts at the card's. */
struct card {
    struct snapshot history[PLAN_HISTORY_MAX];
    struct breakdown parts[PLAN_HISTORY_MAX]; /* of the transaction that led to each */
    size_t count;
    uint32_t minute;
    struct occasion occasion;
    bool knows_parts; /* refunds are given the sale's parts, as by the terminal that made it */
    struct plan plan; /* the last one */
};

/* The starter programme, as plan_card_setup() loaded it from programmes/base.json. A test may
 * change a copy of it. */
extern struct programme base;
int plan_card_setup(void **state);
int plan_card_teardown(void **state);

/* A programme with all modules and without rules or lists (points worth 1,000 rials, Iran's time),
 * changed by `patch`, a JSON object with ' for ": each field replaces that of the programme, or of
 * the object there. Fails the test when it cannot be loaded. programme_free() it. */
struct programme *club(const char *patch);
/* The text of such a programme; the caller frees it. */
char *club_text(const char *patch);

/* Makes the plan and asserts what holds for each: a refusal changes nothing and says why; a plan
 * holds, and its facts follow. Then the card carries it. */
enum st play(struct card *card, const struct programme *programme, struct wish wish);
/* The club's actions on the card, likewise. */
enum st act(struct card *card, const struct programme *programme, const struct action *actions,
            size_t count);
/* A sale of `amount` by the programme, nothing spent from the card; it must be planned. */
const struct plan *buy(struct card *card, const struct programme *programme, int64_t amount);
/* The rest or a part of the sale that led to `counter`. */
enum st give_back(struct card *card, const struct programme *programme, uint32_t counter,
                  int64_t amount);
/* A new card of the programme, at noon on 1 Farvardin 1405. */
struct card card_of(const struct programme *programme, int64_t opening);
/* The card's minute at a local (UTC+3:30) time of a Jalali day. */
uint32_t minute_at(int year, int month, int day, int hour);
enum { DAY_MINUTES = 1440 };

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
