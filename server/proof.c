/* Posting by proof: what a terminal that is declared dead did, read off the cards that it served.
 * Why only then, and what a card cannot tell: docs/decisions/0009-rebuilding.md. */
#include <gnutls/crypto.h>
#include <string.h>

#include "server/business_day.h"
#include "server/proof_parts.h"

enum st proof_begin(struct ledger *ledger)
{
    struct db_stmt *stmt = ledger->sql[SQL_CLUB_GET];
    bool row = false;
    enum st st = db_first(stmt, &row, CLUB_REBUILT);
    ledger->is_rebuilding = st == ST_OK && row && db_i64(stmt, 0) != 0;
    ledger->marked_count = 0;
    ledger->has_halves = ledger->has_pairs = false;
    db_reset(stmt);
    return st;
}

void proof_mark(struct ledger *ledger)
{
    const uint64_t card = ledger->card.number;
    const size_t count = ledger->marked_count;
    if (!ledger->is_rebuilding || count == EARLIER_MAX ||
        (count > 0 && ledger->marked[count - 1] == card)) {
        return;
    }
    ledger->marked[ledger->marked_count++] = card;
}

/* --- what is known ------------------------------------------------------------------------- */

enum st proof_get(struct ledger *ledger, uint32_t terminal, uint32_t sequence, struct proof *ret)
{
    *ret = (struct proof){.is_there = false};
    if (!ledger->is_rebuilding) {
        return ST_OK;
    }
    struct db_stmt *stmt = ledger->sql[SQL_PROOF_GET];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)terminal, (int64_t)sequence);
    if (st == ST_OK && row) {
        size_t size = 0, before_size = 0;
        const void *before = db_bytes(stmt, 2, &before_size);
        const void *image = db_bytes(stmt, 3, &size);
        ret->is_there = true;
        ret->card = (uint64_t)db_i64(stmt, 0);
        ret->counter = (uint32_t)db_i64(stmt, 1);
        ret->has_before = before_size != 0;
        ret->value = db_i64(stmt, 4);
        ret->flags = db_i64(stmt, 5);
        ret->at = db_i64(stmt, 6);
        if (size != sizeof ret->image || (before_size != 0 && before_size != sizeof ret->before)) {
            st = ST_CORRUPT;
        } else {
            memcpy(ret->image, image, size);
            memcpy(ret->before, before_size == 0 ? ret->before : before, before_size);
        }
    }
    db_reset(stmt);
    return st;
}

enum st posted_image(struct ledger *ledger, uint32_t counter, struct snapshot *ret, bool *ret_known)
{
    struct db_stmt *stmt = ledger->sql[SQL_TXN_GET];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)ledger->card.number, (int64_t)counter);
    if (st != ST_OK || !row) {
        return st == ST_OK ? ST_CORRUPT : st;
    }
    const uint32_t terminal = (uint32_t)db_i64(stmt, 0), sequence = (uint32_t)db_i64(stmt, 1);
    db_reset(stmt);
    struct proof proof;
    struct item *item = NULL;
    *ret_known = false;
    st = proof_get(ledger, terminal, sequence, &proof);
    if (st == ST_OK && proof.is_there && proof.card == ledger->card.number) {
        *ret_known = snapshot_decode(proof.image, ret) == ST_OK;
        return ST_OK;
    }
    if (st == ST_OK) {
        st = record_load(ledger, terminal, sequence, &item);
    }
    if (st == ST_OK && item != NULL) {
        ledger->earlier_count--;
        *ret_known = item->entry.kind == ENTRY_INTENT;
        *ret = item->entry.intent.after;
    }
    return st;
}

