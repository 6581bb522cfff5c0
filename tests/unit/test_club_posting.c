/* The club's books: whatever order, repetition or lie batches come with, each transaction is posted
 * once, every book sums to zero, and what contradicts the books is a case. The sums are taken here
 * again by plain SQL, and by the Python reference, which shares no code with the club. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/base/bytes.h"
#include "server/accounts.h"
#include "server/ledger.h"
#include "server/links.h"
#include "server/registry.h"
#include "server/report.h"
#include "server/schema.h"
#include "tests/bench/posting_model.h"
#include "tests/unit/club_books.h"

enum { ROOM = 4096, NOW = 1790001000, TERMINALS = 3 };

struct club {
    char dir[32];
    char path[64];
    struct db *db;
    struct ledger *ledger;
    struct programme *programme;
    struct model_terminal terminals[TERMINALS];
    struct wire_sync batch;
    struct ledger_result last;
};

/* --- the club under test ------------------------------------------------------------------- */

static void open_books(struct club *club)
{
    struct fault fault = {""};
    assert_int_equal(db_open(club->path, true, &club->db, &fault), ST_OK);
    assert_int_equal(schema_make(club->db, &fault), ST_OK);
    assert_int_equal(ledger_open(club->db, &club->ledger), ST_OK);
}

static void close_books(struct club *club)
{
    ledger_close(club->ledger);
    db_close(club->db);
}

static int setup(void **state)
{
    struct club *club = calloc(1, sizeof *club);
    struct fault fault = {""};
    assert_non_null(club);
    strcpy(club->dir, "/tmp/vafa-club.XXXXXX");
    assert_non_null(mkdtemp(club->dir));
    (void)snprintf(club->path, sizeof club->path, "%s/club.db", club->dir);
    open_books(club);
    assert_int_equal(
        programme_load(model_programme, strlen(model_programme), &club->programme, &fault), ST_OK);
    assert_int_equal(registry_programme_put(club->db, 1, model_programme, "", NOW, &fault), ST_OK);
    for (uint32_t i = 0; i < TERMINALS; i++) {
        uint32_t number = 0;
        assert_int_equal(
            registry_add_terminal(club->db, i == 2 ? "Ofogh" : "Refah", "Tajrish", &number), ST_OK);
        assert_int_equal(number, i + 1);
        model_terminal_init(&club->terminals[i], number, ROOM);
    }
    *state = club;
    return 0;
}

static int teardown(void **state)
{
    struct club *club = *state;
    char name[80];
    close_books(club);
    for (int i = 0; i < TERMINALS; i++) {
        model_terminal_finish(&club->terminals[i]);
    }
    const char *const files[] = {"club.db", "club.db-wal", "club.db-shm", "dump.json"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", club->dir, files[i]);
        (void)unlink(name);
    }
    (void)rmdir(club->dir);
    programme_free(club->programme);
    free(club);
    return 0;
}

/* Sends entries after+1..after+count of terminal `t` (from 0). */
static enum st send_entries(struct club *club, int t, uint32_t after, uint32_t count)
{
    struct fault fault = {""};
    model_batch(&club->terminals[t], after, count, &club->batch);
    return ledger_take(club->ledger, &club->batch, NOW, &club->last, &fault);
}

static void sync_all(struct club *club, int t, uint32_t after)
{
    assert_int_equal(send_entries(club, t, after, club->terminals[t].count - after), ST_OK);
    assert_int_equal(club->last.answer, LEDGER_TAKEN);
    assert_int_equal(club->last.acknowledged, club->terminals[t].count);
}

/* --- plain SQL, beside the driver ---------------------------------------------------------- */

static int64_t sql_number(struct club *club, const char *sql)
{
    return books_number(club->path, sql);
}

static int64_t count_of(struct club *club, const char *table)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return sql_number(club, sql);
}

static int64_t cases_of(struct club *club, const char *why)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM tcase WHERE why = '%s'", why);
    return sql_number(club, sql);
}

/* Every book of every batch sums to zero; each card's balances are the sums of its deltas. */
static void assert_zero_sum(struct club *club)
{
    books_assert_zero_sum(club->path);
    assert_int_equal(
        sql_number(club, "SELECT count(*) FROM card c JOIN (SELECT card_no n, sum(d0) s0, sum(d1) "
                         "s1, sum(d2) s2, sum(d3) s3, count(*) k, max(card_ctr) m FROM txn GROUP "
                         "BY card_no) t ON t.n = c.card_no WHERE b0 <> s0 OR b1 <> s1 OR b2 <> s2 "
                         "OR b3 <> s3 OR cnt <> k OR top <> m"),
        0);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM card WHERE hi = top AND cnt <> top"),
                     0);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM ahead a JOIN card c ON c.card_no = "
                                      "a.card_no WHERE a.card_ctr <= c.hi OR a.card_ctr > c.top"),
                     0);
}

static bool is_balanced(struct club *club)
{
    bool balanced = false;
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    assert_int_equal(report_write(club->db, true, null, &balanced), ST_OK);
    (void)fclose(null);
    return balanced;
}

/* The whole state that posting keeps, as one number, to see that something changed nothing. */
static int64_t fingerprint(struct club *club)
{
    static const char *const sums[] = {
        "SELECT count(*) FROM txn",
        "SELECT count(*) FROM rec",
        "SELECT count(*) FROM jrn",
        "SELECT count(*) FROM batch",
        "SELECT count(*) FROM tcase",
        "SELECT count(*) FROM seen",
        "SELECT coalesce(sum(b0 + b1 * 3 + hi * 5 + top * 7 + cnt * 11 + known * 13), 0) FROM card",
        "SELECT coalesce(sum(hi * 3 + batch_no), 0) FROM term",
        "SELECT coalesce(sum(fate * term_seq), 0) FROM rec"};
    int64_t all = 0;
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        all = all * 31 + sql_number(club, sums[i]);
    }
    return all;
}

/* Gives the club's dump and the cards themselves to tests/reference, which plans, chains and sums
 * it all again. Left out where the reference is missing. */
