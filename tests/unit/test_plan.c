/* Tests of firmware/engine/plan.h: the worked examples of tests/vectors/plan.json (refunds too),
 * and the edges of sale, load and activation. Refunds: test_plan_refund.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/plan.h"
#include "hal/base/bytes.h"
#include "tests/unit/plan_card.h"

static json_t *vectors;

static int load_vectors(void **state)
{
    vectors = json_load_file("tests/vectors/plan.json", JSON_REJECT_DUPLICATES, NULL);
    return vectors == NULL ? -1 : plan_card_setup(state);
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return plan_card_teardown(NULL);
}

/* --- vectors ------------------------------------------------------------------------------- */

static int64_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static struct wish wish_of(const json_t *json)
{
    static const char *const words[] = {"", "activate", "sale", "refund", "load", "unload"};
    struct wish wish = {
        .amount = {number(json, "amount")},
        .pay_credit = {number(json, "pay_credit")},
        .redeem = {number(json, "redeem")},
        .refers_counter = (uint32_t)number(json, "refers_counter"),
    };
    for (size_t i = 1; i < sizeof words / sizeof words[0]; i += 1) {
        if (strcmp(words[i], json_string_value(json_object_get(json, "kind"))) == 0) {
            wish.kind = (enum transaction_kind)i;
        }
    }
    return wish;
}

static void assert_result(const char *name, const json_t *result, const struct plan *plan)
{
    uint8_t image[SNAPSHOT_IMAGE_BYTES];
    char text[2 * SNAPSHOT_IMAGE_BYTES + 1];
    snapshot_encode(&plan->next, image);
    hex_encode(image, sizeof image, text);
    assert_string_equal(text, json_string_value(json_object_get(result, "next")));
    const int64_t parts[] = {
        plan->parts.amount.rials,  plan->parts.rebate.rials,
        plan->parts.redeemed.n,    plan->parts.redeemed_value.rials,
        plan->parts.payment.rials, plan->parts.load.rials,
        plan->parts.award.n,       plan->parts.due.rials,
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i += 1) {
        const json_t *part = json_array_get(json_object_get(result, "parts"), i);
        if (json_integer_value(part) != parts[i]) {
            fail_msg("%s: part %zu is %lld", name, i, (long long)parts[i]);
        }
    }
}

static void the_worked_examples_give_their_figures(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    assert_true(json_array_size(json_object_get(vectors, "cases")) > 30);
    json_array_foreach(json_object_get(vectors, "cases"), index, vector)
    {
        const char *name = json_string_value(json_object_get(vector, "name"));
        const json_t *images = json_object_get(vector, "history");
        const json_t *result = json_object_get(vector, "result");
        struct snapshot history[PLAN_HISTORY_MAX];
        size_t count = json_array_size(images);
        for (size_t i = 0; i < count; i += 1) {
            uint8_t image[SNAPSHOT_IMAGE_BYTES];
            const char *hex = json_string_value(json_array_get(images, i));
            assert_int_equal(hex_decode(hex, image, sizeof image), ST_OK);
            assert_int_equal(snapshot_decode(image, &history[i]), ST_OK);
        }
        struct plan_input input = {
            .programme = &base,
            .history = history,
            .history_count = count,
            .wish = wish_of(json_object_get(vector, "wish")),
            .minute = (uint32_t)number(vector, "minute"),
            .terminal = (uint32_t)number(vector, "terminal"),
            .sequence = (uint32_t)number(vector, "sequence"),
        };
        struct plan plan;
        enum st st = plan_make(&input, &plan);
        bool is_fine = strcmp(json_string_value(json_object_get(result, "refusal")), "none") == 0;
        if ((st == ST_OK) != is_fine) {
            fail_msg("%s: %s", name, plan.why.say);
        }
        if (is_fine) {
            assert_result(name, result, &plan);
        }
    }
}

/* --- sale ---------------------------------------------------------------------------------- */

