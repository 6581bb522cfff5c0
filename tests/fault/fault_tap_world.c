#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "firmware/terminal/successors.h"
#include "hal/clock.h"
#include "hal/signed.h"
#include "server/actions.h"
#include "server/registry.h"
#include "server/schema.h"
#include "server/signer.h"
#include "storage/rules.h"
#include "storage/store.h"
#include "sync/waiting.h"
#include "tests/fault/fault_tap_priv.h"
#include "tests/support/card_world.h"
#include "tests/support/crash_vfs.h"

const char *const operation_names[OPERATIONS] = {
    "issue",       "sale",         "sale-credit", "sale-redeem",  "sale-both",
    "load",        "refund",       "unload",      "transfer-out", "transfer-in",
    "sale-expire", "sale-actions", "duplicate",   "take-over",    "replace"};
struct prepared prepared;

/* More transactions than the card's ring has places, so that it has gone round and a cut write
 * falls on an old snapshot. */
enum { DB_MAX = 1 << 20, HISTORY_CLASSIC = 12, HISTORY_DESFIRE = 34, WAIT_MS = 3000 };
const char world_db_name[] = "terminal.db", world_log_name[] = "terminal.db-wal";
static const char vfs_name[] = "fault-tap";
static const char *const cards_first = "936400000100000";
static const char *const cards_last = "936400000199999";
/* The card counters of a sale that can be refunded and a load that can be unloaded. */
static uint32_t sale_counter, load_counter;
/* The giver's transfer out, which OP_TRANSFER_IN takes. */
static uint32_t transfer_sequence;
static uint8_t disk[DB_MAX], disk_late[DB_MAX], disk_actions[DB_MAX];
static size_t disk_bytes, disk_late_bytes, disk_actions_bytes;
static char programme_text[PROGRAMME_TEXT_MAX], programme_late[PROGRAMME_TEXT_MAX],
    programme_actions[PROGRAMME_TEXT_MAX];

/* --- a clock that the world moves ------------------------------------------------------------- */

int64_t world_clock_ms = 1000000, world_clock_s = 1800000000;
enum clock_quality world_clock_quality = CLOCK_BY_HAND;

int64_t clock_now_s(enum clock_quality *ret_quality)
{
    *ret_quality = world_clock_quality;
    return world_clock_s;
}

int64_t clock_monotonic_ms(void)
{
    return world_clock_ms;
}

/* --- power ------------------------------------------------------------------------------------ */

static struct world *hooked;

/* Two cards lie there. The chip keeps one target: the one with the UID that is asked for, or the
 * one that wins the anticollision. Who that is depends on how they lie, so here it changes. */
static void choose_card(struct world *world, const uint8_t *uid, size_t uid_bytes)
{
    struct classic *cards[2] = {world->card, world->beside};
    world->selects++;
    for (size_t n = 0; n < 2; n++) {
        bool is_asked = uid != NULL && uid_bytes == cards[n]->uid_bytes &&
                        memcmp(uid, cards[n]->uid, uid_bytes) == 0;
        if (is_asked || (uid == NULL && world->selects % 2 == n)) {
            world->soft.card = cards[n];
        }
    }
}

static bool is_off(const struct world *world)
{
    return world->path == NULL && crash_vfs_is_cut();
}

/* --- disk and card at the same time ----------------------------------------------------------- */

uint64_t world_turns_between;

/* The disk's work that waits for its turn. */
static struct {
    void (*disk)(void *);
    void *ctx;
    unsigned commands; /* to the card until then */
} waiting;

static void disk_has_its_turn(void)
{
    void (*work)(void *) = waiting.disk;
    if (work != NULL) {
        waiting.disk = NULL;
        work(waiting.ctx);
    }
}

/* How one thread's steps can fall between the other's: what is on the disk changes step by step
 * while the card has had nothing yet, one command, or all of them. */
static void overlap(void (*disk_work)(void *), void (*card)(void *), void *ctx)
{
    waiting.disk = disk_work;
    waiting.ctx = ctx;
    waiting.commands = hooked->disk_turn == DISK_BETWEEN ? 1 : UINT_MAX;
    if (hooked->disk_turn == DISK_FIRST) {
        disk_has_its_turn();
    }
    if (!is_off(hooked)) {
        card(ctx);
    }
    disk_has_its_turn();
}

