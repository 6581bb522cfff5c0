/* A dead terminal's journal out of the cards (server/proof.c), cloned and restored cards: against
 * an expectation that is counted here from the model, and a second club that never lost anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/terminal/witness.h"
#include "server/accounts.h"
#include "server/hotlist.h"
#include "server/ledger.h"
#include "server/rebuild.h"
#include "server/registry.h"
#include "server/report.h"
#include "server/schema.h"
#include "tests/bench/posting_model.h"
#include "tests/unit/club_books.h"

enum {
    ROOM = 6000,
    NOW = 1790001000,
    TERMINALS = 5,
    CARDS = 10,
    RING_MIN = 3,
    RING_MAX = 9, /* of a Classic */
    COUNTERS = 400,
    DOUBTS = 600,
};

/* --- clubs --------------------------------------------------------------------------------- */

struct club {
    char dir[32], path[64];
    struct db *db;
    struct ledger *ledger;
    struct wire_sync batch;
    struct ledger_result last;
};

static void club_open(struct club *club)
{
    struct fault fault = {""};
    strcpy(club->dir, "/tmp/vafa-club.XXXXXX");
    assert_non_null(mkdtemp(club->dir));
    (void)snprintf(club->path, sizeof club->path, "%s/club.db", club->dir);
    assert_int_equal(db_open(club->path, true, &club->db, &fault), ST_OK);
    assert_int_equal(schema_make(club->db, &fault), ST_OK);
    assert_int_equal(ledger_open(club->db, &club->ledger), ST_OK);
    assert_int_equal(registry_programme_put(club->db, 1, model_programme, "", NOW, &fault), ST_OK);
    for (uint32_t i = 0; i < TERMINALS; i++) {
        uint32_t number = 0;
        assert_int_equal(
            registry_add_terminal(club->db, i % 2 == 0 ? "Refah" : "Ofogh", "Tajrish", &number),
            ST_OK);
        assert_int_equal(number, i + 1);
    }
}

static void club_close(struct club *club)
{
    static const char *const files[] = {"club.db", "club.db-wal", "club.db-shm"};
    char name[80];
    ledger_close(club->ledger);
    db_close(club->db);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", club->dir, files[i]);
        (void)unlink(name);
    }
    (void)rmdir(club->dir);
}

static void sync_to(struct club *club, const struct model_terminal *terminal, uint32_t *sent,
                    uint32_t count)
{
    struct fault fault = {""};
    while (count > 0) {
        const uint32_t now = count < 500 ? count : 500;
        model_batch(terminal, *sent, now, &club->batch);
        assert_int_equal(ledger_take(club->ledger, &club->batch, NOW, &club->last, &fault), ST_OK);
        assert_int_equal(club->last.answer, LEDGER_TAKEN);
        *sent += now;
        count -= now;
    }
}

/* One text: rows by '\n'. The caller frees it. */
static char *sql_text(struct club *club, const char *sql)
{
    return books_text(club->path, sql);
}

static int64_t sql_number(struct club *club, const char *sql)
{
    return books_number(club->path, sql);
}

static const char sql_books[] =
    "SELECT group_concat(x, char(10)) FROM (SELECT merch || ' day ' || day || ' book ' || purse || "
    "' account ' || acct || ': ' || sum(n) || ' x ' || sum(amount) AS x FROM jrn GROUP BY merch, "
    "day, "
    "purse, acct HAVING sum(n) <> 0 OR sum(amount) <> 0 ORDER BY merch, day, purse, acct)";
static const char sql_cards[] =
    "SELECT group_concat(x, char(10)) FROM (SELECT card_no || ': ' || hi || ' ' || top || ' ' || "
    "cnt "
    "|| ' ' || b0 || ' ' || b1 || ' ' || b2 || ' ' || b3 || ' ' || hex(image) AS x FROM card "
    "ORDER BY card_no)";
static const char sql_transactions[] =
    "SELECT group_concat(x, char(10)) FROM (SELECT card_no || ' ' || card_ctr || ' ' || term_id || "
    "' ' "
    "|| term_seq || ' ' || op || ' ' || amount || ' ' || d0 || ' ' || d1 || ' ' || prog || ' ' || "
    "ts "
    "|| ' ' || hex(digest) AS x FROM txn ORDER BY card_no, card_ctr)";

static void assert_same(struct club *a, struct club *b, const char *sql)
{
    char *x = sql_text(a, sql), *y = sql_text(b, sql);
    assert_string_equal(x, y);
    free(x);
    free(y);
}

static void assert_zero_sum(struct club *club)
{
    bool balanced = false;
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    assert_int_equal(report_write(club->db, true, null, &balanced), ST_OK);
    (void)fclose(null);
    assert_true(balanced);
    books_assert_zero_sum(club->path);
}

