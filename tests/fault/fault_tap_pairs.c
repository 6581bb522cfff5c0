/* fault_tap_pairs.c - two cuts of the card, the second in the recovery from the first: all pairs of
 * all operations on both families.
 *
 * A second cut comes either in the same tap, when the card was laid back at once, or in the first
 * tap after the terminal was restarted: a balance, or the same asked again. After it the card stays
 * away, the terminal is restarted, and the next tap must settle all, asked in both ways.
 *
 * Pairs are many and the states that they lead to are few, so a state is explored once. That is
 * sound because a life of the terminal begins with world_load(), which makes the world from the
 * bytes that were compared (what outlives power on the card, and the database) and from constants;
 * what a life does then depends on nothing else but the request and the cut. What goes on from one
 * life to the next beside them is given to the key as well: what the till was answered, since the
 * check judges by it. Keys are SHA-256 of all these bytes. Of a Classic's bytes those are left out
 * that no reader with our keys can tell apart (world_seen): lives that begin with such cards send
 * the same commands, get the same answers, and end with such cards. Two more steps are saved:
 * - All tears of one write come from one run up to it (world_torn): the card is away until that
 *   life ends, so the terminal cannot know how the write was torn.
 * - First cuts that tear a write into the same bytes are one.
 * The shortcuts are tried against plain runs, without any of them, which must find no other states
 * (a sample of the pairs of a load; with FULL all of them, and a sample of a Classic's issue).
 *
 * FULL=1: every length of a torn head, the issue of a Classic with its hundreds of commands, and
 * every second cut. Without it a load has them all, and the other operations one in SECONDS_EVERY
 * behind each first one.
 * FAULT_TAP_ONLY=issue: the pairs of that operation only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/sha256.h>
#include <time.h>

#include "tests/fault/fault_tap_scope.h"
#include "tests/fault/fault_tap_world.h"

enum settle_by { BY_BALANCE, BY_AGAIN, SETTLE_BYS };
enum { KEY_BYTES = 32, SECONDS_EVERY = 5 };

static struct world world;
static struct witness witness;
static char where[200];
static const struct cut no_cut = {.when = CUT_NEVER};

/* --- sets of states --------------------------------------------------------------------------- */

struct member {
    uint8_t key[KEY_BYTES]; /* all 0: free */
    uint64_t value;
};

struct set {
    struct member *members;
    size_t slots, count;
};

static struct member *slot_of(const struct set *set, const uint8_t key[KEY_BYTES])
{
    static const uint8_t none[KEY_BYTES];
    uint64_t at;
    memcpy(&at, key, sizeof at);
    for (;; at++) {
        struct member *member = &set->members[at % set->slots];
        if (memcmp(member->key, key, KEY_BYTES) == 0 || memcmp(member->key, none, KEY_BYTES) == 0) {
            return member;
        }
    }
}

static void grow(struct set *set)
{
    struct set larger = {.slots = set->slots == 0 ? 1024 : 2 * set->slots, .count = set->count};
    larger.members = calloc(larger.slots, sizeof *larger.members);
    assert_non_null(larger.members);
    for (size_t n = 0; n < set->slots; n++) {
        struct member *old = &set->members[n], *slot = slot_of(&larger, old->key);
        *slot = *old; /* a free one goes to a free one */
    }
    free(set->members);
    *set = larger;
}

/* True when the key was not there; *ret_member is its place until the next call. */
static bool add(struct set *set, const uint8_t key[KEY_BYTES], struct member **ret_member)
{
    if (2 * set->count >= set->slots) {
        grow(set);
    }
    struct member *member = slot_of(set, key);
    bool is_new = memcmp(member->key, key, KEY_BYTES) != 0;
    memcpy(member->key, key, KEY_BYTES);
    set->count += is_new;
    if (ret_member != NULL) {
        *ret_member = member;
    }
    return is_new;
}

static void clear(struct set *set)
{
    free(set->members);
    *set = (struct set){0};
}

