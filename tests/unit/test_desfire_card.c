/* The driver over a DESFire card in memory: the life of a card, the commands and model time of a
 * sale, what the chip refuses, how keys are rolled, and what each kind of card is called. Cuts:
 * tests/fault/fault_card_desfire.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/card/desfire_layout.h"
#include "hal/base/bytes.h"
#include "tests/support/card_world.h"
#include "tools/pn532-sim/timing.h"

static void expect(struct card_world *world, enum card_condition condition, struct card_view *ret)
{
    assert_int_equal(card_world_read(world, ret), ST_OK);
    if (ret->condition != condition) {
        print_message("condition %d: %s\n", (int)ret->condition, ret->why.say);
    }
    assert_int_equal(ret->condition, condition);
    assert_true(ret->why.say[0] != '\0');
    assert_int_equal(ret->family, CARD_DESFIRE);
}

/* Reads, and expects the member card at `counter` with purse and record in agreement. */
static void expect_member(struct card_world *world, uint32_t counter)
{
    struct card_view view;
    expect(world, CARD_MEMBER, &view);
    const struct snapshot want = card_world_snapshot_of(world, counter);
    assert_int_equal(view.snapshot.counter, counter);
    assert_true(card_world_same(&view.snapshot, &want));
    assert_true(view.number == card_world_identity.number);
    const struct desfire_file *purse =
        desfire_find_file(&world->desfire, desfire_aid, DESFIRE_CREDIT);
    assert_non_null(purse);
    assert_true(purse->value == want.purse[PURSE_CREDIT].rials);
}

static void a_blank_card_becomes_a_member_card(void **state)
{
    for (int generation = DESFIRE_EV1; generation <= DESFIRE_EV3; generation += 1) {
        struct card_world world;
        struct card_view view;
        struct card_identity identity;
        struct snapshot history[CARD_HISTORY_MAX];
        size_t count = 0;

        card_world_init_desfire(&world);
        world.desfire.memory.generation = (enum desfire_generation)generation;
        expect(&world, CARD_BLANK, &view);
        assert_int_equal(world.desfire.writes, 0);
        card_world_issue(&world, 3);
        expect_member(&world, 3);
        assert_int_equal(world.port.ops->history(world.port.ctx, history, CARD_HISTORY_MAX, &count),
                         ST_OK);
        assert_int_equal(count, 3);
        while (world.families.desfire.newest.counter < 70) {
            card_world_sell(&world);
        }
        expect_member(&world, 70);
        assert_int_equal(world.port.ops->history(world.port.ctx, history, CARD_HISTORY_MAX, &count),
                         ST_OK);
        assert_int_equal(count, 32);
        for (size_t i = 0; i < count; i += 1) {
            const struct snapshot want = card_world_snapshot_of(&world, (uint32_t)(70 - i));
            assert_true(card_world_same(&history[i], &want));
        }
        assert_int_equal(world.port.ops->history(world.port.ctx, history, 5, &count), ST_OK);
        assert_int_equal(count, 5);
        memset(&identity, 0, sizeof identity);
        assert_int_equal(world.port.ops->identity(world.port.ctx, &identity), ST_OK);
        assert_memory_equal(&identity, &card_world_identity, sizeof identity);
        const struct snapshot next = card_world_snapshot_of(&world, 71);
        assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
        assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
        world.port.ops->release(world.port.ctx);
        assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_AGAIN);
        expect_member(&world, 71);
        card_world_finish(&world);
    }
    (void)state;
}