static void assert_no_case(struct club *club)
{
    char *say = sql_text(club, "SELECT group_concat(why || ': ' || say, char(10)) FROM tcase");
    assert_string_equal(say, "");
    free(say);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM hotlist"), 0);
}

/* --- the world ----------------------------------------------------------------------------- */

struct doubt {
    int t;
    struct entry intent;
    bool is_written;
};

/* known[card][counter]: some journal that has reached the club, or will, shows that snapshot. */
struct world {
    struct club club;
    struct programme *programme;
    struct model_terminal terminals[TERMINALS];
    struct witness witness[TERMINALS];
    uint32_t seen[TERMINALS][CARDS], sent[TERMINALS];
    bool is_dead[TERMINALS];
    struct model_card cards[CARDS];
    struct doubt doubts[DOUBTS];
    size_t doubt_count;
    unsigned seed, ring; /* what cards of this world keep */
};

static unsigned draw(struct world *world, unsigned below)
{
    return (unsigned)rand_r(&world->seed) % below;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct fault fault = {""};
    assert_non_null(world);
    club_open(&world->club);
    assert_int_equal(
        programme_load(model_programme, strlen(model_programme), &world->programme, &fault), ST_OK);
    for (uint32_t t = 0; t < TERMINALS; t++) {
        model_terminal_init(&world->terminals[t], t + 1, ROOM);
    }
    for (uint64_t c = 0; c < CARDS; c++) {
        world->cards[c].number = model_number(c);
    }
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    for (int t = 0; t < TERMINALS; t++) {
        model_terminal_finish(&world->terminals[t]);
    }
    programme_free(world->programme);
    club_close(&world->club);
    free(world);
    return 0;
}

static void world_again(struct world *world)
{
    void *state = world;
    (void)teardown(&state);
}

static bool is_possible(struct world *world, int t, const struct model_card *card,
                        const struct wish *wish)
{
    struct plan plan;
    const struct plan_input input = {.programme = world->programme,
                                     .history = card->history,
                                     .history_count =
                                         card->count < world->ring ? card->count : world->ring,
                                     .wish = *wish,
                                     .minute = 1,
                                     .terminal = (uint32_t)t + 1,
                                     .sequence = 1};
    return plan_make(&input, &plan) == ST_OK;
}

/* Something that the card allows. */
static struct wish draw_wish(struct world *world, int t, const struct model_card *card)
{
    for (int i = 0; i < 8; i++) {
        struct wish wish = {.kind = TRANSACTION_SALE,
                            .amount = {60000 + draw(world, 3000000)},
                            .pay_credit = {draw(world, 2) * (1000 + draw(world, 50000))},
                            .redeem = {draw(world, 3) == 0 ? draw(world, 12) : 0}};
        if (draw(world, 3) == 0) {
            const struct snapshot *past = &card->history[draw(
                world, (unsigned)(card->count < world->ring ? card->count : world->ring))];
            wish = (struct wish){.kind = past->last.kind == TRANSACTION_LOAD ? TRANSACTION_UNLOAD
                                                                             : TRANSACTION_REFUND,
                                 .amount = {draw(world, 2) * draw(world, 60000)},
                                 .refers_counter = past->counter};
        }
        if (is_possible(world, t, card, &wish)) {
            return wish;
        }
    }
    return (struct wish){.kind = TRANSACTION_LOAD, .amount = {100000 + draw(world, 100000)}};
}

static void append_sighting(struct world *world, int t, struct entry *entry)
{
    struct model_terminal *terminal = &world->terminals[t];
    entry->sequence = terminal->count + 1;
    entry->terminal = terminal->number;
    entry->time_s = NOW;
    entry->clock_quality = 2;
    model_append(terminal, entry);
}

/* What the terminal does when the shopper was told; `leaves`: the card is gone already. */
static void witness(struct world *world, int t, int c, bool leaves)
{
    struct model_card *card = &world->cards[c];
    struct witness *witness = &world->witness[t];
    struct entry entries[CARD_HISTORY_MAX];
    const struct card_view view = {.family = CARD_CLASSIC,
                                   .condition = CARD_MEMBER,
                                   .uid = {(uint8_t)card->number},
                                   .uid_bytes = 4,
                                   .number = card->number};
    const uint32_t noted = world->seen[t][c], own = (uint32_t)t + 1;
    size_t count = witness_wants(witness, &card->history[0], noted, own);
    if (count == 0) {
        witness_end(witness, true, 0, 0);
        return;
    }
    count = count < card->count ? count : card->count;
    count = count < world->ring ? count : world->ring;
    size_t want = count;
    if (leaves) {
        count = draw(world, (unsigned)count + 1);
    }
    if (count > 0) {
        uint32_t low = card->history[count - 1].counter;
        size_t read = count;
        count = witness_make(witness, &view, card->history, count, noted, own, entries);
        for (size_t i = 0; i < count; i++) {
            append_sighting(world, t, &entries[i]);
        }
        world->seen[t][c] = card->history[0].counter;
        witness_end(witness, read == want, low, card->history[0].counter);
    } else {
        witness_end(witness, false, 0, 0);
    }
}

