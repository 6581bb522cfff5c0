#include "tests/support/store_model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "storage/bons.h"

void model_init(struct model *model, uint32_t cards, uint64_t seed)
{
    *model = (struct model){.cards = cards, .random = seed};
}

void model_finish(struct model *model)
{
    free(model->entries);
}

static uint32_t draw(struct model *model, uint32_t below)
{
    uint64_t z = (model->random += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % below);
}

uint64_t model_card(uint32_t i)
{
    uint64_t number = (UINT64_C(606000000000000) + i) * 10;
    while (!card_number_is_valid(number)) {
        number++; /* until its last digit is right */
    }
    return number;
}

void model_uid(uint32_t i, uint8_t ret_uid[ENTRY_UID_MAX])
{
    memset(ret_uid, 0, ENTRY_UID_MAX);
    ret_uid[0] = 4;
    put_le32(ret_uid + 1, i);
}

static struct snapshot snapshot_of(uint32_t sequence, uint32_t counter)
{
    struct snapshot snapshot = {
        .layout = SNAPSHOT_LAYOUT_FIRST, .status = CARD_ACTIVE, .counter = counter};
    snapshot.points.n = counter * 10;
    snapshot.purse[PURSE_CREDIT].rials = (int64_t)counter * 1000 + sequence;
    snapshot.last = (struct transaction){.kind = TRANSACTION_SALE,
                                         .amount = {1000},
                                         .minute = sequence,
                                         .terminal = 7,
                                         .sequence = sequence};
    return snapshot;
}

static struct entry entry_of(const struct model *model, enum entry_kind kind)
{
    struct entry entry = {.kind = kind,
                          .sequence = model->count + 1,
                          .time_s =
                              1790000000 + 20000 * (int64_t)(model->count % 100000), /* 4 a day */
                          .clock_quality = 2,
                          .terminal = 7,
                          .operator_no = model->count % MODEL_OPERATORS};
    return entry;
}

struct entry model_start(const struct model *model)
{
    struct entry entry = entry_of(model, ENTRY_START);
    memcpy(entry.start.firmware, "1.0", 4);
    return entry;
}

/* From nothing to the largest there is, so that entries have every length. */
static void fill_occasion(struct occasion *occasion, uint32_t counter, uint32_t sequence)
{
    occasion->has_facts = counter > 1 && sequence % 3 != 0;
    if (occasion->has_facts) {
        occasion->facts = (struct facts){.counter = counter - 1, .visits = 3, .basket = sequence};
    }
    occasion->code = (uint8_t)(sequence % 2);
    occasion->branch = sequence % 4;
    occasion->line_count = (uint8_t)(sequence % (BASKET_LINES_MAX + 1));
    for (uint8_t i = 0; i < occasion->line_count; i += 1) {
        occasion->lines[i] = (struct basket_line){.product = i, .amount = {1000}, .milli = 1000};
    }
}

struct entry model_intent(const struct model *model, uint32_t card, uint32_t counter)
{
    struct entry entry = entry_of(model, ENTRY_INTENT);
    struct entry_intent *intent = &entry.intent;
    intent->card_number = model_card(card);
    intent->family = 1;
    intent->uid_bytes = 7;
    model_uid(card, intent->uid);
    intent->programme = 1;
    intent->has_before = counter > 1;
    if (counter > 1) {
        intent->before = snapshot_of(entry.sequence, counter - 1);
    }
    intent->after = snapshot_of(entry.sequence, counter);
    intent->parts.amount.rials = 1000;
    if (counter % 4 != 0) { /* else paid in cash: it uses nothing */
        intent->parts.payment.rials = 10 * (int64_t)entry.sequence;
        intent->parts.load.rials = counter;
        intent->parts.award.n = 3;
    }
    fill_occasion(&intent->occasion, counter, entry.sequence);
    return entry;
}

struct entry model_outcome(const struct model *model, uint32_t intent, enum entry_verdict verdict)
{
    const struct entry *of = &model->entries[intent - 1];
    assert(of->kind == ENTRY_INTENT);
    struct entry entry = entry_of(model, ENTRY_OUTCOME);
    entry.outcome.intent_sequence = intent;
    entry.outcome.verdict = verdict;
    entry.outcome.evidence = EVIDENCE_READ_BACK;
    entry.outcome.card_number = of->intent.card_number;
    entry.outcome.counter = of->intent.after.counter;
    return entry;
}

