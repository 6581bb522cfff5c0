/* Cards that the terminal knows: served without their head sector, and never believed for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/card_world.h"

/* A new tap at the same terminal: its driver remembers. */
static enum card_condition read_again(struct card_world *world, struct card_view *ret)
{
    soft_reader_tap(&world->soft);
    const uint32_t writes = world->card.writes;
    assert_int_equal(world->port.ops->read(world->port.ctx, NULL, 0, ret), ST_OK);
    assert_int_equal(world->card.writes, writes);
    return ret->condition;
}

static void sell_again(struct card_world *world)
{
    struct card_view view;
    assert_int_equal(read_again(world, &view), CARD_MEMBER);
    const struct snapshot next = card_world_snapshot(view.snapshot.counter + 1);
    assert_int_equal(world->port.ops->commit(world->port.ctx, &next), ST_OK);
    world->port.ops->refresh(world->port.ctx);
    world->port.ops->release(world->port.ctx);
}

/* A member card at `counter` that the world's terminal knows. */
static void know(struct card_world *world, uint32_t counter)
{
    struct card_view view;
    card_world_init(world, CLASSIC_1K, 4);
    card_world_issue(world, counter);
    assert_int_equal(card_world_read(world, &view), ST_OK);
    assert_int_equal(view.condition, CARD_MEMBER);
}

static void expect_commands(const struct card_world *world, size_t from, const char *const *want,
                            size_t count)
{
    assert_int_equal(world->soft.commands - from, count);
    for (size_t i = 0; i < count; i += 1) {
        assert_memory_equal(world->soft.log[from + i].name, want[i], strlen(want[i]));
    }
}

/* docs/decisions/0005: 39.2 ms is the least that a sale can take at 115200 baud; this is less than
 * twice that. */
static void a_known_card_is_served_without_its_head(void **state)
{
    static const char *const sale[] = {"select", "auth",  "read",  "read",  "read", "auth",
                                       "read",   "write", "write", "write", "read"};
    static const char *const refresh[] = {"auth", "read", "write"};
    struct card_world world;
    struct card_view view;
    const struct snapshot next = card_world_snapshot(13);

    know(&world, 12);
    soft_reader_tap(&world.soft);
    world.soft.commands = 0;
    world.soft.model_us = 0;
    assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
    assert_true(view.number == card_world_identity.number);
    world.port.ops->prepare(world.port.ctx, &next);
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
    const double sale_ms = (double)world.soft.model_us / 1000;
    expect_commands(&world, 0, sale, sizeof sale / sizeof sale[0]);
    world.port.ops->refresh(world.port.ctx);
    expect_commands(&world, sizeof sale / sizeof sale[0], refresh,
                    sizeof refresh / sizeof refresh[0]);
    printf("# known card: %.1f ms by the model at 115200 baud, then %.1f ms of refresh\n", sale_ms,
           (double)world.soft.model_us / 1000 - sale_ms);
    assert_true(sale_ms <= 2 * 39.2);
    card_world_finish(&world);
    (void)state;
}

static void a_changed_byte_anywhere_never_changes_the_value(void **state)
{
    struct card_world world;
    const struct snapshot want = card_world_snapshot(12);

    know(&world, 12);
    const struct classic base = world.card;
    const struct classic_card knows = world.driver;
    for (size_t block = 1; block < 64; block += 1) {
        for (size_t at = 0; at < 16; at += 1) {
            struct card_view view;
            world.card = base;
            world.driver = knows;
            world.card.memory[block][at] ^= (uint8_t)(1U << at % 8);
            soft_reader_tap(&world.soft);
            if (world.port.ops->read(world.port.ctx, NULL, 0, &view) != ST_OK) {
                assert_int_equal(block % 4, 3); /* keys or access bits */
                continue;
            }
            if (view.condition == CARD_MEMBER) {
                assert_true(card_world_same(&view.snapshot, &want));
                assert_true(view.number == card_world_identity.number);
            }
            /* Snapshot 12 is in slot 2, sector 4: the full read then calls it tampered. */
            if (block % 4 != 3) {
                const bool is_newest = block >= 16 && block < 19;
                assert_int_equal(view.condition, is_newest ? CARD_TAMPERED : CARD_MEMBER);
            }
        }
    }
    card_world_finish(&world);
    (void)state;
}

static void copy_slot(struct classic *to, const struct classic *from, uint32_t counter)
{
    const unsigned block = 4 * (2 + (counter - 1) % 9);
    memcpy(to->memory[block], from->memory[block], 48);
}

static void what_another_terminal_did_is_seen(void **state)
{
    struct card_world world;
    struct card_view view;

    know(&world, 12);
    for (uint32_t counter = 13; counter < 25; counter += 1) {
        struct card_world other = world;
        other.card = world.card;
        soft_reader_init(&other.soft, &other.card);
        card_world_sell(&other);
        if (counter % 3 == 0) {
            card_world_sell(&other);
            counter += 1;
        }
        world.card = other.card;
        assert_int_equal(read_again(&world, &view), CARD_MEMBER);
        const struct snapshot want = card_world_snapshot(counter);
        assert_true(card_world_same(&view.snapshot, &want));
    }
    card_world_finish(&world);
    (void)state;
}