/* The terminal knows better than the card: it refuses it, and says so. No honest card does that. */
static bool refuses(struct world *world, int t, int c)
{
    const struct model_card *card = &world->cards[c];
    if (card->count == 0 || world->seen[t][c] <= card->history[0].counter) {
        return false;
    }
    struct entry entry = {.kind = ENTRY_SIGHTING,
                          .sighting = {.card_number = card->number,
                                       .family = 1,
                                       .uid_bytes = 4,
                                       .uid = {(uint8_t)card->number},
                                       .shown = SHOWN_BACK,
                                       .snapshot = card->history[0]}};
    append_sighting(world, t, &entry);
    return true;
}

static void balance(struct world *world, int t, int c, bool leaves)
{
    struct model_card *card = &world->cards[c];
    if (refuses(world, t, c)) {
        return;
    }
    witness_begin(&world->witness[t]);
    witness_look(&world->witness[t], card->number, world->seen[t][c]);
    if (card->history[0].counter > world->seen[t][c]) {
        model_sighting(&world->terminals[t], card);
        world->seen[t][c] = card->history[0].counter;
    }
    witness(world, t, c, leaves);
}

static void tap(struct world *world, int t, int c)
{
    struct model_card *card = &world->cards[c];
    struct model_terminal *terminal = &world->terminals[t];
    if (refuses(world, t, c)) {
        return;
    }
    if (card->count > 0 && draw(world, 6) == 0) {
        balance(world, t, c, draw(world, 5) == 0);
        return;
    }
    const struct wish wish = card->count == 0 ? (struct wish){.kind = TRANSACTION_ACTIVATE,
                                                              .amount = {draw(world, 2) * 500000}}
                                              : draw_wish(world, t, card);
    witness_begin(&world->witness[t]);
    witness_look(&world->witness[t], card->number, world->seen[t][c]);
    if (draw(world, 5) == 0) { /* cut: nobody knows yet whether the card was written */
        struct doubt *doubt = &world->doubts[world->doubt_count++];
        *doubt = (struct doubt){.t = t, .is_written = draw(world, 4) != 0};
        (void)model_intent(terminal, card, world->programme, wish, &doubt->intent);
        if (doubt->is_written) {
            model_write(card, &doubt->intent);
        }
        return;
    }
    (void)model_tap(terminal, card, world->programme, wish);
    world->seen[t][c] = card->history[0].counter;
    witness(world, t, c, draw(world, 5) == 0);
}

static void settle(struct world *world, size_t i)
{
    const struct doubt doubt = world->doubts[i];
    world->doubts[i] = world->doubts[--world->doubt_count];
    if (!world->is_dead[doubt.t]) {
        model_outcome(&world->terminals[doubt.t], &doubt.intent,
                      doubt.is_written ? VERDICT_DONE : VERDICT_NOT_DONE);
    }
}

static void sync_some(struct world *world, int t)
{
    const uint32_t left = world->terminals[t].count - world->sent[t];
    if (left > 0) {
        sync_to(&world->club, &world->terminals[t], &world->sent[t], 1 + draw(world, left));
    }
}

static void work(struct world *world, int taps)
{
    for (int i = 0; i < taps; i++) {
        int t = (int)draw(world, TERMINALS);
        while (world->is_dead[t]) {
            t = (t + 1) % TERMINALS;
        }
        tap(world, t, (int)draw(world, CARDS));
        if (world->doubt_count > 0 && draw(world, 3) == 0) {
            settle(world, draw(world, (unsigned)world->doubt_count));
        }
        if (draw(world, 12) == 0) {
            sync_some(world, t);
        }
    }
}

/* Every card is met once more by a terminal that lives, and those send all they have. */
static void gather(struct world *world)
{
    while (world->doubt_count > 0) {
        settle(world, 0);
    }
    for (int c = 0; c < CARDS; c++) {
        int t = (int)draw(world, TERMINALS);
        while (world->is_dead[t]) {
            t = (t + 1) % TERMINALS;
        }
        if (world->cards[c].count > 0) {
            balance(world, t, c, false);
        }
    }
    for (int round = 0; round < 3; round++) {
        for (int t = 0; t < TERMINALS; t++) {
            if (!world->is_dead[t]) {
                sync_some(world, t);
            }
        }
    }
    for (int t = 0; t < TERMINALS; t++) {
        if (!world->is_dead[t]) {
            sync_to(&world->club, &world->terminals[t], &world->sent[t],
                    world->terminals[t].count - world->sent[t]);
        }
    }
}

/* --- what must come back, counted from the journals --------------------------------------------
 */

struct expected {
    bool is_there[CARDS][COUNTERS]; /* the card carries it: every one does, up to its newest */
    bool is_known[CARDS][COUNTERS]; /* its snapshot has reached the club */
    bool is_sent[CARDS][COUNTERS];  /* its intent has */
};

