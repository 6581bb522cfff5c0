/* The proof for a card that goes over to layout 2 (docs/decisions/0018): cut the commit that brings
 * it at every command and in every write, and then the one that goes on. Whatever was cut, the card
 * is whole in layout 1 or whole in layout 2: number, name, kind and days, money, history and facts
 * are what they were. And what comes of cards whose identity was broken before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/card_cuts.h"

enum { AT = 12 }; /* the card's counter before: its ring has gone round */
static const struct facts_rules rules = {210, PERIOD_QUARTER, PERIOD_MONTH};
static const struct action_particulars particulars = {5, 31000, 41000, 46001};

/* How the card comes to layout 2. */
static struct {
    bool is_prepared;      /* the commit is staged before, as a terminal does */
    bool is_amended;       /* the same run of actions brings new particulars */
    bool was_broken;       /* the identity is not known before */
    struct facts facts[2]; /* what the card remembers before and after */
} way;

static void start(struct card_world *world, bool is_desfire, size_t uid_bytes)
{
    if (is_desfire) {
        card_world_init_desfire(world);
    } else {
        card_world_init(world, CLASSIC_1K, uid_bytes);
    }
    world->turned_at = AT + 1;
    /* With a checkpoint of the facts, which stands beside one copy of the identity. */
    card_world_issue(world, AT - 4);
    for (unsigned n = 0; n < 4; n += 1) {
        card_world_sell(world);
        world->port.ops->keep_facts(world->port.ctx, &rules);
    }
}

/* In layout 1 the identity is whole in its three blocks or not at all. */
static void break_identity(struct card_world *world)
{
    memset(world->card.memory[4 * 11 + 1], 0xA5, 16);
}

/* One tap: reads, and if the card has not got it yet, commits the snapshot of layout 2. */
static enum st convert(struct card_world *world, const struct card_cut *cut)
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
    if (view.snapshot.counter == AT + 1) {
        return ST_OK;
    }
    if (way.is_prepared) {
        world->port.ops->prepare(world->port.ctx, &next);
    }
    if (way.is_amended) {
        world->port.ops->amend(world->port.ctx, &particulars);
    }
    st = world->port.ops->commit(world->port.ctx, &next);
    if (st == ST_OK) {
        world->port.ops->refresh(world->port.ctx);
        world->port.ops->keep_facts(world->port.ctx, &rules);
    }
    return st;
}

static struct facts facts_now(struct card_world *world)
{
    struct facts facts;
    memset(&facts, 0, sizeof facts);
    assert_int_equal(world->port.ops->facts(world->port.ctx, &rules, &facts), ST_OK);
    return facts;
}

static struct card_identity identity_after(void)
{
    struct card_identity identity = card_world_identity;
    if (way.is_amended) {
        identity.kind = particulars.kind;
        identity.birthday = particulars.birthday;
        identity.wedding = particulars.wedding;
        identity.expires = particulars.expires;
    }
    if (way.was_broken) { /* nothing brings these back, and nothing on the counter asks for them */
        identity.member = identity.issued = 0;
    }
    return identity;
}

static unsigned seen[3]; /* by layout */

static void check_identity(struct card_world *world, uint8_t layout)
{
    const struct card_identity wanted = layout == 1 ? card_world_identity : identity_after();
    const bool is_known = layout == 1 ? !way.was_broken : !way.was_broken || way.is_amended;
    struct card_identity identity = {0};

    const enum st st = world->port.ops->identity(world->port.ctx, &identity);
    if (!is_known) {
        assert_int_equal(st, ST_DENIED);
        return;
    }
    assert_int_equal(st, ST_OK);
    assert_true(card_world_same_identity(&identity, &wanted));
}

