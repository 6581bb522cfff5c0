/* bench-hotlist - the hotlist at its full size.
 *
 *   bench-hotlist fill DATABASE CARDS      makes a list of that many cards beside the database
 *   bench-hotlist measure DATABASE CARDS   the same, then measures, and prints JSON lines
 *
 * Deltas are four fifths new cards, one fifth cards taken off. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storage/hotlist.h"
#include "storage/store.h"
#include "tests/bench/scattered.h"

enum { LOOKUPS = 100000, DELTA = 10000, APPENDS = 1500 };

static double now_ms(void)
{
    return now_us() / 1e3;
}

static void check(enum st st, const char *what)
{
    if (st != ST_OK) {
        fprintf(stderr, "bench-hotlist: %s: %s\n", what, st_word(st));
        exit(1);
    }
}

static int by_card(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static uint64_t *draw_cards(size_t count)
{
    uint64_t *cards = calloc(count, sizeof *cards);
    size_t kept = 0;
    if (cards == NULL) {
        exit(1);
    }
    while (kept < count) { /* until no two are the same */
        for (size_t n = kept; n < count; n++) {
            cards[n] = draw_card();
        }
        qsort(cards, count, sizeof *cards, by_card);
        kept = 0;
        for (size_t n = 0; n < count; n++) {
            if (kept == 0 || cards[n] != cards[kept - 1]) {
                cards[kept++] = cards[n];
            }
        }
    }
    return cards;
}

static void fill(struct hotlist *hotlist, const uint64_t *cards, size_t count)
{
    static struct listing_change changes[HOTLIST_CHANGES_MAX];
    struct hotlist_piece piece = {.version = 1, .mark = 1, .cards = changes};
    for (size_t at = 0; at < count; at += piece.count) {
        piece.count = count - at < HOTLIST_CHANGES_MAX ? count - at : HOTLIST_CHANGES_MAX;
        piece.after = at > 0 ? cards[at - 1] : 0;
        piece.is_last = at + piece.count == count;
        for (size_t n = 0; n < piece.count; n++) {
            changes[n] = (struct listing_change){cards[at + n], (uint8_t)(1 + n % 5)};
        }
        check(hotlist_load(hotlist, &piece), "load");
    }
    const struct hotlist_delta fresh = {
        .from = 1, .from_mark = 1, .to = 1, .to_mark = 1, .made_s = (int64_t)time(NULL)};
    check(hotlist_apply(hotlist, &fresh), "note its age");
}

static void lookups(struct hotlist *hotlist, const uint64_t *cards, size_t count)
{
    static double took[LOOKUPS];
    struct rusage before, after;
    (void)getrusage(RUSAGE_SELF, &before);
    for (size_t n = 0; n < LOOKUPS; n++) {
        const bool is_listed = n % 2 == 0;
        const uint64_t card = is_listed ? cards[draw() % count] : draw_card();
        uint8_t listing;
        const double begin = now_us();
        const enum st st = hotlist_find(hotlist, card, &listing);
        took[n] = now_us() - begin;
        if (st != ST_OK && (is_listed || st != ST_REFUSED)) {
            check(st, "find");
        }
    }
    (void)getrusage(RUSAGE_SELF, &after);
    qsort(took, LOOKUPS, sizeof took[0], by_time);
    printf("{\"name\":\"lookup\",\"p50\":%.1f,\"p99\":%.1f,\"max\":%.0f,\"grew_kib\":%ld}\n",
           took[LOOKUPS / 2], took[LOOKUPS / 100 * 99], took[LOOKUPS - 1],
           after.ru_maxrss - before.ru_maxrss);
}

static int by_change(const void *a, const void *b)
{
    const struct listing_change *x = a, *y = b;
    return x->card < y->card ? -1 : x->card > y->card;
}

