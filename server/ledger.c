#include "server/ledger.h"

#include <gnutls/crypto.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/fleet.h"
#include "server/ledger_priv.h"

void chain_next(const uint8_t hash[ENTRY_HASH_BYTES], const uint8_t *bytes, size_t size,
                uint8_t ret_hash[ENTRY_HASH_BYTES])
{
    assert(size <= ENTRY_BYTES_MAX);
    uint8_t both[ENTRY_HASH_BYTES + ENTRY_BYTES_MAX];
    memcpy(both, hash, ENTRY_HASH_BYTES);
    memcpy(both + ENTRY_HASH_BYTES, bytes, size);
    int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, both, ENTRY_HASH_BYTES + size, ret_hash);
    assert(rc == 0 && "SHA-256 of memory cannot fail");
}

/* --- the terminal's chain ------------------------------------------------------------------ */

/* The chain value after entry `at`, which the club holds: from the last batch that ended there or
 * before, and the entries since. */
static enum st hash_at(struct ledger *ledger, uint32_t at, uint8_t ret_hash[ENTRY_HASH_BYTES])
{
    int64_t from = 0;
    uint8_t hash[ENTRY_HASH_BYTES] = {0};
    struct db_stmt *stmt = ledger->sql[SQL_BATCH_BEFORE];
    bool row = false;
    size_t size = 0;
    enum st st = db_first(stmt, &row, (int64_t)ledger->terminal, (int64_t)at);
    if (st == ST_OK && row) {
        from = db_i64(stmt, 0);
        const void *bytes = db_bytes(stmt, 1, &size);
        if (size != sizeof hash) {
            st = ST_CORRUPT;
        } else {
            memcpy(hash, bytes, sizeof hash);
        }
    }
    db_reset(stmt);
    if (st != ST_OK) {
        return st;
    }
    stmt = ledger->sql[SQL_REC_RANGE];
    db_bind(stmt, (int64_t)ledger->terminal, from, (int64_t)at);
    while ((st = db_step(stmt, &row)) == ST_OK && row) {
        const void *raw = db_bytes(stmt, 0, &size);
        if (size > ENTRY_BYTES_MAX) {
            db_reset(stmt);
            return ST_CORRUPT;
        }
        chain_next(hash, raw, size, hash);
    }
    if (st == ST_OK) {
        memcpy(ret_hash, hash, sizeof hash);
    }
    return st;
}

/* Compares what the club has already with what comes again. *ret_differs is the number that does,
 * or 0. */
static enum st compare_known(struct ledger *ledger, const struct wire_sync *batch,
                             const struct chain *chain, uint32_t *ret_differs)
{
    uint8_t base[ENTRY_HASH_BYTES];
    uint32_t hi = chain->hi;
    enum st st = ST_OK;
    if (batch->after == hi) {
        memcpy(base, chain->hash, sizeof base);
    } else {
        st = hash_at(ledger, batch->after, base);
    }
    if (st != ST_OK) {
        return st;
    }
    bool is_same = memcmp(base, batch->base, sizeof base) == 0;
    *ret_differs = is_same ? 0 : batch->after + 1;
    if (!is_same || batch->after == hi) {
        return ST_OK;
    }
    uint32_t known =
        hi - batch->after < batch->entry_count ? hi - batch->after : batch->entry_count;
    uint32_t differs = 0, i = 0;
    bool row = false;
    struct db_stmt *stmt = ledger->sql[SQL_REC_RANGE];
    db_bind(stmt, (int64_t)ledger->terminal, (int64_t)batch->after,
            (int64_t)(batch->after + known));
    while ((st = db_step(stmt, &row)) == ST_OK && row && differs == 0) {
        size_t size = 0;
        const void *raw = db_bytes(stmt, 0, &size);
        const struct wire_entry *sent = &batch->entries[i];
        i++;
        if (size != sent->size || memcmp(raw, sent->bytes, size) != 0) {
            differs = batch->after + i;
        }
    }
    db_reset(stmt);
    if (st == ST_OK && differs == 0 && i != known) {
        return ST_CORRUPT; /* The club's own record has a hole below hi. */
    }
    *ret_differs = differs;
    return st;
}

