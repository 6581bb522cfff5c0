#include "tests/bench/posting_model.h"

#include <stdlib.h>
#include <string.h>

#include "server/ledger.h"

enum { TIME_FIRST_S = 1790000000, UID_BYTES = 4, FAMILY_CLASSIC = 1 };

const char model_programme[] =
    "{\"vafa_programme\":2,\"version\":1,\"club\":\"Vafa club\",\"unit\":\"toman\","
    "\"utc_offset_minutes\":210,\"modules\":[\"points\",\"redemption\",\"credit\"],"
    "\"purses\":{\"points\":{\"max\":100000000,\"hold_days\":0,\"expiry\":null},"
    "\"credit\":{\"max_rials\":2000000000},\"gift\":{\"max_rials\":0},"
    "\"voucher\":{\"max_rials\":0}},\"limits\":{\"sale_max_rials\":10000000000,"
    "\"load_min_rials\":100000,\"load_max_rials\":1000000000,"
    "\"opening_max_rials\":1000000000},\"redemption\":{\"rials_per_point\":1000,"
    "\"min_points\":0,\"max_percent\":100},\"award_on\":{\"redeemed\":false,\"credit\":true},"
    "\"stacking\":{\"rebate\":\"sum\",\"award\":\"sum\",\"cashback\":\"sum\"},"
    "\"rounding\":{\"rebate_rials\":1,\"cashback_rials\":1},\"refund\":{\"extras\":\"share\"},"
    "\"tiers\":null,\"groups\":[],\"kinds\":[],\"products\":[],\"calendars\":[],\"codes\":[],"
    "\"marks\":[],\"rules\":[{\"id\":\"base-earn\",\"when\":true,\"do\":{\"award\":"
    "{\"points\":10,\"per_rials\":1000000}}}]}";

uint64_t model_number(uint64_t n)
{
    for (uint64_t digit = 0; digit < 10; digit++) {
        uint64_t number = (UINT64_C(936400000100000) + n) * 10 + digit;
        if (card_number_is_valid(number)) {
            return number;
        }
    }
    abort(); /* One of the ten digits is Luhn's. */
}

void model_terminal_init(struct model_terminal *terminal, uint32_t number, uint32_t room)
{
    *terminal = (struct model_terminal){.number = number, .room = room};
    terminal->entries = calloc(room, sizeof terminal->entries[0]);
    terminal->hash = calloc(room + 1, sizeof terminal->hash[0]);
    assert(terminal->entries != NULL && terminal->hash != NULL);
}

void model_terminal_finish(struct model_terminal *terminal)
{
    free(terminal->entries);
    free(terminal->hash);
}

void model_append(struct model_terminal *terminal, struct entry *entry)
{
    assert(terminal->count < terminal->room);
    struct wire_entry *at = &terminal->entries[terminal->count];
    at->size = (uint16_t)entry_encode(entry, at->bytes);
    chain_next(terminal->hash[terminal->count], at->bytes, at->size,
               terminal->hash[terminal->count + 1]);
    terminal->count++;
}

static void head(const struct model_terminal *terminal, enum entry_kind kind, int64_t time_s,
                 struct entry *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->kind = kind;
    ret->sequence = terminal->count + 1;
    ret->time_s = time_s;
    ret->clock_quality = 2;
    ret->terminal = terminal->number;
}

void model_plan(const struct programme *programme, const struct model_terminal *terminal,
                uint64_t card, const struct snapshot *history, size_t history_count,
                const struct wish *wish, int64_t time_s, struct entry *ret)
{
    struct plan plan;
    struct plan_input input = {.programme = programme,
                               .history = history,
                               .history_count = history_count,
                               .wish = *wish,
                               .minute = snapshot_minute(time_s),
                               .terminal = terminal->number,
                               .sequence = terminal->count + 1};
    enum st st = plan_make(&input, &plan);
    assert(st == ST_OK);
    head(terminal, ENTRY_INTENT, time_s, ret);
    struct entry_intent *intent = &ret->intent;
    intent->card_number = card;
    intent->family = FAMILY_CLASSIC;
    intent->uid_bytes = UID_BYTES;
    intent->uid[0] = (uint8_t)card;
    intent->programme = programme->version;
    intent->has_before = history_count != 0;
    if (intent->has_before) {
        intent->before = history[0];
    }
    intent->after = plan.next;
    intent->parts = plan.parts;
    intent->refers_counter = wish->refers_counter;
}

uint32_t model_intent(struct model_terminal *terminal, struct model_card *card,
                      const struct programme *programme, struct wish wish, struct entry *ret)
{
    model_plan(programme, terminal, card->number, card->history, card->count, &wish,
               TIME_FIRST_S + terminal->count, ret);
    model_append(terminal, ret);
    return ret->sequence;
}

void model_write(struct model_card *card, const struct entry *intent)
{
    memmove(&card->history[1], &card->history[0], (MODEL_HISTORY - 1) * sizeof card->history[0]);
    card->history[0] = intent->intent.after;
    card->count += card->count < MODEL_HISTORY;
}

void model_outcome(struct model_terminal *terminal, const struct entry *intent,
                   enum entry_verdict verdict)
{
    struct entry entry;
    head(terminal, ENTRY_OUTCOME, intent->time_s + 1, &entry);
    entry.outcome = (struct entry_outcome){.intent_sequence = intent->sequence,
                                           .verdict = verdict,
                                           .evidence = EVIDENCE_READ_BACK,
                                           .card_number = intent->intent.card_number,
                                           .counter = intent->intent.after.counter};
    model_append(terminal, &entry);
}

uint32_t model_tap(struct model_terminal *terminal, struct model_card *card,
                   const struct programme *programme, struct wish wish)
{
    struct entry intent;
    uint32_t sequence = model_intent(terminal, card, programme, wish, &intent);
    model_write(card, &intent);
    model_outcome(terminal, &intent, VERDICT_DONE);
    return sequence;
}

void model_sighting(struct model_terminal *terminal, const struct model_card *card)
{
    struct entry entry;
    head(terminal, ENTRY_SIGHTING, TIME_FIRST_S + terminal->count, &entry);
    entry.sighting = (struct entry_sighting){.card_number = card->number,
                                             .family = FAMILY_CLASSIC,
                                             .uid_bytes = UID_BYTES,
                                             .uid = {(uint8_t)card->number},
                                             .snapshot = card->history[0]};
    model_append(terminal, &entry);
}

void model_batch(const struct model_terminal *terminal, uint32_t after, uint32_t count,
                 struct wire_sync *ret)
{
    assert(after + count <= terminal->count && count <= WIRE_ENTRIES_MAX);
    ret->terminal = terminal->number;
    ret->after = after;
    memcpy(ret->base, terminal->hash[after], ENTRY_HASH_BYTES);
    ret->programme = 1;
    ret->health = (struct wire_health){.clock = 2, .firmware = "model"};
    ret->entry_count = count;
    memcpy(ret->entries, terminal->entries + after, count * sizeof ret->entries[0]);
}
