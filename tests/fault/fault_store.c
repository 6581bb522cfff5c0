/* Power cuts and failing disks under the store: every state that the fault model of
 * tests/support/crash_vfs.c knows, over a workload of everything that the store writes. */
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
#include "tests/support/crash_vfs.h"
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

enum step { ENTRY, SETTING, PROGRAMME, ACKNOWLEDGE, READY, STEPS };

/* How far the workload is: what is acknowledged, and what may be in flight. */
struct progress {
    uint32_t entries, setting, programme, acknowledged;
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
    return model_agrees(model, next - 1, store);
}

/* --- distinct states -------------------------------------------------------------------------- */

enum { SEEN_SLOTS = 1 << 20 };
static uint64_t seen[SEEN_SLOTS];

static bool is_new_state(uint64_t fingerprint)
{
    size_t slot = fingerprint % SEEN_SLOTS;
    while (seen[slot] != 0 && seen[slot] != fingerprint) {
        slot = (slot + 1) % SEEN_SLOTS;
    }
    const bool is_new = seen[slot] == 0;
    seen[slot] = fingerprint;
    return is_new;
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- every cut of a recorded run ------------------------------------------------------------- */

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
    const double start = now_s();
    struct run *run = run_record(160, 1);
    const uint64_t calls = crash_vfs_recorded();
    uint32_t states = 0, distinct = 0, at = 0;
    for (uint64_t n = 0; n <= calls; n++) {
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
            if (!is_new_state(crash_vfs_fingerprint() ^ (at * UINT64_C(0x9e3779b97f4a7c15)))) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_a_run_loses_nothing_acknowledged),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("fault_store", tests, NULL, NULL);
}
