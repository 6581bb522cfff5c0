/* The central proof for the card: cut an issue or a sale at every command and tear every write in
 * every way the model knows; whatever was cut, the card is exactly before or exactly after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/card/mad.h"
#include "tests/support/card_world.h"

/* All cuts of one kind of tap, one after the other: after command 0, 1, 2 ..., then in write 1, 2
 * ... torn in each way; the tears that keep a head with each length of head. */
struct cuts {
    struct classic_cut next;
    bool is_done;
};

static struct cuts all_cuts(void)
{
    return (struct cuts){.next = {.when = CLASSIC_CUT_AFTER, .n = 0}};
}

/* Moves on; `was_taken` tells that the last one happened, so that the one after it may too. */
static void next_cut(struct cuts *cuts, bool was_taken)
{
    struct classic_cut *cut = &cuts->next;

    if (cut->when == CLASSIC_CUT_AFTER) {
        cut->n += 1;
        if (!was_taken) {
            *cut = (struct classic_cut){.when = CLASSIC_CUT_WRITE, .n = 1};
        }
        return;
    }
    if (!was_taken) {
        cuts->is_done = true;
        return;
    }
    const bool has_head = cut->tear == CLASSIC_TEAR_HEAD || cut->tear == CLASSIC_TEAR_HEAD_ERASED;
    if (has_head && cut->head_bytes < CLASSIC_BLOCK_BYTES - 1) {
        cut->head_bytes += 1;
        return;
    }
    cut->tear += 1;
    cut->head_bytes = 1;
    if (cut->tear == CLASSIC_TEARS) {
        cut->tear = (enum classic_tear)0;
        cut->n += 1;
    }
}

/* What the terminal knows of the card. */
struct known {
    uint32_t before, after; /* the card's counter is one of these */
};

/* Who sells, and how. */
static struct {
    bool remembers; /* a terminal that knows the card from before, by `memory`; else another one */
    bool prepares;  /* before the commit */
    bool gives_up;  /* ... which never comes: its intent did not become durable */
} way;
static struct classic_known memory;

/* Like an assignment, without what is not in use. */
static void copy_known(struct classic_known *to, const struct classic_known *from)
{
    memcpy(to, from, offsetof(struct classic_known, cards) + from->count * sizeof from->cards[0]);
}

enum { WAYS = 4 };
static void choose_way(unsigned n)
{
    way.remembers = n == 2 || n == 3;
    way.prepares = n > 0;
    way.gives_up = n == 3;
}

static void new_driver(struct card_world *world)
{
    world->port =
        classic_card_open(&world->driver, soft_reader_port(&world->soft), world->keystore);
    if (way.remembers) {
        copy_known(&world->driver.known, &memory);
    }
}

/* The terminal that remembers has seen the card as it is. */
static void get_to_know(struct card_world *world)
{
    struct card_view view;
    assert_int_equal(card_world_read(world, &view), ST_OK);
    copy_known(&memory, &world->driver.known);
}

static bool prepare(struct card_world *world, const struct snapshot *next)
{
    struct snapshot other = *next;

    other.points.n += 1; /* what was staged and given up must never show */
    if (way.prepares) {
        world->port.ops->prepare(world->port.ctx, way.gives_up ? &other : next);
    }
    return way.gives_up;
}

