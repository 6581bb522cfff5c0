/* The proof for the DESFire family: cut an issue or a sale at every command and in every write,
 * once and twice; whatever was cut, the card is exactly before or exactly after, record and purse
 * agree, and the driver never says "surely not" of what was done. Then noise: changed bytes in
 * answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/card/desfire_layout.h"
#include "tests/support/card_world.h"

/* All cuts of one tap: after command 0, 1, 2 ..., then in write 1, 2 ... left in each way. */
struct cuts {
    struct desfire_cut next;
    bool is_done;
};

static struct cuts all_cuts(void)
{
    return (struct cuts){.next = {.when = DESFIRE_CUT_AFTER, .n = 0}};
}

/* Moves on; `was_taken` tells that the last one happened, so that the one after it may too. */
static void next_cut(struct cuts *cuts, bool was_taken)
{
    struct desfire_cut *cut = &cuts->next;

    if (cut->when == DESFIRE_CUT_AFTER) {
        cut->n += 1;
        if (!was_taken) {
            *cut = (struct desfire_cut){.when = DESFIRE_CUT_WRITE, .n = 1};
        }
        return;
    }
    cuts->is_done = !was_taken;
    cut->tear += 1;
    if (cut->tear == DESFIRE_TEARS) {
        cut->tear = DESFIRE_TEAR_OLD;
        cut->n += 1;
    }
}

static const struct desfire_cut no_cut = {.when = DESFIRE_CUT_NEVER};

/* What the terminal knows of the card. */
struct known {
    uint32_t before, after; /* the card's counter is one of these */
};

static bool was_cut(struct card_world *world)
{
    const bool was = world->desfire.cuts_taken > 0;
    world->desfire.cuts_taken = 0;
    desfire_plan_cut(&world->desfire, no_cut);
    return was;
}

static int32_t purse_of(struct card_world *world)
{
    return desfire_find_file(&world->desfire, desfire_aid, DESFIRE_CREDIT)->value;
}

/* How a terminal sells: nothing staged before the commit; staged; staged and given up, because the
 * intent did not become durable. What was given up must never show. */
static enum { COMMITS, STAGES, GIVES_UP, WAYS } way;

static void prepare(struct card_world *world, const struct snapshot *next)
{
    struct snapshot other = *next;

    other.points.n += 1;
    if (way != COMMITS) {
        world->port.ops->prepare(world->port.ctx, way == GIVES_UP ? &other : next);
    }
}

/* A sale, or a load, in which the card may be cut. */
static void sell(struct card_world *world, struct desfire_cut cut, struct known *known)
{
    struct card_view view;

    soft_reader_tap(&world->soft);
    card_world_new_driver(world);
    desfire_plan_cut(&world->desfire, cut);
    if (world->port.ops->read(world->port.ctx, NULL, 0, &view) != ST_OK) {
        return;
    }
    assert_int_equal(view.condition, CARD_MEMBER);
    assert_in_range(view.snapshot.counter, known->before, known->after);
    const struct snapshot next = card_world_snapshot_of(world, view.snapshot.counter + 1);
    known->before = known->after = view.snapshot.counter;
    prepare(world, &next);
    if (way == GIVES_UP) {
        world->port.ops->release(world->port.ctx);
        return;
    }
    switch (world->port.ops->commit(world->port.ctx, &next)) {
    case ST_OK:
        known->before = known->after = next.counter;
        world->port.ops->refresh(world->port.ctx);
        break;
    case ST_AGAIN:
        break;
    case ST_GONE:
    case ST_IO:
        known->after = next.counter;
        break;
    case ST_REFUSED:
    case ST_DENIED:
    case ST_FOREIGN:
    case ST_FULL:
    case ST_CORRUPT:
    case ST_UNSUPPORTED:
        fail_msg("commit answered something else");
    }
}

/* Reads the card without cuts: it is sound, as known, purse and record agree, its past is there. */
static void check(struct card_world *world, struct known *known)
{
    struct card_view view;
    struct snapshot history[CARD_HISTORY_MAX];
    size_t count = 0;
    const uint32_t writes = world->desfire.writes;

    assert_int_equal(card_world_read(world, &view), ST_OK);
    if (view.condition != CARD_MEMBER) {
        print_message("condition %d: %s\n", (int)view.condition, view.why.say);
    }
    assert_int_equal(view.condition, CARD_MEMBER);
    assert_true(view.number == card_world_identity.number);
    assert_in_range(view.snapshot.counter, known->before, known->after);
    known->before = known->after = view.snapshot.counter;
    const struct snapshot want = card_world_snapshot_of(world, view.snapshot.counter);
    assert_true(card_world_same(&view.snapshot, &want));
    assert_true(purse_of(world) == want.purse[PURSE_CREDIT].rials);
    assert_int_equal(world->port.ops->history(world->port.ctx, history, CARD_HISTORY_MAX, &count),
                     ST_OK);
    assert_true(count == (view.snapshot.counter < 32 ? view.snapshot.counter : 32));
    for (size_t i = 0; i < count; i += 1) {
        const struct snapshot past =
            card_world_snapshot_of(world, view.snapshot.counter - (uint32_t)i);
        assert_true(card_world_same(&history[i], &past));
    }
    assert_int_equal(world->desfire.writes, writes);
}

