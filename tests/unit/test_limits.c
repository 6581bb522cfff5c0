/* Tests of firmware/engine/limits.h. Figures are worked by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/limits.h"

static struct limit_use used_by(enum transaction_kind kind, const struct breakdown *parts)
{
    struct limit_use use;
    limits_use_parts(kind, parts, NULL, &use);
    return use;
}

static void expect(const struct limit_use *use, enum limit_what what, int64_t rials, int64_t count)
{
    assert_true(use->n[what][LIMIT_RIALS] == rials);
    assert_true(use->n[what][LIMIT_COUNT] == count);
}

static void a_sale_spends_what_credit_and_points_pay_and_gives_cashback_and_points(void **state)
{
    (void)state;
    /* 1,000,000: 50,000 off, 30 points for 30,000, 400,000 of credit, 520,000 in cash. */
    const struct breakdown sale = {.amount = {1000000},
                                   .rebate = {50000},
                                   .redeemed = {30},
                                   .redeemed_value = {30000},
                                   .payment = {400000},
                                   .load = {7000},
                                   .award = {92},
                                   .due = {520000}};
    struct limit_use use = used_by(TRANSACTION_SALE, &sale);
    expect(&use, LIMIT_SPEND, 430000, 1);
    expect(&use, LIMIT_EARN, 7000, 92);
    expect(&use, LIMIT_LOAD, 0, 0);
    expect(&use, LIMIT_REFUND, 0, 0);

    const struct breakdown cash = {.amount = {1000000}, .due = {1000000}};
    use = used_by(TRANSACTION_SALE, &cash);
    assert_false(limits_uses_any(&use));
}

static void the_other_kinds_use_what_they_give(void **state)
{
    (void)state;
    const struct breakdown load = {.amount = {250000}, .load = {250000}, .due = {250000}};
    struct limit_use use = used_by(TRANSACTION_LOAD, &load);
    expect(&use, LIMIT_LOAD, 250000, 1);
    expect(&use, LIMIT_ISSUE, 0, 0);

    use = used_by(TRANSACTION_ACTIVATE, &load);
    expect(&use, LIMIT_LOAD, 250000, 1);
    expect(&use, LIMIT_ISSUE, 250000, 1);
    const struct breakdown nothing = {.amount = {0}};
    use = used_by(TRANSACTION_ACTIVATE, &nothing);
    expect(&use, LIMIT_LOAD, 0, 0);
    expect(&use, LIMIT_ISSUE, 0, 1);

    /* Half of a sale of 1,000,000: 200,000 of it to the purse, 300,000 in cash. */
    const struct breakdown refund = {
        .amount = {500000}, .payment = {200000}, .due = {300000}, .award = {50}};
    use = used_by(TRANSACTION_REFUND, &refund);
    expect(&use, LIMIT_REFUND, 500000, 1);
    expect(&use, LIMIT_EARN, 0, 0);
    use = used_by(TRANSACTION_UNLOAD, &load);
    expect(&use, LIMIT_REFUND, 250000, 1);
    expect(&use, LIMIT_LOAD, 0, 0);

    static const enum transaction_kind free_of_charge[] = {TRANSACTION_BLOCK, TRANSACTION_UNBLOCK,
                                                           TRANSACTION_EXPIRE, TRANSACTION_ACTION};
    for (size_t i = 0; i < sizeof free_of_charge / sizeof free_of_charge[0]; i += 1) {
        use = used_by(free_of_charge[i], &refund);
        assert_false(limits_uses_any(&use));
    }
}

static void gift_and_voucher_count_with_credit(void **state)
{
    (void)state;
    const struct breakdown parts = {
        .amount = {90000}, .load = {50000}, .payment = {8000}, .gift = {300}, .voucher = {20}};
    struct limit_use use = used_by(TRANSACTION_LOAD, &parts);
    expect(&use, LIMIT_LOAD, 50320, 1);
    use = used_by(TRANSACTION_ACTIVATE, &parts);
    expect(&use, LIMIT_LOAD, 50320, 1);
    expect(&use, LIMIT_ISSUE, 50320, 1);
    use = used_by(TRANSACTION_SALE, &parts);
    expect(&use, LIMIT_SPEND, 8320, 1);
    expect(&use, LIMIT_EARN, 50000, 0);
}

/* What came off the old card is not new; the provisional money of a lost one is. */
static void a_replaced_card_counts_as_issued(void **state)
{
    (void)state;
    const struct breakdown parts = {.amount = {90000}, .load = {70000}, .gift = {20000}};
    struct limit_use use;
    struct peer peer = {.direction = PEER_IN, .terminal = 7, .sequence = 12};
    limits_use_parts(TRANSACTION_DUPLICATE, &parts, &peer, &use);
    expect(&use, LIMIT_ISSUE, 0, 1);
    expect(&use, LIMIT_LOAD, 0, 0);
    peer.terminal = peer.sequence = 0;
    limits_use_parts(TRANSACTION_DUPLICATE, &parts, &peer, &use);
    expect(&use, LIMIT_ISSUE, 90000, 1);
    peer.direction = PEER_OUT;
    limits_use_parts(TRANSACTION_DUPLICATE, &parts, &peer, &use);
    assert_false(limits_uses_any(&use));
    limits_use_parts(TRANSACTION_TRANSFER, &parts, &peer, &use);
    assert_false(limits_uses_any(&use));
}