/* --- records ------------------------------------------------------------------------------- */

static enum st decode_item(const uint8_t *raw, size_t raw_bytes, struct item *ret)
{
    ret->raw = raw;
    ret->raw_bytes = raw_bytes;
    return entry_decode(raw, raw_bytes, &ret->entry);
}

/* Decodes every new entry before anything is written: one bad entry refuses the batch. */
static enum st decode_new(struct ledger *ledger, const struct wire_sync *batch, uint32_t hi,
                          struct fault *fault)
{
    ledger->item_count = 0;
    for (uint32_t i = hi - batch->after; i < batch->entry_count; i++) {
        const struct wire_entry *sent = &batch->entries[i];
        uint32_t sequence = batch->after + i + 1;
        struct item *item = &ledger->items[ledger->item_count];
        if (decode_item(sent->bytes, sent->size, item) != ST_OK) {
            fault_say(fault, "Entry %u is not a journal entry that this club can read.", sequence);
            return ST_FOREIGN;
        }
        if (item->entry.sequence != sequence || item->entry.terminal != batch->terminal) {
            fault_say(fault, "Entry %u says that it is entry %u of terminal %u.", sequence,
                      item->entry.sequence, item->entry.terminal);
            return ST_FOREIGN;
        }
        item->fate = item->entry.kind == ENTRY_INTENT ? FATE_OPEN : FATE_NONE;
        ledger->item_count++;
    }
    return ST_OK;
}

enum st record_load(struct ledger *ledger, uint32_t terminal, uint32_t sequence, struct item **ret)
{
    *ret = NULL;
    if (ledger->earlier_count == EARLIER_MAX) {
        return ST_OK;
    }
    struct db_stmt *stmt = ledger->sql[SQL_REC_GET];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)terminal, (int64_t)sequence);
    if (st == ST_OK && row) {
        struct item *item = &ledger->earlier[ledger->earlier_count];
        size_t size = 0;
        const void *raw = db_bytes(stmt, 0, &size);
        if (size > ENTRY_BYTES_MAX) {
            st = ST_CORRUPT;
        } else {
            memcpy(item->raw_copy, raw, size);
            st = decode_item(item->raw_copy, size, item) == ST_OK ? ST_OK : ST_CORRUPT;
        }
        if (st == ST_OK) {
            item->fate = (enum fate)db_i64(stmt, 1);
            ledger->earlier_count++;
            *ret = item;
        }
    }
    db_reset(stmt);
    return st;
}

enum st record_set_fate(struct ledger *ledger, struct item *item, enum fate fate)
{
    if (item->fate == fate) {
        return ST_OK;
    }
    item->fate = fate;
    return db_run(ledger->sql[SQL_REC_FATE], (int64_t)item->entry.terminal,
                  (int64_t)item->entry.sequence, (int64_t)fate);
}

static enum st record_put(struct ledger *ledger, const struct item *item)
{
    int64_t card = 0, counter = 0;
    switch (item->entry.kind) {
    case ENTRY_INTENT:
        card = (int64_t)item->entry.intent.card_number;
        counter = item->entry.intent.after.counter;
        break;
    case ENTRY_OUTCOME:
        card = (int64_t)item->entry.outcome.card_number;
        counter = item->entry.outcome.counter;
        break;
    case ENTRY_SIGHTING:
        card = (int64_t)item->entry.sighting.card_number;
        counter = item->entry.sighting.snapshot.counter;
        break;
    case ENTRY_LINK:
        card = (int64_t)item->entry.link.card_number;
        break;
    case ENTRY_MEMBER:
        card = (int64_t)item->entry.member.account;
        break;
    case ENTRY_REPORT:
        card = (int64_t)item->entry.report.card_number;
        break;
    case ENTRY_ACCRUAL:
        card = (int64_t)item->entry.accrual.number;
        break;
    case ENTRY_REFUSED:
        card = (int64_t)item->entry.refused.card_number;
        break;
    case ENTRY_START:
    case ENTRY_BON:
    case ENTRY_RELEASE:
    case ENTRY_OPERATOR:
        break;
    }
    return db_run(ledger->sql[SQL_REC_PUT], (int64_t)ledger->terminal,
                  (int64_t)item->entry.sequence, ledger->batch_no, card, counter,
                  (int64_t)item->fate, item->raw, item->raw_bytes);
}

