/* bench-posting - how fast the club posts, beside what SQLite does with the same rows unasked.
 *
 *   bench-posting [--prefill N] [--transactions N] [--cards N] [--batch N] [--rounds N] [--dir DIR]
 *
 * The books are prefilled through the same posting code, then copied. Each round posts new
 * transactions (an intent and an outcome entry each, a commit a batch) and then inserts the very
 * rows that this made (rec, txn, jrn, batch, new cards) into the copy by plain prepared statements
 * in one transaction: same tables, same indexes, equal file sizes. Card rows that posting updates
 * are not touched in the copy, so the anchor does less. Prints one JSON line with the medians. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/ledger.h"
#include "server/registry.h"
#include "server/schema.h"
#include "tests/bench/posting_model.h"

enum { TERMINALS = 200, ROUNDS_MAX = 15, GROUP = 40, NOW = 1790001000 };

struct bench {
    long prefill, transactions, cards, batch, rounds;
    const char *dir;
    char path[256], raw_path[256];
    struct db *db;
    struct ledger *ledger;
    struct programme *programme;
    struct model_terminal terminals[TERMINALS];
    struct snapshot *card; /* counter 0: not issued yet */
    unsigned seed;
    struct wire_sync sync;
};

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench-posting: %s failed\n", what);
        exit(1);
    }
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- journals ------------------------------------------------------------------------------ */

/* A terminal keeps only the batch at hand; its numbers and chain go on. */
struct journal {
    uint32_t count;
    uint8_t hash[ENTRY_HASH_BYTES];
};
static struct journal journals[TERMINALS];

static void make_transaction(struct bench *bench, int t, struct wire_sync *sync)
{
    struct model_terminal *terminal = &bench->terminals[t];
    size_t n = (size_t)rand_r(&bench->seed) % (size_t)bench->cards;
    struct snapshot *card = &bench->card[n];
    bool is_new = card->counter == 0;
    int64_t credit = card->purse[PURSE_CREDIT].rials;
    struct wish wish = {.kind = is_new ? TRANSACTION_ACTIVATE : TRANSACTION_SALE,
                        .amount = {is_new ? 1000000 : 500000 + rand_r(&bench->seed) % 3000000}};
    if (!is_new && rand_r(&bench->seed) % 10 == 0 && credit < 1000000000) {
        wish = (struct wish){.kind = TRANSACTION_LOAD, .amount = {1000000}};
    } else if (!is_new && credit >= 100000 && rand_r(&bench->seed) % 3 == 0) {
        wish.pay_credit.rials = 100000;
    } else if (!is_new && card->points.n >= 5 && rand_r(&bench->seed) % 5 == 0) {
        wish.redeem.n = 5;
    }
    struct entry entries[2];
    terminal->count = journals[t].count;
    model_plan(bench->programme, terminal, model_number(n), card, is_new ? 0 : 1, &wish,
               NOW + journals[t].count, &entries[0]);
    *card = entries[0].intent.after;
    entries[1] = (struct entry){.kind = ENTRY_OUTCOME,
                                .sequence = entries[0].sequence + 1,
                                .time_s = entries[0].time_s,
                                .clock_quality = 2,
                                .terminal = entries[0].terminal};
    entries[1].outcome = (struct entry_outcome){.intent_sequence = entries[0].sequence,
                                                .verdict = VERDICT_DONE,
                                                .evidence = EVIDENCE_READ_BACK,
                                                .card_number = entries[0].intent.card_number,
                                                .counter = card->counter};
    for (int i = 0; i < 2; i++) {
        struct wire_entry *at = &sync->entries[sync->entry_count++];
        at->size = (uint16_t)entry_encode(&entries[i], at->bytes);
        chain_next(journals[t].hash, at->bytes, at->size, journals[t].hash);
        journals[t].count++;
    }
}

/* The next batch of the next terminal: `transactions` of them. */
static void make_batch(struct bench *bench, int t, long transactions, struct wire_sync *sync)
{
    sync->terminal = bench->terminals[t].number;
    sync->after = journals[t].count;
    memcpy(sync->base, journals[t].hash, ENTRY_HASH_BYTES);
    sync->entry_count = 0;
    sync->programme = 1;
    sync->health = (struct wire_health){.clock = 2, .firmware = "bench"};
    while (transactions-- > 0) {
        make_transaction(bench, t, sync);
    }
}

