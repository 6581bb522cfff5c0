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
static struct programme *loaded;

int plan_card_setup(void **state)
{
    (void)state;
    json_t *document = json_load_file("programmes/base.json", 0, NULL);
    char *text = json_dumps(document, 0); /* NULL for NULL */
    enum st st = text == NULL ? ST_IO : programme_load(text, strlen(text), &loaded, NULL);
    free(text);
    json_decref(document);
    if (st != ST_OK) {
        return -1;
    }
    base = *loaded;
    return 0;
}

int plan_card_teardown(void **state)
{
    (void)state;
    programme_free(loaded);
    return 0;
}

/* --- programmes ---------------------------------------------------------------------------- */

static const char blank_club[] =
    "{'vafa_programme': 2, 'version': 1, 'club': 'Test', 'unit': 'toman',"
    " 'utc_offset_minutes': 210,"
    " 'modules': ['points', 'redemption', 'credit', 'rebate', 'cashback', 'stamps', 'tiers',"
    "             'marks', 'codes', 'expiry'],"
    " 'purses': {'points': {'max': 268435455, 'hold_days': 0, 'expiry': {'period': 'year'}},"
    "            'credit': {'max_rials': 68719476735}, 'gift': {'max_rials': 0},"
    "            'voucher': {'max_rials': 0}},"
    " 'limits': {'sale_max_rials': 10000000000, 'load_min_rials': 1, 'load_max_rials': 10000000000,"
    "            'opening_max_rials': 10000000000},"
    " 'redemption': {'rials_per_point': 1000, 'min_points': 0, 'max_percent': 100},"
    " 'award_on': {'redeemed': false, 'credit': true},"
    " 'stacking': {'rebate': 'sum', 'award': 'sum', 'cashback': 'sum'},"
    " 'rounding': {'rebate_rials': 1, 'cashback_rials': 1},"
    " 'refund': {'extras': 'share'},"
    " 'tiers': {'measure': 'earned', 'period': 'year', 'falls': true,"
    "           'list': [{'id': 'member', 'from': 0}]},"
    " 'groups': [], 'kinds': [], 'products': [], 'calendars': [], 'codes': [], 'marks': [],"
    " 'rules': []}";

static json_t *json_of(const char *text)
{
    size_t size = strlen(text);
    char *copy = malloc(size + 1);
    assert_non_null(copy);
    for (size_t i = 0; i <= size; i += 1) {
        copy[i] = text[i] == '\'' ? '"' : text[i];
    }
    json_error_t error;
    json_t *json = json_loads(copy, 0, &error);
    if (json == NULL) {
        fail_msg("the test's JSON: line %d, column %d: %s", error.line, error.column, error.text);
    }
    free(copy);
    return json;
}

char *club_text(const char *patch)
{
    json_t *document = json_of(blank_club);
    json_t *change = json_of(patch);
    assert_int_equal(json_object_update_recursive(document, change), 0);
    char *text = json_dumps(document, 0);
    assert_non_null(text);
    json_decref(change);
    json_decref(document);
    return text;
}

struct programme *club(const char *patch)
{
    char *text = club_text(patch);
    struct programme *programme = NULL;
    struct fault fault;
    if (programme_load(text, strlen(text), &programme, &fault) != ST_OK) {
        fail_msg("the test's programme: %s", fault.say);
    }
    free(text);
    return programme;
}

/* --- plans --------------------------------------------------------------------------------- */

static const struct breakdown *parts_of(const struct card *card, uint32_t counter)
{
    for (size_t i = 0; i < card->count; i += 1) {
        if (card->history[i].counter == counter) {
            return &card->parts[i];
        }
    }
    return NULL;
}

static void carry(struct card *card)
{
    card->count = card->count < PLAN_HISTORY_MAX ? card->count + 1 : PLAN_HISTORY_MAX;
    memmove(card->history + 1, card->history, (card->count - 1) * sizeof card->history[0]);
    memmove(card->parts + 1, card->parts, (card->count - 1) * sizeof card->parts[0]);
    card->history[0] = card->plan.next;
    card->parts[0] = card->plan.parts;
    card->occasion.has_facts = true;
    card->occasion.facts = card->plan.facts_after;
}

/* What holds for each plan, made or refused; then the card carries it. */
static enum st check_and_carry(struct card *card, const struct card *before, enum st st,
                               enum transaction_kind kind)
{
    if (st != ST_OK) {
        assert_int_equal(st, ST_REFUSED);
        assert_int_not_equal(card->plan.refusal, REFUSAL_NONE);
        assert_true(card->plan.why.say[0] != '\0');
        assert_memory_equal(before->history, card->history, sizeof before->history);
        return st;
    }
    assert_int_equal(card->plan.refusal, REFUSAL_NONE);
    assert_true(plan_holds(before->count == 0 ? NULL : &before->history[0], &card->plan.next, kind,
                           &card->plan.parts));
    assert_int_equal(card->plan.facts_after.counter, card->plan.next.counter);
    carry(card);
    return ST_OK;
}

enum st act(struct card *card, const struct programme *programme, const struct action *actions,
            size_t count)
{
    const struct card before = *card;
    const struct plan_input input = {.programme = programme,
                                     .history = card->history,
                                     .history_count = card->count,
                                     .occasion = &card->occasion,
                                     .minute = card->minute,
                                     .terminal = 17,
                                     .sequence = (uint32_t)card->count + 1};
    enum st st = plan_actions(&input, actions, count, &card->plan);
    return check_and_carry(card, &before, st, TRANSACTION_ACTION);
}

enum st play(struct card *card, const struct programme *programme, struct wish wish)
{
    const struct card before = *card;
    bool asks_parts = card->knows_parts && wish.kind == TRANSACTION_REFUND;
    struct plan_input input = {
        .programme = programme,
        .history = card->history,
        .history_count = card->count,
        .wish = wish,
        .occasion = &card->occasion,
        .sale_parts = asks_parts ? parts_of(card, wish.refers_counter) : NULL,
        .minute = card->minute,
        .terminal = 17,
        .sequence = (uint32_t)card->count + 1,
    };
    return check_and_carry(card, &before, plan_make(&input, &card->plan), wish.kind);
}

const struct plan *buy(struct card *card, const struct programme *programme, int64_t amount)
{
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {amount}};
    if (play(card, programme, wish) != ST_OK) {
        fail_msg("%s", card->plan.why.say);
    }
    return &card->plan;
}

enum st give_back(struct card *card, const struct programme *programme, uint32_t counter,
                  int64_t amount)
{
    return play(
        card, programme,
        (struct wish){.kind = TRANSACTION_REFUND, .amount = {amount}, .refers_counter = counter});
}

struct card card_of(const struct programme *programme, int64_t opening)
{
    struct card card;
    memset(&card, 0, sizeof card);
    card.minute = minute_at(1405, 1, 1, 12);
    struct wish wish = {.kind = TRANSACTION_ACTIVATE, .amount = {opening}};
    assert_int_equal(play(&card, programme, wish), ST_OK);
    return card;
}

uint32_t minute_at(int year, int month, int day, int hour)
{
    struct date date = {(int16_t)year, (uint8_t)month, (uint8_t)day};
    return (uint32_t)(calendar_day_of_jalali(date) * DAY_MINUTES + hour * 60 - 210);
}

/* --- by the starter programme -------------------------------------------------------------- */

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
    card.minute = 1415000;
    struct wish wish = {.kind = TRANSACTION_ACTIVATE, .amount = {opening}};
    assert_int_equal(play(&card, &base, wish), ST_OK);
    return card;
}

/* --- figures ------------------------------------------------------------------------------- */

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
