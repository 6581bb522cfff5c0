/* fault_tap.c - the central proof: a tap is cut everywhere, and never makes or loses anything.
 *
 * For each operation and n = 1, 2, 3 ...: the tap runs and is cut at step n, the terminal boots
 * again, the card is tapped again, and card, journal and club must agree; until a run is not cut.
 * Cuts: the card leaves after each command; each EEPROM write is torn in each way; the process is
 * killed at each card command and at each file write; the power fails at each change of the disk,
 * which then keeps of the unsynced what each policy leaves. FULL=1: every tear length, more disk
 * policies; FAULT_TAP_ONLY=replace: that operation alone, all of it. The states run through are
 * counted. `fault_tap Classic` or `fault_tap DESFire` is about that family. Second cuts:
 * fault_tap_pairs.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/fault_tap_scope.h"
#include "tests/fault/fault_tap_world.h"
#include "tests/support/crash_vfs.h"
#include "tests/support/seen.h"

static struct world world;

/* The sanitizers make all this five times slower: there the operations whose steps another one has
 * too are left to the release build. */
static bool is_taken(int operation)
{
    if (scope.only != NULL) {
        return strcmp(scope.only, operation_names[operation]) == 0;
    }
    return scope.is_full || !scope.is_sanitize ||
           (operation != OP_SALE && operation != OP_SALE_CREDIT && operation != OP_SALE_REDEEM &&
            operation != OP_UNLOAD && operation != OP_TRANSFER_OUT &&
            operation != OP_SALE_ACTIONS && operation != OP_DUPLICATE &&
            operation != OP_TAKE_OVER && operation != OP_REPLACE);
}

/* What the disk does does not depend on the card's family: under the sanitizers it is cut, filled
 * and killed on one family only. */
static void leave_disk_to_the_other_family(void)
{
    if (scope.is_sanitize && !scope.is_full && scope.family != CARD_CLASSIC) {
        skip();
    }
}

/* Three transactions in one tap write like three taps: the card and the power are cut in each run,
 * the rest in the long one. */
static bool is_taken_everywhere(int operation)
{
    return is_taken(operation) &&
           (scope.is_full || scope.only != NULL || operation != OP_SALE_ACTIONS);
}

/* A card in another's place writes like a sale, and like an issue: the card is cut everywhere in
 * each run, of power, disk and process one step in so many, and all in the long one. */
static unsigned step_of(int operation)
{
    enum { SAMPLE = 5 };
    return operation < OP_DUPLICATE || scope.is_full || scope.only != NULL ? 1 : SAMPLE;
}
static char where[160];

/* --- settling --------------------------------------------------------------------------------- */

enum settle_by { BY_BALANCE, BY_AGAIN, SETTLE_BYS };

static void check(const struct story *story, enum settle_by by)
{
    assert_true(world_boot(&world));
    world_plan_cut(&world, (struct cut){.when = CUT_NEVER});
    if (by == BY_BALANCE) {
        world_check_balance(&world, story);
    } else {
        world_check_again(&world, story);
    }
    world_die(&world);
}

/* States that were to be settled, and how many of them had been before. */
static uint64_t states, repeated;

/* Settles what is on card and disk now. Nothing else passes from one life to the next
 * (fault_tap_pairs.c has the argument): what was settled this way before would end as it did then,
 * and is left at that. To be sure of it one in so many is settled all the same, and with FULL=1
 * each: it may not end in a state that is new. */
static void settle(const struct story *story, enum settle_by by)
{
    enum { SAMPLE = 50 };
    static struct seen seen;
    const bool is_known = !seen_first(&seen, world_fingerprint(&world, story, (unsigned)by));
    states++;
    repeated += is_known;
    if (is_known && repeated % SAMPLE != 0 && !scope.is_full) {
        return;
    }
    const uint64_t distinct = world_distinct;
    check(story, by);
    assert_true(!is_known || world_distinct == distinct);
}

/* What a first life left. It is settled more than once, so its disk is recorded. */
struct left {
    struct story story;
    struct chip chip;
    uint64_t calls; /* of the disk; all of them, or up to where the power failed */
};

/* A life that is recorded begins. */
static void begin_life(enum operation operation)
{
    world_reset(&world, operation, NULL);
    crash_vfs_record();
    assert_true(world_boot(&world));
}

