/* journal-feed - appends transactions to a terminal's database as if cards had been tapped: for
 * tests and benches that need a journal without a reader. Usage: journal-feed --help
 *
 * Every transaction is one that plan_make() allows under the programme in force, an intent and its
 * outcome done, so the club computes the same and opens no case. Cards are numbered from the
 * terminal's own range and their state comes from the database: it may be run again and goes on. */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/plan.h"
#include "firmware/engine/programme.h"
#include "hal/base/bytes.h"
#include "hal/clock.h"
#include "storage/rules.h"
#include "storage/store.h"

static const char usage[] =
    "usage: journal-feed --db FILE [--count N] [--cards N] [--seed N] [--follow]\n"
    "Appends N transactions (default 1) over N cards (default 10) to an enrolled terminal's\n"
    "database that has a programme. The same seed on the same database gives the same cards,\n"
    "kinds and amounts. --follow: N more for each line on standard input, answered \"ok\". For "
    "many, put FILE on a tmpfs: each append waits for the disk.\n";

struct card {
    uint64_t number;
    bool is_known, is_issued;
    struct snapshot snapshot;
};

struct feed {
    const char *db;
    uint32_t count, cards, seed;
    bool is_following;
    struct store *store;
    struct programme *programme;
    uint32_t terminal;
    uint64_t first_payload, last_payload;
    uint64_t random;
    struct card *card; /* `cards` of them */
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "journal-feed: %s\n", what);
    exit(1);
}

static void check(const struct feed *feed, enum st st)
{
    if (st != ST_OK) {
        fail(feed->store != NULL ? store_fault(feed->store)->say : "no store");
    }
}

/* xorshift64*: the same numbers on every machine. */
static uint64_t next_random(struct feed *feed)
{
    feed->random ^= feed->random >> 12;
    feed->random ^= feed->random << 25;
    feed->random ^= feed->random >> 27;
    return feed->random * UINT64_C(0x2545F4914F6CDD1D) >> 16;
}

static int64_t random_up_to(struct feed *feed, int64_t max)
{
    return max <= 0 ? 0 : (int64_t)(next_random(feed) % ((uint64_t)max + 1));
}

static uint64_t setting_number(struct feed *feed, const char *name)
{
    char text[32];
    if (setting_get(feed->store, name, text, sizeof text) != ST_OK) {
        fail("the database is not an enrolled terminal's");
    }
    return strtoull(text, NULL, 10);
}

static uint64_t card_number(uint64_t payload)
{
    uint64_t number = payload * 10;
    while (!card_number_is_valid(number)) {
        number += 1;
    }
    return number;
}

static void open_all(struct feed *feed)
{
    struct fault fault = {""};
    struct store_config config = {.path = feed->db};
    if (store_open(&config, &feed->store, &fault) != ST_OK) {
        fail(fault.say);
    }
    feed->terminal = (uint32_t)setting_number(feed, "terminal");
    feed->first_payload = setting_number(feed, "cards.first");
    feed->last_payload = setting_number(feed, "cards.last");
    enum st st = rules_load(feed->store, &feed->programme, &fault);
    if (st == ST_REFUSED) {
        fail("the terminal has no programme yet: sync it first");
    }
    if (st != ST_OK) {
        fail(fault.say);
    }
    if (feed->cards > feed->last_payload - feed->first_payload + 1) {
        fail("the terminal has fewer card numbers than that");
    }
    feed->card = calloc(feed->cards, sizeof *feed->card);
    if (feed->card == NULL) {
        fail("no memory");
    }
    for (uint32_t i = 0; i < feed->cards; i += 1) {
        feed->card[i].number = card_number(feed->first_payload + i);
    }
}

static struct card *pick_card(struct feed *feed)
{
    struct card *card = &feed->card[next_random(feed) % feed->cards];
    if (!card->is_known) {
        enum st st = cards_seen(feed->store, card->number, &card->snapshot);
        if (st != ST_OK && st != ST_REFUSED) {
            check(feed, st);
        }
        card->is_known = true;
        card->is_issued = st == ST_OK;
    }
    return card;
}

static struct wish make_wish(struct feed *feed, const struct card *card)
{
    const struct programme *programme = feed->programme;
    if (!card->is_issued) {
        return (struct wish){.kind = TRANSACTION_ACTIVATE,
                             .amount.rials = random_up_to(feed, programme->opening_max.rials)};
    }
    int64_t credit = card->snapshot.purse[PURSE_CREDIT].rials;
    int64_t room = programme->purse_max[PURSE_CREDIT].rials - credit;
    int64_t load_max = room < programme->load_max.rials ? room : programme->load_max.rials;
    if (random_up_to(feed, 2) == 0 && load_max >= programme->load_min.rials) {
        int64_t above = random_up_to(feed, load_max - programme->load_min.rials);
        return (struct wish){.kind = TRANSACTION_LOAD,
                             .amount.rials = programme->load_min.rials + above};
    }
    int64_t sale_max = programme->sale_max.rials < 9999999 ? programme->sale_max.rials : 9999999;
    struct wish wish = {.kind = TRANSACTION_SALE,
                        .amount.rials = 1 + random_up_to(feed, sale_max - 1)};
    wish.pay_credit.rials =
        random_up_to(feed, credit < wish.amount.rials ? credit : wish.amount.rials);
    return wish;
}