static void w01_every_100000_toman_earn_10_points(void **state)
{
    (void)state;
    const struct {
        int64_t toman, points;
    } cases[] = {{100000, 10}, {200000, 20}, {99999, 0}, {199999, 10}, {1050000, 100}, {1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        struct card card = new_card(0);
        assert_int_equal(sale(&card, cases[i].toman * 10, 0, 0), ST_OK);
        assert_int_equal(points_of(&card), cases[i].points);
    }
}

static void one_rial_below_a_block_earns_nothing_for_it(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_int_equal(sale(&card, 999999, 0, 0), ST_OK);
    assert_int_equal(points_of(&card), 0);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_int_equal(points_of(&card), 10);
}

static void toman_taken_for_rials_would_show_as_a_factor_of_ten(void **state)
{
    (void)state;
    struct card in_rials = new_card(0);
    struct card in_toman = new_card(0);
    const int64_t toman = 1000000;
    assert_int_equal(sale(&in_rials, toman * 10, 0, 0), ST_OK);
    assert_int_equal(sale(&in_toman, toman, 0, 0), ST_OK); /* the error */
    assert_int_equal(points_of(&in_rials), 100);           /* W01: 10 for each 100,000 toman */
    assert_int_equal(points_of(&in_toman), 10);
    assert_int_equal(in_rials.plan.parts.due.rials, 10000000);
}

static void all_three_switches_decide_what_earns(void **state)
{
    (void)state;
    /* 4,000,000: 1,000,000 by points, 1,000,000 by credit, 2,000,000 otherwise. */
    const struct {
        bool on_redeemed, on_credit;
        int64_t award;
    } cases[] = {{false, false, 20}, {false, true, 30}, {true, false, 30}, {true, true, 40}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        struct programme programme = base;
        programme.award_on_redeemed = cases[i].on_redeemed;
        programme.award_on_credit = cases[i].on_credit;
        struct card card = new_card(1000000);
        assert_int_equal(sale(&card, 100000000, 0, 0), ST_OK);
        struct wish wish = {.kind = TRANSACTION_SALE,
                            .amount = {4000000},
                            .pay_credit = {1000000},
                            .redeem = {1000}};
        assert_int_equal(play(&card, &programme, wish), ST_OK);
        assert_int_equal(card.plan.parts.award.n, cases[i].award);
        assert_int_equal(card.plan.parts.due.rials, 2000000);
        assert_int_equal(points_of(&card), cases[i].award);
        assert_int_equal(credit_of(&card), 0);
    }
}

static void spending_never_passes_a_balance(void **state)
{
    (void)state;
    struct card card = new_card(500000);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_refused(&card, sale(&card, 1000000, 500001, 0), REFUSAL_CREDIT_SHORT);
    assert_refused(&card, sale(&card, 1000000, 0, 11), REFUSAL_POINTS_SHORT);
    assert_int_equal(sale(&card, 510000, 500000, 10), ST_OK);
    assert_int_equal(credit_of(&card), 0);
    assert_int_equal(points_of(&card), 0);
    assert_int_equal(card.plan.parts.due.rials, 0);
    assert_refused(&card, sale(&card, 1000000, 1, 0), REFUSAL_CREDIT_SHORT);
    assert_refused(&card, sale(&card, 1000000, 0, 1), REFUSAL_POINTS_SHORT);
}

static void points_and_credit_never_pay_more_than_the_basket(void **state)
{
    (void)state;
    struct card card = new_card(500000);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    assert_refused(&card, sale(&card, 509999, 500000, 10), REFUSAL_PAYS_TOO_MUCH);
    assert_refused(&card, sale(&card, 9999, 0, 10), REFUSAL_REDEMPTION_RANGE);
    assert_int_equal(sale(&card, 510000, 500000, 10), ST_OK);
}

static void one_tap_spends_at_most_what_the_image_holds(void **state)
{
    (void)state;
    struct programme programme = base;
    programme.point_value.rials = 1;
    programme.points_max.n = POINTS_MAX;
    struct card card = new_card(0);
    card.history[0].points.n = POINTS_MAX;
    struct wish wish = {
        .kind = TRANSACTION_SALE, .amount = {2000000}, .redeem = {REDEEMED_MAX + 1}};
    assert_refused(&card, play(&card, &programme, wish), REFUSAL_POINTS_SHORT);
    wish.redeem.n = REDEEMED_MAX;
    wish.amount.rials = REDEEMED_MAX;
    assert_int_equal(play(&card, &programme, wish), ST_OK);
    assert_int_equal(points_of(&card), POINTS_MAX - REDEEMED_MAX);
}

static void a_club_without_point_value_redeems_nothing(void **state)
{
    (void)state;
    struct programme programme = base;
    programme.point_value.rials = 0;
    struct card card = new_card(0);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {1000000}, .redeem = {1}};
    assert_refused(&card, play(&card, &programme, wish), REFUSAL_REDEMPTION_OFF);
}