struct entry model_sighting(const struct model *model, uint32_t card, uint32_t counter)
{
    struct entry entry = entry_of(model, ENTRY_SIGHTING);
    entry.sighting.card_number = model_card(card);
    entry.sighting.family = 2;
    entry.sighting.uid_bytes = 7;
    model_uid(card, entry.sighting.uid);
    entry.sighting.snapshot = snapshot_of(entry.sequence, counter);
    return entry;
}

struct entry model_operator(const struct model *model, uint32_t number, uint8_t event)
{
    struct entry entry = entry_of(model, ENTRY_OPERATOR);
    entry.operator_event = (struct entry_operator){
        .number = number, .event = event, .role = ROLE_CASHIER, .unlocks = model->count % 7};
    return entry;
}

static void model_tag(uint32_t medium, uint8_t ret_tag[ENTRY_TAG_BYTES])
{
    memset(ret_tag, (int)(0x40 + medium), ENTRY_TAG_BYTES);
}

struct entry model_link(const struct model *model, uint32_t card, uint32_t medium)
{
    struct entry entry = entry_of(model, ENTRY_LINK);
    entry.link.card_number = model_card(card);
    entry.link.family = 1;
    entry.link.uid_bytes = 7;
    model_uid(card, entry.link.uid);
    entry.link.medium = 5;
    entry.link.key_version = MODEL_KEY_VERSION;
    model_tag(medium, entry.link.tag);
    return entry;
}

enum { MODEL_BON_SERIES = 3 };

struct entry model_bon(const struct model *model, uint32_t bon, bool is_back)
{
    struct entry entry = entry_of(model, ENTRY_BON);
    entry.bon.bon = (struct bon){.series = MODEL_BON_SERIES,
                                 .serial = bon + 1,
                                 .amount = {500000},
                                 .first_day = 46000,
                                 .last_day = 47000};
    entry.bon.is_back = is_back;
    (void)snprintf(entry.bon.receipt, sizeof entry.bon.receipt, "R%u", entry.sequence % 7);
    return entry;
}

struct entry model_transfer(const struct model *model, uint32_t card, uint32_t counter,
                            const struct peer *peer)
{
    struct entry entry = model_intent(model, card, counter);
    entry.intent.after.last.kind = TRANSACTION_TRANSFER;
    entry.intent.occasion = (struct occasion){.peer = *peer};
    return entry;
}

struct entry model_release(const struct model *model, uint32_t out)
{
    struct entry entry = entry_of(model, ENTRY_RELEASE);
    entry.release = (struct entry_release){.out_sequence = out,
                                           .card_number = out % 2 == 0 ? model_card(0) : 0};
    return entry;
}

static bool is_out(const struct entry *entry)
{
    return entry->kind == ENTRY_INTENT && entry->intent.occasion.peer.direction == PEER_OUT;
}

/* What became of the transfer out of entry `out`, read off the entries behind it. */
static struct transfer transfer_of(const struct model *model, uint32_t count, uint32_t out)
{
    const struct entry *first = &model->entries[out - 1];
    struct transfer found = {.sequence = out,
                             .end = first->intent.occasion.peer.card_number != 0 ? TRANSFER_RELEASED
                                                                                 : TRANSFER_WAITS};
    for (uint32_t i = out; i < count; i++) {
        const struct entry *entry = &model->entries[i];
        const bool waits = found.end == TRANSFER_WAITS;
        if (entry->kind == ENTRY_RELEASE && entry->release.out_sequence == out) {
            found.end = TRANSFER_RELEASED;
            found.second = entry->sequence;
        } else if (entry->kind == ENTRY_INTENT && waits &&
                   entry->intent.occasion.peer.direction == PEER_IN &&
                   entry->intent.occasion.peer.sequence == out) {
            found.second = entry->sequence;
        } else if (entry->kind == ENTRY_OUTCOME && entry->outcome.intent_sequence == out) {
            found.first = entry->outcome.verdict == VERDICT_DONE   ? FIRST_DONE
                          : entry->outcome.verdict == VERDICT_LEFT ? FIRST_LEFT
                                                                   : FIRST_IN_DOUBT;
            found.end = entry->outcome.verdict == VERDICT_NOT_DONE ? TRANSFER_VOID : found.end;
        } else if (entry->kind == ENTRY_OUTCOME && waits && found.second != 0 &&
                   entry->outcome.intent_sequence == found.second) {
            found.end = entry->outcome.verdict == VERDICT_DONE ? TRANSFER_TAKEN : found.end;
            found.second = entry->outcome.verdict == VERDICT_NOT_DONE ? 0 : found.second;
        }
    }
    return found;
}