static void end_life(struct left *left)
{
    world_die(&world);
    left->chip = *world.chip;
    left->calls = crash_vfs_recorded();
}

/* Puts card and disk back; `policy` is what the disk kept of what no sync had covered. */
static void settle_left(const struct left *left, struct crash_policy policy, enum settle_by by)
{
    crash_vfs_replay(left->calls);
    crash_vfs_reboot(policy);
    *world.chip = left->chip;
    settle(&left->story, by);
}

/* --- the card --------------------------------------------------------------------------------- */

/* Asks for the operation with the planned card cut. Returns whether the cut came. */
static bool run_card_cut(enum operation operation, struct cut cut, enum returns returns,
                         struct left *left)
{
    struct tap_request request = world_request(operation);
    left->story = (struct story){.operation = operation, .where = where};
    snprintf(where, sizeof where, "%s n=%u tear=%u head=%d, back %s",
             cut.when == CUT_AFTER ? "after command" : "in write", cut.n, cut.tear, cut.head_bytes,
             returns == RETURNS_SOON ? "soon" : "later");
    begin_life(operation);
    if (cut.n % 2 == 1 && !world_issues(operation) && operation != OP_SALE_ACTIONS) {
        /* This terminal knows the card. Not where a balance would bring what waits. */
        const struct tap_request balance = world_balance();
        assert_true(world_ask(&world, &balance, RETURNS_SOON, &left->story.first));
        soft_reader_tap(&world.soft);
    }
    world.disk_turn = (enum disk_turn)((cut.n / 2 + cut.tear) % DISK_TURNS);
    world_plan_cut(&world, cut);
    left->story.was_answered = world_ask(&world, &request, returns, &left->story.first);
    bool is_cut = world_cuts_taken(&world) > 0;
    end_life(left);
    return is_cut;
}

static bool run_both_ways(enum operation operation, struct cut cut)
{
    static struct left left;
    bool is_cut = false;
    for (int returns = 0; returns < 2; returns++) {
        is_cut = run_card_cut(operation, cut, (enum returns)returns, &left);
        for (int by = 0; by < SETTLE_BYS; by++) {
            settle_left(&left, CRASH_POLICY(CRASH_KEEP_ALL, 0), (enum settle_by)by);
        }
    }
    return is_cut;
}

static void the_card_leaves_at_every_command_and_in_every_write(void **unused)
{
    (void)unused;
    for (int n = 0; n < OPERATIONS; n++) {
        if (!is_taken(n)) {
            continue;
        }
        enum operation operation = (enum operation)n;
        uint64_t cuts = 0;
        bool is_cut = true;
        for (struct cut cut = {.when = CUT_AFTER}; is_cut; cut.n++) {
            is_cut = run_both_ways(operation, cut);
            cuts += is_cut;
        }
        is_cut = true;
        for (struct cut cut = {.when = CUT_WRITE, .n = 1}; is_cut; cut.n++) {
            for (unsigned i = 0; is_cut && world_tear(scope.family, scope.is_full, i, &cut); i++) {
                is_cut = run_both_ways(operation, cut);
                cuts += is_cut;
            }
        }
        printf("# %s, card cut: %-12s %4llu cuts x 2 returns x 2 ways to settle\n",
               scope.family_name, operation_names[n], (unsigned long long)cuts);
        assert_true(cuts > 10);
    }
}

/* --- power ------------------------------------------------------------------------------------ */

/* How many overlaps of disk and card are walked through. An issue has none; of the others, which
 * stage alike, two are enough. */
static unsigned turns_of(enum operation operation)
{
    const bool is_wanted = scope.is_full || operation == OP_SALE_BOTH ||
                           (operation == OP_REFUND && !scope.is_sanitize);
    return is_wanted && !world_issues(operation) ? DISK_TURNS : 1;
}

/* Runs until the disk's power goes off at change n. False: it did not. */
static bool run_to_power_cut(enum operation operation, unsigned turn, uint64_t n, struct left *left)
{
    struct tap_request request = world_request(operation);
    left->story = (struct story){.operation = operation, .where = where};
    begin_life(operation);
    world.disk_turn = (enum disk_turn)turn;
    crash_vfs_cut_after(n);
    left->story.was_answered = world_ask(&world, &request, RETURNS_SOON, &left->story.first);
    bool is_cut = crash_vfs_is_cut();
    crash_vfs_cut_after(UINT64_MAX); /* else closing the store could still run into it */
    end_life(left);
    return is_cut;
}

