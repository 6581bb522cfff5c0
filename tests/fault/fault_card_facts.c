/* What a card remembers, on both families: cut a sale and its refresh at every command and in every
 * write. Whatever was cut, checkpoint and ring give exactly the fold over the card's whole life, or
 * the facts are honestly not known; never wrong. And what asking and remembering cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/card_world.h"
#include "tools/pn532-sim/timing.h"

static const struct facts_rules rules = {210, PERIOD_QUARTER, PERIOD_MONTH};

enum { LIFE_MAX = 160 };

/* The fold over the life of a world's card, by counter. (The fold itself: test_facts.) */
struct life {
    struct facts at[LIFE_MAX];
};

static void live(const struct card_world *world, struct life *ret)
{
    struct snapshot before = card_world_snapshot_of(world, 1);
    facts_fold(&rules, NULL, &before, &ret->at[1]);
    for (uint32_t n = 2; n < LIFE_MAX; n += 1) {
        const struct snapshot after = card_world_snapshot_of(world, n);
        ret->at[n] = ret->at[n - 1];
        facts_fold(&rules, &before, &after, &ret->at[n]);
        before = after;
    }
}

static void start(struct card_world *world, bool is_desfire, uint32_t counter)
{
    if (is_desfire) {
        card_world_init_desfire(world);
    } else {
        card_world_init(world, CLASSIC_1K, 4);
    }
    card_world_issue(world, counter);
}

/* --- cuts of either family ------------------------------------------------------------------ */

struct cut {
    bool is_none, is_write;
    uint32_t n;
    unsigned tear;
};
static const struct cut no_cut = {.is_none = true};

static void plan_cut(struct card_world *world, struct cut cut)
{
    if (world->is_desfire) {
        desfire_plan_cut(&world->desfire,
                         (struct desfire_cut){.when = cut.is_none    ? DESFIRE_CUT_NEVER
                                                      : cut.is_write ? DESFIRE_CUT_WRITE
                                                                     : DESFIRE_CUT_AFTER,
                                              .n = cut.n,
                                              .tear = (enum desfire_tear)cut.tear});
    } else {
        classic_plan_cut(&world->card,
                         (struct classic_cut){.when = cut.is_none    ? CLASSIC_CUT_NEVER
                                                      : cut.is_write ? CLASSIC_CUT_WRITE
                                                                     : CLASSIC_CUT_AFTER,
                                              .n = cut.n,
                                              .tear = (enum classic_tear)cut.tear,
                                              .head_bytes = 5});
    }
}

static bool was_cut(struct card_world *world)
{
    const bool was = world->is_desfire ? world->desfire.cuts_taken > 0 : world->card.cuts_taken > 0;
    world->desfire.cuts_taken = 0;
    world->card.cuts_taken = 0;
    plan_cut(world, no_cut);
    return was;
}

static unsigned tears(const struct card_world *world)
{
    return world->is_desfire ? (unsigned)DESFIRE_TEARS : (unsigned)CLASSIC_TEARS;
}

/* The next one: after command 0, 1, 2 ..., then in write 1, 2 ... torn in each way. False: all
 * done. */
static bool next_cut(const struct card_world *world, struct cut *cut, bool was_taken)
{
    if (!cut->is_write) {
        cut->n += 1;
        if (!was_taken) {
            *cut = (struct cut){.is_write = true, .n = 1};
        }
        return true;
    }
    cut->tear += 1;
    if (cut->tear == tears(world)) {
        cut->tear = 0;
        cut->n += 1;
    }
    return was_taken;
}

/* --- a tap ---------------------------------------------------------------------------------- */

/* How the terminal comes by the facts. */
enum way {
    ASKS,     /* from the card */
    KNOWS,    /* from its own journal: it served the card last */
    DOES_NOT, /* its programme does not look at them; */
    KEEPS,    /* nor does this, but the card is to keep them */
};

/* The same terminal again, which knows the card; else one that has never seen it. */
static bool is_same_terminal;