/* A transfer that waits, from some place in the journal on; 0 = there is none. */
static uint32_t draw_waiting(struct model *model)
{
    for (uint32_t out = 1 + draw(model, model->count); out <= model->count; out++) {
        if (is_out(&model->entries[out - 1]) &&
            transfer_of(model, model->count, out).end == TRANSFER_WAITS) {
            return out;
        }
    }
    return 0;
}

static struct entry draw_transfer(struct model *model, uint32_t card, uint32_t counter)
{
    const uint32_t out = draw_waiting(model);
    struct peer peer = {.direction = PEER_OUT};
    if (out != 0 && draw(model, 2) == 0) {
        peer = (struct peer){.direction = PEER_IN, .terminal = 7, .sequence = out};
        peer.card_number = model->entries[out - 1].intent.card_number;
    } else if (draw(model, 4) == 0) {
        peer.card_number = model_card(card + 1);
    }
    return peer.card_number == model_card(card) ? model_intent(model, card, counter)
                                                : model_transfer(model, card, counter, &peer);
}

/* True when an entry after `intent`, up to `count`, is its outcome. */
static bool is_settled(const struct model *model, uint32_t count, const struct entry *intent)
{
    for (uint32_t i = intent->sequence; i < count; i++) {
        const struct entry *entry = &model->entries[i];
        if (entry->kind == ENTRY_OUTCOME && entry->outcome.intent_sequence == intent->sequence) {
            return true;
        }
    }
    return false;
}

struct entry model_draw(struct model *model)
{
    const uint32_t card = draw(model, model->cards);
    const uint32_t choice = draw(model, 10);
    const struct snapshot *seen = model_seen(model, model->count, card);
    const uint32_t counter = seen != NULL ? seen->counter : 0;
    if (model->count == 0 || choice == 9) {
        const uint32_t event = draw(model, OPERATOR_EVENTS);
        const uint32_t waits = model->count > 0 ? draw_waiting(model) : 0;
        if (waits != 0 && draw(model, 3) == 0) {
            return model_release(model, waits);
        }
        return event == 0 || model->count == 0
                   ? model_start(model)
                   : model_operator(model, 1 + draw(model, MODEL_OPERATORS), (uint8_t)event);
    }
    const struct entry *last = &model->entries[model->count - 1];
    if (last->kind == ENTRY_INTENT && choice < 7) {
        return model_outcome(model, last->sequence, VERDICT_DONE);
    }
    const struct entry *open = model_pending(model, model->count, card);
    if (open != NULL) {
        return model_outcome(model, open->sequence, 1 + draw(model, 3));
    }
    if (choice < 7) {
        return choice < 2 ? draw_transfer(model, card, counter + 1)
                          : model_intent(model, card, counter + 1);
    }
    if (choice == 8) {
        return model_link(model, card, draw(model, model->cards));
    }
    if (!model->has_no_bons && draw(model, 2) == 0) {
        return model_bon(model, draw(model, model->cards), draw(model, 3) == 0);
    }
    /* Newer, the same, or older than what is known. */
    return model_sighting(model, card, counter + draw(model, 3) + (counter == 0));
}

void model_add(struct model *model, const struct entry *entry)
{
    assert(entry->sequence == model->count + 1);
    if (model->count == model->capacity) {
        model->capacity = model->capacity * 2 + 64;
        model->entries = realloc(model->entries, sizeof *entry * model->capacity);
        assert(model->entries != NULL);
    }
    model->entries[model->count++] = *entry;
}