static void assert_reference_agrees(struct club *club, const struct model_card *cards, size_t count)
{
    static const char script[] = "tests/reference/vafa_reference.py";
    char path[64], command[256], hex[2 * SNAPSHOT_IMAGE_BYTES + 1], *dump = NULL;
    size_t dump_bytes = 0;
    if (access(script, R_OK) != 0) {
        print_message("no %s: not compared\n", script);
        return;
    }
    FILE *memory = open_memstream(&dump, &dump_bytes);
    assert_non_null(memory);
    assert_int_equal(report_dump(club->db, memory), ST_OK);
    (void)fclose(memory);
    (void)snprintf(path, sizeof path, "%s/dump.json", club->dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "{\"programme\":%s,\"cards\":[", model_programme);
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "%s{\"number\":%llu,\"images\":[", i == 0 ? "" : ",",
                (unsigned long long)cards[i].number);
        for (size_t n = 0; n < cards[i].count; n++) {
            uint8_t image[SNAPSHOT_IMAGE_BYTES];
            snapshot_encode(&cards[i].history[n], image);
            hex_encode(image, sizeof image, hex);
            fprintf(file, "%s\"%s\"", n == 0 ? "" : ",", hex);
        }
        fputs("]}", file);
    }
    fprintf(file, "],%s", dump + 1); /* The dump is an object, too: ours goes before its fields. */
    (void)fclose(file);
    free(dump);
    (void)snprintf(command, sizeof command, "python3 %s check %s", script, path);
    assert_int_equal(system(command), 0);
}

/* --- wishes -------------------------------------------------------------------------------- */

static struct model_card new_card(uint64_t n)
{
    return (struct model_card){.number = model_number(n)};
}

static struct wish activate(int64_t opening)
{
    return (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {opening}};
}

static struct wish sale(int64_t amount, int64_t pay, int64_t redeem)
{
    return (struct wish){
        .kind = TRANSACTION_SALE, .amount = {amount}, .pay_credit = {pay}, .redeem = {redeem}};
}

static struct wish load(int64_t amount)
{
    return (struct wish){.kind = TRANSACTION_LOAD, .amount = {amount}};
}

static struct wish back(enum transaction_kind kind, uint32_t counter, int64_t amount)
{
    return (struct wish){.kind = kind, .amount = {amount}, .refers_counter = counter};
}

/* A day that uses every kind of transaction: 8 of them on one card. */
static void every_kind(struct club *club, int t, struct model_card *card)
{
    struct model_terminal *terminal = &club->terminals[t];
    const struct wish day[] = {activate(500000),
                               sale(1999990, 0, 0),
                               load(300000),
                               sale(1500000, 200000, 5),
                               back(TRANSACTION_REFUND, 4, 0),
                               load(400000),
                               back(TRANSACTION_UNLOAD, 6, 0),
                               sale(999990, 0, 0)};
    for (size_t i = 0; i < sizeof day / sizeof day[0]; i++) {
        (void)model_tap(terminal, card, club->programme, day[i]);
    }
}

/* --- tests --------------------------------------------------------------------------------- */

static void posting_books_every_kind_of_transaction(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    every_kind(club, 0, &card);
    sync_all(club, 0, 0);
    assert_int_equal(club->last.posted, 8);
    assert_int_equal(club->last.cases, 0);
    assert_int_equal(club->last.unchecked, 0);
    assert_int_equal(sql_number(club, "SELECT b0 FROM card"), card.history[0].points.n);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"),
                     card.history[0].purse[PURSE_CREDIT].rials);
    /* The merchant took 500,000 + 300,000; what was paid and redeemed came back by the refund. */
    assert_int_equal(sql_number(club, "SELECT sum(amount) FROM jrn WHERE acct IN (1, 2)"), -800000);
    assert_int_equal(sql_number(club, "SELECT sum(amount) FROM jrn WHERE acct = 3"), 0);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM jrn WHERE acct = 8"), 0);
    assert_zero_sum(club);
    assert_true(is_balanced(club));
    assert_reference_agrees(club, &card, 1);
}

static void posting_takes_ten_repeats_of_everything_as_one(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    every_kind(club, 0, &card);
    sync_all(club, 0, 0);
    int64_t first = fingerprint(club);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(send_entries(club, 0, 0, club->terminals[0].count), ST_OK);
        assert_int_equal(club->last.answer, LEDGER_TAKEN);
        assert_int_equal(club->last.acknowledged, club->terminals[0].count);
        assert_int_equal(club->last.posted, 0);
        assert_int_equal(fingerprint(club), first);
    }
    /* Parts of it, at every cut. */
    for (uint32_t after = 0; after <= club->terminals[0].count; after++) {
        sync_all(club, 0, after);
        assert_int_equal(fingerprint(club), first);
    }
}

static void posting_is_the_same_however_the_journal_is_cut(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    every_kind(club, 0, &card);
    uint32_t count = club->terminals[0].count;
    /* Each entry alone: every outcome finds its intent in an earlier batch. Each is sent twice, and
     * the second time with the one before it. */
    for (uint32_t after = 0; after < count; after++) {
        assert_int_equal(send_entries(club, 0, after, 1), ST_OK);
        uint32_t from = after == 0 ? 0 : after - 1;
        assert_int_equal(send_entries(club, 0, from, after + 1 - from), ST_OK);
        assert_int_equal(club->last.acknowledged, after + 1);
    }
    assert_int_equal(count_of(club, "txn"), 8);
    assert_int_equal(count_of(club, "rec"), 16);
    assert_int_equal(count_of(club, "tcase"), 0);
    assert_zero_sum(club);
    assert_true(is_balanced(club));
    assert_reference_agrees(club, &card, 1);
}

