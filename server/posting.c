#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "server/business_day.h"
#include "server/ledger_priv.h"
#include "server/limits.h"

/* --- the card in work ---------------------------------------------------------------------- */

static enum st card_store(struct ledger *ledger)
{
    struct card_row *card = &ledger->card;
    if (card->number == 0 || !card->is_changed) {
        return ST_OK;
    }
    struct db_stmt *stmt = ledger->sql[card->exists ? SQL_CARD_SET : SQL_CARD_NEW];
    uint8_t facts[FACTS_BYTES] = {0};
    if (card->remembered.programme != 0) {
        facts_encode(&card->remembered.facts, facts);
    }
    card->exists = true;
    card->is_changed = false;
    enum st st =
        ledger->has_lost ? db_run(ledger->sql[SQL_LOST_TOUCH], (int64_t)card->number) : ST_OK;
    if (st != ST_OK) {
        return st;
    }
    return db_run(stmt, (int64_t)card->number, (int64_t)card->hi, (int64_t)card->top,
                  (int64_t)card->count, (int64_t)card->known, card->balance[0], card->balance[1],
                  card->balance[2], card->balance[3], card->image,
                  card->top == 0 ? (size_t)0 : sizeof card->image, facts,
                  card->remembered.programme == 0 ? (size_t)0 : sizeof facts,
                  (int64_t)card->remembered.programme);
}

enum st card_switch(struct ledger *ledger, uint64_t number)
{
    if (ledger->card.number == number) {
        return ST_OK;
    }
    enum st st = card_store(ledger);
    ledger->card = (struct card_row){.number = 0};
    if (st != ST_OK || number == 0) {
        return st;
    }
    struct card_row card = {.number = number};
    struct db_stmt *stmt = ledger->sql[SQL_CARD_GET];
    st = db_first(stmt, &card.exists, (int64_t)number);
    if (st == ST_OK && card.exists) {
        size_t size = 0;
        card.hi = (uint32_t)db_i64(stmt, 0);
        card.top = (uint32_t)db_i64(stmt, 1);
        card.count = (uint32_t)db_i64(stmt, 2);
        card.known = (uint32_t)db_i64(stmt, 3);
        for (int i = 0; i < CARD_BOOKS; i++) {
            card.balance[i] = db_i64(stmt, 4 + i);
        }
        const void *image = db_bytes(stmt, 8, &size);
        if (card.top != 0 && size != sizeof card.image) {
            st = ST_CORRUPT;
        } else if (card.top != 0) {
            memcpy(card.image, image, sizeof card.image);
        }
        const void *facts = db_bytes(stmt, 9, &size);
        if (size == FACTS_BYTES && facts_decode(facts, &card.remembered.facts) == ST_OK) {
            card.remembered.programme = (uint32_t)db_i64(stmt, 10);
        }
    }
    db_reset(stmt);
    if (st == ST_OK) {
        ledger->card = card;
    }
    return st;
}

enum st card_has(struct ledger *ledger, uint32_t counter, bool *ret_has)
{
    const struct card_row *card = &ledger->card;
    if (counter <= card->hi || counter > card->top) {
        *ret_has = counter <= card->hi;
        return ST_OK;
    }
    struct db_stmt *stmt = ledger->sql[SQL_AHEAD_GET];
    enum st st = db_first(stmt, ret_has, (int64_t)card->number, (int64_t)counter);
    db_reset(stmt);
    return st;
}

enum st posted_item(struct ledger *ledger, uint32_t counter, struct item **ret)
{
    struct db_stmt *stmt = ledger->sql[SQL_TXN_GET];
    uint32_t terminal = 0, sequence = 0;
    bool row = false;
    *ret = NULL;
    enum st st = db_first(stmt, &row, (int64_t)ledger->card.number, (int64_t)counter);
    if (st == ST_OK && row) {
        terminal = (uint32_t)db_i64(stmt, 0);
        sequence = (uint32_t)db_i64(stmt, 1);
    }
    db_reset(stmt);
    if (st == ST_OK && row) {
        st = record_load(ledger, terminal, sequence, ret);
    }
    if (st == ST_OK && *ret != NULL && (*ret)->entry.kind != ENTRY_INTENT) {
        ledger->earlier_count--;
        *ret = NULL;
    }
    return st;
}