/* --- outcomes ------------------------------------------------------------------------------ */

static enum st find_intent(struct ledger *ledger, const struct entry_outcome *outcome,
                           struct item **ret)
{
    uint32_t first = ledger->items[0].entry.sequence;
    *ret = NULL;
    if (outcome->intent_sequence >= first) {
        *ret = &ledger->items[outcome->intent_sequence - first];
        return ST_OK;
    }
    /* Two outcomes in one batch may name the same earlier intent. */
    for (size_t i = 0; i < ledger->earlier_count; i++) {
        if (ledger->earlier[i].entry.sequence == outcome->intent_sequence) {
            *ret = &ledger->earlier[i];
            return ST_OK;
        }
    }
    return record_load(ledger, ledger->terminal, outcome->intent_sequence, ret);
}

static const enum fate fate_of_verdict[] = {
    [VERDICT_DONE] = FATE_POSTED,
    [VERDICT_NOT_DONE] = FATE_NOT_DONE,
    [VERDICT_LEFT] = FATE_LEFT,
};

/* An intent has one outcome. A second one that says otherwise is a case; a card that carries the
 * transaction is believed before a terminal that says it does not. */
static enum st settle(struct ledger *ledger, const struct item *by)
{
    const struct entry_outcome *outcome = &by->entry.outcome;
    struct item *intent = NULL;
    enum st st = find_intent(ledger, outcome, &intent);
    if (st != ST_OK) {
        return st;
    }
    if (intent == NULL || intent->entry.kind != ENTRY_INTENT ||
        intent->entry.intent.card_number != outcome->card_number ||
        intent->entry.intent.after.counter != outcome->counter) {
        return case_open(ledger, "orphan", by, outcome->card_number, outcome->counter,
                         "Entry %u of terminal %u is the outcome of entry %u, which is not that "
                         "card's intent.",
                         by->entry.sequence, ledger->terminal, outcome->intent_sequence);
    }
    enum fate fate = fate_of_verdict[outcome->verdict];
    enum fate was = intent->fate == FATE_CLASHED ? FATE_POSTED : intent->fate;
    if (was == fate) {
        return ST_OK;
    }
    if (was != FATE_OPEN && was != FATE_LEFT && fate != FATE_LEFT) {
        st = case_open(ledger, "verdict", by, outcome->card_number, outcome->counter,
                       "Terminal %u says in entry %u that entry %u was %s; before, it was %s.",
                       ledger->terminal, by->entry.sequence, outcome->intent_sequence,
                       fate == FATE_POSTED ? "done" : "not done",
                       was == FATE_POSTED ? "done" : "not done");
    }
    if (st != ST_OK || was == FATE_POSTED || (was == FATE_NOT_DONE && fate == FATE_LEFT)) {
        return st;
    }
    bool is_here = intent >= ledger->items && intent < ledger->items + ledger->item_count;
    if (fate == FATE_POSTED) {
        ledger->done[ledger->done_count++] = intent;
    } else if (!is_here) {
        ledger->loose[ledger->loose_count++] = intent;
    }
    if (is_here) {
        intent->fate = fate; /* Its row is not written yet. */
        return ST_OK;
    }
    return record_set_fate(ledger, intent, fate);
}