/* Three terminals serve one card in turn; their batches come in each of the orders of six. */
static void posting_takes_batches_of_several_terminals_in_every_order(void **state)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct club *club = *state;
    struct model_card cards[6];
    int64_t balance = -1;
    for (int o = 0; o < 6; o++) {
        struct model_card card = new_card((uint64_t)o);
        uint32_t before[TERMINALS];
        for (int t = 0; t < TERMINALS; t++) {
            before[t] = club->terminals[t].count;
        }
        (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
        for (int i = 1; i < 10; i++) {
            (void)model_tap(&club->terminals[i % TERMINALS], &card, club->programme,
                            i % 2 == 0 ? load(100000) : sale(2000000, 50000, 0));
        }
        for (int i = 0; i < TERMINALS; i++) {
            sync_all(club, orders[o][i], before[orders[o][i]]);
            assert_zero_sum(club);
        }
        int64_t now = sql_number(club, "SELECT b0 * 1000000000 + b1 FROM card ORDER BY card_no "
                                       "DESC LIMIT 1");
        balance = balance == -1 ? now : balance;
        assert_int_equal(now, balance);
        cards[o] = card;
    }
    assert_int_equal(count_of(club, "txn"), 60);
    assert_int_equal(count_of(club, "ahead"), 0);
    assert_int_equal(count_of(club, "seen"), 0);
    assert_int_equal(count_of(club, "tcase"), 0);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM card WHERE hi <> 10 OR top <> 10"), 0);
    assert_true(is_balanced(club));
    assert_reference_agrees(club, cards, 6);
}

static void posting_keeps_a_gap_open_names_it_and_closes_it(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
    sync_all(club, 0, 0);
    uint32_t missing = model_tap(&club->terminals[1], &card, club->programme, load(100000));
    (void)model_tap(&club->terminals[0], &card, club->programme, sale(1000000, 0, 0));
    sync_all(club, 0, 2);
    assert_int_equal(club->last.posted, 1);
    assert_int_equal(sql_number(club, "SELECT hi * 100 + top * 10 + cnt FROM card"), 132);
    /* The later sale named the entry that the club does not have. */
    assert_int_equal(sql_number(club, "SELECT term_id FROM seen WHERE card_ctr = 2"), 2);
    assert_int_equal(sql_number(club, "SELECT term_seq FROM seen WHERE card_ctr = 2"), missing);
    assert_true(is_balanced(club));
    sync_all(club, 1, 0);
    assert_int_equal(sql_number(club, "SELECT hi * 100 + top * 10 + cnt FROM card"), 333);
    assert_int_equal(count_of(club, "seen"), 0);
    assert_int_equal(count_of(club, "ahead"), 0);
    assert_int_equal(count_of(club, "tcase"), 0);
    assert_zero_sum(club);
    assert_true(is_balanced(club));
}

static void posting_notes_a_sighting_and_its_gap(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    for (int i = 0; i < 5; i++) {
        (void)model_tap(&club->terminals[1], &card, club->programme,
                        i == 0 ? activate(0) : load(100000));
    }
    model_sighting(&club->terminals[0], &card);
    sync_all(club, 0, 0);
    assert_int_equal(sql_number(club, "SELECT known * 10 + hi FROM card"), 50);
    assert_int_equal(sql_number(club, "SELECT card_ctr FROM seen"), 5);
    sync_all(club, 1, 0);
    assert_int_equal(sql_number(club, "SELECT known * 10 + hi FROM card"), 55);
    assert_int_equal(count_of(club, "seen"), 0);
    assert_int_equal(count_of(club, "tcase"), 0);
    assert_true(is_balanced(club));
}

static void posting_posts_nothing_that_was_not_done(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    struct entry intent;
    (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
    (void)model_intent(&club->terminals[0], &card, club->programme, load(100000), &intent);
    model_outcome(&club->terminals[0], &intent, VERDICT_NOT_DONE);
    (void)model_tap(&club->terminals[0], &card, club->programme, load(200000));
    (void)model_intent(&club->terminals[0], &card, club->programme, load(300000), &intent);
    sync_all(club, 0, 0);
    assert_int_equal(club->last.posted, 2);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 700000);
    /* The last intent had no outcome yet; it comes weeks later. */
    uint32_t sent = club->terminals[0].count;
    model_write(&card, &intent);
    model_outcome(&club->terminals[0], &intent, VERDICT_DONE);
    sync_all(club, 0, sent);
    assert_int_equal(club->last.posted, 1);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 1000000);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM rec WHERE fate = 2"), 1);
    assert_int_equal(count_of(club, "tcase"), 0);
    assert_zero_sum(club);
    assert_reference_agrees(club, &card, 1);
}