static int card_of(const struct world *world, uint64_t number)
{
    for (int c = 0; c < CARDS; c++) {
        if (world->cards[c].number == number) {
            return c;
        }
    }
    fail_msg("a card from nowhere");
    return 0;
}

static bool is_final(const struct world *world, int c, const struct snapshot *after)
{
    const struct snapshot *newest = &world->cards[c].history[0];
    if (after->counter > newest->counter) {
        return false;
    }
    for (size_t i = 0; i < world->cards[c].count; i++) {
        const struct snapshot *at = &world->cards[c].history[i];
        if (at->counter == after->counter) {
            return at->last.terminal == after->last.terminal &&
                   at->last.sequence == after->last.sequence;
        }
    }
    return true; /* older than the model's memory */
}

static void expect(const struct world *world, struct expected *ret)
{
    memset(ret, 0, sizeof *ret);
    for (int t = 0; t < TERMINALS; t++) {
        for (uint32_t n = 0; n < world->sent[t]; n++) {
            const struct wire_entry *raw = &world->terminals[t].entries[n];
            struct entry entry;
            assert_int_equal(entry_decode(raw->bytes, raw->size, &entry), ST_OK);
            if (entry.kind == ENTRY_SIGHTING) {
                ret->is_known[card_of(world, entry.sighting.card_number)]
                             [entry.sighting.snapshot.counter] = true;
            } else if (entry.kind == ENTRY_INTENT) {
                const int c = card_of(world, entry.intent.card_number);
                if (entry.intent.has_before) {
                    ret->is_known[c][entry.intent.before.counter] = true;
                }
            } else if (entry.kind == ENTRY_OUTCOME && entry.outcome.verdict == VERDICT_DONE) {
                const int c = card_of(world, entry.outcome.card_number);
                ret->is_known[c][entry.outcome.counter] = true;
                ret->is_sent[c][entry.outcome.counter] = true;
            }
        }
    }
}

/* Whether (card, counter) must be posted now: its own terminal sent it, or the cards show it and
 * the one before it. An intent that was sent without an outcome is posted once it is seen. */
static bool must_be_posted(const struct world *world, const struct expected *expected, int c,
                           uint32_t counter, const bool sent_intent[COUNTERS])
{
    (void)world;
    return expected->is_sent[c][counter] ||
           (expected->is_known[c][counter] &&
            (sent_intent[counter] || counter == 1 || expected->is_known[c][counter - 1]));
}

static void find_sent_intents(const struct world *world, int c, bool ret[COUNTERS])
{
    memset(ret, 0, COUNTERS * sizeof ret[0]);
    for (int t = 0; t < TERMINALS; t++) {
        for (uint32_t n = 0; n < world->sent[t]; n++) {
            const struct wire_entry *raw = &world->terminals[t].entries[n];
            struct entry entry;
            assert_int_equal(entry_decode(raw->bytes, raw->size, &entry), ST_OK);
            if (entry.kind == ENTRY_INTENT && entry.intent.card_number == world->cards[c].number &&
                is_final(world, c, &entry.intent.after)) {
                ret[entry.intent.after.counter] = true;
            }
        }
    }
}

/* Compares what is posted with what must be. Returns how many of the cards' transactions are not.
 */
static int assert_posted(struct world *world)
{
    static struct expected expected;
    int lost = 0;
    expect(world, &expected);
    for (int c = 0; c < CARDS; c++) {
        bool sent[COUNTERS];
        find_sent_intents(world, c, sent);
        for (uint32_t n = 1; n <= world->cards[c].history[0].counter; n++) {
            char sql[128];
            (void)snprintf(sql, sizeof sql,
                           "SELECT count(*) FROM txn WHERE card_no = %llu AND card_ctr = %u",
                           (unsigned long long)world->cards[c].number, n);
            const bool is = sql_number(&world->club, sql) == 1;
            assert_int_equal(is, must_be_posted(world, &expected, c, n, sent));
            lost += !is;
        }
    }
    return lost;
}

/* --- honest shops, dead terminals --------------------------------------------------------------
 */

static void die(struct world *world, int t)
{
    world->is_dead[t] = true;
    for (size_t i = world->doubt_count; i-- > 0;) {
        if (world->doubts[i].t == t) {
            world->doubts[i] = world->doubts[--world->doubt_count];
        }
    }
}

static void declare_dead(struct world *world, int t)
{
    struct fault fault = {""};
    uint32_t posted = 0;
    assert_int_equal(rebuild_dead(world->club.ledger, (uint32_t)t + 1, NOW, &posted, &fault),
                     ST_OK);
    assert_int_equal(rebuild_dead(world->club.ledger, (uint32_t)t + 1, NOW, &posted, &fault),
                     ST_OK);
    assert_int_equal(posted, 0);
}