/* The card's state after `counter`, by a posting or by what was seen on the card. */
static enum st image_of(struct ledger *ledger, uint32_t counter, struct snapshot *ret,
                        bool *ret_known)
{
    bool has = false;
    *ret_known = false;
    enum st st = card_has(ledger, counter, &has);
    if (st != ST_OK || has) {
        return st == ST_OK ? posted_image(ledger, counter, ret, ret_known) : st;
    }
    struct db_stmt *stmt = ledger->sql[SQL_SEEN_GET];
    bool row = false;
    st = db_first(stmt, &row, (int64_t)ledger->card.number, (int64_t)counter);
    if (st == ST_OK && row) {
        size_t size = 0;
        const void *image = db_bytes(stmt, 2, &size);
        *ret_known = size == SNAPSHOT_IMAGE_BYTES && snapshot_decode(image, ret) == ST_OK;
    }
    db_reset(stmt);
    return st;
}

/* Rials that a point paid for by the newest programme of the club whose mark is on the card; the
 * one that the terminal last had goes first. 0: none fits, or nothing was spent. */
static enum st point_value(struct ledger *ledger, uint32_t terminal, uint8_t mark, int64_t *ret)
{
    struct db_stmt *stmt = ledger->sql[SQL_TERM_DEAD_AT];
    bool row = false;
    *ret = 0;
    enum st st = db_first(stmt, &row, (int64_t)terminal);
    int64_t version = st == ST_OK && row ? db_i64(stmt, 1) : 0;
    int64_t next = INT64_MAX;
    db_reset(stmt);
    while (st == ST_OK) {
        const struct programme *programme = NULL;
        st = reckon_programme(ledger, (uint32_t)version, &programme);
        if (st == ST_OK && programme != NULL && programme->point_value.rials > 0 &&
            plan_value_mark(programme->point_value) == mark) {
            *ret = programme->point_value.rials;
            return ST_OK;
        }
        stmt = ledger->sql[SQL_PROGRAMME_OLDER];
        st = st == ST_OK ? db_first(stmt, &row, next) : st;
        if (st == ST_OK && !row) {
            db_reset(stmt);
            return ST_OK;
        }
        version = next = st == ST_OK ? db_i64(stmt, 0) : 0;
        db_reset(stmt);
    }
    return st;
}

/* What the snapshots themselves do not tell of `after`'s parts. */
static enum st find_facts(struct ledger *ledger, const struct snapshot *after, int64_t *ret_value,
                          int64_t *ret_flags)
{
    uint8_t mark = after->last.reference;
    *ret_value = 0;
    *ret_flags = 0;
    enum st st = ST_OK;
    if (after->last.kind == TRANSACTION_REFUND) {
        *ret_flags = PROOF_FLAGS_UNKNOWN;
        struct snapshot sale;
        bool is_known = false;
        st = image_of(ledger, after->counter - after->last.reference, &sale, &is_known);
        if (st != ST_OK || !is_known || sale.last.kind != TRANSACTION_SALE) {
            return st;
        }
        *ret_flags = sale.last.flags;
        mark = sale.last.reference;
    }
    return after->last.redeemed.n == 0 ? st
                                       : point_value(ledger, after->last.terminal, mark, ret_value);
}

/* --- posting ------------------------------------------------------------------------------- */

/* A row of `seen` that a dead terminal's transaction left. */
struct claim {
    uint32_t counter, terminal, sequence, by_terminal, by_sequence;
    struct snapshot before, after;
    bool has_before;
};

static void digest_of_proof(const struct claim *claim, uint8_t ret[DIGEST_BYTES])
{
    uint8_t both[2 * SNAPSHOT_IMAGE_BYTES] = {0}, hash[ENTRY_HASH_BYTES];
    if (claim->has_before) {
        snapshot_encode(&claim->before, both);
    }
    snapshot_encode(&claim->after, both + SNAPSHOT_IMAGE_BYTES);
    int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, both, sizeof both, hash);
    assert(rc == 0 && "SHA-256 of memory cannot fail");
    memcpy(ret, hash, DIGEST_BYTES);
}