/* The terminal died, or the card left it, before the outcome; another terminal saw the result. */
static void posting_lets_another_terminal_prove_an_open_intent(void **state)
{
    struct club *club = *state;
    struct model_card cards[2];
    for (int order = 0; order < 2; order++) {
        struct model_card card = new_card((uint64_t)order);
        uint32_t from[2] = {club->terminals[0].count, club->terminals[2].count};
        struct entry intent;
        (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
        (void)model_intent(&club->terminals[0], &card, club->programme, load(100000), &intent);
        model_write(&card, &intent);
        if (order == 1) {
            model_outcome(&club->terminals[0], &intent, VERDICT_LEFT);
        }
        (void)model_tap(&club->terminals[2], &card, club->programme, load(200000));
        sync_all(club, order == 0 ? 0 : 2, from[order == 0 ? 0 : 1]);
        sync_all(club, order == 0 ? 2 : 0, from[order == 0 ? 1 : 0]);
        assert_int_equal(sql_number(club, "SELECT b1 FROM card ORDER BY card_no DESC LIMIT 1"),
                         800000);
        assert_zero_sum(club);
        cards[order] = card;
    }
    assert_int_equal(count_of(club, "seen"), 0);
    assert_int_equal(count_of(club, "tcase"), 0);
    assert_int_equal(count_of(club, "txn"), 6);
    /* The load belongs to the merchant whose terminal took the money. */
    assert_int_equal(sql_number(club, "SELECT sum(amount) FROM jrn WHERE merch = 1 AND acct = 1"),
                     -200000);
    assert_true(is_balanced(club));
    assert_reference_agrees(club, cards, 2);
}

/* The terminal swears that it was not done, and the card carries it: the card is believed, in
 * whatever order the two come to the club. */
static void posting_believes_a_card_that_carries_what_was_not_done(void **state)
{
    struct club *club = *state;
    for (int order = 0; order < 2; order++) {
        struct model_card card = new_card((uint64_t)order);
        uint32_t from[2] = {club->terminals[0].count, club->terminals[2].count};
        struct entry intent;
        (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
        (void)model_intent(&club->terminals[0], &card, club->programme, load(100000), &intent);
        model_write(&card, &intent);
        model_outcome(&club->terminals[0], &intent, VERDICT_NOT_DONE);
        (void)model_tap(&club->terminals[2], &card, club->programme, load(200000));
        sync_all(club, order == 0 ? 0 : 2, from[order == 0 ? 0 : 1]);
        sync_all(club, order == 0 ? 2 : 0, from[order == 0 ? 1 : 0]);
        assert_int_equal(cases_of(club, "verdict"), order + 1);
        assert_int_equal(sql_number(club, "SELECT b1 FROM card ORDER BY card_no DESC LIMIT 1"),
                         800000);
        assert_int_equal(count_of(club, "seen"), 0);
        assert_zero_sum(club);
        assert_true(is_balanced(club));
        int64_t before = fingerprint(club);
        sync_all(club, 0, 0);
        sync_all(club, 2, 0);
        assert_int_equal(fingerprint(club), before);
    }
    assert_int_equal(count_of(club, "txn"), 6);
    assert_int_equal(sql_number(club, "SELECT sum(amount) FROM jrn WHERE merch = 1 AND acct = 1"),
                     -200000);
}

/* The same, when the word that it was not done comes in a batch after its intent. */
static void posting_believes_a_card_before_a_late_outcome(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    struct entry intent;
    (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
    (void)model_intent(&club->terminals[0], &card, club->programme, load(100000), &intent);
    sync_all(club, 0, 0);
    model_write(&card, &intent);
    model_outcome(&club->terminals[0], &intent, VERDICT_NOT_DONE);
    sync_all(club, 0, 3);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 500000);
    model_sighting(&club->terminals[2], &card);
    sync_all(club, 2, 0);
    assert_int_equal(cases_of(club, "verdict"), 1);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 600000);
    assert_zero_sum(club);
}

static void posting_reports_two_transactions_with_one_counter_as_a_clone(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
    struct model_card clone = card;
    (void)model_tap(&club->terminals[0], &card, club->programme, load(100000));
    (void)model_tap(&club->terminals[1], &clone, club->programme, load(900000));
    sync_all(club, 0, 0);
    sync_all(club, 1, 0);
    assert_int_equal(club->last.posted, 0);
    assert_int_equal(club->last.cases, 1);
    assert_int_equal(cases_of(club, "clone"), 1);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 600000);
    assert_int_equal(sql_number(club, "SELECT count(*) FROM rec WHERE fate = 4"), 1);
    /* Told once, however often it is sent. */
    assert_int_equal(send_entries(club, 1, 0, 2), ST_OK);
    assert_int_equal(count_of(club, "tcase"), 1);
    /* The clone goes on: its next transaction names the other second one. */
    (void)model_tap(&club->terminals[1], &clone, club->programme, load(100000));
    sync_all(club, 1, 2);
    assert_int_equal(cases_of(club, "clone"), 2);
    assert_zero_sum(club);
}

static void posting_reports_a_sighting_that_contradicts_the_books(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
    struct model_card clone = card;
    (void)model_tap(&club->terminals[0], &card, club->programme, load(100000));
    sync_all(club, 0, 0);
    (void)model_tap(&club->terminals[2], &clone, club->programme, load(900000));
    model_sighting(&club->terminals[1], &clone);
    sync_all(club, 1, 0);
    assert_int_equal(cases_of(club, "clone"), 1);
    assert_int_equal(club->last.posted, 0);
}

static void posting_refuses_other_bytes_under_a_number_it_holds(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1), other = new_card(2);
    struct model_terminal *terminal = &club->terminals[0];
    every_kind(club, 0, &card);
    sync_all(club, 0, 0);
    int64_t txns = count_of(club, "txn"), recs = count_of(club, "rec");
    /* The same numbers again with other transactions: a restored or copied terminal. */
    struct model_terminal copy;
    model_terminal_init(&copy, terminal->number, ROOM);
    struct model_terminal real = *terminal;
    *terminal = copy;
    every_kind(club, 0, &other);
    assert_int_equal(send_entries(club, 0, 0, 4), ST_OK);
    assert_int_equal(club->last.answer, LEDGER_CHAIN);
    assert_int_equal(club->last.acknowledged, real.count);
    assert_int_equal(send_entries(club, 0, 2, 4), ST_OK); /* another base */
    assert_int_equal(club->last.answer, LEDGER_CHAIN);
    assert_int_equal(send_entries(club, 0, 16, 0), ST_OK); /* only the base differs */
    assert_int_equal(club->last.answer, LEDGER_CHAIN);
    copy = *terminal;
    *terminal = real;
    model_terminal_finish(&copy);
    assert_int_equal(cases_of(club, "chain"), 3);
    assert_int_equal(count_of(club, "txn"), txns);
    assert_int_equal(count_of(club, "rec"), recs);
    assert_zero_sum(club);
}

static void posting_asks_for_what_is_missing_before(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    every_kind(club, 0, &card);
    assert_int_equal(send_entries(club, 0, 4, 4), ST_OK);
    assert_int_equal(club->last.answer, LEDGER_BEHIND);
    assert_int_equal(club->last.acknowledged, 0);
    assert_int_equal(count_of(club, "rec"), 0);
}

