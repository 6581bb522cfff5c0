/* The proof for a card's particulars (docs/decisions/0016, 0018): cut the commit that brings new
 * ones at every command and in every write, and then the one that makes good, too. A card under the
 * new snapshot says the new ones, always. Under the old one a DESFire, and a Classic of layout 2,
 * says the old ones; a Classic of layout 1 the old, the new or, until the same commit is made
 * again, none: its seal is broken. Number, name, money and history are as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/card_cuts.h"

enum { AT = 12 }; /* the card's counter before: its ring has gone round */
static const struct action_particulars particulars = {5, 31000, 41000, 46001};

static bool is_prepared;     /* the commit is staged before, as a terminal does */
static bool is_pointer_lost; /* the pointer is a weak block: read once, and then no more */

/* Reads, and if the card has not got it yet, commits the snapshot with its particulars. */
static enum st amend(struct card_world *world, const struct card_cut *cut)
{
    const struct snapshot next = card_world_snapshot_of(world, AT + 1);
    struct card_view view;

    soft_reader_tap(&world->soft);
    card_world_new_driver(world);
    card_cut_plan(world, cut);
    enum st st = world->port.ops->read(world->port.ctx, NULL, 0, &view);
    if (st != ST_OK) {
        return ST_GONE;
    }
    assert_int_equal(view.condition, CARD_MEMBER);
    assert_true(view.may_load);
    if (view.snapshot.counter == AT + 1) {
        return ST_OK;
    }
    if (is_pointer_lost) {
        memset(world->card.memory[4], 0xA5, 16);
    }
    if (is_prepared) {
        world->port.ops->prepare(world->port.ctx, &next);
    }
    world->port.ops->amend(world->port.ctx, &particulars);
    st = world->port.ops->commit(world->port.ctx, &next);
    if (st == ST_OK) {
        world->port.ops->refresh(world->port.ctx);
    }
    return st;
}

static struct card_identity amended(void)
{
    struct card_identity identity = card_world_identity;
    identity.kind = particulars.kind;
    identity.birthday = particulars.birthday;
    identity.wedding = particulars.wedding;
    identity.expires = particulars.expires;
    return identity;
}

/* Old or new is all that a cut may leave. */
static bool is_atomic(const struct card_world *world)
{
    return world->is_desfire || world->turned_at != 0;
}

enum { SAYS_OLD, SAYS_NEW, SAYS_NOTHING, SAYS };
static unsigned seen[2][SAYS]; /* under the old and the new snapshot */

/* Reads the card without cuts. `was_torn`: what nothing brings back may be lost (0016). */
static void check(struct card_world *world, enum st committed, bool was_torn)
{
    const struct card_identity wanted = amended();
    struct card_identity identity = {0};
    struct snapshot history[CARD_HISTORY_MAX];
    struct card_view view;
    size_t count = 0;

    assert_int_equal(card_world_read(world, &view), ST_OK);
    assert_int_equal(view.condition, CARD_MEMBER);
    assert_true(view.number == card_world_identity.number);
    const bool is_after = view.snapshot.counter == AT + 1;
    const struct snapshot snapshot = card_world_snapshot_of(world, is_after ? AT + 1 : AT);
    assert_true(card_world_same(&view.snapshot, &snapshot));
    assert_false(committed == ST_OK && !is_after);
    assert_false(committed == ST_AGAIN && is_after);
    assert_int_equal(world->port.ops->history(world->port.ctx, history, CARD_HISTORY_MAX, &count),
                     ST_OK);
    assert_true(count >= 8);
    const enum st st = world->port.ops->identity(world->port.ctx, &identity);
    assert_true(st == ST_OK || st == ST_DENIED);
    if (was_torn && !is_atomic(world) && identity.member == 0 && identity.issued == 0) {
        identity.member = wanted.member;
        identity.issued = wanted.issued;
    }
    const unsigned says = st != ST_OK                                                 ? SAYS_NOTHING
                          : card_world_same_identity(&identity, &wanted)              ? SAYS_NEW
                          : card_world_same_identity(&identity, &card_world_identity) ? SAYS_OLD
                                                                                      : SAYS;
    assert_in_range(says, 0, SAYS - 1);
    assert_false(is_after && says != SAYS_NEW);
    assert_false(is_atomic(world) && !is_after && says != SAYS_OLD);
    seen[is_after][says] += 1;
}

static unsigned pairs;