/* A state, and what the check will know beside it. */
static void key_of(const struct state *state, const struct story *story, unsigned tag,
                   uint8_t ret[KEY_BYTES])
{
    const unsigned told[] = {tag, state->disk, story->was_answered,
                             story->was_answered ? (unsigned)story->first.outcome : 0};
    static uint8_t seen[CARD_BYTES_MAX];
    const size_t seen_bytes = world_seen(state, seen);
    mbedtls_sha256_context sha;
    mbedtls_sha256_init(&sha);
    mbedtls_sha256_starts_ret(&sha, 0);
    mbedtls_sha256_update_ret(&sha, (const uint8_t *)told, sizeof told);
    mbedtls_sha256_update_ret(&sha, seen, seen_bytes);
    mbedtls_sha256_finish_ret(&sha, ret);
    mbedtls_sha256_free(&sha);
}

/* --- one operation ---------------------------------------------------------------------------- */

static struct set firsts;  /* states after the first cut; value: pairs that begin there */
static struct set seconds; /* states after the second, with the way to settle */
static struct set finals;  /* states after the check */
static uint64_t first_cuts, pairs, lives;

static struct story told_by(enum operation operation, bool was_answered,
                            const struct tap_answer *answer)
{
    return (struct story){
        .operation = operation, .was_answered = was_answered, .first = *answer, .where = where};
}

/* The story goes on with the answer to the same wish asked again. "Not done" there speaks of the
 * second request only: the first may still be in doubt. */
static struct story goes_on(const struct story *story, enum settle_by request,
                            const struct tap_answer *answer)
{
    struct story next = *story;
    if (request == BY_AGAIN && answer->outcome != TAP_NOT_DONE) {
        next.was_answered = true;
        next.first = *answer;
    }
    return next;
}

static void check_in_world(const struct story *story, enum settle_by by)
{
    uint8_t key[KEY_BYTES];
    assert_true(world_boot(&world));
    if (by == BY_BALANCE) {
        world_check_balance(&world, story);
    } else {
        world_check_again(&world, story);
    }
    world_die(&world);
    struct state state = world_save(&world);
    const struct story none = {.was_answered = false};
    key_of(&state, &none, 0, key);
    (void)add(&finals, key, NULL);
    state_free(&state);
    lives++;
}

/* After the second cut: settled and checked, unless it was already. */
static void settle(const struct state *state, const struct story *story)
{
    for (unsigned by = 0; by < SETTLE_BYS; by++) {
        uint8_t key[KEY_BYTES];
        key_of(state, story, by, key);
        if (add(&seconds, key, NULL)) {
            world_load(&world, state);
            check_in_world(story, (enum settle_by)by);
        }
    }
}

/* One life of the terminal that is to be cut. */
struct life {
    const struct state *from;
    struct tap_request request;
    struct cut soon;       /* a cut before, after which the card came back at once; or no_cut */
    unsigned every, begin; /* of its commands and writes those are cut: begin, begin + every, ... */
};

/* Lives it up to its end, cut once more by `cut`. False: that cut did not come. */
static bool live(const struct life *life, struct cut cut, struct tap_answer *ret_answer,
                 struct state *ret_state)
{
    bool is_second = life->soon.when != CUT_NEVER;
    memset(ret_answer, 0, sizeof *ret_answer);
    world_load(&world, life->from);
    assert_true(world_boot(&world));
    witness.has_struck = false;
    witness.is_on = !is_second && cut.when == CUT_WRITE;
    world.witness = &witness;
    world_plan_cut(&world, is_second ? life->soon : cut);
    world.cut_again = is_second ? cut : no_cut;
    (void)world_ask(&world, &life->request, is_second ? RETURNS_SOON : RETURNS_LATER, ret_answer);
    bool is_cut = world_cuts_taken(&world) == 1U + is_second;
    world_die(&world);
    world.witness = NULL;
    lives++;
    if (is_cut) {
        *ret_state = world_save(&world);
    }
    return is_cut;
}

typedef void after_cut(void *ctx, struct cut cut, const struct state *state,
                       const struct tap_answer *answer);