/* A sale. Returns what facts() answered. */
static enum st sell(struct card_world *world, const struct life *life, enum way way, struct cut cut)
{
    struct card_view view;
    struct facts facts;
    enum st asked = ST_GONE;

    soft_reader_tap(&world->soft);
    if (!is_same_terminal) {
        card_world_new_driver(world);
    }
    plan_cut(world, cut);
    if (world->port.ops->read(world->port.ctx, NULL, 0, &view) != ST_OK) {
        return ST_GONE;
    }
    assert_int_equal(view.condition, CARD_MEMBER);
    const uint32_t n = view.snapshot.counter;
    assert_true(n + 1 < LIFE_MAX);
    if (way == ASKS) {
        asked = world->port.ops->facts(world->port.ctx, &rules, &facts);
        if (asked == ST_OK) {
            assert_true(facts_are_equal(&facts, &life->at[n]));
        } else {
            assert_true(asked == ST_AGAIN || asked == ST_GONE);
        }
    }
    if (way == KNOWS || asked == ST_OK) {
        world->port.ops->remember(world->port.ctx, &life->at[n + 1]);
    }
    const struct snapshot next = card_world_snapshot_of(world, n + 1);
    if (n % 2 == 0) {
        world->port.ops->prepare(world->port.ctx, &next);
    }
    if (world->port.ops->commit(world->port.ctx, &next) == ST_OK) {
        world->port.ops->refresh(world->port.ctx);
        if (way == KEEPS) {
            world->port.ops->keep_facts(world->port.ctx, &rules);
        }
    }
    return asked;
}

/* Reads the facts without cuts and without writing. */
static enum st look(struct card_world *world, const struct life *life, uint32_t *ret_counter)
{
    struct card_view view;
    struct facts facts;

    memset(&facts, 0xa5, sizeof facts);
    assert_int_equal(card_world_read(world, &view), ST_OK);
    assert_int_equal(view.condition, CARD_MEMBER);
    const uint32_t classic_writes = world->card.writes, desfire_writes = world->desfire.writes;
    const enum st st = world->port.ops->facts(world->port.ctx, &rules, &facts);
    assert_true(st == ST_OK || st == ST_AGAIN);
    if (st == ST_OK) {
        assert_true(facts_are_equal(&facts, &life->at[view.snapshot.counter]));
    }
    assert_int_equal(world->card.writes, classic_writes);
    assert_int_equal(world->desfire.writes, desfire_writes);
    *ret_counter = view.snapshot.counter;
    return st;
}

/* --- tests ---------------------------------------------------------------------------------- */

static void facts_follow_a_card_from_its_first_day(void **state)
{
    (void)state;
    for (int is_desfire = 0; is_desfire < 2; is_desfire += 1) {
        struct card_world world;
        struct life life;
        uint32_t counter = 0;
        start(&world, is_desfire != 0, 1);
        live(&world, &life);
        for (uint32_t n = 1; n < 100; n += 1) {
            assert_int_equal(look(&world, &life, &counter), ST_OK);
            assert_int_equal(counter, n);
            const enum st asked = sell(&world, &life, n % 3 == 0 ? KNOWS : ASKS, no_cut);
            assert_int_equal(asked, n % 3 == 0 ? ST_GONE : ST_OK);
        }
        card_world_finish(&world);
    }
}

static void the_ring_makes_good_what_was_not_written_as_far_as_it_reaches(void **state)
{
    (void)state;
    for (int is_desfire = 0; is_desfire < 2; is_desfire += 1) {
        const uint32_t reach = is_desfire != 0 ? 31 : 8;
        struct card_world world;
        struct life life;
        uint32_t counter = 0;
        start(&world, is_desfire != 0, 1);
        live(&world, &life);
        /* Without a checkpoint, the ring has to hold the first transaction. */
        for (uint32_t n = 1; n <= reach + 3; n += 1) {
            assert_int_equal(look(&world, &life, &counter), n <= reach + 1 ? ST_OK : ST_AGAIN);
            assert_int_equal(sell(&world, &life, DOES_NOT, no_cut), ST_GONE);
        }
        /* From here on with one, which then is left behind. */
        assert_int_equal(sell(&world, &life, KNOWS, no_cut), ST_GONE);
        for (uint32_t behind = 0; behind <= reach + 3; behind += 1) {
            assert_int_equal(look(&world, &life, &counter), behind <= reach ? ST_OK : ST_AGAIN);
            assert_int_equal(sell(&world, &life, DOES_NOT, no_cut), ST_GONE);
        }
        card_world_finish(&world);
    }
}

