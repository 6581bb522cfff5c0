/* Tests of transfers between two cards (plan.h), with figures worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/plan_card.h"

static enum st move(struct card *card, enum peer_direction direction, int64_t amount)
{
    card->occasion.peer = (struct peer){.direction = direction};
    enum st st = play(card, &base, (struct wish){.kind = TRANSACTION_TRANSFER, .amount = {amount}});
    card->occasion.peer = (struct peer){.direction = PEER_NONE};
    return st;
}

static void credit_leaves_one_card_and_comes_to_the_other(void **state)
{
    (void)state;
    struct card from = new_card(500000), to = new_card(20000);
    assert_int_equal(move(&from, PEER_OUT, 130000), ST_OK);
    assert_int_equal(credit_of(&from), 370000);
    assert_int_equal(from.parts[0].payment.rials, 130000);
    assert_int_equal(from.parts[0].due.rials, 0);
    assert_int_equal(from.history[0].last.flags, TRANSFER_OUT);
    assert_int_equal(from.history[0].last.amount.rials, 130000);
    assert_int_equal(move(&to, PEER_IN, 130000), ST_OK);
    assert_int_equal(credit_of(&to), 150000);
    assert_int_equal(to.parts[0].load.rials, 130000);
    assert_int_equal(to.history[0].last.flags, TRANSFER_IN);
}

static void nothing_leaves_that_is_not_there(void **state)
{
    (void)state;
    struct card card = new_card(500000);
    assert_refused(&card, move(&card, PEER_OUT, 500001), REFUSAL_CREDIT_SHORT);
    assert_int_equal(move(&card, PEER_OUT, 500000), ST_OK);
    assert_int_equal(credit_of(&card), 0);
    struct programme *points =
        club("{'modules': ['points'], 'tiers': null, 'purses': {'points': {'expiry': null}}}");
    card.occasion.peer.direction = PEER_OUT;
    assert_refused(&card,
                   play(&card, points, (struct wish){.kind = TRANSACTION_TRANSFER, .amount = {1}}),
                   REFUSAL_CREDIT_OFF);
    programme_free(points);
}

/* The programme's ceiling does not keep out what left the other card; the card's 36 bits do. */
static void what_has_left_one_card_comes_in_while_there_are_bits(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(move(&card, PEER_IN, MONEY_MAX_RIALS), ST_OK);
    assert_true(credit_of(&card) > base.purse_max[PURSE_CREDIT].rials);
    assert_refused(&card, move(&card, PEER_IN, 1), REFUSAL_CREDIT_CEILING);
}

static void a_transfer_that_goes_both_ways_does_not_hold(void **state)
{
    (void)state;
    struct card card = new_card(500000);
    assert_int_equal(move(&card, PEER_OUT, 1000), ST_OK);
    const struct snapshot before = card.history[1], after = card.history[0];
#define BROKEN(what)                                                                               \
    do {                                                                                           \
        struct snapshot a = after;                                                                 \
        struct breakdown p = card.parts[0];                                                        \
        what;                                                                                      \
        assert_false(plan_holds(&before, &a, TRANSACTION_TRANSFER, &p));                           \
    } while (0)
    BROKEN(a.last.flags = TRANSFER_IN);
    BROKEN(a.last.flags = 0);
    BROKEN(p.load.rials = 1);
    BROKEN(p.due.rials = 1);
    BROKEN(p.award.n = 1);
    BROKEN(p.gift.rials = 1);
    BROKEN(a.purse[PURSE_CREDIT].rials += 1);
    BROKEN(a.last.amount.rials = 999);
    BROKEN(a.tier = 3);
#undef BROKEN
    assert_true(plan_holds(&before, &after, TRANSACTION_TRANSFER, &card.parts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credit_leaves_one_card_and_comes_to_the_other),
        cmocka_unit_test(nothing_leaves_that_is_not_there),
        cmocka_unit_test(what_has_left_one_card_comes_in_while_there_are_bits),
        cmocka_unit_test(a_transfer_that_goes_both_ways_does_not_hold),
    };
    return cmocka_run_group_tests_name("plan_transfer", tests, plan_card_setup, plan_card_teardown);
}
