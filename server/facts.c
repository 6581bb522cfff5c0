#include <stdio.h>
#include <string.h>

#include "server/ledger_priv.h"

/* What a terminal noted of a card's memory is judged by the fold (firmware/engine/facts.h): facts
 * at a counter follow from those that the transaction before it had, and from nothing else. */

static struct facts_rules rules_of(const struct programme *programme)
{
    return (struct facts_rules){.utc_offset_minutes = programme->utc_offset_minutes,
                                .tiers = programme->tier_period,
                                .expiry = programme->expiry};
}

/* Two versions fold alike, so that it does not matter which of them a terminal had. */
static enum st same_rules(struct ledger *ledger, uint32_t a, uint32_t b, bool *ret)
{
    const struct programme *one = NULL, *other = NULL;
    *ret = a == b;
    if (*ret) {
        return ST_OK;
    }
    enum st st = reckon_programme(ledger, b, &other);
    const struct facts_rules rules =
        other == NULL ? (struct facts_rules){.tiers = PERIOD_NONE} : rules_of(other);
    /* The second look may take the place of the first one's programme. */
    st = st == ST_OK ? reckon_programme(ledger, a, &one) : st;
    *ret = one != NULL && other != NULL && one->utc_offset_minutes == rules.utc_offset_minutes &&
           one->tier_period == rules.tiers && one->expiry == rules.expiry;
    return st;
}

/* True when the intent notes what the card remembered at its snapshot before; a new card, what it
 * takes over from another. */
static bool has_noted(const struct entry_intent *intent)
{
    const uint32_t counter = intent->has_before ? intent->before.counter : 1;
    return intent->occasion.has_facts && intent->occasion.facts.counter == counter;
}

/* Nothing but the status changes, and no terminal looks at the facts for it. */
static bool is_block(enum transaction_kind kind)
{
    return kind == TRANSACTION_BLOCK || kind == TRANSACTION_UNBLOCK;
}

/* What a programme plans: where it looks at facts and the intent notes none, the card has lost
 * them.
 */
static bool is_planned(enum transaction_kind kind)
{
    return kind == TRANSACTION_SALE || kind == TRANSACTION_REFUND || kind == TRANSACTION_LOAD ||
           kind == TRANSACTION_UNLOAD || kind == TRANSACTION_EXPIRE;
}

enum st facts_after(struct ledger *ledger, const struct entry_intent *intent,
                    const struct remembered *before, struct remembered *ret)
{
    const struct snapshot *after = &intent->after;
    const struct programme *programme = NULL;
    bool goes_on = false;
    *ret = (struct remembered){.programme = 0};
    enum st st = reckon_programme(ledger, intent->programme, &programme);
    if (st != ST_OK || programme == NULL ||
        after->counter != (intent->has_before ? intent->before.counter + 1 : 1)) {
        return st;
    }
    const struct facts_rules rules = rules_of(programme);
    if (is_block(after->last.kind) && before->programme != 0) {
        st = same_rules(ledger, before->programme, intent->programme, &goes_on);
        goes_on = goes_on && before->facts.counter + 1 == after->counter;
    }
    const struct snapshot *start = intent->has_before ? &intent->before : NULL;
    const bool may_have_lost = is_planned(after->last.kind) && (programme->uses & USES_FACTS) != 0;
    if (has_noted(intent) || goes_on) {
        ret->facts = has_noted(intent) ? intent->occasion.facts : before->facts;
        facts_fold(&rules, start, after, &ret->facts);
    } else if (start == NULL || may_have_lost) {
        facts_restart(&rules, start, after, &ret->facts);
    } else {
        return st; /* nobody looked: the card may have kept them, or lost them and begun anew */
    }
    ret->programme = st == ST_OK ? intent->programme : 0;
    return st;
}

