/* fault_tap_odd.c - odd cards and odd shops: each has one right behaviour (docs/tap.md).
 *
 * The world of fault_tap_world.h, whose steps a test takes itself where the moment matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "storage/store.h"
#include "storage/support.h"
#include "tests/fault/fault_tap_world.h"
#include "tests/support/crash_vfs.h"

static struct world world;
static struct classic second_card; /* a member card of the same club */
static uint64_t second_number;

static struct tap_answer ask(enum operation operation, enum returns returns)
{
    struct tap_answer answer = {0};
    struct tap_request request = world_request(operation);
    assert_true(world_ask(&world, &request, returns, &answer));
    return answer;
}

static struct tap_answer balance(void)
{
    struct tap_answer answer = {0};
    struct tap_request request = world_balance();
    assert_true(world_ask(&world, &request, RETURNS_SOON, &answer));
    return answer;
}

static void lay(struct classic *card)
{
    world.soft.card = card;
    if (card != NULL) {
        soft_reader_tap(&world.soft);
    }
}

/* A terminal that knows two members, and the first one's card on the reader. */
static void open_shop(void)
{
    static const uint8_t uid[4] = {0x04, 0x77, 0x88, 0x99};
    world_clock_s = 1800000000;
    world_clock_quality = CLOCK_BY_HAND;
    world_reset(&world, OP_SALE, NULL);
    assert_true(world_boot(&world));
    classic_init(&second_card, CLASSIC_1K, uid, 4);
    lay(&second_card);
    struct tap_answer issued = ask(OP_ISSUE, RETURNS_SOON);
    assert_int_equal(issued.outcome, TAP_DONE);
    second_number = issued.card_number;
    lay(world.card);
}

static void restart(void)
{
    world_die(&world);
    assert_true(world_boot(&world));
}

static struct journal_counts counts(void)
{
    struct journal_counts counts;
    assert_int_equal(journal_counts(world.store, &counts), ST_OK);
    return counts;
}

static void begin(enum operation operation)
{
    struct tap_answer refusal;
    struct tap_request request = world_request(operation);
    assert_int_equal(terminal_begin(world.terminal, &request, NULL, 3000, &refusal), ST_OK);
}

/* Steps until nothing but a card can move the tap on, or it is over. */
static enum terminal_progress step_on(void)
{
    enum terminal_progress progress;
    do {
        progress = terminal_step(world.terminal);
    } while (progress == TERMINAL_WORKING);
    return progress;
}

static struct tap_answer finish(void)
{
    struct tap_answer answer = *terminal_answer(world.terminal);
    terminal_finish(world.terminal, true);
    return answer;
}

/* Begins a sale whose last write is cut, so that it is in doubt: the card carries it already
 * (`is_carried`), or not. */
static void begin_in_doubt(bool is_carried)
{
    for (uint32_t n = 1;; n++) {
        open_shop();
        classic_plan_cut(world.card, (struct classic_cut){.when = CLASSIC_CUT_WRITE,
                                                          .n = n,
                                                          .tear = is_carried ? CLASSIC_TEAR_NEW
                                                                             : CLASSIC_TEAR_OLD});
        begin(OP_SALE_BOTH);
        assert_int_equal(step_on(), TERMINAL_WAITING); /* a write came, and was cut */
        if (terminal_meanwhile(world.terminal) == TAP_SAY_HOLD_AGAIN) {
            return;
        }
        world_die(&world); /* a write before the last: surely not done */
    }
}

/* Lets the time run out while the card stays away. */
static struct tap_answer wait_in_vain(void)
{
    world_clock_ms += 60000;
    assert_int_equal(step_on(), TERMINAL_OVER);
    return finish();
}

/* --- odd cards -------------------------------------------------------------------------------- */

static void a_card_left_on_the_reader_is_served_when_asked_and_not_by_itself(void **unused)
{
    (void)unused;
    open_shop();
    struct tap_answer first = ask(OP_SALE, RETURNS_SOON);
    assert_int_equal(first.outcome, TAP_DONE);
    uint32_t entries = counts().entries;
    for (int n = 0; n < 1000; n++) {
        terminal_idle(world.terminal);
        world_clock_ms += 250;
    }
    assert_int_equal(counts().entries, entries);
    struct tap_answer next = ask(OP_LOAD, RETURNS_SOON); /* the card was never lifted */
    assert_int_equal(next.outcome, TAP_DONE);
    assert_int_equal(next.snapshot.counter, first.snapshot.counter + 1);
    /* The same basket once more is another sale: this one was told. */
    next = ask(OP_SALE, RETURNS_SOON);
    assert_false(next.is_earlier);
    next = ask(OP_SALE, RETURNS_SOON);
    assert_false(next.is_earlier);
    assert_int_equal(next.snapshot.counter, first.snapshot.counter + 3);
    world_die(&world);
}

