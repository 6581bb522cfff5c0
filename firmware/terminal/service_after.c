#include "firmware/terminal/service_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include "hal/clock.h"

/* The ring may be read: the tap is over, and nothing of this card is in doubt. */
static bool may_witness(const struct terminal *terminal)
{
    const struct tap_answer *answer = &terminal->act.answer;
    const struct card_view *view = &terminal->tap.view;
    return view->condition == CARD_MEMBER && view->number == terminal->witness.number &&
           (answer->outcome == TAP_DONE ||
            (answer->outcome == TAP_NOT_DONE &&
             (answer->reason == TAP_REASON_REFUSED || answer->reason == TAP_REASON_HOTLISTED)));
}

/* Numbers the sightings and appends them together: one sync of the disk for all. */
static enum st append_sightings(struct terminal *terminal, struct entry *entries, size_t count)
{
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    uint32_t sequence = 0;
    enum st st = journal_next(terminal->config.store, &sequence);
    for (size_t i = 0; i < count; i++) {
        entries[i].sequence = sequence + (uint32_t)i;
        entries[i].terminal = terminal->standing.terminal;
        entries[i].operator_no = terminal->tap.request.operator_no;
        entries[i].time_s = now_s;
        entries[i].clock_quality = (uint8_t)quality;
    }
    return st == ST_OK ? journal_append_sightings(terminal->config.store, entries, count) : st;
}

/* Reads the card's ring as far as it tells of transactions that are not in the journal, and notes
 * them. Nobody waits for it; what fails is owed until the card comes again. */
void service_witness(struct terminal *terminal)
{
    const struct card_port *card = &terminal->config.card;
    const struct tap_answer *answer = &terminal->act.answer;
    const struct card_view *view = &terminal->tap.view;
    struct snapshot seen = {.counter = 0};
    if (!may_witness(terminal)) {
        if (terminal->witness.number != 0) {
            witness_end(&terminal->witness, false, 0, 0);
        }
        return;
    }
    enum st st = cards_seen(terminal->config.store, view->number, &seen);
    if (st != ST_OK && st != ST_REFUSED) {
        return;
    }
    const uint32_t own = terminal->standing.terminal;
    const struct snapshot *newest = answer->has_snapshot ? &answer->snapshot : &view->snapshot;
    size_t count = witness_wants(&terminal->witness, newest, seen.counter, own);
    if (count == 0) {
        witness_end(&terminal->witness, true, 0, 0);
        return;
    }
    size_t read = 0;
    const enum st whole = card->ops->history(card->ctx, terminal->history, count, &read);
    count = witness_make(&terminal->witness, view, terminal->history, read, seen.counter, own,
                         terminal->noted);
    st = count == 0 ? ST_OK : append_sightings(terminal, terminal->noted, count);
    witness_end(&terminal->witness, whole == ST_OK && st == ST_OK,
                st == ST_OK && read > 0 ? terminal->history[read - 1].counter : 0,
                terminal->history[0].counter);
    if (st == ST_OK && count > 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "card=*%04" PRIu64 " noted=%zu", view->number % 10000,
                       count);
        service_log(terminal, "T208", text);
    }
}

/* Tells the club of an action that was refused in this tap. Nobody waits for it; what the disk does
 * not take is told at the next one. */
void service_note_refused(struct terminal *terminal)
{
    const struct entry_refused *refused = &terminal->tap.look.refused;
    struct entry entry = {.kind = ENTRY_REFUSED,
                          .operator_no = terminal->tap.request.operator_no,
                          .refused = *refused};
    if (refusals_are_new(&terminal->refusals, refused) && service_append_start(terminal) == ST_OK &&
        service_append(terminal, &entry) == ST_OK) {
        refusals_keep(&terminal->refusals, refused);
    }
}

/* What the card remembers is kept for later programmes, too: those that look at it have it
 * refreshed with the card. */
void service_keep_facts(struct terminal *terminal)
{
    const struct card_port *card = &terminal->config.card;
    const struct programme *programme = terminal->tap.programme;
    if (programme != NULL && (programme->uses & USES_FACTS) == 0) {
        const struct facts_rules rules = known_rules(programme);
        card->ops->keep_facts(card->ctx, &rules);
    }
}
