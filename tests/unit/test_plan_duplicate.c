/* Tests of duplicates and replacements (plan.h): a card's whole state to another card, with figures
 * worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/replace.h"
#include "tests/unit/plan_card.h"

/* A card that has some of everything. */
static struct card rich_card(void)
{
    struct card card = new_card(500000);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK); /* base.json: 10 points */
    struct snapshot *now = &card.history[0];
    now->purse[PURSE_GIFT].rials = 20000;
    now->purse[PURSE_VOUCHER].rials = 3000;
    now->tier = 2;
    now->group = 5;
    now->stamps = 4;
    now->action = 7;
    return card;
}

static enum st out(struct card *card)
{
    card->occasion.peer = (struct peer){.direction = PEER_OUT};
    return play(card, &base, (struct wish){.kind = TRANSACTION_DUPLICATE});
}

/* A card in the place of one that was in state `old`. */
static struct card in(const struct snapshot *old, const struct facts *facts)
{
    struct card card = {.minute = minute_at(1405, 1, 2, 9)};
    card.occasion.peer = (struct peer){.direction = PEER_IN};
    if (facts != NULL) {
        card.occasion.has_facts = true;
        card.occasion.facts = *facts;
        card.occasion.facts.counter = 1;
    }
    struct wish wish = {
        .kind = TRANSACTION_DUPLICATE,
        .amount = old->purse[PURSE_CREDIT],
        .gift = old->purse[PURSE_GIFT],
        .voucher = old->purse[PURSE_VOUCHER],
        .inherits = {
            .points = old->points, .tier = old->tier, .group = old->group, .stamps = old->stamps}};
    assert_int_equal(play(&card, &base, wish), ST_OK);
    return card;
}

static void all_of_a_card_goes_to_the_new_one(void **state)
{
    (void)state;
    struct card old = rich_card();
    const struct snapshot had = old.history[0];
    const struct facts facts = old.occasion.facts;
    assert_int_equal(out(&old), ST_OK);
    const struct snapshot *left = &old.history[0];
    assert_int_equal(left->status, CARD_CLOSED);
    assert_int_equal(left->counter, had.counter + 1);
    assert_int_equal(left->last.kind, TRANSACTION_DUPLICATE);
    assert_int_equal(left->last.flags, TRANSFER_OUT);
    assert_int_equal(left->last.amount.rials, 500000);
    assert_int_equal(left->points.n + left->purse[PURSE_CREDIT].rials +
                         left->purse[PURSE_GIFT].rials + left->purse[PURSE_VOUCHER].rials,
                     0);
    const struct breakdown *parts = &old.parts[0];
    assert_int_equal(parts->payment.rials, 500000);
    assert_int_equal(parts->gift.rials, 20000);
    assert_int_equal(parts->voucher.rials, 3000);
    assert_int_equal(parts->award.n, 10);
    assert_int_equal(parts->load.rials + parts->due.rials, 0);

    const struct card new = in(&had, &facts);
    const struct snapshot *now = &new.history[0];
    assert_int_equal(now->counter, 1);
    assert_int_equal(now->status, CARD_ACTIVE);
    assert_int_equal(now->action, 0);
    assert_int_equal(now->last.flags, TRANSFER_IN);
    assert_int_equal(now->points.n, 10);
    assert_int_equal(now->purse[PURSE_CREDIT].rials, 500000);
    assert_int_equal(now->purse[PURSE_GIFT].rials, 20000);
    assert_int_equal(now->purse[PURSE_VOUCHER].rials, 3000);
    assert_int_equal(now->tier, 2);
    assert_int_equal(now->group, 5);
    assert_int_equal(now->stamps, 4);
    assert_int_equal(new.parts[0].load.rials, 500000);
    assert_int_equal(new.parts[0].payment.rials, 0);
}

static void a_new_card_remembers_what_the_old_one_did(void **state)
{
    (void)state;
    struct card old = rich_card();
    struct facts facts = old.occasion.facts;
    facts.marks_ever = 5;
    facts.carry = 7;
    const struct card new = in(&old.history[0], &facts);
    const struct facts *now = &new.plan.facts_after;
    assert_int_equal(now->counter, 1);
    assert_int_equal(now->visits, 1);
    assert_int_equal(now->basket, 1000);
    assert_int_equal(now->marks_ever, 5);
    assert_int_equal(now->carry, 7);
    assert_int_equal(now->last_day, facts.last_day);
    /* Never more of an earlier period than there is: here only 3 points came. */
    struct snapshot poor = old.history[0];
    poor.points.n = 3;
    assert_int_equal(in(&poor, &facts).plan.facts_after.carry, 3);
}