static void sell_now(struct card_world *world, struct classic_cut cut, struct known *known)
{
    struct card_view view;

    classic_plan_cut(&world->card, cut);
    if (world->port.ops->read(world->port.ctx, NULL, 0, &view) != ST_OK) {
        return;
    }
    assert_int_equal(view.condition, CARD_MEMBER);
    assert_in_range(view.snapshot.counter, known->before, known->after);
    const struct snapshot next = card_world_snapshot(view.snapshot.counter + 1);
    known->before = known->after = view.snapshot.counter;
    if (prepare(world, &next)) {
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

/* A sale in which the card may be cut. */
static void sell(struct card_world *world, struct classic_cut cut, struct known *known)
{
    soft_reader_tap(&world->soft);
    new_driver(world);
    sell_now(world, cut, known);
    if (way.remembers) {
        copy_known(&memory, &world->driver.known);
    }
}

static bool was_cut(struct card_world *world)
{
    const bool was = world->card.cuts_taken > 0;
    world->card.cuts_taken = 0;
    classic_plan_cut(&world->card, (struct classic_cut){.when = CLASSIC_CUT_NEVER});
    return was;
}

/* Reads the card without cuts: it is sound, as known, and its past is all there. */
static void check(struct card_world *world, struct known *known)
{
    struct card_view view;
    struct snapshot history[CARD_HISTORY_MAX];
    size_t count = 0;

    for (unsigned tap = 0; tap < 3; tap += 1) {
        const uint32_t writes = world->card.writes;
        assert_int_equal(card_world_read(world, &view), ST_OK);
        if (view.condition != CARD_MEMBER) {
            print_message("condition %d: %s\n", (int)view.condition, view.why.say);
        }
        assert_int_equal(view.condition, CARD_MEMBER);
        assert_true(view.number == card_world_identity.number);
        assert_in_range(view.snapshot.counter, known->before, known->after);
        known->before = known->after = view.snapshot.counter;
        const struct snapshot want = card_world_snapshot(view.snapshot.counter);
        assert_true(card_world_same(&view.snapshot, &want));
        assert_int_equal(world->card.writes, writes);
        if (way.remembers) { /* it reads the same as all others */
            soft_reader_tap(&world->soft);
            new_driver(world);
            assert_int_equal(world->port.ops->read(world->port.ctx, NULL, 0, &view), ST_OK);
            assert_int_equal(view.condition, CARD_MEMBER);
            assert_true(view.number == card_world_identity.number);
            assert_true(card_world_same(&view.snapshot, &want));
            copy_known(&memory, &world->driver.known);
        }
    }
    assert_int_equal(world->port.ops->history(world->port.ctx, history, CARD_HISTORY_MAX, &count),
                     ST_OK);
    assert_true(count >= 8 || count == view.snapshot.counter);
    for (size_t i = 0; i < count; i += 1) {
        const struct snapshot want = card_world_snapshot((uint32_t)(view.snapshot.counter - i));
        assert_true(card_world_same(&history[i], &want));
    }
}

static void a_sale_cut_anywhere_is_before_or_after(void **state)
{
    static const uint32_t starts[] = {1, 2, 7, 8, 9, 10, 25};
    unsigned points = 0, done = 0;

    for (size_t i = 0; i < WAYS * sizeof starts / sizeof starts[0]; i += 1) {
        const uint32_t start = starts[i / WAYS];
        struct card_world world;
        card_world_init(&world, CLASSIC_1K, 4);
        card_world_issue(&world, start);
        get_to_know(&world);
        static struct classic_known knows;
        copy_known(&knows, &memory);
        const struct classic base = world.card;
        bool was = true;
        for (struct cuts cuts = all_cuts(); !cuts.is_done; next_cut(&cuts, was)) {
            struct known known = {start, start};
            world.card = base;
            copy_known(&memory, &knows);
            choose_way((unsigned)i % WAYS);
            sell(&world, cuts.next, &known);
            was = was_cut(&world);
            check(&world, &known);
            assert_true(!way.gives_up || known.after == start);
            done += was && known.after > start;
            points += was;
            way.gives_up = false;
            sell(&world, (struct classic_cut){.when = CLASSIC_CUT_NEVER}, &known);
            check(&world, &known);
        }
        choose_way(0);
        card_world_finish(&world);
    }
    printf("# sale: %u cut points, the card was after in %u of them, before in the rest\n", points,
           done);
    assert_true(points > 500);
    (void)state;
}

static void a_second_cut_in_the_recovery_changes_nothing(void **state)
{
    static const uint32_t starts[] = {1, 9, 25};
    unsigned pairs = 0;

    /* By terminals that never saw the card, and by one that knows and prepares it. */
    for (size_t i = 0; i < 2 * sizeof starts / sizeof starts[0]; i += 1) {
        const uint32_t start = starts[i / 2];
        struct card_world world;
        card_world_init(&world, CLASSIC_1K, 4);
        card_world_issue(&world, start);
        get_to_know(&world);
        static struct classic_known knows;
        copy_known(&knows, &memory);
        const struct classic base = world.card;
        bool was = true;
        choose_way(i % 2 == 0 ? 0 : 2);
        for (struct cuts first = all_cuts(); !first.is_done; next_cut(&first, was)) {
            struct known known = {start, start};
            bool was_second = true;
            world.card = base;
            copy_known(&memory, &knows);
            sell(&world, first.next, &known);
            was = was_cut(&world);
            const struct classic middle = world.card;
            const struct known known_middle = known;
            static struct classic_known knows_middle;
            copy_known(&knows_middle, &memory);
            for (struct cuts second = all_cuts(); !second.is_done; next_cut(&second, was_second)) {
                world.card = middle;
                copy_known(&memory, &knows_middle);
                known = known_middle;
                sell(&world, second.next, &known);
                was_second = was_cut(&world);
                pairs += was && was_second;
                check(&world, &known);
            }
        }
        choose_way(0);
        card_world_finish(&world);
    }
    printf("# sale: %u pairs of cuts\n", pairs);
    (void)state;
}

static struct classic_cut random_cut(unsigned commands, unsigned writes)
{
    struct classic_cut cut = {.when = CLASSIC_CUT_AFTER, .n = (uint32_t)rand() % commands};
    if (rand() % 2 == 0) {
        cut.when = CLASSIC_CUT_WRITE;
        cut.n = 1 + (uint32_t)rand() % writes;
        cut.tear = (enum classic_tear)(rand() % CLASSIC_TEARS);
        cut.head_bytes = (uint8_t)(rand() % 17);
    }
    return cut;
}

static void a_card_lives_with_cuts_at_most_taps(void **state)
{
    unsigned taps = 0, cut = 0;

    srand(20240101);
    for (unsigned life = 0; life < 300; life += 1) {
        struct card_world world;
        struct known known = {1, 1};
        card_world_init(&world, CLASSIC_1K, 4);
        card_world_issue(&world, 1);
        get_to_know(&world);
        for (unsigned tap = 0; tap < 60; tap += 1) {
            const bool is_cut = rand() % 10 < 8;
            choose_way((unsigned)rand() % WAYS); /* at this terminal, or elsewhere */
            sell(&world,
                 is_cut ? random_cut(16, 5) : (struct classic_cut){.when = CLASSIC_CUT_NEVER},
                 &known);
            cut += was_cut(&world);
            taps += 1;
            if (tap % 7 == 0) {
                check(&world, &known);
            }
        }
        choose_way(0);
        card_world_finish(&world);
    }
    printf("# lives: %u taps, %u of them cut\n", taps, cut);
    (void)state;
}

/* --- issue ---------------------------------------------------------------------------------- */

/* The blocks that an uncut issue writes, in order. */
static size_t list_writes(const struct classic *blank, uint8_t *ret_blocks, size_t max)
{
    struct card_world world;
    size_t count = 0;

    card_world_init(&world, CLASSIC_1K, 4);
    world.card = *blank;
    card_world_issue(&world, 1);
    for (size_t i = 0; i < world.soft.commands && i < SOFT_READER_LOG_MAX; i += 1) {
        if (strcmp(world.soft.log[i].name, "write") == 0 && count < max) {
            ret_blocks[count++] = (uint8_t)world.soft.log[i].block;
        }
    }
    assert_true(world.soft.commands < SOFT_READER_LOG_MAX);
    card_world_finish(&world);
    return count;
}

/* What a torn trailer may do is the chip's: mixed keys or access bits lock the sector for ever. On
 * a shared card a torn directory block can no longer be told from a foreign one. */
static bool may_lock(const struct classic_cut *cut, const uint8_t *blocks, size_t count,
                     bool is_shared)
{
    if (cut->when != CLASSIC_CUT_WRITE || cut->n > count || cut->tear == CLASSIC_TEAR_OLD ||
        cut->tear == CLASSIC_TEAR_NEW) {
        return false;
    }
    const uint8_t block = blocks[cut->n - 1];
    const bool is_weak =
        cut->tear == CLASSIC_TEAR_UNSTABLE_NEW || cut->tear == CLASSIC_TEAR_UNSTABLE_OLD;
    return (block % 4 == 3 && !is_weak) || (is_shared && block < 3);
}

/* A blank card on which another application has sector 2 and the directory. */
static void share(struct classic *card)
{
    const struct classic_access_bits access = {.group = {4, 4, 4, 3}};
    uint8_t mad[MAD_BYTES] = {0};

    mad_set(mad, 2, 0x4812);
    mad_seal(mad);
    memcpy(card->memory[1], mad, 16);
    memcpy(card->memory[2], mad + 16, 16);
    memset(card->memory[11], 0x55, 6);
    classic_trailer_encode(mad_public_key, &access, MAD_GPB, classic_factory_key, card->memory[3]);
}

/* Issues with a cut, reads, issues again if need be. True when the blank card was lost. */
static bool issue_cut(struct card_world *world, struct classic_cut cut, bool may_be_lost,
                      bool *ret_was_cut)
{
    struct card_view view;
    struct card_identity identity;
    enum st st = ST_GONE;
    const struct snapshot first = card_world_snapshot(1);

    soft_reader_tap(&world->soft);
    world->port =
        classic_card_open(&world->driver, soft_reader_port(&world->soft), world->keystore);
    classic_plan_cut(&world->card, cut);
    const bool is_read = world->port.ops->read(world->port.ctx, NULL, 0, &view) == ST_OK;
    if (is_read && view.condition != CARD_MEMBER) {
        st = world->port.ops->issue(world->port.ctx, &card_world_identity, &first);
    }
    if (st == ST_OK) {
        world->port.ops->refresh(world->port.ctx);
    }
    *ret_was_cut = was_cut(world);
    assert_int_equal(card_world_read(world, &view), ST_OK);
    const bool is_blank = view.condition == CARD_BLANK || view.condition == CARD_HALF_ISSUED;
    if (may_be_lost && !is_blank) {
        assert_true(view.condition == CARD_FOREIGN || view.condition == CARD_DAMAGED);
        return true;
    }
    assert_true(is_blank || (view.condition == CARD_MEMBER && st != ST_AGAIN));
    assert_true(st != ST_OK || view.condition == CARD_MEMBER);
    if (is_blank) {
        st = world->port.ops->issue(world->port.ctx, &card_world_identity, &first);
        if (may_be_lost && st != ST_OK) {
            return true;
        }
        assert_int_equal(st, ST_OK);
        assert_int_equal(card_world_read(world, &view), ST_OK);
    }
    assert_int_equal(view.condition, CARD_MEMBER);
    assert_true(card_world_same(&view.snapshot, &first));
    assert_int_equal(world->port.ops->identity(world->port.ctx, &identity), ST_OK);
    assert_memory_equal(&identity, &card_world_identity, sizeof identity);
    return false;
}

static void cut_issues(bool is_shared)
{
    uint8_t blocks[64];
    struct card_world world;
    unsigned points = 0, risky = 0, lost = 0;
    bool was = true;

    card_world_init(&world, CLASSIC_1K, 4);
    if (is_shared) {
        share(&world.card);
    }
    const struct classic blank = world.card;
    const size_t count = list_writes(&blank, blocks, sizeof blocks);
    for (struct cuts cuts = all_cuts(); !cuts.is_done; next_cut(&cuts, was)) {
        const bool may_be_lost = may_lock(&cuts.next, blocks, count, is_shared);
        struct known known = {1, 1};
        world.card = blank;
        const bool is_lost = issue_cut(&world, cuts.next, may_be_lost, &was);
        points += was;
        risky += may_be_lost;
        lost += is_lost;
        if (!is_lost) {
            sell(&world, (struct classic_cut){.when = CLASSIC_CUT_NEVER}, &known);
            check(&world, &known);
        }
        assert_memory_equal(world.card.memory[8], blank.memory[8], is_shared ? 64 : 0);
    }
    printf("# issue%s: %u cut points; %u tore a trailer%s, which lost %u blank cards\n",
           is_shared ? " on a shared card" : "", points, risky,
           is_shared ? " or the directory" : "", lost);
    card_world_finish(&world);
}

static void an_issue_cut_anywhere_is_finished_by_the_next(void **state)
{
    cut_issues(false);
    (void)state;
}

static void so_is_an_issue_on_a_shared_card(void **state)
{
    cut_issues(true);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sale_cut_anywhere_is_before_or_after),
        cmocka_unit_test(a_second_cut_in_the_recovery_changes_nothing),
        cmocka_unit_test(a_card_lives_with_cuts_at_most_taps),
        cmocka_unit_test(an_issue_cut_anywhere_is_finished_by_the_next),
        cmocka_unit_test(so_is_an_issue_on_a_shared_card),
    };
    return cmocka_run_group_tests_name("fault_card", tests, NULL, NULL);
}
