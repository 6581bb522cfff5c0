#include <string.h>

#include "server/ledger_priv.h"

/* A snapshot names the terminal and entry that made it, so each reading of a card testifies to a
 * transaction that another terminal may not have sent yet. */

static enum st clone_case(struct ledger *ledger, const struct item *by, uint32_t counter,
                          int64_t terminal, int64_t sequence, const uint8_t *other,
                          const struct snapshot *shown)
{
    return case_open_listed(
        ledger, "clone", by, ledger->card.number, counter, other,
        "Card %016llu has two transactions %u: entry %lld of terminal %lld, and entry "
        "%u of terminal %u as entry %u of terminal %u saw on the card.",
        (unsigned long long)ledger->card.number, counter, (long long)sequence, (long long)terminal,
        shown->last.sequence, shown->last.terminal, by->entry.sequence, by->entry.terminal);
}

/* The same when the other transaction is posted: its snapshot is the evidence. */
static enum st clone_case_posted(struct ledger *ledger, const struct item *by, int64_t terminal,
                                 int64_t sequence, const struct snapshot *shown)
{
    struct snapshot posted;
    uint8_t other[SNAPSHOT_IMAGE_BYTES];
    bool is_known = false;
    enum st st = posted_image(ledger, shown->counter, &posted, &is_known);
    if (is_known) {
        snapshot_encode(&posted, other);
    }
    return st == ST_OK ? clone_case(ledger, by, shown->counter, terminal, sequence,
                                    is_known ? other : NULL, shown)
                       : st;
}

static enum st broken_case(struct ledger *ledger, const struct item *by, uint32_t counter)
{
    return case_open(
        ledger, "broken", by, ledger->card.number, counter,
        "Card %016llu: the state after transaction %u is not what entry %u of terminal "
        "%u says.",
        (unsigned long long)ledger->card.number, counter, by->entry.sequence, by->entry.terminal);
}

/* The counter is posted: was it this transaction, and with this result? */
static enum st compare_posted(struct ledger *ledger, const struct snapshot *snapshot,
                              const uint8_t *image, const struct item *by)
{
    struct db_stmt *stmt = ledger->sql[SQL_TXN_GET];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)ledger->card.number, (int64_t)snapshot->counter);
    if (st != ST_OK || !row) {
        return st == ST_OK ? ST_CORRUPT : st;
    }
    int64_t terminal = db_i64(stmt, 0), sequence = db_i64(stmt, 1);
    db_reset(stmt);
    if (terminal != snapshot->last.terminal || sequence != snapshot->last.sequence) {
        return clone_case_posted(ledger, by, terminal, sequence, snapshot);
    }
    struct item *posted = NULL;
    st = record_load(ledger, (uint32_t)terminal, (uint32_t)sequence, &posted);
    if (st == ST_OK && posted == NULL) {
        struct proof proof;
        st = proof_get(ledger, (uint32_t)terminal, (uint32_t)sequence, &proof);
        return st == ST_OK && proof.is_there && memcmp(proof.image, image, sizeof proof.image) != 0
                   ? broken_case(ledger, by, snapshot->counter)
                   : st;
    }
    if (st != ST_OK) {
        return st;
    }
    uint8_t after[SNAPSHOT_IMAGE_BYTES];
    bool is_same = false;
    if (posted->entry.kind == ENTRY_INTENT) {
        snapshot_encode(&posted->entry.intent.after, after);
        is_same = memcmp(after, image, sizeof after) == 0;
    }
    ledger->earlier_count--;
    return is_same ? ST_OK : broken_case(ledger, by, snapshot->counter);
}

/* Does `snapshot` show that `item` is on the card? */
static bool is_proof(const struct item *item, uint64_t card, const uint8_t *image)
{
    if (item->entry.kind != ENTRY_INTENT || item->entry.intent.card_number != card) {
        return false;
    }
    uint8_t after[SNAPSHOT_IMAGE_BYTES];
    snapshot_encode(&item->entry.intent.after, after);
    return memcmp(after, image, sizeof after) == 0;
}

/* `item` is on the card, whatever its terminal says of it: it is to be posted, because the books
 * say what cards carry. `by` is what told the club. */
static enum st believe(struct ledger *ledger, struct item *item, const struct item *by)
{
    const struct entry_intent *intent = &item->entry.intent;
    if (ledger->proved_count < EARLIER_MAX) {
        ledger->proved[ledger->proved_count++] = item;
    }
    if (item->fate != FATE_NOT_DONE) {
        return ST_OK;
    }
    return case_open(ledger, "verdict", by, intent->card_number, intent->after.counter,
                     "Terminal %u says that entry %u was not done, but card %016llu carries it "
                     "(transaction %u).",
                     item->entry.terminal, item->entry.sequence,
                     (unsigned long long)intent->card_number, intent->after.counter);
}