/* Reads the card without cuts. */
static void check(struct card_world *world, enum st committed)
{
    struct snapshot history[CARD_HISTORY_MAX];
    struct card_view view;
    size_t count = 0;

    assert_int_equal(card_world_read(world, &view), ST_OK);
    assert_int_equal(view.condition, CARD_MEMBER);
    assert_true(view.number == card_world_identity.number);
    const bool is_after = view.snapshot.counter == AT + 1;
    assert_int_equal(view.snapshot.layout, is_after ? 2 : 1);
    assert_false(committed == ST_OK && !is_after);
    assert_false(committed == ST_AGAIN && is_after);
    assert_int_equal(world->port.ops->history(world->port.ctx, history, CARD_HISTORY_MAX, &count),
                     ST_OK);
    assert_true(count >= 8);
    for (size_t i = 0; i < count; i += 1) {
        const struct snapshot wanted =
            card_world_snapshot_of(world, (is_after ? AT + 1 : AT) - (uint32_t)i);
        assert_true(card_world_same(&history[i], &wanted));
    }
    check_identity(world, view.snapshot.layout);
    const struct facts facts = facts_now(world);
    assert_memory_equal(&facts, &way.facts[is_after], sizeof facts);
    seen[view.snapshot.layout] += 1;
}

static unsigned pairs;

static void go_on(struct card_world *world, enum st committed)
{
    check(world, committed);
    assert_int_equal(convert(world, NULL), ST_OK);
    check(world, ST_OK);
}

/* After a cut: the same commit again, cut in every way, and once more without a cut. */
static void cut_again(struct card_world *world, enum st committed)
{
    check(world, committed);
    pairs += card_cuts_each(world, convert, go_on);
}

/* What the facts are before and after, from a card that nobody pulled. */
static void learn(struct card_world *world)
{
    struct card_view view;
    union card_chip chip;

    card_chip_save(world, &chip);
    assert_int_equal(card_world_read(world, &view), ST_OK);
    way.facts[0] = facts_now(world);
    assert_int_equal(convert(world, NULL), ST_OK);
    assert_int_equal(card_world_read(world, &view), ST_OK);
    way.facts[1] = facts_now(world);
    card_chip_load(world, &chip);
}

/* `with_pairs`: after each cut another one. Else it is gone on with at once. */
static void every_cut(struct card_world *world, bool with_pairs)
{
    memset(seen, 0, sizeof seen);
    learn(world);
    pairs = 0;
    const unsigned cuts = card_cuts_each(world, convert, with_pairs ? cut_again : go_on);
    printf("# %s, to layout 2%s%s%s: %u cuts, %u pairs; %u readings in layout 1, %u in layout 2, "
           "none in neither\n",
           world->is_desfire ? "DESFire" : "Classic", way.is_prepared ? ", staged" : "",
           way.is_amended ? ", with particulars" : "", way.was_broken ? ", broken before" : "",
           cuts, pairs, seen[1], seen[2]);
    assert_true(cuts > 10 && seen[1] > 10 && seen[2] > 10 && (!with_pairs || pairs > cuts));
    card_world_finish(world);
}

static void on_classic(void **state)
{
    struct card_world world;
    (void)state;
    memset(&way, 0, sizeof way);
    for (int n = 0; n < 4; n += 1) {
        way.is_prepared = n % 2 == 1;
        way.is_amended = n >= 2;
        start(&world, false, n % 2 == 0 ? 4 : 7);
        every_cut(&world, n == 1 || getenv("FULL") != NULL);
    }
}

static void on_desfire(void **state)
{
    struct card_world world;
    (void)state;
    memset(&way, 0, sizeof way);
    for (int n = 0; n < 4; n += 1) {
        way.is_prepared = n % 2 == 1;
        way.is_amended = n >= 2;
        start(&world, true, 7);
        every_cut(&world, true);
    }
}

/* New particulars were cut in layout 1; the run that makes them good brings layout 2, too. */
static void a_broken_identity_is_made_good_on_the_way(void **state)
{
    struct card_world world;
    (void)state;
    memset(&way, 0, sizeof way);
    way.is_amended = way.was_broken = true;
    for (int n = 0; n < 2; n += 1) {
        way.is_prepared = n == 1;
        start(&world, false, 4);
        break_identity(&world);
        every_cut(&world, getenv("FULL") != NULL);
    }
}

/* Nothing makes it good: the card goes over all the same and can pay, and what it says of itself is
 * not known until the club says it anew. */