/* Reads off the outcomes what is to be posted, then stores the records with the fates known. */
static enum st take_records(struct ledger *ledger)
{
    enum st st = ST_OK;
    for (size_t i = 0; i < ledger->item_count && st == ST_OK; i++) {
        if (ledger->items[i].entry.kind == ENTRY_OUTCOME) {
            st = settle(ledger, &ledger->items[i]);
        }
    }
    for (size_t i = 0; i < ledger->item_count && st == ST_OK; i++) {
        struct item *item = &ledger->items[i];
        st = record_put(ledger, item);
        if (st == ST_OK) {
            st = proof_compare(ledger, item);
        }
        if (item->entry.kind == ENTRY_INTENT && item->fate != FATE_POSTED) {
            ledger->loose[ledger->loose_count++] = item;
        }
    }
    return st;
}

/* --- evidence ------------------------------------------------------------------------------ */

/* What this batch's records saw on cards, beyond what posting them has told already. */
static enum st take_evidence(struct ledger *ledger)
{
    enum st st = ST_OK;
    for (size_t i = 0; i < ledger->loose_count && st == ST_OK; i++) {
        struct item *item = ledger->loose[i];
        const struct entry_intent *intent = &item->entry.intent;
        st = card_switch(ledger, intent->card_number);
        if (st == ST_OK && intent->has_before) {
            st = evidence_note(ledger, &intent->before, item);
        }
        if (st == ST_OK) {
            st = evidence_prove(ledger, item);
        }
        if (st == ST_OK) {
            st = actions_doubt(ledger, item);
        }
    }
    for (size_t i = 0; i < ledger->item_count && st == ST_OK; i++) {
        struct item *item = &ledger->items[i];
        if (item->entry.kind == ENTRY_SIGHTING) {
            st = card_switch(ledger, item->entry.sighting.card_number);
            if (st == ST_OK) {
                st = evidence_note(ledger, &item->entry.sighting.snapshot, item);
            }
            if (st == ST_OK && item->entry.sighting.shown == SHOWN_BACK) {
                st = evidence_back(ledger, item);
            }
        } else if (item->entry.kind == ENTRY_LINK) {
            st = links_post(ledger, item);
        } else if (item->entry.kind == ENTRY_OPERATOR) {
            st = operators_post(ledger, item);
        } else if (item->entry.kind == ENTRY_REFUSED) {
            st = refused_post(ledger, item);
        } else if (item->entry.kind == ENTRY_RELEASE) { /* what cards have is posted by now */
            st = transfers_release_post(ledger, item);
        }
    }
    return st == ST_OK ? card_switch(ledger, 0) : st;
}

enum st ledger_enter(struct ledger *ledger, uint32_t terminal, struct visit *ret)
{
    struct db_stmt *stmt = ledger->sql[SQL_TERM_GET];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)terminal);
    size_t size = 0;
    if (st != ST_OK || !row) {
        return st == ST_OK ? ST_CORRUPT : st;
    }
    ledger->terminal = terminal;
    ledger->merchant = db_i64(stmt, 0);
    ret->hi = db_i64(stmt, 1);
    const void *bytes = db_bytes(stmt, 2, &size);
    ledger->batch_no = db_i64(stmt, 3) + 1;
    if (size == sizeof ret->hash) {
        memcpy(ret->hash, bytes, size);
    }
    db_reset(stmt);
    ret->posted = ledger->result.posted;
    ret->unchecked = ledger->result.unchecked;
    return size == sizeof ret->hash ? ST_OK : ST_CORRUPT;
}

enum st ledger_leave(struct ledger *ledger, const struct visit *visit)
{
    const int64_t terminal = ledger->terminal;
    enum st st =
        db_run(ledger->sql[SQL_BATCH_PUT], terminal, ledger->batch_no, (int64_t)0, (int64_t)0, "",
               (size_t)0, ledger->now_s, (int64_t)(ledger->result.posted - visit->posted),
               (int64_t)(ledger->result.unchecked - visit->unchecked));
    return st == ST_OK ? db_run(ledger->sql[SQL_TERM_SET], terminal, visit->hi, visit->hash,
                                sizeof visit->hash, ledger->batch_no)
                       : st;
}