static bool is_unposted(enum fate fate)
{
    return fate == FATE_OPEN || fate == FATE_LEFT || fate == FATE_NOT_DONE;
}

/* A counter seen for the first time. The club may hold the intent already, and not have posted it.
 */
static enum st note_new(struct ledger *ledger, const struct snapshot *snapshot,
                        const uint8_t *image, const struct item *by)
{
    struct card_row *card = &ledger->card;
    enum st st = db_run(ledger->sql[SQL_SEEN_PUT], (int64_t)card->number,
                        (int64_t)snapshot->counter, (int64_t)snapshot->last.terminal,
                        (int64_t)snapshot->last.sequence, image, (size_t)SNAPSHOT_IMAGE_BYTES,
                        (int64_t)by->entry.terminal, (int64_t)by->entry.sequence);
    if (snapshot->counter > card->known) {
        card->known = snapshot->counter;
    }
    card->is_changed = true; /* A card that was only ever seen has a row, too. */
    proof_mark(ledger);
    struct item *item = NULL;
    if (st == ST_OK && snapshot->action != 0) {
        st = actions_passed(ledger, card->number, snapshot->action);
    }
    if (st == ST_OK) {
        st = record_load(ledger, snapshot->last.terminal, snapshot->last.sequence, &item);
    }
    if (st != ST_OK || item == NULL) {
        return st;
    }
    if (is_proof(item, card->number, image)) {
        if (is_unposted(item->fate)) {
            return believe(ledger, item, by);
        }
    } else if (st == ST_OK) {
        st = case_open(ledger, "denied", by, card->number, snapshot->counter,
                       "Card %016llu showed entry %u of terminal %u as its transaction %u; that "
                       "terminal's journal has another one there.",
                       (unsigned long long)card->number, snapshot->last.sequence,
                       snapshot->last.terminal, snapshot->counter);
    }
    ledger->earlier_count--;
    return st;
}

enum st evidence_note(struct ledger *ledger, const struct snapshot *snapshot, const struct item *by)
{
    const struct card_row *card = &ledger->card;
    uint32_t counter = snapshot->counter;
    uint8_t image[SNAPSHOT_IMAGE_BYTES];
    snapshot_encode(snapshot, image);
    if (counter == card->top && memcmp(image, card->image, sizeof image) == 0) {
        return ST_OK; /* Nearly always. */
    }
    bool has = false;
    enum st st = card_has(ledger, counter, &has);
    if (st != ST_OK) {
        return st;
    }
    if (has) {
        return compare_posted(ledger, snapshot, image, by);
    }
    struct db_stmt *stmt = ledger->sql[SQL_SEEN_GET];
    bool seen = false;
    st = db_first(stmt, &seen, (int64_t)card->number, (int64_t)counter);
    if (st != ST_OK || !seen) {
        db_reset(stmt);
        return st == ST_OK ? note_new(ledger, snapshot, image, by) : st;
    }
    int64_t terminal = db_i64(stmt, 0), sequence = db_i64(stmt, 1);
    size_t size = 0;
    const void *held = db_bytes(stmt, 2, &size);
    uint8_t other[SNAPSHOT_IMAGE_BYTES] = {0};
    if (size == sizeof other) {
        memcpy(other, held, size);
    }
    db_reset(stmt);
    return memcmp(other, image, sizeof other) == 0
               ? ST_OK
               : clone_case(ledger, by, counter, terminal, sequence, other, snapshot);
}

enum st evidence_prove(struct ledger *ledger, struct item *item)
{
    struct db_stmt *stmt = ledger->sql[SQL_SEEN_GET];
    const struct entry_intent *intent = &item->entry.intent;
    if (intent->after.counter > ledger->card.known || !is_unposted(item->fate)) {
        return ST_OK;
    }
    bool seen = false, is_seen_so = false;
    enum st st =
        db_first(stmt, &seen, (int64_t)ledger->card.number, (int64_t)intent->after.counter);
    if (st == ST_OK && seen) {
        size_t size = 0;
        const void *held = db_bytes(stmt, 2, &size);
        is_seen_so = size == SNAPSHOT_IMAGE_BYTES && is_proof(item, ledger->card.number, held);
    }
    db_reset(stmt);
    struct proof proof = {.is_there = false};
    if (st == ST_OK && !seen) {
        st = proof_get(ledger, item->entry.terminal, item->entry.sequence, &proof);
        is_seen_so = proof.is_there && is_proof(item, proof.card, proof.image);
    }
    return st == ST_OK && is_seen_so ? believe(ledger, item, item) : st;
}

