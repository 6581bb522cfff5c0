#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "storage/store.h"
#include "tests/fault/fault_tap_priv.h"
#include "tests/support/seen.h"

uint64_t world_checked, world_distinct, world_lost;

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

/* A card in another's place is of that one's member. */
static uint64_t account_of(const struct entry_intent *intent)
{
    const struct peer *peer = &intent->occasion.peer;
    return peer->direction == PEER_IN ? peer->card_number : intent->card_number;
}

/* Each issue brings its member, and no member comes without one: both or neither. */
static void check_members(const struct story *story, const struct entry *entries, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        const struct entry *entry = &entries[n], *next = n + 1 < count ? &entries[n + 1] : NULL;
        if (entry->kind == ENTRY_INTENT && !entry->intent.has_before &&
            (next == NULL || next->kind != ENTRY_MEMBER ||
             next->member.account != account_of(&entry->intent) ||
             next->member.card_number != entry->intent.card_number)) {
            violated(story, "entry %u issues a card without its member", entry->sequence);
        }
        if (entry->kind == ENTRY_MEMBER &&
            (n == 0 || entries[n - 1].kind != ENTRY_INTENT || entries[n - 1].intent.has_before)) {
            violated(story, "entry %u is a member without a card's issue", entry->sequence);
        }
    }
}

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
    check_members(story, entries, row_count);
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
    MUST(db_begin_write(prepared.club) == ST_OK);
    if (ledger_take_within(prepared.ledger, &batch, 1800000000, &result, &fault) != ST_OK ||
        result.answer != LEDGER_TAKEN || result.cases != 0 || result.unchecked != 0) {
        violated(story, "the club opened %u cases, %u unchecked: %s", result.cases,
                 result.unchecked, fault.say);
    }
    MUST(db_prepare(prepared.club, "SELECT hi, b0, b1 FROM card WHERE card_no = $1", "i", &stmt) ==
         ST_OK);
    MUST(db_first(stmt, &has_row, (int64_t)book->number) == ST_OK);
    const struct snapshot *last = &book->after[book->last];
    if (book->last > 0 &&
        (!has_row || db_i64(stmt, 0) != book->last || db_i64(stmt, 1) != last->points.n ||
         db_i64(stmt, 2) != last->purse[PURSE_CREDIT].rials)) {
        violated(story, "the club's card is not the journal's");
    }
    db_finish(stmt);
    db_rollback(prepared.club);
}