static void limits_are_exact_to_the_rial(void **state)
{
    (void)state;
    struct card card = new_card(0);
    assert_refused(&card, sale(&card, base.sale_max.rials + 1, 0, 0), REFUSAL_AMOUNT_RANGE);
    assert_int_equal(sale(&card, base.sale_max.rials, 0, 0), ST_OK);
    assert_refused(&card, load(&card, base.load_min.rials - 1), REFUSAL_AMOUNT_RANGE);
    assert_refused(&card, load(&card, base.load_max.rials + 1), REFUSAL_AMOUNT_RANGE);
    assert_int_equal(load(&card, base.load_min.rials), ST_OK);
    assert_int_equal(load(&card, base.load_max.rials), ST_OK);
    int64_t room = base.purse_max[PURSE_CREDIT].rials - credit_of(&card);
    assert_refused(&card, load(&card, room + 1), REFUSAL_CREDIT_CEILING);
    assert_int_equal(load(&card, room), ST_OK);
    assert_int_equal(credit_of(&card), base.purse_max[PURSE_CREDIT].rials);
    assert_refused(&card, load(&card, base.load_min.rials), REFUSAL_CREDIT_CEILING);
}

static void an_award_is_cut_to_the_room_that_the_points_purse_has(void **state)
{
    (void)state;
    struct programme programme = base;
    programme.points_max.n = 25;
    struct card card = new_card(0);
    struct wish wish = {.kind = TRANSACTION_SALE, .amount = {2000000}};
    assert_int_equal(play(&card, &programme, wish), ST_OK);
    assert_int_equal(points_of(&card), 20);
    assert_int_equal(card.plan.step_count, 1);
    assert_int_equal(play(&card, &programme, wish), ST_OK);
    assert_int_equal(card.plan.parts.award.n, 5);
    assert_int_equal(points_of(&card), 25);
    assert_int_equal(card.plan.step_count, 2); /* the rule, and what was cut from the sum */
    assert_int_equal(card.plan.steps[1].rule, PLAN_STEP_TOTAL);
    assert_int_equal(card.plan.steps[1].note, STEP_CUT);
    assert_int_equal(card.plan.steps[1].base, 20);
    assert_int_equal(card.plan.steps[1].value, 5);
    programme.points_max.n = 5; /* A newer programme; 25 points are above it. */
    assert_int_equal(play(&card, &programme, wish), ST_OK);
    assert_int_equal(card.plan.parts.award.n, 0);
    wish.redeem.n = 22;
    assert_int_equal(play(&card, &programme, wish), ST_OK);
    assert_int_equal(card.plan.parts.award.n, 2); /* 3 are left, 5 may be there */
    assert_int_equal(points_of(&card), 5);
}

static void an_activation_opens_with_credit_up_to_its_limit(void **state)
{
    (void)state;
    struct card card = new_card(base.opening_max.rials);
    assert_int_equal(card.history[0].counter, 1);
    assert_int_equal(card.history[0].status, CARD_ACTIVE);
    assert_true(credit_of(&card) == base.opening_max.rials);
    assert_true(card.plan.parts.load.rials == base.opening_max.rials);
    assert_true(card.plan.parts.due.rials == base.opening_max.rials);

    struct card none;
    memset(&none, 0, sizeof none);
    struct wish wish = {.kind = TRANSACTION_ACTIVATE, .amount = {base.opening_max.rials + 1}};
    assert_refused(&none, play(&none, &base, wish), REFUSAL_AMOUNT_RANGE);
}

static void blocked_closed_and_used_up_cards_do_nothing(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    assert_int_equal(sale(&card, 1000000, 0, 0), ST_OK);
    const struct {
        enum card_status status;
        uint32_t counter;
        enum refusal refusal;
    } cases[] = {{CARD_BLOCKED, 2, REFUSAL_CARD_BLOCKED},
                 {CARD_CLOSED, 2, REFUSAL_CARD_CLOSED},
                 {CARD_ACTIVE, SNAPSHOT_COUNTER_MAX, REFUSAL_COUNTER_USED_UP}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        struct card odd = card;
        odd.history[0].status = cases[i].status;
        odd.history[0].counter = cases[i].counter;
        assert_refused(&odd, sale(&odd, 1000000, 0, 0), cases[i].refusal);
        assert_refused(&odd, load(&odd, 1000000), cases[i].refusal);
        assert_refused(&odd, back(&odd, TRANSACTION_REFUND, 2, 0), cases[i].refusal);
        assert_refused(&odd, back(&odd, TRANSACTION_UNLOAD, 2, 0), cases[i].refusal);
    }
}