static void a_sale_takes_nine_commands(void **state)
{
    static const uint32_t bauds[] = {115200, 230400, 460800};
    static const double bounds_ms[] = {1.2 * 85.5, 1.2 * 66.3, 1.2 * 56.6};
    struct card_world world;
    struct card_view view;

    card_world_init_desfire(&world);
    card_world_issue(&world, 1);
    printf("# DESFire issue: %zu commands, %.0f ms by the model\n", world.soft.commands,
           (double)world.soft.model_us / 1000);
    card_world_sell(&world);
    soft_reader_tap(&world.soft);
    card_world_new_driver(&world);
    world.soft.commands = 0;
    world.soft.model_us = 0;
    assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
    const struct snapshot next = card_world_snapshot_of(&world, 3);
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
    const size_t told = world.soft.commands;
    for (size_t baud = 0; baud < 3; baud += 1) {
        double ms = 0;
        for (size_t i = 0; i < told; i += 1) {
            const struct soft_command *it = &world.soft.log[i];
            const double one = (it->card_us + timing_wire_us(it->wire_bytes, bauds[baud])) / 1000.0;
            ms += one;
            if (baud == 0) {
                printf("%2zu %-22s %6.2f ms %6.1f\n", i + 1, it->name, one, ms);
            }
        }
        printf("# DESFire sale with credit: %zu commands, %.1f ms by the model at %u baud\n", told,
               ms, bauds[baud]);
        assert_true(ms <= bounds_ms[baud]);
    }
    assert_int_equal(told, 9);
    card_world_finish(&world);
    (void)state;
}

/* --- rights --------------------------------------------------------------------------------- */

/* Opens a session with the spend key past the driver, as a terminal with changed firmware could. */
static struct desfire_io *spend_session(struct card_world *world)
{
    struct card_view view;
    struct desfire_io *io = &world->families.desfire.io;
    expect(world, CARD_MEMBER, &view);
    assert_true(io->has_session && io->role == ROLE_SPEND);
    return io;
}

static void assert_refused(struct card_world *world, enum ev1_mode mode, const uint8_t *command,
                           size_t header_bytes, size_t data_bytes, uint8_t status)
{
    uint8_t message[EV1_MESSAGE_MAX] = {0};
    struct desfire_io *io = spend_session(world);

    memcpy(message, command, header_bytes + data_bytes);
    const enum st st = desfire_io_ask(io, mode, message, header_bytes, data_bytes);
    assert_int_equal(st, ST_REFUSED);
    assert_int_equal(io->status, status);
}

static void the_chip_lets_no_spend_key_raise_credit(void **state)
{
    static const uint8_t credit[] = {0x0C, DESFIRE_CREDIT, 0x10, 0x27, 0, 0};
    static const uint8_t limited[] = {0x1C, DESFIRE_CREDIT, 0x10, 0x27, 0, 0};
    static const uint8_t too_much[] = {0xDC, DESFIRE_CREDIT, 0xFF, 0xFF, 0xFF, 0x7F};
    static const uint8_t rights[] = {0x5F, DESFIRE_CREDIT, 0x03, 0x11, 0x11};
    static const uint8_t identity[] = {0x3D, DESFIRE_IDENTITY, 0, 0, 0, 1, 0, 0, 0x55};
    static const uint8_t clear[] = {0xEB, DESFIRE_HISTORY};
    static const uint8_t remove[] = {0xDF, DESFIRE_CREDIT};
    struct card_world world;
    struct card_view view;

    card_world_init_desfire(&world);
    card_world_issue(&world, 2);
    /* A terminal that holds the spend master alone. */
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_SPEND, 3));
    assert_refused(&world, EV1_ENCIPHERED, credit, 2, 4, DESFIRE_PERMISSION_DENIED);
    assert_refused(&world, EV1_ENCIPHERED, limited, 2, 4, DESFIRE_PERMISSION_DENIED);
    assert_refused(&world, EV1_ENCIPHERED, too_much, 2, 4, DESFIRE_BOUNDARY_ERROR);
    assert_refused(&world, EV1_MACED, identity, 8, 1, DESFIRE_PERMISSION_DENIED);
    assert_refused(&world, EV1_ENCIPHERED, rights, 2, 3, DESFIRE_PERMISSION_DENIED);
    assert_refused(&world, EV1_PLAIN, clear, 2, 0, DESFIRE_PERMISSION_DENIED);
    assert_refused(&world, EV1_PLAIN, remove, 2, 0, DESFIRE_AUTHENTICATION_ERROR);
    expect_member(&world, 2);

    /* Through the driver it may sell, but not load. */
    card_world_sell(&world);
    card_world_sell(&world);
    expect(&world, CARD_MEMBER, &view);
    const struct snapshot load = card_world_snapshot_of(&world, 5);
    assert_true(load.purse[PURSE_CREDIT].rials > view.snapshot.purse[PURSE_CREDIT].rials);
    assert_false(view.may_load);
    assert_int_equal(world.port.ops->commit(world.port.ctx, &load), ST_AGAIN);
    expect_member(&world, 4);
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_LOAD, 3));
    card_world_sell(&world);
    expect_member(&world, 5);
    card_world_finish(&world);
    (void)state;
}