const struct entry *model_pending(const struct model *model, uint32_t count, uint32_t card)
{
    const uint64_t number = model_card(card);
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = &model->entries[i];
        if (entry->kind == ENTRY_INTENT && entry->intent.card_number == number &&
            !is_settled(model, count, entry)) {
            return entry;
        }
    }
    return NULL;
}

uint32_t model_pending_count(const struct model *model, uint32_t count)
{
    uint32_t pending = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = &model->entries[i];
        pending += entry->kind == ENTRY_INTENT && !is_settled(model, count, entry);
    }
    return pending;
}

const struct snapshot *model_seen(const struct model *model, uint32_t count, uint32_t card)
{
    const struct snapshot *newest = NULL;
    const uint64_t number = model_card(card);
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = &model->entries[i];
        const struct snapshot *shown = NULL;
        if (entry->kind == ENTRY_SIGHTING && entry->sighting.card_number == number) {
            shown = &entry->sighting.snapshot;
        }
        if (entry->kind == ENTRY_OUTCOME && entry->outcome.verdict == VERDICT_DONE &&
            entry->outcome.card_number == number) {
            shown = &model->entries[entry->outcome.intent_sequence - 1].intent.after;
        }
        if (shown != NULL && (newest == NULL || shown->counter > newest->counter)) {
            newest = shown;
        }
    }
    return newest;
}

/* --- comparing with a store ------------------------------------------------------------------- */

static bool differs(struct store *store, const char *what, uint32_t at)
{
    printf("model: %s differs at %u: %s\n", what, at, store_fault(store)->say);
    return false;
}

static bool entries_agree(const struct model *model, uint32_t count, struct store *store)
{
    enum { AT_ONCE = 64 };
    static struct journal_row rows[AT_ONCE];
    uint32_t at = 0;
    size_t got = 0;
    do {
        if (journal_fetch(store, at, rows, AT_ONCE, &got) != ST_OK || at + got > count) {
            return differs(store, "fetch", at);
        }
        for (size_t i = 0; i < got; i++) {
            uint8_t bytes[ENTRY_BYTES_MAX];
            const size_t size = entry_encode(&model->entries[at + i], bytes);
            if (rows[i].sequence != at + i + 1 || rows[i].size != size ||
                memcmp(rows[i].bytes, bytes, size) != 0) {
                return differs(store, "entry", at + (uint32_t)i + 1);
            }
        }
        at += (uint32_t)got;
    } while (got == AT_ONCE);
    return at == count || differs(store, "end", at);
}

static bool snapshots_equal(const struct snapshot *a, const struct snapshot *b)
{
    uint8_t image_a[SNAPSHOT_IMAGE_BYTES], image_b[SNAPSHOT_IMAGE_BYTES];
    snapshot_encode(a, image_a);
    snapshot_encode(b, image_b);
    return memcmp(image_a, image_b, sizeof image_a) == 0;
}

static bool card_agrees(const struct model *model, uint32_t count, struct store *store,
                        uint32_t card)
{
    struct entry found;
    struct snapshot seen;
    uint8_t uid[ENTRY_UID_MAX];
    model_uid(card, uid);
    const struct entry *pending = model_pending(model, count, card);
    const struct snapshot *snapshot = model_seen(model, count, card);

    enum st st = journal_pending(store, model_card(card), &found);
    if (pending == NULL ? st != ST_REFUSED : st != ST_OK || found.sequence != pending->sequence) {
        return differs(store, "pending", card);
    }
    st = journal_pending_uid(store, uid, 7, &found);
    if (pending == NULL ? st != ST_REFUSED : st != ST_OK || found.sequence != pending->sequence) {
        return differs(store, "pending by UID", card);
    }
    st = cards_seen(store, model_card(card), &seen);
    if (snapshot == NULL ? st != ST_REFUSED : st != ST_OK || !snapshots_equal(&seen, snapshot)) {
        return differs(store, "card", card);
    }
    return true;
}