/* What a member earns without the card, and an organisation's voucher. */
static void what_is_no_cards_counts_too(void **state)
{
    (void)state;
    struct limit_use use;
    struct entry entry = {.kind = ENTRY_ACCRUAL,
                          .accrual = {.number = 42, .amount = {1000000}, .cashback = {7000}}};
    entry.accrual.award.n = 10;
    limits_use(&entry, &use);
    expect(&use, LIMIT_EARN, 7000, 10);
    expect(&use, LIMIT_SPEND, 0, 0);
    assert_true(limits_card(&entry) == 42);
    entry.accrual.refers_sequence = 5; /* it goes back */
    limits_use(&entry, &use);
    expect(&use, LIMIT_EARN, 0, 0);
    expect(&use, LIMIT_REFUND, 1000000, 1);
    entry = (struct entry){.kind = ENTRY_BON, .bon = {.bon = {.amount = {5000000}}}};
    limits_use(&entry, &use);
    expect(&use, LIMIT_SPEND, 5000000, 1);
    expect(&use, LIMIT_EARN, 0, 0);
    assert_true(limits_card(&entry) == 0);
    entry.bon.is_back = 1;
    limits_use(&entry, &use);
    assert_false(limits_uses_any(&use));
    entry = (struct entry){.kind = ENTRY_MEMBER};
    limits_use(&entry, &use);
    assert_false(limits_uses_any(&use));
}

static void a_limit_holds_to_the_rial(void **state)
{
    (void)state;
    struct limits limits = {0};
    struct limit_use used = {0}, more = {0};
    struct limit_passed passed;
    limits.of[LIMIT_LOAD][LIMIT_RIALS] = (struct limit){true, 1000000};
    used.n[LIMIT_LOAD][LIMIT_RIALS] = 600000;
    more.n[LIMIT_LOAD][LIMIT_RIALS] = 400000;
    assert_false(limits_passed(&limits, &used, &more, &passed));
    more.n[LIMIT_LOAD][LIMIT_RIALS] = 400001;
    assert_true(limits_passed(&limits, &used, &more, &passed));
    assert_int_equal(passed.what, LIMIT_LOAD);
    assert_int_equal(passed.unit, LIMIT_RIALS);
    assert_true(passed.max == 1000000 && passed.used == 600000 && passed.left == 400000);
}

static void a_limit_that_is_passed_stops_only_what_uses_it(void **state)
{
    (void)state;
    struct limits limits = {0};
    struct limit_use used = {0}, more = {0};
    struct limit_passed passed;
    limits.of[LIMIT_REFUND][LIMIT_COUNT] = (struct limit){true, 2};
    used.n[LIMIT_REFUND][LIMIT_COUNT] = 3; /* the club has lowered it meanwhile */
    more.n[LIMIT_SPEND][LIMIT_RIALS] = 5000;
    assert_false(limits_passed(&limits, &used, &more, &passed));
    more.n[LIMIT_REFUND][LIMIT_COUNT] = 1;
    assert_true(limits_passed(&limits, &used, &more, &passed));
    assert_true(passed.left == 0 && passed.used == 3);
}

static void a_limit_of_zero_allows_nothing_and_no_limit_allows_all(void **state)
{
    (void)state;
    struct limits limits = {0};
    struct limit_use none = {0}, more = {0};
    struct limit_passed passed;
    more.n[LIMIT_ISSUE][LIMIT_COUNT] = 1;
    assert_false(limits_any(&limits));
    assert_false(limits_passed(&limits, &none, &more, &passed));
    limits.of[LIMIT_ISSUE][LIMIT_COUNT].is_set = true;
    assert_true(limits_any(&limits) && limits_are_valid(&limits));
    assert_true(limits_passed(&limits, &none, &more, &passed));
    limits.of[LIMIT_ISSUE][LIMIT_COUNT].max = -1;
    assert_false(limits_are_valid(&limits));
}

static void what_is_settled_as_not_done_goes_back(void **state)
{
    (void)state;
    struct limit_use sum = {0}, more = {0};
    more.n[LIMIT_LOAD][LIMIT_RIALS] = 70000;
    more.n[LIMIT_LOAD][LIMIT_COUNT] = 1;
    limits_add(&sum, &more, 1);
    limits_add(&sum, &more, 1);
    limits_add(&sum, &more, -1);
    expect(&sum, LIMIT_LOAD, 70000, 1);
}

/* date -u -d '2026-11-22 20:29:59' +%s = 1795379399; Tehran is at 23:59:59 then. */
static void a_day_is_irans_and_without_a_clock_there_is_one_only(void **state)
{
    (void)state;
    const int32_t day = limits_day(1795379399, 2);
    assert_int_equal(day, 20779); /* date -d 2026-11-22 +%s, in days */
    assert_int_equal(limits_day(1795379400, 2), day + 1);
    assert_int_equal(limits_day(1795379400, 1), day + 1);
    assert_int_equal(limits_day(1795379400, 0), 0);
}

