#include "tests/unit/plan_card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

struct programme base;

int plan_card_setup(void **state)
{
    (void)state;
    json_t *document = json_load_file("programmes/base.json", 0, NULL);
    char *text = json_dumps(document, 0); /* NULL for NULL */
    enum st st = text == NULL ? ST_IO : programme_load(text, strlen(text), &base, NULL);
    free(text);
    json_decref(document);
    return st == ST_OK ? 0 : -1;
}

enum st play(struct card *card, const struct programme *programme, struct wish wish)
{
    const struct card before = *card;
    struct plan_input input = {
        .programme = programme,
        .history = card->history,
        .history_count = card->count,
        .wish = wish,
        .minute = 1415000,
        .terminal = 17,
        .sequence = (uint32_t)card->count + 1,
    };
    enum st st = plan_make(&input, &card->plan);
    if (st != ST_OK) {
        assert_int_equal(st, ST_REFUSED);
        assert_int_not_equal(card->plan.refusal, REFUSAL_NONE);
        assert_true(card->plan.why.say[0] != '\0');
        assert_memory_equal(before.history, card->history, sizeof before.history);
        return st;
    }
    assert_int_equal(card->plan.refusal, REFUSAL_NONE);
    assert_true(plan_holds(before.count == 0 ? NULL : &before.history[0], &card->plan.next,
                           wish.kind, &card->plan.parts));
    card->count = card->count < PLAN_HISTORY_MAX ? card->count + 1 : PLAN_HISTORY_MAX;
    memmove(card->history + 1, card->history, (card->count - 1) * sizeof card->history[0]);
    card->history[0] = card->plan.next;
    return ST_OK;
}

enum st sale(struct card *card, int64_t amount, int64_t pay_credit, int64_t redeem)
{
    return play(card, &base,
                (struct wish){.kind = TRANSACTION_SALE,
                              .amount = {amount},
                              .pay_credit = {pay_credit},
                              .redeem = {redeem}});
}

enum st load(struct card *card, int64_t amount)
{
    return play(card, &base, (struct wish){.kind = TRANSACTION_LOAD, .amount = {amount}});
}

enum st back(struct card *card, enum transaction_kind kind, uint32_t counter, int64_t amount)
{
    return play(card, &base,
                (struct wish){.kind = kind, .amount = {amount}, .refers_counter = counter});
}

struct card new_card(int64_t opening)
{
    struct card card;
    memset(&card, 0, sizeof card);
    struct wish wish = {.kind = TRANSACTION_ACTIVATE, .amount = {opening}};
    assert_int_equal(play(&card, &base, wish), ST_OK);
    return card;
}

int64_t points_of(const struct card *card)
{
    return card->history[0].points.n;
}

int64_t credit_of(const struct card *card)
{
    return card->history[0].purse[PURSE_CREDIT].rials;
}

void assert_refused(const struct card *card, enum st st, enum refusal refusal)
{
    assert_int_equal(st, ST_REFUSED);
    assert_int_equal(card->plan.refusal, refusal);
}

static uint64_t draw_state;

void draw_seed(uint64_t seed)
{
    draw_state = seed;
}

int64_t draw(int64_t below)
{
    draw_state = draw_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((draw_state >> 16) % (uint64_t)below);
}
