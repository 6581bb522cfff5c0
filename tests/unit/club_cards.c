#include "tests/unit/club_cards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/base/bytes.h"
#include "server/accounts.h"
#include "server/ca.h"
#include "server/lost.h"
#include "tests/unit/club_books.h"

/* --- the club ------------------------------------------------------------------------------ */

static void open_books(struct world *world)
{
    struct fault fault = {""};
    assert_int_equal(db_open(world->path, true, &world->db, &fault), ST_OK);
    /* No power fails here; what a commit is worth is another test's matter (club_kill.py). */
    assert_int_equal(db_exec(world->db, "PRAGMA synchronous=OFF"), ST_OK);
    assert_int_equal(schema_make(world->db, &fault), ST_OK);
    assert_int_equal(ledger_open(world->db, &world->ledger), ST_OK);
    assert_int_equal(actions_open(world->db, world->signer, &world->actions), ST_OK);
}

static void close_books(struct world *world)
{
    actions_close(world->actions);
    ledger_close(world->ledger);
    db_close(world->db);
}

static void load_programme(struct world *world)
{
    char *text = NULL;
    size_t size = 0;
    struct fault fault = {""};
    assert_int_equal(file_load(NULL, "programmes/base.json", &text, &size, &fault), ST_OK);
    assert_int_equal(programme_load(text, size, &world->programme, &fault), ST_OK);
    assert_int_equal(
        registry_programme_put(world->db, world->programme->version, text, "", WORLD_NOW, &fault),
        ST_OK);
    free(text);
}

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    struct fault fault = {""};
    char *pem = NULL;
    assert_non_null(world);
    world->now_s = WORLD_NOW;
    strcpy(world->dir, "/tmp/vafa-actions.XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    (void)snprintf(world->path, sizeof world->path, "%s/club.db", world->dir);
    (void)snprintf(world->copy, sizeof world->copy, "%s/copy.db", world->dir);
    assert_int_equal(signer_make(world->dir, &fault), ST_OK);
    assert_int_equal(signer_open(world->dir, NULL, &world->signer, &fault), ST_OK);
    assert_int_equal(signer_public(world->dir, &pem, &fault), ST_OK);
    assert_int_equal(signed_key_read(pem, &world->key, &fault), ST_OK);
    free(pem);
    open_books(world);
    load_programme(world);
    for (uint32_t t = 0; t < WORLD_TERMINALS; t++) {
        uint32_t number = 0;
        assert_int_equal(
            registry_add_terminal(world->db, t % 2 == 0 ? "Refah" : "Ofogh", "Tajrish", &number),
            ST_OK);
        assert_int_equal(number, t + 1);
        model_terminal_init(&world->terminals[t], number, WORLD_ROOM);
        world->holdings[t].have.is_there = true;
        world->holdings[t].have.layout = SNAPSHOT_LAYOUT_MAX;
    }
    for (int c = 0; c < WORLD_CARDS; c++) {
        world->cards[c].number = model_number((uint64_t)c);
    }
    return world;
}

void world_free(struct world *world)
{
    static const char *const files[] = {"club.db",   "club.db-wal",   "club.db-shm",
                                        "copy.db",   "programme.key", "programme.pem",
                                        "dump.json", "dump.json.said"};
    char name[80];
    close_books(world);
    signer_close(world->signer);
    signed_key_free(world->key);
    programme_free(world->programme);
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        model_terminal_finish(&world->terminals[t]);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", world->dir, files[i]);
        (void)unlink(name);
    }
    (void)rmdir(world->dir);
    free(world);
}

unsigned world_draw(struct world *world, unsigned below)
{
    return (unsigned)rand_r(&world->seed) % below;
}

void world_backup(struct world *world)
{
    char sql[128];
    (void)unlink(world->copy);
    (void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", world->copy);
    assert_int_equal(db_exec(world->db, sql), ST_OK);
}

void world_restore(struct world *world)
{
    char command[160];
    close_books(world);
    (void)snprintf(command, sizeof command,
                   "cd %s && rm -f club.db-wal club.db-shm && cp copy.db club.db", world->dir);
    assert_int_equal(system(command), 0);
    open_books(world);
}

/* --- plain SQL, beside the driver ---------------------------------------------------------- */

int64_t world_sql(struct world *world, const char *sql)
{
    return books_number(world->path, sql);
}

int64_t world_state_of(struct world *world, const struct order *order)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT state FROM action WHERE id = %llu",
                   (unsigned long long)order->id);
    return world_sql(world, sql);
}

