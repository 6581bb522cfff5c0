#include <string.h>

#include "storage/store_priv.h"

/* The table names the entry that shows a card's newest snapshot and does not repeat the snapshot:
 * what is kept once cannot contradict itself, and the entry is guarded by the chain. */

enum st cards_shown(struct store *store, const struct entry *entry, uint64_t *ret_number,
                    struct snapshot *ret)
{
    struct entry intent;
    switch (entry->kind) {
    case ENTRY_SIGHTING:
        *ret_number = entry->sighting.card_number;
        *ret = entry->sighting.snapshot;
        return ST_OK;
    case ENTRY_OUTCOME:
        if (entry->outcome.verdict != VERDICT_DONE) {
            return ST_REFUSED;
        }
        const enum st st = journal_find(store, entry->outcome.intent_sequence, &intent);
        if (st == ST_REFUSED || (st == ST_OK && intent.kind != ENTRY_INTENT)) {
            return store_corrupt(store, "outcome %u has no intent", entry->sequence);
        }
        if (st == ST_OK) {
            *ret_number = intent.intent.card_number;
            *ret = intent.intent.after;
        }
        return st;
    case ENTRY_INTENT:
    case ENTRY_START:
    case ENTRY_LINK:
    case ENTRY_BON:
    case ENTRY_MEMBER:
    case ENTRY_REPORT:
    case ENTRY_ACCRUAL:
    case ENTRY_RELEASE:
    case ENTRY_OPERATOR:
    case ENTRY_REFUSED:
        break;
    }
    return ST_REFUSED;
}

enum st cards_note(struct store *store, const struct entry *entry)
{
    uint64_t number = 0;
    struct snapshot snapshot;
    const enum st st = cards_shown(store, entry, &number, &snapshot);
    if (st != ST_OK) {
        return st == ST_REFUSED ? ST_OK : st;
    }
    assert(number <= INT64_MAX);
    sqlite3_stmt *statement = sql_use(store, SQL_CARD_RAISE);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)number);
    (void)sqlite3_bind_int64(statement, 2, snapshot.counter);
    (void)sqlite3_bind_int64(statement, 3, entry->sequence);
    return sql_run(store, statement, "note the card");
}

enum st cards_seen(struct store *store, uint64_t card_number, struct snapshot *ret)
{
    int64_t time_s = 0;
    return cards_seen_at(store, card_number, ret, &time_s);
}

/* The table's row of a card. ST_REFUSED: it has none. */
static enum st card_row(struct store *store, uint64_t card_number, int64_t *ret_counter,
                        uint32_t *ret_sequence)
{
    if (card_number > INT64_MAX) {
        return ST_REFUSED; /* foreign: no card of ours has such a number */
    }
    sqlite3_stmt *statement = sql_use(store, SQL_CARD);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)card_number);
    enum st st = sql_row(store, statement);
    if (st != ST_OK) {
        return st;
    }
    int64_t sequence = 0;
    st = sql_number(store, statement, 0, 0, UINT32_MAX, ret_counter);
    if (st == ST_OK) {
        st = sql_number(store, statement, 1, 1, SEQUENCE_MAX, &sequence);
    }
    (void)sqlite3_reset(statement);
    *ret_sequence = (uint32_t)sequence;
    return st;
}

enum st cards_seen_at(struct store *store, uint64_t card_number, struct snapshot *ret,
                      int64_t *ret_time_s)
{
    int64_t counter = 0;
    uint32_t sequence = 0;
    enum st st = card_row(store, card_number, &counter, &sequence);
    if (st != ST_OK) {
        return st;
    }
    struct entry entry;
    struct snapshot snapshot;
    uint64_t number = 0;
    st = journal_find(store, sequence, &entry);
    if (st == ST_OK) {
        st = cards_shown(store, &entry, &number, &snapshot);
    }
    if (st == ST_REFUSED ||
        (st == ST_OK && (number != card_number || (int64_t)snapshot.counter != counter))) {
        return store_corrupt(store, "entry %u does not show the card that it should", sequence);
    }
    if (st == ST_OK) {
        *ret = snapshot;
        *ret_time_s = entry.time_s;
    }
    return st;
}

/* The intent whose outcome the table names for this card. ST_REFUSED: it names a sighting, or there
 * is no row. */
static enum st last_intent(struct store *store, uint64_t card_number, struct entry *ret)
{
    int64_t counter = 0;
    uint32_t sequence = 0;
    struct entry entry;

    enum st st = card_row(store, card_number, &counter, &sequence);
    if (st == ST_OK) {
        st = journal_find(store, sequence, &entry);
    }
    if (st == ST_OK && entry.kind != ENTRY_OUTCOME) {
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = journal_find(store, entry.outcome.intent_sequence, ret);
    }
    if (st == ST_OK && (ret->kind != ENTRY_INTENT || ret->intent.card_number != card_number)) {
        return store_corrupt(store, "entry %u does not show the card that it should", sequence);
    }
    return st;
}

enum st cards_facts(struct store *store, uint64_t card_number, const struct snapshot *newest,
                    const struct facts_rules *rules, struct facts *ret)
{
    uint8_t ours[SNAPSHOT_IMAGE_BYTES], shown[SNAPSHOT_IMAGE_BYTES];
    struct entry entry;

    const enum st st = last_intent(store, card_number, &entry);
    if (st != ST_OK) {
        return st;
    }
    const struct entry_intent *intent = &entry.intent;
    snapshot_encode(&intent->after, ours);
    snapshot_encode(newest, shown);
    const bool goes_on =
        intent->has_before != 0 || intent->after.last.kind == TRANSACTION_DUPLICATE;
    if (memcmp(ours, shown, sizeof ours) != 0 || (goes_on && !intent->occasion.has_facts)) {
        return ST_REFUSED;
    }
    struct facts facts = intent->occasion.facts;
    facts_fold(rules, intent->has_before != 0 ? &intent->before : NULL, &intent->after, &facts);
    *ret = facts;
    return ST_OK;
}

/* What an intent says that the card said of itself, or says from then on. False: nothing. */
static bool particulars_in(const struct entry_intent *intent, struct action_particulars *ret)
{
    const struct occasion *occasion = &intent->occasion;
    if (action_particulars_of(occasion->actions, occasion->action_count, ret)) {
        return true;
    }
    if (occasion->has_identity) {
        *ret = (struct action_particulars){.kind = occasion->kind,
                                           .birthday = occasion->birthday,
                                           .wedding = occasion->wedding,
                                           .expires = occasion->expires};
    }
    return occasion->has_identity;
}

enum st cards_particulars(struct store *store, uint64_t card_number, struct action_particulars *ret)
{
    struct journal_row row;
    struct entry entry;
    struct walk walk;
    uint32_t next = 0;
    bool is_known = false;
    enum st st = journal_next(store, &next);
    if (st == ST_OK) {
        st = walk_begin(
            store, next > CARDS_PARTICULARS_LOOK ? next - CARDS_PARTICULARS_LOOK - 1 : 0, &walk);
    }
    if (st != ST_OK) {
        return st;
    }
    while ((st = walk_next(store, &walk, &row)) == ST_OK) {
        if (entry_decode(row.bytes, row.size, &entry) != ST_OK) {
            st = store_corrupt(store, "entry %u does not read", row.sequence);
            break;
        }
        if (entry.kind == ENTRY_INTENT && entry.intent.card_number == card_number) {
            is_known = particulars_in(&entry.intent, ret) || is_known;
        }
    }
    walk_end(&walk);
    return st == ST_REFUSED && is_known ? ST_OK : st;
}