static void another_card_is_not_touched_while_one_is_in_doubt(void **unused)
{
    (void)unused;
    for (int is_carried = 0; is_carried < 2; is_carried++) {
        begin_in_doubt(is_carried == 1);
        struct classic before = second_card;
        lay(&second_card);
        for (int n = 0; n < 10; n++) {
            world.soft.commands = 0;
            assert_int_equal(step_on(), TERMINAL_WAITING);
            assert_int_equal(world.soft.commands, 0); /* not even selected */
            assert_int_equal(terminal_meanwhile(world.terminal), TAP_SAY_HOLD_AGAIN);
        }
        assert_memory_equal(before.memory, second_card.memory, sizeof before.memory);
        lay(world.card); /* the right one */
        assert_int_equal(step_on(), TERMINAL_OVER);
        struct tap_answer answer = finish();
        assert_int_equal(answer.outcome, TAP_DONE);
        assert_true(answer.card_number != second_number);
        assert_int_equal(counts().pending, 0);
        world_die(&world);
    }
}

static void another_card_is_served_by_its_own_request_while_one_is_in_doubt(void **unused)
{
    (void)unused;
    begin_in_doubt(true);
    lay(&second_card);
    struct tap_answer held = wait_in_vain();
    assert_int_equal(held.outcome, TAP_HOLD_AGAIN);
    assert_true(held.card_number != 0 && held.card_number != second_number);
    struct tap_answer other = ask(OP_SALE, RETURNS_SOON);
    assert_int_equal(other.outcome, TAP_DONE);
    assert_int_equal(other.card_number, second_number);
    assert_int_equal(other.snapshot.counter, 2);
    assert_false(other.has_settled);
    assert_int_equal(counts().pending, 1);
    lay(world.card);
    struct tap_answer again = ask(OP_SALE_BOTH, RETURNS_SOON);
    assert_int_equal(again.outcome, TAP_DONE);
    assert_true(again.is_earlier);
    assert_int_equal(again.card_number, held.card_number);
    assert_int_equal(counts().pending, 0);
    world_die(&world);
}

static void a_card_withdrawn_and_presented_again_is_one_sale(void **unused)
{
    (void)unused;
    uint32_t cuts = 0;
    for (uint32_t n = 0;; n++) {
        open_shop();
        uint32_t counter = balance().snapshot.counter;
        uint32_t taken = world.card->cuts_taken;
        classic_plan_cut(world.card, (struct classic_cut){.when = CLASSIC_CUT_AFTER, .n = n});
        struct tap_answer answer = ask(OP_SALE_BOTH, RETURNS_SOON);
        bool is_cut = world.card->cuts_taken > taken;
        assert_int_equal(answer.outcome, TAP_DONE);
        assert_int_equal(answer.snapshot.counter, counter + 1);
        assert_int_equal(counts().pending, 0);
        world_die(&world);
        cuts += is_cut;
        if (!is_cut) {
            break;
        }
    }
    assert_true(cuts > 10);
}

static void of_two_cards_in_the_field_one_is_served_and_the_other_is_untouched(void **unused)
{
    (void)unused;
    uint32_t served[2] = {0};
    for (unsigned n = 0; n < 60; n++) {
        open_shop();
        struct classic *cards[2] = {world.card, &second_card};
        lay(&second_card);
        lay(world.card);
        world.beside = &second_card;
        world.selects = n;
        struct classic before[2] = {*cards[0], *cards[1]};
        /* The one that is served goes at some moment, and comes back between two looks. */
        classic_plan_cut(cards[n % 2], (struct classic_cut){.when = CLASSIC_CUT_AFTER, .n = n / 2});
        begin(OP_SALE);
        while (step_on() != TERMINAL_OVER) {
            world_clock_ms += 100;
            for (int i = 0; i < 2; i++) {
                if (cards[i]->is_away) {
                    world.soft.card = cards[i];
                    soft_reader_tap(&world.soft);
                }
            }
        }
        struct tap_answer answer = finish();
        assert_int_equal(answer.outcome, TAP_DONE);
        int which = answer.card_number == second_number;
        assert_memory_equal(before[1 - which].memory, cards[1 - which]->memory,
                            sizeof before[0].memory);
        assert_memory_not_equal(before[which].memory, cards[which]->memory,
                                sizeof before[0].memory);
        assert_int_equal(counts().pending, 0);
        served[which]++;
        world.beside = NULL;
        world_die(&world);
    }
    assert_true(served[0] > 0 && served[1] > 0);
}