/* What a lost card remembered is not known: nothing that is given once is given again. */
static void without_facts_no_offer_is_given_twice(void **state)
{
    (void)state;
    struct card old = rich_card();
    const struct card new = in(&old.history[0], NULL);
    const struct facts *now = &new.plan.facts_after;
    assert_int_equal(now->counter, 1);
    assert_int_equal(now->visits, 0);
    assert_int_equal(now->marks_year, (1 << MARKS_YEAR) - 1);
    assert_int_equal(now->marks_ever, (1 << MARKS_EVER) - 1);
    assert_int_equal(now->carry, 10);
    /* An ordinary new card has all of it before it. */
    const struct card born = new_card(0);
    assert_int_equal(born.plan.facts_after.marks_ever, 0);
    /* A ring that begins with a duplicate does not tell what came before. */
    struct facts from_ring;
    const struct facts_rules rules = {.utc_offset_minutes = base.utc_offset_minutes};
    assert_int_equal(facts_from_birth(&rules, new.history, 1, &from_ring), ST_AGAIN);
    assert_int_equal(facts_from_birth(&rules, born.history, 1, &from_ring), ST_OK);
}

static void a_card_that_cannot_be_used_cannot_be_moved(void **state)
{
    (void)state;
    struct card card = rich_card();
    card.history[0].status = CARD_BLOCKED;
    assert_refused(&card, out(&card), REFUSAL_CARD_BLOCKED);
    card.history[0].status = CARD_CLOSED;
    assert_refused(&card, out(&card), REFUSAL_CARD_CLOSED);
    card.history[0].status = CARD_ACTIVE;
    assert_int_equal(out(&card), ST_OK);
    assert_refused(&card, out(&card), REFUSAL_CARD_CLOSED); /* once */
}

/* The programme's ceilings do not keep out what left the other card. */
static void the_most_that_a_card_holds_can_move(void **state)
{
    (void)state;
    struct card old = new_card(0);
    struct snapshot *had = &old.history[0];
    had->points.n = POINTS_MAX;
    had->purse[PURSE_CREDIT].rials = snapshot_purse_max(PURSE_CREDIT);
    had->purse[PURSE_GIFT].rials = snapshot_purse_max(PURSE_GIFT);
    had->purse[PURSE_VOUCHER].rials = snapshot_purse_max(PURSE_VOUCHER);
    const struct snapshot full = *had;
    assert_int_equal(out(&old), ST_OK);
    const struct card new = in(&full, NULL);
    assert_int_equal(points_of(&new), POINTS_MAX);
    assert_int_equal(credit_of(&new), MONEY_MAX_RIALS);
}

static void what_leaves_something_behind_does_not_hold(void **state)
{
    (void)state;
    struct card old = rich_card();
    const struct snapshot before = old.history[0];
    assert_int_equal(out(&old), ST_OK);
    const struct snapshot after = old.history[0];
#define BROKEN(what)                                                                               \
    do {                                                                                           \
        struct snapshot b = before, a = after;                                                     \
        struct breakdown p = old.parts[0];                                                         \
        what;                                                                                      \
        assert_false(plan_holds(&b, &a, TRANSACTION_DUPLICATE, &p));                               \
    } while (0)
    BROKEN(a.status = CARD_ACTIVE);
    BROKEN(a.status = CARD_BLOCKED);
    BROKEN(a.last.flags = TRANSFER_IN);
    BROKEN(a.last.flags = 0);
    BROKEN(a.tier = 1);
    BROKEN(a.stamps = 0);
    BROKEN(a.action = 0);
    BROKEN(a.counter += 1);
    BROKEN(a.last.amount.rials = 1);
    BROKEN(p.due.rials = 1);
    BROKEN(p.load.rials = 1);
    BROKEN((p.award.n = 9, a.points.n = 1));
    BROKEN((p.gift.rials -= 1, a.purse[PURSE_GIFT].rials = 1));
    BROKEN(b.status = CARD_BLOCKED);
#undef BROKEN
    assert_true(plan_holds(&before, &after, TRANSACTION_DUPLICATE, &old.parts[0]));
    assert_false(plan_holds(NULL, &after, TRANSACTION_DUPLICATE, &old.parts[0]));
}