/* The newest link of a medium counts. */
static bool medium_agrees(const struct model *model, uint32_t count, struct store *store,
                          uint32_t medium)
{
    uint8_t tag[ENTRY_TAG_BYTES];
    uint64_t found = 0, right = 0;
    model_tag(medium, tag);
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = &model->entries[i];
        if (entry->kind == ENTRY_LINK && memcmp(entry->link.tag, tag, sizeof tag) == 0) {
            right = entry->link.card_number;
        }
    }
    const enum st st = links_find(store, MODEL_KEY_VERSION, tag, &found);
    return (right == 0 ? st == ST_REFUSED : st == ST_OK && found == right) ||
           differs(store, "medium", medium);
}

/* --- what is used of limits ------------------------------------------------------------------- */

/* What is asked of the entries; ANY: of all. */
enum { ANY = -1 };
struct question {
    enum used_scope scope;
    int64_t id, day, operator_no, card;
};

/* Days in Tehran, which is 12,600 seconds ahead. */
static int64_t day_of(const struct entry *entry)
{
    return (entry->time_s + 12600) / 86400;
}

static bool was_not_done(const struct model *model, uint32_t count, uint32_t intent)
{
    for (uint32_t i = intent; i < count; i++) {
        const struct entry *entry = &model->entries[i];
        if (entry->kind == ENTRY_OUTCOME && entry->outcome.intent_sequence == intent) {
            return entry->outcome.verdict == VERDICT_NOT_DONE;
        }
    }
    return false;
}

/* Sales use limits, transfers none; a voucher is no card's. */
static bool use_agrees(const struct model *model, uint32_t count, struct store *store,
                       const struct question *asked)
{
    int64_t spend = 0, spends = 0, cashback = 0, points = 0;
    struct limit_use used;
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = &model->entries[i];
        if (entry->kind == ENTRY_INTENT && entry->intent.after.last.kind == TRANSACTION_SALE &&
            !was_not_done(model, count, entry->sequence) &&
            (asked->day == ANY || day_of(entry) == asked->day) &&
            (asked->operator_no == ANY || entry->operator_no == asked->operator_no) &&
            (asked->card == ANY || (int64_t)entry->intent.card_number == asked->card)) {
            spend += entry->intent.parts.payment.rials;
            spends += entry->intent.parts.payment.rials > 0;
            cashback += entry->intent.parts.load.rials;
            points += entry->intent.parts.award.n;
        }
        if (entry->kind == ENTRY_BON && !entry->bon.is_back && asked->card == ANY &&
            (asked->day == ANY || day_of(entry) == asked->day) &&
            (asked->operator_no == ANY || entry->operator_no == asked->operator_no)) {
            spend += entry->bon.bon.amount.rials;
            spends += 1;
        }
    }
    const int32_t day = asked->day == ANY ? 0 : (int32_t)asked->day;
    if (limits_used(store, asked->scope, (uint64_t)asked->id, day, &used) != ST_OK) {
        return false;
    }
    return used.n[LIMIT_SPEND][LIMIT_RIALS] == spend &&
           used.n[LIMIT_SPEND][LIMIT_COUNT] == spends &&
           used.n[LIMIT_EARN][LIMIT_RIALS] == cashback &&
           used.n[LIMIT_EARN][LIMIT_COUNT] == points && used.n[LIMIT_LOAD][LIMIT_RIALS] == 0 &&
           used.n[LIMIT_ISSUE][LIMIT_COUNT] == 0 && used.n[LIMIT_REFUND][LIMIT_COUNT] == 0;
}

/* All of the terminal, and the day of the newest entry. */
static bool uses_agree(const struct model *model, uint32_t count, struct store *store)
{
    const int64_t day = count > 0 ? day_of(&model->entries[count - 1]) : 0;
    struct question asked = {USED_TERMINAL, 0, ANY, ANY, ANY};
    bool agree = use_agrees(model, count, store, &asked);
    asked = (struct question){USED_TERMINAL_DAY, 0, day, ANY, ANY};
    agree = agree && use_agrees(model, count, store, &asked);
    for (int64_t i = 0; i < MODEL_OPERATORS; i++) {
        asked = (struct question){USED_OPERATOR_DAY, i, day, i, ANY};
        agree = agree && use_agrees(model, count, store, &asked);
    }
    for (uint32_t i = 0; i < model->cards; i++) {
        const int64_t card = (int64_t)model_card(i);
        asked = (struct question){USED_CARD_DAY, card, day, ANY, card};
        agree = agree && use_agrees(model, count, store, &asked);
    }
    return agree || differs(store, "what was used", count);
}