/* Counts `counter` as posted: hi moves over everything that is now without a hole. */
static enum st card_advance(struct ledger *ledger, uint32_t counter)
{
    struct card_row *card = &ledger->card;
    enum st st = ST_OK;
    card->count++;
    card->is_changed = true;
    card->top = counter > card->top ? counter : card->top;
    card->known = counter > card->known ? counter : card->known;
    if (counter != card->hi + 1) {
        return db_run(ledger->sql[SQL_AHEAD_PUT], (int64_t)card->number, (int64_t)counter);
    }
    card->hi = counter;
    while (st == ST_OK && card->hi < card->top) {
        bool has = false;
        st = card_has(ledger, card->hi + 1, &has);
        if (st != ST_OK || !has) {
            break;
        }
        card->hi++;
        st = db_run(ledger->sql[SQL_AHEAD_DROP], (int64_t)card->number, (int64_t)card->hi);
    }
    return st;
}

/* --- counter entries ----------------------------------------------------------------------- */

static void journal_add(struct ledger *ledger, int64_t day, const struct leg *leg, int sign)
{
    for (size_t n = 0; n < ledger->journal_count; n++) {
        size_t i = (ledger->journal_last + n) % ledger->journal_count;
        struct journal_line *line = &ledger->journal[i];
        if (line->day == day && line->book == leg->book && line->account == leg->account) {
            line->count += sign;
            line->amount += sign * leg->amount;
            ledger->journal_last = i;
            return;
        }
    }
    assert(ledger->journal_count < JOURNAL_MAX);
    ledger->journal[ledger->journal_count++] =
        (struct journal_line){day, leg->book, leg->account, sign, sign * leg->amount};
}

void posting_legs(struct ledger *ledger, const struct item *item, const struct posting *posting,
                  int sign)
{
    for (size_t i = 0; i < posting->leg_count; i++) {
        journal_add(ledger, business_day(item->entry.time_s), &posting->legs[i], sign);
    }
}

enum st posting_flush(struct ledger *ledger)
{
    enum st st = limits_flush(ledger);
    for (size_t i = 0; i < ledger->journal_count && st == ST_OK; i++) {
        const struct journal_line *line = &ledger->journal[i];
        if (line->count == 0 && line->amount == 0) {
            continue; /* taken back as soon as booked */
        }
        st = db_run(ledger->sql[SQL_JRN_PUT], (int64_t)ledger->terminal, ledger->batch_no,
                    ledger->merchant, line->day, (int64_t)line->book, (int64_t)line->account,
                    line->count, line->amount);
    }
    ledger->journal_count = ledger->journal_last = 0;
    return st;
}

/* --- one transaction ----------------------------------------------------------------------- */

static void digest_of(const struct item *item, uint8_t ret_digest[DIGEST_BYTES])
{
    uint8_t hash[ENTRY_HASH_BYTES];
    int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, item->raw, item->raw_bytes, hash);
    assert(rc == 0 && "SHA-256 of memory cannot fail");
    memcpy(ret_digest, hash, DIGEST_BYTES);
}

static enum st txn_put(struct ledger *ledger, const struct item *item,
                       const struct posting *posting, const uint8_t *digest)
{
    const struct entry_intent *intent = &item->entry.intent;
    posting_legs(ledger, item, posting, 1);
    return db_run(ledger->sql[SQL_TXN_PUT], (int64_t)intent->card_number,
                  (int64_t)intent->after.counter, business_month(item->entry.time_s),
                  (int64_t)item->entry.terminal, (int64_t)item->entry.sequence,
                  (int64_t)intent->after.last.kind, intent->parts.amount.rials, posting->delta[0],
                  posting->delta[1], posting->delta[2], posting->delta[3], item->entry.time_s,
                  ledger->merchant, (int64_t)intent->programme, ledger->batch_no, digest,
                  (size_t)DIGEST_BYTES);
}