/* --- setup --------------------------------------------------------------------------------- */

static void open_books(struct bench *bench)
{
    struct fault fault = {""};
    (void)snprintf(bench->path, sizeof bench->path, "%s/club.db", bench->dir);
    (void)snprintf(bench->raw_path, sizeof bench->raw_path, "%s/raw.db", bench->dir);
    need(db_open(bench->path, true, &bench->db, &fault) == ST_OK, "opening the books");
    need(schema_make(bench->db, &fault) == ST_OK, "making the tables");
    need(programme_load(model_programme, strlen(model_programme), &bench->programme, &fault) ==
             ST_OK,
         "the programme");
    need(registry_programme_put(bench->db, 1, model_programme, "", NOW, &fault) == ST_OK,
         "storing the programme");
    for (int t = 0; t < TERMINALS; t++) {
        char branch[32];
        (void)snprintf(branch, sizeof branch, "Branch %d", t);
        need(registry_add_terminal(bench->db, t % 2 == 0 ? "Refah" : "Ofogh", branch,
                                   &bench->terminals[t].number) == ST_OK,
             "adding a terminal");
    }
    need(ledger_open(bench->db, &bench->ledger) == ST_OK, "opening the ledger");
    bench->card = calloc((size_t)bench->cards, sizeof bench->card[0]);
    need(bench->card != NULL, "memory for cards");
}

static void prefill(struct bench *bench)
{
    struct fault fault = {""};
    struct ledger_result result;
    long left = bench->prefill;
    for (int batch = 0; left > 0; batch++) {
        long now = left < bench->batch ? left : bench->batch;
        if (batch % GROUP == 0) {
            need(db_begin_write(bench->db) == ST_OK, "begin");
        }
        make_batch(bench, batch % TERMINALS, now, &bench->sync);
        need(ledger_take_within(bench->ledger, &bench->sync, NOW, &result, &fault) == ST_OK &&
                 result.posted == (uint32_t)now && result.cases == 0,
             "prefilling");
        left -= now;
        if (batch % GROUP == GROUP - 1 || left == 0) {
            need(db_commit(bench->db) == ST_OK, "commit");
        }
    }
    need(db_exec(bench->db, "PRAGMA wal_checkpoint(TRUNCATE)") == ST_OK, "checkpoint");
}

static void copy_books(struct bench *bench)
{
    char command[600];
    (void)snprintf(command, sizeof command, "cp '%s' '%s'", bench->path, bench->raw_path);
    need(system(command) == 0, "copying the books");
}

/* --- the two rates ------------------------------------------------------------------------- */

static double post_round(struct bench *bench, long transactions, int *batch_no)
{
    long batches = (transactions + bench->batch - 1) / bench->batch, left = transactions;
    struct wire_sync *all = calloc((size_t)batches, sizeof all[0]);
    struct fault fault = {""};
    struct ledger_result result;
    need(all != NULL, "memory for batches");
    for (long i = 0; i < batches; i++) {
        long now = left < bench->batch ? left : bench->batch;
        make_batch(bench, (*batch_no)++ % TERMINALS, now, &all[i]);
        left -= now;
    }
    double start = seconds();
    for (long i = 0; i < batches; i++) {
        need(ledger_take(bench->ledger, &all[i], NOW, &result, &fault) == ST_OK &&
                 result.cases == 0 && result.posted == all[i].entry_count / 2,
             "posting");
    }
    need(db_exec(bench->db, "PRAGMA wal_checkpoint(PASSIVE)") == ST_OK, "checkpoint");
    double took = seconds() - start;
    free(all);
    return (double)transactions / took;
}

struct rows {
    const char *table;
    int columns;
    size_t count, room;
    sqlite3_value **values;
};

