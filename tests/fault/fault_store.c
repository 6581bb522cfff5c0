/* Power cuts and failing disks under the store: every state that the fault model of
 * tests/support/crash_disk.c knows, over a workload of everything that the store writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/store.h"
#include "tests/support/actions_model.h"
#include "tests/support/crash_vfs.h"
#include "tests/support/seen.h"
#include "tests/support/store_model.h"

static const struct store_config config = {.path = "vafa.db", .vfs = "crash", .create = true};

static struct store *open_or_fail(void)
{
    struct store *store = NULL;
    struct fault fault = {{0}};
    const enum st st = store_open(&config, &store, &fault);
    if (st != ST_OK) {
        print_error("store_open: %s: %s\n", st_word(st), fault.say);
    }
    assert_int_equal(st, ST_OK);
    return store;
}

/* --- the workload ---------------------------------------------------------------------------- */

enum step { ENTRY, SETTING, PROGRAMME, ACKNOWLEDGE, ACTIONS, READY, STEPS };

/* How far the workload is: what is acknowledged, and what may be in flight. */
struct progress {
    uint32_t entries, setting, programme, acknowledged, actions;
};

struct work {
    struct model model;
    struct store *terminal, *sync;
    struct progress done;
};

static void text_of(uint32_t n, size_t size, char *ret)
{
    memset(ret, 'a' + (int)(n % 26), size);
    (void)snprintf(ret, size, "%u", n);
    ret[strlen(ret)] = ' ';
    ret[size - 1] = 0;
}

static size_t programme_size(uint32_t version)
{
    return 500 + version * 3500 % 13000; /* with and without overflow pages */
}

static enum st do_step(struct work *work, enum step step)
{
    static char text[16384];
    struct progress next = work->done;
    enum st st = ST_OK;
    switch (step) {
    case ENTRY: {
        const struct entry entry = model_draw(&work->model);
        st = journal_append(work->terminal, &entry);
        if (st == ST_OK) {
            next.entries++;
        }
        model_add(&work->model, &entry); /* it may be there even when the call was cut */
        break;
    }
    case SETTING:
        text_of(++next.setting, 300, text);
        st = setting_put(work->terminal, "terminal", text);
        break;
    case PROGRAMME:
        next.programme++;
        text_of(next.programme, programme_size(next.programme), text);
        st = programme_put(work->sync, next.programme, text);
        break;
    case ACKNOWLEDGE:
        next.acknowledged = work->done.entries;
        st = sync_set_acknowledged(work->sync, next.acknowledged);
        break;
    case ACTIONS:
        st = actions_model_take(++next.actions, work->sync);
        break;
    case READY:
        st = store_ready(work->terminal);
        break;
    case STEPS:
        break;
    }
    if (st == ST_OK) {
        work->done = next;
    }
    return st;
}

/* Mostly entries; each of the others every few steps. */
static enum step step_at(uint32_t i)
{
    if (i % 23 == 22) {
        return PROGRAMME;
    }
    if (i % 11 == 10) {
        return SETTING;
    }
    if (i % 5 == 4) {
        return ACKNOWLEDGE;
    }
    if (i % 8 == 1) {
        return ACTIONS;
    }
    return i % 7 == 6 ? READY : ENTRY;
}

/* --- what must hold after every cut ---------------------------------------------------------- */

static bool setting_is(struct store *store, uint32_t n)
{
    char expected[300], found[SETTING_VALUE_MAX];
    const enum st st = setting_get(store, "terminal", found, sizeof found);
    text_of(n, sizeof expected, expected);
    return n == 0 ? st == ST_REFUSED : st == ST_OK && strcmp(expected, found) == 0;
}

static bool programme_is(struct store *store, uint32_t n)
{
    char expected[16384], *found = NULL;
    uint32_t version = 0;
    const enum st st = programme_get(store, &version, &found);
    text_of(n, programme_size(n), expected);
    const bool same =
        n == 0 ? st == ST_REFUSED : st == ST_OK && version == n && strcmp(expected, found) == 0;
    free(found);
    return same;
}