static void bring_back(struct world *world, int t)
{
    struct fault fault = {""};
    assert_int_equal(rebuild_back(world->club.ledger, (uint32_t)t + 1, NOW, &fault), ST_OK);
    world->is_dead[t] = false;
    sync_to(&world->club, &world->terminals[t], &world->sent[t],
            world->terminals[t].count - world->sent[t]);
}

/* A club to which nothing happened: every journal, whole, one terminal after the other. */
static void sync_all_to(struct world *world, struct club *club)
{
    for (int t = 0; t < TERMINALS; t++) {
        uint32_t sent = 0;
        sync_to(club, &world->terminals[t], &sent, world->terminals[t].count);
    }
}

/* Returns how many transactions could not come back from the cards, and how many did. */
static int one_history(struct world *world, unsigned seed, int64_t *ret_recovered)
{
    struct club peace = {.db = NULL};
    world->seed = seed;
    world->ring = seed % 2 == 0 ? RING_MAX : RING_MIN + draw(world, RING_MAX - RING_MIN);
    for (int c = 0; c < CARDS; c++) { /* no card is in doubt before it has a number */
        (void)model_tap(&world->terminals[c % TERMINALS], &world->cards[c], world->programme,
                        (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {500000}});
        world->seen[c % TERMINALS][c] = 1;
    }
    work(world, 150);
    const int first = (int)draw(world, TERMINALS), second = (first + 2) % TERMINALS;
    die(world, first);
    work(world, (int)draw(world, 30));
    if (draw(world, 2) == 0) {
        declare_dead(world, first); /* early: the cards come afterwards */
    }
    die(world, second);
    work(world, 60);
    declare_dead(world, second);
    gather(world);
    declare_dead(world, first);
    assert_no_case(&world->club);
    assert_zero_sum(&world->club);
    const int lost = assert_posted(world);
    *ret_recovered = sql_number(&world->club, "SELECT count(*) FROM proof");

    club_open(&peace);
    sync_all_to(world, &peace);
    if (lost == 0) {
        assert_same(&world->club, &peace, sql_books);
        assert_same(&world->club, &peace, sql_cards);
    }
    bring_back(world, first);
    bring_back(world, second);
    assert_no_case(&world->club);
    assert_zero_sum(&world->club);
    assert_int_equal(sql_number(&world->club, "SELECT count(*) FROM proof"), 0);
    assert_same(&world->club, &peace, sql_books);
    assert_same(&world->club, &peace, sql_cards);
    assert_same(&world->club, &peace, sql_transactions);
    club_close(&peace);
    return lost;
}

static void rebuild_is_what_the_cards_show_and_all_once_the_terminals_come_back(void **state)
{
    enum { HISTORIES = 12 };
    int whole = 0, lost = 0;
    int64_t recovered = 0, all = 0;
    (void)state;
    for (unsigned seed = 1; seed <= HISTORIES; seed++) {
        void *world = NULL;
        assert_int_equal(setup(&world), 0);
        const int missing = one_history(world, 4711 + seed, &recovered);
        all += recovered;
        whole += missing == 0;
        lost += missing;
        world_again(world);
    }
    print_message("%lld transactions came back from cards, %d did not; %d of %d histories whole\n",
                  (long long)all, lost, whole, HISTORIES);
    assert_true(whole > 0 && whole < HISTORIES && all > HISTORIES);
}

/* --- clones ---------------------------------------------------------------------------------- */

static void swap(struct model_card *a, struct model_card *b)
{
    const struct model_card c = *a;
    *a = *b;
    *b = c;
}

/* Books of every batch sum to zero, clones or not. */
static void assert_batches_balance(struct club *club)
{
    bool balanced = false;
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    assert_int_equal(report_write(club->db, true, null, &balanced), ST_OK);
    (void)fclose(null);
    assert_true(balanced);
}

/* Copies of some cards go about among honest ones. Once all histories have arrived, the list holds
 * each card that was forked, and no other. Returns how many were. */
static int cloned_world(struct world *world, unsigned seed)
{
    enum { CLONED = 3 };
    struct model_card clones[CLONED];
    int forked = 0;
    world->seed = seed;
    world->ring = RING_MAX;
    for (int c = 0; c < CARDS; c++) {
        (void)model_tap(&world->terminals[c % TERMINALS], &world->cards[c], world->programme,
                        (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {500000}});
        world->seen[c % TERMINALS][c] = 1;
    }
    work(world, 60);
    while (world->doubt_count > 0) { /* a card that is copied in doubt may carry either */
        settle(world, 0);
    }
    memcpy(clones, world->cards, sizeof clones);
    for (int i = 0; i < 40; i++) {
        const int c = (int)draw(world, CLONED);
        swap(&world->cards[c], &clones[c]);
        tap(world, (int)draw(world, TERMINALS), c);
        swap(&world->cards[c], &clones[c]);
        work(world, 3);
    }
    gather(world);
    for (int c = 0; c < CARDS; c++) {
        char sql[128];
        const bool is_forked =
            c < CLONED && memcmp(&clones[c].history[0], &world->cards[c].history[0],
                                 sizeof clones[c].history[0]) != 0;
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM hotlist WHERE card_no = %llu",
                       (unsigned long long)world->cards[c].number);
        assert_int_equal(sql_number(&world->club, sql), is_forked);
        forked += is_forked;
    }
    assert_int_equal(sql_number(&world->club, "SELECT count(*) FROM tcase WHERE why = 'denied' OR "
                                              "why = 'proof' OR why = 'conservation'"),
                     0);
    assert_batches_balance(&world->club);
    return forked;
}

