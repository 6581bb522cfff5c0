#include "tests/fault/fault_tap_world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hal/base/bytes.h"
#include "hal/clock.h"
#include "server/ledger.h"
#include "server/registry.h"
#include "server/schema.h"
#include "storage/store.h"
#include "tests/support/card_world.h"
#include "tests/support/crash_vfs.h"

const char *const operation_names[OPERATIONS] = {"issue",     "sale", "sale-credit", "sale-redeem",
                                                 "sale-both", "load", "refund",      "unload"};
uint64_t world_checked, world_distinct, world_lost;

enum { DB_MAX = 1 << 20, TERMINAL_NO = 1, HISTORY_BEFORE = 12, WAIT_MS = 3000 };
static const char db_name[] = "terminal.db";
static const char vfs_name[] = "fault-tap";
static const char *const cards_first = "936400000100000";
static const char *const cards_last = "936400000199999";
/* The card counters of a sale that can be refunded and a load that can be unloaded. */
static uint32_t sale_counter, load_counter;
static uint64_t member_number;

static struct keystore *keys;
static struct classic member_card, blank_card,
    issued_card; /* the last: blank_card after an issue */
static uint8_t prepared[DB_MAX];
static size_t prepared_bytes;
static char programme_text[PROGRAMME_TEXT_MAX];
static struct snapshot before;               /* the prepared card's newest */
static struct snapshot expected[OPERATIONS]; /* after one operation, uncut */
static struct db *club;
static struct ledger *ledger;
static FILE *dump;

