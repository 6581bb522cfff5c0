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
#include "firmware/terminal/hotcheck.h"
#include "firmware/terminal/lostcard.h"
#include "storage/hotlist.h"
#include "storage/lost.h"
#include "tests/fault/fault_tap_world.h"

enum { MAX = HOTCHECK_SPEND_DEFAULT };

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
    world.spend_max = MAX;
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

/* --- what a replacement says of itself -------------------------------------------------------- */

enum { KIND = 1, LAST_DAY = 50000, LATER = 50365, BIRTHDAY = 33000 };

/* A card with a last day, issued here. */
static uint64_t issue_dated(void)
{
    struct tap_request request = world_request(OP_ISSUE);
    open_shop(OP_ISSUE);
    request.identity.kind = KIND;
    request.identity.birthday = BIRTHDAY;
    request.identity.expires = LAST_DAY;
    const struct tap_answer answer = ask(&request);
    assert_int_equal(answer.outcome, TAP_DONE);
    return answer.card_number;
}

/* What the card that replaces it would say of itself; `said_expires`: the member says so. */
static struct card_identity replace(uint64_t card, uint16_t said_expires)
{
    const struct members members = {.terminal = world.terminal, .store = world.store};
    const struct lost_named named = {.card_number = card, .how = REPORT_BY_NUMBER};
    struct joining said = {.is_there = false};
    struct tap_request request = {.what = TAP_TAKE_OVER};
    struct lost_answer lost;
    struct fault say = {""};
    particulars_init(&said.particulars);
    said.particulars.expires = said_expires;
    if (lostcard_replace(&members, &named, &said, &request, &lost, &say) != ST_OK) {
        fail_msg("%s", say.say);
    }
    return request.identity;
}

static void a_replacement_has_the_last_day_that_this_terminal_knows(void **unused)
{
    (void)unused;
    const uint64_t card = issue_dated();
    assert_int_equal(sell().outcome, TAP_DONE); /* that plan looks at no identity */
    struct card_identity identity = replace(card, 0);
    assert_true(identity.kind == KIND && identity.birthday == BIRTHDAY);
    assert_int_equal(identity.expires, LAST_DAY);
    world_die(&world); /* from the journal, not from memory */
    assert_true(world_boot(&world));
    identity = replace(card, 0);
    assert_int_equal(identity.expires, LAST_DAY);
    identity = replace(card, LATER); /* the issuer answers for what he is told */
    assert_int_equal(identity.expires, LATER);
    world_die(&world);
}

static void of_a_card_that_was_not_looked_at_here_no_day_is_known(void **unused)
{
    (void)unused;
    open_shop(OP_SALE);
    const struct card_identity identity = replace(9364000002000017, 0);
    assert_int_equal(identity.expires, 0);
    world_die(&world);
}

/* Flips a bit of the name, as a torn write would: the seal no longer fits. */
static void break_identity(void)
{
    static const char name[] = "Maryam";
    unsigned found = 0;
    for (size_t block = 0; block < CLASSIC_BLOCKS_MAX; block++) {
        uint8_t *at = memmem(world.card->memory[block], CLASSIC_BLOCK_BYTES, name, 3);
        if (at != NULL) {
            at[0] ^= 1;
            found++;
        }
    }
    assert_int_not_equal(found, 0);
}

static void a_card_that_cannot_say_its_last_day_is_not_moved(void **unused)
{
    (void)unused;
    const struct tap_request duplicate = world_request(OP_DUPLICATE);
    open_shop(OP_SALE);
    break_identity();
    const struct tap_answer answer = ask(&duplicate);
    assert_int_equal(answer.reason, TAP_REASON_REFUSED);
    assert_non_null(strstr(answer.say.say, "last day cannot be read"));
    assert_int_equal(sell().outcome, TAP_DONE); /* points and credit go on */
    world_die(&world);
}

/* --- no list, or an old one ------------------------------------------------------------------- */

/* Loads the card until a sale could not spend all of it; the newest state. */
static struct snapshot grow_rich(void)
{
    const struct tap_request load = world_request(OP_LOAD);
    struct tap_answer answer;
    do {
        answer = ask(&load);
        assert_int_equal(answer.outcome, TAP_DONE);
    } while (answer.snapshot.purse[PURSE_CREDIT].rials <= MAX);
    return answer.snapshot;
}

static void check_refused(const struct tap_request *request, const struct snapshot *before)
{
    const struct tap_request balance = world_balance();
    const struct tap_answer answer = ask(request);
    assert_int_equal(answer.outcome, TAP_NOT_DONE);
    assert_int_equal(answer.reason, TAP_REASON_REFUSED);
    assert_non_null(strstr(answer.say.say, "its list of refused cards is old"));
    const struct tap_answer now = ask(&balance);
    assert_int_equal(now.snapshot.counter, before->counter);
    assert_int_equal(now.snapshot.status, CARD_ACTIVE);
}

static void without_a_list_no_more_leaves_a_card_than_a_sale_may_spend(void **unused)
{
    (void)unused;
    const struct tap_request duplicate = world_request(OP_DUPLICATE);
    struct tap_request transfer = world_request(OP_TRANSFER_OUT);
    open_shop(OP_SALE);
    const struct snapshot rich = grow_rich();
    check_refused(&duplicate, &rich);
    transfer.wish.amount.rials = MAX + 1;
    check_refused(&transfer, &rich);
    transfer.wish.amount.rials = MAX;
    assert_int_equal(ask(&transfer).outcome, TAP_DONE);
    assert_int_equal(ask(&duplicate).outcome, TAP_DONE); /* what is left is below it */
    world_die(&world);
}

static void with_a_list_all_of_it_leaves(void **unused)
{
    (void)unused;
    const struct tap_request duplicate = world_request(OP_DUPLICATE);
    open_shop(OP_SALE);
    const struct snapshot rich = grow_rich();
    take_list(1, number_of_the_card(), LISTING_NONE);
    const int64_t now_s = world_clock_s;
    world_clock_s += 73 * 3600; /* an hour more than it counts */
    check_refused(&duplicate, &rich);
    world_clock_s = now_s;
    assert_int_equal(ask(&duplicate).outcome, TAP_DONE);
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
        cmocka_unit_test(a_replacement_has_the_last_day_that_this_terminal_knows),
        cmocka_unit_test(of_a_card_that_was_not_looked_at_here_no_day_is_known),
        cmocka_unit_test(a_card_that_cannot_say_its_last_day_is_not_moved),
        cmocka_unit_test(without_a_list_no_more_leaves_a_card_than_a_sale_may_spend),
        cmocka_unit_test(with_a_list_all_of_it_leaves),
    };
    return cmocka_run_group_tests_name("a lost card at its counter", tests, prepare, finish);
}