/* An intent that another terminal's reading proved is posted in a batch of its own terminal, so
 * that every batch belongs to one terminal and its legs to that terminal's merchant. */
static enum st post_proved(struct ledger *ledger, struct item *item)
{
    struct visit visit;
    enum st st = ledger_enter(ledger, item->entry.terminal, &visit);
    if (st == ST_OK) {
        st = record_set_fate(ledger, item, FATE_POSTED);
    }
    if (st == ST_OK) {
        st = posting_run(ledger, &item, 1);
    }
    return st == ST_OK ? ledger_leave(ledger, &visit) : st;
}

/* --- the batch ----------------------------------------------------------------------------- */

/* What is no card's transaction. */
static enum st take_others(struct ledger *ledger)
{
    enum st st = ST_OK;
    for (size_t i = 0; i < ledger->item_count && st == ST_OK; i++) {
        const struct item *item = &ledger->items[i];
        if (item->entry.kind == ENTRY_BON) {
            st = bons_post(ledger, item);
        } else if (item->entry.kind == ENTRY_MEMBER) {
            st = members_post(ledger, item);
        } else if (item->entry.kind == ENTRY_ACCRUAL) {
            st = accruals_post(ledger, item);
        } else if (item->entry.kind == ENTRY_REPORT) {
            st = reports_post(ledger, item);
        }
    }
    return st;
}

static enum st take_new(struct ledger *ledger, const struct wire_sync *batch, struct chain *chain)
{
    uint32_t first = chain->hi + 1;
    ledger->done_count = ledger->loose_count = ledger->proved_count = 0;
    ledger->earlier_count = ledger->marked_count = 0;
    for (size_t i = 0; i < ledger->item_count; i++) {
        chain_next(chain->hash, ledger->items[i].raw, ledger->items[i].raw_bytes, chain->hash);
    }
    chain->hi += (uint32_t)ledger->item_count;
    enum st st = take_records(ledger);
    if (st == ST_OK) {
        st = take_others(ledger);
    }
    if (st == ST_OK) {
        st = posting_run(ledger, ledger->done, ledger->done_count);
    }
    if (st == ST_OK) {
        st = take_evidence(ledger);
    }
    if (st == ST_OK) {
        st = db_run(ledger->sql[SQL_BATCH_PUT], (int64_t)ledger->terminal, ledger->batch_no,
                    (int64_t)first, (int64_t)chain->hi, chain->hash, sizeof chain->hash,
                    ledger->now_s, (int64_t)ledger->result.posted,
                    (int64_t)ledger->result.unchecked);
    }
    if (st == ST_OK) {
        st = db_run(ledger->sql[SQL_TERM_SET], (int64_t)ledger->terminal, (int64_t)chain->hi,
                    chain->hash, sizeof chain->hash, ledger->batch_no);
    }
    /* Posting one may prove the one before it: the list can grow while it is worked off. */
    for (size_t i = 0; i < ledger->proved_count && st == ST_OK; i++) {
        if (ledger->proved[i]->fate != FATE_POSTED) {
            st = post_proved(ledger, ledger->proved[i]);
        }
    }
    if (st == ST_OK) {
        st = proof_run(ledger);
    }
    ledger->result.taken = (uint32_t)ledger->item_count;
    ledger->result.acknowledged = batch->after + batch->entry_count;
    return st;
}

/* The chain case is named by the entry from which the terminal's bytes and ours part. */
/* A terminal that goes on calling with such entries has its case open, whoever closed it; a file
 * does not call. */