/* Every bit of a batch of two entries: it is refused whole, or it is a case; never posted wrong. */
static void posting_never_posts_altered_bytes_unseen(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    uint32_t refused = 0, taken = 0;
    (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
    sync_all(club, 0, 0);
    (void)model_tap(&club->terminals[0], &card, club->programme, sale(1000000, 100000, 0));
    struct fault fault = {""};
    model_batch(&club->terminals[0], 2, 2, &club->batch);
    for (uint32_t bit = 0; bit < 8u * club->batch.entries[0].size; bit++) {
        uint8_t *byte = &club->batch.entries[0].bytes[bit / 8];
        uint8_t mask = (uint8_t)(1u << (bit % 8));
        *byte ^= mask;
        assert_int_equal(db_begin_write(club->db), ST_OK);
        enum st st = ledger_take_within(club->ledger, &club->batch, NOW, &club->last, &fault);
        if (st == ST_OK) {
            /* Time, operator, UID and the like are not in the books' sums. */
            int64_t card_no = (int64_t)card.number;
            struct db_stmt *stmt = NULL;
            bool row = false;
            assert_int_equal(
                db_prepare(club->db, "SELECT b1 FROM card WHERE card_no = $1", "i", &stmt), ST_OK);
            assert_int_equal(db_first(stmt, &row, card_no), ST_OK);
            assert_true(club->last.cases > 0 || db_i64(stmt, 0) == 400000);
            db_finish(stmt);
            taken++;
        } else {
            assert_int_equal(st, ST_FOREIGN);
            refused++;
        }
        db_rollback(club->db);
        *byte ^= mask;
    }
    assert_true(refused > 0 && taken > 0);
    assert_int_equal(count_of(club, "txn"), 1);
}

static void posting_books_a_change_without_reason_as_unexplained(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    struct entry intent;
    struct model_terminal *terminal = &club->terminals[0];
    (void)model_tap(terminal, &card, club->programme, activate(500000));
    /* A terminal that writes 7,000,000 more to the card than its parts say. */
    struct wish wish = load(100000);
    model_plan(club->programme, terminal, card.number, card.history, card.count, &wish, NOW,
               &intent);
    intent.intent.after.purse[PURSE_CREDIT].rials += 7000000;
    model_append(terminal, &intent);
    model_write(&card, &intent);
    model_outcome(terminal, &intent, VERDICT_DONE);
    sync_all(club, 0, 0);
    assert_int_equal(cases_of(club, "conservation"), 1);
    assert_int_equal(cases_of(club, "differs"), 1);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 7600000);
    assert_int_equal(sql_number(club, "SELECT sum(amount) FROM jrn WHERE acct = 8"), -7000000);
    assert_zero_sum(club);
    assert_true(is_balanced(club));
}

/* A terminal that lets the club pay for points which nobody spent, under a programme that the club
 * cannot compute again. */
static void posting_reports_money_for_points_that_were_not_spent(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    struct entry intent;
    struct model_terminal *terminal = &club->terminals[0];
    (void)model_tap(terminal, &card, club->programme, activate(500000));
    struct wish wish = sale(9000000, 0, 0);
    model_plan(club->programme, terminal, card.number, card.history, card.count, &wish, NOW,
               &intent);
    intent.intent.parts.redeemed_value.rials = 9000000;
    intent.intent.parts.due.rials = 0;
    intent.intent.programme = 77;
    model_append(terminal, &intent);
    model_write(&card, &intent);
    model_outcome(terminal, &intent, VERDICT_DONE);
    sync_all(club, 0, 0);
    assert_int_equal(cases_of(club, "conservation"), 1);
    assert_zero_sum(club);
}

static void posting_reports_a_before_that_is_not_the_last_after(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    struct model_terminal *terminal = &club->terminals[0];
    (void)model_tap(terminal, &card, club->programme, activate(500000));
    card.history[0].points.n += 1000; /* edited between two taps */
    (void)model_tap(terminal, &card, club->programme, load(100000));
    sync_all(club, 0, 0);
    assert_int_equal(cases_of(club, "broken"), 1);
    assert_int_equal(count_of(club, "txn"), 2);
    assert_zero_sum(club);
    assert_false(is_balanced(club)); /* The card carries 1,000 points that nobody gave. */
}

static void posting_reports_a_break_that_shows_when_a_gap_closes(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    (void)model_tap(&club->terminals[0], &card, club->programme, activate(500000));
    struct entry intent;
    (void)model_intent(&club->terminals[1], &card, club->programme, load(100000), &intent);
    model_write(&card, &intent);
    model_outcome(&club->terminals[1], &intent, VERDICT_DONE);
    card.history[0].points.n += 5;
    (void)model_tap(&club->terminals[0], &card, club->programme, load(200000));
    sync_all(club, 0, 0);
    sync_all(club, 1, 0);
    assert_true(cases_of(club, "broken") + cases_of(club, "clone") > 0);
    assert_zero_sum(club);
}

static void posting_computes_again_and_reports_what_differs(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    struct model_terminal *terminal = &club->terminals[0];
    struct programme generous = *club->programme;
    struct programme_rule rule = generous.rules[0];
    rule.award.points.n = 20; /* a terminal with altered rules */
    generous.rules = &rule;
    (void)model_tap(terminal, &card, &generous, activate(500000));
    (void)model_tap(terminal, &card, &generous, sale(1000000, 0, 0));
    sync_all(club, 0, 0);
    assert_int_equal(cases_of(club, "differs"), 1);
    assert_int_equal(cases_of(club, "conservation"), 0);
    /* A programme that the club never had is counted, not guessed. */
    generous.version = 7;
    (void)model_tap(terminal, &card, &generous, sale(1000000, 0, 0));
    sync_all(club, 0, 4);
    assert_int_equal(club->last.unchecked, 1);
    assert_int_equal(cases_of(club, "differs"), 1);
    char *report = NULL;
    size_t report_bytes = 0;
    FILE *out = open_memstream(&report, &report_bytes);
    bool is_balanced = false;
    assert_non_null(out);
    assert_int_equal(report_write(club->db, true, out, &is_balanced), ST_OK);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(report, "\"unknown_programmes\":[\n"
                                   "{\"terminal\":1,\"programme\":7,\"transactions\":1}]"));
    free(report);
    assert_zero_sum(club);
}

static void posting_reports_outcomes_that_contradict_each_other(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    struct model_terminal *terminal = &club->terminals[0];
    struct entry intent, stray;
    (void)model_tap(terminal, &card, club->programme, activate(500000));
    (void)model_intent(terminal, &card, club->programme, load(100000), &intent);
    model_write(&card, &intent);
    model_outcome(terminal, &intent, VERDICT_DONE);
    model_outcome(terminal, &intent, VERDICT_NOT_DONE);
    sync_all(club, 0, 0);
    assert_int_equal(cases_of(club, "verdict"), 1);
    assert_int_equal(sql_number(club, "SELECT b1 FROM card"), 600000);
    stray = intent;
    stray.sequence = 2; /* an outcome, not an intent */
    model_outcome(terminal, &stray, VERDICT_DONE);
    sync_all(club, 0, 5);
    assert_int_equal(cases_of(club, "orphan"), 1);
    assert_zero_sum(club);
}