/* --- answers that nobody took ----------------------------------------------------------------- */

static void an_answer_that_nobody_took_is_given_again_once(void **unused)
{
    (void)unused;
    open_shop();
    world.is_deaf = true;
    struct tap_answer first = ask(OP_SALE_BOTH, RETURNS_SOON);
    struct tap_answer second = ask(OP_SALE_BOTH, RETURNS_SOON); /* not taken either */
    world.is_deaf = false;
    struct tap_answer third = ask(OP_SALE_BOTH, RETURNS_SOON);
    assert_false(first.is_earlier);
    assert_true(second.is_earlier && third.is_earlier);
    assert_int_equal(third.snapshot.counter, first.snapshot.counter);
    struct tap_answer fourth = ask(OP_SALE_BOTH, RETURNS_SOON);
    assert_false(fourth.is_earlier);
    assert_int_equal(fourth.snapshot.counter, first.snapshot.counter + 1);
    world_die(&world);
}

static void one_settled_by_asking_again_is_given_again_when_nobody_took_it(void **unused)
{
    (void)unused;
    begin_in_doubt(true);
    assert_int_equal(wait_in_vain().outcome, TAP_HOLD_AGAIN);
    lay(world.card);
    world.is_deaf = true;
    struct tap_answer first = ask(OP_SALE_BOTH, RETURNS_SOON);
    assert_true(first.is_earlier);
    world.is_deaf = false;
    struct tap_answer second = ask(OP_SALE_BOTH, RETURNS_SOON);
    assert_true(second.is_earlier);
    assert_int_equal(second.snapshot.counter, first.snapshot.counter);
    world_die(&world);
}

static void it_is_given_again_after_another_card_was_served_and_after_a_restart(void **unused)
{
    (void)unused;
    for (int restarts = 0; restarts < 4; restarts++) {
        open_shop();
        world.is_deaf = true;
        struct tap_answer first = ask(OP_SALE_BOTH, RETURNS_SOON);
        world.is_deaf = false;
        if (restarts & 1) {
            restart();
        }
        lay(&second_card);
        assert_int_equal(ask(OP_SALE, RETURNS_SOON).outcome, TAP_DONE);
        if (restarts & 2) {
            restart();
        }
        lay(world.card);
        struct tap_answer second = ask(OP_SALE_BOTH, RETURNS_SOON);
        assert_int_equal(second.outcome, TAP_DONE);
        assert_true(second.is_earlier);
        assert_int_equal(second.snapshot.counter, first.snapshot.counter);
        assert_false(ask(OP_SALE_BOTH, RETURNS_SOON).is_earlier);
        if (restarts & 2) { /* told, and still so for the process after it */
            restart();
            lay(world.card);
            assert_false(ask(OP_SALE_BOTH, RETURNS_SOON).is_earlier);
        }
        world_die(&world);
    }
}

static void one_that_turns_out_not_to_have_been_taken_is_given_again(void **unused)
{
    (void)unused;
    open_shop();
    struct tap_answer first = ask(OP_SALE_BOTH, RETURNS_SOON);
    terminal_untell(world.terminal, first.snapshot.last.sequence);
    restart();
    lay(world.card);
    struct tap_answer second = ask(OP_SALE_BOTH, RETURNS_SOON);
    assert_true(second.is_earlier);
    assert_int_equal(second.snapshot.counter, first.snapshot.counter);
    world_die(&world);
}

static void one_that_was_told_but_not_saved_does_not_swallow_the_next_sale(void **unused)
{
    (void)unused;
    bool was_unsaved = false;
    for (uint64_t n = 1; !was_unsaved; n++) {
        open_shop();
        crash_vfs_fail_at(n, CRASH_IOERR, false);
        struct tap_answer first = ask(OP_SALE, RETURNS_SOON);
        assert_true(crash_vfs_has_failed());
        crash_vfs_heal();
        was_unsaved = first.outcome == TAP_DONE && first.is_unsaved;
        if (was_unsaved) {
            struct tap_answer second = ask(OP_SALE, RETURNS_SOON);
            assert_int_equal(second.outcome, TAP_DONE);
            assert_false(second.is_earlier);
            assert_int_equal(second.snapshot.counter, first.snapshot.counter + 1);
            assert_true(second.has_settled && second.settled == VERDICT_DONE);
        }
        world_die(&world);
    }
}