/* Before each card command. False: the power is off, so it does not reach the card. */
static bool may_send(void)
{
    if (waiting.disk != NULL && waiting.commands-- == 0) {
        world_turns_between++;
        disk_has_its_turn();
    }
    if (hooked->before_command != NULL) {
        hooked->before_command();
    }
    return !is_off(hooked);
}

static enum st hook_select(void *ctx, const uint8_t *uid, size_t uid_bytes, unsigned timeout_ms,
                           struct reader_target *ret)
{
    struct reader reader = soft_reader_port(ctx);
    if (!may_send()) {
        return ST_IO;
    }
    if (hooked->beside != NULL) {
        choose_card(hooked, uid, uid_bytes);
    }
    return reader.ops->select(reader.ctx, uid, uid_bytes, timeout_ms, ret);
}

static enum st hook_transceive(void *ctx, const uint8_t *tx, size_t tx_bytes, unsigned timeout_ms,
                               uint8_t *rx, size_t rx_max, size_t *ret_rx_bytes)
{
    struct reader reader = soft_reader_port(ctx);
    if (!may_send()) {
        return ST_IO;
    }
    world_watch_keys(hooked->soft.card, tx, tx_bytes);
    struct witness *witness = hooked->witness;
    if (witness == NULL || !witness->is_on || witness->has_struck) {
        return reader.ops->transceive(reader.ctx, tx, tx_bytes, timeout_ms, rx, rx_max,
                                      ret_rx_bytes);
    }
    MUST(tx_bytes <= sizeof witness->tx);
    witness->before = *hooked->chip;
    memcpy(witness->tx, tx, tx_bytes);
    witness->tx_bytes = tx_bytes;
    uint32_t cuts = world_cuts_taken(hooked);
    enum st st =
        reader.ops->transceive(reader.ctx, tx, tx_bytes, timeout_ms, rx, rx_max, ret_rx_bytes);
    witness->has_struck = world_cuts_taken(hooked) > cuts;
    return st;
}

static enum st hook_deselect(void *ctx, unsigned timeout_ms)
{
    struct reader reader = soft_reader_port(ctx);
    return reader.ops->deselect(reader.ctx, timeout_ms);
}

struct reader world_reader(struct world *world)
{
    static const struct reader_ops ops = {hook_select, hook_transceive, hook_deselect};
    return (struct reader){.ops = &ops, .ctx = &world->soft};
}

bool world_boot(struct world *world)
{
    struct fault fault;
    hooked = world;
    if (prepared.family == CARD_DESFIRE) {
        /* Challenges are the same in each life: they outlive nothing and decide nothing. */
        desfire_set_random(&world->chip->desfire, 1, NULL);
        soft_reader_init_desfire(&world->soft, &world->chip->desfire);
    } else {
        soft_reader_init(&world->soft, world->card);
    }
    soft_reader_tap(&world->soft);
    struct card_port port = card_families_open(&world->driver, world_reader(world), prepared.keys);
    const struct store_config store = {.path = world->path != NULL ? world->path : world_db_name,
                                       .vfs = world->path != NULL ? NULL : vfs_name,
                                       .create = true};
    const struct terminal_config terminal = {
        .card = port,
        .firmware = "test",
        .overlap = overlap,
        .database = world->database,
        .list_hours_max = HOTCHECK_HOURS_DEFAULT,
        .list_spend_max = {world->spend_max > 0 ? world->spend_max : INT64_MAX}};
    world->store = NULL;
    world->terminal = NULL;
    /* SQLite draws the salts of its log: the same in each life. */
    MUST(sqlite3_test_control(SQLITE_TESTCTRL_PRNG_RESTORE) == SQLITE_OK);
    if (store_open(&store, &world->store, &fault) != ST_OK) {
        fprintf(stderr, "boot: %s\n", fault.say);
        return false;
    }
    struct terminal_config config = terminal;
    config.store = world->store;
    bool is_up = terminal_open(&config, &world->terminal, &fault) == ST_OK;
    if (!is_up) {
        fprintf(stderr, "boot: %s\n", fault.say);
    }
    return is_up;
}