static void posting_refuses_entries_of_another_terminal_or_number(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    struct fault fault = {""};
    every_kind(club, 0, &card);
    model_batch(&club->terminals[0], 0, 4, &club->batch);
    club->batch.terminal = 2;
    assert_int_equal(ledger_take(club->ledger, &club->batch, NOW, &club->last, &fault), ST_FOREIGN);
    model_batch(&club->terminals[0], 0, 4, &club->batch);
    club->batch.entries[3] = club->batch.entries[1];
    assert_int_equal(ledger_take(club->ledger, &club->batch, NOW, &club->last, &fault), ST_FOREIGN);
    club->batch.terminal = 99;
    assert_int_equal(ledger_take(club->ledger, &club->batch, NOW, &club->last, &fault), ST_DENIED);
    assert_int_equal(count_of(club, "rec"), 0);
}

static void posting_survives_a_club_that_was_closed_or_restored(void **state)
{
    struct club *club = *state;
    struct model_card card = new_card(1);
    char command[256];
    every_kind(club, 0, &card);
    assert_int_equal(send_entries(club, 0, 0, 6), ST_OK);
    close_books(club);
    (void)snprintf(command, sizeof command, "cp %s %s/backup", club->path, club->dir);
    assert_int_equal(system(command), 0);
    open_books(club);
    sync_all(club, 0, 6);
    close_books(club);
    (void)snprintf(command, sizeof command, "rm -f %s-wal %s-shm && mv %s/backup %s", club->path,
                   club->path, club->dir, club->path);
    assert_int_equal(system(command), 0);
    open_books(club);
    assert_int_equal(send_entries(club, 0, 16, 0), ST_OK);
    assert_int_equal(club->last.answer, LEDGER_BEHIND);
    assert_int_equal(club->last.acknowledged, 6);
    sync_all(club, 0, 6);
    assert_int_equal(count_of(club, "txn"), 8);
    assert_int_equal(count_of(club, "tcase"), 0);
    assert_zero_sum(club);
    assert_reference_agrees(club, &card, 1);
}

/* Random shops: cards go from terminal to terminal, terminals sync at random, in random pieces,
 * with repeats, until all have. The books are those of the cards. */
static void posting_agrees_with_the_cards_after_random_days(void **state)
{
    enum { CARDS = 20, TAPS = 600 };
    struct club *club = *state;
    struct model_card cards[CARDS];
    uint32_t sent[TERMINALS] = {0};
    unsigned seed = 20260101;
    for (uint64_t i = 0; i < CARDS; i++) {
        cards[i] = new_card(i);
        (void)model_tap(&club->terminals[rand_r(&seed) % TERMINALS], &cards[i], club->programme,
                        activate(1000000));
    }
    for (int tap = 0; tap < TAPS; tap++) {
        int t = rand_r(&seed) % TERMINALS;
        struct model_card *card = &cards[rand_r(&seed) % CARDS];
        bool can_pay = card->history[0].purse[PURSE_CREDIT].rials >= 50000;
        bool can_load = card->history[0].purse[PURSE_CREDIT].rials < 100000000;
        (void)model_tap(&club->terminals[t], card, club->programme,
                        rand_r(&seed) % 3 == 0 && can_load
                            ? load(100000 + rand_r(&seed) % 900000)
                            : sale(60000 + rand_r(&seed) % 3000000, can_pay ? 50000 : 0, 0));
        if (rand_r(&seed) % 10 == 0) {
            t = rand_r(&seed) % TERMINALS;
            uint32_t after = sent[t] - (sent[t] == 0 ? 0 : (unsigned)rand_r(&seed) % sent[t] % 8);
            uint32_t left = club->terminals[t].count - after;
            uint32_t count = left == 0 ? 0 : 1 + (unsigned)rand_r(&seed) % left;
            assert_int_equal(send_entries(club, t, after, count), ST_OK);
            assert_int_equal(club->last.answer, LEDGER_TAKEN);
            sent[t] = club->last.acknowledged;
        }
    }
    for (int t = 0; t < TERMINALS; t++) {
        sync_all(club, t, sent[t]);
    }
    assert_int_equal(count_of(club, "txn"), CARDS + TAPS);
    assert_int_equal(count_of(club, "tcase"), 0);
    assert_int_equal(count_of(club, "seen"), 0);
    assert_int_equal(count_of(club, "ahead"), 0);
    assert_int_equal(sql_number(club, "SELECT sum(unchecked) FROM batch"), 0);
    assert_zero_sum(club);
    assert_true(is_balanced(club));
    assert_reference_agrees(club, cards, CARDS);
}

/* An intent whose outcome is not in the journal yet. */
struct doubt {
    int t;
    struct entry intent;
    bool is_written;
};

/* One tap that may end in doubt: written or not, its outcome now, later, as `left`, or never. */
static void doubtful_tap(struct club *club, int t, struct model_card *card, struct doubt *doubts,
                         size_t *count, unsigned *seed)
{
    struct doubt doubt = {.t = t, .is_written = rand_r(seed) % 4 != 0};
    bool can_pay = card->history[0].purse[PURSE_CREDIT].rials >= 50000;
    (void)model_intent(&club->terminals[t], card, club->programme,
                       can_pay && rand_r(seed) % 2 == 0 ? sale(60000, 50000, 0) : load(100000),
                       &doubt.intent);
    if (doubt.is_written) {
        model_write(card, &doubt.intent);
    }
    if (rand_r(seed) % 3 == 0) {
        doubts[(*count)++] = doubt;
    } else {
        model_outcome(&club->terminals[t], &doubt.intent,
                      doubt.is_written ? VERDICT_DONE : VERDICT_NOT_DONE);
    }
}

/* Terminals that die and come back, cards that leave: whatever each terminal knows when, and in
 * whatever order and pieces the club hears of it, the books are those of the cards, once each has
 * been seen again. No case: nobody lied. */
