/* The club judges what terminals noted of a card's memory: by the fold over the transactions
 * before, in whatever order they come; and by nothing where it cannot know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/club_card.h"

#define RULES                                                                                      \
    "'marks': [{'id': 'welcome', 'number': 14, 'per': 'ever'}],"                                   \
    " 'rules': [{'id': 'base', 'when': true, 'do': {'award': {'points': 1, 'per_rials': 10000}}}," \
    "           {'id': 'welcome', 'once': 'welcome', 'when': true, 'do': {'award': {'points': "    \
    "50}}}]"

static int setup(void **state)
{
    *state = club_card_open("{" RULES "}");
    return 0;
}

static int teardown(void **state)
{
    club_card_close(*state);
    return 0;
}

static void issue(struct club_card *world)
{
    club_card_tap(world, (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {500000}});
}

static void sell(struct club_card *world)
{
    world->card.minute += DAY_MINUTES;
    club_card_sell(world, 300000, 0, 0);
}

static int64_t facts_cases(struct club_card *world)
{
    assert_int_equal(club_card_number(world, "SELECT count(*) FROM tcase WHERE why <> 'facts'"), 0);
    return club_card_number(world, "SELECT count(*) FROM tcase");
}

/* A card that was put back to a memory without the welcome: the offer is given twice, and each
 * terminal's sums are right. */
static void an_offer_that_was_used_before_is_a_case(void **state)
{
    struct club_card *world = *state;
    issue(world);
    const struct facts fresh = world->card.occasion.facts;
    sell(world);
    sell(world);
    const uint32_t honest = world->at->count;
    club_card_sync(world, world->at, 0);
    assert_int_equal(facts_cases(world), 0);

    world->card.occasion.facts = fresh;
    world->card.occasion.facts.counter = 3;
    sell(world);
    assert_int_equal(world->card.history[0].last.offer, 14);
    sell(world); /* goes on from what the card says now */
    club_card_sync(world, world->at, honest);
    assert_int_equal(facts_cases(world), 1);
    /* The facts are named in the order of their fields: the first that differs is the last day. */
    assert_int_equal(club_card_number(world, "SELECT count(*) FROM tcase WHERE card_ctr = 4 AND"
                                             " say LIKE '%last day 0; its earlier%'"),
                     1);
    club_card_sync(world, world->at, honest); /* sent again */
    assert_int_equal(facts_cases(world), 1);
}

/* Each field by one more than it is. */
static void every_field_is_judged(void **state)
{
    struct club_card *world = *state;
    issue(world);
    sell(world);
    for (int field = 0; field < 10; field += 1) {
        struct facts *facts = &world->card.occasion.facts;
        facts->last_day = (uint16_t)(facts->last_day - (field == 0));
        facts->visits = (uint16_t)(facts->visits + (field == 1));
        facts->interval = (uint16_t)(facts->interval + (field == 2));
        facts->basket += field == 3;
        facts->spend += field == 4;
        facts->earned += field == 5;
        facts->carry += field == 6;
        facts->roll = (uint8_t)(facts->roll - (field == 7));
        facts->marks_year ^= (uint16_t)(field == 8);
        facts->marks_ever ^= (uint16_t)(field == 9);
        sell(world);
    }
    club_card_sync(world, world->at, 0);
    assert_int_equal(facts_cases(world), 10);
}

/* Two terminals, of which the one that sold in between syncs last; and a ledger that was closed. */
static void the_order_in_which_journals_come_does_not_matter(void **state)
{
    struct club_card *world = *state;
    struct model_terminal *a = &world->terminals[0], *b = &world->terminals[1];
    issue(world);
    sell(world);
    club_card_sync(world, a, 0);
    const uint32_t sent = a->count;
    sell(world); /* counter 3, by A: sent last */
    world->at = b;
    world->card.occasion.facts.visits += 1;
    sell(world); /* 4, by B: not what 3 leaves */
    sell(world); /* 5 */
    club_card_sync(world, b, 0);
    assert_int_equal(facts_cases(world), 0);
    ledger_close(world->ledger);
    assert_int_equal(ledger_open(world->db, &world->ledger), ST_OK);
    club_card_sync(world, a, sent);
    assert_int_equal(facts_cases(world), 1);
    assert_int_equal(club_card_number(world, "SELECT card_ctr FROM tcase"), 4);

    const uint32_t sent_b = b->count;
    world->card.occasion.facts.visits += 1;
    sell(world); /* 6, by B: judged by the row of the card */
    club_card_sync(world, b, sent_b);
    assert_int_equal(facts_cases(world), 2);
    world->at = a;
    sell(world); /* 7 waits, 8 comes first: both are honest */
    const uint32_t late = a->count - 2;
    world->at = b;
    sell(world);
    club_card_sync(world, b, sent_b);
    assert_int_equal(facts_cases(world), 2);
    club_card_sync(world, a, late);
    assert_int_equal(facts_cases(world), 2);
}