void world_die(struct world *world)
{
    void (*hook)(void) = world->before_command;
    world->before_command = NULL;
    world->soft.is_dead = true; /* closing releases the card, a dying process does not */
    terminal_close(world->terminal);
    store_close(world->store);
    world->terminal = NULL;
    world->store = NULL;
    world->before_command = hook;
}

static bool is_away(const struct world *world)
{
    return prepared.family == CARD_DESFIRE ? world->chip->desfire.is_away : world->card->is_away;
}

bool world_issues(enum operation operation)
{
    return operation == OP_ISSUE || operation == OP_TAKE_OVER || operation == OP_REPLACE;
}

/* Somebody of whom everything is sealed already; their numbers are the terminal's to fill in. A
 * card in another's place is of the same member. */
void world_attach_member(struct world *world, const struct tap_request *request)
{
    struct entry_member member = {.has_phone = true, .has_box = true};
    if (request->what == TAP_TAKE_OVER) {
        const struct entry_member same = {.account = request->wish.peer.card_number};
        terminal_attach_member(world->terminal, &same);
        return;
    }
    if (request->what != TAP_ISSUE) {
        return;
    }
    memset(member.phone, 0x5a, sizeof member.phone);
    memset(member.box, 0xa5, sizeof member.box);
    terminal_attach_member(world->terminal, &member);
}

bool world_ask(struct world *world, const struct tap_request *request, enum returns returns,
               struct tap_answer *ret)
{
    world_attach_member(world, request);
    if (terminal_begin(world->terminal, request, NULL, WAIT_MS, ret) != ST_OK) {
        return !is_off(world);
    }
    for (;;) {
        enum terminal_progress progress = terminal_step(world->terminal);
        world_clock_ms += 5;
        if (is_off(world)) {
            return false;
        }
        if (progress == TERMINAL_OVER) {
            break;
        }
        if (progress == TERMINAL_WAITING) {
            world_clock_ms += 100;
            if (is_away(world) && returns == RETURNS_SOON) {
                soft_reader_tap(&world->soft);
                if (world->cut_again.when != CUT_NEVER) {
                    world_plan_cut(world, world->cut_again);
                    if (world->witness != NULL) {
                        world->witness->is_on = world->cut_again.when == CUT_WRITE;
                    }
                    world->cut_again.when = CUT_NEVER;
                    returns = RETURNS_LATER;
                }
            }
        }
    }
    *ret = *terminal_answer(world->terminal);
    ret->history = NULL; /* it points into the tap */
    terminal_finish(world->terminal, !world->is_deaf);
    return true; /* told before the power went, if it went only then */
}

/* A year goes by before OP_SALE_EXPIRE, and back again before another one. */
static void set_date(enum operation operation)
{
    enum { YEAR_S = 365 * 86400 };
    static bool is_late;
    if ((operation == OP_SALE_EXPIRE) != is_late) {
        is_late = !is_late;
        world_clock_s += is_late ? YEAR_S : -YEAR_S;
    }
}

/* --- preparation ------------------------------------------------------------------------------ */

