/* bench-actions - pending actions at their full number: made, handed out, taken in, posted.
 *
 *   bench-actions DIR ACTIONS      prints JSON lines; DIR is an empty folder
 *
 * A club with as many cards, each with one action; one terminal that takes them all, and a tenth of
 * the cards tapped there, against as many loads of the same cards posted in the same way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/actions.h"
#include "server/ledger.h"
#include "server/registry.h"
#include "server/schema.h"
#include "storage/actions.h"
#include "sync/waiting.h"
#include "tests/bench/posting_model.h"

enum { NOW = 1790001000, ORDERS_A_COMMIT = 500, CARDS_A_BATCH = 250, TERMINAL = 1 };

struct bench {
    char path[256], store_path[256];
    size_t count;
    struct db *db;
    struct signer *signer;
    struct actions *actions;
    struct ledger *ledger;
    struct store *store;
    struct model_terminal terminal;
    uint32_t sent;
};

static struct wire_action list[WIRE_ACTIONS_MAX];
static struct wire_room room;
static char text[WIRE_ANSWER_MAX], packed[WIRE_ANSWER_MAX];
static struct wire_sync batch;

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(enum st st, const char *what)
{
    if (st != ST_OK) {
        fprintf(stderr, "bench-actions: %s: %s\n", what, st_word(st));
        exit(1);
    }
}

static struct snapshot first_state(void)
{
    return (struct snapshot){.layout = SNAPSHOT_LAYOUT_FIRST,
                             .status = CARD_ACTIVE,
                             .counter = 1,
                             .last = {.kind = TRANSACTION_ACTIVATE, .terminal = 1, .sequence = 1}};
}

/* The cards as a club has them that was told of their issue. */
static void put_cards(struct bench *bench)
{
    struct db_stmt *stmt = NULL;
    uint8_t image[SNAPSHOT_IMAGE_BYTES];
    const struct snapshot card = first_state();
    snapshot_encode(&card, image);
    check(db_begin_write(bench->db), "begin");
    check(db_prepare(bench->db,
                     "INSERT INTO card (card_no, hi, top, cnt, known, b0, b1, b2, b3, image)"
                     " VALUES ($1, 1, 1, 1, 1, 0, 0, 0, 0, $2)",
                     "ib", &stmt),
          "prepare");
    for (size_t n = 0; n < bench->count; n++) {
        check(db_run(stmt, (int64_t)model_number(n), image, sizeof image), "a card");
    }
    db_finish(stmt);
    check(db_commit(bench->db), "commit");
}

static void make(struct bench *bench)
{
    static struct action_order orders[ORDERS_A_COMMIT];
    static struct action_made made[ORDERS_A_COMMIT];
    static char refs[ORDERS_A_COMMIT][32];
    struct fault fault = {""};
    const double begin = now_s();
    for (size_t at = 0; at < bench->count; at += ORDERS_A_COMMIT) {
        size_t count = 0;
        for (; count < ORDERS_A_COMMIT && at + count < bench->count; count++) {
            (void)snprintf(refs[count], sizeof refs[count], "bank-%zu", at + count);
            orders[count] =
                (struct action_order){.action = {.kind = ACTION_CREDIT,
                                                 .origin = ORIGIN_BANK,
                                                 .card_number = model_number(at + count),
                                                 .amount = 100000 + (int64_t)(at + count),
                                                 .text = "Nowruz"},
                                      .ref = refs[count],
                                      .giver = "Bank"};
        }
        check(actions_make(bench->actions, orders, count, NOW, made, &fault), fault.say);
    }
    const double took = now_s() - begin;
    printf("{\"name\":\"make\",\"seconds\":%.2f,\"a_second\":%.0f}\n", took,
           (double)bench->count / took);
}

/* What goes over the line, and what each side does for it. */
static void hand_out(struct bench *bench)
{
    struct wire_sync_answer answer = {.acknowledged = 1, .time_s = NOW}, got;
    struct wire_actions_have have = {.is_there = true};
    struct fault fault = {""};
    size_t size = 0, packed_size = 0, bytes = 0, unpacked = 0, pieces = 0;
    double club = 0, terminal = 0;
    for (bool more = true; more;) {
        double begin = now_s();
        check(actions_news(bench->db, &have, list, &answer.actions), "news");
        if (!answer.actions.is_there) {
            break; /* the last piece was full */
        }
        check(wire_sync_answer_encode(&answer, text, sizeof text, &size), "encode");
        check(wire_gzip(text, size, packed, sizeof packed, &packed_size), "gzip");
        club += now_s() - begin;
        begin = now_s();
        check(wire_gunzip(packed, packed_size, text, sizeof text, &unpacked, &fault), fault.say);
        check(wire_sync_answer_decode(text, unpacked, &got, &room, &fault), fault.say);
        check(waiting_take(bench->store, &got.actions, &more), "take");
        terminal += now_s() - begin;
        check(waiting_have(bench->store, &have), "have");
        bytes += packed_size;
        pieces++;
    }
    uint32_t held = 0;
    check(actions_count(bench->store, &held), "count");
    check(held == bench->count ? ST_OK : ST_CORRUPT, "what the terminal holds");
    printf("{\"name\":\"sync\",\"pieces\":%zu,\"bytes\":%zu,\"club_s\":%.2f,\"terminal_s\":%.2f}\n",
           pieces, bytes, club, terminal);
}