/* After both cuts: the same commit without one. */
static void after_second(struct card_world *world, enum st committed)
{
    check(world, committed, true);
    const enum st last = amend(world, NULL);
    assert_int_equal(last, ST_OK);
    check(world, last, true);
}

/* After a cut: the same commit again, cut in every way. */
static void after_first(struct card_world *world, enum st committed)
{
    check(world, committed, false);
    pairs += card_cuts_each(world, amend, after_second);
}

static void every_cut_of_new_particulars_is_made_good(struct card_world *world)
{
    memset(seen, 0, sizeof seen);
    pairs = 0;
    const unsigned cuts = card_cuts_each(world, amend, after_first);
    printf("# %s, layout %d, new particulars%s: %u cuts, %u pairs; under the old snapshot %u old, "
           "%u new, %u "
           "none; under the new one %u new\n",
           world->is_desfire ? "DESFire" : "Classic", world->turned_at != 0 ? 2 : 1,
           is_prepared ? ", staged" : "", cuts, pairs, seen[0][SAYS_OLD], seen[0][SAYS_NEW],
           seen[0][SAYS_NOTHING], seen[1][SAYS_NEW]);
    assert_true(cuts > 10 && pairs > cuts);
    assert_true(seen[0][SAYS_OLD] > 0 && seen[1][SAYS_NEW] > 0);
    card_world_finish(world);
}

/* The next commit writes what the card says already. */
static void say_again(struct card_world *world)
{
    const struct card_identity *is = &card_world_identity;
    const struct action_particulars same = {is->kind, is->birthday, is->wedding, is->expires};
    struct card_view view;
    assert_int_equal(card_world_read(world, &view), ST_OK);
    const struct snapshot next = card_world_snapshot_of(world, view.snapshot.counter + 1);
    world->port.ops->amend(world->port.ctx, &same);
    assert_int_equal(world->port.ops->commit(world->port.ctx, &next), ST_OK);
    world->port.ops->refresh(world->port.ctx);
}

static void on_classic(void **state)
{
    struct card_world world;
    (void)state;
    for (int way = 0; way < 2; way += 1) {
        is_prepared = way == 1;
        card_world_init(&world, CLASSIC_1K, 4);
        card_world_issue(&world, AT);
        every_cut_of_new_particulars_is_made_good(&world);
        assert_true(seen[0][SAYS_NOTHING] > 0); /* else no cut fell into the identity */
    }
}

/* An earlier tap tore the pointer, so that the identity alone says the card's number: it must not
 * be the next to be torn. */
static void on_classic_with_a_torn_pointer(void **state)
{
    struct card_world world;
    (void)state;
    is_prepared = false;
    card_world_init(&world, CLASSIC_1K, 4);
    card_world_issue(&world, AT);
    memset(world.card.memory[4], 0xA5, 16);
    every_cut_of_new_particulars_is_made_good(&world);
}

/* It read well when the card was found, and does not any more when the identity is to be written.
 */
static void on_classic_whose_pointer_goes_bad(void **state)
{
    struct card_world world;
    struct card_cut cut = {0};
    bool was_taken = true;
    union card_chip chip;
    (void)state;
    is_prepared = false;
    card_world_init(&world, CLASSIC_1K, 4);
    card_world_issue(&world, AT);
    card_chip_save(&world, &chip);
    do {
        card_chip_load(&world, &chip);
        is_pointer_lost = true;
        const enum st st = amend(&world, &cut);
        is_pointer_lost = false;
        was_taken = card_cut_was_taken(&world);
        check(&world, st, false);
        assert_int_equal(amend(&world, NULL), ST_OK);
        check(&world, ST_OK, true);
    } while (card_cut_next(&world, &cut, was_taken));
    card_world_finish(&world);
}

/* What the card says at AT stands in one copy or in the other: as it came to layout 2, lately or
 * long ago; or after an action that wrote it once more. */
static void on_layout_2(void **state)
{
    struct card_world world;
    (void)state;
    for (int way = 0; way < 4; way += 1) {
        is_prepared = way % 2 == 1;
        card_world_init(&world, CLASSIC_1K, way < 2 ? 4 : 7);
        world.turned_at = way % 3 == 0 ? AT - 3 : 2;
        card_world_issue(&world, way < 2 ? AT : AT - 1);
        if (way >= 2) {
            say_again(&world);
        }
        every_cut_of_new_particulars_is_made_good(&world);
        assert_true(seen[0][SAYS_NOTHING] == 0 && seen[0][SAYS_NEW] == 0);
    }
}

