/* fault_block.c - a card of the hotlist is blocked, once, whatever is cut.
 *
 * As fault_tap.c, for the block that a tap does by itself: the card leaves after each command and
 * in each write, the power fails at each change of the disk. What was asked must never be answered
 * done; the next tap must find, or make, the card blocked, one counter on, with not a rial moved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/hotlist.h"
#include "tests/fault/fault_tap_world.h"
#include "tests/support/crash_vfs.h"

static struct world world;
static enum card_family family;
static const char *family_name;
static char database[64], where[160];
static struct snapshot before; /* of the card, before it is listed */
static uint64_t number, checked;

#define NEED(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("%s, %s\n", family_name, where);                                           \
            fail_msg(__VA_ARGS__);                                                                 \
        }                                                                                          \
    } while (0)

static void make_list(void)
{
    struct hotlist *hotlist = NULL;
    struct fault fault = {""};
    snprintf(database, sizeof database, "/tmp/vafa-fault-block.%d", (int)getpid());
    const struct hotlist_config config = {.database = database, .create = true};
    assert_int_equal(hotlist_discard(database, &fault), ST_OK);
    assert_int_equal(hotlist_open(&config, &hotlist, &fault), ST_OK);
    const struct listing_change change = {number, LISTING_STOLEN};
    const struct hotlist_delta delta = {.to = 1, .to_mark = 1, .changes = &change, .count = 1};
    assert_int_equal(hotlist_apply(hotlist, &delta), ST_OK);
    hotlist_close(hotlist);
}

/* The card of this family as it is, and a list with its number. */
static void prepare(void)
{
    struct tap_answer answer = {0};
    const struct tap_request request = world_balance();
    world_prepare(family);
    world.database = NULL;
    world_reset(&world, OP_SALE_BOTH, NULL);
    assert_true(world_boot(&world));
    assert_true(world_ask(&world, &request, RETURNS_SOON, &answer));
    assert_int_equal(answer.snapshot.status, CARD_ACTIVE);
    before = answer.snapshot;
    number = answer.card_number;
    world_die(&world);
    make_list();
    world.database = database;
}

/* Blocks in the journal that are done, and intents that nobody has settled. */
static void count_journal(unsigned *ret_blocks, unsigned *ret_others, uint32_t *ret_pending)
{
    static struct journal_row rows[256];
    struct journal_counts counts;
    struct entry entry, intent;
    size_t count = 0;
    *ret_blocks = *ret_others = 0;
    assert_int_equal(journal_fetch(world.store, 0, rows, 256, &count), ST_OK);
    for (size_t n = 0; n < count; n++) {
        assert_int_equal(entry_decode(rows[n].bytes, rows[n].size, &entry), ST_OK);
        if (entry.kind != ENTRY_OUTCOME || entry.outcome.card_number != number ||
            entry.outcome.verdict != VERDICT_DONE || entry.outcome.counter <= before.counter) {
            continue;
        }
        assert_int_equal(journal_find(world.store, entry.outcome.intent_sequence, &intent), ST_OK);
        *ret_blocks += intent.intent.after.last.kind == TRANSACTION_BLOCK;
        *ret_others += intent.intent.after.last.kind != TRANSACTION_BLOCK;
    }
    assert_int_equal(journal_counts(world.store, &counts), ST_OK);
    *ret_pending = counts.pending;
}

static bool is_blocked_only(const struct snapshot *now)
{
    return now->status == CARD_BLOCKED && now->counter == before.counter + 1 &&
           now->points.n == before.points.n &&
           memcmp(now->purse, before.purse, sizeof now->purse) == 0 &&
           now->last.kind == TRANSACTION_BLOCK;
}

/* The next tap, a sale again or a balance, in a new life of the terminal. */
static void check(bool was_answered, const struct tap_answer *first, bool by_balance)
{
    struct tap_answer answer = {0};
    const struct tap_request request = by_balance ? world_balance() : world_request(OP_SALE_BOTH);
    unsigned blocks = 0, others = 0;
    uint32_t pending = 0;
    NEED(!was_answered || first->outcome == TAP_NOT_DONE, "what was asked is answered %d",
         (int)first->outcome);
    assert_true(world_boot(&world));
    assert_true(world_ask(&world, &request, RETURNS_SOON, &answer));
    NEED(answer.has_snapshot && is_blocked_only(&answer.snapshot), "the card is not blocked alone");
    NEED(answer.listing == LISTING_STOLEN, "the answer does not say why");
    NEED(by_balance ? answer.outcome == TAP_DONE
                    : answer.outcome == TAP_NOT_DONE && answer.reason == TAP_REASON_HOTLISTED,
         "it is answered %d %s", (int)answer.outcome, answer.say.say);
    count_journal(&blocks, &others, &pending);
    NEED(blocks == 1 && others == 0 && pending == 0, "%u blocks, %u others, %u pending", blocks,
         others, pending);
    world_die(&world);
    checked++;
}