/* Nobody asks; each tap that is to keep the facts may be cut, as long as one of them in the reach
 * of the ring is not. */
static void facts_that_nobody_asks_for_are_kept(void **state)
{
    (void)state;
    for (int is_desfire = 0; is_desfire < 2; is_desfire += 1) {
        const uint32_t every = is_desfire != 0 ? 8 : 2, misses = is_desfire != 0 ? 2 : 3;
        struct card_world world;
        struct life life;
        uint32_t counter = 0;
        start(&world, is_desfire != 0, 1);
        live(&world, &life);
        for (uint32_t n = 1; n + 1 < LIFE_MAX; n += 1) {
            const bool is_kept = (n + 1) % (every * (misses + 1)) == 0;
            assert_int_equal(look(&world, &life, &counter), ST_OK);
            assert_int_equal(sell(&world, &life, is_kept ? KEEPS : DOES_NOT, no_cut), ST_GONE);
        }
        card_world_finish(&world);
    }
}

/* Sales by `usual` up to counter `start_at`; then one by `way`, cut at every command and in every
 * write, each time from the same card, and some more. Asserts that the facts are known and right
 * after each. Returns how many cuts. */
static unsigned cut_everywhere(bool is_desfire, uint32_t start_at, enum way usual, enum way way)
{
    struct card_world world;
    struct life life;
    struct cut cut = {.n = 0};
    const enum st sold = usual == ASKS ? ST_OK : ST_GONE;
    const unsigned taps_after = usual == ASKS ? 3 : 9; /* one that keeps is among them */
    unsigned points = 0;
    uint32_t counter = 0;
    bool was = true;

    start(&world, is_desfire, 1);
    live(&world, &life);
    for (uint32_t n = 1; n < start_at; n += 1) {
        assert_int_equal(sell(&world, &life, usual, no_cut), sold);
    }
    const struct classic classic = world.card;
    const struct desfire desfire = world.desfire;
    do {
        world.card = classic;
        world.desfire = desfire;
        (void)sell(&world, &life, way, cut);
        was = was_cut(&world);
        points += was;
        for (unsigned tap = 0; tap < taps_after; tap += 1) {
            assert_int_equal(look(&world, &life, &counter), ST_OK);
            assert_in_range(counter, start_at + tap, start_at + tap + 1);
            assert_int_equal(sell(&world, &life, usual, no_cut), sold);
        }
    } while (next_cut(&world, &cut, was));
    card_world_finish(&world);
    return points;
}

static void keeping_facts_cut_anywhere_leaves_them_known_and_right(void **state)
{
    unsigned points = 0;
    (void)state;
    for (uint32_t start_at = 15; start_at < 64; start_at += 16) { /* the next is one that keeps */
        points += cut_everywhere(false, start_at, KEEPS, KEEPS);
        points += cut_everywhere(true, start_at, KEEPS, KEEPS);
    }
    printf("# facts: %u cut points of sales that keep them, known and right after each\n", points);
    assert_true(points > 400);
}

/* Facts that were lost while nobody kept them begin anew, as the next plan would begin them. */
static void facts_that_are_lost_are_begun_anew(void **state)
{
    (void)state;
    for (int is_desfire = 0; is_desfire < 2; is_desfire += 1) {
        struct card_world world;
        struct life life;
        struct card_view view;
        struct facts facts, anew;
        uint32_t counter = 0;
        start(&world, is_desfire != 0, 1);
        live(&world, &life);
        while (counter < 47) {
            (void)look(&world, &life, &counter);
            (void)sell(&world, &life, counter < 47 ? DOES_NOT : KEEPS, no_cut);
        }
        const struct snapshot before = card_world_snapshot_of(&world, 47);
        const struct snapshot after = card_world_snapshot_of(&world, 48);
        facts_restart(&rules, &before, &after, &anew);
        assert_int_equal(card_world_read(&world, &view), ST_OK);
        assert_int_equal(view.snapshot.counter, 48);
        assert_int_equal(world.port.ops->facts(world.port.ctx, &rules, &facts), ST_OK);
        assert_true(facts_are_equal(&facts, &anew));
        card_world_finish(&world);
    }
}