struct tap_request world_request(enum operation operation)
{
    struct tap_request request = {0};
    struct wish *wish = &request.wish;
    switch (operation) {
    case OP_ISSUE:
        request.what = TAP_ISSUE;
        *wish = (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {500000}};
        request.identity = (struct card_identity){.kind = 1, .member = 77, .name = "Maryam"};
        return request;
    case OP_SALE:
    case OP_SALE_CREDIT:
    case OP_SALE_REDEEM:
    case OP_SALE_BOTH:
    case OP_SALE_EXPIRE:
    case OP_SALE_ACTIONS:
        request.what = TAP_SALE;
        *wish = (struct wish){.kind = TRANSACTION_SALE, .amount = {3300000}};
        wish->pay_credit.rials =
            operation == OP_SALE_CREDIT || operation == OP_SALE_BOTH ? 250000 : 0;
        wish->redeem.n = operation == OP_SALE_REDEEM || operation == OP_SALE_BOTH ? 12 : 0;
        return request;
    case OP_LOAD:
        request.what = TAP_LOAD;
        *wish = (struct wish){.kind = TRANSACTION_LOAD, .amount = {440000}};
        return request;
    case OP_REFUND:
        request.what = TAP_REFUND;
        *wish = (struct wish){.kind = TRANSACTION_REFUND, .refers_counter = sale_counter};
        return request;
    case OP_UNLOAD:
        request.what = TAP_UNLOAD;
        *wish = (struct wish){.kind = TRANSACTION_UNLOAD, .refers_counter = load_counter};
        return request;
    case OP_TRANSFER_OUT:
        request.what = TAP_TRANSFER;
        *wish = (struct wish){.kind = TRANSACTION_TRANSFER, .amount = {130000}};
        wish->peer.direction = PEER_OUT;
        return request;
    case OP_TRANSFER_IN:
        request.what = TAP_TRANSFER;
        *wish = (struct wish){.kind = TRANSACTION_TRANSFER, .amount = {130000}};
        wish->peer = (struct peer){.direction = PEER_IN,
                                   .card_number = prepared.giver_number,
                                   .terminal = TERMINAL_NO,
                                   .sequence = transfer_sequence};
        return request;
    case OP_DUPLICATE:
        request.what = TAP_DUPLICATE;
        *wish = (struct wish){.kind = TRANSACTION_DUPLICATE, .peer.direction = PEER_OUT};
        return request;
    case OP_TAKE_OVER:
        return prepared.take_over;
    case OP_REPLACE:
        request.what = TAP_TAKE_OVER;
        *wish = (struct wish){.kind = TRANSACTION_DUPLICATE,
                              .amount = {150000},
                              .peer = {.direction = PEER_IN, .card_number = prepared.giver_number},
                              .inherits = {.points = {9}, .tier = 1}};
        request.identity = (struct card_identity){.kind = 1, .name = "Maryam"};
        request.legacy.account = prepared.giver_number;
        return request;
    case OPERATIONS:
        break;
    }
    MUST(false);
    return request;
}

struct tap_request world_balance(void)
{
    return (struct tap_request){.what = TAP_BALANCE};
}

static struct snapshot done(struct world *world, const struct tap_request *request)
{
    struct tap_answer answer = {0};
    soft_reader_tap(&world->soft);
    if (!world_ask(world, request, RETURNS_SOON, &answer) || answer.outcome != TAP_DONE) {
        fprintf(stderr, "preparation: %s\n", answer.say.say);
        abort();
    }
    return answer.snapshot;
}

static void enrol(struct store *store)
{
    FILE *file = fopen("programmes/base.json", "r");
    MUST(file != NULL);
    programme_text[fread(programme_text, 1, sizeof programme_text - 1, file)] = '\0';
    fclose(file);
    MUST(setting_put(store, "terminal", "1") == ST_OK);
    MUST(setting_put(store, "cards.first", cards_first) == ST_OK);
    MUST(setting_put(store, "cards.last", cards_last) == ST_OK);
    MUST(programme_put(store, 1, programme_text) == ST_OK);
}

static void replace(char *text, size_t max, const char *old, const char *new)
{
    char *at = strstr(text, old);
    MUST(at != NULL && strlen(text) + strlen(new) < max);
    memmove(at + strlen(new), at + strlen(old), strlen(at + strlen(old)) + 1);
    memcpy(at, new, strlen(new));
}

static void keep_disk(uint8_t *ret, size_t *ret_bytes)
{
    size_t size = 0;
    const uint8_t *bytes = crash_vfs_file(world_db_name, &size);
    MUST(bytes != NULL && size <= DB_MAX);
    memcpy(ret, bytes, size);
    *ret_bytes = size;
}

/* The card and disk of OP_SALE_EXPIRE: a programme by which points expire, and a sale under it that
 * begins the card's facts, which its ring of snapshots no longer tells. */