/* Who has the spend key may write any record, but the purse does not follow it. */
static void a_record_that_lies_is_found_when_it_matters(void **state)
{
    struct card_world world;
    struct card_view view;

    card_world_init_desfire(&world);
    card_world_issue(&world, 3);
    struct desfire_io *io = spend_session(&world);
    struct snapshot lie = card_world_snapshot_of(&world, 4);
    lie.purse[PURSE_CREDIT].rials = 900000000;
    uint8_t record[EV1_MESSAGE_MAX] = {0x3B, DESFIRE_HISTORY, 0, 0, 0, DESFIRE_RECORD_BYTES};
    struct desfire_owner owner = {.uid_bytes = 7, .number = card_world_identity.number};
    uint8_t commit[EV1_MESSAGE_MAX] = {0xC7};
    memcpy(owner.uid, io->target.uid, 7);
    desfire_record_encode(&owner, &lie, record + 8);
    assert_int_equal(desfire_io_ask(io, EV1_MACED, record, 8, DESFIRE_RECORD_BYTES), ST_OK);
    assert_int_equal(desfire_io_ask(io, EV1_PLAIN, commit, 1, 0), ST_OK);

    /* More than the purse has cannot be spent, and the refusal makes the next read compare. */
    expect(&world, CARD_MEMBER, &view);
    struct snapshot next = lie;
    next.counter = 5;
    next.purse[PURSE_CREDIT].rials = 100000000;
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_AGAIN);
    assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
    assert_int_equal(view.condition, CARD_TAMPERED);

    /* Nothing is put on top of it either. */
    expect(&world, CARD_MEMBER, &view);
    next.purse[PURSE_CREDIT].rials = 900000001;
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_AGAIN);
    assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
    assert_int_equal(view.condition, CARD_TAMPERED);
    assert_int_equal(desfire_find_file(&world.desfire, desfire_aid, DESFIRE_CREDIT)->value,
                     card_world_snapshot_of(&world, 3).purse[PURSE_CREDIT].rials);
    card_world_finish(&world);
    (void)state;
}

/* --- keys ----------------------------------------------------------------------------------- */

static uint8_t version_of(struct card_world *world, enum key_role role)
{
    for (size_t i = 0; i < DESFIRE_APPLICATIONS_MAX; i += 1) {
        if (memcmp(world->desfire.memory.applications[i].aid, desfire_aid, 3) == 0) {
            return world->desfire.memory.applications[i].keys[role].version;
        }
    }
    fail_msg("no application");
    return 0;
}

static void keys_are_rolled_while_cards_are_in_the_field(void **state)
{
    struct card_world world;
    struct card_view view;

    card_world_init_desfire(&world);
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_ISSUE, 1));
    card_world_issue(&world, 1);
    assert_int_equal(version_of(&world, ROLE_SPEND), 0xA0);

    /* A spend terminal leaves them, a load terminal moves its two, an issue terminal all. */
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_SPEND, 3));
    card_world_sell(&world);
    assert_int_equal(version_of(&world, ROLE_SPEND), 0xA0);
    expect_member(&world, 2);
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_LOAD, 3));
    card_world_sell(&world);
    assert_int_equal(version_of(&world, ROLE_SPEND), 0xA1);
    assert_int_equal(version_of(&world, ROLE_LOAD), 0xA1);
    assert_int_equal(version_of(&world, ROLE_ISSUE), 0xA0);
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_ISSUE, 7));
    card_world_sell(&world);
    assert_int_equal(version_of(&world, ROLE_SPEND), 0xA2);
    assert_int_equal(version_of(&world, ROLE_LOAD), 0xA2);
    assert_int_equal(version_of(&world, ROLE_ISSUE), 0xA2);
    expect_member(&world, 4);
    const uint32_t writes = world.desfire.writes;
    card_world_sell(&world);
    assert_int_equal(world.desfire.writes, writes + 1); /* the commit alone */

    /* A terminal that was not told yet does not move it back, it just cannot serve it; one that
     * knows both but issues the older serves it as it is. */
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_ISSUE, 3));
    expect(&world, CARD_FOREIGN, &view);
    assert_int_equal(version_of(&world, ROLE_SPEND), 0xA2);
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_ISSUE, 4));
    expect_member(&world, 5);
    card_world_finish(&world);
    (void)state;
}