/* Cuts that life at its commands and in its writes; returns how many cuts there were. */
static uint64_t cut_everywhere(const struct life *life, after_cut *then, void *ctx)
{
    struct tap_answer answer;
    struct state state;
    uint64_t cuts = 0;
    for (struct cut cut = {.when = CUT_AFTER, .n = life->begin}; live(life, cut, &answer, &state);
         cut.n += life->every) {
        then(ctx, cut, &state, &answer);
        state_free(&state);
        cuts++;
    }
    for (struct cut cut = {.when = CUT_WRITE, .n = 1 + life->begin};
         live(life, cut, &answer, &state); cut.n += life->every) {
        struct witness *seen = malloc(sizeof *seen); /* `then` runs lives of its own */
        assert_non_null(seen);
        *seen = witness;
        for (unsigned i = 0; world_tear(scope.family, scope.is_full, i, &cut); i++) {
            struct state torn = world_torn(seen, &state, cut);
            if (i == 0) { /* as it was run: the shortcut gives the very same */
                assert_int_equal(torn.card_bytes, state.card_bytes);
                assert_memory_equal(torn.card, state.card, state.card_bytes);
            }
            then(ctx, cut, &torn, &answer);
            state_free(&torn);
            cuts++;
        }
        cut.tear = 0;
        cut.head_bytes = 0;
        free(seen);
        state_free(&state);
    }
    return cuts;
}

struct recovery {
    struct story story;
    enum settle_by request;
};

static void after_second(void *ctx, struct cut cut, const struct state *state,
                         const struct tap_answer *answer)
{
    const struct recovery *recovery = ctx;
    (void)cut;
    struct story story = goes_on(&recovery->story, recovery->request, answer);
    settle(state, &story);
}

static void after_second_soon(void *ctx, struct cut cut, const struct state *state,
                              const struct tap_answer *answer)
{
    const enum operation *operation = ctx;
    (void)cut;
    struct story story = told_by(*operation, true, answer);
    settle(state, &story);
}

struct operation_start {
    enum operation operation;
    struct state start;
    struct set torn; /* of the write `torn_n`: what it was torn into */
    uint32_t torn_n;
    unsigned every; /* of the second cuts one in so many, each first one beginning with another */
};

/* The card comes back at once, and is cut again. */
static uint64_t cut_again_soon(struct operation_start *op, struct cut cut,
                               const struct state *state)
{
    const struct story none = {.was_answered = false};
    struct life life = {.from = &op->start,
                        .request = world_request(op->operation),
                        .soon = cut,
                        .every = op->every,
                        .begin = (unsigned)(first_cuts % op->every)};
    struct member *known = NULL;
    uint8_t key[KEY_BYTES];
    if (cut.when == CUT_AFTER) {
        return cut_everywhere(&life, after_second_soon, &op->operation);
    }
    if (cut.n != op->torn_n) {
        clear(&op->torn);
        op->torn_n = cut.n;
    }
    key_of(state, &none, 0, key);
    if (add(&op->torn, key, &known)) {
        known->value = cut_everywhere(&life, after_second_soon, &op->operation);
    }
    return known->value;
}

/* The terminal is started again, and the card is cut in its first tap. */
static uint64_t cut_again_later(struct operation_start *op, const struct state *state,
                                const struct tap_answer *answer)
{
    struct story story = told_by(op->operation, true, answer);
    struct member *known = NULL;
    uint8_t key[KEY_BYTES];
    key_of(state, &story, 0, key);
    if (!add(&firsts, key, &known)) {
        return known->value;
    }
    uint64_t count = 0;
    for (unsigned request = 0; request < SETTLE_BYS; request++) {
        if (request == BY_AGAIN && answer->outcome == TAP_DONE) {
            continue; /* it would be a second one, rightly */
        }
        struct recovery recovery = {.story = story, .request = (enum settle_by)request};
        struct life life = {.from = state,
                            .request = request == BY_BALANCE ? world_balance()
                                                             : world_request(op->operation),
                            .every = op->every,
                            .begin = (unsigned)(first_cuts % op->every)};
        count += cut_everywhere(&life, after_second, &recovery);
    }
    known = slot_of(&firsts, key);
    known->value = count;
    return count;
}

static void after_first(void *ctx, struct cut cut, const struct state *state,
                        const struct tap_answer *answer)
{
    struct operation_start *op = ctx;
    snprintf(where, sizeof where, "first cut %s n=%u tear=%u head=%d, and a second",
             cut.when == CUT_AFTER ? "after command" : "in write", cut.n, cut.tear, cut.head_bytes);
    first_cuts++;
    pairs += cut_again_later(op, state, answer);
    pairs += cut_again_soon(op, cut, state);
}

