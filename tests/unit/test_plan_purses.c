/* Tests of gift and voucher purses, card kinds and a load's bonus in plans, worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/plan_card.h"

static const char patch[] =
    "{'modules': ['points', 'redemption', 'credit', 'gift', 'voucher'],"
    " 'purses': {'points': {'max': 1000000, 'hold_days': 0, 'expiry': null},"
    "            'credit': {'max_rials': 100000000,"
    "                       'bonus': [{'from_rials': 1000000, 'percent': 5},"
    "                                 {'from_rials': 10000000, 'percent': 10}]},"
    "            'gift': {'max_rials': 50000000}, 'voucher': {'max_rials': 9000000}},"
    " 'limits': {'load_min_rials': 1000, 'load_max_rials': 90000000, 'opening_max_rials': 5000000},"
    " 'tiers': null,"
    " 'award_on': {'redeemed': false, 'credit': true, 'gift': true, 'voucher': false},"
    " 'kinds': [{'id': 'member', 'number': 0},"
    "           {'id': 'gift500', 'number': 2, 'valid_days': 365, 'branches': [1, 4],"
    "            'opening_credit': {'min_rials': 0, 'max_rials': 0},"
    "            'opening_gift': {'min_rials': 5000000, 'max_rials': 5000000}}],"
    " 'rules': [{'id': 'base', 'when': true,"
    "            'do': {'award': {'points': 1, 'per_rials': 10000}}}]}";

static struct programme *rules;

static int open_rules(void **state)
{
    int rc = plan_card_setup(state);
    rules = rc == 0 ? club(patch) : NULL;
    return rc;
}

static int close_rules(void **state)
{
    programme_free(rules);
    return plan_card_teardown(state);
}

static int64_t in(const struct card *card, enum purse purse)
{
    return card->history[0].purse[purse].rials;
}

static enum st put_on(struct card *card, int64_t credit, int64_t gift, int64_t voucher)
{
    return play(
        card, rules,
        (struct wish){
            .kind = TRANSACTION_LOAD, .amount = {credit}, .gift = {gift}, .voucher = {voucher}});
}

static enum st pay(struct card *card, int64_t amount, int64_t credit, int64_t gift, int64_t voucher)
{
    return play(card, rules,
                (struct wish){.kind = TRANSACTION_SALE,
                              .amount = {amount},
                              .pay_credit = {credit},
                              .pay_gift = {gift},
                              .pay_voucher = {voucher}});
}

static enum st take_off(struct card *card, uint32_t counter, int64_t amount)
{
    return play(
        card, rules,
        (struct wish){.kind = TRANSACTION_UNLOAD, .amount = {amount}, .refers_counter = counter});
}

/* A gift card of 5,000,000: its kind says so, and nothing else goes. */
static enum st issue(struct card *card, int64_t credit, int64_t gift)
{
    card->count = 0;
    card->minute = minute_at(1405, 1, 1, 12);
    card->occasion = (struct occasion){.has_identity = true, .kind = 2};
    return play(card, rules,
                (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {credit}, .gift = {gift}});
}

static void a_kind_says_what_a_new_card_carries(void **state)
{
    (void)state;
    struct card card = {.count = 0};
    assert_refused(&card, issue(&card, 0, 4999999), REFUSAL_AMOUNT_RANGE);
    assert_refused(&card, issue(&card, 0, 5000001), REFUSAL_AMOUNT_RANGE);
    assert_refused(&card, issue(&card, 0, 0), REFUSAL_AMOUNT_RANGE);
    assert_refused(&card, issue(&card, 1, 5000000), REFUSAL_AMOUNT_RANGE);
    assert_int_equal(issue(&card, 0, 5000000), ST_OK);
    assert_int_equal(in(&card, PURSE_GIFT), 5000000);
    assert_int_equal(card.parts[0].due.rials, 5000000);
    struct card member = card_of(rules, 0); /* of no kind that says anything */
    assert_int_equal(in(&member, PURSE_GIFT), 0);
    member.count = 0;
    const struct wish gift = {.kind = TRANSACTION_ACTIVATE, .gift = {1}};
    assert_refused(&member, play(&member, rules, gift), REFUSAL_AMOUNT_RANGE);
    const struct wish mixed = {.kind = TRANSACTION_ACTIVATE, .amount = {2000}, .voucher = {300}};
    member.occasion = (struct occasion){.code = 0};
    assert_int_equal(play(&member, rules, mixed), ST_OK);
    assert_int_equal(member.parts[0].amount.rials, 2300);
    assert_int_equal(in(&member, PURSE_VOUCHER), 300);
}