int64_t world_account(struct world *world, int book, int account)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(sum(amount), 0) FROM jrn WHERE purse = %d AND acct = %d", book,
                   account);
    return world_sql(world, sql);
}

void world_reference(struct world *world)
{
    char path[80], command[400], hex[2 * SNAPSHOT_IMAGE_BYTES + 1], *dump = NULL;
    size_t dump_bytes = 0;
    FILE *memory = open_memstream(&dump, &dump_bytes);
    assert_non_null(memory);
    assert_int_equal(report_dump(world->db, memory), ST_OK);
    (void)fclose(memory);
    (void)snprintf(path, sizeof path, "%s/dump.json", world->dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"cards\":[", file);
    for (int c = 0; c < WORLD_CARDS; c++) {
        fprintf(file, "%s{\"number\":%llu,\"images\":[", c == 0 ? "" : ",",
                (unsigned long long)world->cards[c].number);
        for (size_t n = 0; n < world->cards[c].count; n++) {
            uint8_t image[SNAPSHOT_IMAGE_BYTES];
            snapshot_encode(&world->cards[c].history[n], image);
            hex_encode(image, sizeof image, hex);
            fprintf(file, "%s\"%s\"", n == 0 ? "" : ",", hex);
        }
        fputs("]}", file);
    }
    fprintf(file, "],%s", dump + 1); /* the dump is an object, too: ours goes before its fields */
    (void)fclose(file);
    free(dump);
    (void)snprintf(
        command, sizeof command,
        "python3 tests/reference/vafa_reference.py check %s > %s.said || { cat %s.said; false; }",
        path, path, path);
    assert_int_equal(system(command), 0);
}

void world_check(struct world *world)
{
    static const char *const kinds[CARD_BOOKS] = {"5", "2", "3", "4"}; /* what waits, by book */
    bool is_balanced = false;
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    assert_int_equal(report_write(world->db, true, null, &is_balanced), ST_OK);
    (void)fclose(null);
    assert_true(is_balanced);
    books_assert_zero_sum(world->path);
    for (int book = 0; book < CARD_BOOKS; book++) {
        char sql[160];
        (void)snprintf(sql, sizeof sql,
                       "SELECT coalesce(sum(amount), 0) FROM action WHERE kind = %s AND state IN"
                       " (1, 3)",
                       kinds[book]);
        assert_int_equal(world_account(world, book, ACCOUNT_PENDING), world_sql(world, sql));
    }
}

/* --- orders -------------------------------------------------------------------------------- */

static bool has_value(enum action_kind kind)
{
    return kind == ACTION_TIER || kind == ACTION_GROUP || kind == ACTION_OFFER ||
           kind == ACTION_STAMPS || kind == ACTION_LAYOUT;
}

void world_order_again(struct world *world, struct order *order)
{
    struct action_made made;
    struct fault fault = {""};
    if (actions_make(world->actions, &order->order, 1, world->now_s, &made, &fault) != ST_OK) {
        fail_msg("%s", fault.say);
    }
    assert_true(order->id == 0 || order->id == made.id);
    order->id = made.id;
}

struct order *world_order(struct world *world, int card, enum action_kind kind, int64_t amount)
{
    assert_true(world->order_count < WORLD_ORDERS);
    struct order *order = &world->orders[world->order_count++];
    *order = (struct order){.card = card};
    (void)snprintf(order->ref, sizeof order->ref, "T-%zu", world->order_count);
    struct action *action = &order->order.action;
    order->order.ref = order->ref;
    order->order.giver = "Bank Melli";
    action->kind = kind;
    action->origin = ORIGIN_BANK;
    action->card_number = world->cards[card].number;
    if (has_value(kind)) {
        action->value = (uint16_t)amount;
    } else {
        action->amount = amount;
    }
    strcpy(action->text, "Nowruz");
    world_order_again(world, order);
    return order;
}

enum st world_withdraw(struct world *world, struct order *order, struct fault *fault)
{
    const enum st st =
        actions_withdraw(world->actions, ORIGIN_BANK, order->ref, world->now_s, fault);
    order->is_withdrawn = order->is_withdrawn || st == ST_OK;
    return st;
}

/* --- terminals ----------------------------------------------------------------------------- */

static int card_of_number(const struct world *world, uint64_t number)
{
    for (int c = 0; c < WORLD_CARDS; c++) {
        if (world->cards[c].number == number) {
            return c;
        }
    }
    return -1;
}