static void a_sale_cut_anywhere_leaves_the_facts_known_and_right(void **state)
{
    static const uint32_t starts[] = {1, 2, 8, 9, 10, 33, 40};
    unsigned points = 0;
    (void)state;

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i += 1) {
        for (int way = ASKS; way <= KNOWS; way += 1) {
            points += cut_everywhere(false, starts[i], ASKS, (enum way)way);
            points += cut_everywhere(true, starts[i], ASKS, (enum way)way);
        }
    }
    printf("# facts: %u cut points, known and right after each\n", points);
    assert_true(points > 1400);
}

/* Most taps are cut, some by terminals that do not look at facts. They may get lost; never wrong.
 */
static void a_life_with_cuts_at_most_taps_never_gives_wrong_facts(void **state)
{
    unsigned taps = 0, cuts = 0, lost_asking = 0, lost_else = 0;
    (void)state;

    srand(20241121);
    for (unsigned i = 0; i < 120; i += 1) {
        const bool is_desfire = i % 2 == 1;
        const bool asks_always = i % 4 < 2;
        struct card_world world;
        struct life life;
        uint32_t counter = 0;
        start(&world, is_desfire, 1);
        live(&world, &life);
        for (unsigned tap = 0; tap < 90; tap += 1) {
            const enum way way = asks_always ? ASKS : (enum way)(rand() % 3);
            struct cut cut = {.n = (uint32_t)rand() % 26};
            if (rand() % 2 == 0) {
                cut = (struct cut){.is_write = true,
                                   .n = 1 + (uint32_t)rand() % 8,
                                   .tear = (unsigned)rand() % tears(&world)};
            }
            is_same_terminal = tap > 0 && rand() % 2 == 0;
            (void)sell(&world, &life, way, rand() % 10 < 8 ? cut : no_cut);
            is_same_terminal = false;
            cuts += was_cut(&world);
            taps += 1;
            if (look(&world, &life, &counter) == ST_AGAIN) {
                lost_asking += asks_always;
                lost_else += !asks_always;
                break;
            }
        }
        card_world_finish(&world);
    }
    printf("# facts: %u taps, %u of them cut; lost in %u of 60 lives with terminals that ask, in %u"
           " of 60 with others; wrong in none\n",
           taps, cuts, lost_asking, lost_else);
    assert_int_equal(lost_asking, 0);
}

/* Copies the blocks of both copies on Classic: 1, 2 of the head, 0, 1 of the facts sector. */
static void put_back(struct classic *to, const struct classic *from)
{
    static const unsigned blocks[] = {5, 6, 52, 53};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i += 1) {
        memcpy(to->memory[blocks[i]], from->memory[blocks[i]], CLASSIC_BLOCK_BYTES);
    }
}

/* Two transactions with the same counter: the one that another terminal wrote counts, and a
 * checkpoint of the one that faded away does not stand for it. */
static void a_checkpoint_belongs_to_one_transaction(void **state)
{
    struct card_world world;
    struct card_view view;
    struct facts facts;
    (void)state;

    start(&world, false, 12);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    struct classic before = world.card;
    struct snapshot next = card_world_snapshot_of(&world, 13);
    struct facts wrong = {.counter = 13, .visits = 77};
    world.port.ops->remember(world.port.ctx, &wrong);
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
    world.port.ops->refresh(world.port.ctx);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_int_equal(world.port.ops->facts(world.port.ctx, &rules, &facts), ST_OK);
    assert_int_equal(facts.visits, 77);
    /* The card stands at 12 again, but for the checkpoint's blocks; then another 13 is written. */
    put_back(&before, &world.card);
    world.card = before;
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_int_equal(view.snapshot.counter, 12);
    assert_int_equal(world.port.ops->facts(world.port.ctx, &rules, &facts), ST_AGAIN);
    next.last.sequence += 1;
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
    world.port.ops->refresh(world.port.ctx);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_int_equal(world.port.ops->facts(world.port.ctx, &rules, &facts), ST_AGAIN);
    card_world_finish(&world);
}