static void prepare_late(struct world *world)
{
    const struct tap_request sale = world_request(OP_SALE);
    (void)snprintf(programme_late, sizeof programme_late, "%s", programme_text);
    replace(programme_late, sizeof programme_late, "\"version\": 1", "\"version\": 2");
    replace(programme_late, sizeof programme_late, "\"credit\"]", "\"credit\", \"expiry\"]");
    replace(programme_late, sizeof programme_late, "\"expiry\": null",
            "\"expiry\": {\"period\": \"year\"}");
    world_reset(world, OP_SALE, NULL);
    MUST(world_boot(world));
    MUST(programme_put(world->store, 2, programme_late) == ST_OK);
    prepared.before_late = done(world, &sale);
    world_die(world);
    prepared.late = *world->chip;
    keep_disk(disk_late, &disk_late_bytes);
}

const struct action_particulars world_particulars = {2, 31000, 0, 65000};
/* Kind 2, 31000, 0, 65000. */
#define PARTICULARS_PACKED (INT64_C(2) << 48 | INT64_C(31000) << 32 | 65000)

/* Seven, so that they take two transactions: put on and taken off, and the second writes what the
 * card says of itself and takes it over to layout 2; the third is withdrawn, so that terminals have
 * a void in its place. */
static const struct action arrivals[] = {
    {.kind = ACTION_CREDIT, .origin = ORIGIN_BANK, .amount = 730000, .text = "نوروز"},
    {.kind = ACTION_POINTS, .origin = ORIGIN_PRIZE, .amount = 25},
    {.kind = ACTION_POINTS, .origin = ORIGIN_WEB, .amount = 7},
    {.kind = ACTION_TAKE_POINTS, .origin = ORIGIN_CORRECTION, .amount = 5},
    {.kind = ACTION_TAKE_CREDIT, .origin = ORIGIN_CORRECTION, .amount = 30000},
    {.kind = ACTION_PARTICULARS, .origin = ORIGIN_CORRECTION, .amount = PARTICULARS_PACKED},
    {.kind = ACTION_LAYOUT, .origin = ORIGIN_CORRECTION, .value = 2},
};
enum { ARRIVALS = sizeof arrivals / sizeof arrivals[0] };

/* The club makes them, and what it then tells its terminals is what this one holds. */
static void order_actions(struct store *store, const struct signer *signer)
{
    static struct wire_action list[WIRE_ACTIONS_MAX];
    const struct wire_actions_have have = {.is_there = true};
    struct wire_actions news;
    struct actions *actions = NULL;
    struct fault fault;
    bool has_more = false;
    MUST(db_exec(prepared.club, "UPDATE term SET layout = 2") == ST_OK); /* as it would tell */
    MUST(actions_open(prepared.club, signer, &actions) == ST_OK);
    for (size_t n = 0; n < ARRIVALS; n++) {
        char ref[8];
        struct action_order order = {
            .action = arrivals[n], .ref = ref, .giver = "test", .is_unseen_fine = true};
        struct action_made made;
        (void)snprintf(ref, sizeof ref, "%zu", n);
        order.action.card_number = prepared.member_number;
        const enum st st = actions_make(actions, &order, 1, world_clock_s, &made, &fault);
        if (st != ST_OK) {
            fprintf(stderr, "preparation: %s: %s\n", st_word(st), fault.say);
        }
        MUST(st == ST_OK);
        MUST(made.number == n + 1);
    }
    MUST(actions_withdraw(actions, ORIGIN_WEB, "2", world_clock_s, &fault) == ST_OK);
    actions_close(actions);
    MUST(actions_news(prepared.club, &have, list, &news) == ST_OK && news.count == ARRIVALS);
    MUST(waiting_take(store, &news, &has_more) == ST_OK && !has_more);
}

/* The disk of OP_SALE_ACTIONS: a terminal that belongs to a club, whose key signs its programme and
 * seals what waits for the member card. */