static void hold(struct world *world, struct holding *holding, const struct wire_action *item)
{
    const int c = card_of_number(world, item->card_number);
    if (c < 0) {
        return; /* of a card that this world does not use */
    }
    assert_in_range(item->number, 1, WORLD_NUMBERS - 1);
    if (item->is_past) {
        for (int n = 0; n <= item->number; n++) {
            holding->is_there[c][n] = false;
        }
        return;
    }
    if (world->sealed++ % 16 == 0) { /* a sample: checking takes milliseconds */
        uint8_t message[ACTION_MESSAGE_BYTES];
        action_message(item->image, message);
        assert_true(signed_seal_fits(world->key, message, sizeof message, item->seal));
    }
    memcpy(holding->image[c][item->number], item->image, ACTION_BYTES);
    holding->is_there[c][item->number] = true;
}

/* Which hotlist there is; what stands in it, these terminals do not look at. */
static bool take_list(struct world *world, struct wire_list_have *list)
{
    static const char sql[] =
        "SELECT coalesce((SELECT %s FROM hotlog ORDER BY version DESC LIMIT 1), 0)";
    char text[128];
    const struct wire_list_have before = *list;
    (void)snprintf(text, sizeof text, sql, "version");
    list->version = (uint32_t)world_sql(world, text);
    (void)snprintf(text, sizeof text, sql, "mark");
    list->mark = world_sql(world, text);
    return before.version != list->version || before.mark != list->mark;
}

static bool take_news(struct world *world, int t)
{
    static struct wire_action list[WIRE_ACTIONS_MAX];
    struct holding *holding = &world->holdings[t];
    struct wire_actions news;
    struct fault fault = {""};
    size_t steps = ACTIONS_TEND_MAX;
    assert_int_equal(lost_tend(world->db, world->actions, world->now_s, &fault), ST_OK);
    while (steps == ACTIONS_TEND_MAX) {
        assert_int_equal(actions_tend(world->actions, world->now_s, &steps, &fault), ST_OK);
    }
    assert_int_equal(actions_news(world->db, &holding->have, list, &news), ST_OK);
    const bool has_list = take_list(world, &holding->list);
    if (!news.is_there) {
        return has_list;
    }
    if (news.from == 0) {
        memset(holding->is_there, 0, sizeof holding->is_there);
    } else {
        assert_int_equal(news.from, holding->have.no);
    }
    for (uint32_t i = 0; i < news.count; i++) {
        hold(world, holding, &news.list[i]);
    }
    holding->have.no = news.to;
    holding->have.start = news.start;
    memcpy(holding->have.mark, news.mark, sizeof news.mark);
    world->items += news.count;
    return true;
}

void world_send(struct world *world, int t)
{
    struct fault fault = {""};
    bool is_behind = true;
    while (is_behind) {
        const uint32_t count = world->terminals[t].count - world->sent[t];
        model_batch(&world->terminals[t], world->sent[t], count < 200 ? count : 200, &world->batch);
        world->batch.actions = world->holdings[t].have;
        world->batch.has_list = true;
        world->batch.list = world->holdings[t].list;
        world->batch.health.unsent = count;
        if (ledger_take(world->ledger, &world->batch, world->now_s, &world->last, &fault) !=
            ST_OK) {
            fail_msg("%s", fault.say);
        }
        assert_int_not_equal(world->last.answer, LEDGER_CHAIN);
        is_behind = world->last.answer == LEDGER_BEHIND ||
                    world->last.acknowledged != world->terminals[t].count;
        world->sent[t] = world->last.acknowledged;
    }
}

void world_sync(struct world *world, int t)
{
    bool has_news = true;
    while (has_news) {
        world_send(world, t);
        has_news = take_news(world, t);
    }
}

void world_sync_all(struct world *world)
{
    for (int i = 0; i < 2 * WORLD_TERMINALS; i++) {
        world->now_s += 61;
        world_sync(world, i % WORLD_TERMINALS);
    }
}

/* --- cards --------------------------------------------------------------------------------- */

static struct entry head(const struct world *world, int t)
{
    return (struct entry){.kind = ENTRY_INTENT,
                          .sequence = world->terminals[t].count + 1,
                          .time_s = world->now_s,
                          .clock_quality = 2,
                          .terminal = (uint32_t)t + 1};
}