/* Returns how many changes there were; adds the states of disk and card that they left. */
static uint64_t cut_power_at_every_change(enum operation operation, unsigned turn, size_t random,
                                          uint64_t *disk_states)
{
    static struct left left;
    uint64_t points = 0;
    bool is_cut = true;
    for (uint64_t n = 0; is_cut; n += step_of((int)operation)) {
        is_cut = run_to_power_cut(operation, turn, n, &left);
        crash_vfs_replay(left.calls);
        const size_t policies = is_cut ? crash_vfs_policies(random) : 1;
        for (size_t i = 0; i < policies; i++) {
            snprintf(where, sizeof where, "power off at disk change %llu of turn %u, policy %zu",
                     (unsigned long long)n, turn, i);
            crash_vfs_replay(left.calls);
            settle_left(&left, is_cut ? crash_vfs_policy(i) : CRASH_POLICY(CRASH_KEEP_ALL, 0),
                        (n + i) % 2 == 0 ? BY_BALANCE : BY_AGAIN);
            *disk_states += is_cut;
        }
        points += is_cut;
    }
    return points;
}

static void the_power_fails_at_every_change_of_the_disk(void **unused)
{
    (void)unused;
    leave_disk_to_the_other_family();
    size_t random = scope.is_full ? 4 : 1;
    for (int operation = 0; operation < OPERATIONS; operation++) {
        if (!is_taken(operation)) {
            continue;
        }
        uint64_t disk_states = 0, points = 0;
        for (unsigned turn = 0; turn < turns_of((enum operation)operation); turn++) {
            points +=
                cut_power_at_every_change((enum operation)operation, turn, random, &disk_states);
        }
        printf("# %s, power cut: %-12s %4llu points, %6llu disk states\n", scope.family_name,
               operation_names[operation], (unsigned long long)points,
               (unsigned long long)disk_states);
        assert_true(points > 5);
    }
}

/* The disk fills up, or fails, at every change, once and for good: nothing unrecorded happens. */
static void the_disk_fails_at_every_change(void **unused)
{
    (void)unused;
    leave_disk_to_the_other_family();
    uint64_t failures = 0;
    for (int operation = 0; operation < OPERATIONS; operation++) {
        if (!is_taken_everywhere(operation)) {
            continue;
        }
        for (int how = 0; how < 4; how++) {
            bool has_failed = true;
            for (uint64_t n = 1; has_failed; n += step_of(operation)) {
                struct tap_request request = world_request((enum operation)operation);
                struct story story = {.operation = (enum operation)operation, .where = where};
                snprintf(where, sizeof where, "disk failure %d at change %llu", how,
                         (unsigned long long)n);
                world_reset(&world, (enum operation)operation, NULL);
                assert_true(world_boot(&world));
                world.disk_turn = (enum disk_turn)(n % DISK_TURNS);
                crash_vfs_fail_at(n, how % 2 == 0 ? CRASH_FULL : CRASH_IOERR, how >= 2);
                story.was_answered = world_ask(&world, &request, RETURNS_SOON, &story.first);
                has_failed = crash_vfs_has_failed();
                crash_vfs_heal();
                world_die(&world);
                settle(&story, n % 2 == 0 ? BY_BALANCE : BY_AGAIN);
                failures += has_failed;
            }
        }
    }
    printf("# %s, disk full or failing: %llu failures\n", scope.family_name,
           (unsigned long long)failures);
    assert_true(failures > 100);
}

/* --- killed ----------------------------------------------------------------------------------- */

static uint64_t commands_left, writes_left;
static bool kills_in_half;
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

static void kill_at_command(void)
{
    if (commands_left-- == 0) {
        raise(SIGKILL);
    }
}

static ssize_t pwrite_hook(int fd, const void *bytes, size_t size, off_t at)
{
    if (writes_left-- == 0) {
        if (kills_in_half) {
            (void)real_pwrite(fd, bytes, size / 2, at);
        }
        raise(SIGKILL);
    }
    return real_pwrite(fd, bytes, size, at);
}

static void hook_writes(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    assert_non_null(vfs);
    const char *name = vfs->xGetSystemCall(vfs, "pwrite64") != NULL ? "pwrite64" : "pwrite";
    real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))vfs->xGetSystemCall(vfs, name);
    assert_int_equal(vfs->xSetSystemCall(vfs, name, (sqlite3_syscall_ptr)pwrite_hook), SQLITE_OK);
}