static void on_desfire(void **state)
{
    struct card_world world;
    (void)state;
    for (int way = 0; way < 2; way += 1) {
        is_prepared = way == 1;
        card_world_init_desfire(&world);
        card_world_issue(&world, AT);
        every_cut_of_new_particulars_is_made_good(&world);
    }
}

/* What a commit is told holds for that commit alone. */
static void told_once(struct card_world *world)
{
    const struct card_identity wanted = amended();
    struct card_identity identity;
    struct card_view view;

    card_world_issue(world, AT);
    assert_int_equal(amend(world, NULL), ST_OK);
    assert_int_equal(card_world_read(world, &view), ST_OK);
    world->port.ops->amend(world->port.ctx, &(struct action_particulars){5, 1, 2, 3});
    assert_int_equal(card_world_read(world, &view), ST_OK);
    card_world_sell(world);
    assert_int_equal(world->port.ops->identity(world->port.ctx, &identity), ST_OK);
    assert_true(card_world_same_identity(&identity, &wanted));
    card_world_finish(world);
}

static void what_is_told_is_forgotten_by_the_next_reading(void **state)
{
    struct card_world world;
    (void)state;
    card_world_init(&world, CLASSIC_1K, 7);
    told_once(&world);
    card_world_init_desfire(&world);
    told_once(&world);
}

/* Who may only spend cannot change what a DESFire card says; the card is as it was. */
static void the_chip_asks_for_the_load_key(void **state)
{
    struct card_world world;
    struct card_identity identity;
    struct card_view view;
    (void)state;
    card_world_init_desfire(&world);
    card_world_issue(&world, AT);
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_SPEND, 3));
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_false(view.may_load);
    const struct snapshot next = card_world_snapshot_of(&world, AT + 1);
    world.port.ops->amend(world.port.ctx, &particulars);
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_AGAIN);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_int_equal(view.snapshot.counter, AT);
    assert_int_equal(world.port.ops->identity(world.port.ctx, &identity), ST_OK);
    assert_true(card_world_same_identity(&identity, &card_world_identity));
    card_world_finish(&world);
}

/* --- what it costs --------------------------------------------------------------------------- */

/* Model time of a commit at 115200 baud, in ms. */
static double commit_ms(struct card_world *world, uint32_t counter, bool is_amended)
{
    const struct snapshot next = card_world_snapshot_of(world, counter);
    struct card_view view;

    assert_int_equal(card_world_read(world, &view), ST_OK);
    world->soft.model_us = 0;
    if (is_amended) {
        world->port.ops->amend(world->port.ctx, &particulars);
    }
    assert_int_equal(world->port.ops->commit(world->port.ctx, &next), ST_OK);
    const double ms = (double)world->soft.model_us / 1000;
    world->port.ops->refresh(world->port.ctx);
    return ms;
}

static void they_cost_a_tap_that_brings_some_and_no_other(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way += 1) {
        struct card_world world;
        if (way < 2) {
            card_world_init(&world, CLASSIC_1K, 4);
            world.turned_at = way == 0 ? 0 : 2;
        } else {
            card_world_init_desfire(&world);
        }
        card_world_issue(&world,
                         AT); /* on a DESFire all but the third of the next pay with credit */
        const double before = commit_ms(&world, AT + 1, false);
        const double with = commit_ms(&world, AT + 2, true);
        card_world_sell(&world);
        const double after = commit_ms(&world, AT + 4, false);
        printf(
            "# %s, a commit by the model at 115200 baud: %.1f ms, with new particulars %.1f ms\n",
            way == 0   ? "Classic"
            : way == 1 ? "Classic, layout 2"
                       : "DESFire",
            before, with);
        assert_true(before == after && with > before && with < before + 150);
        card_world_finish(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_classic),
        cmocka_unit_test(on_classic_with_a_torn_pointer),
        cmocka_unit_test(on_classic_whose_pointer_goes_bad),
        cmocka_unit_test(on_layout_2),
        cmocka_unit_test(on_desfire),
        cmocka_unit_test(what_is_told_is_forgotten_by_the_next_reading),
        cmocka_unit_test(the_chip_asks_for_the_load_key),
        cmocka_unit_test(they_cost_a_tap_that_brings_some_and_no_other),
    };
    return cmocka_run_group_tests_name("new particulars, cut", tests, NULL, NULL);
}