static void posting_agrees_with_the_cards_after_days_of_doubt(void **state)
{
    enum { DAYS = 8, CARDS = 5, TAPS = 150 };
    struct club *club = *state;
    struct doubt doubts[TAPS];
    uint32_t sent[TERMINALS] = {0};
    for (unsigned day = 0; day < DAYS; day++) {
        struct model_card cards[CARDS];
        unsigned seed = 977 + day;
        size_t count = 0;
        for (size_t i = 0; i < CARDS; i++) {
            cards[i] = new_card(day * CARDS + i);
            (void)model_tap(&club->terminals[rand_r(&seed) % TERMINALS], &cards[i], club->programme,
                            activate(1000000));
        }
        for (int tap = 0; tap < TAPS; tap++) {
            doubtful_tap(club, rand_r(&seed) % TERMINALS, &cards[rand_r(&seed) % CARDS], doubts,
                         &count, &seed);
            if (count > 0 && rand_r(&seed) % 4 == 0) {
                struct doubt *doubt = &doubts[(unsigned)rand_r(&seed) % count];
                bool is_left = rand_r(&seed) % 3 == 0;
                model_outcome(&club->terminals[doubt->t], &doubt->intent,
                              is_left             ? VERDICT_LEFT
                              : doubt->is_written ? VERDICT_DONE
                                                  : VERDICT_NOT_DONE);
                *doubt = doubts[--count];
            }
            if (rand_r(&seed) % 6 == 0) {
                int t = rand_r(&seed) % TERMINALS;
                uint32_t left = club->terminals[t].count - sent[t];
                assert_int_equal(
                    send_entries(club, t, sent[t], (unsigned)rand_r(&seed) % (left + 1)), ST_OK);
                assert_int_equal(club->last.answer, LEDGER_TAKEN);
                sent[t] = club->last.acknowledged;
            }
        }
        for (size_t i = 0; i < CARDS; i++) {
            model_sighting(&club->terminals[rand_r(&seed) % TERMINALS], &cards[i]);
        }
        for (int n = 0; n < TERMINALS; n++) {
            int t = (n + (int)day) % TERMINALS;
            sync_all(club, t, sent[t]);
            sent[t] = club->terminals[t].count;
        }
        assert_int_equal(count_of(club, "tcase"), 0);
        assert_int_equal(count_of(club, "seen"), 0);
        assert_int_equal(count_of(club, "ahead"), 0);
        for (size_t i = 0; i < CARDS; i++) {
            char sql[128];
            (void)snprintf(sql, sizeof sql,
                           "SELECT b1 * 1000000 + hi FROM card WHERE card_no = %llu",
                           (unsigned long long)cards[i].number);
            assert_int_equal(sql_number(club, sql),
                             cards[i].history[0].purse[PURSE_CREDIT].rials * 1000000 +
                                 cards[i].history[0].counter);
        }
        assert_zero_sum(club);
        assert_true(is_balanced(club));
    }
}

static void add_link(struct club *club, int t, uint64_t card, uint8_t fill)
{
    struct entry entry = {.kind = ENTRY_LINK,
                          .sequence = club->terminals[t].count + 1,
                          .time_s = NOW,
                          .clock_quality = 2,
                          .terminal = club->terminals[t].number};
    entry.link = (struct entry_link){
        .card_number = model_number(card), .family = 1, .uid_bytes = 4, .medium = 6};
    memset(entry.link.tag, fill, sizeof entry.link.tag);
    model_append(&club->terminals[t], &entry);
}

static void posting_keeps_a_medium_with_the_card_that_claimed_it_first(void **state)
{
    struct club *club = *state;
    add_link(club, 0, 1, 0xaa);
    add_link(club, 0, 1, 0xaa); /* once more: the same */
    add_link(club, 0, 1, 0xbb); /* a card may have several media */
    add_link(club, 1, 2, 0xcc);
    sync_all(club, 0, 0);
    sync_all(club, 1, 0);
    assert_int_equal(count_of(club, "link"), 3);
    assert_int_equal(count_of(club, "tcase"), 0);

    add_link(club, 1, 2, 0xaa);
    for (int n = 0; n < 3; n++) { /* sent three times: one case */
        sync_all(club, 1, n == 0 ? 1 : 0);
    }
    assert_int_equal(count_of(club, "link"), 3);
    assert_int_equal(sql_number(club,
                                "SELECT count(*) FROM tcase WHERE why = 'link' AND term_id = 2 AND "
                                "term_seq = 2"),
                     1);
    assert_int_equal(count_of(club, "tcase"), 1);
    char sql[120];
    (void)snprintf(sql, sizeof sql,
                   "SELECT card_no = %llu FROM link WHERE hex(medium) LIKE '00AAAA%%'",
                   (unsigned long long)model_number(1));
    assert_int_equal(sql_number(club, sql), 1);
    assert_true(is_balanced(club));
}

/* A terminal that asks on until it has all, as sync/client.c does; returns how many answers came.
 */
static unsigned ask_links(struct club *club, struct wire_links_have *have, unsigned *ret_links)
{
    unsigned answers = 0;
    static struct wire_links news;
    *ret_links = 0;
    for (;;) {
        assert_int_equal(links_news(club->db, have, &news), ST_OK);
        if (!news.is_there) {
            return answers;
        }
        answers++;
        *ret_links += news.count;
        have->no = news.from + news.count;
        memset(have->mark, 0, sizeof have->mark);
        if (news.count > 0) {
            memcpy(have->mark, news.list[news.count - 1].medium + 1, sizeof have->mark);
        }
    }
}