/* Whoever puts old copies back, or destroys both, wins no offer back: the ring makes old ones good,
 * or nothing is known. */
static void old_copies_and_none_give_right_facts_or_none(void **state)
{
    enum { NOW = 30 };
    static struct classic dumps[NOW + 1];
    struct card_world world;
    struct life life;
    uint32_t counter = 0;
    (void)state;

    start(&world, false, 1);
    live(&world, &life);
    for (uint32_t n = 1; n < NOW; n += 1) {
        assert_int_equal(sell(&world, &life, ASKS, no_cut), ST_OK);
        dumps[n + 1] = world.card;
    }
    for (uint32_t n = 2; n <= NOW; n += 1) {
        put_back(&world.card, &dumps[n]);
        assert_int_equal(look(&world, &life, &counter), n + 8 >= NOW ? ST_OK : ST_AGAIN);
        assert_int_equal(counter, NOW);
    }
    for (unsigned block = 5; block <= 6; block += 1) {
        memset(world.card.memory[block], 0, CLASSIC_BLOCK_BYTES);
        memset(world.card.memory[block + 47], 0xff, CLASSIC_BLOCK_BYTES);
    }
    assert_int_equal(look(&world, &life, &counter), ST_AGAIN);
    /* One copy is enough. */
    put_back(&world.card, &dumps[NOW]);
    memset(world.card.memory[5], 0x5a, CLASSIC_BLOCK_BYTES);
    assert_int_equal(look(&world, &life, &counter), ST_OK);
    put_back(&world.card, &dumps[NOW]);
    memset(world.card.memory[53], 0x5a, CLASSIC_BLOCK_BYTES);
    assert_int_equal(look(&world, &life, &counter), ST_OK);
    card_world_finish(&world);
}

/* A checkpoint is written by a transaction of its own, which must not take a staged sale along. */
static void writing_a_checkpoint_commits_no_staged_sale(void **state)
{
    (void)state;
    for (int is_desfire = 0; is_desfire < 2; is_desfire += 1) {
        struct card_world world;
        struct life life;
        struct card_view view;
        struct facts facts;
        uint32_t counter = 0;
        start(&world, is_desfire != 0, 7);
        live(&world, &life);
        assert_int_equal(card_world_read(&world, &view), ST_OK);
        assert_int_equal(world.port.ops->facts(world.port.ctx, &rules, &facts), ST_OK);
        const struct snapshot next = card_world_snapshot_of(&world, 8);
        world.port.ops->prepare(world.port.ctx, &next);
        world.port.ops->refresh(world.port.ctx);
        assert_int_equal(look(&world, &life, &counter), ST_OK);
        assert_int_equal(counter, 7);
        card_world_finish(&world);
    }
}

/* --- what it costs -------------------------------------------------------------------------- */

static double ms_since(struct card_world *world, size_t from)
{
    double ms = 0;
    for (size_t i = from; i < world->soft.commands; i += 1) {
        const struct soft_command *it = &world->soft.log[i];
        ms += (it->card_us + timing_wire_us(it->wire_bytes, 115200)) / 1000.0;
    }
    return ms;
}