enum st evidence_replace(struct ledger *ledger, const struct item *item)
{
    const struct snapshot *after = &item->entry.intent.after;
    struct db_stmt *stmt = ledger->sql[SQL_SEEN_GET];
    bool seen = false;
    enum st st = db_first(stmt, &seen, (int64_t)ledger->card.number, (int64_t)after->counter);
    if (st != ST_OK || !seen) {
        db_reset(stmt);
        return st;
    }
    int64_t terminal = db_i64(stmt, 0), sequence = db_i64(stmt, 1);
    size_t size = 0;
    const void *held = db_bytes(stmt, 2, &size);
    uint8_t other[SNAPSHOT_IMAGE_BYTES] = {0};
    if (size == sizeof other) {
        memcpy(other, held, size);
    }
    db_reset(stmt);
    if (!is_proof(item, ledger->card.number, other)) {
        st = clone_case(ledger, item, after->counter, terminal, sequence, other, after);
    }
    return st == ST_OK ? db_run(ledger->sql[SQL_SEEN_DROP], (int64_t)ledger->card.number,
                                (int64_t)after->counter)
                       : st;
}

enum st evidence_check_next(struct ledger *ledger, const struct item *item)
{
    struct db_stmt *stmt = ledger->sql[SQL_TXN_GET];
    uint32_t counter = item->entry.intent.after.counter;
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)ledger->card.number, (int64_t)counter + 1);
    if (st != ST_OK || !row) {
        db_reset(stmt);
        return st;
    }
    uint32_t terminal = (uint32_t)db_i64(stmt, 0), sequence = (uint32_t)db_i64(stmt, 1);
    db_reset(stmt);
    struct item *next = NULL;
    st = record_load(ledger, terminal, sequence, &next);
    if (st == ST_OK && next == NULL) {
        struct proof proof;
        st = proof_get(ledger, terminal, sequence, &proof);
        return st == ST_OK && proof.is_there && !is_proof(item, ledger->card.number, proof.before)
                   ? broken_case(ledger, item, counter)
                   : st;
    }
    if (st != ST_OK) {
        return st;
    }
    uint8_t before[SNAPSHOT_IMAGE_BYTES];
    bool follows = false;
    if (next->entry.kind == ENTRY_INTENT && next->entry.intent.has_before) {
        snapshot_encode(&next->entry.intent.before, before);
        follows = is_proof(item, ledger->card.number, before);
    }
    ledger->earlier_count--;
    return follows ? ST_OK : broken_case(ledger, item, counter);
}

enum st evidence_branches(struct ledger *ledger, const struct item *item, bool *ret_does)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct card_row *card = &ledger->card;
    const uint32_t counter = intent->before.counter;
    uint8_t image[SNAPSHOT_IMAGE_BYTES];
    *ret_does = false;
    if (!intent->has_before) {
        return ST_OK;
    }
    snapshot_encode(&intent->before, image);
    if (counter == card->top && memcmp(image, card->image, sizeof image) == 0) {
        return ST_OK; /* Nearly always. */
    }
    bool has = false;
    struct db_stmt *stmt = ledger->sql[SQL_TXN_GET];
    enum st st = card_has(ledger, counter, &has);
    if (st != ST_OK || !has) {
        return st;
    }
    st = db_first(stmt, &has, (int64_t)card->number, (int64_t)counter);
    if (st != ST_OK || !has) {
        return st == ST_OK ? ST_CORRUPT : st;
    }
    const int64_t terminal = db_i64(stmt, 0), sequence = db_i64(stmt, 1);
    db_reset(stmt);
    *ret_does =
        terminal != intent->before.last.terminal || sequence != intent->before.last.sequence;
    return *ret_does ? clone_case_posted(ledger, item, terminal, sequence, &intent->before) : ST_OK;
}

enum st evidence_back(struct ledger *ledger, const struct item *by)
{
    const struct snapshot *shown = &by->entry.sighting.snapshot;
    const struct card_row *card = &ledger->card;
    return case_open_listed(
        ledger, "restored", by, card->number, shown->counter, card->top == 0 ? NULL : card->image,
        "Card %016llu showed transaction %u as its newest at entry %u of terminal %u, which had "
        "seen it further on or otherwise (the club: %u).",
        (unsigned long long)card->number, shown->counter, by->entry.sequence, by->entry.terminal,
        card->known);
}
