/* fault_tap_whose.c - whose card a half-issued one becomes: what it says of itself is what the
 * journal says of the member, whoever held it meanwhile, and whatever was cut.
 *
 * The world of fault_tap_world.h. A card is begun for Maryam and cut in each write; then it is
 * issued for Reza, with the same opening credit, and after that for Maryam again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/media.h"
#include "storage/store.h"
#include "tests/fault/fault_tap_world.h"
#include "tests/support/card_world.h"

static struct world world;
static struct keystore *keys;

struct person {
    const char *name;
    uint64_t account; /* a member already; 0: becomes one with this card */
    uint8_t phone;    /* each byte of its hash */
    uint16_t birthday;
};
/* Neither kind, days nor opening tell the first two apart. */
static const struct person maryam = {.name = "Maryam", .phone = 0x5a},
                           reza = {.name = "Reza", .phone = 0x6b},
                           nobody_else = {.name = "Maryam", .phone = 0x5a, .birthday = 30000};
static const struct person ali = {.name = "Ali", .account = 9364000001990002};

/* Weak cells read one way during the first reading, and the other way during the second. */
static unsigned steps, first_way;

static void choose_way(void)
{
    for (unsigned block = 0; block < CLASSIC_BLOCKS_MAX; block++) {
        world.card->block_reads[block] = (steps / 2 + first_way) % 2;
    }
}

static struct tap_answer issue(const struct person *person)
{
    struct tap_request request = world_request(OP_ISSUE);
    struct entry_member member = {.account = person->account};
    struct tap_answer answer = {0};
    request.identity = (struct card_identity){.kind = 1, .birthday = person->birthday};
    snprintf(request.identity.name, sizeof request.identity.name, "%s", person->name);
    if (person->account == 0) {
        member.has_phone = member.has_box = true;
        memset(member.phone, person->phone, sizeof member.phone);
        memset(member.box, person->phone, sizeof member.box);
    }
    terminal_attach_member(world.terminal, &member);
    assert_int_equal(terminal_begin(world.terminal, &request, NULL, 3000, &answer), ST_OK);
    for (steps = 0; terminal_step(world.terminal) != TERMINAL_OVER; steps++) {
        world_clock_ms += 100;
    }
    answer = *terminal_answer(world.terminal);
    terminal_finish(world.terminal, true);
    soft_reader_tap(&world.soft);
    return answer;
}

/* What the card says of itself, read by a driver that has seen nothing. False: no member card. */
static bool read_identity(struct card_identity *ret)
{
    struct card_families driver;
    struct card_view view;
    soft_reader_tap(&world.soft);
    const struct card_port port = card_families_open(&driver, soft_reader_port(&world.soft), keys);
    assert_int_equal(port.ops->read(port.ctx, NULL, 0, &view), ST_OK);
    const bool is_member = view.condition == CARD_MEMBER;
    if (is_member) {
        assert_int_equal(port.ops->identity(port.ctx, ret), ST_OK);
    }
    port.ops->release(port.ctx);
    soft_reader_tap(&world.soft);
    return is_member;
}

/* The intent that has this card number, and the member that was told to the club with it. */
static struct entry_member member_of(uint64_t number, struct entry *ret_intent)
{
    struct journal_counts counts;
    struct entry entry;
    assert_int_equal(journal_counts(world.store, &counts), ST_OK);
    for (uint32_t n = counts.entries; n > 0; n--) {
        assert_int_equal(journal_find(world.store, n, &entry), ST_OK);
        if (entry.kind == ENTRY_MEMBER && entry.member.card_number == number) {
            assert_int_equal(journal_find(world.store, n - 1, ret_intent), ST_OK);
            return entry.member;
        }
    }
    fail_msg("no member got card %llu", (unsigned long long)number);
    return (struct entry_member){0};
}

static bool is_for(const struct entry_member *member, const struct person *person)
{
    return person->account != 0
               ? member->account == person->account
               : member->account == member->card_number && member->phone[0] == person->phone;
}

/* The card says what its own intent and the member that was told with it say. */
static void check_card(const struct person *person)
{
    struct card_identity identity;
    struct entry intent;
    assert_true(read_identity(&identity));
    const struct entry_member member = member_of(identity.number, &intent);
    const struct media_range own = MEDIA_RANGE_CLUB;
    assert_true(is_for(&member, person));
    assert_string_equal(identity.name, person->name);
    assert_int_equal(identity.member, member.account / 10 - own.first);
    assert_int_equal(identity.birthday, person->birthday);
    assert_int_equal(intent.intent.occasion.birthday, person->birthday);
    assert_int_not_equal(identity.issued, 0);
}