enum st posting_check(struct ledger *ledger, const struct item *item, const struct posting *posting)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct transaction *last = &intent->after.last;
    const struct snapshot *before = intent->has_before ? &intent->before : NULL;
    const char *broken = NULL;
    if (last->terminal != item->entry.terminal || last->sequence != item->entry.sequence) {
        broken = "its snapshot names another entry";
    } else if (!posting->is_conserved) {
        broken = "its parts do not add up to what changed on the card";
    } else if (!plan_holds(before, &intent->after, last->kind, &intent->parts)) {
        broken = "no such transaction leads from what was before to what came after";
    }
    if (broken == NULL) {
        return ST_OK;
    }
    return case_open(ledger, "conservation", item, intent->card_number, intent->after.counter,
                     "Transaction %u of card %016llu (entry %u of terminal %u): %s.",
                     intent->after.counter, (unsigned long long)intent->card_number,
                     item->entry.sequence, item->entry.terminal, broken);
}

enum st posting_book(struct ledger *ledger, const struct item *item, const struct posting *posting,
                     const uint8_t *digest)
{
    const struct entry_intent *intent = &item->entry.intent;
    struct card_row *card = &ledger->card;
    enum st st = txn_put(ledger, item, posting, digest);
    if (st != ST_OK) {
        return st;
    }
    for (int i = 0; i < CARD_BOOKS; i++) {
        card->balance[i] += posting->delta[i];
    }
    if (intent->after.counter > card->top) {
        snapshot_encode(&intent->after, card->image);
        card->remembered.programme = 0; /* the caller may know */
    }
    ledger->result.posted++;
    st = limits_post(ledger, item);
    if (st == ST_OK) {
        st = card_advance(ledger, intent->after.counter);
    }
    proof_mark(ledger);
    return st;
}

/* Numbers of actions that this is the first to show. */
static enum st actions_seen(struct ledger *ledger, const struct snapshot *after)
{
    const struct card_row *card = &ledger->card;
    struct snapshot top;
    if (after->action == 0 || after->counter < card->top ||
        (card->top != 0 && snapshot_decode(card->image, &top) == ST_OK &&
         top.action >= after->action)) {
        return ST_OK;
    }
    return actions_passed(ledger, card->number, after->action);
}

static enum st post_new(struct ledger *ledger, const struct item *item, const uint8_t *digest)
{
    const struct entry_intent *intent = &item->entry.intent;
    uint32_t counter = intent->after.counter;
    struct card_row *card = &ledger->card;
    struct posting posting;
    struct remembered remembered = {.programme = 0};
    posting_make(intent, &posting);
    enum st st = intent->after.last.kind == TRANSACTION_ACTION
                     ? actions_post(ledger, item, &posting)
                     : actions_seen(ledger, &intent->after);
    if (st == ST_OK) {
        st = posting_check(ledger, item, &posting);
    }
    if (st == ST_OK && intent->after.last.kind == TRANSACTION_TRANSFER) {
        st = transfers_post(ledger, item);
    }
    if (st == ST_OK && intent->after.last.kind == TRANSACTION_DUPLICATE) {
        st = duplicates_post(ledger, item);
    }
    if (st == ST_OK && intent->has_before) {
        st = evidence_note(ledger, &intent->before, item);
    }
    if (st == ST_OK && counter <= card->known) {
        st = evidence_replace(ledger, item);
    }
    if (st == ST_OK && counter < card->top) {
        st = evidence_check_next(ledger, item);
    }
    if (st == ST_OK) {
        st = reckon(ledger, item);
    }
    if (st == ST_OK) {
        st = facts_judge(ledger, item, &remembered);
    }
    if (st == ST_OK) {
        st = posting_book(ledger, item, &posting, digest);
    }
    if (card->top == counter) {
        card->remembered = remembered;
    }
    return st;
}

/* A transaction of a clone: the merchant acted rightly and is treated like with any other; in place
 * of the card, the club bears it (docs/decisions/0009-rebuilding.md). Once: the fate tells. */
static enum st clash(struct ledger *ledger, struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    const bool is_action = intent->after.last.kind == TRANSACTION_ACTION;
    struct posting posting;
    if (is_action || duplicates_is_replacement(intent)) {
        /* No merchant gave anything for it. */
        const enum st st = record_set_fate(ledger, item, FATE_CLASHED);
        return st == ST_OK && is_action ? actions_doubt(ledger, item) : st;
    }
    posting_make(intent, &posting);
    for (int book = 0; book < CARD_BOOKS; book++) {
        if (posting.delta[book] != 0) {
            assert(posting.leg_count < LEGS_MAX);
            posting.legs[posting.leg_count++] =
                (struct leg){(enum book)book, ACCOUNT_CLONED, posting.delta[book]};
        }
    }
    posting_legs(ledger, item, &posting, 1);
    const enum st st = record_set_fate(ledger, item, FATE_CLASHED);
    /* Its other half is no clone: whoever gets it, or let it out, did so rightly. */
    return st == ST_OK && item->entry.intent.after.last.kind == TRANSACTION_TRANSFER
               ? transfers_post(ledger, item)
               : st;
}