/* --- the ring --------------------------------------------------------------------------------- */

enum { OWN = 7, OTHER = 8, DAY = 20779 };

static struct snapshot at(uint32_t counter, enum transaction_kind kind, uint32_t terminal,
                          int64_t credit, int64_t points)
{
    struct snapshot snapshot = {.layout = SNAPSHOT_LAYOUT_FIRST,
                                .status = CARD_ACTIVE,
                                .counter = counter,
                                .points = {points}};
    snapshot.purse[PURSE_CREDIT].rials = credit;
    snapshot.last =
        (struct transaction){.kind = kind,
                             .minute = snapshot_minute(1795329000) /* 10:00 in Tehran */,
                             .terminal = terminal,
                             .sequence = 1};
    return snapshot;
}

static void the_ring_tells_what_other_terminals_did_today(void **state)
{
    (void)state;
    struct snapshot ring[5];
    ring[4] = at(10, TRANSACTION_LOAD, OTHER, 100000, 20);
    ring[3] = at(11, TRANSACTION_LOAD, OTHER, 400000, 20); /* 300,000 */
    ring[2] = at(12, TRANSACTION_LOAD, OWN, 450000, 20);   /* in our own journal */
    ring[1] = at(13, TRANSACTION_SALE, OTHER, 250000, 25); /* 200,000, 10 points of 1,000, 15 new */
    ring[1].last.redeemed.n = 10;
    ring[0] = at(14, TRANSACTION_REFUND, OTHER, 260000, 25);
    ring[0].last.amount.rials = 12345;
    struct limit_use use;
    limits_of_ring(ring, 5, DAY, OWN, (struct money){1000}, &use);
    expect(&use, LIMIT_LOAD, 300000, 1);
    expect(&use, LIMIT_SPEND, 210000, 1);
    expect(&use, LIMIT_EARN, 0, 15);
    expect(&use, LIMIT_REFUND, 12345, 1);
    expect(&use, LIMIT_ISSUE, 0, 0);
}

static void the_ring_stops_at_a_gap_and_at_another_day(void **state)
{
    (void)state;
    struct snapshot ring[3];
    struct limit_use use;
    ring[2] = at(1, TRANSACTION_ACTIVATE, OTHER, 5000, 0);
    ring[1] = at(2, TRANSACTION_LOAD, OTHER, 9000, 0);
    ring[0] = at(4, TRANSACTION_LOAD, OTHER, 20000, 0); /* 3 is missing */
    limits_of_ring(ring, 3, DAY, OWN, (struct money){0}, &use);
    assert_false(limits_uses_any(&use));
    ring[0].counter = 3;
    limits_of_ring(ring, 3, DAY, OWN, (struct money){0}, &use);
    expect(&use, LIMIT_LOAD, 20000, 3); /* 11,000 + 4,000 + the opening credit of 5,000 */
    expect(&use, LIMIT_ISSUE, 5000, 1);
    ring[1].last.minute -= 24 * 60;
    limits_of_ring(ring, 3, DAY, OWN, (struct money){0}, &use);
    expect(&use, LIMIT_LOAD, 16000, 2);
}

static void the_words_name_every_limit(void **state)
{
    (void)state;
    for (int what = 0; what < LIMIT_WHATS; what += 1) {
        enum limit_what found = LIMIT_WHATS;
        assert_true(limits_what_of(limits_what_word((enum limit_what)what), &found));
        assert_int_equal(found, what);
    }
    enum limit_what what;
    enum limit_unit unit;
    assert_false(limits_what_of("sell", &what));
    assert_true(limits_unit_of(LIMIT_EARN, "points", &unit) && unit == LIMIT_COUNT);
    assert_false(limits_unit_of(LIMIT_LOAD, "points", &unit));
    assert_true(limits_unit_of(LIMIT_LOAD, "count", &unit) && unit == LIMIT_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sale_spends_what_credit_and_points_pay_and_gives_cashback_and_points),
        cmocka_unit_test(the_other_kinds_use_what_they_give),
        cmocka_unit_test(gift_and_voucher_count_with_credit),
        cmocka_unit_test(a_replaced_card_counts_as_issued),
        cmocka_unit_test(what_is_no_cards_counts_too),
        cmocka_unit_test(a_limit_holds_to_the_rial),
        cmocka_unit_test(a_limit_that_is_passed_stops_only_what_uses_it),
        cmocka_unit_test(a_limit_of_zero_allows_nothing_and_no_limit_allows_all),
        cmocka_unit_test(what_is_settled_as_not_done_goes_back),
        cmocka_unit_test(a_day_is_irans_and_without_a_clock_there_is_one_only),
        cmocka_unit_test(the_ring_tells_what_other_terminals_did_today),
        cmocka_unit_test(the_ring_stops_at_a_gap_and_at_another_day),
        cmocka_unit_test(the_words_name_every_limit),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