/* Basket 1,000,000: voucher 200,000 earns nothing, gift and credit do: 80 points. */
static void a_sale_mixes_purses_and_money(void **state)
{
    (void)state;
    struct card card = card_of(rules, 400000);
    assert_int_equal(put_on(&card, 0, 300000, 0), ST_OK);
    assert_int_equal(put_on(&card, 0, 0, 250000), ST_OK);
    assert_int_equal(pay(&card, 1000000, 350000, 300000, 200000), ST_OK);
    assert_int_equal(card.parts[0].due.rials, 150000);
    assert_int_equal(card.parts[0].award.n, 80);
    assert_int_equal(in(&card, PURSE_CREDIT), 50000);
    assert_int_equal(in(&card, PURSE_GIFT), 0);
    assert_int_equal(in(&card, PURSE_VOUCHER), 50000);
    assert_int_equal(card.history[0].last.flags, SALE_PAID_CREDIT);
    assert_refused(&card, pay(&card, 1000000, 0, 1, 0), REFUSAL_PURSE_SHORT);
    assert_refused(&card, pay(&card, 1000000, 0, 0, 50001), REFUSAL_PURSE_SHORT);
    assert_refused(&card, pay(&card, 99999, 50000, 0, 50000), REFUSAL_PAYS_TOO_MUCH);
    assert_int_equal(pay(&card, 100000, 50000, 0, 50000), ST_OK);
    assert_int_equal(card.parts[0].due.rials, 0);
}

/* Of 1,000,000, a third of each of gift, voucher, credit 100,001 and money back and back. */
static void a_refund_gives_back_to_the_purse_that_paid(void **state)
{
    (void)state;
    struct card card = card_of(rules, 400000);
    assert_int_equal(put_on(&card, 0, 300000, 0), ST_OK);
    assert_int_equal(put_on(&card, 0, 0, 250000), ST_OK);
    const struct card before = card;
    assert_int_equal(pay(&card, 1000000, 100001, 300000, 200000), ST_OK);
    uint32_t counter = card.history[0].counter;
    int64_t due = 0;
    for (int part = 0; part < 3; part += 1) {
        assert_int_equal(give_back(&card, rules, counter, part == 2 ? 0 : 333333), ST_OK);
        due += card.parts[0].due.rials;
        if (part == 0) { /* floor(x 333,333 / 1,000,000) */
            assert_int_equal(card.parts[0].gift.rials, 99999);
            assert_int_equal(card.parts[0].voucher.rials, 66666);
            assert_int_equal(card.parts[0].payment.rials, 33333);
            assert_int_equal(card.parts[0].due.rials, 133332);
        }
    }
    assert_int_equal(due, 399999);
    for (int p = 0; p < PURSES; p += 1) {
        assert_int_equal(in(&card, (enum purse)p), in(&before, (enum purse)p));
    }
    assert_int_equal(points_of(&card), 0);
    assert_refused(&card, give_back(&card, rules, counter, 1), REFUSAL_ALREADY_REFUNDED);
}