/* The counter is taken: by the same transaction, which is an answer that was lost on its way, or by
 * another one, which is a cloned or restored card. */
static enum st repeat(struct ledger *ledger, struct item *item, const uint8_t *digest)
{
    uint32_t counter = item->entry.intent.after.counter;
    struct db_stmt *stmt = ledger->sql[SQL_TXN_GET];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)ledger->card.number, (int64_t)counter);
    if (st != ST_OK || !row) {
        return st == ST_OK ? ST_CORRUPT : st;
    }
    int64_t terminal = db_i64(stmt, 0), sequence = db_i64(stmt, 1);
    size_t size = 0;
    const void *held = db_bytes(stmt, 2, &size);
    bool is_same = terminal == item->entry.terminal && sequence == item->entry.sequence &&
                   size == DIGEST_BYTES && memcmp(held, digest, DIGEST_BYTES) == 0;
    db_reset(stmt);
    if (is_same) {
        return ST_OK;
    }
    struct proof proof = {.is_there = false};
    bool is_confirmed = false;
    if (terminal == item->entry.terminal && sequence == item->entry.sequence) {
        st = proof_get(ledger, item->entry.terminal, item->entry.sequence, &proof);
    }
    if (st == ST_OK && proof.is_there) {
        st = proof_confirm(ledger, item, &proof, digest, &is_confirmed);
    }
    if (st != ST_OK || is_confirmed) {
        return st;
    }
    struct snapshot posted;
    uint8_t other[SNAPSHOT_IMAGE_BYTES];
    bool is_known = false;
    st = posted_image(ledger, counter, &posted, &is_known);
    if (is_known) {
        snapshot_encode(&posted, other);
    }
    if (st == ST_OK) {
        st = case_open_listed(
            ledger, "clone", item, ledger->card.number, counter, is_known ? other : NULL,
            "Card %016llu has two transactions %u: entry %lld of terminal %lld is posted, "
            "entry %u of terminal %u is not.",
            (unsigned long long)ledger->card.number, counter, (long long)sequence,
            (long long)terminal, item->entry.sequence, item->entry.terminal);
    }
    return st == ST_OK ? clash(ledger, item) : st;
}

static enum st post(struct ledger *ledger, struct item *item)
{
    uint8_t digest[DIGEST_BYTES];
    uint32_t counter = item->entry.intent.after.counter;
    bool has = false, branches = false;
    digest_of(item, digest);
    enum st st = card_switch(ledger, item->entry.intent.card_number);
    if (st == ST_OK) {
        st = card_has(ledger, counter, &has);
    }
    if (st == ST_OK && !has) {
        st = evidence_branches(ledger, item, &branches);
    }
    if (st != ST_OK) {
        return st;
    }
    return has        ? repeat(ledger, item, digest)
           : branches ? clash(ledger, item)
                      : post_new(ledger, item, digest);
}

static int by_card_and_counter(const void *a, const void *b)
{
    const struct entry_intent *x = &(*(struct item *const *)a)->entry.intent;
    const struct entry_intent *y = &(*(struct item *const *)b)->entry.intent;
    if (x->card_number != y->card_number) {
        return x->card_number < y->card_number ? -1 : 1;
    }
    if (x->after.counter != y->after.counter) {
        return x->after.counter < y->after.counter ? -1 : 1;
    }
    /* Two claims to one counter: the earlier entry is posted, however the batch was cut. */
    uint32_t xs = (*(struct item *const *)a)->entry.sequence;
    uint32_t ys = (*(struct item *const *)b)->entry.sequence;
    return (xs > ys) - (xs < ys);
}

enum st posting_run(struct ledger *ledger, struct item **items, size_t count)
{
    enum st st = ST_OK;
    qsort(items, count, sizeof items[0], by_card_and_counter);
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        st = post(ledger, items[i]);
    }
    if (st == ST_OK) {
        st = card_switch(ledger, 0);
    }
    return st == ST_OK ? posting_flush(ledger) : st;
}