static void append(struct feed *feed, const struct card *card, const struct plan *plan,
                   uint32_t sequence, int64_t now_s, enum clock_quality quality)
{
    struct entry entry = {.kind = ENTRY_INTENT,
                          .sequence = sequence,
                          .time_s = now_s,
                          .clock_quality = (uint8_t)quality,
                          .terminal = feed->terminal};
    entry.intent.card_number = card->number;
    entry.intent.family = 1;
    entry.intent.uid_bytes = 4;
    put_le32(entry.intent.uid, (uint32_t)(card->number / 10));
    entry.intent.programme = feed->programme->version;
    entry.intent.has_before = card->is_issued;
    if (card->is_issued) {
        entry.intent.before = card->snapshot;
    }
    entry.intent.after = plan->next;
    entry.intent.parts = plan->parts;
    check(feed, journal_append(feed->store, &entry));

    struct entry outcome = {.kind = ENTRY_OUTCOME,
                            .sequence = sequence + 1,
                            .time_s = now_s,
                            .clock_quality = (uint8_t)quality,
                            .terminal = feed->terminal};
    outcome.outcome.intent_sequence = sequence;
    outcome.outcome.verdict = VERDICT_DONE;
    outcome.outcome.evidence = EVIDENCE_READ_BACK;
    outcome.outcome.card_number = card->number;
    outcome.outcome.counter = plan->next.counter;
    check(feed, journal_append(feed->store, &outcome));
}

static void feed_one(struct feed *feed, uint32_t sequence)
{
    enum clock_quality quality = CLOCK_UNSET;
    int64_t now_s = clock_now_s(&quality);
    struct plan plan;
    struct card *card = pick_card(feed);
    struct plan_input input = {.programme = feed->programme,
                               .history = &card->snapshot,
                               .history_count = card->is_issued ? 1 : 0,
                               .minute = quality == CLOCK_UNSET ? 0 : snapshot_minute(now_s),
                               .terminal = feed->terminal,
                               .sequence = sequence};
    enum st st = ST_REFUSED;
    for (int tries = 0; tries < 100 && st == ST_REFUSED; tries += 1) {
        input.wish = make_wish(feed, card);
        st = plan_make(&input, &plan);
    }
    if (st != ST_OK) {
        fail(plan.why.say);
    }
    append(feed, card, &plan, sequence, now_s, quality);
    card->snapshot = plan.next;
    card->is_issued = true;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"db", required_argument, NULL, 'd'},    {"count", required_argument, NULL, 'n'},
        {"cards", required_argument, NULL, 'c'}, {"seed", required_argument, NULL, 's'},
        {"follow", no_argument, NULL, 'f'},      {NULL, 0, NULL, 0}};
    struct feed feed = {.count = 1, .cards = 10, .seed = 1};
    for (int option = 0; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (option == 'd') {
            feed.db = optarg;
        } else if (option == 'f') {
            feed.is_following = true;
        } else if (option == 'n' || option == 'c' || option == 's') {
            uint32_t *to = option == 'n' ? &feed.count : option == 'c' ? &feed.cards : &feed.seed;
            *to = (uint32_t)strtoul(optarg, NULL, 10);
        } else {
            feed.db = NULL;
            break;
        }
    }
    if (feed.db == NULL || optind != argc || feed.cards == 0) {
        (void)fputs(usage, stderr);
        return 2;
    }
    open_all(&feed);
    uint32_t sequence = 0;
    check(&feed, journal_next(feed.store, &sequence));
    feed.random = (uint64_t)feed.seed << 32 ^ (uint64_t)sequence << 1 ^ 1;
    for (int i = 0; i < 8; i += 1) {
        (void)next_random(&feed); /* a small seed has few bits set at first */
    }
    do {
        if (feed.is_following && getchar() == EOF) { /* each line is one character: its end */
            break;
        }
        for (uint32_t i = 0; i < feed.count; i += 1, sequence += 2) {
            feed_one(&feed, sequence);
        }
        if (feed.is_following && (puts("ok") == EOF || fflush(stdout) != 0)) {
            fail("nobody listens");
        }
    } while (feed.is_following);
    free(feed.card);
    programme_free(feed.programme);
    store_close(feed.store);
    return 0;
}