/* Of a sale, a load, and a ring that goes round. */
static const uint32_t starts[] = {1, 4, 31, 32, 40};

static void a_sale_cut_anywhere_is_before_or_after(void **state)
{
    unsigned points = 0, done = 0;

    for (size_t i = 0; i < WAYS * sizeof starts / sizeof starts[0]; i += 1) {
        const uint32_t start = starts[i / WAYS];
        struct card_world world;
        card_world_init_desfire(&world);
        card_world_issue(&world, start);
        const struct desfire base = world.desfire;
        bool was = true;
        for (struct cuts cuts = all_cuts(); !cuts.is_done; next_cut(&cuts, was)) {
            struct known known = {start, start};
            world.desfire = base;
            way = i % WAYS;
            sell(&world, cuts.next, &known);
            was = was_cut(&world);
            check(&world, &known);
            assert_true(way != GIVES_UP || known.after == start);
            done += was && known.after > start;
            points += was;
            way = way == GIVES_UP ? STAGES : way;
            sell(&world, no_cut, &known);
            check(&world, &known);
        }
        card_world_finish(&world);
    }
    printf("# DESFire sale: %u cut points, the card was after in %u of them, before in the rest\n",
           points, done);
    assert_true(points > 50);
    (void)state;
}

static void a_second_cut_in_the_recovery_changes_nothing(void **state)
{
    unsigned pairs = 0;

    for (size_t i = 0; i < 2 * sizeof starts / sizeof starts[0]; i += 1) {
        const uint32_t start = starts[i / 2];
        struct card_world world;
        card_world_init_desfire(&world);
        card_world_issue(&world, start);
        const struct desfire base = world.desfire;
        bool was = true;
        way = i % 2 == 0 ? COMMITS : STAGES;
        for (struct cuts first = all_cuts(); !first.is_done; next_cut(&first, was)) {
            struct known known = {start, start};
            bool was_second = true;
            world.desfire = base;
            sell(&world, first.next, &known);
            was = was_cut(&world);
            const struct desfire middle = world.desfire;
            const struct known known_middle = known;
            for (struct cuts second = all_cuts(); !second.is_done; next_cut(&second, was_second)) {
                world.desfire = middle;
                known = known_middle;
                sell(&world, second.next, &known);
                was_second = was_cut(&world);
                pairs += was && was_second;
                check(&world, &known);
            }
        }
        card_world_finish(&world);
    }
    printf("# DESFire sale: %u pairs of cuts\n", pairs);
    assert_true(pairs > 500);
    (void)state;
}

/* --- the card lies still, the commit's answer is lost -------------------------------------- */