/* What posting added to `table` and the copy does not have yet. */
static void read_rows(struct bench *bench, sqlite3 *raw, const char *table, struct rows *ret)
{
    sqlite3 *club = NULL;
    sqlite3_stmt *stmt = NULL;
    char sql[512];
    sqlite3_int64 last = 0;
    bool is_card = strcmp(table, "card") == 0;
    *ret = (struct rows){.table = table};
    need(sqlite3_open_v2(bench->path, &club, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK, "reading");
    if (is_card) {
        (void)snprintf(sql, sizeof sql, "ATTACH '%s' AS raw", bench->raw_path);
        need(sqlite3_exec(club, sql, NULL, NULL, NULL) == SQLITE_OK, "attaching");
        (void)snprintf(sql, sizeof sql,
                       "SELECT * FROM card c WHERE NOT EXISTS (SELECT 1 FROM raw.card r WHERE "
                       "r.card_no = c.card_no)");
    } else {
        (void)snprintf(sql, sizeof sql, "SELECT max(rowid) FROM %s", table);
        need(sqlite3_prepare_v2(raw, sql, -1, &stmt, NULL) == SQLITE_OK, "reading");
        need(sqlite3_step(stmt) == SQLITE_ROW, "reading");
        last = sqlite3_column_int64(stmt, 0);
        (void)sqlite3_finalize(stmt);
        (void)snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE rowid > %lld ORDER BY rowid", table,
                       (long long)last);
    }
    need(sqlite3_prepare_v2(club, sql, -1, &stmt, NULL) == SQLITE_OK, "reading");
    ret->columns = sqlite3_column_count(stmt);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        if (ret->count == ret->room) {
            ret->room = ret->room == 0 ? 1024 : 2 * ret->room;
            ret->values =
                realloc(ret->values, ret->room * (size_t)ret->columns * sizeof ret->values[0]);
            need(ret->values != NULL, "memory for rows");
        }
        for (int i = 0; i < ret->columns; i++) {
            ret->values[ret->count * (size_t)ret->columns + (size_t)i] =
                sqlite3_value_dup(sqlite3_column_value(stmt, i));
        }
        ret->count++;
    }
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(club);
}

static void insert_rows(sqlite3 *raw, const struct rows *rows)
{
    char sql[256];
    sqlite3_stmt *stmt = NULL;
    size_t at = (size_t)snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", rows->table);
    for (int i = 1; i < rows->columns; i++) {
        at += (size_t)snprintf(sql + at, sizeof sql - at, ",?");
    }
    (void)snprintf(sql + at, sizeof sql - at, ")");
    need(sqlite3_prepare_v2(raw, sql, -1, &stmt, NULL) == SQLITE_OK, "raw prepare");
    for (size_t row = 0; row < rows->count; row++) {
        for (int i = 0; i < rows->columns; i++) {
            (void)sqlite3_bind_value(stmt, i + 1,
                                     rows->values[row * (size_t)rows->columns + (size_t)i]);
        }
        need(sqlite3_step(stmt) == SQLITE_DONE, "raw insert");
        (void)sqlite3_reset(stmt);
    }
    (void)sqlite3_finalize(stmt);
}