/* Each cut in the rolling of three keys: the next tap finds the card as it is and goes on. */
static void a_cut_roll_goes_on_at_the_next_tap(void **state)
{
    unsigned points = 0;

    for (unsigned when = DESFIRE_CUT_AFTER; when <= DESFIRE_CUT_WRITE; when += 1) {
        for (uint32_t n = when == DESFIRE_CUT_AFTER ? 0 : 1; n < 40; n += 1) {
            for (int tear = 0; tear <= DESFIRE_TEAR_NEW; tear += 1) {
                struct card_world world;
                struct card_view view;
                card_world_init_desfire(&world);
                card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_ISSUE, 1));
                card_world_issue(&world, 1);
                card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_ISSUE, 3));
                expect(&world, CARD_MEMBER, &view);
                const struct snapshot next = card_world_snapshot_of(&world, 2);
                assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
                desfire_plan_cut(&world.desfire,
                                 (struct desfire_cut){.when = (enum desfire_cut_when)when,
                                                      .n = n,
                                                      .tear = (enum desfire_tear)tear});
                world.port.ops->refresh(world.port.ctx);
                points += world.desfire.cuts_taken;
                desfire_plan_cut(&world.desfire, (struct desfire_cut){.when = DESFIRE_CUT_NEVER});
                expect_member(&world, 2);
                for (unsigned tap = 0; tap < 2; tap += 1) {
                    card_world_sell(&world);
                }
                for (unsigned role = 0; role < KEY_ROLES; role += 1) {
                    assert_int_equal(version_of(&world, (enum key_role)role), 0xA1);
                }
                expect_member(&world, 4);
                card_world_finish(&world);
            }
        }
    }
    printf("# DESFire key roll: %u cut points\n", points);
    assert_true(points > 20);
    (void)state;
}

/* --- cards that are not what they should be ------------------------------------------------- */

/* Sends a command past the driver, without a session. */
static void send(struct card_world *world, const char *hex)
{
    uint8_t tx[64], rx[64];
    size_t got = 0;
    const size_t bytes = strlen(hex) / 2;
    assert_int_equal(hex_decode(hex, tx, bytes), ST_OK);
    assert_int_equal(desfire_exchange(&world->desfire, tx, bytes, rx, sizeof rx, &got), DESFIRE_OK);
    assert_int_equal(rx[0], 0);
}

static void activate(struct card_world *world)
{
    uint8_t ats[DESFIRE_ATS_BYTES_MAX];
    size_t bytes = 0;
    soft_reader_tap(&world->soft);
    assert_true(desfire_select(&world->desfire, DESFIRE_REQA, 3));
    assert_true(desfire_activate(&world->desfire, ats, &bytes));
}

static void another_application_is_not_disturbed(void **state)
{
    struct card_world world;
    struct card_view view;

    card_world_init_desfire(&world);
    activate(&world);
    send(&world, "ca1248f10f82"); /* CreateApplication F14812, two AES keys */
    send(&world, "5a1248f1");
    send(&world, "cd0100eeee200000"); /* a free file of 32 bytes */
    send(&world, "3d0100000004000001020304");
    expect(&world, CARD_BLANK, &view);
    static const uint8_t aid[3] = {0x12, 0x48, 0xF1};
    uint8_t before[32], after[32];
    assert_int_equal(desfire_peek(&world.desfire, aid, 1, 0, before, sizeof before), 32);
    card_world_issue(&world, 3);
    expect_member(&world, 3);
    assert_int_equal(desfire_peek(&world.desfire, aid, 1, 0, after, sizeof after), 32);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(before[0], 1);
    card_world_finish(&world);
    (void)state;
}