/* Loses the n-th answer, or changes it, and goes on: noise in the air. */
struct noise {
    uint32_t at;     /* answers until it strikes */
    uint32_t seed;   /* 0: the answer is lost */
    unsigned struck; /* how often it did */
    bool is_lasting;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void make_noise(struct soft_reader *soft, uint8_t *rx, size_t *rx_bytes)
{
    struct noise *noise = soft->spoil_ctx;
    if (noise->at > 0) {
        noise->at -= 1;
        return;
    }
    if (noise->struck > 0 && !noise->is_lasting) {
        return;
    }
    noise->struck += 1;
    if (noise->seed == 0 || *rx_bytes == 0) {
        *rx_bytes = 0;
        return;
    }
    const uint32_t how = next_random(&noise->seed) % 8;
    if (how == 0) {
        *rx_bytes = next_random(&noise->seed) % (*rx_bytes + 1);
    } else if (how == 1 && *rx_bytes + 8 <= 61) {
        memset(rx + *rx_bytes, (int)next_random(&noise->seed), 8);
        *rx_bytes += 8;
    } else {
        for (uint32_t i = 0; i <= how / 3; i += 1) {
            rx[next_random(&noise->seed) % *rx_bytes] ^=
                (uint8_t)(1U << next_random(&noise->seed) % 8);
        }
    }
    if (how == 2) {
        rx[0] = (uint8_t)next_random(&noise->seed); /* the status */
    }
}

/* An answer is lost while the card lies still: the driver finds out by itself what was done. */
static void a_lost_answer_is_found_out_in_the_same_tap(void **state)
{
    unsigned lost = 0;

    for (uint32_t i = 0; i < 4; i += 1) {
        const uint32_t start = 3 + i / 2;
        way = i % 2 == 0 ? COMMITS : STAGES;
        for (uint32_t n = 0;; n += 1) {
            struct card_world world;
            struct card_view view;
            struct noise noise = {.at = n};
            card_world_init_desfire(&world);
            card_world_issue(&world, start);
            soft_reader_tap(&world.soft);
            card_world_new_driver(&world);
            world.soft.spoil = make_noise;
            world.soft.spoil_ctx = &noise;
            assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
            assert_int_equal(view.condition, CARD_MEMBER);
            const struct snapshot next = card_world_snapshot_of(&world, start + 1);
            prepare(&world, &next);
            assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
            world.soft.spoil = NULL;
            struct known known = {start + 1, start + 1};
            check(&world, &known);
            card_world_finish(&world);
            lost += noise.struck;
            if (noise.struck == 0) {
                break;
            }
        }
    }
    printf("# DESFire: %u lost answers, all found out in the same tap\n", lost);
    assert_true(lost >= 15);
    (void)state;
}

static void changed_answers_change_no_value(void **state)
{
    enum { ROUNDS = 10000 };
    unsigned struck = 0, done = 0, sure = 0, unknown = 0, unread = 0, other = 0;
    struct card_world world;

    card_world_init_desfire(&world);
    card_world_issue(&world, 7);
    const struct desfire base = world.desfire;
    uint32_t seed = 20240102;
    for (unsigned i = 0; i < ROUNDS; i += 1) {
        struct card_view view;
        struct snapshot history[CARD_HISTORY_MAX];
        struct card_identity identity;
        size_t count = 0;
        struct noise noise = {.at = next_random(&seed) % 14,
                              .seed = seed | 1,
                              .is_lasting = next_random(&seed) % 4 == 0};
        world.desfire = base;
        const uint32_t at = 7 + i % 3;
        world.soft.spoil = NULL;
        struct known known = {7, 7};
        while (known.after < at) {
            sell(&world, no_cut, &known);
        }
        soft_reader_tap(&world.soft);
        card_world_new_driver(&world);
        world.soft.commands = 0;
        world.soft.spoil = make_noise;
        world.soft.spoil_ctx = &noise;
        const enum st st = world.port.ops->read(world.port.ctx, NULL, 0, &view);
        if (st != ST_OK || view.condition != CARD_MEMBER) {
            unread += st != ST_OK;
            other += st == ST_OK;
            assert_true(st == ST_OK || st == ST_GONE || st == ST_AGAIN);
        } else {
            const struct snapshot want = card_world_snapshot_of(&world, at);
            assert_true(card_world_same(&view.snapshot, &want));
            assert_true(view.number == card_world_identity.number);
            if (i % 5 == 0 && world.port.ops->history(world.port.ctx, history, CARD_HISTORY_MAX,
                                                      &count) == ST_OK) {
                for (size_t k = 0; k < count; k += 1) {
                    const struct snapshot past = card_world_snapshot_of(&world, at - (uint32_t)k);
                    assert_true(card_world_same(&history[k], &past));
                }
            }
            if (i % 5 == 1 && world.port.ops->identity(world.port.ctx, &identity) == ST_OK) {
                assert_memory_equal(&identity, &card_world_identity, sizeof identity);
            }
            const struct snapshot next = card_world_snapshot_of(&world, at + 1);
            way = i % 2 == 0 ? COMMITS : STAGES;
            prepare(&world, &next);
            const enum st written = world.port.ops->commit(world.port.ctx, &next);
            assert_true(written == ST_OK || written == ST_AGAIN || written == ST_GONE);
            known = (struct known){at + (written == ST_OK), at + (written != ST_AGAIN)};
            done += written == ST_OK;
            sure += written == ST_AGAIN;
            unknown += written == ST_GONE;
            world.port.ops->refresh(world.port.ctx);
        }
        assert_true(world.soft.commands < 150); /* it gives up, whatever comes */
        struck += noise.struck > 0;
        world.soft.spoil = NULL;
        check(&world, &known);
    }
    printf(
        "# DESFire: %u taps with changed answers (%u struck): %u done, %u surely not, %u in doubt, "
        "%u not read, %u not taken for a member card; no value changed\n",
        ROUNDS, struck, done, sure, unknown, unread, other);
    card_world_finish(&world);
    (void)state;
}

/* --- issue ---------------------------------------------------------------------------------- */

/* Issues in a tap that may be cut. What it said and what the card says next must agree. */
static enum card_condition issue_cut(struct card_world *world, struct desfire_cut cut)
{
    struct card_view view;
    enum st st = ST_GONE;
    const struct snapshot first = card_world_snapshot_of(world, 1);

