/* fault_tap.c - the central proof: a tap is cut everywhere, and never makes or loses anything.
 *
 * For each operation and n = 1, 2, 3 ...: the tap runs and is cut at step n, the terminal boots
 * again, the card is tapped again, and card, journal and club must agree; until a run is not cut.
 * Cuts: the card leaves after each command; each EEPROM write is torn in each way; the process is
 * killed at each card command and at each file write; the power fails at each change of the disk,
 * which then keeps of the unsynced what each policy leaves. FULL=1: every tear length, more disk
 * policies, and a second cut everywhere in the recovery. The states run through are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <malloc.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/fault_tap_world.h"
#include "tests/support/crash_vfs.h"

static struct world world;
static bool is_full;
static char where[160];

enum settle_by { BY_BALANCE, BY_AGAIN, SETTLE_BYS };

static void check(const struct story *story, enum settle_by by)
{
    if (by == BY_BALANCE) {
        world_check_balance(&world, story);
    } else {
        world_check_again(&world, story);
    }
}

/* Asks for the operation with the planned card cut and, when the process lives on, settles. Returns
 * whether the cut came. */
static bool run_card_cut(enum operation operation, struct classic_cut cut,
                         struct classic_cut second, enum returns returns, enum settle_by by)
{
    struct tap_request request = world_request(operation);
    struct story story = {.operation = operation, .where = where};
    world_reset(&world, operation, NULL);
    assert_true(world_boot(&world));
    classic_plan_cut(world.card, cut);
    story.was_answered = world_ask(&world, &request, returns, &story.first);
    bool is_cut = world.card->cuts_taken > 0;
    world_die(&world);
    assert_true(world_boot(&world));
    if (second.when != CLASSIC_CUT_NEVER) {
        /* A tap that is cut in its turn: whatever it says, the state must settle after it. */
        struct tap_answer answer = {0};
        struct tap_request next = by == BY_BALANCE ? world_balance() : request;
        uint32_t cuts = world.card->cuts_taken;
        if (!(story.was_answered && story.first.outcome == TAP_DONE && by == BY_AGAIN)) {
            classic_plan_cut(world.card, second);
            (void)world_ask(&world, &next, RETURNS_LATER, &answer);
            is_cut = world.card->cuts_taken > cuts;
            if (by == BY_AGAIN && answer.outcome != TAP_NOT_DONE) {
                story.was_answered = true;
                story.first = answer;
            }
            world_die(&world);
            assert_true(world_boot(&world));
        } else {
            is_cut = false;
        }
    }
    classic_plan_cut(world.card, (struct classic_cut){.when = CLASSIC_CUT_NEVER});
    check(&story, by);
    world_die(&world);
    return is_cut;
}

static const struct classic_cut no_cut = {.when = CLASSIC_CUT_NEVER};

/* The i-th way to tear a write; false after the last. */
static bool tear_of(int i, struct classic_cut *cut)
{
    static const uint8_t some_heads[] = {1, 4, 8, 15};
    int heads = is_full ? 17 : (int)sizeof some_heads;
    int plain = 0;
    for (int tear = 0; tear < CLASSIC_TEARS; tear++) {
        bool has_head = tear == CLASSIC_TEAR_HEAD || tear == CLASSIC_TEAR_HEAD_ERASED;
        int count = has_head ? heads : 1;
        if (i < plain + count) {
            cut->tear = (enum classic_tear)tear;
            cut->head_bytes = !has_head ? 0
                              : is_full ? (uint8_t)(i - plain)
                                        : some_heads[i - plain];
            return true;
        }
        plain += count;
    }
    return false;
}

/* Calls `run` for every card cut of the operation; returns how many came. */
static uint64_t for_every_card_cut(enum operation operation,
                                   void (*run)(enum operation, struct classic_cut, bool *ret_cut))
{
    uint64_t cuts = 0;
    bool is_cut = true;
    for (uint32_t n = 0; is_cut; n++) {
        struct classic_cut cut = {.when = CLASSIC_CUT_AFTER, .n = n};
        run(operation, cut, &is_cut);
        cuts += is_cut;
    }
    is_cut = true;
    for (uint32_t n = 1; is_cut; n++) {
        struct classic_cut cut = {.when = CLASSIC_CUT_WRITE, .n = n};
        for (int i = 0; tear_of(i, &cut); i++) {
            run(operation, cut, &is_cut);
            cuts += is_cut;
            if (!is_cut) {
                break;
            }
        }
    }
    return cuts;
}