static void a_plan_carries_over_what_it_does_not_change(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    card.history[0].action = 9;
    card.history[0].tier = 3;
    card.history[0].group = 200;
    card.history[0].purse[PURSE_GIFT].rials = 5;
    card.history[0].purse[PURSE_VOUCHER].rials = 6;
    assert_int_equal(sale(&card, 1000000, 1, 0), ST_OK);
    const struct snapshot *now = &card.history[0];
    assert_int_equal(now->action, 9);
    assert_int_equal(now->tier, 3);
    assert_int_equal(now->group, 200);
    assert_int_equal(now->purse[PURSE_GIFT].rials, 5);
    assert_int_equal(now->purse[PURSE_VOUCHER].rials, 6);
    assert_int_equal(now->counter, 2);
    assert_int_equal(now->last.terminal, 17);
    assert_int_equal(now->last.sequence, 2);
    assert_int_equal(now->last.minute, 1415000);
    assert_int_equal(now->last.reference, 0);
}

/* --- for any card -------------------------------------------------------------------------- */

static void balances_are_the_sum_of_the_transactions(void **state)
{
    (void)state;
    draw_seed(3);
    struct card card = new_card(1000000);
    int64_t sum[PLAN_DELTAS] = {0, 1000000, 0, 0};
    for (int i = 0; i < 20000; i += 1) {
        enum transaction_kind kind = (enum transaction_kind)(2 + draw(4));
        struct wish wish = {.kind = kind, .amount = {1 + draw(3000000)}};
        if (kind == TRANSACTION_SALE) {
            wish.redeem.n = draw(points_of(&card) + 2);
            wish.pay_credit.rials = draw(credit_of(&card) + 2);
        } else if (kind != TRANSACTION_LOAD) {
            wish.refers_counter = card.history[(size_t)draw((int64_t)card.count)].counter;
        }
        if (play(&card, &base, wish) == ST_OK) {
            int64_t delta[PLAN_DELTAS];
            assert_true(plan_deltas(kind, card.plan.next.last.flags, &card.plan.parts, delta));
            for (size_t d = 0; d < PLAN_DELTAS; d += 1) {
                sum[d] += delta[d];
            }
        }
        assert_true(points_of(&card) == sum[DELTA_POINTS]);
        assert_true(credit_of(&card) == sum[DELTA_CREDIT]);
        assert_true(points_of(&card) >= 0 && credit_of(&card) >= 0);
    }
    assert_true(card.history[0].counter > 1000); /* most of the wishes are refused */
}

static struct snapshot random_snapshot(uint32_t counter)
{
    static const enum transaction_kind kinds[] = {TRANSACTION_SALE, TRANSACTION_REFUND,
                                                  TRANSACTION_LOAD, TRANSACTION_UNLOAD};
    static const int64_t money[] = {1, 1000, 1000000, MONEY_MAX_RIALS};
    struct snapshot s;
    memset(&s, 0, sizeof s);
    s.layout = SNAPSHOT_LAYOUT_FIRST;
    s.status = CARD_ACTIVE;
    s.counter = counter;
    s.points.n = draw(3) == 0 ? draw(2) * POINTS_MAX : draw(POINTS_MAX + 1);
    for (size_t p = 0; p < PURSES; p += 1) {
        s.purse[p].rials = draw(money[draw(4)] + 1) % (snapshot_purse_max((enum purse)p) + 1);
    }
    s.stamps = (uint8_t)draw(SNAPSHOT_STAMPS_MAX + 1);
    s.tier = (uint8_t)draw(16);
    s.last = (struct transaction){
        .kind = kinds[draw(4)],
        .reference = (uint8_t)(1 + draw(3)),
        .amount = {draw(money[draw(4)] + 1)},
        .redeemed = {draw(3) == 0 ? draw(REDEEMED_MAX + 1) : draw(30)},
        .terminal = 17,
        .sequence = 1,
    };
    if (s.last.kind == TRANSACTION_SALE) {
        s.last.reference = draw(2) == 0 ? plan_value_mark(base.point_value) : 0;
        s.last.has_idle = draw(2) == 0;
        s.last.offer = (uint8_t)draw(SNAPSHOT_OFFER_MAX + 1);
        s.last.flags = (uint8_t)draw(4);
    }
    return s;
}