static void clones_are_found_and_no_honest_card_is(void **state)
{
    int forked = 0;
    (void)state;
    for (unsigned seed = 1; seed <= 6; seed++) {
        void *world = NULL;
        assert_int_equal(setup(&world), 0);
        forked += cloned_world(world, 977 + seed);
        world_again(world);
    }
    print_message("%d forked cards, all listed\n", forked);
    assert_true(forked > 6);
}

/* --- one thing at a time --------------------------------------------------------------------- */

static struct wish load(int64_t amount)
{
    return (struct wish){.kind = TRANSACTION_LOAD, .amount = {amount}};
}

static struct wish sale(int64_t amount, int64_t pay_credit)
{
    return (struct wish){.kind = TRANSACTION_SALE, .amount = {amount}, .pay_credit = {pay_credit}};
}

static void activate(struct world *world, int t, int c, int64_t opening)
{
    (void)model_tap(&world->terminals[t], &world->cards[c], world->programme,
                    (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {opening}});
}

static void sync_terminal(struct world *world, int t)
{
    sync_to(&world->club, &world->terminals[t], &world->sent[t],
            world->terminals[t].count - world->sent[t]);
}

static void see(struct world *world, int t, int c, size_t back, enum entry_shown shown)
{
    struct model_card *card = &world->cards[c];
    struct entry entry = {.kind = ENTRY_SIGHTING,
                          .sighting = {.card_number = card->number,
                                       .family = 1,
                                       .uid_bytes = 4,
                                       .uid = {(uint8_t)card->number},
                                       .shown = (uint8_t)shown,
                                       .snapshot = card->history[back]}};
    append_sighting(world, t, &entry);
}

static int64_t account(struct club *club, int merchant, int book, int number)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(sum(amount), 0) FROM jrn WHERE merch = %d AND purse = %d AND "
                   "acct = %d",
                   merchant, book, number);
    return sql_number(club, sql);
}

static int64_t cases_of(struct club *club, const char *why)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM tcase WHERE why = '%s'", why);
    return sql_number(club, sql);
}

static void clone_is_listed_and_its_sales_are_the_clubs_loss(void **state)
{
    struct world *world = *state;
    struct club *club = &world->club;
    activate(world, 0, 0, 500000);
    struct model_card clone = world->cards[0];
    (void)model_tap(&world->terminals[0], &world->cards[0], world->programme, sale(90000, 70000));
    (void)model_tap(&world->terminals[1], &clone, world->programme, sale(3000000, 200000));
    (void)model_tap(&world->terminals[1], &clone, world->programme, load(100000));
    sync_terminal(world, 0);
    assert_no_case(club);
    sync_terminal(world, 1);
    /* Its sale has the counter of another one; its load goes on from that sale. */
    assert_int_equal(cases_of(club, "clone"), 2);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM tcase WHERE length(other) = 40"), 2);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM txn"), 2);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM rec WHERE fate = 4"), 2);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM hotlist WHERE reason = 4"), 1);
    /* Ofogh is paid for 200,000 and owes 100,000 that it took; 30 points; the rest is a loss. */
    assert_int_equal(account(club, 2, 1, ACCOUNT_OWED), 200000);
    assert_int_equal(account(club, 2, 1, ACCOUNT_TAKEN), -100000);
    assert_int_equal(account(club, 2, 0, ACCOUNT_ISSUED), -30);
    assert_int_equal(account(club, 2, 1, ACCOUNT_CLONED), -100000);
    assert_int_equal(account(club, 2, 0, ACCOUNT_CLONED), 30);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 430000);
    assert_zero_sum(club);
    /* A person takes it off the list; the same entries again do not put it back. */
    struct fault fault = {""};
    bool changed = false;
    assert_int_equal(hotlist_set(club->db, clone.number, LISTING_NONE, NOW, &changed, &fault),
                     ST_OK);
    world->sent[1] = 0;
    sync_terminal(world, 1);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM hotlist"), 0);
    assert_int_equal(cases_of(club, "clone"), 2);
    assert_int_equal(account(club, 2, 1, ACCOUNT_CLONED), -100000);
}

