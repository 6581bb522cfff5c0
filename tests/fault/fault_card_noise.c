/* fault_card_noise.c - random bytes of a card's memory, or of its answers, are changed: nothing
 * crashes, nothing takes 2 s, and no value is accepted that the card was not given.
 *
 * Here: answers of a Classic and the memory of a DESFire, 10,000 each. The other two halves are
 * random_changes_never_change_the_value in test_card.c (memory of a Classic) and
 * changed_answers_change_no_value in fault_card_desfire.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "drivers/card/desfire_layout.h"
#include "tests/support/card_world.h"

enum { ROUNDS = 10000, TAP_MS_MAX = 2000 };

static uint32_t seed = 20260111;

static uint32_t next_random(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- answers ---------------------------------------------------------------------------------- */

struct noise {
    uint32_t at; /* answers until it strikes */
    bool is_lasting;
    unsigned struck;
};

static void make_noise(struct soft_reader *soft, uint8_t *rx, size_t *rx_bytes)
{
    struct noise *noise = soft->spoil_ctx;
    if (noise->at > 0) {
        noise->at -= 1;
        return;
    }
    if (noise->struck > 0 && (!noise->is_lasting || next_random() % 4 != 0)) {
        return;
    }
    noise->struck += 1;
    const uint32_t how = next_random() % 8;
    if (how == 0) {
        *rx_bytes = next_random() % (*rx_bytes + 1);
    } else if (how == 1) {
        memset(rx + *rx_bytes, (int)next_random(), 8);
        *rx_bytes += 8;
    } else {
        for (uint32_t i = 0; *rx_bytes > 0 && i <= how / 2; i += 1) {
            rx[next_random() % *rx_bytes] = (uint8_t)next_random();
        }
    }
}

/* What the card carries, by a reader without noise. */
static uint32_t settle(struct card_world *world)
{
    struct card_view view;
    world->soft.spoil = NULL;
    assert_int_equal(card_world_read(world, &view), ST_OK);
    assert_int_equal(view.condition, CARD_MEMBER);
    const struct snapshot want = card_world_snapshot(view.snapshot.counter);
    assert_true(card_world_same(&view.snapshot, &want));
    return view.snapshot.counter;
}

static void changed_answers_of_a_classic_change_no_value(void **state)
{
    unsigned struck = 0, unread = 0, other = 0, back = 0, done = 0, sure = 0, unknown = 0;
    struct card_world world;
    card_world_init(&world, CLASSIC_1K, 4);
    card_world_issue(&world, 12);
    const struct classic base = world.card;
    for (unsigned i = 0; i < ROUNDS; i += 1) {
        struct card_view view;
        struct noise noise = {.at = next_random() % 24, .is_lasting = next_random() % 4 == 0};
        world.card = base;
        world.soft.spoil = make_noise;
        world.soft.spoil_ctx = &noise;
        world.soft.commands = 0;
        const int64_t start = now_ms();
        const enum st st = card_world_read(&world, &view);
        uint32_t least = 12, most = 12;
        assert_true(st == ST_OK || st == ST_GONE || st == ST_AGAIN);
        if (st != ST_OK || view.condition != CARD_MEMBER) {
            unread += st != ST_OK;
            other += st == ST_OK;
        } else {
            const struct snapshot read = card_world_snapshot(view.snapshot.counter);
            assert_true(card_world_same(&view.snapshot, &read)); /* sealed: as it was written */
            assert_true(view.number == card_world_identity.number);
            back += view.snapshot.counter != 12;
            if (view.snapshot.counter == 12) {
                const struct snapshot next = card_world_snapshot(13);
                const enum st written = world.port.ops->commit(world.port.ctx, &next);
                assert_true(written == ST_OK || written == ST_AGAIN || written == ST_GONE);
                least += written == ST_OK;
                most += written != ST_AGAIN;
                done += written == ST_OK;
                sure += written == ST_AGAIN;
                unknown += written == ST_GONE;
                world.port.ops->refresh(world.port.ctx);
            }
        }
        assert_true(world.soft.commands < 200);
        assert_true(now_ms() - start < TAP_MS_MAX);
        struck += noise.struck > 0;
        assert_in_range(settle(&world), least, most);
    }
    printf("# Classic: %u taps with changed answers (%u struck): %u done, %u surely not, %u in "
           "doubt, %u not read, %u not taken for a member card, %u an older state; no value "
           "changed\n",
           (unsigned)ROUNDS, struck, done, sure, unknown, unread, other, back);
    assert_int_equal(back, 0);
    assert_true(struck > ROUNDS / 2 && done > 1000);
    card_world_finish(&world);
    (void)state;
}