static int64_t credit_at(const struct card *card, size_t at)
{
    return card->history[at].purse[PURSE_CREDIT].rials;
}

static void a_history_that_nobody_wrote_is_planned_or_refused(void **state)
{
    (void)state;
    draw_seed(4);
    int made = 0;
    for (int i = 0; i < 300000; i += 1) {
        struct programme programme = base;
        programme.point_value.rials = draw(3) == 0 ? PROGRAMME_POINT_VALUE_MAX : draw(3) * 500;
        struct card card = {.count = 1 + (size_t)draw(6)};
        for (size_t at = 0; at < card.count; at += 1) {
            card.history[at] = random_snapshot(20 - (uint32_t)at);
            if (at > 0 && draw(8) > 0) { /* else hardly any goes back */
                card.history[at].purse[PURSE_GIFT] = card.history[at - 1].purse[PURSE_GIFT];
                card.history[at].purse[PURSE_VOUCHER] = card.history[at - 1].purse[PURSE_VOUCHER];
            }
            assert_true(snapshot_is_valid(&card.history[at]));
        }
        for (size_t at = 0; at + 1 < card.count; at += 1) { /* loads that may be unloaded */
            int64_t rose = credit_at(&card, at) - credit_at(&card, at + 1);
            if (card.history[at].last.kind == TRANSACTION_LOAD && rose > 0 && draw(2) == 0) {
                card.history[at].last.amount.rials = rose - draw(rose < 3 ? rose : 3);
            }
        }
        for (size_t at = 0; at < card.count; at += 1) {
            card.parts[at].payment.rials = draw(2000000);
            card.parts[at].load.rials = draw(2000000);
        }
        card.knows_parts = draw(2) == 0;
        card.minute = 1 + (uint32_t)draw(15000000);
        struct wish wish = {
            .kind = draw(4) == 0 ? TRANSACTION_UNLOAD : TRANSACTION_REFUND,
            .amount = {draw(2) == 0 ? 0 : draw(1000000)},
            .refers_counter = 15 + (uint32_t)draw(6),
        };
        made += play(&card, &programme, wish) == ST_OK ? 1 : 0; /* play() asserts the rest */
    }
    assert_true(made > 1000);
}

static void a_plan_with_any_figure_changed_no_longer_holds(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    assert_int_equal(sale(&card, 10000000, 0, 0), ST_OK);
    assert_int_equal(sale(&card, 3000000, 700000, 40), ST_OK);
    const struct snapshot before = card.history[1];
    const struct snapshot after = card.history[0];
    const struct breakdown parts = card.plan.parts;
    assert_true(plan_holds(&before, &after, TRANSACTION_SALE, &parts));
    assert_false(plan_holds(NULL, &after, TRANSACTION_SALE, &parts));
    assert_false(plan_holds(&before, &after, TRANSACTION_REFUND, &parts));
    assert_false(plan_holds(&before, &after, TRANSACTION_ACTION, &parts));
    assert_false(plan_holds(&before, &after, (enum transaction_kind)99, &parts));
#define BREAKS(what, field, by)                                                                    \
    do {                                                                                           \
        struct snapshot a = after;                                                                 \
        struct breakdown p = parts;                                                                \
        (void)a, (void)p;                                                                          \
        what.field += (by);                                                                        \
        assert_false(plan_holds(&before, &a, TRANSACTION_SALE, &p));                               \
    } while (0)
    BREAKS(a, counter, 1);
    BREAKS(a, points.n, 1);
    BREAKS(a, points.n, -1);
    BREAKS(a, purse[PURSE_CREDIT].rials, 1);
    BREAKS(a, purse[PURSE_GIFT].rials, 1);
    BREAKS(a, purse[PURSE_VOUCHER].rials, 1);
    BREAKS(a, action, 1);
    BREAKS(a, last.flags, 2);
    BREAKS(a, last.flags, -1);
    BREAKS(a, last.amount.rials, 1);
    BREAKS(a, last.redeemed.n, 1);
    BREAKS(p, amount.rials, 1);
    BREAKS(p, rebate.rials, 1);
    BREAKS(p, redeemed.n, 1);
    BREAKS(p, redeemed_value.rials, 1);
    BREAKS(p, payment.rials, 1);
    BREAKS(p, load.rials, 1);
    BREAKS(p, award.n, 1);
    BREAKS(p, due.rials, 1);
    BREAKS(p, due.rials, INT64_MIN / 2);
    BREAKS(p, due.rials, INT64_MAX / 2);
#undef BREAKS

    /* A sale may set these; nothing else may, but a refund may take stamps off. */
    struct card refunded = card;
    refunded.history[0].stamps = 3;
    assert_int_equal(back(&refunded, TRANSACTION_REFUND, 3, 1000), ST_OK);
    for (int i = 0; i < 7; i += 1) {
        struct snapshot a = refunded.history[0];
        a.tier = (uint8_t)(a.tier + (i == 0));
        a.group = (uint8_t)(a.group + (i == 1));
        a.stamps = (uint8_t)(a.stamps + (i == 2) - (i == 3));
        a.last.offer = i == 4;
        a.last.flags = i == 5;
        a.last.has_idle = i == 6;
        assert_int_equal(
            plan_holds(&refunded.history[1], &a, TRANSACTION_REFUND, &refunded.plan.parts), i == 3);
    }
}