static void each_card_is_called_what_it_is(void **state)
{
    struct card_world world;
    struct card_view view;

    /* A card whose owner lets nobody make applications. */
    card_world_init_desfire(&world);
    world.desfire.memory.settings = 0x0B;
    expect(&world, CARD_FOREIGN, &view);
    world.desfire.memory.settings = 0x00;
    expect(&world, CARD_FOREIGN, &view);
    /* No room. */
    world.desfire.memory.settings = 0x0F;
    world.desfire.memory.pool_used = DESFIRE_POOL_BYTES - 1000;
    expect(&world, CARD_FOREIGN, &view);
    world.desfire.memory.pool_used = 0;
    /* A UID that changes each time. */
    world.desfire.memory.configuration = 2;
    expect(&world, CARD_UNKNOWN_CHIP, &view);
    world.desfire.memory.configuration = 0;
    expect(&world, CARD_BLANK, &view);
    /* A terminal without DESFire keys: nothing is sent twice, nothing is written. */
    card_world_use_keys(&world, card_world_keys());
    expect(&world, CARD_BLANK, &view);
    const struct snapshot first = card_world_snapshot_of(&world, 1);
    assert_int_equal(world.port.ops->issue(world.port.ctx, &card_world_identity, &first), ST_AGAIN);
    assert_int_equal(world.desfire.writes, 0);
    assert_true(view.family == CARD_DESFIRE && !view.may_issue);
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_SPEND, 3));
    expect(&world, CARD_BLANK, &view);
    assert_int_equal(world.port.ops->issue(world.port.ctx, &card_world_identity, &first), ST_AGAIN);
    assert_int_equal(world.desfire.writes, 0);
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_ISSUE, 3));
    card_world_issue(&world, 2);
    card_world_use_keys(&world, card_world_keys());
    expect(&world, CARD_UNKNOWN_CHIP, &view);
    /* Another club's keys. */
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_ISSUE, 8));
    expect(&world, CARD_FOREIGN, &view);
    card_world_use_keys(&world, card_world_desfire_keys(CARD_WORLD_ISSUE, 3));
    expect_member(&world, 2);
    card_world_finish(&world);
    (void)state;
}

/* What a bank card says to a native command; what a first DESFire says of itself; nothing. */
static void say_6e00(struct soft_reader *soft, uint8_t *rx, size_t *rx_bytes)
{
    (void)soft;
    rx[0] = 0x6E;
    rx[1] = 0x00;
    *rx_bytes = 2;
}

static void say_version_0(struct soft_reader *soft, uint8_t *rx, size_t *rx_bytes)
{
    (void)soft;
    if (*rx_bytes == 8 && rx[0] == 0xAF) {
        rx[4] = 0; /* major version of chip and software, each in a part of 7 bytes */
    }
}

static void say_nothing(struct soft_reader *soft, uint8_t *rx, size_t *rx_bytes)
{
    (void)soft;
    (void)rx;
    *rx_bytes = 0;
}

static void other_chips_are_left_alone(void **state)
{
    struct card_world world;
    struct card_view view;

    card_world_init_desfire(&world);
    world.soft.spoil = say_6e00;
    expect(&world, CARD_FOREIGN, &view);
    world.soft.spoil = say_version_0;
    expect(&world, CARD_UNKNOWN_CHIP, &view);
    world.soft.spoil = say_nothing;
    assert_int_equal(card_world_read(&world, &view), ST_GONE);
    world.soft.spoil = NULL;
    world.soft.is_dead = true;
    assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_IO);
    world.soft.is_dead = false;
    assert_int_equal(world.desfire.writes, 0);
    expect(&world, CARD_BLANK, &view);
    card_world_finish(&world);
    (void)state;
}