static enum st store_proof(struct ledger *ledger, const struct claim *claim, int64_t value,
                           int64_t flags)
{
    uint8_t before[SNAPSHOT_IMAGE_BYTES] = {0}, image[SNAPSHOT_IMAGE_BYTES];
    if (claim->has_before) {
        snapshot_encode(&claim->before, before);
    }
    snapshot_encode(&claim->after, image);
    return db_run(ledger->sql[SQL_PROOF_PUT], (int64_t)claim->terminal, (int64_t)claim->sequence,
                  (int64_t)ledger->card.number, (int64_t)claim->counter, before,
                  claim->has_before ? sizeof before : (size_t)0, image, sizeof image, value, flags,
                  (int64_t)claim->by_terminal, (int64_t)claim->by_sequence, ledger->now_s);
}

/* An ACTION's parts are not on the card alone: the club's own actions tell the rest. */
static enum st derive(struct ledger *ledger, struct item *item, struct posting *posting)
{
    const bool is_action = item->entry.intent.after.last.kind == TRANSACTION_ACTION;
    enum st st = is_action ? actions_derive(ledger, item) : ST_OK;
    if (st == ST_OK) {
        posting_make(&item->entry.intent, posting);
        st = is_action ? actions_post(ledger, item, posting) : ST_OK;
    }
    proof_recover(posting);
    return st;
}

static enum st post_claim(struct ledger *ledger, const struct claim *claim, const struct item *by)
{
    struct visit visit;
    struct item item;
    struct posting posting;
    uint8_t digest[DIGEST_BYTES];
    int64_t value = 0, flags = 0;
    enum st st = find_facts(ledger, &claim->after, &value, &flags);
    if (st == ST_OK) {
        st = ledger_enter(ledger, claim->terminal, &visit);
    }
    if (st != ST_OK) {
        return st;
    }
    proof_item(ledger->card.number, claim->has_before ? &claim->before : NULL, &claim->after, value,
               flags, ledger->now_s, by, &item);
    st = derive(ledger, &item, &posting);
    digest_of_proof(claim, digest);
    if (st == ST_OK && posting.is_conserved) {
        st = posting_check(ledger, &item, &posting);
    }
    if (st == ST_OK && claim->after.last.kind == TRANSACTION_DUPLICATE) {
        st = duplicates_post(ledger, &item);
    }
    if (st == ST_OK && claim->after.last.kind == TRANSACTION_TRANSFER) {
        st = transfers_post(ledger, &item);
    }
    if (st == ST_OK) {
        st = db_run(ledger->sql[SQL_SEEN_DROP], (int64_t)ledger->card.number,
                    (int64_t)claim->counter);
    }
    if (st == ST_OK && claim->counter < ledger->card.top) {
        st = evidence_check_next(ledger, &item);
    }
    if (st == ST_OK) {
        st = store_proof(ledger, claim, value, flags);
    }
    if (st == ST_OK) {
        ledger->result.unchecked++;
        st = posting_book(ledger, &item, &posting, digest);
    }
    if (st == ST_OK) {
        st = posting_flush(ledger);
    }
    return st == ST_OK ? ledger_leave(ledger, &visit) : st;
}

/* Posts the claim if it can be: what the card was before is known, and the terminal's number is not
 * taken by its own journal or by another card. */
static enum st try_claim(struct ledger *ledger, struct claim *claim)
{
    struct proof proof;
    struct item *record = NULL, *by = NULL;
    bool is_known = true;
    enum st st = proof_get(ledger, claim->terminal, claim->sequence, &proof);
    if (st == ST_OK) {
        st = record_load(ledger, claim->terminal, claim->sequence, &record);
    }
    if (st == ST_OK && record != NULL) {
        ledger->earlier_count--;
        return ST_OK; /* Evidence has dealt with it: proved, or a case. */
    }
    claim->has_before = claim->counter > 1;
    if (st == ST_OK && claim->has_before) {
        st = image_of(ledger, claim->counter - 1, &claim->before, &is_known);
    }
    if (st == ST_OK && is_known) {
        st = record_load(ledger, claim->by_terminal, claim->by_sequence, &by);
    }
    if (st != ST_OK || by == NULL) {
        return st;
    }
    if (proof.is_there) {
        st = case_open(ledger, "proof", by, ledger->card.number, claim->counter,
                       "Cards %016llu and %016llu both show entry %u of terminal %u: posted for "
                       "the first.",
                       (unsigned long long)proof.card, (unsigned long long)ledger->card.number,
                       claim->sequence, claim->terminal);
    } else {
        st = post_claim(ledger, claim, by);
    }
    ledger->earlier_count--;
    return st;
}