/* 100 points earned on a gift sale and spent: 100 x 1,000 rials stay of the gift. */
static void points_that_are_gone_are_withheld_from_the_gift(void **state)
{
    (void)state;
    struct card card = card_of(rules, 0);
    assert_int_equal(put_on(&card, 0, 1000000, 0), ST_OK);
    assert_int_equal(pay(&card, 1000000, 0, 1000000, 0), ST_OK);
    uint32_t counter = card.history[0].counter;
    assert_int_equal(points_of(&card), 100);
    assert_int_equal(
        play(&card, rules,
             (struct wish){.kind = TRANSACTION_SALE, .amount = {100000}, .redeem = {100}}),
        ST_OK);
    assert_int_equal(give_back(&card, rules, counter, 0), ST_OK);
    assert_int_equal(card.parts[0].gift.rials, 900000);
    assert_int_equal(card.parts[0].due.rials, 0);
}

/* Day 365 after the issue still counts; the day after is too late, and only for gift, voucher. */
static void gift_ends_with_the_cards_last_day_and_its_branches(void **state)
{
    (void)state;
    struct card card = {.count = 0};
    assert_int_equal(issue(&card, 0, 5000000), ST_OK);
    int32_t issued = calendar_day_of_jalali((struct date){1405, 1, 1}) + 45290;
    card.occasion.expires = (uint16_t)(issued + 365);
    card.occasion.branch = 4;
    assert_int_equal(pay(&card, 100000, 0, 100000, 0), ST_OK);
    card.occasion.branch = 2;
    assert_refused(&card, pay(&card, 100000, 0, 100000, 0), REFUSAL_CARD_BRANCH);
    assert_int_equal(put_on(&card, 5000, 0, 0), ST_OK);
    assert_int_equal(pay(&card, 100000, 5000, 0, 0), ST_OK); /* credit goes everywhere */
    card.occasion.branch = 1;
    card.minute = minute_at(1406, 1, 1, 23); /* 1405 has 365 days */
    assert_int_equal(pay(&card, 100000, 0, 100000, 0), ST_OK);
    card.minute = minute_at(1406, 1, 2, 0);
    assert_refused(&card, pay(&card, 100000, 0, 100000, 0), REFUSAL_CARD_EXPIRED);
    assert_int_equal(pay(&card, 100000, 0, 0, 0), ST_OK);
    card.minute = 0; /* no clock: nothing is too late */
    assert_int_equal(pay(&card, 100000, 0, 100000, 0), ST_OK);
}

/* 5 % from 1,000,000, 10 % from 10,000,000. */
static void a_load_earns_its_bonus_apart_from_the_money(void **state)
{
    (void)state;
    struct card card = card_of(rules, 0);
    assert_int_equal(put_on(&card, 999999, 0, 0), ST_OK);
    assert_int_equal(card.parts[0].load.rials, 999999);
    assert_int_equal(put_on(&card, 1000000, 0, 0), ST_OK);
    assert_int_equal(card.parts[0].load.rials, 1050000);
    assert_int_equal(card.parts[0].due.rials, 1000000);
    assert_int_equal(card.history[0].last.amount.rials, 1000000);
    assert_int_equal(put_on(&card, 10000000, 0, 0), ST_OK);
    assert_int_equal(card.parts[0].load.rials, 11000000);
    assert_int_equal(in(&card, PURSE_CREDIT), 13049999);
    assert_int_equal(put_on(&card, 80000000, 0, 0), ST_OK);
    assert_int_equal(card.parts[0].load.rials, 86950001); /* up to the ceiling */
    assert_int_equal(put_on(&card, 0, 20000000, 0), ST_OK);
    assert_int_equal(card.parts[0].gift.rials, 20000000); /* gift earns none */
}