static void prepare_actions(struct world *world)
{
    char folder[] = "/tmp/vafa-fault-tap-XXXXXX", command[64];
    char *public_key = NULL, *text = NULL;
    struct signer *signer = NULL;
    struct fault fault;
    MUST(mkdtemp(folder) != NULL);
    MUST(signer_make(folder, &fault) == ST_OK);
    MUST(signer_open(folder, NULL, &signer, &fault) == ST_OK);
    MUST(signer_public(folder, &public_key, &fault) == ST_OK);
    MUST(signer_sign(folder, RULES_TYP, programme_actions, strlen(programme_actions), &text,
                     &fault) == ST_OK);
    world_reset(world, OP_SALE, NULL);
    MUST(world_boot(world));
    MUST(programme_put(world->store, 3, text) == ST_OK);
    MUST(setting_put(world->store, "programme.key", public_key) == ST_OK);
    order_actions(world->store, signer);
    world_die(world);
    keep_disk(disk_actions, &disk_actions_bytes);
    signer_close(signer);
    free(text);
    free(public_key);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    MUST(system(command) == 0);
}

/* What the last transaction of this kind in the journal led to; an uncut run made it. */
static struct snapshot find_last(struct world *world, enum transaction_kind kind)
{
    uint32_t next = 0;
    struct entry entry;
    struct snapshot found = {.counter = 0};
    MUST(journal_next(world->store, &next) == ST_OK);
    for (uint32_t n = 1; n < next; n++) {
        MUST(journal_find(world->store, n, &entry) == ST_OK);
        if (entry.kind == ENTRY_INTENT && entry.intent.after.last.kind == kind) {
            found = entry.intent.after;
        }
    }
    return found;
}

static void prepare_club(void)
{
    struct fault fault;
    uint32_t terminal = 0;
    MUST(db_open(":memory:", true, &prepared.club, &fault) == ST_OK);
    MUST(schema_make(prepared.club, &fault) == ST_OK);
    MUST(registry_add_terminal(prepared.club, "Refah", "Tajrish", &terminal) == ST_OK);
    MUST(terminal == TERMINAL_NO);
    MUST(registry_programme_put(prepared.club, 1, programme_text, "", 1800000000, &fault) == ST_OK);
    MUST(registry_programme_put(prepared.club, 2, programme_late, "", 1800000000, &fault) == ST_OK);
    MUST(registry_programme_put(prepared.club, 3, programme_actions, "", 1800000000, &fault) ==
         ST_OK);
    MUST(ledger_open(prepared.club, &prepared.ledger) == ST_OK);
}

static void prepare_card(struct world *world)
{
    struct tap_request issue = world_request(OP_ISSUE), load = world_request(OP_LOAD);
    struct tap_request sale = world_request(OP_SALE);
    struct tap_request both = world_request(OP_SALE_BOTH);
    uint32_t last = prepared.family == CARD_DESFIRE ? HISTORY_DESFIRE : HISTORY_CLASSIC;
    prepared.before = done(world, &issue);
    for (uint32_t counter = 2; counter <= last; counter++) {
        const struct tap_request *next = counter % 4 == 0   ? &load
                                         : counter % 4 == 2 ? &both
                                                            : &sale;
        next = counter == 2 ? &sale : next;
        prepared.before = done(world, next);
        sale_counter = next == &both ? counter : sale_counter;
        load_counter = next == &load ? counter : load_counter;
    }
}

static void make_chip(enum card_family family, const uint8_t uid[7], struct chip *ret)
{
    *ret = (struct chip){.family = family};
    if (family == CARD_DESFIRE) {
        desfire_init(&ret->desfire, uid);
    } else {
        classic_init(&ret->classic, CLASSIC_1K, uid, 4);
    }
}

/* A third card, for as long as it takes to let credit out of it. */
static void prepare_giver(struct world *world)
{
    static const uint8_t uid[7] = {0x04, 0x11, 0x22, 0x33, 0x71, 0x72, 0x73};
    struct tap_request issue = world_request(OP_ISSUE), out = world_request(OP_TRANSFER_OUT);
    struct tap_request balance = world_balance();
    struct tap_answer answer = {0};
    const struct chip member = *world->chip;
    make_chip(member.family, uid, world->chip);
    (void)done(world, &issue);
    transfer_sequence = done(world, &out).last.sequence;
    MUST(world_ask(world, &balance, RETURNS_SOON, &answer) && answer.outcome == TAP_DONE);
    prepared.giver_number = answer.card_number;
    *world->chip = member;
}