/* Set back to what this terminal knows, from what others wrote since: slots by the restorer's dump,
 * the pointer left. The sale goes through, as on any card restored from a dump; the witness stays,
 * and from then on the card is tampered at every terminal. */
static void a_pointer_never_goes_back(void **state)
{
    struct card_world world;
    struct card_view view;

    know(&world, 12);
    const struct classic old = world.card;
    const struct classic_known knows = world.driver.known;
    for (unsigned i = 0; i < 3; i += 1) {
        card_world_sell(&world); /* elsewhere: a driver that remembers nothing */
    }
    for (uint32_t counter = 13; counter <= 15; counter += 1) {
        copy_slot(&world.card, &old, counter);
    }
    uint8_t pointer[16];
    memcpy(pointer, world.card.memory[4], sizeof pointer);
    world.driver.known = knows;
    sell_again(&world);
    assert_memory_equal(world.card.memory[4], pointer, sizeof pointer);
    assert_int_equal(read_again(&world, &view), CARD_TAMPERED);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_int_equal(view.condition, CARD_TAMPERED);
    card_world_finish(&world);
    (void)state;
}

/* The same found before a commit that would bring the pointer on: nothing is written. */
static void nor_before_a_commit(void **state)
{
    struct card_world world;
    struct card_view view;
    struct snapshot next = card_world_snapshot(13);

    know(&world, 12);
    /* Two more, each pulled away before the pointer followed: it lags by two. */
    for (uint32_t counter = 13; counter <= 14; counter += 1) {
        assert_int_equal(read_again(&world, &view), CARD_MEMBER);
        next = card_world_snapshot(counter);
        assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
    }
    const struct classic old = world.card;
    const struct classic_known knows = world.driver.known;
    for (unsigned i = 0; i < 2; i += 1) {
        card_world_sell(&world);
    }
    copy_slot(&world.card, &old, 15);
    copy_slot(&world.card, &old, 16);
    world.driver.known = knows;
    assert_int_equal(read_again(&world, &view), CARD_MEMBER);
    next = card_world_snapshot(15);
    const uint32_t writes = world.card.writes;
    world.port.ops->prepare(world.port.ctx, &next);
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_AGAIN);
    assert_int_equal(world.card.writes, writes);
    assert_int_equal(read_again(&world, &view), CARD_TAMPERED);
    card_world_finish(&world);
    (void)state;
}

/* Four-byte UIDs are not unique: a card of the same UID has the same keys. */
static void another_card_of_the_same_uid_is_not_taken_for_it(void **state)
{
    struct card_world world, other;
    struct card_view view;
    struct card_identity identity = card_world_identity;
    struct snapshot first = card_world_snapshot(1);

    know(&world, 1);
    card_world_init(&other, CLASSIC_1K, 4);
    assert_int_equal(card_world_read(&other, &view), ST_OK);
    identity.number = UINT64_C(9364000099999998);
    first.last.sequence += 1; /* of another journal entry: no two cards share one */
    assert_int_equal(other.port.ops->issue(other.port.ctx, &identity, &first), ST_OK);
    world.card = other.card;
    assert_int_equal(read_again(&world, &view), CARD_MEMBER);
    assert_true(view.number == identity.number);
    assert_true(card_world_same(&view.snapshot, &first));
    card_world_finish(&other);
    card_world_finish(&world);
    (void)state;
}

static struct classic_known_card card_of(uint32_t n)
{
    struct classic_known_card card = {
        .uid = {(uint8_t)n, (uint8_t)(n >> 8), 3, 4, 5, 6, 7}, .uid_bytes = 7, .number = n};
    return card;
}

static void the_card_not_seen_for_longest_makes_room(void **state)
{
    static struct classic_known known;
    struct classic_known_card card;

    for (uint32_t n = 0; n < CLASSIC_KNOWN_MAX; n += 1) {
        card = card_of(n);
        classic_known_keep(&known, &card);
    }
    card = card_of(0); /* seen again: 1 is the oldest now */
    classic_known_keep(&known, &card);
    card = card_of(CLASSIC_KNOWN_MAX);
    classic_known_keep(&known, &card);
    for (uint32_t n = 0; n <= CLASSIC_KNOWN_MAX; n += 1) {
        card = card_of(n);
        const struct classic_known_card *kept = classic_known_find(&known, card.uid, 7);
        assert_true((kept == NULL) == (n == 1));
        assert_true(kept == NULL || kept->number == n);
        assert_null(classic_known_find(&known, card.uid, 4)); /* the same bytes, a shorter UID */
    }
    for (uint32_t n = 0; n <= CLASSIC_KNOWN_MAX; n += 1) {
        card = card_of(n);
        classic_known_forget(&known, card.uid, 7);
        assert_null(classic_known_find(&known, card.uid, 7));
    }
    assert_int_equal(known.count, 0);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_card_is_served_without_its_head),
        cmocka_unit_test(a_changed_byte_anywhere_never_changes_the_value),
        cmocka_unit_test(what_another_terminal_did_is_seen),
        cmocka_unit_test(a_pointer_never_goes_back),
        cmocka_unit_test(nor_before_a_commit),
        cmocka_unit_test(another_card_of_the_same_uid_is_not_taken_for_it),
        cmocka_unit_test(the_card_not_seen_for_longest_makes_room),
    };
    return cmocka_run_group_tests_name("card_known", tests, NULL, NULL);
}