#define MUST(expression)                                                                           \
    do {                                                                                           \
        if (!(expression)) {                                                                       \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #expression);               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

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

static enum st hook_select(void *ctx, const uint8_t *uid, size_t uid_bytes, unsigned timeout_ms,
                           struct reader_target *ret)
{
    struct reader reader = soft_reader_port(ctx);
    if (hooked->before_command != NULL) {
        hooked->before_command();
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
    if (hooked->before_command != NULL) {
        hooked->before_command();
    }
    return reader.ops->transceive(reader.ctx, tx, tx_bytes, timeout_ms, rx, rx_max, ret_rx_bytes);
}

static enum st hook_deselect(void *ctx, unsigned timeout_ms)
{
    struct reader reader = soft_reader_port(ctx);
    return reader.ops->deselect(reader.ctx, timeout_ms);
}

static const struct reader_ops hook_ops = {hook_select, hook_transceive, hook_deselect};

bool world_boot(struct world *world)
{
    struct fault fault;
    hooked = world;
    soft_reader_init(&world->soft, world->card);
    soft_reader_tap(&world->soft);
    struct card_port port = classic_card_open(
        &world->driver, (struct reader){.ops = &hook_ops, .ctx = &world->soft}, keys);
    const struct store_config store = {.path = world->path != NULL ? world->path : db_name,
                                       .vfs = world->path != NULL ? NULL : vfs_name,
                                       .create = true};
    const struct terminal_config terminal = {.card = port, .firmware = "test"};
    world->store = NULL;
    world->terminal = NULL;
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

static bool is_off(const struct world *world)
{
    return world->path == NULL && crash_vfs_is_cut();
}

bool world_ask(struct world *world, const struct tap_request *request, enum returns returns,
               struct tap_answer *ret)
{
    if (terminal_begin(world->terminal, request, WAIT_MS, ret) != ST_OK) {
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
            if (world->card->is_away && returns == RETURNS_SOON) {
                soft_reader_tap(&world->soft);
            }
        }
    }
    *ret = *terminal_answer(world->terminal);
    ret->history = NULL; /* it points into the tap */
    terminal_finish(world->terminal, !world->is_deaf);
    return true; /* told before the power went, if it went only then */
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
        request.what = TAP_SALE;
        *wish = (struct wish){.kind = TRANSACTION_SALE, .amount = {3300000}};
        wish->pay_credit.rials = operation == OP_SALE || operation == OP_SALE_REDEEM ? 0 : 250000;
        wish->redeem.n = operation == OP_SALE || operation == OP_SALE_CREDIT ? 0 : 12;
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

static void prepare_club(void)
{
    struct fault fault;
    uint32_t terminal = 0;
    MUST(db_open(":memory:", true, &club, &fault) == ST_OK);
    MUST(schema_make(club, &fault) == ST_OK);
    MUST(registry_add_terminal(club, "Refah", "Tajrish", &terminal) == ST_OK);
    MUST(terminal == TERMINAL_NO);
    MUST(registry_programme_put(club, 1, programme_text, 1800000000, &fault) == ST_OK);
    MUST(ledger_open(club, &ledger) == ST_OK);
}

/* A dozen transactions, so that the ring has gone round and a cut write falls on an old snapshot.
 */
static void prepare_card(struct world *world)
{
    struct tap_request issue = world_request(OP_ISSUE), load = world_request(OP_LOAD);
    struct tap_request sale = world_request(OP_SALE);
    struct tap_request both = world_request(OP_SALE_BOTH);
    before = done(world, &issue);
    for (uint32_t counter = 2; counter <= HISTORY_BEFORE; counter++) {
        const struct tap_request *next = counter % 4 == 0   ? &load
                                         : counter % 4 == 2 ? &both
                                                            : &sale;
        next = counter == 2 ? &sale : next;
        before = done(world, next);
        sale_counter = next == &both ? counter : sale_counter;
        load_counter = next == &load ? counter : load_counter;
    }
}

void world_prepare(void)
{
    static const uint8_t uid[4] = {0x04, 0xA1, 0xB2, 0xC3};
    static const uint8_t blank_uid[4] = {0x04, 0xD1, 0xE2, 0xF3};
    static struct world world;
    struct fault fault;
    struct store *store = NULL;
    keys = card_world_keys();
    crash_vfs_register(vfs_name);
    crash_vfs_reset();
    const struct store_config config = {.path = db_name, .vfs = vfs_name, .create = true};
    MUST(store_open(&config, &store, &fault) == ST_OK);
    enrol(store);
    store_close(store);

    classic_init(&member_card, CLASSIC_1K, uid, 4);
    classic_init(&blank_card, CLASSIC_1K, blank_uid, 4);
    world.card = &member_card;
    MUST(world_boot(&world));
    prepare_card(&world);
    member_number = world.driver.number;
    world_die(&world);
    size_t size = 0;
    const uint8_t *bytes = crash_vfs_file(db_name, &size);
    MUST(bytes != NULL && size <= sizeof prepared);
    memcpy(prepared, bytes, size);
    prepared_bytes = size;
    prepare_club();

    for (int n = 0; n < OPERATIONS; n++) {
        struct tap_request request = world_request((enum operation)n);
        world_reset(&world, (enum operation)n, NULL);
        MUST(world_boot(&world));
        expected[n] = done(&world, &request);
        if (n == OP_ISSUE) {
            issued_card = *world.card;
        }
        world_die(&world);
    }
    const char *path = getenv("FAULT_TAP_DUMP");
    dump = path != NULL ? fopen(path, "w") : NULL;
}

void world_reset(struct world *world, enum operation operation, const char *path)
{
    if (world->card == NULL || world->card == &member_card) {
        world->card = mmap(NULL, sizeof *world->card, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        MUST(world->card != MAP_FAILED);
    }
    *world->card = operation == OP_ISSUE ? blank_card : member_card;
    world->path = path;
    world->before_command = NULL;
    world->beside = NULL;
    world->is_deaf = false;
    if (path == NULL) {
        crash_vfs_reset();
        crash_vfs_put(db_name, prepared, prepared_bytes);
        return;
    }
    char wal[256];
    snprintf(wal, sizeof wal, "%s-wal", path);
    unlink(wal);
    snprintf(wal, sizeof wal, "%s-shm", path);
    unlink(wal);
    FILE *file = fopen(path, "wb");
    MUST(file != NULL && fwrite(prepared, 1, prepared_bytes, file) == prepared_bytes);
    MUST(fclose(file) == 0);
}

/* --- the check -------------------------------------------------------------------------------- */

enum { ROWS_MAX = 128 };
static struct journal_row rows[ROWS_MAX];
static size_t row_count;

static _Noreturn void violated(const struct story *story, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "VIOLATED at %s %s: ", operation_names[story->operation], story->where);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (first answer: %s \"%s\")\n", story->was_answered ? "given" : "none",
            story->was_answered ? story->first.say.say : "");
    va_end(arguments);
    abort();
}

/* Equal but for the journal's number: a wish that was planned anew has another one. */
static bool is_same_state(const struct snapshot *a, const struct snapshot *b)
{
    struct snapshot other = *b;
    other.last.sequence = a->last.sequence;
    return settle_same(a, &other);
}

/* The card's transactions by the journal: dense, each beginning where the one before ended. */
struct book {
    uint64_t number;
    uint32_t last;
    struct snapshot after[64]; /* by counter */
};

static void read_book(struct world *world, const struct story *story, uint64_t number,
                      struct book *book)
{
    static struct entry entries[ROWS_MAX];
    uint32_t count = 0;
    struct fault fault;
    if (journal_verify(world->store, &count, &fault) != ST_OK) {
        violated(story, "the journal does not verify: %s", fault.say);
    }
    MUST(journal_fetch(world->store, 0, rows, ROWS_MAX, &row_count) == ST_OK && row_count == count);
    memset(book, 0, sizeof *book);
    book->number = number;
    for (size_t n = 0; n < row_count; n++) {
        MUST(entry_decode(rows[n].bytes, rows[n].size, &entries[n]) == ST_OK);
        const struct entry_outcome *outcome = &entries[n].outcome;
        if (entries[n].kind != ENTRY_OUTCOME || outcome->verdict != VERDICT_DONE) {
            continue;
        }
        const struct entry_intent *intent = &entries[outcome->intent_sequence - 1].intent;
        if (intent->card_number != number) {
            continue;
        }
        if (intent->after.counter != book->last + 1) {
            violated(story, "counter %u is done after %u", intent->after.counter, book->last);
        }
        if (intent->has_before != (book->last > 0) ||
            (intent->has_before && !settle_same(&intent->before, &book->after[book->last]))) {
            violated(story, "counter %u does not begin where %u ended", intent->after.counter,
                     book->last);
        }
        book->last += 1;
        book->after[book->last] = intent->after;
    }
}

static void check_club(const struct story *story, const struct book *book)
{
    static struct wire_sync batch;
    struct ledger_result result;
    struct fault fault;
    struct db_stmt *stmt = NULL;
    bool has_row = false;
    batch = (struct wire_sync){.terminal = TERMINAL_NO, .entry_count = (uint32_t)row_count};
    for (size_t n = 0; n < row_count; n++) {
        batch.entries[n].size = (uint16_t)rows[n].size;
        memcpy(batch.entries[n].bytes, rows[n].bytes, rows[n].size);
    }
    MUST(db_begin_write(club) == ST_OK);
    if (ledger_take_within(ledger, &batch, 1800000000, &result, &fault) != ST_OK ||
        result.answer != LEDGER_TAKEN || result.cases != 0 || result.unchecked != 0) {
        violated(story, "the club opened %u cases, %u unchecked: %s", result.cases,
                 result.unchecked, fault.say);
    }
    MUST(db_prepare(club, "SELECT hi, b0, b1 FROM card WHERE card_no = $1", "i", &stmt) == ST_OK);
    MUST(db_first(stmt, &has_row, (int64_t)book->number) == ST_OK);
    const struct snapshot *last = &book->after[book->last];
    if (book->last > 0 &&
        (!has_row || db_i64(stmt, 0) != book->last || db_i64(stmt, 1) != last->points.n ||
         db_i64(stmt, 2) != last->purse[PURSE_CREDIT].rials)) {
        violated(story, "the club's card is not the journal's");
    }
    db_finish(stmt);
    db_rollback(club);
}

static void check_history(struct world *world, const struct story *story, const struct book *book)
{
    struct card_view view;
    struct snapshot history[CARD_HISTORY_MAX];
    size_t count = 0;
    soft_reader_tap(&world->soft);
    struct classic_card fresh; /* a driver that remembers nothing, as another terminal's */
    struct card_port port = classic_card_open(&fresh, soft_reader_port(&world->soft), keys);
    MUST(port.ops->read(port.ctx, NULL, 0, &view) == ST_OK);
    if (view.condition != CARD_MEMBER || view.number != book->number ||
        view.snapshot.counter != book->last) {
        violated(story, "another terminal reads counter %u, the journal says %u",
                 view.snapshot.counter, book->last);
    }
    MUST(port.ops->history(port.ctx, history, CARD_HISTORY_MAX, &count) == ST_OK);
    uint32_t least = book->last < 8 ? book->last : 8;
    if (count < least) {
        violated(story, "the card's history has %zu of %u transactions", count, least);
    }
    for (size_t n = 0; n < count; n++) {
        if (!settle_same(&history[n], &book->after[book->last - n])) {
            violated(story, "the card's history differs at counter %u", history[n].counter);
        }
    }
    port.ops->release(port.ctx);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t n = 0; n < size; n++) {
        hash = (hash ^ at[n]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* True the first time that this journal and card are seen together. */
static bool is_new(const struct world *world, const struct book *book)
{
    enum { SLOTS_MAX = 1 << 20 };
    static uint64_t seen[SLOTS_MAX];
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    hash = mix(hash, rows[row_count - 1].hash, ENTRY_HASH_BYTES);
    hash = mix(hash, &book->last, sizeof book->last);
    hash = mix(hash, world->card->memory, sizeof world->card->memory) | 1;
    for (uint64_t at = hash;; at++) {
        uint64_t *slot = &seen[at % SLOTS_MAX];
        if (*slot == hash) {
            return false;
        }
        if (*slot == 0) {
            *slot = hash;
            return true;
        }
    }
}

/* One JSON object a line, as tests/reference/vafa_reference.py reads it. */
static void write_dump(const struct book *book)
{
    char hex[2 * ENTRY_BYTES_MAX + 1];
    fprintf(dump, "{\"terminals\":[{\"terminal\":%d,\"entries\":[", TERMINAL_NO);
    for (size_t n = 0; n < row_count; n++) {
        hex_encode(rows[n].bytes, rows[n].size, hex);
        fprintf(dump, "%s\"%s\"", n > 0 ? "," : "", hex);
    }
    hex_encode(rows[row_count - 1].hash, ENTRY_HASH_BYTES, hex);
    fprintf(dump, "],\"hash\":\"%s\"}],\"cards\":[{\"number\":%" PRIu64 ",\"images\":[", hex,
            book->number);
    for (uint32_t counter = book->last; counter > 0 && counter + 8 > book->last; counter--) {
        uint8_t image[SNAPSHOT_IMAGE_BYTES];
        snapshot_encode(&book->after[counter], image);
        hex_encode(image, sizeof image, hex);
        fprintf(dump, "%s\"%s\"", counter < book->last ? "," : "", hex);
    }
    const struct snapshot *last = &book->after[book->last];
    fprintf(dump,
            "]}],\"club\":[{\"card\":%" PRIu64 ",\"points\":%" PRId64 ",\"credit\":%" PRId64
            ",\"gift\":0,\"voucher\":0,\"counter\":%u}]}\n",
            book->number, last->points.n, last->purse[PURSE_CREDIT].rials, book->last);
}

/* Everything that must hold once nothing is in doubt any more. */
static void check_settled(struct world *world, const struct story *story, uint64_t number)
{
    struct journal_counts counts;
    static struct book book;
    MUST(journal_counts(world->store, &counts) == ST_OK);
    if (counts.pending != 0) {
        violated(story, "%u intents are still in doubt", counts.pending);
    }
    read_book(world, story, number, &book);
    check_history(world, story, &book);
    world_checked++;
    if (is_new(world, &book)) {
        world_distinct++;
        check_club(story, &book);
        if (dump != NULL) {
            write_dump(&book);
        }
    }
}

static void again(struct world *world, const struct story *story, const struct tap_request *request,
                  struct tap_answer *ret)
{
    memset(ret, 0, sizeof *ret);
    soft_reader_tap(&world->soft);
    if (!world_ask(world, request, RETURNS_SOON, ret)) {
        violated(story, "the next tap gets no answer");
    }
}

/* Some trailer is neither as it left the factory nor as an issue leaves it. */
static bool has_torn_trailer(const struct classic *card)
{
    static const uint8_t firm[CLASSIC_BLOCK_BYTES];
    for (unsigned block = 3; block < 64; block += 4) {
        if (memcmp(card->weak[block], firm, sizeof firm) != 0 ||
            (memcmp(card->memory[block], blank_card.memory[block], sizeof firm) != 0 &&
             memcmp(card->memory[block], issued_card.memory[block], sizeof firm) != 0)) {
            return true;
        }
    }
    return false;
}

/* A trailer that is torn locks its sector, whoever wrote it: a blank card is then lost, as any that
 * breaks. It must hold no value, and nothing may say that it was issued. */
static bool is_lost_blank(struct world *world, const struct story *story,
                          const struct tap_answer *answer)
{
    static struct book book;
    if (story->operation != OP_ISSUE || answer->outcome != TAP_NOT_DONE ||
        (answer->reason != TAP_REASON_FOREIGN && answer->reason != TAP_REASON_DAMAGED)) {
        return false;
    }
    if (!has_torn_trailer(world->card)) {
        violated(story, "no trailer is torn, and the card is refused: %s", answer->say.say);
    }
    if (story->was_answered && story->first.outcome == TAP_DONE) {
        violated(story, "the issue was answered done and the card is lost");
    }
    read_book(world, story, 0, &book);
    for (size_t n = 0; n < row_count; n++) {
        struct entry entry;
        MUST(entry_decode(rows[n].bytes, rows[n].size, &entry) == ST_OK);
        const struct entry_outcome *outcome = &entry.outcome;
        if (entry.kind == ENTRY_OUTCOME && outcome->verdict == VERDICT_DONE &&
            outcome->counter == 1 && outcome->card_number != member_number) {
            violated(story, "the journal says issued and the card is lost");
        }
    }
    world_lost++;
    return true;
}

void world_check_balance(struct world *world, const struct story *story)
{
    struct tap_answer answer;
    const struct tap_request balance = world_balance();
    again(world, story, &balance, &answer);
    if (is_lost_blank(world, story, &answer)) {
        return;
    }
    if (story->operation == OP_ISSUE && answer.outcome == TAP_NOT_DONE &&
        answer.reason == TAP_REASON_BLANK) {
        if (story->was_answered && story->first.outcome == TAP_DONE) {
            violated(story, "the issue was answered done and the card is blank");
        }
        world_check_again(world, story);
        return;
    }
    if (answer.outcome != TAP_DONE || !answer.has_snapshot) {
        violated(story, "the balance is answered: %s", answer.say.say);
    }
    bool is_before = story->operation != OP_ISSUE && settle_same(&answer.snapshot, &before);
    bool is_after = is_same_state(&answer.snapshot, &expected[story->operation]);
    if (is_before == is_after) {
        violated(story, "the card is neither before nor after");
    }
    if (story->was_answered && story->first.outcome == TAP_DONE && !is_after) {
        violated(story, "answered done, and the card does not carry it");
    }
    if (story->was_answered && story->first.outcome == TAP_NOT_DONE && !is_before) {
        violated(story, "answered not done, and the card carries it");
    }
    check_settled(world, story, answer.card_number);
}

void world_check_again(struct world *world, const struct story *story)
{
    struct tap_answer answer;
    struct tap_request request = world_request(story->operation);
    if (story->was_answered && story->first.outcome == TAP_DONE) {
        world_check_balance(world, story); /* asking again would be a second one, rightly */
        return;
    }
    again(world, story, &request, &answer);
    if (is_lost_blank(world, story, &answer)) {
        return;
    }
    if (answer.outcome != TAP_DONE) {
        violated(story, "asked again it is answered: %s", answer.say.say);
    }
    if (!is_same_state(&answer.snapshot, &expected[story->operation])) {
        violated(story, "asked again it is not done exactly once");
    }
    check_settled(world, story, answer.card_number);
}