static void say_where(struct classic_cut cut, const char *more)
{
    snprintf(where, sizeof where, "%s n=%u tear=%d head=%d %s",
             cut.when == CLASSIC_CUT_AFTER ? "after command" : "in write", cut.n, (int)cut.tear,
             cut.head_bytes, more);
}

static void run_single(enum operation operation, struct classic_cut cut, bool *ret_cut)
{
    for (int returns = 0; returns < 2; returns++) {
        for (int by = 0; by < SETTLE_BYS; by++) {
            say_where(cut, returns == RETURNS_SOON ? "back soon" : "back later");
            *ret_cut =
                run_card_cut(operation, cut, no_cut, (enum returns)returns, (enum settle_by)by);
        }
    }
}

static void the_card_leaves_at_every_command_and_in_every_write(void **unused)
{
    (void)unused;
    for (int n = 0; n < OPERATIONS; n++) {
        uint64_t cuts = for_every_card_cut((enum operation)n, run_single);
        printf("# card cut: %-12s %4llu cuts x 2 returns x 2 ways to settle\n", operation_names[n],
               (unsigned long long)cuts);
        assert_true(cuts > 20);
    }
}

static struct classic_cut first_cut;

static void run_pair(enum operation operation, struct classic_cut second, bool *ret_cut)
{
    *ret_cut = false;
    for (int by = 0; by < SETTLE_BYS; by++) {
        char text[80];
        say_where(first_cut, "");
        snprintf(text, sizeof text, "then %d n=%u tear=%d", (int)second.when, second.n,
                 (int)second.tear);
        strncat(where, text, sizeof where - strlen(where) - 1);
        *ret_cut |= run_card_cut(operation, first_cut, second, RETURNS_LATER, (enum settle_by)by);
    }
}

static uint64_t pairs;

static void run_first(enum operation operation, struct classic_cut cut, bool *ret_cut)
{
    say_where(cut, "");
    *ret_cut = run_card_cut(operation, cut, no_cut, RETURNS_LATER, BY_BALANCE);
    /* Without FULL, and in an issue with its hundreds of commands, only the cuts that leave most in
     * doubt: some tears of each write. */
    bool is_wanted = (is_full && operation != OP_ISSUE) ||
                     (cut.when == CLASSIC_CUT_WRITE &&
                      (cut.tear == CLASSIC_TEAR_NEW || cut.tear == CLASSIC_TEAR_ZEROS ||
                       cut.tear == CLASSIC_TEAR_UNSTABLE_NEW));
    if (*ret_cut && is_wanted) {
        first_cut = cut;
        pairs += for_every_card_cut(operation, run_pair);
    }
}

static void the_card_leaves_again_while_it_is_settled(void **unused)
{
    (void)unused;
    for (int n = OPERATIONS - 1; n >= 0; n--) { /* the issue last: it takes longest */
        if (!is_full && n != OP_SALE_BOTH) {
            continue;
        }
        pairs = 0;
        (void)for_every_card_cut((enum operation)n, run_first);
        printf("# card cut twice: %-12s %6llu pairs of cuts\n", operation_names[n],
               (unsigned long long)pairs);
        assert_true(pairs > 100);
    }
}

/* --- power ------------------------------------------------------------------------------------ */

/* Runs until the disk's power goes off at change n. False: it did not. */
static bool run_to_power_cut(enum operation operation, uint64_t n, struct story *story)
{
    struct tap_request request = world_request(operation);
    *story = (struct story){.operation = operation, .where = where};
    world_reset(&world, operation, NULL);
    assert_true(world_boot(&world));
    crash_vfs_cut_after(n);
    story->was_answered = world_ask(&world, &request, RETURNS_SOON, &story->first);
    bool is_cut = crash_vfs_is_cut();
    crash_vfs_cut_after(UINT64_MAX); /* else closing the store could still run into it */
    world_die(&world);
    return is_cut;
}