static bool run_card_cut(struct cut cut, enum returns returns, bool by_balance)
{
    struct tap_answer first = {0};
    const struct tap_request request = world_request(OP_SALE_BOTH);
    snprintf(where, sizeof where, "%s n=%u tear=%u head=%d, back %s",
             cut.when == CUT_AFTER ? "after command" : "in write", cut.n, cut.tear, cut.head_bytes,
             returns == RETURNS_SOON ? "soon" : "later");
    world_reset(&world, OP_SALE_BOTH, NULL);
    assert_true(world_boot(&world));
    world_plan_cut(&world, cut);
    const bool was_answered = world_ask(&world, &request, returns, &first);
    const bool is_cut = world_cuts_taken(&world) > 0;
    world_die(&world);
    world_plan_cut(&world, (struct cut){.when = CUT_NEVER});
    check(was_answered, &first, by_balance);
    return is_cut;
}

static bool run_all_ways(struct cut cut)
{
    bool is_cut = false;
    for (int n = 0; n < 4; n++) {
        is_cut = run_card_cut(cut, n % 2 == 0 ? RETURNS_SOON : RETURNS_LATER, n / 2 == 0);
    }
    return is_cut;
}

static void the_card_leaves_at_every_command_and_in_every_write(void **unused)
{
    (void)unused;
    bool is_cut = true;
    unsigned cuts = 0;
    for (struct cut cut = {.when = CUT_AFTER}; is_cut; cut.n++) {
        is_cut = run_all_ways(cut);
        cuts += is_cut;
    }
    is_cut = true;
    for (struct cut cut = {.when = CUT_WRITE, .n = 1}; is_cut; cut.n++) {
        for (unsigned i = 0; is_cut && world_tear(family, false, i, &cut); i++) {
            is_cut = run_all_ways(cut);
            cuts += is_cut;
        }
    }
    printf("# %s, block: card cut in %u ways\n", family_name, cuts);
    assert_true(cuts > 10);
}

static void the_power_fails_at_every_change_of_the_disk(void **unused)
{
    (void)unused;
    static const enum crash_keep keeps[] = {CRASH_KEEP_SYNCED, CRASH_KEEP_ALL};
    unsigned cuts = 0;
    for (unsigned n = 0, is_cut = 1; is_cut; n++) {
        for (int how = 0; how < 4; how++) {
            struct tap_answer first = {0};
            const struct tap_request request = world_request(OP_SALE_BOTH);
            snprintf(where, sizeof where, "power off at change %u, how %d", n, how);
            world_reset(&world, OP_SALE_BOTH, NULL);
            assert_true(world_boot(&world));
            crash_vfs_cut_after(n);
            const bool was_answered = world_ask(&world, &request, RETURNS_SOON, &first);
            is_cut = crash_vfs_is_cut();
            crash_vfs_cut_after(UINT64_MAX); /* else closing the store could still run into it */
            world_die(&world);
            if (is_cut) {
                crash_vfs_reboot(CRASH_POLICY(keeps[how % 2], 0));
            }
            check(was_answered, &first, how / 2 == 0);
            cuts += is_cut;
        }
    }
    printf("# %s, block: power cut in %u ways\n", family_name, cuts);
    assert_true(cuts > 10);
}

static int finish(void **unused)
{
    (void)unused;
    struct fault fault;
    return hotlist_discard(database, &fault) == ST_OK ? 0 : -1;
}

int main(void)
{
    static const struct {
        enum card_family family;
        const char *name;
    } families[] = {{CARD_CLASSIC, "MIFARE Classic"}, {CARD_DESFIRE, "DESFire"}};
    int failed = 0;
    for (int n = 0; n < 2; n++) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_card_leaves_at_every_command_and_in_every_write),
            cmocka_unit_test(the_power_fails_at_every_change_of_the_disk),
        };
        family = families[n].family;
        family_name = families[n].name;
        prepare();
        failed += cmocka_run_group_tests_name(family_name, tests, NULL, finish);
    }
    printf("# %llu states checked\n", (unsigned long long)checked);
    return failed;
}