/* What a card has lost, it has lost: the terminal says so, and it begins anew. */
static void facts_that_are_lost_are_no_case_and_what_begins_anew_is_judged(void **state)
{
    struct club_card *world = *state;
    issue(world);
    sell(world);
    world->card.occasion.has_facts = false;
    sell(world);
    assert_int_equal(world->card.occasion.facts.marks_ever, 0x1fff);
    sell(world);
    club_card_sync(world, world->at, 0);
    assert_int_equal(facts_cases(world), 0);
    const uint32_t sent = world->at->count;
    world->card.occasion.facts.marks_ever = 0;
    sell(world);
    club_card_sync(world, world->at, sent);
    assert_int_equal(facts_cases(world), 1);
}

static void a_block_lets_the_facts_go_on(void **state)
{
    struct club_card *world = *state;
    struct card *card = &world->card;
    issue(world);
    sell(world);
    for (int i = 0; i < 2; i += 1) { /* block, and unblock by hand: only the status changes */
        const struct facts_rules rules = {.utc_offset_minutes = 210,
                                          .tiers = world->programme->tier_period,
                                          .expiry = world->programme->expiry};
        struct facts facts = card->occasion.facts;
        card->plan.next = card->history[0];
        card->plan.next.counter += 1;
        card->plan.next.status = i == 0 ? CARD_BLOCKED : CARD_ACTIVE;
        card->plan.next.last =
            (struct transaction){.kind = i == 0 ? TRANSACTION_BLOCK : TRANSACTION_UNBLOCK,
                                 .minute = card->minute,
                                 .terminal = world->at->number,
                                 .sequence = world->at->count + 1};
        memset(&card->plan.parts, 0, sizeof card->plan.parts);
        facts_fold(&rules, &card->history[0], &card->plan.next, &facts);
        memset(&card->occasion, 0, sizeof card->occasion);
        struct entry intent = club_card_intent(world, 0);
        club_card_done(world, &intent);
        card->occasion.facts = facts;
    }
    sell(world);
    club_card_sync(world, world->at, 0);
    assert_int_equal(facts_cases(world), 0);
    const uint32_t sent = world->at->count;
    card->occasion.facts.visits += 1;
    sell(world);
    club_card_sync(world, world->at, sent);
    assert_int_equal(facts_cases(world), 1);
}

/* Where no programme looked at the facts, or the periods changed, the club cannot know what the
 * card kept: the next noted facts are taken as they are. */
static void what_the_club_cannot_know_is_no_case(void **state)
{
    struct club_card *world = *state;
    issue(world);
    sell(world);
    club_card_programme(world,
                        "{'tiers': null, 'purses': {'points': {'expiry': null}},"
                        " 'modules': ['points', 'credit']}",
                        2);
    world->card.occasion.has_facts = false;
    sell(world);
    club_card_programme(world, "{" RULES "}", 3);
    world->card.occasion.facts.visits = 77;
    sell(world);
    club_card_programme(world, "{'tiers': {'period': 'month'}, " RULES "}", 4);
    world->card.occasion.facts.visits = 99;
    sell(world);
    club_card_sync(world, world->at, 0);
    assert_int_equal(facts_cases(world), 0);
    const uint32_t sent = world->at->count;
    club_card_programme(world, "{'tiers': {'period': 'month'}, 'unit': 'rial', " RULES "}", 5);
    world->card.occasion.facts.visits += 1;
    sell(world); /* another version, but the same periods */
    club_card_sync(world, world->at, sent);
    assert_int_equal(facts_cases(world), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_offer_that_was_used_before_is_a_case),
        TEST(every_field_is_judged),
        TEST(the_order_in_which_journals_come_does_not_matter),
        TEST(facts_that_are_lost_are_no_case_and_what_begins_anew_is_judged),
        TEST(a_block_lets_the_facts_go_on),
        TEST(what_the_club_cannot_know_is_no_case),
    };
    return cmocka_run_group_tests_name("club_facts", tests, NULL, NULL);
}