static double apply(struct hotlist *hotlist, const uint64_t *cards, size_t count, uint32_t from)
{
    static struct listing_change changes[DELTA];
    for (size_t n = 0; n < DELTA; n++) {
        changes[n] = n % 5 == 0 ? (struct listing_change){cards[draw() % count], LISTING_NONE}
                                : (struct listing_change){draw_card(), LISTING_LOST};
    }
    qsort(changes, DELTA, sizeof changes[0], by_change); /* as the club sends them */
    const struct hotlist_delta delta = {.from = from,
                                        .from_mark = from,
                                        .to = from + 1,
                                        .to_mark = from + 1,
                                        .changes = changes,
                                        .count = DELTA};
    const double begin = now_ms();
    check(hotlist_apply(hotlist, &delta), "apply");
    return now_ms() - begin;
}

/* A journal's commits beside it, as a till makes them: what a tap waits for. */
static void appends(const char *database, const char *name)
{
    static double took[APPENDS];
    struct store *store = NULL;
    struct fault fault;
    const struct store_config config = {.path = database, .create = true};
    check(store_open(&config, &store, &fault), fault.say);
    for (size_t n = 0; n < APPENDS; n++) {
        struct entry entry = {.kind = ENTRY_START,
                              .time_s = 1790000000,
                              .terminal = 1,
                              .start = {.firmware = "bench"}};
        const double begin = now_ms();
        check(journal_next(store, &entry.sequence), "next");
        check(journal_append(store, &entry), "append");
        took[n] = now_ms() - begin;
        (void)usleep(1000);
    }
    store_close(store);
    qsort(took, APPENDS, sizeof took[0], by_time);
    printf("{\"name\":\"%s\",\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}\n", name, took[APPENDS / 2],
           took[APPENDS / 100 * 99], took[APPENDS - 1]);
    (void)fflush(stdout);
}

static void measure(struct hotlist *hotlist, const char *database, const uint64_t *cards,
                    size_t count)
{
    char path[4096], text[512] = "";
    struct stat file;
    (void)snprintf(path, sizeof path, "%s" HOTLIST_SUFFIX, database);
    if (stat(path, &file) != 0) {
        exit(1);
    }
    printf("{\"name\":\"bytes\",\"value\":%lld}\n", (long long)file.st_size);
    lookups(hotlist, cards, count);
    appends(database, "append.alone");
    (void)fflush(stdout);
    const pid_t till = fork();
    if (till == 0) {
        appends(database, "append.beside");
        _exit(0);
    }
    double most = 0;
    uint32_t version = 1;
    int state_of_till = 0;
    for (; version < 6 || waitpid(till, &state_of_till, WNOHANG) == 0; version++) {
        const double took = apply(hotlist, cards, count, version);
        most = took > most ? took : most;
        const size_t size = strlen(text);
        (void)snprintf(text + size, sizeof text - size, "%s%.0f", size > 0 ? "," : "", took);
    }
    if (version == 6) {
        (void)waitpid(till, &state_of_till, 0);
    }
    printf("{\"name\":\"delta\",\"worst\":%.0f,\"each\":[%s]}\n", most, text);
    if (state_of_till != 0) {
        exit(1);
    }
}

int main(int argc, char **argv)
{
    const size_t count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    const bool is_measure = argc == 4 && strcmp(argv[1], "measure") == 0;
    if (count < 1 || count > HOTLIST_CARDS_MAX || (!is_measure && strcmp(argv[1], "fill") != 0)) {
        fputs("usage: bench-hotlist fill|measure DATABASE CARDS\n", stderr);
        return 2;
    }
    struct hotlist *hotlist = NULL;
    struct fault fault;
    const struct hotlist_config config = {.database = argv[2], .create = true};
    check(hotlist_open(&config, &hotlist, &fault), fault.say);
    uint64_t *cards = draw_cards(count);
    const double begin = now_ms();
    fill(hotlist, cards, count);
    printf("{\"name\":\"fill\",\"seconds\":%.1f}\n", (now_ms() - begin) / 1e3);
    if (is_measure) {
        sync(); /* what the system still writes of the filling is not the delta's */
        measure(hotlist, argv[2], cards, count);
    }
    free(cards);
    hotlist_close(hotlist);
    return 0;
}
