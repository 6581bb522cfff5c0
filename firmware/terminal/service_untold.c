#include "firmware/terminal/service_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hal/clock.h"

static struct begun *find_begun(struct terminal *terminal, uint32_t sequence)
{
    for (size_t n = 0; n < BEGUN_MAX; n++) {
        if (sequence > 0 && terminal->begun[n].sequence == sequence) {
            return &terminal->begun[n];
        }
    }
    return NULL;
}

void untold_begin(struct terminal *terminal, uint32_t sequence)
{
    terminal->begun[terminal->begun_next] =
        (struct begun){.sequence = sequence, .at_ms = clock_monotonic_ms()};
    terminal->begun_next = (terminal->begun_next + 1) % BEGUN_MAX;
}

/* True when a request made now may be the one that `intent` was planned for, asked again. The
 * date may be set in between, so it only counts for what an earlier process began; when it was not
 * set then or is not now, the age is not known, and the same basket is not charged twice. */
static bool is_recent(struct terminal *terminal, const struct entry *intent)
{
    const struct begun *begun = find_begun(terminal, intent->sequence);
    if (begun != NULL) {
        return clock_monotonic_ms() - begun->at_ms <= INT64_C(1000) * TERMINAL_SAME_REQUEST_S;
    }
    enum clock_quality quality;
    int64_t age_s = clock_now_s(&quality) - intent->time_s;
    return quality == CLOCK_UNSET || intent->clock_quality == CLOCK_UNSET ||
           (age_s >= -TERMINAL_SAME_REQUEST_S && age_s <= TERMINAL_SAME_REQUEST_S);
}

bool untold_may_be_asked_again(struct terminal *terminal, const struct entry *pending)
{
    const struct begun *begun = find_begun(terminal, pending->sequence);
    return is_recent(terminal, pending) && (begun == NULL || !begun->was_told);
}

void untold_look(struct terminal *terminal, uint64_t number, struct tap_look *look)
{
    for (size_t n = 0; n < terminal->unanswered_count; n++) {
        if (terminal->unanswered[n].intent.card_number == number) {
            look->unanswered = terminal->unanswered[n];
            look->has_unanswered = is_recent(terminal, &look->unanswered);
        }
    }
}

/* The last intent whose answer was told for sure. Written when the shopper is gone already, so a
 * terminal that dies within those milliseconds tells an answer twice; it never does a thing twice.
 */
static const char setting_told[] = "till.told";

static void note_told(struct terminal *terminal, uint32_t sequence)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%" PRIu32, sequence);
    if (setting_put(terminal->config.store, setting_told, text) != ST_OK) {
        service_log_store(terminal, "note that it was told");
    }
}

static bool was_told_before(struct terminal *terminal, uint32_t sequence)
{
    char text[16];
    return setting_get(terminal->config.store, setting_told, text, sizeof text) == ST_OK &&
           strtoul(text, NULL, 10) >= sequence;
}

/* The list of those that were not told, for a process that comes after this one: sequence numbers.
 * Kept beside till.told, which is about the last intent only. */
static const char setting_untold[] = "till.untold";

static void save_unanswered(struct terminal *terminal)
{
    char text[UNANSWERED_MAX * 12 + 1] = "";
    size_t size = 0;
    for (size_t n = 0; n < terminal->unanswered_count; n++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%" PRIu32, n > 0 ? " " : "",
                                 terminal->unanswered[n].sequence);
    }
    if (setting_put(terminal->config.store, setting_untold, text) != ST_OK) {
        service_log_store(terminal, "note what was not told");
    }
}

/* Takes the card's entry off the list: something newer is on it, or it was told. */
static bool forget_unanswered(struct terminal *terminal, uint64_t number)
{
    size_t kept = 0;
    for (size_t n = 0; n < terminal->unanswered_count; n++) {
        if (terminal->unanswered[n].intent.card_number != number) {
            terminal->unanswered[kept++] = terminal->unanswered[n];
        }
    }
    bool was_there = kept < terminal->unanswered_count;
    terminal->unanswered_count = kept;
    return was_there;
}