static void forget(void)
{
    clear(&firsts);
    clear(&seconds);
    clear(&finals);
    world_forget_disks();
    first_cuts = pairs = lives = 0;
}

/* Every how many pairs of an operation are run without shortcuts, too; 0: none. */
static unsigned plain_step(enum operation operation)
{
    if (world_issues(operation) && scope.is_full && scope.family == CARD_CLASSIC) {
        return 4999;
    }
    if (operation != OP_LOAD) {
        return 0;
    }
    return scope.is_full ? 1 : scope.is_sanitize ? 997 : 97;
}

static void explore(enum operation operation)
{
    const bool is_whole = scope.is_full || plain_step(operation) > 0;
    struct operation_start op = {.operation = operation, .every = is_whole ? 1 : SECONDS_EVERY};
    struct life life = {.from = &op.start, .request = world_request(operation), .every = 1};
    world_reset(&world, operation, NULL);
    op.start = world_save(&world);
    (void)cut_everywhere(&life, after_first, &op);
    clear(&op.torn);
    state_free(&op.start);
}

/* With the slow sanitizers one operation on one family is enough: each life is one that
 * fault_tap lives too. */
static bool is_wanted(enum operation operation)
{
    if (scope.only != NULL) {
        return strcmp(scope.only, operation_names[operation]) == 0;
    }
    /* What comes before a sale is two and three taps' worth: only in the long run. A
     * transfer writes like a load or a payment. */
    return scope.is_full ||
           (scope.is_sanitize ? operation == OP_LOAD
                              : operation != OP_SALE_EXPIRE && operation != OP_SALE_ACTIONS &&
                                    operation != OP_TRANSFER_OUT && operation != OP_TRANSFER_IN &&
                                    operation != OP_DUPLICATE && operation != OP_TAKE_OVER &&
                                    operation != OP_REPLACE &&
                                    (operation != OP_ISSUE || scope.family == CARD_DESFIRE));
}

/* --- the same without shortcuts --------------------------------------------------------------- */

/* The i-th way to cut a tap, whether it exists or not: 2 i after commands, 2 i + 1 in writes. */
static bool next_cut(struct cut *cut, unsigned *tear, bool was_cut)
{
    if (cut->when == CUT_AFTER && was_cut) {
        cut->n++;
        return true;
    }
    if (cut->when == CUT_AFTER) {
        *cut = (struct cut){.when = CUT_WRITE, .n = 1};
        *tear = 0;
        return world_tear(scope.family, scope.is_full, 0, cut);
    }
    if (!was_cut) {
        return false;
    }
    *tear += 1;
    if (!world_tear(scope.family, scope.is_full, *tear, cut)) {
        cut->n++;
        *tear = 0;
        (void)world_tear(scope.family, scope.is_full, 0, cut);
    }
    return true;
}

/* One story from the start to its end in one world, from a fresh card and database, with nothing
 * saved, loaded or derived. `request` SETTLE_BYS: the second cut in the same tap. */
static bool run_plain(enum operation operation, struct cut first, struct cut second,
                      unsigned request, enum settle_by by, bool *ret_first_came)
{
    struct tap_request wish = world_request(operation), balance = world_balance();
    struct tap_answer answer = {0};
    bool is_soon = request == SETTLE_BYS;
    world_reset(&world, operation, NULL);
    assert_true(world_boot(&world));
    world_plan_cut(&world, first);
    world.cut_again = is_soon ? second : no_cut;
    bool was_answered = world_ask(&world, &wish, is_soon ? RETURNS_SOON : RETURNS_LATER, &answer);
    struct story story = told_by(operation, was_answered, &answer);
    *ret_first_came = world_cuts_taken(&world) > 0;
    if (!is_soon && request == BY_AGAIN && answer.outcome == TAP_DONE) {
        world_die(&world);
        return false;
    }
    if (!is_soon) {
        world_die(&world);
        assert_true(world_boot(&world));
        world_plan_cut(&world, second);
        memset(&answer, 0, sizeof answer);
        (void)world_ask(&world, request == BY_AGAIN ? &wish : &balance, RETURNS_LATER, &answer);
        story = goes_on(&story, (enum settle_by)request, &answer);
    }
    bool is_cut = world_cuts_taken(&world) == 2;
    world_die(&world);
    if (is_cut) {
        struct state state = world_save(&world);
        uint8_t key[KEY_BYTES];
        key_of(&state, &story, by, key);
        (void)add(&seconds, key, NULL);
        state_free(&state);
        check_in_world(&story, by);
    }
    return is_cut;
}