static void check_history(struct world *world, const struct story *story, const struct book *book)
{
    struct card_view view;
    struct snapshot history[CARD_HISTORY_MAX];
    size_t count = 0;
    soft_reader_tap(&world->soft);
    struct card_families fresh; /* a driver that remembers nothing, as another terminal's */
    struct card_port port = card_families_open(&fresh, world_reader(world), prepared.keys);
    MUST(port.ops->read(port.ctx, NULL, 0, &view) == ST_OK);
    if (view.condition != CARD_MEMBER || view.number != book->number ||
        view.snapshot.counter != book->last) {
        violated(story, "another terminal reads counter %u, the journal says %u",
                 view.snapshot.counter, book->last);
    }
    MUST(port.ops->history(port.ctx, history, CARD_HISTORY_MAX, &count) == ST_OK);
    uint32_t ring = prepared.family == CARD_DESFIRE ? 32 : 8;
    uint32_t least = book->last < ring ? book->last : ring;
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

/* True the first time that this journal and card are seen together. */
static bool is_new(const struct world *world, const struct book *book)
{
    static struct seen seen;
    uint64_t hash = world_mix(0, rows[row_count - 1].hash, ENTRY_HASH_BYTES);
    hash = world_mix(hash, &book->last, sizeof book->last);
    static uint8_t card[CARD_BYTES_MAX];
    return seen_first(&seen, world_mix(hash, card, chip_bytes(world->chip, card)));
}

/* One JSON object a line, as tests/reference/vafa_reference.py reads it. */
static void write_dump(const struct book *book)
{
    char hex[2 * ENTRY_BYTES_MAX + 1];
    fprintf(prepared.dump, "{\"terminals\":[{\"terminal\":%d,\"entries\":[", TERMINAL_NO);
    for (size_t n = 0; n < row_count; n++) {
        hex_encode(rows[n].bytes, rows[n].size, hex);
        fprintf(prepared.dump, "%s\"%s\"", n > 0 ? "," : "", hex);
    }
    hex_encode(rows[row_count - 1].hash, ENTRY_HASH_BYTES, hex);
    fprintf(prepared.dump, "],\"hash\":\"%s\"}],\"cards\":[{\"number\":%" PRIu64 ",\"images\":[",
            hex, book->number);
    for (uint32_t counter = book->last; counter > 0 && counter + 8 > book->last; counter--) {
        uint8_t image[SNAPSHOT_IMAGE_BYTES];
        snapshot_encode(&book->after[counter], image);
        hex_encode(image, sizeof image, hex);
        fprintf(prepared.dump, "%s\"%s\"", counter < book->last ? "," : "", hex);
    }
    const struct snapshot *last = &book->after[book->last];
    fprintf(prepared.dump,
            "]}],\"club\":[{\"card\":%" PRIu64 ",\"points\":%" PRId64 ",\"credit\":%" PRId64
            ",\"gift\":%" PRId64 ",\"voucher\":%" PRId64 ",\"counter\":%u}]}\n",
            book->number, last->points.n, last->purse[PURSE_CREDIT].rials,
            last->purse[PURSE_GIFT].rials, last->purse[PURSE_VOUCHER].rials, book->last);
}

/* What came for the card beside its snapshot is on it. */
static void check_identity(struct world *world, const struct story *story)
{
    static struct card_families driver;
    struct card_identity identity;
    struct card_view view;
    const struct card_port port =
        card_families_open(&driver, soft_reader_port(&world->soft), prepared.keys);
    soft_reader_tap(&world->soft);
    MUST(port.ops->read(port.ctx, NULL, 0, &view) == ST_OK && view.condition == CARD_MEMBER);
    if (port.ops->identity(port.ctx, &identity) != ST_OK) {
        violated(story, "the card's identity is not whole");
    }
    if (identity.kind != world_particulars.kind ||
        identity.birthday != world_particulars.birthday ||
        identity.wedding != world_particulars.wedding ||
        identity.expires != world_particulars.expires || identity.number != view.number ||
        strcmp(identity.name, "Maryam") != 0) {
        violated(story, "the card does not say its new particulars");
    }
    if (view.snapshot.layout != 2) {
        violated(story, "the card is not of layout 2");
    }
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
    if (story->operation == OP_SALE_ACTIONS) {
        check_identity(world, story);
    }
    world_checked++;
    if (is_new(world, &book)) {
        world_distinct++;
        check_club(story, &book);
        if (prepared.dump != NULL) {
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

bool has_torn_trailer(const struct classic *card)
{
    static const uint8_t firm[CLASSIC_BLOCK_BYTES];
    for (unsigned block = 3; block < 64; block += 4) {
        if (memcmp(card->weak[block], firm, sizeof firm) != 0 ||
            (memcmp(card->memory[block], prepared.blank.classic.memory[block], sizeof firm) != 0 &&
             memcmp(card->memory[block], prepared.issued.classic.memory[block], sizeof firm) !=
                 0)) {
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
    if (prepared.family != CARD_CLASSIC || !world_issues(story->operation) ||
        answer->outcome != TAP_NOT_DONE ||
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
            outcome->counter == 1 && outcome->card_number != prepared.member_number &&
            outcome->card_number != prepared.giver_number &&
            outcome->card_number != prepared.mover_number) {
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
    if (world_issues(story->operation) && answer.outcome == TAP_NOT_DONE &&
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
    bool is_late = story->operation == OP_SALE_EXPIRE;
    bool is_before =
        !world_issues(story->operation) &&
        settle_same(&answer.snapshot, is_late ? &prepared.before_late : &prepared.before);
    /* The points may have expired and nothing that was asked have happened yet. */
    is_before |= is_late && is_same_state(&answer.snapshot, &prepared.between);
    if (story->operation == OP_SALE_ACTIONS) { /* this balance brings what had not come before */
        is_before = is_same_state(&answer.snapshot, &prepared.arrived);
    }
    bool is_after = is_same_state(&answer.snapshot, &prepared.expected[story->operation]);
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
    if (!is_same_state(&answer.snapshot, &prepared.expected[story->operation])) {
        violated(story, "asked again it is not done exactly once");
    }
    check_settled(world, story, answer.card_number);
}