static void a_broken_identity_does_not_stop_a_card(void **state)
{
    struct card_world world;
    struct card_identity identity;
    struct card_view view;
    (void)state;
    memset(&way, 0, sizeof way);
    way.was_broken = true;
    start(&world, false, 4);
    learn(&world);
    break_identity(&world);
    assert_int_equal(convert(&world, NULL), ST_OK);
    check(&world, ST_OK);
    card_world_sell(&world);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    way.is_amended = true;
    const struct card_identity wanted = identity_after();
    const struct snapshot next = card_world_snapshot_of(&world, view.snapshot.counter + 1);
    world.port.ops->amend(world.port.ctx, &particulars);
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_int_equal(world.port.ops->identity(world.port.ctx, &identity), ST_OK);
    assert_true(card_world_same_identity(&identity, &wanted));
    card_world_finish(&world);
}

/* Two terminals know a card. One of them brings it to layout 2, and both go on serving it. */
static void terminals_that_know_the_card_learn_of_it(void **state)
{
    struct card_world world;
    static struct classic_card drivers[2];
    struct card_port ports[2];
    struct card_identity identity;
    struct card_view view;
    (void)state;
    start(&world, false, 7);
    for (int n = 0; n < 2; n += 1) {
        ports[n] = classic_card_open(&drivers[n], soft_reader_port(&world.soft), world.keystore);
    }
    for (uint32_t counter = AT; counter < AT + 8; counter += 1) {
        const struct card_port *port = &ports[counter / 2 % 2];
        const struct snapshot next = card_world_snapshot_of(&world, counter + 1);
        soft_reader_tap(&world.soft);
        assert_int_equal(port->ops->read(port->ctx, NULL, 0, &view), ST_OK);
        assert_int_equal(view.condition, CARD_MEMBER);
        assert_int_equal(view.snapshot.counter, counter);
        assert_int_equal(view.snapshot.layout, counter == AT ? 1 : 2);
        assert_int_equal(port->ops->identity(port->ctx, &identity), ST_OK);
        assert_true(card_world_same_identity(&identity, &card_world_identity));
        assert_int_equal(port->ops->commit(port->ctx, &next), ST_OK);
        port->ops->refresh(port->ctx);
    }
    card_world_finish(&world);
}

/* A torn pointer says no number; the identity does, in whichever copy it stands. */
static void the_number_is_found_without_the_pointer(void **state)
{
    struct card_world world;
    struct card_view view;
    (void)state;
    memset(&way, 0, sizeof way);
    for (int n = 0; n < 2; n += 1) {
        way.is_amended = n == 1;
        start(&world, false, 4);
        assert_int_equal(convert(&world, NULL), ST_OK);
        if (n == 1) { /* the copy that came with layout 2 is the older one, then gone */
            assert_int_equal(card_world_read(&world, &view), ST_OK);
            const struct snapshot next = card_world_snapshot_of(&world, AT + 2);
            world.port.ops->amend(world.port.ctx, &particulars);
            assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
            memset(world.card.memory[4 * 13 + 2], 0xA5, 16);
        }
        memset(world.card.memory[4], 0xA5, 16);
        assert_int_equal(card_world_read(&world, &view), ST_OK);
        assert_int_equal(view.condition, CARD_MEMBER);
        assert_true(view.number == card_world_identity.number);
        card_world_finish(&world);
    }
}

/* Nobody can make a block of layout 1 pass for a copy of layout 2, or one copy for the other. */
static void no_block_passes_for_another(void **state)
{
    struct card_world world;
    struct card_identity identity;
    struct card_view view;
    uint8_t old[16];
    (void)state;
    memset(&way, 0, sizeof way);
    start(&world, false, 4);
    memcpy(old, world.card.memory[4 * 11 + 2], sizeof old);
    assert_int_equal(convert(&world, NULL), ST_OK);
    assert_memory_equal(world.card.memory[4 * 11 + 2], old, sizeof old); /* nobody needed it yet */
    const union card_chip chip = {.classic = world.card};
    memset(world.card.memory[4 * 13 + 2], 0, 16);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_int_equal(world.port.ops->identity(world.port.ctx, &identity), ST_DENIED);
    card_chip_load(&world, &chip);
    memcpy(world.card.memory[4 * 11 + 2], world.card.memory[4 * 13 + 2], 16);
    memset(world.card.memory[4 * 13 + 2], 0, 16);
    assert_int_equal(card_world_read(&world, &view), ST_OK);
    assert_int_equal(world.port.ops->identity(world.port.ctx, &identity), ST_DENIED);
    card_world_finish(&world);
}

