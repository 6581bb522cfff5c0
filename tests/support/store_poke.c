/* store_poke - works a store from the shell, for tests/e2e/store_bad.sh and for measuring.
 *
 * store_poke fill PATH N        appends drawn entries until there are N, one line "N" per entry
 * store_poke bulk PATH N        the same without the lines
 * store_poke tap PATH CARD      ready, intent, outcome: a line with each status
 * store_poke hold PATH CARD     ready, intent; waits for a line on stdin; outcome
 * store_poke spend PATH         taps until it is refused; prints how many and the refusal
 * store_poke verify PATH        status, entries and the sentence
 * store_poke open PATH          status, milliseconds until open and the sentence
 * store_poke latency PATH N     p50 and p99 of N appends, in microseconds */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/store.h"
#include "tests/support/store_model.h"

enum { CARDS = 1000 };

static double now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static struct store *open_or_exit(const char *path, bool create)
{
    const struct store_config config = {.path = path, .create = create};
    struct store *store = NULL;
    struct fault fault = {{0}};
    const enum st st = store_open(&config, &store, &fault);
    if (st != ST_OK) {
        printf("open %s: %s\n", st_word(st), fault.say);
        exit(1);
    }
    return store;
}

/* A model that knows only how many entries there are. */
static struct model model_of(struct store *store)
{
    struct model model;
    uint32_t next = 0;
    model_init(&model, CARDS, 1);
    if (journal_next(store, &next) == ST_OK) {
        model.count = next - 1;
    }
    return model;
}

static enum st say(const char *what, enum st st, struct store *store)
{
    printf("%s %s%s%s\n", what, st_word(st), st == ST_OK ? "" : ": ",
           st == ST_OK ? "" : store_fault(store)->say);
    fflush(stdout);
    return st;
}

/* Intents and outcomes in turn; some intents stay open. */
static int fill(const char *path, uint32_t n, bool prints)
{
    struct store *store = open_or_exit(path, true);
    struct model model = model_of(store);
    struct entry intent = {0};
    bool is_open = false;
    while (model.count < n) {
        struct entry entry = model_intent(&model, model.count / 2 % CARDS, model.count / 2 + 1);
        if (is_open) {
            entry = intent;
            entry.kind = ENTRY_OUTCOME;
            entry.sequence = model.count + 1;
            entry.outcome = (struct entry_outcome){.intent_sequence = intent.sequence,
                                                   .verdict = VERDICT_DONE,
                                                   .evidence = EVIDENCE_READ_BACK,
                                                   .card_number = intent.intent.card_number,
                                                   .counter = intent.intent.after.counter};
        }
        if (journal_append(store, &entry) != ST_OK || store_ready(store) != ST_OK) {
            puts(store_fault(store)->say);
            return 1;
        }
        is_open = entry.kind == ENTRY_INTENT && entry.sequence % 9 != 0;
        intent = entry;
        model.count++;
        if (prints) {
            printf("%u\n", model.count);
            fflush(stdout);
        }
    }
    store_close(store);
    return 0;
}

static enum st tap(struct store *store, uint32_t card, bool holds, bool prints)
{
    struct model model = model_of(store);
    enum st st = store_ready(store);
    if (prints) {
        (void)say("ready", st, store);
    }
    if (st != ST_OK) {
        return st;
    }
    const struct entry intent = model_intent(&model, card, 1 + model.count);
    const enum st begun = journal_append(store, &intent);
    if (prints) {
        (void)say("intent", begun, store);
    }
    if (begun != ST_OK) {
        puts("a broken promise: ready, and then not");
        return ST_CORRUPT;
    }
    if (holds) {
        (void)getchar();
    }
    struct entry outcome = intent;
    outcome.kind = ENTRY_OUTCOME;
    outcome.sequence++;
    outcome.outcome = (struct entry_outcome){.intent_sequence = intent.sequence,
                                             .verdict = VERDICT_DONE,
                                             .evidence = EVIDENCE_READ_BACK,
                                             .card_number = intent.intent.card_number,
                                             .counter = intent.intent.after.counter};
    st = journal_append(store, &outcome);
    if (prints || st != ST_OK) {
        (void)say("outcome", st, store);
    }
    return st == ST_OK ? ST_OK : ST_CORRUPT;
}

static int spend(const char *path)
{
    struct store *store = open_or_exit(path, true);
    uint32_t taps = 0;
    enum st st = ST_OK;
    while ((st = tap(store, taps % CARDS, false, false)) == ST_OK && taps < 1000000) {
        taps++;
    }
    printf("taps %u, then %s: %s\n", taps, st_word(st), store_fault(store)->say);
    store_close(store);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int latency(const char *path, uint32_t n)
{
    struct store *store = open_or_exit(path, true);
    struct model model = model_of(store);
    double *us = calloc(n, sizeof *us);
    if (us == NULL) {
        return 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct entry entry = model_sighting(&model, i % CARDS, i + 1);
        (void)!store_ready(store);
        const double start = now_us();
        if (journal_append(store, &entry) != ST_OK) {
            puts(store_fault(store)->say);
            return 1;
        }
        us[i] = now_us() - start;
        model.count++;
    }
    qsort(us, n, sizeof *us, compare);
    printf("p50 %.0f us, p99 %.0f us\n", us[n / 2], us[(size_t)n * 99 / 100]);
    free(us);
    store_close(store);
    return 0;
}

static int verify(const char *path)
{
    struct store *store = open_or_exit(path, false);
    struct fault fault = {{0}};
    uint32_t entries = 0;
    const enum st st = journal_verify(store, &entries, &fault);
    printf("verify %s %u %s\n", st_word(st), entries, fault.say);
    store_close(store);
    return st == ST_OK ? 0 : 1;
}

int main(int count, char **arguments)
{
    const char *command = count > 2 ? arguments[1] : "";
    const char *path = count > 2 ? arguments[2] : "";
    const uint32_t n = count > 3 ? (uint32_t)strtoul(arguments[3], NULL, 10) : 0;
    (void)signal(SIGXFSZ, SIG_IGN); /* a file-size limit shall be an error, as on a full disk */
    if (strcmp(command, "fill") == 0 || strcmp(command, "bulk") == 0) {
        return fill(path, n, command[0] == 'f');
    }
    if (strcmp(command, "tap") == 0 || strcmp(command, "hold") == 0) {
        struct store *store = open_or_exit(path, false);
        const enum st st = tap(store, n, command[0] == 'h', true);
        store_close(store);
        return st == ST_OK ? 0 : 1;
    }
    if (strcmp(command, "spend") == 0) {
        return spend(path);
    }
    if (strcmp(command, "verify") == 0) {
        return verify(path);
    }
    if (strcmp(command, "open") == 0) {
        const double start = now_us();
        struct store *store = open_or_exit(path, false);
        printf("open ok %.1f ms\n", (now_us() - start) / 1e3);
        store_close(store);
        return 0;
    }
    if (strcmp(command, "latency") == 0 && n > 0) {
        return latency(path, n);
    }
    (void)fputs("usage: store_poke fill|bulk|tap|hold|spend|verify|open|latency PATH [N]\n",
                stderr);
    return 2;
}