/* --- the date jumps --------------------------------------------------------------------------- */

static void a_date_that_is_set_meanwhile_does_not_charge_twice(void **unused)
{
    (void)unused;
    for (int restarts = 0; restarts < 2; restarts++) {
        begin_in_doubt(true);
        struct tap_answer held = wait_in_vain();
        assert_int_equal(held.outcome, TAP_HOLD_AGAIN);
        world_clock_s += 86400 * 400;
        if (restarts) { /* the battery is empty: the date is lost with the power */
            world_clock_quality = CLOCK_UNSET;
            world_clock_s = 1000;
            restart();
        }
        lay(world.card);
        world.is_deaf = true;
        struct tap_answer again = ask(OP_SALE_BOTH, RETURNS_SOON);
        assert_true(again.is_earlier);
        world.is_deaf = false;
        world_clock_quality = CLOCK_BY_CLUB;
        world_clock_s = 1900000000;
        if (!restarts) {
            struct tap_answer third = ask(OP_SALE_BOTH, RETURNS_SOON);
            assert_true(third.is_earlier);
            assert_int_equal(third.snapshot.counter, again.snapshot.counter);
        }
        world_die(&world);
    }
}

static int64_t support_left(struct world *of)
{
    struct terminal_status status;
    terminal_status(of->terminal, &status);
    assert_true(status.support_left_s ==
                support_left_s(of->store, world_clock_s)); /* as sync sees it */
    return status.support_left_s;
}

static void go_on(int64_t seconds_s)
{
    world_clock_s += seconds_s;
    world_clock_ms += 1000 * seconds_s;
}

/* Somebody switches it on, and then the club's clock is heard. */
static void hours_of_support_outlive_a_date_that_is_set(void **unused)
{
    enum { HOUR_S = 3600 };
    struct tap_answer ignored;
    (void)unused;
    open_shop();
    world_clock_quality = CLOCK_UNSET;
    world_clock_s = 100;
    restart();
    terminal_support(world.terminal, 12, 0, &ignored);
    go_on(HOUR_S);
    assert_int_equal(support_left(&world), 11 * HOUR_S);
    world_clock_quality = CLOCK_BY_HAND;
    world_clock_s = 1800000000;
    assert_int_equal(support_left(&world), 11 * HOUR_S);
    go_on(HOUR_S);
    world_clock_s -= 400 * 86400; /* back */
    assert_int_equal(support_left(&world), 10 * HOUR_S);
    world_clock_s += 400 * 86400; /* set, and switched on before anybody looked */
    terminal_support(world.terminal, 2, 0, &ignored);
    assert_int_equal(support_left(&world), 2 * HOUR_S);
    go_on(2 * HOUR_S - 1);
    assert_int_equal(support_left(&world), 1);
    go_on(1);
    assert_int_equal(support_left(&world), 0);
    terminal_support(world.terminal, 12, 0, &ignored);
    world_clock_s += 5 * HOUR_S; /* a machine that slept */
    assert_int_equal(support_left(&world), 7 * HOUR_S);
    world_clock_s += 7 * HOUR_S;
    assert_int_equal(support_left(&world), 0);
    world_clock_s += 400 * 86400; /* what is over stays over */
    assert_int_equal(support_left(&world), 0);
    world_die(&world);
}

static int prepare(void **unused)
{
    (void)unused;
    world_prepare(CARD_CLASSIC);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_left_on_the_reader_is_served_when_asked_and_not_by_itself),
        cmocka_unit_test(another_card_is_not_touched_while_one_is_in_doubt),
        cmocka_unit_test(another_card_is_served_by_its_own_request_while_one_is_in_doubt),
        cmocka_unit_test(a_card_withdrawn_and_presented_again_is_one_sale),
        cmocka_unit_test(of_two_cards_in_the_field_one_is_served_and_the_other_is_untouched),
        cmocka_unit_test(an_answer_that_nobody_took_is_given_again_once),
        cmocka_unit_test(one_settled_by_asking_again_is_given_again_when_nobody_took_it),
        cmocka_unit_test(it_is_given_again_after_another_card_was_served_and_after_a_restart),
        cmocka_unit_test(one_that_turns_out_not_to_have_been_taken_is_given_again),
        cmocka_unit_test(one_that_was_told_but_not_saved_does_not_swallow_the_next_sale),
        cmocka_unit_test(a_date_that_is_set_meanwhile_does_not_charge_twice),
        cmocka_unit_test(hours_of_support_outlive_a_date_that_is_set),
    };
    return cmocka_run_group_tests_name("odd cards and odd shops", tests, prepare, NULL);
}