static enum st refuse_chain(struct ledger *ledger, const struct wire_sync *batch, uint32_t differs,
                            bool is_late)
{
    uint32_t i = differs - batch->after - 1;
    struct item by = {.raw = (const uint8_t *)"", .raw_bytes = 0};
    by.entry.terminal = batch->terminal;
    by.entry.sequence = differs;
    if (i < batch->entry_count) {
        by.raw = batch->entries[i].bytes;
        by.raw_bytes = batch->entries[i].size;
    }
    ledger->result.answer = LEDGER_CHAIN;
    const enum st st =
        case_open(ledger, "chain", &by, 0, 0,
                  "Terminal %u sent other bytes for entry %u, or for the ones before it, than the "
                  "club holds.",
                  batch->terminal, differs);
    return st != ST_OK || is_late ? st
                                  : db_run(ledger->sql[SQL_CASE_AGAIN], (int64_t)batch->terminal,
                                           (int64_t)differs, ledger->now_s);
}

static enum st take(struct ledger *ledger, const struct wire_sync *batch, bool is_late,
                    int64_t now_s, struct ledger_result *ret, struct fault *fault)
{
    assert(batch->entry_count <= WIRE_ENTRIES_MAX);
    struct chain chain = {0};
    uint32_t differs = 0;
    ledger->now_s = now_s;
    ledger->card.number = 0; /* A rollback may have undone what is kept here. */
    ledger->result = (struct ledger_result){.answer = LEDGER_TAKEN};
    books_forget(ledger->actions);
    enum st st = term_load(ledger, batch, &chain, fault);
    if (st == ST_OK) {
        st = proof_begin(ledger);
    }
    if (st == ST_OK) {
        st = lost_begin(ledger);
    }
    if (st != ST_OK) {
        return st;
    }
    ledger->result.acknowledged = chain.hi;
    st = term_note_forgotten(ledger, batch, &chain);
    if (st != ST_OK) {
        return st;
    }
    if (batch->after > chain.hi) {
        ledger->result.answer = LEDGER_BEHIND;
        *ret = ledger->result;
        return ST_OK;
    }
    st = compare_known(ledger, batch, &chain, &differs);
    if (st == ST_OK && differs != 0) {
        st = refuse_chain(ledger, batch, differs, is_late);
    } else if (st == ST_OK) {
        const struct chain before = chain;
        if (batch->after + batch->entry_count > chain.hi) {
            st = decode_new(ledger, batch, chain.hi, fault);
            if (st == ST_OK) {
                st = take_new(ledger, batch, &chain);
            }
        }
        if (st == ST_OK && !is_late) {
            st = term_take(ledger, batch, &before);
        }
        if (st == ST_OK && !is_late) {
            st = fleet_take(ledger->db, batch, now_s);
        }
    }
    if (st == ST_OK) {
        st = accruals_resume(ledger);
    }
    if (st == ST_OK) {
        st = books_flush(ledger->actions, now_s);
    }
    if (st == ST_OK) {
        *ret = ledger->result;
    }
    return st;
}

enum st ledger_take_within(struct ledger *ledger, const struct wire_sync *batch, int64_t now_s,
                           struct ledger_result *ret, struct fault *fault)
{
    return take(ledger, batch, false, now_s, ret, fault);
}

enum st ledger_take_late(struct ledger *ledger, const struct wire_sync *batch, int64_t now_s,
                         struct ledger_result *ret, struct fault *fault)
{
    return take(ledger, batch, true, now_s, ret, fault);
}

enum st ledger_take(struct ledger *ledger, const struct wire_sync *batch, int64_t now_s,
                    struct ledger_result *ret, struct fault *fault)
{
    enum st st = db_begin_write(ledger->db);
    struct ledger_result result;
    if (st == ST_OK) {
        st = ledger_take_within(ledger, batch, now_s, &result, fault);
    }
    if (st == ST_OK) {
        st = db_commit(ledger->db);
    }
    if (st != ST_OK) {
        db_rollback(ledger->db);
        if (st != ST_FOREIGN && st != ST_DENIED) {
            fault_say(fault, "%s", db_fault(ledger->db)->say);
        }
        return st;
    }
    *ret = result;
    return ST_OK;
}