/* A fourth one, for as long as it takes to let all of it out. */
static void prepare_mover(struct world *world)
{
    static const uint8_t uid[7] = {0x04, 0x15, 0x26, 0x37, 0x81, 0x82, 0x83};
    struct tap_request issue = world_request(OP_ISSUE), sale = world_request(OP_SALE_CREDIT);
    struct tap_request out = world_request(OP_DUPLICATE);
    struct fault why;
    const struct chip member = *world->chip;
    make_chip(member.family, uid, world->chip);
    (void)done(world, &issue);
    (void)done(world, &sale);
    const uint32_t sequence = done(world, &out).last.sequence;
    prepared.take_over = (struct tap_request){.what = TAP_TAKE_OVER};
    MUST(successors_prepare(world->store, sequence, &prepared.take_over, &why) == ST_OK);
    prepared.mover_number = prepared.take_over.wish.peer.card_number;
    (void)snprintf(prepared.take_over.identity.name, sizeof prepared.take_over.identity.name,
                   "Maryam");
    *world->chip = member;
}

/* Two cards from the factory. */
static void prepare_chips(enum card_family family)
{
    static const uint8_t uid[7] = {0x04, 0xA1, 0xB2, 0xC3, 0x51, 0x52, 0x53};
    static const uint8_t blank_uid[7] = {0x04, 0xD1, 0xE2, 0xF3, 0x61, 0x62, 0x63};
    make_chip(family, uid, &prepared.member);
    make_chip(family, blank_uid, &prepared.blank);
}

void world_prepare(enum card_family family)
{
    static struct world world;
    struct fault fault;
    struct store *store = NULL;
    if (prepared.ledger != NULL) {
        ledger_close(prepared.ledger);
        db_close(prepared.club);
        keystore_close(prepared.keys);
    }
    prepared = (struct prepared){.family = family, .dump = prepared.dump};
    set_date(OP_ISSUE);
    prepared.keys =
        family == CARD_DESFIRE ? card_world_desfire_keys(CARD_WORLD_ISSUE, 3) : card_world_keys();
    crash_vfs_register(vfs_name);
    crash_vfs_reset();
    uint32_t drawn;
    sqlite3_randomness(sizeof drawn, &drawn);
    MUST(sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SAVE) == SQLITE_OK);
    const struct store_config config = {.path = world_db_name, .vfs = vfs_name, .create = true};
    MUST(store_open(&config, &store, &fault) == ST_OK);
    enrol(store);
    store_close(store);

    prepare_chips(family);
    world = (struct world){.chip = &prepared.member, .card = &prepared.member.classic};
    MUST(world_boot(&world));
    prepare_giver(&world);
    prepare_mover(&world);
    prepare_card(&world);
    struct tap_request balance = world_balance();
    struct tap_answer answer = {0};
    MUST(world_ask(&world, &balance, RETURNS_SOON, &answer) && answer.outcome == TAP_DONE);
    prepared.member_number = answer.card_number;
    world_die(&world);
    keep_disk(disk, &disk_bytes);

    world.chip = NULL;
    prepare_late(&world);
    (void)snprintf(programme_actions, sizeof programme_actions, "%s", programme_text);
    replace(programme_actions, sizeof programme_actions, "\"version\": 1", "\"version\": 3");
    prepare_club();
    prepare_actions(&world);
    for (int n = 0; n < OPERATIONS; n++) {
        struct tap_request request = world_request((enum operation)n);
        world_reset(&world, (enum operation)n, NULL);
        MUST(world_boot(&world));
        prepared.expected[n] = done(&world, &request);
        if (n == OP_ISSUE) {
            prepared.issued = *world.chip;
        }
        if (n == OP_SALE_EXPIRE) {
            prepared.between = find_last(&world, TRANSACTION_EXPIRE);
            MUST(prepared.between.counter == prepared.before_late.counter + 1);
        }
        if (n == OP_SALE_ACTIONS) {
            prepared.arrived = find_last(&world, TRANSACTION_ACTION);
            MUST(prepared.arrived.counter == prepared.before.counter + 2);
        }
        world_die(&world);
    }
    const char *path = getenv("FAULT_TAP_DUMP");
    if (path != NULL && prepared.dump == NULL) {
        prepared.dump = fopen(path, "w");
    }
}