    soft_reader_tap(&world->soft);
    card_world_new_driver(world);
    desfire_plan_cut(&world->desfire, cut);
    const bool is_read = world->port.ops->read(world->port.ctx, NULL, 0, &view) == ST_OK;
    if (is_read && view.condition != CARD_MEMBER) {
        assert_true(view.condition == CARD_BLANK || view.condition == CARD_HALF_ISSUED);
        st = world->port.ops->issue(world->port.ctx, &card_world_identity, &first);
    }
    return st == ST_OK ? CARD_MEMBER : st == ST_AGAIN ? CARD_BLANK : CARD_UNKNOWN_CHIP;
}

static void finish_issue(struct card_world *world, enum card_condition said)
{
    struct card_view view;
    struct card_identity identity;
    const struct snapshot first = card_world_snapshot_of(world, 1);

    assert_int_equal(card_world_read(world, &view), ST_OK);
    const bool is_blank = view.condition == CARD_BLANK || view.condition == CARD_HALF_ISSUED;
    assert_true(is_blank || view.condition == CARD_MEMBER);
    assert_true(said != CARD_MEMBER || view.condition == CARD_MEMBER);
    assert_true(said != CARD_BLANK || is_blank);
    if (is_blank) {
        assert_int_equal(world->port.ops->issue(world->port.ctx, &card_world_identity, &first),
                         ST_OK);
        assert_int_equal(card_world_read(world, &view), ST_OK);
    }
    assert_int_equal(view.condition, CARD_MEMBER);
    assert_true(card_world_same(&view.snapshot, &first));
    assert_true(purse_of(world) == first.purse[PURSE_CREDIT].rials);
    memset(&identity, 0, sizeof identity);
    assert_int_equal(world->port.ops->identity(world->port.ctx, &identity), ST_OK);
    assert_memory_equal(&identity, &card_world_identity, sizeof identity);
}

static void an_issue_cut_anywhere_is_finished_by_the_next(void **state)
{
    unsigned points = 0;
    struct card_world world;
    bool was = true;

    card_world_init_desfire(&world);
    const struct desfire blank = world.desfire;
    for (struct cuts cuts = all_cuts(); !cuts.is_done; next_cut(&cuts, was)) {
        struct known known = {1, 1};
        world.desfire = blank;
        const enum card_condition said = issue_cut(&world, cuts.next);
        was = was_cut(&world);
        points += was;
        finish_issue(&world, said);
        sell(&world, no_cut, &known);
        check(&world, &known);
    }
    printf("# DESFire issue: %u cut points, no card lost\n", points);
    assert_true(points > 60);
    card_world_finish(&world);
    (void)state;
}

static void so_is_one_cut_twice(void **state)
{
    unsigned pairs = 0;
    struct card_world world;
    bool was = true;

    card_world_init_desfire(&world);
    const struct desfire blank = world.desfire;
    for (struct cuts first = all_cuts(); !first.is_done; next_cut(&first, was)) {
        bool was_second = true;
        world.desfire = blank;
        (void)issue_cut(&world, first.next);
        was = was_cut(&world);
        const struct desfire middle = world.desfire;
        for (struct cuts second = all_cuts(); !second.is_done; next_cut(&second, was_second)) {
            struct known known = {1, 1};
            world.desfire = middle;
            const enum card_condition said = issue_cut(&world, second.next);
            was_second = was_cut(&world);
            pairs += was && was_second;
            finish_issue(&world, said);
            check(&world, &known);
        }
    }
    printf("# DESFire issue: %u pairs of cuts, no card lost\n", pairs);
    assert_true(pairs > 2000);
    card_world_finish(&world);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sale_cut_anywhere_is_before_or_after),
        cmocka_unit_test(a_second_cut_in_the_recovery_changes_nothing),
        cmocka_unit_test(a_lost_answer_is_found_out_in_the_same_tap),
        cmocka_unit_test(changed_answers_change_no_value),
        cmocka_unit_test(an_issue_cut_anywhere_is_finished_by_the_next),
        cmocka_unit_test(so_is_one_cut_twice),
    };
    return cmocka_run_group_tests_name("fault_card_desfire", tests, NULL, NULL);
}