static void what_facts_cost(void **state)
{
    (void)state;
    for (int is_desfire = 0; is_desfire < 2; is_desfire += 1) {
        struct card_world world;
        struct life life;
        start(&world, is_desfire != 0, 1);
        live(&world, &life);
        double told_ms[3], all_ms[3];
        for (int way = ASKS; way <= DOES_NOT; way += 1) {
            struct card_view view;
            struct facts facts;
            while (world.is_desfire ? world.families.desfire.newest.counter < 20
                                    : world.driver.newest.counter < 20) {
                (void)sell(&world, &life, ASKS, no_cut);
            }
            const struct classic classic = world.card;
            const struct desfire desfire = world.desfire;
            soft_reader_tap(&world.soft);
            card_world_new_driver(&world);
            world.soft.commands = 0;
            assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
            if (way == ASKS) {
                assert_int_equal(world.port.ops->facts(world.port.ctx, &rules, &facts), ST_OK);
            }
            if (way != DOES_NOT) {
                world.port.ops->remember(world.port.ctx, &life.at[view.snapshot.counter + 1]);
            }
            const struct snapshot next = card_world_snapshot_of(&world, view.snapshot.counter + 1);
            assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
            told_ms[way] = ms_since(&world, 0);
            world.port.ops->refresh(world.port.ctx);
            all_ms[way] = ms_since(&world, 0);
            world.card = classic;
            world.desfire = desfire;
        }
        printf("# %s sale, ms at 115200 baud until told, then refresh: facts from the card %.1f + "
               "%.1f, known %.1f + %.1f, not used %.1f + %.1f\n",
               is_desfire != 0 ? "DESFire" : "Classic", told_ms[ASKS], all_ms[ASKS] - told_ms[ASKS],
               told_ms[KNOWS], all_ms[KNOWS] - told_ms[KNOWS], told_ms[DOES_NOT],
               all_ms[DOES_NOT] - told_ms[DOES_NOT]);
        /* Facts that are known cost the shopper nothing. */
        assert_true(told_ms[KNOWS] <= told_ms[DOES_NOT] + 0.01);
        assert_true(told_ms[ASKS] <= told_ms[DOES_NOT] + 25);
        card_world_finish(&world);
    }
}

/* Of a card whose facts were kept before, at a tap that is to keep them, after the shopper was
 * told.
 */
static void what_keeping_facts_costs(void **state)
{
    (void)state;
    for (int is_desfire = 0; is_desfire < 2; is_desfire += 1) {
        struct card_world world;
        struct life life;
        struct card_view view;
        start(&world, is_desfire != 0, 1);
        live(&world, &life);
        for (uint32_t n = 1; n < 23; n += 1) {
            (void)sell(&world, &life, KEEPS, no_cut);
        }
        soft_reader_tap(&world.soft);
        card_world_new_driver(&world);
        world.soft.commands = 0;
        assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
        const struct snapshot next = card_world_snapshot_of(&world, 24);
        assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
        world.port.ops->refresh(world.port.ctx);
        const size_t from = world.soft.commands;
        world.port.ops->keep_facts(world.port.ctx, &rules);
        const double ms = ms_since(&world, from);
        printf("# %s: facts that nobody asks for cost %.1f ms after refresh, every %s tap\n",
               is_desfire != 0 ? "DESFire" : "Classic", ms, is_desfire != 0 ? "8th" : "2nd");
        assert_true(ms > 1 && ms < 200);
        card_world_finish(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_follow_a_card_from_its_first_day),
        cmocka_unit_test(the_ring_makes_good_what_was_not_written_as_far_as_it_reaches),
        cmocka_unit_test(facts_that_nobody_asks_for_are_kept),
        cmocka_unit_test(keeping_facts_cut_anywhere_leaves_them_known_and_right),
        cmocka_unit_test(facts_that_are_lost_are_begun_anew),
        cmocka_unit_test(a_sale_cut_anywhere_leaves_the_facts_known_and_right),
        cmocka_unit_test(a_life_with_cuts_at_most_taps_never_gives_wrong_facts),
        cmocka_unit_test(a_checkpoint_belongs_to_one_transaction),
        cmocka_unit_test(old_copies_and_none_give_right_facts_or_none),
        cmocka_unit_test(writing_a_checkpoint_commits_no_staged_sale),
        cmocka_unit_test(what_facts_cost),
        cmocka_unit_test(what_keeping_facts_costs),
    };
    return cmocka_run_group_tests_name("card_facts", tests, NULL, NULL);
}