/* Begins an issue for Maryam that is cut in its n-th write. False: it has not so many. */
static bool begin_cut(uint32_t n, unsigned tear)
{
    world_reset(&world, OP_ISSUE, NULL); /* and no choice of ways */
    assert_true(world_boot(&world));
    world_plan_cut(&world, (struct cut){.when = CUT_WRITE, .n = n, .tear = tear});
    const struct tap_answer answer = issue(&maryam);
    const bool is_cut = world_cuts_taken(&world) > 0;
    world_plan_cut(&world, (struct cut){.when = CUT_NEVER});
    world.before_command = choose_way;
    assert_true(is_cut || answer.outcome == TAP_DONE);
    return is_cut;
}

/* Of a card that was cut in each write: what the next one is answered, and what the card says. */
static void begin_for_another(const struct person *person, const enum classic_tear *tears,
                              size_t count, unsigned ret_seen[3])
{
    for (size_t tear = 0; tear < count; tear++) {
        for (uint32_t n = 1; begin_cut(n, tears[tear]); n++) {
            first_way = tear % 2;
            const struct tap_answer answer = issue(person);
            if (answer.outcome == TAP_DONE) {
                check_card(person);
                ret_seen[0]++;
            } else if (answer.reason == TAP_REASON_BLANK) {
                assert_int_equal(answer.outcome, TAP_NOT_DONE); /* it flickers */
                assert_int_equal(issue(&maryam).outcome, TAP_DONE);
                check_card(&maryam);
                ret_seen[1]++;
            } else { /* on the card already, or damaged for good */
                struct card_identity identity;
                assert_int_equal(answer.outcome, TAP_NOT_DONE);
                if (read_identity(&identity)) {
                    check_card(&maryam);
                    ret_seen[2]++;
                }
            }
            world_die(&world);
        }
        world_die(&world);
    }
}

static void a_card_begun_for_one_never_becomes_anothers_by_halves(void **unused)
{
    (void)unused;
    static const enum classic_tear tears[] = {CLASSIC_TEAR_OLD, CLASSIC_TEAR_NEW,
                                              CLASSIC_TEAR_UNSTABLE_NEW, CLASSIC_TEAR_UNSTABLE_OLD};
    static const struct person *const others[] = {&reza, &ali, &nobody_else};
    for (size_t i = 0; i < 3; i++) {
        unsigned seen[3] = {0};
        begin_for_another(others[i], tears, 4, seen);
        printf("# begun for Maryam, then for %s: %u became theirs, %u refused and became "
               "Maryam's, %u were Maryam's\n",
               others[i]->name, seen[0], seen[1], seen[2]);
        assert_true(seen[0] > 10 && seen[1] > 0 && seen[2] > 0);
    }
}

static void the_same_request_goes_on_with_its_number_also_after_a_restart(void **unused)
{
    (void)unused;
    uint32_t went_on = 0;
    for (uint32_t n = 1; begin_cut(n, CLASSIC_TEAR_OLD); n++) {
        struct entry pending;
        const bool is_open =
            journal_pending_uid(world.store, world.card->uid, 4, &pending) == ST_OK;
        world_die(&world);
        assert_true(world_boot(&world));
        const struct tap_answer answer = issue(&maryam);
        if (answer.outcome != TAP_DONE) { /* only what follows the commit was cut */
            assert_false(is_open);
        }
        check_card(&maryam);
        if (is_open) { /* the write that commits: before that one it is surely not done */
            assert_int_equal(answer.card_number, pending.intent.card_number);
            went_on++;
        }
        world_die(&world);
    }
    world_die(&world);
    assert_int_equal(went_on, 1);
}

static int prepare(void **unused)
{
    (void)unused;
    keys = card_world_keys();
    world_prepare(CARD_CLASSIC);
    return 0;
}

static int finish(void **unused)
{
    (void)unused;
    keystore_close(keys);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_begun_for_one_never_becomes_anothers_by_halves),
        cmocka_unit_test(the_same_request_goes_on_with_its_number_also_after_a_restart),
    };
    return cmocka_run_group_tests_name("whose a half-issued card is", tests, prepare, finish);
}