/* 10,000,000 gave 1,000,000. 9,000,000 back: 1,000,000 alone earns 50,000, so 950,000 go, too. */
static void an_unload_keeps_only_the_bonus_of_what_stays(void **state)
{
    (void)state;
    struct card card = card_of(rules, 0);
    assert_int_equal(put_on(&card, 10000000, 0, 0), ST_OK);
    uint32_t counter = card.history[0].counter;
    assert_int_equal(take_off(&card, counter, 9000000), ST_OK);
    assert_int_equal(card.parts[0].due.rials, 9000000);
    assert_int_equal(card.parts[0].load.rials, 9950000);
    assert_int_equal(in(&card, PURSE_CREDIT), 1050000);
    assert_int_equal(take_off(&card, counter, 500000), ST_OK); /* below 1,000,000: none is kept */
    assert_int_equal(card.parts[0].load.rials, 550000);
    assert_int_equal(take_off(&card, counter, 0), ST_OK);
    assert_int_equal(card.parts[0].load.rials, 500000);
    assert_int_equal(in(&card, PURSE_CREDIT), 0);
    /* The bonus is spent: what is left does not cover it. */
    assert_int_equal(put_on(&card, 1000000, 0, 0), ST_OK);
    counter = card.history[0].counter;
    assert_int_equal(pay(&card, 50000, 50000, 0, 0), ST_OK);
    assert_refused(&card, take_off(&card, counter, 0), REFUSAL_CREDIT_SPENT);
    assert_refused(&card, take_off(&card, counter, 950001), REFUSAL_CREDIT_SPENT);
    assert_int_equal(take_off(&card, counter, 950000), ST_OK);
    assert_int_equal(in(&card, PURSE_CREDIT), 0);
}

static void gift_and_voucher_are_unloaded_from_their_purse(void **state)
{
    (void)state;
    struct card card = card_of(rules, 0);
    assert_int_equal(put_on(&card, 0, 0, 70000), ST_OK);
    uint32_t voucher = card.history[0].counter;
    assert_int_equal(put_on(&card, 0, 20000, 0), ST_OK);
    uint32_t gift = card.history[0].counter;
    assert_int_equal(take_off(&card, voucher, 30000), ST_OK);
    assert_int_equal(in(&card, PURSE_VOUCHER), 40000);
    assert_int_equal(take_off(&card, gift, 0), ST_OK);
    assert_int_equal(in(&card, PURSE_GIFT), 0);
    assert_int_equal(card.parts[0].gift.rials, 20000);
    assert_int_equal(pay(&card, 100000, 0, 0, 10000), ST_OK);
    assert_refused(&card, take_off(&card, voucher, 0), REFUSAL_PURSE_SPENT);
    assert_refused(&card, put_on(&card, 0, 0, 8970001), REFUSAL_PURSE_CEILING);
    assert_int_equal(put_on(&card, 0, 0, 8970000), ST_OK);
}

static void a_club_without_gift_and_voucher_refuses_them(void **state)
{
    (void)state;
    struct card card = new_card(100000);
    const struct wish load = {.kind = TRANSACTION_LOAD, .gift = {100000}};
    assert_refused(&card, play(&card, &base, load), REFUSAL_PURSE_OFF);
    const struct wish sale = {.kind = TRANSACTION_SALE, .amount = {100000}, .pay_voucher = {1}};
    assert_refused(&card, play(&card, &base, sale), REFUSAL_PURSE_OFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kind_says_what_a_new_card_carries),
        cmocka_unit_test(a_sale_mixes_purses_and_money),
        cmocka_unit_test(a_refund_gives_back_to_the_purse_that_paid),
        cmocka_unit_test(points_that_are_gone_are_withheld_from_the_gift),
        cmocka_unit_test(gift_ends_with_the_cards_last_day_and_its_branches),
        cmocka_unit_test(a_load_earns_its_bonus_apart_from_the_money),
        cmocka_unit_test(an_unload_keeps_only_the_bonus_of_what_stays),
        cmocka_unit_test(gift_and_voucher_are_unloaded_from_their_purse),
        cmocka_unit_test(a_club_without_gift_and_voucher_refuses_them),
    };
    return cmocka_run_group_tests_name("plan_purses", tests, open_rules, close_rules);
}