/* Every `step`-th pair, without shortcuts; the sets are those of this alone then. */
static uint64_t explore_plain(enum operation operation, unsigned step)
{
    uint64_t count = 0, seen = 0;
    for (unsigned request = 0; request <= SETTLE_BYS; request++) {
        bool first_came = true;
        struct cut first = {.when = CUT_AFTER};
        unsigned first_tear = 0;
        do {
            bool is_cut = true;
            struct cut second = {.when = CUT_AFTER};
            unsigned second_tear = 0;
            do {
                bool is_wanted = seen++ % step == 0 || (second.when == CUT_AFTER && second.n == 0);
                for (unsigned by = 0; is_wanted && by < SETTLE_BYS; by++) {
                    snprintf(where, sizeof where, "plain: %u n=%u tear=%u, %u n=%u tear=%u",
                             (unsigned)first.when, first.n, first.tear, (unsigned)second.when,
                             second.n, second.tear);
                    is_cut = run_plain(operation, first, second, request, (enum settle_by)by,
                                       &first_came);
                    count += is_cut && by == 0;
                }
            } while (first_came && next_cut(&second, &second_tear, is_cut));
        } while (next_cut(&first, &first_tear, first_came));
    }
    return count;
}

static void expect_within(const struct set *some, const struct set *all)
{
    static const uint8_t none[KEY_BYTES];
    for (size_t n = 0; n < some->slots; n++) {
        const uint8_t *key = some->members[n].key;
        if (memcmp(key, none, KEY_BYTES) != 0) {
            assert_memory_equal(slot_of(all, key)->key, key, KEY_BYTES);
        }
    }
}

/* Right after explore(): what plain runs of it find must be among what that found. */
static void compare(enum operation operation, unsigned step)
{
    struct set all_seconds = seconds, all_finals = finals;
    seconds = finals = (struct set){0};
    uint64_t count = explore_plain(operation, step);
    expect_within(&seconds, &all_seconds);
    expect_within(&finals, &all_finals);
    if (step == 1) {
        assert_int_equal(count, pairs);
        assert_int_equal(seconds.count, all_seconds.count);
        assert_int_equal(finals.count, all_finals.count);
    }
    printf("# %s, %s without shortcuts: %llu of %llu pairs, the same states: %zu of %zu, settled: "
           "%zu of %zu\n",
           scope.family_name, operation_names[operation], (unsigned long long)count,
           (unsigned long long)pairs, seconds.count, all_seconds.count, finals.count,
           all_finals.count);
    clear(&all_seconds);
    clear(&all_finals);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void every_pair_of_cuts_settles_as_without_shortcuts(void **unused)
{
    (void)unused;
    uint64_t all = 0;
    for (int n = OPERATIONS - 1; n >= 0; n--) { /* the issue last: it takes longest */
        if (!is_wanted((enum operation)n)) {
            continue;
        }
        time_t start = time(NULL);
        forget();
        explore((enum operation)n);
        printf("# %s, cut twice: %-12s %4llu first cuts, %8llu pairs, %6zu different states, "
               "%llu lives, %lld s\n",
               scope.family_name, operation_names[n], (unsigned long long)first_cuts,
               (unsigned long long)pairs, seconds.count / SETTLE_BYS, (unsigned long long)lives,
               (long long)(time(NULL) - start));
        assert_true(first_cuts > 10 && pairs > 100);
        all += pairs;
        const unsigned step = plain_step((enum operation)n);
        if (step > 0) {
            compare((enum operation)n, step);
        }
    }
    printf("# %s, cut twice: %llu pairs of cuts\n", scope.family_name, (unsigned long long)all);
}

/* --- main ------------------------------------------------------------------------------------- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_cuts_settles_as_without_shortcuts),
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    int failed =
        cmocka_run_group_tests_name("tap on DESFire, cut twice", tests, prepare_desfire, NULL);
    if (!scope.is_sanitize) {
        failed +=
            cmocka_run_group_tests_name("tap on Classic, cut twice", tests, prepare_classic, NULL);
    }
    return failed;
}