static void clone_on_the_list_for_another_reason_keeps_it(void **state)
{
    struct world *world = *state;
    struct fault fault = {""};
    bool changed = false;
    activate(world, 0, 0, 500000);
    struct model_card clone = world->cards[0];
    (void)model_tap(&world->terminals[0], &world->cards[0], world->programme, load(100000));
    (void)model_tap(&world->terminals[1], &clone, world->programme, load(200000));
    assert_int_equal(
        hotlist_set(world->club.db, clone.number, LISTING_STOLEN, NOW, &changed, &fault), ST_OK);
    sync_terminal(world, 0);
    sync_terminal(world, 1);
    assert_int_equal(cases_of(&world->club, "clone"), 1);
    assert_int_equal(sql_number(&world->club, "SELECT reason FROM hotlist"), LISTING_STOLEN);
}

static void restored_card_is_listed_and_an_older_snapshot_is_not(void **state)
{
    struct world *world = *state;
    activate(world, 0, 0, 500000);
    (void)model_tap(&world->terminals[0], &world->cards[0], world->programme, load(100000));
    see(world, 1, 0, 0, SHOWN_NEWEST);
    see(world, 1, 0, 1, SHOWN_OLDER);
    sync_terminal(world, 1);
    sync_terminal(world, 0);
    assert_no_case(&world->club);
    see(world, 1, 0, 1, SHOWN_BACK);
    sync_terminal(world, 1);
    assert_int_equal(cases_of(&world->club, "restored"), 1);
    assert_int_equal(sql_number(&world->club, "SELECT count(*) FROM hotlist WHERE reason = 4"), 1);
    assert_zero_sum(&world->club);
}

static void entry_that_its_terminal_denies_is_a_case(void **state)
{
    struct world *world = *state;
    activate(world, 0, 0, 500000);
    (void)model_tap(&world->terminals[0], &world->cards[0], world->programme, load(100000));
    sync_terminal(world, 0);
    world->cards[1] = (struct model_card){.number = model_number(1)};
    world->cards[1].history[0] = world->cards[0].history[0];
    see(world, 1, 1, 0, SHOWN_NEWEST); /* card 1 claims what terminal 1 did to card 0 */
    sync_terminal(world, 1);
    assert_int_equal(cases_of(&world->club, "denied"), 1);
    declare_dead(world, 0);
    assert_int_equal(sql_number(&world->club, "SELECT count(*) FROM proof"), 0);
}

/* Payment and cashback in one sale: the card tells their difference only. */
static void parts_that_the_card_cannot_tell_wait_as_recovered(void **state)
{
    static const char extra[] =
        "{\"id\":\"cash\",\"when\":true,\"do\":{\"cashback\":{\"percent\":10}}},";
    struct world *world = *state;
    struct club *club = &world->club;
    struct fault fault = {""};
    char text[4096];
    const char *modules = strstr(model_programme, "\"credit\"],"),
               *rules = strstr(modules, "\"rules\":[");
    (void)snprintf(text, sizeof text, "%.*s\"credit\",\"cashback\"],%.*s\"rules\":[%s%s",
                   (int)(modules - model_programme), model_programme, (int)(rules - modules - 10),
                   modules + 10, extra, rules + 9);
    char *version = strstr(text, "\"version\":1");
    version[10] = '2';
    programme_free(world->programme);
    assert_int_equal(programme_load(text, strlen(text), &world->programme, &fault), ST_OK);
    assert_int_equal(registry_programme_put(club->db, 2, text, "", NOW, &fault), ST_OK);

    activate(world, 1, 0, 500000);
    (void)model_tap(&world->terminals[0], &world->cards[0], world->programme, sale(1000000, 30000));
    see(world, 1, 0, 0, SHOWN_NEWEST);
    sync_terminal(world, 1);
    declare_dead(world, 0);
    /* 30,000 paid, 100,000 given: 70,000 more on the card. */
    assert_int_equal(account(club, 1, 1, ACCOUNT_RECOVERED), -70000);
    assert_int_equal(account(club, 1, 0, ACCOUNT_ISSUED), -10);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 570000);
    assert_no_case(club);
    assert_zero_sum(club);
    bring_back(world, 0);
    assert_int_equal(account(club, 1, 1, ACCOUNT_RECOVERED), 0);
    assert_int_equal(account(club, 1, 1, ACCOUNT_OWED), 30000);
    assert_int_equal(account(club, 1, 1, ACCOUNT_CASHBACK), -100000);
    assert_int_equal(account(club, 1, 0, ACCOUNT_ISSUED), -10);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 570000);
    assert_no_case(club);
    assert_zero_sum(club);
}