/* The run that the terminal holds behind the card's number, and what the engine makes of it. */
static bool plan_run(struct world *world, int t, int c, struct plan *ret,
                     struct action actions[ACTION_RUN_MAX])
{
    const struct holding *holding = &world->holdings[t];
    const struct model_card *card = &world->cards[c];
    size_t count = 0;
    const unsigned from = card->history[0].action + 1U;
    while (count < ACTION_RUN_MAX && from + count < WORLD_NUMBERS &&
           holding->is_there[c][from + count]) {
        assert_int_equal(action_decode(holding->image[c][from + count], &actions[count]), ST_OK);
        count++;
    }
    const struct plan_input input = {.programme = world->programme,
                                     .history = card->history,
                                     .history_count = card->count,
                                     .minute = snapshot_minute(world->now_s),
                                     .terminal = (uint32_t)t + 1,
                                     .sequence = world->terminals[t].count + 1};
    return count > 0 && plan_actions(&input, actions, count, ret) == ST_OK;
}

static struct entry make_intent(struct world *world, int t, int c, const struct plan *plan,
                                const struct action *actions)
{
    struct entry entry = head(world, t);
    struct entry_intent *intent = &entry.intent;
    *intent = (struct entry_intent){.card_number = world->cards[c].number,
                                    .family = 1,
                                    .uid_bytes = 4,
                                    .uid = {(uint8_t)world->cards[c].number},
                                    .programme = world->programme->version,
                                    .has_before = 1,
                                    .before = world->cards[c].history[0],
                                    .after = plan->next,
                                    .parts = plan->parts};
    intent->occasion.action_count = (uint8_t)plan->action_count;
    memcpy(intent->occasion.actions, actions, plan->action_count * sizeof actions[0]);
    model_append(&world->terminals[t], &entry);
    return entry;
}

/* What the card took, by the naive count. */
static void count_taken(struct world *world, const struct plan *plan, const struct action *actions)
{
    for (size_t i = 0; i < plan->action_count; i++) {
        const bool takes =
            actions[i].kind == ACTION_TAKE_CREDIT || actions[i].kind == ACTION_TAKE_POINTS;
        for (size_t o = 0; o < world->order_count; o++) {
            struct order *order = &world->orders[o];
            if (order->id == actions[i].id && actions[i].kind != ACTION_VOID) {
                order->times++;
                order->taken += takes ? -plan->action_moved[i] : plan->action_moved[i];
            }
        }
    }
}

static bool apply(struct world *world, int t, int c, bool is_written, struct entry *ret)
{
    struct plan plan;
    struct action actions[ACTION_RUN_MAX];
    if (!plan_run(world, t, c, &plan, actions)) {
        return false;
    }
    *ret = make_intent(world, t, c, &plan, actions);
    if (is_written) {
        model_write(&world->cards[c], ret);
        count_taken(world, &plan, actions);
    }
    return true;
}

bool world_tap_cut(struct world *world, int t, int card, bool is_written)
{
    struct doubt doubt = {.t = t, .is_written = is_written};
    if (world->doubt_count == WORLD_DOUBTS || !apply(world, t, card, is_written, &doubt.intent)) {
        return false;
    }
    world->doubts[world->doubt_count++] = doubt;
    return true;
}

void world_settle(struct world *world, size_t doubt)
{
    const struct doubt *it = &world->doubts[doubt];
    model_outcome(&world->terminals[it->t], &it->intent,
                  it->is_written ? VERDICT_DONE : VERDICT_NOT_DONE);
    world->doubts[doubt] = world->doubts[--world->doubt_count];
}

/* What a terminal in doubt of a card does first when it sees it. */
static void settle_card(struct world *world, int t, int c)
{
    for (size_t i = world->doubt_count; i-- > 0;) {
        if (world->doubts[i].t == t &&
            world->doubts[i].intent.intent.card_number == world->cards[c].number) {
            world_settle(world, i);
        }
    }
}

void world_tap(struct world *world, int t, int card, int64_t load)
{
    struct entry intent;
    settle_card(world, t, card);
    if (apply(world, t, card, true, &intent)) {
        model_outcome(&world->terminals[t], &intent, VERDICT_DONE);
    }
    const struct snapshot *now = &world->cards[card].history[0];
    if (load > 0 && now->status == CARD_ACTIVE && now->purse[PURSE_CREDIT].rials < 1000000000) {
        (void)model_tap(&world->terminals[t], &world->cards[card], world->programme,
                        (struct wish){.kind = TRANSACTION_LOAD, .amount = {load}});
    }
}

void world_issue(struct world *world, int cards)
{
    for (int c = 0; c < cards; c++) {
        (void)model_tap(&world->terminals[0], &world->cards[c], world->programme,
                        (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {500000}});
    }
    for (int t = 0; t < WORLD_TERMINALS; t++) {
        world_sync(world, t);
    }
}