/* --- posting ------------------------------------------------------------------------------- */

static void intent_of(struct bench *bench, struct model_card *card, const struct plan *plan,
                      const struct action *action)
{
    struct entry entry = {.kind = ENTRY_INTENT,
                          .sequence = bench->terminal.count + 1,
                          .time_s = NOW,
                          .clock_quality = 2,
                          .terminal = TERMINAL};
    entry.intent = (struct entry_intent){.card_number = card->number,
                                         .family = 1,
                                         .uid_bytes = 4,
                                         .uid = {(uint8_t)card->number},
                                         .has_before = 1,
                                         .before = card->history[0],
                                         .after = plan->next,
                                         .parts = plan->parts};
    if (action != NULL) {
        entry.intent.occasion.action_count = 1;
        entry.intent.occasion.actions[0] = *action;
    }
    model_append(&bench->terminal, &entry);
    model_outcome(&bench->terminal, &entry, VERDICT_DONE);
    card->history[0] = plan->next;
}

static void tap_action(struct bench *bench, struct model_card *card)
{
    struct club_action held;
    struct action action;
    struct plan plan;
    size_t count = 0;
    const struct plan_input input = {.history = card->history,
                                     .history_count = 1,
                                     .minute = snapshot_minute(NOW),
                                     .terminal = TERMINAL,
                                     .sequence = bench->terminal.count + 1};
    check(actions_waiting(bench->store, card->number, 0, &held, 1, &count), "waiting");
    check(count == 1 ? action_decode(held.image, &action) : ST_CORRUPT, "decode");
    check(plan_actions(&input, &action, 1, &plan), "plan");
    intent_of(bench, card, &plan, &action);
}

/* The same change without an action: a load, by hand, for no programme is asked here. */
static void tap_load(struct bench *bench, struct model_card *card)
{
    struct plan plan = {.next = card->history[0],
                        .parts = {.amount = {100000}, .load = {100000}, .due = {100000}}};
    plan.next.counter++;
    plan.next.purse[PURSE_CREDIT].rials += 100000;
    plan.next.last = (struct transaction){.kind = TRANSACTION_LOAD,
                                          .amount = {100000},
                                          .minute = snapshot_minute(NOW),
                                          .terminal = TERMINAL,
                                          .sequence = bench->terminal.count + 1};
    intent_of(bench, card, &plan, NULL);
}

static double send(struct bench *bench)
{
    struct ledger_result result;
    struct fault fault = {""};
    const double begin = now_s();
    while (bench->sent < bench->terminal.count) {
        const uint32_t left = bench->terminal.count - bench->sent;
        model_batch(&bench->terminal, bench->sent,
                    left < 2 * CARDS_A_BATCH ? left : 2 * CARDS_A_BATCH, &batch);
        check(ledger_take(bench->ledger, &batch, NOW, &result, &fault), fault.say);
        check(result.cases == 0 ? ST_OK : ST_CORRUPT, "a case");
        bench->sent = result.acknowledged;
    }
    return now_s() - begin;
}

static void post(struct bench *bench)
{
    const size_t cards = bench->count / 10;
    struct model_card *all = calloc(cards, sizeof *all);
    check(all == NULL ? ST_FULL : ST_OK, "memory");
    for (size_t n = 0; n < cards; n++) {
        all[n] = (struct model_card){.number = model_number(n), .count = 1};
        all[n].history[0] = first_state();
        tap_action(bench, &all[n]);
    }
    const double actions = send(bench);
    for (size_t n = 0; n < cards; n++) {
        tap_load(bench, &all[n]);
    }
    const double loads = send(bench);
    free(all);
    printf("{\"name\":\"post\",\"transactions\":%zu,\"a_second\":%.0f,\"loads_a_second\":%.0f}\n",
           cards, (double)cards / actions, (double)cards / loads);
}

static void open_all(struct bench *bench, const char *dir)
{
    struct fault fault = {""};
    uint32_t number = 0;
    (void)snprintf(bench->path, sizeof bench->path, "%s/club.db", dir);
    (void)snprintf(bench->store_path, sizeof bench->store_path, "%s/terminal.db", dir);
    const struct store_config config = {.path = bench->store_path, .create = true};
    check(db_open(bench->path, true, &bench->db, &fault), fault.say);
    check(schema_make(bench->db, &fault), fault.say);
    check(registry_add_terminal(bench->db, "Refah", "Tajrish", &number), "a terminal");
    check(signer_make(dir, &fault), fault.say);
    check(signer_open(dir, NULL, &bench->signer, &fault), fault.say);
    check(actions_open(bench->db, bench->signer, &bench->actions), "actions");
    check(ledger_open(bench->db, &bench->ledger), "ledger");
    check(store_open(&config, &bench->store, &fault), fault.say);
    model_terminal_init(&bench->terminal, number, (uint32_t)bench->count / 10 * 4 + 4);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    bench.count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (bench.count < 10 || bench.count > 10000000) {
        fputs("usage: bench-actions DIR ACTIONS\n", stderr);
        return 2;
    }
    open_all(&bench, argv[1]);
    put_cards(&bench);
    make(&bench);
    hand_out(&bench);
    post(&bench);
    model_terminal_finish(&bench.terminal);
    store_close(bench.store);
    ledger_close(bench.ledger);
    actions_close(bench.actions);
    signer_close(bench.signer);
    db_close(bench.db);
    return 0;
}