static void add_unanswered(struct terminal *terminal, const struct entry *intent)
{
    (void)forget_unanswered(terminal, intent->intent.card_number);
    if (terminal->unanswered_count == UNANSWERED_MAX) {
        (void)forget_unanswered(terminal, terminal->unanswered[0].intent.card_number);
    }
    terminal->unanswered[terminal->unanswered_count++] = *intent;
}

enum st untold_load(struct terminal *terminal)
{
    char text[SETTING_VALUE_MAX];
    enum st st = setting_get(terminal->config.store, setting_untold, text, sizeof text);
    char *end = text;
    while (st == ST_OK && *end != '\0') {
        struct entry intent;
        char *at = end;
        unsigned long sequence = strtoul(at, &end, 10);
        if (end == at) {
            break;
        }
        st = journal_find(terminal->config.store, (uint32_t)sequence, &intent);
        if (st == ST_OK && intent.kind == ENTRY_INTENT) {
            add_unanswered(terminal, &intent);
        }
        st = st == ST_REFUSED ? ST_OK : st;
    }
    return st == ST_REFUSED ? ST_OK : st;
}

/* Nobody asks for what comes before a request, so nobody waits for its answer. */
static bool is_asked_for(const struct entry *intent)
{
    const enum transaction_kind kind = intent->intent.after.last.kind;
    return kind != TRANSACTION_ACTION && kind != TRANSACTION_EXPIRE && kind != TRANSACTION_BLOCK;
}

enum st untold_find_last(struct terminal *terminal)
{
    struct store *store = terminal->config.store;
    struct entry entry;
    uint32_t sequence = 0;
    enum st st = journal_next(store, &sequence);
    while (st == ST_OK && --sequence > 0) {
        st = journal_find(store, sequence, &entry);
        if (st == ST_OK && entry.kind == ENTRY_OUTCOME) {
            if (entry.outcome.verdict == VERDICT_DONE) {
                st = journal_find(store, entry.outcome.intent_sequence, &entry);
                if (st == ST_OK && is_asked_for(&entry) &&
                    !was_told_before(terminal, entry.sequence)) {
                    add_unanswered(terminal, &entry);
                    save_unanswered(terminal);
                }
            }
            break;
        }
        if (st == ST_OK && entry.kind == ENTRY_INTENT) {
            break; /* in doubt: settled from the card */
        }
    }
    return st;
}

void untold_note(struct terminal *terminal, bool was_told)
{
    struct entry *intent = &terminal->tap.intent;
    if (intent->time_s == 0) { /* of this request: only the journal's copy has its time */
        enum clock_quality quality;
        intent->time_s = clock_now_s(&quality);
        intent->clock_quality = (uint8_t)quality;
    }
    struct begun *begun = find_begun(terminal, intent->sequence);
    if (begun != NULL) {
        begun->was_told = was_told;
    }
    terminal->is_untold_changed |=
        forget_unanswered(terminal, intent->intent.card_number) || !was_told;
    if (!was_told) {
        add_unanswered(terminal, intent);
    }
}

void untold_save(struct terminal *terminal, bool was_told)
{
    if (terminal->is_untold_changed) {
        save_unanswered(terminal);
        terminal->is_untold_changed = false;
    }
    if (was_told) {
        note_told(terminal, terminal->tap.intent.sequence);
    }
}

void terminal_untell(struct terminal *terminal, uint32_t sequence)
{
    struct entry intent;
    if (journal_find(terminal->config.store, sequence, &intent) != ST_OK) {
        service_log_store(terminal, "find what was not told");
        return;
    }
    assert(intent.kind == ENTRY_INTENT);
    struct begun *begun = find_begun(terminal, sequence);
    if (begun != NULL) {
        begun->was_told = false;
    }
    add_unanswered(terminal, &intent);
    save_unanswered(terminal);
}
