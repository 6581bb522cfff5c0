/* fault_tap_lost.c - a lost card at the terminal that was told of it: what counts, and until when.
 *
 * The world of fault_tap_world.h, with a hotlist in a file of its own beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/engine/listing.h"
#include "storage/hotlist.h"
#include "storage/lost.h"
#include "tests/fault/fault_tap_world.h"

static struct world world;
static char database[64];

/* --- the list --------------------------------------------------------------------------------- */

static struct hotlist *open_list(void)
{
    struct hotlist *list = NULL;
    struct fault fault = {""};
    const struct hotlist_config config = {.database = database, .create = true};
    assert_int_equal(hotlist_open(&config, &list, &fault), ST_OK);
    return list;
}

static void no_list(void)
{
    struct fault fault;
    assert_int_equal(hotlist_discard(database, &fault), ST_OK);
}

/* The club's newest list, from version to - 1 to version `to`, is taken in now. */
static void take_list(uint32_t to, uint64_t card, uint8_t listing)
{
    struct hotlist *list = open_list();
    const struct listing_change change = {card, listing};
    const struct hotlist_delta delta = {.from = to - 1,
                                        .from_mark = to - 1,
                                        .to = to,
                                        .to_mark = to,
                                        .made_s = world_clock_s,
                                        .changes = &change,
                                        .count = 1};
    assert_int_equal(hotlist_apply(list, &delta), ST_OK);
    hotlist_close(list);
}

/* --- the terminal ----------------------------------------------------------------------------- */

static struct tap_answer ask(const struct tap_request *request)
{
    struct tap_answer answer = {0};
    soft_reader_tap(&world.soft);
    assert_true(world_ask(&world, request, RETURNS_SOON, &answer));
    return answer;
}

static struct tap_answer sell(void)
{
    const struct tap_request request = world_request(OP_SALE);
    return ask(&request);
}

/* Before `operation`, with that card on the reader and no list. */
static void open_shop(enum operation operation)
{
    no_list();
    world.database = database;
    world_clock_quality = CLOCK_BY_HAND;
    world_reset(&world, operation, NULL);
    assert_true(world_boot(&world));
}

static uint32_t report_lost(uint64_t card)
{
    struct fault fault;
    struct entry entry = {
        .kind = ENTRY_REPORT,
        .report = {.card_number = card, .event = REPORT_LOST, .how = REPORT_BY_NUMBER}};
    assert_int_equal(terminal_append(world.terminal, &entry, &fault), ST_OK);
    return entry.sequence;
}

static uint64_t number_of_the_card(void)
{
    const struct tap_request balance = world_balance();
    const struct tap_answer answer = ask(&balance);
    assert_int_equal(answer.outcome, TAP_DONE);
    return answer.card_number;
}

/* --- a report --------------------------------------------------------------------------------- */

static void a_report_counts_until_the_list_is_by_a_club_that_had_it(void **unused)
{
    (void)unused;
    open_shop(OP_SALE);
    const uint64_t card = number_of_the_card();
    take_list(1, card, LISTING_NONE);
    world_clock_s += 60;
    const uint32_t report = report_lost(card);
    assert_int_equal(terminal_listing(world.terminal, card), LISTING_LOST);
    /* Asked for before the report, taken in after it; then the journal comes through. */
    world_clock_s += 60;
    take_list(2, card, LISTING_NONE);
    assert_int_equal(lost_note_list(world.store, report - 1, 2, 2), ST_OK);
    assert_int_equal(sync_set_acknowledged(world.store, report), ST_OK);
    assert_int_equal(terminal_listing(world.terminal, card), LISTING_LOST);
    /* The club had the report, and the card was found elsewhere since. */
    take_list(3, card, LISTING_NONE);
    assert_int_equal(terminal_listing(world.terminal, card), LISTING_LOST);
    assert_int_equal(lost_note_list(world.store, report, 3, 3), ST_OK);
    assert_int_equal(terminal_listing(world.terminal, card), LISTING_NONE);
    assert_int_equal(sell().outcome, TAP_DONE);
    /* The list's file is lost: nobody says any more what the club makes of it. */
    no_list();
    assert_int_equal(terminal_listing(world.terminal, card), LISTING_LOST);
    assert_int_equal(sell().reason, TAP_REASON_HOTLISTED);
    world_die(&world);
}

static int prepare(void **unused)
{
    (void)unused;
    snprintf(database, sizeof database, "/tmp/vafa-fault-lost.%d", (int)getpid());
    world_prepare(CARD_CLASSIC);
    return 0;
}

static int finish(void **unused)
{
    (void)unused;
    no_list();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_counts_until_the_list_is_by_a_club_that_had_it),
    };
    return cmocka_run_group_tests_name("a lost card at its counter", tests, prepare, finish);
}