static void the_power_fails_at_every_change_of_the_disk(void **unused)
{
    (void)unused;
    size_t random = is_full ? 4 : 1;
    for (int operation = 0; operation < OPERATIONS; operation++) {
        uint64_t states = 0, points = 0;
        bool is_cut = true;
        for (uint64_t n = 0; is_cut; n++) {
            struct story story;
            size_t policies = 1;
            for (size_t i = 0; i < policies; i++) {
                is_cut = run_to_power_cut((enum operation)operation, n, &story);
                if (is_cut) {
                    policies = crash_vfs_policies(random);
                    crash_vfs_reboot(crash_vfs_policy(i));
                }
                snprintf(where, sizeof where, "power off at disk change %llu, policy %zu",
                         (unsigned long long)n, i);
                assert_true(world_boot(&world));
                check(&story, (n + i) % 2 == 0 ? BY_BALANCE : BY_AGAIN);
                world_die(&world);
                states += is_cut;
            }
            points += is_cut;
        }
        printf("# power cut: %-12s %4llu points, %6llu disk states\n", operation_names[operation],
               (unsigned long long)points, (unsigned long long)states);
        assert_true(points > 5);
    }
}

/* The disk fills up, or fails, at every change, once and for good: nothing unrecorded happens. */
static void the_disk_fails_at_every_change(void **unused)
{
    (void)unused;
    uint64_t failures = 0;
    for (int operation = 0; operation < OPERATIONS; operation++) {
        for (int how = 0; how < 4; how++) {
            bool has_failed = true;
            for (uint64_t n = 1; has_failed; n++) {
                struct tap_request request = world_request((enum operation)operation);
                struct story story = {.operation = (enum operation)operation, .where = where};
                snprintf(where, sizeof where, "disk failure %d at change %llu", how,
                         (unsigned long long)n);
                world_reset(&world, (enum operation)operation, NULL);
                assert_true(world_boot(&world));
                crash_vfs_fail_at(n, how % 2 == 0 ? CRASH_FULL : CRASH_IOERR, how >= 2);
                story.was_answered = world_ask(&world, &request, RETURNS_SOON, &story.first);
                has_failed = crash_vfs_has_failed();
                crash_vfs_heal();
                world_die(&world);
                assert_true(world_boot(&world));
                check(&story, n % 2 == 0 ? BY_BALANCE : BY_AGAIN);
                world_die(&world);
                failures += has_failed;
            }
        }
    }
    printf("# disk full or failing: %llu failures\n", (unsigned long long)failures);
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
                       const char *path, struct told *told)
{
    world_reset(&world, operation, path);
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
        if (terminal_begin(world.terminal, &request, 3000, &answer) != ST_OK) {
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
    assert_true(world_boot(&world));
    check(&story, (command + write) % 2 == 0 ? BY_BALANCE : BY_AGAIN);
    world_die(&world);
    return is_killed;
}

static void the_process_is_killed_at_every_step(void **unused)
{
    (void)unused;
    char folder[] = "/tmp/vafa-fault-tap-XXXXXX", path[64], more[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/terminal.db", folder);
    struct told *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(told != MAP_FAILED);
    for (int operation = 0; operation < OPERATIONS; operation++) {
        uint64_t kills = 0;
        for (int how = 0; how < 3; how++) {
            bool is_killed = true;
            for (uint64_t n = 0; is_killed; n++) {
                snprintf(where, sizeof where, "killed, way %d, at step %llu", how,
                         (unsigned long long)n);
                is_killed = run_killed((enum operation)operation, how == 0 ? n : UINT64_MAX / 2,
                                       how == 0 ? UINT64_MAX / 2 : n, how == 2, path, told);
                kills += is_killed;
            }
        }
        printf("# killed: %-12s %4llu times\n", operation_names[operation],
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

static int prepare(void **unused)
{
    (void)unused;
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 20); /* the disk's files come and go in memory */
    (void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
    const char *full = getenv("FULL");
    is_full = full != NULL && strcmp(full, "1") == 0;
    world_prepare();
    return 0;
}

static int conclude(void **unused)
{
    (void)unused;
    printf(
        "# %llu states settled and checked on card, journal and history; %llu of them different, "
        "checked at the club\n",
        (unsigned long long)world_checked, (unsigned long long)world_distinct);
    printf("# %llu runs ended with a blank card locked by a torn trailer; none held value\n",
           (unsigned long long)world_lost);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_card_leaves_at_every_command_and_in_every_write),
        cmocka_unit_test(the_card_leaves_again_while_it_is_settled),
        cmocka_unit_test(the_power_fails_at_every_change_of_the_disk),
        cmocka_unit_test(the_disk_fails_at_every_change),
        cmocka_unit_test(the_process_is_killed_at_every_step),
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests_name("tap, cut everywhere", tests, prepare, conclude);
}