/* --- the memory of a DESFire ------------------------------------------------------------------ */

/* Flips bits of what the application's files hold: purse, ring, identity. */
static void flip(struct desfire *card)
{
    const unsigned changes = 1 + next_random() % 8;
    for (unsigned i = 0; i < changes; i += 1) {
        const unsigned where = next_random() % 16;
        if (where == 0) {
            struct desfire_file *purse = desfire_find_file(card, desfire_aid, DESFIRE_CREDIT);
            purse->value ^= (int32_t)(1U << next_random() % 31);
        } else {
            card->memory.pool[next_random() % card->memory.pool_used] ^=
                (uint8_t)(1U << next_random() % 8);
        }
    }
}

static const struct facts_rules rules = {210, PERIOD_QUARTER, PERIOD_MONTH};

/* What is told of a card at counter 12 must be what was written; facts may be not known. */
static void expect_as_written(struct card_world *world, const struct card_view *view,
                              const struct facts *want_facts, unsigned *ret_whole)
{
    struct snapshot history[CARD_HISTORY_MAX];
    struct card_identity identity;
    struct facts facts;
    size_t count = 0;
    struct snapshot want = card_world_snapshot_of(world, 12);
    assert_true(card_world_same(&view->snapshot, &want));
    assert_true(view->number == card_world_identity.number);

    enum st st = world->port.ops->history(world->port.ctx, history, CARD_HISTORY_MAX, &count);
    bool is_whole = st == ST_OK && count == 12;
    for (size_t n = 0; st == ST_OK && n < count; n += 1) {
        want = card_world_snapshot_of(world, 12 - (uint32_t)n);
        assert_true(card_world_same(&history[n], &want));
    }
    st = world->port.ops->identity(world->port.ctx, &identity);
    is_whole &= st == ST_OK;
    if (st == ST_OK) {
        assert_memory_equal(&identity, &card_world_identity, sizeof identity);
    }
    st = world->port.ops->facts(world->port.ctx, &rules, &facts);
    is_whole &= st == ST_OK;
    if (st == ST_OK) {
        assert_memory_equal(&facts, want_facts, sizeof facts);
    }
    *ret_whole += is_whole;
}

static void a_changed_memory_of_a_desfire_changes_no_value(void **state)
{
    unsigned count[CARD_UNKNOWN_CHIP + 1] = {0}, unread = 0, whole = 0;
    struct card_world world;
    struct card_view view;
    struct facts facts;
    card_world_init_desfire(&world);
    card_world_issue(&world, 12);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_int_equal(world.port.ops->facts(world.port.ctx, &rules, &facts), ST_OK);
    world.port.ops->refresh(world.port.ctx); /* writes the facts' checkpoint */
    const struct desfire base = world.desfire;
    for (unsigned i = 0; i < ROUNDS; i += 1) {
        world.desfire = base;
        flip(&world.desfire);
        world.soft.commands = 0;
        const int64_t start = now_ms();
        const enum st st = card_world_read(&world, &view);
        if (st != ST_OK) {
            unread += 1;
            continue;
        }
        count[view.condition] += 1;
        if (view.condition == CARD_MEMBER) {
            expect_as_written(&world, &view, &facts, &whole);
        }
        assert_true(world.soft.commands < 200);
        assert_true(now_ms() - start < TAP_MS_MAX);
    }
    printf("# DESFire: %u cards with changed memory: %u member (%u with all of history, identity "
           "and facts), %u damaged, %u tampered, %u half issued, %u foreign, %u another chip, %u "
           "not read; no value changed\n",
           (unsigned)ROUNDS, count[CARD_MEMBER], whole, count[CARD_DAMAGED], count[CARD_TAMPERED],
           count[CARD_HALF_ISSUED], count[CARD_FOREIGN], count[CARD_UNKNOWN_CHIP], unread);
    assert_int_equal(count[CARD_BLANK], 0);
    assert_true(count[CARD_DAMAGED] > ROUNDS / 20 && count[CARD_MEMBER] > ROUNDS / 2 &&
                whole < count[CARD_MEMBER]);
    card_world_finish(&world);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_answers_of_a_classic_change_no_value),
        cmocka_unit_test(a_changed_memory_of_a_desfire_changes_no_value),
    };
    return cmocka_run_group_tests_name("noise", tests, NULL, NULL);
}