void world_new_chip(struct world *world)
{
    if (world->chip == NULL) {
        world->chip = mmap(NULL, sizeof *world->chip, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        MUST(world->chip != MAP_FAILED);
    }
    world->card = &world->chip->classic;
    world->before_command = NULL;
    world->beside = NULL;
    world->disk_turn = DISK_FIRST;
    world->is_deaf = false;
    world->cut_again.when = CUT_NEVER;
}

void world_reset(struct world *world, enum operation operation, const char *path)
{
    const bool is_late = operation == OP_SALE_EXPIRE, has_actions = operation == OP_SALE_ACTIONS;
    const uint8_t *from = is_late ? disk_late : has_actions ? disk_actions : disk;
    const size_t size = is_late ? disk_late_bytes : has_actions ? disk_actions_bytes : disk_bytes;
    world_new_chip(world);
    *world->chip = world_issues(operation) ? prepared.blank
                   : is_late               ? prepared.late
                                           : prepared.member;
    set_date(operation);
    world->path = path;
    if (path == NULL) {
        crash_vfs_reset();
        crash_vfs_put(world_db_name, from, size);
        return;
    }
    char wal[256];
    snprintf(wal, sizeof wal, "%s-wal", path);
    unlink(wal);
    snprintf(wal, sizeof wal, "%s-shm", path);
    unlink(wal);
    FILE *file = fopen(path, "wb");
    MUST(file != NULL && fwrite(from, 1, size, file) == size);
    MUST(fclose(file) == 0);
}

/* --- cuts ------------------------------------------------------------------------------------- */

void chip_plan_cut(struct chip *chip, struct cut cut)
{
    static const enum classic_cut_when classic_whens[] = {
        [CUT_NEVER] = CLASSIC_CUT_NEVER,
        [CUT_AFTER] = CLASSIC_CUT_AFTER,
        [CUT_WRITE] = CLASSIC_CUT_WRITE,
    };
    static const enum desfire_cut_when desfire_whens[] = {
        [CUT_NEVER] = DESFIRE_CUT_NEVER,
        [CUT_AFTER] = DESFIRE_CUT_AFTER,
        [CUT_WRITE] = DESFIRE_CUT_WRITE,
    };
    if (chip->family == CARD_DESFIRE) {
        desfire_plan_cut(&chip->desfire, (struct desfire_cut){.when = desfire_whens[cut.when],
                                                              .n = cut.n,
                                                              .tear = (enum desfire_tear)cut.tear});
    } else {
        classic_plan_cut(&chip->classic, (struct classic_cut){.when = classic_whens[cut.when],
                                                              .n = cut.n,
                                                              .tear = (enum classic_tear)cut.tear,
                                                              .head_bytes = cut.head_bytes});
    }
}

void world_plan_cut(struct world *world, struct cut cut)
{
    chip_plan_cut(world->chip, cut);
}

uint32_t world_cuts_taken(const struct world *world)
{
    return prepared.family == CARD_DESFIRE ? world->chip->desfire.cuts_taken
                                           : world->card->cuts_taken;
}

bool world_tear(enum card_family family, bool every, unsigned i, struct cut *cut)
{
    static const uint8_t some_heads[] = {1, 4, 8, 15};
    unsigned heads = every ? CLASSIC_BLOCK_BYTES + 1 : sizeof some_heads;
    unsigned plain = 0;
    cut->head_bytes = 0;
    if (family == CARD_DESFIRE) {
        cut->tear = i;
        return i < DESFIRE_TEARS;
    }
    for (unsigned tear = 0; tear < CLASSIC_TEARS; tear++) {
        bool has_head = tear == CLASSIC_TEAR_HEAD || tear == CLASSIC_TEAR_HEAD_ERASED;
        unsigned count = has_head ? heads : 1;
        if (i < plain + count) {
            cut->tear = tear;
            cut->head_bytes = !has_head ? 0 : every ? (uint8_t)(i - plain) : some_heads[i - plain];
            return true;
        }
        plain += count;
    }
    return false;
}