static double raw_round(struct bench *bench, long transactions)
{
    static const char *const tables[] = {"card", "rec", "txn", "jrn", "batch"};
    enum { TABLES = sizeof tables / sizeof tables[0] };
    struct rows rows[TABLES];
    sqlite3 *raw = NULL;
    need(sqlite3_open_v2(bench->raw_path, &raw, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK,
         "opening the copy");
    need(sqlite3_exec(raw,
                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                      "PRAGMA wal_autocheckpoint=65536; PRAGMA cache_size=-131072;",
                      NULL, NULL, NULL) == SQLITE_OK,
         "the copy's settings");
    for (int i = 0; i < TABLES; i++) {
        read_rows(bench, raw, tables[i], &rows[i]);
    }
    double start = seconds();
    need(sqlite3_exec(raw, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK, "raw begin");
    for (int i = 0; i < TABLES; i++) {
        insert_rows(raw, &rows[i]);
    }
    need(sqlite3_exec(raw, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "raw commit");
    need(sqlite3_exec(raw, "PRAGMA wal_checkpoint(PASSIVE)", NULL, NULL, NULL) == SQLITE_OK,
         "raw checkpoint");
    double took = seconds() - start;
    need(rows[2].count == (size_t)transactions, "the raw rows are those that were posted");
    for (int i = 0; i < TABLES; i++) {
        for (size_t n = 0; n < rows[i].count * (size_t)rows[i].columns; n++) {
            sqlite3_value_free(rows[i].values[n]);
        }
        free(rows[i].values);
    }
    (void)sqlite3_close(raw);
    return (double)transactions / took;
}

/* --- main ---------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, long count)
{
    qsort(values, (size_t)count, sizeof values[0], by_value);
    return values[count / 2];
}

static void parse(int argc, char **argv, struct bench *bench)
{
    for (int i = 1; i < argc; i += 2) {
        const struct {
            const char *name;
            long *value, min, max;
        } numbers[] = {{"--prefill", &bench->prefill, 0, 100000000},
                       {"--transactions", &bench->transactions, 1, 10000000},
                       {"--cards", &bench->cards, 1, 10000000},
                       {"--batch", &bench->batch, 1, WIRE_ENTRIES_MAX / 2},
                       {"--rounds", &bench->rounds, 1, ROUNDS_MAX}};
        bool taken = false;
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0] && i + 1 < argc; n++) {
            if (strcmp(argv[i], numbers[n].name) == 0) {
                *numbers[n].value = atol(argv[i + 1]);
                taken = *numbers[n].value >= numbers[n].min && *numbers[n].value <= numbers[n].max;
            }
        }
        if (i + 1 < argc && strcmp(argv[i], "--dir") == 0) {
            bench->dir = argv[i + 1];
            taken = true;
        }
        if (!taken) {
            fprintf(stderr,
                    "bench-posting: %s: unknown, or out of range\n"
                    "bench-posting [--prefill N] [--transactions N] [--cards N] "
                    "[--batch N (transactions)] [--rounds N] [--dir DIR]\n",
                    argv[i]);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    static struct bench bench = {
        .transactions = 100000, .cards = 200000, .batch = 500, .rounds = 5, .seed = 7};
    char dir[] = "/tmp/bench-posting.XXXXXX", command[256];
    double posted[ROUNDS_MAX], raw[ROUNDS_MAX], ratio[ROUNDS_MAX];
    parse(argc, argv, &bench);
    bool is_ours = bench.dir == NULL;
    if (is_ours) {
        need(mkdtemp(dir) != NULL, "making a folder");
        bench.dir = dir;
    }
    open_books(&bench);
    double start = seconds();
    prefill(&bench);
    double prefill_s = seconds() - start;
    copy_books(&bench);
    int batch_no = 0;
    for (long i = 0; i < bench.rounds; i++) {
        long transactions = bench.transactions / bench.rounds;
        posted[i] = post_round(&bench, transactions, &batch_no);
        raw[i] = raw_round(&bench, transactions);
        ratio[i] = posted[i] / raw[i];
        fprintf(stderr, "round %ld: posted %.0f/s, raw %.0f/s, ratio %.2f\n", i + 1, posted[i],
                raw[i], ratio[i]);
    }
    printf("{\"posted_per_s\":%.0f,\"raw_per_s\":%.0f,\"ratio\":%.3f,\"prefill\":%ld,"
           "\"transactions\":%ld,\"cards\":%ld,\"batch\":%ld,\"rounds\":%ld,\"prefill_per_s\":"
           "%.0f}\n",
           median(posted, bench.rounds), median(raw, bench.rounds), median(ratio, bench.rounds),
           bench.prefill, bench.transactions, bench.cards, bench.batch, bench.rounds,
           prefill_s > 0 ? (double)bench.prefill / prefill_s : 0.0);
    ledger_close(bench.ledger);
    programme_free(bench.programme);
    db_close(bench.db);
    free(bench.card);
    if (is_ours) {
        (void)snprintf(command, sizeof command, "rm -rf '%s'", bench.dir);
        need(system(command) == 0, "cleaning up");
    }
    return 0;
}