/* Everything acknowledged is there; of what was in flight, all or nothing. */
static bool state_is_good(const struct model *model, struct store *store,
                          const struct progress *acknowledged, const struct progress *in_flight)
{
    uint32_t next = 0, entries = 0, has = 0;
    struct fault fault = {{0}};
    if (journal_next(store, &next) != ST_OK ||
        (next - 1 != acknowledged->entries && next - 1 != in_flight->entries)) {
        printf("entries: %u of %u\n", next - 1, acknowledged->entries);
        return false;
    }
    if (journal_verify(store, &entries, &fault) != ST_OK || entries != next - 1) {
        printf("verify: %s\n", fault.say);
        return false;
    }
    if (sync_acknowledged(store, &has) != ST_OK ||
        (has != acknowledged->acknowledged && has != in_flight->acknowledged)) {
        printf("acknowledged: %u\n", has);
        return false;
    }
    if (!setting_is(store, acknowledged->setting) && !setting_is(store, in_flight->setting)) {
        printf("setting\n");
        return false;
    }
    if (!programme_is(store, acknowledged->programme) &&
        !programme_is(store, in_flight->programme)) {
        printf("programme\n");
        return false;
    }
    if (!actions_model_agrees(acknowledged->actions, store) &&
        !actions_model_agrees(in_flight->actions, store)) {
        printf("actions\n");
        return false;
    }
    return model_agrees(model, next - 1, store);
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- every cut of a recorded run ------------------------------------------------------------- */

/* The sanitizers make all this five times slower: there every 11th call is cut; FULL=1: each. */
static uint64_t stride(void)
{
    const char *profile = getenv("PROFILE");
    const bool is_sanitize = profile != NULL && strcmp(profile, "sanitize") == 0;
    return is_sanitize && getenv("FULL") == NULL ? 11 : 1;
}

enum { TIMELINE_MAX = 4096, RANDOM_SUBSETS = 4 };
struct moment {
    uint64_t calls; /* changing calls when this progress was acknowledged */
    struct progress done;
};

struct run {
    struct work work;
    struct moment timeline[TIMELINE_MAX];
    uint32_t moments;
};

/* Records a run of `steps` on a new disk, its creation included. */
static struct run *run_record(uint32_t steps, uint64_t seed)
{
    struct run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    struct work *work = &run->work;
    crash_vfs_reset();
    model_init(&work->model, MODEL_CARDS, seed);
    crash_vfs_record();
    work->terminal = open_or_fail();
    work->sync = open_or_fail();
    assert_true(steps < TIMELINE_MAX);
    run->timeline[run->moments++] = (struct moment){crash_vfs_writes(), work->done};
    for (uint32_t i = 0; i < steps; i++) {
        assert_int_equal(do_step(work, step_at(i)), ST_OK);
        run->timeline[run->moments++] = (struct moment){crash_vfs_writes(), work->done};
    }
    store_close(work->sync);
    store_close(work->terminal);
    return run;
}

/* True the first time that this disk is found with this progress made: from there on everything
 * hangs on the two alone. */
static bool is_new_state(struct seen *seen, uint32_t progress)
{
    return seen_first(seen, crash_vfs_fingerprint() ^ (progress * UINT64_C(0x9e3779b97f4a7c15)));
}

/* Checks the disk that a cut after `n` calls left; `acknowledged` and `in_flight` frame it. */
static bool cut_is_survived(const struct run *run, const struct moment *before,
                            const struct moment *after)
{
    struct store *store = open_or_fail();
    const bool good = state_is_good(&run->work.model, store, &before->done, &after->done);
    store_close(store);
    return good;
}

static void every_cut_of_a_run_loses_nothing_acknowledged(void **state)
{
    (void)state;
    static struct seen seen;
    const double start = now_s();
    struct run *run = run_record(160, 1);
    const uint64_t calls = crash_vfs_recorded();
    uint32_t states = 0, distinct = 0, at = 0;
    for (uint64_t n = 0; n <= calls; n += stride()) {
        while (at + 1 < run->moments && run->timeline[at + 1].calls <= n) {
            at++;
        }
        const uint32_t next = at + 1 < run->moments ? at + 1 : at;
        crash_vfs_replay(n);
        const size_t policies = crash_vfs_policies(RANDOM_SUBSETS);
        for (size_t p = 0; p < policies; p++) {
            crash_vfs_replay(n);
            const struct crash_policy policy = crash_vfs_policy(p);
            crash_vfs_reboot(policy);
            states++;
            if (!is_new_state(&seen, at)) {
                continue;
            }
            distinct++;
            if (!cut_is_survived(run, &run->timeline[at], &run->timeline[next])) {
                fail_msg("cut after call %llu of %llu, policy %d pick %llu", (unsigned long long)n,
                         (unsigned long long)calls, (int)policy.keep,
                         (unsigned long long)policy.pick);
            }
        }
    }
    printf("# %u crash states (%u distinct) of %llu calls, 0 violations, %.1f s\n", states,
           distinct, (unsigned long long)calls, now_s() - start);
    model_finish(&run->work.model);
    free(run);
}

/* --- cut again while recovering -------------------------------------------------------------- */

struct twice {
    struct seen firsts, seconds; /* disks after the first cut, and after the second */
    uint32_t states, distinct;
};

/* The disk after `n` calls and a cut is opened, and cut after each call of that; then opened again.
 */
static void cut_recovery(const struct run *run, uint64_t n, struct crash_policy policy, uint32_t at,
                         struct twice *twice)
{
    const uint32_t next = at + 1 < run->moments ? at + 1 : at;
    bool is_cut = true;
    for (uint64_t m = 0; is_cut; m++) {
        crash_vfs_replay(n);
        crash_vfs_reboot(policy);
        if (m == 0 && !is_new_state(&twice->firsts, at)) {
            return;
        }
        crash_vfs_cut_after(m);
        struct store *store = NULL;
        const enum st st = store_open(&config, &store, NULL);
        const enum st ready = st == ST_OK ? store_ready(store) : st;
        assert_true(ready == ST_OK || ready == ST_IO);
        store_close(store);
        is_cut = crash_vfs_is_cut();
        crash_vfs_reboot(crash_vfs_policy((size_t)m % crash_vfs_policies(4)));
        twice->states++;
        if (is_new_state(&twice->seconds, at)) {
            twice->distinct++;
            assert_true(cut_is_survived(run, &run->timeline[at], &run->timeline[next]));
        }
    }
}

/* From each sampled state. */
static void a_second_cut_during_recovery_loses_nothing(void **state)
{
    (void)state;
    static struct twice twice;
    const double start = now_s();
    struct run *run = run_record(60, 2);
    const uint64_t calls = crash_vfs_recorded();
    uint32_t at = 0;
    for (uint64_t n = 0; n <= calls; n += 5 * stride()) {
        while (at + 1 < run->moments && run->timeline[at + 1].calls <= n) {
            at++;
        }
        crash_vfs_replay(n);
        const size_t policies = crash_vfs_policies(2);
        for (size_t p = 0; p < policies; p += 7) {
            crash_vfs_replay(n);
            cut_recovery(run, n, crash_vfs_policy(p), at, &twice);
        }
    }
    printf("# %u states cut twice (%u distinct), 0 violations, %.1f s\n", twice.states,
           twice.distinct, now_s() - start);
    model_finish(&run->work.model);
    free(run);
}

/* --- failing calls --------------------------------------------------------------------------- */

static const struct failure_case {
    enum crash_failure failure;
    bool for_good;
    const char *name;
} failure_cases[] = {
    {CRASH_FULL, false, "full once"},
    {CRASH_FULL, true, "full for good"},
    {CRASH_IOERR, false, "I/O error once"},
    {CRASH_IOERR, true, "I/O error for good"},
};

/* A store with a past: entries, a pending intent, all that the workload writes. */
static void work_begin(struct work *work, uint32_t steps)
{
    *work = (struct work){0};
    crash_vfs_reset();
    model_init(&work->model, MODEL_CARDS, 3);
    work->terminal = open_or_fail();
    work->sync = open_or_fail();
    for (uint32_t i = 0; i < steps; i++) {
        assert_int_equal(do_step(work, step_at(i)), ST_OK);
    }
}

static void work_end(struct work *work)
{
    store_close(work->sync);
    store_close(work->terminal);
    model_finish(&work->model);
}

/* Runs one step with its n-th changing call failing. Returns false once there are not so many. */
static bool step_fails_cleanly(uint32_t before, enum step step, const struct failure_case *how,
                               uint64_t n)
{
    struct work work;
    work_begin(&work, before);
    const struct progress old = work.done;
    crash_vfs_fail_at(n, how->failure, how->for_good);
    const enum st st = do_step(&work, step);
    const bool has_failed = crash_vfs_has_failed();
    crash_vfs_heal();
    const bool in_time = st == (how->failure == CRASH_FULL ? ST_FULL : ST_IO);
    if (!(st == ST_OK || (has_failed && in_time))) {
        fail_msg("step %d, %s at %llu: %s: %s", (int)step, how->name, (unsigned long long)n,
                 st_word(st), store_fault(work.terminal)->say);
    }
    if (st != ST_OK && step == ENTRY) {
        work.model.count--; /* the same handle must not see it */
    }
    assert_true(state_is_good(&work.model, work.terminal, &work.done, &work.done));

    /* The disk is well again: the same step works, and stays after a cut. */
    if (st != ST_OK) {
        assert_memory_equal(&old, &work.done, sizeof old);
        assert_int_equal(do_step(&work, step), ST_OK);
    }
    crash_vfs_reboot(CRASH_POLICY(CRASH_KEEP_SYNCED, 0));
    struct store *again = open_or_fail();
    assert_true(state_is_good(&work.model, again, &work.done, &work.done));
    store_close(again);
    work_end(&work);
    return has_failed;
}

static void every_failing_call_is_told_and_leaves_nothing_half(void **state)
{
    (void)state;
    uint32_t count = 0;
    for (size_t how = 0; how < sizeof failure_cases / sizeof failure_cases[0]; how++) {
        for (int step = 0; step < STEPS; step++) {
            /* An empty store, where space is reserved, and one with a past. */
            for (uint32_t before = 0; before <= 34; before += 17) {
                uint64_t n = 1;
                while (step_fails_cleanly(before, (enum step)step, &failure_cases[how], n)) {
                    n++;
                    count++;
                }
            }
        }
    }
    printf("# %u failing calls, each told as ST_FULL or ST_IO\n", count);
}

/* An entry whose append failed may be back after a restart when its sync was what failed: whole,
 * in the chain, and pending like any other. */
static void a_failed_append_is_whole_or_absent_after_a_restart(void **state)
{
    (void)state;
    for (size_t how = 0; how < sizeof failure_cases / sizeof failure_cases[0]; how++) {
        bool has_failed = true;
        for (uint64_t n = 1; has_failed; n++) {
            struct work work;
            work_begin(&work, 20);
            struct progress in_flight = work.done;
            in_flight.entries++;
            crash_vfs_fail_at(n, failure_cases[how].failure, failure_cases[how].for_good);
            const enum st st = do_step(&work, ENTRY);
            has_failed = crash_vfs_has_failed();
            assert_true(st == ST_OK || has_failed);
            crash_vfs_reboot(CRASH_POLICY(CRASH_KEEP_ALL, 0));
            struct store *again = open_or_fail();
            assert_true(state_is_good(&work.model, again, &work.done, &in_flight));
            store_close(again);
            work_end(&work);
        }
    }
}

static void every_failing_read_is_told(void **state)
{
    (void)state;
    uint32_t count = 0;
    bool has_failed = true;
    struct work work;
    work_begin(&work, 60);
    store_close(work.sync);
    store_close(work.terminal);
    for (uint64_t n = 1; has_failed; n++) {
        struct store *store = NULL;
        uint32_t entries = 0;
        crash_vfs_fail_read_at(n);
        enum st st = store_open(&config, &store, NULL);
        st = st == ST_OK ? store_ready(store) : st;
        st = st == ST_OK ? journal_verify(store, &entries, NULL) : st;
        has_failed = crash_vfs_has_failed();
        crash_vfs_heal();
        if (st == ST_OK) { /* SQLite may not have needed what it read */
            assert_true(state_is_good(&work.model, store, &work.done, &work.done));
        } else {
            assert_true(has_failed && (st == ST_IO || st == ST_CORRUPT));
        }
        count += st != ST_OK;
        store_close(store);
    }
    printf("# %u failing reads told\n", count);
    model_finish(&work.model);
}

/* --- a disk that fills up --------------------------------------------------------------------- */

static void a_full_disk_refuses_intents_and_takes_every_outcome(void **state)
{
    (void)state;
    struct work work;
    work_begin(&work, 40);
    struct model *model = &work.model;
    crash_vfs_capacity(crash_vfs_used()); /* not a byte more */
    uint32_t taken = 0, refused = 0;
    while (refused < 20) {
        const enum st ready = store_ready(work.terminal);
        const struct entry intent = model_intent(model, taken % MODEL_CARDS, 100 + taken);
        const enum st st = journal_append(work.terminal, &intent);
        assert_true(st == ST_OK || st == ST_FULL);
        assert_true(ready == ST_OK || ready == ST_FULL);
        assert_false(ready == ST_OK && st != ST_OK); /* the promise before the tap is kept */
        refused += st == ST_FULL;
        if (st == ST_OK) {
            model_add(model, &intent);
            const struct entry outcome = model_outcome(model, model->count, VERDICT_DONE);
            assert_int_equal(journal_append(work.terminal, &outcome), ST_OK);
            model_add(model, &outcome);
            taken++;
            assert_true(taken < 100000);
        }
    }
    assert_int_equal(setting_put(work.terminal, "a", "b"), ST_FULL);
    crash_vfs_capacity(0);
    assert_int_equal(store_ready(work.terminal), ST_OK);
    const struct entry intent = model_intent(model, 1, 9999);
    assert_int_equal(journal_append(work.terminal, &intent), ST_OK);
    model_add(model, &intent);
    assert_true(model_agrees(model, model->count, work.terminal));
    printf("# %u taps on a disk without a free byte before it refused\n", taken);
    work_end(&work);
}

/* The worst case of the promise: intents until the disk refuses, then the outcome of the last. */
static void the_last_intent_before_full_gets_its_outcome(void **state)
{
    (void)state;
    struct work work;
    work_begin(&work, 40);
    struct model *model = &work.model;
    crash_vfs_capacity(crash_vfs_used());
    enum st st = ST_OK;
    while (st == ST_OK) {
        const struct entry intent = model_intent(model, 0, model->count + 100);
        st = journal_append(work.terminal, &intent);
        if (st == ST_OK) {
            model_add(model, &intent);
        }
    }
    assert_int_equal(st, ST_FULL);
    for (uint32_t i = 0; i < 8; i++) { /* and some before it */
        const struct entry *open = model_pending(model, model->count, 0);
        const struct entry outcome = model_outcome(model, open->sequence, VERDICT_DONE);
        assert_int_equal(journal_append(work.terminal, &outcome), ST_OK);
        model_add(model, &outcome);
    }
    assert_true(model_agrees(model, model->count, work.terminal));
    work_end(&work);
}

static void a_disk_that_turns_read_only_stops_selling(void **state)
{
    (void)state;
    struct work work;
    work_begin(&work, 40);
    crash_vfs_read_only(true);
    assert_int_equal(store_ready(work.terminal), ST_IO);
    const struct entry entry = model_start(&work.model);
    assert_int_equal(journal_append(work.terminal, &entry), ST_IO);
    assert_true(state_is_good(&work.model, work.terminal, &work.done, &work.done));
    crash_vfs_read_only(false);
    assert_int_equal(store_ready(work.terminal), ST_OK);
    work_end(&work);
}

/* A disk that acknowledges and forgets: nobody can know at once, but the club does. */
static void a_disk_that_lied_is_found_when_the_club_knows_more(void **state)
{
    (void)state;
    struct work work;
    work_begin(&work, 40);
    crash_vfs_lie(true);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(do_step(&work, ENTRY), ST_OK);
    }
    crash_vfs_reboot(CRASH_POLICY(CRASH_KEEP_SYNCED, 0));
    struct store *store = open_or_fail();
    uint32_t next = 0;
    assert_int_equal(journal_next(store, &next), ST_OK);
    assert_true(next - 1 < work.done.entries);
    assert_int_equal(store_ready(store), ST_OK);
    assert_int_equal(sync_set_acknowledged(store, work.done.entries), ST_CORRUPT);
    assert_int_equal(store_ready(store), ST_CORRUPT);
    work.model.count = next - 1;
    const struct entry entry = model_start(&work.model);
    assert_int_equal(journal_append(store, &entry), ST_CORRUPT);
    store_close(store);
    work_end(&work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_a_run_loses_nothing_acknowledged),
        cmocka_unit_test(a_second_cut_during_recovery_loses_nothing),
        cmocka_unit_test(every_failing_call_is_told_and_leaves_nothing_half),
        cmocka_unit_test(a_failed_append_is_whole_or_absent_after_a_restart),
        cmocka_unit_test(every_failing_read_is_told),
        cmocka_unit_test(a_full_disk_refuses_intents_and_takes_every_outcome),
        cmocka_unit_test(the_last_intent_before_full_gets_its_outcome),
        cmocka_unit_test(a_disk_that_turns_read_only_stops_selling),
        cmocka_unit_test(a_disk_that_lied_is_found_when_the_club_knows_more),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("fault_store", tests, NULL, NULL);
}