static void an_expiry_with_any_figure_changed_no_longer_holds(void **state)
{
    (void)state;
    struct card card = new_card(1000000);
    assert_int_equal(sale(&card, 10000000, 0, 0), ST_OK); /* 100 points */
    const struct snapshot before = card.history[0];
    struct snapshot after = before;
    after.counter += 1;
    after.points.n = 30;
    after.last = (struct transaction){
        .kind = TRANSACTION_EXPIRE, .minute = 1, .terminal = 17, .sequence = 3};
    const struct breakdown parts = {.award = {70}};
    assert_true(plan_holds(&before, &after, TRANSACTION_EXPIRE, &parts));
    for (int i = 0; i < 8; i += 1) {
        struct breakdown p = parts;
        int64_t *const fields[] = {
            &p.amount.rials,  &p.rebate.rials, &p.redeemed.n, &p.redeemed_value.rials,
            &p.payment.rials, &p.load.rials,   &p.award.n,    &p.due.rials};
        *fields[i] += 1;
        assert_false(plan_holds(&before, &after, TRANSACTION_EXPIRE, &p));
    }
    const struct breakdown none = {.award = {0}};
    after.points = before.points;
    assert_false(plan_holds(&before, &after, TRANSACTION_EXPIRE, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_examples_give_their_figures),
        cmocka_unit_test(w01_every_100000_toman_earn_10_points),
        cmocka_unit_test(one_rial_below_a_block_earns_nothing_for_it),
        cmocka_unit_test(toman_taken_for_rials_would_show_as_a_factor_of_ten),
        cmocka_unit_test(all_three_switches_decide_what_earns),
        cmocka_unit_test(spending_never_passes_a_balance),
        cmocka_unit_test(points_and_credit_never_pay_more_than_the_basket),
        cmocka_unit_test(one_tap_spends_at_most_what_the_image_holds),
        cmocka_unit_test(a_club_without_point_value_redeems_nothing),
        cmocka_unit_test(limits_are_exact_to_the_rial),
        cmocka_unit_test(an_award_is_cut_to_the_room_that_the_points_purse_has),
        cmocka_unit_test(an_activation_opens_with_credit_up_to_its_limit),
        cmocka_unit_test(blocked_closed_and_used_up_cards_do_nothing),
        cmocka_unit_test(a_plan_carries_over_what_it_does_not_change),
        cmocka_unit_test(balances_are_the_sum_of_the_transactions),
        cmocka_unit_test(a_history_that_nobody_wrote_is_planned_or_refused),
        cmocka_unit_test(a_plan_with_any_figure_changed_no_longer_holds),
        cmocka_unit_test(an_expiry_with_any_figure_changed_no_longer_holds),
    };
    return cmocka_run_group_tests_name("plan", tests, load_vectors, free_vectors);
}
