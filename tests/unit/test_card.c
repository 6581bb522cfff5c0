/* The driver over a card in memory: the life of a card, the commands and model time of a sale, and
 * what each kind of card is called. Cuts: tests/fault/fault_card.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/card/mad.h"
#include "tests/support/card_world.h"

static void expect(struct card_world *world, enum card_condition condition, struct card_view *ret)
{
    assert_int_equal(card_world_read(world, ret), ST_OK);
    if (ret->condition != condition) {
        print_message("condition %d: %s\n", (int)ret->condition, ret->why.say);
    }
    assert_int_equal(ret->condition, condition);
    assert_true(ret->why.say[0] != '\0');
}

static void a_blank_card_becomes_a_member_card(void **state)
{
    for (size_t uid_bytes = 4; uid_bytes <= 7; uid_bytes += 3) {
        for (int kind = CLASSIC_1K; kind <= CLASSIC_4K; kind += 1) {
            struct card_world world;
            struct card_view view;
            struct card_identity identity;
            struct snapshot history[CARD_HISTORY_MAX];
            size_t count = 0;

            card_world_init(&world, (enum classic_kind)kind, uid_bytes);
            expect(&world, CARD_BLANK, &view);
            assert_int_equal(world.card.writes, 0);
            card_world_issue(&world, 25);
            expect(&world, CARD_MEMBER, &view);
            const struct snapshot newest = card_world_snapshot(25);
            assert_true(card_world_same(&view.snapshot, &newest));
            assert_true(view.number == card_world_identity.number);
            assert_int_equal(view.uid_bytes, uid_bytes);
            assert_int_equal(
                world.port.ops->history(world.port.ctx, history, CARD_HISTORY_MAX, &count), ST_OK);
            assert_int_equal(count, 9);
            for (size_t i = 0; i < count; i += 1) {
                const struct snapshot want = card_world_snapshot((uint32_t)(25 - i));
                assert_true(card_world_same(&history[i], &want));
            }
            memset(&identity, 0, sizeof identity);
            assert_int_equal(world.port.ops->identity(world.port.ctx, &identity), ST_OK);
            assert_memory_equal(&identity, &card_world_identity, sizeof identity);
            world.port.ops->release(world.port.ctx);
            assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_AGAIN);
            card_world_finish(&world);
        }
    }
    (void)state;
}

static void print_log(const struct soft_reader *soft, size_t from)
{
    for (size_t i = from; i < soft->commands; i += 1) {
        printf("%2zu %-8s block %2d %6.2f ms\n", i + 1, soft->log[i].name, soft->log[i].block,
               soft->log[i].us / 1000.0);
    }
}

static void a_sale_takes_at_most_90_ms_by_the_model(void **state)
{
    static const char *const want[] = {"select", "auth", "read",  "auth",  "read",  "read", "read",
                                       "auth",   "read", "write", "write", "write", "read"};
    struct card_world world;
    struct card_view view;

    card_world_init(&world, CLASSIC_1K, 4);
    card_world_issue(&world, 12);
    soft_reader_tap(&world.soft);
    world.port = classic_card_open(&world.driver, soft_reader_port(&world.soft), world.keystore);
    world.soft.commands = 0;
    world.soft.model_us = 0;
    assert_int_equal(world.port.ops->read(world.port.ctx, NULL, 0, &view), ST_OK);
    const struct snapshot next = card_world_snapshot(13);
    assert_int_equal(world.port.ops->commit(world.port.ctx, &next), ST_OK);
    print_log(&world.soft, 0);
    const size_t told = world.soft.commands;
    const double sale_ms = (double)world.soft.model_us / 1000;
    world.port.ops->refresh(world.port.ctx);
    print_log(&world.soft, told);
    printf("# sale: %zu commands, %.1f ms by the model at 115200 baud, then %.1f ms of refresh\n",
           told, sale_ms, (double)world.soft.model_us / 1000 - sale_ms);
    assert_int_equal(told, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < told; i += 1) {
        assert_memory_equal(world.soft.log[i].name, want[i], strlen(want[i]));
    }
    assert_true(sale_ms <= 90.0);
    card_world_finish(&world);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_card_becomes_a_member_card),
        cmocka_unit_test(a_sale_takes_at_most_90_ms_by_the_model),
    };
    return cmocka_run_group_tests_name("card", tests, NULL, NULL);
}