/* The first field in which they differ, and both values. */
static const char *differing(const struct facts *a, const struct facts *b, uint32_t ret_values[2])
{
    const struct {
        const char *name;
        uint32_t a, b;
    } fields[] = {
        {"last day", a->last_day, b->last_day},
        {"visits", a->visits, b->visits},
        {"mean interval", a->interval, b->interval},
        {"mean basket", a->basket, b->basket},
        {"spend", a->spend, b->spend},
        {"points earned", a->earned, b->earned},
        {"points carried", a->carry, b->carry},
        {"expiry period", a->roll, b->roll},
        {"marks of the year", a->marks_year, b->marks_year},
        {"marks for ever", a->marks_ever, b->marks_ever},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].a != fields[i].b) {
            ret_values[0] = fields[i].a;
            ret_values[1] = fields[i].b;
            return fields[i].name;
        }
    }
    return NULL;
}

/* Compares what `item` noted with what the transaction before it left. */
static enum st compare(struct ledger *ledger, const struct remembered *before,
                       const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    uint32_t values[2];
    bool is_comparable = false;
    if (before->programme == 0 || !has_noted(intent) ||
        before->facts.counter != intent->before.counter) {
        return ST_OK;
    }
    const char *name = differing(&intent->occasion.facts, &before->facts, values);
    enum st st = ST_OK;
    if (name != NULL) {
        st = same_rules(ledger, before->programme, intent->programme, &is_comparable);
    }
    if (st != ST_OK || !is_comparable) {
        return st;
    }
    return case_open(ledger, "facts", item, intent->card_number, intent->after.counter,
                     "Transaction %u of card %016llu (entry %u of terminal %u) took the card to "
                     "remember %s %u; its earlier transactions make it %u.",
                     intent->after.counter, (unsigned long long)intent->card_number,
                     item->entry.sequence, item->entry.terminal, name, values[0], values[1]);
}

/* True when the transactions are neighbours: if not, another case is open already. */
static bool leads_to(const struct entry_intent *intent, const struct entry_intent *next)
{
    uint8_t ours[SNAPSHOT_IMAGE_BYTES], theirs[SNAPSHOT_IMAGE_BYTES];
    snapshot_encode(&intent->after, ours);
    snapshot_encode(&next->before, theirs);
    return next->has_before && memcmp(ours, theirs, sizeof ours) == 0;
}

/* Below the card's top: with the transactions before and after it, as far as they are posted. */
static enum st judge_late(struct ledger *ledger, const struct item *item,
                          const struct remembered *after)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct remembered unknown = {.programme = 0};
    struct remembered before = unknown;
    struct item *other = NULL;
    enum st st = posted_item(ledger, intent->after.counter - 1, &other);
    if (st == ST_OK && other != NULL) {
        if (leads_to(&other->entry.intent, intent)) {
            st = facts_after(ledger, &other->entry.intent, &unknown, &before);
        }
        ledger->earlier_count--;
        st = st == ST_OK ? compare(ledger, &before, item) : st;
    }
    if (st == ST_OK) {
        st = posted_item(ledger, intent->after.counter + 1, &other);
    }
    if (st == ST_OK && other != NULL) {
        st = leads_to(intent, &other->entry.intent) ? compare(ledger, after, other) : ST_OK;
        ledger->earlier_count--;
    }
    return st;
}

enum st facts_judge(struct ledger *ledger, const struct item *item, struct remembered *ret)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct card_row *card = &ledger->card;
    uint8_t before[SNAPSHOT_IMAGE_BYTES];
    struct remembered known = {.programme = 0};
    if (intent->has_before && intent->after.counter == card->top + 1) {
        snapshot_encode(&intent->before, before);
        if (memcmp(before, card->image, sizeof before) == 0) {
            known = card->remembered;
        }
    }
    enum st st = compare(ledger, &known, item);
    if (st == ST_OK) {
        st = facts_after(ledger, intent, &known, ret);
    }
    return st == ST_OK && intent->after.counter < card->top ? judge_late(ledger, item, ret) : st;
}