/* The newest entry about a bon counts. */
static bool bon_agrees(const struct model *model, uint32_t count, struct store *store, uint32_t bon)
{
    const struct entry *newest = NULL;
    struct entry use;
    enum bon_place place;
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = &model->entries[i];
        newest = entry->kind == ENTRY_BON && entry->bon.bon.serial == bon + 1 ? entry : newest;
    }
    const bool is_here = newest != NULL && newest->bon.is_back == 0;
    if (bons_find(store, MODEL_BON_SERIES, bon + 1, &place, &use) != ST_OK ||
        place != (is_here ? BON_HERE : BON_FREE) || (is_here && use.sequence != newest->sequence)) {
        return differs(store, "bon", bon);
    }
    return true;
}

static bool operator_agrees(const struct model *model, uint32_t count, struct store *store,
                            uint32_t number)
{
    struct operator_state found, right = {.wrong = 0};
    for (uint32_t i = 0; i < count; i++) {
        const struct entry_operator *of = &model->entries[i].operator_event;
        if (model->entries[i].kind != ENTRY_OPERATOR || of->number != number) {
            continue;
        }
        const bool forgives = of->unlocks > right.unlocks || of->event == OPERATOR_UNLOCKED;
        right.wrong = forgives || of->event == OPERATOR_IN ? 0 : right.wrong;
        right.is_locked = right.is_locked && !forgives;
        right.unlocks = of->unlocks > right.unlocks ? of->unlocks : right.unlocks;
        if (of->event == OPERATOR_WRONG && right.wrong < 3) {
            right.wrong += 1;
        } else if (of->event == OPERATOR_LOCKED) {
            right.wrong = 3;
            right.is_locked = true;
        }
    }
    return operators_state(store, number, &found) == ST_OK && found.wrong == right.wrong &&
           found.is_locked == right.is_locked && found.unlocks == right.unlocks;
}

/* Each transfer, and the list of those that wait. */
static bool transfers_agree(const struct model *model, uint32_t count, struct store *store)
{
    enum { MOST = 16 };
    struct transfer found, waiting[MOST];
    uint32_t after = 0;
    size_t listed = 0, at = 0;
    if (transfers_waiting(store, 0, waiting, MOST, &listed) != ST_OK) {
        return false;
    }
    for (uint32_t out = 1; out <= count; out++) {
        const enum st st = transfers_find(store, out, &found);
        if (!is_out(&model->entries[out - 1])) {
            if (st != ST_REFUSED) {
                return false;
            }
            continue;
        }
        const struct transfer right = transfer_of(model, count, out);
        if (st != ST_OK || found.sequence != out || found.end != right.end ||
            found.first != right.first || found.second != right.second) {
            return false;
        }
        if (right.end != TRANSFER_WAITS) {
            continue;
        }
        if (at == MOST) { /* the next page */
            if (transfers_waiting(store, after, waiting, MOST, &listed) != ST_OK) {
                return false;
            }
            at = 0;
        }
        if (at == listed || waiting[at].sequence != out) {
            return false;
        }
        after = out;
        at += 1;
    }
    return at == listed;
}

bool model_agrees(const struct model *model, uint32_t count, struct store *store)
{
    struct journal_counts counts;
    uint32_t next = 0;
    if (journal_next(store, &next) != ST_OK || next != count + 1) {
        return differs(store, "next", next);
    }
    if (journal_counts(store, &counts) != ST_OK || counts.entries != count ||
        counts.pending != model_pending_count(model, count)) {
        return differs(store, "counts", count);
    }
    for (uint32_t card = 0; card < model->cards; card++) {
        if (!card_agrees(model, count, store, card) || !medium_agrees(model, count, store, card) ||
            !bon_agrees(model, count, store, card)) {
            return false;
        }
    }
    for (uint32_t number = 1; number <= MODEL_OPERATORS; number++) {
        if (!operator_agrees(model, count, store, number)) {
            return differs(store, "operator", number);
        }
    }
    if (!transfers_agree(model, count, store)) {
        return differs(store, "transfers", count);
    }
    return uses_agree(model, count, store) && entries_agree(model, count, store);
}