static void a_first_transaction_holds_only_by_itself(void **state)
{
    (void)state;
    const struct card old = rich_card();
    const struct card new = in(&old.history[0], NULL);
    const struct snapshot after = new.history[0];
#define BROKEN(what)                                                                               \
    do {                                                                                           \
        struct snapshot a = after;                                                                 \
        struct breakdown p = new.parts[0];                                                         \
        what;                                                                                      \
        assert_false(plan_holds(NULL, &a, TRANSACTION_DUPLICATE, &p));                             \
    } while (0)
    BROKEN(a.counter = 2);
    BROKEN(a.action = 1);
    BROKEN(a.status = CARD_BLOCKED);
    BROKEN(a.last.flags = TRANSFER_OUT);
    BROKEN(a.points.n += 1);
    BROKEN(a.purse[PURSE_VOUCHER].rials += 1);
    BROKEN(p.payment.rials = 1);
    BROKEN(p.redeemed.n = 1);
    BROKEN(p.amount.rials += 1);
#undef BROKEN
    assert_true(plan_holds(NULL, &after, TRANSACTION_DUPLICATE, &new.parts[0]));
    assert_false(plan_holds(&old.history[0], &after, TRANSACTION_DUPLICATE, &new.parts[0]));
}

static void what_is_not_settled_goes_on_within_the_provisional_part(void **state)
{
    (void)state;
    struct programme club_rules = base; /* a point pays 1,000 rials */
    struct replacement part;
    const struct lost_card known = {
        .source = LOST_TOLD,
        .tier = 2,
        .group = 9,
        .points = {70},
        .purse = {[PURSE_CREDIT] = {300000}, [PURSE_GIFT] = {20000}, [PURSE_VOUCHER] = {3000}}};
    struct lost_card lost = known;
    replace_share(&club_rules, &lost, &part); /* the club names no part: identity only */
    assert_int_equal(part.purse[PURSE_CREDIT].rials + part.inherits.points.n, 0);
    assert_int_equal(part.inherits.tier, 2);
    assert_int_equal(part.inherits.group, 9);
    assert_int_equal(part.loss.rials + part.of_points.rials, 0);

    club_rules.provisional_credit.rials = 250000;
    club_rules.provisional_points.n = 100;
    replace_share(&club_rules, &lost, &part);
    assert_int_equal(part.purse[PURSE_CREDIT].rials, 250000);
    assert_int_equal(part.inherits.points.n, 70);
    assert_int_equal(part.purse[PURSE_GIFT].rials + part.purse[PURSE_VOUCHER].rials, 0);
    assert_int_equal(part.loss.rials, 250000);
    assert_int_equal(part.loss_points.n, 70);
    assert_int_equal(part.of_points.rials, 70000);

    lost.source = LOST_SETTLED; /* all of it, and nothing can be spent twice */
    replace_share(&club_rules, &lost, &part);
    assert_int_equal(part.purse[PURSE_CREDIT].rials, 300000);
    assert_int_equal(part.purse[PURSE_GIFT].rials, 20000);
    assert_int_equal(part.purse[PURSE_VOUCHER].rials, 3000);
    assert_int_equal(part.inherits.points.n, 70);
    assert_int_equal(part.loss.rials + part.of_points.rials + part.loss_points.n, 0);

    lost = (struct lost_card){.source = LOST_UNKNOWN};
    replace_share(&club_rules, &lost, &part);
    assert_int_equal(part.purse[PURSE_CREDIT].rials + part.inherits.points.n + part.loss.rials, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_a_card_goes_to_the_new_one),
        cmocka_unit_test(a_new_card_remembers_what_the_old_one_did),
        cmocka_unit_test(without_facts_no_offer_is_given_twice),
        cmocka_unit_test(a_card_that_cannot_be_used_cannot_be_moved),
        cmocka_unit_test(the_most_that_a_card_holds_can_move),
        cmocka_unit_test(what_leaves_something_behind_does_not_hold),
        cmocka_unit_test(a_first_transaction_holds_only_by_itself),
        cmocka_unit_test(what_is_not_settled_goes_on_within_the_provisional_part),
    };
    return cmocka_run_group_tests_name("plan_duplicate", tests, plan_card_setup,
                                       plan_card_teardown);
}