/* Puts the newest snapshot there as a layout that nobody has made yet would: the same image and
 * seal, and another number in front. */
static void make_later(struct card_world *world)
{
    const unsigned first = 4 * (2 + (AT - 1) % 9);
    uint8_t data[18 + 40] = {'V', 'A', 'F', 'A', 1, SEAL_SNAPSHOT, (AT - 1) % 9};
    uint8_t seal[KEYSTORE_SEAL_BYTES];

    world->card.memory[first][0] = (uint8_t)((world->card.memory[first][0] & 0x0F) | 0x30);
    data[7] = world->card.uid_bytes;
    memcpy(data + 8, world->card.uid, world->card.uid_bytes);
    for (unsigned n = 0; n < 40; n += 1) {
        data[18 + n] = world->card.memory[first + n / 16][n % 16];
    }
    assert_int_equal(keystore_seal(world->keystore, 0, SEAL_SNAPSHOT, world->card.uid,
                                   world->card.uid_bytes, data, sizeof data, seal),
                     ST_OK);
    memcpy(world->card.memory[first + 2] + 8, seal, 8);
}

/* Such a card is for another firmware, also where it was known before, and without its pointer. */
static void a_card_of_a_later_layout_is_left_as_it_is(void **state)
{
    struct card_world world;
    struct card_view view;
    (void)state;
    for (int n = 0; n < 3; n += 1) {
        start(&world, false, 4);
        assert_int_equal(card_world_read(&world, &view), ST_OK);
        make_later(&world);
        if (n == 1) {
            memset(world.card.memory[4], 0xA5, 16);
        }
        const union card_chip chip = {.classic = world.card};
        soft_reader_tap(&world.soft);
        if (n < 2) {
            card_world_new_driver(&world);
        }
        assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
        assert_int_equal(view.condition, CARD_UNKNOWN_CHIP);
        assert_non_null(strstr(view.why.say, "Update the terminal"));
        const struct snapshot next = card_world_snapshot_of(&world, AT + 1);
        assert_int_not_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
        assert_memory_equal(world.card.memory, chip.classic.memory, sizeof world.card.memory);
        card_world_finish(&world);
    }
}

/* Model time at 115200 baud, in ms: of a commit, and of reading what the card says of itself. */
static void what_it_costs(void **state)
{
    struct card_world world;
    struct card_identity identity;
    struct card_view view;
    (void)state;
    start(&world, false, 4);
    double ms[2][2];
    for (uint32_t counter = AT + 1; counter <= AT + 2; counter += 1) {
        const unsigned n = counter - AT - 1;
        const struct snapshot next = card_world_snapshot_of(&world, counter);
        assert_int_equal(card_world_read(&world, &view), ST_OK);
        world.soft.model_us = 0;
        assert_int_equal(world.port.ops->identity(world.port.ctx, &identity), ST_OK);
        ms[n][0] = (double)world.soft.model_us / 1000;
        assert_int_equal(card_world_read(&world, &view), ST_OK);
        world.soft.model_us = 0;
        assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
        ms[n][1] = (double)world.soft.model_us / 1000;
        world.port.ops->refresh(world.port.ctx);
    }
    printf("# Classic by the model at 115200 baud: to layout 2 %.1f ms, a commit in it %.1f ms; "
           "the identity %.1f ms in layout 1, %.1f ms in layout 2\n",
           ms[0][1], ms[1][1], ms[0][0], ms[1][0]);
    assert_true(ms[0][1] < 120 && ms[1][1] < 40 && ms[1][0] < ms[0][0] + 15);
    card_world_finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_classic),
        cmocka_unit_test(on_desfire),
        cmocka_unit_test(a_broken_identity_is_made_good_on_the_way),
        cmocka_unit_test(a_broken_identity_does_not_stop_a_card),
        cmocka_unit_test(terminals_that_know_the_card_learn_of_it),
        cmocka_unit_test(the_number_is_found_without_the_pointer),
        cmocka_unit_test(no_block_passes_for_another),
        cmocka_unit_test(a_card_of_a_later_layout_is_left_as_it_is),
        cmocka_unit_test(what_it_costs),
    };
    return cmocka_run_group_tests_name("to layout 2, cut", tests, NULL, NULL);
}