static void links_come_in_bounded_answers_each_once(void **state)
{
    struct club *club = *state;
    struct wire_links_have have = {.is_there = true};
    unsigned links = 0;
    assert_int_equal(ask_links(club, &have, &links), 0);
    for (int n = 0; n < 250; n++) {
        add_link(club, 0, 1, (uint8_t)n);
    }
    sync_all(club, 0, 0);
    assert_int_equal(ask_links(club, &have, &links), 3); /* 100, 100, 50 */
    assert_int_equal(links, 250);
    assert_int_equal(ask_links(club, &have, &links), 0);
    add_link(club, 1, 2, 0xfe);
    add_link(club, 1, 3, 0); /* another card's: a case, no news */
    sync_all(club, 1, 0);
    assert_int_equal(ask_links(club, &have, &links), 1);
    assert_int_equal(links, 1);

    /* The club does not know that state: it was restored, or has counted on from another one. */
    have.mark[3] ^= 1;
    assert_int_equal(ask_links(club, &have, &links), 3);
    assert_int_equal(links, 251);
    have.no = 9999;
    assert_int_equal(ask_links(club, &have, &links), 3);
    assert_int_equal(db_exec(club->db, "DELETE FROM link; DELETE FROM linklog"), ST_OK);
    assert_int_equal(ask_links(club, &have, &links), 1);
    assert_int_equal(links, 0);
    assert_int_equal(have.no, 0);
}

/* A club's file as version 1 made it, with one terminal and one programme. */
static void open_version_1(struct club *club)
{
    static char sql[16384];
    struct fault fault = {""};
    FILE *file = fopen("tests/vectors/club_schema_1.sql", "re");
    assert_non_null(file);
    sql[fread(sql, 1, sizeof sql - 1, file)] = '\0';
    (void)fclose(file);
    assert_int_equal(unlink(club->path), 0);
    assert_int_equal(db_open(club->path, true, &club->db, &fault), ST_OK);
    assert_int_equal(db_exec(club->db, sql), ST_OK);
    assert_int_equal(
        db_exec(club->db,
                "INSERT INTO merchant (merch, name) VALUES (1, 'Refah');"
                "INSERT INTO branch (branch, merch, name) VALUES (1, 1, 'Tajrish');"
                "INSERT INTO term (term_id, merch, branch, hi, top, cnt, hash, batch_no, last_at,"
                " unsent, pending, oldest, clock, firmware, prog)"
                " VALUES (1, 1, 1, 0, 0, 0, zeroblob(32), 0, 0, 0, 0, 0, 0, '', 0);"
                "INSERT INTO cert (term_id, fingerprint, issued_at, revoked_at)"
                " VALUES (1, zeroblob(32), 1790000000, 0)"),
        ST_OK);
}

static void schema_adds_what_version_1_lacks(void **state)
{
    struct club *club = *state;
    struct fault fault = {""};
    close_books(club);
    open_version_1(club);
    assert_int_equal(schema_make(club->db, &fault), ST_OK);
    assert_int_equal(schema_make(club->db, &fault), ST_OK);
    /* A certificate of then is the current one, for 730 days. */
    assert_int_equal(sql_number(club, "SELECT count(*) FROM cert WHERE seen_at = issued_at AND"
                                      " replaced_at = 0 AND ends_at = 1790000000 + 730 * 86400"),
                     1);
    assert_int_equal(ledger_open(club->db, &club->ledger), ST_OK);
    assert_int_equal(count_of(club, "link"), 0);
    add_link(club, 0, 1, 0xaa);
    sync_all(club, 0, 0);
    assert_int_equal(count_of(club, "link"), 1);
}

static void schema_refuses_a_database_of_another_version(void **state)
{
    struct club *club = *state;
    struct fault fault = {""};
    assert_int_equal(db_exec(club->db, "UPDATE club SET value = 99"), ST_OK);
    assert_int_equal(schema_make(club->db, &fault), ST_FOREIGN);
    assert_non_null(strstr(fault.say, "version 99"));
}

static void slots_are_even_and_for_ever(void **state)
{
    uint32_t filled[SLOTS] = {0};
    (void)state;
    /* Computed by another program: cards must never move. */
    assert_int_equal(slot_of_card(UINT64_C(9364000001000000)), 807);
    assert_int_equal(slot_of_card(UINT64_C(9364000001000018)), 12);
    assert_int_equal(slot_of_card(UINT64_C(9364104857599999)), 1001);
    for (uint64_t i = 0; i < 102400; i++) {
        uint32_t slot = slot_of_card(model_number(i));
        assert_true(slot < SLOTS);
        filled[slot]++;
    }
    for (int i = 0; i < SLOTS; i++) {
        assert_in_range(filled[i], 50, 150);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(posting_books_every_kind_of_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(posting_takes_ten_repeats_of_everything_as_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_is_the_same_however_the_journal_is_cut, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_takes_batches_of_several_terminals_in_every_order,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(posting_keeps_a_gap_open_names_it_and_closes_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_notes_a_sighting_and_its_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(posting_posts_nothing_that_was_not_done, setup, teardown),
        cmocka_unit_test_setup_teardown(posting_believes_a_card_that_carries_what_was_not_done,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(posting_believes_a_card_before_a_late_outcome, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_lets_another_terminal_prove_an_open_intent, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            posting_reports_two_transactions_with_one_counter_as_a_clone, setup, teardown),
        cmocka_unit_test_setup_teardown(posting_reports_a_sighting_that_contradicts_the_books,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(posting_refuses_other_bytes_under_a_number_it_holds, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_asks_for_what_is_missing_before, setup, teardown),
        cmocka_unit_test_setup_teardown(posting_never_posts_altered_bytes_unseen, setup, teardown),
        cmocka_unit_test_setup_teardown(posting_books_a_change_without_reason_as_unexplained, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_reports_money_for_points_that_were_not_spent, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_reports_a_before_that_is_not_the_last_after, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_reports_a_break_that_shows_when_a_gap_closes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_computes_again_and_reports_what_differs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_reports_outcomes_that_contradict_each_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_refuses_entries_of_another_terminal_or_number,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(posting_survives_a_club_that_was_closed_or_restored, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_agrees_with_the_cards_after_random_days, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_agrees_with_the_cards_after_days_of_doubt, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posting_keeps_a_medium_with_the_card_that_claimed_it_first,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(links_come_in_bounded_answers_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(schema_adds_what_version_1_lacks, setup, teardown),
        cmocka_unit_test_setup_teardown(schema_refuses_a_database_of_another_version, setup,
                                        teardown),
        cmocka_unit_test(slots_are_even_and_for_ever),
    };
    return cmocka_run_group_tests_name("club_posting", tests, NULL, NULL);
}