/* Adds (sign 1) or takes back (-1) the counter entries of a proof. */
static enum st book_again(struct ledger *ledger, const struct proof *proof, int sign)
{
    struct snapshot before, after;
    struct item item;
    struct posting posting;
    if (snapshot_decode(proof->image, &after) != ST_OK ||
        (proof->has_before && snapshot_decode(proof->before, &before) != ST_OK)) {
        return ST_CORRUPT;
    }
    proof_item(proof->card, proof->has_before ? &before : NULL, &after, proof->value, proof->flags,
               proof->at, NULL, &item);
    posting_make(&item.entry.intent, &posting);
    enum st st =
        after.last.kind == TRANSACTION_ACTION ? actions_legs(ledger, &item, &posting) : ST_OK;
    proof_recover(&posting);
    posting_legs(ledger, &item, &posting, sign);
    return st;
}

/* A refund that was posted before the club knew the sale: its parts follow now. */
static enum st sharpen(struct ledger *ledger, uint32_t terminal, uint32_t sequence)
{
    struct proof proof;
    struct visit visit;
    struct snapshot after;
    int64_t value = 0, flags = 0;
    enum st st = proof_get(ledger, terminal, sequence, &proof);
    if (st == ST_OK && snapshot_decode(proof.image, &after) != ST_OK) {
        st = ST_CORRUPT;
    }
    if (st == ST_OK) {
        st = find_facts(ledger, &after, &value, &flags);
    }
    if (st != ST_OK || flags == PROOF_FLAGS_UNKNOWN) {
        return st;
    }
    st = ledger_enter(ledger, terminal, &visit);
    if (st == ST_OK) {
        st = book_again(ledger, &proof, -1);
    }
    proof.value = value;
    proof.flags = flags;
    if (st == ST_OK) {
        st = book_again(ledger, &proof, 1);
    }
    if (st == ST_OK) {
        st = posting_flush(ledger);
    }
    if (st == ST_OK) {
        st = db_run(ledger->sql[SQL_PROOF_FACTS], (int64_t)terminal, (int64_t)sequence, value,
                    flags);
    }
    return st == ST_OK ? ledger_leave(ledger, &visit) : st;
}

static enum st sharpen_card(struct ledger *ledger, uint64_t number)
{
    struct db_stmt *stmt = ledger->sql[SQL_PROOF_VAGUE];
    int64_t counter = 0;
    bool row = true;
    enum st st = ST_OK;
    while (st == ST_OK && row) {
        st = db_first(stmt, &row, (int64_t)number, counter);
        if (st != ST_OK || !row) {
            break;
        }
        const uint32_t terminal = (uint32_t)db_i64(stmt, 0), sequence = (uint32_t)db_i64(stmt, 1);
        counter = db_i64(stmt, 2);
        db_reset(stmt);
        st = sharpen(ledger, terminal, sequence);
    }
    db_reset(stmt);
    return st;
}

/* Upwards: each one posted may be the neighbour of the next. */
enum st proof_card(struct ledger *ledger, uint64_t number)
{
    struct claim claim = {.counter = 0};
    bool row = true;
    enum st st = card_switch(ledger, number);
    while (st == ST_OK && row) {
        struct db_stmt *stmt = ledger->sql[SQL_SEEN_CARD];
        st = db_first(stmt, &row, (int64_t)number, (int64_t)claim.counter);
        if (st != ST_OK || !row) {
            db_reset(stmt);
            break;
        }
        size_t size = 0;
        const void *image = db_bytes(stmt, 3, &size);
        claim.counter = (uint32_t)db_i64(stmt, 0);
        claim.terminal = (uint32_t)db_i64(stmt, 1);
        claim.sequence = (uint32_t)db_i64(stmt, 2);
        claim.by_terminal = (uint32_t)db_i64(stmt, 4);
        claim.by_sequence = (uint32_t)db_i64(stmt, 5);
        if (size != SNAPSHOT_IMAGE_BYTES || snapshot_decode(image, &claim.after) != ST_OK) {
            st = ST_CORRUPT;
        }
        db_reset(stmt);
        if (st == ST_OK) {
            st = try_claim(ledger, &claim);
        }
    }
    return st == ST_OK ? sharpen_card(ledger, number) : st;
}

