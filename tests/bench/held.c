/* bench-held - the club's waiting actions, as many as a terminal may have to hold.
 *
 *   bench-held fill DATABASE COUNT      adds that many, of scattered cards, one each
 *   bench-held drop DATABASE            takes all away
 *   bench-held measure DATABASE COUNT   fills, measures and drops; prints JSON lines
 *
 * Images and seals are drawn bytes: what is measured here does not look into them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "storage/actions.h"
#include "tests/bench/scattered.h"

enum { LOOKUPS = 100000, BATCHES_MAX = 100000 };

static void check(struct store *store, enum st st, const char *what)
{
    if (st != ST_OK) {
        fprintf(stderr, "bench-held: %s: %s: %s\n", what, st_word(st), store_fault(store)->say);
        exit(1);
    }
}

static void say_times(const char *name, double *us, size_t count)
{
    qsort(us, count, sizeof *us, by_time);
    printf("{\"name\":\"%s\",\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}\n", name, us[count / 2],
           us[count * 99 / 100], us[count - 1]);
}

/* Keeps what it drew, to ask for it again; *took has a time a batch. */
static uint64_t *fill(struct store *store, size_t count, double *took)
{
    static struct club_action batch[CLUB_ACTIONS_MAX];
    uint64_t *cards = calloc(count + 1, sizeof *cards);
    if (cards == NULL) {
        exit(1);
    }
    for (size_t at = 0; at < count; at += CLUB_ACTIONS_MAX) {
        size_t n = 0;
        for (; n < CLUB_ACTIONS_MAX && at + n < count; n++) {
            cards[at + n] = draw_card();
            batch[n] = (struct club_action){.card_number = cards[at + n], .number = 1};
            for (size_t i = 0; i < sizeof batch[n].image; i++) {
                batch[n].image[i] = (uint8_t)draw();
                batch[n].seal[i] = (uint8_t)draw();
            }
        }
        const double begin = now_us();
        check(store, actions_take(store, batch, n), "take");
        took[at / CLUB_ACTIONS_MAX] = now_us() - begin;
        check(store, store_ready(store), "tidy up");
    }
    return cards;
}

static void lookups(struct store *store, const uint64_t *cards, size_t count)
{
    static double took[LOOKUPS];
    struct club_action found[4];
    struct rusage before, after;
    (void)getrusage(RUSAGE_SELF, &before);
    for (size_t n = 0; n < LOOKUPS; n++) {
        const bool is_held = count > 0 && n % 2 == 0;
        const uint64_t card = is_held ? cards[draw() % count] : draw_card();
        size_t rows = 0;
        const double begin = now_us();
        check(store, actions_waiting(store, card, 0, found, 4, &rows), "look up");
        took[n] = now_us() - begin;
        if (is_held && rows == 0) {
            fprintf(stderr, "bench-held: what was put in is not there\n");
            exit(1);
        }
    }
    (void)getrusage(RUSAGE_SELF, &after);
    say_times("lookup", took, LOOKUPS);
    printf("{\"name\":\"memory\",\"grew_kib\":%ld}\n", after.ru_maxrss - before.ru_maxrss);
}

static void measure(struct store *store, const char *path, size_t count)
{
    static double took[BATCHES_MAX];
    struct stat file = {0};
    uint32_t held = 0;
    const double begin = now_us();
    uint64_t *cards = fill(store, count, took);
    const double filled = now_us();
    say_times("take.100", took, (count + CLUB_ACTIONS_MAX - 1) / CLUB_ACTIONS_MAX);
    printf("{\"name\":\"fill\",\"seconds\":%.1f}\n", (filled - begin) / 1e6);
    lookups(store, cards, count);
    const double counting = now_us();
    check(store, actions_count(store, &held), "count");
    printf("{\"name\":\"count\",\"us\":%.0f,\"held\":%" PRIu32 "}\n", now_us() - counting, held);
    (void)stat(path, &file);
    printf("{\"name\":\"bytes\",\"value\":%lld}\n", (long long)file.st_size);
    const double dropping = now_us();
    check(store, actions_drop(store), "drop");
    printf("{\"name\":\"drop\",\"us\":%.0f}\n", now_us() - dropping);
    free(cards);
}

int main(int count, char **arguments)
{
    const char *command = count > 2 ? arguments[1] : "";
    const size_t n = count > 3 ? strtoul(arguments[3], NULL, 10) : 0;
    const struct store_config config = {.path = count > 2 ? arguments[2] : "", .create = true};
    struct store *store = NULL;
    struct fault fault;
    const bool is_drop = strcmp(command, "drop") == 0;
    if (!is_drop && (n == 0 || n > (size_t)BATCHES_MAX * CLUB_ACTIONS_MAX)) {
        fputs("usage: bench-held fill|measure DATABASE COUNT, bench-held drop DATABASE\n", stderr);
        return 2;
    }
    if (store_open(&config, &store, &fault) != ST_OK) {
        fprintf(stderr, "bench-held: %s\n", fault.say);
        return 1;
    }
    if (is_drop) {
        check(store, actions_drop(store), "drop");
    } else if (strcmp(command, "fill") == 0) {
        static double took[BATCHES_MAX];
        free(fill(store, n, took));
    } else {
        measure(store, arguments[2], n);
    }
    store_close(store);
    return 0;
}