/* The terminal comes back with another journal than its cards tell of. */
static void other_entry_than_the_card_showed_is_a_case_and_the_card_is_believed(void **state)
{
    struct world *world = *state;
    struct club *club = &world->club;
    activate(world, 1, 0, 500000);
    struct model_card as_it_was = world->cards[0];
    (void)model_tap(&world->terminals[0], &world->cards[0], world->programme, load(100000));
    see(world, 1, 0, 0, SHOWN_NEWEST);
    sync_terminal(world, 1);
    declare_dead(world, 0);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 600000);
    /* Its database was an older copy, and it went on from there: another load, and another card. */
    world->terminals[0].count = 0;
    (void)model_tap(&world->terminals[0], &as_it_was, world->programme, load(300000));
    bring_back(world, 0);
    assert_int_equal(cases_of(club, "clone"), 1);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 600000);
    assert_int_equal(account(club, 1, 1, ACCOUNT_TAKEN), -100000 - 300000);
    assert_int_equal(account(club, 1, 1, ACCOUNT_CLONED), 300000);
    assert_zero_sum(club);
}

static void other_card_under_a_number_that_was_posted_is_a_case(void **state)
{
    struct world *world = *state;
    struct club *club = &world->club;
    activate(world, 1, 0, 500000);
    activate(world, 1, 1, 0);
    (void)model_tap(&world->terminals[0], &world->cards[0], world->programme, load(100000));
    see(world, 1, 0, 0, SHOWN_NEWEST);
    sync_terminal(world, 1);
    declare_dead(world, 0);
    world->terminals[0].count = 0;
    (void)model_tap(&world->terminals[0], &world->cards[1], world->programme, load(300000));
    bring_back(world, 0);
    assert_int_equal(cases_of(club, "proof"), 1);
    assert_int_equal(sql_number(club, "SELECT sum(b1) FROM card"), 600000 + 300000);
    assert_zero_sum(club);
}

/* Numbers by hand: terminal 1 has sent 2 of 14 entries. Cards name 3, 5 and 11. */
static void gap_report_says_what_came_back_and_what_did_not(void **state)
{
    struct world *world = *state;
    struct model_terminal *dead = &world->terminals[0];
    struct fault fault = {""};
    activate(world, 0, 0, 0); /* 1, 2 */
    sync_terminal(world, 0);
    activate(world, 1, 1, 0);
    (void)model_tap(dead, &world->cards[0], world->programme, load(100000)); /* 3, 4 */
    (void)model_tap(dead, &world->cards[0], world->programme, load(200000)); /* 5, 6 */
    (void)model_tap(dead, &world->cards[1], world->programme, load(300000)); /* 7, 8 */
    activate(world, 0, 2, 0);                                                /* 9, 10 */
    (void)model_tap(dead, &world->cards[1], world->programme, load(400000)); /* 11, 12 */
    (void)model_tap(dead, &world->cards[2], world->programme, load(500000)); /* 13, 14 */
    see(world, 1, 0, 0, SHOWN_NEWEST); /* card 0: whole; card 1: its newest only; card 2: never */
    see(world, 1, 0, 1, SHOWN_OLDER);
    see(world, 1, 1, 0, SHOWN_NEWEST);
    sync_terminal(world, 1);
    declare_dead(world, 0);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(rebuild_report(world->club.db, 1, true, out, &fault), ST_OK);
    (void)fclose(out);
    /* No card names 4, 6..10: one is 3's outcome, one 5's, and four are two transactions at most.
     */
    assert_non_null(strstr(text, "\"has\":2,"));
    assert_non_null(strstr(text, "\"named_to\":11,\"recovered\":2,\"amount\":300000,"
                                 "\"unexplained\":0,\"missing_named\":1,\"silent\":6,"
                                 "\"silent_most\":2,"));
    assert_non_null(strstr(text, "\"sequence\":11,"));
    assert_non_null(strstr(text, "\"counter\":3,"));
    assert_non_null(strstr(text, "\"seen_at\":1790001000,\"seen_by\":2}"));
    assert_non_null(strstr(text, "\"lost\":1,\"lost_cards\":1}"));
    free(text);
    assert_int_equal(rebuild_report(world->club.db, 99, false, stdout, &fault), ST_REFUSED);
    assert_int_equal(rebuild_back(world->club.ledger, 2, NOW, &fault), ST_REFUSED);
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rebuild_is_what_the_cards_show_and_all_once_the_terminals_come_back),
        cmocka_unit_test(clones_are_found_and_no_honest_card_is),
        ONE(clone_is_listed_and_its_sales_are_the_clubs_loss),
        ONE(clone_on_the_list_for_another_reason_keeps_it),
        ONE(restored_card_is_listed_and_an_older_snapshot_is_not),
        ONE(entry_that_its_terminal_denies_is_a_case),
        ONE(parts_that_the_card_cannot_tell_wait_as_recovered),
        ONE(other_entry_than_the_card_showed_is_a_case_and_the_card_is_believed),
        ONE(other_card_under_a_number_that_was_posted_is_a_case),
        ONE(gap_report_says_what_came_back_and_what_did_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