enum st proof_run(struct ledger *ledger)
{
    enum st st = ST_OK;
    /* Posting marks its card once more; nothing new can follow from that. */
    const size_t count = ledger->marked_count;
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        st = proof_card(ledger, ledger->marked[i]);
    }
    st = st == ST_OK ? transfers_tell(ledger) : st;
    st = st == ST_OK ? duplicates_tell(ledger) : st;
    return st == ST_OK ? card_switch(ledger, 0) : st;
}

/* --- the terminal comes back --------------------------------------------------------------- */

enum st proof_compare(struct ledger *ledger, const struct item *item)
{
    struct proof proof;
    const struct entry_intent *intent = &item->entry.intent;
    enum st st = proof_get(ledger, item->entry.terminal, item->entry.sequence, &proof);
    if (st != ST_OK || !proof.is_there ||
        (item->entry.kind == ENTRY_INTENT && intent->card_number == proof.card &&
         intent->after.counter == proof.counter)) {
        return st;
    }
    return case_open(ledger, "proof", item, proof.card, proof.counter,
                     "Entry %u of terminal %u was posted as card %016llu showed it "
                     "(transaction %u); the terminal's journal has another one there.",
                     item->entry.sequence, item->entry.terminal, (unsigned long long)proof.card,
                     proof.counter);
}

enum st proof_confirm(struct ledger *ledger, const struct item *item, const struct proof *proof,
                      const uint8_t *digest, bool *ret_same)
{
    const struct entry_intent *intent = &item->entry.intent;
    uint8_t before[SNAPSHOT_IMAGE_BYTES] = {0}, after[SNAPSHOT_IMAGE_BYTES];
    struct posting posting;
    if (intent->has_before) {
        snapshot_encode(&intent->before, before);
    }
    snapshot_encode(&intent->after, after);
    *ret_same = (intent->has_before != 0) == proof->has_before &&
                memcmp(before, proof->before, sizeof before) == 0 &&
                memcmp(after, proof->image, sizeof after) == 0;
    if (!*ret_same) {
        return ST_OK;
    }
    posting_make(intent, &posting);
    enum st st = posting_check(ledger, item, &posting);
    if (st == ST_OK) {
        st = reckon(ledger, item);
    }
    if (st == ST_OK) {
        st = book_again(ledger, proof, -1);
    }
    if (st == ST_OK && intent->after.last.kind == TRANSACTION_ACTION) {
        st = actions_undo(ledger, item);
        st = st == ST_OK ? actions_post(ledger, item, &posting) : st;
    }
    if (st == ST_OK && intent->after.last.kind == TRANSACTION_DUPLICATE) {
        st = duplicates_undo(ledger, item);
        st = st == ST_OK ? duplicates_post(ledger, item) : st;
    }
    if (st == ST_OK && intent->after.last.kind == TRANSACTION_TRANSFER) {
        st = transfers_post(ledger, item);
    }
    if (st != ST_OK) {
        return st;
    }
    posting_legs(ledger, item, &posting, 1);
    st = db_run(ledger->sql[SQL_TXN_CONFIRM], (int64_t)intent->card_number,
                (int64_t)intent->after.counter, business_month(item->entry.time_s),
                intent->parts.amount.rials, item->entry.time_s, (int64_t)intent->programme, digest,
                (size_t)DIGEST_BYTES);
    return st == ST_OK ? db_run(ledger->sql[SQL_PROOF_DROP], (int64_t)item->entry.terminal,
                                (int64_t)item->entry.sequence)
                       : st;
}