/* One port, one terminal, cards of both families and of none in turn. */
static void one_port_serves_both_families(void **state)
{
    static const uint8_t uid[4] = {0xA1, 0xB2, 0xC3, 0xD4};
    struct card_world world;
    struct card_view view;
    static struct classic classic;

    card_world_init_desfire(&world);
    /* A terminal with all masters, those of Classic cards and those of DESFire ones. */
    card_world_use_keys(&world, card_world_all_keys());
    classic_init(&classic, CLASSIC_1K, uid, sizeof uid);
    card_world_new_driver(&world);
    for (uint32_t round = 0; round < 6; round += 1) {
        const bool is_desfire = round % 2 == 1;
        world.soft.desfire = is_desfire ? &world.desfire : NULL;
        world.soft.card = is_desfire ? NULL : &classic;
        soft_reader_tap(&world.soft);
        assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
        assert_int_equal(view.family, is_desfire ? CARD_DESFIRE : CARD_CLASSIC);
        if (round < 2) {
            const struct snapshot first = card_world_snapshot_of(&world, 1);
            assert_int_equal(view.condition, CARD_BLANK);
            assert_true(view.may_issue);
            assert_int_equal(world.port.ops->issue(world.port.ctx, &card_world_identity, &first),
                             ST_OK);
        } else {
            const struct snapshot next = card_world_snapshot_of(&world, view.snapshot.counter + 1);
            assert_int_equal(view.condition, CARD_MEMBER);
            assert_true(view.may_load);
            assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
            world.port.ops->refresh(world.port.ctx);
        }
        if (round < 4) { /* the last ones are just taken away */
            world.port.ops->release(world.port.ctx);
        }
    }
    world.soft.desfire = NULL;
    world.soft.card = NULL;
    assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_AGAIN);
    card_world_finish(&world);
    (void)state;
}

/* Somebody makes an application of our name with an easier purse, and hopes that we finish it. */
static void a_prepared_card_is_not_finished(void **state)
{
    static const char *const purses[] = {
        "cc0103201200000000ffffff7f0000000000", /* rights 1220: key 2 writes, and so on */
        "cc0103201f00000000ffffff7f40420f0000", /* a million in it */
        "cc0100101100000000ffffff7f0000000000", /* plain, and key 1 may credit */
        "cc0103201f00000000ffffff7f0000000000", /* as ours, but in an application with other rules
                                                 */
    };
    for (size_t i = 0; i < sizeof purses / sizeof purses[0]; i += 1) {
        struct card_world world;
        struct card_view view;
        char command[64];

        card_world_init_desfire(&world);
        (void)snprintf(command, sizeof command, "ca%02x%02x%02xef83", desfire_aid[0],
                       desfire_aid[1], desfire_aid[2]);
        activate(&world);
        send(&world, command);
        (void)snprintf(command, sizeof command, "5a%02x%02x%02x", desfire_aid[0], desfire_aid[1],
                       desfire_aid[2]);
        send(&world, command);
        send(&world, purses[i]);
        /* The model keeps what a patient hand would set at last. */
        if (i < 3) {
            world.desfire.memory.applications[0].settings = DESFIRE_KEY_SETTINGS;
        }
        expect(&world, CARD_HALF_ISSUED, &view);
        const struct snapshot first = card_world_snapshot_of(&world, 1);
        assert_int_equal(world.port.ops->issue(world.port.ctx, &card_world_identity, &first),
                         ST_FOREIGN);
        assert_int_equal(card_world_read(&world, &view), ST_OK);
        assert_true(view.condition != CARD_MEMBER);
        card_world_finish(&world);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_card_becomes_a_member_card),
        cmocka_unit_test(a_sale_takes_nine_commands),
        cmocka_unit_test(the_chip_lets_no_spend_key_raise_credit),
        cmocka_unit_test(a_record_that_lies_is_found_when_it_matters),
        cmocka_unit_test(keys_are_rolled_while_cards_are_in_the_field),
        cmocka_unit_test(a_cut_roll_goes_on_at_the_next_tap),
        cmocka_unit_test(another_application_is_not_disturbed),
        cmocka_unit_test(each_card_is_called_what_it_is),
        cmocka_unit_test(other_chips_are_left_alone),
        cmocka_unit_test(one_port_serves_both_families),
        cmocka_unit_test(a_prepared_card_is_not_finished),
    };
    return cmocka_run_group_tests_name("desfire_card", tests, NULL, NULL);
}