/* What the child was answered before it died; in shared memory. */
struct told {
    bool was_answered;
    struct tap_answer first;
};

static bool run_killed(enum operation operation, uint64_t command, uint64_t write, bool in_half,
                       unsigned turn, const char *path, struct told *told)
{
    world_reset(&world, operation, path);
    world.disk_turn = (enum disk_turn)turn;
    *told = (struct told){0};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct tap_request request = world_request(operation);
        if (!world_boot(&world)) {
            _exit(3);
        }
        commands_left = command;
        writes_left = write;
        kills_in_half = in_half;
        world.before_command = kill_at_command;
        hook_writes();
        struct tap_answer answer = {0};
        world_attach_member(&world, &request);
        if (terminal_begin(world.terminal, &request, NULL, 3000, &answer) != ST_OK) {
            _exit(4);
        }
        while (terminal_step(world.terminal) != TERMINAL_OVER) {
        }
        told->first = *terminal_answer(world.terminal);
        told->was_answered = true;
        terminal_finish(world.terminal, true);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(is_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    struct story story = {.operation = operation,
                          .was_answered = told->was_answered,
                          .first = told->first,
                          .where = where};
    check(&story, (command + write) % 2 == 0 ? BY_BALANCE : BY_AGAIN);
    states++;
    return is_killed;
}

static void the_process_is_killed_at_every_step(void **unused)
{
    (void)unused;
    leave_disk_to_the_other_family();
    char folder[] = "/tmp/vafa-fault-tap-XXXXXX", path[64], more[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/terminal.db", folder);
    struct told *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(told != MAP_FAILED);
    for (int operation = 0; operation < OPERATIONS; operation++) {
        if (!is_taken_everywhere(operation)) {
            continue;
        }
        uint64_t kills = 0;
        for (int way = 0; way < 3 * (int)turns_of((enum operation)operation); way++) {
            const int how = way % 3;
            bool is_killed = true;
            for (uint64_t n = 0; is_killed; n += step_of(operation)) {
                snprintf(where, sizeof where, "killed, way %d, at step %llu", way,
                         (unsigned long long)n);
                is_killed = run_killed((enum operation)operation, how == 0 ? n : UINT64_MAX / 2,
                                       how == 0 ? UINT64_MAX / 2 : n, how == 2, (unsigned)way / 3,
                                       path, told);
                kills += is_killed;
            }
        }
        printf("# %s, killed: %-12s %4llu times\n", scope.family_name, operation_names[operation],
               (unsigned long long)kills);
        assert_true(kills > 15);
    }
    const char *const ends[] = {"", "-wal", "-shm"};
    for (int n = 0; n < 3; n++) {
        snprintf(more, sizeof more, "%s%s", path, ends[n]);
        (void)unlink(more);
    }
    assert_int_equal(rmdir(folder), 0);
}

static int conclude(void **unused)
{
    (void)unused;
    printf("# %s: %llu states, %llu of which had been settled before; %llu settled and checked on "
           "card, journal and "
           "history; they end in %llu different ones, checked at the club\n",
           scope.family_name, (unsigned long long)states, (unsigned long long)repeated,
           (unsigned long long)world_checked, (unsigned long long)world_distinct);
    printf("# %s: %llu runs ended with a blank card locked by a torn trailer; none held value\n",
           scope.family_name, (unsigned long long)world_lost);
    printf("# %s: %llu times the disk had its turn in the middle of a staging\n", scope.family_name,
           (unsigned long long)world_turns_between);
    return world_turns_between > 100 || scope.only != NULL ? 0 : -1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_card_leaves_at_every_command_and_in_every_write),
        cmocka_unit_test(the_power_fails_at_every_change_of_the_disk),
        cmocka_unit_test(the_disk_fails_at_every_change),
        cmocka_unit_test(the_process_is_killed_at_every_step),
    };
    const bool is_classic = argc == 2 && strcmp(argv[1], "Classic") == 0;
    if (!is_classic && (argc != 2 || strcmp(argv[1], "DESFire") != 0)) {
        fprintf(stderr, "usage: fault_tap Classic|DESFire\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests_name("tap, cut everywhere", tests,
                                       is_classic ? prepare_classic : prepare_desfire, conclude);
}
